//! The only module that touches the file system: limits, special files and encodings are handled here.
//!
//! Pipes and devices are recognized before they are opened (opening some of them blocks), sizes are checked before memory
//! is allocated, and every error is one line.

mod identity;
mod paths;
mod replace;

use std::borrow::Cow;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::sync::Arc;

pub use identity::{as_on_disk, find, is_link, is_reparse_point, real, real_below};
pub use paths::{from_uri, joined, normalize, to_relative_uri, to_uri};
pub use replace::{Staged, replace, stage, stage_new, while_writing, write};

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

/// Distinguishes the states of a file on disk: length in bytes, time of change in nanoseconds since the epoch.
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
    let stamp = read_into(path, &mut bytes)?;
    let (text, encoding) = decode(&bytes);
    Ok(FileText {
        text,
        encoding,
        stamp,
    })
}

/// Reads the bytes of a regular file.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, DiskError> {
    let mut bytes = Vec::new();
    read_into(path, &mut bytes)?;
    Ok(bytes)
}

/// Reads the bytes of a regular file of at most [`MAX_FILE`] bytes, into a buffer that the caller uses again for the next
/// file: fresh pages for each of thousands would cost more than the reading. The buffer holds exactly the file
/// afterwards, nothing on an error.
pub fn read_into(path: &Path, buffer: &mut Vec<u8>) -> Result<Stamp, DiskError> {
    buffer.clear();
    // Asked before opening: opening a pipe waits for its other end, and opening a device may do something.
    if !fs::metadata(path)?.is_file() {
        return Err(DiskError::NotAFile);
    }
    let outcome = read_open(&mut open(path)?, buffer);
    if outcome.is_err() {
        buffer.clear();
    }
    outcome
}

fn read_open(file: &mut File, buffer: &mut Vec<u8>) -> Result<Stamp, DiskError> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(DiskError::NotAFile);
    }
    let stamp = stamp_of(&metadata);
    if stamp.len > MAX_FILE {
        return Err(DiskError::TooLarge(stamp.len));
    }
    // The length is a promise only: files of `/proc` state 0, and a file may grow while it is read.
    buffer.reserve(usize::try_from(stamp.len).unwrap_or(0).saturating_add(1));
    file.take(MAX_FILE + 1).read_to_end(buffer)?;
    match buffer.len() as u64 {
        len if len > MAX_FILE => Err(DiskError::TooLarge(len)),
        _ => Ok(stamp),
    }
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

/// Text from bytes: UTF-16 with a byte order mark, else UTF-8. Bytes that are wrong in the encoding become U+FFFD, as Bicep
/// and Azure read them; no fix edits such a text, since the bytes would be lost ([`is_exact`]). A second mark becomes one
/// too: both refuse it, and a parser would skip it.
pub fn decode(bytes: &[u8]) -> (Arc<str>, DiskEncoding) {
    let encoding = encoding_of(bytes);
    let text = match encoding {
        DiskEncoding::Utf8 => utf8(bytes),
        DiskEncoding::Utf8Bom => utf8(&bytes[3..]),
        DiskEncoding::Utf16Le => utf16(&bytes[2..], u16::from_le_bytes).into(),
        DiskEncoding::Utf16Be => utf16(&bytes[2..], u16::from_be_bytes).into(),
    };
    match text.strip_prefix('\u{feff}') {
        Some(rest) => (
            format!("{}{rest}", char::REPLACEMENT_CHARACTER).into(),
            encoding,
        ),
        None => (text.into(), encoding),
    }
}

fn utf8(bytes: &[u8]) -> Cow<'_, str> {
    // The check alone is several times faster than the one that replaces.
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, half) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| unit(*pair));
    let characters = char::decode_utf16(units).map(|it| it.unwrap_or(char::REPLACEMENT_CHARACTER));
    let last = (!half.is_empty()).then_some(char::REPLACEMENT_CHARACTER);
    characters.chain(last).collect()
}

/// Whether a text holds all that its file does: no byte of it was wrong.
pub(crate) fn is_exact(text: &str) -> bool {
    !text.contains(char::REPLACEMENT_CHARACTER)
}

/// What the first bytes state of the encoding.
pub fn encoding_of(bytes: &[u8]) -> DiskEncoding {
    match bytes {
        [0xef, 0xbb, 0xbf, ..] => DiskEncoding::Utf8Bom,
        [0xff, 0xfe, ..] => DiskEncoding::Utf16Le,
        [0xfe, 0xff, ..] => DiskEncoding::Utf16Be,
        _ => DiskEncoding::Utf8,
    }
}

/// Bytes from text, in the encoding a file had: what [`replace()`] is given.
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

/// Opens a file to add lines to, such as a log.
pub fn append(path: &Path) -> Result<Box<dyn Write + Send>, DiskError> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    Ok(Box::new(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn text_in_every_encoding_and_back() {
        let check = |bytes: &[u8], text: &str, encoding: DiskEncoding| {
            assert_eq!(decode(bytes), (text.into(), encoding), "{bytes:?}");
            let back = encode(text, encoding);
            assert_eq!(back == bytes, is_exact(text), "{bytes:?} written back");
        };
        check(b"", "", DiskEncoding::Utf8);
        check("aé𝄞".as_bytes(), "aé𝄞", DiskEncoding::Utf8);
        check(b"\xef\xbb\xbfa", "a", DiskEncoding::Utf8Bom);
        let (little, big) = (DiskEncoding::Utf16Le, DiskEncoding::Utf16Be);
        check(b"\xff\xfea\0\x34\xd8\x1e\xdd", "a𝄞", little);
        check(b"\xfe\xff\0a\xd8\x34\xdd\x1e", "a𝄞", big);
        check(b"ab\xff", "ab\u{fffd}", DiskEncoding::Utf8);
        check(b"\xef\xbb\xbfab\xc3", "ab\u{fffd}", DiskEncoding::Utf8Bom);
        let twice = "\u{fffd}a";
        check(b"\xef\xbb\xbf\xef\xbb\xbfa", twice, DiskEncoding::Utf8Bom);
        // A lone surrogate, and half a unit at the end.
        check(b"\xff\xfea\0\x34\xd8b\0", "a\u{fffd}b", little);
        check(b"\xff\xfea\0b", "a\u{fffd}", little);
    }

    #[test]
    fn odd_files_are_reported_in_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("good"), "text").unwrap();
        let check = |path: PathBuf, expect: DiskError, words: &str| {
            let error = read(&path).expect_err("an error");
            assert_eq!(error, expect, "{}", path.display());
            let line = error.to_string();
            assert!(line.contains(words) && !line.contains('\n'), "{line}");
        };
        check(at("none"), DiskError::NotFound, "does not exist");
        check(at("good/under"), DiskError::NotFound, "does not exist");
        check(at(""), DiskError::NotAFile, "not a regular file");
        File::create(at("large"))
            .unwrap()
            .set_len(MAX_FILE + 1)
            .unwrap();
        check(at("large"), DiskError::TooLarge(MAX_FILE + 1), "65 MiB");
        let mut buffer = b"before".to_vec();
        assert!(read_into(&at("large"), &mut buffer).is_err() && buffer.is_empty());
        read_into(&at("good"), &mut buffer).unwrap();
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
}
