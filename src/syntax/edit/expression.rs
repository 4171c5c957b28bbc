//! Expressions as text: the same operations in Bicep and in the expression language of templates.

use tree_sitter::Node;

use super::access::{Source, Value};
use super::{TextEdit, apply};
use crate::syntax::arm_expression::{self, Kind};
use crate::text::Span;

impl Source<'_> {
    /// A value that is an expression: in a template a string in brackets.
    pub(crate) fn expression(self, text: &str) -> String {
        match self.bicep {
            true => text.to_owned(),
            false => self.quoted(&format!("[{text}]")),
        }
    }

    /// `then` where an expression equals a text.
    pub(crate) fn if_equal(self, own: &str, text: &str, then: &str, otherwise: &str) -> String {
        match self.bicep {
            true => format!("{own} == '{text}' ? {then} : {otherwise}"),
            false => format!("if(equals({own}, '{text}'), {then}, {otherwise})"),
        }
    }

    /// An object of one member.
    pub(crate) fn object_of(self, key: &str, value: &str) -> String {
        match self.bicep {
            true => format!("{{ {key}: {value} }}"),
            false => format!("createObject('{key}', {value})"),
        }
    }

    /// An object without members.
    pub(crate) fn empty_object(self) -> &'static str {
        match self.bicep {
            true => "{}",
            false => "createObject()",
        }
    }
}

fn is_any(name: &str, names: &[&str]) -> bool {
    names.iter().any(|one| one.eq_ignore_ascii_case(name))
}

/// Calls `f` with each call in an expression of a template: its name, its arguments, its place.
fn each_call<'a>(
    node: &arm_expression::Node<'a>,
    f: &mut dyn FnMut(&str, &[arm_expression::Node<'a>], Span),
) {
    match &node.kind {
        Kind::Call { name, args, .. } => {
            f(name, args, node.span);
            args.iter().for_each(|one| each_call(one, f));
        }
        Kind::Member { base, .. } => each_call(base, f),
        Kind::Index { base, key } => {
            each_call(base, f);
            each_call(key, f);
        }
        Kind::Str(_) | Kind::Int(_) => {}
    }
}

impl<'t> Value<'t> {
    /// The expression of a JSON string in brackets, as text.
    pub(crate) fn bracketed(&self) -> Option<String> {
        let text = self.string().filter(|_| !self.source.bicep)?;
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        (!inner.starts_with('[')).then(|| inner.to_owned())
    }

    /// The value as a part of an expression. `None` for objects and lists of a template.
    pub(crate) fn operand(&self) -> Option<String> {
        if self.source.bicep {
            return Some(self.text().to_owned());
        }
        let quoted = |text: String| format!("'{}'", text.replace('\'', "''"));
        self.bracketed().or_else(|| self.string().map(quoted))
    }

    /// The names that the expression uses: variables of Bicep, arguments of `parameters('…')` and `variables('…')`.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut found = Vec::new();
        if !self.source.bicep {
            self.each_string(&mut |function, _, text| {
                if function.is_some_and(|it| is_any(it, &["parameters", "variables"])) {
                    found.push(text.to_owned());
                }
            });
            return found;
        }
        let names = self.nodes(|_| true).into_iter();
        let names = names.filter(|node| node.kind() == "variable");
        let text = |node: Node<'_>| self.source.slice(Span::of(node.byte_range())).to_owned();
        names.map(text).collect()
    }

    /// Whether the expression calls a function.
    pub(crate) fn calls(&self, function: &str) -> bool {
        let mut found = false;
        if !self.source.bicep {
            let text = self.string().unwrap_or_default();
            if let Ok(root) = arm_expression::parse(&text) {
                each_call(&root, &mut |name, _, _| found |= is_any(name, &[function]));
            }
            return found;
        }
        let source = self.source;
        let nodes = self.nodes(|_| true).into_iter();
        let mut calls = nodes.filter_map(|node| Value { source, node }.call());
        calls.any(|(name, _)| name == function)
    }

    /// Calls `f` with each string literal of a string: in an expression of a template with its function and its span,
    /// else with the whole.
    fn each_string(&self, f: &mut dyn FnMut(Option<&str>, Span, &str)) {
        let Some(text) = self.string() else {
            return;
        };
        let bracketed = !self.source.bicep && self.bracketed().is_some();
        let root = arm_expression::parse(&text).ok().filter(|_| bracketed);
        let Some(root) = root else {
            return f(None, Span::of(0..text.len()), &text);
        };
        each_call(&root, &mut |function, args, _| {
            for one in args {
                if let Kind::Str(text) = &one.kind {
                    f(Some(function), one.span, text);
                }
            }
        });
    }

    /// The text of a string of a template with 0 in place of `copyIndex()` and `copyIndex('copy')`.
    pub(super) fn at_first_copy(&self, copy: &str) -> Option<String> {
        if self.bracketed().is_none() {
            return Some(self.text().to_owned());
        }
        let text = self.string()?;
        let mut edits = Vec::new();
        each_call(
            &arm_expression::parse(&text).ok()?,
            &mut |name, args, span| {
                let own = match args {
                    [] => true,
                    [one] => {
                        matches!(&one.kind, Kind::Str(name) if name.eq_ignore_ascii_case(copy))
                    }
                    _ => false,
                };
                if own && is_any(name, &["copyIndex"]) {
                    let text = "0".to_owned();
                    edits.push(TextEdit { span, text });
                }
            },
        );
        edits.sort_by_key(|edit| edit.span.start);
        Some(self.source.quoted(&apply(&text, &edits)))
    }

    /// The string with other literals: `new` gives one for a literal and the function that it is an argument of. `None`
    /// if it gives none.
    pub(crate) fn with_strings(
        &self,
        new: impl Fn(Option<&str>, &str) -> Option<String>,
    ) -> Option<TextEdit> {
        let mut edits = Vec::new();
        self.each_string(&mut |function, span, old| {
            if let Some(text) = new(function, old) {
                let text = match function {
                    Some(_) => format!("'{}'", text.replace('\'', "''")),
                    None => text,
                };
                edits.push(TextEdit { span, text });
            }
        });
        edits.sort_by_key(|edit| edit.span.start);
        let text = apply(&self.string()?, &edits);
        (!edits.is_empty()).then(|| self.replace(self.source.quoted(&text)))
    }
}
