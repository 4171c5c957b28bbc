//! Expressions as text: the same operations in Bicep and in the expression language of templates.

use super::access::{Source, Value};
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

impl Value<'_> {
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
        if let Some(text) = self.bracketed() {
            for call in ["parameters('", "variables('"] {
                let after = text.match_indices(call).map(|(at, _)| at + call.len());
                let each = after.filter_map(|at| text.get(at..)?.split('\'').next());
                found.extend(each.map(str::to_owned));
            }
            return found;
        }
        let mut queue = vec![self.node];
        while let Some(node) = queue.pop() {
            if node.kind() == "variable" {
                found.push(self.source.slice(Span::of(node.byte_range())).to_owned());
            }
            let mut cursor = node.walk();
            queue.extend(node.named_children(&mut cursor));
        }
        found
    }
}
