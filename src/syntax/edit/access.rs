//! Typed accessors for declarations, objects, lists and values, the same for Bicep and JSON.

use tree_sitter::{Node, Tree};

use super::TextEdit;
use super::write::New;
use crate::syntax::bicep::{declarations, decorators, string_value};
use crate::syntax::json::decode_string;
use crate::text::Span;

/// The text of a file with its tree.
#[derive(Clone, Copy)]
pub(crate) struct Source<'t> {
    pub(crate) text: &'t str,
    pub(crate) tree: &'t Tree,
    /// Bicep (or its parameter files) and not JSON.
    pub(crate) bicep: bool,
}

/// A value: an object, a list, a literal or any other expression.
#[derive(Clone, Copy)]
pub(crate) struct Value<'t> {
    pub(super) source: Source<'t>,
    pub(super) node: Node<'t>,
}

/// A member of an object.
#[derive(Clone)]
pub(crate) struct Member<'t> {
    pub(crate) key: String,
    pub(crate) value: Value<'t>,
}

/// A declaration of a Bicep file, or a resource of a template.
#[derive(Clone, Copy)]
pub(crate) struct Declaration<'t> {
    pub(super) source: Source<'t>,
    pub(super) node: Node<'t>,
}

/// The texts that a parameter may have.
pub(crate) struct Allowed<'t> {
    pub(crate) words: Vec<String>,
    /// The list of a decorator or a template, or a type.
    list: Value<'t>,
}

/// The loop of a Bicep declaration.
#[derive(Clone, Copy)]
pub(crate) struct LoopHead<'t> {
    /// `[for x in xs: `, up to the condition or the object.
    pub(crate) text: &'t str,
    /// What it runs over.
    pub(crate) over: Value<'t>,
}

/// A condition: the expression, and what to remove so that there is none.
#[derive(Clone, Copy)]
pub(crate) struct Condition<'t> {
    pub(crate) value: Value<'t>,
    pub(crate) whole: Span,
}

impl<'t> Source<'t> {
    pub(crate) fn slice(&self, span: Span) -> &'t str {
        self.text.get(span.range()).unwrap_or_default()
    }

    fn value(self, node: Node<'t>) -> Value<'t> {
        Value { source: self, node }
    }

    /// The value with exactly this span.
    pub(crate) fn value_at(self, span: Span) -> Option<Value<'t>> {
        let root = self.tree.root_node();
        let range = span.range();
        let mut node = root.descendant_for_byte_range(range.start, range.end)?;
        while let Some(parent) = node.parent()
            && parent.byte_range() == range
            && parent.parent().is_some()
        {
            node = parent;
        }
        (node.byte_range() == range).then_some(self.value(node))
    }

    /// The object that a JSON file is.
    pub(crate) fn root(self) -> Option<Value<'t>> {
        let document = self.tree.root_node();
        let mut cursor = document.walk();
        let mut children = document.named_children(&mut cursor);
        let found = children.find(|child| child.kind() == "object");
        found.map(|node| self.value(node))
    }

    /// The declarations of a Bicep file, or the resources of a template, in order.
    pub(crate) fn declarations(self) -> Vec<Declaration<'t>> {
        let make = |node| Declaration { source: self, node };
        if self.bicep {
            let all = declarations(self.tree.root_node());
            return all.into_iter().map(make).collect();
        }
        let resources = self.root().and_then(|root| root.member("resources"));
        let each = resources.map(|list| list.items()).unwrap_or_default();
        each.into_iter().map(|value| make(value.node)).collect()
    }

    /// The top-level declaration or resource that holds a byte.
    pub(crate) fn top_declaration_at(self, at: u32) -> Option<Declaration<'t>> {
        let all = self.declarations();
        all.into_iter().rev().find(|one| one.span().touches(at))
    }

    /// The string of a template that holds a span, which may be that of a part of its expression.
    pub(crate) fn string_around(self, span: Span) -> Option<Value<'t>> {
        let range = span.range();
        let root = self.tree.root_node();
        let mut node = root.descendant_for_byte_range(range.start, range.end)?;
        while node.kind() != "string" {
            node = node.parent()?;
        }
        (!self.bicep).then(|| self.value(node))
    }

    /// The declaration or resource that holds a span, in a template nested however deep.
    pub(crate) fn declaration_at(self, span: Span) -> Option<Declaration<'t>> {
        let range = span.range();
        let root = self.tree.root_node();
        let mut node = root.descendant_for_byte_range(range.start, range.end)?;
        let is_one = |node: &Node<'_>| match self.bicep {
            true => node.kind().ends_with("_declaration"),
            false => node.kind() == "object",
        };
        // A resource with a key is the pair of both.
        if node.kind() == "pair" && node.byte_range() == range {
            node = node.child_by_field_name("value")?;
        }
        while !is_one(&node) {
            node = node.parent()?;
        }
        Some(Declaration { source: self, node })
    }

    /// A string literal.
    pub(crate) fn quoted(self, text: &str) -> String {
        match self.bicep {
            true => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
            false => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        }
    }

    /// The file as one value.
    pub(crate) fn whole(self) -> Value<'t> {
        self.value(self.tree.root_node())
    }

    /// The texts that a parameter may have, where its declaration or its type lists them.
    pub(crate) fn allowed(self, parameter: &str) -> Option<Allowed<'t>> {
        if !self.bicep {
            let parameter = self.root()?.member("parameters")?.member(parameter)?;
            return Allowed::of(parameter.member("allowedValues")?);
        }
        let all = self.declarations();
        let mut symbol = parameter;
        // A type may be the name of another.
        for _ in 0..8 {
            let declaration = all.iter().find(|one| one.symbol() == Some(symbol))?;
            if let Some(arguments) = declaration.decorator("allowed") {
                return Allowed::of(*arguments.first()?);
            }
            let ty = declaration.field("type")?;
            if let Some(allowed) = Allowed::of(ty) {
                return Some(allowed);
            }
            symbol = ty.text();
        }
        None
    }

    /// Every name that the file declares anywhere.
    pub(crate) fn declared_names(self) -> Vec<&'t str> {
        let mut taken = vec!["az", "sys"];
        for node in self.whole().nodes(may_declare) {
            let names = ["name", "namespace", "alias"].map(|field| node.child_by_field_name(field));
            let names = names.into_iter().flatten();
            taken.extend(names.map(|name| self.slice(Span::of(name.byte_range()))));
        }
        taken
    }

    /// The name of a function of Azure, with its namespace where a symbol of the file has the same name.
    pub(crate) fn function(self, name: &str) -> String {
        let taken = self.declared_names();
        match taken.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            true => format!("az.{name}"),
            false => name.to_owned(),
        }
    }

    /// The end of the comment or string that began before a byte and goes on there.
    pub(crate) fn token_around(self, at: u32) -> Option<u32> {
        let byte = at as usize;
        let root = self.tree.root_node();
        let node = root.descendant_for_byte_range(byte, byte)?;
        let inside = matches!(node.kind(), "comment" | "string_content")
            && node.start_byte() < byte
            && byte < node.end_byte();
        inside.then_some(node.end_byte() as u32)
    }

    /// The line end near a byte.
    pub(crate) fn newline_at(self, at: u32) -> &'static str {
        super::style::Style::of(self.text, at).newline
    }

    /// The comments that a file begins with: the licence.
    pub(crate) fn heading(self) -> Vec<&'t str> {
        let root = self.tree.root_node();
        let mut cursor = root.walk();
        let mut lines = Vec::new();
        let mut end = 0;
        for child in root.children(&mut cursor) {
            let gap = self.slice(Span::of(end..child.start_byte()));
            let parted = gap.matches('\n').count().max(gap.matches('\r').count()) > 1;
            if child.kind() != "comment" || (parted && !lines.is_empty()) {
                break;
            }
            lines.push(self.slice(Span::of(child.byte_range())));
            end = child.end_byte();
        }
        lines
    }
}

/// Whether symbols may be declared somewhere below: expressions declare none that a file could see.
fn may_declare(node: &Node<'_>) -> bool {
    node.is_error()
        || node.kind().ends_with("_declaration")
        || matches!(
            node.kind(),
            "object" | "if_body" | "for" | "import_list" | "import_item" | "extension_config"
        )
}

impl<'t> Value<'t> {
    pub(crate) fn span(&self) -> Span {
        Span::of(self.node.byte_range())
    }

    pub(crate) fn text(&self) -> &'t str {
        self.source.slice(self.span())
    }

    pub(crate) fn is_object(&self) -> bool {
        self.node.kind() == "object"
    }

    /// The condition and the other value, where this is one of the two values of `c ? a : b`.
    pub(crate) fn choice(&self) -> Option<(Value<'t>, Value<'t>)> {
        let parent = self.node.parent()?;
        let sides = ["then", "else"].map(|side| parent.child_by_field_name(side));
        let other = match sides {
            [Some(then), Some(other)] if then == self.node => other,
            [Some(then), Some(other)] if other == self.node => then,
            _ => return None,
        };
        let condition = parent.child_by_field_name("condition")?;
        Some((self.source.value(condition), self.source.value(other)))
    }

    pub(crate) fn is_list(&self) -> bool {
        self.node.kind() == "array"
    }

    /// A name of Bicep alone: a parameter, a variable, a symbol.
    pub(crate) fn name(&self) -> Option<&'t str> {
        (self.node.kind() == "variable").then(|| self.text())
    }

    /// The value of a string literal without interpolation.
    pub(crate) fn string(&self) -> Option<String> {
        if self.node.kind() != "string" {
            return None;
        }
        match self.source.bicep {
            true => string_value(self.node, self.source.text),
            false => Some(decode_string(self.text()).text.into_owned()),
        }
    }

    pub(crate) fn boolean(&self) -> Option<bool> {
        match self.text() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// A string, a number, a truth value or null.
    pub(crate) fn is_literal(&self) -> bool {
        matches!(
            self.node.kind(),
            "number" | "true" | "false" | "null" | "boolean" | "integer"
        ) || self.boolean().is_some()
            || self.text().parse::<i64>().is_ok()
            || self.string().is_some()
    }

    pub(crate) fn source(&self) -> Source<'t> {
        self.source
    }

    /// Its text with another value in the place of one inside it.
    pub(crate) fn with(&self, inner: &Value<'_>, new: &New) -> String {
        let mut edit = inner.set(new);
        let start = self.span().start;
        edit.span = Span::new(edit.span.start - start, edit.span.end - start);
        super::apply(self.text(), &[edit])
    }

    /// The indentation of the line that it begins on.
    pub(crate) fn indent(&self) -> &'t str {
        super::style::indent_at(self.source.text, self.span().start)
    }

    /// Whether a value is the key of one of the members of this object.
    pub(crate) fn is_key(&self, value: &Value<'_>) -> bool {
        let members = self.members();
        self.is_object() && !members.iter().any(|one| one.value.span() == value.span())
    }

    /// The key and value of the member that is this string.
    pub(crate) fn member_that_is(&self, text: &str) -> Option<(String, Value<'t>)> {
        let all = self.members();
        all.into_iter()
            .find(|one| {
                one.value
                    .string()
                    .is_some_and(|own| own.eq_ignore_ascii_case(text))
            })
            .map(|one| (one.key, one.value))
    }

    pub(crate) fn members(&self) -> Vec<Member<'t>> {
        let mut cursor = self.node.walk();
        let pairs = self.node.named_children(&mut cursor);
        let pairs = pairs.filter(|child| matches!(child.kind(), "pair" | "property"));
        let member = |pair: Node<'t>| {
            let key = pair.child_by_field_name("key")?;
            let value = self.source.value(pair.child_by_field_name("value")?);
            let key = self.source.value(key);
            Some(Member {
                key: key.string().unwrap_or_else(|| key.text().to_owned()),
                value,
            })
        };
        pairs.filter_map(member).collect()
    }

    /// The value of a member, in any case.
    pub(crate) fn member(&self, name: &str) -> Option<Value<'t>> {
        let all = self.members();
        let mut all = all.into_iter();
        all.find(|one| one.key.eq_ignore_ascii_case(name))
            .map(|one| one.value)
    }

    /// The nodes in it, itself included, and below those that are wanted.
    pub(super) fn nodes(&self, is_wanted: impl Fn(&Node<'t>) -> bool) -> Vec<Node<'t>> {
        let mut found = vec![self.node];
        let mut next = 0;
        while let Some(node) = found.get(next).copied() {
            let mut cursor = node.walk();
            found.extend(node.named_children(&mut cursor).filter(&is_wanted));
            next += 1;
        }
        found
    }

    /// The string literals in it, in order.
    pub(crate) fn strings(&self) -> Vec<Value<'t>> {
        let nodes = self.nodes(|_| true).into_iter();
        let strings = nodes.filter(|node| node.kind() == "string");
        let mut strings: Vec<_> = strings.map(|node| self.source.value(node)).collect();
        strings.sort_by_key(|value| value.span().start);
        strings
    }

    /// The elements of a list.
    pub(crate) fn elements(&self) -> Vec<Value<'t>> {
        let mut cursor = self.node.walk();
        let is_element = |child: &Node<'_>| {
            !matches!(child.kind(), "comment" | "trailing_comma" | "pragma") && !child.is_error()
        };
        let children = self.node.named_children(&mut cursor).filter(is_element);
        children.map(|node| self.source.value(node)).collect()
    }

    /// The elements of a list, or the values of an object.
    pub(crate) fn items(&self) -> Vec<Value<'t>> {
        match self.is_list() {
            true => self.elements(),
            false => self.members().into_iter().map(|one| one.value).collect(),
        }
    }

    /// The object or list that this is a value of, and the key.
    pub(crate) fn container(&self) -> Option<(Value<'t>, Option<String>)> {
        let parent = self.node.parent()?;
        if !matches!(parent.kind(), "pair" | "property") {
            let list = self.source.value(parent);
            return list.is_list().then_some((list, None));
        }
        let key = self.source.value(parent.child_by_field_name("key")?);
        let key = key.string().unwrap_or_else(|| key.text().to_owned());
        Some((self.source.value(parent.parent()?), Some(key)))
    }

    /// A call: its function or method, and the arguments.
    pub(crate) fn call(&self) -> Option<(&'t str, Vec<Value<'t>>)> {
        let field = |name| self.node.child_by_field_name(name);
        let name = field("function").or_else(|| field("method"))?;
        let arguments = self.source.value(field("arguments")?);
        Some((
            self.source.slice(Span::of(name.byte_range())),
            arguments.elements(),
        ))
    }
}

impl<'t> Allowed<'t> {
    fn of(list: Value<'t>) -> Option<Allowed<'t>> {
        if !matches!(list.node.kind(), "array" | "union_type" | "string") {
            return None;
        }
        let strings = list.strings().into_iter();
        let words: Vec<String> = strings.filter_map(|one| one.string()).collect();
        (!words.is_empty()).then_some(Allowed { words, list })
    }

    /// Allows one more.
    pub(crate) fn add(&self, text: &str) -> Option<Vec<TextEdit>> {
        if self.list.is_list() {
            return self.list.add_element(&New::text(text));
        }
        let more = format!(" | {}", self.list.source.quoted(text));
        Some(vec![TextEdit::insert(self.list.span().end, more)])
    }
}

impl<'t> Declaration<'t> {
    pub(crate) fn span(&self) -> Span {
        Span::of(self.node.byte_range())
    }

    pub(crate) fn is_module(&self) -> bool {
        self.node.kind() == "module_declaration"
    }

    /// Whether a comment of one line is right above it.
    pub(crate) fn has_comment(&self) -> bool {
        let before = self
            .node
            .prev_sibling()
            .filter(|node| node.kind() == "comment");
        before.is_some_and(|comment| {
            let gap = Span::of(comment.end_byte()..self.node.start_byte());
            self.source.slice(gap).lines().count() <= 2 && self.source.slice(gap).trim().is_empty()
        })
    }

    /// The arguments of a decorator of this name.
    fn decorator(&self, name: &str) -> Option<Vec<Value<'t>>> {
        let all = decorators(self.node);
        let named = |node: &Node<'_>| {
            let own = node.child_by_field_name("name");
            own.is_some_and(|own| self.source.slice(Span::of(own.byte_range())) == name)
        };
        let found = all.into_iter().find(named)?;
        let arguments = found.child_by_field_name("arguments")?;
        Some(self.source.value(arguments).elements())
    }

    fn field(&self, name: &str) -> Option<Value<'t>> {
        let node = self.node.child_by_field_name(name)?;
        Some(self.source.value(node))
    }

    /// Bicep's symbol.
    pub(crate) fn symbol(&self) -> Option<&'t str> {
        self.field("name").map(|name| name.text())
    }

    /// The path literal of a module.
    pub(crate) fn path(&self) -> Option<Value<'t>> {
        self.field("path")
    }

    /// The object, below loop and condition.
    pub(crate) fn body(&self) -> Option<Value<'t>> {
        if !self.source.bicep {
            return Some(self.source.value(self.node));
        }
        let mut node = self.node.child_by_field_name("body")?;
        while matches!(node.kind(), "for" | "if_body") {
            node = node.child_by_field_name("body")?;
        }
        Some(self.source.value(node)).filter(Value::is_object)
    }

    /// A member of the object.
    pub(crate) fn member(&self, name: &str) -> Option<Value<'t>> {
        self.body()?.member(name)
    }

    /// What a module is given for a parameter.
    pub(crate) fn argument(&self, name: &str) -> Option<Value<'t>> {
        match self.source.bicep {
            true => self.member("params")?.member(name),
            false => {
                let all = self.member("properties")?.member("parameters")?;
                all.member(name)?.member("value")
            }
        }
    }

    /// Gives a module another value for a parameter.
    pub(crate) fn set_argument(&self, name: &str, value: &New) -> Option<Vec<TextEdit>> {
        match (self.argument(name), self.member("params")) {
            (Some(given), _) => Some(vec![given.set(value)]),
            _ if !self.is_module() => None,
            (None, Some(all)) => all.add_member(name, value),
            (None, None) => {
                let all = New::object([(name, value.clone())]);
                self.body()?.add_member("params", &all)
            }
        }
    }

    /// Where the API version is written, with what comes before it.
    fn versioned(&self) -> Option<(Value<'t>, String)> {
        let value = match self.source.bicep {
            true => self.field("type")?,
            false => self.member("apiVersion")?,
        };
        Some((value, value.string()?))
    }

    pub(crate) fn api_version(&self) -> Option<String> {
        let (_, text) = self.versioned()?;
        Some(text.rsplit('@').next()?.to_owned())
    }

    /// Gives a resource another API version.
    pub(crate) fn set_api_version(&self, version: &str) -> Option<Vec<TextEdit>> {
        let (value, text) = self.versioned()?;
        let new = match text.rsplit_once('@') {
            Some((ty, _)) => format!("{ty}@{version}"),
            None => version.to_owned(),
        };
        Some(vec![value.replace(self.source.quoted(&new))])
    }

    /// The condition that it has itself.
    pub(crate) fn condition(&self) -> Option<Condition<'t>> {
        if !self.source.bicep {
            let value = self.member("condition")?;
            return Some(Condition {
                value,
                whole: value.span(),
            });
        }
        let mut body = self.node.child_by_field_name("body")?;
        if body.kind() == "for" {
            body = body.child_by_field_name("body")?;
        }
        if body.kind() != "if_body" {
            return None;
        }
        let parenthesized = body.child_by_field_name("condition")?;
        let inner = parenthesized.child_by_field_name("expression")?;
        let object = body.child_by_field_name("body")?;
        Some(Condition {
            value: self.source.value(inner),
            whole: Span::of(body.start_byte()..object.start_byte()),
        })
    }

    /// The loop of a Bicep declaration.
    pub(crate) fn loop_head(&self) -> Option<LoopHead<'t>> {
        let body = self.node.child_by_field_name("body")?;
        let over = body
            .child_by_field_name("iterable")
            .filter(|_| body.kind() == "for")?;
        let inner = body.child_by_field_name("body")?;
        Some(LoopHead {
            text: self
                .source
                .slice(Span::of(body.start_byte()..inner.start_byte())),
            over: self.source.value(over),
        })
    }

    /// The condition under which it has an iteration. `None` where it always has one.
    pub(crate) fn iteration_condition(&self) -> Option<String> {
        if self.source.bicep {
            let over = self.loop_head()?.over;
            return (!over.is_list()).then(|| format!("!empty({})", over.text()));
        }
        let count = self.member("copy")?.member("count")?.bracketed()?;
        let condition = self.source.expression(&format!("greater({count}, 0)"));
        Some(condition)
    }

    /// The text of a value in its first iteration. `None` where it is not repeated, or over what has no name.
    pub(crate) fn in_first_iteration(&self, value: &Value<'t>) -> Option<String> {
        if !self.source.bicep {
            let name = self.member("copy")?.member("name")?.string()?;
            return value.at_first_copy(&name);
        }
        let list = self.loop_head()?.over.name()?;
        let field = |name| self.field("body")?.node.child_by_field_name(name);
        let names = [("item", format!("{list}[0]")), ("index", "0".to_owned())];
        let mut edits = Vec::new();
        for (name, first) in names {
            let name = field(name).map(|node| self.source.value(node).text());
            let nodes = value.nodes(|_| true).into_iter();
            let uses = nodes.map(|node| self.source.value(node));
            let uses = uses.filter(|one| one.name().is_some() && one.name() == name);
            edits.extend(uses.map(|one| one.replace(first.clone())));
        }
        edits.sort_by_key(|edit| edit.span.start);
        let start = value.span().start;
        for edit in &mut edits {
            edit.span = Span::new(edit.span.start - start, edit.span.end - start);
        }
        Some(super::apply(value.text(), &edits))
    }

    /// Whether its iterations are deployed one after the other.
    pub(crate) fn is_serial(&self) -> bool {
        let size = match self.source.bicep {
            true => self
                .decorator("batchSize")
                .and_then(|all| all.first().copied()),
            false => self
                .member("copy")
                .and_then(|copy| copy.member("batchSize")),
        };
        size.is_some_and(|size| size.text() == "1")
    }

    /// Whether it is repeated.
    pub(crate) fn is_looped(&self) -> bool {
        match self.source.bicep {
            true => self.loop_head().is_some(),
            false => self.member("copy").is_some(),
        }
    }
}
