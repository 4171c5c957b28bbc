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
use crate::model::{ExprKind, FileId, ItemKey, Module, NodeRef, Target, Template};
use crate::syntax::language;

/// Where a module use leads.
pub(crate) enum Entered<'s> {
    /// To a template: a point in it, and where it is deployed.
    Template {
        env: Env<'s>,
        scope: &'s DeploymentScope,
        /// The file, where it is one of its own.
        file: Option<FileId>,
        /// The template represents a public module that was not read.
        known: bool,
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
pub(crate) fn enter(
    cx: &Context<'_>,
    env: Env<'_>,
    here: &DeploymentScope,
    module: &Module,
    what: Asked,
    f: &mut dyn FnMut(Entered<'_>),
) {
    match &module.target {
        Target::Inline(template) => {
            let inner = is_inner(cx, env, module);
            let text = match inner.as_bool() {
                Some(true) => env.text.copied(),
                Some(false) => Some(env),
                None => return unread("a nested template", reason_of(&inner), f),
            };
            let origin = env.origin.nested(env.item, template);
            let scope = places::of_module(cx, env, here, module);
            with_frame(env, module, (origin, text), &scope, (None, false), f);
        }
        Target::Reference(reference) => {
            load(cx, env, here, module, (what, &reference.text), f);
        }
        Target::Relative(path) => {
            let path = value_of(cx, env, path);
            match &path.kind {
                Kind::Str(path) => load(cx, env, here, module, (what, path), f),
                _ => unread("a linked template", reason_of(&path), f),
            }
        }
        Target::Uri(uri) => {
            let uri = value_of(cx, env, uri);
            let link = match &uri.kind {
                Kind::Str(uri) => Some((env.origin.file, &**uri)),
                Kind::Unknown(unknown) => unknown.link(),
                _ => None,
            };
            match link {
                Some((from, path)) => load_from(cx, env, here, module, (from, what, path), f),
                None => unread("a linked template", reason_of(&uri), f),
            }
        }
        Target::TemplateSpec(id) => {
            let id = value_of(cx, env, id);
            match &id.kind {
                Kind::Str(id) => match template_spec(id) {
                    Some(reference) => load(cx, env, here, module, (what, &reference), f),
                    None => unread(id, "a template spec is not read".into(), f),
                },
                _ => unread("a template spec", reason_of(&id), f),
            }
        }
        Target::Value(template) => {
            let mut value = value_of(cx, env, template);
            let inner = is_inner(cx, env, module);
            let Some(inner) = inner.as_bool() else {
                return unread("a nested template", reason_of(&inner), f);
            };
            // Bicep writes the brackets of a literal twice; without outer scope nothing takes one away again.
            if inner && env.is_bicep() && matches!(template.kind, ExprKind::Object(_)) {
                value = escaped(&value);
            }
            let Some(template) = read_back(cx, &value) else {
                let reason = match json_text(&value) {
                    Text::Unknown(reason) => reason,
                    Text::Known(_) => "it is no template".into(),
                };
                return unread("a computed template", reason, f);
            };
            let origin = Origin::computed(template, env.place(module.declaration.type_node));
            let scope = places::of_module(cx, env, here, module);
            with_frame(env, module, (origin, None), &scope, (None, false), f);
        }
        Target::Missing => unread("a deployment", "it names no template".into(), f),
    }
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

fn unread(reference: &str, reason: Arc<str>, f: &mut dyn FnMut(Entered<'_>)) {
    f(Entered::Unread {
        reference: reference.into(),
        reason,
        harmless: false,
    });
}

fn load(
    cx: &Context<'_>,
    env: Env<'_>,
    here: &DeploymentScope,
    module: &Module,
    (what, reference): (Asked, &str),
    f: &mut dyn FnMut(Entered<'_>),
) {
    load_from(cx, env, here, module, (env.origin.file, what, reference), f);
}

fn load_from(
    cx: &Context<'_>,
    env: Env<'_>,
    here: &DeploymentScope,
    module: &Module,
    (file, what, reference): (FileId, Asked, &str),
    f: &mut dyn FnMut(Entered<'_>),
) {
    let loaded = match what {
        Asked::Resources => cx.files.load(file, reference),
        Asked::Outputs => cx.files.load_outputs(file, reference),
    };
    match loaded {
        Loaded::Template(file, template) => {
            if is_inside(env, file) {
                return f(Entered::Cycle);
            }
            let scope = places::of_module(cx, env, here, module);
            let origin = Origin::new(file, template, ItemKey::FILE);
            with_frame(env, module, (origin, None), &scope, (Some(file), false), f);
        }
        Loaded::Known(template) => {
            let scope = places::of_module(cx, env, here, module);
            let origin = Origin::computed(template, known::NOWHERE);
            with_frame(env, module, (origin, None), &scope, (None, true), f);
        }
        Loaded::Harmless(reason) => f(Entered::Unread {
            reference: reference.into(),
            reason,
            harmless: true,
        }),
        Loaded::Unread(reason) => unread(reference, reason, f),
    }
}

fn with_frame(
    env: Env<'_>,
    module: &Module,
    (origin, text): (Origin, Option<Env<'_>>),
    scope: &DeploymentScope,
    (file, known): (Option<FileId>, bool),
    f: &mut dyn FnMut(Entered<'_>),
) {
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
        file,
        known,
    });
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
