//! What the editor sets, by whichever of the three ways it does: once at the start, when asked, or when it changes.

use serde_json::Value;

use crate::workspace::config::{Coverage, Overrides, Plan};

/// A setting: its name below `preflight`, the values it takes (none: a flag), and what it is for. `null` or nothing
/// leaves it to `ps-rule.yaml`. The `package.json` of the VS Code extension is checked against this table.
pub const SETTINGS: &[(&str, &[&str], &str)] = &[
    (
        "plan",
        &["Containers", "ContainerRegistry"],
        "The plan that the preferred fix turns on.",
    ),
    (
        "coverage",
        &["workspace", "deployment", "elsewhere"],
        "Where a plan may be declared to count for a registry.",
    ),
    ("hints", &[], "Whether hints are shown."),
];

/// Reads settings: the section `preflight` itself, or an object that holds it. What has no meaning is left out, and
/// described in the second half.
pub(super) fn read(value: &Value) -> (Overrides, Vec<String>) {
    let section = value.get("preflight").unwrap_or(value);
    let mut wrong = Vec::new();
    let overrides = Overrides {
        rules: Vec::new(),
        plan: choice(
            section,
            "plan",
            &mut wrong,
            &[
                ("Containers", Plan::Containers),
                ("ContainerRegistry", Plan::ContainerRegistry),
            ],
        ),
        coverage: choice(
            section,
            "coverage",
            &mut wrong,
            &[
                ("workspace", Coverage::Workspace),
                ("deployment", Coverage::Deployment),
                ("elsewhere", Coverage::Elsewhere),
            ],
        ),
        hints: match section.get("hints") {
            None | Some(Value::Null) => None,
            Some(Value::Bool(hints)) => Some(*hints),
            Some(other) => {
                wrong.push(format!("preflight.hints is true or false, not {other}"));
                None
            }
        },
    };
    (overrides, wrong)
}

/// Whether any of ours are in what a client pushes, be it that all are taken back.
pub(super) fn are_in(value: &Value) -> bool {
    let section = value.get("preflight").filter(|it| !it.is_null());
    section.is_some() || SETTINGS.iter().any(|(name, ..)| value.get(name).is_some())
}

fn choice<T: Copy>(
    section: &Value,
    name: &str,
    wrong: &mut Vec<String>,
    choices: &[(&str, T)],
) -> Option<T> {
    let value = section.get(name)?;
    if value.is_null() {
        return None;
    }
    let text = value.as_str().unwrap_or_default();
    let found = choices
        .iter()
        .find(|(choice, _)| choice.eq_ignore_ascii_case(text));
    if found.is_none() {
        let names: Vec<_> = choices.iter().map(|(choice, _)| *choice).collect();
        let names = names.join(", ");
        wrong.push(format!("preflight.{name} is one of {names}, not {value}"));
    }
    found.map(|(_, value)| *value)
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
    fn nothing_said_is_told_from_all_taken_back() {
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
    fn what_has_no_meaning_is_told_and_left_out() {
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
