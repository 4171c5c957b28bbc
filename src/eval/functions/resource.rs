//! Functions whose results Azure decides: resource ids, states, keys, zones.

use std::sync::Arc;

use super::{ARRAY, Builtin, MANY, OBJECT, STRING, azure, lazy, opaque};
use crate::eval::canonical::Canonical;
use crate::eval::context::Context;
use crate::eval::evaluate::{concat, lift, value_of};
use crate::eval::ids;
use crate::eval::instance::DeploymentScope;
use crate::eval::merge::why_unknown;
use crate::eval::scope::Env;
use crate::eval::symbols::{arm_reference, deployment_named};
use crate::eval::value::{Kind, Unknown, Value};
use crate::model::{Expr, ExprKind, ScopeKind};

pub(super) const TABLE: &[Builtin] = &[
    lazy("resourceId", STRING, 2..=MANY, |cx, env, args| {
        id(cx, env, args, IdScope::ResourceGroup)
    }),
    lazy(
        "subscriptionResourceId",
        STRING,
        2..=MANY,
        |cx, env, args| id(cx, env, args, IdScope::Subscription),
    ),
    lazy("tenantResourceId", STRING, 2..=MANY, |cx, env, args| {
        id(cx, env, args, IdScope::Tenant)
    }),
    lazy("extensionResourceId", STRING, 3..=MANY, |cx, env, args| {
        id(cx, env, args, IdScope::Resource)
    }),
    lazy(
        "managementGroupResourceId",
        STRING,
        2..=MANY,
        |cx, env, args| id(cx, env, args, IdScope::ManagementGroup),
    ),
    opaque("newGuid", STRING, 0..=0),
    lazy("reference", None, 1..=3, reference),
    lazy("references", None, 1..=2, references),
    azure("providers", OBJECT, 0..=MANY),
    azure("pickZones", ARRAY, 0..=MANY),
    azure("toLogicalZone", STRING, 0..=MANY),
    azure("toLogicalZones", ARRAY, 0..=MANY),
    azure("toPhysicalZone", STRING, 0..=MANY),
    azure("toPhysicalZones", ARRAY, 0..=MANY),
    opaque("roleDefinitions", OBJECT, 0..=MANY),
    lazy("externalInput", None, 0..=MANY, |_, _, _| {
        outside("externalInput")
    }),
    lazy("externalInputs", None, 0..=MANY, |_, _, _| {
        outside("externalInput")
    }),
    lazy("getSecret", None, 0..=MANY, |_, _, _| secret()),
    lazy("keyVaultSecret", None, 0..=MANY, |_, _, _| secret()),
    lazy("environmentPlaceholder", None, 0..=MANY, |_, _, _| {
        placeholder()
    }),
    lazy(
        "readEnvironmentVariable",
        STRING,
        1..=2,
        environment_variable,
    ),
    lazy("readEnvVar", STRING, 1..=2, environment_variable),
    lazy("readCliArg", STRING, 1..=1, |_, _, _| outside("readCliArg")),
    azure("getResourceTypeProperties", None, 1..=1),
    azure("resourceInfo", None, 0..=MANY),
    azure("parseResourceId", None, 1..=1),
];

/// What an id begins with.
#[derive(Clone, Copy)]
enum IdScope {
    ResourceGroup,
    Subscription,
    ManagementGroup,
    Tenant,
    /// The resource that the first argument names.
    Resource,
}

/// A resource id, where its parts are known: `[scope parts…], type, name, …`. Without them the deployment's own
/// subscription and resource group are part of it, which are not known; a management group and a tenant have neither.
fn id(cx: &Context<'_>, env: Env<'_>, args: &[Expr], scope: IdScope) -> Value {
    let values: Vec<Value> = args
        .iter()
        .map(|arg| super::argument(cx, env, arg))
        .collect();
    lift(&values, &mut |values| {
        let unknown = values.iter().find_map(why_unknown);
        let reason = unknown.unwrap_or_else(|| "resource ids are known only to Azure".into());
        match parts_of_id(env, values, scope, &reason) {
            Some(parts) => concat(cx, &parts),
            None if values.iter().all(|value| value.as_str().is_some()) => {
                Value::unknown_of("a resource id is not valid", STRING).non_empty()
            }
            None => ids::ending_in(values.last(), reason),
        }
    })
}

/// The parts of an id; `None` for what Azure refuses, and where the arguments that state its form are not known.
fn parts_of_id(
    env: Env<'_>,
    values: &[Value],
    scope: IdScope,
    reason: &Arc<str>,
) -> Option<Vec<Value>> {
    let at = match scope {
        IdScope::Resource => 1,
        _ => values
            .iter()
            .position(|value| value.as_str().is_some_and(|part| part.contains('/')))?,
    };
    let (before, rest) = values.split_at_checked(at)?;
    let before: Option<Vec<&str>> = before.iter().map(Value::as_str).collect();
    let (ty, names) = rest.split_first()?;
    let (provider, types) = ty.as_str()?.split_once('/')?;
    let slash = |name: &Value| name.as_str().is_some_and(|name| name.contains('/'));
    if types.split('/').count() != names.len() || names.iter().any(slash) {
        return None;
    }
    let is_subscription = |id: &str| uuid::Uuid::try_parse(id).is_ok();
    let here = &env.frame.scope;
    let of_kind = |kind| DeploymentScope {
        kind,
        ..here.clone()
    };
    let within = matches!(
        here.kind,
        ScopeKind::ResourceGroup | ScopeKind::Subscription
    );
    let mut parts = match (scope, before?.as_slice()) {
        (IdScope::Tenant, []) => Vec::new(),
        // At a subscription, Azure requires the subscription and the resource group.
        (IdScope::ResourceGroup, []) if here.kind == ScopeKind::Subscription => return None,
        (IdScope::ResourceGroup, []) if within => ids::prefix(here, reason),
        (IdScope::ResourceGroup, []) => Vec::new(),
        (IdScope::Subscription, []) if within => {
            ids::prefix(&of_kind(ScopeKind::Subscription), reason)
        }
        (IdScope::ManagementGroup, []) => ids::prefix(&of_kind(ScopeKind::ManagementGroup), reason),
        (IdScope::ManagementGroup, [group]) => vec![Value::string(format!(
            "/providers/Microsoft.Management/managementGroups/{group}"
        ))],
        (IdScope::ResourceGroup, [group]) => ids::prefix(
            &DeploymentScope {
                resource_group: Some(Value::string(*group)),
                ..of_kind(ScopeKind::ResourceGroup)
            },
            reason,
        ),
        (IdScope::ResourceGroup, [subscription, group]) if is_subscription(subscription) => {
            vec![Value::string(format!(
                "/subscriptions/{subscription}/resourceGroups/{group}"
            ))]
        }
        (IdScope::Subscription, [subscription]) if is_subscription(subscription) => {
            vec![Value::string(format!("/subscriptions/{subscription}"))]
        }
        (IdScope::Resource, [resource]) if resource.starts_with('/') => {
            vec![Value::string(resource.trim_end_matches('/'))]
        }
        _ => return None,
    };
    parts.push(Value::string(format!("/providers/{provider}")));
    // Azure leaves the type out where the only name is empty.
    match names {
        [name] if name.as_str() == Some("") => parts.push(Value::string("/")),
        _ => parts.extend(ids::path(types.split('/'), names.iter(), reason)),
    }
    Some(parts)
}

/// A module's symbol gives its outputs; all else is a state.
fn reference(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Value {
    let module = deployment(cx, env, &args[0]);
    module.unwrap_or_else(|| super::after_deployment("reference", OBJECT))
}

/// The modules of a loop, by their symbol: `references('m')[1]`.
fn references(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Value {
    let symbol = value_of(cx, env, &args[0]);
    let modules = symbol.as_str().and_then(|it| arm_reference(env, it));
    modules.unwrap_or_else(|| super::after_deployment("references", ARRAY))
}

/// The deployment that is referred to, by its symbol, its name or its id.
fn deployment(cx: &Context<'_>, env: Env<'_>, of: &Expr) -> Option<Value> {
    if env.is_bicep() {
        return None;
    }
    if let Some(symbol) = value_of(cx, env, of).as_str()
        && let Some(module) = arm_reference(env, symbol)
    {
        return Some(module);
    }
    match &of.kind {
        ExprKind::Call { name, args, .. }
            if name.is("resourceId")
                || name.is("subscriptionResourceId")
                || name.is("tenantResourceId")
                || name.is("extensionResourceId") =>
        {
            let is_type = |arg: &Expr| {
                arg.as_str()
                    .is_some_and(|ty| ty.eq_ignore_ascii_case("Microsoft.Resources/deployments"))
            };
            let at = args.iter().position(is_type)?;
            deployment_named(cx, env, args.get(at + 1)?)
        }
        _ => deployment_named(cx, env, of),
    }
}

fn outside(name: &str) -> Value {
    Value::unknown(format!("{name}() is given when the deployment is made"))
}

fn secret() -> Value {
    Value::unknown_of("a key vault secret is known only to Azure", STRING).non_empty()
}

fn placeholder() -> Value {
    Value::unknown("a placeholder is filled in by another tool")
}

/// Never read here: the answer must not depend on where Preflight runs. Its default is what most deployments use.
fn environment_variable(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Value {
    if let [_, default] = args
        && !matches!(default.kind, ExprKind::Null)
    {
        let value = value_of(cx, env, default);
        if !matches!(value.kind, Kind::Null) {
            return Value::of(value.kind);
        }
    }
    let name = args.first().and_then(Expr::as_str);
    let reason = format!(
        "environment variable '{}' is not read",
        name.unwrap_or_default()
    );
    let canonical = |name| Canonical::atom(format!("readEnvironmentVariable('{name}')"));
    Unknown {
        reason: reason.into(),
        ty: STRING,
        canonical: name.map(canonical),
        ..Unknown::default()
    }
    .into()
}
