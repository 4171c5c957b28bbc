//! Load errors: what could not be read, parsed or resolved in the folders, the named files, and everything they lead to.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustc_hash::{FxHashMap, FxHashSet};

use super::report::Locator;
use super::{Analysis, Cancel, LoadError};
use crate::eval::{Instance, Loaded, TOO_LARGE, reference_of};
use crate::model::{
    Expr, ExprKind, FileId, FileKind, FileModel, Item, ItemKind, ItemSpans, NodeId, Target,
};
use crate::rules;
use crate::syntax;
use crate::text::Span;
use crate::workspace::config::Configs;
use crate::workspace::disk;
use crate::workspace::entries::linked_file;
use crate::workspace::files::{Content, Errors, LoadedFile, Read, language_of};
use crate::workspace::prefilter;
use crate::workspace::registry_cache::{self, Resolution};
use crate::workspace::relevance::{ReferenceKind, Relevance};

/// What was not analyzed. A run that passes reports it.
#[derive(Debug, Default)]
pub struct Unanalyzed {
    /// What is wrong: `check` exits with 2.
    pub problems: Vec<LoadError>,
    /// Modules that are not restored and templates that are elsewhere: what they deploy is not known.
    pub unread: Vec<LoadError>,
}

/// Which files are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Those that are loaded.
    Loaded,
    /// Those that no check needed too.
    Everything,
}

/// What this report alone reads of a file.
enum Fresh {
    Parsed(Box<Read>),
    /// A text that needs no parsing, and the literals in it that name files and modules; whether by `using`.
    Scanned(Arc<str>, Vec<(Span, bool)>),
}

impl Analysis {
    /// Problems, sorted: files that cannot be read, syntax errors, modules that do not exist, cycles of modules,
    /// configuration files that are wrong, folders that could not be walked.
    pub fn problems(&self) -> Vec<LoadError> {
        self.unanalyzed().problems
    }

    /// How many problems there are in what checks have read: for the totals that editors show at each pause.
    pub fn known_problems(&self) -> usize {
        self.unanalyzed_in(Extent::Loaded).problems.len()
    }

    /// What is not looked at, with what is wrong ([`Analysis::problems`]) and what is no mistake apart.
    pub fn unanalyzed(&self) -> Unanalyzed {
        self.unanalyzed_in(Extent::Everything)
    }

    fn unanalyzed_in(&self, extent: Extent) -> Unanalyzed {
        let read = extent == Extent::Everything;
        let mut locator = Locator::default();
        let mut unanalyzed = Unanalyzed::default();
        self.problems_of_folders(&mut locator, &mut unanalyzed.problems);
        // Of what was only prefiltered nothing is known without reading.
        let listed = self.workspace.files().filter(|(_, file)| {
            file.listed && (read || !matches!(file.content, Content::Prefiltered(_)))
        });
        let mut queue: Vec<FileId> = listed.map(|(id, _)| id).collect();
        let mut seen: FxHashSet<FileId> = queue.iter().copied().collect();
        let checked = self.checked_closures();
        let mut fresh = match read {
            true => self.read_uncertain(queue.iter().copied()),
            false => FxHashMap::default(),
        };
        while let Some(id) = queue.pop() {
            // Outside the folders there are few.
            if read && !fresh.contains_key(&id) {
                fresh.extend(self.read_uncertain([id]));
            }
            let file = self.workspace.file(id);
            if let (Content::Unreadable(error), None) = (&file.content, &file.document) {
                let message = format!("cannot be read: {error}");
                let error = self.load_error(id, None, &mut locator, message);
                unanalyzed.problems.push(error);
            }
            let checked = checked.contains(&id);
            let uses = match (self.workspace.loaded(id), fresh.get(&id)) {
                (None, Some(Fresh::Scanned(text, named))) => scanned_uses(text, named),
                (loaded, read) => {
                    let read = read.and_then(|it| match it {
                        Fresh::Parsed(read) => Some(&read.loaded),
                        Fresh::Scanned(..) => None,
                    });
                    let Some(parsed) = loaded.or(read) else {
                        continue;
                    };
                    self.add_syntax_errors(id, parsed, checked, &mut locator, &mut unanalyzed);
                    uses(&parsed.model)
                }
            };
            for (use_, span) in uses {
                let reference = use_.reference();
                // Looking into Bicep's cache is reading too.
                if !read && reference.is_some_and(|it| it.contains(':')) {
                    continue;
                }
                if let Some(path) =
                    self.follow_use(id, (use_, span), checked, &mut locator, &mut unanalyzed)
                    && let Some(next) = self.workspace.id(&path)
                    && seen.insert(next)
                {
                    queue.push(next);
                }
            }
        }
        if read {
            unanalyzed.unread.extend(self.unpaired());
        }
        self.problems_of_deployments(&mut locator, &mut unanalyzed.problems);
        for list in [&mut unanalyzed.problems, &mut unanalyzed.unread] {
            list.retain(|error| !self.is_path_ignored(&error.path));
            list.sort();
            list.dedup();
        }
        unanalyzed
    }

    /// What could not be walked, and what is wrong in configuration files.
    fn problems_of_folders(&self, locator: &mut Locator, problems: &mut Vec<LoadError>) {
        let walked = self.scan_problems.iter();
        let walked = walked.map(|(path, message)| (path, message, None));
        let configs = self.config_problems.iter().map(|problem| {
            let id = self.workspace.id(&problem.path);
            let location = id.and_then(|id| locator.location(self, id, problem.span));
            (&problem.path, &problem.message, location)
        });
        let all = walked.chain(configs);
        problems.extend(all.map(|(path, message, location)| LoadError {
            path: path.as_path().into(),
            location,
            message: message.clone(),
            hides: true,
        }));
    }

    fn load_error(
        &self,
        id: FileId,
        span: Option<Span>,
        locator: &mut Locator,
        message: impl Into<String>,
    ) -> LoadError {
        LoadError {
            path: self.workspace.file(id).path.clone(),
            location: span.and_then(|span| locator.location(self, id, span)),
            message: message.into(),
            hides: true,
        }
    }

    /// The files of deployments that have a resource which a rule checks.
    fn checked_closures(&self) -> FxHashSet<FileId> {
        let states = self.deployments.states.values();
        let expansions = states.filter_map(|state| Some(&state.deployment.as_ref()?.expansion));
        let filter = rules::filter();
        let is_main = |one: &Instance| filter.is_main(one.resource_type.as_str());
        let checked = expansions.filter(|expansion| expansion.instances.iter().any(is_main));
        checked.flat_map(|it| it.files.iter().copied()).collect()
    }

    /// Whether a file was named, and is in no workspace folder.
    fn is_named(&self, id: FileId) -> bool {
        let file = self.workspace.file(id);
        file.listed && self.workspace.folder_of(&file.path).is_none()
    }

    /// The syntax errors of a file. In an open Bicep document, what the grammar lets pass is looked for only here: it costs
    /// a pass over the text, too much for each keystroke.
    fn syntax_errors(&self, id: FileId, loaded: &LoadedFile) -> Errors {
        let file = self.workspace.file(id);
        let open = file.document.as_ref().filter(|_| loaded.errors.is_empty());
        let parsed = open.and_then(|open| Some((open.tree.as_ref()?, &open.document.text)));
        let (Some((tree, text)), Some(dialect)) = (parsed, file.kind.dialect()) else {
            return loaded.errors.clone();
        };
        let errors = syntax::file_errors(tree, text, Some(dialect));
        let errors = errors.into_iter();
        errors.map(|error| (error.span, error.message)).collect()
    }

    /// How many syntax errors a file that was loaded has.
    pub(super) fn error_count(&self, id: FileId) -> usize {
        let loaded = self.workspace.loaded(id);
        loaded.map_or(0, |loaded| self.syntax_errors(id, loaded).len())
    }

    /// Adds the syntax errors of a file that holds, or may hold or use, something a rule needs.
    fn add_syntax_errors(
        &self,
        id: FileId,
        parsed: &LoadedFile,
        checked: bool,
        locator: &mut Locator,
        unanalyzed: &mut Unanalyzed,
    ) {
        let errors = self.syntax_errors(id, parsed);
        if errors.is_empty() {
            return;
        }
        // What does not parse may hold nothing that lowers: the bytes show what may be there.
        let kind = prefilter::kind_of(&self.workspace.file(id).path);
        let text = self.workspace.text(id).unwrap_or_default();
        let hits = self.workspace.prefilter.inspect(kind, text.as_bytes());
        let mut references = hits.references.iter();
        let may_use = references.any(|reference| match self.workspace.resolve(id, reference) {
            Resolution::File(path) => self
                .workspace
                .id(&path)
                .is_some_and(|used| self.workspace.file(used).relevance == Relevance::Holds),
            Resolution::Absent(known, _) => matches!(known, Loaded::Known(_)),
        });
        let holds = self.workspace.file(id).relevance == Relevance::Holds
            || self.explicit.contains_key(&id)
            || parsed.relevance() > Relevance::Nothing;
        if holds || may_use {
            let hides = self.is_named(id) || checked || hits.wanted || may_use;
            for (span, message) in errors.iter() {
                let message = format!("does not parse: {message}");
                let error = self.load_error(id, Some(*span), locator, message);
                unanalyzed.problems.push(LoadError { hides, ..error });
            }
        }
    }

    /// Where a use leads; adds it where it does not resolve.
    fn follow_use(
        &self,
        id: FileId,
        (use_, span): (Use<'_>, Option<Span>),
        checked: bool,
        locator: &mut Locator,
        unanalyzed: &mut Unanalyzed,
    ) -> Option<PathBuf> {
        let Some(reference) = use_.reference() else {
            let Use::Elsewhere(words) = use_ else {
                return None;
            };
            let error = self.load_error(id, span, locator, words);
            let hides = false;
            unanalyzed.unread.push(LoadError { hides, ..error });
            return None;
        };
        let known = match self.workspace.resolve(id, reference) {
            // Places in a template spec do not resolve: nothing in it is reported.
            Resolution::File(path) => {
                return (!registry_cache::is_template_spec(reference)).then_some(path);
            }
            Resolution::Absent(known, _) => known,
        };
        if let Loaded::Unread(reason) = known {
            let hides = checked || matches!(use_, Use::Template(_)) && self.is_named(id);
            let remote = reference.contains(':');
            let mistake = !remote && (!matches!(use_, Use::Link(_)) || self.is_quoted(id, span));
            let list = match mistake {
                true => &mut unanalyzed.problems,
                false => &mut unanalyzed.unread,
            };
            let error = self.load_error(id, span, locator, &*reason);
            list.push(LoadError { hides, ..error });
        }
        None
    }

    /// Reads those of these files that refer to something which cannot be read, and that no check needed.
    fn read_uncertain(&self, ids: impl IntoIterator<Item = FileId>) -> FxHashMap<FileId, Fresh> {
        let workspace = &self.workspace;
        let uncertain = |id: &FileId| {
            let file = workspace.file(*id);
            file.document.is_none()
                && matches!(file.content, Content::Prefiltered(_))
                && workspace.least_relevance(*id) > Relevance::Nothing
                && !workspace.is_artifact(*id)
        };
        let read = |id| {
            let file = workspace.file(id);
            // What it leads to cannot be read, which is reported there: its syntax errors hide nothing more.
            let harmless = workspace.own_relevance(id) == Relevance::Nothing;
            if harmless && language_of(file.kind) == syntax::bicep() {
                let text = disk::read(&file.path).ok()?.text;
                if let Some(named) = named_in_lines(&text) {
                    return Some(Fresh::Scanned(text, named));
                }
            }
            workspace.work.parsed.fetch_add(1, Ordering::Relaxed);
            let read = workspace.load(&file.path, file.kind).ok()?;
            Some(Fresh::Parsed(Box::new(read)))
        };
        let ids: Vec<FileId> = ids.into_iter().filter(uncertain).collect();
        let read = self.read_all(&ids, &Cancel::default(), &read).into_iter();
        read.filter_map(|(id, result)| Some((id, result?)))
            .collect()
    }

    /// Whether a path is in JSON as it is (`relativePath`), and not in an expression that makes a URI of it: what
    /// such a URI names need not be here.
    fn is_quoted(&self, id: FileId, span: Option<Span>) -> bool {
        let text = self.workspace.text(id);
        span.zip(text)
            .is_some_and(|(span, text)| text.as_bytes().get(span.start as usize) == Some(&b'"'))
    }

    /// Where deployments could not be followed to their end.
    fn problems_of_deployments(&self, locator: &mut Locator, problems: &mut Vec<LoadError>) {
        let states = self.deployments.states.values();
        for expansion in states.filter_map(|state| Some(&state.deployment.as_ref()?.expansion)) {
            let cut = expansion.unread.iter();
            let cut = cut.filter(|unread| &*unread.reason == TOO_LARGE && !unread.harmless);
            let cut = cut.map(|unread| {
                let words = "this deployment is too large to follow beyond here: what it deploys behind this module \
                             is not checked";
                (unread.place, words)
            });
            let cycles = expansion.cycles.iter();
            let cycles =
                cycles.map(|place| (*place, "this module leads back to a file that uses it"));
            for (place, words) in cut.chain(cycles) {
                let span = locator.span(self, place);
                problems.push(self.load_error(place.file, span, locator, words));
            }
        }
    }

    /// What is wrong with the files that a call names, an entry point and perhaps a parameter file for it, beyond what
    /// [`Analysis::problems`] reports: they are requested by name, so what is no such file is a mistake. To be asked
    /// after [`Analysis::add_entry`].
    pub fn named_wrongly(&self, entry: &Path, parameters: Option<&Path>) -> Vec<LoadError> {
        let mut problems = Vec::new();
        let locator = &mut Locator::default();
        if let Some(id) = self.workspace.id(&disk::normalize(entry)) {
            match self.workspace.file(id).kind {
                FileKind::Bicep | FileKind::ArmTemplate => {}
                FileKind::BicepParams | FileKind::ArmParameters => {
                    if parameters.is_some() {
                        let words = "is a parameter file itself: --parameters is for templates";
                        problems.push(self.load_error(id, None, locator, words));
                    }
                    if !self.names_template(id) {
                        let words = "is a parameter file, and no template that it belongs to was found: name the \
                                     template, and this file with --parameters";
                        problems.push(self.load_error(id, None, locator, words));
                    }
                }
                // Configuration is read as such, whoever names it.
                FileKind::Other if Configs::is_config(&self.workspace.file(id).path) => {}
                FileKind::Other => {
                    let words = "is neither a Bicep file nor an ARM template nor a parameter file";
                    problems.extend(self.wrong_kind(id, Some(words), locator));
                }
            }
        }
        if let Some(id) = parameters.and_then(|path| self.workspace.id(&disk::normalize(path))) {
            let kind = self.workspace.file(id).kind;
            let fits = matches!(kind, FileKind::BicepParams | FileKind::ArmParameters);
            let words = (!fits).then_some("is no parameter file");
            problems.extend(self.wrong_kind(id, words, locator));
        }
        problems
    }

    /// Whether a parameter file states which template it is for; where that is not there, it is reported.
    fn names_template(&self, id: FileId) -> bool {
        let bicep = self.workspace.file(id).kind == FileKind::BicepParams;
        let mut edges = self.workspace.file(id).edges.iter();
        self.workspace.template_of(id).is_some()
            || bicep && edges.any(|edge| edge.kind == ReferenceKind::Using)
    }

    /// The syntax errors of a file, which explain more than that it is of the wrong kind (`words`).
    fn wrong_kind(
        &self,
        id: FileId,
        words: Option<&'static str>,
        locator: &mut Locator,
    ) -> Vec<LoadError> {
        let Some(loaded) = self.workspace.loaded(id) else {
            return Vec::new();
        };
        let other = prefilter::kind_of(&self.workspace.file(id).path) == FileKind::Other;
        let errors = self.syntax_errors(id, loaded);
        if let Some(words) = words.filter(|_| other || errors.is_empty()) {
            return vec![self.load_error(id, None, locator, words)];
        }
        let errors = errors.iter().map(|(span, message)| {
            let message = format!("does not parse: {message}");
            self.load_error(id, Some(*span), locator, message)
        });
        errors.collect()
    }
}

/// How a model refers to the content of another file.
enum Use<'m> {
    /// By a path, or by the name of a module in a registry.
    Reference(&'m str),
    /// As the template that a parameter file is for.
    Template(&'m str),
    /// By a link that may lead elsewhere.
    Link(&'m str),
    /// In a way that nothing here can follow.
    Elsewhere(&'static str),
}

impl<'m> Use<'m> {
    fn reference(&self) -> Option<&'m str> {
        match *self {
            Use::Reference(text) | Use::Template(text) | Use::Link(text) => Some(text),
            Use::Elsewhere(_) => None,
        }
    }
}

/// The literals that name files and modules in the statements of a Bicep file, and whether each is that of `using`.
/// `None` where lines alone do not show them.
///
/// Outside of comments and strings over several lines, a line that begins like a statement is one. Parsing these files
/// took more than a third of the instructions of a `check` of 2,342 files.
fn named_in_lines(text: &str) -> Option<Vec<(Span, bool)>> {
    let text = syntax::bicep::without_blocks(text);
    let mut found = Vec::new();
    let mut rest = &*text;
    while !rest.is_empty() {
        let at = text.len() - rest.len();
        let end = memchr::memchr2(b'\n', b'\r', rest.as_bytes());
        let (line, below) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
        rest = below;
        // Quick, since few lines begin so.
        if !line.trim_start().starts_with(['m', 'u', 'e', 'i', '}']) {
            continue;
        }
        let (before, behind) = line.split_once('\'').unwrap_or((line, ""));
        let words: Vec<&str> = before.split_whitespace().collect();
        match *words {
            ["module", _] | ["using" | "extends"] => {}
            ["import" | "}", .., "from"] => {}
            ["module" | "import", ..] if !behind.is_empty() && words != ["import"] => return None,
            _ => continue,
        }
        let literal = &behind[..behind.find('\'')?];
        if literal.is_empty() || literal.contains(['\\', '$']) {
            return None;
        }
        let span = at + before.len()..at + before.len() + literal.len() + 2;
        found.push((Span::of(span), words[0] == "using"));
    }
    Some(found)
}

fn scanned_uses<'t>(text: &'t str, named: &[(Span, bool)]) -> Vec<(Use<'t>, Option<Span>)> {
    let uses = named.iter().map(|(span, using)| {
        let name = &text[span.start as usize + 1..span.end as usize - 1];
        let use_ = match using {
            true => Use::Template(name),
            false => Use::Reference(name),
        };
        (use_, Some(*span))
    });
    uses.collect()
}

/// All that a model uses, in nested templates too, and where that is.
fn uses(model: &FileModel) -> Vec<(Use<'_>, Option<Span>)> {
    let mut found = Vec::new();
    let spans = model.spans.iter();
    let mut spans = spans.map(|(offset, spans)| (*offset, &**spans));
    collect(&model.template.items, &|_| None, &mut spans, &mut found);
    found
}

/// `outer` finds the variables of the templates around.
fn collect<'m>(
    items: &'m [Arc<Item>],
    outer: &dyn Fn(&str) -> Option<&'m Expr>,
    spans: &mut dyn Iterator<Item = (u32, &'m ItemSpans)>,
    found: &mut Vec<(Use<'m>, Option<Span>)>,
) {
    let variable = |name: &str| {
        let own = items.iter().find_map(|item| match &item.kind {
            ItemKind::Variable(one) if one.name.is(name) => Some(&one.value),
            _ => None,
        });
        own.or_else(|| outer(name))
    };
    for (item, (offset, spans)) in items.iter().zip(spans) {
        let at = |node: u32| {
            spans
                .nodes
                .get(node as usize)
                .map(|span| span.shift(offset))
        };
        if item.broken {
            continue;
        }
        if let Some(reference) = reference_of(&item.kind) {
            let use_ = match item.kind {
                ItemKind::Using(_) => Use::Template(&reference.text),
                _ => Use::Reference(&reference.text),
            };
            found.push((use_, at(reference.node)));
        }
        let ItemKind::Module(module) = &item.kind else {
            continue;
        };
        match &module.target {
            Target::Relative(path) => found.push((
                match &path.kind {
                    ExprKind::Str(text) => Use::Link(text),
                    _ => Use::Elsewhere("this linked template is not read: its path is computed"),
                },
                at(path.node),
            )),
            Target::Uri(uri) => {
                let link = link(uri, &variable).map(|(use_, node)| (use_, at(node)));
                found.extend(link);
            }
            Target::Inline(template) => {
                let nested = spans.nested.iter();
                let mut nested = nested.map(|(inner, spans)| (offset + inner, &**spans));
                collect(&template.items, &variable, &mut nested, found);
            }
            _ => {}
        }
    }
}

/// More variables than this are not followed from one address.
const MAX_VARIABLES: usize = 64;

/// Where the address of a linked template leads, as far as its text shows it. `None` where a variable names a file: only
/// evaluation follows it.
fn link<'m>(
    uri: &'m Expr,
    variable: &dyn Fn(&str) -> Option<&'m Expr>,
) -> Option<(Use<'m>, NodeId)> {
    let (mut remote, mut named) = (false, false);
    let file = linked_file(uri);
    let mut parts = vec![uri];
    let mut at = 0;
    while let Some(part) = parts.get(at).copied().filter(|_| at < MAX_VARIABLES) {
        at += 1;
        part.walk(&mut |expr| {
            if let Some(text) = expr.as_str() {
                remote |= text.contains(':');
                named |= text.ends_with(".json");
            }
            if let ExprKind::Call { name, args, .. } = &expr.kind
                && name.is("variables")
                && let Some(value) = args.first().and_then(|it| variable(it.as_str()?))
                && !parts.iter().any(|known| std::ptr::eq(*known, value))
            {
                parts.push(value);
            }
        });
    }
    match file {
        _ if remote => Some((Use::Elsewhere("this remote template is not read"), uri.node)),
        Some((node, file)) => Some((Use::Link(file), node)),
        None if named => None,
        None => Some((Use::Elsewhere("this remote template is not read"), uri.node)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_show_what_statements_name() {
        let check = |text: &str, expect: Option<&[&str]>| {
            let named = named_in_lines(text);
            let named = named.as_ref().map(|it| scanned_uses(text, it));
            let names = named.map(|it| it.iter().filter_map(|(it, _)| it.reference()).collect());
            assert_eq!(names, expect.map(<[&str]>::to_vec), "{text}");
        };
        let all: &[&str] = &["a.bicep", "br/public:x:1", "c.bicep", "d.bicep", "e.bicep"];
        check(
            "// module x 'no.bicep'\n  module a 'a.bicep' = if (b == 'x') {\n  module: 'no.bicep'\n}\r\n\
             module b 'br/public:x:1' = [for x in y: {\n  v: 'no.bicep'\n}]\rimport { c } from 'c.bicep'\n\
             import * as d from 'd.bicep'\nimport {\n  e\n} from 'e.bicep'\nimport 'kubernetes@1.0.0'\n",
            Some(all),
        );
        check(
            "using 'main.bicep'\nextends 'b.bicepparam'\n",
            Some(&["main.bicep", "b.bicepparam"]),
        );
        check("using none\nparam a = 'using'\n", Some(&[]));
        check("module\nimport\n", Some(&[]));
        check("/*\nmodule a 'no.bicep'\n*/\n", Some(&[]));
        check("var a = '''\nmodule a 'no.bicep'\n'''\n", Some(&[]));
        // These are for the parser.
        check("module a '''a.bicep''' = {}\n", None);
        check("module a // it's\n  'a.bicep' = {}\n", None);
        check("module a 'it\\'s.bicep' = {}\n", None);
        check("module a 'a${b}.bicep' = {}\n", None);
        check("module a 'a.bicep\n", None);
    }
}
