//! `preflight stats`: everything below the paths read, parsed, lowered and evaluated, without the prefilter, and counted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde_json::json;

use super::paths::{Base, named};
use super::progress::Progress;
use super::session::{scanned, settle};
use super::terminal::{Exit, count, print, trouble};
use crate::analysis::Options;
use crate::model::lower::NoMemo;
use crate::model::lower_arm::{arm_kind, lower_arm};
use crate::model::lower_bicep::lower_bicep;
use crate::model::lower_parameters::lower_parameters;
use crate::model::{FileKind, Item, ItemKind, Resource, Target};
use crate::syntax;
use crate::text::Lines;
use crate::workspace::discover::{Limits, discover};
use crate::workspace::disk;
use crate::workspace::files::language_of;
use crate::workspace::prefilter::kind_of;

/// Arguments of `stats`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files, folders or patterns; the working directory if none is given
    paths: Vec<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON document
    Json,
}

/// What was counted.
#[derive(Debug, Default)]
struct Counted {
    kinds: BTreeMap<&'static str, usize>,
    errors: Vec<SyntaxError>,
    /// Resources declared, by type in lower case.
    resources: BTreeMap<String, usize>,
    unread: Vec<(String, String)>,
    bytes: u64,
    parse: Duration,
    lower: Duration,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SyntaxError {
    path: String,
    line: u32,
    column: u32,
    text: String,
}

/// The kinds of file by their names in the report, in its order.
const KINDS: [&str; 5] = ["bicep", "bicepparam", "arm", "parameters", "other"];

/// Counts and prints.
pub fn run(args: &Args) -> Exit {
    let base = Base::here();
    let named = named(&args.paths);
    let mut counted = Counted::default();
    for (path, words) in &named.wrong {
        counted.unread.push((base.relative(path), words.clone()));
    }
    let walking = Instant::now();
    let mut files = named.files.clone();
    for folder in &named.folders {
        let found = discover(folder, Limits::default());
        files.extend(found.files);
        let problems = found.problems.iter();
        counted
            .unread
            .extend(problems.map(|(path, words)| (base.relative(path), words.clone())));
    }
    files.sort();
    files.dedup();
    let walk = walking.elapsed();
    read_all(&files, &base, &mut counted);
    let evaluating = Instant::now();
    evaluate(&named.folders, &named.files);
    let evaluate = evaluating.elapsed();
    let seconds = [walk, counted.parse, counted.lower, evaluate].map(|time| time.as_secs_f64());
    let printed = match args.format {
        Format::Json => print(json_of(&counted, seconds).as_bytes()),
        Format::Text => print(text_of(&counted, seconds).as_bytes()),
    };
    let mut exit = printed;
    for (path, words) in &counted.unread {
        exit = trouble(&format!("{path}: {words}"));
    }
    exit
}

/// Reads, parses and lowers every file, on all processors.
fn read_all(files: &[PathBuf], base: &Base, counted: &mut Counted) {
    let progress = Progress::start();
    let next = AtomicUsize::new(0);
    let all = Mutex::new(std::mem::take(counted));
    let work = || {
        let mut own = Counted::default();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = files.get(at) else { break };
            own.file(path, base);
            progress.step("parsing", at + 1, files.len());
        }
        if let Ok(mut all) = all.lock() {
            all.add(own);
        }
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 1..processors.min(files.len()) {
            scope.spawn(work);
        }
        work();
    });
    progress.done();
    *counted = all.into_inner().unwrap_or_default();
    counted.errors.sort();
    counted.unread.sort();
}

impl Counted {
    fn add(&mut self, other: Counted) {
        for (kind, n) in other.kinds {
            *self.kinds.entry(kind).or_default() += n;
        }
        for (name, n) in other.resources {
            *self.resources.entry(name).or_default() += n;
        }
        self.errors.extend(other.errors);
        self.unread.extend(other.unread);
        self.bytes += other.bytes;
        self.parse += other.parse;
        self.lower += other.lower;
    }

    fn file(&mut self, path: &Path, base: &Base) {
        let text = match disk::read(path) {
            Ok(read) => read.text,
            Err(error) => {
                self.unread.push((base.relative(path), error.to_string()));
                return;
            }
        };
        self.bytes += text.len() as u64;
        let started = Instant::now();
        let named = kind_of(path);
        let tree = syntax::parse(language_of(named), &*text, None);
        self.parse += started.elapsed();
        let started = Instant::now();
        let (kind, model) = match named {
            FileKind::Bicep | FileKind::BicepParams => {
                (named, Some(lower_bicep(named, &tree, &*text, &NoMemo)))
            }
            _ => match arm_kind(&tree, &*text) {
                FileKind::ArmTemplate => (
                    FileKind::ArmTemplate,
                    Some(lower_arm(&tree, &*text, &NoMemo)),
                ),
                FileKind::ArmParameters => (
                    FileKind::ArmParameters,
                    Some(lower_parameters(&tree, &*text, &NoMemo)),
                ),
                other => (other, None),
            },
        };
        if let Some(model) = &model {
            self.items(&model.template.items);
        }
        self.lower += started.elapsed();
        let name = match kind {
            FileKind::Bicep => KINDS[0],
            FileKind::BicepParams => KINDS[1],
            FileKind::ArmTemplate => KINDS[2],
            FileKind::ArmParameters => KINDS[3],
            FileKind::Other => KINDS[4],
        };
        *self.kinds.entry(name).or_default() += 1;
        let errors = syntax::all_errors(&tree, &*text);
        if errors.is_empty() {
            return;
        }
        let lines = Lines::new(text);
        for error in errors {
            let at = lines.point(error.span.start);
            self.errors.push(SyntaxError {
                path: base.relative(path),
                line: at.line + 1,
                column: at.utf32 + 1,
                text: error.message,
            });
        }
    }

    fn items(&mut self, items: &[std::sync::Arc<Item>]) {
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

/// Resolves and evaluates every deployment.
fn evaluate(folders: &[PathBuf], files: &[PathBuf]) {
    let options = Options {
        unfiltered: true,
        ..Options::default()
    };
    let mut analysis = scanned(folders, &options);
    for file in files {
        analysis.add_entry(file, None);
    }
    settle(&mut analysis);
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
    let files: serde_json::Map<_, _> = KINDS
        .iter()
        .map(|kind| {
            let n = counted.kinds.get(kind).copied().unwrap_or(0);
            ((*kind).to_owned(), json!(n))
        })
        .collect();
    let errors: Vec<_> = counted
        .errors
        .iter()
        .map(|error| {
            json!({
                "path": error.path,
                "line": error.line,
                "column": error.column,
                "text": error.text,
            })
        })
        .collect();
    let unread: Vec<_> = counted
        .unread
        .iter()
        .map(|(path, message)| json!({ "path": path, "message": message }))
        .collect();
    let [walk, parse, lower, evaluate] = seconds;
    let document = json!({
        "version": 1,
        "files": files,
        "syntaxErrors": errors,
        "unread": unread,
        "resources": counted.resources,
        "bytes": counted.bytes,
        "seconds": { "walk": walk, "parse": parse, "lower": lower, "evaluate": evaluate },
        "peakMemoryBytes": peak_memory(),
    });
    format!("{document:#}\n")
}

/// How many types the text lists.
const MAX_TYPES: usize = 20;

/// How many syntax errors the text lists.
const MAX_ERRORS: usize = 50;

fn text_of(counted: &Counted, seconds: [f64; 4]) -> String {
    let mut out = String::new();
    for kind in KINDS {
        let n = counted.kinds.get(kind).copied().unwrap_or(0);
        out.push_str(&format!("{n:>8} {kind}\n"));
    }
    let megabytes = counted.bytes as f64 / 1e6;
    out.push_str(&format!("{megabytes:>8.1} MB\n"));
    for (name, time) in ["walk", "parse", "lower", "evaluate"].iter().zip(seconds) {
        out.push_str(&format!("{time:>8.3} s {name}\n"));
    }
    let peak = peak_memory() as f64 / 1e6;
    out.push_str(&format!("{peak:>8.1} MB at most in memory\n"));
    let mut types: Vec<_> = counted.resources.iter().collect();
    types.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    if !types.is_empty() {
        out.push_str(&format!(
            "\n{} declared:\n",
            count(types.len(), "resource type")
        ));
    }
    for (name, n) in types.iter().take(MAX_TYPES) {
        out.push_str(&format!("{n:>8} {name}\n"));
    }
    if types.len() > MAX_TYPES {
        out.push_str(&format!("         and {} more\n", types.len() - MAX_TYPES));
    }
    out.push_str(&format!(
        "\n{}\n",
        count(counted.errors.len(), "syntax error")
    ));
    for error in counted.errors.iter().take(MAX_ERRORS) {
        let SyntaxError {
            path,
            line,
            column,
            text,
        } = error;
        out.push_str(&format!("  {path}:{line}:{column}: {text}\n"));
    }
    if counted.errors.len() > MAX_ERRORS {
        let rest = counted.errors.len() - MAX_ERRORS;
        out.push_str(&format!("  and {rest} more (--format json lists all)\n"));
    }
    out
}
