//! Insertions into ARM templates: elements of arrays, members of objects, in the layout that their neighbours have, with
//! comments and trailing commas left where they are.

use tree_sitter::Node;

use super::bicep::Names;
use super::names::unused;
use super::style::{Style, indent_at, line_end, on_one_line, slice};
use crate::rules::fix::{TextEdit, View};
use crate::syntax::json::decode_string;
use crate::text::Span;

/// A value to be written.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// Written as it stands: a literal, or source text.
    Raw(String),
    /// A string; holds nothing that needs an escape beyond quotes and backslashes.
    Text(String),
    /// An object.
    Object(Vec<(String, Json)>),
    /// An array.
    Array(Vec<Json>),
}

impl Json {
    /// A string.
    pub fn text(text: impl Into<String>) -> Json {
        Json::Text(text.into())
    }

    /// An object of members.
    pub fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
        Json::Object(members.map(|(k, v)| (k.to_owned(), v)).into())
    }
}

/// How JSON is laid out around a place.
#[derive(Debug, Clone)]
pub struct Layout {
    style: Style,
    /// Everything on one line.
    compact: bool,
    /// What stands between a key and its value: `: `, `:`, ` : `.
    colon: String,
    /// What stands inside the brackets of a compact object: one blank or none.
    pad: &'static str,
    /// What stands between the members of a compact object.
    comma: &'static str,
}

impl Layout {
    /// The layout of an object (a neighbour of what is to be written).
    pub fn like(view: &View, neighbour: Node<'_>) -> Layout {
        let text = &*view.text;
        let first = pairs(neighbour).into_iter().next();
        let between = first.and_then(|pair| {
            let key = pair.child_by_field_name("key")?;
            let value = pair.child_by_field_name("value")?;
            text.get(key.end_byte()..value.start_byte())
        });
        let colon = between.filter(|b| b.trim() == ":" && !b.contains(['\n', '\r']));
        let span = Span::of(neighbour.byte_range());
        let body = slice(text, span);
        let compact = on_one_line(text, span) && first.is_some();
        Layout {
            style: Style::of(text, neighbour.start_byte() as u32),
            compact,
            colon: colon.unwrap_or(": ").to_owned(),
            pad: if body.starts_with("{ ") { " " } else { "" },
            comma: match compact && body.contains(',') && !body.contains(", ") {
                true => ",",
                false => ", ",
            },
        }
    }

    /// The same, on several lines or on one.
    pub fn compact(self, compact: bool) -> Layout {
        Layout { compact, ..self }
    }

    /// A value as text; lines after the first begin with `base`.
    pub fn write(&self, value: &Json, base: &str) -> String {
        let mut out = String::new();
        self.value(value, base, &mut out);
        out
    }

    fn value(&self, value: &Json, base: &str, out: &mut String) {
        match value {
            Json::Raw(text) => out.push_str(text),
            Json::Text(text) => {
                out.push('"');
                for c in text.chars() {
                    if matches!(c, '"' | '\\') {
                        out.push('\\');
                    }
                    out.push(c);
                }
                out.push('"');
            }
            Json::Object(members) => {
                let each = members.iter().map(|(key, value)| (Some(&**key), value));
                self.list(('{', '}'), self.pad, each.collect(), base, out);
            }
            Json::Array(items) => {
                let each = items.iter().map(|value| (None, value));
                self.list(('[', ']'), "", each.collect(), base, out);
            }
        }
    }

    fn list(
        &self,
        (open, close): (char, char),
        pad: &str,
        items: Vec<(Option<&str>, &Json)>,
        base: &str,
        out: &mut String,
    ) {
        let inner = format!("{base}{}", self.style.indent);
        out.push(open);
        for (index, (key, value)) in items.iter().enumerate() {
            match (self.compact, index) {
                (true, 0) => out.push_str(pad),
                (true, _) => out.push_str(self.comma),
                (false, _) => {
                    out.push_str(if index > 0 { "," } else { "" });
                    out.push_str(self.style.newline);
                    out.push_str(&inner);
                }
            }
            if let Some(key) = key {
                out.push('"');
                out.push_str(key);
                out.push('"');
                out.push_str(&self.colon);
            }
            self.value(value, &inner, out);
        }
        if !items.is_empty() {
            match self.compact {
                true => out.push_str(pad),
                false => {
                    out.push_str(self.style.newline);
                    out.push_str(base);
                }
            }
        }
        out.push(close);
    }
}

/// The pairs of an object.
pub fn pairs(object: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = object.walk();
    object
        .named_children(&mut cursor)
        .filter(|child| child.kind() == "pair")
        .collect()
}

/// The elements of an array, or the pairs of an object.
pub fn elements(list: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = list.walk();
    list.named_children(&mut cursor)
        .filter(|child| !matches!(child.kind(), "comment" | "trailing_comma") && !child.is_error())
        .collect()
}

/// The key of a pair, decoded.
pub fn key(view: &View, pair: Node<'_>) -> String {
    let key = pair.child_by_field_name("key");
    key.map_or(String::new(), |key| string(view, key))
}

/// The value of a string node.
pub fn string(view: &View, node: Node<'_>) -> String {
    decode_string(slice(&view.text, Span::of(node.byte_range())))
        .text
        .into_owned()
}

/// The value of a member, in any case.
pub fn member<'t>(view: &View, object: Node<'t>, name: &str) -> Option<Node<'t>> {
    pairs(object)
        .into_iter()
        .find(|pair| key(view, *pair).eq_ignore_ascii_case(name))
        .and_then(|pair| pair.child_by_field_name("value"))
}

/// The object that a file is.
pub fn root(view: &View) -> Option<Node<'_>> {
    let mut cursor = view.tree.root_node().walk();
    let document = view.tree.root_node();
    document
        .named_children(&mut cursor)
        .find(|child| child.kind() == "object")
}

/// The element of the template's `resources` (or the pair, where they are an object) that holds `at`.
pub fn resource_at(view: &View, at: u32) -> Option<(Node<'_>, Node<'_>)> {
    let list = member(view, root(view)?, "resources")?;
    let holds = |node: &Node<'_>| Span::of(node.byte_range()).touches(at);
    let element = elements(list).into_iter().find(holds)?;
    Some((list, element))
}

/// The condition of the resource at `anchor`, as it is written.
pub fn condition_at(view: &View, anchor: Span) -> Option<String> {
    let (_, element) = resource_at(view, anchor.start)?;
    let object = match element.kind() {
        "pair" => element.child_by_field_name("value")?,
        _ => element,
    };
    let condition = member(view, object, "condition")?;
    Some(slice(&view.text, Span::of(condition.byte_range())).to_owned())
}

/// The last of the template's resources.
pub fn last_resource(view: &View) -> Option<Span> {
    let list = member(view, root(view)?, "resources")?;
    let last = elements(list).into_iter().next_back()?;
    Some(Span::of(last.byte_range()))
}

/// The pricing resource.
pub fn resource(plan: &Names) -> Json {
    Json::object([
        ("type", Json::text("Microsoft.Security/pricings")),
        ("apiVersion", Json::text(plan.version)),
        ("name", Json::text(plan.plan)),
        (
            "properties",
            Json::object([("pricingTier", Json::text("Standard"))]),
        ),
    ])
}

/// A nested deployment that sets the plan for a subscription. Its template has a scope of its own, so that it means the
/// same wherever it stands.
pub fn deployment(plan: &Names, name: &str, subscription: Json, location: &str) -> Json {
    Json::object([
        ("type", Json::text("Microsoft.Resources/deployments")),
        ("apiVersion", Json::text("2022-09-01")),
        ("name", Json::text(name)),
        ("subscriptionId", subscription),
        ("location", Json::text(location)),
        (
            "properties",
            Json::object([
                ("mode", Json::text("Incremental")),
                (
                    "expressionEvaluationOptions",
                    Json::object([("scope", Json::text("inner"))]),
                ),
                (
                    "template",
                    Json::object([
                        (
                            "$schema",
                            Json::text(
                                "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#",
                            ),
                        ),
                        ("contentVersion", Json::text("1.0.0.0")),
                        ("resources", Json::Array(vec![resource(plan)])),
                    ]),
                ),
            ]),
        ),
    ])
}

/// Adds a resource after the one at `anchor`, in its layout; with `symbol` as its key where resources are an object.
pub fn insert_resource(
    view: &View,
    anchor: u32,
    symbol: &str,
    value: &Json,
) -> Option<Vec<TextEdit>> {
    let (list, element) = resource_at(view, anchor)?;
    let keyed = element.kind() == "pair";
    let object = match keyed {
        true => element.child_by_field_name("value")?,
        false => element,
    };
    let layout = Layout::like(view, object);
    let key = keyed.then(|| {
        let taken: Vec<String> = pairs(list)
            .into_iter()
            .map(|pair| self::key(view, pair))
            .collect();
        unused(symbol, "", taken.iter().map(String::as_str))
    });
    Some(insert_after(
        view,
        list,
        element,
        &layout,
        key.as_deref(),
        value,
    ))
}

/// Adds an element after another one of an array (or, with a key, a pair after another of an object).
pub fn insert_after(
    view: &View,
    list: Node<'_>,
    element: Node<'_>,
    layout: &Layout,
    key: Option<&str>,
    value: &Json,
) -> Vec<TextEdit> {
    let text = &*view.text;
    let lined = !on_one_line(
        text,
        Span::of(
            list.start_byte()
                ..elements(list)
                    .first()
                    .map_or(list.end_byte(), Node::start_byte),
        ),
    );
    let base = if lined {
        indent_at(text, element.start_byte() as u32)
    } else {
        indent_at(text, element.end_byte() as u32)
    };
    let mut written = String::new();
    if let Some(key) = key {
        written = format!("\"{key}\"{}", layout.colon);
    }
    written.push_str(&layout.write(value, base));
    let end = element.end_byte() as u32;
    let insert = |at: u32, text: String| TextEdit {
        span: Span::new(at, at),
        text,
    };
    let comma = element
        .next_sibling()
        .filter(|next| !next.is_extra())
        .filter(|next| matches!(next.kind(), "," | "trailing_comma"));
    if !lined {
        let gap = if layout.compact { layout.comma } else { ", " };
        return vec![insert(end, format!("{gap}{written}"))];
    }
    // The new element stands on lines of its own, below what comments the one before it.
    let broken = format!("{}{base}{written}", layout.style.newline);
    match comma {
        Some(comma) => {
            let at = after_comments(view, list, comma.end_byte() as u32);
            match comma.kind() {
                "trailing_comma" => vec![insert(at, broken + ",")],
                _ if at == line_end(text, at) => vec![insert(at, broken + ",")],
                // The next element follows on the same line.
                _ => vec![insert(end, format!(",{broken}"))],
            }
        }
        None => {
            let at = after_comments(view, list, end);
            if at == end {
                return vec![insert(end, format!(",{broken}"))];
            }
            vec![insert(end, ",".to_owned()), insert(at, broken)]
        }
    }
}

/// Behind the comments that follow `at` on its line, if nothing else does.
fn after_comments(view: &View, list: Node<'_>, at: u32) -> u32 {
    let text = &*view.text;
    let mut end = at;
    let mut cursor = list.walk();
    for child in list.children(&mut cursor) {
        let start = child.start_byte() as u32;
        if child.kind() != "comment" || start < end {
            continue;
        }
        if slice(text, Span::new(end, start)).contains(['\n', '\r']) {
            break;
        }
        if !slice(text, Span::new(end, start)).trim().is_empty() {
            break;
        }
        end = child.end_byte() as u32;
    }
    end
}

/// The names of the deployments of a template, for choosing one that clashes with none.
pub fn deployment_name(view: &View, name: &str) -> String {
    let resources = root(view).and_then(|root| member(view, root, "resources"));
    let mut taken = Vec::new();
    for element in resources.map(elements).unwrap_or_default() {
        let object = match element.kind() {
            "pair" => element.child_by_field_name("value"),
            _ => Some(element),
        };
        let name = object.and_then(|object| member(view, object, "name"));
        taken.extend(name.map(|name| string(view, name)));
    }
    unused(name, "-", taken.iter().map(String::as_str))
}

/// A parameter for the subscription: the name of one that is there, or the edit that adds one.
pub fn subscription_parameter(view: &View) -> Option<(String, Vec<TextEdit>)> {
    let root = root(view)?;
    let value = Json::object([("type", Json::text("string"))]);
    if let Some(parameters) = member(view, root, "parameters") {
        let pairs = pairs(parameters);
        let known = pairs
            .iter()
            .map(|pair| key(view, *pair))
            .find(|name| name.eq_ignore_ascii_case("subscriptionId"));
        if let Some(known) = known {
            return Some((known, Vec::new()));
        }
        let edits = match pairs.last() {
            Some(last) => {
                let neighbour = last.child_by_field_name("value").unwrap_or(*last);
                let layout = Layout::like(view, neighbour);
                insert_after(
                    view,
                    parameters,
                    *last,
                    &layout,
                    Some("subscriptionId"),
                    &value,
                )
            }
            None => {
                let layout = Layout::like(view, root);
                let base = indent_at(&view.text, parameters.start_byte() as u32);
                let members = vec![("subscriptionId".to_owned(), value)];
                vec![TextEdit {
                    span: Span::of(parameters.byte_range()),
                    text: layout.write(&Json::Object(members), base),
                }]
            }
        };
        return Some(("subscriptionId".to_owned(), edits));
    }
    let before = pairs(root)
        .into_iter()
        .take_while(|pair| !key(view, *pair).eq_ignore_ascii_case("resources"))
        .last()?;
    let layout = Layout::like(view, root);
    let members = Json::object([("subscriptionId", value)]);
    let edits = insert_after(view, root, before, &layout, Some("parameters"), &members);
    Some(("subscriptionId".to_owned(), edits))
}
