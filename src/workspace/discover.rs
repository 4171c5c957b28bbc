//! Finds the files of a workspace folder in parallel, respecting `.gitignore`, within limits that are reported when reached.
//!
//! The walk does not follow symbolic links. They are resolved afterwards, and followed only to folders not yet visited, so
//! each file is found once and loops end.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use dashmap::DashMap;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use ignore::{DirEntry, WalkBuilder, WalkState};

use super::disk;
use super::prefilter::kind_of;
use crate::model::FileKind;

/// What a folder holds.
#[derive(Debug, Clone, Default)]
pub struct Discovery {
    /// `.bicep`, `.bicepparam`, `.json`, `.jsonc`, `.arm` files, sorted by path, absolute, normalized.
    pub files: Vec<PathBuf>,
    /// The folders that were walked, `root` among them.
    pub folders: Vec<PathBuf>,
    /// What could not be walked or was left out, each with the path: reported to the user.
    pub problems: Vec<(PathBuf, String)>,
    /// Links that are not followed yet.
    links: Vec<PathBuf>,
}

impl Discovery {
    fn append(&mut self, mut other: Discovery) {
        self.files.append(&mut other.files);
        self.folders.append(&mut other.folders);
        self.problems.append(&mut other.problems);
        self.links.append(&mut other.links);
    }
}

/// How far a walk goes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Files at most.
    pub files: usize,
    /// Levels below the folder at most.
    pub depth: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            files: 200_000,
            depth: None,
        }
    }
}

/// Walks `root`: respects `.gitignore` (also outside a git checkout), skips `.git` and `node_modules`, follows
/// symbolic links and ends on their loops. A link to a folder that holds the workspace is not followed.
pub fn discover(root: &Path, limits: Limits) -> Discovery {
    let root = disk::normalize(root);
    let Some(real_root) = disk::real(&root).filter(|real| disk::is_folder(real)) else {
        let words = if disk::stamp(&root).is_some() {
            "is a file, not a folder"
        } else {
            "does not exist or is not a folder"
        };
        return Discovery {
            problems: vec![(root, words.to_owned())],
            ..Discovery::default()
        };
    };
    let budget = Budget {
        wanted: AtomicUsize::new(0),
        // The walk is parallel: stopping exactly at the limit would leave it to chance which files are in. So it
        // may find more, and the first in order are kept.
        most: limits.files.saturating_mul(4).max(1),
        depth: limits.depth,
    };
    let mut found = walk(&root, &budget);
    if !found.links.is_empty() {
        follow_links(&root, &real_root, &mut found, &budget);
    }
    found.files.sort_unstable();
    found.files.dedup();
    found.folders.sort_unstable();
    let all = found.files.len();
    if all > limits.files {
        found.files.truncate(limits.files);
        let words = format!(
            "holds more than {} templates and JSON files; the others were left out",
            limits.files
        );
        found.problems.push((root, words));
    }
    found.problems.sort_unstable();
    found.problems.dedup();
    found
}

/// Counts wanted files over all threads and walks.
struct Budget {
    wanted: AtomicUsize,
    most: usize,
    depth: Option<usize>,
}

/// A test for paths below a folder by a glob with `/` between its parts, as in a `.gitignore` of the folder: `*` and `?`
/// match no `/`, `**` any number of folders. Fails if it is no glob.
pub fn pattern(folder: &Path, glob: &str) -> Result<impl Fn(&Path) -> bool + use<>, String> {
    let mut rules = GitignoreBuilder::new(folder);
    let rules = rules
        .add_line(None, &format!("/{}", glob.replace('\\', "\\\\")))
        .and_then(|rules| rules.build())
        .map_err(|error| format!("is not a pattern: {error}"))?;
    let root = folder.to_path_buf();
    Ok(move |path: &Path| path != root && rules.matched(path, false).is_ignore())
}

/// One thread's finds, handed over when the thread is done: a lock per file would cost more than the walk.
struct Part<'a> {
    found: Discovery,
    all: &'a Mutex<Discovery>,
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(|broken| broken.into_inner());
        all.append(std::mem::take(&mut self.found));
    }
}

fn walk(root: &Path, budget: &Budget) -> Discovery {
    let all = Mutex::new(Discovery::default());
    WalkBuilder::new(root)
        .standard_filters(false)
        .git_ignore(true)
        .git_exclude(true)
        .require_git(false)
        .parents(true)
        .follow_links(false)
        .max_depth(budget.depth)
        .filter_entry(|entry| {
            !(entry.depth() > 0
                && (entry.file_name() == ".git" || entry.file_name() == "node_modules"))
        })
        .build_parallel()
        .run(|| {
            let mut part = Part {
                found: Discovery::default(),
                all: &all,
            };
            Box::new(move |entry| meet(&mut part.found, entry, budget))
        });
    all.into_inner()
        .unwrap_or_else(|broken| broken.into_inner())
}

fn meet(
    found: &mut Discovery,
    entry: Result<DirEntry, ignore::Error>,
    budget: &Budget,
) -> WalkState {
    let entry = match entry {
        Ok(entry) => entry,
        Err(error) => {
            found.problems.extend(problem(&error));
            return WalkState::Continue;
        }
    };
    let Some(kind) = entry.file_type() else {
        return WalkState::Continue;
    };
    let is_link = entry.depth() > 0 && disk::is_reparse_point(|| entry.metadata().ok());
    if kind.is_dir() && is_link {
        found.links.push(entry.into_path());
        return WalkState::Skip;
    }
    if kind.is_dir() {
        found.folders.push(entry.into_path());
    } else if kind.is_symlink() {
        found.links.push(entry.into_path());
    } else if kind.is_file() && kind_of(Path::new(entry.file_name())) != FileKind::Other {
        found.files.push(entry.into_path());
        if budget.wanted.fetch_add(1, Ordering::Relaxed) >= budget.most {
            return WalkState::Quit;
        }
    }
    WalkState::Continue
}

/// The path and the reason of an error of the walk; none where the entry vanished meanwhile.
fn problem(error: &ignore::Error) -> Option<(PathBuf, String)> {
    let mut path = None;
    let mut inner = error;
    loop {
        inner = match inner {
            ignore::Error::WithPath { path: at, err } => {
                path = Some(at.clone());
                err
            }
            ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => err,
            _ => break,
        };
    }
    let words = match inner.io_error() {
        Some(io) if io.kind() == std::io::ErrorKind::NotFound => return None,
        Some(io) if io.kind() == std::io::ErrorKind::PermissionDenied => {
            "may not be listed (permission denied)".to_owned()
        }
        _ => {
            let words = inner.to_string();
            format!("cannot be listed: {}", words.lines().next().unwrap_or(""))
        }
    };
    Some((path.unwrap_or_default(), words))
}

/// Decides what a walk leaves out: `.git`, `node_modules`, and what git ignores. Remembers what it read.
#[derive(Debug, Default)]
pub struct Ignored(DashMap<PathBuf, Arc<FolderRules>>);

/// What the files of one folder ignore.
#[derive(Debug)]
struct FolderRules {
    rules: Gitignore,
    /// The root of a repository: nothing above counts.
    is_root: bool,
}

impl Ignored {
    /// Whether a walk of `root` leaves `path` out.
    pub fn covers(&self, root: &Path, path: &Path) -> bool {
        let Ok(inner) = path.strip_prefix(root) else {
            return true;
        };
        let mut at = root.to_path_buf();
        let mut components = inner.components().peekable();
        while let Some(component) = components.next() {
            let name = component.as_os_str();
            if name == ".git" || name == "node_modules" {
                return true;
            }
            at.push(name);
            let is_folder = components.peek().is_some() || disk::is_folder(&at);
            if self.is_ignored(&at, is_folder) {
                return true;
            }
        }
        false
    }

    /// Forgets what was read.
    pub fn clear(&self) {
        self.0.clear();
    }

    /// Whether the rules of the folders above ignore a path: the nearest decides.
    fn is_ignored(&self, path: &Path, is_folder: bool) -> bool {
        for folder in path.ancestors().skip(1) {
            let found = self.rules_of(folder);
            match found.rules.matched(path, is_folder) {
                ignore::Match::None if found.is_root => break,
                ignore::Match::None => {}
                decided => return decided.is_ignore(),
            }
        }
        false
    }

    fn rules_of(&self, folder: &Path) -> Arc<FolderRules> {
        if let Some(known) = self.0.get(folder) {
            return known.clone();
        }
        let mut rules = GitignoreBuilder::new(folder);
        // A file that is not there, or a line that is no pattern, ignores nothing.
        let _ = rules.add(folder.join(".git/info/exclude"));
        let _ = rules.add(folder.join(".gitignore"));
        let found = Arc::new(FolderRules {
            rules: rules.build().unwrap_or_else(|_| Gitignore::empty()),
            is_root: disk::is_there(&folder.join(".git")),
        });
        self.0.insert(folder.to_path_buf(), found.clone());
        found
    }
}

/// Follows the links a walk met, and those met behind them, until none leads anywhere new.
fn follow_links(root: &Path, real_root: &Path, found: &mut Discovery, budget: &Budget) {
    // Where each entry of a walk really is: only links lead elsewhere, and a walk follows none.
    let really = |path: &PathBuf, folder: &Path, real: &Path| match path.strip_prefix(folder) {
        Ok(inner) => real.join(inner),
        Err(_) => path.clone(),
    };
    let of_root = |path: &PathBuf| really(path, root, real_root);
    let mut folders: BTreeSet<PathBuf> = found.folders.iter().map(of_root).collect();
    let mut files: BTreeSet<PathBuf> = found.files.iter().map(of_root).collect();
    let mut links = std::mem::take(&mut found.links);
    while !links.is_empty() && budget.wanted.load(Ordering::Relaxed) < budget.most {
        links.sort_unstable();
        let mut further = Vec::new();
        for link in links {
            // A link that does not resolve is a file that does not exist.
            let Some(target) = disk::real(&link) else {
                continue;
            };
            if disk::is_file(&target) {
                if kind_of(&link) != FileKind::Other && files.insert(target) {
                    found.files.push(link);
                }
            } else if disk::is_folder(&target) && !folders.contains(&target) {
                if real_root.starts_with(&target) {
                    let words = "is a link to a folder that holds this one, and was not followed";
                    found.problems.push((link, words.to_owned()));
                    continue;
                }
                let behind = walk(&link, budget);
                let at = |path: &PathBuf| really(path, &link, &target);
                // The walk behind one link may pass places that another walk saw.
                let mut seen = BTreeMap::new();
                for folder in &behind.folders {
                    let fresh = folders.insert(at(folder));
                    seen.insert(folder.clone(), fresh);
                    if fresh {
                        found.folders.push(folder.clone());
                    }
                }
                let fresh = behind.files.into_iter();
                found
                    .files
                    .extend(fresh.filter(|file| files.insert(at(file))));
                found.problems.extend(behind.problems);
                further.extend(behind.links.into_iter().filter(|link| {
                    let folder = link.parent().and_then(|folder| seen.get(folder));
                    folder.is_none_or(|fresh| *fresh)
                }));
            }
        }
        links = further;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A folder with these files; a name with ` -> ` is a link, one that ends in `/` a folder, `name=text` has text.
    fn folder(entries: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for entry in entries {
            if let Some((name, _target)) = entry.split_once(" -> ") {
                let at = dir.path().join(name);
                fs::create_dir_all(at.parent().unwrap()).unwrap();
                #[cfg(unix)]
                std::os::unix::fs::symlink(_target, at).unwrap();
            } else if entry.ends_with('/') {
                fs::create_dir_all(dir.path().join(entry)).unwrap();
            } else {
                let (name, text) = entry.split_once('=').unwrap_or((entry, ""));
                let at = dir.path().join(name);
                fs::create_dir_all(at.parent().unwrap()).unwrap();
                fs::write(at, text).unwrap();
            }
        }
        dir
    }

    fn check(entries: &[&str], expect: &[&str]) {
        let dir = folder(entries);
        let found = discover(dir.path(), Limits::default());
        assert_eq!(relative(dir.path(), &found.files), expect, "{entries:?}");
        assert_eq!(found.problems, [], "{entries:?}");
    }

    fn relative(root: &Path, files: &[PathBuf]) -> Vec<String> {
        files
            .iter()
            .map(|file| {
                let inner = file.strip_prefix(root).expect("a path of the folder");
                inner.to_string_lossy().replace('\\', "/")
            })
            .collect()
    }

    #[test]
    fn the_wanted_extensions_sorted() {
        check(
            &[
                "main.bicep",
                "b/x.BICEP",
                "a.bicepparam",
                "a.json",
                "c.jsonc",
                "d.arm",
                "readme.md",
                "bicep",
                ".bicep",
                "x.bicep.bak",
                "folder.bicep/",
                "folder.json/in.json",
            ],
            &[
                "a.bicepparam",
                "a.json",
                "b/x.BICEP",
                "c.jsonc",
                "d.arm",
                "folder.json/in.json",
                "main.bicep",
            ],
        );
    }

    #[test]
    fn ignored_folders_are_not_entered_hidden_ones_are() {
        check(
            &[
                ".gitignore=out/\n*.tmp.json\n!keep.tmp.json\n",
                ".ignore=main.bicep",
                "out/x.bicep",
                "a.tmp.json",
                "keep.tmp.json",
                "main.bicep",
                "sub/.gitignore=/y.bicep",
                "sub/y.bicep",
                "sub/deep/y.bicep",
                "node_modules/p/x.bicep",
                "sub/node_modules/x.json",
                ".git/x.json",
                ".azure/env.json",
                ".github/w.bicep",
            ],
            &[
                ".azure/env.json",
                ".github/w.bicep",
                "keep.tmp.json",
                "main.bicep",
                "sub/deep/y.bicep",
            ],
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_once() {
        check(
            &[
                "a/x.bicep",
                "a/loop -> .",
                "a/up -> ../b",
                "b/back -> ../a",
                "b/y.bicep",
                "link.bicep -> a/x.bicep",
                "dangling.bicep -> none",
                "self -> self",
            ],
            &["a/x.bicep", "b/y.bicep"],
        );
        // What is ignored in its own place is reached through the link, one way only.
        check(
            &[
                ".gitignore=/real",
                "real/in/x.bicep",
                "link1 -> real",
                "link2 -> real",
                "link3.bicep -> real/in/x.bicep",
                "link4 -> real/in",
            ],
            &["link1/in/x.bicep"],
        );
        let many: Vec<String> = (0..14)
            .flat_map(|i| (0..14).map(move |j| format!("d{i}/l{j} -> ../d{j}")))
            .chain(["d3/x.bicep".to_owned()])
            .collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        check(&many, &["d3/x.bicep"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_folder_is_followed_unless_it_leads_above() {
        let dir = folder(&[
            "ws/out -> ../elsewhere",
            "elsewhere/x.bicep",
            "elsewhere/back -> ../ws",
            "ws/above -> ..",
            "ws/main.bicep",
            "entry -> ws",
        ]);
        for root in ["ws", "entry"] {
            let root = dir.path().join(root);
            let found = discover(&root, Limits::default());
            assert_eq!(relative(&root, &found.files), ["main.bicep", "out/x.bicep"]);
            let problems: Vec<_> = found
                .problems
                .iter()
                .map(|(path, _)| path.clone())
                .collect();
            assert_eq!(problems, [root.join("above")]);
        }
    }

    #[test]
    fn unreadable_folders_are_reported() {
        let dir = folder(&["file.bicep", "a.json", "b.json"]);
        for (root, words) in [("none", "does not exist"), ("file.bicep", "is a file")] {
            let found = discover(&dir.path().join(root), Limits::default());
            assert!(found.files.is_empty());
            assert!(found.problems[0].1.contains(words), "{:?}", found.problems);
        }
        let found = discover(
            dir.path(),
            Limits {
                files: 2,
                depth: None,
            },
        );
        assert_eq!(relative(dir.path(), &found.files), ["a.json", "b.json"]);
        assert!(
            found.problems[0].1.contains("more than 2"),
            "{:?}",
            found.problems
        );
    }
}
