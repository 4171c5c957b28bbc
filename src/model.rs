//! A language-neutral representation of one file, for Bicep and ARM JSON alike.
//!
//! A file is a [`Template`]: a list of [`Item`]s (a Bicep declaration; an element of `resources`, `parameters`, … of an ARM
//! template). Items hold **no positions**: items that differ only in whitespace and comments are equal, have the same
//! [`Item::hash`] and share one `Arc`. Positions are kept in [`ItemSpans`]: each node of an item has a number ([`NodeId`], in
//! the order of lowering), and the table gives the span of node `n` relative to the item's start. An edit in a comment
//! changes the table and leaves everything that was evaluated valid.
//!
//! A [`NodeRef`] (file, item, node) refers to source text. It stays valid while the item's tokens stay the same. `analysis`
//! resolves it to a span last.
//!
//! **Invariant:** lowering never fails and never reads another file. What it cannot understand becomes
//! [`ExprKind::Invalid`] or a [`ItemKind::Broken`] item.

pub mod declarations;
pub mod expression;
pub mod ident;
pub mod lower;
pub mod lower_arm;
pub mod lower_bicep;
pub mod lower_parameters;
pub mod node_ref;
#[cfg(test)]
mod tests;
mod uses;

pub use declarations::*;
pub use expression::*;
pub use ident::Ident;
pub use node_ref::*;
