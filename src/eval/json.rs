//! Converts values to text (`string()`, interpolation) and text to values (`json()`, loaded files).

use std::sync::Arc;

use super::context::{Context, MAX_TEXT};
use super::merge::why_unknown;
use super::value::{Kind, Members, TOO_LARGE, Type, Value};
use crate::model::Ident;
use crate::syntax::data;

/// Text that is known, or why it is not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Text {
    Known(Arc<str>),
    Unknown(Arc<str>),
}

/// What interpolation makes of a value: strings as they are, booleans and numbers as .NET prints them, arrays and objects
/// as JSON in single quotes.
pub(crate) fn text_of(value: &Value) -> Text {
    match &value.kind {
        Kind::Str(text) => Text::Known(text.clone()),
        Kind::Null => Text::Known("".into()),
        Kind::Bool(true) => Text::Known("True".into()),
        Kind::Bool(false) => Text::Known("False".into()),
        Kind::Int(number) => Text::Known(number.to_string().into()),
        Kind::Float(number) => Text::Known(float_text(*number).into()),
        _ => written(value, '\''),
    }
}

/// The value as JSON without blanks.
pub(crate) fn json_text(value: &Value) -> Text {
    written(value, '"')
}

fn written(value: &Value, quote: char) -> Text {
    if let Some(reason) = why_unknown(value) {
        return Text::Unknown(reason);
    }
    let mut text = String::new();
    match write(value, quote, &mut text) {
        Some(()) => Text::Known(text.into()),
        None => Text::Unknown(TOO_LARGE.into()),
    }
}

fn write(value: &Value, quote: char, out: &mut String) -> Option<()> {
    if out.len() > MAX_TEXT {
        return None;
    }
    let separate = |out: &mut String, first: bool| {
        if !first {
            out.push(',');
        }
    };
    match &value.kind {
        Kind::Null | Kind::Unknown(_) | Kind::OneOf(_) | Kind::Internal(_) => out.push_str("null"),
        Kind::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Kind::Int(number) => out.push_str(&number.to_string()),
        Kind::Float(number) => {
            let text = float_text(*number);
            out.push_str(&text);
            if !text.contains(['.', 'E']) {
                out.push_str(".0");
            }
        }
        Kind::Str(text) => write_text(text, quote, out),
        Kind::Array(array) => {
            out.push('[');
            for (i, item) in array.items.iter().enumerate() {
                separate(out, i == 0);
                write(item, quote, out)?;
            }
            out.push(']');
        }
        Kind::Object(object) => {
            out.push('{');
            for (i, (name, value)) in object.members.iter().enumerate() {
                separate(out, i == 0);
                write_text(name.as_str(), quote, out);
                out.push(':');
                write(value, quote, out)?;
            }
            out.push('}');
        }
    }
    Some(())
}

/// A number as .NET prints it: `1E+21`, `1E-07`, `0.5`.
fn float_text(number: f64) -> String {
    if number.is_infinite() {
        let text = if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        };
        return text.to_owned();
    }
    let scientific = format!("{number:E}");
    let Some((digits, exponent)) = scientific.split_once('E') else {
        return scientific;
    };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-5..15).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}E{sign}{:02}", exponent.unsigned_abs())
        }
        _ => number.to_string(),
    }
}

fn write_text(text: &str, quote: char, out: &mut String) {
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c if c == quote => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out.push(quote);
}

/// JSON text as a value; `None` where it is none.
pub(crate) fn parse(cx: &Context<'_>, text: &str) -> Option<Value> {
    if !cx.spend(text.len() / 32) {
        return Some(super::context::too_large());
    }
    Some(from_json(cx, read_json(text)?))
}

/// JSON, with comments and trailing commas if it must be, which costs a second reading.
pub(crate) fn read_json(text: &str) -> Option<serde_json::Value> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    serde_json::from_str(text).ok().or_else(|| {
        let reading = data::jsonc(text);
        reading.problem.is_none().then(|| reading.data.to_json())
    })
}

/// YAML, with the members of `<<` merged.
pub(crate) fn read_yaml(text: &str) -> Option<serde_json::Value> {
    let reading = data::yaml(text);
    let whole = reading.problem.is_none();
    whole.then(|| merged(reading.data.to_json()))
}

fn merged(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Json::Array(items) => items.into_iter().map(merged).collect(),
        Json::Object(members) => {
            let mut own: serde_json::Map<_, _> = Default::default();
            let mut below: Vec<Json> = Vec::new();
            for (name, value) in members {
                match (name.as_str(), merged(value)) {
                    ("<<", Json::Array(maps)) => below.extend(maps),
                    ("<<", map) => below.push(map),
                    (_, value) => drop(own.insert(name, value)),
                }
            }
            let mut all: serde_json::Map<_, _> = Default::default();
            for map in below {
                if let Json::Object(map) = map {
                    for (name, value) in map {
                        all.entry(name).or_insert(value);
                    }
                }
            }
            all.extend(own);
            Json::Object(all)
        }
        // YAML's `1e3` is an integer to Bicep.
        Json::Number(number) => match number.as_f64() {
            Some(float) if number.as_i64().is_none() && float.fract() == 0.0 => {
                Json::from(float as i64)
            }
            _ => Json::Number(number),
        },
        value => value,
    }
}

/// Both readers refuse what is nested deeper than about a hundred levels, so the recursion is bounded.
pub(crate) fn from_json(cx: &Context<'_>, value: serde_json::Value) -> Value {
    use serde_json::Value as Json;
    if !cx.spend(1) {
        return super::context::too_large();
    }
    match value {
        Json::Null => Value::NULL,
        Json::Bool(value) => Value::bool(value),
        Json::Number(number) => match number.as_i64() {
            Some(int) => Value::int(int),
            None => match number.as_f64() {
                // Whether it was an integer, which Azure refuses, is not kept.
                Some(number) if number.abs() < 9e18 => Value::of(Kind::Float(number)),
                _ => Value::unknown("a number is out of range"),
            },
        },
        Json::String(text) => Value::string(text),
        Json::Array(items) => {
            let items = items.into_iter().map(|item| from_json(cx, item));
            Value::array(items.collect(), None)
        }
        Json::Object(members) => {
            let count = members.len();
            let members: Members = members
                .into_iter()
                .map(|(name, value)| (Ident::new(name), from_json(cx, value)))
                .collect();
            match members.len() == count {
                true => Value::object(members, None),
                false => {
                    Value::unknown_of("keys differ only in case", Some(Type::Object)).non_empty()
                }
            }
        }
    }
}
