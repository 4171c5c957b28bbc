//! Verdicts on hand-made instances, each described by one line.

use std::sync::Arc;

use super::*;
use crate::eval::{
    Canonical, DeploymentScope, Existence, Expansion, Kind, ModuleUse, Uncertainty, Unknown, Unmet,
    Unread, Value,
};
use crate::model::{Ident, ItemKey, ScopeKind};
use crate::rules;
use crate::workspace::config::rule_file::RuleLists;
use crate::workspace::config::{Level, Settings};
use crate::workspace::entries::Rank;

/// The place of line `line` of a case, `node` telling its parts apart.
fn place(file: u32, line: u64, node: u32) -> NodeRef {
    NodeRef {
        file: FileId(file),
        item: ItemKey(line),
        node,
    }
}

/// `a` known, `a|b` one of, `?` unknown, `?x` unknown with canonical form x.
fn value(text: &str, at: NodeRef) -> Value {
    if let Some(atom) = text.strip_prefix('?') {
        let mut unknown = Unknown {
            reason: format!("parameter '{atom}' has no value").into(),
            ty: None,
            non_empty: false,
            canonical: None,
            pieces: Default::default(),
            members: None,
        };
        unknown.canonical = (!atom.is_empty()).then(|| Canonical::atom(atom));
        return Value::of(Kind::Unknown(unknown.into())).at(at);
    }
    let each = text.split('|').map(|one| match one {
        "true" => Value::bool(true).at(at),
        "false" => Value::bool(false).at(at),
        one => Value::string(one).at(at),
    });
    Value::one_of(each, "parameter 'choice' has no value".into())
}

fn object(members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let members = members.into_iter().map(|(k, v)| (Ident::from(k), v));
    Value::object(members.collect(), None)
}

/// `plan name=… tier=… ext=… when=a&!b api=… scope=rg|registry sub=… existing module via=file`.
fn instance(words: &str, line: u64) -> Instance {
    let mut words = words.split_whitespace();
    let kind = words.next().unwrap_or_default();
    let at = |node| place(0, line, node);
    let mut properties: Vec<(&'static str, Value)> = Vec::new();
    let mut made = Instance {
        resource_type: match kind {
            "plan" => "Microsoft.Security/pricings",
            "policy" => "microsoft.authorization/policyAssignments",
            "definition" => "Microsoft.Authorization/policyDefinitions",
            _ => "microsoft.containerregistry/Registries",
        }
        .into(),
        api_version: Value::string("2024-01-01"),
        name: Value::string(kind).at(at(3)),
        existing: false,
        existence: Existence::Always,
        copies: Some(1),
        scope: DeploymentScope {
            kind: match kind {
                "plan" => ScopeKind::Subscription,
                _ => ScopeKind::ResourceGroup,
            },
            assumed: false,
            subscription: None,
            resource_group: None,
            management_group: None,
            resource: None,
        },
        body: Value::NULL,
        type_place: at(2),
        place: at(1),
        via: Arc::new([]),
        known_module: false,
    };
    for word in words {
        let (key, text) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "name" => made.name = value(text, at(3)),
            "tier" => properties.push(("pricingTier", value(text, at(4)))),
            "ext" => properties.push((
                "extensions",
                Value::array(
                    vec![object([
                        ("name", Value::string(plan::EXTENSION.to_lowercase())),
                        ("isEnabled", value(text, at(5))),
                    ])],
                    None,
                ),
            )),
            "public" => properties.push(("publicNetworkAccess", value(text, at(7)))),
            "bypass" => properties.push(("networkRuleBypassOptions", value(text, at(8)))),
            "definition" => properties.push(("policyDefinitionId", value(text, at(7)))),
            "when" => made.existence = existence(text, at(6)),
            "loop" => made.copies = None,
            "api" => made.api_version = Value::string(text),
            "sub" => made.scope.subscription = Some(value(text, at(9))),
            "scope" if text == "rg" => made.scope.kind = ScopeKind::ResourceGroup,
            "scope" => {
                made.scope.resource = Some(crate::eval::ScopeResource {
                    resource_type: Some("Microsoft.ContainerRegistry/registries".into()),
                    name: Some(value(text, at(10))),
                    place: None,
                });
            }
            "existing" => made.existing = true,
            "module" => made.known_module = true,
            "via" => {
                let file = text.parse().unwrap_or_default();
                made.type_place.file = FileId(file);
                made.place.file = FileId(file);
                made.via = Arc::new([ModuleUse {
                    place: at(20),
                    declaration: at(21),
                    reference: "./modules/acr.bicep".into(),
                    file: Some(FileId(file)),
                }]);
            }
            other => panic!("unknown word {other}"),
        }
    }
    made.body = object([("properties", object(properties))]);
    made
}

/// `a&!b`: must all hold; `false`: not deployed; `~`: no canonical form.
fn existence(text: &str, at: NodeRef) -> Existence {
    if text == "false" {
        let text = "flag".into();
        return Existence::Never(Some(Unmet { place: at, text }));
    }
    let conditions = text
        .split('&')
        .filter(|c| *c != "~")
        .map(|c| match c.strip_prefix('!') {
            Some(atom) => Canonical::not(&Canonical::atom(atom)),
            None => Canonical::atom(c),
        });
    Existence::Conditional(Arc::new(Uncertainty {
        conditions: conditions.collect(),
        opaque: text.contains('~'),
        unknown_loop: false,
        reason: format!("parameter '{}' has no value", text.trim_start_matches('!')).into(),
        text: text.into(),
        place: Some(at),
    }))
}

/// A case: a line each for what the deployment holds; lines after `elsewhere` are other deployments'.
fn deployment(case: &str, settings: Settings) -> (Deployment, WorkspacePlans) {
    let mut expansion = Expansion::default();
    let mut reach = Vec::new();
    let mut elsewhere = false;
    for (line, words) in case.lines().map(str::trim).enumerate() {
        let line = line as u64;
        match words.split_whitespace().next() {
            None => {}
            Some("elsewhere") => elsewhere = true,
            Some("unread" | "harmless") => expansion.unread.push(Unread {
                reference: "br:x/y:1".into(),
                place: place(0, line, 2),
                reason: "not restored".into(),
                harmless: words == "harmless",
                via: Arc::new([]),
            }),
            Some("broken") => expansion.broken.push(place(0, line, 0)),
            _ if elsewhere => {
                let mut other = instance(words, line);
                other.place.file = FileId(1);
                reach.push(("other.bicep".into(), other));
            }
            _ => expansion.instances.push(instance(words, line)),
        }
    }
    let deployment = Deployment {
        entry: FileId(0),
        parameters: None,
        label: "main.bicep".into(),
        rank: Rank::default(),
        scope: ScopeKind::ResourceGroup,
        expansion: expansion.into(),
        settings: settings.into(),
    };
    (deployment, WorkspacePlans::new(reach))
}

fn reported(results: &RuleResult) -> String {
    match &results.finding {
        None => "scanned".to_owned(),
        Some(finding) => {
            let verdict = finding.verdict.name();
            format!("{verdict} {:?}: {}", finding.severity, finding.message)
        }
    }
}

/// Checks a case; `expect` has a line for each result: its beginning, and parts of the message after `…`.
fn check_with(settings: Settings, case: &str, expect: &[&str]) {
    let (deployment, reach) = deployment(case, settings);
    let results = rules::check(&deployment, &reach, &|file| file.0 < 10);
    let found: Vec<String> = results.iter().map(reported).collect();
    assert_eq!(found.len(), expect.len(), "{case}\n{found:#?}");
    for (found, expect) in found.iter().zip(expect) {
        let mut parts = expect.split('…').map(str::trim);
        let start = parts.next().unwrap_or_default();
        assert!(
            found.starts_with(start),
            "{case}\n{found}\nshould start with {start}"
        );
        for part in parts {
            assert!(
                found.contains(part),
                "{case}\n{found}\nshould contain {part}"
            );
        }
    }
}

fn check(case: &str, expect: &str) {
    check_with(Settings::default(), case, &[expect]);
}

#[test]
fn plans_that_scan() {
    for name in [
        "Containers",
        "CloudPosture",
        "containers",
        "Containers|CloudPosture",
    ] {
        check(
            &format!("registry\nplan name={name} tier=Standard"),
            "scanned",
        );
    }
    check_with(
        Settings::default(),
        "registry\nplan name=ContainerRegistry tier=standard",
        &[
            "scanned",
            "hint Note: Plan 'ContainerRegistry' is superseded",
        ],
    );
    check(
        "registry\nplan name=Containers tier=Standard ext=True",
        "scanned",
    );
    check(
        "registry\nplan name=Containers tier=Standard ext=true",
        "scanned",
    );
}

#[test]
fn no_plan() {
    let missing = "missing Warning: Images are not scanned: no Defender plan … looked in all deployments of the workspace";
    check("registry", missing);
    check("registry\nplan name=VirtualMachines tier=Standard", missing);
    check(
        "registry\nplan name=Containers tier=Standard existing",
        missing,
    );
    check("registry\nharmless", missing);
    check(
        "registry\nplan name=Containers tier=Standard sub=A",
        "unknown",
    );
    check(
        "registry sub=B\nplan name=Containers tier=Standard sub=A",
        missing,
    );
    check(
        "registry sub=a\nplan name=Containers tier=Standard sub=A",
        "scanned",
    );
    check(
        "registry sub=?x\nplan name=Containers tier=Standard sub=?x",
        "scanned",
    );
    for plan in ["sub=?y", ""] {
        check(
            &format!("registry sub=?x\nplan name=Containers tier=Standard {plan}"),
            "unknown Note: … for the registry's subscription is not known",
        );
    }
    check(
        "registry sub=A\nplan name=Containers tier=Standard sub=?y",
        "unknown",
    );
    check("registry\nplan name=Containers tier=Free sub=A", "off");
    check(
        "registry sub=B\nplan name=Containers tier=Free sub=A",
        missing,
    );
}

#[test]
fn plans_that_are_off() {
    check(
        "registry\nplan name=Containers tier=Free",
        "off Error: … plan 'Containers' has tier 'Free' in this deployment.",
    );
    check(
        "registry\nplan name=Containers",
        "off Error: … has no pricingTier",
    );
    check(
        "registry\nplan name=Containers tier=Standard ext=False",
        "off Error: … its extension ContainerRegistriesVulnerabilityAssessments is off.",
    );
    check(
        "registry\nplan name=Containers tier=Standard ext=false",
        "off Error",
    );
    check(
        "registry\nplan name=Containers tier=Standard when=false",
        "off Error: … its condition is false",
    );
    check(
        "registry\nplan name=Containers tier=Free module",
        "off Error: … tier 'Free'",
    );
    check(
        "registry\nplan name=Containers tier=Free\nplan name=CloudPosture tier=Standard",
        "scanned",
    );
    check(
        "registry\nplan name=Containers tier=Free\nunread",
        "off Error",
    );
    check(
        "registry\nplan name=Containers tier=Free when=a",
        "off Error",
    );
}

#[test]
fn two_plans_of_one_name() {
    check(
        "registry\nplan name=Containers tier=Standard\nplan name=containers tier=Free",
        "unknown Note: … declared twice in one deployment",
    );
    check(
        "registry\nplan name=Containers tier=Standard\nplan name=Containers tier=Standard",
        "scanned",
    );
    check(
        "registry\nplan name=Containers tier=Standard when=false\nplan name=Containers tier=Free",
        "off Error: … its condition is false",
    );
    check(
        "registry when=a\nplan name=Containers tier=Standard when=a\nplan name=Containers tier=Free when=!a",
        "scanned",
    );
    check(
        "registry\nplan name=Containers tier=Standard\nplan name=Containers tier=Free when=b",
        "unknown Note: … declared twice in one deployment",
    );
    check(
        "registry\nplan name=Containers tier=Standard sub=A\nplan name=Containers tier=Free sub=B",
        "unknown",
    );
    check(
        "registry\nplan name=Containers tier=Free\nelsewhere\nplan name=Containers tier=Standard",
        "scanned",
    );
}

#[test]
fn what_is_not_known() {
    check(
        "registry\nplan name=Containers tier=?tier",
        "unknown Note: … the tier of plan 'Containers' is not known (parameter 'tier' has no value).",
    );
    check(
        "registry\nplan name=Containers tier=Free|Standard",
        "unknown Note: … parameter 'choice' has no value",
    );
    check(
        "registry\nplan name=? tier=Standard",
        "unknown Note: … the name of a Defender plan",
    );
    check("registry\nplan name=? tier=Free", "missing");
    check(
        "registry\nplan name=Containers tier=Standard ext=?e",
        "unknown Note: … extensions of plan 'Containers'",
    );
    check(
        "registry\nplan name=Containers tier=Standard when=b",
        "unknown Note: … deployed only if 'b'",
    );
    check(
        "registry\nunread",
        "unknown Note: … 'br:x/y:1' could not be read (not restored)",
    );
    check("registry\nbroken", "unknown Note: … does not parse");
    check(
        "registry\nplan name=Containers tier=Standard\nunread\nbroken",
        "scanned",
    );
}

#[test]
fn conditions() {
    let check_when = |registry: &str, plan: &str, expect: &str| {
        check(
            &format!("registry when={registry}\nplan name=Containers tier=Standard when={plan}"),
            expect,
        );
    };
    check_when("a", "a", "scanned");
    check_when("a&b", "a", "scanned");
    check_when(
        "a",
        "a&b",
        "unknown Note: … this registry is deployed if 'a'",
    );
    check_when("~&a", "a", "scanned");
    check_when("a", "~&a", "unknown");
    check(
        "registry when=a",
        "unknown Note: Images may not be scanned: this registry is deployed if 'a' (parameter 'a' has no value), and no",
    );
    check(
        "registry when=a\nplan name=Containers tier=Standard",
        "scanned",
    );
    check("registry when=a\nplan name=Containers tier=Free", "unknown");
    check_with(Settings::default(), "registry when=false", &[]);
    check_with(Settings::default(), "registry existing", &[]);
    check(
        "registry when=a\nelsewhere\nplan name=Containers tier=Standard when=a",
        "unknown Note: … this registry is deployed if 'a' … in deployment 'other.bicep'",
    );
}

#[test]
fn scopes() {
    check(
        "registry name=one\nplan name=Containers tier=Standard scope=one",
        "scanned",
    );
    check(
        "registry name=one\nplan name=Containers tier=Standard scope=two",
        "missing",
    );
    check(
        "registry name=?n\nplan name=Containers tier=Standard scope=?n",
        "scanned",
    );
    check(
        "registry name=?n\nplan name=Containers tier=Standard scope=?m",
        "unknown",
    );
    check(
        "registry name=one\nplan name=CloudPosture tier=Standard scope=one",
        "missing",
    );
    check(
        "registry name=one\nplan name=Containers tier=Standard scope=one api=2022-03-01",
        "missing",
    );
    check(
        "registry\nplan name=Containers tier=Standard scope=rg api=2017-08-01-preview",
        "missing Warning: … has an API version that is gone",
    );
    check(
        "registry\nplan name=Containers tier=Standard scope=rg api=2023-01-01",
        "missing",
    );
    check_with(
        Settings::default(),
        "registry\nplan name=Containers tier=Standard scope=rg",
        &["missing", "hint Note: This Defender plan does not deploy"],
    );
}

#[test]
fn coverage() {
    let case = "registry\nelsewhere\nplan name=Containers tier=Standard";
    check(case, "scanned");
    check(
        "registry\nelsewhere\nplan name=Containers tier=?t",
        "unknown Note: … in deployment 'other.bicep'",
    );
    check(
        "registry\nelsewhere\nplan name=Containers tier=Free",
        "missing Warning",
    );
    let with = |coverage| Settings {
        coverage,
        ..Settings::default()
    };
    check_with(
        with(Coverage::Deployment),
        case,
        &["missing Warning: … looked in this deployment"],
    );
    check_with(with(Coverage::Elsewhere), "registry", &["scanned"]);
    let excluded = Settings {
        rules: RuleLists {
            exclude: vec!["AZR-000002".to_owned()],
            ..RuleLists::default()
        },
        ..Settings::default()
    };
    check_with(excluded, "registry", &[]);
}

#[test]
fn levels() {
    let with = |level| Settings {
        rules: RuleLists {
            levels: vec![("AZR-000002".to_owned(), level)],
            ..RuleLists::default()
        },
        ..Settings::default()
    };
    check_with(with(Level::Error), "registry", &["missing Error"]);
    check_with(
        with(Level::Information),
        "registry\nplan name=Containers tier=Free",
        &["off Note"],
    );
    check_with(
        with(Level::Warning),
        "registry\nunread",
        &["unknown Warning"],
    );
}

#[test]
fn policies() {
    let id =
        "/providers/Microsoft.Authorization/policyDefinitions/C9ddb292-b203-4738-aead-18e2716e858f";
    check(
        &format!("registry\npolicy definition={id}"),
        "unknown Note: … policy 'policy' may turn the plan on",
    );
    check(
        &format!("registry\nelsewhere\npolicy definition={id}"),
        "unknown",
    );
    check(
        "registry\npolicy definition=/providers/x/1f3afdf9-d0c9-4c3d-847f-89da613e70a8",
        "missing",
    );
    check(
        &format!("registry\npolicy when=false definition={id}"),
        "missing",
    );
    check("registry\ndefinition", "missing");
}

#[test]
fn hints() {
    check_with(
        Settings::default(),
        "plan name=KubernetesService tier=Standard",
        &["hint Note: Plan 'KubernetesService' is superseded"],
    );
    check_with(
        Settings::default(),
        "plan name=KubernetesService tier=Standard when=false",
        &[],
    );
    let quiet = Settings {
        hints: crate::workspace::config::Hints(false),
        ..Settings::default()
    };
    check_with(quiet, "plan name=KubernetesService tier=Standard", &[]);
    check_with(
        Settings::default(),
        "registry public=Disabled bypass=None\nplan name=Containers tier=Standard",
        &[
            "scanned",
            "hint Note: The scanner cannot reach this registry: public network access",
        ],
    );
    check(
        "registry public=Disabled\nplan name=Containers tier=Standard",
        "scanned",
    );
}

#[test]
fn registries_declared_outside_the_workspace_are_reported_at_the_module_use() {
    let (deployment, reach) = deployment("registry via=99", Settings::default());
    let results = rules::check(&deployment, &reach, &|file| file.0 < 10);
    assert_eq!(results[0].place, place(0, 0, 20));
    let inside = rules::check(&deployment, &reach, &|_| true);
    assert_eq!(inside[0].place, place(99, 0, 2));
    let related = &inside[0].finding.as_ref().map(|f| f.related.clone());
    let chain = [(
        place(0, 0, 20),
        "the registry comes from module './modules/acr.bicep'".to_owned(),
    )];
    assert_eq!(related.as_deref(), Some(&chain[..]));
}

#[test]
fn one_declaration_gives_one_finding() {
    let case = |plan: &str| deployment(&format!("registry\n{plan}"), Settings::default());
    let (mut test, none) = case("plan name=Containers tier=Free");
    let (mut prod, _) = case("plan name=Containers tier=Standard");
    test.label = "test.bicepparam".into();
    prod.label = "prod.bicepparam".into();
    let found = |deployments: &[&Deployment]| {
        let mut all = Vec::new();
        for deployment in deployments {
            for results in rules::check(deployment, &none, &|_| true) {
                all.push((*deployment, results));
            }
        }
        rules::merge(all)
    };
    let findings = found(&[&prod, &test]);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].verdict, Verdict::Off);
    assert!(
        findings[0]
            .message
            .starts_with("Deployed by 'test.bicepparam': Images")
    );
    assert!(found(&[&prod, &prod]).is_empty());
    let alike = found(&[&test, &test]);
    assert!(
        alike[0].message.starts_with("Images"),
        "{}",
        alike[0].message
    );
}

#[test]
fn hovering_tells_the_verdict_and_what_decided_it() {
    let check = |case: &str, expect: &[&str]| {
        let (deployment, reach) = deployment(case, Settings::default());
        let results = rules::check(&deployment, &reach, &|_| true);
        let about: Vec<_> = results.iter().map(|one| (&deployment, one)).collect();
        let text = hover::hover_registry(&about, &|_| None);
        for part in expect {
            assert!(text.contains(part), "{case}\n{text}\nshould contain {part}");
        }
    };
    check(
        "registry",
        &[
            "**Images are not scanned**",
            "- `main.bicep`: Images",
            METADATA.page,
        ],
    );
    check(
        "registry\nplan name=Containers tier=Standard",
        &[
            "**Images are scanned**",
            "- `main.bicep`: Plan 'Containers' is Standard.",
        ],
    );
    check(
        "registry\nelsewhere\nplan name=Containers tier=Standard",
        &["Plan 'Containers' is Standard in deployment 'other.bicep'."],
    );
    check(
        "registry via=99",
        &["- The registry comes from module './modules/acr.bicep'."],
    );
    let plan = |words: &str, expect: &str| {
        let (deployment, _) = deployment("", Settings::default());
        let text = hover::hover_plan(&[(&deployment, &instance(words, 0))]);
        assert!(text.starts_with(&format!("**{expect}")), "{words}\n{text}");
    };
    plan(
        "plan name=Containers tier=Standard",
        "Plan 'Containers' scans the images of registries**",
    );
    plan(
        "plan name=Containers tier=Free",
        "Plan 'Containers' scans nothing: its tier is 'Free'**",
    );
    plan(
        "plan name=Dns tier=Standard",
        "Plan 'Dns' does not scan registries**",
    );
    plan(
        "plan name=Containers tier=?t",
        "Plan 'Containers' may scan registries: the tier",
    );
    plan(
        "plan name=Containers tier=Standard when=false",
        "Plan 'Containers' is not deployed**",
    );
}
