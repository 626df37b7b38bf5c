//! `sceplab dut` behind noise, a slow line, floods and silence.

use std::time::Duration;

use driver_live::ssh_device::Restored;
use model::lab::SshTarget;
use testbed::device::{Change, Device};

use super::device::{assert_contains, connect, reason};
use crate::support::rig::files::USER;
use crate::support::rig::{DROPS, FLOOD, GARBAGE, Rig, SILENT, SLOW};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        device_that_sends_garbage_can_be_configured,
        device_on_a_slow_line_can_be_configured,
        flood_silence_and_disconnect_are_distinguished,
    ]
}

/// A device behind this login shell, and its SSH target.
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
async fn assert_usable(target: &SshTarget) {
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

async fn device_that_sends_garbage_can_be_configured() {
    let (_rig, target) = behind(GARBAGE);
    assert_usable(&target).await;
}

async fn device_on_a_slow_line_can_be_configured() {
    // On a terminal without capabilities the console waits for a line feed, but the slow line passes on a carriage return.
    let shell = format!("export TERM=vt100\n{SLOW}");
    let (_rig, target) = behind(&shell);
    assert_usable(&target).await;
}

async fn flood_silence_and_disconnect_are_distinguished() {
    let (rig, target) = behind(FLOOD);
    assert_contains(&reason(connect(&target).await), &["printed more than 4 MiB"]);
    rig.device_shell(DROPS);
    assert_contains(&reason(connect(&target).await), &["the connection is lost", "with status 1"]);
    rig.device_shell(SILENT);
    let hasty = SshTarget { answer_within: Duration::from_secs(1), ..target };
    assert_contains(
        &reason(connect(&hasty).await),
        &["no prompt was seen in 1 s", "nothing was received"],
    );
}
