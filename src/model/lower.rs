//! What lowering Bicep and lowering ARM share: numbering nodes, hashing items, and reusing what was lowered before.
//!
//! Lowering walks the syntax tree of one item and builds its [`Item`]; every node it makes takes the next number from
//! [`Nodes`], which remembers where it stood. **Invariant:** numbers depend on what the item says, never on how it is
//! laid out: parentheses, comments and blanks take none. So equal hashes mean that numbers may be exchanged.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::{Expr, ExprKind, Ident, Item, ItemKind, ItemSpans, Loop, Member, NodeId, Template};
use crate::text::{Source, Span};

/// Expressions nested deeper than this lower to [`ExprKind::Invalid`]: beyond anything a person or a compiler writes,
/// and shallow enough that every recursive walk to the right fits in a small stack.
pub const MAX_DEPTH: usize = 200;

/// An item together with where its nodes stand.
#[derive(Debug, Clone)]
pub struct Lowered {
    /// What it says. One `Arc` for all items that say the same.
    pub item: Arc<Item>,
    /// Where its nodes stand.
    pub spans: Arc<ItemSpans>,
}

/// The memo of stage 1. Implemented by `workspace::memo` (shared by all files and threads) and by [`NoMemo`].
pub trait ItemMemo: Sync {
    /// What was lowered from exactly this text (see [`text_hash`]) before.
    fn find(&self, text: u64) -> Option<Lowered>;
    /// Keeps what was lowered. Returns it with `item` replaced by an equal one that is already known, where there is
    /// one, so that equal items are one `Arc`.
    fn keep(&self, text: u64, lowered: Lowered) -> Lowered;
}

/// Remembers nothing.
pub struct NoMemo;

impl ItemMemo for NoMemo {
    fn find(&self, _: u64) -> Option<Lowered> {
        None
    }

    fn keep(&self, _: u64, lowered: Lowered) -> Lowered {
        lowered
    }
}

/// Hash of the text of `span` together with `salt` (language and the section an item stands in): the key of stage 1.
pub fn text_hash<S: Source + ?Sized>(text: &S, span: Span, salt: u64) -> u64 {
    // Most items lie in one chunk, and are hashed without the state that a text in pieces needs.
    let first = text.chunk(span.start as usize);
    if let Some(whole) = first.get(..span.len() as usize) {
        return xxhash_rust::xxh3::xxh3_64_with_seed(whole, salt);
    }
    let mut hasher = xxhash_rust::xxh3::Xxh3::with_seed(salt);
    text.chunks(span, &mut |chunk| hasher.update(chunk));
    hasher.digest()
}

/// Hands out the numbers of one item's nodes and remembers where they stand.
#[derive(Debug)]
pub struct Nodes {
    base: u32,
    spans: Vec<Span>,
    nested: Vec<(u32, Arc<ItemSpans>)>,
    /// See [`Item::modern`].
    pub modern: bool,
}

impl Nodes {
    /// For an item that covers `span` of its file; the item itself becomes node 0.
    pub fn new(span: Span) -> Self {
        let mut nodes = Nodes {
            base: span.start,
            spans: Vec::new(),
            nested: Vec::new(),
            modern: false,
        };
        nodes.next(span);
        nodes
    }

    /// The next number, for a node at `span` (file offsets). Spans may reach beyond the item, never before it.
    pub fn next(&mut self, span: Span) -> NodeId {
        let id = self.spans.len() as NodeId;
        let relative = |offset: u32| offset.saturating_sub(self.base);
        self.spans
            .push(Span::new(relative(span.start), relative(span.end)));
        id
    }

    /// Moves the end of a node that was numbered before its children were known (a chain of postfix operators).
    pub fn set_span(&mut self, node: NodeId, span: Span) {
        let relative = |offset: u32| offset.saturating_sub(self.base);
        if let Some(slot) = self.spans.get_mut(node as usize) {
            *slot = Span::new(relative(span.start), relative(span.end));
        }
    }

    /// Records an item of a nested template that starts at file offset `start`.
    pub fn nest(&mut self, start: u32, spans: Arc<ItemSpans>) {
        self.nested.push((start.saturating_sub(self.base), spans));
    }

    /// Closes the item: computes its hash and the names it uses. How many numbers were taken counts too, so that items
    /// numbered differently are different; that the order agrees is up to lowering.
    pub fn finish(self, kind: ItemKind, broken: bool) -> Lowered {
        let mut hasher = Bytes(Vec::with_capacity(self.spans.len() * 32));
        kind.hash(&mut hasher);
        (broken, self.modern).hash(&mut hasher);
        self.spans.len().hash(&mut hasher);
        let item = Item {
            hash: hasher.finish(),
            uses: uses(&kind),
            kind,
            broken,
            modern: self.modern,
        };
        let spans = ItemSpans {
            nodes: self.spans.into(),
            nested: self.nested.into(),
        };
        Lowered {
            item: Arc::new(item),
            spans: Arc::new(spans),
        }
    }
}

/// Gathers what is hashed and hashes it in one go: an item is hashed in very many small steps, each of which would
/// cost a streaming hasher more than the bytes do.
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(&self.0)
    }
}

/// The name that stands for "any name": an item that computes a name (`parameters(concat(…))`) uses it.
pub const ANY_NAME: &str = "*";

/// Names an item refers to and does not bind itself, sorted, each once.
fn uses(kind: &ItemKind) -> Box<[Ident]> {
    let mut names = Names {
        found: Vec::new(),
        bound: Vec::new(),
    };
    names.item(kind);
    names.found.sort_unstable();
    names.found.dedup();
    names.found.into()
}

struct Names {
    found: Vec<Ident>,
    bound: Vec<Ident>,
}

impl Names {
    fn item(&mut self, kind: &ItemKind) {
        match kind {
            ItemKind::Parameter(p) => {
                self.ty(&p.ty);
                self.all(p.default.iter().chain(&p.allowed));
            }
            ItemKind::Variable(v) => self.expr(&v.value),
            ItemKind::Function(f) => {
                let before = self.bound.len();
                self.bound
                    .extend(f.parameters.iter().map(|(name, _)| name.clone()));
                self.expr(&f.body);
                self.bound.truncate(before);
            }
            ItemKind::Type(t) => self.ty(&t.ty),
            ItemKind::Resource(r) => self.resource(r),
            ItemKind::Module(m) => self.declaration(&m.declaration, |names| {
                names.all(m.arguments.iter());
                match &m.target {
                    super::Target::Relative(e)
                    | super::Target::Uri(e)
                    | super::Target::TemplateSpec(e)
                    | super::Target::Value(e) => names.expr(e),
                    super::Target::Inline(template) if !m.inner => names.template(template),
                    _ => {}
                }
            }),
            ItemKind::Output(o) => self.expr(&o.value),
            ItemKind::Assignment(a) => self.expr(&a.value),
            ItemKind::Metadata { value, .. } => self.expr(value),
            ItemKind::Import(_) | ItemKind::Using(_) | ItemKind::Extends(_) | ItemKind::Broken => {}
        }
    }

    /// An outer-scoped nested template sees its parent's names.
    fn template(&mut self, template: &Template) {
        for item in &template.items {
            self.found.extend(item.uses.iter().cloned());
        }
    }

    fn resource(&mut self, resource: &super::Resource) {
        self.declaration(&resource.declaration, |names| {
            names.all(resource.parent.iter().chain(&resource.api_version));
            names.expr(&resource.body);
            for child in &resource.children {
                names.resource(child);
            }
        });
    }

    fn declaration(&mut self, declaration: &super::Declaration, inside: impl FnOnce(&mut Self)) {
        let before = self.bound.len();
        if let Some(over) = &declaration.loops {
            self.enter(over);
        }
        self.all(declaration.conditions.iter());
        self.all(declaration.name.iter().chain(&declaration.scope));
        self.all(
            declaration
                .subscription
                .iter()
                .chain(&declaration.resource_group)
                .chain(&declaration.depends_on),
        );
        inside(self);
        self.bound.truncate(before);
    }

    fn enter(&mut self, over: &Loop) {
        match over {
            Loop::Items { item, index, over } => {
                self.expr(over);
                self.bound.push(item.clone());
                self.bound.extend(index.clone());
            }
            Loop::Count { count, .. } => self.expr(count),
        }
    }

    fn all<'a>(&mut self, exprs: impl IntoIterator<Item = &'a Expr>) {
        exprs.into_iter().for_each(|e| self.expr(e));
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Name(name) => self.name(name),
            ExprKind::Concat(parts) => self.all(parts),
            ExprKind::Array(elements) => self.all(elements.iter().map(|e| &e.value)),
            ExprKind::Object(members) => members.iter().for_each(|member| match member {
                Member::Property { key, value } => self.all([key, value]),
                Member::Spread(value) => self.expr(value),
            }),
            ExprKind::Call {
                namespace,
                name,
                args,
            } => {
                if name.is("parameters") || name.is("variables") {
                    match args.first().map(|a| a.as_str()) {
                        Some(Some(literal)) => self.name(&Ident::from(literal)),
                        _ => self.name(&Ident::from(ANY_NAME)),
                    }
                }
                self.name(namespace.as_ref().unwrap_or(name));
                self.name(name);
                self.all(args);
            }
            ExprKind::Method { base, args, name } => {
                self.name(name);
                self.expr(base);
                self.all(args);
            }
            ExprKind::Get { base, key, .. } => self.all([&**base, &**key]),
            ExprKind::Nested { base, name } => {
                self.expr(base);
                self.name(name);
            }
            ExprKind::Lambda { parameters, body } => {
                let before = self.bound.len();
                self.bound.extend(parameters.iter().cloned());
                self.expr(body);
                self.bound.truncate(before);
            }
            ExprKind::For(f) => {
                let before = self.bound.len();
                self.enter(&f.over);
                self.all(f.condition.iter());
                self.expr(&f.body);
                self.bound.truncate(before);
            }
            _ => {}
        }
    }

    fn ty(&mut self, ty: &super::TypeExpr) {
        use super::TypeExpr::*;
        match ty {
            Named(path) => path.first().into_iter().for_each(|name| self.name(name)),
            Literal(e) => self.expr(e),
            Union(members) | Tuple(members) => members.iter().for_each(|t| self.ty(t)),
            Array(t) | Nullable(t) => self.ty(t),
            Object {
                properties,
                additional,
            } => {
                properties.iter().for_each(|(_, t)| self.ty(t));
                additional.iter().for_each(|t| self.ty(t));
            }
            Any | Primitive(_) => {}
        }
    }

    fn name(&mut self, name: &Ident) {
        if !self.bound.contains(name) {
            self.found.push(name.clone());
        }
    }
}
