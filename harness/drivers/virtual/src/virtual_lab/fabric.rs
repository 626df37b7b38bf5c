//! Carries packets from node to node as routers do, and answers them as hosts do.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::packet::{Content, Envelope, IcmpError, Packet};
use model::lab::Lab;
use model::lab::topology::{Node, Topology};

/// Every node of a lab, the links between them, and who listens.
#[derive(Debug)]
pub(super) struct Fabric {
    topology: Topology,
    /// The TCP ports that something listens on.
    ports: BTreeMap<NodeId, u16>,
}

/// A node, by its place in the topology.
pub(super) type NodeId = usize;

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
    /// The nodes of `lab`; devices have no addresses yet, and nothing listens.
    pub(super) fn of(lab: &Lab) -> Self {
        Self { topology: Topology::of(lab), ports: BTreeMap::new() }
    }

    /// The node of that name, in any case, as in the DNS.
    pub(super) fn find(&self, name: &str) -> Option<NodeId> {
        self.topology.find(name)
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.topology.nodes[id]
    }

    pub(super) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.topology.nodes[id]
    }

    /// From here on something listens on that TCP port of a node.
    pub(super) fn listen(&mut self, id: NodeId, port: u16) {
        self.ports.insert(id, port);
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
        match build(Envelope { source, destination, ttl: node.ttl() }) {
            Some(packet) => self.carry_both_ways(sender, packet),
            None => Exchange::Lost,
        }
    }

    /// Ends, because an answer has no answer and an ICMP error no error.
    fn carry_both_ways(&self, sender: NodeId, packet: Packet) -> Exchange {
        let (mut from, mut on_its_way) = (sender, packet);
        loop {
            let (at, answer) = match self.carry(from, on_its_way) {
                Journey::Arrived { at, packet } => match self.answer(at, &packet) {
                    None if at == sender => return Exchange::Answered { packet, by: from },
                    answer => (at, answer),
                },
                Journey::Failed { at, error, cause } => {
                    (at, complaint(self.node(at), error, &cause))
                }
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
            if in_transit && !node.forwards() || node.is_group(destination) {
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
            let Some(next) = self.topology.neighbour(at, hop) else {
                return Journey::Failed { at, error: IcmpError::HostUnreachable, cause: packet };
            };
            (at, in_transit) = (next, true);
        }
    }

    /// What a node sends back on its own account, once a packet has arrived.
    fn answer(&self, at: NodeId, packet: &Packet) -> Option<Packet> {
        let back = packet.envelope().answered(self.node(at).ttl());
        match packet.content() {
            Content::EchoRequest(echo) => Packet::echo_reply(back, echo),
            Content::Syn(ports) if self.ports.get(&at) == Some(&ports.destination) => {
                Packet::syn_ack(back, ports.answered())
            }
            Content::Syn(ports) => Packet::reset(back, ports.answered()),
            _ => None,
        }
    }
}

/// The ICMP error by which a node tells the source of `cause` why it went no further.
fn complaint(node: &Node, error: IcmpError, cause: &Packet) -> Option<Packet> {
    let destination = cause.envelope().source;
    let source = node.source_for(destination)?;
    Packet::icmp_error(Envelope { source, destination, ttl: node.ttl() }, error, cause)
}
