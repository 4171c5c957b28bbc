//! The report as one JSON document: lines and characters from 0, characters in UTF-16 units, as editors count.

use serde_json::{Value, json};

use super::{Report, ResolvedFix, severity_name};
use crate::analysis::{LoadError, Location, Passed, Point};
use crate::rules::finding::Severity;

/// Prints the document.
pub fn print(report: &Report) -> String {
    let base = &report.base;
    let findings: Vec<Value> = report
        .reported()
        .map(|found| {
            let diagnostic = &found.diagnostic;
            let related: Vec<Value> = diagnostic
                .related
                .iter()
                .map(|(location, message)| {
                    json!({
                        "path": base.relative(&location.path),
                        "range": range(location),
                        "message": message,
                    })
                })
                .collect();
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
                "deployment": {
                    "entry": base.relative(&diagnostic.entry),
                    "parameters": diagnostic.parameters.as_deref().map(|p| base.relative(p)),
                },
                "related": related,
                "fixes": found.fixes.iter().map(fix).collect::<Vec<_>>(),
                "fingerprint": found.fingerprint,
            })
        })
        .collect();
    let reported = |problems: &[LoadError]| -> Vec<Value> {
        let reported = problems.iter().map(|problem| {
            json!({
                "path": base.relative(&problem.path),
                "range": problem.location.as_ref().map(range),
                "message": problem.message,
            })
        });
        reported.collect()
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
        "problems": reported(&report.problems),
    });
    if !report.unread.is_empty() {
        document["unread"] = json!(reported(&report.unread));
    }
    if !report.passed.is_empty() {
        let passed = report.passed.iter().map(|it| passed(report, it));
        document["passed"] = passed.collect();
    }
    format!("{document:#}\n")
}

/// What passes: the same keys as of a finding, as far as there is something.
fn passed(report: &Report, passed: &Passed) -> Value {
    let base = &report.base;
    let why = passed.decided.first().map_or("", |(_, why)| why);
    let placed = passed.decided.iter();
    let related = placed.filter_map(|(location, why)| {
        let location = location.as_ref()?;
        Some(json!({ "path": base.relative(&location.path), "range": range(location), "message": why }))
    });
    json!({
        "rule": passed.rule.name.reference,
        "name": passed.rule.name.name,
        "path": base.relative(&passed.location.path),
        "range": range(&passed.location),
        "message": why,
        "deployment": {
            "entry": base.relative(&passed.entry),
            "parameters": passed.parameters.as_deref().map(|p| base.relative(p)),
        },
        "related": related.collect::<Vec<_>>(),
    })
}

fn fix(fix: &ResolvedFix) -> Value {
    let edits = fix.files.iter().flat_map(|file| {
        file.edits.iter().map(|(location, text)| {
            json!({
                "path": file.path,
                "create": file.create,
                "range": range(location),
                "text": text,
            })
        })
    });
    json!({
        "title": fix.title,
        "kind": "quickfix",
        "edits": edits.collect::<Vec<_>>(),
    })
}

/// A range as editors count.
pub fn range(location: &Location) -> Value {
    let position = |point: Point| json!({ "line": point.line, "character": point.utf16 });
    json!({ "start": position(location.start), "end": position(location.end) })
}
