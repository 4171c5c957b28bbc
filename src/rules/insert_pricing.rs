//! The fixes that turn scanning on: insert the pricing resource, join an existing list, set the tier; and those that
//! say that nothing needs to be done. Each is made from the trees of the files it edits and checked by parsing what it
//! leaves: a fix that would break a file is not offered.

mod bicep;
mod json;
mod list;
mod names;
mod order;
mod place;
mod rule_file;
mod set_tier;
mod style;

use std::path::Path;
use std::sync::Arc;

use super::container_scan::subject::{OffCause, PlanOff, RegistrySubject};
use super::finding::{Finding, Subject, Verdict};
use super::fix::{FileEdit, Fix, FixContext, TextEdit, View, Views, apply};
use crate::eval::ModuleUse;
use crate::model::{FileId, FileKind, ItemKind, NodeRef, ScopeKind};
use crate::syntax;
use crate::text::{Edit, Span};
use crate::workspace::config::{Coverage, Plan, Settings};
use place::{Form, Subscription, Target};
use style::Style;

/// Every fix that applies to a finding, the preferred one first. `create_files`: the client can create files.
pub fn fixes(finding: &Finding, cx: &FixContext<'_>) -> Vec<Fix> {
    let mut job = Job {
        finding,
        views: cx.views,
        settings: cx.settings,
        create_files: cx.create_files,
        made: Vec::new(),
    };
    match &finding.subject {
        Subject::Registry(subject) => {
            job.turn_on(subject);
            job.join_lists(subject);
            job.insert(subject);
        }
        Subject::PlanName(place) => job.rename(*place),
        Subject::Value(_) | Subject::None => {}
    }
    // The first of these that holds what it promises is the one to choose.
    let other = job.other_plan_id();
    for fix in &mut job.made {
        fix.preferred = !fix.edits.is_empty() && !fix.id.starts_with(other);
    }
    job.suppress();
    if finding.verdict != Verdict::Hint {
        job.elsewhere();
    }
    job.made
}

/// Ids of the two insertions in the best place.
const INSERT_CONTAINERS: &str = "insert-containers";
const INSERT_CONTAINER_REGISTRY: &str = "insert-container-registry";

struct Job<'a> {
    finding: &'a Finding,
    views: &'a dyn Views,
    settings: &'a Settings,
    create_files: bool,
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
        match self.settings.plan {
            Plan::Containers => [Plan::Containers, Plan::ContainerRegistry],
            Plan::ContainerRegistry => [Plan::ContainerRegistry, Plan::Containers],
        }
    }

    fn other_plan_id(&self) -> &'static str {
        match self.settings.plan {
            Plan::Containers => INSERT_CONTAINER_REGISTRY,
            Plan::ContainerRegistry => INSERT_CONTAINERS,
        }
    }

    /// Adds a fix, unless it would break a file, or edits nothing, or is there already.
    fn offer(
        &mut self,
        id: String,
        title: String,
        paid: Option<&'static str>,
        edits: Vec<FileEdit>,
    ) {
        if edits.is_empty() || !edits.iter().all(|edit| self.keeps_parsing(edit)) {
            return;
        }
        if self.made.iter().any(|fix| fix.edits == edits) {
            return;
        }
        self.made.push(Fix {
            title,
            id,
            preferred: false,
            paid,
            edits,
        });
    }

    fn keeps_parsing(&self, edit: &FileEdit) -> bool {
        let language = match edit.path.extension().and_then(|e| e.to_str()) {
            Some("yaml" | "yml") => return true,
            Some(ending) if ending.eq_ignore_ascii_case("bicep") => syntax::bicep(),
            Some(ending) if ending.eq_ignore_ascii_case("bicepparam") => syntax::bicep(),
            _ => syntax::json(),
        };
        let view = self
            .views
            .file_at(&edit.path)
            .and_then(|id| self.views.view(id))
            .filter(|_| !edit.create);
        let errors = |tree: &tree_sitter::Tree, text: &str| syntax::syntax_errors(tree, text).len();
        let Some(view) = view else {
            let text = apply("", &edit.edits);
            return errors(&syntax::parse(language, &*text, None), &text) == 0;
        };
        // From the last edit to the first, so that the offsets of those to come stay true.
        let mut tree = view.tree.clone();
        for change in edit.edits.iter().rev() {
            let change = Edit {
                old: change.span,
                new_len: change.text.len() as u32,
            };
            syntax::edit(&mut tree, &change);
        }
        let text = apply(&view.text, &edit.edits);
        let after = syntax::parse(language, &*text, Some(&tree));
        errors(&after, &text) <= errors(&view.tree, &view.text)
    }

    /// A path as titles and identifiers say it: relative to the workspace folder.
    fn shown(&self, path: &Path) -> String {
        let root = self.views.root_of(path);
        let relative = root
            .as_deref()
            .and_then(|root| path.strip_prefix(root).ok());
        let text = relative.unwrap_or(path).to_string_lossy().into_owned();
        text.replace('\\', "/")
    }

    /// ` in 'x.bicep'`, where that is not the file the finding stands in.
    fn in_file(&self, path: &Path) -> String {
        let here = self.views.view(self.finding.place.file);
        match here.is_some_and(|view| &*view.path == path) {
            true => String::new(),
            false => format!(" in '{}'", self.shown(path)),
        }
    }

    /// As [`Job::in_file`], for fixes that may edit several files.
    fn in_files(&self, files: &[FileEdit]) -> String {
        match files {
            [one] => self.in_file(&one.path),
            several => {
                let shown = several.iter().map(|f| format!("'{}'", self.shown(&f.path)));
                format!(" in {}", shown.collect::<Vec<_>>().join(" and "))
            }
        }
    }

    /// Edits by the file of their place, the finding's own file first.
    fn by_file(&self, edits: Vec<(FileId, TextEdit)>) -> Vec<FileEdit> {
        let mut files: Vec<(FileId, Vec<TextEdit>)> = Vec::new();
        for (file, edit) in edits {
            match files.iter_mut().find(|(known, _)| *known == file) {
                Some((_, all)) if all.contains(&edit) => {}
                Some((_, all)) => all.push(edit),
                None => files.push((file, vec![edit])),
            }
        }
        files.sort_by_key(|(file, _)| *file != self.finding.place.file);
        let file_edit = |(file, mut edits): (FileId, Vec<TextEdit>)| {
            edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
            let view = self.views.view(file)?;
            view.editable.then(|| FileEdit {
                path: view.path.clone(),
                create: false,
                edits,
            })
        };
        let found: Vec<Option<FileEdit>> = files.into_iter().map(file_edit).collect();
        match found.iter().all(Option::is_some) {
            true => found.into_iter().flatten().collect(),
            false => Vec::new(),
        }
    }

    /// Sets to Standard what is not, where its value comes from.
    fn turn_on(&mut self, subject: &RegistrySubject) {
        let mut done: Vec<(Arc<str>, Option<Arc<str>>)> = Vec::new();
        for off in subject.plans_off.iter() {
            let same = (off.name.clone(), off.deployment.clone());
            if done.contains(&same) {
                continue;
            }
            done.push(same);
            // All of one name in one deployment, else they contradict each other.
            let alike = subject.plans_off.iter().filter(|other| {
                other.name.eq_ignore_ascii_case(&off.name) && other.deployment == off.deployment
            });
            // A condition around the plan and not around the registry stays when the plan's own is taken away.
            let shared = |step: &ModuleUse| {
                let through = |via: &[ModuleUse]| via.iter().any(|other| other.place == step.place);
                subject
                    .deployment_paths
                    .iter()
                    .all(|(_, _, via)| through(via))
            };
            let hangs = off
                .via
                .iter()
                .any(|step| place::is_conditional(step, self.views) && !shared(step));
            self.turn_on_all(off, &alike.collect::<Vec<_>>(), hangs);
        }
    }

    /// Turns on what is to be deployed of the plans of one name; else lets one be deployed always, set as it should be.
    fn turn_on_all(&mut self, off: &PlanOff, alike: &[&PlanOff], hangs: bool) {
        let views = self.views;
        let standing: Vec<&PlanOff> = alike
            .iter()
            .filter(|one| one.cause != OffCause::Condition)
            .copied()
            .collect();
        let deployed = |one: &&PlanOff| one.condition.is_none();
        if let Some(first) = standing.iter().copied().find(deployed) {
            let sure = standing
                .iter()
                .filter(|one| deployed(one))
                .all(|one| one.sure);
            let values = standing.iter().map(|one| set_tier::turn_on(one, views));
            let edits: Option<Vec<_>> = values.collect();
            let Some(edits) = edits.filter(|_| sure) else {
                return;
            };
            let edits = edits.into_iter().flatten();
            let files = self.by_file(edits.map(|(place, edit)| (place.file, edit)).collect());
            let place = self.in_files(&files);
            let (id, title) = match first.tier.is_some() || first.extension.is_none() {
                true => (
                    "set-tier",
                    format!("Set the tier of plan '{}' to Standard{place}", off.name),
                ),
                false => (
                    "enable-extension",
                    format!(
                        "Remove isEnabled 'False': turn on image scanning in plan '{}'{place}",
                        off.name
                    ),
                ),
            };
            self.offer(self.numbered(id), title, Some(paid(&off.name)), files);
            return;
        }
        // Beside others of the name it is not known which are deployed together.
        if !off.sure || hangs || (alike.len() > 1 && !standing.is_empty()) {
            return;
        }
        let (Some(mut edits), Some(always)) =
            (set_tier::turn_on(off, views), set_tier::always(off, views))
        else {
            return;
        };
        edits.extend(always);
        let edits = edits.into_iter();
        let files = self.by_file(edits.map(|(place, edit)| (place.file, edit)).collect());
        let title = format!(
            "Always deploy plan '{}' (Standard){}",
            off.name,
            self.in_files(&files)
        );
        let id = self.numbered("always-deploy");
        self.offer(id, title, Some(paid(&off.name)), files);
    }

    /// An id that no fix has yet.
    fn numbered(&self, id: &str) -> String {
        names::unused(id, "-", self.made.iter().map(|fix| &*fix.id))
    }

    /// Adds the preferred plan to lists that turn other plans on.
    fn join_lists(&mut self, subject: &RegistrySubject) {
        let plan = self.settings.plan.name();
        // A plan of that name that is off would contradict the new one.
        if subject
            .plans_off
            .iter()
            .any(|off| off.name.eq_ignore_ascii_case(plan))
        {
            return;
        }
        let mut options: Vec<list::Joined> = Vec::new();
        for list in subject.lists.iter() {
            let Some(view) = self.views.view(list.name.file).filter(|view| view.editable) else {
                continue;
            };
            let Some(edits) = list::join(&view, self.views, list, plan) else {
                continue;
            };
            let file = FileEdit {
                path: view.path.clone(),
                create: false,
                edits,
            };
            match options.iter_mut().find(|known| known.file == file) {
                Some(known) => known.of.push(list.of),
                None => options.push(list::Joined {
                    file,
                    of: vec![list.of],
                }),
            }
        }
        for first in &options {
            let deployment_paths = subject
                .deployment_paths
                .iter()
                .map(|(entry, file, _)| (*entry, *file));
            let Some(mut files) = list::for_all(first, &options, deployment_paths) else {
                continue;
            };
            let here = self.views.view(self.finding.place.file);
            files.sort_by_key(|file| {
                let own = here.as_ref().is_some_and(|view| view.path == file.path);
                (!own, file.path.clone())
            });
            let lists = match files.len() {
                1 => "list",
                _ => "lists",
            };
            let title = format!(
                "Enable {} (Standard) in the {lists} of plans{}",
                bicep::names(self.settings.plan).title,
                self.in_files(&files)
            );
            let id = self.numbered("join-list");
            self.offer(id, title, Some(plan), files);
        }
    }

    /// Inserts the resource, for both plans, in each place that will do.
    fn insert(&mut self, subject: &RegistrySubject) {
        let targets = place::targets(self.finding, subject, self.views, self.settings);
        for (rank, target) in targets.iter().enumerate() {
            for plan in self.plans() {
                let names = bicep::names(plan);
                // A second plan of that name beside one that is off would not turn it on.
                let contradicts = |off: &PlanOff| {
                    off.name.eq_ignore_ascii_case(names.plan)
                        && off.deployment.is_none()
                        && off.cause != OffCause::Condition
                };
                if subject.plans_off.iter().any(contradicts) {
                    continue;
                }
                let base = match plan {
                    Plan::Containers => INSERT_CONTAINERS,
                    Plan::ContainerRegistry => INSERT_CONTAINER_REGISTRY,
                };
                let shown = self.shown(&target.view.path);
                let id = match rank {
                    0 => base.to_owned(),
                    _ => format!("{base}:{shown}"),
                };
                let mut title = format!("Enable {} (Standard) for the subscription", names.title);
                if targets.len() > 1 {
                    title.push_str(&format!(" in '{shown}'"));
                } else {
                    title.push_str(&self.in_file(&target.view.path));
                }
                for edits in self.insertions(target, plan) {
                    let creates = edits.iter().any(|edit| edit.create);
                    match creates && !self.create_files {
                        true => self.without_creation(target, plan, id.clone(), title.clone()),
                        false => self.offer(id.clone(), title.clone(), Some(names.plan), edits),
                    }
                }
            }
        }
    }

    /// Where the editor cannot create the file that is needed: a file for the subscription that is open takes the
    /// resource, else the command line is named, which can.
    fn without_creation(&mut self, target: &Target, plan: Plan, id: String, title: String) {
        let names = bicep::names(plan);
        let open = || {
            let ids = self.views.open_files().into_iter();
            ids.filter_map(|file| place::subscription_file(file, self.views))
        };
        let reaches = self.settings.coverage == Coverage::Workspace;
        let other = open()
            .filter(|other| reaches && other.view.file != target.view.file)
            .find_map(|other| {
                let edits = self.insertions(&other, plan).into_iter().next()?;
                Some((other.view.path.clone(), edits))
            });
        if let Some((path, edits)) = other {
            let shown = self.shown(&path);
            let title = format!(
                "Enable {} (Standard) for the subscription in '{shown}'",
                names.title
            );
            self.offer(id, title, Some(names.plan), edits);
            return;
        }
        let shown = self.shown(&target.view.path);
        self.made.push(Fix {
            title: format!(
                "{title}: run `preflight check --fix {shown}` (this editor cannot create files)"
            ),
            id,
            preferred: false,
            paid: Some(names.plan),
            edits: Vec::new(),
        });
    }

    /// The edits that insert the plan, those that are preferred first: always deployed, or as the registry is.
    fn insertions(&self, target: &Target, plan: Plan) -> Vec<Vec<FileEdit>> {
        let name = plan.name();
        let mut target = target.clone();
        if target.form == Form::Resource && declares(&target.view, name) {
            return Vec::new();
        }
        // A file cannot declare two resources with one name.
        if target.form == Form::Resource && refers_to(&target.view, name) {
            target.form = Form::Module(Subscription::Own);
        }
        match target.view.kind {
            FileKind::Bicep => {
                let condition = bicep::condition_at(&target.view, target.anchor);
                let always = self.insert_bicep(&target, plan, None);
                let conditional =
                    condition.and_then(|text| self.insert_bicep(&target, plan, Some(text)));
                always.into_iter().chain(conditional).collect()
            }
            FileKind::ArmTemplate => {
                let always = insert_json(&target, plan, false);
                let conditional = insert_json(&target, plan, true);
                always.into_iter().chain(conditional).collect()
            }
            _ => Vec::new(),
        }
    }

    fn insert_bicep(
        &self,
        target: &Target,
        plan: Plan,
        condition: Option<String>,
    ) -> Option<Vec<FileEdit>> {
        let view = &*target.view;
        let names = bicep::names(plan);
        let symbol = bicep::symbol(view, names.symbol);
        let around = bicep::Around {
            condition,
            after: order::last_plans(view, self.views),
        };
        let of_view = |mut edits: Vec<TextEdit>| {
            edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
            FileEdit {
                path: view.path.clone(),
                create: false,
                edits,
            }
        };
        let subscription = match &target.form {
            Form::Resource => {
                let lines = bicep::resource(&names, &symbol, &around);
                return Some(vec![of_view(vec![bicep::insert_after(
                    view,
                    target.anchor,
                    &lines,
                )])]);
            }
            Form::Module(subscription) => subscription,
        };
        let (file, created) = self.subscription_file(view, plan)?;
        let mut edits = Vec::new();
        let subscription_of = bicep::function(view, "subscription");
        let scope = match subscription {
            Subscription::Own => format!("{subscription_of}()"),
            Subscription::Expression(text) => format!("{subscription_of}({text})"),
            Subscription::Parameter => {
                let (name, edit) = bicep::subscription_parameter(view);
                edits.extend(edit);
                format!("{subscription_of}({name})")
            }
        };
        let path = match bicep::dotted_paths(view) {
            true => format!("./{file}"),
            false => file,
        };
        // A deployment name is bound to its location in a subscription.
        let region = match target.scope() {
            ScopeKind::ResourceGroup => bicep::function(view, "resourceGroup"),
            _ => bicep::function(view, "deployment"),
        };
        let deployment = bicep::deployment_name(view, names.file);
        let deployment = format!("{deployment}-${{{region}().location}}");
        let lines = bicep::module(&symbol, &path, &deployment, &scope, &around);
        edits.push(bicep::insert_after(view, target.anchor, &lines));
        let mut files = vec![of_view(edits)];
        files.extend(created);
        Some(files)
    }

    /// The file beside `view` that sets the plan: one that is there, or a new one with its creation.
    fn subscription_file(&self, view: &View, plan: Plan) -> Option<(String, Option<FileEdit>)> {
        let folder = view.path.parent()?;
        let names = bicep::names(plan);
        let mut beside = self.views.names_in(folder);
        beside.sort();
        let reusable = beside.iter().find(|name| {
            let path = folder.join(name);
            let other = self.views.file_at(&path).and_then(|id| self.views.view(id));
            other.is_some_and(|other| other.file != view.file && sets_plan(&other, names.plan))
        });
        if let Some(name) = reusable {
            return Some((name.clone(), None));
        }
        let stems = beside
            .iter()
            .map(|name| name.rsplit_once('.').map_or(&**name, |(stem, _)| stem));
        let name = format!("{}.bicep", names::unused(names.file, "-", stems));
        let style = Style::of(&view.text, 0);
        let text = bicep::subscription_file(
            &names,
            &Style {
                final_newline: true,
                ..style
            },
        );
        let created = FileEdit {
            path: folder.join(&name).into(),
            create: true,
            edits: vec![TextEdit {
                span: Span::default(),
                text,
            }],
        };
        Some((name, Some(created)))
    }

    /// Renames a superseded plan.
    fn rename(&mut self, place: NodeRef) {
        let Some(view) = self.views.view(place.file).filter(|view| view.editable) else {
            return;
        };
        // Two resources of one name in a file are an error.
        if set_tier::says(&view, "Containers") {
            return;
        }
        let Some(edit) = set_tier::replace_text(self.views, place, "Containers") else {
            return;
        };
        let files = self.by_file(vec![(place.file, edit)]);
        let title = "Rename the plan to 'Containers' (Standard is paid for)".to_owned();
        self.offer("rename-plan".to_owned(), title, Some("Containers"), files);
    }

    /// Silences the rule where the finding stands: in Bicep by a pragma, in JSON by the resource's name.
    fn suppress(&mut self) {
        let finding = self.finding;
        let Some(view) = self
            .views
            .view(finding.place.file)
            .filter(|view| view.editable)
        else {
            return;
        };
        if view.kind == FileKind::Bicep {
            let Some(span) = self.views.span(finding.place) else {
                return;
            };
            let Some(edit) = bicep::suppress(&view, span.start, finding.rule.name.reference) else {
                return;
            };
            let files = self.by_file(vec![(finding.place.file, edit)]);
            self.offer(
                "suppress".into(),
                format!("Suppress {} on this line", finding.rule.name.reference),
                None,
                files,
            );
            return;
        }
        let Some(name) = finding
            .resource_name
            .as_deref()
            .filter(|_| finding.verdict != Verdict::Hint)
        else {
            return;
        };
        let title = format!(
            "Suppress {} for '{name}' in {}",
            finding.rule.name.reference,
            rule_file::FILE
        );
        let files = self.rule_file(&view.path, |text| {
            rule_file::suppress(text, name, &finding.rule.name)
        });
        self.offer("suppress".into(), title, None, files);
    }

    /// Says in the configuration that Defender is managed elsewhere.
    fn elsewhere(&mut self) {
        // What the editor or the command line says wins over the file: writing it there would change nothing.
        let overridden = |(setting, _, origin): &(String, String, String)| {
            setting == "coverage" && origin == "editor or command line"
        };
        if self.settings.origins.iter().any(overridden) {
            return;
        }
        let Some(view) = self
            .views
            .view(self.finding.place.file)
            .filter(|view| view.editable)
        else {
            return;
        };
        let title = format!(
            "Defender is managed elsewhere: set PREFLIGHT_COVERAGE in {}",
            rule_file::FILE
        );
        let files = self.rule_file(&view.path, rule_file::elsewhere);
        self.offer("managed-elsewhere".into(), title, None, files);
    }

    /// Edits of the configuration in force for `path`, or a new file at the workspace folder's top.
    fn rule_file(
        &self,
        path: &Path,
        edit: impl Fn(&str) -> Option<Vec<TextEdit>>,
    ) -> Vec<FileEdit> {
        let known = self.settings.rule_file.as_deref();
        if let Some(file) = known {
            let edits = self.views.text_at(file).and_then(|text| edit(&text));
            return edits
                .map(|edits| FileEdit {
                    path: file.into(),
                    create: false,
                    edits,
                })
                .into_iter()
                .collect();
        }
        let Some(root) = self.views.root_of(path).filter(|_| self.create_files) else {
            return Vec::new();
        };
        edit("")
            .map(|edits| FileEdit {
                path: root.join(rule_file::FILE).into(),
                create: true,
                edits,
            })
            .into_iter()
            .collect()
    }
}

/// Whether a file declares a plan by a literal name.
fn declares(view: &View, plan: &str) -> bool {
    view.model.template.items.iter().any(|item| {
        matches!(&item.kind, ItemKind::Resource(resource)
            if is_plan(resource, plan))
    })
}

/// Whether a file refers to a plan that exists.
fn refers_to(view: &View, plan: &str) -> bool {
    view.model.template.items.iter().any(|item| {
        matches!(&item.kind, ItemKind::Resource(resource)
            if resource.existing && is_named_plan(resource, plan))
    })
}

fn is_plan(resource: &crate::model::Resource, plan: &str) -> bool {
    !resource.existing && is_named_plan(resource, plan)
}

fn is_named_plan(resource: &crate::model::Resource, plan: &str) -> bool {
    let named = resource
        .declaration
        .name
        .as_ref()
        .and_then(|name| name.as_str());
    resource
        .resource_type
        .as_ref()
        .is_some_and(|ty| ty.is("Microsoft.Security/pricings"))
        && named.is_some_and(|name| name.eq_ignore_ascii_case(plan))
}

/// Whether a file does nothing but set a plan to Standard for a subscription, without asking for anything.
fn sets_plan(view: &View, plan: &str) -> bool {
    if view.kind != FileKind::Bicep || place::scope(view) != ScopeKind::Subscription {
        return false;
    }
    let mut sets = false;
    for item in &view.model.template.items {
        if item.broken {
            return false;
        }
        match &item.kind {
            ItemKind::Resource(resource) => {
                let tier = resource
                    .body
                    .member("properties")
                    .and_then(|properties| properties.member("pricingTier"))
                    .and_then(|tier| tier.as_str());
                let plain = resource.declaration.conditions.is_empty()
                    && resource.declaration.loops.is_none()
                    && resource.children.is_empty();
                let on = tier.is_some_and(|tier| tier.eq_ignore_ascii_case("Standard"));
                let extensions = resource
                    .body
                    .member("properties")
                    .and_then(|properties| properties.member("extensions"));
                if !plain || !on || !is_plan(resource, plan) || extensions.is_some() {
                    return false;
                }
                sets = true;
            }
            ItemKind::Parameter(parameter) if parameter.default.is_none() => return false,
            ItemKind::Module(_) => return false,
            _ => {}
        }
    }
    sets
}

fn insert_json(target: &Target, plan: Plan, conditional: bool) -> Option<Vec<FileEdit>> {
    let view = &*target.view;
    let names = bicep::names(plan);
    let mut edits = Vec::new();
    let condition = json::condition_at(view, target.anchor);
    if conditional && condition.is_none() {
        return None;
    }
    let mut value = match &target.form {
        Form::Resource => json::resource(&names),
        Form::Module(subscription) => {
            let subscription = match subscription {
                Subscription::Own => json::Json::text("[subscription().subscriptionId]"),
                Subscription::Expression(text) => json::Json::Raw(text.clone()),
                Subscription::Parameter => {
                    let (name, added) = json::subscription_parameter(view)?;
                    edits.extend(added);
                    json::Json::text(format!("[parameters('{name}')]"))
                }
            };
            let region = match target.scope() {
                ScopeKind::ResourceGroup => "resourceGroup().location",
                _ => "deployment().location",
            };
            // A deployment name is bound to its location in a subscription.
            let name = json::deployment_name(view, names.file);
            let name = format!("[concat('{name}-', {region})]");
            json::deployment(&names, &name, subscription, &format!("[{region}]"))
        }
    };
    if let json::Json::Object(members) = &mut value {
        if let Some(text) = condition.filter(|_| conditional) {
            members.insert(0, ("condition".to_owned(), json::Json::Raw(text)));
        }
        let after = order::last_resources(view)?;
        if !after.is_empty() {
            let after = after.into_iter().map(json::Json::Text).collect();
            let before = members.iter().position(|(name, _)| name == "properties");
            let at = before.unwrap_or(members.len());
            members.insert(at, ("dependsOn".to_owned(), json::Json::Array(after)));
        }
    }
    edits.extend(json::insert_resource(
        view,
        target.anchor.start,
        names.symbol,
        &value,
    )?);
    edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    Some(vec![FileEdit {
        path: view.path.clone(),
        create: false,
        edits,
    }])
}
