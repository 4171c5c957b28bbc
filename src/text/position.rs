//! Converts lines and columns in the three encodings of the language server protocol to byte offsets. [`lines`](super::lines)
//! converts in the other direction.

use ropey::Rope;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::rope_point;

    /// At `byte` the position is `line` and the columns in bytes, UTF-16 units and characters, and back.
    fn check(text: &str, byte: u32, line: u32, columns: [u32; 3]) {
        let rope = Rope::from_str(text);
        let encodings = [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32];
        let point = rope_point(&rope, byte);
        assert_eq!(point.line, line, "{text:?} at {byte}");
        for (encoding, character) in encodings.into_iter().zip(columns) {
            let position = Position { line, character };
            assert_eq!(point.column(encoding), character, "{text:?} at {byte}");
            assert_eq!(offset(&rope, position, encoding), byte, "{text:?}");
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

    /// A position outside its line or the text counts as the nearest one inside.
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
}
