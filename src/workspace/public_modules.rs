//! What public registry modules deploy, so that a module that is not restored does not make every verdict unknown.
//!
//! The facts are data in `public_modules.json`: for each repository and version range a Bicep template that deploys the same
//! as far as rules are concerned, or none. Other versions are unknown.

use std::sync::{Arc, LazyLock};

use rustc_hash::FxHashMap;
use serde::Deserialize;

use crate::model::lower::NoMemo;
use crate::model::lower_bicep::lower_bicep;
use crate::model::{FileKind, Template};
use crate::syntax::language;

/// What a public module deploys.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// The same as this template, as far as rules can see.
    Template(Arc<Template>),
    /// Nothing that a rule reads.
    None,
    /// Not known, and why.
    Unknown(Arc<str>),
}

/// The file.
#[derive(Default, Deserialize)]
struct Data {
    /// The date of the facts: `2026-11-26`.
    made: String,
    /// The registry.
    host: String,
    /// What repositories of public modules begin with.
    prefix: String,
    /// Beginnings of repositories of which those that are not listed deploy nothing that a rule reads.
    none: Vec<String>,
    /// Lines in Bicep, by name.
    templates: FxHashMap<String, Vec<String>>,
    modules: Vec<Entry>,
}

/// A repository, and a range of its versions.
#[derive(Deserialize)]
struct Entry {
    /// Without prefix.
    repository: String,
    /// The first version, major and minor.
    #[serde(default)]
    from: String,
    /// The last version, major and minor.
    until: String,
    /// The name of its template; `None` deploys nothing that a rule reads.
    template: Option<String>,
}

struct Known {
    data: Data,
    templates: FxHashMap<String, Arc<Template>>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let text = include_str!("public_modules.json");
    let data: Data = serde_json::from_str(text).unwrap_or_default();
    let templates = data.templates.iter().map(|(name, lines)| {
        let text = lines.join("\n");
        let tree = language::parse(language::bicep(), &*text, None);
        let model = lower_bicep(FileKind::Bicep, &tree, &*text, &NoMemo);
        (name.clone(), model.template)
    });
    let templates = templates.collect();
    Known { data, templates }
});

/// The host and the prefix of public modules, which the alias `public` represents: `bicep`, without slash.
pub fn home() -> (&'static str, &'static str) {
    let data = &KNOWN.data;
    (&data.host, data.prefix.trim_end_matches('/'))
}

/// What a module deploys: its registry, its repository there, and its version, a tag or digest. `None` if it is not a
/// public module that anything is known of.
pub fn effect(registry: &str, repository: &str, version: &str) -> Option<Effect> {
    let Known { data, templates } = &*KNOWN;
    let name = repository.strip_prefix(&*data.prefix)?;
    if registry != data.host {
        return None;
    }
    let mut entries = data
        .modules
        .iter()
        .filter(|it| it.repository == name)
        .peekable();
    if entries.peek().is_none() {
        let none = data.none.iter().any(|it| name.starts_with(&**it));
        return none.then_some(Effect::None);
    }
    let unknown = || {
        let made = &data.made;
        Effect::Unknown(format!("version {version} is not among those known on {made}").into())
    };
    let Some(version) = minor(version) else {
        return Some(unknown());
    };
    let fits = |entry: &&Entry| {
        let from = minor(&entry.from).unwrap_or_default();
        from <= version && minor(&entry.until).is_some_and(|until| version <= until)
    };
    Some(match entries.find(fits).map(|it| &it.template) {
        None => unknown(),
        Some(None) => Effect::None,
        Some(Some(template)) => match templates.get(template) {
            Some(template) => Effect::Template(template.clone()),
            None => unknown(),
        },
    })
}

/// `0.3` of `0.3.1`; nothing for digests and names.
fn minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?.parse().ok()?;
    Some((major, minor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ItemKind;

    #[test]
    fn the_data_is_whole() {
        let Known { data, templates } = &*KNOWN;
        assert_eq!(data.made.len(), "2026-11-26".len());
        assert!(data.modules.len() > 20 && templates.len() > 5);
        for (name, template) in templates {
            assert!(template.items.iter().all(|it| !it.broken), "{name}");
        }
        let mut last: Option<&Entry> = None;
        for entry in &data.modules {
            let name = &entry.repository;
            let until = minor(&entry.until).expect("a version");
            let from = minor(&entry.from).unwrap_or_default();
            assert!(from <= until, "{name}");
            assert!(
                entry.from.is_empty() || minor(&entry.from).is_some(),
                "{name}"
            );
            if let Some(last) = last {
                let follows =
                    last.repository == *name && minor(&last.until).is_some_and(|it| it < from);
                assert!(last.repository < *name || follows, "{name} is out of order");
            }
            let template = entry.template.as_ref();
            assert!(
                template.is_none_or(|it| templates.contains_key(it)),
                "{name}"
            );
            last = Some(entry);
        }
    }

    #[test]
    fn by_name_and_version() {
        let check = |repository: &str, version: &str, expect: &str| {
            let got = match effect("mcr.microsoft.com", &format!("bicep/{repository}"), version) {
                None => "unlisted".to_owned(),
                Some(Effect::None) => "none".to_owned(),
                Some(Effect::Unknown(_)) => "unknown".to_owned(),
                Some(Effect::Template(template)) => {
                    let types = template.items.iter().filter_map(|item| match &item.kind {
                        ItemKind::Resource(it) => {
                            it.resource_type.as_ref().map(|ty| ty.to_string())
                        }
                        _ => None,
                    });
                    types.collect::<Vec<_>>().join(" ")
                }
            };
            assert_eq!(got, expect, "{repository}:{version}");
        };
        let registry = "Microsoft.ContainerRegistry/registries";
        let plan = "Microsoft.Security/pricings";
        check("avm/res/container-registry/registry", "0.9.3", registry);
        check("avm/res/container-registry/registry", "0.13.0", "unknown");
        check(
            "avm/res/container-registry/registry",
            "sha256:00",
            "unknown",
        );
        check(
            "avm/res/container-registry/registry/webhook",
            "0.1.0",
            "none",
        );
        check("avm/res/storage/storage-account", "99.0.0", "none");
        check("avm/ptn/ai-ml/ai-foundry", "0.1.1", registry);
        check("avm/ptn/ai-ml/ai-foundry", "0.4.0", "none");
        check("avm/ptn/ai-ml/ai-foundry", "0.8.0", "unknown");
        check("avm/ptn/azd/acr-container-app", "0.4.0", "none");
        check("avm/ptn/azd/acr-container-app", "0.9.0", "unknown");
        check("avm/ptn/azd/ml-hub-dependencies", "0.1.0", registry);
        check("avm/ptn/something/new", "0.1.0", "unlisted");
        check(
            "avm/ptn/authorization/policy-assignment",
            "0.5.3",
            "Microsoft.Authorization/policyAssignments",
        );
        check("avm/ptn/security/security-center", "0.1.1", plan);
        check("avm/ptn/security/security-center", "0.3.0", plan);
        check("avm/ptn/security/security-center", "1.0.0", "unknown");
        check("avm/ptn/security/security-center", "latest", "unknown");
        check("compute/container-registry", "1.1.1", registry);
        check("deployment-scripts/import-acr", "3.0.1", "none");
        check("compute/availability-set", "1.0.1", "unlisted");
        let elsewhere = effect(
            "contoso.azurecr.io",
            "bicep/avm/res/storage/storage-account",
            "0.1.0",
        );
        assert_eq!(elsewhere, None);
    }
}
