//! Hover on registries and plans only, since other servers hover elsewhere; and our own requests, documented in
//! [`crate::lsp`]: the status of the workspace, what a file deploys, its syntax tree.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_lsp::ls_types::{
    Hover, HoverContents, HoverParams, MarkupContent, MarkupKind, TextDocumentIdentifier,
};

use super::session::Session;
use super::to_proto;
use crate::analysis::{Summary, inventory_json};

/// Totals over everything known: the answer to `preflight/status` and the payload of `preflight/statusChanged`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Status {
    version: &'static str,
    state: &'static str,
    #[serde(flatten)]
    summary: Summary,
    problems: usize,
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
        let busy = self.state.lock().is_scanning() || self.analysis.is_pending();
        Status {
            version: env!("CARGO_PKG_VERSION"),
            state: if busy { "scanning" } else { "ready" },
            summary: self.analysis.summary(),
            problems: self.analysis.known_problems(),
        }
    }

    /// `preflight/inventory`; `null` for a file that cannot be read or deploys nothing.
    pub(super) fn inventory(&mut self, params: &DocumentParams) -> Option<Value> {
        let path = self.path_of(&params.text_document.uri)?;
        let parameters = params.parameters.as_ref();
        let parameters = parameters.and_then(|it| self.path_of(&it.uri));
        let inventory = self.analysis.inventory(&path, parameters.as_deref())?;
        let name = |path: &std::path::Path| path.to_string_lossy().into_owned();
        let mut value = inventory_json::to_json(&inventory, &name);
        value["verdicts"] = inventory_json::verdicts(&inventory, &name);
        Some(value)
    }

    /// `preflight/syntaxTree`.
    pub(super) fn syntax_tree(&mut self, params: &DocumentParams) -> Option<String> {
        let path = self.path_of(&params.text_document.uri)?;
        self.analysis.syntax_tree(&path)
    }

    /// `textDocument/hover`.
    pub(super) fn hover(&mut self, params: &HoverParams) -> Option<Hover> {
        let at = &params.text_document_position_params;
        let path = self.path_of(&at.text_document.uri)?;
        let position = to_proto::text_position(at.position);
        let offset = self.analysis.offset(&path, position, self.caps.encoding);
        let (location, value) = self.analysis.hover(&path, offset)?;
        let (kind, value) = match self.caps.markdown {
            true => (MarkupKind::Markdown, value),
            false => (MarkupKind::PlainText, plain(&value)),
        };
        Some(Hover {
            contents: HoverContents::Markup(MarkupContent { kind, value }),
            range: Some(to_proto::range(&location, self.caps.encoding)),
        })
    }
}

/// The text without the Markdown that ours is made of: a title, names that begin an item, and the line of
/// the rule, which ends with a link. Sentences of the verdict stay as they are: there is in them what users wrote.
fn plain(markdown: &str) -> String {
    let mut plain = String::with_capacity(markdown.len());
    for line in markdown.split_inclusive('\n') {
        if let Some((title, rest)) = line.strip_prefix("**").and_then(|it| it.split_once("**")) {
            plain.extend([title, rest]);
        } else if let Some((name, rest)) =
            line.strip_prefix("- `").and_then(|it| it.split_once('`'))
        {
            plain.extend(["- ", name, rest]);
        } else if let Some((before, link)) =
            line.strip_suffix(')').and_then(|it| it.rsplit_once('['))
            && let Some((text, target)) = link.split_once("](")
        {
            let before = before.replace(['*', '`'], "");
            plain.extend([&before, text, ": ", target]);
        } else {
            plain.push_str(line);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_text() {
        let check = |markdown: &str, want: &str| assert_eq!(plain(markdown), want);
        check("", "");
        check(
            "**Not scanned** — the rule\n\n- `a.bicep`: no plan for `x` (**)\n  - more\n\nIn *short* `x`. [The rule](https://x/y)",
            "Not scanned — the rule\n\n- a.bicep: no plan for `x` (**)\n  - more\n\nIn short x. The rule: https://x/y",
        );
        check("**a\n- `b\n[c)", "**a\n- `b\n[c)");
    }
}
