//! A client for tests: it speaks the protocol over pipes, answers what a server may ask, and fails when something that
//! it was sent was never looked at.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use preflight::lsp::{End, Setup, serve};
use serde_json::{Value, json};

/// Nothing here takes long; whoever waits so long waits for something that does not come.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// What was last published for a document.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    pub version: Option<i64>,
    pub diagnostics: Vec<Value>,
    looked_at: bool,
}

/// The client.
pub(crate) struct Client {
    to: Option<Box<dyn Write + Send>>,
    messages: Receiver<Value>,
    server: Option<JoinHandle<End>>,
    published: BTreeMap<String, Published>,
    /// The version of each open document that was sent last.
    versions: BTreeMap<String, i64>,
    /// Notifications of other kinds, not looked at yet.
    notifications: VecDeque<Value>,
    /// Answers that were not taken yet.
    answers: BTreeMap<i64, Value>,
    /// Requests that the server sent, method and parameters.
    pub asked: Vec<(String, Value)>,
    /// Methods of requests to leave without an answer.
    pub silent_on: BTreeSet<&'static str>,
    /// Methods of requests to refuse.
    pub refuses: BTreeSet<&'static str>,
    /// What `workspace/configuration` is answered with.
    pub settings: Value,
    /// In its place, for the scopes that are named here.
    pub scoped_settings: BTreeMap<String, Value>,
    id: i64,
    /// How the server has to end when the client leaves.
    pub leaves: Leaves,
}

/// How the client leaves when dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaves {
    /// `shutdown`, `exit`.
    Politely,
    /// The test has seen to it.
    Gone,
}

impl Client {
    /// A server in this process, and a client of it that has sent nothing yet.
    pub(crate) fn start(setup: Setup) -> Client {
        let (server_in, to) = std::io::pipe().expect("a pipe");
        let (from, server_out) = std::io::pipe().expect("a pipe");
        let server = std::thread::spawn(move || serve(server_in, server_out, setup));
        let mut client = Client::over(from, to);
        client.server = Some(server);
        client
    }

    /// A client over any two ends.
    pub(crate) fn over(
        from: impl Read + Send + 'static,
        to: impl Write + Send + 'static,
    ) -> Client {
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut from = BufReader::new(from);
            while let Some(message) = read(&mut from) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        Client {
            to: Some(Box::new(to)),
            messages,
            server: None,
            published: BTreeMap::new(),
            versions: BTreeMap::new(),
            notifications: VecDeque::new(),
            answers: BTreeMap::new(),
            asked: Vec::new(),
            silent_on: BTreeSet::new(),
            refuses: BTreeSet::new(),
            settings: Value::Null,
            scoped_settings: BTreeMap::new(),
            id: 0,
            leaves: Leaves::Politely,
        }
    }

    /// The same, initialized for a folder with what VS Code of old can: push, and everything about edits.
    pub(crate) fn initialized(root: &Path) -> Client {
        Client::with(root, all(), Setup::default())
    }

    /// The same with other capabilities.
    pub(crate) fn with(root: &Path, capabilities: Value, setup: Setup) -> Client {
        let mut client = Client::start(at_home(setup, root));
        client.initialize(&json!({
            "processId": std::process::id(),
            "rootUri": uri(root),
            "workspaceFolders": [{"uri": uri(root), "name": "root"}],
            "capabilities": capabilities,
        }));
        client
    }

    /// `initialize` and `initialized`; returns the answer.
    pub(crate) fn initialize(&mut self, params: &Value) -> Value {
        let answer = self.request("initialize", params);
        self.notify("initialized", &json!({}));
        answer
    }

    fn send(&mut self, message: &Value) {
        let body = serde_json::to_vec(message).expect("a message");
        let to = self.to.as_mut().expect("an open end");
        let mut frame = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
        frame.extend_from_slice(&body);
        to.write_all(&frame).expect("a server that listens");
        to.flush().expect("a server that listens");
    }

    /// Bytes that need not be a message.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        let to = self.to.as_mut().expect("an open end");
        to.write_all(bytes).expect("a server that listens");
        to.flush().expect("a server that listens");
    }

    /// The same to a server that may have gone by what it was sent.
    pub(crate) fn try_send_raw(&mut self, bytes: &[u8]) {
        if let Some(to) = self.to.as_mut() {
            let _ = to.write_all(bytes).and_then(|()| to.flush());
        }
    }

    pub(crate) fn notify(&mut self, method: &str, params: &Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Sends a request; its number is for [`Client::answer`].
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> i64 {
        self.id += 1;
        let mut message = json!({"jsonrpc": "2.0", "id": self.id, "method": method});
        if !params.is_null() {
            message["params"] = params.clone();
        }
        self.send(&message);
        self.id
    }

    /// Waits for the answer to a request: its result, or its error.
    pub(crate) fn answer(&mut self, id: i64) -> Result<Value, Value> {
        loop {
            if let Some(answer) = self.answers.remove(&id) {
                return match answer.get("error") {
                    Some(error) => Err(error.clone()),
                    None => Ok(answer["result"].clone()),
                };
            }
            self.take();
        }
    }

    /// A request that is answered with a result.
    pub(crate) fn request(&mut self, method: &str, params: &Value) -> Value {
        let id = self.ask(method, params);
        self.answer(id)
            .unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// A request that is refused: the code of the error.
    pub(crate) fn refused(&mut self, method: &str, params: &Value) -> i64 {
        let id = self.ask(method, params);
        let error = self.answer(id).expect_err("an error");
        error["code"].as_i64().expect("a code")
    }

    /// Takes one message.
    fn take(&mut self) {
        self.take_or("");
    }

    /// Takes one message; fails with these words where none comes.
    pub(crate) fn take_or(&mut self, waiting: &str) {
        let message = match self.messages.recv_timeout(REQUEST_TIMEOUT) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => panic!("the server says nothing: {waiting}"),
            Err(RecvTimeoutError::Disconnected) => panic!("the server has gone"),
        };
        self.sort(message);
    }

    fn sort(&mut self, message: Value) {
        let method = message["method"].as_str().map(str::to_owned);
        let id = message.get("id").filter(|id| !id.is_null()).cloned();
        match (method, id) {
            (Some(method), Some(id)) => self.asked(&method, &message["params"], &id),
            (Some(method), None) if method == "textDocument/publishDiagnostics" => {
                let params = &message["params"];
                let diagnostics = params["diagnostics"].as_array().expect("diagnostics");
                let published = Published {
                    version: params["version"].as_i64(),
                    diagnostics: diagnostics.clone(),
                    looked_at: false,
                };
                let uri = params["uri"].as_str().expect("a URI").to_owned();
                self.published.insert(uri, published);
            }
            (Some(_), None) => self.notifications.push_back(message),
            (None, id) => {
                let id = id.and_then(|id| id.as_i64()).unwrap_or(-1);
                self.answers.insert(id, message);
            }
        }
    }

    fn asked(&mut self, method: &str, params: &Value, id: &Value) {
        self.asked.push((method.to_owned(), params.clone()));
        if self.silent_on.contains(method) || self.to.is_none() {
            return;
        }
        if self.refuses.contains(method) {
            let error = json!({"code": -32601, "message": "no such method"});
            self.send(&json!({"jsonrpc": "2.0", "id": id, "error": error}));
            return;
        }
        let result = match method {
            "workspace/configuration" => {
                let items = params["items"].as_array().cloned().unwrap_or_default();
                let of = |item: &Value| {
                    let scope = item["scopeUri"].as_str().unwrap_or_default();
                    let own = self.scoped_settings.get(scope);
                    own.unwrap_or(&self.settings).clone()
                };
                items.iter().map(of).collect()
            }
            _ => Value::Null,
        };
        self.send(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
    }

    /// Waits until a document's diagnostics are such as wanted; returns them.
    pub(crate) fn until(&mut self, uri: &str, wanted: impl Fn(&Published) -> bool) -> Vec<Value> {
        loop {
            if let Some(published) = self.published.get_mut(uri) {
                published.looked_at = true;
                if wanted(published) {
                    return published.diagnostics.clone();
                }
            }
            self.take();
        }
    }

    /// Waits for the diagnostics that answer a version of a document.
    pub(crate) fn diagnostics(&mut self, uri: &str, version: i64) -> Vec<Value> {
        self.until(uri, |it| it.version.is_some_and(|it| it >= version))
    }

    /// Waits until so many diagnostics are shown for a file; of an open document, for the version that was sent last.
    pub(crate) fn count(&mut self, uri: &str, count: usize) -> Vec<Value> {
        let version = self.versions.get(uri).copied();
        self.until(uri, |it| {
            it.diagnostics.len() == count && (version.is_none() || it.version == version)
        })
    }

    /// What is shown for a document at present.
    pub(crate) fn shown(&mut self, uri: &str) -> Option<Published> {
        let published = self.published.get_mut(uri)?;
        published.looked_at = true;
        Some(published.clone())
    }

    /// Everything that is shown, by URI.
    pub(crate) fn all_shown(&mut self) -> BTreeMap<String, Vec<Value>> {
        let shown = self.published.iter_mut();
        shown
            .map(|(uri, published)| {
                published.looked_at = true;
                (uri.clone(), published.diagnostics.clone())
            })
            .collect()
    }

    /// The files with something to show.
    pub(crate) fn found(&mut self) -> Vec<String> {
        let shown = self.all_shown().into_iter();
        let shown = shown.filter(|(_, diagnostics)| !diagnostics.is_empty());
        shown.map(|(uri, _)| uri).collect()
    }

    /// Waits until the client has seen such things.
    pub(crate) fn until_all(&mut self, wanted: impl Fn(&mut Client) -> bool) {
        while !wanted(self) {
            self.take();
        }
    }

    /// Waits for a notification of a kind; returns its parameters.
    pub(crate) fn notification(&mut self, method: &str) -> Value {
        loop {
            let at = self
                .notifications
                .iter()
                .position(|it| it["method"] == method);
            if let Some(message) = at.and_then(|at| self.notifications.remove(at)) {
                return message["params"].clone();
            }
            self.take();
        }
    }

    /// Waits for a notification of a kind, or for the answer to a request if that comes first.
    pub(crate) fn notification_before(&mut self, method: &str, answer: i64) -> Option<Value> {
        loop {
            let come = self.notifications.iter().any(|it| it["method"] == method);
            if come {
                return Some(self.notification(method));
            }
            if self.answers.contains_key(&answer) {
                return None;
            }
            self.take();
        }
    }

    /// The notifications of a kind that have come so far: their parameters.
    pub(crate) fn notifications(&mut self, method: &str) -> Vec<Value> {
        let all = std::mem::take(&mut self.notifications);
        let (wanted, rest): (VecDeque<Value>, VecDeque<Value>) =
            all.into_iter().partition(|it| it["method"] == method);
        self.notifications = rest;
        wanted.into_iter().map(|it| it["params"].clone()).collect()
    }

    /// Waits until the server has asked for something; returns with what.
    pub(crate) fn until_asked(&mut self, method: &str) -> Value {
        loop {
            let at = self.asked.iter().position(|(asked, _)| asked == method);
            if let Some(at) = at {
                return self.asked.remove(at).1;
            }
            self.take();
        }
    }

    /// Waits until all folders have been scanned and checked.
    pub(crate) fn settle(&mut self) {
        self.request(
            "workspace/executeCommand",
            &json!({"command": "preflight.scan", "arguments": []}),
        );
    }

    pub(crate) fn open(&mut self, uri: &str, language: &str, version: i64, text: &str) {
        let document =
            json!({"uri": uri, "languageId": language, "version": version, "text": text});
        self.notify("textDocument/didOpen", &json!({"textDocument": document}));
        self.versions.insert(uri.to_owned(), version);
    }

    /// Changes a document: `(line, character, line, character, text)`, in order.
    pub(crate) fn change(
        &mut self,
        uri: &str,
        version: i64,
        changes: &[(u32, u32, u32, u32, &str)],
    ) {
        let changes: Vec<_> = changes
            .iter()
            .map(|(l1, c1, l2, c2, text)| json!({"range": range(*l1, *c1, *l2, *c2), "text": text}))
            .collect();
        self.change_by(uri, version, Value::from(changes));
    }

    pub(crate) fn change_by(&mut self, uri: &str, version: i64, changes: Value) {
        let document = json!({"uri": uri, "version": version});
        let params = json!({"textDocument": document, "contentChanges": changes});
        self.notify("textDocument/didChange", &params);
        self.versions.insert(uri.to_owned(), version);
    }

    pub(crate) fn close(&mut self, uri: &str) {
        self.versions.remove(uri);
        self.notify(
            "textDocument/didClose",
            &json!({"textDocument": {"uri": uri}}),
        );
    }

    /// Code actions on a diagnostic, each with its edit.
    pub(crate) fn actions(&mut self, uri: &str, diagnostic: &Value) -> Vec<Value> {
        let params = json!({
            "textDocument": {"uri": uri},
            "range": diagnostic["range"],
            "context": {"diagnostics": [diagnostic]},
        });
        let actions = self.request("textDocument/codeAction", &params);
        let actions = actions.as_array().cloned().unwrap_or_default();
        actions
            .into_iter()
            .map(|action| match action.get("edit") {
                Some(_) => action,
                None => self.request("codeAction/resolve", &action),
            })
            .collect()
    }

    /// Closes the way to the server, and waits for its end.
    pub(crate) fn hang_up(&mut self) -> End {
        self.to = None;
        self.leaves = Leaves::Gone;
        self.join()
    }

    /// Says `exit` without `shutdown`, and waits for the end.
    pub(crate) fn just_exit(&mut self) -> End {
        self.notify("exit", &Value::Null);
        self.leaves = Leaves::Gone;
        self.to = None;
        self.join()
    }

    fn join(&mut self) -> End {
        let server = self.server.take().expect("a server of this process");
        let end = server.join().expect("a server that ends in order");
        while let Ok(message) = self.messages.recv_timeout(REQUEST_TIMEOUT) {
            self.sort(message);
        }
        end
    }

    /// Whatever was sent so far may stay unread.
    pub(crate) fn forget(&mut self) {
        self.all_shown();
        self.notifications.clear();
        self.answers.clear();
    }

    /// Messages that were not read.
    pub(crate) fn unread(&self) -> Vec<String> {
        let published = self.published.iter().filter(|(_, it)| !it.looked_at);
        let published = published.map(|(uri, it)| format!("diagnostics of {uri}: {it:?}"));
        // Whether a scan lasts so long that it is shown depends on the machine.
        let notifications = self.notifications.iter();
        let notifications = notifications.filter(|it| it["method"] != "$/progress");
        let notifications = notifications.map(Value::to_string);
        let answers = self.answers.values().map(Value::to_string);
        published.chain(notifications).chain(answers).collect()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        if self.leaves == Leaves::Politely {
            self.request("shutdown", &Value::Null);
            self.notify("exit", &Value::Null);
            self.to = None;
            if self.server.is_some() {
                assert_eq!(self.join(), End::Clean);
            }
        }
        let unread = self.unread();
        assert!(unread.is_empty(), "left unread: {unread:#?}");
    }
}

/// Reads a message; `None` at the end.
pub(crate) fn read(from: &mut impl BufRead) -> Option<Value> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.parse().ok();
        }
    }
    let mut body = vec![0; length?];
    from.read_exact(&mut body).ok()?;
    Some(serde_json::from_slice(&body).expect("JSON from the server"))
}

/// Bicep's cache is in the folder, where there is none: tests do not use the machine's own.
pub(crate) fn at_home(mut setup: Setup, root: &Path) -> Setup {
    setup.options.cache_root = Some(root.join(".cache-of-bicep"));
    setup
}

/// A path as a URI. Paths of temporary folders need no escapes.
pub(crate) fn uri(path: &Path) -> String {
    let path = path.display().to_string().replace('\\', "/");
    match path.split_once(':') {
        // Windows, as VS Code writes it.
        Some((drive, rest)) => format!("file:///{}%3A{rest}", drive.to_ascii_lowercase()),
        None => format!("file://{path}"),
    }
}

pub(crate) fn range(l1: u32, c1: u32, l2: u32, c2: u32) -> Value {
    json!({
        "start": {"line": l1, "character": c1},
        "end": {"line": l2, "character": c2},
    })
}

/// What a client with everything but pulled diagnostics states of itself.
pub(crate) fn all() -> Value {
    json!({
        "textDocument": {
            "publishDiagnostics": {
                "relatedInformation": true,
                "versionSupport": true,
                "codeDescriptionSupport": true,
                "dataSupport": true,
            },
            "codeAction": {
                "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix"]}},
                "isPreferredSupport": true,
                "dataSupport": true,
                "resolveSupport": {"properties": ["edit"]},
            },
            "hover": {"contentFormat": ["markdown", "plaintext"]},
        },
        "workspace": {
            "configuration": true,
            "didChangeWatchedFiles": {"dynamicRegistration": true},
            "workspaceEdit": {
                "documentChanges": true,
                "resourceOperations": ["create", "rename", "delete"],
            },
        },
        "window": {"workDoneProgress": true},
    })
}

/// Capabilities without one of them, named by its path.
pub(crate) fn without(mut capabilities: Value, path: &str) -> Value {
    let (parent, name) = path.rsplit_once('/').expect("a path");
    let parent = capabilities.pointer_mut(parent).expect("what holds it");
    parent
        .as_object_mut()
        .expect("an object")
        .remove(name)
        .expect("it");
    capabilities
}

/// Capabilities with one more.
pub(crate) fn with(mut capabilities: Value, path: &str, value: Value) -> Value {
    let mut at = &mut capabilities;
    for name in path.trim_start_matches('/').split('/') {
        at = &mut at[name];
    }
    *at = value;
    capabilities
}
