//! The result of a run, in the form that all report formats are written from.

pub(crate) mod github;
pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod sarif;
pub(crate) mod text;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::ValueEnum;
use rustc_hash::FxHashSet;
use xxhash_rust::xxh3::xxh3_128;

use super::paths::Base;
use crate::analysis::{Analysis, Diagnostic, LoadError, Location, Passed};
use crate::rules::finding::{Severity, Verdict};
use crate::rules::fix::Fix;

/// The formats of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
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
pub(crate) struct ReportedFinding {
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

impl ReportedFinding {
    /// Whether it is reported: neither suppressed nor in the baseline.
    pub(crate) fn reported(&self) -> bool {
        self.diagnostic.suppressed.is_none() && !self.known
    }
}

/// Identifies a finding among those of its run: the rule, the file, the resource, and how many equal ones come before
/// it. Lines and messages do not count. Hexadecimal.
pub(crate) fn fingerprint(
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
pub(crate) struct ResolvedFix {
    /// What happens and what it costs.
    pub title: String,
    /// Its edits, those of one file together.
    pub edits: Vec<ResolvedEdit>,
}

/// One edit.
#[derive(Debug)]
pub(crate) struct ResolvedEdit {
    /// The file is new.
    pub create: bool,
    /// What it replaces; in a new file, its beginning.
    pub location: Location,
    /// The text put there.
    pub text: String,
}

/// What a run found.
#[derive(Debug)]
pub(crate) struct Report {
    /// To which paths are relative.
    pub base: Base,
    /// Files looked at.
    pub files: usize,
    /// Deployments checked.
    pub entry_points: usize,
    /// Findings in order of place, silenced and known ones included.
    pub findings: Vec<ReportedFinding>,
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
    pub(crate) fn collect(
        analysis: &mut Analysis,
        base: &Base,
        known: Option<&FxHashSet<String>>,
        formats: &[(Format, Option<PathBuf>)],
    ) -> Self {
        let summary = analysis.summary();
        let reports = analysis.reports();
        let shows_fixes = |format| matches!(format, Format::Json | Format::Sarif);
        let fixes = match formats.iter().any(|(format, _)| shows_fixes(*format)) {
            true => analysis.fixes_for_reports(&reports),
            false => vec![Vec::new(); reports.len()],
        };
        let mut seen = BTreeMap::new();
        let mut findings = Vec::new();
        for (file, fixes) in reports.iter().zip(&fixes) {
            let in_repository = base.in_repository(&file.path);
            for (index, diagnostic) in file.diagnostics.iter().enumerate() {
                // What is wrong with configuration is among the problems.
                if diagnostic.code == CONFIGURATION {
                    continue;
                }
                let fingerprint = fingerprint(diagnostic, &in_repository, &mut seen);
                let own = fixes.iter().filter(|(of, _)| *of == index);
                findings.push(ReportedFinding {
                    diagnostic: diagnostic.clone(),
                    path: base.relative(&file.path),
                    known: known.is_some_and(|known| known.contains(&fingerprint)),
                    fingerprint,
                    fixes: own.map(|(_, fix)| resolved(analysis, fix)).collect(),
                });
            }
        }
        let unanalyzed = analysis.unanalyzed();
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
    pub(crate) fn reported(&self) -> impl Iterator<Item = &ReportedFinding> {
        self.findings.iter().filter(|found| found.reported())
    }

    /// What could not be read, each with the level it is reported at.
    pub(crate) fn load_errors(&self) -> impl Iterator<Item = (Severity, &LoadError)> {
        let problems = self.problems.iter().map(|problem| match problem.hides {
            true => (Severity::Error, problem),
            false => (Severity::Warning, problem),
        });
        problems.chain(self.unread.iter().map(|unread| (Severity::Note, unread)))
    }

    /// The number of reported findings of a severity.
    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.reported()
            .filter(|found| found.diagnostic.severity == severity)
            .count()
    }
}

/// The code of what is wrong in a configuration file.
const CONFIGURATION: &str = "configuration";

fn resolved(analysis: &Analysis, fix: &Fix) -> ResolvedFix {
    let edits = fix.edits.iter().flat_map(|file| {
        file.edits.iter().map(|edit| {
            let located = analysis.locate(&file.path, edit.span);
            let (start, end) = match located {
                Some(it) if !file.create => (it.start, it.end),
                _ => Default::default(),
            };
            ResolvedEdit {
                create: file.create,
                location: Location {
                    path: file.path.clone(),
                    span: edit.span,
                    start,
                    end,
                },
                text: edit.text.clone(),
            }
        })
    });
    ResolvedFix {
        title: fix.title.clone(),
        edits: edits.collect(),
    }
}

/// `error`, `warning`, `note`.
pub(crate) fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}
