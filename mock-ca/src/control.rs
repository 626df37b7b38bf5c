//! The control API: questions and orders to a CA in JSON over HTTP/1.1, over any stream.
//!
//! Each request is a [`Call`], a type that both ends share: [`Control`] is the server, [`Client`] the client.
//!
//! A browser on the CA's machine must not give orders for a page from elsewhere. Therefore an order must be
//! `application/json`, which a foreign page cannot send without permission, and the host must be a loopback name.

mod call;
mod mask;
mod server;

use std::{collections::BTreeSet, fmt::Display, io};

use async_trait::async_trait;
use scep::{
    attribute::TransactionId,
    content::Content,
    http::{HttpRequest, HttpResponse, Method},
};
use serde::{Deserialize, Serialize};

pub use call::{
    Approve, Call, CountDenied, Deny, Describe, Description, Exchange, Inject, ListEvents,
    ListFaults, ListIssued, ListKeys, ListPending, ListRequests, MakeChallenge, MoveClock,
    NextAuthority, ReadClock, ReadLog, Revoke, RollOver, Serve, Shown, UntilDue,
};
pub use mask::Mask;
pub use server::Control;

use crate::ca::Pending;

/// The content type of every order and of every answer.
const JSON: &str = "application/json";

/// The result of a request to a SCEP service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Exchanged {
    /// A response, whatever its status.
    Answered(HttpResponse),
    /// No response, for this reason: the connection ended, or the time expired.
    Unanswered(String),
}

/// Access to the SCEP service of a CA, on the CA's network.
#[async_trait]
pub trait ScepService: Send + Sync {
    /// Sends a request; `suffix` is appended to the service's path.
    ///
    /// # Errors
    /// If there is no connection to the service.
    async fn exchange(&self, request: &HttpRequest, suffix: &str) -> io::Result<Exchanged>;

    /// Makes the service refuse connections, or serve again; the CA keeps its state, and this API stays open.
    ///
    /// # Errors
    /// If the service cannot be stopped, or cannot serve again.
    fn set_serving(&self, serving: bool) -> io::Result<()> {
        let _ = serving;
        Err(io::Error::other("this service cannot be stopped"))
    }
}

/// The reason why a call was refused, as the body of the answer.
#[derive(Debug, Serialize, Deserialize)]
struct Refusal {
    error: String,
}

/// Carries requests to a control API and brings the answers back, over one connection or several. The host must be a
/// loopback name in any case.
pub trait Transport: Send + Sync {
    /// The reason why there is no answer.
    type Error: Display;

    /// Sends a request to a path, such as `/issued`.
    fn send(
        &self,
        path: &str,
        request: HttpRequest,
    ) -> impl Future<Output = Result<HttpResponse, Self::Error>> + Send;
}

/// The client of a control API.
#[derive(Clone, Debug)]
pub struct Client<T> {
    transport: T,
}

/// The reason why a call had no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// There was no answer.
    #[error("{0}")]
    Unanswered(String),
    /// The call was refused.
    #[error("`{path}` is answered HTTP {status}{}", .reason.as_ref().map_or_else(String::new, |it| format!(": {it}")))]
    Refused {
        /// The path of the call.
        path: &'static str,
        /// The HTTP status.
        status: u16,
        /// The reason in the answer.
        reason: Option<String>,
    },
    /// Something else answered.
    #[error("its answer is not that of `sceplab serve --control`: {0}")]
    Foreign(String),
}

/// What came, if it is not JSON, or where a redirection leads.
fn came(answer: &HttpResponse) -> Option<String> {
    if answer.is_redirect() {
        return Some(answer.answered());
    }
    let is_json = matches!(Content::of(&answer.body), Content::Json(_));
    (!is_json && !answer.body.is_empty()).then(|| answer.came())
}

/// A decision about a request that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// The certificate is issued.
    Approve,
    /// The request is refused.
    Deny,
}

impl<T: Transport> Client<T> {
    /// A client that uses this transport.
    pub fn new(transport: T) -> Self {
        Self { transport }
    }

    /// Makes a call.
    ///
    /// # Errors
    /// If there is no answer, the call is refused, or something else than a control API answers.
    pub async fn call<C: Call>(&self, call: &C) -> Result<C::Reply, ControlError> {
        let foreign = |error: serde_json::Error| ControlError::Foreign(error.to_string());
        let is_order = C::METHOD == Method::Post;
        let request = HttpRequest {
            method: C::METHOD,
            query: String::new(),
            content_type: is_order.then(|| JSON.to_owned()),
            body: if is_order { serde_json::to_vec(call).map_err(foreign)? } else { Vec::new() },
        };
        let unanswered = |error: T::Error| ControlError::Unanswered(error.to_string());
        let answer = self.transport.send(C::PATH, request).await.map_err(unanswered)?;
        if answer.status != 200 {
            let refusal = serde_json::from_slice(&answer.body).ok();
            let reason = refusal.map(|Refusal { error }| error).or_else(|| came(&answer));
            return Err(ControlError::Refused { path: C::PATH, status: answer.status, reason });
        }
        serde_json::from_slice(&answer.body)
            .map_err(|error| came(&answer).map_or_else(|| foreign(error), ControlError::Foreign))
    }

    /// Decides about the oldest request that waits and is not in `others`; returns that request, if there is one.
    ///
    /// # Errors
    /// The same as those of [`Client::call`].
    pub async fn decide(
        &self,
        decision: Decision,
        others: &BTreeSet<TransactionId>,
    ) -> Result<Option<Pending>, ControlError> {
        let pending = self.call(&ListPending).await?;
        let ours = pending.into_iter().find(|one| !others.contains(&one.transaction_id));
        let Some(request) = ours else { return Ok(None) };
        let transaction_id = request.transaction_id.clone();
        match decision {
            Decision::Approve => self.call(&Approve { transaction_id }).await.map(drop)?,
            Decision::Deny => self.call(&Deny { transaction_id }).await.map(drop)?,
        }
        Ok(Some(request))
    }
}
