//! SARIF 2.1.0 for code scanning: silenced findings are in it, marked, and fingerprints survive moved lines.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::{Report, ReportedFinding, ResolvedFix, severity_name};
use crate::analysis::{Location, Suppression};
use crate::rules::{Metadata, RULES, Rule};
use crate::workspace::disk;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Prints the log.
pub(crate) fn print(report: &Report) -> String {
    let results = report.findings.iter().map(|found| result(report, found));
    let notifications = report.load_errors().map(|(severity, problem)| {
        let physical = match &problem.location {
            Some(location) => physical(report, location),
            None => json!({ "artifactLocation": artifact(report, &problem.path) }),
        };
        json!({
            "level": severity_name(severity),
            "message": { "text": problem.message },
            "locations": [{ "physicalLocation": physical }],
        })
    });
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": driver() },
            "columnKind": "utf16CodeUnits",
            "invocations": [{
                "executionSuccessful": !report.problems.iter().any(|problem| problem.hides),
                "toolExecutionNotifications": notifications.collect::<Vec<_>>(),
            }],
            "results": results.collect::<Vec<_>>(),
        }],
    });
    format!("{document:#}\n")
}

fn driver() -> Value {
    json!({
        "name": "Preflight",
        "version": env!("CARGO_PKG_VERSION"),
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "informationUri": env!("CARGO_PKG_REPOSITORY"),
        "rules": RULES.iter().map(|rule| descriptor(rule.metadata())).collect::<Vec<_>>(),
    })
}

fn descriptor(rule: &Metadata) -> Value {
    json!({
        "id": rule.name.reference,
        "name": rule.name.name,
        "shortDescription": { "text": rule.title },
        "fullDescription": { "text": rule.description },
        "helpUri": rule.page,
        "help": { "text": rule.documentation, "markdown": rule.documentation },
        "defaultConfiguration": { "level": "warning" },
        "properties": {
            "tags": ["security", "azure", "container-registry"],
            "precision": "high",
            "problem.severity": "warning",
            "security-severity": rule.security_severity,
        },
    })
}

fn result(report: &Report, found: &ReportedFinding) -> Value {
    let diagnostic = &found.diagnostic;
    let rule = |rule: &&dyn Rule| rule.metadata().name.is(diagnostic.code);
    let related = diagnostic.related.iter().enumerate();
    let related = related.map(|(n, (location, message))| {
        json!({
            "id": n,
            "physicalLocation": physical(report, location),
            "message": { "text": message },
        })
    });
    let suppression = diagnostic.suppressed.map(|suppression| match suppression {
        Suppression::InSource => json!([{ "kind": "inSource" }]),
        Suppression::External => json!([{ "kind": "external" }]),
    });
    let fixes = found.fixes.iter().map(|of| fix(report, of));
    let mut result = json!({
        "ruleId": diagnostic.code,
        "ruleIndex": RULES.iter().position(rule),
        "level": severity_name(diagnostic.severity),
        "message": { "text": diagnostic.message },
        "locations": [{ "physicalLocation": physical(report, &diagnostic.location) }],
        "relatedLocations": related.collect::<Vec<_>>(),
        "partialFingerprints": { "preflight/v1": found.fingerprint },
        "baselineState": report.compared.then_some(if found.known { "unchanged" } else { "new" }),
        "suppressions": suppression,
        "fixes": fixes.collect::<Vec<_>>(),
    });
    // What there is nothing of is left out.
    if let Value::Object(members) = &mut result {
        members.retain(|_, value| !value.is_null() && *value != json!([]));
    }
    result
}

fn fix(report: &Report, fix: &ResolvedFix) -> Value {
    let mut changes: BTreeMap<String, (Value, Vec<Value>)> = BTreeMap::new();
    for edit in &fix.edits {
        let path = &edit.location.path;
        let change = changes.entry(report.base.relative(path));
        let (_, replacements) = change.or_insert_with(|| (artifact(report, path), Vec::new()));
        replacements.push(json!({
            "deletedRegion": region(&edit.location),
            "insertedContent": { "text": edit.text },
        }));
    }
    let changes = changes.into_values().map(
        |(file, replacements)| json!({ "artifactLocation": file, "replacements": replacements }),
    );
    json!({ "description": { "text": fix.title }, "artifactChanges": changes.collect::<Vec<_>>() })
}

fn physical(report: &Report, location: &Location) -> Value {
    json!({
        "artifactLocation": artifact(report, &location.path),
        "region": region(location),
    })
}

/// Lines and columns from 1; the end column is past the last character.
fn region(location: &Location) -> Value {
    json!({
        "startLine": location.start.line + 1,
        "startColumn": location.start.utf16 + 1,
        "endLine": location.end.line + 1,
        "endColumn": location.end.utf16 + 1,
    })
}

/// Relative to the root of the repository below it, else the file's own URI.
fn artifact(report: &Report, path: &Path) -> Value {
    let relative = report.base.in_repository(path);
    if !relative.starts_with("../") && !Path::new(&relative).is_absolute() {
        return json!({ "uri": disk::to_relative_uri(&relative) });
    }
    json!({ "uri": disk::to_uri(path) })
}
