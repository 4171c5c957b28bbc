//! Names (parameters, variables, functions, imports, types), and the source nodes that values carry.

use crate::eval::tests::testing::{Memory, outputs, show};

/// Every output of the first file.
fn check(fixture: &str, expect: &[(&str, &str)]) {
    let files = Memory::parse(fixture);
    let found = outputs(&files);
    let found: Vec<(String, String)> = found
        .iter()
        .map(|(name, value)| (name.clone(), show(value)))
        .collect();
    let found: Vec<(&str, &str)> = found
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(found, expect);
}

#[test]
fn parts_of_types() {
    check(
        "//- main.bicep
        import { plan } from 'types.bicep'
        type names = ('p' | 'q')[]
        type pair = [int, 'x']
        type rest = { *: 'r' }
        type nested = { one: plan?, many: names }
        type around = around2.one
        type around2 = { one: around }
        param a names[*]
        param b pair[1]
        param c rest.*
        param d nested.one.tier
        param e nested.many[*]
        param f around
        param g pair[2]
        @minLength(1)
        param h string
        @minLength(1)
        param i array
        @minLength(1)
        param j string?
        output a string = a
        output b string = b
        output c string = c
        output d string = d
        output e string = e
        output f string = f
        output g string = g
        output h bool = empty(h)
        output i bool = empty(i)
        output j bool = empty(j)
        output k bool = length(h) > 0
        output l bool = length(i) == 0
        //- types.bicep
        @export()
        type plan = { tier: 'Free' | 'Standard' }
        ",
        &[
            ("a", "'p' | 'q'"),
            ("b", "'x'"),
            ("c", "'r'"),
            ("d", "'Free' | 'Standard'"),
            ("e", "'p' | 'q'"),
            ("f", "?parameter 'f' has no value"),
            ("g", "?parameter 'g' has no value"),
            ("h", "false"),
            ("i", "false"),
            ("j", "true"),
            ("k", "true"),
            ("l", "false"),
        ],
    );
}

#[test]
fn outputs_of_modules_that_may_not_be_deployed() {
    check(
        "//- main.bicep
        param maybe bool
        param never bool = false
        module a 'm.bicep' = { name: 'a' }
        module b 'm.bicep' = if (never) { name: 'b' }
        module c 'm.bicep' = if (maybe) { name: 'c' }
        module d 'm.bicep' = [for i in range(0, 2): if (i == 1) { name: 'd${i}' }]
        output a string? = a.?outputs.x
        output b string = b.?outputs.x ?? 'none'
        output c string = c.?outputs.x ?? 'none'
        output d string = d[0].?outputs.x ?? 'none'
        output e string = d[1].?outputs.x ?? 'none'
        output f string = [1, 2][^(maybe ? 1 : 2)]
        output g string = b.outputs.x
        output h string = d[0].outputs.x
        //- m.bicep
        output x string = 'x'
        ",
        &[
            ("a", "'x'"),
            ("b", "'none'"),
            ("c", "'x' | 'none'"),
            ("d", "'none'"),
            ("e", "'x'"),
            ("f", "2 | 1"),
            ("g", "?the module is not deployed"),
            ("h", "?the module is not deployed"),
        ],
    );
}

#[test]
fn parameters_and_variables() {
    check(
        "//- main.bicep
        param a string = 'x'
        param b string = '${a}y'
        param c string?
        param d 'p' | 'q'
        param e 'only'
        param f { tier: 'Free' | 'Standard', size: int, note: string? }
        type plan = { on: bool }
        param g plan
        type lock = { kind: string }?
        param h lock
        var v = { deep: [b] }
        output a string = b
        output c string? = c
        output d string = d
        output e string = e
        output f string = f.tier
        output fsize int = f.size
        output fnote string? = f.note
        output fnone string? = f.?none
        output g bool = g.on
        output h object? = h
        output v string = v.deep[0]
        ",
        &[
            ("a", "'xy'"),
            ("c", "null"),
            ("d", "'p' | 'q'"),
            ("e", "'only'"),
            ("f", "'Free' | 'Standard'"),
            ("fsize", "?parameter 'f' has no value"),
            ("fnote", "?parameter 'f' has no value"),
            ("fnone", "?parameter 'f' has no value"),
            ("g", "true | false"),
            ("h", "null"),
            ("v", "'xy'"),
        ],
    );
}

#[test]
fn cycles_are_reported() {
    check(
        "//- main.bicep
        var a = b
        var b = '${a}!'
        param c string = d
        param d string = c
        func f(x string) string => g(x)
        func g(x string) string => f(x)
        output a string = a
        output c string = c
        output f string = f('x')
        ",
        &[
            ("a", "?!'a' refers to itself"),
            ("c", "?'c' refers to itself"),
            ("f", "?'f' refers to itself"),
        ],
    );
}

#[test]
fn functions_and_imports() {
    check(
        "//- main.bicep
        import { shout as cry, plans, tier } from 'lib/shared.bicep'
        import * as lib from 'lib/shared.bicep'
        import { version } from 'lib/compiled.json'
        param t tier
        func twice(x string) string => '${x}${x}'
        output a string = twice('a')
        output b string = cry('a')
        output c string = lib.shout('b')
        output d string = plans[0]
        output e string = lib.plans[1]
        output f string = version
        output t string = t
        output none string = lib.none()
        //- lib/shared.bicep
        var mark = '!'
        @export()
        var plans = ['Containers', '${mark}']
        @export()
        func shout(x string) string => '${x}${mark}'
        @export()
        type tier = 'Free' | 'Standard'
        //- lib/compiled.json
        {
          \"$schema\": \"https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#\",
          \"contentVersion\": \"1.0.0.0\",
          \"variables\": { \"version\": \"1.2\" },
          \"resources\": []
        }
        ",
        &[
            ("a", "'aa'"),
            ("b", "'a!'"),
            ("c", "'b!'"),
            ("d", "'Containers'"),
            ("e", "'!'"),
            ("f", "'1.2'"),
            ("t", "'Free' | 'Standard'"),
            ("none", "?the imported file has no function 'none'"),
        ],
    );
}

#[test]
fn bicep_distinguishes_case() {
    check(
        "//- main.bicep
        param name string = 'parameter'
        var Name = 'variable'
        output a string = name
        output b string = Name
        ",
        &[("a", "'parameter'"), ("b", "'variable'")],
    );
}

#[test]
fn symbols_of_resources_and_modules() {
    check(
        "//- main.bicep
        param suffix string
        resource acr 'Microsoft.ContainerRegistry/registries@2023-07-01' = {
          name: 'acr'
          resource hook 'webhooks' = { name: 'h' }
        }
        resource many 'Microsoft.Storage/storageAccounts@2023-01-01' = [for i in range(0, 2): {
          name: 's${i}'
        }]
        resource late 'Microsoft.Storage/storageAccounts@2023-01-01' existing = { name: 'x${suffix}' }
        module m 'm.bicep' = { name: 'deploy', params: { x: 'given' } }
        module ms 'm.bicep' = [for n in ['p', 'q']: { name: n, params: { x: n } }]
        output a string = acr.name
        output b string = acr::hook.name
        output c string = acr.type
        output d string = acr.apiVersion
        output e bool = empty(acr.id)
        output f string = acr.properties.loginServer
        output g string = many[1].name
        output h string = m.outputs.y
        output i string = ms[1].outputs.y
        output j string = m.name
        output k string = late.name
        output l array = map(many, s => s.name)
        output n string = m.outputs.none
        output o object = acr
        //- m.bicep
        param x string
        param z string = 'z'
        output y string = '${x}-${z}'
        ",
        &[
            ("a", "'acr'"),
            ("b", "'h'"),
            ("c", "'Microsoft.ContainerRegistry/registries'"),
            ("d", "'2023-07-01'"),
            ("e", "false"),
            ("f", "?'acr.properties' is known only after deployment"),
            ("g", "'s1'"),
            ("h", "'given-z'"),
            ("i", "'q-z'"),
            ("j", "'deploy'"),
            ("k", "?!parameter 'suffix' has no value"),
            ("l", "['s0', 's1']"),
            ("n", "?the module has no output 'none'"),
            ("o", "?!the state of 'acr' is known only after deployment"),
        ],
    );
}

#[test]
fn arm_expressions() {
    check(
        r#"//- main.json
        {
          "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
          "contentVersion": "1.0.0.0",
          "parameters": {
            "Stage": { "type": "string", "allowedValues": ["dev", "prod"] },
            "which": { "type": "string", "defaultValue": "first" },
            "maybe": { "type": "string", "nullable": true }
          },
          "variables": {
            "first": "one",
            "copy": [ { "name": "many", "count": 2, "input": "[concat('n', copyIndex('many', 5))]" } ]
          },
          "functions": [
            {
              "namespace": "My",
              "members": {
                "Name": {
                  "parameters": [ { "name": "which", "type": "string" } ],
                  "output": { "type": "string", "value": "[concat('fn-', parameters('Which'))]" }
                }
              }
            },
            { "members": { "Bare": { "output": { "type": "string", "value": "x" } } } }
          ],
          "resources": [],
          "outputs": {
            "a": { "type": "string", "value": "[PARAMETERS('stage')]" },
            "b": { "type": "string", "value": "[variables(parameters('which'))]" },
            "c": { "type": "string", "value": "[my.name('x')]" },
            "d": { "type": "array", "value": "[variables('many')]" },
            "e": { "type": "string", "value": "[[not an expression]" },
            "f": { "type": "string", "value": "[parameters('maybe')]" },
            "g": { "type": "array", "value": "[map(createArray(1, 2), lambda('x', add(lambdaVariables('x'), 1)))]" },
            "h": { "type": "array", "copy": { "count": 2, "input": "[copyIndex()]" } },
            "i": { "type": "string", "value": "[if(true(), createObject('a', 1), json('{}')).A]" },
            "j": { "type": "string", "value": "[tryGet(createObject('a', createArray(1, 2)), 'a', 1)]" },
            "k": { "type": "string", "value": "[parameters('none')]" },
            "l": { "type": "string", "value": "[indexFromEnd(createArray(1, 2), 1)]" },
            "m": { "type": "string", "value": "[name('x')]" },
            "n": { "type": "string", "value": "[bare()]" }
          }
        }
        "#,
        &[
            ("a", "'dev' | 'prod'"),
            ("b", "'one'"),
            ("c", "'fn-x'"),
            ("d", "['n5', 'n6']"),
            ("e", "'[not an expression]'"),
            ("f", "null"),
            ("g", "[2, 3]"),
            ("h", "[0, 1]"),
            ("i", "1"),
            ("j", "2"),
            ("k", "?there is no parameter 'none'"),
            ("l", "2"),
            ("m", "?there is no function name()"),
            ("n", "?there is no function bare()"),
        ],
    );
}

#[test]
fn values_say_where_they_come_from() {
    // The item and node numbers of the literal that each output's value comes from; none where it was computed.
    let files = Memory::parse(
        "//- main.bicep
        param tier string = 'Standard'
        var plans = [{ name: 'Containers', tier: tier }]
        var copy = plans[0]
        output a string = copy.tier
        output b string = 'x'
        output c string = '${tier}'
        output d array = map(plans, p => p.name)
        output e string = true ? tier : 'y'
        ",
    );
    let found = outputs(&files);
    let template = files.template(crate::model::FileId(0));
    let keys = crate::model::item_keys(crate::model::ItemKey::FILE, &template);
    let item = |name: &str| {
        let (_, value) = found.iter().find(|(n, _)| n == name).expect("an output");
        let place = value.place?;
        keys.iter().position(|key| *key == place.item)
    };
    assert_eq!(item("a"), Some(0), "the parameter's default");
    assert_eq!(item("b"), Some(4), "the output itself");
    assert_eq!(item("c"), None, "computed");
    assert_eq!(item("e"), Some(0), "through a branch");
    let (_, names) = &found[3];
    let crate::eval::Kind::Array(names) = &names.kind else {
        panic!("an array");
    };
    let place = names.items[0].place.expect("an element keeps its place");
    assert_eq!(keys.iter().position(|key| *key == place.item), Some(1));
}
