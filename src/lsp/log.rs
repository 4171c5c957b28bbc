//! The server's log: to stderr, where editors collect it, and to a file where one is named.
//!
//! Small on purpose: a line is a time and a sentence, and levels are what `$/setTrace` turns.

use std::io::Write;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

static FILE: OnceLock<Mutex<Box<dyn Write + Send>>> = OnceLock::new();

/// Sends the log to a file as well, from now on.
pub(super) fn also_to(file: Box<dyn Write + Send>) {
    // A second file in one process would be a mistake of ours, and the first one serves.
    let _ = FILE.set(Mutex::new(file));
}

/// Writes a line. A log that cannot be written is no reason to stop.
pub(super) fn line(text: &str) {
    let line = format!("{} {}\n", time(), text.trim_end());
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
    if let Some(file) = FILE.get() {
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = file.write_all(line.as_bytes()).and_then(|()| file.flush());
    }
}

/// The time of day, UTC, to the millisecond.
fn time() -> String {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let seconds = since.as_secs() % 86_400;
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    let (seconds, millis) = (seconds % 60, since.subsec_millis());
    format!("{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z")
}

/// Sends what a panic says to the log instead of straight to stderr, so that the file has it too.
pub(super) fn catch_panics() {
    std::panic::set_hook(Box::new(|info| {
        let thread = std::thread::current();
        line(&format!(
            "fault in {}: {info}\n{}",
            thread.name().unwrap_or("a thread"),
            std::backtrace::Backtrace::capture()
        ));
    }));
}
