//! Connections from this machine to a SCEP service, or to the password page beside it.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

pub use scep::url::HttpUrl as ScepUrl;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Time limit for opening a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// The reason why there is no connection.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The name of the host cannot be resolved.
    #[error("`{host}` cannot be resolved: {}", without_number(error))]
    Unresolved {
        /// The name.
        host: String,
        /// The error of the system.
        error: io::Error,
    },
    /// The name of the host has no address.
    #[error("`{0}` has no address")]
    NoAddress(String),
    /// No address takes the connection.
    #[error("cannot connect to {authority}: {}", without_number(error))]
    Refused {
        /// Host and port.
        authority: String,
        /// The error of the system.
        error: io::Error,
    },
    /// No address answers.
    #[error("cannot connect to {0}: no answer in {limit} s", limit = CONNECT_LIMIT.as_secs())]
    TimedOut(String),
}

/// An error of the system in words. Its number says no more than they do.
fn without_number(error: &io::Error) -> String {
    let text = error.to_string();
    let number = error.raw_os_error().map(|number| format!(" (os error {number})"));
    let words = number.and_then(|number| text.strip_suffix(&number));
    words.unwrap_or(&text).to_owned()
}

/// The addresses of a host's name.
///
/// # Errors
/// If the name has no address.
pub async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
    let name = host.to_owned();
    let resolved = tokio::task::spawn_blocking(move || {
        (name.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<SocketAddr>>)
    });
    match resolved.await {
        Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
        Ok(Err(error)) => Err(ConnectError::Unresolved { host: host.to_owned(), error }),
        _ => Err(ConnectError::NoAddress(host.to_owned())),
    }
}

/// Opens a connection.
///
/// # Errors
/// If the name has no address, or no address takes the connection in time.
pub async fn connect(url: &ScepUrl) -> Result<TcpStream, ConnectError> {
    let addresses = resolve(url.host(), url.port()).await?;
    let connecting = TcpStream::connect(addresses.as_slice());
    match timeout(CONNECT_LIMIT, connecting).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(ConnectError::Refused { authority: url.authority(), error }),
        Err(_) => Err(ConnectError::TimedOut(url.authority())),
    }
}
