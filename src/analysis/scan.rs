//! Reads and prefilters every file of a folder. It uses no state of the engine, so it runs on any thread.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Cancel, Options, PREFILTER};
use crate::workspace::discover::{Limits, discover};
use crate::workspace::disk;
use crate::workspace::files::{Seen, prefilter_path};
use crate::workspace::prefilter::kind_of;

/// Lowering and evaluation recurse over what users wrote, to a bounded depth; this much stack holds it in debug builds too.
const STACK: usize = 16 << 20;

/// The result of scanning a folder; made on any thread by [`scan`], handed to [`super::Analysis::install`].
#[derive(Debug, Default)]
pub struct Scan {
    /// The folder.
    pub root: PathBuf,
    /// The files in it.
    pub(super) files: Vec<(PathBuf, Seen)>,
    /// What could not be walked.
    pub(super) problems: Vec<(PathBuf, String)>,
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
    let look = |path: &PathBuf| {
        let seen = prefilter_path(&PREFILTER, path, kind_of(path));
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(16) || done == total {
            progress(done, total);
        }
        seen
    };
    let seen = in_parallel(options, &found.files, cancel, &look);
    Scan {
        root,
        files: found.files.into_iter().zip(seen).collect(),
        problems: found.problems,
    }
}

/// What `work` makes of each of these, in their order; of the first ones alone if it is cancelled.
pub(super) fn in_parallel<I: Sync, T: Send>(
    options: &Options,
    items: &[I],
    cancel: &Cancel,
    work: &(dyn Fn(&I) -> T + Sync),
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let run = || {
        let mut mine = Vec::new();
        while !cancel.is_cancelled() {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else {
                break;
            };
            mine.push((at, work(item)));
        }
        mine
    };
    let threads = threads(options, items.len());
    let mut all = std::thread::scope(|scope| {
        let thread = || std::thread::Builder::new().stack_size(STACK);
        let spawn = |_| thread().spawn_scoped(scope, run).ok();
        let others: Vec<_> = (1..threads).filter_map(spawn).collect();
        let mut all = run();
        for other in others {
            match other.join() {
                Ok(mut mine) => all.append(&mut mine),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_unstable_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, made)| made).collect()
}

/// How many threads are worth starting for so many pieces of work.
fn threads(options: &Options, pieces: usize) -> usize {
    let worth = pieces.div_ceil(8).max(1);
    let wanted = match options.threads {
        // The machine reads files of its own to answer, so it is asked only where the answer matters.
        0 if worth > 1 => std::thread::available_parallelism().map_or(1, usize::from),
        0 => 1,
        wanted => wanted,
    };
    wanted.min(worth)
}
