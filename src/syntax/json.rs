//! Decodes strings of JSON and maps offsets in the decoded text to the file: ARM expressions are inside JSON strings.

use std::borrow::Cow;

use tree_sitter::{Node, Tree};

use super::SyntaxError;
use crate::text::{Source, Span};

/// A string of JSON, decoded, with the way back to its source.
///
/// Offsets on the source side are bytes from the start of the token, that is, from its opening quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedString<'a> {
    /// The text; borrowed when there is no escape. A lone surrogate becomes U+FFFD.
    pub text: Cow<'a, str>,
    escapes: Vec<Escape>,
    /// The escapes that JSON does not know, in the token's bytes. Such an escape represents U+FFFD, so that no name that
    /// is misspelt with one is taken for a good one.
    pub invalid_escapes: Vec<Span>,
}

/// Where one escape is in the source and where its character is in the decoded text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Escape {
    source: Span,
    decoded: Span,
}

impl DecodedString<'_> {
    /// The byte in the token at which the decoded text's byte `offset` comes from. An offset inside the character of
    /// an escape leads to the escape's backslash; the end of the text leads to the closing quote.
    pub fn source_offset(&self, offset: u32) -> u32 {
        let after = self
            .escapes
            .partition_point(|escape| escape.decoded.start <= offset);
        match after.checked_sub(1).and_then(|last| self.escapes.get(last)) {
            None => offset.saturating_add(1),
            Some(escape) if offset < escape.decoded.end => escape.source.start,
            Some(escape) => escape.source.end + (offset - escape.decoded.end),
        }
    }

    /// The bytes of the token that a span of the decoded text comes from: whole escapes, never a part of one.
    pub fn source_span(&self, span: Span) -> Span {
        let start = self.source_offset(span.start);
        let mut end = self.source_offset(span.end);
        let at = self
            .escapes
            .partition_point(|escape| escape.source.start < end);
        if let Some(escape) = self
            .escapes
            .get(at)
            .filter(|escape| escape.source.start == end && escape.decoded.start < span.end)
        {
            end = escape.source.end;
        }
        Span::new(start, end)
    }
}

/// Decodes a string token, quotes included. A token without its quotes (a broken one) is read as far as it goes.
pub fn decode_string(token: &str) -> DecodedString<'_> {
    let mark = token.chars().next().filter(|c| matches!(c, '"' | '\''));
    let quote = usize::from(mark.is_some());
    let body = &token[quote..];
    let closed =
        mark.is_some_and(|mark| body.ends_with(mark)) && !ends_in_escape(&body[..body.len() - 1]);
    let body = if closed {
        &body[..body.len() - 1]
    } else {
        body
    };
    let mut decoded = DecodedString {
        text: Cow::Borrowed(body),
        escapes: Vec::new(),
        invalid_escapes: Vec::new(),
    };
    let Some(first) = memchr::memchr(b'\\', body.as_bytes()) else {
        return decoded;
    };
    let mut text = String::with_capacity(body.len());
    text.push_str(&body[..first]);
    let mut at = first;
    loop {
        let (character, length, valid) = decode_escape(&body[at..]);
        let source = Span::new((at + quote) as u32, (at + quote + length) as u32);
        let start = text.len() as u32;
        if let Some(character) = character {
            text.push(character);
        }
        if !valid {
            decoded.invalid_escapes.push(source);
        }
        decoded.escapes.push(Escape {
            source,
            decoded: Span::new(start, text.len() as u32),
        });
        at += length;
        match memchr::memchr(b'\\', &body.as_bytes()[at..]) {
            Some(next) => {
                text.push_str(&body[at..at + next]);
                at += next;
            }
            None => {
                text.push_str(&body[at..]);
                break;
            }
        }
    }
    decoded.text = Cow::Owned(text);
    decoded
}

/// The whole number that a token states: `010` is to the base 8, `0x10` to the base 16. None where it is no whole number of
/// 64 bits.
pub fn integer(token: &str) -> Option<i64> {
    match token.as_bytes() {
        [b'0', b'x' | b'X', ..] => i64::from_str_radix(&token[2..], 16).ok(),
        [b'0', b'0'..=b'7', ..] => i64::from_str_radix(token, 8).ok(),
        _ => token.parse().ok(),
    }
}

/// Whether an odd number of backslashes ends the text, so that what follows is escaped.
fn ends_in_escape(text: &str) -> bool {
    text.bytes().rev().take_while(|&b| b == b'\\').count() % 2 == 1
}

/// The character of the escape that the text begins with (none after a lone backslash at the end), the escape's length
/// in bytes, and whether JSON knows it.
fn decode_escape(text: &str) -> (Option<char>, usize, bool) {
    let Some(letter) = text[1..].chars().next() else {
        return (None, 1, false);
    };
    let simple = match letter {
        '"' | '\'' | '\\' | '/' => letter,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return decode_unicode_escape(text),
        other => {
            return (
                Some(char::REPLACEMENT_CHARACTER),
                1 + other.len_utf8(),
                false,
            );
        }
    };
    (Some(simple), 2, true)
}

/// `\uXXXX`, or two of them that make one character.
fn decode_unicode_escape(text: &str) -> (Option<char>, usize, bool) {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        let all_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
        all_hex.then(|| u32::from_str_radix(digits, 16).ok())?
    };
    let Some(first) = unit(0) else {
        return (Some(char::REPLACEMENT_CHARACTER), 2, false);
    };
    if let Some(character) = char::from_u32(first) {
        return (Some(character), 6, true);
    }
    match unit(6) {
        Some(second) if first < 0xDC00 && (0xDC00..0xE000).contains(&second) => {
            let character = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            (char::from_u32(character), 12, true)
        }
        _ => (Some(char::REPLACEMENT_CHARACTER), 6, true),
    }
}

/// What a strict reader of JSON stops at though the tree has no error: commas before a closing bracket.
///
/// Templates with such things are deployed every day by tools that read on over them, so they keep no file from being
/// checked.
pub fn strict_errors(tree: &Tree, text: &(impl Source + ?Sized)) -> Vec<SyntaxError> {
    let commas = trailing_commas(tree, text).into_iter();
    let error = |span| SyntaxError {
        span,
        message: "a comma before a closing bracket".to_owned(),
    };
    commas.map(error).collect()
}

/// The commas that come before a closing bracket.
///
/// The text is searched, not the tree: a template of megabytes seldom holds one.
fn trailing_commas(tree: &Tree, text: &(impl Source + ?Sized)) -> Vec<Span> {
    let mut found = Vec::new();
    let mut comma = None;
    let mut at = 0;
    loop {
        let chunk = text.chunk(at);
        if chunk.is_empty() {
            return found;
        }
        for (index, &byte) in chunk.iter().enumerate() {
            match byte {
                b',' => comma = Some(at + index),
                b' ' | b'\t' | b'\r' | b'\n' => {}
                // A comment may be between; the tree decides.
                b'/' if comma.is_some() => {
                    found.extend(comma.take().and_then(|byte| trailing_comma_at(tree, byte)));
                }
                b']' | b'}' => {
                    found.extend(comma.take().and_then(|byte| trailing_comma_at(tree, byte)));
                }
                _ => comma = None,
            }
        }
        at += chunk.len();
    }
}

fn trailing_comma_at(tree: &Tree, byte: usize) -> Option<Span> {
    let node: Node<'_> = tree.root_node().descendant_for_byte_range(byte, byte + 1)?;
    (node.kind() == "trailing_comma").then(|| Span::of(byte..byte + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The decoded text of a token, and the source text that the decoded text's part `of` comes from.
    fn check(token: &str, text: &str, of: &str, source: &str) {
        let decoded = decode_string(token);
        assert_eq!(decoded.text, text, "{token}");
        let start = text.find(of).expect("the part stands in the text") as u32;
        let span = decoded.source_span(Span::new(start, start + of.len() as u32));
        assert_eq!(&token[span.range()], source, "{token}: {of}");
    }

    #[test]
    fn strings_decode_and_lead_back() {
        check(r#""plain""#, "plain", "lai", "lai");
        check(r#""""#, "", "", "");
        check(r#""a\"b""#, "a\"b", "\"", r#"\""#);
        check(r#""a\"b""#, "a\"b", "b", "b");
        check(
            r#""[parameters(\u0027x\u0027)]""#,
            "[parameters('x')]",
            "'x'",
            r"\u0027x\u0027",
        );
        check(
            r#""[parameters(\u0027x\u0027)]""#,
            "[parameters('x')]",
            ")]",
            ")]",
        );
        check(r#""\ud83d\ude00!""#, "😀!", "😀", r"\ud83d\ude00");
        check(r#""\ud83d\ude00!""#, "😀!", "!", "!");
        check("\"a\r\n\tb\"", "a\r\n\tb", "\n\t", "\n\t");
        check(r#""\\\\""#, r"\\", r"\\", r"\\\\");
        check(r#""\b\f\n\r\t\/""#, "\u{8}\u{c}\n\r\t/", "\r\t", r"\r\t");
        check(r#""日\u672C語""#, "日本語", "本語", r"\u672C語");
    }

    #[test]
    fn what_is_wrong_in_a_string_does_not_stop_its_reading() {
        let check = |token: &str, text: &str, invalid: &[&str]| {
            let decoded = decode_string(token);
            assert_eq!(decoded.text, text, "{token}");
            let found: Vec<&str> = decoded
                .invalid_escapes
                .iter()
                .map(|span| &token[span.range()])
                .collect();
            assert_eq!(found, invalid, "{token}");
        };
        // A lone surrogate is legal JSON and no character.
        check(r#""\ud83d""#, "\u{fffd}", &[]);
        check(r#""\ude00x""#, "\u{fffd}x", &[]);
        check(r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀", &[]);
        check(r#""\x41""#, "\u{fffd}41", &[r"\x"]);
        check(r#""\u12""#, "\u{fffd}12", &[r"\u"]);
        check(r#""\u+123""#, "\u{fffd}+123", &[r"\u"]);
        check(r#""\é""#, "\u{fffd}", &[r"\é"]);
        // Without its closing quote, as the grammar gives a broken string.
        check(r#""abc"#, "abc", &[]);
        check(r#""abc\"#, "abc", &[r"\"]);
        check(r#""abc\""#, "abc\"", &[]);
        check("\"", "", &[]);
    }

    #[test]
    fn trailing_commas_are_found_where_the_tree_has_them() {
        let check = |text: &str, expected: &[u32]| {
            let tree = crate::syntax::parse(crate::syntax::json(), text, None);
            assert!(!tree.root_node().has_error(), "{text}");
            let found: Vec<u32> = trailing_commas(&tree, text)
                .iter()
                .map(|s| s.start)
                .collect();
            assert_eq!(found, expected, "{text}");
        };
        check(r#"{"a": [1, 2]}"#, &[]);
        check("{\"a\": [1, 2,\n ],}", &[11, 15]);
        check("[1, // ]\n 2, /* , */ ]", &[11]);
        check(r#"[",]"]"#, &[]);
        check(r#"[1, "/"]"#, &[]);
    }

    #[test]
    fn what_azure_reads_and_what_it_refuses() {
        let errors = |text: &str| {
            let tree = crate::syntax::parse(crate::syntax::json(), text, None);
            crate::syntax::syntax_errors(&tree, text).len()
        };
        for good in [
            "{a: 'it\"s', 'b': \"'\", \"c\": undefined}",
            "[010, 0x1F, -01, 1., -.5, NaN, -Infinity]",
            "\u{2028}[\u{85}\"\\'\",\u{3000}1\0]",
            "{\"a\": /* c */ 1} // d",
        ] {
            assert_eq!(errors(good), 0, "{good}");
        }
        for bad in [
            r#"["\q"]"#,
            r#"["\u12"]"#,
            "{\"a\" /* c */: 1}",
            "{\"a\" // c\n: 1}",
            "[+1]",
            "[08]",
            "[1_0]",
            "[Null]",
            "[1\u{200b}]",
        ] {
            assert_eq!(errors(bad), 1, "{bad}");
        }
        assert_eq!(
            ["010", "0x1F", "-010", "1.0"].map(integer),
            [Some(8), Some(31), Some(-10), None]
        );
    }
}
