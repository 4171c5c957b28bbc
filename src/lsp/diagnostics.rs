//! Pulled diagnostics, with result ids. A client that is offered pull gets no push; one that pulls although it was not
//! offered gets both.

use std::collections::BTreeMap;

use tower_lsp::ls_types::{
    Diagnostic, DocumentDiagnosticParams, DocumentDiagnosticReport, DocumentDiagnosticReportResult,
    FullDocumentDiagnosticReport, RelatedFullDocumentDiagnosticReport,
    RelatedUnchangedDocumentDiagnosticReport, UnchangedDocumentDiagnosticReport, Uri,
    WorkspaceDiagnosticParams, WorkspaceDiagnosticReport, WorkspaceDiagnosticReportResult,
    WorkspaceFullDocumentDiagnosticReport, WorkspaceUnchangedDocumentDiagnosticReport,
};

use super::session::{Session, hash};
use crate::analysis::FileReport;

impl Session {
    /// `textDocument/diagnostic`.
    pub(super) fn pull(
        &mut self,
        params: &DocumentDiagnosticParams,
    ) -> DocumentDiagnosticReportResult {
        let path = self.path_of(&params.text_document.uri);
        let report = path.and_then(|path| self.analysis.report(&path));
        let previous = params.previous_result_id.as_deref();
        let answer = match self.pulled(report.as_ref(), previous) {
            Ok(full) => DocumentDiagnosticReport::Full(RelatedFullDocumentDiagnosticReport {
                related_documents: None,
                full_document_diagnostic_report: full,
            }),
            Err(unchanged) => {
                DocumentDiagnosticReport::Unchanged(RelatedUnchangedDocumentDiagnosticReport {
                    related_documents: None,
                    unchanged_document_diagnostic_report: unchanged,
                })
            }
        };
        answer.into()
    }

    /// `workspace/diagnostic`: every file with something to show, and those the client knows that have nothing more.
    pub(super) fn pull_all(
        &mut self,
        params: &WorkspaceDiagnosticParams,
    ) -> WorkspaceDiagnosticReportResult {
        let mut asked: BTreeMap<Uri, (Option<FileReport>, Option<&str>)> = BTreeMap::new();
        for previous in &params.previous_result_ids {
            let path = self.path_of(&previous.uri);
            let report = path.and_then(|path| self.analysis.report(&path));
            asked.insert(previous.uri.clone(), (report, Some(&previous.value)));
        }
        for report in self.analysis.reports() {
            if let Some(uri) = self.uri(&report.path) {
                asked.entry(uri).or_default().0 = Some(report);
            }
        }
        let mut items = Vec::new();
        for (uri, (report, previous)) in asked {
            let version = report.as_ref().and_then(|report| report.version);
            let version = version.map(i64::from);
            items.push(match self.pulled(report.as_ref(), previous) {
                Ok(full) if full.items.is_empty() && previous.is_none() => continue,
                Ok(full) => WorkspaceFullDocumentDiagnosticReport {
                    uri,
                    version,
                    full_document_diagnostic_report: full,
                }
                .into(),
                Err(unchanged) => WorkspaceUnchangedDocumentDiagnosticReport {
                    uri,
                    version,
                    unchanged_document_diagnostic_report: unchanged,
                }
                .into(),
            });
        }
        WorkspaceDiagnosticReport { items }.into()
    }

    /// What a file has to show; an error where the client has it already. Of a client that is offered pull, what it
    /// received is recorded; of others only pushes are: editors keep pushed and pulled diagnostics apart.
    fn pulled(
        &mut self,
        report: Option<&FileReport>,
        previous: Option<&str>,
    ) -> Result<FullDocumentDiagnosticReport, UnchangedDocumentDiagnosticReport> {
        let items: Vec<Diagnostic> = report.map_or_else(Vec::new, |it| self.diagnostics(it));
        let hash = hash(&items);
        if let Some(report) = report.filter(|_| self.caps.pull) {
            self.record(&report.path, hash);
        }
        let result_id = format!("{:016x}", hash.unwrap_or_default());
        if previous == Some(&result_id) {
            return Err(UnchangedDocumentDiagnosticReport { result_id });
        }
        Ok(FullDocumentDiagnosticReport {
            result_id: Some(result_id),
            items,
        })
    }
}
