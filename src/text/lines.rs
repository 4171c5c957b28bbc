//! Converts byte offsets to lines and columns in all encodings. The cost of a conversion does not depend on the number of
//! lines or their length.

use std::sync::Arc;

use ropey::Rope;

use super::Encoding;

/// A position in a file with its column in every encoding, so that no text is needed to convert it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Point {
    /// Line from 0.
    pub line: u32,
    /// Column in bytes.
    pub utf8: u32,
    /// Column in UTF-16 units.
    pub utf16: u32,
    /// Column in characters.
    pub utf32: u32,
}

impl Point {
    /// The column in an encoding.
    pub fn column(self, encoding: Encoding) -> u32 {
        match encoding {
            Encoding::Utf8 => self.utf8,
            Encoding::Utf16 => self.utf16,
            Encoding::Utf32 => self.utf32,
        }
    }
}

/// Bytes of a line between two places at which its columns are known: a file may be one line of many megabytes.
const STEP: usize = 4096;

/// A place at which the columns are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    offset: usize,
    /// Bytes, UTF-16 units and characters of the line before it.
    at: Point,
}

/// A text and where its lines begin. Lines end with LF, CRLF or CR.
#[derive(Debug)]
pub struct Lines {
    text: Arc<str>,
    /// Each line's beginning and further places in long ones, in order.
    marks: Vec<Mark>,
}

impl Lines {
    /// Looks at the whole text once.
    pub fn new(text: Arc<str>) -> Self {
        let bytes = text.as_bytes();
        let mut marks = vec![Mark {
            offset: 0,
            at: Point::default(),
        }];
        let mut ends = memchr::memchr2_iter(b'\n', b'\r', bytes)
            // The LF of a CRLF ends the line, its CR does not.
            .filter(|&at| bytes[at] == b'\n' || bytes.get(at + 1) != Some(&b'\n'))
            .map(|at| at + 1);
        let mut line = 0;
        let mut start = 0;
        loop {
            let next = ends.next();
            let end = next.unwrap_or(bytes.len());
            let mut last = marks[marks.len() - 1];
            while end - start > STEP && last.offset + STEP < end {
                let offset = floor(&text, last.offset + STEP);
                last = Mark {
                    offset,
                    at: further(last.at, &text[last.offset..offset]),
                };
                marks.push(last);
            }
            let Some(next) = next else { break };
            line += 1;
            start = next;
            let at = Point {
                line,
                ..Point::default()
            };
            marks.push(Mark { offset: next, at });
        }
        Lines { text, marks }
    }

    /// The position of a byte offset. One beyond the end is the end; one within a character is its beginning.
    pub fn point(&self, offset: u32) -> Point {
        let offset = floor(&self.text, (offset as usize).min(self.text.len()));
        let after = self.marks.partition_point(|mark| mark.offset <= offset);
        let mark = self.marks[after.saturating_sub(1)];
        further(mark.at, &self.text[mark.offset..offset])
    }
}

fn floor(text: &str, mut offset: usize) -> usize {
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

fn further(at: Point, text: &str) -> Point {
    Point {
        line: at.line,
        utf8: at.utf8 + text.len() as u32,
        utf16: at.utf16 + text.encode_utf16().count() as u32,
        utf32: at.utf32 + text.chars().count() as u32,
    }
}

/// The position of a byte offset in a rope, which keeps these counts itself.
pub fn rope_point(text: &Rope, offset: u32) -> Point {
    let offset = (offset as usize).min(text.len_bytes());
    let line = text.byte_to_line(offset);
    let start = text.line_to_byte(line);
    let (before, here) = (text.byte_to_char(start), text.byte_to_char(offset));
    Point {
        line: line as u32,
        utf8: (text.char_to_byte(here) - start) as u32,
        utf16: (text.char_to_utf16_cu(here) - text.char_to_utf16_cu(before)) as u32,
        utf32: (here - before) as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counted from the beginning, a character at a time.
    fn slowly(text: &str, offset: usize) -> Point {
        let mut point = Point::default();
        let mut chars = text.char_indices().peekable();
        while let Some((at, char)) = chars.next() {
            if at + char.len_utf8() > offset {
                break;
            }
            let crlf = char == '\r' && chars.peek().is_some_and(|(_, next)| *next == '\n');
            if matches!(char, '\n' | '\r') && !crlf {
                let line = point.line + 1;
                point = Point {
                    line,
                    ..Point::default()
                };
            } else {
                point.utf8 += char.len_utf8() as u32;
                point.utf16 += char.len_utf16() as u32;
                point.utf32 += 1;
            }
        }
        point
    }

    #[test]
    fn points_are_counted_as_by_hand() {
        let long = "a\u{1F600}\u{e9}".repeat(STEP);
        for text in [
            "",
            "a\r\nb\u{1F600}c\rd\n",
            "\n\n\r\r\n",
            &long,
            &format!("x\n{long}\r\n{long}"),
        ] {
            let lines = Lines::new(text.into());
            let rope = Rope::from_str(text);
            let step = 1 + text.len() / 300;
            for offset in (0..=text.len() + 3).step_by(step) {
                let want = slowly(text, offset);
                assert_eq!(lines.point(offset as u32), want, "at {offset}");
                assert_eq!(
                    rope_point(&rope, offset as u32),
                    want,
                    "at {offset} of a rope"
                );
            }
        }
    }
}
