//! A declaration that is being typed must leave its neighbours alone: a finding elsewhere in the file that flickers with
//! every key pressed is worse than none.

use preflight::syntax::bicep::declarations;
use preflight::syntax::{bicep, parse, syntax_errors};
use tree_sitter::Node;

use crate::files::{self, Random};

/// What must stay of a declaration: its kind, its place counted from the end of the file, and its whole tree.
fn shape(node: Node<'_>, length: usize) -> (usize, String) {
    (length - node.end_byte(), node.to_sexp())
}

/// The bytes at which a declaration is cut: between tokens and inside them, after its decorators and first keyword.
fn cuts(declaration: Node<'_>, text: &str, random: &mut Random) -> Vec<usize> {
    let start = declaration
        .child_by_field_name("decorators")
        .map_or(declaration.start_byte(), |decorators| decorators.end_byte());
    let length = declaration.end_byte() - start;
    let mut cuts: Vec<usize> = (0..8)
        .map(|_| start + 1 + random.below(length.saturating_sub(1)))
        .map(|at| {
            (0..=at)
                .rev()
                .find(|&at| text.is_char_boundary(at))
                .unwrap_or(start)
        })
        .collect();
    // Four of them are moved to the end of a word, where a pause in typing is likelier.
    for cut in &mut cuts[..4] {
        while *cut < declaration.end_byte() && text.as_bytes()[*cut].is_ascii_alphanumeric() {
            *cut += 1;
        }
    }
    cuts.retain(|&cut| cut < declaration.end_byte());
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

#[derive(Default)]
struct Count {
    cuts: usize,
    clean: usize,
    neighbours: usize,
    kept: usize,
}

/// Cuts every declaration of a text at several points, and counts the cuts after which every other declaration has
/// the tree it had, and the declarations that do.
fn measure(name: &str, text: &str, count: &mut Count) {
    let verbose = std::env::var_os("RECOVERY").is_some();
    let tree = parse(bicep(), text, None);
    if tree.root_node().has_error() {
        return;
    }
    let all = declarations(tree.root_node());
    let mut random = Random(0x9E37_79B9_7F4A_7C15 ^ text.len() as u64);
    for (index, declaration) in all.iter().enumerate() {
        for cut in cuts(*declaration, text, &mut random) {
            let rest = &text[declaration.end_byte()..];
            let broken = format!("{}{}", &text[..cut], rest);
            let broken_tree = parse(bicep(), broken.as_str(), None);
            let found: Vec<(usize, String)> = declarations(broken_tree.root_node())
                .into_iter()
                .map(|node| shape(node, broken.len()))
                .collect();
            let mut lost = 0;
            for (other, neighbour) in all.iter().enumerate() {
                if other == index {
                    continue;
                }
                let (end, sexp) = shape(*neighbour, text.len());
                // A declaration before the cut is counted from the end of a text that has lost the rest.
                let end = if other < index {
                    end - (declaration.end_byte() - cut)
                } else {
                    end
                };
                count.neighbours += 1;
                if found.iter().any(|(at, tree)| *at == end && *tree == sexp) {
                    count.kept += 1;
                } else {
                    lost += 1;
                }
            }
            count.cuts += 1;
            count.clean += usize::from(lost == 0);
            if verbose && lost > 0 {
                let excerpt = &text[declaration.start_byte()..cut];
                eprintln!(
                    "---- {name}: {lost} lost, cut at {cut}:\n{excerpt}⟨cut⟩{}",
                    &rest[..rest.char_indices().nth(90).map_or(rest.len(), |(at, _)| at)]
                );
            }
        }
    }
}

/// A file with a declaration of each kind, for the tests that need no corpus.
const EACH: &str = "targetScope = 'subscription'
metadata owner = { team: 'a' }
import { one } from 'types.bicep'
type size = 'a' | 'b'
@description('a name')
param name string
param list array = [
  'x'
  { y: 1 }
]
var text = '${name}-1'
func join(a string, b int) string => '${a}${b}'
resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' = if (name == 'x') {
  name: name
  sku: { name: 'Basic' }
  resource child 'replications' = {
    name: 'c'
  }
}
module other 'other.bicep' = [for (item, i) in list: {
  name: 'm${i}'
  params: { item: item }
}]
output id string = registry.id
";

#[test]
fn a_half_typed_declaration_keeps_its_neighbours() {
    let mut count = Count::default();
    measure("each kind", EACH, &mut count);
    assert!(count.cuts > 50, "{} cuts", count.cuts);
    assert!(count.clean * 100 >= count.cuts * 95, "{}", count.clean);
}

/// The names of the declarations of a text.
fn names(text: &str) -> Vec<String> {
    let tree = parse(bicep(), text, None);
    assert!(tree.root_node().has_error(), "{text}");
    declarations(tree.root_node())
        .into_iter()
        .filter_map(|declaration| declaration.child_by_field_name("name"))
        .map(|name| text[name.byte_range()].to_owned())
        .collect()
}

#[test]
fn a_statement_that_begins_wrong_keeps_its_neighbours() {
    for broken in [
        "v.ar b = 1",
        ",ar b = 1",
        "v#ar b = '''x'''",
        "v^ar b = '''\ntwo\nlines'''",
        "v\u{b}ar b = {\n  x: 1\n}",
        "() flag bool = !false",
        "resorce b 'x@y' = {\n  name: 'b'\n  sku: { name: 'Basic' }\n}",
        "#disable-net-line x",
        "#disable-next-line x' y",
        "var  = {",
        "var  = {\n  x: 1\n}",
        "var  = $$'''one ${x}'''",
        "metadata 1 = {\n  a: 1\n}",
        "param ^ string = 'x'",
    ] {
        let text = format!(
            "param first string\n{broken}\nresource last 'x@y' = {{\n  name: 'a'\n}}\noutput o int = 1\n"
        );
        let names = names(&text);
        for name in ["first", "last", "o"] {
            assert!(names.iter().any(|found| found == name), "{name} of\n{text}");
        }
    }
}

#[test]
fn a_string_that_is_not_closed_does_not_skip_declarations() {
    let text = "metadata a = '''open\n\n@metadata({\n  b: '''\n  {\n    \"c\": 1\n  }\n  '''\n})\nparam d object\n\nresource e 'x@y' = {\n  name: 'e'\n}\noutput f int = 1\n";
    let names = names(text);
    for name in ["d", "e", "f"] {
        assert!(
            names.iter().any(|found| found == name),
            "{name} in {names:?}"
        );
    }
}

#[test]
fn an_error_is_reported_at_its_own_line() {
    for (text, line) in [
        ("param a string\nv.ar b = 1\nparam c int\n", 2),
        (
            "param a string\nparam b int\nvar c = 1\n() x\nvar d = 1\n",
            4,
        ),
        ("type a = {\n  @b(1]\n  c: string\n}\nparam d string\n", 2),
    ] {
        let tree = parse(bicep(), text, None);
        let errors = syntax_errors(&tree, text);
        let at = errors[0].span.start as usize;
        assert_eq!(
            text[..at].matches('\n').count() + 1,
            line,
            "{text}{errors:?}"
        );
    }
}

#[test]
#[ignore = "reads the corpus of real files"]
fn corpus_a_half_typed_declaration_keeps_its_neighbours() {
    let corpus = files::corpus().expect("the corpus");
    let mut count = Count::default();
    for (name, text) in files::below(&corpus, &["bicep", "bicepparam"])
        .iter()
        .step_by(16)
    {
        if text.len() < 20_000 {
            measure(name, text, &mut count);
        }
    }
    let share = |part: usize, whole: usize| part as f64 / whole as f64;
    let (clean, kept) = (
        share(count.clean, count.cuts),
        share(count.kept, count.neighbours),
    );
    println!(
        "{} cuts: {clean:.4} leave every neighbour, {kept:.4} of the neighbours stay",
        count.cuts
    );
    assert!(clean >= 0.99 && kept >= 0.9995, "{clean}, {kept}");
}
