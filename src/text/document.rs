//! An open document: its text as a rope, its version, and how edits are applied.

use ropey::Rope;

use super::{Encoding, Range, Span, position};

/// A change as an editor sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextChange {
    /// What is replaced; `None` replaces everything.
    pub range: Option<Range>,
    /// By what.
    pub text: String,
}

/// An edit in bytes, as the parser wants it: `old` was replaced by `new_len` bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edit {
    /// The bytes replaced, in the text before.
    pub old: Span,
    /// The length of what replaced them.
    pub new_len: u32,
}

/// A document that an editor holds open.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its text.
    pub text: Rope,
    /// Its version as the editor counts.
    pub version: i32,
}

impl Document {
    /// A document as opened.
    pub fn new(text: &str, version: i32) -> Self {
        Document {
            text: Rope::from_str(text),
            version,
        }
    }

    /// Applies changes in order, each against the text the previous left; returns them in bytes. Positions out of
    /// bounds are clamped.
    pub fn apply(&mut self, changes: &[TextChange], encoding: Encoding, version: i32) -> Vec<Edit> {
        self.version = version;
        let edits = changes.iter();
        edits
            .map(|change| match change.range {
                Some(range) => self.replace(range, &change.text, encoding),
                None => self.replace_all(&change.text),
            })
            .collect()
    }

    fn replace(&mut self, range: Range, with: &str, encoding: Encoding) -> Edit {
        let start = position::offset(&self.text, range.start, encoding);
        let end = position::offset(&self.text, range.end, encoding);
        // A client that sends the ends the wrong way round still means the text between them.
        let old = Span::new(start.min(end), start.max(end));
        let first = self.text.byte_to_char(old.start as usize);
        if !old.is_empty() {
            let last = self.text.byte_to_char(old.end as usize);
            self.text.remove(first..last);
        }
        if !with.is_empty() {
            self.text.insert(first, with);
        }
        Edit {
            old,
            new_len: with.len() as u32,
        }
    }

    fn replace_all(&mut self, with: &str) -> Edit {
        let old = Span::of(0..self.text.len_bytes());
        self.text = Rope::from_str(with);
        Edit {
            old,
            new_len: with.len() as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Position;

    /// A change by `(line, column, line, column)`.
    fn change(range: (u32, u32, u32, u32), text: &str) -> TextChange {
        let at = |line, character| Position { line, character };
        TextChange {
            range: Some(Range {
                start: at(range.0, range.1),
                end: at(range.2, range.3),
            }),
            text: text.to_owned(),
        }
    }

    fn whole(text: &str) -> TextChange {
        TextChange {
            range: None,
            text: text.to_owned(),
        }
    }

    /// Applies changes and compares the text and the byte edits; the byte edits, applied to the text before, must
    /// give the same text.
    fn check(before: &str, changes: &[TextChange], after: &str, edits: &[(u32, u32, u32)]) {
        check_in(Encoding::Utf16, before, changes, after, edits);
    }

    fn check_in(
        encoding: Encoding,
        before: &str,
        changes: &[TextChange],
        after: &str,
        edits: &[(u32, u32, u32)],
    ) {
        let mut document = Document::new(before, 1);
        let got = document.apply(changes, encoding, 7);
        assert_eq!(document.text.to_string(), after);
        assert_eq!(document.version, 7);
        let got: Vec<_> = got
            .iter()
            .map(|edit| (edit.old.start, edit.old.end, edit.new_len))
            .collect();
        assert_eq!(got, edits, "edits of {before:?}");
        let mut replayed = before.to_owned();
        for ((start, end, _), change) in got.into_iter().zip(changes) {
            replayed.replace_range(start as usize..end as usize, &change.text);
        }
        assert_eq!(replayed, after, "bytes replayed");
    }

    #[test]
    fn one_change() {
        check("abc", &[change((0, 1, 0, 2), "xyz")], "axyzc", &[(1, 2, 3)]);
        check("abc", &[change((0, 3, 0, 3), "d")], "abcd", &[(3, 3, 1)]);
        check("abc", &[change((0, 0, 0, 3), "")], "", &[(0, 3, 0)]);
        check("", &[change((0, 0, 0, 0), "a\nb")], "a\nb", &[(0, 0, 3)]);
        check("a\nb", &[whole("q")], "q", &[(0, 3, 1)]);
    }

    #[test]
    fn each_change_sees_what_the_one_before_left() {
        check(
            "one\ntwo\n",
            &[
                change((0, 0, 0, 0), "zero\n"),
                change((2, 0, 2, 3), "2"),
                change((1, 3, 1, 3), "!"),
            ],
            "zero\none!\n2\n",
            &[(0, 0, 5), (9, 12, 1), (8, 8, 1)],
        );
        check(
            "a",
            &[whole("first\nsecond"), change((1, 0, 1, 1), "S")],
            "first\nSecond",
            &[(0, 1, 12), (6, 7, 1)],
        );
        check(
            "abc",
            &[change((0, 0, 0, 3), ""), change((0, 0, 0, 0), "x")],
            "x",
            &[(0, 3, 0), (0, 0, 1)],
        );
    }

    #[test]
    fn columns_beyond_the_basic_plane() {
        let smile = "x\u{1F600}y";
        check(
            smile,
            &[change((0, 3, 0, 4), "z")],
            "x\u{1F600}z",
            &[(5, 6, 1)],
        );
        check_in(
            Encoding::Utf8,
            smile,
            &[change((0, 5, 0, 6), "z")],
            "x\u{1F600}z",
            &[(5, 6, 1)],
        );
        check_in(
            Encoding::Utf32,
            smile,
            &[change((0, 2, 0, 3), "z")],
            "x\u{1F600}z",
            &[(5, 6, 1)],
        );
        // Half a surrogate pair: the whole character is meant.
        check(smile, &[change((0, 2, 0, 3), "")], "xy", &[(1, 5, 0)]);
        // Three of the four bytes.
        check_in(
            Encoding::Utf8,
            smile,
            &[change((0, 1, 0, 4), "-")],
            "x-\u{1F600}y",
            &[(1, 1, 1)],
        );
    }

    #[test]
    fn line_ends_of_every_kind() {
        check("a\r\nb", &[change((0, 1, 1, 0), "")], "ab", &[(1, 3, 0)]);
        check(
            "a\rb\rc",
            &[change((1, 0, 1, 1), "B")],
            "a\rB\rc",
            &[(2, 3, 1)],
        );
        check(
            "a\rb",
            &[change((1, 0, 1, 0), "\n")],
            "a\r\nb",
            &[(2, 2, 1)],
        );
        check(
            "a\rb",
            &[change((1, 0, 1, 0), "\n"), change((1, 0, 1, 1), "B")],
            "a\r\nB",
            &[(2, 2, 1), (3, 4, 1)],
        );
        // These end no line in the protocol.
        let vertical = "a\u{b}b\u{c}c\u{85}d\u{2028}e\u{2029}f\ng";
        check(
            vertical,
            &[change((1, 0, 1, 1), "G")],
            &vertical.replace('g', "G"),
            &[(17, 18, 1)],
        );
    }

    #[test]
    fn positions_out_of_bounds_are_clamped() {
        check(
            "ab\ncd",
            &[change((0, 99, 0, 99), "!")],
            "ab!\ncd",
            &[(2, 2, 1)],
        );
        check(
            "ab\r\ncd",
            &[change((0, 99, 0, 99), "!")],
            "ab!\r\ncd",
            &[(2, 2, 1)],
        );
        check(
            "ab\ncd",
            &[change((9, 0, 9, 5), "!")],
            "ab\ncd!",
            &[(5, 5, 1)],
        );
        check(
            "ab\ncd",
            &[change((0, 0, u32::MAX, u32::MAX), "")],
            "",
            &[(0, 5, 0)],
        );
        check("abc", &[change((0, 2, 0, 1), "x")], "axc", &[(1, 2, 1)]);
    }

    #[test]
    fn long_texts_lie_in_many_chunks() {
        let line = "resource \u{1F600} x\r\n";
        let before = line.repeat(5_000);
        let mut after = before.clone();
        let at = line.len() * 4_321 + "resource \u{1F600}".len();
        after.insert_str(at, "??");
        check(
            &before,
            &[change((4_321, 11, 4_321, 11), "??")],
            &after,
            &[(at as u32, at as u32, 2)],
        );
    }
}
