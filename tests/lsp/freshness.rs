//! Changes on disk are noticed: by events where the client watches, and at the next save, open, request or scan where it
//! does not.

use std::fs;
use std::path::Path;

use preflight::lsp::Setup;
use serde_json::{Value, json};

use crate::client::{Client, all, at_home, uri, with, without};
use crate::support::Workspace;
use crate::{PLAN, REGISTRY};

/// How a client learns of changes on disk, and brings them to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watch {
    /// It watches, and sends events.
    Events,
    /// It cannot watch, and saves, opens another document, or asks for something.
    Saves,
    Opens,
    Asks,
    /// It declares that it can watch, refuses to, and saves.
    Refuses,
}

const CLIENTS: [Watch; 5] = [
    Watch::Events,
    Watch::Saves,
    Watch::Opens,
    Watch::Asks,
    Watch::Refuses,
];

fn client(workspace: &Workspace, folder: &str, watch: Watch) -> Client {
    let capabilities = match watch {
        Watch::Events | Watch::Refuses => with(
            all(),
            "/workspace/didChangeWatchedFiles/relativePatternSupport",
            json!(true),
        ),
        _ => without(all(), "/workspace/didChangeWatchedFiles"),
    };
    let mut client = Client::start(at_home(Setup::default(), workspace.root()));
    if watch == Watch::Refuses {
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

/// What brings a change on disk to the server.
fn notice(client: &mut Client, workspace: &Workspace, watch: Watch, path: &str, kind: u32) {
    let main = uri(&workspace.path("app/main.bicep"));
    match watch {
        Watch::Events => event(client, workspace, path, kind),
        Watch::Saves | Watch::Refuses => save(client, &main),
        Watch::Opens => {
            let other = uri(&workspace.path("app/other.bicep"));
            client.open(&other, "bicep", 1, "var x = 1\n");
        }
        Watch::Asks => {
            // Requests look at the disk once a second.
            std::thread::sleep(std::time::Duration::from_millis(1100));
            let position = json!({"line": 0, "character": 0});
            let params = json!({"textDocument": {"uri": main}, "position": position});
            client.request("textDocument/hover", &params);
        }
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

/// A registry in a template, as Bicep's cache has it.
const TEMPLATE: &str = r#"{
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  "resources": [
    {
      "type": "Microsoft.ContainerRegistry/registries",
      "apiVersion": "2023-07-01",
      "name": "images",
      "location": "westeurope"
    }
  ]
}
"#;

const CACHED: &str = ".cache-of-bicep/br/host.azurecr.io/some$acr/1.0$/main.json";

const ELSEWHERE: &str = "configuration:\n  PREFLIGHT_COVERAGE: elsewhere\n";

/// A folder `app` with an open `main.bicep`, whose finding comes and goes with a file beside it or elsewhere.
#[derive(Default)]
struct Scene {
    /// `app/main.bicep`.
    main: String,
    /// Other files that are there from the start.
    files: &'static [(&'static str, &'static str)],
    /// The file that changes.
    path: &'static str,
    /// What an event names, where it is not that file.
    event: Option<&'static str>,
    /// Its text before and after; `None` where there is none.
    states: [Option<&'static str>; 2],
    /// The document with findings, and how many it has in each state.
    shown_in: &'static str,
    counts: [usize; 2],
}

/// Plays a scene for each client, from the first state to the second and back.
fn play(scene: &Scene) {
    for watch in CLIENTS {
        let workspace = Workspace::new(&[("app/main.bicep", &scene.main)]);
        for (path, text) in scene.files {
            workspace.write(path, text);
        }
        let event = scene.event.unwrap_or(scene.path);
        let put = |state: Option<&str>| match state {
            Some(text) => workspace.write(scene.path, text),
            None if workspace.path(event).is_dir() => {
                fs::remove_dir_all(workspace.path(event)).expect("it is there");
            }
            None => {
                let _ = fs::remove_file(workspace.path(scene.path));
            }
        };
        put(scene.states[0]);
        let mut client = client(&workspace, "app", watch);
        let main = uri(&workspace.path("app/main.bicep"));
        let shown = uri(&workspace.path(scene.shown_in));
        client.open(&main, "bicep", 1, &scene.main);
        client.settle();
        let count = |client: &mut Client| client.shown(&shown).map_or(0, |it| it.diagnostics.len());
        assert_eq!(count(&mut client), scene.counts[0], "{watch:?}");
        for (from, to) in [(0, 1), (1, 0)] {
            put(scene.states[to]);
            let kind = match (scene.states[from], scene.states[to]) {
                (None, _) => 1,
                (_, None) => 3,
                _ => 2,
            };
            notice(&mut client, &workspace, watch, event, kind);
            client.until_all(|client| count(client) == scene.counts[to]);
            if watch == Watch::Opens {
                client.close(&uri(&workspace.path("app/other.bicep")));
            }
        }
        client.forget();
        client.settle();
        client.forget();
    }
}

#[test]
fn a_registry_module_is_restored() {
    play(&Scene {
        main: MODULE.replace("PATH", "br:host.azurecr.io/some/acr:1.0"),
        path: CACHED,
        states: [None, Some(TEMPLATE)],
        shown_in: "app/main.bicep",
        counts: [0, 1],
        ..Scene::default()
    });
}

#[test]
fn a_module_outside_the_folder_changes() {
    play(&Scene {
        main: MODULE.replace("PATH", "../shared/acr.bicep"),
        path: "shared/acr.bicep",
        states: [Some("var x = 1\n"), Some(REGISTRY)],
        // What is outside is reported at the module.
        shown_in: "app/main.bicep",
        counts: [0, 1],
        ..Scene::default()
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
        ..Scene::default()
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
            ..Scene::default()
        });
    }
}

#[test]
fn a_missing_folder_of_modules_appears_with_an_event_for_the_folder_only() {
    play(&Scene {
        main: MODULE.replace("PATH", "modules/acr.bicep"),
        path: "app/modules/acr.bicep",
        event: Some("app/modules"),
        states: [None, Some(REGISTRY)],
        shown_in: "app/modules/acr.bicep",
        counts: [0, 1],
        ..Scene::default()
    });
}

#[test]
fn configuration_appears_in_the_folder_or_above_it_up_to_the_repository() {
    for path in ["app/ps-rule.yaml", "ps-rule.yaml"] {
        play(&Scene {
            main: REGISTRY.to_owned(),
            files: &[(".git/HEAD", "")],
            path,
            states: [None, Some(ELSEWHERE)],
            shown_in: "app/main.bicep",
            counts: [1, 0],
            ..Scene::default()
        });
    }
}

#[test]
fn configuration_of_bicep_appears_in_the_folder_or_above_it() {
    for path in ["app/bicepconfig.json", "bicepconfig.json"] {
        play(&Scene {
            main: MODULE.replace("PATH", "br/mine:acr:1.0"),
            files: &[(CACHED, TEMPLATE)],
            path,
            states: [
                Some("{}"),
                Some(
                    r#"{"moduleAliases": {"br": {"mine": {"registry": "host.azurecr.io", "modulePath": "some"}}}}"#,
                ),
            ],
            shown_in: "app/main.bicep",
            counts: [0, 1],
            ..Scene::default()
        });
    }
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
    let acr = uri(&workspace.path("app/modules/acr.bicep"));
    let (here, away) = (workspace.path("app/modules"), workspace.path("away"));
    for watch in CLIENTS {
        let mut client = client(&workspace, "app", watch);
        client.open(&uri(&workspace.path("app/main.bicep")), "bicep", 1, &main);
        client.settle();
        client.count(&acr, 1);
        fs::rename(&here, &away).expect("a rename");
        notice(&mut client, &workspace, watch, "app/modules", 3);
        client.count(&acr, 0);
        client.close(&uri(&workspace.path("app/other.bicep")));
        fs::rename(&away, &here).expect("a rename");
        notice(&mut client, &workspace, watch, "app/modules", 1);
        client.count(&acr, 1);
        client.forget();
        client.settle();
        client.forget();
    }
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
    for watch in CLIENTS {
        let mut client = client(&workspace, "", watch);
        client.settle();
        for path in ["out/acr.bicep", "node_modules/a/acr.bicep"] {
            notice(&mut client, &workspace, watch, path, 2);
            client.settle();
            let ignored = uri(&workspace.path(path));
            assert!(client.shown(&ignored).is_none(), "{path}");
            client.open(&ignored, "bicep", 1, REGISTRY);
            client.count(&ignored, 1);
            client.close(&ignored);
            client.count(&ignored, 0);
        }
        client.forget();
    }
}

#[test]
fn documents_without_a_file_are_checked_and_no_path_is_made_of_them() {
    let workspace = Workspace::new(&[("app/main.bicep", "var x = 1\n")]);
    for watch in [Watch::Events, Watch::Saves] {
        let mut client = client(&workspace, "app", watch);
        for document in [
            "untitled:Untitled-1",
            "untitled:/app/new.bicep",
            "vscode-vfs://github/a/b/main.bicep",
        ] {
            client.open(document, "bicep", 1, REGISTRY);
            let shown = client.count(document, 1);
            save(&mut client, document);
            let actions = client.actions(document, &shown[0]);
            assert!(!actions.is_empty(), "{document}");
            for action in actions {
                let steps = action["edit"]["documentChanges"].as_array().cloned();
                for step in steps.expect("document changes") {
                    assert_eq!(step["textDocument"]["uri"], document, "{action}");
                }
            }
            let params = json!({"textDocument": {"uri": document}});
            let inventory = client.request("preflight/inventory", &params);
            let path = inventory["resources"][0]["path"].as_str().expect("a path");
            assert!(!Path::new(path).is_absolute(), "{inventory}");
            client.close(document);
            client.count(document, 0);
        }
        // Older revisions in a source-control view are no documents of the workspace.
        let revision = "git:/app/main.bicep?ref=HEAD";
        client.open(revision, "bicep", 1, REGISTRY);
        client.change_by(revision, 2, json!([{"text": REGISTRY}]));
        save(&mut client, revision);
        client.settle();
        client.close(revision);
        client.settle();
        assert!(client.shown(revision).is_none());
        // None of their names was watched as if it were a file.
        let asked = client.asked.iter().map(|(_, params)| params.to_string());
        let asked: Vec<_> = asked
            .filter(|it| it.contains("ntitled") || it.contains("vfs"))
            .collect();
        assert_eq!(asked, [""; 0]);
        client.forget();
    }
}

#[test]
fn edits_without_a_version_and_openings_without_a_language_count() {
    for watch in [Watch::Events, Watch::Saves] {
        edit_without_a_version(watch);
    }
}

fn edit_without_a_version(watch: Watch) {
    let workspace = Workspace::new(&[]);
    let mut client = client(&workspace, "", watch);
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
