//! Connections that break, and devices that restart.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use harness::device::{Change, Device, DeviceError};
use harness::drivers::ssh_device::Restored;
use harness::lab::SshTarget;

use super::sshd::{Sshd, is_there};
use super::{assert_tells, connect, script, sessions};

const BEFORE: &str = "set a before\n";

/// The session ends in the middle of the first commit, before or after the device took the configuration.
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

#[track_caller]
fn broken<T: std::fmt::Debug>(outcome: Result<T, DeviceError>) -> String {
    match outcome {
        Err(DeviceError::Broken { reason }) => reason,
        other => panic!("it is not broken: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_restarts_in_a_commit_has_nothing_to_be_put_back() {
    if !is_there() {
        return;
    }
    let server = cut_in_commit("");
    let device = connect(&server.target()).await.unwrap();
    let told = broken(device.configure(Change::Replace("set a after")).await);
    assert_tells(
        &told,
        &["in the middle of `commit`", "it is not known whether", "the connection is lost"],
    );
    let told = broken(device.execute("show running").await);
    assert_tells(&told, &["in the middle of `commit`"]);
    assert_eq!(device.restore().await, Restored::Unchanged);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_before_the_cut_is_put_back() {
    if !is_there() {
        return;
    }
    let server = cut_in_commit("cp candidate running;");
    let device = connect(&server.target()).await.unwrap();
    broken(device.configure(Change::Replace("set a after")).await);
    assert_eq!(server.text("running"), "set a after\n");
    assert_eq!(device.restore().await, Restored::PutBack);
    assert_eq!(server.text("running"), BEFORE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_gone_while_nothing_is_asked_is_noticed() {
    if !is_there() {
        return;
    }
    let mut server = cut_in_commit("");
    let device = connect(&server.target()).await.unwrap();
    server.stop();
    let told = tokio::time::timeout(Duration::from_secs(20), device.broken()).await.unwrap();
    assert_tells(&told, &["the connection is lost"]);
    server.start_again();
    assert_eq!(device.restore().await, Restored::Unchanged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_comes_back_is_waited_for() {
    if !is_there() {
        return;
    }
    let mut server = cut_in_commit("");
    std::fs::write(server.path("cut"), "").unwrap();
    let device = connect(&server.target()).await.unwrap();
    device.configure(Change::Replace("set a after")).await.unwrap();
    server.stop();
    let restoring = tokio::spawn(async move { device.restore().await });
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(!restoring.is_finished());
    server.start_again();
    assert_eq!(restoring.await.unwrap(), Restored::PutBack);
    assert_eq!(server.text("running"), BEFORE);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_put_back_is_told_and_written_down() {
    if !is_there() {
        return;
    }
    let (mut server, sessions) = (cut_in_commit(""), sessions(None));
    std::fs::write(server.path("cut"), "").unwrap();
    let target = SshTarget { answer_within: Duration::from_secs(2), ..server.target() };
    let device = sessions.open("DUT0", &target, false).await.unwrap();
    device.configure(Change::Replace("set a after")).await.unwrap();
    server.stop();
    let restored = device.restore().await;
    let Restored::NotPutBack { reason, saved_in: Some(path) } = restored else {
        panic!("it is put back: {restored:?}")
    };
    assert_tells(&reason, &["in 2 s it could not be reached again", "refused the connection"]);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written.ends_with(BEFORE), "{written}");
    // Whoever connects next is told of it.
    server.start_again();
    let device = sessions.open("DUT0", &target, false).await.unwrap();
    let file = path.display().to_string();
    assert_tells(&device.notes().await.join("\n"), &["an earlier run may not have put", &file]);
    std::fs::remove_file(&path).unwrap();
    device.restore().await;
    assert_eq!(sessions.complaints().len(), 1);
    let told = sessions.settled().await;
    assert_eq!(told.len(), 1, "{told:?}");
    let parts =
        [&file, "device `DUT0` (`admin@127.0.0.1:", "could not be put back", "type `configure`"];
    assert_tells(&told[0], &parts);
    assert_eq!(sessions.settled().await, [""; 0]);
}
