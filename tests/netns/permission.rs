//! If namespaces are forbidden, one message says so and how to permit them.

use std::fs;
use std::process::Command;

use super::lab::WAITS;
use crate::support::sceplab::{Ended, command, finish};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    let limits = limits();
    let needs = [needs, &[&limits]].concat();
    trials![
        &needs;
        user_namespace_limit_of_zero_is_reported_with_the_command_that_raises_it,
        other_namespace_limit_of_zero_is_named,
        root_needs_no_user_namespace,
    ]
}

/// A command that starts a program without the capability to make namespaces.
const UNABLE: &str = "setpriv --bounding-set=-sys_admin";

/// Runs the binary in its own user namespace, after the shell command `setting`.
fn run_where(setting: &str) -> Ended {
    run_as(setting, UNABLE, WAITS)
}

/// The same, started by the command `starter`.
fn run_as(setting: &str, starter: &str, scenario: &str) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.yaml", "b.yaml"] {
        fs::write(folder.path().join(name), scenario).unwrap();
    }
    let run = command(folder.path(), &["run", "--driver", "netns", "."]);
    let mut nested = nested(setting, starter);
    nested.arg(run.get_program()).args(run.get_args()).current_dir(folder.path());
    finish(nested)
}

/// User namespaces with limits that can be set.
fn limits() -> Need {
    let setting = "test -w /proc/sys/user/max_user_namespaces";
    let mut tried = nested(setting, UNABLE);
    let missing = match tried.arg("true").output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(format!("there is no `unshare` (package `util-linux`): {error}")),
    };
    Need::new("userns", missing)
}

/// The beginning of a command that runs a program by `starter` in its own user namespace, after the shell command `setting`.
fn nested(setting: &str, starter: &str) -> Command {
    let mut nested = Command::new("unshare");
    nested.args(["--user", "--map-root-user", "--net", "--mount", "sh", "-c"]);
    // If root may make the other namespaces, the driver needs no user namespace.
    nested.arg(format!("{setting} && exec {starter} \"$0\" \"$@\""));
    nested.stdin(std::process::Stdio::null());
    nested
}

fn user_namespace_limit_of_zero_is_reported_with_the_command_that_raises_it() {
    let ended = run_where("echo 0 > /proc/sys/user/max_user_namespaces");
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(ended.stdout, "");
    assert_eq!(
        ended.stderr,
        "error: driver `netns`: user namespaces cannot be created: `user.max_user_namespaces` is 0; \
         `sudo sysctl -w user.max_user_namespaces=15000` allows them\n"
    );
}

fn other_namespace_limit_of_zero_is_named() {
    let ended = run_where("echo 0 > /proc/sys/user/max_net_namespaces");
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("`user.max_net_namespaces` is 0"), "{ended:?}");
}

fn root_needs_no_user_namespace() {
    let scenario = WAITS.replace("count: 9, within: 60m", "count: 0");
    let setting = "echo 0 > /proc/sys/user/max_user_namespaces";
    let ended = run_as(setting, "env", &scenario);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("2 passed"), "{ended:?}");
}
