//! The network of a container: each link of the lab is a VXLAN (RFC 7348) between those that stand in it, over the one
//! network that the engine made for the lab.

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
use simulated::control::{Furnishing, Peers};
use simulated::kernel::links::{Links, done, interface_refused, is_unknown, refused};
use testbed::TestbedError;

/// What the engine's interface is called once it is out of the way.
pub(super) const CARRIER: &str = "carrier";

/// Where VXLANs listen (RFC 7348 §5).
const VXLAN_PORT: u16 = 4789;

/// What an Ethernet frame holds; the carrier has room for it with all that is around it.
const MTU: u32 = 1500;

/// What is said of a kernel without the module, which it may not load by itself.
const UNKNOWN: &str =
    "the engine's kernel has no VXLAN; `sudo modprobe vxlan` on its machine loads it";

/// The engine's interfaces have lower indices.
const FIRST_INTERFACE: u32 = 1_000_000;

/// Makes the links, and gives the container its addresses and routes.
pub(super) async fn furnish(furnishing: &Furnishing) -> Result<(), TestbedError> {
    let node = &furnishing.node;
    let links = Links::open(FIRST_INTERFACE, &Handle::current())
        .map_err(|error| refused(node, &format!("netlink: {error}")))?;
    put_aside(&links, furnishing.carrier).await.map_err(|error| {
        refused(node, &format!("the interface that the engine gave it is of no use: {error}"))
    })?;
    for (position, (interface, peers)) in node.interfaces.iter().zip(&furnishing.peers).enumerate()
    {
        let plugged = plug(&links, position, interface, peers, furnishing.carrier).await;
        plugged.map_err(|error| {
            if is_unknown(&error) {
                return refused(node, UNKNOWN);
            }
            interface_refused(node, interface, &error)
        })?;
    }
    links.furnish(node).await
}

/// Gives the engine's interface another name, so that the lab's can have theirs. Whatever route leads out by it is gone
/// once it was down; its address stays.
async fn put_aside(links: &Links, address: Ipv4Addr) -> io::Result<()> {
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
    Err(io::Error::other(format!("none has the address {address}")))
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
        send_to(links, index, *peer).await?;
    }
    Ok(())
}

/// Whatever has no known receiver goes to this peer as well: broadcasts above all.
async fn send_to(links: &Links, index: u32, peer: Ipv4Addr) -> io::Result<()> {
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
