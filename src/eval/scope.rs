//! Name resolution at a point of a template: loops, lambdas, parameters, variables, resources, modules.
//!
//! A [`Frame`] is one use of a template: its items, its arguments, and the values evaluated so far. An [`Env`] is a point in
//! a frame: an item, and the loop and lambda variables bound there. Environments live on the stack and refer to the
//! enclosing one, so module arguments are evaluated lazily where they are written.

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;

use indexmap::{Equivalent, IndexMap};
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::expand::Arguments;
use super::known::NOWHERE;
use super::{DeploymentScope, Value};
use crate::model::{
    Expr, FileId, FileKind, Ident, Item, ItemKey, ItemKind, NodeId, NodeRef, Resource, ScopeKind,
    Template, item_keys,
};

/// A value that exists only inside evaluation: what a symbol of a resource or module of the template
/// represents.
#[derive(Debug, Clone, PartialEq)]
pub struct Internal {
    /// The item it is in.
    pub item: u32,
    /// Which part of the item it is.
    pub part: Part,
    /// Which iteration of its loop; `None` where it has no loop, or represents all of them.
    pub iteration: Option<Value>,
}

/// The part of an item that an [`Internal`] is.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// The resource on a path from the item's resource down to it: which child, which grandchild.
    Resource(Arc<[u32]>),
    /// The module.
    Module,
    /// The module's outputs.
    Outputs,
}

impl Internal {
    pub(crate) fn value(item: u32, part: Part, iteration: Option<Value>) -> Value {
        Value::of(super::value::Kind::Internal(Arc::new(Internal {
            item,
            part,
            iteration,
        })))
    }
}

/// A point of a template.
#[derive(Clone, Copy)]
pub(crate) struct Env<'s> {
    /// Where names are looked up.
    pub frame: &'s Frame<'s>,
    /// The position of the text: the frame's own, but for a nested template of outer scope.
    pub origin: &'s Origin,
    /// The item of [`Origin::template`].
    pub item: u32,
    /// The innermost variable.
    pub locals: Option<&'s Local<'s>>,
    /// Where whole texts (not their parts) are evaluated first: see [`Frame::text`].
    pub text: Option<&'s Env<'s>>,
}

impl<'s> Env<'s> {
    /// The place of a node of the item.
    pub(crate) fn place(&self, node: NodeId) -> NodeRef {
        self.origin.place(self.item, node)
    }

    /// The same point with one more variable bound.
    pub(crate) fn with<'t>(&self, local: &'t Local<'t>) -> Env<'t>
    where
        's: 't,
    {
        Env {
            frame: self.frame,
            origin: self.origin,
            item: self.item,
            locals: Some(local),
            text: self.text,
        }
    }

    /// The point where the words of a text at this point are looked up: that of the outermost deployment that evaluates
    /// it.
    pub(crate) fn reading(&self) -> Env<'s> {
        let mut first = *self;
        while let Some(outer) = first.text {
            first = *outer;
        }
        Env {
            origin: self.origin,
            item: self.item,
            ..first
        }
    }

    /// A point in another item of the same frame, outside of every loop.
    pub(crate) fn at_item(&self, item: u32) -> Env<'s> {
        self.frame.env(item)
    }

    /// The item.
    pub(crate) fn item(&self) -> Option<&'s Item> {
        self.origin
            .template
            .items
            .get(self.item as usize)
            .map(|i| &**i)
    }

    /// The value of the loop variable, lambda parameter or function parameter of this name.
    pub(crate) fn local(&self, name: &str) -> Option<&'s Value> {
        let exact = self.is_bicep();
        let mut next = self.locals;
        while let Some(local) = next {
            if let Binding::Value(bound, value) = &local.binding
                && (bound.as_str() == name || !exact && bound.is(name))
            {
                return Some(value);
            }
            next = local.outer;
        }
        None
    }

    /// Whether Bicep's rules for names hold.
    pub(crate) fn is_bicep(&self) -> bool {
        self.frame.is_bicep()
    }
}

/// A variable of a loop or lambda, and those outside it.
pub(crate) struct Local<'s> {
    pub outer: Option<&'s Local<'s>>,
    pub binding: Binding<'s>,
}

/// What a [`Local`] binds.
pub(crate) enum Binding<'s> {
    /// A loop variable, a lambda's parameter, a function's parameter.
    Value(&'s Ident, Value),
    /// ARM's loop, for `copyIndex()`.
    Copy {
        name: &'s Ident,
        /// The loop is one of a resource: what a nameless `copyIndex()` means.
        resource: bool,
        index: Value,
        /// Where the count is `length(x)` and some elements of `x` are known though their positions are not: the hash
        /// of `x` and the element of this iteration, which is what `x[copyIndex()]` means.
        element: Option<(u64, Value)>,
    },
}

/// The position of the text of a template.
pub(crate) struct Origin {
    pub file: FileId,
    pub template: Arc<Template>,
    parent: ItemKey,
    keys: OnceCell<Vec<ItemKey>>,
    /// The template was computed and has no text: everything in it is here.
    fixed: Option<NodeRef>,
}

impl Origin {
    pub(crate) fn new(file: FileId, template: Arc<Template>, parent: ItemKey) -> Self {
        Origin {
            file,
            template,
            parent,
            keys: OnceCell::new(),
            fixed: None,
        }
    }

    /// For a template that is a computed value.
    pub(crate) fn computed(template: Arc<Template>, place: NodeRef) -> Self {
        Origin {
            fixed: Some(place),
            ..Origin::new(place.file, template, place.item)
        }
    }

    /// Whether the template is a computed value: its items have no text of their own.
    pub(crate) fn is_computed(&self) -> bool {
        self.fixed.is_some()
    }

    /// The file, where the template is one of its own.
    pub(crate) fn own_file(&self) -> Option<FileId> {
        (self.parent == ItemKey::FILE && !self.is_computed()).then_some(self.file)
    }

    /// Whether the template represents a public module that was not read.
    pub(crate) fn is_known_module(&self) -> bool {
        self.fixed == Some(NOWHERE)
    }

    pub(crate) fn key(&self, item: u32) -> ItemKey {
        let keys = self
            .keys
            .get_or_init(|| item_keys(self.parent, &self.template));
        keys.get(item as usize).copied().unwrap_or(self.parent)
    }

    pub(crate) fn place(&self, item: u32, node: NodeId) -> NodeRef {
        self.fixed.unwrap_or_else(|| NodeRef {
            file: self.file,
            item: self.key(item),
            node,
        })
    }

    /// For a template nested in one of this one's items.
    pub(crate) fn nested(&self, item: u32, template: &Arc<Template>) -> Self {
        match self.fixed {
            Some(place) => Origin::computed(template.clone(), place),
            None => Origin::new(self.file, template.clone(), self.key(item)),
        }
    }
}

/// What was given to the parameters of a frame.
pub(crate) enum Inputs<'s> {
    /// Nothing will ever be: a file that is only imported from, or a parameter file.
    None,
    /// An entry point's arguments.
    Entry(&'s Arguments),
    /// A module's: the expression as written, where it is, and its value where it had to be evaluated as a whole.
    Module {
        env: Env<'s>,
        /// The name of the deployment.
        name: Option<&'s Expr>,
        arguments: Option<&'s Expr>,
        whole: OnceCell<Value>,
    },
}

/// What is known of an item's value.
#[derive(Clone, Default)]
pub(crate) enum Slot {
    #[default]
    Empty,
    Running,
    Done(Value),
}

/// An output of a module: item, turn and name.
type OutputKey = (u32, Option<i64>, Ident);

/// One use of a template.
pub(crate) struct Frame<'s> {
    pub origin: Origin,
    pub inputs: Inputs<'s>,
    /// Where it is deployed.
    pub scope: DeploymentScope,
    /// For a nested template of outer scope, where its deployment is written: the deployments around evaluate its text
    /// first, and what is an expression again after that is evaluated here.
    pub text: Option<Env<'s>>,
    index: OnceCell<Index>,
    memo: RefCell<Vec<Slot>>,
    /// Outputs of the modules used in it: by item, turn and name.
    pub outputs: RefCell<FxHashMap<OutputKey, Slot>>,
}

impl<'s> Frame<'s> {
    pub(crate) fn new(origin: Origin, inputs: Inputs<'s>, scope: DeploymentScope) -> Self {
        Frame {
            origin,
            inputs,
            scope,
            text: None,
            index: OnceCell::new(),
            memo: RefCell::default(),
            outputs: RefCell::default(),
        }
    }

    /// A file that no deployment uses.
    pub(crate) fn alone(file: FileId, template: Arc<Template>) -> Frame<'static> {
        let kind = template.scope.unwrap_or(ScopeKind::ResourceGroup);
        let origin = Origin::new(file, template, ItemKey::FILE);
        Frame::new(origin, Inputs::None, DeploymentScope::here(kind))
    }

    pub(crate) fn env<'t>(&'t self, item: u32) -> Env<'t>
    where
        's: 't,
    {
        Env {
            frame: self,
            origin: &self.origin,
            item,
            locals: None,
            text: self.text.as_ref(),
        }
    }

    pub(crate) fn is_bicep(&self) -> bool {
        matches!(
            self.origin.template.kind,
            FileKind::Bicep | FileKind::BicepParams
        )
    }

    pub(crate) fn item(&self, item: u32) -> Option<&Item> {
        self.origin.template.items.get(item as usize).map(|i| &**i)
    }

    /// What a name represents.
    pub(crate) fn find(&self, section: Section, name: &str) -> Option<&Symbol> {
        let index = self.index.get_or_init(|| Index::of(&self.origin.template));
        index.find(section, name, self.is_bicep())
    }

    /// The stored value of an item; marks it as running where it is not known yet.
    pub(crate) fn start(&self, item: u32) -> Slot {
        let mut memo = self.memo.borrow_mut();
        if memo.is_empty() {
            memo.resize_with(self.origin.template.items.len(), Slot::default);
        }
        match memo.get_mut(item as usize) {
            Some(slot @ Slot::Empty) => std::mem::replace(slot, Slot::Running),
            Some(slot) => slot.clone(),
            None => Slot::Empty,
        }
    }

    pub(crate) fn finish(&self, item: u32, value: &Value) {
        if let Some(slot) = self.memo.borrow_mut().get_mut(item as usize) {
            *slot = Slot::Done(value.clone());
        }
    }
}

impl DeploymentScope {
    /// The scope of an entry point itself.
    pub(crate) fn here(kind: ScopeKind) -> Self {
        DeploymentScope {
            kind,
            assumed: false,
            subscription: None,
            resource_group: None,
            management_group: None,
            resource: None,
        }
    }
}

/// Name spaces. Bicep has one for all but types; ARM keeps them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Section {
    Value,
    Parameter,
    Variable,
    Function,
    Resource,
    Type,
}

/// What a name represents: an item, by number.
#[derive(Debug, Clone)]
pub(crate) enum Symbol {
    Parameter(u32),
    Variable(u32),
    Assignment(u32),
    Function(u32),
    Type(u32),
    Module(u32),
    Resource(u32, Arc<[u32]>),
    /// An imported name: the import, and which of its names.
    Import(u32, u32),
    /// An import's alias.
    Namespace(u32),
    /// Bicep: a name that is declared more than once, which does not compile.
    Twice,
}

struct Index {
    names: IndexMap<(Section, Ident), Symbol, FxBuildHasher>,
    /// Bicep distinguishes case: names that differ from an earlier one in case alone.
    twins: Vec<(Section, Ident, Symbol)>,
}

#[derive(Hash)]
struct Wanted<'n>(Section, crate::model::ident::Folded<'n>);

impl Equivalent<(Section, Ident)> for Wanted<'_> {
    fn equivalent(&self, key: &(Section, Ident)) -> bool {
        self.0 == key.0 && key.1.is(self.1.0)
    }
}

impl Index {
    fn of(template: &Template) -> Self {
        let mut index = Index {
            names: IndexMap::with_capacity_and_hasher(template.items.len(), FxBuildHasher),
            twins: Vec::new(),
        };
        let bicep = matches!(template.kind, FileKind::Bicep | FileKind::BicepParams);
        let (parameters, variables, resources) = match bicep {
            true => (Section::Value, Section::Value, Section::Value),
            false => (Section::Parameter, Section::Variable, Section::Resource),
        };
        for (number, item) in (0u32..).zip(&template.items) {
            match &item.kind {
                ItemKind::Parameter(p) => {
                    index.add(parameters, &p.name, Symbol::Parameter(number));
                }
                ItemKind::Variable(v) => index.add(variables, &v.name, Symbol::Variable(number)),
                ItemKind::Assignment(a) => {
                    index.add(parameters, &a.name, Symbol::Assignment(number));
                }
                ItemKind::Function(f) => {
                    index.add(Section::Function, &f.name, Symbol::Function(number));
                }
                ItemKind::Type(t) => index.add(Section::Type, &t.name, Symbol::Type(number)),
                ItemKind::Module(m) => {
                    if let Some(name) = &m.declaration.symbol {
                        index.add(resources, name, Symbol::Module(number));
                    }
                }
                ItemKind::Resource(r) => {
                    index.resource(resources, r, number, &mut Vec::new());
                }
                ItemKind::Import(import) => {
                    if let Some(name) = &import.namespace {
                        index.add(Section::Value, name, Symbol::Namespace(number));
                    }
                    for (which, (_, local)) in (0u32..).zip(&import.names) {
                        let symbol = Symbol::Import(number, which);
                        index.add(Section::Value, local, symbol.clone());
                        index.add(Section::Function, local, symbol.clone());
                        index.add(Section::Type, local, symbol);
                    }
                }
                _ => {}
            }
        }
        index
    }

    fn resource(&mut self, section: Section, resource: &Resource, item: u32, path: &mut Vec<u32>) {
        if let Some(name) = &resource.declaration.symbol {
            let path = match path.is_empty() {
                true => Arc::default(),
                false => path[..].into(),
            };
            self.add(section, name, Symbol::Resource(item, path));
        }
        for (child, resource) in (0u32..).zip(&resource.children) {
            path.push(child);
            self.resource(section, resource, item, path);
            path.pop();
        }
    }

    fn add(&mut self, section: Section, name: &Ident, symbol: Symbol) {
        match self.names.entry((section, name.clone())) {
            indexmap::map::Entry::Vacant(entry) => {
                entry.insert(symbol);
            }
            indexmap::map::Entry::Occupied(mut entry) => {
                // A nested resource's symbol is known in the resource around it alone, and may be there twice.
                let nested = |symbol: &Symbol| matches!(symbol, Symbol::Resource(_, path) if !path.is_empty());
                let same = entry.key().1.as_str() == name.as_str();
                let top = !nested(entry.get()) && !nested(&symbol);
                if same && top && section == Section::Value {
                    entry.insert(Symbol::Twice);
                }
                self.twins.push((section, name.clone(), symbol));
            }
        }
    }

    fn find(&self, section: Section, name: &str, exact: bool) -> Option<&Symbol> {
        let (found, symbol) = self
            .names
            .get_key_value(&Wanted(section, crate::model::ident::Folded(name)))?;
        if exact && found.1.as_str() != name {
            let twin = self
                .twins
                .iter()
                .find(|(s, n, _)| *s == section && n.as_str() == name);
            return Some(twin.map_or(symbol, |(_, _, symbol)| symbol));
        }
        Some(symbol)
    }
}
