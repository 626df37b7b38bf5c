//! The certificates of the CA itself, from its state or new, and the reasons why there are none.

use std::time::SystemTime;

use openssl::error::ErrorStack;
use scep::name::{self, NameError};

use crate::{
    authority::{Plan, PlanError, Timeline, lab_timeline, subject_of},
    fault::FaultError,
    settings::{Keys, Settings},
    state::{StateDirectory, StateError},
    tls::UnusableTls,
};

/// The reason why a CA cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The subject is not a distinguished name.
    #[error("the CA's subject `{subject}` is no name: {reason}")]
    Subject {
        /// The text given.
        subject: String,
        /// The mistake in it.
        reason: NameError,
    },
    /// The certificates of the CA itself cannot be made as the settings say.
    #[error("the CA's certificates cannot be made: {0}")]
    Hierarchy(String),
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// A fault of the settings can never happen.
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// The certificate of the TLS server cannot be used.
    #[error("the certificate of the TLS server cannot be used ({0})")]
    Tls(String),
    /// OpenSSL failed in an operation that should always work.
    #[error("OpenSSL failed at what should work ({})", scep::reasons(.0))]
    Crypto(ErrorStack),
}

// Without `source`: the text of the error has the text of its cause.
impl From<ErrorStack> for OpenError {
    fn from(errors: ErrorStack) -> Self {
        Self::Crypto(errors)
    }
}

impl From<UnusableTls> for OpenError {
    fn from(error: UnusableTls) -> Self {
        match error {
            UnusableTls::Certificate(errors) => Self::Tls(scep::reasons(&errors)),
            UnusableTls::Crypto(errors) => Self::Crypto(errors),
        }
    }
}

impl From<PlanError> for OpenError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Crypto(errors) => Self::Crypto(errors),
            other => Self::Hierarchy(other.to_string()),
        }
    }
}

/// The plan of the CA's own certificates in the settings.
pub(super) fn plan_of(settings: &Settings) -> Plan<'_> {
    Plan {
        personality: settings.personality.personality(),
        windows: &settings.windows,
        hierarchy: &settings.hierarchy,
        keys: settings.keys,
    }
}

/// The certificates of the CA in the state, or of a new one.
pub(super) fn open_timeline(
    settings: &Settings,
    state: Option<&StateDirectory>,
    now: SystemTime,
) -> Result<Timeline, OpenError> {
    let personality = settings.personality.personality();
    let subject = settings.subject.as_deref().unwrap_or(personality.default_subject);
    let subject = name::parse(subject)
        .map_err(|reason| OpenError::Subject { subject: subject.to_owned(), reason })?;
    let plan = plan_of(settings);
    plan.check()?;
    if let Some(state) = state
        && let Some(stored) = state.personality()
    {
        state.expect("personality", stored.as_str(), settings.personality.as_str())?;
        let timeline = state.read_timeline(personality)?;
        if settings.subject.is_some()
            && let Some(first) = timeline.cas.first()
        {
            let stored = subject_of(&first.value.certificate);
            state.expect("subject", &stored, &name::to_text(&subject))?;
        }
        return Ok(timeline);
    }
    let timeline = match settings.keys {
        Keys::Lab => Timeline::clone(&*lab_timeline(&plan, &subject, now)?),
        Keys::Fresh => Timeline::create(&plan, &subject, now)?,
    };
    if let Some(state) = state {
        state.write_timeline(settings.personality, &timeline, now)?;
    }
    Ok(timeline)
}
