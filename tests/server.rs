//! The real program over its standard input and output: the whole way from opening a workspace to a clean one, long
//! typing, and every way to end.

#[path = "lsp/client.rs"]
mod client;
#[path = "lsp/edits.rs"]
mod edits;
mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use client::{Client, Leaves, all, range, uri};
use edits::Texts;
use serde_json::{Value, json};
use support::Workspace;

const BICEP: &str = "\
param location string = resourceGroup().location

/* \u{1F600} */ resource acr 'Microsoft.ContainerRegistry/registries@2023-07-01' = {
  name: 'shopimages'
  location: location
  sku: { name: 'Basic' }
}
";

const JSON: &str = r#"{
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  "resources": [
    {
      "type": "Microsoft.ContainerRegistry/registries",
      "apiVersion": "2023-07-01",
      "name": "billingimages",
      "location": "[resourceGroup().location]",
      "sku": { "name": "Basic" }
    }
  ]
}
"#;

/// The program with a client at it. The home folder is an empty one: the machine's own module cache is not used.
fn start(home: &Path, arguments: &[&str]) -> (Child, Client) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_preflight"))
        .args(arguments)
        .env("HOME", home)
        .env("USERPROFILE", home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let to = child.stdin.take().expect("its input");
    let from = child.stdout.take().expect("its output");
    let client = Client::over(from, to);
    (child, client)
}

fn initialize(client: &mut Client, root: &Path, capabilities: &Value) {
    client.initialize(&json!({
        "processId": std::process::id(),
        "rootUri": uri(root),
        "workspaceFolders": [{"uri": uri(root), "name": "root"}],
        "capabilities": capabilities,
    }));
}

fn leave(mut child: Child, mut client: Client) -> Option<i32> {
    client.request("shutdown", &Value::Null);
    client.notify("exit", &Value::Null);
    client.leaves = Leaves::Gone;
    drop(client);
    child.wait().expect("it ends").code()
}

/// Opens a file, finds its registry, applies the preferred fix as an editor would, and sees everything clean.
fn mend(file: &str, language: &str, text: &str, found_at: &Value) {
    let workspace = Workspace::new(&[(file, text)]);
    let (child, mut client) = start(workspace.root(), &["server"]);
    initialize(&mut client, workspace.root(), &all());
    let main = uri(&workspace.path(file));
    client.open(&main, language, 1, text);
    client.settle();
    let shown = client.count(&main, 1);
    assert_eq!(shown[0]["code"], "AZR-000002");
    assert_eq!(&shown[0]["range"], found_at);
    let actions = client.actions(&main, &shown[0]);
    let preferred: Vec<_> = actions
        .iter()
        .filter(|it| it["isPreferred"] == true)
        .collect();
    assert_eq!(preferred.len(), 1, "{actions:#?}");

    let mut texts = Texts::default();
    texts.texts.insert(main.clone(), text.to_owned());
    texts.versions.insert(main.clone(), 1);
    let touched = texts.apply(&preferred[0]["edit"]);
    for touched in &touched {
        let text = &texts.texts[touched];
        if *touched == main {
            client.change_by(&main, 2, json!([{"text": text}]));
        } else {
            // An editor opens what it creates, and has not saved it yet.
            client.open(touched, language, 1, text);
        }
    }
    client.until(&main, |it| {
        it.version == Some(2) && it.diagnostics.is_empty()
    });
    client.settle();
    for (uri, shown) in client.all_shown() {
        assert!(shown.is_empty(), "{uri}: {shown:#?}");
    }
    let created = touched.iter().filter(|uri| **uri != main).count();
    assert_eq!(created, usize::from(language == "bicep"), "{touched:?}");
    assert_eq!(leave(child, client), Some(0));
}

#[test]
fn a_bicep_workspace_is_mended_by_a_fix_that_creates_a_file() {
    mend("main.bicep", "bicep", BICEP, &range(2, 22, 2, 73));
}

#[test]
fn a_template_in_json_is_mended_by_a_fix() {
    mend("azuredeploy.json", "json", JSON, &range(5, 14, 5, 54));
}

/// A reproducible sequence of numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

/// The text's UTF-16 columns, for a byte offset that begins a character.
fn position(text: &str, offset: usize) -> (u32, u32) {
    let before = &text[..offset];
    let line = before.matches('\n').count();
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    (line as u32, before[start..].encode_utf16().count() as u32)
}

/// Every file that shows something, and what: messages and places.
fn shown(client: &mut Client) -> BTreeMap<String, Vec<(String, String)>> {
    let mut all = BTreeMap::new();
    for (uri, diagnostics) in client.all_shown() {
        let rows: Vec<_> = diagnostics
            .iter()
            .map(|it| (it["range"].to_string(), it["message"].to_string()))
            .collect();
        if !rows.is_empty() {
            all.insert(uri, rows);
        }
    }
    all
}

/// Types 3,000 single characters into two open files while asking for all sorts of things in between, mends what was
/// broken by it, and gets the answer that a fresh start gives.
#[test]
fn long_typing_ends_where_a_fresh_start_begins() {
    const EDITS: usize = 3_000;
    let plan = "targetScope = 'subscription'\n\nparam tier string = 'Free'\n\n\
        resource plan 'Microsoft.Security/pricings@2024-01-01' = {\n  name: 'Containers'\n  \
        properties: { pricingTier: tier }\n}\n";
    let workspace = Workspace::new(&[
        ("main.bicep", BICEP),
        ("plan.bicep", plan),
        ("a.json", JSON),
    ]);
    let (child, mut client) = start(workspace.root(), &["server"]);
    initialize(&mut client, workspace.root(), &all());
    let names = [
        uri(&workspace.path("main.bicep")),
        uri(&workspace.path("plan.bicep")),
    ];
    let mut texts = [BICEP.to_owned(), plan.to_owned()];
    for (name, text) in names.iter().zip(&texts) {
        client.open(name, "bicep", 1, text);
    }
    let mut dice = Dice(0x5eed_2f0e_91a3_77c1);
    let characters = [
        "a",
        " ",
        "'",
        "}",
        "{",
        "\n",
        "/",
        "*",
        "=",
        "\u{1F600}",
        "\r\n",
        "e",
    ];
    let mut version = 1;
    let mut asked = Vec::new();
    for round in 0..EDITS {
        version += 1;
        let which = dice.below(2);
        let text = &mut texts[which];
        let mut at = dice.below(text.len() + 1);
        while !text.is_char_boundary(at) || text[..at].ends_with('\r') {
            at -= 1;
        }
        let (line, column) = position(text, at);
        let next = text[at..]
            .chars()
            .next()
            .filter(|next| !matches!(next, '\n' | '\r'));
        match next {
            Some(next) if dice.below(2) == 0 => {
                let end = column + next.len_utf16() as u32;
                client.change(&names[which], version, &[(line, column, line, end, "")]);
                text.remove(at);
            }
            _ => {
                let typed = characters[dice.below(characters.len())];
                client.change(
                    &names[which],
                    version,
                    &[(line, column, line, column, typed)],
                );
                text.insert_str(at, typed);
            }
        }
        let document = json!({"uri": names[which]});
        let place = json!({"line": line, "character": column});
        if round % 7 == 0 {
            let params = json!({"textDocument": document, "position": place});
            asked.push(client.ask("textDocument/hover", &params));
        }
        if round % 11 == 0 {
            let params = json!({
                "textDocument": document,
                "range": range(0, 0, 99, 0),
                "context": {"diagnostics": []},
            });
            asked.push(client.ask("textDocument/codeAction", &params));
        }
        if round % 101 == 0 {
            asked.push(client.ask("preflight/inventory", &json!({"textDocument": document})));
        }
    }
    for id in asked {
        client.answer(id).expect("an answer");
    }
    for name in &names {
        client.until(name, |it| it.version.is_some());
    }
    // What is there now, and what a fresh start states of it.
    compare(&mut client, &workspace, &names, &texts);
    // Corrected, it is as before.
    for (name, text) in names.iter().zip([BICEP, plan]) {
        version += 1;
        client.change_by(name, version, json!([{"text": text}]));
        client.diagnostics(name, version);
    }
    client.settle();
    let now = shown(&mut client);
    assert!(now.contains_key(&names[0]), "{now:#?}");
    compare(
        &mut client,
        &workspace,
        &names,
        &[BICEP.to_owned(), plan.to_owned()],
    );
    assert_eq!(leave(child, client), Some(0));
}

fn compare(client: &mut Client, workspace: &Workspace, names: &[String], texts: &[String]) {
    client.settle();
    let here = shown(client);
    let (child, mut fresh) = start(workspace.root(), &["server"]);
    initialize(&mut fresh, workspace.root(), &all());
    for (name, text) in names.iter().zip(texts) {
        fresh.open(name, "bicep", 1, text);
    }
    fresh.settle();
    assert_eq!(here, shown(&mut fresh));
    assert_eq!(leave(child, fresh), Some(0));
}

/// All in one write, so that the end is there before anything is answered.
#[test]
fn what_is_sent_in_one_go_counts_in_its_order() {
    let workspace = Workspace::new(&[("main.bicep", BICEP)]);
    let check = |begun: bool, sent: &[(i64, &str)], code: i32, errors: &[(i64, i64)]| {
        let (mut child, mut client) = start(workspace.root(), &["server"]);
        if begun {
            initialize(&mut client, workspace.root(), &json!({}));
        }
        let sent = sent.iter().map(|(id, method)| {
            let body = json!({"jsonrpc": "2.0", "id": id, "method": method}).to_string();
            format!("Content-Length: {}\r\n\r\n{body}", body.len())
        });
        let exit = r#"{"jsonrpc":"2.0","method":"exit"}"#;
        let exit = format!("Content-Length: {}\r\n\r\n{exit}", exit.len());
        let all = sent.chain([exit]).collect::<String>();
        client.send_raw(all.as_bytes());
        for (id, want) in errors {
            let error = client.answer(*id).err();
            let code = error.map_or(0, |error| error["code"].as_i64().unwrap_or_default());
            assert_eq!(code, *want, "{id} of {all}");
        }
        assert_eq!(child.wait().expect("it ends").code(), Some(code), "{all}");
        client.all_shown();
        client.leaves = Leaves::Gone;
    };
    let (status, shutdown) = ("preflight/status", "shutdown");
    check(true, &[(71, shutdown)], 0, &[(71, 0)]);
    check(true, &[], 1, &[]);
    // Before the beginning there is no server that could end well, and after the end none that answers.
    let both = [(71, status), (72, shutdown)];
    check(false, &both, 1, &[(71, -32002), (72, -32002)]);
    let both = [(71, shutdown), (72, status)];
    check(true, &both, 0, &[(71, 0), (72, -32600)]);
}

#[test]
fn every_way_to_end_has_its_code() {
    let workspace = Workspace::new(&[("main.bicep", BICEP)]);
    // `shutdown`, then `exit`; also without arguments.
    for arguments in [&["server"][..], &["server", "--stdio"], &[]] {
        let (child, mut client) = start(workspace.root(), arguments);
        initialize(&mut client, workspace.root(), &json!({}));
        client.settle();
        client.all_shown();
        assert_eq!(leave(child, client), Some(0), "{arguments:?}");
    }
    // `exit` alone.
    let (mut child, mut client) = start(workspace.root(), &["server"]);
    initialize(&mut client, workspace.root(), &json!({}));
    client.settle();
    client.notify("exit", &Value::Null);
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
    client.all_shown();
    client.leaves = Leaves::Gone;
    // The input ends: before a word, in the middle of one, and after all were stated.
    for words in [
        &b""[..],
        b"Content-Le",
        b"Content-Length: 500\r\n\r\n{\"jsonrpc\":",
    ] {
        let (mut child, mut client) = start(workspace.root(), &["server"]);
        client.send_raw(words);
        client.leaves = Leaves::Gone;
        drop(client);
        assert_eq!(child.wait().expect("it ends").code(), Some(1), "{words:?}");
    }
    let (mut child, mut client) = start(workspace.root(), &["server"]);
    initialize(&mut client, workspace.root(), &json!({}));
    client.request("shutdown", &Value::Null);
    client.all_shown();
    client.leaves = Leaves::Gone;
    drop(client);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn the_log_goes_where_it_is_sent() {
    let workspace = Workspace::new(&[]);
    let log = workspace.path("server.log");
    let (child, mut client) = start(
        workspace.root(),
        &["server", "--log", &log.to_string_lossy()],
    );
    initialize(&mut client, workspace.root(), &json!({}));
    let stranger = uri(&workspace.path("never-opened.bicep"));
    client.change(&stranger, 2, &[(0, 0, 0, 0, "x")]);
    // Half an edit is none, and the text differs from then on.
    let half = uri(&workspace.path("half.bicep"));
    client.open(&half, "bicep", 1, "");
    client.change_by(&half, 2, json!([{"range": range(0, 0, 0, 0)}]));
    client.settle();
    client.all_shown();
    assert_eq!(leave(child, client), Some(0));
    let text = std::fs::read_to_string(&log).expect("a log");
    for name in ["never-opened.bicep", "half.bicep"] {
        assert!(text.contains(name), "{text}");
    }
}

/// Some clients hold stderr as a pipe and never read it.
#[test]
fn nobody_waits_for_a_client_that_does_not_read_the_log() {
    let workspace = Workspace::new(&[("main.bicep", BICEP)]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_preflight"))
        .arg("server")
        .env("HOME", workspace.root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let to = child.stdin.take().expect("its input");
    let from = child.stdout.take().expect("its output");
    let mut client = Client::over(from, to);
    initialize(&mut client, workspace.root(), &json!({}));
    // Each is reported in one line; together they are many times the capacity of a pipe.
    let wrong = json!({"settings": {"preflight": {"hints": "x".repeat(1_000)}}});
    for _ in 0..4_000 {
        client.notify("workspace/didChangeConfiguration", &wrong);
    }
    client.settle();
    client.count(&uri(&workspace.path("main.bicep")), 1);
    assert_eq!(leave(child, client), Some(0));
}
