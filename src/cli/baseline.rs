//! Findings that are known and not reported again, by fingerprints that survive moved lines.

use std::path::Path;

use rustc_hash::FxHashSet;
use serde_json::{Value, json};

use super::report::ReportedFinding;
use crate::workspace::disk;

/// The fingerprints that a baseline file holds.
pub(crate) fn read(path: &Path) -> Result<FxHashSet<String>, String> {
    let wrong = |words: String| format!("{}: {words}", path.display());
    let read = disk::read(&disk::normalize(path)).map_err(|error| wrong(error.to_string()))?;
    let value: Value = serde_json::from_str(&read.text)
        .map_err(|error| wrong(format!("is not a baseline: {error}")))?;
    let findings = value["findings"]
        .as_array()
        .filter(|_| value["version"] == 1);
    let findings = findings.ok_or_else(|| wrong("is not a baseline of this version".to_owned()))?;
    let fingerprints = findings.iter().filter_map(|f| f["fingerprint"].as_str());
    Ok(fingerprints.map(str::to_owned).collect())
}

/// A baseline of the reported findings. One finding a line, so that changes are easy to review.
pub(crate) fn text(findings: &[ReportedFinding]) -> String {
    let mut out = String::from("{\n  \"version\": 1,\n  \"findings\": [");
    let reported = findings
        .iter()
        .filter(|found| found.diagnostic.suppressed.is_none());
    for (n, found) in reported.enumerate() {
        let entry = json!({
            "fingerprint": found.fingerprint,
            "rule": found.diagnostic.code,
            "path": found.path,
            "resource": found.diagnostic.resource_name,
        });
        out.push_str(if n > 0 { ",\n    " } else { "\n    " });
        out.push_str(&entry.to_string());
    }
    out.push_str("\n  ]\n}\n");
    out
}
