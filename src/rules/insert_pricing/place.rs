//! Where the resource that turns a plan on goes: on each way from an entry point to the registry, the nearest file that
//! is deployed to the registry's subscription, else a file that can reach the subscription with a module.

use std::sync::Arc;

use tree_sitter::Node;

use super::bicep;
use super::json;
use super::style::slice;
use crate::eval::ModuleUse;
use crate::eval::expand::scope_of;
use crate::model::{FileId, FileKind, NodeRef, ScopeKind};
use crate::rules::container_scan::subject::RegistrySubject;
use crate::rules::finding::Finding;
use crate::rules::fix::{View, Views};
use crate::text::Span;
use crate::workspace::config::{Coverage, Settings};

/// More places than these are no choice any more.
const MOST: usize = 8;

/// A file that may take the resource.
#[derive(Clone)]
pub struct Target {
    /// The file.
    pub view: Arc<View>,
    /// What stands in it on the way to the registry: the new declaration goes behind.
    pub anchor: Span,
    /// What goes there.
    pub form: Form,
}

/// What is inserted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// The resource itself: the file is deployed to the subscription.
    Resource,
    /// A module or nested deployment to a subscription.
    Module(Subscription),
}

/// Which subscription a module is deployed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subscription {
    /// That of the file.
    Own,
    /// The one that this source text says.
    Expression(String),
    /// A parameter says it.
    Parameter,
}

impl Target {
    fn is_same(&self, other: &Target) -> bool {
        self.view.file == other.view.file && self.form == other.form
    }

    /// The level the file is deployed at.
    pub fn scope(&self) -> ScopeKind {
        scope(&self.view)
    }
}

/// The places for a finding, the best first.
pub fn targets(
    finding: &Finding,
    subject: &RegistrySubject,
    views: &dyn Views,
    settings: &Settings,
) -> Vec<Target> {
    let deployment_paths: Vec<Vec<Target>> = subject
        .deployment_paths
        .iter()
        .map(|(entry, _, via)| on_way(*entry, via, finding.place, subject, views))
        .filter(|targets| !targets.is_empty())
        .collect();
    let mut found: Vec<Target> = Vec::new();
    if settings.coverage == Coverage::Deployment && deployment_paths.len() > 1 {
        // Each deployment must have the plan itself: one place that all of them pass will do.
        let shared = deployment_paths[0].iter().find(|target| {
            deployment_paths
                .iter()
                .all(|way| way.iter().any(|other| other.is_same(target)))
        });
        found.extend(shared.cloned());
    }
    if found.is_empty() {
        for target in deployment_paths.iter().filter_map(|way| way.first()) {
            if !found
                .iter()
                .any(|known| known.view.file == target.view.file)
            {
                found.push(target.clone());
            }
        }
    }
    found.sort_by_cached_key(|target| {
        let path = target.view.path.to_string_lossy().into_owned();
        let folders = path.to_ascii_lowercase();
        let test = ["/test", "/e2e", "/example", "/sample"]
            .iter()
            .any(|part| folders.contains(part));
        let inside = target.form != Form::Resource;
        (test, inside, path.matches(['/', '\\']).count(), path)
    });
    found.truncate(MOST);
    found
}

/// A file for a subscription as a place of its own: the resource goes behind what stands last in it.
pub fn subscription_file(file: FileId, views: &dyn Views) -> Option<Target> {
    let view = views.view(file).filter(|view| view.editable)?;
    if scope(&view) != ScopeKind::Subscription {
        return None;
    }
    let anchor = match view.kind {
        FileKind::Bicep => bicep::last_declaration(&view)?,
        FileKind::ArmTemplate => json::last_resource(&view)?,
        _ => return None,
    };
    Some(Target {
        view,
        anchor,
        form: Form::Resource,
    })
}

/// A file on the way, and what stands in it.
struct Stop {
    view: Arc<View>,
    anchor: Span,
    /// The way on leads to another subscription: which, where that can be said in this file.
    leaves: Option<Option<String>>,
    /// The use of this file stands in a loop.
    looped: bool,
    /// The use of this file leaves it at a level that it is not written for: nothing in it is deployed.
    misplaced: bool,
}

/// The places on one way, the best first.
fn on_way(
    entry: FileId,
    via: &[ModuleUse],
    registry: NodeRef,
    subject: &RegistrySubject,
    views: &dyn Views,
) -> Vec<Target> {
    let stops = stops(entry, via, registry, views);
    let own = |index: usize| stops.iter().skip(index).all(|stop| stop.leaves.is_none());
    let target = |stop: &Stop, form: Form| Target {
        view: stop.view.clone(),
        anchor: stop.anchor,
        form,
    };
    let usable = |stop: &Stop| {
        stop.view.editable && matches!(stop.view.kind, FileKind::Bicep | FileKind::ArmTemplate)
    };
    let own_stops: Vec<&Stop> = stops
        .iter()
        .enumerate()
        .filter(|(index, stop)| own(*index) && usable(stop))
        .map(|(_, stop)| stop)
        .collect();
    let mut found = Vec::new();
    // A loop around the file would set the plan once for each turn.
    let mut nearest: Vec<&Stop> = own_stops
        .iter()
        .rev()
        .filter(|stop| scope(&stop.view) == ScopeKind::Subscription && !stop.misplaced)
        .copied()
        .collect();
    // Where other plans are declared, and outermost of those, so that the new one can wait for all of them.
    let lonely = |stop: &Stop| super::order::last_plans(&stop.view, views).is_empty();
    if let Some(outermost) = nearest
        .iter()
        .rposition(|stop| !lonely(stop) && !stop.looped)
    {
        nearest.swap(0, outermost);
    } else {
        nearest.sort_by_key(|stop| stop.looped);
    }
    found.extend(nearest.first().map(|stop| target(stop, Form::Resource)));
    let above = |stop: &&Stop| {
        matches!(
            scope(&stop.view),
            ScopeKind::ManagementGroup | ScopeKind::Tenant
        )
    };
    let explicit = |stop: &Stop| {
        let subscription = match &stop.leaves {
            Some(Some(text)) => Subscription::Expression(text.clone()),
            _ => Subscription::Parameter,
        };
        target(stop, Form::Module(subscription))
    };
    let usable_stops: Vec<&Stop> = stops.iter().filter(|stop| usable(stop)).collect();
    let in_group: Vec<&&Stop> = own_stops
        .iter()
        .filter(|stop| scope(&stop.view) == ScopeKind::ResourceGroup)
        .collect();
    let ends = in_group.first().into_iter().chain(in_group.last());
    let mut inside = ends.map(|stop| target(stop, Form::Module(Subscription::Own)));
    // The innermost of those that know the subscription.
    let groups: Vec<&&Stop> = usable_stops.iter().filter(|stop| above(stop)).collect();
    let knowing = groups.iter().rev().find(|stop| stop.leaves.is_some());
    if let Some(stop) = knowing.or(groups.first()) {
        // Each turn of a loop may lead to another subscription, which the file inside knows best.
        let each_its_own = stop.leaves == Some(None);
        if each_its_own {
            found.extend(inside.by_ref());
        }
        if !(each_its_own && subject.subscription_known) {
            found.push(explicit(stop));
        }
    }
    found.extend(inside);
    let leaving = usable_stops
        .iter()
        .rev()
        .find(|stop| !above(stop) && matches!(stop.leaves, Some(Some(_))));
    found.extend(leaving.map(|stop| explicit(stop)));
    found
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

/// The level a file is deployed at.
pub fn scope(view: &View) -> ScopeKind {
    scope_of(&view.model.template)
}

/// The declaration that holds a span; in a template its object, nested however deep.
pub fn declared<'v>(view: &'v View, span: Span) -> Option<Node<'v>> {
    if view.kind == FileKind::Bicep {
        return bicep::declaration_at(view, span);
    }
    let mut node = view
        .tree
        .root_node()
        .descendant_for_byte_range(span.start as usize, span.end as usize)?;
    while node.kind() != "object" {
        node = node.parent()?;
    }
    Some(node)
}

/// Whether a module use without a scope of its own leads to a file for another level.
fn is_misplaced(step: &ModuleUse, file: FileId, views: &dyn Views) -> bool {
    let (Some(from), Some(to)) = (views.view(step.place.file), views.view(file)) else {
        return false;
    };
    if from.kind != FileKind::Bicep || scope(&from) == scope(&to) {
        return false;
    }
    let declared = views
        .span(step.place)
        .and_then(|span| declared(&from, span));
    let object = declared.and_then(bicep::body);
    object.is_some_and(|object| bicep::module_property(&from, object, "scope").is_none())
}

/// Whether a module use has a condition.
pub fn is_conditional(step: &ModuleUse, views: &dyn Views) -> bool {
    let (Some(view), Some(span)) = (views.view(step.place.file), views.span(step.place)) else {
        return false;
    };
    let Some(node) = declared(&view, span) else {
        return false;
    };
    if view.kind != FileKind::Bicep {
        return json::member(&view, node, "condition").is_some();
    }
    let mut body = node.child_by_field_name("body");
    while let Some(outer) = body.filter(|body| body.kind() == "for") {
        body = outer.child_by_field_name("body");
    }
    body.is_some_and(|body| body.kind() == "if_body")
}

/// Whether a module use stands in a loop.
pub fn is_looped(step: &ModuleUse, views: &dyn Views) -> bool {
    let (Some(view), Some(span)) = (views.view(step.place.file), views.span(step.place)) else {
        return false;
    };
    let Some(node) = declared(&view, span) else {
        return false;
    };
    match view.kind {
        FileKind::Bicep => node
            .child_by_field_name("body")
            .is_some_and(|body| body.kind() == "for"),
        _ => json::member(&view, node, "copy").is_some(),
    }
}

/// Whether a module use leads to a subscription that it names, and the text that names it, where that means the same
/// anywhere in the file.
fn leaves(step: &ModuleUse, outermost: bool, views: &dyn Views) -> Option<Option<String>> {
    let view = views.view(step.place.file)?;
    let node = declared(&view, views.span(step.place)?)?;
    let text = match view.kind {
        FileKind::Bicep => {
            let scope = bicep::module_property(&view, bicep::body(node)?, "scope")?;
            slice(
                &view.text,
                Span::of(subscription_of(&view, scope)?.byte_range()),
            )
            .to_owned()
        }
        _ => {
            let value = json::member(&view, node, "subscriptionId")?;
            slice(&view.text, Span::of(value.byte_range())).to_owned()
        }
    };
    let folded = text.to_ascii_lowercase();
    if folded.contains("subscription().subscriptionid") {
        return None;
    }
    let looped = is_looped(step, views);
    Some((outermost && !looped).then_some(text))
}

/// The subscription that a scope expression names: the first argument of `resourceGroup(a, b)` or `subscription(a)`.
fn subscription_of<'t>(view: &View, scope: Node<'t>) -> Option<Node<'t>> {
    let name = scope
        .child_by_field_name("function")
        .or_else(|| scope.child_by_field_name("method"))?;
    let arguments = scope.child_by_field_name("arguments")?;
    let mut cursor = arguments.walk();
    let given: Vec<Node<'t>> = arguments
        .named_children(&mut cursor)
        .filter(|child| child.kind() != "comment")
        .collect();
    let name = slice(&view.text, Span::of(name.byte_range()));
    match (name, given.len()) {
        ("resourceGroup", 2) | ("subscription", 1) => given.first().copied(),
        _ => None,
    }
}
