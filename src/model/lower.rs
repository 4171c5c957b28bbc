//! Shared by the lowering of Bicep and of ARM: numbering of nodes, hashes of items, and the memo of lowered items.
//!
//! Lowering walks the syntax tree of one item and builds its [`Item`]. [`Nodes`] numbers the nodes and records their spans.
//! **Invariant:** numbers do not depend on layout: parentheses, comments and whitespace take none. So items with equal
//! hashes have equal numbers.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::{Item, ItemKind, ItemSpans, NodeId};
use crate::text::{Source, Span};

/// Expressions nested deeper than this lower to [`ExprKind::Invalid`](crate::model::ExprKind::Invalid): beyond anything
/// a person or a compiler writes, and shallow enough that every recursive walk to the right fits in a small stack.
pub const MAX_DEPTH: usize = 200;

/// An item together with the positions of its nodes.
#[derive(Debug, Clone)]
pub struct Lowered {
    /// Its content.
    pub item: Arc<Item>,
    /// The positions of its nodes.
    pub spans: Arc<ItemSpans>,
}

/// The memo of stage 1. Implemented by `workspace::memo` (shared by all files and threads) and by [`NoMemo`].
pub trait ItemMemo: Sync {
    /// What was lowered from exactly this text (see [`text_hash`]) before.
    fn find(&self, text: u64) -> Option<Lowered>;
    /// Keeps what was lowered, and returns it.
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

/// Hash of the text of `span` together with `salt` (language and the section an item is in): the key of stage 1.
pub fn text_hash<S: Source + ?Sized>(text: &S, span: Span, salt: u64) -> u64 {
    // Most items are in one chunk, and are hashed without the state that a text in pieces needs.
    let first = text.chunk(span.start as usize);
    if let Some(whole) = first.get(..span.len() as usize) {
        return xxhash_rust::xxh3::xxh3_64_with_seed(whole, salt);
    }
    let mut hasher = xxhash_rust::xxh3::Xxh3::with_seed(salt);
    text.chunks(span, &mut |chunk| hasher.update(chunk));
    hasher.digest()
}

/// Hands out the numbers of one item's nodes and records their positions.
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
        let mut item = Item {
            hash: 0,
            kind,
            broken,
            modern: self.modern,
        };
        // Reports show names as they are written.
        item.for_each_shown(&mut |name| name.as_str().hash(&mut hasher));
        item.hash = hasher.finish();
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
