//! Evaluates expressions whose inputs may be unknown, and expands a deployment into resource instances.
//!
//! One evaluator serves both languages over the [`model`](crate::model). It is total: every expression gives a [`Value`],
//! which may be [`Kind::Unknown`] with a reason. Work is bounded (steps, sizes, depth); beyond a bound the value is unknown
//! with the reason *too large*.
//!
//! **Invariants:** nothing here returns `Result`. Nothing reads a file: content of other files is asked for through
//! [`Files`], which `workspace` implements. The same input gives the same output, in the same order.

pub mod canonical;
pub(crate) mod canonicalize;
pub(crate) mod collate;
pub(crate) mod context;
pub(crate) mod evaluate;
pub(crate) mod existence;
pub mod expand;
pub(crate) mod functions;
pub(crate) mod ids;
pub mod instance;
pub(crate) mod json;
pub(crate) mod known;
pub(crate) mod lookup;
pub(crate) mod loops;
pub(crate) mod merge;
pub(crate) mod modules;
pub mod order;
pub(crate) mod parameters;
pub mod pieces;
pub(crate) mod places;
pub(crate) mod print;
pub mod scope;
pub(crate) mod symbols;
#[cfg(test)]
mod tests;
pub(crate) mod types;
pub mod value;

pub use canonical::{Canonical, implies, implies_all};
pub(crate) use expand::outputs;
pub use expand::{arguments, expand};
pub use instance::*;
pub use value::*;

use std::sync::Arc;

use crate::model::{FileId, Reference, Template};

/// What evaluation asks of the workspace.
pub trait Files {
    /// The template (or parameter file) that `reference`, written in `from`, names: a path, `br:`, `br/alias:`, `ts:`.
    fn load(&self, from: FileId, reference: &str) -> Loaded;

    /// As [`load`](Self::load), of a module of which an output is needed: it matters though it deploys nothing.
    fn load_outputs(&self, from: FileId, reference: &str) -> Loaded {
        self.load(from, reference)
    }

    /// A file's text for `loadTextContent`, `loadJsonContent`, `loadYamlContent`: what `path` written in `from` names.
    /// `None` where it cannot be read.
    fn text(&self, from: FileId, path: &str) -> Option<(FileId, Arc<str>)>;

    /// The bytes of such a file, for `loadFileAsBase64`.
    fn bytes(&self, from: FileId, path: &str) -> Option<Vec<u8>> {
        let (_, text) = self.text(from, path)?;
        Some(text.as_bytes().to_vec())
    }

    /// The files of the folder that `path` written in `from` names, each as a path from there. `None` where it cannot be
    /// listed.
    fn files_in(&self, _from: FileId, _path: &str) -> Option<Vec<String>> {
        None
    }

    /// `environment().name` where the configuration fixes the cloud (`AzureCloud`, …); otherwise the ones it may be.
    fn clouds(&self) -> &[&str] {
        &["AzureCloud", "AzureUSGovernment", "AzureChinaCloud"]
    }
}

/// What a reference led to.
#[derive(Debug, Clone)]
pub enum Loaded {
    /// A file that was read.
    Template(FileId, Arc<Template>),
    /// A public module that is not restored, but known to deploy nothing that a rule reads: skipped, and listed as unread
    /// in an inventory.
    Harmless(Arc<str>),
    /// A public module that is not restored, but known to deploy the same as this template as far as rules can see.
    Known(Arc<Template>),
    /// Could not be read; the reason in the user's words, with what to do (`run "bicep restore main.bicep"`).
    Unread(Arc<str>),
}

/// A reference that the deployment uses and that could not be read (or was skipped as harmless).
#[derive(Debug, Clone, PartialEq)]
pub struct Unread {
    /// As written.
    pub reference: Arc<str>,
    /// Where: the path literal, or the deployment's type.
    pub place: crate::model::NodeRef,
    /// Why, in the user's words.
    pub reason: Arc<str>,
    /// It cannot hold a registry or a plan (see [`Loaded::Harmless`]).
    pub harmless: bool,
    /// Whether the module use itself is deployed: a condition that is definitely false makes it harmless too.
    pub via: Arc<[ModuleUse]>,
}

/// The reference of a `using` or a module, for callers that walk the graph.
pub fn reference_of(item: &crate::model::ItemKind) -> Option<&Reference> {
    use crate::model::{ItemKind, Target};
    match item {
        ItemKind::Module(module) => match &module.target {
            Target::Reference(reference) => Some(reference),
            _ => None,
        },
        ItemKind::Import(import) => Some(&import.from),
        ItemKind::Using(using) => using.target.as_ref(),
        ItemKind::Extends(reference) => Some(reference),
        _ => None,
    }
}
