//! The one place at which the harness passes connections to a server of its own, a mock CA or a recorded one: here its exchanges are recorded, as
//! the server sees them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dut_sim::network::Stream;
use mock_ca::{ByteStream, Listener, Place, Server};
use recording::{End, Peers, Recorder, Tap};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use crate::connector::{Connector, in_memory};
use testbed::NoAnswer;

/// A server, and the recorder of its exchanges if they are saved.
pub struct Tapped<S> {
    server: Arc<S>,
    recorder: Option<Recorder>,
    /// Name of the PKI.
    pki: String,
    /// Address of its SCEP service.
    address: String,
}

impl<S: Server> Tapped<S> {
    /// The server of the PKI of that name, whose SCEP service has that address.
    pub fn new(server: Arc<S>, recorder: Option<Recorder>, pki: String, address: String) -> Self {
        Self { server, recorder, pki, address }
    }

    /// Serves a connection of `peer`.
    pub fn serve_connection<Io>(
        &self,
        stream: Io,
        peer: String,
    ) -> impl Future<Output = ()> + Send + use<S, Io>
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (keep_open, stop) = watch::channel(());
        let server = Arc::new(self.clone());
        async move {
            server.serve_until(stream, peer, Place::alone(), stop).await;
            drop(keep_open);
        }
    }

    /// Serves the connections of a listener until `shutdown` completes.
    pub async fn serve(&self, listener: impl Listener, shutdown: impl Future<Output = ()>) {
        mock_ca::serve(listener, Arc::new(self.clone()), shutdown).await;
    }

    fn tap<T>(&self, stream: T, peer: &str) -> Tap<T> {
        Tap::new(stream, self.recorder.as_ref(), || Peers {
            seen_by: End::Server,
            pki: Some(self.pki.clone()),
            client: Some(peer.to_owned()),
            server: Some(self.address.clone()),
        })
    }
}

impl<S> Clone for Tapped<S> {
    fn clone(&self) -> Self {
        Self {
            server: Arc::clone(&self.server),
            recorder: self.recorder.clone(),
            pki: self.pki.clone(),
            address: self.address.clone(),
        }
    }
}

/// Records within TLS, if the server has it: clear HTTP.
impl<S: Server> Server for Tapped<S> {
    fn room(&self) -> (usize, Duration) {
        self.server.room()
    }

    async fn secured<Io>(
        &self,
        io: Io,
        peer: &str,
        place: &Place,
        stop: &mut watch::Receiver<()>,
    ) -> Option<Box<dyn ByteStream>>
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.server.secured(io, peer, place, stop).await
    }

    async fn serve_http<Io>(
        self: Arc<Self>,
        io: Io,
        peer: String,
        place: Place,
        stop: watch::Receiver<()>,
    ) where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = self.tap(io, &peer);
        Arc::clone(&self.server).serve_http(stream, peer, place, stop).await;
    }
}

/// Connects in memory to the SCEP service of a server in this process.
#[async_trait]
impl<S: Server> Connector for Tapped<S> {
    async fn connect(&self) -> Result<Box<dyn Stream>, NoAnswer> {
        let server = self.clone();
        Ok(in_memory(|stream| async move {
            server.serve_connection(stream, "scep step".to_owned()).await;
        }))
    }
}
