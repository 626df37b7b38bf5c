//! What is sent back, and what the log says of it.

use std::time::Duration;

use hyper::{
    body::Bytes,
    header::{HeaderName, WWW_AUTHENTICATE},
};
use scep::attribute::{MessageType, TransactionId};

use crate::{fault::Fault, log::LogOutcome, pages, personality::Personality, seen::SeenMessage};

/// An HTTP answer, with its entry in the log.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) body: Bytes,
    pub(crate) header: Option<(HeaderName, String)>,
    /// How much later it is sent.
    pub(crate) delay: Duration,
    /// Whether it is not sent at all, and the connection closed.
    pub(crate) is_withheld: bool,
    pub(crate) outcome: LogOutcome,
    pub(crate) note: Note,
}

/// What the log says beside the outcome.
#[derive(Debug, Default)]
pub(crate) struct Note {
    /// The SCEP operation, where there is one.
    pub(crate) operation: Option<&'static str>,
    pub(crate) message_type: Option<MessageType>,
    pub(crate) transaction_id: Option<TransactionId>,
    pub(crate) reason: Option<String>,
    /// The message, where one could be read.
    pub(crate) message: Option<Box<SeenMessage>>,
    /// Whether POST was offered, where capabilities are told.
    pub(crate) post_offered: Option<bool>,
    /// What was done wrong on purpose.
    pub(crate) faults: Vec<Fault>,
}

impl Answer {
    /// A page that is there.
    pub(crate) fn page(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status: 200,
            content_type: Some(content_type),
            body: body.into(),
            header: None,
            delay: Duration::ZERO,
            is_withheld: false,
            outcome: LogOutcome::Http(200),
            note: Note::default(),
        }
    }

    /// An error, for this reason.
    pub(crate) fn error(personality: &Personality, status: u16, reason: &impl ToString) -> Self {
        let reason = reason.to_string();
        let (content_type, body) = pages::error(personality.error_pages, status, &reason);
        Self {
            status,
            outcome: LogOutcome::Http(status),
            note: Note { reason: Some(reason), ..Note::default() },
            ..Self::page(content_type, body)
        }
    }

    /// Who is asking?
    pub(crate) fn unauthorized(personality: &Personality, realm: &str) -> Self {
        let challenge = format!("Basic realm=\"{}\"", realm.replace(['"', '\\'], ""));
        Self {
            header: Some((WWW_AUTHENTICATE, challenge)),
            ..Self::error(personality, 401, &"no user and password, or wrong ones")
        }
    }
}
