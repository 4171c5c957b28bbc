//! URI compatibility: documents go by the URIs that the client uses, also where those are not valid.
//!
//! The protocol's library rejects messages with URIs that RFC 3986 does not allow, and clients send such: Helix and
//! others leave `[` and `]` as they are, some leave blanks and letters beyond ASCII. They are made valid on the way in,
//! and on the way out each is replaced by the one that the client uses.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tower_lsp::ls_types::Uri;

/// URIs that are stored. Beyond that a document goes by its valid URI, which most clients understand too.
const MAX_URIS: usize = 1024;

/// The client's URIs that are not valid, by the valid ones; nearly always there are none.
#[derive(Debug, Default)]
pub(super) struct ClientUris(Mutex<HashMap<String, String>>);

impl ClientUris {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the URIs of a message from the client valid: members such as `uri`, `rootUri` and `scopeUri`, and links of
    /// other servers' diagnostics.
    pub(super) fn inbound(&self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.inbound(item)),
            Value::Object(members) => {
                for (name, value) in members {
                    match value {
                        Value::String(uri) if name.ends_with("ri") || name == "href" => {
                            if let Some(valid) = sanitized(uri) {
                                let raw = std::mem::replace(uri, valid.clone());
                                let mut uris = self.lock();
                                if uris.len() < MAX_URIS || uris.contains_key(&valid) {
                                    uris.insert(valid, raw);
                                }
                            }
                        }
                        value => self.inbound(value),
                    }
                }
            }
            _ => {}
        }
    }

    /// Replaces URIs in a message to the client by those that it uses.
    pub(super) fn outbound(&self, mut message: String) -> String {
        for (valid, raw) in &*self.lock() {
            let valid = format!("\"{valid}\"");
            if message.contains(&valid) {
                message = message.replace(&valid, &Value::from(&**raw).to_string());
            }
        }
        message
    }
}

/// A URI as the standard has it; `None` where it is that already, or none at all. One letter is escaped that need not be: a
/// client that opens both forms has two documents open, and may close one.
fn sanitized(raw: &str) -> Option<String> {
    if Uri::from_str(raw).is_ok() {
        return None;
    }
    let (scheme, rest) = raw.split_once(':')?;
    let mut new = format!("{scheme}:");
    let mut rest = rest;
    if let Some(after) = rest.strip_prefix("//") {
        let end = after.find(['/', '?', '#']).unwrap_or(after.len());
        let (authority, path) = after.split_at(end);
        new.push_str("//");
        new.push_str(authority);
        rest = path;
    }
    let bytes = rest.as_bytes();
    let hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    let in_escape = |at: usize| bytes[..at].iter().rev().take(2).any(|it| *it == b'%');
    let (mut fragment, mut letter) = (false, false);
    for (at, &byte) in bytes.iter().enumerate() {
        let kept = match byte {
            b'%' => hex(at + 1) && hex(at + 2),
            b'#' => !std::mem::replace(&mut fragment, true),
            b'-' | b'.' | b'_' | b'~' | b'/' | b'?' | b':' | b'@' => true,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => true,
            _ if !byte.is_ascii_alphanumeric() => false,
            _ => in_escape(at) || std::mem::replace(&mut letter, true),
        };
        if kept {
            new.push(char::from(byte));
        } else {
            new.push_str(&format!("%{byte:02X}"));
        }
    }
    Uri::from_str(&new).is_ok().then_some(new)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn valid_uris_stay_and_others_are_made_valid() {
        let check = |raw: &str, want: Option<&str>| {
            assert_eq!(sanitized(raw).as_deref(), want, "{raw}");
        };
        check("file:///a/b%20c.bicep", None);
        check("file:///c%3A/x.bicep", None);
        check("file:///c:/x.bicep", None);
        check("untitled:Untitled-1", None);
        check("file:///a b/é.bicep", Some("file:///%61%20b/%C3%A9.bicep"));
        check(
            "file:///a[1]/{b}.bicep",
            Some("file:///%61%5B1%5D/%7Bb%7D.bicep"),
        );
        check("file://[::1]/a[1]", Some("file://[::1]/%61%5B1%5D"));
        check("file:///100%.bicep", Some("file:///%3100%25.bicep"));
        check("file:///a%20[b]%2", Some("file:///%61%20%5Bb%5D%252"));
        check("file:///%41b c", Some("file:///%41%62%20c"));
        check("file:///a#b#c", Some("file:///%61#b%23c"));
        check("untitled:Untitled 1", Some("untitled:%55ntitled%201"));
        check("c:\\x y", Some("c:%5C%78%20y"));
        check(
            "git:/a b?{\"ref\":\"\"}",
            Some("git:/%61%20b?%7B%22ref%22:%22%22%7D"),
        );
        // What is no URI cannot be one.
        check("/a b", None);
        check("", None);
        check("é:x", None);
        check("file://a b/c", None);
    }

    #[test]
    fn messages_in_and_out() {
        let uris = ClientUris::default();
        let mut message = json!({
            "uri": "file:///a b",
            "rootUri": null,
            "scopes": [{"scopeUri": "file:///é"}, {"href": "https://x/y z"}],
            "text": "file:///a b",
        });
        uris.inbound(&mut message);
        let valid = json!({
            "uri": "file:///%61%20b",
            "rootUri": null,
            "scopes": [{"scopeUri": "file:///%C3%A9"}, {"href": "https://x/%79%20z"}],
            "text": "file:///a b",
        });
        assert_eq!(message, valid);
        let answer = r#"{"changes":{"file:///%61%20b":["file:///a%20b","file:///%61%20b"]}}"#;
        assert_eq!(
            uris.outbound(answer.to_owned()),
            r#"{"changes":{"file:///a b":["file:///a%20b","file:///a b"]}}"#
        );
    }

    #[test]
    fn no_more_is_remembered_than_is_useful() {
        let uris = ClientUris::default();
        for n in 0..MAX_URIS + 10 {
            uris.inbound(&mut json!({"uri": format!("file:///{n} x")}));
        }
        assert_eq!(uris.lock().len(), MAX_URIS);
    }
}
