//! `ps-rule.yaml`, the configuration file of PSRule.
//!
//! Names, shapes and precedence are PSRule's (its page *about_PSRule_Options*). Preflight's own settings are under
//! `configuration`.

use ignore::gitignore::GitignoreBuilder;
use indexmap::IndexMap;

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

/// What is wrong in a file: where, and one plain sentence.
pub type Problems = Vec<(Span, String)>;

/// Reads the text of a file. `None` where it is no YAML at all.
pub fn read(text: &str) -> (Option<RuleFile>, Problems) {
    let reading = data::yaml(text);
    if let Some((span, words)) = reading.problem {
        return (
            None,
            vec![(span, format!("This is not valid YAML: {words}."))],
        );
    }
    let mut reader = Reader::default();
    let root = &reading.data;
    if reader.mapping(root, "The file") {
        reader.rule(root.get("rule"));
        reader.suppression(root.get("suppression"));
        reader.levels(root.get("override"));
        reader.input(root.get("input"));
        reader.configuration(root.get("configuration"));
    }
    reader.problems.sort();
    (Some(reader.file), reader.problems)
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

#[derive(Default)]
struct Reader {
    file: RuleFile,
    problems: Problems,
}

impl Reader {
    fn problem(&mut self, span: Span, words: String) {
        self.problems.push((span, words));
    }

    /// Whether data is a mapping; states so where it is something else. Nothing at all is an empty mapping.
    fn mapping(&mut self, data: &Data, name: &str) -> bool {
        match data.kind {
            DataKind::Map(_) => true,
            DataKind::Null => false,
            _ => {
                self.problem(
                    data.span,
                    format!("{name} must be a mapping, not {}.", data.what()),
                );
                false
            }
        }
    }

    /// The texts of a list, or a single text, as PSRule takes both.
    fn texts<'a>(&mut self, data: Option<&'a Data>, name: &str) -> Vec<&'a str> {
        let Some(data) = data else {
            return Vec::new();
        };
        match &data.kind {
            DataKind::Null => Vec::new(),
            DataKind::Str(text) => vec![text],
            DataKind::List(items) => {
                let mut texts = Vec::with_capacity(items.len());
                for item in items {
                    match item.as_str() {
                        Some(text) => texts.push(text),
                        None => self.problem(
                            item.span,
                            format!("`{name}` must list texts, not {}.", item.what()),
                        ),
                    }
                }
                texts
            }
            _ => {
                self.problem(
                    data.span,
                    format!("`{name}` must be a list, not {}.", data.what()),
                );
                Vec::new()
            }
        }
    }

    fn rule(&mut self, rule: Option<&Data>) {
        let Some(rule) = rule else {
            return;
        };
        if !self.mapping(rule, "`rule`") {
            return;
        }
        // `includeLocal` is about rules in the workspace; ours come from a module.
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        self.file.rules.include = owned(self.texts(rule.get("include"), "rule.include"));
        self.file.rules.exclude = owned(self.texts(rule.get("exclude"), "rule.exclude"));
    }

    fn suppression(&mut self, suppression: Option<&Data>) {
        let Some(suppression) = suppression else {
            return;
        };
        if !self.mapping(suppression, "`suppression`") {
            return;
        }
        for (key, names) in suppression.members() {
            let label = format!("suppression.{}", key.text);
            let names = match names.kind {
                DataKind::Map(_) => names.get("targetName"),
                _ => Some(names),
            };
            let names = self.texts(names, &label);
            let names = names.iter().map(|name| name.to_lowercase()).collect();
            self.file.rules.suppression.push((key.text.clone(), names));
        }
    }

    fn levels(&mut self, overrides: Option<&Data>) {
        let Some(overrides) = overrides else {
            return;
        };
        if !self.mapping(overrides, "`override`") {
            return;
        }
        let Some(levels) = overrides.get("level") else {
            return;
        };
        if !self.mapping(levels, "`override.level`") {
            return;
        }
        for (key, level) in levels.members() {
            let choices = [
                ("Error", Level::Error),
                ("Warning", Level::Warning),
                ("Information", Level::Information),
            ];
            let name = format!("override.level.{}", key.text);
            if let Some(level) = self.choice(level, &name, &choices) {
                self.file.rules.levels.push((key.text.clone(), level));
            }
        }
    }

    fn input(&mut self, input: Option<&Data>) {
        let Some(input) = input else {
            return;
        };
        if self.mapping(input, "`input`") {
            let list = input.get("pathIgnore");
            let patterns = self.texts(list, "input.pathIgnore");
            for pattern in patterns {
                match GitignoreBuilder::new("").add_line(None, pattern) {
                    Ok(_) => self.file.path_ignore.push(pattern.to_owned()),
                    Err(_) => {
                        let span = list.map(|list| place_of(list, pattern)).unwrap_or_default();
                        self.problem(span, format!("`{pattern}` is not a pattern for paths."));
                    }
                }
            }
        }
    }

    fn configuration(&mut self, configuration: Option<&Data>) {
        let Some(configuration) = configuration else {
            return;
        };
        if !self.mapping(configuration, "`configuration`") {
            return;
        }
        for (key, value) in configuration.members() {
            match key.text.to_ascii_uppercase().as_str() {
                "PREFLIGHT_PLAN" => {
                    self.file.plan = self.choice(value, &key.text, &Plan::NAMES);
                }
                "PREFLIGHT_COVERAGE" => {
                    self.file.coverage = self.choice(value, &key.text, &Coverage::NAMES);
                }
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
                    self.file.hints = match value.kind {
                        DataKind::Bool(on) => Some(on),
                        _ => self.choice(value, &key.text, &choices),
                    };
                }
                "AZURE_PARAMETER_DEFAULTS" => {
                    self.mapping(value, "`AZURE_PARAMETER_DEFAULTS`");
                    let defaults = value.members().iter();
                    self.file.parameter_defaults = defaults
                        .map(|(key, value)| (Ident::from(key.text.as_str()), value.to_json()))
                        .collect();
                }
                name if name.starts_with("PREFLIGHT_") => self.problem(
                    key.span,
                    format!(
                        "`{}` is not a setting: there are PREFLIGHT_PLAN, PREFLIGHT_COVERAGE and PREFLIGHT_HINTS.",
                        key.text
                    ),
                ),
                _ => {}
            }
        }
    }

    /// One of a few words, in any case; states which there are where it is none of them.
    fn choice<T: Copy>(&mut self, data: &Data, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = data.as_str().unwrap_or_default();
        let chosen = choices
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text));
        if chosen.is_none() {
            let got = match data.as_str() {
                Some(text) => format!("`{text}`"),
                None => data.what().to_owned(),
            };
            // The words for a flag that come after the first two are for old habits only.
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).take(3).collect();
            let words = if choices.len() > 3 {
                &words[..2]
            } else {
                &words
            };
            self.problem(
                data.span,
                format!("`{name}` must be {}, not {got}.", words.join(" or ")),
            );
        }
        chosen.map(|(_, value)| *value)
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
