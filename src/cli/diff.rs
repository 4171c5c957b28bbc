//! Changes as a unified diff, as `git apply` takes it.

use similar::TextDiff;

/// The diff of one file; `old` is `None` for a file that is new.
pub fn unified(path: &str, old: Option<&str>, new: &str) -> String {
    let header = match old {
        Some(_) => format!("a/{path}"),
        None => "/dev/null".to_owned(),
    };
    let diff = TextDiff::from_lines(old.unwrap_or(""), new);
    diff.unified_diff()
        .header(&header, &format!("b/{path}"))
        .to_string()
}
