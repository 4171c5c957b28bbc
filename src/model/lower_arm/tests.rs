//! What ARM templates lower to, as text.

use super::*;
use crate::model::lower_parameters::lower_parameters;
use crate::model::tests::dump::dump;

fn model(text: &str) -> FileModel {
    let tree = crate::syntax::parse(crate::syntax::json(), text, None);
    lower_arm(&tree, text, &NoMemo)
}

/// The dump of a template whose text is `text`.
fn check(text: &str, expect: &str) {
    assert_eq!(dump(&model(text).template), expect, "{text}");
}

/// The dump of the only variable of a template whose value is `json`.
fn value(json: &str, expect: &str) {
    let text = format!(r#"{{"variables": {{"v": {json}}}}}"#);
    check(&text, &format!("var v = {expect}\n"));
}

#[test]
fn values() {
    value("null", "null");
    value("true", "true");
    value("-3", "-3");
    value("9223372036854775807", "9223372036854775807");
    value(
        "9223372036854775808",
        r#"largeInteger("9223372036854775808")"#,
    );
    value("1.5e1", "15.0");
    value(r#""a\n\u0041""#, r#""a\nA""#);
    value("\"a\nb\"", r#""a\nb""#);
    value(r#""[[x]""#, r#""[x]""#);
    value(r#""[x] y""#, r#""[x] y""#);
    value(
        r#"[1, /* c */ "a", [], {"b": {}},]"#,
        r#"[1, "a", [], {b: {}}]"#,
    );
    value(
        r#"{"a": 1, // c
        "b c": 2,}"#,
        r#"{a: 1, "b c": 2}"#,
    );
    value(r#"{"a": 1, "A": 2}"#, "{a: 1, A: 2}");
    value(r#"{"[toLower('A')]": 1}"#, r#"{toLower("A"): 1}"#);
    value(r#""${tier}""#, "environmentPlaceholder()");
    value(r#""{{ tier }}""#, "environmentPlaceholder()");
    value(r#""{0}""#, r#""{0}""#);
}

#[test]
fn expressions() {
    value(
        r#""[concat(parameters('a'), '-b')]""#,
        r#"concat(parameters("a"), "-b")"#,
    );
    value(
        r#""[variables('a').b[0]['c']]""#,
        r#"variables("a").b[0].c"#,
    );
    value(
        r#""[map(range(0, 2), lambda('i', 'j', add(lambdaVariables('i'), 1)))]""#,
        "map(range(0, 2), (i, j) => add(i, 1))",
    );
    value(
        r#""[__bicep.up(null(), true())]""#,
        "__bicep.up(null(), true())",
    );
    value(
        r#""[createObject('it''s', 1)]""#,
        r#"createObject("it's", 1)"#,
    );
    value(
        r#""[if(equals(1, 2), 'a', 'b')]""#,
        r#"if(equals(1, 2), "a", "b")"#,
    );
    value(r#""[parameters(\u0027a\u0027)]""#, r#"parameters("a")"#);
    value(r#""[parameters('a'""#, r#""[parameters('a'""#);
    value(
        r#""[parameters('a']""#,
        r#"!"an expression error: a comma or a parenthesis is expected""#,
    );
    value(r#""[lambda(1, 2)]""#, r#"!"lambda takes names and a body""#);
    value(
        r#""[99999999999999999999]""#,
        r#"!"an integer beyond 64 bits""#,
    );
}

#[test]
fn loops_inside_objects() {
    value(
        r#"{"a": 1, "copy": [{"name": "xs", "count": "[length(parameters('p'))]", "input": {"n": "[copyIndex('xs')]"}}]}"#,
        r#"{a: 1, xs: [for xs to length(parameters("p")): {n: copyIndex("xs")}]}"#,
    );
    value(r#"{"copy": [{"name": "xs"}]}"#, r#"{copy: [{name: "xs"}]}"#);
    value(r#"{"copy": []}"#, "{copy: []}");
    check(
        r#"{"variables": {"copy": [{"name": "a", "count": 2, "input": "[copyIndex('a', 1)]"}, {"name": "b", "count": 0, "input": 1}], "c": 3}}"#,
        "var a = [for a to 2: copyIndex(\"a\", 1)]\nvar b = [for b to 0: 1]\nvar c = 3\n",
    );
    check(r#"{"variables": {"copy": [1]}}"#, "var copy = [1]\n");
    check(
        r#"{"outputs": {"o": {"type": "array", "copy": {"count": 2, "input": "[copyIndex()]"}}, "p": {"condition": "[parameters('c')]", "value": 1}, "q": {}}}"#,
        "output o = [for o to 2: copyIndex()]\noutput p = if(parameters(\"c\"), 1, null)\noutput q = null\n",
    );
}

#[test]
fn parameters_and_types() {
    check(
        r##"{"parameters": {
            "a": {"type": "String", "defaultValue": "x", "allowedValues": ["x", "y"]},
            "b": {"type": "securestring"},
            "c": {"$ref": "#/definitions/t", "nullable": true},
            "d": {"type": "object", "defaultValue": {}, "properties": {"p": {"type": "int", "nullable": true}}, "additionalProperties": false},
            "e": {"type": "array", "items": {"type": "bool"}},
            "f": {"type": "array", "prefixItems": [{"type": "int"}, {"type": "string", "allowedValues": ["q"]}]},
            "g": {"type": "object", "additionalProperties": {"type": "string"}},
            "h": {"type": "array", "items": {"type": "array", "allowedValues": [1]}},
            "i": 3,
            "j": {"type": "object", "discriminator": {"propertyName": "k", "mapping": {"u": {"$ref": "#/definitions/u"}}}}
        }, "definitions": {"t": {"type": "object", "properties": {"p": {"type": "string"}}}, "u": {"type": "int", "nullable": true}}}"##,
        "param a: string allowed [\"x\", \"y\"] = \"x\"\n\
         param b: string secure\n\
         param c: @t nullable\n\
         param d: {p: int?} = {}\n\
         param e: bool[]\n\
         param f: [int, (\"q\")]\n\
         param g: {*: string}\n\
         param h: (1)[][]\n\
         param i: any\n\
         param j: (@u)\n\
         type t = {p: string, *: any}\n\
         type u = int?\n",
    );
}

#[test]
fn functions() {
    check(
        r#"{"functions": [{"namespace": "ns", "members": {"up": {"parameters": [{"name": "s", "type": "string"}],
            "output": {"type": "string", "value": "[toUpper(parameters('s'))]"}}, "no": {}}}]}"#,
        "func ns.up(s: string) = toUpper(parameters(\"s\"))\nfunc ns.no() = !\"a function without output\"\n",
    );
}

const REGISTRY: &str =
    r#""type": "Microsoft.ContainerRegistry/registries", "apiVersion": "2023-07-01""#;

#[test]
fn resources() {
    check(
        &format!(
            r#"{{"resources": [{{{REGISTRY}, "name": "[parameters('n')]", "condition": "[parameters('c')]", "scope": "s",
                "copy": {{"name": "loop", "count": 3}}, "properties": {{"a": 1}}}}]}}"#
        ),
        "resource Microsoft.ContainerRegistry/registries@2023-07-01\n\
        \x20 for loop to 3\n\
        \x20 if parameters(\"c\")\n\
        \x20 name parameters(\"n\")\n\
        \x20 scope \"s\"\n\
        \x20 body {type: \"Microsoft.ContainerRegistry/registries\", apiVersion: \"2023-07-01\", name: parameters(\"n\"), \
         condition: parameters(\"c\"), scope: \"s\", copy: {name: \"loop\", count: 3}, properties: {a: 1}}\n",
    );
    // Symbols, `existing`, and what is no resource among them.
    check(
        r#"{"languageVersion": "2.0", "resources": {"a": {"type": "M.X/y", "existing": true, "name": "n"}, "b": 3,
            "c": {"type": "[variables('t')]"}, "d": {"type": "Microsoft.Graph/groups@v1.0"}}}"#,
        "resource a M.X/y existing\n  name \"n\"\n  body {type: \"M.X/y\", existing: true, name: \"n\"}\n\
         resource c ?\n  body {type: variables(\"t\")}\n\
         resource d Microsoft.Graph/groups@v1.0\n  body {type: \"Microsoft.Graph/groups@v1.0\"}\n",
    );
    // An existing deployment deploys nothing.
    check(
        r#"{"resources": {"d": {"type": "Microsoft.Resources/deployments", "existing": true}}}"#,
        "resource d Microsoft.Resources/deployments existing\n  body {type: \"Microsoft.Resources/deployments\", existing: true}\n",
    );
}

#[test]
fn nested_resources() {
    check(
        r#"{"resources": [{"type": "M.C/registries", "apiVersion": "1", "condition": false, "copy": {"name": "l", "count": 2}, "name": "a", "resources": [
            {"type": "webhooks", "name": "w", "resources": {"s": {"type": "pings", "name": "p"}}},
            {"type": "M.C/registries/tasks", "apiVersion": "2", "name": "t"},
            {"type": "providers/locks", "name": "M.A/x"}, null]}]}"#,
        "resource M.C/registries@1\n  for l to 2\n  if false\n  name \"a\"\n  \
         body {type: \"M.C/registries\", apiVersion: \"1\", condition: false, copy: {name: \"l\", count: 2}, name: \"a\"}\n  \
         resource M.C/registries/webhooks@1\n    name \"w\"\n    body {type: \"webhooks\", name: \"w\"}\n    \
         resource s M.C/registries/webhooks/pings@1\n      name \"p\"\n      body {type: \"pings\", name: \"p\"}\n  \
         resource M.C/registries/tasks@2\n    name \"t\"\n    body {type: \"M.C/registries/tasks\", apiVersion: \"2\", name: \"t\"}\n  \
         resource M.C/registries/providers/locks@1\n    name \"M.A/x\"\n    body {type: \"providers/locks\", name: \"M.A/x\"}\n",
    );
    // A deployment among them is an item of its own, repeated by the loop around it.
    check(
        r#"{"resources": [{"type": "M.X/y", "copy": {"name": "l", "count": 2}, "resources": [
            {"type": "Microsoft.Resources/deployments", "name": "d", "properties": {"templateLink": {"relativePath": "x.json"}}}]}]}"#,
        "resource M.X/y\n  for l to 2\n  body {type: \"M.X/y\", copy: {name: \"l\", count: 2}}\n\
         module relative \"x.json\" inner\n  for l to 2\n  name \"d\"\n",
    );
}

/// The dump of a deployment with these `properties`, in a template with these other sections.
fn deployment(properties: &str, sections: &str, expect: &str) {
    let text = format!(
        r#"{{{sections} "resources": [{{"type": "microsoft.resources/Deployments", "apiVersion": "1", "name": "d",
            "properties": {properties}}}]}}"#
    );
    let whole = dump(&model(&text).template);
    let module = whole.find("module").map_or("", |at| &whole[at..]);
    let (head, rest) = module
        .split_once("\n  name \"d\"\n")
        .unwrap_or((module, ""));
    assert_eq!(
        format!("{head}\n{rest}"),
        format!("module {expect}"),
        "{text}"
    );
}

#[test]
fn deployments() {
    deployment(
        r#"{"expressionEvaluationOptions": {"scope": "INNER"}, "mode": "Incremental", "template": {
            "$schema": "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#",
            "metadata": {"_generator": {"name": "bicep"}},
            "variables": {"a": 1}, "resources": [{"type": "M.X/y", "name": "n"}]},
            "parameters": {"p": {"value": "[variables('b')]"}, "q": {"reference": {"keyVault": {"id": "k"}}},
            "r": {"copy": [{"name": "value", "count": 2, "input": "[copyIndex('value')]"}]},
            "s": "[createObject('value', 1)]", "t": {}}}"#,
        "",
        "inline inner\n  \
         arguments {p: variables(\"b\"), q: keyVaultSecret({keyVault: {id: \"k\"}}), r: [for value to 2: copyIndex(\"value\")], \
         s: createObject(\"value\", 1).?value}\n  \
         scope Subscription\n  generated\n  var a = 1\n  resource M.X/y\n    name \"n\"\n    body {type: \"M.X/y\", name: \"n\"}\n",
    );
    deployment(r#"{"template": {}}"#, "", "inline outer\n");
    deployment(
        r#"{"template": "[variables('$fxv#0')]"}"#,
        "",
        "value variables(\"$fxv#0\") outer\n",
    );
    deployment(
        r#"{"templateLink": {"id": "[parameters('id')]"}, "parametersLink": {"uri": "u"}}"#,
        "",
        "spec parameters(\"id\") inner\n  arguments linkedParameters({uri: \"u\"})\n",
    );
    deployment(
        r#"{"templateLink": {"relativePath": "a/b.json"}, "parameters": "[variables('p')]"}"#,
        "",
        "relative \"a/b.json\" inner\n  arguments linkedParameters(variables(\"p\"))\n",
    );
    deployment("{}", "", "? outer\n");
    deployment(
        "3",
        "",
        "value 3.?template outer\n  arguments linkedParameters(3.?parameters)\n",
    );
    let scoped = r#"{"resources": [{"type": "Microsoft.Resources/deployments", "subscriptionId": "s", "resourceGroup": "g", "scope": "/"}]}"#;
    check(
        scoped,
        "module ? outer\n  scope \"/\"\n  subscription \"s\"\n  group \"g\"\n",
    );
}

#[test]
fn templates_inside_data_are_data() {
    let text = r#"{"resources": [{"type": "Microsoft.Authorization/policyDefinitions", "name": "p", "properties": {"policyRule": {
        "then": {"details": {"deployment": {"properties": {"template": {"parameters": {"x": {}}, "resources": [
        {"type": "Microsoft.Security/pricings", "name": "[[parameters('n')]"}]}}}}}}}}]}"#;
    let model = model(text);
    assert_eq!(model.template.items.len(), 1);
    assert!(
        dump(&model.template)
            .contains(r#"{type: "Microsoft.Security/pricings", name: "[parameters('n')]"}"#)
    );
}

#[test]
fn scope_and_generator() {
    let scope = |schema: &str, expect: Option<ScopeKind>| {
        let text = format!(r#"{{"$schema": "{schema}", "resources": []}}"#);
        assert_eq!(model(&text).template.scope, expect, "{schema}");
    };
    let at = "schema.management.azure.com/schemas";
    scope(
        &format!("https://{at}/2019-04-01/deploymentTemplate.json#"),
        Some(ScopeKind::ResourceGroup),
    );
    scope(
        &format!("http://{at}/2015-01-01/DeploymentTemplate.json"),
        Some(ScopeKind::ResourceGroup),
    );
    scope(
        &format!("https://{at}/2018-05-01/subscriptionDeploymentTemplate.json#"),
        Some(ScopeKind::Subscription),
    );
    scope(
        &format!("https://{at}/2019-08-01/managementGroupDeploymentTemplate.json#"),
        Some(ScopeKind::ManagementGroup),
    );
    scope(
        &format!("https://{at}/2019-08-01/tenantDeploymentTemplate.json#"),
        Some(ScopeKind::Tenant),
    );
    scope("https://example.org/schema.json", None);
    assert!(
        model(r#"{"metadata": {"_generator": {"name": "Bicep (dev)"}}}"#)
            .template
            .generated
    );
    assert!(
        !model(r#"{"metadata": {"_generator": 3}}"#)
            .template
            .generated
    );
    // What Bicep wrote holds no placeholders of other tools.
    check(
        r#"{"metadata": {"_generator": {"name": "bicep"}}, "variables": {"script": "${x}"}}"#,
        "generated\nvar script = \"${x}\"\n",
    );
}

#[test]
fn kinds_of_files_are_distinguished() {
    let kind = |text: &str, expect: FileKind| {
        let tree = crate::syntax::parse(crate::syntax::json(), text, None);
        assert_eq!(arm_kind(&tree, text), expect, "{text}");
    };
    use FileKind::*;
    kind(
        r#"{"$schema": "https://x/2019-04-01/deploymentTemplate.json#"}"#,
        ArmTemplate,
    );
    kind(
        r#"{"$schema": "https://x/2019-04-01/deploymentParameters.json#"}"#,
        ArmParameters,
    );
    kind(
        r#"{"$schema": "https://x/2018-05-01/subscriptionDeploymentParameters.json#"}"#,
        ArmParameters,
    );
    kind(r#"{"resources": [{"type": "Microsoft.X/y"}]}"#, ArmTemplate);
    kind(
        r#"{"resources": {"a": {"type": "Microsoft.X/y"}}}"#,
        ArmTemplate,
    );
    kind(
        r#"{"$schema": "${SCHEMA}", "contentVersion": "1.0.0.0", "resources": [{"type": "Microsoft.X/y"}]}"#,
        ArmTemplate,
    );
    kind(
        r#"{"contentVersion": "1.0.0.0", "parameters": {"a": {"value": 1}}}"#,
        ArmParameters,
    );
    kind(
        r#"{"properties": {"mainTemplate": {"resources": []}}}"#,
        ArmTemplate,
    );
    kind(
        r#"{"$schema": "http://json-schema.org/draft-07/schema#", "resources": [{"type": "a/b.c"}]}"#,
        Other,
    );
    kind(r#"{"resources": ["x"]}"#, Other);
    kind(r#"{"resources": [{"type": "deployment"}]}"#, Other);
    kind(r#"{"parameters": {"a": {"value": 1}}}"#, ArmParameters);
    kind(
        r#"{"metadata": {"template": "./main.bicep"}, "parameters": {"a": {"value": 1}}}"#,
        ArmParameters,
    );
    kind(
        r#"{"parameters": {"a": {"value": 1}}, "activities": []}"#,
        Other,
    );
    kind(r#"{"parameters": {"a": 1}}"#, Other);
    kind(
        r#"{"contentVersion": "1", "parameters": {"a": {"type": "string"}}}"#,
        Other,
    );
    kind(r#"[{"type": "Microsoft.X/y"}]"#, Other);
    kind("", Other);
    kind("\u{feff}{}", Other);
    kind("x", Other);
}

#[test]
fn what_is_no_template_is_an_empty_one() {
    for text in [
        "",
        "[]",
        "3",
        "\"x\"",
        "{}",
        r#"{"resources": 3, "parameters": [], "functions": {}, "variables": null, "outputs": "x"}"#,
    ] {
        check(text, "");
    }
    check("\u{feff}{\"variables\": {\"v\": 1}}", "var v = 1\n");
    // A template spec's version, as the module cache holds it.
    check(
        r#"{"properties": {"mainTemplate": {"variables": {"v": 1}}}}"#,
        "var v = 1\n",
    );
}

#[test]
fn what_does_not_parse_is_broken_alone() {
    // What recovery makes of the inside is the parser's affair: only who is broken counts.
    let heads = |text: &str| {
        let text = dump(&model(text).template);
        let head = |line: &str| line.split(" =").next().unwrap_or(line).to_owned();
        text.lines().map(head).collect::<Vec<_>>().join(";")
    };
    assert_eq!(
        heads(r#"{"variables": {"a": 1, "b": [1 2], "c": 3}}"#),
        "var a;broken var b;var c"
    );
    // An error in a nested template's item is that item's.
    assert_eq!(
        heads(
            r#"{"resources": [{"type": "Microsoft.Resources/deployments",
            "properties": {"template": {"variables": {"a": 1, "b": [1 2]}}}}]}"#
        ),
        "module inline outer;  var a;  broken var b"
    );
    // Between items, it is an item of its own.
    let between = model(r#"{"resources": [{"type": "M.X/y"}, ? , {"type": "M.X/z"}]}"#);
    let broken: Vec<bool> = between
        .template
        .items
        .iter()
        .map(|item| item.broken)
        .collect();
    assert_eq!(broken, [false, true, false]);
    // At the outermost brace, what is inside is still read.
    let text = r#"{"variables": {"a": 1}, "resources": [{"type": "M.X/y"}], "outputs": {"#;
    let dumped = dump(&model(text).template);
    assert!(
        dumped.contains("var a = 1") && dumped.contains("resource M.X/y"),
        "{dumped}"
    );
}

#[test]
fn layout_does_not_count() {
    let compact = r#"{"resources":[{"type":"M.X/y","name":"[concat('a',parameters('b'))]","properties":{"copy":[{"name":"c","count":2,"input":1}]},"resources":[{"type":"z"}]},{"type":"Microsoft.Resources/deployments","properties":{"template":{"variables":{"v":[1]}}}}],"parameters":{"p":{"type":"string","defaultValue":"x"}}}"#;
    let airy = r#"
    // head
    { "resources" : [ /* a */ { "type" : "M.X/y" , "name" :
        "[concat(  'a' , parameters( 'b' ) )]", "properties": { "copy" : [ { "name": "c",
        // count
        "count": 2, "input" : 1 } ] }, "resources": [ { "type": "z" }, ] },
        { "type": "Microsoft.Resources/deployments", "properties": { "template": { "variables": { "v": [ 1, ] } } } } ],
      "parameters": { "p": { "type": "string", "metadata": {"description": "d"}, "defaultValue": "x" } } }"#;
    let (a, b) = (model(compact), model(airy));
    let hashes = |m: &FileModel| m.template.items.iter().map(|i| i.hash).collect::<Vec<_>>();
    assert_eq!(hashes(&a), hashes(&b));
    assert_eq!(a.template, b.template);
    // The same number is the same node: its text, without blanks and comments, is the same.
    for ((start_a, a), (start_b, b)) in a.spans.iter().zip(&b.spans) {
        assert_eq!(a.nodes.len(), b.nodes.len());
        for (span_a, span_b) in a.nodes.iter().zip(&b.nodes).skip(1) {
            let text = |text: &str, start: &u32, span: &Span| {
                let text = &text[span.shift(*start).range()];
                let text = text
                    .replace("// count\n", "")
                    .replace(",]", "]")
                    .replace(", ]", "]");
                text.split_whitespace()
                    .collect::<String>()
                    .replace(",]", "]")
                    .replace(",}", "}")
            };
            let (a, b) = (text(compact, start_a, span_a), text(airy, start_b, span_b));
            assert!(a == b || b.contains("template"), "{a}\n{b}");
        }
    }
}

/// The source text of the node that a step through the model leads to.
fn source(text: &str, of: impl Fn(&ItemKind) -> Option<u32>) -> &str {
    let model = model(text);
    let found = model.template.items.iter().zip(&model.spans);
    let mut found = found.filter_map(|(item, (start, spans))| {
        let node = of(&item.kind)?;
        Some(spans.nodes[node as usize].shift(*start))
    });
    &text[found.next().expect("an item has it").range()]
}

#[test]
fn nodes_stand_where_their_text_is() {
    let text = r#"{"resources": [ {"type": "Microsoft.Security/pricings", "name":"[concat('Cont\u0061', parameters( 'x' ).y)]" } ]}"#;
    let resource = |kind: &ItemKind, of: &dyn Fn(&crate::model::Resource) -> u32| match kind {
        ItemKind::Resource(r) => Some(of(r)),
        _ => None,
    };
    let at = |of: &dyn Fn(&crate::model::Resource) -> u32| source(text, |kind| resource(kind, of));
    assert_eq!(
        at(&|r| r.declaration.type_node),
        r#""Microsoft.Security/pricings""#
    );
    assert_eq!(
        at(&|r| r.declaration.node),
        text.split_once('[')
            .map_or("", |(_, rest)| rest.trim_end_matches("]}").trim())
    );
    assert_eq!(
        at(&|r| r.declaration.name.as_ref().map_or(0, |name| name.node)),
        r#""[concat('Cont\u0061', parameters( 'x' ).y)]""#
    );
    let arg =
        |r: &crate::model::Resource, n: usize| match &r.declaration.name.as_ref().unwrap().kind {
            ExprKind::Call { args, .. } => args[n].clone(),
            _ => unreachable!(),
        };
    assert_eq!(at(&|r| arg(r, 0).node), r"'Cont\u0061'");
    assert_eq!(at(&|r| arg(r, 1).node), "parameters( 'x' ).y");
    let key = |r: &crate::model::Resource| match arg(r, 1).kind {
        ExprKind::Get { key, .. } => key.node,
        _ => 0,
    };
    assert_eq!(at(&key), "y");
    let symbolic = r#"{"resources": {"a": {"type": "M.X/y"}}}"#;
    assert_eq!(
        source(symbolic, |kind| resource(kind, &|r| r.declaration.node)),
        r#""a": {"type": "M.X/y"}"#
    );
    let module = r#"{"resources": [{"type": "Microsoft.Resources/deployments"}]}"#;
    let type_node = |kind: &ItemKind| match kind {
        ItemKind::Module(m) => Some(m.declaration.type_node),
        _ => None,
    };
    assert_eq!(
        source(module, type_node),
        r#""Microsoft.Resources/deployments""#
    );
}

#[test]
fn depth_is_bounded() {
    let nested = |open: &str, close: &str, n: usize| {
        model(&format!(
            r#"{{"variables": {{"v": {}1{}}}}}"#,
            open.repeat(n),
            close.repeat(n)
        ))
    };
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let fits = dump(&nested(open, close, crate::model::lower::MAX_DEPTH - 1).template);
        assert!(!fits.contains("deeply"));
        let too_deep = dump(&nested(open, close, 50_000).template);
        assert!(too_deep.contains("nested too deeply"));
    }
    let children = r#"{"type": "M.X/y", "resources": ["#.repeat(20_000) + &"]}".repeat(20_000);
    assert_eq!(
        model(&format!(r#"{{"resources": [{children}]}}"#))
            .template
            .items
            .len(),
        1
    );
    let types = r#"{"type": "array", "items": "#.repeat(20_000) + "{}" + &"}".repeat(20_000);
    assert_eq!(
        model(&format!(r#"{{"definitions": {{"t": {types}}}}}"#))
            .template
            .items
            .len(),
        1
    );
    let open =
        r#"{"resources": [{"type": "Microsoft.Resources/deployments", "properties": {"template": "#;
    let templates = open.repeat(2_000) + "{}" + &"}}]}".repeat(2_000);
    assert!(dump(&model(&templates).template).contains("templates nested too deeply"));
}

#[test]
fn parameters_files() {
    let text = r#"{"$schema": "https://x/deploymentParameters.json#", "contentVersion": "1.0.0.0",
        "metadata": {"template": "../main.json", "author": "x"},
        "parameters": {"a": {"value": "x"}, "b": {"reference": {"keyVault": {"id": "k"}, "secretName": "s"}},
        "c": {"value": "${AZURE_LOCATION}"}, "d": {"expression": "[externalInputs('x')]"}, "e": {}, "f": {"value": ["${A}", 1]},
        "g": {"value": "${ENV=dev}-${N=1}"}, "h": {"value": "${ENV=dev}-${N}"}, "i": {"value": "[concat('a')]"}, "j": {"value": "[[b]"}}}"#;
    let tree = crate::syntax::parse(crate::syntax::json(), text, None);
    let model = lower_parameters(&tree, text, &NoMemo);
    assert_eq!(
        dump(&model.template),
        "metadata template = \"../main.json\"\n\
         assign a = \"x\"\n\
         assign b = keyVaultSecret({keyVault: {id: \"k\"}, secretName: \"s\"})\n\
         assign c = environmentPlaceholder()\n\
         assign d = externalInput(\"[externalInputs('x')]\")\n\
         nothing\n\
         assign f = [environmentPlaceholder(), 1]\n\
         assign g = \"dev-1\"\n\
         assign h = environmentPlaceholder()\n\
         assign i = \"[concat('a')]\"\n\
         assign j = \"[[b]\"\n",
    );
}

/// Remembers, and counts what was lowered.
#[derive(Default)]
struct Counting {
    known: std::sync::Mutex<rustc_hash::FxHashMap<u64, Lowered>>,
    lowered: std::sync::atomic::AtomicUsize,
}

impl ItemMemo for Counting {
    fn find(&self, text: u64) -> Option<Lowered> {
        self.known.lock().ok()?.get(&text).cloned()
    }

    fn keep(&self, text: u64, lowered: Lowered) -> Lowered {
        self.lowered
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if let Ok(mut known) = self.known.lock() {
            known.insert(text, lowered.clone());
        }
        lowered
    }
}

#[test]
fn an_edit_lowers_the_path_to_it_alone() {
    let memo = Counting::default();
    // How many items lowering a template again takes, which must state the same as lowering it from nothing.
    let lowers = |text: &str, expect: usize| {
        let tree = crate::syntax::parse(crate::syntax::json(), text, None);
        memo.lowered.store(0, std::sync::atomic::Ordering::Relaxed);
        let model = lower_arm(&tree, text, &memo);
        let count = memo.lowered.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(count, expect, "{text}");
        let fresh = lower_arm(&tree, text, &NoMemo);
        assert_eq!(model.template, fresh.template, "{text}");
        assert_eq!(model.spans, fresh.spans, "{text}");
    };
    let template = |deep: &str, beside: &str| {
        let inner = format!(
            r#"{{"variables": {{"a": {beside}, "b": 2}}, "resources": [{{"type": "M.X/y", "name": "{deep}"}}, {{"type": "M.X/z"}}]}}"#
        );
        let nested = |template: &str, name: &str| {
            format!(
                r#"{{"type": "Microsoft.Resources/deployments", "name": "{name}", "properties": {{"template": {template}}}}}"#
            )
        };
        let middle = format!(r#"{{"resources": [{}]}}"#, nested(&inner, "inner"));
        format!(
            r#"{{"parameters": {{"p": {{}}}}, "resources": [{}, {{"type": "M.X/w", "resources": [{}]}}]}}"#,
            nested(&middle, "middle"),
            nested("{}", "hoisted")
        )
    };
    // p, middle, inner, a, b, y, z, hoisted; w, which holds the last, is lowered each time.
    lowers(&template("x", "1"), 8);
    lowers(&template("x", "1"), 0);
    lowers(&template("xy", "1"), 3);
    lowers(&template("xy", "[1]"), 3);
    lowers(&template("x", "1"), 0);
    lowers(&template("x", "1").replace(r#""M.X/w""#, r#" "M.X/w""#), 0);
    lowers(&format!("// comment\n{}", template("x", "1")), 0);
}
