//! Scanning workspace folders on threads of their own, and showing it only where it lasts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use serde_json::json;
use tokio::runtime::Handle;
use tower_lsp::Client;
use tower_lsp::ls_types::ProgressToken;

use super::event::{Event, REQUEST_TIMEOUT};
use super::jobs::{Job, Jobs};
use super::log;
use super::output::Output;
use crate::analysis::{self, Cancel, Options};

/// A scan is shown when it lasts longer, unless set otherwise.
pub(super) const SLOW: Duration = Duration::from_millis(500);

/// Files between two reports of progress.
const STEP: usize = 512;

struct Running {
    folder: PathBuf,
    cancel: Cancel,
}

/// The scans under way.
pub(super) struct Scans {
    jobs: Arc<Jobs>,
    output: Arc<Output>,
    events: Sender<Event>,
    client: Client,
    runtime: Handle,
    /// A scan is shown when it lasts longer; `None` where the client cannot show it.
    pub(super) slow: Option<Duration>,
    running: BTreeMap<u64, Running>,
    last: u64,
    /// The client shows progress under this token.
    shown: Option<ProgressToken>,
    /// It is being asked to.
    asking: bool,
    /// Scan all folders once more when these are done.
    pub(super) again: bool,
    /// How often their number was sent to the worker.
    pub(super) reported: u64,
}

impl Scans {
    /// None yet.
    pub(super) fn new(
        jobs: Arc<Jobs>,
        output: Arc<Output>,
        events: Sender<Event>,
        client: Client,
        runtime: Handle,
    ) -> Scans {
        Scans {
            jobs,
            output,
            events,
            client,
            runtime,
            slow: None,
            running: BTreeMap::new(),
            last: 0,
            shown: None,
            asking: false,
            again: false,
            reported: 0,
        }
    }

    /// Whether any is under way.
    pub(super) fn any(&self) -> bool {
        !self.running.is_empty()
    }

    /// Stops all.
    pub(super) fn stop(&mut self) {
        for running in self.running.values() {
            running.cancel.cancel();
        }
        self.running.clear();
    }

    /// Scans a folder; a scan of it that is under way is given up.
    pub(super) fn scan(&mut self, folder: PathBuf, options: Options) {
        self.forget(&folder);
        self.last += 1;
        let number = self.last;
        let cancel = Cancel::default();
        let running = Running {
            folder: folder.clone(),
            cancel: cancel.clone(),
        };
        self.running.insert(number, running);
        self.report();
        let events = self.events.clone();
        let work = move || {
            let reported = AtomicUsize::new(0);
            let progress = |done: usize, total: usize| {
                let step = done / STEP;
                if reported.fetch_max(step, Ordering::Relaxed) < step {
                    let _ = events.send(Event::Scanning(number, done, total));
                }
            };
            let scanned = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                analysis::scan(&folder, &options, &cancel, &progress)
            }));
            let _ = events.send(Event::Scanned(number, folder, scanned.ok().map(Box::new)));
        };
        let started = std::thread::Builder::new()
            .name("scan".to_owned())
            .spawn(work);
        if let Err(error) = started {
            log::line(&format!("a folder cannot be scanned: {error}"));
            self.running.remove(&number);
            self.report();
            return;
        }
        if let Some(slow) = self.slow {
            let events = self.events.clone();
            self.runtime.spawn(async move {
                tokio::time::sleep(slow).await;
                let _ = events.send(Event::Slow(number));
            });
        }
    }

    /// Gives up the scan of a folder.
    pub(super) fn forget(&mut self, folder: &Path) {
        let running = &mut self.running;
        let before = running.len();
        running.retain(|_, scan| {
            let kept = scan.folder != folder;
            if !kept {
                scan.cancel.cancel();
            }
            kept
        });
        if running.len() != before {
            self.report();
        }
    }

    /// Sends the worker the number of scans under way.
    pub(super) fn report(&mut self) {
        self.reported += 1;
        let count = self.running.len();
        self.jobs.push(Job::Scanning(count, self.reported), || None);
    }

    /// Takes what the scans report. True where all folders are to be scanned once more.
    pub(super) fn take(&mut self, event: Event) -> bool {
        match event {
            Event::Scanning(number, done, total) => {
                if let Some(token) = &self.shown
                    && self.running.contains_key(&number)
                {
                    let percentage = (done * 100 / total.max(1)).min(100);
                    self.progress(
                        token,
                        &json!({
                            "kind": "report",
                            "message": format!("{done} of {total} files"),
                            "percentage": percentage,
                        }),
                    );
                }
            }
            Event::Slow(number) => {
                let wanted = self.shown.is_none() && !self.asking;
                if wanted && self.running.contains_key(&number) {
                    self.asking = true;
                    self.ask_progress(number);
                }
            }
            Event::Progress(number, token) => {
                self.asking = false;
                if self.any() && number != 0 {
                    let begin = json!({
                        "kind": "begin",
                        "title": "Preflight: scanning",
                        "cancellable": false,
                        "percentage": 0,
                    });
                    self.progress(&token, &begin);
                    self.shown = Some(token);
                }
            }
            // Some offer that although the scan is not cancellable. It goes on: half a folder would be reported
            // as if it were the whole, with a plan missing that the other half declares.
            Event::HideProgress(token) if self.shown.as_ref() == Some(&token) => {
                self.end_progress();
            }
            Event::Scanned(number, folder, scan) => {
                // A scan that was given up is not among them any more.
                if self.running.remove(&number).is_none() {
                    return false;
                }
                match scan {
                    Some(scan) => self.jobs.push(Job::Install(*scan), || None),
                    None => log::line(&format!("scanning {} failed", folder.display())),
                }
                if !self.any() && std::mem::take(&mut self.again) {
                    return true;
                }
                self.report();
            }
            _ => {}
        }
        false
    }

    fn ask_progress(&self, number: u64) {
        let client = self.client.clone();
        let token = ProgressToken::String(format!("preflight/scan/{number}"));
        let asked = token.clone();
        let events = self.events.clone();
        self.runtime.spawn(async move {
            let asking = client.create_work_done_progress(asked);
            let answer = tokio::time::timeout(REQUEST_TIMEOUT, asking).await;
            // A client that refuses is sent nothing for the token: number 0 names no scan.
            let number = if matches!(answer, Ok(Ok(()))) {
                number
            } else {
                0
            };
            let _ = events.send(Event::Progress(number, token));
        });
    }

    /// Ends what is shown, if anything is.
    pub(super) fn end_progress(&mut self) {
        if let Some(token) = self.shown.take() {
            self.progress(&token, &json!({"kind": "end"}));
        }
    }

    fn progress(&self, token: &ProgressToken, value: &serde_json::Value) {
        self.output
            .notify("$/progress", json!({"token": token, "value": value}));
    }
}
