//! The binary: hands the arguments to the command line, and its client to the server.

use std::process::ExitCode;

use preflight::{cli, lsp};

/// With musl's own allocator a run takes up to twice as long. The grammars' memory is C's, and served by this one too.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run(|args| lsp::run(args.log, args.client_process_id))
}
