//! Converts between a client's URIs and paths.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use tower_lsp::ls_types::Uri;

use crate::workspace::disk;

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

/// What a URI names. The language decides what a document without a file is; for files their name does.
pub(super) fn named(uri: &Uri, language: &str) -> Named {
    let scheme = uri.scheme().as_str().to_ascii_lowercase();
    match scheme.as_str() {
        "file" => {
            let path = uri.path().decode().to_bytes();
            let host = uri.authority().map(|authority| authority.host());
            let path = disk::from_uri(&path, host.unwrap_or_default());
            path.map_or(Named::Nothing, |path| Named::File(disk::as_on_disk(&path)))
        }
        "untitled" | "vscode-vfs" | "vscode-remote" => Named::Alone(alone(uri, language)),
        _ => Named::Nothing,
    }
}

/// The path that a document that is no file is checked under: its URI, with the ending of its language.
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

/// The path of a file; `None` for what is no file.
pub(super) fn file(uri: &Uri) -> Option<PathBuf> {
    match named(uri, "") {
        Named::File(path) => Some(path),
        Named::Alone(_) | Named::Nothing => None,
    }
}

/// The URI of a path that no client has named yet.
pub(super) fn uri_of(path: &Path) -> Option<Uri> {
    Uri::from_str(&disk::to_uri(path)).ok()
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
}
