//! What an editor does with a workspace edit: versions checked, files created, texts changed.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;

use serde_json::Value;

/// The texts of an editor, open or not, by URI.
#[derive(Debug, Default, Clone)]
pub(crate) struct Texts {
    pub texts: BTreeMap<String, String>,
    /// Versions of those that are open.
    pub versions: BTreeMap<String, i64>,
}

impl Texts {
    /// Applies an edit; returns the URIs that it touched, created ones too, in order.
    pub(crate) fn apply(&mut self, edit: &Value) -> Vec<String> {
        let mut touched = Vec::new();
        let mut touch = |uri: &str| {
            if !touched.iter().any(|known| known == uri) {
                touched.push(uri.to_owned());
            }
        };
        if let Some(changes) = edit["changes"].as_object() {
            for (uri, edits) in changes {
                touch(uri);
                self.edit(uri, edits);
            }
        }
        for operation in edit["documentChanges"].as_array().into_iter().flatten() {
            if operation["kind"] == "create" {
                let uri = operation["uri"].as_str().expect("a URI");
                touch(uri);
                self.texts.entry(uri.to_owned()).or_default();
                continue;
            }
            let uri = operation["textDocument"]["uri"].as_str().expect("a URI");
            let version = operation["textDocument"]["version"].as_i64();
            assert_eq!(version, self.versions.get(uri).copied(), "version of {uri}");
            touch(uri);
            self.edit(uri, &operation["edits"]);
        }
        touched
    }

    fn edit(&mut self, uri: &str, edits: &Value) {
        let text = self
            .texts
            .get_mut(uri)
            .unwrap_or_else(|| panic!("{uri} is not there"));
        let mut edits: Vec<_> = edits
            .as_array()
            .expect("edits")
            .iter()
            .map(|edit| {
                let at = |end: &str| offset(text, &edit["range"][end]);
                let with = edit["newText"].as_str().expect("a text");
                (at("start"), at("end"), with)
            })
            .collect();
        edits.sort_by_key(|(start, _, _)| *start);
        for (start, end, with) in edits.into_iter().rev() {
            text.replace_range(start..end, with);
        }
    }
}

/// A position (UTF-16 columns) as an offset.
pub(crate) fn offset(text: &str, position: &Value) -> usize {
    let number = |name: &str| position[name].as_u64().expect("a number") as usize;
    let (line, character) = (number("line"), number("character"));
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let mut units = 0;
    for (at, char) in text[start..].char_indices() {
        if units >= character || char == '\n' {
            return start + at;
        }
        units += char.len_utf16();
    }
    text.len()
}
