//! Input: a thread that reads, so that any kind of stdin works and its end is noticed at once.
//!
//! The protocol's own transport takes the first thing that is no message for the end of all input; here it is answered
//! with the error that JSON-RPC has for it, and the next message is looked for.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use memchr::memmem;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::message::{Message, ProtocolError, decode};
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

const LENGTH: &[u8] = b"Content-Length";

/// Starts the reading thread; the end of the messages is the end of the input. `ending` is set when a client that has
/// begun asks for the end.
pub(super) fn start(
    from: impl Read + Send + 'static,
    output: Arc<Output>,
    ending: Arc<AtomicBool>,
) -> Receiver<Message> {
    let (sender, messages) = channel(WAITING);
    // Where no thread can be had, the sender is dropped with the closure, and the input ends at once.
    let _ = std::thread::Builder::new()
        .name("reader".to_owned())
        .spawn(move || read_all(from, &sender, &ending, &output));
    messages
}

fn read_all(from: impl Read, to: &Sender<Message>, asked_to_end: &AtomicBool, output: &Output) {
    let mut frames = Frames::new(from);
    let mut begun = false;
    while let Some(body) = frames.next() {
        let ending = begun && asked_to_end.load(Ordering::Relaxed);
        let decoded = body.and_then(|body| decode(body, &output.uris));
        let message = match decoded.and_then(|message| in_time(message, begun, ending)) {
            Ok(message) => message,
            Err(error) => {
                output.send(&error.answer());
                continue;
            }
        };
        if let Message::Call(request) = &message {
            match (request.method(), request.id().is_some()) {
                // Passed on, it would cancel the requests that are still being answered, `shutdown` among them; at the
                // end of the input they are answered.
                ("exit", false) => return,
                ("initialize", true) => begun = true,
                ("shutdown", true) => asked_to_end.store(true, Ordering::Relaxed),
                _ => {}
            }
        }
        output.wait_for_room();
        if to.blocking_send(message).is_err() {
            return;
        }
    }
}

/// Refuses a request that does not come between the first and the last.
fn in_time(message: Message, begun: bool, ending: bool) -> Result<Message, ProtocolError> {
    let asks = match &message {
        Message::Call(request) => request.id().map(|id| (request.method(), id)),
        Message::Answer(_) => None,
    };
    match asks {
        Some((method, id)) if !begun && method != "initialize" => {
            Err(ProtocolError::Early(id.clone()))
        }
        Some((_, id)) if ending => Err(ProtocolError::Late(id.clone())),
        _ => Ok(message),
    }
}

/// Cuts the input into messages.
struct Frames<R> {
    from: R,
    buffer: Vec<u8>,
    at: usize,
    /// There is no message at `at`.
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
            let Some(free) = self.buffer.get_mut(before..) else {
                break 0;
            };
            match self.from.read(free) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.unwrap_or(0),
            }
        };
        self.buffer.truncate(before + read);
        if read == 0 {
            return false;
        }
        // The memory of a large message is given back with the next.
        if self.buffer.len() < CHUNK && self.buffer.capacity() > 16 * CHUNK {
            self.buffer.shrink_to(CHUNK);
        }
        true
    }

    /// The next message; `None` at the end.
    fn next(&mut self) -> Option<Result<&[u8], ProtocolError>> {
        // Only after the error was answered: the next message may be long in coming.
        if std::mem::take(&mut self.lost) {
            self.skip();
        }
        loop {
            let rest = self.rest();
            if let Some(end) = memmem::find(rest, b"\r\n\r\n") {
                let headers = rest.get(..end).unwrap_or_default();
                let Some(length) = content_length(headers) else {
                    // A good header may follow at once.
                    self.at += 1;
                    self.lost = true;
                    return Some(Err(ProtocolError::Header));
                };
                self.at += end + 4;
                return self.body(length).map(Ok);
            }
            if rest.len() > HEADERS {
                self.at += 1;
                self.lost = true;
                return Some(Err(ProtocolError::Header));
            }
            if !self.fill(0) {
                return None;
            }
        }
    }

    fn body(&mut self, length: usize) -> Option<&[u8]> {
        while self.rest().len() < length {
            // Not all at once: what a header promises may never come.
            let missing = length - self.rest().len();
            if !self.fill(missing.min(PIECE)) {
                return None;
            }
        }
        let start = self.at;
        self.at += length;
        self.buffer.get(start..self.at)
    }

    /// Skips what is no message, to where the next may begin.
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
                    Ok(body) => String::from_utf8(body.to_vec()).expect("text"),
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
