//! Bridges, virtual cables, addresses and routes, configured by rtnetlink.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr};

use nix::errno::Errno;
use rtnetlink::packet_route::link::{InfoBridge, InfoData, InfoVeth};
use rtnetlink::{
    Handle, LinkBridge, LinkMessageBuilder, LinkUnspec, LinkVeth, RouteMessageBuilder,
};

use super::namespace::Namespace;
use model::lab::Route;
use model::lab::topology::{Interface, Kind, Node};
use testbed::TestbedError;

/// The index of the loopback interface in every namespace.
const LOOPBACK: u32 = 1;
/// The index of a node's first interface, if its namespace has no other interfaces.
pub const FIRST_INTERFACE: u32 = 2;
/// The index of the first bridge.
const FIRST_BRIDGE: u32 = 1_000;
/// The index of the first port of a bridge.
const FIRST_PORT: u32 = 10_000;

/// A netlink socket in one namespace.
pub struct Links {
    /// The netlink handle.
    pub netlink: Handle,
    /// The index of the node's first interface.
    first: u32,
}

impl Links {
    /// Opens a socket in the namespace of the calling thread, in which the node's interfaces have indices from `first` on;
    /// `runtime` runs its connection.
    ///
    /// # Errors
    /// If the kernel opens no netlink socket.
    pub fn open(first: u32, runtime: &tokio::runtime::Handle) -> io::Result<Self> {
        let _entered = runtime.enter();
        let (connection, netlink, _) = rtnetlink::new_connection()?;
        runtime.spawn(connection);
        Ok(Self { netlink, first })
    }

    /// The index of the node's interface at that position in the lab file.
    pub fn index(&self, position: usize) -> u32 {
        self.first + number(position)
    }

    /// Creates the bridge for the link of that number.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub async fn bridge(&self, link: usize) -> io::Result<()> {
        let bridge = LinkBridge::new(&bridge_name(link))
            .index(bridge_index(link))
            .append_info_data(InfoBridge::ForwardDelay(0))
            // Disabled because no node joins groups, and the bridge must not send queries of its own.
            .append_info_data(InfoBridge::MulticastSnooping(false))
            .up();
        done(self.netlink.link().add(bridge.build()).execute()).await
    }

    /// Connects the node's `position`th interface to its link, through the bridge port of that number.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub async fn plug(
        &self,
        interface: &Interface,
        position: usize,
        node: &Namespace,
        port: usize,
    ) -> io::Result<()> {
        let far = LinkUnspec::new_with_name(&interface.name)
            .index(FIRST_INTERFACE + number(position))
            .setns_by_fd(node.descriptor());
        let near = LinkMessageBuilder::<LinkVeth>::new(&format!("port{port}"), "")
            .index(FIRST_PORT + number(port))
            .controller(bridge_index(interface.link))
            .set_info_data(InfoData::Veth(InfoVeth::Peer(far.build())))
            .up();
        done(self.netlink.link().add(near.build()).execute()).await
    }

    /// Takes the bridge port of that number down, so that its cable carries nothing, or up.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub async fn switch(&self, port: usize, is_up: bool) -> io::Result<()> {
        let link = LinkUnspec::new_with_index(FIRST_PORT + number(port));
        let link = if is_up { link.up() } else { link.down() };
        done(self.netlink.link().set(link.build()).execute()).await
    }

    /// Brings up the loopback interface and those of a node, and configures the node's addresses and routes.
    ///
    /// # Errors
    /// If the kernel refuses one of the settings.
    pub async fn configure(&self, node: &Node) -> Result<(), TestbedError> {
        let up = self.set_up(LOOPBACK).await;
        up.map_err(|error| refused(node, &format!("its loopback interface: {error}")))?;
        for (position, interface) in node.interfaces.iter().enumerate() {
            let addressed = self.address(interface, self.index(position)).await;
            addressed.map_err(|error| interface_refused(node, interface, &error))?;
        }
        for Route { destination, next_hop } in &node.routes {
            let route = RouteMessageBuilder::<Ipv4Addr>::new()
                .destination_prefix(destination.addr(), destination.prefix_len())
                .gateway(*next_hop);
            let added = done(self.netlink.route().add(route.build()).execute()).await;
            added.map_err(|error| {
                let route = format!("the route to {destination} by way of {next_hop}");
                refused(node, &format!("the kernel refuses {route}: {error}"))
            })?;
        }
        Ok(())
    }

    async fn address(&self, interface: &Interface, index: u32) -> io::Result<()> {
        self.set_up(index).await?;
        for address in &interface.addresses {
            let (ip, length) = (IpAddr::V4(address.addr()), address.prefix_len());
            done(self.netlink.address().add(index, ip, length).execute()).await?;
        }
        Ok(())
    }

    async fn set_up(&self, index: u32) -> io::Result<()> {
        let up = LinkUnspec::new_with_index(index).up().build();
        done(self.netlink.link().set(up).execute()).await
    }
}

/// The name of a link's bridge; a capture on it has all frames of the link.
pub fn bridge_name(link: usize) -> String {
    format!("bridge{link}")
}

/// The interface index of a link's bridge.
pub fn bridge_index(link: usize) -> u32 {
    FIRST_BRIDGE + number(link)
}

/// Saturates, because no lab file is long enough to reach the limit.
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX / 2)
}

/// Converts the kernel's refusals into errors of the operating system.
///
/// # Errors
/// The errors of the request.
pub async fn done(request: impl Future<Output = Result<(), rtnetlink::Error>>) -> io::Result<()> {
    request.await.map_err(|error| match error {
        rtnetlink::Error::NetlinkError(message) => message.to_io(),
        other => io::Error::other(other.to_string()),
    })
}

/// True if the kernel does not know the requested type of object.
pub fn is_unknown(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(Errno::from_raw);
    matches!(code, Some(Errno::EOPNOTSUPP | Errno::ENODEV))
}

/// The error for an interface of a node.
pub fn interface_refused(node: &Node, interface: &Interface, error: &io::Error) -> TestbedError {
    let name = &interface.name;
    refused(node, &format!("the kernel refuses the interface `{name}`: {error}"))
}

/// The error for a node.
pub fn refused(node: &Node, reason: &str) -> TestbedError {
    let name = node.name.clone();
    match node.kind {
        Kind::Device => TestbedError::Device { name, reason: reason.to_owned() },
        Kind::Host { .. } => TestbedError::Network { reason: format!("host `{name}`: {reason}") },
    }
}
