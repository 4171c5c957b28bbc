//! Parses the expressions in the strings of ARM templates, such as `"[concat(parameters('a'), '-b')]"`.
//!
//! Offsets are bytes in the *decoded* string, brackets included; [`mod@super::json`] maps them to the file. Parsing takes
//! linear time and bounded depth.

use std::borrow::Cow;

use crate::text::Span;

/// Calls, indexes and members nested deeper than this are refused: the tree is walked and dropped by recursion.
pub const MAX_DEPTH: usize = 200;

/// What a decoded JSON string is to Azure Resource Manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text<'a> {
    /// Its content.
    Literal(&'a str),
    /// `[…]`: an expression, brackets included.
    Expression(&'a str),
}

/// Distinguishes expressions from literals: `[…]` is one; `[[…]` is the text `[…]`; without a bracket at the very end all is
/// text.
pub fn classify(text: &str) -> Text<'_> {
    match text.as_bytes() {
        [b'[', b'[', .., b']'] => Text::Literal(&text[1..]),
        [b'[', .., b']'] => Text::Expression(text),
        _ => Text::Literal(text),
    }
}

/// A part of an expression and where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Node<'a> {
    /// Bytes in the decoded string.
    pub span: Span,
    /// What it is.
    pub kind: Kind<'a>,
}

/// The kinds of expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind<'a> {
    /// `'it''s'`: its content.
    Str(Cow<'a, str>),
    /// An integer with its sign; `None` where it does not fit 64 bits.
    Int(Option<i64>),
    /// `name(…)`, `namespace.name(…)`.
    Call {
        /// The namespace of a user function.
        namespace: Option<&'a str>,
        /// The function.
        name: &'a str,
        /// Its arguments in order.
        args: Vec<Node<'a>>,
    },
    /// `base.name`.
    Member {
        /// What comes before the dot.
        base: Box<Node<'a>>,
        /// The property.
        name: &'a str,
        /// Where the property's name is.
        name_span: Span,
    },
    /// `base[key]`.
    Index {
        /// What comes before the bracket.
        base: Box<Node<'a>>,
        /// What is in it.
        key: Box<Node<'a>>,
    },
}

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Where reading stopped.
    pub span: Span,
    /// Why, in the user's words: ASCII, no full stop.
    pub message: &'static str,
}

/// Parses the text of a [`Text::Expression`], brackets included.
pub fn parse(text: &str) -> Result<Node<'_>, Error> {
    let mut parser = Parser { text, at: 0 };
    parser.expect(b'[', "an expression begins with a bracket")?;
    let (root, _) = parser.expression(0)?;
    match parser.peek() {
        Some(b']') => parser.at += 1,
        Some(b',') => return Err(parser.error("one expression is expected, not several")),
        None => return Err(parser.error("the closing bracket is missing")),
        _ => return Err(parser.error("an operator or text that ARM does not know")),
    }
    match parser.peek() {
        None => Ok(root),
        Some(_) => Err(parser.error("text after the closing bracket")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    /// The next byte that is no blank; the parser then points at it.
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                Some(byte) if byte.is_ascii() => return Some(*byte),
                None => return None,
                Some(&byte) => {
                    let Some(blank) = self.rest().chars().next().filter(|c| c.is_whitespace())
                    else {
                        return Some(byte);
                    };
                    self.at += blank.len_utf8();
                }
            }
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn error(&self, message: &'static str) -> Error {
        let width = self.rest().chars().next().map_or(0, char::len_utf8);
        Error {
            span: Span::of(self.at..self.at + width),
            message,
        }
    }

    fn expect(&mut self, byte: u8, message: &'static str) -> Result<(), Error> {
        if self.peek() != Some(byte) {
            return Err(self.error(message));
        }
        self.at += 1;
        Ok(())
    }

    fn node(&self, start: usize, kind: Kind<'a>) -> Node<'a> {
        Node {
            span: Span::of(start..self.at),
            kind,
        }
    }

    /// An expression and how many levels it has. Depth bounds the parser's own recursion; levels bound the tree's,
    /// since each link of a chain (`a.b.c`) is above the links before it.
    fn expression(&mut self, depth: usize) -> Result<(Node<'a>, usize), Error> {
        if depth >= MAX_DEPTH {
            return Err(self.error("nested too deeply"));
        }
        let next = self.peek();
        let start = self.at;
        let (mut node, mut levels) = match next {
            Some(b'\'') => (self.string()?, 1),
            Some(b'0'..=b'9' | b'-' | b'+') => (self.number()?, 1),
            Some(byte) if begins_name(byte) => self.call(depth)?,
            Some(b')' | b']' | b',') | None => return Err(self.error("an expression is expected")),
            Some(b'"') => return Err(self.error("strings need single quotes")),
            Some(_) => return Err(self.error("a character that ARM does not know")),
        };
        loop {
            let kind = match self.peek() {
                Some(b'.') => {
                    self.at += 1;
                    self.peek();
                    let from = self.at;
                    let name = self.name("a property name is expected after the dot")?;
                    Kind::Member {
                        base: Box::new(node),
                        name,
                        name_span: Span::of(from..self.at),
                    }
                }
                Some(b'[') => {
                    self.at += 1;
                    let (key, below) = self.expression(depth + 1)?;
                    levels = levels.max(below);
                    self.expect(b']', "the bracket of an index is not closed")?;
                    Kind::Index {
                        base: Box::new(node),
                        key: Box::new(key),
                    }
                }
                _ => return Ok((node, levels)),
            };
            levels += 1;
            if levels > MAX_DEPTH {
                return Err(self.error("nested too deeply"));
            }
            node = self.node(start, kind);
        }
    }

    fn string(&mut self) -> Result<Node<'a>, Error> {
        let start = self.at;
        self.at += 1;
        let mut from = self.at;
        let mut content = Cow::Borrowed("");
        loop {
            let Some(length) = memchr::memchr(b'\'', self.rest().as_bytes()) else {
                self.at = start;
                return Err(self.error("the string is not closed"));
            };
            self.at += length + 1;
            let piece = &self.text[from..self.at - 1];
            let doubled = self.rest().starts_with('\'');
            if content.is_empty() && !doubled {
                content = Cow::Borrowed(piece);
            } else {
                content.to_mut().push_str(piece);
            }
            if !doubled {
                return Ok(self.node(start, Kind::Str(content)));
            }
            content.to_mut().push('\'');
            self.at += 1;
            from = self.at;
        }
    }

    fn number(&mut self) -> Result<Node<'a>, Error> {
        let start = self.at;
        if self.rest().starts_with(['-', '+']) {
            self.at += 1;
        }
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        self.at += digits;
        if digits == 0 {
            return Err(self.error("a digit is expected after the sign"));
        }
        if self.rest().starts_with(['.', 'e', 'E']) {
            return Err(self.error("ARM has whole numbers only"));
        }
        let kind = Kind::Int(self.text[start..self.at].parse().ok());
        Ok(self.node(start, kind))
    }

    fn call(&mut self, depth: usize) -> Result<(Node<'a>, usize), Error> {
        let mut levels = 0;
        let start = self.at;
        let mut name = self.name("a function name is expected")?;
        let mut namespace = None;
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.peek();
            namespace = Some(name);
            name = self.name("a function name is expected after the dot")?;
        }
        if self.peek() != Some(b'(') {
            self.at = start;
            return Err(self.error("a name that is no function call"));
        }
        self.at += 1;
        let mut args = Vec::new();
        if self.peek() == Some(b')') {
            self.at += 1;
        } else {
            loop {
                let (arg, below) = self.expression(depth + 1)?;
                levels = levels.max(below);
                args.push(arg);
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b')') => {
                        self.at += 1;
                        break;
                    }
                    None => return Err(self.error("the parenthesis of a call is not closed")),
                    Some(_) => return Err(self.error("a comma or a parenthesis is expected")),
                }
            }
        }
        let kind = Kind::Call {
            namespace,
            name,
            args,
        };
        levels += 1;
        if levels > MAX_DEPTH {
            return Err(self.error("nested too deeply"));
        }
        Ok((self.node(start, kind), levels))
    }

    fn name(&mut self, message: &'static str) -> Result<&'a str, Error> {
        let rest = self.rest();
        if !rest.bytes().next().is_some_and(begins_name) {
            return Err(self.error(message));
        }
        let end = rest
            .char_indices()
            .find(|(_, c)| !(c.is_alphanumeric() || matches!(c, '_' | '$')))
            .map_or(rest.len(), |(at, _)| at);
        if end == 0 {
            return Err(self.error(message));
        }
        self.at += end;
        Ok(&rest[..end])
    }
}

/// Letters beyond ASCII are checked when the name is read.
fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$') || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An expression as its source spans: every node with what it is, so that both tree and places are held.
    fn print(text: &str, node: &Node<'_>, out: &mut String) {
        let source = &text[node.span.range()];
        let list = |head: String, parts: &[&Node<'_>], out: &mut String| {
            out.push_str(&head);
            out.push('{');
            for (n, part) in parts.iter().enumerate() {
                if n > 0 {
                    out.push_str(", ");
                }
                print(text, part, out);
            }
            out.push('}');
        };
        match &node.kind {
            Kind::Str(content) => out.push_str(&format!("{content:?}")),
            Kind::Int(value) => out.push_str(&format!("{value:?}")),
            Kind::Call {
                namespace,
                name,
                args,
            } => {
                let space = namespace.map_or(String::new(), |n| format!("{n}:"));
                list(
                    format!("{space}{name}"),
                    &args.iter().collect::<Vec<_>>(),
                    out,
                );
            }
            Kind::Member {
                base,
                name,
                name_span,
            } => {
                assert_eq!(&text[name_span.range()], *name);
                list(format!("member {name}"), &[base], out);
            }
            Kind::Index { base, key } => list("index".into(), &[base, key], out),
        }
        out.push_str(&format!("<{source}>"));
    }

    fn check(text: &str, expect: &str) {
        assert_eq!(classify(text), Text::Expression(text), "{text}");
        let mut printed = String::new();
        match parse(text) {
            Ok(node) => print(text, &node, &mut printed),
            Err(error) => printed = format!("{}: {}", error.span.start, error.message),
        }
        assert_eq!(printed, expect, "{text}");
    }

    #[test]
    fn expressions_and_their_places() {
        check("['a']", r#""a"<'a'>"#);
        check("['it''s']", r#""it's"<'it''s'>"#);
        check("['''']", r#""'"<''''>"#);
        check("['']", r#"""<''>"#);
        check("['''a''''b''']", r#""'a''b'"<'''a''''b'''>"#);
        check("['[x]']", r#""[x]"<'[x]'>"#);
        check("[42]", "Some(42)<42>");
        check("[ -7 ]", "Some(-7)<-7>");
        check(
            "[9223372036854775807]",
            "Some(9223372036854775807)<9223372036854775807>",
        );
        check(
            "[-9223372036854775808]",
            "Some(-9223372036854775808)<-9223372036854775808>",
        );
        check("[9223372036854775808]", "None<9223372036854775808>");
        check("[f()]", "f{}<f()>");
        check("[ f ( ) ]", "f{}<f ( )>");
        check(
            "[f(1,\r\n\t'b')]",
            "f{Some(1)<1>, \"b\"<'b'>}<f(1,\r\n\t'b')>",
        );
        check(
            "[__bicep.up('a')]",
            r#"__bicep:up{"a"<'a'>}<__bicep.up('a')>"#,
        );
        check("[_1.a()]", "_1:a{}<_1.a()>");
        check("[f().b]", "member b{f{}<f()>}<f().b>");
        check("[f() . b]", "member b{f{}<f()>}<f() . b>");
        check(
            "[f()[0].c]",
            "member c{index{f{}<f()>, Some(0)<0>}<f()[0]>}<f()[0].c>",
        );
        check(
            "[n.f()['k']]",
            r#"index{n:f{}<n.f()>, "k"<'k'>}<n.f()['k']>"#,
        );
        check("['a'[g()]]", r#"index{"a"<'a'>, g{}<g()>}<'a'[g()]>"#);
        check("['é'.ü]", "member ü{\"é\"<'é'>}<'é'.ü>");
        check("[\u{a0}f()]", "f{}<f()>");
    }

    #[test]
    fn invalid_expressions_have_a_reason() {
        check("[]", "1: an expression is expected");
        check("[   ]", "4: an expression is expected");
        check("['a]", "1: the string is not closed");
        check("['a'']", "1: the string is not closed");
        check("[f(]", "3: an expression is expected");
        check("[f(1]", "4: a comma or a parenthesis is expected");
        check("[f(1,)]", "5: an expression is expected");
        check("[f(,1)]", "3: an expression is expected");
        check("[f() g()]", "5: an operator or text that ARM does not know");
        check("[f(), g()]", "4: one expression is expected, not several");
        check("[f()] [g()]", "6: text after the closing bracket");
        check("[foo]", "1: a name that is no function call");
        check("[foo.bar]", "1: a name that is no function call");
        check("[a.b.c()]", "1: a name that is no function call");
        check("[f().]", "5: a property name is expected after the dot");
        check("[f().1]", "5: a property name is expected after the dot");
        check("[f()[0]", "7: the closing bracket is missing");
        check("[f()[0)]", "6: the bracket of an index is not closed");
        check("[\"a\"]", "1: strings need single quotes");
        check("[${x}]", "1: a name that is no function call");
        check("[{{ x }}]", "1: a character that ARM does not know");
        check("[-]", "2: a digit is expected after the sign");
        check("[1.5]", "2: ARM has whole numbers only");
        check("[1e3]", "2: ARM has whole numbers only");
        check("[1 + 2]", "3: an operator or text that ARM does not know");
        check("[😀]", "1: a function name is expected");
        check("[f().😀]", "5: a property name is expected after the dot");
    }

    #[test]
    fn what_is_an_expression() {
        let literal =
            |text: &str, content: &str| assert_eq!(classify(text), Text::Literal(content));
        literal("", "");
        literal("[", "[");
        literal("]", "]");
        literal("a[b]", "a[b]");
        literal(" [b]", " [b]");
        literal("[b] c", "[b] c");
        literal("[[b]", "[b]");
        literal("[[b] c", "[[b] c");
        literal("[[[b]]", "[[b]]");
        literal("[[", "[[");
        assert_eq!(classify("[]"), Text::Expression("[]"));
        assert_eq!(classify("[b\n]"), Text::Expression("[b\n]"));
    }

    #[test]
    fn depth_is_bounded() {
        let refused = |text: String| {
            let error = parse(&text).expect_err("deep");
            assert_eq!(error.message, "nested too deeply");
        };
        let nested = |n: usize| format!("[{}1{}]", "f(".repeat(n), ")".repeat(n));
        assert!(parse(&nested(MAX_DEPTH - 1)).is_ok());
        refused(nested(MAX_DEPTH));
        refused(nested(1_000_000));
        refused(format!("[f(){}]", ".a".repeat(1_000_000)));
        refused(format!("[f(){}]", "[0]".repeat(1_000_000)));
        refused(format!(
            "[f(){}0{}]",
            "[f()".repeat(100_000),
            "]".repeat(100_000)
        ));
    }
}
