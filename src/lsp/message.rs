//! Decodes the bytes of a message, once, to the request type of the protocol's library.
//!
//! Decoding is tolerant: invalid parts of a message are left out, and the rest is used. A client that declares a capability
//! value unknown to this protocol version still gets a server, and a malformed diagnostic of another server does not
//! prevent code actions. In messages that carry a document's text only the version and the language may be missing;
//! anything else is an error, and is logged.

use serde::Deserialize;
use serde_json::{Value, json};
use tower_lsp::jsonrpc::{Error, ErrorCode, Id, Request, Response};
use tower_lsp::ls_types::{Diagnostic, FileEvent, Range, WorkspaceFolder};

use super::{client_uris, log};

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
pub(super) fn decode(body: &[u8]) -> Result<Message, Box<Response>> {
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
        client_uris::inbound(params);
    }
    if let Some(params) = tolerant(&method, params) {
        members.insert("params".to_owned(), params);
    }
    Request::deserialize(message)
        .map(Message::Call)
        .map_err(|_| invalid())
}

/// The version of an edit that names none.
pub(super) const NO_VERSION: i32 = i32::MIN;

fn is<T: for<'a> Deserialize<'a>>(value: &Value) -> bool {
    T::deserialize(value).is_ok()
}

/// The parameters of a message as the protocol's library takes them.
fn tolerant(method: &str, given: Option<Value>) -> Option<Value> {
    let mut params = match method {
        // These take no parameters, and clients differ in how they give none.
        "shutdown" | "preflight/status" => return None,
        "initialized" => return Some(json!({})),
        // The server reads all of it by itself.
        "initialize" => {
            return Some(json!({"capabilities": {}, "initializationOptions": given}));
        }
        _ => given?,
    };
    match method {
        "textDocument/codeAction" => {
            retain::<Diagnostic>(&mut params, "/context", "diagnostics");
        }
        "workspace/didChangeWatchedFiles" => retain::<FileEvent>(&mut params, "", "changes"),
        "workspace/didChangeWorkspaceFolders" => {
            retain::<WorkspaceFolder>(&mut params, "/event", "added");
            retain::<WorkspaceFolder>(&mut params, "/event", "removed");
        }
        "textDocument/didOpen" | "textDocument/didChange" => complete(method, &mut params),
        _ => {}
    }
    Some(params)
}

/// Keeps the items of a list that are such; a list that is missing is empty.
fn retain<T: for<'a> Deserialize<'a>>(params: &mut Value, parent: &str, name: &str) {
    if let Some(parent) = params.pointer_mut(parent).and_then(Value::as_object_mut) {
        let list = parent.entry(name).or_insert_with(|| json!([]));
        match list {
            Value::Array(items) => items.retain(is::<T>),
            other => *other = json!([]),
        }
    }
}

/// Adds the version and the language that a document does not name, and logs what has no text: the library drops it.
fn complete(method: &str, params: &mut Value) {
    let uri = params.pointer("/textDocument/uri").cloned();
    let document = params
        .get_mut("textDocument")
        .and_then(Value::as_object_mut);
    if let Some(document) = document {
        if !document.get("version").is_some_and(is::<i32>) {
            document.insert("version".to_owned(), json!(NO_VERSION));
        }
        if !document.get("languageId").is_some_and(Value::is_string) {
            document.insert("languageId".to_owned(), json!(""));
        }
    }
    let has_text = |value: &Value| value.get("text").is_some_and(Value::is_string);
    let is_edit =
        |edit: &Value| has_text(edit) && edit.get("range").is_none_or(is::<Option<Range>>);
    let complete = match params.get("contentChanges") {
        Some(changes) => changes.as_array().is_some_and(|it| it.iter().all(is_edit)),
        None => method.ends_with("didOpen") && params.get("textDocument").is_some_and(has_text),
    };
    if !complete {
        let uri = uri.unwrap_or_default();
        log::line(&format!(
            "{method} of {uri} is ignored: its text may differ from now on"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Message, Box<Response>> {
        decode(text.as_bytes())
    }

    /// The id and the code of what is refused.
    fn refused(body: &[u8]) -> Option<(Id, ErrorCode)> {
        let response = decode(body).err()?;
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

    fn check(method: &str, given: Value, want: Value) {
        assert_eq!(tolerant(method, Some(given)), Some(want));
    }

    #[test]
    fn what_a_client_names_at_the_start_is_handed_on_as_it_came() {
        for given in [json!(null), json!({"capabilities": 7, "rootUri": ""})] {
            let want = json!({"capabilities": {}, "initializationOptions": given});
            check("initialize", given, want);
        }
    }

    #[test]
    fn one_strange_item_does_not_cost_the_others() {
        let range =
            json!({"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}});
        let good = json!({"range": range, "message": "m", "source": "preflight"});
        let odd = json!({"range": range, "message": {"kind": "markdown", "value": "m"}});
        let ask = |diagnostics: Value| {
            json!({
                "textDocument": {"uri": "file:///a.bicep"},
                "range": range,
                "context": {"diagnostics": diagnostics, "only": ["quickfix"]},
            })
        };
        let method = "textDocument/codeAction";
        check(method, ask(json!([odd, good])), ask(json!([good])));
        check(method, ask(json!([good])), ask(json!([good])));
        check(method, ask(json!(null)), ask(json!([])));
        let changed = |uri: &str| json!({"uri": uri, "type": 1});
        check(
            "workspace/didChangeWatchedFiles",
            json!({"changes": [changed("a b"), changed("file:///a")]}),
            json!({"changes": [changed("file:///a")]}),
        );
    }

    #[test]
    fn what_takes_no_parameters_is_given_none() {
        for given in [None, Some(json!(null)), Some(json!({})), Some(json!([]))] {
            assert_eq!(tolerant("shutdown", given.clone()), None);
            assert_eq!(tolerant("preflight/status", given.clone()), None);
            assert_eq!(tolerant("initialized", given), Some(json!({})));
        }
    }

    #[test]
    fn a_document_has_a_version_and_a_language() {
        let named = json!({"uri": "file:///a", "version": 3, "languageId": "bicep", "text": ""});
        let open = json!({"textDocument": named});
        check("textDocument/didOpen", open.clone(), open);
        let nameless = json!({"uri": "file:///a", "version": NO_VERSION, "languageId": ""});
        for document in [
            json!({"uri": "file:///a"}),
            json!({"uri": "file:///a", "version": null, "languageId": 7}),
        ] {
            check(
                "textDocument/didChange",
                json!({"textDocument": document, "contentChanges": []}),
                json!({"textDocument": nameless, "contentChanges": []}),
            );
        }
    }
}
