//! The editors' files state some of what the code knows once more: this holds the two together. The editors themselves
//! are tried by `tests/editors/run`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use preflight::lsp::SETTINGS;
use serde_json::{Value, json};

fn read(path: &str) -> String {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(full).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn package() -> Value {
    serde_json::from_str(&read("editors/vscode/package.json")).expect("package.json is JSON")
}

/// What `package.json` must state of the type and the values of a setting; null is "unset, `ps-rule.yaml` decides".
fn expected(values: &[&str]) -> (Value, Value) {
    if values.is_empty() {
        return (json!(["boolean", "null"]), Value::Null);
    }
    let mut choices: Vec<Value> = values.iter().map(|value| json!(value)).collect();
    choices.push(Value::Null);
    (json!(["string", "null"]), Value::Array(choices))
}

#[test]
fn the_settings_of_vs_code_are_those_of_the_server() {
    let package = package();
    let properties = package["contributes"]["configuration"]["properties"]
        .as_object()
        .expect("settings are contributed");
    for (name, values, _) in SETTINGS {
        let property = &properties[&format!("preflight.{name}")];
        let (kind, choices) = expected(values);
        assert_eq!(property["type"], kind, "type of {name}");
        assert_eq!(property["enum"], choices, "values of {name}");
        assert_eq!(
            property.get("default"),
            Some(&Value::Null),
            "default of {name}"
        );
    }
    let of_the_editor = ["preflight.path", "preflight.trace.server"];
    let known: BTreeSet<String> = SETTINGS
        .iter()
        .map(|(name, ..)| format!("preflight.{name}"))
        .chain(of_the_editor.map(str::to_owned))
        .collect();
    let contributed: BTreeSet<String> = properties.keys().cloned().collect();
    assert_eq!(contributed, known);
}

#[test]
fn what_the_extension_sends_is_what_the_server_reads() {
    let client = read("editors/vscode/src/client.ts");
    let names: Vec<String> = SETTINGS
        .iter()
        .map(|(name, ..)| format!("'{name}'"))
        .collect();
    assert!(
        client.contains(&format!("[{}]", names.join(", "))),
        "client.ts does not send {names:?}"
    );
}

#[test]
fn the_pages_name_every_setting_and_value() {
    for page in ["editors/README.md", "editors/vscode/README.md"] {
        let text = read(page);
        for (name, values, _) in SETTINGS {
            let row = text
                .lines()
                .find(|line| {
                    line.starts_with(&format!("| `{name}`"))
                        || line.starts_with(&format!("| `preflight.{name}`"))
                })
                .unwrap_or_else(|| panic!("{page} has no row for {name}"));
            for value in *values {
                assert!(
                    row.contains(&format!("`{value}`")),
                    "{page}: {name} lacks {value}"
                );
            }
        }
    }
}

#[test]
fn every_command_is_registered() {
    let package = package();
    let code = read("editors/vscode/src/extension.ts");
    let commands = package["contributes"]["commands"]
        .as_array()
        .expect("commands are contributed");
    for command in commands {
        let name = command["command"].as_str().expect("a command has a name");
        assert!(
            code.contains(&format!("registerCommand('{name}'")),
            "{name} is not registered"
        );
    }
}

#[test]
fn one_version_everywhere() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(package()["version"], version);
    for (path, line) in [
        ("editors/vscode/CHANGELOG.md", format!("## {version}")),
        (
            "editors/zed/extension.toml",
            format!("version = \"{version}\""),
        ),
        ("editors/zed/Cargo.toml", format!("version = \"{version}\"")),
        (
            "editors/neovim/mason/packages/preflight/package.yaml",
            format!("id: pkg:github/preflight-azure/preflight@v{version}"),
        ),
    ] {
        assert!(
            read(path).lines().any(|it| it.trim() == line),
            "{path} lacks {line}"
        );
    }
    assert_eq!(
        read("editors/vscode/LICENSE"),
        read("LICENSE"),
        "the VSIX carries the licence"
    );
}
