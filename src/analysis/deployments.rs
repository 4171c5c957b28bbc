//! The deployments of a workspace: which there are, what each deploys, and what the rules report.
//!
//! An evaluation returns resources and the inputs that it read. When an input changes, the deployments that read it are
//! evaluated again, and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use super::scan::in_parallel;
use super::{Analysis, Cancel};
use crate::eval::expand::{Arguments, scope_of};
use crate::eval::{Expansion, Instance, Kind, ResourceFilter, Value, arguments, expand, outputs};
use crate::model::{FileId, Ident, ItemKind, Template};
use crate::rules::finding::RuleResult;
use crate::rules::{self, Deployment, WorkspacePlans};
use crate::workspace::entries::{Rank, Sharing};
use crate::workspace::files::Workspace;
use crate::workspace::graph::Rooted;
use crate::workspace::view::{Input, View};

/// An entry point and its parameter file.
pub(super) type Key = (FileId, Option<FileId>);

/// How often an evaluation is repeated because it needed files that were not loaded: each repetition goes one level
/// deeper into references that no file names literally.
const ROUNDS: usize = 64;

/// What is known of one deployment.
#[derive(Debug)]
pub(super) struct State {
    /// What its evaluation read.
    inputs: BTreeSet<Input>,
    /// For the rule; `None` until evaluated.
    pub(super) deployment: Option<Deployment>,
    /// Its plans, which may cover registries of the others.
    pub(super) plans: Vec<Instance>,
    /// What the rules report about it, sorted by file: a deployment of thousands of modules has results in thousands of
    /// files.
    pub(super) results: Vec<RuleResult>,
    /// The workspace folder whose plans it shares.
    folder: Option<PathBuf>,
}

impl State {
    /// What the rules report about a file.
    pub(super) fn results_in(&self, file: FileId) -> impl Iterator<Item = &RuleResult> {
        let first = self.results.partition_point(|it| it.place.file < file);
        let rest = self.results[first..].iter();
        rest.take_while(move |it| it.place.file == file)
    }
}

/// The plans of a workspace folder, by the deployments that they cover.
#[derive(Debug, Default)]
struct FolderPlans {
    all: Arc<WorkspacePlans>,
    /// Of tests and samples: those that cover their own unit.
    units: FxHashMap<Sharing, Vec<(Arc<str>, Instance)>>,
    /// The plans of units before those of all, by the units: their index is made once for all deployments in them.
    layered: Mutex<FxHashMap<Vec<Sharing>, Arc<WorkspacePlans>>>,
}

impl FolderPlans {
    /// The plans that can cover a deployment.
    fn of(&self, deployment: &Deployment) -> Arc<WorkspacePlans> {
        let folder = Path::new(&*deployment.label).parent();
        let units = folder.into_iter().flat_map(Sharing::with_folder);
        let units: Vec<Sharing> = units.filter(|it| self.units.contains_key(it)).collect();
        if units.is_empty() {
            return self.all.clone();
        }
        let mut layered = self.layered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = layered.get(&units) {
            return known.clone();
        }
        let plans = units.iter().flat_map(|it| &self.units[it]);
        let mut plans: Vec<_> = plans.cloned().collect();
        plans.sort_by(|a, b| a.0.cmp(&b.0));
        let made = Arc::new(WorkspacePlans::before(plans, self.all.clone()));
        layered.insert(units, made.clone());
        made
    }
}

/// All deployments.
#[derive(Debug, Default)]
pub(super) struct Deployments {
    pub(super) states: BTreeMap<Key, State>,
    /// Which deployments read an input.
    readers: FxHashMap<Input, BTreeSet<Key>>,
    /// Which deployments report something about a file.
    pub(super) checked_files: FxHashMap<FileId, BTreeSet<Key>>,
    /// To be looked at again.
    pub(super) dirty: BTreeSet<Key>,
    /// Evaluated, and to be checked.
    pub(super) unchecked: BTreeSet<Key>,
    folders: FxHashMap<Option<PathBuf>, FolderPlans>,
    /// Folders whose plans changed.
    stale_folders: BTreeSet<Option<PathBuf>>,
    pub(super) evaluated: u64,
}

impl Deployments {
    /// Whether all are evaluated and checked.
    pub(super) fn is_up_to_date(&self) -> bool {
        self.dirty.is_empty() && self.unchecked.is_empty() && self.stale_folders.is_empty()
    }

    /// An input changed: what read it is to be evaluated again.
    pub(super) fn touch(&mut self, input: &Input) {
        if let Some(keys) = self.readers.get(input) {
            self.dirty.extend(keys);
        }
    }

    /// The same for whatever of a file was read.
    pub(super) fn touch_file(&mut self, file: FileId) {
        self.touch(&Input::File(file));
        self.touch(&Input::Text(file));
    }

    /// Configuration changed: everything is to be evaluated again.
    pub(super) fn touch_all(&mut self) {
        self.dirty.extend(self.states.keys());
    }

    /// What the deployments that read a file have read.
    pub(super) fn inputs_with(&self, file: FileId) -> impl Iterator<Item = &Input> {
        let states = self.readers(file).filter_map(|key| self.states.get(&key));
        states.flat_map(|state| &state.inputs)
    }

    /// The files that evaluations looked for and that are not there.
    pub(super) fn absent(&self) -> impl Iterator<Item = &Path> {
        self.readers.keys().filter_map(Input::absent)
    }

    /// Touches the folders whose names were read and have changed. Whether there are any.
    pub(super) fn touch_changed_folders(&mut self) -> bool {
        let readers = self.readers.iter();
        let changed = readers.filter(|(input, _)| input.is_changed_folder());
        let keys: Vec<Key> = changed.flat_map(|(_, keys)| keys).copied().collect();
        self.dirty.extend(&keys);
        !keys.is_empty()
    }

    /// The deployments whose evaluation read a file.
    pub(super) fn readers(&self, file: FileId) -> impl Iterator<Item = Key> {
        let inputs = [Input::File(file), Input::Text(file)];
        let keys = inputs
            .into_iter()
            .filter_map(|input| self.readers.get(&input));
        keys.flatten().copied()
    }

    /// The instances of other deployments that a deployment's check reads.
    pub(super) fn shared_with(&self, key: &Key, deployment: &Deployment) -> Arc<WorkspacePlans> {
        let folder = self.states.get(key).map(|state| &state.folder);
        let plans = folder.and_then(|folder| self.folders.get(folder));
        plans.map(|it| it.of(deployment)).unwrap_or_default()
    }

    /// Sets the deployments of one entry point.
    fn set(
        &mut self,
        entry: FileId,
        wanted: &[Option<FileId>],
        folder: Option<PathBuf>,
    ) -> Vec<State> {
        let known: Vec<Key> = self
            .states
            .range((entry, None)..=(entry, Some(FileId(u32::MAX))))
            .map(|(k, _)| *k)
            .collect();
        let mut gone = Vec::new();
        for key in known.into_iter().filter(|key| !wanted.contains(&key.1)) {
            if let Some(state) = self.states.remove(&key) {
                self.forget(key, &state);
                gone.push(state);
            }
            self.dirty.remove(&key);
            self.unchecked.remove(&key);
        }
        for parameters in wanted {
            let key = (entry, *parameters);
            let state = self.states.entry(key).or_insert_with(|| {
                self.dirty.insert(key);
                State {
                    inputs: BTreeSet::new(),
                    deployment: None,
                    plans: Vec::new(),
                    results: Vec::new(),
                    folder: folder.clone(),
                }
            });
            if state.folder != folder {
                let before = std::mem::replace(&mut state.folder, folder.clone());
                self.stale_folders.extend([before, folder.clone()]);
                self.unchecked.insert(key);
            }
        }
        gone
    }

    fn unread<'i>(&mut self, key: Key, inputs: impl Iterator<Item = &'i Input>) {
        for input in inputs {
            if let Some(keys) = self.readers.get_mut(input) {
                keys.remove(&key);
                if keys.is_empty() {
                    self.readers.remove(input);
                }
            }
        }
    }

    fn forget(&mut self, key: Key, state: &State) {
        self.unread(key, state.inputs.iter());
        for results in &state.results {
            if let Some(keys) = self.checked_files.get_mut(&results.place.file) {
                keys.remove(&key);
            }
        }
    }
}

/// What evaluating gave.
struct Outcome {
    inputs: BTreeSet<Input>,
    expansion: Expansion,
    missing: Vec<PathBuf>,
}

impl Analysis {
    /// Decides again which deployments these templates are the entry points of.
    pub(super) fn recount(
        &mut self,
        templates: impl IntoIterator<Item = FileId>,
        rooted: &mut Rooted,
    ) {
        for id in templates {
            let mut wanted = self.workspace.deployments_of(id, rooted);
            if let Some(explicit) = self.explicit.get(&id) {
                // Named, and in a folder that is checked as well: what the folder makes of it is checked too.
                let path = &self.workspace.file(id).path;
                if self.workspace.folder_of(path).is_none() {
                    wanted.clear();
                }
                wanted.extend(
                    explicit
                        .iter()
                        .filter(|values| !wanted.contains(values))
                        .copied()
                        .collect::<Vec<_>>(),
                );
            }
            self.set_deployments(id, &wanted);
        }
    }

    fn set_deployments(&mut self, entry: FileId, wanted: &[Option<FileId>]) {
        let folder = self
            .workspace
            .folder_of(&self.workspace.file(entry).path)
            .map(PathBuf::from);
        for state in self.deployments.set(entry, wanted, folder) {
            self.pending
                .extend(state.results.iter().map(|results| results.place.file));
            if !state.plans.is_empty() {
                self.deployments.stale_folders.insert(state.folder);
            }
        }
    }

    /// Evaluates these deployments. Stops early when cancelled; what was done stays done.
    pub(super) fn evaluate(&mut self, keys: Vec<Key>, cancel: &Cancel) {
        // Batches bound how much is in memory at once.
        for batch in keys.chunks(256) {
            if cancel.is_cancelled() {
                break;
            }
            for (key, outcome) in self.evaluate_batch(batch, cancel) {
                self.deployments.evaluated += 1;
                self.deployments.dirty.remove(&key);
                self.keep(key, outcome);
            }
        }
    }

    /// Evaluates, loading what is needed on the way. Cancelled, it leaves out those it did not get to.
    fn evaluate_batch(&mut self, keys: &[Key], cancel: &Cancel) -> Vec<(Key, Outcome)> {
        let mut done = Vec::with_capacity(keys.len());
        let mut left = keys.to_vec();
        for round in 0..ROUNDS {
            let workspace = &self.workspace;
            let evaluate = |key: &Key| {
                let view = View::new(workspace, key.0);
                (*key, evaluate_in(view, workspace, *key, rules::filter()))
            };
            let outcomes = in_parallel(&self.workspace.options, &left, cancel, &evaluate);
            let mut missing = BTreeSet::new();
            left.clear();
            for (key, outcome) in outcomes {
                if outcome.missing.is_empty() || round + 1 == ROUNDS {
                    done.push((key, outcome));
                } else {
                    missing.extend(outcome.missing);
                    left.push(key);
                }
            }
            if left.is_empty() {
                break;
            }
            self.demand(missing);
            self.propagate();
        }
        done
    }

    /// Takes an outcome as the present one. If it differs from the one before, it is to be checked.
    fn keep(&mut self, key: Key, outcome: Outcome) {
        let label = self.label(key);
        let settings = self.workspace.settings(&self.workspace.file(key.0).path);
        let scope = self
            .workspace
            .loaded(key.0)
            .map(|loaded| scope_of(&loaded.model.template));
        let deployments = &mut self.deployments;
        let Some(state) = deployments.states.get_mut(&key) else {
            return;
        };
        let before = std::mem::replace(&mut state.inputs, outcome.inputs);
        if before != state.inputs {
            let after = state.inputs.clone();
            deployments.unread(key, before.difference(&after));
            for input in after.difference(&before) {
                let readers = deployments.readers.entry(input.clone());
                readers.or_default().insert(key);
            }
        }
        let Some(state) = deployments.states.get_mut(&key) else {
            return;
        };
        let before = state.deployment.as_ref();
        let known = before.filter(|old| old.label == label).map(|old| old.rank);
        let deployment = Deployment {
            entry: key.0,
            parameters: key.1,
            rank: known.unwrap_or_else(|| Rank::of(Path::new(&*label), key.1.is_some())),
            label,
            scope: scope.unwrap_or(crate::model::ScopeKind::ResourceGroup),
            expansion: Arc::new(outcome.expansion),
            settings,
        };
        let same = before.is_some_and(|old| {
            Arc::ptr_eq(&old.settings, &deployment.settings)
                && old.scope == deployment.scope
                && old.label == deployment.label
                && old.expansion == deployment.expansion
        });
        if same {
            return;
        }
        let plans = rules::shared(&deployment);
        if plans != state.plans {
            state.plans = plans;
            deployments.stale_folders.insert(state.folder.clone());
        }
        state.deployment = Some(deployment);
        deployments.unchecked.insert(key);
    }

    /// How messages call a deployment.
    fn label(&self, key: Key) -> Arc<str> {
        let file = self.workspace.file(key.1.unwrap_or(key.0));
        self.workspace.relative(&file.path).into()
    }

    /// Collects the plans of a folder again; the deployments that they can cover are to be checked.
    fn collect_plans(&mut self, folder: Option<PathBuf>) {
        let mut units: FxHashMap<Sharing, Vec<(Arc<str>, Instance)>> = FxHashMap::default();
        let states = self.deployments.states.iter();
        let states = states.filter(|(_, state)| state.folder == folder);
        let mut unchecked = Vec::new();
        for (key, state) in states {
            let Some(deployment) = &state.deployment else {
                continue;
            };
            // Without a registry (or a plan of its own, for hints) nothing is reported about it.
            if !deployment.expansion.instances.is_empty() {
                unchecked.push(*key);
            }
            if !state.plans.is_empty() {
                let label = &deployment.label;
                let plans = state.plans.iter().map(|plan| (label.clone(), plan.clone()));
                let sharing = self.sharing_of(*key, label);
                units.entry(sharing).or_default().extend(plans);
            }
        }
        let mut all = units.remove(&Sharing::Workspace).unwrap_or_default();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        let all = Arc::new(WorkspacePlans::new(all));
        let plans = FolderPlans {
            all,
            units,
            layered: Mutex::default(),
        };
        self.deployments.folders.insert(folder, plans);
        self.deployments.unchecked.extend(unchecked);
    }

    /// Which other deployments the plans of one cover.
    pub(super) fn sharing_of(&self, (entry, _): Key, label: &str) -> Sharing {
        let loaded = self.workspace.loaded(entry);
        let generated = loaded.is_some_and(|loaded| loaded.model.template.generated);
        // Compiled from Bicep that is not here: the output of something else.
        if generated && !self.workspace.is_artifact(entry) {
            return Sharing::Nothing;
        }
        match Path::new(label).is_absolute() {
            true => Sharing::Workspace,
            false => Sharing::of(Path::new(label)),
        }
    }

    /// Checks the deployments that were evaluated, and all that share plans which have changed.
    pub(super) fn check_all(&mut self, cancel: &Cancel) {
        if cancel.is_cancelled() {
            return;
        }
        for folder in std::mem::take(&mut self.deployments.stale_folders) {
            self.collect_plans(folder);
        }
        while !cancel.is_cancelled()
            && let Some(key) = self.deployments.unchecked.first().copied()
        {
            self.check(key);
        }
    }

    /// What the rules report of a deployment, with these plans of others.
    pub(super) fn results_of(
        &self,
        deployment: &Deployment,
        plans: &WorkspacePlans,
    ) -> Vec<RuleResult> {
        let path = &self.workspace.file(deployment.entry).path;
        let alone = self.workspace.folder_of(path).is_none();
        rules::check(deployment, plans, &|file| self.workspace.shows(file, alone))
    }

    /// Checks a deployment.
    pub(super) fn check(&mut self, key: Key) {
        self.deployments.unchecked.remove(&key);
        let state = self.deployments.states.get(&key);
        let Some(deployment) = state.and_then(|state| state.deployment.as_ref()) else {
            return;
        };
        let plans = self.deployments.shared_with(&key, deployment);
        let mut results = self.results_of(deployment, &plans);
        results.sort_by_key(|result| result.place.file);
        let Deployments {
            states,
            checked_files,
            ..
        } = &mut self.deployments;
        let Some(state) = states.get_mut(&key).filter(|it| it.results != results) else {
            return;
        };
        for result in std::mem::replace(&mut state.results, results) {
            let keys = checked_files.entry(result.place.file).or_default();
            keys.remove(&key);
            self.pending.insert(result.place.file);
        }
        for result in &state.results {
            let file = result.place.file;
            checked_files.entry(file).or_default().insert(key);
            self.pending.insert(file);
        }
    }
}

fn evaluate_in(
    view: View<'_>,
    workspace: &Workspace,
    key: Key,
    filter: &ResourceFilter,
) -> Outcome {
    let expansion = workspace.loaded(key.0).map(|loaded| {
        let template = &loaded.model.template;
        let given = given(workspace, key, template, &view);
        expand(key.0, template, &given, &view, filter)
    });
    let (inputs, missing) = view.finish();
    Outcome {
        inputs,
        expansion: expansion.unwrap_or_default(),
        missing,
    }
}

/// Expands a file with everything in it, for inventories. Files it requests and that are not loaded come with it.
pub(super) fn expand_all(
    workspace: &Workspace,
    key: Key,
    filter: &ResourceFilter,
) -> (Expansion, Vec<PathBuf>) {
    let view = View::of_everything(workspace, key.0);
    let outcome = evaluate_in(view, workspace, key, filter);
    (outcome.expansion, outcome.missing)
}

/// The outputs of a deployment, as far as they are known beforehand.
pub(super) fn outputs_all(workspace: &Workspace, key: Key) -> Vec<(Ident, Value)> {
    let view = View::of_everything(workspace, key.0);
    let Some(loaded) = workspace.loaded(key.0) else {
        return Vec::new();
    };
    let template = &loaded.model.template;
    let given = given(workspace, key, template, &view);
    outputs(key.0, template, &given, &view)
}

/// What the entry point's parameters are given: by the parameter file, else by the configuration.
fn given(workspace: &Workspace, key: Key, template: &Arc<Template>, view: &View) -> Arguments {
    let values = key.1.and_then(|file| Some((file, view.values(file)?)));
    let mut given = match values {
        Some((file, template)) => arguments(file, &template, view),
        None => Arguments::default(),
    };
    let settings = workspace.settings(&workspace.file(key.0).path);
    if !settings.parameter_defaults.is_empty() {
        for item in &template.items {
            let ItemKind::Parameter(parameter) = &item.kind else {
                continue;
            };
            let default = settings.parameter_defaults.get(&parameter.name);
            if let (Some(default), None) = (default, &parameter.default)
                && !given.values.contains_key(&parameter.name)
            {
                given
                    .values
                    .insert(parameter.name.clone(), value_of(default));
            }
        }
    }
    given
}

/// A value from a configuration file.
fn value_of(json: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    let kind = match json {
        Json::Null => Kind::Null,
        Json::Bool(value) => Kind::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(value) => Kind::Int(value),
            None => Kind::Float(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Kind::Str(text.as_str().into()),
        Json::Array(items) => return Value::array(items.iter().map(value_of).collect(), None),
        Json::Object(members) => {
            let members = members
                .iter()
                .map(|(key, value)| (Ident::from(key.as_str()), value_of(value)));
            return Value::object(members.collect(), None);
        }
    };
    Value::of(kind)
}
