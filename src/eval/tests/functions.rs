//! Every function, with known and with unknown arguments.

use crate::eval::tests::testing::{Memory, outputs, show};

/// Evaluates a Bicep expression in a file with one parameter of each kind that has no value.
fn check(rows: &[(&str, &str)]) {
    for (expression, expect) in rows {
        let files = Memory::parse(&format!(
            "//- main.bicep
            param text string
            param number int
            param flag bool
            @allowed(['dev', 'prod'])
            param stage string
            param list array
            param thing object
            param anything resourceInput<'x'>
            var plans = [{{ name: 'b', rank: 2 }}, {{ name: 'a', rank: 1 }}]
            output out string = {expression}\n"
        ));
        let found = outputs(&files);
        let (_, value) = found.last().expect("the file has an output");
        assert_eq!(show(value), *expect, "{expression}");
    }
}

#[test]
fn logic() {
    check(&[
        ("true && false", "false"),
        ("false && text == 'x'", "false"),
        ("text == 'x' && false", "false"),
        ("text == 'x' || true", "true"),
        ("text == 'x' && true", "?parameter 'text' has no value"),
        ("flag", "true | false"),
        ("!flag", "false | true"),
        ("flag ? 'a' : 'b'", "'a' | 'b'"),
        ("flag ? 'a' : 'a'", "'a'"),
        ("text == 'x' ? 1 : 2", "1 | 2"),
        ("flag ? { a: 1, b: 2 } : { a: 1, b: 3 }", "{a: 1, b: 2 | 3}"),
        (
            "flag ? { a: 1 } : { a: 1, b: 3 }",
            "{a: 1, …parameter 'flag' has no value}",
        ),
        ("flag ? [1, 2] : [1, 3]", "[1, 2 | 3]"),
        ("flag ? [1, 2] : [2]", "[2, …parameter 'flag' has no value]"),
        ("stage == 'dev'", "true | false"),
        ("stage == 'test'", "false"),
        ("'A' == 'a'", "false"),
        ("'A' =~ 'a'", "true"),
        ("'A' !~ 'a'", "false"),
        ("{ A: 1 } == { a: 1 }", "true"),
        ("[1, 2] == [1, 2]", "true"),
        ("[1, text] == [2, 'x']", "false"),
        ("text == null", "false"),
        ("text == text", "true"),
        ("'${text}/x' == '${text}/x'", "true"),
        ("uniqueString(text) == uniqueString(text)", "true"),
        ("uniqueString(text) == ''", "false"),
        ("null ?? 'x'", "'x'"),
        ("null ?? null", "null"),
        ("text ?? 'x'", "?parameter 'text' has no value"),
        ("(flag ? null : 'y') ?? 'x'", "'y' | 'x'"),
        ("empty('')", "true"),
        ("empty(text)", "?parameter 'text' has no value"),
        ("empty(resourceId('a/b', 'c'))", "false"),
        ("empty('x${text}')", "false"),
        ("empty(stage)", "false"),
        ("empty([])", "true"),
        ("empty({})", "true"),
        ("empty(null)", "true"),
        ("bool('True')", "true"),
        ("bool(0)", "false"),
        ("any(1)", "1"),
    ]);
}

#[test]
fn numbers() {
    check(&[
        ("1 + 2 * 3", "7"),
        ("7 / 2", "3"),
        ("-7 / 2", "-3"),
        ("7 % 3", "1"),
        ("-5", "-5"),
        ("1 / 0", "?div() does not take these arguments"),
        (
            "9223372036854775807 + 1",
            "?add() does not take these arguments",
        ),
        ("min(3, 1, 2)", "1"),
        ("max([3, 1, 2])", "3"),
        ("int('12')", "12"),
        ("2 < 3", "true"),
        ("2 >= 3", "false"),
        ("number > 3", "?parameter 'number' has no value"),
        ("(flag ? 1 : 2) + 1", "2 | 3"),
        ("string(12)", "'12'"),
        ("string(true)", "'True'"),
        ("string([1, 'a'])", "'[1,\"a\"]'"),
        ("string({ a: null })", "'{\"a\":null}'"),
    ]);
}

#[test]
fn text() {
    check(&[
        ("'${1}-${true}-${'x'}'", "'1-True-x'"),
        ("'a${text}'", "?!parameter 'text' has no value"),
        ("'${text}'", "?parameter 'text' has no value"),
        ("'${stage}-x'", "'dev-x' | 'prod-x'"),
        ("concat('a', 'b', 1)", "'ab1'"),
        ("format('{0}/{1}', 'a', 2)", "'a/2'"),
        ("format('{{{0}}}', 'a')", "'{a}'"),
        ("format('{0:D3}|{1,4}|{1,-4}|', 7, 'x')", "'007|   x|x   |'"),
        ("format('{0:X}', 255)", "'FF'"),
        ("format('{0:N0}', 1234567)", "'1,234,567'"),
        (
            "format('{0:N2}|{0:F1}|{0:G}', -1234)",
            "'-1,234.00|-1234.0|-1234'",
        ),
        ("format('{0:#,##0}|{0:0#}|{0:000}', 5)", "'5|05|005'"),
        ("format('{0:#,##0}', 1234567)", "'1,234,567'"),
        (
            "format('{1}', 'a')",
            "?format() does not take these arguments",
        ),
        ("toLower('ÀB')", "'àb'"),
        ("toUpper('ab')", "'AB'"),
        (
            "toLower(uniqueString(text))",
            "?!parameter 'text' has no value",
        ),
        ("replace('a.b.c', '.', '-')", "'a-b-c'"),
        ("split('a,b;c', [',', ';'])", "['a', 'b', 'c']"),
        ("split('abc', '')", "['abc']"),
        ("join(['a', 1, true], '-')", "'a-1-True'"),
        ("substring('abcdef', 2, 3)", "'cde'"),
        ("substring('abc', 1)", "'bc'"),
        (
            "substring('abc', 2, 5)",
            "?substring() does not take these arguments",
        ),
        ("startsWith('Abc', 'aB')", "true"),
        ("endsWith('abC', 'Bc')", "true"),
        ("trim('  a ')", "'a'"),
        ("padLeft('7', 3, '0')", "'007'"),
        ("padLeft(7, 3)", "'  7'"),
        ("indexOf('aXbx', 'x')", "1"),
        ("lastIndexOf('aXbx', 'X')", "3"),
        ("indexOf('abc', 'z')", "-1"),
        ("length('añ')", "2"),
        ("take('abc', 2)", "'ab'"),
        (
            "take(uniqueString(text), 5)",
            "?!parameter 'text' has no value",
        ),
        ("skip('abc', 2)", "'c'"),
        ("first('abc')", "'a'"),
        ("last('abc')", "'c'"),
        ("contains('abc', 'B')", "false"),
        ("contains('abc', 'b')", "true"),
        ("like('Standard_DS', 'standard*')", "true"),
        ("like('abc', 'a?c')", "true"),
        ("like('abc', 'a?')", "false"),
        ("base64('one')", "'b25l'"),
        ("base64ToString(base64('hällo'))", "'hällo'"),
        ("base64ToJson('eyJhIjoxfQ==').a", "1"),
        ("uriComponent('a b/c')", "'a%20b%2Fc'"),
        ("uriComponentToString('a%20b')", "'a b'"),
        ("dataUriToString(dataUri('x y'))", "'x y'"),
        (
            "uri('https://a.b/c/d.json', 'e/f.json')",
            "'https://a.b/c/e/f.json'",
        ),
        ("uri('https://a.b/c/', 'e.json')", "'https://a.b/c/e.json'"),
        ("uri('https://a.b', 'e.json')", "'https://a.b/e.json'"),
        (
            "uri('https://a.b/c/d/e', '../f?g=..')",
            "'https://a.b/c/f?g=..'",
        ),
        ("uri('https://a.b/c/d', '.')", "'https://a.b/c/'"),
        ("json('{\"a\": [1, null]}').a", "[1, null]"),
        ("json('nope')", "?json() does not take these arguments"),
        ("nameof(thing.inner)", "'inner'"),
        ("guid('a') == guid('a')", "true"),
    ]);
}

#[test]
fn arrays_and_objects() {
    check(&[
        ("[1, ...[2, 3], 4]", "[1, 2, 3, 4]"),
        ("[...list, 1]", "[1, …parameter 'list' has no value]"),
        ("{ a: 1, ...{ a: 2, b: 3 } }", "{a: 2, b: 3}"),
        (
            "{ a: 1, ...thing, b: 2 }",
            "{a: ?parameter 'thing' has no value, b: 2, …parameter 'thing' has no value}",
        ),
        ("{ '${'a'}b': 1 }.ab", "1"),
        ("[1, 2, 3][1]", "2"),
        ("[1, 2, 3][^1]", "3"),
        ("[1][?5]", "null"),
        ("[1][5]", "?there is no element 5"),
        ("{ a: 1 }.A", "1"),
        ("{ a: 1 }.?b", "null"),
        ("{ a: 1 }.?b.c.d", "null"),
        ("{ a: 1 }.b", "?there is no member 'b'"),
        ("{ dev: 1, prod: 2 }[stage]", "1 | 2"),
        ("{ a: 1, b: 2 }[text]", "1 | 2"),
        ("thing.a.b", "?parameter 'thing' has no value"),
        ("range(3, 2)", "[3, 4]"),
        ("concat([1], [2])", "[1, 2]"),
        ("concat([1], list)", "[1, …parameter 'list' has no value]"),
        ("union([1, 2], [2, 3])", "[1, 2, 3]"),
        (
            "union({ a: { x: 1 } }, { a: { y: 2 } })",
            "{a: {x: 1, y: 2}}",
        ),
        (
            "union({ a: 1 }, thing)",
            "{a: ?parameter 'thing' has no value, …parameter 'thing' has no value}",
        ),
        (
            "union(thing, { a: 1 })",
            "{a: 1, …parameter 'thing' has no value}",
        ),
        (
            "shallowMerge([{ a: { x: 1 } }, { a: { y: 2 } }])",
            "{a: {y: 2}}",
        ),
        ("intersection([1, 2, 3], [3, 2])", "[2, 3]"),
        ("intersection({ a: 1, b: 2 }, { a: 1, b: 3 })", "{a: 1}"),
        ("contains(['a'], 'A')", "false"),
        ("contains({ a: 1 }, 'A')", "true"),
        ("contains(list, 'a')", "?parameter 'list' has no value"),
        ("contains(concat(['a'], list), 'a')", "true"),
        ("contains(['dev'], stage)", "true | false"),
        ("length([1, 2])", "2"),
        ("length(list)", "?parameter 'list' has no value"),
        ("length(list) > 0", "?parameter 'list' has no value"),
        (
            "length(concat(['a'], list))",
            "?!parameter 'list' has no value",
        ),
        ("length(concat(['a'], list)) > 0", "true"),
        ("length(concat(['a'], list)) >= 1", "true"),
        ("length(concat(['a'], list)) <= 0", "false"),
        ("0 < length(concat(['a'], list))", "true"),
        ("1 > length(concat(['a'], list))", "false"),
        ("length(concat(['a'], list)) == 0", "false"),
        ("0 != length(concat(['a'], list))", "true"),
        (
            "length(concat(['a'], list)) > 1",
            "?parameter 'list' has no value",
        ),
        (
            "length(concat(['a'], list)) == 1",
            "?parameter 'list' has no value",
        ),
        (
            "1 < length(concat(['a'], list))",
            "?parameter 'list' has no value",
        ),
        ("first([])", "null"),
        ("last([1, 2])", "2"),
        ("take([1, 2, 3], 2)", "[1, 2]"),
        ("skip([1, 2, 3], 2)", "[3]"),
        ("flatten([[1], [2, [3]]])", "[1, 2, [3]]"),
        ("distinct([1, 2, 1])", "[1, 2]"),
        ("indexOf([5, 6], 6)", "1"),
        ("array('a')", "['a']"),
        ("array([1])", "[1]"),
        (
            "items({ b: 1, a: 2 })",
            "[{key: 'a', value: 2}, {key: 'b', value: 1}]",
        ),
        ("objectKeys({ b: 1, a: 2, _: 3 })", "['a', 'b', '_']"),
        ("map(plans, p => p.name)", "['b', 'a']"),
        ("map(['x'], (p, i) => '${p}${i}')", "['x0']"),
        ("map(list, p => 1)", "?parameter 'list' has no value"),
        ("filter(plans, p => p.rank > 1)", "[{name: 'b', rank: 2}]"),
        (
            "filter([1, 2], p => p > number)",
            "[…parameter 'number' has no value]",
        ),
        ("reduce([1, 2, 3], 0, (sum, x) => sum + x)", "6"),
        ("sort([3, 1, 2], (a, b) => a < b)", "[1, 2, 3]"),
        (
            "map(sort(plans, (a, b) => a.rank < b.rank), p => p.name)",
            "['a', 'b']",
        ),
        ("toObject(plans, p => p.name, p => p.rank)", "{b: 2, a: 1}"),
        (
            "groupBy(['ab', 'ac', 'b'], s => first(s))",
            "{a: ['ab', 'ac'], b: ['b']}",
        ),
        ("mapValues({ a: 1 }, v => v + 1)", "{a: 2}"),
        ("[for (p, i) in plans: '${p.name}${i}']", "['b0', 'a1']"),
        ("[for p in plans: p.?none ?? 'x']", "['x', 'x']"),
        (
            "[for i in range(0, 2): [for j in range(0, 2): i * 2 + j]]",
            "[[0, 1], [2, 3]]",
        ),
        ("[for x in list: x]", "[…parameter 'list' has no value]"),
        ("map(filter(range(0, 9), i => i % 2 == 0), i => i)[^1]", "8"),
    ]);
}

#[test]
fn hashes_of_known_text() {
    check(&[
        ("uniqueString('a')", "'eveiun73364hy'"),
        ("uniqueString('a', 'b') == uniqueString('a-b')", "true"),
        (
            "uniqueString('abcdefgh') == uniqueString('abcdefgi')",
            "false",
        ),
        ("guid('a')", "'3703365d-5a9f-59b4-bca7-b9681389e4c1'"),
        ("guid(text)", "?!parameter 'text' has no value"),
    ]);
}

#[test]
fn union_skips_null_and_refuses_other_types() {
    let refused = "?union() does not take these arguments";
    check(&[
        (
            "union({ tier: 'Standard' }, { tier: null }).tier",
            "'Standard'",
        ),
        (
            "union({ a: { b: 1 } }, { a: { b: null, c: 2 } })",
            "{a: {b: 1, c: 2}}",
        ),
        ("union({ a: null }, { a: [1] })", "{a: [1]}"),
        ("{ ...{ a: 1 }, ...{ a: null } }", "{a: null}"),
        ("shallowMerge([{ a: 1 }, { a: null }])", "{a: null}"),
        ("objectKeys(union({ a: 1, b: 2 }, { A: 3 }))", "['A', 'b']"),
        ("union({ a: 1 }, { a: {} })", refused),
        ("union({ a: [] }, { a: 'x' })", refused),
        ("union({ a: 1 }, { a: 'x' })", "{a: 'x'}"),
        (
            "union([{ a: 1, b: 2 }], [{ b: 2, a: 1 }])",
            "[{a: 1, b: 2}, {b: 2, a: 1}]",
        ),
    ]);
}

#[test]
fn keys_keep_their_order_or_are_sorted() {
    check(&[
        (
            "map(items({ b_: 1, bC: 2, B: 3, a: 4 }), i => i.key)",
            "['a', 'B', 'bC', 'b_']",
        ),
        ("union({ b: 1 }, { a: 2 })", "{b: 1, a: 2}"),
        ("mapValues({ b: 1, a: 2 }, v => v + 1)", "{b: 2, a: 3}"),
        ("string({ b: 1, a: 2 })", "'{\"b\":1,\"a\":2}'"),
    ]);
}

#[test]
fn text_compares_as_in_the_invariant_culture() {
    check(&[
        (
            "sort(['b', 'A', 'a', 'B'], (x, y) => x < y)",
            "['a', 'A', 'b', 'B']",
        ),
        (
            "sort(['a-b', 'ab', 'a_b', 'a b', 'aB'], (x, y) => x < y)",
            "['a b', 'a_b', 'a-b', 'ab', 'aB']",
        ),
        ("'Z' < 'a'", "false"),
        ("'9' < 'a'", "true"),
        ("'' < ' '", "true"),
        ("'ä' < 'b'", "true"),
        ("'ß' > 'st'", "false"),
        ("'ä' < 'a'", "?less() does not take these arguments"),
        ("'ø' < 'b'", "?less() does not take these arguments"),
        ("indexOf('äß', 'b')", "-1"),
        (
            "indexOf('ä', 'a')",
            "?indexOf() does not take these arguments",
        ),
        ("any(json('1.5')) < 2", "true"),
        (
            "any(json('1.0')) < 1",
            "?less() does not take these arguments",
        ),
    ]);
}

#[test]
fn what_is_known_of_a_text_decides() {
    let unknown = "?parameter 'text' has no value";
    check(&[
        ("startsWith('ab${text}', 'A')", "true"),
        ("startsWith('ab${text}', 'b')", "false"),
        ("startsWith('ab${text}', 'abc')", unknown),
        ("endsWith('${text}-b', '-B')", "true"),
        ("startsWith(toUpper('ab${text}'), 'x')", "false"),
        ("contains('ab${text}', 'b')", "true"),
        ("contains('ab${text}', 'c')", unknown),
        ("'ab${text}' == 'x'", "false"),
        ("'a${number}b' == 'ab'", "false"),
        ("'ab${text}' == 'abc'", unknown),
        (
            "last(split(resourceId('Microsoft.X/y/z', 'a', 'b'), '/'))",
            "'b'",
        ),
        ("split(resourceGroup().id, '/')[3]", "'resourceGroups'"),
        (
            "length(split('${text}/a', '/'))",
            "?!parameter 'text' has no value",
        ),
        ("{ a: 1, a: 2 }.a", "?the key 'a' is written twice"),
    ]);
}

#[test]
fn text_is_counted_in_utf_16_units() {
    check(&[
        ("padLeft('😀', 4, '.')", "'..😀'"),
        ("skip('😀x', 2)", "'x'"),
        ("take('😀x', 2)", "'😀'"),
        ("substring('a😀b', 3, 1)", "'b'"),
        ("first('😀')", "?first() does not take these arguments"),
        ("last('😀')", "?last() does not take these arguments"),
        ("format('{0,4}|', '😀')", "'  😀|'"),
        ("toUpper('straße ı')", "'STRAßE ı'"),
        ("lastIndexOf('abc', '')", "2"),
        ("split('a b', [])", "['a', 'b']"),
        ("split('abc', ['bc', 'ab'])", "['', 'c']"),
    ]);
}

#[test]
fn values_in_text() {
    check(&[
        ("'${plans[0].rank}${any(['x', 'y'])}'", "'2['x','y']'"),
        ("format('{0}', { a: 1 })", "'{'a':1}'"),
        ("'${json('1.0')}|${json('1e-7')}'", "'1|1E-07'"),
        ("json('1.0') == 1", "false"),
        ("string([json('1.0')])", "'[1.0]'"),
        (
            "dataUri('a')",
            "'data:text/plain;charset=utf-8;base64,YQ=='",
        ),
        ("uriComponentToString('a+b')", "'a b'"),
        ("format('{0', 1)", "?format() does not take these arguments"),
        ("format('}', 1)", "?format() does not take these arguments"),
        (
            "groupBy(plans, p => p.name, p => p.rank)",
            "{b: [2], a: [1]}",
        ),
    ]);
}

#[test]
fn what_azure_refuses_is_unknown() {
    for refused in [
        "toObject(['a', 'A'], x => x)",
        "createObject('a', 1, 'a', 2)",
        "string({ a: 1, ...any(null) })",
        "concat('a', null)",
        "concat({ a: 1 })",
        "concat('a', ['b'])",
        "concat(['a'], 'b')",
        "union({ a: 1 }, [1])",
        "int('9223372036854775808')",
        "string(null)",
        "padLeft('a', 17)",
        "padLeft('a', 2, 'xy')",
        "bool('1')",
        "int(json('1.9'))",
        "range(2147483647, 3)",
        "join([null], ',')",
        "empty('a', 'b')",
        "any('true') && false",
        "contains({ a: 1 }, 1)",
        "dateTimeAdd('2020-01-01', 'P1W')",
        "cidrHost('10.0.0.0/30', 2)",
        "json('9223372036854775808')",
        "{ a: {} }.?a.b",
        "resourceId('A.B/c', 'd/e')",
        "concat('a', json('1.5'))",
        "[1][?any(null)]",
        "length([for i in range(0, 801): i])",
        "f()",
        "f(1)",
        "f('a', 'b')",
    ] {
        let files = Memory::parse(&format!(
            "//- main.bicep\nfunc f(x string) string => x\noutput out string = {refused}\n"
        ));
        let found = outputs(&files);
        let (_, value) = found.last().expect("the file has an output");
        assert!(value.reason().is_some(), "{refused}: {}", show(value));
    }
}

#[test]
fn ids_with_known_parts() {
    let subscription = "00000000-0000-0000-0000-000000000009";
    check(&[
        (
            &format!("resourceId('{subscription}', 'g', 'A.B/c/d', 'x', 'y')"),
            &format!("'/subscriptions/{subscription}/resourceGroups/g/providers/A.B/c/x/d/y'"),
        ),
        (
            &format!("subscriptionResourceId('{subscription}', 'A.B/c', 'x')"),
            &format!("'/subscriptions/{subscription}/providers/A.B/c/x'"),
        ),
        (
            "extensionResourceId('/subscriptions/s/', 'A.B/c', 'x')",
            "'/subscriptions/s/providers/A.B/c/x'",
        ),
        (
            "managementGroupResourceId('m', 'A.B/c', 'x')",
            "'/providers/Microsoft.Management/managementGroups/m/providers/A.B/c/x'",
        ),
        ("tenantResourceId('A.B/c', 'x')", "'/providers/A.B/c/x'"),
        (
            "resourceId('A.B/c', 'x')",
            "?!resource ids are known only to Azure",
        ),
    ]);
}

#[test]
fn forms_of_dates() {
    check(&[
        (
            "dateTimeAdd('2020-01-31T10:20:30+02:00', '-P1D')",
            "'2020-01-30T10:20:30Z'",
        ),
        (
            "dateTimeAdd('2020-02-29', '-P1Y')",
            "'2019-03-01T00:00:00Z'",
        ),
        (
            "dateTimeAdd('2020-02-29', 'P1D', 'D')",
            "'Sunday, 01 March 2020'",
        ),
        (
            "dateTimeAdd('2020-02-29', 'PT13H', 'hh:mm tt')",
            "'01:00 PM'",
        ),
        (
            "dateTimeAdd('2020-01-31T10:20:30.25+02:00', 'P1D', 'o')",
            "'2020-02-01T10:20:30.2500000+02:00'",
        ),
        ("dateTimeAdd('2020-02-29', 'P1D', '%M')", "'3'"),
        (
            "dateTimeAdd('2020-02-29', 'P1D', 'yyyyxx')",
            "?dateTimeAdd() does not take these arguments",
        ),
    ]);
}

#[test]
fn plain_addresses() {
    check(&[
        (
            "parseUri('https://a.b/c').host",
            "?parseUri() is known only to Azure",
        ),
        (
            "buildUri({ scheme: 'https', host: 'a.b' })",
            "?!buildUri() is known only to Azure",
        ),
        (
            "uri('https://a.b/c d', 'e')",
            "?uri() does not take these arguments",
        ),
        ("parseCidr('10.0.0.0/31').lastUsable", "'10.0.0.0'"),
        ("parseCidr('fd00::/8').firstUsable", "'fd00::'"),
        ("cidrHost('10.0.0.5/24', -1)", "'10.0.0.0'"),
    ]);
}

#[test]
fn dates_and_networks() {
    check(&[
        (
            "dateTimeAdd('2020-04-07 14:53:14Z', 'P3Y')",
            "'2023-04-07T14:53:14Z'",
        ),
        (
            "dateTimeAdd('2020-04-07 14:53:14Z', '-P9D')",
            "'2020-03-29T14:53:14Z'",
        ),
        (
            "dateTimeAdd('2020-01-31T00:00:00Z', 'P1M', 'yyyy-MM-dd')",
            "'2020-03-01'",
        ),
        (
            "dateTimeAdd('2020-04-07 14:53:14Z', 'PT1H', 'u')",
            "'2020-04-07 15:53:14Z'",
        ),
        ("dateTimeToEpoch('1970-01-02T00:00:00+01:00')", "82800"),
        ("dateTimeFromEpoch(1683040573)", "'2023-05-02T15:16:13Z'"),
        (
            "dateTimeAdd(utcNow(), 'P1D')",
            "?utcNow() is known only to Azure",
        ),
        ("cidrSubnet('10.144.0.0/20', 24, 1)", "'10.144.1.0/24'"),
        (
            "cidrSubnet('10.144.0.0/20', 24, 16)",
            "?cidrSubnet() does not take these arguments",
        ),
        (
            "cidrSubnet('fdad:3236:5555::/48', 52, 1)",
            "'fdad:3236:5555:1000::/52'",
        ),
        ("cidrSubnet('10.0.0.0', 16, 1)", "'10.1.0.0/16'"),
        ("cidrHost('10.144.3.0/24', 0)", "'10.144.3.1'"),
        ("parseCidr('10.144.0.0/20').firstUsable", "'10.144.0.1'"),
        ("parseCidr('10.144.0.0/20').broadcast", "'10.144.15.255'"),
        ("parseCidr('10.144.0.0/20').netmask", "'255.255.240.0'"),
    ]);
}

#[test]
fn what_only_azure_knows() {
    check(&[
        (
            "resourceId('a/b', 'c')",
            "?!resource ids are known only to Azure",
        ),
        (
            "subscription().subscriptionId",
            "?!subscription().subscriptionId is known only to Azure",
        ),
        (
            "resourceGroup().location",
            "?!resourceGroup().location is known only to Azure",
        ),
        ("empty(resourceGroup().id)", "false"),
        ("resourceGroup('x').name", "'x'"),
        (
            "resourceGroup().tags.a",
            "?resourceGroup() is known only to Azure",
        ),
        (
            "reference('x').y",
            "?reference() is known only after deployment",
        ),
        (
            "listKeys('x', 'y').keys[0]",
            "?listKeys() is known only after deployment",
        ),
        (
            "environment().name",
            "'AzureCloud' | 'AzureUSGovernment' | 'AzureChinaCloud'",
        ),
        ("environment().name == 'AzureCloud' ? 1 : 1", "1"),
        (
            "environment().suffixes.acrLoginServer",
            "'.azurecr.io' | '.azurecr.us' | '.azurecr.cn'",
        ),
        ("nothing()", "?there is no function nothing()"),
        ("nothing", "?there is no 'nothing'"),
        ("stage", "'dev' | 'prod'"),
    ]);
}

#[test]
fn loaded_files() {
    let check = |expression: &str, expect: &str| {
        let files = Memory::parse(&format!(
            "//- main.bicep
            output out string = {expression}
            //- data/plans.json
            {{ \"plans\": [ {{ \"name\": \"Containers\" }} ], /* more */ \"n\": 1.5, }}
            //- data/plans.yaml
plans:
  - name: Containers
on: true
            //- data/merged.yaml
base: &base {{ tier: Free, name: x }}
plan:
  <<: *base
  tier: Standard
            //- data/note.txt
            hello
            //- data/more/plans.json
            {{}}\n"
        ));
        let found = outputs(&files);
        assert_eq!(show(&found[0].1), expect, "{expression}");
    };
    check(
        "loadJsonContent('data/plans.json').plans[0].name",
        "'Containers'",
    );
    check(
        "loadJsonContent('data/plans.json', '$.plans[0].name')",
        "'Containers'",
    );
    check(
        "loadJsonContent('data/plans.json', 'plans')",
        "[{name: 'Containers'}]",
    );
    check(
        "loadJsonContent('data/plans.json', '$..name')",
        "'Containers'",
    );
    check("loadJsonContent('data/plans.json').n", "1.5");
    check(
        "loadYamlContent('data/plans.yaml').plans[0].name",
        "'Containers'",
    );
    check("trim(loadTextContent('data/note.txt'))", "'hello'");
    let merged = "loadYamlContent('data/merged.yaml').plan";
    check(&format!("{merged}.tier"), "'Standard'");
    check(&format!("{merged}.name"), "'x'");
    check(
        "loadJsonContent('data/plans.json', '$.plans[?(@.name == \\'Containers\\')].name')",
        "'Containers'",
    );
    check(
        "loadJsonContent('data/plans.json', 'plans[*].name')",
        "'Containers'",
    );
    check(
        "loadJsonContent('data/plans.json', 'plans[0:1]')",
        "{name: 'Containers'}",
    );
    check(
        "map(loadDirectoryFileInfo('data'), f => f.baseName)",
        "['plans.json', 'plans.yaml', 'merged.yaml', 'note.txt']",
    );
    check(
        "loadDirectoryFileInfo('data', '*.txt')",
        "[{relativePath: 'data/note.txt', baseName: 'note.txt', extension: '.txt'}]",
    );
    check(
        "map(loadDirectoryFileInfo('data', 'p*s.*'), f => f.extension)",
        "['.json', '.yaml']",
    );
    check("loadDirectoryFileInfo('data', 'none*')", "[]");
    check(
        "loadDirectoryFileInfo('data', 'NOTE*')",
        "?which files a pattern takes is not known",
    );
    check(
        "loadDirectoryFileInfo('data', 'note.tx?')",
        "?which files a pattern takes is not known",
    );
    check("loadDirectoryFileInfo('none')", "?none cannot be listed");
    check(
        "loadTextContent('data/none.txt')",
        "?data/none.txt cannot be read",
    );
    check(
        "loadJsonContent('data/note.txt')",
        "?data/note.txt cannot be understood",
    );
}
