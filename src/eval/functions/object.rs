//! Object functions. Members may be unknown, and an object may have more members than are known.

use super::{
    ARRAY, Builtin, MANY, OBJECT, afford, argument, closed, items, lazy, members, partial, pure,
    text,
};
use crate::eval::context::Context;
use crate::eval::evaluate::{forget, get, get_from_end, value_of};
use crate::eval::merge::{equal, merge};
use crate::eval::scope::Env;
use crate::eval::symbols;
use crate::eval::value::{Kind, Members, Type, Value};
use crate::model::{Expr, Ident};

pub(super) const TABLE: &[Builtin] = &[
    partial("createObject", OBJECT, 0..=MANY, create),
    lazy("tryGet", None, 2..=MANY, try_get),
    partial("tryIndexFromEnd", None, 2..=2, |cx, v| {
        from_end(cx, v, true)
    }),
    partial("indexFromEnd", None, 2..=2, |cx, v| from_end(cx, v, false)),
    partial("shallowMerge", OBJECT, 1..=1, shallow_merge),
    pure("items", ARRAY, 1..=1, pairs),
    pure("objectKeys", ARRAY, 1..=1, keys),
    partial("getValue", None, 2..=2, get_value),
];

fn create(_: &Context<'_>, values: &[Value]) -> Option<Value> {
    let mut created = Members::default();
    let mut open = None;
    for pair in values.chunks(2) {
        let [key, value] = pair else { return None };
        match key.as_str() {
            // Azure refuses equal keys, and keeps both that differ in case, which members here do not.
            Some(name) => {
                if created.insert(Ident::from(name), value.clone()).is_some() {
                    return None;
                }
            }
            None => open = Some(key.reason()?),
        }
    }
    Some(Value::object(created, open))
}

/// Sees expressions, since `tryGet(reference('m'), 'outputs')` reads of a module.
fn try_get(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Value {
    let mut value = value_of(cx, env, &args[0]);
    for key in &args[1..] {
        let key = argument(cx, env, key);
        if key.is_null() || matches!(key.kind, Kind::Float(_)) {
            return Value::unknown("tryGet() takes names and numbers");
        }
        value = match &value.kind {
            Kind::Internal(internal) => symbols::property(cx, env, internal, &key, true),
            _ => get(&value, &key, true),
        };
    }
    value
}

fn get_value(_: &Context<'_>, values: &[Value]) -> Option<Value> {
    let [base, key] = values else { return None };
    Some(get(base, key, false))
}

fn from_end(_: &Context<'_>, values: &[Value], safe: bool) -> Option<Value> {
    let [base, key] = values else { return None };
    Some(get_from_end(base, key, safe))
}

fn shallow_merge(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let list = match &values.first()?.kind {
        Kind::Array(array) if array.open.is_none() => array,
        _ => return None,
    };
    let mut merged = Members::default();
    let mut open = None;
    for value in &list.items {
        match &value.kind {
            Kind::Object(object) => {
                afford(cx, object.members.len())?;
                if object.open.is_some() {
                    forget(&mut merged, &object.members, object.open.as_ref());
                    open = open.or_else(|| object.open.clone());
                }
                for (name, value) in &object.members {
                    merged.insert(name.clone(), value.clone());
                }
            }
            _ => {
                let reason = value.reason()?;
                forget(&mut merged, &Members::default(), Some(&reason));
                open = open.or(Some(reason));
            }
        }
    }
    Some(Value::object(merged, open))
}

/// `items()`: sorted by key.
fn pairs(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let pairs = sorted(cx, values)?.into_iter().map(|(name, value)| {
        let mut pair = Members::default();
        pair.insert(Ident::from("key"), Value::string(name.text()));
        pair.insert(Ident::from("value"), value.clone());
        Value::object(pair, None)
    });
    Some(Value::array(
        pairs.collect(),
        members(values, 0)?.open.clone(),
    ))
}

fn keys(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let keys = sorted(cx, values)?.into_iter();
    let keys = keys.map(|(name, _)| Value::string(name.text())).collect();
    Some(Value::array(keys, members(values, 0)?.open.clone()))
}

/// The members by upper-cased name, so that `_` follows the letters.
fn sorted<'v>(cx: &Context<'_>, values: &'v [Value]) -> Option<Vec<(&'v Ident, &'v Value)>> {
    let object = members(values, 0)?;
    afford(cx, object.members.len())?;
    let mut sorted: Vec<_> = object.members.iter().collect();
    sorted.sort_by_cached_key(|(name, _)| super::string::upper(name.as_str()));
    Some(sorted)
}

/// `union()` of objects: members of members are joined, all else is replaced by the later, but for null. A name keeps
/// its place and takes the later case. `None` where a member would change between array, object and scalar.
pub(super) fn union(cx: &Context<'_>, a: &Value, b: &Value) -> Option<Value> {
    let (Kind::Object(x), Kind::Object(y)) = (&a.kind, &b.kind) else {
        return None;
    };
    afford(cx, x.members.len() + y.members.len())?;
    let mut joined = x.members.clone();
    if y.open.is_some() {
        forget(&mut joined, &y.members, y.open.as_ref());
    }
    for (name, value) in &y.members {
        let Some((at, _, before)) = joined.get_full(name) else {
            joined.insert(name.clone(), value.clone());
            continue;
        };
        let value = join_members(cx, before, value)?;
        if let Some((_, Some(before))) = Some((at, joined.get_index_mut(at).map(|(_, v)| v))) {
            *before = value;
        }
        let respelled = joined
            .get_index(at)
            .is_some_and(|(old, _)| old.as_str() != name.as_str());
        if respelled && let Some((_, value)) = joined.shift_remove_index(at) {
            joined.shift_insert(at, name.clone(), value);
        }
    }
    let open = x.open.clone().or_else(|| y.open.clone());
    Some(Value::object(joined, open))
}

fn join_members(cx: &Context<'_>, before: &Value, value: &Value) -> Option<Value> {
    let is_container = |value: &Value| matches!(value.ty(), Some(Type::Array | Type::Object));
    match (&before.kind, &value.kind) {
        (_, Kind::Null) => Some(before.clone()),
        (Kind::Object(_), Kind::Object(_)) => union(cx, before, value),
        (Kind::Null | Kind::Unknown(_), _) if value.ty().is_some() => Some(value.clone()),
        // What may be null leaves what was before.
        (_, Kind::Unknown(_) | Kind::OneOf(_)) if value.ty().is_none() => {
            Some(merge([before.clone(), value.clone()], &value.reason()?))
        }
        _ if is_container(before) || is_container(value) => {
            (before.ty() == value.ty()).then(|| value.clone())
        }
        _ => Some(value.clone()),
    }
}

/// `intersection()` of objects: members that both have with equal values.
pub(super) fn intersection(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let first = members(values, 0)?;
    let mut kept = first.members.clone();
    for at in 1..values.len() {
        let other = members(values, at)?;
        afford(cx, other.members.len() + kept.len())?;
        if first.open.is_some() || other.open.is_some() {
            return None;
        }
        let mut unknown = false;
        kept.retain(|name, value| {
            let same = other.members.get(name).map(|other| equal(value, other));
            unknown |= same == Some(None);
            same == Some(Some(true))
        });
        if unknown {
            return None;
        }
    }
    Some(Value::object(kept, None))
}

/// `contains(object, key)`.
pub(super) fn has_member(values: &[Value]) -> Option<bool> {
    let object = members(values, 0)?;
    let key = text(values, 1)?;
    match object
        .members
        .contains_key(&crate::model::ident::Folded(key))
    {
        true => Some(true),
        false => object.open.is_none().then_some(false),
    }
}

/// Whether every argument is an array whose elements are all there.
pub(super) fn all_closed(values: &[Value]) -> bool {
    (0..values.len()).all(|at| closed(values, at).is_some()) && items(values, 0).is_some()
}
