//! Output: one queue, one writing thread, and a bound on what waits for a client that does not read.
//!
//! The worker puts diagnostics here itself; going through the runtime would cost two more changes of thread on each
//! keystroke. A client that does not read must not stop the server from reading: it may be busy sending. Only when
//! [`MAX_WAITING`] bytes wait does the server stop reading.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

use super::client_uris;

/// Bytes that may wait for the client.
const MAX_WAITING: usize = 128 << 20;

#[derive(Debug, Default)]
struct Queue {
    bytes: Vec<u8>,
    /// Bytes that the writing thread has taken and not yet written.
    writing: usize,
    closed: bool,
}

impl Queue {
    fn waiting(&self) -> usize {
        self.bytes.len() + self.writing
    }
}

/// What goes to the client.
#[derive(Debug, Default)]
pub(super) struct Output {
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl Output {
    /// Starts the writing thread. It ends when the output is closed and empty, or cannot be written to.
    pub(super) fn start(to: impl Write + Send + 'static) -> Arc<Output> {
        let output = Arc::new(Output::default());
        let own = output.clone();
        let started = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || own.write_all(to));
        output.lock().closed = started.is_err();
        output
    }

    fn write_all(&self, mut to: impl Write) {
        loop {
            let idle = |queue: &mut Queue| queue.bytes.is_empty() && !queue.closed;
            let queue = self.changed.wait_while(self.lock(), idle);
            let mut queue = queue.unwrap_or_else(PoisonError::into_inner);
            let bytes = std::mem::take(&mut queue.bytes);
            if bytes.is_empty() {
                return;
            }
            queue.writing = bytes.len();
            drop(queue);
            let written = to.write_all(&bytes).and_then(|()| to.flush());
            let mut queue = self.lock();
            queue.writing = 0;
            if written.is_err() {
                // The client has gone; the end of stdin will follow.
                queue.closed = true;
                queue.bytes.clear();
            }
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a notification.
    pub(super) fn notify(&self, method: &str, params: impl Serialize) {
        self.send(&Notification {
            jsonrpc: "2.0",
            method,
            params,
        });
    }

    /// Sends a message.
    pub(super) fn send(&self, message: &impl Serialize) {
        let Ok(body) = serde_json::to_string(message) else {
            return;
        };
        let body = client_uris::outbound(body);
        let mut queue = self.lock();
        if !queue.closed {
            let header = format!("Content-Length: {}\r\n\r\n", body.len());
            queue.bytes.extend_from_slice(header.as_bytes());
            queue.bytes.extend_from_slice(body.as_bytes());
            drop(queue);
            self.changed.notify_all();
        }
    }

    /// Waits until less than [`MAX_WAITING`] is waiting, or the client has gone.
    pub(super) fn wait_for_room(&self) {
        let full = |queue: &mut Queue| queue.waiting() >= MAX_WAITING && !queue.closed;
        drop(self.changed.wait_while(self.lock(), full));
    }

    /// Takes nothing more, and waits at most `timeout` until what was taken is written.
    pub(super) fn close(&self, timeout: Duration) {
        let mut queue = self.lock();
        queue.closed = true;
        self.changed.notify_all();
        let unwritten = |queue: &mut Queue| queue.waiting() > 0;
        drop(self.changed.wait_timeout_while(queue, timeout, unwritten));
    }
}

#[derive(Serialize)]
struct Notification<'a, P> {
    jsonrpc: &'a str,
    method: &'a str,
    params: P,
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
    fn what_is_not_read_waits_up_to_a_bound() {
        let (free, gate) = channel();
        let output = Output::start(Stuck(gate));
        let answer = "x".repeat(1 << 20);
        output.send(&answer);
        output.wait_for_room();
        (0..MAX_WAITING >> 20).for_each(|_| output.send(&answer));
        let (sender, freed) = channel();
        let waits = output.clone();
        std::thread::spawn(move || {
            waits.wait_for_room();
            let _ = sender.send(());
        });
        let waited = freed.recv_timeout(Duration::from_millis(100));
        assert!(waited.is_err(), "the queue is still full");
        drop(free);
        freed
            .recv_timeout(Duration::from_secs(60))
            .expect("the queue has space again");
        output.close(Duration::from_secs(60));
        assert_eq!(output.lock().waiting(), 0);
    }
}
