//! Inserts a plan's resource: in a file for the subscription directly, elsewhere through a module or a nested
//! deployment, with the order, the condition and the loop that it needs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::order;
use super::place::{Form, Target};
use crate::model::{FileKind, ItemKind, Resource, ScopeKind};
use crate::rules::fix::{FileEdit, FixContext, TextEdit, View};
use crate::syntax::data;
use crate::syntax::edit::{
    Declaration, New, NewDeclaration, Source, Value, declare, new_file, unused,
};
use crate::workspace::config::Plan;
use crate::workspace::disk;

/// The API version of an inserted `Containers` plan where the file has no newer one: the first that every scope takes.
pub(super) const VERSION: &str = "2024-01-01";

/// The oldest version that is taken over from other plans.
pub(super) const OLDEST_VERSION: &str = "2023-01-01";

/// The newest stable version, on 2026-11-01: what the linter rule `use-recent-api-versions` requires.
const NEWEST_VERSION: &str = "2026-07-01";

/// Configurations that extend each other are followed so far.
const MAX_EXTENDED: usize = 16;

pub(super) const PLAN: &str = "Microsoft.Security/pricings";

const SUBSCRIPTION_SCHEMA: &str =
    "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#";

/// What a plan is called in templates, and what a fix calls what it adds.
pub(super) struct Names {
    /// The plan: name of the pricing resource.
    pub(super) plan: &'static str,
    /// Bicep's symbol: for `ContainerRegistry` the one of the rule's page.
    symbol: &'static str,
    /// File and deployment name.
    file: &'static str,
    /// What titles call it.
    pub(super) title: &'static str,
    /// A note for titles.
    pub(super) note: &'static str,
}

/// The names of a plan.
pub(super) fn names(plan: Plan) -> Names {
    match plan {
        Plan::Containers => Names {
            plan: "Containers",
            symbol: "defenderForContainers",
            file: "defender-for-containers",
            title: "Defender for Containers",
            note: "paid",
        },
        Plan::ContainerRegistry => Names {
            plan: "ContainerRegistry",
            symbol: "defenderForContainerRegistry",
            file: "defender-for-container-registry",
            title: "Defender for container registries",
            note: "paid; legacy plan, only where it is on already",
        },
    }
}

/// The edits that insert the plan, those that are preferred first: always deployed, or as the registry is; by a file that
/// is there, or by a new one. `others`: how many are inserted into the same file with it.
pub(super) fn insertions(
    cx: &FixContext<'_>,
    target: &Target,
    plan: Plan,
    others: usize,
) -> Vec<Vec<FileEdit>> {
    let view = &target.view;
    let mut target = target.clone();
    let declares = |existing: bool| {
        let mut items = view.model.template.items.iter();
        items.any(|item| match &item.kind {
            ItemKind::Resource(one) => one.existing == existing && is_plan(one, plan.name()),
            _ => false,
        })
    };
    if target.form == Form::Resource && declares(false) {
        return Vec::new();
    }
    // A file cannot declare two resources of one name.
    if target.form == Form::Resource && declares(true) {
        target.form = Form::Module;
    }
    let at = view.source().top_declaration_at(target.of.start);
    let condition = at.and_then(|at| condition_of(&at, &target.form));
    let mut conditions = vec![None];
    conditions.extend(condition.is_some().then_some(condition));
    // The tier as the plans beside it have it, where that is a name for Standard.
    let plans = order::plans(view, cx.views);
    let neighbour = plans.last().filter(|_| target.form == Form::Resource);
    let neighbour = neighbour.and_then(|(span, _)| view.source().declaration_at(*span));
    let tier = neighbour.and_then(|plan| plan.member("properties")?.member("pricingTier"));
    let tier = tier.filter(|tier| tier.string().is_none() || tier.bracketed().is_some());
    let tiers = tier.map(|tier| New::Raw(tier.text().to_owned()));
    let tiers: Vec<New> = tiers.into_iter().chain([New::text("Standard")]).collect();
    let insertion = Insertion {
        cx,
        target: &target,
        names: names(plan),
        others,
        commented: neighbour.is_some_and(|plan| plan.has_comment()),
        version: version(cx, view, plan),
    };
    let mut found = Vec::new();
    for condition in &conditions {
        for tier in &tiers {
            match view.kind {
                FileKind::Bicep => found.extend(insertion.in_bicep(condition.as_deref(), tier)),
                FileKind::ArmTemplate => {
                    found.extend(insertion.in_json(condition.as_deref(), tier));
                }
                _ => {}
            }
        }
    }
    // A file that is there comes before a new one.
    found.sort_by_key(|files| files.len());
    found
}

/// The condition of a declaration, as text; of one that is repeated, that it has an iteration.
fn condition_of(at: &Declaration<'_>, form: &Form) -> Option<String> {
    let repeated = matches!(form, Form::ModuleTo(_));
    match (at.condition(), at.is_looped()) {
        (Some(_), true) if !repeated => None,
        (None, true) if !repeated => at.iteration_condition(),
        (condition, _) => Some(condition?.value.text().trim().to_owned()),
    }
}

fn is_plan(resource: &Resource, plan: &str) -> bool {
    let name = resource
        .declaration
        .name
        .as_ref()
        .and_then(|name| name.as_str());
    is_pricing(resource) && name.is_some_and(|name| name.eq_ignore_ascii_case(plan))
}

fn is_pricing(resource: &Resource) -> bool {
    resource
        .resource_type
        .as_ref()
        .is_some_and(|ty| ty.is(PLAN))
}

/// The API version to write: as other plans of the file, or else of the workspace, have it, or as the workspace's linter
/// requires.
fn version(cx: &FixContext<'_>, view: &View, plan: Plan) -> String {
    if lints(cx, view, "use-recent-api-versions") {
        return NEWEST_VERSION.to_owned();
    }
    if plan == Plan::ContainerRegistry {
        return "2018-06-01".to_owned();
    }
    let usable = |version: &&str| !version.contains("preview") && **version >= *OLDEST_VERSION;
    let own = view
        .model
        .template
        .items
        .iter()
        .filter_map(|item| match &item.kind {
            ItemKind::Resource(one) if is_pricing(one) => one.api_version.as_ref()?.as_str(),
            _ => None,
        });
    let workspace = cx.views.api_versions(PLAN);
    let others = workspace.iter().map(|version| &**version);
    let own = own.filter(usable).max();
    own.or_else(|| others.filter(usable).max())
        .unwrap_or(VERSION)
        .to_owned()
}

/// Whether `bicepconfig.json`, or what it extends, turns a rule of the linter on.
fn lints(cx: &FixContext<'_>, view: &View, rule: &str) -> bool {
    let mut path = cx.settings.bicep.file.clone();
    for _ in 0..MAX_EXTENDED {
        let Some(file) = path.filter(|_| view.kind == FileKind::Bicep) else {
            return false;
        };
        let text = cx.views.text_at(&file).unwrap_or_default();
        let data = data::jsonc(&text).data;
        let level = || {
            let rules = data.get("analyzers")?.get("core")?.get("rules")?;
            rules.get(rule)?.get("level")?.as_str()
        };
        if let Some(level) = level() {
            return !level.eq_ignore_ascii_case("off");
        }
        let extended = data.get("extends").and_then(|extends| extends.as_str());
        path = extended.and_then(|to| Some(disk::normalize(&file.parent()?.join(to))));
    }
    false
}

fn opening(condition: Option<&str>) -> String {
    condition.map_or_else(String::new, |text| format!("if ({text}) "))
}

fn member(key: &str, value: impl Into<String>) -> (String, New) {
    (key.to_owned(), New::text(value))
}

/// A plan to be inserted at one place.
struct Insertion<'a> {
    cx: &'a FixContext<'a>,
    target: &'a Target,
    names: Names,
    others: usize,
    /// The plan beside it has a comment.
    commented: bool,
    version: String,
}

impl Insertion<'_> {
    /// The members of the resource, which waits for others.
    fn resource(&self, depends_on: &[New], tier: &New) -> Vec<(String, New)> {
        let bicep = self.target.view.source().bicep;
        let tier = New::object([("pricingTier", tier.clone())]);
        let mut members = match bicep {
            true => Vec::new(),
            false => vec![member("type", PLAN), member("apiVersion", &self.version)],
        };
        members.push(member("name", self.names.plan));
        members.push(("properties".to_owned(), tier));
        if !depends_on.is_empty() {
            let at = if bicep { 2 } else { 3 };
            members.insert(at, ("dependsOn".to_owned(), New::List(depends_on.to_vec())));
        }
        members
    }

    /// The file of the target with a declaration more.
    fn declared(&self, new: &NewDeclaration) -> Option<FileEdit> {
        let view = &self.target.view;
        let mut edits = declare(view.source(), self.target.anchor.start, new)?;
        edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
        Some(FileEdit::of(view, edits))
    }

    /// The resource, or a module for each file that sets the plan.
    fn in_bicep(&self, condition: Option<&str>, tier: &New) -> Vec<Vec<FileEdit>> {
        let view = &*self.target.view;
        let source = view.source();
        let names = &self.names;
        let Some(waits) = order::last_plans(view, self.cx.views) else {
            return Vec::new();
        };
        let waits: Vec<New> = waits.into_iter().map(New::Raw).collect();
        let symbol = self.unused(names.symbol, "", &source.declared_names());
        let resource = |symbol: &str, condition: Option<&str>, waits: &[New]| NewDeclaration {
            head: format!(
                "resource {symbol} '{PLAN}@{}' = {}",
                self.version,
                opening(condition)
            ),
            tail: "",
            symbol: names.symbol,
            body: New::Object(self.resource(waits, tier)),
        };
        if self.target.form == Form::Resource {
            let mut new = resource(&symbol, condition, &waits);
            if self.commented {
                let newline = source.newline_at(self.target.anchor.start);
                new.head = format!("// {}{newline}{}", names.title, new.head);
            }
            let file = self.declared(&new);
            return file.into_iter().map(|file| vec![file]).collect();
        }
        let at = source.top_declaration_at(self.target.of.start);
        let (mut opening, mut tail, mut to) = (opening(condition), "", "");
        if let Form::ModuleTo(text) | Form::ModuleToFirst(text) = &self.target.form {
            to = text;
            if matches!(self.target.form, Form::ModuleTo(_))
                && let Some((at, head)) = at.and_then(|at| Some((at, at.loop_head()?)))
            {
                let own = at.condition().map(|own| source.slice(own.whole));
                opening = format!("{}{}", head.text, own.unwrap_or_default());
                tail = "]";
            }
        }
        let mut members = Vec::new();
        if !lints(self.cx, view, "no-module-name") {
            let name = self.deployment_name();
            members.push(("name".to_owned(), New::Raw(format!("'{name}'"))));
        }
        let scope = format!("{}({to})", source.function("subscription"));
        members.push(("scope".to_owned(), New::Raw(scope)));
        if !waits.is_empty() {
            members.push(("dependsOn".to_owned(), New::List(waits)));
        }
        let files = self.subscription_files(&resource(names.symbol, None, &[]));
        let with_file = |(path, created): (String, Option<FileEdit>)| {
            let module = NewDeclaration {
                head: format!("module {symbol} '{path}' = {opening}"),
                tail,
                symbol: names.symbol,
                body: New::Object(members.clone()),
            };
            Some(
                [self.declared(&module)?]
                    .into_iter()
                    .chain(created)
                    .collect(),
            )
        };
        files.into_iter().filter_map(with_file).collect()
    }

    /// The resource, or a nested deployment that sets the plan for a subscription. Its template has a scope of its own,
    /// so that it means the same wherever it is.
    fn in_json(&self, condition: Option<&str>, tier: &New) -> Option<Vec<FileEdit>> {
        let waits = order::last_plans(&self.target.view, self.cx.views)?;
        let waits: Vec<New> = waits.into_iter().map(New::Text).collect();
        let source = self.target.view.source();
        let at = source.top_declaration_at(self.target.of.start);
        let repeated = at.filter(|_| matches!(self.target.form, Form::ModuleTo(_)));
        let copy = Copy::of(source, repeated, self.names.file);
        let subscription = match &self.target.form {
            Form::Resource => None,
            Form::Module => Some(New::text("[subscription().subscriptionId]")),
            Form::ModuleTo(_) => Some(copy.text(at?.member("subscriptionId")?)),
            Form::ModuleToFirst(text) => Some(New::Raw(text.clone())),
        };
        let mut members = match subscription {
            None => self.resource(&waits, tier),
            Some(subscription) => {
                let mut members = vec![
                    member("type", "Microsoft.Resources/deployments"),
                    member("apiVersion", "2022-09-01"),
                    member(
                        "name",
                        format!("[concat('{}', {})]", self.deployment_name(), self.region()),
                    ),
                    ("subscriptionId".to_owned(), subscription),
                    member("location", format!("[{}]", self.region())),
                    ("properties".to_owned(), self.nested_template(tier)),
                ];
                if !waits.is_empty() {
                    members.insert(5, ("dependsOn".to_owned(), New::List(waits)));
                }
                members
            }
        };
        if let Some(condition) = condition {
            let own = repeated.and_then(|at| Some(copy.text(at.condition()?.value)));
            let condition = own.unwrap_or_else(|| New::Raw(condition.to_owned()));
            members.insert(0, ("condition".to_owned(), condition));
        }
        if let Some(count) = copy.count {
            let copy = New::object([("name", New::text(copy.name)), ("count", count)]);
            members.insert(3, ("copy".to_owned(), copy));
        }
        let new = NewDeclaration {
            head: String::new(),
            tail: "",
            symbol: self.names.symbol,
            body: New::Object(members),
        };
        Some(vec![self.declared(&new)?])
    }

    /// A name that is not taken, nor used by the others.
    fn unused(&self, name: &str, separator: &str, taken: &[&str]) -> String {
        let mut taken: Vec<String> = taken.iter().map(|&it| it.to_owned()).collect();
        for _ in 0..self.others {
            let other = unused(name, separator, taken.iter().map(String::as_str));
            taken.push(other);
        }
        unused(name, separator, taken.iter().map(String::as_str))
    }

    fn nested_template(&self, tier: &New) -> New {
        let template = New::object([
            ("$schema", New::text(SUBSCRIPTION_SCHEMA)),
            ("contentVersion", New::text("1.0.0.0")),
            (
                "resources",
                New::List(vec![New::Object(self.resource(&[], tier))]),
            ),
        ]);
        let inner = New::object([("scope", New::text("inner"))]);
        New::object([
            ("mode", New::text("Incremental")),
            ("expressionEvaluationOptions", inner),
            ("template", template),
        ])
    }

    /// The expression for the region of the deployment.
    fn region(&self) -> String {
        let function = match self.target.scope() {
            ScopeKind::ResourceGroup => "resourceGroup",
            _ => "deployment",
        };
        let source = self.target.view.source();
        match source.bicep {
            true => format!("{}().location", source.function(function)),
            false => format!("{function}().location"),
        }
    }

    /// The name of a deployment, which is bound to its location in a subscription, and that of no other deployment:
    /// in a template, up to the region.
    fn deployment_name(&self) -> String {
        let source = self.target.view.source();
        let declared = source.declarations();
        let names = declared.iter().filter_map(|one| one.member("name"));
        // Two names with expressions are equal before their first expression.
        let taken = names.map(|name| {
            let text = name.text().trim_matches(['\'', '"']);
            let text = text.trim_start_matches("[concat('");
            text.split(if source.bicep { "-${" } else { "-'" })
                .next()
                .unwrap_or_default()
        });
        let name = self.unused(self.names.file, "-", &taken.collect::<Vec<_>>());
        match source.bicep {
            true => format!("{name}-${{{}}}", self.region()),
            false => format!("{name}-"),
        }
    }

    /// The files that may set the plan, by their paths from the target's: one that is there, and a new one with its
    /// creation, beside the other modules of the file.
    fn subscription_files(&self, content: &NewDeclaration) -> Vec<(String, Option<FileEdit>)> {
        let (view, views) = (&*self.target.view, self.cx.views);
        let own = view.path.parent().unwrap_or(&view.path);
        let mut relative = module_folder(view);
        let mut folder = disk::normalize(&own.join(&relative));
        // A path in another case than the folder's, or a link that leaves the workspace.
        if !relative.as_os_str().is_empty()
            && (views.folder(&folder).names.is_empty() || !views.is_inside(&folder))
        {
            (relative, folder) = (PathBuf::new(), own.to_path_buf());
        }
        let dotted = module_paths(view).iter().any(|path| path.starts_with("./"));
        let path = |name: &str| {
            let path = relative.join(name).to_string_lossy().replace('\\', "/");
            if dotted { format!("./{path}") } else { path }
        };
        let beside = views.folder(&folder);
        let mut found = Vec::new();
        for (name, id) in &beside.subscription_files {
            let other = views.view(*id).filter(|other| other.file != view.file);
            if other.is_some_and(|other| sets_plan(&other, self.names.plan)) {
                found.push((path(name), None));
            }
        }
        found.truncate(1);
        let names = beside.names.iter();
        let stems = names.map(|name| name.rsplit_once('.').map_or(&**name, |(stem, _)| stem));
        let name = format!("{}.bicep", unused(self.names.file, "-", stems));
        let heading = view.source().heading();
        let licence = heading.iter().any(|line| {
            let line = line.to_ascii_lowercase();
            line.contains("licen") || line.contains("copyright")
        });
        let heading: &[&str] = if licence { &heading } else { &[] };
        let text = new_file(heading, "subscription", content, &view.text);
        let created = FileEdit {
            path: folder.join(&name).into(),
            create: true,
            edits: vec![TextEdit::insert(0, text)],
        };
        found.push((path(&name), Some(created)));
        found
    }
}

/// The loop around a new nested deployment: that of the registry's, under a name of its own.
struct Copy {
    name: String,
    count: Option<New>,
}

impl Copy {
    fn of(source: Source<'_>, like: Option<Declaration<'_>>, name: &str) -> Copy {
        let all = source.declarations();
        let names = all
            .iter()
            .filter_map(|one| one.member("copy")?.member("name")?.string());
        let names: Vec<String> = names.collect();
        let count = like.and_then(|one| one.member("copy")?.member("count"));
        Copy {
            name: unused(name, "-", names.iter().map(String::as_str)),
            count: count.map(|count| New::Raw(count.text().to_owned())),
        }
    }

    /// A value of the registry's deployment in this loop.
    fn text(&self, value: Value<'_>) -> New {
        let edit = value.with_strings(|function, _| {
            let counts = function.is_some_and(|it| it.eq_ignore_ascii_case("copyIndex"));
            (counts && self.count.is_some()).then(|| self.name.clone())
        });
        New::Raw(edit.map_or_else(|| value.text().to_owned(), |edit| edit.text))
    }
}

/// The paths of the file's modules that are files.
fn module_paths(view: &View) -> Vec<String> {
    let all = view.source().declarations();
    let paths = all.iter().filter(|one| one.is_module());
    let paths = paths.filter_map(|one| one.path()?.string());
    paths.filter(|path| !path.contains(':')).collect()
}

/// The folder that most modules of the file are in, from the file's own.
fn module_folder(view: &View) -> PathBuf {
    let mut counts: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for path in module_paths(view)
        .iter()
        .filter(|path| !path.starts_with("../"))
    {
        let path = Path::new(path.strip_prefix("./").unwrap_or(path));
        let folder = path.parent().unwrap_or(Path::new(""));
        *counts.entry(folder.to_path_buf()).or_default() += 1;
    }
    let most = counts.values().max().copied();
    let mut folders = counts.into_iter().filter(|(_, count)| Some(*count) == most);
    match (folders.next(), folders.next()) {
        (Some((folder, _)), None) => folder,
        // Each module has a folder of its own.
        _ => PathBuf::new(),
    }
}

/// Whether a file has a plan and requires no parameter. What else it deploys, verification shows.
fn sets_plan(view: &View, plan: &str) -> bool {
    let items = || view.model.template.items.iter();
    items().any(|item| matches!(&item.kind, ItemKind::Resource(one) if is_plan(one, plan)))
        && items().all(|item| match &item.kind {
            ItemKind::Parameter(one) => one.default.is_some(),
            _ => true,
        })
}
