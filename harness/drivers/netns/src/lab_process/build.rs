//! Makes the links, the namespaces, and what runs in them.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use ipnet::Ipv4Net;
use nix::errno::Errno;
use process::Output;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;

use super::pkis::{self, Programs};
use super::{EventSender, Namespaces, Remains, bind, namespace_of};
use crate::capture::Capture;
use crate::isolation::not_permitted;
use crate::permission::{Refused, Settings};
use crate::surroundings;
use model::lab::topology::{Node, Topology};
use simulated::control::{Built, LabEvent, Order};
use simulated::kernel::links::{FIRST_INTERFACE, Links, interface_refused, is_unknown, refused};
use simulated::kernel::namespace::Namespace;
use testbed::TestbedError;

/// Makes what was ordered; the process stands in the namespace of the links.
pub(super) async fn build(
    order: &Order,
    events: &EventSender,
    remains: &mut Remains,
) -> Result<(Built, Programs), TestbedError> {
    remains.folder = Some(order.folder.clone());
    surround(order)?;
    let topology = Topology::of(&order.lab);
    let switch = links(&topology).await?;
    remains.captures = captures(&topology, order)?;
    let namespaces = nodes(&topology, &switch).await?;
    let controls = pkis::start_cas(order, &namespaces)?;
    let programs = pkis::start_programs(order, &namespaces, events).await?;
    let consoles = start_devices(order, &namespaces, events)?;
    let descriptors =
        namespaces.iter().map(|(name, namespace)| (name.clone(), namespace.descriptor()));
    let built = Built { namespaces: descriptors.collect(), consoles, controls };
    remains.namespaces = namespaces;
    Ok((built, programs))
}

fn surround(order: &Order) -> Result<(), TestbedError> {
    surroundings::mount_proc().map_err(|error| {
        let errno = error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
        not_permitted(Settings::of_this_process().explain(Refused::Proc, errno))
    })?;
    surroundings::mount_names(&order.lab, &order.folder)
        .and_then(|()| surroundings::silence_ipv6())
        .map_err(|error| TestbedError::Network { reason: error.to_string() })
}

/// A bridge for each link, in the namespace of the calling process.
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

/// A capture of each link, if captures are wanted.
fn captures(topology: &Topology, order: &Order) -> Result<Vec<Capture>, TestbedError> {
    let Some(folder) = &order.captures else { return Ok(Vec::new()) };
    let capture = |(link, subnet): (usize, &Ipv4Net)| {
        Capture::start(link, *subnet, folder).map_err(|error| TestbedError::Network {
            reason: format!("the link of {subnet} cannot be captured: {error}"),
        })
    };
    topology.links.iter().enumerate().map(capture).collect()
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
        links.furnish(node).await?;
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

/// Starts the devices of the lab; yields the sockets of their consoles.
fn start_devices(
    order: &Order,
    namespaces: &Namespaces,
    events: &EventSender,
) -> Result<BTreeMap<String, PathBuf>, TestbedError> {
    let mut consoles = BTreeMap::new();
    for (number, name) in order.lab.devices.keys().enumerate() {
        let namespace = namespace_of(namespaces, name)?;
        let console = order.folder.join(format!("console{number}"));
        let folder = order.folder.join(format!("device{number}"));
        let device = command(order, &console, &folder)
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

/// The device's console is its standard input; what it keeps for a while is in the lab's folder, and gone with it.
fn command(order: &Order, console: &Path, folder: &Path) -> io::Result<Command> {
    DirBuilder::new().mode(0o700).create(folder)?;
    let listener = bind("console", console)?;
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
    let tail = Output::of_errors(&mut child);
    let status = child.wait().await.ok();
    let ended = tail.describe_end(status).await;
    let _ = events.send(LabEvent::Broke { part: name, reason: format!("its process {ended}") });
}
