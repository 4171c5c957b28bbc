//! Bringing everything up to date after changes: settle documents, load what matters, evaluate, check, report.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::scan::threads;
use super::{Analysis, Cancel, FileReport};
use crate::model::{FileId, FileKind};
use crate::workspace::files::{Content, Workspace, load};
use crate::workspace::graph::{EdgeTarget, Rooted};
use crate::workspace::relevance::{ReferenceKind, Weight};
use crate::workspace::view::Input;

/// Templates counted between two looks at whether the refresh was cancelled.
const COUNT_BATCH: usize = 256;

/// Files loaded between two such looks.
const LOAD_BATCH: usize = 1024;

impl Analysis {
    /// See [`Analysis::refresh`].
    pub(super) fn refresh_now(&mut self, cancel: &Cancel) -> Vec<FileReport> {
        let documents = self.settle();
        let behind = !self.backlog.is_empty() || !self.to_load.is_empty();
        if behind && !documents.is_empty() {
            // What is being typed comes first; the rest waits for the next call.
            for id in &documents {
                if self.workspace.weigh_alone(*id) {
                    self.deployments.touch_file(*id);
                }
            }
            self.recount_around(&documents);
            let dirty = self.deployments.dirty.iter();
            let keys = dirty.filter(|key| documents.contains(&key.0));
            let changed = self.evaluate(keys.copied().collect(), cancel);
            self.check(changed.into_iter().collect());
            return self.report_pending();
        }
        self.work_scans_in(cancel);
        self.load_what_matters(cancel);
        self.pair_parameter_files(&documents);
        self.load_what_matters(cancel);
        self.recount_changed(cancel);
        if cancel.is_cancelled() {
            return self.report_pending();
        }
        let dirty: Vec<_> = self.deployments.dirty.iter().copied().collect();
        let changed = self.evaluate(dirty, cancel);
        self.check(changed.into_iter().collect());
        self.workspace.memo.sweep();
        if !cancel.is_cancelled() {
            self.backlog.open = false;
        }
        self.report_pending()
    }

    /// Parses and lowers what was edited. Returns the documents that were.
    fn settle(&mut self) -> BTreeSet<FileId> {
        let edited = std::mem::take(&mut self.edited);
        for &id in &edited {
            self.deployments.touch(&Input::Text(id));
            if self.workspace.settle(id) {
                self.changed_meaning(id);
            }
            self.pending.insert(id);
            self.pending
                .extend(self.pointed_at.get(&id).into_iter().flatten());
        }
        edited
    }

    /// What a file says has changed: its edges, its weight, and everything that looked at it.
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

    /// Reads unseen files that edges lead to.
    pub(super) fn follow(&mut self, from: FileId) {
        let mut seen = vec![from];
        let mut at = 0;
        while let Some(&id) = seen.get(at) {
            at += 1;
            for edge in self.workspace.file(id).edges.clone() {
                let EdgeTarget::File(target) = edge.target else {
                    continue;
                };
                let file = self.workspace.file(target);
                if matches!(file.content, Content::Unseen) && file.document.is_none() {
                    // Whatever comes of it, it is not met unseen again: loops end.
                    let references = self.workspace.prefilter(target);
                    self.connect(target, references);
                    seen.push(target);
                }
            }
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

    /// Weighs the files where something changed that weights stand on: what has gained any is to be loaded, and what read a
    /// file whose weight changed is to be evaluated again.
    pub(super) fn weigh(&mut self) {
        if !self.workspace.unweighed {
            return;
        }
        for id in self.workspace.weigh() {
            self.changed.insert(id);
            self.deployments.touch_file(id);
        }
        let holds = self.workspace.files().filter(|(id, file)| {
            // What Bicep generated is read only where something deploys it: its source says the same.
            file.weight == Weight::Holds
                && file.document.is_none()
                && matches!(file.content, Content::Prefiltered(_))
                && !self.workspace.is_artifact(*id)
        });
        let holds: Vec<FileId> = holds.map(|(id, _)| id).collect();
        self.to_load.extend(holds);
    }

    /// Loads the files that can matter, and those that these turn out to lead to.
    fn load_what_matters(&mut self, cancel: &Cancel) {
        self.weigh();
        while !self.to_load.is_empty() && !cancel.is_cancelled() {
            let batch = self.to_load.iter().copied().take(LOAD_BATCH).collect();
            self.to_load = match self.to_load.iter().nth(LOAD_BATCH).copied() {
                Some(next) => self.to_load.split_off(&next),
                None => BTreeSet::new(),
            };
            self.load(batch, cancel);
            if self.to_load.is_empty() {
                self.weigh();
            }
        }
    }

    /// Loads files that evaluation asked for, whatever they are.
    pub(super) fn demand(&mut self, paths: BTreeSet<PathBuf>) {
        let mut ids = Vec::new();
        for path in paths {
            let id = self.workspace.intern(&path);
            let references = self.workspace.prefilter(id);
            self.connect(id, references);
            self.follow(id);
            if matches!(self.workspace.file(id).content, Content::Prefiltered(_)) {
                ids.push(id);
            }
        }
        self.load(ids, &Cancel::default());
    }

    /// Loads files in parallel. Those that a cancelled call did not get to are to be loaded still.
    pub(super) fn load(&mut self, ids: Vec<FileId>, cancel: &Cancel) {
        let workspace = &self.workspace;
        let read = |id| {
            let file = workspace.file(id);
            workspace.work.parsed.fetch_add(1, Ordering::Relaxed);
            load(&file.path, file.kind, &workspace.memo)
        };
        let (results, left) = self.read_all(ids, cancel, &read);
        self.to_load.extend(left);
        for (id, result) in results {
            self.workspace.take_loaded(id, result);
            self.changed_meaning(id);
        }
    }

    /// Reads files that were only prefiltered, in parallel; in order. Those that a cancelled call did not get to come behind.
    pub(super) fn read_all<T: Send>(
        &self,
        mut ids: Vec<FileId>,
        cancel: &Cancel,
        read: &(dyn Fn(FileId) -> T + Sync),
    ) -> (Vec<(FileId, T)>, Vec<FileId>) {
        let workspace = &self.workspace;
        ids.retain(|id| matches!(workspace.file(*id).content, Content::Prefiltered(_)));
        let next = AtomicUsize::new(0);
        let results = Mutex::new(Vec::with_capacity(ids.len()));
        let work = || {
            while !cancel.is_cancelled()
                && let Some(&id) = ids.get(next.fetch_add(1, Ordering::Relaxed))
            {
                let result = read(id);
                workspace.work.read.fetch_add(1, Ordering::Relaxed);
                if let Ok(mut results) = results.lock() {
                    results.push((id, result));
                }
            }
        };
        let threads = threads(&self.options, ids.len());
        if threads == 1 {
            work();
        } else {
            std::thread::scope(|scope| {
                (1..threads).for_each(|_| {
                    scope.spawn(work);
                });
                work();
            });
        }
        let taken = next.into_inner().min(ids.len());
        let left = ids.split_off(taken);
        let mut results = results.into_inner().unwrap_or_default();
        results.sort_unstable_by_key(|(id, _)| *id);
        (results, left)
    }

    /// Decides anew which deployments there are, for the templates that changes may have made or unmade entry points.
    fn recount_changed(&mut self, cancel: &Cancel) {
        let mut rooted = Rooted::default();
        let mut counted = BTreeSet::new();
        for turn in 1.. {
            let Some(id) = self.changed.first().copied() else {
                return;
            };
            if turn % COUNT_BATCH == 0 && cancel.is_cancelled() {
                return;
            }
            let around = targets(&self.workspace, id).chain([id]);
            let around: Vec<FileId> = around.filter(|it| counted.insert(*it)).collect();
            self.recount(around, &mut rooted);
            self.changed.remove(&id);
        }
    }

    /// The same for some files only.
    fn recount_around(&mut self, files: &BTreeSet<FileId>) {
        let mut templates = files.clone();
        for id in files {
            templates.extend(targets(&self.workspace, *id));
        }
        self.recount(templates, &mut Rooted::default());
    }
}

/// The files whose deployments hang on what a file is: those it leads to, and the source of what Bicep generated, which
/// is deployed with the values that are there for either.
fn targets(workspace: &Workspace, id: FileId) -> impl Iterator<Item = FileId> {
    let file = workspace.file(id);
    let targets = file.edges.iter().filter_map(|edge| match edge.target {
        EdgeTarget::File(target) => Some(target),
        _ => None,
    });
    let json = matches!(
        file.kind,
        FileKind::ArmTemplate | FileKind::ArmParameters | FileKind::Other
    );
    let source = json.then(|| workspace.source_of(&file.path)).flatten();
    targets.chain(source)
}
