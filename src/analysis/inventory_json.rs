//! The inventory as JSON, in one place for the server's request and the command line.

use std::path::Path;

use serde_json::{Value, json};

use super::{Inventory, Location, Point};

/// The inventory as `inventory --format json` prints it: lines from 0, characters in UTF-16 units. `name` gives the form of a
/// path.
pub fn to_json(inventory: &Inventory, name: &dyn Fn(&Path) -> String) -> Value {
    let resources = inventory.resources.iter().map(|resource| {
        let mut entry = json!({
            "type": resource.resource_type,
            "apiVersion": resource.api_version,
            "name": resource.name.as_deref(),
            "nameKnown": resource.name.is_some(),
            "scope": resource.scope,
            "condition": resource.condition,
            "existing": resource.existing,
            "copies": resource.copies,
            "subscription": resource.subscription,
            "resourceGroup": resource.resource_group,
            "path": name(&resource.location.path),
            "range": range(&resource.location),
            "via": resource.via.iter().map(|step| &**step).collect::<Vec<_>>(),
        });
        for (label, value) in &resource.shown {
            entry[label.to_lowercase()] = json!(value);
        }
        entry
    });
    let unread = inventory.unread.iter().map(|unread| {
        json!({
            "reference": &*unread.reference,
            "path": name(&unread.location.path),
            "range": range(&unread.location),
            "reason": &*unread.reason,
        })
    });
    json!({
        "version": 1,
        "entry": name(&inventory.entry),
        "scope": inventory.scope,
        "resources": resources.collect::<Vec<_>>(),
        "unread": unread.collect::<Vec<_>>(),
    })
}

/// The findings on the registries, for editors.
pub fn verdicts(inventory: &Inventory, name: &dyn Fn(&Path) -> String) -> Value {
    let verdicts = inventory.verdicts.iter();
    let verdicts = verdicts.map(|(location, verdict, message)| {
        json!({
            "path": name(&location.path),
            "range": range(location),
            "verdict": verdict.name(),
            "message": message,
        })
    });
    verdicts.collect()
}

/// A location's range as reports write it: lines from 0, characters in UTF-16 units.
pub fn range(location: &Location) -> Value {
    let point = |point: Point| json!({"line": point.line, "character": point.utf16});
    json!({"start": point(location.start), "end": point(location.end)})
}
