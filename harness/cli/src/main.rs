//! The binary `sceplab`: the command line.
#![forbid(unsafe_code)]

mod access_arguments;
mod blanks;
mod bug;
mod bundles;
mod check;
mod clean;
mod conform;
mod conform_client;
#[cfg(target_os = "linux")]
mod core_dump;
mod dut;
mod enrol;
mod exit;
mod explain;
mod health;
mod inspect;
mod lab_arguments;
mod lab_process;
mod list;
mod live;
mod man;
mod matrix;
mod messages;
mod output;
mod progress;
mod replay;
mod reports;
mod run;
mod secrets;
mod select;
mod serve;
mod shell;
mod stop;
mod tls_arguments;
mod usage;
mod values;
mod wiring;

use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser, Subcommand};

use self::exit::{CommandError, Exit};
use self::output::{complain, say};

/// Tests SCEP (RFC 8894): the device, the server and the client
#[derive(Debug, Parser)]
#[command(name = "sceplab", version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  sceplab run scenarios                     run all scenarios in that folder, in the virtual lab
  sceplab run scenarios/scep/linux-pki.yaml -v
                                            run one, and show each step's command and output
  sceplab check scenarios                   find mistakes in scenario and lab files, run nothing
  sceplab conform http://pki.example.com/scep --dry-run
                                            list the cases that would test this server
  sceplab serve linux --listen 127.0.0.1:8080
                                            a test CA for a real SCEP client

Exit codes:
  0  all passed                        3  the lab could not be built, or broke
  1  internal error                    4  a check failed
  2  wrong usage, or an invalid file   5  nothing was selected
  130  interrupted

Colour appears on terminals only, and not if NO_COLOR is set.";

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Threaded(Threaded),
    Shell(shell::ShellArguments),
    LabProcess(lab_process::LabProcessArguments),
}

/// Commands that run on a runtime with threads; the others enter namespaces, which only a process with one thread can do.
#[derive(Debug, Subcommand)]
enum Threaded {
    Run(Box<run::RunArguments>),
    Matrix(matrix::MatrixArguments),
    Conform(Box<conform::ConformArguments>),
    ConformClient(Box<conform_client::ConformClientArguments>),
    Enrol(Box<enrol::EnrolArguments>),
    Explain(Box<explain::ExplainArguments>),
    Replay(Box<replay::ReplayArguments>),
    Check(check::CheckArguments),
    List(list::ListArguments),
    Serve(Box<serve::Serve>),
    Health(health::HealthArguments),
    Inspect(inspect::InspectArguments),
    Dut(dut::Dut),
    Clean(clean::CleanArguments),
    Man(man::ManArguments),
    /// Print the completions for a shell
    #[command(after_help = "\
Example:
  sceplab completions bash > ~/.local/share/bash-completion/completions/sceplab")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Reads the arguments of the process, runs the command and returns its exit code.
fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    core_dump::prevent();
    // `ssh` runs this program again to ask for a password.
    if let Some(exit) = wiring::answer_ssh() {
        return exit;
    }
    bug::notice_panics();
    let command = Cli::try_parse().unwrap_or_else(|error| usage::explained(error).exit()).command;
    let is_part_of_a_lab = match &command {
        Command::LabProcess(_) => true,
        Command::Threaded(Threaded::Dut(dut)) => dut.is_part_of_a_lab(),
        _ => false,
    };
    bug::or_exit(is_part_of_a_lab, || match command {
        Command::Threaded(command) => command.run(),
        Command::Shell(arguments) => arguments.perform(),
        Command::LabProcess(arguments) => arguments.perform(),
    })
}

/// Time for the tasks of the process to end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(250);

impl Threaded {
    fn run(self) -> ExitCode {
        wiring::guard_programs();
        let runtime = match tokio::runtime::Runtime::new() {
            Ok(runtime) => runtime,
            Err(error) => {
                complain(&format!("the runtime cannot be started: {error}"));
                return Exit::Internal.into();
            }
        };
        let exit = runtime.block_on(self.perform());
        // OpenSSL cleans up at the end of the process, and no task may use it then. Tasks that still make keys or read a
        // terminal get no more time than this.
        runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
        if !output::flush() {
            Exit::Lab.into()
        } else if output::is_cut() {
            Exit::Interrupted.into()
        } else {
            exit.into()
        }
    }

    async fn perform(self) -> Exit {
        let done = match self {
            Self::Run(arguments) => arguments.perform().await,
            Self::Matrix(arguments) => arguments.perform().await,
            Self::Conform(arguments) => arguments.perform().await,
            Self::ConformClient(arguments) => arguments.perform().await,
            Self::Enrol(arguments) => arguments.perform().await,
            Self::Explain(arguments) => arguments.perform().await,
            Self::Replay(arguments) => arguments.perform().await,
            Self::Check(arguments) => arguments.perform(),
            Self::List(arguments) => arguments.perform(),
            Self::Serve(serve) => serve.perform().await,
            Self::Health(arguments) => arguments.perform().await,
            Self::Inspect(arguments) => arguments.perform().await,
            Self::Dut(dut) => dut.perform().await,
            Self::Clean(arguments) => arguments.perform().await,
            Self::Man(arguments) => arguments.perform(Cli::command()),
            Self::Completions { shell } => {
                print_completions(shell);
                Ok(Exit::Success)
            }
        };
        done.unwrap_or_else(CommandError::report)
    }
}

/// Prints the script with which a shell completes the command line.
fn print_completions(shell: clap_complete::Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "sceplab", &mut script);
    say(String::from_utf8_lossy(&script).trim_end());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
