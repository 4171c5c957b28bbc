//! Resource ids. Their names are often known when their subscription and resource group are not.

use std::sync::Arc;

use super::context::Context;
use super::evaluate::concat;
use super::instance::DeploymentScope;
use super::pieces::{self, Piece};
use super::scope::{Env, Part};
use super::value::{Kind, Type, Value};
use super::{places, symbols};
use crate::model::{Resource, ScopeKind};

/// A segment of an id, which may not be known.
fn segment(value: Option<&Value>, reason: &Arc<str>, absent: Piece) -> Value {
    match value {
        Some(value) if value.as_str().is_some() => value.clone(),
        Some(value) => pieces::text(reason.clone(), vec![Piece::Value(Arc::new(value.clone()))]),
        None => pieces::text(reason.clone(), vec![absent]),
    }
}

/// What the ids of a scope begin with, up to `/providers`.
pub(crate) fn prefix(scope: &DeploymentScope, reason: &Arc<str>) -> Vec<Value> {
    let subscription = || {
        let id = scope.subscription.as_ref();
        let id = segment(id, reason, Piece::OwnSubscription);
        vec![Value::string("/subscriptions/"), id]
    };
    match scope.kind {
        ScopeKind::Tenant => Vec::new(),
        ScopeKind::ManagementGroup => vec![
            Value::string("/providers/Microsoft.Management/managementGroups/"),
            segment(scope.management_group.as_ref(), reason, Piece::Segment),
        ],
        ScopeKind::Subscription => subscription(),
        ScopeKind::ResourceGroup => {
            let mut prefix = subscription();
            prefix.push(Value::string("/resourceGroups/"));
            let group = scope.resource_group.as_ref();
            prefix.push(segment(group, reason, Piece::Segment));
            prefix
        }
    }
}

/// `/type/name/…` of a provider's resource; a name that is not known is one segment.
pub(crate) fn path<'n>(
    types: impl Iterator<Item = &'n str>,
    names: impl Iterator<Item = &'n Value>,
    reason: &Arc<str>,
) -> Vec<Value> {
    let each = types.zip(names).flat_map(|(ty, name)| {
        let name = segment(Some(name), reason, Piece::Segment);
        [Value::string(format!("/{ty}/")), name]
    });
    each.collect()
}

/// The id of a resource by its symbol. `None` where it extends another, or its name has other segments than its type.
pub(crate) fn of_resource(
    cx: &Context<'_>,
    env: Env<'_>,
    chain: &[&Resource],
    reason: &Arc<str>,
) -> Option<Value> {
    let (resource, around) = chain.split_last()?;
    let ty = resource.resource_type.as_ref()?.as_str();
    let name = symbols::full_name(cx, env, chain);
    let (provider, types) = ty.split_once('/')?;
    let count = types.split('/').count();
    let names: Vec<Value> = match &name.kind {
        Kind::Str(text) => text.split('/').map(Value::string).collect(),
        Kind::Unknown(unknown) => unknown.segments().unwrap_or_else(|| vec![name.clone()]),
        _ => return None,
    };
    let scope = places::of_resource(cx, env, &env.frame.scope, chain);
    if names.len() != count || scope.resource.is_some() || !stays(cx, env, resource, around) {
        return None;
    }
    let mut parts = prefix(&scope, reason);
    parts.push(Value::string(format!("/providers/{provider}")));
    parts.extend(path(types.split('/'), names.iter(), reason));
    Some(concat(cx, &parts))
}

/// An id of which only the last name may be known.
pub(crate) fn ending_in(name: Option<&Value>, reason: Arc<str>) -> Value {
    let mut parts = vec![Value::unknown_of(reason.clone(), Some(Type::String)).non_empty()];
    if let Some(name) = name {
        parts.extend([Value::string("/"), name.clone()]);
    }
    pieces::joined(reason, &parts)
}

/// Whether a resource is where its scope states: a resource group or a subscription has an id of its own form.
fn stays(cx: &Context<'_>, env: Env<'_>, resource: &Resource, around: &[&Resource]) -> bool {
    let ty = resource.resource_type.as_ref();
    let own = |name: &str| ty.is_some_and(|ty| ty.is(name));
    let odd = own("Microsoft.Resources/resourceGroups")
        || own("Microsoft.Resources/subscriptions")
        || own("Microsoft.Management/managementGroups");
    let parent = match (&resource.parent, around.is_empty()) {
        (Some(parent), _) => match super::evaluate::value_of(cx, env, parent).kind {
            Kind::Internal(internal) => matches!(internal.part, Part::Resource(_)),
            _ => false,
        },
        _ => true,
    };
    !odd && parent
}
