//! Resource instances: the result of expanding a deployment.

use std::sync::Arc;

use super::order::Order;
use super::{Canonical, Unread, Value};
use crate::model::{FileId, Ident, NodeRef, Resource, ScopeKind, older_form};

/// What to keep of each resource. Rules and the inventory want different things; asking for less costs less.
#[derive(Debug, Clone, Copy)]
pub struct ResourceFilter {
    /// Types to expand, lower case; empty means all. Others are not even evaluated.
    pub types: &'static [&'static str],
    /// Further types to expand: they can decide about those (policies), but one that cannot be read hides none of them.
    pub related: &'static [&'static str],
    /// Members of the resource body to evaluate into [`Instance::body`] (`properties`), lower case.
    pub body: &'static [&'static str],
    /// Whether to expand `existing` resources.
    pub existing: bool,
    /// Types of which the order counts where a deployment has several instances, lower case.
    pub ordered: &'static [&'static str],
    /// What inventories show of these resources: a label, the type, and the path of a member.
    pub shown: &'static [(&'static str, &'static str, [&'static str; 2])],
}

impl ResourceFilter {
    /// Whether resources of a type are wanted.
    pub fn wants(&self, resource_type: &str) -> bool {
        self.wants_form(resource_type, older_form(resource_type))
    }

    fn wants_form(&self, resource_type: &str, older: Option<(&str, &str)>) -> bool {
        self.types.is_empty()
            || is_one_of(resource_type, older, self.types)
            || is_one_of(resource_type, older, self.related)
    }

    /// Whether a type is one of [`ResourceFilter::types`].
    pub fn is_main(&self, resource_type: &str) -> bool {
        is_one_of(resource_type, older_form(resource_type), self.types)
    }

    /// Whether a declaration, or one nested in it, may deploy something wanted. This decides which files are loaded and
    /// what of them is expanded, so that both agree.
    pub fn may_deploy(&self, resource: &Resource) -> bool {
        let own = match &resource.resource_type {
            Some(ty) => {
                // Asked of every resource at each keystroke: the parts only where there are some.
                let older = resource.is_older_form.then(|| older_form(ty.as_str()));
                self.wants_form(ty.as_str(), older.flatten())
                    && (self.existing || !resource.existing)
                    || resource.deploys_template()
            }
            // A computed type may be any.
            None => self.existing || !resource.existing,
        };
        own || resource.children.iter().any(|child| self.may_deploy(child))
    }
}

fn is_one_of(resource_type: &str, older: Option<(&str, &str)>, types: &[&str]) -> bool {
    types.iter().any(|ty| match older {
        // The name names its provider.
        Some((_, tail)) => ty
            .split_once('/')
            .is_some_and(|(_, it)| it.eq_ignore_ascii_case(tail)),
        None => resource_type.eq_ignore_ascii_case(ty),
    })
}

/// One resource that a deployment makes (or, in a loop of unknown length, may make).
#[derive(Debug, Clone, PartialEq)]
pub struct Instance {
    /// Fully qualified type without version.
    pub resource_type: Ident,
    /// API version.
    pub api_version: Value,
    /// Full name: segments joined with `/`.
    pub name: Value,
    /// `existing`: refers to one, deploys none.
    pub existing: bool,
    /// Whether it is deployed.
    pub existence: Existence,
    /// 1 for a single resource or one iteration of a loop of known length; 0 for what an iteration of an empty loop would be;
    /// `None` where one instance represents a loop of unknown length.
    pub copies: Option<u64>,
    /// Where it is deployed to.
    pub scope: DeploymentScope,
    /// The requested members, as an object.
    pub body: Value,
    /// Node of its type string: where findings point.
    pub type_place: NodeRef,
    /// Node of the whole declaration.
    pub place: NodeRef,
    /// The module uses that led here, outermost first. Empty in the entry file.
    pub via: Arc<[ModuleUse]>,
    /// Where the module use is that brings it, for instances of a [`super::Loaded::Known`] (then `type_place` and
    /// `place` are the path literal's and the module declaration's).
    pub known_module: bool,
}

/// Whether a resource is deployed.
#[derive(Debug, Clone, PartialEq)]
pub enum Existence {
    /// It is.
    Always,
    /// It is not: the condition that is false, or the loop that is empty.
    Never(Option<Unmet>),
    /// It depends on a condition or a loop that is not known.
    Conditional(Arc<Uncertainty>),
}

/// A condition that is false, or a loop that is empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Unmet {
    /// Where it is.
    pub place: NodeRef,
    /// The condition as written, shortened; empty for a loop.
    pub text: Arc<str>,
}

/// What a presence depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct Uncertainty {
    /// Conditions that must all hold, canonical, sorted, each once. Empty where a condition has no canonical form.
    pub conditions: Box<[Arc<Canonical>]>,
    /// Some condition has no canonical form (so `conditions` is not all there is).
    pub opaque: bool,
    /// A loop of unknown length is among what it depends on.
    pub unknown_loop: bool,
    /// In the user's words, for the message: `parameter 'deployAcr' has no value`.
    pub reason: Arc<str>,
    /// As written, shortened, for the message *deployed when …*: `deployAcr`.
    pub text: Arc<str>,
    /// The first uncertain condition or loop.
    pub place: Option<NodeRef>,
}

/// Where a resource is deployed to.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentScope {
    /// The level.
    pub kind: ScopeKind,
    /// The level is that of the resources in the template, and not the one that its `$schema` names.
    pub assumed: bool,
    /// The subscription: `None` is the one of the deployment itself; else the id.
    pub subscription: Option<Value>,
    /// The resource group: `None` is the one of the deployment itself.
    pub resource_group: Option<Value>,
    /// The management group: `None` is the one of the deployment itself.
    pub management_group: Option<Value>,
    /// `scope:` is a resource (extension resource): which.
    pub resource: Option<ScopeResource>,
}

/// The resource that an extension resource is scoped to.
#[derive(Debug, Clone, PartialEq)]
pub struct ScopeResource {
    /// Its type where known.
    pub resource_type: Option<Ident>,
    /// Its name where known.
    pub name: Option<Value>,
    /// Its declaration, where it is a symbol of the same file.
    pub place: Option<NodeRef>,
}

/// One module use on the way from the entry point to a resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModuleUse {
    /// The module's path literal (or the type of a nested deployment).
    pub place: NodeRef,
    /// The module declaration.
    pub declaration: NodeRef,
    /// As written: `./modules/acr.bicep`; empty for nested deployments.
    pub reference: Arc<str>,
    /// The file it led to; `None` where that is not a file of its own.
    pub file: Option<FileId>,
}

/// Everything a deployment makes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Expansion {
    /// The resources, in order of declaration, modules in place.
    pub instances: Vec<Instance>,
    /// Resources that loops would make if conditions in their lists had the other value, each with that condition.
    pub unchosen: Vec<Instance>,
    /// What could not be read.
    pub unread: Vec<Unread>,
    /// Declarations with a syntax error that were passed over, in files of the closure.
    pub broken: Vec<NodeRef>,
    /// Module cycles that were cut: the path literal that closed it.
    pub cycles: Vec<NodeRef>,
    /// Files that were entered, entry first, each once.
    pub files: Vec<FileId>,
    /// What declarations wait for, of templates with several instances of an ordered type.
    pub order: Order,
}
