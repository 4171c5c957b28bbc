//! Turns on a plan that is there: edits where its tier, or the switch of its extension, comes from; renames a plan that
//! has been superseded.

use tree_sitter::Node;

use super::bicep;
use super::json;
use crate::model::{Expr, ExprKind, FileId, FileKind, ItemKind, NodeRef, Parameter, TypeExpr};
use crate::rules::container_scan::subject::{OffCause, PlanOff};
use crate::rules::fix::{TextEdit, View, Views};
use crate::text::Span;

/// The repository of the public module that sets plans by its parameters.
const SECURITY_CENTER: &str = "avm/ptn/security/security-center";

/// One edit, in one file.
pub type Edit = (NodeRef, TextEdit);

/// The edits that turn a plan on, its condition aside; `None` where one of the values cannot be edited.
pub fn turn_on(off: &PlanOff, views: &dyn Views) -> Option<Vec<Edit>> {
    let mut edits = Vec::new();
    match (&off.cause, off.tier) {
        (_, Some(tier)) if editable(views, tier) => {
            let standard = standard(off, views, tier)?;
            edits.push((tier, replace_text(views, tier, &standard)?));
        }
        (OffCause::Tier(_), _) => edits.push(by_argument(off, views)?),
        (OffCause::NoTier, _) => edits.push(add_tier(off, views)?),
        _ => {}
    }
    if let Some(extension) = off.extension {
        if !editable(views, extension) {
            return None;
        }
        edits.push((extension, switch_on(views, extension)?));
    }
    Some(edits)
}

/// How `Standard` is spelled where a literal stands: as the parameter allows it that the literal is the value of. `None`
/// where the parameter allows no such thing.
fn standard(off: &PlanOff, views: &dyn Views, literal: NodeRef) -> Option<String> {
    let view = views.view(literal.file)?;
    let span = views.span(literal)?;
    let entry = off
        .via
        .first()
        .map_or(off.declaration.file, |step| step.place.file);
    match allowed_at(&view, span, entry, views) {
        None => Some("Standard".to_owned()),
        Some(words) => words
            .into_iter()
            .find(|word| word.eq_ignore_ascii_case("Standard")),
    }
}

/// The texts that a parameter allows, as its value or within it, where what stands at a span is its default or is given
/// to it in a parameter file of `entry`.
pub fn allowed_at(
    view: &View,
    span: Span,
    entry: FileId,
    views: &dyn Views,
) -> Option<Vec<String>> {
    match valued(view, span)? {
        ItemKind::Parameter(parameter) => allowed(parameter),
        ItemKind::Assignment(assignment) => {
            let entry = views.view(entry)?;
            let items = entry.model.template.items.iter();
            items
                .filter_map(|item| match &item.kind {
                    ItemKind::Parameter(parameter) => Some(parameter),
                    _ => None,
                })
                .find(|parameter| parameter.name == assignment.name)
                .and_then(allowed)
        }
        _ => None,
    }
}

/// The parameter whose default, or the assignment whose value, is what stands at a span.
fn valued(view: &View, span: Span) -> Option<&ItemKind> {
    let places = view.model.spans.iter();
    let items = view.model.template.items.iter().zip(places);
    items
        .map(|(item, place)| (&item.kind, place))
        .find(|(kind, (start, spans))| {
            let value = match kind {
                ItemKind::Parameter(parameter) => parameter.default.as_ref(),
                ItemKind::Assignment(assignment) => Some(&assignment.value),
                _ => None,
            };
            let at = value.and_then(|value| spans.nodes.get(value.node as usize));
            at.is_some_and(|at| at.shift(*start) == span)
        })
        .map(|(kind, _)| kind)
}

/// The texts that a parameter allows, where it says so by a list or by a union of literals.
fn allowed(parameter: &Parameter) -> Option<Vec<String>> {
    let text = |expr: &Expr| expr.as_str().map(str::to_owned);
    if let Some(Expr {
        kind: ExprKind::Array(elements),
        ..
    }) = &parameter.allowed
    {
        return elements
            .iter()
            .map(|element| text(&element.value))
            .collect();
    }
    let literal = |ty: &TypeExpr| match ty {
        TypeExpr::Literal(expr) => text(expr),
        _ => None,
    };
    let ty = match &parameter.ty {
        TypeExpr::Array(of) => &**of,
        ty => ty,
    };
    match ty {
        TypeExpr::Union(each) => each.iter().map(literal).collect(),
        single => literal(single).map(|word| vec![word]),
    }
}

fn editable(views: &dyn Views, place: NodeRef) -> bool {
    views.view(place.file).is_some_and(|view| view.editable)
}

/// Replaces what a string literal says, its quotes kept.
pub fn replace_text(views: &dyn Views, place: NodeRef, by: &str) -> Option<TextEdit> {
    let view = views.view(place.file)?;
    let span = views.span(place)?;
    let quote = match view.kind {
        FileKind::Bicep | FileKind::BicepParams => '\'',
        _ => '"',
    };
    let said = super::style::slice(&view.text, span);
    (said.starts_with(quote) && said.ends_with(quote) && said.len() > 1).then(|| TextEdit {
        span,
        text: format!("{quote}{by}{quote}"),
    })
}

/// The opposite of what turns an extension off, of the same type.
fn switch_on(views: &dyn Views, place: NodeRef) -> Option<TextEdit> {
    let view = views.view(place.file)?;
    let span = views.span(place)?;
    if super::style::slice(&view.text, span) == "false" {
        return Some(TextEdit {
            span,
            text: "true".to_owned(),
        });
    }
    replace_text(views, place, "True")
}

/// A plan that says no tier gets one.
fn add_tier(off: &PlanOff, views: &dyn Views) -> Option<Edit> {
    let view = views
        .view(off.declaration.file)
        .filter(|view| view.editable)?;
    let span = views.span(off.type_place)?;
    let edit = match view.kind {
        FileKind::Bicep => {
            let object = bicep::body(bicep::declaration_at(&view, span)?)?;
            let tier = vec![(0, "pricingTier: 'Standard'".to_owned())];
            match bicep::property(&view, object, "properties") {
                Some(node) if node.kind() == "object" => bicep::add_property(&view, node, &tier),
                Some(_) => return None,
                None => {
                    let lines = vec![
                        (0, "properties: {".to_owned()),
                        (1, tier[0].1.clone()),
                        (0, "}".to_owned()),
                    ];
                    bicep::add_property(&view, object, &lines)
                }
            }
        }
        _ => return None,
    };
    Some((off.type_place, edit))
}

/// Where a module leaves the plan Free, its argument decides.
fn by_argument(off: &PlanOff, views: &dyn Views) -> Option<Edit> {
    let place = match off
        .via
        .iter()
        .rev()
        .find(|step| editable(views, step.place))
    {
        Some(step) if !off.known_module => step.place,
        _ => off.type_place,
    };
    let view = views.view(place.file).filter(|view| view.editable)?;
    let span = views.span(place)?;
    let reference = super::style::slice(&view.text, span);
    let (_, version) = reference.split_once(SECURITY_CENTER)?;
    let version = version.trim_matches([':', '\'']);
    let old = version.starts_with("0.1.") || version.starts_with("0.2.");
    let module = bicep::body(bicep::declaration_at(&view, span)?)?;
    let argument = if old {
        vec![(0, "containersTier: 'Standard'".to_owned())]
    } else {
        vec![
            (0, "defenderPlans: [".to_owned()),
            (1, "{".to_owned()),
            (2, "name: 'Containers'".to_owned()),
            (2, "pricingTier: 'Standard'".to_owned()),
            (1, "}".to_owned()),
            (0, "]".to_owned()),
        ]
    };
    let name = if old {
        "containersTier"
    } else {
        "defenderPlans"
    };
    let edit = match bicep::module_property(&view, module, "params") {
        Some(params) if params.kind() == "object" => {
            if bicep::property(&view, params, name).is_some() {
                return None;
            }
            bicep::add_property(&view, params, &argument)
        }
        Some(_) => return None,
        None => {
            let mut lines = vec![(0, "params: {".to_owned())];
            lines.extend(argument.into_iter().map(|(level, text)| (level + 1, text)));
            lines.push((0, "}".to_owned()));
            bicep::add_property(&view, module, &lines)
        }
    };
    Some((place, edit))
}

/// Whether an expression is a parameter or a variable of the file by its name, and that one says `Standard`.
fn defaults_to_standard(view: &View, expression: &str) -> bool {
    let name = expression
        .strip_prefix("[parameters('")
        .or_else(|| expression.strip_prefix("[variables('"))
        .and_then(|rest| rest.strip_suffix("')]"))
        .unwrap_or(expression);
    view.model.template.items.iter().any(|item| {
        let (of, value) = match &item.kind {
            ItemKind::Parameter(parameter) => (&parameter.name, parameter.default.as_ref()),
            ItemKind::Variable(variable) => (&variable.name, Some(&variable.value)),
            _ => return false,
        };
        let said = value.and_then(|value| value.as_str());
        of.is(name) && said.is_some_and(|said| said.eq_ignore_ascii_case("Standard"))
    })
}

/// Takes away the condition that keeps a plan from being deployed, so that it always is; what is never deployed is not
/// evaluated, so its tier is read here. `None` where the condition is not the plan's own.
pub fn always(off: &PlanOff, views: &dyn Views) -> Option<Vec<Edit>> {
    if off.known_module {
        return None;
    }
    let reported = off
        .condition
        .filter(|reported| reported.file == off.type_place.file)?;
    let reported = views.span(reported)?;
    let says = |span: Span| span.start <= reported.start && reported.end <= span.end;
    let view = views
        .view(off.type_place.file)
        .filter(|view| view.editable)?;
    let span = views.span(off.type_place)?;
    let text = |node: Node<'_>| super::style::slice(&view.text, Span::of(node.byte_range()));
    // `None` where what is never deployed may not scan even with its tier set.
    let standard = |tier: Option<Node<'_>>, extensions: Option<Node<'_>>, quote: char| {
        if off.cause != OffCause::Condition {
            return Some(None);
        }
        let (tier, switched) = (tier?, |node| {
            text(node).to_ascii_lowercase().contains("false")
        });
        if extensions.is_some_and(|node| node.kind() != "array" || switched(node)) {
            return None;
        }
        let said = text(tier).trim_matches(quote);
        let plain = tier.kind() == "string" && said.chars().all(char::is_alphanumeric);
        let on = said.eq_ignore_ascii_case("Standard");
        let edit = || TextEdit {
            span: Span::of(tier.byte_range()),
            text: format!("{quote}Standard{quote}"),
        };
        match plain {
            true => Some((!on).then(edit)),
            false => defaults_to_standard(&view, said).then_some(None),
        }
    };
    let (edit, tier) = match view.kind {
        FileKind::Bicep => {
            let declaration = bicep::declaration_at(&view, span)?;
            // A nested resource inherits conditions that stand elsewhere.
            let own = declaration.child_by_field_name("type")?;
            if Span::of(own.byte_range()) != span {
                return None;
            }
            let body = declaration
                .child_by_field_name("body")
                .filter(|node| node.kind() == "if_body")?;
            let object = body.child_by_field_name("body")?;
            let condition = Span::of(body.start_byte()..object.start_byte());
            let properties = bicep::property(&view, object, "properties")
                .filter(|properties| properties.kind() == "object");
            let of = |name| bicep::property(&view, properties?, name);
            let edit = says(condition).then(|| TextEdit {
                span: condition,
                text: String::new(),
            })?;
            (edit, standard(of("pricingTier"), of("extensions"), '\'')?)
        }
        FileKind::ArmTemplate => {
            let (_, element) = json::resource_at(&view, span.start)?;
            let object = match element.kind() {
                "pair" => element.child_by_field_name("value")?,
                _ => element,
            };
            let condition = json::member(&view, object, "condition")?;
            let condition = Span::of(condition.byte_range());
            let properties = json::member(&view, object, "properties")
                .filter(|properties| properties.kind() == "object");
            let of = |name| json::member(&view, properties?, name);
            let edit = says(condition).then(|| TextEdit {
                span: condition,
                text: "true".to_owned(),
            })?;
            (edit, standard(of("pricingTier"), of("extensions"), '"')?)
        }
        _ => return None,
    };
    let edits = [Some(edit), tier].into_iter().flatten();
    Some(edits.map(|edit| (off.type_place, edit)).collect())
}

/// Whether a file says a name in a string of its own, so that renaming another to it would make two.
pub fn says(view: &View, name: &str) -> bool {
    let bicep = matches!(view.kind, FileKind::Bicep | FileKind::BicepParams);
    let quoted = match bicep {
        true => format!("'{}'", name.to_ascii_lowercase()),
        false => format!("\"{}\"", name.to_ascii_lowercase()),
    };
    view.text.to_ascii_lowercase().contains(&quoted)
}
