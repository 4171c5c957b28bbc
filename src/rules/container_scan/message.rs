//! The message of a verdict, and the nodes that explain it.

use super::coverage::{Candidates, CoverageResult};
use super::plan;
use super::subject::{OffCause, PlanOff};
use crate::eval::{Existence, Instance, Uncertainty};
use crate::model::NodeRef;
use crate::rules::Deployment;
use crate::rules::finding::Verdict;
use crate::workspace::config::Coverage;

/// A verdict that is reported.
pub(crate) struct MessageParts {
    pub verdict: Verdict,
    pub message: String,
    pub related: Vec<(NodeRef, String)>,
}

/// `None`: scanned.
pub(crate) fn message_parts(
    deployment: &Deployment,
    candidates: &Candidates<'_>,
    registry: &Instance,
    result: &CoverageResult,
) -> Option<MessageParts> {
    if result.scanned.is_some() {
        return None;
    }
    let uncertain = uncertain(deployment, candidates, result);
    if let Existence::Conditional(uncertainty) = &registry.existence {
        return Some(deployed_when(deployment, uncertainty, result, uncertain));
    }
    // A plan that may be on, here or elsewhere, is better than one that is off; what could not be read is not.
    if result.uncertainties.is_empty()
        && let Some(off) = result.off().find(|off| reports_off(off))
    {
        return Some(is_off(off));
    }
    if let Some((text, related)) = uncertain {
        return Some(MessageParts {
            verdict: Verdict::Unknown,
            message: format!("Whether images are scanned is not known: {text}."),
            related,
        });
    }
    let mut related: Vec<_> = result.off().map(off_related).collect();
    let message = match &result.misplaced {
        Some((place, called, why)) => {
            related.insert(0, (*place, format!("{called} {why}")));
            format!(
                "Images are not scanned: {called} {why} and cannot be deployed. Deploy it to the subscription."
            )
        }
        None => {
            let reason = match result.unchosen() {
                Some(off) => {
                    related.insert(0, off_related(off));
                    format!("{}, and no other", off_text(off))
                }
                None => "no".to_owned(),
            };
            format!(
                "Images are not scanned: {reason} Defender plan covers this registry ({}).",
                where_looked(deployment)
            )
        }
    };
    Some(MessageParts {
        verdict: Verdict::Missing,
        message,
        related,
    })
}

/// Whether a plan that is not on is a misconfiguration: `CloudPosture` at Free is the default.
fn reports_off(off: &PlanOff) -> bool {
    off.deployment.is_none() && !off.name.eq_ignore_ascii_case("CloudPosture")
}

fn where_looked(deployment: &Deployment) -> &'static str {
    match deployment.settings.coverage {
        Coverage::Workspace => "looked in all deployments of the workspace",
        _ => "looked in this deployment",
    }
}

/// What leaves the answer open, the plans before what could not be read.
fn uncertain(
    deployment: &Deployment,
    candidates: &Candidates<'_>,
    result: &CoverageResult,
) -> Option<(String, Vec<(NodeRef, String)>)> {
    if let Some(first) = result.uncertainties.first() {
        let all = result.uncertainties.iter();
        let related = all.map(|one| (one.place, one.text.clone()));
        return Some((first.text.clone(), related.collect()));
    }
    if let Some((label, policy)) = candidates.policy() {
        let name = policy
            .name
            .as_str()
            .map_or(String::new(), |name| format!(" '{name}'"));
        let elsewhere = label.map_or(String::new(), |label| format!(" in deployment '{label}'"));
        let text = format!("policy{name}{elsewhere} may turn the plan on after deployment");
        return Some((text.clone(), vec![(policy.type_place, text)]));
    }
    let unread = || {
        deployment
            .expansion
            .unread
            .iter()
            .filter(|one| !one.harmless)
    };
    if let Some(first) = unread().next() {
        let text = |one: &crate::eval::Unread| match &*one.reference {
            "" => format!("a nested deployment could not be read ({})", one.reason),
            reference => format!("'{reference}' could not be read ({})", one.reason),
        };
        let related = unread().map(|one| (one.place, text(one)));
        return Some((
            format!("no plan was found, but {}", text(first)),
            related.collect(),
        ));
    }
    let broken = &deployment.expansion.broken;
    if !broken.is_empty() {
        let text = "no plan was found, but a declaration that this deployment uses does not parse";
        let related = broken
            .iter()
            .map(|place| (*place, "this does not parse".to_owned()));
        return Some((text.to_owned(), related.collect()));
    }
    None
}

fn deployed_when(
    deployment: &Deployment,
    uncertainty: &Uncertainty,
    result: &CoverageResult,
    uncertain: Option<(String, Vec<(NodeRef, String)>)>,
) -> MessageParts {
    let reason = &uncertainty.reason;
    let when = match &*uncertainty.text {
        text if uncertainty.unknown_loop && !text.is_empty() => {
            format!("this registry is repeated for each of '{text}' ({reason})")
        }
        "" => format!("this registry may be deployed ({reason})"),
        text => format!("this registry is deployed if '{text}' ({reason})"),
    };
    let mut related: Vec<_> = uncertainty
        .place
        .map(|place| (place, uncertainty.reason.to_string()))
        .into_iter()
        .collect();
    let message = match (uncertain, result.off().next()) {
        (Some((text, more)), _) => {
            related.extend(more);
            format!("Whether images are scanned is not known: {when}; {text}.")
        }
        (None, Some(off)) => {
            related.push(off_related(off));
            format!("Images may not be scanned: {when}; {}.", off_text(off))
        }
        (None, None) => format!(
            "Images may not be scanned: {when}, and no Defender plan covers it ({}).",
            where_looked(deployment)
        ),
    };
    MessageParts {
        verdict: Verdict::Unknown,
        message,
        related,
    }
}

/// What keeps a plan off, in words that continue a sentence.
fn off_text(off: &PlanOff) -> String {
    let place = match &off.deployment {
        Some(label) => format!("in deployment '{label}'"),
        None => "in this deployment".to_owned(),
    };
    match &off.cause {
        OffCause::Tier(tier) if off.known_module && off.tier.is_none() => {
            format!("its module leaves plan '{}' at tier '{tier}'", off.name)
        }
        OffCause::Tier(tier) => format!("plan '{}' has tier '{tier}' {place}", off.name),
        OffCause::NoTier => format!("plan '{}' has no pricingTier {place}", off.name),
        OffCause::Extension => format!(
            "plan '{}' is Standard {place}, but its extension {} is off",
            off.name,
            plan::EXTENSION
        ),
        OffCause::Unchosen => format!(
            "'{}' keeps plan '{}' out of this deployment",
            off.condition_text, off.name
        ),
        OffCause::Condition if off.condition_text.is_empty() => format!(
            "plan '{}' is declared {place}, but its condition is false",
            off.name
        ),
        OffCause::Condition | OffCause::Uncertain => format!(
            "plan '{}' is declared {place}, but its condition is false ({})",
            off.name, off.condition_text
        ),
    }
}

fn off_related(off: &PlanOff) -> (NodeRef, String) {
    match off.cause {
        OffCause::Tier(_) => (
            off.tier.unwrap_or(off.type_place),
            format!("the tier of plan '{}'", off.name),
        ),
        OffCause::NoTier => (
            off.type_place,
            format!("plan '{}' without a tier", off.name),
        ),
        OffCause::Extension => (
            off.extension.unwrap_or(off.type_place),
            format!(
                "the extension of plan '{}' that would scan images",
                off.name
            ),
        ),
        OffCause::Condition | OffCause::Uncertain | OffCause::Unchosen => (
            off.condition.unwrap_or(off.type_place),
            format!("the condition of plan '{}'", off.name),
        ),
    }
}

fn is_off(off: &PlanOff) -> MessageParts {
    let mut related = vec![off_related(off)];
    related.extend(plan_declared(off));
    MessageParts {
        verdict: Verdict::Off,
        message: format!("Images are not scanned: {}.", off_text(off)),
        related,
    }
}

fn plan_declared(off: &PlanOff) -> Option<(NodeRef, String)> {
    let reported = [off.tier, off.extension, off.condition].contains(&Some(off.type_place));
    (!reported).then(|| {
        (
            off.type_place,
            format!("plan '{}' is declared here", off.name),
        )
    })
}
