//! Analysis after any sequence of edits equals analysis from scratch: the property that lets the engine forget nothing
//! and recompute little. Edits are of every kind: typed, saved, files that come, go and change their name on disk, and
//! configuration.

mod support;

#[path = "support/alike.rs"]
mod alike;

use std::collections::BTreeMap;

use preflight::analysis::{Analysis, FileReport};
use support::{Random, Workspace};

/// A workspace in which most edits change some verdict: modules, loops, parameter files, plans, a cycle, JSON.
const FIXTURE: &str = "
//- /main.bicep
param deploy bool = true
param names array = ['a', 'b']
module acr 'modules/acr.bicep' = if (deploy) {
  name: 'acr'
  params: { name: 'images' }
}
resource more 'Microsoft.ContainerRegistry/registries@2023-07-01' = [for name in names: {
  name: 'more${name}'
  location: 'westeurope'
}]
//- /modules/acr.bicep
param name string
resource acr 'Microsoft.ContainerRegistry/registries@2023-07-01' = {
  name: name
  location: 'westeurope'
}
output id string = acr.id
//- /platform/sub.bicep
targetScope = 'subscription'
param plans array = [
  { name: 'VirtualMachines', tier: 'Standard' }
  { name: 'Containers', tier: 'Free' }
]
resource pricing 'Microsoft.Security/pricings@2024-01-01' = [for plan in plans: {
  name: plan.name
  properties: { pricingTier: plan.tier }
}]
//- /platform/dev.bicepparam
using 'sub.bicep'
param plans = [
  { name: 'Containers', tier: 'Free' }
]
//- /classic/azuredeploy.json
{
  \"$schema\": \"https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#\",
  \"contentVersion\": \"1.0.0.0\",
  \"parameters\": { \"deploy\": { \"type\": \"bool\", \"defaultValue\": true } },
  \"resources\": [
    {
      \"condition\": \"[parameters('deploy')]\",
      \"type\": \"Microsoft.ContainerRegistry/registries\",
      \"apiVersion\": \"2023-07-01\",
      \"name\": \"classic\"
    }
  ]
}
//- /classic/azuredeploy.parameters.json
{
  \"$schema\": \"https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#\",
  \"contentVersion\": \"1.0.0.0\",
  \"parameters\": { \"deploy\": { \"value\": false } }
}
//- /ring/a.bicep
module b 'b.bicep' = { name: 'b' }
resource acr 'Microsoft.ContainerRegistry/registries@2023-07-01' = { name: 'ring' }
//- /ring/b.bicep
module a 'a.bicep' = { name: 'a' }
";

/// What an edit may put in: pieces that make and unmake verdicts, and junk.
const PIECES: [&str; 22] = [
    "'Free'",
    "'Standard'",
    "true",
    "false",
    "deploy",
    "Containers",
    "\n",
    "\r\n",
    " // note\n",
    "#disable-next-line AZR-000002\n",
    "{",
    "}",
    "[",
    "]",
    "'",
    "\"",
    ",",
    "\u{1F600}",
    "x",
    "modules/acr.bicep",
    "module q 'modules/acr.bicep' = {\n  name: 'q'\n  params: { name: 'q' }\n}\n",
    "resource r 'Microsoft.ContainerRegistry/registries@2023-07-01' = {\n  name: 'r'\n}\n",
];

/// What the configuration may state. All are valid, since an invalid one leaves the previous settings in force.
const RULES: [&str; 4] = [
    "",
    "configuration:\n  PREFLIGHT_COVERAGE: deployment\n",
    "rule:\n  exclude:\n  - AZR-000002\n",
    "input:\n  pathIgnore:\n  - platform/\nconfiguration:\n  PREFLIGHT_PLAN: ContainerRegistry\n",
];

fn original(name: &str) -> &'static str {
    let files = support::split(FIXTURE).into_iter();
    let mut own = files.filter(|(known, _)| *known == name);
    own.next().expect("a fixture").1
}

fn shown(analysis: &Analysis) -> Vec<FileReport> {
    let mut reports = analysis.reports();
    for report in &mut reports {
        report.version = None;
    }
    reports
}

/// Random edits with some opening, closing and saving between; after each the answer is that of a fresh start.
/// Returns at how many steps both were compared.
fn run(seed: u64, steps: usize) -> usize {
    let mut compared = 0;
    let workspace = Workspace::parse(FIXTURE);
    let names: Vec<&str> = support::split(FIXTURE)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let mut random = Random(seed);
    let mut edited = workspace.analysis();
    workspace.refresh(&mut edited);
    let mut open: BTreeMap<&str, String> = BTreeMap::new();
    let mut history: Vec<(&str, String)> = Vec::new();
    for step in 0..steps {
        let name = *random.pick(&names);
        let path = workspace.path(name);
        match random.below(16) {
            0 if open.contains_key(name) => {
                open.remove(name);
                edited.close(&path);
            }
            1 if open.contains_key(name) => {
                workspace.write(name, &open[name]);
                edited.disk_changed(std::slice::from_ref(&path));
            }
            2 if !open.contains_key(name) => {
                workspace.write(name, original(name));
                edited.disk_changed(std::slice::from_ref(&path));
            }
            3 if !history.is_empty() => {
                // Undo: the whole text comes back as it was.
                let (name, text) = history.pop().expect("there is one");
                if let Some(present) = open.get_mut(name) {
                    let old = present.clone();
                    workspace.replace(&mut edited, name, step as i32 + 2, &old, &text);
                    *present = text;
                }
            }
            4 => {
                workspace.write("ps-rule.yaml", RULES[random.below(4)]);
                edited.disk_changed(&[workspace.path("ps-rule.yaml")]);
            }
            5 if path.exists() => {
                // Deleted, or renamed to what was not there or is written over.
                let new = workspace.path(["moved.bicep", "modules/acr.bicep"][random.below(2)]);
                match random.below(2) {
                    0 => std::fs::remove_file(&path).expect("a file deleted"),
                    _ => std::fs::rename(&path, &new).expect("a file renamed"),
                }
                edited.disk_changed(&[path.clone(), new]);
            }
            _ => {
                let text = open.entry(name).or_insert_with(|| {
                    let text = std::fs::read_to_string(&path);
                    let text = text.unwrap_or_else(|_| original(name).to_owned());
                    edited.open(&path, 1, &text);
                    text
                });
                history.push((name, text.clone()));
                let boundary = |mut at: usize| {
                    // Between CR and LF there is no position.
                    while !text.is_char_boundary(at)
                        || (text[..at].ends_with('\r') && text[at..].starts_with('\n'))
                    {
                        at -= 1;
                    }
                    at
                };
                let start = boundary(random.below(text.len() + 1));
                let length = *random.pick(&[0, 0, 0, 1, 3, 12, 60]);
                let end = boundary((start + length).min(text.len())).max(start);
                let piece = *random.pick(&PIECES);
                let change = preflight::text::TextChange {
                    range: Some(preflight::text::Range {
                        start: support::position(text, start),
                        end: support::position(text, end),
                    }),
                    text: piece.to_owned(),
                };
                edited.edit(
                    &path,
                    step as i32 + 2,
                    &[change],
                    preflight::text::Encoding::Utf8,
                );
                text.replace_range(start..end, piece);
            }
        }
        workspace.refresh(&mut edited);
        let mut fresh = workspace.analysis();
        for (name, text) in &open {
            workspace.open(&mut fresh, name, text);
        }
        workspace.refresh(&mut fresh);
        let paths: Vec<_> = open.keys().map(|name| workspace.path(name)).collect();
        let paths = paths.iter().map(|path| path.as_path());
        if !alike::read_alike(&mut edited, &mut fresh, paths) {
            continue;
        }
        compared += 1;
        assert_eq!(
            shown(&edited),
            shown(&fresh),
            "seed {seed}, step {step}, {name}\n{:?}",
            open.get(name)
        );
        assert_eq!(
            edited.problems(),
            fresh.problems(),
            "seed {seed}, step {step}, {name}"
        );
    }
    compared
}

#[test]
fn analysis_after_edits_is_analysis_from_scratch() {
    let compared: usize = (1..=12).map(|seed| run(seed, 100)).sum();
    assert!(compared > 1100, "compared at {compared} of 1200 steps");
}
