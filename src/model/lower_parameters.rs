//! Lowers ARM parameter files to the model. (`.bicepparam` files are Bicep: see `lower_bicep`.)

use std::sync::Arc;

use tree_sitter::Tree;

use super::lower::ItemMemo;
use super::lower_arm::{Items, Reader, StringsOf, Top, assemble, empty, span};
use super::{Assignment, FileKind, FileModel, ItemKind};
use crate::text::Source;

/// Keys of the items, apart from those of templates.
const ASSIGNMENTS: u64 = 0x41_1001;
const TEMPLATE: u64 = 0x41_1002;

/// Lowers a parsed ARM parameter file: its parameters become assignments, `metadata.template` a metadata item. Strings are
/// text, also in brackets. `${NAME=default}` is the default; any other placeholder makes the string a call of
/// `environmentPlaceholder`.
pub fn lower_parameters<S: Source + ?Sized>(
    tree: &Tree,
    text: &S,
    memo: &dyn ItemMemo,
) -> FileModel {
    let root = tree.root_node();
    let mut reader = Reader::new(root, text, memo);
    reader.strings_of = StringsOf::ParameterFile;
    let top = Top::find(&mut reader, root);
    let mut items = Items::new();
    let (sections, mut errors) = reader.pairs(top.object);
    errors.extend(top.errors);
    for section in &sections {
        let Some(value) = section.value.filter(|&value| reader.is_object(value)) else {
            continue;
        };
        let name = reader.content(section.key);
        let metadata = name.eq_ignore_ascii_case("metadata");
        if !metadata && !name.eq_ignore_ascii_case("parameters") {
            continue;
        }
        let (entries, wrong) = reader.pairs(value);
        errors.extend(wrong);
        for pair in entries {
            if metadata && !reader.content(pair.key).eq_ignore_ascii_case("template") {
                continue;
            }
            let Some(entry) = pair.value else {
                errors.push(pair.node);
                continue;
            };
            let salt = if metadata { TEMPLATE } else { ASSIGNMENTS };
            let lowered = reader.keep(pair.node, salt, |reader, nodes| {
                let name = reader.name(pair.key);
                let kind = if metadata {
                    let value = reader.value(nodes, entry, 0);
                    ItemKind::Metadata { name, value }
                } else {
                    match reader.argument(nodes, entry) {
                        Some(value) => ItemKind::Assignment(Assignment { name, value }),
                        None => ItemKind::Broken,
                    }
                };
                (kind, Vec::new())
            });
            items.push((span(pair.node).start, lowered));
        }
    }
    reader.broken_items(&mut items, &errors);
    let (template, spans) = assemble(empty(FileKind::ArmParameters), items);
    FileModel {
        template: Arc::new(template),
        spans: spans.into(),
    }
}
