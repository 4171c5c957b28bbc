//! `preflight check`: the rule over files and folders, reported in any number of formats.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::io::Read;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};
use rustc_hash::{FxHashMap, FxHashSet};

use super::fix::{self, Allowed};
use super::paths::{Base, argument, named};
use super::report::{Format, Report, github, json, junit, sarif, text};
use super::session::{scanned, settle};
use super::terminal::{Color, Exit, Outcome, print, report_line, trouble};
use super::{baseline, settings};
use crate::analysis::{Analysis, LoadError, Options};
use crate::rules::finding::Severity;
use crate::rules::{self, RULES};
use crate::workspace::config::{Coverage, Overrides, Plan, choice};
use crate::workspace::disk::{self, DiskError};

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Files, folders or patterns; a folder is a workspace, a file is checked as an entry point. `-` reads standard
    /// input (see --stdin-filename)
    paths: Vec<PathBuf>,
    /// How to report; several may be given, each with a file of its own: `--format text --format sarif=out.sarif`
    #[arg(long = "format", value_name = "FORMAT[=FILE]", value_parser = FormatParser)]
    formats: Vec<FormatArg>,
    /// Write the report (of several, the last) to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// From which severity on findings make the exit code 1
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t)]
    fail_on: FailOn,
    /// A parameter file for the files named
    #[arg(long, value_name = "FILE")]
    parameters: Option<PathBuf>,
    /// An optional rule to run as well, by reference or name; may be repeated
    #[arg(long, value_name = "RULE", value_parser = named_rule)]
    rule: Vec<String>,
    /// Which plan fixes turn on
    #[arg(long, value_parser = one_of(&Plan::NAMES), ignore_case = true)]
    plan: Option<Plan>,
    /// Where a plan must be declared to count for a registry: anywhere in the workspace folder, or in the same
    /// deployment; or Defender is managed elsewhere, and nothing is reported
    #[arg(long, value_parser = one_of(&Coverage::NAMES), ignore_case = true)]
    coverage: Option<Coverage>,
    /// Apply the preferred fixes to the files. Fixes that turn on a paid plan are applied only if it is named:
    /// `--fix=Containers`
    #[arg(long, value_name = "PLAN", num_args = 0..=1, require_equals = true, default_missing_value = "", value_parser = named_plan)]
    fix: Option<String>,
    /// Apply paid fixes too, without naming the plan
    #[arg(long, requires = "fix")]
    yes: bool,
    /// Apply paid fixes to findings whose verdict is unknown too
    #[arg(long)]
    fix_unknown: bool,
    /// Show what --fix would change, paid plans included (with `--fix=PLAN` that plan alone), and write nothing
    #[arg(long)]
    diff: bool,
    /// Do not report the findings in this file
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write the present findings to a baseline file, and report nothing
    #[arg(long, value_name = "FILE")]
    write_baseline: Option<PathBuf>,
    /// The file name that standard input is checked as; it need not exist
    #[arg(long, value_name = "FILE")]
    stdin_filename: Option<PathBuf>,
    /// Print the settings in force for a file and which file set them
    #[arg(long, value_name = "FILE")]
    show_config: Option<PathBuf>,
    /// The root of the repository: paths in SARIF and GitHub annotations are relative to it [default: the nearest folder
    /// with .git, else the working directory]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Exit with 2 for everything that could not be read, whether or not it may hide a registry or plan
    #[arg(long)]
    strict: bool,
    /// List also the resources that pass, and what covers each
    #[arg(long)]
    verbose: bool,
    /// When to use colours
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    color: Color,
}

const EXAMPLES: &str = "\
Examples:
  preflight check infra                       check every entry point below a folder
  preflight check main.bicep --parameters prod.bicepparam
  preflight check --format sarif --output preflight.sarif
  preflight check --format github --format junit=report.xml
  preflight check --write-baseline .preflight-baseline.json
  preflight check --baseline .preflight-baseline.json
  preflight check --diff                      show what fixes would change
  preflight check --fix=Containers            turn Defender for Containers on where it is missing
  preflight check - --stdin-filename main.bicep < main.bicep

Exit code: 0 nothing to report at --fail-on or above, 1 findings, 2 the call is wrong, a named file could not be read or
parsed, or something unreadable may hide a registry or plan (--strict: something could not be read at all).";

/// A format and the file it goes to.
type FormatArg = (Format, Option<PathBuf>);

/// Parses a [`FormatArg`] and lists the formats for shell completion.
#[derive(Debug, Clone, Copy)]
struct FormatParser;

impl TypedValueParser for FormatParser {
    type Value = FormatArg;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<FormatArg, clap::Error> {
        let words = StringValueParser::new().try_map(|text| format_arg(&text));
        words.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let formats = Format::value_variants().iter();
        Some(Box::new(formats.filter_map(Format::to_possible_value)))
    }
}

fn format_arg(text: &str) -> Result<FormatArg, String> {
    let (name, file) = match text.split_once('=') {
        Some((_, "")) => return Err("`=` needs a file name after it".to_owned()),
        Some((name, file)) => (name, Some(PathBuf::from(file))),
        None => (text, None),
    };
    let format = Format::from_str(name, true).map_err(|_| {
        let formats = Format::value_variants().iter();
        let formats = formats.filter_map(Format::to_possible_value);
        let names: Vec<_> = formats.map(|it| it.get_name().to_owned()).collect();
        format!("there is no format {name}; there are {}", names.join(", "))
    })?;
    Ok((format, file))
}

/// The value of `--fix`: nothing, or a plan that scans registries.
fn named_plan(text: &str) -> Result<String, String> {
    let plans = RULES.iter().flat_map(|rule| rule.paid_plans());
    let plans: Vec<&str> = plans.copied().collect();
    if text.is_empty() || plans.iter().any(|plan| plan.eq_ignore_ascii_case(text)) {
        return Ok(text.to_owned());
    }
    let plans = plans.join(", ");
    Err(format!(
        "there is no plan {text} that scans registries; there are {plans}"
    ))
}

/// The value of `--rule`.
fn named_rule(text: &str) -> Result<String, String> {
    let rule = rules::named(text).map(|_| text.to_owned());
    rule.ok_or_else(|| format!("there is no rule {text}"))
}

/// From which severity on findings fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Errors alone
    Error,
    /// Errors and warnings
    #[default]
    Warning,
    /// Everything reported
    Note,
    /// Nothing
    Never,
}

/// The value of an argument that is one of several, by name.
fn one_of<T: Copy + Send + Sync>(
    choices: &'static [(&'static str, T)],
) -> impl TypedValueParser<Value = T> {
    let names = PossibleValuesParser::new(choices.iter().map(|(name, _)| *name));
    names.try_map(|text| choice(choices, &text).ok_or("is not a choice"))
}

impl Args {
    /// The plan that fixes insert by preference: `--plan`, else what `--fix` names, if it is one that can be inserted.
    fn inserted_plan(&self) -> Option<Plan> {
        let named = || choice(&Plan::NAMES, self.fix.as_deref()?);
        self.plan.or_else(named)
    }

    /// Whether standard input is checked too.
    fn reads_input(&self) -> bool {
        self.stdin_filename.is_some() || self.paths.iter().any(|path| path.as_os_str() == "-")
    }
}

/// Checks and reports.
pub(crate) fn run(args: &Args) -> Outcome {
    let base = Base::new(args.root.as_deref());
    let formats = formats(args)?;
    let known = args.baseline.as_deref().map(baseline::read).transpose()?;
    let (analysis, wrong) = analyze(args, &base)?;
    // The process ends next, and the system frees all of it at once.
    let mut analysis = ManuallyDrop::new(analysis);
    if let Some(file) = &args.show_config {
        return settings::show(&mut analysis, file, &base);
    }
    let fixing = args.diff || args.fix.is_some();
    if fixing && let Some(exit) = apply_fixes(args, &mut analysis, &base, known.as_ref())? {
        return Ok(exit);
    }
    let mut report = Report::collect(&mut analysis, &base, known.as_ref(), &formats);
    if args.verbose {
        report.passed = analysis.passed();
    }
    report.wrong_call = !wrong.is_empty();
    report.problems.extend(wrong);
    report.problems.sort();
    report.problems.dedup();
    if let Some(path) = &args.write_baseline {
        return Ok(write_baseline(path, &report));
    }
    // Each finding shows lines of its file: one reading of it does for all.
    let texts: RefCell<FxHashMap<PathBuf, Option<Arc<str>>>> = RefCell::default();
    let read = |path: &Path| {
        let mut texts = texts.borrow_mut();
        let text = texts.entry(path.to_path_buf());
        text.or_insert_with(|| analysis.text(path)).clone()
    };
    let mut exit = exit_of(&report, args);
    for (format, file) in formats {
        let color = file.is_none() && args.color.enabled();
        let text = match format {
            Format::Text => text::print(&report, color, &read),
            Format::Json => json::print(&report),
            Format::Sarif => sarif::print(&report),
            Format::Github => github::print(&report),
            Format::Junit => junit::print(&report),
        };
        let written = match &file {
            None => print(text),
            Some(path) => write(path, &text),
        };
        if written != Exit::Clean {
            exit = written;
        }
    }
    Ok(exit)
}

/// What to report in and where to, `--output` applied.
fn formats(args: &Args) -> Result<Vec<FormatArg>, String> {
    let mut formats = args.formats.clone();
    if formats.is_empty() {
        formats.push((Format::Text, None));
    }
    if let (Some((_, file)), Some(output)) = (formats.last_mut(), &args.output) {
        if file.is_some() {
            return Err("--output names a file, and so does the last --format".to_owned());
        }
        *file = Some(output.clone());
    }
    Ok(formats)
}

/// Reads what the arguments name. Gives the analysis, up to date, and what of the arguments names nothing.
fn analyze(args: &Args, base: &Base) -> Result<(Analysis, Vec<LoadError>), String> {
    let options = Options {
        overrides: Overrides {
            plan: args.inserted_plan(),
            coverage: args.coverage,
            hints: None,
            rules: args.rule.clone(),
        },
        base: Some(base.folder().to_path_buf()),
        ..Options::default()
    };
    let mut paths = args.paths.clone();
    let stdin = args.reads_input();
    paths.retain(|path| path.as_os_str() != "-");
    let mut named = match stdin && paths.is_empty() {
        true => Default::default(),
        false => named(&paths),
    };
    if let Some(parameters) = &args.parameters {
        let parameters = argument(parameters);
        if let Err(error) = disk::read(&parameters) {
            named.wrong.push((parameters, error.to_string()));
        } else if named.files.is_empty() && !stdin {
            let words = "--parameters needs a file argument: the parameter files of a folder are found automatically";
            return Err(words.to_owned());
        }
    }
    let mut analysis = scanned(&named.folders, &options);
    let mut entries = named.files;
    if stdin {
        let name = args.stdin_filename.as_deref();
        let name = argument(name.unwrap_or(Path::new("stdin.bicep")));
        match standard_input() {
            Ok(text) => {
                analysis.open(&name, 0, &text);
                entries.push(name);
            }
            Err(error) => named.wrong.push((name, format!("cannot be read: {error}"))),
        }
    }
    for file in &entries {
        analysis.add_entry(file, args.parameters.as_deref());
    }
    settle(&mut analysis);
    let wrong = named.wrong.into_iter().map(|(path, message)| LoadError {
        path: path.into(),
        location: None,
        message,
        hides: true,
    });
    let mut wrong: Vec<LoadError> = wrong.collect();
    for file in entries.iter().filter(|file| !named.matched.contains(*file)) {
        wrong.extend(analysis.named_wrongly(file, args.parameters.as_deref()));
    }
    Ok((analysis, wrong))
}

/// The text on standard input, under the limits and in the encodings of files.
fn standard_input() -> Result<Arc<str>, DiskError> {
    let mut bytes = Vec::new();
    let most = disk::MAX_FILE;
    let input = std::io::stdin().lock();
    input.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(DiskError::TooLarge(bytes.len() as u64));
    }
    Ok(disk::decode(&bytes).0)
}

/// Applies fixes, or shows them. Gives an exit only where nothing more is to be reported.
fn apply_fixes(
    args: &Args,
    analysis: &mut Analysis,
    base: &Base,
    known: Option<&FxHashSet<String>>,
) -> Result<Option<Exit>, String> {
    if args.reads_input() && !args.diff {
        let words = "standard input cannot be fixed: --diff shows the changes";
        return Err(words.to_owned());
    }
    let plan = args.fix.clone().filter(|plan| !plan.is_empty());
    let allowed = Allowed {
        paid: args.yes || args.diff && plan.is_none(),
        plan,
        unknown: args.fix_unknown,
    };
    let outcome = fix::apply(analysis, &allowed, base, known);
    for (title, plan) in &outcome.refused {
        let _ = trouble(&format!(
            "not applied, since the plan is paid: {title} (--fix={plan} or --yes)"
        ));
    }
    if args.diff {
        let printed = print(fix::diff(&outcome, base));
        let changes = printed == Exit::Clean && !outcome.changes.is_empty();
        return Ok(Some(if changes { Exit::Findings } else { printed }));
    }
    fix::write(&outcome, base)?;
    for change in &outcome.changes {
        let created = change.old.is_none();
        let verb = if created { "created" } else { "changed" };
        report_line(&format!("{verb} {}", base.relative(&change.path)));
    }
    Ok(None)
}

fn write_baseline(path: &Path, report: &Report) -> Exit {
    let written = write(path, &baseline::text(&report.findings));
    if written == Exit::Clean && !report.problems.is_empty() {
        return trouble("the baseline was written, but not everything could be read");
    }
    written
}

fn write(path: &Path, text: &str) -> Exit {
    match disk::write(path, text.as_bytes()) {
        Ok(()) => Exit::Clean,
        Err(error) => trouble(&format!("{}: cannot be written: {error}", path.display())),
    }
}

fn exit_of(report: &Report, args: &Args) -> Exit {
    let least = match args.fail_on {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
        FailOn::Note => Severity::Note,
        FailOn::Never if report.wrong_call => return Exit::Trouble,
        FailOn::Never => return Exit::Clean,
    };
    let mut problems = report.problems.iter();
    if problems.any(|problem| problem.hides || args.strict) {
        return Exit::Trouble;
    }
    let mut reported = report.reported();
    match reported.any(|found| found.diagnostic.severity >= least) {
        true => Exit::Findings,
        false => Exit::Clean,
    }
}
