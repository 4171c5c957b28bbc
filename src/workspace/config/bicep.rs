//! `bicepconfig.json`: the settings that decide what a module reference resolves to.
//!
//! A configuration may extend others. The nearest one wins for each member, and paths are relative to the file that
//! contains them (Azure/bicep, `ConfigurationManager`).

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::reader::{Problems, Reader};
use crate::syntax::data::{self, Data};
use crate::text::Span;
use crate::workspace::disk;

/// Aliases, each with two texts; those of a file may be in part those of a file that it extends.
pub type Aliases = IndexMap<String, (Option<String>, Option<String>)>;

/// What of `bicepconfig.json` matters here: of one file by itself, or merged along `extends`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BicepConfig {
    /// The nearest file, where there is one.
    pub file: Option<PathBuf>,
    /// `extends`: the path as written, and where.
    pub extends: Option<(Span, String)>,
    /// `moduleAliases.br`: registry and module path.
    pub registry_aliases: Aliases,
    /// `moduleAliases.ts`: subscription and resource group.
    pub template_spec_aliases: Aliases,
    /// `moduleAliasesMock.br`: absolute folders.
    pub mock_aliases: IndexMap<String, PathBuf>,
    /// `cacheRootDirectory`, `~` expanded, absolute; merged, else `<home>/.bicep`. Empty if not known.
    pub cache_root: PathBuf,
    /// `cloud.currentProfile`.
    pub cloud: Option<String>,
}

/// Reads the text of the file at `path`. `None` where it is no JSON at all.
pub fn read(path: &Path, text: &str) -> (Option<BicepConfig>, Problems) {
    let reading = data::strict_jsonc(text);
    if let Some((span, words)) = reading.problem {
        let words = format!("This is not valid JSON: {words}.");
        return (None, vec![(span, words)]);
    }
    let folder = path.parent().unwrap_or(path);
    let root = &reading.data;
    let mut reader = Reader::default();
    reader.mapping(Some(root), "The file");
    let of_aliases = reader.mapping(root.get("moduleAliases"), "`moduleAliases`");
    let of = |scheme| of_aliases.and_then(|it| it.get(scheme));
    let mocks = reader.mapping(root.get("moduleAliasesMock"), "`moduleAliasesMock`");
    let mocks = mocks.and_then(|it| it.get("br"));
    let mocks = aliases(
        &mut reader,
        mocks,
        "moduleAliasesMock.br",
        ["mapToFilePath"; 2],
    );
    let cache_root = reader.text(root.get("cacheRootDirectory"), "`cacheRootDirectory`");
    let cache_root = cache_root.and_then(|(_, text)| expand(folder, &text));
    let cloud = reader.mapping(root.get("cloud"), "`cloud`");
    let cloud = cloud.and_then(|it| it.get("currentProfile"));
    let file = BicepConfig {
        file: None,
        extends: reader.text(root.get("extends"), "`extends`"),
        registry_aliases: aliases(
            &mut reader,
            of("br"),
            "moduleAliases.br",
            ["registry", "modulePath"],
        ),
        template_spec_aliases: aliases(
            &mut reader,
            of("ts"),
            "moduleAliases.ts",
            ["subscription", "resourceGroup"],
        ),
        mock_aliases: mocks
            .into_iter()
            .filter_map(|(alias, (target, _))| {
                let target = target?.replace('\\', "/");
                Some((alias, disk::normalize(&folder.join(target))))
            })
            .collect(),
        cache_root: cache_root.unwrap_or_default(),
        cloud: reader
            .text(cloud, "`cloud.currentProfile`")
            .map(|(_, text)| text),
    };
    (Some(file), reader.problems())
}

/// The aliases of one scheme with two members of each.
fn aliases(reader: &mut Reader, all: Option<&Data>, name: &str, members: [&str; 2]) -> Aliases {
    let all = reader.mapping(all, &format!("`{name}`"));
    let mut aliases = Aliases::new();
    for (key, alias) in all.map(Data::members).unwrap_or_default() {
        let name = format!("{name}.{}", key.text);
        if let Some(alias) = reader.mapping(Some(alias), &format!("`{name}`")) {
            let [first, second] = members.map(|member| {
                let text = reader.text(alias.get(member), &format!("`{name}.{member}`"));
                text.map(|(_, text)| text)
            });
            aliases.insert(key.text.clone(), (first, second));
        }
    }
    aliases
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

/// Adds to `leaf` what it does not state itself.
pub fn inherit(leaf: &mut BicepConfig, base: &BicepConfig) {
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
    if leaf.cache_root.as_os_str().is_empty() {
        leaf.cache_root = base.cache_root.clone();
    }
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
        assert_eq!(file.cache_root, disk::normalize(Path::new("/ws/app/cache")));
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
        assert_eq!(reported("[]"), ["The file must be a mapping, not a list."]);
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
                "`moduleAliases.br.a` must be a mapping, not a text.",
                "`moduleAliases.br.b.registry` must be a text, not a list.",
                "`cloud` must be a mapping, not a number.",
            ]
        );
    }
}
