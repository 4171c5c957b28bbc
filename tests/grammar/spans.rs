//! Where nodes begin and end: a tree of the right shape whose spans are off puts squiggles under the wrong words, and
//! fixes in the wrong places.

use preflight::syntax::{bicep, parse};

/// The texts of all nodes of a kind, in the order of the text.
fn check(text: &str, kind: &str, expected: &[&str]) {
    let tree = parse(bicep(), text, None);
    assert!(!tree.root_node().has_error(), "{text}");
    let mut found = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        if node.is_named() && node.kind() == kind {
            found.push(&text[node.byte_range()]);
        }
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                assert_eq!(found, expected, "{kind} in {text}");
                return;
            }
        }
    }
}

#[test]
fn operators_cover_their_operands() {
    check("var a = b == c.d\n", "binary", &["b == c.d"]);
    check("var a = b == c.d\n", "member", &["c.d"]);
    check("var a = !b.c\n", "unary", &["!b.c"]);
    check("var a = !b.c == -d\n", "unary", &["!b.c", "-d"]);
    check("var a = b - c - d\n", "binary", &["b - c - d", "b - c"]);
    check(
        "var a = b ?? c ?? d\n",
        "binary",
        &["b ?? c ?? d", "b ?? c"],
    );
    check("var a = b!.c[^1].?d\n", "non_null", &["b!"]);
    check("var a = b!.c[^1].?d\n", "index", &["b!.c[^1]"]);
    check("var a = b::c.d\n", "resource_access", &["b::c"]);
}

#[test]
fn lines_end_what_they_end() {
    check(
        "var a = b\n  ? c // x\n\n  : d\nvar e = 1\n",
        "ternary",
        &["b\n  ? c // x\n\n  : d"],
    );
    check("var a = [\n  b\n  (c)\n]\n", "parenthesized", &["(c)"]);
    check("var a = [\n  b()\n  [c]\n]\n", "call", &["b()"]);
    check("var a = 1 // x \\\nvar b = 2\n", "comment", &["// x \\"]);
    check("var a = 1 // x\r\nvar b = 2\r\n", "comment", &["// x"]);
    check(
        "var a = 1 // x \\\nvar b = 2\n",
        "var_declaration",
        &["var a = 1", "var b = 2"],
    );
    check(
        "#disable-next-line a b // c\nvar d = 1\n",
        "pragma",
        &["#disable-next-line a b"],
    );
    check(
        "@a()\n// c\n\nparam b string // d\n\n",
        "param_declaration",
        &["@a()\n// c\n\nparam b string"],
    );
}

#[test]
fn strings_cover_their_quotes() {
    check("var a = '//${b}/* x'\n", "string", &["'//${b}/* x'"]);
    check("var a = '//${b}/* x'\n", "string_content", &["//", "/* x"]);
    check(
        "var a = '${f('x${y}')}'\n",
        "interpolation",
        &["${f('x${y}')}", "${y}"],
    );
    check(
        "var a = '''x''''\nvar b = $$'''$${c}'''\n",
        "multiline_string",
        &["'''x''''", "$$'''$${c}'''"],
    );
    check(
        "var a = '\\u{1F600}\\'😀'\n",
        "escape",
        &["\\u{1F600}", "\\'"],
    );
}

#[test]
fn types_and_loops_cover_their_parts() {
    check("param a string[]?\n", "nullable_type", &["string[]?"]);
    check("param a string[]?\n", "array_type", &["string[]"]);
    check("type a = 'x'\n  | 'y'?\n", "union_type", &["'x'\n  | 'y'?"]);
    check("type a = 'x'\n  | 'y'?\n", "nullable_type", &["'y'?"]);
    check(
        "param a resourceInput<'M.S/s@1'>.properties?\n",
        "generic_type",
        &["resourceInput<'M.S/s@1'>"],
    );
    check(
        "var a = [\n  for x in b: x ? 1 : 2\n]\n",
        "for",
        &["[\n  for x in b: x ? 1 : 2\n]"],
    );
    check("var a = f(x => y ?? z, w)\n", "lambda", &["x => y ?? z"]);
    check(
        "resource a 'x@y' = {\n  resource: 1\n  resource b 'c' = {}\n}\n",
        "property",
        &["resource: 1"],
    );
}
