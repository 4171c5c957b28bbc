//! Objects: their members may be unknown, and there may be more of them than are known.

use super::{Builtin, How, afford, closed, items, members, row, text};
use crate::eval::context::Context;
use crate::eval::evaluate::{forget, get, get_from_end};
use crate::eval::value::{Kind, Members, Type, Value};
use crate::model::Ident;

pub(super) const TABLE: &[Builtin] = &[
    row("createObject", OBJECT, How::Partial(create)),
    row("tryGet", None, How::Partial(try_get)),
    row(
        "tryIndexFromEnd",
        None,
        How::Partial(|cx, v| from_end(cx, v, true)),
    ),
    row(
        "indexFromEnd",
        None,
        How::Partial(|cx, v| from_end(cx, v, false)),
    ),
    row("shallowMerge", OBJECT, How::Partial(shallow_merge)),
    row("items", ARRAY, How::Pure(pairs)),
    row("objectKeys", ARRAY, How::Pure(keys)),
    row("getValue", None, How::Partial(get_value)),
];

const OBJECT: Option<Type> = Some(Type::Object);
const ARRAY: Option<Type> = Some(Type::Array);

fn create(_: &Context<'_>, values: &[Value]) -> Option<Value> {
    let mut created = Members::default();
    let mut open = None;
    for pair in values.chunks(2) {
        let [key, value] = pair else { return None };
        match key.as_str() {
            Some(name) => {
                created.insert(Ident::from(name), value.clone());
            }
            None => open = Some(key.reason()?),
        }
    }
    Some(Value::object(created, open))
}

fn try_get(_: &Context<'_>, values: &[Value]) -> Option<Value> {
    let (base, keys) = values.split_first()?;
    let mut value = base.clone();
    for key in keys {
        value = get(&value, key, true);
    }
    Some(value)
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
            Kind::Null => {}
            _ => {
                let reason = value.reason()?;
                forget(&mut merged, &Members::default(), Some(&reason));
                open = open.or(Some(reason));
            }
        }
    }
    Some(Value::object(merged, open))
}

/// `items()`: sorted by key, as ARM gives them.
fn pairs(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let object = members(values, 0)?;
    afford(cx, object.members.len())?;
    let mut sorted: Vec<(&Ident, &Value)> = object.members.iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(b.0));
    let pairs = sorted.into_iter().map(|(name, value)| {
        let mut pair = Members::default();
        pair.insert(Ident::from("key"), Value::string(name.text()));
        pair.insert(Ident::from("value"), value.clone());
        Value::object(pair, None)
    });
    Some(Value::array(pairs.collect(), object.open.clone()))
}

fn keys(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let object = members(values, 0)?;
    afford(cx, object.members.len())?;
    let keys = object.members.keys().map(|name| Value::string(name.text()));
    Some(Value::array(keys.collect(), object.open.clone()))
}

/// `union()` of objects: members of members are joined, all else is replaced by the later.
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
        let both = joined.get(name).and_then(|before| union(cx, before, value));
        joined.insert(name.clone(), both.unwrap_or_else(|| value.clone()));
    }
    let open = x.open.clone().or_else(|| y.open.clone());
    Some(Value::object(joined, open))
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
            let same = other
                .members
                .get(name)
                .map(|other| crate::eval::merge::equal(value, other));
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
    let key = match &values.get(1)?.kind {
        Kind::Int(number) => number.to_string(),
        _ => text(values, 1)?.to_owned(),
    };
    match object
        .members
        .contains_key(&crate::model::ident::Folded(&key))
    {
        true => Some(true),
        false => object.open.is_none().then_some(false),
    }
}

/// Whether every argument is an array whose elements are all there.
pub(super) fn all_closed(values: &[Value]) -> bool {
    (0..values.len()).all(|at| closed(values, at).is_some()) && items(values, 0).is_some()
}
