//! Pushed diagnostics: what they state, when they come, and for which version.

use preflight::lsp::Setup;
use serde_json::{Value, json};

use crate::client::{Client, all, range, uri, with, without};
use crate::support::Workspace;
use crate::{PLAN, REGISTRY, type_range};

#[test]
fn the_opened_file_gets_its_finding_with_all_fields() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let mut client = Client::initialized(workspace.root());
    let main = uri(&workspace.path("main.bicep"));
    client.open(&main, "bicep", 7, REGISTRY);
    let shown = client.diagnostics(&main, 7);
    assert_eq!(shown.len(), 1, "{shown:#?}");
    let found = &shown[0];
    assert_eq!(found["code"], "AZR-000002");
    assert_eq!(found["source"], "preflight");
    assert_eq!(found["severity"], 2);
    assert_eq!(found["range"], type_range());
    let page = "https://azure.github.io/PSRule.Rules.Azure/en/rules/Azure.ACR.ContainerScan/";
    assert_eq!(found["codeDescription"]["href"], page);
    assert!(found["data"]["finding"].is_string(), "{found}");
}

#[test]
fn fields_that_the_client_does_not_take_are_left_out() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let bare = without(all(), "/textDocument/publishDiagnostics");
    let mut client = Client::with(workspace.root(), bare, Setup::default());
    let main = uri(&workspace.path("main.bicep"));
    client.open(&main, "bicep", 1, REGISTRY);
    let shown = client.diagnostics(&main, 1);
    for field in ["codeDescription", "data", "relatedInformation"] {
        assert!(shown[0].get(field).is_none(), "{field}");
    }
}

#[test]
fn a_plan_with_a_successor_is_marked_where_the_client_shows_that() {
    let old = PLAN.replace("'Containers'", "'ContainerRegistry'");
    let workspace = Workspace::new(&[("plan.bicep", &old)]);
    let plan = uri(&workspace.path("plan.bicep"));
    let check = |tags: Value, want: Value| {
        let path = "/textDocument/publishDiagnostics/tagSupport";
        let shows = with(all(), path, json!({"valueSet": tags}));
        let mut client = Client::with(workspace.root(), shows, Setup::default());
        client.open(&plan, "bicep", 1, &old);
        let found = &client.count(&plan, 1)[0];
        assert_eq!(found["severity"], 3);
        assert_eq!(found["tags"], want);
        client.settle();
    };
    check(json!([1, 2]), json!([2]));
    check(json!([1]), Value::Null);
}

#[test]
fn every_edit_is_answered_even_if_nothing_changes() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let mut client = Client::initialized(workspace.root());
    let main = uri(&workspace.path("main.bicep"));
    client.open(&main, "bicep", 1, REGISTRY);
    for version in 2..20 {
        client.change(&main, version, &[(4, 1, 4, 1, " ")]);
        assert_eq!(client.diagnostics(&main, version).len(), 1);
    }
}

#[test]
fn a_finding_moves_with_its_text_and_goes_with_it() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let mut client = Client::initialized(workspace.root());
    let main = uri(&workspace.path("main.bicep"));
    client.open(&main, "bicep", 1, REGISTRY);
    client.change(&main, 2, &[(0, 0, 0, 0, "// one\n// two\n")]);
    assert_eq!(
        client.diagnostics(&main, 2)[0]["range"],
        range(2, 13, 2, 64)
    );
    // Two changes in one notification, the second against what the first left.
    client.change(&main, 3, &[(0, 0, 2, 0, ""), (0, 0, 5, 0, "")]);
    assert_eq!(client.diagnostics(&main, 3), [] as [Value; 0]);
}

/// A finding after an astral character on its line, in each way of counting columns.
#[test]
fn columns_are_counted_as_agreed() {
    let text = format!("/* \u{1F600}\u{e9} */ {REGISTRY}");
    let check = |offered: Value, agreed: &str, column: u32| {
        let workspace = Workspace::new(&[("main.bicep", &text)]);
        let offers = with(all(), "/general/positionEncodings", offered);
        let mut client = Client::start(Setup::default());
        let root = uri(workspace.root());
        let answer =
            client.initialize(&json!({"processId": null, "rootUri": root, "capabilities": offers}));
        assert_eq!(answer["capabilities"]["positionEncoding"], agreed);
        let main = uri(&workspace.path("main.bicep"));
        client.open(&main, "bicep", 1, &text);
        let want = range(0, column, 0, column + 51);
        assert_eq!(client.diagnostics(&main, 1)[0]["range"], want);
        // An edit before it is placed by the same count.
        client.change(&main, 2, &[(0, column - 13, 0, column - 13, "\t")]);
        let want = range(0, column + 1, 0, column + 52);
        assert_eq!(client.diagnostics(&main, 2)[0]["range"], want);
    };
    check(json!(["utf-16"]), "utf-16", 23);
    check(json!(["utf-16", "utf-8"]), "utf-8", 26);
    check(json!(["utf-32"]), "utf-32", 22);
}

#[test]
fn editing_one_file_clears_and_raises_the_finding_of_another_that_is_not_open() {
    let workspace = Workspace::new(&[("acr.bicep", REGISTRY), ("plan.bicep", PLAN)]);
    let mut client = Client::initialized(workspace.root());
    let acr = uri(&workspace.path("acr.bicep"));
    let plan = uri(&workspace.path("plan.bicep"));
    client.open(&plan, "bicep", 1, PLAN);
    client.settle();
    assert!(client.diagnostics(&plan, 1).is_empty());
    assert!(
        client
            .shown(&acr)
            .is_none_or(|it| it.diagnostics.is_empty())
    );
    // 'Standard' becomes 'Free' in the buffer alone.
    client.change(&plan, 2, &[(4, 30, 4, 38, "Free")]);
    let shown = client.count(&acr, 1);
    assert_eq!(shown[0]["range"], type_range());
    client.change(&plan, 3, &[(4, 30, 4, 34, "Standard")]);
    client.count(&acr, 0);
    // Closing the buffer unsaved makes the disk count, which states the same.
    client.change(&plan, 4, &[(4, 30, 4, 38, "Free")]);
    client.count(&acr, 1);
    client.close(&plan);
    client.count(&acr, 0);
    client.until(&plan, |it| it.diagnostics.is_empty());
}

#[test]
fn an_open_document_wins_over_the_disk() {
    let workspace = Workspace::new(&[("main.bicep", "// nothing yet\n")]);
    let mut client = Client::initialized(workspace.root());
    let main = uri(&workspace.path("main.bicep"));
    client.open(&main, "bicep", 1, REGISTRY);
    client.settle();
    client.count(&main, 1);
    client.close(&main);
    client.count(&main, 0);
}

#[test]
fn templates_in_json_are_checked_whatever_their_language_is_called() {
    let text = r#"{
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  "resources": [
    {
      "type": "Microsoft.ContainerRegistry/registries",
      "apiVersion": "2023-07-01",
      "name": "shopimages",
      "location": "westeurope",
      "sku": { "name": "Basic" }
    }
  ]
}
"#;
    for language in ["json", "jsonc", "arm-template", "plaintext"] {
        let workspace = Workspace::new(&[("main.json", text)]);
        let mut client = Client::initialized(workspace.root());
        let main = uri(&workspace.path("main.json"));
        client.open(&main, language, 1, text);
        let shown = client.diagnostics(&main, 1);
        assert_eq!(shown.len(), 1, "{language}");
        assert_eq!(shown[0]["range"], range(5, 14, 5, 54));
    }
}

#[test]
fn documents_that_are_no_files_are_checked_alone_or_ignored() {
    let workspace = Workspace::new(&[("main.bicep", PLAN)]);
    let mut client = Client::initialized(workspace.root());
    // The plan of the folder covers nothing outside of it.
    client.open("untitled:Untitled-1", "bicep", 1, REGISTRY);
    let shown = client.diagnostics("untitled:Untitled-1", 1);
    assert_eq!(shown[0]["range"], type_range());
    client.open("git:/main.bicep?ref=HEAD", "bicep", 1, REGISTRY);
    client.change("git:/main.bicep?ref=HEAD", 2, &[(0, 0, 0, 0, " ")]);
    client.close("git:/main.bicep?ref=HEAD");
    client.settle();
    client.close("untitled:Untitled-1");
    client.count("untitled:Untitled-1", 0);
    assert!(client.shown("git:/main.bicep?ref=HEAD").is_none());
}

/// Some clients write URIs as people do, or leave in them what the standard wants escaped.
// Windows allows no such file names.
#[cfg(unix)]
#[test]
fn odd_uris_are_understood_and_come_back_as_they_are_spelled() {
    let names = [
        "a b/é.bicep",
        "[id]/{x}.bicep",
        "100%/main.bicep",
        "a#b/c?d.bicep",
    ];
    let files: Vec<_> = names.iter().map(|name| (*name, "")).collect();
    let workspace = Workspace::new(&files);
    let mut client = Client::initialized(workspace.root());
    for name in &names[..3] {
        let raw = uri(&workspace.path(name));
        client.open(&raw, "bicep", 1, REGISTRY);
        let found = client.count(&raw, 1)[0].clone();
        let actions = client.actions(&raw, &found);
        let own = json!(raw).to_string();
        assert!(
            actions
                .iter()
                .any(|action| action["edit"].to_string().contains(&own)),
            "{actions:#?}"
        );
        client.change(&raw, 2, &[(0, 0, 0, 0, "\n")]);
        assert_eq!(client.diagnostics(&raw, 2)[0]["range"], range(1, 13, 1, 64));
    }
    client.settle();
    let shown: Vec<_> = client.all_shown().into_keys().collect();
    assert_eq!(shown.len(), 3, "{shown:?}");
    // Escaped, they are the same documents; a character that is reserved in URIs is ambiguous.
    let sanitized = uri(&workspace.path(names[0]))
        .replace(' ', "%20")
        .replace('é', "%C3%A9");
    let document = json!({"textDocument": {"uri": sanitized}});
    assert!(client.request("preflight/inventory", &document).is_object());
}

#[test]
fn a_folder_with_an_odd_uri_is_looked_at() {
    let workspace = Workspace::new(&[("[id] é/main.bicep", REGISTRY)]);
    let mut client = Client::start(Setup::default());
    let root = uri(&workspace.path("[id] é"));
    let folders = json!([{"uri": root, "name": "[id] é"}]);
    client.initialize(
        &json!({"processId": null, "rootUri": root, "workspaceFolders": folders, "capabilities": all()}),
    );
    client.settle();
    let shown: Vec<_> = client
        .all_shown()
        .into_values()
        .map(|it| it.len())
        .collect();
    assert_eq!(shown, [1]);
}

/// None of them is a document of ours, and none is a reason to fall silent or to complain.
#[test]
fn what_is_no_uri_is_passed_over() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let mut client = Client::initialized(workspace.root());
    for strange in [
        "",
        "main.bicep",
        "/etc/x y.bicep",
        "é:x",
        "c:\\x y.bicep",
        "output:a b",
        "file://a b/c",
    ] {
        client.open(strange, "bicep", 1, REGISTRY);
        client.change(strange, 2, &[(0, 0, 0, 0, " ")]);
        client.close(strange);
        let position = json!({"line": 0, "character": 20});
        let params = json!({"textDocument": {"uri": strange}, "position": position});
        let asked = client.ask("textDocument/hover", &params);
        match client.answer(asked) {
            Ok(answer) => assert_eq!(answer, Value::Null, "{strange}"),
            Err(error) => assert_eq!(error["code"], -32602, "{strange}"),
        }
    }
    let main = uri(&workspace.path("main.bicep"));
    client.settle();
    client.count(&main, 1);
    assert_eq!(client.all_shown().len(), 1);
}

#[test]
fn a_document_keeps_the_name_that_the_client_gives_it() {
    let workspace = Workspace::new(&[("a b/main.bicep", REGISTRY)]);
    let mut client = Client::initialized(workspace.root());
    let odd = uri(workspace.root()) + "/%61%20b/main%2Ebicep";
    client.open(&odd, "bicep", 1, REGISTRY);
    client.settle();
    client.count(&odd, 1);
    assert_eq!(client.found(), [odd]);
}

#[test]
fn a_document_is_the_same_by_whatever_way_its_name_goes() {
    let workspace = Workspace::new(&[("infra/main.bicep", REGISTRY)]);
    let mut client = Client::initialized(workspace.root());
    let odd = uri(workspace.root()) + "/infra/../infra/./main.bicep";
    client.open(&odd, "bicep", 1, REGISTRY);
    let found = client.diagnostics(&odd, 1);
    assert_eq!(found.len(), 1);
    assert!(!client.actions(&odd, &found[0]).is_empty());
    client.change(&odd, 2, &[(0, 0, 0, 0, "\n")]);
    assert_eq!(client.diagnostics(&odd, 2)[0]["range"], range(1, 13, 1, 64));
    client.settle();
    assert_eq!(client.found(), [odd]);
}

#[test]
fn without_folders_the_folder_of_a_file_counts() {
    let workspace = Workspace::new(&[("acr.bicep", REGISTRY), ("plan.bicep", PLAN)]);
    let mut client = Client::start(Setup::default());
    client.initialize(&json!({"processId": null, "rootUri": null, "capabilities": all()}));
    let acr = uri(&workspace.path("acr.bicep"));
    client.open(&acr, "bicep", 1, REGISTRY);
    // The plan beside it is found.
    client.count(&acr, 0);
    client.settle();
    client.count(&acr, 0);
}

#[test]
fn many_files_are_reported_once_each_under_two_folders() {
    let workspace = Workspace::new(&[("sub/acr.bicep", REGISTRY)]);
    let root = uri(workspace.root());
    let mut client = Client::start(Setup::default());
    client.initialize(&json!({
        "processId": null,
        "rootUri": root,
        "workspaceFolders": [
            {"uri": root, "name": "outer"},
            {"uri": format!("{root}/sub"), "name": "inner"},
        ],
        "capabilities": all(),
    }));
    client.settle();
    let shown = client.all_shown();
    let acr = uri(&workspace.path("sub/acr.bicep"));
    assert_eq!(shown.keys().collect::<Vec<_>>(), [&acr]);
    assert_eq!(shown[&acr].len(), 1);
}
