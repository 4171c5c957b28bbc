//! What the fixes may change in a deployment: one plan goes to Standard, or takes the place of a superseded one. A
//! deployment without a registry and without plans gains none.

use crate::eval::{Existence, Instance, Kind};
use crate::rules::change::{Change, is_deployed, printed, scope_text};
use crate::rules::container_scan::plan::{is_scanning_extension, is_superseded, named, property};
use crate::rules::container_scan::{is_plan, is_registry};
use crate::rules::fix::Fix;

/// Whether a fix may change a deployment so.
pub(crate) fn may_change(fix: &Fix, change: &Change<'_>) -> bool {
    let Some(plan) = fix.paid else {
        return false;
    };
    let renames = fix.id == super::RENAME_PLAN;
    let replaces = renames || fix.id.starts_with(super::REPLACE_PLAN);
    let (old, replaced): (Vec<_>, Vec<_>) = change
        .removed
        .iter()
        .copied()
        .partition(|one| named(one, plan));
    let only_plans = change.all().all(is_plan)
        && change.added.iter().all(|one| named(one, plan))
        && replaced.iter().all(|one| replaces && is_superseded(one));
    let at = |one: &Instance| scope_text(&one.scope);
    let mut scopes: Vec<String> = change.all().map(at).collect();
    scopes.dedup();
    only_plans
        && scopes.iter().all(|scope| {
            let here = |all: &[&Instance]| -> Vec<Facts> {
                let there = all.iter().filter(|one| at(one) == *scope);
                there.map(|one| Facts::of(one)).collect()
            };
            let (old, new) = (here(&old), here(&change.added));
            if renames {
                // Several of one subscription become one.
                let mut replaced = here(&replaced);
                replaced.dedup();
                return old.is_empty() && new.len() == 1 && new == replaced;
            }
            let is_on = |one: &Facts| one.tier.eq_ignore_ascii_case("Standard");
            let same = old.iter().zip(&new).all(|(old, new)| old.rest == new.rest);
            let declared = change.before.iter().any(|one| {
                is_plan(one) && is_deployed(one) && named(one, plan) && at(one) == *scope
            });
            let count = match declared {
                true => old.len(),
                false => 1,
            };
            new.len() == count
                && new.iter().all(is_on)
                && same
                && (declared
                    || gains_plans(change)
                        && new.iter().all(Facts::is_known)
                        && waits_for_plans(change))
        })
}

/// Whether a deployment may gain a plan: it has a registry, or plans.
fn gains_plans(change: &Change<'_>) -> bool {
    let mut before = change.before.iter().filter(|one| is_deployed(one));
    before.any(|one| is_registry(one) || is_plan(one))
}

/// Whether the new plans are not updated at the same time as others of their subscription, which takes one update at a
/// time. Whether those of one loop are in order is asked where an element joins its list.
fn waits_for_plans(change: &Change<'_>) -> bool {
    let at = |one: &Instance| scope_text(&one.scope);
    change.added.iter().all(|new| {
        let plans = change.after.instances.iter();
        let mut others = plans.filter(|it| is_plan(it) && is_deployed(it) && at(it) == at(new));
        others.all(|other| {
            let of_loop = (other.place, &other.via) == (new.place, &new.via);
            let all = change.after;
            of_loop || all.follows(new, other) || all.follows(other, new)
        })
    })
}

/// What is compared of a plan.
#[derive(PartialEq)]
struct Facts {
    tier: String,
    existence: String,
    /// The extension that scans registries.
    scans: String,
    rest: String,
}

impl Facts {
    fn of(plan: &Instance) -> Facts {
        let (mut rest, mut scans) = (String::new(), String::new());
        let properties = plan.body.member("properties").map(|all| &all.kind);
        if let Some(Kind::Object(object)) = properties {
            for (name, value) in &object.members {
                match &value.kind {
                    _ if name.is("pricingTier") => {}
                    Kind::Array(list) if name.is("extensions") => {
                        for element in &list.items {
                            match is_scanning_extension(element) {
                                true => scans += &printed(element),
                                false => rest += &printed(element),
                            }
                        }
                    }
                    _ => rest += &format!("{name}={};", printed(value)),
                }
            }
        }
        let existence = match &plan.existence {
            Existence::Conditional(uncertainty) => uncertainty.text.to_string(),
            _ => String::new(),
        };
        let tier = property(plan, &["pricingTier"]).map(printed);
        let tier = tier.unwrap_or_default();
        Facts {
            tier,
            existence,
            scans,
            rest,
        }
    }

    /// An unknown member of a new plan may be one that cannot be evaluated.
    fn is_known(&self) -> bool {
        !self.rest.contains('?') && !self.scans.contains('?')
    }
}
