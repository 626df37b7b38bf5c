//! How far an enrolment has come.

use std::time::Duration;

use scep::client::CaCertificates;
use scep::identity::Identity;

/// What an enrolment has brought so far, and what it is at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    /// The CA's certificates, once they were received, even where they were found wanting.
    pub(crate) ca: Option<CaCertificates>,
    pub(crate) phase: Phase,
    /// What the renewal of an issued certificate is at; nothing where there is none, or none any more.
    pub(crate) renewal: Option<Phase>,
}

/// What an enrolment is at.
#[derive(Debug, Clone, Default)]
pub(crate) enum Phase {
    /// A request is being made or answered.
    #[default]
    UnderWay,
    /// The CA has not decided; it is asked again.
    Pending,
    /// The certificate is there.
    Issued(Identity),
    /// The server was not reached or did not serve; it is tried again after the pause.
    Retrying { reason: String, pause: Duration },
    /// It is over without a certificate.
    Failed { reason: String },
}

impl Progress {
    /// Why there is no certificate, or no new one, in words for the operator.
    pub(crate) fn trouble(&self) -> Option<String> {
        match &self.renewal {
            None => self.phase.trouble(),
            Some(Phase::Pending) => Some("renewal: the CA has not decided".to_owned()),
            Some(renewal) => Some(match renewal.trouble() {
                Some(trouble) => format!("renewal: {trouble}"),
                None => "renewal: under way".to_owned(),
            }),
        }
    }
}

impl Phase {
    fn trouble(&self) -> Option<String> {
        match self {
            Self::UnderWay | Self::Pending | Self::Issued(_) => None,
            Self::Failed { reason } => Some(reason.clone()),
            Self::Retrying { reason, pause } => {
                Some(format!("{reason}, next try in {}", seconds(*pause)))
            }
        }
    }
}

/// A duration as the operator reads it: `0.5 s`.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}
