//! What every fix must hold: it is applied as an editor does it and checked against what it promises, by findings and
//! inventories before and after, independent of the verification in the product.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use preflight::analysis::{Analysis, Cancel, Diagnostic};
use preflight::rules::fix::{Fix, apply};
use preflight::syntax;

/// A finding as it survives edits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// Its file.
    pub path: PathBuf,
    /// The line that it begins on, without blanks at the ends.
    pub line: String,
    /// Its verdict, or `hint`.
    pub verdict: String,
    /// The deployment that it names: entry point and parameter file.
    pub deployment: (PathBuf, Option<PathBuf>),
}

/// Plans whose names a fix may replace by `Containers`.
const SUPERSEDED: [&str; 2] = ["containerregistry", "kubernetesservice"];

/// Refreshes until nothing is left.
pub(crate) fn settle(analysis: &mut Analysis) {
    loop {
        analysis.refresh(&Cancel::default());
        if !analysis.is_pending() {
            return;
        }
    }
}

/// The key of a finding.
pub(crate) fn key(analysis: &Analysis, shown: &Diagnostic) -> Key {
    let text = analysis.text(&shown.location.path).unwrap_or_default();
    let start = shown.location.span.start as usize;
    let from = text[..start].rfind(['\n', '\r']).map_or(0, |at| at + 1);
    let to = text[start..]
        .find(['\n', '\r'])
        .map_or(text.len(), |at| start + at);
    Key {
        path: shown.location.path.to_path_buf(),
        line: text[from..to].trim().to_owned(),
        verdict: shown.verdict.name().to_owned(),
        deployment: (
            shown.entry.to_path_buf(),
            shown.parameters.as_ref().map(|path| path.to_path_buf()),
        ),
    }
}

/// How often each finding is shown; silenced ones are not.
pub(crate) fn shown(analysis: &Analysis) -> BTreeMap<Key, usize> {
    let mut found = BTreeMap::new();
    for report in analysis.reports() {
        for one in report.diagnostics.iter().filter(|d| d.suppressed.is_none()) {
            *found.entry(key(analysis, one)).or_default() += 1;
        }
    }
    found
}

/// The files that a fix leaves: path and whole text.
pub(crate) fn after(analysis: &Analysis, fix: &Fix) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for edit in &fix.edits {
        let before = match edit.create {
            true => String::new(),
            false => analysis
                .text(&edit.path)
                .expect("the file to edit")
                .to_string(),
        };
        let mut end = 0;
        for change in &edit.edits {
            assert!(
                change.span.start >= end,
                "edits are sorted and do not overlap: {edit:?}"
            );
            end = change.span.end;
            assert!(
                before.is_char_boundary(change.span.start as usize),
                "{edit:?}"
            );
        }
        assert!(
            end as usize <= before.len(),
            "edits lie in the text: {edit:?}"
        );
        files.push((edit.path.to_path_buf(), apply(&before, &edit.edits)));
    }
    files
}

/// Syntax errors of a text by the ending of its path; none for what is no template.
pub(crate) fn syntax_errors(path: &Path, text: &str) -> usize {
    let language = match path.extension().and_then(|e| e.to_str()) {
        Some("bicep" | "bicepparam") => syntax::bicep(),
        Some("json" | "jsonc" | "arm") => syntax::json(),
        _ => return 0,
    };
    syntax::syntax_errors(&syntax::parse(language, text, None), text).len()
}

/// Entry points that a fix could matter to: the edited files and the finding's own, then what is beside them.
fn entries(edited: &[(PathBuf, String)], own: &Key) -> Vec<PathBuf> {
    let mut near: Vec<PathBuf> = edited.iter().map(|(path, _)| path.clone()).collect();
    near.push(own.deployment.0.clone());
    near.extend(own.deployment.1.clone());
    let folders: BTreeSet<PathBuf> = near
        .iter()
        .filter_map(|path| path.parent().map(Path::to_path_buf))
        .collect();
    for folder in folders {
        let found = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut beside: Vec<PathBuf> = found.map(|entry| entry.path()).collect();
        beside.sort();
        near.extend(beside);
    }
    let is_entry = |path: &PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str());
        matches!(ending, Some("bicep" | "bicepparam" | "json"))
    };
    let mut seen = BTreeSet::new();
    near.retain(|path| is_entry(path) && seen.insert(path.clone()));
    near.truncate(12);
    near
}

/// Tiers of plans by name and subscription, and all other resources with how often each is deployed.
#[derive(Debug, Default, PartialEq)]
struct Deployed {
    plans: BTreeMap<(String, String), Vec<String>>,
    others: BTreeMap<String, usize>,
}

/// What a deployment makes, from the inventory alone.
fn deployed(analysis: &mut Analysis, entry: &Path) -> Option<Deployed> {
    let inventory = analysis.inventory(entry, None)?;
    let mut found = Deployed::default();
    for one in inventory.resources.iter().filter(|one| !one.existing) {
        let ty = one.resource_type.to_lowercase();
        let subscription = one.subscription.as_deref().unwrap_or("own").to_owned();
        if ty == "microsoft.security/pricings" {
            if one.condition == "false" {
                continue;
            }
            let name = one.name.as_deref().unwrap_or("?").to_lowercase();
            let subscription = format!("{} {subscription}", one.scope);
            let tier = one.tier.clone().flatten();
            let tier = tier.as_deref().unwrap_or("?").to_lowercase();
            let plans = found.plans.entry((name, subscription)).or_default();
            plans.push(tier);
        } else if ty != "microsoft.resources/deployments" {
            let text = format!(
                "{ty} {:?} {} {subscription} {:?} {} {:?}",
                one.name, one.scope, one.resource_group, one.condition, one.copies
            );
            *found.others.entry(text).or_default() += 1;
        }
    }
    Some(found)
}

/// What a fix changed in one deployment beyond what its title states.
fn departure(before: &Deployed, after: &Deployed, verdict: &str, fix: &Fix) -> Option<String> {
    if before.others != after.others {
        return Some(format!(
            "other resources: {:?} {:?}",
            before.others, after.others
        ));
    }
    let has_registry = before
        .others
        .keys()
        .any(|text| text.starts_with("microsoft.containerregistry/registries "));
    let gains = has_registry || !before.plans.is_empty();
    let none = Vec::new();
    for key in before.plans.keys().chain(after.plans.keys()) {
        let old = before.plans.get(key).unwrap_or(&none);
        let new = after.plans.get(key).unwrap_or(&none);
        if old == new {
            continue;
        }
        let plan = fix.paid.map(str::to_lowercase);
        let replaces = fix.id.starts_with("re");
        if replaces && new.is_empty() && SUPERSEDED.contains(&&*key.0) {
            continue;
        }
        let renamed = fix.id == "rename-plan" && old.is_empty();
        // The inventory does not tell two subscriptions that are not known from each other.
        let another = verdict == "unknown" || to_another_subscription(fix);
        let most = old.len().max(1) + usize::from(another);
        let standard = renamed || new.iter().all(|tier| tier == "standard");
        if plan.as_deref() != Some(&key.0) || !standard || new.len() > most || !gains {
            return Some(format!("plan {key:?}: {old:?} becomes {new:?}"));
        }
    }
    None
}

/// Whether a fix adds a module with the subscription in its scope.
fn to_another_subscription(fix: &Fix) -> bool {
    let mut edits = fix.edits.iter().flat_map(|file| &file.edits);
    edits.any(|edit| {
        let scope = edit.text.split_once("subscription(");
        scope.is_some_and(|(_, argument)| !argument.starts_with(')'))
    })
}

/// Applies a fix to the open analysis, checks what every fix promises, and takes it back. `Err` states what is wrong.
pub(crate) fn check(analysis: &mut Analysis, corrected: &Key, fix: &Fix) -> Result<(), String> {
    let before = shown(analysis);
    let files = after(analysis, fix);
    for (path, text) in &files {
        let was = analysis
            .text(path)
            .map_or(0, |text| syntax_errors(path, &text));
        if syntax_errors(path, text) > was {
            return Err(format!(
                "{} does not parse any more:\n{text}",
                path.display()
            ));
        }
    }
    let entries = entries(&files, corrected);
    let deployed_before: Vec<_> = entries.iter().map(|one| deployed(analysis, one)).collect();
    let former: Vec<_> = files.iter().map(|(path, _)| analysis.text(path)).collect();
    for (path, text) in &files {
        analysis.open(path, 1, text);
    }
    settle(analysis);
    let left = shown(analysis);
    let mut reported = findings_left(&before, &left, corrected, fix);
    for (entry, was) in entries.iter().zip(deployed_before) {
        let now = deployed(analysis, entry);
        let wrong = match (was, now) {
            (Some(was), Some(now)) => departure(&was, &now, &corrected.verdict, fix),
            (Some(_), None) => Some("no inventory any more".to_owned()),
            (None, _) => None,
        };
        if let (Some(wrong), Ok(())) = (wrong, &reported) {
            reported = Err(format!("{}: {wrong}", entry.display()));
        }
    }
    for ((path, _), former) in files.iter().zip(former) {
        match former {
            // It was open, and is on no disk.
            Some(text) if !path.exists() => analysis.open(path, 1, &text),
            _ => analysis.close(path),
        }
    }
    settle(analysis);
    reported?;
    match shown(analysis) == before {
        true => Ok(()),
        false => Err("taking the fix back does not bring the findings back".to_owned()),
    }
}

/// Whether the finding is gone, no other appeared, and a suppression silences nothing else.
fn findings_left(
    before: &BTreeMap<Key, usize>,
    left: &BTreeMap<Key, usize>,
    corrected: &Key,
    fix: &Fix,
) -> Result<(), String> {
    let at = |one: &Key, other: &Key| (&one.path, &one.line) == (&other.path, &other.line);
    let is_hint = |key: &Key| key.verdict == "hint";
    // Another deployment may still report it: the fix is for the one that the finding names.
    let same =
        |key: &&Key| at(key, corrected) && !is_hint(key) && key.deployment == corrected.deployment;
    let count = |of: &BTreeMap<Key, usize>| -> usize {
        of.iter().filter(|(key, _)| same(key)).map(|(_, n)| n).sum()
    };
    if !is_hint(corrected) && count(left) >= count(before) {
        let found: Vec<_> = left.keys().filter(|key| at(key, corrected)).collect();
        return Err(format!("the finding is not gone: {found:?}"));
    }
    for key in left.keys() {
        let known = before
            .keys()
            .any(|other| at(key, other) && is_hint(key) == is_hint(other));
        // The plan of the rule's page brings the hint that there is a newer one.
        let advice = is_hint(key) && fix.paid == Some("ContainerRegistry");
        if !known && !advice {
            return Err(format!("a new finding: {key:?}"));
        }
    }
    let in_source =
        fix.id == "suppress" && fix.edits.iter().all(|e| !e.path.ends_with("ps-rule.yaml"));
    if in_source {
        let lost = before
            .keys()
            .find(|key| *key != corrected && !left.contains_key(*key));
        if let Some(key) = lost {
            return Err(format!("another finding is silenced: {key:?}"));
        }
    }
    Ok(())
}
