//! What a declared type states about a value that is not given: its possible values, its required members.

use std::sync::Arc;

use super::Loaded;
use super::context::Context;
use super::evaluate::value_of;
use super::merge::merge;
use super::scope::{Env, Frame, Section, Symbol};
use super::value::{Kind, Members, Type, Value};
use crate::model::{Ident, ItemKind, Parameter, TYPE_OF_ITEMS, TYPE_OF_OTHERS, TypeExpr};

/// Objects in objects are followed this far; deeper members are unknown.
const MAX_DEPTH: u8 = 4;

/// A parameter's value, of which only its declaration is known.
pub(crate) fn of_parameter(
    cx: &Context<'_>,
    env: Env<'_>,
    parameter: &Parameter,
    reason: &Arc<str>,
) -> Value {
    if let Some(allowed) = &parameter.allowed
        && !is_array(&parameter.ty)
        && let Kind::Array(allowed) = value_of(cx, env, allowed).kind
        && allowed.open.is_none()
        && !allowed.items.is_empty()
    {
        let placeless = allowed
            .items
            .iter()
            .map(|value| Value::of(value.kind.clone()));
        return merge(placeless, reason);
    }
    let value = of_type(cx, env.frame, &parameter.ty, reason, 0);
    match &value.kind {
        // What may be null may be empty, whatever its least length.
        Kind::Unknown(unknown) if parameter.non_empty && unknown.ty.is_some() => {
            Value::unknown_of(reason.clone(), unknown.ty).non_empty()
        }
        _ => value,
    }
}

/// Whether a value is one that a parameter takes, as far as it is known: by `@allowed`, by length, by literal types.
pub(crate) fn is_allowed(
    cx: &Context<'_>,
    env: Env<'_>,
    parameter: &Parameter,
    value: &Value,
) -> bool {
    let allowed = parameter
        .allowed
        .as_ref()
        .map(|all| value_of(cx, env, all).kind);
    let equal = |item: &Value, value: &Value| match (&item.kind, &value.kind) {
        (Kind::Str(item), Kind::Str(text)) => item.eq_ignore_ascii_case(text),
        (Kind::Int(item), Kind::Int(number)) => item == number,
        (Kind::Str(_), Kind::Int(_) | Kind::Bool(_)) => false,
        _ => true,
    };
    let listed = |value: &Value| match &allowed {
        Some(Kind::Array(all)) if all.open.is_none() && !all.items.is_empty() => {
            all.items.iter().any(|item| equal(item, value))
        }
        _ => true,
    };
    let of_list = match &value.kind {
        Kind::Array(list) => {
            let short = parameter
                .max_length
                .is_none_or(|most| list.items.len() as i64 <= most);
            short && list.items.iter().all(listed)
        }
        _ => listed(value),
    };
    of_list && fits(cx, env.frame, &parameter.ty, value, 0)
}

/// Whether a value may be of a type, as far as both are known.
pub(crate) fn fits(
    cx: &Context<'_>,
    frame: &Frame<'_>,
    ty: &TypeExpr,
    value: &Value,
    depth: u8,
) -> bool {
    if depth > 2 * MAX_DEPTH || !cx.spend(1) {
        return true;
    }
    let inner = |ty: &TypeExpr, value: &Value| fits(cx, frame, ty, value, depth + 1);
    match (ty, &value.kind) {
        (TypeExpr::Nullable(ty), kind) => matches!(kind, Kind::Null) || inner(ty, value),
        (TypeExpr::Named(path), _) => with_named(cx, frame, &names(path), &mut |frame, ty| {
            fits(cx, frame, ty, value, depth + 1)
        })
        .unwrap_or(true),
        (TypeExpr::Primitive(name), kind) => is_of(kind, name.as_str()),
        (TypeExpr::Literal(literal), Kind::Str(text)) => literal
            .as_str()
            .is_none_or(|own| own.eq_ignore_ascii_case(text)),
        (TypeExpr::Literal(literal), Kind::Int(_) | Kind::Bool(_)) => literal.as_str().is_none(),
        (TypeExpr::Union(members), _) => members.iter().any(|ty| inner(ty, value)),
        (TypeExpr::Array(ty), Kind::Array(list)) => list.items.iter().all(|item| inner(ty, item)),
        (TypeExpr::Tuple(types), Kind::Array(list)) => {
            let length = list.open.is_some() || list.items.len() == types.len();
            length
                && types
                    .iter()
                    .zip(&list.items)
                    .all(|(ty, item)| inner(ty, item))
        }
        (TypeExpr::Object { properties, .. }, Kind::Object(object)) => {
            let mut members = object.members.iter();
            members.all(|(name, value)| {
                let ty = properties.iter().find(|(own, _)| own == name);
                ty.is_none_or(|(_, ty)| inner(ty, value))
            })
        }
        (TypeExpr::Array(_) | TypeExpr::Tuple(_), kind) => is_of(kind, "array"),
        (TypeExpr::Object { .. }, kind) => is_of(kind, "object"),
        _ => true,
    }
}

/// Whether a value may be of a primitive type.
fn is_of(kind: &Kind, primitive: &str) -> bool {
    let own = match kind {
        Kind::Str(_) => "string",
        Kind::Int(_) => "int",
        Kind::Bool(_) => "bool",
        Kind::Array(_) => "array",
        Kind::Object(_) => "object",
        _ => return true,
    };
    own == primitive
}

/// Whether a type takes null, so that a parameter of it without a value is null. Names are followed.
pub(crate) fn is_nullable(cx: &Context<'_>, frame: &Frame<'_>, ty: &TypeExpr) -> bool {
    nullable_within(cx, frame, ty, 2 * MAX_DEPTH)
}

fn nullable_within(cx: &Context<'_>, frame: &Frame<'_>, ty: &TypeExpr, hops: u8) -> bool {
    match ty {
        TypeExpr::Nullable(_) => true,
        TypeExpr::Literal(literal) => matches!(literal.kind, crate::model::ExprKind::Null),
        TypeExpr::Union(members) => members
            .iter()
            .any(|member| hops > 0 && nullable_within(cx, frame, member, hops - 1)),
        TypeExpr::Named(path) if hops > 0 && cx.spend(1) => {
            with_named(cx, frame, &names(path), &mut |frame, ty| {
                nullable_within(cx, frame, ty, hops - 1)
            })
            .unwrap_or(false)
        }
        _ => false,
    }
}

fn is_array(ty: &TypeExpr) -> bool {
    match ty {
        TypeExpr::Array(_) | TypeExpr::Tuple(_) => true,
        TypeExpr::Primitive(name) => name.is("array"),
        TypeExpr::Nullable(ty) => is_array(ty),
        _ => false,
    }
}

/// A value of which only the type is known. `depth` counts names and objects followed.
fn of_type(
    cx: &Context<'_>,
    frame: &Frame<'_>,
    ty: &TypeExpr,
    reason: &Arc<str>,
    depth: u8,
) -> Value {
    let unknown = |ty| Value::unknown_of(reason.clone(), ty);
    if !cx.spend(1) {
        return unknown(None);
    }
    match ty {
        TypeExpr::Any => unknown(None),
        TypeExpr::Primitive(name) => match name.as_str().to_ascii_lowercase().as_str() {
            "bool" => Value::one_of([Value::bool(true), Value::bool(false)], reason.clone()),
            "string" | "securestring" => unknown(Some(Type::String)),
            "int" => unknown(Some(Type::Int)),
            "array" => unknown(Some(Type::Array)),
            "object" | "secureobject" => unknown(Some(Type::Object)),
            _ => unknown(None),
        },
        TypeExpr::Named(path) => {
            if depth > 2 * MAX_DEPTH {
                return unknown(None);
            }
            with_named(cx, frame, &names(path), &mut |frame, ty| {
                of_type(cx, frame, ty, reason, depth + 1)
            })
            .unwrap_or_else(|| unknown(None))
        }
        TypeExpr::Literal(literal) => Value::of(value_of(cx, frame.env(0), literal).kind),
        TypeExpr::Union(members) => {
            let each = members
                .iter()
                .map(|ty| of_type(cx, frame, ty, reason, depth + 1));
            merge(each.collect::<Vec<_>>(), reason)
        }
        TypeExpr::Array(_) => unknown(Some(Type::Array)),
        TypeExpr::Tuple(elements) if depth < MAX_DEPTH => {
            let each = elements
                .iter()
                .map(|ty| of_type(cx, frame, ty, reason, depth + 1));
            Value::array(each.collect(), None)
        }
        TypeExpr::Tuple(_) => unknown(Some(Type::Array)),
        TypeExpr::Object { properties, .. } if depth < MAX_DEPTH => {
            let members: Members = properties
                .iter()
                .map(|(name, ty)| (name.clone(), of_type(cx, frame, ty, reason, depth + 1)))
                .collect();
            Value::object(members, Some(reason.clone()))
        }
        TypeExpr::Object { .. } => unknown(Some(Type::Object)),
        TypeExpr::Nullable(ty) => {
            let value = of_type(cx, frame, ty, reason, depth);
            match value.kind {
                Kind::Object(_) | Kind::Array(_) | Kind::Unknown(_) => unknown(None),
                _ => merge([value, Value::NULL], reason),
            }
        }
    }
}

fn names(path: &[Ident]) -> Vec<&str> {
    path.iter().map(Ident::as_str).collect()
}

/// Runs `f` on a type by name, in the file that declares it; `ns.type` and parts of types (`type.property`, `type[*]`)
/// are followed.
fn with_named<R>(
    cx: &Context<'_>,
    frame: &Frame<'_>,
    path: &[&str],
    f: &mut dyn FnMut(&Frame<'_>, &TypeExpr) -> R,
) -> Option<R> {
    let (first, rest) = path.split_first()?;
    let imported = |item: &u32| match &frame.item(*item)?.kind {
        ItemKind::Import(import) => Some(import),
        _ => None,
    };
    let (from, path) = match frame.find(Section::Type, first) {
        Some(Symbol::Type(item)) => {
            let ItemKind::Type(declared) = &frame.item(*item)?.kind else {
                return None;
            };
            return part_of(cx, frame, &declared.ty, rest, f);
        }
        Some(Symbol::Import(item, which)) => {
            let import = imported(item)?;
            let (exported, _) = import.names.get(*which as usize)?;
            let mut path = path.to_vec();
            path[0] = exported.as_str();
            (&import.from.text, path)
        }
        _ => match frame.find(Section::Value, first)? {
            Symbol::Namespace(item) => (&imported(item)?.from.text, rest.to_vec()),
            _ => return None,
        },
    };
    let Loaded::Template(file, template) = cx.files.load(frame.origin.file, from) else {
        return None;
    };
    // A file may hand on what it imports, and two files may hand it to each other.
    let other = cx.import(file, &template);
    match cx.spend(HOP_STEPS) {
        true => cx.on_large_stack(|| with_named(cx, &other, &path, f)),
        false => None,
    }
}

/// Steps that following a name costs.
const HOP_STEPS: usize = 100;

/// The maximum number of steps into one type.
const MAX_PATH: usize = 32;

/// Runs `f` on the part of a type that a path leads to.
fn part_of<R>(
    cx: &Context<'_>,
    frame: &Frame<'_>,
    ty: &TypeExpr,
    path: &[&str],
    f: &mut dyn FnMut(&Frame<'_>, &TypeExpr) -> R,
) -> Option<R> {
    let Some((step, rest)) = path.split_first() else {
        return Some(f(frame, ty));
    };
    let part = match ty {
        TypeExpr::Nullable(ty) => return part_of(cx, frame, ty, path, f),
        // Types may be parts of one another.
        TypeExpr::Named(own) => {
            let joined = [&names(own), path].concat();
            return match joined.len() <= MAX_PATH && cx.spend(HOP_STEPS) {
                true => cx.on_large_stack(|| with_named(cx, frame, &joined, f)),
                false => None,
            };
        }
        TypeExpr::Array(element) if *step == TYPE_OF_ITEMS => element,
        TypeExpr::Tuple(elements) => {
            let index = step.strip_prefix('[')?.strip_suffix(']')?;
            elements.get(index.parse::<usize>().ok()?)?
        }
        TypeExpr::Object { additional, .. } if *step == TYPE_OF_OTHERS => additional.as_deref()?,
        TypeExpr::Object { properties, .. } => {
            &properties.iter().find(|(name, _)| name.is(step))?.1
        }
        _ => return None,
    };
    part_of(cx, frame, part, rest, f)
}
