//! The worker: one thread that owns the engine and does all work that takes time.
//!
//! It takes jobs in order, and looks at the whole only when none is waiting: so ten edits that came together are checked
//! once. Whatever it does with the engine may panic without taking the server down; then the engine is built anew from
//! the documents that the protocol holds, and what was shown stays until something newer can be.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::capabilities::Caps;
use super::custom::Status;
use super::jobs::{Edit, Job, Jobs, Rebuild};
use super::output::Output;
use super::session::Session;
use super::state::Shared;
use crate::analysis::{Analysis, Cancel, FileReport, Options};
use crate::text::{Document, TextChange};

/// How long nothing must happen before the totals are worked out for a client that shows them (ms): they cost more
/// than a keystroke, and users do not read them while typing.
const IDLE_DELAY: Duration = Duration::from_millis(80);

/// Refreshes in a row that leave work undone without an interruption; more would be a fault, and must not spin.
const MAX_ROUNDS: u32 = 10_000;

/// The worker's state.
struct Worker {
    session: Session,
    state: Shared,
    jobs: Arc<Jobs>,
    /// The last `preflight/statusChanged`.
    sent_status: Option<Status>,
    /// The inputs that the client was last asked to watch one by one.
    watched: Vec<PathBuf>,
    /// Something was done since the last refresh.
    dirty: bool,
    /// The documents among it: their answer is awaited.
    edited: BTreeSet<PathBuf>,
    /// The engine was lost, and the documents to build it from are on their way.
    lost: bool,
    /// Panics since a document was last opened or edited.
    strikes: u32,
    /// The totals may be different from those last sent.
    stale_status: bool,
    /// Scans ended or began since the worker was last idle.
    scanned: bool,
    /// Requests that wait until it is.
    waiting: Vec<oneshot::Sender<()>>,
    fault: Option<String>,
}

/// Runs until it is asked to stop. `fault` is for tests: see [`super::Setup::fault`].
pub(super) fn run(
    state: Shared,
    jobs: Arc<Jobs>,
    output: Arc<Output>,
    caps: Caps,
    options: Options,
    fault: Option<String>,
) {
    let mut worker = Worker {
        session: Session::new(Analysis::new(options), caps, output),
        state,
        jobs: jobs.clone(),
        sent_status: None,
        watched: Vec::new(),
        dirty: false,
        edited: BTreeSet::new(),
        lost: false,
        strikes: 0,
        stale_status: false,
        scanned: false,
        waiting: Vec::new(),
        fault,
    };
    let mut rounds = 0;
    loop {
        let work = worker.has_work() && rounds < MAX_ROUNDS;
        let job = if work {
            jobs.try_pop()
        } else {
            worker.rest();
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
        match job {
            Job::Scanning(count) => {
                self.session.scanning = count;
                self.scanned = true;
                self.stale_status = true;
            }
            Job::WhenIdle(reply) => self.waiting.push(reply),
            Job::Rebuild(rebuild) => self.rebuild(*rebuild),
            // The documents that are on their way have everything else in them.
            Job::Open { path, uri, .. } if self.lost => self.session.learn(&path, uri),
            _ if self.lost => {}
            Job::Open {
                path,
                uri,
                document,
            } => {
                self.strikes = 0;
                self.session.learn(&path, uri);
                self.edited.insert(path.clone());
                self.change(|worker| {
                    let text = document.text.to_string();
                    worker.provoke(&text);
                    let analysis = &mut worker.session.analysis;
                    analysis.open(&path, document.version, &text);
                });
            }
            Job::Edit(edit) => {
                self.strikes = 0;
                self.edited.insert(edit.path.clone());
                self.change(|worker| worker.edit(edit));
            }
            Job::Update(update) => {
                let changed = self.guard(|worker| update(&mut worker.session.analysis));
                self.dirty |= changed == Some(true);
            }
            Job::Ask(ask) => {
                if self.dirty {
                    self.refresh_once();
                }
                self.guard(|worker| ask(&mut worker.session));
            }
            Job::Stop => {}
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut Worker)) {
        self.dirty = true;
        self.guard(change);
    }

    fn edit(&mut self, edit: Edit) {
        let whole = || TextChange {
            range: None,
            text: edit.document.text.to_string(),
        };
        let steps = edit.steps.unwrap_or_else(|| vec![whole()]);
        steps.iter().for_each(|step| self.provoke(&step.text));
        let Session { analysis, caps, .. } = &mut self.session;
        analysis.edit(&edit.path, edit.document.version, &steps, caps.encoding);
    }

    /// Panics where a test requests it: see [`super::Setup::fault`].
    #[allow(clippy::panic, reason = "a test of survival needs a fault to survive")]
    fn provoke(&self, text: &str) {
        if let Some(fault) = &self.fault
            && text.contains(fault.as_str())
        {
            panic!("the fault that a test asked for");
        }
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
        let cancel = Cancel::default();
        let reports = self.guard(|worker| worker.session.analysis.refresh(&cancel));
        self.show(reports);
    }

    fn show(&mut self, reports: Option<Vec<FileReport>>) {
        let edited = std::mem::take(&mut self.edited);
        let Some(reports) = reports else { return };
        self.stale_status = true;
        if self.session.show(&reports, &edited) {
            self.state.lock().refresh();
        }
    }

    /// Nothing is left to do for now. Scans report their end behind what they found.
    fn rest(&mut self) {
        if self.lost || self.session.scanning > 0 || !self.jobs.is_empty() {
            return;
        }
        if std::mem::take(&mut self.scanned) {
            self.state.lock().scans_checked();
        }
        for reply in self.waiting.drain(..) {
            let _ = reply.send(());
        }
    }

    /// What is done only when nothing happens for a while: it costs more than a keystroke.
    fn idle(&mut self) {
        self.stale_status = false;
        if self.lost {
            return;
        }
        if self.session.caps.status {
            let status = self.guard(|worker| worker.session.status());
            if let Some(status) = status.filter(|it| self.sent_status.as_ref() != Some(it)) {
                let output = &self.session.output;
                output.notify("preflight/statusChanged", &status);
                self.sent_status = Some(status);
            }
        }
        if self.session.caps.watch_elsewhere {
            let inputs = self.guard(|worker| worker.session.analysis.inputs_not_watched());
            if let Some(inputs) = inputs.filter(|inputs| *inputs != self.watched) {
                self.state.lock().watch_inputs(&inputs);
                self.watched = inputs;
            }
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
        let fresh = Analysis::new(Options::default());
        let broken = std::mem::replace(&mut self.session.analysis, fresh);
        // What is half done may panic once more when it is dropped.
        let _ = catch_unwind(AssertUnwindSafe(move || drop(broken)));
        self.state.lock().engine_lost(cause, self.strikes);
    }

    /// Builds the engine again. The second time in a row, documents that break it are left out until they are opened again.
    fn rebuild(&mut self, rebuild: Rebuild) {
        self.lost = false;
        self.dirty = true;
        let Rebuild {
            folders,
            options,
            mut documents,
        } = rebuild;
        self.edited = documents.iter().map(|(path, _)| path.clone()).collect();
        let fresh = |worker: &Worker, documents: &[(PathBuf, Document)]| {
            let mut analysis = Analysis::new(options.clone());
            analysis.set_folders(&folders);
            for (path, document) in documents {
                let text = document.text.to_string();
                worker.provoke(&text);
                analysis.open(path, document.version, &text);
            }
            analysis
        };
        if self.strikes > 1 {
            documents.retain(|document| {
                let alone = std::slice::from_ref(document);
                let tried = AssertUnwindSafe(|| {
                    fresh(self, alone).refresh(&Cancel::default());
                });
                catch_unwind(tried).is_ok()
            });
        }
        self.guard(|worker| worker.session.analysis = fresh(worker, &documents));
    }
}

fn text_of(cause: &(dyn std::any::Any + Send)) -> String {
    let text = cause
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| cause.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a fault without words".to_owned())
}
