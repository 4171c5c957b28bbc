//! Hover on the type string of a registry or a plan: the verdict and its reason. Nothing elsewhere, since Bicep's own
//! server answers there.

use std::path::Path;

use super::report::Locator;
use super::{Analysis, Location};
use crate::model::NodeRef;
use crate::rules::{HoverTarget, Link, RULES};
use crate::text::Span;
use crate::workspace::disk;

impl Analysis {
    /// Hover on a registry's type or a plan: what is covered and Markdown. `None` anywhere else.
    pub fn hover(&self, path: &Path, offset: u32) -> Option<(Location, String)> {
        let file = self.workspace.id(&disk::normalize(path))?;
        let mut locator = Locator::default();
        let mut under = |place: NodeRef| {
            if place.file != file {
                return None;
            }
            let span = locator.span(self, place)?;
            span.touches(offset).then_some(span)
        };
        let link = |node| self.link(node);
        let all = self.checked_files(file);
        let results = all.iter().filter_map(|(deployment, result)| {
            let span = under(result.place)?;
            Some((span, (*deployment, result)))
        });
        let (mut spans, results): (Vec<Span>, Vec<_>) = results.unzip();
        let text = if spans.is_empty() {
            let states = self.deployments.states.values();
            let states = states.filter_map(|state| Some((state.deployment.as_ref()?, state)));
            let plans = states.flat_map(|(deployment, state)| {
                let plans = state.plans.iter();
                plans.map(move |plan| (deployment, plan))
            });
            let plans = plans.filter_map(|(deployment, plan)| {
                let span = under(plan.type_place)?;
                Some((span, (deployment, plan)))
            });
            let shared: Vec<_>;
            (spans, shared) = plans.unzip();
            spans.last()?;
            hover(HoverTarget::Shared(&shared), &link)
        } else {
            hover(HoverTarget::Results(&results), &link)
        };
        let location = Locator::default().location(self, file, *spans.last()?)?;
        Some((location, text?))
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
