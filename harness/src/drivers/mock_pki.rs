//! The mock CA behind the harness's seam, and as what listens in the virtual lab.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use mock_ca::{
    AdminCredentials, Approval, Ca, ChallengePolicy, ChallengeUnavailable, DecisionError, Keys,
    PersonalityName, Settings,
};
use scep::capabilities::Capability;
use scep::http::HttpRequest;
use scep::secret::ChallengePassword;
use tokio::io::DuplexStream;

use crate::http::{self, Envelope};
use crate::lab::{self, Secret};
use crate::pki::{Decision, Exchanged, IssuedCertificate, Pki, PkiError};
use crate::run::BenchError;
use crate::virtual_lab::Service;

/// A mock CA.
pub(crate) struct MockPki(Arc<Ca>);

impl MockPki {
    /// Opens the CA of a lab, with the keys that come with the crate and nothing kept.
    pub(crate) fn open(name: &str, plan: &lab::Pki) -> Result<Self, BenchError> {
        let settings = settings(name, plan);
        let broken = |reason| BenchError::Pki { name: name.to_owned(), reason };
        let ca = Ca::open(settings, SystemTime::now());
        ca.map(Self).map_err(|error| broken(error.to_string()))
    }

    /// The port of the personality's model.
    pub(crate) fn default_port(&self) -> u16 {
        self.0.default_port()
    }

    /// The CA itself, for whoever listens for it.
    #[cfg(target_os = "linux")]
    pub(crate) fn ca(&self) -> Arc<Ca> {
        Arc::clone(&self.0)
    }

    fn oldest_pending(&self) -> Option<mock_ca::Pending> {
        self.0.pending().into_iter().next()
    }
}

#[async_trait]
impl Service for MockPki {
    async fn serve(&self, stream: DuplexStream, peer: SocketAddrV4) {
        self.0.serve_connection(stream, peer.to_string()).await;
    }
}

#[async_trait]
impl Pki for MockPki {
    async fn exchange(&self, request: &HttpRequest, suffix: &str) -> Result<Exchanged, PkiError> {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let path = format!("{}{suffix}", self.0.paths().first().copied().unwrap_or("/"));
        let serve = self.0.serve_connection(theirs, "scep step".to_owned());
        let envelope = Envelope {
            authority: "pki.lab",
            path: &path,
            credentials: None,
            limit: Duration::from_secs(30),
        };
        let exchange = http::exchange(ours, envelope, request);
        let ((), answer) = tokio::join!(serve, exchange);
        Ok(answer.map_or_else(Exchanged::Unanswered, Exchanged::Answered))
    }

    fn asks_for_challenge(&self) -> bool {
        self.0.asks_for_challenge()
    }

    async fn challenge(&self, _: bool) -> Result<Option<Secret>, PkiError> {
        match self.0.new_challenge() {
            Ok(password) => Ok(Some(Secret::new(password.expose()))),
            Err(ChallengeUnavailable::NotAskedFor) => Ok(None),
            Err(error) => Err(PkiError::Broken { reason: error.to_string() }),
        }
    }

    async fn approve(&self) -> Result<Decision, PkiError> {
        let Some(pending) = self.oldest_pending() else {
            return Ok(Decision::NothingPending);
        };
        self.0.approve(&pending.transaction_id).map_err(|error| broken(&error))?;
        Ok(Decision::Decided { subject: pending.subject })
    }

    async fn deny(&self) -> Result<Decision, PkiError> {
        let Some(pending) = self.oldest_pending() else {
            return Ok(Decision::NothingPending);
        };
        self.0.deny(&pending.transaction_id).map_err(|error| broken(&error))?;
        Ok(Decision::Decided { subject: pending.subject })
    }

    async fn issued(&self) -> Result<Vec<IssuedCertificate>, PkiError> {
        let issued = self.0.issued().into_iter();
        Ok(issued
            .map(|one| IssuedCertificate { serial: one.serial, subject: one.subject })
            .collect())
    }

    async fn log(&self) -> Vec<String> {
        self.0.log().iter().map(ToString::to_string).collect()
    }
}

fn broken(error: &DecisionError) -> PkiError {
    PkiError::Broken { reason: error.to_string() }
}

fn settings(name: &str, plan: &lab::Pki) -> Settings {
    let mut settings = Settings::new(name, plan.personality.into());
    settings.subject.clone_from(&plan.subject);
    settings.capabilities = plan.capabilities.as_ref().map(|keywords| {
        keywords.iter().filter_map(|keyword| Capability::from_keyword(keyword)).collect()
    });
    settings.challenge = challenge(&plan.challenge);
    settings.approval = match plan.approval {
        lab::Approval::Automatic => Approval::Automatic,
        lab::Approval::Manual => Approval::Manual,
    };
    settings.keys = Keys::Lab;
    settings.admin = plan.admin.as_ref().map(|admin| AdminCredentials {
        user: admin.user.clone(),
        password: admin.password.expose().to_owned(),
    });
    if let Some(allow) = plan.allow_duplicate_names {
        settings.allow_duplicate_names = allow;
    }
    settings.faults = plan.faults.iter().filter_map(|rule| rule.parse().ok()).collect();
    settings
}

impl From<lab::Personality> for PersonalityName {
    fn from(personality: lab::Personality) -> Self {
        match personality {
            lab::Personality::Linux => Self::Linux,
            lab::Personality::Ndes => Self::Ndes,
            lab::Personality::Rfc8894 => Self::Rfc8894,
        }
    }
}

fn challenge(challenge: &lab::Challenge) -> ChallengePolicy {
    let password = |secret: &Secret| ChallengePassword::new(secret.expose());
    match challenge {
        lab::Challenge::None => ChallengePolicy::None,
        lab::Challenge::Static(secret) => ChallengePolicy::Static(password(secret)),
        lab::Challenge::OneTime(secrets) => {
            ChallengePolicy::one_time(secrets.iter().map(password).collect())
        }
    }
}
