//! Holds the prefilter to its promise: it may keep too much, never too little. What it finds with its tricks is compared
//! with what a slow and plain reading of the same bytes finds, over real files and over seeded changes of them.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use preflight::model::FileKind;
use preflight::rules;
use preflight::workspace::discover::{Limits, discover};
use preflight::workspace::disk;
use preflight::workspace::prefilter::{Prefilter, kind_of};
use preflight::workspace::relevance::Relevance;

static PREFILTER: LazyLock<Prefilter> = LazyLock::new(|| Prefilter::new(rules::filter()));

/// What matters in a text that has no escapes and one line per literal, read slowly: lower case everywhere, every
/// place looked at.
#[derive(Debug, Default)]
struct Plain {
    wanted: bool,
    references: Vec<String>,
}

fn plain(kind: FileKind, text: &str) -> Plain {
    let lower = text.to_ascii_lowercase();
    let named = |name: &&str| {
        let mut places = lower.match_indices(name);
        places.any(|(at, _)| !lower[at + name.len()..].starts_with('/'))
    };
    let bicep = kind != FileKind::ArmTemplate;
    Plain {
        wanted: rules::filter().types.iter().any(named),
        references: if bicep { references(text) } else { Vec::new() },
    }
}

/// What is in quotes on the lines that Bicep knows to refer to other files.
fn references(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines() {
        let code = line.split("//").next().unwrap_or_default().trim_start();
        let heads = ["module ", "using ", "extends ", "import ", "} from "];
        let refers = heads.iter().any(|head| code.starts_with(head))
            || [
                "loadTextContent(",
                "loadJsonContent(",
                "loadYamlContent(",
                "loadFileAsBase64(",
            ]
            .iter()
            .any(|call| line.contains(call));
        // Several calls may be on a line: the first literal after each of them.
        if refers {
            let start = line.find("load").unwrap_or(0);
            let mut parts = line[start..].split('\'');
            if let Some(path) = parts.nth(1) {
                found.push(path.to_owned());
            }
        }
    }
    found
}

/// Fails where the prefilter saw less than the slow reading.
fn check(path: &Path, kind: FileKind, text: &str, expect: &Plain) {
    let marks = PREFILTER.inspect(kind, text.as_bytes());
    let at = path.display();
    assert!(
        marks.relevance == Relevance::Holds || !expect.wanted,
        "{at}: a type"
    );
    for reference in &expect.references {
        let has = marks.references.iter().any(|found| **found == **reference);
        // What no path can be is left out, and what this slow reading does not decode.
        assert!(
            has || is_no_path(reference),
            "{at}: {reference:?} of {:?}",
            marks.references
        );
    }
}

fn is_no_path(text: &str) -> bool {
    let local = !["br:", "br/", "ts:", "ts/"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    text.is_empty()
        || text.contains('\\')
        || local && text.contains(':')
        || !text.contains('.') && !text.contains('/')
}

fn corpus() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    if !disk::is_folder(&folder) {
        eprintln!("the corpus is not there: only the project's own examples are read");
        return discover(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"),
            Limits::default(),
        )
        .files;
    }
    discover(&folder, Limits::default()).files
}

fn texts() -> impl Iterator<Item = (PathBuf, FileKind, String)> {
    corpus().into_iter().filter_map(|path| {
        let text = disk::read(&path).ok()?.text.to_string();
        let kind = kind_of(&path);
        Some((path, kind, text))
    })
}

#[test]
fn real_files() {
    let (mut wanted, mut references, mut files) = (0, 0, 0);
    for (path, kind, text) in texts() {
        let expect = plain(kind, &text);
        check(&path, kind, &text, &expect);
        wanted += usize::from(expect.wanted);
        references += expect.references.len();
        files += 1;
    }
    // The slow reading sees something, or the comparison would prove nothing.
    assert!(files > 5 && wanted > 0 && references > 0);
}

/// Small and good enough to spread changes: the seed is printed with a failure.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }
}

/// Writes a character of a name another way: other case, or an escape of the language.
fn disguised(kind: FileKind, character: char, random: &mut Random) -> String {
    let code = character as u32;
    match (kind, random.below(6)) {
        (_, 0) => character.to_ascii_uppercase().to_string(),
        (_, 1) => character.to_ascii_lowercase().to_string(),
        (FileKind::ArmTemplate, 2) => format!("\\u{code:04X}"),
        (FileKind::ArmTemplate, 3) => format!("\\u{code:04x}"),
        (FileKind::ArmTemplate, 4) if character == '/' => "\\/".to_owned(),
        (FileKind::Bicep | FileKind::BicepParams, 2) => format!("\\u{{{code:x}}}"),
        (FileKind::Bicep | FileKind::BicepParams, 3) => format!("\\u{{{code:06X}}}"),
        _ => character.to_string(),
    }
}

#[test]
fn names_in_disguise() {
    let names = [
        "Microsoft.ContainerRegistry/registries",
        "Microsoft.Security/pricings",
        "Microsoft.Authorization/policyAssignments",
        "Microsoft.Authorization/policySetDefinitions",
    ];
    for seed in 1..=4000 {
        let mut random = Random::new(seed);
        let kind = [FileKind::Bicep, FileKind::ArmTemplate][random.below(2)];
        let which = random.below(names.len());
        let name: String = names[which]
            .chars()
            .map(|c| disguised(kind, c, &mut random))
            .collect();
        // Anything may be around it, escapes and quotes of other places among it.
        let noise = [
            "'",
            "\"",
            "\\",
            "\\\\",
            "\\u",
            "\\u{",
            "é𝄞",
            "\n",
            "/",
            "x",
            "// don't\n",
            "\\u0022",
            "/re",
        ];
        let mut text = String::new();
        for _ in 0..random.below(40) {
            text.push_str(noise[random.below(noise.len())]);
        }
        text.push_str(if kind == FileKind::Bicep {
            "\nresource r '"
        } else {
            "\n\"type\": \""
        });
        text.push_str(&name);
        text.push_str(if kind == FileKind::Bicep {
            "@2023-07-01' = {}"
        } else {
            "\","
        });
        let marks = PREFILTER.inspect(kind, text.as_bytes());
        let found = [marks.wanted, marks.relevance == Relevance::Holds][which / 2];
        assert!(found, "seed {seed}: {name} in {text:?}");
    }
}

#[test]
fn paths_in_disguise() {
    let paths = [
        "./modules/acr.bicep",
        "../a b/x.JSON",
        "t.jsonc",
        "../x.bicepparam",
        "é/𝄞.arm",
    ];
    for seed in 1..=4000 {
        let mut random = Random::new(seed);
        let path = paths[random.below(paths.len())];
        // Case counts in a path, so only escapes disguise it.
        let written: String = path
            .chars()
            .map(|c| match random.below(4) {
                0 => format!("\\u{{{:x}}}", c as u32),
                _ => c.to_string(),
            })
            .collect();
        let head = [
            "module m ",
            "using ",
            "import { x } from ",
            "var x = loadJsonContent(",
        ];
        let text = format!(
            "// it's\n{}'{written}' // isn't\n",
            head[random.below(head.len())]
        );
        let marks = PREFILTER.inspect(FileKind::Bicep, text.as_bytes());
        let has = marks.references.iter().any(|found| **found == *path);
        // A file with an escape is parsed, which finds the path.
        assert!(
            has || written != path && marks.relevance == Relevance::Holds,
            "seed {seed}: {path} in {text:?} gives {:?}",
            marks.references
        );
    }
}

#[test]
fn changed_files() {
    // Every case of every letter, in real files: the flags must stay.
    for (path, kind, text) in texts().filter(|(_, _, text)| text.len() < 30_000) {
        let expect = plain(kind, &text);
        if !expect.wanted {
            continue;
        }
        let mut random = Random::new(text.len() as u64);
        let flipped: String = text
            .chars()
            .map(|c| match random.below(2) {
                0 => c.to_ascii_uppercase(),
                _ => c.to_ascii_lowercase(),
            })
            .collect();
        let flags = Plain {
            references: Vec::new(),
            ..expect
        };
        check(&path, kind, &flipped, &flags);
        for encoding in [disk::DiskEncoding::Utf16Le, disk::DiskEncoding::Utf8Bom] {
            let marks = PREFILTER.inspect(kind, &disk::encode(&text, encoding));
            let plain = PREFILTER.inspect(kind, text.as_bytes());
            assert_eq!(marks, plain, "{}", path.display());
        }
    }
}
