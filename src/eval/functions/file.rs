//! Files that Bicep reads at compile time, through [`Files::text`](crate::eval::Files::text).

use super::{Builtin, How, row};
use crate::eval::context::{Context, MAX_TEXT, too_large};
use crate::eval::evaluate::{get, value_of};
use crate::eval::json;
use crate::eval::scope::Env;
use crate::eval::value::{Kind, Type, Value};
use crate::model::{Expr, ExprKind};

pub(super) const TABLE: &[Builtin] = &[
    row(
        "loadTextContent",
        STRING,
        How::Lazy(|cx, env, args| load(cx, env, args, |_, text| Some(Value::string(text)))),
    ),
    row(
        "loadFileAsBase64",
        STRING,
        How::Lazy(|cx, env, args| load(cx, env, args, base64)),
    ),
    row(
        "loadJsonContent",
        None,
        How::Lazy(|cx, env, args| select(cx, env, args, json::parse)),
    ),
    row(
        "loadYamlContent",
        None,
        How::Lazy(|cx, env, args| select(cx, env, args, json::parse_yaml)),
    ),
    row(
        "loadDirectoryFileInfo",
        Some(Type::Array),
        How::Lazy(|_, _, _| directory()),
    ),
    row("nameof", STRING, How::Lazy(name_of)),
];

const STRING: Option<Type> = Some(Type::String);

fn load(
    cx: &Context<'_>,
    env: Env<'_>,
    args: &[Expr],
    f: fn(&Context<'_>, &str) -> Option<Value>,
) -> Value {
    let Some(path) = args.first().map(|path| value_of(cx, env, path)) else {
        return Value::unknown("a path is needed");
    };
    let Some(path) = path.as_str() else {
        return Value::unknown("the path of a file is not known");
    };
    let Some((_, text)) = cx.files.text(env.origin.file, path) else {
        return Value::unknown(format!("{path} cannot be read"));
    };
    if text.len() > MAX_TEXT * 8 || !cx.spend(text.len() / 256) {
        return too_large();
    }
    f(cx, &text).unwrap_or_else(|| Value::unknown(format!("{path} cannot be understood")))
}

fn base64(_: &Context<'_>, text: &str) -> Option<Value> {
    Some(Value::string(super::encoding::encode(text.as_bytes())))
}

/// The file as a value, or the part of it that a path (`$.a.b[0]`) names.
fn select(
    cx: &Context<'_>,
    env: Env<'_>,
    args: &[Expr],
    f: fn(&Context<'_>, &str) -> Option<Value>,
) -> Value {
    let whole = load(cx, env, args, f);
    let Some(path) = args.get(1) else {
        return whole;
    };
    if matches!(whole.kind, Kind::Unknown(_)) {
        return whole;
    }
    let path = value_of(cx, env, path);
    match path.as_str().map(steps) {
        Some(Some(steps)) => steps
            .iter()
            .fold(whole, |value, step| get(&value, step, false)),
        _ => Value::unknown("a JSON path selects what is loaded"),
    }
}

/// The members and indices of a path without wildcards and filters.
fn steps(path: &str) -> Option<Vec<Value>> {
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    let mut steps = Vec::new();
    if !rest.starts_with(['.', '[']) && !rest.is_empty() {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        steps.push(Value::string(&rest[..end]));
        rest = &rest[end..];
    }
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        match first {
            '.' => {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                let name = &rest[..end];
                if name.is_empty() || name.contains('*') {
                    return None;
                }
                steps.push(Value::string(name));
                rest = &rest[end..];
            }
            '[' => {
                let end = rest.find(']')?;
                let inner = &rest[..end];
                let quoted = inner
                    .strip_prefix('\'')
                    .and_then(|inner| inner.strip_suffix('\''));
                steps.push(match quoted {
                    Some(name) => Value::string(name),
                    None => Value::int(inner.parse().ok()?),
                });
                rest = &rest[end + 1..];
            }
            _ => return None,
        }
    }
    Some(steps)
}

fn directory() -> Value {
    Value::unknown_of("a folder is not listed", Some(Type::Array), false)
}

/// The name at the end of a chain of members.
fn name_of(_: &Context<'_>, _: Env<'_>, args: &[Expr]) -> Value {
    let name = args.first().and_then(|arg| match &arg.kind {
        ExprKind::Name(name) | ExprKind::Nested { name, .. } => Some(name.as_str()),
        ExprKind::Get { key, .. } => key.as_str(),
        _ => None,
    });
    match name {
        Some(name) => Value::string(name),
        None => Value::unknown("nameof() takes a name"),
    }
}
