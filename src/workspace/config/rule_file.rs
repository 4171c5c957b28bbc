//! `ps-rule.yaml`, the configuration file of PSRule.
//!
//! Names, shapes and precedence are PSRule's (its page *about_PSRule_Options*). Preflight's own settings are under
//! `configuration`.

use ignore::gitignore::GitignoreBuilder;
use indexmap::IndexMap;

use super::reader::{Problems, Reader};
use super::{Coverage, Level, Plan, RuleName, RuleSettings};
use crate::model::Ident;
use crate::syntax::data::{self, Data, DataKind};
use crate::text::Span;

/// The module that ships the rules; a name may be qualified with it.
const MODULE: &str = "PSRule.Rules.Azure";

/// The content of one file. `None` and empty: nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RuleFile {
    /// `PREFLIGHT_PLAN`.
    pub plan: Option<Plan>,
    /// `PREFLIGHT_COVERAGE`.
    pub coverage: Option<Coverage>,
    /// `PREFLIGHT_HINTS`.
    pub hints: Option<bool>,
    /// Which rules run, at which level, and for which resources not.
    pub rules: RuleLists,
    /// `AZURE_PARAMETER_DEFAULTS`.
    pub parameter_defaults: IndexMap<Ident, serde_json::Value>,
    /// `input.pathIgnore`, as written.
    pub path_ignore: Vec<String>,
}

impl RuleFile {
    /// Whether the file suppresses a rule for a resource by its name in lower case.
    pub fn suppresses(&self, rule: &RuleName, name: &str) -> bool {
        self.rules.of(rule, &[]).suppressed.contains(&name)
    }
}

/// Settings of rules, by their names as written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RuleLists {
    /// `rule.include`.
    pub include: Vec<String>,
    /// `rule.exclude`.
    pub exclude: Vec<String>,
    /// `override.level`.
    pub levels: Vec<(String, Level)>,
    /// `suppression`: rule, and names of resources in lower case.
    pub suppression: Vec<(String, Vec<String>)>,
}

impl RuleLists {
    /// The settings of one rule. `added`: rules that run besides those included.
    pub(super) fn of(&self, rule: &RuleName, added: &[String]) -> RuleSettings<'_> {
        let exactly = |name: &String| unqualified(name).is_some_and(|name| rule.is(name));
        let off = if self.exclude.iter().any(|name| means(name, rule)) {
            Some("rule.exclude")
        } else if added.iter().any(exactly) {
            None
        } else if rule.optional {
            (!self.include.iter().any(exactly)).then_some("default")
        } else {
            let included = self.include.iter().any(|name| means(name, rule));
            (!self.include.is_empty() && !included).then_some("rule.include")
        };
        let mut suppressed: Vec<&str> = self
            .suppression
            .iter()
            .filter(|(name, _)| means(name, rule))
            .flat_map(|(_, names)| names.iter().map(String::as_str))
            .collect();
        suppressed.sort_unstable();
        suppressed.dedup();
        let mut levels = self.levels.iter().rev();
        RuleSettings {
            off,
            level: levels
                .find(|(name, _)| means(name, rule))
                .map(|(_, level)| *level),
            suppressed,
        }
    }
}

/// Reads the text of a file. `None` where it is no YAML at all.
pub fn read(text: &str) -> (Option<RuleFile>, Problems) {
    let reading = data::yaml(text);
    if let Some((span, words)) = reading.problem {
        let words = format!("This is not valid YAML: {words}.");
        return (None, vec![(span, words)]);
    }
    let mut reader = Reader::default();
    let mut file = RuleFile::default();
    if let Some(root) = reader.mapping(Some(&reading.data), "The file") {
        read_rules(&mut reader, root, &mut file.rules);
        file.path_ignore = read_path_ignore(&mut reader, root);
        read_configuration(&mut reader, root, &mut file);
    }
    (Some(file), reader.problems())
}

/// A rule's name without the module in front; `None` if that is another module.
fn unqualified(name: &str) -> Option<&str> {
    match name.split_once('\\') {
        Some((module, name)) if module.eq_ignore_ascii_case(MODULE) => Some(name),
        Some(_) => None,
        None => Some(name),
    }
}

/// Whether a name in one of the lists means a rule. `*` and `?` are PSRule's wildcards.
fn means(name: &str, rule: &RuleName) -> bool {
    unqualified(name).is_some_and(|name| {
        let own = [rule.reference, rule.name];
        own.iter().any(|own| fits(name.as_bytes(), own.as_bytes()))
    })
}

/// Whether a pattern with `*` and `?` fits a text, in any case.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go on after a mismatch: behind the last star, one character further on.
    let mut retry = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(b'?') => (p, t) = (p + 1, t + 1),
            Some(c) if c.eq_ignore_ascii_case(&text[t]) => (p, t) = (p + 1, t + 1),
            _ => match retry {
                Some((after, from)) => {
                    retry = Some((after, from + 1));
                    (p, t) = (after, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// Where a text is in a list (or is all there is).
fn place_of(list: &Data, text: &str) -> Span {
    match &list.kind {
        DataKind::List(items) => items.iter().find(|item| item.as_str() == Some(text)),
        _ => None,
    }
    .map_or(list.span, |item| item.span)
}

fn read_rules(reader: &mut Reader, root: &Data, rules: &mut RuleLists) {
    // `includeLocal` is about rules in the workspace; ours come from a module.
    let rule = reader.mapping(root.get("rule"), "`rule`");
    let mut names = |member| {
        let names = reader.texts(rule?.get(member), &format!("`rule.{member}`"));
        Some(names.into_iter().map(str::to_owned).collect())
    };
    rules.include = names("include").unwrap_or_default();
    rules.exclude = names("exclude").unwrap_or_default();
    let suppression = reader.mapping(root.get("suppression"), "`suppression`");
    for (key, names) in suppression.map(Data::members).unwrap_or_default() {
        let names = match names.kind {
            DataKind::Map(_) => names.get("targetName"),
            _ => Some(names),
        };
        let names = reader.texts(names, &format!("`suppression.{}`", key.text));
        let names = names.iter().map(|name| name.to_lowercase()).collect();
        rules.suppression.push((key.text.clone(), names));
    }
    let overrides = reader.mapping(root.get("override"), "`override`");
    let levels = overrides.and_then(|it| it.get("level"));
    let levels = reader.mapping(levels, "`override.level`");
    for (key, level) in levels.map(Data::members).unwrap_or_default() {
        let choices = [
            ("Error", Level::Error),
            ("Warning", Level::Warning),
            ("Information", Level::Information),
        ];
        let name = format!("`override.level.{}`", key.text);
        if let Some(level) = reader.choice(level, &name, &choices) {
            rules.levels.push((key.text.clone(), level));
        }
    }
}

fn read_path_ignore(reader: &mut Reader, root: &Data) -> Vec<String> {
    let input = reader.mapping(root.get("input"), "`input`");
    let list = input.and_then(|it| it.get("pathIgnore"));
    let mut patterns = reader.texts(list, "`input.pathIgnore`");
    patterns.retain(|pattern| {
        let valid = GitignoreBuilder::new("").add_line(None, pattern).is_ok();
        if !valid {
            let span = list.map(|list| place_of(list, pattern)).unwrap_or_default();
            reader.problem(span, format!("`{pattern}` is not a pattern for paths."));
        }
        valid
    });
    patterns.into_iter().map(str::to_owned).collect()
}

fn read_configuration(reader: &mut Reader, root: &Data, file: &mut RuleFile) {
    let configuration = reader.mapping(root.get("configuration"), "`configuration`");
    for (key, value) in configuration.map(Data::members).unwrap_or_default() {
        let name = format!("`{}`", key.text);
        match key.text.to_ascii_uppercase().as_str() {
            "PREFLIGHT_PLAN" => file.plan = reader.choice(value, &name, &Plan::NAMES),
            "PREFLIGHT_COVERAGE" => file.coverage = reader.choice(value, &name, &Coverage::NAMES),
            "PREFLIGHT_HINTS" => {
                // YAML 1.1, which PSRule's reader knows too, has more words for it.
                let choices = [
                    ("true", true),
                    ("false", false),
                    ("yes", true),
                    ("no", false),
                    ("on", true),
                    ("off", false),
                ];
                file.hints = match value.kind {
                    DataKind::Bool(on) => Some(on),
                    _ => reader.choice(value, &name, &choices),
                };
            }
            "AZURE_PARAMETER_DEFAULTS" => {
                let defaults = reader.mapping(Some(value), &name);
                let defaults = defaults.map(Data::members).unwrap_or_default().iter();
                file.parameter_defaults = defaults
                    .map(|(key, value)| (Ident::from(key.text.as_str()), value.to_json()))
                    .collect();
            }
            upper if upper.starts_with("PREFLIGHT_") => {
                let known = "PREFLIGHT_PLAN, PREFLIGHT_COVERAGE and PREFLIGHT_HINTS";
                reader.problem(
                    key.span,
                    format!("{name} is not a setting: there are {known}."),
                );
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCAN: RuleName = RuleName::new("AZR-000002", "Azure.ACR.ContainerScan");

    #[test]
    fn names_of_the_rule() {
        for name in [
            "Azure.ACR.ContainerScan",
            "azure.acr.containerscan",
            "AZR-000002",
            r"PSRule.Rules.Azure\Azure.ACR.ContainerScan",
            r"psrule.rules.azure\azr-000002",
            "Azure.ACR.*",
            "*",
            "Azure.*Scan",
            "AZR-00000?",
        ] {
            assert!(means(name, &SCAN), "{name}");
        }
        for name in [
            "Azure.ACR.ContainerScan2",
            "Azure.ACR",
            r"Other\Azure.ACR.ContainerScan",
            "AZR-000003",
            "Azure.AKS.*",
            "",
        ] {
            assert!(!means(name, &SCAN), "{name}");
        }
    }

    /// The file, and its problems as `line: words`.
    fn problems(text: &str) -> (RuleFile, Vec<String>) {
        let (file, problems) = read(text);
        let shown = problems.into_iter().map(|(span, words)| {
            let line = text[..span.start as usize].matches('\n').count() + 1;
            format!("{line}: {words}")
        });
        (file.unwrap_or_default(), shown.collect())
    }

    #[test]
    fn every_setting_is_read() {
        let text = r"
# PSRule's own settings and ours.
requires:
  PSRule: '@pre >=2.0.0'
rule:
  includeLocal: true
  exclude:
  - Azure.AKS.Version
  - PSRule.Rules.Azure\Azure.ACR.ContainerScan
suppression:
  Azure.ACR.ContainerScan:
  - MyRegistry
  - other
  AZR-000002:
    targetName:
    - third
  Azure.AKS.Version: [x]
override:
  level:
    Azure.ACR.ContainerScan: Error
    Azure.AKS.Version: Warning
input:
  pathIgnore:
  - 'out/'
  - '!out/keep.json'
configuration:
  AZURE_BICEP_FILE_EXPANSION: true
  PREFLIGHT_PLAN: containerregistry
  preflight_coverage: Deployment
  PREFLIGHT_HINTS: off
  AZURE_PARAMETER_DEFAULTS:
    deployAcr: true
    tags: { a: [1] }
";
        let (file, problems) = problems(text);
        assert_eq!(problems, [""; 0]);
        let expect = RuleFile {
            plan: Some(Plan::ContainerRegistry),
            coverage: Some(Coverage::Deployment),
            hints: Some(false),
            rules: file.rules.clone(),
            parameter_defaults: [
                ("deployacr".into(), serde_json::json!(true)),
                ("tags".into(), serde_json::json!({ "a": [1] })),
            ]
            .into_iter()
            .collect(),
            path_ignore: ["out/", "!out/keep.json"].map(str::to_owned).to_vec(),
        };
        assert_eq!(file, expect);
        let settings = file.rules.of(&SCAN, &[]);
        assert_eq!(settings.off, Some("rule.exclude"));
        assert_eq!(settings.level, Some(Level::Error));
        assert_eq!(settings.suppressed, ["myregistry", "other", "third"]);
    }

    #[test]
    fn which_rules_run() {
        let check = |text: &str, expect: Option<&str>| {
            let (file, reported) = problems(text);
            let off = file.rules.of(&SCAN, &[]).off;
            assert_eq!((off, reported.len()), (expect, 0), "{text}");
        };
        check("", None);
        check("rule:", None);
        check("rule:\n  include: []", None);
        check(
            "rule:\n  include: [Azure.AKS.Version]",
            Some("rule.include"),
        );
        check(
            "rule:\n  include: [Azure.AKS.Version]\n  includeLocal: true",
            Some("rule.include"),
        );
        check("rule:\n  include: [Azure.AKS.Version, azr-000002]", None);
        check("rule:\n  include: Azure.ACR.ContainerScan", None);
        check("rule:\n  exclude: AZR-000002", Some("rule.exclude"));
        check(
            "rule:\n  include: [AZR-000002]\n  exclude: [AZR-000002]",
            Some("rule.exclude"),
        );
        check("Rule:\n  Exclude: [AZR-000003]", None);
    }

    #[test]
    fn an_optional_rule_runs_only_when_named_exactly() {
        const ADMIN: RuleName = RuleName::optional("AZR-000005", "Azure.ACR.AdminUser");
        let off = |text: &str, added: &[&str]| {
            let added: Vec<String> = added.iter().map(|name| (*name).to_owned()).collect();
            let lists = problems(text).0.rules;
            [SCAN, ADMIN].map(|rule| lists.of(&rule, &added).off)
        };
        assert_eq!(off("", &[]), [None, Some("default")]);
        assert_eq!(off("", &["azr-000005"]), [None, None]);
        let include = |names: &str| off(&format!("rule:\n  include: [{names}]"), &[]);
        assert_eq!(include("'Azure.ACR.*'"), [None, Some("default")]);
        assert_eq!(include("AZR-000005"), [Some("rule.include"), None]);
        assert_eq!(include("AZR-000005, AZR-000002"), [None, None]);
        assert_eq!(
            off("rule:\n  exclude: ['*']", &["AZR-000005"]),
            [Some("rule.exclude"); 2]
        );
    }

    #[test]
    fn wrong_values_are_named_and_the_rest_counts() {
        let check = |text: &str, expect: &[&str]| {
            let text = format!("{text}\nsuppression:\n  AZR-000002: [kept]\n");
            let (file, reported) = problems(&text);
            assert_eq!(reported, expect, "{text}");
            assert_eq!(file.rules.of(&SCAN, &[]).suppressed, ["kept"], "{text}");
        };
        check("rule: [x]", &["1: `rule` must be a mapping, not a list."]);
        check(
            "rule:\n  exclude: {a: b}",
            &["2: `rule.exclude` must be a list, not a mapping."],
        );
        check(
            "rule:\n  exclude:\n  - x\n  - 5\n  - [y]",
            &[
                "4: `rule.exclude` must list texts, not a number.",
                "5: `rule.exclude` must list texts, not a list.",
            ],
        );
        check(
            "input:\n  pathIgnore:\n  - ok/\n  - 'a{b'",
            &["4: `a{b` is not a pattern for paths."],
        );
        check(
            "input: text",
            &["1: `input` must be a mapping, not a text."],
        );
        check(
            "override:\n  level:\n    AZR-000002: Severe",
            &[
                "3: `override.level.AZR-000002` must be Error or Warning or Information, not `Severe`.",
            ],
        );
        check(
            "configuration:\n  PREFLIGHT_PLAN: Servers\n  PREFLIGHT_COVERAGE: 3\n  PREFLIGHT_HINTS: maybe",
            &[
                "2: `PREFLIGHT_PLAN` must be Containers or ContainerRegistry, not `Servers`.",
                "3: `PREFLIGHT_COVERAGE` must be workspace or deployment or elsewhere, not a number.",
                "4: `PREFLIGHT_HINTS` must be true or false, not `maybe`.",
            ],
        );
        check(
            "configuration:\n  PREFLIGHT_COVERGE: workspace\n  AZURE_PARAMETER_DEFAULTS: [x]",
            &[
                "2: `PREFLIGHT_COVERGE` is not a setting: there are PREFLIGHT_PLAN, PREFLIGHT_COVERAGE and PREFLIGHT_HINTS.",
                "3: `AZURE_PARAMETER_DEFAULTS` must be a mapping, not a list.",
            ],
        );
    }

    #[test]
    fn text_that_is_not_yaml_is_reported_with_its_position() {
        let (file, reported) = read("rule:\n  exclude: [x\nsuppression: y\n");
        assert_eq!(file, None);
        assert!(
            reported[0].1.starts_with("This is not valid YAML"),
            "{reported:?}"
        );
        assert!(reported[0].0.start > 0);
        assert_eq!(
            problems("- just\n- a list\n").1,
            ["1: The file must be a mapping, not a list."]
        );
    }
}
