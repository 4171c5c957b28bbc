//! Lowers Bicep expressions to the ARM functions that they compile to.
//!
//! A node is numbered before its children. Parentheses and `!` are skipped in a loop and do not count as depth.

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use tree_sitter::TreeCursor;

use super::symbols::{Field, Kind, operator};
use super::{Lowering, MAX_DEPTH};
use crate::model::{Element, Expr, ExprKind, ForExpr, Ident, Loop, Member};
use crate::syntax::bicep::Literal;
use crate::text::Span;

/// ARM's names of the functions that operators are lowered to, made once: each use shares the text.
static FUNCTIONS: LazyLock<Vec<(Kind, Ident)>> = LazyLock::new(|| {
    let names = [
        (Kind::Ternary, "if"),
        (Kind::Coalesce, "coalesce"),
        (Kind::Or, "or"),
        (Kind::And, "and"),
        (Kind::Not, "not"),
        (Kind::Equal, "equals"),
        (Kind::EqualFolded, "toLower"),
        (Kind::Less, "less"),
        (Kind::LessOrEqual, "lessOrEquals"),
        (Kind::Greater, "greater"),
        (Kind::GreaterOrEqual, "greaterOrEquals"),
        (Kind::Plus, "add"),
        (Kind::Minus, "sub"),
        (Kind::Times, "mul"),
        (Kind::Divide, "div"),
        (Kind::Modulo, "mod"),
    ];
    names.map(|(kind, name)| (kind, name.into())).into()
});

pub(super) const TOO_DEEP: &str = "nested too deeply";
pub(super) const NOT_PARSED: &str = "does not parse";

impl Lowering<'_> {
    /// The expression at the cursor; `depth` counts the model's expressions around it.
    pub(super) fn expr(&mut self, cursor: &mut TreeCursor<'_>, depth: usize) -> Expr {
        let climbed = self.strip(cursor);
        let expr = if depth < MAX_DEPTH {
            self.bare(cursor, depth)
        } else {
            self.invalid(self.span(cursor), TOO_DEEP)
        };
        for _ in 0..climbed {
            cursor.goto_parent();
        }
        expr
    }

    /// The expression in a field of the node at the cursor.
    pub(super) fn expr_in(
        &mut self,
        cursor: &mut TreeCursor<'_>,
        field: Field,
        depth: usize,
    ) -> Expr {
        if !self.enter_field(cursor, field) {
            return self.missing(cursor);
        }
        let expr = self.expr(cursor, depth);
        cursor.goto_parent();
        expr
    }

    /// What represents an expression that the text leaves out.
    pub(super) fn missing(&mut self, cursor: &TreeCursor<'_>) -> Expr {
        let end = self.span(cursor).end;
        self.invalid(Span::new(end, end), NOT_PARSED)
    }

    fn or_missing(&mut self, expr: Option<Expr>, cursor: &TreeCursor<'_>) -> Expr {
        expr.unwrap_or_else(|| self.missing(cursor))
    }

    pub(super) fn invalid(&mut self, span: Span, reason: &str) -> Expr {
        Expr::invalid(self.nodes.next(span), reason)
    }

    fn bare(&mut self, cursor: &mut TreeCursor<'_>, depth: usize) -> Expr {
        let kind = self.kind(cursor);
        let span = self.span(cursor);
        match kind {
            Kind::String | Kind::MultilineString => return self.string(cursor, depth),
            Kind::Binary => return self.binary(cursor, depth),
            Kind::Unary => return self.unary(cursor, depth),
            _ => {}
        }
        if span.is_empty() {
            return self.invalid(span, NOT_PARSED);
        }
        let node = self.nodes.next(span);
        let kind = match kind {
            Kind::Variable => ExprKind::Name(self.ident(cursor)),
            Kind::Null => ExprKind::Null,
            Kind::Boolean => ExprKind::Bool(self.text(span) == "true"),
            Kind::Integer => match self.text(span).parse() {
                Ok(n) => ExprKind::Int(n),
                Err(_) => ExprKind::Invalid("an integer out of range".into()),
            },
            Kind::Ternary => {
                let [mut condition, mut then, mut otherwise] = [const { None }; 3];
                self.fields(cursor, |this, cursor, field| {
                    let slot = match field {
                        Field::Condition => &mut condition,
                        Field::Then => &mut then,
                        Field::Else => &mut otherwise,
                        _ => return,
                    };
                    *slot = Some(this.expr(cursor, depth + 1));
                });
                let args = [condition, then, otherwise];
                call(Kind::Ternary, args.map(|arg| self.or_missing(arg, cursor)))
            }
            Kind::Member | Kind::Index => self.get(cursor, depth),
            Kind::MethodCall => self.method(cursor, depth),
            Kind::ResourceAccess => ExprKind::Nested {
                base: self.expr_in(cursor, Field::Object, depth + 1).into(),
                name: self.ident_in(cursor, Field::Resource),
            },
            Kind::Call => {
                let mut name = None;
                let mut args: Box<[Expr]> = Box::default();
                self.fields(cursor, |this, cursor, field| match field {
                    Field::Function => name = Some(this.ident(cursor)),
                    Field::Arguments => args = this.arguments(cursor, depth),
                    _ => {}
                });
                ExprKind::Call {
                    namespace: None,
                    name: name.unwrap_or_else(|| Ident::from("")),
                    args,
                }
            }
            Kind::Lambda => self.lambda(cursor, depth),
            Kind::Object => {
                let mut members = Vec::new();
                self.items(cursor, |this, cursor, kind| {
                    members.extend(this.object_member(cursor, kind, depth));
                });
                ExprKind::Object(members.into())
            }
            Kind::Array => self.array(cursor, depth),
            Kind::For => self.for_value(cursor, depth),
            _ => ExprKind::Invalid(NOT_PARSED.into()),
        };
        Expr::new(node, kind)
    }

    // ---- operators

    fn binary(&mut self, cursor: &mut TreeCursor<'_>, depth: usize) -> Expr {
        let span = self.span(cursor);
        let operator = operator(cursor.node());
        let negated = matches!(operator, Kind::NotEqual | Kind::NotEqualFolded);
        let folded = matches!(operator, Kind::EqualFolded | Kind::NotEqualFolded);
        let function = match operator {
            Kind::Other => return self.invalid(span, NOT_PARSED),
            _ if negated || folded => Kind::Equal,
            operator => operator,
        };
        let not = negated.then(|| self.nodes.next(span));
        let node = self.nodes.next(span);
        let depth = depth + usize::from(negated);
        let operand = match folded {
            true => Self::folded_operand,
            false => Self::operand,
        };
        let (mut left, mut right) = (None, None);
        self.fields(cursor, |this, cursor, field| match field {
            Field::Left => left = Some(operand(this, cursor, depth)),
            Field::Right => right = Some(operand(this, cursor, depth)),
            _ => {}
        });
        let [left, right] = [left, right].map(|operand| self.or_missing(operand, cursor));
        let expr = Expr::new(node, call(function, [left, right]));
        match not {
            Some(node) => Expr::new(node, call(Kind::Not, [expr])),
            None => expr,
        }
    }

    fn operand(&mut self, cursor: &mut TreeCursor<'_>, depth: usize) -> Expr {
        self.expr(cursor, depth + 1)
    }

    /// An operand of `=~` and `!~`, which is compared in lower case.
    fn folded_operand(&mut self, cursor: &mut TreeCursor<'_>, depth: usize) -> Expr {
        let node = self.nodes.next(self.span(cursor));
        let operand = self.expr(cursor, depth + 2);
        Expr::new(node, call(Kind::EqualFolded, [operand]))
    }

    /// `!x`, `-x`. A negative literal is a literal, as it is to the compiler.
    fn unary(&mut self, cursor: &mut TreeCursor<'_>, depth: usize) -> Expr {
        let span = self.span(cursor);
        let operator = operator(cursor.node());
        if operator == Kind::Minus
            && let Some(value) = self.negative_literal(cursor)
        {
            return Expr::new(self.nodes.next(span), ExprKind::Int(value));
        }
        let node = self.nodes.next(span);
        let kind = match operator {
            Kind::Not => call(operator, [self.expr_in(cursor, Field::Operand, depth + 1)]),
            Kind::Minus => {
                let zero = Expr::new(self.nodes.next(span), ExprKind::Int(0));
                let operand = self.expr_in(cursor, Field::Operand, depth + 1);
                call(operator, [zero, operand])
            }
            _ => ExprKind::Invalid(NOT_PARSED.into()),
        };
        Expr::new(node, kind)
    }

    fn negative_literal(&self, cursor: &mut TreeCursor<'_>) -> Option<i64> {
        if !self.enter_field(cursor, Field::Operand) {
            return None;
        }
        let climbed = self.strip(cursor);
        let value = (self.kind(cursor) == Kind::Integer)
            .then(|| format!("-{}", self.text(self.span(cursor))).parse().ok());
        for _ in 0..=climbed {
            cursor.goto_parent();
        }
        value.flatten()
    }

    /// Steps into parentheses and past `!`; how many levels down that is.
    fn strip(&self, cursor: &mut TreeCursor<'_>) -> usize {
        let mut climbed = 0;
        loop {
            let inner = match self.kind(cursor) {
                Kind::Parenthesized => Field::Expression,
                Kind::NonNull => Field::Operand,
                _ => return climbed,
            };
            if !self.enter_field(cursor, inner) {
                return climbed;
            }
            climbed += 1;
        }
    }

    // ---- what may follow an expression

    /// `base.key`, `base[key]` and their variants.
    fn get(&mut self, cursor: &mut TreeCursor<'_>, depth: usize) -> ExprKind {
        let (mut safe, mut from_end) = (false, false);
        let (mut base, mut key) = (None, None);
        self.fields(cursor, |this, cursor, field| match field {
            Field::Object => base = Some(this.expr(cursor, depth + 1)),
            Field::Safe => safe = true,
            Field::FromEnd => from_end = true,
            Field::Property => key = Some(this.key_text(cursor)),
            Field::Index => key = Some(this.expr(cursor, depth + 1)),
            _ => {}
        });
        ExprKind::Get {
            base: self.or_missing(base, cursor).into(),
            key: self.or_missing(key, cursor).into(),
            safe,
            from_end,
        }
    }

    /// `sys.f(x)` and `az.f(x)` are calls; what other names represent is known only when they are looked up.
    fn method(&mut self, cursor: &mut TreeCursor<'_>, depth: usize) -> ExprKind {
        let mut namespace = None;
        if self.enter_field(cursor, Field::Object) {
            if self.kind(cursor) == Kind::Variable {
                let name = self.text(self.span(cursor));
                namespace = matches!(name, "sys" | "az").then(|| Ident::from(name));
            }
            cursor.goto_parent();
        }
        let mut name = None;
        let mut base = None;
        let mut args: Box<[Expr]> = Box::default();
        self.fields(cursor, |this, cursor, field| match field {
            Field::Object if namespace.is_none() => base = Some(this.expr(cursor, depth + 1)),
            Field::Method => name = Some(this.ident(cursor)),
            Field::Arguments => args = this.arguments(cursor, depth),
            _ => {}
        });
        let name = name.unwrap_or_else(|| Ident::from(""));
        if namespace.is_some() {
            return ExprKind::Call {
                namespace,
                name,
                args,
            };
        }
        ExprKind::Method {
            base: self.or_missing(base, cursor).into(),
            name,
            args,
        }
    }

    /// The list of arguments at the cursor; `depth` is the call's.
    fn arguments(&mut self, cursor: &mut TreeCursor<'_>, depth: usize) -> Box<[Expr]> {
        let mut args = Vec::new();
        self.items(cursor, |this, cursor, _| {
            args.push(this.expr(cursor, depth + 1))
        });
        args.into()
    }

    // ---- what holds other expressions

    fn array(&mut self, cursor: &mut TreeCursor<'_>, depth: usize) -> ExprKind {
        let mut elements = Vec::new();
        self.items(cursor, |this, cursor, kind| {
            let spread = kind == Kind::Spread;
            let value = if spread {
                this.expr_in(cursor, Field::Value, depth + 1)
            } else {
                this.expr(cursor, depth + 1)
            };
            elements.push(Element { spread, value });
        });
        ExprKind::Array(elements.into())
    }

    /// The member of an object at the cursor, if it is one; `depth` is the object's.
    pub(super) fn object_member(
        &mut self,
        cursor: &mut TreeCursor<'_>,
        kind: Kind,
        depth: usize,
    ) -> Option<Member> {
        match kind {
            Kind::Property => {
                let mut key = None;
                let mut value = None;
                self.fields(cursor, |this, cursor, field| match field {
                    Field::Key if this.kind(cursor) == Kind::Identifier => {
                        key = Some(this.key_text(cursor))
                    }
                    Field::Key => key = Some(this.expr(cursor, depth + 1)),
                    Field::Value => value = Some(this.expr(cursor, depth + 1)),
                    _ => {}
                });
                Some(Member::Property {
                    key: key?,
                    value: self.or_missing(value, cursor),
                })
            }
            Kind::Spread => Some(Member::Spread(self.expr_in(
                cursor,
                Field::Value,
                depth + 1,
            ))),
            _ => None,
        }
    }

    fn lambda(&mut self, cursor: &mut TreeCursor<'_>, depth: usize) -> ExprKind {
        let mut parameters = Vec::new();
        if self.enter_field(cursor, Field::Parameters) {
            if self.kind(cursor) == Kind::Identifier {
                parameters.push(self.ident(cursor));
            }
            self.fields(cursor, |this, cursor, field| {
                if field == Field::Name {
                    parameters.push(this.ident(cursor));
                }
            });
            cursor.goto_parent();
        }
        ExprKind::Lambda {
            parameters: parameters.into(),
            body: self.expr_in(cursor, Field::Body, depth + 1).into(),
        }
    }

    fn for_value(&mut self, cursor: &mut TreeCursor<'_>, depth: usize) -> ExprKind {
        let over = self.over(cursor, depth + 1);
        let mut condition = None;
        let body = if !self.enter_field(cursor, Field::Body) {
            self.missing(cursor)
        } else {
            let body = if self.kind(cursor) == Kind::IfBody {
                condition = Some(self.expr_in(cursor, Field::Condition, depth + 1));
                self.expr_in(cursor, Field::Body, depth + 1)
            } else {
                self.expr(cursor, depth + 1)
            };
            cursor.goto_parent();
            body
        };
        ExprKind::For(Box::new(ForExpr {
            over,
            condition,
            body,
        }))
    }

    /// The head of the loop at the cursor: `for item in over`, `for (item, index) in over`.
    pub(super) fn over(&mut self, cursor: &mut TreeCursor<'_>, depth: usize) -> Loop {
        let (mut item, mut index, mut over) = (None, None, None);
        self.fields(cursor, |this, cursor, field| match field {
            Field::Item => item = Some(this.ident(cursor)),
            Field::Index => index = Some(this.ident(cursor)),
            Field::Iterable => over = Some(this.expr(cursor, depth)),
            _ => {}
        });
        Loop::Items {
            item: item.unwrap_or_else(|| Ident::from("")),
            index,
            over: self.or_missing(over, cursor),
        }
    }

    // ---- strings

    /// A name used as a key: a string to everyone else.
    fn key_text(&mut self, cursor: &TreeCursor<'_>) -> Expr {
        let span = self.span(cursor);
        Expr::text(self.nodes.next(span), self.text(span))
    }

    fn string(&mut self, cursor: &mut TreeCursor<'_>, depth: usize) -> Expr {
        let span = self.span(cursor);
        if span.is_empty() {
            return self.invalid(span, NOT_PARSED);
        }
        let node = self.nodes.next(span);
        let literal = Literal::new(self.text(span));
        if literal.has_no_interpolation() {
            return Expr::text(node, literal.decode(literal.inner.clone()));
        }
        let mut parts = Vec::new();
        let mut at = literal.inner.start;
        self.items(cursor, |this, cursor, kind| {
            if kind == Kind::Interpolation {
                let interpolation = this.span(cursor);
                let begins = (interpolation.start - span.start) as usize;
                parts.extend(this.piece(span, &literal, at..literal.text_before(begins)));
                parts.push(this.expr_in(cursor, Field::Expression, depth + 1));
                at = (interpolation.end - span.start) as usize;
            }
        });
        if parts.is_empty() {
            return Expr::text(node, literal.decode(literal.inner.clone()));
        }
        parts.extend(self.piece(span, &literal, at..literal.inner.end));
        Expr::new(node, ExprKind::Concat(parts.into()))
    }

    /// A piece of the literal at `span` that is no interpolation, unless it is empty.
    fn piece(&mut self, span: Span, literal: &Literal<'_>, part: Range<usize>) -> Option<Expr> {
        if part.is_empty() {
            return None;
        }
        let [start, end] = [part.start, part.end].map(|offset| span.start + offset as u32);
        let node = self.nodes.next(Span::new(start, end));
        Some(Expr::text(node, literal.decode(part)))
    }

    /// What the string at the cursor states, if it is one without interpolations. Takes no number.
    pub(super) fn literal_text(&self, cursor: &mut TreeCursor<'_>) -> Option<Arc<str>> {
        if !matches!(self.kind(cursor), Kind::String | Kind::MultilineString) {
            return None;
        }
        let literal = Literal::new(self.text(self.span(cursor)));
        let whole = literal.has_no_interpolation() || !self.has_interpolation(cursor);
        whole.then(|| literal.decode(literal.inner.clone()).into())
    }

    fn has_interpolation(&self, cursor: &mut TreeCursor<'_>) -> bool {
        if !cursor.goto_first_child() {
            return false;
        }
        let mut found = self.kind(cursor) == Kind::Interpolation;
        while !found && cursor.goto_next_sibling() {
            found = self.kind(cursor) == Kind::Interpolation;
        }
        cursor.goto_parent();
        found
    }
}

/// A call of the function that a kind of node is lowered to.
fn call<const N: usize>(kind: Kind, args: [Expr; N]) -> ExprKind {
    let name = FUNCTIONS.iter().find(|(of, _)| *of == kind);
    match name {
        Some((_, name)) => ExprKind::Call {
            namespace: None,
            name: name.clone(),
            args: Box::new(args),
        },
        None => ExprKind::Invalid(NOT_PARSED.into()),
    }
}
