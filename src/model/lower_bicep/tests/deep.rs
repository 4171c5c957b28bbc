//! What no person writes: nesting without end takes a bounded stack and is an error in the model.

use super::{check_expr, lower};
use crate::model::lower::MAX_DEPTH;
use crate::model::tests::dump::dump;
use crate::model::{FileKind, FileModel};

const MANY: usize = 100_000;

/// Lowers on a stack of the size that worker threads commonly have, and asks what came out.
fn deep(text: String, ask: impl FnOnce(&FileModel) + Send + 'static) {
    let run = move || ask(&lower(FileKind::Bicep, &text));
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run);
    thread.expect("a thread").join().expect("no panic");
}

fn says_so(text: String) {
    deep(text, |model| {
        let dump = dump(&model.template);
        assert!(dump.contains("nested too deeply"), "{:.200}", dump);
    });
}

#[test]
fn chains_and_nests_without_end() {
    says_so(format!("var x = a{}\n", " + a".repeat(MANY)));
    says_so(format!("var x = a{}\n", ".b".repeat(MANY)));
    says_so(format!("var x = a{}\n", "[0]".repeat(MANY)));
    says_so(format!("var x = a{}\n", "::b".repeat(MANY)));
    says_so(format!("var x = a{}\n", ".f()".repeat(MANY)));
    says_so(format!("var x = a{}\n", " ?? a".repeat(MANY)));
    says_so(format!("var x = {}c\n", "a ? b : ".repeat(2_000)));
    says_so(format!("var x = {}c\n", "a => ".repeat(2_000)));
    says_so(format!(
        "var x = {}{}\n",
        "[".repeat(2_000),
        "]".repeat(2_000)
    ));
    says_so(format!(
        "var x = {}{}\n",
        "{a:".repeat(2_000),
        "}".repeat(2_000)
    ));
    says_so(format!(
        "var x = {}a{}\n",
        "f(".repeat(2_000),
        ")".repeat(2_000)
    ));
    says_so(format!(
        "var x = {}a{}\n",
        "'${".repeat(2_000),
        "}'".repeat(2_000)
    ));
}

#[test]
fn parentheses_are_no_depth() {
    let some = MAX_DEPTH * 3;
    check_expr(&format!("{}a{}", "(".repeat(some), ")".repeat(some)), "a");
    deep(
        format!("var x = {}a{}\n", "(".repeat(MANY), ")".repeat(MANY)),
        |model| assert_eq!(dump(&model.template), "var x = a\n"),
    );
    check_expr(&format!("a{}", "!".repeat(some)), "a");
}

#[test]
fn the_deepest_that_is_kept() {
    let sum = |terms: usize| format!("var x = 1{}\n", " + 1".repeat(terms));
    let text = |terms: usize| dump(&lower(FileKind::Bicep, &sum(terms)).template);
    assert!(!text(MAX_DEPTH - 1).contains("nested too deeply"));
    assert!(text(MAX_DEPTH).contains("nested too deeply"));
    // `!=` is two functions, so it fills the depth in half as many.
    let text =
        |terms: usize| dump(&lower(FileKind::Bicep, &sum(terms).replace('+', "!=")).template);
    assert!(!text(MAX_DEPTH / 2 - 1).contains("nested too deeply"));
    assert!(text(MAX_DEPTH / 2).contains("nested too deeply"));
}

#[test]
fn types_and_nested_resources_without_end() {
    let any = |text: String| {
        deep(text, |model| {
            assert!(dump(&model.template).starts_with("param x: "))
        })
    };
    any(format!("param x a{}\n", "[]".repeat(MANY)));
    any(format!("param x a{}\n", ".b".repeat(MANY)));
    any(format!(
        "param x {}a{}\n",
        "(".repeat(2_000),
        ")".repeat(2_000)
    ));
    any(format!(
        "param x {}a{}\n",
        "[".repeat(2_000),
        "]".repeat(2_000)
    ));
    any(format!(
        "param x {}a{}\n",
        "{a:".repeat(2_000),
        "}".repeat(2_000)
    ));
    let nest = "resource r 'a' = {\n".repeat(1_000);
    deep(format!("{nest}{}", "}\n".repeat(1_000)), |model| {
        // The grammar's scanner counts open brackets to a bound; beyond it, what is left parses as it can.
        assert!(model.template.items.iter().any(|item| item.broken));
    });
}
