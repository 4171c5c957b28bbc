//! Hover on the type string of a registry or a plan: the verdict and its reason. Nothing elsewhere, since Bicep's own
//! server answers there.

use std::path::Path;

use super::report::Locator;
use super::{Analysis, Location};
use crate::eval::Instance;
use crate::model::NodeRef;
use crate::rules::{HoverTarget, Link, RULES};
use crate::workspace::disk;

impl Analysis {
    /// Hover on a registry's type or a plan: what is covered and Markdown. `None` anywhere else.
    pub fn hover(&self, path: &Path, offset: u32) -> Option<(Location, String)> {
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
            return Some((
                location,
                hover(HoverTarget::Results(&about), &|it| self.link(it))?,
            ));
        }
        let mut here = None;
        let mut shared = Vec::new();
        for state in self.deployments.states.values() {
            let Some(deployment) = &state.deployment else {
                continue;
            };
            let in_file = |instance: &&Instance| instance.type_place.file == file;
            for instance in state.plans.iter().filter(in_file) {
                if let Some(location) = under(instance.type_place) {
                    here = Some(location);
                    shared.push((deployment, instance));
                }
            }
        }
        here.and_then(|location| {
            let text = hover(HoverTarget::Shared(&shared), &|it| self.link(it))?;
            Some((location, text))
        })
    }

    /// A Markdown link to a node: the path as messages name it and the line.
    fn link(&self, node: NodeRef) -> Option<String> {
        let location = Locator::default().locate(self, node)?;
        let line = location.start.line + 1;
        // Brackets would end the text of the link.
        let name = self.workspace.relative(&location.path);
        let name = name.replace(['[', ']'], "");
        Some(format!(
            "[{name}:{line}]({}#L{line})",
            disk::to_uri(&location.path)
        ))
    }
}

/// What the rules show for a target, one below the other.
fn hover(target: HoverTarget<'_>, link: Link<'_>) -> Option<String> {
    let texts = RULES.iter().filter_map(|rule| {
        let own: Vec<_> = match target {
            HoverTarget::Results(results) => results
                .iter()
                .filter(|(_, result)| result.rule == rule.metadata())
                .copied()
                .collect(),
            HoverTarget::Shared(_) => return rule.hover(target, link),
        };
        match own.is_empty() {
            true => None,
            false => rule.hover(HoverTarget::Results(&own), link),
        }
    });
    let texts: Vec<String> = texts.collect();
    (!texts.is_empty()).then(|| texts.join("\n\n---\n\n"))
}
