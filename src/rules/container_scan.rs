//! AZR-000002, Azure.ACR.ContainerScan: a container registry is deployed; does a Defender plan scan its images?
//!
//! The check gives a verdict for each registry instance of a deployment. The documentation for users is
//! `container_scan.md`; `hover` shows the verdict in editors.

mod hints;
mod hover;
pub(crate) mod plan;
mod policy;
pub mod subject;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::finding::{Finding, Findings, RuleResult, Subject, Verdict};
use super::fix::{Fix, FixContext};
use super::{Deployment, HoverTarget, Metadata, Rule, RuleContext, WorkspacePlans};
use crate::eval::{Canonical, Existence, Instance, ResourceFilter, Uncertainty, Value};
use crate::model::{FileId, NodeRef};
use crate::workspace::config::{Coverage, RuleName};
use plan::{Target, Tristate, Unsure};

use subject::{OffCause, PlanList, PlanOff, RegistrySubject};

const REGISTRY: &str = "Microsoft.ContainerRegistry/registries";

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
                "microsoft.authorization/policyassignments",
                "microsoft.authorization/policydefinitions",
                "microsoft.authorization/policysetdefinitions",
            ],
            body: &["properties"],
            existing: false,
        }
    }

    fn check(&self, cx: &RuleContext<'_>, findings: &mut Findings<'_>) {
        check(cx, findings);
    }

    fn fixes(&self, finding: &Finding, cx: &FixContext<'_>) -> Vec<Fix> {
        super::insert_pricing::fixes(finding, cx)
    }

    fn paid_plans(&self) -> &'static [&'static str] {
        &plan::SCANNING
    }

    /// Plans and policies. Plans that are off or scan nothing are among them, since fixes add to their lists.
    fn shared(&self, deployment: &Deployment) -> Vec<Instance> {
        let counts = |instance: &&Instance| {
            (is_plan(instance) && !instance.existing) || policy_turns_on(instance)
        };
        let instances = deployment.expansion.instances.iter();
        instances.filter(counts).cloned().collect()
    }

    fn merge(&self, worst: &mut Finding, all: &[&Finding]) {
        subject::merge(worst, all);
    }

    fn hover(&self, target: HoverTarget<'_>) -> Option<String> {
        match target {
            HoverTarget::Results(results) => Some(hover::hover_registry(results)),
            HoverTarget::Shared(plans) => Some(hover::hover_plan(plans)),
        }
    }
}

fn is_registry(instance: &Instance) -> bool {
    instance.resource_type.is(REGISTRY)
}

fn is_plan(instance: &Instance) -> bool {
    instance.resource_type.is("Microsoft.Security/pricings")
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
    let mut coverage = CoverageCache::of(deployment, &candidates);
    for registry in registries {
        let result = coverage.coverage_of(registry);
        findings.push(check_registry(cx, &candidates, &result, registry));
    }
    for hint in hints::hints(deployment, cx.in_workspace) {
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

/// What a deployment and its reach hold that bears on registries.
struct Candidates<'a> {
    /// Plans, the deployment's own first; the label of another deployment.
    plans: Vec<(Option<&'a Arc<str>>, &'a Instance)>,
    policies: Vec<(Option<&'a Arc<str>>, &'a Instance)>,
}

impl<'a> Candidates<'a> {
    fn of(deployment: &'a Deployment, reach: &'a WorkspacePlans) -> Self {
        let own = deployment.expansion.instances.iter().map(|i| (None, i));
        // The same entry point with other parameters is another environment: what is on there says nothing about here,
        // where the same declaration has a value of its own.
        let others = reach
            .plans
            .iter()
            .filter(|(_, plan)| entry_of(plan) != deployment.entry)
            .map(|(label, plan)| (Some(label), plan));
        let (mut plans, mut policies) = (Vec::new(), Vec::new());
        for (label, instance) in own.chain(others) {
            if is_plan(instance) && !instance.existing {
                plans.push((label, instance));
            } else if policy_turns_on(instance) {
                policies.push((label, instance));
            }
        }
        Candidates { plans, policies }
    }
}

/// What the candidates come to for one registry.
#[derive(Default)]
struct CoverageResult {
    /// The plan that covers it.
    scanned: Option<(Option<NodeRef>, String)>,
    uncertainties: Vec<Unsure>,
    off: Vec<PlanOff>,
    /// Plans of the deployment that only a condition in doubt keeps from covering: fixes can take it away.
    conditional: Vec<PlanOff>,
    /// A plan of the deployment that cannot be deployed where it is: its type, what it is called, and why.
    misplaced: Option<(NodeRef, String, &'static str)>,
    lists: Vec<PlanList>,
    /// All plans that are not on, as findings keep them.
    shared_off: Arc<[PlanOff]>,
    /// The lists, as findings keep them.
    shared_lists: Arc<[PlanList]>,
}

/// Computes the coverage of equivalent registries once: for thousands of registries and plans, comparing every pair would
/// be too many.
struct CoverageCache<'a> {
    deployment: &'a Deployment,
    candidates: &'a Candidates<'a>,
    /// Some plan is for one resource: then each registry is its own case.
    by_resource: bool,
    /// Some plan has a condition, which that of the registry may imply.
    by_condition: bool,
    /// How many registries each declaration makes.
    instances: FxHashMap<NodeRef, usize>,
    national_cloud: bool,
    known: FxHashMap<CacheKey<'a>, Vec<(&'a Instance, Arc<CoverageResult>)>>,
}

/// What registries must share to be compared at all: cheap to hash, and tells most of them apart.
type CacheKey<'a> = (Option<NodeRef>, [Option<&'a str>; 2], &'a [Arc<Canonical>]);

impl<'a> CoverageCache<'a> {
    fn of(deployment: &'a Deployment, candidates: &'a Candidates<'a>) -> Self {
        let any = |test: &dyn Fn(&Instance) -> bool| {
            let mut plans = candidates.plans.iter();
            plans.any(|(_, plan)| test(plan))
        };
        let mut instances: FxHashMap<NodeRef, usize> = FxHashMap::default();
        for registry in deployment
            .expansion
            .instances
            .iter()
            .filter(|it| is_registry(it))
        {
            *instances.entry(registry.place).or_default() += 1;
        }
        let cloud = deployment.settings.bicep.cloud.as_deref();
        CoverageCache {
            deployment,
            candidates,
            by_resource: any(&|plan| plan.scope.resource.is_some()),
            instances,
            national_cloud: cloud.is_some_and(|name| !name.eq_ignore_ascii_case("AzureCloud")),
            by_condition: any(&|plan| matches!(plan.existence, Existence::Conditional(_))),
            known: FxHashMap::default(),
        }
    }

    fn coverage_of(&mut self, registry: &'a Instance) -> Arc<CoverageResult> {
        let cache_key = self.cache_key(registry);
        let alike = self.known.get(&cache_key).into_iter().flatten();
        for (other, result) in alike {
            if self.same(registry, other) {
                return Arc::clone(result);
            }
        }
        let target = Target {
            registry,
            only_instance: self.instances.get(&registry.place) == Some(&1)
                && registry.copies == Some(1),
            national_cloud: self.national_cloud,
        };
        let mut result = coverage_of(self.deployment, self.candidates, &target);
        result.shared_off = result
            .off
            .iter()
            .chain(&result.conditional)
            .cloned()
            .collect();
        result.shared_lists = std::mem::take(&mut result.lists).into();
        let result = Arc::new(result);
        let alike = self.known.entry(cache_key).or_default();
        alike.push((registry, Arc::clone(&result)));
        result
    }

    fn cache_key(&self, registry: &'a Instance) -> CacheKey<'a> {
        let text = |value: &'a Option<Value>| value.as_ref().and_then(Value::as_str);
        let name = registry.name.as_str().filter(|_| self.by_resource);
        let conditions = match self.by_condition {
            true => plan::premises(registry),
            false => &[],
        };
        (
            self.by_resource.then_some(registry.place),
            [name, text(&registry.scope.subscription)],
            conditions,
        )
    }

    /// Whether all that [`plan::cover`] looks at of a registry is the same, for two of equal likeness.
    fn same(&self, one: &Instance, other: &Instance) -> bool {
        let kind = |value: &Option<Value>| value.as_ref().map(|value| value.kind.clone());
        kind(&one.scope.subscription) == kind(&other.scope.subscription)
            && (!self.by_resource || one.name.kind == other.name.kind && one.via == other.via)
    }
}

/// A plan with its cover, and the label of its deployment unless that is the registry's own.
type Covers<'a> = Vec<(Option<&'a Arc<str>>, &'a Instance, plan::Cover)>;

fn coverage_of(
    deployment: &Deployment,
    candidates: &Candidates<'_>,
    target: &Target<'_>,
) -> CoverageResult {
    let mut result = CoverageResult::default();
    let covers: Covers<'_> = candidates
        .plans
        .iter()
        .map(|(label, plan)| (*label, *plan, plan::cover(plan, target, label.is_none())))
        .collect();
    let overriding = Overriding::of(&covers);
    for (label, plan, cover) in &covers {
        let elsewhere = label.map_or(String::new(), |label| format!(" in deployment '{label}'"));
        result
            .lists
            .extend(list_of(plan, cover, deployment, *label));
        let owned = label.map(|label| (*label).clone());
        if cover.is_off() {
            result.off.push(plan::plan_off(plan, cover, owned));
        } else if label.is_none() && cover.name == Tristate::Yes && cover.deployed != Tristate::No {
            let why = plan::misplaced(plan).map(|why| (plan.type_place, plan::called(plan), why));
            result.misplaced = result.misplaced.take().or(why);
        }
        match overriding.answer(plan, cover.answer()) {
            Tristate::No => {}
            Tristate::Maybe(mut unsure) => {
                unsure.text.push_str(&elsewhere);
                if label.is_none() && cover.hangs_on_condition() {
                    result.conditional.push(PlanOff {
                        cause: OffCause::Condition,
                        ..plan::plan_off(plan, cover, None)
                    });
                }
                result.uncertainties.push(unsure);
            }
            Tristate::Yes => match contradicted(&covers, *label, plan) {
                Some(other) => result.uncertainties.push(Unsure {
                    text: format!(
                        "{} is declared twice in one deployment, once with scanning and once without",
                        plan::called(other)
                    ),
                    place: Some(other.type_place),
                }),
                None => {
                    let text = format!("{} is Standard{elsewhere}", plan::called(plan));
                    result.scanned.get_or_insert((Some(plan.type_place), text));
                }
            },
        }
    }
    // A second plan of one name in a deployment is an error, or contradicts the first.
    let wanted = deployment.settings.plan.name();
    let taken: Vec<_> = covers
        .iter()
        .filter(|(_, plan, cover)| cover.reach != Tristate::No && plan::named(plan, wanted))
        .map(|(label, ..)| *label)
        .collect();
    result
        .lists
        .retain(|list| !taken.contains(&list.deployment.as_ref()));
    // The plan that messages and fixes name first: one of this deployment, and the one that is not superseded.
    result.off.sort_by_key(|off| {
        let newest = off.name.eq_ignore_ascii_case("Containers");
        (off.deployment.is_some(), !newest)
    });
    result
}

/// `Containers` on the registry itself overrides that on its subscription, unless the latter enforces itself.
struct Overriding {
    /// A plan on the registry is off.
    resource_off: Tristate,
    /// A plan on the subscription enforces itself and is off.
    subscription_off: Tristate,
}

impl Overriding {
    fn of(covers: &Covers<'_>) -> Self {
        let mut overriding = Overriding {
            resource_off: Tristate::No,
            subscription_off: Tristate::No,
        };
        let mut subscription_decides = false;
        for (_, plan, cover) in covers
            .iter()
            .filter(|(_, plan, _)| plan::named(plan, "Containers"))
        {
            let off = [&cover.tier, &cover.extension].contains(&&Tristate::No);
            if cover.reach != Tristate::Yes || cover.deployed == Tristate::No {
                continue;
            }
            let on_resource = plan.scope.resource.is_some();
            let enforces = match on_resource {
                true => Tristate::No,
                false => plan::enforces(plan),
            };
            subscription_decides |= enforces == Tristate::Yes && cover.deployed == Tristate::Yes;
            let answer = match (&cover.deployed, enforces) {
                (Tristate::Maybe(unsure), _) => Tristate::Maybe(unsure.clone()),
                (_, Tristate::Maybe(unsure)) => Tristate::Maybe(unsure),
                (_, Tristate::No) if !on_resource => Tristate::No,
                _ => Tristate::Yes,
            };
            let strongest = match on_resource {
                true => &mut overriding.resource_off,
                false => &mut overriding.subscription_off,
            };
            if off && *strongest != Tristate::Yes && answer != Tristate::No {
                *strongest = answer;
            }
        }
        if subscription_decides {
            overriding.resource_off = Tristate::No;
        }
        overriding
    }

    /// What a plan answers, given the others.
    fn answer(&self, plan: &Instance, answer: Tristate) -> Tristate {
        if answer == Tristate::No || !plan::named(plan, "Containers") {
            return answer;
        }
        let other = match plan.scope.resource.is_some() {
            true => &self.subscription_off,
            false => &self.resource_off,
        };
        match other {
            Tristate::Yes => Tristate::No,
            Tristate::No => answer,
            Tristate::Maybe(unsure) => Tristate::Maybe(unsure.clone()),
        }
    }
}

/// A plan of the same name in the same deployment that is not on though it may be deployed together with `plan`.
fn contradicted<'a>(
    covers: &Covers<'a>,
    label: Option<&Arc<str>>,
    plan: &Instance,
) -> Option<&'a Instance> {
    let name = plan.name.as_str()?;
    covers.iter().find_map(|(other_label, other, cover)| {
        let same = *other_label == label
            && plan::named(other, name)
            && other.scope.resource.is_none()
            && plan.scope.resource.is_none();
        let off = cover.reach == Tristate::Yes
            && cover.deployed != Tristate::No
            && (cover.tier == Tristate::No || cover.extension == Tristate::No);
        (same && off && !plan::exclusive(plan, other)).then_some(*other)
    })
}

/// A plan that would scan if it had the name for it, and has its own from a literal: its list may take one more.
fn list_of(
    plan: &Instance,
    cover: &plan::Cover,
    of: &Deployment,
    label: Option<&Arc<str>>,
) -> Option<PlanList> {
    let rest = [&cover.tier, &cover.extension, &cover.reach, &cover.deployed];
    if cover.name != Tristate::No || rest.iter().any(|answer| **answer != Tristate::Yes) {
        return None;
    }
    Some(PlanList {
        array: plan.list,
        name: plan.name.place?,
        tier: plan::property(plan, &["pricingTier"]).and_then(|value| value.place),
        sample_name: plan.name.as_str()?.into(),
        declaration: plan.place,
        via: plan.via.clone(),
        of: (of.entry, of.parameters),
        deployment: label.cloned(),
    })
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
        rule: &METADATA,
        verdict,
        severity: verdict.severity(deployment.settings.rule(&METADATA.name).level),
        place,
        message,
        related,
        resource_type: registry.resource_type.clone(),
        resource_name: registry.name.as_str().map(Into::into),
        entry: deployment.entry,
        parameters: deployment.parameters,
        subject: Subject::Registry(Box::new(RegistrySubject {
            declaration: registry.place,
            deployment_paths: vec![way],
            subscription_known: plan::knows_subscription(registry),
            plans_off: result.shared_off.clone(),
            lists: result.shared_lists.clone(),
        })),
    };
    RuleResult {
        rule: &METADATA,
        place,
        verdict,
        finding: Some(finding),
        decided,
    }
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

/// A verdict that is worth saying.
struct MessageParts {
    verdict: Verdict,
    message: String,
    related: Vec<(NodeRef, String)>,
}

/// `None`: scanned.
fn message_parts(
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
        && let Some(off) = result.off.iter().find(|off| reports_off(off))
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
    let mut related: Vec<_> = result.off.iter().map(off_related).collect();
    let message = match &result.misplaced {
        Some((place, called, why)) => {
            related.insert(0, (*place, format!("{called} {why}")));
            format!(
                "Images are not scanned: {called} {why} and cannot be deployed. Deploy it to the subscription."
            )
        }
        None => format!(
            "Images are not scanned: no Defender plan covers this registry ({}).",
            where_looked(deployment)
        ),
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
        let related = result
            .uncertainties
            .iter()
            .filter_map(|uncertainty| Some((uncertainty.place?, uncertainty.text.clone())));
        return Some((first.text.clone(), related.collect()));
    }
    if let Some((label, policy)) = candidates.policies.first() {
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
    let message = match (uncertain, result.off.first()) {
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
        OffCause::Condition => format!(
            "plan '{}' is declared {place}, but its condition is false",
            off.name
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
        OffCause::Condition => (
            off.condition.unwrap_or(off.type_place),
            format!("the condition of plan '{}', which is false", off.name),
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
