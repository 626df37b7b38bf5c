//! The log of a server in a file.
#![cfg(unix)]

use std::fs;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::Server;
use crate::suite::sceplab::run;

#[test]
fn log_in_the_directory_of_the_state_or_over_a_password_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let state_name = state.to_str().unwrap();
    drop(Server::start(&["linux", "--state", state_name]));
    let password = folder.path().join("password");
    fs::write(&password, "a-password\n").unwrap();
    std::os::unix::fs::symlink(state.join("new"), folder.path().join("link")).unwrap();
    let key = state.join("ca.key");
    let before = fs::read(&key).unwrap();
    for (log, told) in [
        (key.clone(), "lies in the directory of `--state"),
        (state.join("new"), "lies in the directory of `--state"),
        (folder.path().join("link"), "lies in the directory of `--state"),
        (password.clone(), "which this command reads"),
    ] {
        let (log, password) = (log.to_str().unwrap(), password.to_str().unwrap());
        let options = ["serve", "linux", "--listen", "127.0.0.1:0", "--state", state_name];
        let files = ["--challenge-file", password, "--log", log];
        let ended = run(&[&options[..], &files].concat());
        ended.assert_orderly();
        assert_eq!(ended.code, Some(2), "{log}: {}", ended.transcript());
        assert!(ended.stderr.contains(told), "{log}: {}", ended.transcript());
    }
    assert_eq!(fs::read(&key).unwrap(), before);
    assert!(!state.join("new").exists());
    assert_eq!(fs::read_to_string(&password).unwrap(), "a-password\n");
}

#[test]
fn pipe_that_nobody_reads_is_refused_as_a_log_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    mkfifo(&pipe, Mode::from_bits_truncate(0o600)).unwrap();
    let log = pipe.to_str().unwrap();
    let ended = run(&["serve", "linux", "--listen", "127.0.0.1:0", "--log", log]);
    ended.assert_orderly();
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    assert!(ended.stderr.contains("it is a pipe that nobody reads"), "{}", ended.transcript());
}
