//! What one file says, in one language-neutral description for Bicep and ARM JSON alike.
//!
//! A file is a [`Template`]: a list of [`Item`]s (a Bicep declaration; an element of `resources`, `parameters`, ... of
//! an ARM template). Items carry **no positions**. Two items that differ only in blanks and comments are equal, have
//! the same [`Item::hash`], and are one and the same `Arc` (stage 1 of the engine). Positions live beside them, in
//! [`ItemSpans`]: every node of an item has a number ([`NodeId`], counted in the order in which lowering meets them),
//! and the table says where node `n` stands, relative to the start of the item. So typing a comment moves a table, and
//! nothing that was evaluated from the item goes stale.
//!
//! A [`NodeRef`] (file, item, node) is how every layer to the right refers to source text. It stays valid as long as the
//! item's tokens stay the same; `analysis` turns it into a span at the very end.
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
