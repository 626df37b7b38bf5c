//! `sceplab dut` behind what comes between a device and its users: noise, a slow line, floods, silence.

use std::time::Duration;

use driver_live::ssh_device::Restored;
use model::lab::SshTarget;
use testbed::device::{Change, Device};

use super::device::{assert_tells, connect, reason};
use crate::support::rig::files::USER;
use crate::support::rig::{DROPS, FLOOD, GARBAGE, Rig, SILENT, SLOW};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        a_device_that_sends_garbage_can_be_configured,
        a_device_on_a_slow_line_can_be_configured,
        floods_silence_and_an_end_are_told_apart,
    ]
}

/// A device whose login shell is this, and how it is reached.
fn behind(shell: &str) -> (Rig, SshTarget) {
    let rig = Rig::light();
    rig.device_shell(shell);
    let target = SshTarget {
        identity: Some(rig.identity()),
        known_hosts: Some(rig.known_hosts()),
        ..SshTarget::new(USER, rig.host(), rig.port())
    };
    (rig, target)
}

/// Changes the configuration, reads it back, and leaves it as it was.
async fn assert_of_use(target: &SshTarget) {
    let device = connect(target).await.unwrap();
    let lines = "set interfaces ethernet eth0 address 10.215.168.64/24\nset system host-name R1";
    device.configure(Change::Replace(lines)).await.unwrap();
    let shown = device.execute("show running").await.unwrap();
    let set = shown.lines().filter(|line| line.starts_with("set "));
    assert_eq!(set.collect::<Vec<_>>().join("\n"), lines);
    assert!(
        shown.lines().next().is_some_and(|line| line.starts_with("# Sceplab device")),
        "{shown}"
    );
    assert_eq!(device.restore().await, Restored::PutBack);
}

async fn a_device_that_sends_garbage_can_be_configured() {
    let (_rig, target) = behind(GARBAGE);
    assert_of_use(&target).await;
}

async fn a_device_on_a_slow_line_can_be_configured() {
    // What reads whole lines waits for another end of them than a line that is passed on has.
    let shell = format!("export TERM=vt100\n{SLOW}");
    let (_rig, target) = behind(&shell);
    assert_of_use(&target).await;
}

async fn floods_silence_and_an_end_are_told_apart() {
    let (rig, target) = behind(FLOOD);
    assert_tells(&reason(connect(&target).await), &["printed more than 4 MiB"]);
    rig.device_shell(DROPS);
    assert_tells(&reason(connect(&target).await), &["the connection is lost", "with status 1"]);
    rig.device_shell(SILENT);
    let hasty = SshTarget { answer_within: Duration::from_secs(1), ..target };
    assert_tells(
        &reason(connect(&hasty).await),
        &["no prompt was seen in 1 s", "nothing was received"],
    );
}
