//! The server: URIs as clients on Windows write them, events about them, and the end of the client.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use preflight::lsp::Setup;
use serde_json::{Value, json};

use crate::client::{Client, Leaves, all, at_home, uri};
use crate::files::link;
use crate::run::REGISTRY;
use crate::support::Workspace;

/// Forms of a file's URI that are the same file: each with its content.
fn forms(path: &Path) -> Vec<String> {
    let as_vscode = uri(path);
    let mut forms = vec![as_vscode.clone(), as_vscode.replace("file:", "FILE:")];
    if cfg!(windows) {
        let (drive, rest) = as_vscode
            .strip_prefix("file:///")
            .and_then(|rest| rest.split_once("%3A"))
            .expect("a drive");
        let upper = drive.to_ascii_uppercase();
        forms.extend([
            format!("file:///{drive}:{rest}"),
            format!("file:///{upper}:{rest}"),
            format!("file:///{upper}%3A{rest}"),
            format!("file:///{drive}%3a{rest}"),
            format!("file://localhost/{drive}:{rest}"),
            format!("file:///{drive}%3A{}", rest.to_lowercase()),
            format!("file:///{drive}%3A{}", rest.to_uppercase()),
        ]);
    }
    forms
}

fn start(root: &str, workspace: &Workspace) -> Client {
    let mut client = Client::start(at_home(Setup::default(), workspace.root()));
    client.initialize(&json!({
        "processId": std::process::id(),
        "workspaceFolders": [{"uri": root, "name": "root"}],
        "capabilities": all(),
    }));
    client
}

/// The file is opened under a form of its URI, in a folder that was named in another: what is found comes back under
/// the URI that the client used, once, and the fix edits that.
fn opened(workspace: &Workspace, root: &str, main: &str) {
    let mut client = start(root, workspace);
    client.settle();
    client.open(main, "bicep", 1, REGISTRY);
    client.settle();
    let shown = client.until(main, |it| {
        it.version == Some(1) && it.diagnostics.len() == 1
    });
    for (uri, shown) in client.all_shown() {
        assert_eq!(
            shown.len(),
            usize::from(uri == main),
            "{uri}, opened as {main} in {root}"
        );
    }
    let actions = client.actions(main, &shown[0]);
    let preferred = actions
        .iter()
        .find(|it| it["isPreferred"] == true)
        .expect("a fix");
    let changes = preferred["edit"]["documentChanges"]
        .as_array()
        .expect("changes");
    // A new file has no URI of the client's yet.
    let plain = |uri: &str| {
        let uri = uri.to_lowercase();
        uri.replace("%3a", ":")
            .replace("%24", "$")
            .replace("localhost", "")
    };
    let (folder, _) = main.rsplit_once('/').expect("a folder");
    for change in changes {
        let document = change["textDocument"]["uri"].as_str();
        let document = document.or(change["uri"].as_str()).expect("a URI");
        assert!(
            document == main || plain(document).starts_with(&plain(folder)),
            "{document} beside {main}"
        );
    }
    client.change(main, 2, &[(0, 0, 4, 1, "")]);
    client.until(main, |it| {
        it.version == Some(2) && it.diagnostics.is_empty()
    });
    client.close(main);
    // What is on disk counts again, under whatever name; it is one finding.
    client.until_all(|client| client.all_shown().values().map(Vec::len).sum::<usize>() == 1);
    client.settle();
    client.forget();
}

#[test]
fn every_uri_of_a_file_is_one_file() {
    let workspace = Workspace::new(&[("Infra/main.bicep", REGISTRY)]);
    let root = uri(workspace.root());
    for main in forms(&workspace.path("Infra/main.bicep")) {
        opened(&workspace, &root, &main);
    }
    for root in forms(workspace.root()) {
        opened(&workspace, &root, &uri(&workspace.path("Infra/main.bicep")));
    }
}

#[cfg(windows)]
#[test]
fn shares_by_uri() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let path = workspace.root().to_str().expect("text").replace('\\', "/");
    let (drive, rest) = path.split_once(':').expect("a drive");
    let share = format!("//localhost/{drive}${rest}");
    if !Path::new(&share).exists() {
        eprintln!("skipped: {share} is not shared");
        return;
    }
    for dollar in ["$", "%24"] {
        let root = format!("file://localhost/{drive}{dollar}{rest}");
        opened(&workspace, &root, &format!("{root}/main.bicep"));
    }
}

fn event(client: &mut Client, changes: &[(&str, u32)]) {
    let changes: Vec<Value> = changes
        .iter()
        .map(|(uri, kind)| json!({"uri": uri, "type": kind}))
        .collect();
    client.notify(
        "workspace/didChangeWatchedFiles",
        &json!({"changes": changes}),
    );
}

/// Events name files as the client likes to.
#[test]
fn events_in_every_form() {
    let workspace = Workspace::new(&[("Infra/main.bicep", "")]);
    let root = uri(workspace.root());
    let mut client = start(&root, &workspace);
    client.settle();
    let main = workspace.path("Infra/main.bicep");
    let name = uri(&main);
    for form in forms(&main) {
        fs::write(&main, REGISTRY).expect("it is written");
        event(&mut client, &[(&form, 2)]);
        client.count(&name, 1);
        fs::write(&main, "").expect("it is written");
        event(&mut client, &[(&form, 2)]);
        client.count(&name, 0);
    }
    client.settle();
}

#[test]
fn a_folder_is_renamed_and_deleted_while_a_document_in_it_is_open() {
    let workspace = Workspace::new(&[("old/main.bicep", REGISTRY), ("old/other.bicep", REGISTRY)]);
    let root = uri(workspace.root());
    let mut client = start(&root, &workspace);
    client.settle();
    let [old, new] = ["old", "new"].map(|folder| uri(&workspace.path(folder)));
    let main = format!("{old}/main.bicep");
    client.open(&main, "bicep", 1, REGISTRY);
    client.count(&format!("{old}/other.bicep"), 1);
    client.count(&main, 1);
    fs::rename(workspace.path("old"), workspace.path("new")).expect("it is renamed");
    event(&mut client, &[(&old, 3), (&new, 1)]);
    client.count(&format!("{old}/other.bicep"), 0);
    client.count(&format!("{new}/other.bicep"), 1);
    // The editor still shows the document, so it is still checked.
    client.count(&main, 1);
    fs::remove_dir_all(workspace.path("new")).expect("it is removed");
    event(&mut client, &[(&new, 3)]);
    client.count(&format!("{new}/other.bicep"), 0);
    client.close(&main);
    client.count(&main, 0);
    client.settle();
    client.forget();
}

/// Opened by a link, a file is shown where it is open, and once.
#[test]
fn a_file_behind_a_link_is_one_file() {
    let workspace = Workspace::new(&[("ws/acr.bicep", REGISTRY), ("lib/other.bicep", REGISTRY)]);
    let links = [("ws/one", "lib"), ("ws/two", "lib"), ("ws/loop", "ws")];
    let _links = link(&workspace, &links);
    let mut client = start(&uri(&workspace.path("ws")), &workspace);
    let [acr, one, two] = ["ws/acr.bicep", "ws/one/other.bicep", "ws/two/other.bicep"]
        .map(|path| uri(&workspace.path(path)));
    client.settle();
    assert_eq!(client.found(), [acr.as_str(), &one]);
    client.open(&two, "bicep", 1, REGISTRY);
    client.count(&two, 1);
    client.until_all(|client| client.found() == [acr.as_str(), &two]);
    client.close(&two);
    client.until_all(|client| client.found() == [acr.as_str(), &one]);
    client.settle();
    client.forget();
}

/// The program as a server, with pipes.
fn server(home: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_preflight"))
        .args(arguments)
        .env("HOME", home)
        .env("USERPROFILE", home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts")
}

/// Whoever holds the pipe is not the client: when that is gone, so is the server.
#[test]
fn the_server_ends_when_the_process_of_its_client_is_gone() {
    let workspace = Workspace::new(&[]);
    for by_argument in [false, true] {
        // A server without a client does nothing but live, which is all that this editor has to do.
        let mut editor = server(workspace.root(), &["server"]);
        let process = editor.id().to_string();
        let arguments = ["server", "--stdio", "--clientProcessId", &process];
        let arguments = if by_argument {
            &arguments[..]
        } else {
            &arguments[..1]
        };
        let mut child = server(workspace.root(), arguments);
        let to = child.stdin.take().expect("its input");
        let from = child.stdout.take().expect("its output");
        let mut client = Client::over(from, to);
        client.initialize(&json!({
            "processId": if by_argument { Value::Null } else { json!(editor.id()) },
            "rootUri": uri(workspace.root()),
            "capabilities": {},
        }));
        client.settle();
        editor.kill().expect("it ends");
        editor.wait().expect("it has ended");
        assert_eq!(child.wait().expect("it ends").code(), Some(1));
        client.leaves = Leaves::Gone;
    }
}

#[test]
fn the_server_ends_with_its_input() {
    let workspace = Workspace::new(&[]);
    let mut child = server(workspace.root(), &["server"]);
    drop(child.stdin.take());
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
}
