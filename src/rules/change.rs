//! What a fix changes in a deployment: the resources that are no longer there and those that are new. Resources are
//! compared by all that is known of them, as text.

use std::fmt::Write;

use crate::eval::{DeploymentScope, Existence, Expansion, Instance, Kind, Value};

/// The members of a resource that are compared.
pub(crate) const COMPARED: &[&str] = &[
    "properties",
    "sku",
    "location",
    "tags",
    "kind",
    "identity",
    "zones",
    "plan",
    "managedby",
];

/// How a deployment differs after a fix.
pub struct Change<'a> {
    /// All its instances before.
    pub before: &'a [Instance],
    /// All of it after.
    pub after: &'a Expansion,
    /// Resources that were deployed and no longer are, or not so.
    pub removed: Vec<&'a Instance>,
    /// Resources that are deployed and were not, or not so.
    pub added: Vec<&'a Instance>,
}

impl Change<'_> {
    /// Removed and added resources.
    pub fn all(&self) -> impl Iterator<Item = &Instance> {
        self.removed.iter().chain(&self.added).copied()
    }
}

/// Whether an instance is deployed, perhaps under a condition.
pub(crate) fn is_deployed(instance: &Instance) -> bool {
    !instance.existing
        && !matches!(instance.existence, Existence::Never(_))
        && instance.copies != Some(0)
}

/// Whether an instance is compared: nested deployments are, by what they deploy.
pub(crate) fn is_compared(instance: &Instance) -> bool {
    is_deployed(instance) && !instance.resource_type.is("Microsoft.Resources/deployments")
}

/// All that is known of an instance.
pub(crate) fn text_of(instance: &Instance) -> String {
    let copies = instance.copies.map_or(-1, |copies| copies as i64);
    let condition = match &instance.existence {
        Existence::Conditional(uncertainty) => &*uncertainty.text,
        _ => "",
    };
    format!(
        "{} {} {} {copies} if {condition}: {}",
        instance.resource_type,
        printed(&instance.name),
        scope_text(&instance.scope),
        printed(&instance.body)
    )
}

/// A scope as text.
pub(crate) fn scope_text(scope: &DeploymentScope) -> String {
    let value = |value: &Option<Value>| value.as_ref().map_or_else(String::new, printed);
    let resource = scope.resource.as_ref().map(|it| value(&it.name));
    format!(
        "{:?} {} {} {resource:?}",
        scope.kind,
        value(&scope.subscription),
        value(&scope.resource_group)
    )
}

/// A value as text, without the nodes that it comes from. `?` comes before what is not known.
pub(crate) fn printed(value: &Value) -> String {
    let mut out = String::new();
    print(value, &mut out);
    out
}

fn print(value: &Value, out: &mut String) {
    match &value.kind {
        Kind::Str(text) => out.push_str(text),
        Kind::Array(array) => {
            out.push('[');
            for item in &array.items {
                print(item, out);
                out.push(',');
            }
            out.push_str(if array.open.is_some() { "?]" } else { "]" });
        }
        Kind::Object(object) => {
            out.push('{');
            for (name, value) in &object.members {
                let _ = write!(out, "{name}:");
                print(value, out);
                out.push(',');
            }
            out.push_str(if object.open.is_some() { "?}" } else { "}" });
        }
        Kind::OneOf(choice) => choice.values.iter().for_each(|value| {
            print(value, out);
            out.push('|');
        }),
        // Two unknown values are the same if they come from the same expression.
        Kind::Unknown(unknown) => {
            let _ = match &unknown.canonical {
                Some(canonical) => write!(out, "?{canonical}"),
                None => write!(out, "?{}", unknown.reason),
            };
        }
        Kind::Internal(_) => out.push('?'),
        Kind::Null => out.push_str("null"),
        Kind::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Kind::Int(value) => drop(write!(out, "{value}")),
        Kind::Float(value) => drop(write!(out, "{value}")),
    }
}
