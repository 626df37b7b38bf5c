//! The network of a device: the interface between the device and the code that carries its packets.

#[cfg(target_os = "linux")]
pub mod kernel;

use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use async_trait::async_trait;
use ipnet::Ipv4Net;
pub use transport::Stream;

/// A network that a device is connected to.
#[async_trait]
pub trait Network: Send + Sync {
    /// Replaces the device's addresses and routes; on an error it keeps the previous ones.
    async fn apply(&self, addressing: &Addressing) -> Result<(), ApplyError>;

    /// Resolves `host`; a literal address resolves to itself.
    async fn resolve(&self, host: &str) -> Result<Ipv4Addr, ResolveError>;

    /// Sends one ICMP echo request and waits for the outcome, at most for the request's timeout.
    async fn echo(&self, request: &EchoRequest) -> EchoOutcome;

    /// Opens a TCP connection.
    async fn connect(&self, address: Ipv4Addr, port: u16) -> Result<Box<dyn Stream>, ConnectError>;

    /// The stream on which a connection to that address carries HTTP, within TLS if there is any; a network that records exchanges
    /// puts a tap around it.
    fn observed(&self, stream: Box<dyn Stream>, _: Ipv4Addr, _: u16) -> Box<dyn Stream> {
        stream
    }
}

/// All addresses and routes of a device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addressing {
    /// Addresses, in the order of the configuration.
    pub interfaces: Vec<InterfaceAddress>,
    /// Routes besides those to the interfaces' own subnets.
    pub routes: Vec<StaticRoute>,
}

/// One address of one interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// Name of the interface, such as `eth0`.
    pub interface: String,
    /// Address with the prefix length of its subnet.
    pub address: Ipv4Net,
}

/// One route through a neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaticRoute {
    /// Destination network, with host bits zero.
    pub destination: Ipv4Net,
    /// Neighbour that forwards to it.
    pub next_hop: Ipv4Addr,
}

/// An ICMP echo request (RFC 792).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EchoRequest {
    /// Destination of the request.
    pub destination: Ipv4Addr,
    /// Identifier of the `ping`.
    pub identifier: u16,
    /// Number of the request within a `ping`, from 1.
    pub sequence: u16,
    /// Data that the reply must return.
    pub payload: Vec<u8>,
    /// Time limit for the reply.
    pub timeout: Duration,
}

/// Outcome of an echo request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EchoOutcome {
    /// The destination answered.
    Reply {
        /// Address of the sender.
        from: Ipv4Addr,
        /// Time to live of the received reply.
        ttl: u8,
        /// Returned data.
        payload: Vec<u8>,
        /// Time from sending the request to receiving the reply.
        round_trip: Duration,
    },
    /// A router reported the destination as unreachable, or the device itself because no host answers on the link.
    Unreachable {
        /// Address of the reporter.
        from: Ipv4Addr,
        /// Code of the ICMP message.
        code: UnreachableCode,
    },
    /// The time to live expired at a router.
    TtlExceeded {
        /// Address of the router.
        from: Ipv4Addr,
    },
    /// No reply was received in time.
    TimedOut,
    /// The device itself has no route to the destination, so nothing was sent.
    NoRoute,
    /// The operating system refused to send or to receive.
    Failed {
        /// Failed operation and error message.
        reason: String,
    },
}

/// The code of an ICMP "destination unreachable" message (RFC 792).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnreachableCode(pub u8);

impl UnreachableCode {
    /// No route to the network.
    pub const NETWORK: Self = Self(0);
    /// The host does not answer on its link.
    pub const HOST: Self = Self(1);
}

impl fmt::Display for UnreachableCode {
    /// The wording of iputils' ping.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            0 => "Destination Net Unreachable",
            1 => "Destination Host Unreachable",
            2 => "Destination Protocol Unreachable",
            3 => "Destination Port Unreachable",
            5 => "Source Route Failed",
            6 => "Destination Net Unknown",
            7 => "Destination Host Unknown",
            9 => "Destination Net Prohibited",
            10 => "Destination Host Prohibited",
            13 => "Packet filtered",
            code => return write!(f, "Dest Unreachable, Bad Code: {code}"),
        })
    }
}

/// Why addresses and routes were refused.
///
/// Like a kernel, a network accepts addresses that another host has, and routes through hosts that do not exist.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The device has no such interface.
    #[error("the device has no interface `{interface}`")]
    NoSuchInterface {
        /// Name as configured.
        interface: String,
    },
    /// The operating system refused.
    #[error(transparent)]
    Other(#[from] io::Error),
}

/// Why a name has no address.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The name is unknown.
    #[error("the name `{host}` is not known")]
    Unknown {
        /// Name as requested.
        host: String,
    },
    /// The name could not be looked up.
    #[error("the name `{host}` cannot be resolved: {error}")]
    Other {
        /// Name as requested.
        host: String,
        /// Cause of the failure.
        error: io::Error,
    },
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nothing listens on the port.
    #[error("connection refused")]
    Refused,
    /// The device itself has no route to the address.
    #[error("no route")]
    NoRoute,
    /// The host does not answer on its link.
    #[error("host unreachable")]
    HostUnreachable,
    /// A router has no route to the address.
    #[error("network unreachable")]
    NetworkUnreachable,
    /// No answer was received in time.
    #[error("connection timed out")]
    TimedOut,
    /// Any other error of the operating system.
    #[error(transparent)]
    Other(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreachable_codes_have_words() {
        assert_eq!(UnreachableCode::HOST.to_string(), "Destination Host Unreachable");
        assert_eq!(UnreachableCode(99).to_string(), "Dest Unreachable, Bad Code: 99");
    }
}
