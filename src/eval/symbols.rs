//! The value of a resource's or module's symbol before deployment: its name, its type, a module's outputs.

use std::sync::Arc;

use super::context::Context;
use super::evaluate::{concat, lift, settled, value_of};
use super::loops::{Iteration, at_iteration, each_iteration, expression_hash};
use super::merge::merge;
use super::modules::{self, Asked, Entered};
use super::scope::{Env, Internal, Part, Section, Slot, Symbol};
use super::value::{Kind, Members, Type, Value};
use super::{Existence, existence, ids};
use crate::model::{
    Declaration, Expr, Ident, Item, ItemKind, Loop, Module, Output, Resource, Template,
};

/// The resource at a path below an item, and those it is nested in, outermost first.
pub(crate) fn resource_chain<'t>(
    template: &'t Template,
    item: u32,
    path: &[u32],
) -> Vec<&'t Resource> {
    let Some(ItemKind::Resource(resource)) = item_of(template, item).map(|item| &item.kind) else {
        return Vec::new();
    };
    let mut chain = vec![resource];
    for step in path {
        let child = chain.last().and_then(|r| r.children.get(*step as usize));
        match child {
            Some(child) => chain.push(child),
            None => break,
        }
    }
    chain
}

fn item_of(template: &Template, item: u32) -> Option<&Item> {
    template.items.get(item as usize).map(|item| &**item)
}

fn module_at(template: &Template, item: u32) -> Option<&Module> {
    match &item_of(template, item)?.kind {
        ItemKind::Module(module) => Some(module),
        _ => None,
    }
}

/// A nested resource's symbol, seen from inside the resource it is nested in.
pub(crate) fn nested_here(env: Env<'_>, name: &Ident) -> Option<Value> {
    let ItemKind::Resource(resource) = &env.item()?.kind else {
        return None;
    };
    if resource.children.is_empty() || !env.is_bicep() {
        return None;
    }
    let mut path = Vec::new();
    find_nested(resource, name, &mut path)
        .then(|| Internal::value(env.item, Part::Resource(path.into()), None))
}

fn find_nested(resource: &Resource, name: &Ident, path: &mut Vec<u32>) -> bool {
    (0u32..).zip(&resource.children).any(|(which, child)| {
        path.push(which);
        let symbol = child.declaration.symbol.as_ref();
        let found = symbol.is_some_and(|symbol| symbol.as_str() == name.as_str())
            || find_nested(child, name, path);
        if !found {
            path.pop();
        }
        found
    })
}

/// `parent::child`.
pub(crate) fn nested(cx: &Context<'_>, env: Env<'_>, base: &Expr, name: &Ident) -> Value {
    let base = value_of(cx, env, base);
    if let Kind::Internal(internal) = &base.kind
        && let Part::Resource(path) = &internal.part
    {
        let template = &env.frame.origin.template;
        let chain = resource_chain(template, internal.item, path);
        let children = chain.last().map_or(&[][..], |parent| &parent.children);
        let child = children
            .iter()
            .position(|child| child.declaration.symbol.as_ref() == Some(name));
        if let Some(child) = child {
            let path = path.iter().copied().chain([child as u32]).collect();
            let iteration = internal.iteration.clone();
            return Internal::value(internal.item, Part::Resource(path), iteration);
        }
    }
    Value::unknown(format!("there is no nested resource '{name}'"))
}

impl Internal {
    fn declaration<'t>(&self, template: &'t Template) -> Option<&'t Declaration> {
        match &self.part {
            Part::Resource(path) => {
                let resource = resource_chain(template, self.item, path).pop();
                resource.map(|resource| &resource.declaration)
            }
            Part::Module | Part::Outputs => {
                module_at(template, self.item).map(|module| &module.declaration)
            }
        }
    }

    /// The loop of which it represents all iterations.
    fn loops<'t>(&self, template: &'t Template) -> Option<&'t Loop> {
        let declaration = self.declaration(template)?;
        let loops = declaration.loops.as_ref();
        loops.filter(|_| self.iteration.is_none())
    }

    fn at(&self, index: Value) -> Value {
        Internal::value(self.item, self.part.clone(), Some(index))
    }
}

/// A looped resource or module as the array of its iterations; every other value as it is.
pub(crate) fn listed(cx: &Context<'_>, env: Env<'_>, value: Value) -> Value {
    let Kind::Internal(internal) = &value.kind else {
        return value;
    };
    let Some(loops) = internal.loops(&env.frame.origin.template) else {
        return value;
    };
    let here = env.at_item(internal.item);
    let mut items = Vec::new();
    let mut open = None;
    each_iteration(cx, here, loops, true, &mut |_, iteration| match iteration {
        Iteration::Known(Some(index)) => items.push(internal.at(Value::int(index))),
        Iteration::Known(None) => {
            items.push(internal.at(Value::unknown(super::loops::UNPLACED)));
        }
        Iteration::Open(reason) => open = Some(reason),
        Iteration::Never => {}
    });
    cx.note_symbols();
    Value::array(items, open)
}

/// Makes unknown what is a symbol itself.
pub(crate) fn settle_one(cx: &Context<'_>, env: Env<'_>, value: Value) -> Value {
    let Kind::Internal(internal) = &value.kind else {
        return value;
    };
    let listed = listed(cx, env, value.clone());
    if !matches!(listed.kind, Kind::Internal(_)) {
        return listed;
    }
    let declaration = internal.declaration(&env.frame.origin.template);
    let reason = match declaration.and_then(|it| it.symbol.as_ref()) {
        Some(name) => format!("the state of '{name}' is known only after deployment"),
        None => "the state of a resource is known only after deployment".to_owned(),
    };
    Value::unknown_of(reason, Some(Type::Object)).non_empty()
}

/// Makes every symbol in a value unknown.
pub(crate) fn settle(cx: &Context<'_>, env: Env<'_>, value: Value) -> Value {
    let value = settle_one(cx, env, value);
    if !cx.has_symbols() || !cx.spend(1) {
        return value;
    }
    value.map_parts(|part| settle(cx, env, part.clone()))
}

/// A property of a symbol, or one of the iterations of a looped one. What a module gives that is not deployed is null where
/// it is read safely (`m.?outputs.x`), and else refused by Azure.
pub(crate) fn property(
    cx: &Context<'_>,
    env: Env<'_>,
    of: &Internal,
    key: &Value,
    safe: bool,
) -> Value {
    let template = &env.frame.origin.template;
    let Some(name) = key.as_str() else {
        return match of.loops(template) {
            Some(_) => of.at(key.clone()),
            None => Value::unknown("a resource is read by a name that is not known"),
        };
    };
    let here = env.at_item(of.item);
    let iteration = of.iteration.as_ref();
    if let Part::Resource(path) = &of.part {
        let chain = resource_chain(template, of.item, path);
        return resource_property(cx, here, &chain, iteration, name);
    }
    let Some(module) = module_at(template, of.item) else {
        return Value::unknown("there is no such module");
    };
    let declaration = &module.declaration;
    if of.part == Part::Module {
        return match &declaration.name {
            _ if name.eq_ignore_ascii_case("outputs") => {
                Internal::value(of.item, Part::Outputs, iteration.cloned())
            }
            Some(own) if name.eq_ignore_ascii_case("name") => {
                in_iteration(cx, here, declaration, iteration, |env| {
                    settled(cx, env, own)
                })
            }
            _ => after_deployment(declaration, name),
        };
    }
    let mut value = output(cx, env, of.item, module, iteration, name);
    if !declaration.conditions.is_empty() {
        value = in_iteration(cx, here, declaration, iteration, |env| {
            where_deployed(cx, env, declaration, value, safe)
        });
    }
    if env.is_bicep() {
        return value;
    }
    // ARM: `reference('m').outputs.x.value`.
    let members = Members::from_iter([(Ident::from("value"), value)]);
    Value::object(members, Some("an output's type is not kept".into()))
}

/// The value of an output of a module, where that is deployed.
fn where_deployed(
    cx: &Context<'_>,
    env: Env<'_>,
    declaration: &Declaration,
    value: Value,
    safe: bool,
) -> Value {
    match existence::of_conditions(cx, env, &declaration.conditions) {
        Existence::Never(_) if safe => Value::NULL,
        Existence::Never(_) => Value::unknown("the module is not deployed"),
        Existence::Conditional(uncertainty) if safe => {
            merge([value, Value::NULL], &uncertainty.reason)
        }
        Existence::Conditional(_) | Existence::Always => value,
    }
}

fn resource_property(
    cx: &Context<'_>,
    env: Env<'_>,
    chain: &[&Resource],
    iteration: Option<&Value>,
    name: &str,
) -> Value {
    let Some(resource) = chain.last() else {
        return Value::unknown("there is no such resource");
    };
    let declaration = &resource.declaration;
    let evaluated = |expr: &Expr| {
        in_iteration(cx, env, declaration, iteration, |env| {
            settled(cx, env, expr)
        })
    };
    match (name.to_ascii_lowercase().as_str(), &declaration.name) {
        // The segment as written, without the parent's: so the compiler has it.
        ("name", Some(own)) => evaluated(own),
        ("type", _) if resource.resource_type.is_some() => match &resource.resource_type {
            Some(ty) => Value::string(ty.text()),
            None => Value::NULL,
        },
        ("apiversion", _) => match &resource.api_version {
            Some(version) => evaluated(version),
            None => after_deployment(declaration, name),
        },
        ("id", own) => {
            let reason = match &declaration.symbol {
                Some(symbol) => format!("the id of '{symbol}' is known only after deployment"),
                None => "a resource id is known only after deployment".to_owned(),
            };
            let reason: Arc<str> = reason.into();
            in_iteration(cx, env, declaration, iteration, |env| {
                ids::of_resource(cx, env, chain, &reason).unwrap_or_else(|| {
                    let own = own.as_ref().map(|name| settled(cx, env, name));
                    ids::ending_in(own.as_ref(), reason)
                })
            })
        }
        _ => after_deployment(declaration, name),
    }
}

fn after_deployment(declaration: &Declaration, name: &str) -> Value {
    let symbol = declaration
        .symbol
        .as_ref()
        .map_or("resource", |s| s.as_str());
    Value::unknown(format!("'{symbol}.{name}' is known only after deployment"))
}

/// Evaluates in the iteration of a looped declaration, or as it is.
pub(crate) fn in_iteration(
    cx: &Context<'_>,
    env: Env<'_>,
    declaration: &Declaration,
    iteration: Option<&Value>,
    f: impl FnOnce(Env<'_>) -> Value,
) -> Value {
    match (&declaration.loops, iteration) {
        (Some(over), Some(iteration)) => {
            at_iteration(cx, env, over, iteration, f).unwrap_or(Value::NULL)
        }
        (Some(_), None) => Value::unknown("a looped resource is read without an index"),
        (None, _) => f(env),
    }
}

/// The full name of a resource, its parents' first, at a point where its loop variables are bound.
pub(crate) fn full_name(cx: &Context<'_>, env: Env<'_>, chain: &[&Resource]) -> Value {
    // Parents of parents may be many, or go round.
    cx.deeper(|| joined_name(cx, env, chain))
}

fn joined_name(cx: &Context<'_>, env: Env<'_>, chain: &[&Resource]) -> Value {
    let Some((resource, outer)) = chain.split_last() else {
        return Value::unknown("it has no name");
    };
    let own = match &resource.declaration.name {
        Some(name) => settled(cx, env, name),
        None => return Value::unknown("it has no name"),
    };
    let parent = if let Some(parent) = &resource.parent {
        match value_of(cx, env, parent).kind {
            Kind::Internal(internal) => symbol_name(cx, env, &internal),
            Kind::Unknown(unknown) => Value::unknown(unknown.reason.clone()),
            _ => Value::unknown("its parent is no resource of this file"),
        }
    } else if let Some(around) = outer.last()
        && (env.is_bicep() || is_child(resource, around) && !is_full(resource, &own))
    {
        full_name(cx, env, outer)
    } else {
        return own;
    };
    lift(&[parent, own], &mut |pair| match pair {
        [parent, own] => concat(cx, &[parent.clone(), Value::string("/"), own.clone()]),
        _ => Value::NULL,
    })
}

/// Whether the type of a resource continues that of the one around it: another is deployed by itself.
fn is_child(resource: &Resource, outer: &Resource) -> bool {
    match (&resource.resource_type, &outer.resource_type) {
        (Some(ty), Some(outer)) => {
            let (ty, outer) = (ty.as_str(), outer.as_str());
            ty.as_bytes().get(outer.len()) == Some(&b'/')
                && ty
                    .get(..outer.len())
                    .is_some_and(|head| head.eq_ignore_ascii_case(outer))
        }
        _ => true,
    }
}

/// Whether the name of a child nested in ARM JSON already holds its parents': it has as many segments as its type.
fn is_full(resource: &Resource, own: &Value) -> bool {
    let segments = |text: &str| text.split('/').count();
    match (&resource.resource_type, own.as_str()) {
        (Some(ty), Some(own)) => {
            let own = segments(own);
            own > 1 && own + 1 == segments(ty.as_str())
        }
        _ => false,
    }
}

/// The full name of the resource that a symbol represents.
pub(crate) fn symbol_name(cx: &Context<'_>, env: Env<'_>, internal: &Internal) -> Value {
    let Internal {
        item,
        part: Part::Resource(path),
        iteration,
    } = internal
    else {
        return Value::unknown("a module has no resource name");
    };
    let chain = resource_chain(&env.frame.origin.template, *item, path);
    let Some(resource) = chain.last() else {
        return Value::unknown("there is no such resource");
    };
    // Inside its own loop the variables are bound already.
    let env = match (iteration, env.item == *item) {
        (None, true) => env,
        _ => env.at_item(*item),
    };
    if iteration.is_none() && env.locals.is_some() {
        return full_name(cx, env, &chain);
    }
    in_iteration(cx, env, &resource.declaration, iteration.as_ref(), |env| {
        full_name(cx, env, &chain)
    })
}

/// The resource that a symbol represents.
pub(crate) fn symbol_resource<'t>(env: Env<'t>, internal: &Internal) -> Option<&'t Resource> {
    match &internal.part {
        Part::Resource(path) => {
            resource_chain(&env.frame.origin.template, internal.item, path).pop()
        }
        _ => None,
    }
}

/// An output of a module, evaluated where it is pure.
fn output(
    cx: &Context<'_>,
    env: Env<'_>,
    item: u32,
    module: &Module,
    iteration: Option<&Value>,
    name: &str,
) -> Value {
    let key = (item, iteration.and_then(Value::as_int), Ident::from(name));
    let remembered = {
        let mut outputs = env.frame.outputs.borrow_mut();
        std::mem::replace(outputs.entry(key.clone()).or_default(), Slot::Running)
    };
    let value = match remembered {
        Slot::Done(value) => value,
        Slot::Running => Value::unknown(format!("output '{name}' refers to itself")),
        Slot::Empty => {
            let here = env.at_item(item);
            in_iteration(cx, here, &module.declaration, iteration, |env| {
                let scope = &env.frame.scope;
                let output = |entered: Entered<'_>| output_of(cx, &entered, name);
                modules::enter(cx, env, scope, module, Asked::Outputs, output)
            })
        }
    };
    let mut outputs = env.frame.outputs.borrow_mut();
    outputs.insert(key, Slot::Done(value.clone()));
    value
}

fn output_of(cx: &Context<'_>, entered: &Entered<'_>, name: &str) -> Value {
    let env = match entered {
        Entered::Template { env, .. } if !env.origin.is_known_module() => *env,
        Entered::Cycle => return Value::unknown("a module refers to itself"),
        _ => {
            let reason = format!("output '{name}' is of a module that was not read");
            return Value::unknown(reason);
        }
    };
    match find_output(env, name) {
        Some((item, output)) => settled(cx, Env { item, ..env }, &output.value),
        None => Value::unknown(format!("the module has no output '{name}'")),
    }
}

fn find_output<'t>(env: Env<'t>, name: &str) -> Option<(u32, &'t Output)> {
    (0u32..)
        .zip(&env.origin.template.items)
        .find_map(|(number, item)| match &item.kind {
            ItemKind::Output(output) if output.name.is(name) => Some((number, output)),
            _ => None,
        })
}

/// `reference('symbol')`, `reference('symbol[1]')` of ARM: the module of that symbol, whose outputs may be known.
pub(crate) fn arm_reference(env: Env<'_>, symbol: &str) -> Option<Value> {
    let indexed = symbol.strip_suffix(']').and_then(|it| it.rsplit_once('['));
    let (symbol, iteration) = match indexed {
        Some((symbol, index)) => (symbol, Some(Value::int(index.parse().ok()?))),
        None => (symbol, None),
    };
    match env.frame.find(Section::Resource, symbol)? {
        Symbol::Module(item) => Some(Internal::value(*item, Part::Module, iteration)),
        _ => None,
    }
}

/// The deployment of this name, which is how the array form of `resources` refers to one: `reference('name')`,
/// `reference(resourceId('Microsoft.Resources/deployments', 'name'))`. Two names are the same where they are written the
/// same, though neither is known. None where there is none, or more than one.
pub(crate) fn deployment_named(cx: &Context<'_>, env: Env<'_>, wanted: &Expr) -> Option<Value> {
    let template = &env.frame.origin.template;
    let (hash, value) = (expression_hash(wanted), value_of(cx, env, wanted));
    let mut found = None;
    for (number, item) in (0u32..).zip(&template.items) {
        let ItemKind::Module(module) = &item.kind else {
            continue;
        };
        let Some(name) = &module.declaration.name else {
            continue;
        };
        let here = env.at_item(number);
        let is_wanted = |env: Env<'_>| match (value.as_str(), value_of(cx, env, name).as_str()) {
            (Some(wanted), Some(name)) => wanted.eq_ignore_ascii_case(name),
            (None, None) => hash == expression_hash(name) && env.locals.is_none(),
            _ => false,
        };
        let mut matches = |iteration: Option<Value>| match found {
            Some(_) => None,
            None => {
                found = Some(Internal::value(number, Part::Module, iteration));
                Some(())
            }
        };
        match &module.declaration.loops {
            None if is_wanted(here) => matches(None)?,
            None => {}
            Some(over) => {
                let mut iterations = Vec::new();
                each_iteration(cx, here, over, true, &mut |env, iteration| {
                    if let Iteration::Known(Some(index)) = iteration
                        && is_wanted(env)
                    {
                        iterations.push(Value::int(index));
                    }
                });
                for iteration in iterations {
                    matches(Some(iteration))?;
                }
            }
        }
    }
    found
}
