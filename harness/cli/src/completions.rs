//! `sceplab completions`: what a shell needs to complete the command line.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::exit::Exit;
use super::output::say;

/// Print a shell's completions
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  sceplab completions bash > ~/.local/share/bash-completion/completions/sceplab")]
pub(super) struct Arguments {
    /// The shell
    shell: Shell,
}

impl Arguments {
    pub(super) fn perform<C: CommandFactory>(&self) -> Exit {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut C::command(), "sceplab", &mut script);
        say(String::from_utf8_lossy(&script).trim_end());
        Exit::Success
    }
}
