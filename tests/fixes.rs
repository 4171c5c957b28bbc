//! Every fix of every finding in real templates, applied in memory: the file still parses, the finding is gone, nothing
//! new is found, and taken back, all is as before.

#[path = "support/fixes.rs"]
mod fixes;
mod support;

use std::collections::BTreeMap;
use std::path::Path;

use preflight::analysis::{Analysis, Cancel, Options, scan};
use preflight::workspace::config::{Coverage, Overrides};
use support::Random;

#[derive(Default, Debug)]
struct Counts {
    findings: usize,
    without_fix: usize,
    fixes: BTreeMap<String, usize>,
}

fn try_all(
    folder: &Path,
    cache: &Path,
    coverage: Option<Coverage>,
    counts: &mut Counts,
    wrong: &mut Vec<String>,
) {
    let options = Options {
        overrides: Overrides {
            coverage,
            ..Overrides::default()
        },
        cache_root: Some(cache.to_path_buf()),
        ..Options::default()
    };
    let mut analysis = Analysis::new(options.clone());
    let folders = [folder.to_path_buf()];
    analysis.set_folders(&folders);
    analysis.install(scan(folder, &options, &Cancel::default(), &|_, _| {}));
    fixes::settle(&mut analysis);
    try_findings(&mut analysis, counts, wrong);
}

/// Tries every fix of every finding that an analysis shows.
fn try_findings(analysis: &mut Analysis, counts: &mut Counts, wrong: &mut Vec<String>) {
    for report in analysis.reports() {
        for shown in report.diagnostics.iter().filter(|d| d.suppressed.is_none()) {
            counts.findings += 1;
            let corrected = fixes::key(analysis, shown);
            let offered = analysis.fixes(&report.path, shown.location.span, true);
            let here = analysis
                .report(&report.path)
                .expect("a report that was there");
            let own: Vec<_> = offered
                .into_iter()
                .filter(|(at, _)| here.diagnostics[*at] == *shown)
                .map(|(_, fix)| fix)
                .collect();
            if !own.iter().any(|fix| fix.preferred) {
                counts.without_fix += 1;
            }
            let preferred = own.iter().filter(|fix| fix.preferred).count();
            if preferred > 1 {
                wrong.push(format!("{corrected:?}: {preferred} preferred fixes"));
            }
            for fix in &own {
                let kind = fix.id.split([':']).next().unwrap_or_default();
                *counts.fixes.entry(kind.to_owned()).or_default() += 1;
                if let Err(reported) = fixes::check(analysis, &corrected, fix) {
                    wrong.push(format!(
                        "{corrected:?}\n  {} ({}): {reported}",
                        fix.id, fix.title
                    ));
                }
            }
        }
    }
}

/// The files below a folder that are wanted, wherever they are, in order.
fn below(folder: &Path, wanted: &dyn Fn(&Path) -> bool, found: &mut Vec<std::path::PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder of the corpus")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            below(&path, wanted, found);
        } else if wanted(&path) {
            found.push(path);
        }
    }
}

/// Whether a file is a compiled template that holds a registry.
fn is_compiled(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "json")
        && std::fs::read_to_string(path)
            .is_ok_and(|text| text.contains("\"Microsoft.ContainerRegistry/registries\""))
}

fn is_bicep(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "bicep")
}

#[test]
#[ignore = "reads the corpus of real files"]
fn corpus_fixes_in_compiled_templates_keep_their_promises() {
    let corpus = support::corpus();
    let mut paths = Vec::new();
    below(&corpus, &is_compiled, &mut paths);
    let (mut counts, mut wrong) = (Counts::default(), Vec::new());
    for path in &paths {
        // Alone, so that it is no artifact of a source beside it.
        let text = std::fs::read_to_string(path).expect("a template");
        let workspace = support::Workspace::new(&[("template.json", &text)]);
        let mut analysis = workspace.analysis();
        fixes::settle(&mut analysis);
        try_findings(&mut analysis, &mut counts, &mut wrong);
    }
    println!("{} templates {counts:#?}", paths.len());
    assert!(counts.findings > 0, "the corpus has findings");
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
#[ignore = "reads the corpus of real files"]
fn corpus_fixes_keep_their_promises() {
    let corpus = support::corpus();
    let cache = corpus.join("bicep-cache");
    let mut wrong = Vec::new();
    // Within one deployment alone there is more to find.
    for coverage in [None, Some(Coverage::Deployment)] {
        let mut counts = Counts::default();
        for folder in [
            "aks-construction",
            "bicep-samples",
            "docs-samples",
            "registry-modules",
        ] {
            let folder = corpus.join(folder);
            try_all(&folder, &cache, coverage, &mut counts, &mut wrong);
        }
        println!("{coverage:?} {counts:#?}");
        assert!(counts.findings > 0, "the corpus has findings");
    }
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// A registry as a file may declare it that is deployed at the level its own words state; `None` for other levels.
fn declared(text: &str) -> Option<&'static str> {
    let said = text
        .lines()
        .find_map(|line| line.strip_prefix("targetScope = "));
    Some(match said.map(str::trim) {
        None | Some("'resourceGroup'") => {
            "resource addedRegistry 'Microsoft.ContainerRegistry/registries@2023-07-01' = {
  name: 'addedregistry'
  location: 'westeurope'
}
"
        }
        Some("'subscription'") => {
            "module addedRegistry 'br/public:avm/res/container-registry/registry:0.9.3' = {
  name: 'added'
  scope: resourceGroup('added')
  params: {
    name: 'addedregistry'
  }
}
"
        }
        Some("'managementGroup'" | "'tenant'") => {
            "module addedRegistry 'br/public:avm/res/container-registry/registry:0.9.3' = {
  name: 'added'
  scope: resourceGroup('11111111-1111-1111-1111-111111111111', 'added')
  params: {
    name: 'addedregistry'
  }
}
"
        }
        Some(_) => return None,
    })
}

#[test]
#[ignore = "reads the corpus of real files"]
fn corpus_fixes_in_files_that_get_a_registry_keep_their_promises() {
    let corpus = support::corpus();
    let mut paths = Vec::new();
    for folder in ["bicep-samples", "docs-samples", "registry-modules"] {
        below(&corpus.join(folder), &is_bicep, &mut paths);
    }
    let (mut counts, mut wrong, mut files) = (Counts::default(), Vec::new(), 0);
    let mut random = Random(5);
    for path in paths {
        if random.below(12) > 0 {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
        let Some(registry) = declared(&text) else {
            continue;
        };
        // Where one blank line parts two declarations, or at the end.
        let parted: Vec<usize> = text
            .match_indices("\n}\n\n")
            .map(|(at, _)| at + 4)
            .collect();
        let at = match parted.is_empty() || random.below(3) == 0 {
            true => text.len(),
            false => *random.pick(&parted),
        };
        let gap = if text[..at].ends_with('\n') { "" } else { "\n" };
        let made = format!("{}{gap}{registry}\n{}", &text[..at], &text[at..]);
        let made = match random.below(2) {
            0 => made.replace('\n', "\r\n"),
            _ => made,
        };
        files += 1;
        let workspace = support::Workspace::new(&[("main.bicep", &made)]);
        let mut analysis = workspace.analysis();
        fixes::settle(&mut analysis);
        let before = wrong.len();
        try_findings(&mut analysis, &mut counts, &mut wrong);
        for reported in &mut wrong[before..] {
            *reported = format!("{}: {reported}", path.display());
        }
    }
    println!("{files} files {counts:#?}");
    assert!(
        counts.findings >= files * 9 / 10,
        "{counts:?} in {files} files"
    );
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn one<T: Copy>(random: &mut Random, of: &[T]) -> T {
    *random.pick(of)
}

/// A file written in one of many ways, always the same for the same number.
struct Writing {
    random: Random,
    newline: &'static str,
    indent: &'static str,
    final_newline: bool,
    mark: bool,
}

impl Writing {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        Writing {
            newline: one(&mut random, &["\n", "\r\n"]),
            indent: one(&mut random, &["  ", "    ", "\t"]),
            final_newline: random.below(3) > 0,
            mark: random.below(4) == 0,
            random,
        }
    }

    /// The text as it is on disk: line ends, indentation, end of file and byte order mark as this writing has them.
    fn finish(&self, lines: &[String]) -> String {
        let mut text = String::from(if self.mark { "\u{feff}" } else { "" });
        for (index, line) in lines.iter().enumerate() {
            let body = line.trim_start_matches('>');
            text.push_str(&self.indent.repeat(line.len() - body.len()));
            text.push_str(body);
            if index + 1 < lines.len() || self.final_newline {
                text.push_str(self.newline);
            }
        }
        text
    }

    fn bicep(&mut self) -> (Vec<(&'static str, String)>, bool) {
        let registry: &[&str] = &[
            "resource acr 'Microsoft.ContainerRegistry/registries@2023-07-01' = {",
            ">name: 'images'",
            ">location: 'westeurope'",
            "}",
        ];
        let module: &[&str] = &[
            "module acr 'acr.bicep' = {",
            ">name: 'acr'",
            ">scope: resourceGroup('rg')",
            "}",
        ];
        let subscription = self.random.below(2) == 0;
        let compact = self.random.below(4) == 0;
        let mut blocks: Vec<Vec<String>> = Vec::new();
        let block = |lines: &[&str]| lines.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>();
        if subscription {
            blocks.push(block(&["targetScope = 'subscription'"]));
        }
        let around: [&[&str]; 8] = [
            &["param defenderForContainers string = ''"],
            &["// a comment", "param place string = 'x' // behind"],
            &[
                "#disable-next-line no-unused-vars",
                "var list = [",
                ">'a'",
                ">'b'",
                "]",
            ],
            &["/* several", "   lines */"],
            &["@description('half", "param broken string"],
            &[
                "resource half 'Microsoft.Storage/storageAccounts@2023-01-01' = {",
                ">name: ",
            ],
            &["param text string = '''", "raw // text", "'''"],
            &["output defender string = 'x'"],
        ];
        for _ in 0..self.random.below(3) {
            blocks.push(block(one(&mut self.random, &around)));
        }
        let mut own = block(if subscription { module } else { registry });
        if self.random.below(3) == 0 {
            own.insert(0, "#disable-next-line BCP081 // why".to_owned());
        }
        if self.random.below(3) == 0 {
            own.insert(0, "@description('The registry.')".to_owned());
        }
        if self.random.below(3) == 0 {
            let behind = one(
                &mut self.random,
                &[" // behind", " /* behind */", " /* behind", "  "],
            );
            if let Some(last) = own.last_mut() {
                last.push_str(behind);
            }
            if behind == " /* behind" {
                own.push("   goes on */".to_owned());
            }
        }
        blocks.push(own);
        for _ in 0..self.random.below(3) {
            blocks.push(block(one(&mut self.random, &around)));
        }
        let mut lines: Vec<String> = Vec::new();
        for (index, block) in blocks.into_iter().enumerate() {
            if index > 0 && !compact {
                lines.push(String::new());
            }
            lines.extend(block);
        }
        let mut files = vec![("main.bicep", self.finish(&lines))];
        if subscription {
            files.push(("acr.bicep", self.finish(&block(registry))));
        }
        (files, subscription)
    }

    fn json(&mut self) -> (Vec<(&'static str, String)>, bool) {
        let subscription = self.random.below(2) == 0;
        let colon = one(&mut self.random, &[": ", ":", " : "]);
        let keyed = self.random.below(3) == 0;
        let hugging = self.random.below(4) == 0;
        let trailing = if self.random.below(3) == 0 { "," } else { "" };
        let comment = one(&mut self.random, &["", " // behind", " /* behind */"]);
        let schema = match subscription {
            true => {
                "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#"
            }
            false => {
                "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
            }
        };
        let pair = |level: usize, key: &str, value: &str, end: &str| {
            format!("{}\"{key}\"{colon}{value}{end}", ">".repeat(level))
        };
        let registry = |level: usize| {
            vec![
                pair(
                    level,
                    "type",
                    "\"Microsoft.ContainerRegistry/registries\"",
                    ",",
                ),
                pair(level, "apiVersion", "\"2023-07-01\"", ","),
                pair(level, "name", "\"images\"", ","),
                pair(level, "location", "\"westeurope\"", trailing),
            ]
        };
        let nested = |level: usize| {
            let mut lines = vec![
                pair(level, "type", "\"Microsoft.Resources/deployments\"", ","),
                pair(level, "apiVersion", "\"2022-09-01\"", ","),
                pair(level, "name", "\"acr\"", ","),
                pair(level, "resourceGroup", "\"rg\"", ","),
                pair(level, "properties", "{", ""),
                pair(level + 1, "mode", "\"Incremental\"", ","),
                pair(level + 1, "template", "{", ""),
                pair(
                    level + 2,
                    "$schema",
                    "\"https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#\"",
                    ",",
                ),
                pair(level + 2, "contentVersion", "\"1.0.0.0\"", ","),
                pair(level + 2, "resources", "[", ""),
                format!("{}{{", ">".repeat(level + 3)),
            ];
            lines.extend(registry(level + 4));
            for end in (0..5).rev().skip(1) {
                let bracket = if end == 2 { "]" } else { "}" };
                lines.push(format!("{}{bracket}", ">".repeat(level + end)));
            }
            lines
        };
        let (open, close) = if keyed { ("{", "}") } else { ("[", "]") };
        let mut lines = vec![
            "{".to_owned(),
            pair(1, "$schema", &format!("\"{schema}\""), ","),
            pair(1, "contentVersion", "\"1.0.0.0\"", ","),
        ];
        if keyed {
            lines.push(pair(1, "languageVersion", "\"2.0\"", ","));
        }
        let level = if hugging && !keyed { 2 } else { 3 };
        match (hugging, keyed) {
            (true, false) => lines.push(pair(1, "resources", "[{", "")),
            _ => {
                lines.push(pair(1, "resources", open, ""));
                lines.push(match keyed {
                    true => pair(2, "acr", "{", ""),
                    false => ">>{".to_owned(),
                });
            }
        }
        lines.extend(if subscription {
            nested(level)
        } else {
            registry(level)
        });
        let last = ">".repeat(level - 1);
        match hugging && !keyed {
            true => lines.push(format!("{last}}}]")),
            false => {
                lines.push(format!("{last}}}{trailing}{comment}"));
                lines.push(format!(">{close}"));
            }
        }
        lines.push("}".to_owned());
        (vec![("main.json", self.finish(&lines))], subscription)
    }
}

/// Tries every fix of every finding of a generated workspace, and that what it adds is written as the file is.
fn try_writing(
    seed: u64,
    files: &[(&'static str, String)],
    writing: &Writing,
) -> Result<usize, String> {
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (*p, &**t)).collect();
    let workspace = support::Workspace::new(&files);
    let mut analysis = workspace.analysis();
    fixes::settle(&mut analysis);
    let mut tried = 0;
    for report in analysis.reports() {
        for shown in report.diagnostics.iter().filter(|d| d.suppressed.is_none()) {
            let corrected = fixes::key(&analysis, shown);
            for (_, fix) in analysis.fixes(&report.path, shown.location.span, true) {
                tried += 1;
                let reported =
                    |what: &str| format!("seed {seed}, fix {}: {what}\n{}", fix.id, files[0].1);
                for (path, text) in fixes::after(&analysis, &fix) {
                    if path.ends_with("ps-rule.yaml") {
                        continue;
                    }
                    let ends = text.matches('\n').count();
                    let expected = if writing.newline == "\r\n" { ends } else { 0 };
                    if text.matches("\r\n").count() != expected {
                        return Err(reported(&format!("mixed line ends in\n{text:?}")));
                    }
                    let before = analysis.text(&path);
                    let ended = before.is_none_or(|before| before.ends_with('\n'));
                    if text.ends_with('\n') != ended {
                        return Err(reported(&format!("the end of the file changed:\n{text}")));
                    }
                    let other = if writing.indent == "\t" {
                        "\n  "
                    } else {
                        "\n\t"
                    };
                    let spaces = text.replace("\n   goes on", "").replace("\r", "");
                    if spaces.replace("\n   lines */", "").contains(other) {
                        return Err(reported(&format!("another indentation:\n{text}")));
                    }
                }
                fixes::check(&mut analysis, &corrected, &fix).map_err(|what| reported(&what))?;
            }
        }
    }
    Ok(tried)
}

#[test]
fn fixes_keep_the_way_a_file_is_written() {
    let (mut tried, mut wrong, mut silent) = (0, Vec::new(), 0);
    for seed in 0..300 {
        let mut writing = Writing::new(seed);
        let (files, _) = match seed % 2 {
            0 => writing.bicep(),
            _ => writing.json(),
        };
        match try_writing(seed, &files, &writing) {
            Ok(0) => silent += 1,
            Ok(n) => tried += n,
            Err(reported) => wrong.push(reported),
        }
    }
    println!("{tried} fixes tried, {silent} files without a finding");
    assert!(silent < 60, "{silent} of 300 files have no finding");
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n----\n")
    );
}
