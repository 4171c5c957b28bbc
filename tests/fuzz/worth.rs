//! What a scene is worth, by evaluation alone: bounded, twice the same, and nothing where the prefilter saw nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use preflight::eval::expand::Arguments;
use preflight::eval::{self, Files, Loaded, ResourceFilter};
use preflight::model::lower::NoMemo;
use preflight::model::lower_arm::{arm_kind, lower_arm};
use preflight::model::lower_bicep::lower_bicep;
use preflight::model::lower_parameters::lower_parameters;
use preflight::model::{FileId, FileKind, FileModel, Template};
use preflight::rules;
use preflight::syntax;
use preflight::workspace::prefilter::{Prefilter, kind_of};
use preflight::workspace::relevance::Relevance;

fn lower(path: &Path, text: &str) -> FileModel {
    match kind_of(path) {
        kind @ (FileKind::Bicep | FileKind::BicepParams) => {
            let tree = syntax::parse(syntax::bicep(), text, None);
            lower_bicep(kind, &tree, text, &NoMemo)
        }
        _ => {
            let tree = syntax::parse(syntax::json(), text, None);
            match arm_kind(&tree, text) {
                FileKind::ArmParameters => lower_parameters(&tree, text, &NoMemo),
                _ => lower_arm(&tree, text, &NoMemo),
            }
        }
    }
}

struct Memory(Vec<(PathBuf, Arc<str>, Arc<Template>)>);

impl Memory {
    fn find(&self, from: FileId, path: &str) -> Option<FileId> {
        let mut wanted = self.0.get(from.0 as usize)?.0.parent()?.to_path_buf();
        for part in path.split('/') {
            match part {
                "." | "" => {}
                ".." => drop(wanted.pop()),
                part => wanted.push(part),
            }
        }
        let at = self.0.iter().position(|(known, _, _)| *known == wanted)?;
        Some(FileId(at as u32))
    }
}

impl Files for Memory {
    fn load(&self, from: FileId, reference: &str) -> Loaded {
        let known = |text: &str| Loaded::Known(lower(Path::new("known.bicep"), text).template);
        match reference {
            "br:registry" => known(
                "param registryName string = ''\nresource r 'Microsoft.ContainerRegistry/registries@2023-07-01' = if (!empty(registryName)) { name: registryName }\n",
            ),
            "br:tier" => known(
                "param containersTier string = 'Free'\nresource p 'Microsoft.Security/pricings@2023-01-01' = { name: 'Containers', properties: { pricingTier: containersTier } }\n",
            ),
            "br:plans" => known(
                "param defenderPlans array = []\nresource p 'Microsoft.Security/pricings@2023-01-01' = [for plan in defenderPlans: { name: plan.name, properties: plan }]\n",
            ),
            "br:harmless" => Loaded::Harmless("it deploys nothing of interest".into()),
            _ => match self.find(from, reference) {
                Some(id) => Loaded::Template(id, self.0[id.0 as usize].2.clone()),
                None => Loaded::Unread(format!("{reference} does not exist").into()),
            },
        }
    }

    fn text(&self, from: FileId, path: &str) -> Option<(FileId, Arc<str>)> {
        let id = self.find(from, path)?;
        Some((id, self.0[id.0 as usize].1.clone()))
    }
}

/// Expands every file as an entry point, with the values of every parameter file.
pub(crate) fn evaluate(files: &BTreeMap<PathBuf, String>) {
    const ALL: ResourceFilter = ResourceFilter {
        types: &[],
        related: &[],
        body: &["properties"],
        existing: true,
        ordered: &[],
        shown: &[],
    };
    // Nothing refers to a file with another extension, and it is not read.
    let ours = files
        .iter()
        .filter(|(path, _)| kind_of(path) != FileKind::Other);
    let lowered = ours.map(|(path, text)| {
        let template = lower(path, text).template;
        (path.clone(), text.as_str().into(), template)
    });
    let memory = Memory(lowered.collect());
    let suspicious = files.iter().any(|(path, text)| {
        let hits = Prefilter::new(rules::filter()).inspect(kind_of(path), text.as_bytes());
        hits.relevance > Relevance::Nothing
    });
    let mut given = vec![Arguments::default()];
    for (n, (_, _, template)) in (0..).zip(&memory.0) {
        if let FileKind::BicepParams | FileKind::ArmParameters = template.kind {
            given.push(eval::arguments(FileId(n), template, &memory));
        }
    }
    for (n, (path, _, template)) in (0..).zip(&memory.0) {
        let path = path.display();
        for arguments in &given {
            eval::expand(FileId(n), template, arguments, &memory, &ALL);
            let once = eval::expand(FileId(n), template, arguments, &memory, rules::filter());
            let again = eval::expand(FileId(n), template, arguments, &memory, rules::filter());
            assert_eq!(once, again, "{path} is worth the same twice");
            let found = once.instances.iter().any(|it| !it.existing);
            assert!(
                suspicious || !found,
                "{path}: the prefilter saw nothing of {once:?}"
            );
        }
    }
}
