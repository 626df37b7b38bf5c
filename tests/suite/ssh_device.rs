//! A device over SSH: real OpenSSH servers, whose login shells are devices good and bad.
#![cfg(target_os = "linux")]

mod sshd; // the server

use std::sync::Arc;

use harness::device::{Change, Device, DeviceError};
use harness::drivers::ssh_device::{AtTerminal, Restored, SshDevice};
use harness::lab::SshTarget;
use harness::run::BenchError;

use self::sshd::{Sshd, is_there};

/// The login shell of a device; `special` is a function that may carry out a line in its stead.
fn device(special: &str) -> String {
    include_str!("ssh_device/script.sh").replace("# SPECIAL", special)
}

async fn connect(target: &SshTarget) -> Result<SshDevice, BenchError> {
    SshDevice::connect("DUT0", target, Arc::new(AtTerminal::default()), false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_is_replaced_and_put_back() {
    if !is_there() {
        return;
    }
    let server = Sshd::start(&device(""));
    let before = "set interfaces ethernet eth0 address 10.0.0.1/24\nset system login user admin\n";
    std::fs::write(server.path("running"), before).unwrap();
    let device = connect(&server.target()).await.unwrap();
    let lines =
        "# new\nset interfaces ethernet eth0 address 10.0.0.2/24\n\nset system host-name 'r 1'\n";
    device.configure(Change::Replace(lines)).await.unwrap();
    assert_eq!(
        device.execute("show running").await.unwrap(),
        "# A device version 1\nset interfaces ethernet eth0 address 10.0.0.2/24\nset system host-name 'r 1'\n\
         set system login user admin"
    );
    device.configure(Change::Modify("delete system host-name\n")).await.unwrap();
    assert!(!server.text("running").contains("host-name"));
    assert_eq!(device.restore().await, Restored::PutBack);
    assert_eq!(server.text("running"), before);
    let refused = device.execute("show running").await;
    assert!(matches!(refused, Err(DeviceError::Broken { .. })), "{refused:?}");
}
