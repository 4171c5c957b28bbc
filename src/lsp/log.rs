//! The server's log: to stderr, where editors collect it, and to a file where one is named.
//!
//! A client may keep stderr as a pipe that it never reads, so only a thread of its own waits for it. Lines that such a
//! client does not read are dropped.

use std::io::Write;
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use time::OffsetDateTime;

/// Lines that may wait for stderr.
const MAX_WAITING: usize = 1024;

/// A line, or someone who waits for those before.
enum Entry {
    Line(String),
    Flush(#[allow(dead_code, reason = "dropped when its turn comes")] Sender<()>),
}

static FILE: Mutex<Option<Box<dyn Write + Send>>> = Mutex::new(None);
static STDERR: LazyLock<SyncSender<Entry>> = LazyLock::new(|| {
    let (sender, entries) = sync_channel(MAX_WAITING);
    // Without a thread the receiver is dropped, and nothing is logged here.
    let _ = std::thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || {
            for entry in entries {
                if let Entry::Line(line) = entry {
                    let _ = std::io::stderr().write_all(line.as_bytes());
                }
            }
        });
    sender
});

/// Sends the log to a file as well, from now on.
pub(super) fn also_to(file: Box<dyn Write + Send>) {
    if let Ok(mut place) = FILE.lock() {
        *place = Some(file);
    }
}

/// Logs a line.
pub(super) fn line(text: &str) {
    let line = format!("{} {}\n", time(), text.trim_end());
    if let Ok(mut file) = FILE.lock()
        && let Some(file) = &mut *file
    {
        let _ = file.write_all(line.as_bytes());
    }
    let _ = STDERR.try_send(Entry::Line(line));
}

/// Waits until stderr has what was logged, for so long at most.
pub(super) fn flush(timeout: Duration) {
    let (sender, flushed) = channel();
    let _ = STDERR.try_send(Entry::Flush(sender));
    let _ = flushed.recv_timeout(timeout);
}

/// The time of day, UTC, to the millisecond.
fn time() -> String {
    let (hour, minute, second, millisecond) = OffsetDateTime::now_utc().to_hms_milli();
    format!("{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
}

/// Sends the message of a panic to the log instead of straight to stderr, so that the file has it too.
pub(super) fn catch_panics() {
    std::panic::set_hook(Box::new(|info| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("a thread");
        let backtrace = std::backtrace::Backtrace::capture();
        line(&format!("panic in {name}: {info}\n{backtrace}"));
    }));
}
