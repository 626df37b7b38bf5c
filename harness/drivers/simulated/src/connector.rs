//! Connections to the control API of a mock CA, and to its SCEP service, wherever it is.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use mock_ca::control::Control;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, duplex};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use model::scep_url::{self, ScepUrl};

/// How much is on its way in memory, in bytes.
const BUFFER: usize = 64 * 1024;

/// Opens connections to one place.
#[async_trait]
pub trait Connector: Send + Sync + 'static {
    /// What a connection is.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Opens a connection; the error is why there is none.
    async fn connect(&self) -> Result<Self::Stream, String>;
}

#[async_trait]
impl Connector for ScepUrl {
    type Stream = TcpStream;

    async fn connect(&self) -> Result<TcpStream, String> {
        scep_url::connect(self).await
    }
}

/// Connections to a Unix socket.
#[cfg(unix)]
#[async_trait]
impl Connector for PathBuf {
    type Stream = UnixStream;

    async fn connect(&self) -> Result<UnixStream, String> {
        UnixStream::connect(self).await.map_err(|error| error.to_string())
    }
}

/// Connections to a control API in this process.
#[async_trait]
impl Connector for Arc<Control> {
    type Stream = DuplexStream;

    async fn connect(&self) -> Result<DuplexStream, String> {
        let control = Self::clone(self);
        Ok(in_memory(|stream| async move { control.serve_connection(stream).await }))
    }
}

/// A connection in memory, whose other end is served until it is closed.
pub(crate) fn in_memory<F>(serve: impl FnOnce(DuplexStream) -> F) -> DuplexStream
where
    F: Future<Output = ()> + Send + 'static,
{
    let (ours, theirs) = duplex(BUFFER);
    tokio::spawn(serve(theirs));
    ours
}
