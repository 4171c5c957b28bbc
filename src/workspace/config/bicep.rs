//! `bicepconfig.json`: the settings that decide what a module reference resolves to.
//!
//! A configuration may extend others. The nearest one wins for each member, and paths are relative to the file that
//! contains them (Azure/bicep, `ConfigurationManager`).

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::rule_file::Problems;
use crate::syntax::data::{self, Data, DataKind};
use crate::text::Span;
use crate::workspace::disk;

/// The content of one file by itself; members it does not have are `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BicepFile {
    /// `extends`: the path as written, and where.
    pub extends: Option<(Span, String)>,
    /// `moduleAliases.br`: registry and module path.
    pub registry_aliases: IndexMap<String, (Option<String>, Option<String>)>,
    /// `moduleAliases.ts`: subscription and resource group.
    pub template_spec_aliases: IndexMap<String, (Option<String>, Option<String>)>,
    /// `moduleAliasesMock.br`: absolute folders.
    pub mock_aliases: IndexMap<String, PathBuf>,
    /// `cacheRootDirectory`, absolute.
    pub cache_root: Option<PathBuf>,
    /// `cloud.currentProfile`.
    pub cloud: Option<String>,
}

/// Reads the text of the file at `path`. `None` where it is no JSON at all.
pub fn read(path: &Path, text: &str) -> (Option<BicepFile>, Problems) {
    let reading = data::strict_jsonc(text);
    if let Some((span, words)) = reading.problem {
        return (
            None,
            vec![(span, format!("This is not valid JSON: {words}."))],
        );
    }
    let folder = path.parent().unwrap_or(path);
    let mut reader = Reader {
        problems: Problems::new(),
    };
    let root = &reading.data;
    let extends = reader
        .text(root.get("extends"), "extends")
        .map(|(span, text)| (span, text.to_owned()));
    let aliases = reader.mapping(root.get("moduleAliases"), "moduleAliases");
    let mocks = reader.mapping(root.get("moduleAliasesMock"), "moduleAliasesMock");
    let file = BicepFile {
        extends,
        registry_aliases: reader.aliases(aliases, "br", ["registry", "modulePath"]),
        template_spec_aliases: reader.aliases(aliases, "ts", ["subscription", "resourceGroup"]),
        mock_aliases: reader
            .aliases(mocks, "br", ["mapToFilePath", "mapToFilePath"])
            .into_iter()
            .filter_map(|(alias, (target, _))| {
                let target = target?.replace('\\', "/");
                Some((alias, disk::normalize(&folder.join(target))))
            })
            .collect(),
        cache_root: reader
            .text(root.get("cacheRootDirectory"), "cacheRootDirectory")
            .and_then(|(_, text)| expand(folder, text)),
        cloud: reader
            .mapping(root.get("cloud"), "cloud")
            .and_then(|cloud| reader.text(cloud.get("currentProfile"), "cloud.currentProfile"))
            .map(|(_, text)| text.to_owned()),
    };
    if !matches!(root.kind, DataKind::Map(_)) {
        let words = format!("The file must be an object, not {}.", root.what());
        reader.problems.push((root.span, words));
    }
    reader.problems.sort();
    (Some(file), reader.problems)
}

/// A path with `~` for the home folder, absolute.
fn expand(folder: &Path, text: &str) -> Option<PathBuf> {
    match text.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with(['/', '\\']) => {
            let rest = rest.trim_start_matches(['/', '\\']);
            Some(disk::normalize(&std::env::home_dir()?.join(rest)))
        }
        _ => Some(disk::normalize(&folder.join(text))),
    }
}

struct Reader {
    problems: Problems,
}

impl Reader {
    fn mapping<'a>(&mut self, data: Option<&'a Data>, name: &str) -> Option<&'a Data> {
        let data = data?;
        match data.kind {
            DataKind::Map(_) => Some(data),
            DataKind::Null => None,
            _ => {
                let words = format!("`{name}` must be an object, not {}.", data.what());
                self.problems.push((data.span, words));
                None
            }
        }
    }

    fn text<'a>(&mut self, data: Option<&'a Data>, name: &str) -> Option<(Span, &'a str)> {
        let data = data?;
        match &data.kind {
            DataKind::Str(text) => Some((data.span, text)),
            DataKind::Null => None,
            _ => {
                let words = format!("`{name}` must be a text, not {}.", data.what());
                self.problems.push((data.span, words));
                None
            }
        }
    }

    /// The aliases of one scheme with two members of each.
    fn aliases(
        &mut self,
        all: Option<&Data>,
        scheme: &str,
        names: [&str; 2],
    ) -> IndexMap<String, (Option<String>, Option<String>)> {
        let all = self.mapping(all.and_then(|all| all.get(scheme)), scheme);
        let mut aliases = IndexMap::new();
        for (key, alias) in all.map(Data::members).unwrap_or_default() {
            let label = format!("moduleAliases.{scheme}.{}", key.text);
            let Some(alias) = self.mapping(Some(alias), &label) else {
                continue;
            };
            let [first, second] = names.map(|name| {
                self.text(alias.get(name), &format!("{label}.{name}"))
                    .map(|(_, text)| text.to_owned())
            });
            aliases.insert(key.text.clone(), (first, second));
        }
        aliases
    }
}

/// Adds to `leaf` what it does not state itself.
pub fn inherit(leaf: &mut BicepFile, base: &BicepFile) {
    type Aliases = IndexMap<String, (Option<String>, Option<String>)>;
    let merge = |leaf: &mut Aliases, base: &Aliases| {
        for (alias, (first, second)) in base {
            let own = leaf.entry(alias.clone()).or_default();
            own.0 = own.0.take().or_else(|| first.clone());
            own.1 = own.1.take().or_else(|| second.clone());
        }
    };
    merge(&mut leaf.registry_aliases, &base.registry_aliases);
    merge(&mut leaf.template_spec_aliases, &base.template_spec_aliases);
    for (alias, folder) in &base.mock_aliases {
        let own = leaf.mock_aliases.entry(alias.clone());
        own.or_insert_with(|| folder.clone());
    }
    leaf.cache_root = leaf.cache_root.take().or_else(|| base.cache_root.clone());
    leaf.cloud = leaf.cloud.take().or_else(|| base.cloud.clone());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(text: &str) -> Vec<String> {
        let (_, problems) = read(Path::new("/ws/bicepconfig.json"), text);
        problems.into_iter().map(|(_, words)| words).collect()
    }

    #[test]
    fn everything_that_matters() {
        let text = r#"{
  // comments, as Bicep allows
  "extends": "../base.json",
  "cloud": { "currentProfile": "AzureUSGovernment" },
  "moduleAliases": {
    "br": { "corp": { "registry": "corp.azurecr.io", "modulePath": "bicep" }, "bare": { "registry": "x.io" } },
    "ts": { "specs": { "subscription": "s", "resourceGroup": "g" } }
  },
  "moduleAliasesMock": { "br": { "corp": { "mapToFilePath": "../Publish" } } },
  "cacheRootDirectory": "cache",
  "analyzers": { "core": { "enabled": true } }
}"#;
        let (file, problems) = read(Path::new("/ws/app/bicepconfig.json"), text);
        let text = |s: &str| Some(s.to_owned());
        let file = file.expect("JSON");
        assert_eq!(problems, []);
        assert_eq!(file.extends.map(|(_, path)| path), text("../base.json"));
        assert_eq!(
            file.registry_aliases["corp"],
            (text("corp.azurecr.io"), text("bicep"))
        );
        assert_eq!(file.registry_aliases["bare"], (text("x.io"), None));
        assert_eq!(file.template_spec_aliases["specs"], (text("s"), text("g")));
        assert_eq!(
            file.mock_aliases["corp"],
            disk::normalize(Path::new("/ws/Publish"))
        );
        assert_eq!(
            file.cache_root.as_deref(),
            Some(&*disk::normalize(Path::new("/ws/app/cache")))
        );
        assert_eq!(file.cloud, text("AzureUSGovernment"));
    }

    #[test]
    fn the_home_folder_is_expanded() {
        let home = std::env::home_dir().expect("a home folder");
        let check = |text: &str, expect: PathBuf| {
            assert_eq!(expand(Path::new("/ws"), text), Some(expect), "{text}");
        };
        check("~/x", home.join("x"));
        check(r"~\x", home.join("x"));
        check("~", home);
        let absolute = |path: &str| disk::normalize(Path::new(path));
        check("~x", absolute("/ws/~x"));
        check("/abs/./x", absolute("/abs/x"));
    }

    #[test]
    fn wrong_values_are_named() {
        assert_eq!(reported("[]"), ["The file must be an object, not a list."]);
        for text in [
            "{",
            "{\"a\": [1,]}",
            "{a: 1}",
            "{\"a\": 'b'}",
            "{\"a\": 01}",
            "{\"a\": \"\t\"}",
        ] {
            let words = reported(text);
            assert!(words[0].starts_with("This is not valid JSON"), "{text}");
        }
        assert_eq!(
            reported(
                r#"{"extends": 1, "moduleAliases": {"br": {"a": "x", "b": {"registry": []}}}, "cloud": 2}"#
            ),
            [
                "`extends` must be a text, not a number.",
                "`moduleAliases.br.a` must be an object, not a text.",
                "`moduleAliases.br.b.registry` must be a text, not a list.",
                "`cloud` must be an object, not a number.",
            ]
        );
    }
}
