//! Edits that set a value or add a member, an element or a declaration, in the style of the surrounding text.

use tree_sitter::Node;

use super::TextEdit;
use super::access::{Declaration, Source, Value};
use super::style::{Style, indent_at, line_end, line_start, on_one_line};
use super::unused;
use super::write::{Layout, New};
use crate::text::Span;

/// A declaration to be added to a file.
pub(crate) struct NewDeclaration {
    /// Bicep: `resource x 'type@version' = if (c) `, up to the object.
    pub(crate) head: String,
    /// Bicep: what follows the object: the bracket of a loop.
    pub(crate) tail: &'static str,
    /// JSON: the key, where resources are an object.
    pub(crate) symbol: &'static str,
    /// The object.
    pub(crate) body: New,
}

impl Value<'_> {
    /// Another text in its place.
    pub(crate) fn replace(&self, text: impl Into<String>) -> TextEdit {
        TextEdit {
            span: self.span(),
            text: text.into(),
        }
    }

    /// Another value in its place.
    pub(crate) fn set(&self, value: &New) -> TextEdit {
        let base = indent_at(self.source.text, self.span().start);
        let style = Style::of(self.source.text, self.span().start);
        self.replace(Layout::of(style, self.source.bicep).write(value, base))
    }

    /// A member more, after those of the object. `None` where this is no object.
    pub(crate) fn add_member(&self, key: &str, value: &New) -> Option<Vec<TextEdit>> {
        if !self.is_object() {
            return None;
        }
        let members = self.members();
        let Some(last) = members.last() else {
            let style = Style::of(self.source.text, self.span().start);
            let layout = Layout::of(style, self.source.bicep);
            let base = indent_at(self.source.text, self.span().start);
            let object = New::Object(vec![(key.to_owned(), value.clone())]);
            return Some(vec![self.replace(layout.write(&object, base))]);
        };
        let layout = Layout::like(self);
        let last = last.value.node.parent().unwrap_or(last.value.node);
        let last = Value {
            source: self.source,
            node: last,
        };
        Some(self.add_after(&last, &layout, Some(key), value))
    }

    /// An element more, after those of the list. `None` where this is no list, or an empty one.
    pub(crate) fn add_element(&self, value: &New) -> Option<Vec<TextEdit>> {
        let last = self.elements().pop().filter(|_| self.is_list())?;
        let layout = Layout::like(&last).compact(true);
        Some(self.add_after(&last, &layout, None, value))
    }

    /// Removes an element from the list. `None` for the first one, and where a comment may belong to the element.
    pub(crate) fn remove_element(&self, element: &Value<'_>) -> Option<TextEdit> {
        let elements = self.elements();
        let at = elements.iter().position(|it| it.span() == element.span())?;
        let before = elements.get(at.checked_sub(1)?)?;
        let span = Span::new(before.span().end, element.span().end);
        let line_end = line_end(self.source.text, span.end);
        let mut cursor = self.node.walk();
        let mut children = self.node.children(&mut cursor);
        let is_near = |child: &Node<'_>| {
            let start = child.start_byte() as u32;
            matches!(child.kind(), "comment" | "pragma") && start >= span.start && start < line_end
        };
        let text = String::new();
        (!children.any(|child| is_near(&child))).then_some(TextEdit { span, text })
    }

    /// Adds an element (or, with a key, a member) after one of this list or object.
    fn add_after(
        &self,
        last: &Value<'_>,
        layout: &Layout,
        key: Option<&str>,
        value: &New,
    ) -> Vec<TextEdit> {
        let text = self.source.text;
        let first = match self.is_list() {
            true => self.elements().first().map(Value::span),
            false => self.members().first().map(|one| one.value.span()),
        };
        let head = Span::new(
            self.span().start,
            first.map_or(self.span().end, |s| s.start),
        );
        let lined = !on_one_line(text, head);
        let at = if lined {
            last.span().start
        } else {
            last.span().end
        };
        let base = indent_at(text, at);
        let mut written = key.map_or(String::new(), |key| layout.key(key));
        written.push_str(&layout.write(value, base));
        let end = last.span().end;
        if !lined {
            let gap = if layout.compact { layout.comma } else { ", " };
            return vec![TextEdit::insert(end, format!("{gap}{written}"))];
        }
        // The new element begins a line, below what comments the one before it.
        let broken = format!("{}{base}{written}", layout.style.newline);
        if self.source.bicep {
            let rest = self.source.slice(Span::new(end, line_end(text, end)));
            let at = match rest.contains(['}', ']']) {
                true => end,
                false => end_of_lines(self.source, end),
            };
            return vec![TextEdit::insert(at, broken)];
        }
        self.add_after_comma(last, broken)
    }

    /// The same in JSON, where elements are parted by commas.
    fn add_after_comma(&self, last: &Value<'_>, broken: String) -> Vec<TextEdit> {
        let end = last.span().end;
        let comma = last
            .node
            .next_sibling()
            .filter(|next| !next.is_extra())
            .filter(|next| matches!(next.kind(), "," | "trailing_comma"));
        match comma {
            Some(comma) => {
                let at = self.after_comments(comma.end_byte() as u32);
                match comma.kind() == "trailing_comma" || at == line_end(self.source.text, at) {
                    true => vec![TextEdit::insert(at, broken + ",")],
                    // The next element follows on the same line.
                    false => vec![TextEdit::insert(end, format!(",{broken}"))],
                }
            }
            None => {
                let at = self.after_comments(end);
                if at == end {
                    return vec![TextEdit::insert(end, format!(",{broken}"))];
                }
                vec![
                    TextEdit::insert(end, ",".to_owned()),
                    TextEdit::insert(at, broken),
                ]
            }
        }
    }

    /// Behind the comments that follow `at` on its line, if nothing else does.
    fn after_comments(&self, at: u32) -> u32 {
        let mut end = at;
        let mut cursor = self.node.walk();
        for child in self.node.children(&mut cursor) {
            let start = child.start_byte() as u32;
            if child.kind() != "comment" || start < end {
                continue;
            }
            let gap = self.source.slice(Span::new(end, start));
            if gap.contains(['\n', '\r']) || !gap.trim().is_empty() {
                break;
            }
            end = child.end_byte() as u32;
        }
        end
    }
}

/// Adds a declaration after the one at `after` (in Bicep at the end where there is none).
pub(crate) fn declare(
    source: Source<'_>,
    after: u32,
    new: &NewDeclaration,
) -> Option<Vec<TextEdit>> {
    let all = source.declarations();
    let before = all.iter().rev().find(|one| one.span().touches(after));
    if !source.bicep {
        return declare_resource(before?, new);
    }
    let at = before.map_or(after, |one| one.span().end);
    let style = Style::of(source.text, at);
    let layout = Layout::of(style, true);
    let text = format!("{}{}{}", new.head, layout.write(&new.body, ""), new.tail);
    Some(vec![after_line(
        source,
        at,
        &text,
        is_compact(source.text, &all),
    )])
}

fn declare_resource(before: &Declaration<'_>, new: &NewDeclaration) -> Option<Vec<TextEdit>> {
    let object = before.body()?;
    let (list, key) = object.container()?;
    let layout = Layout::like(&object);
    let key = key.map(|_| {
        let taken: Vec<String> = list.members().into_iter().map(|one| one.key).collect();
        unused(new.symbol, "", taken.iter().map(String::as_str))
    });
    let element = match key {
        Some(_) => Value {
            source: object.source,
            node: object.node.parent()?,
        },
        None => object,
    };
    Some(list.add_after(&element, &layout, key.as_deref(), &new.body))
}

/// Inserts lines below the line of `at` (a comment that begins there and goes on included).
fn after_line(source: Source<'_>, at: u32, lines: &str, compact: bool) -> TextEdit {
    let at = end_of_lines(source, at);
    let newline = Style::of(source.text, at).newline;
    let gap = if compact { 1 } else { 2 };
    let mut inserted = newline.repeat(gap) + lines;
    let next = next_line(source.text, at);
    if !compact && next.is_some_and(|line| !line.trim().is_empty()) {
        inserted.push_str(newline);
    }
    TextEdit::insert(at, inserted)
}

/// The end of the line of `at`, where no comment or string reaches beyond it.
fn end_of_lines(source: Source<'_>, at: u32) -> u32 {
    let mut end = line_end(source.text, at);
    // Each round leaves a token that spans lines behind, of which there are fewer than lines.
    for _ in 0..source.text.len() {
        match source.token_around(end) {
            Some(token_end) => end = line_end(source.text, token_end),
            None => return end,
        }
    }
    end
}

/// The line after the one that ends at `at`.
fn next_line(text: &str, at: u32) -> Option<&str> {
    let rest = text.get(at as usize..)?;
    let rest = rest
        .strip_prefix("\r\n")
        .or_else(|| rest.strip_prefix(['\n', '\r']))?;
    if rest.is_empty() {
        return None;
    }
    Some(rest.split(['\n', '\r']).next().unwrap_or_default())
}

/// Whether the file's declarations have no blank lines between them.
fn is_compact(text: &str, declarations: &[Declaration<'_>]) -> bool {
    let gaps = declarations.windows(2).map(|pair| {
        let between = pair[0].span().end as usize..pair[1].span().start as usize;
        text.get(between)
            .unwrap_or_default()
            .trim_matches([' ', '\t'])
    });
    let (mut any, mut blank) = (false, false);
    for gap in gaps {
        any = true;
        let breaks = gap.replace("\r\n", "\n").replace('\r', "\n");
        let lines: Vec<&str> = breaks.split('\n').collect();
        let inner = lines
            .get(1..lines.len().saturating_sub(1))
            .unwrap_or_default();
        blank |= inner.iter().any(|line| line.trim().is_empty());
    }
    any && !blank
}

/// A new Bicep file of one declaration: comments at its head, its scope, the declaration.
pub(crate) fn new_file(heading: &[&str], scope: &str, new: &NewDeclaration, like: &str) -> String {
    let style = Style::of(like, 0);
    let newline = style.newline;
    let mut text = String::new();
    for line in heading {
        text.push_str(line);
        text.push_str(newline);
    }
    if !heading.is_empty() {
        text.push_str(newline);
    }
    text.push_str(&format!("targetScope = '{scope}'{newline}{newline}"));
    let layout = Layout::of(style, true);
    text + &new.head + &layout.write(&new.body, "") + new.tail + newline
}

/// A line above the one of `at`, at the same indentation.
pub(crate) fn line_above(source: Source<'_>, at: u32, line: &str) -> TextEdit {
    let start = line_start(source.text, at);
    let indent = indent_at(source.text, at);
    let newline = Style::of(source.text, at).newline;
    TextEdit::insert(start, format!("{indent}{line}{newline}"))
}
