//! The control port of a mock CA that is there already, as `sceplab serve --control` opens it.

use std::collections::BTreeSet;
use std::time::Duration;

use scep::http::{HttpRequest, Method};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::diagnostic::visible;
use crate::http::{self, Envelope};
use crate::pki::{Decision, IssuedCertificate, PkiError};
use crate::scep_url::{ScepUrl, connect};

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

    /// The transaction IDs of the requests that wait.
    pub(crate) async fn pending(&self) -> Result<BTreeSet<String>, PkiError> {
        let pending: Vec<Pending> =
            self.get("pending").await.map_err(|reason| self.broken(&reason))?;
        Ok(pending.into_iter().map(|one| one.transaction_id).collect())
    }

    /// Decides about the oldest request that waits, those of the transactions in `others` left out.
    pub(crate) async fn decide(
        &self,
        verdict: Verdict,
        others: &BTreeSet<String>,
    ) -> Result<Decision, PkiError> {
        self.decided(verdict, others).await.map_err(|reason| self.broken(&reason))
    }

    async fn decided(
        &self,
        verdict: Verdict,
        others: &BTreeSet<String>,
    ) -> Result<Decision, String> {
        let pending: Vec<Pending> = self.get("pending").await?;
        let ours = pending.into_iter().find(|one| !others.contains(&one.transaction_id));
        let Some(Pending { transaction_id, subject }) = ours else {
            return Ok(Decision::NothingPending);
        };
        let body = json!({ "transaction_id": transaction_id }).to_string();
        let request = HttpRequest {
            method: Method::Post,
            query: String::new(),
            content_type: Some("application/json".to_owned()),
            body: body.into_bytes(),
        };
        let name = match verdict {
            Verdict::Approve => "approve",
            Verdict::Deny => "deny",
        };
        self.ask(name, &request).await?;
        Ok(Decision::Decided { subject })
    }

    async fn get<T: DeserializeOwned>(&self, name: &str) -> Result<T, String> {
        let request = HttpRequest {
            method: Method::Get,
            query: String::new(),
            content_type: None,
            body: Vec::new(),
        };
        let body = self.ask(name, &request).await?;
        let unknown = "its answer is not that of `sceplab serve --control`";
        serde_json::from_slice(&body).map_err(|error| format!("{unknown}: {error}"))
    }

    async fn ask(&self, name: &str, request: &HttpRequest) -> Result<Vec<u8>, String> {
        let stream = connect(&self.url).await?;
        let path = format!("{}/{name}", self.url.path().trim_end_matches('/'));
        let authority = self.url.authority();
        let (path, limit) = (path.as_str(), self.limit);
        let envelope = Envelope { authority: &authority, path, credentials: None, limit };
        let answer = http::exchange(stream, envelope, request).await?;
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A port that answers each request with one of these, and the heads of what it was asked.
    async fn port(
        answers: Vec<(u16, &'static str)>,
    ) -> (ControlPort, impl Future<Output = Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let serving = tokio::spawn(async move {
            let mut asked = Vec::new();
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 4096];
                let length = stream.read(&mut request).await.unwrap();
                let text = String::from_utf8_lossy(&request[..length]).into_owned();
                asked.push(text.lines().next().unwrap_or_default().to_owned());
                let length = body.len();
                let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\n\r\n");
                stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
            }
            asked
        });
        (ControlPort::new(url, Duration::from_secs(60)), async { serving.await.unwrap() })
    }

    const PENDING: &str = r#"[{"transaction_id":"A","subject":"CN = a"},
        {"transaction_id":"B","subject":"CN = b"}]"#;

    #[tokio::test]
    async fn the_oldest_request_that_is_no_others_is_decided() {
        let (control, asked) = port(vec![(200, PENDING), (200, "{}"), (200, PENDING)]).await;
        let others = BTreeSet::from(["A".to_owned()]);
        let decided = control.decide(Verdict::Approve, &others).await;
        assert_eq!(decided, Ok(Decision::Decided { subject: "CN = b".to_owned() }));
        let others = BTreeSet::from(["A".to_owned(), "B".to_owned()]);
        let decided = control.decide(Verdict::Deny, &others).await;
        assert_eq!(decided, Ok(Decision::NothingPending));
        let heads = ["GET /pending HTTP/1.1", "POST /approve HTTP/1.1", "GET /pending HTTP/1.1"];
        assert_eq!(asked.await, heads);
    }

    #[tokio::test]
    async fn what_the_port_refuses_and_what_is_no_answer_is_told() {
        let refusal = r#"{"error":"it waits\u0007 no more"}"#;
        let (control, _asked) =
            port(vec![(200, PENDING), (409, refusal), (200, "<html>"), (404, "")]).await;
        let told = control.decide(Verdict::Deny, &BTreeSet::new()).await.unwrap_err().to_string();
        assert!(told.contains("`/deny` is answered HTTP 409: it waits"), "{told}");
        assert!(!told.contains('\u{7}'), "{told}");
        let told = control.issued().await.unwrap_err().to_string();
        assert!(told.contains("is not that of `sceplab serve --control`"), "{told}");
        let told = control.issued().await.unwrap_err().to_string();
        assert!(told.contains("`/issued` is answered HTTP 404"), "{told}");
    }
}
