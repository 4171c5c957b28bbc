//! Resolves the use of a module to the template it deploys: a file, a nested or computed template, a public module, or
//! nothing that can be read.

use std::cell::OnceCell;
use std::sync::Arc;

use super::context::Context;
use super::evaluate::{reason_of, value_of};
use super::json::{Text, json_text};
use super::scope::{Env, Frame, Inputs, Origin};
use super::value::{Kind, Value};
use super::{DeploymentScope, Loaded, known, places};
use crate::model::lower::NoMemo;
use crate::model::lower_arm::lower_arm;
use crate::model::{Expr, ExprKind, FileId, ItemKey, Module, NodeRef, Target, Template};
use crate::syntax::language;

/// Where a module use leads.
pub(crate) enum Entered<'s> {
    /// To a template: a point in it, and where it is deployed.
    Template {
        env: Env<'s>,
        scope: &'s DeploymentScope,
    },
    /// Nowhere.
    Unread {
        /// As written or evaluated.
        reference: Arc<str>,
        reason: Arc<str>,
        harmless: bool,
    },
    /// Back to a file it comes from.
    Cycle,
}

/// What is requested of a module.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked {
    Resources,
    Outputs,
}

/// Enters a module, written in `env` at a point where its loop variables are bound.
pub(crate) fn enter<R>(
    cx: &Context<'_>,
    env: Env<'_>,
    here: &DeploymentScope,
    module: &Module,
    what: Asked,
    f: impl FnOnce(Entered<'_>) -> R,
) -> R {
    let (origin, text) = match find(cx, env, module, what) {
        Found::Template(origin, text) => (origin, text),
        Found::Nothing(why) => return f(why),
    };
    let scope = &places::of_module(cx, env, here, module);
    let inputs = Inputs::Module {
        env,
        name: module.declaration.name.as_ref(),
        arguments: module.arguments.as_ref(),
        whole: OnceCell::new(),
    };
    let mut frame = Frame::new(origin, inputs, scope.clone());
    frame.text = text;
    f(Entered::Template {
        env: frame.env(0),
        scope,
    })
}

/// What a module's target is: a template, with its [`Frame::text`], or none.
enum Found<'e> {
    Template(Origin, Option<Env<'e>>),
    Nothing(Entered<'static>),
}

fn find<'e>(cx: &Context<'_>, env: Env<'e>, module: &Module, what: Asked) -> Found<'e> {
    match &module.target {
        Target::Inline(inline) => {
            let inner = is_inner(cx, env, module);
            let text = match inner.as_bool() {
                Some(true) => env.text.copied(),
                Some(false) => Some(env),
                None => return unread("a nested template", reason_of(&inner)),
            };
            Found::Template(env.origin.nested(env.item, inline), text)
        }
        Target::Reference(reference) => load(cx, env, what, (env.origin.file, &reference.text)),
        Target::Relative(link) | Target::Uri(link) => {
            let link = value_of(cx, env, link);
            let named = match &link.kind {
                Kind::Str(path) => Some((env.origin.file, &**path)),
                Kind::Unknown(unknown) => unknown.link(),
                _ => None,
            };
            match named {
                Some(named) => load(cx, env, what, named),
                None => unread("a linked template", reason_of(&link)),
            }
        }
        Target::TemplateSpec(id) => {
            let id = value_of(cx, env, id);
            match id.as_str().map(|id| (id, template_spec(id))) {
                Some((_, Some(spec))) => load(cx, env, what, (env.origin.file, &spec)),
                Some((id, None)) => unread(id, "a template spec is not read".into()),
                None => unread("a template spec", reason_of(&id)),
            }
        }
        Target::Value(value) => computed(cx, env, module, value),
        Target::Missing => unread("a deployment", "it names no template".into()),
    }
}

/// A template that is a value.
fn computed<'e>(cx: &Context<'_>, env: Env<'e>, module: &Module, expr: &Expr) -> Found<'e> {
    let mut value = value_of(cx, env, expr);
    let inner = is_inner(cx, env, module);
    let Some(inner) = inner.as_bool() else {
        return unread("a nested template", reason_of(&inner));
    };
    // Bicep writes the brackets of a literal twice; without outer scope nothing takes one away again.
    if inner && env.is_bicep() && matches!(expr.kind, ExprKind::Object(_)) {
        value = escaped(&value);
    }
    if let Some(read) = read_back(cx, &value) {
        let place = env.place(module.declaration.type_node);
        return Found::Template(Origin::computed(read, place), None);
    }
    let reason = match json_text(&value) {
        Text::Unknown(reason) => reason,
        Text::Known(_) => "it is no template".into(),
    };
    unread("a computed template", reason)
}

/// Whether a nested template is evaluated by itself.
fn is_inner(cx: &Context<'_>, env: Env<'_>, module: &Module) -> Value {
    let Some(scope) = &module.evaluation else {
        return Value::bool(module.versioned);
    };
    let scope = value_of(cx, env, scope);
    match scope.as_str() {
        Some(scope) if scope.eq_ignore_ascii_case("inner") => Value::bool(true),
        Some(scope) if scope.eq_ignore_ascii_case("notSpecified") => Value::bool(module.versioned),
        Some(scope) if !scope.eq_ignore_ascii_case("outer") => {
            Value::unknown(format!("there is no evaluation scope '{scope}'"))
        }
        Some(_) if module.versioned => Value::unknown("languageVersion 2.0 allows no outer scope"),
        Some(_) => Value::bool(false),
        None if scope.is_null() => Value::bool(module.versioned),
        None => Value::unknown(reason_of(&scope)),
    }
}

fn unread(reference: &str, reason: Arc<str>) -> Found<'static> {
    Found::Nothing(Entered::Unread {
        reference: reference.into(),
        reason,
        harmless: false,
    })
}

/// What a reference, relative to a file, leads to.
fn load<'e>(
    cx: &Context<'_>,
    env: Env<'e>,
    what: Asked,
    (file, reference): (FileId, &str),
) -> Found<'e> {
    let loaded = match what {
        Asked::Resources => cx.files.load(file, reference),
        Asked::Outputs => cx.files.load_outputs(file, reference),
    };
    match loaded {
        Loaded::Template(file, _) if is_inside(env, file) => Found::Nothing(Entered::Cycle),
        Loaded::Template(file, read) => {
            Found::Template(Origin::new(file, read, ItemKey::FILE), None)
        }
        Loaded::Known(read) => Found::Template(Origin::computed(read, known::NOWHERE), None),
        Loaded::Harmless(reason) => Found::Nothing(Entered::Unread {
            reference: reference.into(),
            reason,
            harmless: true,
        }),
        Loaded::Unread(reason) => unread(reference, reason),
    }
}

/// Whether the point is in a use of `file`, however many modules further in.
fn is_inside(env: Env<'_>, file: FileId) -> bool {
    let mut env = env;
    loop {
        if env.origin.file == file || env.frame.origin.file == file {
            return true;
        }
        match &env.frame.inputs {
            Inputs::Module { env: outer, .. } => env = *outer,
            _ => return false,
        }
    }
}

/// A value whose texts in brackets are texts to a deployment too.
fn escaped(value: &Value) -> Value {
    match value.as_str() {
        Some(text) if text.starts_with('[') && text.ends_with(']') => {
            Value::string(format!("[{text}"))
        }
        _ => value.clone().map_parts(escaped),
    }
}

/// A value as a template: what `"template": "[variables('$fxv#0')]"` deploys.
fn read_back(cx: &Context<'_>, value: &Value) -> Option<Arc<Template>> {
    let Kind::Object(_) = &value.kind else {
        return None;
    };
    let Text::Known(text) = json_text(value) else {
        return None;
    };
    if !cx.spend(text.len() / 8) {
        return None;
    }
    let tree = language::parse(language::json(), &*text, None);
    Some(lower_arm(&tree, &*text, &NoMemo).template)
}

/// `/subscriptions/s/resourceGroups/g/providers/Microsoft.Resources/templateSpecs/n/versions/v` as Bicep writes it.
fn template_spec(id: &str) -> Option<String> {
    let parts: Vec<&str> = id.split('/').filter(|part| !part.is_empty()).collect();
    let after = |name: &str| {
        let at = parts
            .iter()
            .position(|part| part.eq_ignore_ascii_case(name))?;
        parts.get(at + 1).copied()
    };
    let (subscription, group) = (after("subscriptions")?, after("resourceGroups")?);
    let (name, version) = (after("templateSpecs")?, after("versions")?);
    Some(format!("ts:{subscription}/{group}/{name}:{version}"))
}

/// Where the module is used: its path literal, or the deployment's type.
pub(crate) fn place_of(env: Env<'_>, module: &Module) -> NodeRef {
    let node = match &module.target {
        Target::Reference(reference) => reference.node,
        _ => module.declaration.type_node,
    };
    env.place(node)
}
