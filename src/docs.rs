//! The user's pages, one a topic, so that they stand beside the code they speak of and are read in the same place.
//!
//! Every command in them is run by `tests/pipelines.rs`, every configuration in them is read by it.

#[doc = include_str!("docs/configuration.md")]
pub mod configuration {}

#[doc = include_str!("docs/how-it-decides.md")]
pub mod how_it_decides {}

#[doc = include_str!("docs/limits.md")]
pub mod limits {}

#[doc = include_str!("docs/pipelines.md")]
pub mod pipelines {}

#[doc = include_str!("docs/rule.md")]
pub mod rule {}
