//! Running the binary as a pipeline does.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::Workspace;

/// How a run of the binary ended.
pub(crate) struct Run {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs the binary in a folder; `input` is its standard input.
pub(crate) fn run_in(folder: &Path, args: &[&str], input: impl AsRef<[u8]>) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_preflight"))
        .args(args)
        .current_dir(folder)
        .env_remove("NO_COLOR")
        .env("HOME", folder)
        .env("USERPROFILE", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    if let Some(mut stdin) = child.stdin.take() {
        // A command that reads nothing may be gone already.
        let _ = stdin.write_all(input.as_ref());
    }
    let output = child.wait_with_output().expect("the binary ends");
    Run {
        code: output.status.code().expect("no signal ended it"),
        out: String::from_utf8(output.stdout).expect("reports are UTF-8"),
        err: String::from_utf8(output.stderr).expect("messages are UTF-8"),
    }
}

/// Runs the binary in a workspace.
pub(crate) fn run(workspace: &Workspace, args: &[&str]) -> Run {
    run_in(workspace.root(), args, b"")
}

/// A registry and nothing else.
pub(crate) const REGISTRY: &str =
    "resource acr 'Microsoft.ContainerRegistry/registries@2023-07-01' = {
  name: 'acr'
  location: 'westeurope'
  sku: { name: 'Basic' }
}
";

/// A subscription file whose plan states a tier, with a registry beside it.
pub(crate) fn plan(tier: &str) -> String {
    format!(
        "targetScope = 'subscription'

resource plan 'Microsoft.Security/pricings@2024-01-01' = {{
  name: 'Containers'
  properties: {{
    pricingTier: '{tier}'
  }}
}}

module acr 'acr.bicep' = {{
  name: 'acr'
  scope: resourceGroup('images')
}}
"
    )
}
