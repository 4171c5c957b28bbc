//! Paths and URIs: the one place that knows how each platform writes them.
//!
//! Windows' rules are functions over text, so that they are tested on every platform.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// What a URI's path holds as it is.
const KEPT_IN_URIS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Removes `.` and `..` by text, keeps the case, resolves no links; both separators on Windows. Absolute: a relative
/// path counts from the working directory. What begins with a URI's scheme (`untitled:Untitled-1`) names no file and
/// stays as it is.
pub fn normalize(path: &Path) -> PathBuf {
    if is_uri(path) {
        return path.to_path_buf();
    }
    let absolute;
    let path = if path.is_absolute() && !cfg!(windows) {
        path
    } else {
        absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        &absolute
    };
    if cfg!(windows)
        && let Some(text) = path.to_str()
    {
        return PathBuf::from(normalize_windows(text));
    }
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

/// A path as the user wrote it with `/` between its parts, whatever the platform also takes.
pub fn with_slashes(path: &str) -> Cow<'_, str> {
    match cfg!(windows) {
        true => Cow::Owned(path.replace('\\', "/")),
        false => Cow::Borrowed(path),
    }
}

/// The path that a `file:` URI names: its path, decoded, and its host.
pub fn from_uri(path: &[u8], host: &str) -> Option<PathBuf> {
    #[cfg(unix)]
    let path = {
        use std::os::unix::ffi::OsStrExt;
        let _ = host;
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        path.is_absolute().then(|| path.to_path_buf())
    };
    #[cfg(not(unix))]
    let path = std::str::from_utf8(path)
        .ok()
        .and_then(|path| windows_path(path, host))
        .map(PathBuf::from);
    path
}

/// The `file:` URI of an absolute path, drives as VS Code writes them: `file:///c%3A/x`.
pub fn to_uri(path: &Path) -> String {
    #[cfg(unix)]
    let bytes = std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()).to_vec();
    #[cfg(not(unix))]
    let bytes = windows_uri_path(&path.to_string_lossy()).into_bytes();
    format!("file://{}", percent_encode(&bytes, KEPT_IN_URIS))
}

/// A relative path with `/` between its parts, as a relative URI.
pub fn to_relative_uri(path: &str) -> String {
    percent_encode(path.as_bytes(), KEPT_IN_URIS).to_string()
}

/// The path of a file on Windows: `/c:/x` is `C:\x`, `/x` on host `server` is `\\server\x`. Drive letters are folded to
/// upper case, since clients differ and one file must have one path.
#[cfg_attr(unix, allow(dead_code, reason = "tested everywhere, used on Windows"))]
fn windows_path(path: &str, host: &str) -> Option<String> {
    let back = |text: &str| text.replace('/', "\\");
    let rest = path.strip_prefix('/')?;
    let mut chars = rest.chars();
    let (drive, colon) = (chars.next(), chars.next());
    let drive = drive.filter(|drive| drive.is_ascii_alphabetic() && colon == Some(':'));
    let local = host.is_empty() || host.eq_ignore_ascii_case("localhost");
    let Some(drive) = drive.filter(|_| local) else {
        return (!host.is_empty()).then(|| format!("\\\\{host}{}", back(path)));
    };
    let mut tail = back(chars.as_str());
    if tail.is_empty() {
        tail.push('\\');
    }
    Some(format!("{}:{tail}", drive.to_ascii_uppercase()))
}

/// What follows `file://` for a path on Windows, as VS Code writes it: `C:\x` gives `/c:/x` (the colon is escaped
/// later), `\\server\x` gives `server/x`.
#[cfg_attr(unix, allow(dead_code, reason = "tested everywhere, used on Windows"))]
fn windows_uri_path(path: &str) -> String {
    let path = path.replace('\\', "/");
    if let Some(share) = path.strip_prefix("//") {
        return share.to_owned();
    }
    let mut chars = path.chars();
    match chars.next() {
        Some(drive) => format!("/{}{}", drive.to_ascii_lowercase(), chars.as_str()),
        None => String::new(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn uris_of_paths_name_them() {
        for path in ["/a/b.bicep", "/a b/é#?%.bicep", "/a\\b", "/\u{1F600}"] {
            let uri = to_uri(Path::new(path));
            let encoded = uri.strip_prefix("file://").expect("a file");
            let decoded: Vec<u8> = percent_encoding::percent_decode_str(encoded).collect();
            assert_eq!(from_uri(&decoded, ""), Some(PathBuf::from(path)), "{uri}");
        }
        assert_eq!(to_relative_uri("a b/é$c.json"), "a%20b/%C3%A9%24c.json");
    }

    #[test]
    fn windows_has_drives_and_shares() {
        let check = |path: &str, host: &str, want: Option<&str>| {
            assert_eq!(windows_path(path, host).as_deref(), want);
        };
        check("/c:/x/y.bicep", "", Some("C:\\x\\y.bicep"));
        check("/C:/x", "", Some("C:\\x"));
        check("/c:", "", Some("C:\\"));
        check("/c:/x", "localhost", Some("C:\\x"));
        check("/share/x", "server", Some("\\\\server\\share\\x"));
        check("/c$/x", "localhost", Some("\\\\localhost\\c$\\x"));
        check("/x/y", "", None);
        check("", "", None);
        assert_eq!(windows_uri_path("C:\\x\\y z"), "/c:/x/y z");
        assert_eq!(windows_uri_path("\\\\server\\share"), "server/share");
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
}
