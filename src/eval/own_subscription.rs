//! Whether an expression is the deployment's own subscription, as `last(split(subscription().id, '/'))` is.
//!
//! The canonical form of the expression is evaluated with two made-up subscriptions. If the result is the given subscription
//! both times, the expression is the deployment's own.

use std::sync::Arc;

use super::context::Context;
use super::evaluate::value_of;
use super::scope::{Frame, Section, Symbol};
use super::value::Kind;
use crate::model::lower::NoMemo;
use crate::model::lower_arm::lower_arm;
use crate::model::{FileId, ItemKind};
use crate::syntax::language;

const MADE_UP: [&str; 2] = [
    "3f0b8c51-6d7a-4e12-9c04-a1b2c3d4e5f6",
    "c90a7e24-15bd-4f83-b6d1-0718293a4b5c",
];

/// Whether a canonical form gives the id of the subscription that `functions` (`subscription()`, `resourceGroup()`)
/// answer for. `own` is what the form adds to these names in the place of the expression: empty in an entry point.
pub(crate) fn gives(cx: &Context<'_>, canonical: &str, own: &str) -> bool {
    let reads = ["subscription", "resourcegroup"].map(|name| format!("{name}{own}"));
    if !reads.iter().any(|call| canonical.contains(&**call)) {
        return false;
    }
    MADE_UP.iter().all(|id| {
        let mut expression = arm_strings(canonical);
        for (call, variable) in reads.iter().zip(["s", "g"]) {
            expression =
                expression.replace(&format!("{call}()"), &format!("variables('{variable}')"));
        }
        evaluated(cx, &expression, id).is_some_and(|text| text.eq_ignore_ascii_case(id))
    })
}

/// The value of an expression in which the variables `s` and `g` are a subscription and a resource group in it.
fn evaluated(cx: &Context<'_>, expression: &str, id: &str) -> Option<Arc<str>> {
    let template = serde_json::json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "variables": {
            "s": { "id": format!("/subscriptions/{id}"), "subscriptionId": id },
            "g": { "id": format!("/subscriptions/{id}/resourceGroups/g") },
            "value": format!("[{expression}]"),
        },
        "resources": [],
    })
    .to_string();
    if !cx.spend(template.len() / 8) {
        return None;
    }
    let tree = language::parse(language::json(), &*template, None);
    let template = lower_arm(&tree, &*template, &NoMemo).template;
    // The file is named in places only, and of the value only the text is kept.
    let frame = Frame::alone(FileId(u32::MAX), template);
    let Some(Symbol::Variable(item)) = frame.find(Section::Variable, "value") else {
        return None;
    };
    let ItemKind::Variable(variable) = &frame.item(*item)?.kind else {
        return None;
    };
    match value_of(cx, frame.env(*item), &variable.value).kind {
        Kind::Str(text) => Some(text),
        _ => None,
    }
}

/// Strings as ARM's expressions write them: a canonical form writes them as JSON does.
fn arm_strings(canonical: &str) -> String {
    let mut result = String::new();
    let mut rest = canonical;
    while let Some(start) = rest.find('"') {
        result.push_str(&rest[..start]);
        let mut strings = serde_json::Deserializer::from_str(&rest[start..]).into_iter::<String>();
        let Some(Ok(text)) = strings.next() else {
            return String::new();
        };
        rest = &rest[start + strings.byte_offset()..];
        result.push('\'');
        result.push_str(&text.replace('\'', "''"));
        result.push('\'');
    }
    result.push_str(rest);
    result
}
