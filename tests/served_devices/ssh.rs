//! Sessions over SSH.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::rig::Rig;
use crate::support::sceplab::{Ended, Running, finish, wait_until};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        single_command_runs_and_returns_its_exit_code,
        login_accepts_only_the_right_password,
        next_session_sees_only_committed_changes,
        terminal_session_shows_prompts_and_echo,
        restart_ends_all_sessions_and_keeps_the_saved_configuration,
    ]
}

/// Runs `ssh` with these lines as its standard input.
#[track_caller]
pub(super) fn typed(mut ssh: Command, lines: &str) -> Ended {
    let mut child =
        ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

fn single_command_runs_and_returns_its_exit_code() {
    let rig = Rig::light();
    let mut ssh = rig.ssh(&[]);
    ssh.arg("show running");
    let shown = finish(ssh);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.stdout.starts_with("# Sceplab device version"), "{shown:?}");
    let mut ssh = rig.ssh(&[]);
    ssh.arg("frobnicate");
    let refused = finish(ssh);
    assert_eq!(refused.transcript(), "exit code: 4\n--- stdout\nInvalid command: [frobnicate]\n");
}

fn login_accepts_only_the_right_password() {
    let rig = Rig::light();
    let asked = |password_file: &Path| {
        let script = rig.identity().with_file_name("askpass");
        fs::write(&script, format!("#!/bin/sh\ncat '{}'\n", password_file.display())).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
        let mut ssh = rig.ssh(&[
            "-o",
            "BatchMode=no",
            "-o",
            "PubkeyAuthentication=no",
            "-o",
            "NumberOfPasswordPrompts=1",
        ]);
        ssh.arg("show date").env("SSH_ASKPASS", &script).env("SSH_ASKPASS_REQUIRE", "force");
        finish(ssh)
    };
    let right = asked(&rig.password_file());
    assert!(right.code == Some(0) && right.stdout.ends_with("+00:00\n"), "{right:?}");
    let wrong = asked(&rig.admin_password_file());
    assert!(wrong.code == Some(255) && wrong.stdout.is_empty(), "{wrong:?}");
    assert!(wrong.stderr.contains("Permission denied"), "{wrong:?}");
}

fn next_session_sees_only_committed_changes() {
    let rig = Rig::light();
    let first = typed(
        rig.ssh(&["-T"]),
        "configure\nset system host-name R1\ncommit\nset system host-name R2\ncompare\n",
    );
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(first.stdout.ends_with("- set system host-name R1\n+ set system host-name R2\n"));
    let second = typed(rig.ssh(&["-T"]), "show running\nconfigure\ncompare\n");
    assert!(second.stdout.contains("\nset system host-name R1\n[edit]\nNo changes"), "{second:?}");
}

fn terminal_session_shows_prompts_and_echo() {
    let rig = Rig::light();
    let session =
        typed(rig.ssh(&["-tt"]), "configure\nset system host-name R1\ncommit\nexit\nexit\n");
    assert_eq!(session.code, Some(0), "{session:?}");
    for wanted in ["admin@DUT0$ ", "configure", "[edit]\r\n", "admin@DUT0# ", "admin@R1$ "] {
        assert!(session.stdout.contains(wanted), "`{wanted}` is not in {}", session.stdout);
    }
}

fn restart_ends_all_sessions_and_keeps_the_saved_configuration() {
    let rig = Rig::light();
    typed(
        rig.ssh(&["-T"]),
        "configure\nset system host-name R1\ncommit\nsave\nset system host-name R2\ncommit\n",
    );
    let mut waiting = rig.ssh(&["-T"]);
    waiting.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut waiting = Running::start(waiting);
    waiting.write_line("show running");
    waiting.stdout_line(|line| line.contains("host-name R2").then_some(()));
    let mut ssh = rig.ssh(&[]);
    ssh.arg("reboot");
    let told = finish(ssh);
    assert_eq!(told.stdout, "The system is going down for reboot NOW!\n");
    assert_eq!(waiting.wait().code(), Some(3));
    assert!(waiting.rest_of_stderr().contains("the device restarts"));
    wait_until("the device is up again", || rig.on_device("show date").code == Some(0));
    let running = rig.on_device("show running");
    assert!(running.stdout.contains("set system host-name R1\n"), "{running:?}");
}
