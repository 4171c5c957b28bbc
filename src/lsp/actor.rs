//! The actor: one plain thread that owns what the protocol knows, and never waits for anybody.
//!
//! It takes events in order. What needs the engine goes to the worker's queue; what needs the client's answer goes to a
//! task on the runtime, and comes back as an event, with a timeout.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tower_lsp::Client;
use tower_lsp::ls_types::{
    ConfigurationItem, FileEvent, InitializeParams, MessageType, TextDocumentContentChangeEvent,
    TraceValue, Uri, WorkspaceEdit,
};

use super::capabilities::Caps;
use super::event::{Event, REQUEST_TIMEOUT};
use super::jobs::{Ask, Change, Inputs, Job, Jobs, Rebuild};
use super::output::Output;
use super::scans::Scans;
use super::tolerant::NO_VERSION;
use super::uri::{Named, named, uri_of};
use super::{log, parent, settings, to_proto, watch, worker};
use crate::analysis::Options;
use crate::text::{Document, TextChange};
use crate::workspace::config::Overrides;
use crate::workspace::disk;

/// How many changes of documents that are not open are kept, in all.
const EARLY: usize = 64;

/// The worker's stack: trees of what users wrote are walked on it, to a bounded depth that holds in debug builds too.
const STACK: usize = 16 << 20;

/// A document that the client holds open.
struct Open {
    path: PathBuf,
    /// For the worker, if it has to start again, and for edits that come faster than it checks.
    document: Document,
}

/// The actor's state.
struct Actor {
    jobs: Arc<Jobs>,
    output: Arc<Output>,
    events: Sender<Event>,
    client: Client,
    runtime: Handle,
    caps: Caps,
    options: Options,
    scans: Scans,
    fault: Option<String>,
    /// A scan is shown when it lasts longer.
    slow: Duration,
    /// Open documents by URI; those that are none of our business are not among them.
    documents: BTreeMap<Uri, Open>,
    /// Changes of documents that are not open, with the versions they lead to: Helix may send a change before the
    /// opening that it belongs to.
    early: BTreeMap<Uri, Vec<(i32, Vec<TextDocumentContentChangeEvent>)>>,
    folders: Vec<PathBuf>,
    /// The client names no folder: that of each file it opens counts.
    follow_files: bool,
    /// `initialize` was received, and the worker runs.
    begun: bool,
    /// The folders are being looked at.
    running: bool,
    /// Looks whether the client's process lives, as long as this server does.
    parent: Option<parent::Watch>,
    settings: Overrides,
    /// What the editor set at the start.
    first_settings: Overrides,
    /// How often settings were asked for, and which of these questions was the last to be answered.
    settings_asked: u64,
    settings_heard: u64,
    /// In its place, for single folders.
    folder_settings: Vec<(PathBuf, Overrides)>,
    trace: TraceValue,
    /// `workspace/diagnostic/refresh` was sent and not answered; and another is due after it.
    refreshing: bool,
    refresh_again: bool,
    told_fault: bool,
    /// The client watches the files of the workspace folders: it took the registration.
    watching: bool,
    /// It was asked to watch other inputs.
    inputs_registered: bool,
    /// Those who asked for a scan.
    awaiting_scan: Vec<oneshot::Sender<()>>,
}

/// What the actor needs to start.
pub(super) struct Start {
    pub(super) jobs: Arc<Jobs>,
    pub(super) output: Arc<Output>,
    pub(super) events: Sender<Event>,
    pub(super) client: Client,
    pub(super) runtime: Handle,
    pub(super) options: Options,
    pub(super) fault: Option<String>,
    pub(super) slow: Duration,
}

/// Runs until it is asked to stop.
pub(super) fn run(start: Start, received: &Receiver<Event>) {
    let scans = Scans::new(
        start.jobs.clone(),
        start.output.clone(),
        start.events.clone(),
        start.client.clone(),
        start.runtime.clone(),
    );
    let mut actor = Actor {
        jobs: start.jobs,
        output: start.output,
        events: start.events,
        client: start.client,
        runtime: start.runtime,
        caps: Caps::default(),
        options: start.options,
        scans,
        fault: start.fault,
        slow: start.slow,
        documents: BTreeMap::new(),
        early: BTreeMap::new(),
        folders: Vec::new(),
        follow_files: false,
        begun: false,
        running: false,
        parent: None,
        settings: Overrides::default(),
        first_settings: Overrides::default(),
        settings_asked: 0,
        settings_heard: 0,
        folder_settings: Vec::new(),
        trace: TraceValue::Off,
        refreshing: false,
        refresh_again: false,
        told_fault: false,
        watching: false,
        inputs_registered: false,
        awaiting_scan: Vec::new(),
    };
    while let Ok(event) = received.recv() {
        if matches!(event, Event::Stop) {
            break;
        }
        actor.take(event);
    }
    actor.scans.stop();
    actor.push(Job::Stop);
}

impl Actor {
    fn take(&mut self, event: Event) {
        match event {
            Event::Initialize(params) => self.initialize(&params),
            Event::Initialized => {
                self.begin();
                self.register();
                self.ask_settings();
            }
            Event::Open {
                uri,
                language,
                version,
                text,
            } => {
                self.begin();
                self.open(uri, &language, version, text);
            }
            Event::Change {
                uri,
                version,
                changes,
            } => self.change(&uri, version, changes),
            Event::Close(uri) => self.close(&uri),
            Event::Save(uri) => self.saved(&uri),
            Event::Watched(changes) => self.watched(&changes),
            Event::Folders { added, removed } => self.change_folders(&added, &removed),
            Event::Settings(value) => self.settings_changed(&value),
            Event::SettingsAnswer(number, folders, values) => {
                // Answers may overtake one another on their way.
                if number > self.settings_heard {
                    self.settings_heard = number;
                    self.settings_answered(folders, values);
                }
            }
            Event::Trace(trace) => self.trace = trace,
            Event::Apply(title, edit) => self.apply(title, *edit),
            Event::Watching(watching) => self.watching = watching,
            Event::Inputs(paths) => self.watch_inputs(&paths),
            Event::Ask(method, uri, ask) => self.ask(method, uri.as_ref(), ask),
            Event::ScanAll(reply) => self.scan_all(reply),
            Event::Scanning(..)
            | Event::Slow(_)
            | Event::Progress(..)
            | Event::HideProgress(_)
            | Event::Scanned(..) => {
                if self.scans.take(event) {
                    self.scan_folders();
                    self.scans.report();
                }
            }
            Event::Settled(reported) => self.settled(reported),
            Event::Refresh => self.refresh(),
            Event::Refreshed => {
                self.refreshing = false;
                if std::mem::take(&mut self.refresh_again) {
                    self.refresh();
                }
            }
            Event::Lost { cause, strikes } => self.lost(&cause, strikes),
            Event::Stop => {}
        }
    }

    /// Sends the worker a job that needs no document's present text.
    fn push(&self, job: Job) {
        self.jobs.push(job, || None);
    }

    /// Runs a task that asks the client something, with a timeout; what it makes of the answer is an event.
    fn task<T: Send>(
        &self,
        asking: impl Future<Output = T> + Send + 'static,
        then: impl FnOnce(Option<T>) -> Event + Send + 'static,
    ) {
        let events = self.events.clone();
        self.runtime.spawn(async move {
            let answer = tokio::time::timeout(REQUEST_TIMEOUT, asking).await.ok();
            let _ = events.send(then(answer));
        });
    }

    fn log_trace(&self, message: &str) {
        if self.trace != TraceValue::Off {
            self.output
                .notify("$/logTrace", json!({"message": message}));
        }
    }

    // ---- the beginning

    fn initialize(&mut self, params: &InitializeParams) {
        self.caps = Caps::of(&params.capabilities);
        self.scans.slow = self.caps.progress.then_some(self.slow);
        self.trace = params.trace.unwrap_or_default();
        if let Some(options) = &params.initialization_options {
            self.settings = self.read_settings(options);
            self.first_settings = self.settings.clone();
        }
        self.options.overrides = self.settings.clone();
        let start = worker::Start {
            caps: self.caps,
            output: self.output.clone(),
            events: self.events.clone(),
            jobs: self.jobs.clone(),
            options: self.options.clone(),
            fault: self.fault.clone(),
        };
        let started = std::thread::Builder::new()
            .name("worker".to_owned())
            .stack_size(STACK)
            .spawn(move || worker::run(start));
        if let Err(error) = started {
            log::line(&format!("the worker cannot start: {error}"));
        }
        self.begun = true;
        if let Some(process) = params.process_id {
            let events = self.events.clone();
            let closed = self.output.clone();
            self.parent = Some(parent::watch(process, move || {
                log::line("the client's process is gone");
                // Whoever still holds the pipe is not the client; nothing more is sent.
                closed.close(Duration::ZERO);
                log::flush(Duration::ZERO);
                let _ = events.send(Event::Stop);
                std::process::exit(1);
            }));
        }
        self.folders = folders(params);
        self.follow_files = self.folders.is_empty();
    }

    /// Looks at the folders, once.
    fn begin(&mut self) {
        if self.running || !self.begun {
            return;
        }
        self.running = true;
        self.push(Job::Folders(self.folders.clone()));
        self.scan_folders();
        if self.folders.is_empty() {
            // Nothing will be found, but requests that wait for the end of it are answered.
            self.scans.report();
        }
    }

    fn register(&self) {
        if let Some(files) = watch::files(&self.caps) {
            let client = self.client.clone();
            self.task(
                async move { client.register_capability(vec![files]).await },
                |answer| match answer {
                    Some(Ok(())) => Event::Watching(true),
                    Some(Err(error)) => {
                        log::line(&format!("the client does not watch files: {error}"));
                        Event::Watching(false)
                    }
                    None => Event::Watching(false),
                },
            );
        }
        if let Some(settings) = watch::settings(&self.caps) {
            let client = self.client.clone();
            self.runtime.spawn(async move {
                if let Err(error) = client.register_capability(vec![settings]).await {
                    log::line(&format!("the client does not report settings: {error}"));
                }
            });
        }
    }

    /// Has the client watch inputs outside the folders, in place of those before.
    fn watch_inputs(&mut self, paths: &[PathBuf]) {
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
        self.task(
            async move { client.configuration(items).await.ok() },
            move |answer| {
                Event::SettingsAnswer(number, folders, answer.flatten().unwrap_or_default())
            },
        );
    }

    fn settings_changed(&mut self, value: &Value) {
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
        let own = own.filter_map(|(folder, settings)| Some((folder, settings?)));
        let own = own
            .filter(|(_, settings)| *settings != everywhere)
            .collect();
        self.set(everywhere, own);
    }

    fn set(&mut self, settings: Overrides, of_folders: Vec<(PathBuf, Overrides)>) {
        if settings != self.settings || of_folders != self.folder_settings {
            self.settings = settings.clone();
            self.folder_settings = of_folders.clone();
            self.options.overrides = settings.clone();
            self.options.folder_overrides = of_folders.clone();
            self.push(Job::Overrides(settings, of_folders));
        }
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

    fn open(&mut self, uri: Uri, language: &str, version: i32, text: String) {
        let path = match named(&uri, language) {
            Named::File(path) => {
                self.follow(&path);
                path
            }
            Named::Alone(path) => path,
            Named::Nothing => return,
        };
        let path = disk::normalize(&path);
        let version = if version == NO_VERSION { 0 } else { version };
        self.look_again(&path);
        let open = Open {
            path: path.clone(),
            document: Document::new(&text, version),
        };
        self.documents.insert(uri.clone(), open);
        let early = self.early.remove(&uri).unwrap_or_default();
        self.push(Job::Open {
            path,
            uri: uri.clone(),
            version,
            text,
        });
        // Only those that go on from here: what is left of an earlier life of the document does not.
        let mut next = version;
        for (version, changes) in early {
            if version == next.wrapping_add(1) {
                next = version;
                self.change(&uri, version, changes);
            }
        }
    }

    fn change(&mut self, uri: &Uri, version: i32, changes: Vec<TextDocumentContentChangeEvent>) {
        let Some(open) = self.documents.get_mut(uri) else {
            if !matches!(named(uri, ""), Named::Nothing) {
                let waiting = self.early.values().map(Vec::len).sum::<usize>();
                if waiting < EARLY {
                    log::line(&format!("a change of {}, which is not open", uri.as_str()));
                    let early = self.early.entry(uri.clone()).or_default();
                    early.push((version, changes));
                }
            }
            return;
        };
        let version = match version {
            NO_VERSION => open.document.version,
            version => version,
        };
        let steps: Vec<_> = changes
            .into_iter()
            .map(|change| TextChange {
                range: change.range.map(to_proto::text_range),
                text: change.text,
            })
            .collect();
        open.document.apply(&steps, self.caps.encoding, version);
        let (path, document) = (open.path.clone(), open.document.clone());
        // The engine holds the text of the name that was opened last.
        let shared = self.documents.values().filter(|it| it.path == path).count() > 1;
        let change = if shared {
            Change::Whole(Box::new(document.clone()))
        } else {
            Change::Steps(steps)
        };
        let job = Job::Edit {
            path,
            version,
            change,
        };
        self.jobs.push(job, || Some(document));
    }

    fn close(&mut self, uri: &Uri) {
        self.early.remove(uri);
        let Some(closed) = self.documents.remove(uri) else {
            return;
        };
        let mut documents = self.documents.iter();
        match documents.find(|(_, open)| open.path == closed.path) {
            // Still open under another form of its URI.
            Some((uri, open)) => self.push(Job::Open {
                path: open.path.clone(),
                uri: uri.clone(),
                version: open.document.version,
                text: open.document.text.to_string(),
            }),
            None => self.push(Job::Close(closed.path)),
        }
    }

    fn ask(&mut self, method: &'static str, uri: Option<&Uri>, ask: Ask) {
        if self.trace != TraceValue::Off {
            self.log_trace(&format!("answering {method}"));
        }
        if let Some(path) = uri.and_then(file).filter(|_| self.begun) {
            self.push(Job::LookAgain(Inputs::ForRequest(path)));
        }
        self.push(Job::Ask(ask));
    }

    /// For a client that does not watch, a save is when new files are looked for.
    fn saved(&mut self, uri: &Uri) {
        if let Some(path) = file(uri) {
            self.look_again(&path);
        }
        if !self.watching {
            self.scan_again();
        }
    }

    fn watched(&self, changes: &[FileEvent]) {
        let paths = changes.iter().filter_map(|change| file(&change.uri));
        self.push(Job::Disk(paths.collect()));
    }

    /// Scans all folders once more. A scan under way may have passed where something is new, but is not to be begun again
    /// each time.
    fn scan_again(&mut self) {
        if self.scans.any() {
            self.scans.again = true;
        } else if self.running {
            self.scan_folders();
        }
    }

    fn scan_folders(&mut self) {
        for folder in self.folders.clone() {
            self.scans.scan(folder, self.options.clone());
        }
    }

    /// Has inputs compared with the disk when a document is opened or saved: all where the client watches nothing.
    fn look_again(&self, path: &Path) {
        if self.begun {
            self.push(Job::LookAgain(if self.watching {
                Inputs::Around(path.to_path_buf())
            } else {
                Inputs::All
            }));
        }
    }

    // ---- folders

    /// Where the client names no folder, that of a file is one.
    fn follow(&mut self, path: &Path) {
        let Some(folder) = path.parent().filter(|_| self.follow_files) else {
            return;
        };
        // The root of the file system is no workspace.
        if folder.parent().is_none() || self.folders.iter().any(|known| path.starts_with(known)) {
            return;
        }
        self.folders.push(folder.to_path_buf());
        self.push(Job::Folders(self.folders.clone()));
        self.scans.scan(folder.to_path_buf(), self.options.clone());
    }

    fn change_folders(&mut self, added: &[Uri], removed: &[Uri]) {
        let removed: Vec<_> = removed.iter().filter_map(file).collect();
        self.folders.retain(|folder| !removed.contains(folder));
        let fresh: Vec<_> = added
            .iter()
            .filter_map(file)
            .filter(|folder| !self.folders.contains(folder))
            .collect();
        self.folders.extend(fresh.iter().cloned());
        self.follow_files = false;
        if !self.running {
            return;
        }
        for folder in removed {
            self.scans.forget(&folder);
        }
        self.push(Job::Folders(self.folders.clone()));
        self.ask_settings();
        for folder in fresh {
            self.scans.scan(folder, self.options.clone());
        }
    }

    fn scan_all(&mut self, reply: oneshot::Sender<()>) {
        self.begin();
        self.awaiting_scan.push(reply);
        self.push(Job::LookAgain(Inputs::All));
        self.scan_folders();
        if self.folders.is_empty() {
            self.scans.report();
        }
    }

    /// The worker was idle at this report on scans; idle at an earlier one it had not seen the last results.
    fn settled(&mut self, reported: u64) {
        if self.scans.any() || reported != self.scans.reported {
            return;
        }
        self.scans.end_progress();
        for reply in self.awaiting_scan.drain(..) {
            let _ = reply.send(());
        }
    }

    // ---- what the worker reports

    /// Has a client that asks for diagnostics ask again; one such request is under way at most.
    fn refresh(&mut self) {
        if self.refreshing {
            self.refresh_again = true;
            return;
        }
        self.refreshing = true;
        let client = self.client.clone();
        self.task(
            async move { client.workspace_diagnostic_refresh().await.ok() },
            |_| Event::Refreshed,
        );
    }

    /// Has the client apply an edit. It may refuse: then nothing has changed, and it knows.
    fn apply(&self, title: String, edit: WorkspaceEdit) {
        let client = self.client.clone();
        self.runtime.spawn(async move {
            let asking = client.apply_edit(edit);
            let answer = tokio::time::timeout(REQUEST_TIMEOUT, asking).await;
            if let Ok(Ok(answer)) = answer
                && !answer.applied
            {
                let why = answer.failure_reason.unwrap_or_default();
                log::line(&format!("the client did not apply “{title}”: {why}"));
            }
        });
    }

    fn lost(&mut self, cause: &str, strikes: u32) {
        log::line(&format!("the engine is built anew after a fault: {cause}"));
        if !std::mem::replace(&mut self.told_fault, true) {
            self.output.notify(
                "window/showMessage",
                json!({
                    "type": MessageType::ERROR,
                    "message": "Preflight met an internal error. It goes on with what it had; its log says more.",
                }),
            );
        }
        let documents = self.documents.values();
        let rebuild = Rebuild {
            folders: self.folders.clone(),
            overrides: self.settings.clone(),
            folder_overrides: self.folder_settings.clone(),
            documents: documents
                .map(|open| (open.path.clone(), open.document.clone()))
                .collect(),
        };
        self.push(Job::Rebuild(Box::new(rebuild)));
        // A file on disk that breaks the engine would do so again: the folders are given up before that never ends.
        if strikes < 3 {
            self.scan_folders();
        }
    }
}

/// The path of a file; `None` for what is no file.
fn file(uri: &Uri) -> Option<PathBuf> {
    match named(uri, "") {
        Named::File(path) => Some(path),
        Named::Alone(_) | Named::Nothing => None,
    }
}

/// The folders that a client names, in any of the ways there are.
#[allow(deprecated, reason = "older clients know no other way")]
fn folders(params: &InitializeParams) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    let named = params.workspace_folders.iter().flatten();
    for path in named.filter_map(|folder| file(&folder.uri)) {
        if !found.contains(&path) {
            found.push(path);
        }
    }
    // Helix outside a repository names no folder, no `rootUri`, and the old `rootPath`.
    if found.is_empty() {
        let root = params.root_uri.as_ref().and_then(file);
        let path = || params.root_path.as_ref().map(PathBuf::from);
        found.extend(root.or_else(path).filter(|path| path.is_absolute()));
    }
    found
}
