//! The client's capabilities, read once, and the server's.
//!
//! Two servers on one Bicep buffer is the normal case, so nothing is offered that the other one is for: no completion,
//! no formatting.

use serde_json::{Value, json};
use tower_lsp::ls_types::{InitializeResult, TextDocumentSyncKind};

use crate::text::Encoding;

/// The command that looks at all workspace folders again.
pub(super) const SCAN: &str = "preflight.scan";

/// What the client can, as far as it changes what it gets.
#[derive(Debug, Clone, Copy, Default)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "the protocol has this many flags"
)]
pub(super) struct Caps {
    /// What columns count.
    pub(super) encoding: Encoding,
    /// It requests diagnostics, and can be asked to ask again: nothing is pushed to it. A client that asks but cannot
    /// would show stale verdicts when an edit in one file changes another's; it gets pushes like any other.
    pub(super) pull: bool,
    pub(super) related: bool,
    pub(super) code_description: bool,
    /// It shows what has a successor as such.
    pub(super) deprecated: bool,
    pub(super) diagnostic_data: bool,
    pub(super) action_literals: bool,
    pub(super) preferred: bool,
    /// Code actions that cannot be chosen are shown as such.
    pub(super) disabled: bool,
    /// Code actions may come without their edit, which is requested when one is chosen.
    pub(super) resolve: bool,
    pub(super) document_changes: bool,
    pub(super) create_files: bool,
    pub(super) annotations: bool,
    pub(super) markdown: bool,
    pub(super) watch: bool,
    /// It watches below folders that the server names.
    pub(super) watch_elsewhere: bool,
    pub(super) configuration: bool,
    /// It can be asked to report changes of settings.
    pub(super) report_settings: bool,
    pub(super) progress: bool,
    /// It listens to `preflight/statusChanged`.
    pub(super) status: bool,
}

impl Caps {
    /// Reads them from what the client declares, of which anything may be missing or of another type.
    pub(super) fn of(client: &Value) -> Caps {
        let has = |path: &str| client.pointer(path).is_some_and(|it| !it.is_null());
        let yes = |path: &str| client.pointer(path) == Some(&Value::Bool(true));
        let lists = |path: &str, item: Value| {
            let list = client.pointer(path).and_then(Value::as_array);
            list.is_some_and(|it| it.contains(&item))
        };
        // What holds for pushed diagnostics or for pulled ones.
        let shows = |name: &str| {
            yes(&format!("/textDocument/publishDiagnostics/{name}"))
                || yes(&format!("/textDocument/diagnostic/{name}"))
        };
        let watch = yes("/workspace/didChangeWatchedFiles/dynamicRegistration");
        let create_files = lists(
            "/workspace/workspaceEdit/resourceOperations",
            json!("create"),
        );
        // Neovim names what it can do to files, and not the document changes that this takes.
        let document_changes = create_files || yes("/workspace/workspaceEdit/documentChanges");
        Caps {
            encoding: encoding(client),
            pull: has("/textDocument/diagnostic") && yes("/workspace/diagnostics/refreshSupport"),
            related: shows("relatedInformation"),
            code_description: shows("codeDescriptionSupport"),
            deprecated: lists(
                "/textDocument/publishDiagnostics/tagSupport/valueSet",
                json!(2),
            ),
            diagnostic_data: shows("dataSupport"),
            action_literals: has("/textDocument/codeAction/codeActionLiteralSupport"),
            preferred: yes("/textDocument/codeAction/isPreferredSupport"),
            disabled: yes("/textDocument/codeAction/disabledSupport"),
            resolve: yes("/textDocument/codeAction/dataSupport")
                && lists(
                    "/textDocument/codeAction/resolveSupport/properties",
                    json!("edit"),
                ),
            document_changes,
            create_files,
            annotations: document_changes
                && has("/workspace/workspaceEdit/changeAnnotationSupport")
                && yes("/textDocument/codeAction/honorsChangeAnnotations"),
            markdown: lists("/textDocument/hover/contentFormat", json!("markdown")),
            watch,
            watch_elsewhere: watch
                && yes("/workspace/didChangeWatchedFiles/relativePatternSupport"),
            configuration: yes("/workspace/configuration"),
            report_settings: yes("/workspace/didChangeConfiguration/dynamicRegistration"),
            progress: yes("/window/workDoneProgress"),
            status: yes("/experimental/preflightStatus"),
        }
    }
}

/// UTF-8 where offered, since that is what texts are kept in; else the client's first choice; else the protocol's.
fn encoding(client: &Value) -> Encoding {
    let offered = client.pointer("/general/positionEncodings");
    let offered = offered.and_then(Value::as_array).into_iter().flatten();
    let known = offered.filter_map(|kind| match kind.as_str()? {
        "utf-8" => Some(Encoding::Utf8),
        "utf-16" => Some(Encoding::Utf16),
        "utf-32" => Some(Encoding::Utf32),
        _ => None,
    });
    let known: Vec<_> = known.collect();
    if known.contains(&Encoding::Utf8) {
        return Encoding::Utf8;
    }
    known.first().copied().unwrap_or_default()
}

/// The answer to `initialize`.
pub(super) fn answer(caps: &Caps) -> Result<InitializeResult, serde_json::Error> {
    let actions = json!({"codeActionKinds": ["quickfix"], "resolveProvider": caps.resolve});
    let pull = json!({
        "identifier": "preflight",
        "interFileDependencies": true,
        "workspaceDiagnostics": true,
    });
    serde_json::from_value(json!({
        "capabilities": {
            "positionEncoding": match caps.encoding {
                Encoding::Utf8 => "utf-8",
                Encoding::Utf16 => "utf-16",
                Encoding::Utf32 => "utf-32",
            },
            "textDocumentSync": {
                "openClose": true,
                "change": TextDocumentSyncKind::INCREMENTAL,
                "save": {"includeText": false},
            },
            "hoverProvider": true,
            "codeActionProvider": caps.action_literals.then_some(actions),
            "diagnosticProvider": caps.pull.then_some(pull),
            "executeCommandProvider": {"commands": [SCAN]},
            "workspace": {
                "workspaceFolders": {"supported": true, "changeNotifications": true},
            },
            "experimental": {
                "preflightStatus": true,
                "preflightInventory": true,
                "preflightSyntaxTree": true,
            },
        },
        "serverInfo": {"name": "preflight", "version": env!("CARGO_PKG_VERSION")},
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(client: Value) -> Caps {
        Caps::of(&client)
    }

    #[test]
    fn utf8_where_offered_else_the_first_known_else_utf16() {
        let check = |offered: Value, want: Encoding| {
            let got = caps(json!({"general": {"positionEncodings": offered}})).encoding;
            assert_eq!(got, want);
        };
        check(json!(["utf-16", "utf-8"]), Encoding::Utf8);
        check(json!(["utf-32", "utf-16"]), Encoding::Utf32);
        check(json!(["utf-7", "utf-16"]), Encoding::Utf16);
        check(json!(["utf-7"]), Encoding::Utf16);
        check(json!([]), Encoding::Utf16);
        assert_eq!(caps(json!({})).encoding, Encoding::Utf16);
    }

    #[test]
    fn a_client_pulls_only_if_it_can_be_asked_to_pull_again() {
        let text = json!({"diagnostic": {}});
        assert!(!caps(json!({"textDocument": text})).pull);
        let workspace = json!({"diagnostics": {"refreshSupport": true}});
        assert!(!caps(json!({"workspace": workspace})).pull);
        assert!(caps(json!({"textDocument": text, "workspace": workspace})).pull);
    }

    #[test]
    fn files_are_created_where_the_client_supports_it() {
        let check = |edit: Value, want: bool| {
            let got = caps(json!({"workspace": {"workspaceEdit": edit}})).create_files;
            assert_eq!(got, want);
        };
        check(
            json!({"documentChanges": true, "resourceOperations": ["create"]}),
            true,
        );
        check(
            json!({"documentChanges": true, "resourceOperations": ["rename"]}),
            false,
        );
        check(json!({"resourceOperations": ["create"]}), true);
        check(json!({"documentChanges": true}), false);
    }
}
