//! Code actions: what is offered, in what form, and that it fixes what its title promises.

use preflight::lsp::Setup;
use serde_json::{Value, json};

use crate::client::{Client, all, range, uri, with, without};
use crate::edits::Texts;
use crate::support::Workspace;
use crate::{REGISTRY, type_range};

/// A registry in a subscription file would be one for a module; this one deploys a resource group with one.
const SUBSCRIPTION: &str = "\
targetScope = 'subscription'

module images 'acr.bicep' = {
  name: 'images'
  scope: resourceGroup('images')
}
";

/// A client with a file open, and the file's finding.
struct Scene {
    workspace: Workspace,
    client: Client,
    uri: String,
    found: Value,
}

fn scene(files: &[(&str, &str)], capabilities: Value) -> Scene {
    let workspace = Workspace::new(files);
    let mut client = Client::with(workspace.root(), capabilities, Setup::default());
    let (name, text) = files[0];
    let uri = uri(&workspace.path(name));
    client.open(&uri, "bicep", 3, text);
    client.settle();
    let found = client.count(&uri, 1)[0].clone();
    Scene {
        workspace,
        client,
        uri,
        found,
    }
}

fn ask(scene: &mut Scene, context: Value) -> Vec<Value> {
    let params = json!({
        "textDocument": {"uri": scene.uri},
        "range": scene.found["range"],
        "context": context,
    });
    let actions = scene.client.request("textDocument/codeAction", &params);
    actions.as_array().expect("actions").clone()
}

/// Applies what an action does, as an editor would: changes of open documents are sent, the rest is written.
fn apply(scene: &mut Scene, files: &[(&str, &str)], action: &Value) {
    let mut texts = Texts::default();
    for (name, text) in files {
        let uri = uri(&scene.workspace.path(name));
        texts.texts.insert(uri, (*text).to_owned());
    }
    texts.versions.insert(scene.uri.clone(), 3);
    for touched in texts.apply(&action["edit"]) {
        let text = &texts.texts[&touched];
        if touched == scene.uri {
            let change = json!([{"text": text}]);
            scene.client.change_by(&touched, 4, change);
        } else {
            let root = uri(scene.workspace.root());
            let name = touched
                .strip_prefix(&format!("{root}/"))
                .expect("in the folder");
            scene.workspace.write(name, text);
            let change = json!({"uri": touched, "type": 1});
            let params = json!({"changes": [change]});
            scene
                .client
                .notify("workspace/didChangeWatchedFiles", &params);
        }
    }
}

/// Each insertion, applied, makes the finding go.
#[test]
fn both_insertions_mend_the_finding() {
    let files = [("acr.bicep", REGISTRY)];
    for plan in ["Containers", "ContainerRegistry"] {
        let mut scene = scene(&files, all());
        let found = scene.found.clone();
        let uri = scene.uri.clone();
        let actions = scene.client.actions(&uri, &found);
        let inserts = actions.iter().filter(|action| {
            let text = action["edit"].to_string();
            text.contains("Microsoft.Security/pricings") && text.contains(&format!("'{plan}'"))
        });
        let inserts: Vec<_> = inserts.cloned().collect();
        assert_eq!(inserts.len(), 1, "{plan}: {actions:#?}");
        let action = &inserts[0];
        assert_eq!(action["kind"], "quickfix");
        assert_eq!(action["diagnostics"][0]["code"], "AZR-000002");
        assert_eq!(action.get("isPreferred").is_some(), plan == "Containers");
        let operations = action["edit"]["documentChanges"]
            .as_array()
            .expect("operations");
        assert!(
            operations.iter().any(|it| it["kind"] == "create"),
            "{action:#}"
        );
        apply(&mut scene, &files, action);
        scene.client.until(&uri, |it| {
            it.version == Some(4) && it.diagnostics.is_empty()
        });
        scene.client.settle();
        // That the older plan is superseded may be stated; that it does not scan may not.
        let left = scene.client.all_shown();
        let mut left = left.values().flatten();
        assert!(left.all(|found| found["severity"] == 3), "{left:#?}");
    }
}

#[test]
fn edits_come_only_when_chosen_where_the_client_can_wait() {
    let mut scene = scene(&[("acr.bicep", REGISTRY)], all());
    let actions = ask(&mut scene, json!({"diagnostics": []}));
    assert!(actions.iter().all(|action| action.get("edit").is_none()));
    let resolved = scene.client.request("codeAction/resolve", &actions[0]);
    assert!(resolved["edit"].is_object());
    // After an edit, what was offered before it is refused.
    let uri = scene.uri.clone();
    scene.client.change(&uri, 4, &[(0, 0, 0, 0, "\n")]);
    assert_eq!(
        scene.client.refused("codeAction/resolve", &actions[0]),
        -32801
    );
    scene.client.diagnostics(&uri, 4);
    // What carries nothing of ours comes back as it went.
    for data in [json!({"other": 1}), json!("x"), Value::Null] {
        let foreign = json!({"title": "other", "data": data});
        let back = scene.client.request("codeAction/resolve", &foreign);
        assert_eq!(back["title"], "other");
        assert!(back.get("edit").is_none());
    }
}

#[test]
fn edits_come_at_once_where_it_cannot() {
    let eager = without(all(), "/textDocument/codeAction/resolveSupport");
    let mut scene = scene(&[("acr.bicep", REGISTRY)], eager);
    let actions = ask(&mut scene, json!({"diagnostics": []}));
    assert!(!actions.is_empty());
    for action in &actions {
        assert!(action["edit"]["documentChanges"].is_array(), "{action}");
        assert!(action.get("data").is_none(), "{action}");
    }
}

/// Findings are shown for files that are not open, and can be fixed from the problems list.
#[test]
fn a_file_that_is_not_open_can_be_mended() {
    let below = format!("// \u{1F600}\n{REGISTRY}");
    let workspace = Workspace::new(&[("acr.bicep", &below)]);
    let mut client = Client::initialized(workspace.root());
    let acr = uri(&workspace.path("acr.bicep"));
    let found = client.count(&acr, 1)[0].clone();
    let actions = client.actions(&acr, &found);
    let module = &actions[0]["edit"]["documentChanges"][2];
    assert_eq!(module["textDocument"], json!({"uri": acr, "version": null}));
    let place = json!({"textDocument": {"uri": acr}, "position": found["range"]["start"]});
    let hover = client.request("textDocument/hover", &place);
    assert_eq!(hover["range"], found["range"]);
    client.settle();
}

#[test]
fn a_menu_stays_one_however_much_is_selected() {
    let many: String = (0..100)
        .map(|n| REGISTRY.replace("acr", &format!("acr{n}")))
        .collect();
    let workspace = Workspace::new(&[("acr.bicep", &many)]);
    let mut client = Client::initialized(workspace.root());
    let acr = uri(&workspace.path("acr.bicep"));
    client.open(&acr, "bicep", 1, &many);
    let found = client.diagnostics(&acr, 1);
    assert_eq!(found.len(), 100);
    let mut offered = |place: &Value| {
        let params = json!({
            "textDocument": {"uri": acr},
            "range": place,
            "context": {"diagnostics": []},
        });
        let actions = client.request("textDocument/codeAction", &params);
        actions.as_array().expect("a list").len()
    };
    let each = offered(&found[99]["range"]);
    assert!(each >= 2);
    assert_eq!(offered(&range(0, 0, 9_999, 0)), 20 * each);
    client.settle();
}

#[test]
fn kinds_are_honoured() {
    let mut scene = scene(&[("acr.bicep", REGISTRY)], all());
    let mut check = |only: Value, offered: bool| {
        let actions = ask(&mut scene, json!({"diagnostics": [], "only": only}));
        assert_eq!(!actions.is_empty(), offered, "{only}");
    };
    check(json!(["quickfix"]), true);
    check(json!([""]), true);
    check(json!(["refactor", "quickfix"]), true);
    check(json!(["source.fixAll"]), false);
    check(json!(["source"]), false);
    check(json!(["refactor"]), false);
    check(json!(["quick"]), false);
    check(json!([]), false);
}

#[test]
fn foreign_diagnostics_are_left_alone() {
    let mut scene = scene(&[("acr.bicep", REGISTRY)], all());
    let foreign = json!({
        "range": type_range(), "message": "BCP081", "source": "bicep", "code": "BCP081",
        "data": {"finding": "x"},
    });
    let unknown = json!({
        "range": type_range(), "message": "x", "source": "preflight", "code": "AZR-000002",
        "data": {"finding": 7, "more": []},
    });
    let own = scene.found.clone();
    let actions = ask(&mut scene, json!({"diagnostics": [foreign, unknown, own]}));
    for action in &actions {
        let corrected = action["diagnostics"].as_array().expect("diagnostics");
        assert_eq!(*corrected, std::slice::from_ref(&own), "{action}");
    }
    // Elsewhere nothing is offered.
    let params = json!({
        "textDocument": {"uri": scene.uri},
        "range": range(3, 0, 3, 1),
        "context": {"diagnostics": []},
    });
    let elsewhere = scene.client.request("textDocument/codeAction", &params);
    assert_eq!(elsewhere, json!([]));
}

#[test]
fn no_file_is_created_where_the_client_cannot() {
    let simple = without(all(), "/workspace/workspaceEdit");
    let mut scene = scene(&[("acr.bicep", REGISTRY)], simple);
    let found = scene.found.clone();
    let uri = scene.uri.clone();
    let actions = scene.client.actions(&uri, &found);
    assert!(!actions.is_empty());
    for action in &actions {
        assert!(action["edit"]["changes"].is_object(), "{action}");
        assert!(action["edit"].get("documentChanges").is_none(), "{action}");
    }
}

#[test]
fn changes_of_other_files_are_to_be_confirmed_where_the_client_asks_that() {
    let files = [("acr.bicep", REGISTRY), ("main.bicep", SUBSCRIPTION)];
    let confirms = with(
        all(),
        "/workspace/workspaceEdit/changeAnnotationSupport",
        json!({}),
    );
    let confirms = with(
        confirms,
        "/textDocument/codeAction/honorsChangeAnnotations",
        json!(true),
    );
    let mut scene = scene(&files, confirms);
    let found = scene.found.clone();
    let uri = scene.uri.clone();
    let actions = scene.client.actions(&uri, &found);
    let insert = actions.iter().find(|action| action["isPreferred"] == true);
    let insert = insert.expect("a preferred action");
    let annotations = insert["edit"]["changeAnnotations"]
        .as_object()
        .expect("annotations");
    assert!(
        annotations
            .values()
            .all(|it| it["needsConfirmation"] == true)
    );
    for operation in insert["edit"]["documentChanges"]
        .as_array()
        .expect("operations")
    {
        let elsewhere = operation["textDocument"]["uri"] != uri.as_str();
        for edit in operation["edits"].as_array().into_iter().flatten() {
            let named = edit["annotationId"].as_str();
            assert_eq!(named.is_some(), elsewhere, "{operation:#}");
            assert!(named.is_none_or(|name| annotations.contains_key(name)));
        }
    }
    apply(&mut scene, &files, insert);
    scene.client.count(&uri, 0);
}

#[test]
fn a_client_that_can_do_nothing_with_fixes_is_offered_none() {
    let workspace = Workspace::new(&[("acr.bicep", REGISTRY)]);
    let old = without(all(), "/textDocument/codeAction");
    let mut client = Client::start(Setup::default());
    let root = uri(workspace.root());
    let answer =
        client.initialize(&json!({"processId": null, "rootUri": root, "capabilities": old}));
    assert!(answer["capabilities"].get("codeActionProvider").is_none());
    let acr = uri(&workspace.path("acr.bicep"));
    client.open(&acr, "bicep", 1, REGISTRY);
    let params = json!({
        "textDocument": {"uri": acr},
        "range": type_range(),
        "context": {"diagnostics": []},
    });
    assert_eq!(
        client.request("textDocument/codeAction", &params),
        json!([])
    );
    client.diagnostics(&acr, 1);
}

/// Some editors leave the byte order mark in the text that they send.
#[test]
fn a_document_that_begins_with_a_byte_order_mark_keeps_it() {
    let text = format!("\u{feff}{REGISTRY}");
    let mut scene = scene(&[("acr.bicep", &text)], all());
    let (uri, found) = (scene.uri.clone(), scene.found.clone());
    let actions = scene.client.actions(&uri, &found);
    let mut tried = 0;
    for action in &actions {
        let mut texts = Texts::default();
        texts.texts.insert(uri.clone(), text.clone());
        texts.versions.insert(uri.clone(), 3);
        if texts.apply(&action["edit"]).contains(&uri) {
            tried += 1;
            let after = &texts.texts[&uri];
            let marks = after.matches('\u{feff}').count();
            assert!(after.starts_with('\u{feff}') && marks == 1, "{after:?}");
        }
    }
    assert_eq!(tried, 3, "two insertions and a suppression: {actions:#?}");
}

/// Nothing can be created beside a document that has no folder.
#[test]
fn a_document_without_a_folder_gets_no_other_file() {
    const DOCUMENT: &str = "untitled:Untitled-1";
    let workspace = Workspace::new(&[("other.bicep", "var unused = 1\n")]);
    let mut client = Client::with(workspace.root(), all(), Setup::default());
    client.open(DOCUMENT, "bicep", 1, REGISTRY);
    let found = client.diagnostics(DOCUMENT, 1)[0].clone();
    let actions = client.actions(DOCUMENT, &found);
    assert!(!actions.is_empty(), "it can be suppressed");
    for action in &actions {
        let operations = action["edit"]["documentChanges"].as_array();
        for operation in operations.into_iter().flatten() {
            assert_eq!(operation["textDocument"]["uri"], DOCUMENT, "{action:#}");
        }
    }
}
