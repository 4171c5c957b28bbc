//! The URIs of documents: a client sees each under the one that it uses.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tower_lsp::ls_types::Uri;

use super::uri;

/// The client's URI of each document that it ever named; other files get the URI of their path.
#[derive(Debug, Default)]
pub(super) struct Names {
    uris: HashMap<PathBuf, Uri>,
    paths: HashMap<Uri, PathBuf>,
}

impl Names {
    pub(super) fn learn(&mut self, path: PathBuf, uri: Uri) {
        self.paths.insert(uri.clone(), path.clone());
        self.uris.insert(path, uri);
    }

    /// The URI of a file.
    pub(super) fn uri(&self, path: &Path) -> Option<Uri> {
        match self.uris.get(path) {
            Some(uri) => Some(uri.clone()),
            None => uri::uri_of(path),
        }
    }

    /// The path of a document that was opened under this URI.
    pub(super) fn path(&self, uri: &Uri) -> Option<&Path> {
        self.paths.get(uri).map(PathBuf::as_path)
    }
}
