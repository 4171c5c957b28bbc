//! What tests of the whole share: small workspaces on disk, edited and asked as an editor would.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};

use preflight::analysis::{Analysis, Cancel, Options, scan};
use preflight::text::{Encoding, Position, Range, TextChange};

/// A workspace folder that goes away when dropped.
pub(crate) struct Workspace {
    folder: tempfile::TempDir,
    root: PathBuf,
}

impl Workspace {
    /// Writes files: path relative to the folder, text.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = preflight::workspace::disk::real(folder.path()).expect("its real path");
        let workspace = Workspace { folder, root };
        for (path, text) in files {
            workspace.write(path, text);
        }
        workspace
    }

    /// From one text that holds several files, each headed by `//- /path`.
    pub(crate) fn parse(fixture: &str) -> Self {
        Self::new(&split(fixture))
    }

    /// The absolute path of a file.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// The folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Writes a file.
    pub(crate) fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder to write to");
        std::fs::write(path, text).expect("a file written");
    }

    /// An analysis of the folder, scanned and not yet refreshed. Bicep's cache is an empty folder.
    pub(crate) fn analysis(&self) -> Analysis {
        self.analysis_with(Options::default())
    }

    /// The same with options.
    pub(crate) fn analysis_with(&self, options: Options) -> Analysis {
        let options = Options {
            cache_root: options.cache_root.or(Some(self.path(".cache-of-bicep"))),
            ..options
        };
        let mut analysis = Analysis::new(options.clone());
        analysis.set_folders(std::slice::from_ref(&self.root));
        analysis.install(scan(&self.root, &options, &Cancel::default(), &|_, _| {}));
        analysis
    }

    /// Refreshes until nothing is left; returns the files whose report came back, relative.
    pub(crate) fn refresh(&self, analysis: &mut Analysis) -> Vec<String> {
        let mut changed = Vec::new();
        loop {
            let reports = analysis.refresh(&Cancel::default());
            changed.extend(reports.iter().map(|report| self.relative(&report.path)));
            if !analysis.is_pending() {
                changed.sort();
                changed.dedup();
                return changed;
            }
        }
    }

    /// Opens a file as an editor does.
    pub(crate) fn open(&self, analysis: &mut Analysis, relative: &str, text: &str) {
        analysis.open(&self.path(relative), 1, text);
    }

    /// Replaces the first `from` in the open file by `to`, as one edit.
    pub(crate) fn replace(
        &self,
        analysis: &mut Analysis,
        relative: &str,
        version: i32,
        from: &str,
        to: &str,
    ) {
        let text = analysis.text(&self.path(relative)).expect("an open file");
        let at = text
            .find(from)
            .unwrap_or_else(|| panic!("{from:?} stands in {relative}"));
        let range = Range {
            start: position(&text, at),
            end: position(&text, at + from.len()),
        };
        let change = TextChange {
            range: Some(range),
            text: to.to_owned(),
        };
        analysis.edit(&self.path(relative), version, &[change], Encoding::Utf8);
    }

    /// A path below the folder, with `/`.
    pub(crate) fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.root)
            .unwrap_or(path)
            .to_string_lossy()
            .replace('\\', "/")
    }

    /// All that is shown: `path severity verdict`, sorted.
    pub(crate) fn summary(&self, analysis: &Analysis) -> Vec<String> {
        let mut rows = Vec::new();
        for report in analysis.reports() {
            for shown in report
                .diagnostics
                .iter()
                .filter(|shown| shown.suppressed.is_none())
            {
                let verdict = shown.verdict.name().to_owned();
                let severity = format!("{:?}", shown.severity);
                let path = self.relative(&report.path);
                rows.push(format!(
                    "{path} {} {}",
                    severity.to_lowercase(),
                    verdict.to_lowercase()
                ));
            }
        }
        rows.sort();
        rows
    }
}

/// The position of a byte offset, columns in bytes; lines end with LF, CRLF or CR.
pub(crate) fn position(text: &str, offset: usize) -> Position {
    let bytes = text.as_bytes();
    let ends = (0..offset).filter(|&at| match bytes[at] {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    let (lines, start) = ends.fold((0, 0), |(lines, _), at| (lines + 1, at + 1));
    Position {
        line: lines,
        character: (offset - start) as u32,
    }
}

/// Splits `//- /path` fixtures.
pub(crate) fn split(fixture: &str) -> Vec<(&str, &str)> {
    fixture
        .split("//- /")
        .skip(1)
        .map(|part| part.split_once('\n').unwrap_or((part, "")))
        .map(|(path, text)| (path.trim(), text))
        .collect()
}

/// The folder of real templates beside the project. Tests that read it are ignored by name (`corpus_…`) and run by
/// `.ci/run corpus`.
pub(crate) fn corpus() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    path.canonicalize().expect("../shared/corpus is there")
}

/// The files below a folder with one of these extensions, sorted, with their text. Files that are not UTF-8 are left out.
pub(crate) fn files_below(folder: &Path, extensions: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|e| extensions.iter().any(|wanted| e == *wanted))
                && let Ok(text) = std::fs::read_to_string(&path)
            {
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

/// The files of the project's own cases (`tests/rules/*.md`) and examples with one of these extensions, with their text.
pub(crate) fn own_files(extensions: &[&str]) -> Vec<(PathBuf, String)> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut found = files_below(&tests.join("examples"), extensions);
    for (page, text) in files_below(&tests.join("rules"), &["md"]) {
        let text = text.replace("\r\n", "\n");
        for (number, block) in text.split("\n```").enumerate() {
            let (head, body) = block.split_once('\n').unwrap_or((block, ""));
            let name = head.split_whitespace().nth(1).map(Path::new);
            let extension = name.and_then(|name| name.extension());
            if extension.is_some_and(|e| extensions.iter().any(|wanted| e == *wanted)) {
                let name = format!("{number}-{}", name.unwrap_or(Path::new("")).display());
                found.push((page.join(name), body.to_owned()));
            }
        }
    }
    assert!(found.len() > 10, "the cases hold files");
    found
}

/// A small seeded generator (splitmix64), so that a failing run can be repeated from its printed seed.
pub(crate) struct Random(pub u64);

impl Random {
    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 where `end` is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        if end == 0 {
            0
        } else {
            (self.next() % end as u64) as usize
        }
    }

    /// One of several.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}
