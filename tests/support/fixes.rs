//! What every fix must hold: it is applied as an editor does it and checked against what it promises, by findings and
//! inventories before and after, independent of the verification in the product.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use preflight::analysis::{Analysis, Cancel, Diagnostic, Inventory, InventoryResource, Location};
use preflight::eval::{Instance, Kind, Value};
use preflight::rules::fix::{Fix, apply};
use preflight::syntax;
use preflight::workspace::disk::normalize;

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
    /// The name of the resource, where it is known.
    pub name: Option<String>,
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
        name: shown.resource_name.as_deref().map(str::to_owned),
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

/// In a workspace with more files only those near the edited ones are looked at.
const MOST_FILES: usize = 200;

/// Every file that may be an entry point and that reads an edited file, with what it is read through, and the finding's
/// own deployment.
fn entries(analysis: &Analysis, edited: &[(PathBuf, String)], own: &Key) -> Vec<PathBuf> {
    let ending = |path: &Path| {
        path.extension()
            .and_then(|it| it.to_str())
            .map(str::to_owned)
    };
    let is_entry = |path: &Path| {
        matches!(
            ending(path).as_deref(),
            Some("bicep" | "bicepparam" | "json")
        )
    };
    let on_disk = analysis.files_on_disk().filter(|path| is_entry(path));
    let mut files: BTreeSet<PathBuf> = on_disk.map(Path::to_path_buf).collect();
    let own = [Some(own.deployment.0.clone()), own.deployment.1.clone()];
    let mut read: BTreeSet<PathBuf> = own.into_iter().flatten().collect();
    read.extend(edited.iter().map(|(path, _)| path.clone()));
    files.extend(read.clone());
    if files.len() > MOST_FILES {
        let near: Vec<PathBuf> = read
            .iter()
            .filter_map(|path| path.ancestors().nth(2).map(Path::to_path_buf))
            .collect();
        files.retain(|path| near.iter().any(|folder| path.starts_with(folder)));
    }
    let references = |path: &Path| -> Vec<PathBuf> {
        let text = analysis.text(path).unwrap_or_default();
        let folder = path.parent().expect("a folder");
        let quoted = text
            .split(['\'', '"'])
            .filter(|piece| is_entry(Path::new(piece)));
        quoted.map(|piece| normalize(&folder.join(piece))).collect()
    };
    let referring: Vec<(PathBuf, Vec<PathBuf>)> = files
        .into_iter()
        .map(|path| (path.clone(), references(&path)))
        .collect();
    loop {
        let before = read.len();
        for (path, references) in &referring {
            // A parameter file in JSON may name no template.
            let gives_values =
                || ending(path).as_deref() == Some("json") && analysis.is_parameter_file(path);
            if references.iter().any(|one| read.contains(one)) || gives_values() {
                read.insert(path.clone());
            }
        }
        if read.len() == before {
            break;
        }
    }
    read.into_iter().filter(|path| is_entry(path)).collect()
}

/// Tiers of plans by name and subscription, and all other resources with how often each is deployed.
#[derive(Debug, Default, PartialEq)]
struct Deployed {
    /// Outputs, as text.
    outputs: Vec<String>,
    /// What plans have beside their tier and the extension that scans registries.
    rest: BTreeMap<(String, String), Vec<String>>,
    plans: BTreeMap<(String, String), Vec<String>>,
    others: BTreeMap<String, usize>,
    /// Pairs of plans of one scope that may be updated at the same time, by their names: a service takes one at a time.
    parallel: BTreeSet<(String, String)>,
}

/// What a deployment makes, from the inventory alone.
fn deployed(analysis: &mut Analysis, entry: &Path) -> Option<Deployed> {
    let inventory = analysis.inventory(entry, None)?;
    let outputs = inventory.outputs.iter();
    let mut found = Deployed {
        outputs: outputs
            .map(|(name, value)| format!("{name}={}", text(value)))
            .collect(),
        parallel: parallel(analysis, &inventory),
        ..Deployed::default()
    };
    for one in inventory.resources.iter().filter(|one| !one.existing) {
        let ty = one.resource_type.to_lowercase();
        let subscription = one.subscription.as_deref().unwrap_or("own").to_owned();
        if ty == "microsoft.security/pricings" {
            if one.condition == "false" {
                continue;
            }
            let name = one.name.as_deref().unwrap_or("?").to_lowercase();
            let mut shown = one.shown.iter();
            let tier = shown.find(|(label, _)| *label == "tier");
            let tier = tier.and_then(|(_, value)| value.as_deref());
            let tier = tier.unwrap_or("?").to_lowercase();
            let key = (name, one.target.clone());
            let rest = one.properties.as_ref().map(rest).unwrap_or_default();
            found.rest.entry(key.clone()).or_default().push(rest);
            found.plans.entry(key).or_default().push(tier);
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

/// The pairs of plans of one scope that may be updated at the same time. Iterations of a loop are, unless it has a batch
/// size of 1; how a public module orders its plans is not known.
fn parallel(analysis: &Analysis, inventory: &Inventory) -> BTreeSet<(String, String)> {
    let all = &inventory.expansion;
    let listed: Vec<&Instance> = (all.instances.iter())
        .filter(|one| one.copies != Some(0))
        .collect();
    // A resource without a place is not listed: then they do not correspond.
    let is_whole = listed.len() == inventory.resources.len();
    let plans: Vec<(&Instance, &InventoryResource)> = (listed.into_iter())
        .zip(&inventory.resources)
        .filter(|(one, _)| is_whole && one.resource_type.is("Microsoft.Security/pricings"))
        .filter(|(one, shown)| !shown.existing && shown.condition != "false" && !one.known_module)
        .collect();
    let mut serial: BTreeMap<&Location, bool> = BTreeMap::new();
    for (_, shown) in &plans {
        let location = &shown.location;
        serial.entry(location).or_insert_with(|| {
            let text = analysis.text(&location.path).unwrap_or_default();
            is_serial(&location.path, &text, location.span.range())
        });
    }
    let mut found = BTreeSet::new();
    for (index, (one, shown)) in plans.iter().enumerate() {
        for (other, also) in &plans[index + 1..] {
            let name = |plan: &Instance| text(&plan.name).to_lowercase();
            let ordered = all.follows(one, other) || all.follows(other, one);
            let of_loop = one.via == other.via && one.place == other.place;
            let in_turn = of_loop && serial[&shown.location];
            if shown.target == also.target && !ordered && !in_turn {
                let (first, second) = (name(one), name(other));
                found.insert((first.clone().min(second.clone()), first.max(second)));
            }
        }
    }
    found
}

/// Whether the resource at a place is in a loop with a batch size of 1.
fn is_serial(path: &Path, source: &str, range: Range<usize>) -> bool {
    let tree = parsed(path, source);
    let root = tree.root_node();
    let mut node = root.descendant_for_byte_range(range.start, range.end);
    while let Some(one) = node {
        let mut cursor = one.walk();
        let kind = match one.kind() {
            "resource_declaration" => "decorators",
            "object" => "pair",
            _ => {
                node = one.parent();
                continue;
            }
        };
        let children = one.named_children(&mut cursor);
        let mut texts = children
            .filter(|child| child.kind() == kind)
            .map(|child| source[child.byte_range()].replace([' ', '\n', '\r', '\t'], ""));
        return texts.any(|text| {
            text.contains("batchSize(1)")
                || text.starts_with("\"copy\"")
                    && (text.contains("\"batchSize\":1}") || text.contains("\"batchSize\":1,"))
        });
    }
    false
}

/// The tree of a template.
fn parsed(path: &Path, text: &str) -> tree_sitter::Tree {
    let is_json = path.extension().is_some_and(|ending| ending == "json");
    let language = match is_json {
        true => syntax::json(),
        false => syntax::bicep(),
    };
    syntax::parse(language, text, None)
}

/// A value as text, without the nodes that it comes from.
fn text(value: &Value) -> String {
    match &value.kind {
        Kind::Array(array) => array
            .items
            .iter()
            .map(|it| format!("[{}]", text(it)))
            .collect(),
        Kind::Object(object) => {
            let members = object.members.iter();
            members
                .map(|(name, it)| format!("{{{name}:{}}}", text(it)))
                .collect()
        }
        Kind::Str(text) => text.to_string(),
        Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) | Kind::Null => format!("{:?}", value.kind),
        Kind::OneOf(_) | Kind::Unknown(_) | Kind::Internal(_) => "?".to_owned(),
    }
}

/// The properties of a plan that no fix changes.
fn rest(properties: &Value) -> String {
    let Kind::Object(object) = &properties.kind else {
        return text(properties);
    };
    let mut all = String::new();
    for (name, value) in &object.members {
        match &value.kind {
            _ if name.is("pricingTier") => {}
            Kind::Array(list) if name.is("extensions") => {
                let texts = list.items.iter().map(text);
                let scans = "containerregistriesvulnerabilityassessments";
                all.extend(texts.filter(|text| !text.to_lowercase().contains(scans)));
            }
            _ => all += &format!("{name}={}", text(value)),
        }
    }
    all
}

/// What a fix changed in one deployment beyond what its title states.
fn departure(before: &Deployed, after: &Deployed, fix: &Fix) -> Option<String> {
    if before.others != after.others {
        return Some(format!(
            "other resources: {:?} {:?}",
            before.others, after.others
        ));
    }
    if before.outputs != after.outputs {
        return Some(format!("outputs: {:?} {:?}", before.outputs, after.outputs));
    }
    // What is declared there already keeps its order; a renamed plan has another name.
    let adds = fix.id.starts_with("insert") || fix.id.starts_with("join");
    if let Some(pair) = (after.parallel.difference(&before.parallel).next()).filter(|_| adds) {
        return Some(format!("plans that are updated at the same time: {pair:?}"));
    }
    for (key, old) in &before.rest {
        let new = after.rest.get(key);
        if let Some(new) = new
            && !old.iter().all(|one| new.contains(one))
        {
            return Some(format!(
                "properties of plan {key:?}: {old:?} becomes {new:?}"
            ));
        }
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
        let most = old.len().max(1);
        // Another plan of that name may stay off, as under a condition that excludes the registry's.
        let mut changed = new.clone();
        for tier in old {
            changed
                .iter()
                .position(|it| it == tier)
                .map(|at| changed.remove(at));
        }
        let on = |tier: &String| tier == "standard";
        let standard = renamed || !changed.is_empty() && changed.iter().all(on);
        if plan.as_deref() != Some(&key.0) || !standard || new.len() > most || !gains {
            return Some(format!("plan {key:?}: {old:?} becomes {new:?}"));
        }
    }
    None
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
    for (path, text) in &files {
        let was = analysis.text(path).unwrap_or_default();
        if let Some(wrong) = written_wrong(path, &was, text) {
            return Err(format!("{}: {wrong}\n{text}", path.display()));
        }
    }
    let entries = entries(analysis, &files, corrected);
    let deployed_before: Vec<_> = entries.iter().map(|one| deployed(analysis, one)).collect();
    let former: Vec<_> = files.iter().map(|(path, _)| analysis.text(path)).collect();
    for (path, text) in &files {
        analysis.open(path, 1, text);
    }
    settle(analysis);
    let left = shown(analysis);
    let mut reported = findings_left(&before, &left, corrected, fix);
    if offered_again(analysis, corrected, fix) && reported.is_ok() {
        reported = Err("it is offered again".to_owned());
    }
    for (entry, was) in entries.iter().zip(deployed_before) {
        let now = deployed(analysis, entry);
        let wrong = match (was, now) {
            (Some(was), Some(now)) => departure(&was, &now, fix),
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

/// The parameters of a template that have no default: what each of its parameter files must give.
fn required(path: &Path, text: &str) -> BTreeSet<String> {
    if path.extension().is_some_and(|ending| ending == "bicep") {
        let mut required = BTreeSet::new();
        each_node(parsed(path, text).root_node(), &mut |node| {
            let field = |name| node.child_by_field_name(name);
            let nullable = || field("type").is_some_and(|it| it.kind() == "nullable_type");
            if node.kind() == "param_declaration"
                && field("value").is_none()
                && !nullable()
                && let Some(name) = field("name")
            {
                required.insert(text[name.byte_range()].to_owned());
            }
        });
        return required;
    }
    let template: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let parameters = template["parameters"].as_object().into_iter().flatten();
    let required = parameters.filter(|(_, one)| one.get("defaultValue").is_none());
    required.map(|(name, _)| name.clone()).collect()
}

/// The parameters and variables of a Bicep file that nothing names but their declaration.
fn unused(path: &Path, text: &str) -> BTreeSet<String> {
    if path.extension().is_none_or(|ending| ending != "bicep") {
        return BTreeSet::new();
    }
    let tree = parsed(path, text);
    let (mut named, mut declared) = (BTreeMap::new(), BTreeSet::new());
    each_node(tree.root_node(), &mut |node| {
        if node.kind() == "identifier" {
            *named.entry(text[node.byte_range()].to_owned()).or_insert(0) += 1;
        }
        if matches!(node.kind(), "param_declaration" | "var_declaration")
            && let Some(name) = node.child_by_field_name("name")
        {
            declared.insert(text[name.byte_range()].to_owned());
        }
    });
    declared.retain(|name| named.get(name) == Some(&1));
    declared
}

/// The names of deployments that fixes add, as written, that do not have the region in them.
fn without_region(path: &Path, text: &str) -> BTreeSet<String> {
    let tree = parsed(path, text);
    let mut found = BTreeSet::new();
    each_node(tree.root_node(), &mut |node| {
        if matches!(node.kind(), "property" | "pair")
            && let Some(key) = node.child_by_field_name("key")
            && let Some(value) = node.child_by_field_name("value")
        {
            let (key, value) = (&text[key.byte_range()], &text[value.byte_range()]);
            // The name of a loop is none.
            let (object, copy) = (node.parent(), |it: &str| it.trim_matches('"') == "copy");
            let holder = object.and_then(|it| it.parent()?.child_by_field_name("key"));
            let in_copy = holder.is_some_and(|key| copy(&text[key.byte_range()]));
            let is_name = key.trim_matches('"') == "name" && !in_copy;
            if is_name && value.contains("defender-for-container") && !value.contains("location") {
                found.insert(value.to_owned());
            }
        }
    });
    found
}

/// Calls `f` with a node and all below it.
fn each_node(root: tree_sitter::Node<'_>, f: &mut dyn FnMut(tree_sitter::Node<'_>)) {
    let mut nodes = vec![root];
    while let Some(node) = nodes.pop() {
        f(node);
        let mut cursor = node.walk();
        nodes.extend(node.named_children(&mut cursor));
    }
}

/// What the compiler, its linter or a deployment would refuse in a file that a fix leaves.
fn written_wrong(path: &Path, was: &str, is: &str) -> Option<String> {
    let more = |what: &str, of: fn(&Path, &str) -> BTreeSet<String>| {
        let name = of(path, is).difference(&of(path, was)).next().cloned();
        name.map(|name| format!("{what} '{name}'"))
    };
    // A deployment's name is bound to its region in a subscription.
    more("requires parameter", required)
        .or_else(|| more("does not use", unused))
        .or_else(|| more("has no region in the name of a deployment:", without_region))
}

/// Whether a fix that was applied is offered again for its finding in its deployment.
fn offered_again(analysis: &mut Analysis, corrected: &Key, fix: &Fix) -> bool {
    for report in analysis.reports() {
        for shown in report.diagnostics.iter().filter(|d| d.suppressed.is_none()) {
            if key(analysis, shown) == *corrected {
                let fixes = analysis.fixes(&report.path, shown.location.span, true);
                let same = |(_, other): &(usize, Fix)| {
                    other.title == fix.title && other.edits == fix.edits
                };
                if fixes.iter().any(same) {
                    return true;
                }
            }
        }
    }
    false
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
    let silences = fix.id == "suppress";
    let in_source = silences && fix.edits.iter().all(|e| !e.path.ends_with("ps-rule.yaml"));
    // What silences one name, or turns on a plan that is there, is for the resource that the finding names: another one of
    // its loop may still be reported, on the same line. So may another deployment.
    let adds = fix.id.starts_with("insert") || fix.id.starts_with("join");
    let for_one = !in_source && !adds;
    let same = |key: &&Key| {
        at(key, corrected)
            && !is_hint(key)
            && key.deployment == corrected.deployment
            && (!for_one || key.name == corrected.name)
    };
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
    if in_source {
        // A pragma silences whatever begins on its line in one deployment, as two plans of a list.
        let alike = |one: &Key| Key {
            name: None,
            ..one.clone()
        };
        let mut others = before.keys().filter(|key| alike(key) != alike(corrected));
        let lost = others.find(|key| !left.contains_key(*key));
        if let Some(key) = lost {
            return Err(format!("another finding is silenced: {key:?}"));
        }
    }
    Ok(())
}
