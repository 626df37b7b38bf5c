//! The control port of a mock CA that is there already, as `sceplab serve --control` opens it.

use std::collections::BTreeSet;
use std::time::Duration;

use mock_ca::control::{Client, ControlError, Decision, ListIssued, ListPending, Transport};
use scep::attribute::TransactionId;
use scep::http::{HttpRequest, HttpResponse};

use diagnostics::visible;
use model::scep_url::{ScepUrl, connect};
use testbed::http::{self, Envelope};
use testbed::pki::{self, IssuedCertificate, PkiError};

/// Where a CA tells what it did, and is told what to do.
pub(crate) struct ControlPort {
    url: ScepUrl,
    client: Client<Way>,
}

/// The way to the port: a connection for each request.
struct Way {
    url: ScepUrl,
    /// From the first byte of a request to the last of its answer.
    limit: Duration,
}

impl Transport for Way {
    type Error = String;

    async fn send(&self, path: &str, request: HttpRequest) -> Result<HttpResponse, String> {
        let stream = connect(&self.url).await?;
        let path = format!("{}{path}", self.url.path().trim_end_matches('/'));
        let authority = self.url.authority();
        let (path, limit) = (path.as_str(), self.limit);
        let envelope = Envelope { authority: &authority, path, credentials: None, limit };
        http::exchange(stream, envelope, &request).await
    }
}

impl ControlPort {
    pub(crate) fn new(url: ScepUrl, limit: Duration) -> Self {
        Self { client: Client::new(Way { url: url.clone(), limit }), url }
    }

    /// All certificates that it issued to clients, oldest first.
    pub(crate) async fn issued(&self) -> Result<Vec<IssuedCertificate>, PkiError> {
        let issued = self.client.call(&ListIssued).await.map_err(|error| self.broken(&error))?;
        let certificate =
            |one: mock_ca::Issued| IssuedCertificate { serial: one.serial, subject: one.subject };
        Ok(issued.into_iter().map(certificate).collect())
    }

    /// The transactions of the requests that wait.
    pub(crate) async fn pending(&self) -> Result<BTreeSet<TransactionId>, PkiError> {
        let pending = self.client.call(&ListPending).await.map_err(|error| self.broken(&error))?;
        Ok(pending.into_iter().map(|one| one.transaction_id).collect())
    }

    /// Decides about the oldest request that waits, those of the transactions in `others` left out.
    pub(crate) async fn decide(
        &self,
        decision: Decision,
        others: &BTreeSet<TransactionId>,
    ) -> Result<pki::Decision, PkiError> {
        let decided = self.client.decide(decision, others).await;
        Ok(match decided.map_err(|error| self.broken(&error))? {
            Some(request) => pki::Decision::Decided { subject: request.subject },
            None => pki::Decision::NothingPending,
        })
    }

    fn broken(&self, error: &ControlError) -> PkiError {
        let reason = visible(&error.to_string());
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

    const APPROVED: &str = r#"{"approved":"B","serial":"02"}"#;

    #[tokio::test]
    async fn the_oldest_request_that_is_no_others_is_decided() {
        let (control, asked) = port(vec![(200, PENDING), (200, APPROVED), (200, PENDING)]).await;
        let others = BTreeSet::from([TransactionId::new("A")]);
        let decided = control.decide(Decision::Approve, &others).await;
        assert_eq!(decided, Ok(pki::Decision::Decided { subject: "CN = b".to_owned() }));
        let others = BTreeSet::from(["A", "B"].map(TransactionId::new));
        let decided = control.decide(Decision::Deny, &others).await;
        assert_eq!(decided, Ok(pki::Decision::NothingPending));
        let heads = ["GET /pending HTTP/1.1", "POST /approve HTTP/1.1", "GET /pending HTTP/1.1"];
        assert_eq!(asked.await, heads);
    }

    #[tokio::test]
    async fn what_the_port_refuses_and_what_is_no_answer_is_told() {
        let refusal = r#"{"error":"it waits\u0007 no more"}"#;
        let (control, _asked) =
            port(vec![(200, PENDING), (409, refusal), (200, "<html>"), (404, "")]).await;
        let told = control.decide(Decision::Deny, &BTreeSet::new()).await.unwrap_err().to_string();
        assert!(told.contains("`/deny` is answered HTTP 409: it waits"), "{told}");
        assert!(!told.contains('\u{7}'), "{told}");
        let told = control.issued().await.unwrap_err().to_string();
        assert!(told.contains("is not that of `sceplab serve --control`"), "{told}");
        let told = control.issued().await.unwrap_err().to_string();
        assert!(told.contains("`/issued` is answered HTTP 404"), "{told}");
    }
}
