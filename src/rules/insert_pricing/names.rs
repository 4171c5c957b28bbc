//! Names that clash with none there is, in any case: Bicep's symbols, deployments, files.

/// The first of `name`, `name2`, `name3`, … (with `separator` before the number) that is none of `taken`, whatever the
/// case.
pub fn unused<'t>(
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
