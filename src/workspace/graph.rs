//! The graph of files: which file refers to which, which can matter to a rule, which are entry points.
//!
//! Edges come from the raw bytes first (every literal that looks like a path), and from the lowered file once it is loaded.
//! Each file has a [`Relevance`]: the highest of its own and of the files it leads to. Only relevant files are loaded.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::config::BicepConfig;
use super::disk;
use super::files::{Content, Workspace};
use super::parameters::{Pairing, templates_by_name};
use super::registry_cache::{self, Resolution};
use super::relevance::{ReferenceKind, Relevance};
use crate::eval::Loaded;
use crate::model::{FileId, FileKind};

/// A reference from one file, and where it leads.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// How it is used.
    pub kind: ReferenceKind,
    /// The file.
    pub file: Option<FileId>,
    /// Where the file was looked for, if it is not there: it may appear.
    pub absent: Option<Box<Path>>,
    /// What a reference that leads to no file may deploy: a public module is known, or something cannot be read.
    relevance: Relevance,
}

/// Templates known to be used, at however many removes, by one that no file uses: these are no entry points. A chain of
/// ten thousand modules is walked once with it, and ten thousand times without.
#[derive(Debug, Default)]
pub struct Rooted(FxHashSet<FileId>);

impl Workspace {
    /// Where a reference written in a file leads, asking the file system as little as possible.
    pub fn resolve(&self, from: FileId, reference: &str) -> Resolution {
        let path = self.file(from).path.clone();
        if !reference.contains([':', '\\'])
            && let Some(folder) = path.parent()
        {
            let near = disk::normalize(&folder.join(reference));
            if self.id(&near).is_some_and(|id| self.is_readable(id)) {
                return Resolution::File(near);
            }
        }
        // The configuration declares nothing about paths.
        if !reference.contains(':') {
            return registry_cache::resolve(&path, reference, &BicepConfig::default());
        }
        registry_cache::resolve(&path, reference, &self.settings(&path).bicep)
    }

    /// Replaces the edges of a file; returns the files whose users changed.
    pub(crate) fn set_edges(
        &mut self,
        from: FileId,
        references: &[(ReferenceKind, Arc<str>)],
    ) -> Vec<FileId> {
        let mut edges = Vec::with_capacity(references.len());
        for (kind, reference) in references {
            let (path, absent, relevance) = match self.resolve(from, reference) {
                Resolution::File(path) => (Some(path), None, Relevance::Nothing),
                Resolution::Absent(known, absent) => {
                    let path = self.under_root(from, *kind, reference);
                    let relevance = match known {
                        Loaded::Known(_) => Relevance::Holds,
                        Loaded::Unread(_) if path.is_none() => Relevance::Uncertain,
                        _ => Relevance::Nothing,
                    };
                    (path, absent, relevance)
                }
            };
            edges.push(Edge {
                kind: *kind,
                file: path.map(|path| self.intern(&path)),
                absent: absent.map(PathBuf::into_boxed_path),
                relevance,
            });
        }
        self.orphans.remove(&from);
        self.unnamed.remove(&from);
        let names_template = |edge: &Edge| edge.kind == ReferenceKind::Using && edge.file.is_some();
        if !edges.iter().any(names_template) {
            edges.extend(self.edge_by_name(from));
        }
        if self.file(from).edges == edges {
            return Vec::new();
        }
        self.stale_relevance = true;
        let before = std::mem::replace(&mut self.file_mut(from).edges, edges.clone());
        let mut touched = Vec::new();
        for edge in &before {
            if let Some(target) = edge.file {
                self.file_mut(target)
                    .users
                    .retain(|(user, _)| *user != from);
                touched.push(target);
            }
        }
        for edge in &edges {
            if let Some(target) = edge.file {
                let users = &mut self.file_mut(target).users;
                if let Err(at) = users.binary_search(&(from, edge.kind)) {
                    users.insert(at, (from, edge.kind));
                }
                touched.push(target);
            }
        }
        let sources = touched.iter().filter_map(|id| self.source_of_artifact(*id));
        touched.extend(sources.collect::<Vec<_>>());
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    /// Whether a reference leads to nothing that can be read.
    pub(crate) fn leads_nowhere(&self, edge: &Edge) -> bool {
        match edge.file {
            Some(file) => !self.is_readable(file),
            None => edge.relevance == Relevance::Uncertain,
        }
    }

    /// The files with such a reference, and the parameter files whose template, by their name, is not there.
    pub(crate) fn waiting(&self, for_it: impl Fn(&Edge) -> bool) -> BTreeSet<FileId> {
        let files = self.files();
        let files = files.filter(|(_, file)| file.edges.iter().any(&for_it));
        files
            .map(|(id, _)| id)
            .chain(self.orphans.iter().copied())
            .collect()
    }

    /// The template that a parameters file names from the workspace's root on, as PSRule has it: a path in
    /// `metadata.template` that does not begin with a dot. Nothing but a parameters file names Bicep in JSON.
    fn under_root(&self, from: FileId, kind: ReferenceKind, reference: &str) -> Option<PathBuf> {
        let file = self.file(from);
        let json = matches!(file.kind, FileKind::ArmParameters | FileKind::ArmTemplate);
        let names_template = kind == ReferenceKind::Using || reference.ends_with(".bicep");
        if !json || !names_template || reference.starts_with('.') || reference.contains(':') {
            return None;
        }
        let root = self
            .folder_of(&file.path)
            .or(self.options.base.as_deref())?;
        let path = disk::normalize(&root.join(reference));
        let known = self.id(&path).is_some_and(|id| self.is_readable(id));
        (known || disk::is_file(&path)).then_some(path)
    }

    /// A parameters file that names no template, or one that is not there, belongs to the one its own name points at.
    fn edge_by_name(&mut self, from: FileId) -> Option<Edge> {
        let file = self.file(from);
        if !matches!(file.kind, FileKind::ArmParameters | FileKind::ArmTemplate) {
            return None;
        }
        let templates = templates_by_name(&file.path);
        let endings = ["bicep", "json", "jsonc", "arm"];
        let mut paths = templates.iter().flat_map(|stem| {
            endings.map(|ending| {
                let mut path = stem.clone().into_os_string();
                path.push(".");
                path.push(ending);
                PathBuf::from(path)
            })
        });
        // Of a folder every file is known; a parameters file asked for alone has the disk's beside it.
        let alone = self.folder_of(&file.path).is_none() && file.kind == FileKind::ArmParameters;
        let own = file.path.clone();
        let found = paths.find_map(|path| match self.id(&path) {
            Some(id) if self.file(id).listed => (id != from).then_some(id),
            _ if alone && *path != *own && disk::is_file(&path) => Some(self.intern(&path)),
            _ => None,
        });
        if found.is_none() && !templates.is_empty() {
            self.orphans.insert(from);
        }
        let found = match found {
            None if self.may_give_values(from) => {
                self.unnamed.insert(from);
                match self.paired.get(&from) {
                    Some(Pairing::Template(template)) => Some(*template),
                    _ => None,
                }
            }
            found => found,
        };
        found.map(|id| Edge {
            kind: ReferenceKind::Using,
            file: Some(id),
            absent: None,
            relevance: Relevance::Nothing,
        })
    }

    /// Whether a file may be a parameter file in JSON: for one that is loaded, whether it is.
    fn may_give_values(&self, id: FileId) -> bool {
        match (self.loaded(id), &self.file(id).content) {
            (Some(_), _) => self.file(id).kind == FileKind::ArmParameters,
            (None, Content::Prefiltered(prefiltered)) => prefiltered.values,
            _ => false,
        }
    }

    /// What a file holds by itself.
    pub(crate) fn own_relevance(&self, id: FileId) -> Relevance {
        match (self.loaded(id), &self.file(id).content) {
            (Some(loaded), _) => loaded.relevance(),
            (None, Content::Prefiltered(_)) if self.options.unfiltered => Relevance::Holds,
            (None, Content::Prefiltered(prefiltered)) => prefiltered.relevance,
            // What cannot be read might hold anything; what is missing is reported where it is referred to.
            (None, Content::Unreadable(_)) => Relevance::Uncertain,
            (None, _) => Relevance::Nothing,
        }
    }

    /// What a file holds whatever the files hold that it leads to.
    pub(crate) fn least_relevance(&self, id: FileId) -> Relevance {
        let deployed = self.deployed_by(id).map(|edge| edge.relevance);
        deployed.fold(self.own_relevance(id), Relevance::max)
    }

    /// The edges of a file to what it deploys, or gives values to.
    fn deployed_by(&self, id: FileId) -> impl Iterator<Item = &Edge> {
        let edges = self.file(id).edges.iter();
        edges.filter(|edge| edge.kind != ReferenceKind::Import)
    }

    /// Propagates relevance to one file from those that it leads to. Returns whether it has another now.
    pub(crate) fn propagate_to(&mut self, id: FileId) -> bool {
        let targets = self.deployed_by(id).filter_map(|edge| edge.file);
        let targets = targets.map(|target| self.file(target).relevance);
        let relevance = targets.fold(self.least_relevance(id), Relevance::max);
        std::mem::replace(&mut self.file_mut(id).relevance, relevance) != relevance
    }

    /// Propagates relevance through all files: each has the most that it, or a file it deploys, holds. Returns the files
    /// that have another now.
    pub(crate) fn propagate(&mut self) -> Vec<FileId> {
        self.stale_relevance = false;
        let ids = (0..self.files.len() as u32).map(FileId);
        let mut all: Vec<Relevance> = ids.clone().map(|id| self.least_relevance(id)).collect();
        for level in [Relevance::Holds, Relevance::Uncertain] {
            let at_level = |id: &FileId| all[id.0 as usize] == level;
            let mut queue: Vec<FileId> = ids.clone().filter(at_level).collect();
            while let Some(id) = queue.pop() {
                for (user, kind) in &self.file(id).users {
                    let known = &mut all[user.0 as usize];
                    if *kind != ReferenceKind::Import && *known < level {
                        *known = level;
                        queue.push(*user);
                    }
                }
            }
        }
        let changed = ids.zip(all).filter(|(id, relevance)| {
            std::mem::replace(&mut self.file_mut(*id).relevance, *relevance) != *relevance
        });
        changed.map(|(id, _)| id).collect()
    }

    /// The deployments that a template is the entry point of: one for each parameter file, one without any where it
    /// has none, none at all where it is no entry point.
    ///
    /// `rooted` stores what was found on the way, as long as no file changes what it refers to.
    pub fn deployments_of(&self, id: FileId, rooted: &mut Rooted) -> Vec<Option<FileId>> {
        let file = self.file(id);
        if !matches!(file.kind, FileKind::Bicep | FileKind::ArmTemplate)
            || file.relevance < Relevance::Holds
        {
            return Vec::new();
        }
        let given = |template: FileId, kinds: &'static [FileKind]| {
            let users = self.file(template).users.iter();
            users.filter_map(move |(user, kind)| {
                let values = self.file(*user);
                let counts = *kind == ReferenceKind::Using && values.listed;
                (counts && kinds.contains(&values.kind)).then_some(Some(*user))
            })
        };
        // Values in JSON for what Bicep generated are values for its source, which is checked instead.
        let kinds: &[FileKind] = match self.is_artifact(id) {
            true => &[FileKind::BicepParams],
            false => &[FileKind::BicepParams, FileKind::ArmParameters],
        };
        let mut parameter_files: Vec<Option<FileId>> = given(id, kinds).collect();
        for artifact in self.artifacts_of(id) {
            parameter_files.extend(given(artifact, &[FileKind::ArmParameters]));
        }
        parameter_files.sort_unstable();
        parameter_files.dedup();
        // A bicepparam file that another one extends gives no deployment of its own where it states `using none`; where
        // it names a template it is one more set of values.
        if !parameter_files.is_empty() {
            return parameter_files;
        }
        let own = file.listed && !self.is_artifact(id) && !self.is_restored(id);
        if own && self.is_entry(id, rooted) {
            vec![None]
        } else {
            Vec::new()
        }
    }

    /// Whether no other file of the workspace deploys this one; in a cycle that no file enters from outside, the file
    /// with the least path represents all.
    fn is_entry(&self, id: FileId, rooted: &mut Rooted) -> bool {
        // A file, and for each file that leads to it the one through which it does.
        let mut ancestors = vec![(id, 0)];
        let mut seen = FxHashSet::from_iter([id]);
        let mut at = 0;
        while let Some(&(next, _)) = ancestors.get(at) {
            let mut used = false;
            for user in self.module_users(next) {
                used = true;
                if seen.insert(user) {
                    ancestors.push((user, at));
                }
            }
            if !used && next == id {
                return true;
            }
            if !used || rooted.0.contains(&next) {
                let mut way = at;
                while way != 0 {
                    rooted.0.insert(ancestors[way].0);
                    way = ancestors[way].1;
                }
                rooted.0.insert(id);
                return false;
            }
            at += 1;
        }
        let paths = ancestors
            .iter()
            .map(|(ancestor, _)| &self.file(*ancestor).path);
        paths.min() == Some(&self.file(id).path)
    }

    /// The files that deploy this one as a module. A generated `main.json` uses what its source uses; it is no user of
    /// its own.
    fn module_users(&self, id: FileId) -> impl Iterator<Item = FileId> + '_ {
        let users = self.file(id).users.iter().filter(|(user, kind)| {
            *kind == ReferenceKind::Module && self.file(*user).listed && !self.is_artifact(*user)
        });
        users.map(|(user, _)| *user)
    }

    /// A path as messages name it: relative to its workspace folder, else to the working directory.
    pub(crate) fn relative(&self, path: &Path) -> String {
        let folder = self.folder_of(path).or(self.options.base.as_deref());
        let relative = folder.and_then(|folder| path.strip_prefix(folder).ok());
        let shown = relative.unwrap_or(path).to_string_lossy();
        shown.replace('\\', "/")
    }

    /// The template that a parameter file belongs to.
    pub fn template_of(&self, id: FileId) -> Option<FileId> {
        let edges = self.file(id).edges.iter();
        let templates = edges.filter(|edge| edge.kind == ReferenceKind::Using);
        templates.filter_map(|edge| edge.file).find(|target| {
            let kind = self.file(*target).kind;
            matches!(kind, FileKind::Bicep | FileKind::ArmTemplate)
        })
    }

    /// Whether a file is in Bicep's cache, and that cache in the file's workspace folder: restored modules are not
    /// checked or edited, wherever the configuration puts them.
    fn is_restored(&self, id: FileId) -> bool {
        let path = &self.file(id).path;
        let settings = self.settings(path);
        let cache = &settings.bicep.cache_root;
        // Asked of every finding: what is true of hardly any file comes first.
        !cache.as_os_str().is_empty()
            && path.starts_with(cache)
            && (self.folder_of(path)).is_some_and(|folder| cache.starts_with(folder))
    }

    /// Whether findings are shown in a file: it is in a workspace folder, or it was opened or named, or (`alone`: for
    /// a deployment outside all folders) it is not a restored module.
    pub fn shows(&self, id: FileId, alone: bool) -> bool {
        let file = self.file(id);
        if self.is_restored(id) {
            return false;
        }
        if file.listed || self.folder_of(&file.path).is_some() {
            return true;
        }
        alone
            && !file
                .path
                .starts_with(&self.settings(&file.path).bicep.cache_root)
    }
}
