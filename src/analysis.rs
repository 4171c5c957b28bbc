//! The facade: apply a change, ask for findings, fixes, hover texts and inventories. Plain structs, no protocol types.
//!
//! An [`Analysis`] is owned by one thread. It keeps the results of each stage (see *Data flow* in the crate documentation)
//! and recomputes only what a change affects. [`Counters`] count what ran.

mod backlog;
mod deployments;
mod freshness;
mod hover;
mod inventory;
pub mod inventory_json;
mod pairing;
mod passed;
mod problems;
mod refresh;
mod report;
mod scan;
mod verify;
mod views;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use rustc_hash::FxHashMap;

use crate::model::{FileId, FileKind};
use crate::rules;
use crate::rules::finding::{Severity, Verdict};
use crate::rules::fix::{Fix, FixContext};
use crate::syntax;
pub use crate::text::Point;
use crate::text::{Document, Encoding, Span, TextChange, position};
pub use crate::workspace::config::Options;
use crate::workspace::config::{ConfigProblem, Configs, Overrides, Settings};
use crate::workspace::disk;
use crate::workspace::files::{Content, Workspace, language_of};
use crate::workspace::graph::Edge;
use crate::workspace::prefilter::Prefilter;
use backlog::Backlog;
use deployments::{Deployments, Key};
pub use freshness::LookAgain;
pub use inventory::{Inventory, InventoryResource, InventoryUnread};
pub use passed::Passed;
pub use problems::Unanalyzed;
use report::{Locator, Stored};
pub use scan::{Scan, scan};
use verify::Proposed;

/// For all that the rules need.
static PREFILTER: LazyLock<Prefilter> = LazyLock::new(|| Prefilter::new(rules::filter()));

/// Cancels a running job whose answer is no longer wanted.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the job to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A span of a file, resolved.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// Absolute path.
    pub path: Arc<Path>,
    /// Bytes.
    pub span: Span,
    /// Its start.
    pub start: Point,
    /// Its end.
    pub end: Point,
}

/// A finding, resolved to source positions.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic {
    /// `AZR-000002`.
    pub code: &'static str,
    /// `Azure.ACR.ContainerScan`.
    pub name: &'static str,
    /// The rule's page.
    pub page: Option<&'static str>,
    /// The verdict; a hint for errors in configuration files.
    pub verdict: Verdict,
    /// Severity.
    pub severity: Severity,
    /// Where.
    pub location: Location,
    /// One plain sentence.
    pub message: String,
    /// Further places.
    pub related: Vec<(Location, String)>,
    /// Type of the resource; empty for problems.
    pub resource_type: String,
    /// Name of the resource where known.
    pub resource_name: Option<Arc<str>>,
    /// Entry point and parameter file of the deployment that was worst.
    pub entry: Arc<Path>,
    /// Parameter file of that deployment.
    pub parameters: Option<Arc<Path>>,
    /// What it is about works, and has a successor.
    pub deprecated: bool,
    /// Why it is silenced, if it is: such diagnostics go to SARIF (marked), not to editors or other reports.
    pub suppressed: Option<Suppression>,
}

/// What silences a diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suppression {
    /// A pragma or a comment in the source.
    InSource,
    /// `ps-rule.yaml`.
    External,
}

/// What one file has to show.
#[derive(Debug, Clone, PartialEq)]
pub struct FileReport {
    /// Absolute path.
    pub path: Arc<Path>,
    /// Version of the open document this answers; `None` for files not open.
    pub version: Option<i32>,
    /// Findings, sorted by place; suppressed ones included and marked.
    pub diagnostics: Arc<[Diagnostic]>,
}

/// Something that could not be read, parsed or followed. In order of place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LoadError {
    /// The file.
    pub path: Arc<Path>,
    /// Where in it.
    pub location: Option<Location>,
    /// One plain line.
    pub message: String,
    /// It may hide a resource that a rule checks, or was requested by name: `check` exits with 2.
    pub hides: bool,
}

/// Totals over everything known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names of the variants say it")]
pub struct Summary {
    pub files: usize,
    pub entry_points: usize,
    pub errors: usize,
    pub warnings: usize,
    pub notes: usize,
}

/// How often each stage ran since the start; differences between two readings are what tests look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Trees parsed, incrementally or whole.
    pub parsed: u64,
    /// Items lowered that no memo knew.
    pub lowered: u64,
    /// Deployments evaluated.
    pub evaluated: u64,
    /// Files whose diagnostics were made again.
    pub reported: u64,
    /// Files read from disk.
    pub read: u64,
}

/// The engine's state.
#[derive(Debug)]
pub struct Analysis {
    workspace: Workspace,
    deployments: Deployments,
    reports: FxHashMap<FileId, Stored>,
    /// Which reports have locations in a file.
    pointed_at: FxHashMap<FileId, BTreeSet<FileId>>,
    /// Entry points named by the user, with their parameter files.
    explicit: FxHashMap<FileId, Vec<Option<FileId>>>,
    config_problems: Vec<ConfigProblem>,
    scan_problems: Vec<(PathBuf, String)>,
    /// Configuration files that are open: read though nothing may ask for them, so that their errors are reported.
    open_configs: BTreeSet<PathBuf>,
    /// Documents edited since the last refresh.
    edited: BTreeSet<FileId>,
    /// Files whose references, users or relevance changed since deployments were last counted.
    changed: BTreeSet<FileId>,
    /// What scans found and is not worked in yet.
    backlog: Backlog,
    /// Relevant files that are not loaded yet.
    to_load: BTreeSet<FileId>,
    /// A scan was taken over, or a refresh cancelled, and no refresh has got to the end since.
    behind: bool,
    /// Files whose report is to be made again.
    pending: BTreeSet<FileId>,
    /// Names under which files were shown and are no more.
    renamed: BTreeSet<Arc<Path>>,
    reported: u64,
    /// When the inputs around a document were last compared with the disk.
    looked: FxHashMap<FileId, Instant>,
}

/// Of how many findings a report shows the fixes, in a file of so many bytes.
fn most_fixed(length: usize) -> usize {
    /// Bytes looked at for fixes, in units of a file once for each finding: a few seconds.
    const WORK: usize = 32 << 20;
    (WORK / length.max(1)).max(1)
}

impl Analysis {
    /// An empty one.
    pub fn new(options: Options) -> Self {
        Analysis {
            workspace: Workspace::new(&PREFILTER, options),
            deployments: Deployments::default(),
            reports: FxHashMap::default(),
            pointed_at: FxHashMap::default(),
            explicit: FxHashMap::default(),
            config_problems: Vec::new(),
            scan_problems: Vec::new(),
            open_configs: BTreeSet::new(),
            edited: BTreeSet::new(),
            changed: BTreeSet::new(),
            backlog: Backlog::default(),
            to_load: BTreeSet::new(),
            behind: false,
            pending: BTreeSet::new(),
            renamed: BTreeSet::new(),
            reported: 0,
            looked: FxHashMap::default(),
        }
    }

    /// Sets the workspace folders. Files of folders no longer named are forgotten. Does not read anything: scan the new
    /// ones and [`install`](Self::install) the result.
    pub fn set_folders(&mut self, folders: &[PathBuf]) {
        self.workspace.folders = folders
            .iter()
            .map(|folder| disk::normalize(folder))
            .collect();
        let unlisted: Vec<FileId> = self
            .workspace
            .files()
            .filter(|(id, file)| {
                let kept = file.document.is_some() || self.explicit.contains_key(id);
                file.listed && !kept && self.workspace.folder_of(&file.path).is_none()
            })
            .map(|(id, _)| id)
            .collect();
        for &id in &unlisted {
            self.workspace.file_mut(id).listed = false;
            self.changed.insert(id);
        }
        self.scan_problems
            .retain(|(path, _)| self.workspace.folder_of(path).is_some());
        self.reconfigure();
        self.reconnect_users(&unlisted);
        // A file may have moved from one folder to another.
        let entries = self.deployments.states.keys();
        self.changed.extend(entries.map(|(entry, _)| *entry));
    }

    /// Sets what the editor overrides: for all, and in its place for single workspace folders.
    pub fn set_overrides(&mut self, overrides: Overrides, folders: Vec<(PathBuf, Overrides)>) {
        let options = &mut self.workspace.options;
        if options.overrides != overrides || options.folder_overrides != folders {
            options.overrides = overrides;
            options.folder_overrides = folders;
            self.reconfigure();
        }
    }

    /// Whether work is left from a scan, or from a refresh that was cancelled: answers may still change.
    pub fn is_scanning(&self) -> bool {
        self.behind && self.is_pending()
    }

    /// Adds a file as an entry point requested by name (`check FILE`, `inventory FILE`), whatever else uses it, with an
    /// explicit parameter file if one is given. A parameter file represents the template it names.
    pub fn add_entry(&mut self, path: &Path, parameters: Option<&Path>) {
        let id = self.workspace.intern(&disk::normalize(path));
        self.workspace.file_mut(id).listed = true;
        let Some((entry, values)) = self.named_deployment(path, parameters) else {
            return;
        };
        if self.workspace.file(entry).kind == FileKind::Other {
            return;
        }
        let known = self.explicit.entry(entry).or_default();
        if !known.contains(&values) {
            known.push(values);
        }
        self.changed.insert(entry);
    }

    /// The deployment that a file names, loaded, perhaps with a parameter file.
    fn named_deployment(&mut self, path: &Path, parameters: Option<&Path>) -> Option<Key> {
        let id = self.loaded_file(path)?;
        let key = match self.workspace.file(id).kind {
            FileKind::BicepParams | FileKind::ArmParameters => (self.template_of(id)?, Some(id)),
            _ => (id, parameters.and_then(|path| self.loaded_file(path))),
        };
        let entry = self.workspace.file(key.0).path.clone();
        self.loaded_file(&entry).map(|_| key)
    }

    /// A document was opened. `path` is absolute, or a whole URI for documents that are not files (checked alone).
    pub fn open(&mut self, path: &Path, version: i32, text: &str) {
        let path = disk::normalize(path);
        if Configs::is_config(&path) {
            self.workspace.open(&path, version, text);
            self.open_configs.insert(path.clone());
            return self.reconfigure_from(&path);
        }
        let id = self.workspace.intern(&path);
        let readable = self.workspace.is_readable(id);
        let shown = self.workspace.name_of(id).clone();
        self.workspace.open(&path, version, text);
        if *shown != *path {
            self.renamed.insert(shown);
            self.repoint(id);
        }
        self.edited.insert(id);
        self.changed.insert(id);
        if !readable {
            let names_it = |edge: &Edge| edge.absent.as_deref() == Some(&*path);
            for waiting in self.workspace.waiting(names_it) {
                self.reconnect(waiting);
            }
        }
    }

    /// A document was edited.
    pub fn edit(&mut self, path: &Path, version: i32, changes: &[TextChange], encoding: Encoding) {
        let path = disk::normalize(path);
        let Some(id) = self.workspace.edit(&path, version, changes, encoding) else {
            return;
        };
        if Configs::is_config(&path) {
            return self.reconfigure_from(&path);
        }
        self.edited.insert(id);
    }

    /// A document was closed: the disk counts again.
    pub fn close(&mut self, path: &Path) {
        let path = disk::normalize(path);
        let Some(id) = self.workspace.id(&path) else {
            return;
        };
        let file = self.workspace.file_mut(id);
        file.opened.retain(|name| **name != *path);
        let own = file.path.clone();
        if *own != *path || !file.opened.is_empty() {
            let still_open = !file.opened.is_empty();
            self.renamed.insert(Arc::from(path.as_path()));
            self.repoint(id);
            if still_open {
                return;
            }
        }
        let listed = self.workspace.belongs(&own) || self.explicit.contains_key(&id);
        let file = self.workspace.file_mut(id);
        file.document = None;
        file.listed = listed;
        self.edited.remove(&id);
        if Configs::is_config(&path) {
            self.open_configs.remove(&path);
            return self.reconfigure_from(&path);
        }
        self.reread(id);
        if !self.workspace.is_readable(id) {
            self.reconnect_users(&[id]);
        }
    }

    /// A file is shown under another name.
    fn repoint(&mut self, id: FileId) {
        self.pending.insert(id);
        self.pending
            .extend(self.pointed_at.get(&id).into_iter().flatten());
    }

    /// Follows again the references that led nowhere, and those to files that `appeared`.
    fn reconnect_unresolved(&mut self, appeared: impl Fn(&Path) -> bool) {
        let unresolved = self.workspace.waiting(|edge| {
            self.workspace.leads_nowhere(edge) || edge.absent.as_deref().is_some_and(&appeared)
        });
        for id in unresolved {
            self.reconnect(id);
        }
    }

    /// Follows again the references to these files.
    fn reconnect_users(&mut self, files: &[FileId]) {
        let users = files.iter().flat_map(|id| &self.workspace.file(*id).users);
        let users: BTreeSet<FileId> = users.map(|(user, _)| *user).collect();
        for user in users {
            self.reconnect(user);
        }
    }

    /// Follows what a file refers to again.
    fn reconnect(&mut self, id: FileId) {
        let before = self.workspace.file(id).edges.clone();
        match self.workspace.loaded(id) {
            Some(_) => self.changed_meaning(id),
            None => self.reread(id),
        }
        if self.workspace.file(id).edges != before {
            self.deployments.touch_file(id);
        }
    }

    /// Looks at a file on disk again.
    fn reread(&mut self, id: FileId) {
        if self.workspace.file(id).document.is_some() {
            return;
        }
        self.workspace.file_mut(id).content = Content::Unseen;
        self.prefilter(id);
        // A file that is gone is no error, unless it was requested; errors are reported where it is referred to.
        let gone = matches!(
            self.workspace.file(id).content,
            Content::Unreadable(disk::DiskError::NotFound)
        );
        if gone && !self.explicit.contains_key(&id) {
            self.workspace.file_mut(id).listed = false;
        }
        self.changed.insert(id);
        self.deployments.touch_file(id);
        self.repoint(id);
    }

    /// A configuration file changed.
    fn reconfigure_from(&mut self, path: &Path) {
        self.workspace.configs().invalidate(path);
        let id = self.workspace.intern(path);
        self.pending.insert(id);
        self.reconfigure();
    }

    /// All settings may have changed: simple, and rare.
    fn reconfigure(&mut self) {
        self.workspace.forget_settings();
        self.deployments.touch_all();
        self.reconnect_unresolved(|_| false);
        self.pending.extend(self.reports.keys());
        self.pending.extend(self.deployments.checked_files.keys());
    }

    /// The files whose content on disk counts: for those who must notice by looking that it changed.
    pub fn files_on_disk(&self) -> impl Iterator<Item = &Path> {
        self.workspace
            .files()
            .filter(|(_, file)| file.document.is_none() && !matches!(file.content, Content::Unseen))
            .map(|(_, file)| &*file.path)
    }

    /// The entry points, each with its parameter file.
    pub fn entry_points(&self) -> Vec<(PathBuf, Option<PathBuf>)> {
        let path = |id| self.workspace.file(id).path.to_path_buf();
        let keys = self.deployments.states.keys();
        let mut all: Vec<_> = keys
            .map(|(entry, values)| (path(*entry), values.map(path)))
            .collect();
        all.sort();
        all
    }

    /// The present report of every file that has something to show, sorted by path.
    pub fn reports(&self) -> Vec<FileReport> {
        let mut reports: Vec<_> = self
            .reports
            .keys()
            .map(|file| self.report_of(*file))
            .collect();
        reports.sort_by(|a, b| a.path.cmp(&b.path));
        reports
    }

    /// The present report of one file.
    pub fn report(&self, path: &Path) -> Option<FileReport> {
        self.workspace
            .id(&disk::normalize(path))
            .map(|id| self.report_of(id))
    }

    /// Totals.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary {
            files: self
                .workspace
                .files()
                .filter(|(_, file)| file.listed)
                .count(),
            entry_points: self.deployments.states.len(),
            ..Summary::default()
        };
        let shown = self
            .reports
            .values()
            .flat_map(|stored| stored.diagnostics.iter());
        for diagnostic in shown.filter(|diagnostic| diagnostic.suppressed.is_none()) {
            match diagnostic.severity {
                Severity::Error => summary.errors += 1,
                Severity::Warning => summary.warnings += 1,
                Severity::Note => summary.notes += 1,
            }
        }
        summary
    }

    /// How much is found in a file, the worst first: deployment paths of registries that are not scanned, those of which
    /// that is not known, and hints. A fix that helps makes it less.
    pub fn standing(&self, path: &Path) -> [usize; 3] {
        let mut counts = [0; 3];
        let id = self.workspace.id(&disk::normalize(path));
        if let Some(stored) = id.and_then(|id| self.reports.get(&id)) {
            let rows = stored.findings.iter().zip(stored.diagnostics.iter());
            for (finding, _) in rows.filter(|(_, shown)| shown.suppressed.is_none()) {
                let rank = match finding.verdict {
                    Verdict::Off | Verdict::Missing | Verdict::Violation => 0,
                    Verdict::Unknown | Verdict::Scanned => 1,
                    Verdict::Hint => 2,
                };
                counts[rank] += finding.deployments();
            }
        }
        counts
    }

    /// What ran.
    pub fn counters(&self) -> Counters {
        Counters {
            parsed: self.workspace.work.parsed.load(Ordering::Relaxed),
            lowered: self.workspace.memo.lowered(),
            evaluated: self.deployments.evaluated,
            reported: self.reported,
            read: self.workspace.work.read.load(Ordering::Relaxed),
        }
    }

    /// The fixes for the findings of a file that touch `span`, with the finding's index in its report. Suppressed
    /// findings have none. `create_files`: the client can create files.
    pub fn fixes(&mut self, path: &Path, span: Span, create_files: bool) -> Vec<(usize, Fix)> {
        self.fixes_of_first(usize::MAX, path, span, create_files)
    }

    /// The fixes that a report shows, for each of these files: of the first findings alone where a file is so large, and
    /// has so many, that those of all would take minutes. A file that several fixes look at is parsed once.
    pub fn fixes_for_reports(&mut self, reports: &[FileReport]) -> Vec<Vec<(usize, Fix)>> {
        let views = views::FixViews::new(self);
        let everywhere = Span::new(0, u32::MAX);
        let fixes = reports.iter().map(|report| {
            if report.diagnostics.is_empty() {
                return Vec::new();
            }
            let length = self.text(&report.path).map_or(0, |text| text.len());
            self.proposed_fixes(&views, most_fixed(length), (&report.path, everywhere), true)
        });
        let proposed: Vec<Vec<Proposed>> = fixes.collect();
        let mut verifier = verify::Verifier::new(views.into_views());
        let verified = proposed.into_iter();
        verified.map(|one| verifier.verify(self, one)).collect()
    }

    /// The same for so many findings at most, the first ones.
    pub fn fixes_of_first(
        &mut self,
        most: usize,
        path: &Path,
        span: Span,
        create_files: bool,
    ) -> Vec<(usize, Fix)> {
        let views = views::FixViews::new(self);
        let proposed = self.proposed_fixes(&views, most, (path, span), create_files);
        verify::Verifier::new(views.into_views()).verify(self, proposed)
    }

    /// The fixes that rules propose.
    fn proposed_fixes(
        &self,
        views: &views::FixViews<'_>,
        most: usize,
        (path, span): (&Path, Span),
        create_files: bool,
    ) -> Vec<Proposed> {
        let Some(id) = self.workspace.id(&disk::normalize(path)) else {
            return Vec::new();
        };
        let Some(stored) = self.reports.get(&id) else {
            return Vec::new();
        };
        let settings = self.workspace.settings(&self.workspace.file(id).path);
        let rows = stored
            .findings
            .iter()
            .zip(stored.diagnostics.iter())
            .enumerate();
        rows.filter(|(_, (_, diagnostic))| {
            diagnostic.suppressed.is_none() && diagnostic.location.span.meets(span)
        })
        .take(most)
        .map(|(index, (finding, _))| {
            let cx = FixContext {
                views,
                settings: &settings,
                create_files,
            };
            let fixes = rules::rule_of(finding.rule)
                .map(|rule| rule.fixes(finding, &cx))
                .unwrap_or_default();
            (index, finding.clone(), fixes)
        })
        .collect()
    }

    /// The syntax tree of a file as an s-expression, for `preflight/syntaxTree`: of an open document the one that is
    /// edited along with it.
    pub fn syntax_tree(&mut self, path: &Path) -> Option<String> {
        let id = self.workspace.intern(&disk::normalize(path));
        if let Some(document) = &self.workspace.file(id).document
            && let (Some(tree), false) = (&document.tree, document.stale)
        {
            return Some(syntax::s_expression(tree, &|_| String::new()));
        }
        let text = self.workspace.text(id)?;
        let tree = syntax::parse(language_of(self.workspace.file(id).kind), &*text, None);
        Some(syntax::s_expression(&tree, &|_| String::new()))
    }

    /// The present text of a file (open buffer over disk).
    pub fn text(&self, path: &Path) -> Option<Arc<str>> {
        let path = disk::normalize(path);
        match self.workspace.id(&path) {
            Some(id) => self.workspace.text(id),
            None => disk::read(&path).ok().map(|read| read.text),
        }
    }

    /// The settings in force for a file.
    pub fn settings(&mut self, path: &Path) -> Arc<Settings> {
        self.workspace.settings(&disk::normalize(path))
    }

    /// The byte offset of a position in a file as it is at present, clamped; 0 where nothing is known of it.
    pub fn offset(&self, path: &Path, at: crate::text::Position, encoding: Encoding) -> u32 {
        let Some(id) = self.workspace.id(&disk::normalize(path)) else {
            return 0;
        };
        match &self.workspace.file(id).document {
            Some(open) => position::offset(&open.document.text, at, encoding),
            None => {
                let text = self.workspace.text(id).unwrap_or_default();
                position::offset(&Document::new(&text, 0).text, at, encoding)
            }
        }
    }

    /// A span of a file as a location (open buffer over disk).
    pub fn locate(&self, path: &Path, span: Span) -> Option<Location> {
        let path = disk::normalize(path);
        if let Some(id) = self.workspace.id(&path) {
            return Locator::default().location(self, id, span);
        }
        // Configuration without a mistake in it is no file of the workspace.
        Some(Locator::location_in(&path, self.text(&path)?, span))
    }
}

#[cfg(test)]
mod tests {
    use super::most_fixed;

    #[test]
    fn a_report_shows_the_fixes_of_fewer_findings_the_larger_the_file() {
        assert!(most_fixed(0) > 10_000);
        // A thousand registries in a hundred kilobytes, and a hundred thousand in ten megabytes.
        assert!((200..1000).contains(&most_fixed(100_000)));
        assert!((1..10).contains(&most_fixed(10_000_000)));
        assert_eq!(most_fixed(200_000_000), 1);
    }
}
