//! Searches raw bytes for what rules need, to decide which files can matter: parsing a whole workspace would take a hundred
//! times as long. It may keep too many files, never too few.
//!
//! For each name a fragment of four bytes in every case (`/reg`, `/Reg`, …) is searched with the vectorized multi-pattern
//! search of `aho-corasick`, and the whole name is compared only at the hits. This is ten times as fast as a
//! case-insensitive automaton. Escapes could hide a name or a path; the few files that contain such are kept.

use aho_corasick::{AhoCorasick, packed};
use indexmap::IndexSet;
use memchr::memmem;
use rustc_hash::FxBuildHasher;

use super::disk::{self, DiskEncoding};
use super::relevance::Relevance;
use crate::eval::ResourceFilter;
use crate::model::FileKind;

/// What the bytes of a file may hold. A set flag means "perhaps", an unset one "certainly not".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PatternHits {
    /// Holds the name of a type in the filter.
    pub wanted: bool,
    /// What it deploys by itself may matter: it holds the name of a type in the filter or of a related type, or has a
    /// deployment, written as a resource, whose template may be in another file or come from a parameter. JSON that links
    /// a template is uncertain.
    pub relevance: Relevance,
    /// Literals that look like paths to other files (modules, `using`, imports, `load…Content`, `relativePath`),
    /// decoded, in order, each once.
    pub references: Vec<Box<str>>,
    /// A Bicep file, or JSON that looks like a template or parameters file at all.
    pub candidate: bool,
    /// JSON: has `_generator`, as what Bicep compiles does.
    pub generated: bool,
    /// JSON that may be a parameter file: it has parameters and no resources.
    pub values: bool,
}

impl PatternHits {
    /// Escapes hide what a file holds: it is for the parser.
    fn may_hold_anything(&mut self) {
        self.candidate = true;
        self.wanted = true;
        self.relevance = Relevance::Holds;
    }
}

/// Searches bytes for the types of a filter.
#[derive(Debug)]
pub struct Prefilter {
    /// What it searches for.
    pub filter: &'static ResourceFilter,
    /// Of each type the last word before its last slash, and what is behind it.
    types: Vec<Words>,
    related: Vec<Words>,
    bicep: Scanner,
    json: Scanner,
    /// The members that make JSON a template or a parameter file. Compiled templates name parameters everywhere, so each
    /// is looked for by itself, to its first use only.
    resources: Scanner,
    parameters: Scanner,
    /// `template` and `templateLink`, looked for only where there are deployments.
    template: Scanner,
    /// Endings of paths, looked for only in files that can refer to others.
    endings: Scanner,
}

impl Prefilter {
    /// For the types of a filter.
    pub fn new(filter: &'static ResourceFilter) -> Self {
        let words = |types: &[&'static str]| -> Vec<Words> {
            let words = types.iter().filter_map(|ty| {
                let (provider, name) = ty.rsplit_once('/')?;
                Some((provider.rsplit('.').next()?, name))
            });
            words.collect()
        };
        let (types, related) = (words(filter.types), words(filter.related));
        let all = types.iter().chain(&related);
        let fragments = all.map(|(_, name)| format!("/{name:.3}"));
        let mut fragments: Vec<String> = fragments.chain(["/dep".to_owned()]).collect();
        fragments.sort();
        fragments.dedup();
        let fragments = || fragments.iter().map(String::as_str);
        Prefilter {
            filter,
            // The schemes of remote modules with the quote before them; words that a path without a known ending may
            // follow. The vectorized search takes 64 patterns at most.
            bicep: Scanner::new(fragments().chain(ENDINGS), &["'br", "'ts", "load", "modu"]),
            json: Scanner::new(fragments(), &[]),
            resources: Scanner::new(["reso"].into_iter(), &[]),
            parameters: Scanner::new(["para"].into_iter(), &[]),
            template: Scanner::new(["temp"].into_iter(), &[]),
            endings: Scanner::new(ENDINGS.into_iter(), &[]),
            types,
            related,
        }
    }

    /// Looks at a file's bytes.
    pub fn inspect(&self, kind: FileKind, bytes: &[u8]) -> PatternHits {
        let decoded;
        let bytes = match disk::encoding_of(bytes) {
            DiskEncoding::Utf16Le | DiskEncoding::Utf16Be => {
                decoded = disk::decode(bytes).0;
                decoded.as_bytes()
            }
            _ => bytes,
        };
        match kind {
            FileKind::Bicep | FileKind::BicepParams => self.inspect_bicep(bytes),
            FileKind::ArmTemplate | FileKind::ArmParameters => self.inspect_json(bytes),
            FileKind::Other => PatternHits::default(),
        }
    }

    /// Notes the type whose last segment begins behind the slash at `at`, if it is one of those.
    fn note_type(&self, bytes: &[u8], at: usize, hits: &mut PatternHits) {
        let is_here = |words: &Words| is_type(bytes, at, words);
        hits.wanted |= self.types.iter().any(is_here);
        if hits.wanted || self.related.iter().any(is_here) {
            hits.relevance = Relevance::Holds;
        }
    }
}

/// The last word of a type's namespace, and the last segment of the type.
type Words = (&'static str, &'static str);

/// The types that deploy a template. Not `deploymentScripts`, of which there are many.
const DEPLOYMENTS: [Words; 2] = [
    ("resources", "deployments@"),
    ("resources", "deploymentstacks@"),
];

/// Whether the slash at `at` divides a type of these words.
fn is_type(bytes: &[u8], at: usize, (provider, name): &Words) -> bool {
    let rest = &bytes[at + 1..];
    // JSON may escape the slash.
    let before = bytes[..at].strip_suffix(b"\\").unwrap_or(&bytes[..at]);
    // The older form of an extension's type: its name holds the namespace.
    let mut behind = [provider.as_bytes(), b"providers"].into_iter();
    is_at(rest, 0, name.as_bytes())
        && rest.get(name.len()) != Some(&b'/')
        && behind.any(|word| {
            let start = before.len().checked_sub(word.len());
            start.is_some_and(|start| is_at(before, start, word))
        })
}

/// Endings of paths.
const ENDINGS: [&str; 3] = [".bic", ".jso", ".arm"];

/// Looks for a few short patterns at once.
#[derive(Debug)]
enum Scanner {
    Packed(packed::Searcher),
    /// For machines without the vector instructions: slower, the same answer.
    Automaton(Option<AhoCorasick>),
}

impl Scanner {
    /// `folded` are looked for in any case, `exact` as they are. No pattern may begin inside another, since matches do
    /// not overlap.
    fn new<'p>(folded: impl Iterator<Item = &'p str>, exact: &[&str]) -> Self {
        let patterns: Vec<Vec<u8>> = folded
            .flat_map(|pattern| cases(pattern.as_bytes()))
            .chain(exact.iter().map(|pattern| pattern.as_bytes().to_vec()))
            .collect();
        let mut builder = packed::Config::new().builder();
        builder.extend(&patterns);
        match builder.build() {
            Some(searcher) => Scanner::Packed(searcher),
            // It fails for gigabytes of patterns only.
            None => Scanner::Automaton(AhoCorasick::new(&patterns).ok()),
        }
    }

    /// Calls `each` with the offset of every match.
    fn scan(&self, bytes: &[u8], mut each: impl FnMut(usize)) {
        self.any(bytes, |at| {
            each(at);
            false
        });
    }

    /// Whether a match passes a test; none is looked for behind the first that does.
    fn any(&self, bytes: &[u8], mut test: impl FnMut(usize) -> bool) -> bool {
        match self {
            Scanner::Packed(searcher) => searcher.find_iter(bytes).any(|m| test(m.start())),
            Scanner::Automaton(automaton) => {
                let mut matches = automaton.iter().flat_map(|it| it.find_iter(bytes));
                matches.any(|m| test(m.start()))
            }
        }
    }
}

/// Every way to write a word in upper and lower case.
fn cases(word: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::with_capacity(word.len())];
    for byte in word {
        let (lower, upper) = (byte.to_ascii_lowercase(), byte.to_ascii_uppercase());
        if lower != upper {
            let mut twins = all.clone();
            twins.iter_mut().for_each(|word| word.push(upper));
            all.iter_mut().for_each(|word| word.push(lower));
            all.append(&mut twins);
        } else {
            all.iter_mut().for_each(|word| word.push(lower));
        }
    }
    all
}

impl Prefilter {
    fn inspect_bicep(&self, bytes: &[u8]) -> PatternHits {
        let mut hits = PatternHits {
            candidate: true,
            ..PatternHits::default()
        };
        let mut references = References::default();
        self.bicep.scan(bytes, |at| match bytes[at] {
            b'/' if DEPLOYMENTS.iter().any(|ty| is_type(bytes, at, ty)) => {
                if !has_empty_template(&bytes[at..]) {
                    hits.relevance = Relevance::Holds;
                }
            }
            b'/' => self.note_type(bytes, at, &mut hits),
            b'.' => references.add(bicep_literal_around(bytes, at)),
            b'\'' => {
                if matches!(bytes.get(at + 3), Some(b':' | b'/')) {
                    references.add(bicep_literal_around(bytes, at + 1));
                }
            }
            // `load…Content(` or `module name`: the next literal is a path, whatever its ending.
            _ => {
                let word = bytes[at..].iter().take_while(|b| b.is_ascii_alphanumeric());
                let after = at + word.count();
                let near = &bytes[after..bytes.len().min(after + REACH)];
                if let Some(quote) = memchr::memchr(b'\'', near)
                    && leads_to_path(&bytes[at..after], &near[..quote])
                {
                    let content = near[quote..].iter().take_while(|b| **b == b'\'').count();
                    references.add(bicep_literal_around(bytes, after + quote + content));
                }
            }
        });
        if escapes_names(bytes, b"\\u{", 16) {
            hits.may_hold_anything();
        } else if memmem::find(bytes, b"\\u{").is_some() {
            // A path may hold any character.
            hits.relevance = Relevance::Holds;
        }
        hits.references = references.done();
        hits
    }

    fn inspect_json(&self, bytes: &[u8]) -> PatternHits {
        let mut hits = PatternHits {
            generated: memmem::find(bytes, b"_generator").is_some(),
            ..PatternHits::default()
        };
        let mut deployments = false;
        self.json
            .scan(bytes, |at| match is_at(bytes, at, b"/deployment") {
                true => deployments = true,
                false => self.note_type(bytes, at, &mut hits),
            });
        let has_key = |scanner: &Scanner, key: &[u8]| {
            scanner.any(bytes, |at| is_key(bytes, at, key).is_some())
        };
        let resources = has_key(&self.resources, b"resources");
        let parameters = !resources && has_key(&self.parameters, b"parameters");
        // Both kinds of file have a schema that is named after deployments, or at least one of the members.
        hits.candidate = deployments || resources || parameters;
        hits.values = parameters;
        let mut links = false;
        if deployments {
            self.template.scan(bytes, |at| {
                links |= is_key(bytes, at, b"templatelink").is_some();
                let value = is_key(bytes, at, b"template").map(<[u8]>::trim_ascii_start);
                if matches!(value, Some([b'"' | b'\'', ..])) {
                    hits.relevance = Relevance::Holds;
                }
            });
        }
        if links {
            hits.relevance = hits.relevance.max(Relevance::Uncertain);
        }
        if escapes_names(bytes, b"\\u", 4) {
            hits.may_hold_anything();
        }
        // A parameters file names its template in its metadata; it has no resources.
        if links || hits.candidate && !resources {
            let mut references = References::default();
            self.endings
                .scan(bytes, |at| json_literals_around(bytes, at, &mut references));
            hits.references = references.done();
        }
        hits
    }
}

/// What follows a member's name and its colon, if `word` at `at` is one, however it is quoted.
fn is_key<'b>(bytes: &'b [u8], at: usize, word: &[u8]) -> Option<&'b [u8]> {
    let inside = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    if inside || !is_at(bytes, at, word) {
        return None;
    }
    let rest = &bytes[at + word.len()..];
    let rest = rest.trim_ascii_start();
    let rest = rest
        .strip_prefix(b"\"")
        .or(rest.strip_prefix(b"'"))
        .unwrap_or(rest);
    rest.trim_ascii_start().strip_prefix(b":")
}

/// Whether `resources: []` follows soon, as in the deployments that count how often a module is used.
fn has_empty_template(bytes: &[u8]) -> bool {
    let near = &bytes[..bytes.len().min(REACH)];
    let blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n' | b'\'');
    memmem::find_iter(near, b"resources").any(|at| {
        let mut rest = near[at + 9..].iter().filter(|b| !blank(b));
        [b':', b'[', b']'].iter().all(|b| rest.next() == Some(b))
    })
}

/// The largest distance between a keyword and its path, in bytes: only comments can come between.
const REACH: usize = 4096;

/// Whether the text between a word and the next quote leaves it a module or a call of a `load` function.
fn leads_to_path(word: &[u8], between: &[u8]) -> bool {
    match word {
        b"module" => between
            .first()
            .is_some_and(|b| !b.is_ascii_alphanumeric() && *b != b'_'),
        _ => between.trim_ascii_start().first() == Some(&b'('),
    }
}

/// The string literal that holds the byte at `at`: from the quote before it to the quote behind it, on one line. Line
/// ends and code points are not decoded: there is none in a path, and files with code points are parsed.
fn bicep_literal_around(bytes: &[u8], at: usize) -> Option<String> {
    let line = memchr::memrchr2(b'\n', b'\r', &bytes[..at]).map_or(0, |end| end + 1);
    let mut start = at;
    loop {
        start = line + memchr::memrchr(b'\'', &bytes[line..start])?;
        if !escaped(bytes, start) {
            break;
        }
    }
    let end = at
        + bytes[at..].iter().enumerate().position(|(i, b)| {
            matches!(b, b'\n' | b'\r') || *b == b'\'' && !escaped(bytes, at + i)
        })?;
    if bytes[end] != b'\'' {
        return None;
    }
    let text = std::str::from_utf8(&bytes[start + 1..end]).ok()?;
    let mut characters = text.chars();
    let decoded = std::iter::from_fn(|| match characters.next()? {
        '\\' => characters.next(),
        character => Some(character),
    });
    Some(decoded.collect())
}

/// Whether an odd number of backslashes comes before `at`.
fn escaped(bytes: &[u8], at: usize) -> bool {
    bytes[..at]
        .iter()
        .rev()
        .take_while(|b| **b == b'\\')
        .count()
        % 2
        == 1
}

/// The path that holds the byte at `at`: a whole JSON string, or a literal of an expression in one.
fn json_literals_around(bytes: &[u8], at: usize, references: &mut References) {
    let Some(before) = memchr::memrchr2(b'"', b'\n', &bytes[..at]) else {
        return;
    };
    let Some(after) = memchr::memchr2(b'"', b'\n', &bytes[at..]) else {
        return;
    };
    let Ok(text) = std::str::from_utf8(&bytes[before + 1..at + after]) else {
        return;
    };
    let whole = bytes[before] == b'"' && bytes[at + after] == b'"';
    let at = at - before - 1;
    if let (Some(start), Some(end)) = (text[..at].rfind('\''), text[at..].find('\'')) {
        references.add(Some(decode_json(&text[start + 1..at + end])));
    }
    if whole && (!text.starts_with('[') || text.starts_with("[[")) {
        references.add(Some(decode_json(text)));
    }
}

/// Whether a character that names are made of is escaped, such as `\u002f`, by up to so many digits: no program that
/// writes such a file does.
fn escapes_names(bytes: &[u8], opening: &[u8], digits: usize) -> bool {
    memmem::find_iter(bytes, opening).any(|at| {
        let digits = bytes[at + opening.len()..].iter().take(digits);
        let digits = digits.map_while(|digit| char::from(*digit).to_digit(16));
        let code = digits.fold(0, |code: u32, digit| code << 4 | digit);
        let character = char::from_u32(code);
        character.is_some_and(|c| c.is_ascii_alphanumeric() || "/.@$_".contains(c))
    })
}

/// The escapes of a JSON string, decoded; wrong ones stay.
fn decode_json(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    serde_json::from_str(&format!("\"{text}\"")).unwrap_or_else(|_| text.to_owned())
}

/// Whether `word` (lower case) is at `at`, in any case.
fn is_at(bytes: &[u8], at: usize, word: &[u8]) -> bool {
    bytes
        .get(at..at + word.len())
        .is_some_and(|found| found.eq_ignore_ascii_case(word))
}

/// Paths, each once, in order.
#[derive(Default)]
struct References(IndexSet<Box<str>, FxBuildHasher>);

impl References {
    fn add(&mut self, text: Option<String>) {
        let Some(text) = text else {
            return;
        };
        let lower = text.get(..3).unwrap_or_default().to_ascii_lowercase();
        let remote = matches!(lower.as_str(), "br:" | "br/" | "ts:" | "ts/");
        // Anything else with a colon is an address, which is not followed.
        if remote || !text.contains([':', '\n', '\r']) && !text.is_empty() && text.len() < REACH {
            self.0.insert(text.into_boxed_str());
        }
    }

    fn done(self) -> Vec<Box<str>> {
        self.0.into_iter().collect()
    }
}

/// The language of a file by its name alone: JSON is divided into template, parameters and other only by content
/// (`model::lower_arm`), so JSON gives `ArmTemplate` here.
pub fn kind_of(path: &std::path::Path) -> FileKind {
    match path
        .extension()
        .and_then(|e| e.to_str())
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        Some("bicep") => FileKind::Bicep,
        Some("bicepparam") => FileKind::BicepParams,
        Some("json" | "jsonc" | "arm") => FileKind::ArmTemplate,
        _ => FileKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static FILTER: ResourceFilter = ResourceFilter {
        types: &[
            "microsoft.containerregistry/registries",
            "microsoft.security/pricings",
        ],
        related: &["microsoft.authorization/policysetdefinitions"],
        body: &[],
        existing: false,
        ordered: &[],
        shown: &[],
    };

    fn inspect(kind: FileKind, bytes: &[u8]) -> PatternHits {
        Prefilter::new(&FILTER).inspect(kind, bytes)
    }

    fn marks(kind: FileKind, text: &str) -> (String, Vec<String>) {
        let marks = inspect(kind, text.as_bytes());
        let flags = [
            ("wanted", marks.wanted),
            (
                "holds",
                marks.relevance == Relevance::Holds && !marks.wanted,
            ),
            ("uncertain", marks.relevance == Relevance::Uncertain),
            ("candidate", marks.candidate),
            ("generated", marks.generated),
        ];
        let set = flags.iter().filter(|(_, set)| *set).map(|(name, _)| *name);
        let references = marks.references.iter().map(|r| r.to_string());
        (set.collect::<Vec<_>>().join(" "), references.collect())
    }

    fn strings(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| text.to_string()).collect()
    }

    fn check_bicep(text: &str, flags: &str, references: &[&str]) {
        let (got, paths) = marks(FileKind::Bicep, text);
        let flags = format!("{flags} candidate");
        let expect = (flags.trim(), strings(references));
        assert_eq!((got.as_str(), paths), expect, "{text}");
    }

    #[test]
    fn types_in_bicep() {
        let check = check_bicep;
        check("", "", &[]);
        check(
            "resource r 'Microsoft.ContainerRegistry/registries@2023-07-01' = {",
            "wanted",
            &[],
        );
        check(
            "resource r 'MICROSOFT.CONTAINERREGISTRY/REGISTRIES@2023-07-01' = {",
            "wanted",
            &[],
        );
        check(
            "resource r 'az:microsoft.containerRegistry/Registries@x'",
            "wanted",
            &[],
        );
        check(
            r"resource r 'Microsoft.Container\u{52}egistry\u{2f}r\u{0065}gistries@x'",
            "wanted",
            &[],
        );
        check(
            "resource r 'Microsoft.ContainerRegistry/registries/webhooks@x'",
            "",
            &[],
        );
        check(
            "resource r 'Microsoft.MachineLearningServices/registries@x'",
            "",
            &[],
        );
        check(
            "resource p 'Microsoft.Security/pricings@2024-01-01' = {",
            "wanted",
            &[],
        );
        check(
            "resource p 'Microsoft.Authorization/policySetDefinitions@x'",
            "holds",
            &[],
        );
        let telemetry = "resource t 'Microsoft.Resources/deployments@x' = {template: {resources: ";
        check(&format!("{telemetry}[]"), "", &[]);
        check(&format!("{telemetry}list"), "holds", &[]);
        for other in [
            "Microsoft.Resources/deploymentScripts",
            "Microsoft.CognitiveServices/accounts/deployments",
        ] {
            check(&format!("resource s '{other}@x' = {{"), "", &[]);
        }
        check(
            "resource s 'Microsoft.Resources/deploymentStacks@x' = {",
            "holds",
            &[],
        );
    }

    #[test]
    fn references_in_bicep() {
        let check = check_bicep;
        check(
            "module m 'modules/acr.bicep' = {",
            "",
            &["modules/acr.bicep"],
        );
        check(
            "module m /* x */ './a.JSON' = { params: { t: 'b.c' } }",
            "",
            &["./a.JSON"],
        );
        check("module m '''./a.bicep''' = {", "", &["./a.bicep"]);
        check(r"module m 'it\'s.bicep' = {", "", &["it's.bicep"]);
        let escaped = r"module m 'a.bic\u{65}p' = {";
        check(escaped, "wanted", &["a.bicu{65}p"]);
        check(
            r"module m '\u{1F600}.bicep' = {",
            "holds",
            &["u{1F600}.bicep"],
        );
        check("module m 'modules/odd' = {", "", &["modules/odd"]);
        check("module m\n", "", &[]);
        check(
            "import { a, b } from 'x.bicep'\nimport * as y from 'y.json'",
            "",
            &["x.bicep", "y.json"],
        );
        check(
            "var t = loadTextContent( // it is\n  'a.txt')\nvar u = load('b')",
            "",
            &["a.txt", "b"],
        );
        check("var t = loadYamlContent('a.yaml', '$.x')", "", &["a.yaml"]);
        check("var workload = 'x'", "", &[]);
        check(
            "module m 'br/public:avm/res/x:1.0' = {",
            "",
            &["br/public:avm/res/x:1.0"],
        );
        check(
            "module m 'ts:sub/rg/name:v1' = {",
            "",
            &["ts:sub/rg/name:v1"],
        );
        check("var u = 'https://x.y/z.json'", "", &[]);
        check("var u = 'don\nmodule m 'a.bicep'", "", &["a.bicep"]);
        check(
            "// don't\nmodule m 'a.bicep' = { // isn't\n}\nmodule n 'a.bicep'",
            "",
            &["a.bicep"],
        );
        check("'", "", &[]);
        check("load", "", &[]);
        check(".bicep'", "", &[]);
        check("'.bicep", "", &[]);
    }

    #[test]
    fn parameter_files_of_bicep() {
        let text = "using './main.bicep'\nextends 'base.bicepparam'\nparam x = 'Containers'";
        let (flags, references) = marks(FileKind::BicepParams, text);
        assert_eq!(flags, "candidate");
        assert_eq!(references, ["./main.bicep", "base.bicepparam"]);
    }

    #[test]
    fn json() {
        let check = |text: &str, flags: &str, references: &[&str]| {
            let (got, paths) = marks(FileKind::ArmTemplate, text);
            assert_eq!(
                (got.as_str(), paths),
                (flags, strings(references)),
                "{text}"
            );
        };
        let typed = |name: &str| format!(r#"{{"resources":[{{"type":"{name}"}}]}}"#);
        check("{}", "", &[]);
        check(r#"{"name":"x","version":"1.json"}"#, "", &[]);
        check(r#"{"resources":[]}"#, "candidate", &[]);
        let registry = "[{type: 'Microsoft.ContainerRegistry/registries'}]";
        for key in ["resources", "'resources'", "\"Resources\""] {
            let text = format!("{{{key} : {registry}}}");
            check(&text, "wanted candidate", &[]);
        }
        check("[\"resources\", 'parameters', resourceId]", "", &[]);
        check(
            r#"{"RESOURCES":{"a":{"type":"microsoft.containerregistry/registries"}}}"#,
            "wanted candidate",
            &[],
        );
        for registry in [
            r"Microsoft.ContainerRegistry\/registries",
            r"\u004dicrosoft.ContainerRegistry\u002Fre\u0067istries",
        ] {
            check(&typed(registry), "wanted candidate", &[]);
        }
        check(
            &typed("Microsoft.ContainerRegistry/registries/tasks"),
            "candidate",
            &[],
        );
        check(
            &typed("Microsoft.Resources/resourceGroups/providers/policySetDefinitions"),
            "holds candidate",
            &[],
        );
        check(
            &typed("Microsoft.Security/pricings"),
            "wanted candidate",
            &[],
        );
        check(
            &typed("Microsoft.Authorization/policySetDefinitions"),
            "holds candidate",
            &[],
        );
        check(
            r#"{"metadata":{"_generator":{}},"resources":[]}"#,
            "candidate generated",
            &[],
        );
        let computed = |key: &str, flags: &str| {
            let text = format!(
                r#"{{"resources":[{{"type":"Microsoft.Resources/deployments","properties":{{"{key}":"[x]"}}}}]}}"#
            );
            check(&text, flags, &[]);
        };
        computed("template", "holds candidate");
        computed("sourceTemplate", "candidate");
        let check_link = |link: &str, references: &[&str]| {
            let text = format!(
                r#"{{"resources":[{{"type":"Microsoft.Resources/deployments","properties":{{"TemplateLink":{link}}}}}]}}"#
            );
            check(&text, "uncertain candidate", references);
        };
        check_link(r#"{"relativePath":"nested/a.json"}"#, &["nested/a.json"]);
        check_link(r#"{"relativePath":"nested\/a.json"}"#, &["nested/a.json"]);
        check_link(r#"{"uri":"https://x.y/a.json"}"#, &[]);
        check_link(
            r#"{"uri":"[uri(deployment().properties.templateLink.uri, 'a.json')]"}"#,
            &["a.json"],
        );
        check_link(
            "{\"uri\":\"[concat(variables('base'),\n  '/a.json', '?x')]\"}",
            &["/a.json"],
        );
        check_link(r#"{"id":"x"}"#, &[]);
        check(
            r#"{"parameters":{},"metadata":{"template":"./main.bicep"}}"#,
            "candidate",
            &["./main.bicep"],
        );
    }

    #[test]
    fn other_encodings_and_bytes() {
        let text = "resource r 'Microsoft.ContainerRegistry/registries@x' = {}\nmodule m 'a.bicep'";
        let expect = inspect(FileKind::Bicep, text.as_bytes());
        for encoding in [
            DiskEncoding::Utf8Bom,
            DiskEncoding::Utf16Le,
            DiskEncoding::Utf16Be,
        ] {
            let got = inspect(FileKind::Bicep, &disk::encode(text, encoding));
            assert_eq!(got, expect, "{encoding:?}");
        }
        let mut wrong = b"\xff\xc3'\xff.json' ".to_vec();
        wrong.extend_from_slice(text.as_bytes());
        assert_eq!(inspect(FileKind::Bicep, &wrong), expect);
    }
}
