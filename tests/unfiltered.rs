//! The prefilter changes what is read, never what is reported: the findings with it equal the findings without it, over
//! templates and over seeded changes of them.

mod support;

use std::path::{Path, PathBuf};

use preflight::analysis::{Analysis, Cancel, Options, scan};
use preflight::workspace::config::{Coverage, Overrides};
use support::Random;

/// What is shown, one line each.
fn answer(root: &Path, unfiltered: bool) -> (Vec<String>, u64) {
    let options = Options {
        unfiltered,
        cache_root: Some(root.join("no-cache")),
        // A plan anywhere else would hide most of what there is to compare.
        overrides: Overrides {
            coverage: Some(Coverage::Deployment),
            ..Overrides::default()
        },
        ..Options::default()
    };
    let mut analysis = Analysis::new(options.clone());
    analysis.set_folders(&[root.to_path_buf()]);
    analysis.install(scan(root, &options, &Cancel::default(), &|_, _| {}));
    while analysis.is_pending() {
        analysis.refresh(&Cancel::default());
    }
    let mut rows = Vec::new();
    for report in analysis.reports() {
        for shown in report.diagnostics.iter() {
            let path = report.path.strip_prefix(root).unwrap_or(&report.path);
            let related = shown.related.iter();
            let related: Vec<_> = related
                .map(|(at, text)| {
                    format!(
                        "{}:{} {text}",
                        at.path.strip_prefix(root).unwrap_or(&at.path).display(),
                        at.start.line + 1
                    )
                })
                .collect();
            rows.push(format!(
                "{}:{} {:?} {:?} {} {related:?}",
                path.display(),
                shown.location.start.line + 1,
                shown.verdict,
                shown.severity,
                shown.message
            ));
        }
    }
    (rows, analysis.counters().parsed)
}

/// Fails where the two answers differ; returns how many lines they have, and how many files fewer were parsed.
fn check(what: &str, root: &Path) -> (usize, i64) {
    let (with, few) = answer(root, false);
    let (without, many) = answer(root, true);
    assert_eq!(with, without, "{what}");
    (with.len(), many as i64 - few as i64)
}

#[test]
#[ignore = "reads the corpus of real files"]
fn corpus_templates() {
    let (shown, saved) = check("the corpus", &support::corpus());
    assert!(shown > 3, "nothing to compare");
    assert!(saved > 0, "the filter saves {saved} files");
}

/// What a change may bring into a file, and what it may tear.
const PIECES: [&str; 12] = [
    "\nresource acr0 'Microsoft.ContainerRegistry/registries@2023-07-01' = {\n  name: 'images'\n  location: 'x'\n}\n",
    "\nresource plan0 'Microsoft.Security/pricings@2024-01-01' = {\n  name: 'Containers'\n  properties: { pricingTier: 'Standard' }\n}\n",
    "\nresource plan1 'Microsoft.Sec\\u{75}rity/pricings@2024-01-01' = {\n  name: 'Containers'\n  properties: { pricingTier: 'Free' }\n}\n",
    "\nresource acr1 'MICROSOFT.CONTAINERREGISTRY/registries@2023-07-01' = [for n in [1, 2]: {\n  name: 'r${n}'\n  location: 'x'\n}]\n",
    "\nmodule other0 'main.bicep' = {\n  name: 'other'\n}\n",
    "\nmodule other1 './a.bicep' = if (true) {\n  name: 'a'\n}\n",
    "\nmodule other2 'br/public:avm/res/container-registry/registry:0.9.1' = {\n  name: 'b'\n  params: { name: 'x' }\n}\n",
    "\ntargetScope = 'subscription'\n",
    "'",
    "}",
    "\n/*\n",
    "\n",
];

#[test]
fn own_changed_templates() {
    changed_templates(&support::own_files(&["bicep", "json"]));
}

#[test]
#[ignore = "reads the corpus of real files"]
fn corpus_changed_templates() {
    changed_templates(&support::files_below(
        &support::corpus(),
        &["bicep", "json"],
    ));
}

/// Three files at a time under short names, with pieces inserted and removed, some of them referring to one another.
fn changed_templates(files: &[(PathBuf, String)]) {
    let (mut shown, mut saved) = (0, 0);
    for seed in 1..=500 {
        let mut random = Random(seed);
        let workspace = support::Workspace::new(&[]);
        for stem in ["main", "a", "b/main"] {
            let (source, text) = &files[random.below(files.len())];
            let mut text = text.clone();
            if text.len() > 60_000 {
                continue;
            }
            for _ in 0..random.below(4) {
                let mut at = random.below(text.len() + 1);
                if random.below(3) > 0 {
                    // Between lines, where a declaration can be.
                    at = text[..floor(&text, at)].rfind('\n').map_or(0, |at| at + 1);
                }
                let at = floor(&text, at);
                match random.below(4) {
                    0 => {
                        let end = floor(&text, (at + random.below(40)).min(text.len()));
                        text.replace_range(at..end, "");
                    }
                    _ => text.insert_str(at, PIECES[random.below(PIECES.len())]),
                }
            }
            let extension = source.extension().unwrap_or_default().to_string_lossy();
            workspace.write(&format!("{stem}.{extension}"), &text);
        }
        let (more, fewer) = check(&format!("seed {seed}"), workspace.root());
        shown += more;
        saved += fewer;
    }
    assert!(saved > 0, "the filter saves {saved} files");
    assert!(shown > 20, "only {shown} findings were compared");
}

/// The character boundary at or before a byte.
fn floor(text: &str, at: usize) -> usize {
    (0..=at)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}
