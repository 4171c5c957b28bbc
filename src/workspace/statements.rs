//! Which files the statements of a Bicep file name, found without parsing it: for files that are not worth a tree, since
//! nothing in them bears on a verdict, and of which only that is asked.
//!
//! The trick: a new line outside brackets, strings and comments begins a statement, so a few signs are all that has to
//! be understood; that reads a hundred times as fast as the parser. It never guesses: where the signs do not add up, or
//! a statement does not go on as it must, there is no answer, and the parser has the word.

use crate::text::Span;

/// The literals that `module`, `using`, `extends` and `import … from` name, decoded, each with its span (quotes
/// included), in order. `None` where that cannot be known without a tree.
pub fn references(text: &str) -> Option<Vec<(String, Span)>> {
    let mut lexer = Lexer {
        bytes: text.as_bytes(),
        at: if text.starts_with('\u{feff}') { 3 } else { 0 },
    };
    let mut found = Vec::new();
    let mut statement = Statement::Begin;
    let mut depth = 0u32;
    while let Some(token) = lexer.next()? {
        match token {
            Token::Open => depth += 1,
            Token::Close => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth > 0 || matches!(token, Token::Close) {
            // The braces of `import { a } from` stand between its words; no other statement of these has any so early.
            if !matches!(statement, Statement::Import | Statement::Other) {
                return None;
            }
            continue;
        }
        statement = match (statement, token) {
            (Statement::Begin | Statement::Import | Statement::Other, Token::Line) => {
                Statement::Begin
            }
            (Statement::Begin, Token::Word(b"module")) => Statement::Module,
            (Statement::Begin, Token::Word(b"using")) => Statement::Using,
            (Statement::Begin, Token::Word(b"extends")) => Statement::Path,
            (Statement::Begin, Token::Word(b"import")) => Statement::Import,
            (Statement::Begin, _) => Statement::Other,
            (Statement::Module, Token::Word(_)) => Statement::Path,
            (Statement::Using, Token::Word(b"none")) => Statement::Other,
            // An extension by its old name.
            (Statement::Import, Token::Text(..)) => Statement::Other,
            (Statement::Import, Token::Word(b"from")) => Statement::Path,
            (Statement::Import, Token::Word(_) | Token::Sign) => Statement::Import,
            (Statement::Path | Statement::Using, Token::Text(span, true)) => {
                let literal = text.get(span.start as usize + 1..span.end as usize - 1)?;
                // Escapes are left to the parser; paths hardly ever have any.
                if literal.contains('\\') {
                    return None;
                }
                found.push((literal.to_owned(), span));
                Statement::Other
            }
            (Statement::Other, _) => Statement::Other,
            _ => return None,
        };
    }
    let whole = matches!(
        statement,
        Statement::Begin | Statement::Import | Statement::Other
    );
    (whole && depth == 0).then_some(found)
}

/// How far a statement has been read.
enum Statement {
    Begin,
    /// Behind `module`: its name comes.
    Module,
    /// Behind `using`: a path comes, or `none`.
    Using,
    /// A path comes.
    Path,
    /// Behind `import`: `from` comes, or the statement names an extension.
    Import,
    /// Nothing more is asked of it.
    Other,
}

enum Token<'t> {
    Line,
    Word(&'t [u8]),
    /// A string, quotes included; whether it is plain: on one line, without holes.
    Text(Span, bool),
    Open,
    Close,
    Sign,
}

struct Lexer<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl<'t> Lexer<'t> {
    /// The next token, `Some(None)` at the end; `None` where a string or a comment has none.
    fn next(&mut self) -> Option<Option<Token<'t>>> {
        loop {
            let Some(&byte) = self.bytes.get(self.at) else {
                return Some(None);
            };
            let rest = &self.bytes[self.at..];
            let start = self.at;
            self.at += 1;
            return Some(Some(match byte {
                b' ' | b'\t' => continue,
                b'\n' | b'\r' => Token::Line,
                // A pragma is a line of its own, and so is what follows it.
                b'#' => {
                    self.at = start + self.line_length(start);
                    continue;
                }
                b'/' if rest.starts_with(b"//") => {
                    self.at = start + self.line_length(start);
                    continue;
                }
                b'/' if rest.starts_with(b"/*") => {
                    self.at = start + 2 + memchr::memmem::find(&rest[2..], b"*/")? + 2;
                    continue;
                }
                // With holes of its own, which may hold any number of its quotes.
                b'$' if begins_with_long_quote(rest) => return None,
                b'\'' if rest.starts_with(b"'''") => {
                    self.at = start + 3 + memchr::memmem::find(&rest[3..], b"'''")? + 3;
                    while self.bytes.get(self.at) == Some(&b'\'') {
                        self.at += 1;
                    }
                    Token::Text(Span::of(start..self.at), false)
                }
                b'\'' => {
                    let plain = self.string(0)?;
                    Token::Text(Span::of(start..self.at), plain)
                }
                b'(' | b'[' | b'{' => Token::Open,
                b')' | b']' | b'}' => Token::Close,
                b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                    let word = rest
                        .iter()
                        .take_while(|b| b.is_ascii_alphanumeric() || **b == b'_');
                    self.at = start + word.count();
                    Token::Word(&self.bytes[start..self.at])
                }
                _ => Token::Sign,
            }));
        }
    }

    fn line_length(&self, start: usize) -> usize {
        let rest = &self.bytes[start..];
        memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len())
    }

    /// Reads on to behind the quote that closes a string on one line. Whether it has no holes.
    fn string(&mut self, level: u8) -> Option<bool> {
        /// Strings within holes within strings; more is for the parser.
        const DEEPEST: u8 = 16;
        let mut plain = true;
        loop {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            match byte {
                b'\n' | b'\r' => return None,
                b'\\' => self.at += 1,
                b'\'' => return Some(plain),
                b'$' if self.bytes.get(self.at) == Some(&b'{') => {
                    plain = false;
                    self.at += 1;
                    if level == DEEPEST {
                        return None;
                    }
                    self.interpolation(level)?;
                }
                _ => {}
            }
        }
    }

    /// Reads on to behind the brace that closes a hole.
    fn interpolation(&mut self, level: u8) -> Option<()> {
        let mut depth = 0u32;
        loop {
            let byte = *self.bytes.get(self.at)?;
            let rest = &self.bytes[self.at..];
            self.at += 1;
            match byte {
                b'\n' | b'\r' => return None,
                // Comments and long strings in a hole are for the parser.
                b'/' if matches!(rest.get(1), Some(b'/' | b'*')) => return None,
                b'\'' if rest.starts_with(b"'''") => return None,
                b'\'' => {
                    self.string(level + 1)?;
                }
                b'{' => depth += 1,
                b'}' if depth == 0 => return Some(()),
                b'}' => depth -= 1,
                _ => {}
            }
        }
    }
}

/// Whether three quotes stand behind these dollar signs.
fn begins_with_long_quote(text: &[u8]) -> bool {
    let signs = text.iter().take_while(|byte| **byte == b'$').count();
    text[signs..].starts_with(b"'''")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<&[&str]>) {
        let found = references(text);
        for (literal, span) in found.iter().flatten() {
            assert_eq!(&text[span.range()], format!("'{literal}'"));
        }
        let literals: Option<Vec<_>> =
            found.map(|all| all.into_iter().map(|(literal, _)| literal).collect());
        assert_eq!(
            literals.as_deref(),
            expect
                .map(|all| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>())
                .as_deref(),
            "{text}"
        );
    }

    #[test]
    fn statements_name_files() {
        check(
            "\u{feff}targetScope = 'subscription'\r\n@description('it')\r\n module a /* why */ 'a.bicep' = if (x) {\r\n}\r\n",
            Some(&["a.bicep"]),
        );
        check(
            "using 'main.bicep'\nextends 'base.bicepparam'\n",
            Some(&["main.bicep", "base.bicepparam"]),
        );
        check("using none\nparam x = 1\n", Some(&[]));
        check(
            "import {\n  a\n  b as c\n} from 'types.bicep'\n",
            Some(&["types.bicep"]),
        );
        check(
            "import * as t from 'br/public:t:1'",
            Some(&["br/public:t:1"]),
        );
        check("import 'az@1.0.0' as az\nextension kubernetes\n", Some(&[]));
        check(
            "module m 'm.bicep' = [for x in [\n  1\n]: {\n  name: 'module n ${'x.bicep'}'\n}]\n",
            Some(&["m.bicep"]),
        );
    }

    #[test]
    fn what_only_looks_like_one_names_none() {
        check(
            "// module a 'a.bicep' = {}\n/*\nmodule b 'b.bicep' = {}\n*/\n",
            Some(&[]),
        );
        check("var t = '''\nmodule a 'a.bicep' = {}\n''''\n", Some(&[]));
        check(
            "var o = {\n  module: 'a.bicep'\n  using: 'b'\n}\n",
            Some(&[]),
        );
        check(
            "#disable-next-line module 'x'\nvar module = 'a.bicep'\n",
            Some(&[]),
        );
        check("param p string = 'a'\nvar y = module('x')\n", Some(&[]));
    }

    #[test]
    fn what_is_no_statement_is_for_the_parser() {
        for text in [
            "module './main.bicep' = {\n}\n",
            "module a 'a.bicep = {\n}\n",
            "module a 'a${x}.bicep' = {\n}\n",
            "module a 'a.bicep' = {\n",
            "module a\n 'a.bicep' = {\n}\n",
            "module\n",
            "}\n",
            "var t = $'''${'''}'''\n",
            "/* for ever",
            "using\n",
            "module a 'a\\u{2e}bicep' = {\n}\n",
        ] {
            check(text, None);
        }
    }
}
