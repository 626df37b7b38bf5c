//! From a lab to links, interfaces and routes: nothing here touches the kernel.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::lab::{self, Lab, Route};

/// What is to be made of a lab.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// One link a subnet.
    pub links: Vec<Ipv4Net>,
    /// Whoever is plugged in, hosts first.
    pub nodes: Vec<Node>,
}

/// A network namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The host's or the device's name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Its interfaces beside the loopback.
    pub interfaces: Vec<Interface>,
    /// Its routes beyond its own subnets.
    pub routes: Vec<Route>,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A host, whose addresses and routes are the lab's.
    Host {
        /// Whether it passes on packets that are not for itself.
        forwards: bool,
        /// The TTL that its packets start with.
        ttl: u8,
    },
    /// A device, which gives itself addresses and routes.
    Device,
}

/// An interface of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// What the node calls it.
    pub name: String,
    /// The link it is plugged into, counted from 0.
    pub link: usize,
    /// Its addresses; none where the node gives itself some.
    pub addresses: Vec<Ipv4Net>,
}

impl Plan {
    /// Two addresses in one subnet are on one link.
    pub fn of(lab: &Lab) -> Self {
        let mut plan = Self::default();
        for (name, host) in &lab.hosts {
            let node = plan.host(name, host);
            plan.nodes.push(node);
        }
        for (name, device) in &lab.devices {
            let node = plan.device(name, device);
            plan.nodes.push(node);
        }
        plan
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
        self.links.iter().position(|link| *link == subnet).unwrap_or_else(|| {
            self.links.push(subnet);
            self.links.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use diagnostics::Source;

    fn plan(lab: &str) -> Plan {
        Plan::of(&Lab::parse(&Source::new("lab", lab.to_owned())).unwrap())
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
    fn there_is_a_link_for_each_subnet() {
        assert_eq!(plan(ROUTED).links, [net("10.0.0.0/24"), net("10.0.1.0/30")]);
    }

    #[test]
    fn a_host_has_an_interface_on_each_of_its_links() {
        let plan = plan(ROUTED);
        let gateway = &plan.nodes[0];
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
    fn a_host_keeps_its_ttl_and_its_routes() {
        let plan = plan(ROUTED);
        let server = &plan.nodes[1];
        assert_eq!(server.kind, Kind::Host { forwards: false, ttl: 128 });
        let next_hop = "10.0.1.1".parse().unwrap();
        assert_eq!(server.routes, [Route { destination: net("0.0.0.0/0"), next_hop }]);
    }

    #[test]
    fn a_device_is_plugged_in_and_has_no_address() {
        let plan = plan(ROUTED);
        let device = plan.nodes.last().unwrap();
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
        let plan = plan("hosts: {a: {addresses: [10.0.0.1/24, 10.0.0.2/24]}}");
        let addresses = vec![net("10.0.0.1/24"), net("10.0.0.2/24")];
        let expected = [Interface { name: "eth0".to_owned(), link: 0, addresses }];
        assert_eq!(plan.nodes[0].interfaces, expected);
    }
}
