//! What the client is shown: pushed, or pulled with result ids. A client that is offered pull gets no push; one that
//! pulls although it was not offered gets both.
//!
//! Every edit is answered by a push for its version or a newer one, even if nothing changed: editors drop answers to
//! old versions, and some wait. For files that are not open only what changed is pushed.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHasher;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tower_lsp::ls_types::{
    Diagnostic, DocumentDiagnosticParams, DocumentDiagnosticReport, DocumentDiagnosticReportResult,
    FullDocumentDiagnosticReport, RelatedFullDocumentDiagnosticReport,
    RelatedUnchangedDocumentDiagnosticReport, UnchangedDocumentDiagnosticReport, Uri,
    WorkspaceDiagnosticParams, WorkspaceDiagnosticReport, WorkspaceDiagnosticReportResult,
    WorkspaceDocumentDiagnosticReport, WorkspaceFullDocumentDiagnosticReport,
    WorkspaceUnchangedDocumentDiagnosticReport,
};

use super::capabilities::Caps;
use super::output::Output;
use super::to_proto::diagnostics;
use super::uri::{Named, named};
use super::worker::{Names, Worker};
use crate::analysis::FileReport;

/// What the client was last told of each file, as hashes; files with nothing to show are not in it.
#[derive(Debug, Default)]
pub(super) struct Shown {
    reported: HashMap<Arc<Path>, u64>,
}

#[derive(Serialize)]
struct Publish<'a> {
    uri: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i32>,
    diagnostics: &'a RawValue,
}

/// What is shown where nothing is found.
const NOTHING: &str = "[]";

impl Shown {
    /// Shows reports. Returns whether a client that asks should ask again: something changed in a file that it did not
    /// just edit, and of which it cannot know.
    pub(super) fn show(
        &mut self,
        reports: &[FileReport],
        edited: &BTreeSet<PathBuf>,
        caps: &Caps,
        names: &Names,
        output: &Output,
    ) -> bool {
        let mut again = false;
        for report in reports {
            let Ok(items) = to_raw_value(&diagnostics(report, caps, names)) else {
                continue;
            };
            let hash = hash_of(&items);
            let changed = self.reported.get(&report.path).copied() != hash;
            if caps.pull {
                again |= changed && !edited.contains(&*report.path);
                continue;
            }
            if report.version.is_none() && !changed {
                continue;
            }
            self.tell(&report.path, hash);
            if let Some(uri) = names.uri(&report.path) {
                let uri = uri.as_str();
                output.publish(
                    uri,
                    Publish {
                        uri,
                        version: report.version,
                        diagnostics: &items,
                    },
                );
            }
        }
        again
    }

    /// Clears a file's diagnostics under a name that it no longer goes by.
    pub(super) fn take_back(&mut self, path: &Path, uri: &Uri, output: &Output) {
        let nothing = RawValue::from_string(NOTHING.to_owned());
        if let (Some(_), Ok(nothing)) = (self.reported.remove(path), nothing) {
            let uri = uri.as_str();
            output.publish(
                uri,
                Publish {
                    uri,
                    version: None,
                    diagnostics: &nothing,
                },
            );
        }
    }

    fn tell(&mut self, path: &Arc<Path>, hash: Option<u64>) {
        match hash {
            Some(hash) => _ = self.reported.insert(path.clone(), hash),
            None => _ = self.reported.remove(path),
        }
    }
}

/// `None` for nothing at all.
fn hash_of(items: &RawValue) -> Option<u64> {
    let mut hasher = FxHasher::default();
    hasher.write(items.get().as_bytes());
    (items.get() != NOTHING).then(|| hasher.finish())
}

/// The same before they are serialized, for answers, which the protocol's library serializes.
fn hash(items: &[Diagnostic]) -> Option<u64> {
    hash_of(&*to_raw_value(items).ok()?)
}

/// The result id of a report.
fn result_id(hash: Option<u64>) -> String {
    format!("{:016x}", hash.unwrap_or_default())
}

impl Worker {
    /// `textDocument/diagnostic`.
    pub(super) fn pull(
        &mut self,
        params: &DocumentDiagnosticParams,
    ) -> DocumentDiagnosticReportResult {
        let path = self.path_of(&params.text_document.uri);
        let report = path.and_then(|path| self.analysis.report(&path));
        let items = report
            .as_ref()
            .map(|report| diagnostics(report, &self.caps, &self.names))
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
            let items = diagnostics(&report, &self.caps, &self.names);
            let Some(uri) = self.names.uri(&report.path) else {
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
            self.shown.tell(path, hash);
        }
    }

    /// The path of a document that the client names in a request.
    pub(super) fn path_of(&self, uri: &Uri) -> Option<PathBuf> {
        match self.names.path(uri) {
            Some(path) => Some(path.to_path_buf()),
            None => match named(uri, "") {
                Named::File(path) | Named::Alone(path) => Some(path),
                Named::Nothing => None,
            },
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
