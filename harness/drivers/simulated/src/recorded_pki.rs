//! A PKI of a lab that is the recorded server of a bundle.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bundle::Role;
use recorded::RecordedServer;
use recording::Recorder;
use scep::clock::Clock;
use scep::http::HttpRequest;
use scep::identity::Identity;
use tokio::task::spawn_blocking;

use crate::connector::Connector;
use crate::serving::Serving;
use crate::tapped::Tapped;
use model::lab::{self, Lab, Secret};
use model::scenario::RevocationReason;
use testbed::pki::{
    Decision, Exchanged, IssuedCertificate, Pki, PkiError, ScepService, SeenRequest,
};
use testbed::{NoAnswer, TestbedError};
use transport::http::{self, RequestOptions};

/// The timeout for an answer of the SCEP service.
const LIMIT: Duration = Duration::from_secs(30);

/// The port if neither the lab file nor the recording has one.
const PORT: u16 = 80;

/// A recorded server in this process.
pub struct RecordedPki {
    server: Arc<RecordedServer>,
    /// Whether its SCEP service takes connections.
    pub serving: Serving,
    name: String,
    port: u16,
    /// The address at which clients know its SCEP service.
    authority: String,
    recorder: Recorder,
}

impl RecordedPki {
    /// Opens the recording of the PKI `name`, and makes the keys that are not in it.
    ///
    /// # Errors
    /// If the recording cannot be used.
    pub async fn open(
        lab: &Lab,
        name: &str,
        plan: &lab::RecordedPki,
        clock: &Clock,
        recorder: &Recorder,
    ) -> Result<Self, TestbedError> {
        let first = lab.hosts_that_run(name).next().and_then(|host| lab.hosts.get(host));
        let address = first.and_then(|host| Some(host.addresses.first()?.addr()));
        Self::open_at(name, plan, clock, recorder, |port| {
            address.map(|address| (address, port).into())
        })
        .await
    }

    /// The same at an address that is known with its port, if it has one.
    ///
    /// # Errors
    /// If the recording cannot be used.
    pub async fn open_at(
        name: &str,
        plan: &lab::RecordedPki,
        clock: &Clock,
        recorder: &Recorder,
        address: impl FnOnce(u16) -> Option<SocketAddr>,
    ) -> Result<Self, TestbedError> {
        let broken = |reason| TestbedError::Pki { name: name.to_owned(), reason };
        let (own, clock) = (plan.clone(), clock.clone());
        // In a thread, because keys take a while.
        let opened = spawn_blocking(move || {
            let source = own.source()?;
            let port = own.port.or(source.port()).unwrap_or(PORT);
            Ok((RecordedServer::new(source, clock, None), port))
        });
        let opened = opened.await.unwrap_or_else(|error| Err(error.to_string()));
        let (server, port) = opened.map_err(broken)?;
        let address = address(port);
        Ok(Self {
            server: Arc::new(server),
            serving: Serving::default(),
            name: name.to_owned(),
            port,
            authority: address.map_or_else(|| format!("{name}.lab"), |address| address.to_string()),
            recorder: recorder.clone(),
        })
    }

    /// The port that it listens on at its hosts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The challenge passwords of the recording that a known key opens.
    pub fn secrets(&self) -> Vec<Secret> {
        self.server.secrets()
    }

    /// The server for connections to its SCEP service.
    pub fn service(&self) -> Tapped<RecordedServer> {
        let recorder = Some(self.recorder.clone());
        Tapped::new(Arc::clone(&self.server), recorder, self.name.clone(), self.authority.clone())
    }
}

#[async_trait]
impl ScepService for RecordedPki {
    async fn exchange(&self, request: &HttpRequest, suffix: &str) -> Result<Exchanged, PkiError> {
        let (authority, path) = (&self.authority, format!("{}{suffix}", self.server.path()));
        if !self.serving.is_on() {
            let refused = format!("cannot connect to {authority}: Connection refused");
            return Ok(Exchanged::Unanswered(NoAnswer::Other(refused)));
        }
        let stream = self.service().connect().await;
        let stream = stream.map_err(|reason| PkiError::NotServed { reason })?;
        let options = RequestOptions::new(authority, &path, LIMIT);
        let answer = http::exchange(stream, options, request).await;
        Ok(answer.map_or_else(|failure| Exchanged::Unanswered(failure.into()), Exchanged::Answered))
    }

    async fn asks_for_challenge(&self) -> Result<bool, PkiError> {
        Ok(!self.server.secrets().is_empty())
    }

    async fn challenge(&self, _: bool) -> Result<Option<Secret>, PkiError> {
        Ok(self.server.secrets().into_iter().next())
    }
}

/// The refusal of what a recorded server cannot do.
fn cannot<T>(what: &str) -> Result<T, PkiError> {
    let what = format!("{what}: it is recorded, and only answers again");
    Err(PkiError::NotSupported { what })
}

#[async_trait]
impl Pki for RecordedPki {
    fn scep(&self) -> Result<&dyn ScepService, PkiError> {
        Ok(self)
    }

    async fn approve(&self) -> Result<Decision, PkiError> {
        cannot("approving requests")
    }

    async fn deny(&self) -> Result<Decision, PkiError> {
        cannot("denying requests")
    }

    async fn stop(&self) -> Result<(), PkiError> {
        self.serving.set(false).map_err(|error| PkiError::Broken { reason: error.to_string() })
    }

    async fn start(&self) -> Result<(), PkiError> {
        self.serving.set(true).map_err(|error| PkiError::Broken { reason: error.to_string() })
    }

    async fn roll_over(&self) -> Result<(), PkiError> {
        cannot("a rollover of its CA")
    }

    async fn revoke(&self, _: &str, _: RevocationReason) -> Result<(), PkiError> {
        cannot("revoking certificates")
    }

    async fn issued(&self) -> Result<Vec<IssuedCertificate>, PkiError> {
        cannot("listing issued certificates")
    }

    async fn seen(&self) -> Result<Vec<SeenRequest>, PkiError> {
        cannot("listing the requests that it received")
    }

    async fn url(&self) -> Result<String, PkiError> {
        Ok(format!("http://{}{}", self.authority, self.server.path()))
    }

    async fn ca_certificate(&self) -> Result<String, PkiError> {
        let Some(certificate) = self.server.ca_certificate() else {
            let what = "giving out its certificate: the recording has none of a CA".to_owned();
            return Err(PkiError::NotSupported { what });
        };
        let pem = certificate.to_pem();
        let pem = pem.map_err(|error| PkiError::Broken { reason: error.to_string() })?;
        Ok(String::from_utf8_lossy(&pem).into_owned())
    }

    async fn keys(&self) -> Result<Vec<(Role, Identity)>, PkiError> {
        Ok(self.server.keys())
    }

    async fn log(&self) -> Vec<String> {
        self.server.log()
    }

    async fn notes(&self) -> Vec<String> {
        let differences = self.server.differences().lines().into_iter();
        differences.map(|line| format!("{}, unlike its recording: {line}", self.name)).collect()
    }
}
