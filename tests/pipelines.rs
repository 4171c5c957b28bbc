//! What cannot be run here, the files for pipelines and the pages for people, is held to what can: the binary's own
//! options, the names that two files must agree on, the readers of the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use preflight::syntax::data::{self, Data, DataKind};
use preflight::workspace::config::{bicep, rule_file};

const PAGES: [&str; 6] = [
    "README.md",
    "src/docs/configuration.md",
    "src/docs/how-it-decides.md",
    "src/docs/limits.md",
    "src/docs/pipelines.md",
    "src/docs/rule.md",
];

const PIPELINES: [&str; 4] = [
    ".github/workflows/ci.yml",
    ".github/workflows/release.yml",
    ".pre-commit-hooks.yaml",
    "action.yml",
];

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect(path)
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn yaml(path: &str, text: &str) -> Data {
    let reading = data::yaml(text);
    assert_eq!(reading.problem, None, "{path}");
    reading.data
}

fn preflight(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_preflight"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("preflight runs")
}

/// The fenced blocks of a page in one language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let head = format!("```{language}\n");
    page.split(&head)
        .skip(1)
        .filter_map(|rest| rest.split("\n```").next())
        .collect()
}

/// What follows `preflight` on every line that calls it.
fn calls(text: &str) -> Vec<Vec<&str>> {
    let commands = ["check", "explain", "inventory", "stats", "parse", "server"];
    text.lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let at = words.iter().position(|word| {
                let name = word.trim_matches(['"', '\'', '`']);
                name == "preflight" || name.ends_with("/preflight")
            })?;
            let call = &words[at + 1..];
            commands.contains(call.first()?).then(|| call.to_vec())
        })
        .collect()
}

#[test]
fn every_option_that_is_written_down_exists() {
    let mut help: BTreeMap<String, String> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for path in PAGES.iter().chain(&PIPELINES) {
        for call in calls(&text(path)) {
            let command = call[0].to_owned();
            let options = help.entry(command.clone()).or_insert_with(|| {
                let output = preflight(&[&command, "--help"], &root());
                String::from_utf8(output.stdout).expect("help in UTF-8")
            });
            for word in &call[1..] {
                if let Some(option) = word.trim_matches('`').strip_prefix("--") {
                    let name = option.split('=').next().unwrap_or(option);
                    assert!(options.contains(&format!("--{name}")), "{path}: {word}");
                    seen.insert(name.to_owned());
                }
            }
        }
    }
    assert!(
        seen.contains("format") && seen.contains("fail-on"),
        "{seen:?}"
    );
}

/// A copy of the examples, for commands that write.
fn examples() -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    let from = root().join("tests/examples");
    let mut queue = vec![from.clone()];
    while let Some(folder) = queue.pop() {
        for entry in fs::read_dir(folder).expect("the examples") {
            let path = entry.expect("an entry").path();
            let to = copy.path().join(path.strip_prefix(&from).expect("below"));
            if path.is_dir() {
                fs::create_dir_all(to).expect("a folder made");
                queue.push(path);
            } else {
                fs::create_dir_all(to.parent().expect("a parent")).expect("a folder made");
                fs::copy(&path, to).expect("a file copied");
            }
        }
    }
    copy
}

#[test]
fn every_command_of_the_pages_runs() {
    let mut ran = 0;
    for path in PAGES.iter().filter(|path| path.starts_with("src/docs")) {
        let folder = examples();
        let page = text(path);
        for line in blocks(&page, "console")
            .iter()
            .flat_map(|block| block.lines())
        {
            let arguments: Vec<&str> = line.split_whitespace().collect();
            assert_eq!(arguments.first(), Some(&"preflight"), "{path}: {line}");
            let output = preflight(&arguments[1..], folder.path());
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(
                matches!(output.status.code(), Some(0 | 1)),
                "{path}: {line}: {said}"
            );
            ran += 1;
        }
    }
    assert!(ran > 5, "{ran} commands");
}

#[test]
fn every_configuration_of_the_pages_is_read() {
    let page = text("src/docs/configuration.md");
    for block in blocks(&page, "yaml") {
        let (file, problems) = rule_file::read(block);
        assert_eq!(problems, [], "{block}");
        let file = file.expect("a rule file");
        let lists = &file.rules;
        assert!(!lists.exclude.is_empty() && !lists.levels.is_empty() && file.plan.is_some());
        assert!(!lists.suppression.is_empty() && !file.parameter_defaults.is_empty());
        assert!(file.coverage.is_some() && file.hints.is_some() && !file.path_ignore.is_empty());
    }
    for block in blocks(&page, "json") {
        let (file, problems) = bicep::read(Path::new("/ws/bicepconfig.json"), block);
        assert_eq!(problems, [], "{block}");
        assert!(file.is_some_and(|file| !file.registry_aliases.is_empty()));
    }
    for block in blocks(&text("src/docs/pipelines.md"), "yaml") {
        yaml("src/docs/pipelines.md", block);
    }
}

#[test]
fn links_of_the_pages_lead_somewhere() {
    for path in PAGES {
        let page = text(path);
        for target in page
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            if target.contains("://") || target.starts_with('#') {
                continue;
            }
            let file = target.split('#').next().unwrap_or(target);
            let at = root().join(path).with_file_name(file);
            assert!(at.exists(), "{path}: {target}");
        }
    }
}

/// Every text in data, keys aside.
fn texts<'a>(data: &'a Data, found: &mut Vec<&'a str>) {
    match &data.kind {
        DataKind::Str(text) => found.push(text),
        DataKind::List(items) => items.iter().for_each(|item| texts(item, found)),
        DataKind::Map(members) => members.iter().for_each(|(_, value)| texts(value, found)),
        _ => {}
    }
}

#[test]
fn what_is_downloaded_is_what_is_released() {
    let release = yaml(PIPELINES[1], &text(PIPELINES[1]));
    let mut released = Vec::new();
    texts(
        release
            .get("jobs")
            .and_then(|jobs| jobs.get("binary"))
            .and_then(|job| job.get("strategy"))
            .expect("the matrix"),
        &mut released,
    );
    let released: BTreeSet<&str> = released.into_iter().collect();
    let action = text("action.yml");
    let wanted: Vec<&str> = action
        .split("target=")
        .skip(1)
        .filter_map(|rest| rest.split(';').next())
        .collect();
    assert_eq!(wanted.len(), 6);
    for target in wanted {
        assert!(released.contains(target), "{target} is not released");
    }
    let page = text("src/docs/pipelines.md");
    let archive = page
        .split("archive=")
        .nth(1)
        .and_then(|rest| rest.lines().next());
    let target = archive
        .and_then(|name| name.strip_prefix("preflight-")?.strip_suffix(".tar.gz"))
        .expect("the archive of the Azure Pipelines snippet");
    assert!(released.contains(target), "{target} is not released");
}

#[test]
fn the_hooks_check_what_can_change_the_answer() {
    let hooks = yaml(".pre-commit-hooks.yaml", &text(".pre-commit-hooks.yaml"));
    let DataKind::List(hooks) = &hooks.kind else {
        panic!("a list of hooks");
    };
    assert_eq!(hooks.len(), 2);
    for hook in hooks {
        let entry = hook.get("entry").and_then(Data::as_str);
        assert_eq!(entry, Some("preflight check"));
        // One file may take the scanning from another, so no file is checked alone.
        let alone = hook.get("pass_filenames").map(|value| &value.kind);
        assert_eq!(alone, Some(&DataKind::Bool(false)));
    }
}

#[test]
fn the_action_uses_the_inputs_it_declares() {
    let source = text("action.yml");
    let action = yaml("action.yml", &source);
    let inputs = action.get("inputs").expect("inputs").members();
    let used: BTreeSet<&str> = source
        .split("inputs.")
        .skip(1)
        .map(|rest| rest.split([' ', ')', '}']).next().unwrap_or(rest))
        .collect();
    let declared: BTreeSet<&str> = inputs.iter().map(|(key, _)| key.text.as_str()).collect();
    assert_eq!(used, declared);
}

/// Runs the checking step of the action, with a program of the same name that prints its arguments.
#[cfg(unix)]
#[test]
fn the_action_hands_over_the_paths_it_is_given() {
    use std::os::unix::fs::PermissionsExt;
    let action = yaml("action.yml", &text("action.yml"));
    let steps = action.get("runs").and_then(|runs| runs.get("steps"));
    let Some(DataKind::List(steps)) = steps.map(|steps| &steps.kind) else {
        panic!("a list of steps");
    };
    let check = steps
        .iter()
        .find(|step| step.get("id").and_then(Data::as_str) == Some("check"));
    let script = check
        .and_then(|step| step.get("run"))
        .and_then(Data::as_str);
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("preflight");
    fs::write(&program, "#!/bin/sh\nfor word; do echo \"$word\"; done\n").expect("a program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("that runs");
    for (paths, expect) in [
        ("", &[][..]),
        ("infra", &["infra"]),
        (" infra  'x ", &["infra", "'x"]),
        ("infra one\nbicep\n\n", &["infra one", "bicep"]),
    ] {
        let output = Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c"])
            .arg(script.expect("a script"))
            .env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()))
            .env("PATHS", paths)
            .env("FAIL_ON", "error")
            .env("SARIF", "out file.sarif")
            .output()
            .expect("bash runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let words: Vec<&str> = said.lines().collect();
        let rest = [
            "--format",
            "github",
            "--format",
            "sarif=out file.sarif",
            "--fail-on",
            "error",
        ];
        assert_eq!(words, [&["check"], expect, &rest].concat(), "{paths:?}");
    }
}

#[test]
fn code_scanning_gets_paths_relative_to_the_repository() {
    let folder = tempfile::tempdir().expect("a folder");
    let infra = folder.path().join("repo/infra");
    std::fs::create_dir_all(folder.path().join("repo/.git")).expect("a repository");
    std::fs::create_dir_all(&infra).expect("a folder");
    let registry =
        "resource acr 'Microsoft.ContainerRegistry/registries@2023-07-01' = {\n  name: 'acr'\n}\n";
    let module = "module gone 'gone.bicep' = {\n  name: 'gone'\n}\n";
    std::fs::write(infra.join("acr.bicep"), format!("{registry}{module}")).expect("a file");
    let report = |arguments: &[&str]| {
        let output = preflight(&[&["check"], arguments].concat(), &infra);
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    for (root, path) in [
        (&[] as &[&str], "infra/acr.bicep"),
        (&["--root", "../.."], "repo/infra/acr.bicep"),
        (&["--root", "."], "acr.bicep"),
    ] {
        let github = report(&[root, &["--format", "github"]].concat());
        let files = github.matches(&format!(" file={path},")).count();
        assert_eq!(files, 2, "{github}");
        let sarif = report(&[root, &["--format", "sarif"]].concat());
        let sarif: serde_json::Value = serde_json::from_str(&sarif).expect("JSON");
        let run = &sarif["runs"][0];
        for place in [
            &run["results"][0]["locations"][0],
            &run["invocations"][0]["toolExecutionNotifications"][0]["locations"][0],
        ] {
            assert_eq!(place["physicalLocation"]["artifactLocation"]["uri"], path);
        }
        let text = report(root);
        assert!(text.contains("--> acr.bicep:1:14"), "{text}");
    }
}
