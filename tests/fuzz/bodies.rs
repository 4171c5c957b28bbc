//! What each fuzz target does with its bytes. The targets proper (`targets/*.rs`) only hand them over; `tests/fuzzed.rs`
//! runs the same on the fixtures kept here, so that what a fuzzer once found is held by `cargo test` for ever.
//!
//! # Shapes of input
//! A *text* is the bytes themselves, as far as they are UTF-8. A *scene* is files headed by `//- /path` lines; what is
//! before the first head is `/main.bicep`. A *script* follows a text or scene after a line `=====`: its bytes, taken in
//! order, state what is edited where.

#[path = "../support/alike.rs"]
mod alike;
#[path = "../lsp/client.rs"]
mod client;
#[path = "conversation.rs"]
mod conversation;
#[path = "../support/fixes.rs"]
mod promises;
#[path = "worth.rs"]
mod worth;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use preflight::analysis::{Analysis, Cancel, FileReport, Options};
use preflight::lsp::{Setup, serve};
use preflight::model::lower_arm::{arm_kind, lower_arm};
use preflight::model::lower_bicep::lower_bicep;
use preflight::model::lower_parameters::lower_parameters;
use preflight::model::{FileKind, FileModel};
use preflight::rules;
use preflight::syntax::{self, arm_expression, data};
use preflight::text::{Edit, Encoding, Position, Range, Span, TextChange};
use preflight::workspace::config::{Configs, bicep as bicep_config, rule_file};
use preflight::workspace::memo::Memo;
use preflight::workspace::prefilter::Prefilter;
use preflight::workspace::relevance::summarize;

pub(crate) use conversation::conversation;

/// What a target does with its bytes; it panics where something is wrong.
pub(crate) type Body = fn(&[u8]);

/// The targets: the name, which is also that of the folder of fixtures, and the body.
pub(crate) const TARGETS: [(&str, Body); 10] = [
    ("bicep", bicep),
    ("arm", arm),
    ("expression", expression),
    ("edits", edits),
    ("session", session),
    ("evaluation", evaluation),
    ("fixes", fixes),
    ("configuration", configuration),
    ("protocol", protocol),
    ("conversation", conversation),
];

/// Inputs longer than this teach nothing new, and take long.
const LONGEST: usize = 1 << 16;

/// Where scenes are. Nothing is there on disk: every file of a scene is an open document.
const ROOT: &str = "/preflight-fuzz";

/// The same as the platform has it: on Windows a folder of the current drive.
fn root() -> PathBuf {
    preflight::workspace::disk::normalize(Path::new(ROOT))
}

fn text(data: &[u8]) -> String {
    String::from_utf8_lossy(&data[..data.len().min(LONGEST)]).into_owned()
}

/// Takes a script's bytes; zeros when it has none left.
struct Script<'a>(std::slice::Iter<'a, u8>);

impl Script<'_> {
    fn byte(&mut self) -> usize {
        self.0.next().copied().unwrap_or(0).into()
    }

    fn is_over(&self) -> bool {
        self.0.as_slice().is_empty()
    }

    fn below(&mut self, end: usize) -> usize {
        (self.byte() << 8 | self.byte()) % end.max(1)
    }
}

/// Splits off the script.
fn scripted(data: &[u8]) -> (String, Script<'_>) {
    let rule = b"\n=====\n";
    let at = data.windows(rule.len()).rposition(|window| window == rule);
    match at {
        Some(at) => (text(&data[..at]), Script(data[at + rule.len()..].iter())),
        None => (text(data), Script([].iter())),
    }
}

fn files(scene: &str) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    let headed = match scene.starts_with("//- /") {
        true => scene.to_owned(),
        false => format!("//- /main.bicep\n{scene}"),
    };
    for part in headed.split("//- /").skip(1).take(8) {
        let (name, body) = part.split_once('\n').unwrap_or((part, ""));
        let safe = name
            .trim()
            .chars()
            .take(40)
            .filter(|c| c.is_alphanumeric() || "./-_".contains(*c));
        let name: String = safe.collect();
        let name = name.trim_matches('/').replace("..", ".");
        if !name.is_empty() {
            files.insert(root().join(name), body.to_owned());
        }
    }
    files
}

/// What is typed and pasted.
const PIECES: [&str; 32] = [
    "x",
    "'",
    "'''",
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
    "\n",
    "\r\n",
    "\r",
    " ",
    "//",
    "/*",
    "*/",
    "#disable-next-line AZR-000002\n",
    "😀",
    "\u{feff}",
    "'Standard'",
    "true",
    "resource r 'Microsoft.ContainerRegistry/registries@2023-07-01' = {\n  name: 'r'\n}\n",
    "resource p 'Microsoft.Security/pricings@2024-01-01' = {\n  name: 'Containers'\n  properties: { pricingTier: 'Free' }\n}\n",
    "module m 'main.bicep' = { name: 'm' }\n",
    "for i in range(0, 3): ",
    "null",
];

fn boundary(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The next edit of a script: bytes replaced, and by what.
fn next_edit(script: &mut Script<'_>, text: &str) -> (usize, usize, String) {
    let start = boundary(text, script.below(text.len() + 1));
    let length = [0, 0, 0, 1, 2, 8, 40, 200][script.byte() % 8];
    let end = boundary(text, start + length).max(start);
    let piece = script.byte();
    let new = match piece {
        0..64 => PIECES[piece % PIECES.len()].to_owned(),
        64..80 => {
            let from = boundary(text, script.below(text.len() + 1));
            let to = boundary(text, from + 30).max(from);
            text[from..to].to_owned()
        }
        80..128 => char::from(piece as u8).to_string(),
        _ => String::new(),
    };
    (start, end, new)
}

fn check_model(model: &FileModel, length: usize) {
    assert_eq!(model.template.items.len(), model.spans.len());
    for (offset, spans) in &model.spans {
        for span in spans.nodes.iter() {
            let span = span.shift(*offset);
            assert!(
                span.start <= span.end && span.end as usize <= length,
                "{span:?} of {length}"
            );
        }
    }
    summarize(&model.template, rules::filter());
}

/// Bicep and its parameter files: parse, report errors, lower; lowering again from the memo gives the same.
pub(crate) fn bicep(data: &[u8]) {
    let text = text(data);
    let tree = syntax::parse(syntax::bicep(), text.as_str(), None);
    let errors = syntax::syntax_errors(&tree, text.as_str());
    // Some errors that the grammar accepts are reported beside those of the tree.
    assert!(
        !errors.is_empty() || !tree.root_node().has_error(),
        "errors are reported where there are some"
    );
    for error in errors {
        assert!(error.span.end as usize <= text.len() && text.get(error.span.range()).is_some());
    }
    for kind in [FileKind::Bicep, FileKind::BicepParams] {
        let memo = Memo::default();
        let first = lower_bicep(kind, &tree, text.as_str(), &memo);
        let second = lower_bicep(kind, &tree, text.as_str(), &memo);
        assert_eq!(first.template, second.template);
        check_model(&first, text.len());
        Prefilter::new(rules::filter()).inspect(kind, data);
    }
}

/// JSON: templates, parameters and everything else.
pub(crate) fn arm(data: &[u8]) {
    let text = text(data);
    let tree = syntax::parse(syntax::json(), text.as_str(), None);
    let errors = syntax::syntax_errors(&tree, text.as_str());
    // Some errors that the grammar accepts are reported beside those of the tree.
    assert!(
        !errors.is_empty() || !tree.root_node().has_error(),
        "errors are reported where there are some"
    );
    arm_kind(&tree, text.as_str());
    let memo = Memo::default();
    let first = lower_arm(&tree, text.as_str(), &memo);
    let second = lower_arm(&tree, text.as_str(), &memo);
    assert_eq!(first.template, second.template);
    check_model(&first, text.len());
    check_model(&lower_parameters(&tree, text.as_str(), &memo), text.len());
    Prefilter::new(rules::filter()).inspect(FileKind::ArmTemplate, data);
}

/// The language inside the strings of templates.
pub(crate) fn expression(data: &[u8]) {
    let text = text(data);
    fn walk(node: &arm_expression::Node<'_>, text: &str) {
        assert!(text.get(node.span.range()).is_some(), "{:?}", node.span);
        match &node.kind {
            arm_expression::Kind::Call { args, .. } => args.iter().for_each(|arg| walk(arg, text)),
            arm_expression::Kind::Member { base, .. } => walk(base, text),
            arm_expression::Kind::Index { base, key } => {
                walk(base, text);
                walk(key, text);
            }
            _ => {}
        }
    }
    arm_expression::classify(&text);
    if let Ok(node) = arm_expression::parse(&text) {
        walk(&node, &text);
    }
    let quoted = serde_json::to_string(&text).unwrap_or_default();
    let template = format!(
        r#"{{"resources": [{{"type": "Microsoft.ContainerRegistry/registries", "condition": {quoted}, "name": {quoted}}}]}}"#
    );
    let decoded = syntax::json::decode_string(&quoted);
    assert_eq!(decoded.text, text);
    analyze(&[(root().join("main.json"), template)].into());
}

fn outline(tree: &tree_sitter::Tree) -> Vec<(u16, usize, usize)> {
    let mut outline = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        outline.push((node.kind_id(), node.start_byte(), node.end_byte()));
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

/// An edited tree is the tree of the text, wherever that parses.
pub(crate) fn edits(data: &[u8]) {
    let (mut text, mut script) = scripted(data);
    let language = match text.trim_start().starts_with(['{', '[']) {
        true => syntax::json(),
        false => syntax::bicep(),
    };
    let mut tree = syntax::parse(language, text.as_str(), None);
    let mut count = 0;
    while !script.is_over() && count < 100 {
        count += 1;
        let (start, end, new) = next_edit(&mut script, &text);
        text.replace_range(start..end, &new);
        let change = Edit {
            old: Span::of(start..end),
            new_len: new.len() as u32,
        };
        syntax::edit(&mut tree, &change);
        tree = syntax::parse(language, text.as_str(), Some(&tree));
        let fresh = syntax::parse(language, text.as_str(), None);
        if !fresh.root_node().has_error() {
            assert_eq!(
                outline(&tree),
                outline(&fresh),
                "the edited tree of {text:?}"
            );
        }
    }
}

fn settle(analysis: &mut Analysis) {
    for _ in 0..1000 {
        analysis.refresh(&Cancel::default());
        if !analysis.is_pending() {
            return;
        }
    }
    panic!("it never settles");
}

fn analyze(files: &BTreeMap<PathBuf, String>) -> Analysis {
    let mut analysis = Analysis::new(Options {
        cache_root: Some(root().join("cache")),
        threads: 1,
        ..Options::default()
    });
    analysis.set_folders(&[root()]);
    for (path, text) in files {
        analysis.open(path, 0, text);
    }
    settle(&mut analysis);
    analysis
}

fn shown(analysis: &Analysis) -> Vec<FileReport> {
    let mut reports = analysis.reports();
    for report in &mut reports {
        report.version = None;
    }
    reports
}

fn position(text: &str, at: usize) -> Position {
    let rope = ropey::Rope::from_str(text);
    let point = preflight::text::rope_point(&rope, at as u32);
    Position {
        line: point.line,
        character: point.column(Encoding::Utf16),
    }
}

/// The answer after any edits is the answer of a fresh start.
pub(crate) fn session(data: &[u8]) {
    let (scene, mut script) = scripted(data);
    let mut files = files(&scene);
    // A configuration that broke keeps what it stated before: there the past counts.
    files.retain(|path, _| !Configs::is_config(path));
    let names: Vec<PathBuf> = files.keys().cloned().collect();
    if names.is_empty() {
        return;
    }
    let mut analysis = analyze(&files);
    let mut version = 0;
    while !script.is_over() && version < 24 {
        version += 1;
        let path = &names[script.byte() % names.len()];
        match files.get(path).cloned() {
            // Closed: nothing is on disk, so the file is gone.
            Some(_) if script.byte() == 7 => {
                files.remove(path);
                analysis.close(path);
            }
            Some(mut text) => {
                let (start, end, new) = next_edit(&mut script, &text);
                let change = TextChange {
                    range: Some(Range {
                        start: position(&text, start),
                        end: position(&text, end),
                    }),
                    text: new.clone(),
                };
                analysis.edit(path, version, &[change], Encoding::Utf16);
                // Lines end at CR, LF and CRLF: an edit between the last two has no position of its own. Nor has one
                // before a byte order mark.
                let known = analysis.text(path).unwrap_or_default().to_string();
                let plain = |text: &str| !text.contains(['\r', '\u{feff}']);
                let comparable = plain(&text) && plain(&new);
                text.replace_range(start..end, &new);
                assert!(known == text || !comparable);
                files.insert(path.clone(), known);
            }
            None => {
                let body = PIECES[27 + script.byte() % 3];
                files.insert(path.clone(), body.to_owned());
                analysis.open(path, version, body);
            }
        }
        settle(&mut analysis);
        let mut fresh = analyze(&files);
        let paths = files.keys().map(PathBuf::as_path);
        if !alike::read_alike(&mut analysis, &mut fresh, paths) {
            continue;
        }
        assert_eq!(
            shown(&analysis),
            shown(&fresh),
            "after {version} edits of {files:#?}"
        );
        assert_eq!(
            analysis.problems(),
            fresh.problems(),
            "after {version} edits of {files:#?}"
        );
    }
}

/// Everything that can be asked of a scene is answered, and its worth is twice the same.
pub(crate) fn evaluation(data: &[u8]) {
    let files = files(&text(data));
    worth::evaluate(&files);
    let mut analysis = analyze(&files);
    analysis.problems();
    for (path, text) in &files {
        analysis.inventory(path, None);
        for (at, _) in text.match_indices('\'').take(8) {
            analysis.hover(path, at as u32 + 1);
        }
        analysis.fixes(path, Span::of(0..text.len()), true);
        analysis.syntax_tree(path);
    }
}

/// Every fix of every finding keeps what fixes promise: its edits are sound, nothing that parsed stops parsing, the
/// finding goes, none comes, no other is silenced, and taken back all is as before.
pub(crate) fn fixes(data: &[u8]) {
    let files = files(&text(data));
    let mut analysis = analyze(&files);
    let mut left = 24;
    for report in analysis.reports() {
        let shown = report.diagnostics.iter();
        for finding in shown.filter(|one| one.suppressed.is_none()) {
            let corrected = promises::key(&analysis, finding);
            for (at, fix) in analysis.fixes(&report.path, finding.location.span, true) {
                if report.diagnostics[at] != *finding || left == 0 {
                    continue;
                }
                left -= 1;
                for edit in &fix.edits {
                    assert!(edit.path.starts_with(root()), "{}", edit.path.display());
                    assert_eq!(edit.create, !files.contains_key(&*edit.path));
                }
                // What is broken already cannot promise more than not to be broken further.
                let after = promises::after(&analysis, &fix);
                let mut sanitized = true;
                for (path, text) in &after {
                    let before = files.get(path).map_or("", String::as_str);
                    let was = promises::syntax_errors(path, before);
                    let is = promises::syntax_errors(path, text);
                    assert!(is <= was, "{} makes errors: {text}", fix.id);
                    sanitized &= was == 0;
                }
                if !sanitized {
                    continue;
                }
                if let Err(reported) = promises::check(&mut analysis, &corrected, &fix) {
                    panic!("{corrected:?}\n  {} ({}): {reported}", fix.id, fix.title);
                }
            }
        }
    }
}

fn data_within(text: &str, data: &data::Data) {
    use data::DataKind;
    assert!(text.get(data.span.range()).is_some(), "{:?}", data.span);
    match &data.kind {
        DataKind::List(items) => items.iter().for_each(|item| data_within(text, item)),
        DataKind::Map(members) => {
            for (key, value) in members {
                assert!(text.get(key.span.range()).is_some(), "{:?}", key.span);
                data_within(text, value);
            }
        }
        _ => {}
    }
}

/// Configuration of all kinds, read by itself and in force for a template.
pub(crate) fn configuration(data: &[u8]) {
    let text = text(data);
    for reading in [data::yaml(&text), data::jsonc(&text)] {
        data_within(&text, &reading.data);
        reading.data.to_json();
        if let Some((span, reported)) = reading.problem {
            assert!(text.get(span.range()).is_some(), "{reported}: {span:?}");
        }
    }
    let (_, wrong) = rule_file::read(&text);
    let at = root().join("bicepconfig.json");
    let (_, also_wrong) = bicep_config::read(&at, &text);
    for (span, reported) in wrong.iter().chain(&also_wrong) {
        assert!(text.get(span.range()).is_some(), "{reported}: {span:?}");
    }
    let registry = PIECES[27].to_owned();
    for name in [
        "ps-rule.yaml",
        "bicepconfig.json",
        "main.parameters.json",
        "main.bicepparam",
    ] {
        let mut files = BTreeMap::from([(root().join("main.bicep"), registry.clone())]);
        files.insert(root().join(name), text.clone());
        analyze(&files).problems();
    }
}

/// Messages, one a line, after a handshake; a line that begins with `!` goes out as the bytes behind it.
pub(crate) fn protocol(data: &[u8]) {
    let mut input = Vec::new();
    let mut send = |body: &[u8]| {
        input.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        input.extend_from_slice(body);
    };
    let known = data.strip_prefix(b"@").is_none();
    if known {
        send(br#"{"jsonrpc":"2.0","id":"a","method":"initialize","params":{"capabilities":{"workspace":{"configuration":true}}}}"#);
        send(br#"{"jsonrpc":"2.0","method":"initialized","params":{}}"#);
        send(br#"{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{"uri":"untitled:a","languageId":"bicep","version":1,"text":"var x = 'y'\n"}}}"#);
    }
    let mut raw = Vec::new();
    for line in data[..data.len().min(LONGEST)]
        .split(|byte| *byte == b'\n')
        .take(64)
    {
        match line.strip_prefix(b"!") {
            Some(bytes) => raw.extend_from_slice(bytes),
            None => send(line),
        }
    }
    send(br#"{"jsonrpc":"2.0","id":"z","method":"shutdown"}"#);
    send(br#"{"jsonrpc":"2.0","method":"exit"}"#);
    input.extend_from_slice(&raw);
    let setup = Setup {
        options: Options {
            cache_root: Some(root().join("cache")),
            threads: 1,
            ..Options::default()
        },
        ..Setup::default()
    };
    serve(std::io::Cursor::new(input), std::io::sink(), setup);
}
