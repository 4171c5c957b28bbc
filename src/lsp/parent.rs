//! Ending when the editor is gone, even if something else still holds the pipe.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// How often to look.
const EVERY: Duration = Duration::from_secs(2);

/// A thread that looks; it ends when this is dropped.
#[must_use]
pub(super) struct Watch {
    _open: mpsc::Sender<()>,
}

/// Calls `gone` once, when the process that started the client is no more. The end of stdin usually comes first; this is
/// for a client that was killed while a child of its own kept the pipe open.
pub(super) fn watch(process: u32, gone: impl FnOnce() + Send + 'static) -> Watch {
    let (open, closed) = mpsc::channel();
    if let Some(alive) = watcher(process) {
        // Where no thread can be had, the end of stdin has to do.
        let _ = std::thread::Builder::new()
            .name("parent".to_owned())
            .spawn(move || {
                while alive() {
                    if closed.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                        return;
                    }
                }
                gone();
            });
    }
    Watch { _open: open }
}

/// A process that is not there to begin with is not watched: the client may live in another container, where its number
/// means another process.
fn watcher(process: u32) -> Option<impl Fn() -> bool + Send + 'static> {
    let alive = move || process_alive::state(process.into()) != process_alive::State::Dead;
    (process != 0 && alive()).then_some(alive)
}
