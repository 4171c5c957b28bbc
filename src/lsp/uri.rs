//! Converts between a client's URIs and paths.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use tower_lsp::ls_types::Uri;

use super::client_uris;
use crate::workspace::disk;

/// The path that a document is checked under: that of its file, or its whole URI if there is none. `None` for what is not
/// checked: an older revision in a source-control view, a log. The language decides what a document without a file is; for
/// files their name does.
pub(super) fn path_of(uri: &Uri, language: &str) -> Option<PathBuf> {
    let scheme = uri.scheme().as_str().to_ascii_lowercase();
    match scheme.as_str() {
        "file" => {
            let path = uri.path().decode().to_bytes();
            let host = uri.authority().map(|authority| authority.host());
            let path = disk::from_uri(&path, host.unwrap_or_default())?;
            Some(disk::normalize(&disk::as_on_disk(&path)))
        }
        "untitled" | "vscode-vfs" | "vscode-remote" => Some(disk::normalize(&alone(uri, language))),
        _ => None,
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
    let text = client_uris::valid(uri);
    if text.ends_with(ending) {
        PathBuf::from(text)
    } else {
        PathBuf::from(format!("{text}{ending}"))
    }
}

/// The path of a file; `None` for what is no file.
pub(super) fn file(uri: &Uri) -> Option<PathBuf> {
    path_of(uri, "").filter(|path| path.is_absolute())
}

/// The URI of a path that no client has named yet.
pub(super) fn uri_of(path: &Path) -> Option<Uri> {
    Uri::from_str(&disk::to_uri(path)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, language: &str, want: Option<&str>) {
        let uri = Uri::from_str(uri).expect("a URI");
        let path = path_of(&uri, language);
        assert_eq!(path.as_deref(), want.map(Path::new), "{}", uri.as_str());
    }

    #[cfg(unix)]
    #[test]
    fn files_are_decoded() {
        check("file:///a/b.bicep", "", Some("/a/b.bicep"));
        check("file:///a%20b/%C3%A9%23.bicep", "", Some("/a b/é#.bicep"));
        check("FILE:///a.bicep", "", Some("/a.bicep"));
        check("file:///c%3A/x.bicep", "", Some("/c:/x.bicep"));
        check("file://localhost/a.bicep", "", Some("/a.bicep"));
    }

    #[test]
    fn what_is_no_file_is_checked_alone_or_not_at_all() {
        let untitled = "untitled:Untitled-1";
        check(untitled, "bicep", Some("untitled:Untitled-1.bicep"));
        check(untitled, "jsonc", Some("untitled:Untitled-1.json"));
        check(untitled, "plaintext", Some(untitled));
        check(
            "untitled:a%20b.bicep#preflight-raw:x",
            "",
            Some("untitled:a%20b.bicep"),
        );
        let named = "untitled:/x/new.bicep";
        check(named, "bicep", Some(named));
        assert_eq!(file(&Uri::from_str(named).expect("a URI")), None);
        check("git:/a/b.bicep?ref=HEAD", "bicep", None);
        check("output:log", "Log", None);
    }
}
