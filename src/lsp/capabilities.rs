//! The client's capabilities, read once, and the server's.
//!
//! Two servers on one Bicep buffer is the normal case, so nothing is offered that the other one is for: no completion,
//! no formatting.

use serde_json::{Value, json};
use tower_lsp::ls_types::{
    ClientCapabilities, CodeActionKind, CodeActionOptions, CodeActionProviderCapability,
    DiagnosticOptions, DiagnosticServerCapabilities, DiagnosticTag, ExecuteCommandOptions,
    HoverProviderCapability, InitializeParams, InitializeResult, MarkupKind, OneOf,
    PositionEncodingKind, ResourceOperationKind, SaveOptions, ServerCapabilities, ServerInfo,
    TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions,
    TextDocumentSyncSaveOptions, WorkDoneProgressOptions, WorkspaceFoldersServerCapabilities,
    WorkspaceServerCapabilities,
};

use crate::text::Encoding;

/// The command that looks at all workspace folders anew.
pub(super) const SCAN: &str = "preflight.scan";

/// The command that has the client apply a fix: what fixes are to a client that knows no code actions but commands.
pub(super) const FIX: &str = "preflight.fix";

/// What the client can, as far as it changes what it gets.
#[derive(Debug, Clone, Copy, Default)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "the protocol has this many flags"
)]
pub(super) struct Caps {
    /// What columns count.
    pub(super) encoding: Encoding,
    /// It asks for diagnostics, and can be asked to ask again: nothing is pushed to it. A client that asks but cannot
    /// would show stale verdicts when an edit in one file changes another's; it gets pushes like any other.
    pub(super) pull: bool,
    pub(super) related: bool,
    pub(super) code_description: bool,
    /// It shows what has a successor as such.
    pub(super) deprecated: bool,
    pub(super) diagnostic_data: bool,
    pub(super) action_literals: bool,
    /// It applies edits that the server sends it.
    pub(super) apply: bool,
    pub(super) preferred: bool,
    /// Code actions that cannot be chosen are shown as such.
    pub(super) disabled: bool,
    /// Code actions may come without their edit, which is asked for when one is chosen.
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
    /// Reads them.
    pub(super) fn of(client: &ClientCapabilities) -> Caps {
        let text = client.text_document.as_ref();
        let workspace = client.workspace.as_ref();
        let push = text.and_then(|text| text.publish_diagnostics.as_ref());
        let pull = text.and_then(|text| text.diagnostic.as_ref());
        let action = text.and_then(|text| text.code_action.as_ref());
        let edit = workspace.and_then(|workspace| workspace.workspace_edit.as_ref());
        let yes = |flag: Option<bool>| flag == Some(true);
        let operations = edit.and_then(|edit| edit.resource_operations.as_deref());
        // Neovim names what it can do to files, and not the document changes that this takes.
        let create_files = operations.is_some_and(|it| it.contains(&ResourceOperationKind::Create));
        let document_changes = create_files || edit.is_some_and(|edit| yes(edit.document_changes));
        let resolves = |action: &tower_lsp::ls_types::CodeActionClientCapabilities| {
            let properties = action.resolve_support.as_ref().map(|it| &it.properties);
            yes(action.data_support)
                && properties.is_some_and(|it| it.iter().any(|it| it == "edit"))
        };
        let formats = text
            .and_then(|text| text.hover.as_ref())
            .and_then(|hover| hover.content_format.as_deref());
        let experimental = client.experimental.as_ref();
        Caps {
            encoding: encoding(client),
            pull: pull.is_some()
                && workspace
                    .and_then(|workspace| workspace.diagnostics.as_ref())
                    .is_some_and(|it| yes(it.refresh_support)),
            related: push.is_some_and(|it| yes(it.related_information))
                || pull.is_some_and(|it| yes(it.related_information)),
            code_description: push.is_some_and(|it| yes(it.code_description_support))
                || pull.is_some_and(|it| yes(it.code_description_support)),
            // The library hides what a client that asks can show; such clients declare the same for what is pushed.
            deprecated: push
                .and_then(|it| it.tag_support.as_ref())
                .is_some_and(|tags| tags.value_set.contains(&DiagnosticTag::DEPRECATED)),
            diagnostic_data: push.is_some_and(|it| yes(it.data_support))
                || pull.is_some_and(|it| yes(it.data_support)),
            action_literals: action.is_some_and(|it| it.code_action_literal_support.is_some()),
            apply: workspace.is_some_and(|workspace| yes(workspace.apply_edit)),
            preferred: action.is_some_and(|it| yes(it.is_preferred_support)),
            disabled: action.is_some_and(|it| yes(it.disabled_support)),
            resolve: action.is_some_and(resolves),
            document_changes,
            create_files,
            annotations: document_changes
                && edit.is_some_and(|edit| edit.change_annotation_support.is_some())
                && action.is_some_and(|it| yes(it.honors_change_annotations)),
            markdown: formats.is_some_and(|formats| formats.contains(&MarkupKind::Markdown)),
            watch: workspace
                .and_then(|workspace| workspace.did_change_watched_files.as_ref())
                .is_some_and(|it| yes(it.dynamic_registration)),
            watch_elsewhere: workspace
                .and_then(|workspace| workspace.did_change_watched_files.as_ref())
                .is_some_and(|it| yes(it.dynamic_registration) && yes(it.relative_pattern_support)),
            configuration: workspace.is_some_and(|workspace| yes(workspace.configuration)),
            report_settings: workspace
                .and_then(|workspace| workspace.did_change_configuration.as_ref())
                .is_some_and(|it| yes(it.dynamic_registration)),
            progress: client
                .window
                .as_ref()
                .is_some_and(|window| yes(window.work_done_progress)),
            status: experimental.and_then(|it| it.get("preflightStatus"))
                == Some(&Value::Bool(true)),
        }
    }
}

/// UTF-8 where offered, since that is what texts are kept in; else the client's first choice; else the protocol's.
fn encoding(client: &ClientCapabilities) -> Encoding {
    let offered = client
        .general
        .as_ref()
        .and_then(|general| general.position_encodings.as_deref())
        .unwrap_or_default();
    if offered.contains(&PositionEncodingKind::UTF8) {
        return Encoding::Utf8;
    }
    let known = |kind: &PositionEncodingKind| match kind.as_str() {
        "utf-16" => Some(Encoding::Utf16),
        "utf-32" => Some(Encoding::Utf32),
        _ => None,
    };
    offered.iter().find_map(known).unwrap_or_default()
}

/// The answer to `initialize`.
pub(super) fn answer(params: &InitializeParams) -> InitializeResult {
    let caps = Caps::of(&params.capabilities);
    let encoding = match caps.encoding {
        Encoding::Utf8 => PositionEncodingKind::UTF8,
        Encoding::Utf16 => PositionEncodingKind::UTF16,
        Encoding::Utf32 => PositionEncodingKind::UTF32,
    };
    let pull = DiagnosticServerCapabilities::Options(DiagnosticOptions {
        identifier: Some("preflight".to_owned()),
        inter_file_dependencies: true,
        workspace_diagnostics: true,
        work_done_progress_options: WorkDoneProgressOptions::default(),
    });
    let actions = CodeActionOptions {
        code_action_kinds: Some(vec![CodeActionKind::QUICKFIX]),
        resolve_provider: Some(caps.resolve),
        ..CodeActionOptions::default()
    };
    InitializeResult {
        capabilities: ServerCapabilities {
            position_encoding: Some(encoding),
            text_document_sync: Some(TextDocumentSyncCapability::Options(
                TextDocumentSyncOptions {
                    open_close: Some(true),
                    change: Some(TextDocumentSyncKind::INCREMENTAL),
                    save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions {
                        include_text: Some(false),
                    })),
                    ..TextDocumentSyncOptions::default()
                },
            )),
            hover_provider: Some(HoverProviderCapability::Simple(true)),
            code_action_provider: if caps.action_literals {
                Some(actions.into())
            } else {
                caps.apply
                    .then_some(CodeActionProviderCapability::Simple(true))
            },
            diagnostic_provider: caps.pull.then_some(pull),
            execute_command_provider: Some(ExecuteCommandOptions {
                commands: match caps.action_literals {
                    true => vec![SCAN.to_owned()],
                    false => vec![SCAN.to_owned(), FIX.to_owned()],
                },
                ..ExecuteCommandOptions::default()
            }),
            workspace: Some(WorkspaceServerCapabilities {
                workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                    supported: Some(true),
                    change_notifications: Some(OneOf::Left(true)),
                }),
                file_operations: None,
            }),
            experimental: Some(json!({
                "preflightStatus": true,
                "preflightInventory": true,
                "preflightSyntaxTree": true,
            })),
            ..ServerCapabilities::default()
        },
        server_info: Some(ServerInfo {
            name: "preflight".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        }),
        offset_encoding: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(client: Value) -> Caps {
        Caps::of(&serde_json::from_value(client).expect("capabilities"))
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
    fn a_client_is_pulled_by_only_if_it_can_be_told_to_pull_again() {
        let text = json!({"diagnostic": {}});
        assert!(!caps(json!({"textDocument": text})).pull);
        let workspace = json!({"diagnostics": {"refreshSupport": true}});
        assert!(!caps(json!({"workspace": workspace})).pull);
        assert!(caps(json!({"textDocument": text, "workspace": workspace})).pull);
    }

    #[test]
    fn files_are_created_where_the_client_says_that_it_can() {
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
