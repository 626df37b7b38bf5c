//! The reason why a request has no answer.

use std::io;
use std::time::Duration;

use scep::content::FirstBytes;
use scep::http::TooMuch;
use scep::url::Scheme;
use thiserror::Error;

use super::interim::TooManyInterim;
use crate::tls::TlsFailure;

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
    /// The server ended a connection in clear text before the first byte of an answer, as one that speaks only HTTPS does.
    #[error("{0}; perhaps it speaks only HTTPS")]
    Closed(Ending),
    /// The server ended a TLS connection before the first byte of an answer.
    #[error(transparent)]
    ClosedInTls(Ending),
    /// There is no TLS connection, or the server ended it and says why.
    #[error(transparent)]
    Tls(#[from] TlsFailure),
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
    /// The failure that an error of a connection with this scheme means after these first bytes.
    pub(super) fn of(error: hyper::Error, first_bytes: &FirstBytes, scheme: Scheme) -> Self {
        let closed = match scheme {
            Scheme::Http => Self::Closed,
            Scheme::Https => Self::ClosedInTls,
        };
        if let Some(explanation) = first_bytes.explain("response") {
            return Self::NotHttp(explanation);
        }
        if error.is_incomplete_message() {
            return if first_bytes.is_empty() { closed(Ending::Closed) } else { Self::BrokeOff };
        }
        let source = io_source(&error);
        if let Some(failure) = source.and_then(TlsFailure::in_error) {
            return Self::Tls(failure.clone());
        }
        let inner = source.and_then(io::Error::get_ref);
        if let Some(too_many) = inner.and_then(|inner| inner.downcast_ref::<TooManyInterim>()) {
            return Self::TooManyInterim(*too_many);
        }
        let is_reset = source.is_some_and(|source| source.kind() == io::ErrorKind::ConnectionReset);
        if is_reset && first_bytes.is_empty() {
            return closed(Ending::Reset);
        }
        Self::Protocol(error)
    }
}

/// The error of the stream that an error comes from; between them may be one that says only that the request was given up.
fn io_source(error: &hyper::Error) -> Option<&io::Error> {
    let first = std::error::Error::source(error);
    let mut sources = std::iter::successors(first, |error| error.source());
    sources.find_map(|source| source.downcast_ref())
}

fn protocol_words(error: &hyper::Error) -> String {
    let what = if error.is_parse() { "the answer is no valid HTTP/1: " } else { "" };
    let source = std::error::Error::source(error);
    let source = source.map(|source| format!(": {source}")).unwrap_or_default();
    format!("{what}{error}{source}")
}
