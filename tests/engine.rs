//! What a change costs, measured by counters; and the answer after a change equals the answer from scratch.

mod support;

use std::path::Path;

use preflight::analysis::{Analysis, Cancel, Counters, LookAgain, Options};
use preflight::text::{Encoding, Range, TextChange};
use support::Workspace;

const REGISTRY: &str = "resource acr 'Microsoft.ContainerRegistry/registries@2023-07-01' = {
  name: 'images'
  location: 'westeurope'
}
";

const STORAGE: &str = "resource store 'Microsoft.Storage/storageAccounts@2023-01-01' = {
  name: 'store'
  location: 'westeurope'
}
";

/// What ran between two readings.
fn ran(analysis: &mut Analysis, before: Counters) -> Counters {
    let after = analysis.counters();
    Counters {
        parsed: after.parsed - before.parsed,
        lowered: after.lowered - before.lowered,
        evaluated: after.evaluated - before.evaluated,
        reported: after.reported - before.reported,
        read: after.read - before.read,
    }
}

/// Opens `main.bicep` with `text`, replaces `from` by `to` once, and returns what that ran.
fn edit_costs(text: &str, from: &str, to: &str) -> Counters {
    let workspace = Workspace::new(&[("main.bicep", text)]);
    let mut analysis = workspace.analysis();
    workspace.open(&mut analysis, "main.bicep", text);
    workspace.refresh(&mut analysis);
    let before = analysis.counters();
    workspace.replace(&mut analysis, "main.bicep", 2, from, to);
    workspace.refresh(&mut analysis);
    ran(&mut analysis, before)
}

#[test]
fn a_keystroke_costs_what_it_changes() {
    let text = format!("// head\n\n{REGISTRY}\n{STORAGE}");
    // (what is edited, from, to, items lowered, deployments evaluated)
    let rows = [
        (
            "a comment between declarations",
            "// head",
            "// heads",
            0,
            0,
        ),
        (
            "a blank between declarations",
            "\n\nresource store",
            "\n\n\nresource store",
            0,
            0,
        ),
        (
            "a comment inside a declaration",
            "'images'\n",
            "'images' // name\n",
            1,
            0,
        ),
        (
            "a blank inside a declaration",
            "  name: 'images'",
            "  name:  'images'",
            1,
            0,
        ),
        (
            "a character in another resource",
            "'store'\n",
            "'stores'\n",
            1,
            1,
        ),
        ("a character in the registry", "'images'", "'image'", 1, 1),
    ];
    for (what, from, to, lowered, evaluated) in rows {
        let cost = edit_costs(&text, from, to);
        assert_eq!(
            (cost.lowered, cost.evaluated),
            (lowered, evaluated),
            "{what}"
        );
        assert_eq!((cost.parsed, cost.read), (1, 0), "{what}");
    }
}

#[test]
fn undo_lowers_nothing() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let mut analysis = workspace.analysis();
    workspace.open(&mut analysis, "main.bicep", REGISTRY);
    workspace.refresh(&mut analysis);
    workspace.replace(&mut analysis, "main.bicep", 2, "'images'", "'pictures'");
    workspace.refresh(&mut analysis);
    let before = analysis.counters();
    workspace.replace(&mut analysis, "main.bicep", 3, "'pictures'", "'images'");
    workspace.refresh(&mut analysis);
    let cost = ran(&mut analysis, before);
    assert_eq!((cost.lowered, cost.evaluated), (0, 1));
}

#[test]
fn an_edit_elsewhere_evaluates_only_what_looks_there() {
    let main = "module acr 'acr.bicep' = {\n  name: 'acr'\n}\n";
    let workspace = Workspace::new(&[
        ("a/main.bicep", main),
        ("a/acr.bicep", REGISTRY),
        ("b/main.bicep", main),
        ("b/acr.bicep", REGISTRY),
        ("c/main.bicep", STORAGE),
    ]);
    let mut analysis = workspace.analysis();
    workspace.refresh(&mut analysis);
    assert_eq!(
        workspace.summary(&analysis),
        ["a/acr.bicep warning missing", "b/acr.bicep warning missing"]
    );
    workspace.open(&mut analysis, "a/acr.bicep", REGISTRY);
    workspace.refresh(&mut analysis);
    let before = analysis.counters();
    workspace.replace(&mut analysis, "a/acr.bicep", 2, "'images'", "'pictures'");
    workspace.refresh(&mut analysis);
    assert_eq!(ran(&mut analysis, before).evaluated, 1);
}

#[test]
fn a_plan_in_one_file_clears_a_finding_in_another_that_is_not_open() {
    let plan = "targetScope = 'subscription'\nresource p 'Microsoft.Security/pricings@2024-01-01' = {\n  name: 'Containers'\n  properties: { pricingTier: 'Free' }\n}\n";
    let workspace = Workspace::new(&[("a.bicep", REGISTRY), ("b.bicep", plan)]);
    let mut analysis = workspace.analysis();
    workspace.refresh(&mut analysis);
    assert_eq!(workspace.summary(&analysis).len(), 1);
    workspace.open(&mut analysis, "b.bicep", plan);
    workspace.replace(&mut analysis, "b.bicep", 2, "'Free'", "'Standard'");
    let changed = workspace.refresh(&mut analysis);
    assert_eq!(workspace.summary(&analysis), [""; 0]);
    assert!(
        changed.iter().any(|path| path == "a.bicep"),
        "a.bicep is reported again: {changed:?}"
    );
    // The unsaved buffer is gone: the disk counts again.
    analysis.close(&workspace.path("b.bicep"));
    workspace.refresh(&mut analysis);
    assert_eq!(workspace.summary(&analysis).len(), 1);
}

#[test]
fn a_cancelled_refresh_is_finished_by_the_next() {
    let workspace = Workspace::new(&[("a.bicep", REGISTRY)]);
    let mut analysis = workspace.analysis();
    let cancel = Cancel::default();
    cancel.cancel();
    analysis.refresh(&cancel);
    assert!(analysis.is_pending());
    workspace.refresh(&mut analysis);
    assert!(!analysis.is_pending());
    assert_eq!(workspace.summary(&analysis), ["a.bicep warning missing"]);
}

#[test]
fn an_interrupted_refresh_after_a_change_of_folders_shows_what_was_found() {
    let main = "module acr 'acr.bicep' = {\n  name: 'acr'\n}\n";
    let workspace = Workspace::new(&[("main.bicep", main), ("acr.bicep", REGISTRY)]);
    let mut analysis = workspace.analysis();
    workspace.open(&mut analysis, "acr.bicep", REGISTRY);
    workspace.refresh(&mut analysis);
    let root = workspace.path("");
    analysis.set_folders(&[root.clone(), root.join("other")]);
    workspace.replace(&mut analysis, "acr.bicep", 2, "'images'", "'image'");
    let cancelled = Cancel::default();
    cancelled.cancel();
    for report in analysis.refresh(&cancelled) {
        assert_eq!(report.diagnostics.len(), 1, "{:?}", report.path);
    }
    workspace.refresh(&mut analysis);
    assert_eq!(workspace.summary(&analysis), ["acr.bicep warning missing"]);
}

#[test]
fn a_module_is_used_by_an_escaped_path() {
    for path in [r"a\u{63}r.bicep", r"./\u{61}cr.bicep"] {
        let main = format!("module acr '{path}' = {{\n  name: 'acr'\n}}\n");
        let workspace = Workspace::new(&[("main.bicep", &main), ("acr.bicep", REGISTRY)]);
        let mut analysis = workspace.analysis();
        workspace.refresh(&mut analysis);
        let entries = analysis.entry_points();
        assert_eq!(entries, [(workspace.path("main.bicep"), None)]);
    }
}

/// More files are to be reported than one round reports.
#[test]
fn an_edit_is_answered_at_once_though_everything_else_changed_too() {
    let names: Vec<String> = (0..300).map(|n| format!("part{n:03}/main.bicep")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (&**name, REGISTRY)).collect();
    let workspace = Workspace::new(&files);
    let mut analysis = workspace.analysis();
    for name in &names {
        workspace.open(&mut analysis, name, REGISTRY);
    }
    workspace.refresh(&mut analysis);
    workspace.write(
        "ps-rule.yaml",
        "configuration:\n  PREFLIGHT_COVERAGE: elsewhere\n",
    );
    analysis.disk_changed(&[workspace.path("ps-rule.yaml")]);
    workspace.replace(
        &mut analysis,
        "part299/main.bicep",
        2,
        "'westeurope'",
        "'x'",
    );
    let shown = analysis.refresh(&Cancel::default());
    let typed = shown.iter().find(|report| report.version == Some(2));
    assert!(typed.is_some(), "{} reports", shown.len());
    assert!(analysis.is_pending(), "the others come after it");
}

/// A folder of which no more than a piece can be worked in at once.
#[test]
fn what_is_typed_does_not_wait_for_a_scan() {
    let names: Vec<String> = (0..500).map(|n| format!("part{n}/main.bicep")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (&**name, REGISTRY)).collect();
    let workspace = Workspace::new(&files);
    let mut analysis = workspace.analysis();
    workspace.open(&mut analysis, "part7/main.bicep", REGISTRY);
    let shown = analysis.refresh(&Cancel::default());
    let paths: Vec<String> = shown
        .iter()
        .map(|report| workspace.relative(&report.path))
        .collect();
    assert_eq!(paths, ["part7/main.bicep"]);
    assert_eq!(shown[0].diagnostics.len(), 1, "checked alone for now");
    let cost = analysis.counters();
    assert_eq!((cost.parsed, cost.evaluated), (1, 1));
    // Somebody always waits: each call gets a little further, and the end is the same.
    let cancelled = Cancel::default();
    cancelled.cancel();
    analysis.refresh(&cancelled);
    assert!(analysis.is_pending() && analysis.is_scanning());
    assert_eq!(analysis.counters().parsed, 1, "nothing new was looked at");
    // Everything is evaluated, and half of it reported: what is typed is still first.
    analysis.refresh(&Cancel::default());
    assert!(analysis.is_pending() && analysis.is_scanning());
    let before = analysis.counters();
    let path = "part400/main.bicep";
    workspace.open(&mut analysis, path, REGISTRY);
    workspace.replace(&mut analysis, path, 2, "'images'", "'image'");
    let shown = analysis.refresh(&Cancel::default());
    assert_eq!(shown.len(), 1);
    assert_eq!(workspace.relative(&shown[0].path), path);
    let cost = ran(&mut analysis, before);
    assert_eq!((cost.parsed, cost.evaluated, cost.reported), (1, 1, 1));
    workspace.refresh(&mut analysis);
    assert!(!analysis.is_pending() && !analysis.is_scanning());
    let mut fresh = workspace.analysis();
    workspace.refresh(&mut fresh);
    assert_eq!(workspace.summary(&analysis), workspace.summary(&fresh));
    assert_eq!(workspace.summary(&fresh).len(), 500);
}

#[test]
fn hover_answers_on_the_type_and_nowhere_else() {
    let workspace = Workspace::new(&[("main.bicep", REGISTRY)]);
    let mut analysis = workspace.analysis();
    workspace.refresh(&mut analysis);
    let path = workspace.path("main.bicep");
    let on_type = REGISTRY.find("Microsoft").expect("the type") as u32;
    let (location, text) = analysis.hover(&path, on_type).expect("a hover on the type");
    let covered = &REGISTRY[location.span.range()];
    assert_eq!(
        covered,
        "'Microsoft.ContainerRegistry/registries@2023-07-01'"
    );
    assert!(text.contains("Azure.ACR.ContainerScan"), "{text}");
    assert_eq!(analysis.hover(&path, 0), None, "on the keyword");
    assert_eq!(
        analysis.hover(&path, REGISTRY.len() as u32),
        None,
        "at the end"
    );
}

/// Files that name nothing a rule asks for are never parsed, so what of them does not parse must not count either, or
/// opening one would change the verdict of another.
#[test]
fn opening_a_module_that_does_not_parse_changes_nothing() {
    let main = format!("module log 'log.bicep' = {{\n  name: 'log'\n}}\n{REGISTRY}");
    for (module, want) in [
        ("resource log 'Microsoft.Insi", "main.bicep warning missing"),
        (
            "// no Microsoft.Security/pricings\nresource log 'Microsoft.Insi",
            "main.bicep note unknown",
        ),
    ] {
        let workspace = Workspace::new(&[("main.bicep", &main), ("log.bicep", module)]);
        let mut analysis = workspace.analysis();
        workspace.refresh(&mut analysis);
        assert_eq!(workspace.summary(&analysis), [want], "closed: {module}");
        workspace.open(&mut analysis, "log.bicep", module);
        workspace.refresh(&mut analysis);
        assert_eq!(workspace.summary(&analysis), [want], "open: {module}");
        analysis.close(&workspace.path("log.bicep"));
        workspace.refresh(&mut analysis);
        assert_eq!(
            workspace.summary(&analysis),
            [want],
            "closed again: {module}"
        );
    }
}

/// Literate cases cannot write links; this is the row of the shape table that needs one.
#[cfg(unix)]
#[test]
fn a_symlinked_module_is_followed() {
    let main = "module acr 'linked/acr.bicep' = {\n  name: 'acr'\n}\n";
    let workspace = Workspace::new(&[("main.bicep", main), ("real/acr.bicep", REGISTRY)]);
    std::os::unix::fs::symlink(workspace.path("real"), workspace.path("linked")).expect("a link");
    let mut analysis = workspace.analysis();
    workspace.refresh(&mut analysis);
    let path = workspace.path("main.bicep");
    let inventory = analysis.inventory(&path, None).expect("an inventory");
    assert_eq!(inventory.unread, []);
    let types: Vec<_> = inventory
        .resources
        .iter()
        .map(|it| it.resource_type.as_str())
        .collect();
    assert_eq!(types, ["Microsoft.ContainerRegistry/registries"]);
}

/// Editors open every JSON file here; a large one that is no template costs a look.
#[test]
fn a_large_file_that_is_no_template_is_not_parsed() {
    let path = Path::new("/data/numbers.json");
    // Of few nodes: on a busy machine many take longer to parse than the parser may.
    let large = format!("[{}]", format!("\"{}\", ", "x".repeat(999)).repeat(1_100));
    let mut analysis = Analysis::new(Options::default());
    let before = analysis.counters();
    analysis.open(path, 1, &large);
    analysis.refresh(&Cancel::default());
    assert_eq!(ran(&mut analysis, before).parsed, 0);
    let before = analysis.counters();
    let typed = TextChange {
        range: Some(Range::default()),
        text: " ".to_owned(),
    };
    analysis.edit(path, 2, &[typed], Encoding::Utf16);
    analysis.refresh(&Cancel::default());
    assert_eq!(ran(&mut analysis, before).parsed, 0);
    // It becomes one, and is one from then on.
    let template = "{\"$schema\": \"https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#\", \
        \"contentVersion\": \"1.0.0.0\", \"resources\": [{\"type\": \"Microsoft.ContainerRegistry/registries\", \
        \"apiVersion\": \"2023-07-01\", \"name\": \"images\", \"location\": \"westeurope\"}], \"metadata\": ";
    let whole = TextChange {
        range: None,
        text: format!("{template}{large}}}"),
    };
    analysis.edit(path, 3, &[whole], Encoding::Utf16);
    analysis.refresh(&Cancel::default());
    let report = analysis.report(path).expect("a report");
    assert_eq!(report.diagnostics.len(), 1);
    let small = TextChange {
        range: None,
        text: "[]".to_owned(),
    };
    analysis.edit(path, 4, &[small], Encoding::Utf16);
    analysis.refresh(&Cancel::default());
    let report = analysis.report(path).expect("a report");
    assert!(report.diagnostics.is_empty());
}

const PLAN: &str = "targetScope = 'subscription'
resource plan 'Microsoft.Security/pricings@2024-01-01' = {
  name: 'Containers'
  properties: {
    pricingTier: 'Standard'
  }
}
";

/// A change on disk: a file written, or (`None`) a file or folder removed.
type OnDisk<'a> = (&'a str, Option<&'a str>);

/// Checks what an open `ws/main.bicep` shows before and after changes on disk, however these are noticed: by looking at
/// the inputs of the document, of everything, or by an event for each path (`events`, else those changed).
fn check_noticed(
    before: &[(&str, &str)],
    change: &[OnDisk<'_>],
    events: &[&str],
    expect: [&str; 2],
) {
    for how in ["saved", "request", "everything", "event"] {
        let disk = Workspace::new(before);
        std::fs::create_dir_all(disk.path("ws/.git")).expect("a repository");
        let options = Options {
            cache_root: Some(disk.path("cache")),
            ..Options::default()
        };
        let mut analysis = Analysis::new(options);
        analysis.set_folders(&[disk.path("ws")]);
        let main = disk.path("ws/main.bicep");
        let text = before.iter().find(|(path, _)| *path == "ws/main.bicep");
        analysis.open(&main, 1, text.map_or("", |(_, text)| text));
        disk.refresh(&mut analysis);
        assert_eq!(
            disk.summary(&analysis).join(", "),
            expect[0],
            "before, {how}"
        );
        for (path, text) in change {
            match text {
                Some(text) => disk.write(path, text),
                None if disk.path(path).is_dir() => {
                    std::fs::remove_dir_all(disk.path(path)).expect("a folder removed");
                }
                None => std::fs::remove_file(disk.path(path)).expect("a file removed"),
            }
        }
        let changed: Vec<_> = match events {
            [] => change.iter().map(|(path, _)| disk.path(path)).collect(),
            _ => events.iter().map(|path| disk.path(path)).collect(),
        };
        let noticed = match how {
            "saved" => analysis.look_again(LookAgain::Now(&main)),
            "request" => analysis.look_again(LookAgain::Request(&main)),
            "everything" => analysis.look_again(LookAgain::Everything),
            _ => {
                analysis.disk_changed(&changed);
                true
            }
        };
        disk.refresh(&mut analysis);
        assert!(noticed, "{how}: {change:?}");
        assert_eq!(
            disk.summary(&analysis).join(", "),
            expect[1],
            "{how}: {change:?}"
        );
        assert!(
            !analysis.look_again(LookAgain::Everything),
            "{how}: {change:?} twice"
        );
    }
}

const MISSING: &str = "ws/main.bicep warning missing";
const UNKNOWN: &str = "ws/main.bicep note unknown";

#[test]
fn a_registry_module_is_restored_while_its_user_is_open() {
    let module = "module other 'br:host.azurecr.io/some/module:1.0' = {\n  name: 'x'\n}\n";
    let main = format!("{REGISTRY}{module}");
    let cached = "cache/br/host.azurecr.io/some$module/1.0$/main.json";
    let empty = r#"{"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#", "contentVersion": "1.0.0.0", "resources": []}"#;
    check_noticed(
        &[("ws/main.bicep", &main)],
        &[(cached, Some(empty))],
        &[],
        [UNKNOWN, MISSING],
    );
    check_noticed(
        &[("ws/main.bicep", &main), (cached, empty)],
        &[("cache/br", None)],
        &[],
        [MISSING, UNKNOWN],
    );
}

#[test]
fn a_configuration_file_appears_changes_or_goes() {
    let off = "rule:\n  exclude: [Azure.ACR.ContainerScan]\n";
    let main = ("ws/main.bicep", REGISTRY);
    check_noticed(
        &[main],
        &[("ws/ps-rule.yaml", Some(off))],
        &[],
        [MISSING, ""],
    );
    check_noticed(
        &[main, ("ws/ps-rule.yaml", off)],
        &[("ws/ps-rule.yaml", Some("rule: {}"))],
        &[],
        ["", MISSING],
    );
    check_noticed(
        &[main, ("ws/ps-rule.yaml", off)],
        &[("ws/ps-rule.yaml", None)],
        &[],
        ["", MISSING],
    );
    let module = "module other 'br/mine:acr:1.0' = {\n  name: 'x'\n}\n";
    let alias = r#"{"moduleAliasesMock": {"br": {"mine": {"mapToFilePath": "ws/modules"}}}}"#;
    let main = format!("{REGISTRY}{module}");
    check_noticed(
        &[("ws/main.bicep", &main), ("ws/modules/acr.bicep", "")],
        &[("bicepconfig.json", Some(alias))],
        &[],
        [UNKNOWN, MISSING],
    );
}

#[test]
fn a_loaded_text_changes_appears_or_goes() {
    let rows = [
        (
            "loadYamlContent('plan.yaml').tier",
            "plan.yaml",
            "tier: Free\n",
            "tier: Standard\n",
        ),
        (
            "loadJsonContent('plan.json').tier",
            "plan.json",
            r#"{"tier": "Free"}"#,
            r#"{"tier": "Standard"}"#,
        ),
        (
            "loadTextContent('plan.txt')",
            "plan.txt",
            "Free",
            "Standard",
        ),
    ];
    for (call, file, free, standard) in rows {
        let plan = PLAN
            .replace("'Standard'", call)
            .replace("targetScope = 'subscription'", "");
        let main = format!("targetScope = 'subscription'\n{REGISTRY}{plan}");
        let main = ("ws/main.bicep", main.as_str());
        let path = format!("ws/{file}");
        let off = "ws/main.bicep error off";
        check_noticed(
            &[main, (&path, free)],
            &[(&path, Some(standard))],
            &[],
            [off, ""],
        );
        check_noticed(&[main], &[(&path, Some(free))], &[], [UNKNOWN, off]);
        check_noticed(
            &[main, (&path, free)],
            &[(&path, None)],
            &[],
            [off, UNKNOWN],
        );
    }
}

#[test]
fn a_module_outside_the_folder_changes_or_appears() {
    let module =
        "module plan '../shared/plan.bicep' = {\n  name: 'x'\n  scope: subscription()\n}\n";
    let main = format!("{REGISTRY}{module}");
    let main = ("ws/main.bicep", main.as_str());
    let free = PLAN.replace("Standard", "Free");
    let path = "shared/plan.bicep";
    let off = "ws/main.bicep error off";
    check_noticed(
        &[main, (path, &free)],
        &[(path, Some(PLAN))],
        &[],
        [off, ""],
    );
    check_noticed(&[main], &[(path, Some(PLAN))], &[], [UNKNOWN, ""]);
    check_noticed(
        &[main, (path, PLAN)],
        &[("shared", None)],
        &["shared"],
        ["", UNKNOWN],
    );
}

#[test]
fn the_folder_of_a_module_appears_or_goes() {
    let module = "module plan 'modules/plan.bicep' = {\n  name: 'x'\n  scope: subscription()\n}\n";
    let main = format!("{REGISTRY}{module}");
    let main = ("ws/main.bicep", main.as_str());
    let path = "ws/modules/plan.bicep";
    check_noticed(
        &[main],
        &[(path, Some(PLAN))],
        &["ws/modules"],
        [UNKNOWN, ""],
    );
    check_noticed(
        &[main, (path, PLAN)],
        &[("ws/modules", None)],
        &["ws/modules"],
        ["", UNKNOWN],
    );
}

/// Plans below `tests` count for the deployments that use them alone.
#[cfg(unix)]
#[test]
fn a_link_is_pointed_elsewhere() {
    use std::os::unix::fs::symlink;
    let module = "module plan 'link/plan.bicep' = {\n  name: 'x'\n  scope: subscription()\n}\n";
    let main = format!("{REGISTRY}{module}");
    let free = PLAN.replace("Standard", "Free");
    for event in [true, false] {
        let workspace = Workspace::new(&[
            ("main.bicep", &main),
            ("tests/a/plan.bicep", PLAN),
            ("tests/b/plan.bicep", &free),
        ]);
        let link = workspace.path("link");
        symlink(workspace.path("tests/a"), &link).expect("a link");
        let mut analysis = workspace.analysis();
        workspace.refresh(&mut analysis);
        assert_eq!(workspace.summary(&analysis), [""; 0]);
        assert!(!analysis.look_again(LookAgain::Everything));
        std::fs::remove_file(&link).expect("the link removed");
        symlink(workspace.path("tests/b"), &link).expect("another link");
        match event {
            true => analysis.disk_changed(std::slice::from_ref(&link)),
            false => assert!(analysis.look_again(LookAgain::Everything)),
        }
        workspace.refresh(&mut analysis);
        let expect = ["main.bicep error off"];
        assert_eq!(workspace.summary(&analysis), expect, "event: {event}");
        assert!(!analysis.look_again(LookAgain::Everything));
    }
}

#[test]
fn events_and_closed_documents_follow_what_a_scan_finds() {
    let workspace = Workspace::new(&[
        (".gitignore", "out/\n*.gen.bicep\n!keep.gen.bicep\n"),
        ("main.bicep", STORAGE),
        ("sub/.gitignore", "local.bicep\n"),
    ]);
    let mut analysis = workspace.analysis();
    workspace.refresh(&mut analysis);
    let ignored = [
        "out/a.bicep",
        "node_modules/x/a.bicep",
        ".git/a.bicep",
        "b.gen.bicep",
        "sub/local.bicep",
    ];
    let found = ["a.bicep", "keep.gen.bicep", "local.bicep", "sub/a.bicep"];
    for path in ignored.iter().chain(&found) {
        workspace.write(path, REGISTRY);
    }
    for (paths, belongs) in [(&ignored[..], false), (&found[..], true)] {
        for path in paths {
            let expect: &[String] = match belongs {
                true => &[format!("{path} warning missing")],
                false => &[],
            };
            assert_eq!(analysis.belongs(&workspace.path(path)), belongs, "{path}");
            analysis.disk_changed(&[workspace.path(path)]);
            workspace.refresh(&mut analysis);
            assert_eq!(workspace.summary(&analysis), expect, "{path} by an event");
            workspace.open(&mut analysis, path, REGISTRY);
            workspace.refresh(&mut analysis);
            assert_eq!(workspace.summary(&analysis).len(), 1, "{path} open");
            analysis.close(&workspace.path(path));
            workspace.refresh(&mut analysis);
            assert_eq!(workspace.summary(&analysis), expect, "{path} closed");
            std::fs::remove_file(workspace.path(path)).expect("a file removed");
            analysis.look_again(LookAgain::Everything);
            workspace.refresh(&mut analysis);
            assert_eq!(workspace.summary(&analysis), [""; 0], "{path} gone");
        }
    }
    let scanned = workspace.analysis().summary().files;
    assert_eq!(scanned, 0, "nothing ignored is scanned");
}

/// Bicep refuses absolute paths, so what exists there is no input; it must not count as one that just appeared.
#[test]
fn looking_again_ignores_references_that_are_no_relative_paths() {
    let workspace = Workspace::new(&[("plan.bicep", PLAN)]);
    let plan = workspace.path("plan.bicep");
    let main = format!(
        "{REGISTRY}module plan '{}' = {{\n  name: 'x'\n}}\n",
        plan.display()
    );
    workspace.write("ws/main.bicep", &main);
    let mut analysis = Analysis::new(Options::default());
    analysis.set_folders(&[workspace.path("ws")]);
    workspace.open(&mut analysis, "ws/main.bicep", &main);
    workspace.refresh(&mut analysis);
    assert!(!analysis.look_again(LookAgain::Everything));
    assert_eq!(workspace.summary(&analysis), [UNKNOWN]);
}

#[test]
fn clients_learn_which_inputs_their_globs_do_not_cover() {
    let main = "module a '../lib/a.bicep' = {\n  name: 'a'\n}
module b 'br:host.azurecr.io/b:1.0' = {\n  name: 'b'\n}
module c 'br:host.azurecr.io/b:1.0' = if (loadTextContent('name.txt') == 'c') {\n  name: 'c'\n}\n";
    let workspace = Workspace::new(&[
        ("ws/main.bicep", &format!("{main}{REGISTRY}")),
        ("ws/.git/HEAD", ""),
    ]);
    let options = Options {
        cache_root: Some(workspace.path("cache")),
        ..Options::default()
    };
    let mut analysis = Analysis::new(options);
    analysis.set_folders(&[workspace.path("ws")]);
    workspace.open(&mut analysis, "ws/main.bicep", &format!("{main}{REGISTRY}"));
    workspace.refresh(&mut analysis);
    let inputs = analysis.inputs_not_watched();
    let inside = inputs
        .iter()
        .filter(|path| path.starts_with(workspace.root()));
    let inside: Vec<_> = inside.map(|path| workspace.relative(path)).collect();
    assert_eq!(
        inside,
        [
            "bicepconfig.json",
            "cache/br/host.azurecr.io/b/1.0$/main.json",
            "lib/a.bicep",
            "ws/name.txt"
        ]
    );
}

/// JSON that Bicep generated is checked only where its source is not there.
#[test]
fn the_source_of_a_generated_template_appears_and_goes() {
    let template = r#"{
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "metadata": { "_generator": { "name": "bicep" } },
  "resources": [
    { "type": "Microsoft.ContainerRegistry/registries", "apiVersion": "2023-07-01", "name": "images" }
  ]
}"#;
    let generated = ("ws/main.json", template);
    let source = ("ws/main.bicep", STORAGE);
    let shown = "ws/main.json warning missing";
    let workspace = Workspace::new(&[generated]);
    let mut analysis = workspace.analysis();
    workspace.refresh(&mut analysis);
    assert_eq!(workspace.summary(&analysis), [shown]);
    workspace.write(source.0, source.1);
    analysis.disk_changed(&[workspace.path(source.0)]);
    workspace.refresh(&mut analysis);
    assert_eq!(workspace.summary(&analysis), [""; 0], "the source appeared");
    std::fs::remove_file(workspace.path(source.0)).expect("a file removed");
    analysis.disk_changed(&[workspace.path(source.0)]);
    workspace.refresh(&mut analysis);
    assert_eq!(workspace.summary(&analysis), [shown], "the source is gone");
    workspace.open(&mut analysis, source.0, source.1);
    workspace.refresh(&mut analysis);
    assert_eq!(workspace.summary(&analysis), [""; 0], "the source is open");
}

#[test]
fn a_loaded_text_is_read_once() {
    let main =
        format!("var text = loadTextContent('name.txt')\n{REGISTRY}").replace("'images'", "text");
    let workspace = Workspace::new(&[("main.bicep", &main), ("name.txt", "images")]);
    let mut analysis = workspace.analysis();
    workspace.open(&mut analysis, "main.bicep", &main);
    workspace.refresh(&mut analysis);
    let before = analysis.counters();
    workspace.replace(&mut analysis, "main.bicep", 2, "westeurope", "northeurope");
    workspace.refresh(&mut analysis);
    let cost = ran(&mut analysis, before);
    assert_eq!((cost.evaluated, cost.read), (1, 0));
    workspace.write("name.txt", "pictures");
    let before = analysis.counters();
    analysis.disk_changed(&[workspace.path("name.txt")]);
    workspace.refresh(&mut analysis);
    let cost = ran(&mut analysis, before);
    // Its bytes are looked at, then its text is read.
    assert_eq!((cost.evaluated, cost.read), (1, 2));
}

/// Positions in a nested template are relative to the declaration that contains it.
#[test]
fn an_edit_elsewhere_in_a_nested_template_keeps_the_places_in_it() {
    let text = r#"{
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "resources": [{
    "type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "inner",
    "properties": { "mode": "Incremental", "template": {
      "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
      "resources": [
        { "type": "Microsoft.Storage/storageAccounts", "apiVersion": "2023-01-01", "name": "store" },
        { "type": "Microsoft.ContainerRegistry/registries", "apiVersion": "2023-07-01", "name": "images" }
      ]
    } }
  }]
}"#;
    let workspace = Workspace::new(&[("main.json", text)]);
    let mut analysis = workspace.analysis();
    workspace.open(&mut analysis, "main.json", text);
    workspace.refresh(&mut analysis);
    assert_eq!(
        workspace.summary(&analysis),
        ["main.json warning missing"],
        "before"
    );
    workspace.replace(&mut analysis, "main.json", 2, "store", "stores");
    workspace.refresh(&mut analysis);
    assert_eq!(
        workspace.summary(&analysis),
        ["main.json warning missing"],
        "after"
    );
}

/// Modules that use the next one twice: two to the power of their number of uses, of which each is expanded until a limit
/// that is reported.
#[test]
fn modules_used_twice_each_end_at_a_reported_limit() {
    let names: Vec<String> = (0..=20).map(|n| format!("m{n}.bicep")).collect();
    let module = |n: usize| {
        let next = n + 1;
        let twice = ["a", "b"]
            .map(|name| format!("module {name} 'm{next}.bicep' = {{\n  name: '{name}'\n}}\n"));
        if n == 20 {
            REGISTRY.to_owned()
        } else {
            twice.concat()
        }
    };
    let texts: Vec<String> = (0..=20).map(module).collect();
    let files = names.iter().map(String::as_str);
    let files: Vec<(&str, &str)> = files.zip(texts.iter().map(String::as_str)).collect();
    let workspace = Workspace::new(&files);
    let mut analysis = workspace.analysis();
    workspace.refresh(&mut analysis);
    let problems = analysis.problems();
    let reported = |text: &str| text.contains("too large to follow");
    assert!(problems.iter().any(|it| it.hides && reported(&it.message)));
}

/// What the grammar lets pass and the compiler refuses is reported of an open document as of a file.
#[test]
fn what_only_the_compiler_refuses_is_reported_in_open_documents() {
    let check = |fault: &str, expect: usize| {
        let text = format!("{fault}\n{REGISTRY}");
        let workspace = Workspace::new(&[("main.bicep", &text)]);
        let mut analysis = workspace.analysis();
        workspace.refresh(&mut analysis);
        assert_eq!(analysis.problems().len(), expect, "{fault}");
        let on_disk = analysis.problems();
        analysis.open(&workspace.path("main.bicep"), 1, &text);
        workspace.refresh(&mut analysis);
        assert_eq!(analysis.problems(), on_disk, "{fault}");
    };
    check("var v = 1", 0);
    check("var v = (1 +\n 2)", 1);
    check("var true = 1", 1);
    check("var v = 99999999999999999999", 1);
    check("var v = '${[]}'", 1);
    check("param x = 1", 1);
    check("var v = 'a\u{feff}b' \u{feff}", 1);
    check("type t = string??", 1);
}

/// Names are compared without case, and shown as they are written.
#[test]
fn an_edit_of_a_names_case_alone_is_shown() {
    let text = REGISTRY.replace("= {\n", "= if (deployIt && other) {\n");
    let text = format!("param deployIt bool\nvar other = otherOne\nparam otherOne bool\n{text}");
    for (from, to) in [
        ("/registries", "/regiStries"),
        ("if (deployIt", "if (DeployIt"),
        ("param deployIt", "param DeployIt"),
        ("= otherOne", "= OtherOne"),
        ("param otherOne", "param OtherOne"),
    ] {
        let workspace = Workspace::new(&[("main.bicep", &text)]);
        let mut analysis = workspace.analysis();
        workspace.open(&mut analysis, "main.bicep", &text);
        workspace.refresh(&mut analysis);
        workspace.replace(&mut analysis, "main.bicep", 2, from, to);
        workspace.refresh(&mut analysis);
        let mut fresh = workspace.analysis();
        fresh.open(&workspace.path("main.bicep"), 2, &text.replace(from, to));
        workspace.refresh(&mut fresh);
        assert_eq!(analysis.reports(), fresh.reports(), "{to}");
    }
}
