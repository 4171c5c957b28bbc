//! AZR-000002, Azure.ACR.ContainerScan: a container registry is deployed; does a Defender plan scan its images?
//!
//! The check gives a verdict for each registry instance of a deployment. The documentation for users is
//! `container_scan.md`; `hover` shows the verdict in editors.

mod coverage;
mod hints;
mod hover;
mod index;
mod message;
pub(crate) mod plan;
mod policy;
pub mod subject;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::change::Change;
use super::finding::{Finding, Findings, RuleResult, Subject, Verdict};
use super::fix::{Fix, FixContext};
use super::{Deployment, HoverTarget, Link, Metadata, Rule, RuleContext, WorkspacePlans};
use crate::eval::{Instance, ResourceFilter};
use crate::model::{FileId, NodeRef};
use crate::workspace::config::{Coverage, RuleName};
use coverage::{Candidates, CoverageCache, CoverageResult};
use message::{MessageParts, message_parts};
use subject::RegistrySubject;

const REGISTRY: &str = "Microsoft.ContainerRegistry/registries";
const PLAN: &str = "Microsoft.Security/pricings";

/// The rule.
pub struct ContainerScan;

static METADATA: Metadata = Metadata {
    name: RuleName::new("AZR-000002", "Azure.ACR.ContainerScan"),
    page: "https://azure.github.io/PSRule.Rules.Azure/en/rules/Azure.ACR.ContainerScan/",
    title: "Container registry images are not scanned for vulnerabilities",
    description: "A container registry would be deployed, and nothing in reach turns on scanning of its images \
                  for vulnerabilities: no Microsoft Defender plan that covers it is set to Standard.",
    documentation: include_str!("container_scan.md"),
    security_severity: "9.0",
};

impl Rule for ContainerScan {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }

    fn filter(&self) -> ResourceFilter {
        ResourceFilter {
            types: &[
                "microsoft.containerregistry/registries",
                "microsoft.security/pricings",
            ],
            related: &[
                "microsoft.authorization/policyassignments",
                "microsoft.authorization/policydefinitions",
                "microsoft.authorization/policysetdefinitions",
            ],
            body: &["properties"],
            existing: false,
            ordered: &["microsoft.security/pricings"],
            shown: &[
                ("tier", PLAN, ["properties", "pricingTier"]),
                ("SKU", REGISTRY, ["sku", "name"]),
            ],
        }
    }

    fn check(&self, cx: &RuleContext<'_>, findings: &mut Findings<'_>) {
        check(cx, findings);
    }

    fn fixes(&self, finding: &Finding, cx: &FixContext<'_>) -> Vec<Fix> {
        super::insert_pricing::fixes(finding, cx)
    }

    fn may_change(&self, _finding: &Finding, fix: &Fix, change: &Change<'_>) -> bool {
        super::insert_pricing::may_change(fix, change)
    }

    fn paid_plans(&self) -> &'static [&'static str] {
        &plan::SCANNING
    }

    /// Plans and policies. Plans that are off or scan nothing are among them, since fixes add to their lists.
    fn shared(&self, deployment: &Deployment) -> Vec<Instance> {
        index::shared(&deployment.expansion, coverage::is_national(deployment))
    }

    fn merge(&self, worst: &mut Finding, all: &[&Finding]) {
        subject::merge(worst, all);
    }

    fn hover(&self, target: HoverTarget<'_>, link: Link<'_>) -> Option<String> {
        match target {
            HoverTarget::Results(results) => Some(hover::hover_registry(results, link)),
            HoverTarget::Shared(plans) => Some(hover::hover_plan(plans)),
        }
    }
}

pub(super) fn is_registry(instance: &Instance) -> bool {
    instance.resource_type.is(REGISTRY)
}

pub(super) fn is_plan(instance: &Instance) -> bool {
    instance.resource_type.is(PLAN)
}

fn policy_turns_on(instance: &Instance) -> bool {
    policy::is_policy(instance) && policy::may_turn_on(instance)
}

/// Checks every registry of a deployment, and reports hints about registries and plans.
fn check(cx: &RuleContext<'_>, findings: &mut Findings<'_>) {
    let deployment = cx.deployment;
    let registries = cx.deployed().filter(|instance| is_registry(instance));
    if deployment.settings.coverage == Coverage::Elsewhere {
        for registry in registries {
            findings.push(RuleResult {
                rule: &METADATA,
                place: cx.node_of(registry),
                verdict: Verdict::Scanned,
                finding: None,
                decided: vec![(None, "the configuration sets coverage to elsewhere".into())],
            });
        }
        return;
    }
    let none = WorkspacePlans::default();
    let shared = match deployment.settings.coverage {
        Coverage::Workspace => cx.shared,
        _ => &none,
    };
    let candidates = Candidates::of(deployment, shared);
    let mut coverage = CoverageCache::of(&candidates);
    for registry in registries {
        let result = coverage.coverage_of(registry);
        findings.push(check_registry(cx, &candidates, &result, registry));
    }
    for hint in hints::hints(deployment, cx.shared, cx.in_workspace) {
        findings.push(hint);
    }
}

/// The entry point that an instance was expanded from.
fn entry_of(instance: &Instance) -> FileId {
    instance
        .via
        .first()
        .map_or(instance.place.file, |module| module.place.file)
}

fn check_registry(
    cx: &RuleContext<'_>,
    candidates: &Candidates<'_>,
    result: &CoverageResult,
    registry: &Instance,
) -> RuleResult {
    let deployment = cx.deployment;
    let place = cx.node_of(registry);
    let mut chain = chain(registry, place);
    let message_parts = message_parts(deployment, candidates, registry, result);
    let Some(MessageParts {
        verdict,
        message,
        mut related,
    }) = message_parts
    else {
        let mut decided: Vec<_> = result.scanned.iter().cloned().collect();
        decided.append(&mut chain);
        return RuleResult {
            rule: &METADATA,
            place,
            verdict: Verdict::Scanned,
            finding: None,
            decided,
        };
    };
    let mut decided = vec![(None, message.clone())];
    decided.extend(
        related
            .iter()
            .map(|(place, text)| (Some(*place), text.clone())),
    );
    decided.extend(chain.iter().cloned());
    related.extend(
        chain
            .into_iter()
            .filter_map(|(place, text)| Some((place?, text))),
    );
    related.retain(|(at, _)| *at != place);
    let mut seen: FxHashSet<NodeRef> = FxHashSet::default();
    related.retain(|(at, _)| seen.insert(*at));
    let way = (
        deployment.entry,
        deployment.parameters,
        registry.via.clone(),
    );
    let finding = Finding {
        related,
        subject: Subject::Of(Arc::new(RegistrySubject {
            declaration: registry.place,
            deployment_paths: vec![way],
            plans_off: result.plans_off.clone(),
            lists: result.lists.clone(),
        })),
        ..Finding::of(&METADATA, deployment, verdict, registry, place, message)
    };
    RuleResult::of(finding, decided)
}

/// The module uses that lead to a registry.
fn chain(registry: &Instance, reported: NodeRef) -> Vec<(Option<NodeRef>, String)> {
    let uses = registry.via.iter().filter(|step| step.place != reported);
    uses.map(|step| {
        let text = match &*step.reference {
            "" => "the registry comes from this nested deployment".to_owned(),
            reference => format!("the registry comes from module '{reference}'"),
        };
        (Some(step.place), text)
    })
    .collect()
}
