//! Lowers ARM JSON templates to the model.
//!
//! Every entry of a section is an item, memoized by its text, also in templates nested in a deployment. An edit in a
//! compiled template of megabytes lowers the entry around it and the deployments that contain it, and nothing else. What an
//! entry is lowered to depends only on its text and on the salt in its key ([`Around::salt`]).

mod reader;
mod resources;
#[cfg(test)]
mod tests;
mod types;
mod values;

use std::sync::Arc;

use rustc_hash::FxHashSet;
use tree_sitter::{Node, Tree};

use self::reader::Pair;
pub(in crate::model) use self::reader::StringsOf;
use super::lower::{ItemMemo, Lowered, NoMemo, Nodes, text_hash};
use super::{
    Expr, ExprKind, FileKind, FileModel, Function, Ident, ItemKind, ItemSpans, Output, ScopeKind,
    Template, Variable,
};
use crate::text::{Source, Span};

pub(in crate::model) use self::reader::{Reader, span};

/// Templates nested deeper than this are not entered. A compiled one of four levels is rare.
const MAX_NESTING: u32 = 48;

/// Up to this many levels a template lowers the same wherever it is nested, so that its items are shared; beyond, how
/// much of it fits under [`MAX_NESTING`] depends on where it is.
const SHARED_NESTING: u32 = 16;

/// The positions of the items of a template: first byte in the file, and their nodes.
pub(in crate::model) type Spans = Vec<(u32, Arc<ItemSpans>)>;

/// Items with their first bytes.
pub(in crate::model) type Items = Vec<(u32, Lowered)>;

/// What surrounds an item and decides, beside its text, what it lowers to.
#[derive(Clone, Copy)]
struct Around {
    /// How many templates are around this one.
    level: u32,
    /// The template has a `languageVersion` in which nested deployments have inner scope.
    versioned: bool,
}

impl Around {
    /// For a template nested in this one.
    fn inside(self) -> Self {
        Around {
            level: self.level + 1,
            ..self
        }
    }

    fn salt(self, section: Section) -> u64 {
        let deep = u64::from(self.level.saturating_sub(SHARED_NESTING));
        let versioned = u64::from(self.versioned) << 32;
        mix(section as u64 | versioned, deep)
    }
}

/// The sections of a template, as numbers for the keys of their items.
#[derive(Clone, Copy)]
enum Section {
    Parameters = 0x41_0001,
    Variables,
    VariableLoops,
    Functions,
    Definitions,
    Resources,
    Outputs,
}

pub(in crate::model) fn mix(a: u64, b: u64) -> u64 {
    (a.rotate_left(29) ^ b).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Lowers a parsed ARM template. What is no template gives an empty one.
pub fn lower_arm<S: Source + ?Sized>(tree: &Tree, text: &S, memo: &dyn ItemMemo) -> FileModel {
    let root = tree.root_node();
    let mut reader = Reader::new(root, text, memo);
    let top = Top::find(&mut reader, root);
    let body = top.spec.unwrap_or(top.object);
    let (metadata, _) = reader.pairs(body);
    if !reader.generated(&metadata) {
        reader.strings_of = StringsOf::Template;
    }
    let around = Around {
        level: 0,
        versioned: false,
    };
    let (template, spans) = reader
        .template(body, around, &top.errors)
        .unwrap_or_else(|| (empty(FileKind::ArmTemplate), Vec::new()));
    FileModel {
        template: Arc::new(template),
        spans: spans.into(),
    }
}

/// The expression that a string of JSON is to Azure Resource Manager, without places.
pub(crate) fn lower_string(token: &str) -> Expr {
    let tree = crate::syntax::language::parse(crate::syntax::json(), token, None);
    let root = tree.root_node();
    let mut reader = Reader::new(root, token, &NoMemo);
    let mut nodes = Nodes::new(Span::default());
    match reader.elements(root).0.first() {
        Some(&string) => reader.value(&mut nodes, string, 0),
        None => Expr::invalid(0, "a text that is no JSON"),
    }
}

pub(in crate::model) fn empty(kind: FileKind) -> Template {
    Template {
        kind,
        scope: None,
        generated: false,
        items: Box::new([]),
    }
}

/// The object that a file consists of.
pub(in crate::model) struct Top<'t> {
    pub object: Node<'t>,
    /// A template spec's version resource holds the template in `properties.mainTemplate`.
    spec: Option<Node<'t>>,
    /// Errors beside the object.
    pub errors: Vec<Node<'t>>,
}

impl<'t> Top<'t> {
    pub(crate) fn find<S: Source + ?Sized>(reader: &mut Reader<'_, 't, S>, root: Node<'t>) -> Self {
        let (values, mut errors) = reader.elements(root);
        // A file that is broken at its outermost brace has its members lying about in an error.
        let object = values
            .into_iter()
            .find(|value| reader.is_object(*value))
            .or_else(|| errors.first().copied())
            .unwrap_or(root);
        if root.is_error() {
            errors.push(root);
        }
        let (pairs, _) = reader.pairs(object);
        let spec = if reader.member(&pairs, "resources").is_some() {
            None
        } else {
            let properties = reader.member(&pairs, "properties");
            properties
                .filter(|&properties| reader.is_object(properties))
                .and_then(|properties| {
                    let (pairs, _) = reader.pairs(properties);
                    reader.member(&pairs, "mainTemplate")
                })
                .filter(|&template| reader.is_object(template))
        };
        Top {
            object,
            spec,
            errors,
        }
    }
}

/// What a `.json`, `.jsonc` or `.arm` file is, by its `$schema` or, without one, by its shape. Looks at the members of
/// the outermost object alone.
pub fn arm_kind<S: Source + ?Sized>(tree: &Tree, text: &S) -> FileKind {
    let root = tree.root_node();
    let mut reader = Reader::new(root, text, &NoMemo);
    let top = Top::find(&mut reader, root);
    if top.spec.is_some() {
        return FileKind::ArmTemplate;
    }
    let (pairs, _) = reader.pairs(top.object);
    let schema = reader.string_member(&pairs, "$schema");
    match schema.as_deref().and_then(schema_kind) {
        Some(Schema::Template(_)) => return FileKind::ArmTemplate,
        Some(Schema::Parameters) => return FileKind::ArmParameters,
        None => {}
    }
    let versioned = reader.member(&pairs, "contentVersion").is_some();
    if (versioned || schema.is_none()) && reader.has_resources(&pairs) {
        return FileKind::ArmTemplate;
    }
    // Who has neither must hold nothing else: much JSON has parameters.
    let bare = schema.is_none() && {
        let sections = ["parameters", "metadata"];
        let mut names = pairs.iter().map(|pair| reader.content(pair.key));
        names.all(|name| sections.iter().any(|one| name.eq_ignore_ascii_case(one)))
    };
    if (versioned || bare) && reader.has_values(&pairs) {
        return FileKind::ArmParameters;
    }
    FileKind::Other
}

/// The scope that a `$schema` names.
enum Schema {
    Template(ScopeKind),
    Parameters,
}

/// By the schema's file name; its date and protocol do not matter.
fn schema_kind(schema: &str) -> Option<Schema> {
    let name = schema.split('#').next()?.rsplit('/').next()?;
    let template = match name.to_ascii_lowercase().as_str() {
        "deploymenttemplate.json" => ScopeKind::ResourceGroup,
        "subscriptiondeploymenttemplate.json" => ScopeKind::Subscription,
        "managementgroupdeploymenttemplate.json" => ScopeKind::ManagementGroup,
        "tenantdeploymenttemplate.json" => ScopeKind::Tenant,
        name if name.ends_with("deploymentparameters.json") => return Some(Schema::Parameters),
        _ => return None,
    };
    Some(Schema::Template(template))
}

/// Puts items into a template in the order of the file.
pub(in crate::model) fn assemble(mut template: Template, mut items: Items) -> (Template, Spans) {
    items.sort_by_key(|(start, _)| *start);
    let mut spans = Vec::with_capacity(items.len());
    template.items = items
        .into_iter()
        .map(|(start, lowered)| {
            spans.push((start, lowered.spans));
            lowered.item
        })
        .collect();
    (template, spans)
}

impl<'t, S: Source + ?Sized> Reader<'_, 't, S> {
    /// Lowers one item, or finds it. `lower` gives what it declares and the spans of items nested in it. What holds an
    /// error is lowered again each time: where an error begins and ends depends on the text around.
    pub(crate) fn keep(
        &mut self,
        node: Node<'t>,
        salt: u64,
        lower: impl FnOnce(&mut Self, &mut Nodes) -> (ItemKind, Vec<Span>),
    ) -> Lowered {
        let place = span(node);
        let sanitized = !node.has_error();
        let salt = mix(salt, self.strings_of as u64);
        let key = if sanitized {
            let key = text_hash(self.text, place, salt);
            if let Some(found) = self.memo.find(key) {
                return found;
            }
            key
        } else {
            0
        };
        let mut nodes = Nodes::new(place);
        let hoisted = self.hoisted.len();
        let (kind, interpolations) = lower(self, &mut nodes);
        let deep = std::mem::take(&mut self.too_deep);
        if sanitized {
            let lowered = nodes.finish(kind, deep);
            // A deployment nested in a resource is an item of its own: only lowering the resource again finds it.
            return match self.hoisted.len() == hoisted {
                true => self.memo.keep(key, lowered),
                false => lowered,
            };
        }
        let broken = self.broken(node, &interpolations);
        nodes.finish(kind, broken)
    }

    /// A template with the places of its items; `errors` are beside it. None where it is nested too deep.
    fn template(
        &mut self,
        object: Node<'t>,
        around: Around,
        errors: &[Node<'t>],
    ) -> Option<(Template, Spans)> {
        if around.level > MAX_NESTING {
            return None;
        }
        let (pairs, mut wrong) = self.pairs(object);
        wrong.extend(errors);
        let schema = self.string_member(&pairs, "$schema");
        let mut template = empty(FileKind::ArmTemplate);
        if let Some(Schema::Template(scope)) = schema.as_deref().and_then(schema_kind) {
            template.scope = Some(scope);
        }
        template.generated = self.generated(&pairs);
        let around = Around {
            versioned: self.has_language_version(&pairs),
            ..around
        };
        let mut items = Items::new();
        for (at, pair) in pairs.iter().enumerate() {
            // Of two members of one name the last counts.
            let name = self.content(pair.key);
            let mut later = pairs[at + 1..].iter();
            if let Some(value) = pair.value
                && !later.any(|pair| self.content(pair.key).eq_ignore_ascii_case(&name))
            {
                self.section(&mut items, &mut wrong, *pair, value, around);
            }
        }
        self.broken_items(&mut items, &wrong);
        Some(assemble(template, items))
    }

    /// Whether `languageVersion` is one in which nested deployments have inner scope.
    pub(super) fn has_language_version(&self, pairs: &[Pair<'t>]) -> bool {
        self.string_member(pairs, "languageVersion")
            .is_some_and(|version| version != "1.0")
    }

    /// Whether `metadata._generator` names Bicep.
    fn generated(&mut self, pairs: &[Pair<'t>]) -> bool {
        let Some(metadata) = self.object_member(pairs, "metadata") else {
            return false;
        };
        let (metadata, _) = self.pairs(metadata);
        let Some(generator) = self.object_member(&metadata, "_generator") else {
            return false;
        };
        let (generator, _) = self.pairs(generator);
        self.string_member(&generator, "name")
            .is_some_and(|name| name.to_ascii_lowercase().contains("bicep"))
    }

    /// Whether `resources` holds, to begin with, something that has the type of a resource.
    fn has_resources(&mut self, pairs: &[Pair<'t>]) -> bool {
        let Some(resources) = self.member(pairs, "resources") else {
            return false;
        };
        let Some(&first) = self.entries(resources).0.first() else {
            return false;
        };
        let object = if self.is_object(first) {
            Some(first)
        } else {
            self.pair(first).and_then(|pair| pair.value)
        };
        let Some(object) = object else { return false };
        let (pairs, _) = self.pairs(object);
        self.string_member(&pairs, "type")
            .is_some_and(|content| content.contains('/') && content.contains('.'))
    }

    /// Whether `parameters` gives, to begin with, a value.
    fn has_values(&mut self, pairs: &[Pair<'t>]) -> bool {
        let Some(parameters) = self.object_member(pairs, "parameters") else {
            return false;
        };
        let (entries, _) = self.pairs(parameters);
        let Some(first) = entries.first().and_then(|pair| pair.value) else {
            return self.member(pairs, "resources").is_none();
        };
        let (entry, _) = self.pairs(first);
        let has = |name: &str| self.member(&entry, name).is_some();
        (has("value") || has("reference") || has("expression")) && !has("type")
    }

    /// Text between items that does not parse, each as a broken item.
    pub(crate) fn broken_items(&mut self, items: &mut Items, errors: &[Node<'t>]) {
        for &error in errors {
            let lowered = Nodes::new(span(error)).finish(ItemKind::Broken, true);
            items.push((span(error).start, lowered));
        }
    }

    fn section(
        &mut self,
        items: &mut Items,
        errors: &mut Vec<Node<'t>>,
        pair: Pair<'t>,
        value: Node<'t>,
        around: Around,
    ) {
        let name = self.content(pair.key).to_ascii_lowercase();
        let section = match name.as_str() {
            "parameters" => Section::Parameters,
            "variables" => Section::Variables,
            "definitions" => Section::Definitions,
            "outputs" => Section::Outputs,
            "resources" => return self.resources(items, errors, value, around),
            "functions" => return self.functions(items, errors, value, around),
            _ => return,
        };
        if !self.is_object(value) {
            return;
        }
        let (pairs, wrong) = self.pairs(value);
        errors.extend(wrong);
        let mut seen = FxHashSet::default();
        // Of two entries of one name the last counts; the order of items is made afterwards.
        for pair in pairs.into_iter().rev() {
            if !seen.insert(self.name(pair.key)) {
                continue;
            }
            let Some(entry) = pair.value else {
                errors.push(pair.node);
                continue;
            };
            if matches!(section, Section::Variables)
                && self.is_array(entry)
                && self.content(pair.key).eq_ignore_ascii_case("copy")
                && self.variable_loops(items, entry, around)
            {
                continue;
            }
            let lowered = self.keep(pair.node, around.salt(section), |reader, nodes| {
                let kind = match section {
                    Section::Parameters => ItemKind::Parameter(reader.parameter(nodes, pair)),
                    Section::Definitions => ItemKind::Type(reader.definition(nodes, pair)),
                    Section::Outputs => reader.output(nodes, pair, entry),
                    _ => ItemKind::Variable(Variable {
                        name: reader.name(pair.key),
                        value: reader.value(nodes, entry, 0),
                    }),
                };
                (kind, Vec::new())
            });
            items.push((span(pair.node).start, lowered));
        }
    }

    /// `variables.copy`: every element makes a variable. Says whether it is such a loop and not a variable `copy`.
    fn variable_loops(&mut self, items: &mut Items, array: Node<'t>, around: Around) -> bool {
        let Some(copies) = self.copies(array) else {
            return false;
        };
        for copy in copies {
            let salt = around.salt(Section::VariableLoops);
            let lowered = self.keep(copy.node, salt, |reader, nodes| {
                let variable = Variable {
                    name: reader.name(copy.name),
                    value: reader.copy(nodes, copy, 0),
                };
                (ItemKind::Variable(variable), Vec::new())
            });
            items.push((span(copy.node).start, lowered));
        }
        true
    }

    fn output(&mut self, nodes: &mut Nodes, pair: Pair<'t>, entry: Node<'t>) -> ItemKind {
        let name = self.name(pair.key);
        let null = |nodes: &mut Nodes| Expr::new(nodes.next(span(entry)), ExprKind::Null);
        if !self.is_object(entry) {
            let value = null(nodes);
            return ItemKind::Output(Output { name, value });
        }
        let (pairs, _) = self.pairs(entry);
        let mut value = match self.member(&pairs, "value") {
            Some(value) => self.value(nodes, value, 0),
            None => self
                .output_loop(nodes, &pairs, &name)
                .unwrap_or_else(|| null(nodes)),
        };
        if let Some(condition) = self.member(&pairs, "condition") {
            let condition = self.value(nodes, condition, 0);
            let node = value.node;
            let args = [condition, value, Expr::new(node, ExprKind::Null)];
            value = Expr::call(node, "if", args);
        }
        ItemKind::Output(Output { name, value })
    }

    /// `copy: { count, input }` of an output, which takes the output's name.
    fn output_loop(&mut self, nodes: &mut Nodes, pairs: &[Pair<'t>], name: &Ident) -> Option<Expr> {
        let node = self.object_member(pairs, "copy")?;
        let (pairs, _) = self.pairs(node);
        let copy = values::Copy {
            node,
            name: node,
            count: self.member(&pairs, "count")?,
            input: self.member(&pairs, "input")?,
        };
        Some(self.named_copy(nodes, name.clone(), copy, 0))
    }

    fn resources(
        &mut self,
        items: &mut Items,
        errors: &mut Vec<Node<'t>>,
        resources: Node<'t>,
        around: Around,
    ) {
        let (entries, wrong) = self.entries(resources);
        errors.extend(wrong);
        for entry in entries {
            let found = self.hoisted.len();
            let salt = around.salt(Section::Resources);
            let lowered = self.keep(entry, salt, |reader, nodes| {
                reader.resource_item(nodes, entry, around, None)
            });
            items.push((span(entry).start, lowered));
            for hoisted in self.hoisted.split_off(found) {
                let salt = match hoisted.copy {
                    Some(copy) => mix(salt, text_hash(self.text, span(copy), 1)),
                    None => salt,
                };
                let lowered = self.keep(hoisted.entry, salt, |reader, nodes| {
                    reader.resource_item(nodes, hoisted.entry, around, hoisted.copy)
                });
                items.push((span(hoisted.entry).start, lowered));
            }
        }
    }

    fn functions(
        &mut self,
        items: &mut Items,
        errors: &mut Vec<Node<'t>>,
        functions: Node<'t>,
        around: Around,
    ) {
        if !self.is_array(functions) {
            return;
        }
        let (namespaces, wrong) = self.elements(functions);
        errors.extend(wrong);
        for object in namespaces {
            let (pairs, wrong) = self.pairs(object);
            errors.extend(wrong);
            let content = self.string_member(&pairs, "namespace");
            let namespace = content.map(|content| Ident::new(self.intern(&content)));
            let Some(members) = self.object_member(&pairs, "members") else {
                continue;
            };
            let name = namespace.as_ref().map_or("", Ident::as_str);
            let salt = mix(
                around.salt(Section::Functions),
                xxhash_rust::xxh3::xxh3_64(name.as_bytes()),
            );
            let (members, wrong) = self.pairs(members);
            errors.extend(wrong);
            for pair in members {
                let Some(body) = pair.value else { continue };
                let lowered = self.keep(pair.node, salt, |reader, nodes| {
                    let function = reader.function(nodes, namespace.clone(), pair, body);
                    (ItemKind::Function(function), Vec::new())
                });
                items.push((span(pair.node).start, lowered));
            }
        }
    }

    fn function(
        &mut self,
        nodes: &mut Nodes,
        namespace: Option<Ident>,
        pair: Pair<'t>,
        body: Node<'t>,
    ) -> Function {
        let name = self.name(pair.key);
        let (pairs, _) = self.pairs(body);
        let mut parameters = Vec::new();
        if let Some(list) = self.array_member(&pairs, "parameters") {
            for parameter in self.elements(list).0 {
                let (entry, _) = self.pairs(parameter);
                let content = self.string_member(&entry, "name").unwrap_or_default();
                let name = Ident::new(self.intern(&content));
                parameters.push((name, self.ty(nodes, parameter, 0)));
            }
        }
        let output = self
            .member(&pairs, "output")
            .map(|output| self.pairs(output).0)
            .unwrap_or_default();
        let body = match self.member(&output, "value") {
            Some(value) => self.value(nodes, value, 0),
            None => Expr::invalid(nodes.next(span(pair.node)), "a function without output"),
        };
        Function {
            namespace,
            name,
            parameters: parameters.into(),
            body,
        }
    }
}
