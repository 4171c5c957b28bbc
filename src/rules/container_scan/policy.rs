//! Policies that turn a plan on after deployment. They are no plans, but they make *missing* *unknown*.

use super::plan;
use crate::eval::{Existence, Instance, Kind, Value};

/// Built-in definitions and initiatives that deploy a scanning plan where it is missing, by the GUID in their id.
/// Source: the names as listed by Azure Policy: "Configure Microsoft Defender for Containers to be enabled",
/// "Configure Microsoft Defender CSPM to be enabled", "Configure Microsoft Defender CSPM plan", "Configure Azure Defender
/// for container registries to be enabled" (deprecated), "Configure Microsoft Defender for Cloud plans" (initiative);
/// and the initiative of Azure landing zones, by its name.
const DEPLOYING: [&str; 7] = [
    "c9ddb292-b203-4738-aead-18e2716e858f",
    "efd4031d-b232-4595-babf-ae817348e91b",
    "689f7782-ef2c-4270-a6d0-7664869076bd",
    "72f8cee7-2937-403d-84a1-a4e3e57f3c21",
    "d3d1e68e-49d4-4b56-acff-93cef644b432",
    "f08c57cd-dbd6-49a4-a85e-9ae77ac959b0",
    "/deploy-mdfc-config",
];

/// How many values of a policy are looked at: a definition is a document of any size.
const MOST: usize = 20_000;

/// Whether the type is one of the policy resources.
pub(crate) fn is_policy(instance: &Instance) -> bool {
    [
        "policyAssignments",
        "policyDefinitions",
        "policySetDefinitions",
    ]
    .iter()
    .any(|kind| {
        let ty = instance.resource_type.as_str();
        ty.strip_prefix_ignoring_case("Microsoft.Authorization/")
            .is_some_and(|rest| rest.eq_ignore_ascii_case(kind))
    })
}

trait StripPrefix {
    fn strip_prefix_ignoring_case(&self, prefix: &str) -> Option<&str>;
}

impl StripPrefix for str {
    fn strip_prefix_ignoring_case(&self, prefix: &str) -> Option<&str> {
        let head = self.get(..prefix.len())?;
        head.eq_ignore_ascii_case(prefix)
            .then(|| &self[prefix.len()..])
    }
}

/// Whether a policy resource may turn a scanning plan on.
pub(crate) fn may_turn_on(policy: &Instance) -> bool {
    if policy.existing || matches!(policy.existence, Existence::Never(_)) {
        return false;
    }
    let text = |path: &[&str]| plan::property(policy, path).and_then(Value::as_str);
    let has = |path: &[&str], value: &str| {
        text(path).is_some_and(|found| found.eq_ignore_ascii_case(value))
    };
    if has(&["enforcementMode"], "DoNotEnforce")
        || has(&["parameters", "effect", "value"], "Disabled")
    {
        return false;
    }
    if let Some(id) = plan::property(policy, &["policyDefinitionId"])
        && id.reason().is_some()
    {
        return may_deploy(id) && !disables_containers(policy);
    }
    let mut pricing = false;
    let mut named = false;
    let mut built_in = false;
    strings(policy.body.member("properties"), &mut |text| {
        pricing |= text.eq_ignore_ascii_case("Microsoft.Security/pricings");
        named |= plan::SCANNING
            .iter()
            .any(|name| text.eq_ignore_ascii_case(name));
        let folded = text.to_ascii_lowercase();
        built_in |= DEPLOYING.iter().any(|id| folded.contains(id));
    });
    if built_in {
        return !disables_containers(policy);
    }
    // A definition of one's own that deploys the plan: the resource is in the template of its effect.
    let deploys =
        plan::property(policy, &["policyRule", "then", "details", "deployment"]).is_some();
    deploys && pricing && named
}

/// Whether an id that is not known may be one of those that turn a plan on.
fn may_deploy(id: &Value) -> bool {
    let texts = id.alternatives();
    if !texts.is_empty() {
        return texts.iter().filter_map(Value::as_str).any(|text| {
            let folded = text.to_ascii_lowercase();
            DEPLOYING.iter().any(|id| folded.contains(id))
        });
    }
    id.tail().is_none_or(|tail| {
        let folded = tail.to_ascii_lowercase();
        let mut deploying = DEPLOYING.iter();
        deploying.any(|id| folded.contains(id) || id.ends_with(&*folded))
    })
}

/// Whether an assignment sets a parameter for Containers to Disabled.
fn disables_containers(policy: &Instance) -> bool {
    let parameters = plan::property(policy, &["parameters"]).map(|value| &value.kind);
    let Some(Kind::Object(parameters)) = parameters else {
        return false;
    };
    parameters.members.iter().any(|(name, parameter)| {
        let value = parameter.member("value").and_then(Value::as_str);
        name.as_str().to_ascii_lowercase().contains("containers")
            && value.is_some_and(|value| value.eq_ignore_ascii_case("Disabled"))
    })
}

/// Every known string in a value, iteratively: definitions are nested by whoever wrote them.
fn strings(value: Option<&Value>, see: &mut dyn FnMut(&str)) {
    let mut todo: Vec<&Value> = value.into_iter().collect();
    let mut seen = 0;
    while let Some(value) = todo.pop() {
        seen += 1;
        if seen > MOST {
            return;
        }
        match &value.kind {
            Kind::Str(text) => see(text),
            Kind::Array(array) => todo.extend(&array.items),
            Kind::Object(object) => todo.extend(object.members.values()),
            Kind::OneOf(choice) => todo.extend(choice.iter()),
            _ => {}
        }
    }
}
