//! The binary: hands the arguments to the command line, and its client to the server.

use std::process::ExitCode;

use preflight::{cli, lsp};

fn main() -> ExitCode {
    cli::run(|args| lsp::run(args.log, args.client_process_id))
}
