//! The queries that editors read: each must compile against its grammar, and state of a sample what a reader of the sample
//! would state.

use std::path::Path;

use preflight::syntax::{bicep, json, parse};
use tree_sitter::{Language, Query, QueryCursor, StreamingIterator};

/// The query in a file of the project.
fn query(language: &Language, path: &str) -> Query {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let source = std::fs::read_to_string(&file).expect("the query is there");
    Query::new(language, &source).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What a query captures in a text, in the order of the text: the capture and the first line of what it captures.
/// Captures whose names begin with `_` serve predicates alone.
fn captures(language: &Language, path: &str, text: &str) -> Vec<(String, String)> {
    let query = query(language, path);
    let tree = parse(language, text, None);
    assert!(!tree.root_node().has_error(), "the sample parses");
    let mut cursor = QueryCursor::new();
    let mut matches = cursor.captures(&query, tree.root_node(), text.as_bytes());
    let mut found = Vec::new();
    while let Some((one, index)) = matches.next() {
        let capture = one.captures[*index];
        let name = query.capture_names()[capture.index as usize];
        let line = text[capture.node.byte_range()]
            .lines()
            .next()
            .unwrap_or_default();
        if !name.starts_with('_') {
            found.push((name.to_owned(), line.to_owned()));
        }
    }
    found
}

/// Holds a query to what it must capture: one line for each, the capture's name and the first line of the text.
fn check(language: &Language, path: &str, text: &str, expected: &str) {
    let found: Vec<String> = captures(language, path, text)
        .into_iter()
        .map(|(name, line)| format!("{name} {line}"))
        .collect();
    let expected: Vec<&str> = expected
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(found, expected, "{path}");
}

const BICEP: &str = "grammars/bicep/queries";
const HELIX: &str = "editors/helix/queries/bicep";

#[test]
fn every_query_compiles() {
    for (language, folder) in [
        (bicep(), BICEP),
        (bicep(), HELIX),
        (json(), "grammars/json/queries"),
    ] {
        let files =
            std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).expect("queries");
        let mut count = 0;
        for file in files {
            let name = file.expect("a file").file_name();
            query(language, &format!("{folder}/{}", name.to_string_lossy()));
            count += 1;
        }
        assert!(count >= 2, "{folder}");
    }
}

/// The sample of the highlights: each word of it is in the expectation once.
const COLOURS: &str = "#disable-next-line x
@sys.secure()
param p string = 'a\\n${v}' // c
var type = -1 ?? null
resource r 'T@1' existing = if (f(true)) {
  name: r::q.m!
}
type t = { *: t[] | int? }
func g(h a.b) c<'d'> => h
import * as n from 'i'
var l = map([1], (x) => [for y in x: y.z(x == y)])
using none
";

const COLOURS_IN_NEOVIM: &str = "
keyword.directive #disable-next-line x
attribute @
module sys
punctuation.delimiter .
attribute secure
punctuation.bracket (
punctuation.bracket )
keyword param
variable.parameter p
type.builtin string
operator =
string '
string a
string.escape \\n
punctuation.special ${
variable v
punctuation.special }
string '
comment // c
keyword var
variable type
operator =
operator -
number 1
operator ??
constant.builtin null
keyword resource
variable r
string.special 'T@1'
string '
string T@1
string '
keyword.modifier existing
operator =
keyword.conditional if
punctuation.bracket (
function.call f
punctuation.bracket (
boolean true
punctuation.bracket )
punctuation.bracket )
punctuation.bracket {
property name
punctuation.delimiter :
variable r
punctuation.delimiter ::
variable.member q
punctuation.delimiter .
variable.member m
operator !
punctuation.bracket }
keyword.type type
type.definition t
operator =
punctuation.bracket {
character.special *
punctuation.delimiter :
type t
punctuation.bracket [
punctuation.bracket ]
operator |
type.builtin int
operator ?
punctuation.bracket }
keyword.function func
function g
punctuation.bracket (
variable.parameter h
type a
punctuation.delimiter .
type b
punctuation.bracket )
type c
punctuation.bracket <
string '
string d
string '
punctuation.bracket >
operator =>
variable h
keyword.import import
character.special *
keyword.import as
module n
keyword.import from
string.special.path 'i'
string '
string i
string '
keyword var
variable l
operator =
function.call map
punctuation.bracket (
punctuation.bracket [
number 1
punctuation.bracket ]
punctuation.delimiter ,
punctuation.bracket (
variable.parameter x
punctuation.bracket )
operator =>
punctuation.bracket [
keyword.repeat for
variable.parameter y
keyword.repeat in
variable x
punctuation.delimiter :
variable y
punctuation.delimiter .
function.method.call z
punctuation.bracket (
variable x
operator ==
variable y
punctuation.bracket )
punctuation.bracket ]
punctuation.bracket )
keyword.import using
constant.builtin none
";

/// The names that Helix has for Neovim's.
const IN_HELIX: &[(&str, &str)] = &[
    ("keyword.type", "keyword.storage.type"),
    ("keyword.import", "keyword.control.import"),
    ("keyword.modifier", "keyword.storage.modifier"),
    ("keyword.conditional", "keyword.control.conditional"),
    ("keyword.repeat", "keyword.control.repeat"),
    ("variable.member", "variable.other.member"),
    ("property", "variable.other.member"),
    ("type.definition", "type"),
    ("module", "namespace"),
    ("function.method.call", "function.method"),
    ("function.call", "function"),
    ("number", "constant.numeric.integer"),
    ("boolean", "constant.builtin.boolean"),
    ("character.special", "special"),
    ("string.escape", "constant.character.escape"),
];

#[test]
fn colours() {
    check(
        bicep(),
        &format!("{BICEP}/highlights.scm"),
        COLOURS,
        COLOURS_IN_NEOVIM,
    );
    let in_helix: Vec<String> = COLOURS_IN_NEOVIM
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| {
            let (name, text) = line.split_once(' ').expect("a name and a text");
            let name = IN_HELIX
                .iter()
                .find(|(neovim, _)| *neovim == name)
                .map_or(name, |(_, helix)| helix);
            format!("{name} {text}")
        })
        .collect();
    check(
        bicep(),
        &format!("{HELIX}/highlights.scm"),
        COLOURS,
        &in_helix.join("\n"),
    );
    check(
        json(),
        "grammars/json/queries/highlights.scm",
        "// c\n{ \"k\": [\"s\", 1, true, null,] }",
        "comment // c
         punctuation.bracket {
         property \"k\"
         punctuation.delimiter :
         punctuation.bracket [
         string \"s\"
         punctuation.delimiter ,
         number 1
         punctuation.delimiter ,
         boolean true
         punctuation.delimiter ,
         constant.builtin null
         punctuation.delimiter ,
         punctuation.bracket ]
         punctuation.bracket }",
    );
}

#[test]
fn no_node_has_two_colours() {
    for path in [
        format!("{BICEP}/highlights.scm"),
        format!("{HELIX}/highlights.scm"),
    ] {
        let query = query(bicep(), &path);
        let tree = parse(bicep(), COLOURS, None);
        let mut cursor = QueryCursor::new();
        let mut matches = cursor.captures(&query, tree.root_node(), COLOURS.as_bytes());
        let mut nodes = std::collections::HashSet::new();
        while let Some((one, index)) = matches.next() {
            let node = one.captures[*index].node;
            assert!(nodes.insert(node.id()), "{path}: two colours for {node:?}");
        }
    }
}

#[test]
fn folds() {
    check(
        bicep(),
        &format!("{BICEP}/folds.scm"),
        "/* a\n b */\nvar b = [\n  { c: '''\n'''\n  }\n]\ntype t = {\n  d: [\n    int\n  ]\n}\n",
        "fold /* a
         fold [
         fold { c: '''
         fold '''
         fold {
         fold [",
    );
    check(
        json(),
        "grammars/json/queries/folds.scm",
        "{\n \"a\": [\n 1 ] }",
        "fold {\nfold [",
    );
}

#[test]
fn indents() {
    check(
        bicep(),
        &format!("{BICEP}/indents.scm"),
        "var a = {\n  b: c\n    ? d\n    : [\n        e\n      ]\n}\n",
        "indent.begin {
         indent.begin c
         indent.begin [
         indent.end ]
         indent.branch ]
         indent.end }
         indent.branch }",
    );
    check(
        bicep(),
        &format!("{HELIX}/indents.scm"),
        "type a = {\n  b: 'c'\n    | 'd'\n}\n",
        "indent {
         indent 'c'
         outdent }",
    );
}

#[test]
fn locals() {
    let sample = "import { a as b, c } from 'x'\nparam d b\nfunc e(f string) string => f\nvar g = map(d, h => [for i in h: e(i)])\n";
    check(
        bicep(),
        &format!("{BICEP}/locals.scm"),
        sample,
        "local.scope import { a as b, c } from 'x'
         local.definition.import b
         local.definition.import c
         local.definition.parameter d
         local.reference b
         local.scope func e(f string) string => f
         local.definition.function e
         local.definition.parameter f
         local.reference string
         local.reference string
         local.reference f
         local.definition.var g
         local.reference map
         local.reference d
         local.scope h => [for i in h: e(i)]
         local.definition.parameter h
         local.scope [for i in h: e(i)]
         local.definition.parameter i
         local.reference h
         local.reference e
         local.reference i",
    );
    check(
        bicep(),
        &format!("{HELIX}/locals.scm"),
        "var a = map(b, c => c)\n",
        "local.scope var a = map(b, c => c)
         local.definition a
         local.reference b
         local.scope c => c
         local.definition c
         local.reference c",
    );
}

#[test]
fn injections() {
    let sample = "// c\n@description('''# Title''')\nparam a string = json('''{}''')\nresource s 'x' = {\n  kind: 'AzureCLI'\n  properties: {\n    scriptContent: '''ls'''\n    other: '''no'''\n  }\n}\n";
    for folder in [BICEP, HELIX] {
        check(
            bicep(),
            &format!("{folder}/injections.scm"),
            sample,
            "injection.content // c
             injection.content # Title
             injection.content {}
             injection.content ls",
        );
    }
}

#[test]
fn textobjects() {
    check(
        bicep(),
        &format!("{BICEP}/textobjects.scm"),
        "@a()\nresource r 'x' = {\n  b: f(1)\n}\n// c\nfunc g(p int) int => p\n",
        "class.outer @a()
         attribute.outer @a()
         class.inner {
         assignment.outer b: f(1)
         assignment.lhs b
         call.outer f(1)
         assignment.rhs f(1)
         assignment.inner f(1)
         parameter.inner 1
         call.inner 1
         number.inner 1
         comment.outer // c
         function.outer func g(p int) int => p
         parameter.inner p int
         function.inner p",
    );
    check(
        bicep(),
        &format!("{HELIX}/textobjects.scm"),
        "module m 'x' = {\n  b: [1]\n}\n",
        "class.around module m 'x' = {
         class.inside {
         entry.around b: [1]
         entry.inside [1]
         entry.inside 1
         entry.around 1",
    );
}
