//! What a parameter file gives: its assignments, those of the files it extends, each evaluated where it is written.

use std::sync::Arc;

use super::context::Context;
use super::evaluate::settled;
use super::expand::Arguments;
use super::scope::Frame;
use super::value::{Members, Value};
use super::{Files, Loaded};
use crate::model::{FileId, ItemKind, Template};

/// Files that extend one another are followed this far, and a cycle ends there.
const MAX_EXTENDS: usize = 64;

/// Evaluates a parameter file's assignments (`extends` merged, leaf wins; variables and imports resolved).
pub fn arguments(file: FileId, template: &Arc<Template>, files: &dyn Files) -> Arguments {
    let cx = Context::new(files);
    let mut arguments = Arguments::default();
    collect(&cx, file, template, &mut arguments, &mut Vec::new());
    arguments
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
