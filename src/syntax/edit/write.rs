//! Writes new values as text, in the layout of their neighbours.

use super::access::Value;
use super::style::{Style, on_one_line};

/// A value to be written, in either language.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum New {
    /// Source text as it is: a literal, an expression.
    Raw(String),
    /// A string; holds nothing that needs an escape beyond quotes and backslashes.
    Text(String),
    /// An object.
    Object(Vec<(String, New)>),
    /// A list.
    List(Vec<New>),
}

impl New {
    /// A string.
    pub(crate) fn text(text: impl Into<String>) -> New {
        New::Text(text.into())
    }

    /// An object of members.
    pub(crate) fn object<const N: usize>(members: [(&str, New); N]) -> New {
        New::Object(members.map(|(k, v)| (k.to_owned(), v)).into())
    }
}

/// How values are laid out around a place.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(super) style: Style,
    bicep: bool,
    /// Everything on one line.
    pub(super) compact: bool,
    /// Between a key and its value: `: `, `:`, ` : `.
    pub(super) colon: String,
    /// Inside the brackets of a compact object: one blank or none.
    pad: &'static str,
    /// Between the members of a compact object.
    pub(super) comma: &'static str,
}

impl Layout {
    /// The usual layout of a style.
    pub(crate) fn of(style: Style, bicep: bool) -> Layout {
        Layout {
            style,
            bicep,
            compact: false,
            colon: ": ".to_owned(),
            pad: if bicep { " " } else { "" },
            comma: ", ",
        }
    }

    /// The layout of a neighbour of what is to be written.
    pub(crate) fn like(neighbour: &Value<'_>) -> Layout {
        let source = neighbour.source;
        let span = neighbour.span();
        let body = source.slice(span);
        let first = neighbour.members().into_iter().next();
        let style = Style::of(source.text, span.start);
        let mut layout = Layout::of(style, source.bicep);
        let Some(first) = first else {
            return layout;
        };
        layout.compact = on_one_line(source.text, span);
        if source.bicep {
            return layout;
        }
        let between = first.value.node.parent().and_then(|pair| {
            let key = pair.child_by_field_name("key")?;
            source
                .text
                .get(key.end_byte()..first.value.node.start_byte())
        });
        let between = between.filter(|b| b.trim() == ":" && !b.contains(['\n', '\r']));
        layout.colon = between.unwrap_or(": ").to_owned();
        layout.pad = if body.starts_with("{ ") { " " } else { "" };
        layout.comma = match layout.compact && body.contains(',') && !body.contains(", ") {
            true => ",",
            false => ", ",
        };
        layout
    }

    /// The same, on several lines or on one.
    pub(crate) fn compact(self, compact: bool) -> Layout {
        Layout { compact, ..self }
    }

    /// A value as text; lines after the first begin with `base`.
    pub(crate) fn write(&self, value: &New, base: &str) -> String {
        let mut out = String::new();
        self.value(value, base, &mut out);
        out
    }

    /// The key of a member with what follows it.
    pub(super) fn key(&self, key: &str) -> String {
        let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        match (self.bicep, plain) {
            (true, true) => format!("{key}: "),
            (true, false) => format!("'{key}': "),
            (false, _) => format!("\"{key}\"{}", self.colon),
        }
    }

    fn value(&self, value: &New, base: &str, out: &mut String) {
        match value {
            New::Raw(text) => out.push_str(text),
            New::Text(text) => {
                let quote = if self.bicep { '\'' } else { '"' };
                out.push(quote);
                for c in text.chars() {
                    if c == quote || c == '\\' {
                        out.push('\\');
                    }
                    out.push(c);
                }
                out.push(quote);
            }
            New::Object(members) => {
                let each = members.iter().map(|(key, value)| (Some(&**key), value));
                self.list(('{', '}'), self.pad, each.collect(), base, out);
            }
            New::List(items) => {
                let each = items.iter().map(|value| (None, value));
                self.list(('[', ']'), "", each.collect(), base, out);
            }
        }
    }

    fn list(
        &self,
        (open, close): (char, char),
        pad: &str,
        items: Vec<(Option<&str>, &New)>,
        base: &str,
        out: &mut String,
    ) {
        let inner = format!("{base}{}", self.style.indent);
        let between = if self.bicep { "" } else { "," };
        out.push(open);
        for (index, (key, value)) in items.iter().enumerate() {
            match (self.compact, index) {
                (true, 0) => out.push_str(pad),
                (true, _) => out.push_str(self.comma),
                (false, _) => {
                    out.push_str(if index > 0 { between } else { "" });
                    out.push_str(self.style.newline);
                    out.push_str(&inner);
                }
            }
            if let Some(key) = key {
                out.push_str(&self.key(key));
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
