//! One host, router or device: its interfaces, its addresses and its routing table.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::links::Link;
use model::lab::Route;

/// Something that has addresses.
#[derive(Debug)]
pub(super) struct Node {
    pub name: String,
    pub interfaces: Vec<Interface>,
    pub routes: Vec<Route>,
    /// Whether it passes on packets that are not for itself.
    pub forwards: bool,
    /// The TTL that its packets start with.
    pub ttl: u8,
    /// The TCP port that something listens on.
    pub listens_on: Option<u16>,
}

/// What a node is plugged into a link with.
#[derive(Debug)]
pub(super) struct Interface {
    /// A device's own name for it; hosts' interfaces have none.
    pub name: String,
    pub link: Link,
    pub addresses: Vec<Ipv4Net>,
}

/// The next step of a packet's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hop {
    pub link: Link,
    /// Whose link-layer address the packet gets.
    pub neighbour: Ipv4Addr,
    /// The node's own address on this way: the source of what it sends itself.
    pub source: Ipv4Addr,
}

impl Node {
    /// Every address, in the order of declaration.
    pub(super) fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.interfaces.iter().flat_map(|interface| &interface.addresses).map(Ipv4Net::addr)
    }

    /// Whether packets to this address end here.
    pub(super) fn owns(&self, address: Ipv4Addr) -> bool {
        address.is_loopback() || self.addresses().any(|own| own == address)
    }

    /// Whether the node is plugged into the link.
    pub(super) fn is_on(&self, link: Link) -> bool {
        self.interfaces.iter().any(|interface| interface.link == link)
    }

    /// The longest prefix that leads to `destination`; among equals, the node's own subnet wins.
    pub(super) fn route(&self, destination: Ipv4Addr) -> Option<Hop> {
        let connected = self.connected(destination);
        let by_way_of_others = self
            .routes
            .iter()
            .filter(|route| route.destination.contains(&destination))
            .filter_map(|route| Some((route.destination.prefix_len(), self.through(route)?)));
        by_way_of_others
            .chain(connected)
            .max_by_key(|(prefix_len, _)| *prefix_len)
            .map(|(_, hop)| hop)
    }

    /// The source of what this node sends to `destination`, where it can send there at all.
    pub(super) fn source_for(&self, destination: Ipv4Addr) -> Option<Ipv4Addr> {
        if self.owns(destination) {
            return Some(destination);
        }
        self.route(destination).map(|hop| hop.source)
    }

    /// A route is of use only while its next hop is another node on a link of this one.
    fn through(&self, route: &Route) -> Option<Hop> {
        if self.owns(route.next_hop) {
            return None;
        }
        self.connected(route.next_hop).map(|(_, hop)| hop)
    }

    fn connected(&self, destination: Ipv4Addr) -> Option<(u8, Hop)> {
        let subnets = self.interfaces.iter().flat_map(|interface| {
            interface.addresses.iter().map(move |address| (interface.link, address))
        });
        subnets
            .filter(|(_, address)| address.contains(&destination))
            // `max_by_key` keeps the last of equals, a kernel the first that was configured.
            .rev()
            .max_by_key(|(_, address)| address.prefix_len())
            .map(|(link, address)| {
                let hop = Hop { link, neighbour: destination, source: address.addr() };
                (address.prefix_len(), hop)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Ipv4Net {
        text.parse().unwrap()
    }

    fn address(text: &str) -> Ipv4Addr {
        text.parse().unwrap()
    }

    fn router(routes: &[(&str, &str)]) -> Node {
        let interface = |link, addresses: &[&str]| Interface {
            name: String::new(),
            link: Link(link),
            addresses: addresses.iter().map(|text| net(text)).collect(),
        };
        Node {
            name: "router".to_owned(),
            interfaces: vec![
                interface(0, &["10.0.0.1/24", "10.0.0.2/24"]),
                interface(1, &["10.1.0.1/16"]),
            ],
            routes: routes
                .iter()
                .map(|(to, by)| Route { destination: net(to), next_hop: address(by) })
                .collect(),
            forwards: true,
            ttl: 64,
            listens_on: None,
        }
    }

    fn neighbour(node: &Node, destination: &str) -> Option<String> {
        node.route(address(destination)).map(|hop| hop.neighbour.to_string())
    }

    #[test]
    fn a_neighbour_is_reached_directly_from_the_first_address_of_the_subnet() {
        let hop = router(&[]).route(address("10.0.0.9")).unwrap();
        assert_eq!(
            hop,
            Hop { link: Link(0), neighbour: address("10.0.0.9"), source: address("10.0.0.1") }
        );
    }

    #[test]
    fn the_longest_prefix_wins_whatever_the_order() {
        for routes in [
            [("0.0.0.0/0", "10.0.0.9"), ("10.9.0.0/16", "10.1.0.9")],
            [("10.9.0.0/16", "10.1.0.9"), ("0.0.0.0/0", "10.0.0.9")],
        ] {
            let node = router(&routes);
            assert_eq!(neighbour(&node, "10.9.1.1").as_deref(), Some("10.1.0.9"));
            assert_eq!(neighbour(&node, "192.0.2.1").as_deref(), Some("10.0.0.9"));
        }
    }

    #[test]
    fn a_more_specific_route_wins_over_the_own_subnet_and_an_equal_one_does_not() {
        let node = router(&[("10.1.2.0/24", "10.0.0.9"), ("10.0.0.0/24", "10.1.0.9")]);
        assert_eq!(neighbour(&node, "10.1.2.3").as_deref(), Some("10.0.0.9"));
        assert_eq!(neighbour(&node, "10.0.0.7").as_deref(), Some("10.0.0.7"));
    }

    #[test]
    fn a_next_hop_on_no_link_or_at_home_is_no_way() {
        let node = router(&[("192.0.2.0/24", "172.16.0.1"), ("198.51.100.0/24", "10.0.0.2")]);
        assert_eq!(neighbour(&node, "192.0.2.1"), None);
        assert_eq!(neighbour(&node, "198.51.100.1"), None);
    }

    #[test]
    fn the_source_is_the_own_address_on_the_way() {
        let node = router(&[("0.0.0.0/0", "10.1.0.9")]);
        assert_eq!(node.source_for(address("192.0.2.1")), Some(address("10.1.0.1")));
        assert_eq!(node.source_for(address("10.0.0.2")), Some(address("10.0.0.2")));
    }
}
