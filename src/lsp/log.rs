//! The server's log: to stderr, where editors collect it, and to a file where one is named.
//!
//! Small on purpose: a line is a time and a sentence, and levels are what `$/setTrace` turns. Each place has a thread that
//! writes to it, since a client may keep stderr as a pipe that it never reads: only that thread waits for it. What
//! such a client does not read is lost, and counted.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Lines that may wait for one place.
const WAITING: usize = 1024;

/// A place that the log goes to.
struct Sink {
    lines: SyncSender<Entry>,
    lost: Arc<AtomicUsize>,
}

enum Entry {
    Line(String),
    /// Everything before this is written when it is answered.
    Mark(SyncSender<()>),
}

static SINKS: LazyLock<Mutex<Vec<Sink>>> = LazyLock::new(|| {
    Mutex::new(
        Sink::start(Box::new(std::io::stderr()))
            .into_iter()
            .collect(),
    )
});

impl Sink {
    fn start(mut to: Box<dyn Write + Send>) -> Option<Sink> {
        let (lines, entries) = sync_channel::<Entry>(WAITING);
        let lost = Arc::new(AtomicUsize::new(0));
        let uncounted = lost.clone();
        let write = move || {
            // A log that cannot be written is no reason to stop.
            let mut put = |line: &str| _ = to.write_all(line.as_bytes()).and_then(|()| to.flush());
            for entry in entries {
                match entry {
                    Entry::Line(line) => put(&line),
                    Entry::Mark(passed) => _ = passed.try_send(()),
                }
                let lost = uncounted.swap(0, Ordering::Relaxed);
                if lost > 0 {
                    put(&format!(
                        "{} {lost} lines came too fast to be kept\n",
                        time()
                    ));
                }
            }
        };
        let started = std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(write);
        started.ok().map(|_| Sink { lines, lost })
    }

    fn line(&self, line: String) {
        if self.lines.try_send(Entry::Line(line)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn sinks() -> MutexGuard<'static, Vec<Sink>> {
    SINKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends the log to a file as well, from now on.
pub(super) fn also_to(file: Box<dyn Write + Send>) {
    sinks().extend(Sink::start(file));
}

/// Writes a line, some time soon.
pub(super) fn line(text: &str) {
    let line = format!("{} {}\n", time(), text.trim_end());
    for sink in sinks().iter() {
        sink.line(line.clone());
    }
}

/// Waits until what was logged is written, but not for long: a place that takes nothing never will.
pub(super) fn flush(timeout: Duration) {
    let marks: Vec<_> = sinks()
        .iter()
        .filter_map(|sink| {
            let (mark, passed) = sync_channel(1);
            sink.lines.try_send(Entry::Mark(mark)).ok()?;
            Some(passed)
        })
        .collect();
    for passed in marks {
        let _ = passed.recv_timeout(timeout);
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

/// Sends the message of a panic to the log instead of straight to stderr, so that the file has it too.
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Takes nothing until the gate opens, then passes on what comes.
    struct Stuck {
        go: Receiver<()>,
        to: Sender<String>,
    }

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            // Once the other end is gone there is no more holding back.
            let _ = self.go.recv();
            let _ = self.to.send(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_waits_for_a_place_that_takes_nothing() {
        let (free, go) = channel();
        let (to, written) = channel();
        let sink = Sink::start(Box::new(Stuck { go, to })).expect("a thread");
        // One is being written, as many as may wait do, and the rest is lost.
        for number in 0..3 * WAITING {
            sink.line(format!("{number}\n"));
        }
        drop(free);
        drop(sink);
        let written: Vec<String> = written.iter().collect();
        assert_eq!(written[0], "0\n");
        let lost = written
            .iter()
            .find(|line| line.contains("came too fast"))
            .expect("what is lost is counted");
        let lost: usize = lost
            .split(' ')
            .nth(1)
            .and_then(|count| count.parse().ok())
            .expect("a count");
        assert_eq!(written.len() - 1 + lost, 3 * WAITING);
    }
}
