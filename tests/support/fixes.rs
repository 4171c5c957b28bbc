//! What every fix must be, whoever it mends: applied as an editor does it, checked against what it promises.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use preflight::analysis::{Analysis, Cancel, Diagnostic};
use preflight::rules::fix::{Fix, apply};
use preflight::syntax;

/// A finding as it survives edits: its file, the line it stands on (blanks at the ends aside), its verdict or `hint`.
pub type Key = (PathBuf, String, String);

/// Refreshes until nothing is left.
pub fn settle(analysis: &mut Analysis) {
    loop {
        analysis.refresh(&Cancel::default());
        if !analysis.is_pending() {
            return;
        }
    }
}

/// The key of a finding.
pub fn key(analysis: &Analysis, shown: &Diagnostic) -> Key {
    let text = analysis.text(&shown.location.path).unwrap_or_default();
    let start = shown.location.span.start as usize;
    let from = text[..start].rfind(['\n', '\r']).map_or(0, |at| at + 1);
    let to = text[start..]
        .find(['\n', '\r'])
        .map_or(text.len(), |at| start + at);
    let verdict = shown.verdict.name().to_owned();
    (
        shown.location.path.to_path_buf(),
        text[from..to].trim().to_owned(),
        verdict,
    )
}

/// How often each finding is shown; silenced ones are not.
pub fn shown(analysis: &Analysis) -> BTreeMap<Key, usize> {
    let mut found = BTreeMap::new();
    for report in analysis.reports() {
        for one in report.diagnostics.iter().filter(|d| d.suppressed.is_none()) {
            *found.entry(key(analysis, one)).or_default() += 1;
        }
    }
    found
}

/// The files that a fix leaves: path and whole text.
pub fn after(analysis: &Analysis, fix: &Fix) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for edit in &fix.edits {
        let before = match edit.create {
            true => String::new(),
            false => analysis
                .text(&edit.path)
                .expect("the file to edit")
                .to_string(),
        };
        let mut end = 0;
        for change in &edit.edits {
            assert!(
                change.span.start >= end,
                "edits are sorted and do not overlap: {edit:?}"
            );
            end = change.span.end;
            assert!(
                before.is_char_boundary(change.span.start as usize),
                "{edit:?}"
            );
        }
        assert!(
            end as usize <= before.len(),
            "edits lie in the text: {edit:?}"
        );
        files.push((edit.path.to_path_buf(), apply(&before, &edit.edits)));
    }
    files
}

/// Syntax errors of a text by the ending of its path; none for what is no template.
pub fn syntax_errors(path: &Path, text: &str) -> usize {
    let language = match path.extension().and_then(|e| e.to_str()) {
        Some("bicep" | "bicepparam") => syntax::bicep(),
        Some("json" | "jsonc" | "arm") => syntax::json(),
        _ => return 0,
    };
    syntax::syntax_errors(&syntax::parse(language, text, None), text).len()
}

/// By file and line, the verdicts shown there, each with the deployment it names: it names one where not all say the same.
type Named = BTreeMap<(PathBuf, String), Vec<(String, Option<String>)>>;

fn named(analysis: &Analysis) -> Named {
    let mut found = Named::new();
    for report in analysis.reports() {
        for one in report.diagnostics.iter().filter(|d| d.suppressed.is_none()) {
            let (path, line, verdict) = key(analysis, one);
            let rest = one.message.strip_prefix("Deployed by '");
            let name = rest.and_then(|rest| Some(rest.split_once("': ")?.0.to_owned()));
            if verdict != "hint" {
                found.entry((path, line)).or_default().push((verdict, name));
            }
        }
    }
    found
}

/// Whether what is left on a line is what another deployment does not let be known: that one is mended cannot change
/// that, and it was not shown before only because worse was.
fn left_by_another(before: &Named, left: &Named, of: &Key) -> bool {
    let place = (of.0.clone(), of.1.clone());
    let (Some(before), Some(left)) = (before.get(&place), left.get(&place)) else {
        return false;
    };
    let mut was = before.iter();
    was.all(|(verdict, name)| verdict == "off" && name.is_some())
        && left.iter().all(|(verdict, name)| {
            let known = before.iter().any(|(_, former)| former == name);
            verdict == "unknown" && name.is_some() && !known
        })
}

/// Applies a fix to the open analysis, checks what every fix promises, and takes it back. `Err` says what is wrong.
pub fn check(analysis: &mut Analysis, corrected: &Key, fix: &Fix) -> Result<(), String> {
    let before = shown(analysis);
    let named_before = named(analysis);
    let standing = analysis.standing();
    let files = after(analysis, fix);
    for (path, text) in &files {
        let was = analysis
            .text(path)
            .map_or(0, |text| syntax_errors(path, &text));
        if syntax_errors(path, text) > was {
            return Err(format!(
                "{} does not parse any more:\n{text}",
                path.display()
            ));
        }
    }
    let former: Vec<_> = files.iter().map(|(path, _)| analysis.text(path)).collect();
    for (path, text) in &files {
        analysis.open(path, 1, text);
    }
    settle(analysis);
    let left = shown(analysis);
    let named_left = named(analysis);
    // A test or a sample covers itself alone: the same line stays uncovered in the others, and is deployed uncovered in
    // fewer ways.
    let fewer = analysis.standing() < standing;
    let by_another = |key: &Key| fewer || left_by_another(&named_before, &named_left, key);
    let reported = judge(&before, &left, corrected, fix, &by_another);
    for ((path, _), former) in files.iter().zip(former) {
        match former {
            // It was open, and is on no disk.
            Some(text) if !path.exists() => analysis.open(path, 1, &text),
            _ => analysis.close(path),
        }
    }
    settle(analysis);
    reported?;
    match shown(analysis) == before {
        true => Ok(()),
        false => Err("taking the fix back does not bring the findings back".to_owned()),
    }
}

fn judge(
    before: &BTreeMap<Key, usize>,
    left: &BTreeMap<Key, usize>,
    corrected: &Key,
    fix: &Fix,
    by_another: &dyn Fn(&Key) -> bool,
) -> Result<(), String> {
    // The line may have moved to another verdict: then the finding is not gone either.
    let count = |of: &BTreeMap<Key, usize>| -> usize {
        let same = |key: &&Key| (&key.0, &key.1) == (&corrected.0, &corrected.1) && key.2 != "hint";
        of.iter().filter(|(key, _)| same(key)).map(|(_, n)| n).sum()
    };
    if corrected.2 != "hint" && count(left) >= count(before) && !by_another(corrected) {
        let found: Vec<_> = left.keys().filter(|key| key.1 == corrected.1).collect();
        return Err(format!("the finding is not gone: {found:?}"));
    }
    for (key, n) in left {
        let known = before.get(key).copied().unwrap_or_default();
        let new = *n > known && (key.2 == "hint" || !by_another(key));
        // A plan by the name of the rule's page brings the hint that there is a newer one.
        let advice = key.2 == "hint" && fix.paid == Some("ContainerRegistry");
        if new && !advice {
            return Err(format!("a new finding: {key:?}"));
        }
    }
    let quiet = fix.id == "suppress" && fix.edits.iter().all(|e| !e.path.ends_with("ps-rule.yaml"));
    if quiet {
        let lost = before
            .iter()
            .find(|(key, _)| *key != corrected && !left.contains_key(*key));
        if let Some((key, _)) = lost {
            return Err(format!("another finding is silenced: {key:?}"));
        }
    }
    Ok(())
}
