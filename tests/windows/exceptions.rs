//! Where platforms differ in the program, and what is tested on Unix alone: both are lists, with reasons.

use std::fs;
use std::path::Path;

/// The files that differ by platform, and what for.
const DIFFER: [(&str, &str); 4] = [
    (
        "workspace/disk.rs",
        "opening a file without waiting for a pipe",
    ),
    ("workspace/disk/identity.rs", "names in any case"),
    ("workspace/disk/paths.rs", "paths and URIs"),
    ("workspace/disk/replace.rs", "atomic replacement, owners"),
];

/// Tests that Windows cannot run, by file and name.
const ON_UNIX_ALONE: [(&str, &str, &str); 12] = [
    (
        "src/cli/paths.rs",
        "patterns_end_whatever_the_links",
        "makes symbolic links, which Windows allows administrators alone; junctions: tests/windows/files.rs",
    ),
    (
        "src/lsp/uri.rs",
        "files_are_decoded",
        "paths of Unix; those of Windows: tests/windows/server.rs",
    ),
    (
        "src/workspace/discover.rs",
        "links_are_followed_once",
        "makes symbolic links",
    ),
    (
        "src/workspace/discover.rs",
        "a_link_out_of_the_folder_is_followed_unless_it_leads_above",
        "makes symbolic links",
    ),
    (
        "src/workspace/disk.rs",
        "pipes_sockets_and_devices_do_not_block",
        "named pipes and devices in folders are of Unix; reserved names: tests/windows/files.rs",
    ),
    (
        "src/workspace/disk/paths.rs",
        "uris_of_paths_name_them",
        "names with characters that Windows forbids",
    ),
    (
        "src/workspace/disk/replace.rs",
        "permissions_and_links_stay",
        "modes of Unix, symbolic links",
    ),
    (
        "tests/engine.rs",
        "a_symlinked_module_is_followed",
        "makes symbolic links",
    ),
    (
        "tests/engine.rs",
        "a_link_is_pointed_elsewhere",
        "makes symbolic links",
    ),
    (
        "tests/load_errors.rs",
        "names_of_files_cannot_write_a_report",
        "names with line ends, which Windows forbids",
    ),
    (
        "tests/lsp/diagnostics.rs",
        "odd_uris_are_understood_and_come_back_as_they_are_spelled",
        "names with characters that Windows forbids",
    ),
    (
        "tests/pipelines.rs",
        "the_action_hands_over_the_paths_it_is_given",
        "runs the action's script in a shell",
    ),
];

/// Files of tests that are for Unix as a whole.
const FILES_ON_UNIX_ALONE: [(&str, &str); 2] = [
    (
        "tests/hostile.rs",
        "symbolic links, pipes, permissions, and names that are no text or that Windows forbids",
    ),
    (
        "tests/lsp/identity.rs",
        "makes symbolic links; junctions: tests/windows/files.rs",
    ),
];

/// Files of tests that do something else under Wine than on Windows itself.
const OTHERWISE_UNDER_WINE: [(&str, &str); 1] = [(
    "tests/windows/files.rs",
    "junctions: Wine 10 refuses them (FSCTL_SET_REPARSE_POINT), and its CreateSymbolicLink makes nothing",
)];

/// Every Rust file below a folder of the project: its path with `/`, and its text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut queue = vec![root.join(folder)];
    while let Some(next) = queue.pop() {
        for entry in fs::read_dir(&next).expect("a folder of the project") {
            let path = entry.expect("an entry of it").path();
            if path.is_dir() {
                queue.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.strip_prefix(root).expect("a path of the project");
                let name = name.to_string_lossy().replace('\\', "/");
                found.push((name, fs::read_to_string(&path).expect("a source file")));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn platforms_differ_in_these_files_alone() {
    let words = [
        ["cfg(", "unix"],
        ["cfg(not(", "unix"],
        ["cfg!(", "unix"],
        ["cfg!(", "windows"],
        ["cfg(", "windows"],
        ["target", "_os"],
    ];
    let mut differ = Vec::new();
    for (name, text) in sources("src") {
        let code = text
            .split("\n#[cfg(test)]\nmod tests")
            .next()
            .unwrap_or(&text);
        if words.iter().any(|word| code.contains(&word.concat())) {
            differ.push(name.trim_start_matches("src/").to_owned());
        }
    }
    assert_eq!(differ, DIFFER.map(|(file, _)| file));
}

#[test]
fn every_difference_under_wine_is_listed() {
    let mark = ["UNDER", "_WINE\""].concat();
    let tests = sources("tests").into_iter();
    let found: Vec<String> = tests
        .filter(|(_, text)| text.contains(&mark))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        found,
        OTHERWISE_UNDER_WINE.map(|(file, _)| file),
        "list it with its reason"
    );
}

#[test]
fn every_test_on_unix_alone_is_listed() {
    let mark = ["#[cfg(", "unix)]\n"].concat();
    let whole = ["#![cfg(", "unix)]"].concat();
    let mut tests = Vec::new();
    let mut files = Vec::new();
    for (name, text) in [sources("src"), sources("tests")].concat() {
        if text.contains(&whole) {
            files.push(name.clone());
        }
        for (at, _) in text.match_indices(&mark) {
            let rest = text[at + mark.len()..].trim_start();
            if let Some(test) = rest.strip_prefix("#[test]") {
                let test = test.trim_start().strip_prefix("fn ").expect("a test");
                let test = test.split('(').next().expect("its name");
                tests.push((name.clone(), test.to_owned()));
            }
        }
    }
    let listed = ON_UNIX_ALONE.map(|(file, test, _)| (file.to_owned(), test.to_owned()));
    assert_eq!(tests, listed, "list it with its reason");
    assert_eq!(
        files,
        FILES_ON_UNIX_ALONE.map(|(file, _)| file),
        "list it with its reason"
    );
}
