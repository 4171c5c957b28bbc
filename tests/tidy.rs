//! Enforces the rules that no compiler checks: layering, external crates by layer, file heads, file sizes.

use std::fs;
use std::path::{Path, PathBuf};

/// The layers in order: each may import those before it.
const LAYERS: [&str; 7] = [
    "text",
    "syntax",
    "model",
    "eval",
    "workspace",
    "rules",
    "analysis",
];

/// External crates (or modules of the standard library) that only some layers may use.
const CONFINED: [(&str, &[&str]); 11] = [
    ("ropey", &["text"]),
    ("tree_sitter", &["syntax", "model", "workspace", "rules"]),
    ("dashmap", &["workspace"]),
    ("ignore", &["workspace"]),
    ("tower_lsp", &["lsp"]),
    ("tokio", &["lsp"]),
    ("clap", &["cli", "main"]),
    ("std::fs", &["workspace/disk"]),
    ("TcpStream", &[]),
    ("TcpListener", &[]),
    ("std::process::Command", &[]),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder, with its path relative to it, `/` between parts, without ending.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut queue = vec![folder.to_path_buf()];
    while let Some(next) = queue.pop() {
        for entry in fs::read_dir(&next).expect("a folder of the project") {
            let path = entry.expect("an entry of it").path();
            if path.is_dir() {
                queue.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let relative = path
                    .strip_prefix(folder)
                    .expect("a path below the folder")
                    .with_extension("");
                let name = relative.to_string_lossy().replace('\\', "/");
                found.push((name, fs::read_to_string(&path).expect("a source file")));
            }
        }
    }
    found.sort();
    found
}

/// The code of a file: without comments and without its unit tests at the end, which may use anything.
fn code(text: &str) -> String {
    let before_tests = text.split("\n#[cfg(test)]\nmod tests {").next();
    before_tests
        .unwrap_or(text)
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn layer(name: &str) -> &str {
    name.split('/').next().unwrap_or(name)
}

/// Whether `code` names `path` as a path (not as part of a longer word).
fn names(code: &str, path: &str) -> bool {
    code.match_indices(path).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + path.len()..].chars().next();
        let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !word(before) && before != Some(':') && !word(after)
    })
}

#[test]
fn layers_import_only_to_their_left() {
    let mut wrong = Vec::new();
    for (name, text) in sources(&root().join("src")) {
        let own = layer(&name);
        let allowed = match own {
            // Pages hold no code.
            "lib" | "main" | "docs" => continue,
            "lsp" | "cli" => LAYERS.len(),
            _ => LAYERS
                .iter()
                .position(|layer| *layer == own)
                .unwrap_or_else(|| panic!("src/{name}.rs is in no layer")),
        };
        let code = code(&text);
        let right = LAYERS
            .iter()
            .skip(allowed)
            .chain(&["lsp", "cli"])
            .filter(|other| **other != own);
        wrong.extend(
            right
                .filter(|other| names(&code, &format!("crate::{other}")))
                .map(|other| format!("src/{name}.rs imports {other}")),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn external_crates_stay_in_their_layers() {
    let mut wrong = Vec::new();
    let files = sources(&root().join("src")).into_iter();
    // Unit tests may use anything, in a file of their own too.
    for (name, text) in files.filter(|(name, _)| !name.ends_with("/tests")) {
        let code = code(&text);
        for (outside, homes) in CONFINED {
            let at_home = homes
                .iter()
                .any(|home| name == *home || name.starts_with(&format!("{home}/")));
            if !at_home && names(&code, outside) {
                wrong.push(format!("src/{name}.rs uses {outside}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Words of single rules, and the files outside `rules` that hold them, each with its reason.
const OF_RULES: &[(&str, &[&str])] = &[
    ("AZR-0", &[]),
    ("container_scan", &[]),
    ("acr_admin_user", &[]),
    ("Microsoft.ContainerRegistry", &[]),
    // Which types exist at a subscription is a fact of Azure.
    ("Microsoft.Security", &["eval/expand"]),
    ("pricings", &["eval/expand"]),
    // The values of the setting `plan`, and an example of its use in the help of `check`.
    ("Containers", &["workspace/config", "cli/check"]),
];

#[test]
fn no_layer_but_the_rules_names_a_rule() {
    let mut wrong = Vec::new();
    let files = sources(&root().join("src")).into_iter();
    let outside = |name: &str| !name.starts_with("rules") && !name.contains("tests");
    for (name, text) in files.filter(|(name, _)| outside(name)) {
        let code = code(&text);
        for (word, homes) in OF_RULES {
            if code.contains(word) && !homes.contains(&name.as_str()) {
                wrong.push(format!("src/{name}.rs names {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn unsafe_code_is_only_in_the_grammar_binding() {
    let unsafe_word = ["un", "safe"].concat();
    let wrong: Vec<_> = sources(&root().join("src"))
        .into_iter()
        .filter(|(name, text)| name != "syntax/language" && names(&code(text), &unsafe_word))
        .map(|(name, _)| name)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_begin_with_documentation_and_stay_short() {
    let mut wrong = Vec::new();
    for folder in ["src", "tests", "grammars"] {
        let skip = |name: &str| name.contains("node_modules") || name.contains("/target/");
        for (name, text) in sources(&root().join(folder))
            .into_iter()
            .filter(|(name, _)| !skip(name))
        {
            if !text.starts_with("//!") {
                wrong.push(format!("{folder}/{name}.rs does not begin with //!"));
            }
            let lines = text.lines().count();
            let most = if folder == "src" { 800 } else { 900 };
            if lines > most {
                wrong.push(format!("{folder}/{name}.rs has {lines} lines"));
            }
            if folder == "src" && name.ends_with("/mod") {
                wrong.push(format!(
                    "{folder}/{name}.rs: a module lies beside its folder"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn functions_stay_short() {
    let mut wrong = Vec::new();
    for (name, text) in sources(&root().join("src")) {
        if name.contains("tests") {
            continue;
        }
        // The unit tests of a file are its last part.
        let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let words: Vec<&str> = line.split_whitespace().take(4).collect();
            let Some(word) = words.iter().position(|word| *word == "fn") else {
                continue;
            };
            let indent = line.len() - line.trim_start().len();
            let end = format!("{}}}", " ".repeat(indent));
            let length = lines[at..].iter().position(|line| **line == end);
            if length.is_some_and(|length| length >= 80) && !line.ends_with([';', '}']) {
                wrong.push(format!("src/{name}.rs: {}", words[word + 1]));
            }
        }
    }
    assert!(wrong.is_empty(), "over 80 lines: {wrong:#?}");
}

#[test]
fn the_top_level_holds_what_it_should() {
    const EXPECTED: [&str; 17] = [
        ".ci",
        ".dockerignore",
        ".github",
        ".gitignore",
        ".pre-commit-hooks.yaml",
        "Cargo.lock",
        "Cargo.toml",
        "Dockerfile",
        "LICENSE",
        "README.md",
        "action.yml",
        "clippy.toml",
        "editors",
        "grammars",
        "rust-toolchain.toml",
        "src",
        "tests",
    ];
    let entries = fs::read_dir(root()).expect("the project's folder");
    let names = entries.map(|entry| {
        entry
            .expect("an entry")
            .file_name()
            .to_string_lossy()
            .into_owned()
    });
    let wrong: Vec<_> = names
        .filter(|name| !EXPECTED.contains(&name.as_str()) && !matches!(&**name, ".git" | "target"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?} at the top level");
}

/// The names in the tables of `Cargo.toml` that end up in the binary.
fn dependencies() -> Vec<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    let mut wanted = false;
    let mut names = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            wanted = line.ends_with("dependencies]") && !line.contains("dev-dependencies");
        } else if let Some((name, _)) = line.split_once('=').filter(|_| wanted)
            && !line.starts_with('#')
        {
            names.push(name.trim().to_owned());
        }
    }
    names
}

#[test]
fn every_dependency_has_a_row_in_the_architecture() {
    let architecture = fs::read_to_string(root().join("src/lib.rs")).expect("the architecture");
    let (_, table) = architecture
        .split_once("# Dependencies")
        .expect("a table of dependencies");
    let named: Vec<&str> = table
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with("//!"))
        .flat_map(|line| {
            let cell = line.strip_prefix("//! | ").unwrap_or_default();
            let cell = cell.split('|').next().unwrap_or_default();
            cell.split('`').skip(1).step_by(2)
        })
        .collect();
    let dependencies = dependencies();
    assert!(dependencies.len() > 10, "{dependencies:?}");
    for name in &dependencies {
        assert!(
            named.contains(&name.as_str()),
            "{name} is in no row of src/lib.rs"
        );
    }
    for name in named {
        assert!(
            dependencies.iter().any(|own| own == name),
            "{name} is no longer used"
        );
    }
}
