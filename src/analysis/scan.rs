//! Reads and prefilters every file of a folder. It uses no state of the engine, so it runs on any thread.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Cancel, Options, PREFILTER};
use crate::workspace::discover::{Limits, discover};
use crate::workspace::disk;
use crate::workspace::files::{Prefiltering, prefilter_path};
use crate::workspace::prefilter::kind_of;

/// The result of scanning a folder; made on any thread by [`scan`], handed to [`super::Analysis::install`].
#[derive(Debug, Default)]
pub struct Scan {
    /// The folder.
    pub root: PathBuf,
    pub(super) prefilter: Prefiltering,
}

/// Walks a folder and looks at the bytes of what it finds. Changes nothing. `progress(done, total)` may be called from
/// any thread. Cancelled, it returns what it has.
pub fn scan(
    root: &Path,
    options: &Options,
    cancel: &Cancel,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Scan {
    let root = disk::normalize(root);
    let found = discover(&root, Limits::default());
    let total = found.files.len();
    let done = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(total));
    let threads = threads(options, total);
    let work = || {
        // Small batches keep the threads evenly busy though files differ a thousandfold in size.
        const BATCH: usize = 16;
        let mut mine = Vec::new();
        loop {
            let start = done.fetch_add(BATCH, Ordering::Relaxed);
            if start >= total || cancel.is_cancelled() {
                break;
            }
            for path in &found.files[start..(start + BATCH).min(total)] {
                mine.push((
                    path.clone(),
                    prefilter_path(&PREFILTER, path, kind_of(path)),
                ));
            }
            progress((start + BATCH).min(total), total);
        }
        if let Ok(mut all) = results.lock() {
            all.append(&mut mine);
        }
    };
    std::thread::scope(|scope| {
        (1..threads).for_each(|_| {
            scope.spawn(work);
        });
        work();
    });
    let mut files = results.into_inner().unwrap_or_default();
    files.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    Scan {
        root,
        prefilter: Prefiltering {
            files,
            problems: found.problems,
        },
    }
}

/// How many threads are worth starting for so many pieces of work.
pub(super) fn threads(options: &Options, pieces: usize) -> usize {
    let worth = pieces.div_ceil(8).max(1);
    let wanted = match options.threads {
        // The machine reads files of its own to answer, so it is asked only where the answer matters.
        0 if worth > 1 => std::thread::available_parallelism().map_or(1, usize::from),
        0 => 1,
        wanted => wanted,
    };
    wanted.min(worth)
}
