//! Carries packets from node to node as routers do, and answers them as hosts do.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use pnet_packet::icmp::destination_unreachable::IcmpCodes;

use super::Service;
use super::capture::Captures;
use super::crossing::{Crossing, NodeId};
use super::packet::{Content, Envelope, Packet};
use model::lab::topology::{Hop, Topology};

/// The nodes of a lab, the links between them, and the services that listen.
pub(super) struct Fabric {
    pub topology: Topology,
    /// The service at a node, with the TCP port that it listens on.
    pub listeners: BTreeMap<NodeId, (u16, Arc<dyn Service>)>,
    /// The plugs that carry nothing, because their link was taken down.
    pub down: BTreeSet<Plug>,
    /// The captures of the links, if they are wanted.
    pub captures: Option<Arc<Captures>>,
}

/// Where an interface of a node is plugged into a link: the node, and the index of the link.
pub(super) type Plug = (NodeId, usize);

/// The result of sending a packet, for the sender.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Exchange {
    /// The answer, the node that sent it, and the links that request and answer crossed.
    Answered { packet: Packet, by: NodeId, there: Vec<Crossing>, back: Vec<Crossing> },
    /// No answer came, because the packet or its answer was lost.
    Lost,
    /// No packet was sent, because the sender has no route.
    NoRoute,
}

/// The end of the journey of a packet that is not lost.
enum Journey {
    Arrived {
        at: NodeId,
        packet: Packet,
    },
    /// A node drops the packet, and sends an ICMP error to its source.
    Failed {
        at: NodeId,
        error: Packet,
    },
}

impl Fabric {
    /// Sends `content` from `sender` to `destination`, and returns what comes back.
    pub(super) fn exchange(
        &self,
        sender: NodeId,
        destination: Ipv4Addr,
        content: Content<'_>,
    ) -> Exchange {
        let node = &self.topology.nodes[sender];
        let Some(source) = node.source_for(destination) else {
            return Exchange::NoRoute;
        };
        let packet = Packet::new(Envelope { source, destination, ttl: node.ttl() }, content);
        let exchanged = packet.and_then(|packet| self.carry_both_ways(sender, packet));
        exchanged.unwrap_or(Exchange::Lost)
    }

    /// Terminates, because an answer has no answer and an ICMP error no error.
    fn carry_both_ways(&self, sender: NodeId, packet: Packet) -> Option<Exchange> {
        let (mut from, mut on_its_way) = (sender, packet);
        let mut there = Vec::new();
        loop {
            let mut crossed = Vec::new();
            (from, on_its_way) = match self.carry(from, on_its_way, &mut crossed)? {
                Journey::Arrived { at, packet } => match self.answer(at, &packet) {
                    None if at == sender => {
                        return Some(Exchange::Answered { packet, by: from, there, back: crossed });
                    }
                    answer => (at, answer?),
                },
                Journey::Failed { at, error } => (at, error),
            };
            there.append(&mut crossed);
        }
    }

    /// Carries a packet from hop to hop until it arrives or a node drops it, and notes the links; the TTL ends loops.
    fn carry(
        &self,
        from: NodeId,
        mut packet: Packet,
        crossed: &mut Vec<Crossing>,
    ) -> Option<Journey> {
        let destination = packet.envelope().destination;
        let mut at = from;
        let mut in_transit = false;
        loop {
            let node = &self.topology.nodes[at];
            if node.owns(destination) {
                return Some(Journey::Arrived { at, packet });
            }
            if in_transit && !node.forwards() || node.is_group(destination) {
                return None;
            }
            let Some(hop) = node.route(destination) else {
                // An answer without a route back is not sent, and causes no ICMP error.
                if !in_transit {
                    return None;
                }
                let code = IcmpCodes::DestinationNetworkUnreachable;
                return self.give_up(at, &packet, |cause| Content::Unreachable(code, cause));
            };
            if in_transit && !packet.decrement_ttl() {
                return self.give_up(at, &packet, Content::TimeExceeded);
            }
            let Some(next) = self.neighbour(at, hop) else {
                let code = IcmpCodes::DestinationHostUnreachable;
                return self.give_up(at, &packet, |cause| Content::Unreachable(code, cause));
            };
            let crossing = Crossing { link: hop.link, from: at, to: next };
            if let Some(captures) = &self.captures {
                captures.add(crossing, &packet);
            }
            crossed.push(crossing);
            (at, in_transit) = (next, true);
        }
    }

    /// The plug of an interface of a node; `None` if the lab has no such interface.
    pub(super) fn plug(&self, node: &str, interface: &str) -> Option<Plug> {
        let node = self.topology.find(node)?;
        let mut interfaces = self.topology.nodes[node].interfaces.iter();
        Some((node, interfaces.find(|it| it.name == interface)?.link))
    }

    /// The next node, if the link carries packets to it.
    fn neighbour(&self, at: NodeId, hop: Hop) -> Option<NodeId> {
        let next = self.topology.neighbour(at, hop)?;
        let is_up = |node| !self.down.contains(&(node, hop.link));
        (is_up(at) && is_up(next)).then_some(next)
    }

    /// Sends this ICMP error to the source of `cause`, which the node drops, if it is allowed and has a route.
    fn give_up<'a>(
        &self,
        at: NodeId,
        cause: &'a Packet,
        error: impl FnOnce(&'a [u8]) -> Content<'a>,
    ) -> Option<Journey> {
        let (node, destination) = (&self.topology.nodes[at], cause.envelope().source);
        let envelope =
            Envelope { source: node.source_for(destination)?, destination, ttl: node.ttl() };
        let error = Packet::new(envelope, error(cause.quote()?))?;
        Some(Journey::Failed { at, error })
    }

    /// The node's own answer to a packet that has arrived.
    fn answer(&self, at: NodeId, packet: &Packet) -> Option<Packet> {
        let content = match packet.content()? {
            Content::EchoRequest(echo) => Content::EchoReply(echo),
            Content::Syn(syn) => match self.listeners.get(&at) {
                Some((port, service))
                    if *port == syn.ports.destination && service.is_listening() =>
                {
                    Content::SynAck(syn.taken())
                }
                _ => Content::Reset(syn.refused()),
            },
            _ => return None,
        };
        Packet::new(packet.envelope().answered(self.topology.nodes[at].ttl()), content)
    }
}
