//! Merges the findings of one declaration: the worst over its deployments and loop iterations.

use std::cmp::Reverse;

use indexmap::IndexMap;
use rustc_hash::FxHashSet;

use super::finding::{Finding, RuleResult, Verdict};
use super::{Deployment, rule_of};
use crate::model::NodeRef;

/// Merges results by rule and declaration: the worst verdict wins, and the message names the deployment where they
/// differ. Hints are reported once. Sorted by node.
pub fn merge(results: Vec<(&Deployment, RuleResult)>) -> Vec<Finding> {
    type Group<'a> = Vec<(&'a Deployment, RuleResult)>;
    let mut groups: IndexMap<(&str, NodeRef), Group<'_>> = IndexMap::new();
    let mut findings: Vec<Finding> = Vec::new();
    let mut known: FxHashSet<(NodeRef, String)> = FxHashSet::default();
    for (deployment, result) in results {
        match &result.finding {
            Some(finding) if finding.verdict == Verdict::Hint => {
                if known.insert((finding.place, finding.message.clone())) {
                    findings.push(finding.clone());
                }
            }
            _ => {
                let key = (result.rule.name.reference, result.place);
                groups.entry(key).or_default().push((deployment, result));
            }
        }
    }
    findings.extend(groups.into_values().filter_map(worst));
    findings.sort_by(|a, b| {
        let key = |finding: &Finding| (finding.place, finding.verdict == Verdict::Hint);
        (key(a), &a.message).cmp(&(key(b), &b.message))
    });
    findings
}

/// The worst finding about one declaration; of equal ones that of the deployment with the least rank.
fn worst(mut results: Vec<(&Deployment, RuleResult)>) -> Option<Finding> {
    // Stable, so the order of deployments decides between equals.
    results.sort_by_key(|(deployment, result)| (Reverse(result.verdict), deployment.rank));
    let (deployment, first) = results.first()?;
    let mut finding = first.finding.clone()?;
    if results
        .iter()
        .any(|(_, result)| result.verdict != first.verdict)
    {
        finding.message = format!("Deployed by '{}': {}", deployment.label, finding.message);
    }
    let rest = results
        .iter()
        .filter_map(|(_, result)| result.finding.as_ref());
    let all: Vec<&Finding> = rest.collect();
    if results.len() > 1
        && let Some(rule) = rule_of(first.rule)
    {
        rule.merge(&mut finding, &all);
    }
    Some(finding)
}
