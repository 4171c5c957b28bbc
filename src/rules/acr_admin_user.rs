//! AZR-000005, Azure.ACR.AdminUser: the admin user of a container registry is off. Absent is off, the service's default.

use super::finding::{Finding, Findings, Subject, Verdict};
use super::fix::{Fix, FixContext};
use super::property::{Property, property_of};
use super::{Metadata, Rule, RuleContext};
use crate::eval::{ResourceFilter, Value};
use crate::workspace::config::RuleName;

/// The rule.
pub struct AcrAdminUser;

static METADATA: Metadata = Metadata {
    name: RuleName::optional("AZR-000005", "Azure.ACR.AdminUser"),
    page: "https://azure.github.io/PSRule.Rules.Azure/en/rules/Azure.ACR.AdminUser/",
    title: "The admin user of a container registry is on",
    description: "The admin user is one account with one password for everyone. Use Microsoft Entra identities instead.",
    documentation: "# AZR-000005: Azure.ACR.AdminUser\n\n**The admin user of a container registry is on.**\n\
        Severity: Critical. Pillar: Security.\n\n\
        The admin user is one account whose password everyone shares, so no access can be traced or revoked. Set\n\
        `properties.adminUserEnabled` to `false`, and use managed identities or service principals with Azure roles.\n\n\
        The rule is optional: name it with `--rule AZR-000005` or in `rule.include`.\n",
    security_severity: "9.0",
};

impl Rule for AcrAdminUser {
    fn metadata(&self) -> &'static Metadata {
        &METADATA
    }

    fn filter(&self) -> ResourceFilter {
        ResourceFilter {
            types: &["microsoft.containerregistry/registries"],
            related: &[],
            body: &["properties"],
            existing: false,
            ordered: &[],
            shown: &[],
        }
    }

    fn check(&self, cx: &RuleContext<'_>, findings: &mut Findings<'_>) {
        for registry in cx.deployed() {
            match property_of(&registry.body, &["properties", "adminUserEnabled"]) {
                Property::Absent => {}
                Property::Unknown(reason, node) => {
                    let value = Value {
                        place: node,
                        ..Value::NULL
                    };
                    let message = format!(
                        "Whether the admin user of this registry is on is not known ({reason})."
                    );
                    findings.value(cx, Verdict::Unknown, registry, &value, message);
                }
                Property::Value(value) => {
                    let on = value
                        .alternatives()
                        .iter()
                        .filter(|one| one.as_bool() == Some(true));
                    let (verdict, message) = match on.count() {
                        0 => continue,
                        n if n == value.alternatives().len() => {
                            (Verdict::Violation, "The admin user of this registry is on.")
                        }
                        _ => (
                            Verdict::Unknown,
                            "The admin user of this registry may be on.",
                        ),
                    };
                    findings.value(cx, verdict, registry, value, message.to_owned());
                }
            }
        }
    }

    fn fixes(&self, finding: &Finding, cx: &FixContext<'_>) -> Vec<Fix> {
        let Subject::Value(Some(node)) = finding.subject else {
            return Vec::new();
        };
        let fix = cx.set_literal(node, "true", "false");
        fix.map(|edits| Fix::free("turn-off-admin-user", "Turn the admin user off", edits))
            .into_iter()
            .collect()
    }
}
