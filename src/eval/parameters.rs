//! The values that a parameter file gives: its assignments, and those of the files it extends.

use std::sync::Arc;

use super::context::Context;
use super::evaluate::settled;
use super::expand::Arguments;
use super::scope::Frame;
use super::value::{Members, Value};
use super::{Files, Loaded};
use crate::model::{Assignment, FileId, Ident, ItemKey, ItemKind, NodeRef, Template, item_keys};

/// Files that extend one another are followed this far, and a cycle ends there.
const MAX_EXTENDS: usize = 64;

/// Evaluates a parameter file's assignments (`extends` merged, leaf wins; variables and imports resolved).
pub fn arguments(file: FileId, template: &Arc<Template>, files: &dyn Files) -> Arguments {
    let cx = Context::new(files);
    let mut arguments = Arguments::default();
    collect(&cx, file, template, &mut arguments, &mut Vec::new());
    arguments.fault = fault(file, template, files);
    arguments
}

/// Why a parameter file of Bicep does not compile: it assigns a parameter twice, or one that its template does not have.
fn fault(file: FileId, template: &Arc<Template>, files: &dyn Files) -> Option<(Arc<str>, NodeRef)> {
    let using = template.items.iter().find_map(|item| match &item.kind {
        ItemKind::Using(using) => using.target.as_ref(),
        _ => None,
    })?;
    let Loaded::Template(_, target) = files.load(file, &using.text) else {
        return None;
    };
    let declared = |name: &Ident| {
        let mut items = target.items.iter();
        items.any(|item| {
            matches!(&item.kind, ItemKind::Parameter(it) if it.name == *name) || item.broken
        })
    };
    let mut seen: Vec<&Ident> = Vec::new();
    let keys = item_keys(ItemKey::FILE, template);
    for (item, key) in template.items.iter().zip(keys) {
        let ItemKind::Assignment(Assignment { name, .. }) = &item.kind else {
            continue;
        };
        let place = NodeRef {
            file,
            item: key,
            node: 0,
        };
        if seen.contains(&name) {
            return Some((
                format!("the parameter '{name}' is assigned twice").into(),
                place,
            ));
        }
        if !declared(name) {
            return Some((
                format!("the template has no parameter '{name}'").into(),
                place,
            ));
        }
        seen.push(name);
    }
    None
}

fn collect(
    cx: &Context<'_>,
    file: FileId,
    template: &Arc<Template>,
    arguments: &mut Arguments,
    seen: &mut Vec<FileId>,
) {
    if seen.contains(&file) || seen.len() >= MAX_EXTENDS {
        return;
    }
    seen.push(file);
    for item in &template.items {
        if let ItemKind::Extends(base) = &item.kind
            && let Loaded::Template(file, template) = cx.files.load(file, &base.text)
        {
            collect(cx, file, &template, arguments, seen);
        }
    }
    let frame = Frame::alone(file, template.clone());
    for (number, item) in (0u32..).zip(&template.items) {
        if let ItemKind::Assignment(assignment) = &item.kind {
            let value = settled(cx, frame.env(number), &assignment.value);
            arguments.values.insert(assignment.name.clone(), value);
        }
    }
    seen.pop();
}

/// `base` in a parameter file: what the files that it extends give.
pub(crate) fn base(cx: &Context<'_>, frame: &Frame<'_>) -> Value {
    let mut arguments = Arguments::default();
    for item in &frame.origin.template.items {
        if let ItemKind::Extends(base) = &item.kind
            && let Loaded::Template(file, template) = cx.files.load(frame.origin.file, &base.text)
        {
            let mut seen = vec![frame.origin.file];
            // Each file on the way evaluates its own base; `deeper` bounds the recursion.
            cx.deeper(|| {
                collect(cx, file, &template, &mut arguments, &mut seen);
                Value::NULL
            });
        }
    }
    let members: Members = arguments.values.into_iter().collect();
    Value::object(members, None)
}
