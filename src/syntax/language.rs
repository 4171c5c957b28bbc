//! Access to the parsers that `grammars/build.rs` compiles. The only unsafe code of the crate.
//!
//! Parsers are kept per thread, since creating one costs more than parsing after a keystroke. Trees hold bytes only: lines
//! and columns are never computed here.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::ControlFlow;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use tree_sitter::{InputEdit, Language, Node, ParseOptions, ParseState, Parser, Point, Tree};

use crate::text::{Edit, Source};

#[allow(unsafe_code, reason = "the parsers are C functions")]
mod generated {
    use tree_sitter_language::LanguageFn;

    unsafe extern "C" {
        fn preflight_bicep() -> *const ();
        fn preflight_json() -> *const ();
    }

    // SAFETY: both are the generated entry points of `grammars/*/src/parser.c`, whose only form is
    // `const TSLanguage *preflight_<name>(void)` (renamed by the build script), returning a pointer to static data.
    pub(super) const BICEP: LanguageFn = unsafe { LanguageFn::from_raw(preflight_bicep) };
    pub(super) const JSON: LanguageFn = unsafe { LanguageFn::from_raw(preflight_json) };
}

/// The language of `.bicep` and `.bicepparam` files. Its nodes and fields: `grammars/bicep/src/node-types.json`.
pub fn bicep() -> &'static Language {
    static LANGUAGE: LazyLock<Language> = LazyLock::new(|| Language::new(generated::BICEP));
    &LANGUAGE
}

/// The language of templates and parameter files in JSON. Its nodes and fields: `grammars/json/src/node-types.json`.
pub fn json() -> &'static Language {
    static LANGUAGE: LazyLock<Language> = LazyLock::new(|| Language::new(generated::JSON));
    &LANGUAGE
}

/// The kind of a node of Bicep: as [`Node::kind`], which reads and validates the name each time, where that is too slow.
pub(super) fn bicep_kind(node: Node<'_>) -> &'static str {
    static KINDS: LazyLock<Vec<&str>> = LazyLock::new(|| {
        let numbers = 0..bicep().node_kind_count() as u16;
        let name = |number| bicep().node_kind_for_id(number);
        numbers.map(|it| name(it).unwrap_or_default()).collect()
    });
    KINDS.get(usize::from(node.kind_id())).unwrap_or(&"ERROR")
}

thread_local! {
    static PARSER: RefCell<Parser> = RefCell::new(Parser::new());
}

/// Calls `f` with the thread's parser, set to a language.
fn with_parser<T>(language: &Language, f: impl FnOnce(&mut Parser) -> T) -> T {
    PARSER.with_borrow_mut(|parser| {
        parser
            .set_language(language)
            .expect("both grammars are generated for a version the runtime reads");
        f(parser)
    })
}

/// How long a parse may take: what every text and each megabyte of it are given. A megabyte without errors takes a sixteenth
/// of a second; only a text made for it (a hundred thousand brackets that nothing closes) comes near.
const PARSE_TIMEOUT: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(1));

/// What represents a text that is not parsed to its end: one error.
const ABORTED: &[u8] = b"\x02";

/// Parses a text, chunk by chunk as it is.
///
/// `old` is the tree of the text before, already updated with [`edit`]; what it shares with the new text is
/// kept. There is always a tree: what does not parse is in it as errors. The tree of a text that takes too long, or too
/// much memory, is one error and nothing else ([`parse_aborted`]); it is of no use as an `old` one.
pub fn parse(language: &Language, text: &(impl Source + ?Sized), old: Option<&Tree>) -> Tree {
    if has_too_many_parts(text) {
        return aborted(language);
    }
    let megabytes = (text.len() >> 20) as u32;
    parse_within(
        language,
        text,
        old,
        PARSE_TIMEOUT.0 + PARSE_TIMEOUT.1 * megabytes,
    )
}

fn parse_within(
    language: &Language,
    text: &(impl Source + ?Sized),
    old: Option<&Tree>,
    timeout: Duration,
) -> Tree {
    let tree = with_parser(language, |parser| {
        let end = Instant::now() + timeout;
        let mut look = |_: &ParseState| match Instant::now() > end {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        let options = ParseOptions::new().progress_callback(&mut look);
        let mut read = |byte, _| without_nul(text.chunk(byte));
        let tree = parser.parse_with_options(&mut read, old, Some(options));
        if tree.is_none() {
            parser.reset();
        }
        tree
    });
    tree.unwrap_or_else(|| aborted(language))
}

/// A chunk with another control character for NUL, which the generated lexers take for the end of the text.
fn without_nul(chunk: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(0, chunk).is_none() {
        return Cow::Borrowed(chunk);
    }
    Cow::Owned(chunk.iter().map(|&byte| byte.max(1)).collect())
}

/// The tree of a text that is not parsed to its end.
fn aborted(language: &Language) -> Tree {
    with_parser(language, |parser| {
        parser
            .parse(ABORTED, None)
            .expect("a parse ends without a tree only when cancelled, and nothing cancels this one")
    })
}

/// A tree takes some two hundred bytes for each word and sign of its text, so what bounds the memory is how many there
/// are, and not how long the text is. Azure takes no template of more than 4 MB, which has less than half as many.
const MOST_PARTS: usize = 10 << 20;

/// Whether a text has more words and signs than a tree is made of. Those in strings and comments count as others do:
/// distinguishing them would need the parse.
fn has_too_many_parts(text: &(impl Source + ?Sized)) -> bool {
    if text.len() <= MOST_PARTS {
        return false;
    }
    let (mut at, mut parts, mut blank) = (0, 0, true);
    while at < text.len() && parts <= MOST_PARTS {
        let chunk = text.chunk(at);
        if chunk.is_empty() {
            break;
        }
        for byte in chunk {
            let sign = byte.is_ascii_punctuation() && *byte != b'_' || *byte == b'\n';
            let word = blank && !byte.is_ascii_whitespace();
            parts += usize::from(sign || word);
            blank = byte.is_ascii_whitespace();
        }
        at += chunk.len();
    }
    parts > MOST_PARTS
}

/// Whether a tree states only that its text is too long or too deeply nested to parse.
pub fn parse_aborted(tree: &Tree, text: &(impl Source + ?Sized)) -> bool {
    let root = tree.root_node();
    root.has_error() && root.end_byte() <= ABORTED.len() && text.len() > ABORTED.len()
}

/// Applies an edit to a tree before the text is parsed again.
pub fn edit(tree: &mut Tree, edit: &Edit) {
    const NOWHERE: Point = Point { row: 0, column: 0 };
    let start = edit.old.start as usize;
    tree.edit(&InputEdit {
        start_byte: start,
        old_end_byte: edit.old.end as usize,
        new_end_byte: start + edit.new_len as usize,
        start_position: NOWHERE,
        old_end_position: NOWHERE,
        new_end_position: NOWHERE,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_too_many_parts_is_not_parsed() {
        let check = |text: String, expect: bool| {
            assert_eq!(
                has_too_many_parts(text.as_str()),
                expect,
                "{} bytes",
                text.len()
            );
        };
        check("[1,".repeat(6 << 20), true);
        check("1 ".repeat(11 << 20), true);
        check("!".repeat(11 << 20), true);
        // Long, but made of little: a certificate, a script.
        check(format!("var a = '{}'", "x".repeat(20 << 20)), false);
        check("[1,".repeat(1000), false);
        let text = "[1,".repeat(6 << 20);
        let tree = parse(json(), text.as_str(), None);
        assert!(parse_aborted(&tree, text.as_str()) && tree.root_node().has_error());
    }

    #[test]
    fn a_parse_that_takes_too_long_is_given_up() {
        for (language, text) in [
            (bicep(), "var a = [\n".repeat(500)),
            (json(), "[1, ".repeat(5_000)),
        ] {
            let tree = parse_within(language, text.as_str(), None, Duration::ZERO);
            assert!(parse_aborted(&tree, text.as_str()) && tree.root_node().has_error());
            let errors = crate::syntax::syntax_errors(&tree, text.as_str());
            assert_eq!(errors.len(), 1);
            assert!(errors[0].message.contains("too long"), "{errors:?}");
            // The parser is as good as new.
            let tree = parse(language, text.as_str(), None);
            assert!(!parse_aborted(&tree, text.as_str()));
            let sanitized = parse(bicep(), "var a = 1\n", None);
            assert!(!sanitized.root_node().has_error());
        }
    }
}
