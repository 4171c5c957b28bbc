//! The inventory: all resources that an entry point deploys, with loops, modules and nested templates expanded.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::deployments::outputs_all;
use super::report::Locator;
use super::{Analysis, Location};
use crate::eval::expand::scope_of;
use crate::eval::{DeploymentScope, Existence, Expansion, Instance, ResourceFilter, Value};
use crate::model::{FileId, FileKind, Ident, ScopeKind};
use crate::rules::finding::Verdict;
use crate::rules::{self, change};

/// Everything, existing resources included.
pub(super) const EVERYTHING: ResourceFilter = ResourceFilter {
    types: &[],
    related: &[],
    body: &["properties", "sku"],
    existing: true,
    ordered: &[],
    shown: &[],
};

/// What an entry point deploys: the shape of `inventory --format json`.
#[derive(Debug, Clone, PartialEq)]
pub struct Inventory {
    /// The entry point.
    pub entry: Arc<Path>,
    /// `resourceGroup`, `subscription`, `managementGroup`, `tenant`.
    pub scope: &'static str,
    /// The resources in order.
    pub resources: Vec<InventoryResource>,
    /// What it was expanded to: the order of its resources. Not part of the JSON.
    pub expansion: Expansion,
    /// The outputs. Not part of the JSON.
    pub outputs: Vec<(Ident, Value)>,
    /// What could not be read.
    pub unread: Vec<InventoryUnread>,
    /// The findings on its registries (for `preflight/inventory`): location, verdict, message.
    pub verdicts: Vec<(Location, Verdict, String)>,
}

/// One resource of an [`Inventory`].
#[derive(Debug, Clone, PartialEq)]
pub struct InventoryResource {
    /// Type.
    pub resource_type: String,
    /// API version; empty where not known.
    pub api_version: String,
    /// Name where known.
    pub name: Option<Arc<str>>,
    /// `resourceGroup`, …, or `resource` for extension resources.
    pub scope: String,
    /// `true`, `false`, `unknown`.
    pub condition: &'static str,
    /// `existing`.
    pub existing: bool,
    /// Iterations of the loop this entry represents.
    pub copies: Option<u64>,
    /// Id of the subscription it is deployed to; `None` if not known, as the deployment's own.
    pub subscription: Option<Arc<str>>,
    /// Name of the resource group it is deployed to; `None` if not known or none.
    pub resource_group: Option<Arc<str>>,
    /// Where it is deployed, so that two of them are distinguished though they are not known. Not part of the JSON.
    pub target: String,
    /// What is known of `properties`. Not part of the JSON.
    pub properties: Option<Value>,
    /// What rules show of such a resource (`tier`, `SKU`), and its value where known.
    pub shown: Vec<(&'static str, Option<Arc<str>>)>,
    /// Its type string.
    pub location: Location,
    /// References of the module uses that led here.
    pub via: Vec<Arc<str>>,
}

/// Something unread of an [`Inventory`].
#[derive(Debug, Clone, PartialEq)]
pub struct InventoryUnread {
    /// As written.
    pub reference: Arc<str>,
    /// Where.
    pub location: Location,
    /// Why.
    pub reason: Arc<str>,
}

impl Analysis {
    /// What a file deploys, as an entry point.
    pub fn inventory(&mut self, path: &Path, parameters: Option<&Path>) -> Option<Inventory> {
        let (entry, values) = self.named_deployment(path, parameters)?;
        let filter = ResourceFilter {
            ordered: rules::filter().ordered,
            ..EVERYTHING
        };
        let expansion = self.expanded((entry, values), &filter);
        let mut locator = Locator::default();
        let scope = scope_of(&self.workspace.loaded(entry)?.model.template);
        // Checks need what an empty loop would have made; a list does not.
        let instances = expansion.instances.iter();
        let resources = instances
            .filter(|instance| instance.copies != Some(0))
            .filter_map(|instance| self.resource(instance, &mut locator))
            .collect();
        let unread = expansion.unread.iter().filter_map(|unread| {
            Some(InventoryUnread {
                reference: unread.reference.clone(),
                location: locator.locate(self, unread.place)?,
                reason: unread.reason.clone(),
            })
        });
        let unread = unread.collect();
        let states = self
            .deployments
            .states
            .range((entry, None)..=(entry, Some(FileId(u32::MAX))));
        let states: Vec<_> = states
            .filter(|((_, p), _)| values.is_none() || *p == values)
            .map(|(_, state)| state)
            .collect();
        let mut verdicts = Vec::new();
        for state in states {
            for results in &state.results {
                let Some(location) = locator.locate(self, results.place) else {
                    continue;
                };
                let message = results
                    .finding
                    .as_ref()
                    .map(|finding| finding.message.clone())
                    .unwrap_or_default();
                verdicts.push((location, results.verdict, message));
            }
        }
        Some(Inventory {
            entry: self.workspace.file(entry).path.clone(),
            scope: scope_name(scope),
            resources,
            expansion,
            outputs: outputs_all(&self.workspace, (entry, values)),
            unread,
            verdicts,
        })
    }

    fn resource(&self, instance: &Instance, locator: &mut Locator) -> Option<InventoryResource> {
        Some(InventoryResource {
            resource_type: instance.resource_type.to_string(),
            api_version: instance.api_version.as_str().unwrap_or_default().to_owned(),
            name: known_text(&instance.name),
            scope: scope_text(&instance.scope),
            condition: match &instance.existence {
                Existence::Always => "true",
                Existence::Never(_) => "false",
                Existence::Conditional(uncertainty)
                    if uncertainty.unknown_loop
                        && uncertainty.conditions.is_empty()
                        && !uncertainty.opaque =>
                {
                    "true"
                }
                Existence::Conditional(_) => "unknown",
            },
            existing: instance.existing,
            copies: instance.copies,
            subscription: instance.scope.subscription.as_ref().and_then(known_text),
            resource_group: instance.scope.resource_group.as_ref().and_then(known_text),
            target: change::scope_text(&instance.scope),
            properties: instance.body.member("properties").cloned(),
            shown: shown_of(instance),
            location: locator.locate(self, instance.type_place)?,
            via: instance
                .via
                .iter()
                .map(|step| step.reference.clone())
                .filter(|text| !text.is_empty())
                .collect(),
        })
    }

    /// Whether a file gives values to the parameters of a template.
    pub fn is_parameter_file(&self, path: &Path) -> bool {
        let id = self.workspace.id(&crate::workspace::disk::normalize(path));
        id.is_some_and(|id| {
            matches!(
                self.workspace.file(id).kind,
                FileKind::BicepParams | FileKind::ArmParameters
            )
        })
    }

    /// A file, loaded whatever it holds.
    pub(super) fn loaded_file(&mut self, path: &Path) -> Option<FileId> {
        let path = crate::workspace::disk::normalize(path);
        let id = self.workspace.intern(&path);
        if self.workspace.loaded(id).is_none() {
            self.demand(BTreeSet::from([path]));
        }
        self.workspace.loaded(id).map(|_| id)
    }
}

/// A value, if it is one known text.
fn known_text(value: &Value) -> Option<Arc<str>> {
    value.as_str().map(Arc::from)
}

fn shown_of(instance: &Instance) -> Vec<(&'static str, Option<Arc<str>>)> {
    let shown = rules::filter().shown.iter();
    let shown = shown.filter(|(_, ty, _)| instance.resource_type.is(ty));
    let value =
        |[outer, inner]: &[&str; 2]| known_text(instance.body.member(outer)?.member(inner)?);
    shown
        .map(|(label, _, path)| (*label, value(path)))
        .collect()
}

/// A level by its name in Bicep.
pub(crate) fn scope_name(scope: ScopeKind) -> &'static str {
    match scope {
        ScopeKind::ResourceGroup => "resourceGroup",
        ScopeKind::Subscription => "subscription",
        ScopeKind::ManagementGroup => "managementGroup",
        ScopeKind::Tenant => "tenant",
    }
}

fn scope_text(scope: &DeploymentScope) -> String {
    match scope.resource {
        Some(_) => "resource".to_owned(),
        None => scope_name(scope.kind).to_owned(),
    }
}
