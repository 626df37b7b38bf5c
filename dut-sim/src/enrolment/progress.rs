//! Progress of an enrolment.

use std::time::{Duration, SystemTime};

use openssl::x509::X509;
use scep::client::CaCertificates;
use scep::identity::Identity;

use super::pause::seconds;
use super::revocation::Revocation;

/// Certificates and phase of an enrolment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    /// The CA's certificates once received, even if they were refused.
    pub(crate) ca: Option<CaCertificates>,
    pub(crate) phase: Phase,
    /// Phase of a renewal, until it has succeeded.
    pub(crate) renewal: Option<Phase>,
    /// The next CA, until its day.
    pub(crate) next_ca: Option<NextCa>,
    /// The certificates of CAs that the one before announced, the newest last.
    pub(crate) announced: Vec<X509>,
    /// Why the device does not know the next CA, although it asks.
    pub(crate) rollover_problem: Option<String>,
    pub(crate) revocation: Revocation,
}

/// The CA that is used from a day on.
#[derive(Debug, Clone)]
pub(crate) struct NextCa {
    pub(crate) certificates: CaCertificates,
    /// Its day.
    pub(crate) from: SystemTime,
}

/// Phase of an enrolment.
#[derive(Debug, Clone, Default)]
pub(crate) enum Phase {
    /// A request is being made or answered.
    #[default]
    UnderWay,
    /// The CA has not decided; it is polled.
    Pending,
    /// The certificate was issued.
    Issued(Identity),
    /// The server gave no usable answer; it is tried again after the pause.
    Retrying { reason: String, pause: Duration },
    /// The enrolment has failed for good.
    Failed { reason: String },
}

impl Progress {
    /// True while the CA has not decided about a request.
    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.phase, Phase::Pending) || matches!(self.renewal, Some(Phase::Pending))
    }

    /// True while a renewal is requested, and not in a pause between two tries.
    pub(crate) fn is_renewing(&self) -> bool {
        matches!(self.renewal, Some(Phase::UnderWay | Phase::Pending))
    }

    /// Text for the operator: why there is no certificate, or no new one.
    pub(crate) fn problem(&self) -> Option<String> {
        match &self.renewal {
            None => self.phase.problem(),
            Some(Phase::Pending) => Some("renewal: the CA has not decided".to_owned()),
            Some(renewal) => Some(match renewal.problem() {
                Some(problem) => format!("renewal: {problem}"),
                None => "renewal: under way".to_owned(),
            }),
        }
    }
}

impl Phase {
    fn problem(&self) -> Option<String> {
        match self {
            Self::UnderWay | Self::Pending | Self::Issued(_) => None,
            Self::Failed { reason } => Some(reason.clone()),
            Self::Retrying { reason, pause } => {
                Some(format!("{reason}, next try in {}", seconds(*pause)))
            }
        }
    }
}
