//! Where a CA comes from when it is opened.

use std::{sync::Arc, time::SystemTime};

use openssl::{error::ErrorStack, x509::X509Name};
use scep::name::{self, NameError};

use crate::{
    authority::{Authority, AuthorityKeys, lab},
    fault::FaultError,
    policy::subject_of,
    settings::{Keys, Settings},
    state::{StateDirectory, StateError},
};

/// Why a CA cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Its name is none.
    #[error("the CA's subject `{subject}` is no name: {reason}")]
    Subject {
        /// The name given.
        subject: String,
        /// What is wrong with it.
        reason: NameError,
    },
    /// Its state cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// A fault that was asked for can never happen.
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// OpenSSL refused an operation that should have worked.
    #[error("OpenSSL: {0}")]
    Crypto(#[from] ErrorStack),
    /// The answer to `GetCACert` could not be encoded.
    #[error(transparent)]
    Scep(#[from] scep::Error),
}

/// The CA that the state holds, or a new one.
pub(super) fn authority(
    settings: &Settings,
    state: Option<&StateDirectory>,
    now: SystemTime,
) -> Result<Arc<Authority>, OpenError> {
    let personality = settings.personality.personality();
    let subject = subject(settings)?;
    if let Some(state) = state
        && let Some(stored) = state.personality()?
    {
        state.expect("personality", stored.as_str(), settings.personality.as_str())?;
        let identities = state.read_authority(personality)?;
        if settings.subject.is_some() {
            let stored = subject_of(&identities.ca.certificate);
            state.expect("subject", &stored, &name::to_text(&subject))?;
        }
        let authority = Authority::assemble(personality, identities, &settings.windows)?;
        return Ok(Arc::new(authority));
    }
    let authority = create(settings, &subject, now)?;
    if let Some(state) = state {
        state.write_authority(settings.personality, &authority)?;
    }
    Ok(authority)
}

fn create(
    settings: &Settings,
    subject: &X509Name,
    now: SystemTime,
) -> Result<Arc<Authority>, ErrorStack> {
    let personality = settings.personality.personality();
    match settings.keys {
        Keys::Lab => lab::authority(personality, subject, &settings.windows, now),
        Keys::Fresh => {
            let keys = AuthorityKeys::generate(personality)?;
            Authority::create(personality, &keys, subject, &settings.windows, now).map(Arc::new)
        }
    }
}

fn subject(settings: &Settings) -> Result<X509Name, OpenError> {
    let default = settings.personality.personality().default_subject;
    let subject = settings.subject.as_deref().unwrap_or(default);
    name::parse(subject)
        .map_err(|reason| OpenError::Subject { subject: subject.to_owned(), reason })
}
