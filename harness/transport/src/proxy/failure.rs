//! The reason why a proxy makes no tunnel.

use std::time::Duration;

use thiserror::Error;

/// The reason why a proxy makes no tunnel to a server.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProxyFailure {
    /// The proxy asks for a login, and none is given.
    #[error("the proxy wants a login (HTTP 407{})", offers(.0))]
    LoginWanted(Vec<String>),
    /// The proxy refuses the login.
    #[error("the proxy refuses the login (HTTP 407{})", offers(.0))]
    LoginRefused(Vec<String>),
    /// The proxy refuses the server, or does not reach it.
    #[error("the proxy was asked to connect to {to}, and answered HTTP {status}{}", quoted(reason))]
    Refused {
        /// Host and port of the server.
        to: String,
        /// The status.
        status: u16,
        /// The words after the status.
        reason: String,
    },
    /// The answer is not that of a proxy.
    #[error("{0} came in place of a proxy's answer")]
    NoProxy(String),
    /// The connection ended before the answer was complete.
    #[error("the proxy closed the connection without a complete answer")]
    Closed,
    /// The answer has no end.
    #[error("the head of the proxy's answer is longer than {0} bytes")]
    TooLong(usize),
    /// The answer did not come in time.
    #[error("the proxy made no tunnel in {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The connection broke.
    #[error("the connection to the proxy broke: {0}")]
    Broken(String),
}

fn offers(schemes: &[String]) -> String {
    if schemes.is_empty() { String::new() } else { format!("; it offers {}", schemes.join(", ")) }
}

fn quoted(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" `{reason}`") }
}
