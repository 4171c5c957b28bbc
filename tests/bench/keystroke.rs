//! What a keystroke costs, from the edit to the diagnostics that answer it: in process, and over the real program's
//! standard input and output, with yardsticks beside them in the same run.
//!
//! `cargo bench --bench keystroke` prints a table. The yardsticks are a bare reparse of the same edit by tree-sitter,
//! and `ruff server` on a clean Python file of the same size, where `ruff` is on the `PATH`. The workspace is the corpus
//! of public modules where that is there, else an empty folder; the file is an unsaved one in it.
//!
//! `cargo bench --bench keystroke -- scan` types while a generated tree of 200,000 files is scanned and worked in.

mod client;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use preflight::analysis::{Analysis, Cancel, Options, scan};
use preflight::model::FileKind;
use preflight::model::lower_bicep::lower_bicep;
use preflight::rules;
use preflight::syntax;
use preflight::text::{Document, Encoding, Position, Range, TextChange};
use preflight::workspace::memo::Memo;
use preflight::workspace::relevance::{Relevance, summarize};
use serde_json::{Value, json};

use client::Client;

/// Keystrokes timed in each part; a few more before them warm everything up.
const EDITS: usize = 1_000;
const WARM: usize = 50;

fn main() {
    let scratch = std::env::temp_dir().join(format!("preflight-bench-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).expect("a folder to work in");
    let mut arguments = std::env::args().skip_while(|argument| argument != "scan");
    if arguments.next().is_some() {
        let files = arguments.find_map(|argument| argument.parse().ok());
        during_a_scan(&scratch, &bicep(), files.unwrap_or(200_000));
        let _ = std::fs::remove_dir_all(&scratch);
        return;
    }
    let root = corpus().unwrap_or_else(|| scratch.clone());
    let text = bicep();
    println!(
        "Workspace: {}. File: {} bytes of Bicep with a registry.\n",
        root.display(),
        text.len()
    );
    println!("| a keystroke | p50 ms | p99 ms | max ms |\n|---|---|---|---|");
    for (place, needle) in [
        ("in a comment", "// the end"),
        ("in a storage account", "Standard_LRS"),
        ("in the registry's name", "benchimages"),
    ] {
        let at = position(&text, needle);
        row(&format!("{place}: bare reparse"), reparse(&text, at));
        row(
            &format!("{place}: in process"),
            in_process(&root, &text, at),
        );
        let program = [env!("CARGO_BIN_EXE_preflight"), "server"];
        let file = root.join("preflight-bench.bicep");
        row(
            &format!("{place}: over stdio"),
            over_stdio(&program, &root, &file, "bicep", &text, at),
        );
    }
    if let Some(version) = ruff() {
        let text = python();
        let file = scratch.join("bench.py");
        std::fs::write(&file, &text).expect("a Python file");
        let at = position(&text, "# the end");
        let times = over_stdio(&["ruff", "server"], &scratch, &file, "python", &text, at);
        row(
            &format!("{version} over stdio, {} bytes", text.len()),
            times,
        );
    }
    stages(&root, &text);
    start(&root, &text);
    // What is left of it is left to the system's own clearing of temporary files.
    let _ = std::fs::remove_dir_all(&scratch);
}

fn row(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| {
        let index = (times.len() as f64 * share) as usize;
        times[index.min(times.len() - 1)].as_secs_f64() * 1e3
    };
    println!(
        "| {name} | {:.3} | {:.3} | {:.3} |",
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

fn corpus() -> Option<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/corpus/registry-modules")
        .canonicalize()
        .ok()
}

/// About 10 KB: a registry among thirty storage accounts.
fn bicep() -> String {
    let mut text = String::from("param location string = resourceGroup().location\n\n");
    for n in 0..30 {
        text.push_str(&format!(
            "@description('Account {n} of the landing zone, for logs and exports.')\n\
             resource account{n} 'Microsoft.Storage/storageAccounts@2023-01-01' = {{\n  \
             name: 'account{n}${{uniqueString(resourceGroup().id)}}'\n  location: location\n  \
             kind: 'StorageV2'\n  sku: {{ name: 'Standard_LRS' }}\n  \
             properties: {{\n    minimumTlsVersion: 'TLS1_2'\n  }}\n}}\n\n"
        ));
        if n == 15 {
            text.push_str(
                "resource acr 'Microsoft.ContainerRegistry/registries@2023-07-01' = {\n  \
                 name: 'benchimages'\n  location: location\n  sku: { name: 'Premium' }\n}\n\n",
            );
        }
    }
    text.push_str("// the end\n");
    text
}

/// About 9 KB that ruff finds nothing in.
fn python() -> String {
    let mut text = String::from("\"\"\"A module.\"\"\"\n\n");
    for n in 0..100 {
        text.push_str(&format!(
            "\ndef function_{n}(value: int) -> int:\n    \"\"\"Add {n}.\"\"\"\n    return value + {n}\n\n"
        ));
    }
    text.push_str("\n# the end\n");
    text
}

/// The position after the first needle. The texts are ASCII.
fn position(text: &str, needle: &str) -> Position {
    let at = text.find(needle).expect("the needle") + needle.len();
    let before = &text[..at];
    Position {
        line: before.matches('\n').count() as u32,
        character: (at - before.rfind('\n').map_or(0, |start| start + 1)) as u32,
    }
}

/// Types a letter, then deletes it, in turn.
fn change(at: Position, number: usize) -> TextChange {
    let typed = number.is_multiple_of(2);
    let end = Position {
        character: at.character + u32::from(!typed),
        ..at
    };
    TextChange {
        range: Some(Range { start: at, end }),
        text: if typed { "x" } else { "" }.to_owned(),
    }
}

/// Times a keystroke many times over.
fn time(mut keystroke: impl FnMut(usize)) -> Vec<Duration> {
    let mut times = Vec::with_capacity(EDITS);
    for number in 0..WARM + EDITS {
        let start = Instant::now();
        keystroke(number);
        if number >= WARM {
            times.push(start.elapsed());
        }
    }
    times
}

fn reparse(text: &str, at: Position) -> Vec<Duration> {
    let mut document = Document::new(text, 0);
    let mut tree = syntax::parse(syntax::bicep(), &document.text, None);
    time(|number| {
        for edit in document.apply(&[change(at, number)], Encoding::Utf16, number as i32) {
            syntax::edit(&mut tree, &edit);
        }
        tree = syntax::parse(syntax::bicep(), &document.text, Some(&tree));
    })
}

/// Where the time of a keystroke in the registry's name goes, as medians.
fn stages(root: &Path, text: &str) {
    let at = position(text, "benchimages");
    let median = |mut times: Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1e3
    };
    let mut document = Document::new(text, 0);
    let mut tree = syntax::parse(syntax::bicep(), &document.text, None);
    let memo = Memo::default();
    let (mut parsing, mut lowering, mut weighing) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..WARM + EDITS {
        let start = Instant::now();
        for edit in document.apply(&[change(at, number)], Encoding::Utf16, number as i32) {
            syntax::edit(&mut tree, &edit);
        }
        tree = syntax::parse(syntax::bicep(), &document.text, Some(&tree));
        let parsed = Instant::now();
        let model = lower_bicep(FileKind::Bicep, &tree, &document.text, &memo);
        let lowered = Instant::now();
        let summary = summarize(&model.template, rules::filter());
        let before = Instant::now();
        assert_eq!(summary.relevance, Relevance::Holds);
        if number >= WARM {
            parsing.push(parsed - start);
            lowering.push(lowered - parsed);
            weighing.push(before - lowered);
        }
    }
    let stages = [median(parsing), median(lowering), median(weighing)];
    let inside = median(in_process(root, text, at));
    let file = root.join("preflight-bench.bicep");
    let program = [env!("CARGO_BIN_EXE_preflight"), "server"];
    let outside = median(over_stdio(&program, root, &file, "bicep", text, at));
    let pipes = median(through_cat(&file, at));
    let names = ["edit and parse", "lower", "what matters"];
    let mut rows: Vec<(&str, f64)> = names.into_iter().zip(stages).collect();
    rows.push((
        "evaluate, check, compare with what is shown",
        inside - stages.iter().sum::<f64>(),
    ));
    rows.push((
        "pipes and this client: the same message through `cat`",
        pipes,
    ));
    rows.push((
        "the rest: read, deserialize, four changes of thread, serialize, write",
        outside - inside - pipes,
    ));
    println!("\n| of a keystroke in the registry's name | ms | share |\n|---|---|---|");
    for (name, time) in rows {
        println!("| {name} | {time:.3} | {:.0} % |", time / outside * 100.0);
    }
}

/// What the way there and back costs by itself.
fn through_cat(file: &Path, at: Position) -> Vec<Duration> {
    let mut client = Client::start(&["cat"], &std::env::temp_dir());
    let times = time(|number| {
        let change = change(at, number);
        client.notify(
            "textDocument/didChange",
            json!({"uri": file, "text": change.text, "line": at.line, "padding": vec![number; 40]}),
        );
        client.read();
    });
    drop(client.to);
    client.child.wait().expect("it ends");
    times
}

fn in_process(root: &Path, text: &str, at: Position) -> Vec<Duration> {
    let options = Options {
        cache_root: Some(root.join("no-cache")),
        ..Options::default()
    };
    let mut analysis = Analysis::new(options.clone());
    analysis.set_folders(&[root.to_path_buf()]);
    analysis.install(scan(root, &options, &Cancel::default(), &|_, _| {}));
    let path = root.join("preflight-bench.bicep");
    analysis.open(&path, 0, text);
    while analysis.is_pending() {
        analysis.refresh(&Cancel::default());
    }
    time(|number| {
        analysis.edit(&path, number as i32, &[change(at, number)], Encoding::Utf16);
        let reports = analysis.refresh(&Cancel::default());
        assert!(reports.iter().any(|report| *report.path == *path));
    })
}

fn ruff() -> Option<String> {
    let output = Command::new("ruff").arg("--version").output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    Some(version.trim().to_owned())
}

/// An editor's session with one open document.
struct Session {
    client: Client,
    uri: String,
    version: i64,
    /// From the start of the process to the answer to `initialize`, and from `didOpen` to its first diagnostics.
    answered: Duration,
    shown: Duration,
}

impl Session {
    fn open(program: &[&str], root: &Path, file: &Path, language: &str, text: &str) -> Session {
        let begin = Instant::now();
        let mut client = Client::start(program, root);
        let folder = format!("file://{}", root.display());
        let uri = format!("file://{}", file.display());
        client.request(
            1,
            "initialize",
            json!({
                "processId": null,
                "rootUri": folder,
                "workspaceFolders": [{"uri": folder, "name": "bench"}],
                "capabilities": {"textDocument": {"publishDiagnostics": {"versionSupport": true}}},
            }),
        );
        let answered = begin.elapsed();
        client.notify("initialized", json!({}));
        let document = json!({"uri": uri, "languageId": language, "version": 0, "text": text});
        let begin = Instant::now();
        client.notify("textDocument/didOpen", json!({"textDocument": document}));
        client.published(&uri, 0);
        Session {
            client,
            uri,
            version: 0,
            answered,
            shown: begin.elapsed(),
        }
    }

    /// Until the workspace was looked at, so that what follows is the keystroke alone.
    fn settle(&mut self) {
        let scan = json!({"command": "preflight.scan", "arguments": []});
        self.client.request(2, "workspace/executeCommand", scan);
    }

    fn keystroke(&mut self, at: Position, number: usize) {
        self.version += 1;
        let change = change(at, number);
        let range = change.range.expect("a range");
        let ends = [range.start, range.end]
            .map(|end| json!({"line": end.line, "character": end.character}));
        self.client.notify(
            "textDocument/didChange",
            json!({
                "textDocument": {"uri": self.uri, "version": self.version},
                "contentChanges": [
                    {"range": {"start": ends[0], "end": ends[1]}, "text": change.text}
                ],
            }),
        );
        self.client.published(&self.uri, self.version);
    }

    fn close(mut self) {
        self.client
            .send(&json!({"jsonrpc": "2.0", "id": 3, "method": "shutdown"}));
        while self.client.read()["id"] != 3 {}
        self.client.notify("exit", Value::Null);
        self.client.child.wait().expect("it ends");
    }
}

fn over_stdio(
    program: &[&str],
    root: &Path,
    file: &Path,
    language: &str,
    text: &str,
    at: Position,
) -> Vec<Duration> {
    let mut session = Session::open(program, root, file, language, text);
    if language == "bicep" {
        session.settle();
    }
    let times = time(|number| session.keystroke(at, number));
    session.close();
    times
}

/// Typing from the moment the server starts until it has scanned a tree and checked what it found. Of ten files one has
/// a registry, one uses it as a module, and the others are JSON of no interest.
fn during_a_scan(scratch: &Path, text: &str, files: usize) {
    for n in (0..files).step_by(10) {
        let folder = scratch.join(format!("d{}/e{}", n / 10_000, n / 100 % 100));
        std::fs::create_dir_all(&folder).expect("a folder");
        let write = |name: &str, text: String| {
            std::fs::write(folder.join(format!("{n}-{name}")), text).expect("a file");
        };
        write("acr.bicep", text_of_registry(n));
        write(
            "main.bicep",
            format!("module acr '{n}-acr.bicep' = {{\n  name: 'acr'\n}}\n"),
        );
        (0..8).for_each(|it| write(&format!("{it}.json"), format!("{{\"name\": \"{n}\"}}")));
    }
    let at = position(text, "benchimages");
    let file = scratch.join("preflight-bench.bicep");
    let program = [env!("CARGO_BIN_EXE_preflight"), "server"];
    let begin = Instant::now();
    let mut session = Session::open(&program, scratch, &file, "bicep", text);
    let mut times = Vec::new();
    let mut ready = false;
    while !ready {
        for number in 0..100 {
            let start = Instant::now();
            session.keystroke(at, number);
            times.push(start.elapsed());
            std::thread::sleep(Duration::from_millis(20));
        }
        let status = session.client.request(4, "preflight/status", Value::Null);
        ready = status["state"] == "ready";
    }
    println!(
        "| {files} files, ready after {:.1?} | p50 ms | p99 ms | max ms |\n|---|---|---|---|",
        begin.elapsed()
    );
    row("in the registry's name, over stdio, during the scan", times);
    session.close();
}

fn text_of_registry(n: usize) -> String {
    format!(
        "resource acr 'Microsoft.ContainerRegistry/registries@2023-07-01' = {{\n  name: 'images{n}'\n  \
         location: 'westeurope'\n}}\n"
    )
}

/// Starting cold, and memory over a long session.
fn start(root: &Path, text: &str) {
    let program = [env!("CARGO_BIN_EXE_preflight"), "server"];
    let file = root.join("preflight-bench.bicep");
    let (mut answered, mut shown) = (Vec::new(), Vec::new());
    for _ in 0..21 {
        let session = Session::open(&program, root, &file, "bicep", text);
        answered.push(session.answered);
        shown.push(session.shown);
        session.close();
    }
    println!("\n| the server | p50 ms | p99 ms | max ms |\n|---|---|---|---|");
    row("from its start to `initialize` answered", answered);
    row("from `didOpen` to the first diagnostics, cold", shown);
    let at = position(text, "benchimages");
    let mut session = Session::open(&program, root, &file, "bicep", text);
    session.settle();
    println!("\n| edits | peak memory MB |\n|---|---|");
    let mut number = 0;
    for edits in [0, 1_000, 2_000, 5_000, 10_000] {
        while number < edits {
            session.keystroke(at, number);
            number += 1;
        }
        println!("| {edits} | {:.1} |", session.client.memory("VmHWM"));
    }
    session.close();
}
