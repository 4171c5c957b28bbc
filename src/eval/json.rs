//! Values as text and text as values: `string()` and interpolation one way, `json()` and loaded files the other.

use std::sync::Arc;

use super::context::{Context, MAX_TEXT};
use super::merge::why_unknown;
use super::value::{Kind, Members, TOO_LARGE, Value};
use crate::model::Ident;
use crate::syntax::data;

/// Text that is known, or why it is not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Text {
    Known(Arc<str>),
    Unknown(Arc<str>),
}

/// What `string()` and interpolation make of a value: strings as they are, booleans as .NET prints them, the rest JSON.
pub(crate) fn text_of(value: &Value) -> Text {
    match &value.kind {
        Kind::Str(text) => Text::Known(text.clone()),
        Kind::Null => Text::Known("".into()),
        Kind::Bool(true) => Text::Known("True".into()),
        Kind::Bool(false) => Text::Known("False".into()),
        Kind::Int(number) => Text::Known(number.to_string().into()),
        _ => json_text(value),
    }
}

/// The value as JSON without blanks.
pub(crate) fn json_text(value: &Value) -> Text {
    if let Some(reason) = why_unknown(value) {
        return Text::Unknown(reason);
    }
    let mut text = String::new();
    match write(value, &mut text) {
        Some(()) => Text::Known(text.into()),
        None => Text::Unknown(TOO_LARGE.into()),
    }
}

fn write(value: &Value, out: &mut String) -> Option<()> {
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
        Kind::Float(number) => out.push_str(&serde_json::Value::from(*number).to_string()),
        Kind::Str(text) => write_text(text, out),
        Kind::Array(array) => {
            out.push('[');
            for (i, item) in array.items.iter().enumerate() {
                separate(out, i == 0);
                write(item, out)?;
            }
            out.push(']');
        }
        Kind::Object(object) => {
            out.push('{');
            for (i, (name, value)) in object.members.iter().enumerate() {
                separate(out, i == 0);
                write_text(name.as_str(), out);
                out.push(':');
                write(value, out)?;
            }
            out.push('}');
        }
    }
    Some(())
}

fn write_text(text: &str, out: &mut String) {
    // A string always has a JSON form.
    out.push_str(&serde_json::Value::from(text).to_string());
}

/// JSON text as a value; `None` where it is none.
pub(crate) fn parse(cx: &Context<'_>, text: &str) -> Option<Value> {
    if !cx.spend(text.len() / 32) {
        return Some(super::context::too_large());
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) => Some(from_json(cx, value)),
        // Loaded files may hold comments and trailing commas, which costs a second reading.
        Err(_) => {
            let reading = data::jsonc(text);
            let whole = reading.problem.is_none();
            whole.then(|| from_json(cx, reading.data.to_json()))
        }
    }
}

/// YAML text as a value; `None` where it is none.
pub(crate) fn parse_yaml(cx: &Context<'_>, text: &str) -> Option<Value> {
    if !cx.spend(text.len() / 8) {
        return Some(super::context::too_large());
    }
    let reading = data::yaml(text);
    let whole = reading.problem.is_none();
    whole.then(|| from_json(cx, reading.data.to_json()))
}

/// Both readers refuse what is nested deeper than about a hundred levels, so the recursion is bounded.
fn from_json(cx: &Context<'_>, value: serde_json::Value) -> Value {
    use serde_json::Value as Json;
    if !cx.spend(1) {
        return super::context::too_large();
    }
    match value {
        Json::Null => Value::NULL,
        Json::Bool(value) => Value::bool(value),
        Json::Number(number) => match number.as_i64() {
            Some(int) => Value::int(int),
            None => Value::of(Kind::Float(number.as_f64().unwrap_or_default())),
        },
        Json::String(text) => Value::string(text),
        Json::Array(items) => {
            let items = items.into_iter().map(|item| from_json(cx, item));
            Value::array(items.collect(), None)
        }
        Json::Object(members) => {
            let members: Members = members
                .into_iter()
                .map(|(name, value)| (Ident::new(name), from_json(cx, value)))
                .collect();
            Value::object(members, None)
        }
    }
}
