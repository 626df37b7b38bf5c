//! What the runner and a process of a lab say to each other: JSON, one object a line. To a lab process it goes over a socket
//! that is its standard input, to a container over standard input and output.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use model::lab::topology::Node;
use model::lab::{Lab, Pki};
use testbed::TestbedError;

/// What the runner asks for.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// The number by which the reply is known.
    pub id: u64,
    /// What is asked for.
    pub ask: Ask,
}

/// What can be asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Ask {
    /// The lab, first of all and once.
    Build(Box<Order>),
    /// The network of a container, first of all and once, and what it becomes then.
    Furnish(Box<Furnishing>),
    /// Whether somebody listens at this address of the container.
    Listens(SocketAddr),
    /// The newest output of the server program that this host runs.
    ReadOutput(String),
}

/// What a lab is made of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    /// What is in it.
    pub lab: Lab,
    /// A folder of its own, which nobody else may read; gone with the lab.
    pub folder: PathBuf,
    /// The program that devices are processes of.
    pub sceplab: PathBuf,
    /// Where a capture of each link is left; the folder exists.
    pub captures: Option<PathBuf>,
}

/// What a lab process says.
#[derive(Debug, Serialize, Deserialize)]
pub enum LabEvent {
    /// The namespaces stand, and in them a process that has this id outside.
    Isolated(u32),
    /// The namespaces cannot be had.
    Refused(TestbedError),
    /// A request was followed, or cannot be.
    Reply {
        /// The request's number.
        id: u64,
        /// The reply.
        reply: Reply,
    },
    /// A part of the lab broke by itself.
    Broke {
        /// The device or PKI.
        part: String,
        /// What happened.
        reason: String,
    },
}

/// The reply to a request.
#[derive(Debug, Serialize, Deserialize)]
pub enum Reply {
    /// What the lab is made of, or why it is not.
    Built(Result<Built, TestbedError>),
    /// Why the container has no network, if it has none.
    Furnished(Result<(), TestbedError>),
    /// Why there is no connection, if nobody listens.
    Listens(Result<(), String>),
    /// The lines, newest last.
    Output(Vec<String>),
}

/// A lab that stands.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Built {
    /// The descriptors of the hosts' and devices' network namespaces in the lab process.
    pub namespaces: BTreeMap<String, i32>,
    /// The sockets of the devices' consoles.
    pub consoles: BTreeMap<String, PathBuf>,
    /// The sockets of the mock CAs' control APIs.
    pub controls: BTreeMap<String, PathBuf>,
}

/// The network of a container and what it becomes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Furnishing {
    /// Its interfaces, their addresses, and its routes.
    pub node: Node,
    /// Its address on the network that carries the lab's links.
    pub carrier: Ipv4Addr,
    /// Who stands at the other ends of each interface's link, in the order of the node's interfaces.
    pub peers: Vec<Peers>,
    /// What it is once it has its network.
    pub role: Role,
}

/// The others on a link, as they are reached on the network that carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peers {
    /// The number of the link, which no other link of the lab has (RFC 7348: VNI).
    pub link: u32,
    /// Their addresses.
    pub addresses: Vec<Ipv4Addr>,
}

/// What a container is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Role {
    /// Somebody who has addresses, and passes packets on where its settings say so.
    Host,
    /// The same, and a PKI listens there.
    Pki {
        /// Its name.
        name: String,
        /// What it is like.
        plan: Box<Pki>,
    },
    /// A device: what follows on the stream is its console.
    Device,
}
