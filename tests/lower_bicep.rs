//! That lowering reads what people write: over every valid file of the corpus nothing is broken, and every node stands
//! where its text is.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use preflight::model::lower::NoMemo;
use preflight::model::lower_bicep::lower_bicep;
use preflight::model::{Expr, ExprKind, FileKind, Item, ItemKind, Member, Resource};
use preflight::syntax;
use preflight::text::Span;

mod support;

/// Every file of the corpus that Bicep itself would parse, with its text.
fn files() -> impl Iterator<Item = (PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = support::corpus().into_iter().collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                _ if path.is_dir() => folders.push(path),
                Some("bicep" | "bicepparam") if valid(&path) => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found.into_iter().filter_map(|path| {
        let text = std::fs::read_to_string(&path).ok()?;
        Some((path, text))
    })
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
fn every_valid_file_lowers_whole() {
    let mut wrong = Vec::new();
    for (path, text) in files() {
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

/// A file as it stands while it is being typed: cut off after a line, or with a line left out. Nothing panics, and no
/// node reaches beyond the text, whichever way the text lies in memory.
#[test]
fn every_seventh_file_lowers_cut_anywhere() {
    for (path, text) in files().step_by(7) {
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

/// Looks up the text of every node whose text is known from what it says.
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

/// Equal hashes mean that one item stands for the other, numbers and all.
#[test]
fn items_of_one_hash_are_equal() {
    let mut known: HashMap<u64, (Arc<Item>, usize)> = HashMap::new();
    for (path, text) in files() {
        let tree = syntax::parse(syntax::bicep(), &*text, None);
        let model = lower_bicep(kind(&path), &tree, &*text, &NoMemo);
        for (item, (_, spans)) in model.template.items.iter().zip(&model.spans) {
            let here = (item.clone(), spans.nodes.len());
            let there = known.entry(item.hash).or_insert_with(|| here.clone());
            assert_eq!(*there, here, "{}", path.display());
        }
    }
}
