//! The corpus files beside the grammars, read and run without the generator's own program: they are the specification,
//! and a build must not need more than cargo to hold to it.

use preflight::syntax::{bicep, json, parse, syntax_errors};
use tree_sitter::Language;

use crate::files;

/// One case of a corpus file: a title, a text, and the tree it must have; `None` for a text that is no sentence.
struct Case {
    title: String,
    text: String,
    tree: Option<String>,
}

/// The cases of a file in tree-sitter's format: a title between two lines of `=`, the text, a line of `-`, the tree.
fn cases(file: &str) -> Vec<Case> {
    let rule =
        |line: &str, sign: char| line.len() > 20 && line.trim_end().chars().all(|c| c == sign);
    let mut cases: Vec<Case> = Vec::new();
    let mut lines = file.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        if !rule(line, '=') {
            assert_eq!(line.trim(), "", "only a title may stand here");
            continue;
        }
        let mut heading = lines
            .by_ref()
            .take_while(|line| !rule(line, '='))
            .map(str::trim);
        let title = heading.next().expect("a title").to_owned();
        let error = heading.any(|attribute| attribute == ":error");
        let text: String = lines.by_ref().take_while(|line| !rule(line, '-')).collect();
        let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
        let mut tree = String::new();
        while lines.peek().is_some_and(|line| !rule(line, '=')) {
            tree.push_str(lines.next().unwrap_or_default());
        }
        let tree = tree.split_whitespace().collect::<Vec<_>>().join(" ");
        let tree = tree.replace(" )", ")");
        cases.push(Case {
            title,
            text,
            tree: (!error).then_some(tree),
        });
    }
    cases
}

/// Runs every corpus file of a grammar, and reports all differences at once.
fn check(grammar: &str, language: &Language) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("grammars")
        .join(grammar)
        .join("test/corpus");
    let mut differing = Vec::new();
    let mut count = 0;
    for (name, file) in files::below(&folder, &["txt"]) {
        for case in cases(&file) {
            count += 1;
            let tree = parse(language, case.text.as_str(), None);
            let root = tree.root_node();
            let found = root.to_sexp();
            let errors = syntax_errors(&tree, case.text.as_str());
            assert!(
                !(root.has_error() && errors.is_empty()),
                "{name}: {}",
                case.title
            );
            let holds = match &case.tree {
                Some(expected) => found == *expected,
                None => root.has_error(),
            };
            if !holds {
                let expected = case.tree.unwrap_or_else(|| "an error".to_owned());
                differing.push(format!(
                    "{name}: {}\n{}\nexpected {expected}\n   found {found}\n",
                    case.title, case.text
                ));
            }
        }
    }
    assert!(count > 0, "no case in {}", folder.display());
    assert!(
        differing.is_empty(),
        "{} of {count} differ\n\n{}",
        differing.len(),
        differing.join("\n")
    );
}

#[test]
fn bicep_is_as_specified() {
    check("bicep", bicep());
}

#[test]
fn json_is_as_specified() {
    check("json", json());
}
