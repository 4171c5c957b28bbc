//! `preflight explain`: the documentation of a rule.

use super::terminal::{Outcome, print};
use crate::rules::{self, RULES};

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The rule, by reference or name; the first one if omitted
    rule: Option<String>,
}

/// Prints the documentation.
pub(crate) fn run(args: &Args) -> Outcome {
    let rule = match &args.rule {
        Some(name) => rules::named(name),
        None => RULES.first().copied(),
    };
    let Some(rule) = rule else {
        let names = RULES.iter().map(|rule| rule.metadata().name);
        let names = names.map(|it| format!("{} ({})", it.reference, it.name));
        let names = names.collect::<Vec<_>>().join(", ");
        let asked = args.rule.as_deref().unwrap_or_default();
        return Err(format!("there is no rule {asked}; there are {names}"));
    };
    Ok(print(rule.metadata().documentation))
}
