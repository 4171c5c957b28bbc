//! Merges values of which only one applies: the branches of an unknown condition, the results of a function over several
//! possible arguments.

use std::sync::Arc;

use crate::model::Ident;

use super::value::{Array, Kind, Members, Object, Type, Value};

/// The least that is known of a value that is one of `values`. `reason` states what decides between them.
pub(crate) fn merge(values: impl IntoIterator<Item = Value>, reason: &Arc<str>) -> Value {
    let mut values = values.into_iter();
    let Some(mut merged) = values.next() else {
        return Value::unknown(reason.clone());
    };
    for value in values {
        merged = merge_two(merged, value, reason);
    }
    merged
}

fn merge_two(a: Value, b: Value, reason: &Arc<str>) -> Value {
    if a.kind == b.kind {
        // Two equal literals: an edit of one would not reach the other.
        let place = a.place.filter(|place| b.place == Some(*place));
        return Value {
            kind: a.kind,
            place,
        };
    }
    match (&a.kind, &b.kind) {
        (Kind::Object(x), Kind::Object(y)) => merge_objects(x, y, reason),
        (Kind::Array(x), Kind::Array(y)) => merge_arrays(x, y, reason),
        (Kind::Unknown(x), _) | (_, Kind::Unknown(x)) => {
            let other = match &a.kind {
                Kind::Unknown(_) => &b,
                _ => &a,
            };
            let ty = x.ty.filter(|ty| other.ty() == Some(*ty));
            Value::unknown_of(x.reason.clone(), ty)
                .non_empty_if(x.non_empty && is_empty(other) == Some(false))
        }
        _ if is_scalar(&a) && is_scalar(&b) => {
            let each = a.alternatives().iter().chain(b.alternatives());
            Value::one_of(each.cloned(), reason.clone())
        }
        _ => {
            let ty = a.ty().filter(|ty| b.ty() == Some(*ty));
            let non_empty = is_empty(&a) == Some(false) && is_empty(&b) == Some(false);
            Value::unknown_of(reason.clone(), ty).non_empty_if(non_empty)
        }
    }
}

fn is_scalar(value: &Value) -> bool {
    !matches!(
        value.kind,
        Kind::Array(_) | Kind::Object(_) | Kind::Unknown(_) | Kind::Internal(_)
    )
}

fn merge_objects(x: &Object, y: &Object, reason: &Arc<str>) -> Value {
    let mut members = Members::default();
    let mut open = x.open.clone().or_else(|| y.open.clone());
    for (name, value) in &x.members {
        match y.members.get(name) {
            Some(other) => {
                let merged = merge_two(value.clone(), other.clone(), reason);
                members.insert(name.clone(), merged);
            }
            None => open = open.or_else(|| Some(reason.clone())),
        }
    }
    if y.members.keys().any(|name| !x.members.contains_key(name)) {
        open = open.or_else(|| Some(reason.clone()));
    }
    Value::object(members, open)
}

/// Element by element where the lengths agree; otherwise, or where more is kept so, the elements that both hold.
fn merge_arrays(x: &Array, y: &Array, reason: &Arc<str>) -> Value {
    let open = x.open.clone().or_else(|| y.open.clone());
    let aligned = open.is_none() && x.items.len() == y.items.len();
    let pairs = || x.items.iter().zip(&y.items);
    let mut rest: Vec<&Value> = y.items.iter().collect();
    let mut common = Vec::new();
    for value in &x.items {
        if let Some(at) = rest.iter().position(|other| other.kind == value.kind) {
            rest.swap_remove(at);
            common.push(value.clone());
        }
    }
    if aligned && pairs().filter(|(a, b)| a.kind == b.kind).count() >= common.len() {
        let merged = pairs().map(|(a, b)| merge_two(a.clone(), b.clone(), reason));
        return Value::array(merged.collect(), None);
    }
    Value::array(common, Some(open.unwrap_or_else(|| reason.clone())))
}

/// Whether `empty()` holds, where that is known: for null, strings, arrays and objects.
pub(crate) fn is_empty(value: &Value) -> Option<bool> {
    match &value.kind {
        Kind::Null => Some(true),
        Kind::Str(text) => Some(text.is_empty()),
        Kind::Array(array) if !array.items.is_empty() => Some(false),
        Kind::Array(array) => array.open.is_none().then_some(true),
        Kind::Object(object) if !object.members.is_empty() => Some(false),
        Kind::Object(object) => object.open.is_none().then_some(true),
        Kind::Unknown(unknown) => unknown.non_empty.then_some(false),
        Kind::OneOf(values) => {
            let first = is_empty(values.first()?)?;
            values
                .iter()
                .all(|value| is_empty(value) == Some(first))
                .then_some(first)
        }
        Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) | Kind::Internal(_) => None,
    }
}

/// Three-valued equality as ARM's `equals` has it: strings by case, names of members not.
pub(crate) fn equal(a: &Value, b: &Value) -> Option<bool> {
    use Kind::*;
    match (&a.kind, &b.kind) {
        (Unknown(x), _) | (_, Unknown(x)) => {
            let other = match &a.kind {
                Unknown(_) => b,
                _ => a,
            };
            let differs = match other.ty() {
                _ if other.is_null() => x.ty.is_some() || x.non_empty,
                Some(ty) if x.ty.is_some_and(|known| known != ty) => true,
                Some(Type::Int) => {
                    x.non_empty && x.ty == Some(Type::Int) && matches!(other.kind, Int(..1))
                }
                _ => {
                    x.non_empty && is_empty(other) == Some(true)
                        || other.as_str().is_some_and(|text| x.differs(text))
                }
            };
            differs.then_some(false)
        }
        (OneOf(values), _) => {
            let first = equal(values.first()?, b)?;
            let same = values.iter().all(|value| equal(value, b) == Some(first));
            same.then_some(first)
        }
        (_, OneOf(_)) => equal(b, a),
        (Internal(_), _) | (_, Internal(_)) => None,
        (Array(x), Array(y)) => {
            if std::ptr::eq(&**x, &**y) && x.open.is_none() && is_known(a) {
                return Some(true);
            }
            let closed = x.open.is_none() && y.open.is_none();
            if closed && x.items.len() != y.items.len() {
                return Some(false);
            }
            if !closed {
                return None;
            }
            all(x.items.iter().zip(&y.items).map(|(a, b)| equal(a, b)))
        }
        (Object(x), Object(y)) => {
            let closed = x.open.is_none() && y.open.is_none();
            let missing = |x: &super::Object, y: &super::Object| {
                y.open.is_none() && x.members.keys().any(|name| !y.members.contains_key(name))
            };
            if missing(x, y) || missing(y, x) {
                return Some(false);
            }
            let both = x
                .members
                .iter()
                .filter_map(|(name, a)| Some(equal(a, y.members.get(name)?)));
            match all(both) {
                Some(true) if !closed => None,
                decided => decided,
            }
        }
        (x, y) => Some(x == y),
    }
}

fn all(each: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(true);
    for one in each {
        match one {
            Some(false) => return Some(false),
            None => all = None,
            Some(true) => {}
        }
    }
    all
}

/// Whether two known values are written alike: names by case, and members in the same order.
pub(crate) fn identical(a: &Value, b: &Value) -> bool {
    match (&a.kind, &b.kind) {
        (Kind::Array(x), Kind::Array(y)) => {
            equal(a, b) == Some(true) && x.items.iter().zip(&y.items).all(|(a, b)| identical(a, b))
        }
        (Kind::Object(x), Kind::Object(y)) => {
            let same = |((a, x), (b, y)): ((&Ident, &Value), (&Ident, &Value))| {
                a.as_str() == b.as_str() && identical(x, y)
            };
            equal(a, b) == Some(true) && x.members.iter().zip(&y.members).all(same)
        }
        _ => equal(a, b) == Some(true),
    }
}

/// Whether nothing in it is unknown.
pub(crate) fn is_known(value: &Value) -> bool {
    match &value.kind {
        Kind::Unknown(_) | Kind::OneOf(_) | Kind::Internal(_) => false,
        Kind::Array(array) => array.open.is_none() && array.items.iter().all(is_known),
        Kind::Object(object) => object.open.is_none() && object.members.values().all(is_known),
        _ => true,
    }
}

/// The first reason for which something in it is unknown.
pub(crate) fn why_unknown(value: &Value) -> Option<Arc<str>> {
    match &value.kind {
        Kind::Array(array) => array
            .open
            .clone()
            .or_else(|| array.items.iter().find_map(why_unknown)),
        Kind::Object(object) => object
            .open
            .clone()
            .or_else(|| object.members.values().find_map(why_unknown)),
        _ => value.reason(),
    }
}
