//! What public modules deploy that are known by heart: instances without a template.

use std::sync::Arc;

use super::context::Context;
use super::evaluate::{get, reason_of, settled};
use super::expand::{Out, Site};
use super::merge::is_empty;
use super::modules;
use super::scope::Env;
use super::value::{Kind, Members, Value};
use super::{DeploymentScope, Existence, Instance, KnownEffect, KnownModule, Uncertainty, print};
use crate::model::{Ident, Module, ScopeKind};

const REGISTRY: &str = "Microsoft.ContainerRegistry/registries";
const PRICING: &str = "Microsoft.Security/pricings";

/// Of the plans that `security-center` 0.3 sets to Free where none are given (`defaultDefenderPlans` in its source),
/// those that can scan registries.
const DEFAULT_PLANS: &[&str] = &["Containers", "CloudPosture"];

/// Adds what a known module deploys when it is used in `env`.
pub(crate) fn expand(
    cx: &Context<'_>,
    out: &mut Out<'_>,
    env: Env<'_>,
    site: &Site<'_>,
    module: &Module,
    known: &KnownModule,
) {
    let argument = |name: &str| -> Option<Value> {
        let arguments = module.arguments.as_ref()?;
        let value = match super::lookup::is_plain(arguments) {
            true => settled(cx, env, arguments.member(name)?),
            false => get(&settled(cx, env, arguments), &Value::string(name), true),
        };
        (!value.is_null()).then_some(value)
    };
    match &known.effect {
        KnownEffect::Registry {
            unless_empty,
            name_parameter,
        } => {
            if !out.wants(REGISTRY) {
                return;
            }
            let own = match unless_empty {
                None => Existence::Always,
                Some(name) => unless(env, module, argument(name.as_str())),
            };
            let name = name_parameter
                .as_ref()
                .and_then(|name| argument(name.as_str()))
                .unwrap_or_else(|| Value::unknown("its name is made by the module"));
            let scope = site.here.clone();
            add(
                out,
                env,
                site,
                module,
                REGISTRY,
                name,
                own,
                scope,
                Members::default(),
            );
        }
        KnownEffect::ContainersTier => {
            let tier = argument("containersTier").unwrap_or_else(|| Value::string("Free"));
            plan(
                out,
                env,
                site,
                module,
                Value::string("Containers"),
                tier,
                Existence::Always,
                None,
            );
        }
        KnownEffect::DefenderPlans => match argument("defenderPlans") {
            None => {
                for name in DEFAULT_PLANS {
                    let (name, tier) = (Value::string(*name), Value::string("Free"));
                    plan(out, env, site, module, name, tier, Existence::Always, None);
                }
            }
            Some(plans) => {
                let mut open = plans.reason();
                if let Kind::Array(array) = &plans.kind {
                    open = array.open.clone();
                    for element in &array.items {
                        let member = |name: &str| get(element, &Value::string(name), true);
                        let extensions = Some(member("extensions")).filter(|v| !v.is_null());
                        plan(
                            out,
                            env,
                            site,
                            module,
                            member("name"),
                            member("pricingTier"),
                            Existence::Always,
                            extensions,
                        );
                    }
                }
                if let Some(reason) = open {
                    let unknown = || Value::unknown(reason.clone());
                    let uncertainty = uncertainty(env, module, reason.clone(), true);
                    plan(
                        out,
                        env,
                        site,
                        module,
                        unknown(),
                        unknown(),
                        uncertainty,
                        None,
                    );
                }
            }
        },
    }
}

/// Deployed where an argument is not empty.
fn unless(env: Env<'_>, module: &Module, argument: Option<Value>) -> Existence {
    let Some(value) = argument else {
        return Existence::Never(Some(modules::place_of(env, module)));
    };
    match is_empty(&value) {
        Some(false) => Existence::Always,
        Some(true) => Existence::Never(value.place.or(Some(modules::place_of(env, module)))),
        None => uncertainty(env, module, reason_of(&value), false),
    }
}

fn uncertainty(env: Env<'_>, module: &Module, reason: Arc<str>, unknown_loop: bool) -> Existence {
    let text = match &module.arguments {
        Some(arguments) => print::print(arguments, env.is_bicep()),
        None => String::new(),
    };
    Existence::Conditional(Arc::new(Uncertainty {
        conditions: Box::new([]),
        opaque: !unknown_loop,
        unknown_loop,
        reason,
        text: text.into(),
        place: Some(modules::place_of(env, module)),
    }))
}

#[expect(clippy::too_many_arguments, reason = "the columns of a plan")]
fn plan(
    out: &mut Out<'_>,
    env: Env<'_>,
    site: &Site<'_>,
    module: &Module,
    name: Value,
    tier: Value,
    own: Existence,
    extensions: Option<Value>,
) {
    if !out.wants(PRICING) {
        return;
    }
    let mut properties = Members::default();
    properties.insert(Ident::from("pricingTier"), tier);
    if let Some(extensions) = extensions {
        properties.insert(Ident::from("extensions"), extensions);
    }
    let mut body = Members::default();
    body.insert(Ident::from("properties"), Value::object(properties, None));
    let scope = DeploymentScope {
        kind: ScopeKind::Subscription,
        resource_group: None,
        ..site.here.clone()
    };
    add(out, env, site, module, PRICING, name, own, scope, body);
}

#[expect(clippy::too_many_arguments, reason = "the columns of an instance")]
fn add(
    out: &mut Out<'_>,
    env: Env<'_>,
    site: &Site<'_>,
    module: &Module,
    resource_type: &str,
    name: Value,
    own: Existence,
    scope: DeploymentScope,
    body: Members,
) {
    out.expansion.instances.push(Instance {
        resource_type: Ident::from(resource_type),
        api_version: Value::unknown("the module chooses its version"),
        name,
        existing: false,
        existence: site.existence.and(own),
        copies: site.copies,
        list: None,
        scope,
        body: Value::object(body, None),
        type_place: modules::place_of(env, module),
        place: env.place(module.declaration.node),
        via: site.via.clone(),
        known_module: true,
    });
}
