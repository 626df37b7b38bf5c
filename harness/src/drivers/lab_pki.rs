//! A PKI in a lab process, behind the harness's seam.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::channel::{Channel, Lost};
use crate::control::{Ask, Reply};
use crate::pki::{Decision, IssuedCertificate, Pki, PkiError};

/// How long a PKI in a lab may take for one answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// A PKI that is asked by way of its lab process.
pub(super) struct LabPki {
    name: String,
    channel: Arc<Channel>,
}

impl LabPki {
    pub(super) fn new(name: &str, channel: Arc<Channel>) -> Self {
        Self { name: name.to_owned(), channel }
    }

    async fn ask(&self, ask: impl FnOnce(String) -> Ask) -> Result<Reply, PkiError> {
        let asked = self.channel.ask(ask(self.name.clone()), ANSWER_LIMIT).await;
        asked.map_err(|lost| broken(&lost))
    }

    async fn decide(&self, ask: impl FnOnce(String) -> Ask) -> Result<Decision, PkiError> {
        match self.ask(ask).await? {
            Reply::Decided(decision) => decision,
            _ => Err(misfit()),
        }
    }
}

#[async_trait]
impl Pki for LabPki {
    async fn approve(&self) -> Result<Decision, PkiError> {
        self.decide(Ask::Approve).await
    }

    async fn deny(&self) -> Result<Decision, PkiError> {
        self.decide(Ask::Deny).await
    }

    async fn issued(&self) -> Result<Vec<IssuedCertificate>, PkiError> {
        match self.ask(Ask::Issued).await? {
            Reply::Issued(issued) => issued,
            _ => Err(misfit()),
        }
    }

    async fn log(&self) -> Vec<String> {
        match self.ask(Ask::Log).await {
            Ok(Reply::Log(lines)) => lines,
            Ok(_) => vec![misfit().to_string()],
            Err(error) => vec![error.to_string()],
        }
    }

    async fn broken(&self) -> String {
        self.channel.broken(&self.name).await
    }
}

fn broken(lost: &Lost) -> PkiError {
    PkiError::Broken { reason: lost.to_string() }
}

fn misfit() -> PkiError {
    PkiError::Broken { reason: "the lab process gave an answer that fits no question".to_owned() }
}
