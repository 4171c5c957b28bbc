//! Code actions: the fixes of findings, as edits that the client applies.
//!
//! Only quick fixes are offered: none is part of `source.fixAll`, since a fix that turns on a paid plan must never be
//! applied on save. Each thing a client may lack (documents with versions, new files, annotations, edits that come
//! later) is used only where it declares it.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tower_lsp::jsonrpc;
use tower_lsp::ls_types::{
    AnnotatedTextEdit, ChangeAnnotation, CodeAction, CodeActionDisabled, CodeActionKind,
    CodeActionOrCommand, CodeActionParams, CreateFile, CreateFileOptions, DocumentChangeOperation,
    DocumentChanges, OneOf, OptionalVersionedTextDocumentIdentifier, Position, Range, ResourceOp,
    TextDocumentEdit, TextEdit, Uri, WorkspaceEdit,
};

use super::session::Session;
use super::to_proto;
use crate::rules::fix::{FileEdit, Fix};
use crate::text::Span;

/// The annotation of edits in other files than the one the action was requested in.
const ELSEWHERE: &str = "elsewhere";

/// Findings that one request is offered fixes for. A menu is for what the cursor is at; a whole file of thousands of
/// registries would keep everything else waiting.
const MAX_FINDINGS: usize = 20;

/// What an action without its edit carries, to be found again by.
#[derive(Debug, Serialize, Deserialize)]
struct Data {
    uri: Uri,
    version: Option<i32>,
    span: (u32, u32),
    finding: String,
    fix: String,
}

impl Session {
    /// `textDocument/codeAction`.
    pub(super) fn code_actions(&mut self, params: &CodeActionParams) -> Vec<CodeActionOrCommand> {
        let uri = &params.text_document.uri;
        if !self.caps.action_literals || !wanted(params.context.only.as_deref()) {
            return Vec::new();
        }
        let Some(path) = self.path_of(uri) else {
            return Vec::new();
        };
        let asked = to_proto::text_range(params.range);
        let at = |position| self.analysis.offset(&path, position, self.caps.encoding);
        let (start, end) = (at(asked.start), at(asked.end));
        let span = Span::new(start.min(end), start.max(end));
        let fixes =
            self.analysis
                .fixes_of_first(MAX_FINDINGS, &path, span, self.creates_beside(&path));
        let Some(report) = self.analysis.report(&path) else {
            return Vec::new();
        };
        let mut actions = Vec::with_capacity(fixes.len());
        for (index, fix) in fixes {
            let Some(found) = report.diagnostics.get(index) else {
                continue;
            };
            // A hint at what only the command line can do here: shown where the client shows what it cannot choose.
            let disabled = fix.edits.is_empty().then(|| CodeActionDisabled {
                reason: "This editor cannot create the file that it takes.".to_owned(),
            });
            if disabled.is_some() && !self.caps.disabled {
                continue;
            }
            let later = disabled.is_none() && self.caps.resolve;
            let now = disabled.is_none() && !later;
            let edit = now.then(|| self.workspace_edit(&fix, &path));
            // The client cannot do what it takes.
            if edit == Some(None) {
                continue;
            }
            let data = Data {
                uri: uri.clone(),
                version: report.version,
                span: (found.location.span.start, found.location.span.end),
                finding: to_proto::finding_id(found),
                fix: fix.id.clone(),
            };
            actions.push(CodeActionOrCommand::CodeAction(CodeAction {
                title: fix.title,
                kind: Some(CodeActionKind::QUICKFIX),
                diagnostics: Some(vec![self.diagnostic(found)]),
                edit: edit.flatten(),
                is_preferred: (self.caps.preferred && fix.preferred).then_some(true),
                disabled,
                data: later.then(|| json!(data)),
                command: None,
            }));
        }
        actions
    }

    /// `codeAction/resolve`. An action whose document has changed since is refused; one that carries nothing of ours is
    /// given back as it came.
    pub(super) fn resolve(&mut self, action: &CodeAction) -> jsonrpc::Result<CodeAction> {
        let mut action = action.clone();
        if let Some(Ok(data)) = action.data.as_ref().map(Data::deserialize) {
            let edit = self.edit_of(&data);
            action.edit = Some(edit.ok_or_else(jsonrpc::Error::content_modified)?);
        }
        Ok(action)
    }

    /// `None` where what the action is about has changed.
    fn edit_of(&mut self, data: &Data) -> Option<WorkspaceEdit> {
        let path = self.path_of(&data.uri)?;
        let report = self.analysis.report(&path)?;
        if report.version != data.version {
            return None;
        }
        let span = Span::new(data.span.0, data.span.1);
        let create_files = self.creates_beside(&path);
        let fixes = self.analysis.fixes(&path, span, create_files);
        let (_, fix) = fixes.into_iter().find(|(index, fix)| {
            let found = report.diagnostics.get(*index);
            fix.id == data.fix
                && found.is_some_and(|found| to_proto::finding_id(found) == data.finding)
        })?;
        self.workspace_edit(&fix, &path)
    }

    /// Whether a fix may create a file beside a document: one that is not a file has no folder.
    fn creates_beside(&self, path: &Path) -> bool {
        self.caps.create_files && path.is_absolute()
    }

    /// A fix as an edit of the workspace; `None` where the client cannot do what it takes.
    fn workspace_edit(&self, fix: &Fix, asked_in: &Path) -> Option<WorkspaceEdit> {
        // New files first: so that a module exists before it is named, and since VS Code undoes only an edit that
        // ends in the file where the user requests it.
        let (new, old): (Vec<_>, Vec<_>) = fix.edits.iter().partition(|file| file.create);
        if !new.is_empty() && !self.caps.create_files {
            return None;
        }
        if !self.caps.document_changes {
            let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
            for file in old {
                let edits = changes.entry(self.uri(&file.path)?).or_default();
                edits.extend(self.text_edits(file)?);
            }
            return Some(WorkspaceEdit::new(changes));
        }
        let mut operations = Vec::new();
        let mut annotated = false;
        for file in new.into_iter().chain(old) {
            let uri = self.uri(&file.path)?;
            if file.create {
                operations.push(DocumentChangeOperation::Op(ResourceOp::Create(
                    CreateFile {
                        uri: uri.clone(),
                        options: Some(CreateFileOptions {
                            overwrite: Some(false),
                            ignore_if_exists: Some(false),
                        }),
                        annotation_id: None,
                    },
                )));
            }
            // A new file is what the title promises; only a change to another one is asked about.
            let elsewhere = self.caps.annotations && !file.create && *file.path != *asked_in;
            annotated |= elsewhere;
            let edits = self.text_edits(file)?.into_iter().map(|text_edit| {
                let annotation_id = ELSEWHERE.to_owned();
                match elsewhere {
                    true => OneOf::Right(AnnotatedTextEdit {
                        text_edit,
                        annotation_id,
                    }),
                    false => OneOf::Left(text_edit),
                }
            });
            let report = self.analysis.report(&file.path);
            let version = report.and_then(|report| report.version);
            operations.push(DocumentChangeOperation::Edit(TextDocumentEdit {
                text_document: OptionalVersionedTextDocumentIdentifier { uri, version },
                edits: edits.collect(),
            }));
        }
        let annotation = || ChangeAnnotation {
            label: fix.title.clone(),
            needs_confirmation: Some(true),
            description: Some("This changes another file than the one you are in.".to_owned()),
        };
        Some(WorkspaceEdit {
            changes: None,
            document_changes: Some(DocumentChanges::Operations(operations)),
            change_annotations: annotated.then(|| [(ELSEWHERE.to_owned(), annotation())].into()),
        })
    }

    fn text_edits(&self, file: &FileEdit) -> Option<Vec<TextEdit>> {
        let range = |span: Span| {
            if file.create {
                return Some(Range::new(Position::new(0, 0), Position::new(0, 0)));
            }
            let location = self.analysis.locate(&file.path, span)?;
            Some(to_proto::range(&location, self.caps.encoding))
        };
        let edits = file.edits.iter();
        edits
            .map(|edit| Some(TextEdit::new(range(edit.span)?, edit.text.clone())))
            .collect()
    }
}

/// Whether quick fixes are among the requested kinds. The empty kind represents all.
fn wanted(only: Option<&[CodeActionKind]>) -> bool {
    let wanted =
        |kind: &CodeActionKind| kind.as_str().is_empty() || *kind == CodeActionKind::QUICKFIX;
    only.is_none_or(|only| only.iter().any(wanted))
}
