//! What fixes may ask of the workspace: files with their trees, and where places stand.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::Analysis;
use super::report::Locator;
use crate::model::{FileId, NodeRef};
use crate::rules::fix::{View, Views};
use crate::syntax;
use crate::text::Span;
use crate::workspace::disk;
use crate::workspace::files::language_of;

/// Views for one request; parses a closed file at most once.
pub(super) struct FixViews<'a> {
    analysis: &'a Analysis,
    locator: RefCell<Locator>,
    views: RefCell<FxHashMap<FileId, Option<Arc<View>>>>,
}

impl<'a> FixViews<'a> {
    pub(super) fn new(analysis: &'a Analysis) -> Self {
        FixViews {
            analysis,
            locator: RefCell::default(),
            views: RefCell::default(),
        }
    }

    fn make(&self, file: FileId) -> Option<Arc<View>> {
        let workspace = &self.analysis.workspace;
        let known = workspace.file(file);
        let text = workspace.text(file)?;
        let open = known.document.as_ref().filter(|open| !open.stale);
        let tree = match open.and_then(|open| open.tree.clone()) {
            Some(tree) => tree,
            None => syntax::parse(language_of(known.kind), &*text, None),
        };
        Some(Arc::new(View {
            file,
            path: known.path.clone(),
            kind: known.kind,
            text,
            tree,
            model: workspace.loaded(file)?.model.clone(),
            editable: self.is_ours(file) && workspace.shows(file, true),
        }))
    }

    /// Whether a file may be changed: it is open or was named, or lies in a workspace folder, beside a file that was
    /// named, or below the working directory of the command line; and really so, not by way of a link.
    fn is_ours(&self, file: FileId) -> bool {
        let Analysis {
            workspace,
            explicit,
            ..
        } = self.analysis;
        let known = workspace.file(file);
        if known.document.is_some() || explicit.contains_key(&file) {
            return true;
        }
        let named = explicit.keys().map(|entry| workspace.file(*entry));
        let beside = named.filter_map(|entry| entry.path.parent());
        let roots = workspace.folders.iter().chain(&workspace.base);
        let mut roots = roots.map(PathBuf::as_path).chain(beside);
        let really = disk::real(&known.path);
        roots.any(|root| {
            known.path.starts_with(root)
                && match (&really, disk::real(root)) {
                    (Some(really), Some(root)) => really.starts_with(root),
                    _ => false,
                }
        })
    }
}

impl Views for FixViews<'_> {
    fn view(&self, file: FileId) -> Option<Arc<View>> {
        if let Some(known) = self.views.borrow().get(&file) {
            return known.clone();
        }
        let view = self.make(file);
        self.views.borrow_mut().insert(file, view.clone());
        view
    }

    fn span(&self, place: NodeRef) -> Option<Span> {
        self.locator.borrow_mut().span(self.analysis, place)
    }

    fn text_at(&self, path: &Path) -> Option<Arc<str>> {
        self.analysis.text(path)
    }

    fn file_at(&self, path: &Path) -> Option<FileId> {
        self.analysis.workspace.id(path)
    }

    fn open_files(&self) -> Vec<FileId> {
        let files = self.analysis.workspace.files();
        let mut open: Vec<_> = files
            .filter(|(_, file)| file.document.is_some())
            .map(|(id, file)| (file.path.clone(), id))
            .collect();
        open.sort();
        open.into_iter().map(|(_, id)| id).collect()
    }

    fn names_in(&self, folder: &Path) -> Vec<String> {
        let mut names = disk::names_in(folder);
        let open = self
            .analysis
            .workspace
            .files()
            .filter(|(_, file)| file.document.is_some());
        let beside = open.filter(|(_, file)| file.path.parent() == Some(folder));
        names.extend(
            beside.filter_map(|(_, file)| {
                Some(file.path.file_name()?.to_string_lossy().into_owned())
            }),
        );
        names
    }

    fn root_of(&self, path: &Path) -> Option<PathBuf> {
        Some(self.analysis.workspace.root_of(path))
    }
}
