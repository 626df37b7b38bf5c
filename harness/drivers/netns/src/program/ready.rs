//! Whether a server program serves: tried at once, then again until it does or the time is over.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use process::Output;
use tokio::net::TcpSocket;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::command::Launcher;
use simulated::kernel::namespace::Namespace;

/// How long after one try the next one is made.
const PAUSE: Duration = Duration::from_millis(10);

/// How long an unanswered connection is waited for before it is tried anew.
const TRY: Duration = Duration::from_secs(1);

/// Waits until all that the lab file names holds.
///
/// # Errors
/// What does not, and the end of the output.
pub(super) async fn wait(
    launcher: &Launcher<'_>,
    address: Option<Ipv4Addr>,
    output: &Output,
    name: &str,
) -> Result<(), String> {
    let ready = &launcher.program.ready;
    let deadline = Instant::now() + ready.within;
    let late = |lacking: &str| {
        output.under(&format!("`{name}` was not ready within {:?}: {lacking}", ready.within))
    };
    if let Some(pattern) = &ready.output
        && timeout_at(deadline, output.matched()).await.is_err()
    {
        return Err(late(&format!("no line of its output matches `{pattern}`")));
    }
    let Some(port) = ready.port else { return Ok(()) };
    let address = SocketAddr::from((address.unwrap_or(Ipv4Addr::LOCALHOST), port));
    let mut last = String::new();
    let listening = listens(launcher.namespace, address, &mut last);
    if timeout_at(deadline, listening).await.is_err() {
        return Err(late(&format!("nobody listens at {address}{last}")));
    }
    Ok(())
}

/// Ends when somebody listens; notes why the last try failed.
async fn listens(namespace: &Namespace, address: SocketAddr, last: &mut String) {
    loop {
        match timeout(TRY, connect(namespace, address)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => last.clear(),
            Ok(Err(error)) => *last = format!(" ({error})"),
            Err(_) => " (a connection is not answered)".clone_into(last),
        }
        sleep(PAUSE).await;
    }
}

/// From the host itself: its socket is of its namespace wherever it is used.
async fn connect(namespace: &Namespace, address: SocketAddr) -> io::Result<()> {
    let socket = namespace.run(TcpSocket::new_v4)?;
    socket.connect(address).await.map(drop)
}
