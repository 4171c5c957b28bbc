//! Values that may be partly known, each with the source node that it comes from.

use std::sync::Arc;

use indexmap::IndexMap;

use super::Canonical;
use super::pieces::Piece;
use crate::model::{Ident, NodeRef};

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// What it is.
    pub kind: Kind,
    /// The literal it comes from unchanged, through variables, parameters, defaults, loops, branches and member access:
    /// where a fix would edit it. `None` once a function computed it. Literals of every type carry it.
    pub place: Option<NodeRef>,
}

/// The value domain.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A JSON number with a fraction. Bicep has none, templates pass them through.
    Float(f64),
    /// A string.
    Str(Arc<str>),
    /// An array whose elements may themselves be unknown.
    Array(Arc<Array>),
    /// An object whose members may themselves be unknown.
    Object(Arc<Object>),
    /// One of a few known scalars (2 to [`MAX_ONE_OF`]), each once, in order of appearance.
    OneOf(Arc<Choice>),
    /// Not known.
    Unknown(Arc<Unknown>),
    /// A symbolic reference to a resource or module; lives only inside evaluation and never in a result.
    Internal(Arc<super::scope::Internal>),
}

/// More alternatives than this make a value unknown.
pub const MAX_ONE_OF: usize = 32;

/// Values nested deeper than this are *too large*, so that every walk over a value fits in a small stack.
pub const MAX_NESTING: u16 = 100;

/// Values of more nodes than this are *too large*, so that every walk over a value ends soon, however much of it is
/// shared.
pub const MAX_WEIGHT: u32 = 200_000;

/// The reason of values that evaluation gave up on.
pub const TOO_LARGE: &str = "too large";

/// The alternatives of a value, and what decides between them.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The alternatives: scalars, `null` among them.
    pub values: Box<[Value]>,
    /// What decides, in the user's words: `parameter 'sku' has no value`.
    pub reason: Arc<str>,
}

impl PartialEq for Choice {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl std::ops::Deref for Choice {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.values
    }
}

/// How large a container is: kept as it is built, since shared parts make walking it to find out too dear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Size {
    depth: u16,
    weight: u32,
}

impl Size {
    fn around<'v>(values: impl Iterator<Item = &'v Value>) -> Self {
        let mut size = Size {
            depth: 1,
            weight: 1,
        };
        for value in values {
            let inner = value.size();
            size.depth = size.depth.max(inner.depth.saturating_add(1));
            size.weight = size.weight.saturating_add(inner.weight.max(1));
        }
        size
    }

    fn too_large(self) -> bool {
        self.depth > MAX_NESTING || self.weight > MAX_WEIGHT
    }
}

/// An array. Made by [`Value::array`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Array {
    /// The elements that are known to be there, in order.
    pub items: Vec<Value>,
    /// There may be more, before, between and after, and why that is not known.
    pub open: Option<Arc<str>>,
    size: Size,
}

/// The members of an object, in order of appearance.
pub type Members = IndexMap<Ident, Value, rustc_hash::FxBuildHasher>;

/// An object. Made by [`Value::object`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object {
    /// The members that are known to be there, in order of appearance.
    pub members: Members,
    /// There may be more, and why that is not known.
    pub open: Option<Arc<str>>,
    size: Size,
}

/// The members of an object as they are written, in order.
pub type WrittenMembers = Arc<[(Arc<str>, Value)]>;

/// What little is known of a value that is not known.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Unknown {
    /// Why, in the user's words, as a noun phrase without full stop: `parameter 'sku' has no value`,
    /// `reference() is known only after deployment`, `too large`.
    pub reason: Arc<str>,
    /// Its type, where known; it is then definitely not null.
    pub ty: Option<Type>,
    /// Known not to be empty (and not null): `resourceId(…)`, `uniqueString(…)`. Of an integer: at least one, as the
    /// length of what is not empty.
    pub non_empty: bool,
    /// The expression in canonical form over the deployment's own inputs, where it has one: equal canonical forms have
    /// equal values within one deployment. Filled in for names, scopes and conditions of instances.
    pub canonical: Option<Arc<Canonical>>,
    /// Of a text, what is known of it, in order; empty where that is nothing.
    pub pieces: Arc<[Piece]>,
    /// Of an object with keys that differ in case alone, its members as written; of others, members that are known: what is
    /// read in equal case is known.
    pub members: Option<WrittenMembers>,
}

/// JSON types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names of the variants say it")]
pub enum Type {
    String,
    Int,
    Bool,
    Array,
    Object,
}

impl From<Unknown> for Value {
    fn from(unknown: Unknown) -> Self {
        Value::of(Kind::Unknown(Arc::new(unknown)))
    }
}

impl Value {
    /// `null`, from nowhere.
    pub const NULL: Value = Value {
        kind: Kind::Null,
        place: None,
    };

    /// A value without a place.
    pub fn of(kind: Kind) -> Self {
        Value { kind, place: None }
    }

    /// The same value, marked as coming from `place`.
    pub fn at(mut self, place: NodeRef) -> Self {
        self.place = Some(place);
        self
    }

    /// An unknown value of unknown type.
    pub fn unknown(reason: impl Into<Arc<str>>) -> Self {
        Value::unknown_of(reason, None)
    }

    /// An unknown value of which a little is known.
    pub fn unknown_of(reason: impl Into<Arc<str>>, ty: Option<Type>) -> Self {
        let reason = reason.into();
        Unknown {
            reason,
            ty,
            ..Unknown::default()
        }
        .into()
    }

    /// The same value, known not to be empty if it is unknown.
    pub fn non_empty(self) -> Self {
        self.non_empty_if(true)
    }

    /// The same if a condition holds.
    pub fn non_empty_if(mut self, holds: bool) -> Self {
        if let (true, Kind::Unknown(unknown)) = (holds, &mut self.kind) {
            Arc::make_mut(unknown).non_empty = true;
        }
        self
    }

    /// What a text definitely ends in, where it is not known as a whole.
    pub fn tail(&self) -> Option<&str> {
        match &self.kind {
            Kind::Unknown(unknown) => match unknown.pieces.last() {
                Some(Piece::Text(text)) => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    /// A known string.
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        Value::of(Kind::Str(text.into()))
    }

    /// A known boolean.
    pub fn bool(value: bool) -> Self {
        Value::of(Kind::Bool(value))
    }

    /// A known integer.
    pub fn int(value: i64) -> Self {
        Value::of(Kind::Int(value))
    }

    /// An array; unknown where it would be too large.
    pub fn array(items: Vec<Value>, open: Option<Arc<str>>) -> Self {
        let size = Size::around(items.iter());
        if size.too_large() {
            return Value::unknown_of(TOO_LARGE, Some(Type::Array)).non_empty_if(!items.is_empty());
        }
        Value::of(Kind::Array(Arc::new(Array { items, open, size })))
    }

    /// An object; unknown where it would be too large.
    pub fn object(members: Members, open: Option<Arc<str>>) -> Self {
        let size = Size::around(members.values());
        if size.too_large() {
            return Value::unknown_of(TOO_LARGE, Some(Type::Object))
                .non_empty_if(!members.is_empty());
        }
        Value::of(Kind::Object(Arc::new(Object {
            members,
            open,
            size,
        })))
    }

    /// One of `values`, of which duplicates count once: known where one is left, unknown where there are too many.
    /// They must be scalars.
    pub fn one_of(values: impl IntoIterator<Item = Value>, reason: Arc<str>) -> Self {
        let mut each: Vec<Value> = Vec::new();
        for value in values {
            if !each.iter().any(|other| other.kind == value.kind) {
                each.push(value);
            }
        }
        if each.len() > MAX_ONE_OF || each.is_empty() {
            let ty = each.first().and_then(Value::ty);
            let same = each.iter().all(|value| value.ty() == ty);
            return Value::unknown_of(reason, ty.filter(|_| same));
        }
        if each.len() == 1 {
            return each.swap_remove(0);
        }
        let values = each.into();
        Value::of(Kind::OneOf(Arc::new(Choice { values, reason })))
    }

    /// The text of a known string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Str(text) => Some(text),
            _ => None,
        }
    }

    /// A known boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self.kind {
            Kind::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// A known integer.
    pub fn as_int(&self) -> Option<i64> {
        match self.kind {
            Kind::Int(value) => Some(value),
            _ => None,
        }
    }

    /// A member of an object; `None` where it definitely has none or this is no object.
    pub fn member(&self, name: &str) -> Option<&Value> {
        match &self.kind {
            Kind::Object(object) => object.members.get(&crate::model::ident::Folded(name)),
            _ => None,
        }
    }

    /// Why it is not known, for values that are unknown as a whole or one of several.
    pub fn reason(&self) -> Option<Arc<str>> {
        match &self.kind {
            Kind::Unknown(unknown) => Some(unknown.reason.clone()),
            Kind::OneOf(choice) => Some(choice.reason.clone()),
            _ => None,
        }
    }

    /// The scalars it may be: one for a known scalar, several for one-of, none where anything is possible.
    pub fn alternatives(&self) -> &[Value] {
        match &self.kind {
            Kind::OneOf(values) => values,
            Kind::Unknown(_) | Kind::Internal(_) => &[],
            _ => std::slice::from_ref(self),
        }
    }

    /// Its type, where it definitely has one and is not null.
    pub fn ty(&self) -> Option<Type> {
        match &self.kind {
            Kind::Bool(_) => Some(Type::Bool),
            Kind::Int(_) | Kind::Float(_) => Some(Type::Int),
            Kind::Str(_) => Some(Type::String),
            Kind::Array(_) => Some(Type::Array),
            Kind::Object(_) => Some(Type::Object),
            Kind::Unknown(unknown) => unknown.ty,
            Kind::OneOf(choice) => {
                let ty = choice.first().and_then(Value::ty);
                ty.filter(|ty| choice.iter().all(|value| value.ty() == Some(*ty)))
            }
            Kind::Null | Kind::Internal(_) => None,
        }
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// The same with each element or member replaced, where it is an array or an object.
    pub(crate) fn map_parts(self, mut f: impl FnMut(&Value) -> Value) -> Self {
        let mapped = match &self.kind {
            Kind::Array(array) => {
                Value::array(array.items.iter().map(f).collect(), array.open.clone())
            }
            Kind::Object(object) => {
                let members = object.members.iter();
                let members = members.map(|(name, value)| (name.clone(), f(value)));
                Value::object(members.collect(), object.open.clone())
            }
            _ => return self,
        };
        Value {
            place: self.place,
            ..mapped
        }
    }

    fn size(&self) -> Size {
        match &self.kind {
            Kind::Array(array) => array.size,
            Kind::Object(object) => object.size,
            _ => Size::default(),
        }
    }
}
