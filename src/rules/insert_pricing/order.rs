//! The order among plans: a subscription takes one update of its plans at a time, so an inserted plan waits for every
//! declaration of its file that deploys plans and that no other of them waits for.

use std::collections::BTreeMap;

use crate::model::{FileKind, ItemKind, NodeRef, ScopeKind};
use crate::rules::container_scan::is_plan;
use crate::rules::container_scan::subject::PlanList;
use crate::rules::fix::{View, Views};
use crate::syntax::edit::Declaration;
use crate::text::Span;

/// The declarations of a file that deploy plans, themselves or by what they use, in their order, each with whether
/// another one waits for it.
pub(super) fn plans(view: &View, views: &dyn Views) -> Vec<(Span, bool)> {
    let mut waited_for: BTreeMap<Span, bool> = BTreeMap::new();
    for expansion in views.expansions(view.file) {
        let plans = expansion.instances.iter();
        let plans = plans.filter(|plan| is_plan(plan) && !plan.existing);
        let declared = plans.filter_map(|plan| {
            let path = plan.via.iter().map(|step| step.declaration);
            path.chain([plan.place]).find(|node| node.file == view.file)
        });
        let mut declared: Vec<NodeRef> = declared.collect();
        declared.sort_unstable();
        declared.dedup();
        // Where its condition is false, nothing waits for what it waits for.
        let is_certain = |node: &&NodeRef| {
            let span = views.span(**node);
            let declaration = span.and_then(|span| view.source().declaration_at(span));
            declaration.is_none_or(|it| it.condition().is_none())
        };
        for node in &declared {
            let mut waiting = declared.iter().filter(is_certain);
            let waited = waiting.any(|other| expansion.waits_for(*other, *node));
            if let Some(span) = views.span(*node) {
                *waited_for.entry(span).or_default() |= waited;
            }
        }
    }
    waited_for.into_iter().collect()
}

/// What the plans that no other of them waits for are called in `dependsOn`. `None` where one of them has no name.
pub(super) fn last_plans(view: &View, views: &dyn Views) -> Option<Vec<String>> {
    let last = plans(view, views).into_iter().filter(|(_, waited)| !waited);
    last.map(|(span, _)| {
        let declaration = view.source().declaration_at(span)?;
        match view.kind {
            FileKind::Bicep => declaration.symbol().map(str::to_owned),
            _ => resource_id(view, &declaration),
        }
    })
    .collect()
}

/// Whether the loops that a list of plans feeds update one plan after the other, and so one more too.
pub(super) fn is_serial(list: &PlanList, views: &dyn Views) -> bool {
    let uses = list.via.iter().map(|step| step.declaration);
    uses.chain([list.declaration]).all(|node| {
        let one = || {
            let (view, span) = (views.view(node.file)?, views.span(node)?);
            let declaration = view.source().declaration_at(span)?;
            Some(!declaration.is_looped() || declaration.is_serial())
        };
        one().unwrap_or(true)
    })
}

/// The place of the last declaration of a Bicep file that deploys plans.
pub(super) fn last_plan(view: &View, views: &dyn Views) -> Option<Span> {
    let (last, _) = plans(view, views).pop()?;
    (view.kind == FileKind::Bicep).then_some(last)
}

/// The place of the last resource or module of a Bicep file that refers to the declaration at a span.
pub(super) fn last_use(view: &View, anchor: Span) -> Span {
    let found = || {
        let declaration = view.source().top_declaration_at(anchor.start)?;
        let symbol = declaration.symbol()?;
        let users = view.model.items().filter(|(item, _)| {
            matches!(item.kind, ItemKind::Resource(_) | ItemKind::Module(_))
                && item.uses().iter().any(|name| name.as_str() == symbol)
        });
        let (_, (start, spans)) = users.last()?;
        Some(spans.nodes.first()?.shift(*start))
    };
    let found = found().filter(|_| view.kind == FileKind::Bicep);
    found
        .filter(|span| span.start > anchor.start)
        .unwrap_or(anchor)
}

/// What names a resource of a template in `dependsOn`: its key, its loop or its id.
fn resource_id(view: &View, resource: &Declaration<'_>) -> Option<String> {
    let text = |name: &str| resource.member(name)?.string();
    let key = resource.body()?.container().and_then(|(_, key)| key);
    let copy = resource
        .member("copy")
        .and_then(|copy| copy.member("name")?.string());
    if let Some(name) = key.or(copy) {
        return Some(name);
    }
    let ty = text("type")?;
    let name = resource.member("name")?.operand()?;
    let scope = |name: &str| resource.member(name).and_then(|value| value.operand());
    let (subscription, group) = (scope("subscriptionId"), scope("resourceGroup"));
    let in_group = group.is_some()
        || subscription.is_none()
            && super::place::scope(view) == ScopeKind::ResourceGroup
            && ty.eq_ignore_ascii_case("Microsoft.Resources/deployments");
    let function = match in_group {
        true => "resourceId",
        false => "subscriptionResourceId",
    };
    let scopes = subscription.into_iter().chain(group);
    let scopes: String = scopes.map(|scope| format!("{scope}, ")).collect();
    Some(format!("[{function}({scopes}'{ty}', {name})]"))
}
