//! Lowers elements of `resources`: resources with their nested resources, and deployments.

use std::borrow::Cow;
use std::sync::Arc;

use tree_sitter::Node;

use super::Around;
use super::reader::{Pair, Reader, span};
use crate::model::lower::{MAX_DEPTH, Nodes};
use crate::model::{
    Declaration, Expr, ExprKind, Ident, ItemKind, Loop, Member, Module, NodeId, Resource, Target,
    is_older_form,
};
use crate::syntax::arm_expression::{Text, classify};
use crate::text::{Source, Span};

const DEPLOYMENTS: &str = "Microsoft.Resources/deployments";

/// A deployment nested in a resource.
#[derive(Debug, Clone, Copy)]
pub(in crate::model) struct Hoisted<'t> {
    /// The deployment's object, or its member of an object of resources.
    pub entry: Node<'t>,
    /// `copy` of the resource around it, which repeats what is nested in it.
    pub copy: Option<Node<'t>>,
}

/// The resource around a nested one.
#[derive(Clone, Copy)]
struct Parent<'p, 't> {
    resource_type: Option<&'p Ident>,
    api_version: Option<&'p Expr>,
    copy: Option<Node<'t>>,
}

/// A resource's object and what is known of it before it is lowered.
struct Site<'t> {
    node: NodeId,
    symbol: Option<Ident>,
    object: Node<'t>,
    pairs: Vec<Pair<'t>>,
}

impl<'t, S: Source + ?Sized> Reader<'_, 't, S> {
    /// What an element of `resources` declares, and the spans of the items nested in it. `entry` is its object, or the
    /// member that gives it a symbol; `copy` that of a resource around it.
    pub(super) fn resource_item(
        &mut self,
        nodes: &mut Nodes,
        entry: Node<'t>,
        around: Around,
        copy: Option<Node<'t>>,
    ) -> (ItemKind, Vec<Span>) {
        let Some(site) = self.site(entry, 0) else {
            return (ItemKind::Broken, Vec::new());
        };
        if self.is_deployment(&site.pairs) {
            return self.module(nodes, site, around, copy);
        }
        let resource = self.resource(nodes, site, None, 0);
        (ItemKind::Resource(resource), Vec::new())
    }

    /// The symbol and the object of an entry of `resources`; none where it is no object.
    fn site(&mut self, entry: Node<'t>, node: NodeId) -> Option<Site<'t>> {
        let (key, object) = if self.is_object(entry) {
            (None, entry)
        } else {
            let pair = self.pair(entry)?;
            (Some(pair.key), pair.value?)
        };
        if !self.is_object(object) {
            return None;
        }
        Some(Site {
            node,
            symbol: key.map(|key| self.name(key)),
            object,
            pairs: self.pairs(object).0,
        })
    }

    fn is_deployment(&self, pairs: &[Pair<'t>]) -> bool {
        let existing = self
            .member(pairs, "existing")
            .is_some_and(|value| value.kind_id() == self.kinds.true_);
        !existing
            && self
                .string_member(pairs, "type")
                .is_some_and(|content| content.eq_ignore_ascii_case(DEPLOYMENTS))
    }

    fn resource(
        &mut self,
        nodes: &mut Nodes,
        site: Site<'t>,
        parent: Option<Parent<'_, 't>>,
        depth: usize,
    ) -> Resource {
        let Site {
            node,
            symbol,
            object,
            pairs,
        } = site;
        let body_node = nodes.next(span(object));
        let mut own = pairs.clone();
        own.retain(|pair| !self.content(pair.key).eq_ignore_ascii_case("resources"));
        let members = self.members(nodes, &own, depth + 1);
        let content = self.string_member(&pairs, "type");
        let (written, version) = content.as_deref().map_or((None, None), split_type);
        let resource_type = written.map(|written| {
            let full = match parent.and_then(|parent| parent.resource_type) {
                Some(parent) => qualified(parent.as_str(), written),
                None => written.into(),
            };
            Ident::new(self.intern(&full))
        });
        let type_node = member(&members, "type").map_or(node, |value| value.node);
        let written_version = |version: &str| Expr::text(type_node, version);
        let api_version = member(&members, "apiVersion")
            .cloned()
            .or_else(|| version.map(written_version))
            .or_else(|| parent.and_then(|parent| parent.api_version).cloned());
        let declaration = Declaration {
            symbol,
            conditions: member(&members, "condition")
                .and_then(condition)
                .into_iter()
                .collect(),
            loops: member(&members, "copy").and_then(loop_of),
            name: member(&members, "name").map(name),
            scope: member(&members, "scope").cloned(),
            subscription: member(&members, "subscriptionId").cloned(),
            resource_group: member(&members, "resourceGroup").cloned(),
            depends_on: member(&members, "dependsOn").cloned(),
            node,
            type_node,
        };
        let existing =
            member(&members, "existing").is_some_and(|value| value.kind == ExprKind::Bool(true));
        let mut children = Vec::new();
        if let Some(nested) = self.member(&pairs, "resources") {
            let this = Parent {
                resource_type: resource_type.as_ref(),
                api_version: api_version.as_ref(),
                copy: self
                    .member(&pairs, "copy")
                    .or_else(|| parent.and_then(|parent| parent.copy)),
            };
            children = self.nested(nodes, nested, this, depth + 1);
        }
        Resource {
            declaration,
            is_older_form: is_older_form(resource_type.as_ref()),
            resource_type,
            api_version,
            existing,
            parent: None,
            body: Expr::new(body_node, ExprKind::Object(members.into())),
            children: children.into(),
        }
    }

    /// The resources nested in a resource.
    fn nested(
        &mut self,
        nodes: &mut Nodes,
        nested: Node<'t>,
        parent: Parent<'_, 't>,
        depth: usize,
    ) -> Vec<Resource> {
        let mut children = Vec::new();
        if depth >= MAX_DEPTH {
            return children;
        }
        for entry in self.entries(nested).0 {
            let Some(mut site) = self.site(entry, 0) else {
                continue;
            };
            if self.is_deployment(&site.pairs) {
                self.hoisted.push(Hoisted {
                    entry,
                    copy: parent.copy,
                });
                continue;
            }
            site.node = nodes.next(span(entry));
            children.push(self.resource(nodes, site, Some(parent), depth));
        }
        children
    }

    /// The entries of `resources`, an array or an object, and the errors between them.
    pub(super) fn entries(&mut self, resources: Node<'t>) -> (Vec<Node<'t>>, Vec<Node<'t>>) {
        if self.is_array(resources) {
            let (mut elements, errors) = self.elements(resources);
            elements.retain(|element| self.is_object(*element));
            return (elements, errors);
        }
        if self.is_object(resources) {
            let (pairs, errors) = self.pairs(resources);
            let entries = pairs
                .into_iter()
                .filter(|pair| pair.value.is_some_and(|value| self.is_object(value)))
                .map(|pair| pair.node)
                .collect();
            return (entries, errors);
        }
        (Vec::new(), Vec::new())
    }

    /// A deployment of another template, and the spans of that template's items where it is here.
    fn module(
        &mut self,
        nodes: &mut Nodes,
        site: Site<'t>,
        around: Around,
        copy: Option<Node<'t>>,
    ) -> (ItemKind, Vec<Span>) {
        let mut declaration = Declaration {
            symbol: site.symbol,
            node: site.node,
            type_node: site.node,
            ..Declaration::default()
        };
        if let Some(value) = self.member(&site.pairs, "type") {
            declaration.type_node = nodes.next(span(value));
        }
        let mut properties = None;
        for pair in &site.pairs {
            let Some(value) = pair.value else { continue };
            let name = self.content(pair.key);
            let slot = match name.to_ascii_lowercase().as_str() {
                "condition" => {
                    let value = self.value(nodes, value, 0);
                    declaration.conditions = condition(&value).into_iter().collect();
                    continue;
                }
                "copy" => {
                    declaration.loops = loop_of(&self.value(nodes, value, 0));
                    continue;
                }
                "properties" => {
                    properties = Some(value);
                    continue;
                }
                "name" => &mut declaration.name,
                "scope" => &mut declaration.scope,
                "subscriptionid" => &mut declaration.subscription,
                "resourcegroup" => &mut declaration.resource_group,
                "dependson" => &mut declaration.depends_on,
                _ => continue,
            };
            *slot = Some(self.value(nodes, value, 0));
        }
        if let (None, Some(copy)) = (&declaration.loops, copy) {
            declaration.loops = loop_of(&self.value(nodes, copy, 0));
        }
        let mut module = Module {
            declaration,
            target: Target::Missing,
            arguments: None,
            evaluation: None,
            versioned: false,
        };
        let mut interpolations = Vec::new();
        if let Some(properties) = properties {
            if self.is_object(properties) {
                self.properties(nodes, properties, &mut module, around, &mut interpolations);
            } else {
                // `"properties": "[…]"`: everything is computed.
                let value = self.value(nodes, properties, 0);
                let arguments = Expr::member_of(value.clone(), "parameters");
                module.arguments = Some(Expr::call(value.node, "linkedParameters", [arguments]));
                module.target = Target::Value(Expr::member_of(value, "template"));
            }
        }
        (ItemKind::Module(module), interpolations)
    }

    fn properties(
        &mut self,
        nodes: &mut Nodes,
        properties: Node<'t>,
        module: &mut Module,
        around: Around,
        interpolations: &mut Vec<Span>,
    ) {
        let (pairs, _) = self.pairs(properties);
        let template = self.object_member(&pairs, "template");
        module.versioned = around.versioned
            || template.is_some_and(|template| {
                let (pairs, _) = self.pairs(template);
                self.has_language_version(&pairs)
            });
        if let Some(options) = self.member(&pairs, "expressionEvaluationOptions") {
            let options = self.value(nodes, options, 0);
            module.evaluation = match &options.kind {
                ExprKind::Object(_) => options.member("scope").cloned(),
                _ => Some(Expr::member_of(options, "scope")),
            };
        }
        for pair in &pairs {
            let Some(value) = pair.value else { continue };
            match self.content(pair.key).to_ascii_lowercase().as_str() {
                "template" if self.is_object(value) => {
                    match self.template(value, around.inside(), &[]) {
                        Some((template, spans)) => {
                            for (start, spans) in spans {
                                let item = spans.nodes.first().copied().unwrap_or_default();
                                interpolations.push(item.shift(start));
                                nodes.nest(start, spans);
                            }
                            module.target = Target::Inline(Arc::new(template));
                        }
                        None => {
                            let reason = "templates nested too deeply";
                            module.target =
                                Target::Value(Expr::invalid(nodes.next(span(value)), reason));
                        }
                    }
                }
                "template" => module.target = Target::Value(self.value(nodes, value, 0)),
                "templatelink" => {
                    module.target = self.link(nodes, value);
                }
                "parameters" => module.arguments = Some(self.arguments(nodes, value)),
                "parameterslink" => {
                    let link = self.value(nodes, value, 0);
                    module.arguments = Some(Expr::call(link.node, "linkedParameters", [link]));
                }
                _ => {}
            }
        }
    }

    /// What a link leads to.
    fn link(&mut self, nodes: &mut Nodes, link: Node<'t>) -> Target {
        if !self.is_object(link) {
            return Target::Uri(self.value(nodes, link, 0));
        }
        let (pairs, _) = self.pairs(link);
        let mut member = |name: &str| {
            let value = self.member(&pairs, name)?;
            Some(self.value(nodes, value, 0))
        };
        let path = member("relativePath").map(Target::Relative);
        let link = path.or_else(|| member("uri").map(Target::Uri));
        let link = link.or_else(|| member("id").map(Target::TemplateSpec));
        link.unwrap_or(Target::Missing)
    }

    /// `{ "x": { "value": v } }` as `{ x: v }`.
    fn arguments(&mut self, nodes: &mut Nodes, parameters: Node<'t>) -> Expr {
        if !self.is_object(parameters) {
            let value = self.value(nodes, parameters, 0);
            return Expr::call(value.node, "linkedParameters", [value]);
        }
        let node = nodes.next(span(parameters));
        let mut members = Vec::new();
        for pair in self.pairs(parameters).0 {
            let Some(entry) = pair.value else { continue };
            let key = self.key(nodes, pair.key, 1);
            if let Some(value) = self.argument(nodes, entry) {
                members.push(Member::Property { key, value });
            }
        }
        Expr::new(node, ExprKind::Object(members.into()))
    }

    /// The value that an entry of `parameters` gives: of a deployment or of a parameters file. None where it gives
    /// none, so that the default holds.
    pub(crate) fn argument(&mut self, nodes: &mut Nodes, entry: Node<'t>) -> Option<Expr> {
        if !self.is_object(entry) {
            // `"[if(a, createObject('value', 1), createObject('reference', …))]"`
            return Some(Expr::member_of(self.value(nodes, entry, 1), "value"));
        }
        let (pairs, _) = self.pairs(entry);
        if let Some(value) = self.member(&pairs, "value") {
            return Some(self.value(nodes, value, 1));
        }
        let computed = [
            ("reference", "keyVaultSecret"),
            ("expression", "externalInput"),
        ];
        for (name, function) in computed {
            if let Some(value) = self.member(&pairs, name) {
                let value = self.value(nodes, value, 1);
                return Some(Expr::call(value.node, function, [value]));
            }
        }
        let copies = self
            .array_member(&pairs, "copy")
            .and_then(|copies| self.copies(copies))?;
        let copy = copies
            .into_iter()
            .find(|copy| self.content(copy.name).eq_ignore_ascii_case("value"))?;
        Some(self.copy(nodes, copy, 1))
    }
}

fn member<'m>(members: &'m [Member], name: &str) -> Option<&'m Expr> {
    members.iter().rev().find_map(|member| match member {
        Member::Property { key, value } => key
            .as_str()
            .is_some_and(|key| key.eq_ignore_ascii_case(name))
            .then_some(value),
        Member::Spread(_) => None,
    })
}

/// A resource's `condition`, where it has one: Azure takes `"true"` and 1 for true and null for nothing.
fn condition(written: &Expr) -> Option<Expr> {
    let kind = match &written.kind {
        ExprKind::Null => return None,
        ExprKind::Str(content) if content.eq_ignore_ascii_case("true") => ExprKind::Bool(true),
        ExprKind::Str(content) if content.eq_ignore_ascii_case("false") => ExprKind::Bool(false),
        ExprKind::Int(number) => ExprKind::Bool(*number != 0),
        other => other.clone(),
    };
    Some(Expr::new(written.node, kind))
}

/// A resource's `name`, which may be a number.
fn name(written: &Expr) -> Expr {
    match &written.kind {
        ExprKind::Int(number) => Expr::text(written.node, number.to_string()),
        _ => written.clone(),
    }
}

/// A resource's `copy: { name, count }`.
fn loop_of(copy: &Expr) -> Option<Loop> {
    let count = copy.member("count")?.clone();
    let name = copy.member("name").and_then(Expr::as_str).unwrap_or("");
    Some(Loop::Count {
        name: name.into(),
        count,
    })
}

/// Type and version of the value of `type`: types of extensions carry their version (`Microsoft.Graph/groups@v1.0`).
/// An expression names no type.
fn split_type(content: &str) -> (Option<&str>, Option<&str>) {
    if let Text::Expression(_) = classify(content) {
        return (None, None);
    }
    match content.split_once('@') {
        Some((name, version)) => (Some(name), Some(version)),
        None => (Some(content), None),
    }
}

/// The full type of a nested resource, which may be written in full or from the parent on.
fn qualified<'w>(parent: &str, written: &'w str) -> Cow<'w, str> {
    let provider = written.split('/').next().unwrap_or(written);
    if provider.contains('.') {
        return Cow::Borrowed(written);
    }
    Cow::Owned(format!("{parent}/{written}"))
}
