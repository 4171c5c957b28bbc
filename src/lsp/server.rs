//! The protocol's methods. Each changes the state before its first await, so messages take effect in the order they arrive.

use serde_json::Value;
use tokio::sync::oneshot;
use tower_lsp::LanguageServer;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{
    CodeAction, CodeActionParams, CodeActionResponse, DidChangeConfigurationParams,
    DidChangeTextDocumentParams, DidChangeWatchedFilesParams, DidChangeWorkspaceFoldersParams,
    DidCloseTextDocumentParams, DidOpenTextDocumentParams, DidSaveTextDocumentParams,
    DocumentDiagnosticParams, DocumentDiagnosticReportResult, ExecuteCommandParams, Hover,
    HoverParams, InitializeParams, InitializeResult, InitializedParams, SetTraceParams, Uri,
    WorkDoneProgressCancelParams, WorkspaceDiagnosticParams, WorkspaceDiagnosticReportResult,
};

use super::capabilities::{self, Caps, SCAN};
use super::custom::{DocumentParams, Status};
use super::session::Session;
use super::state::Shared;

/// The protocol's side of the server.
pub(super) struct Server(pub(super) Shared);

impl Server {
    /// Has the worker answer. A request that the client cancels meanwhile is not worked on.
    async fn ask<T: Send + 'static>(
        &self,
        method: &str,
        document: Option<&Uri>,
        work: impl FnOnce(&mut Session) -> T + Send + 'static,
    ) -> Result<T> {
        let (sender, answer) = oneshot::channel();
        let run = move |session: &mut Session| {
            if !sender.is_closed() {
                let _ = sender.send(work(session));
            }
        };
        self.0.lock().ask(method, document, Box::new(run));
        answer.await.map_err(|_| Error::internal_error())
    }

    pub(super) async fn status(&self) -> Result<Status> {
        self.ask("preflight/status", None, Session::status).await
    }

    pub(super) async fn inventory(&self, params: DocumentParams) -> Result<Option<Value>> {
        let document = params.text_document.uri.clone();
        self.ask("preflight/inventory", Some(&document), move |session| {
            session.inventory(&params)
        })
        .await
    }

    pub(super) async fn syntax_tree(&self, params: DocumentParams) -> Result<Option<String>> {
        let document = params.text_document.uri.clone();
        self.ask("preflight/syntaxTree", Some(&document), move |session| {
            session.syntax_tree(&params)
        })
        .await
    }

    pub(super) async fn set_trace(&self, params: SetTraceParams) {
        self.0.lock().trace = params.value;
    }

    pub(super) async fn hide_progress(&self, params: WorkDoneProgressCancelParams) {
        self.0.lock().hide_scans(&params.token);
    }
}

impl LanguageServer for Server {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        // Capabilities come as they were declared: see `tolerant`.
        let declared = params.capabilities.experimental.as_ref();
        let caps = Caps::of(declared.unwrap_or_default());
        self.0.lock().initialize(&params, caps);
        capabilities::answer(&caps).map_err(|_| Error::internal_error())
    }

    async fn initialized(&self, _: InitializedParams) {
        self.0.lock().initialized();
    }

    async fn shutdown(&self) -> Result<()> {
        // What it means was seen when it was read.
        Ok(())
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        let document = params.text_document;
        self.0.lock().open(
            document.uri,
            &document.language_id,
            document.version,
            &document.text,
        );
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        let document = params.text_document;
        let mut state = self.0.lock();
        state.change(&document.uri, document.version, params.content_changes);
    }

    async fn did_save(&self, params: DidSaveTextDocumentParams) {
        self.0.lock().saved(&params.text_document.uri);
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        self.0.lock().close(&params.text_document.uri);
    }

    async fn did_change_watched_files(&self, params: DidChangeWatchedFilesParams) {
        self.0.lock().watched(&params.changes);
    }

    async fn did_change_workspace_folders(&self, params: DidChangeWorkspaceFoldersParams) {
        let event = params.event;
        self.0.lock().change_folders(&event.added, &event.removed);
    }

    async fn did_change_configuration(&self, params: DidChangeConfigurationParams) {
        self.0.lock().settings_changed(&params.settings);
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        let document = params.text_document.uri.clone();
        let work = move |session: &mut Session| session.code_actions(&params);
        self.ask("textDocument/codeAction", Some(&document), work)
            .await
            .map(Some)
    }

    async fn code_action_resolve(&self, params: CodeAction) -> Result<CodeAction> {
        self.ask("codeAction/resolve", None, move |session| {
            session.resolve(params)
        })
        .await?
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        let at = &params.text_document_position_params;
        let document = at.text_document.uri.clone();
        self.ask("textDocument/hover", Some(&document), move |session| {
            session.hover(&params)
        })
        .await
    }

    async fn diagnostic(
        &self,
        params: DocumentDiagnosticParams,
    ) -> Result<DocumentDiagnosticReportResult> {
        let document = params.text_document.uri.clone();
        self.ask("textDocument/diagnostic", Some(&document), move |session| {
            session.pull(&params)
        })
        .await
    }

    async fn workspace_diagnostic(
        &self,
        params: WorkspaceDiagnosticParams,
    ) -> Result<WorkspaceDiagnosticReportResult> {
        self.ask("workspace/diagnostic", None, move |session| {
            session.pull_all(&params)
        })
        .await
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<Value>> {
        if params.command != SCAN {
            let text = format!("there is no command '{}'", params.command);
            return Err(Error::invalid_params(text));
        }
        let (sender, done) = oneshot::channel();
        self.0.lock().scan_all(sender);
        done.await.map_err(|_| Error::internal_error())?;
        Ok(None)
    }
}
