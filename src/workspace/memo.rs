//! The memo of lowered items, by their text, shared by all files and threads.
//!
//! Compiled templates repeat the same registry modules many times; equal items share one `Arc`, which keeps them small in
//! memory. Entries that no file uses are removed from time to time.

use std::hash::BuildHasherDefault;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use dashmap::DashMap;

use crate::model::lower::{ItemMemo, Lowered};

/// The number of insertions before unused entries are looked for, at the least: what is typed and replaced again
/// is forgotten in minutes, not in days.
const SWEEP_AFTER: usize = 256;

/// How many stored texts one insertion pays to look at: a sweep comes when there were enough for all of them.
const LOOKS_PER_INSERTION: usize = 8;

/// The memo of lowered items. Keys are hashes already.
#[derive(Debug, Default)]
pub struct Memo {
    by_text: DashMap<u64, Lowered, BuildHasherDefault<rustc_hash::FxHasher>>,
    inserted: AtomicUsize,
    lowered: AtomicU64,
}

impl ItemMemo for Memo {
    fn find(&self, text: u64) -> Option<Lowered> {
        self.by_text.get(&text).map(|entry| entry.value().clone())
    }

    fn keep(&self, text: u64, lowered: Lowered) -> Lowered {
        self.lowered.fetch_add(1, Ordering::Relaxed);
        self.inserted.fetch_add(1, Ordering::Relaxed);
        self.by_text.insert(text, lowered.clone());
        lowered
    }
}

impl Memo {
    /// How many items were lowered that were not known by their text.
    pub fn lowered(&self) -> u64 {
        self.lowered.load(Ordering::Relaxed)
    }

    /// Drops unused entries, once enough were added.
    pub fn sweep(&self) {
        let threshold = SWEEP_AFTER.max(self.by_text.len() / LOOKS_PER_INSERTION);
        if self.inserted.load(Ordering::Relaxed) < threshold {
            return;
        }
        self.inserted.store(0, Ordering::Relaxed);
        // One holder means that only the memo is left.
        self.by_text
            .retain(|_, lowered| Arc::strong_count(&lowered.spans) > 1);
        self.by_text.shrink_to_fit();
    }
}
