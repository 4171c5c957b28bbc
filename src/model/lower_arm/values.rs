//! Lowers JSON values to expressions: literals, `"[…]"`, and the `copy` arrays that are loops inside an object.

use std::borrow::Cow;

use tree_sitter::Node;

use super::reader::{Pair, Reader, StringsOf, span};
use crate::model::lower::{MAX_DEPTH, Nodes};
use crate::model::{Element, Expr, ExprKind, Float, ForExpr, Ident, Loop, Member, NodeId};
use crate::syntax::arm_expression::{self as arm, Kind, Text};
use crate::syntax::json::{DecodedString, decode_string, integer};
use crate::text::{Source, Span};

const TOO_DEEP: &str = "nested too deeply";

/// Azure refuses what is nested in more than 64 objects and arrays; the template and its section are two, the value of an
/// entry the third.
const LEVELS_BELOW_SECTION: usize = 61;

/// An element of a `copy` array: `{ name, count, input }`.
#[derive(Clone, Copy)]
pub(super) struct Copy<'t> {
    pub node: Node<'t>,
    pub name: Node<'t>,
    pub count: Node<'t>,
    pub input: Node<'t>,
}

/// The position of the decoded text of a string in the file.
struct Origin<'d> {
    start: u32,
    decoded: &'d DecodedString<'d>,
}

impl Origin<'_> {
    fn span(&self, decoded: Span) -> Span {
        self.decoded.source_span(decoded).shift(self.start)
    }
}

impl<'t, S: Source + ?Sized> Reader<'_, 't, S> {
    /// The expression a value means.
    pub(crate) fn value(&mut self, nodes: &mut Nodes, value: Node<'t>, depth: usize) -> Expr {
        let node = nodes.next(span(value));
        let kind = if depth >= MAX_DEPTH {
            ExprKind::Invalid(TOO_DEEP.into())
        } else {
            self.kind(nodes, (node, value), depth)
        };
        Expr::new(node, kind)
    }

    /// The expression of a member's name, which may be computed (`"[format(…)]": …`).
    pub(crate) fn key(&mut self, nodes: &mut Nodes, key: Node<'t>, depth: usize) -> Expr {
        let node = nodes.next(span(key));
        let kind = self.string(nodes, key, depth);
        Expr::new(node, kind)
    }

    fn kind(
        &mut self,
        nodes: &mut Nodes,
        (node, at): (NodeId, Node<'t>),
        depth: usize,
    ) -> ExprKind {
        let (kinds, kind) = (self.kinds, at.kind_id());
        if kind == kinds.string {
            self.string(nodes, at, depth)
        } else if kind == kinds.object {
            self.too_deep |= depth > LEVELS_BELOW_SECTION;
            let (pairs, _) = self.pairs(at);
            ExprKind::Object(self.members(nodes, &pairs, depth + 1).into())
        } else if kind == kinds.array {
            self.too_deep |= depth > LEVELS_BELOW_SECTION;
            let elements = self.elements(at).0.into_iter().map(|element| Element {
                spread: false,
                value: self.value(nodes, element, depth + 1),
            });
            ExprKind::Array(elements.collect())
        } else if kind == kinds.number {
            number(node, &self.text.slice(span(at)))
        } else if kind == kinds.true_ {
            ExprKind::Bool(true)
        } else if kind == kinds.false_ {
            ExprKind::Bool(false)
        } else if kind == kinds.null {
            ExprKind::Null
        } else {
            ExprKind::Invalid("a syntax error".into())
        }
    }

    /// The members of an object; an element of a `copy` array is one that holds its loop.
    pub(super) fn members(
        &mut self,
        nodes: &mut Nodes,
        pairs: &[Pair<'t>],
        depth: usize,
    ) -> Vec<Member> {
        let mut members = Vec::with_capacity(pairs.len());
        for pair in pairs {
            let Some(value) = pair.value else { continue };
            let copies =
                match self.is_array(value) && self.content(pair.key).eq_ignore_ascii_case("copy") {
                    true => self.copies(value),
                    false => None,
                };
            if let Some(copies) = copies {
                for copy in copies {
                    let key = self.key(nodes, copy.name, depth);
                    let value = self.copy(nodes, copy, depth);
                    members.push(Member::Property { key, value });
                }
                continue;
            }
            let key = self.key(nodes, pair.key, depth);
            let value = self.value(nodes, value, depth);
            members.push(Member::Property { key, value });
        }
        members
    }

    /// The loops of a `copy` array, where it is one through and through: an array of that name may also be data.
    pub(super) fn copies(&mut self, array: Node<'t>) -> Option<Vec<Copy<'t>>> {
        let (elements, _) = self.elements(array);
        let mut copies = Vec::with_capacity(elements.len());
        for node in elements {
            if !self.is_object(node) {
                return None;
            }
            let (pairs, _) = self.pairs(node);
            copies.push(Copy {
                node,
                name: self.member(&pairs, "name").filter(|&n| self.is_string(n))?,
                count: self.member(&pairs, "count")?,
                input: self.member(&pairs, "input")?,
            });
        }
        (!copies.is_empty()).then_some(copies)
    }

    /// A `copy` element as a value.
    pub(super) fn copy(&mut self, nodes: &mut Nodes, copy: Copy<'t>, depth: usize) -> Expr {
        let content = self.content(copy.name);
        let name = Ident::new(self.intern(&content));
        self.named_copy(nodes, name, copy, depth)
    }

    /// The same under a name of its own.
    pub(super) fn named_copy(
        &mut self,
        nodes: &mut Nodes,
        name: Ident,
        copy: Copy<'t>,
        depth: usize,
    ) -> Expr {
        let node = nodes.next(span(copy.node));
        let count = self.value(nodes, copy.count, depth + 1);
        let body = self.value(nodes, copy.input, depth + 1);
        let looped = ForExpr {
            over: Loop::Count { name, count },
            condition: None,
            body,
        };
        Expr::new(node, ExprKind::For(Box::new(looped)))
    }

    fn string(&mut self, nodes: &mut Nodes, string: Node<'t>, depth: usize) -> ExprKind {
        let place = span(string);
        let text = self.text;
        let token = text.slice(place);
        let decoded = decode_string(&token);
        let placeholders = self.strings_of != StringsOf::Compiler;
        if self.strings_of == StringsOf::ParameterFile {
            let text = with_defaults(&decoded.text);
            return match has_placeholder(&text) {
                true => self.call("environmentPlaceholder", Box::new([])),
                false => ExprKind::Str(self.intern(&text)),
            };
        }
        match arm::classify(&decoded.text) {
            Text::Literal(content) if placeholders && has_placeholder(content) => {
                self.call("environmentPlaceholder", Box::new([]))
            }
            Text::Literal(content) => ExprKind::Str(self.intern(content)),
            Text::Expression(content) => match arm::parse(content) {
                Ok(root) => {
                    let origin = Origin {
                        start: place.start,
                        decoded: &decoded,
                    };
                    self.expression_kind(nodes, &root, &origin, depth)
                }
                Err(_) if placeholders && has_placeholder(content) => {
                    self.call("environmentPlaceholder", Box::new([]))
                }
                Err(error) => {
                    ExprKind::Invalid(format!("an expression error: {}", error.message).into())
                }
            },
        }
    }

    /// A call without a namespace.
    pub(super) fn call(&mut self, name: &str, args: Box<[Expr]>) -> ExprKind {
        ExprKind::Call {
            namespace: None,
            name: Ident::new(self.intern(name)),
            args,
        }
    }

    fn expression(
        &mut self,
        nodes: &mut Nodes,
        expression: &arm::Node<'_>,
        origin: &Origin<'_>,
        depth: usize,
    ) -> Expr {
        let node = nodes.next(origin.span(expression.span));
        let kind = self.expression_kind(nodes, expression, origin, depth);
        Expr::new(node, kind)
    }

    fn expression_kind(
        &mut self,
        nodes: &mut Nodes,
        expression: &arm::Node<'_>,
        origin: &Origin<'_>,
        depth: usize,
    ) -> ExprKind {
        if depth >= MAX_DEPTH {
            return ExprKind::Invalid(TOO_DEEP.into());
        }
        let depth = depth + 1;
        match &expression.kind {
            Kind::Str(content) => ExprKind::Str(self.intern(content)),
            Kind::Int(Some(value)) => ExprKind::Int(*value),
            Kind::Int(None) => ExprKind::Invalid(TOO_LARGE.into()),
            Kind::Call {
                namespace: None,
                name,
                args,
            } if name.eq_ignore_ascii_case("lambda") => self.lambda(nodes, args, origin, depth),
            Kind::Call {
                namespace: None,
                name,
                args,
            } if name.eq_ignore_ascii_case("lambdaVariables") => match args.as_slice() {
                [
                    arm::Node {
                        kind: Kind::Str(content),
                        ..
                    },
                ] => ExprKind::Name(Ident::new(self.intern(content))),
                _ => ExprKind::Invalid("lambdaVariables takes one name".into()),
            },
            Kind::Call {
                namespace,
                name,
                args,
            } => ExprKind::Call {
                namespace: namespace.map(|namespace| Ident::new(self.intern(namespace))),
                name: Ident::new(self.intern(name)),
                args: args
                    .iter()
                    .map(|arg| self.expression(nodes, arg, origin, depth))
                    .collect(),
            },
            Kind::Member {
                base,
                name,
                name_span,
            } => {
                let base = self.expression(nodes, base, origin, depth);
                let key = Expr::new(
                    nodes.next(origin.span(*name_span)),
                    ExprKind::Str(self.intern(name)),
                );
                get(base, key)
            }
            Kind::Index { base, key } => {
                let base = self.expression(nodes, base, origin, depth);
                let key = self.expression(nodes, key, origin, depth);
                get(base, key)
            }
        }
    }

    /// `lambda('a', 'b', body)`.
    fn lambda(
        &mut self,
        nodes: &mut Nodes,
        args: &[arm::Node<'_>],
        origin: &Origin<'_>,
        depth: usize,
    ) -> ExprKind {
        let Some((body, names @ [_, ..])) = args.split_last() else {
            return ExprKind::Invalid("lambda takes names and a body".into());
        };
        let mut parameters = Vec::with_capacity(names.len());
        for name in names {
            let Kind::Str(content) = &name.kind else {
                return ExprKind::Invalid("lambda takes names and a body".into());
            };
            parameters.push(Ident::new(self.intern(content)));
        }
        ExprKind::Lambda {
            parameters: parameters.into(),
            body: Box::new(self.expression(nodes, body, origin, depth)),
        }
    }
}

const TOO_LARGE: &str = "an integer beyond 64 bits";

fn get(base: Expr, key: Expr) -> ExprKind {
    ExprKind::Get {
        base: Box::new(base),
        key: Box::new(key),
        safe: false,
        from_end: false,
    }
}

/// An integer beyond 64 bits has no value that can be computed with, only digits.
fn number(node: NodeId, token: &str) -> ExprKind {
    if let Some(value) = integer(token) {
        return ExprKind::Int(value);
    }
    let is_digit = |byte: u8| byte.is_ascii_digit() || byte == b'-';
    match token.parse() {
        Ok(value) if !token.bytes().all(is_digit) => ExprKind::Float(Float(value)),
        Ok(_) => Expr::call(node, "largeInteger", [Expr::text(node, token)]).kind,
        Err(_) => ExprKind::Invalid(TOO_LARGE.into()),
    }
}

/// The text with each `${NAME=default}` of azd replaced by its default.
fn with_defaults(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((inside, behind)) = after.split_once('}') else {
            break;
        };
        out.push_str(before);
        match inside.split_once('=') {
            Some((name, default)) if is_variable(name) => out.push_str(default),
            _ => out.extend(["${", inside, "}"]),
        }
        rest = behind;
    }
    match rest.len() == text.len() {
        true => Cow::Borrowed(text),
        false => Cow::Owned(out + rest),
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether another tool has yet to fill something in: `${NAME}` (azd, Terraform), `{{ name }}` (Jinja), `#{NAME}#` (the
/// token replacement tasks of pipelines).
pub(in crate::model) fn has_placeholder(text: &str) -> bool {
    let after = |open: &str, close: &str| {
        memchr::memmem::find(text.as_bytes(), open.as_bytes())
            .and_then(|at| text.get(at + open.len()..))
            .is_some_and(|rest| rest.contains(close))
    };
    text.len() >= 3 && (after("${", "}") || after("{{", "}}") || after("#{", "}#"))
}
