//! Needs of the trials of labs and clients.

use std::path::Path;
use std::process::Command;

use driver_netns::Netns;
use dut_sim::ScepClient;
use process::faketime::Faketime;
use testbed::{Driver, LabOptions, TestbedError};

use super::trials::Need;

/// Network namespaces.
#[track_caller]
pub(crate) fn netns() -> Need {
    let probed = runtime().block_on(netns_driver().probe());
    Need::new("netns", probed.err().map(|error| reason(&error)))
}

/// The programs of a client; the built-in client needs none.
pub(crate) fn client(client: ScepClient) -> Option<Need> {
    let group = match client {
        ScepClient::Builtin => return None,
        ScepClient::Strongswan => "strongswan",
        ScepClient::Scepclient => "scepclient",
        ScepClient::Sscep => "sscep",
        ScepClient::Certmonger => "certmonger",
    };
    Some(Need::new(group, client.missing().map(|missing| missing.to_string())))
}

/// libfaketime, which shows programs another time.
pub(crate) fn faketime() -> Need {
    Need::new("faketime", Faketime::find().err().map(|missing| missing.to_string()))
}

/// util-linux's `script`, which makes terminals.
pub(crate) fn terminal() -> Need {
    let version = Command::new("script").arg("--version").output();
    let is_there = |output: std::process::Output| {
        String::from_utf8_lossy(&output.stdout).contains("util-linux")
    };
    let reason = || "there is no util-linux `script` to make a terminal".to_owned();
    Need::new("terminal", (!version.is_ok_and(is_there)).then(reason))
}

/// Root, to become another user.
pub(crate) fn another_user() -> Need {
    let missing = match as_another_user().arg("true").output() {
        Ok(output) if output.status.success() => None,
        Ok(_) => Some("only root can become another user".to_owned()),
        Err(error) => Some(format!("there is no `setpriv` (package `util-linux`): {error}")),
    };
    Need::new("another-user", missing)
}

/// The beginning of a command that runs a program as the user `nobody`.
pub(crate) fn as_another_user() -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    command
}

/// The reason why this machine cannot have labs. Panics for any other error, which is a fault of the driver.
#[track_caller]
pub(crate) fn reason(error: &TestbedError) -> String {
    match error {
        TestbedError::NotPermitted { reason, .. } | TestbedError::NoEngine { reason } => {
            reason.clone()
        }
        TestbedError::NotSupported { what, .. } => what.clone(),
        other => panic!("the driver is broken: {other}"),
    }
}

/// The driver `netns` as the binary makes it.
pub(crate) fn netns_driver() -> Netns {
    let sceplab = Some(Path::new(env!("CARGO_BIN_EXE_sceplab")).to_owned());
    Netns::new(LabOptions { sceplab, ..LabOptions::default() })
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
