//! Reads JSON trees: members, elements and strings. It compares node kinds by number and uses one cursor, since a large
//! template has hundreds of thousands of nodes.

use std::borrow::Cow;
use std::num::NonZeroU16;
use std::sync::{Arc, LazyLock};

use rustc_hash::FxHashSet;
use tree_sitter::{Node, TreeCursor};

use crate::model::lower::ItemMemo;
use crate::syntax::json::decode_string;
use crate::text::{Source, Span};

/// The grammar's node kinds and fields, by number.
pub(in crate::model) struct Kinds {
    pub object: u16,
    pub pair: u16,
    pub array: u16,
    pub string: u16,
    pub unterminated: u16,
    pub number: u16,
    pub true_: u16,
    pub false_: u16,
    pub null: u16,
    pub value: u16,
}

pub(in crate::model) static KINDS: LazyLock<Kinds> = LazyLock::new(|| {
    let json = crate::syntax::json();
    let kind = |name| json.id_for_node_kind(name, true);
    Kinds {
        object: kind("object"),
        pair: kind("pair"),
        array: kind("array"),
        string: kind("string"),
        unterminated: kind("unterminated_string"),
        number: kind("number"),
        true_: kind("true"),
        false_: kind("false"),
        null: kind("null"),
        value: json.field_id_for_name("value").map_or(0, NonZeroU16::get),
    }
});

/// A member of an object.
#[derive(Clone, Copy)]
pub(in crate::model) struct Pair<'t> {
    pub node: Node<'t>,
    pub key: Node<'t>,
    /// None where a half-typed member has none.
    pub value: Option<Node<'t>>,
}

/// What strings may hold, by who wrote the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) enum StringsOf {
    /// Bicep: expressions in brackets.
    Compiler,
    /// A person: expressions, and placeholders that another tool replaces (`${x}`, `{{x}}`).
    Template,
    /// Text, whatever its brackets, and placeholders: the values of a parameter file.
    ParameterFile,
}

/// A tree of JSON with its text, and what lowering carries along.
pub(in crate::model) struct Reader<'a, 't, S: ?Sized> {
    pub text: &'a S,
    pub memo: &'a dyn ItemMemo,
    pub kinds: &'static Kinds,
    pub strings_of: StringsOf,
    pub(super) cursor: TreeCursor<'t>,
    /// Deployments met among a resource's nested resources: items of their own.
    pub(super) hoisted: Vec<super::resources::Hoisted<'t>>,
    /// Something in the item that is lowered is deeper than Azure reads.
    pub(super) too_deep: bool,
    strings: FxHashSet<Arc<str>>,
}

/// Longer strings seldom occur twice.
const LONGEST_SHARED: usize = 48;

impl<'a, 't, S: Source + ?Sized> Reader<'a, 't, S> {
    pub(crate) fn new(root: Node<'t>, text: &'a S, memo: &'a dyn ItemMemo) -> Self {
        Reader {
            text,
            memo,
            kinds: &KINDS,
            strings_of: StringsOf::Compiler,
            cursor: root.walk(),
            hoisted: Vec::new(),
            too_deep: false,
            strings: FxHashSet::default(),
        }
    }

    /// One `Arc` for equal short strings: keys and function names repeat thousands of times.
    pub(crate) fn intern(&mut self, text: &str) -> Arc<str> {
        if text.len() > LONGEST_SHARED {
            return text.into();
        }
        if let Some(known) = self.strings.get(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        self.strings.insert(new.clone());
        new
    }

    /// The value of a string token.
    pub(crate) fn content(&self, string: Node<'t>) -> Cow<'a, str> {
        match self.text.slice(span(string)) {
            Cow::Borrowed(token) => decode_string(token).text,
            Cow::Owned(token) => Cow::Owned(decode_string(&token).text.into_owned()),
        }
    }

    pub(crate) fn is_string(&self, node: Node<'_>) -> bool {
        node.kind_id() == self.kinds.string
    }

    pub(crate) fn is_object(&self, node: Node<'_>) -> bool {
        node.kind_id() == self.kinds.object
    }

    pub(crate) fn is_array(&self, node: Node<'_>) -> bool {
        node.kind_id() == self.kinds.array
    }

    /// The members of an object in order, and the errors among them. Members caught in an error count: what is
    /// before a half-typed one is still there.
    pub(crate) fn pairs(&mut self, object: Node<'t>) -> (Vec<Pair<'t>>, Vec<Node<'t>>) {
        let (mut nodes, errors) = self.children(object, |kinds, kind| kind == kinds.pair);
        let pairs = nodes.drain(..).filter_map(|pair| self.pair(pair)).collect();
        (pairs, errors)
    }

    /// The elements of an array in order, and the errors among them.
    pub(crate) fn elements(&mut self, array: Node<'t>) -> (Vec<Node<'t>>, Vec<Node<'t>>) {
        self.children(array, |kinds, kind| {
            kind == kinds.object
                || kind == kinds.array
                || kind == kinds.string
                || kind == kinds.unterminated
                || kind == kinds.number
                || kind == kinds.true_
                || kind == kinds.false_
                || kind == kinds.null
        })
    }

    /// The children of the kinds wanted, those directly inside an error included; and the errors.
    fn children(
        &mut self,
        parent: Node<'t>,
        wanted: impl Fn(&Kinds, u16) -> bool,
    ) -> (Vec<Node<'t>>, Vec<Node<'t>>) {
        let mut found = Vec::new();
        let mut errors = Vec::new();
        self.cursor.reset(parent);
        if !self.cursor.goto_first_child() {
            return (found, errors);
        }
        let mut in_error = false;
        loop {
            let node = self.cursor.node();
            if node.is_error() && !in_error {
                errors.push(node);
                in_error = self.cursor.goto_first_child();
                if in_error {
                    continue;
                }
            } else if wanted(self.kinds, node.kind_id()) && !node.is_missing() {
                found.push(node);
            }
            while !self.cursor.goto_next_sibling() {
                if !in_error {
                    return (found, errors);
                }
                in_error = false;
                self.cursor.goto_parent();
            }
        }
    }

    /// Key and value of a member; none where the key is no whole string.
    pub(super) fn pair(&mut self, node: Node<'t>) -> Option<Pair<'t>> {
        self.cursor.reset(node);
        let field = |cursor: &TreeCursor<'_>| cursor.field_id().map_or(0, NonZeroU16::get);
        let mut found = None;
        let mut more = self.cursor.goto_first_child();
        while more {
            let child = self.cursor.node();
            let kind = child.kind_id();
            match &mut found {
                None if kind == self.kinds.string => {
                    found = Some(Pair {
                        node,
                        key: child,
                        value: None,
                    });
                }
                Some(pair) if field(&self.cursor) == self.kinds.value && !child.is_missing() => {
                    pair.value = Some(child);
                }
                _ => {}
            }
            more = self.cursor.goto_next_sibling();
        }
        found
    }

    /// The value of the last member of this name, as JSON readers take it.
    pub(crate) fn member(&self, pairs: &[Pair<'t>], name: &str) -> Option<Node<'t>> {
        pairs
            .iter()
            .rev()
            .find(|pair| self.content(pair.key).eq_ignore_ascii_case(name))
            .and_then(|pair| pair.value)
    }

    /// The value of a member that is an object.
    pub(crate) fn object_member(&self, pairs: &[Pair<'t>], name: &str) -> Option<Node<'t>> {
        self.member(pairs, name)
            .filter(|&value| self.is_object(value))
    }

    /// The value of a member that is an array.
    pub(crate) fn array_member(&self, pairs: &[Pair<'t>], name: &str) -> Option<Node<'t>> {
        self.member(pairs, name)
            .filter(|&value| self.is_array(value))
    }

    /// The string that a member of an object states, decoded, where it is one.
    pub(crate) fn string_member(&self, pairs: &[Pair<'t>], name: &str) -> Option<Cow<'a, str>> {
        self.member(pairs, name)
            .filter(|&value| self.is_string(value))
            .map(|value| self.content(value))
    }

    /// Whether a syntax error is in `node` outside of `interpolations` (nested items, which answer for themselves). Only what
    /// is broken is visited.
    pub(crate) fn broken(&mut self, node: Node<'t>, interpolations: &[Span]) -> bool {
        if !node.has_error() {
            return false;
        }
        self.cursor.reset(node);
        loop {
            let node = self.cursor.node();
            let place = span(node);
            let interpolation = interpolations.iter().any(|interpolation| {
                interpolation.start <= place.start && place.end <= interpolation.end
            });
            let mut below = false;
            if !interpolation {
                if node.is_error() || node.is_missing() {
                    return true;
                }
                below = node.has_error() && self.cursor.goto_first_child();
            }
            if !below {
                while !self.cursor.goto_next_sibling() {
                    if !self.cursor.goto_parent() {
                        return false;
                    }
                }
            }
        }
    }
}

pub(in crate::model) fn span(node: Node<'_>) -> Span {
    Span::of(node.byte_range())
}
