//! Public modules whose effect is known by heart, so that a module that was never restored does not make a verdict
//! unknown.
//!
//! Read from Azure/bicep-registry-modules: the modules whose closure declares a registry or a plan. Every other module
//! under `avm/` declares neither, today and in the releases before.

use std::sync::Arc;

use crate::eval::{KnownEffect, KnownModule};
use crate::model::Ident;

/// The host and the first path segment under which the public modules are published.
pub const PUBLIC: (&str, &str) = ("mcr.microsoft.com", "bicep");

/// What a public module deploys, where that is known.
#[derive(Debug, Clone, PartialEq)]
pub enum Knowledge {
    /// A registry or plans.
    Known(KnownModule),
    /// Neither.
    Harmless,
    /// Not known.
    Nothing,
}

/// Repositories that deploy one registry: the parameter that must not be empty for it, and the one that names it.
const REGISTRIES: &[(&str, Option<&str>, Option<&str>)] = &[
    ("avm/res/container-registry/registry", None, Some("name")),
    ("avm/ptn/aca-lza/hosting-environment", None, None),
    ("avm/ptn/ai-platform/baseline", None, None),
    ("avm/ptn/app/container-job-toolkit", None, None),
    ("avm/ptn/azd/aks", None, Some("containerRegistryName")),
    (
        "avm/ptn/azd/container-apps-stack",
        None,
        Some("containerRegistryName"),
    ),
    (
        "avm/ptn/azd/ml-ai-environment",
        Some("containerRegistryName"),
        Some("containerRegistryName"),
    ),
    (
        "avm/ptn/azd/ml-hub-dependencies",
        Some("containerRegistryName"),
        Some("containerRegistryName"),
    ),
    ("avm/ptn/dev-ops/cicd-agents-and-runners", None, None),
    ("avm/ptn/sa/content-processing", None, None),
    ("avm/ptn/sa/document-knowledge-mining", None, None),
    // The archived registry of before 2024.
    ("compute/container-registry", None, Some("name")),
];

/// The only public module that deploys plans. Its parameters changed with 0.3.
const SECURITY_CENTER: &str = "avm/ptn/security/security-center";

/// What is known of a module: `repository` without host and `bicep/`, `version` its tag or digest.
pub fn knowledge(repository: &str, version: &str) -> Knowledge {
    let known = |effect| {
        Knowledge::Known(KnownModule {
            repository: repository.into(),
            version: version.into(),
            effect,
        })
    };
    let registry = REGISTRIES.iter().find(|(name, _, _)| *name == repository);
    if let Some((_, unless_empty, name_parameter)) = registry {
        let ident = |name: &Option<&str>| name.map(|name| Ident::new(Arc::from(name)));
        return known(KnownEffect::Registry {
            unless_empty: ident(unless_empty),
            name_parameter: ident(name_parameter),
        });
    }
    if repository == SECURITY_CENTER {
        return match minor_version(version) {
            Some((0, ..3)) => known(KnownEffect::ContainersTier),
            Some(_) => known(KnownEffect::DefenderPlans),
            None => Knowledge::Nothing,
        };
    }
    if repository.starts_with("avm/") || repository == "deployment-scripts/import-acr" {
        return Knowledge::Harmless;
    }
    Knowledge::Nothing
}

/// `0.3` of `0.3.1`; nothing for digests and names.
fn minor_version(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?.parse().ok()?;
    Some((major, minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_name_and_version() {
        let check = |repository: &str, version: &str, expect: &str| {
            let got = match knowledge(repository, version) {
                Knowledge::Harmless => "harmless".to_owned(),
                Knowledge::Nothing => "nothing".to_owned(),
                Knowledge::Known(module) => match module.effect {
                    KnownEffect::Registry {
                        unless_empty,
                        name_parameter,
                    } => {
                        let text = |i: Option<Ident>| i.map_or("-".to_owned(), |i| i.to_string());
                        format!("registry {} {}", text(unless_empty), text(name_parameter))
                    }
                    effect => format!("{effect:?}"),
                },
            };
            assert_eq!(got, expect, "{repository}:{version}");
        };
        check(
            "avm/res/container-registry/registry",
            "0.9.3",
            "registry - name",
        );
        check(
            "avm/res/container-registry/registry",
            "sha256:00",
            "registry - name",
        );
        check(
            "avm/res/container-registry/registry/webhook",
            "0.1.0",
            "harmless",
        );
        check("avm/ptn/azd/acr-container-app", "0.4.0", "harmless");
        check(
            "avm/ptn/azd/ml-hub-dependencies",
            "0.1.0",
            "registry containerRegistryName containerRegistryName",
        );
        check(
            "avm/ptn/security/security-center",
            "0.1.1",
            "ContainersTier",
        );
        check(
            "avm/ptn/security/security-center",
            "0.2.0",
            "ContainersTier",
        );
        check("avm/ptn/security/security-center", "0.3.0", "DefenderPlans");
        check("avm/ptn/security/security-center", "1.0.0", "DefenderPlans");
        check("avm/ptn/security/security-center", "latest", "nothing");
        check("compute/container-registry", "1.1.1", "registry - name");
        check("deployment-scripts/import-acr", "3.0.1", "harmless");
        check("compute/availability-set", "1.0.1", "nothing");
    }
}
