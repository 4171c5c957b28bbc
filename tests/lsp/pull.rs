//! Pulled diagnostics: for clients that request them, and that take a request to refresh.

use preflight::lsp::Setup;
use serde_json::{Value, json};

use crate::client::{Client, all, uri, with};
use crate::support::Workspace;
use crate::{PLAN, REGISTRY, type_range};

fn pulls() -> Value {
    let asks = with(all(), "/textDocument/diagnostic", json!({}));
    with(
        asks,
        "/workspace/diagnostics",
        json!({"refreshSupport": true}),
    )
}

fn pull(client: &mut Client, uri: &str, previous: Option<&str>) -> Value {
    let mut params = json!({"textDocument": {"uri": uri}});
    if let Some(previous) = previous {
        params["previousResultId"] = previous.into();
    }
    client.request("textDocument/diagnostic", &params)
}

#[test]
fn a_client_that_pulls_is_offered_it_and_gets_no_push() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let mut client = Client::start(Setup::default());
    let root = uri(workspace.root());
    let answer =
        client.initialize(&json!({"processId": null, "rootUri": root, "capabilities": pulls()}));
    let offered = &answer["capabilities"]["diagnosticProvider"];
    assert_eq!(offered["interFileDependencies"], true);
    assert_eq!(offered["workspaceDiagnostics"], true);
    let main = uri(&workspace.path("main.bicep"));
    client.open(&main, "bicep", 1, REGISTRY);
    let first = pull(&mut client, &main, None);
    assert_eq!(first["kind"], "full");
    assert_eq!(first["items"][0]["range"], type_range());
    let id = first["resultId"].as_str().expect("a result id");
    // A comment below changes nothing.
    client.change(&main, 2, &[(4, 1, 4, 1, " // a comment")]);
    let second = pull(&mut client, &main, Some(id));
    assert_eq!(second["kind"], "unchanged");
    assert_eq!(second["resultId"], id);
    client.change(&main, 3, &[(0, 0, 0, 0, "\n")]);
    let third = pull(&mut client, &main, Some(id));
    assert_eq!(third["kind"], "full");
    assert_ne!(third["resultId"], id);
    client.settle();
    assert!(client.all_shown().is_empty(), "nothing is pushed");
}

#[test]
fn a_client_that_pulls_is_notified_when_another_file_changes_its_verdict() {
    let workspace = Workspace::new(&[("acr.bicep", REGISTRY), ("plan.bicep", PLAN)]);
    let mut client = Client::with(workspace.root(), pulls(), Setup::default());
    let acr = uri(&workspace.path("acr.bicep"));
    let plan = uri(&workspace.path("plan.bicep"));
    client.open(&acr, "bicep", 1, REGISTRY);
    client.open(&plan, "bicep", 1, PLAN);
    client.settle();
    assert_eq!(pull(&mut client, &acr, None)["items"], json!([]));
    client.asked.clear();
    client.change(&plan, 2, &[(4, 30, 4, 38, "Free")]);
    client.until_asked("workspace/diagnostic/refresh");
    let after = pull(&mut client, &acr, None);
    assert_eq!(after["items"].as_array().map(Vec::len), Some(1));
}

#[test]
fn the_whole_workspace_can_be_pulled() {
    let workspace = Workspace::new(&[
        ("a.bicep", REGISTRY),
        ("b.bicep", REGISTRY),
        ("c.bicep", "// nothing\n"),
    ]);
    let mut client = Client::with(workspace.root(), pulls(), Setup::default());
    client.settle();
    let all_of = |client: &mut Client, previous: &[(String, String)]| -> Vec<(String, Value)> {
        let previous: Vec<_> = previous
            .iter()
            .map(|(uri, value)| json!({"uri": uri, "value": value}))
            .collect();
        let params = json!({"previousResultIds": previous});
        let answer = client.request("workspace/diagnostic", &params);
        let items = answer["items"].as_array().expect("items").clone();
        let named = |item: &Value| item["uri"].as_str().expect("a URI").to_owned();
        items.into_iter().map(|item| (named(&item), item)).collect()
    };
    let a = uri(&workspace.path("a.bicep"));
    let b = uri(&workspace.path("b.bicep"));
    let first = all_of(&mut client, &[]);
    let names: Vec<_> = first.iter().map(|(uri, _)| uri).collect();
    assert_eq!(names, [&a, &b]);
    assert!(first.iter().all(|(_, item)| item["kind"] == "full"));
    let known: Vec<_> = first
        .iter()
        .map(|(uri, item)| {
            let id = item["resultId"].as_str().expect("a result id");
            (uri.clone(), id.to_owned())
        })
        .collect();
    client.open(&b, "bicep", 1, "// no registry any more\n");
    let second = all_of(&mut client, &known);
    assert_eq!(second[0].1["kind"], "unchanged");
    assert_eq!(second[1].0, b);
    assert_eq!(second[1].1["kind"], "full");
    assert_eq!(second[1].1["items"], json!([]));
}

#[test]
fn a_client_that_cannot_be_asked_to_pull_again_is_pushed_to() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let asks = with(all(), "/textDocument/diagnostic", json!({}));
    let mut client = Client::start(Setup::default());
    let root = uri(workspace.root());
    let answer =
        client.initialize(&json!({"processId": null, "rootUri": root, "capabilities": asks}));
    assert!(answer["capabilities"].get("diagnosticProvider").is_none());
    let main = uri(&workspace.path("main.bicep"));
    client.open(&main, "bicep", 1, REGISTRY);
    assert_eq!(client.diagnostics(&main, 1).len(), 1);
}
