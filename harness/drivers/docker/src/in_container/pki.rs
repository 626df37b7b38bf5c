//! The PKI of a container: the mock CA, listening on all of its addresses.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::net::{TcpListener, TcpStream};

use model::lab;
use model::lab::topology::Node;
use simulated::mock_pki::{MockPki, Way};
use simulated::remote_pki::Pkis;
use testbed::BenchError;
use testbed::pki::Pki;

/// Opens the PKI and lets it listen; it is spoken to at the first address of its host.
pub(super) async fn start(node: &Node, name: &str, plan: &lab::Pki) -> Result<Pkis, BenchError> {
    let mut pki = MockPki::open(name, plan)?;
    let port = plan.port.unwrap_or_else(|| pki.default_port());
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await.map_err(|error| {
        let reason = format!("it cannot listen on port {port} of host `{}`: {error}", node.name);
        BenchError::Pki { name: name.to_owned(), reason }
    })?;
    let mut addresses = node.interfaces.iter().flat_map(|interface| &interface.addresses);
    if let Some(address) = addresses.next() {
        let address = SocketAddr::from((address.addr(), port));
        pki = pki.at(address).by_way_of(Box::new(Home(address)));
    }
    tokio::spawn(mock_ca::serve(listener, pki.ca(), std::future::pending()));
    Ok(Pkis::from([(name.to_owned(), Arc::new(pki) as Arc<dyn Pki>)]))
}

/// Where the mock CA listens.
struct Home(SocketAddr);

#[async_trait]
impl Way for Home {
    async fn connect(&self) -> io::Result<TcpStream> {
        TcpStream::connect(self.0).await
    }
}
