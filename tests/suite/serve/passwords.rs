//! Empty challenge passwords.
#![cfg(unix)]

use crate::suite::sceplab::{Running, command, run, workspace};

#[test]
fn empty_challenge_variable_counts_as_no_password() {
    assert!(!warnings("hunter2").contains("no challenge password"));
    assert!(warnings("").contains("no challenge password"));
}

#[test]
fn empty_challenge_option_is_rejected() {
    let ended = run(&["serve", "linux", "--listen", "127.0.0.1:0", "--challenge", ""]);
    ended.assert_orderly();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("an empty one was given"), "{}", ended.stderr);
}

/// The server's warnings with this value of `SCEPLAB_CHALLENGE`.
fn warnings(variable: &str) -> String {
    let mut server = command(workspace(), &["serve", "linux", "--listen", "127.0.0.1:0"]);
    server.env("SCEPLAB_CHALLENGE", variable);
    let mut running = Running::start(server);
    running.stdout_line(|line| line.starts_with("ca ").then_some(()));
    running.signal("INT");
    running.wait();
    running.rest_of_stderr()
}
