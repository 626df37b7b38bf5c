//! The control API: what a CA is to tell and to do, in JSON over HTTP/1.1, over whatever stream leads to it.
//!
//! Each request is a [`Call`], which both ends share: [`Control`] serves a CA's, [`Client`] makes them.
//!
//! A browser on the machine of a CA is not to do it for a page from elsewhere: what changes anything must be
//! `application/json`, which no foreign page can send unasked, and the host must be named as loopback.

mod call;
mod client;
mod server;

use std::io;

use async_trait::async_trait;
use scep::http::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

pub use call::{
    Approve, Approved, Call, CountDenied, Denied, Deny, Describe, Description, Exchange, Inject,
    Injected, ListFaults, ListIssued, ListPending, ListRequests, MakeChallenge, ReadLog, Revoke,
    Revoked,
};
pub use client::{Client, ControlError, Decision, Transport};
pub use server::Control;

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
