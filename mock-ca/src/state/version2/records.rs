//! The content of the old files.

use std::{sync::Arc, time::SystemTime};

use openssl::x509::{X509, X509Req};
use scep::{request::Csr, secret::Secret};
use serde::{Deserialize, Deserializer, de};

use crate::{
    personality::PersonalityName,
    record::{IssuedRecord, Origin, PendingRecord, Revocation, RevocationReason},
    wire,
};

/// The content of `state.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kind {
    pub(super) version: u32,
    pub(super) personality: PersonalityName,
}

/// A file in `issued`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Issued {
    origin: Origin,
    answers: Option<u32>,
    #[serde(with = "wire::maybe_seconds")]
    revoked: Option<SystemTime>,
    #[serde(with = "wire::pem")]
    certificate: X509,
}

impl Issued {
    /// The same with the number in its name.
    pub(super) fn numbered(self, number: u32) -> IssuedRecord {
        let Self { origin, answers, revoked, certificate } = self;
        let reason = RevocationReason::Unspecified;
        let revoked = revoked.map(|at| Revocation { at, reason });
        IssuedRecord { number, origin, answers, revoked, certificate }
    }
}

/// A file in `pending`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pending {
    origin: Origin,
    denied: bool,
    #[serde(deserialize_with = "csr_in_pem")]
    csr: Arc<Csr>,
}

impl Pending {
    /// The same with the number in its name; the time at which it came is not known, so it counts as asked now.
    pub(super) fn numbered(self, number: u32, now: SystemTime) -> PendingRecord {
        let Self { origin, denied, csr } = self;
        PendingRecord { number, origin, denied, asked: now, ca: 1, csr }
    }
}

/// An entry of `challenges.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Challenge {
    pub(super) password: Secret,
    /// `None` for a preset password, which does not expire.
    #[serde(with = "wire::maybe_seconds")]
    pub(super) made: Option<SystemTime>,
    pub(super) is_used: bool,
}

fn csr_in_pem<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Csr>, D::Error> {
    let der = X509Req::from_pem(String::deserialize(from)?.as_bytes())
        .and_then(|request| request.to_der())
        .map_err(|_| de::Error::custom("it holds no certificate request in PEM"))?;
    let csr = Csr::from_der(&der).map_err(de::Error::custom)?;
    // Whatever its version: a personality may have accepted it.
    csr.verify_signature().map_err(de::Error::custom)?;
    Ok(Arc::new(csr))
}
