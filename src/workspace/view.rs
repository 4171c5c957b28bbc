//! The workspace as an evaluation sees it.
//!
//! A [`View`] answers from loaded files and lists the ones that are missing; the caller loads them and evaluates again. It
//! records each file it used as an [`Input`]: a deployment is evaluated again when one of its inputs changes, and only then.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::disk;
use super::files::{Content, Workspace};
use super::registry_cache::Resolution;
use super::relevance::{ReferenceKind, Relevance};
use crate::eval::{Files, Loaded};
use crate::model::{FileId, Template};

/// Something that an evaluation read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Input {
    /// The content of a file, or that it deploys nothing a rule needs.
    File(FileId),
    /// A file's text.
    Text(FileId),
    /// A file that was looked for and is not there.
    Absent(PathBuf),
    /// The names of what is in a folder.
    Listed(PathBuf, Vec<String>),
}

impl Input {
    /// The path of a file that is not there.
    pub fn absent(&self) -> Option<&Path> {
        match self {
            Input::Absent(path) => Some(path),
            _ => None,
        }
    }

    /// Whether it is a folder of which the names were read and have changed since.
    pub fn is_changed_folder(&self) -> bool {
        matches!(self, Input::Listed(folder, names) if disk::names_in(folder) != *names)
    }

    /// The file, where there is one.
    pub fn file(&self) -> Option<FileId> {
        match self {
            Input::File(file) | Input::Text(file) => Some(*file),
            Input::Absent(_) | Input::Listed(..) => None,
        }
    }
}

/// What of a file is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Resources,
    /// It matters though the file deploys nothing.
    Outputs,
}

/// What references lead to, by what is written.
type ByReference = FxHashMap<Box<str>, Loaded>;

/// A view for one evaluation.
#[derive(Debug)]
pub struct View<'a> {
    workspace: &'a Workspace,
    /// Follow modules that cannot matter too (inventories).
    everything: bool,
    clouds: Vec<&'static str>,
    inputs: RefCell<BTreeSet<Input>>,
    missing: RefCell<Vec<PathBuf>>,
    loaded: RefCell<FxHashMap<(FileId, Part), ByReference>>,
}

impl<'a> View<'a> {
    /// A view for evaluating the entry point `entry`, which passes over modules that cannot matter.
    pub fn new(workspace: &'a Workspace, entry: FileId) -> Self {
        let settings = workspace.settings(&workspace.file(entry).path);
        let name = settings.bicep.cloud.as_deref().unwrap_or("AzureCloud");
        let is_named = |cloud: &&str| cloud.eq_ignore_ascii_case(name);
        // A profile of the user's own may be any of them.
        let mut clouds = vec!["AzureCloud", "AzureUSGovernment", "AzureChinaCloud"];
        if clouds.iter().any(is_named) {
            clouds.retain(is_named);
        }
        let view = View {
            workspace,
            everything: false,
            clouds,
            inputs: RefCell::default(),
            missing: RefCell::default(),
            loaded: RefCell::default(),
        };
        view.note(Input::File(entry));
        view
    }

    /// The same following modules that cannot matter too.
    pub fn of_everything(workspace: &'a Workspace, entry: FileId) -> Self {
        View {
            everything: true,
            ..View::new(workspace, entry)
        }
    }

    /// What was read, and files that were requested and are not loaded. If there are any, the evaluation is to be
    /// repeated once they are.
    pub fn finish(self) -> (BTreeSet<Input>, Vec<PathBuf>) {
        (self.inputs.into_inner(), self.missing.into_inner())
    }

    fn note(&self, input: Input) {
        self.inputs.borrow_mut().insert(input);
    }

    /// A parameter file, which no reference leads to.
    pub fn values(&self, id: FileId) -> Option<Arc<Template>> {
        self.note(Input::File(id));
        let loaded = self.workspace.loaded(id);
        let file = self.workspace.file(id);
        if loaded.is_none() && !matches!(file.content, Content::Unreadable(_)) {
            self.missing.borrow_mut().push(file.path.to_path_buf());
        }
        loaded.map(|loaded| loaded.model.template.clone())
    }

    fn load_path(&self, from: FileId, reference: &str, path: &Path, part: Part) -> Loaded {
        let Some(id) = self.workspace.id(path) else {
            self.missing.borrow_mut().push(path.to_path_buf());
            return Loaded::Unread("not read yet".into());
        };
        let file = self.workspace.file(id);
        let seen = file.document.is_some() || !matches!(file.content, Content::Unseen);
        // A module that deploys nothing is read as a library is, for its outputs.
        let is_asked_for =
            || self.everything || part == Part::Outputs || self.is_library(from, reference);
        if file.relevance == Relevance::Nothing && seen && !is_asked_for() {
            self.note(Input::File(id));
            return Loaded::Harmless("it deploys neither a registry nor a plan".into());
        }
        match (self.workspace.loaded(id), &file.content) {
            (Some(loaded), _) => {
                self.note(Input::File(id));
                Loaded::Template(id, loaded.model.template.clone())
            }
            (None, Content::Unreadable(error)) => {
                self.note(Input::File(id));
                Loaded::Unread(format!("{} cannot be read: {error}", short(reference)).into())
            }
            (None, _) => {
                self.missing.borrow_mut().push(path.to_path_buf());
                Loaded::Unread("not read yet".into())
            }
        }
    }

    /// Once for each reference: a module may be used thousands of times.
    fn load_once(&self, from: FileId, reference: &str, part: Part) -> Loaded {
        let key = (from, part);
        let known = self.loaded.borrow();
        if let Some(known) = known.get(&key).and_then(|it| it.get(reference)) {
            return known.clone();
        }
        drop(known);
        let loaded = self.load_for(from, reference, part);
        let mut known = self.loaded.borrow_mut();
        let of_file = known.entry(key).or_default();
        of_file.insert(reference.into(), loaded.clone());
        loaded
    }

    fn load_for(&self, from: FileId, reference: &str, part: Part) -> Loaded {
        match self.workspace.resolve(from, reference) {
            Resolution::File(path) => self.load_path(from, reference, &path, part),
            Resolution::Absent(known, path) => {
                // What is not there is an input too: it may appear.
                if let Some(path) = path {
                    self.note(Input::Absent(path));
                }
                known
            }
        }
    }

    /// Whether `from` refers to this for its values only, so that it matters though it deploys nothing.
    fn is_library(&self, from: FileId, reference: &str) -> bool {
        let Some(loaded) = self.workspace.loaded(from) else {
            return false;
        };
        let mut references = loaded.summary.references.iter();
        references.any(|(kind, text)| *kind != ReferenceKind::Module && **text == *reference)
    }
}

impl Files for View<'_> {
    fn load(&self, from: FileId, reference: &str) -> Loaded {
        self.load_once(from, reference, Part::Resources)
    }

    fn load_outputs(&self, from: FileId, reference: &str) -> Loaded {
        self.load_once(from, reference, Part::Outputs)
    }

    fn text(&self, from: FileId, path: &str) -> Option<(FileId, Arc<str>)> {
        let folder = self.workspace.file(from).path.parent()?.to_path_buf();
        let path = match disk::find(&folder, path) {
            Ok(path) => path,
            Err(_) => disk::joined(&folder, path)?,
        };
        let Some(id) = self.workspace.id(&path) else {
            self.missing.borrow_mut().push(path);
            return None;
        };
        self.note(Input::Text(id));
        let text = self.workspace.loaded_text(id)?;
        Some((id, text))
    }

    fn bytes(&self, from: FileId, path: &str) -> Option<Vec<u8>> {
        let (id, text) = self.text(from, path)?;
        let file = self.workspace.file(id);
        match file.document {
            Some(_) => Some(text.as_bytes().to_vec()),
            None => disk::read_bytes(&file.path).ok(),
        }
    }

    fn files_in(&self, from: FileId, path: &str) -> Option<Vec<String>> {
        let here = self.workspace.file(from).path.parent()?;
        let folder = disk::joined(here, path)?;
        let names = disk::names_in(&folder);
        self.note(Input::Listed(folder.clone(), names.clone()));
        let common = here.components().zip(folder.components());
        let common = common.take_while(|(one, other)| one == other).count();
        let up = here.components().skip(common).map(|_| "..".to_owned());
        let down = folder.components().skip(common);
        let down = down.map(|part| part.as_os_str().to_string_lossy().into_owned());
        let parts: Vec<String> = up.chain(down).collect();
        let files = names
            .into_iter()
            .filter(|name| disk::is_file(&folder.join(name)));
        let paths = files.map(|name| [&parts[..], &[name]].concat().join("/"));
        disk::is_folder(&folder).then(|| paths.collect())
    }

    fn clouds(&self) -> &[&str] {
        &self.clouds
    }
}

fn short(reference: &str) -> String {
    format!("'{}'", reference.chars().take(120).collect::<String>())
}
