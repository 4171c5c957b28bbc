//! Atomic replacement: at any time a file has its old content or its new content.

use std::fs::{self, File, Metadata};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tempfile::{Builder, NamedTempFile};

use super::DiskError;

/// Held while files are being written: whoever ends the program for another reason takes it first.
static WRITING: Mutex<()> = Mutex::new(());

/// Waits until nothing is being written; nothing is, as long as the result lives.
pub fn while_writing() -> MutexGuard<'static, ()> {
    WRITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// New content that is beside its file until [`Staged::commit`] puts it there; dropped before, it is removed.
#[derive(Debug)]
pub struct Staged {
    beside: NamedTempFile,
    target: PathBuf,
    create: bool,
}

impl Staged {
    /// Puts the content in its place, wholly or not at all.
    pub fn commit(self) -> Result<(), DiskError> {
        if self.create {
            // Fails where another file was created first, which a rename would not.
            let created = self.beside.persist_noclobber(&self.target);
            return created.map(|_| ()).map_err(|error| error.error.into());
        }
        // `persist` would fail on Windows while another program reads the file; this rename does not.
        let (file, beside) = self.beside.keep().map_err(|error| error.error)?;
        drop(file);
        rename(&beside, &self.target).map_err(|error| {
            let _ = fs::remove_file(&beside);
            error.into()
        })
    }
}

/// How often a rename is tried, and how long to wait in between.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(10);

/// Renames a file over another. On Windows that fails as long as a program has the other open without sharing its
/// deletion. Virus scanners and indexers do so with each file that was just written, and close it within milliseconds;
/// nothing reports when, so the rename is tried again. Any other error is final.
fn rename(from: &Path, to: &Path) -> std::io::Result<()> {
    for _ in 1..TRIES {
        match fs::rename(from, to) {
            Err(error) if cfg!(windows) && is_in_use(&error) => std::thread::sleep(PAUSE),
            outcome => return outcome,
        }
    }
    fs::rename(from, to)
}

/// `ERROR_ACCESS_DENIED`, which also is what a file that may never be replaced gives, and `ERROR_SHARING_VIOLATION`.
fn is_in_use(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(5 | 32))
}

/// Puts `bytes` in the place of a file's content, wholly or not at all: written beside it, then renamed over it.
/// Permissions stay, and a symbolic link stays a link (what it leads to is replaced).
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    stage(path, bytes)?.commit()
}

/// Writes a report: replaces a file, creates one, or writes to a pipe or device.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let _writing = while_writing();
    match fs::symlink_metadata(path) {
        Err(_) => stage_new(path, bytes)?.commit(),
        Ok(_) if super::is_file(path) => replace(path, bytes),
        Ok(_) => Ok(fs::write(path, bytes)?),
    }
}

/// Writes what [`replace`] would, without putting it in place yet.
pub fn stage(path: &Path, bytes: &[u8]) -> Result<Staged, DiskError> {
    let target = match fs::symlink_metadata(path)?.is_symlink() {
        true => fs::canonicalize(path)?,
        false => super::normalize(path),
    };
    let metadata = fs::metadata(&target)?;
    if !metadata.is_file() {
        return Err(DiskError::NotAFile);
    }
    // A rename asks only the folder for permission; the owner of a read-only file means the file.
    if metadata.permissions().readonly() {
        return Err(DiskError::Denied);
    }
    let staged = beside(target, false, bytes)?;
    keep_owner(staged.beside.as_file(), &metadata);
    let file = staged.beside.as_file();
    file.set_permissions(metadata.permissions())?;
    Ok(staged)
}

/// As [`stage`], for a file that must not exist yet.
pub fn stage_new(path: &Path, bytes: &[u8]) -> Result<Staged, DiskError> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(DiskError::Exists);
    }
    beside(super::normalize(path), true, bytes)
}

/// Writes beside a file, so that the rename stays within one file system.
fn beside(target: PathBuf, create: bool, bytes: &[u8]) -> Result<Staged, DiskError> {
    let folder = target.parent().ok_or(DiskError::NotAFile)?;
    let mut builder = Builder::new();
    builder.prefix(".preflight-").suffix(".tmp");
    // A temporary file is for its owner alone; a created file has the system's default permissions.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut beside = builder.tempfile_in(folder)?;
    beside.write_all(bytes)?;
    Ok(Staged {
        beside,
        target,
        create,
    })
}

/// Only root can give files away; for everyone else the file is theirs already, so failing is no failure.
#[cfg(unix)]
fn keep_owner(file: &File, metadata: &Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    let _ = fchown(file, Some(metadata.uid()), Some(metadata.gid()));
}

#[cfg(not(unix))]
fn keep_owner(_file: &File, _metadata: &Metadata) {}

#[cfg(test)]
mod tests {
    use super::super::{names_in, read};
    use super::*;

    #[test]
    fn a_file_is_replaced_or_created_whole() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("kept.bicep"), "old").unwrap();
        let mut kept = fs::metadata(at("kept.bicep")).unwrap().permissions();
        kept.set_readonly(true);
        fs::set_permissions(at("kept.bicep"), kept).unwrap();
        assert_eq!(replace(&at("kept.bicep"), b"new"), Err(DiskError::Denied));
        assert_eq!(replace(&at("none.bicep"), b""), Err(DiskError::NotFound));
        assert_eq!(replace(dir.path(), b""), Err(DiskError::NotAFile));

        let staged = |bytes| stage_new(&at("made.bicep"), bytes);
        drop(staged(b"not wanted").unwrap());
        let (first, second) = (staged(b"x").unwrap(), staged(b"y").unwrap());
        assert_eq!(read(&at("made.bicep")).err(), Some(DiskError::NotFound));
        first.commit().unwrap();
        assert_eq!(second.commit(), Err(DiskError::Exists));
        assert_eq!(staged(b"z").err(), Some(DiskError::Exists));
        assert_eq!(&*read(&at("made.bicep")).unwrap().text, "x");
        write(&at("made.bicep"), b"report").unwrap();
        write(&at("new.json"), b"report").unwrap();
        assert_eq!(&*read(&at("made.bicep")).unwrap().text, "report");
        assert_eq!(
            names_in(dir.path()),
            ["kept.bicep", "made.bicep", "new.json"]
        );
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("real.bicep"), "old").unwrap();
        fs::set_permissions(at("real.bicep"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink("real.bicep", at("link.bicep")).unwrap();
        replace(&at("link.bicep"), b"new").unwrap();
        assert_eq!(fs::read(at("real.bicep")).unwrap(), b"new");
        let mode = |name| fs::metadata(at(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("real.bicep"), 0o640);
        assert!(fs::symlink_metadata(at("link.bicep")).unwrap().is_symlink());
        // What is created is as open to others as what the system creates.
        fs::write(at("as-usual"), "").unwrap();
        write(&at("new"), b"").unwrap();
        assert_eq!(mode("new"), mode("as-usual"));
    }
}
