//! The calls of the API, each with its reply and its implementation.

use std::time::SystemTime;

use hyper::StatusCode;
use openssl::x509::X509;
use scep::{
    attribute::TransactionId,
    clock::{duration, moment, moment_text},
    http::{HttpRequest, Method},
    secret::Secret,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::Exchanged;
use crate::{
    authority::{serial_text, subject_of},
    ca::{Ca, Issued, Pending},
    events::CaEvent,
    fault::{FaultCount, FaultError, FaultRule},
    key::CaKey,
    passwords::ChallengeUnavailable,
    record::RevocationReason,
    seen::SeenRequest,
    wire,
};

/// A request to the API: a question by GET, or an order by POST with the fields as its body.
pub trait Call: Serialize + DeserializeOwned + Send + Sync {
    /// The type of the reply.
    type Reply: Serialize + DeserializeOwned;
    /// The HTTP method.
    const METHOD: Method;
    /// The path, such as `/issued`.
    const PATH: &'static str;
}

/// A call that needs nothing but the CA.
pub(super) trait Handle: Call {
    fn handle(self, ca: &Ca) -> Result<Self::Reply, Refused>;
}

/// The reason why a call is refused.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) reason: String,
}

impl Refused {
    pub(super) fn new(status: StatusCode, reason: &impl ToString) -> Self {
        Self { status, reason: reason.to_string() }
    }

    /// The state of the CA cannot be read.
    fn broken(error: &impl ToString) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error)
    }

    /// The state of the CA does not allow the call.
    fn conflict(error: &impl ToString) -> Self {
        Self::new(StatusCode::CONFLICT, error)
    }
}

/// Defines a call: its method, path, reply and implementation.
macro_rules! call {
    ($name:ident, $method:ident $path:literal -> $reply:ty, $handle:expr) => {
        impl Call for $name {
            type Reply = $reply;
            const METHOD: Method = Method::$method;
            const PATH: &'static str = $path;
        }

        impl Handle for $name {
            fn handle(self, ca: &Ca) -> Result<Self::Reply, Refused> {
                let handle: fn(Self, &Ca) -> Result<Self::Reply, Refused> = $handle;
                handle(self, ca)
            }
        }
    };
}

/// Asks for the certificates issued to clients, oldest first.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListIssued;

call!(ListIssued, Get "/issued" -> Vec<Issued>, |_, ca| ca.issued().map_err(|error| Refused::broken(&error)));

/// Asks for the requests as they came, oldest first.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListRequests;

call!(ListRequests, Get "/requests" -> Vec<SeenRequest>, |_, ca| Ok(ca.requests()));

/// Asks for the requests that wait for approval, oldest first.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListPending;

call!(ListPending, Get "/pending" -> Vec<Pending>, |_, ca| ca.pending().map_err(|error| Refused::broken(&error)));

/// Asks for the faults of the CA, and how often each happened.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListFaults;

call!(ListFaults, Get "/faults" -> Vec<FaultCount>, |_, ca| Ok(ca.faults()));

/// Asks for the CA's log, one line for each request, newest last.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadLog;

call!(ReadLog, Get "/log" -> Vec<String>, |_, ca| {
    Ok(ca.log().iter().map(ToString::to_string).collect())
});

/// Asks for the number of requests that the CA has denied.
#[derive(Debug, Serialize, Deserialize)]
pub struct CountDenied;

call!(CountDenied, Get "/denied" -> usize, |_, ca| Ok(ca.denied()));

/// Asks for the name, the challenge policy and the certificate of the CA.
#[derive(Debug, Serialize, Deserialize)]
pub struct Describe;

/// The reply to [`Describe`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Description {
    /// The name of the CA in reports.
    pub name: String,
    /// True if a request needs a challenge password.
    pub asks_for_challenge: bool,
    /// The CA's own certificate.
    #[serde(with = "wire::pem")]
    pub certificate: X509,
    /// The certificates of the CAs above it, the nearest first.
    #[serde(default, with = "wire::pems")]
    pub issuers: Vec<X509>,
    /// The certificates of the registration authority, if there is one: that for signing, then that for encryption.
    #[serde(default, with = "wire::pems")]
    pub registration: Vec<X509>,
    /// The root that clients must trust to reach the CA by TLS, if the CA has made it: one certificate or none.
    #[serde(default, with = "wire::pems")]
    pub tls_root: Vec<X509>,
    /// The CA that follows, if there is one.
    #[serde(default)]
    pub next: Option<NextAuthority>,
    /// The moment at which anything happens next without a request, if anything will: `2026-01-01T00:00:00Z`.
    #[serde(default)]
    pub next_due: Option<String>,
}

/// The CA that follows, in a [`Description`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NextAuthority {
    /// Its certificate.
    #[serde(with = "wire::pem")]
    pub certificate: X509,
    /// The moment from which it issues: `2026-01-01T00:00:00Z`.
    pub from: String,
}

call!(Describe, Get "/ca" -> Description, |_, ca| {
    let mut certificates = ca.certificates();
    let issuers = ca.issuers();
    // Those of the registration authority come first.
    certificates.truncate(certificates.len().saturating_sub(issuers.len() + 1));
    let next = ca.next_ca();
    Ok(Description {
        name: ca.name().to_owned(),
        asks_for_challenge: ca.asks_for_challenge(),
        certificate: ca.ca_certificate(),
        issuers,
        registration: certificates,
        tls_root: ca.tls_root().into_iter().collect(),
        next: next.map(|(certificate, from)| NextAuthority { certificate, from: moment_text(from) }),
        next_due: ca.next_due().map_err(|error| Refused::broken(&error))?.map(moment_text),
    })
});

/// Approves a request that waits; the reply has the transaction and the serial number of the certificate.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// The transaction of the request.
    pub transaction_id: TransactionId,
}

call!(Approve, Post "/approve" -> Value, |Self { transaction_id }, ca| {
    let certificate = ca.approve(&transaction_id).map_err(|error| Refused::conflict(&error))?;
    Ok(json!({ "approved": transaction_id, "serial": serial_text(&certificate) }))
});

/// Denies a request that waits.
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

/// Revokes a certificate.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// The serial number, in the form of [`Issued::serial`].
    pub serial: String,
    /// The reason (RFC 5280 §5.3.1).
    #[serde(default)]
    pub reason: RevocationReason,
}

call!(Revoke, Post "/revoke" -> Value, |Self { serial, reason }, ca| {
    ca.revoke_for(&serial, reason).map_err(|error| Refused::conflict(&error))?;
    Ok(json!({ "revoked": serial }))
});

/// Lets the next CA issue from now on; the reply has the serial number of its certificate.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollOver {}

call!(RollOver, Post "/roll-over" -> Value, |Self {}, ca| {
    let certificate = ca.roll_over().map_err(|error| Refused::conflict(&error))?;
    Ok(json!({ "ca": subject_of(&certificate), "serial": serial_text(&certificate) }))
});

/// Asks for what happened without a request, oldest first: decisions that fell due, and CAs and registration authorities that took
/// over.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListEvents;

call!(ListEvents, Get "/events" -> Vec<CaEvent>, |_, ca| {
    ca.events_after(0).map(|(_, events)| events).map_err(|error| Refused::broken(&error))
});

/// Asks how long it is until anything happens without a request, in milliseconds; the reply is empty if nothing will.
#[derive(Debug, Serialize, Deserialize)]
pub struct UntilDue;

call!(UntilDue, Get "/until-due" -> Option<u64>, |_, ca| {
    let due = ca.until_due().map_err(|error| Refused::broken(&error))?;
    Ok(due.map(|due| u64::try_from(due.as_millis()).unwrap_or(u64::MAX)))
});

/// Adds a fault.
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

/// Asks for the time that the CA's clock shows.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReadClock;

/// The reply to [`ReadClock`] and [`MoveClock`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The time that the clock shows, to the second: `2026-01-01T00:00:00Z`.
    pub now: String,
}

impl Shown {
    fn of(time: SystemTime) -> Self {
        Self { now: moment_text(time) }
    }
}

call!(ReadClock, Get "/clock" -> Shown, |_, ca| Ok(Shown::of(ca.clock().now())));

/// Moves the CA's clock forward: by a duration such as `330d`, or to a moment such as `2026-12-01T00:00Z`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveClock {
    /// The duration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

call!(MoveClock, Post "/clock" -> Shown, |Self { by, to }, ca| {
    let wrong = |text: &str, error: &dyn std::error::Error| {
        Refused::new(StatusCode::BAD_REQUEST, &format!("`{}`: {error}", text.escape_debug()))
    };
    let by = match (by, to) {
        (Some(by), None) => duration(&by).map_err(|error| wrong(&by, &error))?,
        (None, Some(to)) => {
            let goal = moment(&to).map_err(|error| wrong(&to, &error))?;
            let now = ca.clock().now();
            goal.duration_since(now).map_err(|_| {
                let now = moment_text(now);
                Refused::conflict(&format!("the clock shows {now}, and only goes forward"))
            })?
        }
        _ => {
            let reason = "the fields are either `by`, such as `330d`, or `to`, such as `2026-12-01T00:00Z`";
            return Err(Refused::new(StatusCode::BAD_REQUEST, &reason));
        }
    };
    ca.clock().advance(by).map(Shown::of).map_err(|error| Refused::conflict(&error))
});

/// Makes a challenge password; the reply is empty if the CA needs none.
#[derive(Debug, Serialize, Deserialize)]
pub struct MakeChallenge;

call!(MakeChallenge, Post "/challenge" -> Option<Secret>, |_, ca| {
    match ca.new_challenge() {
        Ok(password) => Ok(Some(password)),
        Err(ChallengeUnavailable::NotAskedFor) => Ok(None),
        Err(error) => Err(Refused::conflict(&error)),
    }
});

/// Asks for the keys of the CAs and of the registration authorities, with their certificates.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListKeys;

call!(ListKeys, Get "/keys" -> Vec<CaKey>, |_, ca| Ok(ca.keys()));

/// Sends a request to the CA's SCEP service from the CA's network.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The request.
    pub request: HttpRequest,
    /// The text that is appended to the service's path.
    pub suffix: String,
}

impl Call for Exchange {
    type Reply = Exchanged;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/exchange";
}

/// Makes the CA's SCEP service refuse connections, or serve again with the state that the CA had.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Serve {
    /// True to serve.
    pub serving: bool,
}

impl Call for Serve {
    type Reply = Value;
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/serve";
}
