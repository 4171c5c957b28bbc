//! The rules: for each its documentation, its check and its fixes. There is one today.
//!
//! **Invariant:** a rule sees deployments and settings, never trees; it speaks of [`NodeRef`](crate::model::NodeRef)s.
//! Only fixes read a tree: that of the file they edit.

pub mod container_scan;
pub mod finding;
pub mod fix;
pub mod insert_pricing;
pub mod suppress;
