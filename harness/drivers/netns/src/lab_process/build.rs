//! Builds the links and namespaces of a lab, and starts the processes in them.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use diagnostics::bugs;
use nix::errno::Errno;
use process::Output;
use recording::Recorder;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;

use super::pkis::{self, Programs};
use super::{EventSender, Namespaces, Remains, bind, namespace_of};
use crate::capture::Capture;
use crate::isolation::not_permitted;
use crate::permission::{Refused, Settings};
use crate::process::BUG;
use crate::surroundings;
use model::lab::topology::{Node, Topology};
use simulated::control::{Built, LabEvent, LabSpec};
use simulated::kernel::links::{FIRST_INTERFACE, Links, interface_refused, is_unknown, refused};
use simulated::kernel::namespace::Namespace;
use testbed::TestbedError;

/// Builds the specified lab; the process runs in the namespace of the links.
pub(super) async fn build(
    spec: &LabSpec,
    events: &EventSender,
    remains: &mut Remains,
) -> Result<(Built, Programs), TestbedError> {
    remains.folder = Some(spec.folder.clone());
    prepare_system(spec)?;
    let topology = Topology::of(&spec.lab);
    let switch = links(&topology).await?;
    start_captures(&topology, spec, remains);
    let namespaces = nodes(&topology, &switch).await?;
    let recorder = match &spec.messages {
        Some(part) => part.recorder(spec.lab.clock()),
        None => Recorder::in_memory(spec.lab.clock()),
    };
    let controls = pkis::start_cas(spec, &namespaces, &recorder)?;
    remains.recorder = Some(recorder);
    let programs = pkis::start_programs(spec, &namespaces, events).await?;
    let consoles = start_devices(spec, &namespaces, events)?;
    let descriptors =
        namespaces.iter().map(|(name, namespace)| (name.clone(), namespace.descriptor()));
    let built = Built { namespaces: descriptors.collect(), consoles, controls };
    remains.namespaces = namespaces;
    remains.switch = Some(Switch { links: switch, topology });
    Ok((built, programs))
}

/// The switch of a lab, which has a port for each interface.
pub(super) struct Switch {
    links: Links,
    topology: Topology,
}

impl Switch {
    /// Takes the link at an interface down or up.
    ///
    /// # Errors
    /// If the lab has no such interface, or the kernel refuses.
    pub(super) async fn set(&self, node: &str, interface: &str, is_up: bool) -> Result<(), String> {
        let plugs = self.topology.nodes.iter().flat_map(|node| {
            node.interfaces.iter().map(|interface| (node.name.as_str(), interface.name.as_str()))
        });
        // The ports have the order in which the nodes were plugged in.
        let port = plugs.enumerate().find(|(_, plug)| *plug == (node, interface));
        let (port, _) = port.ok_or_else(|| format!("`{node}` has no interface `{interface}`"))?;
        self.links.switch(port, is_up).await.map_err(|error| error.to_string())
    }
}

fn prepare_system(spec: &LabSpec) -> Result<(), TestbedError> {
    surroundings::mount_proc().map_err(|error| {
        let errno = error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
        not_permitted(Settings::of_this_process().explain(Refused::Proc, errno))
    })?;
    if spec.lab.has_own_time() {
        surroundings::mount_shared_memory()
            .map_err(|error| TestbedError::Network { reason: format!("/dev/shm: {error}") })?;
    }
    surroundings::mount_names(&spec.lab, &spec.folder)
        .and_then(|()| surroundings::disable_ipv6())
        .map_err(|error| TestbedError::Network { reason: error.to_string() })
}

/// Creates a bridge for each link, in the namespace of the calling process.
async fn links(topology: &Topology) -> Result<Links, TestbedError> {
    let broken = |what: &str, error: &io::Error| TestbedError::Network {
        reason: if is_unknown(error) {
            format!("{what}: the kernel has no bridges; `sudo modprobe bridge` loads them")
        } else {
            format!("{what}: {error}")
        },
    };
    let switch = Links::open(FIRST_INTERFACE, &Handle::current())
        .map_err(|error| broken("netlink", &error))?;
    for (link, subnet) in topology.links.iter().enumerate() {
        let made = switch.bridge(link).await;
        made.map_err(|error| broken(&format!("the link of {subnet}"), &error))?;
    }
    Ok(switch)
}

/// Starts a capture of each link, if captures are wanted. The lab works without those that cannot be written.
fn start_captures(topology: &Topology, spec: &LabSpec, remains: &mut Remains) {
    let Some(folder) = &spec.captures else { return };
    for (link, subnet) in topology.links.iter().enumerate() {
        match Capture::start(link, *subnet, folder) {
            Ok(capture) => remains.captures.push(capture),
            Err(error) => {
                let reason = format!("the link of {subnet} is not captured: {error}");
                remains.missing_captures.push(reason);
            }
        }
    }
}

async fn nodes(topology: &Topology, switch: &Links) -> Result<Namespaces, TestbedError> {
    let mut namespaces = Namespaces::default();
    let mut port = 0;
    for node in &topology.nodes {
        let (namespace, links) = enter(node).map_err(|error| refused(node, &error.to_string()))?;
        for (position, interface) in node.interfaces.iter().enumerate() {
            let plugged = switch.plug(interface, position, &namespace, port).await;
            plugged.map_err(|error| interface_refused(node, interface, &error))?;
            port += 1;
        }
        links.configure(node).await?;
        namespaces.insert(node.name.clone(), namespace);
    }
    Ok(namespaces)
}

fn enter(node: &Node) -> io::Result<(Namespace, Links)> {
    let runtime = Handle::current();
    Namespace::new(move || {
        surroundings::set_up(node.kind)?;
        Links::open(FIRST_INTERFACE, &runtime)
    })
}

/// Starts the devices of the lab; returns the sockets of their consoles.
fn start_devices(
    spec: &LabSpec,
    namespaces: &Namespaces,
    events: &EventSender,
) -> Result<BTreeMap<String, PathBuf>, TestbedError> {
    let mut consoles = BTreeMap::new();
    for (number, name) in spec.lab.devices.keys().enumerate() {
        let namespace = namespace_of(namespaces, name)?;
        let console = spec.folder.join(format!("console{number}"));
        let folder = spec.folder.join(format!("device{number}"));
        let device = command(spec, &console, &folder)
            .and_then(|mut command| namespace.spawn(&mut command))
            .map_err(|error| TestbedError::Device {
                name: name.clone(),
                reason: error.to_string(),
            })?;
        tokio::spawn(watch(device, name.clone(), events.clone()));
        consoles.insert(name.clone(), console);
    }
    Ok(consoles)
}

/// The command of a device. The socket of its console is its standard input, and its temporary files are in the lab's folder.
fn command(spec: &LabSpec, console: &Path, folder: &Path) -> io::Result<Command> {
    DirBuilder::new().mode(0o700).create(folder)?;
    let listener = bind("console", console)?;
    let mut command = Command::new(&spec.sceplab);
    command
        .args(["dut", "--on-socket"])
        .env("TMPDIR", folder)
        .stdin(OwnedFd::from(listener))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    Ok(command)
}

/// Reports the end of a device to the runner. If it ended by a bug of this program, that is a bug of this process, too.
async fn watch(mut child: Child, name: String, events: EventSender) {
    let tail = Output::of_errors(&mut child);
    let status = child.wait().await.ok();
    if status.and_then(|status| status.code()) == Some(BUG) {
        let bug = tail.beside(&format!("in the process of device `{name}`")).await;
        let _ = writeln!(io::stderr(), "{bug}");
        return bugs::record(bug);
    }
    let ended = tail.describe_end(status).await;
    let _ = events.send(LabEvent::Broke { part: name, reason: format!("its process {ended}") });
}
