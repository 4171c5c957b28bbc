//! Public modules that are not restored: a template in the data represents each.

use std::sync::Arc;

use super::expand::Out;
use super::scope::Env;
use super::value::Value;
use super::{Existence, modules};
use crate::model::{FileId, ItemKey, Module, NodeRef};

/// Where everything in the template of a known module is, until [`attribute`] gives it the place of the use.
pub(crate) const NOWHERE: NodeRef = NodeRef {
    file: FileId(u32::MAX),
    item: ItemKey::FILE,
    node: 0,
};

/// Gives the instances from `first` on to the use of a known module in `env`. What comes from its template comes from
/// nowhere; what comes from the arguments keeps its place.
pub(crate) fn attribute(out: &mut Out<'_>, first: usize, env: Env<'_>, module: &Module) {
    let place = modules::place_of(env, module);
    for instance in &mut out.expansion.instances[first..] {
        instance.type_place = place;
        instance.place = env.place(module.declaration.node);
        instance.known_module = true;
        instance.api_version = Value::unknown("the module chooses its version");
        instance.name = placed(&instance.name);
        instance.body = placed(&instance.body);
        match &mut instance.existence {
            Existence::Never(Some(unmet)) if unmet.place == NOWHERE => unmet.place = place,
            Existence::Conditional(uncertainty) if uncertainty.place == Some(NOWHERE) => {
                Arc::make_mut(uncertainty).place = Some(place);
            }
            _ => {}
        }
    }
}

/// A value without the places that are nowhere.
fn placed(value: &Value) -> Value {
    let value = value.clone().map_parts(placed);
    Value {
        place: value.place.filter(|place| *place != NOWHERE),
        ..value
    }
}
