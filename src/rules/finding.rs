//! What a rule says: a finding with symbolic places, and what its fixes will need.

use std::sync::Arc;

use crate::eval::ModuleUse;
use crate::model::{FileId, Ident, NodeRef};

/// What was found out about a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// Something in reach scans it. Never reported. Ordered from best to worst.
    Scanned,
    /// It hangs on something that is not known.
    Unknown,
    /// Nothing in reach scans it.
    Missing,
    /// A plan is there and is not on.
    Off,
}

/// How bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Information: `note` in reports.
    Note,
    /// Warning.
    Warning,
    /// Error.
    Error,
}

/// One finding, about one declaration.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The rule (or hint) it comes from: `AZR-000002` for all that concern the rule.
    pub code: &'static str,
    /// `Azure.ACR.ContainerScan`.
    pub name: &'static str,
    /// The verdict; `None` for hints.
    pub verdict: Option<Verdict>,
    /// Its severity, with `override.level` applied.
    pub severity: Severity,
    /// What it points at: the registry's type string, or the module's path literal.
    pub place: NodeRef,
    /// One plain sentence.
    pub message: String,
    /// Further places, with what they show: the tier, the condition, the chain of modules.
    pub related: Vec<(NodeRef, String)>,
    /// Type of the resource.
    pub resource_type: Ident,
    /// Its name, where known.
    pub resource_name: Option<Arc<str>>,
    /// The entry point of the deployment that was worst.
    pub entry: FileId,
    /// Its parameter file.
    pub parameters: Option<FileId>,
    /// What the fixes need.
    pub subject: Subject,
}

/// What a finding is about, for its fixes.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// A registry: every deployment that makes it, worst first.
    Registry(Box<RegistrySubject>),
    /// A plan by a superseded name: the name's literal.
    PlanName(NodeRef),
    /// Nothing to fix.
    None,
}

/// A registry without scanning.
#[derive(Debug, Clone, PartialEq)]
pub struct RegistrySubject {
    /// Its declaration.
    pub declaration: NodeRef,
    /// Its instances' ways: for each deployment that reaches it, the entry file, its parameter file and the module
    /// uses from there to the registry (outermost first).
    pub deployment_paths: Vec<(FileId, Option<FileId>, Arc<[ModuleUse]>)>,
    /// The subscription of one of them at least is known: a plan for the one that a new parameter names is not surely for
    /// the same.
    pub subscription_known: bool,
    /// Plans in reach that are not on, and what keeps each off; last, plans of the deployment that only a condition in
    /// doubt keeps from covering. Shared by the registries that no plan tells apart.
    pub plans_off: Arc<[PlanOff]>,
    /// Other plans that are surely on in reach and whose names come from literals: their lists could take one more.
    /// Shared likewise.
    pub lists: Arc<[PlanList]>,
}

/// A plan that is not on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlanOff {
    /// The literal that says Free, wherever it stands.
    pub tier: Option<NodeRef>,
    /// The extension's `isEnabled` literal.
    pub extension: Option<NodeRef>,
    /// The condition that keeps it from being deployed, or may: of all on the way to it, the outermost.
    pub condition: Option<NodeRef>,
    /// Nothing else is in doubt: with tier, extension and condition as they should be it covers the registry.
    pub sure: bool,
    /// What keeps it off, first of all.
    pub cause: OffCause,
    /// The plan's name as evaluated.
    pub name: Arc<str>,
    /// The plan's declaration.
    pub declaration: NodeRef,
    /// Its type string, or the path literal of the known module that brings it.
    pub type_place: NodeRef,
    /// A module that Preflight knows by heart brings it.
    pub known_module: bool,
    /// The deployment it stands in; `None` for the registry's own.
    pub deployment: Option<Arc<str>>,
    /// The module uses that lead to it, outermost first.
    pub via: Arc<[ModuleUse]>,
}

/// What keeps a plan off.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OffCause {
    /// Its tier: the text.
    Tier(Arc<str>),
    /// It says no tier.
    NoTier,
    /// The scanning extension is off.
    Extension,
    /// Its condition is false.
    Condition,
}

/// A plan whose name comes from a literal that may stand in a list: where `Containers` could join.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlanList {
    /// The array literal that a loop runs over, where it is one.
    pub array: Option<NodeRef>,
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
    /// The registry's deployment, in whose reach it is: entry file and parameter file.
    pub of: (FileId, Option<FileId>),
    /// The deployment it stands in; `None` for the registry's own.
    pub deployment: Option<Arc<str>>,
}
