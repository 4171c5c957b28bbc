//! `preflight stats`: everything below the paths read, parsed, lowered and evaluated, without the prefilter, and counted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};

use super::paths::{Base, named};
use super::session::{Progress, scanned, settle};
use super::terminal::{Outcome, TextOrJson, count, plain_lines, print, trouble};
use crate::analysis::Options;
use crate::model::{Item, ItemKind, Resource, Target};
use crate::syntax;
use crate::text::Lines;
use crate::workspace::discover::{Limits, discover};
use crate::workspace::disk;
use crate::workspace::files::{kind_by_content, language_of, lower};
use crate::workspace::memo::Memo;
use crate::workspace::prefilter::kind_of;

/// Arguments of `stats`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files, folders or patterns; the working directory if none is given
    paths: Vec<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: TextOrJson,
}

/// What was counted.
#[derive(Debug, Default)]
struct Counted {
    /// Files by kind, as in [`KINDS`].
    kinds: [usize; KINDS.len()],
    errors: Vec<LocatedError>,
    /// Resources declared, by type in lower case.
    resources: BTreeMap<String, usize>,
    unread: Vec<(String, String)>,
    bytes: u64,
    parse: Duration,
    lower: Duration,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct LocatedError {
    path: String,
    line: u32,
    column: u32,
    text: String,
}

/// The names of [`FileKind`](crate::model::FileKind) in the report, in its order.
const KINDS: [&str; 5] = ["bicep", "bicepparam", "arm", "parameters", "other"];

/// What takes time.
const PHASES: [&str; 4] = ["walk", "parse", "lower", "evaluate"];

/// Counts and prints.
pub(crate) fn run(args: &Args) -> Outcome {
    let base = Base::here();
    let named = named(&args.paths);
    let mut unread = named.wrong;
    let walking = Instant::now();
    let mut files = named.files.clone();
    for folder in &named.folders {
        let found = discover(folder, Limits::default());
        files.extend(found.files);
        unread.extend(found.problems);
    }
    files.sort();
    files.dedup();
    let walk = walking.elapsed();
    let mut counted = Counted::default();
    let progress = Progress::start();
    for (n, path) in files.iter().enumerate() {
        match disk::read(path) {
            Ok(read) => counted.file(path, &read.text, &base),
            Err(error) => unread.push((path.clone(), error.to_string())),
        }
        progress.step("parsing", n + 1, files.len());
    }
    progress.done();
    let unread = unread.into_iter();
    counted.unread = unread
        .map(|(path, words)| (base.relative(&path), words))
        .collect();
    counted.unread.sort();
    counted.errors.sort();
    let evaluating = Instant::now();
    let options = Options {
        unfiltered: true,
        ..Options::default()
    };
    let mut analysis = scanned(&named.folders, &options);
    for file in &named.files {
        analysis.add_entry(file, None);
    }
    settle(&mut analysis);
    let times = [walk, counted.parse, counted.lower, evaluating.elapsed()];
    let seconds = times.map(|time| time.as_secs_f64());
    let mut exit = print(match args.format {
        TextOrJson::Json => json_of(&counted, seconds),
        TextOrJson::Text => text_of(&counted, seconds),
    });
    for (path, words) in &counted.unread {
        exit = trouble(&format!("{path}: {words}"));
    }
    Ok(exit)
}

impl Counted {
    /// Parses and lowers a file.
    fn file(&mut self, path: &Path, text: &str, base: &Base) {
        self.bytes += text.len() as u64;
        let named = kind_of(path);
        let started = Instant::now();
        let tree = syntax::parse(language_of(named), text, None);
        self.parse += started.elapsed();
        let started = Instant::now();
        let kind = kind_by_content(named, &tree, text);
        let model = lower(kind, &tree, text, &Memo::default());
        self.lower += started.elapsed();
        self.items(&model.template.items);
        self.kinds[kind as usize] += 1;
        let errors = syntax::all_errors(&tree, text, kind.dialect());
        if errors.is_empty() {
            return;
        }
        let lines = Lines::new(text.into());
        self.errors.extend(errors.into_iter().map(|error| {
            let at = lines.point(error.span.start);
            LocatedError {
                path: base.relative(path),
                line: at.line + 1,
                column: at.utf32 + 1,
                text: error.message,
            }
        }));
    }

    fn items(&mut self, items: &[Arc<Item>]) {
        for item in items {
            match &item.kind {
                ItemKind::Resource(resource) => self.resource(resource),
                ItemKind::Module(module) => {
                    if let Target::Inline(template) = &module.target {
                        self.items(&template.items);
                    }
                }
                _ => {}
            }
        }
    }

    fn resource(&mut self, resource: &Resource) {
        if !resource.existing
            && let Some(name) = &resource.resource_type
        {
            let name = name.as_str().to_ascii_lowercase();
            *self.resources.entry(name).or_default() += 1;
        }
        for child in &resource.children {
            self.resource(child);
        }
    }
}

/// The most memory the process ever held, in bytes; 0 where the system does not report it.
fn peak_memory() -> u64 {
    let status = disk::read(Path::new("/proc/self/status"));
    let status = status.map(|read| read.text).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

fn json_of(counted: &Counted, seconds: [f64; 4]) -> String {
    let files: Value = KINDS.into_iter().zip(counted.kinds).collect();
    let seconds: Value = PHASES.into_iter().zip(seconds).collect();
    let unread = counted.unread.iter();
    let unread = unread.map(|(path, message)| json!({ "path": path, "message": message }));
    let document = json!({
        "version": 1,
        "files": files,
        "syntaxErrors": counted.errors,
        "unread": unread.collect::<Vec<Value>>(),
        "resources": counted.resources,
        "bytes": counted.bytes,
        "seconds": seconds,
        "peakMemoryBytes": peak_memory(),
    });
    format!("{document:#}\n")
}

/// How many types the text lists.
const MAX_TYPES: usize = 20;

/// How many syntax errors the text lists.
const MAX_ERRORS: usize = 50;

fn text_of(counted: &Counted, seconds: [f64; 4]) -> String {
    let kinds = KINDS.iter().zip(counted.kinds);
    let mut lines: Vec<String> = kinds.map(|(kind, n)| format!("{n:>8} {kind}")).collect();
    lines.push(format!("{:>8.1} MB", counted.bytes as f64 / 1e6));
    let phases = PHASES.iter().zip(seconds);
    lines.extend(phases.map(|(name, time)| format!("{time:>8.3} s {name}")));
    let peak = peak_memory() as f64 / 1e6;
    lines.push(format!("{peak:>8.1} MB at most in memory"));
    let mut types: Vec<_> = counted.resources.iter().collect();
    types.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    if !types.is_empty() {
        let declared = count(types.len(), "resource type");
        lines.extend([String::new(), format!("{declared} declared:")]);
    }
    let listed = types.iter().take(MAX_TYPES);
    lines.extend(listed.map(|(name, n)| format!("{n:>8} {name}")));
    if types.len() > MAX_TYPES {
        lines.push(format!("         and {} more", types.len() - MAX_TYPES));
    }
    let errors = &counted.errors;
    lines.extend([String::new(), count(errors.len(), "syntax error")]);
    for error in errors.iter().take(MAX_ERRORS) {
        let place = format!("{}:{}:{}", error.path, error.line, error.column);
        lines.push(format!("  {place}: {}", error.text));
    }
    if errors.len() > MAX_ERRORS {
        let rest = errors.len() - MAX_ERRORS;
        lines.push(format!("  and {rest} more (--format json lists all)"));
    }
    plain_lines(lines)
}
