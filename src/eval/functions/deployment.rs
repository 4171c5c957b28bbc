//! Parameters, variables, loop positions, and functions about the deployment itself.

use std::sync::Arc;

use super::{Builtin, OBJECT, STRING, argument, lazy};
use crate::eval::context::{Context, too_large};
use crate::eval::evaluate::{reason_of, settled, value_of};
use crate::eval::ids;
use crate::eval::instance::DeploymentScope;
use crate::eval::lookup::arm_value;
use crate::eval::merge::merge;
use crate::eval::pieces::{self, Piece};
use crate::eval::scope::{Binding, Env, Inputs, Section};
use crate::eval::value::{Kind, Members, Type, Unknown, Value};
use crate::model::{Expr, Ident, ItemKind, ScopeKind};

pub(super) const TABLE: &[Builtin] = &[
    lazy("parameters", None, 1..=1, |cx, env, args| {
        named(cx, env, args, Section::Parameter)
    }),
    lazy("variables", None, 1..=1, |cx, env, args| {
        named(cx, env, args, Section::Variable)
    }),
    lazy("lambdaVariables", None, 1..=1, lambda_variable),
    lazy("linkedParameters", OBJECT, 1..=1, linked_parameters),
    lazy("subscription", OBJECT, 0..=1, subscription),
    lazy("resourceGroup", OBJECT, 0..=2, resource_group),
    lazy("managementGroup", OBJECT, 0..=1, management_group),
    lazy("tenant", OBJECT, 0..=0, |_, _, _| {
        facts(
            "tenant",
            &["tenantId", "id", "displayName", "country", "countryCode"],
            Members::default(),
        )
    }),
    lazy("deployment", OBJECT, 0..=0, deployment),
    lazy("deployer", OBJECT, 0..=0, |_, _, _| {
        facts(
            "deployer",
            &["objectId", "tenantId", "userPrincipalName"],
            Members::default(),
        )
    }),
    lazy("environment", OBJECT, 0..=0, environment),
];

/// `parameters('x')`, `variables('x')`; a computed name is looked up when it is known.
fn named(cx: &Context<'_>, env: Env<'_>, args: &[Expr], section: Section) -> Value {
    if let Some(name) = args[0].as_str() {
        return arm_value(cx, env, section, name);
    }
    let name = argument(cx, env, &args[0]);
    let names = name.alternatives();
    match names {
        [] => Value::unknown(reason_of(&name)),
        names => {
            let values = names.iter().map(|name| match name.as_str() {
                Some(name) => arm_value(cx, env, section, name),
                None => Value::unknown("a name is needed"),
            });
            let reason = name.reason().unwrap_or_default();
            merge(values.collect::<Vec<_>>(), &reason)
        }
    }
}

/// What `parameters` of a deployment is where it is computed as a whole: `{ "x": { "value": v } }`. `parametersLink`
/// names a file instead, by a URI that is not followed.
fn linked_parameters(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Value {
    let value = argument(cx, env, &args[0]);
    let is_link = match &value.kind {
        Kind::Object(object) => ["uri", "relativePath", "id"].iter().any(|name| {
            let member = object.members.get(&Ident::from(*name));
            member.is_some_and(|member| !matches!(member.kind, Kind::Object(_)))
        }),
        _ => false,
    };
    match is_link {
        true => Value::unknown_of("a linked parameter file is not read", OBJECT).non_empty(),
        false => value,
    }
}

fn lambda_variable(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Value {
    let name = value_of(cx, env, &args[0]);
    match name.as_str().and_then(|name| env.local(name)) {
        Some(value) => value.clone(),
        None => Value::unknown("there is no such lambda variable"),
    }
}

/// `copyIndex('loop', offset)`, `copyIndex(offset)`, `copyIndex()`: without a name the resource's loop, else the
/// nearest.
pub(super) fn copy_index(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Value {
    let values: Vec<Value> = args.iter().map(|arg| argument(cx, env, arg)).collect();
    let (wanted, offset) = match values.as_slice() {
        [] => (None, 0),
        [one] => match (&one.kind, one.as_int()) {
            (Kind::Str(name), _) => (Some(name.clone()), 0),
            (_, Some(offset)) => (None, offset),
            _ => return Value::unknown("copyIndex() takes a name or a number"),
        },
        [name, offset, ..] => match (&name.kind, offset.as_int()) {
            (Kind::Str(name), Some(offset)) => (Some(name.clone()), offset),
            _ => return Value::unknown("copyIndex() takes a name and a number"),
        },
    };
    let is_output = matches!(env.item().map(|it| &it.kind), Some(ItemKind::Output(_)));
    let mut next = env.locals;
    while let Some(local) = next {
        if let Binding::Copy {
            name,
            resource,
            index,
            ..
        } = &local.binding
        {
            // The loop of a value must be named, but for that of an output.
            let fits = match &wanted {
                Some(wanted) => name.is(wanted),
                None => *resource || is_output,
            };
            if fits {
                return offset_by(index, offset);
            }
        }
        next = local.outer;
    }
    Value::unknown("copyIndex() is used outside of its loop")
}

fn offset_by(index: &Value, offset: i64) -> Value {
    match index.as_int() {
        Some(number) => match number.checked_add(offset) {
            Some(number) => Value::int(number),
            None => too_large(),
        },
        None => index.clone(),
    }
}

/// An object of facts that only Azure knows, beside those that are known here.
fn facts(function: &str, names: &[&str], mut known: Members) -> Value {
    let reason = |name: &str| format!("{function}().{name} is known only to Azure");
    for name in names {
        let ident = Ident::from(*name);
        if !known.contains_key(&ident) {
            let value = Value::unknown_of(reason(name), Some(Type::String)).non_empty();
            known.insert(ident, value);
        }
    }
    let open: Arc<str> = format!("{function}() is known only to Azure").into();
    Value::object(known, Some(open))
}

fn subscription(_: &Context<'_>, env: Env<'_>, _: &[Expr]) -> Value {
    let mut known = Members::default();
    let reason =
        |name: &str| -> Arc<str> { format!("subscription().{name} is known only to Azure").into() };
    let scope = DeploymentScope {
        kind: ScopeKind::Subscription,
        ..env.frame.scope.clone()
    };
    let whole = pieces::joined(reason("id"), &ids::prefix(&scope, &reason("id")));
    known.insert(Ident::from("id"), whole);
    let own = || pieces::text(reason("subscriptionId"), vec![Piece::OwnSubscription]);
    let id = scope.subscription.unwrap_or_else(own);
    known.insert(Ident::from("subscriptionId"), id);
    facts("subscription", &["tenantId", "displayName"], known)
}

fn resource_group(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Value {
    let mut known = Members::default();
    let given = args.last().map(|name| argument(cx, env, name));
    let own = match env.frame.scope.kind {
        ScopeKind::ResourceGroup => env.frame.scope.resource_group.clone(),
        _ => None,
    };
    if let Some(name) = given.or(own) {
        known.insert(Ident::from("name"), name);
    }
    if args.is_empty() && env.frame.scope.kind == ScopeKind::ResourceGroup {
        let reason: Arc<str> = "resourceGroup().id is known only to Azure".into();
        let id = pieces::joined(reason.clone(), &ids::prefix(&env.frame.scope, &reason));
        known.insert(Ident::from("id"), id);
    }
    let ty = Value::string("Microsoft.Resources/resourceGroups");
    known.insert(Ident::from("type"), ty);
    facts("resourceGroup", &["id", "name", "location"], known)
}

fn management_group(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Value {
    let mut known = Members::default();
    let given = args.first().map(|name| argument(cx, env, name));
    if let Some(name) = given.or_else(|| env.frame.scope.management_group.clone()) {
        known.insert(Ident::from("name"), name);
    }
    facts("managementGroup", &["id", "name", "type"], known)
}

/// An object of which only Azure knows what else is in it.
fn known_member(name: &str, value: Value) -> Value {
    Unknown {
        reason: "deployment().properties is known only to Azure".into(),
        ty: OBJECT,
        non_empty: true,
        members: Some([(name.into(), value)].into()),
        ..Unknown::default()
    }
    .into()
}

/// The name of a module's deployment is written where it is used.
fn deployment(cx: &Context<'_>, env: Env<'_>, _: &[Expr]) -> Value {
    let mut known = Members::default();
    if let Inputs::Module {
        env: outer,
        name: Some(name),
        ..
    } = &env.frame.inputs
    {
        known.insert(Ident::from("name"), settled(cx, *outer, name));
    }
    let base = pieces::link_base(env.origin.file);
    let link = known_member("uri", base);
    known.insert(
        Ident::from("properties"),
        known_member("templateLink", link),
    );
    facts("deployment", &["name", "location", "id"], known)
}

/// Azure's clouds differ in a few facts: one of each cloud's where the cloud is not fixed.
fn environment(cx: &Context<'_>, _: Env<'_>, _: &[Expr]) -> Value {
    let clouds = cx.files.clouds();
    let reason: Arc<str> = "the cloud is not known".into();
    let which = |cloud: &&str| CLOUDS.iter().position(|it| it.eq_ignore_ascii_case(cloud));
    let known: Option<Vec<usize>> = clouds.iter().map(which).collect();
    let object = |facts: &str| -> Members {
        let members = facts.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            let (name, of): (_, Vec<&str>) = (words.next()?, words.collect());
            let fact = match &known {
                Some(known) => {
                    let each = known.iter().filter_map(|which| of.get(*which));
                    Value::one_of(each.map(|text| Value::string(*text)), reason.clone())
                }
                None => Value::unknown_of(reason.clone(), STRING).non_empty(),
            };
            Some((Ident::from(name), fact))
        });
        members.collect()
    };
    let mut members = object(ENVIRONMENT);
    let names = clouds.iter().map(|cloud| Value::string(*cloud));
    members.insert(Ident::from("name"), Value::one_of(names, reason.clone()));
    let suffixes = Value::object(object(SUFFIXES), Some(reason.clone()));
    members.insert(Ident::from("suffixes"), suffixes);
    Value::object(members, Some(reason.clone()))
}

const CLOUDS: [&str; 3] = ["AzureCloud", "AzureUSGovernment", "AzureChinaCloud"];

/// A fact a line, and what it is in each of the clouds, as `az cloud show` lists them.
const ENVIRONMENT: &str = "
portal          https://portal.azure.com      https://portal.azure.us                https://portal.azure.cn
resourceManager https://management.azure.com/ https://management.usgovcloudapi.net/  https://management.chinacloudapi.cn/
graph           https://graph.windows.net/    https://graph.windows.net/             https://graph.chinacloudapi.cn/
";

/// The same of `environment().suffixes`.
const SUFFIXES: &str = "
acrLoginServer    .azurecr.io           .azurecr.us                .azurecr.cn
keyvaultDns       .vault.azure.net      .vault.usgovcloudapi.net   .vault.azure.cn
sqlServerHostname .database.windows.net .database.usgovcloudapi.net .database.chinacloudapi.cn
storage           core.windows.net      core.usgovcloudapi.net     core.chinacloudapi.cn
";
