//! Which template a parameters file belongs to, where only its name says so.

use std::path::{Path, PathBuf};

/// The templates that a parameters file in JSON may belong to by the conventions people use, best first, without
/// extension: `main.parameters.json`, `main.dev.parameters.json`, `main.parameters.dev.json` beside `main.bicep`, and
/// all of them in a folder `parameters` beside or below it (as Azure Landing Zones do).
///
/// Nothing for names that follow none of them.
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
    // `main.dev.parameters.json`: the environment stands before the mark.
    while let Some((shorter, _)) = stems.last().and_then(|stem| stem.rsplit_once('.')) {
        stems.push(shorter);
    }
    let mut found = Vec::new();
    for folder in folders {
        found.extend(
            stems
                .iter()
                .filter(|stem| !stem.is_empty())
                .map(|stem| folder.join(stem)),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

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
