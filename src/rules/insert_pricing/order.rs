//! The order among plans: a subscription takes one update of its plans at a time, so an inserted plan waits for every
//! plan of its file, and every module with plans, that nothing else waits for.

use crate::model::{FileKind, Ident, Item, ItemKind, Resource, ScopeKind, Target, Template};
use crate::rules::fix::{View, Views};
use crate::text::Span;
use crate::workspace::disk;

/// Modules are followed so deep.
const MAX_DEPTH: usize = 8;

fn is_plan(resource: &Resource) -> bool {
    let ty = resource.resource_type.as_ref();
    !resource.existing && ty.is_some_and(|ty| ty.is("Microsoft.Security/pricings"))
}

/// The plans of a file, and modules with plans, each with its symbol.
fn plans<'v>(view: &'v View, views: &dyn Views) -> Vec<(usize, &'v Item, &'v Ident)> {
    let items = view.model.template.items.iter().enumerate();
    items
        .filter_map(|(index, item)| match &item.kind {
            ItemKind::Resource(resource) if is_plan(resource) => {
                Some((index, &**item, resource.declaration.symbol.as_ref()?))
            }
            ItemKind::Module(module) if holds_plans(view, &module.target, views, MAX_DEPTH) => {
                Some((index, &**item, module.declaration.symbol.as_ref()?))
            }
            _ => None,
        })
        .collect()
}

/// The symbols of the plans, and modules with plans, that no other of them waits for.
pub(super) fn last_plans(view: &View, views: &dyn Views) -> Vec<String> {
    let all = plans(view, views);
    let is_last = |symbol: &Ident| !all.iter().any(|(_, item, _)| item.uses().contains(&symbol));
    let last = all.iter().filter(|(.., symbol)| is_last(symbol));
    last.map(|(.., symbol)| symbol.to_string()).collect()
}

/// The place of the last plan of a Bicep file.
pub(super) fn last_plan(view: &View, views: &dyn Views) -> Option<Span> {
    let (index, ..) = plans(view, views)
        .pop()
        .filter(|_| view.kind == FileKind::Bicep)?;
    item_span(view, index)
}

/// The place of the last resource or module of a Bicep file that refers to the declaration at a span.
pub(super) fn last_use(view: &View, anchor: Span) -> Span {
    let found = || {
        let declaration = view.source().top_declaration_at(anchor.start)?;
        let symbol = declaration.symbol()?;
        let items = view.model.template.items.iter().enumerate();
        let mut users = items.filter(|(_, item)| {
            matches!(item.kind, ItemKind::Resource(_) | ItemKind::Module(_))
                && item.uses().iter().any(|name| name.as_str() == symbol)
        });
        item_span(view, users.next_back()?.0)
    };
    match view.kind {
        FileKind::Bicep => found()
            .filter(|span| span.start > anchor.start)
            .unwrap_or(anchor),
        _ => anchor,
    }
}

fn item_span(view: &View, index: usize) -> Option<Span> {
    let (start, spans) = view.model.spans.get(index)?;
    Some(spans.nodes.first()?.shift(*start))
}

fn holds_plans(view: &View, target: &Target, views: &dyn Views, depth: usize) -> bool {
    let inside = |template: &Template| {
        template.items.iter().any(|item| match &item.kind {
            ItemKind::Resource(resource) => is_plan(resource),
            _ => false,
        })
    };
    match target {
        Target::Inline(template) => inside(template),
        Target::Reference(reference) if depth > 0 => {
            let folder = view.path.parent();
            let path = folder.map(|folder| disk::normalize(&folder.join(&*reference.text)));
            let file = path.and_then(|path| views.file_at(&path));
            file.and_then(|file| views.view(file)).is_some_and(|used| {
                let modules = used.model.template.items.iter();
                inside(&used.model.template)
                    || modules.into_iter().any(|item| match &item.kind {
                        ItemKind::Module(module) => {
                            holds_plans(&used, &module.target, views, depth - 1)
                        }
                        _ => false,
                    })
            })
        }
        _ => false,
    }
}

/// A plan of a template in JSON, or a nested deployment with plans.
struct JsonPlan {
    /// What names it in `dependsOn`.
    id: String,
    name: String,
    depends_on: Vec<String>,
}

/// The same for a template in JSON, as elements of `dependsOn`. `None` where a plan cannot be named.
pub(super) fn last_resources(view: &View) -> Option<Vec<String>> {
    let source = view.source();
    let mut all = Vec::new();
    let declared = source.declarations().into_iter();
    for declaration in declared {
        let text = |name: &str| declaration.member(name).and_then(|value| value.string());
        let ty = text("type").unwrap_or_default().to_ascii_lowercase();
        let nested =
            ty == "microsoft.resources/deployments" && declares_plans(view, declaration.span());
        let existing = declaration.member("existing").is_some();
        if existing || !(nested || ty == "microsoft.security/pricings") {
            continue;
        }
        let name = text("name")?;
        let key = declaration.body()?.container().and_then(|(_, key)| key);
        let copy = declaration
            .member("copy")
            .and_then(|copy| copy.member("name")?.string());
        let at_subscription = super::place::scope(view) == ScopeKind::Subscription;
        let id = key
            .or(copy)
            .unwrap_or_else(|| resource_id(nested, &name, at_subscription));
        let list = declaration.member("dependsOn").map(|list| list.elements());
        let each = list.into_iter().flatten().filter_map(|one| one.string());
        all.push(JsonPlan {
            id,
            name,
            depends_on: each.collect(),
        });
    }
    let waited_for = |plan: &JsonPlan| {
        all.iter().any(|other| {
            other.id != plan.id && other.depends_on.iter().any(|text| means(text, plan))
        })
    };
    let last = all.iter().filter(|plan| !waited_for(plan));
    Some(last.map(|plan| plan.id.clone()).collect())
}

/// Whether an element of `dependsOn` names a plan: by its id, its key, or by an expression that ends with its name.
fn means(text: &str, plan: &JsonPlan) -> bool {
    let folded = text.to_ascii_lowercase();
    let name = plan.name.to_ascii_lowercase();
    let inner = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    let end = folded.trim_end_matches([')', ']']);
    folded == plan.id.to_ascii_lowercase()
        || end.ends_with(&format!("'{name}'"))
        || end.trim_end_matches('\'').ends_with(&format!("/{name}"))
        || folded == name
        || inner.is_some_and(|inner| end.ends_with(inner.trim_end_matches(')')))
}

/// Whether the nested deployment at a span declares plans.
fn declares_plans(view: &View, span: Span) -> bool {
    let items = view.model.template.items.iter().enumerate();
    items
        .filter(|(index, _)| item_span(view, *index).is_some_and(|own| own.touches(span.start)))
        .any(|(_, item)| match &item.kind {
            ItemKind::Module(module) => match &module.target {
                Target::Inline(template) => template.items.iter().any(|item| match &item.kind {
                    ItemKind::Resource(resource) => is_plan(resource),
                    _ => false,
                }),
                _ => false,
            },
            _ => false,
        })
}

fn resource_id(nested: bool, name: &str, subscription: bool) -> String {
    let name = match name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
    {
        Some(expression) if !name.starts_with("[[") => expression.to_owned(),
        _ => format!("'{}'", name.replace('\'', "''")),
    };
    match (nested, subscription) {
        (false, _) => format!("[subscriptionResourceId('Microsoft.Security/pricings', {name})]"),
        (true, true) => {
            format!("[subscriptionResourceId('Microsoft.Resources/deployments', {name})]")
        }
        (true, false) => format!("[resourceId('Microsoft.Resources/deployments', {name})]"),
    }
}
