//! Resolves the symbolic references of findings to positions, and makes one report for each file.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Analysis, Diagnostic, FileReport, Location, Suppression};
use crate::model::{
    FileId, FileKind, FileModel, ItemKey, ItemKind, ItemSpans, NodeRef, Target, item_keys,
};
use crate::rules::finding::{Finding, RuleResult, Severity, Subject, Verdict};
use crate::rules::suppress::Pragmas;
use crate::rules::{self, Deployment};
use crate::text::{Lines, Span, rope_point};
use crate::workspace::config::{ConfigProblem, Settings};

/// A report as kept: the diagnostics and, index for index, the findings they came from.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) diagnostics: Arc<[Diagnostic]>,
    pub(super) findings: Vec<Finding>,
    /// Other files that its locations are in.
    points_at: BTreeSet<FileId>,
}

/// Finds where places are, storing the texts and tables it needed while one round of reports is made.
#[derive(Debug, Default)]
pub(super) struct Locator {
    tables: FxHashMap<FileId, FxHashMap<ItemKey, (u32, Arc<ItemSpans>)>>,
    texts: FxHashMap<FileId, Option<Lines>>,
}

impl Locator {
    /// The position of a node in its file's present text.
    pub(super) fn span(&mut self, analysis: &Analysis, place: NodeRef) -> Option<Span> {
        let loaded = analysis.workspace.loaded(place.file)?;
        let table = self
            .tables
            .entry(place.file)
            .or_insert_with(|| table(&loaded.model));
        let (offset, spans) = table.get(&place.item)?;
        Some(spans.nodes.get(place.node as usize)?.shift(*offset))
    }

    /// The position of a node, as a location.
    pub(super) fn locate(&mut self, analysis: &Analysis, place: NodeRef) -> Option<Location> {
        let span = self.span(analysis, place)?;
        self.location(analysis, place.file, span)
    }

    /// A span of a file as a location.
    pub(super) fn location(
        &mut self,
        analysis: &Analysis,
        file: FileId,
        span: Span,
    ) -> Option<Location> {
        let path = analysis.workspace.name_of(file).clone();
        let (start, end) = match &analysis.workspace.file(file).document {
            Some(open) => {
                let text = &open.document.text;
                (rope_point(text, span.start), rope_point(text, span.end))
            }
            None => {
                let lines = self.lines(analysis, file)?;
                (lines.point(span.start), lines.point(span.end))
            }
        };
        Some(Location {
            path,
            span,
            start,
            end,
        })
    }

    /// A span of a text as a location.
    pub(super) fn location_in(path: &Path, text: Arc<str>, span: Span) -> Location {
        let lines = Lines::new(text);
        Location {
            path: Arc::from(path),
            span,
            start: lines.point(span.start),
            end: lines.point(span.end),
        }
    }

    fn lines(&mut self, analysis: &Analysis, file: FileId) -> Option<&Lines> {
        let text = || analysis.workspace.text(file);
        let lines = self.texts.entry(file);
        lines.or_insert_with(|| text().map(Lines::new)).as_ref()
    }
}

/// Where each item of a file is, those of nested templates too.
fn table(model: &FileModel) -> FxHashMap<ItemKey, (u32, Arc<ItemSpans>)> {
    let mut table = FxHashMap::default();
    let mut queue = vec![(ItemKey::FILE, &model.template, &model.spans, 0)];
    while let Some((parent, template, spans, start)) = queue.pop() {
        let keys = item_keys(parent, template);
        table.reserve(keys.len());
        for ((item, key), (offset, spans)) in template.items.iter().zip(keys).zip(spans) {
            let offset = start + offset;
            if let ItemKind::Module(module) = &item.kind
                && let Target::Inline(inner) = &module.target
            {
                queue.push((key, inner, &spans.nested, offset));
            }
            table.insert(key, (offset, spans.clone()));
        }
    }
    table
}

impl Analysis {
    /// Makes the reports of these files; returns those that changed, and those of open documents, which an editor may
    /// wait for.
    pub(super) fn report_files(&mut self, due: BTreeSet<FileId>) -> Vec<FileReport> {
        let mut locator = Locator::default();
        let mut reports = Vec::new();
        for file in due {
            let fresh = self.make_report(file, &mut locator);
            self.reported += 1;
            let old = self.reports.get(&file);
            let same = match old {
                Some(old) => old.diagnostics == fresh.diagnostics,
                None => fresh.diagnostics.is_empty(),
            };
            self.store(file, fresh);
            if self.workspace.file(file).document.is_some() || !same {
                reports.push(self.report_of(file));
            }
        }
        let shown = |path: &Path| {
            let id = self.workspace.id(path);
            id.is_some_and(|id| **self.workspace.name_of(id) == *path)
        };
        let renamed = std::mem::take(&mut self.renamed);
        let renamed = renamed.into_iter().filter(|path| !shown(path));
        reports.extend(renamed.map(|path| FileReport {
            path,
            version: None,
            diagnostics: Arc::default(),
        }));
        reports.sort_by(|a, b| a.path.cmp(&b.path));
        reports
    }

    fn store(&mut self, file: FileId, fresh: Stored) {
        if let Some(old) = self.reports.remove(&file) {
            for target in old.points_at {
                if let Some(sources) = self.pointed_at.get_mut(&target) {
                    sources.remove(&file);
                }
            }
        }
        for target in &fresh.points_at {
            self.pointed_at.entry(*target).or_default().insert(file);
        }
        if !fresh.diagnostics.is_empty() {
            self.reports.insert(file, fresh);
        }
    }

    /// The present report of a file.
    pub(super) fn report_of(&self, file: FileId) -> FileReport {
        let known = self.workspace.file(file);
        FileReport {
            path: self.workspace.name_of(file).clone(),
            version: known.document.as_ref().map(|open| open.document.version),
            diagnostics: self
                .reports
                .get(&file)
                .map(|stored| stored.diagnostics.clone())
                .unwrap_or_default(),
        }
    }

    fn make_report(&self, file: FileId, locator: &mut Locator) -> Stored {
        let mut stored = Stored::default();
        let mut rows: Vec<(Diagnostic, Finding)> = Vec::new();
        let results = self.checked_files(file);
        if !results.is_empty() && !self.is_path_ignored(&self.workspace.file(file).path) {
            let settings = self.workspace.settings(&self.workspace.file(file).path);
            let found = rules::merge(without_silenced(results, &settings));
            // Where nothing is found nothing can be silenced.
            let pragmas = match found.is_empty() {
                true => Pragmas::default(),
                false => self.pragmas(file),
            };
            for finding in found {
                if let Some(diagnostic) =
                    self.diagnostic(&finding, &pragmas, locator, &mut stored.points_at)
                {
                    rows.push((diagnostic, finding));
                }
            }
        }
        rows.sort_by(|a, b| {
            let key = |d: &Diagnostic| (d.location.span, d.severity, d.message.clone());
            key(&a.0).cmp(&key(&b.0))
        });
        let (mut diagnostics, findings): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        stored.findings = findings;
        let path = &self.workspace.file(file).path;
        for problem in self
            .config_problems
            .iter()
            .filter(|problem| *problem.path == **path)
        {
            diagnostics.extend(self.config_diagnostic(file, problem, locator));
        }
        stored.points_at.remove(&file);
        stored.diagnostics = diagnostics.into();
        stored
    }

    /// What all deployments report about a file.
    pub(super) fn checked_files(&self, file: FileId) -> Vec<(&Deployment, RuleResult)> {
        let keys = self.deployments.checked_files.get(&file);
        let keys = keys.into_iter().flatten();
        let states = keys.filter_map(|key| self.deployments.states.get(key));
        let states = states.filter_map(|state| Some((state.deployment.as_ref()?, state)));
        let results = states.flat_map(|(deployment, state)| {
            let results = state.results_in(file).cloned();
            results.map(move |result| (deployment, result))
        });
        results.collect()
    }

    /// Whether `input.pathIgnore` names a path.
    pub(super) fn is_path_ignored(&self, path: &Path) -> bool {
        let settings = self.workspace.settings(path);
        let Some(rule_file) = &settings.rule_file else {
            return false;
        };
        self.workspace.configs().ignored(rule_file, path)
    }

    /// The pragmas of a Bicep file.
    fn pragmas(&self, file: FileId) -> Pragmas {
        match self.workspace.file(file).kind {
            FileKind::Bicep => Pragmas::read(&self.workspace.text(file).unwrap_or_default()),
            _ => Pragmas::default(),
        }
    }

    fn diagnostic(
        &self,
        finding: &Finding,
        pragmas: &Pragmas,
        locator: &mut Locator,
        points_at: &mut BTreeSet<FileId>,
    ) -> Option<Diagnostic> {
        let location = locator.locate(self, finding.place)?;
        let mut related = Vec::with_capacity(finding.related.len());
        for (place, message) in &finding.related {
            points_at.insert(place.file);
            related.extend(
                locator
                    .locate(self, *place)
                    .map(|location| (location, message.clone())),
            );
        }
        let path = |id: FileId| self.workspace.file(id).path.clone();
        let rule = &finding.rule.name;
        let settings = self
            .workspace
            .settings(&self.workspace.file(finding.place.file).path);
        let rule_settings = settings.rule(rule);
        let suppressed = if pragmas.disables(rule.reference, location.span) {
            Some(Suppression::InSource)
        } else if rule_settings.off.is_some() || is_suppressed(finding, &settings) {
            Some(Suppression::External)
        } else {
            None
        };
        Some(Diagnostic {
            code: rule.reference,
            name: rule.name,
            page: Some(finding.rule.page),
            verdict: finding.verdict,
            severity: finding.severity,
            location,
            message: finding.message.clone(),
            related,
            resource_type: finding.resource_type.to_string(),
            resource_name: finding.resource_name.clone(),
            entry: path(finding.entry),
            parameters: finding.parameters.map(path),
            deprecated: matches!(finding.subject, Subject::Superseded(_)),
            suppressed,
        })
    }

    fn config_diagnostic(
        &self,
        file: FileId,
        problem: &ConfigProblem,
        locator: &mut Locator,
    ) -> Option<Diagnostic> {
        let location = locator.location(self, file, problem.span)?;
        let path = location.path.clone();
        Some(Diagnostic {
            code: "configuration",
            name: "configuration",
            page: None,
            verdict: Verdict::Hint,
            severity: Severity::Warning,
            location,
            message: problem.message.clone(),
            related: Vec::new(),
            resource_type: String::new(),
            resource_name: None,
            entry: path,
            parameters: None,
            deprecated: false,
            suppressed: None,
        })
    }
}

/// Results without those of suppressed resources, where another resource of the same declaration is reported: a
/// suppression by name is for one of several instances.
fn without_silenced<'r>(
    mut results: Vec<(&'r Deployment, RuleResult)>,
    settings: &Settings,
) -> Vec<(&'r Deployment, RuleResult)> {
    let of = |result: &RuleResult| (result.rule.name.reference, result.place);
    let silenced = |finding: &Finding| is_suppressed(finding, settings);
    let reported: BTreeSet<_> = results
        .iter()
        .filter(|(_, result)| result.finding.as_ref().is_some_and(|it| !silenced(it)))
        .map(|(_, result)| of(result))
        .collect();
    results.retain(|(_, result)| {
        !reported.contains(&of(result)) || !result.finding.as_ref().is_some_and(silenced)
    });
    results
}

/// Whether the configuration suppresses a finding by the name of its resource.
fn is_suppressed(finding: &Finding, settings: &Settings) -> bool {
    let suppressed = &settings.rule(&finding.rule.name).suppressed;
    let name = finding.resource_name.as_deref();
    name.is_some_and(|name| suppressed.iter().any(|one| one.eq_ignore_ascii_case(name)))
}
