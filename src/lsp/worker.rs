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

use super::jobs::{Job, Jobs, Text};
use super::queries::Status;
use super::session::Session;
use crate::analysis::{Analysis, Cancel, Options};

/// How long nothing must happen before the totals are worked out for a client that shows them (ms): they cost more
/// than a keystroke, and users do not read them while typing.
const IDLE_DELAY: Duration = Duration::from_millis(80);

/// Refreshes in a row that leave work undone without an interruption; more would be a fault, and must not spin.
const MAX_ROUNDS: u32 = 10_000;

/// The worker's state.
struct Worker {
    session: Session,
    jobs: Arc<Jobs>,
    /// The last `preflight/statusChanged`.
    sent_status: Option<Status>,
    /// The inputs that the client was last asked to watch one by one.
    watched: Vec<PathBuf>,
    /// Something was done since the last refresh.
    dirty: bool,
    /// The documents among it: their answer is awaited.
    edited: BTreeSet<PathBuf>,
    /// Panics since a document was last opened or edited.
    strikes: u32,
    /// The totals may be different from those last sent.
    stale_status: bool,
    /// A scan was under way when the worker last had nothing to do.
    scanning: bool,
    /// Requests that wait until there is nothing to do, and no scan.
    waiting: Vec<oneshot::Sender<()>>,
    fault: Option<String>,
}

/// Runs until it is asked to stop. `fault` is for tests: see [`super::Setup::fault`].
pub(super) fn run(session: Session, jobs: Arc<Jobs>, fault: Option<String>) {
    let mut worker = Worker {
        session,
        jobs: jobs.clone(),
        sent_status: None,
        watched: Vec::new(),
        dirty: false,
        edited: BTreeSet::new(),
        strikes: 0,
        stale_status: false,
        scanning: false,
        waiting: Vec::new(),
        fault,
    };
    let mut rounds = 0;
    loop {
        let work = worker.has_work() && rounds < MAX_ROUNDS;
        let timeout = if work {
            Some(Duration::ZERO)
        } else {
            worker.rest();
            worker.stale_status.then_some(IDLE_DELAY)
        };
        match jobs.pop(timeout) {
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
        self.dirty || self.session.analysis.is_pending()
    }

    fn take(&mut self, job: Job) {
        match job {
            Job::WhenIdle(reply) => self.waiting.push(reply),
            Job::Text(text) => {
                self.strikes = 0;
                self.dirty = true;
                self.edited.insert(text.path.clone());
                self.guard(|worker| worker.take_text(text));
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

    #[allow(clippy::panic, reason = "a test of survival needs a fault to survive")]
    fn take_text(&mut self, text: Text) {
        let Text {
            path,
            uri,
            document,
            edits,
        } = text;
        let whole = || document.text.to_string();
        if self.fault.as_ref().is_some_and(|it| whole().contains(it)) {
            panic!("the fault that a test asked for");
        }
        let version = document.version;
        if let Some(edits) = edits {
            let Session { analysis, caps, .. } = &mut self.session;
            analysis.edit(&path, version, &edits, caps.encoding);
        } else {
            self.session.learn(&path, uri);
            self.session.analysis.open(&path, version, &whole());
        }
    }

    /// One refresh, unless something is waiting that should go before.
    fn work(&mut self) {
        if let Some(cancel) = self.jobs.begin(self.edited.is_empty()) {
            self.refresh(&cancel);
            self.jobs.end();
        }
    }

    /// A refresh that an answer needs: not interrupted. While a scan is being worked in it looks at edited documents
    /// alone: a request does not wait for a whole folder.
    fn refresh_once(&mut self) {
        if !self.edited.is_empty() || !self.session.analysis.is_scanning() {
            self.refresh(&Cancel::default());
        }
    }

    fn refresh(&mut self, cancel: &Cancel) {
        self.dirty = false;
        let Some(reports) = self.guard(|worker| worker.session.analysis.refresh(cancel)) else {
            return;
        };
        let edited = std::mem::take(&mut self.edited);
        self.stale_status = true;
        if self.session.show(&reports, &edited) {
            self.session.state.lock().refresh();
        }
    }

    /// Nothing is left to do for now.
    fn rest(&mut self) {
        let mut state = self.session.state.lock();
        if !self.jobs.is_empty() {
            return;
        }
        let scanning = state.is_scanning();
        self.stale_status |= scanning != std::mem::replace(&mut self.scanning, scanning);
        if !scanning {
            state.end_progress();
            for reply in self.waiting.drain(..) {
                let _ = reply.send(());
            }
        }
    }

    /// What is done only when nothing happens for a while: it costs more than a keystroke.
    fn idle(&mut self) {
        self.stale_status = false;
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
                self.session.state.lock().watch_inputs(&inputs);
                self.watched = inputs;
            }
        }
    }

    /// Does something with the engine that may panic: then it is built anew, of what the state sends.
    fn guard<T>(&mut self, work: impl FnOnce(&mut Worker) -> T) -> Option<T> {
        let done = catch_unwind(AssertUnwindSafe(|| work(self))).ok();
        if done.is_none() {
            self.lose();
        }
        done
    }

    fn lose(&mut self) {
        self.jobs.end();
        self.strikes += 1;
        let fresh = Analysis::new(Options::default());
        let broken = std::mem::replace(&mut self.session.analysis, fresh);
        // What is half done may panic once more when it is dropped.
        let _ = catch_unwind(AssertUnwindSafe(move || drop(broken)));
        let suspects = std::mem::take(&mut self.edited);
        let mut state = self.session.state.lock();
        state.engine_lost(self.strikes, &suspects);
        self.session.analysis = Analysis::new(state.options.clone());
    }
}
