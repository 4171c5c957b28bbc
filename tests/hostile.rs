//! Files made to break things, small enough for a test: whatever a folder holds, each fault is reported in one line,
//! everything else is checked, and nothing outside the folder is read or changed.
//!
//! The sizes at which these things hurt (200 MB of JSON, 100,000 resources, 10,000 modules in a chain) are measured by
//! hand; what makes them cheap, limits and tables made once, holds here too.
#![cfg(unix)]

mod support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use support::Workspace;

const REGISTRY: &str = "resource acr 'Microsoft.ContainerRegistry/registries@2023-07-01' = {\n  name: 'images'\n  location: 'westeurope'\n}\n";

/// Checks a folder that holds `good.bicep` and what `make` puts there. The finding in `good.bicep` must be reported, the
/// exit code be `code`, and each of `reported` are in a line of the report.
fn check(code: i32, reported: &[&str], make: impl FnOnce(&Path)) -> String {
    let workspace = Workspace::new(&[("ws/good.bicep", REGISTRY)]);
    let folder = workspace.path("ws");
    make(&folder);
    let run = Command::new(env!("CARGO_BIN_EXE_preflight"))
        .args(["check", "."])
        .current_dir(&folder)
        .env("HOME", workspace.root())
        .output()
        .expect("it runs");
    let out = String::from_utf8_lossy(&run.stdout).into_owned();
    let errors = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(code), "{out}\n{errors}");
    for words in ["good.bicep:1:14"].iter().chain(reported) {
        assert!(
            out.lines().any(|line| line.contains(words)),
            "{words:?} in\n{out}"
        );
    }
    out
}

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, bytes).expect("a file");
}

#[test]
fn a_file_beyond_the_limit_is_reported_and_not_read() {
    check(
        2,
        &["huge.json: cannot be read: is too large to be read"],
        |folder| {
            // A hole: it costs no space.
            let file = fs::File::create(folder.join("huge.json")).expect("a file");
            file.set_len(65 << 20).expect("a long file");
        },
    );
}

#[test]
fn brackets_without_end() {
    let deep = 20_000;
    for (open, close) in [
        ("[", "]"),
        ("(", ")"),
        ("{a:", "}"),
        ("!", ""),
        ("a ? b : ", ""),
    ] {
        let whole = format!(
            "{REGISTRY}var x = {}1{}\n",
            open.repeat(deep),
            close.repeat(deep)
        );
        let torn = format!("{REGISTRY}var x = {}\n", open.repeat(deep));
        // Whether something this deep parses is up to the parser; it must be checked and reported either way.
        for text in [whole, torn] {
            let workspace = Workspace::new(&[("main.bicep", &text)]);
            let mut analysis = workspace.analysis();
            workspace.refresh(&mut analysis);
            assert!(!workspace.summary(&analysis).is_empty(), "{open}");
            analysis.problems();
        }
    }
    for value in [
        "[".repeat(deep),
        "{\"a\":".repeat(deep),
        format!("\"[{}true{}]\"", "not(".repeat(deep), ")".repeat(deep)),
    ] {
        let text = format!(
            "{{\"resources\": [{{\"type\": \"Microsoft.ContainerRegistry/registries\", \"name\": \"x\"}}], \"variables\": {{\"v\": {value}}}}}"
        );
        let workspace = Workspace::new(&[("main.json", &text)]);
        let mut analysis = workspace.analysis();
        workspace.refresh(&mut analysis);
        analysis.problems();
    }
    for (name, text) in [
        ("ps-rule.yaml", format!("rule: {}\n", "[".repeat(deep))),
        ("bicepconfig.json", "[".repeat(deep)),
    ] {
        check(2, &[name], |folder| write(folder, name, &text));
    }
}

#[test]
fn many_resources_on_one_line() {
    let resource = r#"{"type":"Microsoft.ContainerRegistry/registries","name":"x"}"#;
    let text = format!(r#"{{"resources":[{}]}}"#, vec![resource; 1_500].join(","));
    let out = check(1, &["1501 findings"], |folder| {
        write(folder, "many.json", &text)
    });
    // Excerpts of the line, not the line again and again.
    assert!(out.len() < 1_500 * 1_000 + 100_000, "{} bytes", out.len());
}

/// Short words without end: the tree of eleven million of them would take gigabytes.
#[test]
fn a_text_of_too_many_parts_is_reported_and_not_parsed() {
    let reported = [
        "long.json:1:1",
        "tall.bicep:1:1",
        "too long or too deeply nested",
    ];
    check(2, &reported, |folder| {
        let resource = r#"{"type":"Microsoft.ContainerRegistry/registries","name":"x"}"#;
        let text = format!(r#"{{"resources":[{resource},{}]}}"#, "1,".repeat(11 << 20));
        write(folder, "long.json", text);
        let text = format!("{}var s = [\n{}]\n", REGISTRY, "1\n".repeat(6 << 20));
        write(folder, "tall.bicep", text);
    });
}

#[test]
fn a_chain_of_modules_beyond_the_limit_is_reported() {
    let reported = ["m100.bicep:1:10", "too large to follow beyond here"];
    check(2, &reported, |folder| {
        for number in 0..300 {
            let text = match number {
                299 => REGISTRY.to_owned(),
                _ => format!("module n 'm{}.bicep' = {{\n  name: 'n'\n}}\n", number + 1),
            };
            write(folder, &format!("m{number}.bicep"), text);
        }
    });
}

#[test]
fn cycles_of_every_length() {
    for length in [1, 2, 3, 50] {
        check(
            2,
            &["this module leads back to a file that uses it"],
            |folder| {
                for number in 0..length {
                    let next = (number + 1) % length;
                    let text =
                        format!("module n 'm{next}.bicep' = {{\n  name: 'n'\n}}\n{REGISTRY}");
                    write(folder, &format!("m{number}.bicep"), text);
                }
            },
        );
    }
}

#[test]
fn what_is_no_file_is_not_read() {
    check(1, &["1 finding"], |folder| {
        let made = Command::new("mkfifo")
            .arg(folder.join("pipe.bicep"))
            .status();
        assert!(made.expect("mkfifo runs").success());
        for (link, to) in [
            ("zero.bicep", "/dev/zero"),
            ("null.json", "/dev/null"),
            ("tty.bicep", "/dev/tty"),
            ("nowhere.bicep", "nowhere"),
            ("self.bicep", "self.bicep"),
            ("loop", "."),
        ] {
            symlink(to, folder.join(link)).expect("a link");
        }
        fs::create_dir(folder.join("folder.bicep")).expect("a folder");
    });
}

#[test]
fn bytes_of_every_kind() {
    let registry = |name: &str| REGISTRY.replace("images", name);
    let utf16 = |text: &str, big: bool| -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units
            .flat_map(|unit: u16| {
                if big {
                    unit.to_be_bytes()
                } else {
                    unit.to_le_bytes()
                }
            })
            .collect()
    };
    let reported = [
        "latin.bicep:1:14",
        "nul.bicep:1:1",
        "little.bicep:1:14",
        "big.bicep:1:14",
        "returns.bicep:1:14",
        "mixed.bicep:2:14",
        "line.bicep:1:14",
        "7 findings",
    ];
    check(2, &reported, |folder| {
        write(
            folder,
            "latin.bicep",
            [registry("a").as_bytes(), b"// caf\xe9\n"].concat(),
        );
        write(folder, "odd.json", b"\xff\xfe{\0\"");
        write(
            folder,
            "nul.bicep",
            [&[0; 100], registry("b").as_bytes()].concat(),
        );
        write(folder, "little.bicep", utf16(&registry("c"), false));
        write(folder, "big.bicep", utf16(&registry("d"), true));
        write(folder, "returns.bicep", registry("e").replace('\n', "\r"));
        write(
            folder,
            "mixed.bicep",
            format!("\r\n{}", registry("f").replacen('\n', "\r", 1)),
        );
        write(folder, "new\nline.bicep", registry("g"));
        write(folder, "empty.bicep", "");
        write(folder, "mark.json", b"\xef\xbb\xbf");
        fs::write(
            folder.join(OsStr::from_bytes(b"caf\xe9.bicep")),
            "var x = 1\n",
        )
        .expect("a file");
    });
}

#[test]
fn what_vanishes_or_changes_is_read_again_or_reported() {
    let workspace = Workspace::new(&[
        ("main.bicep", "module acr 'acr.bicep' = {\n  name: 'a'\n}\n"),
        ("acr.bicep", REGISTRY),
    ]);
    // Between the scan and the reading.
    let mut analysis = workspace.analysis();
    fs::remove_file(workspace.path("acr.bicep")).expect("gone");
    workspace.refresh(&mut analysis);
    assert_eq!(workspace.summary(&analysis), [""; 0]);
    assert!(
        !analysis.problems().is_empty(),
        "a missing module is reported"
    );
    workspace.write("acr.bicep", REGISTRY);
    analysis.disk_changed(&[workspace.path("acr.bicep")]);
    workspace.refresh(&mut analysis);
    assert_eq!(workspace.summary(&analysis), ["acr.bicep warning missing"]);
    assert_eq!(analysis.problems(), []);
}

/// A list outside the folder, which the best fix would be an entry of.
const LIST: &str = "targetScope = 'subscription'\nvar plans = ['KeyVaults']\n@batchSize(1)\nresource plan 'Microsoft.Security/pricings@2024-01-01' = [for name in plans: {\n  name: name\n  properties: { pricingTier: 'Standard' }\n}]\n";

#[test]
fn a_fix_never_leaves_the_folder() {
    for linked in [false, true] {
        let main = match linked {
            false => {
                "module plans '../shared/plans.bicep' = {\n  name: 'plans'\n  scope: subscription()\n}\n"
            }
            true => {
                "module plans 'link/plans.bicep' = {\n  name: 'plans'\n  scope: subscription()\n}\n"
            }
        };
        let workspace = Workspace::new(&[
            ("ws/main.bicep", &format!("{main}{REGISTRY}")),
            ("shared/plans.bicep", LIST),
        ]);
        let folder = workspace.path("ws");
        if linked {
            symlink("../shared", folder.join("link")).expect("a link");
        }
        let run = Command::new(env!("CARGO_BIN_EXE_preflight"))
            .args(["check", ".", "--fix", "--yes"])
            .current_dir(&folder)
            .env("HOME", workspace.root())
            .output()
            .expect("it runs");
        let words = String::from_utf8_lossy(&run.stderr).into_owned();
        let list = fs::read_to_string(workspace.path("shared/plans.bicep")).expect("the list");
        assert_eq!(list, LIST, "{words}");
        assert_eq!(
            run.status.code(),
            Some(0),
            "fixed inside the folder: {words}"
        );
        let beside: Vec<_> = fs::read_dir(workspace.path("shared"))
            .expect("a folder")
            .collect();
        assert_eq!(beside.len(), 1, "nothing was made beside it");
    }
}

/// The real file is edited, once, though the module is named by way of the link.
#[test]
fn a_fix_goes_through_a_link_inside_the_folder() {
    let main = "module plans 'link/plans.bicep' = {\n  name: 'plans'\n  scope: subscription()\n}\n";
    let workspace = Workspace::new(&[
        ("ws/main.bicep", &format!("{main}{REGISTRY}")),
        ("ws/lib/plans.bicep", LIST),
    ]);
    let folder = workspace.path("ws");
    symlink("lib", folder.join("link")).expect("a link");
    let run = |arguments: &[&str]| {
        let run = Command::new(env!("CARGO_BIN_EXE_preflight"))
            .args(arguments)
            .current_dir(&folder)
            .env("HOME", workspace.root())
            .output()
            .expect("it runs");
        let text = [run.stdout, run.stderr].concat();
        (
            run.status.code(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    };
    assert_eq!(run(&["check", "."]).0, Some(1));
    let (code, text) = run(&["check", ".", "--fix", "--yes"]);
    assert_eq!(code, Some(0), "{text}");
    let list = fs::read_to_string(folder.join("lib/plans.bicep")).expect("the list");
    let want = LIST.replace("['KeyVaults']", "['KeyVaults', 'Containers']");
    let flat = |text: &str| text.split_whitespace().collect::<String>().replace(',', "");
    assert_eq!(flat(&list), flat(&want), "{list}");
    let link = fs::symlink_metadata(folder.join("link")).expect("the link");
    assert!(link.is_symlink());
    assert_eq!(run(&["check", "."]).0, Some(0));
}

/// What the walk finds by way of a link that leads above the folder, or what no file of the folder names, is not read.
#[test]
fn nothing_outside_is_read_unless_it_is_named() {
    let secret = "outside/secret.bicep";
    let workspace = Workspace::new(&[
        ("ws/good.bicep", REGISTRY),
        (secret, REGISTRY),
        ("outside/ps-rule.yaml", "rule: [\n"),
        ("ps-rule.yaml", "rule: [\n"),
        ("outside/bicepconfig.json", "[\n"),
    ]);
    symlink("..", workspace.path("ws/up")).expect("a link");
    let mut analysis = preflight::analysis::Analysis::new(preflight::analysis::Options::default());
    let folder = workspace.path("ws");
    analysis.set_folders(std::slice::from_ref(&folder));
    analysis.install(preflight::analysis::scan(
        &folder,
        &Default::default(),
        &Default::default(),
        &|_, _| {},
    ));
    workspace.refresh(&mut analysis);
    assert_eq!(
        workspace.summary(&analysis),
        ["ws/good.bicep warning missing"]
    );
    let read: Vec<_> = analysis
        .files_on_disk()
        .map(|path| workspace.relative(path))
        .collect();
    assert_eq!(read, ["ws/good.bicep"]);
    // The rule file above is in no repository with the folder, so it does not count; the link is reported.
    let reported: Vec<_> = analysis
        .problems()
        .into_iter()
        .map(|problem| workspace.relative(&problem.path))
        .collect();
    assert_eq!(reported, ["ws/up"]);
}
