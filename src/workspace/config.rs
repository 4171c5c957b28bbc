//! Configuration from files that the ecosystem already has, `ps-rule.yaml` and `bicepconfig.json`, overridden by the
//! editor's settings. Server and command line use the same resolver.
//!
//! Settings are cached until [`Configs::invalidate`]. While a file is broken its last valid content applies, so that half a
//! line typed into `ps-rule.yaml` does not raise a hundred findings.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use indexmap::IndexMap;
use rustc_hash::FxHashMap;

use super::disk::{self, DiskError, Stamp};
use crate::model::Ident;
use crate::text::Span;
pub use bicep::BicepConfig;
use combine::combine;
use rule_file::{RuleFile, RuleLists};

pub mod bicep;
mod combine;
mod reader;
pub mod rule_file;
#[cfg(test)]
mod tests;

/// Which plan the fixes insert first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Plan {
    /// `Containers`, 2024-01-01.
    #[default]
    Containers,
    /// `ContainerRegistry`, 2018-06-01: the rule page's own.
    ContainerRegistry,
}

impl Plan {
    /// The values by name, which is that of the plan's resource.
    pub(crate) const NAMES: [(&'static str, Plan); 2] = [
        ("Containers", Plan::Containers),
        ("ContainerRegistry", Plan::ContainerRegistry),
    ];

    /// The name of the plan's resource.
    pub fn name(self) -> &'static str {
        Plan::NAMES[self as usize].0
    }
}

/// Which plans count for a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Coverage {
    /// Anywhere in the workspace folder.
    #[default]
    Workspace,
    /// In the same deployment only.
    Deployment,
    /// The owner states that Defender is managed elsewhere: nothing is reported.
    Elsewhere,
}

impl Coverage {
    /// The values by name.
    pub(crate) const NAMES: [(&'static str, Coverage); 3] = [
        ("workspace", Coverage::Workspace),
        ("deployment", Coverage::Deployment),
        ("elsewhere", Coverage::Elsewhere),
    ];
}

/// The choice of a name, in any case.
pub(crate) fn choice<T: Copy>(choices: &[(&str, T)], name: &str) -> Option<T> {
    let found = choices.iter().find(|it| it.0.eq_ignore_ascii_case(name));
    found.map(|(_, choice)| *choice)
}

/// A level that `override.level` sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names of the variants say it")]
pub enum Level {
    Error,
    Warning,
    Information,
}

/// How a rule is named in configuration, and whether it runs without being named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleName {
    /// `AZR-000002`.
    pub reference: &'static str,
    /// `Azure.ACR.ContainerScan`.
    pub name: &'static str,
    /// It runs only when `rule.include` or `--rule` names it without wildcards.
    pub optional: bool,
}

impl RuleName {
    /// A rule that runs unless it is excluded.
    pub const fn new(reference: &'static str, name: &'static str) -> Self {
        RuleName {
            reference,
            name,
            optional: false,
        }
    }

    /// A rule that runs only when it is named.
    pub const fn optional(reference: &'static str, name: &'static str) -> Self {
        RuleName {
            reference,
            name,
            optional: true,
        }
    }

    /// Whether this is the rule's reference or name, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.reference.eq_ignore_ascii_case(name) || self.name.eq_ignore_ascii_case(name)
    }
}

/// The settings of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSettings<'a> {
    /// What turns the rule off: `rule.exclude`, `rule.include`, or `default` for an optional rule that is not named.
    pub off: Option<&'static str>,
    /// `override.level`.
    pub level: Option<Level>,
    /// Names of resources that the rule does not report, lower case.
    pub suppressed: Vec<&'a str>,
}

/// What the editor or the command line sets; `None` leaves it to the files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `preflight.plan`, `--plan`.
    pub plan: Option<Plan>,
    /// `preflight.coverage`, `--coverage`.
    pub coverage: Option<Coverage>,
    /// `preflight.hints`.
    pub hints: Option<bool>,
    /// `--rule`: rules that run besides those of the files.
    pub rules: Vec<String>,
}

/// What to check.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Settings of the editor or the command line.
    pub overrides: Overrides,
    /// What the editor sets for single workspace folders, in place of `overrides`.
    pub folder_overrides: Vec<(PathBuf, Overrides)>,
    /// Skip the prefilter (tests compare).
    pub unfiltered: bool,
    /// Overrides where Bicep's cache is (tests; else `bicepconfig.json` and the home folder decide).
    pub cache_root: Option<PathBuf>,
    /// Threads for scanning; 0 lets the machine decide.
    pub threads: usize,
    /// Up to where files in no workspace folder look for their configuration: the working directory.
    pub base: Option<PathBuf>,
}

/// Everything that is in force for one file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// See [`Plan`].
    pub plan: Plan,
    /// See [`Coverage`].
    pub coverage: Coverage,
    /// Whether hints are shown. On by default.
    pub hints: Hints,
    /// What `ps-rule.yaml` states of rules; see [`Settings::rule`].
    pub rules: RuleLists,
    /// `--rule`.
    pub added_rules: Vec<String>,
    /// `AZURE_PARAMETER_DEFAULTS`: values for parameters that have no other.
    pub parameter_defaults: IndexMap<Ident, serde_json::Value>,
    /// The `ps-rule.yaml` that is in force.
    pub rule_file: Option<PathBuf>,
    /// What of `bicepconfig.json` is in force.
    pub bicep: Arc<BicepConfig>,
    /// For `--show-config`: each setting, its value, and the file (or "editor", "default") that set it.
    pub origins: Vec<(String, String, String)>,
}

impl Settings {
    /// The settings of one rule.
    pub fn rule(&self, rule: &RuleName) -> RuleSettings<'_> {
        self.rules.of(rule, &self.added_rules)
    }
}

/// A flag that is on unless something turns it off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hints(pub bool);

impl Default for Hints {
    fn default() -> Self {
        Hints(true)
    }
}

/// Something wrong in a configuration file: reported on that file.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigProblem {
    /// The file.
    pub path: PathBuf,
    /// Where in it, bytes; empty at 0 where unknown.
    pub span: Span,
    /// One plain sentence.
    pub message: String,
}

/// Names of the rule file, best first.
const RULE_FILES: [&str; 4] = ["ps-rule.yaml", "ps-rule.yml", "psrule.yaml", "psrule.yml"];
/// Name of Bicep's configuration.
const BICEP_CONFIG: &str = "bicepconfig.json";
/// How many files a configuration may extend, one through the other: Bicep's own limit.
const MAX_EXTENDS: usize = 64;

/// Gives the text of a file, and its state on disk; open buffers win over the disk.
type Read<'a> = &'a dyn Fn(&Path) -> Result<(Arc<str>, Option<Stamp>), DiskError>;

/// The files that were read or looked for; keeps the last good reading of a file that broke.
#[derive(Debug, Default)]
pub struct Configs {
    rule_files: FxHashMap<PathBuf, Entry<Rules>>,
    bicep_files: FxHashMap<PathBuf, Entry<BicepConfig>>,
    /// Configurations merged along `extends`, by the file that begins the chain, with what is wrong in the chain.
    merged: FxHashMap<PathBuf, (Arc<BicepConfig>, Vec<ConfigProblem>)>,
    /// Every file that was read or looked for, with its state on disk at that time.
    inputs: Inputs,
}

type Inputs = FxHashMap<PathBuf, Option<Stamp>>;

/// A file as it was read.
#[derive(Debug)]
struct Entry<T> {
    /// Its content when it was last valid.
    good: Option<Arc<T>>,
    problems: Vec<ConfigProblem>,
    /// It has not changed since.
    fresh: bool,
}

impl<T> Entry<T> {
    fn invalidate(&mut self) {
        self.fresh = false;
        self.problems.clear();
    }
}

/// A rule file, and its `input.pathIgnore` compiled.
#[derive(Debug)]
struct Rules {
    file: RuleFile,
    ignore: Gitignore,
}

impl Configs {
    /// The settings in force for `file`, looking upwards to `root` for rule files.
    pub fn settings(
        &mut self,
        file: &Path,
        root: &Path,
        overrides: &Overrides,
        read: Read<'_>,
    ) -> Arc<Settings> {
        let folders = file.ancestors().skip(1);
        let below = folders.clone().filter(|folder| folder.starts_with(root));
        let mut paths = below.flat_map(|folder| RULE_FILES.map(|name| folder.join(name)));
        let rule_file = paths.find(|path| self.load_rules(path, read));
        let mut paths = folders.map(|folder| folder.join(BICEP_CONFIG));
        let bicep_file = paths.find(|path| self.load_bicep(path, read));
        let rules = rule_file.as_ref().and_then(|path| self.rules(path));
        let bicep = self.bicep(bicep_file.as_deref(), read);
        Arc::new(combine(
            rule_file.as_deref(),
            rules.as_deref().map(|rules| &rules.file),
            bicep,
            overrides,
        ))
    }

    /// Whether `input.pathIgnore` of a rule file leaves a file out of the report.
    pub fn ignored(&self, rule_file: &Path, file: &Path) -> bool {
        let inner = file.strip_prefix(rule_file.parent().unwrap_or(rule_file));
        let (Some(rules), Ok(inner)) = (self.rules(rule_file), inner) else {
            return false;
        };
        let ignore = &rules.ignore;
        ignore.matched_path_or_any_parents(inner, false).is_ignore()
    }

    /// Forgets what was read from `path`, which has changed, appeared or gone.
    pub fn invalidate(&mut self, path: &Path) {
        self.rule_files.get_mut(path).map(Entry::invalidate);
        self.bicep_files.get_mut(path).map(Entry::invalidate);
        self.inputs.remove(path);
        self.merged.clear();
    }

    /// What is wrong in the files read so far, sorted.
    pub fn problems(&self) -> Vec<ConfigProblem> {
        let of_files = self.rule_files.values().map(|entry| &entry.problems);
        let of_bicep = self.bicep_files.values().map(|entry| &entry.problems);
        let of_chains = self.merged.values().map(|(_, problems)| problems);
        let all = of_files.chain(of_bicep).chain(of_chains);
        let mut all: Vec<ConfigProblem> = all.flatten().cloned().collect();
        all.sort_by(|a, b| (&a.path, a.span, &a.message).cmp(&(&b.path, b.span, &b.message)));
        all.dedup();
        all
    }

    /// Every file that was read or looked for, with its state on disk at that time: `None` where no file was there.
    pub fn inputs(&self) -> impl Iterator<Item = (&Path, Option<Stamp>)> {
        self.inputs
            .iter()
            .map(|(path, stamp)| (path.as_path(), *stamp))
    }

    /// Whether a path is a configuration file by its name.
    pub fn is_config(path: &Path) -> bool {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.unwrap_or_default().to_ascii_lowercase();
        RULE_FILES.contains(&name.as_str()) || name == BICEP_CONFIG
    }

    /// Whether a path is a configuration file by its name, or was read as one because another extends it.
    pub fn concerns(&self, path: &Path) -> bool {
        Self::is_config(path) || self.bicep_files.contains_key(path)
    }

    fn rules(&self, path: &Path) -> Option<Arc<Rules>> {
        self.rule_files.get(path)?.good.clone()
    }

    /// Reads a rule file unless that was done; whether it exists.
    fn load_rules(&mut self, path: &Path, read: Read<'_>) -> bool {
        load(&mut self.rule_files, &mut self.inputs, path, read, |text| {
            let (file, problems) = rule_file::read(text);
            let file = file.map(|file| Rules {
                ignore: matcher(&file.path_ignore),
                file,
            });
            (file, problems)
        })
    }

    fn load_bicep(&mut self, path: &Path, read: Read<'_>) -> bool {
        // Bicep reads its configuration as UTF-8 whatever its marks are.
        let read = |path: &Path| {
            let (text, stamp) = read(path)?;
            let text = match disk::read_bytes(path) {
                Ok(bytes) if matches!(bytes[..], [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) => {
                    String::from_utf8_lossy(&bytes).into()
                }
                _ => text,
            };
            Ok((text, stamp))
        };
        load(
            &mut self.bicep_files,
            &mut self.inputs,
            path,
            &read,
            |text| bicep::read(path, text),
        )
    }

    /// The configuration that begins with a file, merged with what it extends; the built-in one where there is none.
    fn bicep(&mut self, path: Option<&Path>, read: Read<'_>) -> Arc<BicepConfig> {
        // No file has an empty path: it represents the built-in configuration.
        let key = path.unwrap_or(Path::new(""));
        if let Some((config, _)) = self.merged.get(key) {
            return config.clone();
        }
        let mut problems = Vec::new();
        let mut config = match path {
            Some(path) => self.extended(path, read, &mut problems),
            None => BicepConfig::default(),
        };
        config.file = path.map(Path::to_path_buf);
        if config.cache_root.as_os_str().is_empty() {
            config.cache_root = default_cache();
        }
        let config = Arc::new(config);
        let merged = (config.clone(), problems);
        self.merged.insert(key.to_path_buf(), merged);
        config
    }

    fn extended(
        &mut self,
        path: &Path,
        read: Read<'_>,
        problems: &mut Vec<ConfigProblem>,
    ) -> BicepConfig {
        let mut merged = BicepConfig::default();
        let mut chain: Vec<PathBuf> = Vec::new();
        let mut at = path.to_path_buf();
        while let Some(file) = self
            .bicep_files
            .get(&at)
            .and_then(|entry| entry.good.clone())
        {
            bicep::inherit(&mut merged, &file);
            chain.push(at.clone());
            let Some((span, target)) = &file.extends else {
                break;
            };
            let folder = at.parent().unwrap_or(&at);
            let next = disk::normalize(&folder.join(target.replace('\\', "/")));
            let wrong = if chain.contains(&next) {
                Some(format!("`{target}` extends this file in turn."))
            } else if chain.len() > MAX_EXTENDS {
                Some(format!("More than {MAX_EXTENDS} files extend one another."))
            } else if !self.load_bicep(&next, read) {
                Some(format!("`{target}` does not exist."))
            } else {
                None
            };
            if let Some(message) = wrong {
                problems.push(ConfigProblem {
                    path: at,
                    span: *span,
                    message,
                });
                break;
            }
            at = next;
        }
        merged
    }
}

/// Reads a file into the table unless that was done; whether it exists.
fn load<T>(
    entries: &mut FxHashMap<PathBuf, Entry<T>>,
    inputs: &mut Inputs,
    path: &Path,
    read: Read<'_>,
    parse: impl FnOnce(&str) -> (Option<T>, reader::Problems),
) -> bool {
    match entries.get(path) {
        Some(entry) if entry.fresh => return true,
        None if inputs.contains_key(path) => return false,
        _ => {}
    }
    let read = read(path);
    let stamp = match &read {
        Ok((_, stamp)) => *stamp,
        // Asked in every folder of a workspace, and hardly ever there: one question to the system.
        Err(DiskError::NotFound) => None,
        Err(_) => disk::stamp(path),
    };
    inputs.insert(path.to_path_buf(), stamp);
    let (good, problems) = match read {
        Ok((text, _)) => parse(&text),
        // It is there and cannot be read: silence would turn the settings off unseen.
        Err(error) if stamp.is_some() => {
            let words = format!("This file cannot be read: {error}.");
            (None, vec![(Span::default(), words)])
        }
        Err(_) => {
            entries.remove(path);
            return false;
        }
    };
    let before = entries.remove(path).and_then(|entry| entry.good);
    let problems = problems.into_iter().map(|(span, message)| ConfigProblem {
        path: path.to_path_buf(),
        span,
        message,
    });
    let entry = Entry {
        good: good.map(Arc::new).or(before),
        problems: problems.collect(),
        fresh: true,
    };
    entries.insert(path.to_path_buf(), entry);
    true
}

/// `input.pathIgnore`, compiled, for paths relative to the file's folder. A pattern that ends in a slash means
/// all that is below, also where it takes an earlier one back, as PSRule has it (git does not).
fn matcher(patterns: &[String]) -> Gitignore {
    let mut builder = GitignoreBuilder::new("");
    for pattern in patterns {
        let (not, name) = match pattern.strip_prefix('!') {
            Some(name) => ("!", name),
            None => ("", pattern.as_str()),
        };
        let line = match name.strip_suffix('/') {
            Some(folder) if folder.contains('/') => format!("{not}{folder}/**"),
            Some(folder) => format!("{not}**/{folder}/**"),
            None => pattern.clone(),
        };
        // Patterns that are none were reported when the file was read.
        let _ = builder.add_line(None, &line);
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

/// Where Bicep keeps what it restored, unless a configuration states otherwise. Empty if there is no home folder.
fn default_cache() -> PathBuf {
    let home = std::env::home_dir();
    home.map(|home| home.join(".bicep")).unwrap_or_default()
}
