//! The network of the operating system, as the process of the device sees it.
//!
//! It is meant for a network namespace, or interfaces of one, that are the device's alone: what else stands there is taken
//! away by a commit.

mod addressing;
mod connection;
mod echo;
mod host;

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;

use async_trait::async_trait;

use self::addressing::Addresses;
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
    /// Opens the namespace of the calling thread; `names` are the hosts that are known by name, in any case of letters.
    ///
    /// It is to be called within a tokio runtime.
    ///
    /// # Errors
    /// When the system has no netlink sockets to give.
    pub fn open(names: impl IntoIterator<Item = (String, Ipv4Addr)>) -> io::Result<Self> {
        let names = names.into_iter().map(|(name, address)| (name.to_ascii_lowercase(), address));
        Ok(Self { addresses: Addresses::open()?, names: names.collect() })
    }

    /// The interface of that name is no business of the device: a commit takes nothing away from it.
    #[must_use]
    pub fn passing_over(self, interface: &str) -> Self {
        Self { addresses: self.addresses.passing_over(interface), ..self }
    }

    /// The same, with these interfaces alone: others, and what is routed by way of them, are not the device's.
    ///
    /// # Errors
    /// When the system has no netlink sockets to give.
    pub fn open_on(
        interfaces: impl IntoIterator<Item = String>,
        names: impl IntoIterator<Item = (String, Ipv4Addr)>,
    ) -> io::Result<Self> {
        let Self { addresses, names } = Self::open(names)?;
        Ok(Self { addresses: addresses.only(interfaces.into_iter().collect()), names })
    }
}

/// An address, or one of the names that the lab file gives.
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
        let stream = connection::connect(address, port).await?;
        Ok(Box::new(stream))
    }
}
