//! `preflight explain`: the rule's page, in our words.

use super::{Exit, print, trouble};
use crate::rules::container_scan::{CODE, NAME, explain};

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The rule: AZR-000002 or Azure.ACR.ContainerScan
    rule: Option<String>,
}

/// Prints the page.
pub fn run(args: &Args) -> Exit {
    let asked = args.rule.as_deref().unwrap_or(CODE);
    if ![CODE, NAME]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(asked))
    {
        return trouble(&format!(
            "there is no rule {asked}; there is {CODE} ({NAME})"
        ));
    }
    print(explain().as_bytes())
}
