//! Whatever a client sends: bytes that are no messages, and messages in any order with anything in them. The server
//! answers every request, ends when its input does, and shows in the end what a fresh one shows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use preflight::lsp::Setup;
use serde_json::{Value, json};

use super::client::{Client, Leaves, all, at_home, uri};
use super::{Script, scripted};

const MAIN: &str = "module acr 'acr.bicep' = {\n  name: 'acr'\n}\nresource own 'Microsoft.ContainerRegistry/registries@2023-07-01' = {\n  name: 'own'\n}\n";
const ACR: &str =
    "resource acr 'Microsoft.ContainerRegistry/registries@2023-07-01' = {\n  name: 'acr'\n}\n";
const PLAN: &str = "targetScope = 'subscription'\nresource plan 'Microsoft.Security/pricings@2024-01-01' = {\n  name: 'Containers'\n  properties: { pricingTier: 'Free' }\n}\n";
const JSON: &str = "{\n  \"$schema\": \"https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#\",\n  \"contentVersion\": \"1.0.0.0\",\n  \"resources\": [\n    { \"type\": \"Microsoft.ContainerRegistry/registries\", \"apiVersion\": \"2023-07-01\", \"name\": \"r\" }\n  ]\n}\n";
const RULES: &str = "configuration:\n  PREFLIGHT_HINTS: true\n";

const FILES: [(&str, &str); 5] = [
    ("main.bicep", MAIN),
    ("acr.bicep", ACR),
    ("sub/plan.bicep", PLAN),
    ("sub/azuredeploy.json", JSON),
    ("ps-rule.yaml", RULES),
];

const STRANGE: [&str; 6] = [
    "untitled:Untitled-1",
    "file:///",
    "file://host/share/x.bicep",
    "vscode-remote://x/y.bicep",
    "file:///c%3A/x/%00.bicep",
    "git:/x.bicep?%7B%7D",
];

/// The folder that every run serves; no run writes to it, and all have the same, so that none is left behind for each.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let size: usize = FILES.iter().map(|(_, text)| text.len()).sum();
    let place = std::env::temp_dir().join(format!("preflight-conversation-{size}"));
    if !place.is_dir() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in FILES {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        // Another process may have been quicker; its folder is as good.
        let _ = std::fs::rename(folder.keep(), &place);
    }
    preflight::workspace::disk::real(&place).expect("its real path")
});

fn place_of(name: &str) -> String {
    uri(&root().join(name))
}

fn root() -> &'static Path {
    &FOLDER
}

/// What a script states is sent, and the text is what may be in it; a text alone is sent as it is.
pub(crate) fn conversation(data: &[u8]) {
    let (text, mut script) = scripted(data);
    if script.is_over() {
        return wire(data);
    }
    let mut client = Client::initialized(root());
    let mut scene = Scene::default();
    while !script.is_over() && scene.version < 64 {
        scene.play(&mut client, &text, &mut script);
    }
    scene.end(client);
}

/// Bytes as they are, to a server that was greeted, and to one that was not.
fn wire(data: &[u8]) {
    let reported = String::from_utf8_lossy(data);
    // The fuzzer does not choose the folder that is served: it would find the whole machine.
    if reported.contains("root") || reported.contains("Folders") || reported.contains("\\u") {
        return;
    }
    // Lines represent messages, since a fuzzer cannot count.
    let framed: Vec<u8> = match reported.strip_prefix("lines\n") {
        Some(lines) => lines
            .lines()
            .flat_map(|line| format!("Content-Length: {}\r\n\r\n{line}", line.len()).into_bytes())
            .collect(),
        None => data.to_vec(),
    };
    for greeted in [true, false] {
        let mut client = match greeted {
            true => Client::initialized(root()),
            false => Client::start(at_home(Setup::default(), root())),
        };
        client.try_send_raw(&framed);
        client.hang_up();
        client.forget();
    }
}

/// What was sent so far, as far as it matters in the end.
#[derive(Default)]
struct Scene {
    open: BTreeSet<String>,
    asked: Vec<i64>,
    version: i64,
}

/// A place near the text, and sometimes far beyond it.
fn place(script: &mut Script<'_>) -> Value {
    match script.byte() {
        0..16 => json!({"line": script.below(70_000), "character": u32::MAX}),
        near => json!({"line": near % 9, "character": script.byte() % 70}),
    }
}

fn range(script: &mut Script<'_>) -> Value {
    json!({"start": place(script), "end": place(script)})
}

fn piece<'t>(script: &mut Script<'_>, text: &'t str) -> &'t str {
    let count = text.split_inclusive('\n').count();
    let nth = script.byte() % count.max(1);
    text.split_inclusive('\n').nth(nth).unwrap_or_default()
}

impl Scene {
    fn ask(&mut self, client: &mut Client, method: &str, params: &Value) {
        self.asked.push(client.ask(method, params));
    }

    /// One message.
    fn play(&mut self, client: &mut Client, text: &str, script: &mut Script<'_>) {
        self.version += 1;
        let uri = match script.byte() {
            at @ 0..16 => STRANGE[at % STRANGE.len()].to_owned(),
            16..32 => place_of("new.bicep"),
            at => place_of(FILES[at % FILES.len()].0),
        };
        let document = json!({"uri": uri});
        let version = match script.byte() {
            0..16 => script.below(100) as i64 - 50,
            _ => self.version,
        };
        match script.byte() % 22 {
            0..3 => {
                let own = FILES.iter().find(|(name, _)| uri.ends_with(name));
                let text = match script.byte() {
                    0..64 => text,
                    _ => own.map_or("", |it| it.1),
                };
                let languages = ["bicep", "bicep-params", "json", "jsonc", "yaml", "x"];
                let language = languages[script.byte() % languages.len()];
                client.open(&uri, language, version, text);
                self.open.insert(uri);
            }
            3..9 => {
                let mut changes = Vec::new();
                for _ in 0..script.byte() % 4 {
                    let mut change = json!({"text": piece(script, text)});
                    if script.byte() >= 32 {
                        change["range"] = range(script);
                    }
                    changes.push(change);
                }
                client.change_by(&uri, version, Value::from(changes));
            }
            9 => {
                client.close(&uri);
                self.open.remove(&uri);
            }
            10 => client.notify("textDocument/didSave", &json!({"textDocument": document})),
            11 => {
                let params = json!({"textDocument": document, "position": place(script)});
                self.ask(client, "textDocument/hover", &params);
            }
            12 => {
                let range = range(script);
                let context = json!({"diagnostics": []});
                let params = json!({"textDocument": document, "range": range, "context": context});
                self.ask(client, "textDocument/codeAction", &params);
            }
            13 => {
                let fix = piece(script, text);
                let data = json!({"uri": uri, "version": version, "fix": fix, "id": fix});
                let action = json!({"title": "x", "data": data});
                self.ask(client, "codeAction/resolve", &action);
            }
            14 => {
                let methods = [
                    "preflight/inventory",
                    "preflight/syntaxTree",
                    "textDocument/diagnostic",
                ];
                let method = methods[script.byte() % methods.len()];
                self.ask(client, method, &json!({"textDocument": document}));
            }
            15 => {
                let params = json!({"previousResultIds": []});
                self.ask(client, "workspace/diagnostic", &params);
            }
            16 => self.ask(client, "preflight/status", &Value::Null),
            17 => {
                client.settings = serde_json::from_str(text).unwrap_or(Value::Null);
                let params = json!({"settings": {"preflight": client.settings}});
                client.notify("workspace/didChangeConfiguration", &params);
            }
            18 => {
                let change = json!({"uri": uri, "type": script.byte() % 5});
                let params = json!({"changes": [change]});
                client.notify("workspace/didChangeWatchedFiles", &params);
            }
            19 => {
                let folder = json!([{"uri": place_of("sub"), "name": "sub"}]);
                let event = match script.byte() % 2 {
                    0 => json!({"added": folder, "removed": []}),
                    _ => json!({"added": [], "removed": folder}),
                };
                let params = json!({"event": event});
                client.notify("workspace/didChangeWorkspaceFolders", &params);
            }
            20 => {
                let id = match self.asked.last() {
                    Some(id) if script.byte() < 128 => json!(id),
                    _ => json!(piece(script, text)),
                };
                client.notify("$/cancelRequest", &json!({"id": id}));
            }
            _ => {
                let params = serde_json::from_str(text).unwrap_or(Value::Null);
                let methods = [
                    "textDocument/hover",
                    "textDocument/codeAction",
                    "workspace/executeCommand",
                    "preflight/inventory",
                    "initialize",
                    "$/unknown",
                    "unknown",
                ];
                self.ask(client, methods[script.byte() % methods.len()], &params);
            }
        }
    }

    /// Every request is answered; and with the folder as it was and every file as on disk, so is what is shown.
    fn end(self, mut client: Client) {
        for id in self.asked {
            let _ = client.answer(id);
        }
        for uri in &self.open {
            client.close(uri);
        }
        let sub = json!([{"uri": place_of("sub"), "name": "sub"}]);
        let event = json!({"added": [], "removed": sub});
        client.notify(
            "workspace/didChangeWorkspaceFolders",
            &json!({"event": event}),
        );
        client.settings = Value::Null;
        let settings = json!({"settings": {"preflight": null}});
        client.notify("workspace/didChangeConfiguration", &settings);
        let mut fresh = Client::with(root(), all(), Setup::default());
        fresh.settle();
        let expected = shown(&mut fresh);
        // Settings are asked for and come when they come: what is shown before may be what is expected too, and change once
        // more.
        loop {
            while shown(&mut client) != expected {
                let waiting = format!("{:#?} is shown, not {expected:#?}", shown(&mut client));
                client.take_or(&waiting);
            }
            client.settle();
            if shown(&mut client) == expected {
                break;
            }
        }
        for mut client in [client, fresh] {
            client.forget();
            client.leaves = Leaves::Politely;
        }
    }
}

/// Every file that shows something, and what.
fn shown(client: &mut Client) -> BTreeMap<String, Vec<(String, String)>> {
    let all = client.all_shown().into_iter();
    all.filter(|(_, diagnostics)| !diagnostics.is_empty())
        .map(|(uri, diagnostics)| {
            let rows = diagnostics.iter();
            let rows = rows.map(|it| (it["range"].to_string(), it["message"].to_string()));
            (uri, rows.collect())
        })
        .collect()
}
