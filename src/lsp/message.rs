//! Whether bytes are a message of JSON-RPC, before anybody takes them for one.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// Why something is no message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Its header says no length that can be.
    Header,
    /// It is not JSON, or nested too deep.
    Json,
    /// It is JSON, but no message; the number it came under, where that can be read.
    Message(Id),
    /// A request in the space that is for extensions of the protocol, of which none has requests. The library below
    /// drops such messages, and the client would wait for ever.
    Unknown(Id),
    /// A request before the one that begins.
    Early(Id),
    /// A request after the one that ends.
    Late(Id),
}

impl Wrong {
    /// The error as JSON-RPC numbers it, and in words.
    pub(super) fn error(&self) -> (i64, &'static str) {
        match self {
            Wrong::Header => (-32700, "a header without a usable Content-Length"),
            Wrong::Json => (-32700, "not JSON, or nested too deep"),
            Wrong::Message(_) => (-32600, "not a message of JSON-RPC 2.0"),
            Wrong::Unknown(_) => (-32601, "no such method"),
            Wrong::Early(_) => (-32002, "'initialize' comes first"),
            Wrong::Late(_) => (-32600, "'shutdown' was the last request"),
        }
    }

    /// The number that the answer goes by.
    pub(super) fn id(&self) -> &Id {
        match self {
            Wrong::Header | Wrong::Json => &Id::None,
            Wrong::Message(id) | Wrong::Unknown(id) | Wrong::Early(id) | Wrong::Late(id) => id,
        }
    }
}

/// The number of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Id {
    Number(i64),
    Text(String),
    #[default]
    None,
}

/// What makes a message.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    jsonrpc: Cow<'a, str>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(default)]
    id: Option<Id>,
    #[serde(default)]
    params: Any,
    #[serde(default, deserialize_with = "present")]
    result: Option<Any>,
    error: Option<Any>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Any>, D::Error> {
    Any::deserialize(deserializer).map(Some)
}

/// The messages that count before anybody acts on them, and those whose parameters are put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A request to begin.
    Initialize,
    /// The client has begun.
    Initialized,
    /// A request to end: heard as soon as it is read, since `exit` may come right behind it and overtake its answer.
    Shutdown,
    /// The end.
    Exit,
    /// `preflight/status`.
    Status,
    /// A request for code actions.
    CodeAction,
    /// A document was opened.
    Open,
    /// A document was edited.
    Change,
    /// Files changed on disk.
    Watched,
    /// Workspace folders came or went.
    Folders,
    /// Anything else.
    Other,
}

/// A message, as far as it is looked at before anybody acts on it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) kind: Kind,
    /// The number of a request.
    pub(super) asks: Option<Id>,
}

/// Checks the body of a message.
pub(super) fn check(body: &[u8]) -> Result<Message, Wrong> {
    let text = std::str::from_utf8(body).map_err(|_| Wrong::Json)?;
    let Ok(head) = serde_json::from_str::<Head<'_>>(text) else {
        return Err(wrong(text));
    };
    let Any = head.params;
    let answers = head.id.is_some() && (head.result.is_some() || head.error.is_some());
    if head.jsonrpc == "2.0" && (head.method.is_some() || answers) {
        if let (Some(method), Some(id)) = (&head.method, &head.id)
            && method.starts_with("$/")
        {
            return Err(Wrong::Unknown(id.clone()));
        }
        let asks = head.id.filter(|_| head.method.is_some());
        let kind = match (head.method.as_deref(), &asks) {
            (Some("initialize"), Some(_)) => Kind::Initialize,
            (Some("initialized"), None) => Kind::Initialized,
            (Some("shutdown"), Some(_)) => Kind::Shutdown,
            (Some("exit"), None) => Kind::Exit,
            (Some("preflight/status"), Some(_)) => Kind::Status,
            (Some("textDocument/codeAction"), Some(_)) => Kind::CodeAction,
            (Some("textDocument/didOpen"), None) => Kind::Open,
            (Some("textDocument/didChange"), None) => Kind::Change,
            (Some("workspace/didChangeWatchedFiles"), None) => Kind::Watched,
            (Some("workspace/didChangeWorkspaceFolders"), None) => Kind::Folders,
            _ => Kind::Other,
        };
        Ok(Message { kind, asks })
    } else {
        Err(Wrong::Message(head.id.unwrap_or_default()))
    }
}

/// What exactly is wrong; rare enough to be looked into twice.
fn wrong(text: &str) -> Wrong {
    if serde_json::from_str::<Any>(text).is_err() {
        return Wrong::Json;
    }
    #[derive(Deserialize)]
    struct Numbered {
        id: Id,
    }
    let numbered = serde_json::from_str::<Numbered>(text);
    Wrong::Message(numbered.map(|it| it.id).unwrap_or_default())
}

/// Any JSON that can be taken as a value: read with the same bounds on depth and numbers, and thrown away.
#[derive(Default)]
struct Any;

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Any, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

impl<'de> Visitor<'de> for Any {
    type Value = Any;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Any, E> {
        Ok(Any)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Any, E> {
        Ok(Any)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Any, E> {
        Ok(Any)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Any, E> {
        Ok(Any)
    }

    fn visit_str<E>(self, _: &str) -> Result<Any, E> {
        Ok(Any)
    }

    fn visit_unit<E>(self) -> Result<Any, E> {
        Ok(Any)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Any, A::Error> {
        while items.next_element::<Any>()?.is_some() {}
        Ok(Any)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Any, A::Error> {
        while members.next_entry::<Any, Any>()?.is_some() {}
        Ok(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages() {
        for text in [
            r#"{"jsonrpc":"2.0","method":"textDocument/didClose","params":{}}"#,
            r#"{"jsonrpc":"2.0","method":"shutdown"}"#,
            r#"{"jsonrpc":"2.0","id":"a","method":"m","params":[1,2.5,"x",null,true,{"a":"\n"}]}"#,
            r#"{"jsonrpc":"2.0","method":"$/m"}"#,
            r#"{"jsonrpc":"2.0","id":7,"result":null}"#,
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"m"}}"#,
            r#"{"id":7,"jsonrpc":"2\u002e0","method":"m\u0061","more":1}"#,
        ] {
            let kind = check(text.as_bytes()).map(|message| message.kind);
            assert_eq!(kind, Ok(Kind::Other), "{text}");
        }
        for (method, kind) in [
            ("initialize", Kind::Initialize),
            ("shutdown", Kind::Shutdown),
            ("preflight/status", Kind::Status),
            ("exit", Kind::Other),
        ] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":"a","method":"{method}"}}"#);
            let asks = Some(Id::Text("a".to_owned()));
            assert_eq!(check(text.as_bytes()), Ok(Message { kind, asks }));
        }
        for (method, kind) in [("exit", Kind::Exit), ("initialized", Kind::Initialized)] {
            let text = format!(r#"{{"jsonrpc":"2.0","method":"{method}"}}"#);
            let asks = None;
            assert_eq!(check(text.as_bytes()), Ok(Message { kind, asks }));
        }
    }

    #[test]
    fn what_is_none() {
        let number = |n| Wrong::Message(Id::Number(n));
        let nameless = || Wrong::Message(Id::None);
        let deep = format!("{{\"params\":{}{}}}", "[".repeat(500), "]".repeat(500));
        for (text, want) in [
            ("", Wrong::Json),
            ("{", Wrong::Json),
            ("{}x", Wrong::Json),
            (deep.as_str(), Wrong::Json),
            ("[]", nameless()),
            ("null", nameless()),
            ("{}", nameless()),
            (r#"{"jsonrpc":"2.0"}"#, nameless()),
            (r#"{"jsonrpc":"1.0","id":3,"method":"m"}"#, number(3)),
            (r#"{"jsonrpc":"2.0","id":3,"method":7}"#, number(3)),
            (r#"{"jsonrpc":"2.0","id":3}"#, number(3)),
            (r#"{"jsonrpc":"2.0","result":1}"#, nameless()),
            (r#"{"jsonrpc":"2.0","id":[],"method":"m"}"#, nameless()),
            (r#"[{"jsonrpc":"2.0","method":"m"}]"#, nameless()),
            (
                r#"{"jsonrpc":"2.0","id":3,"method":"$/m"}"#,
                Wrong::Unknown(Id::Number(3)),
            ),
        ] {
            assert_eq!(check(text.as_bytes()), Err(want), "{text}");
        }
        assert_eq!(check(b"\"\xff\""), Err(Wrong::Json));
    }
}
