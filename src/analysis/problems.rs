//! What could not be read, parsed or followed: the files of the folders and those named, and whatever these lead to,
//! wherever it lies. A run that stays silent about one of them would pass what was never checked.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustc_hash::{FxHashMap, FxHashSet};

use super::report::Locator;
use super::{Analysis, Cancel, LoadError};
use crate::eval::{TOO_LARGE, reference_of};
use crate::model::{ExprKind, FileId, FileKind, FileModel, Item, ItemKind, ItemSpans, Target};
use crate::text::Span;
use crate::workspace::config::Configs;
use crate::workspace::disk;
use crate::workspace::files::{self, Content, Errors};
use crate::workspace::prefilter;
use crate::workspace::registry_cache::Resolution;
use crate::workspace::relevance::{ReferenceKind, Weight};
use crate::workspace::statements;

/// What was not analyzed. A run that passes reports it.
#[derive(Debug, Default)]
pub struct Unanalyzed {
    /// What is wrong: `check` exits with 2.
    pub problems: Vec<LoadError>,
    /// Modules that are not restored and templates that lie elsewhere: what they deploy is not known.
    pub unread: Vec<LoadError>,
}

/// Files read for this once.
type Fresh = FxHashMap<FileId, Read>;

/// A file that was not worth loading for a verdict.
enum Read {
    /// What its statements name.
    References(Vec<(String, Span)>),
    /// That takes the parser.
    Parsed(files::Read),
}

/// How to look at a file.
#[derive(Clone, Copy)]
struct Gaps<'a> {
    /// Files read for this once; none where only what is loaded counts.
    read: Option<&'a Fresh>,
    /// A deployment that it is part of has a resource which a rule checks.
    checked: bool,
}

/// What is asked of a file here.
struct Said<'a> {
    uses: Vec<(Use<'a>, Option<Span>)>,
    errors: Errors,
    /// It holds something by itself, or may: some of it does not parse, and its bytes name what a rule asks for.
    holds: bool,
}

impl Analysis {
    /// Problems, sorted: files that cannot be read, syntax errors, modules that do not exist, cycles of modules,
    /// configuration files that are wrong, folders that could not be walked.
    pub fn problems(&self) -> Vec<LoadError> {
        self.unanalyzed(true).problems
    }

    /// What is not looked at, with what is wrong ([`Analysis::problems`]) and what is no mistake apart. `read`:
    /// files that were not worth loading are read for it; who counts problems at every pause of an editor's user does
    /// without.
    pub fn unanalyzed(&self, read: bool) -> Unanalyzed {
        let mut locator = Locator::default();
        let mut unanalyzed = Unanalyzed::default();
        for (path, message) in &self.scan_problems {
            unanalyzed.problems.push(LoadError {
                path: path.as_path().into(),
                location: None,
                message: message.clone(),
                hides: true,
            });
        }
        let listed = self.workspace.files().filter(|(_, file)| file.listed);
        let mut queue: Vec<FileId> = listed.map(|(id, _)| id).collect();
        let mut seen: FxHashSet<FileId> = queue.iter().copied().collect();
        let checked = self.checked_closures();
        let mut fresh = self.read_uncertain(queue.iter().copied().filter(|_| read));
        while let Some(id) = queue.pop() {
            // Outside the folders there are few.
            if read && !fresh.contains_key(&id) {
                fresh.extend(self.read_uncertain([id]));
            }
            let gaps = Gaps {
                read: read.then_some(&fresh),
                checked: checked.contains(&id),
            };
            for next in self.gaps_of(id, gaps, &mut locator, &mut unanalyzed) {
                if seen.insert(next) {
                    queue.push(next);
                }
            }
        }
        if read {
            unanalyzed.unread.extend(self.unpaired());
        }
        self.problems_of_deployments(&mut locator, &mut unanalyzed.problems);
        for problem in &self.config_problems {
            let id = self.workspace.id(&problem.path);
            unanalyzed.problems.push(LoadError {
                path: problem.path.as_path().into(),
                location: id.and_then(|id| locator.location(self, id, problem.span)),
                message: problem.message.clone(),
                hides: true,
            });
        }
        for list in [&mut unanalyzed.problems, &mut unanalyzed.unread] {
            list.retain(|error| !self.is_path_ignored(&error.path));
        }
        for list in [&mut unanalyzed.problems, &mut unanalyzed.unread] {
            list.sort_by(|a, b| {
                (&a.path, &a.location, &a.message).cmp(&(&b.path, &b.location, &b.message))
            });
            list.dedup();
        }
        unanalyzed
    }

    /// The files of deployments that have a resource which a rule checks.
    fn checked_closures(&self) -> FxHashSet<FileId> {
        let states = self.deployments.states.values();
        let expansions = states.filter_map(|state| Some(&state.deployment.as_ref()?.expansion));
        let checked = expansions.filter(|expansion| !expansion.instances.is_empty());
        checked.flat_map(|it| it.files.iter().copied()).collect()
    }

    /// The gaps in one file. Gives the files that it leads to.
    fn gaps_of(
        &self,
        id: FileId,
        Gaps { read, checked }: Gaps<'_>,
        locator: &mut Locator,
        unanalyzed: &mut Unanalyzed,
    ) -> Vec<FileId> {
        let file = self.workspace.file(id);
        let named = file.listed && self.workspace.folder_of(&file.path).is_none();
        let problem = |location, message, hides| LoadError {
            path: file.path.clone(),
            location,
            message,
            hides,
        };
        if let (Content::Unreadable(error), None) = (&file.content, &file.document) {
            let message = format!("cannot be read: {error}");
            unanalyzed.problems.push(problem(None, message, true));
        }
        let Some(said) = self.said(id, read) else {
            return Vec::new();
        };
        // A file that does not parse may hold nothing that lowers: its bytes say that something may stand there.
        let holds = file.weight == Weight::Holds || self.explicit.contains_key(&id);
        if !said.errors.is_empty() && (holds || said.holds || self.may_use(id)) {
            let hides = named || checked || self.names_a_resource(id) || self.may_use(id);
            for (span, message) in said.errors.iter() {
                let location = locator.location(self, id, *span);
                let message = format!("does not parse: {message}");
                unanalyzed.problems.push(problem(location, message, hides));
            }
        }
        let mut further = Vec::new();
        for (use_, span) in said.uses {
            let mut location = || span.and_then(|span| locator.location(self, id, span));
            let mut mistake = true;
            let mut hides = checked;
            let reference = match use_ {
                Use::Reference(reference) => reference,
                Use::Template(reference) => {
                    hides |= named;
                    reference
                }
                Use::Link(path) => {
                    mistake = self.is_quoted(id, span);
                    path
                }
                Use::Elsewhere(words) => {
                    unanalyzed
                        .unread
                        .push(problem(location(), words.to_owned(), false));
                    continue;
                }
            };
            // Looking into Bicep's cache is reading too.
            if read.is_none() && reference.contains(':') {
                continue;
            }
            match self.workspace.resolve(id, reference) {
                Resolution::Unread(reason) => {
                    let list = match mistake && !reference.contains(':') {
                        true => &mut unanalyzed.problems,
                        false => &mut unanalyzed.unread,
                    };
                    list.push(problem(location(), reason.to_string(), hides));
                }
                Resolution::File(path) => further.extend(self.workspace.id(&path)),
                _ => {}
            }
        }
        further
    }

    /// What a file says: as loaded, or as read for this once.
    fn said<'a>(&'a self, id: FileId, read: Option<&'a Fresh>) -> Option<Said<'a>> {
        if let Some(loaded) = self.workspace.loaded(id) {
            return Some(Said {
                uses: uses(&loaded.model),
                errors: loaded.errors.clone(),
                holds: loaded.summary.weight > Weight::Nothing || loaded.uncertain,
            });
        }
        Some(match read?.get(&id)? {
            Read::References(references) => Said {
                uses: references
                    .iter()
                    .map(|(text, span)| (Use::Reference(text), Some(*span)))
                    .collect(),
                errors: Arc::default(),
                holds: false,
            },
            Read::Parsed(file) => Said {
                uses: uses(&file.model),
                errors: file.errors.clone(),
                holds: file.uncertain,
            },
        })
    }

    /// Reads those of these files that matter, and were not worth loading for a verdict: they lead to what cannot be
    /// read.
    fn read_uncertain(&self, ids: impl IntoIterator<Item = FileId>) -> Fresh {
        let workspace = &self.workspace;
        let uncertain = |id: &FileId| {
            let file = workspace.file(*id);
            file.weight > Weight::Nothing
                && file.document.is_none()
                && matches!(file.content, Content::Prefiltered(_))
                && !workspace.is_artifact(*id)
        };
        let read = |id| {
            let file = workspace.file(id);
            let bicep = matches!(file.kind, FileKind::Bicep | FileKind::BicepParams);
            let text = bicep.then(|| disk::read(&file.path).ok()).flatten();
            match text.and_then(|read| statements::references(&read.text)) {
                Some(references) => Some(Read::References(references)),
                None => {
                    workspace.work.parsed.fetch_add(1, Ordering::Relaxed);
                    let file = files::load(&file.path, file.kind, &workspace.memo);
                    file.ok().map(Read::Parsed)
                }
            }
        };
        let ids = ids.into_iter().filter(uncertain).collect();
        let (read, _) = self.read_all(ids, &Cancel::default(), &read);
        let read = read.into_iter();
        read.filter_map(|(id, result)| Some((id, result?)))
            .collect()
    }

    /// Whether a path stands in JSON as it is (`relativePath`), and not in an expression that makes a URI of it: what
    /// such a URI names need not lie here.
    fn is_quoted(&self, id: FileId, span: Option<Span>) -> bool {
        let text = self.workspace.text(id);
        span.zip(text)
            .is_some_and(|(span, text)| text.as_bytes().get(span.start as usize) == Some(&b'"'))
    }

    /// Whether the bytes of a file name a registry or a plan.
    fn names_a_resource(&self, id: FileId) -> bool {
        let Some(text) = self.workspace.text(id) else {
            return false;
        };
        let kind = prefilter::kind_of(&self.workspace.file(id).path);
        let hits = prefilter::inspect(kind, text.as_bytes());
        hits.registry || hits.pricing
    }

    /// Whether a file that does not parse may use one that matters: a path to it stands in its bytes.
    fn may_use(&self, id: FileId) -> bool {
        let Some(text) = self.workspace.text(id) else {
            return false;
        };
        let kind = prefilter::kind_of(&self.workspace.file(id).path);
        let marks = prefilter::inspect(kind, text.as_bytes());
        marks
            .references
            .iter()
            .any(|reference| match self.workspace.resolve(id, reference) {
                Resolution::File(path) => {
                    let used = self.workspace.id(&path);
                    used.is_some_and(|used| self.workspace.file(used).weight > Weight::Nothing)
                }
                Resolution::Known(_) | Resolution::TemplateSpec(_) => true,
                Resolution::Unread(_) | Resolution::Harmless(_) => false,
            })
    }

    /// Where deployments could not be followed to their end.
    fn problems_of_deployments(&self, locator: &mut Locator, problems: &mut Vec<LoadError>) {
        for state in self.deployments.states.values() {
            let expansions = || state.deployment.iter().map(|known| &known.expansion);
            let cut = expansions().flat_map(|expansion| &expansion.unread);
            for unread in cut.filter(|unread| &*unread.reason == TOO_LARGE && !unread.harmless) {
                problems.push(LoadError {
                    path: self.workspace.file(unread.place.file).path.clone(),
                    location: locator.locate(self, unread.place),
                    message: "this deployment is too large to follow beyond here: what it deploys behind this \
                              module is not checked"
                        .to_owned(),
                    hides: true,
                });
            }
            for place in expansions().flat_map(|expansion| &expansion.cycles) {
                problems.push(LoadError {
                    path: self.workspace.file(place.file).path.clone(),
                    location: locator.locate(self, *place),
                    message: "this module leads back to a file that uses it".to_owned(),
                    hides: true,
                });
            }
        }
    }

    /// What is wrong with the files that a call names, an entry point and perhaps a parameter file for it, beyond what
    /// [`Analysis::problems`] reports: they are asked for by name, so what is no such file is a mistake. To be asked
    /// after [`Analysis::add_entry`].
    pub fn named_wrongly(&self, entry: &Path, parameters: Option<&Path>) -> Vec<LoadError> {
        let mut problems = Vec::new();
        if let Some(id) = self.workspace.id(&disk::normalize(entry)) {
            match self.workspace.file(id).kind {
                FileKind::Bicep | FileKind::ArmTemplate => {}
                FileKind::BicepParams | FileKind::ArmParameters => {
                    if parameters.is_some() {
                        self.tell(
                            id,
                            "is a parameter file itself: --parameters is for templates",
                            &mut problems,
                        );
                    }
                    if !self.names_template(id) {
                        let words = "is a parameter file, and no template that it belongs to was found: name the \
                                     template, and this file with --parameters";
                        self.tell(id, words, &mut problems);
                    }
                }
                // Configuration is read as such, whoever names it.
                FileKind::Other if Configs::is_config(&self.workspace.file(id).path) => {}
                FileKind::Other => {
                    let words = "is neither a Bicep file nor an ARM template nor a parameter file";
                    self.report_other(id, words, &mut problems);
                }
            }
        }
        if let Some(id) = parameters.and_then(|path| self.workspace.id(&disk::normalize(path))) {
            match self.workspace.file(id).kind {
                FileKind::BicepParams | FileKind::ArmParameters => {
                    self.report_errors(id, &mut problems);
                }
                _ => self.report_other(id, "is no parameter file", &mut problems),
            }
        }
        problems
    }

    /// Whether a parameter file says which template it is for; where that is not there, it is reported.
    fn names_template(&self, id: FileId) -> bool {
        let bicep = self.workspace.file(id).kind == FileKind::BicepParams;
        let mut edges = self.workspace.file(id).edges.iter();
        self.workspace.template_of(id).is_some()
            || bicep && edges.any(|edge| edge.kind == ReferenceKind::Using)
    }

    fn tell(&self, id: FileId, words: &str, problems: &mut Vec<LoadError>) {
        problems.push(LoadError {
            path: self.workspace.file(id).path.clone(),
            location: None,
            message: words.to_owned(),
            hides: true,
        });
    }

    /// What is not the file it should be: why it does not parse says more than that.
    fn report_other(&self, id: FileId, words: &str, problems: &mut Vec<LoadError>) {
        let path = &self.workspace.file(id).path;
        let Some(loaded) = self.workspace.loaded(id) else {
            return;
        };
        if loaded.errors.is_empty() || prefilter::kind_of(path) == FileKind::Other {
            return self.tell(id, words, problems);
        }
        self.report_errors(id, problems);
    }

    fn report_errors(&self, id: FileId, problems: &mut Vec<LoadError>) {
        let mut locator = Locator::default();
        let loaded = self.workspace.loaded(id);
        for (span, message) in loaded.iter().flat_map(|loaded| loaded.errors.iter()) {
            problems.push(LoadError {
                path: self.workspace.file(id).path.clone(),
                location: locator.location(self, id, *span),
                message: format!("does not parse: {message}"),
                hides: true,
            });
        }
    }
}

/// How a model leads to what another file says.
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

/// All that a model uses, in nested templates too, and where that stands.
fn uses(model: &FileModel) -> Vec<(Use<'_>, Option<Span>)> {
    let mut found = Vec::new();
    let spans = model.spans.iter();
    let mut spans = spans.map(|(offset, spans)| (*offset, &**spans));
    collect(&model.template.items, &mut spans, &mut found);
    found
}

fn collect<'m>(
    items: &'m [Arc<Item>],
    spans: &mut dyn Iterator<Item = (u32, &'m ItemSpans)>,
    found: &mut Vec<(Use<'m>, Option<Span>)>,
) {
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
            Target::Uri(uri) => found.push((
                Use::Elsewhere("this remote template is not read"),
                at(uri.node),
            )),
            Target::Inline(template) => {
                let nested = spans.nested.iter();
                let mut nested = nested.map(|(inner, spans)| (offset + inner, &**spans));
                collect(&template.items, &mut nested, found);
            }
            _ => {}
        }
    }
}
