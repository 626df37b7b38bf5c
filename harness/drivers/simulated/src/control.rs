//! The messages between the runner and a process of a lab: JSON, one object a line. A lab process gets them over a socket
//! that is its standard input, a container over standard input and output.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use recording::{Exchange, Part};
use serde::{Deserialize, Serialize};

use crate::server::NotListening;
use model::lab::topology::Node;
use model::lab::{Lab, Pki};
use testbed::TestbedError;

/// A request of the runner.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// The number that its reply repeats.
    pub id: u64,
    /// The requested operation.
    pub operation: Operation,
}

/// An operation of a lab process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Operation {
    /// Build the lab: the first request to a lab process, sent once.
    Build(Box<LabSpec>),
    /// Configure the network of a container and start its role: the first request to a container, sent once.
    Configure(Box<NetworkConfig>),
    /// Report whether a process listens at this address of the container.
    Listens(SocketAddr),
    /// Return the newest output of the server program that this host runs.
    ReadOutput(String),
    /// Return the newest exchanges with the mock CAs.
    ReadExchanges,
    /// Take the link at an interface of a device down or up.
    SwitchLink {
        /// The device.
        device: String,
        /// The interface.
        interface: String,
        /// True if it carries packets afterwards.
        is_up: bool,
    },
}

/// The specification of a lab, for the lab process that builds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LabSpec {
    /// The lab file's content.
    pub lab: Lab,
    /// A private folder, which is removed with the lab.
    pub folder: PathBuf,
    /// The program that device processes run.
    pub sceplab: PathBuf,
    /// The folder for a capture of each link, if any; it exists.
    pub captures: Option<PathBuf>,
    /// The folder for what the mock CAs exchange, if any; it exists.
    pub messages: Option<Part>,
}

/// A message of a lab process.
#[derive(Debug, Serialize, Deserialize)]
pub enum LabEvent {
    /// The namespaces have been created; in them runs a process with this ID outside.
    Isolated(u32),
    /// The namespaces cannot be created.
    Refused(TestbedError),
    /// The reply to a request.
    Reply {
        /// The request's number.
        id: u64,
        /// The reply.
        reply: Reply,
    },
    /// A part of the lab broke.
    Broke {
        /// The device or PKI.
        part: String,
        /// The reason.
        reason: String,
    },
}

/// The reply to a request.
#[derive(Debug, Serialize, Deserialize)]
pub enum Reply {
    /// The result of [`Operation::Build`].
    Built(Result<Built, TestbedError>),
    /// The result of [`Operation::Configure`].
    Configured(Result<(), TestbedError>),
    /// The result of [`Operation::Listens`].
    Listens(Result<(), NotListening>),
    /// The lines of [`Operation::ReadOutput`], newest last.
    Output(Vec<String>),
    /// The result of [`Operation::ReadExchanges`].
    Exchanges(Vec<Exchange>),
    /// The result of [`Operation::SwitchLink`].
    Switched(Result<(), String>),
}

/// A lab that has been built.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Built {
    /// The descriptors of the hosts' and devices' network namespaces in the lab process.
    pub namespaces: BTreeMap<String, i32>,
    /// The sockets of the devices' consoles.
    pub consoles: BTreeMap<String, PathBuf>,
    /// The sockets of the mock CAs' control APIs.
    pub controls: BTreeMap<String, PathBuf>,
}

/// The network of a container, and the role that it starts afterwards.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NetworkConfig {
    /// The node: its interfaces with addresses, and its routes.
    pub node: Node,
    /// The container's address on the network that carries the lab's links.
    pub carrier: Ipv4Addr,
    /// The peers on each interface's link, in the order of the node's interfaces.
    pub peers: Vec<Peers>,
    /// The role of the container.
    pub role: Role,
}

/// The other nodes on a link, by their addresses on the network that carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peers {
    /// The VXLAN network identifier of the link, unique in the lab (RFC 7348: VNI).
    pub link: u32,
    /// The addresses of the other nodes.
    pub addresses: Vec<Ipv4Addr>,
}

/// The role of a container.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Role {
    /// A host with addresses that forwards packets if its settings say so.
    Host,
    /// A host on which a PKI listens.
    Pki {
        /// The name of the PKI.
        name: String,
        /// The PKI's description in the lab file.
        plan: Box<Pki>,
    },
    /// A device: after the reply, the stream is its console.
    Device,
}
