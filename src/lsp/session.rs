//! What requests are answered from: the engine, and what is known of the client.

use std::path::PathBuf;
use std::sync::Arc;

use tower_lsp::ls_types::Uri;

use super::capabilities::Caps;
use super::names::Names;
use super::output::Output;
use super::shown::Shown;
use super::uri::{Named, named};
use crate::analysis::Analysis;

/// The part of the worker's state that requests see.
pub(super) struct Session {
    pub(super) analysis: Analysis,
    pub(super) caps: Caps,
    pub(super) names: Names,
    pub(super) shown: Shown,
    pub(super) output: Arc<Output>,
    /// Folders being scanned.
    pub(super) scanning: usize,
}

impl Session {
    /// The path of a document that the client names in a request.
    pub(super) fn path_of(&self, uri: &Uri) -> Option<PathBuf> {
        match self.names.path(uri) {
            Some(path) => Some(path.to_path_buf()),
            None => match named(uri, "") {
                Named::File(path) | Named::Alone(path) => Some(path),
                Named::Nothing => None,
            },
        }
    }
}
