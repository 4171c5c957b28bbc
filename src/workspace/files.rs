//! The table of files: the state of each, with open buffers over disk.
//!
//! A file is *prefiltered* (its bytes are searched, see [`prefilter`](super::prefilter)) when it is found, and *loaded*
//! (parsed and lowered) only when it matters; most never are. Trees are kept for open documents only.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dashmap::DashMap;
use rustc_hash::{FxBuildHasher, FxHashMap};
use tree_sitter::Tree;

use super::config::{Configs, Options, Settings};
use super::discover::Ignored;
use super::disk::{self, DiskError, FileText, Stamp};
use super::graph::Edge;
use super::identity::Names;
use super::memo::Memo;
use super::parameters::Pairing;
use super::prefilter::{PatternHits, Prefilter, kind_of};
use super::relevance::{ReferenceKind, Relevance, Summary, summarize, summarize_alike};
use crate::model::lower_arm::{arm_kind, lower_arm};
use crate::model::lower_bicep::lower_bicep;
use crate::model::lower_parameters::lower_parameters;
use crate::model::{FileId, FileKind, FileModel, Item, Template};
use crate::syntax;
use crate::text::{Document, Encoding, Source, Span, TextChange};

/// What is known of a file's content on disk.
#[derive(Debug, Clone)]
pub enum Content {
    /// Not looked at yet.
    Unseen,
    /// It cannot be read.
    Unreadable(DiskError),
    /// Its bytes were looked at.
    Prefiltered(Prefiltered),
    /// It was parsed and lowered.
    Loaded(LoadedFile),
}

/// The flags of [`PatternHits`]; its references have become edges of the graph.
#[derive(Debug, Clone, Copy, Default)]
pub struct Prefiltered {
    /// What its bytes may hold, by themselves.
    pub relevance: Relevance,
    /// It may be a parameter file in JSON.
    pub values: bool,
}

/// A file, parsed and lowered.
#[derive(Debug, Clone)]
pub struct LoadedFile {
    /// Its content and where.
    pub model: FileModel,
    /// What of it can matter.
    pub summary: Summary,
    /// The first few syntax errors.
    pub errors: Errors,
    /// Some of it does not parse, and its bytes name what a rule needs: that may be there.
    pub uncertain: bool,
}

impl LoadedFile {
    /// What it holds by itself.
    pub(crate) fn relevance(&self) -> Relevance {
        match self.uncertain {
            true => self.summary.relevance.max(Relevance::Uncertain),
            false => self.summary.relevance,
        }
    }
}

/// A document that an editor holds open.
#[derive(Debug)]
pub struct OpenDocument {
    /// Its text and version.
    pub document: Document,
    /// Its tree, with all edits so far applied; `None` until first parsed.
    pub tree: Option<Tree>,
    /// The text changed since it was parsed and lowered.
    pub stale: bool,
    /// Its content when it was last parsed.
    pub loaded: Option<LoadedFile>,
}

/// One file.
#[derive(Debug)]
pub struct File {
    /// Absolute path; for documents that are not files their URI.
    pub path: Arc<Path>,
    /// The names under which it is open.
    pub opened: Vec<Arc<Path>>,
    /// Its language; for JSON a guess until it is loaded.
    pub kind: FileKind,
    /// Found in a workspace folder, open, or named by the user: may be an entry point.
    pub listed: bool,
    /// What the disk holds.
    pub content: Content,
    /// What the disk showed when `content` was read; `None` where no file was there.
    pub stamp: Option<Stamp>,
    /// What the editor holds, which wins.
    pub document: Option<Box<OpenDocument>>,
    /// What it refers to.
    pub edges: Vec<Edge>,
    /// Who refers to it: kept in step with the edges of all files. Sorted.
    pub users: Vec<(FileId, ReferenceKind)>,
    /// The most that it, or a file it leads to, holds.
    pub relevance: Relevance,
    /// JSON that Bicep generated.
    pub generated: bool,
}

/// What the bytes of a file show, and its state on disk at that time; an error where it cannot be read.
pub type Seen = Result<(PatternHits, Stamp), DiskError>;

/// Counts of work, for tests and `preflight/status`. Atomic since evaluation runs on several threads.
#[derive(Debug, Default)]
#[allow(missing_docs, reason = "the names of the variants say it")]
pub struct Work {
    pub parsed: AtomicU64,
    pub read: AtomicU64,
}

/// The table.
#[derive(Debug)]
pub struct Workspace {
    pub(crate) files: Vec<File>,
    pub(crate) names: Names,
    pub(crate) folders: Vec<PathBuf>,
    /// Items lowered before, by the hash of their text.
    pub memo: Memo,
    pub(crate) prefilter: &'static Prefilter,
    pub(crate) options: Options,
    configs: Mutex<Configs>,
    /// Settings by folder of the file, and its workspace folder.
    settings: DashMap<PathBuf, Arc<Settings>, FxBuildHasher>,
    /// Up to where rule files are looked for, by workspace folder.
    config_roots: DashMap<PathBuf, PathBuf, FxBuildHasher>,
    /// Something changed that relevance depends on.
    pub(crate) stale_relevance: bool,
    /// Parameters files whose template, by their name, was not there.
    pub(crate) orphans: BTreeSet<FileId>,
    /// Files that may be parameter files in JSON and neither name a template nor are named like one.
    pub(crate) unnamed: BTreeSet<FileId>,
    /// Those of them whose parameters were compared with the templates around, with the result.
    pub(crate) paired: FxHashMap<FileId, Pairing>,
    /// What git ignores.
    pub(crate) ignored: Ignored,
    /// Texts on disk that evaluation read.
    texts: DashMap<FileId, Option<Arc<str>>, FxBuildHasher>,
    /// Counts.
    pub work: Work,
}

/// What people call the template that they generate from a `main.bicep`.
const RENAMED: [&str; 2] = ["azuredeploy", "mainTemplate"];

impl Workspace {
    /// An empty table.
    pub fn new(prefilter: &'static Prefilter, options: Options) -> Self {
        Workspace {
            files: Vec::new(),
            names: Names::default(),
            folders: Vec::new(),
            memo: Memo::default(),
            prefilter,
            options,
            configs: Mutex::default(),
            settings: DashMap::default(),
            config_roots: DashMap::default(),
            ignored: Ignored::default(),
            stale_relevance: false,
            orphans: BTreeSet::new(),
            unnamed: BTreeSet::new(),
            paired: FxHashMap::default(),
            texts: DashMap::default(),
            work: Work::default(),
        }
    }

    /// Adds a file to the table.
    pub(crate) fn add(&mut self, path: Arc<Path>) -> FileId {
        let id = FileId(self.files.len() as u32);
        self.files.push(File {
            kind: kind_of(&path),
            path,
            opened: Vec::new(),
            listed: false,
            content: Content::Unseen,
            stamp: None,
            document: None,
            edges: Vec::new(),
            users: Vec::new(),
            relevance: Relevance::Nothing,
            generated: false,
        });
        id
    }

    /// A file.
    pub fn file(&self, id: FileId) -> &File {
        &self.files[id.0 as usize]
    }

    pub(crate) fn file_mut(&mut self, id: FileId) -> &mut File {
        &mut self.files[id.0 as usize]
    }

    /// All files.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &File)> {
        self.files
            .iter()
            .enumerate()
            .map(|(n, file)| (FileId(n as u32), file))
    }

    /// The innermost workspace folder that holds a path.
    pub fn folder_of(&self, path: &Path) -> Option<&Path> {
        let holds = self
            .folders
            .iter()
            .filter(|folder| path.starts_with(folder));
        holds
            .max_by_key(|folder| folder.as_os_str().len())
            .map(PathBuf::as_path)
    }

    /// Whether a path belongs to the workspace: what a scan of its folder would find.
    pub fn belongs(&self, path: &Path) -> bool {
        self.folder_of(path)
            .is_some_and(|folder| !self.ignored.covers(folder, path))
    }

    /// Looks at a file's bytes on disk; returns its references.
    pub(crate) fn prefilter(&mut self, id: FileId) -> Vec<Box<str>> {
        let file = self.file_mut(id);
        // What it was when it was last loaded is unrelated to what it is now.
        file.kind = kind_of(&file.path);
        let (path, kind) = (file.path.clone(), file.kind);
        let marks = prefilter_path(self.prefilter, &path, kind);
        self.work.read.fetch_add(1, Ordering::Relaxed);
        self.take_marks(id, marks)
    }

    /// Takes what the bytes of a file showed; returns its references.
    pub(crate) fn take_marks(&mut self, id: FileId, marks: Seen) -> Vec<Box<str>> {
        self.texts.remove(&id);
        self.stale_relevance = true;
        let file = self.file_mut(id);
        match marks {
            Ok((marks, stamp)) => {
                file.stamp = Some(stamp);
                file.content = Content::Prefiltered(Prefiltered {
                    relevance: marks.relevance,
                    values: marks.values,
                });
                file.generated = file.kind == FileKind::ArmTemplate && marks.generated;
                marks.references
            }
            Err(error) => {
                file.stamp = disk::stamp(&file.path);
                file.content = Content::Unreadable(error);
                Vec::new()
            }
        }
    }

    /// Whether a file is open, or was found readable on disk.
    pub fn is_readable(&self, id: FileId) -> bool {
        let file = self.file(id);
        file.document.is_some()
            || matches!(file.content, Content::Prefiltered(_) | Content::Loaded(_))
    }

    /// The content of a file, where it was loaded: the open buffer first.
    pub fn loaded(&self, id: FileId) -> Option<&LoadedFile> {
        let file = self.file(id);
        match (&file.document, &file.content) {
            (Some(document), _) => document.loaded.as_ref(),
            (None, Content::Loaded(loaded)) => Some(loaded),
            _ => None,
        }
    }

    /// The present text of a file: the open buffer over the disk.
    pub fn text(&self, id: FileId) -> Option<Arc<str>> {
        let file = self.file(id);
        match &file.document {
            Some(open) => Some(open.document.text.to_string().into()),
            None => disk::read(&file.path).ok().map(|read| read.text),
        }
    }

    /// The present text of a file that evaluation reads: kept until the file changes.
    pub(crate) fn loaded_text(&self, id: FileId) -> Option<Arc<str>> {
        if self.file(id).document.is_some() {
            return self.text(id);
        }
        let read = || {
            self.work.read.fetch_add(1, Ordering::Relaxed);
            self.text(id)
        };
        self.texts.entry(id).or_insert_with(read).value().clone()
    }

    /// The settings in force for a file.
    pub fn settings(&self, path: &Path) -> Arc<Settings> {
        let folder = path.parent().unwrap_or(path);
        if let Some(known) = self.settings.get(folder) {
            return known.value().clone();
        }
        let root = self.config_root_of(path);
        let read = |path: &Path| self.config_text(path);
        let home = self.folder_of(path);
        let mut of_folders = self.options.folder_overrides.iter();
        let own = of_folders.find(|(folder, _)| home == Some(folder));
        let overrides = own.map_or(&self.options.overrides, |(_, overrides)| overrides);
        let mut settings = self.configs().settings(path, &root, overrides, &read);
        if let Some(cache) = &self.options.cache_root {
            let changed = Arc::make_mut(&mut settings);
            Arc::make_mut(&mut changed.bicep).cache_root = cache.clone();
        }
        self.settings.insert(folder.to_path_buf(), settings.clone());
        settings
    }

    /// Up to where a file's rule file is looked for: the root of the repository, else [`root_of`](Self::root_of).
    pub fn config_root_of(&self, path: &Path) -> PathBuf {
        let root = self.root_of(path);
        if let Some(known) = self.config_roots.get(&root) {
            return known.value().clone();
        }
        let mut folders = root.ancestors();
        let repository = folders.find(|folder| disk::is_there(&folder.join(".git")));
        let found = repository.unwrap_or(&root).to_path_buf();
        self.config_roots.insert(root, found.clone());
        found
    }

    /// The workspace folder of a file, else the working directory, else its own folder.
    pub fn root_of(&self, path: &Path) -> PathBuf {
        let base = self.options.base.as_deref();
        let base = base.filter(|base| path.starts_with(base));
        let root = self.folder_of(path).or(base).or(path.parent());
        root.unwrap_or(path).to_path_buf()
    }

    fn config_text(&self, path: &Path) -> Result<(Arc<str>, Option<Stamp>), DiskError> {
        let open = self.id(path).and_then(|id| self.file(id).document.as_ref());
        match open {
            Some(open) => Ok((open.document.text.to_string().into(), disk::stamp(path))),
            None => disk::read(path).map(|read| (read.text, Some(read.stamp))),
        }
    }

    /// The configuration files read so far.
    pub(crate) fn configs(&self) -> MutexGuard<'_, Configs> {
        self.configs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets all settings (a configuration file changed).
    pub(crate) fn forget_settings(&mut self) {
        self.settings.clear();
        self.config_roots.clear();
    }

    /// JSON that Bicep generated from the `.bicep` beside it (`main.json`, `main.symbolicnames.json`): checked only when
    /// requested by name.
    pub fn is_artifact(&self, id: FileId) -> bool {
        self.is_generated(id) && self.source_of(&self.file(id).path).is_some()
    }

    /// Whether Bicep generated a file.
    pub(crate) fn is_generated(&self, id: FileId) -> bool {
        let file = self.file(id);
        let loaded = self.loaded(id);
        file.kind == FileKind::ArmTemplate
            && loaded.map_or(file.generated, |it| it.model.template.generated)
    }

    /// The Bicep file of the workspace that a generated template would have come from: `main.bicep` of `main.json` and
    /// `main.symbolicnames.json`; of `azuredeploy.json` too, which is what galleries of templates call it.
    pub(crate) fn source_of(&self, path: &Path) -> Option<FileId> {
        let listed = |stem: &Path| {
            let mut source = stem.to_path_buf().into_os_string();
            source.push(".bicep");
            self.id(Path::new(&source))
                .filter(|source| self.file(*source).listed)
        };
        let mut stem = path.with_extension("");
        loop {
            if let Some(source) = listed(&stem) {
                return Some(source);
            }
            if stem.extension().is_none() {
                break;
            }
            stem.set_extension("");
        }
        let name = stem.file_name()?.to_str()?;
        let renamed = RENAMED.iter().any(|other| name.eq_ignore_ascii_case(other));
        renamed
            .then(|| listed(&stem.with_file_name("main")))
            .flatten()
    }

    /// The source of a template that Bicep generated.
    pub(crate) fn source_of_artifact(&self, id: FileId) -> Option<FileId> {
        match self.is_artifact(id) {
            true => self.source_of(&self.file(id).path),
            false => None,
        }
    }

    /// The templates that Bicep generated from a file, by the names that people give parameter files for.
    pub(crate) fn artifacts_of(&self, source: FileId) -> impl Iterator<Item = FileId> + '_ {
        let beside = self.json_beside(source);
        beside.filter(move |id| self.source_of_artifact(*id) == Some(source))
    }

    /// The JSON files that Bicep may have generated from a file, by their names.
    pub(crate) fn json_beside(&self, source: FileId) -> impl Iterator<Item = FileId> + '_ {
        let path = &self.file(source).path;
        let own = path.file_stem().and_then(|stem| stem.to_str());
        let names = own.into_iter().chain(RENAMED);
        names.filter_map(|name| self.id(&path.with_file_name(format!("{name}.json"))))
    }

    // ---- open documents

    /// Opens a document over the disk.
    pub fn open(&mut self, path: &Path, version: i32, text: &str) -> FileId {
        let id = self.intern(path);
        let file = self.file_mut(id);
        // A byte order mark stays: a client that sends one counts it in its columns.
        file.document = Some(Box::new(OpenDocument {
            document: Document::new(text, version),
            tree: None,
            stale: true,
            loaded: None,
        }));
        file.listed = true;
        file.opened.retain(|name| **name != *path);
        file.opened.push(path.into());
        id
    }

    /// Edits an open document; `None` where none is open.
    pub fn edit(
        &mut self,
        path: &Path,
        version: i32,
        changes: &[TextChange],
        encoding: Encoding,
    ) -> Option<FileId> {
        let id = self.id(path)?;
        let open = self.file_mut(id).document.as_deref_mut()?;
        let whole = changes.iter().any(|change| change.range.is_none());
        let edits = open.document.apply(changes, encoding, version);
        open.stale = true;
        match &mut open.tree {
            Some(tree) if !whole => edits.iter().for_each(|edit| syntax::edit(tree, edit)),
            // A text replaced as a whole shares nothing that could be found again cheaply.
            tree => *tree = None,
        }
        Some(id)
    }

    /// Parses and lowers an open document again if it changed. Returns whether it has other content now: comments and
    /// layout do not count.
    pub(crate) fn reparse(&mut self, id: FileId) -> bool {
        let Workspace {
            files,
            memo,
            prefilter,
            work,
            stale_relevance,
            ..
        } = self;
        let file = &mut files[id.0 as usize];
        let Some(open) = file.document.as_deref_mut() else {
            return false;
        };
        if !open.stale {
            return false;
        }
        let text = &open.document.text;
        let parsed = open.tree.is_some() || is_worth_parsing(prefilter, file.kind, &open.document);
        let tree = parsed.then(|| {
            work.parsed.fetch_add(1, Ordering::Relaxed);
            syntax::parse(language_of(file.kind), text, open.tree.as_ref())
        });
        // A file that is no parameters file any more belongs to no template, whatever its name.
        let kind = match &tree {
            Some(tree) => kind_by_content(file.kind, tree, text),
            None if is_json(file.kind) => FileKind::Other,
            None => file.kind,
        };
        let other = std::mem::replace(&mut file.kind, kind) != kind;
        let model = match &tree {
            Some(tree) => lower(file.kind, tree, text, memo),
            None => nothing(file.kind),
        };
        let broken = tree
            .as_ref()
            .is_some_and(|tree| tree.root_node().has_error());
        let uncertain = is_uncertain(prefilter, file.kind, broken, &model, || text.to_string());
        let before = open.loaded.as_ref();
        let changed =
            before.and_then(|before| changed_items(&before.model.template, &model.template));
        let same = changed.as_ref().is_some_and(Vec::is_empty);
        let alike = |(a, b): &(&Item, &Item)| summarize_alike(a, b, prefilter.filter);
        let alike = changed.is_some_and(|items| items.iter().all(alike));
        let summary = match before.filter(|_| alike) {
            Some(before) => before.summary.clone(),
            None => summarize(&model.template, prefilter.filter),
        };
        // What the grammar lets pass is looked for in files on disk alone, since it costs a pass over the text.
        let parsed = tree.as_ref().filter(|_| broken || is_json(file.kind));
        let errors = parsed.map_or_else(Arc::default, |tree| {
            errors_of(tree, text, file.kind, &model)
        });
        let loaded = LoadedFile {
            model,
            summary,
            errors,
            uncertain,
        };
        let relevance = before.map(LoadedFile::relevance);
        *stale_relevance |= relevance != Some(loaded.relevance());
        open.loaded = Some(loaded);
        // Nothing of such a tree can be used again.
        open.tree = tree.filter(|tree| !syntax::parse_aborted(tree, text));
        open.stale = false;
        other || !same
    }

    /// Reads, parses and lowers a file from disk: for any thread.
    pub fn load(&self, path: &Path, kind: FileKind) -> Result<Read, DiskError> {
        let FileText { text, stamp, .. } = disk::read(path)?;
        let mut read = self.load_text(&text, kind, None);
        if read.kind == FileKind::Other
            && let Some(template) = template_of_spec(&text)
        {
            read = self.load_text(&template, FileKind::ArmTemplate, None);
        }
        Ok(Read { stamp, ..read })
    }

    /// Parses and lowers a text. `old` is the tree of a text before it, edited as the text was.
    pub(crate) fn load_text(&self, text: &str, kind: FileKind, old: Option<&Tree>) -> Read {
        let tree = syntax::parse(language_of(kind), text, old);
        let kind = kind_by_content(kind, &tree, text);
        let model = lower(kind, &tree, text, &self.memo);
        let broken = tree.root_node().has_error();
        let uncertain = is_uncertain(self.prefilter, kind, broken, &model, || text.to_owned());
        Read {
            kind,
            stamp: Stamp::default(),
            loaded: LoadedFile {
                summary: summarize(&model.template, self.prefilter.filter),
                errors: errors_of(&tree, text, kind, &model),
                model,
                uncertain,
            },
        }
    }

    /// Takes a file that was loaded from disk on some thread.
    pub(crate) fn take_loaded(&mut self, id: FileId, result: Result<Read, DiskError>) {
        let before = self.own_relevance(id);
        let file = self.file_mut(id);
        match result {
            Ok(read) => {
                file.stamp = Some(read.stamp);
                file.kind = read.kind;
                file.content = Content::Loaded(read.loaded);
            }
            Err(error) => {
                file.stamp = disk::stamp(&file.path);
                file.content = Content::Unreadable(error);
            }
        }
        self.stale_relevance |= self.own_relevance(id) != before;
    }
}

/// Syntax errors with their places.
pub type Errors = Arc<[(Span, String)]>;

/// A file, read, parsed and lowered.
#[derive(Debug)]
pub struct Read {
    /// Its kind by its content.
    pub kind: FileKind,
    /// Its content.
    pub loaded: LoadedFile,
    /// State on disk when it was read.
    pub stamp: Stamp,
}

/// The template inside a restored template spec: the cache holds the resource of one version of it, whose
/// `properties.mainTemplate` is the template. Places in it do not resolve, and nothing in it is
/// ever shown.
fn template_of_spec(text: &str) -> Option<String> {
    memchr::memmem::find(text.as_bytes(), b"mainTemplate")?;
    let resource: serde_json::Value = serde_json::from_str(text).ok()?;
    Some(resource.get("properties")?.get("mainTemplate")?.to_string())
}

/// What does not parse matters where it may hold what a rule needs, and it cannot where the bytes of the file do not
/// name that. The files that the prefilter never lets be parsed are classified so: opening one changes nothing.
fn is_uncertain(
    prefilter: &Prefilter,
    kind: FileKind,
    broken: bool,
    model: &FileModel,
    text: impl FnOnce() -> String,
) -> bool {
    let broken = broken || model.template.items.iter().any(|item| item.broken);
    // JSON of which nothing could be made is no template by what is left of it; it may have been one.
    let kind = match kind {
        FileKind::Other => FileKind::ArmTemplate,
        kind => kind,
    };
    broken && {
        let hits = prefilter.inspect(kind, text().as_bytes());
        hits.relevance > Relevance::Nothing
    }
}

/// The grammar a kind of file is parsed with.
pub fn language_of(kind: FileKind) -> &'static tree_sitter::Language {
    match kind {
        FileKind::Bicep | FileKind::BicepParams => syntax::bicep(),
        FileKind::ArmTemplate | FileKind::ArmParameters | FileKind::Other => syntax::json(),
    }
}

/// The kind of a file that has this kind by its name: that of JSON depends on its content.
pub(crate) fn kind_by_content<S: Source + ?Sized>(
    kind: FileKind,
    tree: &Tree,
    text: &S,
) -> FileKind {
    match is_json(kind) {
        true => arm_kind(tree, text),
        false => kind,
    }
}

pub(crate) fn lower<S: Source + ?Sized>(
    kind: FileKind,
    tree: &Tree,
    text: &S,
    memo: &Memo,
) -> FileModel {
    match kind {
        FileKind::Bicep | FileKind::BicepParams => lower_bicep(kind, tree, text, memo),
        FileKind::ArmTemplate => lower_arm(tree, text, memo),
        FileKind::ArmParameters => lower_parameters(tree, text, memo),
        FileKind::Other => nothing(kind),
    }
}

/// The content of a file that is neither a template nor a parameter file.
fn nothing(kind: FileKind) -> FileModel {
    let template = Template {
        kind,
        scope: None,
        generated: false,
        items: Box::new([]),
    };
    FileModel {
        template: template.into(),
        spans: Box::new([]),
    }
}

/// Whether a document can be any of ours. Editors open all JSON here, and the tree of a large file costs more than a
/// hundred times its text; a file that size is looked through first, as files on disk are, and one that would not be
/// read from disk is not parsed either.
fn is_worth_parsing(prefilter: &Prefilter, kind: FileKind, document: &Document) -> bool {
    const LARGE: u64 = 1 << 20;
    let length = document.text.len_bytes() as u64;
    if length > disk::MAX_FILE {
        return false;
    }
    if length < LARGE || !is_json(kind) {
        return true;
    }
    let text = document.text.to_string();
    let hits = prefilter.inspect(FileKind::ArmTemplate, text.as_bytes());
    hits.candidate
}

fn is_json(kind: FileKind) -> bool {
    matches!(
        kind,
        FileKind::ArmTemplate | FileKind::ArmParameters | FileKind::Other
    )
}

fn errors_of<S: Source + ?Sized>(
    tree: &Tree,
    text: &S,
    kind: FileKind,
    model: &FileModel,
) -> Errors {
    if tree.root_node().has_error() || kind.dialect().is_some() {
        let errors = syntax::file_errors(tree, text, kind.dialect()).into_iter();
        return errors.map(|error| (error.span, error.message)).collect();
    }
    let mut items = model.template.items.iter().zip(&model.spans);
    match items.find(|(item, _)| item.broken) {
        Some((_, (start, _))) if is_json(kind) => {
            let message = "nested in more than 64 objects and arrays".to_owned();
            Arc::new([(Span::new(*start, *start), message)])
        }
        _ => Arc::default(),
    }
}

/// Looks at the bytes of a file on disk.
pub fn prefilter_path(prefilter: &Prefilter, path: &Path, kind: FileKind) -> Seen {
    thread_local! {
        /// Used for one file after the other: fresh memory for each would cost more than the reading.
        static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    const KEPT: usize = 8 << 20;
    let mut bytes = BUFFER.take();
    let marks =
        disk::read_into(path, &mut bytes).map(|stamp| (prefilter.inspect(kind, &bytes), stamp));
    if bytes.capacity() <= KEPT {
        BUFFER.set(bytes);
    }
    marks
}

/// The items that are different in two templates, whatever their comments and layout; `None` where more than that is
/// different.
fn changed_items<'t>(a: &'t Template, b: &'t Template) -> Option<Vec<(&'t Item, &'t Item)>> {
    let alike = (a.kind, a.scope, a.generated) == (b.kind, b.scope, b.generated)
        && a.items.len() == b.items.len();
    let items = a.items.iter().zip(&b.items);
    let changed = items.filter(|(a, b)| (a.hash, a.broken) != (b.hash, b.broken));
    alike.then(|| changed.map(|(a, b)| (&**a, &**b)).collect())
}
