//! Fixes of a finding: plain byte edits per file, and what fixes may ask of the workspace.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::eval::Expansion;
use crate::model::{FileId, FileKind, FileModel, NodeRef};
use crate::syntax;
use crate::syntax::edit::Source;
pub use crate::syntax::edit::{TextEdit, apply};
use crate::text::{Edit, Span};
use crate::workspace::config::Settings;

/// A fix as an editor or the command line may offer it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fix {
    /// What happens and what it costs: *Turn on Defender for Containers (paid) in 'main.bicep'*.
    pub title: String,
    /// Stable within one finding: `insert-containers`, `set-tier`, …; lets a client resolve lazily.
    pub id: String,
    /// The one to choose without thinking.
    pub preferred: bool,
    /// Turns on something that is paid for: the plan's name.
    pub paid: Option<&'static str>,
    /// Changes no deployment: it declares that the finding does not matter.
    pub silences: bool,
    /// Offered only if no other fix turns on the same plan.
    pub fallback: bool,
    /// Edits per file, the finding's own file first.
    pub edits: Vec<FileEdit>,
}

impl Fix {
    /// A fix that costs nothing and that is the one to choose.
    pub fn free(id: &str, title: &str, edits: Vec<FileEdit>) -> Fix {
        Fix {
            title: title.to_owned(),
            id: id.to_owned(),
            preferred: true,
            paid: None,
            silences: false,
            fallback: false,
            edits,
        }
    }
}

/// What a rule's fixes see.
pub struct FixContext<'a> {
    /// The files.
    pub views: &'a dyn Views,
    /// Settings in force for the finding's file.
    pub settings: &'a Settings,
    /// Whether the client can create files.
    pub create_files: bool,
}

impl FixContext<'_> {
    /// Replaces a literal that reads `old`; `None` if the node is another expression or its file may not be edited.
    pub fn set_literal(&self, node: NodeRef, old: &str, new: &str) -> Option<Vec<FileEdit>> {
        let view = self.views.view(node.file).filter(|view| view.editable)?;
        let span = self.views.span(node)?;
        let edit = TextEdit {
            span,
            text: new.to_owned(),
        };
        let same = view.text.get(span.range())? == old;
        same.then(|| vec![FileEdit::of(&view, vec![edit])])
    }
}

/// Edits of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileEdit {
    /// Absolute path.
    pub path: Arc<Path>,
    /// The file does not exist yet; `edits` then holds its whole text at 0.
    pub create: bool,
    /// Replacements, sorted, not overlapping, in offsets of the present text.
    pub edits: Vec<TextEdit>,
}

impl FileEdit {
    /// Edits of a file that is there.
    pub(crate) fn of(view: &View, edits: Vec<TextEdit>) -> FileEdit {
        FileEdit {
            path: view.path.clone(),
            create: false,
            edits,
        }
    }
}

/// A file as a fix sees it.
#[derive(Debug, Clone)]
pub struct View {
    /// Its number.
    pub file: FileId,
    /// Its absolute path.
    pub path: Arc<Path>,
    /// Its language.
    pub kind: FileKind,
    /// Its whole text, without byte order mark.
    pub text: Arc<str>,
    /// Its tree.
    pub tree: tree_sitter::Tree,
    /// Its content.
    pub model: FileModel,
    /// It is in a workspace folder (fixes never leave it).
    pub editable: bool,
    /// It is a test.
    pub test: bool,
    /// It may be edited by fixes that cost: its author is no tool, and it is no test.
    pub may_pay: bool,
}

impl View {
    /// Its tree as these edits leave it, not parsed again yet.
    pub(crate) fn edited_tree(&self, edits: &[TextEdit]) -> tree_sitter::Tree {
        let mut tree = self.tree.clone();
        // From the last to the first, so that each has the offsets of the text before.
        for edit in edits.iter().rev() {
            let new_len = edit.text.len() as u32;
            let old = edit.span;
            syntax::edit(&mut tree, &Edit { old, new_len });
        }
        tree
    }

    /// The text with its tree.
    pub(crate) fn source(&self) -> Source<'_> {
        Source {
            text: &self.text,
            tree: &self.tree,
            bicep: matches!(self.kind, FileKind::Bicep | FileKind::BicepParams),
        }
    }
}

/// What a folder holds. Thousands of findings may ask for the same folder, so it is listed once.
#[derive(Debug, Default)]
pub struct Folder {
    /// All names, sorted.
    pub names: Vec<String>,
    /// The Bicep files that are deployed to a subscription, sorted by name.
    pub subscription_files: Vec<(String, FileId)>,
}

/// What fixes may ask of the workspace.
pub trait Views {
    /// A file.
    fn view(&self, file: FileId) -> Option<Arc<View>>;
    /// The position of a node now.
    fn span(&self, place: NodeRef) -> Option<Span>;
    /// The present text of any file, templates or not; `None` where there is none.
    fn text_at(&self, path: &Path) -> Option<Arc<str>>;
    /// Whether Bicep generated a file.
    fn is_generated(&self, path: &Path) -> bool;
    /// The API versions that the resources of a type have which rules share between deployments.
    fn api_versions(&self, resource_type: &str) -> Arc<BTreeSet<String>>;
    /// What some of the deployments that read a file deploy.
    fn expansions(&self, file: FileId) -> Vec<Arc<Expansion>>;
    /// Whether a folder is in the workspace itself, not behind a link that leaves it.
    fn is_inside(&self, folder: &Path) -> bool;
    /// What a folder holds, on disk and open.
    fn folder(&self, folder: &Path) -> Arc<Folder>;
    /// The workspace folder that holds a path.
    fn root_of(&self, path: &Path) -> Option<PathBuf>;
}
