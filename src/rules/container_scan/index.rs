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
        let mut plans = Vec::new();
        for (number, (deployment, instance)) in (0u32..).zip(instances) {
            if is_plan(instance) && !instance.existing {
                plans.push((deployment, instance));
                index.entries.push(Entry {
                    number,
                    standing: Standing::of(instance, national_cloud),
                    contradicted: None,
                    subscription: Subscription::of(instance),
                });
            } else if policy_turns_on(instance) {
                index.policies.push(number);
            }
        }
        let replaced = compare(&mut index.entries, &plans, order);
        let mut position = 0;
        index.entries.retain(|_| {
            position += 1;
            !replaced.contains(&(position - 1))
        });
        position = 0;
        plans.retain(|_| {
            position += 1;
            !replaced.contains(&(position - 1))
        });
        for (position, (_, plan)) in plans.into_iter().enumerate() {
            index.add(position, plan);
        }
        index
    }

    fn add(&mut self, position: usize, plan: &Instance) {
        let entry = &self.entries[position];
        let position = position as u32;
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
            return;
        }
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

    /// The plans that can matter to a registry of the deployment whose plans these are.
    pub(crate) fn of_same_deployment(&self, registry: &Instance) -> Vec<&Entry> {
        let mut found = Found::default();
        let subscription = Subscription::of(registry);
        if let Some(same) = self.same.get(&subscription) {
            found.positions.extend(same.0.iter().flatten());
        }
        self.others(&subscription, &|_| true, &mut found);
        self.of_resource(registry, &mut found);
        self.entries_at(found)
    }

    /// The plans that can matter to a registry of another deployment. `is_other` states which plans are of another one.
    pub(crate) fn of_other_deployment(
        &self,
        registry: &Instance,
        is_other: &dyn Fn(&Entry) -> bool,
    ) -> Vec<&Entry> {
        let mut found = Found::default();
        let subscription = Subscription::of(registry);
        if let Some(same) = self.same.get(&subscription) {
            found.take(same, &|position| is_other(&self.entries[position as usize]));
        }
        self.others(&subscription, is_other, &mut found);
        self.of_resource(registry, &mut found);
        found
            .positions
            .retain(|position| is_other(&self.entries[*position as usize]));
        self.entries_at(found)
    }

    /// A few of the plans whose subscription may be that of a registry: they can only leave it open.
    fn others(
        &self,
        registry: &Subscription,
        is_other: &dyn Fn(&Entry) -> bool,
        found: &mut Found,
    ) {
        let mut take = |group: &Group| {
            found.take(group, &|position| {
                let entry = &self.entries[position as usize];
                entry.subscription != *registry && is_other(entry)
            });
        };
        take(&self.expressions);
        if !matches!(registry, Subscription::Id(_)) {
            take(&self.ids);
        }
        if *registry != Subscription::Own
            && let Some(own) = self.same.get(&Subscription::Own)
        {
            take(own);
        }
    }

    fn of_resource(&self, registry: &Instance, found: &mut Found) {
        if !self.by_resource {
            return;
        }
        let declared = self.declarations.get(&registry.place);
        found.positions.extend(declared.into_iter().flatten());
        match registry.name.as_str() {
            Some(name) => {
                let named = self.names.get(&name.to_ascii_lowercase());
                found.positions.extend(named.into_iter().flatten());
            }
            None => {
                let named = self.names.values().flatten();
                found.positions.extend(named.take(MAX_ALIKE));
            }
        }
        found.positions.extend(self.unnamed.iter().take(MAX_ALIKE));
    }

    fn entries_at(&self, mut found: Found) -> Vec<&Entry> {
        found.positions.sort_unstable();
        found.positions.dedup();
        let positions = found.positions.into_iter();
        positions.map(|it| &self.entries[it as usize]).collect()
    }
}

/// Positions to compare with.
#[derive(Default)]
struct Found {
    positions: Vec<u32>,
}

impl Found {
    /// Takes the first few of each class.
    fn take(&mut self, group: &Group, wanted: &dyn Fn(u32) -> bool) {
        for class in &group.0 {
            let class = class.iter().copied().filter(|it| wanted(*it));
            self.positions.extend(class.take(MAX_ALIKE));
        }
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
        let standing = &self.standing;
        match [&standing.tier, &standing.extension] {
            [Tristate::No, _] | [_, Tristate::No] => Tristate::No,
            [Tristate::Maybe(unsure), _] | [_, Tristate::Maybe(unsure)] => {
                Tristate::Maybe(unsure.clone())
            }
            [Tristate::Yes, Tristate::Yes] => Tristate::Yes,
        }
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
