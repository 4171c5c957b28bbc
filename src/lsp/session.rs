//! What requests are answered from: the engine, what is known of the client, and what it was last sent.
//!
//! Every edit is answered by a push for its version or a newer one, even if nothing changed: editors drop answers to
//! old versions, and some wait. Of other files only what changed is pushed.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHasher;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tower_lsp::ls_types::{Diagnostic, Uri};

use super::capabilities::Caps;
use super::output::Output;
use super::state::Shared;
use super::uri;
use crate::analysis::{Analysis, FileReport, Options};

/// The part of the worker's state that requests see.
pub(super) struct Session {
    pub(super) analysis: Analysis,
    pub(super) caps: Caps,
    pub(super) output: Arc<Output>,
    pub(super) state: Shared,
    /// The client's URI of each document that it ever opened; other files have the URI of their path.
    uris: HashMap<PathBuf, Uri>,
    paths: HashMap<Uri, PathBuf>,
    /// What the client was last sent for each file, as hashes; files with nothing to show are not in it.
    shown: HashMap<Arc<Path>, u64>,
}

#[derive(Serialize)]
struct Publish<'a> {
    uri: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i32>,
    diagnostics: &'a RawValue,
}

impl Session {
    pub(super) fn new(state: Shared, options: Options, caps: Caps, output: Arc<Output>) -> Session {
        Session {
            analysis: Analysis::new(options),
            caps,
            output,
            state,
            uris: HashMap::new(),
            paths: HashMap::new(),
            shown: HashMap::new(),
        }
    }

    /// The URI of a file.
    pub(super) fn uri(&self, path: &Path) -> Option<Uri> {
        let known = self.uris.get(path).cloned();
        known.or_else(|| uri::uri_of(path))
    }

    /// The path of a document that the client names in a request.
    pub(super) fn path_of(&self, uri: &Uri) -> Option<PathBuf> {
        let known = self.paths.get(uri).cloned();
        known.or_else(|| uri::path_of(uri, ""))
    }

    /// Calls a file what the client calls it. A file has one name at a time: what was shown under another is taken back.
    pub(super) fn learn(&mut self, path: &Path, uri: Uri) {
        if let Some(before) = self.uri(path).filter(|before| *before != uri)
            && self.shown.remove(path).is_some()
        {
            let nothing = RawValue::from_string("[]".to_owned()).unwrap_or_default();
            self.publish(&before, None, &nothing);
        }
        self.paths.insert(uri.clone(), path.to_path_buf());
        self.uris.insert(path.to_path_buf(), uri);
    }

    /// Shows reports. Returns whether a client that asks should ask again: something changed in a file that it did not
    /// just edit, and of which it cannot know.
    pub(super) fn show(&mut self, reports: &[FileReport], edited: &BTreeSet<PathBuf>) -> bool {
        let mut again = false;
        for report in reports {
            let Ok(items) = to_raw_value(&self.diagnostics(report)) else {
                continue;
            };
            let hash = hash_of(&items);
            let changed = self.shown.get(&report.path).copied() != hash;
            if self.caps.pull {
                again |= changed && !edited.contains(&*report.path);
            } else if edited.contains(&*report.path) || changed {
                self.record(&report.path, hash);
                if let Some(uri) = self.uri(&report.path) {
                    self.publish(&uri, report.version, &items);
                }
            }
        }
        again
    }

    fn publish(&self, uri: &Uri, version: Option<i32>, diagnostics: &RawValue) {
        self.output.notify(
            "textDocument/publishDiagnostics",
            Publish {
                uri: uri.as_str(),
                version,
                diagnostics,
            },
        );
    }

    pub(super) fn record(&mut self, path: &Arc<Path>, hash: Option<u64>) {
        match hash {
            Some(hash) => _ = self.shown.insert(path.clone(), hash),
            None => _ = self.shown.remove(path),
        }
    }
}

/// `None` for nothing at all.
fn hash_of(items: &RawValue) -> Option<u64> {
    let mut hasher = FxHasher::default();
    hasher.write(items.get().as_bytes());
    (items.get() != "[]").then(|| hasher.finish())
}

/// The same before they are serialized, for answers, which the protocol's library serializes.
pub(super) fn hash(items: &[Diagnostic]) -> Option<u64> {
    hash_of(&to_raw_value(items).ok()?)
}
