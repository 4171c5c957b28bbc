//! Where the resource that turns a plan on may go, the best place first: a file of the deployment that is deployed to
//! the registry's subscription, a subscription file of the workspace that declares plans, else a file of the deployment
//! that can reach the subscription with a module.

use std::sync::Arc;

use super::order;
use crate::eval::ModuleUse;
use crate::eval::expand::scope_of;
use crate::model::{FileId, FileKind, NodeRef, ScopeKind};
use crate::rules::fix::{View, Views};
use crate::syntax::edit::{Declaration, Value};
use crate::text::Span;

/// A file that may take the resource.
#[derive(Clone)]
pub(super) struct Target {
    /// The file.
    pub(super) view: Arc<View>,
    /// A declaration: the new one goes behind.
    pub(super) anchor: Span,
    /// What goes there.
    pub(super) form: Form,
}

/// What is inserted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// The resource itself: the file is deployed to the subscription.
    Resource,
    /// A module or nested deployment to the subscription of the file.
    Module,
    /// The same to another subscription, by the expression of the anchor's scope; in the anchor's loop where it has one.
    ModuleTo(String),
}

impl Target {
    fn new(view: &Arc<View>, anchor: Span, form: Form) -> Target {
        Target {
            view: view.clone(),
            anchor,
            form,
        }
    }

    /// The level that the file is deployed at.
    pub(super) fn scope(&self) -> ScopeKind {
        scope(&self.view)
    }
}

/// The level that a file is deployed at.
pub(super) fn scope(view: &View) -> ScopeKind {
    scope_of(&view.model.template)
}

/// A subscription file as a place of its own: the resource goes behind its plans, else behind its last declaration.
pub(super) fn subscription_file(file: FileId, views: &dyn Views) -> Option<Target> {
    let view = views.view(file).filter(|view| view.may_pay)?;
    if scope(&view) != ScopeKind::Subscription {
        return None;
    }
    let last = view.source().declarations().pop().map(|one| one.span());
    let anchor = order::last_plan(&view, views).or(last)?;
    Some(Target::new(&view, anchor, Form::Resource))
}

/// A file between entry point and registry, and the declaration in it that leads on.
struct Stop {
    view: Arc<View>,
    anchor: Span,
    /// It leads to another subscription: by which expression, where that means the same anywhere in the file.
    leaves: Option<Option<String>>,
    /// The file is used in a loop.
    looped: bool,
    /// The file is used at a level that it is not written for.
    misplaced: bool,
}

/// The places of one deployment path, the best first, and where the plans of the workspace go between them.
pub(super) fn on_path(
    entry: FileId,
    via: &[ModuleUse],
    registry: NodeRef,
    views: &dyn Views,
) -> (Vec<Target>, Vec<Target>) {
    let stops = stops(entry, via, registry, views);
    let own = |index: usize| stops.iter().skip(index).all(|stop| stop.leaves.is_none());
    let usable = |stop: &&Stop| {
        stop.view.may_pay && matches!(stop.view.kind, FileKind::Bicep | FileKind::ArmTemplate)
    };
    let own_stops = || {
        let all = stops.iter().enumerate().filter(|(index, _)| own(*index));
        all.map(|(_, stop)| stop).filter(usable)
    };
    let at = |kind: ScopeKind| move |stop: &&Stop| scope(&stop.view) == kind;
    // The outermost file with plans, so that the new one can wait for all of them; else the innermost file, and files
    // in a loop last, since the plan would be set once for each iteration.
    let mut subscription: Vec<&Stop> = own_stops()
        .filter(at(ScopeKind::Subscription))
        .filter(|stop| !stop.misplaced)
        .collect();
    subscription.reverse();
    let lonely = |stop: &&&Stop| order::plans(&stop.view, views).is_empty();
    let outermost = subscription
        .iter()
        .rposition(|stop| !lonely(&stop) && !stop.looped);
    match outermost {
        Some(outermost) => {
            let best = subscription.remove(outermost);
            subscription.insert(0, best);
        }
        None => subscription.sort_by_key(|stop| stop.looped),
    }
    let resource = |stop: &&Stop| {
        let anchor = order::last_plan(&stop.view, views).unwrap_or(stop.anchor);
        Target::new(&stop.view, anchor, Form::Resource)
    };
    let first = subscription.iter().map(resource).collect();
    let mut rest = Vec::new();
    for stop in stops.iter().rev().filter(usable) {
        if let Some(Some(text)) = &stop.leaves {
            rest.push(Target::new(
                &stop.view,
                stop.anchor,
                Form::ModuleTo(text.clone()),
            ));
        }
    }
    let groups: Vec<&Stop> = own_stops().filter(at(ScopeKind::ResourceGroup)).collect();
    let ends = groups
        .first()
        .into_iter()
        .chain(groups.last().filter(|_| groups.len() > 1));
    rest.extend(ends.map(|stop| {
        let anchor = order::last_use(&stop.view, stop.anchor);
        Target::new(&stop.view, anchor, Form::Module)
    }));
    (first, rest)
}

fn stops(entry: FileId, via: &[ModuleUse], registry: NodeRef, views: &dyn Views) -> Vec<Stop> {
    let mut files = vec![(entry, false, false)];
    for step in via {
        if let Some(file) = step.file {
            let misplaced = is_misplaced(step, file, views);
            files.push((file, is_looped(step, views), misplaced));
        }
    }
    // A loop around one file is a loop around those it uses.
    let mut looped = false;
    let stop = |(file, in_loop, misplaced): (FileId, bool, bool)| {
        looped |= in_loop;
        let view = views.view(file)?;
        let written: Vec<&ModuleUse> = via.iter().filter(|step| step.place.file == file).collect();
        let anchor = written.first().map_or(registry, |step| step.place);
        if anchor.file != file {
            return None;
        }
        let leaves = written
            .iter()
            .enumerate()
            .find_map(|(index, step)| leaves(step, index == 0, views));
        Some(Stop {
            anchor: views.span(anchor)?,
            view,
            leaves,
            looped,
            misplaced,
        })
    };
    files.into_iter().filter_map(stop).collect()
}

fn with_use<T>(
    step: &ModuleUse,
    views: &dyn Views,
    then: impl FnOnce(&View, Declaration<'_>) -> Option<T>,
) -> Option<T> {
    let view = views.view(step.place.file)?;
    let span = views.span(step.place)?;
    let declaration = view.source().declaration_at(span)?;
    then(&view, declaration)
}

/// Whether a module use without a scope of its own leads to a file for another level.
fn is_misplaced(step: &ModuleUse, file: FileId, views: &dyn Views) -> bool {
    let to = views.view(file);
    let found = with_use(step, views, |from, declaration| {
        let differs = scope(from) != scope(to.as_ref()?);
        Some(from.kind == FileKind::Bicep && differs && declaration.member("scope").is_none())
    });
    found.unwrap_or(false)
}

/// Whether a module use is repeated.
fn is_looped(step: &ModuleUse, views: &dyn Views) -> bool {
    with_use(step, views, |_, declaration| Some(declaration.is_looped())).unwrap_or(false)
}

/// Whether a module use leads to a subscription that it names, and the text that names it, where that means the same
/// next to the use.
fn leaves(step: &ModuleUse, outermost: bool, views: &dyn Views) -> Option<Option<String>> {
    with_use(step, views, |view, declaration| {
        let value = match view.source().bicep {
            true => subscription_of(view, declaration.member("scope")?, 4)?,
            false => declaration.member("subscriptionId")?,
        };
        let names = value.text().to_ascii_lowercase();
        if names.contains("subscription().subscriptionid") {
            return None;
        }
        let repeated_json = !view.source().bicep && declaration.is_looped();
        let usable = outermost && !repeated_json;
        Some(usable.then(|| value.text().to_owned()))
    })
}

/// The subscription that a scope expression names: the first argument of `resourceGroup(a, b)` or `subscription(a)`,
/// also of the scope of a resource that it names.
fn subscription_of<'t>(view: &'t View, scope: Value<'t>, depth: usize) -> Option<Value<'t>> {
    if let Some((function, arguments)) = scope.call() {
        return match (function, arguments.len()) {
            ("resourceGroup", 2) | ("subscription", 1) => arguments.first().copied(),
            _ => None,
        };
    }
    let symbol = scope.name().filter(|_| depth > 0)?;
    let all = view.source().declarations();
    let group = all.into_iter().find(|one| one.symbol() == Some(symbol))?;
    subscription_of(view, group.member("scope")?, depth - 1)
}
