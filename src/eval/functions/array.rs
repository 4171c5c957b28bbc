//! Array functions. Elements may be unknown, and so may their number.

use std::sync::Arc;

use super::object;
use super::{
    ARRAY, BOOL, Builtin, INT, MANY, afford, closed, int32, items, partial, pure, slice, text,
};
use crate::eval::collate;
use crate::eval::context::Context;
use crate::eval::evaluate::{concat as concat_text, reason_of};
use crate::eval::merge::{equal, identical, is_empty, why_unknown};
use crate::eval::pieces::End;
use crate::eval::value::{Kind, Type, Value};

pub(super) const TABLE: &[Builtin] = &[
    partial("createArray", ARRAY, 0..=MANY, create),
    partial("array", ARRAY, 1..=1, wrap),
    partial("concat", None, 1..=MANY, concat),
    partial("union", None, 2..=MANY, union),
    partial("intersection", None, 2..=MANY, intersection),
    partial("contains", BOOL, 2..=2, contains),
    partial("length", INT, 1..=1, length),
    pure("range", ARRAY, 2..=2, range),
    partial("first", None, 1..=1, |_, v| end(v, End::First)),
    partial("last", None, 1..=1, |_, v| end(v, End::Last)),
    partial("take", None, 2..=2, take),
    partial("skip", None, 2..=2, skip),
    partial("flatten", ARRAY, 1..=1, flatten),
    pure("distinct", ARRAY, 1..=1, |cx, v| {
        distinct(cx, &closed(v, 0)?.items, None)
    }),
    pure("indexOf", INT, 2..=2, |cx, v| index_of(cx, v, End::First)),
    pure("lastIndexOf", INT, 2..=2, |cx, v| {
        index_of(cx, v, End::Last)
    }),
];

fn create(_: &Context<'_>, values: &[Value]) -> Option<Value> {
    Some(Value::array(values.to_vec(), None))
}

fn wrap(_: &Context<'_>, values: &[Value]) -> Option<Value> {
    let value = values.first()?;
    match value.ty() {
        Some(Type::Array) => Some(value.clone()),
        None if !value.is_null() => None,
        _ => Some(Value::array(vec![value.clone()], None)),
    }
}

/// Of strings, numbers and booleans, or of arrays.
fn concat(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    if !values.iter().any(|value| value.ty() == ARRAY) {
        let refused = |value: &Value| {
            value.ty() == Some(Type::Object) || matches!(value.kind, Kind::Null | Kind::Float(_))
        };
        return (!values.iter().any(refused)).then(|| concat_text(cx, values));
    }
    let mut all = Vec::new();
    let mut open = None;
    let mut non_empty = false;
    for value in values {
        non_empty |= is_empty(value) == Some(false);
        match &value.kind {
            Kind::Array(array) => {
                afford(cx, array.items.len())?;
                all.extend(array.items.iter().cloned());
                open = open.or_else(|| array.open.clone());
            }
            Kind::Unknown(unknown) => open = open.or_else(|| Some(unknown.reason.clone())),
            _ => return None,
        }
    }
    match open {
        Some(reason) if all.is_empty() => {
            Some(Value::unknown_of(reason, ARRAY).non_empty_if(non_empty))
        }
        open => Some(Value::array(all, open)),
    }
}

fn union(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    match values.iter().find_map(Value::ty) {
        Some(Type::Object) => {
            let mut joined = Value::object(Default::default(), None);
            for value in values {
                let value = match &value.kind {
                    Kind::Object(_) => value.clone(),
                    Kind::Unknown(unknown) => {
                        Value::object(Default::default(), Some(unknown.reason.clone()))
                    }
                    _ => return None,
                };
                joined = object::union(cx, &joined, &value)?;
            }
            Some(joined)
        }
        Some(Type::Array) => {
            let all = concat(cx, values)?;
            match &all.kind {
                Kind::Array(array) => distinct(cx, &array.items, array.open.clone()),
                _ => Some(all),
            }
        }
        _ => None,
    }
}

/// The elements, each once; one that may equal another stays. Objects are the same only with their members in the same
/// order.
fn distinct(cx: &Context<'_>, all: &[Value], open: Option<Arc<str>>) -> Option<Value> {
    let mut each: Vec<Value> = Vec::new();
    for value in all {
        afford(cx, each.len())?;
        if !each.iter().any(|other| identical(other, value)) {
            each.push(value.clone());
        }
    }
    Some(Value::array(each, open))
}

fn intersection(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    if !object::all_closed(values) {
        return object::intersection(cx, values);
    }
    let mut kept = items(values, 0)?.items.clone();
    for at in 1..values.len() {
        let other = closed(values, at)?;
        afford(cx, other.items.len().saturating_mul(kept.len()))?;
        let mut unknown = false;
        kept.retain(|value| {
            let same = holds(&other.items, value);
            unknown |= same.is_none();
            same == Some(true)
        });
        if unknown {
            return None;
        }
    }
    distinct(cx, &kept, None)
}

/// Whether an element equals `value`.
fn holds(all: &[Value], value: &Value) -> Option<bool> {
    let mut answer = Some(false);
    for other in all {
        match equal(other, value) {
            Some(true) => return Some(true),
            None => answer = None,
            Some(false) => {}
        }
    }
    answer
}

fn contains(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let wanted = values.get(1)?;
    let answer = match &values.first()?.kind {
        Kind::Array(array) => {
            afford(cx, array.items.len())?;
            match holds(&array.items, wanted) {
                Some(false) if array.open.is_some() => None,
                answer => answer,
            }
        }
        Kind::Object(_) => object::has_member(values),
        Kind::Str(haystack) => wanted.as_str().map(|needle| haystack.contains(needle)),
        Kind::Unknown(unknown) => {
            let found = unknown.always_contains(wanted.as_str()?);
            found.then_some(true)
        }
        _ => None,
    };
    answer.map(Value::bool)
}

fn length(_: &Context<'_>, values: &[Value]) -> Option<Value> {
    let count = match &values.first()?.kind {
        Kind::Str(text) => text.encode_utf16().count(),
        Kind::Array(array) if array.open.is_none() => array.items.len(),
        Kind::Object(object) if object.open.is_none() => object.members.len(),
        // Of a choice each alternative comes by itself.
        _ => {
            let some = is_empty(values.first()?) == Some(false);
            let reason = why_unknown(values.first()?).filter(|_| some)?;
            return Some(Value::unknown_of(reason, Some(Type::Int)).non_empty());
        }
    };
    i64::try_from(count).ok().map(Value::int)
}

fn range(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let (start, count) = (int32(values, 0)?, int32(values, 1)?);
    let end = i64::from(start) + i64::from(count);
    if !(0..=10_000).contains(&count) || end - 1 > i64::from(i32::MAX) {
        return None;
    }
    afford(cx, usize::try_from(count).ok()?)?;
    let start = i64::from(start);
    Some(Value::array((start..end).map(Value::int).collect(), None))
}

/// `first()` and `last()` of an array or a string.
fn end(values: &[Value], from: End) -> Option<Value> {
    match &values.first()?.kind {
        Kind::Array(array) if array.open.is_none() => {
            let item = match from {
                End::First => array.items.first(),
                End::Last => array.items.last(),
            };
            Some(item.cloned().unwrap_or(Value::NULL))
        }
        Kind::Str(text) => {
            let units = text.encode_utf16().count();
            let start = match from {
                End::First => 0,
                End::Last => units.saturating_sub(1),
            };
            slice(text, start, units.min(1)).map(Value::string)
        }
        _ => None,
    }
}

fn take(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let value = values.first()?;
    let count = usize::try_from(int32(values, 1)?.max(0)).ok()?;
    match &value.kind {
        Kind::Array(array) if array.open.is_none() => {
            let count = count.min(array.items.len());
            afford(cx, count)?;
            Some(Value::array(array.items[..count].to_vec(), None))
        }
        Kind::Str(text) => {
            let units = text.encode_utf16().count();
            slice(text, 0, count.min(units)).map(Value::string)
        }
        // The first character of a string that has one is some string.
        Kind::Unknown(unknown) => Some(
            Value::unknown_of(unknown.reason.clone(), unknown.ty)
                .non_empty_if(unknown.non_empty && count > 0),
        ),
        _ => None,
    }
}

fn skip(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let value = values.first()?;
    let count = usize::try_from(int32(values, 1)?.max(0)).ok()?;
    match &value.kind {
        Kind::Array(array) if array.open.is_none() => {
            let from = count.min(array.items.len());
            afford(cx, array.items.len() - from)?;
            Some(Value::array(array.items[from..].to_vec(), None))
        }
        Kind::Str(text) => {
            let units = text.encode_utf16().count();
            let start = count.min(units);
            slice(text, start, units - start).map(Value::string)
        }
        Kind::Unknown(unknown) => Some(
            Value::unknown_of(unknown.reason.clone(), unknown.ty)
                .non_empty_if(unknown.non_empty && count == 0),
        ),
        _ => None,
    }
}

fn flatten(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let outer = items(values, 0)?;
    let mut all = Vec::new();
    let mut open = outer.open.clone();
    for inner in &outer.items {
        match &inner.kind {
            Kind::Array(array) => {
                afford(cx, array.items.len())?;
                all.extend(array.items.iter().cloned());
                open = open.or_else(|| array.open.clone());
            }
            Kind::Unknown(_) => open = open.or_else(|| Some(reason_of(inner))),
            _ => return None,
        }
    }
    Some(Value::array(all, open))
}

fn index_of(cx: &Context<'_>, values: &[Value], from: End) -> Option<Value> {
    if let Some(haystack) = text(values, 0) {
        let needle = text(values, 1)?;
        if needle.is_empty() {
            return Some(Value::int(match from {
                End::First => 0,
                End::Last => haystack.encode_utf16().count().saturating_sub(1) as i64,
            }));
        }
        // Azure searches without regard to case, and by a culture's rules beyond ASCII.
        if !is_plain(haystack) || !is_plain(needle) {
            return collate::never_contains(haystack, needle).then(|| Value::int(-1));
        }
        let (haystack, needle) = (haystack.to_ascii_lowercase(), needle.to_ascii_lowercase());
        let found = match from {
            End::First => haystack.find(&needle),
            End::Last => haystack.rfind(&needle),
        };
        return Some(Value::int(found.map_or(-1, |at| at as i64)));
    }
    let array = closed(values, 0)?;
    afford(cx, array.items.len())?;
    let wanted = values.get(1)?;
    let mut answer = -1;
    for (index, item) in (0..).zip(&array.items) {
        if equal(item, wanted)? {
            answer = index;
            if matches!(from, End::First) {
                break;
            }
        }
    }
    Some(Value::int(answer))
}

/// ASCII without the control characters that a culture ignores.
fn is_plain(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b' '..=b'~' | b'\t'..=b'\r'))
}
