//! The calls of the API: what each asks for, what it is answered, and how a CA follows it.

use hyper::StatusCode;
use openssl::x509::X509;
use scep::{
    attribute::TransactionId,
    http::{HttpRequest, Method},
    secret::Secret,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::Exchanged;
use crate::{
    authority::serial_text,
    ca::{Ca, Issued, Pending},
    fault::{FaultCount, FaultError, FaultRule},
    passwords::ChallengeUnavailable,
    seen::SeenRequest,
    wire,
};

/// A request to the API: a question by GET, or an order by POST, whose fields are the body.
pub trait Call: Serialize + DeserializeOwned + Send + Sync {
    /// What it is answered.
    type Reply: Serialize + DeserializeOwned;
    /// How it is sent.
    const METHOD: Method;
    /// Where it is sent, such as `/issued`.
    const PATH: &'static str;
}

/// A call that a CA can follow by itself.
pub(super) trait Follow: Call {
    fn follow(self, ca: &Ca) -> Result<Self::Reply, Refused>;
}

/// Why a call is not followed.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) reason: String,
}

impl Refused {
    pub(super) fn new(status: StatusCode, reason: &impl ToString) -> Self {
        Self { status, reason: reason.to_string() }
    }

    /// The CA cannot follow the call as things are.
    fn conflict(error: &impl ToString) -> Self {
        Self::new(StatusCode::CONFLICT, error)
    }
}

/// Defines a call: how it is sent, what it is answered, and how a CA follows it.
macro_rules! call {
    ($name:ident, $method:ident $path:literal -> $reply:ty, $follow:expr) => {
        impl Call for $name {
            type Reply = $reply;
            const METHOD: Method = Method::$method;
            const PATH: &'static str = $path;
        }

        impl Follow for $name {
            fn follow(self, ca: &Ca) -> Result<Self::Reply, Refused> {
                let follow: fn(Self, &Ca) -> Result<Self::Reply, Refused> = $follow;
                follow(self, ca)
            }
        }
    };
}

/// Asks for the certificates issued to clients, oldest first.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListIssued;

call!(ListIssued, Get "/issued" -> Vec<Issued>, |_, ca| Ok(ca.issued()));

/// Asks what was asked of the CA and how, oldest first.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListRequests;

call!(ListRequests, Get "/requests" -> Vec<SeenRequest>, |_, ca| Ok(ca.requests()));

/// Asks for the requests that wait for a decision, oldest first.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListPending;

call!(ListPending, Get "/pending" -> Vec<Pending>, |_, ca| Ok(ca.pending()));

/// Asks what the CA does wrong on purpose, and how often it did.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListFaults;

call!(ListFaults, Get "/faults" -> Vec<FaultCount>, |_, ca| Ok(ca.faults()));

/// Asks for the CA's log, one line a request, newest last.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadLog;

call!(ReadLog, Get "/log" -> Vec<String>, |_, ca| {
    Ok(ca.log().iter().map(ToString::to_string).collect())
});

/// Asks how many requests of clients the CA has denied.
#[derive(Debug, Serialize, Deserialize)]
pub struct CountDenied;

call!(CountDenied, Get "/denied" -> usize, |_, ca| Ok(ca.denied()));

/// Asks what the CA is.
#[derive(Debug, Serialize, Deserialize)]
pub struct Describe;

/// What a CA is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Description {
    /// What it is called in reports.
    pub name: String,
    /// Whether a request needs a challenge password.
    pub asks_for_challenge: bool,
    /// Its own certificate.
    #[serde(with = "wire::pem")]
    pub certificate: X509,
}

call!(Describe, Get "/ca" -> Description, |_, ca| {
    Ok(Description {
        name: ca.name().to_owned(),
        asks_for_challenge: ca.asks_for_challenge(),
        certificate: ca.ca_certificate().clone(),
    })
});

/// Orders the certificate that a waiting request asks for to be issued; the answer names the transaction and the serial number.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// The request's transaction.
    pub transaction_id: TransactionId,
}

call!(Approve, Post "/approve" -> Value, |Self { transaction_id }, ca| {
    let certificate = ca.approve(&transaction_id).map_err(|error| Refused::conflict(&error))?;
    Ok(json!({ "approved": transaction_id, "serial": serial_text(&certificate) }))
});

/// Orders a waiting request to be refused.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deny {
    /// The request's transaction.
    pub transaction_id: TransactionId,
}

call!(Deny, Post "/deny" -> Value, |Self { transaction_id }, ca| {
    ca.deny(&transaction_id).map_err(|error| Refused::conflict(&error))?;
    Ok(json!({ "denied": transaction_id }))
});

/// Orders a certificate to be revoked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// Its serial number, as [`Issued::serial`].
    pub serial: String,
}

call!(Revoke, Post "/revoke" -> Value, |Self { serial }, ca| {
    ca.revoke(&serial).map_err(|error| Refused::conflict(&error))?;
    Ok(json!({ "revoked": serial }))
});

/// Orders something to be done wrong from now on.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inject {
    /// The rule, such as `on: PKIOperation, nth: 2, do: http-status 503`.
    pub fault: String,
}

call!(Inject, Post "/faults" -> Value, |Self { fault }, ca| {
    let senseless = |error: FaultError| Refused::new(StatusCode::BAD_REQUEST, &error);
    let fault: FaultRule = fault.parse().map_err(senseless)?;
    ca.inject(fault).map_err(senseless)?;
    Ok(json!({ "fault": fault }))
});

/// Orders a challenge password to be made; none where the CA asks for none.
#[derive(Debug, Serialize, Deserialize)]
pub struct MakeChallenge;

call!(MakeChallenge, Post "/challenge" -> Option<Secret>, |_, ca| {
    match ca.new_challenge() {
        Ok(password) => Ok(Some(password)),
        Err(ChallengeUnavailable::NotAskedFor) => Ok(None),
        Err(error) => Err(Refused::conflict(&error)),
    }
});

/// Orders a request to be sent to the CA's SCEP service from the network that it is in.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The request.
    pub request: HttpRequest,
    /// What is appended to the service's path.
    pub suffix: String,
}

impl Call for Exchange {
    type Reply = Exchanged;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/exchange";
}
