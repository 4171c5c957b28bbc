//! One line on standard error while something lasts, and only on a terminal.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long a run stays silent.
const DELAY: Duration = Duration::from_millis(500);

/// How often the line changes.
const RHYTHM: Duration = Duration::from_millis(100);

/// A line of progress; may be used from any thread.
#[derive(Debug)]
pub struct Progress {
    shown: bool,
    started: Instant,
    last: Mutex<Option<Instant>>,
}

impl Progress {
    /// Starts the clock.
    pub fn start() -> Self {
        Progress {
            shown: std::io::stderr().is_terminal(),
            started: Instant::now(),
            last: Mutex::new(None),
        }
    }

    /// Reports progress.
    pub fn step(&self, what: &str, done: usize, total: usize) {
        if !self.shown || self.started.elapsed() < DELAY {
            return;
        }
        let Ok(mut last) = self.last.try_lock() else {
            return;
        };
        if last.is_some_and(|last| last.elapsed() < RHYTHM) {
            return;
        }
        *last = Some(Instant::now());
        let _ = write!(std::io::stderr(), "\r\x1b[K{what} {done}/{total}");
    }

    /// Removes the line.
    pub fn done(&self) {
        if self.last.lock().is_ok_and(|last| last.is_some()) {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
