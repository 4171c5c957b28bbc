//! What the fixes of this rule need of a finding: the plans that are off, and the lists of plans.

use std::hash::Hash;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::eval::ModuleUse;
use crate::model::{FileId, NodeRef};
use crate::rules::finding::{Finding, RuleSubject, Subject};

/// A registry without scanning.
#[derive(Debug, Clone, PartialEq)]
pub struct RegistrySubject {
    /// Its declaration.
    pub declaration: NodeRef,
    /// Its instances' ways: for each deployment that reaches it, the entry file, its parameter file and the module
    /// uses from there to the registry (outermost first).
    pub deployment_paths: Vec<(FileId, Option<FileId>, Arc<[ModuleUse]>)>,
    /// Plans in reach that are not on, and what keeps each off; last, plans of the deployment that only an
    /// uncertain condition keeps from covering. Shared by equivalent registries.
    pub plans_off: Arc<[PlanOff]>,
    /// Other plans that are definitely on in reach and whose names come from literals: their lists could take one more.
    /// Shared likewise.
    pub lists: Arc<[PlanList]>,
}

impl RuleSubject for RegistrySubject {
    fn deployments(&self) -> usize {
        self.deployment_paths.len()
    }

    fn is(&self, other: &dyn RuleSubject) -> bool {
        other.of::<Self>() == Some(self)
    }
}

/// A plan that is not on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlanOff {
    /// The literal that names it.
    pub name_place: Option<NodeRef>,
    /// The literal that states Free, wherever it is.
    pub tier: Option<NodeRef>,
    /// The extension's `isEnabled` literal.
    pub extension: Option<NodeRef>,
    /// The condition that keeps it from being deployed, or may: of all on the way to it, the outermost.
    pub condition: Option<NodeRef>,
    /// That condition as written, where it is false.
    pub condition_text: Arc<str>,
    /// What keeps it off, first of all.
    pub cause: OffCause,
    /// The plan's name as evaluated.
    pub name: Arc<str>,
    /// The plan's declaration.
    pub declaration: NodeRef,
    /// Its type string, or the path literal of the known module that brings it.
    pub type_place: NodeRef,
    /// A public module that is known without being read deploys it.
    pub known_module: bool,
    /// The deployment it is in; `None` for the registry's own.
    pub deployment: Option<Arc<str>>,
    /// The module uses that lead to it, outermost first.
    pub via: Arc<[ModuleUse]>,
}

/// What keeps a plan off.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OffCause {
    /// Its tier: the text.
    Tier(Arc<str>),
    /// It states no tier.
    NoTier,
    /// The scanning extension is off.
    Extension,
    /// Its condition is false.
    Condition,
    /// Its condition is not known, and is all that keeps it from covering.
    Uncertain,
    /// A condition keeps it out of the list that a loop runs over.
    Unchosen,
}

/// A plan whose name comes from a literal that may be in a list: where `Containers` could join.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlanList {
    /// The name's literal, in some element of the list.
    pub name: NodeRef,
    /// The tier's literal, where it is Standard and has one.
    pub tier: Option<NodeRef>,
    /// The plan's name: its element is the shape to copy.
    pub sample_name: Arc<str>,
    /// The declaration that the list feeds.
    pub declaration: NodeRef,
    /// The module uses that lead to it, outermost first.
    pub via: Arc<[ModuleUse]>,
    /// The registry's deployment that contains it: entry file and parameter file.
    pub of: (FileId, Option<FileId>),
    /// The deployment it is in; `None` for the registry's own.
    pub deployment: Option<Arc<str>>,
}

/// Adds the deployment paths, plans and lists of all findings about one declaration to the worst one.
pub(super) fn merge(worst: &mut Finding, all: &[&Finding]) {
    let subjects = || {
        all.iter().filter_map(|finding| match &finding.subject {
            Subject::Of(subject) => subject.of::<RegistrySubject>(),
            _ => None,
        })
    };
    let Subject::Of(own) = &worst.subject else {
        return;
    };
    let Some(mut merged) = own.of::<RegistrySubject>().cloned() else {
        return;
    };
    let mut seen = FxHashSet::default();
    merged.deployment_paths = subjects()
        .flat_map(|one| &one.deployment_paths)
        .filter(|path| seen.insert(*path))
        .cloned()
        .collect();
    let mut plans: Vec<&Arc<[PlanOff]>> = Vec::new();
    let mut lists: Vec<&Arc<[PlanList]>> = Vec::new();
    for one in subjects() {
        add_shared(&mut plans, &one.plans_off);
        add_shared(&mut lists, &one.lists);
    }
    merged.plans_off = joined(&plans);
    merged.lists = joined(&lists);
    worst.subject = Subject::Of(Arc::new(merged));
}

/// Adds a list, unless it is the one added last: consecutive registries often share one.
fn add_shared<'a, T>(known: &mut Vec<&'a Arc<[T]>>, one: &'a Arc<[T]>) {
    if !known.last().is_some_and(|last| Arc::ptr_eq(last, one)) {
        known.push(one);
    }
}

/// The union of lists, in order.
fn joined<T: Clone + Eq + Hash>(all: &[&Arc<[T]>]) -> Arc<[T]> {
    let Some((first, rest)) = all.split_first() else {
        return Arc::new([]);
    };
    if rest.is_empty() {
        return Arc::clone(first);
    }
    let mut seen: FxHashSet<&T> = first.iter().collect();
    let more = rest.iter().flat_map(|one| one.iter());
    let more: Vec<&T> = more.filter(|one| seen.insert(*one)).collect();
    first.iter().chain(more).cloned().collect()
}
