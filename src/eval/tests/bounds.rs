//! Expensive input: each row ends quickly, with an unknown value that gives the reason.

use crate::eval::Existence;
use crate::eval::tests::testing::{Memory, outputs, show};

fn check(fixture: &str, expect: &str) {
    let files = Memory::parse(fixture);
    let found = outputs(&files);
    let (_, value) = found.last().expect("the file has an output");
    let shown = show(value);
    let end = fixture.len().saturating_sub(200);
    assert_eq!(shown, expect, "{}", &fixture[end..]);
}

#[test]
fn ranges_and_loops() {
    check(
        "//- main.bicep
        output out array = range(0, 2147483647)\n",
        "?range() does not take these arguments",
    );
    check(
        "//- main.bicep
        var r = range(0, 3000)
        output out array = map(r, a => map(r, b => map(r, c => 1)))\n",
        "?!too large",
    );
    check(
        "//- main.bicep
        var r = range(0, 10000)
        output out int = length(filter(r, a => length(filter(r, b => b == a)) > 5))\n",
        "?too large",
    );
}

#[test]
fn doubling() {
    let lines = |first: &str, step: &dyn Fn(usize) -> String, last: &str| {
        let mut text = format!("//- main.bicep\nvar v0 = {first}\n");
        for i in 1..=60 {
            text.push_str(&format!("var v{i} = {}\n", step(i - 1)));
        }
        text.push_str(&format!("output out string = {last}\n"));
        text
    };
    check(
        &lines("'x'", &|i| format!("'${{v{i}}}${{v{i}}}'"), "v60"),
        "?!too large",
    );
    check(
        &lines("['x']", &|i| format!("[v{i}, v{i}]"), "length(v60)"),
        "2",
    );
    check(
        &lines("['x']", &|i| format!("concat(v{i}, v{i})"), "length(v60)"),
        "?!too large",
    );
    // What is not known is not known twice; its canonical form would double too.
    let unknown = lines(
        "uniqueString('x')",
        &|i| format!("'${{v{i}}}${{v{i}}}'"),
        "v60 == v59",
    );
    check(&unknown, "?too large");
}

#[test]
fn depth() {
    let mut chain = String::from("//- main.bicep\nvar v0 = 'x'\n");
    for i in 1..=20_000 {
        chain.push_str(&format!("var v{i} = v{}\n", i - 1));
    }
    check(&format!("{chain}output out string = v1500\n"), "'x'");
    check(
        &format!("{chain}output out string = v20000\n"),
        "?too large",
    );
    // In order, each is shallow, but the value nests.
    let mut nest = String::from("//- main.bicep\nvar v0 = ['x']\n");
    for i in 1..=2_000 {
        nest.push_str(&format!("var v{i} = [v{}]\n", i - 1));
    }
    let all: Vec<String> = (0..=2_000).map(|i| format!("v{i}")).collect();
    check(
        &format!("{nest}output out bool = empty([{}])\n", all.join(", ")),
        "false",
    );
    let folded = "//- main.bicep
        output out int = length(reduce(range(0, 5000), [], (acc, i) => [acc]))\n";
    check(folded, "1");
    let parentheses = format!(
        "//- main.bicep\noutput out bool = {}true{}\n",
        "!(".repeat(150),
        ")".repeat(150)
    );
    check(&parentheses, "true");
}

#[test]
fn modules() {
    // Each of thirty files uses the next twice: a billion instances of the last.
    let mut text = String::new();
    for i in 0..30 {
        let next = i + 1;
        text.push_str(&format!(
            "//- m{i}.bicep\nmodule a 'm{next}.bicep' = {{ name: 'a' }}\nmodule b 'm{next}.bicep' = {{ name: 'b' }}\n"
        ));
    }
    text.push_str("//- m30.bicep\nresource r 'A.B/c@2020-01-01' = { name: 'r' }\n");
    let expansion = Memory::parse(&text).expand(None);
    assert!(expansion.instances.len() <= 100_000);
    assert!(expansion.unread.iter().any(|u| &*u.reason == "too large"));

    let cycle = Memory::parse(
        "//- a.bicep
        resource r 'A.B/c@2020-01-01' = { name: 'r' }
        module b 'b.bicep' = { name: 'b' }
        //- b.bicep
        module a 'a.bicep' = { name: 'a' }\n",
    )
    .expand(None);
    assert_eq!(cycle.instances.len(), 1);
    assert_eq!(cycle.cycles.len(), 1);

    let mut chain = String::new();
    for i in 0..1_000 {
        chain.push_str(&format!(
            "//- m{i}.bicep\nmodule a 'm{}.bicep' = {{ name: 'a' }}\n",
            i + 1
        ));
    }
    chain.push_str("//- m1000.bicep\nresource r 'A.B/c@2020-01-01' = { name: 'r' }\n");
    let expansion = Memory::parse(&chain).expand(None);
    assert_eq!(expansion.unread.len(), 1);
    assert_eq!(&*expansion.unread[0].reason, "too large");

    let outputs_in_a_ring = Memory::parse(
        "//- main.bicep
        module a 'm.bicep' = { name: 'a', params: { x: b.outputs.y } }
        module b 'm.bicep' = { name: 'b', params: { x: a.outputs.y } }
        resource r 'A.B/c@2020-01-01' = { name: a.outputs.y }
        //- m.bicep
        param x string
        output y string = x\n",
    )
    .expand(None);
    assert_eq!(
        show(&outputs_in_a_ring.instances[0].name),
        "?output 'y' refers to itself"
    );
}

#[test]
fn conditions_and_names() {
    // A chain of conditions that are not known, each the negation of the one before.
    let mut chain = String::from("//- main.bicep\nparam p bool\nvar v0 = p\n");
    for i in 1..=1_900 {
        chain.push_str(&format!("var v{i} = !v{}\n", i - 1));
    }
    chain.push_str("resource r 'A.B/c@1' = if (v1900) { name: 'r' }\n");
    let expansion = Memory::parse(&chain).expand(None);
    assert_eq!(expansion.instances.len(), 1);

    // Conditions that choose by one another double in size; such as wrap one another do not.
    for step in [
        "v{} ? !p : p",
        "(v{} && p) || q",
        "(v{} || p) && q",
        "v{} == p",
    ] {
        let mut chain = String::from("//- main.bicep\nparam p bool\nparam q bool\nvar v0 = p\n");
        for i in 1..=60 {
            let step = step.replace("{}", &(i - 1).to_string());
            let step = step
                .replace('p', &format!("p{i}"))
                .replace('q', &format!("q{i}"));
            chain.push_str(&format!(
                "param p{i} bool\nparam q{i} bool\nvar v{i} = {step}\n"
            ));
        }
        chain.push_str("resource r 'A.B/c@1' = if (v60) { name: 'r' }\n");
        let expansion = Memory::parse(&chain).expand(None);
        assert!(
            matches!(expansion.instances[0].existence, Existence::Conditional(_)),
            "{step}"
        );
    }

    // Resources that are each other's parent, and a long line of parents.
    let mut parents = String::from(
        "//- main.bicep
        resource a 'A.B/c/d@1' = { parent: b, name: 'a' }
        resource b 'A.B/c/d@1' = { parent: a, name: 'b' }
        resource self 'A.B/c/d@1' = { parent: self, name: 's', scope: self }
        resource r0 'A.B/c@1' = { name: 'r' }\n",
    );
    for i in 1..=3_000 {
        parents.push_str(&format!(
            "resource r{i} 'A.B/c/d@1' = {{ parent: r{}, name: 'r' }}\n",
            i - 1
        ));
    }
    let expansion = Memory::parse(&parents).expand(None);
    assert_eq!(show(&expansion.instances[0].name), "?!too large");
    assert_eq!(show(&expansion.instances[2].name), "?!too large");
    assert_eq!(show(&expansion.instances[5].name), "'r/r/r'");

    let names: Vec<String> = (0..5_000).map(|i| format!("p{i} int")).collect();
    let values: Vec<String> = (0..5_000).map(|i| i.to_string()).collect();
    check(
        &format!(
            "//- main.bicep\nfunc f({}) int => p4999\noutput out int = f({})\n",
            names.join(", "),
            values.join(", ")
        ),
        "4999",
    );
}

#[test]
fn instances() {
    let loops = (0..14).map(|n| {
        let count = if n == 0 { 801 } else { 800 };
        format!("resource r{n} 'A.B/c{n}@2020-01-01' = [for i in range(0, {count}): {{ name: 'r${{i}}' }}]\n")
    });
    let files = Memory::parse(&format!("//- main.bicep\n{}", loops.collect::<String>()));
    let expansion = files.expand(None);
    let count = |name: &str| {
        let of = expansion
            .instances
            .iter()
            .filter(|i| i.resource_type.is(name));
        (of.clone().count(), of.fold(None, |_, i| i.copies))
    };
    // More than 800 copies are refused; 10,000 instances are kept apart.
    assert_eq!(count("A.B/c0"), (1, None));
    assert_eq!(count("A.B/c1"), (800, Some(1)));
    assert_eq!(count("A.B/c12"), (800, Some(1)));
    assert_eq!(count("A.B/c13"), (400, None));
}
