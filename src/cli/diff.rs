//! Changes as a unified diff, as `git apply` takes it.

use similar::TextDiff;

/// The diff of one file; `old` is `None` for a file that is new.
pub fn unified(path: &str, old: Option<&str>, new: &str) -> String {
    let header = match old {
        Some(_) => format!("a/{path}"),
        None => "/dev/null".to_owned(),
    };
    // `git apply` knows no line end but the line feed.
    let lines = |text| str::split_inclusive(text, '\n').collect::<Vec<_>>();
    let (old, new) = (lines(old.unwrap_or("")), lines(new));
    let diff = TextDiff::configure()
        .newline_terminated(true)
        .diff_slices(&old, &new);
    diff.unified_diff()
        .header(&header, &format!("b/{path}"))
        .to_string()
}
