//! What goes out: one queue, one writing thread, and a bound on what waits for a client that does not read.
//!
//! Diagnostics come from the judge and answers from the protocol's runtime, and both must reach the client whole and
//! soon. The judge writes its frames here itself; going through the runtime would cost two more changes of thread on
//! each keystroke.
//!
//! A client that does not read must not stop the server from reading: it may be busy sending. So diagnostics that wait
//! are replaced by newer ones of the same document, which bounds them, and answers pile up until [`LIMIT`]; only then
//! does the server stop taking requests.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::io::AsyncWrite;

use super::message::Wrong;
use super::spelling::Spelling;

/// Bytes of answers that may wait for the client to read.
const LIMIT: usize = 64 << 20;

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
    full: Vec<Waker>,
}

/// The way out.
#[derive(Debug, Default)]
pub(super) struct Output {
    queue: Mutex<Queue>,
    filled: Condvar,
    drained: Condvar,
    /// What the client calls its documents: everything that goes out is spelled so.
    pub(super) spelling: Spelling,
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
        if let Some(frame) = frame(method, params) {
            self.push(frame);
        }
    }

    /// Answers what is no message.
    pub(super) fn refuse(&self, wrong: &Wrong) {
        let (code, message) = wrong.error();
        let id = match wrong {
            Wrong::Message(id) | Wrong::Unknown(id) => serde_json::json!(id),
            Wrong::Header | Wrong::Json => serde_json::Value::Null,
        };
        let error = serde_json::json!({"code": code, "message": message});
        let answer = serde_json::json!({"jsonrpc": "2.0", "id": id, "error": error});
        if let Some(frame) = framed(&answer) {
            self.push(frame);
        }
    }

    /// Sends the diagnostics of a document, in place of older ones that are still waiting.
    pub(super) fn publish(&self, uri: &str, params: impl Serialize) {
        let Some(frame) = frame("textDocument/publishDiagnostics", params) else {
            return;
        };
        let frame = self.spelling.outbound(frame);
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

    fn push(&self, frame: Vec<u8>) {
        let frame = self.spelling.outbound(frame);
        let mut queue = self.lock();
        if !queue.closed {
            queue.waiting += frame.len();
            queue.slots.push_back(Slot::Frame(frame));
            drop(queue);
            self.filled.notify_one();
        }
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
                if queue.waiting < LIMIT {
                    queue.full.drain(..).for_each(Waker::wake);
                }
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
            // Nobody reads any more; stdin will say so too.
            queue.closed = true;
            queue.slots.clear();
            queue.diagnostics.clear();
            queue.waiting = 0;
            queue.full.drain(..).for_each(Waker::wake);
        }
        self.drained.notify_all();
    }

    /// Takes nothing more, and waits at most `patience` until what was taken is written.
    pub(super) fn close(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut queue = self.lock();
        queue.closed = true;
        self.filled.notify_all();
        while queue.writing || !queue.slots.is_empty() {
            let Some(left) = until.checked_duration_since(Instant::now()) else {
                return;
            };
            let waited = self.drained.wait_timeout(queue, left);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A notification as it goes over the wire.
fn frame(method: &str, params: impl Serialize) -> Option<Vec<u8>> {
    #[derive(Serialize)]
    struct Notification<'a, P> {
        jsonrpc: &'a str,
        method: &'a str,
        params: P,
    }
    framed(&Notification {
        jsonrpc: "2.0",
        method,
        params,
    })
}

fn framed(message: &impl Serialize) -> Option<Vec<u8>> {
    let body = serde_json::to_vec(message).ok()?;
    let mut frame = Vec::with_capacity(body.len() + 32);
    write!(frame, "Content-Length: {}\r\n\r\n", body.len()).ok()?;
    frame.extend_from_slice(&body);
    Some(frame)
}

/// The side that the protocol's runtime writes answers to. Each write is taken whole, so frames stay whole.
#[derive(Debug)]
pub(super) struct Answers(pub(super) Arc<Output>);

impl AsyncWrite for Answers {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut queue = self.0.lock();
        if queue.waiting >= LIMIT {
            queue.full.push(context.waker().clone());
            return Poll::Pending;
        }
        drop(queue);
        self.0.push(bytes.to_vec());
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
