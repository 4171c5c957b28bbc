//! The one door to the parsers that `grammars/build.rs` compiles, and so the only unsafe code of the crate.
//!
//! Parsers are kept per thread: one costs more to make than a keystroke's parse. Points are never computed: lines and
//! columns belong to the editor's protocol, and a tree that knows only bytes is edited without counting lines.

use std::cell::RefCell;
use std::sync::LazyLock;

use tree_sitter::{InputEdit, Language, Parser, Point, Tree};
use tree_sitter_language::LanguageFn;

use crate::text::{Edit, Source};

#[allow(unsafe_code)]
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
    static LANGUAGE: LazyLock<Language> = LazyLock::new(|| load(generated::BICEP));
    &LANGUAGE
}

/// The language of templates and parameter files in JSON. Its nodes and fields: `grammars/json/src/node-types.json`.
pub fn json() -> &'static Language {
    static LANGUAGE: LazyLock<Language> = LazyLock::new(|| load(generated::JSON));
    &LANGUAGE
}

fn load(language: LanguageFn) -> Language {
    Language::new(language)
}

thread_local! {
    static PARSER: RefCell<Parser> = RefCell::new(Parser::new());
}

/// Parses a text, chunk by chunk as it lies.
///
/// `old` is the tree of the text before, already told of the edits with [`edit`]; what it shares with the new text is
/// kept. There is always a tree: what does not parse is in it as errors.
pub fn parse(language: &Language, text: &(impl Source + ?Sized), old: Option<&Tree>) -> Tree {
    PARSER.with_borrow_mut(|parser| {
        parser
            .set_language(language)
            .expect("both grammars are generated for a version the runtime reads");
        parser
            .parse_with_options(&mut |byte, _| text.chunk(byte), old, None)
            .expect("a parse ends without a tree only when cancelled, and nothing cancels it")
    })
}

/// Tells a tree of an edit before the text is parsed again.
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
