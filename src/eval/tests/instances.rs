//! Templates and their instances: loops, conditions, nesting, modules and scopes, in both languages.

use crate::eval::expand::scope_of;
use crate::eval::tests::testing::{Memory, outputs, show, show_all};
use crate::eval::{Expansion, Instance, ResourceFilter};
use crate::model::ScopeKind;

/// The instances of a fixture's first file, a line each: type, name, presence, copies.
pub(super) fn check(fixture: &str, expect: &str) {
    check_with(fixture, None, expect);
}

fn check_with(fixture: &str, parameters: Option<&str>, expect: &str) {
    let expansion = Memory::parse(fixture).expand(parameters);
    let lines: Vec<&str> = expect
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    assert_eq!(show_all(&expansion), lines.join("\n"), "{fixture}");
}

#[test]
fn conditions() {
    check(
        "//- main.bicep
        param deploy bool
        param name string = ''
        param stage string
        resource a 'A.B/c@1' = if (true) { name: 'a' }
        resource b 'A.B/c@1' = if (!empty(name)) { name: 'b' }
        resource c 'A.B/c@1' = if (deploy && stage == 'prod') { name: 'c' }
        resource d 'A.B/c@1' = if (deploy || !deploy) { name: 'd' }
        resource e 'A.B/c@1' existing = { name: 'e' }
        resource f 'A.B/c@1' = if (deploy == false) {
          name: 'f'
          resource g 'd' = if (stage != 'x') { name: 'g' }
        }
        resource h 'A.B/c/d@1' = {
          parent: f
          name: 'h'
        }
        resource i 'A.B/c@1' = if (reference('x').y) { name: 'i' }
        ",
        "A.B/c 'a' always
        A.B/c 'b' no
        A.B/c 'c' maybe(equals(\"prod\",parameters('stage')) & parameters('deploy'))
        A.B/c 'd' always
        A.B/c 'e' always existing
        A.B/c 'f' maybe(not(parameters('deploy')))
        A.B/c/d 'f/g' maybe(not(equals(\"x\",parameters('stage'))) & not(parameters('deploy')))
        A.B/c/d 'f/h' always
        A.B/c 'i' maybe(reference(\"x\")[\"y\"])",
    );
}

#[test]
fn loops() {
    check(
        "//- main.bicep
        param names array
        param flag bool
        param on bool = true
        resource a 'A.B/a@1' = [for (n, i) in ['x', 'y']: { name: '${n}${i}' }]
        resource b 'A.B/b@1' = [for n in names: { name: 'b-${n}' }]
        resource c 'A.B/c@1' = [for n in []: { name: 'c${n}' }]
        resource d 'A.B/d@1' = [for i in range(0, 3): if (i != 1) { name: 'd${i}' }]
        resource e 'A.B/e@1' = [for n in concat(['x'], names): { name: 'e${n}' }]
        resource f 'A.B/f@1' = [for n in (flag ? ['x', 'y'] : ['x']): { name: 'f${n}' }]
        resource g 'A.B/g@1' = [for p in items({ k: { n: 'v' } }): { name: '${p.key}${p.value.n}' }]
        resource h 'A.B/h@1' = [for n in ['x', 'y']: if (on) {
          name: n
          resource inner 'i' = { name: 'in' }
        }]
        ",
        "A.B/a 'x0' always
        A.B/a 'y1' always
        A.B/b ?!parameter 'names' has no value maybe(loop over parameters('names') loop) copies
        A.B/c ?!its loop is empty no
        A.B/d 'd0' always
        A.B/d 'd1' no
        A.B/d 'd2' always
        A.B/e 'ex' always
        A.B/e ?!parameter 'names' has no value maybe( opaque loop) copies
        A.B/f 'fx' always
        A.B/f ?!parameter 'flag' has no value maybe( opaque loop) copies
        A.B/g 'kv' always
        A.B/h 'x' always
        A.B/h 'y' always
        A.B/h/i 'x/in' always
        A.B/h/i 'y/in' always",
    );
}

/// A count that Azure refuses says neither that there are copies nor that there are none.
#[test]
fn counts_of_copies() {
    let refused = "the count of a loop is no number from 0 to 800";
    for (count, expect) in [
        ("1", "A.B/c 'c' always"),
        ("\"[sub(2, 1)]\"", "A.B/c 'c' always"),
        ("0", "A.B/c 'c' no"),
        ("\"1\"", refused),
        ("\"[string(1)]\"", refused),
        ("-1", refused),
        ("\"[sub(1, 2)]\"", refused),
        ("801", refused),
        ("\"[add(800, 1)]\"", refused),
    ] {
        let expansion = expand(&format!(
            r#"//- main.json
            {{
              "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
              "contentVersion": "1.0.0.0",
              "resources": [
                {{ "type": "A.B/c", "apiVersion": "1", "name": "c", "copy": {{ "name": "loop", "count": {count} }} }}
              ]
            }}"#
        ));
        let shown = show_all(&expansion);
        if expect == refused {
            assert!(shown.starts_with("A.B/c 'c' maybe("), "{count}: {shown}");
        } else {
            assert_eq!(shown, expect, "{count}");
        }
    }
    let files = Memory::parse(
        r#"//- main.json
        {
          "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
          "contentVersion": "1.0.0.0",
          "resources": [],
          "outputs": {
            "a": { "type": "array", "copy": { "count": 801, "input": 1 } },
            "b": { "type": "array", "copy": { "count": "3", "input": 1 } },
            "c": { "type": "array", "copy": { "count": -1, "input": 1 } },
            "d": { "type": "array", "copy": { "count": 2, "input": 1 } }
          }
        }"#,
    );
    let found = outputs(&files);
    let found: Vec<String> = found.iter().map(|(_, value)| show(value)).collect();
    let refused = format!("[…{refused}]");
    assert_eq!(found, [&refused, &refused, &refused, "[1, 1]"]);
}

#[test]
fn modules_pass_conditions_and_arguments() {
    check(
        "//- main.bicep
        param deployAcr bool
        param names array = ['x', 'y']
        param more object
        module one 'mod/m.bicep' = if (deployAcr) { name: 'one', params: { name: 'n', on: true } }
        module two 'mod/m.bicep' = { name: 'two', params: { name: 'n', on: deployAcr } }
        module three 'mod/m.bicep' = [for n in names: { name: n, params: { name: n, on: true } }]
        module four 'mod/m.bicep' = { name: 'four', params: { name: 'n', on: true, suffix: null } }
        module five 'mod/m.bicep' = { name: 'five', params: { ...more, on: true } }
        module six 'mod/m.bicep' = { name: 'six', params: { ...{ name: 'six' }, on: false } }
        module seven 'mod/none.bicep' = { name: 'seven' }
        //- mod/m.bicep
        param name string
        param on bool
        param suffix string = '!'
        resource r 'A.B/c@1' = if (on) { name: '${name}${suffix}' }
        ",
        "A.B/c 'n!' maybe(parameters('deployacr'))
        A.B/c 'n!' maybe(parameters('deployacr'))
        A.B/c 'x!' always
        A.B/c 'y!' always
        A.B/c 'n!' always
        A.B/c ?parameter 'more' has no value always
        A.B/c 'six!' no",
    );
}

#[test]
fn arm_resources_as_people_write_them() {
    check(
        r##"//- main.json
        {
          "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
          "contentVersion": "1.0.0.0",
          "definitions": {
            "plan": { "type": "object", "properties": { "name": { "type": "string", "allowedValues": ["p"] } } }
          },
          "parameters": {
            "name": { "$ref": "#/definitions/plan/properties/name" },
            "group": { "type": "string", "minLength": 1 }
          },
          "variables": { "given": { "p": { "value": "computed" }, "uri": { "value": "u" } } },
          "resources": [
            {
              "type": "A.B/c", "apiVersion": "1", "name": "[concat('c', copyIndex())]",
              "copy": { "name": "loop", "count": 2 },
              "resources": [ { "type": "d", "apiVersion": "1", "name": "d" } ]
            },
            { "type": "A.B/e", "apiVersion": "1", "name": "e", "condition": "True" },
            { "type": "A.B/f", "apiVersion": "1", "name": "f", "condition": "false" },
            { "type": "A.B/g", "apiVersion": "1", "name": "g", "condition": null },
            { "type": "A.B/h", "apiVersion": "1", "name": "[parameters('name')]",
              "condition": "[not(empty(parameters('group')))]" },
            {
              "type": "Microsoft.Resources/deployments", "apiVersion": "1", "name": "all",
              "properties": {
                "expressionEvaluationOptions": { "scope": "inner" },
                "parameters": "[variables('given')]",
                "template": {
                  "parameters": { "p": { "type": "string" } },
                  "resources": [ { "type": "A.B/i", "apiVersion": "1", "name": "[parameters('p')]" } ],
                  "outputs": { "o": { "type": "string", "value": "[concat(parameters('p'), '!')]" } }
                }
              }
            },
            {
              "type": "Microsoft.Resources/deployments", "apiVersion": "1", "name": "[concat('n', copyIndex())]",
              "copy": { "name": "loop", "count": 2 },
              "properties": {
                "expressionEvaluationOptions": { "scope": "inner" },
                "parametersLink": { "uri": "https://example.org/p.json" },
                "parameters": { "p": { "value": "[copyIndex()]" } },
                "template": {
                  "parameters": { "p": { "type": "int" } },
                  "resources": [],
                  "outputs": { "o": { "type": "string", "value": "[concat('o', parameters('p'))]" } }
                }
              }
            },
            { "type": "A.B/j", "apiVersion": "1", "name": "[reference('all').outputs.o.value]" },
            { "type": "A.B/k", "apiVersion": "1",
              "name": "[reference(resourceId('Microsoft.Resources/deployments', 'n1'), '2022-09-01').outputs.o.value]" },
            { "type": "A.B/l", "apiVersion": "1", "name": "[reference('other').outputs.o.value]" }
          ]
        }
        "##,
        "A.B/c 'c0' always
        A.B/c/d 'c0/d' always
        A.B/c 'c1' always
        A.B/c/d 'c1/d' always
        A.B/e 'e' always
        A.B/f 'f' no
        A.B/g 'g' always
        A.B/h 'p' always
        A.B/i 'computed' always
        A.B/j 'computed!' always
        A.B/k 'o1' always
        A.B/l ?reference() is known only after deployment always",
    );
}

#[test]
fn arm_resources() {
    check(
        r#"//- main.json
        {
          "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
          "contentVersion": "1.0.0.0",
          "parameters": {
            "on": { "type": "bool" },
            "plans": { "type": "array", "defaultValue": ["p", "q"] },
            "open": { "type": "array" }
          },
          "resources": [
            {
              "type": "A.B/c", "apiVersion": "1", "name": "parent", "condition": "[parameters('on')]",
              "resources": [
                { "type": "d", "apiVersion": "1", "name": "child" },
                { "type": "A.B/c/d", "apiVersion": "1", "name": "[concat('parent', '/full')]" }
              ]
            },
            {
              "type": "A.B/e", "apiVersion": "1",
              "name": "[concat(parameters('plans')[copyIndex('loop')], copyIndex(), copyIndex(10))]",
              "copy": { "name": "loop", "count": "[length(parameters('plans'))]" }
            },
            {
              "type": "A.B/f", "apiVersion": "1", "name": "[parameters('open')[copyIndex()]]",
              "copy": { "name": "loop", "count": "[length(parameters('open'))]" }
            },
            {
              "type": "A.B/g", "apiVersion": "1", "name": "[concat('g', copyIndex())]",
              "copy": { "name": "loop", "count": 0 }
            },
            {
              "type": "A.B/h", "apiVersion": "1",
              "name": "[concat(createArray('x'), parameters('open'))[copyIndex()]]",
              "copy": { "name": "loop", "count": "[length(concat(createArray('x'), parameters('open')))]" }
            }
          ]
        }
        "#,
        "A.B/c 'parent' maybe(parameters('on'))
        A.B/c/d 'parent/child' always
        A.B/c/d 'parent/full' always
        A.B/e 'p010' always
        A.B/e 'q111' always
        A.B/f ?parameter 'open' has no value maybe(loop over length(parameters('open')) loop) copies
        A.B/g ?!its loop is empty no
        A.B/h 'x' always
        A.B/h ?parameter 'open' has no value maybe(loop over length(concat([\"x\"],parameters('open'))) loop) copies",
    );
}

pub(super) fn expand(fixture: &str) -> Expansion {
    Memory::parse(fixture).expand(None)
}

/// The scope of an instance in one line: level, subscription, resource group, resource.
fn scope(instance: &Instance) -> String {
    let scope = &instance.scope;
    let value = |value: &Option<crate::eval::Value>| value.as_ref().map_or("own".to_owned(), show);
    let resource = scope.resource.as_ref().map(|resource| {
        let ty = resource
            .resource_type
            .as_ref()
            .map_or("?", |ty| ty.as_str());
        let name = resource.name.as_ref().map_or("?".to_owned(), show);
        format!(" {ty} {name}")
    });
    format!(
        "{:?} {} {}{}",
        scope.kind,
        value(&scope.subscription),
        value(&scope.resource_group),
        resource.unwrap_or_default()
    )
}

fn check_scopes(fixture: &str, expect: &[&str]) {
    let expansion = expand(fixture);
    let found: Vec<String> = expansion.instances.iter().map(scope).collect();
    assert_eq!(found, expect, "{fixture}");
}

#[test]
fn scopes_in_bicep() {
    check_scopes(
        "//- main.bicep
        targetScope = 'managementGroup'
        param sub string
        module a 'm.bicep' = { name: 'a', scope: subscription('s1') }
        module b 'm.bicep' = { name: 'b', scope: subscription(sub) }
        module c 'm.bicep' = { name: 'c', scope: resourceGroup('s2', 'g') }
        module d 'm.bicep' = { name: 'd', scope: tenant() }
        module e 'm.bicep' = { name: 'e' }
        module f 'deep.bicep' = { name: 'f', scope: subscription('s3') }
        //- m.bicep
        resource r 'A.B/c@1' = { name: 'r' }
        //- deep.bicep
        targetScope = 'subscription'
        resource rg 'Microsoft.Resources/resourceGroups@2022-09-01' existing = { name: 'found' }
        module g 'm.bicep' = { name: 'g', scope: rg }
        module h 'm.bicep' = { name: 'h', scope: resourceGroup('named') }
        module i 'm.bicep' = { name: 'i', scope: subscription() }
        module j 'ext.bicep' = { name: 'j', scope: resourceGroup('x') }
        //- ext.bicep
        resource acr 'Microsoft.ContainerRegistry/registries@2023-07-01' existing = { name: 'acr' }
        resource p 'Microsoft.Security/pricings@2024-01-01' = { scope: acr, name: 'Containers' }
        resource q 'A.B/c@1' = { scope: resourceGroup(subscription().subscriptionId, 'y'), name: 'q' }
        ",
        &[
            "Subscription 's1' own",
            "Subscription ?parameter 'sub' has no value own",
            "ResourceGroup 's2' 'g'",
            "Tenant own own",
            "ManagementGroup own own",
            "Subscription 's3' own",
            "ResourceGroup 's3' 'found'",
            "ResourceGroup 's3' 'named'",
            "Subscription 's3' own",
            "ResourceGroup 's3' 'x'",
            "ResourceGroup 's3' 'x' Microsoft.ContainerRegistry/registries 'acr'",
            "ResourceGroup 's3' 'y'",
        ],
    );
}

#[test]
fn scopes_in_arm() {
    let deployment = |members: &str| {
        format!(
            r#"{{
              "type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "n", {members}
              "properties": {{
                "expressionEvaluationOptions": {{ "scope": "inner" }},
                "template": {{
                  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
                  "contentVersion": "1.0.0.0",
                  "resources": [ {{ "type": "A.B/c", "apiVersion": "1", "name": "r" }} ]
                }}
              }}
            }}"#
        )
    };
    check_scopes(
        &format!(
            r#"//- main.json
            {{
              "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
              "contentVersion": "1.0.0.0",
              "resources": [
                {},
                {},
                {},
                {},
                {{ "type": "Microsoft.Security/pricings", "apiVersion": "2024-01-01", "name": "Containers",
                   "scope": "[resourceId('Microsoft.ContainerRegistry/registries', 'acr')]" }},
                {{ "type": "Microsoft.Security/pricings", "apiVersion": "2024-01-01", "name": "Containers",
                   "scope": "Microsoft.ContainerRegistry/registries/acr" }}
              ]
            }}"#,
            deployment(""),
            deployment(r#""subscriptionId": "[subscription().subscriptionId]", "location": "x","#),
            deployment(r#""subscriptionId": "s1","#),
            deployment(r#""subscriptionId": "s1", "resourceGroup": "g","#),
        ),
        &[
            "ResourceGroup own own",
            "Subscription own own",
            "Subscription 's1' own",
            "ResourceGroup 's1' 'g'",
            "ResourceGroup own own Microsoft.ContainerRegistry/registries 'acr'",
            "ResourceGroup own own Microsoft.ContainerRegistry/registries 'acr'",
        ],
    );
}

#[test]
fn parameter_files() {
    let main = "//- main.bicep
        param name string
        param tier string = 'Free'
        param secret string = ''
        param env string
        resource r 'A.B/c@1' = if (tier == 'Standard') { name: name }
        resource s 'A.B/s@1' = if (!empty(secret)) { name: env }
        ";
    check_with(
        &format!(
            "{main}
            //- main.bicepparam
            using 'main.bicep'
            extends 'base.bicepparam'
            import {{ short }} from 'names.bicep'
            var full = '${{short}}-${{base.region}}'
            param name = '${{full}}-1'
            param secret = getSecret('s', 'g', 'v', 'n')
            param env = readEnvironmentVariable('X', 'fallback')
            //- base.bicepparam
            using none
            param tier = 'Standard'
            param name = 'base'
            param region = 'we'
            //- names.bicep
            @export()
            var short = 'acr'
            "
        ),
        Some("main.bicepparam"),
        "A.B/c 'acr-we-1' always
        A.B/s 'fallback' always",
    );
    check_with(
        &format!(
            "{main}
            //- p.json
            {{
              \"$schema\": \"https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#\",
              \"contentVersion\": \"1.0.0.0\",
              \"parameters\": {{
                \"NAME\": {{ \"value\": \"given\" }},
                \"tier\": {{ \"value\": \"Standard\" }},
                \"secret\": {{ \"reference\": {{ \"keyVault\": {{ \"id\": \"x\" }}, \"secretName\": \"y\" }} }},
                \"env\": {{ \"value\": \"${{AZURE_ENV_NAME}}\" }}
              }}
            }}
            "
        ),
        Some("p.json"),
        "A.B/c 'given' always
        A.B/s ?a placeholder is filled in by another tool always",
    );
}

#[test]
fn known_modules_deploy_what_their_templates_do() {
    check(
        "//- main.bicep
        param hubName string = ''
        module a 'br:registry' = { name: 'a', params: { name: 'acr' } }
        module b 'br:hub' = { name: 'b' }
        module c 'br:hub' = { name: 'c', params: { name: hubName } }
        module d 'br:hub' = { name: 'd', params: { name: 'x' } }
        module e 'br:plans' = { name: 'e', scope: subscription() }
        module f 'br:plans' = { name: 'f', params: { plans: [{ name: 'y' }, { name: 'z' }] } }
        module g 'br:harmless' = { name: 'g' }
        ",
        "A.B/registry 'acr' always
        A.B/registry '' no
        A.B/registry '' no
        A.B/registry 'x' always
        A.B/plan 'x' always
        A.B/plan 'y' always
        A.B/plan 'z' always",
    );
}

#[test]
fn unread_and_broken_are_reported() {
    let expansion = expand(
        "//- main.bicep
        param on bool = false
        module a 'none.bicep' = { name: 'a' }
        module b 'other.bicep' = if (on) { name: 'b' }
        module c 'br:harmless' = { name: 'c' }
        resource d 'A.B/c@1' = { name: 'd' }
        resource e 'A.B/c@1' = { name: + }
        ",
    );
    let unread: Vec<(&str, bool)> = expansion
        .unread
        .iter()
        .map(|unread| (&*unread.reference, unread.harmless))
        .collect();
    assert_eq!(
        unread,
        [
            ("none.bicep", false),
            ("other.bicep", true),
            ("br:harmless", true)
        ]
    );
    assert_eq!(show_all(&expansion), "A.B/c 'd' always");
    assert_eq!(expansion.broken.len(), 1);
}

#[test]
fn bodies_hold_what_is_wanted() {
    let check = |fixture: &str, expect: &str| {
        let expansion = expand(fixture);
        assert_eq!(show(&expansion.instances[0].body), expect, "{fixture}");
    };
    check(
        "//- main.bicep
        param tier string = 'Standard'
        param strict bool
        resource p 'Microsoft.Security/pricings@2024-01-01' = {
          name: 'Containers'
          tags: { never: wanted }
          properties: strict ? { pricingTier: tier } : { pricingTier: tier, subPlan: 'P' }
        }\n",
        "{properties: {pricingTier: 'Standard', …parameter 'strict' has no value}}",
    );
    check(
        "//- main.bicep
        var base = { properties: { pricingTier: 'Free' }, tags: {} }
        resource p 'Microsoft.Security/pricings@2024-01-01' = {
          name: 'Containers'
          ...base
        }\n",
        "{properties: {pricingTier: 'Free'}}",
    );
    check(
        r#"//- main.json
        {
          "$schema": "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#",
          "contentVersion": "1.0.0.0",
          "resources": [
            {
              "type": "Microsoft.Security/pricings", "apiVersion": "2024-01-01", "name": "Containers",
              "properties": {
                "pricingTier": "Standard",
                "copy": [ { "name": "extensions", "count": 2, "input": { "name": "[concat('e', copyIndex('extensions'))]" } } ]
              }
            }
          ]
        }"#,
        "{properties: {pricingTier: 'Standard', extensions: [{name: 'e0'}, {name: 'e1'}]}}",
    );
}

#[test]
fn an_instance_states_its_modules() {
    let files = Memory::parse(
        "//- main.bicep
        var plans = ['Containers']
        module a 'mid.bicep' = [for p in plans: { name: p, params: { p: p } }]
        //- mid.bicep
        param p string
        module b 'leaf.bicep' = { name: 'b', params: { p: p } }
        //- leaf.bicep
        param p string
        resource r 'A.B/c@1' = { name: p }
        ",
    );
    let expansion = files.expand(None);
    let instance = &expansion.instances[0];
    let via: Vec<&str> = instance.via.iter().map(|step| &*step.reference).collect();
    assert_eq!(via, ["mid.bicep", "leaf.bicep"]);
    assert_eq!(expansion.files.len(), 3);
    let template = files.template(crate::model::FileId(0));
    let keys = crate::model::item_keys(crate::model::ItemKey::FILE, &template);
    let literal = instance.name.place.expect("the name is a literal's");
    assert_eq!((literal.file.0, literal.item), (0, keys[0]));
}

#[test]
fn only_what_is_wanted_is_expanded() {
    const FILTER: ResourceFilter = ResourceFilter {
        types: &["microsoft.containerregistry/registries"],
        related: &[],
        body: &[],
        existing: false,
        ordered: &[],
        shown: &[],
    };
    let files = Memory::parse(
        "//- main.bicep
        resource a 'A.B/c@1' = [for i in range(0, 10000): { name: 'a${i}' }]
        resource b 'Microsoft.ContainerRegistry/Registries@2023-07-01' = { name: 'b' }
        resource c 'Microsoft.ContainerRegistry/registries@2023-07-01' existing = { name: 'c' }
        module d 'br:harmless' = [for i in range(0, 10000): { name: 'd${i}' }]
        module e 'm.bicep' = { name: 'e' }
        resource f 'A.B/c@1' = {
          name: 'f'
          resource g 'webhooks' = { name: 'g' }
        }
        //- m.bicep
        resource h 'A.B/c@1' = [for i in range(0, 10000): { name: 'h${i}' }]
        resource i 'Microsoft.ContainerRegistry/registries@2023-07-01' = { name: 'i' }
        ",
    );
    let template = files.template(crate::model::FileId(0));
    let expansion = crate::eval::expand(
        crate::model::FileId(0),
        &template,
        &crate::eval::expand::Arguments::default(),
        &files,
        &FILTER,
    );
    let names: Vec<String> = expansion.instances.iter().map(|i| show(&i.name)).collect();
    assert_eq!(names, ["'b'", "'i'"]);
    assert_eq!(expansion.unread, []);
}

#[test]
fn arm_schemas_may_lie_about_the_scope() {
    let check = |schema: &str, resources: &[(&str, &str)], expect: ScopeKind| {
        let each: Vec<String> = resources
            .iter()
            .map(|(ty, version)| {
                format!(r#"{{ "type": "{ty}", "apiVersion": "{version}", "name": "x" }}"#)
            })
            .collect();
        let files = Memory::parse(&format!(
            "//- main.json
            {{
              \"$schema\": \"https://schema.management.azure.com/schemas/{schema}.json#\",
              \"contentVersion\": \"1.0.0.0\",
              \"resources\": [ {} ]
            }}\n",
            each.join(", ")
        ));
        let template = files.template(crate::model::FileId(0));
        assert_eq!(scope_of(&template), expect, "{schema} {resources:?}");
    };
    let (group, subscription) = (
        "2019-04-01/deploymentTemplate",
        "2018-05-01/subscriptionDeploymentTemplate",
    );
    let plan = ("Microsoft.Security/pricings", "2024-01-01");
    let old_plan = ("Microsoft.Security/pricings", "2017-08-01-preview");
    let registry = ("Microsoft.ContainerRegistry/registries", "2023-07-01");
    let role = ("Microsoft.Authorization/roleAssignments", "2022-04-01");
    check(group, &[plan], ScopeKind::Subscription);
    check(group, &[plan, role], ScopeKind::Subscription);
    check(group, &[plan, registry], ScopeKind::ResourceGroup);
    check(group, &[old_plan], ScopeKind::ResourceGroup);
    check(group, &[role], ScopeKind::ResourceGroup);
    check(subscription, &[role], ScopeKind::Subscription);
}
