//! The scope of a declaration: subscription, resource group, or the resource that it extends.

use std::sync::Arc;

use super::context::Context;
use super::evaluate::{reason_of, settled, value_of};
use super::merge::merge;
use super::pieces::Piece;
use super::scope::{Env, Internal, Part};
use super::symbols;
use super::value::{Kind, Value};
use super::{DeploymentScope, ScopeResource, canonicalize};
use crate::model::{Declaration, Expr, ExprKind, Ident, Module, Resource, ScopeKind};

/// Scopes of symbols' symbols are followed this far.
const MAX_HOPS: u8 = 8;

/// Where a resource is deployed.
pub(crate) fn of_resource(
    cx: &Context<'_>,
    env: Env<'_>,
    here: &DeploymentScope,
    chain: &[&Resource],
) -> DeploymentScope {
    of_chain(cx, env, here, chain, 0)
}

fn of_chain(
    cx: &Context<'_>,
    env: Env<'_>,
    here: &DeploymentScope,
    chain: &[&Resource],
    hops: u8,
) -> DeploymentScope {
    // A nested child is where its outermost parent is, and one with `parent` where that is.
    let Some(resource) = chain.first() else {
        return here.clone();
    };
    if let (Some(parent), None) = (&resource.parent, &resource.declaration.scope)
        && let Kind::Internal(internal) = value_of(cx, env, parent).kind
        && let Some(parent) = symbols::symbol_resource(env, &internal)
        && let Part::Resource(path) = &internal.part
        && parent.declaration.loops.is_none()
        && hops < MAX_HOPS
    {
        let chain = symbols::resource_chain(&env.frame.origin.template, internal.item, path);
        return of_chain(cx, env.at_item(internal.item), here, &chain, hops + 1);
    }
    of_declaration(cx, env, here, &resource.declaration, false, hops)
}

/// Where a module is deployed.
pub(crate) fn of_module(
    cx: &Context<'_>,
    env: Env<'_>,
    here: &DeploymentScope,
    module: &Module,
) -> DeploymentScope {
    of_declaration(cx, env, here, &module.declaration, true, 0)
}

fn of_declaration(
    cx: &Context<'_>,
    env: Env<'_>,
    here: &DeploymentScope,
    declaration: &Declaration,
    module: bool,
    hops: u8,
) -> DeploymentScope {
    let mut scope = match &declaration.scope {
        Some(expr) => of_expression(cx, env, here, expr, module, hops),
        None => here.clone(),
    };
    if let Some(subscription) = &declaration.subscription {
        scope = DeploymentScope {
            subscription: subscription_value(cx, env, subscription),
            ..DeploymentScope::here(ScopeKind::Subscription)
        };
    }
    if let Some(group) = &declaration.resource_group {
        scope.kind = ScopeKind::ResourceGroup;
        scope.resource_group = Some(value(cx, env, group));
    }
    scope
}

/// A value, with its canonical form where it is not known.
pub(crate) fn value(cx: &Context<'_>, env: Env<'_>, expr: &Expr) -> Value {
    let value = settled(cx, env, expr);
    canonicalize::with_canonical(cx, env, expr, value)
}

/// A subscription; the deployment's own, spelled out, is none.
fn subscription_value(cx: &Context<'_>, env: Env<'_>, expr: &Expr) -> Option<Value> {
    let value = value(cx, env, expr);
    if value.is_null() || is_own_subscription(&value) {
        return None;
    }
    Some(value)
}

fn is_own_subscription(value: &Value) -> bool {
    matches!(&value.kind, Kind::Unknown(unknown) if *unknown.pieces == [Piece::OwnSubscription])
}

fn of_expression(
    cx: &Context<'_>,
    env: Env<'_>,
    here: &DeploymentScope,
    expr: &Expr,
    module: bool,
    hops: u8,
) -> DeploymentScope {
    // A variable may represent a scope.
    if let ExprKind::Name(_) = &expr.kind
        && hops < MAX_HOPS
        && let Some((env, meant)) = canonicalize::meaning(cx, env, expr)
        && let ExprKind::Call { .. } = &meant.kind
    {
        return of_expression(cx, env, here, meant, module, hops + 1);
    }
    if let ExprKind::Call { name, args, .. } = &expr.kind {
        let env = env.reading();
        if let ("if", [when, yes, no]) = (&*name.as_str().to_ascii_lowercase(), &**args)
            && hops < MAX_HOPS
        {
            let condition = value_of(cx, env, when);
            let branch = |expr| of_expression(cx, env, here, expr, module, hops + 1);
            return match condition.as_bool() {
                Some(true) => branch(yes),
                Some(false) => branch(no),
                None => either(branch(yes), branch(no), &reason_of(&condition)),
            };
        }
        if let Some(scope) = of_call(cx, env, here, name.as_str(), args) {
            return scope;
        }
    }
    let mut values = Vec::new();
    if let Some(id) = id_of(cx, env.reading(), here, expr, &mut values) {
        return of_id(here, &id, &values);
    }
    let target = value_of(cx, env, expr);
    match &target.kind {
        Kind::Internal(internal) => of_symbol(cx, env, here, internal, module, hops),
        Kind::Str(text) => of_id(here, text, &[]),
        Kind::Unknown(_) | Kind::OneOf(_) if !module => DeploymentScope {
            resource: Some(ScopeResource {
                resource_type: type_of_text(&target),
                name: None,
                place: None,
            }),
            ..here.clone()
        },
        _ => DeploymentScope {
            subscription: Some(Value::unknown(reason_of(&target))),
            resource_group: Some(Value::unknown(reason_of(&target))),
            ..here.clone()
        },
    }
}

/// The scope that a call of a scope function or of an id function names.
fn of_call(
    cx: &Context<'_>,
    env: Env<'_>,
    here: &DeploymentScope,
    name: &str,
    args: &[Expr],
) -> Option<DeploymentScope> {
    let subscription = || DeploymentScope {
        subscription: here.subscription.clone(),
        ..DeploymentScope::here(ScopeKind::Subscription)
    };
    Some(match (name.to_ascii_lowercase().as_str(), args) {
        ("subscription", []) => subscription(),
        ("subscription", [id, ..]) => DeploymentScope {
            subscription: subscription_value(cx, env, id),
            ..subscription()
        },
        ("resourcegroup", args) => {
            let base = match args {
                [id, _, ..] => DeploymentScope {
                    subscription: subscription_value(cx, env, id),
                    ..subscription()
                },
                _ => subscription(),
            };
            let group = match args.last() {
                Some(group) => Some(value(cx, env, group)),
                None => here.resource_group.clone(),
            };
            DeploymentScope {
                kind: ScopeKind::ResourceGroup,
                resource_group: group,
                ..base
            }
        }
        ("managementgroup", []) => management_group(here.management_group.clone()),
        ("managementgroup", [group, ..]) => management_group(Some(value(cx, env, group))),
        ("tenant", _) => DeploymentScope::here(ScopeKind::Tenant),
        (
            "resourceid" | "extensionresourceid" | "subscriptionresourceid" | "tenantresourceid",
            args,
        ) => {
            let resource = resource_of_id(cx, env, args);
            let ty = resource.as_ref().and_then(|it| it.resource_type.as_ref());
            let is = |name: &str| ty.is_some_and(|ty| ty.is(name));
            if is("Microsoft.Management/managementGroups") {
                management_group(resource.and_then(|resource| resource.name))
            } else if is("Microsoft.Resources/resourceGroups") {
                DeploymentScope {
                    resource_group: resource.and_then(|resource| resource.name),
                    subscription: here.subscription.clone(),
                    ..DeploymentScope::here(ScopeKind::ResourceGroup)
                }
            } else {
                DeploymentScope {
                    resource,
                    ..here.clone()
                }
            }
        }
        _ => return None,
    })
}

fn management_group(name: Option<Value>) -> DeploymentScope {
    DeploymentScope {
        management_group: name,
        ..DeploymentScope::here(ScopeKind::ManagementGroup)
    }
}

fn either(a: DeploymentScope, b: DeploymentScope, reason: &Arc<str>) -> DeploymentScope {
    let own = || Value::unknown(reason.clone());
    let both = |a: Option<Value>, b: Option<Value>| match (a, b) {
        (None, None) => None,
        (a, b) => Some(merge(
            [a.unwrap_or_else(own), b.unwrap_or_else(own)],
            reason,
        )),
    };
    DeploymentScope {
        kind: a.kind,
        assumed: a.assumed || b.assumed,
        subscription: both(a.subscription, b.subscription),
        resource_group: both(a.resource_group, b.resource_group),
        management_group: both(a.management_group, b.management_group),
        resource: a.resource.filter(|_| b.resource.is_some()),
    }
}

/// A resource group or management group represents the scope it is; any other resource is extended.
fn of_symbol(
    cx: &Context<'_>,
    env: Env<'_>,
    here: &DeploymentScope,
    internal: &Internal,
    module: bool,
    hops: u8,
) -> DeploymentScope {
    let Internal {
        item, iteration, ..
    } = internal;
    let Some(resource) = symbols::symbol_resource(env, internal) else {
        return here.clone();
    };
    let is = |name: &str| {
        resource
            .resource_type
            .as_ref()
            .is_some_and(|ty| ty.is(name))
    };
    let name = || {
        let name = symbols::symbol_name(cx, env, internal);
        match (&resource.declaration.name, iteration) {
            (Some(expr), None) => canonicalize::with_canonical(cx, env.at_item(*item), expr, name),
            _ => name,
        }
    };
    let inside = hops < MAX_HOPS;
    let own = |kind| match inside {
        true if iteration.is_none() => DeploymentScope {
            kind,
            ..of_declaration(
                cx,
                env.at_item(*item),
                here,
                &resource.declaration,
                false,
                hops + 1,
            )
        },
        _ => DeploymentScope {
            kind,
            ..here.clone()
        },
    };
    if is("Microsoft.Resources/resourceGroups") && module {
        return DeploymentScope {
            resource_group: Some(name()),
            ..own(ScopeKind::ResourceGroup)
        };
    }
    if is("Microsoft.Management/managementGroups") {
        return management_group(Some(name()));
    }
    if is("Microsoft.Subscription/aliases") && module {
        return DeploymentScope {
            subscription: Some(Value::unknown("a subscription is made by the deployment")),
            ..DeploymentScope::here(ScopeKind::Subscription)
        };
    }
    let node = resource.declaration.node;
    DeploymentScope {
        resource: Some(ScopeResource {
            resource_type: resource.resource_type.clone(),
            name: Some(name()),
            place: Some(env.at_item(*item).place(node)),
        }),
        ..own(here.kind)
    }
}

/// ARM's `scope`: `/` is the tenant, else an id: of a management group, a subscription, a resource group, a resource.
fn of_id(here: &DeploymentScope, text: &str, values: &[Value]) -> DeploymentScope {
    let part = |text: &str| match text.strip_prefix(VALUE) {
        Some(number) => match number.parse::<usize>().ok().and_then(|n| values.get(n)) {
            Some(value) => value.clone(),
            None => Value::unknown("a part of its scope is not known"),
        },
        None if text.contains(VALUE) => Value::unknown("a part of its scope is not known"),
        None => Value::string(text),
    };

    if text == "/" {
        return DeploymentScope::here(ScopeKind::Tenant);
    }
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
    let mut scope = here.clone();
    let mut rest = &parts[..];
    if let [head, id, tail @ ..] = rest
        && head.eq_ignore_ascii_case("subscriptions")
    {
        scope = DeploymentScope {
            subscription: (*id != OWN).then(|| part(id)),
            ..DeploymentScope::here(ScopeKind::Subscription)
        };
        rest = tail;
        if let [head, name, tail @ ..] = rest
            && head.eq_ignore_ascii_case("resourceGroups")
        {
            scope.kind = ScopeKind::ResourceGroup;
            scope.resource_group = match *name == OWN {
                true => here.resource_group.clone(),
                false => Some(part(name)),
            };
            rest = tail;
        }
    }
    if let [head, tail @ ..] = rest
        && head.eq_ignore_ascii_case("providers")
    {
        rest = tail;
    }
    if rest.len() < 3 {
        return scope;
    }
    let (provider, pairs) = (rest[0], &rest[1..]);
    if provider.eq_ignore_ascii_case("Microsoft.Management") {
        return management_group(pairs.get(1).map(|name| part(name)));
    }
    let types: Vec<&str> = pairs.iter().step_by(2).copied().collect();
    let names: Vec<&str> = pairs.iter().skip(1).step_by(2).copied().collect();
    scope.resource = Some(ScopeResource {
        resource_type: Some(Ident::new(format!("{provider}/{}", types.join("/")))),
        name: Some(match names.as_slice() {
            [name] => part(name),
            names => part(&names.join("/")),
        }),
        place: None,
    });
    scope
}

/// A resource that extends another, from the older form of its type and name: its own type and name, and the other. `None`
/// where its name does not state which it is.
pub(crate) fn extension(
    (of, tail): (&str, &str),
    name: &Value,
) -> Option<(Ident, Value, ScopeResource)> {
    let segments = match &name.kind {
        Kind::Str(text) => text.split('/').map(Value::string).collect(),
        Kind::Unknown(unknown) => unknown.segments().or_else(|| unknown.last_segments())?,
        _ => return None,
    };
    let own = tail.split('/').count();
    let at = segments.len().checked_sub(own + 1)?;
    let provider = segments[at].as_str()?;
    let joined = |parts: &[Value]| match parts.iter().map(Value::as_str).collect::<Option<Vec<_>>>()
    {
        Some(texts) => Value::string(texts.join("/")),
        None => Value::unknown(
            name.reason()
                .unwrap_or_else(|| "a part of its name is not known".into()),
        ),
    };
    let resource = ScopeResource {
        resource_type: Some(Ident::from(of)),
        name: Some(joined(&segments[..at])),
        place: None,
    };
    let ty = Ident::new(format!("{provider}/{tail}"));
    Some((ty, joined(&segments[at + 1..]), resource))
}

/// Marks a value that is not known in the text of an id; a number in [`of_id`]'s values follows.
const VALUE: char = '\u{1}';

/// In the text of an id, the subscription or resource group of the deployment itself.
const OWN: &str = "\u{2}";

/// The id that an expression gives: `subscription().id`, or pieces that are put together, of which not all are known.
fn id_of(
    cx: &Context<'_>,
    env: Env<'_>,
    here: &DeploymentScope,
    expr: &Expr,
    values: &mut Vec<Value>,
) -> Option<String> {
    let piece = |expr: &Expr, values: &mut Vec<Value>| {
        if let Some(id) = id_of(cx, env, here, expr, values) {
            return id;
        }
        let evaluated = value(cx, env, expr);
        match &evaluated.kind {
            Kind::Str(text) => text.to_string(),
            Kind::Unknown(_) if is_own_subscription(&evaluated) => OWN.to_owned(),
            _ => {
                values.push(evaluated);
                format!("{VALUE}{}", values.len() - 1)
            }
        }
    };
    let id = match &expr.kind {
        ExprKind::Get { base, key, .. } => {
            let ExprKind::Call { name, args, .. } = &base.kind else {
                return None;
            };
            if !args.is_empty()
                || !key
                    .as_str()
                    .is_some_and(|key| key.eq_ignore_ascii_case("id"))
            {
                return None;
            }
            let subscription = match &here.subscription {
                Some(id) => {
                    values.push(id.clone());
                    format!("/subscriptions/{VALUE}{}", values.len() - 1)
                }
                None => format!("/subscriptions/{OWN}"),
            };
            match name.as_str().to_ascii_lowercase().as_str() {
                "subscription" => Some(subscription),
                "resourcegroup" => Some(format!("{subscription}/resourceGroups/{OWN}")),
                _ => None,
            }
        }
        ExprKind::Concat(pieces) => Some(pieces.iter().map(|p| piece(p, values)).collect()),
        ExprKind::Call { name, args, .. } if name.is("concat") => {
            Some(args.iter().map(|arg| piece(arg, values)).collect())
        }
        ExprKind::Call { name, args, .. } if name.is("format") => {
            let (pattern, args) = args.split_first()?;
            let mut id = pattern.as_str()?.to_owned();
            for (number, arg) in args.iter().enumerate() {
                id = id.replace(&format!("{{{number}}}"), &piece(arg, values));
            }
            (!id.contains('{')).then_some(id)
        }
        _ => None,
    };
    id.filter(|id| id.starts_with('/'))
}

/// `resourceId(…, 'Microsoft.X/y', name, …)`: the first argument with a slash is the type.
pub(crate) fn resource_of_id(
    cx: &Context<'_>,
    env: Env<'_>,
    args: &[Expr],
) -> Option<ScopeResource> {
    let values: Vec<Value> = args.iter().map(|arg| settled(cx, env, arg)).collect();
    let at = values.iter().position(|value| {
        value
            .as_str()
            .is_some_and(|text| text.contains('/') && text.contains('.') && !text.starts_with('/'))
    })?;
    let names: Option<Vec<&str>> = values[at + 1..].iter().map(Value::as_str).collect();
    let name = match (names, &args[at + 1..]) {
        (_, []) => return None,
        (Some(names), _) => Value::string(names.join("/")),
        (None, [only]) => value(cx, env, only),
        (None, [..]) => Value::unknown(reason_of(&values[at + 1])),
    };
    Some(ScopeResource {
        resource_type: values[at].as_str().map(Ident::from),
        name: Some(name),
        place: None,
    })
}

/// The type that a text of which only the beginning is known, `Microsoft.X/y/…`, begins with.
fn type_of_text(value: &Value) -> Option<Ident> {
    let Kind::Unknown(unknown) = &value.kind else {
        return None;
    };
    let Some(Piece::Text(text)) = unknown.pieces.first() else {
        return None;
    };
    let mut parts = text.trim_start_matches('/').split('/');
    let (provider, ty) = (parts.next()?, parts.next()?);
    // What follows the type is its name.
    parts.next()?;
    provider
        .contains('.')
        .then(|| Ident::new(format!("{provider}/{ty}")))
}
