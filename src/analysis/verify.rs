//! Verifies the fixes that rules propose. The edits are applied in memory and every deployment that reads an edited file is
//! evaluated again. A fix is offered only if all files parse as before, the finding is gone, and the deployments differ in
//! nothing but what the rule states the fix may change.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::Analysis;
use super::deployments::{Key, expand_all, outputs_all};
use super::inventory::EVERYTHING;
use crate::eval::{Expansion, Instance, ResourceFilter};
use crate::model::{FileId, FileKind, Ident, ItemKind, NodeRef};
use crate::rules::change::{self, Change, is_compared, printed, text_of};
use crate::rules::finding::{Finding, Verdict};
use crate::rules::fix::{FileEdit, Fix, TextEdit, View, apply};
use crate::rules::{self, Deployment, Rule, WorkspacePlans};
use crate::workspace::disk;
use crate::workspace::entries::Sharing;

/// Times that an evaluation is repeated because it needed files that were not loaded.
const MAX_ROUNDS: usize = 64;

/// Verifies the fixes of one request; evaluates each deployment as it is once.
#[derive(Default)]
pub(super) struct Verifier {
    /// The files as they are: what an edit leaves alone is not parsed again.
    views: FxHashMap<FileId, Arc<View>>,
    before: BTreeMap<Key, Evaluated>,
    /// What the rules report of each.
    reported: BTreeMap<Key, Vec<Reported>>,
}

/// The deployments that change after edits.
type Outcome = Vec<(Key, Changed)>;

/// A deployment after edits.
struct Changed {
    after: Evaluated,
    /// Resources before the edits that are no longer there, by position.
    removed: Vec<usize>,
    /// Resources after them that were not there.
    added: Vec<usize>,
    reported: Vec<Reported>,
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
    pub(super) fn new(views: FxHashMap<FileId, Arc<View>>) -> Self {
        Verifier {
            views,
            ..Verifier::default()
        }
    }

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
                    || other.title == fix.title
                    || fix.fallback && other.paid == fix.paid
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

    /// Whether a fix does what it promises.
    fn holds(&mut self, analysis: &mut Analysis, finding: &Finding, fix: &Fix) -> bool {
        let own = (finding.entry, finding.parameters);
        let outcome = self.outcome(analysis, own, &fix.edits);
        outcome.is_some_and(|outcome| {
            self.changes_as_promised(finding, fix, &outcome)
                && (fix.silences || self.finding_is_gone(finding, &outcome))
        })
    }

    /// Applies edits for a moment, and looks at what comes of it. `None` if they must not be made: there are more syntax
    /// errors or unused names than before, a deployment has other outputs, or less of it can be read.
    fn outcome(
        &mut self,
        analysis: &mut Analysis,
        own: Key,
        edits: &[FileEdit],
    ) -> Option<Outcome> {
        let texts = edited(analysis, edits)?;
        // Configuration changes no deployment.
        if texts.is_empty() {
            return Some(Outcome::new());
        }
        let files: Vec<FileId> = texts.iter().map(|(id, ..)| *id).collect();
        let keys = analysis.deployments_around(own, &files);
        for key in &keys {
            if !self.before.contains_key(key) {
                let before = analysis.evaluated(*key);
                let plans = Shared::default();
                let reported = analysis.reported(*key, &before.expansion, &plans);
                self.before.insert(*key, before);
                self.reported.insert(*key, reported);
            }
        }
        let unused = |analysis: &Analysis| -> BTreeSet<Ident> {
            let names = files.iter().flat_map(|file| analysis.unused_names(*file));
            names.collect()
        };
        let errors = |analysis: &Analysis| -> Vec<usize> {
            let counts = files.iter().map(|file| analysis.error_count(*file));
            counts.collect()
        };
        let (unused_before, errors_before) = (unused(analysis), errors(analysis));
        let covered: Vec<_> = texts
            .iter()
            .map(|(id, text, edits)| {
                let tree = self.views.get(id).map(|view| view.edited_tree(edits));
                analysis.workspace.overlay(*id, text, tree.as_ref())
            })
            .collect();
        let no_more = |(now, before): (&usize, &usize)| now <= before;
        let holds = errors(analysis).iter().zip(&errors_before).all(no_more)
            && unused(analysis).is_subset(&unused_before);
        let outcome = holds.then(|| self.evaluate(analysis, &keys)).flatten();
        for one in covered {
            analysis.workspace.uncover(one);
        }
        outcome
    }

    /// The deployments as they are now. `None` if one of them has other outputs, or if more of it cannot be read.
    fn evaluate(&self, analysis: &mut Analysis, keys: &[Key]) -> Option<Outcome> {
        let mut outcome = Outcome::new();
        for key in keys {
            let (before, after) = (&self.before[key], analysis.evaluated(*key));
            if after.unread > before.unread || after.outputs != before.outputs {
                return None;
            }
            let changed = Changed {
                removed: before.missing_in(&after),
                added: after.missing_in(before),
                reported: Vec::new(),
                after,
            };
            outcome.push((*key, changed));
        }
        let plans = Shared::of(analysis, &outcome);
        for (key, changed) in &mut outcome {
            changed.reported = analysis.reported(*key, &changed.after.expansion, &plans);
        }
        Some(outcome)
    }

    /// Whether each deployment changes only as the rule states that it may.
    fn changes_as_promised(&self, finding: &Finding, fix: &Fix, outcome: &Outcome) -> bool {
        let rule = rules::rule_of(finding.rule);
        outcome.iter().all(|(key, changed)| {
            let before = &self.before[key].expansion.instances;
            let after = &changed.after.expansion.instances;
            let change = Change {
                before,
                after: &changed.after.expansion,
                removed: changed.removed.iter().map(|at| &before[*at]).collect(),
                added: changed.added.iter().map(|at| &after[*at]).collect(),
            };
            let same = change.removed.is_empty() && change.added.is_empty();
            let may_change = |rule: &dyn Rule| rule.may_change(finding, fix, &change);
            same || !fix.silences && rule.is_some_and(may_change)
        })
    }

    /// Whether the finding's own deployment no longer reports it, and no deployment reports what it did not.
    fn finding_is_gone(&self, finding: &Finding, outcome: &Outcome) -> bool {
        let own = (finding.entry, finding.parameters);
        outcome.iter().all(|(key, changed)| {
            let (old, new) = (&self.reported[key], &changed.reported);
            let count = |all: &[Reported]| all.iter().filter(|one| one.is(finding)).count();
            // Where the fix edits the declaration itself it has another place, and its name decides.
            let is_there = |one: &Reported| one.is(finding) && one.3 == finding.place;
            let gone = *key != own || count(new) < count(old) && !new.iter().any(is_there);
            let known: FxHashSet<_> = old.iter().map(|one| (one.0, &one.1)).collect();
            let is_known =
                |one: &Reported| one.2 == Verdict::Hint || known.contains(&(one.0, &one.1));
            gone && new.iter().all(is_known)
        })
    }
}

/// The templates and parameter files that a fix leaves, with their edits. `None` if it would lose bytes of a file.
fn edited<'e>(
    analysis: &mut Analysis,
    edits: &'e [FileEdit],
) -> Option<Vec<(FileId, String, &'e [TextEdit])>> {
    let mut texts = Vec::new();
    for edit in edits {
        let old = match edit.create {
            true => Arc::default(),
            false => analysis.text(&edit.path).unwrap_or_default(),
        };
        if !disk::is_exact(&old) {
            return None;
        }
        let ending = edit.path.extension().unwrap_or_default();
        if ending != "yaml" && ending != "yml" {
            let id = analysis.workspace.intern(&edit.path);
            texts.push((id, apply(&old, &edit.edits), &*edit.edits));
        }
    }
    Some(texts)
}

impl Evaluated {
    /// The positions of resources that another evaluation of the same deployment does not have, or not as often.
    fn missing_in(&self, other: &Evaluated) -> Vec<usize> {
        let missing = self.resources.iter().flat_map(|(text, positions)| {
            let there = other.resources.get(text).map_or(0, Vec::len);
            positions.iter().skip(there)
        });
        let mut missing: Vec<usize> = missing.copied().collect();
        missing.sort_unstable();
        missing
    }
}

/// Rule, resource name, verdict and place of a result.
struct Reported(&'static str, Option<Arc<str>>, Verdict, NodeRef);

impl Reported {
    fn is(&self, finding: &Finding) -> bool {
        self.0 == finding.rule.title
            && (self.2 == Verdict::Hint) == (finding.verdict == Verdict::Hint)
            && self.1 == finding.resource_name
    }
}

/// What the deployments that changed share with others.
#[derive(Default)]
struct Shared {
    labels: BTreeSet<Arc<str>>,
    instances: Vec<(Sharing, (Arc<str>, Instance))>,
}

impl Shared {
    fn of(analysis: &Analysis, outcome: &Outcome) -> Self {
        let mut all = Shared::default();
        for (key, changed) in outcome {
            if let Some(deployment) = analysis.deployment_as(*key, &changed.after.expansion) {
                let label = &deployment.label;
                let sharing = analysis.sharing_of(*key, label);
                let shared = rules::shared(&deployment).into_iter();
                let labelled = shared.map(|one| (sharing.clone(), (label.clone(), one)));
                all.instances.extend(labelled);
                all.labels.insert(label.clone());
            }
        }
        all
    }

    /// What a deployment whose label is in a folder reads of the others.
    fn over(&self, present: Arc<WorkspacePlans>, label: &str) -> Arc<WorkspacePlans> {
        if self.labels.is_empty() {
            return present;
        }
        let folder = Path::new(label).parent();
        let units: Vec<Sharing> = folder.into_iter().flat_map(Sharing::with_folder).collect();
        let reaches = |sharing: &Sharing| *sharing == Sharing::Workspace || units.contains(sharing);
        let changed = self
            .instances
            .iter()
            .filter(|(sharing, _)| reaches(sharing));
        let mut changed: Vec<_> = changed.map(|(_, labelled)| labelled.clone()).collect();
        changed.sort_by(|a, b| a.0.cmp(&b.0));
        Arc::new(WorkspacePlans::replacing(
            self.labels.clone(),
            changed,
            present,
        ))
    }
}

impl Analysis {
    /// The deployments that read one of the files, and that of the finding, which comes first.
    fn deployments_around(&self, own: Key, files: &[FileId]) -> Vec<Key> {
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

    /// What a deployment expands to, when the files that it needs are loaded.
    pub(super) fn expanded(&mut self, key: Key, filter: &ResourceFilter) -> Expansion {
        let mut result = expand_all(&self.workspace, key, filter);
        for _ in 0..MAX_ROUNDS {
            if result.1.is_empty() {
                break;
            }
            self.demand(result.1.into_iter().collect());
            result = expand_all(&self.workspace, key, filter);
        }
        result.0
    }

    fn evaluated(&mut self, key: Key) -> Evaluated {
        let filter = ResourceFilter {
            body: change::COMPARED,
            ordered: rules::filter().ordered,
            ..EVERYTHING
        };
        let expansion = self.expanded(key, &filter);
        let mut resources: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (position, instance) in expansion.instances.iter().enumerate() {
            if is_compared(instance) {
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
    fn reported(&self, key: Key, expansion: &Arc<Expansion>, changed: &Shared) -> Vec<Reported> {
        let Some(deployment) = self.deployment_as(key, expansion) else {
            return Vec::new();
        };
        let present = self.deployments.shared_with(&key, &deployment);
        let shared = changed.over(present, &deployment.label);
        let results = self.results_of(&deployment, &shared).into_iter();
        let findings = results.filter_map(|result| result.finding);
        findings
            .map(|it| Reported(it.rule.title, it.resource_name, it.verdict, it.place))
            .collect()
    }
}
