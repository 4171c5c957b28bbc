//! Syntax errors of a file with messages that an author understands. A rule reports nothing about a declaration that does
//! not parse, so the error must explain why.

mod bicep;
mod statements;

use std::ops::Range;

use tree_sitter::{Node, Tree, TreeCursor};

pub use self::statements::Dialect;
use self::statements::misplaced_statements;
use crate::text::{Source, Span};

/// A place that does not parse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxError {
    /// The text that is wrong; empty where something is missing.
    pub span: Span,
    /// One line: what is unexpected or missing.
    pub message: String,
}

impl SyntaxError {
    fn new(span: Range<usize>, message: impl Into<String>) -> SyntaxError {
        SyntaxError {
            span: Span::of(span),
            message: message.into(),
        }
    }
}

/// More than this many errors of one file add nothing.
const MOST: usize = 100;

/// The longest excerpt of the text that a message repeats, in characters.
const EXCERPT: usize = 40;

/// The syntax errors of a tree of either language, in the order of the text: those that the tree has, and in Bicep those
/// that the grammar lets pass.
pub fn syntax_errors(tree: &Tree, text: &(impl Source + ?Sized)) -> Vec<SyntaxError> {
    if super::parse_aborted(tree, text) {
        let message =
            "this is too long or too deeply nested: parsing it would take too much time or memory";
        return vec![SyntaxError::new(0..0, message)];
    }
    let mut errors = tree_errors(tree, text);
    if tree.root_node().kind() == "source_file" && errors.len() < MOST {
        bicep::find(tree, text, &mut errors);
    }
    sorted(errors)
}

/// The errors of a file: those of its tree, and the statements that its kind of Bicep file does not allow.
pub fn file_errors(
    tree: &Tree,
    text: &(impl Source + ?Sized),
    dialect: Option<Dialect>,
) -> Vec<SyntaxError> {
    let mut errors = syntax_errors(tree, text);
    let dialect = dialect.into_iter();
    errors.extend(dialect.flat_map(|dialect| misplaced_statements(tree, dialect)));
    sorted(errors)
}

/// The errors of a file, with those that keep no file from being checked because Azure's own tools read on over them: for
/// who asks what is wrong, not what can be read.
pub fn all_errors(
    tree: &Tree,
    text: &(impl Source + ?Sized),
    dialect: Option<Dialect>,
) -> Vec<SyntaxError> {
    let mut errors = file_errors(tree, text, dialect);
    if tree.root_node().kind() == "document" {
        errors.extend(super::json::strict_errors(tree, text));
    }
    sorted(errors)
}

fn sorted(mut errors: Vec<SyntaxError>) -> Vec<SyntaxError> {
    errors.sort_by_key(|error| (error.span.start, error.span.end));
    errors.truncate(MOST);
    errors
}

/// The errors that the tree has; none exactly where `has_error` is false. Only what is broken is visited, so that a
/// tree without errors costs nothing.
fn tree_errors(tree: &Tree, text: &(impl Source + ?Sized)) -> Vec<SyntaxError> {
    let mut errors = Vec::new();
    let mut cursor = tree.walk();
    // Kept by hand: the library finds a node's parent by recursion from the root, which deep input turns into a crash.
    let mut above: Vec<Node<'_>> = Vec::new();
    loop {
        let node = cursor.node();
        let mut below = false;
        if node.is_missing() {
            errors.push(missing(node, &above, text));
        } else if node.is_error() {
            errors.push(unexpected(first_fault(node), text));
        } else if node.has_error() && errors_in(node) {
            below = cursor.goto_first_child();
        } else if node.has_error() {
            errors.push(unseen(node, text));
        }
        if errors.len() == MOST {
            return errors;
        }
        if below {
            above.push(node);
        } else if !advance(&mut cursor, &mut above) {
            return errors;
        }
    }
}

/// Whether an error of a node is in one of its children, and not between them.
fn errors_in(node: Node<'_>) -> bool {
    let mut cursor = node.walk();
    node.children(&mut cursor)
        .any(|child| child.has_error() || child.is_missing())
}

/// What is missing and has no node of its own: the new line between two declarations.
fn unseen(node: Node<'_>, text: &(impl Source + ?Sized)) -> SyntaxError {
    let mut cursor = node.walk();
    let children: Vec<_> = node.children(&mut cursor).collect();
    let joined = children.windows(2).find_map(|pair| {
        let between = pair[0].end_byte()..pair[1].start_byte();
        let broken = text.slice(Span::of(between.clone())).contains(['\n', '\r']);
        // A comment may be behind a declaration.
        (!broken && pair[1].kind() != "comment").then_some(between.end)
    });
    let at = joined.unwrap_or(node.start_byte());
    SyntaxError::new(at..at, "expected a new line")
}

/// To the next node that is not below this one.
fn advance(cursor: &mut TreeCursor<'_>, above: &mut Vec<Node<'_>>) -> bool {
    while !cursor.goto_next_sibling() {
        above.pop();
        if !cursor.goto_parent() {
            return false;
        }
    }
    true
}

/// The first fault inside an error node. Recovery may wrap what parsed before the fault, up to whole declarations.
fn first_fault(error: Node<'_>) -> Span {
    let whole = Span::of(error.byte_range());
    let mut cursor = error.walk();
    for child in error.children(&mut cursor) {
        if child.is_error() {
            return Span::of(child.byte_range());
        }
        let complete = child.is_extra() || child.kind().ends_with("_declaration");
        if child.is_named() && complete && !child.has_error() {
            continue;
        }
        if !child.kind().starts_with('_') {
            return Span::new(child.start_byte() as u32, whole.end);
        }
    }
    whole
}

/// The line that was skipped where a statement must begin, of an `incomplete_declaration`.
fn skipped_line(above: &[Node<'_>]) -> Option<Span> {
    let [.., declaration, incomplete] = above else {
        return None;
    };
    if declaration.kind() != "incomplete_declaration" {
        return None;
    }
    let mut cursor = declaration.walk();
    let mut children = declaration.children(&mut cursor);
    let first = children.find(|child| !child.is_extra() && child.kind() != "decorators")?;
    let mut start = declaration.start_byte();
    if let Some(decorators) = declaration.child_by_field_name("decorators") {
        start = decorators.end_byte();
    }
    (first == *incomplete).then(|| Span::of(start..incomplete.start_byte()))
}

fn missing(node: Node<'_>, above: &[Node<'_>], text: &(impl Source + ?Sized)) -> SyntaxError {
    if let Some(span) = skipped_line(above) {
        return unexpected(span, text);
    }
    let what = match node.kind() {
        "text" => incomplete(above).to_owned(),
        "identifier" => "expected a name".to_owned(),
        "integer" | "number" => "expected a value".to_owned(),
        "comma" => "expected `,`".to_owned(),
        "quote" => match above.last().map_or("", |holder| holder.kind()) {
            "misspelt_string" => "JSON has no such escape".to_owned(),
            "early_comment" => "a comment before a colon".to_owned(),
            _ => "expected `\"`".to_owned(),
        },
        kind if kind.starts_with('_') => "expected a new line".to_owned(),
        kind => format!("expected `{kind}`"),
    };
    SyntaxError::new(node.byte_range(), what)
}

/// What the text that breaks off lacks: the grammar's `incomplete`, which is last of what is above, states where, and what
/// holds it states what.
fn incomplete(above: &[Node<'_>]) -> &'static str {
    let (holder, incomplete) = match above {
        [.., holder, incomplete] => (Some(holder), Some(incomplete)),
        _ => (None, None),
    };
    if let (Some(holder), Some(incomplete)) = (holder, incomplete) {
        let mut cursor = holder.walk();
        let children = holder.children(&mut cursor);
        let before = children.take_while(|child| child != incomplete).last();
        if before.is_some_and(|before| matches!(before.kind(), "true" | "false" | "null")) {
            return "a reserved word needs quotes here";
        }
    }
    match holder.map_or("", |holder| holder.kind()) {
        "string" => "expected `'`",
        "multiline_string" => "expected `'''`",
        "object" | "object_type" | "import_list" | "interpolation" => "expected `}`",
        "array" | "tuple_type" | "array_type" | "index" | "for" => "expected `]`",
        "arguments" | "parenthesized" => "expected `)`",
        "type_arguments" => "expected `>`",
        "incomplete_expression" => "expected a value",
        "member" | "resource_access" => "expected a name",
        "property" | "ternary" => "expected `:`",
        "type_property" => "expected `:` and a type",
        "incomplete_declaration" => "expected a declaration",
        _ => "this declaration is not complete",
    }
}

fn unexpected(span: Span, text: &(impl Source + ?Sized)) -> SyntaxError {
    let slice = text.slice(span);
    let line = slice.trim().lines().next().unwrap_or_default().trim_end();
    let next = Span::new(span.end, text.len().min(span.end as usize + 1) as u32);
    let message = if line.is_empty() && text.slice(next) == "/" {
        "unexpected comment".to_owned()
    } else if line.is_empty() {
        "unexpected end of line".to_owned()
    } else if line.chars().count() <= EXCERPT {
        format!("unexpected `{line}`")
    } else {
        let excerpt: String = line.chars().take(EXCERPT).collect();
        format!("unexpected `{}…`", excerpt.trim_end())
    };
    SyntaxError { span, message }
}

#[cfg(test)]
mod tests {
    use tree_sitter::Language;

    use super::*;
    use crate::syntax::{bicep, json, parse};

    /// The errors of a text: `place: message`, the place as the text from there to the end of its line.
    fn check(language: &Language, text: &str, expected: &[&str]) {
        let tree = parse(language, text, None);
        let found: Vec<String> = syntax_errors(&tree, text)
            .into_iter()
            .map(|error| {
                let rest = text[error.span.start as usize..].lines().next();
                format!("{}: {}", rest.unwrap_or_default(), error.message)
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn bicep_errors_say_what_is_missing_where_it_is_missing() {
        let check = |text: &str, expected: &[&str]| check(bicep(), text, expected);
        check("var a = 1\n", &[]);
        check("var a =\nvar b = 1\n", &[": expected a value"]);
        check("var a = b.\n", &[": expected a name"]);
        check("var a = {\n  b: 'c\n  d: 1\n}\n", &[": expected `'`"]);
        check("var a = '${b'\n", &["': expected `}`"]);
        check("var a = [1, 2\nvar b = 1\n", &[": expected `]`"]);
        check("@description('x'\nparam a string\n", &[": expected `)`"]);
        check(
            "resource a 'x@y' = {\n  name: 'x'\nvar b = 1\n",
            &[": expected `}`"],
        );
        check("var a = {\n  b\n}\n", &[": expected `:`"]);
        check(
            "var a = {\n  true: 1\n}\n",
            &[": 1: a reserved word needs quotes here"],
        );
        check("para\n", &[": expected a declaration"]);
        check("param a\n", &[": this declaration is not complete"]);
        check("var a = 1;\n", &[";: unexpected `;`"]);
        check("var a = 1 var b = 2\n", &["var b = 2: expected a new line"]);
        check(
            "var a = 1 /* b */ var b = 2 // c\n",
            &["var b = 2 // c: expected a new line"],
        );
        check(
            "para x string\n",
            &["para x string: unexpected `para x string`"],
        );
        check("module m 'x' = {\n}}\n", &["}: unexpected `}`"]);
        check("type a = string??\n", &["?: unexpected `?`"]);
        check("type a = string?!?\nvar b = c ?? d\n", &[]);
        check(
            "var a = '\\u{10FFFF}\\u{0000000041}\\u{fffff}\\u{0}'\n",
            &[],
        );
        check(
            "var a = '\\u{110000}'\n",
            &["\\u{110000}': unexpected `\\u{11000`"],
        );
        check("var a = 'x\\q'\n", &["\\q': unexpected `\\`"]);
        check("var a = '''\\u{110000}''' // \\u{110000}\n", &[]);
        check(
            "type a = {\n  null: int\n}\n",
            &[": int: a reserved word needs quotes here"],
        );
    }

    #[test]
    fn json_errors_say_what_is_missing_where_it_is_missing() {
        let check = |text: &str, expected: &[&str]| check(json(), text, expected);
        check("{\"a\": [1,],}", &[]);
        check("{\"a\": }", &[" }: expected a value"]);
        check(
            "{\n  \"a\": \"long enough\"\n  \"bc\": \"de\"\n}\n",
            &[": expected `,`"],
        );
        check("{\n  \"a\": \"b,\n  \"c\": 1\n}\n", &[",: expected `\"`"]);
        check("{\"a\": [1, 2}", &["}: expected `]`"]);
        check("{\"a\": 1", &[": expected `}`"]);
        check("{\"a\": 1,, \"b\": 2}", &[",, \"b\": 2}: unexpected `,`"]);
    }

    #[test]
    fn many_errors_are_cut_short_and_deep_ones_do_not_overflow() {
        let many = "var a = 1;\n".repeat(1000);
        let tree = parse(bicep(), many.as_str(), None);
        assert_eq!(syntax_errors(&tree, many.as_str()).len(), MOST);
        for (language, open) in [
            (bicep(), "resource a 'b' = {\n"),
            (bicep(), "["),
            (json(), "["),
            (json(), "{\"a\":"),
            (bicep(), "var x = {a:"),
        ] {
            let deep = open.repeat(20_000);
            let tree = parse(language, deep.as_str(), None);
            assert!(!syntax_errors(&tree, deep.as_str()).is_empty());
        }
    }
}
