//! The files of a workspace: open buffers over disk, modules, parameter files, restored registry modules, configuration.
//!
//! **Invariant:** `std::fs` is used in [`disk`] alone (and in `cli` for what it writes). Nothing here opens a network
//! connection, starts a process or writes a file.

pub mod config;
pub mod discover;
pub mod disk;
pub mod entries;
pub mod files;
pub(crate) mod github;
pub mod graph;
mod identity;
pub mod memo;
mod overlay;
pub mod parameters;
pub mod prefilter;
pub mod public_modules;
pub mod registry_cache;
pub mod relevance;
pub mod view;
