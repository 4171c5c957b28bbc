//! Paths and URIs of each platform.
//!
//! Windows' paths are parsed by the standard library; URIs are functions over text, tested on every platform.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf, Prefix, PrefixComponent};

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
    let mut normal = PathBuf::with_capacity(path.as_os_str().len());
    for component in path.components() {
        match component {
            Component::CurDir => {}
            // At the root this does nothing, as in the file system itself.
            Component::ParentDir => {
                normal.pop();
            }
            Component::Prefix(prefix) => normal.push(plain_prefix(prefix)),
            other => normal.push(other),
        }
    }
    normal
}

/// What a path of Windows begins with, one for each drive and share: drive letters in upper case (editors send `c:`),
/// without the long form `\\?\`.
fn plain_prefix(prefix: PrefixComponent<'_>) -> OsString {
    match prefix.kind() {
        Prefix::Disk(drive) | Prefix::VerbatimDisk(drive) => {
            format!("{}:", drive.to_ascii_uppercase() as char).into()
        }
        Prefix::UNC(server, share) | Prefix::VerbatimUNC(server, share) => {
            let mut plain = OsString::from(r"\\");
            plain.extend([server, r"\".as_ref(), share]);
            plain
        }
        _ => prefix.as_os_str().to_owned(),
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
        .map(|path| normalize(Path::new(&path)));
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

/// The path of a file on Windows: `/c:/x` is `c:/x`, `/x` on host `server` is `//server/x`.
#[cfg_attr(unix, allow(dead_code, reason = "tested everywhere, used on Windows"))]
fn windows_path(path: &str, host: &str) -> Option<String> {
    let rest = path.strip_prefix('/')?;
    let local = host.is_empty() || host.eq_ignore_ascii_case("localhost");
    match rest.as_bytes() {
        [drive, b':'] if local && drive.is_ascii_alphabetic() => Some(format!("{rest}/")),
        [drive, b':', ..] if local && drive.is_ascii_alphabetic() => Some(rest.to_owned()),
        _ if host.is_empty() => None,
        _ => Some(format!("//{host}{path}")),
    }
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

/// Where `reference` would be, whether it exists or not. `None` for what is no relative path. A `\` separates too:
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
        check("/c:/x/y.bicep", "", Some("c:/x/y.bicep"));
        check("/C:/x", "", Some("C:/x"));
        check("/c:", "", Some("c:/"));
        check("/c:/x", "localhost", Some("c:/x"));
        check("/share/x", "server", Some("//server/share/x"));
        check("/c$/x", "localhost", Some("//localhost/c$/x"));
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

    #[cfg(windows)]
    #[test]
    fn drives_and_shares_have_one_form() {
        let check = |path: &str, expect: &str| {
            assert_eq!(normalize(Path::new(path)), Path::new(expect), "{path}");
        };
        check(r"c:\A\.\b\..\c", r"C:\A\c");
        check("c:/work/main.bicep", r"C:\work\main.bicep");
        check(r"C:\..\..\x", r"C:\x");
        check(r"\\?\C:\a\b", r"C:\a\b");
        check(r"\\?\c:\a\.\b\..\c", r"C:\a\c");
        check(r"\\server\share\a\..\..\..\b", r"\\server\share\b");
        check("//server/share/a", r"\\server\share\a");
        check(r"\\?\UNC\server\share\a", r"\\server\share\a");
        check(r"c:\", r"C:\");
    }
}
