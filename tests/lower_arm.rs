//! That lowering reads the templates people ship: over the corpus nothing that parses is broken, every resource that a
//! plain reader of JSON finds is found, and its type stands where findings will point.

use std::path::PathBuf;
use std::sync::Arc;

use preflight::model::lower::NoMemo;
use preflight::model::lower_arm::{arm_kind, lower_arm};
use preflight::model::{FileKind, Item, ItemKind, ItemSpans, NodeId, Resource, Target};
use preflight::syntax;
use serde_json::Value;

mod support;

/// Every template of the corpus in JSON, with its text.
fn templates() -> Vec<(PathBuf, String, tree_sitter::Tree)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = support::corpus().into_iter().collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "json")
                && let Ok(text) = std::fs::read_to_string(&path)
            {
                let tree = syntax::parse(syntax::json(), &*text, None);
                if arm_kind(&tree, &*text) == FileKind::ArmTemplate {
                    found.push((path, text, tree));
                }
            }
        }
    }
    found
}

/// What stands in the text of a template, nested templates included: the type of each resource and deployment.
struct Found<'t> {
    text: &'t str,
    types: Vec<String>,
    wrong: Vec<String>,
}

impl Found<'_> {
    fn items(&mut self, items: &[Arc<Item>], spans: &[(u32, Arc<ItemSpans>)], base: u32) {
        assert_eq!(items.len(), spans.len());
        for (item, (start, spans)) in items.iter().zip(spans) {
            let start = base + start;
            if item.broken {
                self.wrong.push(format!("broken at {start}"));
            }
            match &item.kind {
                ItemKind::Resource(resource) => self.resource(resource, spans, start),
                ItemKind::Module(module) => {
                    let written = self.node(spans, start, module.declaration.type_node);
                    if !written.eq_ignore_ascii_case("\"Microsoft.Resources/deployments\"") {
                        self.wrong.push(format!("{written} is no deployment"));
                    }
                    self.types.push("deployment".into());
                    if let Target::Inline(template) = &module.target {
                        self.items(&template.items, &spans.nested, start);
                    }
                }
                _ => {}
            }
        }
    }

    fn resource(&mut self, resource: &Resource, spans: &ItemSpans, start: u32) {
        let written = self.node(spans, start, resource.declaration.type_node);
        let name = resource.resource_type.as_ref().map_or("", |t| t.as_str());
        let last = written.trim_matches('"').split('@').next().unwrap_or("");
        if !(written.starts_with('"') && written.ends_with('"') && name.ends_with(last)) {
            self.wrong.push(format!("{written} is not {name}"));
        }
        self.types.push(name.to_owned());
        for child in &resource.children {
            self.resource(child, spans, start);
        }
    }

    fn node(&self, spans: &ItemSpans, start: u32, node: NodeId) -> String {
        self.text[spans.nodes[node as usize].shift(start).range()].to_owned()
    }
}

/// The same by a reader that knows nothing of this crate.
fn read(resources: &Value, parent: &str, types: &mut Vec<String>) {
    let elements: Vec<&Value> = match resources {
        Value::Array(elements) => elements.iter().collect(),
        Value::Object(members) => members.values().collect(),
        _ => Vec::new(),
    };
    for element in elements {
        let name = element["type"].as_str().unwrap_or("");
        let existing = element["existing"] == true;
        if name.eq_ignore_ascii_case("Microsoft.Resources/deployments") && !existing {
            types.push("deployment".into());
            read(&element["properties"]["template"]["resources"], "", types);
            continue;
        }
        let name = name.split('@').next().unwrap_or(name);
        let name = match parent {
            "" => name.to_owned(),
            parent => format!("{parent}/{name}"),
        };
        types.push(name.clone());
        read(&element["resources"], &name, types);
    }
}

#[test]
fn every_template_lowers_whole() {
    let mut wrong = Vec::new();
    let mut compared = 0;
    for (path, text, tree) in templates() {
        let model = lower_arm(&tree, &*text, &NoMemo);
        let mut found = Found {
            text: &text,
            types: Vec::new(),
            wrong: Vec::new(),
        };
        found.items(&model.template.items, &model.spans, 0);
        if !tree.root_node().has_error() {
            let reported = found.wrong.into_iter();
            wrong.extend(reported.map(|what| format!("{}: {what}", path.display())));
        }
        if let Ok(json) = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')) {
            compared += 1;
            let mut types = Vec::new();
            read(&json["resources"], "", &mut types);
            if types != found.types {
                wrong.push(format!(
                    "{}: {} resources, not {}",
                    path.display(),
                    found.types.len(),
                    types.len()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(
        support::corpus().is_none() || compared > 500,
        "only {compared} compared"
    );
}
