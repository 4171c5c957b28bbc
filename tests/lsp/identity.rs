//! One file is one file, whatever the links that lead to it and the names that a client opens it by.
#![cfg(unix)]

use std::os::unix::fs::symlink;

use preflight::lsp::Setup;
use serde_json::json;

use crate::client::{Client, all, at_home, uri, without};
use crate::support::Workspace;
use crate::{PLAN, REGISTRY};

const MAIN: &str = "\
module acr 'shared/acr.bicep' = {
  name: 'acr'
  params: { deploy: true }
}
";

/// Deployed only by the module that states so.
fn conditional() -> String {
    let registry = REGISTRY.replace("= {", "= if (deploy) {");
    format!("param deploy bool = false\n{registry}")
}

/// Clients that watch files, and that do not.
fn clients(workspace: &Workspace, folder: &str) -> [Client; 2] {
    [true, false].map(|watches| {
        let capabilities = match watches {
            true => all(),
            false => without(all(), "/workspace/didChangeWatchedFiles"),
        };
        let mut client = Client::start(at_home(Setup::default(), workspace.root()));
        client.initialize(&json!({
            "processId": null,
            "workspaceFolders": [{"uri": uri(&workspace.path(folder)), "name": "root"}],
            "capabilities": capabilities,
        }));
        client
    })
}

/// `ws/app/shared` leads to `ws/lib`, `linked` to `ws`.
fn linked() -> Workspace {
    let workspace = Workspace::new(&[
        ("ws/app/main.bicep", MAIN),
        ("ws/lib/acr.bicep", &conditional()),
    ]);
    symlink("../lib", workspace.path("ws/app/shared")).expect("a link");
    symlink("ws", workspace.path("linked")).expect("a link");
    workspace
}

#[test]
fn a_file_behind_a_link_is_found_once() {
    let workspace = linked();
    let lib = uri(&workspace.path("ws/lib/acr.bicep"));
    let by_link = uri(&workspace.path("ws/app/shared/acr.bicep"));
    for mut client in clients(&workspace, "ws") {
        client.count(&lib, 1);
        client.settle();
        assert_eq!(client.found(), [lib.as_str()]);
        // Opened by the link, it is shown where it is open.
        client.open(&by_link, "bicep", 1, &conditional());
        client.count(&by_link, 1);
        client.until_all(|client| client.found() == [by_link.as_str()]);
        // Both names open, one closed: the other stays open.
        client.open(&lib, "bicep", 1, &conditional());
        client.count(&lib, 1);
        client.close(&lib);
        client.until_all(|client| client.found() == [by_link.as_str()]);
        client.close(&by_link);
        client.until_all(|client| client.found() == [lib.as_str()]);
    }
}

#[test]
fn a_folder_and_its_documents_may_be_named_differently() {
    let workspace = linked();
    for (folder, document) in [("linked", "ws"), ("ws", "linked")] {
        let document = uri(&workspace.path(&format!("{document}/lib/acr.bicep")));
        let own = uri(&workspace.path(&format!("{folder}/lib/acr.bicep")));
        for mut client in clients(&workspace, folder) {
            client.count(&own, 1);
            client.open(&document, "bicep", 1, &conditional());
            client.count(&document, 1);
            client.until_all(|client| client.found() == [document.as_str()]);
            // A plan in a document that is on no disk yet covers the registry of the same folder.
            let plan = document.replace("acr.bicep", "plan.bicep");
            client.open(&plan, "bicep", 1, PLAN);
            client.count(&document, 0);
            client.close(&plan);
            client.count(&document, 1);
            client.close(&document);
            client.until_all(|client| client.found() == [own.as_str()]);
        }
    }
}

/// The text of the one that stays open counts, not that on disk.
#[test]
fn a_document_open_under_two_forms_of_its_uri_stays_open_when_one_is_closed() {
    let workspace = Workspace::new(&[("ws/a b/main.bicep", "var x = 1\n")]);
    symlink("ws", workspace.path("linked")).expect("a link");
    let first = uri(&workspace.path("ws/a%20b/main.bicep"));
    let forms = [
        first.replace("main", "m%61in"),
        first.replace("/ws/", "/ws/../ws/./"),
        first.replace("/ws/", "/linked/"),
        first.replace("file:///", "file://localhost/"),
        first.replace("file:", "FILE:"),
        // No valid URI, and it is another than the one that is made of it.
        first.replace("%20", " "),
    ];
    for second in &forms {
        for closed_first in [false, true] {
            for mut client in clients(&workspace, "ws") {
                client.open(&first, "bicep", 1, REGISTRY);
                client.until_all(|client| client.found() == [first.as_str()]);
                client.open(second, "bicep", 1, REGISTRY);
                // One file is reported once, under the name that was opened last.
                client.until_all(|client| client.found() == [second.as_str()]);
                let (closed, open) = match closed_first {
                    true => (&first, second),
                    false => (second, &first),
                };
                client.change(open, 2, &[(1, 9, 1, 19, "x")]);
                client.close(closed);
                client.settle();
                client.until_all(|client| client.found() == [open.as_str()]);
                client.close(open);
                client.until_all(|client| client.found().is_empty());
                client.settle();
                client.all_shown();
            }
        }
    }
}
