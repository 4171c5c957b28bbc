//! Reads settings out of YAML and JSON, and collects what is wrong in them.

use crate::syntax::data::{Data, DataKind};
use crate::text::Span;

/// What is wrong in a file: where, and one plain sentence.
pub(super) type Problems = Vec<(Span, String)>;

/// Collects problems. A value that is null counts as absent.
#[derive(Default)]
pub(super) struct Reader {
    problems: Problems,
}

impl Reader {
    /// The problems, in order.
    pub(super) fn problems(mut self) -> Problems {
        self.problems.sort();
        self.problems
    }

    pub(super) fn problem(&mut self, span: Span, words: String) {
        self.problems.push((span, words));
    }

    fn wrong(&mut self, name: &str, expected: &str, data: &Data) {
        let words = format!("{name} must be {expected}, not {}.", data.what());
        self.problem(data.span, words);
    }

    /// Data that must be a mapping.
    pub(super) fn mapping<'a>(&mut self, data: Option<&'a Data>, name: &str) -> Option<&'a Data> {
        let data = data?;
        match data.kind {
            DataKind::Map(_) => return Some(data),
            DataKind::Null => {}
            _ => self.wrong(name, "a mapping", data),
        }
        None
    }

    /// Data that must be a text, and where it is.
    pub(super) fn text(&mut self, data: Option<&Data>, name: &str) -> Option<(Span, String)> {
        let data = data?;
        match &data.kind {
            DataKind::Str(text) => return Some((data.span, text.clone())),
            DataKind::Null => {}
            _ => self.wrong(name, "a text", data),
        }
        None
    }

    /// The texts of a list, or a single text, as PSRule takes both.
    pub(super) fn texts<'a>(&mut self, data: Option<&'a Data>, name: &str) -> Vec<&'a str> {
        let Some(data) = data else {
            return Vec::new();
        };
        let items = match &data.kind {
            DataKind::Str(text) => return vec![text],
            DataKind::List(items) => items,
            DataKind::Null => return Vec::new(),
            _ => {
                self.wrong(name, "a list", data);
                return Vec::new();
            }
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match item.as_str() {
                Some(text) => texts.push(text),
                None => {
                    let words = format!("{name} must list texts, not {}.", item.what());
                    self.problem(item.span, words);
                }
            }
        }
        texts
    }

    /// One of a few words, in any case.
    pub(super) fn choice<T: Copy>(
        &mut self,
        data: &Data,
        name: &str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let chosen = data.as_str().and_then(|text| super::choice(choices, text));
        if chosen.is_none() {
            let got = match data.as_str() {
                Some(text) => format!("`{text}`"),
                None => data.what().to_owned(),
            };
            // The words for a flag that come after the first two are for old habits only.
            let shown = if choices.len() > 3 { 2 } else { choices.len() };
            let words: Vec<&str> = choices[..shown].iter().map(|(word, _)| *word).collect();
            let words = format!("{name} must be {}, not {got}.", words.join(" or "));
            self.problem(data.span, words);
        }
        chosen
    }
}
