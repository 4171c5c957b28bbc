//! Noticing what happens on disk: by the client's watching where it can, else by looking.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tower_lsp::ls_types::Registration;

use super::capabilities::Caps;
use crate::analysis::Analysis;
use crate::workspace::disk::{self, Stamp};

/// Patterns of the files that matter.
const GLOBS: [&str; 4] = [
    "**/*.{bicep,bicepparam,json,jsonc}",
    "**/ps-rule.y*ml",
    "**/psrule.y*ml",
    "**/bicepconfig.json",
];

/// Files are not looked at more often than this for a request; opening and saving always look.
const PAUSE: Duration = Duration::from_secs(2);

/// What to ask a client to tell, as far as it can be asked: files that change, and settings.
pub(super) fn registrations(caps: &Caps) -> Vec<Registration> {
    let watchers = GLOBS.map(|glob| json!({"globPattern": glob}));
    let files = Registration {
        id: "preflight-watch".to_owned(),
        method: "workspace/didChangeWatchedFiles".to_owned(),
        register_options: Some(json!({"watchers": Value::from(watchers.to_vec())})),
    };
    let settings = Registration {
        id: "preflight-settings".to_owned(),
        method: "workspace/didChangeConfiguration".to_owned(),
        register_options: Some(json!({"section": "preflight"})),
    };
    let asked = [(caps.watch, files), (caps.tell_settings, settings)];
    let asked = asked.into_iter().filter(|(can, _)| *can);
    asked.map(|(_, registration)| registration).collect()
}

/// How files looked when they were last looked at, for clients that do not watch.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    known: HashMap<PathBuf, Option<Stamp>>,
    looked: Option<Instant>,
}

impl Stamps {
    /// Which of the files that the engine knows look different now. The first look at a file finds nothing. Where it
    /// is not pressing, nothing is looked at twice in short order.
    pub(super) fn changed(&mut self, analysis: &Analysis, pressing: bool) -> Vec<PathBuf> {
        let now = Instant::now();
        if !pressing && self.looked.is_some_and(|before| now - before < PAUSE) {
            return Vec::new();
        }
        self.looked = Some(now);
        let mut changed = Vec::new();
        for path in analysis.files_on_disk() {
            let stamp = disk::stamp(path);
            match self.known.get_mut(path) {
                Some(known) if *known == stamp => {}
                Some(known) => {
                    *known = stamp;
                    changed.push(path.to_path_buf());
                }
                None => _ = self.known.insert(path.to_path_buf(), stamp),
            }
        }
        changed.sort();
        changed
    }
}
