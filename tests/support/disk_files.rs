//! The workspace's answers without a workspace: files read from disk as evaluation asks for them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use preflight::eval::{Files, Loaded};
use preflight::model::{FileId, FileKind, Template};
use preflight::rules;
use preflight::workspace::config::{BicepConfig, Options};
use preflight::workspace::prefilter::Prefilter;
use preflight::workspace::registry_cache::{Resolution, resolve};
use preflight::workspace::{disk, files};

static PREFILTER: LazyLock<Prefilter> = LazyLock::new(|| Prefilter::new(rules::filter()));

/// Files of a disk, each read once.
pub(crate) struct DiskFiles {
    config: BicepConfig,
    reader: files::Workspace,
    table: RefCell<Table>,
}

#[derive(Default)]
struct Table {
    ids: HashMap<PathBuf, FileId>,
    paths: Vec<PathBuf>,
    templates: HashMap<FileId, Option<Arc<Template>>>,
}

impl DiskFiles {
    /// With restored modules in `cache`.
    pub(crate) fn new(cache: &Path) -> Self {
        let config = BicepConfig {
            cache_root: cache.to_path_buf(),
            ..BicepConfig::default()
        };
        DiskFiles {
            config,
            reader: files::Workspace::new(&PREFILTER, Options::default()),
            table: RefCell::default(),
        }
    }

    /// The number of a file.
    pub(crate) fn id(&self, path: &Path) -> FileId {
        let path = disk::normalize(path);
        let mut table = self.table.borrow_mut();
        if let Some(id) = table.ids.get(&path) {
            return *id;
        }
        let id = FileId(table.paths.len() as u32);
        table.paths.push(path.clone());
        table.ids.insert(path, id);
        id
    }

    /// The path of a file.
    pub(crate) fn path(&self, id: FileId) -> PathBuf {
        self.table.borrow().paths[id.0 as usize].clone()
    }

    /// What a file states.
    pub(crate) fn template(&self, id: FileId) -> Option<Arc<Template>> {
        if let Some(known) = self.table.borrow().templates.get(&id) {
            return known.clone();
        }
        let path = self.path(id);
        let kind = match path.extension().and_then(|e| e.to_str()) {
            Some("bicep") => FileKind::Bicep,
            Some("bicepparam") => FileKind::BicepParams,
            _ => FileKind::ArmTemplate,
        };
        let template = self
            .reader
            .load(&path, kind)
            .ok()
            .map(|read| read.loaded.model.template);
        self.table
            .borrow_mut()
            .templates
            .insert(id, template.clone());
        template
    }
}

impl Files for DiskFiles {
    fn load(&self, from: FileId, reference: &str) -> Loaded {
        match resolve(&self.path(from), reference, &self.config) {
            Resolution::File(path) => {
                let id = self.id(&path);
                match self.template(id) {
                    Some(template) => Loaded::Template(id, template),
                    None => Loaded::Unread(format!("{reference} cannot be read").into()),
                }
            }
            // Known and harmless modules are not restored: an oracle has nothing to compare them with.
            Resolution::Absent(known, _) => Loaded::Unread(match known {
                Loaded::Harmless(reason) | Loaded::Unread(reason) => reason,
                _ => "it is not restored".into(),
            }),
        }
    }

    fn text(&self, from: FileId, path: &str) -> Option<(FileId, Arc<str>)> {
        let folder = self.path(from).parent()?.to_path_buf();
        let path = disk::find(&folder, path).ok()?;
        let text = disk::read(&path).ok()?.text;
        Some((self.id(&path), text))
    }
}
