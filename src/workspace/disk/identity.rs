//! File identity: paths that differ in case or lead through links to one file.

use std::fs;
use std::path::{Path, PathBuf};

use super::paths::{joined, normalize};
use super::{DiskError, is_file, is_folder, names_in};

/// Whether file systems of this platform find a file whatever the case of its name.
const IN_ANY_CASE: bool = cfg!(any(windows, target_os = "macos"));

/// No system has longer paths (bytes).
const LONGEST: usize = 32 << 10;

/// The path with every link resolved; `None` where it does not resolve.
pub fn real(path: &Path) -> Option<PathBuf> {
    // Windows returns `\\?\C:\…`; the same file must have one form.
    fs::canonicalize(path).ok().map(|path| normalize(&path))
}

/// The same for a folder, given where the folder around it really is.
pub fn real_below(parent: &Path, folder: &Path) -> Option<PathBuf> {
    let known = fs::symlink_metadata(folder).ok()?;
    match (known.is_dir() && !IN_ANY_CASE, folder.file_name()) {
        (true, Some(name)) => Some(parent.join(name)),
        _ => real(folder),
    }
}

/// Whether a path is a symbolic link itself.
pub fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|known| known.is_symlink())
}

/// Whether a folder represents another one without being a symbolic link: Windows has more kinds of such folders than
/// Rust's standard library knows by name.
pub fn is_reparse_point(metadata: impl FnOnce() -> Option<fs::Metadata>) -> bool {
    #[cfg(windows)]
    {
        const FILE_ATTRIBUTE_REPARSE_POINT: u32 = 0x400;
        use std::os::windows::fs::MetadataExt;
        metadata().is_some_and(|it| it.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT != 0)
    }
    #[cfg(not(windows))]
    {
        let _ = metadata;
        false
    }
}

/// The regular file that `reference` (written with `/` in a file of folder `folder`) names: joined and normalized;
/// where no such file exists but one does that differs only in case, that one. References are relative, as Bicep asks:
/// an absolute one names nothing. [`DiskError::NotAFile`] where a folder, a pipe or a device has that name.
pub fn find(folder: &Path, reference: &str) -> Result<PathBuf, DiskError> {
    let path = joined(folder, reference).ok_or(DiskError::NotFound)?;
    // Nearly always right, so one question to the system; folders are listed only after a miss.
    if is_file(&path) {
        return Ok(as_on_disk(&path));
    }
    in_any_case(&path).ok_or_else(|| match path.exists() {
        true => DiskError::NotAFile,
        false => DiskError::NotFound,
    })
}

/// The regular file whose path differs from a path only in case, if at all.
fn in_any_case(path: &Path) -> Option<PathBuf> {
    if path.as_os_str().len() > LONGEST {
        return None;
    }
    let there = path.ancestors().skip(1).find(|folder| is_folder(folder))?;
    let mut names = path.strip_prefix(there).ok()?.iter().peekable();
    let mut found = there.to_path_buf();
    while let Some(name) = names.next() {
        let wanted = name.to_str()?.to_lowercase();
        let is_wanted = if names.peek().is_none() {
            is_file
        } else {
            is_folder
        };
        // Several may differ only in case: the names are sorted, so the choice is always the same.
        let there = names_in(&found).into_iter();
        let alike = there.filter(|name| name.to_lowercase() == wanted);
        found = alike
            .map(|name| found.join(name))
            .find(|path| is_wanted(path))?;
    }
    Some(found)
}

/// The path in the case of the names on disk, where the file system finds a file in any case: one file must not have two
/// names. Links are not resolved. What does not exist is named after the nearest folder that does.
pub fn as_on_disk(path: &Path) -> PathBuf {
    if !IN_ANY_CASE || !path.is_absolute() {
        return path.to_path_buf();
    }
    let folded = |path: &Path| path.to_str().map(str::to_lowercase);
    let real = real(path);
    if let Some(real) = real.as_ref().filter(|real| folded(real) == folded(path)) {
        return real.clone();
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return path.to_path_buf();
    };
    let folder = as_on_disk(folder);
    let wanted = name.to_string_lossy().to_lowercase();
    let own = match real {
        Some(_) => names_in(&folder)
            .into_iter()
            .find(|own| own.to_lowercase() == wanted),
        None => None,
    };
    match own {
        Some(own) => folder.join(own),
        None => folder.join(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_whatever_their_case() {
        let dir = tempfile::tempdir().unwrap();
        let root = real(dir.path()).unwrap();
        fs::create_dir_all(root.join("Modules/deep")).unwrap();
        fs::create_dir_all(root.join("app")).unwrap();
        fs::create_dir(root.join("folder.bicep")).unwrap();
        for file in ["Modules/Acr.bicep", "Modules/deep/x.bicep", "é.bicep"] {
            fs::write(root.join(file), "").unwrap();
        }
        let check = |reference: &str, expect: Option<&str>| {
            let got = find(&root.join("app"), reference).ok();
            assert_eq!(got, expect.map(|e| root.join(e)), "{reference}");
        };
        check("../Modules/Acr.bicep", Some("Modules/Acr.bicep"));
        check("../modules/ACR.bicep", Some("Modules/Acr.bicep"));
        check("./../MODULES/./DEEP/X.bicep", Some("Modules/deep/x.bicep"));
        check(r"..\Modules\Acr.bicep", Some("Modules/Acr.bicep"));
        check("../É.bicep", Some("é.bicep"));
        let own = root.join("é.bicep");
        assert_eq!(as_on_disk(&own), own);
        // Paths are joined by text: a folder that `..` leaves again need not exist.
        check("gone/../../Modules/Acr.bicep", Some("Modules/Acr.bicep"));
        check("../Modules/none.bicep", None);
        check("../folder.bicep", None);
        check("", None);
        check("..", None);
        check("/etc/passwd", None);
        check("C:/x.bicep", None);
        check("a\0b", None);
        check(&"x/".repeat(4000), None);
        assert_eq!(names_in(&root.join("Modules")), ["Acr.bicep", "deep"]);
        assert!(names_in(&root.join("none")).is_empty());
    }
}
