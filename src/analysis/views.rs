//! What fixes may read of the workspace: files with their trees, and the spans of nodes.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::report::Locator;
use super::{Analysis, PREFILTER};
use crate::eval::Expansion;
use crate::model::{FileId, FileKind, NodeRef, ScopeKind};
use crate::rules::fix::{Folder, View, Views};
use crate::syntax;
use crate::text::Span;
use crate::workspace::files::{language_of, prefilter_path};
use crate::workspace::prefilter::kind_of;
use crate::workspace::{disk, entries};

/// Deployments of a file that fixes look at to see what it deploys.
const MAX_EXPANSIONS: usize = 32;

/// Views for one request; parses a closed file at most once.
pub(super) struct FixViews<'a> {
    analysis: &'a Analysis,
    locator: RefCell<Locator>,
    views: RefCell<FxHashMap<FileId, Option<Arc<View>>>>,
    folders: RefCell<FxHashMap<PathBuf, Arc<Folder>>>,
    /// API versions by resource type.
    versions: RefCell<FxHashMap<String, Arc<BTreeSet<String>>>>,
    /// The paths of the files that the editor holds open.
    open: Vec<Arc<Path>>,
    /// Folders whose files may be changed, each with where it really is.
    roots: FxHashMap<PathBuf, PathBuf>,
}

impl<'a> FixViews<'a> {
    pub(super) fn new(analysis: &'a Analysis) -> Self {
        let Analysis {
            workspace,
            explicit,
            ..
        } = analysis;
        let named = explicit.keys().map(|entry| workspace.file(*entry));
        let beside = named.filter_map(|entry| entry.path.parent());
        let roots = workspace.folders.iter().chain(&workspace.options.base);
        let roots: BTreeSet<&Path> = roots.map(PathBuf::as_path).chain(beside).collect();
        let roots = roots.into_iter();
        let roots = roots.filter_map(|root| Some((root.to_path_buf(), disk::real(root)?)));
        let files = workspace.files().map(|(_, file)| file);
        let open = files.filter(|file| file.document.is_some());
        FixViews {
            analysis,
            open: open.map(|file| file.path.clone()).collect(),
            locator: RefCell::default(),
            views: RefCell::default(),
            folders: RefCell::default(),
            versions: RefCell::default(),
            roots: roots.collect(),
        }
    }

    /// The files that were looked at.
    pub(super) fn into_views(self) -> FxHashMap<FileId, Arc<View>> {
        let views = self.views.into_inner().into_iter();
        views
            .filter_map(|(file, view)| Some((file, view?)))
            .collect()
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
        let loaded = workspace.loaded(file)?;
        let editable = self.is_ours(file) && workspace.shows(file, true);
        let generated = loaded.model.template.generated || self.is_written_by_a_tool(&known.path);
        let test = self.is_test(&known.path);
        Some(Arc::new(View {
            file,
            path: workspace.name_of(file).clone(),
            kind: known.kind,
            text,
            tree,
            model: loaded.model.clone(),
            editable,
            test,
            may_pay: editable && !generated && !test,
        }))
    }

    /// Whether a tool writes a file: the recorded output of a test, or a module that .NET Aspire names in its manifest.
    fn is_written_by_a_tool(&self, path: &Path) -> bool {
        let name = path.file_name().map(|name| name.to_string_lossy());
        let name = name.unwrap_or_default();
        if name.ends_with(".verified.bicep") {
            return true;
        }
        if !name.ends_with(".module.bicep") {
            return false;
        }
        let root = self.analysis.workspace.root_of(path);
        let folders = path.ancestors().skip(1);
        let mut folders = folders.take_while(|folder| folder.starts_with(&root));
        folders.any(|folder| {
            let manifest = self.analysis.text(&folder.join("aspire-manifest.json"));
            manifest.is_some_and(|text| text.contains(&*name))
        })
    }

    fn is_test(&self, path: &Path) -> bool {
        let root = self.analysis.workspace.root_of(path);
        path.strip_prefix(&root).is_ok_and(entries::is_test)
    }

    /// Whether a file may be changed: it is open or was named, or is in a workspace folder, beside a file that was
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
        self.is_really_below_a_root(&known.path)
    }

    /// Whether a path is below one of the roots by its name and with all links resolved.
    fn is_really_below_a_root(&self, path: &Path) -> bool {
        let Some(really) = disk::real(path) else {
            return false;
        };
        path.ancestors().any(|folder| {
            let root = self.roots.get(folder);
            root.is_some_and(|real| really.starts_with(real))
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

    fn is_generated(&self, path: &Path) -> bool {
        let workspace = &self.analysis.workspace;
        match workspace.id(path) {
            Some(id) => workspace.is_generated(id),
            None => prefilter_path(&PREFILTER, path, kind_of(path))
                .is_ok_and(|(hits, _)| hits.generated),
        }
    }

    fn api_versions(&self, resource_type: &str) -> Arc<BTreeSet<String>> {
        let mut known = self.versions.borrow_mut();
        let versions = known.entry(resource_type.to_owned()).or_insert_with(|| {
            let shared = self
                .analysis
                .deployments
                .states
                .values()
                .flat_map(|state| &state.plans);
            let of_type = shared.filter(|one| one.resource_type.is(resource_type));
            let versions = of_type.filter_map(|one| one.api_version.as_str());
            Arc::new(versions.map(str::to_owned).collect())
        });
        versions.clone()
    }

    fn expansions(&self, file: FileId) -> Vec<Arc<Expansion>> {
        let deployments = &self.analysis.deployments;
        let states = deployments.readers(file).take(MAX_EXPANSIONS);
        let states = states.filter_map(|key| deployments.states.get(&key)?.deployment.as_ref());
        states.map(|known| known.expansion.clone()).collect()
    }

    fn is_inside(&self, folder: &Path) -> bool {
        self.is_really_below_a_root(folder)
    }

    fn folder(&self, folder: &Path) -> Arc<Folder> {
        if let Some(known) = self.folders.borrow().get(folder) {
            return known.clone();
        }
        let mut names = disk::names_in(folder);
        let open = self.open.iter();
        let beside = open.filter(|path| path.parent() == Some(folder));
        let beside = beside.filter_map(|path| path.file_name());
        names.extend(beside.map(|name| name.to_string_lossy().into_owned()));
        names.sort();
        names.dedup();
        let workspace = &self.analysis.workspace;
        let subscription_file = |name: &String| {
            let id = workspace.id(&folder.join(name))?;
            let template = &workspace.loaded(id)?.model.template;
            let wanted =
                template.kind == FileKind::Bicep && template.scope == Some(ScopeKind::Subscription);
            wanted.then(|| (name.clone(), id))
        };
        let listed = Arc::new(Folder {
            subscription_files: names.iter().filter_map(subscription_file).collect(),
            names,
        });
        let mut all = self.folders.borrow_mut();
        all.insert(folder.to_path_buf(), listed.clone());
        listed
    }

    fn root_of(&self, path: &Path) -> Option<PathBuf> {
        Some(self.analysis.workspace.root_of(path))
    }
}
