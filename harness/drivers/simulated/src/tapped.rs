//! The one place at which the harness passes connections to a server of its own, a mock CA or a recorded one: here its exchanges are recorded, as
//! the server sees them.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use dut_sim::network::Stream;
use mock_ca::{Listener, Place, Server};
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
        let (server, stream) = (Arc::clone(&self.server), self.tap(stream, &peer));
        async move {
            server.serve_until(stream, peer, Place::alone(), stop).await;
            drop(keep_open);
        }
    }

    /// Serves the connections of a listener until `shutdown` completes.
    pub async fn serve(&self, listener: impl Listener, shutdown: impl Future<Output = ()>) {
        let listener = TappedListener { listener, server: self };
        mock_ca::serve(listener, Arc::clone(&self.server), shutdown).await;
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

struct TappedListener<'a, L, S> {
    listener: L,
    server: &'a Tapped<S>,
}

impl<L: Listener, S: Server> Listener for TappedListener<'_, L, S> {
    type Stream = Tap<L::Stream>;

    async fn accept(&self) -> io::Result<(Self::Stream, String)> {
        let (stream, peer) = self.listener.accept().await?;
        Ok((self.server.tap(stream, &peer), peer))
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
