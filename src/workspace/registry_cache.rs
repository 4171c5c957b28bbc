//! Resolves module references offline: local paths, Bicep's cache of restored registry modules and template specs, and what
//! is known of public modules.
//!
//! Nothing is fetched, and no part of a reference becomes a path unchecked: a tag of `..` must not lead out of the cache.

use std::path::{Path, PathBuf};

use super::config::BicepConfig;
use super::disk;
use super::github;
use super::prefilter::kind_of;
use super::public_modules::{self, Effect};
use crate::eval::Loaded;
use crate::model::FileKind;

/// What a reference leads to.
#[derive(Debug, Clone)]
pub enum Resolution {
    /// A file on disk: a local path, a mock alias, a restored `main.json`, or the version resource of a template spec,
    /// whose `properties.mainTemplate` is the template.
    File(PathBuf),
    /// No file: what is known of it all the same, and where it was looked for, since it may appear there.
    Absent(Loaded, Option<PathBuf>),
}

/// Resolves a reference written in a file (its path) under the configuration in force for it. The file system is asked
/// only for local paths and the cache folder.
pub fn resolve(file: &Path, reference: &str, config: &BicepConfig) -> Resolution {
    if !reference.contains(':') {
        return local(file, reference);
    }
    if reference.starts_with("http:") || reference.starts_with("https:") {
        return remote(file, reference);
    }
    let artifact = match artifact(reference, config) {
        Ok(artifact) => artifact,
        Err(words) => return Resolution::Absent(unread(words), None),
    };
    let path = match &artifact {
        Artifact::Module(module) => module.cached_in(&config.cache_root),
        Artifact::Spec([subscription, group, name, version]) => {
            let group = config.cache_root.join("ts").join(subscription).join(group);
            group.join(name).join(version).join("main.json")
        }
        Artifact::Mock(path) => path.clone(),
    };
    // Without a home folder there is no cache.
    let path = Some(path).filter(|path| path.is_absolute());
    if let Some(path) = path.as_ref().filter(|path| disk::is_file(path)) {
        return Resolution::File(path.clone());
    }
    let known = match artifact {
        Artifact::Module(module) => public_module(file, reference, &module),
        Artifact::Spec(_) => not_restored(file, reference),
        Artifact::Mock(path) => unread(format!(
            "`{reference}` is mapped to {}, which does not exist",
            path.display()
        )),
    };
    Resolution::Absent(known, path)
}

/// Whether a reference names a template spec: `ts:…` or `ts/alias:…`.
pub(crate) fn is_template_spec(reference: &str) -> bool {
    let head = reference.split_once(':').map(|(head, _)| head);
    head.is_some_and(|head| head == "ts" || head.starts_with("ts/"))
}

/// What a reference with a scheme names, checked, or what is wrong with it.
fn artifact(reference: &str, config: &BicepConfig) -> Result<Artifact, String> {
    let (head, rest) = reference.split_once(':').unwrap_or_default();
    match (head, head.split_once('/')) {
        ("br", _) => registry_module(rest).map(Artifact::Module),
        ("ts", _) => template_spec(rest).map(Artifact::Spec),
        (_, Some(("br", _))) => aliased_module(&reference[3..], config),
        (_, Some(("ts", _))) => aliased_spec(&reference[3..], config),
        _ => Err(format!(
            "`{head}:{}` is neither a path nor a registry's module",
            shortened(rest)
        )),
    }
}

enum Artifact {
    Module(RegistryModule),
    Spec(TemplateSpec),
    Mock(PathBuf),
}

/// `<registry>/<repository>:<tag>` or `…@<digest>`, checked.
struct RegistryModule {
    registry: String,
    repository: String,
    /// A tag; or a digest, `sha256:` and 64 hexadecimal digits.
    version: String,
}

/// `<subscription>/<resource group>/<name>:<version>`, checked.
type TemplateSpec = [String; 4];

fn unread(words: String) -> Loaded {
    Loaded::Unread(words.into())
}

fn not_restored(file: &Path, reference: &str) -> Loaded {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    unread(format!(
        "`{reference}` is not restored; run `bicep restore {name}`"
    ))
}

/// Messages quote what the user wrote, which may be anything.
fn shortened(text: &str) -> String {
    const MOST: usize = 160;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn local(file: &Path, reference: &str) -> Resolution {
    if reference.contains('\\') && matches!(kind_of(file), FileKind::Bicep | FileKind::BicepParams)
    {
        let words = format!(
            "`{}` holds a `\\`; Bicep separates folders by `/` alone",
            shortened(reference)
        );
        return Resolution::Absent(unread(words), None);
    }
    let folder = file.parent().unwrap_or(Path::new(""));
    let path = match kind_of(file) {
        // `concat(parameters('_artifactsLocation'), '/nested/x.json')` leaves a slash at the front.
        FileKind::ArmTemplate => reference.trim_start_matches('/'),
        _ => reference,
    };
    match disk::find(folder, path) {
        Ok(found) => Resolution::File(found),
        Err(error) => {
            let words = format!("`{}` {error}", shortened(reference));
            Resolution::Absent(unread(words), disk::joined(folder, path))
        }
    }
}

fn remote(file: &Path, uri: &str) -> Resolution {
    match github::local_path(file, uri) {
        Some(path) if disk::is_file(&path) => Resolution::File(path),
        path => Resolution::Absent(unread("a remote template is not read".to_owned()), path),
    }
}

/// What is known of a module that is not restored.
fn public_module(file: &Path, reference: &str, module: &RegistryModule) -> Loaded {
    match public_modules::effect(&module.registry, &module.repository, &module.version) {
        Some(Effect::Template(template)) => Loaded::Known(template),
        Some(Effect::None) => Loaded::Harmless(
            format!("`{reference}` is not restored; this public module deploys nothing that a rule reads")
                .into(),
        ),
        Some(Effect::Unknown(why)) => {
            let file = file.file_name().unwrap_or_default().to_string_lossy();
            unread(format!("`{reference}` is not restored, and {why}; run `bicep restore {file}`"))
        }
        None => not_restored(file, reference),
    }
}

fn aliased_module(rest: &str, config: &BicepConfig) -> Result<Artifact, String> {
    let (alias, path) = rest.split_once(':').ok_or_else(|| malformed("br/", rest))?;
    if let Some(folder) = config.mock_aliases.get(alias) {
        // The version plays no part: the folder holds one.
        let (path, _) = split_version(path).ok_or_else(|| malformed("br/", rest))?;
        let file = disk::joined(folder, &format!("{path}.bicep"));
        return file
            .filter(|file| file.starts_with(disk::normalize(folder)))
            .map(Artifact::Mock)
            .ok_or_else(|| malformed("br/", rest));
    }
    let defined = config.registry_aliases.get(alias);
    let (registry, prefix) = match defined {
        Some((Some(registry), prefix)) => (registry.as_str(), prefix.as_deref()),
        _ if alias == "public" => {
            let (host, prefix) = public_modules::home();
            (host, Some(prefix))
        }
        _ => return Err(unknown_alias("br", alias)),
    };
    let prefix = prefix.map(|prefix| format!("{}/", prefix.trim_matches('/')));
    let full = format!("{registry}/{}{path}", prefix.as_deref().unwrap_or(""));
    registry_module(&full).map(Artifact::Module)
}

fn aliased_spec(rest: &str, config: &BicepConfig) -> Result<Artifact, String> {
    let (alias, path) = rest.split_once(':').ok_or_else(|| malformed("ts/", rest))?;
    match config.template_spec_aliases.get(alias) {
        Some((Some(subscription), Some(group))) => {
            template_spec(&format!("{subscription}/{group}/{path}")).map(Artifact::Spec)
        }
        _ => Err(unknown_alias("ts", alias)),
    }
}

fn unknown_alias(scheme: &str, alias: &str) -> String {
    format!(
        "the alias `{}` is not defined under `moduleAliases.{scheme}` in bicepconfig.json",
        shortened(alias)
    )
}

fn malformed(scheme: &str, rest: &str) -> String {
    format!(
        "`{scheme}{}` is not a well-formed module reference",
        shortened(rest)
    )
}

/// The path and the version of `path:tag` or `path@digest`.
fn split_version(text: &str) -> Option<(&str, &str)> {
    if let Some((path, digest)) = text.split_once('@') {
        let hex = digest.strip_prefix("sha256:")?;
        let fits = hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit());
        return fits.then_some((path, digest));
    }
    let (path, tag) = text.rsplit_once(':')?;
    let fits = !tag.is_empty()
        && tag.len() <= 128
        && !tag.starts_with(['.', '-'])
        && tag
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    fits.then_some((path, tag))
}

fn registry_module(rest: &str) -> Result<RegistryModule, String> {
    let parse = || {
        let (registry, rest) = rest.split_once('/')?;
        let (repository, version) = split_version(rest)?;
        // A host, perhaps with a port, perhaps an address in brackets.
        let host = !registry.is_empty()
            && !registry.starts_with('.')
            && registry
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b));
        (host && repository.split('/').all(is_segment)).then(|| RegistryModule {
            registry: registry.to_ascii_lowercase(),
            repository: repository.to_owned(),
            version: version.to_owned(),
        })
    };
    parse().ok_or_else(|| malformed("br:", rest))
}

fn template_spec(rest: &str) -> Result<TemplateSpec, String> {
    let parse = || {
        let (path, version) = rest.rsplit_once(':')?;
        let mut segments = path.split('/');
        let parts = [
            segments.next()?,
            segments.next()?,
            segments.next()?,
            version,
        ];
        let whole = segments.next().is_none() && parts.iter().all(|part| is_segment(part));
        whole.then(|| parts.map(str::to_ascii_lowercase))
    };
    parse().ok_or_else(|| malformed("ts:", rest))
}

/// Whether text may name one folder, and no other than one below.
fn is_segment(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('.')
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-()".contains(&b))
}

impl RegistryModule {
    fn cached_in(&self, root: &Path) -> PathBuf {
        let version = match self.version.contains(':') {
            true => self.version.replace(':', "#"),
            false => encoded_tag(&self.version),
        };
        root.join("br")
            .join(self.registry.replace(':', "$"))
            .join(self.repository.replace('/', "$"))
            .join(version)
            .join("main.json")
    }
}

/// Tags differ in case, file names on some systems do not: behind a `$` is, in hexadecimal digits, which letters are
/// upper case (bit 0 the first character), nothing where none is (Azure/bicep, `TagEncoder`).
fn encoded_tag(tag: &str) -> String {
    let mut digits: Vec<u8> = vec![0; tag.len().div_ceil(4)];
    for (at, byte) in tag.bytes().enumerate() {
        if byte.is_ascii_uppercase() {
            digits[at / 4] |= 1 << (at % 4);
        }
    }
    let mask: String = digits
        .iter()
        .rev()
        .map(|digit| format!("{digit:X}"))
        .collect();
    format!("{tag}${}", mask.trim_start_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn tags_are_encoded_as_bicep_does() {
        let check = |tag: &str, expect: &str| assert_eq!(encoded_tag(tag), expect);
        check("0.9.3", "0.9.3$");
        check("v1", "v1$");
        check("V1", "V1$1");
        check("AbCd", "AbCd$5");
        check("abcdE", "abcdE$10");
        check("ABCDEFGHIJKLM", "ABCDEFGHIJKLM$1FFF");
        assert_eq!(
            encoded_tag(&"A".repeat(128)),
            "A".repeat(128) + "$" + &"F".repeat(32)
        );
    }

    /// A configuration with aliases, its cache in `root`.
    fn config(root: &Path) -> BicepConfig {
        let text = |s: &str| Some(s.to_owned());
        BicepConfig {
            cache_root: root.join("cache"),
            registry_aliases: [
                (
                    "corp".to_owned(),
                    (text("Corp.azurecr.io"), text("bicep/modules")),
                ),
                ("bare".to_owned(), (text("localhost:5000"), None)),
            ]
            .into_iter()
            .collect(),
            template_spec_aliases: [("specs".to_owned(), (text("00000000-AA"), text("My-RG")))]
                .into_iter()
                .collect(),
            mock_aliases: [("mock".to_owned(), root.join("publish"))]
                .into_iter()
                .collect(),
            ..BicepConfig::default()
        }
    }

    const DIGEST: &str = "sha256:e207a69d02b3de40d48ede9fd208d80441a9e590a83a0bc915d46244c03310d4";

    #[test]
    fn where_the_cache_holds_a_reference() {
        let root = &*disk::normalize(Path::new("/home"));
        let check = |reference: &str, expect: Option<&str>| {
            let got = match resolve(&root.join("main.bicep"), reference, &config(root)) {
                Resolution::Absent(_, path) => path,
                Resolution::File(path) => panic!("{} is there", path.display()),
            };
            assert_eq!(got, expect.map(|path| root.join(path)), "{reference}");
        };
        check(
            "br/public:avm/res/container-registry/registry:0.9.3",
            Some(
                "cache/br/mcr.microsoft.com/bicep$avm$res$container-registry$registry/0.9.3$/main.json",
            ),
        );
        check(
            "br:X.azurecr.io/a/b:V1",
            Some("cache/br/x.azurecr.io/a$b/V1$1/main.json"),
        );
        check(
            "br:localhost:5000/p:v1",
            Some("cache/br/localhost$5000/p/v1$/main.json"),
        );
        check(
            "br:[::1]:5000/p/q:v1",
            Some("cache/br/[$$1]$5000/p$q/v1$/main.json"),
        );
        check(
            &format!("br:x.io/a@{DIGEST}"),
            Some(&format!(
                "cache/br/x.io/a/{}/main.json",
                DIGEST.replace(':', "#")
            )),
        );
        check(
            "br/corp:acr:1.0",
            Some("cache/br/corp.azurecr.io/bicep$modules$acr/1.0$/main.json"),
        );
        check(
            "br/bare:acr:1.0",
            Some("cache/br/localhost$5000/acr/1.0$/main.json"),
        );
        check("br/mock:a/b:1.0", Some("publish/a/b.bicep"));
        check(
            "ts:SUB/Rg/Name:V1",
            Some("cache/ts/sub/rg/name/v1/main.json"),
        );
        check(
            "ts/specs:Acr:1.0",
            Some("cache/ts/00000000-aa/my-rg/acr/1.0/main.json"),
        );
        for malformed in [
            "br:",
            "br:x",
            "br:x/y",
            "br:x/y:",
            "br:/y:1",
            "br:x/../y:1",
            "br:../y:1",
            "br:x/y:..",
            "br:x//y:1",
            "br:x/y@sha256:00",
            "br:x/y:a/b",
            "br/none:y:1",
            "br/mock:../../x:1",
            "ts:a/b:1",
            "ts:a/b/c/d:1",
            "ts:a/b/c:../..",
            "ts/none:x:1",
            "ts/specs:x",
            "",
            "é:x",
        ] {
            check(malformed, None);
        }
    }

    #[test]
    fn references_are_resolved() {
        let dir = tempfile::tempdir().unwrap();
        let root = disk::real(dir.path()).unwrap();
        for file in [
            "app/acr.bicep",
            "app/nested/x.json",
            "publish/a/b.bicep",
            "cache/br/mcr.microsoft.com/bicep$avm$res$storage$account/1.0$/main.json",
            "cache/br/mcr.microsoft.com/bicep$avm$res$container-registry$registry/0.9.3$/main.json",
            "cache/ts/sub/rg/name/1/main.json",
        ] {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let config = config(&root);
        let inside = |path: &Path| {
            let path = path.strip_prefix(&root).unwrap().display();
            path.to_string().replace('\\', "/")
        };
        let resolve_in =
            |from: &str, reference: &str| match resolve(&root.join(from), reference, &config) {
                Resolution::File(path) => format!("file {}", inside(&path)),
                Resolution::Absent(known, _) => match known {
                    Loaded::Known(_) => "known".to_owned(),
                    Loaded::Harmless(_) => "harmless".to_owned(),
                    Loaded::Unread(words) => format!("unread {words}"),
                    Loaded::Template(..) => "template".to_owned(),
                },
            };
        let check = |reference: &str, expect: &str| {
            assert_eq!(resolve_in("app/main.bicep", reference), expect);
        };
        check("acr.bicep", "file app/acr.bicep");
        check("./ACR.bicep", "file app/acr.bicep");
        check("../app/acr.bicep", "file app/acr.bicep");
        check("gone.bicep", "unread `gone.bicep` does not exist");
        check("/app/acr.bicep", "unread `/app/acr.bicep` does not exist");
        check("../app", "unread `../app` is not a regular file");
        assert_eq!(
            resolve_in("app/main.json", "/nested/x.json"),
            "file app/nested/x.json"
        );
        check("br/mock:a/b:7", "file publish/a/b.bicep");
        check(
            "br/mock:a/c:7",
            &format!(
                "unread `br/mock:a/c:7` is mapped to {}, which does not exist",
                root.join("publish").join("a").join("c.bicep").display()
            ),
        );
        check(
            "br/public:avm/res/storage/account:1.0",
            "file cache/br/mcr.microsoft.com/bicep$avm$res$storage$account/1.0$/main.json",
        );
        check(
            "br:mcr.microsoft.com/bicep/avm/res/container-registry/registry:0.9.3",
            "file cache/br/mcr.microsoft.com/bicep$avm$res$container-registry$registry/0.9.3$/main.json",
        );
        check(
            "br/public:avm/res/container-registry/registry:0.9.2",
            "known",
        );
        check(
            "br:MCR.microsoft.com/bicep/avm/ptn/security/security-center:0.3.0",
            "known",
        );
        check("br/public:avm/res/storage/account:2.0", "harmless");
        check(
            "br:x.io/bicep/avm/res/storage/account:2.0",
            "unread `br:x.io/bicep/avm/res/storage/account:2.0` is not restored; run `bicep restore main.bicep`",
        );
        check("ts:Sub/Rg/Name:1", "file cache/ts/sub/rg/name/1/main.json");
        check(
            "ts:sub/rg/name:2",
            "unread `ts:sub/rg/name:2` is not restored; run `bicep restore main.bicep`",
        );
        check(
            "br/none:x:1",
            "unread the alias `none` is not defined under `moduleAliases.br` in bicepconfig.json",
        );
        check(
            "br:x",
            "unread `br:x` is not a well-formed module reference",
        );
        check("https://x.y/z.json", "unread a remote template is not read");
    }

    #[test]
    fn an_alias_named_public_can_be_redirected() {
        let mut config = config(Path::new("/h"));
        config
            .registry_aliases
            .insert("public".to_owned(), (Some("mirror.io".to_owned()), None));
        let reference = "br/public:avm/res/storage/account:2.0";
        let resolution = resolve(Path::new("/h/main.bicep"), reference, &config);
        assert!(
            matches!(resolution, Resolution::Absent(Loaded::Unread(_), _)),
            "{resolution:?}"
        );
    }
}
