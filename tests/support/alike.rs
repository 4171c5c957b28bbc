//! When two analyses of the same texts must state the same.

use std::path::Path;

use preflight::analysis::Analysis;

/// Whether both read these files alike. What does not parse may be read in more than one way, and which one depends on
/// the tree that was there before; the next good edit heals it.
pub(crate) fn read_alike<'a>(
    one: &mut Analysis,
    other: &mut Analysis,
    files: impl IntoIterator<Item = &'a Path>,
) -> bool {
    let errors = |analysis: &Analysis| {
        let mut problems = analysis.problems();
        problems.retain(|it| it.message.contains("does not parse") && it.location.is_some());
        problems
    };
    let alike = |path| one.syntax_tree(path) == other.syntax_tree(path);
    files.into_iter().all(alike) && errors(one) == errors(other)
}
