//! Runs the literate cases of `tests/rules/*.md`: each names what is checked, shows the files, the findings, and
//! what a fix leaves. Every fix of every finding is also held to what all fixes promise.
//!
//! A case is a heading of level two. Fenced blocks in it: a file (its language, its path, and optionally `crlf`, `cr`,
//! `no-newline`), `expect` (one finding a line: `path:line:column severity verdict "part of the message" …`, from 1,
//! columns in UTF-16 units), `offers` (the ids of the fixes of all findings in order, the preferred one with a star, each
//! followed by "parts of its title" where the title matters), `options` (`no-create`: files cannot be created;
//! `open PATH`), and `fix ID`, behind which file blocks are what the fix leaves, all that it touches.

#[path = "support/fixes.rs"]
mod fixes;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use preflight::analysis::{Analysis, Cancel, Options, scan};
use preflight::rules::fix::Fix;
use preflight::workspace::config::{Coverage, Overrides};
use support::Workspace;

#[derive(Default)]
struct Case {
    name: String,
    files: Vec<(String, String)>,
    expect: Option<Vec<String>>,
    offers: Option<Vec<String>>,
    create: bool,
    open: Vec<String>,
    fixes: Vec<(String, BTreeMap<String, String>)>,
}

fn read(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut block: Option<(String, String)> = None;
    for line in text.lines() {
        match &mut block {
            Some((info, body)) if line == "```" => {
                let case = cases.last_mut().expect("a heading before the first block");
                add(case, info, body);
                block = None;
            }
            Some((_, body)) => {
                body.push_str(line);
                body.push('\n');
            }
            None => {
                if let Some(info) = line.strip_prefix("```") {
                    block = Some((info.to_owned(), String::new()));
                } else if let Some(name) = line.strip_prefix("## ") {
                    cases.push(Case {
                        name: name.to_owned(),
                        create: true,
                        ..Case::default()
                    });
                }
            }
        }
    }
    assert!(block.is_none(), "a block is not closed");
    cases
}

fn add(case: &mut Case, info: &str, body: &str) {
    let mut words = info.split_whitespace();
    let lines = || body.lines().map(str::to_owned).collect();
    match words.next() {
        Some("expect") => case.expect = Some(lines()),
        Some("offers") => case.offers = Some(lines()),
        Some("options") => {
            case.create = !body.contains("no-create");
            case.open = body
                .lines()
                .filter_map(|line| line.strip_prefix("open "))
                .map(str::to_owned)
                .collect();
        }
        Some("fix") => {
            let id = words.next().expect("the id of the fix");
            case.fixes.push((id.to_owned(), BTreeMap::new()));
        }
        Some(_) => {
            let path = words.next().expect("the path of a file").to_owned();
            let mut text = body.to_owned();
            for word in words {
                match word {
                    "crlf" => text = text.replace('\n', "\r\n"),
                    "cr" => text = text.replace('\n', "\r"),
                    "no-newline" => text.truncate(text.trim_end_matches(['\n', '\r']).len()),
                    other => panic!("{}: unknown word {other}", case.name),
                }
            }
            match case.fixes.last_mut() {
                Some((_, after)) => drop(after.insert(path, text)),
                None => case.files.push((path, text)),
            }
        }
        None => panic!("{}: a block without language", case.name),
    }
}

/// Whether each line is the head of what is there, followed by quoted parts of its text.
fn all_fit<T: AsRef<str>>(found: &[(String, T)], lines: &[String]) -> bool {
    let fits = |(head, text): &(String, T), line: &String| {
        let mut parts = line.split('"');
        parts.next().map(str::trim) == Some(head)
            && parts.all(|part| part.trim().is_empty() || text.as_ref().contains(part))
    };
    found.len() == lines.len() && found.iter().zip(lines).all(|(one, line)| fits(one, line))
}

/// What is wrong with a case.
fn run(case: &Case) -> Vec<String> {
    let files: Vec<(&str, &str)> = case.files.iter().map(|(p, t)| (&**p, &**t)).collect();
    let workspace = Workspace::new(&files);
    let mut analysis = workspace.analysis();
    for (path, text) in case.files.iter().filter(|(p, _)| case.open.contains(p)) {
        workspace.open(&mut analysis, path, text);
    }
    fixes::settle(&mut analysis);
    let mut wrong = Vec::new();
    let mut found = Vec::new();
    for report in analysis.reports() {
        for shown in report.diagnostics.iter().filter(|d| d.suppressed.is_none()) {
            found.push((report.path.to_path_buf(), shown.clone()));
        }
    }
    let said: Vec<(String, String)> = found
        .iter()
        .map(|(path, shown)| {
            let start = shown.location.start;
            let place = format!(
                "{}:{}:{}",
                workspace.relative(path),
                start.line + 1,
                start.utf16 + 1
            );
            let severity = format!("{:?}", shown.severity).to_lowercase();
            let verdict = shown.verdict.name().to_owned();
            let head = format!("{place} {severity} {}", verdict.to_lowercase());
            (head, shown.message.clone())
        })
        .collect();
    let expect = case
        .expect
        .as_ref()
        .expect("every case says what it expects");
    if !all_fit(&said, expect) {
        let lines: Vec<String> = said.iter().map(|(h, m)| format!("{h} \"{m}\"")).collect();
        wrong.push(format!(
            "expected\n  {}\nfound\n  {}",
            expect.join("\n  "),
            lines.join("\n  ")
        ));
    }
    let mut offered: Vec<(usize, Fix)> = Vec::new();
    for (index, (path, shown)) in found.iter().enumerate() {
        for (at, fix) in analysis.fixes(path, shown.location.span, case.create) {
            // A span may touch several findings: each gives its own.
            let report = analysis.report(path).expect("the report of a finding");
            if report.diagnostics[at] == *shown {
                offered.push((index, fix));
            }
        }
    }
    if let Some(offers) = &case.offers {
        let star = |fix: &Fix| if fix.preferred { "*" } else { "" };
        let offered = offered.iter();
        let offered: Vec<(String, &str)> = offered
            .map(|(_, fix)| (format!("{}{}", fix.id, star(fix)), &*fix.title))
            .collect();
        if !all_fit(&offered, offers) {
            let lines = offered
                .iter()
                .map(|(id, title)| format!("{id} \"{title}\""));
            let lines: Vec<String> = lines.collect();
            wrong.push(format!("offers\n  {}", lines.join("\n  ")));
        }
    }
    for (id, expected) in &case.fixes {
        let Some((_, fix)) = offered.iter().find(|(_, fix)| fix.id == *id) else {
            let ids: Vec<&str> = offered.iter().map(|(_, fix)| &*fix.id).collect();
            wrong.push(format!("no fix {id}, only {ids:?}"));
            continue;
        };
        let left: BTreeMap<String, String> = fixes::after(&analysis, fix)
            .into_iter()
            .map(|(path, text)| (workspace.relative(&path), text))
            .collect();
        if left != *expected {
            let show = |files: &BTreeMap<String, String>| {
                let each = files
                    .iter()
                    .map(|(path, text)| format!("--- {path}\n{}", text.replace('\r', "␍")));
                each.collect::<Vec<_>>().join("\n")
            };
            wrong.push(format!(
                "fix {id} should leave\n{}\nbut leaves\n{}",
                show(expected),
                show(&left)
            ));
        }
    }
    for (index, fix) in offered.iter().filter(|(_, fix)| !fix.edits.is_empty()) {
        let corrected = fixes::key(&analysis, &found[*index].1);
        if let Err(reported) = fixes::check(&mut analysis, &corrected, fix) {
            wrong.push(format!("fix {} ({}): {reported}", fix.id, fix.title));
        }
    }
    wrong
}

fn topics() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules");
    let entries = std::fs::read_dir(folder).expect("the folder of cases");
    let mut paths: Vec<PathBuf> = entries.map(|e| e.expect("an entry").path()).collect();
    paths.sort();
    paths
}

#[test]
fn the_cases_hold() {
    let only = std::env::var("CASE").unwrap_or_default();
    let (mut cases, mut with_fixes) = (0, 0);
    let mut wrong = Vec::new();
    for path in topics() {
        let text = std::fs::read_to_string(&path).expect("a topic");
        let topic = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        for case in read(&text) {
            if !format!("{topic}: {}", case.name).contains(&only) {
                continue;
            }
            cases += 1;
            with_fixes += case.fixes.len();
            let reported = run(&case);
            wrong.extend(
                reported
                    .into_iter()
                    .map(|what| format!("{topic}: {}\n{what}\n", case.name)),
            );
        }
    }
    println!("{cases} cases, {with_fixes} texts after a fix");
    assert!(
        wrong.is_empty(),
        "{} of {cases}\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// An entry point and its parameter file.
type Entry = (PathBuf, Option<PathBuf>);

/// What is found with coverage `deployment`, one line each, and the entry points: in a folder, or of these by name.
fn found(root: &Path, entries: Option<&[Entry]>) -> (BTreeSet<String>, Vec<Entry>) {
    let options = Options {
        overrides: Overrides {
            coverage: Some(Coverage::Deployment),
            ..Overrides::default()
        },
        cache_root: Some(root.join(".cache-of-bicep")),
        ..Options::default()
    };
    let mut analysis = Analysis::new(options.clone());
    match entries {
        Some(entries) => {
            for (entry, parameters) in entries {
                analysis.add_entry(entry, parameters.as_deref());
            }
        }
        None => {
            analysis.set_folders(&[root.to_owned()]);
            analysis.install(scan(root, &options, &Cancel::default(), &|_, _| {}));
        }
    }
    fixes::settle(&mut analysis);
    let reports = analysis.reports();
    let each = reports.iter().flat_map(|report| {
        let shown = report.diagnostics.iter();
        shown.map(|shown| {
            let (path, start) = (report.path.display(), shown.location.start);
            format!("{path}:{} {:?}", start.line + 1, shown.verdict)
        })
    });
    (each.collect(), analysis.entry_points())
}

/// Where the folder and its entry points by name differ.
fn differences(root: &Path) -> Vec<String> {
    let (folder, entries) = found(root, None);
    let (named, again) = found(root, Some(&entries));
    let mut wrong = Vec::new();
    if entries != again {
        wrong.push(format!("entry points {entries:?}, by name {again:?}"));
    }
    wrong.extend(
        folder
            .difference(&named)
            .map(|it| format!("not by name: {it}")),
    );
    wrong.extend(
        named
            .difference(&folder)
            .map(|it| format!("by name alone: {it}")),
    );
    // One at a time: the same places, with a verdict that the folder has or that is not as bad.
    let places = |found: &BTreeSet<String>| -> BTreeSet<String> {
        let place = |it: &String| it.split(' ').next().unwrap_or_default().to_owned();
        found.iter().map(place).collect()
    };
    let mut each = BTreeSet::new();
    for entry in entries {
        each.extend(places(&found(root, Some(&[entry])).0));
    }
    if each != places(&folder) {
        wrong.push(format!("one at a time {each:?}, the folder {folder:?}"));
    }
    wrong
}

/// A folder is found to have what its entry points have, each with its parameter files, and the reverse.
#[test]
fn a_folder_and_its_entry_points_agree() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut wrong = Vec::new();
    for folder in [
        "examples/billing",
        "examples/landing-zone",
        "examples/webshop",
        "editors/workspace",
    ] {
        wrong.extend(differences(&tests.join(folder)));
    }
    for path in topics() {
        let text = std::fs::read_to_string(&path).expect("a topic");
        for case in read(&text).iter().filter(|case| case.open.is_empty()) {
            let files: Vec<(&str, &str)> = case.files.iter().map(|(p, t)| (&**p, &**t)).collect();
            let workspace = Workspace::new(&files);
            let differ = differences(workspace.root());
            if !differ.is_empty() {
                wrong.push(format!("{}: {}: {differ:#?}", path.display(), case.name));
            }
            // A file that no other names, and that no parameter file is for, is an entry point.
            let named = |path: &str| {
                let stem = path.rsplit('/').next().unwrap_or(path).split('.').next();
                files
                    .iter()
                    .any(|(p, t)| *p != path && t.contains(stem.unwrap_or_default()))
            };
            let json = files
                .iter()
                .any(|(p, t)| p.ends_with(".json") && !t.contains("$schema"));
            let (_, entries) = found(workspace.root(), None);
            for (file, _) in files
                .iter()
                .filter(|(p, _)| p.ends_with(".bicep") && !named(p))
            {
                let path = workspace.path(file);
                if !json
                    && !entries.iter().any(|(entry, _)| *entry == path)
                    && !found(workspace.root(), Some(&[(path, None)])).0.is_empty()
                {
                    wrong.push(format!(
                        "{}: {}: {file} is no entry point",
                        text.len(),
                        case.name
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The same over folders of real templates.
#[test]
#[ignore = "reads the corpus"]
fn corpus_folders_and_their_entry_points_agree() {
    let mut wrong = Vec::new();
    for folder in [
        "aks-construction",
        "bicep-samples/user_submitted",
        "docs-samples",
    ] {
        wrong.extend(differences(&support::corpus().join(folder)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
