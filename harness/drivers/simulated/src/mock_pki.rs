//! The mock CA behind the harness's seam, and as what listens in the virtual lab.

mod seen;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use mock_ca::{Ca, ChallengeUnavailable, DecisionError, Keys, Settings};
use scep::http::{HttpRequest, HttpResponse};
use tokio::net::TcpStream;

use model::lab::{self, Secret};
use testbed::BenchError;
use testbed::http::{self, Envelope};
use testbed::pki::{
    Decision, Exchanged, FaultCount, IssuedCertificate, Pki, PkiError, SeenRequest,
};

/// A mock CA, and where it listens for whoever is not in this process.
pub struct MockPki {
    ca: Arc<Ca>,
    address: Option<SocketAddr>,
    way: Option<Box<dyn Way>>,
}

/// A way to where a mock CA listens.
#[async_trait]
pub trait Way: Send + Sync {
    /// Opens a connection.
    ///
    /// # Errors
    /// Why there is none.
    async fn connect(&self) -> io::Result<TcpStream>;
}

impl MockPki {
    /// Opens the CA of a lab, with the keys that come with the crate and nothing kept.
    pub fn open(name: &str, plan: &lab::Pki) -> Result<Self, BenchError> {
        let settings = settings(name, plan);
        let broken = |reason| BenchError::Pki { name: name.to_owned(), reason };
        let ca = Ca::open(settings, SystemTime::now());
        ca.map(|ca| Self { ca, address: None, way: None })
            .map_err(|error| broken(error.to_string()))
    }

    /// The same, reached at an address.
    pub fn at(self, address: SocketAddr) -> Self {
        Self { address: Some(address), ..self }
    }

    /// The same, spoken to by way of the network it stands in instead of in memory.
    pub fn by_way_of(self, way: Box<dyn Way>) -> Self {
        Self { way: Some(way), ..self }
    }

    /// Where clients reach it; in this process, by a name that only the lab knows.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.authority(), self.path())
    }

    fn authority(&self) -> String {
        self.address.map_or_else(|| format!("{}.lab", self.ca.name()), |it| it.to_string())
    }

    fn path(&self) -> &'static str {
        self.ca.paths().first().copied().unwrap_or("/")
    }

    /// The port of the personality's model.
    pub fn default_port(&self) -> u16 {
        self.ca.default_port()
    }

    /// The CA itself, for whoever listens for it.
    pub fn ca(&self) -> Arc<Ca> {
        Arc::clone(&self.ca)
    }

    /// Serves one connection in memory, and speaks on it.
    async fn exchange_in_memory(
        &self,
        envelope: Envelope<'_>,
        request: &HttpRequest,
    ) -> Result<HttpResponse, String> {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let serve = self.ca.serve_connection(theirs, "scep step".to_owned());
        let ((), answer) = tokio::join!(serve, http::exchange(ours, envelope, request));
        answer
    }

    fn oldest_pending(&self) -> Option<mock_ca::Pending> {
        self.ca.pending().into_iter().next()
    }
}

#[async_trait]
impl Pki for MockPki {
    async fn exchange(&self, request: &HttpRequest, suffix: &str) -> Result<Exchanged, PkiError> {
        let (authority, path) = (self.authority(), format!("{}{suffix}", self.path()));
        let limit = Duration::from_secs(30);
        let envelope = Envelope { authority: &authority, path: &path, credentials: None, limit };
        let answer = match &self.way {
            None => self.exchange_in_memory(envelope, request).await,
            Some(way) => {
                let stream = way.connect().await.map_err(|error| PkiError::Broken {
                    reason: format!("cannot connect to {authority}: {error}"),
                })?;
                http::exchange(stream, envelope, request).await
            }
        };
        Ok(answer.map_or_else(Exchanged::Unanswered, Exchanged::Answered))
    }

    async fn asks_for_challenge(&self) -> Result<bool, PkiError> {
        Ok(self.ca.asks_for_challenge())
    }

    async fn challenge(&self, _: bool) -> Result<Option<Secret>, PkiError> {
        match self.ca.new_challenge() {
            Ok(password) => Ok(Some(password)),
            Err(ChallengeUnavailable::NotAskedFor) => Ok(None),
            Err(error) => Err(PkiError::Broken { reason: error.to_string() }),
        }
    }

    async fn approve(&self) -> Result<Decision, PkiError> {
        let Some(pending) = self.oldest_pending() else {
            return Ok(Decision::NothingPending);
        };
        self.ca.approve(&pending.transaction_id).map_err(|error| broken(&error))?;
        Ok(Decision::Decided { subject: pending.subject })
    }

    async fn deny(&self) -> Result<Decision, PkiError> {
        let Some(pending) = self.oldest_pending() else {
            return Ok(Decision::NothingPending);
        };
        self.ca.deny(&pending.transaction_id).map_err(|error| broken(&error))?;
        Ok(Decision::Decided { subject: pending.subject })
    }

    async fn issued(&self) -> Result<Vec<IssuedCertificate>, PkiError> {
        let issued = self.ca.issued().into_iter();
        Ok(issued
            .map(|one| IssuedCertificate { serial: one.serial, subject: one.subject })
            .collect())
    }

    async fn url(&self) -> Result<String, PkiError> {
        Ok(Self::url(self))
    }

    async fn ca_certificate(&self) -> Result<String, PkiError> {
        let unwritten = |reason: String| PkiError::Broken { reason };
        let pem =
            self.ca.ca_certificate().to_pem().map_err(|error| unwritten(error.to_string()))?;
        String::from_utf8(pem).map_err(|error| unwritten(error.to_string()))
    }

    async fn seen(&self) -> Result<Vec<SeenRequest>, PkiError> {
        Ok(seen::requests(&self.ca.requests()))
    }

    async fn faults(&self) -> Result<Vec<FaultCount>, PkiError> {
        let count = |fault: mock_ca::FaultCount| FaultCount {
            rule: fault.rule.to_string(),
            fired: fault.fired,
        };
        Ok(self.ca.faults().into_iter().map(count).collect())
    }

    async fn denied(&self) -> Result<usize, PkiError> {
        Ok(self.ca.denied())
    }

    async fn log(&self) -> Vec<String> {
        self.ca.log().iter().map(ToString::to_string).collect()
    }
}

fn broken(error: &DecisionError) -> PkiError {
    PkiError::Broken { reason: error.to_string() }
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
