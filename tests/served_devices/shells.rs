//! The rig's misbehaving devices, as `ssh` sees them.

use std::process::Stdio;

use super::ssh::typed;
use crate::support::rig::{DROPS, FLOOD, GARBAGE, Rig, SILENT, SLOW};
use crate::support::sceplab::{Running, finish, wait_until};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        misbehaving_shells_do_what_their_names_say,
        changed_host_key_and_wrong_key_are_rejected,
        restart_during_a_commit_keeps_the_saved_configuration,
    ]
}

fn misbehaving_shells_do_what_their_names_say() {
    let mut rig = Rig::light();
    rig.device_shell(DROPS);
    let dropped = typed(rig.ssh(&["-tt"]), "show running\n");
    assert_eq!(dropped.code, Some(1), "{dropped:?}");
    assert!(dropped.stdout.contains("admin@DUT0$ "), "{dropped:?}");

    rig.device_shell(FLOOD);
    let flooded = typed(rig.ssh(&["-tt"]), "show running\n\x04");
    assert!(flooded.stdout.len() > 10_000_000, "{}", flooded.stdout.len());

    rig.device_shell(GARBAGE);
    let garbled = typed(rig.ssh(&["-tt"]), "show date\nexit\n");
    assert_eq!(garbled.code, Some(0), "{garbled:?}");
    assert!(garbled.stdout.contains('\0') && garbled.stdout.contains("\x1b[2J"), "{garbled:?}");
    assert!(garbled.stdout.contains("+00:00"), "{garbled:?}");

    rig.device_shell(SLOW);
    let slow = typed(rig.ssh(&["-tt"]), "show date\nexit\n");
    assert!(slow.stdout.contains("+00:00"), "{slow:?}");

    rig.device_shell(SILENT);
    let mut silent = rig.ssh(&["-tt", "-v"]);
    silent.stdin(Stdio::piped());
    let mut silent = Running::start(silent);
    silent.stderr_line(|line| line.contains("Entering interactive session").then_some(()));
    rig.stop_sshd();
    assert_eq!(silent.wait().code(), Some(255));
    assert_eq!(silent.rest_of_stdout(), "");
}

fn changed_host_key_and_wrong_key_are_rejected() {
    let mut rig = Rig::light();
    let mut stranger =
        rig.ssh(&["-o", "IdentityFile=/dev/null", "-o", "PasswordAuthentication=no"]);
    stranger.args(["show date"]);
    let own = rig.identity();
    std::fs::rename(&own, own.with_extension("away")).unwrap();
    let refused = finish(stranger);
    std::fs::rename(own.with_extension("away"), &own).unwrap();
    assert!(refused.stderr.contains("Permission denied (publickey"), "{refused:?}");
    rig.change_host_key();
    let mut ssh = rig.ssh(&[]);
    ssh.arg("show date");
    let changed = finish(ssh);
    assert!(changed.stderr.contains("HOST IDENTIFICATION HAS CHANGED"), "{changed:?}");
}

fn restart_during_a_commit_keeps_the_saved_configuration() {
    let rig = Rig::start_with(&["--restart-in-commit", "2"]);
    let lines = "configure
set interfaces ethernet eth0 address 10.215.168.64/24
commit
save
set interfaces ethernet eth0 address 10.215.168.65/24
commit
show
";
    let cut = typed(rig.ssh(&["-tt"]), lines);
    assert_eq!(cut.code, Some(3), "{cut:?}");
    wait_until("the device is up again", || rig.on_device("show date").code == Some(0));
    let running = rig.on_device("show running\nping 10.215.168.1 count 1 timeout 5").stdout;
    assert!(running.contains("address 10.215.168.64/24"), "{running}");
    assert!(!running.contains("10.215.168.65") && !running.contains("Warning"), "{running}");
    assert!(running.contains(" 0% packet loss"), "{running}");
}
