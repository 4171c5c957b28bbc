//! URIs and paths: what a client calls a document, and what the engine does.
//!
//! Windows' ways are worked out here as plain functions of text, so that they are tested on any machine.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use tower_lsp::ls_types::Uri;

/// What a URI names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    /// A file.
    File(PathBuf),
    /// A document that is no file: checked alone, with its URI as path.
    Alone(PathBuf),
    /// Something that is none of our business: an older revision in a source-control view, a log.
    Nothing,
}

/// What a URI names. The language tells what a document without a file is; for files their name does.
pub(super) fn named(uri: &Uri, language: &str) -> Named {
    let scheme = uri.scheme().as_str().to_ascii_lowercase();
    match scheme.as_str() {
        "file" => {
            let path = uri.path().decode().to_bytes();
            let host = uri.authority().map(|authority| authority.host());
            file_path(&path, host.unwrap_or_default()).map_or(Named::Nothing, Named::File)
        }
        "untitled" | "vscode-vfs" | "vscode-remote" => Named::Alone(alone(uri, language)),
        _ => Named::Nothing,
    }
}

/// The path that a document that is no file is checked under: its URI, with an ending that says its language.
fn alone(uri: &Uri, language: &str) -> PathBuf {
    let ending = match language {
        "bicep" => ".bicep",
        "bicep-params" => ".bicepparam",
        "json" | "jsonc" | "arm-template" => ".json",
        _ => "",
    };
    let text = uri.as_str();
    if text.ends_with(ending) {
        PathBuf::from(text)
    } else {
        PathBuf::from(format!("{text}{ending}"))
    }
}

#[cfg(unix)]
fn file_path(bytes: &[u8], _host: &str) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    let path = Path::new(std::ffi::OsStr::from_bytes(bytes));
    path.is_absolute().then(|| path.to_path_buf())
}

#[cfg(not(unix))]
fn file_path(bytes: &[u8], host: &str) -> Option<PathBuf> {
    let text = std::str::from_utf8(bytes).ok()?;
    windows_path(text, host).map(PathBuf::from)
}

/// The path of a file on Windows: `/c:/x` is `C:\x`, `/x` on host `server` is `\\server\x`. Drive letters are folded to
/// upper case, since clients differ and one file must have one path.
#[cfg_attr(unix, allow(dead_code, reason = "tested everywhere, used on Windows"))]
fn windows_path(path: &str, host: &str) -> Option<String> {
    let back = |text: &str| text.replace('/', "\\");
    if !host.is_empty() {
        return Some(format!("\\\\{host}{}", back(path)));
    }
    let rest = path.strip_prefix('/')?;
    let mut chars = rest.chars();
    let (drive, colon) = (chars.next()?, chars.next()?);
    if !drive.is_ascii_alphabetic() || colon != ':' {
        return None;
    }
    let mut tail = back(chars.as_str());
    if tail.is_empty() {
        tail.push('\\');
    }
    Some(format!("{}:{tail}", drive.to_ascii_uppercase()))
}

/// The URI of a path that no client has named yet.
pub(super) fn uri_of(path: &Path) -> Option<Uri> {
    let text = path_bytes(path);
    let mut uri = String::with_capacity(text.len() + 8);
    uri.push_str("file://");
    for &byte in &text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    Uri::from_str(&uri).ok()
}

#[cfg(unix)]
fn path_bytes(path: &Path) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    path.as_os_str().as_bytes().to_vec()
}

#[cfg(not(unix))]
fn path_bytes(path: &Path) -> Vec<u8> {
    windows_uri_path(&path.to_string_lossy()).into_bytes()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, language: &str, want: Named) {
        let uri = Uri::from_str(uri).expect("a URI");
        assert_eq!(named(&uri, language), want, "{}", uri.as_str());
    }

    #[cfg(unix)]
    #[test]
    fn files_are_decoded() {
        let file = |path: &str| Named::File(PathBuf::from(path));
        check("file:///a/b.bicep", "", file("/a/b.bicep"));
        check("file:///a%20b/%C3%A9%23.bicep", "", file("/a b/é#.bicep"));
        check("FILE:///a.bicep", "", file("/a.bicep"));
        check("file:///c%3A/x.bicep", "", file("/c:/x.bicep"));
        check("file://localhost/a.bicep", "", file("/a.bicep"));
    }

    #[test]
    fn what_is_no_file_is_judged_alone_or_not_at_all() {
        let alone = |path: &str| Named::Alone(PathBuf::from(path));
        check(
            "untitled:Untitled-1",
            "bicep",
            alone("untitled:Untitled-1.bicep"),
        );
        check(
            "untitled:Untitled-1",
            "jsonc",
            alone("untitled:Untitled-1.json"),
        );
        check(
            "untitled:/x/new.bicep",
            "bicep",
            alone("untitled:/x/new.bicep"),
        );
        check(
            "untitled:Untitled-1",
            "plaintext",
            alone("untitled:Untitled-1"),
        );
        check("git:/a/b.bicep?ref=HEAD", "bicep", Named::Nothing);
        check("output:log", "Log", Named::Nothing);
    }

    #[cfg(unix)]
    #[test]
    fn paths_there_and_back() {
        for path in ["/a/b.bicep", "/a b/é#?%.bicep", "/a\\b", "/\u{1F600}"] {
            let uri = uri_of(Path::new(path)).expect("a URI");
            assert_eq!(
                named(&uri, ""),
                Named::File(PathBuf::from(path)),
                "{}",
                uri.as_str()
            );
        }
    }

    #[test]
    fn windows_has_drives_and_shares() {
        let check = |path: &str, host: &str, want: Option<&str>| {
            assert_eq!(windows_path(path, host).as_deref(), want);
        };
        check("/c:/x/y.bicep", "", Some("C:\\x\\y.bicep"));
        check("/C:/x", "", Some("C:\\x"));
        check("/c:", "", Some("C:\\"));
        check("/share/x", "server", Some("\\\\server\\share\\x"));
        check("/x/y", "", None);
        check("", "", None);
        assert_eq!(windows_uri_path("C:\\x\\y z"), "/c:/x/y z");
        assert_eq!(windows_uri_path("\\\\server\\share"), "server/share");
    }
}
