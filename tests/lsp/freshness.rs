//! Changes on disk are noticed: by events where the client watches, and at the next save, open, request or scan where it
//! does not.

use std::fs;

use preflight::lsp::Setup;
use serde_json::{Value, json};

use crate::client::{Client, all, at_home, uri, with, without};
use crate::support::Workspace;
use crate::{PLAN, REGISTRY};

/// How a client learns of changes on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watch {
    /// It watches, and sends events.
    Events,
    /// It cannot watch, and saves or asks.
    None,
    /// It says that it can watch, and refuses to.
    Refused,
}

const CLIENTS: [Watch; 3] = [Watch::Events, Watch::None, Watch::Refused];

fn client(workspace: &Workspace, folder: &str, watch: Watch) -> Client {
    let capabilities = match watch {
        Watch::None => without(all(), "/workspace/didChangeWatchedFiles"),
        _ => with(
            all(),
            "/workspace/didChangeWatchedFiles/relativePatternSupport",
            json!(true),
        ),
    };
    let mut client = Client::start(at_home(Setup::default(), workspace.root()));
    if watch == Watch::Refused {
        client.refuses.insert("client/registerCapability");
    }
    let root = uri(&workspace.path(folder));
    client.initialize(&json!({
        "processId": null,
        "workspaceFolders": [{"uri": root, "name": "root"}],
        "capabilities": capabilities,
    }));
    client
}

/// What brings a change on disk to the server: an event, else a save.
fn notice(client: &mut Client, workspace: &Workspace, watch: Watch, path: &str, kind: u32) {
    if watch == Watch::Events {
        event(client, workspace, path, kind);
    } else {
        save(client, &uri(&workspace.path("app/main.bicep")));
    }
}

fn event(client: &mut Client, workspace: &Workspace, path: &str, kind: u32) {
    let change = json!({"uri": uri(&workspace.path(path)), "type": kind});
    client.notify(
        "workspace/didChangeWatchedFiles",
        &json!({"changes": [change]}),
    );
}

fn save(client: &mut Client, uri: &str) {
    client.notify(
        "textDocument/didSave",
        &json!({"textDocument": {"uri": uri}}),
    );
}

const LOADS: &str = "\
var list = LOAD
resource acrs 'Microsoft.ContainerRegistry/registries@2023-07-01' = [for name in list.names: {
  name: name
  location: 'westeurope'
}]
";

const MODULE: &str = "module acr 'PATH' = {\n  name: 'acr'\n}\n";

/// A folder `app` with an open `main.bicep`, whose finding comes and goes with a file beside it or elsewhere.
struct Scene {
    /// `app/main.bicep`.
    main: String,
    /// The file that changes.
    path: &'static str,
    /// Its text before and after; `None` where there is none.
    states: [Option<&'static str>; 2],
    /// The document with findings, and how many it has in each state.
    shown_in: &'static str,
    counts: [usize; 2],
}

fn play(scene: &Scene) {
    for watch in CLIENTS {
        let workspace = Workspace::new(&[("app/main.bicep", &scene.main)]);
        let put = |state: Option<&str>| match state {
            Some(text) => workspace.write(scene.path, text),
            None => fs::remove_file(workspace.path(scene.path)).expect("it is there"),
        };
        if scene.states[0].is_some() {
            put(scene.states[0]);
        }
        let mut client = client(&workspace, "app", watch);
        let main = uri(&workspace.path("app/main.bicep"));
        let shown = uri(&workspace.path(scene.shown_in));
        client.open(&main, "bicep", 1, &scene.main);
        client.settle();
        let count = |client: &mut Client| client.shown(&shown).map_or(0, |it| it.diagnostics.len());
        assert_eq!(count(&mut client), scene.counts[0], "{watch:?}");
        put(scene.states[1]);
        let kind = match scene.states {
            [None, _] => 1,
            [_, None] => 3,
            _ => 2,
        };
        notice(&mut client, &workspace, watch, scene.path, kind);
        client.until_all(|client| count(client) == scene.counts[1]);
        client.forget();
        client.settle();
        client.forget();
    }
}

#[test]
fn a_module_outside_the_folder_changes() {
    play(&Scene {
        main: MODULE.replace("PATH", "../shared/acr.bicep"),
        path: "shared/acr.bicep",
        states: [Some("var x = 1\n"), Some(REGISTRY)],
        // What lies outside is reported at the module.
        shown_in: "app/main.bicep",
        counts: [0, 1],
    });
}

#[test]
fn a_missing_module_appears() {
    play(&Scene {
        main: MODULE.replace("PATH", "acr.bicep"),
        path: "app/acr.bicep",
        states: [None, Some(REGISTRY)],
        shown_in: "app/acr.bicep",
        counts: [0, 1],
    });
}

#[test]
fn loaded_texts_change() {
    for (load, path, states) in [
        (
            "loadYamlContent('list.yaml')",
            "app/list.yaml",
            ["names: []\n", "names: [a]\n"],
        ),
        (
            "loadJsonContent('list.json')",
            "app/list.json",
            ["{\"names\": []}", "{\"names\": [\"a\"]}"],
        ),
        (
            "{ names: split(loadTextContent('list.txt'), ',') }",
            "app/list.txt",
            ["a", "b"],
        ),
    ] {
        let text = path.ends_with("txt");
        play(&Scene {
            main: LOADS.replace("LOAD", load),
            path,
            states: [Some(states[0]), Some(states[1])],
            shown_in: "app/main.bicep",
            // Another text is another name: the finding stays.
            counts: [usize::from(text), 1],
        });
    }
}

#[test]
fn configuration_appears_in_the_folder() {
    play(&Scene {
        main: REGISTRY.to_owned(),
        path: "app/ps-rule.yaml",
        states: [
            None,
            Some("configuration:\n  PREFLIGHT_COVERAGE: elsewhere\n"),
        ],
        shown_in: "app/main.bicep",
        counts: [1, 0],
    });
}

#[test]
fn a_request_looks_at_the_inputs_of_its_document_again() {
    let workspace = Workspace::new(&[("app/main.bicep", REGISTRY)]);
    let mut client = client(&workspace, "app", Watch::None);
    let main = uri(&workspace.path("app/main.bicep"));
    client.open(&main, "bicep", 1, REGISTRY);
    client.settle();
    client.count(&main, 1);
    workspace.write(
        "app/ps-rule.yaml",
        "configuration:\n  PREFLIGHT_COVERAGE: elsewhere\n",
    );
    std::thread::sleep(std::time::Duration::from_millis(1100));
    client.request(
        "textDocument/hover",
        &json!({"textDocument": {"uri": main}, "position": {"line": 0, "character": 0}}),
    );
    client.count(&main, 0);
}

/// No event comes, whatever the client promised to watch.
#[test]
fn scan_workspace_looks_at_everything_again() {
    for watch in CLIENTS {
        let workspace = Workspace::new(&[
            ("app/main.bicep", REGISTRY),
            ("app/plan.bicep", PLAN),
            ("app/gone.bicep", &REGISTRY.replace("shopimages", "gone")),
        ]);
        let mut client = client(&workspace, "app", watch);
        client.settle();
        let main = uri(&workspace.path("app/main.bicep"));
        let gone = uri(&workspace.path("app/gone.bicep"));
        assert!(
            client
                .shown(&main)
                .is_none_or(|it| it.diagnostics.is_empty())
        );
        fs::remove_file(workspace.path("app/plan.bicep")).expect("it is there");
        client.settle();
        client.count(&main, 1);
        client.count(&gone, 1);
        fs::remove_file(workspace.path("app/gone.bicep")).expect("it is there");
        workspace.write("app/main.bicep", "var x = 1\n");
        client.settle();
        client.count(&main, 0);
        client.count(&gone, 0);
    }
}

#[test]
fn inputs_outside_the_folder_are_watched_by_relative_patterns() {
    let main = MODULE.replace("PATH", "../shared/acr.bicep");
    let workspace = Workspace::new(&[("app/main.bicep", &main), ("shared/acr.bicep", REGISTRY)]);
    let mut client = client(&workspace, "app", Watch::Events);
    client.open(&uri(&workspace.path("app/main.bicep")), "bicep", 1, &main);
    client.settle();
    let base = uri(&workspace.path("shared"));
    let want = json!({"baseUri": base, "pattern": "acr.bicep"});
    loop {
        let asked = client.until_asked("client/registerCapability");
        let watchers = asked.pointer("/registrations/0/registerOptions/watchers");
        let watchers = watchers
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        if watchers
            .iter()
            .any(|watcher| watcher["globPattern"] == want)
        {
            break;
        }
    }
    client.forget();
}

#[test]
fn a_folder_is_renamed_away_and_back_with_an_event_for_the_folder_only() {
    let main = MODULE.replace("PATH", "modules/acr.bicep");
    let workspace = Workspace::new(&[
        ("app/main.bicep", &main),
        ("app/modules/acr.bicep", REGISTRY),
    ]);
    let mut client = client(&workspace, "app", Watch::Events);
    let acr = uri(&workspace.path("app/modules/acr.bicep"));
    client.settle();
    client.count(&acr, 1);
    let (here, away) = (workspace.path("app/modules"), workspace.path("away"));
    fs::rename(&here, &away).expect("a rename");
    event(&mut client, &workspace, "app/modules", 3);
    client.count(&acr, 0);
    fs::rename(&away, &here).expect("a rename");
    event(&mut client, &workspace, "app/modules", 1);
    client.count(&acr, 1);
    client.forget();
}

#[test]
fn ignored_files_are_reported_while_they_are_open_only() {
    let workspace = Workspace::new(&[
        (".git/HEAD", ""),
        (".gitignore", "out/\n"),
        ("app/main.bicep", "var x = 1\n"),
        ("out/acr.bicep", REGISTRY),
        ("node_modules/a/acr.bicep", REGISTRY),
    ]);
    let mut client = client(&workspace, "", Watch::Events);
    client.settle();
    for path in ["out/acr.bicep", "node_modules/a/acr.bicep"] {
        event(&mut client, &workspace, path, 2);
        client.settle();
        let ignored = uri(&workspace.path(path));
        assert!(client.shown(&ignored).is_none(), "{path}");
        client.open(&ignored, "bicep", 1, REGISTRY);
        client.count(&ignored, 1);
        client.close(&ignored);
        client.count(&ignored, 0);
    }
}

#[test]
fn a_document_open_under_two_forms_of_its_uri_stays_open_when_one_is_closed() {
    let workspace = Workspace::new(&[("app/main.bicep", "var x = 1\n")]);
    let mut client = client(&workspace, "app", Watch::Events);
    let first = uri(&workspace.path("app/main.bicep"));
    let second = first.replace("main", "m%61in");
    client.open(&first, "bicep", 1, REGISTRY);
    client.count(&first, 1);
    client.open(&second, "bicep", 1, REGISTRY);
    // One file is reported once, under the name that was opened last.
    client.count(&second, 1);
    client.count(&first, 0);
    client.change(&first, 2, &[(1, 9, 1, 19, "x")]);
    client.close(&second);
    client.count(&first, 1);
    client.close(&first);
    client.count(&first, 0);
    client.forget();
}

#[test]
fn fixes_of_a_document_without_a_file_create_no_file() {
    let workspace = Workspace::new(&[("app/main.bicep", "var x = 1\n")]);
    let mut client = client(&workspace, "app", Watch::Events);
    for untitled in ["untitled:Untitled-1", "untitled:/app/new.bicep"] {
        client.open(untitled, "bicep", 1, REGISTRY);
        let shown = client.count(untitled, 1);
        for action in client.actions(untitled, &shown[0]) {
            let changes = action["edit"]["documentChanges"].to_string();
            assert!(!changes.contains("\"create\""), "{action}");
        }
        client.close(untitled);
        client.count(untitled, 0);
    }
}

#[test]
fn edits_without_a_version_and_openings_without_a_language_count() {
    let workspace = Workspace::new(&[]);
    let mut client = client(&workspace, "", Watch::Events);
    let main = uri(&workspace.path("main.bicep"));
    let document = json!({"uri": main, "version": 1, "text": "var x = 1\n"});
    client.notify("textDocument/didOpen", &json!({"textDocument": document}));
    client.count(&main, 0);
    let edit = |client: &mut Client, document: Value, text: &str| {
        let params = json!({"textDocument": document, "contentChanges": [{"text": text}]});
        client.notify("textDocument/didChange", &params);
    };
    edit(&mut client, json!({"uri": main, "version": null}), REGISTRY);
    client.count(&main, 1);
    edit(&mut client, json!({"uri": main}), "var x = 2\n");
    client.count(&main, 0);
}
