//! How text compares: `<`, `less` and sorting follow .NET's invariant culture, the root order of the Unicode collation
//! algorithm, here for ASCII.

use std::cmp::Ordering;

/// ASCII in its root order; the lower-case letter stands for both.
const ORDER: &[u8] =
    b"\t\n\x0b\x0c\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz";

/// Compares two texts; `None` beyond ASCII, and where control characters are to be ignored.
pub(crate) fn compare(a: &str, b: &str) -> Option<Ordering> {
    if a == b {
        return Some(Ordering::Equal);
    }
    let primary = |text: &str| -> Option<Vec<usize>> {
        let weight = |byte: u8| ORDER.iter().position(|c| *c == byte.to_ascii_lowercase());
        text.bytes().map(weight).collect()
    };
    // Lower case first, where only case differs.
    let tertiary = |text: &str| -> Vec<bool> {
        let upper = |byte: u8| byte.is_ascii_uppercase();
        text.bytes().map(upper).collect()
    };
    let order = primary(a)?.cmp(&primary(b)?);
    Some(order.then_with(|| tertiary(a).cmp(&tertiary(b))))
}
