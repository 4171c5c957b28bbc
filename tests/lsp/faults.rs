//! Clients that do what they should not, faults inside, and how everything ends.

use std::sync::{Arc, Mutex};

use preflight::lsp::{End, Setup};
use serde_json::{Value, json};

use crate::client::{Client, Leaves, all, at_home, uri};
use crate::support::Workspace;
use crate::{REGISTRY, type_range};

#[test]
fn a_careless_client_is_borne() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let mut client = Client::initialized(workspace.root());
    let main = uri(&workspace.path("main.bicep"));
    client.change(&main, 5, &[(0, 0, 0, 1, "x")]);
    client.close(&main);
    client.open(&main, "bicep", 9, "");
    client.open(&main, "bicep", 1, REGISTRY);
    assert_eq!(client.until(&main, |it| it.version == Some(1)).len(), 1);
    // Beyond the line, beyond the text, backwards; then a version from the past.
    client.change(&main, 2, &[(0, 9_999, 0, 9_999, " ")]);
    client.change(&main, 3, &[(9_999, 0, u32::MAX, u32::MAX, "\n")]);
    client.change(&main, 4, &[(4, 1, 4, 0, "}")]);
    client.change(&main, -7, &[(4, 1, 4, 1, " ")]);
    let shown = client.until(&main, |it| it.version == Some(-7));
    assert_eq!(shown[0]["range"], type_range());
    client.close(&main);
    client.close(&main);
    client.settle();
    client.count(&main, 1);
}

#[test]
fn what_is_no_message_is_answered_with_an_error() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let mut client = Client::initialized(workspace.root());
    let mut check = |sent: &[u8], id: i64, code: i64| {
        client.send_raw(sent);
        let error = client.answer(id).expect_err("an error");
        assert_eq!(error["code"], code, "{error}");
    };
    check(b"Content-Length: 9\r\n\r\n{\"x\": tru", -1, -32700);
    check(b"Content-Length: ten\r\n\r\n", -1, -32700);
    check(b"Content-Length: 2\r\n\r\n[]", -1, -32600);
    let strange = br#"{"jsonrpc":"2.0","id":99,"method":1}"#;
    let header = format!("Content-Length: {}\r\n\r\n", strange.len());
    check(&[header.as_bytes(), strange].concat(), 99, -32600);
    client.settle();
    client.count(&uri(&workspace.path("main.bicep")), 1);
}

#[test]
fn nothing_is_answered_before_the_start_and_after_the_end() {
    let workspace = Workspace::new(&[]);
    let mut client = Client::start(Setup::default());
    for method in ["preflight/status", "shutdown", "textDocument/hover"] {
        assert_eq!(client.refused(method, &Value::Null), -32002, "{method}");
    }
    // A method that does not exist is that at any time.
    assert_eq!(client.refused("no/such", &Value::Null), -32601);
    let root = uri(workspace.root());
    let params = json!({"processId": null, "rootUri": root, "capabilities": all()});
    client.initialize(&params);
    assert_eq!(client.refused("initialize", &params), -32600);
    client.request("shutdown", &Value::Null);
    for method in ["preflight/status", "shutdown", "initialize"] {
        assert_eq!(client.refused(method, &Value::Null), -32600, "{method}");
    }
    assert_eq!(client.just_exit(), End::Clean);
}

/// Clients differ in how they send an empty value.
#[test]
fn what_takes_no_parameters_may_be_given_any() {
    for nothing in [json!({}), json!([]), Value::Null] {
        let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
        let mut client = Client::start(at_home(Setup::default(), workspace.root()));
        let root = uri(workspace.root());
        let params = json!({"processId": null, "rootUri": root, "capabilities": all()});
        client.request("initialize", &params);
        client.notify("initialized", &nothing);
        client.count(&uri(&workspace.path("main.bicep")), 1);
        let status = client.request("preflight/status", &nothing);
        assert!(status.is_object(), "{status}");
        assert_eq!(client.request("shutdown", &nothing), Value::Null);
        assert_eq!(client.just_exit(), End::Clean);
    }
}

/// A client that names what this version of the protocol does not have is served with the rest.
#[test]
fn messages_beyond_the_protocol_are_refused_alone() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let mut client = Client::start(at_home(Setup::default(), workspace.root()));
    let mut capabilities = all();
    capabilities["textDocument"]["hover"] = json!({"contentFormat": ["asciidoc", "markdown"]});
    capabilities["textDocument"]["semanticTokens"] = json!(7);
    let root = uri(workspace.root());
    let answer = client.initialize(&json!({
        "processId": -1,
        "trace": "compact",
        "rootUri": root,
        "workspaceFolders": [{"uri": "", "name": ""}, {"uri": root, "name": ""}],
        "capabilities": capabilities,
    }));
    assert_eq!(
        answer["capabilities"]["codeActionProvider"]["resolveProvider"],
        true
    );
    let main = uri(&workspace.path("main.bicep"));
    let found = client.count(&main, 1)[0].clone();
    // Another server's diagnostic as the next version of the protocol has it.
    let odd = json!({"range": found["range"], "message": {"kind": "markdown", "value": "m"}});
    let params = json!({
        "textDocument": {"uri": main},
        "range": found["range"],
        "context": {"diagnostics": [odd, found]},
    });
    let actions = client.request("textDocument/codeAction", &params);
    assert!(!actions.as_array().expect("a list").is_empty());
    client.settle();
}

/// All that a client sends at the start, in one go, as from a file.
#[test]
fn what_comes_right_behind_the_beginning_counts() {
    let workspace = Workspace::new(&[]);
    let mut client = Client::start(at_home(Setup::default(), workspace.root()));
    let root = uri(workspace.root());
    let main = uri(&workspace.path("main.bicep"));
    let params = json!({"processId": null, "rootUri": root, "capabilities": all()});
    let asked = client.ask("initialize", &params);
    client.notify("initialized", &json!({}));
    client.open(&main, "bicep", 1, REGISTRY);
    client.change(&main, 2, &[(0, 0, 0, 0, "\n")]);
    client.answer(asked).expect("an answer");
    assert_eq!(client.diagnostics(&main, 2).len(), 1);
    client.settle();
}

#[test]
fn an_exit_right_behind_the_shutdown_is_a_clean_end() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    for _ in 0..20 {
        let mut client = Client::initialized(workspace.root());
        let asked = client.ask("shutdown", &Value::Null);
        assert_eq!(client.just_exit(), End::Clean);
        assert_eq!(client.answer(asked), Ok(Value::Null));
        client.all_shown();
    }
    // To ask for the end before the beginning is none.
    let mut client = Client::start(Setup::default());
    let asked = client.ask("shutdown", &Value::Null);
    assert_eq!(client.just_exit(), End::Abrupt);
    assert_eq!(client.answer(asked).expect_err("an error")["code"], -32002);
}

#[test]
fn leaving_without_a_word_is_noticed() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let mut client = Client::initialized(workspace.root());
    assert_eq!(client.just_exit(), End::Abrupt);
    client.all_shown();
    let mut client = Client::initialized(workspace.root());
    assert_eq!(client.hang_up(), End::Abrupt);
    client.all_shown();
    let mut client = Client::start(Setup::default());
    assert_eq!(client.hang_up(), End::Abrupt);
    let mut client = Client::initialized(workspace.root());
    client.request("shutdown", &Value::Null);
    assert_eq!(client.hang_up(), End::Clean);
    client.all_shown();
}

#[test]
fn a_fault_is_reported_once_and_survived() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY), ("other.bicep", REGISTRY)]);
    let setup = Setup {
        fault: Some("fall over".to_owned()),
        ..Setup::default()
    };
    let mut client = Client::with(workspace.root(), all(), setup);
    let main = uri(&workspace.path("main.bicep"));
    let other = uri(&workspace.path("other.bicep"));
    client.open(&main, "bicep", 1, REGISTRY);
    client.open(&other, "bicep", 1, REGISTRY);
    client.settle();
    client.count(&main, 1);
    client.count(&other, 1);
    // One edit goes wrong, and its text goes on being wrong: the other document is served as before.
    client.change(&main, 2, &[(0, 0, 0, 0, "// fall over\n")]);
    let message = client.notification("window/showMessage");
    assert_eq!(message["type"], 1);
    client.change(&other, 2, &[(0, 0, 0, 0, "\n")]);
    let shown = client.diagnostics(&other, 2);
    assert_eq!(shown[0]["range"]["start"]["line"], 1);
    // Corrected, it is served as well.
    client.change(&main, 3, &[(0, 0, 1, 0, "")]);
    assert_eq!(client.diagnostics(&main, 3)[0]["range"], type_range());
    client.change(&main, 4, &[(0, 0, 0, 0, "\n")]);
    assert_eq!(client.diagnostics(&main, 4).len(), 1);
    // Wrong once more, and opened again.
    client.change(&main, 5, &[(0, 0, 0, 0, "// fall over\n")]);
    client.close(&main);
    client.open(&main, "bicep", 6, REGISTRY);
    assert_eq!(client.diagnostics(&main, 6).len(), 1);
    client.settle();
    // What was open was opened again with the new engine.
    client.count(&other, 1);
}

/// Sends far more than any pipe holds without reading any of it, then reads: every request has its answer, and the last
/// edit its diagnostics.
#[test]
fn a_client_that_does_not_read_is_not_waited_for() {
    const MESSAGES: i64 = 6_000;
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let (server_in, to) = std::io::pipe().expect("a pipe");
    let (from, server_out) = std::io::pipe().expect("a pipe");
    let setup = at_home(Setup::default(), workspace.root());
    let server = std::thread::spawn(move || preflight::lsp::serve(server_in, server_out, setup));
    let gate = Arc::new(Mutex::new(()));
    let reluctant = Reluctant {
        from,
        gate: gate.clone(),
    };
    let mut client = Client::over(reluctant, to);
    let root = uri(workspace.root());
    client.initialize(&json!({"processId": null, "rootUri": root, "capabilities": {}}));
    // From here on the client reads nothing more.
    let closed = gate.lock().expect("a gate");
    let main = uri(&workspace.path("main.bicep"));
    client.open(&main, "bicep", 0, REGISTRY);
    let document = json!({"textDocument": {"uri": main}});
    let mut asked = Vec::new();
    for version in 1..=MESSAGES {
        client.change(&main, version, &[(4, 1, 4, 1, " ")]);
        if version % 2 == 0 {
            asked.push(client.ask("preflight/syntaxTree", &document));
        }
    }
    drop(closed);
    for id in asked {
        assert!(client.answer(id).expect("an answer").is_string());
    }
    assert_eq!(client.diagnostics(&main, MESSAGES).len(), 1);
    client.request("shutdown", &Value::Null);
    client.notify("exit", &Value::Null);
    client.leaves = Leaves::Gone;
    assert_eq!(
        server.join().expect("a server that ends in order"),
        End::Clean
    );
}

/// Reads only while the gate is open.
struct Reluctant {
    from: std::io::PipeReader,
    gate: Arc<Mutex<()>>,
}

impl std::io::Read for Reluctant {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        drop(self.gate.lock());
        self.from.read(buffer)
    }
}

#[test]
fn traces_are_sent_only_while_they_are_on() {
    let workspace = Workspace::new(&[]);
    let mut client = Client::initialized(workspace.root());
    client.request("preflight/status", &Value::Null);
    client.notify("$/setTrace", &json!({"value": "messages"}));
    client.request("preflight/status", &Value::Null);
    let reported = client.notification("$/logTrace");
    assert_eq!(reported["message"], "answering preflight/status");
    client.notify("$/setTrace", &json!({"value": "off"}));
    client.request("preflight/status", &Value::Null);
    // Nothing more is sent: this client fails when something is left unread.
    client.settle();
}

#[test]
fn a_request_can_be_taken_back() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let mut client = Client::initialized(workspace.root());
    let main = uri(&workspace.path("main.bicep"));
    let document = json!({"textDocument": {"uri": main}});
    for _ in 0..50 {
        let id = client.ask("preflight/inventory", &document);
        client.notify("$/cancelRequest", &json!({"id": id}));
        // Answered in time or taken back: but answered, always.
        match client.answer(id) {
            Ok(inventory) => assert!(inventory.is_object() || inventory.is_null()),
            Err(error) => {
                assert_eq!(error["code"], -32800);
            }
        }
    }
    client.settle();
    client.count(&main, 1);
}
