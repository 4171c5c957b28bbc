//! The order among plans: a subscription takes one update of its plans at a time, so an inserted plan waits for every
//! plan of its file, and every module with plans, that nothing else waits for.

use crate::model::{Ident, Item, ItemKind, Resource, Target, Template};
use crate::rules::fix::{View, Views};
use crate::syntax::json::decode_string;
use crate::workspace::disk;

/// Modules are followed so deep.
const MAX_DEPTH: usize = 8;

fn is_plan(resource: &Resource) -> bool {
    let ty = resource.resource_type.as_ref();
    !resource.existing && ty.is_some_and(|ty| ty.is("Microsoft.Security/pricings"))
}

/// The symbols of the plans, and modules with plans, that no other of them waits for.
pub fn last_plans(view: &View, views: &dyn Views) -> Vec<String> {
    let items: Vec<(&Item, &Ident)> = view
        .model
        .template
        .items
        .iter()
        .map(|item| &**item)
        .filter_map(|item| match &item.kind {
            ItemKind::Resource(resource) if is_plan(resource) => {
                Some((item, resource.declaration.symbol.as_ref()?))
            }
            ItemKind::Module(module) if holds_plans(view, &module.target, views, MAX_DEPTH) => {
                Some((item, module.declaration.symbol.as_ref()?))
            }
            _ => None,
        })
        .collect();
    let is_last = |symbol: &Ident| !items.iter().any(|(item, _)| item.uses.contains(symbol));
    let last = items.iter().filter(|(_, symbol)| is_last(symbol));
    last.map(|(_, symbol)| symbol.to_string()).collect()
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

/// The same for a template in JSON, as elements of `dependsOn`. `None` where a plan cannot be named.
pub fn last_resources(view: &View) -> Option<Vec<String>> {
    use super::json::{elements, member, root, string};
    let resources = member(view, root(view)?, "resources")?;
    let mut ids = Vec::new();
    for element in elements(resources) {
        let keyed = element.child_by_field_name("key");
        let object = element.child_by_field_name("value").unwrap_or(element);
        let ty = member(view, object, "type").map(|ty| string(view, ty));
        let ty = ty.unwrap_or_default().to_ascii_lowercase();
        let text = view.text.get(object.byte_range()).unwrap_or_default();
        let nested = ty == "microsoft.resources/deployments"
            && text
                .to_ascii_lowercase()
                .contains("microsoft.security/pricings");
        let existing = member(view, object, "existing").is_some();
        if existing || !(nested || ty == "microsoft.security/pricings") {
            continue;
        }
        let copy = member(view, object, "copy").and_then(|copy| member(view, copy, "name"));
        let name = member(view, object, "name").map(|name| string(view, name))?;
        let id = match (keyed, copy) {
            (Some(key), _) => {
                let text = view.text.get(key.byte_range()).unwrap_or_default();
                decode_string(text).text.into_owned()
            }
            (None, Some(copy)) => string(view, copy),
            (None, None) => resource_id(nested, &name, scope_is_subscription(view)),
        };
        ids.push((id, name, text.to_owned()));
    }
    let waited_for = |id: &str, name: &str| {
        ids.iter().any(|(other, _, text)| {
            let Some((_, after)) = text.split_once("\"dependsOn\"") else {
                return false;
            };
            let list = after.split(']').next().unwrap_or_default();
            other != id
                && (list.contains(id)
                    || list.contains(&format!("'{name}'"))
                    || list.contains(&format!("/{name}")))
        })
    };
    let last = ids.iter().filter(|(id, name, _)| !waited_for(id, name));
    Some(last.map(|(id, ..)| id.clone()).collect())
}

fn scope_is_subscription(view: &View) -> bool {
    super::place::scope(view) == crate::model::ScopeKind::Subscription
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
