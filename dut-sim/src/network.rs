//! The network a device stands in, as the device sees it: the seam between the device and whatever carries its packets.

#[cfg(target_os = "linux")]
pub mod kernel;

use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use async_trait::async_trait;
use ipnet::Ipv4Net;
use tokio::io::{AsyncRead, AsyncWrite};

/// What a device asks of the network it is plugged into.
#[async_trait]
pub trait Network: Send + Sync {
    /// Gives the device these addresses and routes in place of those it had; on an error it keeps those it had.
    async fn apply(&self, addressing: &Addressing) -> Result<(), ApplyError>;

    /// The address of `host`; a literal address resolves to itself.
    async fn resolve(&self, host: &str) -> Result<Ipv4Addr, ResolveError>;

    /// Sends one ICMP echo request and waits for what comes of it, at most as long as the request says.
    async fn echo(&self, request: &EchoRequest) -> EchoOutcome;

    /// Opens a TCP connection.
    async fn connect(&self, address: Ipv4Addr, port: u16) -> Result<Box<dyn Stream>, ConnectError>;
}

/// A connection's two directions of bytes.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Every address and route of a device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addressing {
    /// The addresses, in the order of the configuration.
    pub interfaces: Vec<InterfaceAddress>,
    /// The routes beside those to the interfaces' own subnets.
    pub routes: Vec<StaticRoute>,
}

/// One address of one interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// The interface's name, such as `eth0`.
    pub interface: String,
    /// The address with the length of its subnet's prefix.
    pub address: Ipv4Net,
}

/// One route through a neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaticRoute {
    /// The network that is reached, host bits zero.
    pub destination: Ipv4Net,
    /// The neighbour that forwards to it.
    pub next_hop: Ipv4Addr,
}

/// An ICMP echo request (RFC 792).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EchoRequest {
    /// Where it goes.
    pub destination: Ipv4Addr,
    /// Tells one `ping` from another.
    pub identifier: u16,
    /// Tells one request of a `ping` from another, from 1.
    pub sequence: u16,
    /// What is to come back.
    pub payload: Vec<u8>,
    /// How long the answer is waited for.
    pub timeout: Duration,
}

/// What came of an echo request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EchoOutcome {
    /// The destination answered.
    Reply {
        /// Who answered.
        from: Ipv4Addr,
        /// The time to live that the answer arrived with.
        ttl: u8,
        /// What came back.
        payload: Vec<u8>,
        /// From sending the request to receiving the answer.
        round_trip: Duration,
    },
    /// A router, or the device itself when nobody answers on the link, says that there is no way.
    Unreachable {
        /// Who says so.
        from: Ipv4Addr,
        /// What cannot be reached.
        code: UnreachableCode,
    },
    /// The time to live ran out at a router.
    TtlExceeded {
        /// That router.
        from: Ipv4Addr,
    },
    /// Nothing came back in time.
    TimedOut,
    /// The device itself has no route to the destination, so nothing was sent.
    NoRoute,
    /// The operating system refused to send or to receive.
    Failed {
        /// What was to be done and what it said.
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
    /// In the words of iputils' ping.
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

/// Why addresses and routes were not taken.
///
/// As a kernel does, a network takes addresses that others have or that lead nowhere, and routes through nobody.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The device has no such interface.
    #[error("the device has no interface `{interface}`")]
    NoSuchInterface {
        /// As configured.
        interface: String,
    },
    /// The operating system refused.
    #[error("{0}")]
    Other(#[from] io::Error),
}

/// Why a name has no address.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// Nobody knows the name.
    #[error("the name `{host}` is not known")]
    Unknown {
        /// As asked for.
        host: String,
    },
    /// The one who would know did not answer.
    #[error("the name `{host}` cannot be resolved: {source}")]
    Other {
        /// As asked for.
        host: String,
        /// What went wrong.
        source: io::Error,
    },
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nothing listens on the port.
    #[error("connection refused")]
    Refused,
    /// The device itself has no route there.
    #[error("no route")]
    NoRoute,
    /// The host does not answer on its link.
    #[error("host unreachable")]
    HostUnreachable,
    /// A router has no route there.
    #[error("network unreachable")]
    NetworkUnreachable,
    /// Nothing came back in time.
    #[error("connection timed out")]
    TimedOut,
    /// Anything else the operating system says.
    #[error("{0}")]
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
