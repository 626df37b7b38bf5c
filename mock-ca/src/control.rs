//! The control API: what a CA is to tell and to do, in JSON over HTTP/1.1, over whatever stream leads to it.
//!
//! Each request is a [`Call`], which both ends share: [`Control`] serves a CA's, [`Client`] makes them.
//!
//! A browser on the machine of a CA is not to do it for a page from elsewhere: what changes anything must be
//! `application/json`, which no foreign page can send unasked, and the host must be named as loopback.

mod call;
mod server;

use std::{collections::BTreeSet, fmt::Display, io};

use async_trait::async_trait;
use scep::{
    attribute::TransactionId,
    http::{HttpRequest, HttpResponse, Method},
};
use serde::{Deserialize, Serialize};

pub use call::{
    Approve, Call, CountDenied, Deny, Describe, Description, Exchange, Inject, ListFaults,
    ListIssued, ListPending, ListRequests, MakeChallenge, ReadLog, Revoke,
};
pub use server::Control;

use crate::ca::Pending;

/// The content type of what changes anything, and of every answer.
const JSON: &str = "application/json";

/// What came of a request to a SCEP service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exchanged {
    /// A response, whatever its status.
    Answered(HttpResponse),
    /// None: the connection ended, or the time, for this reason.
    Unanswered(String),
}

/// The way to the SCEP service of a CA, on the network that it is in.
#[async_trait]
pub trait ScepService: Send + Sync {
    /// Sends a request there, `suffix` being appended to the service's path.
    ///
    /// # Errors
    /// When the service cannot be connected to.
    async fn exchange(&self, request: &HttpRequest, suffix: &str) -> io::Result<Exchanged>;
}

/// Why a call was not followed, as it travels.
#[derive(Debug, Serialize, Deserialize)]
struct Refusal {
    error: String,
}

/// Brings requests to a control API, over a connection for each or over one that stays, and answers back. The host is to
/// be named as loopback, whatever the way.
pub trait Transport: Send + Sync {
    /// Why there is no answer.
    type Error: Display;

    /// Sends a request to a path, such as `/issued`.
    fn send(
        &self,
        path: &str,
        request: HttpRequest,
    ) -> impl Future<Output = Result<HttpResponse, Self::Error>> + Send;
}

/// Somebody who makes calls.
#[derive(Clone, Debug)]
pub struct Client<T> {
    transport: T,
}

/// Why a call had no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// There was no answer.
    #[error("{0}")]
    Unanswered(String),
    /// The call was not followed.
    #[error("`{path}` is answered HTTP {status}{}", .reason.as_ref().map_or_else(String::new, |it| format!(": {it}")))]
    Refused {
        /// Where the call was sent.
        path: &'static str,
        /// The status.
        status: u16,
        /// What the other end says of it, as it came.
        reason: Option<String>,
    },
    /// Something else answered.
    #[error("its answer is not that of `sceplab serve --control`: {0}")]
    Foreign(String),
}

/// What becomes of a request that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Its certificate is issued.
    Approve,
    /// It is refused.
    Deny,
}

impl<T: Transport> Client<T> {
    /// One who makes calls this way.
    pub fn new(transport: T) -> Self {
        Self { transport }
    }

    /// Makes a call.
    ///
    /// # Errors
    /// When there is no answer, the call is not followed, or the answer is none of this API.
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
            let reason = refusal.map(|Refusal { error }| error);
            return Err(ControlError::Refused { path: C::PATH, status: answer.status, reason });
        }
        serde_json::from_slice(&answer.body).map_err(foreign)
    }

    /// Decides about the oldest request that waits, those of the transactions in `others` left out; gives the request,
    /// if there was one.
    ///
    /// # Errors
    /// As those of a call.
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
