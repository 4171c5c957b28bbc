//! Output: one queue, one writing thread, and a bound on what waits for a client that does not read.
//!
//! The worker puts diagnostics here itself; going through the runtime would cost two more changes of thread on each
//! keystroke.
//!
//! A client that does not read must not stop the server from reading: it may be busy sending. So diagnostics that wait
//! are replaced by newer ones of the same document, which bounds them, and answers pile up until [`LIMIT`]; from then on
//! requests are refused, which takes little memory, and only at [`END`] does the server stop reading.

use std::collections::{HashMap, VecDeque};
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::client_uris::ClientUris;

/// Bytes of answers that may wait for the client to read before requests are refused.
const LIMIT: usize = 64 << 20;

/// Bytes of answers, refusals among them, that may wait in all.
const END: usize = 2 * LIMIT;

/// Bytes written in one go when much is waiting.
const BATCH: usize = 64 << 10;

#[derive(Debug)]
enum Slot {
    /// A whole frame, or several.
    Frame(Vec<u8>),
    /// The newest diagnostics of a document, found under its URI.
    Diagnostics(Arc<str>),
}

#[derive(Debug, Default)]
struct Queue {
    slots: VecDeque<Slot>,
    diagnostics: HashMap<Arc<str>, Vec<u8>>,
    /// Bytes in `slots`.
    waiting: usize,
    /// The writer is between taking and having written.
    writing: bool,
    closed: bool,
}

/// What goes to the client.
#[derive(Debug, Default)]
pub(super) struct Output {
    queue: Mutex<Queue>,
    filled: Condvar,
    drained: Condvar,
    /// The URIs that the client uses: everything that goes out has them.
    pub(super) uris: ClientUris,
}

impl Output {
    /// Starts the writing thread. It ends when the output is closed and empty, or cannot be written to.
    pub(super) fn start(mut to: impl Write + Send + 'static) -> Arc<Output> {
        let output = Arc::new(Output::default());
        let own = output.clone();
        let run = move || {
            while let Some(bytes) = own.take() {
                let written = to.write_all(&bytes).and_then(|()| to.flush());
                own.wrote(written.is_err());
            }
        };
        let started = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(run);
        if started.is_err() {
            output.wrote(true);
        }
        output
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a notification.
    pub(super) fn notify(&self, method: &str, params: impl Serialize) {
        self.send(&Notification::of(method, params));
    }

    /// Sends a message.
    pub(super) fn send(&self, message: &impl Serialize) {
        let Some(frame) = self.framed(message) else {
            return;
        };
        let mut queue = self.lock();
        if !queue.closed {
            queue.waiting += frame.len();
            queue.slots.push_back(Slot::Frame(frame));
            drop(queue);
            self.filled.notify_one();
        }
    }

    /// A message as it goes over the wire.
    fn framed(&self, message: &impl Serialize) -> Option<Vec<u8>> {
        let body = match self.uris.any() {
            false => serde_json::to_vec(message),
            true => serde_json::to_value(message).and_then(|mut message| {
                self.uris.outbound(&mut message);
                serde_json::to_vec(&message)
            }),
        };
        let body = body.ok()?;
        let mut frame = Vec::with_capacity(body.len() + 32);
        write!(frame, "Content-Length: {}\r\n\r\n", body.len()).ok()?;
        frame.extend_from_slice(&body);
        Some(frame)
    }

    /// Sends the diagnostics of a document, in place of older ones that are still waiting.
    pub(super) fn publish(&self, uri: &str, params: impl Serialize) {
        let message = Notification::of("textDocument/publishDiagnostics", params);
        let Some(frame) = self.framed(&message) else {
            return;
        };
        let mut queue = self.lock();
        if queue.closed {
            return;
        }
        match queue.diagnostics.get_mut(uri) {
            Some(waiting) => *waiting = frame,
            None => {
                let key: Arc<str> = uri.into();
                queue.diagnostics.insert(key.clone(), frame);
                queue.slots.push_back(Slot::Diagnostics(key));
            }
        }
        drop(queue);
        self.filled.notify_one();
    }

    /// Whether so much is waiting that nothing more should be worked out for this client.
    pub(super) fn is_full(&self) -> bool {
        self.lock().waiting >= LIMIT
    }

    /// Waits until less than [`END`] is waiting, or the client has gone.
    pub(super) fn wait_for_room(&self) {
        let full = |queue: &mut Queue| queue.waiting >= END && !queue.closed;
        drop(self.drained.wait_while(self.lock(), full));
    }

    /// Waits for something to write.
    fn take(&self) -> Option<Vec<u8>> {
        let mut queue = self.lock();
        loop {
            let mut bytes = Vec::new();
            while bytes.len() < BATCH {
                let next = match queue.slots.pop_front() {
                    Some(Slot::Frame(frame)) => {
                        queue.waiting -= frame.len();
                        frame
                    }
                    Some(Slot::Diagnostics(uri)) => {
                        queue.diagnostics.remove(&uri).unwrap_or_default()
                    }
                    None => break,
                };
                if bytes.is_empty() {
                    bytes = next;
                } else {
                    bytes.extend_from_slice(&next);
                }
            }
            if !bytes.is_empty() {
                queue.writing = true;
                self.drained.notify_all();
                return Some(bytes);
            }
            if queue.closed {
                return None;
            }
            queue = self
                .filled
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn wrote(&self, failed: bool) {
        let mut queue = self.lock();
        queue.writing = false;
        if failed {
            // The client has gone; the end of stdin will follow.
            queue.closed = true;
            queue.slots.clear();
            queue.diagnostics.clear();
            queue.waiting = 0;
        }
        self.drained.notify_all();
    }

    /// Takes nothing more, and waits at most `timeout` until what was taken is written.
    pub(super) fn close(&self, timeout: Duration) {
        let until = Instant::now() + timeout;
        let mut queue = self.lock();
        queue.closed = true;
        self.filled.notify_all();
        self.drained.notify_all();
        while queue.writing || !queue.slots.is_empty() {
            let Some(left) = until.checked_duration_since(Instant::now()) else {
                return;
            };
            let waited = self.drained.wait_timeout(queue, left);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[derive(Serialize)]
struct Notification<'a, P> {
    jsonrpc: &'a str,
    method: &'a str,
    params: P,
}

impl<'a, P: Serialize> Notification<'a, P> {
    fn of(method: &'a str, params: P) -> Self {
        Notification {
            jsonrpc: "2.0",
            method,
            params,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::mpsc::{Receiver, channel};

    /// Takes nothing until the other end is gone.
    struct Stuck(Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_not_read_piles_up_to_a_bound_and_is_full_before() {
        let (free, gate) = channel();
        let output = Output::start(Stuck(gate));
        let answer = "x".repeat(1 << 20);
        output.send(&answer);
        assert!(!output.is_full());
        // One more may be with the writer.
        (0..END >> 20).for_each(|_| output.send(&answer));
        assert!(output.is_full());
        let waits = output.clone();
        let waiting = std::thread::spawn(move || waits.wait_for_room());
        assert!(!waiting.is_finished());
        drop(free);
        waiting.join().expect("there is space again");
        output.close(Duration::from_secs(60));
        assert!(!output.is_full());
    }
}
