//! Paths as people write and read them: globs where no shell expanded them, and relative to the working directory with
//! `/` in every report, so that the same call gives the same bytes on every machine.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::analysis::Location;
use crate::workspace::discover::{self, Limits, discover};
use crate::workspace::disk;

/// What paths in reports are relative to.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    folder: PathBuf,
    repository: PathBuf,
}

impl Base {
    /// The working directory, and the repository that holds it.
    pub(crate) fn here() -> Self {
        Base::new(None)
    }

    /// The same with a root of the repository that a user named.
    pub(crate) fn new(root: Option<&Path>) -> Self {
        let folder = argument(Path::new("."));
        let mut above = folder.ancestors();
        let found = above.find(|folder| disk::is_there(&folder.join(".git")));
        let repository = root.map_or(found.unwrap_or(&folder).to_path_buf(), argument);
        Base { folder, repository }
    }

    /// The working directory.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A path relative to the working directory, `/` between its parts: for people, and for tools that run where this
    /// does.
    pub(crate) fn relative(&self, path: &Path) -> String {
        relative(&self.folder, path)
    }

    /// A place for people: `path:line:column`, both from 1.
    pub(crate) fn at(&self, path: &Path, location: Option<&Location>) -> String {
        let path = self.relative(path);
        match location.map(|location| location.start) {
            Some(start) => format!("{path}:{}:{}", start.line + 1, start.utf32 + 1),
            None => path,
        }
    }

    /// A path relative to the root of the repository: for code scanning, annotations and fingerprints.
    pub(crate) fn in_repository(&self, path: &Path) -> String {
        relative(&self.repository, path)
    }
}

/// A path that a user wrote, absolute and as the disk has it.
pub(crate) fn argument(path: &Path) -> PathBuf {
    disk::as_on_disk(&disk::normalize(path))
}

fn relative(base: &Path, path: &Path) -> String {
    let mut base = base.components().peekable();
    let mut rest = path.components().peekable();
    let mut shared = 0;
    while let (Some(a), Some(b)) = (base.peek(), rest.peek()) {
        if a != b {
            break;
        }
        shared += usize::from(matches!(a, Component::Normal(_)));
        base.next();
        rest.next();
    }
    // Nothing in common but the root, or another drive: a relative path would not be shorter.
    if shared == 0 {
        return path.to_string_lossy().replace('\\', "/");
    }
    let mut parts: Vec<String> = base.map(|_| "..".to_owned()).collect();
    parts.extend(rest.map(|part| part.as_os_str().to_string_lossy().into_owned()));
    match parts.is_empty() {
        true => ".".to_owned(),
        false => parts.join("/"),
    }
}

/// What the arguments name, sorted, each once.
#[derive(Debug, Default)]
pub(crate) struct Named {
    /// Workspace folders.
    pub folders: Vec<PathBuf>,
    /// Files to check as entry points.
    pub files: Vec<PathBuf>,
    /// Those of them that a pattern named: each need not be a template.
    pub matched: BTreeSet<PathBuf>,
    /// Arguments that name nothing, with the reason.
    pub wrong: Vec<(PathBuf, String)>,
}

/// Separates folders and files. Without arguments, the working directory.
pub(crate) fn named(arguments: &[PathBuf]) -> Named {
    let mut named = Named::default();
    if arguments.is_empty() {
        named.folders.push(argument(Path::new(".")));
    }
    for written in arguments {
        let path = argument(written);
        if disk::is_folder(&path) {
            named.folders.push(path);
        } else if disk::is_file(&path) {
            named.files.push(path);
        } else {
            expand(written, path, &mut named);
        }
    }
    for list in [&mut named.folders, &mut named.files] {
        list.sort();
        list.dedup();
    }
    named.wrong.sort();
    named.wrong.dedup();
    named
}

/// What makes a pattern of a path.
const WILD: [char; 3] = ['*', '?', '['];

/// A pattern that no shell expanded (`'infra/**/*.bicep'`), else a path that does not resolve.
fn expand(written: &Path, path: PathBuf, named: &mut Named) {
    if !written.to_string_lossy().contains(WILD) {
        let words = match disk::read(&path) {
            Err(error) => error.to_string(),
            Ok(_) => "is not a regular file".to_owned(),
        };
        named.wrong.push((path, words));
        return;
    }
    let before = named.len();
    let outcome = matched(written, named);
    if outcome.is_ok() && named.len() > before {
        return;
    }
    let words = outcome.err();
    let words = words.unwrap_or_else(|| "matches nothing".to_owned());
    named.wrong.push((path, words));
}

/// Adds what a pattern matches, looked for where a workspace is: what git ignores is left out, and links that lead in
/// circles end.
fn matched(written: &Path, named: &mut Named) -> Result<(), String> {
    let mut folder = PathBuf::from(".");
    let mut glob = Vec::new();
    for part in written.components() {
        let text = part.as_os_str().to_string_lossy();
        match glob.is_empty() && !text.contains(WILD) {
            true => folder.push(part),
            false => glob.push(text),
        }
    }
    let folder = argument(&folder);
    // What ends in `**` means the folders before it with all they hold.
    let whole = glob.last().is_some_and(|part| part == "**");
    if whole {
        glob.pop();
    }
    if glob.is_empty() {
        named.folders.push(folder);
        return Ok(());
    }
    let limits = Limits {
        depth: (!glob.iter().any(|part| part == "**")).then_some(glob.len()),
        ..Limits::default()
    };
    let matches = discover::pattern(&folder, &glob.join("/"))?;
    let found = discover(&folder, limits);
    let folders = found.folders.into_iter();
    named.folders.extend(folders.filter(|path| matches(path)));
    if !whole {
        let files: Vec<_> = found
            .files
            .into_iter()
            .filter(|path| matches(path))
            .collect();
        named.matched.extend(files.iter().cloned());
        named.files.extend(files);
    }
    named.wrong.extend(found.problems);
    Ok(())
}

impl Named {
    fn len(&self) -> usize {
        self.folders.len() + self.files.len() + self.wrong.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_where_that_is_shorter() {
        let check = |path: &str, expect: &str| {
            assert_eq!(relative(Path::new("/home/a/work"), Path::new(path)), expect);
        };
        check("/home/a/work/x/main.bicep", "x/main.bicep");
        check("/home/a/other/main.bicep", "../other/main.bicep");
        check("/home/a/work", ".");
        check("/srv/main.bicep", "/srv/main.bicep");
    }

    #[cfg(unix)]
    #[test]
    fn patterns_end_whatever_the_links() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = disk::real(dir.path()).expect("its path");
        for file in [
            "a.bicep",
            "x/a.bicep",
            "x/y/b.json",
            "z/y/a.bicep",
            "x/n.md",
        ] {
            let path = root.join(file);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, "").expect("a file");
        }
        // Two links to the folder itself: 2^40 ways down before the system stops.
        for link in ["l", "x/l", "m"] {
            std::os::unix::fs::symlink(&root, root.join(link)).expect("a link");
        }
        let check = |pattern: &str, files: &[&str], folders: &[&str]| {
            let named = named(&[root.join(pattern)]);
            let inside = |paths: &[PathBuf]| -> Vec<String> {
                let inner = |path: &PathBuf| path.strip_prefix(&root).expect("below").to_owned();
                paths
                    .iter()
                    .map(|path| inner(path).to_string_lossy().into_owned())
                    .collect()
            };
            assert_eq!(inside(&named.files), files, "{pattern}");
            assert_eq!(inside(&named.folders), folders, "{pattern}");
        };
        check("**/*.bicep", &["a.bicep", "x/a.bicep", "z/y/a.bicep"], &[]);
        check("x/**/*.json", &["x/y/b.json"], &[]);
        check("**/a.*", &["a.bicep", "x/a.bicep", "z/y/a.bicep"], &[]);
        check("**", &[], &[""]);
        check("x/**", &[], &["x"]);
        check("**/y", &[], &["x/y", "z/y"]);
        check("**/y/**", &[], &["x/y", "z/y"]);
        check("?/*.bicep", &["x/a.bicep"], &[]);
        check("*", &["a.bicep"], &["x", "z"]);
        check("*/y", &[], &["x/y", "z/y"]);
        check("**/*.none", &[], &[]);
    }
}
