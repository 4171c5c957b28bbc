//! What real editors were seen to do that the protocol does not state or does not allow; `tests/editors/run` saw it.

use preflight::lsp::Setup;
use serde_json::{Value, json};

use crate::client::{Client, all, at_home, uri, with, without};
use crate::support::Workspace;
use crate::{PLAN, REGISTRY};

/// The preferred action on the finding of `acr.bicep`, alone in its folder.
fn insert(capabilities: Value) -> Value {
    let workspace = Workspace::new(&[("acr.bicep", REGISTRY)]);
    let mut client = Client::with(workspace.root(), capabilities, Setup::default());
    let acr = uri(&workspace.path("acr.bicep"));
    client.open(&acr, "bicep", 1, REGISTRY);
    client.settle();
    let found = client.count(&acr, 1)[0].clone();
    let actions = client.actions(&acr, &found);
    let preferred = actions.iter().find(|action| action["isPreferred"] == true);
    preferred.expect("a preferred action").clone()
}

/// Neovim 0.10 names `resourceOperations`, and not the `documentChanges` that they are in.
#[test]
fn who_can_create_files_is_given_document_changes() {
    let neovim = without(all(), "/workspace/workspaceEdit/documentChanges");
    let action = insert(neovim);
    let steps = action["edit"]["documentChanges"].as_array();
    let steps = steps.expect("document changes");
    assert_eq!(steps[0]["kind"], "create", "{steps:#?}");
}

/// VS Code undoes such an edit as one only where it ends in the file that the user is in. Neovim writes no file that may
/// be there already.
#[test]
fn a_new_file_comes_first_and_only_if_it_is_new() {
    let action = insert(all());
    let steps = action["edit"]["documentChanges"].as_array();
    let steps = steps.expect("document changes");
    assert_eq!(steps[0]["kind"], "create", "{steps:#?}");
    assert_ne!(steps[0]["options"]["ignoreIfExists"], true, "{steps:#?}");
    assert_ne!(steps[0]["options"]["overwrite"], true, "{steps:#?}");
    assert_eq!(steps[1]["textDocument"]["uri"], steps[0]["uri"]);
    let last = steps.last().expect("steps");
    let last = last["textDocument"]["uri"].as_str().expect("a URI");
    assert!(last.ends_with("/acr.bicep"), "{steps:#?}");
}

/// VS Code would show a refactoring to be confirmed, where the user asked for just this file.
#[test]
fn a_new_file_needs_no_confirmation() {
    let asks = with(
        all(),
        "/workspace/workspaceEdit/changeAnnotationSupport",
        json!({}),
    );
    let asks = with(
        asks,
        "/textDocument/codeAction/honorsChangeAnnotations",
        json!(true),
    );
    let edit = &insert(asks)["edit"];
    assert!(edit.get("changeAnnotations").is_none(), "{edit:#}");
}

/// Helix 25.01 sends an opening and the change after it from two tasks: now and then the change is first.
#[test]
fn a_change_that_comes_before_its_opening_counts() {
    let workspace = Workspace::new(&[("acr.bicep", REGISTRY)]);
    let mut client = Client::initialized(workspace.root());
    let acr = uri(&workspace.path("acr.bicep"));
    let plan = uri(&workspace.path("plan.bicep"));
    client.open(&acr, "bicep", 0, REGISTRY);
    client.count(&acr, 1);
    client.change(&plan, 1, &[(0, 0, 0, 0, PLAN)]);
    client.open(&plan, "bicep", 0, "");
    assert!(client.diagnostics(&plan, 1).is_empty());
    client.count(&acr, 0);
}

#[test]
fn a_change_from_an_earlier_life_of_a_document_does_not_count() {
    let workspace = Workspace::new(&[("acr.bicep", REGISTRY)]);
    let mut client = Client::initialized(workspace.root());
    let acr = uri(&workspace.path("acr.bicep"));
    client.open(&acr, "bicep", 0, REGISTRY);
    client.count(&acr, 1);
    client.close(&acr);
    client.change(&acr, 8, &[(0, 0, 5, 0, "")]);
    client.open(&acr, "bicep", 1, REGISTRY);
    assert_eq!(client.diagnostics(&acr, 1).len(), 1);
}

/// Helix outside a repository names no folder and no `rootUri`, only the `rootPath` of old.
#[test]
fn a_root_path_counts_where_no_folder_is_named() {
    let workspace = Workspace::new(&[("acr.bicep", REGISTRY)]);
    let mut client = Client::start(at_home(Setup::default(), workspace.root()));
    client.initialize(&json!({
        "processId": null,
        "rootPath": workspace.root(),
        "rootUri": null,
        "workspaceFolders": [],
        "capabilities": all(),
    }));
    client.count(&uri(&workspace.path("acr.bicep")), 1);
}
