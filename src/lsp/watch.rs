//! The globs that a client is asked to watch. Inputs that no client watches are compared with the disk: see
//! [`Analysis::look_again`](crate::analysis::Analysis::look_again).

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tower_lsp::ls_types::{Registration, Unregistration};

use super::capabilities::Caps;
use super::uri::uri_of;

/// Kinds of files that can be an input: templates, configuration, and what `load…Content` functions read.
const KINDS: [&str; 7] = ["bicep", "bicepparam", "json", "jsonc", "yaml", "yml", "txt"];

/// Inputs outside the workspace that a client is asked to watch at most.
const MAX_WATCHERS: usize = 1024;

const METHOD: &str = "workspace/didChangeWatchedFiles";

const INPUTS: &str = "preflight-inputs";

/// Registrations that every client which takes them gets: files in the workspace folders.
pub(super) fn files(caps: &Caps) -> Option<Registration> {
    let glob = format!("**/*.{{{}}}", KINDS.join(","));
    caps.watch.then(|| Registration {
        id: "preflight-watch".to_owned(),
        method: METHOD.to_owned(),
        register_options: Some(json!({"watchers": [{"globPattern": glob}]})),
    })
}

/// The registration for changes of settings.
pub(super) fn settings(caps: &Caps) -> Option<Registration> {
    caps.report_settings.then(|| Registration {
        id: "preflight-settings".to_owned(),
        method: "workspace/didChangeConfiguration".to_owned(),
        register_options: Some(json!({"section": "preflight"})),
    })
}

/// The registration for inputs that [`files`] does not cover, each by a pattern for its name. `None` where there are none.
pub(super) fn inputs(paths: &[PathBuf], folders: &[PathBuf]) -> Option<Registration> {
    let covered = |path: &Path| {
        let kind = path.extension().and_then(|kind| kind.to_str());
        let inside = folders.iter().any(|folder| path.starts_with(folder));
        inside && kind.is_some_and(|kind| KINDS.contains(&kind))
    };
    let watcher = |path: &PathBuf| {
        let name = path.file_name()?.to_string_lossy();
        // What means something in patterns is any character.
        let pattern = name.replace(['*', '?', '[', ']', '{', '}', ',', '!'], "?");
        let base = uri_of(path.parent()?)?;
        Some(json!({"globPattern": {"baseUri": base.as_str(), "pattern": pattern}}))
    };
    let others = paths.iter().filter(|path| !covered(path));
    let watchers: Vec<Value> = others.filter_map(watcher).take(MAX_WATCHERS).collect();
    (!watchers.is_empty()).then(|| Registration {
        id: INPUTS.to_owned(),
        method: METHOD.to_owned(),
        register_options: Some(json!({"watchers": watchers})),
    })
}

/// Takes [`inputs`] back.
pub(super) fn no_inputs() -> Unregistration {
    Unregistration {
        id: INPUTS.to_owned(),
        method: METHOD.to_owned(),
    }
}
