//! Settings from `ps-rule.yaml` and `bicepconfig.json`, combined.

use super::*;

/// A path below the folder of the tests, absolute on every platform.
fn ws(path: &str) -> PathBuf {
    disk::normalize(&Path::new("/none/ws").join(path))
}
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Files in memory, under a folder that does not exist on disk.
#[derive(Default)]
struct Scene {
    files: RefCell<BTreeMap<PathBuf, Arc<str>>>,
    reads: RefCell<usize>,
    configs: RefCell<Configs>,
    overrides: Overrides,
}

impl Scene {
    fn new(files: &[(&str, &str)]) -> Self {
        let scene = Scene::default();
        files
            .iter()
            .for_each(|(path, text)| scene.write(path, text));
        scene
    }

    fn write(&self, path: &str, text: &str) {
        let path = ws("").join(path);
        self.configs.borrow_mut().invalidate(&path);
        self.files.borrow_mut().insert(path, text.into());
    }

    fn remove(&self, path: &str) {
        let path = ws("").join(path);
        self.configs.borrow_mut().invalidate(&path);
        self.files.borrow_mut().remove(&path);
    }

    fn ask<T>(&self, question: impl FnOnce(&mut Configs, Read<'_>) -> T) -> T {
        let read = |path: &Path| {
            *self.reads.borrow_mut() += 1;
            let text = self.files.borrow().get(path).cloned();
            text.map(|text| (text, None)).ok_or(DiskError::NotFound)
        };
        question(&mut self.configs.borrow_mut(), &read)
    }

    fn settings(&self, file: &str) -> Arc<Settings> {
        let (file, root) = (ws("").join(file), &ws(""));
        self.ask(|configs, read| configs.settings(&file, root, &self.overrides, read))
    }

    fn ignored(&self, file: &str) -> bool {
        let settings = self.settings(file);
        let rule_file = settings.rule_file.as_deref();
        rule_file.is_some_and(|it| self.configs.borrow().ignored(it, &ws("").join(file)))
    }

    fn problems(&self) -> Vec<String> {
        let problems = self.configs.borrow().problems();
        let shown = problems.into_iter().map(|problem| {
            let path = problem.path.strip_prefix(ws("")).unwrap().to_owned();
            format!("{}: {}", path.display(), problem.message)
        });
        shown.collect()
    }
}

const SCAN: RuleName = RuleName::new("AZR-000002", "Azure.ACR.ContainerScan");
const EXCLUDED: &str = "rule: { exclude: [AZR-000002] }";

#[test]
fn the_nearest_file_up_to_the_root_is_in_force() {
    let scene = Scene::new(&[
        ("../ps-rule.yaml", EXCLUDED),
        (
            "ps-rule.yaml",
            "configuration: { PREFLIGHT_COVERAGE: deployment }",
        ),
        (
            "a/b/psrule.yml",
            "configuration: { PREFLIGHT_COVERAGE: elsewhere }",
        ),
        (
            "c/ps-rule.yaml",
            "configuration: { PREFLIGHT_PLAN: ContainerRegistry }",
        ),
        ("c/psrule.yaml", EXCLUDED),
    ]);
    let check = |file: &str, coverage: Coverage, from: &str| {
        let settings = scene.settings(file);
        assert_eq!(settings.coverage, coverage, "{file}");
        assert_eq!(settings.rule(&SCAN).off, None, "{file}");
        assert_eq!(settings.rule_file, Some(ws("").join(from)), "{file}");
    };
    // Whatever the order of the questions.
    for _ in 0..2 {
        check("a/x/y/main.bicep", Coverage::Deployment, "ps-rule.yaml");
        check("a/b/deep/main.bicep", Coverage::Elsewhere, "a/b/psrule.yml");
        check("a/b/main.bicep", Coverage::Elsewhere, "a/b/psrule.yml");
        check("a/main.bicep", Coverage::Deployment, "ps-rule.yaml");
        check("main.bicep", Coverage::Deployment, "ps-rule.yaml");
        // Nearest means nearest: nothing is merged.
        check("c/main.bicep", Coverage::Workspace, "c/ps-rule.yaml");
    }
    scene.remove("ps-rule.yaml");
    assert_eq!(scene.settings("a/main.bicep").rule_file, None);
    assert_eq!(scene.settings("main.bicep").coverage, Coverage::Workspace);
}

#[test]
fn reading_is_remembered() {
    let scene = Scene::new(&[("ps-rule.yaml", EXCLUDED), ("bicepconfig.json", "{}")]);
    scene.settings("a/b/main.bicep");
    let first = *scene.reads.borrow();
    for i in 0..100 {
        scene.settings(&format!("a/b/{i}.bicep"));
        scene.ignored(&format!("a/b/{i}.bicep"));
    }
    assert_eq!(*scene.reads.borrow(), first);
    // A new folder asks only for its own files.
    scene.settings("a/c/main.bicep");
    assert_eq!(*scene.reads.borrow(), first + 5);
}

#[test]
fn overrides_win_and_origins_say_so() {
    let mut scene = Scene::new(&[(
        "ps-rule.yaml",
        "configuration: { PREFLIGHT_PLAN: ContainerRegistry, PREFLIGHT_HINTS: false }",
    )]);
    let before = scene.settings("main.bicep");
    assert_eq!(
        (before.plan, before.hints),
        (Plan::ContainerRegistry, Hints(false))
    );
    scene.overrides.plan = Some(Plan::Containers);
    let settings = scene.settings("main.bicep");
    assert_eq!(
        (settings.plan, settings.hints),
        (Plan::Containers, Hints(false))
    );
    let origin = |name: &str| {
        let found = settings
            .origins
            .iter()
            .find(|(setting, _, _)| setting == name);
        let (_, value, origin) = found.expect("an origin");
        format!("{value} by {origin}")
    };
    assert_eq!(origin("plan"), "Containers by editor or command line");
    let file = ws("ps-rule.yaml");
    assert_eq!(origin("hints"), format!("false by {}", file.display()));
    assert_eq!(origin("coverage"), "workspace by default");
}

#[test]
fn a_broken_file_keeps_what_it_said() {
    let scene = Scene::new(&[("ps-rule.yaml", EXCLUDED)]);
    assert!(scene.settings("main.bicep").rule(&SCAN).off.is_some());
    scene.write("ps-rule.yaml", "rule: { exclude: [AZR-0");
    assert!(scene.settings("main.bicep").rule(&SCAN).off.is_some());
    let problems = scene.problems();
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0].starts_with("ps-rule.yaml: This is not valid YAML"),
        "{problems:?}"
    );
    scene.write("ps-rule.yaml", "rule: { exclude: [AZR-000003] }");
    assert!(scene.settings("main.bicep").rule(&SCAN).off.is_none());
    assert_eq!(scene.problems(), [""; 0]);
    // Never whole: the defaults, and the problem.
    let scene = Scene::new(&[("ps-rule.yaml", "rule: ["), ("bicepconfig.json", "{")]);
    assert!(scene.settings("main.bicep").rule(&SCAN).off.is_none());
    assert_eq!(scene.problems().len(), 2);
    scene.remove("ps-rule.yaml");
    scene.remove("bicepconfig.json");
    scene.settings("main.bicep");
    assert_eq!(scene.problems(), [""; 0]);
}

#[test]
fn paths_are_ignored_as_the_file_states() {
    let check = |patterns: &str, ignored: &[&str], shown: &[&str]| {
        let text = format!("input: {{ pathIgnore: [{patterns}] }}");
        let scene = Scene::new(&[("sub/ps-rule.yaml", text.as_str())]);
        for file in ignored {
            assert!(scene.ignored(&format!("sub/{file}")), "{patterns}: {file}");
        }
        for file in shown {
            assert!(!scene.ignored(&format!("sub/{file}")), "{patterns}: {file}");
        }
        assert!(!scene.ignored("elsewhere.bicep"), "{patterns}");
    };
    check("", &[], &["a.bicep"]);
    check("'*.json'", &["a.json", "x/b.json"], &["a.bicep"]);
    check(
        "'modules/'",
        &["modules/a.bicep", "x/modules/y/a.bicep"],
        &["a.bicep"],
    );
    check("'/modules'", &["modules/x/a.bicep"], &["x/modules/a.bicep"]);
    check(
        "'a/modules/'",
        &["a/modules/x.bicep"],
        &["b/a/modules/x.bicep"],
    );
    check(
        "'**/test.bicep'",
        &["test.bicep", "a/b/test.bicep"],
        &["a/mytest.bicep"],
    );
    check(
        "'*', '!deployments/**/*.bicep', '!apps/'",
        &["a.bicep", "deployments/x/a.json"],
        &["deployments/x/a.bicep", "apps/x/y.bicep"],
    );
}

#[test]
fn bicep_configurations_extend_one_another() {
    let scene = Scene::new(&[
        (
            "bicepconfig.json",
            r#"{"extends": "base/one.json", "moduleAliases": {"br": {"corp": {"registry": "leaf.io"}}}}"#,
        ),
        (
            "base/one.json",
            r#"{"extends": "two.json", "cacheRootDirectory": "cache", "cloud": {"currentProfile": "AzureCloud"}}"#,
        ),
        (
            "base/two.json",
            r#"{"cacheRootDirectory": "other", "moduleAliases": {"br": {
                "corp": {"registry": "base.io", "modulePath": "bicep"}, "more": {"registry": "more.io"}, "half": {"modulePath": "x"}},
                "ts": {"s": {"subscription": "1", "resourceGroup": "2"}}},
                "moduleAliasesMock": {"br": {"m": {"mapToFilePath": "mock"}}}}"#,
        ),
    ]);
    let bicep = scene.settings("app/main.bicep").bicep.clone();
    let text = |s: &str| Some(s.to_owned());
    assert_eq!(bicep.file.as_deref(), Some(&*ws("bicepconfig.json")));
    assert_eq!(
        bicep.registry_aliases["corp"],
        (text("leaf.io"), text("bicep"))
    );
    assert_eq!(bicep.registry_aliases["more"], (text("more.io"), None));
    assert_eq!(bicep.registry_aliases["half"], (None, text("x")));
    assert_eq!(bicep.template_spec_aliases["s"], (text("1"), text("2")));
    assert_eq!(bicep.mock_aliases["m"], &*ws("base/mock"));
    assert_eq!(bicep.cache_root, &*ws("base/cache"));
    assert_eq!(bicep.cloud.as_deref(), Some("AzureCloud"));
    assert!(scene.configs.borrow().concerns(&ws("base/two.json")));
    scene.write("base/one.json", "{}");
    let bicep = scene.settings("app/main.bicep").bicep.clone();
    assert_eq!(bicep.registry_aliases["corp"], (text("leaf.io"), None));
    assert_eq!(bicep.cache_root, default_cache());
    assert_eq!(scene.problems(), [""; 0]);
}

#[test]
fn broken_chains_are_reported() {
    let check = |files: &[(&str, &str)], expect: &[&str]| {
        let scene = Scene::new(files);
        scene.settings("main.bicep");
        assert_eq!(scene.problems(), expect);
    };
    check(
        &[("bicepconfig.json", r#"{"extends": "gone.json"}"#)],
        &["bicepconfig.json: `gone.json` does not exist."],
    );
    check(
        &[
            ("bicepconfig.json", r#"{"extends": "a.json"}"#),
            ("a.json", r#"{"extends": "./bicepconfig.json"}"#),
        ],
        &["a.json: `./bicepconfig.json` extends this file in turn."],
    );
    let long: Vec<(String, String)> = (0..70)
        .map(|i| {
            let name = if i == 0 {
                "bicepconfig.json".to_owned()
            } else {
                format!("{i}.json")
            };
            (name, format!(r#"{{"extends": "{}.json"}}"#, i + 1))
        })
        .collect();
    let long: Vec<(&str, &str)> = long.iter().map(|(a, b)| (&**a, &**b)).collect();
    check(&long, &["64.json: More than 64 files extend one another."]);
}

#[test]
fn an_unreadable_file_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let large = std::fs::File::create(dir.path().join("ps-rule.yaml")).unwrap();
    large.set_len(disk::MAX_FILE + 1).unwrap();
    let mut configs = Configs::default();
    let read = |path: &Path| disk::read(path).map(|file| (file.text, Some(file.stamp)));
    let file = dir.path().join("main.bicep");
    configs.settings(&file, dir.path(), &Overrides::default(), &read);
    let problems = configs.problems();
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0].message.starts_with("This file cannot be read"),
        "{problems:?}"
    );
}
