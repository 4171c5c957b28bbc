//! The only module that touches the file system, so that limits, odd files and encodings are handled once.
//!
//! Whatever a workspace may contain ends here: pipes and devices are recognized before they are opened (opening some of
//! them blocks, or does something), sizes are checked before memory is asked for, and every error is one plain line.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Files larger than this are not read (bytes).
pub const MAX_FILE: u64 = 64 << 20;

/// A file as read: text in UTF-8, with what is needed to write it back as it was.
#[derive(Debug, Clone)]
pub struct FileText {
    /// The text, without a byte order mark.
    pub text: Arc<str>,
    /// What the bytes on disk were.
    pub encoding: DiskEncoding,
    /// Changes when the file does.
    pub stamp: Stamp,
}

/// How a file is encoded on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DiskEncoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// UTF-8 with a byte order mark.
    Utf8Bom,
    /// UTF-16, little endian, with its mark.
    Utf16Le,
    /// UTF-16, big endian, with its mark.
    Utf16Be,
}

/// Tells one state of a file on disk from another: length in bytes, time of change in nanoseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp {
    /// Length in bytes.
    pub len: u64,
    /// Modification time, nanoseconds since the epoch; 0 where the platform has none.
    pub modified: u128,
}

/// Why a file could not be read or written. `Display` gives one plain line without the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiskError {
    /// There is none.
    NotFound,
    /// It exists, but may not be read (or written).
    Denied,
    /// A folder, pipe, socket or device.
    NotAFile,
    /// Larger than the limit: its length in bytes.
    TooLarge(u64),
    /// Neither UTF-8 nor UTF-16 with a mark: the offset of the first wrong byte.
    NotText(u64),
    /// It is there already, and was to be created.
    Exists,
    /// Anything else, in the system's words.
    Other(String),
}

impl std::fmt::Display for DiskError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DiskError::NotFound => f.write_str("does not exist"),
            DiskError::Denied => f.write_str("permission denied"),
            DiskError::NotAFile => f.write_str("is not a regular file"),
            DiskError::TooLarge(len) => write!(
                f,
                "is too large to be read ({} MiB, the limit is {} MiB)",
                len.div_ceil(1 << 20),
                MAX_FILE >> 20
            ),
            DiskError::NotText(offset) => write!(
                f,
                "is not text: byte {offset} is wrong in its encoding (UTF-8, or UTF-16 with a byte order mark)"
            ),
            DiskError::Exists => f.write_str("exists already"),
            DiskError::Other(words) => f.write_str(words.lines().next().unwrap_or("unknown error")),
        }
    }
}

impl std::error::Error for DiskError {}

impl From<std::io::Error> for DiskError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            // A path with a file where a folder should be, or with a NUL in it, names nothing.
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidInput => {
                DiskError::NotFound
            }
            ErrorKind::PermissionDenied => DiskError::Denied,
            ErrorKind::IsADirectory => DiskError::NotAFile,
            ErrorKind::AlreadyExists => DiskError::Exists,
            _ => DiskError::Other(error.to_string()),
        }
    }
}

/// Reads a regular file as text (never blocks on pipes and devices).
pub fn read(path: &Path) -> Result<FileText, DiskError> {
    let mut bytes = Vec::new();
    let stamp = read_into(path, MAX_FILE, &mut bytes)?;
    let (text, encoding) = decode(bytes)?;
    Ok(FileText {
        text,
        encoding,
        stamp,
    })
}

/// Reads the bytes of a regular file.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, DiskError> {
    let mut bytes = Vec::new();
    read_into(path, MAX_FILE, &mut bytes)?;
    Ok(bytes)
}

/// As [`read_bytes`] with a limit in bytes, into a buffer that the caller uses again for the next file: scanning thousands of files, fresh
/// pages for each would cost more than the reading. The buffer holds exactly the file afterwards, nothing on an error.
pub fn read_into(path: &Path, limit: u64, buffer: &mut Vec<u8>) -> Result<Stamp, DiskError> {
    buffer.clear();
    // Asked before opening: opening a pipe waits for its other end, and opening a device may do something.
    if !fs::metadata(path)?.is_file() {
        return Err(DiskError::NotAFile);
    }
    let mut file = open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(DiskError::NotAFile);
    }
    let stamp = stamp_of(&metadata);
    if stamp.len > limit {
        return Err(DiskError::TooLarge(stamp.len));
    }
    let outcome = (|| {
        // The length is a promise only: files of `/proc` say 0, and a file may grow while it is read.
        buffer.reserve(usize::try_from(stamp.len).unwrap_or(0).saturating_add(1));
        (&mut file)
            .take(limit.saturating_add(1))
            .read_to_end(buffer)?;
        if buffer.len() as u64 > limit {
            return Err(DiskError::TooLarge(buffer.len() as u64));
        }
        Ok(stamp)
    })();
    if outcome.is_err() {
        buffer.clear();
    }
    outcome
}

/// Opens without waiting: between the look at the path and this call, a pipe may have taken the file's place.
#[cfg(unix)]
fn open(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> std::io::Result<File> {
    File::open(path)
}

/// Text from bytes: UTF-8 with or without a mark, UTF-16 with one.
pub fn decode(mut bytes: Vec<u8>) -> Result<(Arc<str>, DiskEncoding), DiskError> {
    match encoding_of(&bytes) {
        DiskEncoding::Utf8 => {
            let text = String::from_utf8(bytes)
                .map_err(|error| DiskError::NotText(error.utf8_error().valid_up_to() as u64))?;
            Ok((text.into(), DiskEncoding::Utf8))
        }
        DiskEncoding::Utf8Bom => {
            bytes.drain(..3);
            let text = String::from_utf8(bytes)
                .map_err(|error| DiskError::NotText(error.utf8_error().valid_up_to() as u64 + 3))?;
            Ok((text.into(), DiskEncoding::Utf8Bom))
        }
        DiskEncoding::Utf16Le => Ok((utf16(&bytes, u16::from_le_bytes)?, DiskEncoding::Utf16Le)),
        DiskEncoding::Utf16Be => Ok((utf16(&bytes, u16::from_be_bytes)?, DiskEncoding::Utf16Be)),
    }
}

/// Whether bytes are text, without making one: UTF-8 is only looked through.
pub fn validate(bytes: &[u8]) -> Result<(), DiskError> {
    match encoding_of(bytes) {
        DiskEncoding::Utf8 | DiskEncoding::Utf8Bom => std::str::from_utf8(bytes)
            .map(|_| ())
            .map_err(|error| DiskError::NotText(error.valid_up_to() as u64)),
        DiskEncoding::Utf16Le => utf16(bytes, u16::from_le_bytes).map(|_| ()),
        DiskEncoding::Utf16Be => utf16(bytes, u16::from_be_bytes).map(|_| ()),
    }
}

/// What the first bytes say of the encoding.
pub fn encoding_of(bytes: &[u8]) -> DiskEncoding {
    match bytes {
        [0xef, 0xbb, 0xbf, ..] => DiskEncoding::Utf8Bom,
        [0xff, 0xfe, ..] => DiskEncoding::Utf16Le,
        [0xfe, 0xff, ..] => DiskEncoding::Utf16Be,
        _ => DiskEncoding::Utf8,
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Arc<str>, DiskError> {
    let body = bytes.get(2..).unwrap_or_default();
    let (pairs, rest) = body.as_chunks::<2>();
    let mut text = String::with_capacity(body.len());
    let mut offset = 2;
    for character in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        let character = character.map_err(|_| DiskError::NotText(offset))?;
        offset += character.len_utf16() as u64 * 2;
        text.push(character);
    }
    if !rest.is_empty() {
        return Err(DiskError::NotText(offset));
    }
    Ok(text.into())
}

/// Bytes from text, in the encoding a file had: what [`replace`] is given.
pub fn encode(text: &str, encoding: DiskEncoding) -> Vec<u8> {
    let wide = |mark: [u8; 2], unit: fn(u16) -> [u8; 2]| {
        mark.into_iter()
            .chain(text.encode_utf16().flat_map(unit))
            .collect()
    };
    match encoding {
        DiskEncoding::Utf8 => text.as_bytes().to_vec(),
        DiskEncoding::Utf8Bom => [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        DiskEncoding::Utf16Le => wide([0xff, 0xfe], u16::to_le_bytes),
        DiskEncoding::Utf16Be => wide([0xfe, 0xff], u16::to_be_bytes),
    }
}

/// The stamp of a regular file, without reading it.
pub fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    metadata.is_file().then(|| stamp_of(&metadata))
}

fn stamp_of(metadata: &Metadata) -> Stamp {
    let modified = metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
        .map_or(0, |since| since.as_nanos());
    Stamp {
        len: metadata.len(),
        modified,
    }
}

/// Whether the path leads to a regular file, through links too.
pub fn is_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}

/// Whether the path leads to anything.
pub fn is_there(path: &Path) -> bool {
    fs::metadata(path).is_ok()
}

/// Whether the path leads to a folder, through links too.
pub fn is_folder(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// The path with every link resolved; `None` where it leads nowhere.
pub fn real(path: &Path) -> Option<PathBuf> {
    // Windows returns `\\?\C:\…`; the same file must have one form.
    fs::canonicalize(path).ok().map(|path| normalize(&path))
}

/// Removes `.` and `..` by text, keeps the case, resolves no links; both separators on Windows. Absolute: a relative
/// path counts from the working directory. What begins with a URI's scheme (`untitled:Untitled-1`) names no file and
/// stays as it is.
pub fn normalize(path: &Path) -> PathBuf {
    if is_uri(path) {
        return path.to_path_buf();
    }
    if cfg!(windows)
        && let Some(text) = path.to_str()
    {
        let absolute = std::path::absolute(path).ok();
        let text = absolute
            .as_deref()
            .and_then(Path::to_str)
            .unwrap_or(text)
            .to_owned();
        return PathBuf::from(normalize_windows(&text));
    }
    let absolute;
    let path = if path.is_absolute() {
        path
    } else {
        absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        &absolute
    };
    let mut normal = PathBuf::with_capacity(path.as_os_str().len());
    for component in path.components() {
        match component {
            Component::CurDir => {}
            // At the root this does nothing, as in the file system itself.
            Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

/// A scheme has two letters or more: one is a drive.
fn is_uri(path: &Path) -> bool {
    let scheme = path.to_str().and_then(|text| text.split_once(':'));
    scheme.is_some_and(|(scheme, _)| {
        scheme.len() > 1
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    })
}

/// [`normalize`] for Windows, over text so that it is tested on every platform: drive letters in upper case (editors
/// send `c:`), the long form `\\?\` taken off, servers and shares kept as the root.
fn normalize_windows(text: &str) -> String {
    let text = text.replace('/', "\\");
    let text = match text.strip_prefix(r"\\?\") {
        Some(rest)
            if rest
                .get(..4)
                .is_some_and(|s| s.eq_ignore_ascii_case(r"UNC\")) =>
        {
            format!(r"\\{}", &rest[4..])
        }
        Some(rest) if rest.as_bytes().get(1) == Some(&b':') => rest.to_owned(),
        _ => text,
    };
    let (root, rest) = if let Some(unc) = text.strip_prefix(r"\\") {
        let mut parts = unc.splitn(3, '\\');
        let server = parts.next().unwrap_or_default();
        let share = parts.next().unwrap_or_default();
        (
            format!(r"\\{server}\{share}\"),
            parts.next().unwrap_or_default(),
        )
    } else if text.as_bytes().get(1) == Some(&b':') && text.as_bytes()[0].is_ascii_alphabetic() {
        (
            format!("{}:\\", text[..1].to_ascii_uppercase()),
            text[2..].trim_start_matches('\\'),
        )
    } else if let Some(rest) = text.strip_prefix('\\') {
        ("\\".to_owned(), rest)
    } else {
        (String::new(), text.as_str())
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in rest.split('\\') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    root + &parts.join("\\")
}

/// The regular file that `reference` (written with `/` in a file of folder `folder`) names: joined and normalized;
/// where no such file exists but one does that differs only in case, that one. References are relative, as Bicep asks:
/// an absolute one names nothing. [`DiskError::NotAFile`] where a folder, a pipe or a device has that name.
pub fn find(folder: &Path, reference: &str) -> Result<PathBuf, DiskError> {
    let path = joined(folder, reference).ok_or(DiskError::NotFound)?;
    // Nearly always right, so one question to the system; folders are listed only after a miss.
    if is_file(&path) {
        return Ok(match cfg!(any(windows, target_os = "macos")) {
            true => in_own_case(path),
            false => path,
        });
    }
    in_any_case(&path).ok_or_else(|| match path.exists() {
        true => DiskError::NotAFile,
        false => DiskError::NotFound,
    })
}

/// The regular file whose path differs from a path only in case, if at all.
fn in_any_case(path: &Path) -> Option<PathBuf> {
    let mut found = PathBuf::new();
    let mut components = path.components().peekable();
    while let Some(component) = components.next() {
        let next = found.join(component);
        let last = components.peek().is_none();
        found = if last && is_file(&next) || !last && is_folder(&next) {
            next
        } else {
            let Component::Normal(name) = component else {
                return None;
            };
            let wanted = name.to_str()?.to_lowercase();
            let fits = |path: &PathBuf| if last { is_file(path) } else { is_folder(path) };
            // Several may differ only in case: the names are sorted, so the choice is always the same.
            names_in(&found)
                .into_iter()
                .filter(|name| name.to_lowercase() == wanted)
                .map(|name| found.join(name))
                .find(fits)?
        };
    }
    Some(found)
}

/// The path as its folder spells it, where the file system found it in another case: one file must not have two names
/// here. Links are not resolved.
fn in_own_case(path: PathBuf) -> PathBuf {
    let Some(real) = real(&path).map(|real| normalize(&real)) else {
        return path;
    };
    let folded = |path: &Path| path.to_str().map(str::to_lowercase);
    match folded(&real) == folded(&path) {
        true => real,
        false => path,
    }
}

/// Where `reference` would lie, whether it exists or not. `None` for what is no relative path. A `\` separates too:
/// Bicep refuses it, but templates written on Windows link so.
pub fn joined(folder: &Path, reference: &str) -> Option<PathBuf> {
    let reference = reference.replace('\\', "/");
    let drive = reference.as_bytes().get(1) == Some(&b':');
    if reference.is_empty() || reference.starts_with('/') || drive || reference.contains('\0') {
        return None;
    }
    Some(normalize(&folder.join(reference)))
}

/// Names in a folder, sorted; for choosing names that clash with none in any case. Empty where it cannot be listed.
pub fn names_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    names
}

/// New content that lies beside its file until [`Staged::commit`] puts it there; dropped before, it is taken away again.
#[derive(Debug)]
pub struct Staged {
    beside: PathBuf,
    target: PathBuf,
    create: bool,
}

impl Staged {
    /// Puts the content in its place, wholly or not at all.
    pub fn commit(self) -> Result<(), DiskError> {
        if self.create {
            // Fails where another came first, which a rename would not.
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&self.target)?;
        }
        fs::rename(&self.beside, &self.target).map_err(|error| {
            if self.create {
                let _ = fs::remove_file(&self.target);
            }
            DiskError::from(error)
        })
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After a commit there is nothing left to remove; and if it fails, the first error is the one to tell.
        let _ = fs::remove_file(&self.beside);
    }
}

/// Puts `bytes` in the place of a file's content, wholly or not at all: written beside it, then renamed over it.
/// Permissions stay, and a symbolic link stays a link (what it leads to is replaced).
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    stage(path, bytes)?.commit()
}

/// Writes what [`replace`] would, without putting it in place yet.
pub fn stage(path: &Path, bytes: &[u8]) -> Result<Staged, DiskError> {
    let target = fs::canonicalize(path)?;
    let metadata = fs::metadata(&target)?;
    if !metadata.is_file() {
        return Err(DiskError::NotAFile);
    }
    // A rename asks only the folder for permission; the owner of a read-only file means the file.
    if metadata.permissions().readonly() {
        return Err(DiskError::Denied);
    }
    let (mut file, staged) = open_beside(target, false)?;
    file.write_all(bytes)?;
    keep_owner(&file, &metadata);
    file.set_permissions(metadata.permissions())?;
    Ok(staged)
}

/// As [`stage`], for a file that must not exist yet.
pub fn stage_new(path: &Path, bytes: &[u8]) -> Result<Staged, DiskError> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(DiskError::Exists);
    }
    let (mut file, staged) = open_beside(path.to_path_buf(), true)?;
    file.write_all(bytes)?;
    Ok(staged)
}

fn open_beside(target: PathBuf, create: bool) -> Result<(File, Staged), DiskError> {
    let beside = beside(&target)?;
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&beside)?;
    let staged = Staged {
        beside,
        target,
        create,
    };
    Ok((file, staged))
}

/// Opens a file to add lines to, such as a log.
pub fn append(path: &Path) -> Result<Box<dyn Write + Send>, DiskError> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    Ok(Box::new(file))
}

/// A name in the same folder (so that the rename stays within one file system) that no other run uses.
fn beside(path: &Path) -> Result<PathBuf, DiskError> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().ok_or(DiskError::NotAFile)?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    hidden.push(format!(".{}-{count}.tmp", std::process::id()));
    Ok(path.with_file_name(hidden))
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
    use super::*;

    #[test]
    fn text_in_every_encoding_and_back() {
        let check = |bytes: &[u8], expect: Result<(&str, DiskEncoding), u64>| {
            let got = decode(bytes.to_vec());
            assert_eq!(validate(bytes).err(), got.clone().err(), "{bytes:?}");
            match (&got, expect) {
                (Ok((text, encoding)), Ok((expect, expected_encoding))) => {
                    assert_eq!((&**text, *encoding), (expect, expected_encoding));
                    assert_eq!(encode(text, *encoding), bytes, "{bytes:?} written back");
                }
                (Err(DiskError::NotText(at)), Err(expect)) => assert_eq!(*at, expect, "{bytes:?}"),
                (got, expect) => panic!("{bytes:?}: {got:?}, not {expect:?}"),
            }
        };
        check(b"", Ok(("", DiskEncoding::Utf8)));
        check("aé𝄞".as_bytes(), Ok(("aé𝄞", DiskEncoding::Utf8)));
        check(b"\xef\xbb\xbfa", Ok(("a", DiskEncoding::Utf8Bom)));
        check(
            b"\xff\xfea\0\x34\xd8\x1e\xdd",
            Ok(("a𝄞", DiskEncoding::Utf16Le)),
        );
        check(
            b"\xfe\xff\0a\xd8\x34\xdd\x1e",
            Ok(("a𝄞", DiskEncoding::Utf16Be)),
        );
        check(b"ab\xff", Err(2));
        check(b"\xef\xbb\xbfab\xc3", Err(5));
        // A lone surrogate, and half a unit at the end.
        check(b"\xff\xfea\0\x34\xd8b\0", Err(4));
        check(b"\xff\xfea\0b", Err(4));
    }

    #[test]
    fn paths_are_normalized_by_text() {
        let check = |path: &str, expect: &str| {
            assert_eq!(normalize(Path::new(path)), Path::new(expect), "{path}");
        };
        if cfg!(unix) {
            check("/a/./b/../c//d/", "/a/c/d");
            check("/../../a", "/a");
            check("/A/b", "/A/b");
            check("/", "/");
            check("/a/b:c/../d", "/a/d");
        }
        check("untitled:Untitled-1", "untitled:Untitled-1");
        check("vscode-vfs://github/a/../b", "vscode-vfs://github/a/../b");
        assert!(normalize(Path::new("x/../y.bicep")).is_absolute());
    }

    #[test]
    fn paths_of_windows_are_normalized_on_every_platform() {
        let check =
            |path: &str, expect: &str| assert_eq!(normalize_windows(path), expect, "{path}");
        check(r"c:\A\.\b\..\c", r"C:\A\c");
        check("c:/work/main.bicep", r"C:\work\main.bicep");
        check(r"C:\..\..\x", r"C:\x");
        check(r"\\?\C:\a\b", r"C:\a\b");
        check(r"\\server\share\a\..\..\..\b", r"\\server\share\b");
        check(r"\\?\UNC\server\share\a", r"\\server\share\a");
        check(r"\\?\unc\server\share\a", r"\\server\share\a");
        check(r"C:", r"C:\");
        check(r"\\s", r"\\s\\");
        check("", "");
    }

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
        assert_eq!(in_own_case(own.clone()), own);
        // The way there is by text: the folder that is left again need not exist.
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

    #[test]
    fn odd_files_are_told_in_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("good"), "text").unwrap();
        fs::write(at("binary"), b"\x00\xff\xfe").unwrap();
        let check = |path: PathBuf, expect: DiskError, words: &str| {
            let error = read(&path).expect_err("an error");
            assert_eq!(error, expect, "{}", path.display());
            let line = error.to_string();
            assert!(line.contains(words) && !line.contains('\n'), "{line}");
        };
        check(at("none"), DiskError::NotFound, "does not exist");
        check(at("good/under"), DiskError::NotFound, "does not exist");
        check(at(""), DiskError::NotAFile, "not a regular file");
        check(at("binary"), DiskError::NotText(1), "byte 1");
        File::create(at("large"))
            .unwrap()
            .set_len(MAX_FILE + 1)
            .unwrap();
        check(at("large"), DiskError::TooLarge(MAX_FILE + 1), "65 MiB");
        let mut buffer = b"before".to_vec();
        let outcome = read_into(&at("good"), 3, &mut buffer);
        assert_eq!((outcome, &*buffer), (Err(DiskError::TooLarge(4)), &b""[..]));
        read_into(&at("good"), 4, &mut buffer).unwrap();
        assert_eq!(buffer, b"text");
        let good = read(&at("good")).unwrap();
        assert_eq!(
            (&*good.text, Some(good.stamp)),
            ("text", stamp(&at("good")))
        );
    }

    #[cfg(unix)]
    #[test]
    fn pipes_sockets_and_devices_do_not_block() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe.bicep");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("mkfifo runs").success());
        let socket = dir.path().join("socket.bicep");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for path in [
            &pipe,
            &socket,
            Path::new("/dev/zero"),
            Path::new("/dev/tty"),
        ] {
            assert_eq!(read(path).err(), Some(DiskError::NotAFile), "{path:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_replaced_whole_with_its_permissions() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("real.bicep"), "old").unwrap();
        fs::set_permissions(at("real.bicep"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink("real.bicep", at("link.bicep")).unwrap();
        replace(&at("link.bicep"), b"new").unwrap();
        assert_eq!(fs::read(at("real.bicep")).unwrap(), b"new");
        let mode = fs::metadata(at("real.bicep")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert!(fs::symlink_metadata(at("link.bicep")).unwrap().is_symlink());

        fs::write(at("kept.bicep"), "old").unwrap();
        fs::set_permissions(at("kept.bicep"), fs::Permissions::from_mode(0o440)).unwrap();
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
        let names = names_in(dir.path());
        assert_eq!(
            names,
            ["kept.bicep", "link.bicep", "made.bicep", "real.bicep"]
        );
    }
}
