//! Evaluates the names of a file, each once: parameters, variables, imports, user functions.

use std::rc::Rc;
use std::sync::Arc;

use super::context::Context;
use super::evaluate::{settled, value_of};
use super::merge::merge;
use super::scope::{Binding, Env, Frame, Inputs, Internal, Local, Part, Section, Slot, Symbol};
use super::value::{Kind, Value};
use super::{Loaded, pieces, types};
use crate::model::{Expr, ExprKind, Ident, ItemKind, Member, Parameter};

/// What a name of the frame is worth.
pub(crate) fn symbol_value(cx: &Context<'_>, frame: &Frame<'_>, symbol: &Symbol) -> Value {
    match symbol {
        Symbol::Parameter(item) | Symbol::Variable(item) | Symbol::Assignment(item) => {
            item_value(cx, frame, *item)
        }
        Symbol::Module(item) => Internal::value(*item, Part::Module, None),
        Symbol::Resource(item, path) => Internal::value(*item, Part::Resource(path.clone()), None),
        Symbol::Import(item, which) => {
            let Some(ItemKind::Import(import)) = frame.item(*item).map(|item| &item.kind) else {
                return Value::NULL;
            };
            let Some((exported, _)) = import.names.get(*which as usize) else {
                return Value::NULL;
            };
            match imported(cx, frame, *item) {
                Imported::File(other) => exported_value(cx, &other, exported.as_str()),
                Imported::Missing(reason) => Value::unknown(reason),
            }
        }
        Symbol::Namespace(item) => match imported(cx, frame, *item) {
            Imported::File(other) => exports(cx, &other),
            Imported::Missing(reason) => Value::unknown(reason),
        },
        Symbol::Twice => Value::unknown("a name that is declared twice does not compile"),
        Symbol::Function(_) | Symbol::Type(_) => {
            Value::unknown("a function or type is used where a value is needed")
        }
    }
}

/// A parameter or variable by ARM's rules: in a user function its own parameters are all there are.
pub(crate) fn arm_value(cx: &Context<'_>, env: Env<'_>, section: Section, name: &str) -> Value {
    let in_function = matches!(
        env.item().map(|item| &item.kind),
        Some(ItemKind::Function(_))
    );
    if in_function
        && section == Section::Parameter
        && let Some(value) = env.local(name)
    {
        return value.clone();
    }
    let section_here = match env.frame.is_bicep() {
        true => Section::Value,
        false => section,
    };
    match env.frame.find(section_here, name) {
        Some(symbol) => symbol_value(cx, env.frame, symbol),
        None if section == Section::Parameter => {
            Value::unknown(format!("there is no parameter '{name}'"))
        }
        None => Value::unknown(format!("there is no variable '{name}'")),
    }
}

/// The value of a parameter, variable or assignment.
pub(crate) fn item_value(cx: &Context<'_>, frame: &Frame<'_>, number: u32) -> Value {
    let Some(item) = frame.item(number) else {
        return Value::NULL;
    };
    match frame.start(number) {
        Slot::Done(value) => return value,
        Slot::Running => {
            let name = match &item.kind {
                ItemKind::Parameter(p) => &p.name,
                ItemKind::Variable(v) => &v.name,
                ItemKind::Assignment(a) => &a.name,
                _ => return Value::NULL,
            };
            return Value::unknown(format!("'{name}' refers to itself"));
        }
        Slot::Empty => {}
    }
    let env = frame.env(number);
    let value = match &item.kind {
        ItemKind::Parameter(parameter) => parameter_value(cx, env, parameter),
        ItemKind::Variable(variable) => value_of(cx, env, &variable.value),
        ItemKind::Assignment(assignment) => value_of(cx, env, &assignment.value),
        _ => Value::NULL,
    };
    frame.finish(number, &value);
    value
}

fn parameter_value(cx: &Context<'_>, env: Env<'_>, parameter: &Parameter) -> Value {
    let value = given_or_default(cx, env, parameter);
    match types::is_allowed(cx, env, parameter, &value) {
        true => value,
        false => Value::unknown(format!(
            "the value of parameter '{}' is not allowed",
            parameter.name
        )),
    }
}

fn given_or_default(cx: &Context<'_>, env: Env<'_>, parameter: &Parameter) -> Value {
    let unknown = |reason: Arc<str>| types::of_parameter(cx, env, parameter, &reason);
    let default = || {
        parameter
            .default
            .as_ref()
            .map(|default| value_of(cx, env, default))
    };
    // Whoever deploys an entry point gives it the address that its templates are copied to: that of its own file here.
    let name = parameter.name.as_str().trim_start_matches('_');
    let is_entry = !env.is_bicep() && !matches!(env.frame.inputs, Inputs::Module { .. });
    if is_entry && name.eq_ignore_ascii_case("artifactsLocation") {
        return pieces::link_base(env.origin.file);
    }
    let given = match argument(cx, env.frame, parameter.name.as_str()) {
        Some(given) => given,
        None => {
            return match default() {
                Some(value) => value,
                None if parameter.nullable || types::is_nullable(cx, env.frame, &parameter.ty) => {
                    Value::NULL
                }
                None => unknown(format!("parameter '{}' has no value", parameter.name).into()),
            };
        }
    };
    match &given.kind {
        // Null given to a parameter that has a default means the default.
        Kind::Null => default().unwrap_or(given),
        Kind::OneOf(values) if values.iter().any(Value::is_null) => match default() {
            Some(default) => {
                let known = values.iter().filter(|value| !value.is_null()).cloned();
                merge(known.chain([default]), &values.reason)
            }
            None => given,
        },
        // What its type states of a value that is not known; unless it may be null and so the default.
        Kind::Unknown(unknown_given)
            if parameter.default.is_none() || unknown_given.ty.is_some() =>
        {
            let declared = unknown(unknown_given.reason.clone());
            match &declared.kind {
                Kind::Unknown(_) if unknown_given.ty.is_some() => given,
                _ => declared,
            }
        }
        _ => given,
    }
}

/// What the frame's user gives to a parameter; `None` where nothing.
fn argument(cx: &Context<'_>, frame: &Frame<'_>, name: &str) -> Option<Value> {
    match &frame.inputs {
        Inputs::None => None,
        Inputs::Entry(arguments) => arguments
            .values
            .get(&crate::model::ident::Folded(name))
            .cloned(),
        Inputs::Module {
            env,
            arguments,
            whole,
            ..
        } => {
            let arguments = (*arguments)?;
            if is_plain(arguments) {
                return arguments.member(name).map(|value| settled(cx, *env, value));
            }
            let literal = matches!(arguments.kind, ExprKind::Object(_));
            let value = whole.get_or_init(|| settled(cx, *env, arguments));
            match &value.kind {
                Kind::Object(object) => match value.member(name) {
                    // ARM: `"parameters": "[variables('x')]"` has the values one level deeper.
                    Some(found) if !literal => Some(
                        found
                            .member("value")
                            .cloned()
                            .unwrap_or_else(|| Value::unknown(super::evaluate::reason_of(found))),
                    ),
                    Some(found) => Some(found.clone()),
                    None => object.open.clone().map(Value::unknown),
                },
                Kind::Null => None,
                _ => Some(Value::unknown(super::evaluate::reason_of(value))),
            }
        }
    }
}

/// Whether the members of an object literal are all named: then each can be evaluated by itself.
pub(crate) fn is_plain(arguments: &Expr) -> bool {
    let ExprKind::Object(members) = &arguments.kind else {
        return false;
    };
    members
        .iter()
        .all(|member| matches!(member, Member::Property { key, .. } if key.as_str().is_some()))
}

/// The frame of the file that an import names.
fn imported(cx: &Context<'_>, frame: &Frame<'_>, item: u32) -> Imported {
    let Some(ItemKind::Import(import)) = frame.item(item).map(|item| &item.kind) else {
        return Imported::Missing("there is no such import".into());
    };
    match cx.files.load(frame.origin.file, &import.from.text) {
        Loaded::Template(file, template) => Imported::File(cx.import(file, &template)),
        Loaded::Unread(reason) | Loaded::Harmless(reason) => Imported::Missing(reason),
        Loaded::Known(_) => Imported::Missing("the module is not restored".into()),
    }
}

/// Where an import led.
enum Imported {
    File(Rc<Frame<'static>>),
    /// Nowhere, and why.
    Missing(Arc<str>),
}

/// The value that a file exports under a name: a Bicep file's variable, or a compiled one's.
fn exported_value(cx: &Context<'_>, frame: &Frame<'_>, name: &str) -> Value {
    let section = match frame.is_bicep() {
        true => Section::Value,
        false => Section::Variable,
    };
    match frame.find(section, name) {
        Some(symbol) => symbol_value(cx, frame, symbol),
        None => Value::unknown(format!("the imported file has no '{name}'")),
    }
}

/// `import * as ns`, read as `ns.name`: all variables of the file as one object.
fn exports(cx: &Context<'_>, frame: &Frame<'_>) -> Value {
    let mut members = super::value::Members::default();
    for (number, item) in (0u32..).zip(&frame.origin.template.items) {
        if let ItemKind::Variable(variable) = &item.kind {
            members.insert(variable.name.clone(), item_value(cx, frame, number));
        }
    }
    Value::object(members, None)
}

/// Finds a user function by the name it is called by, and calls it; `None` where there is none.
pub(crate) fn call_user_function(
    cx: &Context<'_>,
    env: Env<'_>,
    namespace: Option<&Ident>,
    name: &Ident,
    args: &[Expr],
) -> Option<Value> {
    let frame = env.frame;
    let symbol = match namespace {
        Some(namespace) => match frame.find(Section::Value, namespace.as_str()) {
            Some(Symbol::Namespace(item)) => {
                let other = match imported(cx, frame, *item) {
                    Imported::File(other) => other,
                    Imported::Missing(reason) => return Some(Value::unknown(reason)),
                };
                return call_exported(cx, env, &other, name.as_str(), args);
            }
            _ => frame.find(Section::Function, name.as_str()),
        },
        None => frame.find(Section::Function, name.as_str()),
    };
    match symbol? {
        Symbol::Function(item) if env.is_bicep() || is_in_namespace(frame, *item, namespace) => {
            Some(call_function(cx, env, frame, *item, args))
        }
        Symbol::Import(item, which) => {
            let Some(ItemKind::Import(import)) = frame.item(*item).map(|item| &item.kind) else {
                return None;
            };
            let (exported, _) = import.names.get(*which as usize)?;
            match imported(cx, frame, *item) {
                Imported::File(other) => call_exported(cx, env, &other, exported.as_str(), args),
                Imported::Missing(reason) => Some(Value::unknown(reason)),
            }
        }
        _ => None,
    }
}

/// Whether a function of ARM is called with its namespace, as it must be.
fn is_in_namespace(frame: &Frame<'_>, item: u32, namespace: Option<&Ident>) -> bool {
    match frame.item(item).map(|item| &item.kind) {
        Some(ItemKind::Function(function)) => {
            namespace.is_some() && function.namespace.as_ref() == namespace
        }
        _ => false,
    }
}

fn call_exported(
    cx: &Context<'_>,
    env: Env<'_>,
    other: &Frame<'_>,
    name: &str,
    args: &[Expr],
) -> Option<Value> {
    match other.find(Section::Function, name) {
        Some(Symbol::Function(item)) => Some(call_function(cx, env, other, *item, args)),
        _ => Some(Value::unknown(format!(
            "the imported file has no function '{name}'"
        ))),
    }
}

/// Calls a function of `home` with arguments written in `env`.
fn call_function(
    cx: &Context<'_>,
    env: Env<'_>,
    home: &Frame<'_>,
    item: u32,
    args: &[Expr],
) -> Value {
    let Some(ItemKind::Function(function)) = home.item(item).map(|item| &item.kind) else {
        return Value::NULL;
    };
    let values: Vec<Value> = args.iter().map(|arg| settled(cx, env, arg)).collect();
    let mut typed = function.parameters.iter().zip(&values);
    if values.len() != function.parameters.len()
        || !typed.all(|((_, ty), value)| types::fits(cx, home, ty, value, 0))
    {
        let reason = format!("'{}' takes no such arguments", function.name);
        return Value::unknown(reason);
    }
    let called = cx.run(function, || {
        let mut names = function.parameters.iter().map(|(name, _)| name);
        with_names(cx, home.env(item), &mut names, &values, &function.body)
    });
    called.unwrap_or_else(|| Value::unknown(format!("'{}' refers to itself", function.name)))
}

/// The value of an expression with names bound to values in order; a name without a value is null.
pub(crate) fn with_names(
    cx: &Context<'_>,
    env: Env<'_>,
    names: &mut dyn Iterator<Item = &Ident>,
    values: &[Value],
    body: &Expr,
) -> Value {
    let Some(name) = names.next() else {
        return value_of(cx, env, body);
    };
    let (value, values) = match values.split_first() {
        Some((value, rest)) => (value.clone(), rest),
        None => (Value::NULL, values),
    };
    let local = Local {
        outer: env.locals,
        binding: Binding::Value(name, value),
    };
    cx.on_large_stack(|| with_names(cx, env.with(&local), names, values, body))
}
