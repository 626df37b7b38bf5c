//! No case passes at a server that does nothing, that ends at the first message, or that says SUCCESS to everything.

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use conformance::OnePki;
use driver_virtual::Virtual;
use model::lab::Secret;
use model::scenario::{Action, Scenario};
use parking_lot::Mutex;
use results::Verdict;
use runner::run_all;
use scep::http::{HttpRequest, HttpResponse};
use testbed::pki::{Exchanged, Pki, PkiError, ScepService};
use testbed::{Driver, KeyStore, NoAnswer, ReceivedLog, Testbed};

use super::{cases, short};

/// A server that treats messages in its own way.
enum Server {
    /// Closes every connection.
    Dead,
    /// Answers everything with an empty body.
    Empty,
    /// Answers right until the first message, and then no more.
    EndsAtTheFirstMessage(Testbed),
    /// Answers right, but each message like the first one.
    RepeatsItsFirstReply(Testbed, Mutex<Option<HttpResponse>>),
}

#[async_trait]
impl Pki for Server {
    fn scep(&self) -> Result<&dyn ScepService, PkiError> {
        Ok(self)
    }
}

#[async_trait]
impl ScepService for Server {
    async fn exchange(&self, request: &HttpRequest, suffix: &str) -> Result<Exchanged, PkiError> {
        let closed =
            || Ok(Exchanged::Unanswered(NoAnswer::Closed("the connection was closed".to_owned())));
        let is_message =
            request.query.starts_with("operation=PKIOperation") || !request.body.is_empty();
        match self {
            Self::Dead => closed(),
            Self::Empty => {
                let (status, content_type, body) = (200, None, Vec::new());
                Ok(Exchanged::Answered(HttpResponse {
                    status,
                    content_type,
                    body,
                    ..HttpResponse::default()
                }))
            }
            Self::EndsAtTheFirstMessage(_) if is_message => closed(),
            Self::RepeatsItsFirstReply(lab, first) if is_message => {
                if let Some(first) = first.lock().clone() {
                    return Ok(Exchanged::Answered(first));
                }
                let answer = ca(lab).exchange(request, suffix).await?;
                if let Exchanged::Answered(response) = &answer {
                    *first.lock() = Some(response.clone());
                }
                Ok(answer)
            }
            Self::EndsAtTheFirstMessage(lab) | Self::RepeatsItsFirstReply(lab, _) => {
                ca(lab).exchange(request, suffix).await
            }
        }
    }

    async fn asks_for_challenge(&self) -> Result<bool, PkiError> {
        Ok(true)
    }

    async fn challenge(&self, _: bool) -> Result<Option<Secret>, PkiError> {
        Ok(Some(Secret::new("scep-challenge")))
    }
}

fn ca(lab: &Testbed) -> &dyn ScepService {
    lab.pkis.values().next().unwrap().scep().unwrap()
}

/// A mock CA without faults.
async fn mock_ca() -> Testbed {
    let case = cases("server").into_iter().find(|case| case.lab.pkis.len() == 1).unwrap();
    Virtual::default().build(&case.lab, "server").await.unwrap()
}

/// The cases that pass at this server.
async fn passing(pki: &Arc<dyn Pki>, cases: Vec<Scenario>) -> Vec<String> {
    let pki = Arc::clone(pki);
    let (subject, received) = ("CN=sceplab-{n}".to_owned(), ReceivedLog::default());
    let keys = KeyStore::default();
    let driver: Arc<dyn Driver> =
        Arc::new(OnePki { pki, subject, received, secrets: Vec::new(), keys, messages: None });
    let jobs = NonZeroUsize::new(4).unwrap();
    let outcome = run_all(&driver, cases, jobs, std::future::pending(), |_| {}).await;
    let passed = outcome.scenarios.iter().filter(|case| case.verdict == Verdict::Passed);
    passed.map(|case| short(&case.id)).collect()
}

/// The cases that send a message.
fn with_message() -> Vec<Scenario> {
    let sends = |case: &Scenario| {
        case.steps.iter().any(|step| match &step.action {
            Action::Scep(step) => step.request.operation.has_message(),
            _ => false,
        })
    };
    cases("server").into_iter().filter(sends).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_that_answers_nothing_passes_no_case() {
    let dead: Arc<dyn Pki> = Arc::new(Server::Dead);
    assert_eq!(passing(&dead, cases("server")).await, [""; 0]);
    // An empty list of capabilities is one, but an empty reply to a message is none.
    let empty: Arc<dyn Pki> = Arc::new(Server::Empty);
    assert_eq!(passing(&empty, with_message()).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_that_ends_at_the_first_message_passes_no_case_with_a_message() {
    let server: Arc<dyn Pki> = Arc::new(Server::EndsAtTheFirstMessage(mock_ca().await));
    assert_eq!(passing(&server, with_message()).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_that_always_says_success_passes_no_case_with_a_message() {
    let server = Server::RepeatsItsFirstReply(mock_ca().await, Mutex::default());
    let server: Arc<dyn Pki> = Arc::new(server);
    let cases = with_message();
    assert!(cases.len() > 100, "{}", cases.len());
    let (first, others): (Vec<_>, Vec<_>) =
        cases.into_iter().partition(|case| short(&case.id) == "enrolment/pkcs-req");
    assert_eq!(passing(&server, first).await, ["enrolment/pkcs-req"]);
    assert_eq!(passing(&server, others).await, [""; 0]);
}
