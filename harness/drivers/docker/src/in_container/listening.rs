//! Whether somebody listens in the container.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an unanswered connection is waited for.
const TRY: Duration = Duration::from_secs(1);

/// Tries a connection to an address of the container itself.
///
/// # Errors
/// Why there is none.
pub(super) async fn at(address: SocketAddr) -> Result<(), String> {
    match timeout(TRY, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("a connection is not answered".to_owned()),
    }
}
