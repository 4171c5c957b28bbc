//! What the protocol knows: open documents, folders, settings, and what the client can.
//!
//! Handlers call it before they wait for anything, one after the other. It never waits itself: what needs the engine goes
//! to the worker's queue, and what needs the client's answer to a task on the runtime, with a timeout.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tower_lsp::Client;
use tower_lsp::ls_types::{
    ConfigurationItem, FileEvent, MessageType, TextDocumentContentChangeEvent, TraceValue, Uri,
    WorkspaceFolder,
};

use super::capabilities::Caps;
use super::jobs::{Job, Jobs, Text};
use super::message::NO_VERSION;
use super::output::Output;
use super::scans::{self, Scans};
use super::session::Session;
use super::uri::{file, path_of, uri_of};
use super::{Setup, log, parent, settings, to_proto, watch, worker};
use crate::analysis::{Analysis, LookAgain, Options};
use crate::text::{Document, TextChange};
use crate::workspace::config::Overrides;

/// How long a client may take to answer a request, before it counts as not having answered.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How many changes of documents that are not open are kept, in all.
const MAX_EARLY: usize = 64;

/// Panics in a row, with no edit between them, after which the engine goes on without documents and folders.
const MAX_STRIKES: u32 = 3;

/// The worker's stack: trees of what users wrote are walked on it, to a bounded depth that holds in debug builds too.
const STACK: usize = 16 << 20;

/// A document that the client holds open.
struct Open {
    path: PathBuf,
    /// For the worker, if it has to start again, and for edits that come faster than it checks.
    document: Document,
    /// The engine was lost over it, and goes on without it until the next edit.
    left_out: bool,
}

/// The state, behind its lock.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<State>>);

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the protocol knows.
pub(super) struct State {
    own: Weak<Mutex<State>>,
    jobs: Arc<Jobs>,
    pub(super) output: Arc<Output>,
    pub(super) client: Client,
    pub(super) runtime: Handle,
    pub(super) caps: Caps,
    pub(super) options: Options,
    pub(super) scans: Scans,
    fault: Option<String>,
    /// A scan is shown when it lasts longer.
    pub(super) slow: Duration,
    /// Open documents by URI; those that are none of our business are not among them.
    documents: BTreeMap<Uri, Open>,
    /// Changes of documents that are not open, with the versions they lead to: Helix may send a change before the
    /// opening that it belongs to.
    early: BTreeMap<Uri, Vec<(i32, Vec<TextDocumentContentChangeEvent>)>>,
    pub(super) folders: Vec<PathBuf>,
    /// The client names no folder: that of each file it opens counts.
    follow_files: bool,
    /// The folders are being looked at.
    running: bool,
    /// What the editor set at the start.
    first_settings: Overrides,
    /// How often settings were requested: only the last answer counts.
    settings_asked: u64,
    pub(super) trace: TraceValue,
    /// `shutdown` was requested.
    pub(super) shut_down: bool,
    /// `workspace/diagnostic/refresh` was sent and not answered; and another is due after it.
    refreshing: bool,
    refresh_again: bool,
    fault_reported: bool,
    /// The client watches the files of the workspace folders: it took the registration.
    watching: bool,
    /// It was asked to watch other inputs.
    inputs_registered: bool,
}

impl State {
    /// The state before the client has sent anything.
    pub(super) fn shared(
        setup: Setup,
        output: Arc<Output>,
        client: Client,
        runtime: Handle,
    ) -> Shared {
        Shared(Arc::new_cyclic(|own| {
            Mutex::new(State {
                own: own.clone(),
                jobs: Arc::default(),
                output,
                client,
                runtime,
                caps: Caps::default(),
                options: setup.options,
                scans: Scans::default(),
                fault: setup.fault,
                slow: setup.slow.unwrap_or(scans::SLOW),
                documents: BTreeMap::new(),
                early: BTreeMap::new(),
                folders: Vec::new(),
                follow_files: false,
                running: false,
                first_settings: Overrides::default(),
                settings_asked: 0,
                trace: TraceValue::Off,
                shut_down: false,
                refreshing: false,
                refresh_again: false,
                fault_reported: false,
                watching: false,
                inputs_registered: false,
            })
        }))
    }

    /// For tasks and threads that come back later.
    pub(super) fn own(&self) -> Shared {
        Shared(self.own.upgrade().expect("it is being used"))
    }

    pub(super) fn push(&self, job: Job) {
        self.jobs.push(job);
    }

    /// Has the worker change something that is no document, and bring everything up to date.
    pub(super) fn update(&self, update: impl FnOnce(&mut Analysis) + Send + 'static) {
        self.update_if(|analysis| {
            update(analysis);
            true
        });
    }

    /// The same where there may be nothing to bring up to date.
    fn update_if(&self, update: impl FnOnce(&mut Analysis) -> bool + Send + 'static) {
        self.push(Job::Update(Box::new(update)));
    }

    /// Runs a task that asks the client something, with a timeout, and takes what it answers.
    fn task<T: Send>(
        &self,
        asking: impl Future<Output = T> + Send + 'static,
        then: impl FnOnce(&mut State, Option<T>) + Send + 'static,
    ) {
        let state = self.own();
        self.runtime.spawn(async move {
            let answer = answered(asking).await;
            then(&mut state.lock(), answer);
        });
    }

    pub(super) fn log_trace(&self, message: &str) {
        if self.trace != TraceValue::Off {
            self.output
                .notify("$/logTrace", json!({"message": message}));
        }
    }

    /// The server ends.
    pub(super) fn stop(&mut self) {
        self.stop_scans();
        self.push(Job::Stop);
    }

    // ---- the beginning

    /// Takes what the client names at the start, as it came: anything may be missing or of another type.
    pub(super) fn initialize(&mut self, params: &Value, caps: Caps) {
        self.caps = caps;
        self.trace = serde_json::from_value(params["trace"].clone()).unwrap_or_default();
        self.first_settings = self.read_settings(&params["initializationOptions"]);
        self.options.overrides = self.first_settings.clone();
        let (state, jobs) = (self.own(), self.jobs.clone());
        let (output, fault) = (self.output.clone(), self.fault.clone());
        let options = self.options.clone();
        let work = move || worker::run(Session::new(state, options, caps, output), jobs, fault);
        let started = std::thread::Builder::new()
            .name("worker".to_owned())
            .stack_size(STACK)
            .spawn(work);
        if let Err(error) = started {
            log::line(&format!("the worker cannot start: {error}"));
        }
        let process = params["processId"].as_u64();
        if let Some(process) = process.and_then(|it| u32::try_from(it).ok()) {
            let output = self.output.clone();
            let own = self.own.clone();
            let serving = move || own.strong_count() > 0;
            parent::watch(process, serving, move || {
                log::line("the client's process is gone");
                // Whoever still holds the pipe is not the client; nothing more is sent.
                output.close(Duration::ZERO);
                std::process::exit(1);
            });
        }
        self.folders = folders(params);
        self.follow_files = self.folders.is_empty();
    }

    pub(super) fn initialized(&mut self) {
        self.begin();
        self.register();
        self.ask_settings();
    }

    /// Looks at the folders, once.
    fn begin(&mut self) {
        if !std::mem::replace(&mut self.running, true) {
            self.send_folders();
            self.scan_folders();
        }
    }

    fn send_folders(&self) {
        let folders = self.folders.clone();
        self.update(move |analysis| analysis.set_folders(&folders));
    }

    fn register(&self) {
        let files = watch::files(&self.caps).map(|it| (it, true));
        let settings = watch::settings(&self.caps).map(|it| (it, false));
        for (registration, of_files) in files.into_iter().chain(settings) {
            let client = self.client.clone();
            let asking = async move { client.register_capability(vec![registration]).await };
            self.task(asking, move |state, answer| {
                state.watching |= of_files && matches!(answer, Some(Ok(())));
                if let Some(Err(error)) = answer {
                    let what = if of_files { "files" } else { "settings" };
                    log::line(&format!("the client does not watch {what}: {error}"));
                }
            });
        }
    }

    /// Has the client watch inputs outside the folders, in place of those before.
    pub(super) fn watch_inputs(&mut self, paths: &[PathBuf]) {
        let inputs = watch::inputs(paths, &self.folders);
        let before = std::mem::replace(&mut self.inputs_registered, inputs.is_some());
        let client = self.client.clone();
        self.runtime.spawn(async move {
            if before {
                let _ = client.unregister_capability(vec![watch::no_inputs()]).await;
            }
            // Where it is refused, these inputs are still looked at on open, save and requests.
            if let Some(inputs) = inputs
                && let Err(error) = client.register_capability(vec![inputs]).await
            {
                log::line(&format!("the client does not watch other files: {error}"));
            }
        });
    }

    // ---- settings

    /// Asks for the settings that hold everywhere, and for those of each folder.
    fn ask_settings(&mut self) {
        if !self.caps.configuration {
            return;
        }
        let client = self.client.clone();
        let folders = self.folders.clone();
        let item = |scope_uri| ConfigurationItem {
            scope_uri,
            section: Some("preflight".to_owned()),
        };
        let mut items = vec![item(None)];
        items.extend(folders.iter().map(|folder| item(uri_of(folder))));
        self.settings_asked += 1;
        let number = self.settings_asked;
        let asking = async move { client.configuration(items).await };
        self.task(asking, move |state, answer| {
            if let Some(Ok(values)) = answer
                && number == state.settings_asked
            {
                state.settings_answered(folders, values);
            }
        });
    }

    pub(super) fn settings_changed(&mut self, value: &Value) {
        if self.caps.configuration {
            return self.ask_settings();
        }
        // A client that pushes settings without ours keeps those of the start.
        let settings = if settings::are_in(value) {
            self.read_settings(value)
        } else {
            self.first_settings.clone()
        };
        self.set(settings, Vec::new());
    }

    /// A client that does not answer changes nothing. One without settings answers null: then those of the
    /// start count, and in a folder those that hold everywhere.
    fn settings_answered(&mut self, folders: Vec<PathBuf>, values: Vec<Value>) {
        if values.is_empty() {
            return;
        }
        let mut values = values.into_iter().map(|value| {
            let given = Some(value).filter(|value| !value.is_null());
            given.map(|value| self.read_settings(&value))
        });
        let everywhere = values.next().flatten();
        let everywhere = everywhere.unwrap_or_else(|| self.first_settings.clone());
        let own = folders.into_iter().zip(values);
        let own = own
            .filter_map(|(folder, settings)| Some((folder, settings?)))
            .filter(|(_, settings)| *settings != everywhere)
            .collect();
        self.set(everywhere, own);
    }

    fn set(&mut self, settings: Overrides, of_folders: Vec<(PathBuf, Overrides)>) {
        self.options.overrides = settings.clone();
        self.options.folder_overrides = of_folders.clone();
        self.update(move |analysis| analysis.set_overrides(settings, of_folders));
    }

    fn read_settings(&self, value: &Value) -> Overrides {
        let (overrides, wrong) = settings::read(value);
        for text in wrong {
            log::line(&text);
            self.log_trace(&text);
        }
        overrides
    }

    // ---- documents

    pub(super) fn open(&mut self, uri: Uri, language: &str, version: i32, text: &str) {
        self.begin();
        let Some(path) = path_of(&uri, language) else {
            return;
        };
        self.follow(&path);
        let version = if version == NO_VERSION { 0 } else { version };
        self.look_again(&path);
        let document = Document::new(text, version);
        let open = Open {
            path,
            document,
            left_out: false,
        };
        self.documents.insert(uri.clone(), open);
        self.send(&uri, None);
        // Only those that go on from here: what is left of an earlier life of the document does not.
        let mut next = version;
        for (version, changes) in self.early.remove(&uri).unwrap_or_default() {
            if version == next.wrapping_add(1) {
                next = version;
                self.change(&uri, version, changes);
            }
        }
    }

    /// Sends a document's text, and the edits that lead to it; `None` if the whole text is new.
    fn send(&self, uri: &Uri, edits: Option<Vec<TextChange>>) {
        if let Some(open) = self.documents.get(uri) {
            self.push(Job::Text(Text {
                path: open.path.clone(),
                uri: uri.clone(),
                document: open.document.clone(),
                edits,
            }));
        }
    }

    pub(super) fn change(
        &mut self,
        uri: &Uri,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
    ) {
        let Some(open) = self.documents.get_mut(uri) else {
            let waiting = self.early.values().map(Vec::len).sum::<usize>();
            if path_of(uri, "").is_some() && waiting < MAX_EARLY {
                log::line(&format!("a change of {}, which is not open", uri.as_str()));
                let early = self.early.entry(uri.clone()).or_default();
                early.push((version, changes));
            }
            return;
        };
        let version = match version {
            NO_VERSION => open.document.version,
            version => version,
        };
        let edits: Vec<_> = changes
            .into_iter()
            .map(|change| TextChange {
                range: change.range.map(to_proto::text_range),
                text: change.text,
            })
            .collect();
        open.document.apply(&edits, self.caps.encoding, version);
        let left_out = std::mem::take(&mut open.left_out);
        // The engine holds the text of the name that was opened or edited last.
        let path = open.path.clone();
        let shared = self.documents.values().filter(|it| it.path == path).count() > 1;
        self.send(uri, (!shared && !left_out).then_some(edits));
    }

    pub(super) fn close(&mut self, uri: &Uri) {
        self.early.remove(uri);
        let Some(closed) = self.documents.remove(uri) else {
            return;
        };
        let mut documents = self.documents.iter();
        match documents.find(|(_, open)| open.path == closed.path) {
            // Still open under another form of its URI.
            Some((uri, _)) => self.send(uri, None),
            None => self.update(move |analysis| analysis.close(&closed.path)),
        }
    }

    pub(super) fn ask(
        &self,
        document: Option<Uri>,
        ask: impl FnOnce(&mut Session) + Send + 'static,
    ) {
        if let Some(path) = document.as_ref().and_then(file) {
            self.update_if(move |analysis| analysis.look_again(LookAgain::Request(&path)));
        }
        self.push(Job::Ask(Box::new(ask)));
    }

    /// For a client that does not watch, a save is when new files are looked for.
    pub(super) fn saved(&mut self, uri: &Uri) {
        if let Some(path) = file(uri) {
            self.look_again(&path);
        }
        if !self.watching {
            self.scan_again();
        }
    }

    pub(super) fn watched(&self, changes: &[FileEvent]) {
        let paths: Vec<_> = changes.iter().filter_map(|it| file(&it.uri)).collect();
        self.update(move |analysis| analysis.disk_changed(&paths));
    }

    /// Has inputs compared with the disk when a document is opened or saved: all where the client watches nothing.
    fn look_again(&self, path: &Path) {
        let around = self.watching.then(|| path.to_path_buf());
        self.update_if(move |analysis| {
            let which = around.as_deref();
            analysis.look_again(which.map_or(LookAgain::Everything, LookAgain::Now))
        });
    }

    // ---- folders

    /// Where the client names no folder, that of a file is one.
    fn follow(&mut self, path: &Path) {
        let Some(folder) = path.parent().filter(|_| self.follow_files) else {
            return;
        };
        // The root of the file system is no workspace, and what has no file has no folder.
        if folder.parent().is_none()
            || !path.is_absolute()
            || self.folders.iter().any(|known| path.starts_with(known))
        {
            return;
        }
        self.folders.push(folder.to_path_buf());
        self.send_folders();
        self.scan(folder.to_path_buf());
    }

    pub(super) fn change_folders(
        &mut self,
        added: &[WorkspaceFolder],
        removed: &[WorkspaceFolder],
    ) {
        let paths = |folders: &[WorkspaceFolder]| -> Vec<PathBuf> {
            folders.iter().filter_map(|it| file(&it.uri)).collect()
        };
        let (removed, mut fresh) = (paths(removed), paths(added));
        self.folders.retain(|folder| !removed.contains(folder));
        fresh.retain(|folder| !self.folders.contains(folder));
        self.folders.extend(fresh.iter().cloned());
        self.follow_files = false;
        if !self.running {
            return;
        }
        for folder in removed {
            self.stop_scan(&folder);
        }
        self.send_folders();
        self.ask_settings();
        for folder in fresh {
            self.scan(folder);
        }
    }

    /// Looks at all folders again; the answer is due when that is done.
    pub(super) fn scan_all(&mut self, reply: oneshot::Sender<()>) {
        self.begin();
        self.update_if(|analysis| analysis.look_again(LookAgain::Everything));
        self.scan_folders();
        self.push(Job::WhenIdle(reply));
    }

    // ---- what the worker reports

    /// Has a client that requests diagnostics ask again; one such request is under way at most.
    pub(super) fn refresh(&mut self) {
        if std::mem::replace(&mut self.refreshing, true) {
            self.refresh_again = true;
            return;
        }
        let client = self.client.clone();
        let asking = async move { client.workspace_diagnostic_refresh().await };
        self.task(asking, |state, _| {
            state.refreshing = false;
            if std::mem::take(&mut state.refresh_again) {
                state.refresh();
            }
        });
    }

    /// The worker lost the engine, for this many times since a document was last opened or edited, and has a new one. The
    /// documents that it was about to check may be the cause: it goes on without them until they are edited again.
    pub(super) fn engine_lost(&mut self, strikes: u32, suspects: &BTreeSet<PathBuf>) {
        log::line("the engine is built anew after a panic");
        if !std::mem::replace(&mut self.fault_reported, true) {
            self.output.notify(
                "window/showMessage",
                json!({
                    "type": MessageType::ERROR,
                    "message": "Preflight met an internal error. It continues with its previous state; see its log.",
                }),
            );
        }
        let waiting = self.jobs.drain();
        let edited: BTreeSet<_> = waiting.iter().filter_map(Job::edited).cloned().collect();
        let folders = self.folders.clone();
        let mut kept = Vec::new();
        for (uri, open) in &mut self.documents {
            let suspect = strikes >= MAX_STRIKES || suspects.contains(&open.path);
            open.left_out = suspect && !edited.contains(uri);
            if !suspect {
                kept.push((open.path.clone(), open.document.clone()));
            }
        }
        self.update(move |analysis| {
            analysis.set_folders(&folders);
            for (path, document) in kept {
                analysis.open(&path, document.version, &document.text.to_string());
            }
        });
        edited.iter().for_each(|uri| self.send(uri, None));
        for job in waiting {
            if matches!(job, Job::Ask(_) | Job::WhenIdle(_)) {
                self.push(job);
            }
        }
        self.stop_scans();
        // A file on disk that breaks the engine would do so again.
        if strikes < MAX_STRIKES {
            self.scan_folders();
        }
    }
}

/// What a request to the client is answered with; `None` if it does not answer in time.
pub(super) async fn answered<T>(asking: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(REQUEST_TIMEOUT, asking).await.ok()
}

/// The folders that a client names, in any of the ways there are.
fn folders(params: &Value) -> Vec<PathBuf> {
    let path = |uri: &Value| file(&uri.as_str()?.parse().ok()?);
    let named = params["workspaceFolders"].as_array().into_iter().flatten();
    let mut found: Vec<PathBuf> = Vec::new();
    for path in named.filter_map(|folder| path(&folder["uri"])) {
        if !found.contains(&path) {
            found.push(path);
        }
    }
    // Helix outside a repository names no folder, no `rootUri`, and the old `rootPath`.
    if found.is_empty() {
        let root = || params["rootPath"].as_str().map(PathBuf::from);
        let root = path(&params["rootUri"]).or_else(root);
        found.extend(root.filter(|path| path.is_absolute()));
    }
    found
}
