//! Which plans cover a registry: the plans that apply to it, the cover of each, and the result.

use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;

use super::index::{Entry, PlanIndex, Subscription};
use super::plan::{self, Cover, Standing, Target, Tristate, Unsure};
use super::subject::{OffCause, PlanList, PlanOff};
use super::{entry_of, is_plan, is_registry};
use crate::eval::{Canonical, Instance};
use crate::model::NodeRef;
use crate::rules::{Deployment, WorkspacePlans};

/// The plans and policies that count for the registries of a deployment.
pub(crate) struct Candidates<'a> {
    deployment: &'a Deployment,
    own: PlanIndex,
    /// Of other deployments.
    shared: &'a WorkspacePlans,
    layers: Vec<(&'a WorkspacePlans, Arc<SharedIndex>)>,
    national_cloud: bool,
}

/// The index of the plans of a workspace, for the public cloud and for the others.
#[derive(Debug, Default)]
struct SharedIndex([OnceLock<PlanIndex>; 2]);

impl SharedIndex {
    fn get(&self, plans: &WorkspacePlans, national_cloud: bool) -> &PlanIndex {
        self.0[usize::from(national_cloud)].get_or_init(|| {
            let plans = plans.plans().iter();
            PlanIndex::of(
                plans.map(|(label, it)| (Some(label), it)),
                None,
                national_cloud,
            )
        })
    }
}

/// A plan that a registry is compared with, and the label of its deployment unless that is the registry's own.
struct Candidate<'a> {
    label: Option<&'a Arc<str>>,
    plan: &'a Instance,
    standing: &'a Standing,
    contradicted: Option<&'a Instance>,
}

impl<'a> Candidates<'a> {
    pub(crate) fn of(deployment: &'a Deployment, shared: &'a WorkspacePlans) -> Self {
        let national_cloud = is_national(deployment);
        let expansion = &deployment.expansion;
        let own = expansion.instances.iter().map(|it| (None, it));
        Candidates {
            deployment,
            own: PlanIndex::of(own, Some(expansion), national_cloud),
            shared,
            layers: shared.layers().map(|it| (it, it.index())).collect(),
            national_cloud,
        }
    }

    fn indexes(&self) -> impl Iterator<Item = &PlanIndex> {
        let shared = self.layers.iter();
        let shared = shared.map(|(plans, index)| index.get(plans, self.national_cloud));
        std::iter::once(&self.own).chain(shared)
    }

    /// The plans that can matter to a registry, the deployment's own first.
    fn for_registry(&self, registry: &Instance) -> Vec<Candidate<'_>> {
        let instances = &self.deployment.expansion.instances;
        let at = |number: u32| &instances[number as usize];
        let own = self.own.for_registry(registry, None).into_iter();
        let mut found: Vec<_> = own
            .map(|entry| Candidate {
                label: None,
                plan: at(entry.number),
                standing: &entry.standing,
                contradicted: entry.contradicted.map(at),
            })
            .collect();
        for (plans, index) in &self.layers {
            let at = |number: u32| &plans.plans()[number as usize];
            let is_other = |entry: &Entry| self.is_other(plans, at(entry.number));
            let index = index.get(plans, self.national_cloud);
            let entries = index.for_registry(registry, Some(&is_other));
            found.extend(entries.into_iter().map(|entry| Candidate {
                label: Some(&at(entry.number).0),
                plan: &at(entry.number).1,
                standing: &entry.standing,
                contradicted: entry.contradicted.map(|it| &at(it).1),
            }));
        }
        found
    }

    /// Whether an instance of a layer counts as another deployment's. The same entry point with other parameters is
    /// another environment, where the same declaration has a value of its own.
    fn is_other(&self, layer: &WorkspacePlans, (label, instance): &(Arc<str>, Instance)) -> bool {
        entry_of(instance) != self.deployment.entry && !self.shared.replaces(layer, label)
    }

    /// A policy that may turn a plan on, and the label of its deployment unless that is the registry's own.
    pub(crate) fn policy(&self) -> Option<(Option<&Arc<str>>, &Instance)> {
        let own = self.own.policies.first();
        let own = own.map(|it| (None, &self.deployment.expansion.instances[*it as usize]));
        own.or_else(|| {
            self.layers.iter().find_map(|(plans, index)| {
                let policies = index.get(plans, self.national_cloud).policies.iter();
                let mut policies = policies.map(|it| &plans.plans()[*it as usize]);
                let other = policies.find(|policy| self.is_other(plans, policy));
                other.map(|(label, policy)| (Some(label), policy))
            })
        })
    }
}

/// Whether a deployment is for Azure Government or China.
pub(crate) fn is_national(deployment: &Deployment) -> bool {
    let cloud = deployment.settings.bicep.cloud.as_deref();
    cloud.is_some_and(|name| !name.eq_ignore_ascii_case("AzureCloud"))
}

/// What the candidates come to for one registry.
#[derive(Default)]
pub(crate) struct CoverageResult {
    /// The plan that covers it.
    pub scanned: Option<(Option<NodeRef>, String)>,
    pub uncertainties: Vec<Unsure>,
    /// A plan of the deployment that cannot be deployed where it is: its type, what it is called, and why.
    pub misplaced: Option<(NodeRef, String, &'static str)>,
    /// The plans that are not on, the one that messages and fixes name first before others.
    pub plans_off: Arc<[PlanOff]>,
    /// Lists of plans that are on.
    pub lists: Arc<[PlanList]>,
}

impl CoverageResult {
    /// The plans that are off, whatever is not known.
    pub(crate) fn off(&self) -> impl Iterator<Item = &PlanOff> {
        let all = self.plans_off.iter();
        all.filter(|off| !matches!(off.cause, OffCause::Uncertain | OffCause::Unchosen))
    }

    /// A plan that a condition keeps out of the lists of the deployment.
    pub(crate) fn unchosen(&self) -> Option<&PlanOff> {
        let mut all = self.plans_off.iter();
        all.find(|off| off.cause == OffCause::Unchosen)
    }
}

/// Computes the coverage of equivalent registries once: for thousands of registries and plans, comparing every pair would
/// be too many.
pub(crate) struct CoverageCache<'a> {
    candidates: &'a Candidates<'a>,
    /// Some plan is for one resource: then each registry is its own case.
    by_resource: bool,
    /// Some plan has a condition, which that of the registry may imply.
    by_condition: bool,
    /// How many registries each declaration makes.
    instances: FxHashMap<NodeRef, usize>,
    known: FxHashMap<CacheKey<'a>, Arc<CoverageResult>>,
}

/// What equivalent registries share: the subscription, and the conditions where those count.
type CacheKey<'a> = (Subscription, &'a [Arc<Canonical>]);

impl<'a> CoverageCache<'a> {
    pub(crate) fn of(candidates: &'a Candidates<'a>) -> Self {
        let mut instances: FxHashMap<NodeRef, usize> = FxHashMap::default();
        let all = candidates.deployment.expansion.instances.iter();
        for registry in all.filter(|it| is_registry(it)) {
            *instances.entry(registry.place).or_default() += 1;
        }
        CoverageCache {
            candidates,
            by_resource: candidates.indexes().any(|it| it.by_resource),
            by_condition: candidates.own.by_condition,
            instances,
            known: FxHashMap::default(),
        }
    }

    pub(crate) fn coverage_of(&mut self, registry: &'a Instance) -> Arc<CoverageResult> {
        let conditions = match self.by_condition {
            true => plan::premises(registry),
            false => &[],
        };
        let cache_key = (Subscription::of(registry), conditions);
        let subscription = registry.scope.subscription.as_ref();
        let is_choice = subscription.is_some_and(|it| it.alternatives().len() > 1);
        if let Some(known) = self.known.get(&cache_key)
            && !self.by_resource
            && !is_choice
        {
            return Arc::clone(known);
        }
        let target = Target {
            registry,
            only_instance: self.instances.get(&registry.place) == Some(&1)
                && registry.copies == Some(1),
        };
        let result = Arc::new(coverage_of(self.candidates, &target));
        if !is_choice {
            self.known.insert(cache_key, Arc::clone(&result));
        }
        result
    }
}

/// The plans that are off since a condition keeps them out of a loop's list.
fn unchosen_plans(candidates: &Candidates<'_>, target: &Target<'_>) -> Vec<PlanOff> {
    let unchosen = candidates.deployment.expansion.unchosen.iter();
    let off = unchosen.filter(|plan| is_plan(plan)).filter_map(|plan| {
        let standing = Standing::of(plan, candidates.national_cloud);
        let cover = plan::cover(plan, &standing, target, true);
        cover.is_off().then(|| PlanOff {
            cause: OffCause::Unchosen,
            ..plan::plan_off(plan, &cover, None)
        })
    });
    off.collect()
}

/// A plan with its cover.
type Covers<'a> = Vec<(Candidate<'a>, Cover)>;

fn coverage_of(candidates: &Candidates<'_>, target: &Target<'_>) -> CoverageResult {
    let mut result = CoverageResult::default();
    let deployment = candidates.deployment;
    let found = candidates.for_registry(target.registry).into_iter();
    let covers: Covers<'_> = found
        .map(|it| {
            let cover = plan::cover(it.plan, it.standing, target, it.label.is_none());
            (it, cover)
        })
        .collect();
    let overriding = Overriding::of(&covers);
    let (mut off, mut lists) = (Vec::new(), Vec::new());
    for (candidate, cover) in &covers {
        let Candidate { label, plan, .. } = candidate;
        lists.extend(list_of(plan, cover, deployment, *label));
        if cover.is_off() {
            off.push(plan::plan_off(plan, cover, label.cloned()));
        } else if label.is_none() && cover.name == Tristate::Yes && cover.deployed != Tristate::No {
            let why = plan::misplaced(plan).map(|why| (plan.type_place, plan::called(plan), why));
            result.misplaced = result.misplaced.take().or(why);
        }
        let elsewhere = label.map_or(String::new(), |label| format!(" in deployment '{label}'"));
        match (overriding.answer(plan, cover.answer()), candidate.contradicted) {
            (Tristate::No, _) => {}
            (Tristate::Maybe(mut unsure), _) => {
                unsure.text.push_str(&elsewhere);
                if label.is_none() && cover.hangs_on_condition() {
                    off.push(PlanOff {
                        cause: OffCause::Uncertain,
                        ..plan::plan_off(plan, cover, None)
                    });
                }
                result.uncertainties.push(unsure);
            }
            (Tristate::Yes, Some(other)) => result.uncertainties.push(Unsure {
                text: format!(
                    "{} is declared twice in one deployment{elsewhere}, once with scanning and once without",
                    plan::called(other)
                ),
                place: other.type_place,
            }),
            (Tristate::Yes, None) => {
                let assumed = match plan.scope.assumed {
                    true => " (its template names another scope in '$schema', but holds resources of subscriptions only)",
                    false => "",
                };
                let text = format!("{} is Standard{elsewhere}{assumed}", plan::called(plan));
                let covered = (Some(plan.type_place), text);
                result.scanned.get_or_insert(covered);
            }
        }
    }
    off.extend(unchosen_plans(candidates, target));
    // A second plan of one name in a deployment is an error, or contradicts the first.
    let wanted = deployment.settings.plan.name();
    let taken: Vec<_> = covers
        .iter()
        .filter(|(it, cover)| cover.reach != Tristate::No && plan::named(it.plan, wanted))
        .map(|(it, _)| it.label)
        .collect();
    lists.retain(|list| !taken.contains(&list.deployment.as_ref()));
    // First a plan of this deployment that is off, and the one that is not superseded.
    off.sort_by_key(|off| {
        let newest = off.name.eq_ignore_ascii_case("Containers");
        let later = match off.cause {
            OffCause::Uncertain => 1,
            OffCause::Unchosen => 2,
            _ => 0,
        };
        (later, off.deployment.is_some(), !newest)
    });
    result.plans_off = off.into();
    result.lists = lists.into();
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
        let named = covers.iter().map(|(it, cover)| (it.plan, cover));
        for (plan, cover) in named.filter(|(plan, _)| plan::named(plan, "Containers")) {
            if cover.reach != Tristate::Yes || cover.deployed == Tristate::No {
                continue;
            }
            let on_resource = plan.scope.resource.is_some();
            let (decides, strongest) = match on_resource {
                true => (cover.deployed.clone(), &mut overriding.resource_off),
                false => (
                    Tristate::all([&cover.deployed, &plan::enforces(plan)]),
                    &mut overriding.subscription_off,
                ),
            };
            subscription_decides |= !on_resource && decides == Tristate::Yes;
            let off = [&cover.tier, &cover.extension].contains(&&Tristate::No);
            if off && *strongest != Tristate::Yes && decides != Tristate::No {
                *strongest = decides;
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

/// A plan that would scan if it had the name for it, and has its own from a literal: its list may take one more.
fn list_of(
    plan: &Instance,
    cover: &Cover,
    of: &Deployment,
    label: Option<&Arc<str>>,
) -> Option<PlanList> {
    let rest = [&cover.tier, &cover.extension, &cover.reach, &cover.deployed];
    if cover.name != Tristate::No || rest.iter().any(|answer| **answer != Tristate::Yes) {
        return None;
    }
    Some(PlanList {
        name: plan.name.place?,
        tier: plan::property(plan, &["pricingTier"]).and_then(|value| value.place),
        sample_name: plan.name.as_str()?.into(),
        declaration: plan.place,
        via: plan.via.clone(),
        of: (of.entry, of.parameters),
        deployment: label.cloned(),
    })
}
