//! Converts the engine's structs to the protocol's.

use std::hash::{Hash, Hasher};
use std::str::FromStr;

use rustc_hash::FxHasher;
use serde_json::json;
use tower_lsp::ls_types::{
    self, CodeDescription, DiagnosticRelatedInformation, DiagnosticTag, NumberOrString, Uri,
};

use super::session::Session;
use crate::analysis::{Diagnostic, FileReport, Location, Point};
use crate::rules::finding::Severity;
use crate::text::{self, Encoding};

/// The `source` of diagnostics.
pub(super) const SOURCE: &str = "preflight";

/// A location's range, in the client's way of counting.
pub(super) fn range(location: &Location, encoding: Encoding) -> ls_types::Range {
    let position = |at: Point| ls_types::Position::new(at.line, at.column(encoding));
    ls_types::Range::new(position(location.start), position(location.end))
}

/// A range from the client.
pub(super) fn text_range(range: ls_types::Range) -> text::Range {
    text::Range {
        start: text_position(range.start),
        end: text_position(range.end),
    }
}

/// A position from the client.
pub(super) fn text_position(position: ls_types::Position) -> text::Position {
    text::Position {
        line: position.line,
        character: position.character,
    }
}

/// Identifies a finding among those of its file, and stays the same while the finding does: what a code action's `data`
/// and a diagnostic's `data` name it by.
pub(super) fn finding_id(diagnostic: &Diagnostic) -> String {
    let mut hasher = FxHasher::default();
    (diagnostic.code, diagnostic.name).hash(&mut hasher);
    diagnostic.location.span.hash(&mut hasher);
    diagnostic.message.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

impl Session {
    /// What a file has to show, as the client takes it. Suppressed findings are not shown.
    pub(super) fn diagnostics(&self, report: &FileReport) -> Vec<ls_types::Diagnostic> {
        let shown = report.diagnostics.iter();
        shown
            .filter(|found| found.suppressed.is_none())
            .map(|found| self.diagnostic(found))
            .collect()
    }

    /// A finding as the client takes it.
    pub(super) fn diagnostic(&self, found: &Diagnostic) -> ls_types::Diagnostic {
        let caps = &self.caps;
        let related = found.related.iter().filter_map(|(location, message)| {
            Some(DiagnosticRelatedInformation {
                location: ls_types::Location {
                    uri: self.uri(&location.path)?,
                    range: range(location, caps.encoding),
                },
                message: message.clone(),
            })
        });
        let page = found.page.filter(|_| caps.code_description);
        let page = page.and_then(|page| Uri::from_str(page).ok());
        ls_types::Diagnostic {
            range: range(&found.location, caps.encoding),
            severity: Some(match found.severity {
                Severity::Error => ls_types::DiagnosticSeverity::ERROR,
                Severity::Warning => ls_types::DiagnosticSeverity::WARNING,
                Severity::Note => ls_types::DiagnosticSeverity::INFORMATION,
            }),
            code: Some(NumberOrString::String(found.code.to_owned())),
            code_description: page.map(|href| CodeDescription { href }),
            source: Some(SOURCE.to_owned()),
            message: found.message.clone(),
            related_information: (caps.related && !found.related.is_empty())
                .then(|| related.collect()),
            tags: (caps.deprecated && found.deprecated).then(|| vec![DiagnosticTag::DEPRECATED]),
            // No version: a finding that a new version did not change is equal for a client that pulls.
            data: caps
                .diagnostic_data
                .then(|| json!({"finding": finding_id(found)})),
        }
    }
}
