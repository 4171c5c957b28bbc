//! Creates an analysis for a command: scans the folders and computes all results, with progress on a terminal.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::analysis::{Analysis, Cancel, Options, scan};

/// An analysis of these workspace folders, scanned and not yet evaluated.
pub(super) fn scanned(folders: &[PathBuf], options: &Options) -> Analysis {
    let mut analysis = Analysis::new(options.clone());
    analysis.set_folders(folders);
    let progress = Progress::start();
    for folder in folders {
        let step = |done, total| progress.step("reading", done, total);
        analysis.install(scan(folder, options, &Cancel::default(), &step));
    }
    progress.done();
    analysis
}

/// Brings the analysis up to date.
pub(super) fn settle(analysis: &mut Analysis) {
    loop {
        analysis.refresh(&Cancel::default());
        if !analysis.is_pending() {
            return;
        }
    }
}

/// How long a run stays silent.
const DELAY: Duration = Duration::from_millis(500);

/// How often the line of progress changes.
const RHYTHM: Duration = Duration::from_millis(100);

/// One line on standard error while something lasts, and only on a terminal; may be used from any thread.
pub(super) struct Progress {
    /// When the line is written next, and whether it was written before. Nothing where there is no terminal.
    next: Option<Mutex<(Instant, bool)>>,
}

impl Progress {
    pub(super) fn start() -> Self {
        let terminal = std::io::stderr().is_terminal();
        Progress {
            next: terminal.then(|| Mutex::new((Instant::now() + DELAY, false))),
        }
    }

    pub(super) fn step(&self, what: &str, done: usize, total: usize) {
        let Some(Ok(mut next)) = self.next.as_ref().map(Mutex::try_lock) else {
            return;
        };
        let now = Instant::now();
        if now >= next.0 {
            *next = (now + RHYTHM, true);
            let _ = write!(std::io::stderr(), "\r\x1b[K{what} {done}/{total}");
        }
    }

    /// Removes the line.
    pub(super) fn done(self) {
        let next = self.next.and_then(|next| next.into_inner().ok());
        if next.is_some_and(|(_, written)| written) {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
