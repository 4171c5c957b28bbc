//! What a run found, in a form that every report is printed from.

pub mod github;
pub mod json;
pub mod junit;
pub mod sarif;
pub mod text;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use clap::ValueEnum;
use rustc_hash::FxHashSet;
use xxhash_rust::xxh3::xxh3_128;

use super::paths::Base;
use crate::analysis::{Analysis, Diagnostic, LoadError, Location, Passed};
use crate::rules::finding::{Severity, Verdict};
use crate::rules::fix::Fix;
use crate::text::Span;

/// The formats of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people, with excerpts of the source
    #[default]
    Text,
    /// One JSON document
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
    /// JUnit XML, for test reports
    Junit,
}

/// One finding with what reports want to know beside it.
#[derive(Debug)]
pub struct Found {
    /// The finding.
    pub diagnostic: Diagnostic,
    /// Its file, relative.
    pub path: String,
    /// See [`fingerprint`].
    pub fingerprint: String,
    /// The baseline has it: only SARIF contains it.
    pub known: bool,
    /// Its fixes, resolved; filled where the format wants it.
    pub fixes: Vec<ResolvedFix>,
}

impl Found {
    /// Whether it is reported: neither suppressed nor in the baseline.
    pub fn reported(&self) -> bool {
        self.diagnostic.suppressed.is_none() && !self.known
    }
}

/// Identifies a finding among those of its run: the rule, the file, the resource, and how many equal ones come before
/// it. Lines and messages do not count. Hexadecimal.
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

/// A fix with places in lines and columns.
#[derive(Debug)]
pub struct ResolvedFix {
    /// What happens and what it costs.
    pub title: String,
    /// The edits of each file.
    pub files: Vec<ResolvedEdit>,
}

/// The edits of one file.
#[derive(Debug)]
pub struct ResolvedEdit {
    /// Relative path.
    pub path: String,
    /// The file is new.
    pub create: bool,
    /// Where and by what; places of new files are at their beginning.
    pub edits: Vec<(Location, String)>,
}

/// What a run found.
#[derive(Debug)]
pub struct Report {
    /// To which paths are relative.
    pub base: Base,
    /// Files looked at.
    pub files: usize,
    /// Deployments checked.
    pub entry_points: usize,
    /// Findings in order of place, silenced and known ones included.
    pub findings: Vec<Found>,
    /// What could not be read, parsed or followed.
    pub problems: Vec<LoadError>,
    /// With `--verbose`, what rules checked and found in order.
    pub passed: Vec<Passed>,
    /// An argument names nothing that can be checked.
    pub wrong_call: bool,
    /// Modules and templates that cannot be read from here, which is no mistake; what they deploy is not checked.
    pub unread: Vec<LoadError>,
    /// A baseline was compared with.
    pub compared: bool,
}

impl Report {
    /// Collects the results of an analysis. `known` are the fingerprints of the baseline.
    pub fn collect(
        analysis: &mut Analysis,
        base: &Base,
        known: Option<&FxHashSet<String>>,
        with_fixes: bool,
    ) -> Self {
        let summary = analysis.summary();
        let mut seen = BTreeMap::new();
        let mut findings = Vec::new();
        let reports = analysis.reports();
        let mut all_fixes = match with_fixes {
            true => analysis.fixes_for_reports(&reports),
            false => Vec::new(),
        }
        .into_iter();
        for file in reports {
            let path = base.relative(&file.path);
            let mut fixes = all_fixes.next().unwrap_or_default();
            for (index, diagnostic) in file.diagnostics.iter().enumerate() {
                // What is wrong with configuration is among the problems.
                if diagnostic.code == CONFIGURATION {
                    continue;
                }
                let in_repository = base.in_repository(&file.path);
                let fingerprint = fingerprint(diagnostic, &in_repository, &mut seen);
                let own = fixes.extract_if(.., |(of, _)| *of == index);
                let own: Vec<Fix> = own.map(|(_, fix)| fix).collect();
                findings.push(Found {
                    diagnostic: diagnostic.clone(),
                    path: path.clone(),
                    known: known.is_some_and(|known| known.contains(&fingerprint)),
                    fingerprint,
                    fixes: own
                        .into_iter()
                        .map(|fix| resolved(analysis, base, fix))
                        .collect(),
                });
            }
        }
        let unanalyzed = analysis.unanalyzed(true);
        Report {
            base: base.clone(),
            files: summary.files,
            entry_points: summary.entry_points,
            findings,
            problems: unanalyzed.problems,
            passed: Vec::new(),
            wrong_call: false,
            unread: unanalyzed.unread,
            compared: known.is_some(),
        }
    }

    /// The findings that are reported.
    pub fn reported(&self) -> impl Iterator<Item = &Found> {
        self.findings.iter().filter(|found| found.reported())
    }

    /// The number of reported findings of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.reported()
            .filter(|found| found.diagnostic.severity == severity)
            .count()
    }
}

/// The code of what is wrong in a configuration file.
const CONFIGURATION: &str = "configuration";

fn resolved(analysis: &Analysis, base: &Base, fix: Fix) -> ResolvedFix {
    let files = fix.edits.into_iter().map(|file| {
        let location = |span: Span| match analysis.locate(&file.path, span) {
            Some(location) if !file.create => location,
            _ => beginning(&file.path),
        };
        ResolvedEdit {
            path: base.relative(&file.path),
            create: file.create,
            edits: file
                .edits
                .iter()
                .map(|edit| (location(edit.span), edit.text.clone()))
                .collect(),
        }
    });
    ResolvedFix {
        files: files.collect(),
        title: fix.title,
    }
}

/// The place before the first character of a file.
pub(super) fn beginning(path: &Path) -> Location {
    Location {
        path: Arc::from(path),
        span: Span::default(),
        start: Default::default(),
        end: Default::default(),
    }
}

/// `error`, `warning`, `note`.
pub fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}
