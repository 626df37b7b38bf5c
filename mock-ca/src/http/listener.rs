//! Listeners, and the connections that they accept.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::places::{Place, Places};

/// The time that [`serve`] gives to unfinished answers when it must stop.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause after the system refused a connection, and no connection could make room for it.
const PAUSE: Duration = Duration::from_millis(100);

/// What a peer writes, and reads.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<Io: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for Io {}

/// A server of connections: a [`crate::Ca`], or another one.
pub trait Server: Send + Sync + 'static {
    /// The most connections that are open at once, and the time that each has at least before it must make room for another one.
    fn room(&self) -> (usize, Duration);

    /// The stream on which `peer` speaks HTTP: within TLS, if the server has it. `None` if there was no handshake.
    fn secured<Io>(
        &self,
        io: Io,
        _peer: &str,
        _place: &Place,
        _stop: &mut watch::Receiver<()>,
    ) -> impl Future<Output = Option<Box<dyn ByteStream>>> + Send
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        std::future::ready(Some(Box::new(io) as Box<dyn ByteStream>))
    }

    /// Serves HTTP on a stream of [`Server::secured`] until it ends. It must end after the current request when `stop` changes, and when
    /// it must give up its place.
    fn serve_http<Io>(
        self: Arc<Self>,
        io: Io,
        peer: String,
        place: Place,
        stop: watch::Receiver<()>,
    ) -> impl Future<Output = ()> + Send
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Serves a connection of `peer`: the handshake of TLS, if there is one, then HTTP.
    fn serve_until<Io>(
        self: Arc<Self>,
        io: Io,
        peer: String,
        place: Place,
        mut stop: watch::Receiver<()>,
    ) -> impl Future<Output = ()> + Send
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        async move {
            if let Some(io) = self.secured(io, &peer, &place, &mut stop).await {
                self.serve_http(io, peer, place, stop).await;
            }
        }
    }
}

/// Serves the connections of a listener until `shutdown` completes; unfinished answers then have [`SHUTDOWN_TIMEOUT`] to end.
///
/// No more than [`Server::room`] says are open at once; of a CA, than [`crate::Limits::connections`]. For a further one, the connection that has waited longest for its
/// peer is closed; if an address has more than a quarter of them, it is one of the address with most.
///
/// ```
/// use scep::clock::Clock;
///
/// use mock_ca::{Ca, PersonalityName, Settings};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ca = Ca::open(Settings::new("ca", PersonalityName::Linux), Clock::system())?;
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// let shutdown = async { /* waits for Ctrl-C, for example */ };
/// mock_ca::serve(listener, ca, shutdown).await;
/// # Ok(())
/// # }
/// ```
pub async fn serve(
    listener: impl Listener,
    server: Arc<impl Server>,
    shutdown: impl Future<Output = ()>,
) {
    let (stop, stopped) = watch::channel(());
    let mut connections = JoinSet::new();
    let (limit, least_wait) = server.room();
    let places = Places::new(limit, least_wait);
    let accepting = accept_all(&listener, &mut connections, &places, |stream, peer, place| {
        Arc::clone(&server).serve_until(stream, peer, place, stopped.clone())
    });
    tokio::select! {
        () = accepting => {}
        () = shutdown => {}
    }
    let _ = stop.send(());
    let _ =
        timeout(SHUTDOWN_TIMEOUT, async { while connections.join_next().await.is_some() {} }).await;
}

/// A source of connections.
pub trait Listener: Send + Sync {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// The next connection, and the name of its peer.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, String)>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, String)> {
        let (stream, peer) = Self::accept(self).await?;
        // Answers are written in one piece, so waiting to fill a segment only costs time. So does a failure here.
        let _ = stream.set_nodelay(true);
        Ok((stream, peer.to_string()))
    }
}

impl<L: Listener> Listener for Arc<L> {
    type Stream = L::Stream;

    async fn accept(&self) -> io::Result<(Self::Stream, String)> {
        L::accept(self).await
    }
}

#[cfg(unix)]
impl Listener for tokio::net::UnixListener {
    type Stream = tokio::net::UnixStream;

    async fn accept(&self) -> io::Result<(Self::Stream, String)> {
        let (stream, _) = Self::accept(self).await?;
        Ok((stream, "a socket".to_owned()))
    }
}

/// Calls `serve` with each connection and its place, which the connection has until it is closed.
pub(crate) async fn accept_all<L: Listener, F: Future<Output = ()> + Send + 'static>(
    listener: &L,
    connections: &mut JoinSet<()>,
    places: &Arc<Places>,
    serve: impl Fn(L::Stream, String, Place) -> F,
) {
    loop {
        let (stream, peer) = next(listener, places).await;
        let place = places.take(&peer).await;
        connections.spawn(serve(stream, peer, place));
        while connections.try_join_next().is_some() {}
    }
}

/// The next connection. If the system refuses it, usually because there are too many open files, another one makes room.
async fn next<L: Listener>(listener: &L, places: &Places) -> (L::Stream, String) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_one_connection(&error) => {}
            Err(_) if places.free_one().await => {}
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// True if the error is that of a connection that has ended before it was accepted (accept(2)).
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}
