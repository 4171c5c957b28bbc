//! The report as one JSON document: lines and characters from 0, characters in UTF-16 units, as editors count.

use std::path::Path;

use serde_json::{Value, json};

use super::{Report, ResolvedFix, severity_name};
use crate::analysis::inventory_json::range;
use crate::analysis::{LoadError, Location, Passed};
use crate::cli::paths::Base;
use crate::rules::finding::Severity;

/// Prints the document.
pub(crate) fn print(report: &Report) -> String {
    let base = &report.base;
    let findings: Vec<Value> = report
        .reported()
        .map(|found| {
            let diagnostic = &found.diagnostic;
            let related = diagnostic.related.iter();
            let related = related.map(|(location, message)| related_to(base, location, message));
            json!({
                "rule": diagnostic.code,
                "name": diagnostic.name,
                "verdict": diagnostic.verdict.name(),
                "severity": severity_name(diagnostic.severity),
                "path": found.path,
                "range": range(&diagnostic.location),
                "message": diagnostic.message,
                "resource": {
                    "type": diagnostic.resource_type,
                    "name": diagnostic.resource_name,
                },
                "deployment": deployment(base, &diagnostic.entry, diagnostic.parameters.as_deref()),
                "related": related.collect::<Vec<_>>(),
                "fixes": found.fixes.iter().map(|it| fix(base, it)).collect::<Vec<_>>(),
                "fingerprint": found.fingerprint,
            })
        })
        .collect();
    let reported = |problem: &LoadError| {
        json!({
            "path": base.relative(&problem.path),
            "range": problem.location.as_ref().map(range),
            "message": problem.message,
        })
    };
    let mut document = json!({
        "version": 1,
        "summary": {
            "files": report.files,
            "entryPoints": report.entry_points,
            "errors": report.count(Severity::Error),
            "warnings": report.count(Severity::Warning),
            "notes": report.count(Severity::Note),
        },
        "findings": findings,
        "problems": report.problems.iter().map(reported).collect::<Vec<_>>(),
    });
    if !report.unread.is_empty() {
        document["unread"] = report.unread.iter().map(reported).collect();
    }
    if !report.passed.is_empty() {
        let passed = report.passed.iter().map(|it| passed(report, it));
        document["passed"] = passed.collect();
    }
    format!("{document:#}\n")
}

fn related_to(base: &Base, location: &Location, message: &str) -> Value {
    json!({ "path": base.relative(&location.path), "range": range(location), "message": message })
}

fn deployment(base: &Base, entry: &Path, parameters: Option<&Path>) -> Value {
    json!({
        "entry": base.relative(entry),
        "parameters": parameters.map(|parameters| base.relative(parameters)),
    })
}

/// What passes: the same keys as of a finding, as far as there is something.
fn passed(report: &Report, passed: &Passed) -> Value {
    let base = &report.base;
    let why = passed.decided.first().map_or("", |(_, why)| why);
    let placed = passed.decided.iter();
    let related =
        placed.filter_map(|(location, why)| Some(related_to(base, location.as_ref()?, why)));
    json!({
        "rule": passed.rule.name.reference,
        "name": passed.rule.name.name,
        "path": base.relative(&passed.location.path),
        "range": range(&passed.location),
        "message": why,
        "deployment": deployment(base, &passed.entry, passed.parameters.as_deref()),
        "related": related.collect::<Vec<_>>(),
    })
}

fn fix(base: &Base, fix: &ResolvedFix) -> Value {
    let edits = fix.edits.iter().map(|edit| {
        json!({
            "path": base.relative(&edit.location.path),
            "create": edit.create,
            "range": range(&edit.location),
            "text": edit.text,
        })
    });
    json!({
        "title": fix.title,
        "kind": "quickfix",
        "edits": edits.collect::<Vec<_>>(),
    })
}
