//! Detects a file's style: indentation, line ends, quotes.

use crate::text::Span;

/// The habits of a file, or of the place in it where something is inserted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Style {
    /// `\n`, `\r\n` or `\r`.
    pub(crate) newline: &'static str,
    /// One level of indentation.
    pub(crate) indent: String,
}

impl Style {
    /// The habits of a text; of an empty one, the usual ones. Where line ends are mixed, those around `at` count.
    pub(crate) fn of(text: &str, at: u32) -> Style {
        Style {
            newline: newline_near(text, at as usize),
            indent: indent_unit(text),
        }
    }
}

fn newline_at(bytes: &[u8], at: usize) -> Option<&'static str> {
    match (bytes.get(at)?, bytes.get(at + 1)) {
        (b'\r', Some(b'\n')) => Some("\r\n"),
        (b'\n', _) if at > 0 && bytes[at - 1] == b'\r' => Some("\r\n"),
        (b'\n', _) => Some("\n"),
        (b'\r', _) => Some("\r"),
        _ => None,
    }
}

fn newline_near(text: &str, at: usize) -> &'static str {
    let bytes = text.as_bytes();
    let at = at.min(bytes.len());
    let is_break = |b: &u8| matches!(b, b'\n' | b'\r');
    let before = bytes[..at].iter().rposition(is_break);
    let after = bytes[at..].iter().position(is_break).map(|i| at + i);
    let found = after.or(before).and_then(|i| newline_at(bytes, i));
    found.unwrap_or("\n")
}

/// The first byte of the line that holds `at`, behind a byte order mark.
pub(crate) fn line_start(text: &str, at: u32) -> u32 {
    let before = text.as_bytes().get(..at as usize).unwrap_or_default();
    let found = before.iter().rposition(|b| matches!(b, b'\n' | b'\r'));
    let mark = if text.starts_with('\u{feff}') { 3 } else { 0 };
    found.map_or(mark.min(at), |i| i as u32 + 1)
}

/// The end of the line that holds `at`, before its line end.
pub(crate) fn line_end(text: &str, at: u32) -> u32 {
    let rest = text.as_bytes().get(at as usize..).unwrap_or_default();
    let found = rest.iter().position(|b| matches!(b, b'\n' | b'\r'));
    found.map_or(text.len() as u32, |i| at + i as u32)
}

/// The blanks that the line of `at` begins with.
pub(crate) fn indent_at(text: &str, at: u32) -> &str {
    let start = line_start(text, at) as usize;
    let rest = text.get(start..).unwrap_or_default();
    let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    &rest[..blanks]
}

/// Whether a span holds no line end.
pub(crate) fn on_one_line(text: &str, span: Span) -> bool {
    !text
        .get(span.range())
        .unwrap_or_default()
        .contains(['\n', '\r'])
}

/// The commonest step from a line that opens a bracket to the next one.
fn indent_unit(text: &str) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    let mut opened: Option<&str> = None;
    for line in text.lines().take(5_000) {
        let body = line.trim_start_matches([' ', '\t']);
        if body.trim_end().is_empty() {
            continue;
        }
        let blanks = &line[..line.len() - body.len()];
        if let Some(step) = opened.and_then(|outer| blanks.strip_prefix(outer))
            && !step.is_empty()
        {
            match counts.iter_mut().find(|(known, _)| *known == step) {
                Some((_, count)) => *count += 1,
                None => counts.push((step, 1)),
            }
        }
        opened = body.trim_end().ends_with(['{', '[']).then_some(blanks);
    }
    let best = counts.iter().rev().max_by_key(|(_, count)| *count);
    best.map_or("  ", |(step, _)| step).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indentation_is_what_most_brackets_do() {
        let check = |text: &str, unit: &str| assert_eq!(indent_unit(text), unit, "{text}");
        check("", "  ");
        check("a {\n  b\n}", "  ");
        check("a {\n\tb {\n\t\tc\n\t}\n}", "\t");
        check("a {\r\n    b\r\n}", "    ");
        check("a {\n    b {\n      c\n    d {\n        e", "    ");
        check("a {\n\n // x\n}", " ");
    }

    #[test]
    fn the_line_end_nearby_counts() {
        let check = |text: &str, at: u32, newline: &str| {
            assert_eq!(Style::of(text, at).newline, newline, "{text:?}");
        };
        check("", 0, "\n");
        check("a\r\nb\r\n", 1, "\r\n");
        check("a\r\nb", 4, "\r\n");
        check("a\nb\r\nc", 3, "\r\n");
        check("a\nb\r\nc", 0, "\n");
        check("a\rb", 0, "\r");
    }

    #[test]
    fn lines_are_found() {
        let text = "ab\r\n  cd\nef";
        assert_eq!((line_start(text, 7), line_end(text, 7)), (4, 8));
        assert_eq!((line_start(text, 0), line_end(text, 0)), (0, 2));
        assert_eq!(line_start("\u{feff}ab", 4), 3);
        assert_eq!((line_start(text, 11), line_end(text, 11)), (9, 11));
        assert_eq!(indent_at(text, 7), "  ");
    }
}
