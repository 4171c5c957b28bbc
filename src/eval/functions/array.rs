//! Arrays, some of whose elements may be unknown, or unknown in number.

use super::object;
use super::{Builtin, How, afford, closed, int, items, row, text};
use crate::eval::context::{Context, MAX_TURNS};
use crate::eval::evaluate::{concat as concat_text, reason_of};
use crate::eval::merge::{equal, is_empty, why_unknown};
use crate::eval::value::{Kind, TOO_LARGE, Type, Value};

pub(super) const TABLE: &[Builtin] = &[
    row("createArray", ARRAY, How::Partial(create)),
    row("array", ARRAY, How::Partial(wrap)),
    row("concat", None, How::Partial(concat)),
    row("union", None, How::Partial(union)),
    row("intersection", None, How::Partial(intersection)),
    row("contains", Some(Type::Bool), How::Partial(contains)),
    row("length", Some(Type::Int), How::Partial(length)),
    row("range", ARRAY, How::Pure(range)),
    row("first", None, How::Partial(|_, v| end(v, true))),
    row("last", None, How::Partial(|_, v| end(v, false))),
    row("take", None, How::Partial(take)),
    row("skip", None, How::Partial(skip)),
    row("flatten", ARRAY, How::Partial(flatten)),
    row(
        "distinct",
        ARRAY,
        How::Pure(|cx, v| distinct(cx, &closed(v, 0)?.items)),
    ),
    row(
        "indexOf",
        Some(Type::Int),
        How::Pure(|cx, v| index_of(cx, v, true)),
    ),
    row(
        "lastIndexOf",
        Some(Type::Int),
        How::Pure(|cx, v| index_of(cx, v, false)),
    ),
];

const ARRAY: Option<Type> = Some(Type::Array);

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

/// Of strings, or of arrays.
fn concat(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    if !values.iter().any(|value| value.ty() == ARRAY) {
        return Some(concat_text(cx, values));
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
        Some(reason) if all.is_empty() => Some(Value::unknown_of(reason, ARRAY, non_empty)),
        open => Some(Value::array(all, open)),
    }
}

fn union(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let ty = values.iter().find_map(Value::ty);
    if ty == Some(Type::Object) {
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
        return Some(joined);
    }
    let all = concat(cx, values)?;
    match &all.kind {
        Kind::Array(array) => {
            let distinct = distinct(cx, &array.items)?;
            match &distinct.kind {
                Kind::Array(distinct) => {
                    Some(Value::array(distinct.items.clone(), array.open.clone()))
                }
                _ => Some(distinct),
            }
        }
        _ => Some(all),
    }
}

/// The elements, each once; one that may equal another stays.
fn distinct(cx: &Context<'_>, all: &[Value]) -> Option<Value> {
    let mut each: Vec<Value> = Vec::new();
    for value in all {
        afford(cx, each.len())?;
        if !each.iter().any(|other| equal(other, value) == Some(true)) {
            each.push(value.clone());
        }
    }
    Some(Value::array(each, None))
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
    distinct(cx, &kept)
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
            return Some(Value::unknown_of(reason, Some(Type::Int), true));
        }
    };
    i64::try_from(count).ok().map(Value::int)
}

fn range(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let (start, count) = (int(values, 0)?, int(values, 1)?);
    let end = start.checked_add(count)?;
    let size = usize::try_from(count).ok()?;
    if size > MAX_TURNS || !cx.spend(size) {
        return Some(Value::unknown_of(TOO_LARGE, ARRAY, true));
    }
    Some(Value::array((start..end).map(Value::int).collect(), None))
}

/// `first()` and `last()` of an array or a string.
fn end(values: &[Value], first: bool) -> Option<Value> {
    match &values.first()?.kind {
        Kind::Array(array) if array.open.is_none() => {
            let item = match first {
                true => array.items.first(),
                false => array.items.last(),
            };
            Some(item.cloned().unwrap_or(Value::NULL))
        }
        Kind::Str(text) => {
            let char = match first {
                true => text.chars().next(),
                false => text.chars().next_back(),
            };
            Some(Value::string(char.map(String::from).unwrap_or_default()))
        }
        _ => None,
    }
}

fn take(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let value = values.first()?;
    let count = match &values.get(1)?.kind {
        Kind::Int(count) => usize::try_from((*count).max(0)).ok()?,
        _ => return None,
    };
    match &value.kind {
        Kind::Array(array) if array.open.is_none() => {
            let count = count.min(array.items.len());
            afford(cx, count)?;
            Some(Value::array(array.items[..count].to_vec(), None))
        }
        Kind::Str(text) => Some(Value::string(text.chars().take(count).collect::<String>())),
        // The first character of a string that has one is some string.
        Kind::Unknown(unknown) => Some(Value::unknown_of(
            unknown.reason.clone(),
            unknown.ty,
            unknown.non_empty && count > 0,
        )),
        _ => None,
    }
}

fn skip(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let value = values.first()?;
    let count = usize::try_from(int(values, 1)?.max(0)).ok()?;
    match &value.kind {
        Kind::Array(array) if array.open.is_none() => {
            let from = count.min(array.items.len());
            afford(cx, array.items.len() - from)?;
            Some(Value::array(array.items[from..].to_vec(), None))
        }
        Kind::Str(text) => Some(Value::string(text.chars().skip(count).collect::<String>())),
        Kind::Unknown(unknown) => Some(Value::unknown_of(
            unknown.reason.clone(),
            unknown.ty,
            unknown.non_empty && count == 0,
        )),
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

fn index_of(cx: &Context<'_>, values: &[Value], first: bool) -> Option<Value> {
    if let Some(haystack) = text(values, 0) {
        // ARM looks for text without regard to case.
        let (haystack, needle) = (haystack.to_lowercase(), text(values, 1)?.to_lowercase());
        let found = match first {
            true => haystack.find(&needle),
            false => haystack.rfind(&needle),
        };
        let chars = |at: usize| haystack[..at].encode_utf16().count() as i64;
        return Some(Value::int(found.map_or(-1, chars)));
    }
    let array = closed(values, 0)?;
    afford(cx, array.items.len())?;
    let wanted = values.get(1)?;
    let mut answer = -1;
    for (index, item) in (0..).zip(&array.items) {
        if equal(item, wanted)? {
            answer = index;
            if first {
                break;
            }
        }
    }
    Some(Value::int(answer))
}
