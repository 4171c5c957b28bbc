//! What the tests of evaluation share: files in memory, and values printed so that a table can hold them.

use std::sync::Arc;

use crate::eval::context::Context;
use crate::eval::evaluate::settled;
use crate::eval::expand::{Arguments, arguments, expand};
use crate::eval::scope::{Frame, Inputs, Origin};
use crate::eval::value::{Kind, Value};
use crate::eval::{DeploymentScope, Existence, Expansion, Files, Instance, Loaded, ResourceFilter};
use crate::model::lower::NoMemo;
use crate::model::lower_arm::{arm_kind, lower_arm};
use crate::model::lower_bicep::lower_bicep;
use crate::model::lower_parameters::lower_parameters;
use crate::model::{FileId, FileKind, ItemKey, ItemKind, ScopeKind, Template};
use crate::syntax::language;

/// Files that exist in a test alone. The first is the entry point.
pub(crate) struct Memory {
    files: Vec<(String, String, Arc<Template>)>,
    pub clouds: Vec<&'static str>,
}

impl Memory {
    /// Reads `//- path` lines as the heads of files.
    pub(crate) fn parse(fixture: &str) -> Self {
        let mut files: Vec<(String, String)> = Vec::new();
        for line in fixture.lines() {
            match (line.trim().strip_prefix("//- "), files.last_mut()) {
                (Some(path), _) => files.push((path.to_owned(), String::new())),
                (None, Some((_, text))) => {
                    text.push_str(line);
                    text.push('\n');
                }
                (None, None) => {}
            }
        }
        let files = files.into_iter().map(|(path, text)| {
            let template = lower(&path, &text);
            (path, text, template)
        });
        Memory {
            files: files.collect(),
            clouds: vec!["AzureCloud", "AzureUSGovernment", "AzureChinaCloud"],
        }
    }

    pub(crate) fn template(&self, id: FileId) -> Arc<Template> {
        self.files[id.0 as usize].2.clone()
    }

    fn find(&self, from: FileId, path: &str) -> Option<FileId> {
        let (folder, _) = self.files[from.0 as usize]
            .0
            .rsplit_once('/')
            .unwrap_or(("", ""));
        let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
        for part in path.split('/') {
            match part {
                "." | "" => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        let path = parts.join("/");
        let at = self.files.iter().position(|(known, _, _)| *known == path)?;
        Some(FileId(at as u32))
    }

    /// Expands the entry point with the values of `parameters`, a file among these, if any.
    pub(crate) fn expand(&self, parameters: Option<&str>) -> Expansion {
        const FILTER: ResourceFilter = ResourceFilter {
            types: &[],
            related: &[],
            body: &["properties"],
            existing: true,
            ordered: &[],
            shown: &[],
        };
        let given = match parameters.and_then(|path| self.find(FileId(0), path)) {
            Some(file) => arguments(file, &self.template(file), self),
            None => Arguments::default(),
        };
        expand(FileId(0), &self.template(FileId(0)), &given, self, &FILTER)
    }
}

fn lower(path: &str, text: &str) -> Arc<Template> {
    let model = match path.rsplit('.').next() {
        Some("bicep") => {
            let tree = language::parse(language::bicep(), text, None);
            lower_bicep(FileKind::Bicep, &tree, text, &NoMemo)
        }
        Some("bicepparam") => {
            let tree = language::parse(language::bicep(), text, None);
            lower_bicep(FileKind::BicepParams, &tree, text, &NoMemo)
        }
        _ => {
            let tree = language::parse(language::json(), text, None);
            match arm_kind(&tree, text) {
                FileKind::ArmParameters => lower_parameters(&tree, text, &NoMemo),
                _ => lower_arm(&tree, text, &NoMemo),
            }
        }
    };
    model.template
}

impl Files for Memory {
    fn load(&self, from: FileId, reference: &str) -> Loaded {
        let known = |text: &str| Loaded::Known(lower("known.bicep", text));
        match reference {
            "br:registry" => {
                known("param name string\nresource r 'A.B/registry@1' = { name: name }\n")
            }
            "br:hub" => known(
                "param name string = ''\nresource r 'A.B/registry@1' = if (!empty(name)) { name: name }\n",
            ),
            "br:plans" => known(
                "param plans array?\nresource r 'A.B/plan@1' = [for p in plans ?? [{ name: 'x' }]: { name: p.name }]\n",
            ),
            "br:harmless" => Loaded::Harmless("it deploys nothing of interest".into()),
            _ => match self.find(from, reference) {
                Some(id) => Loaded::Template(id, self.template(id)),
                None => Loaded::Unread(format!("{reference} does not exist").into()),
            },
        }
    }

    fn text(&self, from: FileId, path: &str) -> Option<(FileId, Arc<str>)> {
        let id = self.find(from, path)?;
        Some((id, self.files[id.0 as usize].1.as_str().into()))
    }

    fn files_in(&self, _: FileId, path: &str) -> Option<Vec<String>> {
        let names = self.files.iter().map(|(name, _, _)| name);
        let within = |name: &&String| {
            let rest = name.strip_prefix(path).and_then(|it| it.strip_prefix('/'));
            rest.is_some_and(|rest| !rest.contains('/'))
        };
        let found: Vec<String> = names.filter(within).cloned().collect();
        (!found.is_empty()).then_some(found)
    }

    fn clouds(&self) -> &[&str] {
        &self.clouds
    }
}

/// The values of the outputs of the first file, by name.
pub(crate) fn outputs(files: &Memory) -> Vec<(String, Value)> {
    let cx = Context::new(files);
    let given = Arguments::default();
    let origin = Origin::new(FileId(0), files.template(FileId(0)), ItemKey::FILE);
    let scope = DeploymentScope::here(ScopeKind::ResourceGroup);
    let frame = Frame::new(origin, Inputs::Entry(&given), scope);
    let template = files.template(FileId(0));
    let items = (0u32..).zip(&template.items);
    let found = items.filter_map(|(number, item)| match &item.kind {
        ItemKind::Output(output) => {
            let value = settled(&cx, frame.env(number), &output.value);
            Some((output.name.to_string(), value))
        }
        _ => None,
    });
    found.collect()
}

/// A value in one line: JSON with single quotes, `a | b` for one of, `?reason` (`?!` where not empty) for unknown,
/// `…reason` in what may hold more.
pub(crate) fn show(value: &Value) -> String {
    let list = |each: Vec<String>, open: &Option<Arc<str>>| {
        let more = open.as_ref().map(|reason| format!("…{reason}"));
        each.into_iter().chain(more).collect::<Vec<_>>().join(", ")
    };
    match &value.kind {
        Kind::Null => "null".to_owned(),
        Kind::Bool(value) => value.to_string(),
        Kind::Int(number) => number.to_string(),
        Kind::Float(number) => number.to_string(),
        Kind::Str(text) => format!("'{text}'"),
        Kind::Array(array) => {
            let each = array.items.iter().map(show).collect();
            format!("[{}]", list(each, &array.open))
        }
        Kind::Object(object) => {
            let each = object
                .members
                .iter()
                .map(|(name, value)| format!("{name}: {}", show(value)));
            format!("{{{}}}", list(each.collect(), &object.open))
        }
        Kind::OneOf(values) => values.iter().map(show).collect::<Vec<_>>().join(" | "),
        Kind::Unknown(unknown) => {
            let sign = if unknown.non_empty { "?!" } else { "?" };
            format!("{sign}{}", unknown.reason)
        }
        Kind::Internal(_) => "internal".to_owned(),
    }
}

/// An instance in one line: type, name, presence, copies, scope.
pub(crate) fn show_instance(instance: &Instance) -> String {
    let existence = match &instance.existence {
        Existence::Always => "always".to_owned(),
        Existence::Never(_) => "no".to_owned(),
        Existence::Conditional(uncertainty) => {
            let conditions: Vec<String> = uncertainty
                .conditions
                .iter()
                .map(|c| c.to_string())
                .collect();
            let opaque = if uncertainty.opaque { " opaque" } else { "" };
            let looped = if uncertainty.unknown_loop {
                " loop"
            } else {
                ""
            };
            format!("maybe({}{opaque}{looped})", conditions.join(" & "))
        }
    };
    let mut line = format!(
        "{} {} {existence}",
        instance.resource_type,
        show(&instance.name)
    );
    if instance.existing {
        line.push_str(" existing");
    }
    if instance.copies.is_none() {
        line.push_str(" copies");
    }
    line
}

/// All instances, a line each.
pub(crate) fn show_all(expansion: &Expansion) -> String {
    let lines: Vec<String> = expansion.instances.iter().map(show_instance).collect();
    lines.join("\n")
}
