//! Settings by all their ways, files that change on disk, folders that come and go.

use preflight::lsp::Setup;
use serde_json::{Value, json};

use crate::client::{Client, all, at_home, uri, without};
use crate::support::Workspace;
use crate::{PLAN, REGISTRY};

/// Capabilities of a client that does not answer what its settings are.
fn mute() -> Value {
    without(all(), "/workspace/configuration")
}

#[test]
fn settings_at_the_start() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let mut client = Client::start(Setup::default());
    client.initialize(&json!({
        "processId": null,
        "rootUri": uri(workspace.root()),
        "initializationOptions": {"coverage": "elsewhere"},
        "capabilities": mute(),
    }));
    let main = uri(&workspace.path("main.bicep"));
    client.open(&main, "bicep", 1, REGISTRY);
    client.settle();
    assert!(client.diagnostics(&main, 1).is_empty());
    let changed = json!({"settings": {"preflight": {"coverage": null}}});
    client.notify("workspace/didChangeConfiguration", &changed);
    client.count(&main, 1);
    let changed = json!({"settings": {"preflight": {"coverage": "elsewhere"}}});
    client.notify("workspace/didChangeConfiguration", &changed);
    client.count(&main, 0);
}

#[test]
fn settings_when_asked() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let mut client = Client::initialized(workspace.root());
    client.settings = json!({"coverage": "elsewhere"});
    let main = uri(&workspace.path("main.bicep"));
    let asked = client.until_asked("workspace/configuration");
    assert_eq!(asked["items"][0]["section"], "preflight");
    client.open(&main, "bicep", 1, REGISTRY);
    client.count(&main, 0);
    client.settings = json!({"coverage": "workspace"});
    // Its content then does not matter: it is asked.
    client.notify(
        "workspace/didChangeConfiguration",
        &json!({"settings": null}),
    );
    client.count(&main, 1);
}

#[test]
fn a_setting_that_is_taken_back_is_what_it_was_at_the_start() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let mut client = Client::start(Setup::default());
    client.settings = json!({"coverage": "workspace"});
    client.initialize(&json!({
        "processId": null,
        "rootUri": uri(workspace.root()),
        "initializationOptions": {"coverage": "elsewhere"},
        "capabilities": all(),
    }));
    let main = uri(&workspace.path("main.bicep"));
    client.count(&main, 1);
    client.settings = Value::Null;
    let changed = json!({"settings": null});
    client.notify("workspace/didChangeConfiguration", &changed);
    client.count(&main, 0);
    client.settle();
}

/// Though nothing in the folder asks for it.
#[test]
fn an_open_configuration_that_is_wrong_is_reported() {
    let workspace = Workspace::new(&[]);
    let mut client = Client::initialized(workspace.root());
    let rules = uri(&workspace.path("ps-rule.yaml"));
    client.open(&rules, "yaml", 1, "rule: [\n");
    client.count(&rules, 1);
    client.change(&rules, 2, &[(0, 6, 0, 7, "{}")]);
    client.count(&rules, 0);
    client.settle();
}

#[test]
fn each_folder_has_its_own_settings() {
    let one = Workspace::new(&[("main.bicep", REGISTRY)]);
    let other = Workspace::new(&[("main.bicep", REGISTRY)]);
    let mut client = Client::start(Setup::default());
    let quiet = json!({"coverage": "elsewhere"});
    let (first, second) = (uri(one.root()), uri(other.root()));
    client.scoped_settings.insert(first.clone(), quiet.clone());
    let folder = |uri: &str| json!({"uri": uri, "name": "folder"});
    client.initialize(&json!({
        "processId": null,
        "workspaceFolders": [folder(&first), folder(&second)],
        "capabilities": all(),
    }));
    let (main, more) = (uri(&one.path("main.bicep")), uri(&other.path("main.bicep")));
    client.count(&more, 1);
    client.settle();
    client.open(&main, "bicep", 1, REGISTRY);
    client.count(&main, 0);
    // One that comes later is asked about when it comes.
    let late = Workspace::new(&[("main.bicep", REGISTRY)]);
    client.scoped_settings.clear();
    client.scoped_settings.insert(uri(late.root()), quiet);
    let event = json!({"event": {"added": [folder(&uri(late.root()))], "removed": []}});
    client.notify("workspace/didChangeWorkspaceFolders", &event);
    client.count(&main, 1);
    let last = uri(&late.path("main.bicep"));
    client.open(&last, "bicep", 1, REGISTRY);
    client.count(&last, 0);
    client.settle();
}

#[test]
fn a_client_that_never_answers_is_served_all_the_same() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let mut client = Client::start(Setup::default());
    client.silent_on = [
        "workspace/configuration",
        "client/registerCapability",
        "window/workDoneProgress/create",
    ]
    .into();
    client.initialize(&json!({
        "processId": null,
        "rootUri": uri(workspace.root()),
        "capabilities": all(),
    }));
    client.settle();
    client.count(&uri(&workspace.path("main.bicep")), 1);
}

#[test]
fn files_to_watch_are_registered_and_their_changes_count() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let mut client = Client::initialized(workspace.root());
    let registered = client.until_asked("client/registerCapability");
    let registration = &registered["registrations"][0];
    assert_eq!(registration["method"], "workspace/didChangeWatchedFiles");
    let globs: Vec<_> = registration["registerOptions"]["watchers"]
        .as_array()
        .expect("watchers")
        .iter()
        .map(|watcher| watcher["globPattern"].as_str().expect("a pattern"))
        .collect();
    let all_kinds = ["**/*.{bicep,bicepparam,json,jsonc,yaml,yml,txt}"];
    assert_eq!(globs, all_kinds);
    client.settle();
    let main = uri(&workspace.path("main.bicep"));
    client.count(&main, 1);
    let tell = |client: &mut Client, path: &str, kind: u32| {
        let change = json!({"uri": uri(&workspace.path(path)), "type": kind});
        client.notify(
            "workspace/didChangeWatchedFiles",
            &json!({"changes": [change]}),
        );
    };
    workspace.write("plan.bicep", PLAN);
    tell(&mut client, "plan.bicep", 1);
    client.count(&main, 0);
    workspace.write("plan.bicep", &PLAN.replace("Standard", "Free"));
    tell(&mut client, "plan.bicep", 2);
    client.count(&main, 1);
    std::fs::remove_file(workspace.path("plan.bicep")).expect("it is there");
    tell(&mut client, "plan.bicep", 3);
    client.until(&main, |it| {
        it.diagnostics.iter().any(|it| it["severity"] == 2)
    });
    workspace.write(
        "ps-rule.yaml",
        "configuration:\n  PREFLIGHT_COVERAGE: elsewhere\n",
    );
    tell(&mut client, "ps-rule.yaml", 1);
    client.count(&main, 0);
}

/// Editors tell of a folder that is deleted, moved or copied alone, and not of what is in it.
#[test]
fn a_folder_comes_and_goes_with_what_is_in_it() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let mut client = Client::initialized(workspace.root());
    let main = uri(&workspace.path("main.bicep"));
    client.settle();
    client.count(&main, 1);
    let tell = |client: &mut Client, kind: u32| {
        let change = json!({"uri": uri(&workspace.path("infra")), "type": kind});
        client.notify(
            "workspace/didChangeWatchedFiles",
            &json!({"changes": [change]}),
        );
    };
    workspace.write("infra/deep/plan.bicep", PLAN);
    workspace.write("infra/more.json", "{}");
    tell(&mut client, 1);
    client.count(&main, 0);
    std::fs::remove_dir_all(workspace.path("infra")).expect("it is there");
    tell(&mut client, 3);
    client.count(&main, 1);
    client.settle();
}

#[test]
fn settings_pushed_without_ours_leave_those_of_the_start() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY), ("plan.bicep", PLAN)]);
    let mut client = Client::start(Setup::default());
    client.initialize(&json!({
        "processId": null,
        "rootUri": uri(workspace.root()),
        "capabilities": mute(),
        "initializationOptions": {"coverage": "deployment"},
    }));
    let main = uri(&workspace.path("main.bicep"));
    client.open(&main, "bicep", 1, REGISTRY);
    client.count(&main, 1);
    let mut push = |settings: Value, shown: usize| {
        client.notify(
            "workspace/didChangeConfiguration",
            &json!({"settings": settings}),
        );
        client.settle();
        client.count(&main, shown);
    };
    push(json!(null), 1);
    push(json!({}), 1);
    push(json!({"other": {"coverage": "workspace"}}), 1);
    push(json!({"preflight": {"coverage": "workspace"}}), 0);
    push(json!(null), 1);
    push(json!({"preflight": {}}), 0);
}

#[test]
fn a_client_that_does_not_watch_has_changes_noticed_when_it_saves() {
    for refuses in [false, true] {
        let workspace = Workspace::new(&[("main.bicep", REGISTRY), ("plan.bicep", PLAN)]);
        let mut client = Client::start(at_home(Setup::default(), workspace.root()));
        let capabilities = match refuses {
            true => all(),
            false => without(all(), "/workspace/didChangeWatchedFiles"),
        };
        client.refuses.insert("client/registerCapability");
        let root = uri(workspace.root());
        client
            .initialize(&json!({"processId": null, "rootUri": root, "capabilities": capabilities}));
        let main = uri(&workspace.path("main.bicep"));
        client.open(&main, "bicep", 1, REGISTRY);
        client.settle();
        client.count(&main, 0);
        let saved = json!({"textDocument": {"uri": main}});
        workspace.write("plan.bicep", &PLAN.replace("'Standard'", "'Free'"));
        client.notify("textDocument/didSave", &saved);
        client.count(&main, 1);
        // A file that was not there before is found as well.
        workspace.write("more.bicep", &REGISTRY.replace("shopimages", "moreimages"));
        client.notify("textDocument/didSave", &saved);
        client.count(&uri(&workspace.path("more.bicep")), 1);
    }
}

#[test]
fn folders_come_and_go() {
    let one = Workspace::new(&[("acr.bicep", REGISTRY)]);
    let two = Workspace::new(&[("acr.bicep", REGISTRY)]);
    let mut client = Client::initialized(one.root());
    let (acr_one, acr_two) = (uri(&one.path("acr.bicep")), uri(&two.path("acr.bicep")));
    client.settle();
    client.count(&acr_one, 1);
    let folder = |workspace: &Workspace| json!({"uri": uri(workspace.root()), "name": "x"});
    let change =
        |added: Value, removed: Value| json!({"event": {"added": added, "removed": removed}});
    let params = change(json!([folder(&two)]), json!([folder(&one)]));
    client.notify("workspace/didChangeWorkspaceFolders", &params);
    client.count(&acr_two, 1);
    client.count(&acr_one, 0);
    let params = change(json!([folder(&one)]), json!([]));
    client.notify("workspace/didChangeWorkspaceFolders", &params);
    client.count(&acr_one, 1);
}

/// The settings that the VS Code extension declares are those that the server reads.
#[test]
fn the_extension_declares_the_settings_that_are_read() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/editors/vscode/package.json");
    let package = std::fs::read_to_string(path).expect("the extension's package.json");
    let package: Value = serde_json::from_str(&package).expect("JSON");
    let declared = &package["contributes"]["configuration"]["properties"];
    for (name, values, _) in preflight::lsp::SETTINGS {
        let setting = &declared[format!("preflight.{name}")];
        assert!(setting.is_object(), "preflight.{name} is not declared");
        let choices = setting["enum"].as_array();
        let choices: Vec<_> = choices
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(choices, *values, "preflight.{name}");
    }
}
