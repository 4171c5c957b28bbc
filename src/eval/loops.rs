//! The iterations of a loop: each known element in order, and one iteration for all elements that are not known.

use std::cell::Cell;
use std::sync::Arc;

use super::context::Context;
use super::evaluate::value_of;
use super::scope::{Binding, Env, Local};
use super::value::{Kind, TOO_LARGE, Type, Value};
use super::{Unmet, canonicalize, existence};
use crate::model::{Expr, ExprKind, Ident, Loop};

/// One iteration.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Iteration {
    /// Definitely taken, with this index where the index is known.
    Known(Option<i64>),
    /// Stands for any number of iterations; why they are not known.
    Open(Arc<str>),
    /// The loop is definitely empty: what an iteration would be, for those who ask what is not deployed.
    Never,
}

/// What is known of a loop as a whole.
pub(crate) struct Iterations {
    /// Iterations that are definitely taken.
    pub known: usize,
    /// There may be more.
    pub open: Option<Arc<str>>,
    /// There is at least one iteration, though not known which.
    pub non_empty: bool,
}

/// Expressions in each other that are searched for the parts of a list.
const MAX_LIST_DEPTH: usize = 8;

/// Why the index of an element is not known that definitely is there.
pub(crate) const UNPLACED: &str = "its position is not known";

/// Of more copies than this, Azure makes none.
const MAX_COPIES: i64 = 800;

/// Why a count is none.
const NO_COUNT: &str = "the count of a loop is no number from 0 to 800";

/// Why a variable of a loop that is definitely empty has no value.
const NEVER: &str = "its loop is empty";

/// Runs `f` at each iteration of a loop written in `env`; `resource` where it is one of a resource or module, which asks
/// for the iteration of an empty loop too.
pub(crate) fn each_iteration(
    cx: &Context<'_>,
    env: Env<'_>,
    over: &Loop,
    resource: bool,
    f: &mut dyn FnMut(Env<'_>, Iteration),
) -> Iterations {
    match over {
        Loop::Items { item, index, over } => {
            let list = value_of(cx, env, over);
            run(cx, &list, resource, &mut |iteration, value| {
                bind_item(env, item, index.as_ref(), &iteration, value, &mut |env| {
                    f(env, iteration.clone())
                });
            })
        }
        Loop::Count { name, count } => each_of_count(cx, env, (name, count), resource, f),
    }
}

/// Runs `f` for each element that a condition keeps out of a loop's list, and with that condition.
pub(crate) fn each_unchosen(
    cx: &Context<'_>,
    env: Env<'_>,
    over: &Loop,
    f: &mut dyn FnMut(Env<'_>, Unmet),
) {
    let list = match over {
        Loop::Items { over, .. } => Some(over),
        Loop::Count { count, .. } => length_of(count),
    };
    let Some(list) = list else {
        return;
    };
    let mut found = Vec::new();
    unchosen(cx, env, list, MAX_LIST_DEPTH, &mut found);
    for (value, unmet) in found {
        let mut call = |env: Env<'_>| f(env, unmet.clone());
        match over {
            Loop::Items { item, index, .. } => {
                let index = index.as_ref();
                bind_item(env, item, index, &Iteration::Never, value, &mut call);
            }
            Loop::Count { name, .. } => {
                let index = Value::unknown_of(UNPLACED, Some(Type::Int));
                let element = Some((expression_hash(list), value));
                bind_copy(env, name, true, index, element, &mut call);
            }
        }
    }
}

/// The elements of a list's branches that are not taken.
fn unchosen(
    cx: &Context<'_>,
    env: Env<'_>,
    list: &Expr,
    depth: usize,
    found: &mut Vec<(Value, Unmet)>,
) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    match &list.kind {
        ExprKind::Call { name, args, .. } if name.is("if") => {
            let [condition, then, otherwise] = &**args else {
                return;
            };
            let (taken, other) = match value_of(cx, env, condition).as_bool() {
                Some(true) => (then, otherwise),
                Some(false) => (otherwise, then),
                None => return,
            };
            if let Kind::Array(array) = value_of(cx, env, other).kind {
                let unmet = existence::unmet(env, condition);
                found.extend(array.items.iter().map(|one| (one.clone(), unmet.clone())));
            }
            unchosen(cx, env, taken, depth, found);
        }
        ExprKind::Call { name, args, .. } if name.is("union") || name.is("concat") => {
            args.iter()
                .for_each(|list| unchosen(cx, env, list, depth, found));
        }
        ExprKind::Array(elements) => {
            let spread = elements.iter().filter(|element| element.spread);
            spread.for_each(|element| unchosen(cx, env, &element.value, depth, found));
        }
        ExprKind::Name(_) | ExprKind::Call { .. } => {
            if let Some((env, list)) = canonicalize::meaning(cx, env, list) {
                unchosen(cx, env, list, depth, found);
            }
        }
        _ => {}
    }
}

/// The iterations of `copy: { name, count }`.
fn each_of_count(
    cx: &Context<'_>,
    env: Env<'_>,
    (name, count): (&Ident, &Expr),
    resource: bool,
    f: &mut dyn FnMut(Env<'_>, Iteration),
) -> Iterations {
    // `length(x)` of which some elements are known, though not how many there are.
    if let Some((of, list)) = open_list(cx, env, count) {
        let hash = expression_hash(of);
        return run(cx, &list, false, &mut |iteration, value| {
            let reason = match &iteration {
                Iteration::Open(reason) => reason.clone(),
                _ => value.reason().unwrap_or_else(|| UNPLACED.into()),
            };
            let index = Value::unknown_of(reason, Some(Type::Int));
            bind_copy(
                env,
                name,
                resource,
                index,
                Some((hash, value)),
                &mut |env| f(env, iteration.clone()),
            );
        });
    }
    let count = value_of(cx, env, count);
    let iteration = |index: Value, iteration: Iteration, f: &mut dyn FnMut(Env<'_>, Iteration)| {
        bind_copy(env, name, resource, index, None, &mut |env| {
            f(env, iteration.clone())
        });
    };
    let open = |reason: Arc<str>, f: &mut dyn FnMut(Env<'_>, Iteration)| {
        let index = Value::unknown_of(reason.clone(), Some(Type::Int));
        iteration(index, Iteration::Open(reason.clone()), f);
        Iterations {
            known: 0,
            open: Some(reason),
            non_empty: false,
        }
    };
    match count.kind {
        Kind::Int(count @ 0..=MAX_COPIES) => {
            for index in 0..count {
                iteration(Value::int(index), Iteration::Known(Some(index)), f);
            }
            if count == 0 && resource {
                iteration(
                    Value::unknown_of(NEVER, Some(Type::Int)),
                    Iteration::Never,
                    f,
                );
            }
            Iterations {
                known: count as usize,
                open: None,
                non_empty: count > 0,
            }
        }
        _ => {
            let reason = count.reason();
            open(reason.unwrap_or_else(|| NO_COUNT.into()), f)
        }
    }
}

/// Runs `f` once, at the iteration with this index.
pub(crate) fn at_iteration<R>(
    cx: &Context<'_>,
    env: Env<'_>,
    over: &Loop,
    index: &Value,
    f: impl FnOnce(Env<'_>) -> R,
) -> Option<R> {
    let f = Cell::new(Some(f));
    let mut result = None;
    let mut call = |env: Env<'_>| {
        if let Some(f) = f.take() {
            result = Some(f(env));
        }
    };
    match over {
        Loop::Items {
            item,
            index: name,
            over,
        } => {
            let list = value_of(cx, env, over);
            let value = super::evaluate::get(&list, index, false);
            let iteration = match index.kind {
                Kind::Int(index) => Iteration::Known(Some(index)),
                _ => Iteration::Open(index.reason().unwrap_or_else(|| TOO_LARGE.into())),
            };
            bind_item(env, item, name.as_ref(), &iteration, value, &mut call);
        }
        Loop::Count { name, .. } => bind_copy(env, name, true, index.clone(), None, &mut call),
    }
    result
}

fn run(
    cx: &Context<'_>,
    list: &Value,
    never: bool,
    f: &mut dyn FnMut(Iteration, Value),
) -> Iterations {
    let mut iterations = Iterations {
        known: 0,
        open: None,
        non_empty: false,
    };
    match &list.kind {
        Kind::Array(array) if array.items.len() <= MAX_COPIES as usize => {
            iterations.known = array.items.len();
            iterations.open = array.open.clone();
            iterations.non_empty = iterations.known > 0;
            for (index, value) in (0..).zip(&array.items) {
                if !cx.spend(1) {
                    iterations.open = Some(TOO_LARGE.into());
                    break;
                }
                let index = array.open.is_none().then_some(index);
                f(Iteration::Known(index), value.clone());
            }
        }
        Kind::Array(_) => iterations.open = Some(NO_COUNT.into()),
        Kind::Unknown(unknown) => {
            iterations.open = Some(unknown.reason.clone());
            iterations.non_empty = unknown.non_empty;
        }
        _ => iterations.open = Some("a loop runs over what is no array".into()),
    }
    if never && iterations.known == 0 && iterations.open.is_none() {
        f(Iteration::Never, Value::unknown(NEVER));
    }
    if let Some(reason) = &iterations.open {
        f(
            Iteration::Open(reason.clone()),
            Value::unknown(reason.clone()),
        );
    }
    iterations
}

/// The argument of `length(x)` and its value, where that is an array not all of whose elements are known.
fn open_list<'e>(cx: &Context<'_>, env: Env<'_>, count: &'e Expr) -> Option<(&'e Expr, Value)> {
    let of = length_of(count)?;
    let list = value_of(cx, env.reading(), of);
    matches!(&list.kind, Kind::Array(array) if array.open.is_some() && !array.items.is_empty())
        .then_some((of, list))
}

/// The argument of `length(x)`.
fn length_of(count: &Expr) -> Option<&Expr> {
    match &count.kind {
        ExprKind::Call { name, args, .. } if name.is("length") && args.len() == 1 => args.first(),
        _ => None,
    }
}

/// A hash under which equal expressions are equal wherever they are.
pub(crate) fn expression_hash(expr: &Expr) -> u64 {
    use std::hash::{Hash, Hasher};
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    expr.hash(&mut hasher);
    hasher.finish()
}

fn bind_item(
    env: Env<'_>,
    item: &Ident,
    index: Option<&Ident>,
    iteration: &Iteration,
    value: Value,
    f: &mut dyn FnMut(Env<'_>),
) {
    let number = match iteration {
        Iteration::Known(Some(number)) => Value::int(*number),
        Iteration::Known(None) => Value::unknown_of(UNPLACED, Some(Type::Int)),
        Iteration::Never => Value::unknown_of(NEVER, Some(Type::Int)),
        Iteration::Open(reason) => Value::unknown_of(reason.clone(), Some(Type::Int)),
    };
    let element = Local {
        outer: env.locals,
        binding: Binding::Value(item, value),
    };
    let env = env.with(&element);
    match index {
        Some(name) => {
            let position = Local {
                outer: env.locals,
                binding: Binding::Value(name, number),
            };
            f(env.with(&position));
        }
        None => f(env),
    }
}

fn bind_copy(
    env: Env<'_>,
    name: &Ident,
    resource: bool,
    index: Value,
    element: Option<(u64, Value)>,
    f: &mut dyn FnMut(Env<'_>),
) {
    let local = Local {
        outer: env.locals,
        binding: Binding::Copy {
            name,
            resource,
            index,
            element,
        },
    };
    f(env.with(&local));
}
