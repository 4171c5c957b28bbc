//! URI compatibility: documents go by the URIs that the client uses, also where those are not valid.
//!
//! The protocol's library rejects messages with URIs that RFC 3986 does not allow, and clients send such: Helix and
//! others leave `[` and `]` as they are, some leave blanks and letters beyond ASCII. They are made valid on the way in,
//! with what they were as the fragment, and on the way out each is what it was.

use std::str::FromStr;

use percent_encoding::{
    AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode,
};
use serde_json::Value;
use tower_lsp::ls_types::Uri;

/// Begins the fragment that holds the client's URI.
const MARK: &str = "#preflight-raw:";

/// What a URI may not have behind its authority. A `%` may begin an escape.
const INVALID: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Makes the URIs of a message from the client valid: members such as `uri`, `rootUri` and `scopeUri`, and links of other
/// servers' diagnostics.
pub(super) fn inbound(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(inbound),
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(uri) if name.ends_with("ri") || name == "href" => {
                        if let Some(valid) = sanitized(uri) {
                            *uri = valid;
                        }
                    }
                    value => inbound(value),
                }
            }
        }
        _ => {}
    }
}

/// A URI without what the client made of it.
pub(super) fn valid(uri: &Uri) -> &str {
    let uri = uri.as_str();
    uri.split_once(MARK).map_or(uri, |(valid, _)| valid)
}

/// Replaces URIs in a message to the client by those that it uses.
pub(super) fn outbound(message: String) -> String {
    let mut replaced = String::new();
    let mut rest = message.as_str();
    while let Some(at) = rest.find(MARK) {
        let start = rest[..at].rfind('"').map_or(0, |quote| quote + 1);
        let end = rest[at..].find('"').map_or(rest.len(), |quote| at + quote);
        let raw = percent_decode_str(&rest[at + MARK.len()..end]).decode_utf8_lossy();
        // Anything else that holds the mark is text.
        if sanitized(&raw).as_deref() == Some(&rest[start..end]) {
            let quoted = Value::from(&*raw).to_string();
            replaced.push_str(&rest[..start]);
            replaced.push_str(&quoted[1..quoted.len() - 1]);
        } else {
            replaced.push_str(&rest[..end]);
        }
        rest = &rest[end..];
    }
    match replaced.is_empty() {
        true => message,
        false => replaced + rest,
    }
}

/// A URI as the standard has it; `None` where it is that already, or none at all. A client that opens both forms has two
/// documents open, and may close one: so they stay two URIs.
fn sanitized(raw: &str) -> Option<String> {
    if Uri::from_str(raw).is_ok() {
        return None;
    }
    let (scheme, rest) = raw.split_once(':')?;
    let end = |after: &str| after.find(['/', '?', '#']).unwrap_or(after.len());
    let authority = rest.strip_prefix("//").map_or(0, |after| 2 + end(after));
    let (authority, path) = rest.split_at(authority);
    let mut valid = format!("{scheme}:{authority}");
    for (at, piece) in path.split('%').enumerate() {
        let escape = piece.len() > 1 && piece.bytes().take(2).all(|it| it.is_ascii_hexdigit());
        valid.push_str(match (at, escape) {
            (0, _) => "",
            (_, true) => "%",
            (_, false) => "%25",
        });
        valid.extend(utf8_percent_encode(piece, INVALID));
    }
    valid.push_str(MARK);
    valid.extend(utf8_percent_encode(raw, NON_ALPHANUMERIC));
    Uri::from_str(&valid).is_ok().then_some(valid)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn valid_uris_stay_and_others_are_made_valid() {
        let check = |raw: &str, want: Option<&str>| {
            let valid = sanitized(raw);
            let shown = valid.as_deref().and_then(|it| it.split_once(MARK));
            assert_eq!(shown.map(|(valid, _)| valid), want, "{raw}");
            if let Some(valid) = valid {
                assert_eq!(outbound(json!(valid).to_string()), json!(raw).to_string());
            }
        };
        check("file:///a/b%20c.bicep", None);
        check("file:///c%3A/x.bicep", None);
        check("file:///c:/x.bicep", None);
        check("untitled:Untitled-1", None);
        check("file:///a b/é.bicep", Some("file:///a%20b/%C3%A9.bicep"));
        check(
            "file:///a[1]/{b}.bicep",
            Some("file:///a%5B1%5D/%7Bb%7D.bicep"),
        );
        check("file://[::1]/a[1]", Some("file://[::1]/a%5B1%5D"));
        check("file:///100%.bicep", Some("file:///100%25.bicep"));
        check("file:///a%20[b]%2", Some("file:///a%20%5Bb%5D%252"));
        check("file:///%41b c", Some("file:///%41b%20c"));
        check("file:///a#b#c", Some("file:///a%23b%23c"));
        check("x:a \"b\"", Some("x:a%20%22b%22"));
        check("untitled:Untitled 1", Some("untitled:Untitled%201"));
        check("c:\\x y", Some("c:%5Cx%20y"));
        check(
            "git:/a b?{\"ref\":\"\"}",
            Some("git:/a%20b?%7B%22ref%22:%22%22%7D"),
        );
        // What is no URI cannot be one.
        check("/a b", None);
        check("", None);
        check("é:x", None);
        check("file://a b/c", None);
    }

    #[test]
    fn messages_in_and_out() {
        let given = json!({
            "uri": "file:///a b",
            "rootUri": null,
            "scopes": [{"scopeUri": "file:///é"}, {"href": "https://x/y z"}],
            "text": "file:///a b",
            "more": [{"uri": "file:///a%20b"}, MARK],
        });
        let mut message = given.clone();
        inbound(&mut message);
        let valid = |uri: &Value| uri.as_str().is_some_and(|it| Uri::from_str(it).is_ok());
        assert!(valid(&message["uri"]) && message["uri"] != given["uri"]);
        assert!(valid(&message["scopes"][0]["scopeUri"]) && valid(&message["scopes"][1]["href"]));
        assert_eq!(message["text"], given["text"]);
        assert_eq!(message["more"], given["more"]);
        assert_eq!(outbound(message.to_string()), given.to_string());
    }
}
