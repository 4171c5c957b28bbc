//! What a client that watches files is asked to watch. Inputs that no client watches are compared with the disk again:
//! see [`Analysis::look_again`](crate::analysis::Analysis::look_again).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tower_lsp::ls_types::{Registration, Unregistration};

use super::capabilities::Caps;
use super::uri::uri_of;

/// Kinds of files that can be an input: templates, configuration, and what `load…Content` functions read.
const KINDS: [&str; 7] = ["bicep", "bicepparam", "json", "jsonc", "yaml", "yml", "txt"];

/// Folders outside the workspace that a client is asked to watch at most.
const MAX_FOLDERS: usize = 256;

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

/// The registration for inputs that [`files`] does not cover: each folder that holds some, with patterns for their
/// names. `None` where there are none.
pub(super) fn inputs(paths: &[PathBuf], folders: &[PathBuf]) -> Option<Registration> {
    let covered = |path: &Path| {
        let kind = path.extension().and_then(|kind| kind.to_str());
        let inside = folders.iter().any(|folder| path.starts_with(folder));
        inside && kind.is_some_and(|kind| KINDS.contains(&kind))
    };
    let mut names: BTreeMap<&Path, Vec<String>> = BTreeMap::new();
    for path in paths.iter().filter(|path| !covered(path)) {
        if let (Some(folder), Some(name)) = (path.parent(), path.file_name()) {
            names
                .entry(folder)
                .or_default()
                .push(pattern(&name.to_string_lossy()));
        }
    }
    let watchers: Vec<Value> = names
        .into_iter()
        .take(MAX_FOLDERS)
        .filter_map(|(folder, names)| {
            let base = uri_of(folder)?;
            let patterns = names.into_iter();
            Some(patterns.map(move |pattern| {
                json!({"globPattern": {"baseUri": base.as_str(), "pattern": pattern}})
            }))
        })
        .flatten()
        .collect();
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

/// A pattern that matches a name: what means something in patterns is any character.
fn pattern(name: &str) -> String {
    name.replace(['*', '?', '[', ']', '{', '}', ',', '!'], "?")
}
