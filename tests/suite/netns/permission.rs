//! What is said where namespaces are forbidden: once, with what would permit them.

use std::fs;
use std::process::Command;

use super::lab::WAITS;
use super::permitted;
use crate::suite::sceplab::{Ended, command, finish, skip};

/// The binary, in a user namespace of its own in which `setting` has been made.
fn run_where(setting: &str) -> Option<Ended> {
    let unable = "setpriv --bounding-set=-sys_admin";
    run_as(setting, unable, WAITS)
}

/// The same, started by `starter`.
fn run_as(setting: &str, starter: &str, scenario: &str) -> Option<Ended> {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.yaml", "b.yaml"] {
        fs::write(folder.path().join(name), scenario).unwrap();
    }
    let run = command(folder.path(), &["run", "--driver", "netns", "."]);
    let mut nested = Command::new("unshare");
    nested.args(["--user", "--map-root-user", "--net", "--mount", "sh", "-c"]);
    // Root that may make the other namespaces can do without one of users.
    nested.arg(format!("{setting} && exec {starter} \"$0\" \"$@\""));
    nested.arg(run.get_program()).args(run.get_args());
    nested.current_dir(folder.path()).stdin(std::process::Stdio::null());
    let ended = finish(nested);
    if ended.stderr.contains("setpriv: ") || ended.stderr.contains("cannot create") {
        skip(&ended.stderr);
        return None;
    }
    Some(ended)
}

#[test]
fn a_limit_of_zero_is_told_once_with_the_command_that_raises_it() {
    if !permitted() {
        return;
    }
    let Some(ended) = run_where("echo 0 > /proc/sys/user/max_user_namespaces") else { return };
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(ended.stdout, "");
    assert_eq!(
        ended.stderr,
        "error: driver `netns`: user namespaces cannot be had: `user.max_user_namespaces` is 0; \
         `sudo sysctl -w user.max_user_namespaces=15000` allows them\n"
    );
}

#[test]
fn another_limit_of_zero_is_told_by_its_name() {
    if !permitted() {
        return;
    }
    let Some(ended) = run_where("echo 0 > /proc/sys/user/max_net_namespaces") else { return };
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("`user.max_net_namespaces` is 0"), "{ended:?}");
}

#[test]
fn root_needs_no_namespace_of_users() {
    if !permitted() {
        return;
    }
    let scenario = WAITS.replace("count: 9, within: 60m", "count: 0");
    let setting = "echo 0 > /proc/sys/user/max_user_namespaces";
    let Some(ended) = run_as(setting, "env", &scenario) else { return };
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("2 passed"), "{ended:?}");
}
