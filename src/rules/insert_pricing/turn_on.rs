//! Edits that may turn on a plan that is declared and off: where its tier, its extension or its condition comes from,
//! the simplest first. None is proven here: what changes anything else is dropped when it is verified.

use std::sync::Arc;

use super::insert::{OLDEST_VERSION, VERSION};
use super::rename::in_one_list;
use crate::model::{FileId, ItemKind, NodeRef};
use crate::rules::container_scan::plan::EXTENSION;
use crate::rules::container_scan::subject::{OffCause, PlanOff};
use crate::rules::fix::{TextEdit, View, Views};
use crate::syntax::edit::{Declaration, New, Value};

const STANDARD: &str = "Standard";

/// A way to turn a plan on: edits with their files.
pub(super) type Candidate = Vec<(FileId, TextEdit)>;

/// The files of a fix, and the deployment that it is for.
pub(super) struct Sources<'a> {
    pub(super) views: &'a dyn Views,
    pub(super) entry: FileId,
    pub(super) parameters: Option<FileId>,
}

impl Sources<'_> {
    fn editable(&self, file: FileId) -> Option<Arc<View>> {
        self.views.view(file).filter(|view| view.may_pay)
    }

    /// Calls `then` with the value at a node of a file that may be edited.
    fn at<T>(
        &self,
        place: NodeRef,
        then: impl FnOnce(&Arc<View>, Value<'_>) -> Option<T>,
    ) -> Option<T> {
        let view = self.editable(place.file)?;
        let value = view.source().value_at(self.views.span(place)?)?;
        then(&view, value)
    }

    /// Edits of the declaration that holds a node of a file that may be edited.
    fn declaration(
        &self,
        place: NodeRef,
        edits: impl FnOnce(Declaration<'_>) -> Option<Vec<TextEdit>>,
    ) -> Option<Candidate> {
        let view = self.editable(place.file)?;
        let found = view.source().declaration_at(self.views.span(place)?)?;
        Some(in_file(&view, edits(found)?))
    }
}

fn in_file(view: &View, edits: Vec<TextEdit>) -> Candidate {
    edits.into_iter().map(|edit| (view.file, edit)).collect()
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
    let mut found = both(&tiers, &extensions);
    found.retain(|edits| !edits.is_empty());
    found
}

/// Each of the first with each of the second.
pub(super) fn both(first: &[Candidate], second: &[Candidate]) -> Vec<Candidate> {
    let pairs = first
        .iter()
        .flat_map(|one| second.iter().map(move |other| (one, other)));
    pairs
        .map(|(one, other)| [one.clone(), other.clone()].concat())
        .collect()
}

fn tiers(off: &PlanOff, cx: &Sources<'_>) -> Vec<Candidate> {
    // With both sides of a choice alike, what chooses would decide nothing any more.
    let literal = off.tier.and_then(|place| {
        cx.at(place, |view, value| {
            let other = value.choice().and_then(|(_, other)| other.string());
            let decides = !other.is_some_and(|other| other.eq_ignore_ascii_case(STANDARD));
            standard(view, value, cx).filter(|_| decides)
        })
    });
    let element = off.name_place.map(|name| of_element(name, cx));
    let element = element.or_else(|| of_map(off, cx)).unwrap_or_default();
    let switch = by_switch(off, cx);
    let argument = by_argument(off, cx);
    let is_choice = |place| cx.at(place, |_, value| Some(value.choice().is_some()));
    let is_choice = off.tier.and_then(is_choice) == Some(true);
    // The default of a module's parameter is for all who use it: the use comes first. One side of a choice is what all
    // take that do not choose the other: what chooses is changed before it.
    let is_default = off.tier.is_some_and(|it| it.file == off.type_place.file);
    let mut found = if is_default {
        argument.clone()
    } else {
        Vec::new()
    };
    match is_choice {
        true => found.extend(element.into_iter().chain(switch).chain(literal)),
        false => found.extend(literal.into_iter().chain(element).chain(switch)),
    }
    found.extend(argument);
    found.extend(by_known_module(off, cx));
    found.extend(at_declaration(off, cx));
    found
}

/// Standard for a string literal: as its parameter writes it, which also allows it then.
fn standard(view: &Arc<View>, value: Value<'_>, cx: &Sources<'_>) -> Option<Candidate> {
    value.string()?;
    let set = |text: &str| vec![(view.file, value.replace(view.source().quoted(text)))];
    let declaring = parameter_around(view, value, cx);
    let Some((declaring, name)) = declaring else {
        return Some(set(STANDARD));
    };
    let Some(allowed) = declaring.source().allowed(&name) else {
        return Some(set(STANDARD));
    };
    let mut words = allowed.words.iter();
    if let Some(word) = words.find(|word| word.eq_ignore_ascii_case(STANDARD)) {
        return Some(set(word));
    }
    let editable = cx.editable(declaring.file)?;
    Some([set(STANDARD), in_file(&editable, allowed.add(STANDARD)?)].concat())
}

/// The parameter whose default, or whose value in a parameter file, holds a value, with the file that declares it.
fn parameter_around(
    view: &Arc<View>,
    value: Value<'_>,
    cx: &Sources<'_>,
) -> Option<(Arc<View>, String)> {
    view.model.items().find_map(|(item, (start, spans))| {
        let (name, holder, declaring) = match &item.kind {
            ItemKind::Parameter(one) => (&one.name, one.default.as_ref()?, view.file),
            ItemKind::Assignment(one) => (&one.name, &one.value, cx.entry),
            _ => return None,
        };
        let span = spans.nodes.get(holder.node as usize)?.shift(*start);
        let inside = span.start <= value.span().start && value.span().end <= span.end;
        inside.then(|| Some((cx.views.view(declaring)?, name.to_string())))?
    })
}

/// The element of a list or map that a plan's name is in, changed as those are that are on.
fn of_element(name: NodeRef, cx: &Sources<'_>) -> Vec<Candidate> {
    let found = cx.at(name, |view, value| {
        let mut edits = Vec::new();
        let (outer, key) = value.container()?;
        if key.is_some() && outer.is_key(&value) {
            // A map by names: what the name leads to is the switch.
            let own = outer.member(&value.string().unwrap_or_else(|| value.text().to_owned()))?;
            switches(own, &outer.items(), &mut edits);
        } else if outer.is_object() {
            let (list, _) = outer.container()?;
            switches(outer, &list.items(), &mut edits);
        }
        let alone = edits.into_iter().map(|edit| vec![(view.file, edit)]);
        Some(alone.collect::<Vec<_>>())
    });
    found.unwrap_or_default()
}

/// The member of a map that a loop runs over by `items()`, changed as those are that are on.
fn of_map(off: &PlanOff, cx: &Sources<'_>) -> Option<Vec<Candidate>> {
    let view = cx.editable(off.type_place.file)?;
    let span = cx.views.span(off.type_place)?;
    let (function, given) = view
        .source()
        .declaration_at(span)?
        .loop_head()?
        .over
        .call()?;
    let name = given.first()?.name().filter(|_| function == "items")?;
    let assigned = cx.parameters.filter(|_| view.file == cx.entry);
    let assigned = assigned.and_then(|file| cx.editable(file));
    let files = assigned.iter().chain([&view]);
    let mut maps = files.filter_map(|file| Some((file, named_value(file, name)?)));
    let (file, map) = maps.next()?;
    let mut edits = Vec::new();
    switches(map.member(&off.name)?, &map.items(), &mut edits);
    Some(
        edits
            .into_iter()
            .map(|edit| vec![(file.file, edit)])
            .collect(),
    )
}

/// Changes of one literal of an element to what it is in another element.
fn switches(own: Value<'_>, others: &[Value<'_>], found: &mut Vec<TextEdit>) {
    if own.is_object() {
        for member in own.members() {
            let same = others.iter().filter_map(|other| other.member(&member.key));
            if !matches!(&*member.key.to_ascii_lowercase(), "name" | "subplan") {
                switches(member.value, &same.collect::<Vec<_>>(), found);
            }
        }
        let mut tiers = others
            .iter()
            .filter_map(|other| other.member_that_is("Standard"));
        if let Some((key, value)) = tiers.next()
            && own.member(&key).is_none()
        {
            let edits = own.add_member(&key, &New::Raw(value.text().to_owned()));
            found.extend(edits.filter(|edits| edits.len() == 1).into_iter().flatten());
        }
        return;
    }
    if !own.is_literal() {
        return;
    }
    let flipped = own.boolean().map(|value| (!value).to_string());
    let literals = others.iter().filter(|other| other.is_literal());
    let mut texts: Vec<String> = flipped.into_iter().collect();
    for other in literals.map(|other| other.text().to_owned()) {
        if other != own.text() && !texts.contains(&other) {
            texts.push(other);
        }
    }
    found.extend(texts.into_iter().take(4).map(|text| own.replace(text)));
}

/// The other value of what chooses the tier: a name in the condition of a choice, in a template in the whole expression.
fn by_switch(off: &PlanOff, cx: &Sources<'_>) -> Vec<Candidate> {
    let names = || {
        let place = off.tier?;
        let (view, span) = (cx.editable(place.file)?, cx.views.span(place)?);
        let source = view.source();
        let chosen_by = match source.value_at(span) {
            Some(value) => value.choice()?.0,
            None => source.string_around(span)?,
        };
        Some((view.clone(), chosen_by.names()))
    };
    let Some((view, names)) = names() else {
        return Vec::new();
    };
    let each = names.iter();
    each.filter_map(|name| flipped(name, &view, off, cx))
        .collect()
}

/// The argument of a module use that the tier comes from: the innermost use, or one further out that gives it on.
fn by_argument(off: &PlanOff, cx: &Sources<'_>) -> Vec<Candidate> {
    let mut found = Vec::new();
    let mut parameter = cx.views.view(off.declaration.file).and_then(|view| {
        let declaration = view
            .source()
            .declaration_at(cx.views.span(off.type_place)?)?;
        let tier = declaration.member("properties")?.member("pricingTier")?;
        tier.names().into_iter().next()
    });
    for step in off.via.iter().rev() {
        let Some(name) = parameter.take() else {
            break;
        };
        found.extend(cx.declaration(step.place, |module| {
            let given = module.argument(&name);
            parameter = given.and_then(|value| Some(value.name()?.to_owned()));
            module
                .set_argument(&name, &New::text("Standard"))
                .filter(|_| !module.is_looped())
        }));
    }
    found
}

/// The arguments by which releases of the public module for plans set one.
fn by_known_module(off: &PlanOff, cx: &Sources<'_>) -> Vec<Candidate> {
    let standard = || New::text("Standard");
    let plan = New::object([
        ("name", New::text("Containers")),
        ("pricingTier", standard()),
    ]);
    let arguments = [
        ("containersTier", standard()),
        ("defenderPlans", New::List(vec![plan])),
    ];
    let each = arguments.iter().filter(|_| off.known_module);
    each.filter_map(|(name, value)| {
        cx.declaration(off.type_place, |module| {
            let free = module.argument(name).is_none();
            module.set_argument(name, value).filter(|_| free)
        })
    })
    .collect()
}

/// The declaration itself: Standard for this plan, unchanged for the others.
fn at_declaration(off: &PlanOff, cx: &Sources<'_>) -> Option<Candidate> {
    cx.declaration(off.type_place, |declaration| {
        let body = declaration.body()?;
        let own = own_name(off, body);
        let source = body.source();
        let standard = "'Standard'";
        let set = |value: Value<'_>, new: &str, otherwise: &str| {
            value.replace(source.expression(&match &own {
                None => new.to_owned(),
                Some(own) => source.if_equal(own, &off.name, new, otherwise),
            }))
        };
        match body.member("properties") {
            Some(properties) if properties.is_object() => match properties.member("pricingTier") {
                Some(tier) if own.is_none() => Some(vec![tier.set(&New::text("Standard"))]),
                Some(tier) => Some(vec![set(tier, standard, &tier.operand()?)]),
                None if own.is_none() => {
                    properties.add_member("pricingTier", &New::text("Standard"))
                }
                None => None,
            },
            Some(properties) => {
                let tier = source.object_of("pricingTier", standard);
                let more = match &own {
                    None => tier,
                    Some(own) => source.if_equal(own, &off.name, &tier, source.empty_object()),
                };
                let union = format!("union({}, {more})", properties.operand()?);
                Some(vec![properties.replace(source.expression(&union))])
            }
            None => {
                let tier = New::object([("pricingTier", New::text("Standard"))]);
                body.add_member("properties", &tier)
            }
        }
    })
}

/// The expression that names a plan, unless it is the plan's literal name and no loop repeats it.
fn own_name(off: &PlanOff, body: Value<'_>) -> Option<String> {
    let name = body.member("name")?;
    let literal = name
        .string()
        .is_some_and(|text| text.eq_ignore_ascii_case(&off.name));
    let text = name.operand().filter(|_| !literal)?;
    let plain = |c: char| c.is_alphanumeric() || "._[]'\"(){}$".contains(c);
    match name.source().bicep && !text.chars().all(plain) {
        true => Some(format!("({text})")),
        false => Some(text),
    }
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
    let declared = cx.declaration(off.type_place, |declaration| {
        let list = declaration.member("properties")?.member("extensions")?;
        let scans = |one: &Value<'_>| {
            let name = one.member("name").and_then(|name| name.string());
            name.is_some_and(|name| name.eq_ignore_ascii_case(EXTENSION))
        };
        if list.is_list() {
            let value = list
                .elements()
                .into_iter()
                .find(scans)?
                .member("isEnabled")?;
            return Some(vec![value.set(&New::text("True"))]);
        }
        // A list that others share is written out for this plan.
        let text = cx.at(place, |_, value| {
            let (all, _) = value.container()?.0.container()?;
            let text = all.with(&value, &on(&value));
            all.is_list().then(|| {
                text.replace(
                    &format!("\n{}", all.indent()),
                    &format!("\n{}", list.indent()),
                )
            })
        })?;
        Some(vec![list.replace(text)])
    });
    literal.into_iter().chain(declared).collect()
}

/// The ways to let a plan be deployed, set to Standard: what its condition comes from, else without the condition.
pub(super) fn deployed_always(off: &PlanOff, cx: &Sources<'_>) -> Vec<Candidate> {
    let values = match off.cause {
        OffCause::Condition | OffCause::Uncertain | OffCause::Unchosen => {
            tiers_at_declaration(off, cx)
        }
        _ => set_values(off, cx),
    };
    let conditions = off.condition.and_then(|place| deploy(off, place, cx));
    both(&values, &conditions.unwrap_or_default())
}

fn deploy(off: &PlanOff, place: NodeRef, cx: &Sources<'_>) -> Option<Vec<Candidate>> {
    let view = cx.editable(place.file)?;
    let source = view.source();
    let span = cx.views.span(place)?;
    let declared = source.declaration_at(span)?.condition();
    let declared = declared.filter(|condition| condition.value.span().touches(span.start));
    let value = declared.map(|condition| condition.value);
    let at = source.value_at(span).or(value);
    let names = at.or_else(|| source.string_around(span))?.names();
    let mut found = off
        .name_place
        .filter(|_| declared.is_some())
        .map_or_else(Vec::new, |name| of_element(name, cx));
    found.extend(
        names
            .iter()
            .filter_map(|name| flipped(name, &view, off, cx)),
    );
    if let Some(condition) = declared {
        let text = match source.bicep {
            true => String::new(),
            false => "true".to_owned(),
        };
        let span = condition.whole;
        found.push(vec![(view.file, TextEdit { span, text })]);
    }
    Some(found)
}

/// The other value of a switch where it is set: an argument of a module on the way to the plan, the parameter file, the
/// parameter's default, the variable's value.
fn flipped(name: &str, view: &Arc<View>, off: &PlanOff, cx: &Sources<'_>) -> Option<Candidate> {
    let flip = |view: &View, value: Value<'_>| {
        let new = !value.boolean()?;
        Some(vec![(view.file, value.replace(new.to_string()))])
    };
    let (mut view, mut name) = (view.clone(), name.to_owned());
    for step in off.via.iter().rev() {
        if step.file != Some(view.file) {
            continue;
        }
        let outer = cx.editable(step.place.file)?;
        let module = outer.source().declaration_at(cx.views.span(step.place)?)?;
        let Some(given) = module.argument(&name) else {
            break;
        };
        if given.boolean().is_some() {
            return flip(&outer, given);
        }
        name = given.names().into_iter().next()?;
        view = outer.clone();
    }
    let assigned = cx.parameters.filter(|_| view.file == cx.entry);
    let assigned = assigned.and_then(|file| cx.editable(file));
    assigned
        .and_then(|values| flip(&values, named_value(&values, &name)?))
        .or_else(|| flip(&view, named_value(&view, &name)?))
}

/// What a file gives a parameter or variable: an assignment, a default, a value.
fn named_value<'t>(view: &'t View, name: &str) -> Option<Value<'t>> {
    view.model.items().find_map(|(item, (start, spans))| {
        let (own, value) = match &item.kind {
            ItemKind::Assignment(one) => (&one.name, Some(&one.value)),
            ItemKind::Parameter(one) => (&one.name, one.default.as_ref()),
            ItemKind::Variable(one) => (&one.name, Some(&one.value)),
            _ => return None,
        };
        let value = value.filter(|_| own.is(name))?;
        let span = spans.nodes.get(value.node as usize)?.shift(*start);
        view.source().value_at(span)
    })
}

/// The ways to set the tier of what is not deployed yet, and so was not evaluated; first, none.
fn tiers_at_declaration(off: &PlanOff, cx: &Sources<'_>) -> Vec<Candidate> {
    let mut found = vec![Vec::new()];
    if let Some(place) = off.tier {
        found.extend(cx.at(place, |view, value| standard(view, value, cx)));
    }
    let by_name = || {
        let view = cx.editable(off.type_place.file)?;
        let declaration = view
            .source()
            .declaration_at(cx.views.span(off.type_place)?)?;
        let tier = declaration.member("properties")?.member("pricingTier")?;
        let value = named_value(&view, tier.names().first()?)?;
        standard(&view, value, cx)
    };
    found.extend(by_name());
    found.extend(at_declaration(off, cx));
    found
}

/// The ways to put `Containers` in the place of a superseded plan, with an API version that it can have: of all such
/// plans of the list, else of this one alone.
pub(super) fn replace(off: &PlanOff, cx: &Sources<'_>) -> Vec<Candidate> {
    let named = off.name_place.and_then(|place| {
        cx.at(place, |view, value| {
            value.string()?;
            let renamed = value.replace(view.source().quoted("Containers"));
            let alone = vec![renamed.clone()];
            // Its own element stays, since its tier is set there.
            let list = in_one_list(&value).filter(|list| list.first.span() == value.span());
            let all = list.filter(|list| list.names.len() > 1);
            let all = all.map(|list| [vec![renamed], list.removed].concat());
            let both = all.into_iter().chain([alone]);
            Some(both.map(|edits| in_file(view, edits)).collect())
        })
    });
    let version = cx.declaration(off.type_place, |declaration| {
        let old = declaration.api_version()?.as_str() < OLDEST_VERSION;
        old.then(|| declaration.set_api_version(VERSION))?
    });
    let named: Vec<Candidate> = named.unwrap_or_default();
    both(&named, &[version.unwrap_or_default()])
}
