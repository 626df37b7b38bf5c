//! What a container is told first: its network, and what it is then.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use model::lab::Pki;
use model::lab::topology::Node;

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
