//! Joins a plan to a list that already turns plans on: one element more, in the shape its neighbours have, instead of a
//! second resource beside the loop.

use tree_sitter::Node;

use super::bicep;
use super::json::{self, Layout};
use super::place::{declared, is_looped};
use super::set_tier::allowed_at;
use super::style::{Style, indent_at, line_end, on_one_line, slice};
use crate::eval::ModuleUse;
use crate::model::{FileId, FileKind};
use crate::rules::container_scan::subject::PlanList;
use crate::rules::fix::{FileEdit, TextEdit, View, Views};
use crate::text::Span;

/// Members of an element that belong to one plan alone: copied, they would be wrong for another.
const OWN: [&str; 2] = ["subPlan", "extensions"];

/// The edits that add `plan` to the list that a name comes from. `None` where the name stands in no list, or the list
/// names the plan already.
pub fn join(view: &View, views: &dyn Views, list: &PlanList, plan: &str) -> Option<Vec<TextEdit>> {
    let span = views.span(list.name)?;
    let tier = list
        .tier
        .filter(|tier| tier.file == list.name.file)
        .and_then(|tier| views.span(tier));
    let literal = view
        .tree
        .root_node()
        .descendant_for_byte_range(span.start as usize, span.end as usize)?;
    let literal = if literal.kind() == "string" {
        literal
    } else {
        literal.parent()?
    };
    let shape = Shape::of(view, literal, tier)?;
    let hangs = hangs_on_name(views, list, shape.tier_key.is_some());
    let given = list.via.iter().any(|step| gives_by_name(step, views));
    if hangs || given || !grows(view, views, list, &shape) {
        return None;
    }
    if shape
        .names(view)
        .iter()
        .any(|name| name.eq_ignore_ascii_case(plan))
    {
        return None;
    }
    // The parameter that the list is given to may allow no such element.
    let array = Span::of(shape.array.byte_range());
    let allowed = allowed_at(view, array, list.of.0, views);
    if allowed.is_some_and(|words| !words.iter().any(|word| word == plan)) {
        return None;
    }
    let written = shape.element_for(view, plan, &list.sample_name)?;
    Some(shape.insert(view, &written))
}

/// Whether one element more in the array makes one plan more: the array is what a loop runs over.
fn grows(view: &View, views: &dyn Views, list: &PlanList, shape: &Shape<'_>) -> bool {
    let array = Span::of(shape.array.byte_range());
    let over = list.array.and_then(|place| {
        let over = views.view(place.file)?;
        let span = views.span(place)?;
        let node = over
            .tree
            .root_node()
            .descendant_for_byte_range(span.start as usize, span.end as usize)?;
        (node.kind() == "array").then_some((place.file, span))
    });
    if let Some(over) = over {
        return over == (view.file, array);
    }
    let nested = || list.via.iter().any(|step| is_looped(step, views));
    let (Some(declaring), Some(span)) = (
        views.view(list.declaration.file),
        views.span(list.declaration),
    ) else {
        return nested();
    };
    let declaration = declared(&declaring, span);
    if is_bicep(&declaring) {
        let body = declaration.and_then(|node| node.child_by_field_name("body"));
        // A module that Preflight knows by heart stands for the plans of the list that it is given.
        let known = declaration.is_some_and(|node| node.kind() == "module_declaration");
        let counted = |body: Node<'_>| {
            let inner = body.child_by_field_name("body")?;
            let head = Span::of(body.start_byte()..inner.start_byte());
            let head = slice(&declaring.text, head);
            let chosen = head.contains("filter(") && head.contains("==");
            Some(!chosen && (!head.contains("range(") || head.contains("length(")))
        };
        return match body.filter(|body| body.kind() == "for") {
            Some(body) => counted(body).unwrap_or(false),
            None => known || nested(),
        };
    }
    // An element of `resources` holds the name of the one plan that it is.
    let holds = array.start <= span.start && span.end <= array.end;
    if declaring.file == view.file && holds {
        return false;
    }
    let counted = declaration
        .and_then(|object| json::member(&declaring, object, "copy"))
        .and_then(|copy| json::member(&declaring, copy, "count"))
        .is_some_and(|count| json::string(&declaring, count).contains("length("));
    counted || nested()
}

/// Whether the condition that a plan is declared with, or its tier unless elements say that, asks for its name: a plan of
/// another name may then be off.
fn hangs_on_name(views: &dyn Views, list: &PlanList, tier_in_element: bool) -> bool {
    let (Some(view), Some(span)) = (
        views.view(list.declaration.file),
        views.span(list.declaration),
    ) else {
        return false;
    };
    let Some(declaration) = declared(&view, span) else {
        return false;
    };
    let text = |from: usize, to: usize| slice(&view.text, Span::of(from..to));
    let whole = |node: Node<'_>| text(node.start_byte(), node.end_byte());
    let (object, condition) = if is_bicep(&view) {
        let mut node = declaration.child_by_field_name("body");
        let mut condition = "";
        while let Some(outer) = node.filter(|node| matches!(node.kind(), "for" | "if_body")) {
            node = outer.child_by_field_name("body");
            if let Some(inner) = node.filter(|_| outer.kind() == "if_body") {
                condition = text(outer.start_byte(), inner.start_byte());
            }
        }
        (node, condition)
    } else {
        let condition = json::member(&view, declaration, "condition");
        (Some(declaration), condition.map_or("", whole))
    };
    let Some(object) = object.filter(|node| node.kind() == "object") else {
        return false;
    };
    let Some(name) = member(&view, object, "name") else {
        return false;
    };
    let name = whole(name).trim_matches(['"', '[', ']']);
    let tier = member(&view, object, "properties")
        .filter(|properties| properties.kind() == "object")
        .and_then(|properties| member(&view, properties, "pricingTier"))
        .filter(|_| !tier_in_element);
    mentions(condition, name) || tier.is_some_and(|tier| mentions(whole(tier), name))
}

/// Whether a module use computes one of its arguments from what another is: the tier from the name, say.
fn gives_by_name(step: &ModuleUse, views: &dyn Views) -> bool {
    let (Some(view), Some(span)) = (views.view(step.place.file), views.span(step.place)) else {
        return false;
    };
    if !is_bicep(&view) || !is_looped(step, views) {
        return false;
    }
    let object = declared(&view, span).and_then(bicep::body);
    let Some(params) = object.and_then(|object| bicep::module_property(&view, object, "params"))
    else {
        return false;
    };
    let given = members(params)
        .into_iter()
        .filter_map(|pair| pair.child_by_field_name("value"));
    let given: Vec<_> = given
        .map(|value| {
            (
                value.kind(),
                slice(&view.text, Span::of(value.byte_range())),
            )
        })
        .collect();
    let plain = given
        .iter()
        .filter(|(kind, _)| matches!(*kind, "variable" | "member"));
    let mut computed = given
        .iter()
        .filter(|(kind, _)| matches!(*kind, "ternary" | "index"));
    computed.any(|(_, text)| plain.clone().any(|(_, name)| mentions(text, name)))
}

/// Whether an expression stands in a text as a whole.
fn mentions(text: &str, expression: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(expression).any(|(at, found)| {
        let (before, after) = (&text[..at], &text[at + found.len()..]);
        let inside = before.ends_with('.') || part(before.chars().next_back());
        !inside && !part(after.chars().next())
    })
}

/// A list that could take the plan, and the registry's deployments that it is in reach of.
pub struct Joined {
    /// The edit that adds the plan.
    pub file: FileEdit,
    /// Entry file and parameter file of each.
    pub of: Vec<Way>,
}

/// A deployment: entry file and parameter file.
pub type Way = (FileId, Option<FileId>);

/// The lists that must take the plan, `first` among them, so that each of the deployments has it, and has it once: where
/// every parameter file has a list of its own, one of them is not enough. `None` where lists cannot do that.
pub fn for_all(
    first: &Joined,
    options: &[Joined],
    deployment_paths: impl Iterator<Item = Way>,
) -> Option<Vec<FileEdit>> {
    let mut covered = first.of.clone();
    let mut files = vec![first.file.clone()];
    for way in deployment_paths {
        if covered.contains(&way) {
            continue;
        }
        let more = options.iter().find(|one| {
            one.of.contains(&way) && !one.of.iter().any(|other| covered.contains(other))
        })?;
        covered.extend(&more.of);
        match files.iter_mut().find(|file| file.path == more.file.path) {
            Some(file) => {
                file.edits.extend(more.file.edits.iter().cloned());
                file.edits
                    .sort_by_key(|edit| (edit.span.start, edit.span.end));
            }
            None => files.push(more.file.clone()),
        }
    }
    Some(files)
}

/// An array of names, or of objects that hold one each.
struct Shape<'t> {
    array: Node<'t>,
    elements: Vec<Node<'t>>,
    /// Key of the name, where elements are objects.
    name_key: Option<String>,
    /// Key of the tier, where elements say one.
    tier_key: Option<String>,
    /// The element of the plan that is on.
    sample: Node<'t>,
}

impl<'t> Shape<'t> {
    fn of(view: &View, literal: Node<'t>, tier: Option<Span>) -> Option<Self> {
        if literal.kind() != "string" {
            return None;
        }
        let parent = literal.parent()?;
        let (array, sample, name_key, tier_key) = match parent.kind() {
            "array" => (parent, literal, None, None),
            "property" | "pair" => {
                let object = parent.parent()?;
                let array = object.parent().filter(|node| node.kind() == "array")?;
                let holds = |pair: &Node<'_>| {
                    let value = pair.child_by_field_name("value");
                    value.is_some_and(|value| Some(Span::of(value.byte_range())) == tier)
                };
                let tier_key = members(object)
                    .into_iter()
                    .find(holds)
                    .map(|m| key(view, m));
                (array, object, Some(key(view, parent)), tier_key)
            }
            _ => return None,
        };
        let mut cursor = array.walk();
        let elements = array
            .named_children(&mut cursor)
            .filter(|child| child.kind() == sample.kind())
            .collect();
        Some(Shape {
            array,
            elements,
            name_key,
            tier_key,
            sample,
        })
    }

    /// The plans that the list names.
    fn names(&self, view: &View) -> Vec<String> {
        let literal = |node: Node<'t>| match &self.name_key {
            None => Some(node),
            Some(name) => member(view, node, name),
        };
        let each = self.elements.iter().filter_map(|node| literal(*node));
        each.filter(|node| node.kind() == "string")
            .map(|node| decode(view, node))
            .collect()
    }

    /// The element to copy: the one that has least of its own among those that are on for the same reasons as the sample.
    fn model(&self, view: &View) -> Node<'t> {
        let complete = |node: &&Node<'t>| {
            [&self.name_key, &self.tier_key]
                .into_iter()
                .flatten()
                .all(|key| member(view, **node, key).is_some_and(|v| v.kind() == "string"))
                && self.said(view, **node) == self.said(view, self.sample)
        };
        let simple = |node: &&Node<'t>| {
            let own = members(**node)
                .into_iter()
                .filter(|m| {
                    OWN.iter()
                        .any(|own| key(view, *m).eq_ignore_ascii_case(own))
                })
                .count();
            (own, members(**node).len())
        };
        let found = self.elements.iter().filter(complete).min_by_key(simple);
        *found.unwrap_or(&self.sample)
    }

    /// What an element says beside its names, its tier and what belongs to one plan alone: a switch may be among it.
    fn said(&self, view: &View, element: Node<'t>) -> Vec<(String, String)> {
        let name = self.name_key.as_ref();
        let name = name.and_then(|key| member(view, element, key));
        let name = name.map(|node| decode(view, node)).unwrap_or_default();
        let known = [&self.name_key, &self.tier_key];
        let each = members(element).into_iter().filter_map(|pair| {
            let key = key(view, pair).to_ascii_lowercase();
            let value = pair.child_by_field_name("value")?;
            let echo = value.kind() == "string" && decode(view, value).eq_ignore_ascii_case(&name);
            let known = known.iter().filter_map(|key| key.as_ref());
            let known = known.into_iter().any(|one| one.eq_ignore_ascii_case(&key));
            let own = OWN.iter().any(|own| own.eq_ignore_ascii_case(&key));
            let text = slice(&view.text, Span::of(value.byte_range())).to_owned();
            (!known && !own && !echo).then_some((key, text))
        });
        let mut said: Vec<_> = each.collect();
        said.sort_unstable();
        said
    }

    /// The new element as text, and the element it was made from.
    fn element_for(
        &self,
        view: &View,
        plan: &str,
        sample_name: &str,
    ) -> Option<(String, Node<'t>)> {
        let bicep = is_bicep(view);
        let quoted = |text: &str| match bicep {
            true => format!("'{text}'"),
            false => format!("\"{text}\""),
        };
        let model = self.model(view);
        let Some(name_key) = &self.name_key else {
            return Some((quoted(plan), self.sample));
        };
        let old = member(view, model, name_key).map(|node| decode(view, node))?;
        let mut text = String::new();
        let mut at = model.start_byte();
        for pair in members(model) {
            let value = pair.child_by_field_name("value")?;
            let key = key(view, pair);
            let new = if key.eq_ignore_ascii_case(name_key) {
                quoted(plan)
            } else if self
                .tier_key
                .as_ref()
                .is_some_and(|t| t.eq_ignore_ascii_case(&key))
            {
                quoted("Standard")
            } else if OWN.iter().any(|own| key.eq_ignore_ascii_case(own)) {
                match value.kind() {
                    "array" => "[]".to_owned(),
                    _ => "null".to_owned(),
                }
            } else if value.kind() == "string" {
                let said = decode(view, value);
                if said.eq_ignore_ascii_case(&old) || said.eq_ignore_ascii_case(sample_name) {
                    quoted(plan)
                } else {
                    continue;
                }
            } else {
                continue;
            };
            text.push_str(view.text.get(at..value.start_byte())?);
            text.push_str(&new);
            at = value.end_byte();
        }
        text.push_str(view.text.get(at..model.end_byte())?);
        Some((text, model))
    }

    fn insert(&self, view: &View, (written, model): &(String, Node<'t>)) -> Vec<TextEdit> {
        let last = self.elements.last().copied().unwrap_or(self.sample);
        if !is_bicep(view) {
            let layout = Layout::like(view, last).compact(true);
            let moved = reindent(view, *model, last, written);
            return json::insert_after(
                view,
                self.array,
                last,
                &layout,
                None,
                &json::Json::Raw(moved),
            );
        }
        let text = &*view.text;
        let end = last.end_byte() as u32;
        let insert = |at: u32, text: String| {
            vec![TextEdit {
                span: Span::new(at, at),
                text,
            }]
        };
        if on_one_line(text, Span::of(self.array.start_byte()..last.start_byte())) {
            return insert(end, format!(", {written}"));
        }
        let style = Style::of(text, end);
        let moved = reindent(view, *model, last, written);
        let base = indent_at(text, last.start_byte() as u32);
        let rest = slice(text, Span::new(end, line_end(text, end)));
        // A comment behind the last element stays with it; a bracket or a comma there keeps its place behind the new one.
        let at = match rest.trim_start() {
            "" => end,
            comment if comment.starts_with("//") => line_end(text, end),
            _ => end,
        };
        insert(at, format!("{}{base}{moved}", style.newline))
    }
}

/// The copy of an element, its lines moved from the indentation of the original to that of its new neighbour.
fn reindent(view: &View, model: Node<'_>, last: Node<'_>, written: &str) -> String {
    let from = indent_at(&view.text, model.start_byte() as u32);
    let to = indent_at(&view.text, last.start_byte() as u32);
    if from == to || !written.contains(['\n', '\r']) {
        return written.to_owned();
    }
    let newline = Style::of(&view.text, last.start_byte() as u32).newline;
    let lines = written.split(newline).enumerate();
    let moved = lines.map(|(index, line)| match line.strip_prefix(from) {
        Some(rest) if index > 0 => format!("{to}{rest}"),
        _ => line.to_owned(),
    });
    moved.collect::<Vec<_>>().join(newline)
}

fn is_bicep(view: &View) -> bool {
    matches!(view.kind, FileKind::Bicep | FileKind::BicepParams)
}

fn members(object: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = object.walk();
    object
        .named_children(&mut cursor)
        .filter(|child| matches!(child.kind(), "pair" | "property"))
        .collect()
}

fn key(view: &View, member: Node<'_>) -> String {
    match is_bicep(view) {
        true => bicep::key(view, member),
        false => json::key(view, member),
    }
}

fn member<'t>(view: &View, object: Node<'t>, name: &str) -> Option<Node<'t>> {
    members(object)
        .into_iter()
        .find(|m| key(view, *m).eq_ignore_ascii_case(name))
        .and_then(|m| m.child_by_field_name("value"))
}

fn decode(view: &View, string: Node<'_>) -> String {
    match is_bicep(view) {
        true => crate::syntax::bicep::string_value(string, &*view.text).unwrap_or_default(),
        false => json::string(view, string),
    }
}
