//! `preflight inventory`: what an entry point would deploy, as a table or as JSON.

use std::path::PathBuf;
use std::sync::Arc;

use super::paths::{Base, argument};
use super::session::settle;
use super::terminal::{Outcome, TextOrJson, count, plain_lines, print, trouble};
use crate::analysis::{Analysis, Inventory, InventoryResource, Location, Options, inventory_json};
use crate::workspace::disk;

/// Arguments of `inventory`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The entry point: Bicep, a template, or a parameter file, which means its template
    file: PathBuf,
    /// Values for its parameters
    #[arg(long, value_name = "FILE")]
    parameters: Option<PathBuf>,
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    format: TextOrJson,
}

/// Prints what the file deploys.
pub(crate) fn run(args: &Args) -> Outcome {
    let base = Base::here();
    let file = argument(&args.file);
    let parameters = args.parameters.as_deref().map(argument);
    for path in std::iter::once(&file).chain(&parameters) {
        disk::read(path).map_err(|error| format!("{}: {error}", base.relative(path)))?;
    }
    let mut analysis = Analysis::new(Options {
        base: Some(base.folder().to_path_buf()),
        ..Options::default()
    });
    analysis.add_entry(&file, parameters.as_deref());
    settle(&mut analysis);
    let Some(inventory) = analysis.inventory(&file, parameters.as_deref()) else {
        let shown = base.relative(&file);
        return Err(match analysis.is_parameter_file(&file) {
            true => format!(
                "{shown}: its template is not found; name it: preflight inventory TEMPLATE --parameters {shown}"
            ),
            false => format!("{shown}: is not a Bicep file, template or parameter file"),
        });
    };
    let mut exit = print(match args.format {
        TextOrJson::Json => json_of(&inventory, &base),
        TextOrJson::Text => text_of(&inventory, &base),
    });
    let mut problems = analysis.problems();
    problems.extend(analysis.named_wrongly(&file, parameters.as_deref()));
    problems.dedup();
    for problem in problems {
        let place = base.at(&problem.path, problem.location.as_ref());
        exit = trouble(&format!("{place}: {}", problem.message));
    }
    Ok(exit)
}

fn json_of(inventory: &Inventory, base: &Base) -> String {
    let document = inventory_json::to_json(inventory, &|path| base.relative(path));
    format!("{document:#}\n")
}

fn text_of(inventory: &Inventory, base: &Base) -> String {
    let at = |location: &Location| base.at(&location.path, Some(location));
    let mut lines = vec![format!(
        "{} (scope: {}): {}",
        base.relative(&inventory.entry),
        inventory.scope,
        count(inventory.resources.len(), "resource")
    )];
    for resource in &inventory.resources {
        let notes = match notes(resource, inventory.scope) {
            notes if notes.is_empty() => String::new(),
            notes => format!(" ({})", notes.join(", ")),
        };
        let name = resource.name.as_deref().unwrap_or("<name not known>");
        let (resource_type, version) = (&resource.resource_type, &resource.api_version);
        lines.push(format!("  {resource_type}@{version} {name}{notes}"));
        let via = match resource.via.is_empty() {
            true => String::new(),
            false => format!(", via {}", resource.via.join(" > ")),
        };
        lines.push(format!("    {}{via}", at(&resource.location)));
    }
    if !inventory.unread.is_empty() {
        lines.push("Not read:".to_owned());
    }
    for unread in &inventory.unread {
        lines.push(format!("  {}: {}", unread.reference, unread.reason));
        lines.push(format!("    {}", at(&unread.location)));
    }
    plain_lines(lines)
}

/// What is worth knowing of a resource beside its type and name.
fn notes(resource: &InventoryResource, scope: &str) -> Vec<String> {
    let mut notes = Vec::new();
    if resource.existing {
        notes.push("existing".to_owned());
    }
    match resource.condition {
        "true" => {}
        "false" => notes.push("not deployed".to_owned()),
        _ => notes.push("perhaps deployed".to_owned()),
    }
    if resource.copies.is_none() {
        notes.push("in a loop of unknown length".to_owned());
    }
    if resource.scope != scope {
        notes.push(format!("scope {}", resource.scope));
    }
    let details = [
        ("subscription", resource.subscription.as_deref()),
        ("resource group", resource.resource_group.as_deref()),
    ];
    let shown = resource.shown.iter();
    let shown = shown.map(|(label, value)| (*label, Some(known(value))));
    let details = details.into_iter().chain(shown);
    notes.extend(details.filter_map(|(name, value)| Some(format!("{name} {}", value?))));
    notes
}

fn known(value: &Option<Arc<str>>) -> &str {
    value.as_deref().unwrap_or("not known")
}
