//! Files that Bicep reads at compile time, through [`Files::text`](crate::eval::Files::text).

use super::{ARRAY, Builtin, STRING, lazy};
use crate::eval::context::{Context, MAX_TEXT, too_large};
use crate::eval::evaluate::value_of;
use crate::eval::json;
use crate::eval::scope::Env;
use crate::eval::value::Value;
use crate::model::{Expr, ExprKind, Ident};

pub(super) const TABLE: &[Builtin] = &[
    lazy("loadTextContent", STRING, 1..=2, text_content),
    lazy("loadFileAsBase64", STRING, 1..=1, base64),
    lazy("loadJsonContent", None, 1..=3, |cx, env, args| {
        select(cx, env, args, json::read_json)
    }),
    lazy("loadYamlContent", None, 1..=3, |cx, env, args| {
        select(cx, env, args, json::read_yaml)
    }),
    lazy("loadDirectoryFileInfo", ARRAY, 1..=2, directory),
    lazy("nameof", STRING, 1..=1, name_of),
];

fn load(
    cx: &Context<'_>,
    env: Env<'_>,
    args: &[Expr],
    f: &dyn Fn(&Context<'_>, &str) -> Option<Value>,
) -> Value {
    let path = value_of(cx, env, &args[0]);
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

/// The bytes of the file that the first argument names.
fn bytes(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Option<Vec<u8>> {
    let path = value_of(cx, env, &args[0]);
    let bytes = cx.files.bytes(env.origin.file, path.as_str()?)?;
    (bytes.len() <= MAX_TEXT && cx.spend(bytes.len() / 64)).then_some(bytes)
}

fn base64(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Value {
    match bytes(cx, env, args) {
        Some(bytes) => Value::string(super::encoding::encode(&bytes)),
        None => load(cx, env, args, &|_, _| None),
    }
}

/// An encoding that is named counts where the file has no byte order mark.
fn text_content(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Value {
    let plain = || load(cx, env, args, &|_, text| Some(Value::string(text)));
    let Some(encoding) = args.get(1) else {
        return plain();
    };
    let encoding = value_of(cx, env, encoding);
    let encoding = encoding.as_str().map(str::to_ascii_lowercase);
    let Some(bytes) = bytes(cx, env, args) else {
        return plain();
    };
    let marked = matches!(
        bytes.as_slice(),
        [0xef, 0xbb, 0xbf, ..] | [0xff, 0xfe, ..] | [0xfe, 0xff, ..]
    );
    match encoding.as_deref() {
        Some("utf-8") => plain(),
        Some(_) if marked => plain(),
        Some("us-ascii" | "iso-8859-1") if bytes.is_ascii() => plain(),
        Some("iso-8859-1") => Value::string(bytes.into_iter().map(char::from).collect::<String>()),
        _ => Value::unknown("a file is not read in this encoding"),
    }
}

/// The file as a value, or what a JSONPath finds in it: one match is the value itself, several are an array.
fn select(
    cx: &Context<'_>,
    env: Env<'_>,
    args: &[Expr],
    read: fn(&str) -> Option<serde_json::Value>,
) -> Value {
    let path = args.get(1).map(|path| value_of(cx, env, path));
    let path = match path.as_ref().map(|path| path.as_str()) {
        None => None,
        Some(Some(path)) => Some(path),
        Some(None) => return Value::unknown("the JSON path is not known"),
    };
    load(cx, env, args, &|cx, text| {
        let whole = read(text)?;
        let Some(path) = path else {
            return Some(json::from_json(cx, whole));
        };
        let path = match path.chars().next() {
            Some('$') => path.to_owned(),
            Some('[' | '.') => format!("${path}"),
            _ => format!("$.{path}"),
        };
        let path = serde_json_path::JsonPath::parse(&path).ok()?;
        let mut found = path.query(&whole).all().into_iter().cloned();
        match (found.next(), found.next()) {
            (None, _) => None,
            (Some(one), None) => Some(json::from_json(cx, one)),
            (Some(one), Some(two)) => {
                let all = [one, two].into_iter().chain(found).collect();
                Some(json::from_json(cx, all))
            }
        }
    })
}

/// The files of a folder, without those of the folders in it. The compiler takes the order of the file system, which is
/// nearly always that of the names.
fn directory(cx: &Context<'_>, env: Env<'_>, args: &[Expr]) -> Value {
    let values: Vec<Value> = args.iter().map(|arg| value_of(cx, env, arg)).collect();
    let unknown = |reason: &str| Value::unknown_of(reason, ARRAY);
    let texts: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
    let Some([folder, pattern @ ..]) = texts.as_deref() else {
        return unknown("the path of a folder is not known");
    };
    let Some(paths) = cx.files.files_in(env.origin.file, folder) else {
        return unknown(&format!("{folder} cannot be listed"));
    };
    let pattern = pattern.first().copied().unwrap_or("*");
    let mut infos = Vec::new();
    for path in &paths {
        let name = path.rsplit('/').next().unwrap_or(path);
        // Whether case counts depends on the machine that compiles.
        let fits = matches(name, pattern);
        if pattern.contains('?') || fits != matches(&name.to_lowercase(), &pattern.to_lowercase()) {
            return unknown("which files a pattern takes is not known");
        }
        let extension = name.rfind('.').map_or("", |at| &name[at..]);
        let texts = [
            ("relativePath", path.as_str()),
            ("baseName", name),
            ("extension", extension),
        ];
        let members = texts.map(|(key, text)| (Ident::from(key), Value::string(text)));
        if fits && cx.spend(1) {
            infos.push(Value::object(members.into_iter().collect(), None));
        }
    }
    Value::array(infos, None)
}

/// Whether a name fits a pattern in which `*` represents any text.
fn matches(name: &str, pattern: &str) -> bool {
    if pattern == "*.*" {
        return true;
    }
    let Some((head, pattern)) = pattern.split_once('*') else {
        return name == pattern;
    };
    let Some(mut rest) = name.strip_prefix(head) else {
        return false;
    };
    let Some((middle, tail)) = pattern.rsplit_once('*') else {
        return rest.ends_with(pattern);
    };
    for part in middle.split('*') {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(tail)
}

/// The name at the end of a chain of members.
fn name_of(_: &Context<'_>, _: Env<'_>, args: &[Expr]) -> Value {
    let name = match &args[0].kind {
        ExprKind::Name(name) | ExprKind::Nested { name, .. } => Some(name.as_str()),
        ExprKind::Get { key, .. } => key.as_str(),
        _ => None,
    };
    match name {
        Some(name) => Value::string(name),
        None => Value::unknown("nameof() takes a name"),
    }
}
