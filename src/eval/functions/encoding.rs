//! Base64, URIs, data URIs and JSON text.

use super::{Builtin, How, row, string_of, text};
use crate::eval::context::Context;
use crate::eval::json::parse;
use crate::eval::value::{Kind, Members, Type, Value};
use crate::model::Ident;

pub(super) const TABLE: &[Builtin] = &[
    row("json", None, How::Pure(|cx, v| parse(cx, text(v, 0)?))),
    row(
        "base64",
        STRING,
        How::Pure(|cx, v| Some(string_of(cx, encode(text(v, 0)?.as_bytes())))),
    ),
    row(
        "base64ToString",
        STRING,
        How::Pure(|cx, v| Some(string_of(cx, decode(text(v, 0)?)?))),
    ),
    row(
        "base64ToJson",
        None,
        How::Pure(|cx, v| parse(cx, &decode(text(v, 0)?)?)),
    ),
    row("dataUri", STRING, How::Pure(data_uri)),
    row(
        "dataUriToString",
        STRING,
        How::Pure(|cx, v| data_uri_to_string(cx, text(v, 0)?)),
    ),
    row("uri", STRING, How::Pure(uri)),
    row(
        "uriComponent",
        STRING,
        How::Pure(|cx, v| Some(string_of(cx, escape(text(v, 0)?)))),
    ),
    row(
        "uriComponentToString",
        STRING,
        How::Pure(|cx, v| Some(string_of(cx, unescape(text(v, 0)?)?))),
    ),
    row("parseUri", Some(Type::Object), How::Pure(parse_uri)),
    row("buildUri", STRING, How::Pure(build_uri)),
];

const STRING: Option<Type> = Some(Type::String);
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// RFC 4648, section 4.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or_default());
        let word = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * i) & 63) as usize];
            out.push(if i > chunk.len() {
                '='
            } else {
                char::from(digit)
            });
        }
    }
    out
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut word, mut bits) = (0u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        let value = DIGITS.iter().position(|d| *d == digit)? as u32;
        word = (word << 6 | value) & 0xff_ffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((word >> bits & 0xff) as u8);
        }
    }
    String::from_utf8(bytes).ok()
}

fn data_uri(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let encoded = encode(text(values, 0)?.as_bytes());
    Some(string_of(
        cx,
        format!("data:text/plain;charset=utf8;base64,{encoded}"),
    ))
}

fn data_uri_to_string(cx: &Context<'_>, text: &str) -> Option<Value> {
    let (head, data) = text.strip_prefix("data:")?.split_once(',')?;
    let plain = match head.ends_with(";base64") {
        true => decode(data)?,
        false => unescape(data)?,
    };
    Some(string_of(cx, plain))
}

/// RFC 3986 unreserved characters stay.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let hex = [rest.next()?, rest.next()?];
        let hex = std::str::from_utf8(&hex).ok()?;
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// The relative part replaces what follows the base's last slash.
pub(super) fn join_uri(base: &str, relative: &str) -> String {
    let authority = base.find("://").map_or(0, |at| at + 3);
    if let Some(rooted) = relative.strip_prefix('/') {
        let end = base[authority..]
            .find('/')
            .map_or(base.len(), |at| authority + at);
        return format!("{}/{rooted}", &base[..end]);
    }
    if relative.contains("://") {
        return relative.to_owned();
    }
    let base = base.split(['?', '#']).next().unwrap_or(base);
    let folder = match base[authority.min(base.len())..].rfind('/') {
        Some(at) => &base[..authority + at],
        None => base,
    };
    let (path, rest) = relative.split_at(relative.find(['?', '#']).unwrap_or(relative.len()));
    let root = folder[authority.min(folder.len())..]
        .find('/')
        .map_or(folder.len(), |at| authority + at);
    let mut segments: Vec<&str> = folder[root..].split('/').skip(1).collect();
    let mut ends_in_folder = false;
    for segment in path.split('/') {
        ends_in_folder = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    if ends_in_folder {
        segments.push("");
    }
    format!("{}/{}{rest}", &folder[..root], segments.join("/"))
}

fn uri(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    Some(string_of(cx, join_uri(text(values, 0)?, text(values, 1)?)))
}

fn parse_uri(_: &Context<'_>, values: &[Value]) -> Option<Value> {
    let uri = text(values, 0)?;
    let (scheme, rest) = uri.split_once("://")?;
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, format!("?{query}")),
        None => (rest, String::new()),
    };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (
            authority,
            if scheme.eq_ignore_ascii_case("https") {
                443
            } else {
                80
            },
        ),
    };
    let mut members = Members::default();
    members.insert(Ident::from("scheme"), Value::string(scheme));
    members.insert(Ident::from("host"), Value::string(host));
    members.insert(Ident::from("port"), Value::int(port));
    members.insert(Ident::from("path"), Value::string(path));
    members.insert(Ident::from("query"), Value::string(query));
    Some(Value::object(members, None))
}

fn build_uri(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let parts = values.first()?;
    let text = |name: &str| match parts.member(name).map(|value| &value.kind) {
        Some(Kind::Str(text)) => Some(text.to_string()),
        Some(Kind::Int(number)) => Some(number.to_string()),
        None | Some(Kind::Null) => Some(String::new()),
        _ => None,
    };
    let port = match text("port")? {
        port if port.is_empty() => port,
        port => format!(":{port}"),
    };
    let path = match text("path")? {
        path if path.is_empty() || path.starts_with('/') => path,
        path => format!("/{path}"),
    };
    let built = format!(
        "{}://{}{port}{path}{}",
        text("scheme")?,
        text("host")?,
        text("query")?
    );
    Some(string_of(cx, built))
}
