//! An index of plans by subscription and registry, so that a registry is compared only with the plans that apply to it.
//!
//! Plans of one name in one deployment and subscription are ordered here: the later one decides.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::plan::{self, Standing, Tristate};
use super::{is_plan, policy_turns_on};
use crate::eval::canonical::implies_all;
use crate::eval::{Canonical, Existence, Expansion, Instance, Kind, Value};
use crate::model::NodeRef;

/// Plans of one class that a registry is compared with, where more of them decide nothing.
const MAX_ALIKE: usize = 8;

/// The subscription that something is deployed to, as far as two of them can be compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Subscription {
    /// That of the deployment.
    Own,
    /// An id, in lower case.
    Id(String),
    /// What an expression gives that is not known.
    Expression(Arc<Canonical>),
    /// Not known.
    Unknown,
}

impl Subscription {
    /// That of an instance.
    pub(crate) fn of(instance: &Instance) -> Self {
        let Some(value) = &instance.scope.subscription else {
            return Subscription::Own;
        };
        match &value.kind {
            Kind::Str(id) => Subscription::Id(id.to_ascii_lowercase()),
            Kind::Unknown(unknown) => match &unknown.canonical {
                Some(canonical) => Subscription::Expression(canonical.clone()),
                None => Subscription::Unknown,
            },
            _ => Subscription::Unknown,
        }
    }
}

/// A plan of an index.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its number among the instances that the index is made of.
    pub number: u32,
    /// What it is by itself.
    pub standing: Standing,
    /// The number of a plan of the same name, deployment and subscription that does not scan, where neither definitely comes
    /// after the other.
    pub contradicted: Option<u32>,
    subscription: Subscription,
}

/// Positions in [`PlanIndex::entries`], by class.
#[derive(Debug, Default)]
struct Group([Vec<u32>; 4]);

/// Plans and policies by what they are for.
#[derive(Debug, Default)]
pub(crate) struct PlanIndex {
    entries: Vec<Entry>,
    /// Numbers of the policies that may turn a plan on.
    pub policies: Vec<u32>,
    /// Some plan is for one resource.
    pub by_resource: bool,
    /// Some plan is deployed under a condition.
    pub by_condition: bool,
    same: FxHashMap<Subscription, Group>,
    ids: Group,
    expressions: Group,
    /// Plans for one resource, by its name in lower case.
    names: FxHashMap<String, Vec<u32>>,
    /// Plans for one resource, by its declaration.
    declarations: FxHashMap<NodeRef, Vec<u32>>,
    /// Plans for one resource that has no known name.
    unnamed: Vec<u32>,
}

impl PlanIndex {
    /// The index of instances with the deployments that they are of, and what is known of the order of these.
    pub(crate) fn of<'a>(
        instances: impl Iterator<Item = (Option<&'a Arc<str>>, &'a Instance)>,
        order: Option<&Expansion>,
        national_cloud: bool,
    ) -> Self {
        let mut index = PlanIndex::default();
        let (mut entries, mut plans) = (Vec::new(), Vec::new());
        for (number, (deployment, instance)) in (0u32..).zip(instances) {
            if is_plan(instance) && !instance.existing {
                plans.push((deployment, instance));
                entries.push(Entry {
                    number,
                    standing: Standing::of(instance, national_cloud),
                    contradicted: None,
                    subscription: Subscription::of(instance),
                });
            } else if policy_turns_on(instance) {
                index.policies.push(number);
            }
        }
        let replaced = compare(&mut entries, &plans, order);
        let each = entries.into_iter().zip(plans).enumerate();
        for (_, (entry, (_, plan))) in each.filter(|(at, _)| !replaced.contains(at)) {
            index.add(entry, plan);
        }
        index
    }

    fn add(&mut self, entry: Entry, plan: &Instance) {
        let position = self.entries.len() as u32;
        self.by_condition |= matches!(plan.existence, Existence::Conditional(_));
        if let Some(resource) = &plan.scope.resource {
            self.by_resource = true;
            if let Some(place) = resource.place {
                self.declarations.entry(place).or_default().push(position);
            }
            match resource.name.as_ref().and_then(Value::as_str) {
                Some(name) => {
                    let named = self.names.entry(name.to_ascii_lowercase());
                    named.or_default().push(position);
                }
                None => self.unnamed.push(position),
            }
        } else {
            let class = entry.class(plan);
            let same = self.same.entry(entry.subscription.clone()).or_default();
            same.0[class].push(position);
            match entry.subscription {
                Subscription::Own => {}
                Subscription::Id(_) => self.ids.0[class].push(position),
                Subscription::Expression(_) | Subscription::Unknown => {
                    self.expressions.0[class].push(position);
                }
            }
        }
        self.entries.push(entry);
    }

    /// The plans that can matter to a registry: of the registry's own deployment, or those of others that are wanted.
    pub(crate) fn for_registry(
        &self,
        registry: &Instance,
        is_other: Option<&dyn Fn(&Entry) -> bool>,
    ) -> Vec<&Entry> {
        let mut found: Vec<u32> = Vec::new();
        let subscription = Subscription::of(registry);
        let same = self.same.get(&subscription);
        let is_wanted = is_other.unwrap_or(&|_| true);
        match (same, is_other) {
            // Conditions are compared within one deployment, so any of its plans may be the one.
            (Some(same), None) => found.extend(same.0.iter().flatten()),
            (Some(same), Some(_)) => self.take(same, is_wanted, &mut found),
            (None, _) => {}
        }
        let is_another = |it: &Entry| it.subscription != subscription && is_wanted(it);
        self.take(&self.expressions, &is_another, &mut found);
        if !matches!(subscription, Subscription::Id(_)) {
            self.take(&self.ids, &is_another, &mut found);
        }
        if subscription != Subscription::Own
            && let Some(own) = self.same.get(&Subscription::Own)
        {
            self.take(own, &is_another, &mut found);
        }
        self.of_resource(registry, &mut found);
        found.sort_unstable();
        found.dedup();
        let entries = found.into_iter().map(|it| &self.entries[it as usize]);
        entries.filter(|it| is_wanted(it)).collect()
    }

    /// Takes the first few of each class: more of them decide nothing.
    fn take(&self, group: &Group, is_wanted: &dyn Fn(&Entry) -> bool, found: &mut Vec<u32>) {
        for class in &group.0 {
            let class = class.iter().copied();
            let class = class.filter(|it| is_wanted(&self.entries[*it as usize]));
            found.extend(class.take(MAX_ALIKE));
        }
    }

    /// Adds the plans that are for one resource and may be for a registry.
    fn of_resource(&self, registry: &Instance, found: &mut Vec<u32>) {
        let declared = self.declarations.get(&registry.place);
        found.extend(declared.into_iter().flatten());
        match registry.name.as_str() {
            Some(name) => {
                let named = self.names.get(&name.to_ascii_lowercase());
                found.extend(named.into_iter().flatten());
            }
            None => found.extend(self.names.values().flatten().take(MAX_ALIKE)),
        }
        found.extend(self.unnamed.iter().take(MAX_ALIKE));
    }
}

impl Entry {
    /// Plans of one class do the same for a registry.
    fn class(&self, plan: &Instance) -> usize {
        let Standing {
            name,
            tier,
            extension,
        } = &self.standing;
        let off = *tier == Tristate::No
            || *extension == Tristate::No
            || matches!(plan.existence, Existence::Never(_));
        match name {
            Tristate::No => 3,
            _ if off => 2,
            Tristate::Yes
                if *tier == Tristate::Yes
                    && *extension == Tristate::Yes
                    && plan.existence == Existence::Always =>
            {
                0
            }
            _ => 1,
        }
    }

    /// Whether it definitely scans where it is deployed, definitely does not, or may.
    fn scans(&self) -> Tristate {
        Tristate::all([&self.standing.tier, &self.standing.extension])
    }
}

/// Compares the plans of one name, deployment and subscription of which some scan and some do not. Returns the positions
/// of those that a later one definitely replaces, and notes in the others what contradicts them.
fn compare(
    entries: &mut [Entry],
    plans: &[(Option<&Arc<str>>, &Instance)],
    order: Option<&Expansion>,
) -> FxHashSet<usize> {
    type Key<'a> = (Option<&'a str>, String, Subscription);
    let mut groups: FxHashMap<Key<'_>, Vec<usize>> = FxHashMap::default();
    for (position, (deployment, plan)) in plans.iter().enumerate() {
        let subscription = &entries[position].subscription;
        let wide = plan.scope.resource.is_none() && plan::misplaced(plan).is_none();
        if let Some(name) = plan.name.as_str()
            && wide
            && *subscription != Subscription::Unknown
            && !matches!(plan.existence, Existence::Never(_))
        {
            let deployment = deployment.map(|it| &**it);
            let key = (deployment, name.to_ascii_lowercase(), subscription.clone());
            groups.entry(key).or_default().push(position);
        }
    }
    let mut replaced = FxHashSet::default();
    for group in groups.into_values().filter(|group| group.len() > 1) {
        let scans = |at: &usize| entries[*at].scans();
        let (on, rest): (Vec<usize>, Vec<usize>) = group
            .iter()
            .copied()
            .partition(|at| scans(at) == Tristate::Yes);
        let mut notes = Vec::new();
        for one in &on {
            let plan = plans[*one].1;
            for other in &rest {
                let (other_plan, off) = (plans[*other].1, scans(other) == Tristate::No);
                if plan::exclusive(plan, other_plan) {
                    continue;
                }
                let follows = |a, b| order.is_some_and(|order| order.follows(a, b));
                if follows(plan, other_plan) {
                    if always_with(plan, other_plan) {
                        replaced.insert(*other);
                    }
                } else if off && follows(other_plan, plan) && always_with(other_plan, plan) {
                    replaced.insert(*one);
                    break;
                } else {
                    notes.push((*one, *other));
                    break;
                }
            }
        }
        for (one, other) in notes {
            entries[one].contradicted = Some(entries[other].number);
        }
    }
    replaced
}

/// Whether a plan is deployed wherever another one of the same deployment is.
fn always_with(plan: &Instance, other: &Instance) -> bool {
    match &plan.existence {
        Existence::Always => true,
        Existence::Never(_) => false,
        Existence::Conditional(uncertainty) => {
            !uncertainty.opaque && implies_all(plan::premises(other), &uncertainty.conditions)
        }
    }
}

/// The plans and policies of a deployment that count for the registries of others.
pub(crate) fn shared(expansion: &Expansion, national_cloud: bool) -> Vec<Instance> {
    let instances = &expansion.instances;
    let own = instances.iter().map(|it| (None, it));
    let index = PlanIndex::of(own, Some(expansion), national_cloud);
    let plans = index.entries.iter().map(|entry| entry.number);
    let mut numbers: Vec<u32> = plans.chain(index.policies.iter().copied()).collect();
    numbers.sort_unstable();
    let shared = numbers.into_iter().map(|it| instances[it as usize].clone());
    shared.collect()
}
