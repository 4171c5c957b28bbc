//! Texts that temporarily replace those of files while a fix is verified.

use tree_sitter::Tree;

use super::files::{Content, OpenDocument, Workspace};
use crate::model::{FileId, FileKind};

/// A file as it was before [`Workspace::overlay`].
pub(crate) struct Covered {
    file: FileId,
    kind: FileKind,
    content: Content,
    document: Option<Box<OpenDocument>>,
}

impl Workspace {
    /// Lets a file have another text until [`Workspace::uncover`]. Only its parsed form changes.
    /// `tree` is that of the text before, with the edits that lead to this one.
    pub(crate) fn overlay(&mut self, file: FileId, text: &str, tree: Option<&Tree>) -> Covered {
        let known = self.file_mut(file);
        let covered = Covered {
            file,
            kind: known.kind,
            content: std::mem::replace(&mut known.content, Content::Unseen),
            document: known.document.take(),
        };
        let read = self.load_text(text, covered.kind, tree);
        let stale_relevance = self.stale_relevance;
        self.take_loaded(file, Ok(read));
        self.stale_relevance = stale_relevance;
        covered
    }

    /// Gives a file its own text back.
    pub(crate) fn uncover(&mut self, covered: Covered) {
        let file = self.file_mut(covered.file);
        file.kind = covered.kind;
        file.content = covered.content;
        file.document = covered.document;
    }
}
