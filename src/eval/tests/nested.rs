//! Deployments nested in templates: which names they see, and what their outputs are.

use crate::eval::tests::instances::{check, expand};
use crate::eval::tests::testing::{Memory, show, show_all};

#[test]
fn nested_deployments() {
    let nested = |scope: &str, name: &str| {
        format!(
            r#"{{
              "type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "n",
              "properties": {{
                "mode": "Incremental",
                {scope}
                "parameters": {{ "p": {{ "value": "given" }} }},
                "template": {{
                  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
                  "contentVersion": "1.0.0.0",
                  "parameters": {{ "p": {{ "type": "string" }}, "q": {{ "type": "string", "defaultValue": "inner" }} }},
                  "resources": [ {{ "type": "A.B/c", "apiVersion": "1", "name": "{name}" }} ]
                }}
              }}
            }}"#
        )
    };
    let inner = r#""expressionEvaluationOptions": { "scope": "Inner" },"#;
    let template = r#"{ "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#", "contentVersion": "1.0.0.0", "resources": [ { "type": "A.B/v", "apiVersion": "1", "name": "[[parameters('x')]" } ], "parameters": { "x": { "type": "string", "defaultValue": "held" } } }"#;
    check(
        &format!(
            r#"//- main.json
            {{
              "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
              "contentVersion": "1.0.0.0",
              "parameters": {{ "p": {{ "type": "string", "defaultValue": "outer" }} }},
              "variables": {{ "held": {template} }},
              "resources": [
                {},
                {},
                {},
                {{
                  "type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "v",
                  "properties": {{ {inner} "template": "[variables('held')]" }}
                }},
                {{
                  "type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "l",
                  "properties": {{
                    "templateLink": {{ "relativePath": "linked/l.json" }},
                    "parameters": {{ "p": {{ "value": "linked" }} }}
                  }}
                }},
                {{
                  "type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "u",
                  "properties": {{
                    "templateLink": {{ "uri": "[uri(deployment().properties.templateLink.uri, 'linked/l.json')]" }},
                    "parameters": {{ "p": {{ "value": "by uri" }} }}
                  }}
                }},
                {{
                  "type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "w",
                  "properties": {{ "templateLink": {{ "uri": "https://example.org/t.json" }} }}
                }}
              ]
            }}
            //- linked/l.json
            {{
              "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
              "contentVersion": "1.0.0.0",
              "parameters": {{ "p": {{ "type": "string" }} }},
              "resources": [ {{ "type": "A.B/l", "apiVersion": "1", "name": "[parameters('p')]" }} ]
            }}"#,
            nested("", "[parameters('p')]"),
            nested(inner, "[parameters('p')]"),
            nested(inner, "[parameters('q')]"),
        ),
        "A.B/c 'outer' always
        A.B/c 'given' always
        A.B/c 'inner' always
        A.B/v 'held' always
        A.B/l 'linked' always
        A.B/l 'by uri' always",
    );
}

/// Whether a nested template takes the name `v` that it declares (`inner`) or that of the template around it.
#[test]
fn scopes_of_evaluation() {
    let rows = [
        ("", "", "outer"),
        ("1.0", "", "outer"),
        ("1.9-experimental", "", "inner"),
        ("2.0", "", "inner"),
        ("2.1-experimental", "", "inner"),
        ("2.0", "'Inner'", "inner"),
        ("2.0", "'Outer'", "refused"),
        ("1.9-experimental", "'outer'", "refused"),
        ("2.1-experimental", "\"[concat('Out','er')]\"", "refused"),
        ("", "'INNER'", "inner"),
        ("", "'NotSpecified'", "outer"),
        ("2.0", "'NotSpecified'", "inner"),
        ("", "null", "outer"),
        ("", "\"[concat('in','ner')]\"", "inner"),
        ("", "\"[variables('scope')]\"", "inner"),
        ("", "\"[parameters('scope')]\"", "unknown"),
        ("", "'other'", "unknown"),
    ];
    let schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#";
    for keyed in [false, true] {
        for (version, scope, expect) in rows {
            let version = match version {
                "" => String::new(),
                version => format!("'languageVersion': '{version}',"),
            };
            let options = match scope {
                "" => String::new(),
                scope => format!("'expressionEvaluationOptions': {{ 'scope': {scope} }},"),
            };
            let (open, close) = match keyed {
                true => ("{ 'd':", "}"),
                false => ("[", "]"),
            };
            let expansion = expand(&format!(
                r#"//- main.json
                {{
                  '$schema': '{schema}', {version} 'contentVersion': '1.0.0.0',
                  'parameters': {{ 'scope': {{ 'type': 'string' }} }},
                  'variables': {{ 'v': 'outer', 'scope': 'inner' }},
                  'resources': {open} {{
                    'type': 'Microsoft.Resources/deployments', 'apiVersion': '2022-09-01', 'name': 'd',
                    'properties': {{ {options} 'template': {{
                      '$schema': '{schema}', 'contentVersion': '1.0.0.0', 'variables': {{ 'v': 'inner' }},
                      'resources': [ {{ 'type': 'A.B/c', 'apiVersion': '1', 'name': "[variables('v')]" }} ]
                    }} }}
                  }} {close}
                }}"#
            ));
            let found = match (&*expansion.instances, &*expansion.unread) {
                ([one], []) => show(&one.name).trim_matches('\'').to_owned(),
                ([], [unread]) if unread.reason.contains("no outer scope") => "refused".to_owned(),
                ([], [_]) => "unknown".to_owned(),
                _ => show_all(&expansion),
            };
            assert_eq!(found, expect, "{version} {options} {keyed}");
        }
    }
}

#[test]
fn outputs_of_modules_in_arm() {
    let template = |outputs: &str, resources: &str| {
        format!(
            r#"{{
              "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
              "languageVersion": "2.0", "contentVersion": "1.0.0.0",
              "resources": {{ {resources} }}, "outputs": {{ {outputs} }}
            }}"#
        )
    };
    let inner = template(r#""y": { "type": "string", "value": "given" }"#, "");
    let outer = template(
        "",
        &format!(
            r#""m": {{
              "type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "m",
              "properties": {{ "expressionEvaluationOptions": {{ "scope": "inner" }}, "template": {inner} }}
            }},
            "r": {{ "type": "A.B/c", "apiVersion": "1", "name": "[reference('m').outputs.y.value]" }}"#
        ),
    );
    check(&format!("//- main.json\n{outer}\n"), "A.B/c 'given' always");
    // The references that the compiler writes, to one module and to one of several.
    let rows = [
        ("reference('m[1]').outputs.y.value", "'1'"),
        ("reference(format('m[{0}]', 1)).outputs.y.value", "'1'"),
        ("references('m')[1].outputs.y.value", "'1'"),
        ("last(references('m')).outputs.y.value", "'2'"),
        ("reference('n').outputs.y.value", "'0'"),
        ("tryGet(reference('n'), 'outputs', 'y', 'value')", "'0'"),
        (
            "map(references('m'), lambda('r', lambdaVariables('r').outputs.y.value))[0]",
            "'0'",
        ),
        (
            "reference('n').outputs.z.value",
            "?the module has no output 'z'",
        ),
    ];
    let indexed = template(
        r#""y": { "type": "string", "value": "[parameters('i')]" }"#,
        "",
    );
    let indexed = indexed.replacen('{', r#"{ "parameters": { "i": { "type": "string" } },"#, 1);
    let module = |name: &str, more: &str, i: &str| {
        format!(
            r#""{name}": {{
              "type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", {more}
              "properties": {{ "parameters": {{ "i": {{ "value": "{i}" }} }}, "template": {indexed} }}
            }}"#
        )
    };
    let one = module("n", r#""name": "n","#, "0");
    let several = module(
        "m",
        r#""name": "[format('m{0}', copyIndex())]", "copy": { "name": "m", "count": 3 },"#,
        "[string(copyIndex())]",
    );
    for (reference, expect) in rows {
        let used =
            format!(r#""r": {{ "type": "A.B/c", "apiVersion": "1", "name": "[{reference}]" }}"#);
        let fixture = template("", &format!("{one}, {several}, {used}"));
        check(
            &format!("//- main.json\n{fixture}\n"),
            &format!("A.B/c {expect} always"),
        );
    }
}

/// Addresses that are put together from where a template is deployed from lead to files beside it.
#[test]
fn links_by_address() {
    const OWN: &str = "deployment().properties.templateLink.uri";
    const BASE: &str = "parameters('_artifactsLocation')";
    const TOKEN: &str = "parameters('_artifactsLocationSasToken')";
    let check = |uri: &str, variables: &str, expect: &str| {
        let uri = uri.replace("OWN", OWN).replace("BASE", BASE);
        let (uri, variables) = (uri.replace("TOKEN", TOKEN), variables.replace("OWN", OWN));
        let variables = variables.replace("BASE", BASE);
        let files = format!(
            r#"//- main.json
            {{
              "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
              "parameters": {{
                "_artifactsLocation": {{ "type": "string", "defaultValue": "https://example.org/" }},
                "_artifactsLocationSasToken": {{ "type": "securestring" }},
                "base": {{ "type": "string" }}
              }},
              "variables": {{ {variables} }},
              "resources": [{{
                "type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "l",
                "properties": {{ "templateLink": {{ "uri": "[{uri}]" }} }}
              }}]
            }}
            //- n/x.json
            {{
              "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
              "resources": [{{ "type": "A.B/l", "apiVersion": "1", "name": "x" }}]
            }}"#
        );
        let expansion = Memory::parse(&files).expand(None);
        let found = match expansion.instances.as_slice() {
            [] => expansion.unread[0].reason.to_string(),
            [one] => one.name.as_str().unwrap_or_default().to_owned(),
            _ => "several".to_owned(),
        };
        assert_eq!(found, expect, "{uri}");
    };
    check("uri(OWN, 'n/x.json')", "", "x");
    check("uri(BASE, concat('n/x.json', TOKEN))", "", "x");
    check("concat(BASE, '/n/x.json', TOKEN)", "", "x");
    check(
        "concat(BASE, '/', variables('folder'), '/x.json', TOKEN)",
        r#""folder": "n""#,
        "x",
    );
    check(
        "variables('urls').vnet",
        r#""urls": {"vnet": "[uri(OWN, 'n/x.json')]"}"#,
        "x",
    );
    check(
        "uri(variables('base'), 'n/x.json')",
        r#""base": "[uri(OWN, '.')]""#,
        "x",
    );
    let root = r#""base": "[BASE]", "root": "[concat(variables('base'), '/')]""#;
    check("concat(variables('root'), 'n/x.json')", root, "x");
    check("uri(variables('root'), 'n/x.json')", root, "x");
    check("concat(uri(BASE, 'n/x.json'), TOKEN)", "", "x");
    check("format('{0}/n/x.json{1}', BASE, TOKEN)", "", "x");
    check("concat(BASE, '/n/x.json', '?sv=1')", "", "x");
    check("replace(OWN, 'main.json', 'n/x.json')", "", "x");
    let unknown = "where a template is deployed from is known only to Azure";
    check("uri(concat(BASE, '/n'), 'x.json')", "", unknown);
    check("concat(BASE, parameters('base'), '/n/x.json')", "", unknown);
    check("replace(OWN, 'main', 'n/x.json')", "", unknown);
    check(
        "uri(parameters('base'), 'n/x.json')",
        "",
        "parameter 'base' has no value",
    );
    check(
        "variables('a')",
        r#""a": "[concat(variables('a'), BASE)]""#,
        "'a' refers to itself",
    );
    let far = "https://example.org/n/x.json does not exist";
    check("uri('https://example.org/', 'n/x.json')", "", far);
}
