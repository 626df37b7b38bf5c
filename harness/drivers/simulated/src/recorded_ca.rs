//! The one place at which the harness passes connections to a mock CA: here its exchanges are recorded, as the CA sees them.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use dut_sim::network::Stream;
use mock_ca::{Ca, Listener};
use recording::{End, Peers, Recorder, Tap};
use tokio::io::{AsyncRead, AsyncWrite};

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
        self.ca.serve_connection(self.tap(stream, &peer), peer).await;
    }

    /// Serves the connections of a listener until `shutdown` completes.
    pub async fn serve(&self, listener: impl Listener, shutdown: impl Future<Output = ()>) {
        let listener = RecordedListener { listener, ca: self };
        mock_ca::serve(listener, Arc::clone(&self.ca), shutdown).await;
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

struct RecordedListener<'a, L> {
    listener: L,
    ca: &'a RecordedCa,
}

impl<L: Listener> Listener for RecordedListener<'_, L> {
    type Stream = Tap<L::Stream>;

    async fn accept(&self) -> io::Result<(Self::Stream, String)> {
        let (stream, peer) = self.listener.accept().await?;
        Ok((self.ca.tap(stream, &peer), peer))
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
