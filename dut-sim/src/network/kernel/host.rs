//! The network of the machine that the device's process runs on; it is used but never changed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::Ipv4Addr;

use async_trait::async_trait;
use ipnet::Ipv4Net;
use parking_lot::RwLock;

use super::{connect, echo};
use crate::network::{
    Addressing, ApplyError, ConnectError, EchoOutcome, EchoRequest, Network, ResolveError, Stream,
};

/// The machine's own network. A device reaches only the addresses that the lab file names.
///
/// A commit does not change the machine's addresses and routes; the device only stores them, to decide what it has a route to.
pub struct HostNetwork {
    names: BTreeMap<String, Ipv4Addr>,
    addresses: BTreeSet<Ipv4Addr>,
    reachable: RwLock<Vec<Ipv4Net>>,
}

impl HostNetwork {
    /// A network with these hosts: by name, in any letter case, and by address.
    pub fn of(
        names: impl IntoIterator<Item = (String, Ipv4Addr)>,
        addresses: impl IntoIterator<Item = Ipv4Addr>,
    ) -> Self {
        let names: BTreeMap<String, Ipv4Addr> =
            names.into_iter().map(|(name, at)| (name.to_ascii_lowercase(), at)).collect();
        let addresses = addresses.into_iter().chain(names.values().copied()).collect();
        Self { names, addresses, reachable: RwLock::default() }
    }

    fn has_route_to(&self, address: Ipv4Addr) -> bool {
        let reachable = self.reachable.read();
        reachable.iter().any(|net| net.contains(&address))
    }

    /// Reason to refuse an address that is not named.
    fn refusal_reason(&self, address: Ipv4Addr) -> Option<String> {
        let is_named = self.addresses.contains(&address);
        let reason =
            "the lab file does not name it, and nothing else of this machine's network is used";
        (!is_named).then(|| format!("{address}: {reason}"))
    }
}

#[async_trait]
impl Network for HostNetwork {
    async fn apply(&self, addressing: &Addressing) -> Result<(), ApplyError> {
        let links = addressing.interfaces.iter().map(|it| it.address.trunc());
        let routes = addressing.routes.iter().map(|route| route.destination);
        let reachable = links.chain(routes).collect();
        *self.reachable.write() = reachable;
        Ok(())
    }

    async fn resolve(&self, host: &str) -> Result<Ipv4Addr, ResolveError> {
        super::resolve(&self.names, host)
    }

    async fn echo(&self, request: &EchoRequest) -> EchoOutcome {
        if !self.has_route_to(request.destination) {
            return EchoOutcome::NoRoute;
        }
        match self.refusal_reason(request.destination) {
            Some(reason) => EchoOutcome::Failed { reason },
            None => echo::echo(request).await,
        }
    }

    async fn connect(&self, address: Ipv4Addr, port: u16) -> Result<Box<dyn Stream>, ConnectError> {
        if !self.has_route_to(address) {
            return Err(ConnectError::NoRoute);
        }
        if let Some(reason) = self.refusal_reason(address) {
            return Err(ConnectError::Other(io::Error::other(reason)));
        }
        Ok(Box::new(connect(address, port).await?))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::TcpListener;

    use super::*;
    use crate::network::InterfaceAddress;

    const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
    const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

    fn addressing(net: &str) -> Addressing {
        let (interface, address) = ("eth0".to_owned(), net.parse().unwrap());
        let interfaces = vec![InterfaceAddress { interface, address }];
        Addressing { interfaces, routes: Vec::new() }
    }

    fn request(destination: Ipv4Addr) -> EchoRequest {
        let (identifier, sequence, payload) = (7, 1, vec![0; 56]);
        EchoRequest { destination, identifier, sequence, payload, timeout: Duration::from_secs(1) }
    }

    #[tokio::test]
    async fn named_host_is_reached_once_the_device_has_a_route() {
        let listener = TcpListener::bind((HERE, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let network = HostNetwork::of([("PKI.example".to_owned(), HERE)], []);

        assert!(matches!(network.connect(HERE, port).await, Err(ConnectError::NoRoute)));
        network.apply(&addressing("127.0.0.2/8")).await.unwrap();

        assert_eq!(network.resolve("pki.EXAMPLE").await.unwrap(), HERE);
        assert!(network.connect(HERE, port).await.is_ok());
    }

    #[tokio::test]
    async fn unnamed_host_is_not_reached() {
        let listener = TcpListener::bind((ELSEWHERE, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let network = HostNetwork::of([], [HERE]);
        network.apply(&addressing("127.0.0.2/8")).await.unwrap();

        let refused = network.connect(ELSEWHERE, port).await.err().unwrap().to_string();
        assert!(refused.contains("the lab file does not name it"), "{refused}");
        let pinged = network.echo(&request(ELSEWHERE)).await;
        assert!(matches!(pinged, EchoOutcome::Failed { .. }), "{pinged:?}");
        assert_eq!(network.echo(&request(Ipv4Addr::new(10, 0, 0, 1))).await, EchoOutcome::NoRoute);
        assert!(network.resolve("elsewhere").await.is_err());
    }
}
