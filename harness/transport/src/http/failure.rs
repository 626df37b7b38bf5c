//! The reason why a request has no answer.

use std::io;
use std::time::Duration;

use scep::content::FirstBytes;
use scep::http::TooMuch;
use thiserror::Error;

use super::interim::TooManyInterim;

/// The reason why a request cannot be written as HTTP.
pub use hyper::http::Error as Unwritable;

/// The reason why a request has no answer.
#[derive(Debug, Error)]
pub enum HttpFailure {
    /// The time limit expired.
    #[error("no answer in {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The first bytes were not those of an HTTP/1 response; the words say what they were.
    #[error("{0}")]
    NotHttp(String),
    /// The server ended the connection before the first byte of an answer, as one that speaks only HTTPS does.
    #[error("{0}; perhaps it speaks only HTTPS")]
    Closed(Ending),
    /// The connection ended within the answer.
    #[error("the answer broke off")]
    BrokeOff,
    /// The connection ended within the body of the answer.
    #[error("the answer broke off: {0}")]
    BodyBrokeOff(hyper::Error),
    /// The answer exceeds a limit.
    #[error("{}", .0.of("the answer"))]
    TooMuch(#[from] TooMuch),
    /// Interim responses came without end.
    #[error(transparent)]
    TooManyInterim(TooManyInterim),
    /// The answer breaks a rule of HTTP, or the connection has another error.
    #[error("{}", protocol_words(.0))]
    Protocol(hyper::Error),
    /// The request has characters that HTTP does not allow there, or is too long. Another try would fail too.
    #[error("it cannot be written as HTTP: {0}")]
    Unwritable(Unwritable),
}

/// How a connection ended without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Ending {
    /// By an orderly end.
    #[error("the server closed the connection without an answer")]
    Closed,
    /// By a reset.
    #[error("the connection was reset without an answer")]
    Reset,
}

impl HttpFailure {
    /// The failure that an error means after these first bytes.
    pub(super) fn of(error: hyper::Error, first_bytes: &FirstBytes) -> Self {
        if let Some(explanation) = first_bytes.explain("response") {
            return Self::NotHttp(explanation);
        }
        if error.is_incomplete_message() {
            return if first_bytes.is_empty() {
                Self::Closed(Ending::Closed)
            } else {
                Self::BrokeOff
            };
        }
        let source = io_source(&error);
        let inner = source.and_then(io::Error::get_ref);
        if let Some(too_many) = inner.and_then(|inner| inner.downcast_ref::<TooManyInterim>()) {
            return Self::TooManyInterim(*too_many);
        }
        let is_reset = source.is_some_and(|source| source.kind() == io::ErrorKind::ConnectionReset);
        if is_reset && first_bytes.is_empty() {
            return Self::Closed(Ending::Reset);
        }
        Self::Protocol(error)
    }
}

fn io_source(error: &hyper::Error) -> Option<&io::Error> {
    std::error::Error::source(error)?.downcast_ref()
}

fn protocol_words(error: &hyper::Error) -> String {
    let what = if error.is_parse() { "the answer is no valid HTTP/1: " } else { "" };
    let source = std::error::Error::source(error);
    let source = source.map(|source| format!(": {source}")).unwrap_or_default();
    format!("{what}{error}{source}")
}
