//! Integer arithmetic and comparison as ARM defines them: 64 bits, division truncates.

use std::cmp::Ordering;

use super::{BOOL, Builtin, INT, MANY, STRING, items, lazy, partial, pure, string_of};
use crate::eval::collate;
use crate::eval::context::Context;
use crate::eval::json::{Text, json_text, text_of};
use crate::eval::merge::is_empty;
use crate::eval::pieces::Piece;
use crate::eval::value::{Kind, Type, Unknown, Value};

pub(super) const TABLE: &[Builtin] = &[
    pure("add", INT, 2..=2, |_, v| binary(v, i64::checked_add)),
    pure("sub", INT, 2..=2, |_, v| binary(v, i64::checked_sub)),
    pure("mul", INT, 2..=2, |_, v| binary(v, i64::checked_mul)),
    pure("div", INT, 2..=2, |_, v| binary(v, i64::checked_div)),
    pure("mod", INT, 2..=2, |_, v| binary(v, i64::checked_rem)),
    pure("min", INT, 1..=MANY, |_, v| extreme(v, Ordering::Less)),
    pure("max", INT, 1..=MANY, |_, v| extreme(v, Ordering::Greater)),
    pure("int", INT, 1..=1, to_int),
    pure("largeInteger", INT, 1..=1, large_integer),
    pure("float", INT, 1..=1, to_float),
    partial("less", BOOL, 2..=2, |_, v| compare(v, Ordering::is_lt)),
    partial("lessOrEquals", BOOL, 2..=2, |_, v| {
        compare(v, Ordering::is_le)
    }),
    partial("greater", BOOL, 2..=2, |_, v| compare(v, Ordering::is_gt)),
    partial("greaterOrEquals", BOOL, 2..=2, |_, v| {
        compare(v, Ordering::is_ge)
    }),
    lazy("copyIndex", INT, 0..=2, super::deployment::copy_index),
    partial("string", STRING, 1..=1, to_string),
];

fn binary(values: &[Value], f: fn(i64, i64) -> Option<i64>) -> Option<Value> {
    let [a, b] = values else { return None };
    f(a.as_int()?, b.as_int()?).map(Value::int)
}

fn extreme(values: &[Value], wanted: Ordering) -> Option<Value> {
    let list = match items(values, 0) {
        Some(array) if values.len() == 1 && array.open.is_none() => &array.items,
        _ => values,
    };
    let mut numbers = list.iter().map(Value::as_int);
    let mut best = numbers.next()??;
    for number in numbers {
        let number = number?;
        if number.cmp(&best) == wanted {
            best = number;
        }
    }
    Some(Value::int(best))
}

fn to_int(_: &Context<'_>, values: &[Value]) -> Option<Value> {
    match &values.first()?.kind {
        Kind::Int(number) => Some(Value::int(*number)),
        Kind::Str(text) => text.trim().parse().ok().map(Value::int),
        _ => None,
    }
}

/// What a template of JSON writes beyond 64 bits: only its text is known.
fn large_integer(_: &Context<'_>, values: &[Value]) -> Option<Value> {
    let digits = Piece::Text(values.first()?.as_str()?.into());
    let integer = Unknown {
        reason: "an integer beyond 64 bits".into(),
        ty: INT,
        pieces: [digits].into(),
        ..Unknown::default()
    };
    Some(integer.into())
}

fn to_float(_: &Context<'_>, values: &[Value]) -> Option<Value> {
    match &values.first()?.kind {
        Kind::Int(number) => Some(Value::of(Kind::Float(*number as f64))),
        Kind::Float(number) => Some(Value::of(Kind::Float(*number))),
        Kind::Str(text) => {
            let number = text.parse().ok().filter(|number: &f64| number.is_finite());
            number.map(|number| Value::of(Kind::Float(number)))
        }
        _ => None,
    }
}

/// Not known, but one at least.
fn is_count(unknown: &Unknown) -> bool {
    unknown.non_empty && unknown.ty == INT
}

/// Compares what is one at least with a number, where that decides.
fn above(number: i64, f: impl Fn(Ordering) -> bool) -> Option<Value> {
    let greater = f(Ordering::Greater);
    let decided = number < 1 || (number == 1 && f(Ordering::Equal) == greater);
    decided.then(|| Value::bool(greater))
}

fn compare(values: &[Value], f: fn(Ordering) -> bool) -> Option<Value> {
    let [a, b] = values else { return None };
    let order = match (&a.kind, &b.kind) {
        (Kind::Int(a), Kind::Int(b)) => a.cmp(b),
        // Of a whole number and a float that are equal as numbers, Azure has its own view.
        (Kind::Int(a), Kind::Float(b)) => not_equal(*a as f64, *b)?,
        (Kind::Float(a), Kind::Int(b)) => not_equal(*a, *b as f64)?,
        (Kind::Float(a), Kind::Float(b)) => a.partial_cmp(b)?,
        (Kind::Str(a), Kind::Str(b)) => collate::compare(a, b)?,
        (Kind::Unknown(a), Kind::Int(b)) if is_count(a) => return above(*b, f),
        (Kind::Int(a), Kind::Unknown(b)) if is_count(b) => {
            return above(*a, |order| f(order.reverse()));
        }
        _ => return None,
    };
    Some(Value::bool(f(order)))
}

fn not_equal(a: f64, b: f64) -> Option<Ordering> {
    let exact = |number: f64| number.abs() < (1u64 << 53) as f64;
    a.partial_cmp(&b)
        .filter(|order| order.is_ne() && exact(a) && exact(b))
}

fn to_string(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let value = values.first()?;
    if matches!(value.kind, Kind::Null | Kind::Float(_)) {
        return None;
    }
    if let Kind::Unknown(unknown) = &value.kind
        && unknown.ty == Some(Type::String)
    {
        return Some(Value::of(value.kind.clone()));
    }
    let text = match value.ty() {
        Some(Type::Array | Type::Object) => json_text(value),
        _ => text_of(value),
    };
    match text {
        Text::Known(text) => Some(string_of(cx, text.to_string())),
        Text::Unknown(reason) => {
            let non_empty =
                !matches!(value.ty(), None | Some(Type::String)) || is_empty(value) == Some(false);
            Some(Value::unknown_of(reason, Some(Type::String)).non_empty_if(non_empty))
        }
    }
}
