//! Entries in `ps-rule.yaml`, added as text so that the rest of the file stays as its owner wrote it. What would not be
//! read back as it is meant is left alone: no edit is better than a wrong one.

use crate::rules::fix::{TextEdit, apply};
use crate::syntax::data::{self, Data, DataKind, Key};
use crate::syntax::edit::style::{Style, indent_at, line_end};
use crate::text::Span;
use crate::workspace::config::rule_file::RuleFile;
use crate::workspace::config::{self, Coverage, RuleName};

/// The name of a new file.
pub(crate) const FILE: &str = "ps-rule.yaml";

/// Says that Defender is managed elsewhere.
pub(crate) fn elsewhere(text: &str) -> Option<Vec<TextEdit>> {
    let path = [&["configuration"][..], &["PREFLIGHT_COVERAGE"]];
    let edits = File::of(text).add(&path, &Entry::Value("elsewhere"))?;
    understood(text, &edits, |file| {
        file.coverage == Some(Coverage::Elsewhere)
    })
    .then_some(edits)
}

/// Suppresses the rule for a resource by name.
pub(crate) fn suppress(text: &str, name: &str, rule: &RuleName) -> Option<Vec<TextEdit>> {
    let path = [&["suppression"][..], &[rule.name, rule.reference]];
    let edits = File::of(text).add(&path, &Entry::Item(scalar(name)))?;
    let name = name.to_lowercase();
    understood(text, &edits, |file| file.suppresses(rule, &name)).then_some(edits)
}

/// Whether the file has the intended content after the edits. One that is no YAML, or several documents, is left alone.
fn understood(text: &str, edits: &[TextEdit], says: impl Fn(&RuleFile) -> bool) -> bool {
    let read = |text: &str| config::rule_file::read(text).0;
    let one = !text.contains("\n---");
    let ordered = edits.is_sorted_by(|a, b| a.span.end <= b.span.start);
    one && ordered
        && read(text).is_some()
        && read(&apply(text, edits)).is_some_and(|file| says(&file))
}

/// A scalar that YAML reads back as this string.
fn scalar(text: &str) -> String {
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && !words.contains(&&*text.to_ascii_lowercase());
    match plain {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "''")),
    }
}

/// What is to be found at the end of a path of keys.
enum Entry {
    Value(&'static str),
    /// Among the items of a list.
    Item(String),
}

struct File<'t> {
    text: &'t str,
    newline: &'static str,
    /// One level of indentation: that of the first line that has one.
    unit: usize,
}

impl<'t> File<'t> {
    fn of(text: &'t str) -> Self {
        let indents = text
            .lines()
            .map(|line| line.len() - line.trim_start_matches(' ').len());
        let indent = indents.zip(text.lines()).find(|(indent, line)| {
            *indent > 0 && !line.trim_start().starts_with('#') && !line.trim().is_empty()
        });
        File {
            text,
            newline: Style::of(text, 0).newline,
            unit: indent.map_or(2, |(indent, _)| indent),
        }
    }

    /// Adds an entry below keys, of which any of several names may be there.
    fn add(&self, path: &[&[&str]], entry: &Entry) -> Option<Vec<TextEdit>> {
        let reading = data::yaml(self.text);
        let mut data = &reading.data;
        let mut parent: Option<&Key> = None;
        for (depth, names) in path.iter().enumerate() {
            let mut members = data.members().iter();
            let named = |key: &Key| names.iter().any(|name| key.text.eq_ignore_ascii_case(name));
            let Some((key, value)) = members.find(|(key, _)| named(key)) else {
                return self.insert(parent, data, &path[depth..], entry);
            };
            (parent, data) = (Some(key), value);
        }
        match (entry, &data.kind) {
            (Entry::Item(_), DataKind::Map(_)) => {
                let mut members = data.members().iter();
                let (key, list) = members.find(|(key, _)| key.text == "targetName")?;
                self.set(key, list, entry)
            }
            _ => self.set(parent?, data, entry),
        }
    }

    fn slice(&self, span: Span) -> &'t str {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// Lines below a key (or at the end of the file): the rest of a path, and the entry.
    fn insert(
        &self,
        parent: Option<&Key>,
        data: &Data,
        path: &[&[&str]],
        entry: &Entry,
    ) -> Option<Vec<TextEdit>> {
        let written = self.slice(data.span).trim();
        let (indent, at, removed) = match (parent, data.members().first()) {
            (None, _) => (0, self.text.len() as u32, None),
            (Some(_), Some(_)) if written.starts_with('{') => return None,
            (Some(_), Some((first, _))) => {
                let indent = indent_at(self.text, first.span.start).len();
                (indent, line_end(self.text, data.span.end), None)
            }
            (Some(key), None) => {
                let indent = indent_at(self.text, key.span.start).len() + self.unit;
                let at = line_end(self.text, key.span.end);
                let removed = self.value(key, data, "")?;
                // A value on lines of its own is another one than we know how to replace.
                (removed.span.end <= at).then_some((indent, at, Some(removed)))?
            }
        };
        let mut lines = String::new();
        for (depth, names) in path.iter().enumerate() {
            let blanks = " ".repeat(indent + depth * self.unit);
            lines += &format!("{}{blanks}{}:", self.newline, names[0]);
        }
        match entry {
            Entry::Value(value) => lines += &format!(" {value}"),
            Entry::Item(item) => {
                let blanks = " ".repeat(indent + path.len() * self.unit);
                lines += &format!("{}{blanks}- {item}", self.newline);
            }
        }
        if parent.is_none() {
            // A section of its own: below a blank line, with the end that the file has.
            let ended = self.text.is_empty() || self.text.ends_with('\n');
            let blank = self.text.ends_with("\n\n") || self.text.ends_with("\n\r\n");
            let gap = match (self.text.is_empty() || blank, ended) {
                (true, _) => lines.trim_start_matches(['\r', '\n']).to_owned(),
                (false, true) => lines,
                (false, false) => format!("{}{lines}", self.newline),
            };
            lines = gap + if ended { self.newline } else { "" };
        }
        Some(
            removed
                .into_iter()
                .chain([TextEdit::insert(at, lines)])
                .collect(),
        )
    }

    /// Another value for a key that has none, or a scalar. `None` where it has more.
    fn value(&self, key: &Key, data: &Data, new: &str) -> Option<TextEdit> {
        let colon = key.span.end + self.text.get(key.span.end as usize..)?.find(':')? as u32 + 1;
        let empty = match &data.kind {
            DataKind::List(items) => items.is_empty(),
            DataKind::Map(members) => members.is_empty(),
            _ => true,
        };
        let written = self.slice(data.span).trim();
        let end = match written.is_empty() {
            true => colon,
            false => data.span.end,
        };
        empty.then(|| TextEdit {
            span: Span::new(colon, end),
            text: new.to_owned(),
        })
    }

    /// Sets a value, or adds an item to the list that is the value.
    fn set(&self, key: &Key, data: &Data, entry: &Entry) -> Option<Vec<TextEdit>> {
        let item = match entry {
            Entry::Value(value) => {
                return Some(vec![self.value(key, data, &format!(" {value}"))?]);
            }
            Entry::Item(item) => item,
        };
        let edit = match &data.kind {
            DataKind::List(items) if self.slice(data.span).starts_with('[') => {
                // The span of a list ends behind its last item.
                match items.is_empty() {
                    true => TextEdit::insert(data.span.end - 1, item.clone()),
                    false => TextEdit::insert(data.span.end, format!(", {item}")),
                }
            }
            DataKind::List(items) => {
                let blanks = indent_at(self.text, items.first()?.span.start);
                let line = format!("{}{blanks}- {item}", self.newline);
                TextEdit::insert(line_end(self.text, data.span.end), line)
            }
            DataKind::Null => return self.insert(Some(key), data, &[], entry),
            _ => return None,
        };
        Some(vec![edit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCAN: RuleName = RuleName::new("AZR-000002", "Azure.ACR.ContainerScan");
    use crate::rules::fix::apply;

    fn check(made: impl Fn(&str) -> Option<Vec<TextEdit>>, before: &str, after: Option<&str>) {
        let edited = made(before).map(|edits| apply(before, &edits));
        assert_eq!(edited.as_deref(), after, "{before:?}");
    }

    #[test]
    fn managed_elsewhere_is_written_where_it_belongs() {
        let check = |before: &str, after: &str| check(elsewhere, before, Some(after));
        check("", "configuration:\n  PREFLIGHT_COVERAGE: elsewhere\n");
        check(
            "# ours\nrule:\n  include:\n  - A\n",
            "# ours\nrule:\n  include:\n  - A\n\nconfiguration:\n  PREFLIGHT_COVERAGE: elsewhere\n",
        );
        check(
            "configuration:\r\n    A: 1 # one\r\n\r\nrule:\r\n    include: []\r\n",
            "configuration:\r\n    A: 1 # one\r\n    PREFLIGHT_COVERAGE: elsewhere\r\n\r\nrule:\r\n    include: []\r\n",
        );
        check(
            "configuration:\n  PREFLIGHT_COVERAGE: workspace # all\n  B: 2\n",
            "configuration:\n  PREFLIGHT_COVERAGE: elsewhere # all\n  B: 2\n",
        );
        check(
            "configuration:\n  PREFLIGHT_COVERAGE:\n",
            "configuration:\n  PREFLIGHT_COVERAGE: elsewhere\n",
        );
        check(
            "configuration: {}\n",
            "configuration:\n  PREFLIGHT_COVERAGE: elsewhere\n",
        );
        check(
            "configuration:\n  A:\n    deep:\n    - 1\nrule: {}",
            "configuration:\n  A:\n    deep:\n    - 1\n  PREFLIGHT_COVERAGE: elsewhere\nrule: {}",
        );
        check(
            "rule: {}",
            "rule: {}\n\nconfiguration:\n  PREFLIGHT_COVERAGE: elsewhere",
        );
    }

    #[test]
    fn a_name_joins_what_is_suppressed() {
        let made = |text: &str| suppress(text, "images", &SCAN);
        let check = |before: &str, after: &str| check(made, before, Some(after));
        check(
            "",
            "suppression:\n  Azure.ACR.ContainerScan:\n    - images\n",
        );
        check(
            "suppression:\n  Azure.ACR.ContainerScan:\n  - one\n  - two # why\n  Other:\n  - x\n",
            "suppression:\n  Azure.ACR.ContainerScan:\n  - one\n  - two # why\n  - images\n  Other:\n  - x\n",
        );
        check(
            "suppression:\n  azr-000002: [ one ]\n",
            "suppression:\n  azr-000002: [ one, images ]\n",
        );
        check(
            "suppression:\n  azr-000002: []\n",
            "suppression:\n  azr-000002: [images]\n",
        );
        check(
            "suppression:\n  Azure.ACR.ContainerScan:\n    targetName:\n      - one\n",
            "suppression:\n  Azure.ACR.ContainerScan:\n    targetName:\n      - one\n      - images\n",
        );
        check(
            "suppression:\n  'Other':\n  - x\n\nrule: {}\n",
            "suppression:\n  'Other':\n  - x\n  Azure.ACR.ContainerScan:\n    - images\n\nrule: {}\n",
        );
    }

    #[test]
    fn what_is_not_understood_is_left_alone() {
        check(elsewhere, "configuration: { A: 1 }\n", None);
        check(elsewhere, "a: 1\n---\nb: 2\n", None);
        check(elsewhere, "configuration:\n  some text\n", None);
        check(elsewhere, "a: 'b\nrule: {}\n", None);
        check(|text| suppress(text, "x", &SCAN), "a: 'b\nrule: {}\n", None);
        check(
            |text| suppress(text, "x", &SCAN),
            "suppression:\n- one\n",
            None,
        );
        check(|text| suppress(text, "x\0y", &SCAN), "", None);
    }

    #[test]
    fn scalars_are_quoted_where_yaml_would_read_something_else() {
        for (text, expect) in [
            ("images", "images"),
            ("123", "'123'"),
            ("true", "'true'"),
            ("a b", "'a b'"),
        ] {
            assert_eq!(scalar(text), expect);
        }
    }
}
