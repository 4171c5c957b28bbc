//! What of a file can matter to a verdict: whether it declares what rules ask for, and which files it leads to.

use std::sync::Arc;

use indexmap::IndexSet;

use super::entries::linked_file;
use crate::eval::ResourceFilter;
use crate::model::{Expr, ExprKind, Item, ItemKind, Member, Module, Resource, Target, Template};

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
    /// What it declares by itself, or in templates that stand inside it.
    pub weight: Weight,
    /// References, each once, in order.
    pub references: Vec<(ReferenceKind, Arc<str>)>,
}

/// Summarizes a template. `uncertain`: the bytes of its file name something a rule asks for, so that it may stand in what
/// does not parse.
pub fn summarize(template: &Template, want: &ResourceFilter, uncertain: bool) -> Summary {
    let mut references = References::default();
    let weight = weigh(template, want, uncertain, &mut references);
    Summary {
        weight,
        references: references.into_iter().collect(),
    }
}

type References = IndexSet<(ReferenceKind, Arc<str>), rustc_hash::FxBuildHasher>;

fn weigh(
    template: &Template,
    want: &ResourceFilter,
    uncertain: bool,
    references: &mut References,
) -> Weight {
    let mut weight = Weight::Nothing;
    for item in &template.items {
        let own = weight_of(item, want, uncertain, references);
        // Where a declaration does not parse, anything could stand there that the file names.
        let broken = match item.broken && uncertain {
            true => Weight::Uncertainty,
            false => Weight::Nothing,
        };
        weight = weight.max(own).max(broken);
    }
    weight
}

fn weight_of(
    item: &Item,
    want: &ResourceFilter,
    uncertain: bool,
    references: &mut References,
) -> Weight {
    match &item.kind {
        // What is in a deployment that is written as a resource only evaluation can tell.
        ItemKind::Resource(resource) if wants(resource, want) || resource.deploys_template() => {
            return Weight::Holds;
        }
        ItemKind::Module(module) => return weight_of_module(module, want, uncertain, references),
        ItemKind::Import(import) => {
            references.insert((ReferenceKind::Import, import.from.text.clone()));
        }
        ItemKind::Using(using) => {
            if let Some(target) = &using.target {
                references.insert((ReferenceKind::Using, target.text.clone()));
            }
        }
        ItemKind::Extends(reference) => {
            references.insert((ReferenceKind::Using, reference.text.clone()));
        }
        ItemKind::Metadata { name, value } if name.is("template") => {
            if let Some(text) = value.as_str() {
                references.insert((ReferenceKind::Using, text.into()));
            }
        }
        _ => {}
    }
    Weight::Nothing
}

/// A module weighs what stands inside it; what it refers to is kept apart from it.
fn weight_of_module(
    module: &Module,
    want: &ResourceFilter,
    uncertain: bool,
    references: &mut References,
) -> Weight {
    match &module.target {
        Target::Inline(template) => weigh(template, want, uncertain, references),
        Target::Reference(reference) => {
            references.insert((ReferenceKind::Module, reference.text.clone()));
            Weight::Nothing
        }
        Target::Relative(expr) => {
            literals(expr, &mut |text| {
                if looks_like_template(text) {
                    references.insert((ReferenceKind::Module, text.into()));
                }
            });
            Weight::Uncertainty
        }
        Target::Uri(_) | Target::TemplateSpec(_) => {
            if let Target::Uri(uri) = &module.target
                && let Some(file) = linked_file(uri)
            {
                references.insert((ReferenceKind::Module, file));
            }
            Weight::Uncertainty
        }
        // Rare, and only evaluation can tell what is in it.
        Target::Value(_) => Weight::Holds,
        Target::Missing => Weight::Nothing,
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
