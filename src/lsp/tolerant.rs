//! Tolerant decoding: invalid parts of a message are left out, and the rest is used.
//!
//! A client that declares a capability value unknown to this protocol version still gets a server, and a malformed
//! diagnostic of another server does not prevent code actions. In messages that carry a document's text only the version
//! and the language may be missing; anything else is an error, and is logged.

use serde::Deserialize;
use serde_json::{Value, json};
use tower_lsp::ls_types::{Diagnostic, FileEvent, Range, WorkspaceFolder};

use super::log;

/// The version of an edit that names none.
pub(super) const NO_VERSION: i32 = i32::MIN;

fn is<T: for<'a> Deserialize<'a>>(value: &Value) -> bool {
    T::deserialize(value).is_ok()
}

/// The parameters of a message as the protocol's library takes them.
pub(super) fn params(method: &str, given: Option<Value>) -> Option<Value> {
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

    fn check(method: &str, given: Value, want: Value) {
        assert_eq!(params(method, Some(given)), Some(want));
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
            assert_eq!(params("shutdown", given.clone()), None);
            assert_eq!(params("preflight/status", given.clone()), None);
            assert_eq!(params("initialized", given), Some(json!({})));
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
