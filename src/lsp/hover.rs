//! Hover, on registries and plans alone: everywhere else another server may want to speak.

use tower_lsp::ls_types::{Hover, HoverContents, HoverParams, MarkupContent, MarkupKind};

use super::judge::Judge;
use super::to_proto;

impl Judge {
    /// `textDocument/hover`.
    pub(super) fn hover(&mut self, params: &HoverParams) -> Option<Hover> {
        let at = &params.text_document_position_params;
        let path = self.path_of(&at.text_document.uri)?;
        let position = to_proto::text_position(at.position);
        let offset = self.analysis.offset(&path, position, self.caps.encoding);
        let (location, value) = self.analysis.hover(&path, offset)?;
        // The text is plain enough to be read as it is where Markdown is not understood.
        let kind = if self.caps.markdown {
            MarkupKind::Markdown
        } else {
            MarkupKind::PlainText
        };
        Some(Hover {
            contents: HoverContents::Markup(MarkupContent { kind, value }),
            range: Some(to_proto::range(&location, self.caps.encoding)),
        })
    }
}
