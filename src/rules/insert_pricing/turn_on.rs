//! Edits that may turn on a plan that is declared and off: where its tier, its extension or its condition comes from,
//! the simplest first. None is proven here: what changes anything else is dropped when it is verified.

use super::types;
use crate::model::{FileId, FileKind, ItemKind, NodeRef};
use crate::rules::container_scan::plan::EXTENSION;
use crate::rules::container_scan::subject::{OffCause, PlanOff};
use crate::rules::fix::{TextEdit, View, Views};
use crate::syntax::edit::{Declaration, New, Source, Value};
use std::sync::Arc;

/// The repository of the public module that sets plans by its parameters.
const SECURITY_CENTER: &str = "avm/ptn/security/security-center";

/// One edit, in one file.
pub(super) type Edit = (FileId, TextEdit);

/// A way to turn a plan on.
pub(super) type Candidate = Vec<Edit>;

/// The files of a fix, and the deployment that it is for.
pub(super) struct Sources<'a> {
    pub(super) views: &'a dyn Views,
    pub(super) entry: FileId,
    pub(super) parameters: Option<FileId>,
}

impl Sources<'_> {
    pub(super) fn editable(&self, file: FileId) -> Option<Arc<View>> {
        self.views.view(file).filter(|view| view.may_pay)
    }

    /// Calls `then` with the value at a node of a file that may be edited.
    fn at<T>(&self, place: NodeRef, then: impl FnOnce(&View, Value<'_>) -> Option<T>) -> Option<T> {
        let view = self.editable(place.file)?;
        let value = view.source().value_at(self.views.span(place)?)?;
        then(&view, value)
    }

    /// The same with the declaration that holds a node.
    fn declaration<T>(
        &self,
        place: NodeRef,
        then: impl FnOnce(&View, Declaration<'_>) -> Option<T>,
    ) -> Option<T> {
        let view = self.editable(place.file)?;
        let span = self.views.span(place)?;
        let found = view.source().declaration_at(span)?;
        then(&view, found)
    }
}

/// The ways to set a plan's tier and extension, whatever its condition.
pub(super) fn set_values(off: &PlanOff, cx: &Sources<'_>) -> Vec<Candidate> {
    let tiers = match off.cause {
        OffCause::Extension => vec![Vec::new()],
        _ => tiers(off, cx),
    };
    let extensions = match off.extension {
        Some(place) => extensions(off, place, cx),
        None => vec![Vec::new()],
    };
    let mut found = Vec::new();
    for tier in &tiers {
        for extension in &extensions {
            let both: Candidate = tier.iter().chain(extension).cloned().collect();
            if !both.is_empty() {
                found.push(both);
            }
        }
    }
    found
}

fn tiers(off: &PlanOff, cx: &Sources<'_>) -> Vec<Candidate> {
    let mut found = Vec::new();
    let literal = off
        .tier
        .and_then(|place| cx.at(place, |view, value| literal(view, value, "Standard", cx)));
    // One side of a choice is what all take that do not choose the other: what chooses is changed before it.
    let chosen = off
        .tier
        .and_then(|place| cx.at(place, |_, value| Some(value.is_choice())));
    if let Some(place) = off.name_place.filter(|_| chosen == Some(true)) {
        found.extend(of_element(place, cx));
    }
    found.extend(literal);
    if let Some(place) = off.name_place.filter(|_| chosen != Some(true)) {
        found.extend(of_element(place, cx));
    }
    found.extend(by_argument(off, cx));
    found.extend(by_known_module(off, cx));
    found.extend(at_declaration(off, cx));
    found
}

/// Another text for a string literal: also among the values that its parameter allows, if it is none of them.
fn literal(view: &View, value: Value<'_>, text: &str, cx: &Sources<'_>) -> Option<Candidate> {
    value.string()?;
    let parameter = types::parameter_of(view, value.span(), cx.entry, cx.views);
    let source = view.source();
    let Some(parameter) = parameter else {
        return Some(vec![(view.file, value.replace(source.quoted(text)))]);
    };
    let set = |text: &str| (view.file, value.replace(source.quoted(text)));
    match parameter.allows(text) {
        types::Allows::Yes(text) => Some(vec![set(&text)]),
        types::Allows::No => {
            let mut edits = vec![set(text)];
            let declaring = cx.editable(parameter.view.file)?;
            edits.extend(widen(&declaring, parameter.name(), text)?);
            Some(edits)
        }
    }
}

/// Adds a text to the values that a parameter allows.
fn widen(view: &View, name: &str, text: &str) -> Option<Candidate> {
    let source = view.source();
    let of_view = |edits: Vec<TextEdit>| edits.into_iter().map(|edit| (view.file, edit)).collect();
    if !source.bicep {
        let parameters = source.root()?.member("parameters")?;
        let allowed = parameters.member(name)?.member("allowedValues")?;
        return allowed.add_element(&New::text(text)).map(of_view);
    }
    let all = source.declarations();
    let mut symbol = name.to_owned();
    // A type may be the name of another.
    for _ in 0..8 {
        let declaration = all.iter().find(|one| one.symbol() == Some(&*symbol))?;
        if let Some(arguments) = declaration.decorator("allowed") {
            return arguments
                .first()?
                .add_element(&New::text(text))
                .map(of_view);
        }
        let ty = declaration.declared_type()?;
        if ty.text().contains('|') || ty.text().starts_with('\'') {
            let more = format!(" | {}", source.quoted(text));
            return Some(of_view(vec![TextEdit::insert(ty.span().end, more)]));
        }
        symbol = ty.text().to_owned();
    }
    None
}

/// The element of a list or map that a plan's name is in, changed as those are that are on.
fn of_element(name: NodeRef, cx: &Sources<'_>) -> Vec<Candidate> {
    let found = cx.at(name, |view, value| {
        let mut texts: Vec<TextEdit> = Vec::new();
        let (outer, key) = value.container()?;
        if key.is_some() && outer.is_key(&value) {
            // A map by names: what the name leads to is the switch.
            let own = outer.member(&value.string().unwrap_or_else(|| value.text().to_owned()))?;
            let others: Vec<Value<'_>> = outer.members().into_iter().map(|m| m.value).collect();
            switches(own, &others, &mut texts);
        } else if outer.is_object() {
            let (list, _) = outer.container()?;
            let others: Vec<Value<'_>> = match list.is_list() {
                true => list.elements(),
                false => list.members().into_iter().map(|m| m.value).collect(),
            };
            switches(outer, &others, &mut texts);
        }
        Some(
            texts
                .into_iter()
                .map(|edit| vec![(view.file, edit)])
                .collect::<Vec<_>>(),
        )
    });
    found.unwrap_or_default()
}

/// Changes of one literal of an element to what it is in another element.
fn switches(own: Value<'_>, others: &[Value<'_>], found: &mut Vec<TextEdit>) {
    if own.is_object() {
        for member in own.members() {
            let same: Vec<Value<'_>> = others
                .iter()
                .filter_map(|other| other.member(&member.key))
                .collect();
            if !matches!(&*member.key.to_ascii_lowercase(), "name" | "subplan") {
                switches(member.value, &same, found);
            }
        }
        let tiers = others
            .iter()
            .filter_map(|other| other.member_that_is("Standard"));
        for (key, value) in tiers.take(1) {
            if own.member(&key).is_none() {
                let edits = own.add_member(&key, &New::Raw(value.text().to_owned()));
                found.extend(edits.filter(|edits| edits.len() == 1).into_iter().flatten());
            }
        }
        return;
    }
    let mut texts: Vec<String> = Vec::new();
    if let Some(value) = own.boolean() {
        texts.push((!value).to_string());
    }
    for other in others {
        let text = other.text().to_owned();
        if other.is_literal() && text != own.text() && !texts.contains(&text) {
            texts.push(text);
        }
    }
    if own.is_literal() {
        texts.truncate(4);
        found.extend(texts.into_iter().map(|text| own.replace(text)));
    }
}

/// The argument of a module use that the tier comes from: the innermost use, or one further out that gives it on.
fn by_argument(off: &PlanOff, cx: &Sources<'_>) -> Vec<Candidate> {
    let mut found = Vec::new();
    let mut parameter = cx.views.view(off.declaration.file).and_then(|view| {
        let span = cx.views.span(off.type_place)?;
        let declaration = view.source().declaration_at(span)?;
        let tier = declaration.member("properties")?.member("pricingTier")?;
        Some(tier.name()?.to_owned())
    });
    for step in off.via.iter().rev() {
        let Some(name) = parameter.take() else {
            break;
        };
        let edits = cx.declaration(step.place, |view, declaration| {
            if !view.source().bicep {
                return None;
            }
            let params = declaration.member("params");
            let given = params.and_then(|params| params.exact_member(&name));
            parameter = given.and_then(|value| Some(value.name()?.to_owned()));
            if declaration.is_looped() {
                return None;
            }
            let standard = New::text("Standard");
            let edits = match (given, params) {
                (Some(value), _) => vec![value.set(&standard)],
                (None, Some(params)) => params.add_member(&name, &standard)?,
                (None, None) => declaration
                    .body()?
                    .add_member("params", &New::object([(&*name, standard)]))?,
            };
            Some(edits.into_iter().map(|edit| (view.file, edit)).collect())
        });
        found.extend(edits);
    }
    found
}

/// Where a public module leaves the plan Free, its argument decides.
fn by_known_module(off: &PlanOff, cx: &Sources<'_>) -> Option<Candidate> {
    let place = match off
        .via
        .iter()
        .rev()
        .find(|s| cx.editable(s.place.file).is_some())
    {
        Some(step) if !off.known_module => step.place,
        _ => off.type_place,
    };
    cx.declaration(place, |view, declaration| {
        let path = declaration.path()?.string()?;
        let (_, version) = path.split_once(SECURITY_CENTER)?;
        let version = version.trim_start_matches(':');
        let old = version.starts_with("0.1.") || version.starts_with("0.2.");
        let standard = || New::text("Standard");
        let plan = New::object([
            ("name", New::text("Containers")),
            ("pricingTier", standard()),
        ]);
        let (name, value) = match old {
            true => ("containersTier", standard()),
            false => ("defenderPlans", New::List(vec![plan])),
        };
        let edits = match declaration.member("params") {
            Some(params) if params.exact_member(name).is_some() => return None,
            Some(params) => params.add_member(name, &value)?,
            None => declaration
                .body()?
                .add_member("params", &New::object([(name, value)]))?,
        };
        Some(edits.into_iter().map(|edit| (view.file, edit)).collect())
    })
}

/// The declaration itself: Standard for this plan, and what it says for the others.
fn at_declaration(off: &PlanOff, cx: &Sources<'_>) -> Option<Candidate> {
    cx.declaration(off.type_place, |view, declaration| {
        let source = view.source();
        let body = declaration.body()?;
        let own = own_name(off, source, body);
        let edits = match body.member("properties") {
            Some(properties) if properties.is_object() => match properties.member("pricingTier") {
                Some(tier) => {
                    if own.is_none() && leaves_unused(source, tier) {
                        return None;
                    }
                    let standard = source.quoted("Standard");
                    vec![for_this_plan(
                        source,
                        own.as_deref(),
                        tier,
                        &off.name,
                        &standard,
                    )?]
                }
                None => {
                    let tier = match own {
                        None => New::text("Standard"),
                        Some(_) => return None,
                    };
                    properties.add_member("pricingTier", &tier)?
                }
            },
            Some(properties) => vec![with_tier(source, own.as_deref(), properties, &off.name)?],
            None => {
                let tier = New::object([("pricingTier", New::text("Standard"))]);
                body.add_member("properties", &tier)?
            }
        };
        Some(edits.into_iter().map(|edit| (view.file, edit)).collect())
    })
}

/// The expression that names a plan, unless it is the plan's literal name and no loop repeats it.
fn own_name(off: &PlanOff, source: Source<'_>, body: Value<'_>) -> Option<String> {
    let name = body.member("name")?;
    if name
        .string()
        .is_some_and(|text| text.eq_ignore_ascii_case(&off.name))
    {
        return None;
    }
    match source.bicep {
        false => name.bracketed(),
        true => {
            let text = name.text();
            let plain = text
                .chars()
                .all(|c| c.is_alphanumeric() || "._[]'\"(){}$".contains(c));
            Some(if plain {
                text.to_owned()
            } else {
                format!("({text})")
            })
        }
    }
}

/// `name == 'Containers' ? 'Standard' : …`, or the value for the one plan alone.
fn for_this_plan(
    source: Source<'_>,
    own: Option<&str>,
    value: Value<'_>,
    plan: &str,
    new: &str,
) -> Option<TextEdit> {
    let Some(own) = own else {
        return Some(value.replace(new));
    };
    if source.bicep {
        let old = value.text();
        let quoted = source.quoted(plan);
        return Some(value.replace(format!("{own} == {quoted} ? {new} : {old}")));
    }
    let old = match value.bracketed() {
        Some(expression) => expression,
        None => format!("'{}'", value.string()?.replace('\'', "''")),
    };
    let new = new.trim_matches('"');
    let text = format!("[if(equals({own}, '{plan}'), '{new}', {old})]");
    Some(value.replace(format!(
        "\"{}\"",
        text.replace('\\', "\\\\").replace('"', "\\\"")
    )))
}

/// Properties that are another expression, with the tier.
fn with_tier(
    source: Source<'_>,
    own: Option<&str>,
    properties: Value<'_>,
    plan: &str,
) -> Option<TextEdit> {
    if source.bicep {
        let tier = "{ pricingTier: 'Standard' }";
        let old = properties.text();
        let more = match own {
            None => tier.to_owned(),
            Some(own) => format!("{own} == {} ? {tier} : {{}}", source.quoted(plan)),
        };
        return Some(properties.replace(format!("union({old}, {more})")));
    }
    let old = properties.bracketed()?;
    let tier = "createObject('pricingTier', 'Standard')";
    let more = match own {
        None => tier.to_owned(),
        Some(own) => format!("if(equals({own}, '{plan}'), {tier}, createObject())"),
    };
    Some(properties.replace(format!("\"[union({old}, {more})]\"")))
}

/// Whether a parameter or variable is used nowhere else than in this expression: its removal would leave a warning.
fn leaves_unused(source: Source<'_>, value: Value<'_>) -> bool {
    let names = value.names();
    source.bicep
        && names
            .iter()
            .any(|name| source.uses_of(name, value.span()) == 0)
}

/// The ways to switch the extension on: its literal, or at the declaration.
fn extensions(off: &PlanOff, place: NodeRef, cx: &Sources<'_>) -> Vec<Candidate> {
    let on = |value: &Value<'_>| match value.boolean() {
        Some(_) => New::Raw("true".to_owned()),
        None => New::text("True"),
    };
    let literal = cx.at(place, |view, value| {
        Some(vec![(view.file, value.set(&on(&value)))])
    });
    let declared = cx.declaration(off.type_place, |view, declaration| {
        let list = declaration.member("properties")?.member("extensions")?;
        if list.is_list() {
            let entry = list.elements().into_iter().find(|one| {
                let name = one.member("name").and_then(|name| name.string());
                name.is_some_and(|name| name.eq_ignore_ascii_case(EXTENSION))
            })?;
            let value = entry.member("isEnabled")?;
            let source = view.source();
            return (!leaves_unused(source, value))
                .then(|| vec![(view.file, value.set(&New::text("True")))]);
        }
        let shared = cx.at(place, |_, value| {
            let (entry, _) = value.container()?;
            let (all, _) = entry.container()?;
            let start = (value.span().start - all.span().start) as usize;
            let end = (value.span().end - all.span().start) as usize;
            let new = format!(
                "{}{}{}",
                all.text().get(..start)?,
                all_quoted(&value),
                all.text().get(end..)?
            );
            all.is_list().then_some((new, all.indent().to_owned()))
        });
        let (text, from) = shared?;
        let text = text.replace(&format!("\n{from}"), &format!("\n{}", list.indent()));
        Some(vec![(view.file, list.replace(text))])
    });
    literal.into_iter().chain(declared).collect()
}

fn all_quoted(value: &Value<'_>) -> &'static str {
    match (value.boolean(), value.is_bicep()) {
        (Some(_), _) => "true",
        (None, true) => "'True'",
        (None, false) => "\"True\"",
    }
}

/// The ways to let a plan be deployed: what its condition comes from, else without the condition.
pub(super) fn deploy(off: &PlanOff, cx: &Sources<'_>) -> Vec<Candidate> {
    let Some(place) = off.condition else {
        return Vec::new();
    };
    let Some(view) = cx.editable(place.file) else {
        return Vec::new();
    };
    let source = view.source();
    let Some(span) = cx.views.span(place) else {
        return Vec::new();
    };
    let Some(declaration) = source.declaration_at(span) else {
        return Vec::new();
    };
    let Some(condition) = declaration.condition() else {
        return Vec::new();
    };
    let names = condition.value.names();
    let mut found = off
        .name_place
        .map_or_else(Vec::new, |name| of_element(name, cx));
    for name in &names {
        found.extend(flipped(name, &view, cx));
        found.extend(defaulted(name, &view));
    }
    let unused = source.bicep
        && names
            .iter()
            .any(|name| source.uses_of(name, condition.whole) == 0);
    if !unused {
        let text = if source.bicep { "" } else { "true" };
        let edit = TextEdit {
            span: condition.whole,
            text: text.to_owned(),
        };
        found.push(vec![(view.file, edit)]);
    }
    found
}

/// The other value of a switch: in the parameter file, as the parameter's default or as the variable's value.
fn flipped(name: &str, view: &View, cx: &Sources<'_>) -> Option<Candidate> {
    let in_file = |view: &View, is: &dyn Fn(&ItemKind) -> bool| {
        let items = view.model.items();
        let mut found = items.filter(|(item, _)| is(&item.kind));
        let (item, (start, spans)) = found.next()?;
        let value = match &item.kind {
            ItemKind::Assignment(assignment) => &assignment.value,
            ItemKind::Parameter(parameter) => parameter.default.as_ref()?,
            ItemKind::Variable(variable) => &variable.value,
            _ => return None,
        };
        let span = spans.nodes.get(value.node as usize)?.shift(*start);
        let value = view.source().value_at(span)?;
        let new = !value.boolean()?;
        Some(vec![(view.file, value.replace(new.to_string()))])
    };
    let assigned = cx
        .parameters
        .filter(|_| view.file == cx.entry)
        .and_then(|file| {
            let values = cx.editable(file)?;
            in_file(
                &values,
                &|kind| matches!(kind, ItemKind::Assignment(one) if one.name.is(name)),
            )
        });
    assigned.or_else(|| {
        in_file(view, &|kind| match kind {
            ItemKind::Parameter(one) => one.name.is(name),
            ItemKind::Variable(one) => one.name.is(name),
            _ => false,
        })
    })
}

/// Each of the two defaults for a switch that has none.
fn defaulted(name: &str, view: &View) -> Vec<Candidate> {
    let items = view.model.template.items.iter();
    let required = items.into_iter().any(|item| match &item.kind {
        ItemKind::Parameter(one) => one.name.is(name) && one.default.is_none(),
        _ => false,
    });
    let source = view.source();
    let set = |value: bool| {
        let edits = if source.bicep {
            let all = source.declarations();
            let own = all
                .into_iter()
                .find(|one| one.is_parameter() && one.symbol() == Some(name))?;
            let ty = own.declared_type().filter(|ty| ty.text() == "bool")?;
            vec![TextEdit::insert(ty.span().end, format!(" = {value}"))]
        } else {
            let own = source.root()?.member("parameters")?.member(name)?;
            let ty = own.member("type")?.string()?;
            let new = New::Raw(value.to_string());
            ty.eq_ignore_ascii_case("bool")
                .then(|| own.add_member("defaultValue", &new))??
        };
        Some(edits.into_iter().map(|edit| (view.file, edit)).collect())
    };
    match required {
        true => [true, false].into_iter().filter_map(set).collect(),
        false => Vec::new(),
    }
}

/// The text that the parameter or variable of a declared tier is, changed to Standard.
fn tier_by_name(off: &PlanOff, cx: &Sources<'_>) -> Option<Candidate> {
    cx.declaration(off.type_place, |view, declaration| {
        let tier = declaration.member("properties")?.member("pricingTier")?;
        let name = tier.names().into_iter().next()?;
        let items = view.model.items();
        let mut values = items.filter_map(|(item, (start, spans))| {
            let value = match &item.kind {
                ItemKind::Parameter(one) if one.name.is(&name) => one.default.as_ref()?,
                ItemKind::Variable(one) if one.name.is(&name) => &one.value,
                _ => return None,
            };
            Some(spans.nodes.get(value.node as usize)?.shift(*start))
        });
        let value = view.source().value_at(values.next()?)?;
        literal(view, value, "Standard", cx)
    })
}

/// The ways to set the tier of what is not deployed yet, and so was not evaluated; first, none.
pub(super) fn tiers_at_declaration(off: &PlanOff, cx: &Sources<'_>) -> Vec<Candidate> {
    let mut found = vec![Vec::new()];
    if let Some(place) = off.tier {
        found.extend(cx.at(place, |view, value| literal(view, value, "Standard", cx)));
    }
    found.extend(tier_by_name(off, cx));
    found.extend(at_declaration(off, cx));
    found
}

/// Another plan's name for a superseded plan, with an API version that the new one can have.
pub(super) fn rename(off: &PlanOff, to: &str, cx: &Sources<'_>) -> Option<Candidate> {
    let mut edits = cx.at(off.name_place?, |view, value| {
        value.string()?;
        Some(vec![(view.file, value.replace(view.source().quoted(to)))])
    })?;
    let version = cx.at(off.type_place, |view, value| {
        let text = value.string().filter(|_| view.kind == FileKind::Bicep)?;
        let (ty, version) = text.split_once('@')?;
        let old = version < super::insert::OLDEST_VERSION;
        let new = format!("{ty}@{}", super::insert::VERSION);
        old.then(|| vec![(view.file, value.replace(view.source().quoted(&new)))])
    });
    let in_json = cx.declaration(off.type_place, |view, declaration| {
        let version = declaration.member("apiVersion")?;
        let old = version.string()?.as_str() < super::insert::OLDEST_VERSION;
        old.then(|| vec![(view.file, version.set(&New::text(super::insert::VERSION)))])
    });
    edits.extend(version.or(in_json).into_iter().flatten());
    Some(edits)
}
