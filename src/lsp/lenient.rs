//! What clients say beside the protocol, put right where refusing the whole would leave the user with nothing.
//!
//! A client that names a kind of text this version of the protocol does not have shall not lose its server for that, nor
//! one diagnostic of another server in a strange shape cost all code actions. What does not fit is left out, piece by
//! piece, and the rest counts. Of the messages that carry a document's text only the version and the language may be
//! missing: half an edit is no edit, and is logged.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tower_lsp::ls_types::{
    CodeActionParams, DidChangeTextDocumentParams, DidChangeWatchedFilesParams,
    DidChangeWorkspaceFoldersParams, DidOpenTextDocumentParams, InitializeParams, Range,
};

use super::log;
use super::message::Kind;

/// The version of an edit that names none.
pub(super) const NO_VERSION: i32 = i32::MIN;

/// Whether something fits what is expected.
type Fits = fn(&Value) -> bool;

fn is<T: for<'a> Deserialize<'a>>(value: &Value) -> bool {
    T::deserialize(value).is_ok()
}

/// The body of a message with parameters that can be taken; `None` where it is to stay as it is.
pub(super) fn corrected(kind: Kind, body: &[u8]) -> Option<Vec<u8>> {
    if matches!(kind, Kind::Exit | Kind::Other) {
        return None;
    }
    if matches!(kind, Kind::Open | Kind::Change) && names_version_and_language(kind, body) {
        return None;
    }
    let mut message: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let given = message.remove("params");
    let params = match kind {
        // These take no parameters, and clients differ in how they say that they give none.
        Kind::Shutdown | Kind::Status => {
            given?;
            None
        }
        Kind::Initialized => match given {
            Some(Value::Object(_)) => return None,
            _ => Some(json!({})),
        },
        Kind::Initialize => Some(fitting(
            given?,
            &json!({"capabilities": {}}),
            is::<InitializeParams>,
        )?),
        Kind::CodeAction => {
            let bare = without(&given, "/context", "diagnostics")?;
            Some(fitting(given?, &bare, is::<CodeActionParams>)?)
        }
        Kind::Watched => Some(fitting(
            given?,
            &json!({"changes": []}),
            is::<DidChangeWatchedFilesParams>,
        )?),
        Kind::Folders => Some(fitting(
            given?,
            &json!({"event": {"added": [], "removed": []}}),
            is::<DidChangeWorkspaceFoldersParams>,
        )?),
        Kind::Open => Some(with_text::<DidOpenTextDocumentParams>(kind, given?)?),
        Kind::Change => Some(with_text::<DidChangeTextDocumentParams>(kind, given?)?),
        Kind::Exit | Kind::Other => return None,
    };
    if let Some(params) = params {
        message.insert("params".to_owned(), params);
    }
    serde_json::to_vec(&message).ok()
}

/// Whether a message that carries text has all members that may be missing, and good edits.
fn names_version_and_language(kind: Kind, body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        params: Params<'a>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Params<'a> {
        #[serde(borrow)]
        text_document: Document<'a>,
        #[serde(borrow)]
        content_changes: Option<Vec<Edit<'a>>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Document<'a> {
        #[serde(rename = "version")]
        _version: i32,
        #[serde(borrow)]
        language_id: Option<Cow<'a, str>>,
    }
    #[derive(Deserialize)]
    struct Edit<'a> {
        #[serde(rename = "range")]
        _range: Option<Range>,
        #[serde(borrow, rename = "text")]
        _text: Cow<'a, str>,
    }
    let message = serde_json::from_slice::<Message<'_>>(body);
    message.is_ok_and(|message| match kind {
        Kind::Open => message.params.text_document.language_id.is_some(),
        _ => message.params.content_changes.is_some(),
    })
}

/// The parameters of a message that carries text, with the version and the language that it does not name.
fn with_text<T: for<'a> Deserialize<'a>>(kind: Kind, mut given: Value) -> Option<Value> {
    if let Some(document) = given.get_mut("textDocument").and_then(Value::as_object_mut) {
        if !document.get("version").is_some_and(is::<i32>) {
            document.insert("version".to_owned(), json!(NO_VERSION));
        }
        if kind == Kind::Open && !document.get("languageId").is_some_and(Value::is_string) {
            document.insert("languageId".to_owned(), json!(""));
        }
    }
    match T::deserialize(&given) {
        Ok(_) => Some(given),
        Err(error) => {
            let uri = given
                .pointer("/textDocument/uri")
                .cloned()
                .unwrap_or_default();
            log::line(&format!(
                "{kind:?} of {uri} is ignored, its text may differ from now on: {error}"
            ));
            None
        }
    }
}

/// The parameters with an empty list in one place.
fn without(given: &Option<Value>, place: &str, list: &str) -> Option<Value> {
    let mut bare = given.clone()?;
    let around = bare.pointer_mut(place)?.as_object_mut()?;
    around.insert(list.to_owned(), json!([]));
    Some(bare)
}

/// What fits of these parameters, beginning with what surely does; `None` where all of it does, or nothing.
fn fitting(given: Value, bare: &Value, fits: Fits) -> Option<Value> {
    if fits(&given) || !fits(bare) || !given.is_object() {
        return None;
    }
    let mut kept = bare.clone();
    take_in(&mut kept, "", &given, fits);
    Some(kept)
}

/// Takes the members of an object, or the items of a list, into the place that is there for them, as far as they fit.
fn take_in(kept: &mut Value, place: &str, given: &Value, fits: Fits) {
    match given {
        Value::Object(members) => {
            for (name, value) in members {
                let inner = format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
                let put = |kept: &mut Value, value: Option<Value>| {
                    let Some(around) = kept.pointer_mut(place).and_then(Value::as_object_mut)
                    else {
                        return;
                    };
                    _ = match value {
                        Some(value) => around.insert(name.clone(), value),
                        None => around.remove(name),
                    };
                };
                let before = kept.pointer(&inner).cloned();
                put(kept, Some(value.clone()));
                if fits(kept) {
                    continue;
                }
                let empty = match value {
                    Value::Object(_) => before.clone().or_else(|| Some(json!({}))),
                    Value::Array(_) => Some(json!([])),
                    _ => None,
                };
                put(kept, empty.clone());
                if empty.is_some() && fits(kept) {
                    take_in(kept, &inner, value, fits);
                } else {
                    put(kept, before);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                let list = |kept: &mut Value, item: Option<Value>| {
                    let Some(list) = kept.pointer_mut(place).and_then(Value::as_array_mut) else {
                        return;
                    };
                    match item {
                        Some(item) => list.push(item),
                        None => _ = list.pop(),
                    }
                };
                list(kept, Some(item.clone()));
                if !fits(kept) {
                    list(kept, None);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, params: Value, want: Option<Value>) {
        let body = json!({"jsonrpc": "2.0", "method": "m", "params": params});
        let body = serde_json::to_vec(&body).expect("JSON");
        let got = corrected(kind, &body).map(|body| {
            let message: Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(message["jsonrpc"], "2.0");
            message.get("params").cloned().unwrap_or_default()
        });
        assert_eq!(got, want, "{params}");
    }

    #[test]
    fn what_fits_is_left_alone() {
        check(Kind::Other, json!(7), None);
        check(Kind::Initialized, json!({}), None);
        check(Kind::Initialize, json!({"capabilities": {}}), None);
        check(Kind::Watched, json!({"changes": []}), None);
        // Nothing can be made of these.
        check(Kind::Initialize, json!([]), None);
        check(Kind::CodeAction, json!({"context": {}}), None);
    }

    #[test]
    fn the_rest_of_what_a_client_says_at_the_start_counts() {
        let start = |params: Value, want: Value| check(Kind::Initialize, params, Some(want));
        start(json!({}), json!({"capabilities": {}}));
        start(json!({"capabilities": null}), json!({"capabilities": {}}));
        start(
            json!({"processId": -1, "trace": "compact", "rootUri": "", "rootPath": "/a", "capabilities": {}}),
            json!({"rootPath": "/a", "capabilities": {}}),
        );
        start(
            json!({"capabilities": {}, "workspaceFolders": [
                {"uri": "", "name": "a"},
                {"uri": "file:///b", "name": "b"},
            ]}),
            json!({"capabilities": {}, "workspaceFolders": [{"uri": "file:///b", "name": "b"}]}),
        );
        start(
            json!({"capabilities": {
                "workspace": {
                    "configuration": true,
                    "workspaceEdit": {"documentChanges": true, "resourceOperations": ["create", "copy"]},
                },
                "textDocument": {
                    "hover": {"contentFormat": ["asciidoc", "markdown"]},
                    "semanticTokens": {},
                    "codeAction": 7,
                },
                "window": null,
                "a/b~": 1,
            }}),
            json!({"capabilities": {
                "workspace": {
                    "configuration": true,
                    "workspaceEdit": {"documentChanges": true, "resourceOperations": ["create"]},
                },
                "textDocument": {"hover": {"contentFormat": ["markdown"]}},
                "window": null,
                "a/b~": 1,
            }}),
        );
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
        check(
            Kind::CodeAction,
            ask(json!([odd, good])),
            Some(ask(json!([good]))),
        );
        check(Kind::CodeAction, ask(json!([good])), None);
        let changed = |uri: &str| json!({"uri": uri, "type": 1});
        check(
            Kind::Watched,
            json!({"changes": [changed("a b"), changed("file:///a")]}),
            Some(json!({"changes": [changed("file:///a")]})),
        );
    }

    #[test]
    fn what_takes_no_parameters_is_given_none() {
        for params in [json!(null), json!({}), json!([])] {
            check(Kind::Shutdown, params.clone(), Some(json!(null)));
            check(Kind::Status, params.clone(), Some(json!(null)));
            if !params.is_object() {
                check(Kind::Initialized, params, Some(json!({})));
            }
        }
        let body = br#"{"jsonrpc":"2.0","method":"initialized"}"#;
        let got = corrected(Kind::Initialized, body).expect("a body");
        assert!(String::from_utf8_lossy(&got).contains("\"params\":{}"));
        let body = br#"{"jsonrpc":"2.0","id":1,"method":"shutdown"}"#;
        assert_eq!(corrected(Kind::Shutdown, body), None);
    }
}
