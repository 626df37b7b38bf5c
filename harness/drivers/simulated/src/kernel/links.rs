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
use model::lab::Route;
use model::lab::topology::{Interface, Kind, Node};
use testbed::TestbedError;

/// The index of the loopback interface in every namespace.
const LOOPBACK: u32 = 1;
/// The index of a node's first interface, if nobody else has put interfaces into its namespace.
pub const FIRST_INTERFACE: u32 = 2;
/// The index of the first bridge.
const FIRST_BRIDGE: u32 = 1_000;
/// The index of the first port of a bridge.
const FIRST_PORT: u32 = 10_000;

/// A netlink socket of one namespace.
pub struct Links {
    /// The socket itself.
    pub netlink: Handle,
    /// The index of the first interface that is the node's own.
    first: u32,
}

impl Links {
    /// Opens a socket in the namespace of the calling thread, where the node's own interfaces have indices from `first` on;
    /// `runtime` carries its messages.
    ///
    /// # Errors
    /// When the kernel gives none.
    pub fn open(first: u32, runtime: &tokio::runtime::Handle) -> io::Result<Self> {
        let _entered = runtime.enter();
        let (connection, netlink, _) = rtnetlink::new_connection()?;
        runtime.spawn(connection);
        Ok(Self { netlink, first })
    }

    /// The index of the node's interface at that position.
    pub fn index(&self, position: usize) -> u32 {
        self.first + number(position)
    }

    /// Makes the bridge that is the link of that number.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub async fn bridge(&self, link: usize) -> io::Result<()> {
        let bridge = LinkBridge::new(&bridge_name(link))
            .index(bridge_index(link))
            .append_info_data(InfoBridge::ForwardDelay(0))
            // Nobody asks for groups, and the bridge is not to talk on its own.
            .append_info_data(InfoBridge::MulticastSnooping(false))
            .up();
        done(self.netlink.link().add(bridge.build()).execute()).await
    }

    /// Plugs the interface that is its node's `position`th into its link, by the port of that number.
    ///
    /// # Errors
    /// When the kernel refuses.
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

    /// Raises the loopback interface and those of a node, and gives the node its addresses and routes.
    ///
    /// # Errors
    /// When the kernel refuses one.
    pub async fn furnish(&self, node: &Node) -> Result<(), TestbedError> {
        let raised = self.raise(LOOPBACK).await;
        raised.map_err(|error| refused(node, &format!("its loopback interface: {error}")))?;
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
        self.raise(index).await?;
        for address in &interface.addresses {
            let (ip, length) = (IpAddr::V4(address.addr()), address.prefix_len());
            done(self.netlink.address().add(index, ip, length).execute()).await?;
        }
        Ok(())
    }

    async fn raise(&self, index: u32) -> io::Result<()> {
        let up = LinkUnspec::new_with_index(index).up().build();
        done(self.netlink.link().set(up).execute()).await
    }
}

/// The interface on which all that passes the link of that number can be heard.
pub fn bridge_name(link: usize) -> String {
    format!("bridge{link}")
}

/// Its index.
pub fn bridge_index(link: usize) -> u32 {
    FIRST_BRIDGE + number(link)
}

/// No lab file is as long as this is large.
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX / 2)
}

/// The kernel's refusals as errors of the operating system.
///
/// # Errors
/// Those of the request.
pub async fn done(request: impl Future<Output = Result<(), rtnetlink::Error>>) -> io::Result<()> {
    request.await.map_err(|error| match error {
        rtnetlink::Error::NetlinkError(message) => message.to_io(),
        other => io::Error::other(other.to_string()),
    })
}

/// Whether the kernel does not know what was asked for.
pub fn is_unknown(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(Errno::from_raw);
    matches!(code, Some(Errno::EOPNOTSUPP | Errno::ENODEV))
}

/// What is wrong with an interface of a node.
pub fn interface_refused(node: &Node, interface: &Interface, error: &io::Error) -> TestbedError {
    let name = &interface.name;
    refused(node, &format!("the kernel refuses the interface `{name}`: {error}"))
}

/// What is wrong with a node.
pub fn refused(node: &Node, reason: &str) -> TestbedError {
    let name = node.name.clone();
    match node.kind {
        Kind::Device => TestbedError::Device { name, reason: reason.to_owned() },
        Kind::Host { .. } => TestbedError::Network { reason: format!("host `{name}`: {reason}") },
    }
}
