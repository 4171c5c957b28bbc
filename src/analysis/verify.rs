//! Fixes are proposed by rules and verified here, for all rules alike: the edits are applied in memory, every
//! deployment that reads an edited file is evaluated again, and the fix is offered only if the deployments differ in
//! nothing but what its title promises and the finding is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use super::Analysis;
use super::deployments::{Key, expand_all, outputs_all};
use super::inventory::EVERYTHING;
use crate::eval::{DeploymentScope, Existence, Expansion, Instance, Kind, Value};
use crate::model::FileId;
use crate::rules::finding::{Finding, Subject, Verdict};
use crate::rules::fix::{Fix, apply};
use crate::rules::{self, Deployment, WorkspacePlans};
use crate::workspace::entries::Sharing;

/// A fix that touches more deployments than these is not offered: to evaluate them all would take too long.
const MAX_DEPLOYMENTS: usize = 512;

/// Times that an evaluation is repeated because it asked for files that were not loaded.
const MAX_ROUNDS: usize = 64;

/// What one fix may change.
#[derive(Clone, Copy)]
struct Promise<'a> {
    /// The plan that it turns on.
    plan: Option<&'static str>,
    /// It renames a superseded plan: the tier stays.
    renames: bool,
    /// It puts the plan in the place of a superseded one.
    replaces: bool,
    /// It sets a member of this resource: type and name.
    sets_value: Option<(&'a str, &'a str)>,
}

/// Verifies the fixes of one request; evaluates each deployment as it is once.
#[derive(Default)]
pub(super) struct Verifier {
    before: BTreeMap<Key, Evaluated>,
    /// What the rules report of each.
    reported: BTreeMap<Key, Vec<Reported>>,
}

/// A deployment as far as fixes are concerned.
struct Evaluated {
    expansion: Arc<Expansion>,
    plans: Plans,
    /// Other resources as text, with how often each is deployed.
    others: BTreeMap<String, usize>,
    outputs: Vec<(String, String)>,
    /// What could not be read or evaluated.
    unread: usize,
}

/// Plans by subscription and name, both as text.
type Plans = BTreeMap<(String, String), Vec<PlanFacts>>;

/// What is compared of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PlanFacts {
    tier: Option<String>,
    existence: String,
    scans: String,
    rest: String,
    /// Everything about it is known.
    known: bool,
}

/// The fixes proposed for a finding, with the finding's index in its report.
pub(super) type Proposed = (usize, Finding, Vec<Fix>);

impl Verifier {
    /// The fixes of findings that do what they promise.
    pub(super) fn verify(
        &mut self,
        analysis: &mut Analysis,
        proposed: Vec<Proposed>,
    ) -> Vec<(usize, Fix)> {
        let mut offered = Vec::new();
        for (index, finding, fixes) in proposed {
            let fixes = self.verified(analysis, &finding, fixes);
            offered.extend(fixes.into_iter().map(|fix| (index, fix)));
        }
        offered
    }

    /// The fixes that do what they promise, in their order: of those with one id the first, and the first of all that
    /// may be preferred is.
    fn verified(
        &mut self,
        analysis: &mut Analysis,
        finding: &Finding,
        fixes: Vec<Fix>,
    ) -> Vec<Fix> {
        let mut kept: Vec<Fix> = Vec::new();
        for mut fix in fixes {
            let known = kept.iter().any(|other| {
                other.id == fix.id
                    || Some(&other.id) == fix.fallback_for.as_ref()
                    || other.edits == fix.edits && !fix.edits.is_empty()
            });
            if known || !self.holds(analysis, finding, &fix) {
                continue;
            }
            fix.preferred &= !kept.iter().any(|other| other.preferred);
            kept.push(fix);
        }
        kept
    }

    fn holds(&mut self, analysis: &mut Analysis, finding: &Finding, fix: &Fix) -> bool {
        let mut texts = Vec::new();
        for edit in &fix.edits {
            let id = analysis.workspace.intern(&edit.path);
            let old = match edit.create {
                true => Arc::default(),
                false => analysis.workspace.text(id).unwrap_or_default(),
            };
            let kind = analysis.workspace.file(id).kind;
            let config = edit
                .path
                .extension()
                .is_some_and(|it| it == "yaml" || it == "yml");
            if !config {
                texts.push((id, kind, apply(&old, &edit.edits)));
            }
        }
        let sets_value = match &finding.subject {
            Subject::Value(_) => Some((
                finding.resource_type.as_str(),
                finding.resource_name.as_deref().unwrap_or_default(),
            )),
            _ => None,
        };
        // A pragma or a line of configuration changes no deployment.
        if texts.is_empty() || fix.paid.is_none() && sets_value.is_none() {
            return true;
        }
        let files: Vec<FileId> = texts.iter().map(|(id, ..)| *id).collect();
        let keys = analysis.deployments_around(finding, &files);
        if keys.len() > MAX_DEPLOYMENTS {
            return false;
        }
        for key in &keys {
            if !self.before.contains_key(key) {
                let evaluated = analysis.evaluated(*key);
                self.before.insert(*key, evaluated);
            }
        }
        let covered: Vec<_> = texts
            .iter()
            .map(|(id, _, text)| analysis.workspace.overlay(*id, text))
            .collect();
        let after: BTreeMap<Key, Evaluated> = keys
            .iter()
            .map(|key| (*key, analysis.evaluated(*key)))
            .collect();
        let gone = fix.paid.is_none() || self.finding_is_gone(analysis, finding, &after);
        for one in covered {
            analysis.workspace.uncover(one);
        }
        let promise = Promise {
            plan: fix.paid,
            renames: fix.id == "rename-plan",
            replaces: fix.id.starts_with("replace-plan"),
            sets_value,
        };
        gone && after
            .iter()
            .all(|(key, after)| keeps(promise, &self.before[key], after))
    }

    /// Whether the finding's own deployment no longer reports it, and no deployment reports what it did not.
    fn finding_is_gone(
        &mut self,
        analysis: &Analysis,
        finding: &Finding,
        after: &BTreeMap<Key, Evaluated>,
    ) -> bool {
        let own = (finding.entry, finding.parameters);
        after.iter().all(|(key, evaluated)| {
            let expansion = &self.before[key].expansion;
            let old = self
                .reported
                .entry(*key)
                .or_insert_with(|| analysis.reported(*key, expansion, &BTreeMap::new()));
            let new = analysis.reported(*key, &evaluated.expansion, after);
            let count = |all: &[Reported]| all.iter().filter(|one| one.is(finding)).count();
            let fewer = *key != own || count(&new) < count(old);
            fewer
                && new.iter().all(|one| {
                    one.2 == Verdict::Hint
                        || old.iter().any(|other| other.0 == one.0 && other.1 == one.1)
                })
        })
    }
}

/// Rule, resource name and verdict of a result.
struct Reported(&'static str, Option<Arc<str>>, Verdict);

impl Reported {
    fn is(&self, finding: &Finding) -> bool {
        self.0 == finding.rule.title
            && (self.2 == Verdict::Hint) == (finding.verdict == Verdict::Hint)
            && self.1 == finding.resource_name
    }
}

impl Analysis {
    /// The deployments that read one of the files, and those of the finding, which come first.
    fn deployments_around(&self, finding: &Finding, files: &[FileId]) -> Vec<Key> {
        let own = (finding.entry, finding.parameters);
        let mut keys = vec![own];
        let mut others = BTreeSet::new();
        for file in files {
            others.extend(self.deployments.readers(*file));
        }
        others.remove(&own);
        keys.extend(others);
        keys
    }

    fn evaluated(&mut self, key: Key) -> Evaluated {
        let mut result = expand_all(&self.workspace, key, &EVERYTHING);
        for _ in 0..MAX_ROUNDS {
            if result.1.is_empty() {
                break;
            }
            self.demand(std::mem::take(&mut result.1).into_iter().collect());
            result = expand_all(&self.workspace, key, &EVERYTHING);
        }
        let (mut plans, mut others) = (Plans::new(), BTreeMap::new());
        for instance in &result.0.instances {
            let absent =
                matches!(instance.existence, Existence::Never(_)) || instance.copies == Some(0);
            if instance.existing
                || absent
                || instance.resource_type.is("Microsoft.Resources/deployments")
            {
                continue;
            }
            if instance.resource_type.is("Microsoft.Security/pricings") {
                let name = printed(&instance.name).to_ascii_lowercase();
                let at = (scope(&instance.scope), name);
                plans.entry(at).or_default().push(PlanFacts::of(instance));
            } else {
                *others.entry(resource(instance)).or_default() += 1;
            }
        }
        let outputs = outputs_all(&self.workspace, key).into_iter();
        Evaluated {
            unread: result.0.unread.len() + result.0.broken.len() + result.0.cycles.len(),
            expansion: Arc::new(result.0),
            plans,
            others,
            outputs: outputs
                .map(|(name, value)| (name.to_string(), printed(&value)))
                .collect(),
        }
    }

    /// What the rules report of a deployment that has become this.
    fn reported(
        &self,
        key: Key,
        expansion: &Arc<Expansion>,
        changed: &BTreeMap<Key, Evaluated>,
    ) -> Vec<Reported> {
        let Some(state) = self.deployments.states.get(&key) else {
            return Vec::new();
        };
        let Some(known) = &state.deployment else {
            return Vec::new();
        };
        let with = |known: &Deployment, expansion: &Arc<Expansion>| Deployment {
            expansion: expansion.clone(),
            ..known.clone()
        };
        let deployment = with(known, expansion);
        let folder = std::path::Path::new(&*deployment.label).parent();
        let units: Vec<Sharing> = folder.into_iter().flat_map(Sharing::with_folder).collect();
        let mut labels = BTreeSet::new();
        let mut plans = Vec::new();
        for (&other, evaluated) in changed {
            let other_state = self.deployments.states.get(&other);
            let Some(other_known) = other_state.and_then(|state| state.deployment.as_ref()) else {
                continue;
            };
            labels.insert(other_known.label.clone());
            let sharing = self.sharing_of(other, &other_known.label);
            let reaches = sharing == Sharing::Workspace || units.contains(&sharing);
            if !reaches {
                continue;
            }
            let shared = rules::shared(&with(other_known, &evaluated.expansion));
            plans.extend(
                shared
                    .into_iter()
                    .map(|plan| (other_known.label.clone(), plan)),
            );
        }
        let present = self.deployments.shared_with(&key, &deployment);
        let unchanged = present
            .layers()
            .flat_map(WorkspacePlans::plans)
            .filter(|(label, _)| !labels.contains(label));
        plans.extend(unchanged.cloned());
        plans.sort_by(|a, b| a.0.cmp(&b.0));
        let alone = self
            .workspace
            .folder_of(&self.workspace.file(key.0).path)
            .is_none();
        let shows = |file| self.workspace.shows(file, alone);
        let results = rules::check(&deployment, &WorkspacePlans::new(plans), &shows);
        let findings = results.into_iter().filter_map(|result| result.finding);
        findings
            .map(|it| Reported(it.rule.title, it.resource_name, it.verdict))
            .collect()
    }
}

/// Whether two evaluations of a deployment differ only in what a fix promises.
fn keeps(promise: Promise<'_>, before: &Evaluated, after: &Evaluated) -> bool {
    if after.unread > before.unread || before.outputs != after.outputs {
        return false;
    }
    let changed = |one: &Evaluated, other: &Evaluated| {
        let mut differing = one
            .others
            .iter()
            .filter(|(text, count)| other.others.get(*text) != Some(count));
        match promise.sets_value {
            None => differing.next().is_some(),
            Some((ty, name)) => differing.any(|(text, _)| {
                let head = format!("{ty} {name} ");
                !text
                    .get(..head.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(&head))
            }),
        }
    };
    if changed(before, after) || changed(after, before) {
        return false;
    }
    let has_registry = before.others.keys().any(|text| {
        text.to_ascii_lowercase()
            .starts_with("microsoft.containerregistry/registries ")
    });
    let keys: BTreeSet<_> = before.plans.keys().chain(after.plans.keys()).collect();
    let gains = has_registry || !before.plans.is_empty();
    keys.into_iter().all(|at| {
        let facts = |of: &Evaluated| of.plans.get(at).cloned().unwrap_or_default();
        let (old, new) = (facts(before), facts(after));
        if old == new {
            return true;
        }
        let Some(plan) = promise.plan else {
            return false;
        };
        let is_superseded = |name: &str| ["containerregistry", "kubernetesservice"].contains(&name);
        if (promise.renames || promise.replaces) && is_superseded(&at.1) {
            return new.is_empty();
        }
        if !at.1.eq_ignore_ascii_case(plan) {
            return false;
        }
        if promise.renames {
            let renamed = before.plans.iter().filter(|(other, _)| {
                other.0 == at.0 && is_superseded(&other.1) && !after.plans.contains_key(*other)
            });
            let renamed: Vec<&PlanFacts> = renamed.flat_map(|(_, facts)| facts).collect();
            return old.is_empty() && new.iter().collect::<Vec<_>>() == renamed;
        }
        let on = |facts: &PlanFacts| {
            let tier = facts.tier.as_deref();
            tier.is_some_and(|tier| tier.eq_ignore_ascii_case("standard"))
        };
        let same = old.iter().zip(&new).all(|(old, new)| old.rest == new.rest);
        // An unknown member of a new plan may be one that cannot be evaluated.
        let added = old.is_empty() && gains && new.iter().all(|facts| facts.known);
        new.len() == old.len().max(1) && new.iter().all(on) && same && (!old.is_empty() || added)
    })
}

impl PlanFacts {
    fn of(instance: &Instance) -> PlanFacts {
        let facts = PlanFacts::compared(instance);
        let known = !facts.rest.contains('?') && !facts.scans.contains('?');
        PlanFacts { known, ..facts }
    }

    fn compared(instance: &Instance) -> PlanFacts {
        let mut facts = PlanFacts {
            tier: None,
            existence: existence(instance),
            scans: String::new(),
            rest: String::new(),
            known: true,
        };
        let Some(properties) = instance.body.member("properties") else {
            return facts;
        };
        let Kind::Object(object) = &properties.kind else {
            facts.rest.push_str(&printed(properties));
            return facts;
        };
        for (name, value) in &object.members {
            let name = name.to_string().to_ascii_lowercase();
            match (&*name, &value.kind) {
                ("pricingtier", _) => facts.tier = value.as_str().map(str::to_owned),
                ("extensions", Kind::Array(array)) => {
                    for element in &array.items {
                        let name = element.member("name").and_then(Value::as_str);
                        match name {
                            Some(name)
                                if name.eq_ignore_ascii_case(
                                    "ContainerRegistriesVulnerabilityAssessments",
                                ) =>
                            {
                                facts.scans.push_str(&printed(element));
                            }
                            _ => facts.rest.push_str(&printed(element)),
                        }
                    }
                }
                _ => {
                    let _ = write!(facts.rest, "{name}={};", printed(value));
                }
            }
        }
        facts
    }
}

fn existence(instance: &Instance) -> String {
    let copies = instance.copies.map_or(-1, |copies| copies as i64);
    match &instance.existence {
        Existence::Conditional(uncertainty) => format!("{copies} if {};", uncertainty.text),
        _ => format!("{copies};"),
    }
}

fn resource(instance: &Instance) -> String {
    format!(
        "{} {} {} {}{}",
        instance.resource_type,
        printed(&instance.name),
        scope(&instance.scope),
        existence(instance),
        printed(&instance.body)
    )
}

fn scope(scope: &DeploymentScope) -> String {
    let value = |value: &Option<Value>| value.as_ref().map_or_else(String::new, printed);
    let resource = scope
        .resource
        .as_ref()
        .map(|resource| value(&resource.name));
    format!(
        "{:?} {} {} {resource:?}",
        scope.kind,
        value(&scope.subscription),
        value(&scope.resource_group)
    )
}

/// A value as text, without the nodes that it comes from.
fn printed(value: &Value) -> String {
    fn print(value: &Value, out: &mut String) {
        match &value.kind {
            Kind::Str(text) => out.push_str(text),
            Kind::Array(array) => {
                out.push('[');
                for item in &array.items {
                    print(item, out);
                    out.push(',');
                }
                out.push_str(if array.open.is_some() { "?]" } else { "]" });
            }
            Kind::Object(object) => {
                out.push('{');
                for (name, value) in &object.members {
                    let _ = write!(out, "{name}:");
                    print(value, out);
                    out.push(',');
                }
                out.push_str(if object.open.is_some() { "?}" } else { "}" });
            }
            Kind::OneOf(choice) => choice.values.iter().for_each(|value| {
                print(value, out);
                out.push('|');
            }),
            // Two unknown values are the same if they come from the same expression.
            Kind::Unknown(unknown) => {
                let canonical = unknown.canonical.as_ref();
                let _ = match canonical {
                    Some(canonical) => write!(out, "?{canonical}"),
                    None => write!(out, "?{}", unknown.reason),
                };
            }
            Kind::Internal(_) => out.push('?'),
            Kind::Null => out.push_str("null"),
            Kind::Bool(value) => {
                let _ = write!(out, "{value}");
            }
            Kind::Int(value) => {
                let _ = write!(out, "{value}");
            }
            Kind::Float(value) => {
                let _ = write!(out, "{value}");
            }
        }
    }
    let mut out = String::new();
    print(value, &mut out);
    out
}
