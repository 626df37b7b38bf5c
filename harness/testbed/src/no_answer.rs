//! The reason why a request was not answered.

use model::scep_url::ConnectError;
use thiserror::Error;
use transport::http::HttpFailure;
use transport::proxy::ProxyFailure;
use transport::tls::TlsFailure;

/// The reason why a request was not answered, in words, by its kind.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoAnswer {
    /// No connection could be made: the name has no address, or no server takes connections there.
    #[error("{0}")]
    NotConnected(String),
    /// Nothing answered an attempt to connect in time.
    #[error("{0}")]
    Unreached(String),
    /// The proxy was reached, and makes no tunnel to the server.
    #[error("{0}")]
    Proxy(ProxyFailure),
    /// The server was reached, and there is no TLS connection with it.
    #[error("no TLS connection: {0}")]
    Tls(TlsFailure),
    /// The time limit expired.
    #[error("{0}")]
    TimedOut(String),
    /// The first bytes were not those of an HTTP/1 response.
    #[error("{0}")]
    NotHttp(String),
    /// The server ended the connection before the first byte of an answer, as one that speaks only HTTPS does.
    #[error("{0}; perhaps it speaks only HTTPS")]
    Closed(String),
    /// The server does not serve any more since an earlier request, so nothing was sent.
    #[error("{0}")]
    Gone(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl NoAnswer {
    /// The same kind of reason in other words, which are made from the present ones. A guess at its cause is dropped.
    #[must_use]
    pub fn reworded(self, words: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::NotConnected(old) => Self::NotConnected(words(old)),
            Self::Unreached(old) => Self::Unreached(words(old)),
            Self::TimedOut(old) => Self::TimedOut(words(old)),
            Self::NotHttp(old) => Self::NotHttp(words(old)),
            Self::Gone(old) => Self::Gone(words(old)),
            Self::Proxy(old) => Self::Other(words(old.to_string())),
            Self::Tls(old) => Self::Other(words(Self::Tls(old).to_string())),
            Self::Closed(old) | Self::Other(old) => Self::Other(words(old)),
        }
    }
}

impl From<ConnectError> for NoAnswer {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::TimedOut(_) => Self::Unreached(error.to_string()),
            _ => Self::NotConnected(error.to_string()),
        }
    }
}

impl From<HttpFailure> for NoAnswer {
    fn from(failure: HttpFailure) -> Self {
        match failure {
            HttpFailure::TimedOut(_) => Self::TimedOut(failure.to_string()),
            HttpFailure::NotHttp(words) => Self::NotHttp(words),
            HttpFailure::Tls(failure) => Self::Tls(failure),
            HttpFailure::Closed(ending) => Self::Closed(ending.to_string()),
            _ => Self::Other(failure.to_string()),
        }
    }
}

impl From<TlsFailure> for NoAnswer {
    fn from(failure: TlsFailure) -> Self {
        Self::Tls(failure)
    }
}

impl From<ProxyFailure> for NoAnswer {
    fn from(failure: ProxyFailure) -> Self {
        Self::Proxy(failure)
    }
}
