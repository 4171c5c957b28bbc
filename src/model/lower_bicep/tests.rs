//! What Bicep lowers to, printed as text; and that layout does not change it.

use super::lower_bicep;
use crate::model::lower::NoMemo;
use crate::model::tests::dump::dump;
use crate::model::{FileKind, FileModel, ItemKind, NodeId};
use crate::syntax;

mod deep;
mod memo;

fn lower(kind: FileKind, text: &str) -> FileModel {
    lower_bicep(
        kind,
        &syntax::parse(syntax::bicep(), text, None),
        text,
        &NoMemo,
    )
}

/// Lowers a `.bicep` file; the expectation is trimmed of the indentation of the test.
fn check(text: &str, expect: &str) {
    same(text, &dump(&lower(FileKind::Bicep, text).template), expect);
}

/// As [`check`], for a `.bicepparam` file.
fn check_params(text: &str, expect: &str) {
    same(
        text,
        &dump(&lower(FileKind::BicepParams, text).template),
        expect,
    );
}

/// One expression, as the value of a variable.
fn check_expr(text: &str, expect: &str) {
    check(&format!("var x = {text}\n"), &format!("var x = {expect}"));
}

/// One type, as that of a parameter.
fn check_type(text: &str, expect: &str) {
    check(&format!("param x {text}\n"), &format!("param x: {expect}"));
}

fn same(text: &str, got: &str, expect: &str) {
    let lines = expect.trim_matches('\n').lines();
    let margin = |line: &str| line.len() - line.trim_start().len();
    let indent = lines
        .clone()
        .filter(|line| !line.trim().is_empty())
        .map(margin)
        .min()
        .unwrap_or(0);
    let expect: Vec<&str> = lines
        .map(|line| line.get(indent..).unwrap_or(""))
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(got.trim_end(), expect.join("\n"), "\n{text}");
}

/// The text of every node of the `n`th item, in the order of their numbers.
fn nodes_of<'a>(model: &FileModel, n: usize, text: &'a str) -> Vec<&'a str> {
    let (start, spans) = &model.spans[n];
    let nodes = spans.nodes.iter();
    nodes
        .map(|span| &text[span.shift(*start).range()])
        .collect()
}

/// As [`nodes_of`], for the first item of a Bicep file.
fn nodes(text: &str) -> Vec<&str> {
    nodes_of(&lower(FileKind::Bicep, text), 0, text)
}

// ---- expressions

#[test]
fn operators_are_the_functions_they_compile_to() {
    for (text, expect) in [
        ("a ? b : c", "if(a, b, c)"),
        ("a ?? b", "coalesce(a, b)"),
        ("a || b && c", "or(a, and(b, c))"),
        ("a == b", "equals(a, b)"),
        ("a != b", "not(equals(a, b))"),
        ("a =~ b", "equals(toLower(a), toLower(b))"),
        ("a !~ b", "not(equals(toLower(a), toLower(b)))"),
        ("a < b", "less(a, b)"),
        ("a <= b", "lessOrEquals(a, b)"),
        ("a > b", "greater(a, b)"),
        ("a >= b", "greaterOrEquals(a, b)"),
        ("a + b - c", "sub(add(a, b), c)"),
        ("a * b / c % d", "mod(div(mul(a, b), c), d)"),
        ("a + b * c", "add(a, mul(b, c))"),
        ("!a.b", "not(a.b)"),
        ("!a[0]", "not(a[0])"),
        ("!a.f(b).c", "not(a->f(b).c)"),
        ("!a::b", "not(a::b)"),
        ("!a!", "not(a)"),
        ("-a.?b", "sub(0, a.?b)"),
        ("!f(a).b && c", "and(not(f(a).b), c)"),
        ("-a", "sub(0, a)"),
        ("a == b.c", "equals(a, b.c)"),
        ("a ? b : c ? d : e", "if(a, b, if(c, d, e))"),
        ("a!", "a"),
        ("((a))", "a"),
        ("(a + b) * c", "mul(add(a, b), c)"),
        ("a!.b", "a.b"),
    ] {
        check_expr(text, expect);
    }
}

#[test]
fn literals() {
    for (text, expect) in [
        ("null", "null"),
        ("true", "true"),
        ("false", "false"),
        ("0", "0"),
        ("-1", "-1"),
        ("-(1)", "-1"),
        ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("9223372036854775808", r#"!"an integer out of range""#),
        ("[]", "[]"),
        ("{}", "{}"),
        ("[1, 2\n  3\n]", "[1, 2, 3]"),
        ("{ a: 1, 'b-c': 2 }", r#"{a: 1, "b-c": 2}"#),
        ("{ 'a': 1 }", "{a: 1}"),
        ("{ '${k}-x': 1 }", r#"{$(k "-x"): 1}"#),
        ("[...a, b]", "[...a, b]"),
        ("{ ...a\n  b: 1\n}", "{...a, b: 1}"),
        ("{ resource: 1 }", "{resource: 1}"),
        ("{ if: 1, for: 2, param: 3 }", "{if: 1, for: 2, param: 3}"),
    ] {
        check_expr(text, expect);
    }
}

#[test]
fn strings() {
    for (text, expect) in [
        (r"''", r#""""#),
        (r"'a'", r#""a""#),
        (r"'it\'s \\ \$ {} \${x}'", r#""it's \\ $ {} ${x}""#),
        (r"'\n\r\t'", r#""\n\r\t""#),
        (r"'\u{48}\u{1F600}'", r#""H😀""#),
        (r"'\u{D800}'", "\"\u{FFFD}\""),
        (r"'//x /* y */'", r#""//x /* y */""#),
        (r"'$x $$'", r#""$x $$""#),
        (r"'${a}'", "$(a)"),
        (r"'a${b}c'", r#"$("a" b "c")"#),
        (r"'\'${a}${b}\n'", r#"$("'" a b "\n")"#),
        (r"'${'${a}x'}y'", r#"$($(a "x") "y")"#),
        (r"'$${a}'", r#"$("$" a)"#),
        ("''''''", r#""""#),
        ("'''a'''", r#""a""#),
        ("'''\na\n'''", r#""a\n""#),
        ("'''\r\na\r\nb'''", r#""a\r\nb""#),
        ("'''\n\na'''", r#""\na""#),
        (r"'''\n ${a}'''", r#""\\n ${a}""#),
        ("''''a'''''", r#""'a''""#),
        ("$'''a${b}c'''", r#"$("a" b "c")"#),
        ("$'''\n${a}\n'''", r#"$(a "\n")"#),
        ("$'''a'''", r#""a""#),
        ("$$'''a${b}$${c}'''", r#"$("a${b}" c)"#),
        ("$'''$${a}'''", r#"$("$" a)"#),
        ("$'''${a}''''", r#"$(a "'")"#),
        ("$'''${'''b'''}'''", r#"$("b")"#),
    ] {
        check_expr(text, expect);
    }
}

#[test]
fn what_follows_an_expression() {
    for (text, expect) in [
        ("a.b.c", "a.b.c"),
        ("a['b'].c", "a.b.c"),
        ("a['b c']", r#"a["b c"]"#),
        ("a[0]", "a[0]"),
        ("a[b]", "a[b]"),
        ("a.?b", "a.?b"),
        ("a[?b]", "a[?b]"),
        ("a[^1]", "a[^1]"),
        ("a[?^1]", "a[?^1]"),
        ("a::b::c", "a::b::c"),
        ("a::b.c", "a::b.c"),
        ("f()", "f()"),
        ("f(a, 1)", "f(a, 1)"),
        ("f(\n  a,\n  b\n)", "f(a, b)"),
        ("sys.f(a)", "sys.f(a)"),
        ("az.f(a)", "az.f(a)"),
        ("ns.f(a)", "ns->f(a)"),
        ("a.b.f(c)", "a.b->f(c)"),
        ("f(a)[0].b", "f(a)[0].b"),
        ("sys.f(a).g(b)", "sys.f(a)->g(b)"),
    ] {
        check_expr(text, expect);
    }
}

#[test]
fn lambdas_and_loops() {
    for (text, expect) in [
        ("map(a, x => x.b)", "map(a, (x) => x.b)"),
        ("map(a, (x, i) => i)", "map(a, (x, i) => i)"),
        ("f(() => 1)", "f(() => 1)"),
        ("[for x in xs: x]", "[for x in xs: x]"),
        ("[for (x, i) in xs: { a: i }]", "[for x, i in xs: {a: i}]"),
        (
            "[\n  for x in range(0, 2): [for y in x: y]\n]",
            "[for x in range(0, 2): [for y in x: y]]",
        ),
    ] {
        check_expr(text, expect);
    }
}

// ---- types

#[test]
fn types() {
    for (text, expect) in [
        ("string", "string"),
        ("sys.int", "int"),
        ("any", "any"),
        ("myType", "@myType"),
        ("ns.myType", "@ns.myType"),
        ("myType.a.b", "@myType.a.b"),
        ("'a' | 'b'", r#"("a" | "b")"#),
        ("('a' | 'b') | 'c'", r#"("a" | "b" | "c")"#),
        ("'a'\n  | 'b'", r#"("a" | "b")"#),
        (
            "1 | -1 | true | !true | null",
            "(1 | -1 | true | false | null)",
        ),
        ("string[]", "string[]"),
        ("('a' | 'b')[]", r#"("a" | "b")[]"#),
        ("string?", "string nullable"),
        ("(string?)", "string nullable"),
        ("(string?)!", "string nullable"),
        ("(string?)[]", "string?[]"),
        ("[string, int]", "[string, int]"),
        ("{ a: string\n  'b-c': int? }", "{a: string, b-c: int?}"),
        ("{ a: string, *: int }", "{a: string, *: int}"),
        ("{ *: 'x' }", r#"{*: "x"}"#),
        ("{ @description('d')\n  a: string\n}", "{a: string}"),
        ("resourceInput<'A/b@1'>.name", "any"),
        ("sys.resourceOutput<'A/b@1'>", "any"),
        ("resource 'A/b@1'", "any"),
        ("a[*]", "@a.[*]"),
        ("a.*", "@a..*"),
        ("a[0].b", "@a.[0].b"),
        ("resourceInput<'A/b@1'>[*]", "any"),
    ] {
        check_type(text, expect);
    }
}

// ---- declarations

#[test]
fn parameters() {
    check(
        "
        param a string
        param b int = 1
        @allowed(['x', 'y'])
        @description('d')
        param c string = 'x'
        @sys.secure()
        @sys.allowed([
          'x'
        ])
        param d string?
        @az.secure()
        param e object
        @secure
        param f object
        @minLength(1)
        param g string
        @minLength(0)
        param h string
        ",
        r#"
        param a: string
        param b: int = 1
        param c: string allowed ["x", "y"] = "x"
        param d: string nullable secure allowed ["x"]
        param e: object
        param f: object secure
        param g: string nonempty
        param h: string
        "#,
    );
}

#[test]
fn other_declarations() {
    check(
        "
        targetScope = 'subscription'
        metadata author = { name: 'x' }
        var a = 1
        @export()
        var b string[] = ['x']
        type t = 'a' | 'b'
        @discriminator('kind')
        type u = t | { kind: 'c' }
        func f(a string, b t?) string => '${a}'
        func g() int =>
          1
        output o string = a
        output p resource 'A/b@1' = q
        import { x, y as z, 'q-r' as s } from 'types.bicep'
        import * as ns from 'br/public:m:1'
        import 'kubernetes@1.0' as k8s
        extension microsoftGraph
        assert ok = a == 1
        ",
        r#"
        scope Subscription
        nothing
        metadata author = {name: "x"}
        var a = 1
        var b = ["x"]
        type t = ("a" | "b")
        type u = (@t | {kind: "c"})
        func f(a: string, b: @t?) = $(a)
        func g() = 1
        output o = a
        output p = q
        import {x as x, y as z, q-r as s} from "types.bicep"
        import * as ns from "br/public:m:1"
        nothing
        nothing
        nothing
        "#,
    );
}

#[test]
fn parameter_files() {
    check_params(
        "
        using './main.bicep'
        extends 'base.bicepparam'
        param a = readEnvironmentVariable('X', 'd')
        var b = [for x in [1]: x]
        import { c } from 'x.bicep'
        param d = { e: b }
        ",
        r#"
        using "./main.bicep"
        extends "base.bicepparam"
        assign a = readEnvironmentVariable("X", "d")
        var b = [for x in [1]: x]
        import {c as c} from "x.bicep"
        assign d = {e: b}
        "#,
    );
    check_params("using none\n", "using none");
    check_params("using 'x.bicep' with { mode: 'm' }\n", r#"using "x.bicep""#);
}

#[test]
fn resources() {
    check(
        "
        resource plain 'Microsoft.Foo/bars@2020-01-01' = {
          name: 'n'
          location: l
        }
        resource there 'az:Microsoft.Foo/bars@2020-01-01' existing = {
          name: n
          scope: resourceGroup('g')
        }
        resource kid 'Microsoft.Foo/bars/kids@2020-01-01' = if (a && (b)) {
          parent: plain
          name: 'k'
        }
        @batchSize(1)
        resource many 'Microsoft.Foo/bars@2020-01-01' = [for (x, i) in xs: {
          name: '${x}${i}'
        }]
        resource some 'Microsoft.Foo/bars@2020-01-01' = [
          for x in xs: if (x.on) {
            name: x.name
          }
        ]
        resource odd 'Microsoft.Foo/bars@${v}' = {}
        resource bare 'Microsoft.Foo/bars' = {
        }
        ",
        r#"
        resource plain Microsoft.Foo/bars@2020-01-01
          name "n"
          body {name: "n", location: l}
        resource there Microsoft.Foo/bars@2020-01-01 existing
          name n
          scope resourceGroup("g")
          body {name: n, scope: resourceGroup("g")}
        resource kid Microsoft.Foo/bars/kids@2020-01-01
          if and(a, b)
          name "k"
          parent plain
          body {parent: plain, name: "k"}
        resource many Microsoft.Foo/bars@2020-01-01
          for x, i in xs
          name $(x i)
          body {name: $(x i)}
        resource some Microsoft.Foo/bars@2020-01-01
          for x in xs
          if x.on
          name x.name
          body {name: x.name}
        resource odd ?
          body {}
        resource bare Microsoft.Foo/bars
          body {}
        "#,
    );
}

#[test]
fn nested_resources() {
    check(
        "
        resource top 'M.F/a@1' = [for x in xs: if (c) {
          name: 'top'
          properties: {}

          resource mid 'b' = if (d) {
            name: 'mid'
            resource low 'c@2' existing = {
              name: 'low'
            }
          }
          @description('d')
          resource other 'e@3' = {
            name: 'other'
          }
          resource: 1
        }]
        resource q 'M.F/a@${x}' = {
          name: 'q'
          resource r 'b@1' = [for y in ys: {
            name: y
          }]
        }
        ",
        r#"
        resource top M.F/a@1
          for x in xs
          if c
          name "top"
          body {name: "top", properties: {}, resource: 1}
          resource mid M.F/a/b@1
            for x in xs
            if c
            if d
            name "mid"
            body {name: "mid"}
            resource low M.F/a/b/c@2 existing
              for x in xs
              if c
              if d
              name "low"
              body {name: "low"}
          resource other M.F/a/e@3
            for x in xs
            if c
            name "other"
            body {name: "other"}
        resource q ?
          name "q"
          body {name: "q"}
          resource r ?@1
            for y in ys
            name y
            body {name: y}
        "#,
    );
}

#[test]
fn modules() {
    check(
        "
        module a './a.bicep' = {
          name: 'a'
          params: {
            x: 1
            ...rest
          }
        }
        module b 'br/public:avm/x:1.0' = [for (x, i) in xs: if (c) {
          scope: resourceGroup(x)
          params: {}
        }]
        module c '${p}.bicep' = if (d) {
        }
        ",
        r#"
        module a "./a.bicep" inner
          name "a"
          arguments {x: 1, ...rest}
        module b "br/public:avm/x:1.0" inner
          for x, i in xs
          if c
          scope resourceGroup(x)
          arguments {}
        module c ? inner
          if d
        "#,
    );
}

#[test]
fn names_used_and_not_bound() {
    let check = |text: &str, expected: &str| {
        let model = lower(FileKind::Bicep, text);
        let mut names: Vec<&str> = model.template.items[0]
            .uses()
            .iter()
            .map(|n| n.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.join(" "), expected, "{text}");
    };
    check("var a = [for (x, i) in xs: { b: x, c: i, d: e }]\n", "e xs");
    check("var a = map(xs, (x) => x.y + z)\n", "xs z");
    check("param a string = '${b}-x'\n", "b");
    check("output a string = b.c\n", "b");
    check("func f(a string) string => '${a}${b}'\n", "b");
    check("resource r 'A/b/c@1' = {\n parent: p\n name: 'n'\n}\n", "p");
    check(
        "module m 'm.bicep' = { name: a, params: { b: c.outputs.d } }\n",
        "a c",
    );
    check(
        "resource r 'A/b@1' = [for x in xs: if (x.c) {\n name: x\n resource k 'c' = {\n name: '${x}${n}'\n }\n}]\n",
        "n xs",
    );
}

// ---- layout

/// Both are equal: equal hashes, equally many nodes, and node for node the same text but for its layout.
fn alike(one: &str, other: &str) {
    let [a, b] = [one, other].map(|text| lower(FileKind::Bicep, text));
    assert_eq!(
        a.template.items[0].hash, b.template.items[0].hash,
        "{one}\n{other}"
    );
    assert_eq!(a.template.items[0], b.template.items[0], "{one}\n{other}");
    assert_eq!(nodes(one).len(), nodes(other).len(), "{one}\n{other}");
}

#[test]
fn layout_leaves_no_trace() {
    alike(
        "var a = b + c\n",
        "var   a = /* x */ ((b) +/* y */(c)) // z\n",
    );
    alike("var a = b.c[0].d\n", "var a = ((b!.c)[(0)])!.d\n");
    alike("var a = b =~ c\n", "var a = (b) =~ ((c))\n");
    alike(
        "var a = [1, 2]\n",
        "// c\n\nvar a = [\n  1 // one\n\n  2\n]\n",
    );
    alike(
        "var a = { b: 1, c: f(2) }\n",
        "var a = {\n  // c\n  b: 1\n#disable-next-line X\n  c: f(\n    2\n  )\n}\n",
    );
    alike("var a = b ? c : d\n", "var a = b\n  // why\n  ? c\n  : d\n");
    alike("var a = 'x${b}y'\n", "var a = 'x${ /* c */ (b) }y'\n");
    alike(
        "param a ('x' | 'y')[]\n",
        "@description('d')\nparam a (('x') | 'y')[]\n",
    );
    alike(
        "resource a 'B/c@1' = if (d) {\n  name: 'e'\n}\n",
        "@description('d')\nresource a 'B/c@1' = /* x */ if ((d)) {\n\n  // c\n  name: ('e')\n}\n",
    );
    alike(
        "resource a 'B/c@1' = {\n  name: 'e'\n  resource d 'f' = {\n    name: 'g'\n  }\n}\n",
        "resource a 'B/c@1' = {\n  resource d 'f' = {\n    name: 'g'\n  }\n  name: 'e'\n}\n",
    );
    alike(
        "resource a 'B/c@1' = {\n  resource d 'f' = {\n    name: 'g'\n  }\n}\n",
        "resource a 'B/c@1' = {\n  resource d 'f@1' = {\n    name: 'g'\n  }\n}\n",
    );
    alike(
        "module a 'b.bicep' = {\n  name: 'c'\n  params: { d: 1 }\n  dependsOn: [e, f]\n}\n",
        "module a 'b.bicep' = {\n  dependsOn: [e, f]\n  params: { d: 1 }\n  name: 'c'\n}\n",
    );
    let distinct = ["var a = b - (c - d)\n", "var a = (b - c) - d\n"];
    let [a, b] = distinct.map(|text| lower(FileKind::Bicep, text).template.items[0].hash);
    assert_ne!(a, b);
}

#[test]
fn nodes_stand_where_their_text_is() {
    let text = "// c\n@allowed(['x'])\nparam p string = (a != 'k${b}')\n";
    let item = &text[5..text.len() - 1];
    assert_eq!(
        nodes(text),
        [
            item,
            "['x']",
            "'x'",
            "p",
            "a != 'k${b}'",
            "a != 'k${b}'",
            "a",
            "'k${b}'",
            "k",
            "b"
        ]
    );
    assert_eq!(
        nodes("var v = -x =~ y.z[(1)]\n"),
        [
            "var v = -x =~ y.z[(1)]",
            "-x =~ y.z[(1)]",
            "-x",
            "-x",
            "-x",
            "x",
            "y.z[(1)]",
            "y.z[(1)]",
            "y.z",
            "y",
            "z",
            "1"
        ]
    );
    assert_eq!(
        nodes("resource r 'A/b@1-p' = {\n resource k 'c' = if (d) {}\n}\n")[1..],
        [
            "'A/b@1-p'",
            "1-p",
            "{\n resource k 'c' = if (d) {}\n}",
            "resource k 'c' = if (d) {}",
            "'c'",
            "'c'",
            "d",
            "{}"
        ]
    );
}

#[test]
fn findings_point_at_the_type_literal() {
    let text = "module m 'x.bicep' = {}\nresource r 'A/b@1' = {}\n";
    let model = lower(FileKind::Bicep, text);
    let at = |item: usize, node: NodeId| nodes_of(&model, item, text)[node as usize];
    let ItemKind::Module(module) = &model.template.items[0].kind else {
        panic!("a module");
    };
    let ItemKind::Resource(resource) = &model.template.items[1].kind else {
        panic!("a resource");
    };
    assert_eq!(at(0, module.declaration.type_node), "'x.bicep'");
    assert_eq!(at(1, resource.declaration.type_node), "'A/b@1'");
    assert_eq!(at(1, resource.declaration.node), "resource r 'A/b@1' = {}");
}

// ---- what does not parse

#[test]
fn what_is_half_typed_is_lowered_as_far_as_it_goes() {
    check(
        "
resource a 'A/b@1' = {
  name: 'x'
  loc
  resource c 'd' = {
    name:
var x = [
  1
var y = f(a,
module m 'n.bicep' = {
  params: {
    o:
    p: 1
  }
}
module half './n.bic
resource
",
        r#"
        broken resource a A/b@1
          name "x"
          body {name: "x", loc: !"does not parse"}
          resource c A/b/d@1
            name !"does not parse"
            body {name: !"does not parse"}
        broken var x = [1]
        broken var y = f(a, !"does not parse")
        broken module m "n.bicep" inner
          arguments {o: !"does not parse", p: 1}
        broken module half ? inner
        broken nothing
        "#,
    );
}

#[test]
fn half_typed_declarations_take_nothing_from_the_rest() {
    let rest = "resource r 'A/b@1' = {}\nparam z string = 'b'\n";
    let expect = dump(&lower(FileKind::Bicep, rest).template);
    for text in [
        "res",
        "param",
        "param x",
        "@",
        "var x = { a: }",
        "resource r 'A/b@1' = {\n  name:\n}",
        "module m 'x.bicep' = {\n  params: {\n    a:\n  }\n}",
        "resource a 'A/b@1' = {\n  name: 'x'\n  loc\n  resource c 'd' = {\n    name: 'y'",
        "resource a",
        "resource a 'A/b@1' =",
        "resource a 'A/b@1' = [for x in",
        "var x =",
        "var x = a +",
        "var x = 'abc",
        "var x = 'a${b",
        "var x = {",
        "var x = [\n  1",
        "var x = f(a,",
        "output o string =",
        "using '${x}'",
        "import { a } from '${x}'",
    ] {
        let model = lower(FileKind::Bicep, &format!("{text}\n{rest}"));
        let dump = dump(&model.template);
        assert!(model.template.items[0].broken, "{text}\n{dump}");
        assert!(dump.ends_with(&expect), "{text}\n{dump}");
        assert_eq!(model.template.items.len(), 3, "{text}\n{dump}");
    }
}
