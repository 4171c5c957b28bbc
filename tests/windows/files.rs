//! The file system: names in any case, names that Windows reserves, long paths, line ends, links, files in use.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use preflight::workspace::disk;
use serde_json::Value;

use crate::command::infra;
use crate::run::{REGISTRY, plan, run, run_in};
use crate::support::Workspace;

fn findings(workspace: &Workspace, arguments: &[&str]) -> Vec<String> {
    let run = run(workspace, &[arguments, &["--format", "json"]].concat());
    let value: Value = serde_json::from_str(&run.out).unwrap_or_default();
    let findings = value["findings"].as_array().cloned().unwrap_or_default();
    let path = |found: &Value| found["path"].as_str().unwrap_or_default().to_owned();
    findings.iter().map(path).collect()
}

#[test]
fn a_module_in_another_case_is_found_and_reported_once() {
    let main = plan("Free").replace("acr.bicep", "MODULES/acr.BICEP");
    let again = "module b '../modules/ACR.bicep' = {\n  name: 'b'\n}\n";
    let workspace = Workspace::new(&[
        ("main.bicep", &main),
        ("app/main.bicep", again),
        ("Modules/Acr.bicep", REGISTRY),
    ]);
    assert_eq!(findings(&workspace, &["check"]), ["Modules/Acr.bicep"]);
    let named = ["check", "main.bicep", "app/main.bicep"];
    assert_eq!(findings(&workspace, &named), ["Modules/Acr.bicep"]);
}

/// Names that represent devices, and names whose end Windows drops: as modules, and on the command line.
#[test]
fn reserved_names_end_in_a_message() {
    let names = [
        "nul.bicep",
        "NUL",
        "aux",
        "con.json",
        "com1.bicep",
        "prn",
        "conin$",
        "x*.bicep",
        "a|b.bicep",
    ];
    for name in names {
        let main = format!("{REGISTRY}module m '{name}' = {{\n  name: 'm'\n}}\n");
        let workspace = Workspace::new(&[("main.bicep", &main)]);
        let checked = run(&workspace, &["check"]);
        assert_eq!(checked.code, 2, "{name}: {}", checked.out);
        assert!(
            checked.out.contains("main.bicep:1:14"),
            "{name}: {}",
            checked.out
        );
        let named = run(&workspace, &["check", name]);
        assert_eq!(named.code, 2, "{name}: {}{}", named.out, named.err);
        assert!(
            !named.out.contains("panicked") && !named.err.contains("panicked"),
            "{name}: {}",
            named.err
        );
        let shown = run(&workspace, &["inventory", name]);
        assert_eq!(shown.code, 2, "{name}: {}", shown.err);
        assert_eq!(shown.err.lines().count(), 1, "{name}: {}", shown.err);
    }
}

/// Windows drops dots and blanks at the end of a name.
#[cfg(windows)]
#[test]
fn names_with_dots_and_blanks_at_the_end_are_the_name() {
    let workspace = infra();
    for name in [
        "infra/main.bicep.",
        "infra/main.bicep ",
        "infra./main.bicep",
    ] {
        assert_eq!(
            findings(&workspace, &["check", name]),
            ["infra/acr.bicep"],
            "{name:?}"
        );
    }
}

#[test]
fn paths_beyond_260_characters() {
    let folder = ["a-folder-with-a-long-name-of-forty-marks"; 8].join("/");
    let main = plan("Free").replace("'acr.bicep'", &format!("'{folder}/acr.bicep'"));
    let module = format!("{folder}/acr.bicep");
    let workspace = Workspace::new(&[("main.bicep", &main), (&module, REGISTRY)]);
    assert!(workspace.path(&module).as_os_str().len() > 300);
    assert_eq!(findings(&workspace, &["check"]), [&*module]);
    assert_eq!(findings(&workspace, &["check", &module]), [&*module]);
    let fixed = run(&workspace, &["check", &module, "--fix=Containers"]);
    assert_eq!(fixed.code, 0, "{}{}", fixed.out, fixed.err);
}

/// Bicep takes `/` alone between folders, on Windows too.
#[test]
fn a_backslash_in_the_path_of_a_module_is_refused() {
    let main = plan("Free").replace("acr.bicep", r"modules\\acr.bicep");
    let workspace = Workspace::new(&[("main.bicep", &main), ("modules/acr.bicep", REGISTRY)]);
    let run = run(&workspace, &["check", "main.bicep"]);
    assert_eq!(run.code, 2, "{}", run.out);
    assert!(run.out.contains("holds a `\\`"), "{}", run.out);
}

#[test]
fn line_ends_and_marks_survive_fixes() {
    for (mark, end) in [
        ("", "\r\n"),
        ("\u{feff}", "\r\n"),
        ("\u{feff}", "\n"),
        ("", "\n"),
    ] {
        let text = |text: &str| format!("{mark}{}", text.replace('\n', end));
        let workspace = Workspace::new(&[
            ("main.bicep", &text(&plan("Free"))),
            ("acr.bicep", &text(REGISTRY)),
            ("alone/acr.bicep", &text(REGISTRY)),
        ]);
        let run = run(&workspace, &["check", "--fix=Containers"]);
        assert_eq!(run.code, 0, "{}{}", run.out, run.err);
        let main = fs::read_to_string(workspace.path("main.bicep")).expect("the file");
        assert_eq!(main, text(&plan("Standard")));
    }
}

/// The home folder is `%USERPROFILE%`, and what Bicep restored is in `.bicep` in it: a module by its tag, one by its
/// digest, and a template spec.
#[test]
fn the_cache_of_bicep() {
    let template = r#"{
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  "resources": [{
    "type": "Microsoft.ContainerRegistry/registries",
    "apiVersion": "2023-07-01",
    "name": "acr",
    "location": "westeurope"
  }]
}"#;
    let spec = format!(r#"{{ "properties": {{ "mainTemplate": {template} }} }}"#);
    let id = "00000000-0000-0000-0000-000000000001";
    let digest = "0123456789abcdef".repeat(4);
    let modules = [
        (
            "br:example.azurecr.io/team/acr:v1.0".to_owned(),
            "br/example.azurecr.io/team$acr/v1.0$/main.json".to_owned(),
            template,
        ),
        (
            format!("br:localhost:5000/acr@sha256:{digest}"),
            format!("br/localhost$5000/acr/sha256#{digest}/main.json"),
            template,
        ),
        (
            format!("ts:{id}/images/acr:v1"),
            format!("ts/{id}/images/acr/v1/main.json"),
            &spec,
        ),
    ];
    let mut roots = vec![
        (".bicep", "{}"),
        ("kept", r#"{"cacheRootDirectory": "~\\kept"}"#),
    ];
    if cfg!(windows) {
        roots.push(("caches/here", r#"{"cacheRootDirectory": "caches\\here"}"#));
    }
    for (root, config) in roots {
        for (reference, place, text) in &modules {
            let main = format!("module m '{reference}' = {{\n  name: 'm'\n}}\n");
            let file = format!("{root}/{place}");
            let workspace = Workspace::new(&[
                ("main.bicep", &main),
                ("bicepconfig.json", config),
                (&file, text),
            ]);
            let run = run(&workspace, &["check", "main.bicep", "--format", "json"]);
            assert_eq!(run.code, 1, "{file}: {}{}", run.out, run.err);
            let report: Value = serde_json::from_str(&run.out).expect("JSON");
            assert_eq!(report["findings"][0]["verdict"], "missing", "{file}");
        }
    }
}

/// Links to other folders, removed before what they lead to.
pub(crate) struct Links<'w> {
    workspace: &'w Workspace,
    made: Vec<PathBuf>,
}

/// Makes links, each from a folder to another: junctions on Windows, which need no rights. Wine makes neither junctions nor
/// symbolic links; it shows those that `ln` makes as reparse points, and what removes folders follows them.
pub(crate) fn link<'w>(workspace: &'w Workspace, links: &[(&str, &str)]) -> Links<'w> {
    let mut made = Vec::new();
    for (at, target) in links {
        let path = workspace.path(at);
        #[cfg(unix)]
        std::os::unix::fs::symlink(workspace.path(target), &path).expect("a link");
        #[cfg(windows)]
        if std::env::var_os("UNDER_WINE").is_some() {
            let target = format!("../{target}");
            unix(workspace, &["ln", "-s", &target, at], || path.exists());
        } else {
            junction::create(workspace.path(target), &path).expect("a junction");
        }
        made.push(path);
    }
    Links { workspace, made }
}

impl Drop for Links<'_> {
    fn drop(&mut self) {
        #[cfg(windows)]
        if std::env::var_os("UNDER_WINE").is_some() {
            for path in &self.made {
                let at = path
                    .strip_prefix(self.workspace.root())
                    .expect("a link in it");
                let at = at.to_str().expect("text").replace('\\', "/");
                unix(self.workspace, &["rm", &at], || !path.exists());
            }
        }
        let _ = (self.workspace, &self.made);
    }
}

/// Runs a program of Unix under Wine, which does not wait for its end.
#[cfg(windows)]
fn unix(workspace: &Workspace, arguments: &[&str], done: impl Fn() -> bool) {
    let _ = Command::new(format!(r"Z:\bin\{}", arguments[0]))
        .args(&arguments[1..])
        .current_dir(workspace.root())
        .status();
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed().as_secs() < 60, "{arguments:?}");
        thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn a_folder_reached_by_a_link_is_one_folder() {
    let workspace = Workspace::new(&[("ws/acr.bicep", REGISTRY), ("lib/other.bicep", REGISTRY)]);
    let links = [
        ("ws/one", "lib"),
        ("ws/two", "lib"),
        ("lib/back", "ws"),
        ("ws/loop", "ws"),
    ];
    let _links = link(&workspace, &links);
    let found = findings(&workspace, &["check", "ws"]);
    assert_eq!(found, ["ws/acr.bicep", "ws/one/other.bicep"]);
}

/// A program that reads the file all the time sees the old text or the new one. Where a file that stays open cannot be
/// replaced (Windows' older file systems, and Wine), that is refused, and the file is whole.
#[test]
fn files_are_replaced_whole_while_others_read_them() {
    let workspace = Workspace::new(&[("main.bicep", "")]);
    let path = workspace.path("main.bicep");
    let (old, new) = ("a".repeat(100_000), "b".repeat(100_000));
    disk::replace(&path, old.as_bytes()).expect("it is written");
    let done = AtomicBool::new(false);
    let replace = |text: &String| disk::replace(&path, text.as_bytes());
    let outcomes = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let Ok(text) = fs::read_to_string(&path) else {
                    continue;
                };
                assert!(text == old || text == new, "{} bytes", text.len());
            }
        });
        let texts = (0..50).map(|round| if round % 2 == 0 { &new } else { &old });
        let mut outcomes: Vec<_> = texts.map(replace).collect();
        let held = fs::File::open(&path).expect("a reader that stays");
        outcomes.push(replace(&new));
        drop(held);
        done.store(true, Ordering::Relaxed);
        reader.join().expect("no half of a file was seen");
        outcomes
    });
    let (held, free) = outcomes.split_last().expect("outcomes");
    let refused = free.iter().filter(|outcome| outcome.is_err()).count();
    if cfg!(unix) {
        assert!(held.is_ok() && refused == 0, "{outcomes:?}");
    }
    assert!(refused < free.len(), "{outcomes:?}");
    replace(&old).expect("it is replaced when no program reads it");
    assert_eq!(fs::read_to_string(&path).expect("a file"), old);
    assert_eq!(disk::names_in(workspace.root()), ["main.bicep"]);
}

/// A file that another program holds for itself cannot be replaced: it is reported, and nothing is changed.
#[cfg(windows)]
#[test]
fn a_locked_file_is_reported_and_left_whole() {
    use std::os::windows::fs::OpenOptionsExt;
    const FILE_SHARE_READ: u32 = 1;
    let workspace = infra();
    let path = workspace.path("infra/main.bicep");
    let locked = fs::OpenOptions::new()
        .read(true)
        .share_mode(FILE_SHARE_READ)
        .open(&path)
        .expect("the file");
    let held = run(
        &workspace,
        &["check", "infra/main.bicep", "--fix=Containers"],
    );
    assert_eq!(held.code, 2, "{}{}", held.out, held.err);
    assert!(held.err.contains("infra/main.bicep"), "{}", held.err);
    let output = [
        "check",
        "infra",
        "--format",
        "json",
        "--output",
        "infra/main.bicep",
    ];
    assert_eq!(run(&workspace, &output).code, 2);
    drop(locked);
    assert_eq!(fs::read_to_string(&path).expect("the file"), plan("Free"));
    let folder = workspace.path("infra");
    assert_eq!(disk::names_in(&folder), ["acr.bicep", "deep", "main.bicep"]);
}

/// Ended at any time, a run leaves its report as it was, or whole. On Windows, where a test cannot send Ctrl-C without
/// a console, it is ended the hard way, which may leave the temporary file; `tests/windows/ctrl-c` types it at one.
#[test]
fn an_interrupted_run_leaves_no_partial_file() {
    let texts: Vec<(String, &str)> = (0..20).map(|n| (format!("{n}.bicep"), REGISTRY)).collect();
    let files: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (&**name, *text)).collect();
    let workspace = Workspace::new(&files);
    let report = workspace.path("report.json");
    let start = || {
        Command::new(env!("CARGO_BIN_EXE_preflight"))
            .args(["check", "--format", "json", "--output", "report.json"])
            .current_dir(workspace.root())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts")
    };
    // The second run counts the report of the first among the files.
    start().wait().expect("it ends");
    let started = Instant::now();
    start().wait().expect("it ends");
    let whole = started.elapsed();
    let old = fs::read_to_string(&report).expect("a report");
    let mut replaced = 0;
    // The report is written last: most interruptions are near the end.
    for round in 0..12 {
        let marked = format!("{old} ");
        fs::write(&report, &marked).expect("it is written");
        let mut child = start();
        thread::sleep(whole * (round + 6) / 16);
        interrupt(&mut child);
        child.wait().expect("it ends");
        let text = fs::read_to_string(&report).expect("a report");
        assert!(text == old || text == marked, "{} bytes", text.len());
        replaced += usize::from(text == old);
        if cfg!(unix) {
            let names = disk::names_in(workspace.root());
            let left = names.iter().find(|name| name.ends_with(".tmp"));
            assert_eq!(left, None);
        }
    }
    eprintln!("{replaced} of 12 runs had written their report");
}

fn interrupt(child: &mut std::process::Child) {
    #[cfg(unix)]
    {
        let id = child.id().to_string();
        let _ = Command::new("kill").args(["-INT", &id]).status();
    }
    #[cfg(windows)]
    let _ = child.kill();
}

/// The same tree gives the same bytes from any folder that the command is called in.
#[test]
fn paths_of_reports_do_not_depend_on_the_form_of_the_working_folder() {
    let workspace = infra();
    let check =
        |folder: PathBuf| run_in(&folder, &["check", "infra", "--format", "sarif"], b"").out;
    let first = check(workspace.root().to_path_buf());
    if cfg!(windows) {
        let lower = workspace.root().to_string_lossy().to_lowercase();
        assert_eq!(check(PathBuf::from(lower)), first);
    }
    assert_eq!(check(workspace.root().join("out").join("..")), first);
}
