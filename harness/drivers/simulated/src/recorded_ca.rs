//! The one place at which the harness passes connections to a mock CA: here its exchanges are recorded, as the CA sees them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dut_sim::network::Stream;
use mock_ca::{Ca, Listener, Place, Server};
use recording::{End, Peers, Recorder, Tap};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use crate::connector::{Connector, in_memory};
use testbed::NoAnswer;

/// A mock CA, and the recorder of its exchanges if they are saved.
#[derive(Clone)]
pub struct RecordedCa {
    ca: Arc<Ca>,
    recorder: Option<Recorder>,
    /// Address of its SCEP service.
    server: String,
}

impl RecordedCa {
    /// The CA, whose SCEP service has that address.
    pub fn new(ca: Arc<Ca>, recorder: Option<Recorder>, server: String) -> Self {
        Self { ca, recorder, server }
    }

    /// Serves a connection of `peer`.
    pub async fn serve_connection(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: String,
    ) {
        let (_keep_open, stop) = watch::channel(());
        Arc::new(self.clone()).serve_until(stream, peer, Place::alone(), stop).await;
    }

    /// Serves the connections of a listener until `shutdown` completes.
    pub async fn serve(&self, listener: impl Listener, shutdown: impl Future<Output = ()>) {
        mock_ca::serve(listener, Arc::new(self.clone()), shutdown).await;
    }

    fn tap<S>(&self, stream: S, peer: &str) -> Tap<S> {
        Tap::new(stream, self.recorder.as_ref(), || Peers {
            seen_by: End::Server,
            pki: Some(self.ca.name().to_owned()),
            client: Some(peer.to_owned()),
            server: Some(self.server.clone()),
        })
    }
}

/// Within TLS, if the CA has it, so that clear HTTP is recorded.
impl Server for RecordedCa {
    fn room(&self) -> (usize, Duration) {
        self.ca.room()
    }

    async fn serve_until<Io>(
        self: Arc<Self>,
        io: Io,
        peer: String,
        place: Place,
        mut stop: watch::Receiver<()>,
    ) where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if let Some(stream) = self.ca.secured(io, &peer, &place, &mut stop).await {
            let stream = self.tap(stream, &peer);
            Arc::clone(&self.ca).serve_http(stream, peer, place, stop).await;
        }
    }
}

/// Connects in memory to the SCEP service of a CA in this process.
#[async_trait]
impl Connector for RecordedCa {
    async fn connect(&self) -> Result<Box<dyn Stream>, NoAnswer> {
        let ca = self.clone();
        Ok(in_memory(|stream| async move {
            ca.serve_connection(stream, "scep step".to_owned()).await;
        }))
    }
}
