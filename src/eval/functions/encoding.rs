//! Base64, URIs, data URIs and JSON text.

use base64::prelude::{BASE64_STANDARD, Engine};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::{Builtin, OBJECT, STRING, opaque, partial, pure, string_of, text};
use crate::eval::context::Context;
use crate::eval::json::parse;
use crate::eval::value::{Kind, Value};

pub(super) const TABLE: &[Builtin] = &[
    pure("json", None, 1..=1, |cx, v| parse(cx, text(v, 0)?)),
    pure("base64", STRING, 1..=1, |cx, v| {
        Some(string_of(cx, encode(text(v, 0)?.as_bytes())))
    }),
    pure("base64ToString", STRING, 1..=1, |cx, v| {
        Some(string_of(cx, decode(text(v, 0)?)?))
    }),
    pure("base64ToJson", None, 1..=1, |cx, v| {
        parse(cx, &decode(text(v, 0)?)?)
    }),
    pure("dataUri", STRING, 1..=1, data_uri),
    pure("dataUriToString", STRING, 1..=1, |cx, v| {
        data_uri_to_string(cx, text(v, 0)?)
    }),
    partial("uri", STRING, 2..=2, uri),
    pure("uriComponent", STRING, 1..=1, |cx, v| {
        Some(string_of(cx, escape(text(v, 0)?)))
    }),
    pure("uriComponentToString", STRING, 1..=1, |cx, v| {
        Some(string_of(cx, unescape(text(v, 0)?)?))
    }),
    opaque("parseUri", OBJECT, 1..=1),
    opaque("buildUri", STRING, 1..=1),
];

pub(super) fn encode(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

fn decode(text: &str) -> Option<String> {
    String::from_utf8(BASE64_STANDARD.decode(text).ok()?).ok()
}

fn data_uri(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    let encoded = encode(text(values, 0)?.as_bytes());
    Some(string_of(
        cx,
        format!("data:text/plain;charset=utf-8;base64,{encoded}"),
    ))
}

fn data_uri_to_string(cx: &Context<'_>, text: &str) -> Option<Value> {
    let (head, data) = text.strip_prefix("data:")?.split_once(',')?;
    let plain = match head.ends_with(";base64") {
        true => decode(data)?,
        false if matches!(head, "" | "text/plain" | "text/plain;charset=utf-8") => {
            unescape(data).filter(|_| !data.contains('+'))?
        }
        false => return None,
    };
    Some(string_of(cx, plain))
}

/// RFC 3986 unreserved characters stay.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

fn escape(text: &str) -> String {
    percent_encode(text.as_bytes(), ESCAPED).to_string()
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(if byte == b'+' { b' ' } else { byte });
            continue;
        }
        let hex = [rest.next()?, rest.next()?];
        let hex = std::str::from_utf8(&hex).ok()?;
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// The parts of an address that .NET's `Uri` leaves as they are.
struct PlainUri<'u> {
    scheme: &'u str,
    host: &'u str,
    port: Option<u16>,
    path: &'u str,
    query: Option<&'u str>,
}

impl<'u> PlainUri<'u> {
    /// `None` for what .NET would refuse, escape or normalize.
    fn read(uri: &'u str) -> Option<Self> {
        let (scheme, rest) = uri.split_once("://")?;
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (authority, None),
        };
        let is_host = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
        let plain = matches!(scheme, "http" | "https")
            && host.bytes().all(is_host)
            && host.starts_with(|c: char| c.is_ascii_lowercase())
            && port.is_none_or(|port| port != default_port(scheme) && port > 0)
            && is_path(path)
            && !path.split('/').any(is_dots)
            && query.is_none_or(|query| !query.is_empty() && query.bytes().all(is_query));
        plain.then_some(PlainUri {
            scheme,
            host,
            port,
            path,
            query,
        })
    }

    fn show(&self) -> String {
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        let path = if self.path.is_empty() { "/" } else { self.path };
        let query = self.query.map(|query| format!("?{query}"));
        let query = query.unwrap_or_default();
        format!("{}://{}{port}{path}{query}", self.scheme, self.host)
    }
}

fn default_port(scheme: &str) -> u16 {
    if scheme == "https" { 443 } else { 80 }
}

fn is_dots(segment: &str) -> bool {
    matches!(segment, "." | "..")
}

fn is_path(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~!$&'()*+,;=@".contains(&byte);
    path.bytes().all(plain)
}

fn is_query(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/-_.~!$&()*+,;=@:?".contains(&byte)
}

/// The relative part replaces what follows the last slash of the base.
fn uri(cx: &Context<'_>, values: &[Value]) -> Option<Value> {
    if let Kind::Unknown(base) = &values.first()?.kind {
        return base.link_to(values.get(1)?);
    }
    let base = PlainUri::read(text(values, 0)?)?;
    let relative = text(values, 1)?;
    if relative.is_empty() {
        return Some(string_of(cx, base.show()));
    }
    if PlainUri::read(relative).is_some() {
        return Some(string_of(cx, PlainUri::read(relative)?.show()));
    }
    let (path, query) = match relative.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (relative, None),
    };
    let query_is_plain = query.is_none_or(|q| !q.is_empty() && q.bytes().all(is_query));
    if !is_path(path) || path.starts_with("//") || !query_is_plain {
        return None;
    }
    let folder = match base.path.rfind('/') {
        _ if path.starts_with('/') => "",
        _ if path.is_empty() => base.path,
        Some(at) => &base.path[..=at],
        None => "/",
    };
    let whole = format!("{folder}{path}");
    let mut segments: Vec<&str> = Vec::new();
    for segment in whole.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    if whole.split('/').next_back().is_some_and(is_dots) {
        segments.push("");
    }
    let path = format!("/{}", segments.join("/"));
    let joined = PlainUri {
        path: &path,
        query,
        ..base
    };
    Some(string_of(cx, joined.show()))
}
