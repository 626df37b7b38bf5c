//! Makes the links, the namespaces, and what runs in them.

use std::io;
use std::sync::Arc;

use nix::errno::Errno;
use tokio::runtime::Handle;

use super::end::Remains;
use super::events::EventSender;
use super::namespaces::Namespaces;
use super::pkis::Programs;
use super::{devices, pkis};
use crate::capture::Capture;
use crate::isolation::not_permitted;
use crate::permission::{Refused, Settings};
use crate::surroundings;
use model::lab::topology::{Node, Topology};
use simulated::control::{Built, Order};
use simulated::kernel::links::{FIRST_INTERFACE, Links, interface_refused, is_unknown, refused};
use simulated::kernel::namespace::Namespace;
use testbed::BenchError;

/// Makes what was ordered; the process stands in the namespace of the links.
pub(super) async fn build(
    order: &Order,
    events: &EventSender,
    remains: &Arc<Remains>,
) -> Result<(Built, Programs), BenchError> {
    remains.note_folder(order.folder.clone());
    surround(order)?;
    let topology = Topology::of(&order.lab);
    let switch = links(&topology).await?;
    capture(&topology, order, remains)?;
    let namespaces = nodes(&topology, &switch).await?;
    let controls = pkis::start_cas(order, &namespaces)?;
    let programs = pkis::start_programs(order, &namespaces, events).await?;
    let consoles = devices::start(order, &namespaces, events)?;
    let built = Built { namespaces: namespaces.descriptors(), consoles, controls };
    remains.keep(namespaces);
    Ok((built, programs))
}

fn surround(order: &Order) -> Result<(), BenchError> {
    surroundings::mount_proc().map_err(|error| {
        let errno = error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
        not_permitted(Settings::of_this_process().explain(Refused::Proc, errno))
    })?;
    surroundings::mount_names(&order.lab, &order.folder)
        .and_then(|()| surroundings::silence_ipv6())
        .map_err(|error| BenchError::Network { reason: error.to_string() })
}

/// A bridge for each link, in the namespace of the calling process.
async fn links(topology: &Topology) -> Result<Links, BenchError> {
    let broken = |what: &str, error: &io::Error| BenchError::Network {
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

fn capture(topology: &Topology, order: &Order, remains: &Remains) -> Result<(), BenchError> {
    let Some(folder) = &order.captures else { return Ok(()) };
    for (link, subnet) in topology.links.iter().enumerate() {
        let capture = Capture::start(link, *subnet, folder).map_err(|error| {
            let reason = format!("the link of {subnet} cannot be captured: {error}");
            BenchError::Network { reason }
        })?;
        remains.note_capture(capture);
    }
    Ok(())
}

async fn nodes(topology: &Topology, switch: &Links) -> Result<Namespaces, BenchError> {
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
        namespaces.insert(&node.name, namespace);
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
