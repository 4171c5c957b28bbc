//! Prints trees, for people who write queries or debug the grammar.
//!
//! The library's printer recurses, which overflows the stack on deep input, and prints on one line.

use std::fmt::Write;

use tree_sitter::Tree;

use crate::text::Span;

/// Deeper nodes are where this many levels are: the indentation of a deep tree would be longer than the tree.
const DEEPEST: usize = 100;

/// A tree as an s-expression: one named or missing node a line, two blanks a level, with its field before it; after its
/// kind whatever `note` states of its place.
pub fn s_expression(tree: &Tree, note: &dyn Fn(Span) -> String) -> String {
    let mut out = String::new();
    let mut cursor = tree.walk();
    // How many of the nodes above are printed, and whether each of them is.
    let mut depth = 0;
    let mut above = Vec::new();
    loop {
        let node = cursor.node();
        let printed = node.is_named() || node.is_missing();
        if printed {
            if !out.is_empty() {
                out.push('\n');
            }
            out.extend(std::iter::repeat_n("  ", depth.min(DEEPEST)));
            if let Some(field) = cursor.field_name() {
                let _ = write!(out, "{field}: ");
            }
            match (node.is_missing(), node.is_named()) {
                (true, true) => drop(write!(out, "(MISSING {}", node.kind())),
                (true, false) => drop(write!(out, "(MISSING {:?}", node.kind())),
                (false, _) => drop(write!(out, "({}", node.kind())),
            }
            out.push_str(&note(Span::of(node.byte_range())));
        }
        if cursor.goto_first_child() {
            above.push(printed);
            depth += usize::from(printed);
            continue;
        }
        if printed {
            out.push(')');
        }
        while !cursor.goto_next_sibling() {
            let Some(printed) = above.pop() else {
                out.push('\n');
                return out;
            };
            cursor.goto_parent();
            if printed {
                depth -= 1;
                out.push(')');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::s_expression;
    use crate::syntax::{bicep, json, parse};

    #[test]
    fn a_tree_is_one_node_a_line() {
        let tree = parse(json(), "{\"a\": 1", None);
        assert_eq!(
            s_expression(&tree, &|_| String::new()),
            "(document\n  (object\n    (pair\n      key: (string)\n      value: (number))\n    (MISSING \"}\")))\n"
        );
        let tree = parse(bicep(), "var a = 1\n", None);
        assert_eq!(
            s_expression(&tree, &|span| format!(" {}", span.end)),
            "(source_file 10\n  (var_declaration 9\n    name: (identifier 5)\n    value: (integer 9)))\n"
        );
        assert_eq!(
            s_expression(&parse(bicep(), "", None), &|_| String::new()),
            "(source_file)\n"
        );
    }

    #[test]
    fn what_is_printed_is_what_the_library_prints() {
        for text in [
            "@a()\nresource b 'c' = {\n  d: e ? f : '${g}' // h\n}\n",
            "var a = {\n  b: c.\n  d: 1\n}\n",
        ] {
            let tree = parse(bicep(), text, None);
            let printed = s_expression(&tree, &|_| String::new());
            let words: Vec<&str> = printed.split_whitespace().collect();
            assert_eq!(words.join(" "), tree.root_node().to_sexp());
        }
    }

    #[test]
    fn deep_trees_are_printed() {
        for (language, text) in [
            (bicep(), format!("var a = {}1\n", "1 + ".repeat(20_000))),
            (
                json(),
                format!("{}{}", "[".repeat(20_000), "]".repeat(20_000)),
            ),
        ] {
            let printed = s_expression(&parse(language, text.as_str(), None), &|_| String::new());
            assert!(printed.lines().count() > 20_000 && printed.len() < 20_000_000);
        }
    }
}
