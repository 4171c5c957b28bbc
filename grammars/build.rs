//! Compiles the committed parsers of `grammars/` into the crate, so that a build needs a C compiler and nothing else.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=grammars/build.rs");
    for language in ["bicep", "json"] {
        let source = Path::new("grammars").join(language).join("src");
        let files = [source.join("parser.c"), source.join("scanner.c")];
        for file in &files {
            println!("cargo::rerun-if-changed={}", file.display());
        }
        // The parser is the inner loop of everything, so it is optimised in debug builds too; its tables are
        // generated, so their warnings are nobody's to fix.
        let mut build = cc::Build::new();
        build
            .std("c11")
            .include(&source)
            .files(&files)
            .opt_level(3)
            .warnings(false);
        // The names that the generator gives are the names of the published grammars too; a program may hold both.
        for symbol in [
            "",
            "_external_scanner_create",
            "_external_scanner_destroy",
            "_external_scanner_serialize",
            "_external_scanner_deserialize",
            "_external_scanner_scan",
        ] {
            let (theirs, ours) = (
                format!("tree_sitter_{language}{symbol}"),
                format!("preflight_{language}{symbol}"),
            );
            build.define(&theirs, ours.as_str());
        }
        build.compile(&format!("preflight-{language}"));
    }
}
