//! A working day in a few minutes: hundreds of thousands of random edits over two hundred files, with opens, closes,
//! renames and deletes on disk, and configuration changes, against the real program over its standard input and output.
//!
//! `cargo bench --bench soak -- 500000` prints a table and fails where memory grows by more than a tenth after the first
//! tenth, where a request stays without an answer or an edit without diagnostics, or where what is shown in the end is
//! not what a fresh server shows. Without a number it makes 20,000 edits.
//!
//! What is open and how long it is keeps within bounds that are reached early, and the table prints both: a day in which
//! ever more text is open would measure the text.

mod client;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use client::Client;
use serde_json::{Value, json};
use support::{Random, Workspace};

const FILES: usize = 200;

/// How many documents are open at the least and at the most.
const OPEN: std::ops::RangeInclusive<usize> = 10..=40;

/// How many bytes a text may have before its writer begins anew.
const LONG: usize = 1_500;

/// The text a file begins with, by its number.
fn original(number: usize) -> (String, String) {
    let near = number - number % 5;
    match number % 5 {
        0 => (
            format!("part{near}/main.bicep"),
            format!(
                "param deploy bool = true\nmodule acr 'acr.bicep' = if (deploy) {{\n  name: 'acr'\n  params: {{ name: 'images{near}' }}\n}}\n\
                 resource store 'Microsoft.Storage/storageAccounts@2023-01-01' = {{\n  name: 'store{near}'\n  location: 'westeurope'\n}}\n"
            ),
        ),
        1 => (
            format!("part{near}/acr.bicep"),
            "param name string\nresource acr 'Microsoft.ContainerRegistry/registries@2023-07-01' = {\n  name: name\n  location: 'westeurope' // 😀\n}\noutput id string = acr.id\n".to_owned(),
        ),
        2 => (
            format!("part{near}/main.bicepparam"),
            "using 'main.bicep'\nparam deploy = true\n".to_owned(),
        ),
        3 => (
            format!("part{near}/azuredeploy.json"),
            "{\n  \"$schema\": \"https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#\",\n  \"contentVersion\": \"1.0.0.0\",\n  \"resources\": [\n    {\n      \"type\": \"Microsoft.ContainerRegistry/registries\",\n      \"apiVersion\": \"2023-07-01\",\n      \"name\": \"classic\"\n    }\n  ]\n}\n".to_owned(),
        ),
        _ => (
            format!("part{near}/platform.bicep"),
            "targetScope = 'subscription'\nresource plan 'Microsoft.Security/pricings@2024-01-01' = {\n  name: 'Containers'\n  properties: { pricingTier: 'Free' }\n}\n".to_owned(),
        ),
    }
}

const PIECES: [&str; 14] = [
    "x",
    "'",
    "{",
    "}",
    "\n",
    "😀",
    " // note\n",
    "'Free'",
    "'Standard'",
    "true",
    "#disable-next-line AZR-000002\n",
    "\r\n",
    "resource r 'Microsoft.ContainerRegistry/registries@2023-07-01' = {\n  name: 'r'\n}\n",
    "resource s 'Microsoft.Storage/storageAccounts@2023-01-01' = {\n  name: 's'\n}\n",
];

/// The day's state, as the editor sees it.
struct Day {
    workspace: Workspace,
    client: Client,
    random: Random,
    /// What is on disk and what is open, by relative path.
    disk: BTreeMap<String, String>,
    open: BTreeMap<String, (i64, String)>,
    undo: Vec<(String, String)>,
    /// What was last published, by URI.
    shown: BTreeMap<String, Value>,
    latencies: Vec<Duration>,
    requests: i64,
}

impl Day {
    fn begin(workspace: Workspace, disk: BTreeMap<String, String>) -> Day {
        let mut day = Day {
            client: Client::start(
                &[env!("CARGO_BIN_EXE_preflight"), "server"],
                workspace.root(),
            ),
            workspace,
            random: Random(6),
            disk,
            open: BTreeMap::new(),
            undo: Vec::new(),
            shown: BTreeMap::new(),
            latencies: Vec::new(),
            requests: 1,
        };
        let root = format!("file://{}", day.workspace.root().display());
        let params = json!({
            "processId": null,
            "workspaceFolders": [{"uri": root, "name": "soak"}],
            "capabilities": {
                "textDocument": {"publishDiagnostics": {"versionSupport": true}},
                "workspace": {"didChangeWatchedFiles": {"dynamicRegistration": true}},
            },
        });
        day.request("initialize", params);
        day.client.notify("initialized", json!({}));
        day.settle();
        day
    }

    fn uri(&self, name: &str) -> String {
        format!("file://{}", self.workspace.path(name).display())
    }

    fn take(&mut self) -> Value {
        let message = self.client.read();
        if message["method"] == "textDocument/publishDiagnostics" {
            let uri = message["params"]["uri"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            self.shown.insert(uri, message["params"].clone());
        }
        message
    }

    /// A request, until it is answered.
    fn request(&mut self, method: &str, params: Value) -> Value {
        self.requests += 1;
        let id = self.requests;
        self.client
            .send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let message = self.take();
            if message["id"] == id {
                return message;
            }
        }
    }

    fn settle(&mut self) {
        let scan = json!({"command": "preflight.scan", "arguments": []});
        self.request("workspace/executeCommand", scan);
    }

    fn open(&mut self, name: &str, version: i64, text: &str) {
        let language = match name.rsplit('.').next() {
            Some("json") => "json",
            Some("bicepparam") => "bicep-params",
            _ => "bicep",
        };
        let document = json!({"uri": self.uri(name), "languageId": language, "version": version, "text": text});
        self.client
            .notify("textDocument/didOpen", json!({"textDocument": document}));
        self.open
            .insert(name.to_owned(), (version, text.to_owned()));
    }

    fn changed_on_disk(&mut self, name: &str, kind: u8) {
        let changes = json!({"changes": [{"uri": self.uri(name), "type": kind}]});
        self.client
            .notify("workspace/didChangeWatchedFiles", changes);
    }

    /// Replaces bytes of an open document, and waits for the diagnostics that answer it.
    fn replace(&mut self, name: &str, start: usize, end: usize, new: &str) {
        let uri = self.uri(name);
        let Some((version, text)) = self.open.get_mut(name) else {
            return;
        };
        *version += 1;
        let version = *version;
        let at = |offset: usize| {
            let line_start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
            let line = text[..offset].matches('\n').count();
            json!({"line": line, "character": text[line_start..offset].encode_utf16().count()})
        };
        let range = json!({"start": at(start), "end": at(end)});
        text.replace_range(start..end, new);
        let begin = Instant::now();
        self.client.notify(
            "textDocument/didChange",
            json!({
                "textDocument": {"uri": uri, "version": version},
                "contentChanges": [{"range": range, "text": new}],
            }),
        );
        loop {
            let message = self.take();
            let params = &message["params"];
            if message["method"] == "textDocument/publishDiagnostics"
                && params["uri"] == uri.as_str()
                && params["version"].as_i64().is_some_and(|it| it >= version)
            {
                break;
            }
        }
        self.latencies.push(begin.elapsed());
    }

    fn edit(&mut self) {
        let names: Vec<String> = self.open.keys().cloned().collect();
        let name = self.random.pick(&names).clone();
        let text = self.open[&name].1.clone();
        // Lone carriage returns end lines too, and this client counts only line feeds: none is ever left alone.
        let whole = |mut at: usize| {
            while !text.is_char_boundary(at) || at > 0 && text.as_bytes()[at - 1] == b'\r' {
                at -= 1;
            }
            at
        };
        if self.random.below(3) == 0
            && let Some((name, before)) = self.undo.pop()
            && let Some((_, now)) = self.open.get(&name).cloned()
        {
            self.replace(&name, 0, now.len(), &before);
            return;
        }
        let start = whole(self.random.below(text.len() + 1));
        let length = *self.random.pick(&[0, 0, 0, 1, 3, 20]);
        let end = whole((start + length).min(text.len())).max(start);
        let piece = *self.random.pick(&PIECES);
        let (start, end, piece) = match text.len() > LONG {
            true => (0, text.len(), original(self.random.below(FILES)).1),
            false => (start, end, piece.to_owned()),
        };
        self.undo.push((name.clone(), text.clone()));
        self.undo.drain(..self.undo.len().saturating_sub(50));
        self.replace(&name, start, end, &piece);
    }

    fn something_else(&mut self) {
        let names: Vec<String> = self.disk.keys().cloned().collect();
        let name = self.random.pick(&names).clone();
        match self.random.below(9) {
            0 | 1 if !self.open.contains_key(&name) && self.open.len() < *OPEN.end() => {
                let text = self.disk[&name].clone();
                self.open(&name, 1, &text);
            }
            2 if self.open.len() > *OPEN.start() => {
                let open: Vec<String> = self.open.keys().cloned().collect();
                let name = self.random.pick(&open).clone();
                self.open.remove(&name);
                let document = json!({"textDocument": {"uri": self.uri(&name)}});
                self.client.notify("textDocument/didClose", document);
            }
            3 => {
                // Saved, or changed by someone else.
                let number = self.random.below(FILES);
                let open = self.open.get(&name).map(|(_, text)| text.clone());
                let text = open.unwrap_or_else(|| original(number).1);
                self.workspace.write(&name, &text);
                self.disk.insert(name.clone(), text);
                self.changed_on_disk(&name, 2);
            }
            4 if self.disk.len() > FILES / 2 => {
                std::fs::remove_file(self.workspace.path(&name)).expect("a file deleted");
                self.disk.remove(&name);
                self.changed_on_disk(&name, 3);
            }
            5 => {
                // Renamed, or back again.
                let new = match name.strip_suffix(".old.bicep") {
                    Some(stem) => format!("{stem}.bicep"),
                    None => name.replace(".bicep", ".old.bicep"),
                };
                if new != name && !self.disk.contains_key(&new) && new.ends_with(".bicep") {
                    let (from, to) = (self.workspace.path(&name), self.workspace.path(&new));
                    std::fs::rename(from, to).expect("a file renamed");
                    let text = self.disk.remove(&name).unwrap_or_default();
                    self.disk.insert(new.clone(), text);
                    self.changed_on_disk(&name, 3);
                    self.changed_on_disk(&new, 1);
                }
            }
            6 => {
                let (name, text) = original(self.random.below(FILES));
                self.workspace.write(&name, &text);
                self.disk.insert(name.clone(), text);
                self.changed_on_disk(&name, 1);
            }
            7 => {
                let coverage = *self.random.pick(&["workspace", "deployment", "elsewhere"]);
                let text = format!("configuration:\n  PREFLIGHT_COVERAGE: {coverage}\n");
                self.workspace.write("ps-rule.yaml", &text);
                self.changed_on_disk("ps-rule.yaml", 2);
            }
            _ => {
                let open: Vec<String> = self.open.keys().cloned().collect();
                let name = self.random.pick(&open).clone();
                let place = json!({"line": 1, "character": 20});
                let document = json!({"uri": self.uri(&name)});
                let answer = self.request(
                    "textDocument/codeAction",
                    json!({"textDocument": document, "range": {"start": place, "end": place}, "context": {"diagnostics": []}}),
                );
                assert!(answer.get("result").is_some(), "{answer}");
                let answer = self.request(
                    "textDocument/hover",
                    json!({"textDocument": document, "position": place}),
                );
                assert!(answer.get("result").is_some(), "{answer}");
            }
        }
    }

    /// How many bytes of text the server reads: of each open document as it is typed, and of all others as they are.
    fn text(&self) -> usize {
        let disk = self.disk.iter();
        let closed = disk.filter(|(name, _)| !self.open.contains_key(*name));
        let typed = self.open.values().map(|(_, text)| text.len());
        typed.chain(closed.map(|(_, text)| text.len())).sum()
    }

    /// What is shown, without versions and without files that show nothing.
    fn shown(&self) -> BTreeMap<String, Value> {
        let shown = self.shown.iter();
        shown
            .filter(|(_, params)| {
                params["diagnostics"]
                    .as_array()
                    .is_some_and(|it| !it.is_empty())
            })
            .map(|(uri, params)| (uri.clone(), params["diagnostics"].clone()))
            .collect()
    }
}

fn p99(latencies: &[Duration]) -> f64 {
    let mut sorted = latencies.to_vec();
    sorted.sort();
    sorted[sorted.len() * 99 / 100].as_secs_f64() * 1e3
}

fn main() {
    let wanted = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok());
    let edits: usize = wanted.unwrap_or(20_000);
    let workspace = Workspace::new(&[]);
    let mut disk = BTreeMap::new();
    for number in 0..FILES {
        let (name, text) = original(number);
        workspace.write(&name, &text);
        disk.insert(name, text);
    }
    let begin = Instant::now();
    let mut day = Day::begin(workspace, disk);
    for number in 0..20 {
        let (name, text) = original(number * 7 % FILES);
        day.open(&name, 1, &text);
    }
    println!(
        "| edits | p99 of the last tenth ms | open files | text KB | memory now MB | peak MB |\n|---|---|---|---|---|---|"
    );
    let mut memory = Vec::new();
    for number in 1..=edits {
        day.edit();
        if number % 20 == 0 {
            day.something_else();
        }
        if number % (edits / 10) == 0 {
            let tail = &day.latencies[day.latencies.len() - edits / 10..];
            let (now, peak) = (day.client.memory("VmRSS"), day.client.memory("VmHWM"));
            println!(
                "| {number} | {:.2} | {} | {} | {now:.1} | {peak:.1} |",
                p99(tail),
                day.open.len(),
                day.text() / 1024
            );
            memory.push(now);
        }
    }
    // So that a plan of one part does not hide what is found in another.
    let alone = "configuration:\n  PREFLIGHT_COVERAGE: deployment\n";
    day.workspace.write("ps-rule.yaml", alone);
    day.changed_on_disk("ps-rule.yaml", 2);
    day.settle();
    let ours = day.shown();
    let open = day.open.clone();
    let tenth = edits / 10;
    let (first, last) = (
        p99(&day.latencies[..tenth]),
        p99(&day.latencies[edits - tenth..]),
    );
    let mut fresh = Day::begin(day.workspace, day.disk.clone());
    for (name, (version, text)) in &open {
        fresh.open(name, *version, text);
    }
    fresh.settle();
    let theirs = fresh.shown();
    println!(
        "\n{edits} edits and {} requests in {:.0} s; p99 of the first tenth {first:.2} ms, of the last {last:.2} ms; {} files have findings",
        day.requests,
        begin.elapsed().as_secs_f64(),
        ours.len()
    );
    let differing: Vec<_> = ours
        .keys()
        .chain(theirs.keys())
        .filter(|uri| ours.get(*uri) != theirs.get(*uri))
        .collect();
    for uri in &differing {
        println!(
            "{uri}\n  after the day: {:?}\n  fresh: {:?}",
            ours.get(*uri),
            theirs.get(*uri)
        );
        println!(
            "  open: {:?}",
            Path::new(uri)
                .file_name()
                .and_then(|_| open.iter().find(|(name, _)| uri.ends_with(name.as_str())))
        );
    }
    assert!(differing.is_empty(), "the day's end is not a fresh start");
    assert!(!ours.is_empty(), "nothing is shown: nothing was compared");
    let (early, late) = (memory[0], memory[memory.len() - 1]);
    assert!(
        late <= early * 1.1,
        "memory grew from {early:.1} to {late:.1} MB"
    );
}
