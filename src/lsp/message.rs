//! Decodes the bytes of a message, once, to the request type of the protocol's library.

use serde::Deserialize;
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, ErrorCode, Id, Request, Response};

use super::client_uris::ClientUris;
use super::tolerant;

/// A message from the client.
#[derive(Debug, PartialEq)]
pub(super) enum Message {
    /// A request or notification.
    Call(Request),
    /// The answer to a request of the server.
    Answer(Response),
}

/// An answer that refuses something.
pub(super) fn refusal(id: Id, code: ErrorCode, text: &'static str) -> Box<Response> {
    let error = Error {
        code,
        message: text.into(),
        data: None,
    };
    Box::new(Response::from_error(id, error))
}

/// Decodes the body of a message; its URIs become valid, and its parameters such as the library takes. What is no
/// message is answered with JSON-RPC's error for it.
pub(super) fn decode(body: &[u8], uris: &ClientUris) -> Result<Message, Box<Response>> {
    let mut message: Value = serde_json::from_slice(body).map_err(|_| {
        refusal(
            Id::Null,
            ErrorCode::ParseError,
            "not JSON, or nested too deep",
        )
    })?;
    let id = message.get("id").and_then(|id| Id::deserialize(id).ok());
    let id = id.unwrap_or_default();
    let invalid = || {
        let text = "not a message of JSON-RPC 2.0";
        refusal(id.clone(), ErrorCode::InvalidRequest, text)
    };
    let members = message.as_object_mut().ok_or_else(invalid)?;
    let Some(method) = members.get("method") else {
        return Response::deserialize(message)
            .map(Message::Answer)
            .map_err(|_| invalid());
    };
    let method = method.as_str().ok_or_else(invalid)?.to_owned();
    if id != Id::Null && method.starts_with("$/") {
        // None of the protocol's extensions is a request. The library drops them, and the client would wait for ever.
        return Err(refusal(id, ErrorCode::MethodNotFound, "no such method"));
    }
    // Some clients send a null where a notification has no id.
    if members.get("id").is_some_and(Value::is_null) {
        members.remove("id");
    }
    let mut params = members.remove("params");
    if let Some(params) = &mut params {
        uris.inbound(params);
    }
    if let Some(params) = tolerant::params(&method, params) {
        members.insert("params".to_owned(), params);
    }
    Request::deserialize(message)
        .map(Message::Call)
        .map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Message, Box<Response>> {
        decode(text.as_bytes(), &ClientUris::default())
    }

    /// The id and the code of what is refused.
    fn refused(body: &[u8]) -> Option<(Id, ErrorCode)> {
        let response = decode(body, &ClientUris::default()).err()?;
        let (id, result) = response.into_parts();
        Some((id, result.err()?.code))
    }

    #[test]
    fn messages() {
        for text in [
            r#"{"jsonrpc":"2.0","method":"textDocument/didClose","params":{}}"#,
            r#"{"jsonrpc":"2.0","method":"shutdown"}"#,
            r#"{"jsonrpc":"2.0","id":"a","method":"m","params":[1,2.5,"x",null,true,{"a":"\n"}]}"#,
            r#"{"jsonrpc":"2.0","method":"$/m"}"#,
            r#"{"id":7,"jsonrpc":"2\u002e0","method":"m\u0061","more":1}"#,
        ] {
            assert!(matches!(read(text), Ok(Message::Call(_))), "{text}");
        }
        for text in [
            r#"{"jsonrpc":"2.0","id":7,"result":null}"#,
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"m"}}"#,
        ] {
            assert!(matches!(read(text), Ok(Message::Answer(_))), "{text}");
        }
    }

    #[test]
    fn what_is_none() {
        let error = |id: Id, code: i64| (id, ErrorCode::from(code));
        let number = |n: i64| error(n.into(), -32600);
        let nameless = || error(Id::Null, -32600);
        let no_json = || error(Id::Null, -32700);
        let deep = format!("{{\"params\":{}{}}}", "[".repeat(500), "]".repeat(500));
        for (text, want) in [
            ("", no_json()),
            ("{", no_json()),
            ("{}x", no_json()),
            (deep.as_str(), no_json()),
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
                error(3.into(), -32601),
            ),
        ] {
            assert_eq!(refused(text.as_bytes()), Some(want), "{text}");
        }
        assert_eq!(refused(b"\"\xff\""), Some(no_json()));
    }
}
