//! Text comparison for `<`, `less` and sorting: .NET's invariant culture, which is the root order of the Unicode collation
//! algorithm. ASCII only; other text is unknown.

use std::cmp::Ordering;

/// ASCII in its root order; the lower-case letter represents both.
const ORDER: &[u8] =
    b"\t\n\x0b\x0c\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz";

/// The letters from À to ÿ without case and accents; behind `?` what may count as several.
const LATIN: [&str; 64] = [
    "a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i", "?dð", "n",
    "o", "o", "o", "o", "o", "×", "?oø", "u", "u", "u", "u", "y", "?thþ", "ss", "a", "a", "a", "a",
    "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i", "i", "?dð", "n", "o", "o", "o", "o",
    "o", "÷", "?oø", "u", "u", "u", "u", "y", "?thþ", "y",
];

/// Compares two texts; `None` where that depends on more than letters without accents and the case of ASCII.
pub(crate) fn compare(a: &str, b: &str) -> Option<Ordering> {
    if a == b {
        return Some(Ordering::Equal);
    }
    let (x, y) = (weights(a), weights(b));
    for pair in x.iter().zip(&y) {
        let order = (*pair.0)?.cmp(&(*pair.1)?);
        if order.is_ne() {
            return Some(order);
        }
    }
    let common = x.len().min(y.len());
    if let Some(next) = x.get(common).or(y.get(common)) {
        // A character that is not known here may be one that a culture does not see.
        return next.map(|_| x.len().cmp(&y.len()));
    }
    // Lower case first, where only case differs.
    let upper =
        |text: &str| -> Vec<bool> { text.bytes().map(|byte| byte.is_ascii_uppercase()).collect() };
    (a.is_ascii() && b.is_ascii()).then(|| upper(a).cmp(&upper(b)))
}

/// The places of a text's letters and signs in the root order.
fn weights(text: &str) -> Vec<Option<usize>> {
    let mut all = Vec::with_capacity(text.len());
    let weight = |byte: u8| ORDER.iter().position(|c| *c == byte.to_ascii_lowercase());
    for c in text.chars() {
        match c {
            '\0'..='\x7f' => all.push(weight(c as u8)),
            '\u{c0}'..='\u{ff}' => match LATIN[c as usize - 0xc0] {
                several if several.starts_with('?') => all.push(None),
                letters => all.extend(letters.bytes().map(weight)),
            },
            _ => all.push(None),
        }
    }
    all
}

/// Whether a text definitely is nowhere in another by a culture's rules: it has a letter or sign that the other has not,
/// whatever the case and the accents. One of the two must be ASCII; false where it is not sure.
pub(crate) fn never_contains(whole: &str, part: &str) -> bool {
    let one_is_plain = whole.is_ascii() || part.is_ascii();
    match (letters(whole, true), letters(part, false)) {
        (Some(whole), Some(part)) => one_is_plain && part.chars().any(|c| !whole.contains(c)),
        _ => false,
    }
}

/// The letters and signs of a text without case and accents; `None` for characters that are not known here. Of letters that
/// may count as others, all are given or none.
fn letters(text: &str, all_of_them: bool) -> Option<String> {
    let mut all = String::new();
    for c in text.chars() {
        match c {
            ' '..='~' | '\t'..='\r' => all.push(c.to_ascii_lowercase()),
            '\u{c0}'..='\u{ff}' => match LATIN[c as usize - 0xc0].strip_prefix('?') {
                Some(several) if all_of_them => all.push_str(several),
                Some(_) => {}
                None => all.push_str(LATIN[c as usize - 0xc0]),
            },
            '\u{a0}' => all.push(' '),
            'İ' | 'ı' if all_of_them => all.push_str("iı"),
            'İ' | 'ı' => {}
            'ŉ' => all.push_str("'n"),
            'Ǆ'..='ǆ' => all.push_str("dz"),
            'ﬁ' => all.push_str("fi"),
            'ﬃ' => all.push_str("ffi"),
            '\u{300}'..='\u{36f}' | '\u{feff}' => {}
            // Greek, Cyrillic, kana and ideographs, Deseret, emoji: no letter of ASCII's.
            'Α'..='ω' | 'А'..='я' | '\u{3041}'..='\u{30fa}' | '\u{4e00}'..='\u{9fff}' => {
                all.push(c)
            }
            '\u{10400}'..='\u{1044f}' | '\u{1f300}'..='\u{1f64f}' => all.push(c),
            _ => return None,
        }
    }
    Some(all)
}
