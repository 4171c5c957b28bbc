//! What the actor receives: the client's messages in the order they came, and what its own helpers report.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;
use tower_lsp::ls_types::{
    FileEvent, InitializeParams, ProgressToken, TextDocumentContentChangeEvent, TraceValue, Uri,
    WorkspaceEdit,
};

use super::jobs::Ask;
use crate::analysis::Scan;

/// How long a client may take to answer a request, before it counts as not having answered.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Something that happened.
pub(super) enum Event {
    Initialize(Box<InitializeParams>),
    Initialized,
    Open {
        uri: Uri,
        language: String,
        version: i32,
        text: String,
    },
    Change {
        uri: Uri,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
    },
    Close(Uri),
    Save(Uri),
    /// Files changed on disk.
    Watched(Vec<FileEvent>),
    /// The client accepted or refused to watch files.
    Watching(bool),
    /// Inputs that the watched patterns do not cover.
    Inputs(Vec<PathBuf>),
    Folders {
        added: Vec<Uri>,
        removed: Vec<Uri>,
    },
    /// `workspace/didChangeConfiguration` came with this.
    Settings(Value),
    /// The client answered what its settings are, everywhere and in these folders; nothing where it did not. The number
    /// is that of the question.
    SettingsAnswer(u64, Vec<PathBuf>, Vec<Value>),
    Trace(TraceValue),
    /// The client is to apply an edit; how to call it.
    Apply(String, Box<WorkspaceEdit>),
    /// A request for the worker, and the document that it is about.
    Ask(&'static str, Option<Uri>, Ask),
    /// Look at all folders anew; the answer is due when that is done.
    ScanAll(oneshot::Sender<()>),
    /// A scan read so many files of so many.
    Scanning(u64, usize, usize),
    /// A scan has lasted long enough to be shown.
    Slow(u64),
    /// The client is ready to show it.
    Progress(u64, ProgressToken),
    /// The client wants to see no more of what it shows under this token.
    HideProgress(ProgressToken),
    /// A scan ended; `None` where it went wrong.
    Scanned(u64, PathBuf, Option<Box<Scan>>),
    /// The worker is idle.
    Settled(u64),
    /// A client that pulls diagnostics has to pull again.
    Refresh,
    /// The client received it, or will not.
    Refreshed,
    /// The worker lost the engine, for this many times since a document was last opened or edited.
    Lost {
        cause: String,
        strikes: u32,
    },
    /// The server ends.
    Stop,
}
