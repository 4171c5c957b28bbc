//! JUnit XML, which every pipeline shows: a test suite for each file with something to report, a failed case for each
//! finding; a run without any is one case that passed.

use std::collections::BTreeMap;

use quick_xml::se::{QuoteLevel, Serializer};
use serde::Serialize;

use super::{Report, severity_name};

#[derive(Serialize)]
struct Suites {
    #[serde(rename = "@name")]
    name: &'static str,
    testsuite: Vec<Suite>,
}

#[derive(Default, Serialize)]
struct Suite {
    #[serde(rename = "@name")]
    name: String,
    #[serde(rename = "@tests")]
    tests: usize,
    #[serde(rename = "@failures")]
    failures: usize,
    #[serde(rename = "@errors")]
    errors: usize,
    testcase: Vec<Case>,
}

#[derive(Serialize)]
struct Case {
    #[serde(rename = "@name")]
    name: String,
    #[serde(rename = "@classname")]
    classname: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    /// Something could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure>,
}

#[derive(Serialize)]
struct Failure {
    #[serde(rename = "@type")]
    kind: &'static str,
    #[serde(rename = "@message")]
    message: String,
    #[serde(rename = "$text")]
    text: String,
}

/// Prints the document.
pub(crate) fn print(report: &Report) -> String {
    let mut suites: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    let mut put = |path: &str, name: String, failure: Option<Failure>, error: Option<Failure>| {
        let case = Case {
            name: clean(&name),
            classname: clean(path),
            failure,
            error,
        };
        suites.entry(path.to_owned()).or_default().push(case);
    };
    let failure = |kind, place: String, message: &str| Failure {
        kind,
        message: clean(message),
        text: clean(&format!("{place}: {message}")),
    };
    for found in report.reported() {
        let it = &found.diagnostic;
        let what = it.resource_name.as_deref().unwrap_or(&it.resource_type);
        let place = report.base.at(&it.location.path, Some(&it.location));
        let failure = failure(severity_name(it.severity), place, &it.message);
        put(
            &found.path,
            format!("{} {what}", it.code),
            Some(failure),
            None,
        );
    }
    for problem in report.problems.iter().filter(|problem| problem.hides) {
        let place = report.base.at(&problem.path, problem.location.as_ref());
        let error = failure("problem", place, &problem.message);
        let path = report.base.relative(&problem.path);
        put(&path, "readable".to_owned(), None, Some(error));
    }
    if report.reported().next().is_none() && !report.problems.iter().any(|it| it.hides) {
        put("preflight", "no findings".to_owned(), None, None);
    }
    let suites = Suites {
        name: "preflight",
        testsuite: suites.into_iter().map(suite).collect(),
    };
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    if let Ok(mut serializer) = Serializer::with_root(&mut out, Some("testsuites")) {
        serializer.indent(' ', 2);
        serializer.set_quote_level(QuoteLevel::Full);
        // Writing to memory does not fail.
        let _ = suites.serialize(serializer);
    }
    out + "\n"
}

fn suite((path, testcase): (String, Vec<Case>)) -> Suite {
    Suite {
        name: clean(&path),
        tests: testcase.len(),
        failures: testcase.iter().filter(|it| it.failure.is_some()).count(),
        errors: testcase.iter().filter(|it| it.error.is_some()).count(),
        testcase,
    }
}

/// XML 1.0 allows most control characters nowhere, not even escaped.
fn clean(text: &str) -> String {
    let forbidden = |c: char| {
        c.is_control() && !matches!(c, '\t' | '\n' | '\r') || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    text.replace(forbidden, "\u{fffd}")
}
