//! The accept loop.

use std::{
    future::poll_fn,
    io,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::ca::Ca;

/// So long [`serve`] lets the answers under way take once it is to stop.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// A pause after the system refused a connection, for lack of file descriptors as a rule.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves the connections of a listener until `shutdown` completes; answers under way are then finished, for at most
/// [`SHUTDOWN_TIMEOUT`].
///
/// No more than [`crate::Limits::connections`] are open at once.
pub async fn serve(listener: TcpListener, ca: Arc<Ca>, shutdown: impl Future<Output = ()>) {
    let (stop, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let limit = ca.service.settings.limits.connections;
    let accepting = accept_all(&listener, &mut connections, limit, |stream, peer| {
        let (ca, stopped) = (Arc::clone(&ca), stopped.clone());
        async move { ca.serve_until(stream, peer, stopped).await }
    });
    tokio::select! {
        () = accepting => {}
        () = shutdown => {}
    }
    let _ = stop.send(true);
    let _ =
        timeout(SHUTDOWN_TIMEOUT, async { while connections.join_next().await.is_some() {} }).await;
}

/// What connections come to.
pub trait Listener: Send + Sync {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// The next connection, and who made it.
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(Self::Stream, String)>>;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(TcpStream, String)>> {
        let (stream, peer) = ready!(Self::poll_accept(self, context))?;
        // Answers are written in one piece; waiting to fill a segment only costs time. A failure costs no more than that.
        let _ = stream.set_nodelay(true);
        Poll::Ready(Ok((stream, peer.to_string())))
    }
}

#[cfg(unix)]
impl Listener for tokio::net::UnixListener {
    type Stream = tokio::net::UnixStream;

    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(Self::Stream, String)>> {
        let (stream, _) = ready!(Self::poll_accept(self, context))?;
        Poll::Ready(Ok((stream, "a socket".to_owned())))
    }
}

/// Lets `serve` have each connection, of which no more than `limit` are open at once; further ones wait.
pub(crate) async fn accept_all<L: Listener, F: Future<Output = ()> + Send + 'static>(
    listener: &L,
    connections: &mut JoinSet<()>,
    limit: usize,
    serve: impl Fn(L::Stream, String) -> F,
) {
    let slots = Arc::new(Semaphore::new(limit));
    // The semaphore is never closed.
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        let Ok((stream, peer)) = poll_fn(|context| listener.poll_accept(context)).await else {
            sleep(PAUSE).await;
            continue;
        };
        let serving = serve(stream, peer);
        connections.spawn(async move {
            serving.await;
            drop(slot);
        });
        while connections.try_join_next().is_some() {}
    }
}
