//! Pulled diagnostics, with result ids. A client that is offered pull gets no push; one that pulls although it was not
//! offered gets both.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use tower_lsp::ls_types::{
    Diagnostic, DocumentDiagnosticParams, DocumentDiagnosticReport, DocumentDiagnosticReportResult,
    FullDocumentDiagnosticReport, RelatedFullDocumentDiagnosticReport,
    RelatedUnchangedDocumentDiagnosticReport, UnchangedDocumentDiagnosticReport, Uri,
    WorkspaceDiagnosticParams, WorkspaceDiagnosticReport, WorkspaceDiagnosticReportResult,
    WorkspaceDocumentDiagnosticReport, WorkspaceFullDocumentDiagnosticReport,
    WorkspaceUnchangedDocumentDiagnosticReport,
};

use super::session::{Session, hash};

/// The result id of a report.
fn result_id(hash: Option<u64>) -> String {
    format!("{:016x}", hash.unwrap_or_default())
}

impl Session {
    /// `textDocument/diagnostic`.
    pub(super) fn pull(
        &mut self,
        params: &DocumentDiagnosticParams,
    ) -> DocumentDiagnosticReportResult {
        let path = self.path_of(&params.text_document.uri);
        let report = path.and_then(|path| self.analysis.report(&path));
        let items = report
            .as_ref()
            .map(|report| self.diagnostics(report))
            .unwrap_or_default();
        let hash = hash(&items);
        if let Some(report) = &report {
            self.answered(&report.path, hash);
        }
        let result_id = result_id(hash);
        let answer = if params.previous_result_id.as_ref() == Some(&result_id) {
            DocumentDiagnosticReport::Unchanged(RelatedUnchangedDocumentDiagnosticReport {
                related_documents: None,
                unchanged_document_diagnostic_report: UnchangedDocumentDiagnosticReport {
                    result_id,
                },
            })
        } else {
            DocumentDiagnosticReport::Full(RelatedFullDocumentDiagnosticReport {
                related_documents: None,
                full_document_diagnostic_report: FullDocumentDiagnosticReport {
                    result_id: Some(result_id),
                    items,
                },
            })
        };
        answer.into()
    }

    /// `workspace/diagnostic`: every file with something to show, and those the client knows that have nothing more.
    pub(super) fn pull_all(
        &mut self,
        params: &WorkspaceDiagnosticParams,
    ) -> WorkspaceDiagnosticReportResult {
        let mut known: HashMap<&Uri, &str> = params
            .previous_result_ids
            .iter()
            .map(|previous| (&previous.uri, previous.value.as_str()))
            .collect();
        let mut answers = Vec::new();
        for report in self.analysis.reports() {
            let items = self.diagnostics(&report);
            let Some(uri) = self.uri(&report.path) else {
                continue;
            };
            let hash = hash(&items);
            self.answered(&report.path, hash);
            let previous = known.remove(&uri);
            if hash.is_some() || previous.is_some() {
                answers.push(answer(uri, report.version, hash, previous, items));
            }
        }
        let mut gone: Vec<_> = known.into_iter().collect();
        gone.sort_unstable_by_key(|(uri, _)| uri.as_str());
        for (uri, previous) in gone {
            let path = self.path_of(uri);
            let report = path.and_then(|path| self.analysis.report(&path));
            if let Some(report) = &report {
                self.answered(&report.path, None);
            }
            let version = report.and_then(|report| report.version);
            answers.push(answer(
                uri.clone(),
                version,
                None,
                Some(previous),
                Vec::new(),
            ));
        }
        WorkspaceDiagnosticReport { items: answers }.into()
    }

    /// Records what a client that is offered pull received. For other clients only pushes are recorded: editors keep
    /// pushed and pulled diagnostics apart.
    fn answered(&mut self, path: &Arc<Path>, hash: Option<u64>) {
        if self.caps.pull {
            self.record(path, hash);
        }
    }
}

fn answer(
    uri: Uri,
    version: Option<i32>,
    hash: Option<u64>,
    previous: Option<&str>,
    items: Vec<Diagnostic>,
) -> WorkspaceDocumentDiagnosticReport {
    let result_id = result_id(hash);
    let version = version.map(i64::from);
    if previous == Some(&result_id) {
        return WorkspaceUnchangedDocumentDiagnosticReport {
            uri,
            version,
            unchanged_document_diagnostic_report: UnchangedDocumentDiagnosticReport { result_id },
        }
        .into();
    }
    WorkspaceFullDocumentDiagnosticReport {
        uri,
        version,
        full_document_diagnostic_report: FullDocumentDiagnosticReport {
            result_id: Some(result_id),
            items,
        },
    }
    .into()
}
