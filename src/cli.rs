//! The command line: the engine's results for pipelines, hooks and people without an editor.
//!
//! Commands return an `Exit`; this module and `main` turn it into the exit code of the process. `main` passes the server in,
//! since `lsp` and `cli` do not import each other.

mod baseline;
mod check;
mod explain;
mod fix;
mod inventory;
mod parse;
mod paths;
mod report;
mod session;
mod settings;
mod stats;
mod terminal;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::workspace::disk;
use terminal::{Exit, Outcome, print, trouble};

/// The exit code after Ctrl-C, as shells number it.
const INTERRUPTED: i32 = 130;

const EXAMPLES: &str = "\
Examples:
  preflight check                         check the working directory
  preflight check infra/main.bicep        check one file as an entry point
  preflight check --diff                  show what --fix would change
  preflight check --format sarif --output preflight.sarif
  preflight explain                       what the rule requires and why
  preflight inventory main.bicep          what a file would deploy

Exit code: 0 nothing to report, 1 findings, 2 the call is wrong, or something unreadable may hide a registry or plan.";

/// Finds Azure container registries that no Microsoft Defender plan scans, before deployment.
#[derive(Debug, Parser)]
#[command(name = "preflight", version, after_help = EXAMPLES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check files and folders for registries that would be deployed without image scanning
    Check(Box<check::Args>),
    /// Show what a rule requires, why, and how to fix what it finds
    Explain(explain::Args),
    /// List everything an entry point would deploy
    Inventory(inventory::Args),
    /// Read and parse everything below the paths and count it
    Stats(stats::Args),
    /// Print the syntax tree of a file
    Parse(parse::Args),
    /// Serve editors: the language server protocol over standard input and output
    Server(ServerArgs),
    /// Print completions for a shell
    Completions {
        /// The shell to complete in
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// What `preflight server` takes.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ServerArgs {
    /// Write the log to a file instead of standard error
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Accepted because many editors pass it: standard input and output are the only way
    #[arg(long, hide = true)]
    pub stdio: bool,
    /// The editor's process: the server ends when it is gone
    #[arg(long = "clientProcessId", value_name = "PID", hide = true)]
    pub client_process_id: Option<u32>,
}

/// Reads the arguments and runs what they ask for. `serve` starts the language server.
pub fn run(serve: impl FnOnce(ServerArgs) -> ExitCode) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are requested, and no error.
            let _ = error.print();
            let wrong = error.use_stderr();
            return if wrong { Exit::Trouble } else { Exit::Clean }.into();
        }
    };
    if !matches!(cli.command, Some(Command::Server(_)) | None) {
        // Interrupted, a command finishes the file that it is writing. Without a handler the system ends it at once.
        let _ = ctrlc::set_handler(|| {
            let _writing = disk::while_writing();
            std::process::exit(INTERRUPTED);
        });
    }
    let outcome = match cli.command {
        Some(Command::Check(args)) => check::run(&args),
        Some(Command::Explain(args)) => explain::run(&args),
        Some(Command::Inventory(args)) => inventory::run(&args),
        Some(Command::Stats(args)) => stats::run(&args),
        Some(Command::Parse(args)) => parse::run(&args),
        Some(Command::Server(args)) => return serve(args),
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "preflight", &mut script);
            Ok(print(script))
        }
        Some(Command::Man) => manual(),
        // An editor that is configured with the program's name alone starts it without arguments.
        None if !std::io::stdin().is_terminal() => return serve(ServerArgs::default()),
        None => {
            let _ = Cli::command().print_help();
            Ok(Exit::Trouble)
        }
    };
    outcome.unwrap_or_else(|words| trouble(&words)).into()
}

/// The manual page of the program and of each of its commands, one after the other.
fn manual() -> Outcome {
    let mut page = Vec::new();
    let mut command = Cli::command();
    command.build();
    let commands = command.get_subcommands();
    let commands = commands.filter(|it| it.get_name() != "help" && !it.is_hide_set());
    for one in std::iter::once(&command).chain(commands) {
        let rendered = clap_mangen::Man::new(one.clone()).render(&mut page);
        rendered.map_err(|error| format!("the manual page could not be made: {error}"))?;
    }
    Ok(print(page))
}
