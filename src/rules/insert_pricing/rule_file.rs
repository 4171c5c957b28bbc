//! Entries in `ps-rule.yaml`, added line by line so that the rest of the file stays as its owner wrote it. What is not
//! understood (several documents, anchors, tabs) is left alone: no edit is better than a wrong one.

use crate::rules::fix::{TextEdit, apply};
use crate::syntax::edit::style::Style;
use crate::text::Span;
use crate::workspace::config::rule_file::RuleFile;
use crate::workspace::config::{self, Coverage, RuleName};

/// The name of a new file.
pub const FILE: &str = "ps-rule.yaml";

/// Says that Defender is managed elsewhere.
pub fn elsewhere(text: &str) -> Option<Vec<TextEdit>> {
    let edits = set_elsewhere(text)?;
    understood(text, &edits, |file| {
        file.coverage == Some(Coverage::Elsewhere)
    })
    .then_some(edits)
}

/// Whether the file says after the edits what it should. One that is no YAML is left alone, even where an edit would
/// happen to mend it: what it said before it broke is what counts, and taking the edit back would not bring that back.
fn understood(text: &str, edits: &[TextEdit], says: impl Fn(&RuleFile) -> bool) -> bool {
    let read = |text: &str| config::rule_file::read(text).0;
    read(text).is_some() && read(&apply(text, edits)).is_some_and(|file| says(&file))
}

fn set_elsewhere(text: &str) -> Option<Vec<TextEdit>> {
    let file = File::read(text)?;
    let Some(section) = file.child(None, &["configuration"]) else {
        return Some(file.append("configuration:", "PREFLIGHT_COVERAGE: elsewhere", &[]));
    };
    match file.child(Some(section), &["PREFLIGHT_COVERAGE"]) {
        Some(line) => {
            let value = file.lines.get(line)?.value;
            let new = match value.is_empty() {
                true => " elsewhere",
                false => "elsewhere",
            };
            // A block below the key would be another value than we know how to replace.
            file.children(Some(line))
                .is_empty()
                .then(|| replace(value, new))
        }
        None => file.add_entry(section, "PREFLIGHT_COVERAGE: elsewhere", &[]),
    }
}

/// Suppresses the rule for a resource by name.
pub fn suppress(text: &str, name: &str, rule: &RuleName) -> Option<Vec<TextEdit>> {
    let edits = add_suppression(text, name, rule)?;
    let name = name.to_lowercase();
    let suppressed = |file: &RuleFile| file.suppresses(rule, &name);
    understood(text, &edits, suppressed).then_some(edits)
}

fn add_suppression(text: &str, name: &str, rule: &RuleName) -> Option<Vec<TextEdit>> {
    let file = File::read(text)?;
    let item = format!("- {}", scalar(name));
    let entry = format!("{}:", rule.name);
    let Some(section) = file.child(None, &["suppression"]) else {
        return Some(file.append("suppression:", &entry, &[&item]));
    };
    let Some(rule) = file.child(Some(section), &[rule.name, rule.reference]) else {
        return file.add_entry(section, &entry, &[&item]);
    };
    let list = file.child(Some(rule), &["targetName"]).unwrap_or(rule);
    file.add_item(list, name, &item)
}

fn replace(span: Span, text: &str) -> Vec<TextEdit> {
    vec![TextEdit {
        span,
        text: text.to_owned(),
    }]
}

/// A scalar that YAML reads back as this string.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        && !["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
            .contains(&text.to_ascii_lowercase().as_str());
    match plain {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "''")),
    }
}

/// A line that says something.
struct Line {
    indent: usize,
    /// The key, where it is `key:` or `key: value`.
    key: Option<String>,
    /// `- item`.
    item: bool,
    /// What follows the colon, without comment; empty right behind the colon where nothing does.
    value: Span,
    /// End of the line, before its line end.
    end: u32,
}

struct File<'t> {
    text: &'t str,
    lines: Vec<Line>,
    style: Style,
}

impl<'t> File<'t> {
    fn read(text: &'t str) -> Option<Self> {
        let mut lines = Vec::new();
        let mut start = 0;
        for piece in text.split_inclusive('\n') {
            let whole = piece.trim_end_matches(['\n', '\r']);
            let body = whole.trim_start_matches(' ');
            let indent = whole.len() - body.len();
            let end = (start + whole.len()) as u32;
            let from = start + indent;
            start += piece.len();
            if body.starts_with('\t') || (body.starts_with("---") && !lines.is_empty()) {
                return None;
            }
            if body.trim().is_empty() || body.starts_with(['#', '%']) || body.starts_with("---") {
                continue;
            }
            lines.push(line(body, indent, from, end));
        }
        Some(File {
            text,
            lines,
            style: Style {
                // Always: a YAML file that ends without one cannot take another line.
                final_newline: true,
                indent: "  ".to_owned(),
                ..Style::of(text, 0)
            },
        })
    }

    /// The lines directly below a line (or the top level).
    fn children(&self, of: Option<usize>) -> Vec<usize> {
        let (first, outer) = match of {
            Some(parent) => (parent + 1, self.lines.get(parent).map(|line| line.indent)),
            None => (0, None),
        };
        let mut found: Vec<usize> = Vec::new();
        let mut level = None;
        let mut items = None;
        for (index, line) in self.lines.iter().enumerate().skip(first) {
            // The items of a list may stand at the level of its key.
            let inside = outer.is_none_or(|o| line.indent > o || (line.indent == o && line.item));
            if !inside {
                break;
            }
            let level = *level.get_or_insert(line.indent);
            let items = *items.get_or_insert(line.item);
            if line.indent == level && line.item == items {
                found.push(index);
            }
        }
        found
    }

    fn child(&self, of: Option<usize>, names: &[&str]) -> Option<usize> {
        self.children(of).into_iter().find(|index| {
            let key = self.lines.get(*index).and_then(|line| line.key.as_deref());
            key.is_some_and(|key| names.iter().any(|name| key.eq_ignore_ascii_case(name)))
        })
    }

    /// The last line below a line, however deep; itself where nothing is.
    fn last_below(&self, of: usize) -> usize {
        let outer = self.lines.get(of).map_or(0, |line| line.indent);
        let below = self.lines.iter().enumerate().skip(of + 1);
        let inside = below
            .take_while(|(_, line)| line.indent > outer || (line.indent == outer && line.item));
        inside.last().map_or(of, |(index, _)| index)
    }

    /// A new section at the end.
    fn append(&self, section: &str, entry: &str, below: &[&str]) -> Vec<TextEdit> {
        let newline = self.style.newline;
        let mut added = String::new();
        if !self.text.is_empty() {
            if !self.text.ends_with('\n') {
                added.push_str(newline);
            }
            if !self.text.ends_with("\n\n") && !self.text.ends_with("\n\r\n") {
                added.push_str(newline);
            }
        }
        added.push_str(section);
        added.push_str(newline);
        added.push_str(&self.block(self.unit(), entry, below));
        if self.text.is_empty() || self.text.ends_with('\n') {
            added.push_str(newline);
        }
        let end = self.text.len() as u32;
        replace(Span::new(end, end), &added)
    }

    fn block(&self, indent: usize, entry: &str, below: &[&str]) -> String {
        let mut out = " ".repeat(indent) + entry;
        for line in below {
            out.push_str(self.style.newline);
            out.push_str(&" ".repeat(indent + self.unit()));
            out.push_str(line);
        }
        out
    }

    /// The indentation of one level: that of the first line that has one.
    fn unit(&self) -> usize {
        let mut indented = self.lines.iter().map(|line| line.indent);
        indented.find(|indent| *indent > 0).unwrap_or(2)
    }

    /// A new entry below a key.
    fn add_entry(&self, section: usize, entry: &str, below: &[&str]) -> Option<Vec<TextEdit>> {
        let line = self.lines.get(section)?;
        let value = self.text.get(line.value.range()).unwrap_or_default().trim();
        let children = self.children(Some(section));
        if !value.is_empty() && !matches!(value, "{}" | "null" | "~") {
            return None;
        }
        if children
            .iter()
            .any(|child| self.lines.get(*child).is_none_or(|line| line.key.is_none()))
        {
            return None;
        }
        let indent = children
            .first()
            .and_then(|child| self.lines.get(*child))
            .map_or(line.indent + self.unit(), |child| child.indent);
        let last = self.lines.get(self.last_below(section))?;
        let added = format!("{}{}", self.style.newline, self.block(indent, entry, below));
        let mut edits = Vec::new();
        if !value.is_empty() {
            let before = self
                .text
                .get(..line.value.start as usize)
                .unwrap_or_default();
            let colon = before.trim_end_matches(' ').len() as u32;
            edits.extend(replace(Span::new(colon, line.value.end), ""));
        }
        edits.extend(replace(Span::new(last.end, last.end), &added));
        Some(edits)
    }

    /// One item more in the list below a key.
    fn add_item(&self, list: usize, name: &str, item: &str) -> Option<Vec<TextEdit>> {
        let line = self.lines.get(list)?;
        let value = self.text.get(line.value.range()).unwrap_or_default().trim();
        if let Some(items) = value.strip_prefix('[').and_then(|v| v.strip_suffix(']')) {
            let end = line.value.start + value.len() as u32 - 1;
            let gap = if items.trim().is_empty() { "" } else { ", " };
            return Some(replace(
                Span::new(end, end),
                &format!("{gap}{}", scalar(name)),
            ));
        }
        let children = self.children(Some(list));
        let items = children
            .iter()
            .all(|c| self.lines.get(*c).is_some_and(|line| line.item));
        if !value.is_empty() || !items {
            return None;
        }
        let indent = children
            .first()
            .and_then(|child| self.lines.get(*child))
            .map_or(line.indent + self.unit(), |child| child.indent);
        let last = self.lines.get(self.last_below(list))?;
        let added = format!("{}{}{item}", self.style.newline, " ".repeat(indent));
        Some(replace(Span::new(last.end, last.end), &added))
    }
}

fn line(body: &str, indent: usize, from: usize, end: u32) -> Line {
    let item = body == "-" || body.starts_with("- ");
    let mut made = Line {
        indent,
        key: None,
        item,
        value: Span::new(end, end),
        end,
    };
    if item {
        return made;
    }
    let (key, rest) = match body.chars().next() {
        Some(quote @ ('\'' | '"')) => match body[1..].split_once(quote) {
            Some((key, rest)) => (key, rest.trim_start()),
            None => return made,
        },
        _ => match body.find(": ").or_else(|| {
            body.trim_end()
                .ends_with(':')
                .then(|| body.trim_end().len() - 1)
        }) {
            Some(colon) => (&body[..colon], &body[colon..]),
            None => return made,
        },
    };
    let Some(rest) = rest.strip_prefix(':') else {
        return made;
    };
    made.key = Some(key.trim().to_owned());
    let value = match rest.find(" #") {
        Some(comment) => &rest[..comment],
        None => rest,
    };
    let start = from + (body.len() - rest.len()) + (value.len() - value.trim_start().len());
    made.value = Span::of(start..start + value.trim().len());
    if value.trim().is_empty() {
        let colon = from + (body.len() - rest.len());
        made.value = Span::of(colon..colon);
    }
    made
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
            "suppression:\n  azr-000002: [ one , images]\n",
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
