//! A client over a program's standard input and output, for benches: it sends, and waits.

#![allow(dead_code, reason = "each bench uses a part of it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// A client that does nothing but wait.
pub(crate) struct Client {
    pub child: Child,
    pub to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Client {
    pub(crate) fn start(program: &[&str], root: &Path) -> Client {
        let mut child = Command::new(program[0])
            .args(&program[1..])
            .env("HOME", root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let to = child.stdin.take().expect("its input");
        let from = BufReader::new(child.stdout.take().expect("its output"));
        Client { child, to, from }
    }

    pub(crate) fn send(&mut self, message: &Value) {
        let body = message.to_string();
        let frame = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        self.to.write_all(frame.as_bytes()).expect("it listens");
    }

    pub(crate) fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// The next message; requests of the server are answered with nothing.
    pub(crate) fn read(&mut self) -> Value {
        loop {
            let mut length = 0;
            loop {
                let mut line = String::new();
                let read = self.from.read_line(&mut line).expect("it speaks");
                assert!(read > 0, "the server has gone");
                match line.trim().strip_prefix("Content-Length: ") {
                    Some(value) => length = value.parse().expect("a length"),
                    None if line.trim().is_empty() => break,
                    None => {}
                }
            }
            let mut body = vec![0; length];
            self.from.read_exact(&mut body).expect("a body");
            let message: Value = serde_json::from_slice(&body).expect("JSON");
            if message.get("method").is_some() && message.get("id").is_some() {
                self.send(&json!({"jsonrpc": "2.0", "id": message["id"], "result": null}));
                continue;
            }
            return message;
        }
    }

    pub(crate) fn request(&mut self, id: i64, method: &str, params: Value) -> Value {
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let mut message = self.read();
            if message["id"] == id {
                return message["result"].take();
            }
        }
    }

    /// Waits for the diagnostics of a version.
    pub(crate) fn published(&mut self, uri: &str, version: i64) {
        loop {
            let message = self.read();
            let params = &message["params"];
            if message["method"] == "textDocument/publishDiagnostics"
                && params["uri"] == uri
                && params["version"].as_i64().is_none_or(|it| it >= version)
            {
                return;
            }
        }
    }

    /// Memory in MB by its name in `/proc/PID/status` (`VmHWM`: the most ever, `VmRSS`: now); 0 where there is none.
    pub(crate) fn memory(&self, name: &str) -> f64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap_or_default();
        let mut lines = status.lines();
        let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kilobytes.unwrap_or(0.0) / 1024.0
    }
}
