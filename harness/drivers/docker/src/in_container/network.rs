//! The network of a container: each link of the lab is a VXLAN (RFC 7348) between the containers on it, on top of the one
//! network that the engine created for the lab.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use futures_util::{StreamExt, TryStreamExt};
use rtnetlink::packet_core::{
    NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};
use rtnetlink::packet_route::address::AddressAttribute;
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::{LinkUnspec, LinkVxlan};
use tokio::runtime::Handle;

use model::lab::topology::Interface;
use simulated::control::{NetworkConfig, Peers};
use simulated::kernel::links::{Links, done, interface_refused, is_unknown, refused};
use testbed::TestbedError;

/// The name to which the engine's interface is changed.
pub(super) const CARRIER: &str = "carrier";

/// The UDP port of VXLANs (RFC 7348 §5).
const VXLAN_PORT: u16 = 4789;

/// The MTU of the lab's links; the carrier has room for the additional headers.
const MTU: u32 = 1500;

/// The error for a kernel that has not loaded the module, which a container may not load.
const UNKNOWN: &str =
    "the engine's kernel has no VXLAN; `sudo modprobe vxlan` on its machine loads it";

/// The index of the node's first interface; those of the engine's interfaces are lower.
const FIRST_INTERFACE: u32 = 1_000_000;

/// Creates the links, and configures the container's addresses and routes.
pub(super) async fn configure(config: &NetworkConfig) -> Result<(), TestbedError> {
    let node = &config.node;
    let links = Links::open(FIRST_INTERFACE, &Handle::current())
        .map_err(|error| refused(node, &format!("netlink: {error}")))?;
    rename_engine_interface(&links, config.carrier).await.map_err(|error| {
        refused(node, &format!("the interface that the engine gave it cannot be used: {error}"))
    })?;
    for (position, (interface, peers)) in node.interfaces.iter().zip(&config.peers).enumerate() {
        let plugged = plug(&links, position, interface, peers, config.carrier).await;
        plugged.map_err(|error| {
            if is_unknown(&error) {
                return refused(node, UNKNOWN);
            }
            interface_refused(node, interface, &error)
        })?;
    }
    links.configure(node).await
}

/// Renames the engine's interface, so that its name is free for an interface of the lab. The interface must be down for that,
/// which removes its routes; its address stays.
async fn rename_engine_interface(links: &Links, address: Ipv4Addr) -> io::Result<()> {
    let index = interface_with(links, address).await?;
    let link = || LinkUnspec::new_with_index(index);
    for change in [link().down().build(), link().name(CARRIER).build(), link().up().build()] {
        done(links.netlink.link().set(change).execute()).await?;
    }
    Ok(())
}

async fn interface_with(links: &Links, address: Ipv4Addr) -> io::Result<u32> {
    let mut all = links.netlink.address().get().execute();
    let ours = AddressAttribute::Local(IpAddr::V4(address));
    while let Some(message) = all.try_next().await.map_err(io::Error::other)? {
        if message.attributes.contains(&ours) {
            return Ok(message.header.index);
        }
    }
    Err(io::Error::other(format!("no interface has the address {address}")))
}

async fn plug(
    links: &Links,
    position: usize,
    interface: &Interface,
    peers: &Peers,
    carrier: Ipv4Addr,
) -> io::Result<()> {
    let index = links.index(position);
    let vxlan = LinkVxlan::new(&interface.name, peers.link)
        .index(index)
        .port(VXLAN_PORT)
        .local(carrier)
        .mtu(MTU)
        .up();
    done(links.netlink.link().add(vxlan.build()).execute()).await?;
    for peer in &peers.addresses {
        add_peer(links, index, *peer).await?;
    }
    Ok(())
}

/// Adds a peer to which frames without a known receiver are sent, above all broadcasts.
async fn add_peer(links: &Links, index: u32, peer: Ipv4Addr) -> io::Result<()> {
    let mut entry = NeighbourMessage::default();
    entry.header.family = AddressFamily::Bridge;
    entry.header.ifindex = index;
    entry.header.state = NeighbourState::Permanent;
    entry.header.flags = NeighbourFlags::Own;
    entry.attributes = vec![
        NeighbourAttribute::LinkLayerAddress(vec![0; 6]),
        NeighbourAttribute::Destination(NeighbourAddress::Inet(peer)),
    ];
    let mut request = NetlinkMessage::from(RouteNetlinkMessage::NewNeighbour(entry));
    request.header.flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_APPEND;
    let mut replies = links.netlink.clone().request(request).map_err(io::Error::other)?;
    while let Some(reply) = replies.next().await {
        if let NetlinkPayload::Error(error) = reply.payload
            && error.code.is_some()
        {
            return Err(error.to_io());
        }
    }
    Ok(())
}
