//! `check --fix` and `--diff`: applies fixes in memory, checks again, and writes the files last.
//!
//! One fix often removes several findings, so a finding's fix is chosen after those before it were applied. Only where a
//! plan covers its own deployment alone are fixes of different files applied before the next check. Each file is replaced
//! atomically. Nothing is written if one of the files has changed meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashSet;
use similar::TextDiff;

use super::paths::Base;
use super::report::fingerprint;
use super::session::settle;
use crate::analysis::Analysis;
use crate::rules::finding::Verdict;
use crate::rules::fix::{FileEdit, Fix, TextEdit};
use crate::workspace::config::Coverage;
use crate::workspace::disk::{self, DiskEncoding, DiskError, Stamp};

/// More fixes than this are not applied in one run.
const MAX_FIXES: usize = 1_000;

/// Which fixes may be applied beside those that are free.
#[derive(Debug, Default)]
pub(crate) struct Allowed {
    /// All that cost.
    pub paid: bool,
    /// Those that turn on this plan, before others for the same finding.
    pub plan: Option<String>,
    /// Paid ones for findings whose verdict is *unknown* too.
    pub unknown: bool,
}

impl Allowed {
    fn names(&self, fix: &Fix) -> bool {
        let plans = self.plan.as_deref().zip(fix.paid);
        plans.is_some_and(|(named, plan)| named.eq_ignore_ascii_case(plan))
    }

    fn allows(&self, fix: &Fix) -> bool {
        fix.paid.is_none() || self.paid || self.names(fix)
    }
}

/// What becomes of one file.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// Absolute path.
    pub path: PathBuf,
    /// What it was; `None` where it is new.
    pub old: Option<Old>,
    /// What it becomes, without byte order mark.
    pub new: String,
}

/// A file as it was checked.
#[derive(Debug, Clone)]
pub(crate) struct Old {
    text: Arc<str>,
    encoding: DiskEncoding,
    /// The state of the file on disk; none where its text is not the one that was checked.
    stamp: Option<Stamp>,
}

/// What fixing comes to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The files that change, by path.
    pub changes: Vec<Change>,
    /// Titles of paid fixes that were not allowed, each with the plan it turns on.
    pub refused: Vec<(String, &'static str)>,
}

/// Applies fixes in memory until none is left. The analysis then checks the changed texts. What the baseline holds is
/// left as it is.
pub(crate) fn apply(
    analysis: &mut Analysis,
    allowed: &Allowed,
    base: &Base,
    known: Option<&FxHashSet<String>>,
) -> Outcome {
    let mut run = Run::default();
    let mut refused = Vec::new();
    loop {
        // A fix may let an earlier file have one: the files are looked at until none has.
        let before_pass = run.applied;
        refused.clear();
        for path in analysis.reports().into_iter().map(|report| report.path) {
            let choice = Choice {
                allowed,
                path: &path,
                shown: base.in_repository(&path),
                known,
            };
            // Where a plan covers its own deployment alone, fixes of other files neither help nor hinder this one.
            let alone = analysis.settings(&path).coverage == Coverage::Deployment;
            while run.applied < MAX_FIXES
                && let Some((tried, fix)) = choice.next(analysis, &run.futile, &mut refused)
            {
                let touched: BTreeSet<PathBuf> = fix.edits.iter().map(touched).collect();
                if !run.unsettled.is_empty() && (!alone || !touched.is_disjoint(&run.touched)) {
                    run.settle(analysis);
                    continue;
                }
                run.touched.extend(touched);
                run.apply(analysis, tried, &fix);
                if alone {
                    break;
                }
                run.settle(analysis);
            }
        }
        run.settle(analysis);
        if run.applied == before_pass {
            break;
        }
    }
    refused.sort();
    refused.dedup();
    let mut changes: Vec<Change> = run.files.into_values().collect();
    changes.retain(|change| {
        let old = change.old.as_ref();
        old.is_none_or(|old| *old.text != *change.new)
    });
    Outcome { changes, refused }
}

/// What no other fix may touch until the findings are computed anew: a file, or the folder that gets one.
fn touched(edit: &FileEdit) -> PathBuf {
    let folder = edit.path.parent().filter(|_| edit.create);
    folder.unwrap_or(&edit.path).to_path_buf()
}

/// What has been applied so far.
#[derive(Default)]
struct Run {
    files: BTreeMap<PathBuf, Change>,
    applied: usize,
    /// Fixes that removed no finding, or that could not be applied, are never retried.
    futile: FxHashSet<Tried>,
    /// Fixes that were applied since the findings were last computed, with how much their file had.
    unsettled: Vec<(Tried, [usize; 3])>,
    /// The files that those edit, and the folders that they add files to.
    touched: BTreeSet<PathBuf>,
}

impl Run {
    fn apply(&mut self, analysis: &mut Analysis, tried: Tried, fix: &Fix) {
        let before = analysis.standing(&tried.0);
        for change in edited(analysis, &self.files, fix).unwrap_or_default() {
            let version = i32::try_from(self.applied).unwrap_or(i32::MAX);
            analysis.open(&change.path, version, &change.new);
            self.files.insert(change.path.clone(), change);
        }
        self.applied += 1;
        self.unsettled.push((tried, before));
    }

    /// Computes the findings anew.
    fn settle(&mut self, analysis: &mut Analysis) {
        settle(analysis);
        self.touched.clear();
        let tried = self.unsettled.drain(..);
        let futile = tried.filter(|(tried, before)| analysis.standing(&tried.0) >= *before);
        self.futile.extend(futile.map(|(tried, _)| tried));
    }
}

/// A fix as it is known again after it was applied: the file of its finding, its id and its title.
type Tried = (Arc<Path>, String, String);

/// Which fix of one file's findings is applied.
struct Choice<'a> {
    allowed: &'a Allowed,
    path: &'a Arc<Path>,
    /// The path as fingerprints have it.
    shown: String,
    known: Option<&'a FxHashSet<String>>,
}

impl Choice<'_> {
    /// The preferred fix of the first finding that has one that is allowed.
    fn next(
        &self,
        analysis: &mut Analysis,
        futile: &FxHashSet<Tried>,
        refused: &mut Vec<(String, &'static str)>,
    ) -> Option<(Tried, Fix)> {
        let report = analysis.report(self.path)?;
        let fixes = analysis.fixes_for_reports(std::slice::from_ref(&report));
        let mut seen = BTreeMap::new();
        for (index, diagnostic) in report.diagnostics.iter().enumerate() {
            let fingerprint = fingerprint(diagnostic, &self.shown, &mut seen);
            if self.known.is_some_and(|known| known.contains(&fingerprint)) {
                continue;
            }
            let tried = |fix: &Fix| (self.path.clone(), fix.id.clone(), fix.title.clone());
            let pays = self.allowed.unknown || diagnostic.verdict != Verdict::Unknown;
            let of_finding = fixes.iter().flatten().filter(|(of, _)| *of == index);
            let mut fixes = of_finding
                .map(|(_, fix)| fix)
                .filter(|fix| (pays || fix.paid.is_none()) && !futile.contains(&tried(fix)));
            // The plan that was named decides between fixes; else the preferred one is taken.
            let named = fixes.clone().find(|fix| self.allowed.names(fix));
            match named.or_else(|| fixes.find(|fix| fix.preferred)) {
                Some(fix) if self.allowed.allows(fix) => return Some((tried(fix), fix.clone())),
                Some(fix) => refused.push((fix.title.clone(), fix.paid.unwrap_or_default())),
                None => {}
            }
        }
        None
    }
}

/// The files that a fix edits, edited in memory. `None` if one of them cannot be.
fn edited(
    analysis: &Analysis,
    files: &BTreeMap<PathBuf, Change>,
    fix: &Fix,
) -> Option<Vec<Change>> {
    let change = |file: &FileEdit| {
        let known = files.get(&*file.path).cloned();
        let mut change = known.or_else(|| unedited(analysis, file))?;
        change.new = replaced(&change.new, &file.edits)?;
        Some(change)
    };
    fix.edits.iter().map(change).collect()
}

/// A file as it is before its first edit.
fn unedited(analysis: &Analysis, file: &FileEdit) -> Option<Change> {
    let old = match (analysis.text(&file.path), disk::read(&file.path)) {
        // The edits fit what was checked, which for standard input is not what is on disk.
        (Some(text), read) if !file.create => {
            let read = read.ok();
            Some(Old {
                encoding: read.as_ref().map_or(DiskEncoding::Utf8, |r| r.encoding),
                stamp: read.filter(|read| read.text == text).map(|read| read.stamp),
                text,
            })
        }
        (None, Err(DiskError::NotFound)) if file.create => None,
        _ => return None,
    };
    Some(Change {
        path: file.path.to_path_buf(),
        new: old.as_ref().map_or("", |old| &old.text).to_owned(),
        old,
    })
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

/// The changes as one unified diff, as `git apply` takes it.
pub(crate) fn diff(outcome: &Outcome, base: &Base) -> String {
    let changes = outcome.changes.iter().map(|change| {
        let path = base.relative(&change.path);
        let (header, old) = match &change.old {
            Some(old) => (format!("a/{path}"), &*old.text),
            None => ("/dev/null".to_owned(), ""),
        };
        // The mark is a part of the first line of the file that the diff will be applied to.
        let encoding = change.old.as_ref().map(|old| old.encoding);
        let mark = match encoding {
            Some(DiskEncoding::Utf8Bom) => "\u{feff}",
            _ => "",
        };
        let (old, new) = (format!("{mark}{old}"), format!("{mark}{}", change.new));
        // `git apply` knows no line end but the line feed.
        let lines = |text| str::split_inclusive(text, '\n').collect::<Vec<_>>();
        let (old, new) = (lines(&old), lines(&new));
        let diff = TextDiff::configure()
            .newline_terminated(true)
            .diff_slices(&old, &new);
        diff.unified_diff()
            .header(&header, &format!("b/{path}"))
            .to_string()
    });
    changes.collect()
}

/// Writes the changes, each in the encoding its file had. All are written beside their files first: nothing is put in
/// place if one of them cannot be written, or if any file is not what it was.
pub(crate) fn write(outcome: &Outcome, base: &Base) -> Result<(), String> {
    let _writing = disk::while_writing();
    let failed = |change: &Change, words: &dyn Display| {
        let path = base.relative(&change.path);
        format!("{path}: {words}")
    };
    let mut changes: Vec<&Change> = outcome.changes.iter().collect();
    // What is new comes first: no file ever names a module that is not there.
    changes.sort_by_key(|change| change.old.is_some());
    let mut staged = Vec::new();
    for change in &changes {
        let beside = match &change.old {
            Some(old) => disk::stage(&change.path, &disk::encode(&change.new, old.encoding)),
            None => disk::stage_new(&change.path, change.new.as_bytes()),
        };
        staged.push(beside.map_err(|error| failed(change, &error))?);
    }
    if let Some(change) = changes.iter().find(|change| change.is_outdated()) {
        let words = "changed while it was being fixed: nothing was written";
        return Err(failed(change, &words));
    }
    for (change, beside) in changes.into_iter().zip(staged) {
        beside.commit().map_err(|error| failed(change, &error))?;
    }
    Ok(())
}

impl Change {
    /// Whether the file is no longer what was edited.
    fn is_outdated(&self) -> bool {
        let now = disk::stamp(&self.path);
        match &self.old {
            None => now.is_some(),
            Some(old) => old.stamp.is_none() || now != old.stamp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Span;

    #[test]
    fn a_diff_has_the_marks_that_the_file_has() {
        let change = |encoding| Change {
            path: PathBuf::from("/w/a.bicep"),
            old: Some(Old {
                text: "a\rb\r\nc".into(),
                encoding,
                stamp: None,
            }),
            new: "a\rb\r\nd\n".to_owned(),
        };
        let shown = |encoding| {
            let changes = vec![change(encoding)];
            let refused = Vec::new();
            diff(&Outcome { changes, refused }, &Base::here())
        };
        let body = "a\rb\r\n-c\n\\ No newline at end of file\n+d\n";
        let ends = |text: String, expect: String| assert!(text.ends_with(&expect), "{text:?}");
        ends(
            shown(DiskEncoding::Utf8),
            format!("@@ -1,2 +1,2 @@\n {body}"),
        );
        ends(
            shown(DiskEncoding::Utf8Bom),
            format!("@@ -1,2 +1,2 @@\n \u{feff}{body}"),
        );
    }

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
