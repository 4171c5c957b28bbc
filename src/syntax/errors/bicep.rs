//! Errors that Bicep's grammar accepts and the compiler refuses: an object interpolated in a string, an integer beyond
//! 64 bits, a pragma after code.
//!
//! The grammar could refuse them only with a second copy of every expression rule. A search of the text finds candidates
//! and the tree decides, so a valid file costs one pass over its bytes.

use std::ops::Range;

use memchr::{memchr_iter, memmem};
use tree_sitter::{Node, Tree, TreeCursor};

use super::SyntaxError;
use crate::text::{Source, Span};

/// The words that end an open lambda when they begin the line after its arrow.
const DECLARATION_WORDS: [&str; 9] = [
    "assert", "import", "metadata", "param", "var", "resource", "output", "module", "type",
];

/// The longest name.
const LONGEST_NAME: usize = 255;

/// A shorter run of digits is a number that 63 bits hold.
const LONG_NUMBER: usize = 19;

/// The errors of a Bicep tree that are no errors of its grammar, in no order.
pub(super) fn find(tree: &Tree, text: &(impl Source + ?Sized), errors: &mut Vec<SyntaxError>) {
    let text = &*text.slice(Span::new(0, text.len() as u32));
    interpolations(tree, text, errors);
    pragmas(tree, text, errors);
    escapes(tree, text, errors);
    words(tree, text, errors);
    arrows(tree, text, errors);
    reserved(tree, text, errors);
    brackets(tree, text, errors);
    misplaced_characters(tree, text, errors);
}

fn error(span: Range<usize>, message: impl Into<String>) -> SyntaxError {
    SyntaxError {
        span: Span::of(span),
        message: message.into(),
    }
}

/// Moves to the smallest node over some bytes, from that over bytes before them: nothing is walked twice, however deep.
fn advance<'tree>(cursor: &mut TreeCursor<'tree>, to: &Range<usize>) -> Node<'tree> {
    let covers = |node: Node<'_>| node.start_byte() <= to.start && to.end <= node.end_byte();
    while !covers(cursor.node()) && cursor.goto_parent() {}
    while cursor.goto_first_child_for_byte(to.start).is_some() {
        if !covers(cursor.node()) {
            cursor.goto_parent();
            break;
        }
    }
    cursor.node()
}

// ---- interpolations

/// A string's interpolation holds an expression on one line, without objects, and without arrays but in a lambda's body.
fn interpolations(tree: &Tree, text: &str, errors: &mut Vec<SyntaxError>) {
    let mut cursor = tree.walk();
    let mut seen = 0;
    for at in memmem::find_iter(text.as_bytes(), "${") {
        if at < seen || !is_suspect(&text.as_bytes()[at + 2..]) {
            continue;
        }
        // More `$` than a multi-line string requires are before the ones that open.
        if advance(&mut cursor, &(at..at + 2)).kind() != "interpolation" {
            cursor.goto_parent();
        }
        let interpolation = cursor.node();
        if interpolation.kind() == "interpolation" {
            seen = interpolation.end_byte();
            if !interpolation.has_error() {
                interpolation_errors(interpolation, text, errors);
            }
        }
    }
}

/// Whether an interpolation may hold what it must not: a bracket or a line end before the first `}` that is no text.
fn is_suspect(interpolation: &[u8]) -> bool {
    let mut quoted = false;
    for &byte in interpolation {
        match byte {
            b'\'' => quoted = !quoted,
            b'}' if !quoted => return false,
            b'{' | b'[' | b'\n' | b'\r' => return true,
            _ => {}
        }
    }
    false
}

fn interpolation_errors(interpolation: Node<'_>, text: &str, errors: &mut Vec<SyntaxError>) {
    let mut within = vec![(interpolation, false)];
    let mut cursor = interpolation.walk();
    let mut tokens = Vec::new();
    while let Some((node, in_lambda)) = within.pop() {
        let literal = match node.kind() {
            "object" => Some("object"),
            "array" | "for" if !in_lambda => Some("array"),
            _ => None,
        };
        if let Some(literal) = literal {
            let words = format!("an {literal} cannot be interpolated in a string");
            errors.push(error(node.byte_range(), words));
        }
        if literal.is_some() || node.child_count() == 0 || node.is_extra() {
            tokens.push(node.byte_range());
            continue;
        }
        let in_lambda = match node.kind() {
            "interpolation" => false,
            "lambda" => true,
            _ => in_lambda,
        };
        within.extend(node.children(&mut cursor).map(|child| (child, in_lambda)));
    }
    // What is between the tokens is blank, or a new line.
    tokens.sort_unstable_by_key(|token| token.start);
    let new_line = tokens.windows(2).find_map(|pair| {
        let between = text.get(pair[0].end..pair[1].start)?;
        Some(pair[0].end + between.find(['\n', '\r'])?)
    });
    errors.extend(new_line.map(|at| error(at..at, "expected `}`")));
}

// ---- pragmas

/// A pragma has its line for itself.
fn pragmas(tree: &Tree, text: &str, errors: &mut Vec<SyntaxError>) {
    let mut cursor = tree.walk();
    for at in memchr_iter(b'#', text.as_bytes()) {
        let mut before = text[..at].chars().rev();
        let code = before.find(|character| !matches!(character, ' ' | '\t' | '\u{feff}'));
        let first = code.is_none_or(|code| code == '\n');
        // A pragma without a code ends with its keyword.
        let named = text[at + 1..]
            .trim_start_matches(|c: char| c.is_ascii_lowercase() || c == '-')
            .trim_start_matches([' ', '\t'])
            .starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if first && named {
            continue;
        }
        let pragma = advance(&mut cursor, &(at..at + 1));
        if pragma.kind() != "pragma" || pragma.start_byte() != at {
            continue;
        }
        if !first {
            errors.push(error(pragma.byte_range(), "a pragma begins its line"));
        } else if super::super::bicep::pragma(&text[pragma.byte_range()])
            .is_some_and(|pragma| pragma.codes.is_empty())
        {
            let end = pragma.end_byte();
            errors.push(error(end..end, "expected the code of a diagnostic"));
        }
    }
}

// ---- words and escapes

/// A code point has a place in Unicode.
fn escapes(tree: &Tree, text: &str, errors: &mut Vec<SyntaxError>) {
    let mut cursor = tree.walk();
    for at in memmem::find_iter(text.as_bytes(), "\\u{") {
        let digits = text.as_bytes()[at + 3..].iter();
        let code = digits
            .map_while(|&digit| char::from(digit).to_digit(16))
            .try_fold(0, |code, digit| {
                let code = code * 16 + digit;
                (code <= u32::from(char::MAX)).then_some(code)
            });
        if code.is_some() {
            continue;
        }
        let escape = advance(&mut cursor, &(at..at + 1));
        if escape.kind() == "escape" && escape.start_byte() == at {
            errors.push(error(escape.byte_range(), "Unicode has no such character"));
        }
    }
}

/// Names and numbers have a longest.
fn words(tree: &Tree, text: &str, errors: &mut Vec<SyntaxError>) {
    let mut cursor = tree.walk();
    let bytes = text.as_bytes();
    let in_word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    let (mut seen, mut at) = (0, LONG_NUMBER - 1);
    // Every run that is long enough holds one of these places.
    while at < bytes.len() {
        let start = at - bytes[seen..at].iter().rev().take_while(in_word).count();
        let end = at + bytes[at..].iter().take_while(in_word).count();
        let word = text.get(start..end).unwrap_or_default();
        let number = word.bytes().all(|byte| byte.is_ascii_digit());
        let message = match (number, word.len()) {
            (true, LONG_NUMBER..) if word.parse::<i64>().is_err() => {
                Some(("integer", "this number is too large".to_owned()))
            }
            (false, length) if length > LONGEST_NAME => Some((
                "identifier",
                format!("a name has at most {LONGEST_NAME} characters"),
            )),
            _ => None,
        };
        if let Some((kind, message)) = message {
            let node = advance(&mut cursor, &(start..end));
            let found = node.kind() == kind && node.byte_range() == (start..end);
            if found && !(number && is_in_range(word, &mut cursor)) {
                errors.push(error(start..end, message));
            }
        }
        seen = end;
        at = end + LONG_NUMBER;
    }
}

/// Whether an integer beyond 63 bits is still in range: as the lowest number after its sign, or as a type.
fn is_in_range(word: &str, cursor: &mut TreeCursor<'_>) -> bool {
    let Ok(number) = word.parse::<u64>() else {
        return false;
    };
    let field = cursor.field_name();
    if !cursor.goto_parent() || matches!(field, Some("type" | "returns")) {
        return field.is_some();
    }
    match cursor.node().kind() {
        "unary" => {
            let sign = cursor.node().child_by_field_name("operator");
            number == 1 << 63 && sign.is_some_and(|sign| sign.kind() == "-")
        }
        "index_type" => false,
        "type_arguments" => true,
        kind => kind.ends_with("_type"),
    }
}

/// `true`, `false` and `null` are no names.
fn reserved(tree: &Tree, text: &str, errors: &mut Vec<SyntaxError>) {
    let in_word = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    for word in ["true", "false", "null"] {
        let mut cursor = tree.walk();
        for at in memmem::find_iter(text.as_bytes(), word) {
            let end = at + word.len();
            let bytes = text.as_bytes();
            // A value follows `=`, `:`, a bracket or an operator, as a rule; a name follows a word or a dot.
            let mut before = bytes[..at].iter().rev().filter(|byte| **byte != b' ');
            let value = before.next().is_none_or(|byte| matches!(byte, b':' | b'='));
            if value || in_word(bytes.get(end)) || at > 0 && in_word(bytes.get(at - 1)) {
                continue;
            }
            let node = advance(&mut cursor, &(at..end));
            if node.kind() == "identifier" && node.byte_range() == (at..end) {
                errors.push(error(at..end, format!("`{word}` is no name")));
            }
        }
    }
}

// ---- lines, brackets, characters

/// A line cannot break inside the parentheses around an expression; those around a lambda's parameters may.
fn brackets(tree: &Tree, text: &str, errors: &mut Vec<SyntaxError>) {
    let mut cursor = tree.walk();
    let mut check = |at: usize| {
        advance(&mut cursor, &(at..at + 1));
        if cursor.node().kind() == "parenthesized" || cursor.goto_parent() {
            let node = cursor.node();
            let lambda = cursor.field_name() == Some("parameters");
            if node.kind() == "parenthesized" && !lambda && !node.has_error() {
                errors.push(error(at..at, "a line cannot break inside parentheses"));
            }
        }
    };
    for at in memchr::memchr2_iter(b'(', b')', text.as_bytes()) {
        let (before, after) = (&text[..at], &text[at + 1..]);
        let breaks = if text.as_bytes()[at] == b'(' {
            let rest = after.trim_start_matches([' ', '\t']);
            rest.starts_with(['\n', '\r']) || rest.starts_with("//")
        } else {
            before.trim_end_matches([' ', '\t']).ends_with(['\n', '\r'])
        };
        if breaks {
            check(at);
        }
    }
}

/// A byte order mark belongs to the beginning of a file, a type is nullable once, and an index is no list.
fn misplaced_characters(tree: &Tree, text: &str, errors: &mut Vec<SyntaxError>) {
    let mut cursor = tree.walk();
    for at in memmem::find_iter(text.as_bytes(), "\u{feff}") {
        let end = at + '\u{feff}'.len_utf8();
        let node = advance(&mut cursor, &(at..end));
        let in_text = [
            "comment",
            "pragma",
            "string_content",
            "escape",
            "multiline_string",
        ];
        if at > 0 && !in_text.contains(&node.kind()) && !node.is_error() {
            errors.push(error(at..end, "unexpected byte order mark"));
        }
    }
    for at in memmem::find_iter(text.as_bytes(), "??") {
        advance(&mut cursor, &(at..at + 1));
        if cursor.goto_parent() && cursor.node().kind() == "nullable_type" {
            errors.push(error(at + 1..at + 2, "unexpected `?`"));
        }
    }
    for at in memchr_iter(b'[', text.as_bytes()) {
        if text[at + 1..].starts_with(['[', '{']) {
            advance(&mut cursor, &(at..at + 1));
            if cursor.goto_parent() && cursor.node().kind() == "index_type" {
                errors.push(error(at + 1..at + 1, "expected an index"));
            }
        }
    }
}

// ---- lambdas

/// What begins as a declaration on the line after an arrow is no lambda's body.
fn arrows(tree: &Tree, text: &str, errors: &mut Vec<SyntaxError>) {
    let mut cursor = tree.walk();
    for at in memmem::find_iter(text.as_bytes(), "=>") {
        let rest = text[at + 2..].trim_start_matches([' ', '\t']);
        if !rest.starts_with(['\n', '\r', '/'])
            || advance(&mut cursor, &(at..at + 2)).kind() != "=>"
        {
            continue;
        }
        let mut end = at + 2;
        let mut new_line = false;
        while cursor.goto_next_sibling() {
            let node = cursor.node();
            let between = text.get(end..node.start_byte()).unwrap_or_default();
            new_line |= between.contains(['\n', '\r']);
            if !node.is_extra() {
                break;
            }
            end = node.end_byte();
        }
        let rest = text.get(cursor.node().start_byte()..).unwrap_or_default();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let word = &rest[..end.unwrap_or(rest.len())];
        if new_line && DECLARATION_WORDS.contains(&word) {
            errors.push(error(at + 2..at + 2, "expected a value"));
        }
    }
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
    fn numbers_names_and_code_points_have_a_largest() {
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
        let code = |text| [(text, "Unicode has no such character")];
        check(r"'\u{10FFFF}\u{0000000041}'", &[]);
        check(r"'\u{110000}'", &code(r"\u{110000}"));
        check(r"'x\u{FFFFFFFFFFF}'", &code(r"\u{FFFFFFFFFFF}"));
        check(r"'''\u{110000}''' // \u{110000}", &[]);
        let name = "n".repeat(255);
        check(&name, &[]);
        let long = format!("{name}n");
        check(&long, &[(&long, "a name has at most 255 characters")]);
        check(&format!("'{long}'"), &[]);
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
        check_file(
            "resource a 'x' = if (\r\nb\r\n) {}\r\n",
            &[wrong[0], wrong[0]],
        );
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
    fn byte_order_marks_second_question_marks_and_lists_as_indices_are_errors() {
        check("\u{feff}1", &[("\u{feff}", "unexpected byte order mark")]);
        check("'\u{feff}' // \u{feff}", &[]);
        check_file("type a = string??\n", &[("?", "unexpected `?`")]);
        check("b ?? c", &[]);
        check_file("type a = b[{}]\n", &[("", "expected an index")]);
        check_file("type a = b[[]][]\n", &[("", "expected an index")]);
        check("b[[1][0]]", &[]);
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
