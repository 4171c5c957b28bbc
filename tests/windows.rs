//! What users of Windows meet: their paths, URIs, names, line ends and processes.
//!
//! `tests/windows/run` runs this and all other tests under Wine. What also means something elsewhere runs elsewhere too;
//! the tests that are for Windows alone, and those that Windows cannot run, are listed in `tests/windows/README.md`.

#[path = "windows/command.rs"]
mod command;
#[path = "windows/files.rs"]
mod files;
#[path = "windows/server.rs"]
mod server;

#[path = "lsp/client.rs"]
mod client;
#[path = "support/run.rs"]
mod run;
mod support;
