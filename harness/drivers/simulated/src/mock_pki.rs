//! A mock CA as a [`Pki`]: every call goes to its control API, in this process or another.

mod seen;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bundle::Role;
use mock_ca::control::{
    self, Call, Client, ControlError, CountDenied, Describe, Exchange, ListEvents, ListFaults,
    ListIssued, ListKeys, ListPending, ListRequests, MakeChallenge, MoveClock, ReadLog, Revoke,
    RollOver, Serve, Transport, UntilDue,
};
use mock_ca::{Ca, KeyOwner, Pending};
use openssl::x509::X509Ref;
use scep::attribute::TransactionId;
use scep::clock::{duration_text, system_time};
use scep::http::HttpRequest;
use scep::identity::Identity;

use crate::connector::Connections;
use crate::exit::LabPart;
use crate::lab_ca::{LabCa, url_of};
use diagnostics::visible;
use model::lab::{Lab, Secret};
use model::scenario::RevocationReason;
use testbed::NoAnswer;
use testbed::pki::{
    Decision, Exchanged, FaultCount, IssuedCertificate, Pki, PkiError, ScepService, SeenRequest,
};

/// A mock CA, called through its control API.
pub struct MockPki<T> {
    client: Client<T>,
    /// The URL of its SCEP service for clients.
    url: String,
    home: Home,
}

/// The place of a mock CA, which decides how a failed call is explained.
enum Home {
    /// In this process, so that it cannot break alone.
    ThisProcess(Arc<Ca>),
    /// In a process of a lab.
    Lab(LabPart),
    /// At a URL; it was not started by a lab.
    Url(String),
}

impl MockPki<Connections> {
    /// A CA in this process, called in memory.
    pub fn in_this_process(ca: &LabCa) -> Self {
        let home = Home::ThisProcess(Arc::clone(&ca.ca));
        Self::new(Connections::within_lab(ca.control()), ca.url(), home)
    }
}

impl<T: Transport<Error = NoAnswer>> MockPki<T> {
    fn new(transport: T, url: String, home: Home) -> Self {
        Self { client: Client::new(transport), url, home }
    }

    /// The CA `name` of `lab` in another process.
    pub fn in_lab(lab: &Lab, name: &str, transport: T, part: LabPart) -> Self {
        Self::new(transport, url_of(lab, name), Home::Lab(part))
    }

    /// A running CA with its control API at a URL.
    pub fn by_url(url: String, transport: T) -> Self {
        Self::new(transport, url.clone(), Home::Url(url))
    }

    /// The transactions of the pending requests.
    ///
    /// # Errors
    /// If the control API does not answer with them.
    pub async fn pending(&self) -> Result<BTreeSet<TransactionId>, PkiError> {
        let pending = self.call(&ListPending).await?;
        Ok(pending.into_iter().map(|one| one.transaction_id).collect())
    }

    /// Decides the oldest pending request, except those with the transactions in `others`.
    ///
    /// # Errors
    /// If the control API refuses or does not answer.
    pub async fn decide(
        &self,
        decision: control::Decision,
        others: &BTreeSet<TransactionId>,
    ) -> Result<Decision, PkiError> {
        Ok(match self.explained(self.client.decide(decision, others).await).await? {
            Some(Pending { subject, .. }) => Decision::Decided { subject },
            None => Decision::NothingPending,
        })
    }

    /// Makes it serve SCEP or not. One at a URL was not started by the lab, so the lab does not stop it either.
    async fn serve(&self, serving: bool) -> Result<(), PkiError> {
        if let Home::Url(_) = self.home {
            let what = "being stopped by a scenario: the lab did not start it".to_owned();
            return Err(PkiError::NotSupported { what });
        }
        self.order(&Serve { serving }).await
    }

    async fn call<C: Call>(&self, call: &C) -> Result<C::Reply, PkiError> {
        self.explained(self.client.call(call).await).await
    }

    /// Gives an order, whose refusal is no fault of the lab.
    async fn order<C: Call>(&self, call: &C) -> Result<(), PkiError> {
        match self.client.call(call).await {
            Err(ControlError::Refused { status: 409, reason: Some(reason), .. }) => {
                Err(PkiError::Refused { reason })
            }
            reply => self.explained(reply).await.map(drop),
        }
    }

    async fn explained<R>(&self, reply: Result<R, ControlError>) -> Result<R, PkiError> {
        let error = match reply {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        let reason = match (&self.home, &error) {
            (Home::Url(url), _) => {
                format!("its control port at {url}: {}", visible(&error.to_string()))
            }
            (Home::Lab(part), ControlError::Unanswered(reason)) => part.explain(reason).await,
            (_, ControlError::Refused { reason: Some(reason), .. }) => reason.clone(),
            _ => error.to_string(),
        };
        Err(PkiError::Broken { reason })
    }
}

fn pem(certificate: &X509Ref) -> Result<String, PkiError> {
    let pem = certificate.to_pem();
    let pem = pem.map_err(|error| PkiError::Broken { reason: error.to_string() })?;
    Ok(String::from_utf8_lossy(&pem).into_owned())
}

#[async_trait]
impl<T: Transport<Error = NoAnswer>> ScepService for MockPki<T> {
    async fn exchange(&self, request: &HttpRequest, suffix: &str) -> Result<Exchanged, PkiError> {
        let call = Exchange { request: request.clone(), suffix: suffix.to_owned() };
        Ok(match self.call(&call).await? {
            control::Exchanged::Answered(response) => Exchanged::Answered(response),
            control::Exchanged::Unanswered(reason) => {
                Exchanged::Unanswered(NoAnswer::Other(reason))
            }
            _ => Exchanged::Unanswered(NoAnswer::Other(
                "the mock CA gave an answer that this program does not know".to_owned(),
            )),
        })
    }

    async fn asks_for_challenge(&self) -> Result<bool, PkiError> {
        Ok(self.call(&Describe).await?.asks_for_challenge)
    }

    async fn challenge(&self, _: bool) -> Result<Option<Secret>, PkiError> {
        self.call(&MakeChallenge).await
    }
}

#[async_trait]
impl<T: Transport<Error = NoAnswer>> Pki for MockPki<T> {
    fn scep(&self) -> Result<&dyn ScepService, PkiError> {
        Ok(self)
    }

    async fn approve(&self) -> Result<Decision, PkiError> {
        self.decide(control::Decision::Approve, &BTreeSet::new()).await
    }

    async fn deny(&self) -> Result<Decision, PkiError> {
        self.decide(control::Decision::Deny, &BTreeSet::new()).await
    }

    async fn stop(&self) -> Result<(), PkiError> {
        self.serve(false).await
    }

    async fn start(&self) -> Result<(), PkiError> {
        self.serve(true).await
    }

    async fn roll_over(&self) -> Result<(), PkiError> {
        self.order(&RollOver {}).await
    }

    async fn revoke(&self, serial: &str, reason: RevocationReason) -> Result<(), PkiError> {
        self.order(&Revoke { serial: serial.to_owned(), reason }).await
    }

    async fn issued(&self) -> Result<Vec<IssuedCertificate>, PkiError> {
        let certificate = |one: mock_ca::Issued| IssuedCertificate {
            serial: one.serial,
            subject: one.subject,
            not_after: system_time(one.certificate.not_after()).ok(),
            der: one.certificate.to_der().ok(),
            revoked: one.revoked,
        };
        Ok(self.call(&ListIssued).await?.into_iter().map(certificate).collect())
    }

    async fn url(&self) -> Result<String, PkiError> {
        Ok(self.url.clone())
    }

    async fn ca_certificate(&self) -> Result<String, PkiError> {
        pem(&self.call(&Describe).await?.certificate)
    }

    async fn tls_root(&self) -> Result<Option<String>, PkiError> {
        self.call(&Describe).await?.tls_root.first().map(|root| pem(root)).transpose()
    }

    async fn keys(&self) -> Result<Vec<(Role, Identity)>, PkiError> {
        let keys = match &self.home {
            Home::ThisProcess(ca) => ca.keys(),
            Home::Lab(_) => self.call(&ListKeys).await?,
            Home::Url(_) => {
                let what = "giving out its keys: the lab did not start it".to_owned();
                return Err(PkiError::NotSupported { what });
            }
        };
        let role = |owner| match owner {
            KeyOwner::Ca => Role::Ca,
            KeyOwner::RaSigning => Role::RaSigning,
            KeyOwner::RaEncryption => Role::RaEncryption,
        };
        Ok(keys.into_iter().map(|key| (role(key.owner), key.identity)).collect())
    }

    async fn seen(&self) -> Result<Vec<SeenRequest>, PkiError> {
        Ok(seen::requests(&self.call(&ListRequests).await?))
    }

    async fn faults(&self) -> Result<Vec<FaultCount>, PkiError> {
        let count = |fault: mock_ca::FaultCount| FaultCount {
            rule: fault.rule.to_string(),
            fired: fault.fired,
        };
        Ok(self.call(&ListFaults).await?.into_iter().map(count).collect())
    }

    async fn denied(&self) -> Result<usize, PkiError> {
        self.call(&CountDenied).await
    }

    async fn until_due(&self) -> Option<Duration> {
        match &self.home {
            // Without a call, because a lab on lab time asks often.
            Home::ThisProcess(ca) => ca.until_due().ok()?,
            Home::Lab(_) => self.call(&UntilDue).await.ok()?.map(Duration::from_millis),
            // Its time is not moved.
            Home::Url(_) => None,
        }
    }

    async fn events_after(&self, seen: u64) -> (u64, Vec<String>) {
        let answer = match &self.home {
            Home::ThisProcess(ca) => ca.events_after(seen).ok(),
            Home::Lab(_) => self
                .call(&ListEvents)
                .await
                .ok()
                .map(|events| (events.last().map_or(0, |event| event.number), events)),
            // Its time is not moved.
            Home::Url(_) => None,
        };
        let Some((count, events)) = answer else { return (seen, Vec::new()) };
        let new = events.into_iter().filter(|event| event.number > seen);
        (count, new.map(|event| event.what).collect())
    }

    async fn advance(&self, by: Duration) -> Result<(), PkiError> {
        match self.home {
            // Its clock follows that of the lab.
            Home::ThisProcess(_) => return Ok(()),
            Home::Lab(_) => {}
            Home::Url(_) => {
                let what = "that its time is moved: the lab did not start it".to_owned();
                return Err(PkiError::NotSupported { what });
            }
        }
        self.order(&MoveClock { by: Some(duration_text(by)), to: None }).await
    }

    async fn log(&self) -> Vec<String> {
        self.call(&ReadLog).await.unwrap_or_else(|error| vec![error.to_string()])
    }

    async fn broken(&self) -> String {
        match &self.home {
            Home::Lab(part) => part.broken().await,
            Home::ThisProcess(_) | Home::Url(_) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests;
