//! Working a scan in, piece by piece: so that a keystroke waits for one piece of it and never for the whole.
//!
//! All files are entered before any is connected, since a parameters file belongs to the template whose name is beside
//! its own; weights are worked out once, after that.

use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;

use super::{Analysis, Cancel, Scan};
use crate::model::FileId;
use crate::workspace::files::{Content, Seen};

/// Files dealt with between two looks at whether somebody is waiting. Entering one takes about a microsecond,
/// connecting one may ask the file system for each of its references.
const PIECE: usize = 64;

/// Files that scans found and that are not processed yet, by their state.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    found: VecDeque<(PathBuf, Seen)>,
    entered: VecDeque<(FileId, Vec<Box<str>>)>,
    /// Files whose references led nowhere, or that had no template, before the files of this scan were known.
    waiting: BTreeSet<FileId>,
    /// From a scan's arrival until a refresh has gone through all that it led to.
    pub(super) open: bool,
}

impl Backlog {
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty() && self.entered.is_empty()
    }
}

impl Analysis {
    /// See [`Analysis::install`].
    pub(super) fn install_later(&mut self, scan: Scan) {
        let Scan { root, prefilter } = scan;
        self.scan_problems
            .retain(|(path, _)| !path.starts_with(&root));
        self.scan_problems.extend(prefilter.problems);
        let unfiltered = self.options.unfiltered;
        let kept = |marks: &Seen| match marks {
            Ok((marks, _)) => marks.candidate || unfiltered,
            Err(_) => true,
        };
        let files = prefilter.files.into_iter().filter(|(_, marks)| kept(marks));
        self.backlog.found.extend(files);
        self.backlog.waiting.extend(&self.workspace.orphans);
        self.backlog.open = true;
    }

    /// Works scans in until nothing is left or somebody is waiting.
    pub(super) fn work_scans_in(&mut self, cancel: &Cancel) {
        while !self.backlog.is_empty() && !cancel.is_cancelled() {
            for _ in 0..PIECE {
                if let Some((path, marks)) = self.backlog.found.pop_front() {
                    self.enter(&path, marks);
                } else if let Some((id, references)) = self.backlog.entered.pop_front() {
                    // An open document knows better than its bytes on disk what it refers to.
                    if self.workspace.loaded(id).is_some() {
                        self.changed_meaning(id);
                    } else {
                        self.connect(id, references);
                        self.follow(id);
                    }
                } else {
                    break;
                }
            }
            if self.backlog.is_empty() {
                self.adopt();
            }
        }
    }

    /// Open documents that are not on disk were met before their templates were.
    fn adopt(&mut self) {
        for id in std::mem::take(&mut self.backlog.waiting) {
            self.reconnect(id);
        }
        let orphans: Vec<_> = self.workspace.orphans.iter().copied().collect();
        for id in orphans {
            if self.workspace.loaded(id).is_some() {
                self.changed_meaning(id);
            }
        }
    }

    fn enter(&mut self, path: &std::path::Path, marks: Seen) {
        let id = self.workspace.intern(path);
        let file = self.workspace.file_mut(id);
        if !file.listed {
            file.listed = true;
            self.changed.insert(id);
        }
        let stamp = marks.as_ref().ok().map(|(_, stamp)| *stamp);
        if matches!(file.content, Content::Unseen) {
            let waiting = self.workspace.missing.remove(path).unwrap_or_default();
            self.backlog.waiting.extend(waiting);
            let references = self.workspace.take_marks(id, marks);
            self.backlog.entered.push_back((id, references));
        } else if file.document.is_none() && file.stamp != stamp {
            self.disk_changed(&[path.to_path_buf()]);
        }
    }
}
