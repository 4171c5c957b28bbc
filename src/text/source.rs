//! One interface to text, whether it is an open document's rope or a buffer read from disk.

use std::borrow::Cow;

use super::Span;

/// Read access to UTF-8 text by byte offsets. Spans beyond the end are clamped; a span that cuts a character gives
/// the characters it touches replaced by U+FFFD rather than a panic.
pub trait Source {
    /// Length in bytes.
    fn len(&self) -> usize;

    /// Whether there is no text at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes from `offset` to the end of the chunk that holds it; empty at the end. This is what the parser reads.
    fn chunk(&self, offset: usize) -> &[u8];

    /// Calls `each` with the bytes of a span, chunk by chunk: faster than asking for each chunk by its offset.
    fn chunks(&self, span: Span, each: &mut dyn FnMut(&[u8])) {
        let (mut at, end) = (span.start as usize, span.end as usize);
        while at < end {
            let chunk = self.chunk(at);
            let take = chunk.len().min(end - at);
            if take == 0 {
                break;
            }
            each(&chunk[..take]);
            at += take;
        }
    }

    /// The text of a span; borrowed where one chunk holds it.
    fn slice(&self, span: Span) -> Cow<'_, str>;
}

impl Source for str {
    fn len(&self) -> usize {
        str::len(self)
    }

    fn chunk(&self, offset: usize) -> &[u8] {
        self.as_bytes().get(offset..).unwrap_or(&[])
    }

    fn slice(&self, span: Span) -> Cow<'_, str> {
        let bytes = self.as_bytes();
        let start = (span.start as usize).min(bytes.len());
        let end = (span.end as usize).clamp(start, bytes.len());
        String::from_utf8_lossy(&bytes[start..end])
    }
}

impl Source for ropey::Rope {
    fn len(&self) -> usize {
        self.len_bytes()
    }

    fn chunk(&self, offset: usize) -> &[u8] {
        if offset >= self.len_bytes() {
            return &[];
        }
        let (chunk, start, _, _) = self.chunk_at_byte(offset);
        &chunk.as_bytes()[offset - start..]
    }

    fn chunks(&self, span: Span, each: &mut dyn FnMut(&[u8])) {
        let end = (span.end as usize).min(self.len_bytes());
        let mut at = (span.start as usize).min(end);
        let (chunks, mut start, _, _) = self.chunks_at_byte(at);
        for chunk in chunks {
            let from = at - start;
            let until = chunk.len().min(end - start);
            if from < until {
                each(&chunk.as_bytes()[from..until]);
            }
            start += chunk.len();
            if start >= end {
                break;
            }
            at = start;
        }
    }

    fn slice(&self, span: Span) -> Cow<'_, str> {
        let end = (span.end as usize).min(self.len_bytes());
        let mut at = (span.start as usize).min(end);
        let first = self.chunk(at);
        if first.len() >= end - at {
            return String::from_utf8_lossy(&first[..end - at]);
        }
        let mut bytes = Vec::with_capacity(end - at);
        while at < end {
            let chunk = self.chunk(at);
            let take = chunk.len().min(end - at);
            bytes.extend_from_slice(&chunk[..take]);
            at += take;
        }
        Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_pieces_reads_like_one_in_a_row() {
        let text: String = (0..5_000).map(|n| format!("{n} é\n")).collect();
        let rope = ropey::Rope::from_str(&text);
        fn check<S: Source + ?Sized>(source: &S, span: Span, whole: &[u8]) {
            let mut all = Vec::new();
            source.chunks(span, &mut |chunk| all.extend_from_slice(chunk));
            assert_eq!(all, whole);
            assert_eq!(Source::slice(source, span), String::from_utf8_lossy(whole));
        }
        let end = text.len() as u32;
        for (from, to) in [
            (0, end),
            (7, 11),
            (1_000, 9_999),
            (5_000, end + 9),
            (end, end),
        ] {
            let span = Span::new(from, to);
            let whole = &text.as_bytes()[from as usize..to.min(end) as usize];
            check(&rope, span, whole);
            check(text.as_str(), span, whole);
        }
    }
}
