//! `preflight parse`: the syntax tree of one file, to see what the grammar makes of it.

use std::path::PathBuf;

use super::paths::{Base, argument};
use super::terminal::{Outcome, print, trouble};
use crate::model::FileKind;
use crate::syntax;
use crate::text::{Encoding, Lines, Span};
use crate::workspace::disk;
use crate::workspace::files::language_of;
use crate::workspace::prefilter::kind_of;

/// Arguments of `parse`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A Bicep, Bicep parameters or JSON file
    file: PathBuf,
    /// Print where each node begins and ends: line and column, counted from 1
    #[arg(long)]
    places: bool,
}

/// Prints the tree and, to standard error, what does not parse.
pub(crate) fn run(args: &Args) -> Outcome {
    let path = argument(&args.file);
    let shown = Base::here().relative(&path);
    let kind = kind_of(&path);
    if kind == FileKind::Other {
        return Err(format!("{shown}: is neither Bicep nor JSON by its name"));
    }
    let read = disk::read(&path).map_err(|error| format!("{shown}: {error}"))?;
    let text = read.text;
    let tree = syntax::parse(language_of(kind), &*text, None);
    let lines = Lines::new(text.clone());
    let place = |byte| {
        let at = lines.point(byte);
        format!("{}:{}", at.line + 1, at.column(Encoding::Utf32) + 1)
    };
    let note = |span: Span| match args.places {
        true => format!(" {}-{}", place(span.start), place(span.end)),
        false => String::new(),
    };
    let mut exit = print(syntax::s_expression(&tree, &note));
    let errors = syntax::all_errors(&tree, &*text, kind.dialect());
    for error in errors {
        let at = place(error.span.start);
        exit = trouble(&format!("{shown}:{at}: {}", error.message));
    }
    Ok(exit)
}
