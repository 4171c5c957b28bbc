//! The binary: hands the arguments to the command line, and its client to the server.

use std::process::ExitCode;

use preflight::{cli, lsp};

/// musl's own allocator takes twice the time of all the rest. The grammars' memory is C's, so that is replaced too.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run(|args| lsp::run(args.log, args.client_process_id))
}
