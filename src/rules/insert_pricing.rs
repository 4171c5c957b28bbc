//! The fixes that turn scanning on: a plan that is off, a list of plans, a new resource; the renaming of a superseded
//! plan; and those that declare that nothing needs to be done. They are proposals, in the order of preference: whatever
//! changes more than its title states is dropped when it is verified.

mod insert;
mod join;
mod order;
mod place;
mod promise;
mod rename;
mod rule_file;
mod turn_on;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};

use super::container_scan::subject::{OffCause, PlanOff, RegistrySubject};
use super::finding::{Finding, Subject, Verdict};
use super::fix::{FileEdit, Fix, FixContext, TextEdit, View};
use super::suppress::pragma_edit;
use crate::model::{FileId, FileKind};
use crate::syntax::edit::unused;
use crate::workspace::config::{Coverage, Plan};
use place::Target;
pub(crate) use promise::may_change;
use turn_on::{Candidate, Sources};

/// Every fix that may apply to a finding, the preferred one first.
pub fn fixes(finding: &Finding, cx: &FixContext<'_>) -> Vec<Fix> {
    let mut job = Job {
        finding,
        cx,
        made: Vec::new(),
    };
    match &finding.subject {
        Subject::Of(subject) => {
            if let Some(subject) = subject.of() {
                job.turn_on(subject);
                job.join_lists(subject);
                job.insert(subject);
            }
        }
        Subject::Superseded(place) => job.rename(*place),
        Subject::Value(_) | Subject::None => {}
    }
    // The first of these that holds what it promises is the one to choose.
    let other = job.other_plan_id();
    for fix in &mut job.made {
        fix.preferred = !fix.edits.is_empty() && !fix.id.starts_with(other);
    }
    let view = cx.views.view(finding.place.file);
    if let Some(view) = view.filter(|view| view.editable) {
        job.suppress(&view);
        if finding.verdict != Verdict::Hint {
            job.elsewhere(&view);
        }
    }
    job.made
}

/// Id of the insertion in the best place.
fn insert_id(plan: Plan) -> &'static str {
    match plan {
        Plan::Containers => "insert-containers",
        Plan::ContainerRegistry => "insert-container-registry",
    }
}

/// Id of the fix that lets a plan be deployed.
const ALWAYS_DEPLOY: &str = "always-deploy";

/// Ids of the fixes that put `Containers` in the place of a superseded plan.
const RENAME_PLAN: &str = "rename-plan";
const REPLACE_PLAN: &str = "replace-plan";

/// More proposals for one plan are not tried.
const MAX_CANDIDATES: usize = 16;

/// Deployments that insertions are proposed for.
const MAX_PATHS: usize = 8;

struct Job<'a> {
    finding: &'a Finding,
    cx: &'a FixContext<'a>,
    made: Vec<Fix>,
}

/// The literal name of a plan as the API spells it, where it is one that scans.
fn paid(name: &str) -> &'static str {
    match name.to_ascii_lowercase().as_str() {
        "containerregistry" => "ContainerRegistry",
        "cloudposture" => "CloudPosture",
        _ => "Containers",
    }
}

impl Job<'_> {
    /// The plans to insert, the one that the settings prefer first.
    fn plans(&self) -> [Plan; 2] {
        match self.cx.settings.plan {
            Plan::Containers => [Plan::Containers, Plan::ContainerRegistry],
            Plan::ContainerRegistry => [Plan::ContainerRegistry, Plan::Containers],
        }
    }

    fn other_plan_id(&self) -> &'static str {
        insert_id(self.plans()[1])
    }

    /// Adds a fix, unless it edits nothing, or is there already.
    fn offer(
        &mut self,
        id: String,
        title: String,
        paid: Option<&'static str>,
        edits: Vec<FileEdit>,
    ) {
        if edits.is_empty() || self.made.iter().any(|fix| fix.edits == edits) {
            return;
        }
        self.made.push(Fix {
            title,
            id,
            preferred: false,
            paid,
            silences: paid.is_none(),
            fallback: false,
            edits,
        });
    }

    /// A path as titles and identifiers show it: relative to the workspace folder.
    fn shown(&self, path: &Path) -> String {
        let root = self.cx.views.root_of(path);
        let relative = root.and_then(|root| path.strip_prefix(root).ok());
        let text = relative.unwrap_or(path).to_string_lossy();
        text.replace('\\', "/")
    }

    /// ` in 'x.bicep', new file 'y.bicep'`.
    fn in_files(&self, files: &[FileEdit]) -> String {
        let mut text = String::new();
        for (index, file) in files.iter().enumerate() {
            text.push_str(match (file.create, index) {
                (true, _) => ", new file ",
                (false, 0) => " in ",
                (false, _) => " and ",
            });
            text.push_str(&format!("'{}'", self.shown(&file.path)));
        }
        let stale = files.iter().find_map(|file| self.compiled(&file.path));
        if let Some(path) = stale.filter(|_| !files.is_empty()) {
            text.push_str(&format!("; then rebuild '{}'", self.shown(&path)));
        }
        text
    }

    /// The template that was compiled from a Bicep file, or else from the entry point, and is beside it.
    fn compiled(&self, edited: &Path) -> Option<PathBuf> {
        let entry = self.cx.views.view(self.finding.entry);
        let entry = entry.as_ref().map(|entry| &*entry.path);
        let sources = std::iter::once(edited).chain(entry);
        let mut sources = sources.filter(|path| path.extension().is_some_and(|it| it == "bicep"));
        sources.find_map(|source| {
            let path = source.with_extension("json");
            self.cx.views.is_generated(&path).then_some(path)
        })
    }

    /// Edits by the file of their place, the finding's own file first.
    fn by_file(&self, edits: Vec<(FileId, TextEdit)>) -> Vec<FileEdit> {
        let mut files: IndexMap<FileId, Vec<TextEdit>> = IndexMap::new();
        for (file, edit) in edits {
            let all = files.entry(file).or_default();
            if !all.contains(&edit) {
                all.push(edit);
            }
        }
        let own = self.finding.place.file;
        files.sort_by(|a, _, b, _| (*a != own).cmp(&(*b != own)));
        let file_edit = |(file, mut edits): (FileId, Vec<TextEdit>)| {
            edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
            let view = self.cx.views.view(file)?;
            view.editable.then(|| FileEdit::of(&view, edits))
        };
        let all: Option<Vec<FileEdit>> = files.into_iter().map(file_edit).collect();
        all.unwrap_or_default()
    }

    /// The files of the fix, and the deployment that the finding names.
    fn sources(&self) -> Sources<'_> {
        Sources {
            views: self.cx.views,
            entry: self.finding.entry,
            parameters: self.finding.parameters,
        }
    }

    /// Turns on plans that are declared and off, all of one name in one deployment together.
    fn turn_on(&mut self, subject: &RegistrySubject) {
        let mut groups: IndexMap<_, Vec<&PlanOff>> = IndexMap::new();
        for off in subject.plans_off.iter() {
            let posture = off.name.eq_ignore_ascii_case("CloudPosture");
            // Free is the default state of this one, and no reason to pay for it.
            if !posture || off.cause == OffCause::Extension {
                let key = (off.name.to_ascii_lowercase(), &off.deployment);
                groups.entry(key).or_default().push(off);
            }
        }
        for alike in groups.values() {
            self.turn_on_all(alike[0], alike);
        }
    }

    fn turn_on_all(&mut self, off: &PlanOff, alike: &[&PlanOff]) {
        let deployed = alike.iter().filter(|one| one.condition.is_none());
        let deployed: Vec<&PlanOff> = deployed.copied().collect();
        let superseded = off.name.eq_ignore_ascii_case("ContainerRegistry");
        let sources = self.sources();
        let mut candidates = match deployed.as_slice() {
            [] => turn_on::deployed_always(off, &sources),
            all => together(all.iter().map(|one| turn_on::set_values(one, &sources))),
        };
        if superseded {
            candidates = turn_on::both(&turn_on::replace(off, &sources), &candidates);
        }
        candidates.truncate(MAX_CANDIDATES);
        let first = deployed.first().copied().unwrap_or(off);
        let (id, what) = match (superseded, deployed.is_empty(), &first.cause) {
            (true, ..) => (
                REPLACE_PLAN,
                "Replace plan 'ContainerRegistry' by 'Containers' (paid)".to_owned(),
            ),
            (_, true, _) => (
                ALWAYS_DEPLOY,
                format!("Always deploy plan '{}' (paid)", off.name),
            ),
            (_, _, OffCause::Extension) => (
                "enable-extension",
                format!("Turn on image scanning in plan '{}' (paid)", off.name),
            ),
            _ => (
                "set-tier",
                format!("Set plan '{}' to Standard (paid)", off.name),
            ),
        };
        let id = self.numbered(id);
        let plan = if superseded {
            "Containers"
        } else {
            paid(&off.name)
        };
        for edits in candidates {
            let files = self.by_file(edits);
            let title = format!("{what}{}", self.in_files(&files));
            self.offer(id.clone(), title, Some(plan), files);
        }
    }

    /// An id that no fix has yet.
    fn numbered(&self, id: &str) -> String {
        unused(id, "-", self.made.iter().map(|fix| &*fix.id))
    }

    /// Adds the preferred plan to lists that turn other plans on.
    fn join_lists(&mut self, subject: &RegistrySubject) {
        let plan = self.cx.settings.plan.name();
        // A plan of that name that is off would contradict the new one.
        let off = subject.plans_off.iter();
        let mut off = off.filter(|off| off.name.eq_ignore_ascii_case(plan));
        let unchosen = off.clone().next().is_some();
        if off.any(|off| off.cause != OffCause::Unchosen) {
            return;
        }
        let mut options: Vec<join::Joined> = Vec::new();
        for list in subject.lists.iter() {
            let view = self.cx.views.view(list.name.file);
            let Some(view) = view.filter(|view| view.may_pay) else {
                continue;
            };
            if !order::is_serial(list, self.cx.views) {
                continue;
            }
            for edits in join::join(&view, self.cx.views, list, plan).unwrap_or_default() {
                let file = FileEdit::of(&view, edits);
                match options.iter_mut().find(|known| known.file == file) {
                    Some(known) => known.of.push(list.of),
                    None => options.push(join::Joined {
                        file,
                        of: vec![list.of],
                    }),
                }
            }
        }
        for first in &options {
            let paths = subject.deployment_paths.iter();
            let deployments = paths.map(|(entry, file, _)| (*entry, *file));
            let Some(mut files) = join::for_all(first, &options, deployments) else {
                continue;
            };
            let here = self.cx.views.view(self.finding.place.file);
            files.sort_by_key(|file| {
                let own = here.as_ref().is_some_and(|view| view.path == file.path);
                (!own, file.path.clone())
            });
            let lists = if files.len() == 1 { "list" } else { "lists" };
            let names = insert::names(self.cx.settings.plan);
            let title = format!(
                "Turn on {} ({}) in the {lists} of plans{}",
                names.title,
                names.note,
                self.in_files(&files)
            );
            // Copies of several elements of one list are one fix: the first that holds is offered.
            let same = self.made.iter().find(|fix| fix.title == title);
            let id = same.map_or_else(|| self.numbered("join-list"), |fix| fix.id.clone());
            self.offer(id, title, Some(plan), files);
            if unchosen && let Some(made) = self.made.last_mut() {
                made.fallback = true;
            }
        }
    }

    /// Inserts the resource, for both plans: for the deployment that the finding names, then for others.
    fn insert(&mut self, subject: &RegistrySubject) {
        let named = (self.finding.entry, self.finding.parameters);
        let mut paths: Vec<_> = subject.deployment_paths.iter().collect();
        paths.sort_by_key(|(entry, parameters, _)| (*entry, *parameters) != named);
        let is_test = |entry| self.cx.views.view(entry).is_some_and(|view| view.test);
        paths.retain(|(entry, _, _)| !is_test(*entry));
        let all: Vec<(Vec<Target>, Vec<Target>)> = paths
            .iter()
            .map(|(entry, _, via)| place::on_path(*entry, via, self.finding.place, self.cx.views))
            .collect();
        // Instances in several subscriptions need a module each.
        let mut leaving: Vec<&Target> = Vec::new();
        for ((entry, parameters, _), (first, rest)) in paths.iter().zip(&all) {
            let target = rest.first().filter(|target| target.leaves());
            if let Some(target) = target
                && (*entry, *parameters) == named
                && first.is_empty()
                && !leaving.iter().any(|other| other.form == target.form)
            {
                leaving.push(target);
            }
        }
        if leaving.len() > 1 {
            for plan in self.plans() {
                self.insert_at(subject, &leaving, plan, "");
            }
        }
        let mut tried: Vec<FileId> = Vec::new();
        for (index, (first, rest)) in all.iter().enumerate().take(MAX_PATHS) {
            let others = match index {
                0 => self.subscription_files(subject),
                _ => Vec::new(),
            };
            let mut targets: Vec<&Target> = first.iter().chain(&others).chain(rest).collect();
            if index > 0 {
                targets.retain(|target| !tried.contains(&target.view.file));
            }
            if self.cx.settings.coverage == Coverage::Deployment {
                // Each deployment must have the plan itself: a place that all of them pass is best.
                let shared = |target: &Target| {
                    let same = |other: &Target| {
                        other.view.file == target.view.file && other.form == target.form
                    };
                    all.iter()
                        .all(|(first, rest)| first.iter().chain(rest).any(same))
                };
                targets.sort_by_key(|target| !shared(target));
            }
            let place = targets.first().map(|target| self.shown(&target.view.path));
            let suffix = match (index, place) {
                (0, _) => String::new(),
                (_, Some(place)) => format!(":{place}"),
                (_, None) => continue,
            };
            tried.extend(targets.iter().map(|target| target.view.file));
            for plan in self.plans() {
                for target in &targets {
                    self.insert_at(subject, &[target], plan, &suffix);
                }
            }
        }
    }

    /// The ways to insert a plan at each of several places, or at one.
    fn insertions(&self, targets: &[&Target], plan: Plan) -> Vec<Vec<FileEdit>> {
        if let [target] = targets {
            return insert::insertions(self.cx, target, plan, 0);
        }
        let mut files: Vec<FileEdit> = Vec::new();
        for (others, target) in targets.iter().enumerate() {
            let variants = insert::insertions(self.cx, target, plan, others);
            for file in variants.into_iter().next().unwrap_or_default() {
                match files.iter_mut().find(|known| known.path == file.path) {
                    Some(known) if known.create => {}
                    Some(known) => known.edits.extend(file.edits),
                    None => files.push(file),
                }
            }
        }
        for file in &mut files {
            file.edits.sort_by_key(|edit| edit.span.start);
        }
        vec![files]
    }

    /// The subscription files of the workspace that declare plans.
    fn subscription_files(&self, subject: &RegistrySubject) -> Vec<Target> {
        if self.cx.settings.coverage != Coverage::Workspace {
            return Vec::new();
        }
        let lists = subject.lists.iter();
        let lists = lists.map(|list| (&list.deployment, list.declaration.file));
        let off = subject.plans_off.iter();
        let off = off.map(|off| (&off.deployment, off.declaration.file));
        let others = lists.chain(off).filter(|(other, _)| other.is_some());
        let files: IndexSet<FileId> = others.map(|(_, file)| file).collect();
        let targets = files.into_iter().take(MAX_PATHS);
        targets
            .filter_map(|file| place::subscription_file(file, self.cx.views))
            .collect()
    }

    fn insert_at(
        &mut self,
        subject: &RegistrySubject,
        targets: &[&Target],
        plan: Plan,
        suffix: &str,
    ) {
        let id = format!("{}{suffix}", insert_id(plan));
        let names = insert::names(plan);
        // A second plan of that name would contradict one that is declared. Beside one that is not deployed, or that
        // another deployment has, it is the last resort.
        let declared = subject.plans_off.iter();
        let mut declared = declared.filter(|off| off.name.eq_ignore_ascii_case(names.plan));
        let is_contradicted = |off: &PlanOff| {
            let conditional = [OffCause::Condition, OffCause::Uncertain].contains(&off.cause);
            off.deployment.is_none() && !conditional
        };
        let fallback = declared.clone().next().is_some();
        if declared.any(is_contradicted) {
            return;
        }
        let before = self.made.len();
        for edits in self.insertions(targets, plan) {
            let title = format!("Turn on {} ({})", names.title, names.note);
            if edits.iter().any(|edit| edit.create) && !self.cx.create_files {
                self.without_creation(targets[0], plan, &id, &title);
                continue;
            }
            let title = title + &self.in_files(&edits);
            self.offer(id.clone(), title, Some(names.plan), edits);
        }
        for fix in self.made.iter_mut().skip(before) {
            fix.fallback = fallback;
        }
    }

    /// Where the editor cannot create the file that is needed, the command line is named, which can.
    fn without_creation(&mut self, target: &Target, plan: Plan, id: &str, title: &str) {
        let names = insert::names(plan);
        let shown = self.shown(&target.view.path);
        let title = format!(
            "{title}: run `preflight check --fix={} {shown}` (this editor cannot create files)",
            names.plan
        );
        if !self.made.iter().any(|fix| fix.title == title) {
            self.made.push(Fix {
                title,
                id: id.to_owned(),
                preferred: false,
                paid: Some(names.plan),
                silences: true,
                fallback: false,
                edits: Vec::new(),
            });
        }
    }

    /// Silences the rule where the finding is: in Bicep by a pragma, in JSON by the resource's name.
    fn suppress(&mut self, view: &View) {
        let (finding, rule) = (self.finding, &self.finding.rule.name);
        if view.kind == FileKind::Bicep {
            let span = self.cx.views.span(finding.place);
            let edit = span.and_then(|span| pragma_edit(view.source(), span.start, rule.reference));
            let edits = edit.map(|edit| (finding.place.file, edit));
            let files = self.by_file(edits.into_iter().collect());
            let title = format!("Suppress {} on this line", rule.reference);
            return self.offer("suppress".to_owned(), title, None, files);
        }
        let name = finding.resource_name.as_deref();
        let named = finding.verdict != Verdict::Hint;
        if let Some(name) = name.filter(|name| named && !is_placeholder(name)) {
            let file = rule_file::FILE;
            let title = format!("Suppress {} for '{name}' in {file}", rule.reference);
            let edit = |text: &str| rule_file::suppress(text, name, rule);
            let files = self.rule_file(&view.path, edit);
            self.offer("suppress".to_owned(), title, None, files);
        }
    }

    /// Writes into the configuration that Defender is managed elsewhere.
    fn elsewhere(&mut self, view: &View) {
        // What the editor or the command line states wins over the file: writing it there would change nothing.
        let overridden = |(setting, _, origin): &(String, String, String)| {
            setting == "coverage" && origin == "editor or command line"
        };
        if !self.cx.settings.origins.iter().any(overridden) {
            let file = rule_file::FILE;
            let title = format!("Defender is managed elsewhere: set PREFLIGHT_COVERAGE in {file}");
            let files = self.rule_file(&view.path, rule_file::elsewhere);
            self.offer("managed-elsewhere".to_owned(), title, None, files);
        }
    }

    /// Edits of the configuration in force for `path`, or a new file at the workspace folder's top.
    fn rule_file(
        &self,
        path: &Path,
        edit: impl Fn(&str) -> Option<Vec<TextEdit>>,
    ) -> Vec<FileEdit> {
        let known = self.cx.settings.rule_file.as_deref();
        let file = || {
            let (path, text) = match known {
                Some(file) => (file.to_path_buf(), self.cx.views.text_at(file)?),
                None => {
                    let root = self.cx.views.root_of(path);
                    let root = root.filter(|_| self.cx.create_files)?;
                    (root.join(rule_file::FILE), Arc::default())
                }
            };
            Some(FileEdit {
                path: path.into(),
                create: known.is_none(),
                edits: edit(&text)?,
            })
        };
        file().into_iter().collect()
    }
}

/// Candidates of several plans, taken together: the first of each, the second of each.
fn together(each: impl Iterator<Item = Vec<Candidate>>) -> Vec<Candidate> {
    let each: Vec<Vec<Candidate>> = each.collect();
    let most = each.iter().map(Vec::len).max().unwrap_or_default();
    let nth = |index: usize| {
        let of_plan = each
            .iter()
            .map(|all| all.get(index).or(all.last()).cloned());
        let all: Option<Vec<Candidate>> = of_plan.collect();
        Some(all?.concat())
    };
    (0..most).filter_map(nth).collect()
}

/// Whether a name represents one that is not known yet.
fn is_placeholder(name: &str) -> bool {
    name.trim().is_empty() || name.contains("GEN-UNIQUE") || name.contains('<')
}
