//! Where the resource that turns a plan on may go, the best place first: a file of the deployment that is deployed to
//! the registry's subscription, a subscription file of the workspace that declares plans, else a file of the deployment
//! that can deploy to the subscription through a module.

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
    /// The declaration that leads to the registry: its condition and its loop count.
    pub(super) of: Span,
    /// The declaration that the new one goes behind.
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
    /// The same for the first iteration of the anchor's loop alone.
    ModuleToFirst(String),
}

impl Target {
    fn new(view: &Arc<View>, of: Span, anchor: Span, form: Form) -> Target {
        Target {
            view: view.clone(),
            of,
            anchor,
            form,
        }
    }

    /// Whether the plan is for another subscription than the file.
    pub(super) fn leaves(&self) -> bool {
        matches!(self.form, Form::ModuleTo(_) | Form::ModuleToFirst(_))
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
    Some(Target::new(&view, anchor, anchor, Form::Resource))
}

/// A file between entry point and registry, and the declaration in it that leads on.
struct Stop {
    view: Arc<View>,
    anchor: Span,
    /// It leads to another subscription: the modules that do too, where the expression means the same anywhere in the
    /// file.
    leaves: Option<Vec<Form>>,
    /// The file is used in a loop.
    looped: bool,
}

/// The places of one deployment path, the best first, and where the plans of the workspace go between them.
pub(super) fn on_path(
    entry: FileId,
    via: &[ModuleUse],
    registry: NodeRef,
    views: &dyn Views,
) -> (Vec<Target>, Vec<Target>) {
    let stops = stops(entry, via, registry, views);
    let usable = |stop: &&Stop| {
        stop.view.may_pay && matches!(stop.view.kind, FileKind::Bicep | FileKind::ArmTemplate)
    };
    // Behind the last module use that leaves it, all is deployed to the registry's subscription. The innermost comes first.
    let own = stops.iter().rev().take_while(|stop| stop.leaves.is_none());
    let own: Vec<&Stop> = own.filter(usable).collect();
    let at = |kind: ScopeKind| {
        let all = own.iter().copied();
        all.filter(move |stop| scope(&stop.view) == kind)
    };
    // The outermost file with plans, so that the new one can wait for all of them; files in a loop last, since the plan
    // would be set once for each iteration.
    let mut subscription: Vec<&Stop> = at(ScopeKind::Subscription).collect();
    let has_plans = |stop: &&&Stop| !stop.looped && !order::plans(&stop.view, views).is_empty();
    let outermost = subscription.iter().rfind(has_plans);
    let outermost = outermost.map(|stop| stop.view.file);
    subscription.sort_by_key(|stop| (outermost != Some(stop.view.file), stop.looped));
    let resource = |stop: &&Stop| {
        let anchor = order::last_plan(&stop.view, views).unwrap_or(stop.anchor);
        Target::new(&stop.view, stop.anchor, anchor, Form::Resource)
    };
    let first = subscription.iter().map(resource).collect();
    let leaving = stops.iter().rev().filter(usable).flat_map(|stop| {
        let forms = stop.leaves.iter().flatten();
        forms.map(|form| Target::new(&stop.view, stop.anchor, stop.anchor, form.clone()))
    });
    let modules = at(ScopeKind::ResourceGroup).rev().map(|stop| {
        let anchor = order::last_use(&stop.view, stop.anchor);
        Target::new(&stop.view, stop.anchor, anchor, Form::Module)
    });
    (first, leaving.chain(modules).collect())
}

fn stops(entry: FileId, via: &[ModuleUse], registry: NodeRef, views: &dyn Views) -> Vec<Stop> {
    let files = via.iter().filter_map(|step| step.file);
    let mut found = Vec::new();
    // A loop around one file is a loop around those it uses.
    let mut looped = false;
    for file in std::iter::once(entry).chain(files) {
        let Some(view) = views.view(file) else {
            continue;
        };
        let steps = via.iter().filter(|step| step.place.file == file);
        let anchor = steps.clone().next().map_or(registry, |step| step.place);
        let span = views.span(anchor).filter(|_| anchor.file == file);
        let declared =
            steps.filter_map(|step| view.source().declaration_at(views.span(step.place)?));
        let declared: Vec<Declaration<'_>> = declared.collect();
        let mut leaving = declared.iter().enumerate();
        if let Some(anchor) = span {
            found.push(Stop {
                anchor,
                leaves: leaving.find_map(|(index, one)| leaves(&view, one, index == 0)),
                looped,
                view: view.clone(),
            });
        }
        looped |= declared.iter().any(Declaration::is_looped);
    }
    found
}

/// Whether a module use leads to a subscription that it names, and the modules that lead there too, where the expression
/// means the same next to the use.
fn leaves(view: &View, declaration: &Declaration<'_>, outermost: bool) -> Option<Vec<Form>> {
    let value = match view.source().bicep {
        true => subscription_of(view, declaration.member("scope")?, 4)?,
        false => declaration.member("subscriptionId")?,
    };
    // `subscription().subscriptionId` is the deployment's own.
    let other = !value.calls("subscription");
    let forms = || {
        let first = declaration
            .in_first_iteration(&value)
            .map(Form::ModuleToFirst);
        let repeated = Form::ModuleTo(value.text().to_owned());
        std::iter::once(repeated).chain(first).collect()
    };
    other.then(|| if outermost { forms() } else { Vec::new() })
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
