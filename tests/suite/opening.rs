//! Files of users that are pipes, or one file twice: nothing waits where Ctrl-C does not end it.
#![cfg(unix)]

use std::cell::RefCell;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::sceplab::{Running, command, finish, run_in, wait_until, workspace};
use crate::support::server::Server;

const PASSES: &str = "title: Passes
lab: {devices: {DUT0: {interfaces: {eth0: 10.0.0.0/24}}}, hosts: {gateway: {addresses: [10.0.0.1/24]}}}
steps:
  - configure: {set: set interfaces ethernet eth0 address 10.0.0.64/24}
";

/// An address at which nothing is asked before its files are read.
const URL: &str = "http://127.0.0.1:9/scep";

fn pipe(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    mkfifo(&path, Mode::from_bits_truncate(0o600)).unwrap();
    path
}

#[test]
fn pipe_in_place_of_a_file_of_yaml_is_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), PASSES).unwrap();
    pipe(folder.path(), "pipe.yaml");
    for arguments in [
        &["run", "pipe.yaml"][..],
        &["check", "pipe.yaml"],
        &["run", "a.yaml", "--lab", "pipe.yaml"],
        &["conform", URL, "--target", "pipe.yaml"],
        &["conform-client", "--target", "pipe.yaml", "--", "true"],
        &["matrix", "a.yaml", "--driver", "virtual", "--ledger", "pipe.yaml"],
    ] {
        let ended = run_in(folder.path(), arguments);
        ended.assert_orderly();
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.transcript());
        assert!(ended.stderr.contains("not a regular file"), "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn ctrl_c_ends_the_wait_for_a_pipe() {
    for (number, arguments) in [
        &["enrol", URL, "--challenge-file", "pipe"][..],
        &["enrol", URL, "--ca", "pipe"],
        &["conform", URL, "--challenge-file", "pipe"],
        &["serve", "rfc8894", "--listen", "127.0.0.1:0", "--challenge-file", "pipe"],
        &[
            "serve",
            "ndes",
            "--listen",
            "127.0.0.1:0",
            "--admin-user",
            "a",
            "--admin-password-file",
            "pipe",
        ],
    ]
    .into_iter()
    .enumerate()
    {
        let folder = tempfile::tempdir().unwrap();
        let pipe = pipe(folder.path(), "pipe");
        let shown = pipe.display().to_string();
        let named =
            |word: &&'static str| if *word == "pipe" { shown.clone() } else { (*word).to_owned() };
        let words: Vec<String> = arguments.iter().map(named).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut run = Running::start(command(workspace(), &words));
        // The writer stays open, so that there is no end to read.
        let writer = RefCell::new(None);
        wait_until("the pipe is read", || {
            let nonblocking = OFlag::O_NONBLOCK.bits();
            let opened = OpenOptions::new().write(true).custom_flags(nonblocking).open(&pipe);
            *writer.borrow_mut() = opened.ok();
            writer.borrow().is_some()
        });
        run.signal("INT");
        assert_eq!(run.wait().code(), Some(130), "{number}: {}", run.rest_of_stderr());
    }
}

#[test]
fn password_from_standard_input_is_read() {
    let server = Server::start(&["rfc8894", "--challenge", "x1-y2-z3", "--single-password"]);
    let folder = tempfile::tempdir().unwrap();
    let url = server.url("/scep");
    for source in ["/dev/stdin", "/dev/fd/0"] {
        let mut enrol = command(folder.path(), &["enrol", &url, "--challenge-file", source]);
        enrol.stdin(Stdio::piped());
        let mut run = Running::start(enrol);
        run.write_line("x1-y2-z3");
        run.close_stdin();
        assert_eq!(run.wait().code(), Some(0), "{source}: {}", run.rest_of_stderr());
    }
}

#[test]
fn endless_password_file_is_refused() {
    let ended = run_in(Path::new("/"), &["enrol", URL, "--challenge-file", "/dev/zero"]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    assert!(ended.stderr.contains("longer than 1048576 bytes"), "{}", ended.transcript());
}

#[test]
fn two_reports_to_one_file_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), PASSES).unwrap();
    fs::write(folder.path().join("there"), "").unwrap();
    fs::hard_link(folder.path().join("there"), folder.path().join("hard")).unwrap();
    symlink("there", folder.path().join("link")).unwrap();
    symlink("new", folder.path().join("to-new")).unwrap();
    fs::create_dir(folder.path().join("sub")).unwrap();
    for (one, other) in [
        ("new", "new"),
        ("new", "./sub/../new"),
        ("new", "to-new"),
        ("there", "hard"),
        ("there", "link"),
        ("-", "/dev/stdout"),
        ("-", "out"),
    ] {
        let reports = [format!("junit={one}"), format!("json={other}")];
        let arguments = ["run", "a.yaml", "--report", &reports[0], "--report", &reports[1]];
        let mut run = Command::new("sh");
        run.current_dir(folder.path()).args(["-c", "exec \"$@\" > out", "sh"]);
        let ended = finish({
            run.arg(env!("CARGO_BIN_EXE_sceplab")).args(arguments).stdin(Stdio::null());
            run
        });
        ended.assert_orderly();
        assert_eq!(ended.code, Some(2), "{one} {other}: {}", ended.transcript());
        let told = format!("the reports `{one}` and `{other}` are one file");
        assert!(ended.stderr.contains(&told), "{told}: {}", ended.transcript());
    }
    let null = ["run", "a.yaml", "--report", "junit=/dev/null", "--report", "json=/dev/null"];
    assert_eq!(run_in(folder.path(), &null).code, Some(0));
}

#[test]
fn ctrl_c_ends_the_wait_for_the_reader_of_a_report() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), PASSES).unwrap();
    pipe(folder.path(), "pipe");
    let arguments = ["run", "a.yaml", "--report", "json=pipe"];
    let mut run = Running::start(command(folder.path(), &arguments));
    run.stdout_line(|line| line.contains("1 passed").then_some(()));
    run.signal("INT");
    assert_eq!(run.wait().code(), Some(130));
}

#[test]
fn report_over_a_file_that_the_command_reads_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    symlink(workspace().join("scenarios"), at("scenarios")).unwrap();
    let lab = "devices: {DUT0: {interfaces: {eth0: 10.0.0.0/24}}}
hosts: {gateway: {addresses: [10.0.0.1/24]}}
";
    let files = [
        ("a.yaml", PASSES.replace("lab: {", "lab: labs/lab.yaml\n# {")),
        ("labs/lab.yaml", lab.to_owned()),
        ("target.yaml", "title: A server\n".to_owned()),
        ("password", "a-password\n".to_owned()),
        ("ledger.yaml", "expected-failures: []\n".to_owned()),
    ];
    fs::create_dir(at("labs")).unwrap();
    for (name, text) in &files {
        fs::write(at(name), text).unwrap();
    }
    symlink("a.yaml", at("link")).unwrap();
    let matrix = ["matrix", "a.yaml", "--driver", "virtual", "--client", "builtin"];
    let client = ["conform-client", "--target", "target.yaml"];
    for (arguments, place) in [
        (&["run", "a.yaml"][..], "a.yaml"),
        (&["run", "a.yaml"], "link"),
        (&["run", "a.yaml"], "./labs/lab.yaml"),
        (&["run", "a.yaml", "--lab", "labs/lab.yaml"], "labs/lab.yaml"),
        (&[&matrix[..], &["--ledger", "ledger.yaml"]].concat(), "ledger.yaml"),
        (&matrix, "a.yaml"),
        (&["conform", URL, "--target", "target.yaml"], "target.yaml"),
        (&["conform", URL, "--challenge-file", "password"], "password"),
        (&client, "target.yaml"),
    ] {
        let report = format!("markdown={place}");
        let command: &[&str] = if arguments == client { &["--", "true"] } else { &[] };
        let ended = run_in(folder.path(), &[arguments, &["--report", &report], command].concat());
        ended.assert_orderly();
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.transcript());
        let told = format!("the report `{place}` would replace `");
        assert!(ended.stderr.contains(&told), "{arguments:?}: {}", ended.transcript());
    }
    for option in ["--save-messages", "--bundle", "--pcap"] {
        let ended = run_in(folder.path(), &["run", "a.yaml", option, "a.yaml"]);
        ended.assert_orderly();
        assert_eq!(ended.code, Some(2), "{option}: {}", ended.transcript());
    }
    for (name, text) in files {
        assert_eq!(fs::read_to_string(at(name)).unwrap(), text, "{name}");
    }
}
