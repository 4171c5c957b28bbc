//! Hover on a registry's type string or on a plan's: the verdict and what decided it. Nothing anywhere else, since
//! Bicep's own server hovers there.

use std::path::Path;

use super::report::Locator;
use super::{Analysis, Location};
use crate::model::NodeRef;
use crate::rules::container_scan::{hover_plan, hover_registry};
use crate::workspace::disk;

impl Analysis {
    /// See [`Analysis::hover`].
    pub(super) fn hover_now(&self, path: &Path, offset: u32) -> Option<(Location, String)> {
        let file = self.workspace.id(&disk::normalize(path))?;
        let mut locator = Locator::default();
        let mut under = |place: NodeRef| {
            let span = locator
                .span(self, place)
                .filter(|span| span.touches(offset))?;
            locator.location(self, file, span)
        };
        let results = self.checked_files(file);
        let mut here = None;
        let about: Vec<_> = results
            .iter()
            .filter(|(_, results)| match under(results.place) {
                Some(location) => {
                    here = Some(location);
                    true
                }
                None => false,
            })
            .map(|(deployment, results)| (*deployment, results))
            .collect();
        if let Some(location) = here {
            return Some((location, hover_registry(&about)));
        }
        let mut here = None;
        let mut plans = Vec::new();
        for state in self.deployments.states.values() {
            let Some(deployment) = &state.deployment else {
                continue;
            };
            for plan in state
                .plans
                .iter()
                .filter(|plan| plan.type_place.file == file)
            {
                if let Some(location) = under(plan.type_place) {
                    here = Some(location);
                    plans.push((deployment, plan));
                }
            }
        }
        here.map(|location| (location, hover_plan(&plans)))
    }
}
