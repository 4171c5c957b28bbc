//! User documentation, one page for each topic, beside the code it describes.
//!
//! `tests/pipelines.rs` runs every command and reads every configuration in these pages.

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
