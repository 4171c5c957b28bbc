//! What evaluation sees of the workspace, and what it looked at while it did.
//!
//! A [`View`] answers from what is loaded and asks for the rest: whoever evaluates loads what was missing and evaluates
//! again. It notes every file that an answer came from as a [`Dependency`] with its present value. An evaluation may be
//! reused exactly as long as all its dependencies have the values they had.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::disk;
use super::files::{Content, Workspace};
use super::fingerprint::{ReferenceKind, Weight};
use super::registry_cache::Resolution;
use crate::eval::{Files, Loaded, reference_of};
use crate::model::{FileId, ItemKind, Template};

/// Something an evaluation looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dependency {
    /// What of a file can matter to a rule.
    Slice(FileId),
    /// Everything a file says (imports, inventories).
    Whole(FileId),
    /// A file's text.
    Text(FileId),
}

impl Dependency {
    /// The file.
    pub fn file(self) -> FileId {
        match self {
            Dependency::Slice(file) | Dependency::Whole(file) | Dependency::Text(file) => file,
        }
    }
}

impl Workspace {
    /// The present value of a dependency: equal values mean equal answers.
    pub fn value_of(&self, dependency: Dependency) -> u64 {
        match dependency {
            Dependency::Slice(id) if self.file(id).weight == Weight::Nothing => 1,
            Dependency::Slice(id) => self.loaded(id).map_or(0, |loaded| loaded.summary.hash),
            Dependency::Whole(id) => self.loaded(id).map_or(0, |loaded| {
                use std::hash::{Hash, Hasher};
                let mut hasher = rustc_hash::FxHasher::default();
                loaded.model.template.hash(&mut hasher);
                hasher.finish()
            }),
            Dependency::Text(id) => self
                .text(id)
                .map_or(0, |text| xxhash_rust::xxh3::xxh3_64(text.as_bytes())),
        }
    }
}

/// A file's text, where it can be read.
type Text = Option<(FileId, Arc<str>)>;

/// A view for one evaluation.
#[derive(Debug)]
pub struct View<'a> {
    workspace: &'a Workspace,
    /// Follow modules that cannot matter too (inventories).
    everything: bool,
    clouds: Vec<&'static str>,
    texts: RefCell<FxHashMap<PathBuf, Text>>,
    dependencies: RefCell<Vec<(Dependency, u64)>>,
    missing: RefCell<Vec<PathBuf>>,
    /// What each file refers to for its values only, by what is written there.
    libraries: RefCell<FxHashMap<FileId, FxHashSet<Arc<str>>>>,
}

impl<'a> View<'a> {
    /// A view for evaluating the entry point `entry`.
    pub fn new(workspace: &'a Workspace, entry: FileId, everything: bool) -> Self {
        let cloud = workspace
            .settings(&workspace.file(entry).path)
            .bicep
            .cloud
            .clone();
        let all = ["AzureCloud", "AzureUSGovernment", "AzureChinaCloud"];
        let name = cloud.as_deref().unwrap_or(all[0]);
        let is_named = |cloud: &&str| cloud.eq_ignore_ascii_case(name);
        let clouds: Vec<_> = all.into_iter().filter(is_named).collect();
        let own_profile = clouds.is_empty();
        let view = View {
            workspace,
            everything,
            // A profile of the user's own may be any of them.
            clouds: match own_profile {
                true => all.to_vec(),
                false => clouds,
            },
            texts: RefCell::default(),
            dependencies: RefCell::default(),
            missing: RefCell::default(),
            libraries: RefCell::default(),
        };
        view.note(view.slice_of(entry));
        view
    }

    /// What was looked at, and files that were asked for and are not loaded. If there are any, the evaluation is to be
    /// repeated once they are.
    pub fn finish(self) -> (Vec<(Dependency, u64)>, Vec<PathBuf>) {
        (self.dependencies.into_inner(), self.missing.into_inner())
    }

    fn slice_of(&self, id: FileId) -> Dependency {
        if self.everything {
            Dependency::Whole(id)
        } else {
            Dependency::Slice(id)
        }
    }

    fn note(&self, dependency: Dependency) {
        let mut dependencies = self.dependencies.borrow_mut();
        if !dependencies.iter().any(|(known, _)| *known == dependency) {
            dependencies.push((dependency, self.workspace.value_of(dependency)));
        }
    }

    /// A parameter file, which no reference leads to.
    pub fn values(&self, id: FileId) -> Option<Arc<Template>> {
        self.note(Dependency::Whole(id));
        let loaded = self.workspace.loaded(id);
        let file = self.workspace.file(id);
        if loaded.is_none() && !matches!(file.content, Content::Unreadable(_)) {
            self.missing.borrow_mut().push(file.path.to_path_buf());
        }
        loaded.map(|loaded| loaded.model.template.clone())
    }

    /// `values`: for its outputs, so that it matters though it deploys nothing.
    fn load_path(&self, from: FileId, reference: &str, path: &Path, values: bool) -> Loaded {
        let Some(id) = self.workspace.id(path) else {
            self.missing.borrow_mut().push(path.to_path_buf());
            return Loaded::Unread("not read yet".into());
        };
        // The slice of what deploys something holds its outputs; the rest has none.
        let library = values && self.workspace.file(id).weight == Weight::Nothing
            || self.is_library(from, reference);
        let dependency = if library {
            Dependency::Whole(id)
        } else {
            self.slice_of(id)
        };
        let file = self.workspace.file(id);
        let seen = file.document.is_some() || !matches!(file.content, Content::Unseen);
        if !library && !self.everything && file.weight == Weight::Nothing && seen {
            self.note(dependency);
            return Loaded::Harmless("it deploys neither a registry nor a plan".into());
        }
        match (self.workspace.loaded(id), &file.content) {
            (Some(loaded), _) => {
                self.note(dependency);
                Loaded::Template(id, loaded.model.template.clone())
            }
            (None, Content::Unreadable(error)) => {
                self.note(dependency);
                Loaded::Unread(format!("{} cannot be read: {error}", short(reference)).into())
            }
            (None, _) => {
                self.missing.borrow_mut().push(path.to_path_buf());
                Loaded::Unread("not read yet".into())
            }
        }
    }

    fn load_for(&self, from: FileId, reference: &str, values: bool) -> Loaded {
        match self.workspace.resolve(from, reference) {
            Resolution::File(path) | Resolution::TemplateSpec(path) => {
                self.load_path(from, reference, &path, values)
            }
            Resolution::Known(module) => Loaded::Known(module),
            Resolution::Harmless(reason) => Loaded::Harmless(reason),
            Resolution::Unread(reason) => Loaded::Unread(reason),
        }
    }

    /// Whether `from` refers to this for its values only, so that it matters though it deploys nothing.
    fn is_library(&self, from: FileId, reference: &str) -> bool {
        let mut libraries = self.libraries.borrow_mut();
        let of = libraries
            .entry(from)
            .or_insert_with(|| self.libraries_of(from));
        of.contains(reference)
    }

    fn libraries_of(&self, from: FileId) -> FxHashSet<Arc<str>> {
        let Some(loaded) = self.workspace.loaded(from) else {
            return FxHashSet::default();
        };
        let items = loaded.model.template.items.iter();
        let values = items
            .filter(|item| matches!(item.kind, ItemKind::Import(_) | ItemKind::Extends(_)))
            .filter_map(|item| Some(reference_of(&item.kind)?.text.clone()));
        let references = loaded.summary.references.iter();
        let others = references
            .filter(|(kind, _)| *kind != ReferenceKind::Module)
            .map(|(_, text)| text.clone());
        values.chain(others).collect()
    }
}

impl Files for View<'_> {
    fn load(&self, from: FileId, reference: &str) -> Loaded {
        self.load_for(from, reference, false)
    }

    fn load_outputs(&self, from: FileId, reference: &str) -> Loaded {
        self.load_for(from, reference, true)
    }

    fn text(&self, from: FileId, path: &str) -> Option<(FileId, Arc<str>)> {
        let folder = self.workspace.file(from).path.parent()?.to_path_buf();
        // What is not there is an input too: it may appear.
        let path = match disk::find(&folder, path) {
            Ok(path) => path,
            Err(_) => disk::joined(&folder, path)?,
        };
        if let Some(known) = self.texts.borrow().get(&path) {
            return known.clone();
        }
        let Some(id) = self.workspace.id(&path) else {
            self.missing.borrow_mut().push(path);
            return None;
        };
        self.note(Dependency::Text(id));
        let answer = self.workspace.text(id).map(|text| (id, text));
        self.texts.borrow_mut().insert(path, answer.clone());
        answer
    }

    fn clouds(&self) -> &[&str] {
        &self.clouds
    }
}

fn short(reference: &str) -> String {
    format!("'{}'", reference.chars().take(120).collect::<String>())
}
