//! Notices changes on disk: by file events where the client watches, and by comparing size and time of every input.
//!
//! Inputs are all files that an answer depends on: files that were read, files that are referred to and missing, restored
//! registry modules, loaded texts, and configuration files in every folder where one is looked for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustc_hash::FxHashSet;

use super::Analysis;
use crate::model::{FileId, FileKind};
use crate::workspace::config::Configs;
use crate::workspace::discover::{Limits, discover};
use crate::workspace::disk::{self, DiskError};
use crate::workspace::files::{Content, prefilter_path};
use crate::workspace::prefilter::kind_of;
use crate::workspace::view::Input;

/// Requests look at the inputs around a document at most once in this time.
const PAUSE: Duration = Duration::from_secs(1);

/// Which inputs to compare with the disk.
#[derive(Debug, Clone, Copy)]
pub enum LookAgain<'a> {
    /// All.
    Everything,
    /// Those of the deployments around a document that was opened or saved.
    Now(&'a Path),
    /// The same for a request, at most once a second for each document.
    Request(&'a Path),
}

impl Analysis {
    /// Compares inputs with the disk; the next [`refresh`](Self::refresh) reads what changed, appeared or is gone.
    /// Returns whether anything did.
    pub fn look_again(&mut self, which: LookAgain<'_>) -> bool {
        let mut moved = false;
        let around = match which {
            LookAgain::Everything => {
                self.workspace.ignored.clear();
                moved = self.follow_moved_links(None);
                None
            }
            LookAgain::Now(path) | LookAgain::Request(path) => {
                let Some(id) = self.workspace.id(&disk::normalize(path)) else {
                    return false;
                };
                let now = Instant::now();
                let last = self.looked.insert(id, now);
                let recent = last.is_some_and(|last| now - last < PAUSE);
                if recent && matches!(which, LookAgain::Request(_)) {
                    self.looked.extend(last.map(|last| (id, last)));
                    return false;
                }
                Some(self.inputs_around(id))
            }
        };
        let changed = self.changed_inputs(around);
        self.disk_changed(&changed);
        self.deployments.touch_changed_folders() || moved || !changed.is_empty()
    }

    /// Whether a path belongs to the workspace: it is in a workspace folder, and a scan would find it there.
    pub fn belongs(&self, path: &Path) -> bool {
        self.workspace.belongs(&disk::normalize(path))
    }

    /// The inputs that a client does not watch when it watches templates, JSON and configuration in the workspace
    /// folders: those outside, and those of other kinds; existing or looked for. Sorted.
    pub fn inputs_not_watched(&self) -> Vec<PathBuf> {
        let configs = self.workspace.configs();
        let files = self.workspace.files();
        let read = files.filter(|(_, file)| !matches!(file.content, Content::Unseen));
        let read = read.map(|(_, file)| &*file.path);
        let missing = self.looked_for();
        let of_configs = configs.inputs().map(|(path, _)| path);
        let watched = |path: &Path| {
            let kind = kind_of(path) != FileKind::Other || Configs::is_config(path);
            kind && self.workspace.folder_of(path).is_some()
        };
        let all = read.chain(missing).chain(of_configs);
        let found: BTreeSet<&Path> = all
            .filter(|path| path.is_absolute() && !watched(path))
            .collect();
        found.into_iter().map(Path::to_path_buf).collect()
    }

    /// The files that references and evaluations looked for and that are not there.
    fn looked_for(&self) -> impl Iterator<Item = &Path> {
        let edges = self.workspace.files().flat_map(|(_, file)| &file.edges);
        let references = edges.filter_map(|edge| edge.absent.as_deref());
        references.chain(self.deployments.absent())
    }

    /// A file, and everything that the deployments which read it have read.
    fn inputs_around(&self, id: FileId) -> BTreeSet<Input> {
        let mut around: BTreeSet<Input> = self.deployments.inputs_with(id).cloned().collect();
        around.insert(Input::File(id));
        let edges = self.workspace.file(id).edges.iter();
        around.extend(edges.filter_map(|edge| edge.file.map(Input::File)));
        around
    }

    /// The inputs whose state on disk is not the one that was read; of all, or some of them.
    fn changed_inputs(&self, some: Option<BTreeSet<Input>>) -> Vec<PathBuf> {
        let mut changed = Vec::new();
        let around: Option<FxHashSet<FileId>> = some
            .as_ref()
            .map(|inputs| inputs.iter().filter_map(Input::file).collect());
        let files: &mut dyn Iterator<Item = FileId> = match &around {
            Some(around) => &mut around.iter().copied(),
            None => &mut self.workspace.files().map(|(id, _)| id),
        };
        let mut folders: FxHashSet<&Path> = FxHashSet::default();
        let mut absent: FxHashSet<&Path> = FxHashSet::default();
        for id in files {
            let file = self.workspace.file(id);
            if around.is_some() {
                folders.extend(file.path.ancestors());
            }
            absent.extend(file.edges.iter().filter_map(|edge| edge.absent.as_deref()));
            let stale = match file.content {
                _ if file.document.is_some() => false,
                Content::Unseen => false,
                // Permissions change without the time of the content.
                Content::Unreadable(DiskError::Denied | DiskError::Other(_))
                    if around.is_none() =>
                {
                    true
                }
                _ => disk::stamp(&file.path) != file.stamp,
            };
            if stale {
                changed.push(file.path.to_path_buf());
            }
        }
        match &some {
            Some(inputs) => absent.extend(inputs.iter().filter_map(Input::absent)),
            None => absent.extend(self.deployments.absent()),
        }
        absent.retain(|path| disk::is_file(path));
        changed.extend(absent.into_iter().map(Path::to_path_buf));
        for (path, stamp) in self.workspace.configs().inputs() {
            let is_around = |folder| around.is_none() || folders.contains(folder);
            let open = self.workspace.id(path).map(|id| self.workspace.file(id));
            let open = open.is_some_and(|file| file.document.is_some());
            if path.parent().is_some_and(is_around) && !open && disk::stamp(path) != stamp {
                changed.push(path.to_path_buf());
            }
        }
        changed.sort();
        changed.dedup();
        changed
    }

    /// Files and folders changed, appeared or are gone: templates, configuration, restored modules. What neither
    /// belongs to the workspace nor was read or looked for changes nothing.
    pub fn disk_changed(&mut self, paths: &[PathBuf]) {
        for path in paths.iter().filter(|path| disk::is_link(path)) {
            self.follow_moved_links(Some(path));
        }
        if !paths.is_empty() {
            self.deployments.touch_changed_folders();
        }
        let files = self.changed_files(paths);
        let is_changed = |path: &Path| files.contains(path);
        let mut structure = self.looked_for().any(is_changed);
        for path in &files {
            if path.file_name().is_some_and(|name| name == ".gitignore") {
                self.workspace.ignored.clear();
            }
            if self.is_config(path) {
                self.reconfigure_from(path);
                continue;
            }
            self.deployments.touch(&Input::Absent(path.clone()));
            let exists = disk::stamp(path).is_some();
            let belongs = exists && self.workspace.belongs(path);
            if self.workspace.id(path).is_none() && !(belongs && self.is_candidate(path)) {
                continue;
            }
            let id = self.workspace.intern(path);
            structure |= !exists || !self.workspace.is_readable(id);
            self.workspace.file_mut(id).listed |= belongs;
            self.reread(id);
        }
        if structure {
            self.reconnect_unresolved(is_changed);
        }
    }

    /// Follows the references by links that were pointed elsewhere. Whether there were any.
    fn follow_moved_links(&mut self, below: Option<&Path>) -> bool {
        let left = self.workspace.forget_moved_names(below);
        if !left.is_empty() {
            self.reconnect_users(&left);
            self.reconnect_unresolved(|_| false);
        }
        !left.is_empty()
    }

    /// Whether a scan would keep a file.
    fn is_candidate(&self, path: &Path) -> bool {
        let kind = kind_of(path);
        let seen = || prefilter_path(self.workspace.prefilter, path, kind);
        kind != FileKind::Other
            && (self.workspace.options.unfiltered || seen().is_ok_and(|(hits, _)| hits.candidate))
    }

    fn is_config(&self, path: &Path) -> bool {
        self.workspace.configs().concerns(path)
    }

    /// The files that events are about: a folder represents the files in it, those that were known before it was gone
    /// among them.
    fn changed_files(&self, paths: &[PathBuf]) -> BTreeSet<PathBuf> {
        let mut files: BTreeSet<PathBuf> = paths.iter().map(|path| disk::normalize(path)).collect();
        let no_files = files.iter().filter(|path| !disk::is_file(path));
        let folders: FxHashSet<PathBuf> = no_files.cloned().collect();
        if folders.is_empty() {
            return files;
        }
        let below = |path: &Path| path.ancestors().skip(1).any(|it| folders.contains(it));
        let configs = self.workspace.configs();
        let known = self.workspace.files().map(|(_, file)| &*file.path);
        let known = known.chain(self.looked_for());
        let known = known.chain(configs.inputs().map(|(path, _)| path));
        files.extend(known.filter(|path| below(path)).map(Path::to_path_buf));
        for folder in folders {
            if disk::is_folder(&folder) && self.workspace.belongs(&folder) {
                files.extend(discover(&folder, Limits::default()).files);
            }
        }
        files
    }
}
