//! Lines and columns, in the three encodings of the language server protocol.

use ropey::Rope;

use super::{Source, Span};

/// What a column counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Encoding {
    /// Bytes.
    Utf8,
    /// UTF-16 code units: the protocol's default.
    #[default]
    Utf16,
    /// Characters.
    Utf32,
}

/// A place as an editor counts: line and column from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column, in units of the encoding in force.
    pub character: u32,
}

/// A half-open range of positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Range {
    /// First.
    pub start: Position,
    /// One past the last.
    pub end: Position,
}

/// The position of a byte offset in a rope. An offset inside a character counts as its start, one inside a CRLF as
/// the end of its line, one beyond the end as the end.
pub fn position(text: &Rope, offset: u32, encoding: Encoding) -> Position {
    let char = text.byte_to_char((offset as usize).min(text.len_bytes()));
    let line = text.char_to_line(char);
    let char = char.min(content_end(text, line));
    let start = text.line_to_char(line);
    let character = match encoding {
        Encoding::Utf8 => text.char_to_byte(char) - text.char_to_byte(start),
        Encoding::Utf16 => text.char_to_utf16_cu(char) - text.char_to_utf16_cu(start),
        Encoding::Utf32 => char - start,
    };
    Position {
        line: line as u32,
        character: character as u32,
    }
}

/// The byte offset of a position, clamped to the line and the text. A column inside a character counts as its start.
pub fn offset(text: &Rope, position: Position, encoding: Encoding) -> u32 {
    let line = position.line as usize;
    if line >= text.len_lines() {
        return text.len_bytes() as u32;
    }
    let column = position.character as usize;
    let start = text.line_to_char(line);
    let end = content_end(text, line);
    let char = match encoding {
        Encoding::Utf8 => {
            let byte = text.char_to_byte(start) + column;
            text.byte_to_char(byte.min(text.len_bytes()))
        }
        Encoding::Utf16 => {
            let unit = text.char_to_utf16_cu(start) + column;
            text.utf16_cu_to_char(unit.min(text.len_utf16_cu()))
        }
        Encoding::Utf32 => start + column,
    };
    text.char_to_byte(char.min(end)) as u32
}

/// The character index at which a line ends, its line break left out.
fn content_end(text: &Rope, line: usize) -> usize {
    if line + 1 >= text.len_lines() {
        return text.len_chars();
    }
    let start = text.line_to_char(line);
    let next = text.line_to_char(line + 1);
    let crlf = next >= start + 2 && text.char(next - 1) == '\n' && text.char(next - 2) == '\r';
    if crlf { next - 2 } else { next - 1 }
}

/// The range of a span.
pub fn range(text: &Rope, span: Span, encoding: Encoding) -> Range {
    Range {
        start: position(text, span.start, encoding),
        end: position(text, span.end, encoding),
    }
}

/// The range of a span in text that is not a rope (a closed file): scans lines, LSP line ends (LF, CRLF, CR).
pub fn range_in<S: Source + ?Sized>(text: &S, span: Span, encoding: Encoding) -> Range {
    Range {
        start: position_in(text, span.start, encoding),
        end: position_in(text, span.end, encoding),
    }
}

fn position_in<S: Source + ?Sized>(text: &S, offset: u32, encoding: Encoding) -> Position {
    let offset = (offset as usize).min(text.len());
    let (mut line, mut start, mut at) = (0, 0, 0);
    // A CR ends its line at once; an LF that follows it moves the start of the next line by one.
    let mut after_cr = false;
    while at < offset {
        let chunk = text.chunk(at);
        let chunk = &chunk[..chunk.len().min(offset - at)];
        if chunk.is_empty() {
            break;
        }
        for index in memchr::memchr2_iter(b'\n', b'\r', chunk) {
            let second = chunk[index] == b'\n' && after_cr && at + index == start;
            line += u32::from(!second);
            start = at + index + 1;
            after_cr = chunk[index] == b'\r';
        }
        at += chunk.len();
    }
    if after_cr && start == offset && text.chunk(offset).first() == Some(&b'\n') {
        // Between the CR and the LF of one line break: the end of the line, as in a rope.
        return position_in(text, offset as u32 - 1, encoding);
    }
    let before = text.slice(Span::of(start..offset));
    // A cut character is decoded as U+FFFD; the offset then counts as the character's start.
    let cut = matches!(text.chunk(offset).first(), Some(0x80..=0xBF));
    let whole = if cut {
        before.trim_end_matches('\u{FFFD}')
    } else {
        &before
    };
    let character = match encoding {
        Encoding::Utf8 => whole.len(),
        Encoding::Utf16 => whole.encode_utf16().count(),
        Encoding::Utf32 => whole.chars().count(),
    };
    Position {
        line,
        character: character as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At `byte` the position is `line` and the columns in bytes, UTF-16 units and characters: in a rope and in plain
    /// text, and back.
    fn check(text: &str, byte: u32, line: u32, columns: [u32; 3]) {
        let rope = Rope::from_str(text);
        let encodings = [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32];
        for (encoding, character) in encodings.into_iter().zip(columns) {
            let want = Position { line, character };
            let note = format!("{text:?} at {byte}, {encoding:?}");
            assert_eq!(position(&rope, byte, encoding), want, "rope {note}");
            let span = Span::new(byte, byte);
            assert_eq!(range_in(text, span, encoding).start, want, "plain {note}");
            assert_eq!(offset(&rope, want, encoding), byte, "back {note}");
        }
    }

    #[test]
    fn columns_in_every_encoding() {
        let text = "a\u{e9}\u{4e2d}\u{1F600}z";
        check(text, 0, 0, [0, 0, 0]);
        check(text, 1, 0, [1, 1, 1]);
        check(text, 3, 0, [3, 2, 2]);
        check(text, 6, 0, [6, 3, 3]);
        check(text, 10, 0, [10, 5, 4]);
        check(text, 11, 0, [11, 6, 5]);
        check("", 0, 0, [0, 0, 0]);
    }

    #[test]
    fn lines_end_with_lf_crlf_and_cr_only() {
        let text = "a\nb\r\nc\rd\u{2028}e\u{b}f\u{c}g\u{85}h\n";
        check(text, 2, 1, [0, 0, 0]);
        check(text, 5, 2, [0, 0, 0]);
        check(text, 7, 3, [0, 0, 0]);
        check(text, 11, 3, [4, 2, 2]);
        check(text, 18, 3, [11, 8, 8]);
        check(text, 20, 4, [0, 0, 0]);
        check("\n\r\r\n", 4, 3, [0, 0, 0]);
        check("\r\r", 1, 1, [0, 0, 0]);
    }

    /// Offsets that stand for another one.
    fn clamps(text: &str, byte: u32, want: (u32, u32)) {
        let rope = Rope::from_str(text);
        let want = Position {
            line: want.0,
            character: want.1,
        };
        assert_eq!(position(&rope, byte, Encoding::Utf16), want, "rope {byte}");
        let span = Span::new(byte, byte);
        assert_eq!(
            range_in(text, span, Encoding::Utf16).start,
            want,
            "plain {byte}"
        );
    }

    #[test]
    fn offsets_between_places_count_as_the_place_before() {
        clamps("a\r\nb", 2, (0, 1));
        clamps("a\u{1F600}b", 3, (0, 1));
        clamps("a\u{1F600}b", 99, (0, 4));
        clamps("a\n", 99, (1, 0));
    }

    /// Positions that stand for another one.
    fn clamped(text: &str, encoding: Encoding, at: (u32, u32), want: u32) {
        let position = Position {
            line: at.0,
            character: at.1,
        };
        let got = offset(&Rope::from_str(text), position, encoding);
        assert_eq!(got, want, "{text:?} {at:?} {encoding:?}");
    }

    #[test]
    fn positions_beyond_line_and_text() {
        for encoding in [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32] {
            clamped("ab\r\ncd\n", encoding, (0, 9), 2);
            clamped("ab\r\ncd\n", encoding, (0, 3), 2);
            clamped("ab\r\ncd\n", encoding, (1, u32::MAX), 6);
            clamped("ab\r\ncd\n", encoding, (2, 5), 7);
            clamped("ab\r\ncd\n", encoding, (3, 0), 7);
            clamped("ab", encoding, (u32::MAX, u32::MAX), 2);
            clamped("", encoding, (1, 1), 0);
        }
        clamped("\u{1F600}", Encoding::Utf16, (0, 1), 0);
        clamped("\u{1F600}", Encoding::Utf8, (0, 3), 0);
    }

    /// Rope and plain text agree at every offset of a long text that lies in many chunks, and the way back is exact.
    #[test]
    fn rope_and_plain_text_agree() {
        let text = "p\u{e9}\r\n\u{1F600}\rqq\n\n\u{4e2d}".repeat(200);
        let rope = Rope::from_str(&text);
        for encoding in [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32] {
            for byte in (0..=text.len() as u32).step_by(7) {
                let at = position(&rope, byte, encoding);
                let span = Span::new(byte, byte);
                assert_eq!(range_in(text.as_str(), span, encoding).start, at, "{byte}");
                assert_eq!(range_in(&rope, span, encoding).start, at, "{byte}");
                let back = offset(&rope, at, encoding);
                let between = !text.is_char_boundary(byte as usize)
                    || (text.as_bytes().get(byte as usize) == Some(&b'\n')
                        && text.as_bytes()[..byte as usize].ends_with(b"\r"));
                assert_eq!(back == byte, !between, "{byte}");
            }
        }
    }
}
