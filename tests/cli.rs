//! The command line as pipelines see it: exit codes, reports byte for byte, fixes on disk.

use std::path::Path;

use serde_json::Value;

#[path = "support/run.rs"]
mod run;
mod support;

use run::{REGISTRY, plan, run, run_in};
use support::Workspace;

/// One registry that is missing a plan, one whose plan is off, one that depends on a parameter, and a suppressed one.
fn shop() -> Workspace {
    Workspace::new(&[
        ("shop/acr.bicep", REGISTRY),
        ("shop/main.bicep", &plan("Free")),
        (
            "é 1/azuredeploy.json",
            r#"{
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  "parameters": { "deploy": { "type": "bool" } },
  "resources": [
    {
      /* 😀 */ "condition": "[parameters('deploy')]", "type": "Microsoft.ContainerRegistry/registries",
      "apiVersion": "2023-07-01",
      "name": "hidden,50%",
      "location": "westeurope",
      "sku": { "name": "Basic" }
    }
  ]
}
"#,
        ),
        (
            "quiet.bicep",
            &format!("#disable-next-line AZR-000002\n{REGISTRY}"),
        ),
    ])
}

/// Files to be in the folder, the arguments, the exit code, and what the two streams hold.
type Call<'a> = (
    &'a [(&'a str, &'a str)],
    &'a [&'a str],
    i32,
    &'a str,
    &'a str,
);

#[test]
fn exit_codes() {
    let missing: &[(&str, &str)] = &[("acr.bicep", REGISTRY)];
    let (free, standard) = (plan("Free"), plan("Standard"));
    let off: &[(&str, &str)] = &[("acr.bicep", REGISTRY), ("main.bicep", &free)];
    let on: &[(&str, &str)] = &[("acr.bicep", REGISTRY), ("main.bicep", &standard)];
    let broken: &[(&str, &str)] = &[(
        "acr.bicep",
        "resource acr 'Microsoft.ContainerRegistry/registries@2023-07-01' = {",
    )];
    let lost = format!("{REGISTRY}module m 'no.bicep' = {{ name: 'm' }}\n");
    let lost: &[(&str, &str)] = &[("acr.bicep", &lost)];
    let settings: &[(&str, &str)] = &[("acr.bicep", REGISTRY), ("ps-rule.yaml", "rule: [")];
    let calls: &[Call<'_>] = &[
        (
            on,
            &["check"],
            0,
            "No findings (2 files, 1 deployment).",
            "",
        ),
        (missing, &["check"], 1, "1 finding: 1 warning", ""),
        (off, &["check"], 1, "1 finding: 1 error", ""),
        (
            missing,
            &["check", "--fail-on", "error"],
            0,
            "1 warning",
            "",
        ),
        (off, &["check", "--fail-on", "error"], 1, "1 error", ""),
        (off, &["check", "--fail-on", "never"], 0, "1 error", ""),
        (missing, &["check", "."], 1, "acr.bicep:1:14", ""),
        (missing, &["check", "acr.bicep"], 1, "acr.bicep:1:14", ""),
        (missing, &["check", "*.bicep"], 1, "acr.bicep:1:14", ""),
        (
            missing,
            &["check", "*.json"],
            2,
            "*.json: matches nothing",
            "",
        ),
        (
            missing,
            &["check", "no.bicep"],
            2,
            "no.bicep: does not exist",
            "",
        ),
        (
            missing,
            &["check", "no.bicep", "acr.bicep"],
            2,
            "1 warning",
            "",
        ),
        (
            missing,
            &["check", "--coverage", "elsewhere"],
            0,
            "No findings",
            "",
        ),
        // A named file is checked alone, even if others use it.
        (on, &["check", "acr.bicep"], 1, "1 warning", ""),
        (broken, &["check"], 2, "acr.bicep:1", ""),
        (broken, &["check", "--fail-on", "never"], 0, "", ""),
        (
            missing,
            &["check", "no.bicep", "--fail-on", "never"],
            2,
            "",
            "",
        ),
        (lost, &["check"], 2, "no.bicep", ""),
        (&[], &["check"], 0, "Nothing to check", ""),
        (
            missing,
            &["check", "--parameters", "acr.bicep"],
            2,
            "",
            "--parameters needs a file argument",
        ),
        (
            missing,
            &["check", "--format", "json=a.json", "--output", "b.json"],
            2,
            "",
            "--output names a file, and so does the last --format",
        ),
        (
            &[],
            &["check", "--format", "yaml"],
            2,
            "",
            "there is no format yaml",
        ),
        (&[], &["check", "--nonsense"], 2, "", "--nonsense"),
        (
            missing,
            &["check", "--baseline", "no.json"],
            2,
            "",
            "no.json: does not exist",
        ),
        (
            &[("b.json", "[]")],
            &["check", "--baseline", "b.json"],
            2,
            "",
            "is not a baseline",
        ),
        (
            missing,
            &["check", "--parameters", "no.json", "acr.bicep"],
            2,
            "no.json: does not exist",
            "",
        ),
        (settings, &["check"], 2, "ps-rule.yaml:1:", ""),
        (&[], &["explain"], 0, "# AZR-000002", ""),
        (
            &[],
            &["explain", "azure.acr.containerscan"],
            0,
            "# AZR-000002",
            "",
        ),
        (
            &[],
            &["explain", "AZR-000001"],
            2,
            "",
            "there is no rule AZR-000001",
        ),
        (
            &[],
            &["inventory", "no.bicep"],
            2,
            "",
            "no.bicep: does not exist",
        ),
        (
            missing,
            &["parse", "acr.bicep"],
            0,
            "resource_declaration",
            "",
        ),
        (
            &[("a.bicep", "var é = 1\nvar b = '💪' // c\n")],
            &["parse", "--places", "a.bicep"],
            2,
            "value: (string 2:9-2:12",
            "a.bicep:1:6: ",
        ),
        (broken, &["parse", "acr.bicep"], 2, "", "acr.bicep:1"),
        (
            &[("a.md", "")],
            &["parse", "a.md"],
            2,
            "",
            "neither Bicep nor JSON",
        ),
        (missing, &["stats"], 0, "1 bicep\n", ""),
        (&[], &["--version"], 0, env!("CARGO_PKG_VERSION"), ""),
        (&[], &["--help"], 0, "Examples:", ""),
        (&[], &["check", "--help"], 0, "--fix=Containers", ""),
        (&[], &["completions", "bash"], 0, "complete -F", ""),
        (
            &[],
            &["completions", "bash"],
            0,
            "text json sarif github junit",
            "",
        ),
        (
            &[],
            &["check", "--format", "json="],
            2,
            "",
            "`=` needs a file name",
        ),
        (&[], &["man"], 0, ".TH preflight", ""),
    ];
    for (files, args, code, out, err) in calls {
        let run = run(&Workspace::new(files), args);
        let reported = format!("{args:?}: {}\n{}\n{}", run.code, run.out, run.err);
        assert_eq!(run.code, *code, "{reported}");
        assert!(run.out.contains(out), "{out:?} in {reported}");
        assert!(run.err.contains(err), "{err:?} in {reported}");
        assert!(!err.is_empty() || run.err.is_empty(), "{reported}");
    }
}

/// Compares with a file of `tests/golden`. Parts that other code words are cut out first.
fn golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    let expect = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, expect, "{name}:\n{actual}");
}

/// Without the fixes, whose texts `rules` tests, the version and the rule's page.
fn trimmed(json: &str) -> String {
    let mut value: Value = serde_json::from_str(json).expect("JSON");
    let mut queue = vec![&mut value];
    while let Some(next) = queue.pop() {
        match next {
            Value::Object(members) => {
                members.shift_remove("fixes");
                for key in ["help", "version", "semanticVersion"] {
                    if members
                        .get(key)
                        .is_some_and(|v| v.is_object() || v == env!("CARGO_PKG_VERSION"))
                    {
                        members.remove(key);
                    }
                }
                queue.extend(members.values_mut());
            }
            Value::Array(elements) => queue.extend(elements),
            _ => {}
        }
    }
    format!("{value:#}\n")
}

#[test]
fn reports_byte_for_byte() {
    let shop = shop();
    golden("report.txt", &run(&shop, &["check"]).out);
    golden(
        "report.json",
        &trimmed(&run(&shop, &["check", "--format", "json"]).out),
    );
    golden(
        "report.sarif",
        &trimmed(&run(&shop, &["check", "--format", "sarif"]).out),
    );
    golden(
        "report.github",
        &run(&shop, &["check", "--format", "github"]).out,
    );
    golden(
        "report.xml",
        &run(&shop, &["check", "--format", "junit"]).out,
    );
}

#[test]
fn json_contains_the_fixes_of_a_finding() {
    let run = run(&shop(), &["check", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.out).expect("JSON");
    let fixes = report["findings"][0]["fixes"].as_array().expect("fixes");
    let tier = fixes
        .iter()
        .find(|fix| fix["edits"][0]["range"]["start"]["line"] == 5);
    let tier = tier.expect("a fix at the tier");
    assert_eq!(tier["kind"], "quickfix");
    assert_eq!(tier["edits"][0]["path"], "shop/main.bicep");
    assert!(
        tier["edits"][0]["text"]
            .as_str()
            .is_some_and(|text| text.contains("Standard"))
    );
}

/// A place in a text, in UTF-16 units from 0, as an offset.
fn offset(text: &str, place: &Value) -> usize {
    let line = place["line"].as_u64().expect("a line") as usize;
    let character = place["character"].as_u64().expect("a character") as usize;
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let mut units = 0;
    let rest = text[start..].char_indices();
    let at = rest.map(|(at, c)| (at, c.len_utf16())).find(|(_, width)| {
        let here = units == character;
        units += width;
        here
    });
    at.map_or(text.len(), |(at, _)| start + at)
}

#[test]
fn edits_of_configuration_stand_where_they_belong() {
    let rules = "# Ours: 😀\nconfiguration:\n  PREFLIGHT_PLAN: Containers\nrule: {}\n";
    let workspace = Workspace::new(&[("acr.bicep", REGISTRY), ("ps-rule.yaml", rules)]);
    let report: Value =
        serde_json::from_str(&run(&workspace, &["check", "--format", "json"]).out).expect("JSON");
    let fixes = report["findings"][0]["fixes"].as_array().expect("fixes");
    let mut edits = fixes
        .iter()
        .flat_map(|fix| fix["edits"].as_array().expect("edits"));
    let edit = edits
        .rfind(|edit| edit["path"] == "ps-rule.yaml")
        .expect("an edit of the rule file");
    let (start, end) = (&edit["range"]["start"], &edit["range"]["end"]);
    let mut changed = rules.to_owned();
    changed.replace_range(
        offset(rules, start)..offset(rules, end),
        edit["text"].as_str().expect("a text"),
    );
    workspace.write("ps-rule.yaml", &changed);
    let after = run(&workspace, &["check"]);
    assert_eq!(after.code, 0, "{changed}\n{}", after.out);
    assert!(
        changed.starts_with("# Ours: 😀\nconfiguration:\n"),
        "{changed}"
    );
    // SARIF counts from 1 and means the same place.
    let log: Value = serde_json::from_str(
        &run(
            &Workspace::new(&[("acr.bicep", REGISTRY), ("ps-rule.yaml", rules)]),
            &["check", "--format", "sarif"],
        )
        .out,
    )
    .expect("JSON");
    let fixes = log["runs"][0]["results"][0]["fixes"]
        .as_array()
        .expect("fixes");
    let mut changes = fixes
        .iter()
        .flat_map(|fix| fix["artifactChanges"].as_array().expect("changes"));
    let change = changes
        .rfind(|change| change["artifactLocation"]["uri"] == "ps-rule.yaml")
        .expect("a change of the rule file");
    let region = &change["replacements"][0]["deletedRegion"];
    assert_eq!(
        region["startLine"],
        start["line"].as_u64().expect("a line") + 1
    );
    assert_eq!(
        region["startColumn"],
        start["character"].as_u64().expect("a character") + 1
    );
}

#[test]
fn colours_are_for_terminals() {
    let shop = shop();
    assert!(!run(&shop, &["check"]).out.contains('\u{1b}'));
    assert!(
        run(&shop, &["check", "--color", "always"])
            .out
            .contains('\u{1b}')
    );
}

#[test]
fn reports_do_not_hang_on_the_order_of_arguments() {
    let shop = shop();
    for format in ["text", "json", "sarif", "github", "junit"] {
        let report =
            |paths: &[&str]| run(&shop, &[&["check", "--format", format], paths].concat()).out;
        let once = report(&["shop", "é 1", "quiet.bicep"]);
        assert!(
            once.contains("registries") || once.contains("registry"),
            "{once}"
        );
        assert_eq!(once, report(&["shop", "é 1", "quiet.bicep"]));
        assert_eq!(once, report(&["quiet.bicep", "é 1", "shop", "shop"]));
    }
}

#[test]
fn several_reports_at_once() {
    let shop = shop();
    let run = run(
        &shop,
        &[
            "check",
            "--format",
            "sarif=a.sarif",
            "--format",
            "text",
            "--format",
            "junit",
            "--output",
            "b.xml",
        ],
    );
    assert_eq!(run.code, 1);
    assert!(run.out.contains("findings:"), "{}", run.out);
    let read = |path: &str| std::fs::read_to_string(shop.path(path)).unwrap_or_default();
    assert!(read("a.sarif").contains("\"2.1.0\""));
    assert!(read("b.xml").contains("<testsuites"));
}

/// Validates against the official schema, as OASIS publishes it.
fn assert_sarif(log: &str) {
    let schema = include_str!("schemas/sarif-2.1.0.json");
    let schema = serde_json::from_str(schema).expect("the schema is JSON");
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler
        .add_resource("sarif.json", schema)
        .expect("the schema is one");
    let index = compiler
        .compile("sarif.json", &mut schemas)
        .expect("the schema compiles");
    let log: Value = serde_json::from_str(log).expect("the log is JSON");
    if let Err(error) = schemas.validate(&log, index) {
        panic!("{error:#}");
    }
}

#[test]
fn sarif_keeps_to_its_schema() {
    let shop = shop();
    assert_sarif(&run(&shop, &["check", "--format", "sarif"]).out);
    let broken = Workspace::new(&[(
        "a.bicep",
        "resource x 'Microsoft.ContainerRegistry/registries@2023-07-01' = {",
    )]);
    let log = run(
        &broken,
        &["check", "--format", "sarif", "a.bicep", "no.bicep"],
    );
    assert_eq!(log.code, 2);
    assert_sarif(&log.out);
}

#[test]
#[ignore = "reads the corpus of real files"]
fn corpus_sarif_is_valid() {
    let log = run_in(
        &support::corpus(),
        &[
            "check",
            "--format",
            "sarif",
            "aks-construction",
            "docs-samples",
        ],
        b"",
    );
    assert!(log.out.contains("AZR-000002"));
    assert_sarif(&log.out);
}

#[test]
fn what_is_silenced_is_marked_in_sarif_alone() {
    let shop = shop();
    let sarif: Value =
        serde_json::from_str(&run(&shop, &["check", "--format", "sarif"]).out).expect("JSON");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    let silenced: Vec<&str> = results
        .iter()
        .filter(|result| result["suppressions"][0]["kind"] == "inSource")
        .filter_map(|result| {
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str()
        })
        .collect();
    assert_eq!(silenced, ["quiet.bicep"]);
    let text = run(&shop, &["check"]).out;
    assert!(
        !text.contains("quiet.bicep") && text.contains("1 finding suppressed."),
        "{text}"
    );
}

/// The elements and attributes that consumers of JUnit XML require: an element, its required attributes, its children.
const JUNIT: [(&str, &[&str], &[&str]); 5] = [
    ("testsuites", &["name"], &["testsuite"]),
    (
        "testsuite",
        &["name", "tests", "failures", "errors"],
        &["testcase"],
    ),
    ("testcase", &["name", "classname"], &["failure", "error"]),
    ("failure", &["type", "message"], &[]),
    ("error", &["type", "message"], &[]),
];

#[test]
fn junit_keeps_to_its_schema() {
    use quick_xml::events::Event;
    let shop = shop();
    shop.write(
        "bad.bicep",
        "resource x 'Microsoft.ContainerRegistry/registries@2023-07-01' = {\u{1}",
    );
    let on = Workspace::new(&[("acr.bicep", REGISTRY), ("main.bicep", &plan("Standard"))]);
    for (workspace, code) in [(&shop, 2), (&on, 0)] {
        let run = run(workspace, &["check", "--format", "junit"]);
        assert_eq!(run.code, code, "{}", run.out);
        let mut reader = quick_xml::Reader::from_str(&run.out);
        let mut open: Vec<String> = Vec::new();
        let mut seen = 0;
        loop {
            let event = reader.read_event().expect("well-formed");
            let (start, empty) = match &event {
                Event::Start(start) => (start, false),
                Event::Empty(start) => (start, true),
                Event::End(_) => {
                    open.pop();
                    continue;
                }
                Event::Eof => break,
                _ => continue,
            };
            let name = String::from_utf8_lossy(start.name().as_ref()).into_owned();
            let rule = JUNIT
                .iter()
                .find(|rule| rule.0 == name)
                .expect("a known element");
            for attribute in rule.1 {
                assert!(
                    start
                        .try_get_attribute(attribute)
                        .expect("an attribute")
                        .is_some(),
                    "{name} {attribute}"
                );
            }
            if let Some(parent) = open.last() {
                let parent = JUNIT.iter().find(|rule| rule.0 == parent).expect("known");
                assert!(parent.2.contains(&name.as_str()), "{name} in {}", parent.0);
            }
            seen += 1;
            if !empty {
                open.push(name);
            }
        }
        assert!(open.is_empty() && seen > 2);
    }
}

#[test]
fn a_baseline_hides_what_it_knows_wherever_it_moves() {
    let shop = shop();
    let wrote = run(&shop, &["check", "--write-baseline", "known.json"]);
    assert_eq!((wrote.code, wrote.out.as_str()), (0, ""));
    let known = run(&shop, &["check", "--baseline", "known.json"]);
    assert_eq!(known.code, 0, "{}", known.out);
    assert!(known.out.contains("in the baseline"), "{}", known.out);
    // Moved lines are the same finding; another registry is a new one.
    shop.write("shop/acr.bicep", &format!("// moved\n\n{REGISTRY}"));
    assert_eq!(run(&shop, &["check", "--baseline", "known.json"]).code, 0);
    let other = REGISTRY.replace("acr", "other");
    shop.write("other.bicep", &other);
    let new = run(&shop, &["check", "--baseline", "known.json"]);
    assert_eq!(new.code, 1);
    assert!(
        new.out.contains("other.bicep") && !new.out.contains("shop/acr.bicep:3"),
        "{}",
        new.out
    );
    let sarif: Value = serde_json::from_str(
        &run(
            &shop,
            &["check", "--baseline", "known.json", "--format", "sarif"],
        )
        .out,
    )
    .expect("JSON");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    let new = results
        .iter()
        .filter(|result| result["baselineState"] == "new" && result["suppressions"].is_null());
    assert_eq!(new.count(), 1);
}

#[test]
fn fixes_that_cost_are_asked_for_by_name() {
    let files: &[(&str, &str)] = &[("acr.bicep", REGISTRY), ("main.bicep", &plan("Free"))];
    let main = |workspace: &Workspace| {
        std::fs::read_to_string(workspace.path("main.bicep")).unwrap_or_default()
    };
    let workspace = Workspace::new(files);
    let refused = run(&workspace, &["check", "--fix"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.err.contains("not applied, since the plan is paid"),
        "{}",
        refused.err
    );
    assert_eq!(main(&workspace), plan("Free"));
    assert!(refused.err.contains("--fix=Containers"), "{}", refused.err);
    // Another plan is not what was asked for either, and one that scans nothing is a slip.
    assert_eq!(run(&workspace, &["check", "--fix=CloudPosture"]).code, 1);
    let slip = run(&workspace, &["check", "--fix=Servers"]);
    assert_eq!(slip.code, 2);
    assert!(
        slip.err.contains("there is no plan Servers"),
        "{}",
        slip.err
    );
    assert_eq!(main(&workspace), plan("Free"));
    let shown = run(&workspace, &["check", "--diff"]);
    assert_eq!(shown.code, 1);
    assert!(
        shown
            .out
            .contains("-    pricingTier: 'Free'\n+    pricingTier: 'Standard'\n"),
        "{}",
        shown.out
    );
    assert_eq!(main(&workspace), plan("Free"));
    let fixed = run(&workspace, &["check", "--fix=containers"]);
    assert_eq!(
        (fixed.code, fixed.err.as_str()),
        (0, "changed main.bicep\n"),
        "{}",
        fixed.out
    );
    assert_eq!(main(&workspace), plan("Standard"));
    assert_eq!(run(&workspace, &["check", "--diff"]).out, "");
    let workspace = Workspace::new(files);
    assert_eq!(run(&workspace, &["check", "--fix", "--yes"]).code, 0);
    assert_eq!(main(&workspace), plan("Standard"));
}

#[test]
fn the_plan_that_is_named_is_the_one_that_is_inserted() {
    let workspace = Workspace::new(&[("acr.bicep", REGISTRY)]);
    let shown = run(&workspace, &["check", "--fix=containerregistry", "--diff"]);
    let named = |text: &str, name: &str| text.contains(&format!("+  name: '{name}'"));
    assert!(
        named(&shown.out, "ContainerRegistry") && !named(&shown.out, "Containers"),
        "{}",
        shown.out
    );
    let fixed = run(&workspace, &["check", "--fix=ContainerRegistry"]);
    assert_eq!(fixed.code, 0, "{}", fixed.out);
    // A plan that was asked for by name gets no hint about its successor.
    assert!(fixed.out.starts_with("No findings"), "{}", fixed.out);
    assert!(!fixed.err.contains("costs"), "{}", fixed.err);
}

#[test]
fn fixes_leave_alone_what_the_baseline_holds() {
    let workspace = Workspace::new(&[("acr.bicep", REGISTRY)]);
    let written = run(&workspace, &["check", "--write-baseline", "known.json"]);
    assert_eq!(written.code, 0, "{}", written.err);
    let call = ["check", "--baseline", "known.json"];
    assert_eq!(run(&workspace, &[&call[..], &["--diff"]].concat()).out, "");
    let fixed = run(&workspace, &[&call[..], &["--fix", "--yes"]].concat());
    assert_eq!((fixed.code, fixed.err.as_str()), (0, ""), "{}", fixed.out);
    let text = std::fs::read_to_string(workspace.path("acr.bicep"));
    assert_eq!(text.ok().as_deref(), Some(REGISTRY));
}

#[test]
fn nothing_is_written_where_one_file_cannot_be() {
    let workspace = Workspace::new(&[("acr.bicep", REGISTRY)]);
    let path = workspace.path("acr.bicep");
    let mut permissions = std::fs::metadata(&path).expect("a file").permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&path, permissions).expect("a file of our own");
    let fixed = run(&workspace, &["check", "--fix", "--yes"]);
    assert_eq!(fixed.code, 2);
    assert!(
        fixed.err.contains("acr.bicep: permission denied"),
        "{}",
        fixed.err
    );
    let names = std::fs::read_dir(workspace.root()).expect("the folder");
    assert_eq!(names.count(), 1, "the module that it would have used");
}

#[test]
fn standard_input_is_shown_fixed_but_never_written() {
    let on_disk = format!("// as it lies on disk\n{REGISTRY}");
    let workspace = Workspace::new(&[("acr.bicep", &on_disk)]);
    let call = ["check", "--stdin-filename", "acr.bicep"];
    let run = |more: &[&str]| run_in(workspace.root(), &[&call[..], more].concat(), REGISTRY);
    let refused = run(&["--fix", "--yes"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("--diff"), "{}", refused.err);
    let shown = run(&["--diff"]);
    assert_eq!(shown.code, 1);
    // The last line of what was given, the fifth, is followed by what is new.
    assert!(
        shown
            .out
            .contains("@@ -3,3 +3,8 @@\n   location: 'westeurope'\n"),
        "{}",
        shown.out
    );
    let text = std::fs::read_to_string(workspace.path("acr.bicep"));
    assert_eq!(text.ok(), Some(on_disk));
}

#[test]
fn reports_say_where_a_fix_edits_the_rule_file() {
    let workspace = Workspace::new(&[
        ("acr.bicep", REGISTRY),
        (
            "ps-rule.yaml",
            "configuration:\n  PREFLIGHT_HINTS: true\nrule:\n  include: []\n",
        ),
    ]);
    let reported = run(&workspace, &["check", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&reported.out).expect("a report");
    let fixes = report["findings"][0]["fixes"].as_array().expect("fixes");
    let edits: Vec<_> = fixes
        .iter()
        .flat_map(|fix| fix["edits"].as_array().expect("edits"))
        .filter(|edit| edit["path"] == "ps-rule.yaml")
        .collect();
    let end = serde_json::json!({ "line": 1, "character": 23 });
    assert_eq!(edits.len(), 1, "{report}");
    assert_eq!(
        (&edits[0]["range"]["start"], &edits[0]["range"]["end"]),
        (&end, &end)
    );
}

#[test]
fn fixes_keep_bytes_that_are_not_theirs() {
    let crlf = format!("\u{feff}{}", plan("Free").replace('\n', "\r\n"));
    let workspace = Workspace::new(&[("acr.bicep", REGISTRY), ("main.bicep", &crlf)]);
    assert_eq!(run(&workspace, &["check", "--fix", "--yes"]).code, 0);
    let fixed = std::fs::read_to_string(workspace.path("main.bicep")).unwrap_or_default();
    assert_eq!(fixed, crlf.replace("Free", "Standard"));
    // A fix may make a file; then nothing is left to fix.
    let workspace = Workspace::new(&[("acr.bicep", REGISTRY)]);
    let fixed = run(&workspace, &["check", "--fix", "--yes"]);
    assert_eq!(fixed.code, 0, "{}{}", fixed.out, fixed.err);
    assert!(
        fixed.err.contains("changed acr.bicep\n") && fixed.err.contains("created "),
        "{}",
        fixed.err
    );
    let again = run(&workspace, &["check", "--fix", "--yes"]);
    assert_eq!((again.code, again.err.as_str()), (0, ""));
}

#[test]
fn each_way_to_a_registry_gets_its_fix_and_none_gets_two() {
    let ids = ["1", "2"].map(|end| format!("00000000-0000-0000-0000-00000000000{end}"));
    let uses = ids.each_ref().map(|id| {
        let symbol = format!("acr{}", &id[35..]);
        format!(
            "\nmodule {symbol} 'acr.bicep' = {{\n  name: '{symbol}'\n  scope: resourceGroup('{id}', 'rg')\n}}\n"
        )
    });
    let main = format!("targetScope = 'managementGroup'\n{}", uses.concat());
    let workspace = Workspace::new(&[("acr.bicep", REGISTRY), ("main.bicep", &main)]);
    let fixed = run(&workspace, &["check", "--fix", "--yes"]);
    assert_eq!(fixed.code, 0, "{}{}", fixed.out, fixed.err);
    let text = std::fs::read_to_string(workspace.path("main.bicep")).unwrap_or_default();
    for id in &ids {
        let scope = format!("scope: subscription('{id}')");
        assert_eq!(text.matches(&scope).count(), 1, "{text}");
    }
}

#[test]
fn standard_input_is_a_file_by_the_name_given() {
    let workspace = Workspace::new(&[("acr.bicep", REGISTRY)]);
    let check = |args: &[&str], input: &str| run_in(workspace.root(), args, input);
    let alone = check(&["check", "-"], REGISTRY);
    assert_eq!(alone.code, 1);
    assert!(alone.out.contains("stdin.bicep:1:14"), "{}", alone.out);
    // What it reaches is read from disk; what is on disk under its own name is not.
    let main = plan("Free");
    let named = check(&["check", "-", "--stdin-filename", "main.bicep"], &main);
    assert_eq!(named.code, 1);
    assert!(
        named.out.contains("acr.bicep:1:14") && named.out.contains("1 error"),
        "{}",
        named.out
    );
    let clean = check(
        &["check", "--stdin-filename", "acr.bicep"],
        "param x string",
    );
    assert_eq!(clean.code, 0, "{}", clean.out);
}

#[test]
fn configuration_states_where_it_comes_from() {
    let workspace = Workspace::new(&[
        (
            "ps-rule.yaml",
            "configuration:\n  PREFLIGHT_PLAN: ContainerRegistry\n",
        ),
        ("main.bicep", REGISTRY),
    ]);
    let shown = run(&workspace, &["check", "--show-config", "main.bicep"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    let line = |word: &str| {
        shown
            .out
            .lines()
            .find(|line| line.contains(word))
            .unwrap_or("")
            .to_owned()
    };
    assert!(
        line("ContainerRegistry").contains("(ps-rule.yaml)"),
        "{}",
        shown.out
    );
    let over = run(
        &workspace,
        &[
            "check",
            "--show-config",
            "main.bicep",
            "--plan",
            "Containers",
        ],
    );
    assert!(!over.out.contains("= ContainerRegistry"), "{}", over.out);
}

#[test]
fn statistics_count_everything() {
    let shop = shop();
    shop.write("a.bicepparam", "using 'quiet.bicep'\n");
    shop.write(
        "p.json",
        r#"{"$schema": "https://x/deploymentParameters.json#", "parameters": {}}"#,
    );
    shop.write("package.json", "{\n  \"a\": [1 2],\n  \"b\": [1,]\n}\n");
    let run = run(&shop, &["stats", "--format", "json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let stats: Value = serde_json::from_str(&run.out).expect("JSON");
    let files =
        serde_json::json!({"bicep": 3, "bicepparam": 1, "arm": 1, "parameters": 1, "other": 1});
    assert_eq!(stats["files"], files);
    assert_eq!(
        stats["resources"]["microsoft.containerregistry/registries"],
        3
    );
    // Lines and columns count from 1; an extra comma is reported though the file is read.
    let errors = serde_json::json!([
        {"path": "package.json", "line": 2, "column": 11, "text": "unexpected `2`"},
        {"path": "package.json", "line": 3, "column": 10, "text": "a comma before a closing bracket"},
    ]);
    assert_eq!(stats["syntaxErrors"], errors);
}
