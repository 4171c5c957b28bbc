//! Identifiers, which ARM compares without case. One type, so that no other code folds case.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A name (type, parameter, variable, function, property, symbol) that keeps its original text and compares, hashes
/// and orders by its ASCII lower case, as ARM does.
#[derive(Clone)]
pub struct Ident(Arc<str>);

impl Ident {
    /// The name as written.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Ident(text.into())
    }

    /// The original text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The shared text, without a copy.
    pub fn text(&self) -> Arc<str> {
        self.0.clone()
    }

    /// Whether it is this name, in any case.
    pub fn is(&self, name: &str) -> bool {
        self.0.eq_ignore_ascii_case(name)
    }
}

impl PartialEq for Ident {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Ident {}

impl Hash for Ident {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_folded(&self.0, state);
    }
}

impl PartialOrd for Ident {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ident {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let fold = |b: u8| b.to_ascii_lowercase();
        self.0.bytes().map(fold).cmp(other.0.bytes().map(fold))
    }
}

impl fmt::Debug for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Ident {
    fn from(text: &str) -> Self {
        Ident(text.into())
    }
}

/// A borrowed name to look one up with: `map.get(&Folded("pricingTier"))` allocates nothing.
#[derive(Clone, Copy, Debug)]
pub struct Folded<'a>(pub &'a str);

impl Hash for Folded<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_folded(self.0, state);
    }
}

impl indexmap::Equivalent<Ident> for Folded<'_> {
    fn equivalent(&self, key: &Ident) -> bool {
        key.is(self.0)
    }
}

/// By pieces, since hashers are slow at single bytes; the pieces end where they always end, so equal names hash alike.
fn hash_folded<H: Hasher>(text: &str, state: &mut H) {
    let mut folded = [0; 64];
    for piece in text.as_bytes().chunks(folded.len()) {
        let folded = &mut folded[..piece.len()];
        folded.copy_from_slice(piece);
        folded.make_ascii_lowercase();
        state.write(folded);
    }
    state.write_u8(0xff);
}
