//! JUnit XML, which every pipeline shows: a test suite for each file with something to report, a failed case for each
//! finding; a run without any is one case that passed.

use std::collections::BTreeMap;
use std::io::Result;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::{Report, severity_name};

/// One case of a suite.
struct Case {
    name: String,
    failure: Option<Failure>,
}

/// Why a case failed.
struct Failure {
    /// `failure` for a finding, `error` where the run could not tell.
    tag: &'static str,
    kind: &'static str,
    message: String,
    place: String,
}

/// Prints the document.
pub(crate) fn print(report: &Report) -> String {
    let mut suites: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    let mut put = |suite: String, name: String, failure: Option<Failure>| {
        suites
            .entry(suite)
            .or_default()
            .push(Case { name, failure });
    };
    for found in report.reported() {
        let it = &found.diagnostic;
        let what = it.resource_name.as_deref().unwrap_or(&it.resource_type);
        let failure = Failure {
            tag: "failure",
            kind: severity_name(it.severity),
            message: it.message.clone(),
            place: report.base.at(&it.location.path, Some(&it.location)),
        };
        put(
            found.path.clone(),
            format!("{} {what}", it.code),
            Some(failure),
        );
    }
    for problem in report.problems.iter().filter(|problem| problem.hides) {
        let failure = Failure {
            tag: "error",
            kind: "problem",
            message: problem.message.clone(),
            place: report.base.at(&problem.path, problem.location.as_ref()),
        };
        let path = report.base.relative(&problem.path);
        put(path, "readable".to_owned(), Some(failure));
    }
    if suites.is_empty() {
        let passed = Case {
            name: "no findings".to_owned(),
            failure: None,
        };
        suites.insert("preflight".to_owned(), vec![passed]);
    }
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Writing to memory does not fail.
    let _ = document(&mut writer, &suites);
    let mut out = String::from_utf8(writer.into_inner()).unwrap_or_default();
    out.push('\n');
    out
}

fn document(writer: &mut Writer<Vec<u8>>, suites: &BTreeMap<String, Vec<Case>>) -> Result<()> {
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let root = writer.create_element("testsuites");
    root.with_attribute(("name", "preflight"))
        .write_inner_content(|writer| {
            for (name, cases) in suites {
                let name = clean(name);
                let failed = |tag| {
                    let failures = cases.iter().filter_map(|case| case.failure.as_ref());
                    failures
                        .filter(|failure| failure.tag == tag)
                        .count()
                        .to_string()
                };
                let suite = writer.create_element("testsuite").with_attributes([
                    ("name", &*name),
                    ("tests", &cases.len().to_string()),
                    ("failures", &failed("failure")),
                    ("errors", &failed("error")),
                ]);
                suite.write_inner_content(|writer| {
                    cases
                        .iter()
                        .try_for_each(|case| write_case(writer, &name, case))
                })?;
            }
            Ok(())
        })?;
    Ok(())
}

fn write_case(writer: &mut Writer<Vec<u8>>, suite: &str, case: &Case) -> Result<()> {
    let element = writer.create_element("testcase");
    let element = element.with_attributes([("name", &*clean(&case.name)), ("classname", suite)]);
    let Some(failure) = &case.failure else {
        element.write_empty()?;
        return Ok(());
    };
    let message = clean(&failure.message);
    let text = clean(&format!("{}: {}", failure.place, failure.message));
    element.write_inner_content(|writer| {
        let attributes = [("type", failure.kind), ("message", &message)];
        let element = writer
            .create_element(failure.tag)
            .with_attributes(attributes);
        element.write_text_content(BytesText::new(&text))?;
        Ok(())
    })?;
    Ok(())
}

/// XML 1.0 has no place for most control characters, not even escaped.
fn clean(text: &str) -> String {
    let forbidden = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    text.replace(forbidden, "\u{fffd}")
}
