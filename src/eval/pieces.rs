//! Partly known text: `'ab${n}'` begins with `a` whatever `n` is, and a resource id ends with the resource's name.

use std::sync::Arc;

use super::json::{Text, text_of};
use super::merge::is_empty;
use super::value::{Kind, Type, Unknown, Value};
use crate::model::FileId;

/// From which end of a text or an array a function looks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    First,
    Last,
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// It is known.
    Text(Arc<str>),
    /// It is not known; whether it may be empty.
    Any(bool),
    /// Not known, not empty, and without `/`: a segment of an id.
    Segment,
    /// The same, and which value it is.
    Value(Arc<Value>),
    /// The id of the subscription that is deployed to.
    OwnSubscription,
    /// The address that a file's template is deployed from, or its folder: what follows is a path from that folder.
    LinkBase(FileId),
}

/// Longer texts, and texts in more pieces, are not known at all: pieces are copied with each step of evaluation.
const MAX_PIECES: usize = 32;
const MAX_LENGTH: usize = 1024;

/// The pieces of a value's text.
fn of(value: &Value) -> Vec<Piece> {
    match (&value.kind, text_of(value)) {
        (_, Text::Known(text)) => vec![Piece::Text(text)],
        (Kind::Unknown(unknown), _) if !unknown.pieces.is_empty() => unknown.pieces.to_vec(),
        // Every number and boolean has some text, and no slash.
        _ if matches!(value.ty(), Some(Type::Int | Type::Bool)) => vec![Piece::Segment],
        _ if matches!(value.ty(), Some(Type::Array | Type::Object)) => vec![Piece::Any(false)],
        _ => vec![Piece::Any(is_empty(value) != Some(false))],
    }
}

/// A text that is not known for a reason, in pieces.
pub(crate) fn text(reason: Arc<str>, pieces: Vec<Piece>) -> Value {
    let non_empty = least_length(&pieces) > 0;
    let mut joined: Vec<Piece> = Vec::with_capacity(pieces.len());
    let mut length = 0;
    for piece in pieces {
        match (joined.last_mut(), &piece) {
            (_, Piece::Text(text)) if text.is_empty() => {}
            (Some(Piece::Text(before)), Piece::Text(text)) => {
                length += text.len();
                *before = format!("{before}{text}").into();
            }
            _ => joined.push(piece),
        }
        if joined.len() > MAX_PIECES || length > MAX_LENGTH {
            return Value::unknown_of(reason, Some(Type::String)).non_empty_if(non_empty);
        }
    }
    match joined.as_slice() {
        [] => return Value::string(""),
        [Piece::Text(text)] => return Value::string(text.clone()),
        _ => {}
    }
    Unknown {
        non_empty,
        reason,
        ty: Some(Type::String),
        pieces: joined.into(),
        ..Unknown::default()
    }
    .into()
}

/// The values as one text that is not known for a reason.
pub(crate) fn joined(reason: Arc<str>, values: &[Value]) -> Value {
    let values = &values[..values.len().min(MAX_PIECES + 1)];
    text(reason, values.iter().flat_map(of).collect())
}

/// The address that a file's template is deployed from.
pub(crate) fn link_base(file: FileId) -> Value {
    let reason = "where a template is deployed from is known only to Azure";
    text(reason.into(), vec![Piece::LinkBase(file)])
}

fn least_length(pieces: &[Piece]) -> usize {
    let least = |piece: &Piece| match piece {
        Piece::Text(text) => text.len(),
        Piece::Any(empty) => usize::from(!empty),
        Piece::Segment | Piece::Value(_) | Piece::OwnSubscription | Piece::LinkBase(_) => 1,
    };
    pieces.iter().map(least).sum()
}

impl End {
    /// Whether a text begins, or ends, with another.
    pub(crate) fn has(self, text: &str, affix: &str) -> bool {
        match self {
            End::First => text.starts_with(affix),
            End::Last => text.ends_with(affix),
        }
    }
}

impl Unknown {
    /// The file that a link begins at, and the path from its folder. What follows the name of a file is an access token.
    pub(crate) fn link(&self) -> Option<(FileId, &str)> {
        let [Piece::LinkBase(file), Piece::Text(path), rest @ ..] = &*self.pieces else {
            return None;
        };
        let path = path.split('?').next()?.trim_start_matches('/');
        (rest.is_empty() || path.ends_with(".json")).then_some((*file, path))
    }

    /// The address that `uri()` makes of this one and a path, where this one names a folder of linked templates.
    pub(crate) fn link_to(&self, path: &Value) -> Option<Value> {
        let is_folder = match &*self.pieces {
            [Piece::LinkBase(_)] => true,
            [Piece::LinkBase(_), Piece::Text(folder)] => folder.ends_with('/'),
            _ => false,
        };
        let own = Value::of(Kind::Unknown(Arc::new(self.clone())));
        match path.as_str() {
            _ if !is_folder => None,
            Some("" | "." | "./") => Some(own),
            _ => Some(joined(self.reason.clone(), &[own, path.clone()])),
        }
    }

    /// Whether it is definitely another text.
    pub(crate) fn differs(&self, text: &str) -> bool {
        let known = |piece: Option<&Piece>| match piece {
            Some(Piece::Text(text)) => text.clone(),
            _ => "".into(),
        };
        !text.starts_with(&*known(self.pieces.first()))
            || !text.ends_with(&*known(self.pieces.last()))
            || text.len() < least_length(&self.pieces)
    }

    /// Whether it begins, or ends, with a text, where its pieces decide that; by `fold`ed letters.
    pub(crate) fn has_affix(
        &self,
        affix: &str,
        end: End,
        fold: fn(&str) -> String,
    ) -> Option<bool> {
        let piece = match end {
            End::First => self.pieces.first(),
            End::Last => self.pieces.last(),
        };
        let Some(Piece::Text(known)) = piece else {
            return affix.is_empty().then_some(true);
        };
        let (known, affix) = (fold(known), fold(affix));
        match () {
            () if end.has(&known, &affix) => Some(true),
            () if end.has(&affix, &known) => None,
            () => Some(false),
        }
    }

    /// Whether a known piece holds a text.
    pub(crate) fn always_contains(&self, part: &str) -> bool {
        let holds = |piece: &Piece| matches!(piece, Piece::Text(text) if text.contains(part));
        self.pieces.iter().any(holds)
    }

    /// Its parts between slashes, where no slash is hidden.
    pub(crate) fn segments(&self) -> Option<Vec<Value>> {
        let mut parts = vec![Vec::new()];
        for piece in self.pieces.iter() {
            match piece {
                Piece::Any(_) | Piece::LinkBase(_) => return None,
                Piece::Text(text) => {
                    for (at, part) in text.split('/').enumerate() {
                        if at > 0 {
                            parts.push(Vec::new());
                        }
                        if !part.is_empty() {
                            parts.last_mut()?.push(Piece::Text(part.into()));
                        }
                    }
                }
                other => parts.last_mut()?.push(other.clone()),
            }
        }
        let known = parts.len() > 1;
        let parts = parts.into_iter();
        let value = |part: Vec<Piece>| match part.as_slice() {
            [Piece::Value(value)] => (**value).clone(),
            _ => text(self.reason.clone(), part),
        };
        known.then(|| parts.map(value).collect())
    }

    /// The parts behind slashes at its end, and one for all that is before them.
    pub(crate) fn last_segments(&self) -> Option<Vec<Value>> {
        let Some(Piece::Text(text)) = self.pieces.last() else {
            return None;
        };
        let parts = text.split('/').skip(1).map(Value::string);
        let before = Value::unknown(self.reason.clone());
        Some(std::iter::once(before).chain(parts).collect())
    }

    /// The same text in other letters.
    pub(crate) fn in_case(&self, fold: fn(&str) -> String) -> Value {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => Piece::Text(fold(text).into()),
            Piece::Value(_) => Piece::Segment,
            other => other.clone(),
        };
        let pieces = self.pieces.iter().map(piece).collect();
        text(self.reason.clone(), pieces)
    }
}
