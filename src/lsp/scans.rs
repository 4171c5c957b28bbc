//! Scanning workspace folders on threads of their own, and showing it only where it lasts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tower_lsp::ls_types::ProgressToken;

use super::actor::{Actor, REQUEST_TIMEOUT};
use super::event::Event;
use super::jobs::Job;
use super::log;
use crate::analysis::{self, Cancel};

/// A scan is shown when it lasts longer, unless set otherwise.
pub(super) const SLOW: Duration = Duration::from_millis(500);

/// Files between two reports of progress.
const STEP: usize = 512;

struct Running {
    folder: PathBuf,
    cancel: Cancel,
}

/// The scans under way.
#[derive(Default)]
pub(super) struct Scans {
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
}

impl Actor {
    /// Scans a folder; a scan of it that is under way is given up.
    pub(super) fn scan(&mut self, folder: PathBuf) {
        self.forget_scan(&folder);
        self.scans.last += 1;
        let number = self.scans.last;
        let cancel = Cancel::default();
        let running = Running {
            folder: folder.clone(),
            cancel: cancel.clone(),
        };
        self.scans.running.insert(number, running);
        self.send_to_worker();
        let events = self.events.clone();
        let options = self.options.clone();
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
            self.scans.running.remove(&number);
            self.send_to_worker();
            return;
        }
        if self.caps.progress {
            let events = self.events.clone();
            let slow = self.slow;
            self.runtime.spawn(async move {
                tokio::time::sleep(slow).await;
                let _ = events.send(Event::Slow(number));
            });
        }
    }

    /// Gives up the scan of a folder.
    pub(super) fn forget_scan(&mut self, folder: &Path) {
        let running = &mut self.scans.running;
        let before = running.len();
        running.retain(|_, scan| {
            let kept = scan.folder != folder;
            if !kept {
                scan.cancel.cancel();
            }
            kept
        });
        if running.len() != before {
            self.send_to_worker();
        }
    }

    /// Sends the worker the number of scans under way.
    pub(super) fn send_to_worker(&mut self) {
        self.scans.reported += 1;
        let count = self.scans.running.len();
        self.push(Job::Scanning(count, self.scans.reported));
    }

    /// Takes what the scans report.
    pub(super) fn scan_event(&mut self, event: Event) {
        match event {
            Event::Scanning(number, done, total) => {
                if let Some(token) = &self.scans.shown
                    && self.scans.running.contains_key(&number)
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
                let wanted = self.scans.shown.is_none() && !self.scans.asking;
                if wanted && self.scans.running.contains_key(&number) {
                    self.scans.asking = true;
                    self.ask_progress(number);
                }
            }
            Event::Progress(number, token) => {
                self.scans.asking = false;
                if self.scans.any() && number != 0 {
                    let begin = json!({
                        "kind": "begin",
                        "title": "Preflight: scanning",
                        "cancellable": false,
                        "percentage": 0,
                    });
                    self.progress(&token, &begin);
                    self.scans.shown = Some(token);
                }
            }
            // Some offer that although the scan is not cancellable. It goes on: half a folder would be reported
            // as if it were the whole, with a plan missing that the other half declares.
            Event::HideProgress(token) if self.scans.shown.as_ref() == Some(&token) => {
                self.end_progress();
            }
            Event::Scanned(number, folder, scan) => {
                // A scan that was given up is not among them any more.
                if self.scans.running.remove(&number).is_none() {
                    return;
                }
                match scan {
                    Some(scan) => self.push(Job::Install(*scan)),
                    None => log::line(&format!("scanning {} failed", folder.display())),
                }
                if !self.scans.any() && std::mem::take(&mut self.scans.again) {
                    self.scan_folders();
                }
                self.send_to_worker();
            }
            _ => {}
        }
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
        if let Some(token) = self.scans.shown.take() {
            self.progress(&token, &json!({"kind": "end"}));
        }
    }

    fn progress(&self, token: &ProgressToken, value: &serde_json::Value) {
        self.output
            .notify("$/progress", json!({"token": token, "value": value}));
    }
}
