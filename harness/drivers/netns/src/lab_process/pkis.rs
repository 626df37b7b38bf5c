//! PKIs: the mock CA listens at each host that runs it, and server programs run at theirs.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::net::{TcpSocket, TcpStream};

use super::build::{Namespaces, namespace_of};
use crate::program::ServerProgram;
use model::lab::Lab;
use simulated::control::{Order, Speaker, Told};
use simulated::kernel::namespace::Namespace;
use simulated::mock_pki::{MockPki, Way};
use simulated::remote_pki::Pkis;
use testbed::BenchError;
use testbed::pki::Pki;

/// Starts the PKIs of the lab.
pub(super) async fn start(
    order: &Order,
    namespaces: &Namespaces,
    speaker: &Speaker,
) -> Result<Pkis, BenchError> {
    let mut pkis = Pkis::new();
    for (name, plan) in &order.lab.pkis {
        let mut pki = MockPki::open(name, plan)?;
        let port = plan.port.unwrap_or_else(|| pki.default_port());
        if let Some(host) = order.lab.hosts_that_run(name).next() {
            pki = at_home(pki, &order.lab, (host, namespace_of(namespaces, host)?), port)?;
        }
        for host in order.lab.hosts_that_run(name) {
            listen(&pki, namespace_of(namespaces, host)?, port).map_err(|error| {
                let reason = format!("it cannot listen on port {port} of host `{host}`: {error}");
                BenchError::Pki { name: name.clone(), reason }
            })?;
        }
        pkis.insert(name.clone(), Arc::new(pki));
    }
    for (number, (host, program)) in order.lab.programs().enumerate() {
        let namespace = namespace_of(namespaces, host)?;
        let folder = order.folder.join(format!("program{number}"));
        let started = ServerProgram::start(&order.lab, (host, program), namespace, folder).await?;
        pkis.insert(host.to_owned(), Arc::new(started));
    }
    for (name, pki) in &pkis {
        tokio::spawn(watch(name.clone(), Arc::clone(pki), speaker.clone()));
    }
    Ok(pkis)
}

/// A mock CA that is spoken to in the namespace of its host, at its host's first address.
fn at_home(
    pki: MockPki,
    lab: &Lab,
    (host, namespace): (&str, &Namespace),
    port: u16,
) -> Result<MockPki, BenchError> {
    let Some(address) = lab.hosts.get(host).and_then(|host| host.addresses.first()) else {
        return Ok(pki);
    };
    let address = SocketAddr::from((address.addr(), port));
    let namespace = namespace.try_clone().map_err(|error| BenchError::Network {
        reason: format!("host `{host}`: its namespace cannot be kept: {error}"),
    })?;
    Ok(pki.at(address).by_way_of(Box::new(Home { namespace, address })))
}

/// Where a mock CA listens.
struct Home {
    namespace: Namespace,
    address: SocketAddr,
}

#[async_trait]
impl Way for Home {
    async fn connect(&self) -> io::Result<TcpStream> {
        // A socket stays in the namespace that it was opened in.
        let socket = self.namespace.run(TcpSocket::new_v4)?;
        socket.connect(self.address).await
    }
}

fn listen(pki: &MockPki, host: &Namespace, port: u16) -> io::Result<()> {
    let listener = host.run(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)))?;
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    tokio::spawn(mock_ca::serve(listener, pki.ca(), std::future::pending()));
    Ok(())
}

/// Tells the runner if the PKI breaks.
async fn watch(name: String, pki: Arc<dyn Pki>, speaker: Speaker) {
    let reason = pki.broken().await;
    let _ = speaker.send(Told::Broke { part: name, reason });
}
