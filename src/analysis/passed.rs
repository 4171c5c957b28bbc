//! The registries that passed and what covers each, for `check --verbose`: a plan far away that covers a registry is shown.

use std::path::Path;
use std::sync::Arc;

use super::report::Locator;
use super::{Analysis, Location};
use crate::rules::Metadata;
use crate::rules::finding::Verdict;

/// A resource with which a rule is content, in one deployment.
#[derive(Debug)]
pub struct Passed {
    /// The rule.
    pub rule: &'static Metadata,
    /// The declaration.
    pub location: Location,
    /// Entry point and parameter file of the deployment.
    pub entry: Arc<Path>,
    /// Its parameter file.
    pub parameters: Option<Arc<Path>>,
    /// What decided, with its place where it has one; the chain of modules comes last.
    pub decided: Vec<(Option<Location>, String)>,
}

impl Analysis {
    /// What passed, sorted by place.
    pub fn passed(&self) -> Vec<Passed> {
        let mut locator = Locator::default();
        let mut passed = Vec::new();
        let path = |id| self.workspace.file(id).path.clone();
        for ((entry, parameters), state) in &self.deployments.states {
            let results = state.results.iter();
            for one in results.filter(|it| it.verdict == Verdict::Scanned && it.finding.is_none()) {
                if self.is_path_ignored(&path(one.place.file)) {
                    continue;
                }
                let Some(location) = locator.locate(self, one.place) else {
                    continue;
                };
                let decided = one.decided.iter().map(|(place, why)| {
                    let location = place.and_then(|place| locator.locate(self, place));
                    (location, why.clone())
                });
                passed.push(Passed {
                    rule: one.rule,
                    location,
                    entry: path(*entry),
                    parameters: parameters.map(path),
                    decided: decided.collect(),
                });
            }
        }
        passed.sort_by(|a, b| {
            let key = |it: &Passed| (it.location.clone(), it.entry.clone(), it.parameters.clone());
            key(a).cmp(&key(b))
        });
        passed
    }
}
