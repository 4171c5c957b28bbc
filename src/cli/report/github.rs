//! Annotations as GitHub Actions reads them from a step's output (workflow commands).

use std::path::Path;

use super::Report;
use crate::analysis::Location;
use crate::rules::finding::Severity;

/// Prints one command a line.
pub(crate) fn print(report: &Report) -> String {
    let mut out = String::new();
    let mut put =
        |severity, path: &Path, location: Option<&Location>, title: &str, message: &str| {
            let command = match severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "notice",
            };
            let place = place(&report.base.in_repository(path), location);
            let (title, message) = (property(title), data(message));
            out.push_str(&format!("::{command} {place},title={title}::{message}\n"));
        };
    for found in report.reported() {
        let it = &found.diagnostic;
        let title = format!("{} {}", it.code, it.name);
        let path = &it.location.path;
        put(it.severity, path, Some(&it.location), &title, &it.message);
    }
    for (severity, it) in report.load_errors() {
        put(
            severity,
            &it.path,
            it.location.as_ref(),
            "Preflight",
            &it.message,
        );
    }
    out
}

/// Lines and columns from 1; the end column is past the last character.
fn place(path: &str, location: Option<&Location>) -> String {
    let mut out = format!("file={}", property(path));
    if let Some(location) = location {
        let (start, end) = (location.start, location.end);
        let (first, last) = (start.line + 1, end.line + 1);
        out.push_str(&format!(",line={first},endLine={last}"));
        // Columns over several lines are refused.
        if start.line == end.line {
            let (first, last) = (start.utf16 + 1, end.utf16 + 1);
            out.push_str(&format!(",col={first},endColumn={last}"));
        }
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    #[test]
    fn values_are_escaped_as_actions_wants_it() {
        assert_eq!(super::property("a:b,c%\n"), "a%3Ab%2Cc%25%0A");
        assert_eq!(super::data("a:b,c%\r\n"), "a:b,c%25%0D%0A");
    }
}
