//! Configuration data with source spans, from YAML and from JSON with comments.
//!
//! One representation for both, so that reading settings does not depend on the language. Reading never fails: broken text
//! gives a problem and no data.

use std::borrow::Cow;

use saphyr_parser::{Event, Parser, ScalarStyle};
use tree_sitter::Node;

use super::json::decode_string;
use super::{language, syntax_errors};
use crate::text::Span;

/// A value and where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    /// Its bytes; of a collection in YAML from its first to its last token.
    pub span: Span,
    /// What it is.
    pub kind: DataKind,
}

/// The shapes that YAML and JSON share.
#[derive(Debug, Clone, PartialEq)]
pub enum DataKind {
    /// `null`, or nothing at all.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Str(String),
    /// An array.
    List(Vec<Data>),
    /// An object in order of appearance; keys are text, with their places.
    Map(Vec<(Key, Data)>),
}

/// The key of a member.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Its bytes, quotes included.
    pub span: Span,
    /// Its text.
    pub text: String,
}

/// What a text states, and what is wrong with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The data; [`DataKind::Null`] where the text is empty or broken.
    pub data: Data,
    /// What stopped the reader: where, and one sentence without full stop.
    pub problem: Option<(Span, String)>,
}

/// Deeper collections are refused, so that every walk over the data may recurse.
pub const MAX_DEPTH: usize = 64;

/// More values than this, aliases expanded, are refused: a few lines of YAML can represent billions.
const MAX_VALUES: usize = 200_000;

impl Data {
    fn null(span: Span) -> Self {
        Data {
            span,
            kind: DataKind::Null,
        }
    }

    /// The value of a member, its key in any case; the last where several are.
    pub fn get(&self, name: &str) -> Option<&Data> {
        let member = |(key, value)| key_is(key, name).then_some(value);
        self.members()
            .iter()
            .rev()
            .map(|(k, v)| (k, v))
            .find_map(member)
    }

    /// The members of an object; none for anything else.
    pub fn members(&self) -> &[(Key, Data)] {
        match &self.kind {
            DataKind::Map(members) => members,
            _ => &[],
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            DataKind::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The same without places. Numbers that JSON cannot state become null.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.kind {
            DataKind::Null => Value::Null,
            DataKind::Bool(value) => Value::Bool(*value),
            DataKind::Int(value) => Value::from(*value),
            DataKind::Float(value) => Value::from(*value),
            DataKind::Str(text) => Value::from(text.as_str()),
            DataKind::List(items) => items.iter().map(Data::to_json).collect(),
            DataKind::Map(members) => members
                .iter()
                .map(|(key, value)| (key.text.clone(), value.to_json()))
                .collect(),
        }
    }

    /// What it is, for messages: `a list`.
    pub fn what(&self) -> &'static str {
        match self.kind {
            DataKind::Null => "nothing",
            DataKind::Bool(_) => "true or false",
            DataKind::Int(_) | DataKind::Float(_) => "a number",
            DataKind::Str(_) => "a text",
            DataKind::List(_) => "a list",
            DataKind::Map(_) => "a mapping",
        }
    }

    /// How many values it is, itself included.
    fn size(&self) -> usize {
        match &self.kind {
            DataKind::List(items) => 1 + items.iter().map(Data::size).sum::<usize>(),
            DataKind::Map(members) => 1 + members.iter().map(|(_, v)| v.size()).sum::<usize>(),
            _ => 1,
        }
    }
}

fn key_is(key: &Key, name: &str) -> bool {
    key.text.eq_ignore_ascii_case(name)
}

fn broken(span: Span, words: impl Into<String>) -> Reading {
    Reading {
        data: Data::null(Span::default()),
        problem: Some((span, words.into())),
    }
}

// ---- YAML

/// Reads the first document of a YAML text (YAML 1.2, core schema).
pub fn yaml(text: &str) -> Reading {
    let offsets = Offsets::new(text);
    let mut reader = YamlReader {
        open: Vec::new(),
        anchors: Vec::new(),
        values: 0,
        done: None,
    };
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let at = offsets.byte(error.marker().index());
                return broken(Span::new(at, at), error.info().to_owned());
            }
        };
        let span = Span::new(
            offsets.byte(span.start.index()),
            offsets.byte(span.end.index()),
        );
        if let Err(words) = reader.take(event, span) {
            return broken(span, words);
        }
        if let Some(data) = reader.done.take() {
            return Reading {
                data,
                problem: None,
            };
        }
    }
    Reading {
        data: Data::null(Span::default()),
        problem: None,
    }
}

/// The parser counts characters, Preflight counts bytes. In ASCII files the two are equal.
struct Offsets(Option<Vec<u32>>);

impl Offsets {
    fn new(text: &str) -> Self {
        let table = || text.char_indices().map(|(at, _)| at as u32);
        let end = std::iter::once(text.len() as u32);
        Offsets((!text.is_ascii()).then(|| table().chain(end).collect()))
    }

    fn byte(&self, index: usize) -> u32 {
        match &self.0 {
            None => index as u32,
            Some(table) => table.get(index).or(table.last()).copied().unwrap_or(0),
        }
    }
}

struct YamlReader {
    /// Collections that are not closed yet, with their anchors.
    open: Vec<(Collection, usize)>,
    anchors: Vec<(usize, Data)>,
    values: usize,
    done: Option<Data>,
}

enum Collection {
    List(u32, Vec<Data>),
    /// The key that waits for its value.
    Map(u32, Vec<(Key, Data)>, Option<Key>),
}

impl YamlReader {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = tag.is_some_and(|tag| tag.suffix == "str");
                let kind = match style {
                    ScalarStyle::Plain if !is_text => plain(text),
                    _ => DataKind::Str(text.into_owned()),
                };
                self.put(Data { span, kind }, anchor)
            }
            Event::SequenceStart(anchor, _) => {
                self.begin(Collection::List(span.start, Vec::new()), anchor)
            }
            Event::MappingStart(anchor, _) => {
                self.begin(Collection::Map(span.start, Vec::new(), None), anchor)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some((Collection::List(start, items), anchor)) => {
                    let end = items.last().map_or(span.end, |last| last.span.end);
                    let kind = DataKind::List(items);
                    let span = Span::new(start, end);
                    self.put(Data { span, kind }, anchor)
                }
                Some((Collection::Map(start, members, _), anchor)) => {
                    let end = members.last().map_or(span.end, |(_, last)| last.span.end);
                    let kind = DataKind::Map(members);
                    let span = Span::new(start, end);
                    self.put(Data { span, kind }, anchor)
                }
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let named = self.anchors.iter().rev().find(|(id, _)| *id == anchor);
                let mut data = named
                    .map(|(_, data)| data.clone())
                    .ok_or("the alias names no anchor before it")?;
                self.values += data.size();
                data.span = span;
                self.put(data, 0)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(&mut self, collection: Collection, anchor: usize) -> Result<(), String> {
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("nested more than {MAX_DEPTH} deep"));
        }
        self.open.push((collection, anchor));
        Ok(())
    }

    fn put(&mut self, data: Data, anchor: usize) -> Result<(), String> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(format!("holds more than {MAX_VALUES} values"));
        }
        if anchor > 0 {
            self.values += data.size();
            self.anchors.push((anchor, data.clone()));
        }
        match self.open.last_mut() {
            None => self.done = Some(data),
            Some((Collection::List(_, items), _)) => items.push(data),
            Some((Collection::Map(_, members, key), _)) => match key.take() {
                Some(key) => members.push((key, data)),
                None => {
                    let text = match data.kind {
                        DataKind::Str(text) => text,
                        DataKind::Null => String::new(),
                        DataKind::Bool(value) => value.to_string(),
                        DataKind::Int(value) => value.to_string(),
                        DataKind::Float(value) => value.to_string(),
                        _ => return Err("a key must be a text".to_owned()),
                    };
                    *key = Some(Key {
                        span: data.span,
                        text,
                    });
                }
            },
        }
        Ok(())
    }
}

/// What a scalar without quotes means in the core schema.
fn plain(text: Cow<'_, str>) -> DataKind {
    match &*text {
        "" | "~" | "null" | "Null" | "NULL" => return DataKind::Null,
        "true" | "True" | "TRUE" => return DataKind::Bool(true),
        "false" | "False" | "FALSE" => return DataKind::Bool(false),
        _ => {}
    }
    let digits = text.trim_start_matches(['+', '-', '.']);
    if digits.starts_with(|c: char| c.is_ascii_digit()) {
        if let Ok(number) = text.parse() {
            return DataKind::Int(number);
        }
        if let Some(Ok(number)) = text
            .strip_prefix("0x")
            .map(|hex| i64::from_str_radix(hex, 16))
        {
            return DataKind::Int(number);
        }
        if let Ok(number) = text.parse() {
            return DataKind::Float(number);
        }
    }
    DataKind::Str(text.into_owned())
}

// ---- JSON

/// Reads JSON as Azure Resource Manager reads it; comments and trailing commas are no mistakes.
pub fn jsonc(text: &str) -> Reading {
    read_json(text, |_, _| None)
}

/// Reads JSON as Bicep reads its configuration: comments may be between values, and nothing else is lenient.
pub fn strict_jsonc(text: &str) -> Reading {
    read_json(text, refusal)
}

/// What a strict reader refuses about a node by itself, in words.
fn refusal(node: Node<'_>, text: &str) -> Option<&'static str> {
    let written = text.get(node.byte_range()).unwrap_or_default();
    match node.kind() {
        "trailing_comma" => Some("a comma before a closing bracket"),
        "string" if !written.starts_with('"') => Some("a text without double quotes"),
        "string" if written.bytes().any(|byte| byte < b' ') => Some("a line end or tab in a text"),
        "string" | "number" | "null" => serde_json::from_str::<serde_json::Value>(written)
            .is_err()
            .then_some("a value that JSON does not have"),
        _ => None,
    }
}

fn read_json(text: &str, refusal: fn(Node<'_>, &str) -> Option<&'static str>) -> Reading {
    let tree = language::parse(language::json(), text, None);
    if let Some(error) = syntax_errors(&tree, text).into_iter().next() {
        return broken(error.span, error.message);
    }
    let root = tree.root_node();
    let mut cursor = tree.walk();
    'nodes: loop {
        let node = cursor.node();
        if let Some(words) = refusal(node, text) {
            return broken(Span::of(node.byte_range()), words);
        }
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                break 'nodes;
            }
        }
    }
    let value = (0..root.named_child_count() as u32)
        .filter_map(|i| root.named_child(i))
        .find(|node| node.kind() != "comment");
    let Some(value) = value else {
        return broken(Span::new(0, 0), "the file is empty");
    };
    match json_value(value, text, 0) {
        Some(data) => Reading {
            data,
            problem: None,
        },
        None => broken(
            Span::new(0, 0),
            format!("nested more than {MAX_DEPTH} deep, or a number that has no value here"),
        ),
    }
}

fn json_value(node: Node<'_>, text: &str, depth: usize) -> Option<Data> {
    if depth >= MAX_DEPTH {
        return None;
    }
    let written = text.get(node.byte_range()).unwrap_or_default();
    let mut cursor = node.walk();
    let kind = match node.kind() {
        "string" => DataKind::Str(decode_string(written).text.into_owned()),
        "true" => DataKind::Bool(true),
        "false" => DataKind::Bool(false),
        "number" => match super::json::integer(written) {
            Some(number) => DataKind::Int(number),
            None => {
                let number: Option<f64> = written.parse().ok();
                let fits = |number: &f64| number.is_finite() && written.contains(['.', 'e', 'E']);
                DataKind::Float(number.filter(fits)?)
            }
        },
        "null" if written != "null" => return None,
        "array" => {
            let items = node
                .named_children(&mut cursor)
                .filter(|node| is_value(*node));
            DataKind::List(
                items
                    .map(|item| json_value(item, text, depth + 1))
                    .collect::<Option<_>>()?,
            )
        }
        "object" => {
            let pairs = node
                .named_children(&mut cursor)
                .filter(|node| node.kind() == "pair");
            let members = pairs.filter_map(|pair| {
                let key = pair.child_by_field_name("key")?;
                let value = pair.child_by_field_name("value")?;
                let written = text.get(key.byte_range())?;
                let key = Key {
                    span: Span::of(key.byte_range()),
                    text: decode_string(written).text.into_owned(),
                };
                Some(json_value(value, text, depth + 1).map(|value| (key, value)))
            });
            DataKind::Map(members.collect::<Option<_>>()?)
        }
        _ => DataKind::Null,
    };
    Some(Data {
        span: Span::of(node.byte_range()),
        kind,
    })
}

fn is_value(node: Node<'_>) -> bool {
    !matches!(node.kind(), "comment" | "trailing_comma")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Data as JSON, or the problem with the text it points at.
    fn shown(reading: &Reading, text: &str) -> String {
        match &reading.problem {
            None => reading.data.to_json().to_string(),
            Some((span, words)) => {
                let line = text[..span.start as usize].matches('\n').count() + 1;
                format!("line {line}: {words}")
            }
        }
    }

    #[test]
    fn yaml_is_read() {
        let check =
            |text: &str, expect: &str| assert_eq!(shown(&yaml(text), text), expect, "{text}");
        check("", "null");
        check("# only a comment\n", "null");
        check("a: 1\nb: [x, 'y', \"z\"]\n", r#"{"a":1,"b":["x","y","z"]}"#);
        check(
            "a:\n- true\n- False\n- ~\n- 1.5\n- 0x10\n- -3\n- 'true'\n- !!str 1\n- 1.2.3\n",
            r#"{"a":[true,false,null,1.5,16,-3,"true","1","1.2.3"]}"#,
        );
        check("a: &x {k: v}\nb: *x\n", r#"{"a":{"k":"v"},"b":{"k":"v"}}"#);
        check("a: 1\n---\nb: 2\n", r#"{"a":1}"#);
        check("a: |\n  one\n  two\n", r#"{"a":"one\ntwo\n"}"#);
        check("{a: 1, }", r#"{"a":1}"#);
        check("\u{feff}a: é\n", r#"{"a":"é"}"#);
        for (text, line) in [
            ("a: [1\nb: 2\n", "line "),
            ("a: b: c", "line 1"),
            ("a: 1\n- b\n", "line 2"),
            ("a: *none", "line 1"),
            ("? [x]\n: 1", "line 1"),
        ] {
            let got = shown(&yaml(text), text);
            assert!(got.starts_with(line), "{text:?}: {got}");
        }
    }

    #[test]
    fn yaml_is_bounded() {
        let deep = "[".repeat(100_000);
        let bomb: String = (0..40)
            .map(|i| {
                format!(
                    "a{i}: &a{i} [{}]\n",
                    vec![format!("*a{}", i - 1); 9].join(", ")
                )
            })
            .collect::<String>()
            .replacen("*a-1", "x", 9);
        for text in [deep, bomb] {
            let reading = yaml(&text);
            assert!(reading.problem.is_some());
        }
    }

    #[test]
    fn places_are_bytes() {
        let check = |reading: Reading, text: &str| {
            let value = reading.data.get("ROOT").and_then(|root| root.get("key"));
            let value = value.expect("the value");
            assert_eq!(&text[value.span.range()], "wert");
            let (key, _) = &reading.data.get("root").unwrap().members()[0];
            assert!(text[key.span.range()].contains("key"));
        };
        let text = "# é𝄞\nroot:\n  key: wert # x\n";
        check(yaml(text), text);
        let text = "// é𝄞\n{\"root\": {\"key\": \"x\", \"key\":/**/\"wert\",},}";
        let reading = jsonc(text);
        let value = reading.data.get("root").unwrap().get("key").unwrap();
        assert_eq!(&text[value.span.range()], "\"wert\"");
    }

    #[test]
    fn json_is_read() {
        let check =
            |text: &str, expect: &str| assert_eq!(shown(&jsonc(text), text), expect, "{text}");
        check(
            r#"{"a":[1,2.5,true,null,"x\n\u0041"],"b":{}}"#,
            r#"{"a":[1,2.5,true,null,"x\nA"],"b":{}}"#,
        );
        check("// c\n{ /* d */ \"a\": [1,], // e\n}", r#"{"a":[1]}"#);
        check("", "line 1: the file is empty");
        let got = shown(&jsonc("{\n\"a\": ,\n}"), "{\n\"a\": ,\n}");
        assert!(got.starts_with("line 2"), "{got}");
        assert!(jsonc(&"[".repeat(100_000)).problem.is_some());
        assert!(
            jsonc(&("[".repeat(5_000) + &"]".repeat(5_000)))
                .problem
                .is_some()
        );
    }
}
