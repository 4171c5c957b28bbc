//! What the tests of lowering share.

pub(super) mod dump;
