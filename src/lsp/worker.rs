//! The worker: one thread that owns the engine and does all work that takes time.
//!
//! It takes jobs in order, and looks at the whole only when none is waiting: so ten edits that came together are checked
//! once. Whatever it does with the engine may panic without taking the server down; then the engine is built anew from
//! the documents that the actor holds, and what was shown stays until something newer can be.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use tower_lsp::ls_types::Uri;

use super::capabilities::Caps;
use super::custom::Status;
use super::event::Event;
use super::jobs::{Change, Inputs, Job, Jobs, Rebuild};
use super::names::Names;
use super::output::Output;
use super::session::Session;
use super::shown::Shown;
use crate::analysis::{Analysis, FileReport, LookAgain, Options};
use crate::text::TextChange;
use crate::workspace::disk;

/// How long nothing must happen before the totals are worked out for a client that shows them (ms): they cost more
/// than a keystroke, and users do not read them while typing.
const IDLE_DELAY: Duration = Duration::from_millis(80);

/// Refreshes in a row that leave work undone without an interruption; more would be a fault, and must not spin.
const MAX_ROUNDS: u32 = 10_000;

/// The worker's state.
pub(super) struct Worker {
    session: Session,
    events: Sender<Event>,
    /// The number of the last report on scans.
    told_scans: u64,
    /// The last `preflight/statusChanged`.
    told_status: Option<Status>,
    /// The inputs that the client was last asked to watch one by one.
    watched: Vec<PathBuf>,
    options: Options,
    jobs: Arc<Jobs>,
    /// Something was done since the last refresh.
    dirty: bool,
    /// The documents among it: their answer is awaited.
    edited: BTreeSet<PathBuf>,
    /// The engine was lost, and the documents to build it from are on their way.
    lost: bool,
    /// Faults since a document was last opened or edited.
    strikes: u32,
    /// The totals may be different from those last sent.
    stale_status: bool,
    /// The actor was not yet sent that everything is done.
    busy: bool,
    fault: Option<String>,
}

/// What the worker needs to start.
pub(super) struct Start {
    pub(super) caps: Caps,
    pub(super) output: Arc<Output>,
    pub(super) events: Sender<Event>,
    pub(super) jobs: Arc<Jobs>,
    pub(super) options: Options,
    /// See [`super::Setup::fault`].
    pub(super) fault: Option<String>,
}

/// Runs until it is asked to stop.
pub(super) fn run(start: Start) {
    let mut worker = Worker {
        session: Session {
            analysis: Analysis::new(start.options.clone()),
            caps: start.caps,
            names: Names::default(),
            shown: Shown::default(),
            output: start.output,
            scanning: 0,
        },
        events: start.events,
        told_scans: 0,
        told_status: None,
        watched: Vec::new(),
        options: start.options,
        jobs: start.jobs,
        dirty: false,
        edited: BTreeSet::new(),
        lost: false,
        strikes: 0,
        stale_status: false,
        busy: false,
        fault: start.fault,
    };
    let jobs = worker.jobs.clone();
    let mut rounds = 0;
    loop {
        if !worker.has_work() || rounds >= MAX_ROUNDS {
            worker.rest();
        }
        let work = worker.has_work() && rounds < MAX_ROUNDS;
        let job = if work {
            jobs.try_pop()
        } else {
            jobs.pop(worker.stale_status.then_some(IDLE_DELAY))
        };
        match job {
            Some(Job::Stop) => return,
            Some(job) => {
                rounds = 0;
                worker.take(job);
            }
            None if work => {
                rounds += 1;
                worker.work();
            }
            None => worker.idle(),
        }
    }
}

impl Worker {
    fn has_work(&self) -> bool {
        !self.lost && (self.dirty || self.session.analysis.is_pending())
    }

    fn take(&mut self, job: Job) {
        if self.lost {
            // The documents that are on their way have all this in them.
            match job {
                Job::Rebuild(rebuild) => self.rebuild(*rebuild),
                Job::Open { path, uri, .. } => self.learn(&path, uri),
                Job::Scanning(count, reported) => {
                    (self.session.scanning, self.told_scans) = (count, reported);
                    self.busy = true;
                }
                _ => {}
            }
            return;
        }
        if matches!(job, Job::Open { .. } | Job::Edit { .. }) {
            self.strikes = 0;
        }
        match job {
            Job::Open {
                path,
                uri,
                version,
                text,
            } => {
                self.learn(&path, uri);
                self.edited.insert(path.clone());
                self.change(|worker| {
                    worker.provoke(&text);
                    worker.session.analysis.open(&path, version, &text);
                });
            }
            Job::Edit {
                path,
                version,
                change,
            } => {
                self.edited.insert(path.clone());
                self.change(|worker| worker.edit(&path, version, change));
            }
            Job::Close(path) => self.change(|worker| worker.session.analysis.close(&path)),
            Job::Disk(paths) => self.change(|worker| worker.session.analysis.disk_changed(&paths)),
            Job::LookAgain(inputs) => self.look_again(&inputs),
            Job::Folders(folders) => {
                self.change(|worker| worker.session.analysis.set_folders(&folders))
            }
            Job::Overrides(overrides, folders) => {
                self.options.overrides = overrides.clone();
                self.options.folder_overrides = folders.clone();
                self.change(|worker| worker.session.analysis.set_overrides(overrides, folders));
            }
            Job::Scanning(count, reported) => {
                (self.session.scanning, self.told_scans) = (count, reported);
                self.busy = true;
                self.stale_status = true;
            }
            Job::Install(scan) => {
                self.busy = true;
                self.change(|worker| worker.session.analysis.install(scan));
            }
            Job::Rebuild(rebuild) => self.rebuild(*rebuild),
            Job::Ask(ask) => {
                if self.dirty {
                    self.refresh_once();
                }
                self.guard(|worker| ask(&mut worker.session));
            }
            Job::Stop => {}
        }
    }

    /// Calls a file what the client calls it. A file has one name at a time: what was shown under another is taken back.
    fn learn(&mut self, path: &Path, uri: Uri) {
        let path = disk::normalize(path);
        if let Some(before) = self
            .session
            .names
            .uri(&path)
            .filter(|before| *before != uri)
        {
            self.session
                .shown
                .take_back(&path, &before, &self.session.output);
        }
        self.session.names.learn(path, uri);
    }

    fn change(&mut self, change: impl FnOnce(&mut Worker)) {
        self.dirty = true;
        self.guard(change);
    }

    fn edit(&mut self, path: &Path, version: i32, change: Change) {
        let encoding = self.session.caps.encoding;
        let steps = match change {
            Change::Steps(steps) => steps,
            Change::Whole(document) => vec![TextChange {
                range: None,
                text: document.text.to_string(),
            }],
        };
        steps.iter().for_each(|step| self.provoke(&step.text));
        self.session.analysis.edit(path, version, &steps, encoding);
    }

    /// Panics where a test asks for it: see [`super::Setup::fault`].
    #[allow(clippy::panic, reason = "a test of survival needs a fault to survive")]
    fn provoke(&self, text: &str) {
        if let Some(fault) = &self.fault
            && text.contains(fault.as_str())
        {
            panic!("the fault that a test asked for");
        }
    }

    fn look_again(&mut self, inputs: &Inputs) {
        let which = match inputs {
            Inputs::All => LookAgain::Everything,
            Inputs::Around(path) => LookAgain::Now(path),
            Inputs::ForRequest(path) => LookAgain::Request(path),
        };
        let changed = self.guard(|worker| worker.session.analysis.look_again(which));
        self.dirty |= changed == Some(true);
    }

    /// One refresh, unless something is waiting that should go before.
    fn work(&mut self) {
        let Some(cancel) = self.jobs.begin(self.edited.is_empty()) else {
            return;
        };
        self.dirty = false;
        let reports = self.guard(|worker| worker.session.analysis.refresh(&cancel));
        self.jobs.end();
        self.show(reports);
    }

    /// A refresh that an answer needs: not interrupted. While a scan is being worked in it looks at edited documents
    /// alone: a request does not wait for a whole folder.
    fn refresh_once(&mut self) {
        if self.edited.is_empty() && self.session.analysis.is_scanning() {
            return;
        }
        self.dirty = false;
        let cancel = crate::analysis::Cancel::default();
        let reports = self.guard(|worker| worker.session.analysis.refresh(&cancel));
        self.show(reports);
    }

    fn show(&mut self, reports: Option<Vec<FileReport>>) {
        let edited = std::mem::take(&mut self.edited);
        let Some(reports) = reports else { return };
        self.stale_status = true;
        let Session {
            shown,
            caps,
            names,
            output,
            ..
        } = &mut self.session;
        if shown.show(&reports, &edited, caps, names, output) {
            // The actor is gone only when the server is ending.
            let _ = self.events.send(Event::Refresh);
        }
    }

    /// Nothing is left to do for now.
    fn rest(&mut self) {
        if self.busy && !self.lost && self.session.scanning == 0 {
            self.busy = false;
            let _ = self.events.send(Event::Settled(self.told_scans));
        }
    }

    /// What is done only when nothing happens for a while: it costs more than a keystroke.
    fn idle(&mut self) {
        self.stale_status = false;
        if self.lost {
            return;
        }
        if self.session.caps.status {
            self.guard(Worker::status_changed);
        }
        if self.session.caps.watch_elsewhere {
            let inputs = self.guard(|worker| worker.session.analysis.inputs_not_watched());
            if let Some(inputs) = inputs.filter(|inputs| *inputs != self.watched) {
                self.watched = inputs.clone();
                let _ = self.events.send(Event::Inputs(inputs));
            }
        }
    }

    /// Sends `preflight/statusChanged` if the status did change.
    fn status_changed(&mut self) {
        let status = self.session.status();
        if self.told_status.as_ref() != Some(&status) {
            let output = &self.session.output;
            output.notify("preflight/statusChanged", &status);
            self.told_status = Some(status);
        }
    }

    /// Does something with the engine that may go wrong. `None`, and the engine lost, where it did.
    fn guard<T>(&mut self, work: impl FnOnce(&mut Worker) -> T) -> Option<T> {
        match catch_unwind(AssertUnwindSafe(|| work(self))) {
            Ok(value) => Some(value),
            Err(cause) => {
                self.lose(&text_of(&*cause));
                None
            }
        }
    }

    fn lose(&mut self, cause: &str) {
        self.jobs.end();
        self.lost = true;
        self.strikes += 1;
        let broken = std::mem::replace(
            &mut self.session.analysis,
            Analysis::new(self.options.clone()),
        );
        // What is half done may fall over once more on its way out.
        let _ = catch_unwind(AssertUnwindSafe(move || drop(broken)));
        let _ = self.events.send(Event::Lost {
            cause: cause.to_owned(),
            strikes: self.strikes,
        });
    }

    /// Builds the engine anew. The second time in a row, documents are taken one at a time, and those that break it are
    /// left out until they are opened again.
    fn rebuild(&mut self, rebuild: Rebuild) {
        self.lost = false;
        self.dirty = true;
        let paths = rebuild.documents.iter().map(|(path, _)| path.clone());
        self.edited = paths.collect();
        self.options.overrides = rebuild.overrides;
        self.options.folder_overrides = rebuild.folder_overrides;
        if self.strikes < 2 {
            let documents = &rebuild.documents;
            let folders = &rebuild.folders;
            self.guard(|worker| {
                worker.session.analysis = worker.fresh(folders, documents);
            });
            return;
        }
        let mut sanitized = Vec::new();
        for document in rebuild.documents {
            sanitized.push(document);
            let tried = catch_unwind(AssertUnwindSafe(|| {
                let mut analysis = self.fresh(&rebuild.folders, &sanitized);
                analysis.refresh(&crate::analysis::Cancel::default());
            }));
            if tried.is_err() {
                sanitized.pop();
            }
        }
        self.guard(|worker| {
            worker.session.analysis = worker.fresh(&rebuild.folders, &sanitized);
        });
    }

    fn fresh(
        &self,
        folders: &[PathBuf],
        documents: &[(PathBuf, crate::text::Document)],
    ) -> Analysis {
        let mut analysis = Analysis::new(self.options.clone());
        analysis.set_folders(folders);
        for (path, document) in documents {
            let text = document.text.to_string();
            self.provoke(&text);
            analysis.open(path, document.version, &text);
        }
        analysis
    }
}

fn text_of(cause: &(dyn std::any::Any + Send)) -> String {
    let text = cause
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| cause.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a fault without words".to_owned())
}
