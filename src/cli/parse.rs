//! `preflight parse`: the syntax tree of one file, to see what the grammar makes of it.

use std::path::PathBuf;

use super::paths::Base;
use super::{Exit, print, trouble};
use crate::model::FileKind;
use crate::syntax;
use crate::text::Encoding;
use crate::text::position::range_in;
use crate::workspace::disk;
use crate::workspace::files::language_of;
use crate::workspace::prefilter::kind_of;

/// Arguments of `parse`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A Bicep, Bicep parameters or JSON file
    file: PathBuf,
}

/// Prints the tree and, to standard error, what does not parse.
pub fn run(args: &Args) -> Exit {
    let path = disk::normalize(&args.file);
    let shown = Base::here().relative(&path);
    let kind = kind_of(&path);
    if kind == FileKind::Other {
        return trouble(&format!("{shown}: is neither Bicep nor JSON by its name"));
    }
    let text = match disk::read(&path) {
        Ok(read) => read.text,
        Err(error) => return trouble(&format!("{shown}: {error}")),
    };
    let tree = syntax::parse(language_of(kind), &*text, None);
    let printed = print(indented(&tree.root_node().to_sexp()).as_bytes());
    let mut exit = printed;
    for error in syntax::syntax_errors(&tree, &*text) {
        let at = range_in(&*text, error.span, Encoding::Utf32).start;
        exit = trouble(&format!(
            "{shown}:{}:{}: {}",
            at.line + 1,
            at.character + 1,
            error.message
        ));
    }
    exit
}

/// One node a line, two blanks a level.
fn indented(tree: &str) -> String {
    let mut out = String::with_capacity(tree.len() * 2);
    let mut depth = 0usize;
    let mut quoted = None;
    for (at, character) in tree.char_indices() {
        match (quoted, character) {
            (Some(open), _) => {
                if character == open {
                    quoted = None;
                }
                out.push(character);
            }
            (None, '"' | '\'') => {
                quoted = Some(character);
                out.push(character);
            }
            (None, '(') => {
                depth += 1;
                out.push('(');
            }
            (None, ')') => {
                depth = depth.saturating_sub(1);
                out.push(')');
            }
            (None, ' ') if !out.ends_with(':') && starts_node(&tree[at + 1..]) => {
                out.push('\n');
                out.extend(std::iter::repeat_n("  ", depth));
            }
            (None, other) => out.push(other),
        }
    }
    out.push('\n');
    out
}

/// Whether a node, perhaps with its field before it, begins here.
fn starts_node(rest: &str) -> bool {
    let field = rest.split_once(": ").filter(|(field, _)| {
        field
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_')
    });
    match field {
        Some((_, node)) => node.starts_with('('),
        None => rest.starts_with('('),
    }
}

#[cfg(test)]
mod tests {
    use super::indented;

    #[test]
    fn a_tree_is_one_node_a_line() {
        assert_eq!(
            indented("(document (pair key: (string) value: (number)) (MISSING \"}\"))"),
            "(document\n  (pair\n    key: (string)\n    value: (number))\n  (MISSING \"}\"))\n"
        );
    }
}
