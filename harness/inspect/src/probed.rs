//! The answers to the requests besides GetCACaps and GetCACert, for which the time may not suffice.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use scep::http::HttpResponse;
use testbed::NoAnswer;

/// The answer to a probe, or the reason why there is none.
pub type Probed = Result<HttpResponse, NotProbed>;

/// The reason why there is no answer to a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotProbed {
    /// It was not sent, because the time that all requests may take together was over.
    NotAsked(Duration),
    /// It was not sent, because the first request over its connection was not answered.
    FirstFailed(NoAnswer),
    /// It was sent, or at least tried, and not answered.
    NotAnswered(NoAnswer),
}

/// The reason alone.
impl Display for NotProbed {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked(all) => {
                write!(formatter, "not asked, because {} s are over", all.as_secs())
            }
            Self::FirstFailed(reason) => {
                write!(formatter, "not asked, because the first one was not answered: {reason}")
            }
            Self::NotAnswered(reason) => reason.fmt(formatter),
        }
    }
}

impl NotProbed {
    /// The end of a sentence that begins with the name of the request.
    pub(crate) fn in_words(&self) -> String {
        match self {
            Self::NotAsked(_) | Self::FirstFailed(_) => format!("was {self}"),
            Self::NotAnswered(_) => format!("was not answered: {self}"),
        }
    }

    /// True if it does not show how the server treats the request.
    pub(crate) fn shows_nothing(&self) -> bool {
        match self {
            Self::NotAsked(_) | Self::FirstFailed(_) => true,
            Self::NotAnswered(reason) => shows_nothing(reason),
        }
    }
}

/// True if the server did not get the request, or may only have been slow: it may answer the next time.
pub(crate) fn shows_nothing(reason: &NoAnswer) -> bool {
    match reason {
        NoAnswer::NotConnected(_)
        | NoAnswer::Unreached(_)
        | NoAnswer::Proxy(_)
        | NoAnswer::Tls(_)
        | NoAnswer::TimedOut(_)
        | NoAnswer::Gone(_) => true,
        NoAnswer::NotHttp(_) | NoAnswer::Closed(_) | NoAnswer::Other(_) => false,
    }
}
