//! The network as one device of the lab sees it.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dut_sim::network::{
    Addressing, ApplyError, ConnectError, EchoOutcome, EchoRequest, Network, ResolveError, Stream,
    UnreachableCode,
};

use super::Shared;
use super::fabric::{Exchange, Fabric, NodeId};
use super::packet::{Content, Echo, Packet, Ports};
use model::lab::Route;
use model::lab::topology::Node;

/// The pauses after the segments that ask for a connection, in seconds, as Linux makes them: 127 in all.
const SYN_PAUSES_S: [u64; 7] = [1, 2, 4, 8, 16, 32, 64];

/// How many bytes a connection holds in each direction before its writer waits.
const WINDOW: usize = 64 * 1024;

/// A device's place in the lab.
pub(super) struct Attachment {
    pub(super) shared: Arc<Shared>,
    pub(super) node: NodeId,
}

#[async_trait]
impl Network for Attachment {
    async fn apply(&self, addressing: &Addressing) -> Result<(), ApplyError> {
        self.shared.change(|fabric| apply(fabric.node_mut(self.node), addressing))
    }

    async fn resolve(&self, host: &str) -> Result<Ipv4Addr, ResolveError> {
        if let Ok(literal) = host.parse() {
            return Ok(literal);
        }
        let known = |fabric: &Fabric| fabric.node(fabric.find(host)?).addresses().next();
        self.shared.look(known).ok_or_else(|| ResolveError::Unknown { host: host.to_owned() })
    }

    async fn echo(&self, request: &EchoRequest) -> EchoOutcome {
        let sent = Instant::now();
        let outcome = match self.send_echo(request) {
            Exchange::Answered { packet, .. } => outcome_of(&packet, request, sent),
            Exchange::NoRoute => Some(EchoOutcome::NoRoute),
            Exchange::Lost => None,
        };
        if let Some(outcome) = outcome {
            return outcome;
        }
        tokio::time::sleep(request.timeout).await;
        EchoOutcome::TimedOut
    }

    async fn connect(&self, address: Ipv4Addr, port: u16) -> Result<Box<dyn Stream>, ConnectError> {
        let ports = Ports { source: self.shared.ephemeral_port(), destination: port };
        for pause in SYN_PAUSES_S {
            let syn = |envelope| Packet::syn(envelope, ports);
            match self.shared.look(|fabric| fabric.exchange(self.node, here(address), syn)) {
                Exchange::Answered { packet, by } => return self.answered(&packet, by, ports),
                Exchange::NoRoute => return Err(ConnectError::NoRoute),
                Exchange::Lost => tokio::time::sleep(Duration::from_secs(pause)).await,
            }
        }
        Err(ConnectError::TimedOut)
    }
}

impl Attachment {
    fn send_echo(&self, request: &EchoRequest) -> Exchange {
        let echo = Echo {
            identifier: request.identifier,
            sequence: request.sequence,
            payload: &request.payload,
        };
        let build = |envelope| Packet::echo_request(envelope, echo);
        self.shared.look(|fabric| fabric.exchange(self.node, here(request.destination), build))
    }

    /// What Linux makes of the answer to the first segment.
    fn answered(
        &self,
        packet: &Packet,
        by: NodeId,
        ports: Ports,
    ) -> Result<Box<dyn Stream>, ConnectError> {
        match packet.content() {
            Content::SynAck(_) => {
                let peer = SocketAddrV4::new(packet.envelope().destination, ports.source);
                self.shared.accept(by, peer, WINDOW).ok_or(ConnectError::Refused)
            }
            Content::Unreachable(0 | 6 | 9 | 11) => Err(ConnectError::NetworkUnreachable),
            Content::Unreachable(_) | Content::TimeExceeded => Err(ConnectError::HostUnreachable),
            _ => Err(ConnectError::Refused),
        }
    }
}

fn apply(node: &mut Node, addressing: &Addressing) -> Result<(), ApplyError> {
    let unknown = addressing
        .interfaces
        .iter()
        .find(|given| !node.interfaces.iter().any(|own| own.name == given.interface));
    if let Some(given) = unknown {
        return Err(ApplyError::NoSuchInterface { interface: given.interface.clone() });
    }
    for own in &mut node.interfaces {
        let given = addressing.interfaces.iter().filter(|given| given.interface == own.name);
        own.addresses = given.map(|given| given.address).collect();
    }
    node.routes = addressing
        .routes
        .iter()
        .map(|route| Route { destination: route.destination, next_hop: route.next_hop })
        .collect();
    Ok(())
}

/// `None` where the packet is no answer to the request.
fn outcome_of(packet: &Packet, request: &EchoRequest, sent: Instant) -> Option<EchoOutcome> {
    let envelope = packet.envelope();
    let from = envelope.source;
    match packet.content() {
        Content::EchoReply(echo)
            if (echo.identifier, echo.sequence) == (request.identifier, request.sequence) =>
        {
            Some(EchoOutcome::Reply {
                from,
                ttl: envelope.ttl,
                payload: echo.payload.to_vec(),
                round_trip: sent.elapsed(),
            })
        }
        Content::Unreachable(code) => {
            Some(EchoOutcome::Unreachable { from, code: UnreachableCode(code) })
        }
        Content::TimeExceeded => Some(EchoOutcome::TtlExceeded { from }),
        _ => None,
    }
}

/// The unspecified address means this host, as it does to Linux.
fn here(destination: Ipv4Addr) -> Ipv4Addr {
    if destination.is_unspecified() { Ipv4Addr::LOCALHOST } else { destination }
}
