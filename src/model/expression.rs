//! Expressions of both languages. Bicep's operators are lowered to the ARM functions that they compile to, so evaluation
//! handles one language.

use std::sync::Arc;

use super::{Ident, NodeId};

/// An expression and its number within its item.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// Its number in the item.
    pub node: NodeId,
    /// What it is.
    pub kind: ExprKind,
}

/// What an expression is. Operators arrive as calls by ARM's names (design: `&&` is `and`, `?:` is `if`, `??` is
/// `coalesce`, `==` is `equals`, `!=` is `not(equals)`, `=~` is `equals(toLower, toLower)`, unary minus is `sub(0, x)` but for
/// `-1`, `a.b`/`a[b]` are [`ExprKind::Get`], interpolation is [`ExprKind::Concat`]); `(x)` and `x!` vanish.
#[derive(Debug, Clone, PartialEq, Hash)]
pub enum ExprKind {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// An integer; out of 64-bit range lowers to `Invalid`.
    Int(i64),
    /// A JSON number with a fraction or exponent.
    Float(Float),
    /// A string without interpolations, decoded.
    Str(Arc<str>),
    /// A string with interpolations: its pieces in order, each to be turned into text and joined.
    Concat(Box<[Expr]>),
    /// An array; elements may be spreads.
    Array(Box<[Element]>),
    /// An object; members may be spreads.
    Object(Box<[Member]>),
    /// A bare Bicep identifier: a loop or lambda variable, parameter, variable, resource, module or import alias,
    /// resolved in that order of nearness when evaluated.
    Name(Ident),
    /// `f(x)`, `ns.f(x)`. Includes ARM's `parameters('a')`, `variables('a')`, `copyIndex()`. Bicep's method calls on
    /// non-namespaces (`res.listKeys()`) arrive as [`ExprKind::Method`].
    Call {
        /// `sys`, `az`, an import alias, or an ARM user-function namespace.
        namespace: Option<Ident>,
        /// The function.
        name: Ident,
        /// Its arguments in order.
        args: Box<[Expr]>,
    },
    /// `base.f(x)` where base may be a namespace alias or a resource: resolved when evaluated.
    Method {
        /// What comes before the dot.
        base: Box<Expr>,
        /// The method.
        name: Ident,
        /// Its arguments.
        args: Box<[Expr]>,
    },
    /// `base.key`, `base[key]`, `.?`, `[?`, `[^n]`.
    Get {
        /// What is read from.
        base: Box<Expr>,
        /// Property name (a [`ExprKind::Str`]) or index.
        key: Box<Expr>,
        /// `.?` and `[?`: absent gives null.
        safe: bool,
        /// `[^n]`: counted from the end, 1-based.
        from_end: bool,
    },
    /// `parent::child`.
    Nested {
        /// The parent resource.
        base: Box<Expr>,
        /// The nested resource's symbol.
        name: Ident,
    },
    /// `(a, b) => body`; in ARM `lambda('a', body)` with `lambdaVariables('a')` arriving as [`ExprKind::Name`].
    Lambda {
        /// Parameter names.
        parameters: Box<[Ident]>,
        /// The body.
        body: Box<Expr>,
    },
    /// A loop as a value: `[for x in xs: body]`, ARM's `copy` in variables, properties and outputs.
    For(Box<ForExpr>),
    /// Text that does not parse, or that no evaluator could mean; the reason in the user's words, ASCII, no full stop.
    Invalid(Arc<str>),
}

impl std::hash::Hash for Expr {
    /// Places do not count: equal text laid out differently hashes the same.
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.kind.hash(state);
    }
}

/// A 64-bit float that can be compared and hashed, by its bits.
#[derive(Debug, Clone, Copy)]
pub struct Float(pub f64);

impl PartialEq for Float {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Float {}

impl std::hash::Hash for Float {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.to_bits());
    }
}

/// An element of an array.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct Element {
    /// `...x`.
    pub spread: bool,
    /// The value.
    pub value: Expr,
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq, Hash)]
pub enum Member {
    /// `key: value`. The key is a [`ExprKind::Str`] or, with interpolations, a [`ExprKind::Concat`].
    Property {
        /// The name.
        key: Expr,
        /// The value.
        value: Expr,
    },
    /// `...x`.
    Spread(Expr),
}

/// A loop with its body.
#[derive(Debug, Clone, PartialEq, Hash)]
pub struct ForExpr {
    /// What it runs over.
    pub over: Loop,
    /// `if (c)` in the loop.
    pub condition: Option<Expr>,
    /// What each iteration gives.
    pub body: Expr,
}

/// What a loop runs over.
#[derive(Debug, Clone, PartialEq, Hash)]
pub enum Loop {
    /// Bicep: `for item in over`, `for (item, index) in over`.
    Items {
        /// Name of the element.
        item: Ident,
        /// Name of the 0-based index.
        index: Option<Ident>,
        /// The array.
        over: Expr,
    },
    /// ARM: `copy: { name, count }`; the body uses `copyIndex('name', offset)`.
    Count {
        /// The loop's name.
        name: Ident,
        /// The number of iterations.
        count: Expr,
    },
}

impl Loop {
    /// What it runs over, or how often it runs.
    pub fn expression(&self) -> &Expr {
        match self {
            Loop::Items { over, .. } => over,
            Loop::Count { count, .. } => count,
        }
    }
}

impl Expr {
    /// An expression at a node.
    pub fn new(node: NodeId, kind: ExprKind) -> Self {
        Expr { node, kind }
    }

    /// A text.
    pub fn text(node: NodeId, text: impl Into<Arc<str>>) -> Self {
        Expr::new(node, ExprKind::Str(text.into()))
    }

    /// What has no value, for a reason.
    pub fn invalid(node: NodeId, reason: &str) -> Self {
        Expr::new(node, ExprKind::Invalid(reason.into()))
    }

    /// A call of a function without a namespace.
    pub fn call(node: NodeId, name: &str, args: impl Into<Box<[Expr]>>) -> Self {
        let (name, args) = (name.into(), args.into());
        let namespace = None;
        Expr::new(
            node,
            ExprKind::Call {
                namespace,
                name,
                args,
            },
        )
    }

    /// A member of an object, or null.
    pub fn member_of(base: Expr, name: &str) -> Self {
        let node = base.node;
        let kind = ExprKind::Get {
            base: Box::new(base),
            key: Box::new(Expr::text(node, name)),
            safe: true,
            from_end: false,
        };
        Expr::new(node, kind)
    }

    /// The text, where it is a string without interpolations.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Calls `see` with each expression directly in this one, in the order of the text.
    pub fn children<'e>(&'e self, see: &mut dyn FnMut(&'e Expr)) {
        match &self.kind {
            ExprKind::Concat(parts) => parts.iter().for_each(see),
            ExprKind::Array(elements) => elements.iter().for_each(|it| see(&it.value)),
            ExprKind::Object(members) => members.iter().for_each(|member| match member {
                Member::Property { key, value } => [key, value].into_iter().for_each(&mut *see),
                Member::Spread(value) => see(value),
            }),
            ExprKind::Call { args, .. } => args.iter().for_each(see),
            ExprKind::Method { base, args, .. } => {
                see(base);
                args.iter().for_each(see);
            }
            ExprKind::Get { base, key, .. } => [base, key].into_iter().for_each(|it| see(it)),
            ExprKind::Nested { base, .. } => see(base),
            ExprKind::Lambda { body, .. } => see(body),
            ExprKind::For(each) => {
                see(each.over.expression());
                each.condition.iter().for_each(&mut *see);
                see(&each.body);
            }
            _ => {}
        }
    }

    /// Calls `see` with this expression and every one in it, from the outside in.
    pub fn walk<'e>(&'e self, see: &mut dyn FnMut(&'e Expr)) {
        see(self);
        self.children(&mut |child| child.walk(see));
    }

    /// The value of a member by name, where this is an object literal that names it; the last one wins, as in JSON.
    pub fn member(&self, name: &str) -> Option<&Expr> {
        let ExprKind::Object(members) = &self.kind else {
            return None;
        };
        members.iter().rev().find_map(|member| match member {
            Member::Property { key, value }
                if key.as_str().is_some_and(|k| k.eq_ignore_ascii_case(name)) =>
            {
                Some(value)
            }
            _ => None,
        })
    }
}
