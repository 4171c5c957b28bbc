//! Suppression by pragmas, as in Bicep: the exact code, matched against the start of the diagnostic. Suppressions in
//! `ps-rule.yaml` are part of the configuration.

use memchr::memmem;

use crate::syntax::bicep::{PragmaKind, pragma, without_blocks};
use crate::syntax::edit::style::{line_end, line_start};
use crate::syntax::edit::{Source, TextEdit, line_above};
use crate::text::Span;

/// The pragmas of one Bicep file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pragmas {
    /// Where a code is disabled, in the order of the pragmas.
    disabled: Vec<(Span, Box<str>)>,
}

impl Pragmas {
    /// Reads `#disable-next-line`, `#disable-diagnostics`, `#restore-diagnostics` from a text.
    pub fn read(text: &str) -> Pragmas {
        let mut disabled: Vec<(Span, Box<str>)> = Vec::new();
        let mut open: Vec<(u32, Box<str>)> = Vec::new();
        for (start, body) in pragmas(text) {
            let Some(pragma) = pragma(body) else {
                continue;
            };
            let end = start + body.len();
            for (code, _) in pragma.codes {
                match pragma.kind {
                    PragmaKind::DisableNextLine => {
                        disabled.push((next_line(text, end), code.into()));
                    }
                    PragmaKind::DisableDiagnostics => open.push((end as u32, code.into())),
                    PragmaKind::RestoreDiagnostics => {
                        let (closed, still) = open.into_iter().partition(|(_, c)| **c == *code);
                        open = still;
                        let closed: Vec<(u32, Box<str>)> = closed;
                        disabled.extend(
                            closed
                                .into_iter()
                                .map(|(from, code)| (Span::new(from, start as u32), code)),
                        );
                    }
                }
            }
        }
        let end = text.len() as u32;
        disabled.extend(
            open.into_iter()
                .map(|(from, code)| (Span::new(from, end), code)),
        );
        Pragmas { disabled }
    }

    /// Whether `code` is disabled for a diagnostic that covers `span` (tested on its start).
    pub fn disables(&self, code: &str, span: Span) -> bool {
        self.disabled
            .iter()
            .any(|(at, disabled)| **disabled == *code && at.touches(span.start))
    }
}

/// The pragmas of a text, each with where it begins its line, in order.
fn pragmas(text: &str) -> Vec<(usize, &str)> {
    let starts = |text: &str| {
        let disable = memmem::find_iter(text.as_bytes(), "#disable-");
        let mut starts: Vec<usize> = disable
            .chain(memmem::find_iter(text.as_bytes(), "#restore-"))
            .collect();
        starts.sort_unstable();
        starts
    };
    if starts(text).is_empty() {
        return Vec::new();
    }
    let code = without_blocks(text);
    let is_blank = |c: char| matches!(c, ' ' | '\t' | '\u{feff}');
    let found = starts(&code).into_iter().filter_map(|start| {
        let before = code[..start].trim_end_matches(is_blank);
        let continues = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ' ' | '\t');
        let body = text[start + 1..].trim_start_matches(continues);
        let body = text[start..text.len() - body.len()].trim_end();
        (before.is_empty() || before.ends_with(['\n', '\r'])).then_some((start, body))
    });
    found.collect()
}

/// Silences the rule on the line of `at`: a pragma above it, or one code more in the pragma that is there. `None` where
/// that line begins inside a comment.
pub(super) fn pragma_edit(source: Source<'_>, at: u32, code: &str) -> Option<TextEdit> {
    let text = source.text;
    let start = line_start(text, at);
    if source.token_around(start).is_some() {
        return None;
    }
    let above = pragmas(text).into_iter().rev().find(|(from, body)| {
        body.starts_with("#disable-next-line") && {
            let end = line_end(text, (*from + body.len()) as u32);
            let rest = text.get(end as usize..start as usize).unwrap_or_default();
            matches!(rest, "\n" | "\r\n" | "\r")
        }
    });
    let Some((from, body)) = above else {
        return Some(line_above(
            source,
            at,
            &format!("#disable-next-line {code}"),
        ));
    };
    let end = (from + body.trim_end().len()) as u32;
    Some(TextEdit::insert(end, format!(" {code}")))
}

/// The line after the one that holds byte `at`, without its end.
fn next_line(text: &str, at: usize) -> Span {
    let bytes = text.as_bytes();
    let is_break = |b: &u8| matches!(b, b'\n' | b'\r');
    let rest = bytes.get(at..).unwrap_or_default();
    let Some(end) = rest.iter().position(is_break) else {
        return Span::default();
    };
    let mut start = at + end + 1;
    if bytes.get(at + end) == Some(&b'\r') && bytes.get(start) == Some(&b'\n') {
        start += 1;
    }
    let line = bytes.get(start..).unwrap_or_default();
    let length = line.iter().position(is_break).unwrap_or(line.len());
    Span::of(start..start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether each `res` of the text is silent for AZR-000002.
    fn silent(text: &str) -> Vec<bool> {
        let pragmas = Pragmas::read(text);
        memmem::find_iter(text.as_bytes(), "res")
            .filter(|at| !text[..*at].ends_with('#'))
            .map(|at| pragmas.disables("AZR-000002", Span::of(at..at + 3)))
            .collect()
    }

    #[test]
    fn pragmas_silence_what_begins_behind_them() {
        let check = |text: &str, expect: &[bool]| assert_eq!(silent(text), expect, "{text}");
        check("var a = 'res'\n", &[false]);
        check(
            "#disable-next-line AZR-000002\nvar a = 'res'\nvar b = 'res'\n",
            &[true, false],
        );
        check(
            "#disable-next-line AZR-000002\r\nvar a = 'res'\r\nvar b = 'res'\r\n",
            &[true, false],
        );
        check(
            "#disable-next-line no-x AZR-000002 // why\nvar a = 'res'",
            &[true],
        );
        check("#disable-next-line azr-000002\nvar a = 'res'", &[false]);
        check("#disable-next-line AZR-0000021\nvar a = 'res'", &[false]);
        check("#disable-next-line AZR-000002\n\nvar a = 'res'", &[false]);
        check("#disable-next-line\nvar a = 'res'", &[false]);
        check("  #disable-next-line AZR-000002\nvar a = 'res'", &[true]);
        check(
            "var s = '#disable-next-line AZR-000002'\nvar a = 'res'",
            &[false],
        );
        check("// #disable-next-line AZR-000002\nvar a = 'res'", &[false]);
        check(
            "var a = 'res'\n#disable-diagnostics AZR-000002\nvar b = 'res'\nvar c = 'res'\n#restore-diagnostics AZR-000002\nvar d = 'res'\n",
            &[false, true, true, false],
        );
        check(
            "#disable-diagnostics AZR-000002 x\n#restore-diagnostics x\nvar d = 'res'",
            &[true],
        );
        check("#disable-next-line AZR-000002", &[]);
    }
}
