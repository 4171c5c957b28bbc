//! Paths as people write and read them: globs where no shell expanded them, and relative to the working directory with
//! `/` in every report, so that the same call gives the same bytes on every machine.

use std::path::{Component, Path, PathBuf};

use crate::workspace::disk;

/// The working directory, to which reports are relative.
#[derive(Debug, Clone)]
pub struct Base(PathBuf);

impl Base {
    /// The present working directory.
    pub fn here() -> Self {
        Base(disk::normalize(Path::new(".")))
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// A path relative to the working directory, `/` between its parts.
    pub fn relative(&self, path: &Path) -> String {
        let mut base = self.0.components().peekable();
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
        // Nothing in common but the root, or another drive: relative would say less.
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
}

/// What the arguments name, sorted, each once.
#[derive(Debug, Default)]
pub struct Named {
    /// Workspace folders.
    pub folders: Vec<PathBuf>,
    /// Files to judge as entry points.
    pub files: Vec<PathBuf>,
    /// Arguments that name nothing, with the reason.
    pub wrong: Vec<(PathBuf, String)>,
}

/// Tells folders from files. Without arguments, the working directory.
pub fn named(arguments: &[PathBuf]) -> Named {
    let mut named = Named::default();
    if arguments.is_empty() {
        named.folders.push(disk::normalize(Path::new(".")));
    }
    for argument in arguments {
        let path = disk::normalize(argument);
        if disk::is_folder(&path) {
            named.folders.push(path);
        } else if disk::is_file(&path) {
            named.files.push(path);
        } else {
            expand(argument, path, &mut named);
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

/// A pattern that no shell expanded (`'infra/**/*.bicep'`), else a path that leads nowhere.
fn expand(argument: &Path, path: PathBuf, named: &mut Named) {
    let text = argument.to_string_lossy();
    if !text.contains(['*', '?', '[']) {
        let words = match disk::read(&path) {
            Err(error) => error.to_string(),
            Ok(_) => "is not a regular file".to_owned(),
        };
        named.wrong.push((path, words));
        return;
    }
    let before = named.files.len() + named.folders.len();
    let found = match glob::glob(&text) {
        Ok(found) => found,
        Err(error) => {
            named
                .wrong
                .push((path, format!("is no pattern: {}", error.msg)));
            return;
        }
    };
    for entry in found {
        match entry {
            Ok(found) if disk::is_folder(&found) => named.folders.push(disk::normalize(&found)),
            Ok(found) => named.files.push(disk::normalize(&found)),
            Err(error) => named
                .wrong
                .push((error.path().to_path_buf(), error.error().to_string())),
        }
    }
    if named.files.len() + named.folders.len() == before {
        named.wrong.push((path, "matches nothing".to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn paths_are_relative_where_that_says_more() {
        let base = Base(PathBuf::from("/home/a/work"));
        let check = |path: &str, expect: &str| {
            assert_eq!(base.relative(Path::new(path)), expect);
        };
        check("/home/a/work/x/main.bicep", "x/main.bicep");
        check("/home/a/other/main.bicep", "../other/main.bicep");
        check("/home/a/work", ".");
        check("/srv/main.bicep", "/srv/main.bicep");
    }
}
