//! One declaration, one diagnostic: what several deployments, and several turns of a loop, say about the same place
//! becomes the worst of it.

use indexmap::IndexMap;

use super::{Deployment, Judged};
use crate::model::Place;
use crate::rules::finding::{Finding, RegistrySubject, Subject, Verdict};

/// Merges what several deployments say about the same places: worst verdict first; the message names the deployment
/// where they differ. Sorted by place.
pub fn merge(judged: Vec<(&Deployment, Judged)>) -> Vec<Finding> {
    let mut registries: IndexMap<Place, Vec<(&Deployment, Judged)>> = IndexMap::new();
    let mut hints: Vec<Finding> = Vec::new();
    for (deployment, one) in judged {
        match &one.finding {
            Some(finding) if finding.verdict.is_none() => {
                let known = |other: &Finding| {
                    other.place == finding.place && other.message == finding.message
                };
                if !hints.iter().any(known) {
                    hints.push(finding.clone());
                }
            }
            _ => registries
                .entry(one.place)
                .or_default()
                .push((deployment, one)),
        }
    }
    let mut findings: Vec<Finding> = registries.into_values().filter_map(worst).collect();
    findings.extend(hints);
    findings.sort_by(|a, b| {
        (a.place, a.verdict.is_none(), &a.message).cmp(&(b.place, b.verdict.is_none(), &b.message))
    });
    findings
}

/// The worst of what is said about one declaration; the first deployment of several that are equally bad.
fn worst(mut said: Vec<(&Deployment, Judged)>) -> Option<Finding> {
    // Stable: the order of deployments decides between equals.
    said.sort_by_key(|(_, one)| std::cmp::Reverse(one.verdict));
    let (deployment, first) = said.first()?;
    let mut finding = first.finding.clone()?;
    let differ = said.iter().any(|(_, one)| one.verdict != first.verdict);
    if differ && first.verdict != Verdict::Scanned {
        finding.message = format!("Deployed by '{}': {}", deployment.label, finding.message);
    }
    let others = said
        .iter()
        .skip(1)
        .filter_map(|(_, one)| match &one.finding.as_ref()?.subject {
            Subject::Registry(subject) => Some(subject),
            _ => None,
        });
    if let Subject::Registry(subject) = &mut finding.subject {
        for other in others {
            join(subject, other);
        }
    }
    Some(finding)
}

fn join(subject: &mut RegistrySubject, other: &RegistrySubject) {
    for way in &other.ways {
        if !subject.ways.contains(way) {
            subject.ways.push(way.clone());
        }
    }
    for plan in &other.plans_off {
        if !subject.plans_off.contains(plan) {
            subject.plans_off.push(plan.clone());
        }
    }
    for list in &other.lists {
        if !subject.lists.contains(list) {
            subject.lists.push(list.clone());
        }
    }
}
