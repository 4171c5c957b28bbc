//! The editor's settings: given at the start, requested, or sent when they change.

use serde_json::Value;

use crate::workspace::config::{Coverage, Overrides, Plan, choice};

/// A setting: its name below `preflight`, the values it takes (none: a flag), and what it is for. `null` or nothing
/// leaves it to `ps-rule.yaml`. The `package.json` of the VS Code extension is checked against this table.
pub const SETTINGS: &[(&str, &[&str], &str)] = &[
    (
        "plan",
        &[Plan::NAMES[0].0, Plan::NAMES[1].0],
        "The plan that the preferred fix turns on.",
    ),
    (
        "coverage",
        &[
            Coverage::NAMES[0].0,
            Coverage::NAMES[1].0,
            Coverage::NAMES[2].0,
        ],
        "Where a plan may be declared to count for a registry.",
    ),
    ("hints", &[], "Whether hints are shown."),
];

/// Reads settings: the section `preflight` itself, or an object that holds it. What has no meaning is left out, and
/// described in the second half.
pub(super) fn read(value: &Value) -> (Overrides, Vec<String>) {
    let section = value.get("preflight").unwrap_or(value);
    let mut overrides = Overrides::default();
    let mut wrong = Vec::new();
    for (name, values, _) in SETTINGS {
        let Some(value) = section.get(name).filter(|value| !value.is_null()) else {
            continue;
        };
        let text = value.as_str().unwrap_or_default();
        let taken = match *name {
            "plan" => {
                overrides.plan = choice(&Plan::NAMES, text);
                overrides.plan.is_some()
            }
            "coverage" => {
                overrides.coverage = choice(&Coverage::NAMES, text);
                overrides.coverage.is_some()
            }
            _ => {
                overrides.hints = value.as_bool();
                overrides.hints.is_some()
            }
        };
        if !taken {
            let values = match values {
                [] => "true or false".to_owned(),
                values => format!("one of {}", values.join(", ")),
            };
            wrong.push(format!("preflight.{name} is {values}, not {value}"));
        }
    }
    (overrides, wrong)
}

/// Whether any of ours are in what a client pushes, be it that all are taken back.
pub(super) fn are_in(value: &Value) -> bool {
    let section = value.get("preflight").filter(|it| !it.is_null());
    section.is_some() || SETTINGS.iter().any(|(name, ..)| value.get(name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(value: Value, want: Overrides, wrong: usize) {
        let (got, reported) = read(&value);
        assert_eq!(got, want, "{value}");
        assert_eq!(reported.len(), wrong, "{reported:?}");
    }

    #[test]
    fn with_and_without_the_section() {
        let want = Overrides {
            plan: Some(Plan::ContainerRegistry),
            coverage: Some(Coverage::Elsewhere),
            hints: Some(false),
            rules: Vec::new(),
        };
        let section = json!({"plan": "containerregistry", "coverage": "elsewhere", "hints": false});
        check(section.clone(), want.clone(), 0);
        check(json!({"preflight": section}), want, 0);
    }

    #[test]
    fn nothing_leaves_it_to_the_files() {
        for value in [
            json!(null),
            json!({}),
            json!([]),
            json!("x"),
            json!({"preflight": null}),
            json!({"plan": null, "coverage": null, "hints": null}),
        ] {
            check(value, Overrides::default(), 0);
        }
    }

    #[test]
    fn absent_settings_differ_from_empty_ones() {
        for (value, want) in [
            (json!(null), false),
            (json!({}), false),
            (json!([]), false),
            (json!({"preflight": null, "other": {}}), false),
            (json!({"preflight": {}}), true),
            (json!({"hints": null}), true),
        ] {
            assert_eq!(are_in(&value), want, "{value}");
        }
    }

    #[test]
    fn settings_without_meaning_are_reported_and_left_out() {
        let value = json!({"plan": "Servers", "coverage": 3, "hints": "no"});
        check(value, Overrides::default(), 3);
    }

    #[test]
    fn the_table_names_what_is_read() {
        for (name, values, _) in SETTINGS {
            for value in *values {
                let (got, wrong) = read(&json!({*name: value}));
                assert!(wrong.is_empty(), "{wrong:?}");
                assert_ne!(got, Overrides::default(), "{name}");
            }
        }
    }
}
