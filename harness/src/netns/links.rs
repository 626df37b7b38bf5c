//! Bridges, cables, addresses and routes, by rtnetlink.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr};

use nix::errno::Errno;
use rtnetlink::packet_route::link::{InfoBridge, InfoData, InfoVeth};
use rtnetlink::{
    Handle, LinkBridge, LinkMessageBuilder, LinkUnspec, LinkVeth, RouteMessageBuilder,
};

use super::namespace::Namespace;
use super::plan::Interface;
use crate::lab::Route;

/// The index of the loopback interface in every namespace.
const LOOPBACK: u32 = 1;
/// The index of a node's first interface.
const FIRST_INTERFACE: u32 = 2;
/// The index of the first bridge.
const FIRST_BRIDGE: u32 = 1_000;
/// The index of the first port of a bridge.
const FIRST_PORT: u32 = 10_000;

/// A netlink socket of one namespace.
pub(super) struct Links(Handle);

impl Links {
    /// Opens a socket in the namespace of the calling thread; `runtime` carries its messages.
    pub(super) fn open(runtime: &tokio::runtime::Handle) -> io::Result<Self> {
        let _entered = runtime.enter();
        let (connection, handle, _) = rtnetlink::new_connection()?;
        runtime.spawn(connection);
        Ok(Self(handle))
    }

    /// Lets the namespace talk to itself.
    pub(super) async fn raise_loopback(&self) -> io::Result<()> {
        self.raise(LOOPBACK).await
    }

    /// Makes the bridge that is the link of that number.
    pub(super) async fn bridge(&self, link: usize) -> io::Result<()> {
        let bridge = LinkBridge::new(&bridge_name(link))
            .index(bridge_index(link))
            .append_info_data(InfoBridge::ForwardDelay(0))
            // Nobody asks for groups, and the bridge is not to talk on its own.
            .append_info_data(InfoBridge::MulticastSnooping(false))
            .up();
        done(self.0.link().add(bridge.build()).execute()).await
    }

    /// Plugs the interface that is its node's `position`th into its link, by the port of that number.
    pub(super) async fn plug(
        &self,
        interface: &Interface,
        position: usize,
        node: &Namespace,
        port: usize,
    ) -> io::Result<()> {
        let far = LinkUnspec::new_with_name(&interface.name)
            .index(interface_index(position))
            .setns_by_fd(node.descriptor());
        let near = LinkMessageBuilder::<LinkVeth>::new(&format!("port{port}"), "")
            .index(FIRST_PORT + number(port))
            .controller(bridge_index(interface.link))
            .set_info_data(InfoData::Veth(InfoVeth::Peer(far.build())))
            .up();
        done(self.0.link().add(near.build()).execute()).await
    }

    /// Raises the node's `position`th interface and gives it its addresses.
    pub(super) async fn address(&self, interface: &Interface, position: usize) -> io::Result<()> {
        self.raise(interface_index(position)).await?;
        for address in &interface.addresses {
            let (ip, length) = (IpAddr::V4(address.addr()), address.prefix_len());
            done(self.0.address().add(interface_index(position), ip, length).execute()).await?;
        }
        Ok(())
    }

    async fn raise(&self, index: u32) -> io::Result<()> {
        done(self.0.link().set(LinkUnspec::new_with_index(index).up().build()).execute()).await
    }

    /// Adds a route.
    pub(super) async fn route(&self, route: &Route) -> io::Result<()> {
        let Route { destination, next_hop } = route;
        let route = RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(destination.addr(), destination.prefix_len())
            .gateway(*next_hop);
        done(self.0.route().add(route.build()).execute()).await
    }
}

/// The interface on which all that passes the link of that number can be heard.
pub(super) fn bridge_name(link: usize) -> String {
    format!("bridge{link}")
}

/// Its index.
pub(super) fn bridge_index(link: usize) -> u32 {
    FIRST_BRIDGE + number(link)
}

fn interface_index(position: usize) -> u32 {
    FIRST_INTERFACE + number(position)
}

/// No lab file is as long as this is large.
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX / 2)
}

/// The kernel's refusals as errors of the operating system.
async fn done(request: impl Future<Output = Result<(), rtnetlink::Error>>) -> io::Result<()> {
    request.await.map_err(|error| match error {
        rtnetlink::Error::NetlinkError(message) => message.to_io(),
        other => io::Error::other(other.to_string()),
    })
}

/// Whether the kernel does not know what was asked for.
pub(super) fn is_unknown(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(Errno::from_raw);
    matches!(code, Some(Errno::EOPNOTSUPP | Errno::ENODEV))
}
