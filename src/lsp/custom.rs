//! Our own requests: the status of the workspace, what a file deploys, its syntax tree. Documented in [`crate::lsp`].

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_lsp::ls_types::TextDocumentIdentifier;

use super::session::Session;
use crate::analysis::{Summary, inventory_json};

/// Totals over everything known: the answer to `preflight/status` and the payload of `preflight/statusChanged`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Status {
    version: &'static str,
    state: &'static str,
    #[serde(flatten)]
    summary: Summary,
}

/// What `preflight/inventory` and `preflight/syntaxTree` ask about.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DocumentParams {
    pub(super) text_document: TextDocumentIdentifier,
    /// For the inventory: the file that gives the parameters their values.
    #[serde(default)]
    parameters: Option<TextDocumentIdentifier>,
}

impl Session {
    /// `preflight/status`.
    pub(super) fn status(&mut self) -> Status {
        let busy = self.scanning > 0 || self.analysis.is_pending();
        Status {
            version: env!("CARGO_PKG_VERSION"),
            state: if busy { "scanning" } else { "ready" },
            summary: self.analysis.summary(),
        }
    }

    /// `preflight/inventory`; `null` for a file that cannot be read or deploys nothing.
    pub(super) fn inventory(&mut self, params: &DocumentParams) -> Option<Value> {
        let path = self.path_of(&params.text_document.uri)?;
        let parameters = params.parameters.as_ref();
        let parameters = parameters.and_then(|it| self.path_of(&it.uri));
        let inventory = self.analysis.inventory(&path, parameters.as_deref())?;
        let name = |path: &std::path::Path| path.to_string_lossy().into_owned();
        Some(inventory_json::to_json(&inventory, &name, true))
    }

    /// `preflight/syntaxTree`.
    pub(super) fn syntax_tree(&mut self, params: &DocumentParams) -> Option<String> {
        let path = self.path_of(&params.text_document.uri)?;
        self.analysis.syntax_tree(&path)
    }
}
