//! The report for people: each finding with the lines it is about, and a line that sums up.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Report, ReportedFinding, severity_name};
use crate::analysis::{LoadError, Location, Passed};
use crate::cli::terminal::{count, plain};
use crate::rules::finding::Severity;

/// An excerpt is at most this long (bytes): generated templates are one line.
const LONGEST: usize = 32 * 1024;

/// Reads the text of a file: what the findings were made from.
pub(crate) type Read<'r> = &'r dyn Fn(&Path) -> Option<Arc<str>>;

/// Prints the report.
pub(crate) fn print(report: &Report, color: bool, read: Read<'_>) -> String {
    let renderer = match color {
        true => Renderer::styled(),
        false => Renderer::plain(),
    };
    let mut out = String::new();
    for found in report.reported() {
        out.push_str(&finding(report, found, &renderer, read));
        out.push_str("\n\n");
    }
    for problem in &report.problems {
        out.push_str(&problem_text(report, problem, &renderer, read));
        out.push_str("\n\n");
    }
    for passed in &report.passed {
        out.push_str(&passed_text(report, passed));
    }
    out.push_str(&summary(report));
    out
}

fn passed_text(report: &Report, passed: &Passed) -> String {
    let at = |location: &Location| report.base.at(&location.path, Some(location));
    let entry = passed.parameters.as_deref().unwrap_or(&passed.entry);
    let head = format!(
        "passed[{}] {}, deployed by {}",
        passed.rule.name.reference,
        at(&passed.location),
        report.base.relative(entry)
    );
    let mut out = format!("{}\n", plain(&head));
    for (location, why) in &passed.decided {
        let line = match location {
            Some(location) => format!("{why} ({})", at(location)),
            None => why.clone(),
        };
        out.push_str(&format!("  {}\n", plain(&line)));
    }
    out.push('\n');
    out
}

fn finding(
    report: &Report,
    found: &ReportedFinding,
    renderer: &Renderer,
    read: Read<'_>,
) -> String {
    let diagnostic = &found.diagnostic;
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut excerpts = vec![Excerpt::new(report, &diagnostic.location, None, read)];
    for (location, message) in &diagnostic.related {
        let joined = excerpts
            .iter_mut()
            .any(|excerpt| excerpt.join(location, message));
        if !joined {
            excerpts.push(Excerpt::new(report, location, Some(message), read));
        }
    }
    let mut group = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.code)
        .elements(excerpts.iter().map(Excerpt::snippet));
    let mut deployed_by = None;
    if *diagnostic.entry != *diagnostic.location.path || diagnostic.parameters.is_some() {
        let entry = report.base.relative(&diagnostic.entry);
        let with = match &diagnostic.parameters {
            Some(parameters) => format!(" with {}", report.base.relative(parameters)),
            None => String::new(),
        };
        deployed_by = Some(plain(&format!("deployed by {entry}{with}")).into_owned());
    }
    group = group.elements(deployed_by.map(|note| Level::NOTE.message(note)));
    renderer.render(&[group])
}

fn problem_text(
    report: &Report,
    problem: &LoadError,
    renderer: &Renderer,
    read: Read<'_>,
) -> String {
    let level = match problem.hides {
        true => Level::ERROR,
        false => Level::WARNING,
    };
    let Some(location) = &problem.location else {
        let path = report.base.relative(&problem.path);
        let title = plain(&format!("{path}: {}", problem.message)).into_owned();
        let group = Group::with_title(level.primary_title(title));
        return renderer.render(&[group]);
    };
    let excerpt = Excerpt::new(report, location, None, read);
    let group = level
        .primary_title(problem.message.as_str())
        .element(excerpt.snippet());
    renderer.render(&[group])
}

/// Some lines of a file with marks in them.
struct Excerpt {
    file: Arc<Path>,
    path: String,
    whole: Arc<str>,
    /// The lines shown, in bytes of the file.
    lines: Range<usize>,
    /// Number of the first of them, from 1.
    first: usize,
    marks: Vec<(Range<usize>, Option<String>)>,
}

impl Excerpt {
    fn new(report: &Report, location: &Location, label: Option<&str>, read: Read<'_>) -> Self {
        let whole = read(&location.path).unwrap_or_default();
        let span = within(&whole, location);
        let mut lines = lines_of(&whole, &span);
        if lines.len() > LONGEST {
            // A template on one line: what is around the place, on whole characters.
            let from = whole.floor_char_boundary(span.start.saturating_sub(80));
            let to = (span.end + 80).min(from + LONGEST).max(span.start);
            lines = from..whole.ceil_char_boundary(to);
        }
        Excerpt {
            file: location.path.clone(),
            path: plain(&report.base.relative(&location.path)).into_owned(),
            lines,
            first: location.start.line as usize + 1,
            marks: vec![(span, label.map(str::to_owned))],
            whole,
        }
    }

    /// Takes in another place of the same file, unless that would show too much.
    fn join(&mut self, location: &Location, label: &str) -> bool {
        if location.path != self.file {
            return false;
        }
        let span = within(&self.whole, location);
        let lines = lines_of(&self.whole, &span);
        let joined = self.lines.start.min(lines.start)..self.lines.end.max(lines.end);
        if joined.len() > LONGEST {
            return false;
        }
        self.first = self.first.min(location.start.line as usize + 1);
        self.lines = joined;
        self.marks.push((span, Some(label.to_owned())));
        true
    }

    fn snippet(&self) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
        let shown = self.whole.get(self.lines.clone()).unwrap_or("");
        let relative = |at: usize| at.saturating_sub(self.lines.start).min(shown.len());
        let marks = self.marks.iter().enumerate().map(|(n, (span, label))| {
            // The finding itself has no label of its own: its message is the title.
            let kind = match (n, label) {
                (0, None) => AnnotationKind::Primary,
                _ => AnnotationKind::Context,
            };
            kind.span(relative(span.start)..relative(span.end))
                .label(label.as_deref())
        });
        Snippet::source(shown)
            .path(self.path.as_str())
            .line_start(self.first)
            .annotations(marks)
    }
}

/// The place in the text, in bytes; clamped, since the file may have changed.
fn within(text: &str, location: &Location) -> Range<usize> {
    let start = text.floor_char_boundary(location.span.start as usize);
    let end = text.ceil_char_boundary(location.span.end as usize);
    start..end.max(start)
}

/// The whole lines of a location, without the last line end. Of lines longer than an excerpt may be, more than
/// one may hold: the ends of a line of many megabytes are not looked for, once for each of its findings.
fn lines_of(text: &str, span: &Range<usize>) -> Range<usize> {
    let bytes = text.as_bytes();
    let first = span.start.saturating_sub(LONGEST);
    let last = (span.end + LONGEST).min(bytes.len());
    let start = memchr::memrchr2(b'\n', b'\r', &bytes[first..span.start]);
    let end = memchr::memchr2(b'\n', b'\r', &bytes[span.end..last]);
    start.map_or(first, |at| first + at + 1)..end.map_or(last, |at| span.end + at)
}

fn summary(report: &Report) -> String {
    let reported = report.reported().count();
    let parts = [Severity::Error, Severity::Warning, Severity::Note];
    let parts = parts.map(|severity| (report.count(severity), severity_name(severity)));
    let parts = parts.iter().filter(|(n, _)| *n > 0);
    let parts: Vec<_> = parts.map(|(n, what)| count(*n, what)).collect();
    let looked = format!(
        "{}, {}",
        count(report.files, "file"),
        count(report.entry_points, "deployment")
    );
    let mut out = match reported {
        0 if report.files == 0 => {
            "Nothing to check: there is no Bicep file or template (files that git ignores are skipped).\n"
                .to_owned()
        }
        0 => format!("No findings ({looked}).\n"),
        n => format!("{}: {} ({looked}).\n", count(n, "finding"), parts.join(", ")),
    };
    let all = report.findings.iter();
    let (suppressed, rest): (Vec<_>, Vec<_>) =
        all.partition(|it| it.diagnostic.suppressed.is_some());
    let known = rest.iter().filter(|it| it.known).count();
    for (n, words) in [(suppressed.len(), "suppressed"), (known, "in the baseline")] {
        if n > 0 {
            out.push_str(&format!("{} {words}.\n", count(n, "finding")));
        }
    }
    if !report.unread.is_empty() {
        out.push_str(&unread(report));
    }
    if !report.problems.is_empty() {
        let n = count(report.problems.len(), "problem");
        out.push_str(&format!("{n}: not everything could be read.\n"));
    }
    out
}

/// How many things unread the text lists.
const MOST_UNREAD: usize = 10;

fn unread(report: &Report) -> String {
    let all = &report.unread;
    let what = match all.len() {
        1 => "1 module or template can".to_owned(),
        n => format!("{n} modules and templates can"),
    };
    let mut out = format!("{what}not be read from here, and what they deploy is not checked:\n");
    for one in all.iter().take(MOST_UNREAD) {
        let place = report.base.at(&one.path, one.location.as_ref());
        let line = format!("{place}: {}", one.message);
        out.push_str(&format!("  {}\n", plain(&line)));
    }
    if all.len() > MOST_UNREAD {
        let rest = all.len() - MOST_UNREAD;
        out.push_str(&format!("  and {rest} more (--format json lists all)\n"));
    }
    out
}
