//! A mock CA of a lab, opened and served in this process with its control API.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mock_ca::control::{Control, Exchanged, ScepService};
use mock_ca::{Ca, Keys, Settings};
use recording::Recorder;
use scep::clock::Clock;
use scep::http::HttpRequest;

use crate::connector::Connector;
use crate::serving::Serving;
use crate::tapped::Tapped;
use crate::tls;
use model::lab::{self, Lab};
use testbed::TestbedError;
use transport::http::{self, HttpFailure, RequestOptions};
use transport::tls::{TlsClient, TlsOptions, Trust};

/// The timeout for an answer of the SCEP service.
const SCEP_LIMIT: Duration = Duration::from_secs(30);

/// A mock CA of a lab, and its URL.
pub struct LabCa {
    /// The CA.
    pub ca: Arc<Ca>,
    /// Whether its SCEP service takes connections.
    pub serving: Arc<Serving>,
    authority: String,
    path: &'static str,
    /// The time by which the CA's clock is ahead of that of those who connect to it, in milliseconds.
    ahead_ms: i64,
    /// The address at which clients know its SCEP service.
    known_at: String,
    recorder: Option<Recorder>,
}

impl LabCa {
    /// Opens the CA of a lab, with the keys that come with the crate and without persistent state. `address` is that of its
    /// URL; without one it is reached in this process alone. Its clock is ahead of that of the lab, or behind, as the plan says.
    ///
    /// # Errors
    /// If the CA cannot be opened.
    pub fn open(
        name: &str,
        plan: &lab::Pki,
        address: Option<SocketAddr>,
        clock: &Clock,
    ) -> Result<Self, TestbedError> {
        Self::open_at(name, plan, [address, address], clock)
    }

    /// The same for a CA that this process reaches without an address, and the devices of `lab` at that of its first host.
    ///
    /// # Errors
    /// If the CA cannot be opened.
    pub fn open_within(
        lab: &Lab,
        name: &str,
        plan: &lab::Pki,
        clock: &Clock,
    ) -> Result<Self, TestbedError> {
        Self::open_at(name, plan, [None, address_of(lab, name)], clock)
    }

    /// Opens a CA with the address of its URL, and that which certificates name.
    fn open_at(
        name: &str,
        plan: &lab::Pki,
        [address, known_at]: [Option<SocketAddr>; 2],
        clock: &Clock,
    ) -> Result<Self, TestbedError> {
        let own_clock = clock.ahead_by(plan.clock_ahead_ms);
        let broken = |reason| TestbedError::Pki { name: name.to_owned(), reason };
        let mut settings = settings(name, plan);
        let hosts = [address, known_at].map(|address| host(name, address));
        let tls = plan.tls.as_ref().map(|plan| tls::settings(plan, hosts.to_vec()));
        settings.tls = tls.transpose().map_err(broken)?;
        let known_at = authority(name, known_at);
        settings.address = Some(known_at.clone());
        let ca = Ca::open(settings, own_clock).map_err(|error| broken(error.to_string()))?;
        Ok(Self {
            ca,
            serving: Arc::default(),
            authority: authority(name, address),
            path: path(plan),
            ahead_ms: plan.clock_ahead_ms,
            known_at,
            recorder: None,
        })
    }

    /// The same, with its exchanges recorded if there is a recorder.
    #[must_use]
    pub fn recorded(self, recorder: Option<Recorder>) -> Self {
        Self { recorder, ..self }
    }

    /// The CA for connections to its SCEP service.
    pub fn service(&self) -> Tapped<Ca> {
        let (recorder, name) = (self.recorder.clone(), self.ca.name().to_owned());
        Tapped::new(Arc::clone(&self.ca), recorder, name, self.known_at.clone())
    }

    /// The URL for clients; in this process, its host is a name that only the lab knows.
    pub fn url(&self) -> String {
        format!("{}://{}{}", self.ca.scheme(), self.authority, self.path)
    }

    /// Serves a listener until the process ends, except while its service is stopped.
    ///
    /// # Errors
    /// If the kernel refuses.
    #[cfg(target_os = "linux")]
    pub fn listen(&self, listener: std::net::TcpListener) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        self.serving.add(&listener)?;
        let (ca, serving) = (self.service(), Arc::clone(&self.serving));
        tokio::spawn(async move {
            // For tokio, a socket that was closed once is closed for ever: it gets another descriptor of the same socket.
            while let Ok(own) = listener.try_clone().and_then(tokio::net::TcpListener::from_std) {
                ca.serve(own, serving.stopped()).await;
                serving.started().await;
            }
        });
        Ok(())
    }

    /// The other end of its TLS, if it has it, at the time of the lab. It trusts the root of the CA's own certificates, or else any
    /// certificate, because one that was given may be below any root.
    fn tls_client(&self) -> Option<TlsClient> {
        let is_secured = self.ca.scheme() == "https";
        let trust = self.ca.tls_root().map_or(Trust::Anything, |root| Trust::Roots(vec![root]));
        // The client's clock follows each move of the CA's clock.
        let clock = self.ca.clock().ahead_by(self.ahead_ms.saturating_neg());
        is_secured.then(|| TlsClient::new(TlsOptions::new(trust, clock)))
    }

    /// The control API, which connects to the SCEP service in memory.
    pub fn control(&self) -> Arc<Control> {
        self.control_over(self.service())
    }

    /// The control API, which connects to the SCEP service over the network that the CA is in.
    pub fn control_over(&self, connector: impl Connector) -> Arc<Control> {
        let (serving, authority) = (Arc::clone(&self.serving), self.authority.clone());
        let tls = self.tls_client();
        let service = Service { connector, serving, authority, path: self.path, tls };
        Control::within_lab(Arc::clone(&self.ca), Arc::new(service))
    }
}

/// The port that a mock CA listens on at its hosts: that of the plan, of HTTPS, or of its personality.
pub fn port_of(plan: &lab::Pki) -> u16 {
    plan.port.unwrap_or_else(|| match plan.personality.default_port() {
        80 if plan.tls.is_some() => 443,
        port => port,
    })
}

/// The address and port of the mock CA `name` of a lab: those of the first host that runs it.
pub fn address_of(lab: &Lab, name: &str) -> Option<SocketAddr> {
    let host = lab.hosts.get(lab.hosts_that_run(name).next()?)?;
    Some((host.addresses.first()?.addr(), port_of(lab.pkis.get(name)?)).into())
}

/// The URL for clients of the mock CA `name`, in a lab with hosts on a network.
pub fn url_of(lab: &Lab, name: &str) -> String {
    let plan = lab.pkis.get(name);
    let scheme = if plan.is_some_and(|plan| plan.tls.is_some()) { "https" } else { "http" };
    let path = plan.map_or("/", path);
    format!("{scheme}://{}{path}", authority(name, address_of(lab, name)))
}

fn authority(name: &str, address: Option<SocketAddr>) -> String {
    address.map_or_else(|| host(name, None), |address| address.to_string())
}

/// The host in the URL of a CA.
fn host(name: &str, address: Option<SocketAddr>) -> String {
    address.map_or_else(|| format!("{name}.lab"), |address| address.ip().to_string())
}

fn path(plan: &lab::Pki) -> &'static str {
    plan.personality.paths().first().copied().unwrap_or("/")
}

/// A CA's SCEP service, reached over a connector.
struct Service<C> {
    connector: C,
    serving: Arc<Serving>,
    authority: String,
    path: &'static str,
    /// The other end of its TLS, if it has it.
    tls: Option<TlsClient>,
}

#[async_trait]
impl<C: Connector> ScepService for Service<C> {
    async fn exchange(&self, request: &HttpRequest, suffix: &str) -> io::Result<Exchanged> {
        let (authority, path) = (&self.authority, format!("{}{suffix}", self.path));
        if !self.serving.is_on() {
            let refused = format!("cannot connect to {authority}: Connection refused");
            return Ok(Exchanged::Unanswered(refused));
        }
        let unreachable = |error| format!("cannot connect to {authority}: {error}");
        let stream =
            self.connector.connect().await.map_err(unreachable).map_err(io::Error::other)?;
        let stream: Box<dyn transport::Stream> = match &self.tls {
            None => stream,
            Some(tls) => match tls.secure(stream, host_in(authority)).await {
                Ok(stream) => Box::new(stream),
                Err(failure) => return Ok(Exchanged::Unanswered(failure.to_string())),
            },
        };
        let options = RequestOptions::new(authority, &path, SCEP_LIMIT);
        let answer = http::exchange(stream, options, request).await;
        let unanswered = |reason: HttpFailure| Exchanged::Unanswered(reason.to_string());
        Ok(answer.map_or_else(unanswered, Exchanged::Answered))
    }

    fn set_serving(&self, serving: bool) -> io::Result<()> {
        self.serving.set(serving)
    }
}

/// The host in an authority, without its port and without the brackets of an IPv6 address.
fn host_in(authority: &str) -> &str {
    let has_port = |(_, port): &(&str, &str)| port.bytes().all(|byte| byte.is_ascii_digit());
    let host = authority.rsplit_once(':').filter(has_port).map_or(authority, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

fn settings(name: &str, plan: &lab::Pki) -> Settings {
    let mut settings = Settings::new(name, plan.personality);
    settings.subject.clone_from(&plan.subject);
    settings.hierarchy.clone_from(&plan.hierarchy);
    settings.valid_for = plan.valid_for;
    settings.renewal_window = plan.renewal_window;
    settings.crl.clone_from(&plan.crl);
    settings.later_decision = plan.later_decision;
    settings.capabilities.clone_from(&plan.capabilities);
    settings.challenge.clone_from(&plan.challenge);
    settings.approval = plan.approval;
    settings.keys = Keys::Lab;
    settings.admin.clone_from(&plan.admin);
    settings.takes_obsolete_algorithms = plan.obsolete_algorithms;
    settings.replies_in_der = plan.der_replies;
    if let Some(allow) = plan.allow_duplicate_names {
        settings.allow_duplicate_names = allow;
    }
    settings.faults.clone_from(&plan.faults);
    settings
}
