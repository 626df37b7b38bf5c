//! How far an enrolment has come.

use std::time::Duration;

use openssl::x509::X509;
use scep::client::CaCertificates;

/// What an enrolment has brought so far, and what it is at.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    /// The CA's certificates, once they were received, even where they were found wanting.
    pub(crate) ca: Option<CaCertificates>,
    pub(crate) phase: Phase,
}

/// What an enrolment is at.
#[derive(Debug, Clone)]
pub(crate) enum Phase {
    /// A request is being made or answered.
    UnderWay,
    /// The CA has not decided; it is asked again.
    Pending,
    /// The certificate is there.
    Issued(X509),
    /// The server was not reached or did not serve; it is tried again after the pause.
    Retrying { reason: String, pause: Duration },
    /// It is over without a certificate.
    Failed { reason: String },
}

impl Progress {
    pub(crate) fn begun() -> Self {
        Self { ca: None, phase: Phase::UnderWay }
    }

    /// Why there is no certificate, in words for the operator.
    pub(crate) fn trouble(&self) -> Option<String> {
        match &self.phase {
            Phase::UnderWay | Phase::Pending | Phase::Issued(_) => None,
            Phase::Failed { reason } => Some(reason.clone()),
            Phase::Retrying { reason, pause } => {
                Some(format!("{reason}, next try in {}", seconds(*pause)))
            }
        }
    }
}

/// A duration as the operator reads it: `0.5 s`.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}
