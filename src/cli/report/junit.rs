//! JUnit XML, which every pipeline shows: a test suite for each file with something to report, a failed case for each
//! finding; a run without any is one case that passed.

use std::collections::BTreeMap;

use super::{Report, severity_name};

/// The cases of one file as XML, and how many of them there are of each kind.
#[derive(Default)]
struct Suite {
    cases: String,
    failures: usize,
    errors: usize,
}

/// Prints the document.
pub(crate) fn print(report: &Report) -> String {
    let mut suites: BTreeMap<String, Suite> = BTreeMap::new();
    for found in report.reported() {
        let it = &found.diagnostic;
        let what = it.resource_name.as_deref().unwrap_or(&it.resource_type);
        let suite = suites.entry(found.path.clone()).or_default();
        suite.failures += 1;
        let place = report.base.at(&it.location.path, Some(&it.location));
        let failure = ("failure", severity_name(it.severity));
        let name = format!("{} {what}", it.code);
        suite.cases += &case(&found.path, &name, failure, &place, &it.message);
    }
    for problem in report.problems.iter().filter(|problem| problem.hides) {
        let path = report.base.relative(&problem.path);
        let suite = suites.entry(path.clone()).or_default();
        suite.errors += 1;
        let place = report.base.at(&problem.path, problem.location.as_ref());
        let error = ("error", "problem");
        suite.cases += &case(&path, "readable", error, &place, &problem.message);
    }
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"preflight\">\n",
    );
    if suites.is_empty() {
        out += "  <testsuite name=\"preflight\" tests=\"1\" failures=\"0\" errors=\"0\">\n    \
                <testcase name=\"no findings\" classname=\"preflight\"/>\n  </testsuite>\n";
    }
    for (name, suite) in suites {
        let (failures, errors) = (suite.failures, suite.errors);
        out += &format!(
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\">\n{}  </testsuite>\n",
            xml(&name),
            failures + errors,
            suite.cases
        );
    }
    out + "</testsuites>\n"
}

/// A case that failed: with the tag `failure` for a finding, `error` where something could not be read.
fn case(suite: &str, name: &str, of: (&str, &str), place: &str, message: &str) -> String {
    let (tag, kind) = of;
    let [suite, name, place, message] = [suite, name, place, message].map(xml);
    format!(
        "    <testcase name=\"{name}\" classname=\"{suite}\">\n      \
         <{tag} type=\"{kind}\" message=\"{message}\">{place}: {message}</{tag}>\n    </testcase>\n"
    )
}

/// Escaped text. XML 1.0 allows most control characters nowhere, not even escaped.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\'' => out.push_str("&apos;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(c),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
