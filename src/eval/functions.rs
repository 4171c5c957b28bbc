//! ARM's functions over values that may be unknown, one file for each family.
//!
//! A function is a row in its family's table. A *pure* function computes from known arguments; with an unknown argument its
//! result is unknown, of the type in the table; with several possible arguments it has several possible results. A *partial*
//! function also accepts unknown arguments. A *lazy* function receives expressions.

mod array;
mod date;
mod deployment;
mod encoding;
mod file;
mod hash;
mod lambda;
mod logic;
mod network;
mod numeric;
mod object;
mod resource;
mod string;

use std::ops::RangeInclusive;
use std::sync::{Arc, LazyLock};

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::context::{Context, too_large};
use super::evaluate::{lift, value_of};
use super::lookup::call_user_function;
use super::merge::why_unknown;
use super::scope::Env;
use super::symbols;
use super::value::{Array, Kind, Object, Type, Value};
use crate::model::ident::Folded;
use crate::model::{Expr, Ident};

/// A function over values; `None` where it does not take them.
type Pure = fn(&Context<'_>, &[Value]) -> Option<Value>;

/// A function over expressions, as many as it takes.
type Lazy = fn(&Context<'_>, Env<'_>, &[Expr]) -> Value;

/// How a function is evaluated.
#[derive(Clone, Copy)]
enum How {
    /// Sees expressions.
    Lazy(Lazy),
    /// Sees values that are known at their top; what is in arrays and objects may still be unknown.
    Pure(Pure),
    /// Sees values that may be unknown.
    Partial(Pure),
    /// One value per deployment, known to Azure alone: not empty, and the same for the same arguments.
    Opaque,
    /// Known only after deployment, or only to Azure.
    Azure,
}

/// How many arguments a function takes.
type Arity = RangeInclusive<usize>;

/// The type of a function's result, where it has one.
type Returns = Option<Type>;

/// A function.
struct Builtin {
    name: &'static str,
    ty: Returns,
    arity: Arity,
    how: How,
}

const fn row(name: &'static str, ty: Returns, arity: Arity, how: How) -> Builtin {
    Builtin {
        name,
        ty,
        arity,
        how,
    }
}

const fn pure(name: &'static str, ty: Returns, arity: Arity, f: Pure) -> Builtin {
    row(name, ty, arity, How::Pure(f))
}

const fn partial(name: &'static str, ty: Returns, arity: Arity, f: Pure) -> Builtin {
    row(name, ty, arity, How::Partial(f))
}

const fn lazy(name: &'static str, ty: Returns, arity: Arity, f: Lazy) -> Builtin {
    row(name, ty, arity, How::Lazy(f))
}

const fn opaque(name: &'static str, ty: Returns, arity: Arity) -> Builtin {
    row(name, ty, arity, How::Opaque)
}

const fn azure(name: &'static str, ty: Returns, arity: Arity) -> Builtin {
    row(name, ty, arity, How::Azure)
}

const STRING: Returns = Some(Type::String);
const INT: Returns = Some(Type::Int);
const BOOL: Returns = Some(Type::Bool);
const ARRAY: Returns = Some(Type::Array);
const OBJECT: Returns = Some(Type::Object);

/// The upper bound of functions that take any number of arguments.
const MANY: usize = usize::MAX;

type Table = IndexMap<Ident, &'static Builtin, FxBuildHasher>;

static FUNCTIONS: LazyLock<Table> = LazyLock::new(|| {
    let tables = [
        logic::TABLE,
        string::TABLE,
        array::TABLE,
        object::TABLE,
        numeric::TABLE,
        lambda::TABLE,
        encoding::TABLE,
        date::TABLE,
        network::TABLE,
        deployment::TABLE,
        resource::TABLE,
        file::TABLE,
        hash::TABLE,
    ];
    let rows = tables.into_iter().flatten();
    rows.map(|row| (Ident::from(row.name), row)).collect()
});

/// Calls a function by the name it is called by.
pub(crate) fn call(
    cx: &Context<'_>,
    env: Env<'_>,
    namespace: Option<&Ident>,
    name: &Ident,
    args: &[Expr],
) -> Value {
    let system = namespace.is_some_and(|n| n.is("sys") || n.is("az"));
    if !system && let Some(value) = call_user_function(cx, env, namespace, name, args) {
        return value;
    }
    let Some(builtin) = FUNCTIONS.get(&Folded(name.as_str())) else {
        if name
            .as_str()
            .get(..4)
            .is_some_and(|head| head.eq_ignore_ascii_case("list"))
        {
            return after_deployment(name.as_str(), None);
        }
        return Value::unknown(format!("there is no function {name}()"));
    };
    if !builtin.arity.contains(&args.len()) {
        let reason = format!("{}() does not take {} arguments", builtin.name, args.len());
        return Value::unknown_of(reason, builtin.ty);
    }
    let function = match builtin.how {
        How::Lazy(f) => return f(cx, env, args),
        How::Opaque => return known_to_azure(builtin.name, builtin.ty),
        How::Azure => return after_deployment(builtin.name, builtin.ty),
        How::Pure(f) | How::Partial(f) => f,
    };
    let values: Vec<Value> = args.iter().map(|arg| argument(cx, env, arg)).collect();
    apply(cx, builtin, function, &values)
}

/// The value of an argument; looped resources arrive as arrays.
fn argument(cx: &Context<'_>, env: Env<'_>, arg: &Expr) -> Value {
    let value = value_of(cx, env, arg);
    match value.kind {
        Kind::Internal(_) => symbols::settle_one(cx, env, value),
        _ => value,
    }
}

fn apply(cx: &Context<'_>, builtin: &Builtin, function: Pure, values: &[Value]) -> Value {
    let partial = matches!(builtin.how, How::Partial(_));
    let mut one = |values: &[Value]| {
        if !partial
            && let Some(reason) = values.iter().find_map(|value| match &value.kind {
                Kind::Unknown(unknown) => Some(unknown.reason.clone()),
                _ => None,
            })
        {
            return Value::unknown_of(reason, builtin.ty);
        }
        match function(cx, values) {
            Some(value) => value,
            None => Value::unknown_of(bad_arguments(builtin, values), builtin.ty),
        }
    };
    lift(values, &mut one)
}

/// Why a function gives nothing: an argument that is not known, else arguments it does not take.
fn bad_arguments(builtin: &Builtin, values: &[Value]) -> Arc<str> {
    match values.iter().find_map(why_unknown) {
        Some(reason) => reason,
        None => format!("{}() does not take these arguments", builtin.name).into(),
    }
}

fn after_deployment(name: &str, ty: Option<Type>) -> Value {
    Value::unknown_of(format!("{name}() is known only after deployment"), ty)
}

fn known_to_azure(name: &str, ty: Option<Type>) -> Value {
    Value::unknown_of(format!("{name}() is known only to Azure"), ty).non_empty()
}

/// The text of an argument.
fn text(values: &[Value], at: usize) -> Option<&str> {
    values.get(at)?.as_str()
}

/// The number of an argument.
fn int(values: &[Value], at: usize) -> Option<i64> {
    values.get(at)?.as_int()
}

/// The number of an argument that Azure takes in 32 bits.
fn int32(values: &[Value], at: usize) -> Option<i32> {
    int(values, at)?.try_into().ok()
}

/// A part of a text, counted in UTF-16 units; `None` beyond its end, and where it would cut a surrogate pair.
fn slice(text: &str, start: usize, len: usize) -> Option<String> {
    if text.is_ascii() {
        return text.get(start..start.checked_add(len)?).map(str::to_owned);
    }
    let units: Vec<u16> = text.encode_utf16().collect();
    String::from_utf16(units.get(start..start.checked_add(len)?)?).ok()
}

/// The array of an argument, elements of which may be unknown.
fn items(values: &[Value], at: usize) -> Option<&Array> {
    match &values.get(at)?.kind {
        Kind::Array(array) => Some(array),
        _ => None,
    }
}

/// The array of an argument, all of whose elements are there.
fn closed(values: &[Value], at: usize) -> Option<&Array> {
    items(values, at).filter(|array| array.open.is_none())
}

/// The object of an argument.
fn members(values: &[Value], at: usize) -> Option<&Object> {
    match &values.get(at)?.kind {
        Kind::Object(object) => Some(object),
        _ => None,
    }
}

/// Whether `count` more elements may be touched.
fn afford(cx: &Context<'_>, count: usize) -> Option<()> {
    cx.spend(count).then_some(())
}

/// Text of a checked size.
fn string_of(cx: &Context<'_>, text: String) -> Value {
    if text.len() > super::context::MAX_TEXT || !cx.spend(text.len() / 32) {
        return too_large();
    }
    Value::string(text)
}
