//! The language server: reading, protocol, engine and writing each have a thread, and none blocks another.
//!
//! # Threads
//! ```text
//! reader ─► runtime ─────► worker ─► writer
//!            tower-lsp, and  owns the
//!            the state       engine
//!                ▲ answers ────┘
//! ```
//! Each method of the [`server`] changes the [`state`] before it awaits anything, so messages take effect in the order they
//! arrive. The state never waits. The [`worker`] does all the work: edits that come while it is busy come together in its
//! queue, and interrupt it. Diagnostics go from the worker straight to the writer.
//!
//! # What the client is shown
//! Pushed diagnostics always work, also for files that are not open, and every edit is answered for its version or a newer
//! one. A client that can ask for diagnostics *and* be asked to ask again (`textDocument.diagnostic` together with
//! `workspace.diagnostics.refreshSupport`) is offered that, and nothing is pushed to it. A client that pulls although pull
//! was not offered is answered, and pushes to it continue.
//!
//! A scan that lasts is shown as work-done progress. It is not cancellable: a client that cancels all the same sees no more
//! of it, and the scan goes on, since half a folder cannot be checked.
//!
//! A document goes by the name that the client gave it, to the letter, also where that is no URI as the standard has it
//! ([`client_uris`]).
//!
//! # A client that does not read
//! It must not stop the server from reading, since it may be busy sending: up to 128 MiB wait for it. Waiting edits of one
//! document are replaced by its text when they are many. The same holds for stderr: no thread waits for the log ([`log`]).
//!
//! # A client that sends odd things
//! A malformed message is answered with a JSON-RPC error ([`message`]). Invalid parts of capabilities, of other servers'
//! diagnostics and of lists of files are left out, and the rest is used.
//!
//! # Requests of our own
//! | method | parameters | answer |
//! |---|---|---|
//! | `preflight/status` | none | `{version, state: "scanning" or "ready", files, entryPoints, errors, warnings, notes, problems}` |
//! | `preflight/inventory` | `{textDocument, parameters?}` (document identifiers) | what the file deploys, as `preflight inventory --format json` prints it with absolute paths, and `verdicts: [{path, range, verdict, message}]`; `null` where it deploys nothing |
//! | `preflight/syntaxTree` | `{textDocument}` | the tree as an s-expression, or `null` |
//!
//! The notification `preflight/statusChanged` carries what `preflight/status` answers; it is sent to clients whose
//! `experimental.preflightStatus` is `true`. The command `preflight.scan` looks at all workspace folders again, and is
//! answered when that is done.
//!
//! # Settings
//! [`SETTINGS`], under `preflight`: given as `initializationOptions`, asked for by `workspace/configuration` (once for all,
//! and once for each folder) where the client answers that, else taken from `workspace/didChangeConfiguration`.

mod capabilities;
mod client_uris;
mod code_action;
mod diagnostics;
mod input;
mod jobs;
mod log;
mod message;
mod output;
mod parent;
mod queries;
mod scans;
mod server;
mod session;
mod settings;
mod state;
mod to_proto;
mod uri;
mod watch;
mod worker;

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinSet;
use tower_lsp::{ClientSocket, LspService};
use tower_service::Service;

use crate::analysis::Options;
use crate::workspace::disk;
use message::Message;
use output::Output;
use server::Server;
pub use settings::SETTINGS;
use state::State;

/// How long what is under way may take when the client has gone or sent `exit`.
const GRACE: Duration = Duration::from_millis(500);

/// Requests that may be under way at once. Each costs little until the worker comes to it.
const REQUESTS: usize = 4096;

/// How to serve.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// What to check, and where Bicep's cache is.
    pub options: Options,
    /// For tests of survival: text in a document that makes the worker panic.
    pub fault: Option<String>,
    /// How long a scan may last before it is shown as progress; half a second by default.
    pub slow: Option<Duration>,
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// `shutdown` was requested before `exit`, or before the input ended.
    Clean,
    /// It was not.
    Abrupt,
}

/// `preflight server`: serves on stdin and stdout until the client leaves. `log` names a file for the log; `client` is the
/// client's process, for clients that name it on the command line: when it is gone the server ends.
pub fn run(log: Option<PathBuf>, client: Option<u32>) -> ExitCode {
    if let Some(path) = log {
        match disk::append(&path) {
            Ok(file) => log::also_to(file),
            Err(error) => log::line(&format!("no log in {}: {error}", path.display())),
        }
    }
    log::catch_panics();
    if let Some(process) = client {
        parent::watch(process, || true, || std::process::exit(1));
    }
    let end = serve(std::io::stdin(), std::io::stdout(), Setup::default());
    log::flush(GRACE);
    match end {
        End::Clean => ExitCode::SUCCESS,
        End::Abrupt => ExitCode::FAILURE,
    }
}

/// Serves a client until it leaves.
pub fn serve(
    input: impl Read + Send + 'static,
    output: impl Write + Send + 'static,
    setup: Setup,
) -> End {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            log::line(&format!("cannot start: {error}"));
            return End::Abrupt;
        }
    };
    let output = Output::start(output);
    let input = input::start(input, output.clone());
    let handle = runtime.handle().clone();
    let build =
        LspService::build(|client| Server(State::shared(setup, output.clone(), client, handle)));
    let (service, socket) = build
        .custom_method("preflight/status", Server::status)
        .custom_method("preflight/inventory", Server::inventory)
        .custom_method("preflight/syntaxTree", Server::syntax_tree)
        .custom_method("$/setTrace", Server::set_trace)
        .custom_method("window/workDoneProgress/cancel", Server::hide_progress)
        .finish();
    let state = service.inner().0.clone();
    runtime.block_on(handle_messages(service, socket, input, output.clone()));
    let clean = {
        let mut state = state.lock();
        state.stop();
        state.shut_down
    };
    output.close(GRACE);
    runtime.shutdown_background();
    match clean {
        true => End::Clean,
        false => End::Abrupt,
    }
}

/// Handles messages in the order in which they come, and waits for [`GRACE`] for the last answers.
async fn handle_messages(
    mut service: LspService<Server>,
    socket: ClientSocket,
    mut input: Receiver<Message>,
    output: Arc<Output>,
) {
    let (mut requests, mut responses) = socket.split();
    let to_client = output.clone();
    let requests = tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            to_client.send(&request);
        }
    });
    let mut pending = JoinSet::new();
    while let Some(message) = input.recv().await {
        let request = match message {
            Message::Call(request) => request,
            // The client may answer what nothing asked.
            Message::Answer(response) => {
                let _ = responses.send(response).await;
                continue;
            }
        };
        if request.id().is_some() {
            let text = format!("answering {}", request.method());
            service.inner().0.lock().log_trace(&text);
        }
        let mut answer = service.call(request);
        // Each handler changes the state when it is first polled: polled here, messages count in their order.
        match answer
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(Ok(Some(response))) => output.send(&response),
            Poll::Ready(_) => {}
            Poll::Pending => {
                let output = output.clone();
                pending.spawn(async move {
                    if let Ok(Some(response)) = answer.await {
                        output.send(&response);
                    }
                });
            }
        }
        while pending.try_join_next().is_some() {}
        if pending.len() >= REQUESTS {
            pending.join_next().await;
        }
    }
    let _ = tokio::time::timeout(GRACE, pending.join_all()).await;
    requests.abort();
}
