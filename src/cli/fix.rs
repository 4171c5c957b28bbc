//! `check --fix` and `--diff`: one fix after the other in memory, each judged anew, and only then the disk.
//!
//! A fix for one registry often covers the next, so fixes are not collected and applied at once. What is written is
//! written file by file beside the old one and renamed, and not at all if any of the files changed meanwhile.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::check::settle;
use super::diff::unified;
use super::paths::Base;
use crate::analysis::Analysis;
use crate::rules::fix::{Fix, TextEdit};
use crate::text::Span;
use crate::workspace::disk::{self, DiskEncoding, DiskError, Stamp};

/// More fixes than this are not applied in one run.
const MOST: usize = 1_000;

/// Which paid fixes may be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paid {
    /// None.
    None,
    /// Those that turn on this plan.
    Named(String),
    /// All.
    All,
}

impl Paid {
    fn allows(&self, plan: Option<&str>) -> bool {
        match (self, plan) {
            (_, None) | (Paid::All, _) => true,
            (Paid::None, Some(_)) => false,
            (Paid::Named(name), Some(plan)) => name.eq_ignore_ascii_case(plan),
        }
    }
}

/// What becomes of one file.
#[derive(Debug)]
pub struct Change {
    /// Absolute path.
    pub path: PathBuf,
    /// What it was; `None` where it is new.
    pub old: Option<Old>,
    /// What it becomes, without byte order mark.
    pub new: String,
}

/// A file as it was read.
#[derive(Debug)]
pub struct Old {
    text: Arc<str>,
    encoding: DiskEncoding,
    stamp: Stamp,
}

/// What fixing comes to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The files that change, by path.
    pub changes: Vec<Change>,
    /// Titles of paid fixes that were not allowed.
    pub refused: Vec<String>,
}

/// Applies fixes in memory until none is left. The analysis then judges the changed texts.
pub fn apply(analysis: &mut Analysis, paid: &Paid) -> Outcome {
    let mut files: BTreeMap<PathBuf, Change> = BTreeMap::new();
    let mut refused = Vec::new();
    for round in 0..MOST {
        let Some(fix) = next(analysis, paid, &mut refused) else {
            break;
        };
        if !edit(analysis, &mut files, fix, round) {
            break;
        }
        settle(analysis);
    }
    refused.sort();
    refused.dedup();
    Outcome {
        changes: files
            .into_values()
            .filter(|change| {
                change
                    .old
                    .as_ref()
                    .is_none_or(|old| *old.text != *change.new)
            })
            .collect(),
        refused,
    }
}

/// The preferred fix of the first finding that has one that is allowed.
fn next(analysis: &mut Analysis, paid: &Paid, refused: &mut Vec<String>) -> Option<Fix> {
    refused.clear();
    for report in analysis.reports() {
        let everywhere = Span::new(0, u32::MAX);
        let fixes = analysis.fixes(&report.path, everywhere, true);
        for index in 0..report.diagnostics.len() {
            let mut of_finding = fixes.iter().filter(|(of, _)| *of == index);
            // The plan that was named decides between fixes; else the preferred one is taken.
            let chosen = match paid {
                Paid::Named(_) => of_finding
                    .clone()
                    .find(|(_, fix)| fix.paid.is_some() && paid.allows(fix.paid))
                    .or_else(|| of_finding.find(|(_, fix)| fix.preferred)),
                _ => of_finding.find(|(_, fix)| fix.preferred),
            };
            match chosen {
                Some((_, fix)) if paid.allows(fix.paid) => return Some(fix.clone()),
                Some((_, fix)) => refused.push(fix.title.clone()),
                None => {}
            }
        }
    }
    None
}

/// Applies one fix to the texts in memory. False where it cannot be applied.
fn edit(
    analysis: &mut Analysis,
    files: &mut BTreeMap<PathBuf, Change>,
    fix: Fix,
    round: usize,
) -> bool {
    let mut edited = false;
    for file in fix.edits {
        let path = file.path.to_path_buf();
        if !files.contains_key(&path) {
            let old = match disk::read(&path) {
                Ok(read) => Some(Old {
                    text: read.text,
                    encoding: read.encoding,
                    stamp: read.stamp,
                }),
                Err(DiskError::NotFound) if file.create => None,
                Err(_) => return false,
            };
            let new = old.as_ref().map_or("", |old| &old.text).to_owned();
            files.insert(path.clone(), Change { path, old, new });
        }
        let Some(change) = files.get_mut(&*file.path) else {
            return false;
        };
        let Some(text) = replaced(&change.new, &file.edits) else {
            return false;
        };
        edited |= text != change.new;
        let version = i32::try_from(round).unwrap_or(i32::MAX);
        analysis.open(&change.path, version, &text);
        change.new = text;
    }
    edited
}

/// The text with edits applied; none where they do not fit it.
fn replaced(text: &str, edits: &[TextEdit]) -> Option<String> {
    let mut out = String::with_capacity(text.len() + 256);
    let mut at = 0;
    for edit in edits {
        out.push_str(text.get(at..edit.span.start as usize)?);
        out.push_str(&edit.text);
        at = edit.span.end as usize;
    }
    out.push_str(text.get(at..)?);
    Some(out)
}

/// The changes as one diff.
pub fn diff(outcome: &Outcome, base: &Base) -> String {
    let changes = outcome.changes.iter().map(|change| {
        let old = change.old.as_ref().map(|old| &*old.text);
        unified(&base.relative(&change.path), old, &change.new)
    });
    changes.collect()
}

/// Writes the changes, each in the encoding its file had. Nothing is written if any file is not what it was.
pub fn write(outcome: &Outcome) -> Result<(), (PathBuf, String)> {
    for change in &outcome.changes {
        let now = disk::stamp(&change.path);
        if now != change.old.as_ref().map(|old| old.stamp) {
            let words = "changed while it was being fixed: nothing was written";
            return Err((change.path.clone(), words.to_owned()));
        }
    }
    for change in &outcome.changes {
        let written = match &change.old {
            Some(old) => disk::replace(&change.path, &disk::encode(&change.new, old.encoding)),
            None => create(&change.path, &change.new),
        };
        written.map_err(|error| (change.path.clone(), error.to_string()))?;
    }
    Ok(())
}

fn create(path: &Path, text: &str) -> Result<(), DiskError> {
    disk::create_new(path, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_that_do_not_fit_are_refused() {
        let edit = |start, end, text: &str| TextEdit {
            span: Span::new(start, end),
            text: text.to_owned(),
        };
        let text = "aébc";
        assert_eq!(
            replaced(text, &[edit(0, 1, "x"), edit(4, 4, "-")]).as_deref(),
            Some("xéb-c")
        );
        assert_eq!(replaced(text, &[edit(2, 3, "x")]), None);
        assert_eq!(replaced(text, &[edit(9, 9, "x")]), None);
    }
}
