//! Symbolic references to source nodes that stay valid while other text in the file is edited.

use std::sync::Arc;

use super::Template;
use crate::text::Span;

/// A file of the workspace, as the file table numbers it. Stable while the process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// Number of a node inside its item: the order in which lowering met it, from 0 (the item itself).
pub type NodeId = u32;

/// Identity of an item within its file: a hash over its tokens, the item it is nested in, and how many equal siblings
/// come before it. It survives edits elsewhere in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemKey(pub u64);

impl ItemKey {
    /// The key of the file itself: parent of the top-level items.
    pub const FILE: ItemKey = ItemKey(0x9e37_79b9_7f4a_7c15);

    /// The key of an item with this token hash, as the `nth` among equal siblings under `parent`.
    pub fn child(parent: ItemKey, hash: u64, nth: u32) -> ItemKey {
        let mut mixed = parent.0.rotate_left(23) ^ hash.wrapping_mul(0x2545_f491_4f6c_dd1d);
        mixed ^= u64::from(nth).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ItemKey(mixed.wrapping_mul(0xd6e8_feb8_6659_fd93) ^ (mixed >> 32))
    }
}

/// The keys of a template's items, in their order. `parent` is [`ItemKey::FILE`] for a file, and the key of the module
/// item for a template nested in one. Evaluation makes places with these keys; `analysis` finds them back with them.
pub fn item_keys(parent: ItemKey, template: &Template) -> Vec<ItemKey> {
    let mut seen: rustc_hash::FxHashMap<u64, u32> = rustc_hash::FxHashMap::default();
    seen.reserve(template.items.len());
    let keys = template.items.iter().map(|item| {
        let nth = seen.entry(item.hash).or_insert(0);
        let key = ItemKey::child(parent, item.hash, *nth);
        *nth += 1;
        key
    });
    keys.collect()
}

/// A node of an item of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeRef {
    /// The file.
    pub file: FileId,
    /// The item in it.
    pub item: ItemKey,
    /// The node in that.
    pub node: NodeId,
}

/// The positions of the nodes of one item, relative to the item's first byte. Shared between equal texts.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ItemSpans {
    /// By [`NodeId`]; entry 0 is the item itself.
    pub nodes: Box<[Span]>,
    /// For items of nested templates, in the order of [`Template::items`](super::Template::items) of the inline
    /// templates as lowering met them: first byte relative to this item's first byte, and their own spans.
    pub nested: Box<[(u32, Arc<ItemSpans>)]>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FileKind, Item, ItemKind};

    #[test]
    fn equal_siblings_have_keys_of_their_own() {
        let item = |hash| {
            Arc::new(Item {
                hash,
                kind: ItemKind::Broken,
                broken: false,
                modern: false,
            })
        };
        let template = |hashes: &[u64]| Template {
            kind: FileKind::Bicep,
            scope: None,
            generated: false,
            items: hashes.iter().map(|hash| item(*hash)).collect(),
        };
        let before = item_keys(ItemKey::FILE, &template(&[7, 9, 7]));
        let after = item_keys(ItemKey::FILE, &template(&[1, 7, 7, 9]));
        assert_ne!(before[0], before[2]);
        assert_eq!([before[0], before[2], before[1]], after[1..]);
        assert_ne!(before[1], item_keys(before[0], &template(&[9]))[0]);
    }
}
