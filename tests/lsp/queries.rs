//! Hover, and the requests of our own.

use std::time::Duration;

use preflight::lsp::Setup;
use serde_json::{Value, json};

use crate::client::{Client, all, uri, with, without};
use crate::support::Workspace;
use crate::{PLAN, REGISTRY, type_range};

#[test]
fn hover_answers_on_registries_and_plans_and_nowhere_else() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let mut client = Client::initialized(workspace.root());
    let main = uri(&workspace.path("main.bicep"));
    client.open(&main, "bicep", 1, REGISTRY);
    client.count(&main, 1);
    let mut hover = |line: u32, character: u32| {
        let position = json!({"line": line, "character": character});
        let params = json!({"textDocument": {"uri": main}, "position": position});
        client.request("textDocument/hover", &params)
    };
    let on_type = hover(0, 20);
    assert_eq!(on_type["range"], type_range());
    assert_eq!(on_type["contents"]["kind"], "markdown");
    let text = on_type["contents"]["value"].as_str().expect("a text");
    assert!(text.contains("Azure.ACR.ContainerScan"), "{text}");
    assert_eq!(hover(1, 3), Value::Null);
    assert_eq!(hover(99, 99), Value::Null);
}

#[test]
fn hover_links_to_the_plan_that_covers_a_registry() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY), ("platform/plans.bicep", PLAN)]);
    let mut client = Client::initialized(workspace.root());
    let main = uri(&workspace.path("main.bicep"));
    client.open(&main, "bicep", 1, REGISTRY);
    client.count(&main, 0);
    let position = json!({"line": 0, "character": 20});
    let params = json!({"textDocument": {"uri": main}, "position": position});
    let hover = client.request("textDocument/hover", &params);
    let text = hover["contents"]["value"].as_str().expect("a text");
    let plans = uri(&workspace.path("platform/plans.bicep"));
    let line = 1 + PLAN
        .lines()
        .position(|line| line.contains("Microsoft.Security/pricings"))
        .expect("a plan");
    let link = format!("[platform/plans.bicep:{line}]({plans}#L{line})");
    assert!(
        text.contains("in deployment 'platform/plans.bicep'") && text.contains(&link),
        "{text}"
    );
}

#[test]
fn hover_is_markdown_only_for_clients_that_say_they_read_it() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let main = uri(&workspace.path("main.bicep"));
    let check = |capabilities: Value, kind: &str, marks: bool| {
        let mut client = Client::with(workspace.root(), capabilities, Setup::default());
        client.open(&main, "bicep", 1, REGISTRY);
        let position = json!({"line": 0, "character": 20});
        let params = json!({"textDocument": {"uri": main}, "position": position});
        let hover = client.request("textDocument/hover", &params);
        assert_eq!(hover["contents"]["kind"], kind);
        let text = hover["contents"]["value"].as_str().expect("a text");
        assert!(text.contains("https://azure.github.io/"), "{text}");
        for mark in ["**", "](", "`"] {
            assert_eq!(text.contains(mark), marks, "{mark} in {text}");
        }
        client.count(&main, 1);
        client.settle();
    };
    let formats = |formats: Value| with(all(), "/textDocument/hover/contentFormat", formats);
    check(formats(json!(["plaintext", "markdown"])), "markdown", true);
    check(formats(json!(["plaintext"])), "plaintext", false);
    check(formats(json!([])), "plaintext", false);
    check(without(all(), "/textDocument/hover"), "plaintext", false);
}

#[test]
fn the_status_counts_what_is_shown() {
    let workspace = Workspace::new(&[("a.bicep", REGISTRY), ("b.bicep", REGISTRY)]);
    let mut client = Client::initialized(workspace.root());
    client.settle();
    let status = client.request("preflight/status", &Value::Null);
    assert_eq!(status["state"], "ready");
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["files"], 2);
    assert_eq!(status["entryPoints"], 2);
    assert_eq!(status["warnings"], 2);
    assert_eq!(status["errors"], 0);
    client.all_shown();
}

#[test]
fn a_client_that_asks_for_it_is_notified_when_the_status_changes() {
    let workspace = Workspace::new(&[("a.bicep", REGISTRY)]);
    let listens = with(all(), "/experimental/preflightStatus", json!(true));
    let mut client = Client::with(workspace.root(), listens, Setup::default());
    let main = uri(&workspace.path("a.bicep"));
    loop {
        let status = client.notification("preflight/statusChanged");
        if status["state"] == "ready" && status["warnings"] == 1 {
            break;
        }
    }
    client.open(&main, "bicep", 1, "// gone\n");
    while client.notification("preflight/statusChanged")["warnings"] != 0 {}
    client.count(&main, 0);
}

/// A scan that ends before the client has agreed to be shown it is not shown, so this scans until one is.
#[test]
fn a_scan_that_lasts_is_shown_to_a_client_that_wants_it() {
    let names: Vec<String> = (0..1500).map(|n| format!("part{n}/main.bicep")).collect();
    let files: Vec<_> = names.iter().map(|name| (&**name, REGISTRY)).collect();
    let workspace = Workspace::new(&files);
    let setup = || Setup {
        slow: Some(Duration::ZERO),
        ..Setup::default()
    };
    let mut client = Client::with(workspace.root(), all(), setup());
    let progress = loop {
        client.settle();
        let progress = client.notifications("$/progress");
        if !progress.is_empty() {
            break progress;
        }
    };
    let created = client.asked.iter();
    let created: Vec<&Value> = created
        .filter(|(method, _)| method == "window/workDoneProgress/create")
        .map(|(_, params)| &params["token"])
        .collect();
    // What begins ends, and goes forward between.
    let mut running: Option<(&Value, u64)> = None;
    for one in &progress {
        let (token, value) = (&one["token"], &one["value"]);
        assert!(created.contains(&token), "{token} was not agreed upon");
        match value["kind"].as_str() {
            Some("begin") => {
                assert_eq!(running, None);
                running = Some((token, 0));
            }
            Some("report") => {
                let (begun, before) = running.expect("a beginning");
                let now = value["percentage"].as_u64().expect("a percentage");
                assert!(
                    begun == token && now >= before && now <= 100,
                    "{progress:?}"
                );
                running = Some((token, now));
            }
            Some("end") => assert_eq!(running.take().map(|it| it.0), Some(token)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(running, None, "{progress:?}");
    client.all_shown();
    let cannot = without(all(), "/window/workDoneProgress");
    let mut client = Client::with(workspace.root(), cannot, setup());
    client.settle();
    assert!(client.notifications("$/progress").is_empty());
    let asked = client.asked.iter();
    assert!(
        asked
            .clone()
            .all(|(method, _)| method != "window/workDoneProgress/create")
    );
    client.all_shown();
}

/// A scan may end before the client cancels it, so this scans until one is cancelled: its end is reported, and it goes on.
#[test]
fn a_scan_can_be_hidden_and_is_done_to_the_end() {
    let names: Vec<String> = (0..600).map(|n| format!("part{n}/main.bicep")).collect();
    let files: Vec<_> = names.iter().map(|name| (&**name, REGISTRY)).collect();
    let workspace = Workspace::new(&files);
    let setup = Setup {
        slow: Some(Duration::ZERO),
        ..Setup::default()
    };
    let mut client = Client::with(workspace.root(), all(), setup);
    let progress = "$/progress";
    let hidden = (0..100).any(|_| {
        client.notifications(progress);
        let scan = json!({"command": "preflight.scan", "arguments": []});
        let scanned = client.ask("workspace/executeCommand", &scan);
        let mut state = Value::Null;
        while let Some(reported) = client.notification_before(progress, scanned) {
            match reported["value"]["kind"].as_str() {
                Some("begin") => {
                    assert_eq!(reported["value"]["cancellable"], false);
                    let hide = json!({"token": reported["token"]});
                    client.notify("window/workDoneProgress/cancel", &hide);
                    // One that no client shows.
                    client.notify("window/workDoneProgress/cancel", &json!({"token": "none"}));
                }
                Some("end") => {
                    state = client.request("preflight/status", &Value::Null)["state"].clone();
                }
                _ => assert_eq!(state, Value::Null, "{reported} after the end"),
            }
        }
        client.answer(scanned).expect("an answer");
        state == "scanning"
    });
    assert!(hidden, "no scan was hidden while it lasted");
    client.notifications(progress);
    let status = client.request("preflight/status", &Value::Null);
    assert_eq!(
        (&status["state"], &status["warnings"]),
        (&json!("ready"), &json!(600))
    );
    client.all_shown();
}

#[test]
fn the_inventory_lists_what_a_file_deploys() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY), ("plan.bicep", PLAN)]);
    let mut client = Client::initialized(workspace.root());
    client.settle();
    let main = uri(&workspace.path("main.bicep"));
    let document = json!({"textDocument": {"uri": main}});
    let inventory = client.request("preflight/inventory", &document);
    assert_eq!(inventory["scope"], "resourceGroup");
    let resource = &inventory["resources"][0];
    assert_eq!(resource["type"], "Microsoft.ContainerRegistry/registries");
    assert_eq!(resource["name"], "shopimages");
    assert_eq!(resource["range"], type_range());
    assert_eq!(
        resource["path"],
        workspace.path("main.bicep").to_string_lossy().as_ref()
    );
    assert_eq!(inventory["verdicts"][0]["verdict"], "scanned");
    let missing = json!({"textDocument": {"uri": uri(&workspace.path("none.bicep"))}});
    assert_eq!(client.request("preflight/inventory", &missing), Value::Null);
    client.all_shown();
}

#[test]
fn the_syntax_tree_is_that_of_the_buffer() {
    let workspace = Workspace::new(&[("main.bicep", "")]);
    let mut client = Client::initialized(workspace.root());
    let main = uri(&workspace.path("main.bicep"));
    client.open(&main, "bicep", 1, "param p string\n");
    let document = json!({"textDocument": {"uri": main}});
    let tree = client.request("preflight/syntaxTree", &document);
    let tree = tree.as_str().expect("a tree");
    assert!(tree.contains("(param_declaration"), "{tree}");
    client.diagnostics(&main, 1);
}

#[test]
fn requests_see_the_edits_before_them() {
    let workspace = Workspace::new(&[("main.bicep", "")]);
    let mut client = Client::initialized(workspace.root());
    let main = uri(&workspace.path("main.bicep"));
    client.open(&main, "bicep", 1, "");
    let document = json!({"textDocument": {"uri": main}});
    for round in 0..20_i64 {
        client.change_by(&main, round + 2, json!([{"text": REGISTRY}]));
        let inventory = client.ask("preflight/inventory", &document);
        client.change_by(&main, round + 2, json!([{"text": ""}]));
        let empty = client.ask("preflight/inventory", &document);
        let resources = |answer: Value| answer["resources"].as_array().map(Vec::len);
        assert_eq!(
            resources(client.answer(inventory).expect("an answer")),
            Some(1)
        );
        let answer = client.answer(empty).expect("an answer");
        assert!(matches!(resources(answer), None | Some(0)));
    }
    client.until(&main, |it| {
        it.version == Some(21) && it.diagnostics.is_empty()
    });
}

#[test]
fn unknown_commands_and_methods_are_refused() {
    let workspace = Workspace::new(&[]);
    let mut client = Client::initialized(workspace.root());
    let command = json!({"command": "preflight.nothing", "arguments": []});
    assert_eq!(client.refused("workspace/executeCommand", &command), -32602);
    assert_eq!(client.refused("preflight/nothing", &json!({})), -32601);
    assert_eq!(client.refused("$/nothing", &json!({})), -32601);
    // A notification that comes as a request.
    assert_eq!(client.refused("initialized", &json!({})), -32600);
    assert_eq!(
        client.refused("textDocument/hover", &json!({"x": 1})),
        -32602
    );
    let nowhere = json!({"textDocument": {"uri": "file:///no/such/file.bicep"},
        "position": {"line": 0, "character": 0}});
    assert_eq!(client.request("textDocument/hover", &nowhere), Value::Null);
}
