//! Pushed diagnostics, and what the client was last sent.
//!
//! Every edit is answered by a push for its version or a newer one, even if nothing changed: editors drop answers to
//! old versions, and some wait. For files that are not open only what changed is pushed.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHasher;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tower_lsp::ls_types::{Diagnostic, Uri};

use super::capabilities::Caps;
use super::names::Names;
use super::output::Output;
use super::to_proto::diagnostics;
use crate::analysis::FileReport;

/// What the client was last sent for each file, as hashes; files with nothing to show are not in it.
#[derive(Debug, Default)]
pub(super) struct Shown {
    reported: HashMap<Arc<Path>, u64>,
}

#[derive(Serialize)]
struct Publish<'a> {
    uri: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i32>,
    diagnostics: &'a RawValue,
}

/// What is shown where nothing is found.
const NOTHING: &str = "[]";

impl Shown {
    /// Shows reports. Returns whether a client that asks should ask again: something changed in a file that it did not
    /// just edit, and of which it cannot know.
    pub(super) fn show(
        &mut self,
        reports: &[FileReport],
        edited: &BTreeSet<PathBuf>,
        caps: &Caps,
        names: &Names,
        output: &Output,
    ) -> bool {
        let mut again = false;
        for report in reports {
            let Ok(items) = to_raw_value(&diagnostics(report, caps, names)) else {
                continue;
            };
            let hash = hash_of(&items);
            let changed = self.reported.get(&report.path).copied() != hash;
            if caps.pull {
                again |= changed && !edited.contains(&*report.path);
                continue;
            }
            if report.version.is_none() && !changed {
                continue;
            }
            self.record(&report.path, hash);
            if let Some(uri) = names.uri(&report.path) {
                let uri = uri.as_str();
                output.publish(
                    uri,
                    Publish {
                        uri,
                        version: report.version,
                        diagnostics: &items,
                    },
                );
            }
        }
        again
    }

    /// Clears a file's diagnostics under a name that it no longer goes by.
    pub(super) fn take_back(&mut self, path: &Path, uri: &Uri, output: &Output) {
        let nothing = RawValue::from_string(NOTHING.to_owned());
        if let (Some(_), Ok(nothing)) = (self.reported.remove(path), nothing) {
            let uri = uri.as_str();
            output.publish(
                uri,
                Publish {
                    uri,
                    version: None,
                    diagnostics: &nothing,
                },
            );
        }
    }

    pub(super) fn record(&mut self, path: &Arc<Path>, hash: Option<u64>) {
        match hash {
            Some(hash) => _ = self.reported.insert(path.clone(), hash),
            None => _ = self.reported.remove(path),
        }
    }
}

/// `None` for nothing at all.
fn hash_of(items: &RawValue) -> Option<u64> {
    let mut hasher = FxHasher::default();
    hasher.write(items.get().as_bytes());
    (items.get() != NOTHING).then(|| hasher.finish())
}

/// The same before they are serialized, for answers, which the protocol's library serializes.
pub(super) fn hash(items: &[Diagnostic]) -> Option<u64> {
    hash_of(&to_raw_value(items).ok()?)
}
