//! What goes out: one queue, one writing thread, and a bound on what waits for a client that does not read.
//!
//! Diagnostics come from the worker and answers from the protocol's runtime, and both must reach the client whole and
//! soon. The worker writes its frames here itself; going through the runtime would cost two more changes of thread on
//! each keystroke.
//!
//! A client that does not read must not stop the server from reading: it may be busy sending. So diagnostics that wait
//! are replaced by newer ones of the same document, which bounds them, and answers pile up until [`LIMIT`]; from then on
//! requests are refused, which takes little room, and only at [`END`] does the server stop taking them.

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
    full: Vec<Waker>,
    /// How often the protocol's runtime has written.
    answered: u64,
}

/// The way out.
#[derive(Debug, Default)]
pub(super) struct Output {
    queue: Mutex<Queue>,
    filled: Condvar,
    drained: Condvar,
    answering: Condvar,
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
        let error = serde_json::json!({"code": code, "message": message});
        let answer = serde_json::json!({"jsonrpc": "2.0", "id": wrong.id(), "error": error});
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

    /// Whether so much is waiting that nothing more should be worked out for this client.
    pub(super) fn is_full(&self) -> bool {
        self.lock().waiting >= LIMIT
    }

    /// How often the protocol's runtime has written.
    pub(super) fn answered(&self) -> u64 {
        self.lock().answered
    }

    /// Waits until it has written once more than so often, or nobody reads any longer.
    pub(super) fn wait_for_answer(&self, before: u64, patience: Duration) {
        let waiting = |queue: &mut Queue| queue.answered == before && !queue.closed;
        let queue = self.lock();
        let waited = self.answering.wait_timeout_while(queue, patience, waiting);
        drop(waited);
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
                if queue.waiting < END {
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
        self.answering.notify_all();
    }

    /// Takes nothing more, and waits at most `patience` until what was taken is written.
    pub(super) fn close(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut queue = self.lock();
        queue.closed = true;
        self.filled.notify_all();
        self.answering.notify_all();
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
        if queue.waiting >= END {
            queue.full.push(context.waker().clone());
            return Poll::Pending;
        }
        drop(queue);
        self.0.push(bytes.to_vec());
        self.0.lock().answered += 1;
        self.0.answering.notify_all();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let mut answers = Answers(output.clone());
        let mut context = Context::from_waker(Waker::noop());
        let answer = vec![0; 1 << 20];
        let mut put = || {
            Pin::new(&mut answers)
                .poll_write(&mut context, &answer)
                .is_ready()
        };
        assert!(put() && !output.is_full());
        let more = std::iter::repeat_with(&mut put);
        let taken = more.take_while(|taken| *taken).take(1_000).count();
        // One more may be with the writer.
        let all = END / answer.len();
        assert!(taken + 1 == all || taken == all, "{taken}");
        assert!(output.is_full());
        drop(free);
        output.close(Duration::from_secs(60));
        assert!(!output.is_full());
    }
}
