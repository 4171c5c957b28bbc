//! What users of Windows meet: their paths, URIs, names, line ends and processes.
//!
//! `tests/windows/run` runs this and all other tests under Wine. What also means something elsewhere runs elsewhere too;
//! those that Windows cannot run are listed in `tests/windows/exceptions.rs`.

#[path = "windows/command.rs"]
mod command;
#[path = "windows/exceptions.rs"]
mod exceptions;
#[path = "windows/files.rs"]
mod files;
#[path = "windows/server.rs"]
mod server;

#[path = "lsp/client.rs"]
mod client;
#[path = "support/run.rs"]
mod run;
mod support;
