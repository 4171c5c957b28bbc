//! Which deployments the command line finds, and what `inventory` lists of one.

use serde_json::Value;

#[path = "support/run.rs"]
mod run;
mod support;

use run::{REGISTRY, plan, run};
use support::Workspace;

#[test]
fn an_inventory_lists_what_would_be_deployed() {
    let workspace = Workspace::new(&[
        (
            "main.bicep",
            "param n string\nmodule acr 'm/acr.bicep' = [for i in range(0, 2): {\n  name: 'acr${i}'\n  params: { name: 'acr${i}' }\n}]\n\
             resource kv 'Microsoft.KeyVault/vaults@2023-07-01' existing = {\n  name: n\n}\n\
             module far 'br/public:avm/res/web/site:0.1.0' = {\n  name: 'far'\n}\n",
        ),
        (
            "m/acr.bicep",
            &format!("param name string\n{}", REGISTRY.replace("'acr'", "name")),
        ),
    ]);
    let shown = run(&workspace, &["inventory", "main.bicep", "--format", "json"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    let inventory: Value = serde_json::from_str(&shown.out).expect("JSON");
    assert_eq!(inventory["entry"], "main.bicep");
    assert_eq!(inventory["scope"], "resourceGroup");
    let rows: Vec<String> = inventory["resources"]
        .as_array()
        .expect("resources")
        .iter()
        .map(|r| {
            format!(
                "{}@{} {} {} {} {} {} {}",
                r["type"],
                r["apiVersion"],
                r["name"],
                r["nameKnown"],
                r["condition"],
                r["existing"],
                r["path"],
                r["via"]
            )
        })
        .collect();
    let registry = |n: u32| {
        format!(
            r#""Microsoft.ContainerRegistry/registries"@"2023-07-01" "acr{n}" true "true" false "m/acr.bicep" ["m/acr.bicep"]"#
        )
    };
    let vault =
        r#""Microsoft.KeyVault/vaults"@"2023-07-01" null false "true" true "main.bicep" []"#;
    assert_eq!(rows, [registry(0), registry(1), vault.to_owned()]);
    assert_eq!(
        inventory["unread"][0]["reference"],
        "br/public:avm/res/web/site:0.1.0"
    );
    let text = run(&workspace, &["inventory", "main.bicep"]).out;
    assert!(
        text.contains("acr0") && text.contains("(existing)") && text.contains("Not read:"),
        "{text}"
    );
}

#[test]
fn an_inventory_names_subscription_group_tier_and_sku() {
    let group = "22222222-2222-2222-2222-222222222222";
    let workspace = Workspace::new(&[
        (
            "main.bicep",
            &format!(
                "targetScope = 'subscription'\nparam tier string\nparam sku string\n\
                 resource plan 'Microsoft.Security/pricings@2024-01-01' = {{\n  name: 'Containers'\n  properties: {{\n    pricingTier: 'Standard'\n  }}\n}}\n\
                 resource other 'Microsoft.Security/pricings@2024-01-01' = {{\n  name: 'KeyVaults'\n  properties: {{\n    pricingTier: tier\n  }}\n}}\n\
                 module acr 'acr.bicep' = {{\n  name: 'acr'\n  scope: resourceGroup('{group}', 'rg-a')\n  params: {{\n    sku: 'Premium'\n  }}\n}}\n\
                 module own 'acr.bicep' = {{\n  name: 'own'\n  scope: resourceGroup('rg-b')\n  params: {{\n    sku: sku\n  }}\n}}\n"
            ),
        ),
        (
            "acr.bicep",
            "param sku string\nresource acr 'Microsoft.ContainerRegistry/registries@2023-07-01' = {\n  name: 'acr'\n  sku: {\n    name: sku\n  }\n}\n",
        ),
    ]);
    let shown = run(&workspace, &["inventory", "main.bicep", "--format", "json"]);
    let inventory: Value = serde_json::from_str(&shown.out).expect("JSON");
    let keys = ["subscription", "resourceGroup", "tier", "sku"];
    let rows: Vec<String> = inventory["resources"]
        .as_array()
        .expect("resources")
        .iter()
        .map(|resource| {
            let values = keys.map(|key| resource.get(key).map_or("-".into(), Value::to_string));
            values.join(" ")
        })
        .collect();
    let expected = [
        r#"null null "Standard" -"#.to_owned(),
        "null null null -".to_owned(),
        format!(r#""{group}" "rg-a" - "Premium""#),
        r#"null "rg-b" - null"#.to_owned(),
    ];
    assert_eq!(rows, expected);
    let text = run(&workspace, &["inventory", "main.bicep"]).out;
    let details = format!("subscription {group}, resource group rg-a, SKU Premium)");
    assert!(text.contains(&details), "{text}");
    assert!(
        text.contains("(tier Standard)") && text.contains("(tier not known)"),
        "{text}"
    );
}

#[test]
fn files_are_loaded_in_their_encoding() {
    let rows = [
        ("loadTextContent('latin', 'iso-8859-1')", r#""ö""#),
        ("loadTextContent('latin', 'us-ascii')", "null"),
        ("loadTextContent('utf16')", r#""oö""#),
        ("loadTextContent('utf16', 'iso-8859-1')", r#""oö""#),
        ("loadTextContent('utf8')", r#""ö""#),
        ("loadTextContent('utf8', 'utf-8')", r#""ö""#),
        ("loadFileAsBase64('utf16')", r#""//5vAPYA""#),
        ("loadFileAsBase64('latin')", r#""9g==""#),
    ];
    let resources = rows.iter().enumerate().map(|(i, (name, _))| {
        format!("resource r{i} 'A.B/c@2020-01-01' = {{\n  name: {name}\n}}\n")
    });
    let workspace = Workspace::new(&[
        ("main.bicep", &resources.collect::<String>()),
        ("utf8", "ö"),
    ]);
    for (path, bytes) in [("latin", &b"\xf6"[..]), ("utf16", b"\xff\xfeo\0\xf6\0")] {
        std::fs::write(workspace.path(path), bytes).expect("a file written");
    }
    let shown = run(&workspace, &["inventory", "main.bicep", "--format", "json"]);
    let inventory: Value = serde_json::from_str(&shown.out).expect("JSON");
    for (i, (expression, expect)) in rows.iter().enumerate() {
        let name = inventory["resources"][i]["name"].to_string();
        assert_eq!(name, *expect, "{expression}");
    }
}

/// A template of the subscription that takes a tier, with a registry beside it.
const TIERED: &str = "targetScope = 'subscription'
param tier string
param tags object = {}

resource plan 'Microsoft.Security/pricings@2024-01-01' = {
  name: 'Containers'
  properties: {
    pricingTier: tier
  }
}

module acr 'acr.bicep' = {
  name: 'acr'
  scope: resourceGroup('images')
}
";

fn values(members: &str) -> String {
    format!(
        r#"{{"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#",
        "contentVersion": "1.0.0.0", "parameters": {{{members}}}}}"#
    )
}

#[test]
fn a_parameter_file_pairs_with_the_only_template_around_it_that_takes_its_parameters() {
    let free = values(r#""TIER": {"value": "Free"}"#);
    for path in [
        "parameters.prod.json",
        "prod.parameters.json",
        "params.prod.json",
        "main-parameters.json",
        "main_parameters.json",
        "parameters-main.json",
        "azuredeploy.parameters.json",
        "parameters/prod.parameters.json",
        "environments/prod/main.parameters.json",
        "values.json",
    ] {
        let infra = format!("infra/{path}");
        let workspace = Workspace::new(&[
            ("infra/main.bicep", TIERED),
            ("infra/acr.bicep", REGISTRY),
            (
                "infra/main.json",
                r#"{"metadata": {"_generator": {"name": "bicep"}}, "parameters": {"tier": {"type": "string"}}, "resources": [],
                "$schema": "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#"}"#,
            ),
            (&infra, &free),
        ]);
        for arguments in [&["check"] as &[&str], &["check", &infra]] {
            let run = run(&workspace, arguments);
            let shown = format!("{arguments:?} {infra}: {}{}", run.out, run.err);
            assert!(run.out.contains("1 finding: 1 error"), "{shown}");
            assert!(
                run.out.contains(&format!("infra/main.bicep with {infra}")),
                "{shown}"
            );
        }
    }
}

#[test]
fn a_parameter_file_that_belongs_to_no_template_is_information() {
    let (tier, other) = (
        values(r#""tier": {"value": "Free"}"#),
        values(r#""tier": {"value": "Free"}, "sku": {"value": "Basic"}"#),
    );
    let check = |files: &[(&str, &str)], words: &str| {
        let workspace = Workspace::new(files);
        let run = run(&workspace, &["check", "--format", "json"]);
        let report: Value = serde_json::from_str(&run.out).expect("JSON");
        assert_eq!(report["problems"], Value::Array(Vec::new()), "{}", run.out);
        assert_eq!(report["unread"][0]["path"], "a.json", "{}", run.out);
        assert_eq!(report["unread"].as_array().map(Vec::len), Some(1));
        let message = report["unread"][0]["message"].as_str().unwrap_or_default();
        assert!(message.contains("belongs to no template"), "{message}");
        assert!(message.contains(words), "{message}");
        assert_eq!(report["summary"]["entryPoints"], 1, "{}", run.out);
    };
    let main = [("main.bicep", TIERED), ("acr.bicep", REGISTRY)];
    check(&[main[0], main[1], ("a.json", &other)], "none around it");
    let twin = ("second.bicep", "param tier string\n");
    check(&[main[0], main[1], twin, ("a.json", &tier)], "several");
    let dangling = other.replace(
        "\"parameters\": {",
        "\"metadata\": {\"template\": \"gone/main.bicep\"}, \"parameters\": {",
    );
    check(&[main[0], main[1], ("a.json", &dangling)], "none around it");
}

#[test]
fn an_inventory_of_a_parameter_file_is_of_its_template() {
    let values = r#"{"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#",
        "contentVersion": "1.0.0.0", "parameters": {"names": {"value": []}, "name": {"value": "given"}}}"#;
    let workspace = Workspace::new(&[
        (
            "main.bicep",
            &format!(
                "param name string\nparam names array\n{}{}",
                REGISTRY.replace("'acr'", "name"),
                "resource b 'A.B/c@2020-01-01' = [for n in names: {\n  name: n\n}]\n"
            ),
        ),
        ("main.dev.parameters.json", values),
        ("parameters/main.parameters.json", values),
        ("other.parameters.json", &values.replace("names", "others")),
        ("lost.bicepparam", "using 'lost.bicep'\n"),
    ]);
    for file in [
        "main.dev.parameters.json",
        "parameters/main.parameters.json",
    ] {
        let shown = run(&workspace, &["inventory", file, "--format", "json"]);
        assert_eq!(shown.code, 0, "{file}: {}", shown.err);
        let inventory: Value = serde_json::from_str(&shown.out).expect("JSON");
        assert_eq!(inventory["entry"], "main.bicep");
        // A loop that is definitely empty makes nothing.
        assert_eq!(inventory["resources"].as_array().map(Vec::len), Some(1));
        assert_eq!(inventory["resources"][0]["name"], "given");
    }
    for file in ["other.parameters.json", "lost.bicepparam"] {
        let shown = run(&workspace, &["inventory", file]);
        assert_eq!(shown.code, 2);
        assert!(
            shown.err.contains("its template is not found"),
            "{}",
            shown.err
        );
    }
}

#[test]
fn a_sample_with_a_plan_covers_no_other_sample() {
    let covered = plan("Standard");
    let workspace = Workspace::new(&[
        ("samples/a/main.bicep", &covered),
        ("samples/a/acr.bicep", REGISTRY),
        ("samples/b/main.bicep", REGISTRY),
        ("tests/c/main.bicep", REGISTRY),
    ]);
    let checked = run(&workspace, &["check", "--format", "json"]);
    let report: Value = serde_json::from_str(&checked.out).expect("JSON");
    let findings = report["findings"].as_array().expect("findings");
    let paths: Vec<_> = findings
        .iter()
        .filter_map(|it| it["path"].as_str())
        .collect();
    assert_eq!(paths, ["samples/b/main.bicep", "tests/c/main.bicep"]);
}

#[test]
fn verbose_lists_what_passes_and_what_covers_it() {
    let covered = plan("Standard");
    let workspace = Workspace::new(&[
        ("platform/main.bicep", &covered),
        ("platform/acr.bicep", REGISTRY),
        ("app/main.bicep", REGISTRY),
    ]);
    assert!(!run(&workspace, &["check"]).out.contains("passed"));
    let checked = run(&workspace, &["check", "--verbose", "--format", "json"]);
    let report: Value = serde_json::from_str(&checked.out).expect("JSON");
    let passed = report["passed"].as_array().expect("what passes");
    let rows: Vec<_> = passed
        .iter()
        .map(|it| {
            let plan = &it["related"][0];
            format!(
                "{} {} {}",
                it["path"], it["deployment"]["entry"], plan["path"]
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            r#""app/main.bicep" "app/main.bicep" "platform/main.bicep""#,
            r#""platform/acr.bicep" "platform/main.bicep" "platform/main.bicep""#,
        ]
    );
    let text = run(&workspace, &["check", "--verbose"]).out;
    assert!(
        text.contains("passed[AZR-000002] app/main.bicep:1:14, deployed by app/main.bicep"),
        "{text}"
    );
    assert!(text.contains("platform/main.bicep:3:15"), "{text}");
}

#[test]
fn verbose_reports_a_plan_whose_scope_is_assumed() {
    let plans = r#"{
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  "resources": [
    {
      "type": "Microsoft.Security/pricings",
      "apiVersion": "2023-01-01",
      "name": "Containers",
      "properties": { "pricingTier": "Standard" }
    }
  ]
}
"#;
    let acr = "resource acr 'Microsoft.ContainerRegistry/registries@2023-07-01' = {\n  name: 'images'\n}\n";
    let workspace = Workspace::new(&[("main.bicep", acr), ("plans.json", plans)]);
    let text = run(&workspace, &["check", "--verbose"]).out;
    let why = "in deployment 'plans.json' (its template names another scope in '$schema'";
    assert!(text.contains(why), "{text}");
}
