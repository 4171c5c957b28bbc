//! Lowering reads whole files: in valid files nothing is broken, and every node's span covers its text.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use preflight::model::lower::NoMemo;
use preflight::model::lower_bicep::lower_bicep;
use preflight::model::{Expr, ExprKind, FileKind, Item, ItemKind, Member, Resource};
use preflight::syntax;
use preflight::text::Span;

mod support;

/// Files with their text.
type Files = Vec<(PathBuf, String)>;

/// Files of the project's own cases that parse.
fn own_files() -> Files {
    let mut files = support::own_files(&["bicep", "bicepparam"]);
    files.retain(|(_, text)| {
        let tree = syntax::parse(syntax::bicep(), &**text, None);
        !tree.root_node().has_error()
    });
    assert!(files.len() > 100, "the cases hold files that parse");
    files
}

/// Every file of the corpus that Bicep itself would parse.
fn corpus_files() -> Files {
    let mut files = support::files_below(&support::corpus(), &["bicep", "bicepparam"]);
    files.retain(|(path, _)| valid(path));
    files
}

/// Not: baselines that are wrong on purpose; copies of baselines that the compiler's tests annotated with comments where
/// Bicep allows none; skeletons of the documentation with `<placeholders>`.
fn valid(path: &Path) -> bool {
    let path = path.to_string_lossy().replace('\\', "/");
    let annotated = [".diagnostics.", ".syntax.", ".tokens."];
    let skeletons = [
        "modules/conditional-definition.bicep",
        "modules/dependsOn-definition.bicep",
        "modules/iterative-definition.bicep",
        "modules/scope-definition.bicep",
    ];
    !path.contains("/Invalid")
        && !annotated.iter().any(|part| path.contains(part))
        && !skeletons.iter().any(|end| path.ends_with(end))
}

fn kind(path: &Path) -> FileKind {
    if path.extension().is_some_and(|e| e == "bicepparam") {
        FileKind::BicepParams
    } else {
        FileKind::Bicep
    }
}

#[test]
fn own_valid_files_lower_whole() {
    lower_whole(own_files());
}

#[test]
#[ignore = "reads the corpus of real files"]
fn corpus_valid_files_lower_whole() {
    lower_whole(corpus_files());
}

fn lower_whole(files: Files) {
    let mut wrong = Vec::new();
    for (path, text) in files {
        let tree = syntax::parse(syntax::bicep(), &*text, None);
        let model = lower_bicep(kind(&path), &tree, &*text, &NoMemo);
        for (item, (start, spans)) in model.template.items.iter().zip(&model.spans) {
            let nodes = spans.nodes.iter();
            let nodes: Vec<&str> = nodes
                .map(|span| &text[span.shift(*start).range()])
                .collect();
            if item.broken {
                wrong.push(format!("{}: broken: {}", path.display(), nodes[0]));
            }
            let mut check = Check { nodes, wrong: 0 };
            check.item(&item.kind);
            if check.wrong > 0 {
                wrong.push(format!("{}: misplaced: {}", path.display(), check.nodes[0]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn own_files_lower_cut_anywhere() {
    lower_cut(own_files());
}

#[test]
#[ignore = "reads the corpus of real files"]
fn corpus_files_lower_cut_anywhere() {
    lower_cut(corpus_files().into_iter().step_by(7).collect());
}

/// Files as they are while they are typed: cut off after a line, or with a line left out. Nothing panics, and no node
/// reaches beyond the text, whether the text is one piece or chunks.
fn lower_cut(files: Files) {
    for (path, text) in files {
        let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
        for part in [1, 3, 5] {
            let Some(&at) = ends.get(ends.len() * part / 7) else {
                continue;
            };
            let rest = text[at + 1..]
                .find('\n')
                .map_or("", |end| &text[at + 1 + end..]);
            for cut in [text[..at].to_owned(), text[..at].to_owned() + rest] {
                let tree = syntax::parse(syntax::bicep(), &*cut, None);
                let whole = lower_bicep(kind(&path), &tree, &*cut, &NoMemo);
                let rope = ropey::Rope::from_str(&cut);
                let chunks = lower_bicep(kind(&path), &tree, &rope, &NoMemo);
                assert_eq!(whole.template, chunks.template, "{}", path.display());
                assert_eq!(whole.spans, chunks.spans, "{}", path.display());
                for (start, spans) in &whole.spans {
                    let inside = |span: &Span| cut.get(span.shift(*start).range()).is_some();
                    assert!(spans.nodes.iter().all(inside), "{}", path.display());
                }
            }
        }
    }
}

/// Looks up the text of every node whose text is known from its content.
struct Check<'a> {
    nodes: Vec<&'a str>,
    wrong: usize,
}

impl Check<'_> {
    fn that(&mut self, holds: bool) {
        self.wrong += usize::from(!holds);
    }

    fn item(&mut self, kind: &ItemKind) {
        match kind {
            ItemKind::Resource(r) => self.resource(r),
            ItemKind::Module(m) => {
                let path = self.nodes[m.declaration.type_node as usize];
                self.that(path.starts_with('\'') && path.ends_with('\''));
                m.arguments.iter().for_each(|e| self.expr(e));
            }
            ItemKind::Parameter(p) => {
                self.that(self.nodes[p.name_node as usize] == p.name.as_str());
                p.default
                    .iter()
                    .chain(&p.allowed)
                    .for_each(|e| self.expr(e));
            }
            ItemKind::Variable(v) => self.expr(&v.value),
            ItemKind::Output(o) => self.expr(&o.value),
            ItemKind::Assignment(a) => self.expr(&a.value),
            ItemKind::Function(f) => self.expr(&f.body),
            _ => {}
        }
    }

    fn resource(&mut self, resource: &Resource) {
        let literal = self.nodes[resource.declaration.type_node as usize];
        let version = resource.api_version.as_ref().and_then(Expr::as_str);
        let own = resource
            .resource_type
            .as_ref()
            .and_then(|name| name.as_str().rsplit('/').next());
        self.that(literal.starts_with('\'') && literal.ends_with('\''));
        self.that(own.is_none_or(|own| literal.contains(own)));
        self.that(version.is_none_or(|v| !literal.contains('@') || literal.contains(v)));
        self.expr(&resource.body);
        resource.children.iter().for_each(|r| self.resource(r));
    }

    fn expr(&mut self, expr: &Expr) {
        let text = self.nodes[expr.node as usize];
        match &expr.kind {
            ExprKind::Name(name) => self.that(text == name.as_str()),
            ExprKind::Bool(b) => self.that(text == b.to_string()),
            ExprKind::Str(said) => self.that(text.contains(&**said) || text.contains('\\')),
            ExprKind::Concat(parts) => {
                self.that(text.ends_with('\''));
                parts.iter().for_each(|e| self.expr(e));
            }
            ExprKind::Array(elements) => {
                self.that(text.starts_with('[') && text.ends_with(']'));
                elements.iter().for_each(|e| self.expr(&e.value));
            }
            ExprKind::Object(members) => {
                self.that(text.starts_with('{') && text.ends_with('}'));
                for member in members {
                    match member {
                        Member::Spread(value) => self.expr(value),
                        Member::Property { key, value } => {
                            self.expr(key);
                            self.expr(value);
                        }
                    }
                }
            }
            ExprKind::Call { args, .. } => args.iter().for_each(|e| self.expr(e)),
            ExprKind::Method { base, args, .. } => {
                self.that(text.ends_with(')'));
                self.expr(base);
                args.iter().for_each(|e| self.expr(e));
            }
            ExprKind::Get { base, key, .. } => {
                self.expr(base);
                self.expr(key);
            }
            ExprKind::Nested { base, name } => {
                self.that(text.ends_with(name.as_str()));
                self.expr(base);
            }
            ExprKind::Lambda { body, .. } => self.expr(body),
            ExprKind::For(looped) => {
                self.that(text.starts_with('[') && text.ends_with(']'));
                self.expr(&looped.body);
            }
            ExprKind::Invalid(_) => self.wrong += 1,
            ExprKind::Null | ExprKind::Int(_) | ExprKind::Float(_) => {}
        }
    }
}

#[test]
fn own_items_of_one_hash_are_equal() {
    one_hash_is_one_item(own_files());
}

#[test]
#[ignore = "reads the corpus of real files"]
fn corpus_items_of_one_hash_are_equal() {
    one_hash_is_one_item(corpus_files());
}

/// Equal hashes mean equal items, node numbers included.
fn one_hash_is_one_item(files: Files) {
    let mut known: HashMap<u64, (Arc<Item>, usize)> = HashMap::new();
    for (path, text) in files {
        let tree = syntax::parse(syntax::bicep(), &*text, None);
        let model = lower_bicep(kind(&path), &tree, &*text, &NoMemo);
        for (item, (_, spans)) in model.template.items.iter().zip(&model.spans) {
            let here = (item.clone(), spans.nodes.len());
            let there = known.entry(item.hash).or_insert_with(|| here.clone());
            assert_eq!(*there, here, "{}", path.display());
        }
    }
}
