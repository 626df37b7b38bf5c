//! The network of a lab: links, the nodes that are plugged into them, and where each node sends a packet.
//!
//! Drivers build this network in the kernel or in memory; the check of a lab asks it which hosts can be reached.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::lab::{self, DEFAULT_TTL, Lab, Route};

/// The links and nodes of a lab.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topology {
    /// One link per subnet.
    pub links: Vec<Ipv4Net>,
    /// The hosts, then the devices.
    pub nodes: Vec<Node>,
}

/// A host or a device: its interfaces, its addresses and its routing table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Name of the host or device.
    pub name: String,
    /// Host or device.
    pub kind: Kind,
    /// Interfaces except the loopback.
    pub interfaces: Vec<Interface>,
    /// Routes beyond its own subnets.
    pub routes: Vec<Route>,
}

/// Kind of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A host with the addresses and routes of the lab file.
    Host {
        /// True if it forwards packets for others.
        forwards: bool,
        /// Initial TTL of the host's packets.
        ttl: u8,
    },
    /// A device, whose configuration has its addresses and routes.
    Device,
}

/// An interface of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Name on the node.
    pub name: String,
    /// Index of its link.
    pub link: usize,
    /// Addresses; none on a device.
    pub addresses: Vec<Ipv4Net>,
}

/// The next hop of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hop {
    /// The link on which the packet leaves the node.
    pub link: usize,
    /// Address of the next node, which gets the packet.
    pub neighbour: Ipv4Addr,
    /// The node's own address on that link: the source of packets it creates.
    pub source: Ipv4Addr,
}

impl Topology {
    /// The network of a lab. Two addresses in one subnet are on one link.
    pub fn of(lab: &Lab) -> Self {
        let mut topology = Self::default();
        for (name, host) in &lab.hosts {
            let node = topology.host(name, host);
            topology.nodes.push(node);
        }
        for (name, device) in &lab.devices {
            let node = topology.device(name, device);
            topology.nodes.push(node);
        }
        topology
    }

    /// Index of the node with this name; case is ignored, as in the DNS.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.name.eq_ignore_ascii_case(name))
    }

    /// Index of a subnet's link.
    pub fn link_of(&self, subnet: Ipv4Net) -> Option<usize> {
        self.links.iter().position(|link| *link == subnet)
    }

    /// Indices of the nodes on a link.
    pub fn on_link(&self, link: usize) -> impl Iterator<Item = usize> {
        self.nodes.iter().enumerate().filter(move |(_, node)| node.is_on(link)).map(|(at, _)| at)
    }

    /// Index of the node that answers ARP for the neighbour's address. As in Linux, a host answers for all its addresses.
    pub fn neighbour(&self, asker: usize, hop: Hop) -> Option<usize> {
        let answers = |at: &usize| {
            *at != asker && self.nodes[*at].addresses().any(|address| address == hop.neighbour)
        };
        self.on_link(hop.link).find(answers)
    }

    fn host(&mut self, name: &str, host: &lab::Host) -> Node {
        let mut interfaces: Vec<Interface> = Vec::new();
        for address in &host.addresses {
            let link = self.link(*address);
            if let Some(known) = interfaces.iter_mut().find(|interface| interface.link == link) {
                known.addresses.push(*address);
            } else {
                let name = format!("eth{}", interfaces.len());
                interfaces.push(Interface { name, link, addresses: vec![*address] });
            }
        }
        let kind = Kind::Host { forwards: host.forwards, ttl: host.ttl };
        Node { name: name.to_owned(), kind, interfaces, routes: host.routes.clone() }
    }

    fn device(&mut self, name: &str, device: &lab::Device) -> Node {
        let plugged = |(name, subnet): (&String, &Ipv4Net)| {
            let link = self.link(*subnet);
            Interface { name: name.clone(), link, addresses: Vec::new() }
        };
        let interfaces = device.interfaces.iter().map(plugged).collect();
        Node { name: name.to_owned(), kind: Kind::Device, interfaces, routes: Vec::new() }
    }

    fn link(&mut self, address: Ipv4Net) -> usize {
        let subnet = address.trunc();
        self.link_of(subnet).unwrap_or_else(|| {
            self.links.push(subnet);
            self.links.len() - 1
        })
    }
}

impl Node {
    /// True if the node forwards packets for others. A device is a router.
    pub fn forwards(&self) -> bool {
        match self.kind {
            Kind::Host { forwards, .. } => forwards,
            Kind::Device => true,
        }
    }

    /// Initial TTL of the node's packets.
    pub fn ttl(&self) -> u8 {
        match self.kind {
            Kind::Host { ttl, .. } => ttl,
            Kind::Device => DEFAULT_TTL,
        }
    }

    /// All addresses; the node's name resolves to the first.
    pub fn addresses(&self) -> impl DoubleEndedIterator<Item = Ipv4Addr> {
        self.subnets().map(|(_, address)| address.addr())
    }

    /// True if packets to this address end here.
    pub fn owns(&self, address: Ipv4Addr) -> bool {
        address.is_loopback() || self.addresses().any(|own| own == address)
    }

    /// True if the node is on the link.
    pub fn is_on(&self, link: usize) -> bool {
        self.interfaces.iter().any(|interface| interface.link == link)
    }

    /// True for multicast and broadcast addresses: no node answers, and no router forwards.
    pub fn is_group(&self, destination: Ipv4Addr) -> bool {
        let mut subnets = self.subnets().map(|(_, address)| address);
        destination.is_multicast()
            || destination.is_broadcast()
            || subnets.any(|it| it.prefix_len() < 31 && it.broadcast() == destination)
    }

    /// The route with the longest prefix; among equals, the node's own subnet wins.
    pub fn route(&self, destination: Ipv4Addr) -> Option<Hop> {
        let routes = self.routes.iter().filter(|route| route.destination.contains(&destination));
        let by_way_of_others =
            routes.filter_map(|route| Some((route.destination.prefix_len(), self.through(route)?)));
        let hops = by_way_of_others.chain(self.connected(destination));
        hops.max_by_key(|(prefix_len, _)| *prefix_len).map(|(_, hop)| hop)
    }

    /// Source address of packets to `destination`; none without a route.
    pub fn source_for(&self, destination: Ipv4Addr) -> Option<Ipv4Addr> {
        if self.owns(destination) {
            return Some(destination);
        }
        self.route(destination).map(|hop| hop.source)
    }

    /// A route works only if its next hop is another node on a link of this one.
    fn through(&self, route: &Route) -> Option<Hop> {
        if self.owns(route.next_hop) {
            return None;
        }
        self.connected(route.next_hop).map(|(_, hop)| hop)
    }

    fn connected(&self, destination: Ipv4Addr) -> Option<(u8, Hop)> {
        let (link, own) = self
            .subnets()
            .filter(|(_, address)| address.contains(&destination))
            // `max_by_key` keeps the last of equals, but a kernel prefers the address configured first.
            .rev()
            .max_by_key(|(_, address)| address.prefix_len())?;
        Some((own.prefix_len(), Hop { link, neighbour: destination, source: own.addr() }))
    }

    fn subnets(&self) -> impl DoubleEndedIterator<Item = (usize, Ipv4Net)> {
        let of = |interface: &Interface| {
            let link = interface.link;
            interface.addresses.clone().into_iter().map(move |address| (link, address))
        };
        self.interfaces.iter().flat_map(of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use diagnostics::Source;

    fn topology(lab: &str) -> Topology {
        Topology::of(&Lab::parse(&Source::new("lab", lab.to_owned())).unwrap())
    }

    fn net(text: &str) -> Ipv4Net {
        text.parse().unwrap()
    }

    const ROUTED: &str = "
devices: {DUT0: {interfaces: {eth0: 10.0.0.0/24}}}
hosts:
  gateway: {addresses: [10.0.0.1/24, 10.0.1.1/30], forwards: true}
  server: {addresses: [10.0.1.2/30], ttl: 128, routes: {default: 10.0.1.1}}
";

    #[test]
    fn each_subnet_is_a_link() {
        assert_eq!(topology(ROUTED).links, [net("10.0.0.0/24"), net("10.0.1.0/30")]);
    }

    #[test]
    fn a_host_has_an_interface_on_each_of_its_links() {
        let topology = topology(ROUTED);
        let gateway = &topology.nodes[0];
        assert_eq!(gateway.kind, Kind::Host { forwards: true, ttl: 64 });
        let interface = |name: &str, link, address| Interface {
            name: name.to_owned(),
            link,
            addresses: vec![net(address)],
        };
        let expected = [interface("eth0", 0, "10.0.0.1/24"), interface("eth1", 1, "10.0.1.1/30")];
        assert_eq!(gateway.interfaces, expected);
    }

    #[test]
    fn a_host_has_the_ttl_and_routes_of_the_file() {
        let topology = topology(ROUTED);
        let server = &topology.nodes[1];
        assert_eq!(server.kind, Kind::Host { forwards: false, ttl: 128 });
        let next_hop = "10.0.1.1".parse().unwrap();
        assert_eq!(server.routes, [Route { destination: net("0.0.0.0/0"), next_hop }]);
    }

    #[test]
    fn a_device_has_links_but_no_addresses() {
        let topology = topology(ROUTED);
        let device = topology.nodes.last().unwrap();
        let interface = Interface { name: "eth0".to_owned(), link: 0, addresses: Vec::new() };
        let expected = Node {
            name: "DUT0".to_owned(),
            kind: Kind::Device,
            interfaces: vec![interface],
            routes: Vec::new(),
        };
        assert_eq!(*device, expected);
    }

    #[test]
    fn several_addresses_of_one_subnet_are_on_one_interface() {
        let topology = topology("hosts: {a: {addresses: [10.0.0.1/24, 10.0.0.2/24]}}");
        let addresses = vec![net("10.0.0.1/24"), net("10.0.0.2/24")];
        let expected = [Interface { name: "eth0".to_owned(), link: 0, addresses }];
        assert_eq!(topology.nodes[0].interfaces, expected);
    }

    #[test]
    fn adjacent_subnets_are_separate_links() {
        let topology = topology("hosts: {a: {addresses: [10.0.0.1/25, 10.0.0.129/25]}}");
        assert_eq!(topology.links, [net("10.0.0.0/25"), net("10.0.0.128/25")]);
    }

    fn address(text: &str) -> Ipv4Addr {
        text.parse().unwrap()
    }

    fn router(routes: &[(&str, &str)]) -> Node {
        let interface = |link, addresses: &[&str]| Interface {
            name: format!("eth{link}"),
            link,
            addresses: addresses.iter().map(|text| net(text)).collect(),
        };
        Node {
            name: "router".to_owned(),
            kind: Kind::Host { forwards: true, ttl: 64 },
            interfaces: vec![
                interface(0, &["10.0.0.1/24", "10.0.0.2/24"]),
                interface(1, &["10.1.0.1/16"]),
            ],
            routes: routes
                .iter()
                .map(|(to, by)| Route { destination: net(to), next_hop: address(by) })
                .collect(),
        }
    }

    fn neighbour(node: &Node, destination: &str) -> Option<String> {
        node.route(address(destination)).map(|hop| hop.neighbour.to_string())
    }

    #[test]
    fn a_neighbour_is_reached_from_the_first_address_of_the_subnet() {
        let hop = router(&[]).route(address("10.0.0.9")).unwrap();
        assert_eq!(
            hop,
            Hop { link: 0, neighbour: address("10.0.0.9"), source: address("10.0.0.1") }
        );
    }

    #[test]
    fn the_longest_prefix_wins_in_any_order() {
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
    fn only_a_longer_prefix_wins_over_the_own_subnet() {
        let node = router(&[("10.1.2.0/24", "10.0.0.9"), ("10.0.0.0/24", "10.1.0.9")]);
        assert_eq!(neighbour(&node, "10.1.2.3").as_deref(), Some("10.0.0.9"));
        assert_eq!(neighbour(&node, "10.0.0.7").as_deref(), Some("10.0.0.7"));
    }

    #[test]
    fn a_next_hop_off_link_or_on_the_node_itself_is_ignored() {
        let node = router(&[("192.0.2.0/24", "172.16.0.1"), ("198.51.100.0/24", "10.0.0.2")]);
        assert_eq!(neighbour(&node, "192.0.2.1"), None);
        assert_eq!(neighbour(&node, "198.51.100.1"), None);
    }

    #[test]
    fn the_source_is_the_address_on_the_outgoing_link() {
        let node = router(&[("0.0.0.0/0", "10.1.0.9")]);
        assert_eq!(node.source_for(address("192.0.2.1")), Some(address("10.1.0.1")));
        assert_eq!(node.source_for(address("10.0.0.2")), Some(address("10.0.0.2")));
    }
}
