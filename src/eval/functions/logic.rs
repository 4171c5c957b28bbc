//! Logical functions in three values: the result is known when the known arguments decide it.

use std::sync::Arc;

use super::{BOOL, Builtin, MANY, argument, lazy, partial, pure};
use crate::eval::canonicalize;
use crate::eval::context::Context;
use crate::eval::evaluate::{lift, value_of};
use crate::eval::merge::{equal, is_empty, merge};
use crate::eval::scope::Env;
use crate::eval::value::{Kind, Value};
use crate::model::Expr;

pub(super) const TABLE: &[Builtin] = &[
    lazy("if", None, 3..=3, branch),
    lazy("and", BOOL, 1..=MANY, |cx, env, args| {
        decide(cx, env, args, false)
    }),
    lazy("or", BOOL, 1..=MANY, |cx, env, args| {
        decide(cx, env, args, true)
    }),
    pure("not", BOOL, 1..=1, not),
    lazy("equals", BOOL, 2..=2, equals),
    lazy("coalesce", None, 1..=MANY, coalesce),
    partial("empty", BOOL, 1..=1, empty),
    pure("true", BOOL, 0..=0, |_, _| Some(Value::bool(true))),
    pure("false", BOOL, 0..=0, |_, _| Some(Value::bool(false))),
    pure("null", None, 0..=0, |_, _| Some(Value::NULL)),
    pure("bool", BOOL, 1..=1, to_bool),
    partial("any", None, 1..=1, |_, values| values.first().cloned()),
    pure("fail", None, 1..=1, fail),
];

fn branch(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Value {
    let condition = value_of(cx, env, &args[0]);
    match (condition.as_bool(), condition.reason()) {
        (Some(true), _) => value_of(cx, env, &args[1]),
        (Some(false), _) => value_of(cx, env, &args[2]),
        (None, Some(reason)) => {
            let branches = args[1..].iter().map(|branch| argument(cx, env, branch));
            merge(branches, &reason)
        }
        (None, None) => Value::unknown("the condition of if() is no boolean"),
    }
}

/// The first argument that is `decisive` decides, even after one that is not known.
fn decide(cx: &Context<'_>, env: Env<'_>, args: &[Expr], decisive: bool) -> Value {
    let mut unknown: Option<Arc<str>> = None;
    for arg in args {
        let value = value_of(cx, env, arg);
        match (value.as_bool(), value.reason()) {
            (Some(value), _) if value == decisive => return Value::bool(decisive),
            (Some(_), _) => {}
            (None, Some(reason)) => unknown = unknown.or(Some(reason)),
            (None, None) => return Value::unknown_of("a condition is no boolean", BOOL),
        }
    }
    match unknown {
        Some(reason) => Value::unknown_of(reason, BOOL),
        None => Value::bool(!decisive),
    }
}

fn not(_: &Context<'_>, values: &[Value]) -> Option<Value> {
    Some(Value::bool(!values.first()?.as_bool()?))
}

fn equals(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Value {
    let (left, right) = (&args[0], &args[1]);
    let values = [left, right].map(|arg| argument(cx, env, arg));
    let result = lift(&values, &mut |pair| match pair {
        [a, b] => match equal(a, b) {
            Some(same) => Value::bool(same),
            None => {
                let reason = super::why_unknown(a).or_else(|| super::why_unknown(b));
                let reason = reason.unwrap_or_else(|| "two values cannot be compared".into());
                Value::unknown_of(reason, BOOL)
            }
        },
        _ => Value::NULL,
    });
    let unknown = |value: &Value| matches!(value.kind, Kind::Unknown(_) | Kind::OneOf(_));
    if unknown(&result)
        && values.iter().all(unknown)
        && canonicalize::same(cx, (env, left), (env, right))
    {
        return Value::bool(true);
    }
    result
}

fn coalesce(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Value {
    let mut maybe: Vec<Value> = Vec::new();
    let mut reason: Option<Arc<str>> = None;
    for arg in args {
        let value = argument(cx, env, arg);
        match &value.kind {
            Kind::Null => continue,
            Kind::OneOf(values) if values.iter().any(Value::is_null) => {
                reason = reason.or(Some(values.reason.clone()));
                maybe.extend(values.iter().filter(|value| !value.is_null()).cloned());
            }
            Kind::Unknown(unknown) if unknown.ty.is_none() && !unknown.non_empty => {
                reason = reason.or(Some(unknown.reason.clone()));
                maybe.push(value);
            }
            _ => {
                maybe.push(value);
                return finish(maybe, reason);
            }
        }
    }
    maybe.push(Value::NULL);
    finish(maybe, reason)
}

fn finish(mut values: Vec<Value>, reason: Option<Arc<str>>) -> Value {
    match (values.len(), reason) {
        (1, _) => values.swap_remove(0),
        (_, Some(reason)) => merge(values, &reason),
        (_, None) => Value::NULL,
    }
}

fn empty(_: &Context<'_>, values: &[Value]) -> Option<Value> {
    is_empty(values.first()?).map(Value::bool)
}

fn to_bool(_: &Context<'_>, values: &[Value]) -> Option<Value> {
    let value = values.first()?;
    match &value.kind {
        Kind::Bool(_) => Some(Value::of(value.kind.clone())),
        Kind::Int(number) => Some(Value::bool(*number != 0)),
        Kind::Float(number) => Some(Value::bool(*number != 0.0)),
        Kind::Str(text) if text.eq_ignore_ascii_case("true") => Some(Value::bool(true)),
        Kind::Str(text) if text.eq_ignore_ascii_case("false") => Some(Value::bool(false)),
        _ => None,
    }
}

fn fail(_: &Context<'_>, values: &[Value]) -> Option<Value> {
    let message = super::text(values, 0).unwrap_or_default();
    Some(Value::unknown(format!(
        "fail() ends the deployment: {message}"
    )))
}
