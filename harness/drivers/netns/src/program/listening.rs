//! Whether somebody listens at a host.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::time::timeout;

use simulated::kernel::namespace::Namespace;

/// How long an unanswered connection is waited for before it is tried anew.
const TRY: Duration = Duration::from_secs(1);

/// Tries a connection from the host itself.
///
/// # Errors
/// Why there is none; nothing is said if nobody listens.
pub(super) async fn at(namespace: &Namespace, address: SocketAddr) -> Result<(), String> {
    match timeout(TRY, connect(namespace, address)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Err(String::new()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("a connection is not answered".to_owned()),
    }
}

/// A socket is of the namespace that it was opened in, wherever it is used.
async fn connect(namespace: &Namespace, address: SocketAddr) -> io::Result<()> {
    let socket = namespace.run(TcpSocket::new_v4)?;
    socket.connect(address).await.map(drop)
}
