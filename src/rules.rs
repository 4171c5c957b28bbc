//! The rules, and what a rule is. Each rule is a module of its own, listed in [`RULES`].
//!
//! **Invariant:** no code outside a rule's module names the rule. A rule sees deployments and settings, never syntax
//! trees, and refers to source with [`NodeRef`]. Only fixes read a tree: that of the file they edit.

pub mod acr_admin_user;
pub mod change;
pub mod container_scan;
pub mod finding;
pub mod fix;
pub mod insert_pricing;
mod merge;
mod property;
pub mod suppress;

use std::any::Any;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use crate::eval::{Existence, Expansion, Instance, ResourceFilter};
use crate::model::{FileId, NodeRef, ScopeKind};
use crate::workspace::config::{RuleName, Settings};
use crate::workspace::entries::Rank;
use change::Change;
use finding::{Finding, Findings, RuleResult};
use fix::{Fix, FixContext};

pub use merge::merge;

/// Every rule. Optional rules run only when they are named.
pub static RULES: &[&dyn Rule] = &[
    &container_scan::ContainerScan,
    &acr_admin_user::AcrAdminUser,
];

/// What is constant about a rule.
#[derive(Debug, PartialEq)]
pub struct Metadata {
    /// How configuration and command line name it.
    pub name: RuleName,
    /// The rule's page of PSRule for Azure.
    pub page: &'static str,
    /// One line, for SARIF's `shortDescription`.
    pub title: &'static str,
    /// One or two sentences, for SARIF's `fullDescription`.
    pub description: &'static str,
    /// Markdown, for `explain` and SARIF's `help`.
    pub documentation: &'static str,
    /// CVSS-like score from 0.0 to 10.0, for SARIF's `security-severity`.
    pub security_severity: &'static str,
}

/// A check of deployments, with its fixes.
pub trait Rule: Sync {
    /// What is constant about the rule.
    fn metadata(&self) -> &'static Metadata;

    /// The resources and members that the rule reads. The prefilter and the evaluator skip everything else.
    fn filter(&self) -> ResourceFilter;

    /// Checks one deployment.
    fn check(&self, cx: &RuleContext<'_>, findings: &mut Findings);

    /// The fixes of a finding, the preferred one first.
    fn fixes(&self, finding: &Finding, cx: &FixContext<'_>) -> Vec<Fix>;

    /// Whether a fix may change a deployment so: by default, the resource that the finding is about.
    fn may_change(&self, finding: &Finding, _fix: &Fix, change: &Change<'_>) -> bool {
        let name = finding.resource_name.as_deref();
        change
            .all()
            .all(|one| one.resource_type == finding.resource_type && one.name.as_str() == name)
    }

    /// The names of paid plans that its fixes may turn on.
    fn paid_plans(&self) -> &'static [&'static str] {
        &[]
    }

    /// Instances of a deployment that the checks of other deployments in the same folder read.
    fn shared(&self, _deployment: &Deployment) -> Vec<Instance> {
        Vec::new()
    }

    /// Adds to the worst finding about a declaration what its fixes need to know of the others.
    fn merge(&self, _worst: &mut Finding, _all: &[&Finding]) {}

    /// Markdown about what is under the cursor, if the rule has something to show there.
    fn hover(&self, _target: HoverTarget<'_>, _link: Link<'_>) -> Option<String> {
        None
    }
}

/// A Markdown link to a node.
pub type Link<'a> = &'a dyn Fn(NodeRef) -> Option<String>;

/// What is under the cursor.
#[derive(Debug, Clone, Copy)]
pub enum HoverTarget<'a> {
    /// A declaration that the rule checked, with the results of each deployment.
    Results(&'a [(&'a Deployment, &'a RuleResult)]),
    /// The type of an instance that the rule shares between deployments.
    Shared(&'a [(&'a Deployment, &'a Instance)]),
}

/// One deployment, expanded for [`filter`].
#[derive(Debug, Clone)]
pub struct Deployment {
    /// The entry point.
    pub entry: FileId,
    /// Its parameter file.
    pub parameters: Option<FileId>,
    /// Its name in messages: the path of the parameter file, else of the entry point, relative to the folder.
    pub label: Arc<str>,
    /// The order in which messages name deployments of equal verdicts.
    pub rank: Rank,
    /// The scope it deploys at.
    pub scope: ScopeKind,
    /// Its resources.
    pub expansion: Arc<Expansion>,
    /// Settings in force for the entry point.
    pub settings: Arc<Settings>,
}

/// The instances that rules share between the deployments of a workspace folder.
#[derive(Debug, Default)]
pub struct WorkspacePlans {
    plans: Vec<(Arc<str>, Instance)>,
    base: Option<Arc<WorkspacePlans>>,
    /// Labels of deployments whose instances in the base do not count.
    replaced: BTreeSet<Arc<str>>,
    indexes: Mutex<Vec<Arc<dyn Any + Send + Sync>>>,
}

impl WorkspacePlans {
    /// Instances with the labels of their deployments, sorted by label.
    pub fn new(plans: Vec<(Arc<str>, Instance)>) -> Self {
        WorkspacePlans {
            plans,
            ..WorkspacePlans::default()
        }
    }

    /// Instances that only some deployments share, before those that all do.
    pub fn before(plans: Vec<(Arc<str>, Instance)>, base: Arc<WorkspacePlans>) -> Self {
        WorkspacePlans {
            base: Some(base),
            ..WorkspacePlans::new(plans)
        }
    }

    /// Instances of deployments that changed, in the place of those that they had.
    pub fn replacing(
        replaced: BTreeSet<Arc<str>>,
        plans: Vec<(Arc<str>, Instance)>,
        base: Arc<WorkspacePlans>,
    ) -> Self {
        WorkspacePlans {
            replaced,
            ..WorkspacePlans::before(plans, base)
        }
    }

    /// Whether the instances of a deployment in one of the layers do not count.
    pub fn replaces(&self, layer: &WorkspacePlans, label: &str) -> bool {
        !std::ptr::eq(self, layer) && self.replaced.contains(label)
    }

    /// These, and those that all deployments share.
    pub fn layers(&self) -> impl Iterator<Item = &WorkspacePlans> {
        std::iter::successors(Some(self), |it| it.base.as_deref())
    }

    /// Deployment label and instance of this layer.
    pub fn plans(&self) -> &[(Arc<str>, Instance)] {
        &self.plans
    }

    /// What a rule keeps about this layer, made when it is first needed: checking a resource asks an index, and never
    /// loops over all instances.
    pub fn index<T: Any + Send + Sync + Default>(&self) -> Arc<T> {
        let mut indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        let known = indexes.iter().find_map(|it| it.clone().downcast().ok());
        known.unwrap_or_else(|| {
            let made = Arc::new(T::default());
            indexes.push(made.clone());
            made
        })
    }
}

/// What a rule sees when it checks a deployment.
pub struct RuleContext<'a> {
    /// The deployment.
    pub deployment: &'a Deployment,
    /// What [`Rule::shared`] returned for all deployments of the folder, this one included.
    pub shared: &'a WorkspacePlans,
    /// Whether a file is in the workspace. A finding about a declaration elsewhere is reported at the module use.
    pub in_workspace: &'a dyn Fn(FileId) -> bool,
    filter: ResourceFilter,
}

impl<'a> RuleContext<'a> {
    /// The instances of the rule's types that are deployed, perhaps under a condition.
    pub fn deployed(&self) -> impl Iterator<Item = &'a Instance> {
        let types = self.filter.types;
        let instances = self.deployment.expansion.instances.iter();
        instances.filter(move |instance| {
            let wanted = types.iter().any(|ty| instance.resource_type.is(ty));
            wanted && !instance.existing && !matches!(instance.existence, Existence::Never(_))
        })
    }

    /// Where findings about an instance are reported: its type string, if that is in the workspace, else the path of
    /// the innermost module use that is.
    pub fn node_of(&self, instance: &Instance) -> NodeRef {
        if (self.in_workspace)(instance.type_place.file) {
            return instance.type_place;
        }
        let mut uses = instance.via.iter().rev().map(|module| module.place);
        uses.find(|node| (self.in_workspace)(node.file))
            .unwrap_or(instance.type_place)
    }
}

/// The rule with this metadata.
pub fn rule_of(metadata: &Metadata) -> Option<&'static dyn Rule> {
    let mut rules = RULES.iter().copied();
    rules.find(|rule| rule.metadata() == metadata)
}

/// The rule with this reference or name, in any case.
pub fn named(name: &str) -> Option<&'static dyn Rule> {
    let mut rules = RULES.iter().copied();
    rules.find(|rule| rule.metadata().name.is(name))
}

/// What all rules together read.
pub fn filter() -> &'static ResourceFilter {
    fn union<T: Copy + Ord>(list: fn(&ResourceFilter) -> &'static [T]) -> &'static [T] {
        let lists = RULES.iter().flat_map(|rule| list(&rule.filter()));
        let mut all: Vec<T> = lists.copied().collect();
        all.sort_unstable();
        all.dedup();
        all.leak()
    }
    static ALL: LazyLock<ResourceFilter> = LazyLock::new(|| ResourceFilter {
        types: union(|filter| filter.types),
        related: union(|filter| filter.related),
        body: union(|filter| filter.body),
        existing: RULES.iter().any(|rule| rule.filter().existing),
        ordered: union(|filter| filter.ordered),
        shown: union(|filter| filter.shown),
    });
    &ALL
}

/// Checks a deployment with every rule that is on for it.
pub fn check(
    deployment: &Deployment,
    shared: &WorkspacePlans,
    in_workspace: &dyn Fn(FileId) -> bool,
) -> Vec<RuleResult> {
    let mut results = Vec::new();
    for rule in RULES {
        let metadata = rule.metadata();
        if deployment.settings.rule(&metadata.name).off.is_some() {
            continue;
        }
        let cx = RuleContext {
            deployment,
            shared,
            in_workspace,
            filter: rule.filter(),
        };
        let mut findings = Findings::new(metadata, deployment);
        rule.check(&cx, &mut findings);
        results.append(&mut findings.results);
    }
    results
}

/// What every rule shares of a deployment with the others.
pub fn shared(deployment: &Deployment) -> Vec<Instance> {
    let rules = RULES.iter();
    rules.flat_map(|rule| rule.shared(deployment)).collect()
}
