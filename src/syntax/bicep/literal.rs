//! Decodes a string literal from its text alone, without visiting its child nodes.

use std::borrow::Cow;
use std::ops::Range;

/// A string literal, in single quotes or in three. Offsets are bytes from its first.
#[derive(Debug, Clone)]
pub struct Literal<'a> {
    raw: &'a str,
    /// The `$` signs it is opened with, if it is one in three quotes.
    dollars: Option<usize>,
    /// The text between the quotes. Of a literal in three quotes the line end after them is no part.
    pub inner: Range<usize>,
}

impl<'a> Literal<'a> {
    /// From its text, quotes included. Where the quotes that close it are missing, it ends with its text.
    pub fn new(raw: &'a str) -> Self {
        let dollars = raw.bytes().take_while(|b| *b == b'$').count();
        let quotes = &raw[dollars..];
        let Some(body) = quotes.strip_prefix("'''") else {
            let start = usize::from(raw.starts_with('\''));
            let closed = raw.len() > start && raw.ends_with('\'');
            return Literal {
                raw,
                dollars: None,
                inner: start..raw.len() - usize::from(closed),
            };
        };
        let first_line_end = match body.as_bytes() {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            _ => 0,
        };
        let end = body.strip_suffix("'''").unwrap_or(body).len();
        let start = dollars + 3;
        Literal {
            raw,
            dollars: Some(dollars),
            inner: start + first_line_end.min(end)..start + end,
        }
    }

    /// Whether there can be no interpolation in it, by its text: an interpolation has a `${` that the literal takes for one.
    pub fn has_no_interpolation(&self) -> bool {
        self.dollars == Some(0) || !self.raw[self.inner.clone()].contains("${")
    }

    /// What the text of a part states: escapes count in single quotes only. One that Bicep does not know stays as
    /// written.
    pub fn decode(&self, part: Range<usize>) -> Cow<'a, str> {
        let text = self.raw.get(part).unwrap_or("");
        match self.dollars {
            Some(_) => Cow::Borrowed(text),
            None => unescape(text),
        }
    }

    /// Where the text before an interpolation ends, whose first `$` is at `interpolation`: of more `$` than open one, the
    /// first are text.
    pub fn text_before(&self, interpolation: usize) -> usize {
        let rest = self.raw.get(interpolation..).unwrap_or("");
        match self.dollars {
            Some(opener) => {
                let run = rest.bytes().take_while(|b| *b == b'$').count();
                interpolation + run.saturating_sub(opener)
            }
            None => interpolation,
        }
    }
}

fn unescape(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        let (decoded, used) = match escape.as_bytes().first() {
            Some(b'n') => ('\n', 1),
            Some(b'r') => ('\r', 1),
            Some(b't') => ('\t', 1),
            Some(b @ (b'\\' | b'\'' | b'$')) => (char::from(*b), 1),
            Some(b'u') => code_point(escape).unwrap_or(('\\', 0)),
            _ => ('\\', 0),
        };
        out.push(decoded);
        rest = &escape[used..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// `u{…}`: the character, and how many bytes it takes. A number that is no character's gives U+FFFD.
fn code_point(escape: &str) -> Option<(char, usize)> {
    let rest = escape.strip_prefix("u{")?;
    let digits = &rest[..rest.find('}')?];
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let code = u32::from_str_radix(digits, 16).ok();
    let decoded = code.and_then(char::from_u32);
    Some((
        decoded.unwrap_or(char::REPLACEMENT_CHARACTER),
        digits.len() + 3,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_the_quotes() {
        let check = |raw: &str, expect: &str| {
            let literal = Literal::new(raw);
            assert_eq!(literal.decode(literal.inner.clone()), expect, "{raw}");
        };
        check("''", "");
        check("'a'", "a");
        check("'", "");
        check("'a", "a");
        check("", "");
        check(
            r"'\u{41}\u{D800}\u{110000}\u{FFFFFFFFFF}'",
            "A\u{fffd}\u{fffd}\u{fffd}",
        );
        check(r"'\x\u{}\u{g}\u{41\'", r"\x\u{}\u{g}\u{41\");
        check("''''''", "");
        check("'''\n'''", "");
        check("'''\r\n\r\n'''", "\r\n");
        check("'''a''''", "a'");
        check("'''a", "a");
        check("$$'''\\n'''", "\\n");
        check("$", "$");
    }

    #[test]
    fn surplus_dollars_before_a_hole_are_text() {
        let check = |raw: &str, interpolation: usize, expect: usize| {
            assert_eq!(
                Literal::new(raw).text_before(interpolation),
                expect,
                "{raw}"
            );
        };
        check("'a${b}'", 2, 2);
        check("$'''${b}'''", 4, 4);
        check("$'''$$${b}'''", 4, 6);
        check("$$'''$$${b}'''", 5, 6);
    }
}
