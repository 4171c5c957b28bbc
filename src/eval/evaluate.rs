//! Evaluates an expression at a point of a template. Total: what cannot be known is unknown with a reason.

use std::sync::Arc;

use super::context::{Context, MAX_TEXT, too_large};
use super::loops::{Iteration, each_iteration, expression_hash};
use super::merge::merge;
use super::scope::{Binding, Env, Section};
use super::value::{Choice, Kind, MAX_ONE_OF, Members, Type, Unknown, Value};
use super::{functions, lookup, symbols};
use crate::model::lower_arm::lower_string;
use crate::model::{Element, Expr, ExprKind, FileKind, ForExpr, Ident, Member};

/// The value of an expression.
pub(crate) fn value_of(cx: &Context<'_>, env: Env<'_>, expr: &Expr) -> Value {
    if !cx.spend(1) {
        return too_large();
    }
    let kind = match &expr.kind {
        ExprKind::Null => Kind::Null,
        ExprKind::Bool(value) => Kind::Bool(*value),
        ExprKind::Int(value) => Kind::Int(*value),
        ExprKind::Float(value) => Kind::Float(value.0),
        ExprKind::Str(_) if env.text.is_some() => {
            return cx.deeper(|| text_value(cx, env, expr));
        }
        ExprKind::Str(text) => Kind::Str(text.clone()),
        // The texts within are evaluated one by one.
        ExprKind::Array(_) | ExprKind::Object(_) | ExprKind::For(_) => {
            return cx.deeper(|| compound(cx, env, expr));
        }
        _ if env.text.is_some() => return cx.deeper(|| text_value(cx, env, expr)),
        _ => return cx.deeper(|| compound(cx, env, expr)),
    };
    Value::of(kind).at(env.place(expr.node))
}

/// The value of a whole text in a nested template of outer scope: the deployments around evaluate it first, outermost
/// first; text in brackets that results is an expression of the nested deployment.
fn text_value(cx: &Context<'_>, env: Env<'_>, expr: &Expr) -> Value {
    let Some(first) = env.text else {
        return value_of(cx, env, expr);
    };
    let first = Env {
        origin: env.origin,
        item: env.item,
        ..*first
    };
    let value = value_of(cx, first, expr);
    if !value.as_str().is_some_and(|text| text.starts_with('[')) {
        return value;
    }
    let super::json::Text::Known(token) = super::json::json_text(&value) else {
        return value;
    };
    let again = lower_string(&token);
    let place = env.place(expr.node);
    let own = Env { text: None, ..env };
    value_of(cx, own, &again).at(place)
}

/// As [`value_of`], for values that leave the template: symbols of resources become unknown.
pub(crate) fn settled(cx: &Context<'_>, env: Env<'_>, expr: &Expr) -> Value {
    symbols::settle(cx, env, value_of(cx, env, expr))
}

fn compound(cx: &Context<'_>, env: Env<'_>, expr: &Expr) -> Value {
    match &expr.kind {
        ExprKind::Name(name) => name_value(cx, env, name),
        ExprKind::Concat(pieces) => {
            let values: Vec<Value> = pieces.iter().map(|p| value_of(cx, env, p)).collect();
            lift(&values, &mut |values| concat(cx, values))
        }
        ExprKind::Array(elements) => array(cx, env, elements, expr),
        ExprKind::Object(members) => object(cx, env, members, expr),
        ExprKind::Call {
            namespace,
            name,
            args,
        } => functions::call(cx, env, namespace.as_ref(), name, args),
        ExprKind::Method { base, name, args } => method(cx, env, base, name, args),
        ExprKind::Get {
            base,
            key,
            safe,
            from_end,
        } => {
            if let Some(element) = element_of_iteration(env, base, key) {
                return element;
            }
            let chained = !safe && in_safe_chain(base);
            let base = value_of(cx, env, base);
            let key = value_of(cx, env, key);
            if let Kind::Internal(internal) = &base.kind {
                return symbols::property(cx, env, internal, &key, *safe || chained);
            }
            let read = |base: &Value| match from_end {
                true => get_from_end(base, &key, *safe),
                false => get(base, &key, *safe),
            };
            match &base.kind {
                Kind::Null if chained => Value::NULL,
                Kind::OneOf(values) if chained => {
                    let read = |base: &Value| {
                        if base.is_null() {
                            Value::NULL
                        } else {
                            read(base)
                        }
                    };
                    merge(values.iter().map(read), &values.reason)
                }
                _ => read(&base),
            }
        }
        ExprKind::Nested { base, name } => symbols::nested(cx, env, base, name),
        ExprKind::Lambda { .. } => Value::unknown("a lambda is used where a value is needed"),
        ExprKind::For(over) => for_value(cx, env, over),
        ExprKind::Invalid(reason) => Value::unknown(reason.clone()),
        // Scalars were answered by the caller.
        _ => Value::NULL,
    }
}

fn name_value(cx: &Context<'_>, env: Env<'_>, name: &Ident) -> Value {
    if let Some(value) = env.local(name.as_str()) {
        return value.clone();
    }
    if let Some(nested) = symbols::nested_here(env, name) {
        return nested;
    }
    if let Some(symbol) = env.frame.find(Section::Value, name.as_str()) {
        return lookup::symbol_value(cx, env.frame, symbol);
    }
    if name.is("base") && env.frame.origin.template.kind == FileKind::BicepParams {
        return super::parameters::base(cx, env.frame);
    }
    Value::unknown(format!("there is no '{name}'"))
}

/// `alias.f(…)` of an import, else a method of a resource, which asks Azure.
fn method(cx: &Context<'_>, env: Env<'_>, base: &Expr, name: &Ident, args: &[Expr]) -> Value {
    if let ExprKind::Name(alias) = &base.kind
        && env.local(alias.as_str()).is_none()
    {
        let is_import = matches!(
            env.frame.find(Section::Value, alias.as_str()),
            Some(super::scope::Symbol::Namespace(_))
        );
        if is_import || alias.is("sys") || alias.is("az") {
            return functions::call(cx, env, Some(alias), name, args);
        }
    }
    Value::unknown(format!("{name}() is known only after deployment"))
}

fn array(cx: &Context<'_>, env: Env<'_>, elements: &[Element], expr: &Expr) -> Value {
    let mut items = Vec::with_capacity(elements.len());
    let mut open = None;
    let mut spread = false;
    for element in elements {
        let value = value_of(cx, env, &element.value);
        if !element.spread {
            items.push(symbols::settle_one(cx, env, value));
            continue;
        }
        spread = true;
        match symbols::listed(cx, env, value).kind {
            Kind::Array(array) => {
                if !cx.spend(array.items.len()) {
                    return too_large();
                }
                items.extend(array.items.iter().cloned());
                open = open.or_else(|| array.open.clone());
            }
            kind => open = open.or_else(|| Some(reason_of(&Value::of(kind)))),
        }
    }
    let value = Value::array(items, open);
    match spread {
        true => value,
        false => value.at(env.place(expr.node)),
    }
}

fn object(cx: &Context<'_>, env: Env<'_>, written: &[Member], expr: &Expr) -> Value {
    let mut members = Members::with_capacity_and_hasher(written.len(), Default::default());
    let mut open = None;
    let mut spread = false;
    for (number, member) in written.iter().enumerate() {
        match member {
            Member::Property { key, value } => {
                let value = settled_member(cx, env, value);
                let key = match &key.kind {
                    ExprKind::Str(text) => Kind::Str(text.clone()),
                    _ => value_of(cx, env, key).kind,
                };
                match key {
                    Kind::Str(text) => {
                        let name = Ident::new(text);
                        let twice = env.is_bicep()
                            && !written[..number]
                                .iter()
                                .any(|m| matches!(m, Member::Spread(_)))
                            && members.contains_key(&name);
                        let value = match twice {
                            true => Value::unknown(format!("the key '{name}' is written twice")),
                            false => value,
                        };
                        let (at, before) = members.insert_full(name.clone(), value);
                        let kept = members.get_index(at).map(|(kept, _)| kept.as_str());
                        // With a spread around, members are merged without regard to case; the first spelling stays.
                        let merged =
                            |at| written[..at].iter().any(|m| matches!(m, Member::Spread(_)));
                        if before.is_some() && kept != Some(name.as_str()) && !merged(number) {
                            return with_keys_of_each_case(cx, env, written);
                        }
                    }
                    key => open = open.or_else(|| Some(reason_of(&Value::of(key)))),
                }
            }
            Member::Spread(value) => {
                spread = true;
                match value_of(cx, env, value).kind {
                    Kind::Object(object) => {
                        if !cx.spend(object.members.len()) {
                            return too_large();
                        }
                        for (name, value) in &object.members {
                            members.insert(name.clone(), value.clone());
                        }
                        if object.open.is_some() {
                            forget(&mut members, &object.members, object.open.as_ref());
                        }
                        open = open.or_else(|| object.open.clone());
                    }
                    kind => {
                        let reason = reason_of(&Value::of(kind));
                        forget(&mut members, &Members::default(), Some(&reason));
                        open = open.or(Some(reason));
                    }
                }
            }
        }
    }
    let value = Value::object(members, open);
    match spread {
        true => value,
        false => value.at(env.place(expr.node)),
    }
}

/// An object with keys that differ in case alone, of which only members read in equal case are known.
fn with_keys_of_each_case(cx: &Context<'_>, env: Env<'_>, written: &[Member]) -> Value {
    let pair = |member: &Member| match member {
        Member::Property { key, value } => {
            let key = Arc::from(value_of(cx, env, key).as_str()?);
            Some((key, settled_member(cx, env, value)))
        }
        Member::Spread(_) => None,
    };
    Unknown {
        reason: "keys differ only in case".into(),
        ty: Some(Type::Object),
        non_empty: true,
        members: written.iter().map(pair).collect(),
        ..Unknown::default()
    }
    .into()
}

fn settled_member(cx: &Context<'_>, env: Env<'_>, value: &Expr) -> Value {
    let value = value_of(cx, env, value);
    symbols::settle_one(cx, env, value)
}

/// An object that may hold any member was laid over `members`: what it does not definitely hold is uncertain.
pub(crate) fn forget(members: &mut Members, over: &Members, reason: Option<&Arc<str>>) {
    let Some(reason) = reason else { return };
    for (name, value) in members.iter_mut() {
        if !over.contains_key(name) {
            *value = Value::unknown(reason.clone());
        }
    }
}

fn for_value(cx: &Context<'_>, env: Env<'_>, over: &ForExpr) -> Value {
    let mut items = Vec::new();
    let mut open: Option<Arc<str>> = None;
    let iterations = each_iteration(cx, env, &over.over, false, &mut |env, iteration| {
        let condition = over.condition.as_ref().map(|c| value_of(cx, env, c));
        match (iteration, condition.as_ref().map(|c| c.as_bool())) {
            (_, Some(Some(false))) | (Iteration::Never, _) => {}
            (Iteration::Known(_), None | Some(Some(true))) => {
                items.push(settled_member(cx, env, &over.body));
            }
            (Iteration::Known(_), Some(None)) => {
                let reason = condition.as_ref().map(reason_of);
                open = open.take().or(reason);
            }
            (Iteration::Open(reason), _) => open = open.take().or(Some(reason)),
        }
    });
    if items.is_empty() && iterations.non_empty && over.condition.is_none() {
        let reason = open.unwrap_or_else(|| super::value::TOO_LARGE.into());
        return Value::unknown_of(reason, Some(Type::Array)).non_empty();
    }
    Value::array(items, open)
}

/// `x[copyIndex()]` in a loop of `length(x)` iterations, where the element is known though its position is not.
fn element_of_iteration(env: Env<'_>, base: &Expr, key: &Expr) -> Option<Value> {
    let ExprKind::Call { name, args, .. } = &key.kind else {
        return None;
    };
    if !name.is("copyIndex") {
        return None;
    }
    let mut next = env.locals;
    while let Some(local) = next {
        if let Binding::Copy {
            name,
            element,
            resource,
            ..
        } = &local.binding
            && match args.first() {
                Some(wanted) => wanted.as_str().is_some_and(|wanted| name.is(wanted)),
                None => *resource,
            }
        {
            let (hash, value) = element.as_ref()?;
            return (*hash == expression_hash(base)).then(|| value.clone());
        }
        next = local.outer;
    }
    None
}

/// `a.?b.c` gives null where `b` is absent: what is read of null after `.?` is null.
fn in_safe_chain(mut base: &Expr) -> bool {
    while let ExprKind::Get {
        base: inner, safe, ..
    } = &base.kind
    {
        if *safe {
            return true;
        }
        base = inner;
    }
    false
}

/// `base[key]`, of values that are no symbols.
pub(crate) fn get(base: &Value, key: &Value, safe: bool) -> Value {
    match (&base.kind, &key.kind) {
        (Kind::Unknown(unknown), _) => {
            let mut written = unknown.members.iter().flat_map(|it| it.iter().rev());
            let member = written.find(|(name, _)| Some(&**name) == key.as_str());
            let other = || Value::unknown(unknown.reason.clone());
            member.map_or_else(other, |(_, value)| value.clone())
        }
        (Kind::OneOf(values), _) => merge(
            values.iter().map(|base| get(base, key, safe)),
            &values.reason,
        ),
        (_, Kind::OneOf(keys)) => merge(keys.iter().map(|key| get(base, key, safe)), &keys.reason),
        (Kind::Null, _) if safe => Value::NULL,
        (Kind::Null, _) => Value::unknown("null has no members"),
        (Kind::Object(object), Kind::Str(name)) => {
            match object.members.get(&crate::model::ident::Folded(name)) {
                Some(value) => value.clone(),
                None => match &object.open {
                    Some(reason) => Value::unknown(reason.clone()),
                    None if safe => Value::NULL,
                    None => Value::unknown(format!("there is no member '{name}'")),
                },
            }
        }
        (Kind::Array(array), Kind::Int(index)) => match &array.open {
            Some(reason) => Value::unknown(reason.clone()),
            None => {
                let found = usize::try_from(*index)
                    .ok()
                    .and_then(|i| array.items.get(i));
                match found {
                    Some(value) => value.clone(),
                    None if safe => Value::NULL,
                    None => Value::unknown(format!("there is no element {index}")),
                }
            }
        },
        // Any member or element: what they have in common.
        (Kind::Object(object), Kind::Unknown(key))
            if object.open.is_none() && few(object.members.len()) && !safe =>
        {
            merge(object.members.values().cloned(), &key.reason)
        }
        (Kind::Array(array), Kind::Unknown(key))
            if array.open.is_none() && few(array.items.len()) && !safe =>
        {
            merge(array.items.iter().cloned(), &key.reason)
        }
        (_, Kind::Unknown(key)) => Value::unknown(key.reason.clone()),
        (_, Kind::Str(_) | Kind::Int(_)) if safe => Value::NULL,
        _ => Value::unknown("a member is read of what has none"),
    }
}

fn few(len: usize) -> bool {
    (1..=MAX_ONE_OF).contains(&len)
}

/// `base[^key]`: the first from the end is 1.
pub(crate) fn get_from_end(base: &Value, key: &Value, safe: bool) -> Value {
    match (&base.kind, &key.kind) {
        (Kind::Array(array), Kind::Int(back)) if array.open.is_none() => {
            let index = (array.items.len() as i64).saturating_sub(*back);
            get(base, &Value::int(index), safe)
        }
        (_, Kind::OneOf(keys)) => merge(
            keys.iter().map(|key| get_from_end(base, key, safe)),
            &keys.reason,
        ),
        _ => get(base, key, safe),
    }
}

/// Applies a function to each combination of the alternatives of its arguments.
pub(crate) fn lift(values: &[Value], f: &mut dyn FnMut(&[Value]) -> Value) -> Value {
    let choices = |value: &Value| match &value.kind {
        Kind::OneOf(choice) => Some(choice.clone()),
        _ => None,
    };
    let Some(first) = values.iter().find_map(choices) else {
        return f(values);
    };
    let reason = first.reason.clone();
    let combinations = values
        .iter()
        .filter_map(choices)
        .fold(1usize, |n, choice| n.saturating_mul(choice.len()));
    if combinations > MAX_ONE_OF {
        let unknown = |value: &Value| match &value.kind {
            Kind::OneOf(choice) => unknown_choice(choice),
            _ => value.clone(),
        };
        let values: Vec<Value> = values.iter().map(unknown).collect();
        return f(&values);
    }
    let results = (0..combinations).map(|mut combination| {
        let pick = |value: &Value| match &value.kind {
            Kind::OneOf(choice) => {
                let which = combination % choice.len();
                combination /= choice.len();
                choice[which].clone()
            }
            _ => value.clone(),
        };
        let picked: Vec<Value> = values.iter().map(pick).collect();
        f(&picked)
    });
    merge(results.collect::<Vec<_>>(), &reason)
}

/// A choice of too many: not known, but still of its type.
fn unknown_choice(choice: &Arc<Choice>) -> Value {
    let value = Value::of(Kind::OneOf(choice.clone()));
    let non_empty = super::merge::is_empty(&value) == Some(false);
    Value::unknown_of(choice.reason.clone(), value.ty()).non_empty_if(non_empty)
}

/// The pieces as text, joined.
pub(crate) fn concat(cx: &Context<'_>, pieces: &[Value]) -> Value {
    let mut text = String::new();
    let mut unknown: Option<Arc<str>> = None;
    for piece in pieces {
        match super::json::text_of(piece) {
            super::json::Text::Known(piece) => {
                text.push_str(&piece);
            }
            super::json::Text::Unknown(reason) => unknown = unknown.or(Some(reason)),
        }
        if text.len() > MAX_TEXT || !cx.spend(text.len() / 32) {
            return Value::unknown_of(super::value::TOO_LARGE, Some(Type::String)).non_empty();
        }
    }
    match unknown {
        Some(reason) => super::pieces::joined(reason, pieces),
        None => Value::string(text),
    }
}

/// Why a value is not what was needed.
pub(crate) fn reason_of(value: &Value) -> Arc<str> {
    match super::merge::why_unknown(value) {
        Some(reason) => reason,
        None => "a value of another type is needed".into(),
    }
}
