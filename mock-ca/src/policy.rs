//! What a request has to pass before it gets its certificate: functions wrapped around one function.

mod approval;
mod challenge;
mod issuing;
mod names;
mod passwords;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use openssl::x509::{X509, X509Crl, X509Ref};
use scep::request::Csr;

pub use passwords::ChallengeUnavailable;
pub(crate) use passwords::PasswordCache;

use crate::{
    authority::Authority,
    origin::Origin,
    personality::UserProfiles,
    refusal::Refusal,
    settings::{Approval, Settings},
    store::Store,
    transaction::Transaction,
};

/// What policies act upon.
pub(crate) struct Site {
    pub(crate) authority: Arc<Authority>,
    pub(crate) profiles: UserProfiles,
    pub(crate) store: Store,
}

/// A request for a certificate, whose proof of possession was checked.
pub(crate) struct Enrolment<'a> {
    pub(crate) csr: &'a Csr,
    pub(crate) origin: &'a Origin,
    /// Whether an existing certificate authorises it.
    pub(crate) is_renewal: bool,
    pub(crate) now: SystemTime,
}

/// What became of a request that was not refused.
pub(crate) enum Verdict {
    Issued(X509),
    Pending,
    /// The certificate asked after.
    Found(X509),
    /// The revocation list asked for.
    RevocationList(X509Crl),
}

impl Verdict {
    /// What the requester hears of a transaction.
    pub(crate) fn of(transaction: &Transaction) -> Result<Self, Refusal> {
        match transaction {
            Transaction::Held(held) if held.denied => Err(Refusal::Denied),
            Transaction::Held(_) => Ok(Self::Pending),
            Transaction::Issued(issued) => Ok(Self::Issued(issued.certificate.clone())),
        }
    }

    /// The certificate that the answer is about.
    pub(crate) fn certificate(&self) -> Option<&X509> {
        match self {
            Self::Issued(certificate) | Self::Found(certificate) => Some(certificate),
            Self::Pending | Self::RevocationList(_) => None,
        }
    }
}

/// A function that decides about a request.
pub(crate) type Policy =
    Box<dyn Fn(&Site, &Enrolment<'_>) -> Result<Verdict, Refusal> + Send + Sync>;

/// The policies a CA has by its settings.
pub(crate) struct Policies {
    /// What a client's request passes, the challenge first.
    pub(crate) enrol: Policy,
    /// What a request passes that waited and was approved.
    pub(crate) approved: Policy,
}

impl Policies {
    pub(crate) fn new(
        settings: &Settings,
        unique_names: bool,
        passwords: &Arc<PasswordCache>,
    ) -> Self {
        let is_unique = unique_names && !settings.allow_duplicate_names;
        let window = if is_unique { settings.renewal_window } else { Duration::ZERO };
        let issuing = || names::unique(window, Box::new(issuing::issue));
        let decide = match settings.approval {
            Approval::Automatic => issuing(),
            Approval::Manual => names::untaken(window, approval::hold()),
        };
        let enrol = challenge::from_policy(&settings.challenge, passwords, decide);
        Self { enrol, approved: issuing() }
    }
}

/// The name of a subject, as OpenSSL writes it on one line.
pub(crate) fn subject_of(certificate: &X509Ref) -> String {
    scep::name::to_text(certificate.subject_name())
}
