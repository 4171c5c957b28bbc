//! One answer: the server and the command line state the same of every file of a workspace, and the number of threads and
//! the order of arguments do not matter.

#[path = "lsp/client.rs"]
mod client;
mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use client::Client;
use preflight::analysis::Options;
use serde_json::Value;
use support::Workspace;

/// Every verdict, a pragma, a rule file that suppresses one registry and leaves another folder out, parameter files.
const FIXTURE: &str = "
//- /ps-rule.yaml
suppression:
  Azure.ACR.ContainerScan:
    - quiet
input:
  pathIgnore:
    - 'ignored/**'
configuration:
  PREFLIGHT_COVERAGE: deployment
//- /missing.bicep
resource a 'Microsoft.ContainerRegistry/registries@2023-07-01' = { name: 'missing' }
#disable-next-line AZR-000002
resource b 'Microsoft.ContainerRegistry/registries@2023-07-01' = { name: 'pragma' }
resource c 'Microsoft.ContainerRegistry/registries@2023-07-01' = { name: 'quiet' }
//- /ignored/main.bicep
resource a 'Microsoft.ContainerRegistry/registries@2023-07-01' = { name: 'ignored' }
//- /off/main.bicep
targetScope = 'subscription'
param tier string
resource p 'Microsoft.Security/pricings@2024-01-01' = {
  name: 'Containers'
  properties: { pricingTier: tier }
}
module acr 'acr.bicep' = {
  name: 'acr'
  scope: resourceGroup('images')
}
//- /off/acr.bicep
// \u{1F600} before the line
/* \u{1F600} */ resource a 'Microsoft.ContainerRegistry/registries@2023-07-01' = { name: 'off' }
//- /off/dev.bicepparam
using 'main.bicep'
param tier = 'Free'
//- /off/prod.bicepparam
using 'main.bicep'
param tier = 'Standard'
//- /unknown.json
{
  \"$schema\": \"https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#\",
  \"contentVersion\": \"1.0.0.0\",
  \"parameters\": { \"deploy\": { \"type\": \"bool\" } },
  \"resources\": [
    {
      \"condition\": \"[parameters('deploy')]\",
      \"type\": \"Microsoft.ContainerRegistry/registries\",
      \"apiVersion\": \"2023-07-01\",
      \"name\": \"unknown\"
    }
  ]
}
";

type Row = (String, String, u64, String);

/// What the command line states: path, range, severity as the protocol counts, message.
fn reported(root: &Path, arguments: &[&str]) -> BTreeSet<Row> {
    let output = Command::new(env!("CARGO_BIN_EXE_preflight"))
        .args(["check", "--format", "json"])
        .args(arguments)
        .current_dir(root)
        .output()
        .expect("the binary runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let findings = report["findings"].as_array().expect("findings").iter();
    let row = |finding: &Value| {
        let severity = match finding["severity"].as_str() {
            Some("error") => 1,
            Some("warning") => 2,
            _ => 3,
        };
        let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        (
            text("path"),
            finding["range"].to_string(),
            severity,
            text("message"),
        )
    };
    findings.map(row).collect()
}

/// What the server shows.
fn shown(root: &Path) -> BTreeSet<Row> {
    let mut client = Client::initialized(root);
    client.settle();
    let mut rows = BTreeSet::new();
    for (uri, diagnostics) in client.all_shown() {
        let path = uri
            .trim_start_matches(&client::uri(root))
            .trim_start_matches('/');
        for diagnostic in diagnostics {
            let message = diagnostic["message"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            let severity = diagnostic["severity"].as_u64().unwrap_or_default();
            rows.insert((
                path.to_owned(),
                diagnostic["range"].to_string(),
                severity,
                message,
            ));
        }
    }
    rows
}

#[test]
fn server_and_command_line_agree() {
    let workspace = Workspace::parse(&FIXTURE.replace("\\\\u{1F600}", "\\u{1F600}"));
    let reported = reported(workspace.root(), &["."]);
    let severities: Vec<_> = reported.iter().map(|row| (row.0.as_str(), row.2)).collect();
    let expected = [
        ("missing.bicep", 2),
        ("off/acr.bicep", 1),
        ("unknown.json", 3),
    ];
    assert_eq!(severities, expected);
    assert_eq!(reported, shown(workspace.root()));
}

#[test]
fn threads_and_order_change_nothing() {
    let workspace = Workspace::parse(FIXTURE);
    let with = |threads| {
        let mut analysis = workspace.analysis_with(Options {
            threads,
            ..Options::default()
        });
        workspace.refresh(&mut analysis);
        format!("{:?} {:?}", analysis.reports(), analysis.problems())
    };
    let one = with(1);
    for threads in [2, 3, 8] {
        assert_eq!(one, with(threads), "{threads} threads");
    }
    let forwards = reported(workspace.root(), &["off", "missing.bicep", "unknown.json"]);
    assert_eq!(
        forwards,
        reported(workspace.root(), &["unknown.json", "missing.bicep", "off"])
    );
}
