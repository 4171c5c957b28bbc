//! Tolerant decoding: what clients send beside the protocol is left out piece by piece, and the rest counts.
//!
//! A client that names a kind of text that this version of the protocol does not have must not lose its server for that,
//! nor one diagnostic of another server in a strange shape cost all code actions. Of the messages that carry a
//! document's text only the version and the language may be missing: half an edit is no edit, and is logged.

use serde::Deserialize;
use serde_json::{Value, json};
use tower_lsp::ls_types::{
    CodeActionParams, DidChangeWatchedFilesParams, DidChangeWorkspaceFoldersParams,
    InitializeParams, Range,
};

use super::log;

/// The version of an edit that names none.
pub(super) const NO_VERSION: i32 = i32::MIN;

/// Whether something fits what is expected.
type Fits = fn(&Value) -> bool;

fn is<T: for<'a> Deserialize<'a>>(value: &Value) -> bool {
    T::deserialize(value).is_ok()
}

/// The parameters of a message as the protocol's library takes them.
pub(super) fn params(method: &str, given: Option<Value>) -> Option<Value> {
    match method {
        // These take no parameters, and clients differ in how they give none.
        "shutdown" | "preflight/status" => None,
        "initialized" => Some(given.filter(Value::is_object).unwrap_or_else(|| json!({}))),
        "initialize" => {
            let bare = json!({"capabilities": {}});
            Some(fitting(given?, bare, is::<InitializeParams>))
        }
        "textDocument/codeAction" => {
            let mut bare = given.clone()?;
            if let Some(context) = bare.get_mut("context").and_then(Value::as_object_mut) {
                context.insert("diagnostics".to_owned(), json!([]));
            }
            Some(fitting(given?, bare, is::<CodeActionParams>))
        }
        "workspace/didChangeWatchedFiles" => {
            let bare = json!({"changes": []});
            Some(fitting(given?, bare, is::<DidChangeWatchedFilesParams>))
        }
        "workspace/didChangeWorkspaceFolders" => {
            let bare = json!({"event": {"added": [], "removed": []}});
            Some(fitting(given?, bare, is::<DidChangeWorkspaceFoldersParams>))
        }
        "textDocument/didOpen" | "textDocument/didChange" => Some(with_text(method, given?)),
        _ => given,
    }
}

/// The parts of `didOpen` and `didChange` without which the text would diverge.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "only whether they are there counts")]
struct WithText<'a> {
    #[serde(borrow)]
    text_document: TextDocument<'a>,
    #[serde(borrow)]
    content_changes: Option<Vec<Edit<'a>>>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only whether they are there counts")]
struct TextDocument<'a> {
    uri: &'a str,
    text: Option<&'a str>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only whether they are there counts")]
struct Edit<'a> {
    range: Option<Range>,
    text: &'a str,
}

/// The parameters of a message that carries text, with the version and the language that it does not name.
fn with_text(method: &str, mut given: Value) -> Value {
    let opens = method == "textDocument/didOpen";
    if let Some(document) = given.get_mut("textDocument").and_then(Value::as_object_mut) {
        if !document.get("version").is_some_and(is::<i32>) {
            document.insert("version".to_owned(), json!(NO_VERSION));
        }
        if opens && !document.get("languageId").is_some_and(Value::is_string) {
            document.insert("languageId".to_owned(), json!(""));
        }
    }
    let wrong = match WithText::deserialize(&given) {
        Ok(params) if opens && params.text_document.text.is_none() => "no text".to_owned(),
        Ok(params) if !opens && params.content_changes.is_none() => "no changes".to_owned(),
        Ok(_) => return given,
        Err(error) => error.to_string(),
    };
    let uri = given
        .pointer("/textDocument/uri")
        .cloned()
        .unwrap_or_default();
    log::line(&format!(
        "{method} of {uri} is ignored, its text may differ from now on: {wrong}"
    ));
    given
}

/// What fits of these parameters, beginning with what does in any case; all of them where that is nothing.
fn fitting(given: Value, bare: Value, fits: Fits) -> Value {
    if fits(&given) || !fits(&bare) || !given.is_object() {
        return given;
    }
    let mut kept = bare;
    take_in(&mut kept, "", &given, fits);
    kept
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

    fn check(method: &str, given: Value, want: Option<Value>) {
        let want = want.unwrap_or_else(|| given.clone());
        assert_eq!(params(method, Some(given)), Some(want));
    }

    #[test]
    fn what_fits_is_left_alone() {
        check("m", json!(7), None);
        check("initialized", json!({}), None);
        check("initialize", json!({"capabilities": {}}), None);
        check(
            "workspace/didChangeWatchedFiles",
            json!({"changes": []}),
            None,
        );
        // Nothing can be made of these.
        check("initialize", json!([]), None);
        check("textDocument/codeAction", json!({"context": {}}), None);
    }

    #[test]
    fn the_rest_of_what_a_client_says_at_the_start_counts() {
        let start = |params: Value, want: Value| check("initialize", params, Some(want));
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
            "textDocument/codeAction",
            ask(json!([odd, good])),
            Some(ask(json!([good]))),
        );
        check("textDocument/codeAction", ask(json!([good])), None);
        let changed = |uri: &str| json!({"uri": uri, "type": 1});
        check(
            "workspace/didChangeWatchedFiles",
            json!({"changes": [changed("a b"), changed("file:///a")]}),
            Some(json!({"changes": [changed("file:///a")]})),
        );
    }

    #[test]
    fn what_takes_no_parameters_is_given_none() {
        for given in [None, Some(json!(null)), Some(json!({})), Some(json!([]))] {
            assert_eq!(params("shutdown", given.clone()), None);
            assert_eq!(params("preflight/status", given.clone()), None);
            assert_eq!(params("initialized", given), Some(json!({})));
        }
    }
}
