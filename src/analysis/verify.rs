//! Verifies the fixes that rules propose. The edits are applied in memory and every deployment that reads an edited file is
//! evaluated again. A fix is offered only if all files parse as before, the finding is gone, and the deployments differ in
//! nothing but what the rule states the fix may change.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::Analysis;
use super::deployments::{Key, expand_all, outputs_all};
use super::inventory::EVERYTHING;
use crate::eval::{Expansion, Instance, ResourceFilter};
use crate::model::{FileId, FileKind, Ident, ItemKind};
use crate::rules::change::{Change, is_deployed, printed, text_of};
use crate::rules::finding::{Finding, Verdict};
use crate::rules::fix::{Fix, apply};
use crate::rules::{self, Deployment, WorkspacePlans};
use crate::syntax;
use crate::workspace::entries::Sharing;
use crate::workspace::files::language_of;

/// Times that an evaluation is repeated because it needed files that were not loaded.
const MAX_ROUNDS: usize = 64;

/// The members of a resource that are compared.
const COMPARED: &[&str] = &[
    "properties",
    "sku",
    "location",
    "tags",
    "kind",
    "identity",
    "zones",
    "plan",
    "managedby",
];

/// Verifies the fixes of one request; evaluates each deployment as it is once.
#[derive(Default)]
pub(super) struct Verifier {
    before: BTreeMap<Key, Evaluated>,
    /// What the rules report of each.
    reported: BTreeMap<Key, Vec<Reported>>,
    /// Syntax errors of the files as they are.
    errors: BTreeMap<FileId, usize>,
}

/// A deployment as far as fixes are concerned.
struct Evaluated {
    expansion: Arc<Expansion>,
    /// The deployed resources as text, with their positions in the expansion.
    resources: BTreeMap<String, Vec<usize>>,
    outputs: Vec<(String, String)>,
    /// What could not be read or evaluated.
    unread: usize,
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

    /// Applies a fix for a moment, and looks at what comes of it.
    fn holds(&mut self, analysis: &mut Analysis, finding: &Finding, fix: &Fix) -> bool {
        let Some(texts) = self.edited(analysis, fix) else {
            return false;
        };
        // Configuration changes no deployment.
        if texts.is_empty() {
            return true;
        }
        let files: Vec<FileId> = texts.iter().map(|(id, _)| *id).collect();
        let keys = analysis.deployments_around(finding, &files);
        for key in &keys {
            if !self.before.contains_key(key) {
                let evaluated = analysis.evaluated(*key);
                self.before.insert(*key, evaluated);
            }
        }
        let unused = |analysis: &Analysis| -> BTreeSet<Ident> {
            let names = files.iter().flat_map(|file| analysis.unused_names(*file));
            names.collect()
        };
        let unused_before = unused(analysis);
        let covered: Vec<_> = texts
            .iter()
            .map(|(id, text)| analysis.workspace.overlay(*id, text))
            .collect();
        let mut holds = unused(analysis).is_subset(&unused_before);
        if holds {
            let after = self.kept(analysis, finding, fix, &keys);
            holds = after.is_some_and(|after| {
                fix.silences || self.finding_is_gone(analysis, finding, &after)
            });
        }
        for one in covered {
            analysis.workspace.uncover(one);
        }
        holds
    }

    /// The templates and parameter files that a fix leaves. `None` if one of them has more syntax errors than before.
    fn edited(&mut self, analysis: &mut Analysis, fix: &Fix) -> Option<Vec<(FileId, String)>> {
        let mut texts = Vec::new();
        for edit in &fix.edits {
            let ending = edit.path.extension().unwrap_or_default();
            if ending == "yaml" || ending == "yml" {
                continue;
            }
            let id = analysis.workspace.intern(&edit.path);
            let language = language_of(analysis.workspace.file(id).kind);
            let old = match edit.create {
                true => Arc::default(),
                false => analysis.workspace.text(id).unwrap_or_default(),
            };
            let errors = |text: &str| {
                let tree = syntax::parse(language, text, None);
                syntax::syntax_errors(&tree, text).len()
            };
            let before = *self.errors.entry(id).or_insert_with(|| errors(&old));
            let text = apply(&old, &edit.edits);
            if errors(&text) > before {
                return None;
            }
            texts.push((id, text));
        }
        Some(texts)
    }

    /// The deployments after a fix, if each changes only as the rule states that it may.
    fn kept(
        &self,
        analysis: &mut Analysis,
        finding: &Finding,
        fix: &Fix,
        keys: &[Key],
    ) -> Option<BTreeMap<Key, Evaluated>> {
        let rule = rules::rule_of(finding.rule)?;
        let mut all = BTreeMap::new();
        for key in keys {
            let (before, after) = (&self.before[key], analysis.evaluated(*key));
            let change = Change {
                before: &before.expansion.instances,
                removed: before.missing_in(&after),
                added: after.missing_in(before),
            };
            let same = change.removed.is_empty() && change.added.is_empty();
            let kept = same || !fix.silences && rule.may_change(finding, fix, &change);
            if !kept || after.unread > before.unread || after.outputs != before.outputs {
                return None;
            }
            all.insert(*key, after);
        }
        Some(all)
    }

    /// Whether the finding's own deployment no longer reports it, and no deployment reports what it did not.
    fn finding_is_gone(
        &mut self,
        analysis: &Analysis,
        finding: &Finding,
        after: &BTreeMap<Key, Evaluated>,
    ) -> bool {
        let own = (finding.entry, finding.parameters);
        let mut changed = Shared::of(analysis, after);
        after.iter().all(|(key, evaluated)| {
            let expansion = &self.before[key].expansion;
            let old = self
                .reported
                .entry(*key)
                .or_insert_with(|| analysis.reported(*key, expansion, &mut Shared::default()));
            let new = analysis.reported(*key, &evaluated.expansion, &mut changed);
            let count = |all: &[Reported]| all.iter().filter(|one| one.is(finding)).count();
            let fewer = *key != own || count(&new) < count(old);
            let known = |one: &Reported| {
                one.2 == Verdict::Hint
                    || old
                        .iter()
                        .any(|other| (other.0, &other.1) == (one.0, &one.1))
            };
            fewer && new.iter().all(known)
        })
    }
}

impl Evaluated {
    /// The resources that another evaluation of the same deployment does not have, or not as often.
    fn missing_in(&self, other: &Evaluated) -> Vec<&Instance> {
        let missing = self.resources.iter().flat_map(|(text, positions)| {
            let there = other.resources.get(text).map_or(0, Vec::len);
            positions.iter().skip(there)
        });
        let mut missing: Vec<usize> = missing.copied().collect();
        missing.sort_unstable();
        let instances = &self.expansion.instances;
        missing.into_iter().map(|at| &instances[at]).collect()
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

/// What deployments share with others after a fix.
#[derive(Default)]
struct Shared {
    labels: BTreeSet<Arc<str>>,
    instances: Vec<(Sharing, Arc<str>, Instance)>,
    /// With what the other deployments share, by that and by the units of the deployment that it is for.
    merged: Vec<(Arc<WorkspacePlans>, Vec<Sharing>, Arc<WorkspacePlans>)>,
}

impl Shared {
    fn of(analysis: &Analysis, changed: &BTreeMap<Key, Evaluated>) -> Self {
        let mut all = Shared::default();
        for (&key, evaluated) in changed {
            if let Some(deployment) = analysis.deployment_as(key, &evaluated.expansion) {
                let sharing = analysis.sharing_of(key, &deployment.label);
                let shared = rules::shared(&deployment).into_iter();
                let label = deployment.label;
                all.instances
                    .extend(shared.map(|one| (sharing.clone(), label.clone(), one)));
                all.labels.insert(label);
            }
        }
        all
    }

    /// What a deployment whose label is in a folder reads of the others.
    fn with(&mut self, present: Arc<WorkspacePlans>, label: &str) -> Arc<WorkspacePlans> {
        if self.labels.is_empty() {
            return present;
        }
        let folder = Path::new(label).parent();
        let units: Vec<Sharing> = folder.into_iter().flat_map(Sharing::with_folder).collect();
        let mut merged = self.merged.iter();
        if let Some((.., known)) =
            merged.find(|one| Arc::ptr_eq(&one.0, &present) && one.1 == units)
        {
            return known.clone();
        }
        let reaches = |sharing: &Sharing| *sharing == Sharing::Workspace || units.contains(sharing);
        let changed = self
            .instances
            .iter()
            .filter(|(sharing, ..)| reaches(sharing));
        let changed = changed.map(|(_, label, one)| (label.clone(), one.clone()));
        let unchanged = present.layers().flat_map(WorkspacePlans::plans);
        let unchanged = unchanged.filter(|(label, _)| !self.labels.contains(label));
        let mut plans: Vec<_> = unchanged.cloned().chain(changed).collect();
        plans.sort_by(|a, b| a.0.cmp(&b.0));
        let plans = Arc::new(WorkspacePlans::new(plans));
        self.merged.push((present, units, plans.clone()));
        plans
    }
}

impl Analysis {
    /// The deployments that read one of the files, and those of the finding, which come first.
    fn deployments_around(&self, finding: &Finding, files: &[FileId]) -> Vec<Key> {
        let own = (finding.entry, finding.parameters);
        let readers = files
            .iter()
            .flat_map(|file| self.deployments.readers(*file));
        let others: BTreeSet<Key> = readers.filter(|key| *key != own).collect();
        std::iter::once(own).chain(others).collect()
    }

    /// The parameters and variables of a Bicep file that nothing uses: the linter warns about them.
    fn unused_names(&self, file: FileId) -> Vec<Ident> {
        let Some(loaded) = self.workspace.loaded(file) else {
            return Vec::new();
        };
        let template = &loaded.model.template;
        let items = || {
            template
                .items
                .iter()
                .filter(|_| template.kind == FileKind::Bicep)
        };
        let used: FxHashSet<&Ident> = items().flat_map(|item| item.uses()).collect();
        let declared = items().filter_map(|item| match &item.kind {
            ItemKind::Parameter(one) => Some(&one.name),
            ItemKind::Variable(one) => Some(&one.name),
            _ => None,
        });
        declared
            .filter(|name| !used.contains(name))
            .cloned()
            .collect()
    }

    fn evaluated(&mut self, key: Key) -> Evaluated {
        let filter = ResourceFilter {
            body: COMPARED,
            ordered: rules::filter().ordered,
            ..EVERYTHING
        };
        let mut result = expand_all(&self.workspace, key, &filter);
        for _ in 0..MAX_ROUNDS {
            if result.1.is_empty() {
                break;
            }
            self.demand(std::mem::take(&mut result.1).into_iter().collect());
            result = expand_all(&self.workspace, key, &filter);
        }
        let expansion = result.0;
        let mut resources: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (position, instance) in expansion.instances.iter().enumerate() {
            if is_deployed(instance)
                && !instance.resource_type.is("Microsoft.Resources/deployments")
            {
                let alike = resources.entry(text_of(instance)).or_default();
                alike.push(position);
            }
        }
        let outputs = outputs_all(&self.workspace, key).into_iter();
        Evaluated {
            unread: expansion.unread.len() + expansion.broken.len() + expansion.cycles.len(),
            expansion: Arc::new(expansion),
            resources,
            outputs: outputs
                .map(|(name, value)| (name.to_string(), printed(&value)))
                .collect(),
        }
    }

    /// A deployment with another expansion.
    fn deployment_as(&self, key: Key, expansion: &Arc<Expansion>) -> Option<Deployment> {
        let known = self.deployments.states.get(&key)?.deployment.as_ref()?;
        Some(Deployment {
            expansion: expansion.clone(),
            ..known.clone()
        })
    }

    /// What the rules report of a deployment that has become this.
    fn reported(
        &self,
        key: Key,
        expansion: &Arc<Expansion>,
        changed: &mut Shared,
    ) -> Vec<Reported> {
        let Some(deployment) = self.deployment_as(key, expansion) else {
            return Vec::new();
        };
        let present = self.deployments.shared_with(&key, &deployment);
        let shared = changed.with(present, &deployment.label);
        let path = &self.workspace.file(key.0).path;
        let alone = self.workspace.folder_of(path).is_none();
        let shows = |file| self.workspace.shows(file, alone);
        let results = rules::check(&deployment, &shared, &shows).into_iter();
        let findings = results.filter_map(|result| result.finding);
        findings
            .map(|it| Reported(it.rule.title, it.resource_name, it.verdict))
            .collect()
    }
}
