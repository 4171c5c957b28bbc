//! Hover on a registry or a plan: the verdict, what decided it, and the rule in short.

use std::fmt::Write;

use super::{METADATA, plan};
use crate::eval::{Existence, Instance, Value};
use crate::rules::finding::{RuleResult, Verdict};
use crate::rules::{Deployment, Link};

const SHORT: &str = "Preflight checks before deployment whether *Microsoft Defender for Cloud* will scan the images of a \
container registry: a `Microsoft.Security/pricings` resource named `Containers`, `ContainerRegistry` or `CloudPosture` \
with `pricingTier: 'Standard'` in reach. It cannot see what the portal, Azure Policy or another repository turned on.";

/// The hover text of a registry: every deployment that makes it, worst first, what decided and where that is.
pub(crate) fn hover_registry(results: &[(&Deployment, &RuleResult)], link: Link<'_>) -> String {
    let mut results: Vec<_> = results
        .iter()
        .filter(|(_, one)| !is_hint(one))
        .copied()
        .collect();
    results.sort_by_key(|(_, one)| std::cmp::Reverse(one.verdict));
    let mut text = String::new();
    let title = match results.first().map(|(_, one)| one.verdict) {
        Some(Verdict::Scanned) => "Images are scanned",
        Some(Verdict::Unknown) => "Not known whether images are scanned",
        Some(Verdict::Missing | Verdict::Off | Verdict::Violation) => "Images are not scanned",
        Some(Verdict::Hint) | None => "Not deployed",
    };
    let _ = write!(
        text,
        "**{title}** — Azure.ACR.ContainerScan (AZR-000002)\n\n"
    );
    let mut reported: Vec<(Verdict, String)> = Vec::new();
    for (deployment, one) in &results {
        let (place, why) = match one.decided.first() {
            Some((place, why)) => (*place, why.as_str()),
            None => (None, ""),
        };
        if reported
            .iter()
            .any(|(verdict, text)| *verdict == one.verdict && text == why)
        {
            continue;
        }
        reported.push((one.verdict, why.to_owned()));
        let _ = writeln!(text, "- `{}`: {}", deployment.label, sentence(why));
        if let Some(link) = place.and_then(link) {
            let _ = writeln!(text, "  - {link}");
        }
        for (_, more) in one.decided.iter().skip(1) {
            let _ = writeln!(text, "  - {}", sentence(more));
        }
    }
    let _ = write!(text, "\n{SHORT} [The rule]({})", METADATA.page);
    text
}

/// The hover text of a plan: what each deployment makes of it.
pub(crate) fn hover_plan(plans: &[(&Deployment, &Instance)]) -> String {
    let mut text = String::new();
    for (deployment, plan) in plans {
        let line = format!("{} {}", upper(&plan::called(plan)), standing(plan));
        if text.is_empty() {
            let _ = write!(text, "**{line}**\n\n");
        } else {
            let _ = writeln!(text, "- `{}`: {line}", deployment.label);
        }
    }
    let _ = write!(text, "\n{SHORT} [The rule]({})", METADATA.page);
    text
}

/// What a plan does for registries, on its own.
fn standing(plan: &Instance) -> String {
    let standing = plan::Standing::of(plan, false);
    if standing.name == plan::Tristate::No {
        return "does not scan registries".to_owned();
    }
    if let Existence::Never(_) = plan.existence {
        return "is not deployed".to_owned();
    }
    let deployed = plan::deployed(plan, plan, true);
    match plan::Tristate::all([
        &standing.name,
        &standing.tier,
        &standing.extension,
        &deployed,
    ]) {
        plan::Tristate::Yes => "scans the images of registries".to_owned(),
        plan::Tristate::Maybe(unsure) => format!("may scan registries: {}", unsure.text),
        plan::Tristate::No => {
            let tier = plan::property(plan, &["pricingTier"]).and_then(Value::as_str);
            match tier {
                Some(tier) if standing.tier == plan::Tristate::No => {
                    format!("scans nothing: its tier is '{tier}'")
                }
                _ => "scans nothing".to_owned(),
            }
        }
    }
}

fn is_hint(results: &RuleResult) -> bool {
    results
        .finding
        .as_ref()
        .is_some_and(|f| f.verdict == Verdict::Hint)
}

fn upper(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

fn sentence(text: &str) -> String {
    let text = upper(text);
    match text.ends_with('.') {
        true => text,
        false => text + ".",
    }
}
