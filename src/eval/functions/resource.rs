//! What only Azure can answer: ids, states, keys, zones.

use super::{Builtin, How, row, text};
use crate::eval::context::Context;
use crate::eval::evaluate::value_of;
use crate::eval::scope::Env;
use crate::eval::symbols::{arm_reference, deployment_named};
use crate::eval::value::{Kind, Type, Value};
use crate::model::{Expr, ExprKind};

pub(super) const TABLE: &[Builtin] = &[
    row("resourceId", STRING, How::Opaque),
    row("subscriptionResourceId", STRING, How::Opaque),
    row("tenantResourceId", STRING, How::Partial(tenant_resource_id)),
    row("extensionResourceId", STRING, How::Opaque),
    row("managementGroupResourceId", STRING, How::Opaque),
    row("uniqueString", STRING, How::Opaque),
    row("guid", STRING, How::Opaque),
    row("newGuid", STRING, How::Opaque),
    row("reference", None, How::Lazy(reference)),
    row("references", None, How::Azure),
    row("providers", Some(Type::Object), How::Azure),
    row("pickZones", Some(Type::Array), How::Azure),
    row("toLogicalZone", STRING, How::Azure),
    row("toLogicalZones", Some(Type::Array), How::Azure),
    row("toPhysicalZone", STRING, How::Azure),
    row("toPhysicalZones", Some(Type::Array), How::Azure),
    row("roleDefinitions", Some(Type::Object), How::Opaque),
    row(
        "externalInput",
        None,
        How::Lazy(|_, _, _| outside("externalInput")),
    ),
    row(
        "externalInputs",
        None,
        How::Lazy(|_, _, _| outside("externalInput")),
    ),
    row("getSecret", None, How::Lazy(|_, _, _| secret())),
    row("keyVaultSecret", None, How::Lazy(|_, _, _| secret())),
    row(
        "environmentPlaceholder",
        None,
        How::Lazy(|_, _, _| placeholder()),
    ),
    row(
        "readEnvironmentVariable",
        STRING,
        How::Lazy(environment_variable),
    ),
    row("readEnvVar", STRING, How::Lazy(environment_variable)),
    row(
        "readCliArg",
        STRING,
        How::Lazy(|_, _, _| outside("readCliArg")),
    ),
    row("getResourceTypeProperties", None, How::Azure),
    row("resourceInfo", None, How::Azure),
    row(
        "parseResourceId",
        None,
        How::Pure(|_, v| {
            text(v, 0).map(|_| Value::unknown("parseResourceId() is known only after deployment"))
        }),
    ),
];

/// An id that no subscription is part of: known where its parts are. Built-in policies are named by it.
fn tenant_resource_id(_: &Context<'_>, values: &[Value]) -> Option<Value> {
    let parts: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
    let known = parts.and_then(|parts| {
        let (provider, types) = parts.first()?.split_once('/')?;
        let types: Vec<&str> = types.split('/').collect();
        let names = parts.get(1..)?;
        (types.len() == names.len()).then(|| {
            let mut id = format!("/providers/{provider}");
            for (ty, name) in types.iter().zip(names) {
                id.push_str(&format!("/{ty}/{name}"));
            }
            Value::string(id)
        })
    });
    let unknown = || Value::unknown_of("tenantResourceId() is known only to Azure", STRING, true);
    Some(known.unwrap_or_else(unknown))
}

const STRING: Option<Type> = Some(Type::String);

/// A module's symbol gives its outputs; all else is a state.
fn reference(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Value {
    if let [first, ..] = args
        && let Some(module) = deployment(cx, env, first)
    {
        return module;
    }
    super::after_deployment("reference", Some(Type::Object))
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
    Value::unknown_of("a key vault secret is known only to Azure", STRING, true)
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
    let name = args.first().and_then(Expr::as_str).unwrap_or_default();
    let reason = format!("environment variable '{name}' is not read");
    Value::unknown_of(reason, STRING, false)
}
