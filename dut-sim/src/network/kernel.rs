//! The network of the operating system, as the process of the device sees it.
//!
//! It is meant for a network namespace, or interfaces of one, that only the device uses: a commit removes all other addresses
//! and routes there.

mod addressing;
mod echo;
mod host;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use async_trait::async_trait;
use nix::errno::Errno;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;

use self::addressing::Addresses;
pub use self::addressing::Interfaces;
pub use self::host::HostNetwork;
use super::{
    Addressing, ApplyError, ConnectError, EchoOutcome, EchoRequest, Network, ResolveError, Stream,
};

/// The network namespace that this process is in.
pub struct KernelNetwork {
    addresses: Addresses,
    names: BTreeMap<String, Ipv4Addr>,
}

impl KernelNetwork {
    /// Opens the namespace of the calling thread; `names` are the hosts that can be resolved by name, in any letter case.
    ///
    /// It must be called within a tokio runtime.
    ///
    /// # Errors
    /// If the system provides no netlink socket.
    pub fn open(
        owned: Interfaces,
        names: impl IntoIterator<Item = (String, Ipv4Addr)>,
    ) -> io::Result<Self> {
        let names = names.into_iter().map(|(name, address)| (name.to_ascii_lowercase(), address));
        Ok(Self { addresses: Addresses::open(owned)?, names: names.collect() })
    }
}

/// Resolves a literal address, or one of the names in the lab file.
fn resolve(names: &BTreeMap<String, Ipv4Addr>, host: &str) -> Result<Ipv4Addr, ResolveError> {
    let known = || names.get(&host.to_ascii_lowercase()).copied();
    let found = host.parse().ok().or_else(known);
    found.ok_or_else(|| ResolveError::Unknown { host: host.to_owned() })
}

#[async_trait]
impl Network for KernelNetwork {
    async fn apply(&self, addressing: &Addressing) -> Result<(), ApplyError> {
        self.addresses.apply(addressing).await
    }

    async fn resolve(&self, host: &str) -> Result<Ipv4Addr, ResolveError> {
        resolve(&self.names, host)
    }

    async fn echo(&self, request: &EchoRequest) -> EchoOutcome {
        echo::echo(request).await
    }

    async fn connect(&self, address: Ipv4Addr, port: u16) -> Result<Box<dyn Stream>, ConnectError> {
        Ok(Box::new(connect(address, port).await?))
    }
}

/// Opens a connection, with the system's timeout.
async fn connect(address: Ipv4Addr, port: u16) -> Result<TcpStream, ConnectError> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    let destination = SocketAddr::from(SocketAddrV4::new(address, port));
    match socket.connect(&destination.into()) {
        // The system finds this before it sends anything.
        Err(error) if errno(&error) == Errno::ENETUNREACH => return Err(ConnectError::NoRoute),
        Err(error) if errno(&error) != Errno::EINPROGRESS => return Err(outcome(error)),
        _ => {}
    }
    let stream = TcpStream::from_std(socket.into())?;
    stream.writable().await?;
    match stream.take_error()? {
        Some(error) => Err(outcome(error)),
        None => Ok(stream),
    }
}

/// The connection error for an error of the system.
fn outcome(error: io::Error) -> ConnectError {
    match errno(&error) {
        Errno::ECONNREFUSED => ConnectError::Refused,
        Errno::ENETUNREACH => ConnectError::NetworkUnreachable,
        Errno::EHOSTUNREACH => ConnectError::HostUnreachable,
        Errno::ETIMEDOUT => ConnectError::TimedOut,
        _ => ConnectError::Other(error),
    }
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}
