//! Connections from this machine to a SCEP service, or to the password page beside it.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

pub use scep::url::HttpUrl as ScepUrl;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Time limit for opening a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// The addresses of a host's name.
///
/// # Errors
/// Says why the name has no address.
pub async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let name = host.to_owned();
    let resolved = tokio::task::spawn_blocking(move || {
        (name.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<SocketAddr>>)
    });
    match resolved.await {
        Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
        Ok(Err(error)) => Err(format!("`{host}` cannot be resolved: {error}")),
        _ => Err(format!("`{host}` has no address")),
    }
}

/// Opens a connection.
///
/// # Errors
/// Says why the connection failed.
pub async fn connect(url: &ScepUrl) -> Result<TcpStream, String> {
    let addresses = resolve(url.host(), url.port()).await?;
    let connecting = TcpStream::connect(addresses.as_slice());
    match timeout(CONNECT_LIMIT, connecting).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(format!("cannot connect to {}: {error}", url.authority())),
        Err(_) => Err(format!(
            "cannot connect to {}: no answer in {} s",
            url.authority(),
            CONNECT_LIMIT.as_secs()
        )),
    }
}
