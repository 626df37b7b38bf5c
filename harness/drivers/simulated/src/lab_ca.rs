//! A mock CA of a lab: opened and served in this process, with its control API.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use mock_ca::control::{Control, Exchanged, ScepService};
use mock_ca::{Ca, Keys, Settings};
use scep::http::HttpRequest;
use tokio::io::DuplexStream;
use tokio::net::{TcpListener, TcpStream};

use crate::connector::{Connector, in_memory};
use model::lab::{self, Lab};
use testbed::BenchError;
use testbed::http::{self, Envelope};

/// How long the SCEP service may take for an answer.
const SCEP_LIMIT: Duration = Duration::from_secs(30);

/// A mock CA of a lab, and where it listens for other processes.
pub struct LabCa {
    ca: Arc<Ca>,
    port: u16,
    address: Option<SocketAddr>,
}

impl LabCa {
    /// Opens the CA of a lab, with the keys that come with the crate and nothing kept.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(name: &str, plan: &lab::Pki) -> Result<Self, BenchError> {
        let broken = |reason| BenchError::Pki { name: name.to_owned(), reason };
        let ca = Ca::open(settings(name, plan), SystemTime::now());
        let ca = ca.map_err(|error| broken(error.to_string()))?;
        Ok(Self { ca, port: port(plan), address: None })
    }

    /// The same CA, reached at an address.
    #[must_use]
    pub fn at(self, address: SocketAddr) -> Self {
        Self { address: Some(address), ..self }
    }

    /// The CA itself.
    pub fn ca(&self) -> &Arc<Ca> {
        &self.ca
    }

    /// The port that it listens on at its hosts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where clients reach it; in this process, by a name that only the lab knows.
    pub fn url(&self) -> String {
        url(self.ca.name(), &self.ca.paths(), self.address)
    }

    /// Serves a listener for as long as the process lives.
    pub fn listen(&self, listener: TcpListener) {
        tokio::spawn(mock_ca::serve(listener, Arc::clone(&self.ca), std::future::pending()));
    }

    /// Its control API, which speaks to its SCEP service in memory.
    pub fn control(&self) -> Arc<Control> {
        self.control_over(InMemory(Arc::clone(&self.ca)))
    }

    /// Its control API, which speaks to its SCEP service over connections of the network that the CA is in.
    pub fn control_over(&self, connector: impl Connector) -> Arc<Control> {
        let authority = authority(self.ca.name(), self.address);
        let path = path(&self.ca.paths());
        let service = Service { connector, authority, path };
        Control::within_lab(Arc::clone(&self.ca), Arc::new(service))
    }
}

/// The address and port of the mock CA `name` of a lab: those of the first host that runs it.
pub fn address_of(lab: &Lab, name: &str) -> Option<SocketAddr> {
    let address: Ipv4Addr =
        lab.hosts.get(lab.hosts_that_run(name).next()?)?.addresses.first()?.addr();
    Some((address, port(lab.pkis.get(name)?)).into())
}

/// Where clients reach the mock CA `name` of a lab whose hosts are on a network.
pub fn url_of(lab: &Lab, name: &str) -> String {
    let paths = lab.pkis.get(name).map(|plan| plan.personality.paths());
    url(name, &paths.unwrap_or_default(), address_of(lab, name))
}

fn url(name: &str, paths: &[&'static str], address: Option<SocketAddr>) -> String {
    format!("http://{}{}", authority(name, address), path(paths))
}

fn authority(name: &str, address: Option<SocketAddr>) -> String {
    address.map_or_else(|| format!("{name}.lab"), |address| address.to_string())
}

fn path(paths: &[&'static str]) -> &'static str {
    paths.first().copied().unwrap_or("/")
}

fn port(plan: &lab::Pki) -> u16 {
    plan.port.unwrap_or_else(|| plan.personality.default_port())
}

/// A CA's SCEP service, as whoever is in its network reaches it.
struct Service<C> {
    connector: C,
    authority: String,
    path: &'static str,
}

#[async_trait]
impl<C: Connector> ScepService for Service<C> {
    async fn exchange(&self, request: &HttpRequest, suffix: &str) -> io::Result<Exchanged> {
        let (authority, path) = (&self.authority, format!("{}{suffix}", self.path));
        let stream =
            self.connector.connect().await.map_err(|error| {
                io::Error::other(format!("cannot connect to {authority}: {error}"))
            })?;
        let envelope = Envelope::new(authority, &path, SCEP_LIMIT);
        let answer = http::exchange(stream, envelope, request).await;
        Ok(answer.map_or_else(Exchanged::Unanswered, Exchanged::Answered))
    }
}

/// Connections to a CA in memory.
struct InMemory(Arc<Ca>);

#[async_trait]
impl Connector for InMemory {
    type Stream = DuplexStream;

    async fn connect(&self) -> Result<DuplexStream, String> {
        let ca = Arc::clone(&self.0);
        Ok(in_memory(|stream| async move {
            ca.serve_connection(stream, "scep step".to_owned()).await;
        }))
    }
}

/// Connections to where a CA listens, from the network of this process.
#[async_trait]
impl Connector for SocketAddr {
    type Stream = TcpStream;

    async fn connect(&self) -> Result<TcpStream, String> {
        TcpStream::connect(self).await.map_err(|error| error.to_string())
    }
}

fn settings(name: &str, plan: &lab::Pki) -> Settings {
    let mut settings = Settings::new(name, plan.personality);
    settings.subject.clone_from(&plan.subject);
    settings.capabilities.clone_from(&plan.capabilities);
    settings.challenge.clone_from(&plan.challenge);
    settings.approval = plan.approval;
    settings.keys = Keys::Lab;
    settings.admin.clone_from(&plan.admin);
    settings.takes_obsolete_algorithms = plan.obsolete_algorithms;
    if let Some(allow) = plan.allow_duplicate_names {
        settings.allow_duplicate_names = allow;
    }
    settings.faults.clone_from(&plan.faults);
    settings
}
