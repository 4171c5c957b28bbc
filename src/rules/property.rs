//! Reads a property of an instance: a value, absent, or unknown.

use std::sync::Arc;

use crate::eval::{Kind, Value};
use crate::model::NodeRef;

/// What a path of member names leads to in a value.
pub(crate) enum Property<'a> {
    /// A value that is known, or one of a few.
    Value(&'a Value),
    /// Nothing.
    Absent,
    /// Something that is not known: why, and where it comes from.
    Unknown(Arc<str>, Option<NodeRef>),
}

/// Follows a path of member names, in any case.
pub(crate) fn property_of<'a>(value: &'a Value, path: &[&str]) -> Property<'a> {
    let Some((first, rest)) = path.split_first() else {
        return match value.reason() {
            Some(reason) if value.alternatives().is_empty() => {
                Property::Unknown(reason, value.place)
            }
            _ => Property::Value(value),
        };
    };
    match &value.kind {
        Kind::Object(object) => match (value.member(first), &object.open) {
            (Some(member), _) => property_of(member, rest),
            (None, Some(reason)) => Property::Unknown(reason.clone(), value.place),
            (None, None) => Property::Absent,
        },
        Kind::Unknown(unknown) => Property::Unknown(unknown.reason.clone(), value.place),
        Kind::OneOf(choice) => Property::Unknown(choice.reason.clone(), value.place),
        _ => Property::Absent,
    }
}
