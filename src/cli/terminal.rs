//! What every command shares: how it ends, and what it writes to standard output and standard error.

use std::borrow::Cow;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::ValueEnum;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// Nothing to report.
    Clean,
    /// Findings at the level that fails.
    Findings,
    /// Something could not be read or parsed, or the call is wrong.
    Trouble,
}

/// How a command ended, or in one line why it could not begin.
pub(super) type Outcome = Result<Exit, String>;

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(match exit {
            Exit::Clean => 0,
            Exit::Findings => 1,
            Exit::Trouble => 2,
        })
    }
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub(super) enum Color {
    /// On terminals, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    pub(super) fn enabled(self) -> bool {
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                std::io::stdout().is_terminal()
                    // <https://no-color.org>
                    && !anstyle_query::no_color()
                    && anstyle_query::term_supports_color()
                    // Older consoles of Windows show escapes as they are, unless they are asked to obey them.
                    && anstyle_query::windows::enable_ansi_colors() != Some(false)
            }
        }
    }
}

/// The formats of commands that have no report.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(super) enum TextOrJson {
    /// For people
    #[default]
    Text,
    /// One JSON document
    Json,
}

/// Writes to standard output. A reader that has gone (`| head`) is no trouble.
pub(super) fn print(bytes: impl AsRef<[u8]>) -> Exit {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes.as_ref()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            trouble(&format!("standard output cannot be written: {error}"))
        }
        _ => Exit::Clean,
    }
}

/// Reports what is wrong in one line.
pub(super) fn trouble(message: &str) -> Exit {
    report_line(&format!("preflight: {message}"));
    Exit::Trouble
}

/// Writes a line to standard error; errors are ignored.
pub(super) fn report_line(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", plain(line));
}

/// Text with what controls a terminal (colours, line ends, the direction of writing) written as escapes: names of files may
/// hold anything, and a report is one line for each of them.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    let obeyed = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match obeyed(c) {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Lines of text, each [`plain`] and with its end.
pub(super) fn plain_lines(lines: impl IntoIterator<Item = String>) -> String {
    let lines = lines.into_iter();
    lines.map(|line| format!("{}\n", plain(&line))).collect()
}

/// `1 resource`, `2 resources`.
pub(super) fn count(n: usize, what: &str) -> String {
    match n {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_spelled_out() {
        assert_eq!(plain("a b/é 😀.bicep"), "a b/é 😀.bicep");
        assert_eq!(plain("a\n\u{1b}[31m\u{202e}b"), "a\\n\\u{1b}[31m\\u{202e}b");
    }
}
