//! Devices: each a process of its own, with its console on a socket.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use process::Output;
use tokio::process::{Child, Command};

use super::build::{Namespaces, namespace_of};
use simulated::control::{Order, Speaker, Told};
use testbed::BenchError;

/// Starts the devices of the lab; yields the sockets of their consoles.
pub(super) fn start(
    order: &Order,
    namespaces: &Namespaces,
    speaker: &Speaker,
) -> Result<BTreeMap<String, PathBuf>, BenchError> {
    let mut consoles = BTreeMap::new();
    for (number, name) in order.lab.devices.keys().enumerate() {
        let namespace = namespace_of(namespaces, name)?;
        let console = order.folder.join(format!("console{number}"));
        let folder = order.folder.join(format!("device{number}"));
        let child = command(order, &console, &folder)
            .and_then(|mut command| namespace.spawn(&mut command))
            .map_err(|error| BenchError::Device {
                name: name.clone(),
                reason: error.to_string(),
            })?;
        tokio::spawn(watch(child, name.clone(), speaker.clone()));
        consoles.insert(name.clone(), console);
    }
    Ok(consoles)
}

/// The device's console is its standard input; what it keeps for a while is in the lab's folder, and gone with it.
fn command(order: &Order, console: &Path, folder: &Path) -> io::Result<Command> {
    DirBuilder::new().mode(0o700).create(folder)?;
    let listener = listen(console)?;
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

/// A socket's path has room for some hundred bytes, of which a long `TMPDIR` may take too many.
fn listen(console: &Path) -> io::Result<UnixListener> {
    UnixListener::bind(console).map_err(|error| {
        let help = match error.kind() {
            io::ErrorKind::InvalidInput => "; a shorter `TMPDIR` helps",
            _ => "",
        };
        let path = console.display();
        io::Error::new(error.kind(), format!("its console `{path}` cannot be made: {error}{help}"))
    })
}

/// Tells the runner if the device ends.
async fn watch(mut child: Child, name: String, speaker: Speaker) {
    let tail = child.stderr.take().map(Output::of);
    let status = child.wait().await.ok();
    let ended = match tail {
        Some(tail) => tail.describe_end(status).await,
        None => "ended".to_owned(),
    };
    let _ = speaker.send(Told::Broke { part: name, reason: format!("its process {ended}") });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_too_long_for_a_socket_is_named_with_what_makes_it_shorter() {
        let folder = tempfile::tempdir().unwrap();
        let console = folder.path().join("x".repeat(120));
        let error = listen(&console).unwrap_err().to_string();
        let told = format!("its console `{}` cannot be made: path must be", console.display());
        assert!(error.starts_with(&told), "{error}");
        assert!(error.ends_with("; a shorter `TMPDIR` helps"), "{error}");
        let nowhere = listen(&folder.path().join("nowhere/console")).unwrap_err().to_string();
        assert!(!nowhere.contains("TMPDIR"), "{nowhere}");
    }
}
