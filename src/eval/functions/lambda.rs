//! Functions that take a lambda. A lambda is not a value: it is applied where it is written.

use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::{ARRAY, Builtin, OBJECT, lazy};
use crate::eval::context::{Context, too_large};
use crate::eval::evaluate::{reason_of, settled, value_of};
use crate::eval::lookup::with_names;
use crate::eval::merge::merge;
use crate::eval::scope::Env;
use crate::eval::symbols;
use crate::eval::value::{Array, Kind, Members, TOO_LARGE, Type, Value};
use crate::model::{Expr, ExprKind, Ident};

pub(super) const TABLE: &[Builtin] = &[
    lazy("map", ARRAY, 2..=2, map),
    lazy("filter", ARRAY, 2..=2, filter),
    lazy("reduce", None, 3..=3, reduce),
    lazy("sort", ARRAY, 2..=2, sort),
    lazy("toObject", OBJECT, 2..=3, to_object),
    lazy("groupBy", OBJECT, 2..=3, group_by),
    lazy("mapValues", OBJECT, 2..=2, map_values),
];

/// Applies a lambda to values; parameters beyond them are null, values beyond its parameters are dropped.
fn apply(cx: &Context<'_>, env: Env<'_>, lambda: &Expr, values: &[Value]) -> Value {
    let ExprKind::Lambda { parameters, body } = &lambda.kind else {
        return Value::unknown("a lambda is needed");
    };
    if !cx.spend(1) {
        return too_large();
    }
    with_names(cx, env, &mut parameters.iter(), values, body)
}

/// Runs a function over the array that is its first argument, with its second one. What is no known array gives a value of
/// the function's type.
fn over(
    cx: &Context<'_>,
    env: Env<'_>,
    args: &[Expr],
    ty: Option<Type>,
    f: impl FnOnce(&Array, &Expr) -> Value,
) -> Value {
    let value = symbols::listed(cx, env, value_of(cx, env, &args[0]));
    match &value.kind {
        Kind::Array(array) => f(array, &args[1]),
        kind => {
            let non_empty = matches!(kind, Kind::Unknown(unknown) if unknown.non_empty);
            Value::unknown_of(reason_of(&value), ty).non_empty_if(non_empty)
        }
    }
}

fn position(index: usize, array: &Array) -> Value {
    match &array.open {
        None => Value::int(index as i64),
        Some(reason) => Value::unknown_of(reason.clone(), Some(Type::Int)),
    }
}

fn map(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Value {
    over(cx, env, args, ARRAY, |array, lambda| {
        let items = array.items.iter().enumerate();
        let mapped = items.map(|(i, item)| {
            let value = apply(cx, env, lambda, &[item.clone(), position(i, array)]);
            symbols::settle_one(cx, env, value)
        });
        let mapped = mapped.collect();
        match cx.is_spent() {
            true => Value::unknown_of(TOO_LARGE, ARRAY).non_empty_if(!array.items.is_empty()),
            false => Value::array(mapped, array.open.clone()),
        }
    })
}

/// Of what is not known nothing may be left.
fn filter(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Value {
    let kept = over(cx, env, args, ARRAY, |array, lambda| {
        let mut kept = Vec::new();
        let mut open = array.open.clone();
        for (i, item) in array.items.iter().enumerate() {
            let keep = apply(cx, env, lambda, &[item.clone(), position(i, array)]);
            match keep.as_bool() {
                Some(true) => kept.push(item.clone()),
                Some(false) => {}
                None => open = open.or_else(|| Some(reason_of(&keep))),
            }
        }
        Value::array(kept, open)
    });
    match &kept.kind {
        Kind::Unknown(unknown) => Value::unknown_of(unknown.reason.clone(), ARRAY),
        _ => kept,
    }
}

fn reduce(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Value {
    let lambda = &args[2];
    over(cx, env, args, None, |array, start| {
        let mut value = settled(cx, env, start);
        for (i, item) in array.items.iter().enumerate() {
            let values = [value, item.clone(), position(i, array)];
            let next = apply(cx, env, lambda, &values);
            value = symbols::settle_one(cx, env, next);
        }
        match (&array.open, value.ty()) {
            (None, _) => value,
            (Some(reason), ty) => Value::unknown_of(reason.clone(), ty),
        }
    })
}

/// A stable merge sort by `(a, b) => a stands before b`, whatever the lambda answers.
fn sort(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Value {
    over(cx, env, args, ARRAY, |array, lambda| {
        let mut unknown: Option<Arc<str>> = array.open.clone();
        let mut before = |a: &Value, b: &Value| {
            let answer = apply(cx, env, lambda, &[a.clone(), b.clone()]);
            if answer.as_bool().is_none() && unknown.is_none() {
                unknown = Some(reason_of(&answer));
            }
            answer.as_bool().unwrap_or(true)
        };
        let sorted = merge_sort(&array.items, &mut before);
        match unknown {
            None => Value::array(sorted, None),
            // The elements are there, in an order that is not known.
            Some(reason) => Value::array(array.items.clone(), Some(reason)),
        }
    })
}

fn merge_sort(items: &[Value], before: &mut dyn FnMut(&Value, &Value) -> bool) -> Vec<Value> {
    if items.len() < 2 {
        return items.to_vec();
    }
    let (left, right) = items.split_at(items.len() / 2);
    let (left, right) = (merge_sort(left, before), merge_sort(right, before));
    let mut sorted = Vec::with_capacity(items.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let from_right = before(b, a) && !before(a, b);
        sorted.extend(if from_right {
            right.next()
        } else {
            left.next()
        });
    }
    sorted.extend(left);
    sorted.extend(right);
    sorted
}

/// The key and the value that lambdas give for each element: the element itself without a third argument.
fn keyed(
    cx: &Context<'_>,
    env: Env<'_>,
    args: &[Expr],
    f: impl FnOnce(Vec<(Ident, Value)>, Option<Arc<str>>) -> Value,
) -> Value {
    over(cx, env, args, OBJECT, |array, key| {
        let mut open = array.open.clone();
        let mut pairs = Vec::new();
        for item in &array.items {
            let value = match args.get(2) {
                Some(lambda) => apply(cx, env, lambda, std::slice::from_ref(item)),
                None => item.clone(),
            };
            let key = apply(cx, env, key, std::slice::from_ref(item));
            match key.as_str() {
                Some(key) => {
                    pairs.push((Ident::from(key), symbols::settle_one(cx, env, value)));
                }
                None => open = open.or_else(|| Some(reason_of(&key))),
            }
        }
        f(pairs, open)
    })
}

fn to_object(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Value {
    keyed(cx, env, args, |pairs, open| {
        let mut members = Members::default();
        for (name, value) in pairs {
            if members.insert(name.clone(), value).is_some() {
                let reason = format!("toObject() has two values for '{name}'");
                return Value::unknown_of(reason, OBJECT).non_empty();
            }
        }
        Value::object(members, open)
    })
}

fn group_by(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Value {
    keyed(cx, env, args, |pairs, open| {
        let mut groups: IndexMap<Ident, Vec<Value>, FxBuildHasher> = IndexMap::default();
        for (key, value) in pairs {
            groups.entry(key).or_default().push(value);
        }
        let groups = groups.into_iter();
        let members = groups.map(|(key, group)| (key, Value::array(group, open.clone())));
        Value::object(members.collect(), open.clone())
    })
}

fn map_values(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Value {
    let object = value_of(cx, env, &args[0]);
    match &object.kind {
        Kind::Object(object) => {
            let members = object.members.iter().map(|(name, value)| {
                let value = apply(cx, env, &args[1], std::slice::from_ref(value));
                (name.clone(), symbols::settle_one(cx, env, value))
            });
            Value::object(members.collect(), object.open.clone())
        }
        Kind::OneOf(values) => merge(
            values.iter().map(|_| Value::unknown(values.reason.clone())),
            &values.reason,
        ),
        _ => Value::unknown_of(reason_of(&object), OBJECT),
    }
}
