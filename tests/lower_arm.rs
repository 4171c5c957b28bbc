//! Lowering reads whole templates: nothing that parses is broken, every resource that a plain reader of JSON finds is
//! found, and its type is at the place that findings point to.

use std::path::PathBuf;
use std::sync::Arc;

use preflight::model::lower::NoMemo;
use preflight::model::lower_arm::{arm_kind, lower_arm};
use preflight::model::{FileKind, Item, ItemKind, ItemSpans, NodeId, Resource, Target};
use preflight::syntax;
use serde_json::Value;

mod support;

/// Files with their text.
type Files = Vec<(PathBuf, String)>;

/// The templates among JSON files.
fn templates(files: Files) -> impl Iterator<Item = (PathBuf, String, tree_sitter::Tree)> {
    files.into_iter().filter_map(|(path, text)| {
        let tree = syntax::parse(syntax::json(), &*text, None);
        (arm_kind(&tree, &*text) == FileKind::ArmTemplate).then_some((path, text, tree))
    })
}

/// What is in the text of a template, nested templates included: the type of each resource and deployment.
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
        // A nested resource that names its provider has its own type; any other continues its parent's.
        let own_provider = name
            .split_once('/')
            .is_some_and(|(head, _)| head.contains('.'));
        let name = match parent {
            parent if !parent.is_empty() && !own_provider => format!("{parent}/{name}"),
            _ => name.to_owned(),
        };
        types.push(name.clone());
        read(&element["resources"], &name, types);
    }
}

#[test]
fn own_templates_lower_whole() {
    let mut files = support::own_files(&["json"]);
    // These hold what a plain reader of JSON reads in another way.
    files.retain(|(path, _)| !path.parent().is_some_and(|page| page.ends_with("json.md")));
    let compared = templates_lower_whole(files);
    assert!(compared > 50, "only {compared} compared");
}

#[test]
#[ignore = "reads the corpus of real files"]
fn corpus_templates_lower_whole() {
    let corpus = support::files_below(&support::corpus(), &["json"]);
    let compared = templates_lower_whole(corpus);
    assert!(compared > 500, "only {compared} compared");
}

/// How many templates were compared with what a plain reader of JSON finds.
fn templates_lower_whole(files: Files) -> usize {
    let mut wrong = Vec::new();
    let mut compared = 0;
    for (path, text, tree) in templates(files) {
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
    compared
}
