//! Scans workspace folders on separate threads, and shows progress when a scan lasts.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tower_lsp::ls_types::ProgressToken;

use super::log;
use super::state::{State, answered};
use crate::analysis::{Cancel, scan};

/// A scan is shown when it lasts longer, unless set otherwise.
pub(super) const SLOW: Duration = Duration::from_millis(500);

/// Files between two reports of progress.
const STEP: usize = 512;

/// The scans under way.
#[derive(Default)]
pub(super) struct Scans {
    running: Vec<(PathBuf, Cancel)>,
    /// Scan all folders once more when these are done.
    again: bool,
    /// The client shows progress under this token.
    shown: Option<ProgressToken>,
    /// It is being asked to, or will be when the scans last.
    asking: bool,
    /// How often it was asked: each time under another token.
    asked: u64,
}

impl State {
    /// Scans all folders.
    pub(super) fn scan_folders(&mut self) {
        for folder in self.folders.clone() {
            self.scan(folder);
        }
    }

    /// Scans all folders once more. A scan under way may have passed where something is new, but is not begun again each
    /// time.
    pub(super) fn scan_again(&mut self) {
        if self.scans.running.is_empty() {
            self.scan_folders();
        } else {
            self.scans.again = true;
        }
    }

    /// Scans a folder; a scan of it that is under way is given up.
    pub(super) fn scan(&mut self, folder: PathBuf) {
        self.stop_scan(&folder);
        let cancel = Cancel::default();
        self.scans.running.push((folder.clone(), cancel.clone()));
        self.show_scans_that_last();
        let (state, options) = (self.own(), self.options.clone());
        let work = move || {
            let reported = AtomicUsize::new(0);
            let progress = |done: usize, total: usize| {
                let step = done / STEP;
                if reported.fetch_max(step, Ordering::Relaxed) < step {
                    state.lock().scan_progress(done, total);
                }
            };
            let scanned = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                scan(&folder, &options, &cancel, &progress)
            }));
            if cancel.is_cancelled() {
                return;
            }
            let own = state.clone();
            state.lock().update(move |analysis| {
                // It may have been given up while it waited.
                if cancel.is_cancelled() {
                    return;
                }
                own.lock().scan_ended(&folder);
                match scanned {
                    Ok(scan) => analysis.install(scan),
                    Err(_) => log::line(&format!("scanning {} failed", folder.display())),
                }
            });
        };
        let started = std::thread::Builder::new()
            .name("scan".to_owned())
            .spawn(work);
        if let Err(error) = started {
            log::line(&format!("a folder cannot be scanned: {error}"));
            self.scans.running.pop();
        }
    }

    fn scan_ended(&mut self, folder: &Path) {
        self.scans.running.retain(|(it, _)| it != folder);
        if self.scans.running.is_empty() && std::mem::take(&mut self.scans.again) {
            self.scan_folders();
        }
    }

    /// Gives up the scan of a folder.
    pub(super) fn stop_scan(&mut self, folder: &Path) {
        for (_, cancel) in self.scans.running.extract_if(.., |(it, _)| it == folder) {
            cancel.cancel();
        }
    }

    /// Gives up all scans.
    pub(super) fn stop_scans(&mut self) {
        self.scans
            .running
            .drain(..)
            .for_each(|(_, cancel)| cancel.cancel());
    }

    /// Whether any is under way, or has ended and is not handed over.
    pub(super) fn is_scanning(&self) -> bool {
        !self.scans.running.is_empty()
    }

    /// Asks the client to show progress if the scans are still under way after a while.
    fn show_scans_that_last(&mut self) {
        if !self.caps.progress || self.scans.asking || self.scans.shown.is_some() {
            return;
        }
        self.scans.asking = true;
        self.scans.asked += 1;
        let token = ProgressToken::String(format!("preflight/scan/{}", self.scans.asked));
        let (state, client, slow) = (self.own(), self.client.clone(), self.slow);
        self.runtime.spawn(async move {
            tokio::time::sleep(slow).await;
            let lasts = state.lock().is_scanning();
            let asked = client.create_work_done_progress(token.clone());
            let shows = lasts && matches!(answered(asked).await, Some(Ok(())));
            let mut state = state.lock();
            state.scans.asking = false;
            if shows && state.is_scanning() {
                state.progress(
                    &token,
                    &json!({
                        "kind": "begin",
                        "title": "Preflight: scanning",
                        "cancellable": false,
                        "percentage": 0,
                    }),
                );
                state.scans.shown = Some(token);
            }
        });
    }

    fn scan_progress(&self, done: usize, total: usize) {
        if let Some(token) = &self.scans.shown {
            let percentage = (done * 100 / total.max(1)).min(100);
            let message = format!("{done} of {total} files");
            self.progress(
                token,
                &json!({"kind": "report", "message": message, "percentage": percentage}),
            );
        }
    }

    /// Some clients offer to cancel although the scan is not cancellable. It goes on: half a folder would be reported as if
    /// it were the whole, with a plan missing that the other half declares.
    pub(super) fn hide_scans(&mut self, token: &ProgressToken) {
        if self.scans.shown.as_ref() == Some(token) {
            self.end_progress();
        }
    }

    /// The worker has looked at all that the scans found.
    pub(super) fn end_progress(&mut self) {
        if let Some(token) = self.scans.shown.take() {
            self.progress(&token, &json!({"kind": "end"}));
        }
    }

    fn progress(&self, token: &ProgressToken, value: &Value) {
        let params = json!({"token": token, "value": value});
        self.output.notify("$/progress", params);
    }
}
