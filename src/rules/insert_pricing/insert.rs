//! Inserts a plan's resource: in a file for the subscription directly, elsewhere through a module or a nested
//! deployment, with the order, the condition and the loop that it needs.

use std::path::{Path, PathBuf};

use super::order;
use super::place::{Form, Target};
use crate::model::{FileKind, ItemKind, Resource, ScopeKind};
use crate::rules::fix::{FileEdit, FixContext, TextEdit, View};
use crate::syntax::data;
use crate::syntax::edit::{Declaration, New, NewDeclaration, declare, new_file, unused};
use crate::text::Span;
use crate::workspace::config::Plan;
use crate::workspace::disk;

/// The API version of an inserted `Containers` plan where the file has no newer one: the first that every scope takes.
pub(super) const VERSION: &str = "2024-01-01";

/// The oldest version that is taken over from other plans.
pub(super) const OLDEST_VERSION: &str = "2023-01-01";

/// The newest stable version, on 2026-11-01: what the linter rule `use-recent-api-versions` asks for.
const NEWEST_VERSION: &str = "2026-07-01";

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

/// The edits that insert the plan, those that are preferred first: always deployed, or as the registry is.
pub(super) fn insertions(cx: &FixContext<'_>, target: &Target, plan: Plan) -> Vec<Vec<FileEdit>> {
    let view = &target.view;
    let mut target = target.clone();
    let named = |existing: bool| {
        let items = view.model.template.items.iter();
        items
            .filter_map(|item| match &item.kind {
                ItemKind::Resource(resource) => Some(resource),
                _ => None,
            })
            .any(|resource| resource.existing == existing && is_plan(resource, plan.name()))
    };
    if target.form == Form::Resource && named(false) {
        return Vec::new();
    }
    // A file cannot declare two resources of one name.
    if target.form == Form::Resource && named(true) {
        target.form = Form::Module;
    }
    let insert = match view.kind {
        FileKind::Bicep => insert_bicep,
        FileKind::ArmTemplate => insert_json,
        _ => return Vec::new(),
    };
    let at = view.source().top_declaration_at(target.anchor.start);
    let condition = at.and_then(|at| condition_of(&at, &target.form));
    let always = insert(cx, &target, plan, None);
    let conditional = condition.and_then(|text| insert(cx, &target, plan, Some(text)));
    always.into_iter().chain(conditional).collect()
}

/// The condition of a declaration, as text; of a loop over a list, that the list is not empty.
fn condition_of(at: &Declaration<'_>, form: &Form) -> Option<String> {
    let repeated = matches!(form, Form::ModuleTo(_));
    match (at.condition(), at.loop_head()) {
        (None, Some(head)) if !repeated => Some(format!("!empty({})", head.over.name()?)),
        (Some(_), Some(_)) => None,
        (condition, _) => Some(condition?.value.text().trim().to_owned()),
    }
}

fn is_plan(resource: &Resource, plan: &str) -> bool {
    let name = resource.declaration.name.as_ref();
    let ty = resource.resource_type.as_ref();
    ty.is_some_and(|ty| ty.is("Microsoft.Security/pricings"))
        && name
            .and_then(|name| name.as_str())
            .is_some_and(|name| name.eq_ignore_ascii_case(plan))
}

/// The API version to write: as other plans of the file have it, or as the workspace's linter asks for.
fn version(cx: &FixContext<'_>, view: &View, plan: Plan) -> String {
    if lints(cx, view, "use-recent-api-versions") {
        return NEWEST_VERSION.to_owned();
    }
    if plan == Plan::ContainerRegistry {
        return "2018-06-01".to_owned();
    }
    let items = view.model.template.items.iter();
    let versions = items.filter_map(|item| match &item.kind {
        ItemKind::Resource(resource) => {
            let ty = resource.resource_type.as_ref()?;
            let version = resource.api_version.as_ref()?.as_str()?;
            let stable = !version.contains("preview") && version >= OLDEST_VERSION;
            (stable && ty.is("Microsoft.Security/pricings")).then_some(version)
        }
        _ => None,
    });
    versions.max().unwrap_or(VERSION).to_owned()
}

/// Whether `bicepconfig.json` turns a rule of the linter on.
fn lints(cx: &FixContext<'_>, view: &View, rule: &str) -> bool {
    let level = || {
        let file = cx.settings.bicep.file.as_deref()?;
        let reading = data::jsonc(&cx.views.text_at(file)?);
        let rules = reading.data.get("analyzers")?.get("core")?.get("rules")?;
        let level = rules.get(rule)?.get("level")?.as_str()?;
        Some(!level.eq_ignore_ascii_case("off"))
    };
    view.kind == FileKind::Bicep && level().unwrap_or(false)
}

fn resource(version: &str, plan: &Names, bicep: bool, depends_on: New) -> Vec<(String, New)> {
    let tier = New::object([("pricingTier", New::text("Standard"))]);
    let mut members = Vec::new();
    let mut add = |name: &str, value: New| members.push((name.to_owned(), value));
    let waits = depends_on != New::List(Vec::new());
    if bicep {
        add("name", New::text(plan.plan));
        add("properties", tier);
        if waits {
            add("dependsOn", depends_on);
        }
        return members;
    }
    add("type", New::text("Microsoft.Security/pricings"));
    add("apiVersion", New::text(version));
    add("name", New::text(plan.plan));
    if waits {
        add("dependsOn", depends_on);
    }
    add("properties", tier);
    members
}

fn opening(condition: Option<&str>) -> String {
    condition.map_or_else(String::new, |text| format!("if ({text}) "))
}

fn insert_bicep(
    cx: &FixContext<'_>,
    target: &Target,
    plan: Plan,
    condition: Option<String>,
) -> Option<Vec<FileEdit>> {
    let view = &*target.view;
    let source = view.source();
    let names = names(plan);
    let symbol = unused(names.symbol, "", source.declared_names().iter().copied());
    let after = order::last_plans(view, cx.views);
    let depends_on = New::List(after.into_iter().map(New::Raw).collect());
    let version = version(cx, view, plan);
    let head = |symbol: &str, condition: Option<&str>| {
        let opening = opening(condition);
        format!("resource {symbol} 'Microsoft.Security/pricings@{version}' = {opening}")
    };
    let of_view = |edits: Vec<TextEdit>| FileEdit {
        path: view.path.clone(),
        create: false,
        edits,
    };
    let mut new = NewDeclaration {
        head: head(&symbol, condition.as_deref()),
        tail: "",
        symbol: names.symbol,
        body: New::Object(resource(&version, &names, true, depends_on.clone())),
    };
    if target.form == Form::Resource {
        let edits = declare(source, target.anchor.start, &new)?;
        return Some(vec![of_view(edits)]);
    }
    let content = NewDeclaration {
        head: head(names.symbol, None),
        body: New::Object(resource(&version, &names, true, New::List(Vec::new()))),
        ..new
    };
    let (path, created) = subscription_file(cx, view, plan, &content)?;
    let at = source.top_declaration_at(target.anchor.start)?;
    let mut opening = opening(condition.as_deref());
    let mut tail = "";
    if let (Form::ModuleTo(_), Some(head)) = (&target.form, at.loop_head()) {
        let own = at
            .condition()
            .map(|condition| source.slice(condition.whole));
        opening = format!("{}{}", head.text, own.unwrap_or_default());
        tail = "]";
    }
    let mut members = Vec::new();
    if !lints(cx, view, "no-module-name") {
        let name = deployment_name(target, names.file);
        members.push(("name".to_owned(), New::Raw(format!("'{name}'"))));
    }
    let to = match &target.form {
        Form::ModuleTo(text) => text.as_str(),
        _ => "",
    };
    let scope = format!("{}({to})", source.function("subscription"));
    members.push(("scope".to_owned(), New::Raw(scope)));
    if depends_on != New::List(Vec::new()) {
        members.push(("dependsOn".to_owned(), depends_on));
    }
    new = NewDeclaration {
        head: format!("module {symbol} '{path}' = {opening}"),
        tail,
        symbol: names.symbol,
        body: New::Object(members),
    };
    let mut files = vec![of_view(declare(source, target.anchor.start, &new)?)];
    files.extend(created);
    Some(files)
}

/// The name of a deployment, which is bound to its location in a subscription, and that of no other deployment.
fn deployment_name(target: &Target, name: &str) -> String {
    let source = target.view.source();
    let declared = source.declarations();
    let names = declared.iter().filter(|one| one.is_module());
    let names = names.filter_map(|one| one.member("name").map(|name| name.text()));
    // Two interpolated names are equal before their first expression.
    let taken: Vec<&str> = names
        .map(|text| {
            text.trim_matches('\'')
                .split("-${")
                .next()
                .unwrap_or_default()
        })
        .collect();
    let name = unused(name, "-", taken.iter().copied());
    let region = match target.scope() {
        ScopeKind::ResourceGroup => source.function("resourceGroup"),
        _ => source.function("deployment"),
    };
    format!("{name}-${{{region}().location}}")
}

/// The file that sets the plan, by its path from `view`: one that is there, or a new one with its creation, beside the
/// other modules of the file.
fn subscription_file(
    cx: &FixContext<'_>,
    view: &View,
    plan: Plan,
    content: &NewDeclaration,
) -> Option<(String, Option<FileEdit>)> {
    let own = view.path.parent()?;
    let names = names(plan);
    let mut relative = module_folder(view);
    let mut folder = disk::normalize(&own.join(&relative));
    // A path in another case than the folder's, or a link that leaves the workspace.
    let beside_the_file = relative.as_os_str().is_empty();
    if !beside_the_file
        && (cx.views.folder(&folder).names.is_empty() || !cx.views.is_inside(&folder))
    {
        (relative, folder) = (PathBuf::new(), own.to_path_buf());
    }
    let path = |name: &str| {
        let dotted = dotted_paths(view);
        let path = relative.join(name).to_string_lossy().replace('\\', "/");
        if dotted { format!("./{path}") } else { path }
    };
    let beside = cx.views.folder(&folder);
    let reusable = beside.subscription_files.iter().find(|(_, id)| {
        let other = cx.views.view(*id).filter(|other| other.file != view.file);
        other.is_some_and(|other| sets_plan(&other, names.plan))
    });
    if let Some((name, _)) = reusable {
        return Some((path(name), None));
    }
    let stems = beside
        .names
        .iter()
        .map(|name| name.rsplit_once('.').map_or(&**name, |(stem, _)| stem));
    let name = format!("{}.bicep", unused(names.file, "-", stems));
    let heading = view.source().heading();
    let licence = heading.iter().any(|line| {
        let line = line.to_ascii_lowercase();
        line.contains("licen") || line.contains("copyright")
    });
    let heading: &[&str] = if licence { &heading } else { &[] };
    let created = FileEdit {
        path: folder.join(&name).into(),
        create: true,
        edits: vec![TextEdit {
            span: Span::default(),
            text: new_file(heading, "subscription", content, &view.text),
        }],
    };
    Some((path(&name), Some(created)))
}

/// The paths of the file's modules that are files.
fn module_paths(view: &View) -> Vec<String> {
    let all = view.source().declarations();
    let paths = all.iter().filter(|one| one.is_module());
    let paths = paths.filter_map(|one| one.path()?.string());
    paths.filter(|path| !path.contains(':')).collect()
}

fn dotted_paths(view: &View) -> bool {
    module_paths(view).iter().any(|path| path.starts_with("./"))
}

/// The folder that most modules of the file lie in, from the file's own.
fn module_folder(view: &View) -> PathBuf {
    let mut counts: Vec<(PathBuf, usize)> = Vec::new();
    for path in module_paths(view) {
        let path = path.strip_prefix("./").unwrap_or(&path).to_owned();
        let folder = Path::new(&path).parent().unwrap_or(Path::new(""));
        if path.starts_with("../") {
            continue;
        }
        match counts.iter_mut().find(|(known, _)| known == folder) {
            Some((_, count)) => *count += 1,
            None => counts.push((folder.to_path_buf(), 1)),
        }
    }
    counts.sort_by_key(|(folder, count)| (std::cmp::Reverse(*count), folder.components().count()));
    counts
        .into_iter()
        .next()
        .map_or(PathBuf::new(), |(folder, _)| folder)
}

/// Whether a file does nothing but set a plan to Standard for a subscription, without asking for anything.
fn sets_plan(view: &View, plan: &str) -> bool {
    if view.kind != FileKind::Bicep || super::place::scope(view) != ScopeKind::Subscription {
        return false;
    }
    let mut sets = false;
    for item in &view.model.template.items {
        if item.broken {
            return false;
        }
        match &item.kind {
            ItemKind::Resource(resource) => {
                let properties = resource.body.member("properties");
                let tier = properties.and_then(|properties| properties.member("pricingTier"));
                let tier = tier.and_then(|tier| tier.as_str());
                let on = tier.is_some_and(|tier| tier.eq_ignore_ascii_case("Standard"));
                let extensions = properties.and_then(|all| all.member("extensions"));
                let plain = resource.declaration.conditions.is_empty()
                    && resource.declaration.loops.is_none()
                    && resource.children.is_empty()
                    && !resource.existing;
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

fn insert_json(
    cx: &FixContext<'_>,
    target: &Target,
    plan: Plan,
    condition: Option<String>,
) -> Option<Vec<FileEdit>> {
    let view = &*target.view;
    let names = names(plan);
    let version = version(cx, view, plan);
    let after = order::last_resources(view)?.into_iter().map(New::Text);
    let depends_on = New::List(after.collect());
    let mut members = match &target.form {
        Form::Resource => resource(&version, &names, false, depends_on),
        form => {
            let subscription = match form {
                Form::ModuleTo(text) => New::Raw(text.clone()),
                _ => New::text("[subscription().subscriptionId]"),
            };
            let plan = New::Object(resource(&version, &names, false, New::List(Vec::new())));
            deployment(target, names.file, subscription, depends_on, plan)
        }
    };
    if let Some(text) = condition {
        members.insert(0, ("condition".to_owned(), New::Raw(text)));
    }
    let new = NewDeclaration {
        head: String::new(),
        tail: "",
        symbol: names.symbol,
        body: New::Object(members),
    };
    let mut edits = declare(view.source(), target.anchor.start, &new)?;
    edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    Some(vec![FileEdit {
        path: view.path.clone(),
        create: false,
        edits,
    }])
}

/// A nested deployment that sets the plan for a subscription. Its template has a scope of its own, so that it means the
/// same wherever it is.
fn deployment(
    target: &Target,
    name: &str,
    subscription: New,
    depends_on: New,
    plan: New,
) -> Vec<(String, New)> {
    let region = match target.scope() {
        ScopeKind::ResourceGroup => "resourceGroup().location",
        _ => "deployment().location",
    };
    let declared = target.view.source().declarations();
    let names = declared
        .iter()
        .filter_map(|one| one.member("name")?.string());
    // The names before their first expression.
    let taken: Vec<String> = names
        .map(|name| {
            name.trim_start_matches("[concat('")
                .split("-'")
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    let name = unused(name, "-", taken.iter().map(String::as_str));
    let template = New::object([
        (
            "$schema",
            New::text(
                "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#",
            ),
        ),
        ("contentVersion", New::text("1.0.0.0")),
        ("resources", New::List(vec![plan])),
    ]);
    let properties = New::object([
        ("mode", New::text("Incremental")),
        (
            "expressionEvaluationOptions",
            New::object([("scope", New::text("inner"))]),
        ),
        ("template", template),
    ]);
    let waits = depends_on != New::List(Vec::new());
    let members = [
        ("type", New::text("Microsoft.Resources/deployments")),
        ("apiVersion", New::text("2022-09-01")),
        ("name", New::text(format!("[concat('{name}-', {region})]"))),
        ("subscriptionId", subscription),
        ("location", New::text(format!("[{region}]"))),
        ("dependsOn", depends_on),
        ("properties", properties),
    ];
    members
        .into_iter()
        .filter(|(name, _)| waits || *name != "dependsOn")
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
