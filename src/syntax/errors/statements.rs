//! Statements that belong to the other kind of Bicep file. One grammar parses templates and parameter files; the file name
//! decides which of the two it is.

use tree_sitter::{Node, Tree};

use super::SyntaxError;
use crate::syntax::bicep::declarations;

/// The kind of a Bicep file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `.bicep`
    Template,
    /// `.bicepparam`
    Parameters,
}

/// The statements of a file that its kind of file does not allow.
pub(crate) fn misplaced_statements(tree: &Tree, dialect: Dialect) -> Vec<SyntaxError> {
    declarations(tree.root_node())
        .into_iter()
        .filter(|declaration| !declaration.has_error())
        .filter_map(|declaration| {
            let (at, message) = misplaced(declaration, dialect)?;
            Some(SyntaxError::new(at.byte_range(), message))
        })
        .collect()
}

fn misplaced<'tree>(node: Node<'tree>, dialect: Dialect) -> Option<(Node<'tree>, &'static str)> {
    const TEMPLATE: &str = "this statement does not belong in a .bicep file";
    const PARAMETERS: &str = "this statement does not belong in a .bicepparam file";
    let field = |name| node.child_by_field_name(name);
    match (dialect, node.kind()) {
        (Dialect::Template, "using_declaration" | "extends_declaration" | "extension_config") => {
            Some((node, TEMPLATE))
        }
        (Dialect::Template, "param_declaration") if field("type").is_none() => {
            Some((node, "this parameter has no type"))
        }
        (
            Dialect::Parameters,
            "target_scope"
            | "metadata_declaration"
            | "func_declaration"
            | "resource_declaration"
            | "module_declaration"
            | "output_declaration"
            | "test_declaration"
            | "assert_declaration",
        ) => Some((node, PARAMETERS)),
        (Dialect::Parameters, "import_declaration") => {
            Some((field("extension")?, "expected the names to import"))
        }
        (Dialect::Parameters, "param_declaration") => Some((
            field("type")?,
            "a parameter has no type in a .bicepparam file",
        )),
        _ => None,
    }
}
