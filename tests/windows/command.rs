//! The command line: every form in which a path is written, and the same reports for all of them.

use std::path::Path;

use serde_json::Value;

use crate::run::{REGISTRY, Run, plan, run, run_in};
use crate::support::Workspace;

/// A plan that is off, and the module with the registry.
pub(crate) fn infra() -> Workspace {
    Workspace::new(&[
        ("infra/main.bicep", &plan("Free")),
        ("infra/acr.bicep", REGISTRY),
        ("infra/deep/é 1.bicep", REGISTRY),
        ("out/keep.txt", ""),
    ])
}

/// The forms of `infra/main.bicep` in a workspace that lead to the same relative path, as the platform has them.
fn forms(workspace: &Workspace) -> Vec<String> {
    let absolute = workspace.path("infra/main.bicep");
    let absolute = absolute.to_str().expect("a path of text").to_owned();
    let mut forms = vec![
        "infra/main.bicep".to_owned(),
        "./infra/../infra//main.bicep".to_owned(),
        absolute.replace("infra/", "infra/./"),
    ];
    if cfg!(windows) {
        let absolute = absolute.replace('/', "\\");
        let (drive, rest) = absolute.split_once(':').expect("a drive");
        forms.extend([
            r"infra\main.bicep".to_owned(),
            r".\infra\main.bicep".to_owned(),
            r"infra/deep\..\main.bicep".to_owned(),
            r"INFRA\Main.BICEP".to_owned(),
            absolute.clone(),
            format!("{}:{rest}", drive.to_ascii_lowercase()),
            absolute.replace('\\', "/"),
            absolute.to_uppercase(),
            format!(r"\\?\{absolute}"),
            format!(r"\\?\{}:{rest}", drive.to_ascii_lowercase()),
            // From the root of the drive that is current, and from that drive's working folder.
            rest.to_owned(),
            format!(r"{drive}:infra\main.bicep"),
        ]);
    }
    forms
}

fn report(folder: &Path, arguments: &[&str]) -> Run {
    let run = run_in(folder, arguments, b"");
    assert_eq!(run.err, "", "{arguments:?}");
    run
}

#[test]
fn every_form_of_a_path_gives_the_same_report() {
    let workspace = infra();
    for format in ["text", "json", "sarif", "github", "junit"] {
        let check = |form: &str| {
            let run = report(workspace.root(), &["check", form, "--format", format]);
            assert_eq!(run.code, 1, "{form}");
            run.out
        };
        let first = check("infra/main.bicep");
        assert!(first.contains("infra/acr.bicep"), "{first}");
        for form in forms(&workspace) {
            assert_eq!(check(&form), first, "{form}");
        }
    }
    let inventory = |form: &str| report(workspace.root(), &["inventory", form]).out;
    let first = inventory("infra/main.bicep");
    assert!(first.starts_with("infra/main.bicep"), "{first}");
    for form in forms(&workspace) {
        assert_eq!(inventory(&form), first, "{form}");
    }
}

#[test]
fn every_form_of_a_folder_gives_the_same_report() {
    let workspace = infra();
    let absolute = workspace.path("infra");
    let absolute = absolute.to_str().expect("a path of text");
    let mut forms = vec!["./infra/", absolute];
    let lower = absolute.to_lowercase();
    if cfg!(windows) {
        forms.extend([r".\infra", r"infra\", "INFRA", &lower]);
    }
    let check = |form: &str| report(workspace.root(), &["check", form, "--format", "json"]);
    let first = check("infra");
    assert!(first.out.contains("infra/deep/é 1.bicep"), "{}", first.out);
    for form in forms {
        assert_eq!(check(form).out, first.out, "{form}");
    }
}

/// Neither `cmd` nor PowerShell expands patterns.
#[test]
fn patterns_that_no_shell_expands() {
    let workspace = infra();
    let found = |pattern: &str| {
        let run = report(workspace.root(), &["check", pattern, "--format", "json"]);
        let value: Value = serde_json::from_str(&run.out).expect("JSON");
        let findings = value["findings"].as_array().expect("findings").clone();
        let paths = findings
            .iter()
            .map(|found| found["path"].as_str().expect("a path").to_owned());
        let mut paths: Vec<_> = paths.collect();
        paths.dedup();
        paths
    };
    let deep = ["infra/deep/é 1.bicep"];
    let mut patterns = vec![
        "infra/*/*.bicep",
        "infra/deep/?*.bicep",
        "infra/**/é*.bicep",
    ];
    if cfg!(windows) {
        patterns.extend([
            r"infra\*\*.bicep",
            r".\infra\deep\*.bicep",
            r"infra\**\é*.bicep",
        ]);
    }
    for pattern in patterns {
        assert_eq!(found(pattern), deep, "{pattern}");
    }
}

#[test]
fn output_paths_take_either_separator() {
    let workspace = infra();
    let mut forms = vec!["out/report.json"];
    if cfg!(windows) {
        forms.extend([r"out\report.json", r".\out\report.json"]);
    }
    for form in forms {
        let file = workspace.path("out/report.json");
        let run = run(
            &workspace,
            &["check", "infra", "--format", "json", "--output", form],
        );
        assert_eq!((run.code, &*run.out, &*run.err), (1, "", ""), "{form}");
        let text = std::fs::read_to_string(&file).expect("a report");
        assert!(text.contains("infra/acr.bicep"), "{text}");
        std::fs::remove_file(file).expect("it is there");
        assert_eq!(
            preflight::workspace::disk::names_in(&workspace.path("out")),
            ["keep.txt"]
        );
    }
}

/// A share: what is on it has no drive. The share is that of the drive itself, for administrators on Windows and by
/// `tests/windows/run` under Wine.
#[cfg(windows)]
#[test]
fn shares() {
    let workspace = infra();
    let absolute = workspace.path("infra/main.bicep");
    let absolute = absolute
        .to_str()
        .expect("a path of text")
        .replace('/', "\\");
    let (drive, rest) = absolute.split_once(':').expect("a drive");
    let share = format!(r"\\localhost\{drive}${rest}");
    if !Path::new(&share).exists() {
        eprintln!("skipped: {share} is not shared");
        return;
    }
    for share in [
        share.clone(),
        share.replace('\\', "/"),
        format!(r"\\?\UNC{}", &share[1..]),
    ] {
        let run = report(workspace.root(), &["check", &share, "--format", "json"]);
        let value: Value = serde_json::from_str(&run.out).expect("JSON");
        let path = value["findings"][0]["path"]
            .as_str()
            .expect("a path")
            .to_lowercase();
        assert!(path.starts_with("//localhost/"), "{share}: {path}");
        assert!(path.ends_with("infra/acr.bicep"), "{share}: {path}");
        assert_eq!(
            value["findings"].as_array().map(Vec::len),
            Some(1),
            "{share}"
        );
    }
}

/// Whoever reads the output of a pipeline gets UTF-8, whatever the code page of the console.
#[test]
fn text_is_utf_8_and_colours_are_off_where_they_should() {
    let workspace = infra();
    let run = run(&workspace, &["check", "infra/deep"]);
    assert!(run.out.contains("é 1.bicep"), "{}", run.out);
    assert!(
        !run.out.contains('\u{1b}') && !run.out.contains('\r'),
        "{}",
        run.out
    );
}
