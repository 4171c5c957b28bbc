//! What the location of a deployment's file implies: which other deployments its plans cover, and which deployment a message
//! names first.
//!
//! Tests and samples are not deployed with the rest of a repository, so their plans cover only their own unit.

use std::path::{Path, PathBuf};

use super::github;
use crate::model::{Expr, ExprKind, NodeId};

/// The other deployments of the workspace folder that a deployment's plans cover.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Sharing {
    /// All.
    #[default]
    Workspace,
    /// Those below a folder: the first one below a folder of tests, examples or samples.
    Below(PathBuf),
    /// Those of the files directly in a folder of tests, examples or samples.
    Beside(PathBuf),
    /// None: a snapshot.
    Nothing,
}

impl Sharing {
    /// The sharing of a deployment by its file, relative to the workspace folder.
    pub fn of(path: &Path) -> Self {
        if is_snapshot(path) {
            return Sharing::Nothing;
        }
        let folders = path.ancestors().skip(1);
        let mut below = None;
        for folder in folders {
            match below {
                _ if !is_aside(folder) => below = Some(folder),
                Some(unit) => return Sharing::Below(unit.to_path_buf()),
                None => return Sharing::Beside(folder.to_path_buf()),
            }
        }
        Sharing::Workspace
    }

    /// Who shares plans with the deployments of files in a folder, apart from the whole workspace.
    pub fn with_folder(folder: &Path) -> impl Iterator<Item = Sharing> + '_ {
        let below = folder
            .ancestors()
            .map(|it| Sharing::Below(it.to_path_buf()));
        std::iter::once(Sharing::Beside(folder.to_path_buf())).chain(below)
    }
}

/// The order in which messages name deployments of one verdict: no test, example or sample before others; one with a
/// parameter file; one near the root of the workspace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    aside: bool,
    without_parameters: bool,
    depth: usize,
}

impl Rank {
    /// The rank of a deployment by its file, relative to the workspace folder.
    pub fn of(path: &Path, with_parameters: bool) -> Self {
        Rank {
            aside: Sharing::of(path) != Sharing::Workspace,
            without_parameters: !with_parameters,
            depth: path.components().count(),
        }
    }
}

const TESTS: [&str; 2] = ["tests", "e2e"];

/// A folder `test` may hold tests, and may be an environment beside `prod`.
const SAMPLES: [&str; 5] = ["test", "example", "examples", "sample", "samples"];

/// Whether a folder holds tests, examples or samples.
fn is_aside(folder: &Path) -> bool {
    ends_in(folder, &TESTS) || ends_in(folder, &SAMPLES)
}

/// Whether the last word of a folder's name (`e2e-tests`, `bicep_samples`) is one of `words`.
fn ends_in(folder: &Path, words: &[&str]) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str());
    let last = name.and_then(|name| name.rsplit(['-', '_', '.']).next());
    last.is_some_and(|last| words.iter().any(|word| word.eq_ignore_ascii_case(last)))
}

/// Whether a file, relative to the workspace folder, is a test: `main.test.bicep`, or in a folder of tests. No fix that
/// costs edits it.
pub fn is_test(path: &Path) -> bool {
    let stem = path.file_stem().map(Path::new);
    let extension = stem.and_then(Path::extension);
    extension.is_some_and(|word| word.eq_ignore_ascii_case("test"))
        || path.ancestors().skip(1).any(|it| ends_in(it, &TESTS))
}

/// Whether a file is the recorded output of a test: `main.verified.bicep`, or in a folder of snapshots.
fn is_snapshot(path: &Path) -> bool {
    let folders = path.parent().into_iter().flat_map(Path::components);
    let mut names = folders.filter_map(|folder| folder.as_os_str().to_str());
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    names.any(|name| name.trim_matches('_').eq_ignore_ascii_case("snapshots"))
        || stem.is_some_and(|stem| stem.ends_with(".verified") || stem.ends_with(".snapshot"))
}

/// The file that a computed URI of a linked template ends in: `acr.json` of
/// `concat(parameters('base'), '/', 'acr.json', parameters('token'))`.
pub fn linked_file(uri: &Expr) -> Option<(NodeId, &str)> {
    if let ExprKind::Str(address) = &uri.kind {
        return github::is_address(address).then_some((uri.node, address));
    }
    let mut file = None;
    uri.walk(&mut |expr| {
        // The braces are those of `format()`.
        let texts = expr
            .as_str()
            .into_iter()
            .flat_map(|text| text.split(['{', '}']));
        let mut texts = texts.map(|text| text.trim_start_matches('/'));
        let found = texts.find(|text| text.ends_with(".json") && !text.contains(':'));
        file = found.map(|text| (expr.node, text)).or(file);
    });
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_samples_share_their_plans_with_their_own_unit() {
        let below = |folder: &str| Sharing::Below(folder.into());
        let check = |path: &str, expect| assert_eq!(Sharing::of(Path::new(path)), expect, "{path}");
        check("main.bicep", Sharing::Workspace);
        check("infra/sample-app/main.bicep", Sharing::Workspace);
        check("tests/plans.test.bicep", Sharing::Beside("tests".into()));
        check("samples/shop/main.bicep", below("samples/shop"));
        check("samples/shop/modules/acr.bicep", below("samples/shop"));
        check("a/Tests/e2e/max/main.test.bicep", below("a/Tests/e2e/max"));
        check("e2e-tests/x/y.json", below("e2e-tests/x"));
        check("tests/__snapshots__/main.json", Sharing::Nothing);
        check("infra/main.verified.bicep", Sharing::Nothing);
        let shared = |folder: &str, with: &Sharing| {
            Sharing::with_folder(Path::new(folder)).any(|it| it == *with)
        };
        let shop = below("samples/shop");
        assert!(shared("samples/shop/tests", &shop) && shared("samples/shop", &shop));
        assert!(!shared("samples/bank", &shop) && !shared("", &shop));
        let beside = Sharing::Beside("tests".into());
        assert!(shared("tests", &beside) && !shared("tests/unit", &beside));
    }

    #[test]
    fn deployments_with_parameters_near_the_root_come_first() {
        let rank = |path: &str, parameters| Rank::of(Path::new(path), parameters);
        let sorted = [
            rank("deep/er/prod.bicepparam", true),
            rank("main.bicep", false),
            rank("infra/main.bicep", false),
            rank("tests/main.bicepparam", true),
            rank("tests/main.bicep", false),
        ];
        assert!(sorted.is_sorted());
    }
}
