//! The cover of one plan for one registry: each condition of cover is yes, maybe or no, so that a message can name the
//! one that decided.

use std::sync::Arc;

use super::REGISTRY;
use super::subject::{OffCause, PlanOff};
use crate::eval::canonical::{implies, implies_all};
use crate::eval::{Canonical, Existence, Instance, Kind, Value};
use crate::model::{NodeRef, ScopeKind};
use crate::rules::property::{Property, property_of};

/// The plans that scan registries.
pub(crate) const SCANNING: [&str; 3] = ["Containers", "ContainerRegistry", "CloudPosture"];

/// Plans that `Containers` supersedes.
const SUPERSEDED: [&str; 2] = ["ContainerRegistry", "KubernetesService"];

/// Whether `Containers` supersedes a plan.
pub(crate) fn is_superseded(plan: &Instance) -> bool {
    plan.name.as_str().is_some_and(is_superseded_name)
}

/// Whether `Containers` supersedes the plan of this name.
pub(crate) fn is_superseded_name(name: &str) -> bool {
    SUPERSEDED.iter().any(|old| old.eq_ignore_ascii_case(name))
}

/// The extension of a plan that scans the images of registries. Its absence means that it is on.
pub(crate) const EXTENSION: &str = "ContainerRegistriesVulnerabilityAssessments";

/// A version that is gone.
const RETIRED_VERSION: &str = "2017-08-01-preview";

/// From this version on, Bicep's types allow every scope and the service takes one resource too.
pub(crate) const RESOURCE_SCOPE_VERSION: &str = "2024-01-01";

/// An answer that may be withheld.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tristate {
    /// Definitely.
    Yes,
    /// It depends on something.
    Maybe(Unsure),
    /// Definitely not.
    No,
}

impl Tristate {
    /// The conjunction: one no makes no, all yes makes yes, else the first uncertainty.
    pub(crate) fn all<'a>(answers: impl IntoIterator<Item = &'a Tristate>) -> Tristate {
        let mut all = Tristate::Yes;
        for answer in answers {
            match answer {
                Tristate::No => return Tristate::No,
                Tristate::Maybe(_) if all == Tristate::Yes => all = answer.clone(),
                _ => {}
            }
        }
        all
    }
}

/// What is not known, in words that continue a sentence, and where it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unsure {
    /// `the tier of plan 'Containers' is not known (parameter 'tier' has no value)`.
    pub text: String,
    /// The uncertain value.
    pub place: NodeRef,
}

/// The answers about one plan for one registry.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cover {
    /// One of the three names.
    pub name: Tristate,
    /// Its tier is Standard.
    pub tier: Tristate,
    /// The scanning extension is not off.
    pub extension: Tristate,
    /// Its scope is the subscription, or the registry itself; not `existing`; the same subscription.
    pub reach: Tristate,
    /// It is deployed wherever the registry is.
    pub deployed: Tristate,
}

impl Cover {
    /// The conjunction.
    pub(crate) fn answer(&self) -> Tristate {
        Tristate::all([
            &self.name,
            &self.tier,
            &self.extension,
            &self.reach,
            &self.deployed,
        ])
    }

    /// Whether nothing but a condition that is not known keeps it from covering.
    pub(crate) fn hangs_on_condition(&self) -> bool {
        let rest = [&self.name, &self.tier, &self.extension, &self.reach];
        matches!(self.deployed, Tristate::Maybe(_)) && Tristate::all(rest) == Tristate::Yes
    }

    /// Whether the plan is there for this registry, definitely by name, and is definitely not on.
    pub(crate) fn is_off(&self) -> bool {
        self.name == Tristate::Yes
            && self.reach != Tristate::No
            && [&self.tier, &self.extension, &self.deployed].contains(&&Tristate::No)
    }
}

/// A registry that plans may cover.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    /// It.
    pub registry: &'a Instance,
    /// Its declaration makes no other instance in the deployment.
    pub only_instance: bool,
}

/// What a plan is by itself, whatever the registry.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Standing {
    /// As [`Cover::name`].
    pub name: Tristate,
    /// As [`Cover::tier`].
    pub tier: Tristate,
    /// As [`Cover::extension`].
    pub extension: Tristate,
}

impl Standing {
    /// That of a plan, for registries in Azure Government or China or elsewhere.
    pub(crate) fn of(plan: &Instance, national_cloud: bool) -> Self {
        let called = called(plan);
        // The extension is of the other plans, and where it cannot be turned off 'False' is not off.
        let always_scans = named(plan, "ContainerRegistry") || national_cloud;
        Standing {
            name: name(plan),
            tier: tier(plan, &called),
            extension: match always_scans {
                true => Tristate::Yes,
                false => extension(plan, &called),
            },
        }
    }
}

/// Works out the cover of `plan` for `registry`. Conditions are compared only within one deployment: elsewhere the same
/// parameter may have another value.
pub(crate) fn cover(
    plan: &Instance,
    standing: &Standing,
    target: &Target<'_>,
    same_deployment: bool,
) -> Cover {
    let standing = standing.clone();
    Cover {
        name: standing.name,
        tier: standing.tier,
        extension: standing.extension,
        reach: reach(plan, target),
        deployed: deployed(plan, target.registry, same_deployment),
    }
}

/// How messages call a plan: by its name where that is known.
pub(crate) fn called(plan: &Instance) -> String {
    match &plan.name.kind {
        Kind::Str(name) => format!("plan '{name}'"),
        _ => "a Defender plan".to_owned(),
    }
}

/// A property of a resource by path below `properties`, where it is there and known at least in part.
pub(crate) fn property<'a>(instance: &'a Instance, path: &[&str]) -> Option<&'a Value> {
    let mut value = instance.body.member("properties")?;
    for name in path {
        value = value.member(name)?;
    }
    Some(value)
}

/// Whether all, some or none of what a value may be passes. `what` may not be known, in words that continue a sentence.
fn passes(
    value: &Value,
    test: impl Fn(&Value) -> bool,
    what: impl FnOnce() -> String,
    node: NodeRef,
) -> Tristate {
    let each = value.alternatives();
    let passing = each.iter().filter(|one| test(one)).count();
    match passing {
        0 if !each.is_empty() => Tristate::No,
        n if n == each.len() && n > 0 => Tristate::Yes,
        _ => not_known(what(), value.reason(), value.place.unwrap_or(node)),
    }
}

/// The same of a member of a value; `absent` where it has none.
fn member_passes(
    (value, path): (&Value, &[&str]),
    absent: Tristate,
    test: impl Fn(&Value) -> bool,
    what: impl FnOnce() -> String,
    node: NodeRef,
) -> Tristate {
    match property_of(value, path) {
        Property::Value(value) => passes(value, test, what, node),
        Property::Absent => absent,
        Property::Unknown(reason, place) => not_known(what(), Some(reason), place.unwrap_or(node)),
    }
}

fn not_known(what: String, reason: Option<Arc<str>>, node: NodeRef) -> Tristate {
    let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
    Tristate::Maybe(Unsure {
        text: format!("{what} is not known{reason}"),
        place: node,
    })
}

/// Whether a value means `truth`: the API takes the strings `True` and `False`, and authors write booleans too.
fn is_truth(value: &Value, truth: bool) -> bool {
    let text = value.as_str();
    value.as_bool() == Some(truth)
        || text.is_some_and(|text| text.eq_ignore_ascii_case(if truth { "true" } else { "false" }))
}

fn name(plan: &Instance) -> Tristate {
    let scanning = |value: &Value| {
        let name = value.as_str().unwrap_or_default();
        SCANNING.iter().any(|one| one.eq_ignore_ascii_case(name))
    };
    let what = || "the name of a Defender plan".to_owned();
    passes(&plan.name, scanning, what, plan.type_place)
}

fn tier(plan: &Instance, called: &str) -> Tristate {
    let is_standard = |value: &Value| {
        let tier = value.as_str();
        tier.is_some_and(|tier| tier.eq_ignore_ascii_case("Standard"))
    };
    member_passes(
        (&plan.body, &["properties", "pricingTier"]),
        Tristate::No,
        is_standard,
        || format!("the tier of {called}"),
        plan.type_place,
    )
}

/// Whether an element of the list of extensions is the one that scans images.
pub(crate) fn is_scanning_extension(element: &Value) -> bool {
    element.member("name").is_some_and(names_extension)
}

fn names_extension(name: &Value) -> bool {
    name.as_str()
        .is_some_and(|name| name.eq_ignore_ascii_case(EXTENSION))
}

fn extension(plan: &Instance, called: &str) -> Tristate {
    let what = || format!("whether the extensions of {called} leave {EXTENSION} on");
    let list = match property_of(&plan.body, &["properties", "extensions"]) {
        Property::Value(list) => list,
        Property::Absent => return Tristate::Yes,
        Property::Unknown(reason, place) => {
            return not_known(what(), Some(reason), place.unwrap_or(plan.type_place));
        }
    };
    let Kind::Array(array) = &list.kind else {
        return Tristate::Yes;
    };
    let mut answer = match &array.open {
        Some(reason) => not_known(
            what(),
            Some(reason.clone()),
            list.place.unwrap_or(plan.type_place),
        ),
        None => Tristate::Yes,
    };
    for item in &array.items {
        let member = |name: &str, test: &dyn Fn(&Value) -> bool| {
            member_passes((item, &[name]), Tristate::No, test, what, plan.type_place)
        };
        let off = member("isEnabled", &|value| is_truth(value, false));
        match Tristate::all([&off, &member("name", &names_extension)]) {
            Tristate::Yes => return Tristate::No,
            Tristate::Maybe(unsure) => answer = Tristate::Maybe(unsure),
            Tristate::No => {}
        }
    }
    answer
}

/// The literal that turns the scanning extension off, and the element it is in.
pub(crate) fn extension_off(plan: &Instance) -> Option<&Value> {
    let Kind::Array(array) = &property(plan, &["extensions"])?.kind else {
        return None;
    };
    let mut off = array.items.iter().filter_map(|item| {
        let off = item
            .member("isEnabled")
            .filter(|value| is_truth(value, false));
        off.filter(|_| is_scanning_extension(item))
    });
    // One of several is not what to change.
    off.next().filter(|_| off.next().is_none())
}

fn reach(plan: &Instance, target: &Target<'_>) -> Tristate {
    let registry = target.registry;
    if plan.existing {
        return Tristate::No;
    }
    Tristate::all([&same_subscription(plan, registry), &scope(plan, target)])
}

fn scope(plan: &Instance, target: &Target<'_>) -> Tristate {
    let registry = target.registry;
    if misplaced(plan).is_some() {
        return Tristate::No;
    }
    let Some(resource) = &plan.scope.resource else {
        return Tristate::Yes;
    };
    if !named(plan, "Containers")
        || resource
            .resource_type
            .as_ref()
            .is_some_and(|ty| !ty.is(REGISTRY))
    {
        return Tristate::No;
    }
    let uncertainty = || Unsure {
        text: format!("which resource {} covers is not known", called(plan)),
        place: plan.type_place,
    };
    let only_one = target.only_instance && resource.place == Some(registry.place);
    match (&resource.name, resource.resource_type.is_some()) {
        // Iterations of a loop, and two uses of a module, share a declaration: the name decides.
        (Some(name), true) => match same_text(name, &registry.name, uncertainty) {
            Tristate::Maybe(_) if only_one => Tristate::Yes,
            answer => answer,
        },
        _ => Tristate::Maybe(uncertainty()),
    }
}

/// Why a plan cannot be deployed where it is: the service takes a subscription, and from
/// [`RESOURCE_SCOPE_VERSION`] on one resource.
pub(crate) fn misplaced(plan: &Instance) -> Option<&'static str> {
    let version = plan.api_version.as_str();
    if version.is_some_and(|version| version.eq_ignore_ascii_case(RETIRED_VERSION)) {
        return Some("has an API version that is gone");
    }
    if plan.scope.resource.is_some() {
        let old = version.is_some_and(|version| version < RESOURCE_SCOPE_VERSION);
        return old.then_some("has an API version that takes a subscription only");
    }
    match plan.scope.kind {
        ScopeKind::Subscription => None,
        ScopeKind::ResourceGroup => Some("is deployed to a resource group"),
        ScopeKind::ManagementGroup => Some("is deployed to a management group"),
        ScopeKind::Tenant => Some("is deployed to a tenant"),
    }
}

/// Whether the plan has this name, in any case.
pub(crate) fn named(plan: &Instance, name: &str) -> bool {
    plan.name
        .as_str()
        .is_some_and(|own| own.eq_ignore_ascii_case(name))
}

/// Whether the plan overrides those of its resources: `enforce: 'True'`.
pub(crate) fn enforces(plan: &Instance) -> Tristate {
    member_passes(
        (&plan.body, &["properties", "enforce"]),
        Tristate::No,
        |value| is_truth(value, true),
        || {
            let called = called(plan);
            format!("whether {called} overrides the plans of resources")
        },
        plan.type_place,
    )
}

fn canonical(value: &Value) -> Option<&Arc<Canonical>> {
    match &value.kind {
        Kind::Unknown(unknown) => unknown.canonical.as_ref(),
        _ => None,
    }
}

fn same_text(one: &Value, other: &Value, uncertainty: impl FnOnce() -> Unsure) -> Tristate {
    match (one.as_str(), other.as_str()) {
        (Some(a), Some(b)) if a.eq_ignore_ascii_case(b) => Tristate::Yes,
        (Some(_), Some(_)) => Tristate::No,
        _ => match (canonical(one), canonical(other)) {
            (Some(a), Some(b)) if a == b => Tristate::Yes,
            _ => Tristate::Maybe(uncertainty()),
        },
    }
}

/// The deployment's own subscription is one and the same, and equal expressions are equal.
fn same_subscription(plan: &Instance, registry: &Instance) -> Tristate {
    let uncertainty = || Unsure {
        text: format!(
            "whether {} is for the registry's subscription is not known",
            called(plan)
        ),
        place: plan.type_place,
    };
    let (ours, theirs) = match (&plan.scope.subscription, &registry.scope.subscription) {
        (None, None) => return Tristate::Yes,
        (Some(ours), Some(theirs)) => (ours, theirs),
        _ => return Tristate::Maybe(uncertainty()),
    };
    match (ours.alternatives(), theirs.alternatives()) {
        ([], _) | (_, []) | ([_], [_]) => same_text(ours, theirs, uncertainty),
        (ours, theirs) => match ours.iter().any(|a| theirs.iter().any(|b| b.kind == a.kind)) {
            true => Tristate::Maybe(uncertainty()),
            false => Tristate::No,
        },
    }
}

/// Whether a plan is deployed wherever a registry is.
pub(crate) fn deployed(plan: &Instance, registry: &Instance, same_deployment: bool) -> Tristate {
    let uncertainty = match &plan.existence {
        Existence::Always => return Tristate::Yes,
        Existence::Never(_) => return Tristate::No,
        Existence::Conditional(uncertainty) => uncertainty,
    };
    let comparable = same_deployment && !uncertainty.opaque;
    if comparable && implies_all(premises(registry), &uncertainty.conditions) {
        return Tristate::Yes;
    }
    let called = called(plan);
    let text = if uncertainty.unknown_loop || uncertainty.text.is_empty() {
        format!(
            "whether {called} is deployed is not known ({})",
            uncertainty.reason
        )
    } else {
        format!(
            "{called} is deployed only if '{}' ({})",
            uncertainty.text, uncertainty.reason
        )
    };
    Tristate::Maybe(Unsure {
        text,
        place: uncertainty.place.unwrap_or(plan.type_place),
    })
}

/// What definitely holds wherever an instance is deployed. A condition without canonical form is left out: fewer premises
/// prove less, never too much.
pub(crate) fn premises(instance: &Instance) -> &[Arc<Canonical>] {
    match &instance.existence {
        Existence::Conditional(uncertainty) => &uncertainty.conditions,
        _ => &[],
    }
}

/// Whether two instances of one deployment can never both be deployed.
pub(crate) fn exclusive(one: &Instance, other: &Instance) -> bool {
    let denies = |condition: &Arc<Canonical>| implies(premises(one), &Canonical::not(condition));
    premises(other).iter().any(denies)
}

/// What keeps a plan off, for messages and fixes; `cover` must state that it is off.
pub(crate) fn plan_off(plan: &Instance, cover: &Cover, label: Option<Arc<str>>) -> PlanOff {
    let tier = property(plan, &["pricingTier"]);
    let unmet = match &plan.existence {
        Existence::Never(unmet) => unmet.as_ref(),
        _ => None,
    };
    let condition = match &plan.existence {
        Existence::Never(_) => unmet.map(|it| it.place),
        Existence::Conditional(uncertainty)
            if cover.deployed != Tristate::Yes && !uncertainty.unknown_loop =>
        {
            uncertainty.place
        }
        _ => None,
    };
    let extension = extension_off(plan).and_then(|value| value.place);
    let cause = if cover.deployed == Tristate::No {
        OffCause::Condition
    } else if cover.tier == Tristate::No {
        match tier.map(Value::alternatives).unwrap_or_default() {
            [] => OffCause::NoTier,
            each => {
                let texts = each.iter().map(|one| one.as_str().unwrap_or("null"));
                OffCause::Tier(texts.collect::<Vec<_>>().join("' or '").into())
            }
        }
    } else {
        OffCause::Extension
    };
    PlanOff {
        name_place: plan.name.place,
        tier: tier
            .filter(|_| cover.tier == Tristate::No)
            .and_then(|value| value.place),
        extension,
        condition,
        condition_text: unmet.map_or_else(Arc::default, |it| it.text.clone()),
        cause,
        name: plan.name.as_str().unwrap_or("Containers").into(),
        declaration: plan.place,
        type_place: plan.type_place,
        known_module: plan.known_module,
        deployment: label,
        via: plan.via.clone(),
    }
}
