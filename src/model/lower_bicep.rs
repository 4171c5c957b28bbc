//! Lowers Bicep syntax to the model.
//!
//! Each declaration is lowered on its own and memoized by its text. A declaration with a syntax error is lowered as far as
//! possible, marked broken and not memoized, since the parser's result depends on the text around it.

mod declarations;
mod expressions;
mod symbols;
#[cfg(test)]
mod tests;
mod types;

use std::cell::OnceCell;
use std::sync::Arc;

use tree_sitter::{Tree, TreeCursor};

use self::symbols::{Field, Kind};
use super::lower::{ItemMemo, Lowered, MAX_DEPTH, Nodes, text_hash};
use super::{FileKind, FileModel, Ident, Item, ItemKind, ItemSpans, ScopeKind, Template};
use crate::text::{Source, Span};

/// Lowers a parsed `.bicep` or `.bicepparam` file.
///
/// `targetScope` becomes [`Template::scope`] and, as a declaration, an [`ItemKind::Broken`] item that is not broken, like
/// everything else that evaluation does not need. A stretch of text that is no declaration becomes one broken item.
/// In a Bicep file a parameter without a type is broken: its name is being typed.
pub fn lower_bicep<S: Source + ?Sized>(
    kind: FileKind,
    tree: &Tree,
    text: &S,
    memo: &dyn ItemMemo,
) -> FileModel {
    let mut file = File {
        kind,
        text,
        memo,
        scope: None,
        items: Vec::new(),
        spans: Vec::new(),
        unparsed: None,
    };
    let mut cursor = tree.walk();
    if cursor.goto_first_child() {
        loop {
            file.child(&mut cursor);
            if !cursor.goto_next_sibling() {
                break;
            }
        }
    }
    file.flush();
    FileModel {
        template: Template {
            kind,
            scope: file.scope,
            generated: false,
            items: file.items.into(),
        }
        .into(),
        spans: file.spans.into(),
    }
}

/// A file on its way to the model.
struct File<'a, S: ?Sized> {
    kind: FileKind,
    text: &'a S,
    memo: &'a dyn ItemMemo,
    scope: Option<ScopeKind>,
    items: Vec<Arc<Item>>,
    spans: Vec<(u32, Arc<ItemSpans>)>,
    /// Text met since the last declaration that is none.
    unparsed: Option<Span>,
}

impl<S: Source + ?Sized> File<'_, S> {
    fn child(&mut self, cursor: &mut TreeCursor<'_>) {
        let node = cursor.node();
        let kind = Kind::from_id(node.kind_id());
        let span = Span::of(node.byte_range());
        if kind.is_declaration() {
            self.flush();
            self.declaration(cursor, kind, span);
        } else if node.is_error() {
            self.error(cursor, span);
        } else {
            self.other(kind, span);
        }
    }

    /// An error at the top level. Sound declarations inside are as good as others: their neighbour does not parse, not
    /// they. One that does not begin its line was nested in what does not parse, and is no declaration of the file's.
    fn error(&mut self, cursor: &mut TreeCursor<'_>, span: Span) {
        self.unparsed.get_or_insert(span);
        if !cursor.goto_first_child() {
            return;
        }
        loop {
            let node = cursor.node();
            let kind = Kind::from_id(node.kind_id());
            let span = Span::of(node.byte_range());
            if kind.is_declaration() && self.begins_a_line(span.start) {
                self.flush();
                self.declaration(cursor, kind, span);
            } else {
                self.other(kind, span);
            }
            if !cursor.goto_next_sibling() {
                break;
            }
        }
        cursor.goto_parent();
    }

    fn begins_a_line(&self, offset: u32) -> bool {
        offset == 0
            || matches!(
                &*self.text.slice(Span::new(offset - 1, offset)),
                "\n" | "\r"
            )
    }

    fn other(&mut self, kind: Kind, span: Span) {
        if !matches!(kind, Kind::Comment | Kind::Pragma) && !span.is_empty() {
            let start = self.unparsed.map_or(span.start, |before| before.start);
            self.unparsed = Some(Span::new(start, span.end));
        }
    }

    /// Closes a stretch of text that is no declaration.
    fn flush(&mut self) {
        if let Some(span) = self.unparsed.take() {
            self.push(span, Nodes::new(span).finish(ItemKind::Broken, true));
        }
    }

    fn push(&mut self, span: Span, lowered: Lowered) {
        self.items.push(lowered.item);
        self.spans.push((span.start, lowered.spans));
    }

    fn declaration(&mut self, cursor: &mut TreeCursor<'_>, kind: Kind, span: Span) {
        let broken = cursor.node().has_error();
        let salt = 0x6269_6365_7000 + self.kind as u64;
        let key = text_hash(self.text, span, salt);
        let known = if broken { None } else { self.memo.find(key) };
        let slice = OnceCell::new();
        let lowering = || Lowering {
            text: slice.get_or_init(|| self.text.slice(span)),
            base: span.start,
            nodes: Nodes::new(span),
            incomplete: false,
        };
        if kind == Kind::TargetScope && self.scope.is_none() {
            self.scope = lowering().target_scope(cursor);
        }
        let lowered = known.unwrap_or_else(|| {
            let mut lowering = lowering();
            let item = lowering.item(cursor, kind, self.kind);
            let lowered = lowering.nodes.finish(item, broken || lowering.incomplete);
            if broken {
                lowered
            } else {
                self.memo.keep(key, lowered)
            }
        });
        self.push(span, lowered);
    }
}

/// A declaration on its way to the model.
struct Lowering<'a> {
    /// The text of the declaration.
    text: &'a str,
    /// Where that begins in the file.
    base: u32,
    nodes: Nodes,
    /// Something is left out that the language requires though the grammar does not.
    incomplete: bool,
}

impl<'a> Lowering<'a> {
    fn kind(&self, cursor: &TreeCursor<'_>) -> Kind {
        Kind::from_id(cursor.node().kind_id())
    }

    fn span(&self, cursor: &TreeCursor<'_>) -> Span {
        Span::of(cursor.node().byte_range())
    }

    /// The text at a span of the file that is in the declaration.
    fn text(&self, span: Span) -> &'a str {
        let relative = |offset: u32| offset.saturating_sub(self.base) as usize;
        self.text
            .get(relative(span.start)..relative(span.end))
            .unwrap_or("")
    }

    fn ident(&self, cursor: &TreeCursor<'_>) -> Ident {
        Ident::from(self.text(self.span(cursor)))
    }

    /// The name in a field; empty where the text leaves it out.
    fn ident_in(&self, cursor: &mut TreeCursor<'_>, field: Field) -> Ident {
        Ident::from(self.text(self.span_in(cursor, field)))
    }

    /// Where a field is; the empty span at the end of the node where the text leaves it out.
    fn span_in(&self, cursor: &mut TreeCursor<'_>, field: Field) -> Span {
        if self.enter_field(cursor, field) {
            let span = self.span(cursor);
            cursor.goto_parent();
            return span;
        }
        let end = self.span(cursor).end;
        Span::new(end, end)
    }

    /// Moves the cursor to the first child in a field; leaves it where it is if there is none.
    fn enter_field(&self, cursor: &mut TreeCursor<'_>, field: Field) -> bool {
        if !cursor.goto_first_child() {
            return false;
        }
        while Field::from_id(cursor.field_id()) != field {
            if !cursor.goto_next_sibling() {
                cursor.goto_parent();
                return false;
            }
        }
        true
    }

    /// Visits every child that is in a field. The visitor leaves the cursor where it got it.
    fn fields<'t>(
        &mut self,
        cursor: &mut TreeCursor<'t>,
        mut visit: impl FnMut(&mut Self, &mut TreeCursor<'t>, Field),
    ) {
        if !cursor.goto_first_child() {
            return;
        }
        loop {
            let field = Field::from_id(cursor.field_id());
            if field != Field::Other {
                visit(self, cursor, field);
            }
            if !cursor.goto_next_sibling() {
                break;
            }
        }
        cursor.goto_parent();
    }

    /// Visits every child that has a name in the grammar, covers text and is no comment: the items of a list, not its
    /// brackets and commas, nor what the parser supposes where the text leaves something out. The visitor leaves the cursor
    /// where it got it.
    fn items<'t>(
        &mut self,
        cursor: &mut TreeCursor<'t>,
        mut visit: impl FnMut(&mut Self, &mut TreeCursor<'t>, Kind),
    ) {
        if !cursor.goto_first_child() {
            return;
        }
        loop {
            let node = cursor.node();
            let kind = Kind::from_id(node.kind_id());
            let empty = node.start_byte() == node.end_byte();
            if node.is_named() && !empty && !matches!(kind, Kind::Comment | Kind::Pragma) {
                visit(self, cursor, kind);
            }
            if !cursor.goto_next_sibling() {
                break;
            }
        }
        cursor.goto_parent();
    }
}
