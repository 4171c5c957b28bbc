//! From the bytes of a message to what the protocol's library takes, parsed once.

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

/// Why bytes are no message that can be handled.
#[derive(Debug, PartialEq)]
pub(super) enum ProtocolError {
    /// The header has no usable length.
    Header,
    /// The body is not JSON, or nested too deep.
    Json,
    /// The body is JSON, but no message; with its id where that can be read.
    Message(Id),
    /// A request in the space of the protocol's extensions, none of which has requests. The library drops them, and the
    /// client would wait for ever.
    Unknown(Id),
    /// A request before the one that begins.
    Early(Id),
    /// A request after the one that ends.
    Late(Id),
}

impl ProtocolError {
    /// The answer to it.
    pub(super) fn answer(self) -> Response {
        let (code, text, id) = match self {
            ProtocolError::Header => (
                ErrorCode::ParseError,
                "a header without a usable Content-Length",
                Id::Null,
            ),
            ProtocolError::Json => (
                ErrorCode::ParseError,
                "not JSON, or nested too deep",
                Id::Null,
            ),
            ProtocolError::Message(id) => (
                ErrorCode::InvalidRequest,
                "not a message of JSON-RPC 2.0",
                id,
            ),
            ProtocolError::Unknown(id) => (ErrorCode::MethodNotFound, "no such method", id),
            ProtocolError::Early(id) => (
                ErrorCode::ServerError(-32002),
                "'initialize' comes first",
                id,
            ),
            ProtocolError::Late(id) => (
                ErrorCode::InvalidRequest,
                "'shutdown' was the last request",
                id,
            ),
        };
        Response::from_error(
            id,
            Error {
                code,
                message: text.into(),
                data: None,
            },
        )
    }
}

/// Decodes the body of a message; its URIs become valid, and its parameters such as the library takes.
pub(super) fn decode(body: &[u8], uris: &ClientUris) -> Result<Message, ProtocolError> {
    let message = serde_json::from_slice(body).map_err(|_| ProtocolError::Json)?;
    let Value::Object(mut message) = message else {
        return Err(ProtocolError::Message(Id::Null));
    };
    let id = match message.remove("id") {
        None | Some(Value::Null) => None,
        Some(id) => Some(Id::deserialize(id).map_err(|_| ProtocolError::Message(Id::Null))?),
    };
    let invalid = || ProtocolError::Message(id.clone().unwrap_or_default());
    if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(invalid());
    }
    let method = match message.remove("method") {
        Some(Value::String(method)) => method,
        Some(_) => return Err(invalid()),
        None => {
            let id = id.clone().ok_or_else(invalid)?;
            let result = match (message.remove("result"), message.remove("error")) {
                (_, Some(error)) => Err(Error::deserialize(error).map_err(|_| invalid())?),
                (Some(result), None) => Ok(result),
                (None, None) => return Err(invalid()),
            };
            return Ok(Message::Answer(Response::from_parts(id, result)));
        }
    };
    if let Some(id) = id.as_ref().filter(|_| method.starts_with("$/")) {
        return Err(ProtocolError::Unknown(id.clone()));
    }
    let mut params = message.remove("params");
    if let Some(params) = &mut params {
        uris.inbound(params);
    }
    let params = tolerant::params(&method, params);
    let mut request = Request::build(method);
    if let Some(params) = params {
        request = request.params(params);
    }
    if let Some(id) = id {
        request = request.id(id);
    }
    Ok(Message::Call(request.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Message, ProtocolError> {
        decode(text.as_bytes(), &ClientUris::default())
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
        let number = |n: i64| ProtocolError::Message(n.into());
        let nameless = || ProtocolError::Message(Id::Null);
        let deep = format!("{{\"params\":{}{}}}", "[".repeat(500), "]".repeat(500));
        for (text, want) in [
            ("", ProtocolError::Json),
            ("{", ProtocolError::Json),
            ("{}x", ProtocolError::Json),
            (deep.as_str(), ProtocolError::Json),
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
                ProtocolError::Unknown(3.into()),
            ),
        ] {
            assert_eq!(read(text), Err(want), "{text}");
        }
        assert_eq!(
            decode(b"\"\xff\"", &ClientUris::default()),
            Err(ProtocolError::Json)
        );
    }
}
