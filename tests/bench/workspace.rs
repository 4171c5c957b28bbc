//! What a whole workspace costs: checking it cold, a keystroke in it as it grows, memory per file.
//!
//! `cargo bench --bench workspace` prints a table. The yardstick of the first part is `rg -l` for the type names over
//! the same files, run in the same minute; the corpus of real templates is used where it is there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use preflight::analysis::{Analysis, Cancel, Options, scan};
use preflight::text::{Encoding, Position, Range, TextChange};

fn main() {
    // `cargo bench --bench workspace -- corpus` runs one part; cargo adds `--bench` by itself.
    let part = std::env::args().skip(1).find(|arg| !arg.starts_with("--"));
    let wanted = |name: &str| part.as_deref().is_none_or(|part| part == name);
    println!("| what | median | beside it |\n|---|---|---|");
    if let Some(corpus) = corpus().filter(|_| wanted("corpus")) {
        whole_workspace(&corpus);
    }
    if wanted("template") {
        large_template();
    }
    if wanted("module") {
        module_used_by(200);
    }
    if wanted("costs") {
        many_files_with_fixes();
        modules_used_twice();
        registries_and_plans();
        below_a_comment();
    }
    if wanted("growth") {
        for files in [100, 1_000, 10_000, 50_000] {
            growth(files);
        }
    }
}

fn corpus() -> Option<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/corpus")
        .canonicalize()
        .ok()
}

/// The median of several runs.
fn median(times: usize, mut run: impl FnMut() -> Duration) -> Duration {
    let mut all: Vec<_> = (0..times).map(|_| run()).collect();
    all.sort();
    all[all.len() / 2]
}

fn worker(root: &Path) -> Analysis {
    let options = Options {
        cache_root: Some(root.join("no-cache")),
        ..Options::default()
    };
    let mut analysis = Analysis::new(options.clone());
    analysis.set_folders(&[root.to_path_buf()]);
    analysis.install(scan(root, &options, &Cancel::default(), &|_, _| {}));
    settle(&mut analysis);
    analysis
}

fn settle(analysis: &mut Analysis) {
    loop {
        analysis.refresh(&Cancel::default());
        if !analysis.is_pending() {
            return;
        }
    }
}

/// `check` of the whole corpus beside ripgrep.
fn whole_workspace(corpus: &Path) {
    let check = env!("CARGO_BIN_EXE_preflight");
    let ours = median(9, || {
        let start = Instant::now();
        let status = Command::new(check)
            .arg("check")
            .arg(corpus)
            .args(["--format", "json"])
            .output();
        assert!(status.is_ok(), "check runs");
        start.elapsed()
    });
    let theirs = median(9, || {
        let start = Instant::now();
        let pattern = "Microsoft.ContainerRegistry/registries|Microsoft.Security/pricings";
        let status = Command::new("rg")
            .args(["-l", "-i", pattern])
            .arg(corpus)
            .output();
        if status.is_ok() {
            start.elapsed()
        } else {
            Duration::ZERO
        }
    });
    let mut work = String::new();
    let inside = median(9, || {
        let start = Instant::now();
        let analysis = worker(corpus);
        let took = start.elapsed();
        let (ran, shown) = (analysis.counters(), analysis.summary());
        work = format!(
            "{} files, {} parsed, {} evaluated",
            shown.files, ran.parsed, ran.evaluated
        );
        took
    });
    let ratio = if theirs.is_zero() {
        f64::NAN
    } else {
        ours.as_secs_f64() / theirs.as_secs_f64()
    };
    println!("| `check` of the corpus | {ours:.1?} | `rg -l` {theirs:.1?}: {ratio:.1} times |");
    println!("| the same inside one process | {inside:.1?} | {work} |");
}

const MODULE: &str = "param name string

// a registry that many use
resource acr 'Microsoft.ContainerRegistry/registries@2023-07-01' = {
  name: 'images${name}'
  location: 'westeurope'
}
";

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    std::fs::write(path, text).expect("a file");
}

/// Types one character after another, so that no text was seen before; the median and the 99th percentile of one
/// keystroke until all is settled.
fn keystrokes(
    analysis: &mut Analysis,
    path: &Path,
    line: u32,
    character: u32,
    times: usize,
) -> (Duration, Duration) {
    let mut all = Vec::new();
    for n in 0..times {
        let at = Position {
            line,
            character: character + n as u32,
        };
        let letter = char::from(b'a' + (n * 7 % 26) as u8);
        let change = TextChange {
            range: Some(Range { start: at, end: at }),
            text: letter.into(),
        };
        let start = Instant::now();
        analysis.edit(path, n as i32 + 2, &[change], Encoding::Utf16);
        settle(analysis);
        all.push(start.elapsed());
    }
    all.sort();
    (all[all.len() / 2], all[all.len() * 99 / 100])
}

/// A keystroke in a module that many files use: every verdict is made anew.
fn module_used_by(users: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("its path");
    write(&root, "acr.bicep", MODULE);
    for n in 0..users {
        let text = format!(
            "module acr '../acr.bicep' = {{\n  name: 'acr'\n  params: {{ name: 'n{n}' }}\n}}\n"
        );
        write(&root, &format!("d{n}/main.bicep"), &text);
    }
    let mut analysis = worker(&root);
    analysis.open(&root.join("acr.bicep"), 1, MODULE);
    settle(&mut analysis);
    let before = analysis.counters().evaluated;
    // In the name of the registry.
    let line = MODULE
        .lines()
        .position(|line| line.contains("images"))
        .expect("the name") as u32;
    let (mid, worst) = keystrokes(&mut analysis, &root.join("acr.bicep"), line, 9, 100);
    let each = (analysis.counters().evaluated - before) / 100;
    println!(
        "| keystroke in a module that {users} files use | {mid:.3?} | p99 {worst:.3?}, {each} evaluated |"
    );
}

/// A compiled template of 3 MB: sixty nested deployments of twenty resources each, one of them a registry.
fn large_text() -> String {
    let filler = "the quick brown fox jumps over the lazy dog; ".repeat(4);
    let mut text = String::from(
        "{\n  \"$schema\": \"https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#\",\n  \"contentVersion\": \"1.0.0.0\",\n  \"resources\": [\n",
    );
    for deployment in 0..60 {
        let comma = if deployment == 0 { "" } else { ",\n" };
        text += &format!(
            "{comma}    {{\n      \"type\": \"Microsoft.Resources/deployments\",\n      \"apiVersion\": \"2022-09-01\",\n      \"name\": \"d{deployment}\",\n      \"properties\": {{\n        \"expressionEvaluationOptions\": {{ \"scope\": \"inner\" }},\n        \"mode\": \"Incremental\",\n        \"template\": {{\n          \"$schema\": \"https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#\",\n          \"contentVersion\": \"1.0.0.0\",\n          \"resources\": [\n"
        );
        for resource in 0..50 {
            let comma = if resource == 0 { "" } else { ",\n" };
            let kind = match (deployment, resource) {
                (30, 10) => "Microsoft.ContainerRegistry/registries",
                _ => "Microsoft.Storage/storageAccounts",
            };
            text += &format!(
                "{comma}            {{\n              \"type\": \"{kind}\",\n              \"apiVersion\": \"2023-07-01\",\n              \"name\": \"[format('n{{0}}', parameters('p{resource}'))]\",\n              \"location\": \"westeurope\",\n              \"properties\": {{\n                \"a\": \"{filler}\",\n                \"b\": \"{filler}\",\n                \"c\": [1, 2, {{ \"d\": \"[if(equals(parameters('x'), 'y'), 'z', concat('{deployment}', '{resource}'))]\" }}],\n                \"e\": \"{filler}\"\n              }}\n            }}"
            );
        }
        text += "\n          ]\n        }\n      }\n    }";
    }
    text + "\n  ]\n}\n"
}

/// A keystroke in a compiled template of 3 MB, in a resource that does not matter and in the registry, beside what
/// the parser alone takes for the same edits.
fn large_template() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("its path");
    let text = large_text();
    write(&root, "main.json", &text);
    let path = root.join("main.json");
    for (what, needle) in [
        ("a storage account", "\"d29\""),
        ("the registry", "ContainerRegistry/registries"),
    ] {
        let mut analysis = worker(&root);
        analysis.open(&path, 1, &text);
        settle(&mut analysis);
        let at = text.find(needle).expect("it is there");
        let line = text[..at].matches('\n').count() as u32;
        // In the location, a few lines below.
        let below = text[at..].find("\"westeurope").expect("a location") + at;
        let line_of = text[..below].matches('\n').count() as u32;
        let column = (below - text[..below].rfind('\n').expect("a line") - 1) as u32;
        assert!(line_of > line);
        let (mid, worst) = keystrokes(&mut analysis, &path, line_of, column + 3, 100);
        let bare = bare_reparse(&text, below + 3, 100);
        let size = text.len() / 1000;
        println!(
            "| keystroke in {what} of a template of {size} kB | {mid:.3?} | p99 {worst:.3?}; bare reparse {bare:.3?} |"
        );
    }
}

/// The median of what the parser alone takes for the same keystrokes.
fn bare_reparse(text: &str, at: usize, times: usize) -> Duration {
    let mut rope = ropey::Rope::from_str(text);
    let mut tree = preflight::syntax::parse(preflight::syntax::json(), &rope, None);
    let mut n = 0;
    median(times, || {
        let letter = char::from(b'a' + (n * 7 % 26) as u8);
        let char_at = rope.byte_to_char(at + n);
        let start = Instant::now();
        rope.insert_char(char_at, letter);
        let old = preflight::text::Span::of(at + n..at + n);
        preflight::syntax::edit(&mut tree, &preflight::text::Edit { old, new_len: 1 });
        tree = preflight::syntax::parse(preflight::syntax::json(), &rope, Some(&tree));
        n += 1;
        start.elapsed()
    })
}

/// A registry, named by a number.
fn registry(n: usize) -> String {
    format!(
        "resource acr{n} 'Microsoft.ContainerRegistry/registries@2023-07-01' = {{\n  name: 'images{n}'\n  location: 'westeurope'\n}}\n"
    )
}

/// Runs `check` over files, once.
fn time_check(what: &str, format: &str, files: &[(String, String)]) {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("its path");
    for (name, text) in files {
        write(&root, name, text);
    }
    let start = Instant::now();
    let run = Command::new(env!("CARGO_BIN_EXE_preflight"))
        .args(["check", ".", "--format", format])
        .current_dir(&root)
        .env("HOME", &root)
        .output()
        .expect("check runs");
    let (took, code) = (start.elapsed(), run.status.code());
    println!("| `check` of {what}, {format} | {took:.2?} | exit code {code:?} |");
}

/// Reports show the fixes of each finding: their cost is to grow as the number of files does.
fn many_files_with_fixes() {
    for count in [300, 3_000] {
        let files = (0..count).map(|n| (format!("d{}/f{n}.bicep", n / 100), registry(n)));
        let files: Vec<_> = files.collect();
        for format in ["text", "json", "sarif"] {
            time_check(
                &format!("{count} files with a registry each"),
                format,
                &files,
            );
        }
    }
}

/// Each module is used twice by the one above it: 2ⁿ deployments of the last.
fn modules_used_twice() {
    let depth = 20;
    let text = |n: usize| match n {
        n if n == depth => registry(n),
        n => ["a", "b"]
            .map(|name| {
                format!(
                    "module {name} 'm{}.bicep' = {{\n  name: '{name}'\n}}\n",
                    n + 1
                )
            })
            .concat(),
    };
    let files: Vec<_> = (0..=depth)
        .map(|n| (format!("m{n}.bicep"), text(n)))
        .collect();
    let what = format!("modules used twice each, {depth} deep");
    time_check(&what, "json", &files);
}

fn registries_and_plans() {
    let plan = |n: usize| {
        format!(
            "targetScope = 'subscription'\nresource plan 'Microsoft.Security/pricings@2024-01-01' = {{\n  name: 'Containers'\n  properties: {{ pricingTier: '{}' }}\n}}\n",
            if n.is_multiple_of(2) {
                "Standard"
            } else {
                "Free"
            }
        )
    };
    let files = (0..2_000).flat_map(|n| {
        let folder = format!("d{}", n / 100);
        [
            (format!("{folder}/acr{n}.bicep"), registry(n)),
            (format!("{folder}/plan{n}.bicep"), plan(n)),
        ]
    });
    let files: Vec<_> = files.collect();
    time_check("2,000 registries and 2,000 plans", "json", &files);
}

/// A keystroke in a registry below a long block of comment lines.
fn below_a_comment() {
    for lines in [1_600, 16_000] {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("its path");
        let text = "// a line of a long comment\n".repeat(lines) + &registry(0);
        write(&root, "main.bicep", &text);
        let mut analysis = worker(&root);
        let path = root.join("main.bicep");
        analysis.open(&path, 1, &text);
        settle(&mut analysis);
        let (mid, worst) = keystrokes(&mut analysis, &path, lines as u32 + 1, 9, 100);
        println!("| keystroke below {lines} lines of comment | {mid:.3?} | p99 {worst:.3?} |");
    }
}

/// The same edit in workspaces of more and more files, one in ten with a registry.
fn growth(files: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().canonicalize().expect("its path");
    for n in 0..files {
        let text = if n % 10 == 0 {
            format!(
                "// file {n}\nresource acr 'Microsoft.ContainerRegistry/registries@2023-07-01' = {{\n  name: 'images{n}'\n  location: 'westeurope'\n}}\n"
            )
        } else {
            format!(
                "// file {n}\nresource store 'Microsoft.Storage/storageAccounts@2023-01-01' = {{\n  name: 'store{n}'\n  location: 'westeurope'\n}}\n"
            )
        };
        write(&root, &format!("d{}/f{n}.bicep", n / 100), &text);
    }
    let start = Instant::now();
    let mut analysis = worker(&root);
    let cold = start.elapsed();
    let memory = resident_kib();
    let path = root.join("d0/f0.bicep");
    analysis.open(&path, 1, &std::fs::read_to_string(&path).expect("the file"));
    settle(&mut analysis);
    let (mid, worst) = keystrokes(&mut analysis, &path, 2, 10, 200);
    println!(
        "| keystroke among {files} files | {mid:.3?} | p99 {worst:.3?}; checked cold in {cold:.1?}; {memory} KiB resident |"
    );
}

/// Resident memory of this process, KiB; 0 where it is not known.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(0)
}
