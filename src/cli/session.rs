//! An analysis for a command: folders scanned, and everything looked at before it is asked.

use std::path::PathBuf;

use super::progress::Progress;
use crate::analysis::{Analysis, Cancel, Options, scan};

/// An analysis of these workspace folders, scanned and not yet evaluated.
pub(super) fn scanned(folders: &[PathBuf], options: &Options) -> Analysis {
    let mut analysis = Analysis::new(options.clone());
    analysis.set_folders(folders);
    let progress = Progress::start();
    for folder in folders {
        let step = |done, total| progress.step("reading", done, total);
        analysis.install(scan(folder, options, &Cancel::default(), &step));
    }
    progress.done();
    analysis
}

/// Brings the analysis up to date.
pub(super) fn settle(analysis: &mut Analysis) {
    loop {
        analysis.refresh(&Cancel::default());
        if !analysis.is_pending() {
            return;
        }
    }
}
