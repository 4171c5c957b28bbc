//! Values of Bicep's leaf nodes: strings, the codes of pragmas, the decorators of a declaration.

mod literal;

use std::borrow::Cow;

use tree_sitter::Node;

pub use self::literal::Literal;
use crate::text::{Source, Span};

/// A piece of a string literal, single-line or multi-line.
#[derive(Debug, Clone, PartialEq)]
pub enum StringPiece<'tree> {
    /// Text, its escapes decoded.
    Text(String),
    /// The expression of an interpolation; `None` where the interpolation does not parse.
    Interpolation(Option<Node<'tree>>),
}

/// The pieces of a `string` or `multiline_string` node, in order. Text that is adjacent is one piece, and there is no
/// empty text. Of a multi-line string the line end right after the opening quotes is no part.
pub fn string_pieces<'tree>(
    string: Node<'tree>,
    text: &(impl Source + ?Sized),
) -> Vec<StringPiece<'tree>> {
    let span = Span::of(string.byte_range());
    let raw = text.slice(span);
    let literal = Literal::new(&raw);
    let mut pieces = Vec::new();
    let piece = |pieces: &mut Vec<_>, part: std::ops::Range<usize>| {
        if !part.is_empty() {
            pieces.push(StringPiece::Text(literal.decode(part).into_owned()));
        }
    };
    let mut at = literal.inner.start;
    let mut cursor = string.walk();
    for child in string.named_children(&mut cursor) {
        if child.kind() == "interpolation" {
            let interpolation = child.start_byte() - string.start_byte();
            piece(&mut pieces, at..literal.text_before(interpolation));
            pieces.push(StringPiece::Interpolation(
                child.child_by_field_name("expression"),
            ));
            at = child.end_byte() - string.start_byte();
        }
    }
    piece(&mut pieces, at..literal.inner.end);
    pieces
}

/// The value of a string that has no interpolation; `None` where one interpolates.
pub fn string_value(string: Node<'_>, text: &(impl Source + ?Sized)) -> Option<String> {
    let mut pieces = string_pieces(string, text).into_iter();
    match (pieces.next(), pieces.next()) {
        (None, _) => Some(String::new()),
        (Some(StringPiece::Text(value)), None) => Some(value),
        _ => None,
    }
}

/// What a pragma does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PragmaKind {
    /// `#disable-next-line`: for the line after it alone.
    DisableNextLine,
    /// `#disable-diagnostics`: from here on.
    DisableDiagnostics,
    /// `#restore-diagnostics`: ends the former.
    RestoreDiagnostics,
}

/// A pragma, read from the text of a `pragma` node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pragma<'a> {
    /// What it does.
    pub kind: PragmaKind,
    /// The codes it names, each with its bytes from the start of the pragma's text.
    pub codes: Vec<(&'a str, Span)>,
}

/// Reads the text of a `pragma` node; `None` for any other text.
pub fn pragma(text: &str) -> Option<Pragma<'_>> {
    const KEYWORDS: [(&str, PragmaKind); 3] = [
        ("#disable-next-line", PragmaKind::DisableNextLine),
        ("#disable-diagnostics", PragmaKind::DisableDiagnostics),
        ("#restore-diagnostics", PragmaKind::RestoreDiagnostics),
    ];
    let (keyword, kind) = KEYWORDS
        .into_iter()
        .find(|(keyword, _)| text.starts_with(keyword))?;
    // Bicep requires no blank before the first code.
    let codes = text[keyword.len()..]
        .split([' ', '\t'])
        .filter(|code| !code.is_empty())
        .map(|code| {
            let start = code.as_ptr() as usize - text.as_ptr() as usize;
            (code, Span::of(start..start + code.len()))
        });
    Some(Pragma {
        kind,
        codes: codes.collect(),
    })
}

/// A text with blanks in place of its comments in `/*` and of what is inside its strings in `'''`: a line of it that
/// begins like a statement or a pragma is one.
pub fn without_blocks(text: &str) -> Cow<'_, str> {
    if !text.contains("/*") && !text.contains("'''") {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut plain = bytes.to_vec();
    let mut blank = |range: std::ops::Range<usize>| {
        let inside = plain[range].iter_mut();
        let inside = inside.filter(|byte| !matches!(byte, b'\n' | b'\r'));
        inside.for_each(|byte| *byte = b' ');
    };
    let find = |from: usize, end: &[u8]| {
        let length = memchr::memmem::find(&bytes[from..], end);
        length.map_or(bytes.len(), |length| from + length)
    };
    let line_end = |from: usize| {
        let length = memchr::memchr2(b'\n', b'\r', &bytes[from..]);
        length.map_or(bytes.len(), |length| from + length)
    };
    // The braces that are open in each `${` around.
    let mut holes: Vec<u32> = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        at = match byte {
            b'/' if rest.starts_with(b"//") => line_end(at),
            b'/' if rest.starts_with(b"/*") => {
                let end = (find(at + 2, b"*/") + 2).min(bytes.len());
                blank(at..end);
                end
            }
            b'\'' if rest.starts_with(b"'''") => {
                let end = find(at + 3, b"'''");
                blank(at + 3..end);
                let quotes = bytes[end..].iter().take_while(|it| **it == b'\'');
                end + quotes.count()
            }
            b'\'' => behind_text(bytes, at + 1, &mut holes),
            b'}' if holes.last() == Some(&0) => {
                holes.pop();
                behind_text(bytes, at + 1, &mut holes)
            }
            _ => {
                match (byte, holes.last_mut()) {
                    (b'{', Some(open)) => *open += 1,
                    (b'}', Some(open)) => *open -= 1,
                    (b'\n' | b'\r', _) => holes.clear(),
                    _ => {}
                }
                at + 1
            }
        };
    }
    // Blanks take the place of whole characters.
    String::from_utf8(plain).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Where the text of a string on one line ends: behind its quote or the next `${`, or at the end of the line.
fn behind_text(bytes: &[u8], from: usize, holes: &mut Vec<u32>) -> usize {
    let mut at = from;
    loop {
        match (bytes.get(at), bytes.get(at + 1)) {
            (None | Some(b'\n' | b'\r'), _) => return at,
            (Some(b'\''), _) => return at + 1,
            (Some(b'\\'), Some(_)) => at += 2,
            (Some(b'$'), Some(b'{')) => {
                holes.push(0);
                return at + 2;
            }
            _ => at += 1,
        }
    }
}

/// The declarations of a file, in order, those inside what does not parse included: a broken neighbour takes nothing
/// from a declaration without errors.
pub fn declarations<'tree>(root: Node<'tree>) -> Vec<Node<'tree>> {
    let mut found = Vec::new();
    let mut cursor = root.walk();
    for child in root.named_children(&mut cursor) {
        if child.is_error() {
            let mut inner = child.walk();
            found.extend(child.named_children(&mut inner).filter(is_declaration));
        } else if is_declaration(&child) {
            found.push(child);
        }
    }
    found
}

fn is_declaration(node: &Node<'_>) -> bool {
    matches!(node.kind(), "target_scope" | "extension_config")
        || node.kind().ends_with("_declaration")
}

/// The `decorator` nodes of a declaration, a type's property or a tuple's item, in order.
pub fn decorators<'tree>(declaration: Node<'tree>) -> Vec<Node<'tree>> {
    let Some(decorators) = declaration.child_by_field_name("decorators") else {
        return Vec::new();
    };
    let mut cursor = decorators.walk();
    decorators
        .named_children(&mut cursor)
        .filter(|child| child.kind() == "decorator")
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces of the string that the file `var a = <literal>` holds, interpolations as `{source}`.
    fn pieces(literal: &str) -> Vec<String> {
        let file = format!("var a = {literal}\n");
        let tree = crate::syntax::parse(crate::syntax::bicep(), file.as_str(), None);
        assert!(!tree.root_node().has_error(), "{literal}");
        let string = tree
            .root_node()
            .child(0)
            .and_then(|d| d.child_by_field_name("value"));
        string_pieces(string.expect("the declaration has a value"), file.as_str())
            .into_iter()
            .map(|piece| match piece {
                StringPiece::Text(text) => text,
                StringPiece::Interpolation(interpolation) => {
                    format!(
                        "{{{}}}",
                        &file[interpolation
                            .expect("the interpolation parses")
                            .byte_range()]
                    )
                }
            })
            .collect()
    }

    #[test]
    fn strings_are_decoded_in_pieces() {
        let check =
            |literal: &str, expected: &[&str]| assert_eq!(pieces(literal), expected, "{literal}");
        check("''", &[]);
        check("'x'", &["x"]);
        check(r"'it\'s \\ \$ \u{1F600}\n'", &["it's \\ $ 😀\n"]);
        check(r"'\u{d800}'", &["\u{fffd}"]);
        check("'$x $$ x$'", &["$x $$ x$"]);
        check("'$${b}'", &["$", "{b}"]);
        check(r"'\${b}'", &["${b}"]);
        check("'a${b}//${c}d'", &["a", "{b}", "//", "{c}", "d"]);
        check("'${f('x')}'", &["{f('x')}"]);
        check("''''''", &[]);
        check("'''x'''", &["x"]);
        check("'''\nx\n'''", &["x\n"]);
        check("'''\r\nx\r\n'''", &["x\r\n"]);
        check("'''\n\nx'''", &["\nx"]);
        check("'''it's ''x'' '''", &["it's ''x'' "]);
        check("'''x''''", &["x'"]);
        check("''''x'''''", &["'x''"]);
        check(r"'''\n${x}'''", &[r"\n${x}"]);
        check("$'''\n${b}\n'''", &["{b}", "\n"]);
        check("$'''${b}\n'''", &["{b}", "\n"]);
        check("$$'''${a} $${b} $$${c}'''", &["${a} ", "{b}", " $", "{c}"]);
        check("$'''$${b}''''", &["$", "{b}", "'"]);
        check("'''''''", &["'"]);
    }

    #[test]
    fn a_value_is_a_string_without_holes() {
        let file = "var a = 'x\\n'\nvar b = '${a}'\nvar c = ''\n";
        let tree = crate::syntax::parse(crate::syntax::bicep(), file, None);
        let values: Vec<Option<String>> = declarations(tree.root_node())
            .into_iter()
            .filter_map(|declaration| declaration.child_by_field_name("value"))
            .map(|value| string_value(value, file))
            .collect();
        assert_eq!(values, [Some("x\n".to_owned()), None, Some(String::new())]);
    }

    #[test]
    fn comments_and_strings_over_several_lines_are_blanked() {
        let check = |text: &str, expect: &str| assert_eq!(without_blocks(text), expect, "{text}");
        check("a /* b\n'c */ d", "a     \n      d");
        check("a = '''b /*\nc'''\n/*é*/d", "a = '''    \n '''\n      d");
        check("// '/*\na\n/*b*/", "// '/*\na\n     ");
        check("'it\\'s /*' /*b*/", "'it\\'s /*'      ");
        check("'${a['/*']}/*' /*b*/", "'${a['/*']}/*'      ");
        check("'${{a: {}}}/*' /*b*/", "'${{a: {}}}/*'      ");
        check("'open /*\n/*b*/c", "'open /*\n     c");
        check("/*", "  ");
        check("a = '''", "a = '''");
    }

    #[test]
    fn pragmas_name_codes_with_their_places() {
        let check = |text: &str, kind: PragmaKind, codes: &[&str]| {
            let pragma = pragma(text).expect("a pragma");
            assert_eq!(pragma.kind, kind);
            let names: Vec<&str> = pragma.codes.iter().map(|(name, _)| *name).collect();
            let places: Vec<&str> = pragma
                .codes
                .iter()
                .map(|(_, span)| &text[span.range()])
                .collect();
            assert_eq!(names, codes);
            assert_eq!(places, codes);
        };
        check("#disable-next-line", PragmaKind::DisableNextLine, &[]);
        check(
            "#disable-next-line AZR-000002 BCP081",
            PragmaKind::DisableNextLine,
            &["AZR-000002", "BCP081"],
        );
        check(
            "#disable-diagnostics \t a",
            PragmaKind::DisableDiagnostics,
            &["a"],
        );
        check(
            "#restore-diagnostics a",
            PragmaKind::RestoreDiagnostics,
            &["a"],
        );
        check(
            "#disable-next-line-x y",
            PragmaKind::DisableNextLine,
            &["-x", "y"],
        );
        assert_eq!(pragma("#disable-next x"), None);
        assert_eq!(pragma("// #disable-next-line x"), None);
    }

    #[test]
    fn decorators_belong_to_their_declaration() {
        let file = "@a()\n// c\n@sys.b(1)\nparam x string\nparam y int\n";
        let tree = crate::syntax::parse(crate::syntax::bicep(), file, None);
        let names: Vec<Vec<&str>> = declarations(tree.root_node())
            .into_iter()
            .map(|declaration| {
                decorators(declaration)
                    .into_iter()
                    .filter_map(|decorator| decorator.child_by_field_name("name"))
                    .map(|name| &file[name.byte_range()])
                    .collect()
            })
            .collect();
        assert_eq!(names, [vec!["a", "b"], vec![]]);
    }
}
