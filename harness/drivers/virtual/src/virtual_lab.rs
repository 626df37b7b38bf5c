//! The network of the virtual lab, all in this process and without sockets.
//!
//! It carries IPv4 packets as bytes. An echo request goes hop by hop through the routers; each looks up its routing table and
//! decrements the TTL. The destination's answer is routed on its own, so that a missing return route loses it. A TCP
//! connection is opened with such packets too; afterwards its bytes flow through memory. Links lose nothing and take no time: a
//! node's absence is detected at once, while a kernel would search for it for three seconds.

mod capture;
mod crossing;
mod fabric;
mod packet;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dut_sim::network::{
    Addressing, ApplyError, ConnectError, EchoOutcome, EchoRequest, Network, ResolveError, Stream,
    UnreachableCode,
};
use parking_lot::{Mutex, RwLock};
use pnet_packet::icmp::IcmpCode;
use scep::clock::Clock;
use tokio::task::JoinSet;

use self::capture::Captures;
use self::crossing::{Crossing, NodeId};
use self::fabric::{Exchange, Fabric};
use self::packet::{Content, Echo, Opening, Packet, Ports};
use self::wire::{Opened, Party, Wire};
use model::lab::topology::{Node, Topology};
use model::lab::{Lab, Route};
use testbed::injection::panic_if_asked;
use testbed::links::{LinkError, Links};

/// The pauses after the SYN segments of a connection, in seconds, as in Linux: 127 in all.
const SYN_PAUSES_S: [u64; 7] = [1, 2, 4, 8, 16, 32, 64];

/// The time that an echo request spends in hosts, and at each link that it or its answer crosses, so that a neighbour answers after the
/// documented 0.147 ms. It is only what a ping shows: the clock of the lab has no shorter time than a millisecond.
const HOST_TIME: Duration = Duration::from_micros(27);
const LINK_TIME: Duration = Duration::from_micros(60);

/// The buffer of a connection in each direction, in bytes.
const WINDOW: usize = 64 * 1024;

/// The first of the ports that Linux gives to clients.
const FIRST_EPHEMERAL_PORT: u16 = 32_768;

/// The distance of the initial sequence numbers of two connections that follow each other. It is odd, so that connections with the same ports,
/// which come every 32,768, have different numbers: a reader of a capture would take a second SYN with the same number for a repeated one.
const SEQUENCE_STEP: u32 = 64_001;

/// Serves the TCP connections of a host; a connection ends with the call.
#[async_trait]
pub trait Service: Send + Sync {
    /// Serves one connection that `peer` opened.
    async fn serve(&self, stream: Box<dyn Stream>, peer: SocketAddrV4);

    /// True if it takes connections; otherwise they are refused.
    fn is_listening(&self) -> bool {
        true
    }
}

/// The network of one lab; dropping it ends every connection.
pub struct VirtualLab {
    shared: Arc<Shared>,
}

impl VirtualLab {
    /// Builds the links, hosts and devices of `lab`; nothing listens anywhere yet.
    pub fn new(lab: &Lab) -> Self {
        let (topology, listeners) = (Topology::of(lab), BTreeMap::new());
        let fabric = Fabric { topology, listeners, down: BTreeSet::new(), captures: None };
        let shared = Shared {
            fabric: RwLock::new(fabric),
            connections: Mutex::new(Some(JoinSet::new())),
            connection_attempts: AtomicU32::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Makes `service` listen on a TCP port at all addresses of the host; false if the lab has no such host.
    #[must_use]
    pub fn listen(&self, host: &str, port: u16, service: Arc<dyn Service>) -> bool {
        let mut fabric = self.shared.fabric.write();
        let Some(node) = fabric.topology.find(host) else { return false };
        fabric.listeners.insert(node, (port, service));
        true
    }

    /// Captures the packets of each link from now on, with the times of that clock, into a file in `folder` that is named after the link's
    /// subnet. The lab works without a file that cannot be written; [`Self::end`] tells it.
    pub fn capture(&self, folder: &Path, clock: Clock) {
        let mut fabric = self.shared.fabric.write();
        fabric.captures = Some(Arc::new(Captures::begin(folder, &fabric.topology.links, clock)));
    }

    /// Captures nothing for this reason, which [`Self::end`] tells.
    pub fn miss_captures(&self, reason: String, clock: Clock) {
        self.shared.fabric.write().captures = Some(Arc::new(Captures::missing(reason, clock)));
    }

    /// Ends every connection, and completes the captures; returns which are incomplete, and why.
    pub fn end(&self) -> Vec<String> {
        // Devices may still hold the network, but can no longer connect to services.
        *self.shared.connections.lock() = None;
        let captures = self.shared.fabric.write().captures.take();
        captures.map(|captures| captures.finish()).unwrap_or_default()
    }

    /// The links of the lab, which can be taken down.
    pub fn links(&self) -> Arc<dyn Links> {
        Arc::new(Switch(Arc::clone(&self.shared)))
    }

    /// The network from the side of the device of that name; `None` if the lab has no such device.
    pub fn network(&self, device: &str) -> Option<Arc<dyn Network>> {
        let node = self.shared.fabric.read().topology.find(device)?;
        Some(Arc::new(Attachment { shared: Arc::clone(&self.shared), node }))
    }
}

impl Drop for VirtualLab {
    fn drop(&mut self) {
        self.end();
    }
}

/// The state that the lab and its devices share.
struct Shared {
    fabric: RwLock<Fabric>,
    /// `None` after the lab has been dropped.
    connections: Mutex<Option<JoinSet<()>>>,
    connection_attempts: AtomicU32,
}

impl Shared {
    /// The initial TTL of the node's packets.
    fn ttl_of(&self, node: NodeId) -> u8 {
        self.fabric.read().topology.nodes[node].ttl()
    }

    /// Opens the connection to the service that listens at the node; `None` if there is none.
    fn accept(&self, node: NodeId, opened: Opened) -> Option<Box<dyn Stream>> {
        let (service, captures) = {
            let fabric = self.fabric.read();
            (Arc::clone(&fabric.listeners.get(&node)?.1), fabric.captures.clone())
        };
        let mut connections = self.connections.lock();
        let connections = connections.as_mut()?;
        // Removes finished connections, which would otherwise accumulate.
        while connections.try_join_next().is_some() {}
        let (near, far) = tokio::io::duplex(WINDOW);
        let peer = opened.client.address;
        let (near, far): (Box<dyn Stream>, Box<dyn Stream>) = match captures {
            None => (Box::new(near), Box::new(far)),
            Some(captures) => {
                let (near, far) = Wire::pair(near, far, opened, captures);
                (Box::new(near), Box::new(far))
            }
        };
        connections.spawn(async move {
            panic_if_asked("service");
            service.serve(far, peer).await;
        });
        Some(near)
    }
}

/// Takes the links of a lab down and up.
struct Switch(Arc<Shared>);

#[async_trait]
impl Links for Switch {
    async fn switch(&self, device: &str, interface: &str, is_up: bool) -> Result<(), LinkError> {
        let mut fabric = self.0.fabric.write();
        let plug = fabric.plug(device, interface).ok_or_else(|| LinkError::NoSuchInterface {
            device: device.to_owned(),
            interface: interface.to_owned(),
        })?;
        if is_up {
            fabric.down.remove(&plug);
        } else {
            fabric.down.insert(plug);
        }
        Ok(())
    }
}

/// The network from the side of the device at one of its nodes.
struct Attachment {
    shared: Arc<Shared>,
    node: NodeId,
}

#[async_trait]
impl Network for Attachment {
    async fn apply(&self, addressing: &Addressing) -> Result<(), ApplyError> {
        apply(&mut self.shared.fabric.write().topology.nodes[self.node], addressing)
    }

    async fn resolve(&self, host: &str) -> Result<Ipv4Addr, ResolveError> {
        if let Ok(literal) = host.parse() {
            return Ok(literal);
        }
        let topology = &self.shared.fabric.read().topology;
        let known = topology.find(host).and_then(|node| topology.nodes[node].addresses().next());
        known.ok_or_else(|| ResolveError::Unknown { host: host.to_owned() })
    }

    async fn echo(&self, request: &EchoRequest) -> EchoOutcome {
        let &EchoRequest { identifier, sequence, ref payload, .. } = request;
        let content = Content::EchoRequest(Echo { identifier, sequence, payload });
        let outcome = match self.exchange(request.destination, content) {
            Exchange::Answered { packet, there, back, .. } => {
                outcome_of(&packet, request, there.len() + back.len())
            }
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
        let earlier = self.shared.connection_attempts.fetch_add(1, Ordering::Relaxed);
        let syn = syn(earlier, port);
        for pause in SYN_PAUSES_S {
            match self.exchange(address, Content::Syn(syn)) {
                Exchange::Answered { packet, by, there, back } => {
                    return self.answered(&packet, by, syn, [there, back]);
                }
                Exchange::NoRoute => return Err(ConnectError::NoRoute),
                Exchange::Lost => tokio::time::sleep(Duration::from_secs(pause)).await,
            }
        }
        Err(ConnectError::TimedOut)
    }
}

impl Attachment {
    fn exchange(&self, destination: Ipv4Addr, content: Content<'_>) -> Exchange {
        // As in Linux, the unspecified address means this host.
        let here = destination.is_unspecified();
        let destination = if here { Ipv4Addr::LOCALHOST } else { destination };
        self.shared.fabric.read().exchange(self.node, destination, content)
    }

    /// Handles the answer to a SYN segment as Linux does.
    fn answered(
        &self,
        packet: &Packet,
        by: NodeId,
        syn: Opening,
        [there, back]: [Vec<Crossing>; 2],
    ) -> Result<Box<dyn Stream>, ConnectError> {
        match packet.content() {
            Some(Content::SynAck(taken)) => {
                let ports = syn.ports;
                let (envelope, ttl) = (packet.envelope(), |node| self.shared.ttl_of(node));
                let client = SocketAddrV4::new(envelope.destination, ports.source);
                let server = SocketAddrV4::new(envelope.source, ports.destination);
                let party = |address, ttl, initial_sequence, path| Party {
                    address,
                    ttl,
                    initial_sequence,
                    path,
                };
                let opened = Opened {
                    client: party(client, ttl(self.node), syn.sequence, there),
                    server: party(server, ttl(by), taken.sequence, back),
                };
                self.shared.accept(by, opened).ok_or(ConnectError::Refused)
            }
            Some(Content::Unreachable(IcmpCode(0 | 6 | 9 | 11), _)) => {
                Err(ConnectError::NetworkUnreachable)
            }
            Some(Content::Unreachable(..) | Content::TimeExceeded(_)) => {
                Err(ConnectError::HostUnreachable)
            }
            _ => Err(ConnectError::Refused),
        }
    }
}

/// The SYN of a connection to that port, after so many others.
fn syn(earlier: u32, port: u16) -> Opening {
    let [.., a, b] = earlier.to_be_bytes();
    let source = u16::from_be_bytes([a, b]) | FIRST_EPHEMERAL_PORT;
    Opening::of(Ports { source, destination: port }, earlier.wrapping_mul(SEQUENCE_STEP))
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

/// `None` if the packet is not an answer to the request.
fn outcome_of(packet: &Packet, request: &EchoRequest, links: usize) -> Option<EchoOutcome> {
    let envelope = packet.envelope();
    let from = envelope.source;
    match packet.content()? {
        Content::EchoReply(echo)
            if (echo.identifier, echo.sequence) == (request.identifier, request.sequence) =>
        {
            Some(EchoOutcome::Reply {
                from,
                ttl: envelope.ttl,
                payload: echo.payload.to_vec(),
                round_trip: HOST_TIME + LINK_TIME * u32::try_from(links).unwrap_or(u32::MAX),
            })
        }
        Content::Unreachable(code, _) => {
            Some(EchoOutcome::Unreachable { from, code: UnreachableCode(code.0) })
        }
        Content::TimeExceeded(_) => Some(EchoOutcome::TtlExceeded { from }),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
