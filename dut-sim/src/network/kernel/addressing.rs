//! Addresses and routes, by rtnetlink: either all are applied, or the previous ones are restored.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use futures_util::TryStreamExt;
use ipnet::Ipv4Net;
use nix::errno::Errno;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags};
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage};
use rtnetlink::{Handle, RouteMessageBuilder};

use super::errno;
use crate::network::{Addressing, ApplyError};

/// The addresses and routes of the namespace.
#[derive(Clone)]
pub(super) struct Addresses {
    netlink: Handle,
    owned: Arc<Interfaces>,
}

/// The interfaces that belong to the device; the loopback interface never does.
///
/// A commit does not change other interfaces, nor routes over them.
pub enum Interfaces {
    /// All interfaces of the namespace.
    All,
    /// All interfaces except the one of this name.
    AllBut(String),
    /// The interfaces of these names.
    Only(BTreeSet<String>),
}

/// Addresses of the interfaces by their indices, in the order to add them, and next hops of the routes by destination.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    addresses: BTreeMap<u32, Vec<Ipv4Net>>,
    routes: BTreeMap<Ipv4Net, Ipv4Addr>,
}

impl Addresses {
    /// Opens a netlink socket in the namespace of the calling thread.
    pub(super) fn open(owned: Interfaces) -> io::Result<Self> {
        let (connection, handle, _) = rtnetlink::new_connection()?;
        tokio::spawn(connection);
        Ok(Self { netlink: handle, owned: Arc::new(owned) })
    }

    /// Applies the addressing in a separate task, so that it is complete even if the caller stops waiting.
    pub(super) async fn apply(&self, addressing: &Addressing) -> Result<(), ApplyError> {
        let (own, addressing) = (self.clone(), addressing.clone());
        let whole = tokio::spawn(async move { own.apply_or_restore(&addressing).await });
        whole.await.map_err(|error| ApplyError::Other(io::Error::other(error)))?
    }

    async fn apply_or_restore(&self, addressing: &Addressing) -> Result<(), ApplyError> {
        let interfaces = self.interfaces().await?;
        let wanted = State::of(addressing, &interfaces)?;
        let before = self.state(&interfaces).await?;
        let Err(refused) = self.reconcile(&wanted).await else { return Ok(()) };
        let Err(worse) = self.reconcile(&before).await else { return Err(refused.into()) };
        let both = format!("{refused}; and the previous addressing could not be restored: {worse}");
        Err(ApplyError::Other(io::Error::other(both)))
    }

    /// Indices of the device's interfaces, by name.
    async fn interfaces(&self) -> io::Result<BTreeMap<String, u32>> {
        let mut links = self.netlink.link().get().execute();
        let mut interfaces = BTreeMap::new();
        while let Some(link) = links.try_next().await.map_err(into_io)? {
            if link.header.flags.contains(LinkFlags::Loopback) {
                continue;
            }
            let name = link.attributes.into_iter().find_map(|attribute| match attribute {
                LinkAttribute::IfName(name) => Some(name),
                _ => None,
            });
            let name = name.filter(|name| match &*self.owned {
                Interfaces::All => true,
                Interfaces::AllBut(other) => name != other,
                Interfaces::Only(own) => own.contains(name),
            });
            interfaces.extend(name.map(|name| (name, link.header.index)));
        }
        Ok(interfaces)
    }

    async fn state(&self, interfaces: &BTreeMap<String, u32>) -> io::Result<State> {
        let mut addresses: BTreeMap<u32, Vec<Ipv4Net>> =
            interfaces.values().map(|&index| (index, Vec::new())).collect();
        for message in self.address_messages().await? {
            let given = addresses.get_mut(&message.header.index);
            if let (Some(given), Some(address)) = (given, address_of(&message)) {
                given.push(address);
            }
        }
        let routes = self.route_messages(&interfaces.values().copied().collect()).await?;
        Ok(State { addresses, routes: routes.iter().filter_map(route_of).collect() })
    }

    async fn address_messages(&self) -> io::Result<Vec<AddressMessage>> {
        let all: Vec<_> =
            self.netlink.address().get().execute().try_collect().await.map_err(into_io)?;
        let v4 = |message: &AddressMessage| message.header.family == AddressFamily::Inet;
        Ok(all.into_iter().filter(v4).collect())
    }

    /// The routes over these interfaces.
    async fn route_messages(&self, interfaces: &BTreeSet<u32>) -> io::Result<Vec<RouteMessage>> {
        let all = RouteMessageBuilder::<Ipv4Addr>::new().build();
        let all: Vec<_> =
            self.netlink.route().get(all).execute().try_collect().await.map_err(into_io)?;
        let main = |message: &RouteMessage| message.header.table == RouteHeader::RT_TABLE_MAIN;
        let own = |message: &RouteMessage| uses_interface(message, interfaces);
        Ok(all.into_iter().filter(main).filter(own).collect())
    }

    /// Changes only the differences, so that connections over the rest are kept.
    async fn reconcile(&self, wanted: &State) -> io::Result<()> {
        let mut now: BTreeMap<u32, Vec<AddressMessage>> = BTreeMap::new();
        for message in self.address_messages().await? {
            now.entry(message.header.index).or_default().push(message);
        }
        let mut differing = Vec::new();
        for (&index, addresses) in &wanted.addresses {
            let existing = now.remove(&index).unwrap_or_default();
            if existing.iter().filter_map(address_of).ne(in_kernel_order(addresses)) {
                self.remove_addresses(existing).await?;
                differing.push((index, addresses));
            }
        }
        for (index, addresses) in differing {
            self.add_addresses(index, addresses).await?;
        }
        self.reconcile_routes(wanted).await
    }

    async fn remove_addresses(&self, addresses: Vec<AddressMessage>) -> io::Result<()> {
        // In reverse order, because the kernel removes a whole subnet with its first address.
        for address in addresses.into_iter().rev() {
            let removed = run(self.netlink.address().del(address).execute()).await;
            ignoring(removed, Errno::EADDRNOTAVAIL)?;
        }
        Ok(())
    }

    async fn add_addresses(&self, index: u32, addresses: &[Ipv4Net]) -> io::Result<()> {
        for address in addresses {
            let (ip, length) = (IpAddr::V4(address.addr()), address.prefix_len());
            let added = run(self.netlink.address().add(index, ip, length).execute()).await;
            added.map_err(|error| about(&format!("address {address}"), &error))?;
        }
        Ok(())
    }

    async fn reconcile_routes(&self, wanted: &State) -> io::Result<()> {
        let mut missing = wanted.routes.clone();
        let interfaces = wanted.addresses.keys().copied().collect();
        for message in self.route_messages(&interfaces).await? {
            let Some((destination, next_hop)) = route_of(&message) else { continue };
            if missing.get(&destination) == Some(&next_hop) {
                missing.remove(&destination);
            } else {
                let removed = run(self.netlink.route().del(message).execute()).await;
                ignoring(removed, Errno::ESRCH)?;
            }
        }
        for (destination, next_hop) in missing {
            let route = RouteMessageBuilder::<Ipv4Addr>::new()
                .destination_prefix(destination.network(), destination.prefix_len())
                .gateway(next_hop);
            let added = run(self.netlink.route().add(route.build()).execute()).await;
            added.map_err(|error| about(&format!("route {destination}"), &error))?;
        }
        Ok(())
    }
}

impl State {
    /// The state for an addressing, without routes whose next hop is not another host on a link: the kernel refuses those.
    fn of(addressing: &Addressing, interfaces: &BTreeMap<String, u32>) -> Result<Self, ApplyError> {
        let mut addresses: BTreeMap<u32, Vec<Ipv4Net>> =
            interfaces.values().map(|&index| (index, Vec::new())).collect();
        for given in &addressing.interfaces {
            let index = interfaces.get(&given.interface);
            let unknown = || ApplyError::NoSuchInterface { interface: given.interface.clone() };
            addresses.entry(*index.ok_or_else(unknown)?).or_default().push(given.address);
        }
        let usable = |hop: Ipv4Addr| {
            let mut own = addressing.interfaces.iter().map(|given| given.address);
            own.clone().all(|address| address.addr() != hop)
                && own.any(|address| address.contains(&hop))
        };
        let routes = addressing.routes.iter().filter(|route| usable(route.next_hop));
        let routes = routes.map(|route| (route.destination.trunc(), route.next_hop)).collect();
        Ok(Self { addresses, routes })
    }
}

/// The addresses in the kernel's order: first the first address of each subnet, then all others.
fn in_kernel_order(given: &[Ipv4Net]) -> impl Iterator<Item = Ipv4Net> {
    let is_first =
        |place: usize| given[..place].iter().all(|earlier| earlier.trunc() != given[place].trunc());
    let (first, further): (Vec<_>, Vec<_>) = (0..given.len()).partition(|&place| is_first(place));
    first.into_iter().chain(further).map(|place| given[place])
}

fn address_of(message: &AddressMessage) -> Option<Ipv4Net> {
    let local = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(IpAddr::V4(address)) => Some(*address),
        _ => None,
    });
    Ipv4Net::new(local?, message.header.prefix_len).ok()
}

fn uses_interface(message: &RouteMessage, interfaces: &BTreeSet<u32>) -> bool {
    message.attributes.iter().any(
        |attribute| matches!(attribute, RouteAttribute::Oif(index) if interfaces.contains(index)),
    )
}

/// Destination and next hop of a route that has a next hop.
fn route_of(message: &RouteMessage) -> Option<(Ipv4Net, Ipv4Addr)> {
    let (mut destination, mut next_hop) = (Ipv4Addr::UNSPECIFIED, None);
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(RouteAddress::Inet(address)) => destination = *address,
            RouteAttribute::Gateway(RouteAddress::Inet(address)) => next_hop = Some(*address),
            _ => {}
        }
    }
    let prefix_len = message.header.destination_prefix_length;
    Some((Ipv4Net::new(destination, prefix_len).ok()?, next_hop?))
}

async fn run(request: impl Future<Output = Result<(), rtnetlink::Error>>) -> io::Result<()> {
    request.await.map_err(into_io)
}

/// Converts the kernel's refusals to errors of the operating system.
fn into_io(error: rtnetlink::Error) -> io::Error {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.to_io(),
        other => io::Error::other(other.to_string()),
    }
}

fn about(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

/// Ignores the error that the address or route to remove does not exist.
fn ignoring(outcome: io::Result<()>, gone: Errno) -> io::Result<()> {
    outcome.or_else(|error| if errno(&error) == gone { Ok(()) } else { Err(error) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_addresses_of_a_subnet_come_after_all_first_ones() {
        let given = ["10.0.0.1/24", "10.0.0.2/24", "10.1.0.1/16", "10.0.0.3/16"];
        let given = given.map(|text| text.parse().unwrap());
        let kept: Vec<_> = in_kernel_order(&given).map(|address| address.to_string()).collect();
        assert_eq!(kept, ["10.0.0.1/24", "10.1.0.1/16", "10.0.0.3/16", "10.0.0.2/24"]);
    }
}
