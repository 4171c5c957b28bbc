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
use super::queries::{DocumentParams, Status};
use super::session::Session;
use super::state::Shared;

/// The protocol's side of the server.
pub(super) struct Server(pub(super) Shared);

impl Server {
    /// Has the worker answer about a document, or the whole. A request that the client cancels meanwhile is not worked on.
    async fn ask<P: Send + 'static, T: Send + 'static>(
        &self,
        document: Option<Uri>,
        params: P,
        work: fn(&mut Session, &P) -> T,
    ) -> Result<T> {
        let (sender, answer) = oneshot::channel();
        let run = move |session: &mut Session| {
            if !sender.is_closed() {
                let _ = sender.send(work(session, &params));
            }
        };
        self.0.lock().ask(document, run);
        answer.await.map_err(|_| Error::internal_error())
    }

    pub(super) async fn status(&self) -> Result<Status> {
        self.ask(None, (), |session, ()| session.status()).await
    }

    pub(super) async fn inventory(&self, params: DocumentParams) -> Result<Option<Value>> {
        let document = params.text_document.uri.clone();
        self.ask(Some(document), params, Session::inventory).await
    }

    pub(super) async fn syntax_tree(&self, params: DocumentParams) -> Result<Option<String>> {
        let document = params.text_document.uri.clone();
        self.ask(Some(document), params, Session::syntax_tree).await
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
        // All of it comes as it was sent: see `message`.
        let given = params.initialization_options.unwrap_or_default();
        let caps = Caps::of(&given["capabilities"]);
        self.0.lock().initialize(&given, caps);
        capabilities::answer(&caps).map_err(|_| Error::internal_error())
    }

    async fn initialized(&self, _: InitializedParams) {
        self.0.lock().initialized();
    }

    async fn shutdown(&self) -> Result<()> {
        self.0.lock().shut_down = true;
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
        let actions = self.ask(Some(document), params, Session::code_actions);
        actions.await.map(Some)
    }

    async fn code_action_resolve(&self, params: CodeAction) -> Result<CodeAction> {
        self.ask(None, params, Session::resolve).await?
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        let at = &params.text_document_position_params;
        let document = at.text_document.uri.clone();
        self.ask(Some(document), params, Session::hover).await
    }

    async fn diagnostic(
        &self,
        params: DocumentDiagnosticParams,
    ) -> Result<DocumentDiagnosticReportResult> {
        let document = params.text_document.uri.clone();
        let report = self.ask(Some(document), params, Session::pull).await?;
        serde_json::from_value(report).map_err(|_| Error::internal_error())
    }

    async fn workspace_diagnostic(
        &self,
        params: WorkspaceDiagnosticParams,
    ) -> Result<WorkspaceDiagnosticReportResult> {
        let report = self.ask(None, params, Session::pull_all).await?;
        serde_json::from_value(report).map_err(|_| Error::internal_error())
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
