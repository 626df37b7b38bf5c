//! The control port of a mock CA that is there already, as `sceplab serve --control` opens it.

use std::time::Duration;

use scep::http::{HttpRequest, Method};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::diagnostic::visible;
use crate::http::{self, Envelope};
use crate::pki::{Decision, IssuedCertificate, PkiError};
use crate::scep_url::ScepUrl;

/// Where a CA tells what it did, and is told what to do.
pub(crate) struct ControlPort {
    url: ScepUrl,
    /// From the first byte of a request to the last of its answer.
    limit: Duration,
}

/// What becomes of a request that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Approve,
    Deny,
}

/// A request that waits.
#[derive(Deserialize)]
struct Pending {
    transaction_id: String,
    subject: String,
}

/// What the port says where it does not do what it was asked to.
#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl ControlPort {
    pub(crate) fn new(url: ScepUrl, limit: Duration) -> Self {
        Self { url, limit }
    }

    /// All certificates that it issued to clients, oldest first.
    pub(crate) async fn issued(&self) -> Result<Vec<IssuedCertificate>, PkiError> {
        self.get("issued").await.map_err(|reason| self.broken(&reason))
    }

    /// Decides about the oldest request that waits.
    pub(crate) async fn decide(&self, verdict: Verdict) -> Result<Decision, PkiError> {
        self.decided(verdict).await.map_err(|reason| self.broken(&reason))
    }

    async fn decided(&self, verdict: Verdict) -> Result<Decision, String> {
        let pending: Vec<Pending> = self.get("pending").await?;
        let Some(Pending { transaction_id, subject }) = pending.into_iter().next() else {
            return Ok(Decision::NothingPending);
        };
        let body = json!({ "transaction_id": transaction_id }).to_string();
        let ask = HttpRequest {
            method: Method::Post,
            query: String::new(),
            content_type: Some("application/json".to_owned()),
            body: body.into_bytes(),
        };
        let name = match verdict {
            Verdict::Approve => "approve",
            Verdict::Deny => "deny",
        };
        self.ask(name, &ask).await?;
        Ok(Decision::Decided { subject })
    }

    async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<T, String> {
        let ask = HttpRequest {
            method: Method::Get,
            query: String::new(),
            content_type: None,
            body: Vec::new(),
        };
        let body = self.ask(name, &ask).await?;
        let unknown = "its answer is not that of `sceplab serve --control`";
        serde_json::from_slice(&body).map_err(|error| format!("{unknown}: {error}"))
    }

    async fn ask(&self, name: &str, ask: &HttpRequest) -> Result<Vec<u8>, String> {
        let stream = self.url.connect().await?;
        let path = format!("{}/{name}", self.url.path().trim_end_matches('/'));
        let authority = self.url.authority();
        let (path, limit) = (path.as_str(), self.limit);
        let envelope = Envelope { authority: &authority, path, credentials: None, limit };
        let answer = http::exchange(stream, envelope, ask).await?;
        if answer.status == 200 {
            return Ok(answer.body);
        }
        let refusal = serde_json::from_slice(&answer.body);
        let refusal = refusal.map(|Refusal { error }| format!(": {}", visible(&error)));
        Err(format!("`/{name}` is answered HTTP {}{}", answer.status, refusal.unwrap_or_default()))
    }

    fn broken(&self, reason: &str) -> PkiError {
        PkiError::Broken { reason: format!("its control port at {}: {reason}", self.url) }
    }
}
