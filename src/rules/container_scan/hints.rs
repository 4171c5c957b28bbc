//! Hints: no findings, but what may not work as expected. Always at Information.

use super::{METADATA, is_plan, is_registry, plan};
use crate::eval::{Existence, Instance, Value};
use crate::model::{FileId, NodeRef};
use crate::rules::finding::{Finding, RuleResult, Subject, Verdict};
use crate::rules::{Deployment, WorkspacePlans};
use crate::workspace::config::Plan as Preferred;

/// The hints about a deployment's registries and plans.
pub(crate) fn hints(
    deployment: &Deployment,
    shared: &WorkspacePlans,
    in_workspace: &dyn Fn(FileId) -> bool,
) -> Vec<RuleResult> {
    let mut found = Vec::new();
    if !deployment.settings.hints.0 {
        return found;
    }
    for instance in &deployment.expansion.instances {
        let deployed = !instance.existing && !matches!(instance.existence, Existence::Never(_));
        // What a module brings by itself is its author's business.
        let ours = |place: Option<NodeRef>| place.is_some_and(|place| in_workspace(place.file));
        let declared = ours(Some(instance.type_place)) && !instance.known_module;
        if !deployed || !(declared || ours(instance.name.place)) {
            continue;
        }
        let mut add = |place: Option<NodeRef>, message: String, subject: Subject| {
            let places = [place, Some(instance.type_place)];
            let Some(place) = places.into_iter().flatten().find(|p| in_workspace(p.file)) else {
                return;
            };
            let verdict = Verdict::Hint;
            let hint = Finding::of(&METADATA, deployment, verdict, instance, place, message);
            found.push(RuleResult::of(Finding { subject, ..hint }, Vec::new()));
        };
        if is_plan(instance) {
            if let Some((place, message)) = superseded(instance, deployment.settings.plan) {
                // The extension is of the plan's successor only: under the new name it would turn scanning off.
                let renamed = place.filter(|_| {
                    plan::extension_off(instance).is_none()
                        && !has_successor(instance, deployment, shared)
                });
                let subject = renamed.map_or(Subject::None, Subject::Superseded);
                add(place, message, subject);
            }
            if let Some(message) = wrong_scope(instance) {
                add(None, message, Subject::None);
            }
        } else if is_registry(instance)
            && let Some((place, message)) = out_of_reach(instance)
        {
            add(place, message, Subject::None);
        }
    }
    found
}

/// Whether the plan `Containers` is declared for the subscription of a superseded plan, in this deployment or another.
fn has_successor(old: &Instance, deployment: &Deployment, shared: &WorkspacePlans) -> bool {
    let own = deployment.expansion.instances.iter();
    let others = shared.layers().flat_map(|layer| {
        let plans = layer.plans().iter();
        plans.filter(|(label, _)| !shared.replaces(layer, label))
    });
    own.chain(others.map(|(_, plan)| plan)).any(|other| {
        is_plan(other)
            && plan::named(other, "Containers")
            && other.scope.subscription == old.scope.subscription
    })
}

/// Who chose `ContainerRegistry` by the setting needs no advice against it.
fn superseded(instance: &Instance, preferred: Preferred) -> Option<(Option<NodeRef>, String)> {
    let name = instance.name.as_str()?;
    let chosen =
        preferred == Preferred::ContainerRegistry && plan::named(instance, "ContainerRegistry");
    let old = plan::is_superseded(instance) && !chosen;
    old.then(|| {
        let message = format!(
            "Plan '{name}' is superseded by 'Containers': it keeps working where it is on, but a subscription that never had it cannot turn it on."
        );
        (instance.name.place, message)
    })
}

fn wrong_scope(instance: &Instance) -> Option<String> {
    // Bicep itself reports older versions.
    let silent = instance
        .api_version
        .as_str()
        .is_some_and(|version| version >= plan::RESOURCE_SCOPE_VERSION);
    let why = plan::misplaced(instance).filter(|_| silent && instance.scope.resource.is_none())?;
    Some(format!(
        "This Defender plan does not deploy: it {why}, and the service takes a subscription or one resource. It compiles without an error."
    ))
}

/// Defender pulls images through the registry's public endpoint or as a trusted service; where both are shut, it sees
/// nothing.
fn out_of_reach(instance: &Instance) -> Option<(Option<NodeRef>, String)> {
    let has = |path: &[&str], wanted: &str| {
        let value = plan::property(instance, path)?;
        let text = value.as_str()?;
        text.eq_ignore_ascii_case(wanted).then_some(value)
    };
    let bypass: &Value = has(&["networkRuleBypassOptions"], "None")?;
    let (what, _) = has(&["publicNetworkAccess"], "Disabled")
        .map(|value| ("public network access is disabled", value))
        .or_else(|| {
            has(&["networkRuleSet", "defaultAction"], "Deny")
                .map(|value| ("the default action is Deny", value))
        })?;
    Some((
        bypass.place,
        format!(
            "The scanner cannot reach this registry: {what} and trusted services are not let through (networkRuleBypassOptions 'None')."
        ),
    ))
}
