//! Pairs a parameter file that names no template with one: by file name, else by the parameters that it gives.

use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;

use crate::model::{FileId, FileKind, Ident, ItemKind, Template};

/// What a file declares or gives, as far as pairing needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signature {
    /// A template: its parameters, and whether each has to be given.
    Template(FxHashMap<Ident, bool>),
    /// A parameter file: the parameters that it gives.
    Values(Vec<Ident>),
    /// Neither.
    Other,
}

impl Signature {
    /// The signature of a lowered file.
    pub fn of(kind: FileKind, template: &Template) -> Self {
        let items = template.items.iter().map(|item| &item.kind);
        match kind {
            FileKind::Bicep | FileKind::ArmTemplate => {
                let declared = items.filter_map(|kind| match kind {
                    ItemKind::Parameter(it) => {
                        Some((it.name.clone(), it.default.is_none() && !it.nullable))
                    }
                    _ => None,
                });
                Signature::Template(declared.collect())
            }
            FileKind::ArmParameters => {
                let given = items.filter_map(|kind| match kind {
                    ItemKind::Assignment(it) => Some(it.name.clone()),
                    _ => None,
                });
                Signature::Values(given.collect())
            }
            FileKind::BicepParams | FileKind::Other => Signature::Other,
        }
    }

    /// Whether a template declares all of these parameters, at least one, and requires no other.
    fn takes(&self, given: &[Ident]) -> bool {
        let Signature::Template(declared) = self else {
            return false;
        };
        let required = declared.values().filter(|required| **required).count();
        let given_required = given
            .iter()
            .filter(|name| declared.get(name) == Some(&true));
        !given.is_empty()
            && given.len() <= declared.len()
            && given.iter().all(|name| declared.contains_key(name))
            && given_required.count() == required
    }
}

/// The template that a parameter file belongs to by the parameters that it gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairing {
    /// The only one of its folder that takes these parameters.
    Template(FileId),
    /// Several templates of one folder take them.
    Ambiguous,
    /// No template takes them.
    None,
}

/// Pairs by parameters with the templates of one folder.
pub fn by_declaration(given: &[Ident], templates: &[(FileId, Signature)]) -> Pairing {
    let mut fitting = templates.iter().filter(|(_, it)| it.takes(given));
    match (fitting.next(), fitting.next()) {
        (None, _) => Pairing::None,
        (Some((id, _)), None) => Pairing::Template(*id),
        (Some(_), Some(_)) => Pairing::Ambiguous,
    }
}

/// The templates that a parameter file in JSON may belong to by its name, best first, without extension:
/// `main.parameters.json`, `main.dev.parameters.json`, `main.parameters.dev.json` beside `main.bicep`, and all of them in
/// a folder `parameters` beside or below it (as Azure Landing Zones do).
///
/// Nothing for other names.
pub fn templates_by_name(path: &Path) -> Vec<PathBuf> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Vec::new();
    };
    let lower = name.to_ascii_lowercase();
    // The portal exports `template.json` with `parameters.json`; others keep one template in a folder, by a usual name.
    if lower == "parameters.json" {
        let folder = path.parent().into_iter();
        return folder
            .flat_map(|folder| ["template", "azuredeploy", "main"].map(|stem| folder.join(stem)))
            .collect();
    }
    // `azuredeploy.parameters.dev.json` and `main.param.json` alike.
    let cut = [".parameters.", ".params.", ".param.", ".parameter."]
        .iter()
        .find_map(|mark| lower.find(mark));
    let (Some(cut), Some(folder)) = (cut, path.parent()) else {
        return Vec::new();
    };
    let Some(stem) = name.get(..cut) else {
        return Vec::new();
    };
    let mut folders = vec![folder];
    let in_parameters = folder.file_name().and_then(|name| name.to_str());
    if in_parameters.is_some_and(|name| {
        name.eq_ignore_ascii_case("parameters") || name.eq_ignore_ascii_case("params")
    }) {
        folders.extend(folder.parent());
    }
    let mut stems = vec![stem];
    // `main.dev.parameters.json`: the environment comes before the mark.
    while let Some((shorter, _)) = stems.last().and_then(|stem| stem.rsplit_once('.')) {
        stems.push(shorter);
    }
    stems.retain(|stem| !stem.is_empty());
    let joined = |folder: &Path| stems.iter().map(|stem| folder.join(stem)).collect();
    folders
        .into_iter()
        .flat_map::<Vec<PathBuf>, _>(joined)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_pair_with_the_only_template_that_takes_them() {
        let template = |id, text: &str| {
            let declared = text.split_whitespace();
            let declared = declared.map(|word| match word.strip_suffix('?') {
                Some(name) => (Ident::from(name), false),
                None => (Ident::from(word), true),
            });
            (FileId(id), Signature::Template(declared.collect()))
        };
        let check = |given: &str, templates: &[&str], expect| {
            let given: Vec<_> = given.split_whitespace().map(Ident::from).collect();
            let templates = (0..).zip(templates).map(|(id, text)| template(id, text));
            let templates: Vec<_> = templates.collect();
            assert_eq!(by_declaration(&given, &templates), expect, "{given:?}");
        };
        check("name", &["name tag?"], Pairing::Template(FileId(0)));
        check(
            "Name TAG",
            &["other", "name tag?"],
            Pairing::Template(FileId(1)),
        );
        check("name", &["name sku"], Pairing::None);
        check("name sku", &["name"], Pairing::None);
        check("", &["tag?"], Pairing::None);
        check("name", &["name", "name tag?"], Pairing::Ambiguous);
        check("name", &[], Pairing::None);
    }

    #[test]
    fn names_lead_to_templates() {
        let check = |name: &str, expect: &[&str]| {
            let found: Vec<String> = templates_by_name(Path::new(name))
                .iter()
                .map(|path| path.to_string_lossy().replace('\\', "/"))
                .collect();
            assert_eq!(found, expect, "{name}");
        };
        check("/w/main.parameters.json", &["/w/main"]);
        check("/w/main.dev.parameters.json", &["/w/main.dev", "/w/main"]);
        check("/w/main.parameters.dev.json", &["/w/main"]);
        check(
            "/w/parameters/hub.parameters.all.json",
            &["/w/parameters/hub", "/w/hub"],
        );
        check("/w/Main.Parameters.json", &["/w/Main"]);
        check(
            "/w/parameters.json",
            &["/w/template", "/w/azuredeploy", "/w/main"],
        );
        check("/w/package.json", &[]);
        check("/w/.parameters.json", &[]);
    }
}
