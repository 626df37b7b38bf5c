//! What each request to the control port means.

use hyper::{Method, StatusCode};
use mock_ca::{Ca, FaultRule};
use scep::attribute::TransactionId;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::told;

/// What is answered, or why not.
pub(super) type Answer = Result<Value, Refused>;

/// Why a request was not followed.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) reason: String,
}

impl Refused {
    pub(super) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into() }
    }

    /// The CA cannot do it as things are.
    fn conflict(error: &impl ToString) -> Self {
        Self::new(StatusCode::CONFLICT, error.to_string())
    }
}

/// Follows a request.
pub(super) fn answer(ca: &Ca, method: &Method, path: &str, body: &[u8]) -> Answer {
    match (method, path) {
        (&Method::GET, "/issued") => Ok(list(ca.issued().iter().map(told::issued))),
        (&Method::GET, "/requests") => Ok(list(ca.requests().iter().map(told::request))),
        (&Method::GET, "/pending") => Ok(list(ca.pending().iter().map(told::pending))),
        (&Method::GET, "/faults") => Ok(list(ca.faults().into_iter().map(told::fault))),
        (&Method::POST, "/approve") => approve(ca, body),
        (&Method::POST, "/deny") => deny(ca, body),
        (&Method::POST, "/revoke") => revoke(ca, body),
        (&Method::POST, "/faults") => inject(ca, body),
        (
            _,
            "/issued" | "/requests" | "/pending" | "/faults" | "/approve" | "/deny" | "/revoke",
        ) => {
            let reason = format!("{method} is not for `{path}`");
            Err(Refused::new(StatusCode::METHOD_NOT_ALLOWED, reason))
        }
        _ => Err(Refused::new(StatusCode::NOT_FOUND, NOTHING_HERE)),
    }
}

const NOTHING_HERE: &str = "there are GET /issued, /requests, /pending, /faults and POST /approve, \
                            /deny, /revoke, /faults";

fn list(items: impl Iterator<Item = Value>) -> Value {
    items.collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    transaction_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revocation {
    serial: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Injection {
    fault: String,
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body)
        .map_err(|error| Refused::new(StatusCode::BAD_REQUEST, error.to_string()))
}

fn approve(ca: &Ca, body: &[u8]) -> Answer {
    let Decision { transaction_id } = read(body)?;
    let id = TransactionId::new(transaction_id);
    let certificate = ca.approve(&id).map_err(|error| Refused::conflict(&error))?;
    let issued = ca.issued().into_iter().rev().find(|one| one.certificate == certificate);
    Ok(json!({"approved": id.as_str(), "serial": issued.map(|one| one.serial)}))
}

fn deny(ca: &Ca, body: &[u8]) -> Answer {
    let Decision { transaction_id } = read(body)?;
    let id = TransactionId::new(transaction_id);
    ca.deny(&id).map_err(|error| Refused::conflict(&error))?;
    Ok(json!({"denied": id.as_str()}))
}

fn revoke(ca: &Ca, body: &[u8]) -> Answer {
    let Revocation { serial } = read(body)?;
    ca.revoke(&serial).map_err(|error| Refused::conflict(&error))?;
    Ok(json!({"revoked": serial}))
}

fn inject(ca: &Ca, body: &[u8]) -> Answer {
    let Injection { fault } = read(body)?;
    let refused =
        |error: mock_ca::FaultError| Refused::new(StatusCode::BAD_REQUEST, error.to_string());
    let rule: FaultRule = fault.parse().map_err(refused)?;
    ca.inject(rule).map_err(refused)?;
    Ok(json!({"fault": rule.to_string()}))
}
