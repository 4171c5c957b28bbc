//! What the type of a parameter allows, as far as it is declared: an edit that Bicep would refuse is not proposed.

use std::sync::Arc;

use crate::model::{Expr, ExprKind, FileId, ItemKind, Parameter, Template, TypeExpr};
use crate::rules::fix::{View, Views};
use crate::syntax::edit::{Source, Value};
use crate::text::Span;

/// Named types are followed so far.
const MAX_DEPTH: usize = 8;

/// A step from a value into a part of it.
enum Step {
    Item(usize),
    Member(String),
}

/// A parameter that a literal is a value of, or a part of the value.
pub(super) struct Typed {
    /// The file that declares the parameter.
    pub(super) view: Arc<View>,
    parameter: Parameter,
    path: Vec<Step>,
}

/// Whether a text is allowed, and how it is written.
pub(super) enum Allows {
    Yes(String),
    No,
}

/// The parameter whose default, or whose value in a parameter file of `entry`, holds the value at a span.
pub(super) fn parameter_of(
    view: &View,
    span: Span,
    entry: FileId,
    views: &dyn Views,
) -> Option<Typed> {
    let items = view.model.items();
    for (item, (start, spans)) in items {
        let value = match &item.kind {
            ItemKind::Parameter(parameter) => parameter.default.as_ref(),
            ItemKind::Assignment(assignment) => Some(&assignment.value),
            _ => None,
        };
        let at = value.and_then(|value| spans.nodes.get(value.node as usize));
        let Some(at) = at.map(|at| at.shift(*start)) else {
            continue;
        };
        if span.start < at.start || at.end < span.end {
            continue;
        }
        let (view, parameter) = match &item.kind {
            ItemKind::Parameter(parameter) => (views.view(view.file)?, parameter.clone()),
            ItemKind::Assignment(assignment) => {
                let declaring = views.view(entry)?;
                let items = declaring.model.template.items.iter();
                let mut parameters = items.filter_map(|item| match &item.kind {
                    ItemKind::Parameter(parameter) => Some(parameter),
                    _ => None,
                });
                let found = parameters.find(|one| one.name == assignment.name)?.clone();
                (declaring, found)
            }
            _ => return None,
        };
        let path = path(views.view(view.file)?.source(), at, span).or_else(|| Some(Vec::new()))?;
        return Some(Typed {
            view,
            parameter,
            path,
        });
    }
    None
}

/// The steps from the value at one span to that at another inside it.
fn path(source: Source<'_>, from: Span, to: Span) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut value = source.value_at(to)?;
    while value.span() != from {
        let (outer, key) = value.container()?;
        steps.push(match key {
            Some(key) => Step::Member(key),
            None => {
                let all = outer.elements();
                Step::Item(all.iter().position(|one| one.span() == value.span())?)
            }
        });
        value = outer;
    }
    steps.reverse();
    Some(steps)
}

impl Typed {
    pub(super) fn name(&self) -> &str {
        self.parameter.name.as_str()
    }

    /// Whether a text is allowed in the place of the literal.
    pub(super) fn allows(&self, text: &str) -> Allows {
        let listed = self.parameter.allowed.as_ref().map(|all| &all.kind);
        let words = match listed {
            Some(ExprKind::Array(elements)) if self.path.len() < 2 => {
                let words = elements
                    .iter()
                    .map(|one| one.value.as_str().map(str::to_owned));
                words.collect()
            }
            _ => self.at(&self.path).and_then(|ty| words(&ty)),
        };
        let Some(words) = words else {
            return Allows::Yes(text.to_owned());
        };
        let found = words
            .into_iter()
            .find(|word| word.eq_ignore_ascii_case(text));
        found.map_or(Allows::No, Allows::Yes)
    }

    /// Whether the list may have one element more, which is this text (or an object with it).
    pub(super) fn takes(&self, list: &Value<'_>, text: &str) -> bool {
        let count = list.elements().len();
        if self.limit().is_some_and(|limit| limit <= count) {
            return false;
        }
        let listed = self.parameter.allowed.as_ref().map(|all| &all.kind);
        if let (Some(ExprKind::Array(elements)), true) = (listed, self.path.is_empty()) {
            return elements.iter().any(|one| one.value.as_str() == Some(text));
        }
        let Some(ty) = self.at(&self.path) else {
            return true;
        };
        match ty {
            TypeExpr::Array(element) => {
                let element = self.resolve(&element, MAX_DEPTH);
                words(&element).is_none_or(|words| words.iter().any(|word| word == text))
            }
            TypeExpr::Tuple(_) => false,
            _ => true,
        }
    }

    /// `@maxLength`, of the parameter or of its type.
    fn limit(&self) -> Option<usize> {
        if !self.path.is_empty() {
            return None;
        }
        let source = self.view.source();
        if !source.bicep {
            let parameters = source.root()?.member("parameters")?;
            let limit = parameters.member(self.name())?.member("maxLength")?;
            return limit.text().parse().ok();
        }
        let named = match &self.parameter.ty {
            TypeExpr::Named(steps) => steps.first().map(|one| one.as_str().to_owned()),
            _ => None,
        };
        let all = source.declarations();
        let mut limits = all.iter().filter_map(|one| {
            let symbol = one.symbol()?;
            let relevant = symbol == self.name() || named.as_deref() == Some(symbol);
            let arguments = relevant.then(|| one.decorator("maxLength"))??;
            arguments.first()?.text().parse().ok()
        });
        limits.next()
    }

    /// The type at the end of a path.
    fn at(&self, path: &[Step]) -> Option<TypeExpr> {
        let mut ty = self.resolve(&self.parameter.ty, MAX_DEPTH);
        for step in path {
            let inner = match (step, ty) {
                (Step::Item(_), TypeExpr::Array(element)) => *element,
                (Step::Item(index), TypeExpr::Tuple(items)) => items.get(*index)?.clone(),
                (
                    Step::Member(name),
                    TypeExpr::Object {
                        properties,
                        additional,
                    },
                ) => {
                    let named = properties.iter().find(|(own, _)| own.is(name));
                    match named {
                        Some((_, ty)) => ty.clone(),
                        None => *additional?,
                    }
                }
                _ => return None,
            };
            ty = self.resolve(&inner, MAX_DEPTH);
        }
        Some(ty)
    }

    /// A type with its names replaced by what they stand for.
    fn resolve(&self, ty: &TypeExpr, depth: usize) -> TypeExpr {
        match ty {
            TypeExpr::Nullable(inner) => self.resolve(inner, depth),
            TypeExpr::Named(steps) if depth > 0 => {
                let template: &Template = &self.view.model.template;
                let declared = template.items.iter().find_map(|item| match &item.kind {
                    ItemKind::Type(declared)
                        if steps.len() == 1 && steps.first() == Some(&declared.name) =>
                    {
                        Some(&declared.ty)
                    }
                    _ => None,
                });
                declared.map_or(TypeExpr::Any, |ty| self.resolve(ty, depth - 1))
            }
            other => other.clone(),
        }
    }
}

/// The texts that a type consists of, where it is made of literals.
fn words(ty: &TypeExpr) -> Option<Vec<String>> {
    let text = |expr: &Expr| expr.as_str().map(str::to_owned);
    match ty {
        TypeExpr::Literal(expr) => text(expr).map(|word| vec![word]),
        TypeExpr::Union(each) => each
            .iter()
            .map(|ty| match ty {
                TypeExpr::Literal(expr) => text(expr),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}
