//! What is lowered again after an edit, and what is not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::{lower_bicep, syntax};
use crate::model::lower::{ItemMemo, Lowered};
use crate::model::{FileKind, FileModel, ItemKind};

/// Remembers everything and counts what it is given.
#[derive(Default)]
struct Memo(Mutex<(HashMap<u64, Lowered>, usize)>);

impl ItemMemo for Memo {
    fn find(&self, text: u64) -> Option<Lowered> {
        self.0.lock().expect("no panic").0.get(&text).cloned()
    }

    fn keep(&self, text: u64, lowered: Lowered) -> Lowered {
        let mut memo = self.0.lock().expect("no panic");
        memo.1 += 1;
        memo.0.insert(text, lowered.clone());
        lowered
    }
}

impl Memo {
    fn lower(&self, kind: FileKind, text: &str) -> FileModel {
        lower_bicep(
            kind,
            &syntax::parse(syntax::bicep(), text, None),
            text,
            self,
        )
    }

    fn lowered(&self) -> usize {
        self.0.lock().expect("no panic").1
    }
}

const FILE: &str =
    "targetScope = 'tenant'\nparam a string\n\nvar b = {\n  c: a\n}\noutput d object = b\n";

#[test]
fn an_edit_lowers_what_it_touches() {
    let memo = Memo::default();
    let before = memo.lower(FileKind::Bicep, FILE);
    assert_eq!(memo.lowered(), 4);
    let after = memo.lower(FileKind::Bicep, &format!("// new\n{FILE}// newer\n"));
    assert_eq!(memo.lowered(), 4);
    assert_eq!(after.template.scope, before.template.scope);
    for (n, item) in after.template.items.iter().enumerate() {
        assert!(Arc::ptr_eq(item, &before.template.items[n]));
        assert!(Arc::ptr_eq(&after.spans[n].1, &before.spans[n].1));
        assert_eq!(after.spans[n].0, before.spans[n].0 + 7);
    }
    memo.lower(FileKind::Bicep, &FILE.replace("c: a", "c: 'a'"));
    assert_eq!(memo.lowered(), 5);
}

#[test]
fn broken_declarations_are_not_remembered() {
    let memo = Memo::default();
    let model = memo.lower(FileKind::Bicep, "param a string\nvar b = {\n  c:\n}\n");
    assert!(model.template.items[1].broken);
    assert_eq!(memo.lowered(), 1);
}

#[test]
fn the_same_text_in_the_other_kind_of_file_is_another() {
    let memo = Memo::default();
    let text = "param a = 1\n";
    let one = memo.lower(FileKind::Bicep, text);
    let other = memo.lower(FileKind::BicepParams, text);
    assert!(matches!(one.template.items[0].kind, ItemKind::Parameter(_)));
    assert!(matches!(
        other.template.items[0].kind,
        ItemKind::Assignment(_)
    ));
}
