//! Carries packets from node to node as routers do, and answers them as hosts do.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::links::Links;
use super::node::{Hop, Interface, Node};
use super::packet::{Content, Envelope, IcmpError, Packet};
use model::lab::{self, DEFAULT_TTL, Lab};

/// Every node of a lab and the links between them.
#[derive(Debug)]
pub(super) struct Fabric {
    nodes: Vec<Node>,
}

/// A node, by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct NodeId(usize);

/// What comes back to the sender of a packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Exchange {
    /// This packet, and who sent it.
    Answered { packet: Packet, by: NodeId },
    /// Nothing: the packet or its answer was lost on the way.
    Lost,
    /// The sender has no route, so nothing was sent.
    NoRoute,
}

/// How a packet's way ends.
enum Journey {
    Arrived {
        at: NodeId,
        packet: Packet,
    },
    /// A node gives up and says so, where it may.
    Failed {
        at: NodeId,
        error: IcmpError,
        cause: Packet,
    },
    NoRoute,
    Lost,
}

impl Fabric {
    /// The nodes of `lab`; devices have no addresses yet.
    pub(super) fn of(lab: &Lab) -> Self {
        let subnets = lab.devices.values().flat_map(|device| device.interfaces.values());
        let addresses = lab.hosts.values().flat_map(|host| &host.addresses);
        let links = Links::of(subnets.chain(addresses).copied());
        let devices = lab.devices.iter().map(|(name, device)| device_node(name, device, &links));
        let hosts = lab.hosts.iter().map(|(name, host)| host_node(name, host, &links));
        Self { nodes: devices.chain(hosts).collect() }
    }

    /// The node of that name, in any case, as in the DNS.
    pub(super) fn find(&self, name: &str) -> Option<NodeId> {
        self.nodes.iter().position(|node| node.name.eq_ignore_ascii_case(name)).map(NodeId)
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    pub(super) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0]
    }

    /// Sends what `build` makes of the envelope from `sender` to `destination`, and carries what comes back.
    pub(super) fn exchange(
        &self,
        sender: NodeId,
        destination: Ipv4Addr,
        build: impl FnOnce(Envelope) -> Option<Packet>,
    ) -> Exchange {
        let node = self.node(sender);
        let Some(source) = node.source_for(destination) else {
            return Exchange::NoRoute;
        };
        match build(Envelope { source, destination, ttl: node.ttl }) {
            Some(packet) => self.carry_both_ways(sender, packet),
            None => Exchange::Lost,
        }
    }

    /// Ends, because an answer has no answer and an ICMP error no error.
    fn carry_both_ways(&self, sender: NodeId, packet: Packet) -> Exchange {
        let (mut from, mut on_its_way) = (sender, packet);
        loop {
            let (at, answer) = match self.carry(from, on_its_way) {
                Journey::Arrived { at, packet } => match self.node(at).answer(&packet) {
                    None if at == sender => return Exchange::Answered { packet, by: from },
                    answer => (at, answer),
                },
                Journey::Failed { at, error, cause } => (at, self.node(at).complain(error, &cause)),
                Journey::NoRoute | Journey::Lost => return Exchange::Lost,
            };
            let Some(answer) = answer else {
                return Exchange::Lost;
            };
            (from, on_its_way) = (at, answer);
        }
    }

    /// From hop to hop until the packet arrives or cannot; the TTL ends what goes round in circles.
    fn carry(&self, from: NodeId, mut packet: Packet) -> Journey {
        let destination = packet.envelope().destination;
        let mut at = from;
        let mut in_transit = false;
        loop {
            let node = self.node(at);
            if node.owns(destination) {
                return Journey::Arrived { at, packet };
            }
            if in_transit && !node.forwards || node.is_group(destination) {
                return Journey::Lost;
            }
            let Some(hop) = node.route(destination) else {
                let error = IcmpError::NetworkUnreachable;
                return if in_transit {
                    Journey::Failed { at, error, cause: packet }
                } else {
                    Journey::NoRoute
                };
            };
            if in_transit && !packet.decrement_ttl() {
                return Journey::Failed { at, error: IcmpError::TimeExceeded, cause: packet };
            }
            let Some(next) = self.neighbour(at, hop) else {
                return Journey::Failed { at, error: IcmpError::HostUnreachable, cause: packet };
            };
            (at, in_transit) = (next, true);
        }
    }

    /// Who answers on the link for the neighbour's address. A host answers there for all its addresses, as Linux does.
    fn neighbour(&self, asker: NodeId, hop: Hop) -> Option<NodeId> {
        let answers = |(place, node): &(usize, &Node)| {
            *place != asker.0
                && node.is_on(hop.link)
                && node.addresses().any(|address| address == hop.neighbour)
        };
        self.nodes.iter().enumerate().find(answers).map(|(place, _)| NodeId(place))
    }
}

impl Node {
    /// What the node sends back on its own account, once a packet has arrived.
    fn answer(&self, packet: &Packet) -> Option<Packet> {
        let back = packet.envelope().answered(self.ttl);
        match packet.content() {
            Content::EchoRequest(echo) => Packet::echo_reply(back, echo),
            Content::Syn(ports) if self.listens_on == Some(ports.destination) => {
                Packet::syn_ack(back, ports.answered())
            }
            Content::Syn(ports) => Packet::reset(back, ports.answered()),
            _ => None,
        }
    }

    /// The ICMP error that tells the source of `cause` why it went no further.
    fn complain(&self, error: IcmpError, cause: &Packet) -> Option<Packet> {
        let destination = cause.envelope().source;
        let source = self.source_for(destination)?;
        Packet::icmp_error(Envelope { source, destination, ttl: self.ttl }, error, cause)
    }

    /// Broadcast and multicast, which nobody in a lab answers and no router passes on.
    fn is_group(&self, destination: Ipv4Addr) -> bool {
        let ends_subnet =
            |address: &Ipv4Net| address.prefix_len() < 31 && address.broadcast() == destination;
        destination.is_multicast()
            || destination.is_broadcast()
            || self.interfaces.iter().flat_map(|interface| &interface.addresses).any(ends_subnet)
    }
}

/// A device is a router: it forwards, and has the usual TTL.
fn device_node(name: &str, device: &lab::Device, links: &Links) -> Node {
    let interface = |(name, subnet): (&String, &Ipv4Net)| {
        Some(Interface { name: name.clone(), link: links.find(*subnet)?, addresses: Vec::new() })
    };
    Node {
        name: name.to_owned(),
        interfaces: device.interfaces.iter().filter_map(interface).collect(),
        routes: Vec::new(),
        forwards: true,
        ttl: DEFAULT_TTL,
        listens_on: None,
    }
}

fn host_node(name: &str, host: &lab::Host, links: &Links) -> Node {
    Node {
        name: name.to_owned(),
        interfaces: host_interfaces(&host.addresses, links),
        routes: host.routes.clone(),
        forwards: host.forwards,
        ttl: host.ttl,
        listens_on: None,
    }
}

/// One for each address, in the order of declaration: the first is the one that the name stands for.
fn host_interfaces(addresses: &[Ipv4Net], links: &Links) -> Vec<Interface> {
    let interface = |address: &Ipv4Net| {
        let link = links.find(*address)?;
        Some(Interface { name: String::new(), link, addresses: vec![*address] })
    };
    addresses.iter().filter_map(interface).collect()
}
