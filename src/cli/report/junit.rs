//! JUnit XML, which every pipeline shows: a test suite for each file with something to report, a failed case for each
//! finding; a run without any is one case that passed.

use std::collections::BTreeMap;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::{Report, severity_name};
use crate::analysis::Location;

/// One case of a suite.
struct Case {
    name: String,
    /// Kind and message of what failed, and whether it is an error of the run rather than a finding.
    failure: Option<(String, String, bool)>,
    place: String,
}

/// Prints the document.
pub fn print(report: &Report) -> String {
    let mut suites: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    let place = |path: &str, location: Option<&Location>| match location {
        Some(at) => format!("{path}:{}:{}", at.start.line + 1, at.start.utf32 + 1),
        None => path.to_owned(),
    };
    for found in report.reported() {
        let diagnostic = &found.diagnostic;
        let what = diagnostic.resource_name.as_deref();
        let case = Case {
            name: format!(
                "{} {}",
                diagnostic.code,
                what.unwrap_or(&diagnostic.resource_type)
            ),
            failure: Some((
                severity_name(diagnostic.severity).to_owned(),
                diagnostic.message.clone(),
                false,
            )),
            place: place(&found.path, Some(&diagnostic.location)),
        };
        suites.entry(found.path.clone()).or_default().push(case);
    }
    for problem in report.problems.iter().filter(|problem| problem.hides) {
        let path = report.base.relative(&problem.path);
        let case = Case {
            name: "readable".to_owned(),
            failure: Some(("problem".to_owned(), problem.message.clone(), true)),
            place: place(&path, problem.location.as_ref()),
        };
        suites.entry(path).or_default().push(case);
    }
    if suites.is_empty() {
        suites
            .entry("preflight".to_owned())
            .or_default()
            .push(Case {
                name: "no findings".to_owned(),
                failure: None,
                place: String::new(),
            });
    }
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Writing to memory does not fail.
    let _ = document(&mut writer, &suites);
    let mut out = String::from_utf8(writer.into_inner()).unwrap_or_default();
    out.push('\n');
    out
}

fn counts(cases: &[Case]) -> [(&'static str, String); 3] {
    let failed = |error: bool| {
        let of_kind = |case: &&Case| case.failure.as_ref().is_some_and(|f| f.2 == error);
        cases.iter().filter(of_kind).count().to_string()
    };
    [
        ("tests", cases.len().to_string()),
        ("failures", failed(false)),
        ("errors", failed(true)),
    ]
}

fn document(
    writer: &mut Writer<Vec<u8>>,
    suites: &BTreeMap<String, Vec<Case>>,
) -> std::io::Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let mut root = BytesStart::new("testsuites");
    root.push_attribute(("name", "preflight"));
    writer.write_event(Event::Start(root))?;
    for (name, cases) in suites {
        let mut suite = BytesStart::new("testsuite");
        suite.push_attribute(("name", clean(name).as_str()));
        for (key, value) in counts(cases) {
            suite.push_attribute((key, value.as_str()));
        }
        writer.write_event(Event::Start(suite))?;
        for case in cases {
            write_case(writer, name, case)?;
        }
        writer.write_event(Event::End(BytesEnd::new("testsuite")))?;
    }
    writer.write_event(Event::End(BytesEnd::new("testsuites")))
}

fn write_case(writer: &mut Writer<Vec<u8>>, suite: &str, case: &Case) -> std::io::Result<()> {
    let mut start = BytesStart::new("testcase");
    start.push_attribute(("name", clean(&case.name).as_str()));
    start.push_attribute(("classname", clean(suite).as_str()));
    let Some((kind, message, error)) = &case.failure else {
        return writer.write_event(Event::Empty(start));
    };
    writer.write_event(Event::Start(start))?;
    let tag = if *error { "error" } else { "failure" };
    let mut failure = BytesStart::new(tag);
    failure.push_attribute(("type", kind.as_str()));
    failure.push_attribute(("message", clean(message).as_str()));
    writer.write_event(Event::Start(failure))?;
    let text = clean(&format!("{}: {message}", case.place));
    writer.write_event(Event::Text(BytesText::new(&text)))?;
    writer.write_event(Event::End(BytesEnd::new(tag)))?;
    writer.write_event(Event::End(BytesEnd::new("testcase")))
}

/// XML 1.0 has no place for most control characters, not even escaped.
fn clean(text: &str) -> String {
    let allowed = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
    let replaced = |c: char| {
        if allowed(c) {
            c
        } else {
            char::REPLACEMENT_CHARACTER
        }
    };
    text.chars().map(replaced).collect()
}
