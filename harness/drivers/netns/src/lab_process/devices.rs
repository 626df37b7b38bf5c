//! Devices: each a process of its own, with its console on a socket.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use process::Output;
use tokio::process::{Child, Command};

use super::events::EventSender;
use super::namespaces::Namespaces;
use super::socket::listen;
use simulated::control::{LabEvent, Order};
use testbed::BenchError;

/// Starts the devices of the lab; yields the sockets of their consoles.
pub(super) fn start(
    order: &Order,
    namespaces: &Namespaces,
    events: &EventSender,
) -> Result<BTreeMap<String, PathBuf>, BenchError> {
    let mut consoles = BTreeMap::new();
    for (number, name) in order.lab.devices.keys().enumerate() {
        let namespace = namespaces.of(name)?;
        let console = order.folder.join(format!("console{number}"));
        let folder = order.folder.join(format!("device{number}"));
        let child = command(order, &console, &folder)
            .and_then(|mut command| namespace.spawn(&mut command))
            .map_err(|error| BenchError::Device {
                name: name.clone(),
                reason: error.to_string(),
            })?;
        tokio::spawn(watch(child, name.clone(), events.clone()));
        consoles.insert(name.clone(), console);
    }
    Ok(consoles)
}

/// The device's console is its standard input; what it keeps for a while is in the lab's folder, and gone with it.
fn command(order: &Order, console: &Path, folder: &Path) -> io::Result<Command> {
    DirBuilder::new().mode(0o700).create(folder)?;
    let listener = listen("console", console)?;
    let mut command = Command::new(&order.sceplab);
    command
        .args(["dut", "--on-socket"])
        .env("TMPDIR", folder)
        .stdin(OwnedFd::from(listener))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    Ok(command)
}

/// Tells the runner if the device ends.
async fn watch(mut child: Child, name: String, events: EventSender) {
    let tail = child.stderr.take().map(Output::of);
    let status = child.wait().await.ok();
    let ended = match tail {
        Some(tail) => tail.describe_end(status).await,
        None => "ended".to_owned(),
    };
    let _ = events.send(LabEvent::Broke { part: name, reason: format!("its process {ended}") });
}
