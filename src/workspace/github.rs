//! Templates that are linked by their address on GitHub, though they are files of the repository that is open.
//!
//! `https://raw.githubusercontent.com/<owner>/<repository>/<branch>/<path>` is the file at `<path>` where a remote in
//! `.git/config` names the same repository.

use std::path::{Path, PathBuf};

use super::disk;

/// Before the owner's name in the address of a file.
const HOST: &str = "https://raw.githubusercontent.com/";

/// Whether an address is one of a file on GitHub.
pub(crate) fn is_address(uri: &str) -> bool {
    uri.get(..HOST.len())
        .is_some_and(|host| host.eq_ignore_ascii_case(HOST))
}

/// The path in the repository of `file` that an address names, whether a file is there or not. `None` where the address
/// is one of another repository.
///
/// A branch may hold slashes. The shortest one that leaves the path of a file is taken.
pub(crate) fn local_path(file: &Path, uri: &str) -> Option<PathBuf> {
    let rest = uri.get(HOST.len()..).filter(|_| is_address(uri))?;
    let mut segments: Vec<&str> = rest.split(['?', '#']).next()?.split('/').collect();
    let plain = |segment: &&str| !matches!(*segment, "" | "." | "..");
    if segments.len() < 4 || !segments.iter().all(plain) {
        return None;
    }
    let path = segments.split_off(2);
    let mut folders = file.ancestors().skip(1);
    let root = folders.find(|folder| disk::is_there(&folder.join(".git")))?;
    if !has_remote(root, segments[0], segments[1]) {
        return None;
    }
    let below = |branch: usize| disk::joined(root, &path[branch..].join("/"));
    let found = (1..path.len())
        .filter_map(below)
        .find(|it| disk::is_file(it));
    found.or_else(|| below(1))
}

/// Whether a remote of the repository at `root` is `owner`'s `name` on GitHub.
fn has_remote(root: &Path, owner: &str, name: &str) -> bool {
    let Ok(config) = disk::read(&root.join(".git/config")) else {
        return false;
    };
    let wanted = format!("{owner}/{name}");
    config.text.lines().any(|line| {
        let url = match line.split_once('=') {
            Some((key, url)) if key.trim().eq_ignore_ascii_case("url") => url.trim(),
            _ => return false,
        };
        // `https://github.com/owner/name.git`, `git@github.com:owner/name`, `ssh://git@github.com/owner/name`.
        let Some((before, repository)) = url.split_once("github.com") else {
            return false;
        };
        let Some(repository) = repository.strip_prefix([':', '/']) else {
            return false;
        };
        if !before.ends_with(['/', '@']) {
            return false;
        }
        let repository = repository.trim_end_matches('/');
        let repository = repository.strip_suffix(".git").unwrap_or(repository);
        repository.eq_ignore_ascii_case(&wanted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn remotes_name_a_repository() {
        let check = |url: &str, expect: bool| {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir(dir.path().join(".git")).unwrap();
            let config = format!("[remote \"origin\"]\n  url = {url}\n");
            fs::write(dir.path().join(".git/config"), config).unwrap();
            assert_eq!(has_remote(dir.path(), "contoso", "infra"), expect, "{url}");
        };
        check("https://github.com/contoso/infra", true);
        check("https://token@github.com/Contoso/Infra.git", true);
        check("git@github.com:contoso/infra.git", true);
        check("ssh://git@github.com/contoso/infra/", true);
        check("https://github.com/contoso/infra-two", false);
        check("https://notgithub.com/contoso/infra", false);
        check("https://github.com.example/contoso/infra", false);
    }

    #[test]
    fn addresses_of_the_own_repository_are_its_files() {
        let dir = tempfile::tempdir().unwrap();
        let root = disk::real(dir.path()).unwrap();
        for (path, text) in [
            (
                ".git/config",
                "[remote \"origin\"]\n\turl = git@github.com:Contoso/infra.git\n",
            ),
            ("nested/acr.json", "{}"),
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let check = |uri: &str, expect: Option<&str>| {
            let got = local_path(&root.join("app/main.json"), uri);
            assert_eq!(got, expect.map(|path| root.join(path)), "{uri}");
        };
        let at = |rest: &str| format!("https://raw.githubusercontent.com/{rest}");
        check(
            &at("contoso/infra/main/nested/acr.json"),
            Some("nested/acr.json"),
        );
        check(
            &at("contoso/infra/refs/heads/main/nested/acr.json?token=x"),
            Some("nested/acr.json"),
        );
        check(
            &at("contoso/infra/main/nested/gone.json"),
            Some("nested/gone.json"),
        );
        check(&at("contoso/other/main/nested/acr.json"), None);
        check(&at("contoso/infra/main/../nested/acr.json"), None);
        check(&at("contoso/infra"), None);
        check(
            "https://example.com/contoso/infra/main/nested/acr.json",
            None,
        );
    }
}
