//! SARIF 2.1.0 for code scanning: silenced findings are in it, marked, and fingerprints survive moved lines.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Found, Report, ResolvedFix, severity_name};
use crate::analysis::{Location, Suppression};
use crate::rules::{Metadata, RULES};
use crate::workspace::disk;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Prints the log.
pub fn print(report: &Report) -> String {
    let mut results: Vec<Value> = Vec::new();
    for found in &report.findings {
        results.push(result(report, found));
    }
    let problems = report.problems.iter();
    let errors = problems.map(|problem| match problem.hides {
        true => ("error", problem),
        false => ("warning", problem),
    });
    let notes = report.unread.iter().map(|problem| ("note", problem));
    let notifications: Vec<Value> = errors
        .chain(notes)
        .map(|(level, problem)| {
            let physical = match &problem.location {
                Some(location) => physical(report, location),
                None => json!({ "artifactLocation": artifact(report, &problem.path) }),
            };
            json!({
                "level": level,
                "message": { "text": problem.message },
                "locations": [{ "physicalLocation": physical }],
            })
        })
        .collect();
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": driver() },
            "columnKind": "utf16CodeUnits",
            "invocations": [{
                "executionSuccessful": !report.problems.iter().any(|problem| problem.hides),
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
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

fn result(report: &Report, found: &Found) -> Value {
    let diagnostic = &found.diagnostic;
    let related: Vec<Value> = diagnostic
        .related
        .iter()
        .enumerate()
        .map(|(n, (location, message))| {
            json!({
                "id": n,
                "physicalLocation": physical(report, location),
                "message": { "text": message },
            })
        })
        .collect();
    let mut result = Map::new();
    let mut put = |key: &str, value: Value| result.insert(key.to_owned(), value);
    put("ruleId", json!(diagnostic.code));
    let index = RULES
        .iter()
        .position(|rule| rule.metadata().name.is(diagnostic.code));
    if let Some(index) = index {
        put("ruleIndex", json!(index));
    }
    put("level", json!(severity_name(diagnostic.severity)));
    put("message", json!({ "text": diagnostic.message }));
    put(
        "locations",
        json!([{ "physicalLocation": physical(report, &diagnostic.location) }]),
    );
    if !related.is_empty() {
        put("relatedLocations", json!(related));
    }
    put(
        "partialFingerprints",
        json!({ "preflight/v1": found.fingerprint }),
    );
    if report.compared {
        let state = if found.known { "unchanged" } else { "new" };
        put("baselineState", json!(state));
    }
    if let Some(suppression) = diagnostic.suppressed {
        let kind = match suppression {
            Suppression::InSource => "inSource",
            Suppression::External => "external",
        };
        put("suppressions", json!([{ "kind": kind }]));
    }
    if !found.fixes.is_empty() {
        let fixes: Vec<Value> = found.fixes.iter().map(|of| fix(report, of)).collect();
        put("fixes", json!(fixes));
    }
    Value::Object(result)
}

fn fix(report: &Report, fix: &ResolvedFix) -> Value {
    let mut changes: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for file in &fix.files {
        let replacements = file.edits.iter().map(|(location, text)| {
            json!({
                "deletedRegion": region(location),
                "insertedContent": { "text": text },
            })
        });
        changes.entry(&file.path).or_default().extend(replacements);
    }
    let changes: Vec<Value> = changes
        .into_iter()
        .map(|(path, replacements)| {
            let path = disk::normalize(&report.base.folder().join(path));
            json!({
                "artifactLocation": artifact(report, &path),
                "replacements": replacements,
            })
        })
        .collect();
    json!({ "description": { "text": fix.title }, "artifactChanges": changes })
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
