//! A declaration that is being typed must leave its neighbours alone: a finding elsewhere in the file that flickers with
//! every key pressed is worse than none.

use preflight::syntax::bicep::declarations;
use preflight::syntax::{bicep, parse};
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

#[test]
fn a_half_typed_declaration_leaves_its_neighbours_alone() {
    let Some(corpus) = files::corpus() else {
        return;
    };
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
