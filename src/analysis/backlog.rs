//! Enters the files of a scan in batches, so that a keystroke waits for one batch at most.
//!
//! All files are entered before any is connected, since a parameter file belongs to the template whose name is beside
//! its own.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use super::{Analysis, Cancel, Scan};
use crate::model::FileId;
use crate::workspace::files::{Content, Seen};

/// Files dealt with between two looks at whether the refresh was cancelled. Entering one takes about a microsecond,
/// connecting one may ask the file system for each of its references.
const BATCH: usize = 64;

/// What is left of scans.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Files to enter.
    found: VecDeque<(PathBuf, Seen)>,
    /// Files to connect, when all are entered, with the paths in them.
    entered: VecDeque<(FileId, Vec<Box<str>>)>,
    /// Files to connect again after these: a reference led nowhere, or they had no template.
    waiting: BTreeSet<FileId>,
}

impl Backlog {
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty() && self.entered.is_empty() && self.waiting.is_empty()
    }
}

impl Analysis {
    /// Takes over a scan: what it found is worked in by the next calls of [`refresh`](Self::refresh).
    pub fn install(&mut self, scan: Scan) {
        let Scan {
            root,
            files,
            problems,
        } = scan;
        self.scan_problems
            .retain(|(path, _)| !path.starts_with(&root));
        self.scan_problems.extend(problems);
        let unfiltered = self.workspace.options.unfiltered;
        let kept = |seen: &Seen| match seen {
            Ok((hits, _)) => hits.candidate || unfiltered,
            Err(_) => true,
        };
        let files = files.into_iter().filter(|(_, seen)| kept(seen));
        self.backlog.found.extend(files);
        self.behind = true;
    }

    /// Works scans in until nothing is left or the refresh is cancelled.
    pub(super) fn work_scans_in(&mut self, cancel: &Cancel) {
        while !self.backlog.is_empty() && !cancel.is_cancelled() {
            for _ in 0..BATCH {
                if let Some((path, seen)) = self.backlog.found.pop_front() {
                    self.enter(&path, seen);
                    if self.backlog.found.is_empty() {
                        let workspace = &self.workspace;
                        let is_there = |path: &Path| {
                            let id = workspace.id(path);
                            id.is_some_and(|id| workspace.is_readable(id))
                        };
                        let waiting =
                            workspace.waiting(|edge| edge.absent.as_deref().is_some_and(is_there));
                        self.backlog.waiting.extend(waiting);
                    }
                } else if let Some((id, references)) = self.backlog.entered.pop_front() {
                    // The references of an open document are those of its buffer.
                    if self.workspace.loaded(id).is_some() {
                        self.changed_meaning(id);
                    } else {
                        self.connect(id, references);
                        self.follow(id);
                    }
                } else if let Some(id) = self.backlog.waiting.pop_first() {
                    self.reconnect(id);
                }
            }
        }
    }

    fn enter(&mut self, path: &Path, marks: Seen) {
        let id = self.workspace.intern(path);
        let file = self.workspace.file_mut(id);
        if !file.listed {
            file.listed = true;
            self.changed.insert(id);
        }
        let stamp = marks.as_ref().ok().map(|(_, stamp)| *stamp);
        if matches!(file.content, Content::Unseen) {
            let references = self.workspace.take_marks(id, marks);
            self.backlog.entered.push_back((id, references));
        } else if file.document.is_none() && file.stamp != stamp {
            self.disk_changed(&[path.to_path_buf()]);
        }
    }
}
