//! Errors that Bicep's grammar accepts and the compiler refuses, found by one walk of the tree. The grammar could refuse
//! them only with a second copy of every rule of expressions.

use std::ops::Range;

use tree_sitter::{Node, Tree, TreeCursor};

use super::SyntaxError;
use crate::syntax::bicep::pragma;
use crate::syntax::language::bicep_kind;
use crate::text::{Source, Span};

/// What restricts an expression.
#[derive(Clone, Copy, PartialEq)]
enum Within {
    Nothing,
    /// An interpolation: an expression on one line, without objects, and without arrays.
    Interpolation,
    /// A lambda in an interpolation, where arrays are allowed.
    Lambda,
}

/// The errors of a Bicep tree that are no errors of its grammar, in no order.
pub(super) fn find(tree: &Tree, text: &(impl Source + ?Sized), errors: &mut Vec<SyntaxError>) {
    let text = &*text.slice(Span::new(0, text.len() as u32));
    let mut cursor = tree.walk();
    let mut above = vec![(cursor.node(), Within::Nothing)];
    let mut last_token = 0;
    loop {
        let node = cursor.node();
        let around = above[above.len() - 1];
        let within = node_errors(&cursor, around, text, errors);
        if let Some(within) = within.filter(|_| cursor.goto_first_child()) {
            above.push((node, within));
            continue;
        }
        between_tokens(last_token..node.start_byte(), around, text, errors);
        last_token = node.end_byte();
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return between_tokens(last_token..text.len(), above[0], text, errors);
            }
            above.pop();
        }
    }
}

/// The errors of the blank text between two tokens.
fn between_tokens(
    span: Range<usize>,
    (parent, within): (Node<'_>, Within),
    text: &str,
    errors: &mut Vec<SyntaxError>,
) {
    let blank = text.get(span.clone()).unwrap_or_default();
    let find = |what: &[char]| blank.find(what).map(|at| span.start + at);
    if let Some(at) = find(&['\n', '\r']).filter(|_| within != Within::Nothing) {
        errors.push(SyntaxError::new(at..at, "expected `}`"));
    }
    // It belongs to the beginning of a file. In what cannot be parsed it is reported already.
    if let Some(at) = find(&['\u{feff}']).filter(|at| *at > 0 && !parent.is_error()) {
        errors.push(SyntaxError::new(at..at + 3, "unexpected byte order mark"));
    }
}

/// The errors that a node has by itself. Returns what restricts its children, `None` where they have no errors. Those of a
/// literal that is refused are not restricted: it is reported once.
fn node_errors(
    cursor: &TreeCursor<'_>,
    (parent, within): (Node<'_>, Within),
    text: &str,
    errors: &mut Vec<SyntaxError>,
) -> Option<Within> {
    let node = cursor.node();
    let (start, end) = (node.start_byte(), node.end_byte());
    let own = &text[start..end];
    let mut error = |span, message: &str| errors.push(SyntaxError::new(span, message));
    match bicep_kind(node) {
        // Nothing in these has an error of its own.
        "string" | "multiline_string" if !own.contains('$') => return None,
        "variable" | "type_name" => return None,
        "interpolation" if node.has_error() => return Some(Within::Nothing),
        "interpolation" => return Some(Within::Interpolation),
        "object" if within != Within::Nothing => {
            error(start..end, "an object cannot be interpolated in a string");
            return Some(Within::Nothing);
        }
        "array" | "for" if within == Within::Interpolation => {
            error(start..end, "an array cannot be interpolated in a string");
            return Some(Within::Nothing);
        }
        "lambda" | "func_declaration" => {
            if let Some(arrow) = arrow_before_declaration(node, text) {
                error(arrow..arrow, "expected a value");
            }
            if within == Within::Interpolation {
                return Some(Within::Lambda);
            }
        }
        "identifier" if ["true", "false", "null"].contains(&own) => {
            error(start..end, &format!("`{own}` is no name"));
        }
        "integer" if !is_in_range(own, parent, cursor.field_name()) => {
            error(start..end, "this number is too large");
        }
        "pragma" => {
            let before = text[..start].trim_end_matches([' ', '\t', '\u{feff}']);
            if !before.is_empty() && !before.ends_with('\n') {
                error(start..end, "a pragma begins its line");
            } else if pragma(own).is_some_and(|pragma| pragma.codes.is_empty()) {
                error(end..end, "expected the code of a diagnostic");
            }
        }
        // The parentheses around the parameters of a lambda may break.
        "parenthesized" if cursor.field_name() != Some("parameters") && !node.has_error() => {
            let inside = own[1..own.len() - 1].trim_matches([' ', '\t']);
            let ends = [inside.chars().next(), inside.chars().last()];
            if ends.iter().any(|it| matches!(it, Some('\n' | '\r'))) || inside.starts_with("//") {
                error(start..start, "a line cannot break inside parentheses");
            }
        }
        _ => {}
    }
    Some(within)
}

/// The end of an arrow whose body is on a line that begins with the word of a declaration: the body is missing.
fn arrow_before_declaration(node: Node<'_>, text: &str) -> Option<usize> {
    const DECLARATIONS: [&str; 9] = [
        "assert", "import", "metadata", "param", "var", "resource", "output", "module", "type",
    ];
    let body = node.child_by_field_name("body")?.byte_range();
    let before = &text[node.start_byte()..body.start];
    let (_, indentation) = before.rsplit_once(['\n', '\r'])?;
    let mut words = text[body].split(|c: char| c != '_' && !c.is_ascii_alphanumeric());
    let is_declaration = DECLARATIONS.contains(&words.next()?);
    let arrow = node.start_byte() + before.rfind("=>")?;
    (indentation.trim().is_empty() && is_declaration).then_some(arrow + 2)
}

/// Whether an integer is in range: of 64 bits as a type, of 63 elsewhere, with one more after a sign.
fn is_in_range(digits: &str, parent: Node<'_>, field: Option<&str>) -> bool {
    let most = match parent.kind() {
        "unary" => 1 << 63,
        kind if kind.contains("type") || matches!(field, Some("type" | "returns")) => u64::MAX,
        _ => i64::MAX as u64,
    };
    digits.parse::<u64>().is_ok_and(|number| number <= most)
}

#[cfg(test)]
mod tests {
    use super::super::syntax_errors;
    use crate::syntax::{bicep, parse};

    /// The errors of `var a = <value>`, whose tree has none: the text of each and its message.
    fn check(value: &str, expected: &[(&str, &str)]) {
        check_file(&format!("var a = {value}\n"), expected);
    }

    fn check_file(text: &str, expected: &[(&str, &str)]) {
        let tree = parse(bicep(), text, None);
        assert!(!tree.root_node().has_error(), "{text}");
        let errors = syntax_errors(&tree, text);
        let found: Vec<(&str, &str)> = errors
            .iter()
            .map(|error| (&text[error.span.range()], error.message.as_str()))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn an_interpolation_holds_an_expression_of_one_line_without_objects_and_arrays() {
        const OBJECT: &str = "an object cannot be interpolated in a string";
        const ARRAY: &str = "an array cannot be interpolated in a string";
        const LINE: &str = "expected `}`";
        check("'${{}}'", &[("{}", OBJECT)]);
        check(
            "'x${{ b: [{}] }}y${[1]}'",
            &[("{ b: [{}] }", OBJECT), ("[1]", ARRAY)],
        );
        check("'${f([])}'", &[("[]", ARRAY)]);
        check("'${b[[1]]}'", &[("[1]", ARRAY)]);
        check("'${[for b in c: b]}'", &[("[for b in c: b]", ARRAY)]);
        check("'${'}' == '${[]}'}'", &[("[]", ARRAY)]);
        check("$'''$${ {} }'''", &[("{}", OBJECT)]);
        check("$$'''${[ $$${[]}'''", &[("[]", ARRAY)]);
        // A lambda's body may be an array, but not hold an object; a string in it begins again.
        check("'${map(b, c => [c, [c]])}'", &[]);
        check("'${map(b, c => [{}])}'", &[("{}", OBJECT)]);
        check("'${map(b, c => '${[c]}')}'", &[("[c]", ARRAY)]);
        check("'${f(\nb)}'", &[("", LINE)]);
        check("'${b ? c\n  : d}'", &[("", LINE)]);
        check("'${f('''\n[{'''[0], /* [\n */ b)}'", &[]);
        check("'${b[0]}${c['{']}${d['}']}' // ${[", &[]);
        check("'''${[{'''", &[]);
        check("{ b: '${c}', d: [] }", &[]);
    }

    #[test]
    fn a_pragma_begins_its_line() {
        let wrong = [("#disable-next-line x", "a pragma begins its line")];
        check("1 #disable-next-line x", &wrong);
        check("[\n  1 #disable-next-line x\n]", &wrong);
        check("1\n/* b */ #disable-next-line x", &wrong);
        check("1\n \t#disable-next-line x", &[]);
        check("'#disable-next-line x' // #disable-next-line x", &[]);
        check_file("\u{feff}#disable-next-line x\r\nvar a = 1\r\n", &[]);
    }

    #[test]
    fn numbers_have_a_largest() {
        let number = |text| [(text, "this number is too large")];
        check("9223372036854775807", &[]);
        check("-9223372036854775808", &[]);
        check("0000000000009223372036854775807", &[]);
        check("9223372036854775808", &number("9223372036854775808"));
        check("-9223372036854775809", &number("9223372036854775809"));
        check("-(9223372036854775808)", &number("9223372036854775808"));
        check("b[^9223372036854775808]", &number("9223372036854775808"));
        check_file(
            "type a = 18446744073709551615 | { b: 18446744073709551615 }\n",
            &[],
        );
        check_file(
            "type a = 18446744073709551616\n",
            &number("18446744073709551616"),
        );
        check("18446744073709551616", &number("18446744073709551616"));
        check(
            "[\n  99999999999999999999999\n]",
            &number("99999999999999999999999"),
        );
        check("'18446744073709551616' // 18446744073709551616", &[]);
        for before in 0..25 {
            let value = format!("'{}💪' + 18446744073709551616", "é ".repeat(before));
            check(&value, &number("18446744073709551616"));
        }
    }

    #[test]
    fn a_declaration_word_ends_a_lambda_that_has_no_body_yet() {
        let missing = [("", "expected a value")];
        check("map(b, c =>\n  resource.id)", &missing);
        check("map(b, (c) => // d\n\n  type)", &missing);
        check_file("func a() string =>\n  output\n", &missing);
        check("map(b, c => resource.id)", &[]);
        check("map(b, c =>\n  resources.id)", &[]);
        check("map(b, c => /* =>\n */ type)", &[]);
    }

    #[test]
    fn a_line_breaks_in_no_parentheses_but_those_of_a_call_or_a_lambda() {
        let wrong = [("", "a line cannot break inside parentheses")];
        check("(\n1)", &wrong);
        check("(1 // b\n)", &wrong);
        check_file("resource a 'x' = if (\r\nb\r\n) {}\r\n", &wrong);
        check("f(\n1\n)", &[]);
        check("f(\n  (\n    b,\n    c\n  ) => b\n)", &[]);
        check("(\n(b)\n) => b", &[]);
        check("(1 + (b))", &[]);
    }

    #[test]
    fn reserved_words_are_no_names() {
        let word = |word: &'static str| [(word, format!("`{word}` is no name"))];
        let check = |text: &str, name: &'static str| {
            let [(name, message)] = word(name);
            check_file(text, &[(name, message.as_str())]);
        };
        check("param true string\n", "true");
        check("var null = 1\n", "null");
        check("resource false 'x' = {}\n", "false");
        check("var a = b.true\n", "true");
        check("var a = [for null in b: c]\n", "null");
        check("import { true } from 'a'\n", "true");
        check_file(
            "var a = [true, false, { b: null, nulls: True }] // null\ntype t = true | null\n",
            &[],
        );
    }

    #[test]
    fn a_pragma_names_a_code_and_has_a_line_of_its_own() {
        let missing = [("", "expected the code of a diagnostic")];
        check_file("#disable-next-line\nvar a = 1\n", &missing);
        check_file("#restore-diagnostics \nvar a = 1\n", &missing);
        check_file("#disable-next-line-x\nvar a = 1\n", &[]);
        check_file("#disable-next-linex\nvar a = 1\n", &[]);
        check_file(
            "var a = 1\r#disable-next-line x\rvar b = 1\r",
            &[("#disable-next-line x", "a pragma begins its line")],
        );
    }

    #[test]
    fn a_byte_order_mark_begins_a_file_or_is_text() {
        check("\u{feff}1", &[("\u{feff}", "unexpected byte order mark")]);
        check("'\u{feff}' // \u{feff}", &[]);
    }

    #[test]
    fn what_cannot_be_parsed_is_reported_once() {
        let text = "resource a ] \u{feff} {\n}\n";
        let errors = syntax_errors(&parse(bicep(), text, None), text);
        assert_eq!(errors.len(), 1, "{errors:?}");
    }

    #[test]
    fn what_the_compiler_accepts_is_no_error() {
        check("map(b, (c, d,) => c)", &[]);
        check("(1) => b", &[]);
        check("f((b.c) => d)", &[]);
        check("'a\0b' /* \0 */ // \0", &[]);
        check_file("func f(a int, b int,) int => a\n", &[]);
        check_file("type a = 'b'\n/* c */ | 'd'\n", &[]);
        check_file("type a = resource 'x@y'\n", &[]);
    }

    #[test]
    fn statements_belong_to_one_kind_of_file() {
        use super::super::misplaced_statements;
        use crate::syntax::Dialect;
        let count = |text: &str, dialect| {
            let tree = parse(bicep(), text, None);
            assert!(!tree.root_node().has_error(), "{text}");
            misplaced_statements(&tree, dialect).len()
        };
        for (text, template, parameters) in [
            ("using 'a.bicep'\nparam b = 1\n", 2, 0),
            ("param b string = 'x'\noutput c string = b\n", 0, 2),
            ("resource a 'x@y' = {}\nmodule b 'c' = {}\n", 0, 2),
            ("import 'a@1.0'\n", 0, 1),
            (
                "import * as a from 'b'\nvar c int = 1\ntype d = int\n",
                0,
                0,
            ),
        ] {
            assert_eq!(count(text, Dialect::Template), template, "{text}");
            assert_eq!(count(text, Dialect::Parameters), parameters, "{text}");
        }
    }

    #[test]
    fn deep_text_costs_one_walk() {
        for (open, close) in [("'${", "}'"), ("f(\\n", ")"), ("b =>\n", ""), ("[", "]")] {
            let deep = format!("var a = {}1{}\n", open.repeat(20_000), close.repeat(20_000));
            let tree = parse(bicep(), deep.as_str(), None);
            let _ = syntax_errors(&tree, deep.as_str());
        }
    }
}
