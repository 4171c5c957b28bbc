//! Where the real files are. They are not part of the project.

use std::path::{Path, PathBuf};

/// The folder of real files, or `None` where it is not checked out. Tests that need it begin with `corpus_` and are
/// ignored by default.
pub(crate) fn corpus() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no corpus at {}", folder.display());
    None
}

/// Every file below a folder with one of the extensions, sorted, with its text; a byte order mark stays in it.
pub(crate) fn below(folder: &Path, extensions: &[&str]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("the folder can be read") {
            let path = entry.expect("the folder can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extensions.iter().any(|wanted| extension == *wanted))
            {
                let text =
                    String::from_utf8_lossy(&std::fs::read(&path).expect("the file can be read"))
                        .into_owned();
                let name = path
                    .strip_prefix(folder)
                    .expect("it lies below")
                    .to_string_lossy();
                files.push((name.replace('\\', "/"), text));
            }
        }
    }
    files.sort();
    files
}

/// Random numbers that a printed seed brings back (xorshift).
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}
