//! Stage 2: what of a file can matter to a verdict, as one hash.
//!
//! A file's *slice* is the declarations that a rule asks for, the modules it uses, and everything these refer to,
//! transitively. Two states of a file with equal slices give equal evaluations, so typing in a storage account
//! evaluates nothing. Inline templates are sliced the same way, once per distinct item.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use indexmap::IndexSet;
use rustc_hash::{FxHashMap, FxHashSet};
use xxhash_rust::xxh3::Xxh3;

use super::entries::linked_file;
use crate::eval::ResourceFilter;
use crate::model::lower::ANY_NAME;
use crate::model::{
    Expr, ExprKind, Ident, Item, ItemKind, Member, Module, Resource, Target, Template,
};

/// What other files a file refers to, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReferenceKind {
    /// A module or a linked template: it is deployed.
    Module,
    /// `import`: only its values are used.
    Import,
    /// `using`, `extends`, a parameters file's template.
    Using,
}

/// How much a file matters to a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Weight {
    /// Deploys nothing a rule asks for. It is never parsed.
    #[default]
    Nothing,
    /// Something in it cannot be read. That matters to deployments which make a registry: *missing* becomes *unknown*.
    /// By itself it gives no finding, so it is read when such a deployment asks for it, and not before.
    Uncertainty,
    /// Declares, or may declare, something a rule asks for.
    Holds,
}

/// What a file comes down to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Hash over the slice.
    pub hash: u64,
    /// What it declares by itself, or in templates that stand inside it.
    pub weight: Weight,
    /// References, each once, in order.
    pub references: Vec<(ReferenceKind, Arc<str>)>,
}

/// Slices of inline templates, by the hash of the item they stand in and whether doubt counts there. They stay true for
/// ever; the table is cleared when it has grown large.
#[derive(Debug, Default)]
pub struct InlineSlices(FxHashMap<(u64, bool), Arc<Summary>>);

/// More remembered inline slices than this are dropped at once: they are cheap to make again.
const MAX_INLINE: usize = 100_000;

/// Summarizes a template. `outputs`: somebody reads its outputs (it is used as a module). `uncertain`: the bytes of its
/// file name something a rule asks for, so that it may stand in what does not parse.
pub fn summarize(
    template: &Template,
    want: &ResourceFilter,
    outputs: bool,
    uncertain: bool,
    inline: &mut InlineSlices,
) -> Summary {
    if inline.0.len() > MAX_INLINE {
        inline.0.clear();
    }
    let mut references = IndexSet::new();
    let (hash, weight) = slice(template, want, outputs, uncertain, inline, &mut references);
    Summary {
        hash,
        weight,
        references: references.into_iter().collect(),
    }
}

type References = IndexSet<(ReferenceKind, Arc<str>)>;

fn slice(
    template: &Template,
    want: &ResourceFilter,
    outputs: bool,
    uncertain: bool,
    inline: &mut InlineSlices,
    references: &mut References,
) -> (u64, Weight) {
    let mut names: FxHashMap<&Ident, Vec<u32>> = FxHashMap::default();
    let mut chosen: Vec<Option<u64>> = vec![None; template.items.len()];
    let mut queue: Vec<u32> = Vec::new();
    let mut weight = Weight::Nothing;
    for (index, item) in template.items.iter().enumerate() {
        declared(item, &mut |name| {
            names.entry(name).or_default().push(index as u32)
        });
        let root = match &item.kind {
            ItemKind::Resource(resource) => {
                let wanted = wants(resource, want);
                if wanted {
                    weight = Weight::Holds;
                }
                wanted.then_some(item.hash)
            }
            ItemKind::Module(module) => root_of_module(
                item,
                module,
                want,
                uncertain,
                inline,
                references,
                &mut weight,
            ),
            ItemKind::Import(import) => {
                references.insert((ReferenceKind::Import, import.from.text.clone()));
                None
            }
            ItemKind::Using(using) => {
                if let Some(target) = &using.target {
                    references.insert((ReferenceKind::Using, target.text.clone()));
                }
                Some(item.hash)
            }
            ItemKind::Extends(reference) => {
                references.insert((ReferenceKind::Using, reference.text.clone()));
                Some(item.hash)
            }
            ItemKind::Metadata { name, value } if name.is("template") => {
                if let Some(text) = value.as_str() {
                    references.insert((ReferenceKind::Using, text.into()));
                }
                None
            }
            ItemKind::Assignment(_) => Some(item.hash),
            ItemKind::Output(_) if outputs => Some(item.hash),
            _ => None,
        };
        // Where a declaration does not parse, anything could stand there that the file names; and what is left of it, a
        // nested template say, is worth nothing while it does not.
        let root = item.broken.then_some(item.hash).or(root);
        if item.broken && uncertain {
            weight = weight.max(Weight::Uncertainty);
        }
        if root.is_some() {
            chosen[index] = root;
            queue.push(index as u32);
        }
    }
    close_over_names(template, &names, &mut chosen, &mut queue);
    let mut hasher = Xxh3::new();
    (template.kind, template.scope).hash(&mut hasher);
    for hash in chosen.iter().flatten() {
        hasher.write_u64(*hash);
    }
    (hasher.finish(), weight)
}

/// Adds everything that what is chosen refers to.
fn close_over_names(
    template: &Template,
    names: &FxHashMap<&Ident, Vec<u32>>,
    chosen: &mut [Option<u64>],
    queue: &mut Vec<u32>,
) {
    let mut seen: FxHashSet<&Ident> = FxHashSet::default();
    let choose = |index: u32, chosen: &mut [Option<u64>], queue: &mut Vec<u32>| {
        let slot = &mut chosen[index as usize];
        if slot.is_none() {
            *slot = Some(template.items[index as usize].hash);
            queue.push(index);
        }
    };
    while let Some(index) = queue.pop() {
        for name in &template.items[index as usize].uses {
            if !seen.insert(name) {
                continue;
            }
            if name.as_str() == ANY_NAME {
                (0..template.items.len() as u32).for_each(|i| choose(i, chosen, queue));
            }
            for &i in names.get(name).into_iter().flatten() {
                choose(i, chosen, queue);
            }
        }
    }
}

/// A module use is in the slice if what it deploys can matter; an inline template counts by its own slice.
fn root_of_module(
    item: &Item,
    module: &Module,
    want: &ResourceFilter,
    uncertain: bool,
    inline: &mut InlineSlices,
    references: &mut References,
    weight: &mut Weight,
) -> Option<u64> {
    match &module.target {
        Target::Inline(template) => {
            let known = inline.0.get(&(item.hash, uncertain)).cloned();
            let inner = known.unwrap_or_else(|| {
                let mut found = IndexSet::new();
                let (hash, weight) = slice(template, want, true, uncertain, inline, &mut found);
                let summary = Arc::new(Summary {
                    hash,
                    weight,
                    references: found.into_iter().collect(),
                });
                inline.0.insert((item.hash, uncertain), summary.clone());
                summary
            });
            references.extend(inner.references.iter().cloned());
            *weight = inner.weight.max(*weight);
            // All of it: places in it are told by the item that they stand in (see `ItemKey`).
            (inner.weight > Weight::Nothing || !inner.references.is_empty()).then_some(item.hash)
        }
        Target::Reference(reference) => {
            references.insert((ReferenceKind::Module, reference.text.clone()));
            Some(item.hash)
        }
        Target::Relative(expr) => {
            literals(expr, &mut |text| {
                if looks_like_template(text) {
                    references.insert((ReferenceKind::Module, text.into()));
                }
            });
            *weight = Weight::Uncertainty.max(*weight);
            Some(item.hash)
        }
        Target::Uri(_) | Target::TemplateSpec(_) => {
            if let Target::Uri(uri) = &module.target
                && let Some(file) = linked_file(uri)
            {
                references.insert((ReferenceKind::Module, file));
            }
            *weight = Weight::Uncertainty.max(*weight);
            Some(item.hash)
        }
        // Rare, and only evaluation can tell what is in it.
        Target::Value(_) => {
            *weight = Weight::Holds;
            Some(item.hash)
        }
        Target::Missing => None,
    }
}

/// Whether a resource, or one nested in it, is of a type that is asked for.
pub fn wants(resource: &Resource, want: &ResourceFilter) -> bool {
    let own = match &resource.resource_type {
        Some(name) => {
            want.types.iter().any(|t| name.is(t)) && (want.existing || !resource.existing)
        }
        None => false,
    };
    own || resource.children.iter().any(|child| wants(child, want))
}

/// The names an item can be referred to by.
fn declared<'a>(item: &'a Item, each: &mut dyn FnMut(&'a Ident)) {
    match &item.kind {
        ItemKind::Parameter(p) => each(&p.name),
        ItemKind::Variable(v) => each(&v.name),
        ItemKind::Function(f) => each(&f.name),
        ItemKind::Type(t) => each(&t.name),
        ItemKind::Resource(resource) => symbols(resource, each),
        ItemKind::Module(m) => m.declaration.symbol.iter().for_each(each),
        ItemKind::Import(import) => {
            import.namespace.iter().for_each(&mut *each);
            import.names.iter().for_each(|(_, local)| each(local));
        }
        _ => {}
    }
}

fn symbols<'a>(resource: &'a Resource, each: &mut dyn FnMut(&'a Ident)) {
    resource.declaration.symbol.iter().for_each(&mut *each);
    resource
        .children
        .iter()
        .for_each(|child| symbols(child, each));
}

fn looks_like_template(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    [".json", ".jsonc", ".bicep", ".arm"]
        .iter()
        .any(|ending| lower.ends_with(ending))
}

/// Every string literal of an expression.
fn literals(expr: &Expr, each: &mut dyn FnMut(&str)) {
    match &expr.kind {
        ExprKind::Str(text) => each(text),
        ExprKind::Concat(parts) => parts.iter().for_each(|e| literals(e, each)),
        ExprKind::Array(elements) => elements.iter().for_each(|e| literals(&e.value, each)),
        ExprKind::Object(members) => members.iter().for_each(|member| match member {
            Member::Property { value, .. } | Member::Spread(value) => literals(value, each),
        }),
        ExprKind::Call { args, .. } => args.iter().for_each(|e| literals(e, each)),
        ExprKind::Method { base, args, .. } => {
            literals(base, each);
            args.iter().for_each(|e| literals(e, each));
        }
        ExprKind::Get { base, key, .. } => {
            literals(base, each);
            literals(key, each);
        }
        _ => {}
    }
}
