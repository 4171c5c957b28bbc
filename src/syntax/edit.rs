//! Reads and edits one file, in both languages: typed accessors for declarations, objects, lists and values, and edits that
//! keep the file's style. Fixes change files only through this module.

mod access;
mod expression;
mod insert;
pub(crate) mod style;
mod write;

pub(crate) use access::{Declaration, Source, Value};
pub(crate) use insert::{NewDeclaration, declare, line_above, new_file};
pub(crate) use write::New;

use crate::text::Span;

/// One replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextEdit {
    /// What is replaced, in bytes of the present text.
    pub span: Span,
    /// By what.
    pub text: String,
}

impl TextEdit {
    /// An insertion.
    pub(crate) fn insert(at: u32, text: String) -> TextEdit {
        TextEdit {
            span: Span::new(at, at),
            text,
        }
    }
}

/// A text after edits: sorted, not overlapping; an insertion may touch a replacement that begins at the same byte.
pub fn apply(text: &str, edits: &[TextEdit]) -> String {
    let mut out =
        String::with_capacity(text.len() + edits.iter().map(|e| e.text.len()).sum::<usize>());
    let mut at = 0;
    for edit in edits {
        let range = edit.span.range();
        out.push_str(text.get(at..range.start).unwrap_or_default());
        out.push_str(&edit.text);
        at = range.end.max(at);
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// The first of `name`, `name2`, `name3`, … (with `separator` before the number) that is none of `taken`, whatever the
/// case.
pub(crate) fn unused<'t>(
    name: &str,
    separator: &str,
    taken: impl Iterator<Item = &'t str> + Clone,
) -> String {
    let free = |candidate: &str| !taken.clone().any(|t| t.eq_ignore_ascii_case(candidate));
    if free(name) {
        return name.to_owned();
    }
    // One more candidate than there are names: one of them is free.
    (2..taken.clone().count() + 3)
        .map(|number| format!("{name}{separator}{number}"))
        .find(|candidate| free(candidate))
        .unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_clash() {
        let check = |taken: &[&str], expect: &str| {
            assert_eq!(
                unused("plan", "-", taken.iter().copied()),
                expect,
                "{taken:?}"
            );
        };
        check(&[], "plan");
        check(&["other"], "plan");
        check(&["PLAN"], "plan-2");
        check(&["plan", "Plan-2", "plan-4"], "plan-3");
    }
}
