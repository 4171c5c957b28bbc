//! Whether a declaration is deployed: its own condition and loop, and those of the modules that contain it.

use std::sync::Arc;

use super::canonical::Canonical;
use super::context::Context;
use super::evaluate::{reason_of, value_of};
use super::scope::Env;
use super::value::{Kind, Value};
use super::{Existence, Uncertainty, Unmet, canonicalize, print};
use crate::model::{Expr, Loop, NodeRef};

impl Existence {
    /// Both: no is stronger than maybe, maybe than definitely.
    pub(crate) fn and(&self, other: Existence) -> Existence {
        match (self, other) {
            (Existence::Never(unmet), _) => Existence::Never(unmet.clone()),
            (_, Existence::Never(unmet)) => Existence::Never(unmet),
            (Existence::Always, other) => other,
            (_, Existence::Always) => self.clone(),
            (Existence::Conditional(a), Existence::Conditional(b)) => {
                Existence::Conditional(Arc::new(both(a, &b)))
            }
        }
    }
}

fn both(a: &Uncertainty, b: &Uncertainty) -> Uncertainty {
    let new = |condition: &&Arc<Canonical>| a.conditions.binary_search(condition).is_err();
    let says_more = b.opaque || b.unknown_loop || b.conditions.iter().any(|c| new(&c));
    let mut conditions = a.conditions.to_vec();
    conditions.extend(b.conditions.iter().filter(new).cloned());
    conditions.sort_unstable();
    let text = match says_more {
        true => format!("{} and {}", a.text, b.text).into(),
        false => a.text.clone(),
    };
    Uncertainty {
        conditions: conditions.into(),
        opaque: a.opaque || b.opaque,
        unknown_loop: a.unknown_loop || b.unknown_loop,
        reason: a.reason.clone(),
        text,
        place: a.place.or(b.place),
    }
}

/// The conjunction of conditions.
pub(crate) fn of_conditions(cx: &Context<'_>, env: Env<'_>, conditions: &[Expr]) -> Existence {
    let mut existence = Existence::Always;
    for condition in conditions {
        let value = value_of(cx, env, condition);
        match value.as_bool() {
            Some(true) => {}
            // Where the value comes from may be elsewhere; the condition is what a reader looks for.
            Some(false) => return Existence::Never(Some(unmet(env, condition))),
            None => existence = existence.and(uncertainty(cx, env, condition, &value)),
        }
    }
    existence
}

/// A condition that is false.
pub(crate) fn unmet(env: Env<'_>, condition: &Expr) -> Unmet {
    Unmet {
        place: env.place(condition.node),
        text: print::print(condition, env.is_bicep()).into(),
    }
}

/// A condition that is not known.
fn uncertainty(cx: &Context<'_>, env: Env<'_>, condition: &Expr, value: &Value) -> Existence {
    let canonical = canonicalize::condition(cx, env, condition);
    match canonical.as_ref().and_then(|c| c.as_constant()) {
        Some(true) => return Existence::Always,
        Some(false) => return Existence::Never(Some(unmet(env, condition))),
        None => {}
    }
    let mut conditions = match &canonical {
        Some(canonical) => Canonical::conjuncts(canonical).to_vec(),
        None => Vec::new(),
    };
    conditions.sort_unstable();
    Existence::Conditional(Arc::new(Uncertainty {
        conditions: conditions.into(),
        opaque: canonical.is_none(),
        unknown_loop: false,
        reason: reason_of(value),
        text: print::print(condition, env.is_bicep()).into(),
        place: Some(env.place(condition.node)),
    }))
}

/// What does not compile is not deployed; what it would deploy is uncertain.
pub(crate) fn of_fault(reason: Arc<str>, place: NodeRef) -> Existence {
    Existence::Conditional(Arc::new(Uncertainty {
        conditions: Box::new([]),
        opaque: true,
        unknown_loop: false,
        text: reason.clone(),
        reason,
        place: Some(place),
    }))
}

/// An iteration that represents any number of iterations.
pub(crate) fn of_open_loop(
    cx: &Context<'_>,
    env: Env<'_>,
    over: &Loop,
    reason: Arc<str>,
) -> Existence {
    let list = over.expression();
    let value = canonicalize::with_canonical(cx, env, list, value_of(cx, env, list));
    let canonical = match &value.kind {
        Kind::Unknown(unknown) => unknown.canonical.as_ref(),
        _ => None,
    };
    let condition = canonical.and_then(|list| match &**list {
        Canonical::Atom(text) => Some(Canonical::atom(format!("loop over {text}"))),
        _ => None,
    });
    Existence::Conditional(Arc::new(Uncertainty {
        opaque: condition.is_none(),
        // Two loops over one list run equally often.
        conditions: condition.into_iter().collect(),
        unknown_loop: true,
        reason,
        text: print::print(over.expression(), env.is_bicep()).into(),
        place: Some(loop_place(env, over)),
    }))
}

/// The position of the expression of a loop.
pub(crate) fn loop_place(env: Env<'_>, over: &Loop) -> NodeRef {
    env.place(over.expression().node)
}
