//! Pulled diagnostics, with result ids. A client that is offered pull gets no push; one that pulls although it was not
//! offered gets both.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tower_lsp::ls_types::{DocumentDiagnosticParams, Uri, WorkspaceDiagnosticParams};

use super::session::{Session, hash};
use crate::analysis::FileReport;

impl Session {
    /// `textDocument/diagnostic`: a full report, or that the client has it already.
    pub(super) fn pull(&mut self, params: &DocumentDiagnosticParams) -> Value {
        let path = self.path_of(&params.text_document.uri);
        let report = path.and_then(|path| self.analysis.report(&path));
        self.pulled(report.as_ref(), params.previous_result_id.as_deref())
    }

    /// `workspace/diagnostic`: every file with something to show, and those the client knows that have nothing more.
    pub(super) fn pull_all(&mut self, params: &WorkspaceDiagnosticParams) -> Value {
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
            let mut item = self.pulled(report.as_ref(), previous);
            if previous.is_some() || item["items"] != json!([]) {
                item["uri"] = json!(uri);
                item["version"] = json!(report.and_then(|report| report.version));
                items.push(item);
            }
        }
        json!({"items": items})
    }

    /// What a file has to show, unless the client has it already. Of a client that is offered pull, what it received is
    /// recorded; of others only pushes are: editors keep pushed and pulled diagnostics apart.
    fn pulled(&mut self, report: Option<&FileReport>, previous: Option<&str>) -> Value {
        let items = report.map_or_else(Vec::new, |it| self.diagnostics(it));
        let hash = hash(&items);
        if let Some(report) = report.filter(|_| self.caps.pull) {
            self.record(&report.path, hash);
        }
        let id = format!("{:016x}", hash.unwrap_or_default());
        match previous == Some(&id) {
            true => json!({"kind": "unchanged", "resultId": id}),
            false => json!({"kind": "full", "resultId": id, "items": items}),
        }
    }
}
