//! What the runner and a process of a lab say to each other: JSON, one object a line. To a lab process it goes over a socket
//! that is its standard input, to a container over standard input and output.

mod furnishing;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use self::furnishing::{Furnishing, Peers, Role};
use model::lab::Lab;
use testbed::BenchError;

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
    Refused(BenchError),
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
    Built(Result<Built, BenchError>),
    /// Why the container has no network, if it has none.
    Furnished(Result<(), BenchError>),
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
