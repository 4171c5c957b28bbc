//! The protocol's methods. Each does one thing before it waits for anything: it sends an event to the actor. So the order in which
//! messages came is the order in which they count, however the runtime goes about it.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::oneshot;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::ls_types::{
    CodeAction, CodeActionParams, CodeActionResponse, DidChangeConfigurationParams,
    DidChangeTextDocumentParams, DidChangeWatchedFilesParams, DidChangeWorkspaceFoldersParams,
    DidCloseTextDocumentParams, DidOpenTextDocumentParams, DidSaveTextDocumentParams,
    DocumentDiagnosticParams, DocumentDiagnosticReportResult, ExecuteCommandParams, Hover,
    HoverParams, InitializeParams, InitializeResult, InitializedParams, SetTraceParams, Uri,
    WorkDoneProgressCancelParams, WorkspaceDiagnosticParams, WorkspaceDiagnosticReportResult,
};
use tower_lsp::{Client, ClientSocket, LanguageServer, LspService};

use super::capabilities::{self, FIX, SCAN};
use super::custom::{DocumentParams, Status};
use super::event::Event;
use super::output::Output;
use super::session::Session;

/// The protocol's side of the server.
pub(super) struct Server {
    /// Behind a lock because the sender of a channel cannot be shared by reference on every version that is supported.
    events: Mutex<Sender<Event>>,
    output: Arc<Output>,
}

/// The server as a service, with the requests of our own. `start` is given the way to the client.
pub(super) fn service(
    output: Arc<Output>,
    start: impl FnOnce(Client) -> Sender<Event>,
) -> (LspService<Server>, ClientSocket) {
    let build = LspService::build(|client| Server {
        events: Mutex::new(start(client)),
        output,
    });
    build
        .custom_method("preflight/status", Server::status)
        .custom_method("preflight/inventory", Server::inventory)
        .custom_method("preflight/syntaxTree", Server::syntax_tree)
        .custom_method("$/setTrace", Server::set_trace)
        .custom_method("window/workDoneProgress/cancel", Server::hide_progress)
        .finish()
}

impl Server {
    fn send(&self, event: Event) {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        // The actor is gone only when the server is ending.
        let _ = events.send(event);
    }

    /// Has the worker answer. A request that the client cancels meanwhile is not worked on, nor is one of a client that does
    /// not read its answers.
    async fn ask<T: Send + 'static>(
        &self,
        method: &'static str,
        document: Option<Uri>,
        work: impl FnOnce(&mut Session) -> T + Send + 'static,
    ) -> Result<T> {
        let (sender, answer) = oneshot::channel();
        let output = self.output.clone();
        let run = move |session: &mut Session| {
            if !sender.is_closed() {
                let full = output.is_full();
                let _ = sender.send((!full).then(|| work(session)));
            }
        };
        self.send(Event::Ask(method, document, Box::new(run)));
        let answer = answer.await.map_err(|_| Error::internal_error())?;
        // Many may have been worked out before the first of them was written.
        answer.filter(|_| !self.output.is_full()).ok_or_else(unread)
    }

    async fn status(&self) -> Result<Status> {
        self.ask("preflight/status", None, Session::status).await
    }

    async fn inventory(&self, params: DocumentParams) -> Result<Option<Value>> {
        let document = Some(params.text_document.uri.clone());
        self.ask("preflight/inventory", document, move |session| {
            session.inventory(&params)
        })
        .await
    }

    async fn syntax_tree(&self, params: DocumentParams) -> Result<Option<String>> {
        let document = Some(params.text_document.uri.clone());
        self.ask("preflight/syntaxTree", document, move |session| {
            session.syntax_tree(&params)
        })
        .await
    }

    async fn set_trace(&self, params: SetTraceParams) {
        self.send(Event::Trace(params.value));
    }

    async fn hide_progress(&self, params: WorkDoneProgressCancelParams) {
        self.send(Event::HideProgress(params.token));
    }
}

/// The protocol's word for a request that is fine but cannot be done.
fn unread() -> Error {
    Error {
        code: ErrorCode::ServerError(-32803),
        message: "too many answers are waiting to be read".into(),
        data: None,
    }
}

impl LanguageServer for Server {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let answer = capabilities::answer(&params);
        self.send(Event::Initialize(Box::new(params)));
        Ok(answer)
    }

    async fn initialized(&self, _: InitializedParams) {
        self.send(Event::Initialized);
    }

    async fn shutdown(&self) -> Result<()> {
        // What it means was seen when it was read.
        Ok(())
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        let document = params.text_document;
        self.send(Event::Open {
            uri: document.uri,
            language: document.language_id,
            version: document.version,
            text: document.text,
        });
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        self.send(Event::Change {
            uri: params.text_document.uri,
            version: params.text_document.version,
            changes: params.content_changes,
        });
    }

    async fn did_save(&self, params: DidSaveTextDocumentParams) {
        self.send(Event::Save(params.text_document.uri));
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        self.send(Event::Close(params.text_document.uri));
    }

    async fn did_change_watched_files(&self, params: DidChangeWatchedFilesParams) {
        self.send(Event::Watched(params.changes));
    }

    async fn did_change_workspace_folders(&self, params: DidChangeWorkspaceFoldersParams) {
        let uris = |folders: Vec<tower_lsp::ls_types::WorkspaceFolder>| {
            folders.into_iter().map(|folder| folder.uri).collect()
        };
        self.send(Event::Folders {
            added: uris(params.event.added),
            removed: uris(params.event.removed),
        });
    }

    async fn did_change_configuration(&self, params: DidChangeConfigurationParams) {
        self.send(Event::Settings(params.settings));
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        let document = Some(params.text_document.uri.clone());
        let work = move |session: &mut Session| session.code_actions(&params);
        self.ask("textDocument/codeAction", document, work)
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
        let document = Some(at.text_document.uri.clone());
        self.ask("textDocument/hover", document, move |session| {
            session.hover(&params)
        })
        .await
    }

    async fn diagnostic(
        &self,
        params: DocumentDiagnosticParams,
    ) -> Result<DocumentDiagnosticReportResult> {
        let document = Some(params.text_document.uri.clone());
        self.ask("textDocument/diagnostic", document, move |session| {
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
        if params.command == FIX {
            let work = move |session: &mut Session| session.commanded(params.arguments.first());
            let (title, edit) = self.ask("workspace/executeCommand", None, work).await??;
            self.send(Event::Apply(title, Box::new(edit)));
            return Ok(None);
        }
        if params.command != SCAN {
            let text = format!("there is no command '{}'", params.command);
            return Err(Error::invalid_params(text));
        }
        let (sender, done) = oneshot::channel();
        self.send(Event::ScanAll(sender));
        done.await.map_err(|_| Error::internal_error())?;
        Ok(None)
    }
}
