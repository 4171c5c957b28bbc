//! Recomputes everything that changes have affected: reparse documents, load relevant files, evaluate, check, report.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use super::deployments::Key;
use super::scan::in_parallel;
use super::{Analysis, Cancel, FileReport};
use crate::model::{FileId, FileKind};
use crate::workspace::files::{Content, Workspace};
use crate::workspace::graph::Rooted;
use crate::workspace::relevance::{ReferenceKind, Relevance};
use crate::workspace::view::Input;

/// Templates counted, files loaded and files reported between two looks at whether the refresh was cancelled: none of them
/// takes more than a few milliseconds.
const BATCH: usize = 256;

impl Analysis {
    /// Brings everything up to date and returns the reports that changed since the last call, and those of documents
    /// that were opened or edited since (even when equal: editors drop answers to old versions). Files that have
    /// nothing to show any more come with an empty list once. Stops early when cancelled (what is done stays done).
    ///
    /// While work is left from before, a call answers for the documents that were just edited alone, so that what is
    /// typed never waits for a scan: call again while [`is_pending`](Self::is_pending).
    pub fn refresh(&mut self, cancel: &Cancel) -> Vec<FileReport> {
        let mut due = self.update(cancel);
        for path in &self.open_configs {
            self.workspace.settings(path);
        }
        let problems = self.workspace.configs().problems();
        if problems != self.config_problems {
            let old = std::mem::replace(&mut self.config_problems, problems);
            let all = old.iter().chain(&self.config_problems);
            due.extend(all.map(|problem| self.workspace.intern(&problem.path)));
        }
        self.report_files(due)
    }

    /// Whether work is left that the last refresh did not get to.
    pub fn is_pending(&self) -> bool {
        !(self.edited.is_empty()
            && self.backlog.is_empty()
            && self.to_load.is_empty()
            && !self.workspace.stale_relevance
            && self.changed.is_empty()
            && self.pending.is_empty()
            && self.renamed.is_empty()
            && self.deployments.is_up_to_date())
    }

    /// Returns the files whose reports are due.
    fn update(&mut self, cancel: &Cancel) -> BTreeSet<FileId> {
        let waiting = std::mem::take(&mut self.pending);
        let documents = self.reparse_edited();
        if self.behind && !documents.is_empty() {
            self.update_deployments_of(&documents);
            return std::mem::replace(&mut self.pending, waiting);
        }
        let typed = self.pending.clone();
        self.pending.extend(waiting);
        self.behind = true;
        if !self.update_everything(&documents, cancel) {
            self.update_deployments_of(&documents);
            return typed;
        }
        let mut due = match self.pending.iter().nth(BATCH).copied() {
            Some(next) => {
                let later = self.pending.split_off(&next);
                std::mem::replace(&mut self.pending, later)
            }
            None => std::mem::take(&mut self.pending),
        };
        // Their answer is awaited, however many come before them.
        for id in typed {
            self.pending.remove(&id);
            due.insert(id);
        }
        self.behind = !self.pending.is_empty();
        due
    }

    /// Whether it was not cancelled.
    fn update_everything(&mut self, documents: &BTreeSet<FileId>, cancel: &Cancel) -> bool {
        self.work_scans_in(cancel);
        self.load_what_matters(cancel);
        self.pair_parameter_files(documents, cancel);
        self.load_what_matters(cancel);
        self.recount_changed(cancel);
        if !cancel.is_cancelled() {
            let dirty: Vec<_> = self.deployments.dirty.iter().copied().collect();
            self.evaluate(dirty, cancel);
            self.check_all(cancel);
            self.workspace.memo.sweep();
        }
        !cancel.is_cancelled()
    }

    /// Evaluates and checks what these documents deploy as entry points, and the deployments that report something about
    /// them: what they found before has no place in the present text.
    fn update_deployments_of(&mut self, documents: &BTreeSet<FileId>) {
        let mut templates = documents.clone();
        for id in documents {
            if self.workspace.propagate_to(*id) {
                self.deployments.touch_file(*id);
            }
            templates.extend(targets(&self.workspace, *id));
        }
        self.recount(templates, &mut Rooted::default());
        let checked_files = &self.deployments.checked_files;
        let about = documents.iter().filter_map(|id| checked_files.get(id));
        let about: BTreeSet<Key> = about.flatten().copied().collect();
        let of_documents = |key: &&Key| documents.contains(&key.0) || about.contains(*key);
        let dirty = self.deployments.dirty.iter().filter(of_documents);
        self.evaluate(dirty.copied().collect(), &Cancel::default());
        let unchecked = self.deployments.unchecked.iter().filter(of_documents);
        for key in unchecked.copied().collect::<Vec<_>>() {
            self.check(key);
        }
    }

    /// Parses and lowers what was edited. Returns the documents that were.
    fn reparse_edited(&mut self) -> BTreeSet<FileId> {
        let edited = std::mem::take(&mut self.edited);
        for &id in &edited {
            self.deployments.touch(&Input::Text(id));
            if self.workspace.reparse(id) {
                self.changed_meaning(id);
            }
            self.repoint(id);
        }
        edited
    }

    /// The content of a file has changed: its edges, its relevance, and everything that looked at it.
    pub(super) fn changed_meaning(&mut self, id: FileId) {
        let references = self
            .workspace
            .loaded(id)
            .map(|loaded| loaded.summary.references.clone())
            .unwrap_or_default();
        let targets = self.workspace.set_edges(id, &references);
        self.changed.insert(id);
        self.deployments.touch(&Input::File(id));
        self.follow(id);
        for target in targets {
            self.changed.insert(target);
        }
    }

    /// Looks at the bytes of a file on disk, unless that was done, and at those of the files that it leads to.
    pub(super) fn prefilter(&mut self, id: FileId) {
        self.prefilter_one(id);
        self.follow(id);
    }

    /// Whether the file was not looked at before.
    fn prefilter_one(&mut self, id: FileId) -> bool {
        let file = self.workspace.file(id);
        let unseen = matches!(file.content, Content::Unseen) && file.document.is_none();
        if unseen {
            let references = self.workspace.prefilter(id);
            self.connect(id, references);
        }
        unseen
    }

    /// Looks at unseen files that edges lead to.
    pub(super) fn follow(&mut self, from: FileId) {
        let mut queue = vec![from];
        while let Some(id) = queue.pop() {
            let edges = self.workspace.file(id).edges.iter();
            let targets: Vec<FileId> = edges.filter_map(|edge| edge.file).collect();
            queue.extend(
                targets
                    .into_iter()
                    .filter(|target| self.prefilter_one(*target)),
            );
        }
    }

    /// Gives a file that was only prefiltered the edges that its literals suggest.
    pub(super) fn connect(&mut self, id: FileId, references: Vec<Box<str>>) {
        let kind = match self.workspace.file(id).kind {
            FileKind::BicepParams => ReferenceKind::Using,
            _ => ReferenceKind::Module,
        };
        let references: Vec<_> = references
            .into_iter()
            .map(|text| (kind, text.into()))
            .collect();
        let targets = self.workspace.set_edges(id, &references);
        self.changed.extend(targets);
    }

    /// Brings the relevance of files up to date: what has become relevant is to be loaded, and what read a file whose
    /// relevance changed is to be evaluated again.
    pub(super) fn propagate(&mut self) {
        if !self.workspace.stale_relevance {
            return;
        }
        for id in self.workspace.propagate() {
            self.changed.insert(id);
            self.deployments.touch_file(id);
        }
        let holds = self.workspace.files().filter(|(id, file)| {
            // What Bicep generated is read only where something deploys it: its source deploys the same.
            file.relevance == Relevance::Holds
                && file.document.is_none()
                && matches!(file.content, Content::Prefiltered(_))
                && !self.workspace.is_artifact(*id)
        });
        let holds: Vec<FileId> = holds.map(|(id, _)| id).collect();
        self.to_load.extend(holds);
    }

    /// Loads the files that can matter, and those that these turn out to lead to.
    fn load_what_matters(&mut self, cancel: &Cancel) {
        self.propagate();
        while !self.to_load.is_empty() && !cancel.is_cancelled() {
            let batch = self.to_load.iter().copied().take(BATCH).collect();
            self.to_load = match self.to_load.iter().nth(BATCH).copied() {
                Some(next) => self.to_load.split_off(&next),
                None => BTreeSet::new(),
            };
            self.load(batch, cancel);
            if self.to_load.is_empty() {
                self.propagate();
            }
        }
    }

    /// Loads files that evaluation needed, whatever they are.
    pub(super) fn demand(&mut self, paths: BTreeSet<PathBuf>) {
        let mut ids = BTreeSet::new();
        for path in paths {
            let id = self.workspace.intern(&path);
            self.prefilter(id);
            if matches!(self.workspace.file(id).content, Content::Prefiltered(_)) {
                // Several paths may lead to one file.
                ids.insert(id);
            }
        }
        self.load(ids.into_iter().collect(), &Cancel::default());
    }

    /// Loads files in parallel. Those that a cancelled call did not get to are to be loaded still.
    pub(super) fn load(&mut self, mut ids: Vec<FileId>, cancel: &Cancel) {
        let workspace = &self.workspace;
        ids.retain(|id| {
            let file = workspace.file(*id);
            file.document.is_none() && matches!(file.content, Content::Prefiltered(_))
        });
        let read = |id| {
            let file = workspace.file(id);
            workspace.work.parsed.fetch_add(1, Ordering::Relaxed);
            workspace.load(&file.path, file.kind)
        };
        let results = self.read_all(&ids, cancel, &read);
        self.to_load.extend(ids.iter().skip(results.len()));
        for (id, result) in results {
            self.workspace.take_loaded(id, result);
            self.changed_meaning(id);
        }
    }

    /// Reads files, in parallel; the first ones alone if it is cancelled.
    pub(super) fn read_all<T: Send>(
        &self,
        ids: &[FileId],
        cancel: &Cancel,
        read: &(dyn Fn(FileId) -> T + Sync),
    ) -> Vec<(FileId, T)> {
        let read = |id: &FileId| {
            self.workspace.work.read.fetch_add(1, Ordering::Relaxed);
            (*id, read(*id))
        };
        in_parallel(&self.workspace.options, ids, cancel, &read)
    }

    /// Decides again which deployments there are, for the templates that changes may have made or unmade entry points.
    fn recount_changed(&mut self, cancel: &Cancel) {
        let mut rooted = Rooted::default();
        let mut counted = BTreeSet::new();
        while !cancel.is_cancelled() {
            for _ in 0..BATCH {
                let Some(id) = self.changed.pop_first() else {
                    return;
                };
                let around = targets(&self.workspace, id).chain([id]);
                let around: Vec<FileId> = around.filter(|it| counted.insert(*it)).collect();
                self.recount(around, &mut rooted);
            }
        }
    }
}

/// The files whose deployments depend on what a file is: those it leads to, and the source of what Bicep generated, which
/// is deployed with the values that are there for either; of a source what was generated from it, which is not checked.
fn targets(workspace: &Workspace, id: FileId) -> impl Iterator<Item = FileId> {
    let file = workspace.file(id);
    let targets = file.edges.iter().filter_map(|edge| edge.file);
    let json = matches!(
        file.kind,
        FileKind::ArmTemplate | FileKind::ArmParameters | FileKind::Other
    );
    let source = json.then(|| workspace.source_of(&file.path)).flatten();
    let bicep = file.kind == FileKind::Bicep;
    let generated = bicep
        .then(|| workspace.json_beside(id))
        .into_iter()
        .flatten();
    targets.chain(source).chain(generated)
}
