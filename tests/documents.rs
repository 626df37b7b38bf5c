//! README and the book: each console block is run, each YAML block is read by `sceplab check`. Each Rust block must equal an
//! example of a crate, which `cargo test` compiles.
#![expect(clippy::unwrap_used, reason = "a test program")]

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

#[path = "support"]
mod support {
    pub(crate) mod workspace;
}

mod documents {
    pub(crate) mod block; // the fenced blocks of a page
    pub(crate) mod comparison; // comparing shown output with real output
    pub(crate) mod console; // commands as a reader types them
    pub(crate) mod page; // testing a page from top to bottom
}

fn main() -> ExitCode {
    let trial = |path: std::path::PathBuf| {
        let name = path.strip_prefix(support::workspace::root()).unwrap().display().to_string();
        Trial::test(name, move || documents::page::try_out(&path).map_err(Failed::from))
    };
    let mut trials: Vec<Trial> = documents::page::all().into_iter().map(trial).collect();
    trials.push(Trial::test("exempt_blocks_have_a_reason", documents::page::check_exemptions));
    trials.push(Trial::test("commands_are_those_of_the_program", documents::page::check_commands));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
