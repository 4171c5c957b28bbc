//! The order of declarations in a deployment, by `dependsOn` and by references.
//!
//! It is computed only for templates with several instances of an ordered type: elsewhere it decides nothing.

use rustc_hash::{FxHashMap, FxHashSet};

use super::context::Context;
use super::expand::Out;
use super::places;
use super::scope::{Env, Section, Symbol};
use super::value::{Kind, Value};
use super::{Expansion, Instance};
use crate::model::{
    Declaration, Expr, ExprKind, FileId, Ident, Item, ItemKey, ItemKind, Loop, NodeRef,
};

/// A declaration: its file and item.
type Key = (FileId, ItemKey);

/// What declarations wait for.
pub type Order = FxHashMap<Key, Waits>;

/// What one declaration waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waits {
    on: Box<[Key]>,
    /// It is in a loop.
    repeated: bool,
    /// It has a condition: where that is false, what waits for it does not wait for what it waits for.
    conditional: bool,
}

impl Expansion {
    /// Whether `later` is definitely deployed after `earlier`, where both are.
    pub fn follows(&self, later: &Instance, earlier: &Instance) -> bool {
        let key = |node: NodeRef| (node.file, node.item);
        let path = |instance: &Instance| -> Vec<Key> {
            let uses = instance.via.iter().map(|module| module.declaration);
            uses.chain([instance.place]).map(key).collect()
        };
        for (later, earlier) in path(later).into_iter().zip(path(earlier)) {
            if later != earlier {
                return self.waits(later, earlier);
            }
            // Iterations of a loop are not ordered.
            if self.order.get(&later).is_none_or(|it| it.repeated) {
                return false;
            }
        }
        false
    }

    /// Whether a declaration definitely waits for another one of its template.
    pub(crate) fn waits_for(&self, later: NodeRef, earlier: NodeRef) -> bool {
        self.waits((later.file, later.item), (earlier.file, earlier.item))
    }

    fn waits(&self, later: Key, earlier: Key) -> bool {
        let mut seen = FxHashSet::default();
        let mut queue = vec![later];
        while let Some(key) = queue.pop() {
            if !seen.insert(key) {
                continue;
            }
            let waits = self.order.get(&key);
            let Some(waits) = waits.filter(|it| key == later || !it.conditional) else {
                continue;
            };
            if waits.on.contains(&earlier) {
                return true;
            }
            queue.extend(&waits.on);
        }
        false
    }
}

/// Adds what the declarations of a template wait for, if its instances (those from `first` on) need it.
pub(crate) fn note(cx: &Context<'_>, out: &mut Out<'_>, env: Env<'_>, first: usize) {
    let ordered = |instance: &&Instance| {
        let mut types = out.want.ordered.iter();
        !instance.existing && types.any(|ty| instance.resource_type.is(ty))
    };
    let mut instances = out.expansion.instances[first..].iter().filter(ordered);
    if instances.nth(1).is_none() || env.origin.is_computed() {
        return;
    }
    let template = &env.origin.template;
    let key = |item: u32| (env.origin.file, env.origin.key(item));
    let declared: Vec<(u32, &Item, &Declaration)> = (0u32..)
        .zip(&template.items)
        .filter_map(|(number, item)| Some((number, &**item, declaration_of(item)?)))
        .collect();
    let targets = match env.is_bicep() {
        true => None,
        false => Some(Targets::of(cx, env, &declared)),
    };
    for (number, item, declaration) in &declared {
        let env = Env {
            item: *number,
            ..env
        };
        let on: FxHashSet<u32> = match &targets {
            None => symbols(env, item, declaration),
            Some(targets) => targets.named_by(cx, env, item, declaration),
        };
        let mut on: Vec<u32> = on.into_iter().filter(|on| on != number).collect();
        on.sort_unstable();
        let waits = Waits {
            on: on.into_iter().map(key).collect(),
            repeated: declaration.loops.is_some(),
            conditional: !declaration.conditions.is_empty(),
        };
        out.expansion.order.insert(key(*number), waits);
    }
}

fn declaration_of(item: &Item) -> Option<&Declaration> {
    match &item.kind {
        ItemKind::Resource(resource) => Some(&resource.declaration),
        ItemKind::Module(module) => Some(&module.declaration),
        _ => None,
    }
}

/// The declarations whose symbols a Bicep declaration refers to, also through variables.
fn symbols(env: Env<'_>, item: &Item, declaration: &Declaration) -> FxHashSet<u32> {
    let mut found = FxHashSet::default();
    let mut variables = FxHashSet::default();
    let mut queue: Vec<&Ident> = item.uses();
    while let Some(name) = queue.pop() {
        match env.frame.find(Section::Value, name.as_str()) {
            Some(Symbol::Module(number) | Symbol::Resource(number, _)) => {
                let other = env.frame.item(*number).and_then(declaration_of);
                // Of a loop, a reference may mean one iteration.
                let whole = other.is_some_and(|it| it.loops.is_none())
                    || waits_for_whole(declaration, name);
                if whole {
                    found.insert(*number);
                }
            }
            Some(Symbol::Variable(number)) if variables.insert(*number) => {
                let variable = env.frame.item(*number).into_iter();
                queue.extend(variable.flat_map(Item::uses));
            }
            _ => {}
        }
    }
    found
}

fn waits_for_whole(declaration: &Declaration, symbol: &Ident) -> bool {
    let mut elements = elements(declaration.depends_on.as_ref());
    elements.any(|element| matches!(&element.kind, ExprKind::Name(name) if name == symbol))
}

fn elements(list: Option<&Expr>) -> impl Iterator<Item = &Expr> {
    let elements = match list.map(|list| &list.kind) {
        Some(ExprKind::Array(elements)) => &elements[..],
        _ => &[],
    };
    elements.iter().map(|element| &element.value)
}

/// What `dependsOn` of an ARM template can name.
struct Targets {
    /// By symbol, name of the loop, name, and type and name: lower case. `None`: several have it.
    by_text: FxHashMap<String, Option<u32>>,
    /// By type in lower case: those whose names are not known.
    unknown: FxHashMap<String, Vec<(u32, Value)>>,
}

impl Targets {
    fn of(cx: &Context<'_>, env: Env<'_>, declared: &[(u32, &Item, &Declaration)]) -> Self {
        let mut targets = Targets {
            by_text: FxHashMap::default(),
            unknown: FxHashMap::default(),
        };
        for (number, item, declaration) in declared {
            let mut add = |text: &str| {
                let known = targets.by_text.entry(text.to_ascii_lowercase());
                let known = known.or_insert(Some(*number));
                *known = known.filter(|it| it == number);
            };
            if let Some(symbol) = &declaration.symbol {
                add(symbol.as_str());
            }
            if let Some(Loop::Count { name, .. }) = &declaration.loops {
                add(name.as_str());
            }
            let (None, Some(name)) = (&declaration.loops, &declaration.name) else {
                continue;
            };
            let ty = match &item.kind {
                ItemKind::Resource(resource) => resource.resource_type.as_ref(),
                _ => None,
            };
            let ty = ty.map_or("Microsoft.Resources/deployments", Ident::as_str);
            let env = Env {
                item: *number,
                ..env
            };
            let name = places::value(cx, env, name);
            match name.as_str() {
                Some(text) => {
                    add(text);
                    add(&format!("{ty}/{text}"));
                }
                None => {
                    let unknown = targets.unknown.entry(ty.to_ascii_lowercase());
                    unknown.or_default().push((*number, name));
                }
            }
        }
        targets
    }

    fn named_by(
        &self,
        cx: &Context<'_>,
        env: Env<'_>,
        item: &Item,
        declaration: &Declaration,
    ) -> FxHashSet<u32> {
        let mut found = FxHashSet::default();
        for element in elements(declaration.depends_on.as_ref()) {
            found.extend(self.dependency(cx, env, element));
        }
        let read = match &item.kind {
            ItemKind::Resource(resource) => Some(&resource.body),
            ItemKind::Module(module) => module.arguments.as_ref(),
            _ => None,
        };
        let mut references = Vec::new();
        if let Some(read) = read {
            read.walk(&mut |expr| match &expr.kind {
                ExprKind::Call { name, args, .. } if name.is("reference") => {
                    references.extend(args.first());
                }
                _ => {}
            });
        }
        // An id alone does not order: only a name or symbol of the same template does.
        for reference in references {
            let value = places::value(cx, env, reference);
            let text = value.as_str().filter(|text| !text.starts_with('/'));
            found.extend(text.and_then(|text| self.find(text)));
        }
        found
    }

    fn dependency(&self, cx: &Context<'_>, env: Env<'_>, element: &Expr) -> Option<u32> {
        if let ExprKind::Call { name, args, .. } = &element.kind
            && name.as_str().to_ascii_lowercase().ends_with("resourceid")
        {
            let resource = places::resource_of_id(cx, env, args)?;
            let (ty, name) = (resource.resource_type?, resource.name?);
            return match name.as_str() {
                Some(text) => self.find(&format!("{ty}/{text}")),
                None => {
                    let mut same = self.unknown.get(&ty.as_str().to_ascii_lowercase())?.iter();
                    let same = same.find(|(_, other)| same_unknown(other, &name));
                    same.map(|(number, _)| *number)
                }
            };
        }
        let value = places::value(cx, env, element);
        let text = value.as_str()?.to_ascii_lowercase();
        let id = text.rsplit_once("/providers/").map(|(_, id)| id);
        self.find(id.unwrap_or(&text))
    }

    fn find(&self, text: &str) -> Option<u32> {
        *self.by_text.get(&text.to_ascii_lowercase())?
    }
}

/// Two names that are not known and are equal whatever they are.
fn same_unknown(one: &Value, other: &Value) -> bool {
    match (&one.kind, &other.kind) {
        (Kind::Unknown(one), Kind::Unknown(other)) => {
            one.canonical.is_some() && one.canonical == other.canonical
        }
        _ => false,
    }
}
