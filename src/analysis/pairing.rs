//! Pairs parameter files that name no template with the template that takes their parameters.
//!
//! Only templates in the folders of such parameter files, and in the folders above, are loaded for it. A pairing is computed
//! again when a file in one of those folders changes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;

use super::{Analysis, Cancel, LoadError};
use crate::model::{FileId, FileKind};
use crate::workspace::disk;
use crate::workspace::parameters::{Pairing, Signature, by_declaration};
use crate::workspace::prefilter::kind_of;

/// The templates of folders.
type Templates = FxHashMap<PathBuf, Vec<FileId>>;

impl Analysis {
    /// Pairs the parameter files of the folders in or below which a file changed.
    pub(super) fn pair_parameter_files(&mut self, edited: &BTreeSet<FileId>, cancel: &Cancel) {
        if self.workspace.unnamed.is_empty() || self.changed.is_empty() && edited.is_empty() {
            return;
        }
        let changed = self.changed.iter().chain(edited);
        let folders: BTreeSet<&Path> = changed
            .filter_map(|id| self.workspace.file(*id).path.parent())
            .collect();
        let unnamed = self.workspace.unnamed.iter().copied();
        let affected = unnamed.filter(|id| {
            let mut above = self.workspace.file(*id).path.ancestors().skip(1);
            above.any(|folder| folders.contains(folder))
        });
        let affected: Vec<FileId> = affected.collect();
        self.pair(&affected, cancel);
    }

    /// The template that a parameter file belongs to, whether it names it or not.
    pub(super) fn template_of(&mut self, id: FileId) -> Option<FileId> {
        if self.workspace.unnamed.contains(&id) && !self.workspace.paired.contains_key(&id) {
            self.pair(&[id], &Cancel::default());
        }
        self.workspace.template_of(id)
    }

    /// Pairs these parameter files.
    fn pair(&mut self, files: &[FileId], cancel: &Cancel) {
        let mut templates = Templates::default();
        if files.iter().any(|id| self.is_in_folder(*id)) {
            for (id, file) in self.workspace.files() {
                let template = matches!(file.kind, FileKind::Bicep | FileKind::ArmTemplate);
                if let (true, true, Some(folder)) = (file.listed, template, file.path.parent()) {
                    templates.entry(folder.to_path_buf()).or_default().push(id);
                }
            }
        }
        self.load(files.to_vec(), cancel);
        for &id in files {
            if cancel.is_cancelled() {
                return;
            }
            let pairing = self.pairing_of(id, &templates);
            let before = self.workspace.paired.insert(id, pairing);
            if before != Some(pairing)
                && [before, Some(pairing)]
                    .iter()
                    .any(|it| matches!(it, Some(Pairing::Template(_))))
            {
                self.reconnect(id);
            }
        }
    }

    /// The parameter files that belong to no template, for a report.
    pub(super) fn unpaired(&self) -> impl Iterator<Item = LoadError> + '_ {
        let unnamed = self.workspace.unnamed.iter();
        unnamed.filter_map(|id| {
            let file = self.workspace.file(*id);
            let values = matches!(self.signature(*id)?, Signature::Values(_));
            let message = match self.workspace.paired.get(id)? {
                Pairing::None => {
                    "this parameter file belongs to no template: none around it declares its parameters and requires \
                     no other"
                }
                Pairing::Ambiguous => {
                    "this parameter file belongs to no template: several around it take its parameters"
                }
                Pairing::Template(_) => return None,
            };
            (self.is_in_folder(*id) && values).then(|| LoadError {
                path: file.path.clone(),
                location: None,
                message: message.to_owned(),
                hides: false,
            })
        })
    }

    fn is_in_folder(&self, id: FileId) -> bool {
        let path = &self.workspace.file(id).path;
        self.workspace.folder_of(path).is_some()
    }

    /// The template of the nearest folder that has one which takes the parameters of a file.
    fn pairing_of(&mut self, id: FileId, templates: &Templates) -> Pairing {
        let Some(Signature::Values(given)) = self.signature(id) else {
            return Pairing::None;
        };
        let path = self.workspace.file(id).path.clone();
        let root = self.workspace.root_of(&path);
        let listed = self.is_in_folder(id);
        for folder in path.ancestors().skip(1) {
            if !folder.starts_with(&root) {
                break;
            }
            let ids = match listed {
                true => templates.get(folder).cloned().unwrap_or_default(),
                false => self.templates_on_disk(folder),
            };
            self.load(ids.clone(), &Cancel::default());
            let candidates = ids.iter().filter(|it| !self.has_source(**it, &ids));
            let candidates: Vec<_> = candidates
                .filter_map(|it| Some((*it, self.signature(*it)?)))
                .collect();
            match by_declaration(&given, &candidates) {
                Pairing::None => {}
                found => return found,
            }
        }
        Pairing::None
    }

    /// Whether one of these files is the Bicep file that a template was generated from.
    fn has_source(&self, id: FileId, beside: &[FileId]) -> bool {
        let file = self.workspace.file(id);
        let source = file.path.with_extension("bicep");
        let is_source = |it: &FileId| *self.workspace.file(*it).path == *source;
        self.workspace.is_artifact(id) || file.generated && beside.iter().any(is_source)
    }

    /// The templates of a folder that is no workspace folder.
    fn templates_on_disk(&mut self, folder: &Path) -> Vec<FileId> {
        let paths = disk::names_in(folder)
            .into_iter()
            .map(|name| folder.join(name));
        let paths: Vec<PathBuf> = paths
            .filter(|path| matches!(kind_of(path), FileKind::Bicep | FileKind::ArmTemplate))
            .filter(|path| disk::is_file(path))
            .collect();
        let ids: Vec<FileId> = paths
            .iter()
            .map(|path| self.workspace.intern(path))
            .collect();
        ids.iter().for_each(|id| self.prefilter(*id));
        ids
    }

    fn signature(&self, id: FileId) -> Option<Signature> {
        let loaded = self.workspace.loaded(id)?;
        let kind = self.workspace.file(id).kind;
        Some(Signature::of(kind, &loaded.model.template))
    }
}
