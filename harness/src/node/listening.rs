//! Whether somebody listens in the container.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an unanswered connection is waited for.
const TRY: Duration = Duration::from_secs(1);

/// Tries a connection to a port of the container itself.
///
/// # Errors
/// Why there is none.
pub(super) async fn at(port: u16) -> Result<(), String> {
    match timeout(TRY, TcpStream::connect((Ipv4Addr::LOCALHOST, port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("a connection is not answered".to_owned()),
    }
}
