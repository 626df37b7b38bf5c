//! Where a service of SCEP, or the page of passwords beside it, is on the network of this machine.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

pub use scep::url::HttpUrl as ScepUrl;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// For a connection to be opened.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// What a host's name stands for here; the error is why it stands for nothing.
///
/// # Errors
/// Why the name stands for nothing.
pub async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let name = host.to_owned();
    let resolved = tokio::task::spawn_blocking(move || {
        (name.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<SocketAddr>>)
    });
    match resolved.await {
        Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
        Ok(Err(error)) => Err(format!("`{host}` is not resolved: {error}")),
        _ => Err(format!("`{host}` has no address")),
    }
}

/// Opens a connection; the error is why there is none.
///
/// # Errors
/// Why there is no connection.
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
