//! One declaration, one diagnostic: what several deployments, and several turns of a loop, say about the same place
//! becomes the worst of it.

use std::hash::Hash;
use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxHashSet;

use super::{Deployment, RuleResult};
use crate::model::NodeRef;
use crate::rules::finding::{Finding, PlanList, PlanOff, Subject, Verdict};

/// Merges what several deployments say about the same places: worst verdict first; the message names the deployment
/// where they differ. Sorted by place.
pub fn merge(results: Vec<(&Deployment, RuleResult)>) -> Vec<Finding> {
    let mut registries: IndexMap<NodeRef, Vec<(&Deployment, RuleResult)>> = IndexMap::new();
    let mut hints: Vec<Finding> = Vec::new();
    let mut known: FxHashSet<(NodeRef, String)> = FxHashSet::default();
    for (deployment, one) in results {
        match &one.finding {
            Some(finding) if finding.verdict.is_none() => {
                if known.insert((finding.place, finding.message.clone())) {
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

/// The worst finding of one declaration; of equal ones that of the deployment with the least rank.
fn worst(mut said: Vec<(&Deployment, RuleResult)>) -> Option<Finding> {
    // Stable: the order of deployments decides between equals.
    said.sort_by_key(|(deployment, one)| (std::cmp::Reverse(one.verdict), deployment.rank));
    let (deployment, first) = said.first()?;
    let mut finding = first.finding.clone()?;
    let differ = said.iter().any(|(_, one)| one.verdict != first.verdict);
    if differ && first.verdict != Verdict::Scanned {
        finding.message = format!("Deployed by '{}': {}", deployment.label, finding.message);
    }
    let subjects = said
        .iter()
        .filter_map(|(_, one)| match &one.finding.as_ref()?.subject {
            Subject::Registry(subject) => Some(&**subject),
            _ => None,
        });
    if said.len() > 1
        && let Subject::Registry(subject) = &mut finding.subject
    {
        let mut seen = FxHashSet::default();
        let deployment_paths = subjects.clone().flat_map(|one| &one.deployment_paths);
        subject.deployment_paths = deployment_paths
            .filter(|way| seen.insert(*way))
            .cloned()
            .collect();
        subject.subscription_known = subjects.clone().any(|one| one.subscription_known);
        let mut plans: Vec<&Arc<[PlanOff]>> = Vec::new();
        let mut lists: Vec<&Arc<[PlanList]>> = Vec::new();
        for one in subjects {
            add_shared(&mut plans, &one.plans_off);
            add_shared(&mut lists, &one.lists);
        }
        subject.plans_off = joined(&plans);
        subject.lists = joined(&lists);
    }
    Some(finding)
}

/// Registries that no plan tells apart share what is said of the plans, and mostly follow each other.
fn add_shared<'a, T>(known: &mut Vec<&'a Arc<[T]>>, one: &'a Arc<[T]>) {
    if !known.last().is_some_and(|last| Arc::ptr_eq(last, one)) {
        known.push(one);
    }
}

/// The first list, and of the others what it has not.
fn joined<T: Clone + Eq + Hash>(all: &[&Arc<[T]>]) -> Arc<[T]> {
    let Some((first, rest)) = all.split_first() else {
        return Arc::new([]);
    };
    if rest.is_empty() {
        return Arc::clone(first);
    }
    let mut seen: FxHashSet<&T> = first.iter().collect();
    let more = rest.iter().flat_map(|one| one.iter());
    let more: Vec<&T> = more.filter(|one| seen.insert(*one)).collect();
    first.iter().chain(more).cloned().collect()
}
