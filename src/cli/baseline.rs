//! Findings that are known and not to be told again, by fingerprints that survive moved lines.

use std::collections::BTreeMap;
use std::path::Path;

use rustc_hash::FxHashSet;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_128;

use super::report::Found;
use crate::analysis::Diagnostic;
use crate::rules::finding::Verdict;
use crate::workspace::disk;

/// What tells a finding from the others of its run: the rule, the file, the resource, and how many equal ones stand
/// before it. Lines and messages do not count. Hexadecimal.
pub fn fingerprint(
    diagnostic: &Diagnostic,
    path: &str,
    seen: &mut BTreeMap<String, usize>,
) -> String {
    let parts = [
        diagnostic.code,
        if diagnostic.verdict == Verdict::Hint {
            "hint"
        } else {
            ""
        },
        path,
        &diagnostic.resource_type.to_ascii_lowercase(),
        diagnostic.resource_name.as_deref().unwrap_or(""),
    ];
    let identity = parts.join("\u{1f}");
    let nth = seen.entry(identity.clone()).or_default();
    let hash = xxh3_128(format!("{identity}\u{1f}{nth}").as_bytes());
    *nth += 1;
    format!("{hash:032x}")
}

/// The fingerprints that a baseline file holds.
pub fn read(path: &Path) -> Result<FxHashSet<String>, String> {
    let text = disk::read(&disk::normalize(path)).map_err(|error| error.to_string())?;
    let value: Value =
        serde_json::from_str(&text.text).map_err(|error| format!("is no baseline: {error}"))?;
    let findings = value["findings"]
        .as_array()
        .filter(|_| value["version"] == 1)
        .ok_or("is no baseline of this version")?;
    let fingerprints = findings.iter().filter_map(|f| f["fingerprint"].as_str());
    Ok(fingerprints.map(str::to_owned).collect())
}

/// A baseline of the reported findings. One finding a line, so that changes are easy to review.
pub fn text(findings: &[Found]) -> String {
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
