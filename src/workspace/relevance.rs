//! What of a file matters to rules: whether it may deploy a resource that a rule needs, and which files it refers to.

use std::sync::Arc;

use indexmap::IndexSet;

use super::entries::linked_file;
use crate::eval::ResourceFilter;
use crate::model::{Expr, ExprKind, Item, ItemKind, Member, Module, Target, Template};

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
pub enum Relevance {
    /// Deploys nothing a rule needs. It is never parsed.
    #[default]
    Nothing,
    /// Something in it cannot be read. That matters to deployments which make a registry: *missing* becomes *unknown*.
    /// By itself it gives no finding, so it is read when such a deployment requests it, and not before.
    Uncertain,
    /// Declares, or may declare, something a rule needs.
    Holds,
}

/// What a file declares by itself, or in templates inside it, and what it refers to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Without the files that it refers to.
    pub relevance: Relevance,
    /// References, each once, in order.
    pub references: Vec<(ReferenceKind, Arc<str>)>,
}

/// Summarizes a template.
pub fn summarize(template: &Template, filter: &ResourceFilter) -> Summary {
    let mut summarizer = Summarizer::new(filter);
    summarizer.add(template);
    Summary {
        relevance: summarizer.relevance,
        references: summarizer.references.into_iter().collect(),
    }
}

/// Whether an item in the place of another leaves the summary of its template as it is.
pub fn summarize_alike(a: &Item, b: &Item, filter: &ResourceFilter) -> bool {
    let [a, b] = [a, b].map(|item| {
        let mut summarizer = Summarizer::new(filter);
        summarizer.add_item(item);
        (summarizer.relevance, summarizer.references)
    });
    a == b
}

struct Summarizer<'a> {
    filter: &'a ResourceFilter,
    relevance: Relevance,
    references: IndexSet<(ReferenceKind, Arc<str>), rustc_hash::FxBuildHasher>,
}

impl<'a> Summarizer<'a> {
    fn new(filter: &'a ResourceFilter) -> Self {
        Summarizer {
            filter,
            relevance: Relevance::Nothing,
            references: IndexSet::default(),
        }
    }

    fn add(&mut self, template: &Template) {
        template.items.iter().for_each(|item| self.add_item(item));
    }

    fn add_item(&mut self, item: &Item) {
        match &item.kind {
            ItemKind::Resource(resource) if self.filter.may_deploy(resource) => {
                self.at_least(Relevance::Holds);
            }
            ItemKind::Module(module) => self.add_module(module),
            ItemKind::Variable(variable) => match &variable.value.kind {
                ExprKind::Object(members) => members.iter().for_each(|member| match member {
                    Member::Property { value, .. } => self.add_link(value),
                    Member::Spread(_) => {}
                }),
                _ => self.add_link(&variable.value),
            },
            ItemKind::Import(import) => self.refer(ReferenceKind::Import, &import.from.text),
            ItemKind::Using(using) => {
                if let Some(target) = &using.target {
                    self.refer(ReferenceKind::Using, &target.text);
                }
            }
            ItemKind::Extends(reference) => self.refer(ReferenceKind::Using, &reference.text),
            ItemKind::Metadata { name, value } if name.is("template") => {
                if let Some(text) = value.as_str() {
                    self.refer(ReferenceKind::Using, text);
                }
            }
            _ => {}
        }
    }

    fn add_module(&mut self, module: &Module) {
        match &module.target {
            Target::Inline(template) => self.add(template),
            Target::Reference(reference) => self.refer(ReferenceKind::Module, &reference.text),
            Target::Relative(path) => {
                self.at_least(Relevance::Uncertain);
                path.walk(&mut |expr| match &expr.kind {
                    ExprKind::Str(text) if looks_like_template(text) => {
                        self.refer(ReferenceKind::Module, text);
                    }
                    _ => {}
                });
            }
            Target::Uri(uri) => {
                self.at_least(Relevance::Uncertain);
                if let Some((_, file)) = linked_file(uri) {
                    self.refer(ReferenceKind::Module, file);
                }
            }
            Target::TemplateSpec(_) => self.at_least(Relevance::Uncertain),
            // Only evaluation can know its content.
            Target::Value(_) => self.at_least(Relevance::Holds),
            Target::Missing => {}
        }
    }

    /// The address of a linked template may be put together in a variable.
    fn add_link(&mut self, uri: &Expr) {
        let functions = ["concat", "uri", "format", "replace"];
        if let ExprKind::Call { name, .. } = &uri.kind
            && functions.iter().any(|it| name.is(it))
            && let Some((_, file)) = linked_file(uri)
        {
            self.refer(ReferenceKind::Module, file);
        }
    }

    fn at_least(&mut self, relevance: Relevance) {
        self.relevance = self.relevance.max(relevance);
    }

    fn refer(&mut self, kind: ReferenceKind, text: &str) {
        self.references.insert((kind, text.into()));
    }
}

fn looks_like_template(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let endings = [".json", ".jsonc", ".bicep", ".arm"];
    endings.iter().any(|ending| lower.ends_with(ending))
}
