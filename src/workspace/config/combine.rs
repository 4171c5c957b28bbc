//! Combines the settings of files and editor, and records the source of each for `--show-config`.

use std::path::Path;
use std::sync::Arc;

use super::rule_file::RuleFile;
use super::{BicepConfig, Hints, Overrides, Settings, default_cache};

/// Overrides over the rule file over the defaults.
pub(super) fn combine(
    path: Option<&Path>,
    file: Option<&RuleFile>,
    bicep: Arc<BicepConfig>,
    overrides: &Overrides,
) -> Settings {
    let none = RuleFile::default();
    let rules = file.unwrap_or(&none);
    let in_file = path
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    let mut origins = Vec::new();
    let mut record = |name: &str, value: String, origin: &str| {
        origins.push((name.to_owned(), value, origin.to_owned()));
    };
    let origin = |overridden: bool, written: bool| match (overridden, written) {
        (true, _) => "editor or command line",
        (false, true) => in_file.as_str(),
        (false, false) => "default",
    };
    let plan = overrides.plan.or(rules.plan);
    let coverage = overrides.coverage.or(rules.coverage);
    let hints = overrides.hints.or(rules.hints);
    let of_plan = origin(overrides.plan.is_some(), rules.plan.is_some());
    record("plan", format!("{:?}", plan.unwrap_or_default()), of_plan);
    let of_coverage = origin(overrides.coverage.is_some(), rules.coverage.is_some());
    let value = format!("{:?}", coverage.unwrap_or_default()).to_lowercase();
    record("coverage", value, of_coverage);
    let of_hints = origin(overrides.hints.is_some(), rules.hints.is_some());
    let value = hints.unwrap_or(Hints::default().0).to_string();
    record("hints", value, of_hints);
    let lists = &rules.rules;
    for name in &overrides.rules {
        record("rule", name.clone(), "editor or command line");
    }
    of_rule_file(rules, &mut |name, value| record(name, value, &in_file));
    of_bicep_file(&bicep, &mut record);
    Settings {
        plan: plan.unwrap_or_default(),
        coverage: coverage.unwrap_or_default(),
        hints: hints.map_or(Hints::default(), Hints),
        rules: lists.clone(),
        added_rules: overrides.rules.clone(),
        parameter_defaults: rules.parameter_defaults.clone(),
        rule_file: path.map(Path::to_path_buf),
        bicep,
        origins,
    }
}

/// The settings of the rule file that take no default.
fn of_rule_file(rules: &RuleFile, record: &mut dyn FnMut(&str, String)) {
    let lists = &rules.rules;
    for name in &lists.include {
        record("rule.include", name.clone());
    }
    for name in &lists.exclude {
        record("rule.exclude", name.clone());
    }
    for (rule, level) in &lists.levels {
        record(&format!("override.level.{rule}"), format!("{level:?}"));
    }
    for (rule, names) in &lists.suppression {
        record(&format!("suppression.{rule}"), names.join(", "));
    }
    for pattern in &rules.path_ignore {
        record("input.pathIgnore", pattern.clone());
    }
    for (name, value) in &rules.parameter_defaults {
        record(
            &format!("AZURE_PARAMETER_DEFAULTS.{name}"),
            value.to_string(),
        );
    }
}

/// The settings of `bicepconfig.json`, with their source.
fn of_bicep_file(bicep: &BicepConfig, record: &mut dyn FnMut(&str, String, &str)) {
    let bicep_file = bicep.file.as_ref().map(|path| path.display().to_string());
    let bicep_file = bicep_file.as_deref().unwrap_or("default");
    let of_schemes = [
        ("br", &bicep.registry_aliases),
        ("ts", &bicep.template_spec_aliases),
    ];
    for (scheme, aliases) in of_schemes {
        for (alias, (first, second)) in aliases {
            let parts = first.iter().chain(second).map(String::as_str);
            let value = parts.collect::<Vec<_>>().join("/");
            record(
                &format!("moduleAliases.{scheme}.{alias}"),
                value,
                bicep_file,
            );
        }
    }
    for (alias, folder) in &bicep.mock_aliases {
        let value = folder.display().to_string();
        record(&format!("moduleAliasesMock.br.{alias}"), value, bicep_file);
    }
    let cache = bicep.cache_root.display().to_string();
    let own_cache = bicep.cache_root != default_cache();
    record(
        "cacheRootDirectory",
        cache,
        if own_cache { bicep_file } else { "default" },
    );
    if let Some(cloud) = &bicep.cloud {
        record("cloud.currentProfile", cloud.clone(), bicep_file);
    }
}
