//! A tree that was edited must be the tree of the text: suppressions live in comments, and a finding that depends on the
//! order of keystrokes is a wrong one.
//!
//! Seeded random edits (typing, deleting, pasting, undoing, line ends, astral characters) run over real files and over
//! texts of our own. While the text parses, the edited tree must equal the fresh one in every node and every byte. Where
//! it does not parse, recovery may differ with what was there before; then the next sound text must heal it.

use preflight::syntax::{bicep, edit, json, parse};
use std::borrow::Cow;
use std::cell::Cell;

use preflight::text::{Edit, Source, Span};
use tree_sitter::{Language, Tree};

use crate::files::{self, Random};

/// What people type and paste, in either language.
const SNIPPETS: &[&str] = &[
    "x",
    "1",
    " ",
    "\n",
    "\r\n",
    "\t",
    "'",
    "'''",
    "$",
    "${",
    "}",
    "{",
    "[",
    "]",
    "(",
    ")",
    ",",
    ":",
    "?",
    "\"",
    "\\",
    "/",
    "//",
    "/*",
    "*/",
    "#",
    "@",
    "=",
    "😀",
    "é",
    "日本",
    "// note 😀\n",
    "#disable-next-line AZR-000002\n",
    "/* c */",
    "\nparam added string = 'x'\n",
    "\nvar more = [\n  1\n  2\n]\n",
    "\n  ? a\n  : b",
    ".?name",
    "!",
    " | 'y'",
    "'''\ntext ${x}\n'''",
    "\"key\": \"value\",\n",
    "{ \"a\": [1, 2,] }",
    "\n\n",
];

/// Every node with its place and its nature: what two equal trees agree on.
fn outline(tree: &Tree) -> Vec<(u16, usize, usize, bool, Option<&'static str>)> {
    let mut outline = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        outline.push((
            node.kind_id(),
            node.start_byte(),
            node.end_byte(),
            node.is_missing(),
            cursor.field_name(),
        ));
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return outline;
            }
        }
    }
}

/// A text under edits, with its tree and the way back.
struct Session<'a> {
    language: &'a Language,
    text: String,
    tree: Tree,
    undo: Vec<(usize, usize, String)>,
}

impl Session<'_> {
    /// Replaces the bytes `start..end`, and parses again from the old tree.
    fn replace(&mut self, start: usize, end: usize, new: &str, remember: bool) {
        let old: String = self.text[start..end].to_owned();
        self.text.replace_range(start..end, new);
        let change = Edit {
            old: Span::of(start..end),
            new_len: new.len() as u32,
        };
        edit(&mut self.tree, &change);
        self.tree = parse(self.language, self.text.as_str(), Some(&self.tree));
        if remember {
            self.undo.push((start, start + new.len(), old));
        }
    }

    fn boundary(&self, mut at: usize) -> usize {
        at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// One random edit.
    fn step(&mut self, random: &mut Random) {
        let at = self.boundary(random.below(self.text.len() + 1));
        match random.below(10) {
            0..4 => self.replace(at, at, SNIPPETS[random.below(SNIPPETS.len())], true),
            4..6 => {
                let end = self.boundary(at + 1 + random.below(40));
                self.replace(at, end.max(at), "", true);
            }
            6 => {
                let from = self.boundary(random.below(self.text.len() + 1));
                let to = self.boundary(from + random.below(200)).max(from);
                let copy = self.text[from..to].to_owned();
                self.replace(at, at, &copy, true);
            }
            _ => {
                self.step_back();
            }
        }
    }

    fn step_back(&mut self) -> bool {
        let Some((start, end, old)) = self.undo.pop() else {
            return false;
        };
        self.replace(start, end, &old, false);
        true
    }

    /// Whether the edited tree is the tree of the text; `None` where the text does not parse and they differ.
    fn agrees(&self) -> Option<bool> {
        let fresh = parse(self.language, self.text.as_str(), None);
        let same = outline(&fresh) == outline(&self.tree);
        (same || !fresh.root_node().has_error()).then_some(same)
    }
}

/// Runs `steps` edits over a text from a seed, undoing all at the end; panics with the seed at the first difference.
fn check(name: &str, language: &Language, text: &str, seed: u64, steps: usize) -> (usize, usize) {
    let (mut agreeing, mut differing) = (0, 0);
    let mut random = Random(seed);
    let tree = parse(language, text, None);
    let mut session = Session {
        language,
        text: text.to_owned(),
        tree,
        undo: Vec::new(),
    };
    let mut verify = |session: &Session<'_>| match session.agrees() {
        Some(true) => agreeing += 1,
        Some(false) => panic!(
            "{name}, seed {seed:#x}: the edited tree is not the tree of\n{}",
            session.text
        ),
        None => differing += 1,
    };
    for _ in 0..steps {
        session.step(&mut random);
        verify(&session);
        // Most edits that break the text are taken back, so that many texts are sound, and many are healed.
        if session.tree.root_node().has_error() && random.below(4) > 0 && session.step_back() {
            verify(&session);
        }
    }
    while session.step_back() {
        verify(&session);
    }
    assert_eq!(
        session.text, text,
        "{name}, seed {seed:#x}: undo brings the text back"
    );
    (agreeing, differing)
}

const BICEP: &str = "targetScope = 'subscription'\r\n\r\n// 😀 a comment\n@description('''\nlong 'text'\n''')\nparam tier string = 'Standard' // trailing\n\n#disable-next-line AZR-000002\nresource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' = if (tier == 'x'\n  ? true\n  : false) {\n  name: 'r${uniqueString('a', '${tier}//x')}'\n  properties: {\n    list: [for (x, i) in range(0, 3): { a: x, b: i }]\n    text: $'''\n    ${tier} 😀\n    '''\n  }\n  resource child 'replications' existing = {\n    name: 'c'\n  }\n}\n\ntype t = 'a'\n  | 'b'\nvar f = map([1, 2], x => x.?y!.z ?? !tier)\noutput o string = registry::child.id\n";

const JSON: &str = "{\n  // 😀\n  \"$schema\": \"https://x#\",\n  \"parameters\": { \"a\": { \"type\": \"string\", \"defaultValue\": \"b\\u0027\\\"\" } },\r\n  \"resources\": [\n    { \"type\": \"a/b\", \"name\": \"[concat('x',\n      'y')]\", \"n\": [1, -2.5, true, null,] }, /* c */\n    {}\n  ]\n}\n";

#[test]
fn edited_trees_are_fresh_trees() {
    let (mut agreeing, mut differing) = (0, 0);
    let mut count = |counts: (usize, usize)| {
        agreeing += counts.0;
        differing += counts.1;
    };
    for seed in 1..200 {
        count(check("our Bicep", bicep(), BICEP, seed * 0x9E37_79B9, 40));
        count(check("our JSON", json(), JSON, seed * 0x9E37_79B9, 40));
    }
    // In this one a line that carries an expression on came below a comment and a pragma, and was read as one of its own.
    count(check("our Bicep", bicep(), BICEP, 0x39d_d09e_448a, 40));
    // Newlines among comments carry what the scanner found behind them.
    let comments = "// a\n".repeat(12);
    let text = BICEP
        .replace("\n  ? true", &format!("\n{comments}  ? true"))
        .replace(
            "\n\n#disable",
            &format!("\n{comments}\n/* b\n */\n#disable"),
        );
    for seed in 1..100 {
        count(check("comments", bicep(), &text, seed * 0x9E37_79B9, 40));
    }
    assert!(
        agreeing > differing,
        "{agreeing} agree, {differing} do not parse"
    );
}

#[test]
#[ignore = "reads the corpus of real files"]
fn corpus_edited_trees_are_fresh_trees() {
    let corpus = files::corpus().expect("the corpus");
    for (language, extensions) in [
        (bicep(), &["bicep", "bicepparam"][..]),
        (json(), &["json"][..]),
    ] {
        for (name, text) in files::below(&corpus, extensions).iter().step_by(24) {
            if text.len() < 30_000 {
                check(name, language, text, 0x5EED ^ text.len() as u64, 12);
            }
        }
    }
}

/// A text that counts how many chunks of it a parse reads.
struct Counted {
    text: String,
    chunks: Cell<usize>,
}

impl Source for Counted {
    fn len(&self) -> usize {
        self.text.len()
    }

    fn chunk(&self, offset: usize) -> &[u8] {
        self.chunks.set(self.chunks.get() + 1);
        let end = (offset + 64).min(self.text.len());
        self.text.as_bytes().get(offset..end).unwrap_or(&[])
    }

    fn slice(&self, span: Span) -> Cow<'_, str> {
        self.text.slice(span)
    }
}

#[test]
fn a_block_of_comments_is_read_a_bounded_number_of_times() {
    let chunks = |lines: usize| {
        let comments = "// a comment above a registry\n".repeat(lines);
        let text = Counted {
            text: format!("var a = 1\n{comments}param b string\nvar c = [\n{comments}  ? d\n]\n"),
            chunks: Cell::new(0),
        };
        parse(bicep(), &text, None);
        text.chunks.get()
    };
    let (few, many) = (chunks(200), chunks(1_600));
    assert!(
        many < few * 12,
        "{few} chunks of 200 lines, {many} of 1,600"
    );
}

#[test]
fn a_line_added_below_carries_on_what_stands_above() {
    let pragma = BICEP.replace("AZR-000002", "A⟨\n  ? a\n  : b⟩ZR-000002");
    let below = BICEP.replace("// trailing\n\n", "// trailing\n\n⟨  ? a\n  : b\n⟩");
    // `⟨…⟩` is typed into the rest.
    for text in [
        pragma.as_str(),
        &below,
        "var a = b // c\n\n⟨  ? d\n  : e\n⟩\nvar f = 1\n",
        "var a = b\n\n// c\n⟨  ? d : e\n⟩",
        "param a string = 'b' // c\n\n#disable-next-line x⟨\n  ? d\n  : e⟩y\nvar f = 1\n",
        "var a = {\n  b: c // d\n\n⟨    ? e\n    : f\n⟩  g: 1\n}\n",
        "var a = [\n  b /* c */\n  // d\n⟨    ? e : f\n⟩  g\n]\n",
        "var a = b ? c // d\n\n⟨  : e\n⟩var f = 1\n",
        "type a = 'b' // c\n⟨  | 'd'\n⟩var e = 1\n",
        "type a = {\n  b: 'c' // d\n⟨    | 'e'\n⟩  f: int\n}\n",
    ] {
        let (start, end) = (text.find('⟨').unwrap(), text.find('⟩').unwrap());
        let added = &text[start + '⟨'.len_utf8()..end];
        let before = text[..start].to_owned() + &text[end + '⟩'.len_utf8()..];
        let mut session = Session {
            language: bicep(),
            tree: parse(bicep(), before.as_str(), None),
            text: before,
            undo: Vec::new(),
        };
        session.replace(start, start, added, true);
        assert!(!session.tree.root_node().has_error(), "{}", session.text);
        assert_eq!(session.agrees(), Some(true), "{}", session.text);
        session.step_back();
        assert_eq!(session.agrees(), Some(true), "{}", session.text);
    }
}
