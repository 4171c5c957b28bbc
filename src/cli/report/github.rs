//! Annotations as GitHub Actions reads them from a step's output (workflow commands).

use super::Report;
use crate::analysis::Location;
use crate::rules::finding::Severity;

/// Prints one command a line.
pub fn print(report: &Report) -> String {
    let mut out = String::new();
    for found in report.reported() {
        let diagnostic = &found.diagnostic;
        let command = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let title = format!("{} {}", diagnostic.code, diagnostic.name);
        let path = report.base.in_repository(&diagnostic.location.path);
        let place = place(&path, Some(&diagnostic.location));
        out.push_str(&line(command, &place, &title, &diagnostic.message));
    }
    let problems = report.problems.iter();
    let problems = problems.map(|problem| match problem.hides {
        true => ("error", problem),
        false => ("warning", problem),
    });
    let unread = report.unread.iter().map(|unread| ("notice", unread));
    for (command, problem) in problems.chain(unread) {
        let path = report.base.in_repository(&problem.path);
        let place = place(&path, problem.location.as_ref());
        out.push_str(&line(command, &place, "Preflight", &problem.message));
    }
    out
}

fn line(command: &str, place: &str, title: &str, message: &str) -> String {
    format!(
        "::{command} {place},title={}::{}\n",
        property(title),
        data(message)
    )
}

/// Lines and columns from 1; the end column is past the last character.
fn place(path: &str, location: Option<&Location>) -> String {
    let mut out = format!("file={}", property(path));
    if let Some(location) = location {
        let (start, end) = (location.start, location.end);
        out.push_str(&format!(
            ",line={},endLine={}",
            start.line + 1,
            end.line + 1
        ));
        // Columns over several lines are refused.
        if start.line == end.line {
            out.push_str(&format!(
                ",col={},endColumn={}",
                start.utf16 + 1,
                end.utf16 + 1
            ));
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
