//! Nothing that was not looked at is passed in silence: whatever cannot be read, parsed or followed is in every report,
//! and what no file states can write into one.

#[path = "support/run.rs"]
mod run;
mod support;

use serde_json::Value;

use run::{REGISTRY, plan, run, run_in};
use support::Workspace;

/// Files to be in the folder, the arguments, and what the report states.
type Call<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], &'a str);

const MODULE: &str = "module m './away/acr.bicep' = {\n  name: 'm'\n}\n";

const LINKED: &str = r#"{
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  "resources": [
    {
      "type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "x",
      "properties": { "mode": "Incremental", "templateLink": { "relativePath": "away/acr.json" } }
    }
  ]
}
"#;

const VALUES: &str = r#"{
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#",
  "contentVersion": "1.0.0.0",
  "parameters": {}
}
"#;

/// A template with a plan, whose variable is nested in `levels` objects and arrays.
fn nested(levels: usize) -> String {
    let lists = levels - 2;
    let value = format!("{}1{}", "[".repeat(lists), "]".repeat(lists));
    LINKED
        .replace(
            "\"resources\"",
            &format!("\"variables\": {{ \"v\": {value} }},\n  \"resources\""),
        )
        .replace(
            "Microsoft.Resources/deployments",
            "Microsoft.Security/pricings",
        )
}

/// What was not read never counts as checked: files, arguments, what the report must state beside exit code 2.
#[test]
fn what_is_not_read_is_reported_whatever_else_is_there() {
    let torn = REGISTRY.replace("name: 'acr'\n", "name: \n");
    let broken_use = "modul m './acr.bicep' = { name: 'x' \n";
    let more = format!("{REGISTRY}module b 'b.bicep' = {{\n  name: 'b'\n}}\n");
    let own = MODULE.replace("./away", "ts");
    let deep = nested(65);
    let calls: &[Call<'_>] = &[
        (
            &[("deep.json", &deep)],
            &["deep.json"],
            "nested in more than 64 objects and arrays",
        ),
        (
            &[("a.bicepparam", "using './gone.bicep'\n")],
            &["a.bicepparam"],
            "`./gone.bicep` does not exist",
        ),
        // What an entry point reaches is read wherever it is, and so is what is wrong there.
        (
            &[
                (
                    "ws/main.bicep",
                    "module m '../away/acr.bicep' = {\n  name: 'm'\n}\n",
                ),
                ("away/acr.bicep", &torn),
            ],
            &["ws"],
            "away/acr.bicep:2:",
        ),
        (
            &[("main.bicep", MODULE), ("away/acr.bicep", &torn)],
            &["main.bicep"],
            "away/acr.bicep:2:",
        ),
        // A deployment with a registry may have the plan where nothing can be read.
        (
            &[("main.bicep", MODULE), ("away/acr.bicep", &more)],
            &["main.bicep"],
            "away/acr.bicep:6:10",
        ),
        (
            &[("main.bicep", &own), ("ts/acr.bicep", &more)],
            &["main.bicep"],
            "ts/acr.bicep:6:10",
        ),
        // A use of a module that does not parse hides what it brings.
        (
            &[("acr.bicep", REGISTRY), ("main.bicep", broken_use)],
            &["."],
            "main.bicep:1:1",
        ),
        // What is named is an entry point or a mistake.
        (
            &[("package.json", "{}")],
            &["package.json"],
            "package.json: is neither a Bicep file nor an ARM template",
        ),
        (
            &[("empty.json", "")],
            &["empty.json"],
            "empty.json: is neither",
        ),
        (
            &[("torn.json", "{\"a\": [1 2]")],
            &["torn.json"],
            "torn.json:1:",
        ),
        (
            &[("a.md", "# A page")],
            &["a.md"],
            "a.md: is neither a Bicep file nor an ARM template",
        ),
        (
            &[("p.json", VALUES)],
            &["p.json"],
            "p.json: is a parameter file, and no template",
        ),
        (
            &[("a.bicepparam", "using none\n")],
            &["a.bicepparam"],
            "no template that it belongs to",
        ),
        (
            &[("m.bicep", REGISTRY), ("p.json", "{\"a\": [")],
            &["m.bicep", "--parameters", "p.json"],
            "p.json:1:",
        ),
        (
            &[("m.bicep", REGISTRY), ("p.json", "{\"a\": 1}")],
            &["m.bicep", "--parameters", "p.json"],
            "p.json: is no parameter file",
        ),
        (
            &[
                ("m.bicep", REGISTRY),
                ("a.bicepparam", "using 'm.bicep'\n"),
                ("p.json", VALUES),
            ],
            &["a.bicepparam", "--parameters", "p.json"],
            "--parameters is for templates",
        ),
    ];
    for (files, args, words) in calls {
        let workspace = Workspace::new(files);
        for format in ["text", "json", "sarif", "github", "junit"] {
            let run = run(
                &workspace,
                &[&["check", "--format", format], *args].concat(),
            );
            let reported = format!("{args:?} {format}: {}\n{}\n{}", run.code, run.out, run.err);
            assert_eq!((run.code, run.err.as_str()), (2, ""), "{reported}");
            assert!(
                format != "text" || run.out.contains(words),
                "{words:?} in {reported}"
            );
        }
    }
}

/// What is not read and touches no registry is reported, and changes the exit code with `--strict` alone.
#[test]
fn what_hides_no_registry_leaves_the_exit_code_alone() {
    let nested = "module b 'b.bicep' = {\n  name: 'b'\n}\n";
    let log = "{\"a\": \"registrationPolicy of /policyAssignments\" [1 2]";
    let policy =
        "resource p 'Microsoft.Authorization/policyAssignments@2024-04-01' = {\n  name: 'p'\n}\n";
    let torn = policy.replace("'p'", "");
    let calls: &[Call<'_>] = &[
        // A policy is neither a registry nor a plan.
        (&[("p.bicep", &torn)], &["."], "p.bicep:2:"),
        (
            &[("p.bicep", &format!("{policy}{MODULE}"))],
            &["."],
            "p.bicep:4:10",
        ),
        // An escape that may hide a path hides no type.
        (
            &[("a.bicep", "var a = '\\u{1F600}'\nvar b =\n")],
            &["."],
            "a.bicep:2:",
        ),
        (&[("main.bicep", MODULE)], &["."], "main.bicep:1:10"),
        (
            &[("main.bicep", MODULE)],
            &["main.bicep"],
            "main.bicep:1:10",
        ),
        (&[("main.json", LINKED)], &["."], "main.json:7:"),
        (
            &[("main.json", LINKED)],
            &["main.json"],
            "`away/acr.json` does not exist",
        ),
        (
            &[("a.bicepparam", "using './gone.bicep'\n")],
            &["."],
            "a.bicepparam:1:7",
        ),
        (
            &[("main.bicep", MODULE), ("away/acr.bicep", nested)],
            &["main.bicep"],
            "away/acr.bicep:1:10",
        ),
        // What does not parse names no registry, and leads to what is reported by itself.
        (
            &[
                ("main.bicep", &format!("{MODULE}param p string = =\n")),
                ("away/acr.bicep", nested),
            ],
            &["."],
            "away/acr.bicep:1:10",
        ),
        (
            &[
                ("main.bicep", MODULE),
                ("acr.bicep", REGISTRY),
                ("ps-rule.yaml", "rule: { exclude: [AZR-000002] }\n"),
                ("log.json", log),
            ],
            &["."],
            "main.bicep:1:10",
        ),
    ];
    for (files, args, words) in calls {
        let workspace = Workspace::new(files);
        for (option, code) in [
            ("--color=never", 0),
            ("--strict", 2),
            ("--fail-on=never", 0),
        ] {
            let run = run(&workspace, &[&["check", option], *args].concat());
            let reported = format!("{args:?} {option}: {}\n{}\n{}", run.code, run.out, run.err);
            assert_eq!((run.code, run.err.as_str()), (code, ""), "{reported}");
            assert!(run.out.contains(words), "{words:?} in {reported}");
            assert!(run.out.contains("warning: "), "{reported}");
        }
        let ignored = "input:\n  pathIgnore: ['**']\n";
        workspace.write("ps-rule.yaml", ignored);
        let run = run(&workspace, &[&["check", "--strict"], *args].concat());
        assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    }
}

#[test]
fn what_is_no_mistake_is_not_reported() {
    let calls: &[Call<'_>] = &[
        // A pattern of ours names what it finds, and configuration is read as such.
        (
            &[("x/package.json", "{}"), ("x/m.bicep", REGISTRY)],
            &["x/*.json"],
            "Nothing",
        ),
        (
            &[("bicepconfig.json", "{}"), ("ps-rule.yaml", "rule: {}\n")],
            &["bicepconfig.json", "ps-rule.yaml"],
            "",
        ),
        (
            &[
                ("package.json", "{\"a\": [1 2]"),
                ("p.parameters.json", VALUES),
            ],
            &["."],
            "Nothing",
        ),
        (&[("deep.json", &nested(64))], &["deep.json"], "Nothing"),
        // What does not parse and does not resolve cannot matter.
        (&[("a.bicep", "param = \n")], &["."], ""),
        (&[("a.bicep", "// see 'docs/gone.bicep'\n")], &["."], ""),
    ];
    for (files, args, words) in calls {
        let run = run(&Workspace::new(files), &[&["check"], *args].concat());
        let reported = format!("{args:?}: {}\n{}\n{}", run.code, run.out, run.err);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{reported}");
        assert!(
            run.out.contains(words) || words == &"Nothing" && run.out.contains("No findings"),
            "{reported}"
        );
    }
}

/// No input is at fault, and yet something was not read.
#[test]
fn what_cannot_be_read_from_here_is_reported_and_no_failure() {
    let far = "module m 'br:contoso.azurecr.io/x:1' = {\n  name: 'm'\n}\n";
    let uri = |uri: &str| {
        let own = "\"relativePath\": \"away/acr.json\"";
        LINKED.replace(own, &format!("\"uri\": \"{uri}\""))
    };
    let own = uri("[uri(deployment().properties.templateLink.uri, 'acr.json')]");
    let staged = uri("[uri(parameters('_artifactsLocation'), 'nested/acr.json')]");
    let remote = uri("https://contoso.example/acr.json");
    for (file, text, place) in [
        ("main.bicep", far, "main.bicep:1:10: "),
        ("main.json", &own, "main.json:7:"),
        ("main.json", &staged, "main.json:7:"),
        ("main.json", &remote, "main.json:7:"),
    ] {
        let workspace = Workspace::new(&[(file, text)]);
        for path in [".", file] {
            let report = run(&workspace, &["check", path]);
            assert_eq!(report.code, 0, "{}", report.out);
            let reported = "1 module or template cannot be read from here";
            assert!(
                report.out.contains(reported) && report.out.contains(place),
                "{}",
                report.out
            );
            let json: Value =
                serde_json::from_str(&run(&workspace, &["check", path, "--format", "json"]).out)
                    .expect("JSON");
            assert_eq!(json["unread"][0]["path"], file);
            assert_eq!(json["problems"], serde_json::json!([]));
            let github = run(&workspace, &["check", path, "--format", "github"]).out;
            assert!(github.starts_with("::notice file=main"), "{github}");
            let sarif: Value =
                serde_json::from_str(&run(&workspace, &["check", path, "--format", "sarif"]).out)
                    .expect("JSON");
            let invocation = &sarif["runs"][0]["invocations"][0];
            assert_eq!(invocation["executionSuccessful"], true);
            assert_eq!(invocation["toolExecutionNotifications"][0]["level"], "note");
        }
    }
    // What is known without reading, or what a folder does not deploy, is not reported.
    let near = "module m 'br/public:avm/res/web/site:0.1.0' = {\n  name: 'm'\n}\n";
    let run = run(&Workspace::new(&[("main.bicep", near)]), &["check"]);
    assert!(!run.out.contains("cannot be read"), "{}", run.out);
}

/// The address of a linked template may be made of anything: what leads to no file is listed.
#[test]
fn addresses_of_templates_that_lead_to_no_file_are_listed() {
    let listed = |uri: &str| {
        let template = LINKED
            .replace(
                "\"relativePath\": \"away/acr.json\"",
                &format!("\"uri\": \"{uri}\""),
            )
            .replace(
                "\"resources\"",
                "\"parameters\": { \"base\": { \"type\": \"string\" } },
  \"variables\": {
    \"given\": \"[parameters('base')]\",
    \"far\": \"https://example.com/templates/\",
    \"acr\": \"[uri(deployment().properties.templateLink.uri, 'acr.json')]\",
    \"named\": \"[variables('acr')]\",
    \"file\": \"acr.json\"
  },
  \"resources\"",
            );
        let acr = LINKED.replace("Microsoft.Resources/deployments", "Microsoft.Web/sites");
        let workspace = Workspace::new(&[("main.json", &template), ("acr.json", &acr)]);
        run(&workspace, &["check"])
            .out
            .contains("this remote template is not read")
    };
    for uri in [
        "[parameters('base')]",
        "[variables('given')]",
        "[variables('far')]",
        "[variables('gone')]",
        "[uri(variables('far'), 'registry')]",
        "[concat(variables('far'), 'acr.json')]",
    ] {
        assert!(listed(uri), "{uri}");
    }
    let base = "deployment().properties.templateLink.uri";
    let given = format!("[uri({base}, variables('file'))]");
    for uri in ["[variables('acr')]", "[variables('named')]", &given] {
        assert!(!listed(uri), "{uri}");
    }
}

#[test]
fn a_file_named_beside_its_folder_takes_nothing_from_it() {
    let main = plan("Free")
        .replace("'Free'", "tier")
        .replace("resource plan", "param tier string\nresource plan");
    let workspace = Workspace::new(&[
        ("acr.bicep", REGISTRY),
        ("main.bicep", &main),
        (
            "off.bicepparam",
            "using 'main.bicep'\nparam tier = 'Free'\n",
        ),
    ]);
    let folder = run(&workspace, &["check", "."]);
    let both = run(&workspace, &["check", ".", "main.bicep"]);
    assert!(folder.out.contains("1 error"), "{}", folder.out);
    assert!(
        both.out.contains("1 error") && both.out.contains("2 deployments"),
        "{}",
        both.out
    );
}

/// A line that is being typed between two registries takes the finding of neither, and is what the error points at.
#[test]
fn a_broken_line_takes_no_finding() {
    for broken in ["v.ar b = 1", ",ar", "var  = {"] {
        let text = format!("{REGISTRY}{broken}\n{REGISTRY}").replacen(" acr ", " first ", 1);
        let workspace = Workspace::new(&[("main.bicep", &text)]);
        let run = run(&workspace, &["check", "--format", "json"]);
        let report: Value = serde_json::from_str(&run.out).expect("JSON");
        let lines = |kind: &str| -> Vec<u64> {
            let all = report[kind].as_array().expect("a list");
            let line = |it: &Value| it["range"]["start"]["line"].as_u64();
            all.iter().filter_map(line).collect()
        };
        let line = REGISTRY.lines().count() as u64;
        assert_eq!(lines("findings"), [0, line + 1], "{broken}: {}", run.out);
        let problems = lines("problems");
        assert!(!problems.is_empty(), "{broken}: {}", run.out);
        assert!(
            problems.iter().all(|&at| at == line),
            "{broken}: {problems:?}"
        );
    }
}

#[cfg(unix)]
#[test]
fn names_of_files_cannot_write_a_report() {
    let name = "a\n::error::\u{1b}[31m.bicep";
    let workspace = Workspace::new(&[(name, REGISTRY)]);
    let text = run(&workspace, &["check"]).out;
    assert!(
        text.contains("a\\n::error::\\u{1b}[31m.bicep:1:14"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'), "{text}");
    let json: Value =
        serde_json::from_str(&run(&workspace, &["check", "--format", "json"]).out).expect("JSON");
    assert_eq!(json["findings"][0]["path"], name);
    let github = run(&workspace, &["check", "--format", "github"]).out;
    assert_eq!(github.lines().count(), 1, "{github}");
}

#[test]
fn what_templates_hold_cannot_write_a_report() {
    let workspace = Workspace::new(&[(
        "main.bicep",
        "resource a 'My.Type\\u{1b}[31m/things@2023-07-01' = { name: 'x' }\n\
         module m 'br/public:\\u{1b}[31m:1' = { name: 'm' }\n",
    )]);
    for args in [&["inventory", "main.bicep"][..], &["stats"], &["check"]] {
        let run = run(&workspace, args);
        let shown = format!("{}{}", run.out, run.err);
        assert!(!shown.contains('\u{1b}'), "{args:?}: {shown:?}");
    }
    let listed = run(&workspace, &["inventory", "main.bicep"]).out;
    assert!(listed.contains("\\u{1b}[31m/things@2023-07-01"), "{listed}");
}

#[test]
fn standard_input_is_read_as_files_are() {
    let workspace = Workspace::new(&[]);
    let check = |input: &[u8]| {
        let run = run_in(workspace.root(), &["check", "-", "--format", "json"], input);
        let report: Value = serde_json::from_str(&run.out).expect("JSON");
        (run.code, report)
    };
    let marked = format!("\u{feff}{REGISTRY}");
    let wide: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for good in [REGISTRY.as_bytes(), &wide, marked.as_bytes()] {
        let (code, report) = check(good);
        assert_eq!(code, 1);
        assert_eq!(report["findings"][0]["range"]["start"]["character"], 13);
    }
    // A byte that is wrong in its encoding is read as U+FFFD.
    let (code, report) = check(&[b"// \xff\n", REGISTRY.as_bytes()].concat());
    assert_eq!(code, 1);
    assert_eq!(report["findings"][0]["range"]["start"]["line"], 1);
}

#[test]
fn no_fix_edits_a_file_whose_bytes_it_would_lose() {
    let latin = [REGISTRY.as_bytes(), b"// caf\xe9\n"].concat();
    let utf8 = [REGISTRY.as_bytes(), "// café\n".as_bytes()].concat();
    let is_edited = |bytes: &[u8]| {
        let workspace = Workspace::new(&[]);
        std::fs::write(workspace.path("main.bicep"), bytes).expect("a file written");
        run(&workspace, &["check", "--fix=Containers", "."]);
        std::fs::read(workspace.path("main.bicep")).expect("a file") != bytes
    };
    assert!(is_edited(&utf8) && !is_edited(&latin));
}

#[test]
fn a_folder_is_checked_alike_from_inside_and_from_above() {
    let elsewhere = "configuration:\n  PREFLIGHT_COVERAGE: elsewhere\n";
    let aliases = r#"{"moduleAliases": {"br": {"mine": {"registry": "host.azurecr.io"}}}}"#;
    let module = "module other 'br/mine:other:1.0' = {\n  name: 'other'\n}\n";
    let main = format!("{REGISTRY}{module}");
    for (name, text, found) in [
        ("ps-rule.yaml", elsewhere, 0),
        ("bicepconfig.json", aliases, 1),
        ("README.md", "", 1),
    ] {
        let workspace =
            Workspace::new(&[(".git/HEAD", ""), (name, text), ("infra/main.bicep", &main)]);
        let check = |folder: &str, path: &str| {
            let arguments = ["check", path, "--format", "json"];
            let run = run_in(&workspace.path(folder), &arguments, b"");
            let report: Value = serde_json::from_str(&run.out).expect("JSON");
            let findings = report["findings"].as_array().expect("findings");
            let messages: Vec<_> = findings
                .iter()
                .map(|it| it["message"].to_string())
                .collect();
            (run.code, report["summary"].clone(), messages)
        };
        let inside = check("infra", ".");
        assert_eq!(inside, check("", "infra"), "{name}");
        assert_eq!(inside.2.len(), found, "{name}: {inside:?}");
        // With the alias it is known which registry the module is from.
        let named = inside.2.iter().any(|it| it.contains("is not restored"));
        assert_eq!(named, name == "bicepconfig.json", "{inside:?}");
    }
}
