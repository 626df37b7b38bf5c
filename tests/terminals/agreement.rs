//! The question at a terminal before the network of this machine is used.

use std::process::{Command, Stdio};

use crate::support::live::{Files, untouched_listener};
use crate::support::sceplab::{Ended, Running};
use crate::support::server::{LINUX, Server};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![needs; live_run_uses_the_network_only_after_yes]
}

/// The output and exit code of a run at a terminal, with `answer` typed.
fn at_a_terminal(files: &Files, answer: &str) -> Ended {
    let program = env!("CARGO_BIN_EXE_sceplab");
    let line = format!("'{program}' run one.yaml --driver live");
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).current_dir(files.path()).stdin(Stdio::piped());
    script.env_remove("SCEPLAB_CHALLENGE").env("TERM", "dumb");
    let mut running = Running::start(script);
    running.stdout_line(|line| line.contains("http://127.0.0.1:").then_some(()));
    running.write_line(answer);
    let code = running.wait().code();
    Ended { code, stdout: running.rest_of_stdout(), stderr: running.rest_of_stderr() }
}

fn live_run_uses_the_network_only_after_yes() {
    let (listener, authority) = untouched_listener();
    let files = Files::new(&authority, LINUX, "", "password x1-y2-z3");
    let refused = at_a_terminal(&files, "n");
    assert_eq!(refused.code, Some(5), "{}", refused.stdout);
    assert!(refused.stdout.contains("Use them? [y/N]"), "{}", refused.stdout);
    assert!(refused.stdout.contains("nothing was done"), "{}", refused.stdout);
    assert!(listener.accept().is_err(), "a client connected");

    let server = Server::start(&["linux", "--challenge", "x1-y2-z3"]);
    let files = Files::new(&server.authority, LINUX, "", "password x1-y2-z3");
    let agreed = at_a_terminal(&files, "y");
    assert_eq!(agreed.code, Some(0), "{}", agreed.stdout);
    assert!(agreed.stdout.contains("1 passed"), "{}", agreed.stdout);
}
