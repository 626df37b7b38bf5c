//! What a request has to pass before it gets its certificate: functions wrapped around one function.

mod approval;
mod challenge;
mod issuing;
mod names;
mod passwords;

use std::{sync::Arc, time::SystemTime};

use openssl::x509::{X509, X509Ref};
use scep::{attribute::TransactionId, request::Csr};

pub(crate) use issuing::issue;
pub use passwords::ChallengeUnavailable;
pub(crate) use passwords::PasswordCache;

use crate::{
    authority::Authority,
    personality::UserProfiles,
    refusal::Refusal,
    settings::{Approval, Settings},
    store::Store,
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
    pub(crate) transaction_id: &'a TransactionId,
    /// The digest of the key that signed the message.
    pub(crate) requester: &'a str,
    /// Whether an existing certificate authorises it.
    pub(crate) is_renewal: bool,
    pub(crate) now: SystemTime,
}

/// What became of a request that was not refused.
pub(crate) enum Verdict {
    Issued(X509),
    Pending,
}

/// A function that decides about a request.
pub(crate) type Policy =
    Box<dyn Fn(&Site, &Enrolment<'_>) -> Result<Verdict, Refusal> + Send + Sync>;

/// The policies that the settings ask for, the challenge first.
pub(crate) fn from_settings(
    settings: &Settings,
    unique_names: bool,
    passwords: &Arc<PasswordCache>,
) -> Policy {
    let decide = match settings.approval {
        Approval::Automatic => Box::new(issue) as Policy,
        Approval::Manual => approval::hold(),
    };
    let decide = if unique_names && !settings.allow_duplicate_names {
        names::unique(settings.renewal_window, decide)
    } else {
        decide
    };
    challenge::from_policy(&settings.challenge, passwords, decide)
}

/// The name of a subject, as OpenSSL writes it on one line.
pub(crate) fn subject_of(certificate: &X509Ref) -> String {
    scep::name::to_text(certificate.subject_name())
}
