//! One identity for each file: every name that leads to it, by whatever links, is an alias of one id. So a file is
//! checked once and reported once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::disk;
use super::files::Workspace;
use crate::model::FileId;

/// The names of files.
#[derive(Debug, Default)]
pub(crate) struct Names {
    ids: FxHashMap<Arc<Path>, FileId>,
    /// Where folders really are; those that do not exist are looked up again.
    folders: FxHashMap<PathBuf, PathBuf>,
}

impl Names {
    /// Where a folder really is.
    fn real_folder(&mut self, folder: &Path) -> Option<&Path> {
        if !self.folders.contains_key(folder) {
            let around = folder.parent().and_then(|it| self.real_folder(it));
            let real = match around {
                Some(around) => disk::real_below(around, folder)?,
                None => disk::real(folder)?,
            };
            self.folders.insert(folder.to_path_buf(), real);
        }
        self.folders.get(folder).map(PathBuf::as_path)
    }

    /// Where a file really is, if that is another name than this.
    fn real_name(&mut self, path: &Path) -> Option<PathBuf> {
        // Documents that are no files have URIs for names.
        if !path.is_absolute() {
            return None;
        }
        if disk::is_link(path) {
            return disk::real(path);
        }
        let folder = path.parent()?;
        let real = self.real_folder(folder)?;
        match real == folder {
            true => None,
            false => Some(real.join(path.file_name()?)),
        }
    }
}

impl Workspace {
    /// The number of a file, new or known by any of its names. The path must be normalized.
    pub fn intern(&mut self, path: &Path) -> FileId {
        if let Some(&id) = self.names.ids.get(path) {
            return id;
        }
        let real = self.names.real_name(path);
        let known = real.as_ref().and_then(|real| self.names.ids.get(&**real));
        let id = match known {
            Some(&id) => id,
            None => {
                let inside = self.name_inside(path, real.as_deref().unwrap_or(path));
                let name: Arc<Path> = inside.as_deref().unwrap_or(path).into();
                match self.names.ids.get(&name) {
                    Some(&id) => id,
                    None => {
                        let id = self.add(name.clone());
                        self.names.ids.insert(name, id);
                        id
                    }
                }
            }
        };
        self.names.ids.insert(path.into(), id);
        if let Some(real) = real {
            self.names.ids.entry(real.into()).or_insert(id);
        }
        id
    }

    /// Forgets the names that lead to another file than they did, since a link was pointed elsewhere: all, or those below
    /// a path. Returns the files that they led to.
    pub(crate) fn forget_moved_names(&mut self, below: Option<&Path>) -> Vec<FileId> {
        let names = self.names.ids.iter().filter(|(name, id)| {
            let file = self.file(**id);
            file.path != **name
                && below.is_none_or(|link| name.starts_with(link) || file.path.starts_with(link))
                && !file.opened.contains(*name)
                && disk::real(name) != disk::real(&file.path)
        });
        let moved: Vec<_> = names.map(|(name, id)| (name.clone(), *id)).collect();
        if !moved.is_empty() {
            self.names.folders.clear();
        }
        for (name, _) in &moved {
            self.names.ids.remove(name);
        }
        moved.into_iter().map(|(_, id)| id).collect()
    }

    /// The number of a known file.
    pub fn id(&self, path: &Path) -> Option<FileId> {
        self.names.ids.get(path).copied()
    }

    /// The name under which a file is shown: as it was opened, else its own.
    pub fn name_of(&self, id: FileId) -> &Arc<Path> {
        let file = self.file(id);
        file.opened.last().unwrap_or(&file.path)
    }

    /// The name in a workspace folder of a file that is named from outside it: the folder was opened by a link.
    fn name_inside(&mut self, path: &Path, real: &Path) -> Option<PathBuf> {
        if self.folder_of(path).is_some() || !path.is_absolute() {
            return None;
        }
        let Workspace { folders, names, .. } = self;
        folders.iter().find_map(|folder| {
            let inner = real.strip_prefix(names.real_folder(folder)?).ok()?;
            Some(folder.join(inner))
        })
    }
}
