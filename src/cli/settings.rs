//! `check --show-config FILE`: the settings in force for a file, and where each is set.

use std::path::Path;

use super::paths::{Base, argument};
use super::terminal::{Outcome, plain_lines, print};
use crate::analysis::Analysis;
use crate::workspace::disk;

/// Prints each setting, its value and the file that set it.
pub(crate) fn show(analysis: &mut Analysis, file: &Path, base: &Base) -> Outcome {
    let path = argument(file);
    if !disk::is_file(&path) && !disk::is_folder(&path) {
        return Err(format!("{}: does not exist", base.relative(&path)));
    }
    let settings = analysis.settings(&path);
    let mut lines = vec![base.relative(&path)];
    let widest = settings.origins.iter().map(|(name, ..)| name.len()).max();
    let width = widest.unwrap_or(0);
    for (name, value, origin) in &settings.origins {
        let origin = match Path::new(origin).is_absolute() {
            true => base.relative(Path::new(origin)),
            false => origin.clone(),
        };
        lines.push(format!("  {name:width$} = {value}  ({origin})"));
    }
    Ok(print(plain_lines(lines)))
}
