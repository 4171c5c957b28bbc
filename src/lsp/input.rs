//! What comes in: a thread that reads, so that any kind of stdin works and its end is noticed at once.
//!
//! Only whole messages pass. The protocol's library takes the first thing that is none for the end of all input; here it
//! is answered with the error that JSON-RPC has for it, and the next message is looked for.

use std::io::{self, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use memchr::memmem;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::lenient;
use super::message::{Kind, Message, Wrong, check};
use super::output::Output;

/// Messages that may wait for the runtime to take them.
const WAITING: usize = 64;

/// Bytes read in one go.
const CHUNK: usize = 64 << 10;

/// Bytes of a large message read in one go.
const PIECE: usize = 4 << 20;

/// Bytes that the headers of one message may have.
const HEADERS: usize = 4 << 10;

/// Bytes that one message may have; files over 64 MB are not read from disk either, and escapes double what they touch.
const MESSAGE: usize = 256 << 20;

/// How long the answer to `initialize` may take before what follows is passed on all the same.
const BEGINNING: Duration = Duration::from_secs(10);

const LENGTH: &[u8] = b"Content-Length";

/// What the runtime reads from. Its end is the end of the input.
#[derive(Debug)]
pub(super) struct Input {
    messages: Receiver<Vec<u8>>,
    now: Vec<u8>,
    at: usize,
}

/// Starts the reading thread. `ending` is set when a client that has begun asks for the end; `ended` is called once, when
/// there is no more to read.
pub(super) fn start(
    from: impl Read + Send + 'static,
    output: Arc<Output>,
    ending: Arc<AtomicBool>,
    ended: impl FnOnce() + Send + 'static,
) -> Input {
    let (sender, messages) = channel(WAITING);
    // Where no thread can be had, the sender is dropped with the closure, and the input ends at once.
    let _ = std::thread::Builder::new()
        .name("reader".to_owned())
        .spawn(move || {
            read_all(from, &sender, &ending, &output);
            drop(sender);
            ended();
        });
    Input {
        messages,
        now: Vec::new(),
        at: 0,
    }
}

fn read_all(from: impl Read, to: &Sender<Vec<u8>>, asked_to_end: &AtomicBool, output: &Output) {
    let mut frames = Frames::new(from);
    let mut begun = false;
    loop {
        let checked = match frames.next() {
            Some(Ok(frame)) => check(frame.body()).map(|message| (frame, message)),
            Some(Err(wrong)) => Err(wrong),
            None => return,
        };
        let ending = begun && asked_to_end.load(Ordering::Relaxed);
        let (frame, kind) = match checked.and_then(|(frame, message)| {
            let kind = message.kind;
            in_time(message, begun, ending).map(|()| (frame, kind))
        }) {
            Ok(taken) => taken,
            Err(wrong) => {
                output.refuse(&wrong);
                continue;
            }
        };
        match kind {
            // Passed on, it would take back the requests that are still being answered, `shutdown` among them; where the
            // input ends they are.
            Kind::Exit => return,
            Kind::Shutdown => asked_to_end.store(true, Ordering::Relaxed),
            _ => {}
        }
        let spelled = output.spelling.inbound(frame.body());
        let body = spelled.as_deref().unwrap_or(frame.body());
        let bytes = match (lenient::corrected(kind, body), spelled.is_some()) {
            (Some(body), _) => framed(&body),
            (None, true) => framed(body),
            (None, false) => frame.bytes,
        };
        let answered = output.answered();
        if to.blocking_send(bytes).is_err() {
            return;
        }
        if kind == Kind::Initialize && !begun {
            begun = true;
            // What comes right behind it would meet a server that has not begun, and be dropped.
            output.wait_for_answer(answered, BEGINNING);
        }
    }
}

/// Whether a request comes between the first and the last.
fn in_time(message: Message, begun: bool, ending: bool) -> Result<(), Wrong> {
    match message.asks {
        Some(id) if !begun && message.kind != Kind::Initialize => Err(Wrong::Early(id)),
        Some(id) if ending => Err(Wrong::Late(id)),
        _ => Ok(()),
    }
}

/// A body with its header.
fn framed(body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A message with its header.
struct Frame {
    bytes: Vec<u8>,
    header: usize,
}

impl Frame {
    fn body(&self) -> &[u8] {
        self.bytes.get(self.header..).unwrap_or_default()
    }
}

/// Cuts the input into messages.
struct Frames<R> {
    from: R,
    buffer: Vec<u8>,
    at: usize,
    /// What stands at `at` is no message.
    lost: bool,
}

impl<R: Read> Frames<R> {
    fn new(from: R) -> Self {
        Frames {
            from,
            buffer: Vec::new(),
            at: 0,
            lost: false,
        }
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.at..).unwrap_or_default()
    }

    /// Reads more; `false` at the end.
    fn fill(&mut self, wanted: usize) -> bool {
        if self.at > 0 {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        let before = self.buffer.len();
        self.buffer.resize(before + wanted.max(CHUNK), 0);
        let read = loop {
            let Some(layer) = self.buffer.get_mut(before..) else {
                break 0;
            };
            match self.from.read(layer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.unwrap_or(0),
            }
        };
        self.buffer.truncate(before + read);
        if read == 0 {
            return false;
        }
        // What a large message made of it is given back with the next.
        if self.buffer.len() < CHUNK && self.buffer.capacity() > 16 * CHUNK {
            self.buffer.shrink_to(CHUNK);
        }
        true
    }

    /// The next message; `None` at the end.
    fn next(&mut self) -> Option<Result<Frame, Wrong>> {
        // Not before what was wrong has been told: what comes next may be long in coming.
        if std::mem::take(&mut self.lost) {
            self.skip();
        }
        loop {
            let rest = self.rest();
            if let Some(end) = memmem::find(rest, b"\r\n\r\n") {
                let headers = rest.get(..end).unwrap_or_default();
                let Some(length) = content_length(headers) else {
                    // Good headers may stand right after the rubbish.
                    self.at += 1;
                    self.lost = true;
                    return Some(Err(Wrong::Header));
                };
                self.at += end + 4;
                return self.body(length).map(Ok);
            }
            if rest.len() > HEADERS {
                self.at += 1;
                self.lost = true;
                return Some(Err(Wrong::Header));
            }
            if !self.fill(0) {
                return None;
            }
        }
    }

    fn body(&mut self, length: usize) -> Option<Frame> {
        let mut bytes = format!("Content-Length: {length}\r\n\r\n").into_bytes();
        let header = bytes.len();
        while self.rest().len() < length {
            // Not all at once: what a header promises may never come.
            let missing = length - self.rest().len();
            if !self.fill(missing.min(PIECE)) {
                return None;
            }
        }
        bytes.extend_from_slice(self.rest().get(..length)?);
        self.at += length;
        Some(Frame { bytes, header })
    }

    /// Passes over what is no message, to where the next may begin.
    fn skip(&mut self) {
        loop {
            if let Some(next) = memmem::find(self.rest(), LENGTH) {
                self.at += next;
                return;
            }
            // The word may be cut by the end of what was read.
            let kept = self.rest().len().min(LENGTH.len() - 1);
            self.at = self.buffer.len() - kept;
            if !self.fill(0) {
                self.at = self.buffer.len();
                return;
            }
        }
    }
}

fn content_length(headers: &[u8]) -> Option<usize> {
    let headers = std::str::from_utf8(headers).ok()?;
    let found = headers.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("Content-Length").then_some(value)
    });
    let length = found?.trim().parse().ok()?;
    (length <= MESSAGE).then_some(length)
}

impl AsyncRead for Input {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.at == self.now.len() {
            match self.messages.poll_recv(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Ready(Some(message)) => {
                    self.now = message;
                    self.at = 0;
                }
            }
        }
        let rest = self.now.get(self.at..).unwrap_or_default();
        let taken = rest.len().min(buffer.remaining());
        buffer.put_slice(rest.get(..taken).unwrap_or_default());
        self.at += taken;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time.
    struct Dribble<'a>(&'a [u8], usize);

    impl Read for Dribble<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            let (now, later) = self.0.split_at(count);
            buffer[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }

    /// The bodies found, and `!` for each thing that was none, however the input is cut.
    fn check(input: &str, want: &[&str]) {
        for step in [1, 2, 3, 7, 1 << 20] {
            let mut frames = Frames::new(Dribble(input.as_bytes(), step));
            let mut found = Vec::new();
            while let Some(next) = frames.next() {
                found.push(match next {
                    Ok(frame) => String::from_utf8(frame.body().to_vec()).expect("text"),
                    Err(_) => "!".to_owned(),
                });
            }
            assert_eq!(found, want, "{input:?} by {step}");
        }
    }

    #[test]
    fn messages_follow_each_other() {
        check("", &[]);
        check("Content-Length: 2\r\n\r\n{}", &["{}"]);
        let two = "Content-Length: 2\r\n\r\n{}content-length:3\r\nContent-Type: x\r\n\r\n[1]";
        check(two, &["{}", "[1]"]);
        check(
            "Content-Length: 0\r\n\r\nContent-Length: 1\r\n\r\n1",
            &["", "1"],
        );
    }

    #[test]
    fn what_is_no_message_is_passed_over() {
        let good = "Content-Length: 2\r\n\r\n{}";
        check(&format!("X: 1\r\n\r\nrubbish{good}"), &["!", "{}"]);
        check(&format!("Content-Length: x\r\n\r\n{good}"), &["!", "{}"]);
        check(&format!("Content-Length: -1\r\n\r\n{good}"), &["!", "{}"]);
        check(
            &format!("Content-Length: 99999999999999999999\r\n\r\n{{}}{good}"),
            &["!", "{}"],
        );
        check(
            &format!("Content-Length: 999999999999\r\n\r\n{{}}{good}"),
            &["!", "{}"],
        );
        let long = "x".repeat(10_000);
        check(&format!("{long}{good}"), &["!", "{}"]);
    }

    #[test]
    fn what_ends_in_the_middle_is_no_message() {
        check("Content-Length: 5\r\n\r\n{}", &[]);
        check("Content-Le", &[]);
    }
}
