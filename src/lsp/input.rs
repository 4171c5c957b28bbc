//! Reads stdin on a thread, so that any kind of stdin works and its end is noticed at once.
//!
//! The transport of the protocol's library ends at the first malformed message. Here it is answered with a JSON-RPC error,
//! and reading continues at the next message.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tower_lsp::jsonrpc::{ErrorCode, Id};

use super::message::{Message, decode, refusal};
use super::output::Output;

/// Messages that may wait for the runtime to take them.
const MAX_WAITING: usize = 64;

/// Bytes that one line of a header may have.
const MAX_LINE: u64 = 4 << 10;

/// Bytes that one message may have; files over 64 MB are not read from disk either, and escapes double what they touch.
const MAX_MESSAGE: u64 = 256 << 20;

/// Starts the reading thread; the end of the messages is the end of the input.
pub(super) fn start(from: impl Read + Send + 'static, output: Arc<Output>) -> Receiver<Message> {
    let (sender, messages) = channel(MAX_WAITING);
    // Where no thread can be had, the sender is dropped with the closure, and the input ends at once.
    let _ = std::thread::Builder::new()
        .name("reader".to_owned())
        .spawn(move || read_all(&mut BufReader::new(from), &sender, &output));
    messages
}

fn read_all(from: &mut impl BufRead, to: &Sender<Message>, output: &Output) {
    while let Some(body) = next(from) {
        let body = body.ok_or_else(|| {
            let text = "a header without a usable Content-Length";
            refusal(Id::Null, ErrorCode::ParseError, text)
        });
        match body.and_then(|body| decode(&body)) {
            // Passed on, it would cancel the requests that are still being answered, `shutdown` among them; at the end
            // of the input they are answered.
            Ok(Message::Call(request)) if request.method() == "exit" && request.id().is_none() => {
                return;
            }
            Ok(message) => {
                output.wait_for_room();
                if to.blocking_send(message).is_err() {
                    return;
                }
            }
            Err(answer) => output.send(&answer),
        }
    }
}

/// The body of the next message, `None` inside for a header without a usable length; `None` at the end of the input.
#[allow(clippy::option_option, reason = "an end and an error are two things")]
fn next(from: &mut impl BufRead) -> Option<Option<Vec<u8>>> {
    let (mut length, mut lines) = (None, 0);
    loop {
        let mut line = Vec::new();
        if from.take(MAX_LINE).read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        if line.trim_ascii().is_empty() {
            // Some clients end a body with a line break.
            if lines == 0 {
                continue;
            }
            break;
        }
        lines += 1;
        length = content_length(&line).or(length);
    }
    let Some(length) = length else {
        return Some(None);
    };
    let mut body = Vec::new();
    let read = from.take(length).read_to_end(&mut body).ok()?;
    (read as u64 == length).then_some(Some(body))
}

/// The length that a line of a header gives. It may follow something that was no message.
fn content_length(line: &[u8]) -> Option<u64> {
    let line = String::from_utf8_lossy(line).to_ascii_lowercase();
    let (_, length) = line.rsplit_once("content-length:")?;
    let length = length.trim().parse().ok()?;
    (length <= MAX_MESSAGE).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

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
            let mut from = BufReader::new(Dribble(input.as_bytes(), step));
            let mut found = Vec::new();
            while let Some(next) = super::next(&mut from) {
                found.push(match next {
                    Some(body) => String::from_utf8(body.to_vec()).expect("text"),
                    None => "!".to_owned(),
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
        check(&format!("{long}\r\n{good}"), &["{}"]);
        check(&format!("{long}\r\n\r\n{good}"), &["!", "{}"]);
    }

    #[test]
    fn blank_lines_between_messages_are_passed_over() {
        let one = "Content-Length: 2\r\n\r\n{}";
        check(&format!("\n{one}\r\n\r\n{one}"), &["{}", "{}"]);
    }

    #[test]
    fn what_ends_in_the_middle_is_no_message() {
        check("Content-Length: 5\r\n\r\n{}", &[]);
        check("Content-Le", &[]);
    }
}
