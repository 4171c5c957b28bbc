//! Expands an entry point with its parameter values into the list of resources that it deploys.

use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxHashMap;

use super::context::Context;
use super::evaluate::{settled, value_of};
use super::loops::{Iteration, each_iteration, each_unchosen};
use super::modules::{self, Asked, Entered};
use super::scope::{Env, Frame, Inputs, Origin, Section, Symbol};
use super::value::{Kind, Members, TOO_LARGE, Value};
use super::{
    DeploymentScope, Existence, Expansion, Files, Instance, ModuleUse, ResourceFilter, Unmet,
    Unread, canonicalize, existence, known, order, places, symbols,
};
use crate::model::{
    Declaration, Expr, ExprKind, FileId, FileKind, Ident, ItemKey, ItemKind, Member, Module,
    NodeRef, Resource, ScopeKind, Target, Template, TypeExpr, older_form,
};

pub use super::parameters::arguments;

/// Values given to an entry point's parameters, by a parameter file or the configuration.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Arguments {
    /// By parameter name.
    pub values: IndexMap<Ident, Value, rustc_hash::FxBuildHasher>,
    /// Why the parameter file does not compile, and where that is.
    pub fault: Option<(Arc<str>, NodeRef)>,
}

/// Instances of one deployment, beyond which each further loop becomes one.
const MAX_INSTANCES: usize = 10_000;

/// Modules in modules are followed this far.
const MAX_MODULES: usize = 100;

/// Steps that entering a module costs: building a frame, reading its names.
const MODULE_STEPS: usize = 50;

/// Expands an entry point.
pub fn expand(
    file: FileId,
    template: &Arc<Template>,
    arguments: &Arguments,
    files: &dyn Files,
    want: &ResourceFilter,
) -> Expansion {
    let cx = Context::new(files);
    let kind = scope_of(template);
    let scope = DeploymentScope {
        assumed: template.scope.is_some_and(|declared| declared != kind),
        ..DeploymentScope::here(kind)
    };
    let origin = Origin::new(file, template.clone(), ItemKey::FILE);
    let frame = Frame::new(origin, Inputs::Entry(arguments), scope.clone());
    let mut out = Out {
        want,
        expansion: Expansion {
            files: vec![file],
            ..Expansion::default()
        },
        relevant: FxHashMap::default(),
    };
    let site = Site {
        here: &scope,
        existence: match &arguments.fault {
            Some((reason, place)) => existence::of_fault(reason.clone(), *place),
            None => Existence::Always,
        },
        copies: Some(1),
        via: Arc::new([]),
    };
    expand_template(&cx, &mut out, frame.env(0), &site);
    out.expansion
}

/// The values of a deployment's outputs, as far as they are known beforehand.
pub(crate) fn outputs(
    file: FileId,
    template: &Arc<Template>,
    arguments: &Arguments,
    files: &dyn Files,
) -> Vec<(Ident, Value)> {
    let cx = Context::new(files);
    let scope = DeploymentScope::here(scope_of(template));
    let origin = Origin::new(file, template.clone(), ItemKey::FILE);
    let frame = Frame::new(origin, Inputs::Entry(arguments), scope);
    let items = (0u32..).zip(&template.items);
    let values = items.filter_map(|(number, item)| match &item.kind {
        ItemKind::Output(output) => {
            let value = settled(&cx, frame.env(number), &output.value);
            Some((output.name.clone(), value))
        }
        _ => None,
    });
    values.collect()
}

/// The use of a template that is being expanded.
pub(crate) struct Site<'s> {
    pub here: &'s DeploymentScope,
    pub existence: Existence,
    /// As [`Instance::copies`], for the modules on the way.
    pub copies: Option<u64>,
    pub via: Arc<[ModuleUse]>,
}

impl Site<'_> {
    /// The same use, of what may not exist.
    fn and(&self, existence: Existence) -> Self {
        Site {
            here: self.here,
            existence: self.existence.and(existence),
            copies: self.copies,
            via: self.via.clone(),
        }
    }
}

/// What was found so far.
pub(crate) struct Out<'w> {
    pub want: &'w ResourceFilter,
    pub expansion: Expansion,
    /// By address; the template is held so that no other takes its place.
    relevant: FxHashMap<*const Template, (Arc<Template>, bool)>,
}

impl Out<'_> {
    /// There are so many instances that each further loop becomes one.
    fn full(&self) -> bool {
        self.expansion.instances.len() >= MAX_INSTANCES
    }

    fn note_unread(&mut self, unread: Unread) {
        if !self.expansion.unread.contains(&unread) {
            self.expansion.unread.push(unread);
        }
    }

    fn note_file(&mut self, file: Option<FileId>) {
        if let Some(file) = file
            && !self.expansion.files.contains(&file)
        {
            self.expansion.files.push(file);
        }
    }

    /// Whether a template can deploy anything wanted; what it refers to may.
    fn is_relevant(&mut self, template: &Arc<Template>) -> bool {
        if self.want.types.is_empty() {
            return true;
        }
        let key = Arc::as_ptr(template);
        if let Some((_, known)) = self.relevant.get(&key) {
            return *known;
        }
        let relevant = template.items.iter().any(|item| match &item.kind {
            ItemKind::Resource(resource) => self.want.may_deploy(resource),
            ItemKind::Module(module) => match &module.target {
                Target::Inline(template) => self.is_relevant(template),
                _ => true,
            },
            _ => item.broken,
        });
        self.relevant.insert(key, (template.clone(), relevant));
        relevant
    }
}

/// A deployment or stack that is declared as a resource, as the module that it is.
fn as_module(template: &Template, resource: &Resource) -> Module {
    let properties = resource.body.member("properties");
    let literal = properties.is_some_and(|p| matches!(p.kind, ExprKind::Object(_)));
    let member = |name: &str| properties.and_then(|properties| properties.member(name));
    let arguments = member("parameters").map(|parameters| match &parameters.kind {
        ExprKind::Object(members) => {
            let values = members.iter().filter_map(|member| match member {
                Member::Property { key, value } => Some(Member::Property {
                    key: key.clone(),
                    value: value.member("value")?.clone(),
                }),
                Member::Spread(_) => None,
            });
            Expr::new(parameters.node, ExprKind::Object(values.collect()))
        }
        _ => parameters.clone(),
    });
    let mut declaration = resource.declaration.clone();
    let own = |name: &str| resource.body.member(name).cloned();
    declaration.subscription = declaration.subscription.or_else(|| own("subscriptionId"));
    declaration.resource_group = declaration.resource_group.or_else(|| own("resourceGroup"));
    if let Some(scope) = member("deploymentScope") {
        declaration.scope = Some(scope.clone());
    }
    let options = member("expressionEvaluationOptions");
    let target = match (member("template"), properties) {
        (Some(template), _) => Target::Value(template.clone()),
        (None, Some(properties)) if !literal => Target::Value(Expr::invalid(
            properties.node,
            "its properties are computed",
        )),
        _ => match member("templateLink") {
            Some(link) => Target::Uri(link.member("uri").unwrap_or(link).clone()),
            None => Target::Missing,
        },
    };
    Module {
        declaration,
        target,
        arguments,
        evaluation: options.map(|options| match options.member("scope") {
            Some(scope) => scope.clone(),
            None => Expr::member_of(options.clone(), "scope"),
        }),
        versioned: has_language_version(template),
    }
}

/// Whether Bicep compiles a file to `languageVersion` 2.0, where nested deployments have inner scope.
fn has_language_version(template: &Template) -> bool {
    template.items.iter().any(|item| match &item.kind {
        _ if item.modern => true,
        ItemKind::Type(_) | ItemKind::Import(_) | ItemKind::Function(_) => true,
        ItemKind::Module(module) => module.declaration.name.is_none(),
        ItemKind::Resource(resource) => {
            resource.existing && resource.body.member("dependsOn").is_some()
        }
        ItemKind::Parameter(parameter) => {
            let plain = matches!(parameter.ty, TypeExpr::Any | TypeExpr::Primitive(_));
            parameter.nullable || !plain
        }
        _ => false,
    })
}

fn expand_template(cx: &Context<'_>, out: &mut Out<'_>, env: Env<'_>, site: &Site<'_>) {
    let template: &Template = &env.origin.template;
    let first = out.expansion.instances.len();
    for (number, item) in (0u32..).zip(&template.items) {
        let env = Env {
            item: number,
            ..env
        };
        if item.broken {
            out.expansion.broken.push(env.place(0));
            continue;
        }
        match &item.kind {
            ItemKind::Resource(resource) if out.want.may_deploy(resource) => {
                let fault = declared_twice(env, &resource.declaration).map(|it| site.and(it));
                let site = fault.as_ref().unwrap_or(site);
                expand_resource(cx, out, env, site, &mut Vec::new(), resource);
            }
            ItemKind::Module(module) => {
                let fault = declared_twice(env, &module.declaration).map(|it| site.and(it));
                expand_module(cx, out, env, fault.as_ref().unwrap_or(site), module);
            }
            _ => {}
        }
    }
    order::note(cx, out, env, first);
}

/// A symbol that is declared twice does not compile.
fn declared_twice(env: Env<'_>, declaration: &Declaration) -> Option<Existence> {
    let name = declaration.symbol.as_ref().filter(|_| env.is_bicep())?;
    let found = env.frame.find(Section::Value, name.as_str());
    let reason = || format!("the name '{name}' is declared twice").into();
    matches!(found, Some(Symbol::Twice)).then(|| existence::of_fault(reason(), env.place(0)))
}

/// How many instances two loops around each other make; what an empty one holds is never made.
fn times(inner: Option<u64>, outer: Option<u64>) -> Option<u64> {
    match (inner, outer) {
        (Some(0), _) | (_, Some(0)) => Some(0),
        (inner, outer) => Some(inner? * outer?),
    }
}

/// What is done at each iteration: where, whether the loop takes it, and how many instances it represents.
type EachIteration<'f, 'o> = dyn FnMut(&mut Out<'o>, Env<'_>, Existence, Option<u64>) + 'f;

/// Runs `f` at each iteration of a declaration, or once; `Existence` is that of the loop alone.
fn each<'o>(
    cx: &Context<'_>,
    out: &mut Out<'o>,
    env: Env<'_>,
    declaration: &Declaration,
    f: &mut EachIteration<'_, 'o>,
) {
    let Some(over) = &declaration.loops else {
        return f(out, env, Existence::Always, Some(1));
    };
    let mut cut = false;
    each_iteration(cx, env, over, true, &mut |env, iteration| match iteration {
        Iteration::Known(_) if out.full() => {
            // One more represents all that are left.
            if !std::mem::replace(&mut cut, true) {
                let existence = existence::of_open_loop(cx, env, over, TOO_LARGE.into());
                f(out, env, existence, None);
            }
        }
        Iteration::Known(_) => f(out, env, Existence::Always, Some(1)),
        Iteration::Open(reason) => {
            let existence = existence::of_open_loop(cx, env, over, reason);
            f(out, env, existence, None);
        }
        Iteration::Never => {
            let unmet = Unmet {
                place: existence::loop_place(env, over),
                text: "".into(),
            };
            f(out, env, Existence::Never(Some(unmet)), Some(0));
        }
    });
}

fn expand_resource<'t>(
    cx: &Context<'_>,
    out: &mut Out<'_>,
    env: Env<'_>,
    site: &Site<'_>,
    chain: &mut Vec<&'t Resource>,
    resource: &'t Resource,
) {
    if resource.is_deployment() {
        if resource.deploys_template() {
            expand_module(
                cx,
                out,
                env,
                site,
                &as_module(&env.frame.origin.template, resource),
            );
        }
        return;
    }
    chain.push(resource);
    let wanted = match &resource.resource_type {
        Some(ty) => out.want.wants(ty.as_str()),
        None => true,
    } && (!resource.existing || out.want.existing);
    // Bicep's lowering gives children their parents' loops; ARM's are deployed in each iteration of their parent.
    let inside = !env.is_bicep() && resource.declaration.loops.is_some();
    if wanted || inside {
        each(
            cx,
            out,
            env,
            &resource.declaration,
            &mut |out, env, iteration, copies| {
                let site = Site {
                    copies: times(copies, site.copies),
                    ..site.and(iteration)
                };
                if wanted {
                    expand_instance(cx, out, env, &site, chain);
                }
                if inside {
                    for child in &resource.children {
                        expand_resource(cx, out, env, &site, &mut chain.clone(), child);
                    }
                }
            },
        );
        if wanted && !matches!(site.existence, Existence::Never(_)) {
            expand_unchosen(cx, out, env, site, chain);
        }
    }
    if !inside {
        for child in &resource.children {
            expand_resource(cx, out, env, site, chain, child);
        }
    }
    chain.pop();
}

/// The instances for elements that conditions keep out of a loop's list.
fn expand_unchosen(
    cx: &Context<'_>,
    out: &mut Out<'_>,
    env: Env<'_>,
    site: &Site<'_>,
    chain: &[&Resource],
) {
    let over = chain.last().and_then(|one| one.declaration.loops.as_ref());
    let Some(over) = over else {
        return;
    };
    let first = out.expansion.instances.len();
    each_unchosen(cx, env, over, &mut |env, unmet| {
        let site = Site {
            copies: Some(0),
            ..site.and(Existence::Never(Some(unmet)))
        };
        expand_instance(cx, out, env, &site, chain);
    });
    let unchosen = out.expansion.instances.drain(first..);
    out.expansion.unchosen.extend(unchosen);
}

/// One instance of the innermost resource of `chain`.
fn expand_instance(
    cx: &Context<'_>,
    out: &mut Out<'_>,
    env: Env<'_>,
    site: &Site<'_>,
    chain: &[&Resource],
) {
    let Some(resource) = chain.last() else { return };
    let declaration = &resource.declaration;
    let own = existence::of_conditions(cx, env, &declaration.conditions);
    let existence = site.existence.and(own);
    let unread = |out: &mut Out<'_>, reason: &str| {
        out.note_unread(Unread {
            reference: "a resource".into(),
            place: env.place(declaration.type_node),
            reason: reason.into(),
            harmless: matches!(existence, Existence::Never(_)),
            via: site.via.clone(),
        });
    };
    let everything = out.want.types.is_empty();
    let mut resource_type = match (&resource.resource_type, resource.body.member("type")) {
        (Some(ty), _) => ty.clone(),
        (None, ty) => match ty.map(|ty| value_of(cx, env, ty).kind) {
            Some(Kind::Str(ty)) => Ident::new(ty),
            _ if everything => Ident::from("unknown"),
            _ => return unread(out, "its type is not known"),
        },
    };
    let mut name = symbols::full_name(cx, env, chain);
    if let (Some(expr), [_], None) = (&declaration.name, chain, &resource.parent) {
        name = canonicalize::with_canonical(cx, env, expr, name);
    }
    let mut scope = places::of_resource(cx, env, site.here, chain);
    if !everything && let Some(parts) = older_form(resource_type.as_str()) {
        let Some((ty, own, of)) = places::extension(parts, &name) else {
            return unread(out, "its name does not show which resource it is");
        };
        scope.resource = Some(of);
        (resource_type, name) = (ty, own);
    }
    if !out.want.wants(resource_type.as_str()) {
        return;
    }
    // The body of a resource that is not deployed is not needed.
    let body = match existence {
        Existence::Never(_) => Value::object(Members::default(), Some("it is not deployed".into())),
        _ => body(cx, env, &resource.body, out.want.body),
    };
    let version = resource.api_version.as_ref();
    out.expansion.instances.push(Instance {
        resource_type,
        api_version: version.map_or(Value::NULL, |version| settled(cx, env, version)),
        name,
        existing: resource.existing,
        existence,
        copies: site.copies,
        scope,
        body,
        type_place: env.place(declaration.type_node),
        place: env.place(declaration.node),
        via: site.via.clone(),
        known_module: false,
    });
}

/// The members of the body that are wanted.
fn body(cx: &Context<'_>, env: Env<'_>, body: &Expr, want: &[&str]) -> Value {
    if want.is_empty() {
        return Value::object(Members::default(), None);
    }
    let wanted = |name: &str| want.iter().any(|wanted| name.eq_ignore_ascii_case(wanted));
    let literal = match &body.kind {
        ExprKind::Object(members) => members.iter().all(|member| match member {
            Member::Property { key, .. } => key.as_str().is_some(),
            Member::Spread(_) => false,
        }),
        _ => false,
    };
    let mut members = Members::default();
    if let (ExprKind::Object(written), true) = (&body.kind, literal) {
        for member in written {
            if let Member::Property { key, value } = member
                && let Some(name) = key.as_str()
                && wanted(name)
            {
                let before = members.insert(Ident::from(name), settled(cx, env, value));
                if before.is_some() && env.is_bicep() {
                    let reason = format!("the key '{name}' is written twice");
                    members.insert(Ident::from(name), Value::unknown(reason));
                }
            }
        }
        return Value::object(members, None);
    }
    let whole = settled(cx, env, body);
    match &whole.kind {
        Kind::Object(object) => {
            for (name, value) in &object.members {
                if wanted(name.as_str()) {
                    members.insert(name.clone(), value.clone());
                }
            }
            Value::object(members, object.open.clone())
        }
        _ => whole,
    }
}

fn expand_module(
    cx: &Context<'_>,
    out: &mut Out<'_>,
    env: Env<'_>,
    site: &Site<'_>,
    module: &Module,
) {
    if let Target::Inline(template) = &module.target
        && !out.is_relevant(template)
    {
        return;
    }
    each(
        cx,
        out,
        env,
        &module.declaration,
        &mut |out, env, iteration, copies| {
            let site = Site {
                here: site.here,
                existence: site.existence.and(iteration),
                copies: times(copies, site.copies),
                via: site.via.clone(),
            };
            modules::enter(cx, env, site.here, module, Asked::Resources, |entered| {
                expand_entered(cx, out, env, &site, module, entered)
            });
        },
    );
}

/// The reference of a module as written; empty for an inline or computed template.
fn written_reference(module: &Module) -> Arc<str> {
    match &module.target {
        Target::Reference(reference) => reference.text.clone(),
        _ => "".into(),
    }
}

/// Whether nothing in a module matters: a public module that deploys nothing a rule needs, or a template without it.
fn is_skipped(out: &mut Out<'_>, entered: &Entered<'_>) -> bool {
    match entered {
        Entered::Unread { harmless, .. } => *harmless && !out.want.types.is_empty(),
        Entered::Template { env, .. } => !out.is_relevant(&env.origin.template),
        _ => false,
    }
}

fn expand_entered(
    cx: &Context<'_>,
    out: &mut Out<'_>,
    env: Env<'_>,
    site: &Site<'_>,
    module: &Module,
    entered: Entered<'_>,
) {
    if is_skipped(out, &entered) {
        return;
    }
    let existence = || {
        let own = existence::of_conditions(cx, env, &module.declaration.conditions);
        site.existence.and(own)
    };
    let place = modules::place_of(env, module);
    let step = |file| ModuleUse {
        place,
        declaration: env.place(module.declaration.node),
        reference: written_reference(module),
        file,
    };
    let via = |file| -> Arc<[ModuleUse]> { site.via.iter().cloned().chain([step(file)]).collect() };
    let unread = |out: &mut Out<'_>, reference: Arc<str>, reason: Arc<str>, harmless| {
        out.note_unread(Unread {
            reference,
            place,
            reason,
            harmless,
            via: site.via.clone(),
        });
    };
    match entered {
        Entered::Template { env: inner, scope } => {
            let (file, known) = (inner.origin.own_file(), inner.origin.is_known_module());
            if site.via.len() >= MAX_MODULES || !cx.spend(MODULE_STEPS) {
                let harmless = matches!(existence(), Existence::Never(_));
                return unread(out, written_reference(module), TOO_LARGE.into(), harmless);
            }
            out.note_file(file);
            let existence = match undeclared_argument(module, inner).filter(|_| !known) {
                Some(reason) => existence().and(existence::of_fault(reason, place)),
                None => existence(),
            };
            let site = Site {
                here: scope,
                existence,
                copies: site.copies,
                via: via(file),
            };
            let first = out.expansion.instances.len();
            cx.on_large_stack(|| expand_template(cx, out, inner, &site));
            if known {
                known::attribute(out, first, env, module);
            }
        }
        Entered::Unread {
            reference,
            reason,
            harmless,
        } => {
            let harmless = harmless || matches!(existence(), Existence::Never(_));
            unread(out, reference, reason, harmless);
        }
        Entered::Cycle if out.expansion.cycles.contains(&place) => {}
        Entered::Cycle => out.expansion.cycles.push(place),
    }
}

/// The fault of a Bicep module that is given an argument for which it has no parameter.
fn undeclared_argument(module: &Module, inner: Env<'_>) -> Option<Arc<str>> {
    let ExprKind::Object(arguments) = &module.arguments.as_ref()?.kind else {
        return None;
    };
    if !matches!(module.target, Target::Reference(_)) || !inner.is_bicep() {
        return None;
    }
    let mut names = arguments.iter().filter_map(|member| match member {
        Member::Property { key, .. } => key.as_str(),
        Member::Spread(_) => None,
    });
    let name = names.find(|name| inner.frame.find(Section::Value, name).is_none())?;
    Some(format!("a module is given '{name}', which it does not declare").into())
}

/// Resource types that exist at a subscription alone.
const SUBSCRIPTION_TYPES: &[&str] = &[
    "Microsoft.Resources/resourceGroups",
    "Microsoft.Security/pricings",
    "Microsoft.Security/autoProvisioningSettings",
    "Microsoft.Security/securityContacts",
    "Microsoft.Security/settings",
    "Microsoft.Security/workspaceSettings",
];

/// Providers whose types state nothing about the scope.
const NEUTRAL_PROVIDERS: &[&str] = &[
    "Microsoft.Authorization/",
    "Microsoft.PolicyInsights/",
    "Microsoft.Resources/deployments",
    "Microsoft.Insights/diagnosticSettings",
    "Microsoft.Insights/activityLogAlerts",
    "Microsoft.Security/",
    "Microsoft.Consumption/",
    "Microsoft.CostManagement/",
];

/// The scope a template is deployed at: the one that it declares, else resource group; but an ARM template that holds resources
/// of subscriptions, and none of resource groups, is deployed to a subscription whatever its `$schema` states.
pub fn scope_of(template: &Template) -> ScopeKind {
    let declared = template.scope.unwrap_or(ScopeKind::ResourceGroup);
    if declared != ScopeKind::ResourceGroup || template.kind != FileKind::ArmTemplate {
        return declared;
    }
    let mut subscription = false;
    for item in &template.items {
        let ItemKind::Resource(resource) = &item.kind else {
            continue;
        };
        let Some(ty) = resource.resource_type.as_ref().map(Ident::as_str) else {
            continue;
        };
        // It extends another resource, wherever that is.
        if resource.declaration.scope.is_some() {
            continue;
        }
        if SUBSCRIPTION_TYPES
            .iter()
            .any(|other| ty.eq_ignore_ascii_case(other))
        {
            // The first version of pricings could be set for a resource group.
            let version = resource.api_version.as_ref().and_then(Expr::as_str);
            subscription |= version != Some("2017-08-01-preview");
            continue;
        }
        let neutral = NEUTRAL_PROVIDERS.iter().any(|head| {
            ty.get(..head.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(head))
        });
        if !neutral && !resource.existing {
            return declared;
        }
    }
    match subscription {
        true => ScopeKind::Subscription,
        false => declared,
    }
}
