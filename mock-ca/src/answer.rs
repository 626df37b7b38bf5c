//! An HTTP answer, and the facts about it that go to the log.

use std::time::Duration;

use hyper::{
    body::Bytes,
    header::{HeaderName, RETRY_AFTER, WWW_AUTHENTICATE},
};
use scep::attribute::{MessageType, TransactionId};

use crate::{
    fault::Fault, log::LogOutcome, pages, password_problem::PasswordProblem,
    personality::Personality, refusal::NOT_POSSIBLE_NOW, seen::SeenMessage,
};

/// The time after which a peer may try again.
const RETRY_SECONDS: &str = "60";

/// An HTTP answer, with its entry in the log.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) body: Bytes,
    pub(crate) header: Option<(HeaderName, String)>,
    /// The time to wait before it is sent.
    pub(crate) delay: Duration,
    /// True if the connection is closed instead.
    pub(crate) is_withheld: bool,
    pub(crate) outcome: LogOutcome,
    pub(crate) note: Note,
}

/// The facts that the log has beside the outcome.
#[derive(Debug, Default)]
pub(crate) struct Note {
    /// The SCEP operation, if the request names one.
    pub(crate) operation: Option<&'static str>,
    pub(crate) message_type: Option<MessageType>,
    pub(crate) transaction_id: Option<TransactionId>,
    pub(crate) reason: Option<String>,
    /// What is wrong with the challenge password, if that is the reason.
    pub(crate) password: Option<PasswordProblem>,
    /// The message, if it could be read.
    pub(crate) message: Option<Box<SeenMessage>>,
    /// In an answer to GetCACaps: true if it offers POST.
    pub(crate) post_offered: Option<bool>,
    /// The faults that happened.
    pub(crate) faults: Vec<Fault>,
}

impl Answer {
    /// An answer with HTTP status 200.
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

    /// An answer with this HTTP status, and a reason for the log.
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

    /// An answer with HTTP status 503 (RFC 9110 §15.6.4): the peer may try again later.
    pub(crate) fn unavailable(personality: &Personality, reason: &impl ToString) -> Self {
        Self {
            header: Some((RETRY_AFTER, RETRY_SECONDS.to_owned())),
            ..Self::error(personality, 503, reason)
        }
    }

    /// An answer with HTTP status 500 for an error inside the server, of which only the log has the reason.
    pub(crate) fn internal_error(personality: &Personality, reason: &impl ToString) -> Self {
        let mut answer = Self::error(personality, 500, &NOT_POSSIBLE_NOW);
        answer.note.reason = Some(reason.to_string());
        answer
    }

    /// An answer that asks for a user and a password.
    pub(crate) fn unauthorized(personality: &Personality, realm: &str) -> Self {
        let challenge = format!("Basic realm=\"{}\"", realm.replace(['"', '\\'], ""));
        Self {
            header: Some((WWW_AUTHENTICATE, challenge)),
            ..Self::error(personality, 401, &"no user and password, or wrong ones")
        }
    }
}
