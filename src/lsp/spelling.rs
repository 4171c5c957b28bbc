//! URIs as clients spell them, and as RFC 3986 has them.
//!
//! The protocol's library takes no message with a URI that the standard does not know, and clients send such: Helix and
//! others leave `[` and `]` as they are, some leave blanks and letters beyond ASCII. So they are put right on the way in,
//! and on the way out the client hears of each under the very name that it gave.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use memchr::{memchr, memchr_iter, memmem};
use tower_lsp::ls_types::Uri;

/// Names that are remembered. Beyond that a document is spoken of by its sound name, which most clients understand too.
const NAMES: usize = 4096;

/// The members of messages that hold URIs: `uri`, `rootUri`, `scopeUri` and their kin, and links of other servers'
/// diagnostics. Inside of strings quotes stand behind a backslash, so nothing in a document's text looks like this.
const MEMBERS: [&[u8]; 2] = [b"ri\":", b"href\":"];

/// What the client calls what the standard spells otherwise.
#[derive(Debug, Default)]
pub(super) struct Spelling {
    /// The client's names, by the sound ones.
    names: Mutex<HashMap<String, String>>,
    /// There are any; nearly always there are none.
    any: AtomicBool,
}

impl Spelling {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message from the client with sound URIs; `None` where all of them are.
    pub(super) fn inbound(&self, body: &[u8]) -> Option<Vec<u8>> {
        let mut places: Vec<usize> = MEMBERS
            .iter()
            .flat_map(|member| memmem::find_iter(body, member).map(|at| at + member.len()))
            .collect();
        places.sort_unstable();
        let mut new: Vec<u8> = Vec::new();
        let mut taken = 0;
        for place in places {
            let Some((start, end)) = string_at(body, place) else {
                continue;
            };
            let Some(raw) = body.get(start..end).and_then(read) else {
                continue;
            };
            let Some(sanitized) = sanitized(&raw) else {
                continue;
            };
            new.extend_from_slice(body.get(taken..start)?);
            new.push(b'"');
            new.extend_from_slice(sanitized.as_bytes());
            new.push(b'"');
            taken = end;
            self.learn(sanitized, raw);
        }
        if taken == 0 {
            return None;
        }
        new.extend_from_slice(body.get(taken..)?);
        Some(new)
    }

    fn learn(&self, sanitized: String, raw: String) {
        let mut names = self.lock();
        if names.len() < NAMES || names.contains_key(&sanitized) {
            names.insert(sanitized, raw);
            self.any.store(true, Ordering::Release);
        }
    }

    /// Whole frames to the client, with URIs as it spells them.
    pub(super) fn outbound(&self, frames: Vec<u8>) -> Vec<u8> {
        if !self.any.load(Ordering::Acquire) {
            return frames;
        }
        self.respelled(&frames).unwrap_or(frames)
    }

    fn respelled(&self, frames: &[u8]) -> Option<Vec<u8>> {
        let mut new = Vec::with_capacity(frames.len());
        let mut rest = frames;
        while !rest.is_empty() {
            let end = memmem::find(rest, b"\r\n\r\n")? + 4;
            let head = std::str::from_utf8(rest.get(..end)?).ok()?;
            let length: usize = head
                .strip_prefix("Content-Length: ")?
                .trim_end()
                .parse()
                .ok()?;
            let body = self.with_own_names(rest.get(end..end + length)?);
            new.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
            new.extend_from_slice(&body);
            rest = rest.get(end + length..)?;
        }
        Some(new)
    }

    fn with_own_names(&self, body: &[u8]) -> Vec<u8> {
        let names = self.lock();
        let mut new = Vec::with_capacity(body.len());
        let mut taken = 0;
        for quote in memchr_iter(b'"', body) {
            // One behind a backslash begins no string. What follows another may be none either, but then it is no name.
            if quote < taken || body.get(quote.wrapping_sub(1)) == Some(&b'\\') {
                continue;
            }
            let rest = body.get(quote + 1..).unwrap_or_default();
            let text = rest.get(..memchr(b'"', rest).unwrap_or_default());
            let own = text
                .filter(|text| memchr(b'%', text).is_some())
                .and_then(|text| std::str::from_utf8(text).ok())
                .and_then(|text| Some((text.len(), names.get(text)?)));
            let Some((length, own)) = own else { continue };
            let own = serde_json::to_vec(own).unwrap_or_default();
            new.extend_from_slice(body.get(taken..quote).unwrap_or_default());
            new.extend_from_slice(&own);
            taken = quote + length + 2;
        }
        new.extend_from_slice(body.get(taken..).unwrap_or_default());
        new
    }
}

/// The string that a value consists of: from quote to quote.
fn string_at(body: &[u8], at: usize) -> Option<(usize, usize)> {
    let rest = body.get(at..)?;
    let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace());
    let start = at + blanks.count();
    let text = body.get(start..)?.strip_prefix(b"\"")?;
    let mut escaped = false;
    let length = text.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })?;
    Some((start, start + length + 2))
}

fn read(string: &[u8]) -> Option<String> {
    serde_json::from_slice(string).ok()
}

/// A URI as the standard has it; `None` where it is that already, or none at all.
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
    let mut fragment = false;
    for (at, &byte) in bytes.iter().enumerate() {
        let kept = match byte {
            b'%' => hex(at + 1) && hex(at + 2),
            b'#' => !std::mem::replace(&mut fragment, true),
            b'-' | b'.' | b'_' | b'~' | b'/' | b'?' | b':' | b'@' => true,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => true,
            _ => byte.is_ascii_alphanumeric(),
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
    use super::*;

    #[test]
    fn what_is_sound_is_left_and_the_rest_put_right() {
        let check = |raw: &str, want: Option<&str>| {
            assert_eq!(sanitized(raw).as_deref(), want, "{raw}");
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
        check("file:///a#b#c", Some("file:///a#b%23c"));
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
    fn messages_in() {
        let check = |body: &str, want: Option<&str>| {
            let new = Spelling::default().inbound(body.as_bytes());
            let new = new.map(|new| String::from_utf8(new).expect("text"));
            assert_eq!(new.as_deref(), want, "{body}");
        };
        check(r#"{"uri":"file:///a","text":"x y é"}"#, None);
        check(
            r#"{"uri" : "x", "rootUri": "file:///a b", "x":{"scopeUri":"file:///\u00e9"},"text":"é"}"#,
            Some(
                r#"{"uri" : "x", "rootUri": "file:///a%20b", "x":{"scopeUri":"file:///%C3%A9"},"text":"é"}"#,
            ),
        );
        // In a document's text it is text.
        check(r#"{"text":"\"uri\":\"file:///a b\""}"#, None);
        check(r#"{"text":"uri"}"#, None);
        check(r#"{"uri":null,"rootUri":7,"href":["a b"]}"#, None);
        check(r#"{"uri":"file:///a b"#, None);
        check(r#"{"uri":"file:///a b\"#, None);
        check(r#"{"uri":"\ud800 "}"#, None);
    }

    #[test]
    fn there_and_back() {
        let frame = |body: &str| format!("Content-Length: {}\r\n\r\n{body}", body.len());
        let spelling = Spelling::default();
        let out =
            |text: String| String::from_utf8(spelling.outbound(text.into_bytes())).expect("text");
        let before = frame(r#"{"uri":"file:///a%20b"}"#);
        assert_eq!(out(before.clone()), before);
        let raw = r#"{"uri":"file:///a b"}"#;
        assert_eq!(
            spelling.inbound(raw.as_bytes()).as_deref(),
            Some(&br#"{"uri":"file:///a%20b"}"#[..])
        );
        assert_eq!(out(before.clone() + &before), frame(raw) + &frame(raw));
        let more = r#"{"changes":{"file:///a%20b":["file:///a%20b/c","\"file:///a%20b\"",""]}}"#;
        let want = r#"{"changes":{"file:///a b":["file:///a%20b/c","\"file:///a%20b\"",""]}}"#;
        assert_eq!(out(frame(more)), frame(want));
        spelling.inbound("{\"uri\":\"file:///\\\"é\\n\"}".as_bytes());
        let want = frame("{\"uri\":\"file:///\\\"é\\n\"}");
        assert_eq!(out(frame(r#"{"uri":"file:///%22%C3%A9%0A"}"#)), want);
        // What is no frame goes as it is.
        assert_eq!(out("rubbish".to_owned()), "rubbish");
    }

    #[test]
    fn no_more_is_remembered_than_is_useful() {
        let spelling = Spelling::default();
        for n in 0..NAMES + 10 {
            spelling.inbound(format!(r#"{{"uri":"file:///{n} x"}}"#).as_bytes());
        }
        assert_eq!(spelling.lock().len(), NAMES);
    }
}
