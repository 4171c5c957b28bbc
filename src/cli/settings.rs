//! `check --show-config FILE`: the settings in force for a file, and where each is set.

use std::path::Path;

use super::paths::{Base, argument};
use super::terminal::{Outcome, print};
use crate::analysis::Analysis;
use crate::workspace::disk;

/// Prints each setting, its value and the file that set it.
pub(crate) fn show(analysis: &mut Analysis, file: &Path, base: &Base) -> Outcome {
    let path = argument(file);
    if !disk::is_file(&path) && !disk::is_folder(&path) {
        return Err(format!("{}: does not exist", base.relative(&path)));
    }
    let settings = analysis.settings(&path);
    let mut out = format!("{}\n", base.relative(&path));
    let widest = settings.origins.iter().map(|(name, ..)| name.len()).max();
    for (name, value, origin) in &settings.origins {
        let origin = match Path::new(origin).is_absolute() {
            true => base.relative(Path::new(origin)),
            false => origin.clone(),
        };
        let width = widest.unwrap_or(0);
        out.push_str(&format!("  {name:width$} = {value}  ({origin})\n"));
    }
    Ok(print(out))
}
