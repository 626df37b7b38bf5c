//! Connections that break, and devices that restart.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use driver_live::ssh_device::Restored;
use model::lab::SshTarget;
use testbed::device::{Change, Device, DeviceError};

use super::device::{self, assert_contains, connect, script, sessions};
use super::sshd::Sshd;
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        restart_during_a_commit_needs_no_restore,
        configuration_committed_before_a_connection_loss_is_restored,
        connection_loss_while_idle_is_noticed,
        restore_waits_for_the_device_to_return,
        unrestored_configuration_is_saved_and_reported,
    ]
}

const BEFORE: &str = "set a before\n";

/// A server whose session ends during the first commit. `before` is a shell command that runs before the end.
fn cut_in_commit(before: &str) -> Sshd {
    let special = format!(
        r#"special() {{
            [ "$1" = commit ] && [ ! -e cut ] && {{ touch cut; {before} kill -KILL $PPID; sleep 10; }}
            return 1
        }}"#
    );
    let server = Sshd::start(&script(&special));
    std::fs::write(server.path("running"), BEFORE).unwrap();
    server
}

/// Number of refused connections in this trial's network; all were meant for the stopped server.
fn refused_connections() -> u64 {
    let table = std::fs::read_to_string("/proc/thread-self/net/snmp").unwrap();
    let mut lines = table.lines().filter(|line| line.starts_with("Tcp:"));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let mut columns = names.split_whitespace().zip(values.split_whitespace());
    columns.find(|(name, _)| *name == "AttemptFails").unwrap().1.parse().unwrap()
}

#[track_caller]
fn broken<T: std::fmt::Debug>(outcome: Result<T, DeviceError>) -> String {
    match outcome {
        Err(DeviceError::Broken { reason }) => reason,
        other => panic!("the device is not broken: {other:?}"),
    }
}

async fn restart_during_a_commit_needs_no_restore() {
    let server = cut_in_commit("");
    let device = connect(&server.target()).await.unwrap();
    let told = broken(device.configure(Change::Replace("set a after")).await);
    assert_contains(
        &told,
        &["in the middle of `commit`", "it is not known whether", "the connection is lost"],
    );
    let told = broken(device.execute("show running").await);
    assert_contains(&told, &["in the middle of `commit`"]);
    assert_eq!(device.restore().await, Restored::Unchanged);
}

async fn configuration_committed_before_a_connection_loss_is_restored() {
    let server = cut_in_commit("cp candidate running;");
    let device = connect(&server.target()).await.unwrap();
    broken(device.configure(Change::Replace("set a after")).await);
    assert_eq!(server.text("running"), "set a after\n");
    assert_eq!(device.restore().await, Restored::PutBack);
    assert_eq!(server.text("running"), BEFORE);
}

async fn connection_loss_while_idle_is_noticed() {
    let mut server = cut_in_commit("");
    let device = connect(&server.target()).await.unwrap();
    server.stop();
    let told = tokio::time::timeout(Duration::from_secs(60), device.broken()).await.unwrap();
    assert_contains(&told, &["the connection is lost"]);
    server.start_again();
    assert_eq!(device.restore().await, Restored::Unchanged);
}

async fn restore_waits_for_the_device_to_return() {
    let mut server = cut_in_commit("");
    std::fs::write(server.path("cut"), "").unwrap();
    let device = connect(&server.target()).await.unwrap();
    device.configure(Change::Replace("set a after")).await.unwrap();
    server.stop();
    let before = refused_connections();
    let restoring = tokio::spawn(async move { device.restore().await });
    while refused_connections() < before + 2 {
        assert!(!restoring.is_finished(), "it did not retry");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!restoring.is_finished());
    server.start_again();
    assert_eq!(restoring.await.unwrap(), Restored::PutBack);
    assert_eq!(server.text("running"), BEFORE);
}

async fn unrestored_configuration_is_saved_and_reported() {
    let (mut server, sessions) = (cut_in_commit(""), sessions(None));
    std::fs::write(server.path("cut"), "").unwrap();
    let target = SshTarget { answer_within: Duration::from_secs(10), ..server.target() };
    let device = sessions.open("DUT0", &target, false).await.unwrap();
    device.configure(Change::Replace("set a after")).await.unwrap();
    server.stop();
    let restored = device.restore().await;
    let Restored::NotPutBack { reason, saved_in: Some(path) } = restored else {
        panic!("the configuration is restored: {restored:?}")
    };
    assert_contains(
        &reason,
        &["the device could not be reached again within 10 s", "refused the connection"],
    );
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written.ends_with(BEFORE), "{written}");
    // The same run does not use the device any more, and the next run gets a note.
    server.start_again();
    let told = device::reason(sessions.open("DUT0", &target, false).await);
    assert_contains(&told, &["after an earlier scenario", "must not be saved in its place"]);
    let device = connect(&target).await.unwrap();
    let file = path.display().to_string();
    assert_contains(&device.notes().await.join("\n"), &["an earlier run may not have put", &file]);
    std::fs::remove_file(&path).unwrap();
    device.restore().await;
    assert_eq!(sessions.complaints().len(), 1);
    let told = sessions.settled().await;
    assert_eq!(told.len(), 1, "{told:?}");
    let parts =
        [&file, "device `DUT0` (`admin@127.0.0.1:", "could not be put back", "type `configure`"];
    assert_contains(&told[0].complaint, &parts);
    assert_eq!(sessions.settled().await, []);
}
