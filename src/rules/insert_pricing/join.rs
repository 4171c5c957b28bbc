//! Joins a plan to a list that turns other plans on: one element more, in the shape of its neighbours, instead of a
//! second resource beside the loop.

use crate::model::FileId;
use crate::rules::container_scan::subject::PlanList;
use crate::rules::fix::{FileEdit, TextEdit, View, Views};
use crate::syntax::edit::{New, Value, apply};
use crate::text::Span;

/// Members of an element that belong to one plan alone: copied, they would be wrong for another.
const OWN: [&str; 2] = ["subPlan", "extensions"];

/// Elements of a list that copies are tried of.
const MAX_COPIES: usize = 4;

/// A deployment: entry file and parameter file.
pub(super) type Deployment = (FileId, Option<FileId>);

/// A list that could take the plan, and the registry's deployments that it covers.
pub(super) struct Joined {
    /// The edit that adds the plan.
    pub(super) file: FileEdit,
    /// Entry file and parameter file of each.
    pub(super) of: Vec<Deployment>,
}

/// The edits that add `plan` to the list that a name comes from, the likeliest first. None where there is no list, or it
/// names the plan.
pub(super) fn join(
    view: &View,
    views: &dyn Views,
    list: &PlanList,
    plan: &str,
) -> Option<Vec<Vec<TextEdit>>> {
    let source = view.source();
    let literal = source.value_at(views.span(list.name)?)?;
    let (outer, key) = literal.container()?;
    if key.is_some() && outer.is_key(&literal) {
        let own = literal
            .string()
            .unwrap_or_else(|| literal.text().to_owned());
        if outer.member(plan).is_some() {
            return None;
        }
        let value = New::Raw(outer.member(&own)?.text().to_owned());
        return Some(vec![outer.add_member(plan, &value)?]);
    }
    let (array, sample, name_key) = match key {
        None => (outer, literal, None),
        Some(key) => (outer.container()?.0, outer, Some(key)),
    };
    // An element of `resources` is a plan itself.
    let declared = (list.declaration.file == view.file).then(|| views.span(list.declaration));
    let is_resource = |span: Span| span.start >= array.span().start && span.end <= array.span().end;
    if !array.is_list() || declared.flatten().is_some_and(is_resource) {
        return None;
    }
    let name_of = |element: &Value<'_>| match &name_key {
        None => element.string(),
        Some(key) => element.member(key).and_then(|name| name.string()),
    };
    let mut elements = array.elements();
    let mut names = elements.iter().filter_map(name_of);
    if names.any(|name| name.eq_ignore_ascii_case(plan)) {
        return None;
    }
    let Some(name_key) = name_key else {
        return Some(vec![array.add_element(&New::text(plan))?]);
    };
    let tier = list.tier.filter(|tier| tier.file == list.name.file);
    let tier = tier.and_then(|tier| views.span(tier));
    let members = sample.members().into_iter();
    let tier = members.filter(|member| Some(member.value.span()) == tier);
    let shape = Shape {
        name: name_key,
        tier: tier.map(|member| member.key).next(),
    };
    let last = elements.last()?.indent();
    // Which element's copy turns the plan on, verification shows: those that have least of their own come first.
    elements.sort_by_key(|one| {
        let members = one.members();
        let own = members.iter().filter(|member| is_own(&member.key)).count();
        (own, members.len())
    });
    let copies = elements.iter().take(MAX_COPIES).filter_map(|element| {
        let text = shape.copy(element, plan, &list.sample_name)?;
        array.add_element(&New::Raw(reindent(&text, element.indent(), last)))
    });
    Some(copies.collect())
}

/// The keys of the elements of a list of objects.
struct Shape {
    name: String,
    tier: Option<String>,
}

impl Shape {
    /// An element as text, for another plan.
    fn copy(&self, model: &Value<'_>, plan: &str, sample: &str) -> Option<String> {
        let old = model.member(&self.name)?.string()?;
        let start = model.span().start;
        let mut edits = Vec::new();
        for member in model.members() {
            let is = |key: &String| key.eq_ignore_ascii_case(&member.key);
            let text = member.value.string();
            let named = text.is_some_and(|text| {
                text.eq_ignore_ascii_case(&old) || text.eq_ignore_ascii_case(sample)
            });
            let new = if is(&self.name) || named && !is_own(&member.key) {
                New::text(plan)
            } else if self.tier.as_ref().is_some_and(is) {
                New::text("Standard")
            } else if is_own(&member.key) {
                New::Raw(if member.value.is_list() { "[]" } else { "null" }.to_owned())
            } else {
                continue;
            };
            let mut edit = member.value.set(&new);
            edit.span = Span::new(edit.span.start - start, edit.span.end - start);
            edits.push(edit);
        }
        Some(apply(model.text(), &edits))
    }
}

fn is_own(key: &str) -> bool {
    OWN.iter().any(|own| own.eq_ignore_ascii_case(key))
}

/// A text of several lines, moved from one indentation to another.
fn reindent(text: &str, from: &str, to: &str) -> String {
    match from == to {
        true => text.to_owned(),
        false => text.replace(&format!("\n{from}"), &format!("\n{to}")),
    }
}

/// The lists that must take the plan, `first` among them, so that each of the deployments has it, and has it once: where
/// every parameter file has a list of its own, one of them is not enough. `None` where lists cannot do that.
pub(super) fn for_all(
    first: &Joined,
    options: &[Joined],
    deployments: impl Iterator<Item = Deployment>,
) -> Option<Vec<FileEdit>> {
    let mut covered = first.of.clone();
    let mut files = vec![first.file.clone()];
    for deployment in deployments {
        if covered.contains(&deployment) {
            continue;
        }
        let more = options.iter().find(|one| {
            one.of.contains(&deployment) && !one.of.iter().any(|other| covered.contains(other))
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
