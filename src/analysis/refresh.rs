//! Bringing everything up to date after changes: settle documents, load what matters, evaluate, judge, report.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::scan::threads;
use super::{Analysis, Cancel, FileReport};
use crate::model::{FileId, FileKind};
use crate::workspace::files::{Content, load};
use crate::workspace::fingerprint::{ReferenceKind, Weight};
use crate::workspace::graph::EdgeTarget;

/// Files loaded between two looks at whether the refresh was cancelled.
const LOAD_BATCH: usize = 256;

impl Analysis {
    /// See [`Analysis::refresh`].
    pub(super) fn refresh_now(&mut self, cancel: &Cancel) -> Vec<FileReport> {
        let documents = self.settle();
        let backlog = !self.to_load.is_empty();
        if backlog && !documents.is_empty() {
            // What is being typed comes first; the rest waits for the next call.
            let related = |analysis: &Self| {
                let dirty = &analysis.deployments.dirty;
                dirty
                    .iter()
                    .filter(|key| documents.contains(&key.0))
                    .copied()
                    .collect::<Vec<_>>()
            };
            self.recount_changed();
            let keys = related(self);
            let changed = self.evaluate(keys, cancel);
            self.judge(changed.into_iter().collect());
            return self.report_pending();
        }
        while !self.to_load.is_empty() && !cancel.is_cancelled() {
            let rest = self
                .to_load
                .split_off(self.to_load.len().saturating_sub(LOAD_BATCH));
            self.load(rest);
        }
        if cancel.is_cancelled() {
            return self.report_pending();
        }
        self.recount_changed();
        let dirty: Vec<_> = self.deployments.dirty.iter().copied().collect();
        let changed = self.evaluate(dirty, cancel);
        self.judge(changed.into_iter().collect());
        self.workspace.memo.sweep();
        self.report_pending()
    }

    /// Parses and lowers what was edited. Returns the documents that were.
    fn settle(&mut self) -> BTreeSet<FileId> {
        let edited = std::mem::take(&mut self.edited);
        for &id in &edited {
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
        self.deployments.touch(id);
        self.follow(id);
        for target in targets {
            self.changed.insert(target);
        }
    }

    /// Looks at files that edges lead to and nobody has seen, and spreads weight from there.
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
                if matches!(file.content, Content::Unseen)
                    && file.document.is_none()
                    && !seen.contains(&target)
                {
                    let references = self.workspace.sift(target);
                    self.connect(target, references);
                    seen.push(target);
                }
            }
        }
        // Innermost first, so that a chain of modules settles in one pass.
        seen.reverse();
        self.spread(seen);
    }

    /// Gives a file that was only sifted the edges its literals suggest.
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

    /// Spreads weight; what has gained it is to be loaded, what looked at it is to be asked again.
    pub(super) fn spread(&mut self, from: Vec<FileId>) {
        for id in self.workspace.spread_weight(from) {
            self.changed.insert(id);
            self.deployments.touch(id);
            let file = self.workspace.file(id);
            // What Bicep generated is read only where something deploys it: its source says the same.
            if file.weight == Weight::Holds
                && file.document.is_none()
                && matches!(file.content, Content::Sifted(_))
                && !self.workspace.is_artifact(id)
            {
                self.to_load.push(id);
            }
        }
    }

    /// Loads files that evaluation asked for, whatever they are.
    pub(super) fn demand(&mut self, paths: BTreeSet<PathBuf>) {
        let mut ids = Vec::new();
        for path in paths {
            let id = self.workspace.intern(&path);
            let references = self.workspace.sift(id);
            self.connect(id, references);
            self.follow(id);
            if matches!(self.workspace.file(id).content, Content::Sifted(_)) {
                ids.push(id);
            }
        }
        self.load(ids);
    }

    /// Loads files in parallel.
    pub(super) fn load(&mut self, ids: Vec<FileId>) {
        let workspace = &self.workspace;
        let wanted: Vec<_> = ids
            .into_iter()
            .filter(|id| matches!(workspace.file(*id).content, Content::Sifted(_)))
            .map(|id| (id, workspace.file(id).path.clone(), workspace.file(id).kind))
            .collect();
        let next = AtomicUsize::new(0);
        let results = Mutex::new(Vec::with_capacity(wanted.len()));
        let work = || {
            while let Some((id, path, kind)) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
                let result = load(path, *kind, &workspace.memo);
                workspace.work.read.fetch_add(1, Ordering::Relaxed);
                workspace.work.parsed.fetch_add(1, Ordering::Relaxed);
                if let Ok(mut results) = results.lock() {
                    results.push((*id, result));
                }
            }
        };
        let threads = threads(&self.options, wanted.len());
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
        let mut results = results.into_inner().unwrap_or_default();
        results.sort_unstable_by_key(|(id, _)| *id);
        for (id, result) in results {
            self.workspace.take_loaded(id, result);
            self.changed_meaning(id);
        }
    }

    /// Decides anew which deployments there are, for the templates that changes may have made or unmade entry points.
    fn recount_changed(&mut self) {
        let changed = std::mem::take(&mut self.changed);
        let mut templates = changed.clone();
        for id in &changed {
            let file = self.workspace.file(*id);
            templates.extend(file.edges.iter().filter_map(|edge| match edge.target {
                EdgeTarget::File(target) => Some(target),
                _ => None,
            }));
        }
        self.recount(templates);
    }
}
