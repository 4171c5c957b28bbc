//! Renames superseded plans to `Containers`, with every reference to them in the file. Several of one list are one change:
//! the first is renamed and the others are removed.

use super::{Job, RENAME_PLAN, insert};
use crate::model::NodeRef;
use crate::rules::container_scan::plan::is_superseded_name;
use crate::rules::fix::{TextEdit, View};
use crate::syntax::edit::Value;

impl Job<'_> {
    /// Renames the superseded plan whose name is at a place.
    pub(super) fn rename(&mut self, place: NodeRef) {
        let Some(view) = self.cx.views.view(place.file).filter(|view| view.may_pay) else {
            return;
        };
        let span = self.cx.views.span(place);
        let Some(name) = span.and_then(|span| view.source().value_at(span)) else {
            return;
        };
        let Some(old) = name.string() else {
            return;
        };
        if let Some(list) = in_one_list(&name).filter(|list| list.names.len() > 1) {
            self.offer_renaming(&view, &list.names, list.removed);
        }
        // Where that changes more than the names, each plan is renamed alone.
        self.offer_renaming(&view, &[old], Vec::new());
    }

    fn offer_renaming(&mut self, view: &View, old: &[String], removed: Vec<TextEdit>) {
        let is_kept = |one: &Value<'_>| {
            let span = one.span();
            let mut all = removed.iter();
            !all.any(|edit| edit.span.start <= span.start && span.end <= edit.span.end)
        };
        let strings = view.source().whole().strings().into_iter().filter(is_kept);
        let new = |_: Option<&str>, text: &str| renamed(text, old);
        let mut edits: Vec<TextEdit> = strings.filter_map(|one| one.with_strings(new)).collect();
        edits.extend(removed);
        let edits = edits.into_iter().map(|edit| (view.file, edit));
        let files = self.by_file(edits.collect());
        let (plans, names) = match old {
            [one] => ("plan", format!("'{one}'")),
            _ => ("plans", format!("'{}'", old.join("' and '"))),
        };
        let title = format!(
            "Rename {plans} {names} to 'Containers' (paid){}",
            self.in_files(&files)
        );
        self.offer(RENAME_PLAN.to_owned(), title, Some("Containers"), files);
    }
}

/// The superseded plans of one list.
pub(super) struct Superseded<'t> {
    pub(super) names: Vec<String>,
    /// The literal that names the first.
    pub(super) first: Value<'t>,
    /// The edits that remove the others.
    pub(super) removed: Vec<TextEdit>,
}

/// The superseded plans of the list that a name is in.
pub(super) fn in_one_list<'t>(name: &Value<'t>) -> Option<Superseded<'t>> {
    let (outer, key) = name.container()?;
    let list = match &key {
        None => outer,
        Some(_) => outer.container()?.0,
    };
    // A resource of a template is an element too: others may wait for it.
    let holder = list.container().and_then(|(_, key)| key);
    if !list.is_list() || holder.is_some_and(|key| key.eq_ignore_ascii_case("resources")) {
        return None;
    }
    let (mut names, mut first, mut removed) = (Vec::new(), None, Vec::new());
    for element in list.elements() {
        let literal = match &key {
            None => Some(element),
            Some(key) => element.member(key),
        };
        let named = literal.and_then(|literal| literal.string());
        let Some(named) = named.filter(|name| is_superseded_name(name)) else {
            continue;
        };
        if first.is_some() {
            removed.push(list.remove_element(&element)?);
        }
        first = first.or(literal);
        names.push(named);
    }
    let first = first?;
    Some(Superseded {
        names,
        first,
        removed,
    })
}

/// The name of a plan, or the end of its id, as `Containers`.
fn renamed(text: &str, old: &[String]) -> Option<String> {
    let (path, name) = text.rsplit_once('/').unwrap_or(("", text));
    let (_, ty) = path.split_at_checked(path.len().saturating_sub(insert::PLAN.len()))?;
    let is_plan = path.is_empty() || ty.eq_ignore_ascii_case(insert::PLAN);
    let is_old = old.iter().any(|old| name.eq_ignore_ascii_case(old));
    let start = &text[..text.len() - name.len()];
    (is_plan && is_old).then(|| format!("{start}Containers"))
}
