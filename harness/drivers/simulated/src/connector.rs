//! Connections to a mock CA in any process: to its SCEP service, and to its control API.

use std::net::SocketAddr;
#[cfg(unix)]
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dut_sim::network::Stream;
use mock_ca::control::{Control, Transport};
use scep::http::{HttpRequest, HttpResponse};
use tokio::io::{DuplexStream, duplex};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::sync::Mutex;

use model::scep_url::{self, ScepUrl};
use testbed::NoAnswer;
use transport::http::{self, Connection, RequestOptions};

/// The size of the buffer of a connection in memory, in bytes.
const BUFFER: usize = 64 * 1024;

/// The timeout for one answer of a lab's CA, which may itself have to wait for an answer of its SCEP service.
const LAB_LIMIT: Duration = Duration::from_secs(60);

/// The longest answer of a control API, in bytes.
const LONGEST_ANSWER: usize = 16 << 20;

/// The host name in requests to a control API in a lab.
const LOCAL: &str = "localhost";

/// Opens connections to one place.
#[async_trait]
pub trait Connector: Send + Sync + 'static {
    /// Opens a connection; the error is why there is none.
    async fn connect(&self) -> Result<Box<dyn Stream>, NoAnswer>;
}

#[async_trait]
impl Connector for ScepUrl {
    async fn connect(&self) -> Result<Box<dyn Stream>, NoAnswer> {
        Ok(Box::new(scep_url::connect(self).await?))
    }
}

/// Connects to the address of a CA from the network of this process.
#[async_trait]
impl Connector for SocketAddr {
    async fn connect(&self) -> Result<Box<dyn Stream>, NoAnswer> {
        let stream = TcpStream::connect(self).await;
        Ok(Box::new(stream.map_err(|error| NoAnswer::NotConnected(error.to_string()))?))
    }
}

/// Connects to a Unix socket.
#[cfg(unix)]
#[async_trait]
impl Connector for PathBuf {
    async fn connect(&self) -> Result<Box<dyn Stream>, NoAnswer> {
        let stream = UnixStream::connect(self).await;
        Ok(Box::new(stream.map_err(|error| NoAnswer::NotConnected(error.to_string()))?))
    }
}

/// Connects in memory to a control API in this process.
#[async_trait]
impl Connector for Arc<Control> {
    async fn connect(&self) -> Result<Box<dyn Stream>, NoAnswer> {
        let control = Self::clone(self);
        Ok(in_memory(|stream| async move { control.serve_connection(stream).await }))
    }
}

/// A connection in memory; a task serves its other end until it is closed.
pub(crate) fn in_memory<F>(serve: impl FnOnce(DuplexStream) -> F) -> Box<dyn Stream>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (ours, theirs) = duplex(BUFFER);
    tokio::spawn(serve(theirs));
    Box::new(ours)
}

/// Opens a connection to a control API for each request.
pub struct Connections {
    connector: Box<dyn Connector>,
    authority: String,
    /// The path of the API in its URL, which precedes the path of each request.
    prefix: String,
    /// The timeout from the first byte of a request to the last of its answer.
    limit: Duration,
}

impl Connections {
    /// Connections to the control API of a CA that a lab started.
    pub fn within_lab(connector: impl Connector) -> Self {
        Self {
            connector: Box::new(connector),
            authority: LOCAL.to_owned(),
            prefix: String::new(),
            limit: LAB_LIMIT,
        }
    }

    /// Connections to a control API by its URL.
    pub fn by_url(url: ScepUrl, limit: Duration) -> Self {
        let prefix = url.path().trim_end_matches('/').to_owned();
        Self { authority: url.authority(), connector: Box::new(url), prefix, limit }
    }
}

impl Transport for Connections {
    type Error = NoAnswer;

    async fn send(&self, path: &str, request: HttpRequest) -> Result<HttpResponse, NoAnswer> {
        let stream = self.connector.connect().await?;
        let path = format!("{}{path}", self.prefix);
        let options = options(&self.authority, &path, self.limit);
        Ok(http::exchange(stream, options, &request).await?)
    }
}

/// One connection to a control API for all requests, one after another.
pub struct KeptConnection(Arc<Mutex<Connection>>);

impl KeptConnection {
    /// Opens a connection on a stream, at the other end of which a control API is served.
    ///
    /// # Errors
    /// Why the connection cannot be opened.
    pub async fn open(stream: impl Stream + 'static) -> Result<Self, NoAnswer> {
        Ok(Self(Arc::new(Mutex::new(Connection::open(stream).await?))))
    }
}

impl Transport for KeptConnection {
    type Error = NoAnswer;

    async fn send(&self, path: &str, request: HttpRequest) -> Result<HttpResponse, NoAnswer> {
        let (connection, path) = (Arc::clone(&self.0), path.to_owned());
        // The exchange continues even if the caller gives up, so that the connection stays usable for the next request.
        let sent = tokio::spawn(async move {
            let options = options(LOCAL, &path, LAB_LIMIT);
            Ok(connection.lock().await.exchange(options, &request).await?)
        });
        sent.await.unwrap_or_else(|error| Err(NoAnswer::Other(error.to_string())))
    }
}

fn options<'a>(authority: &'a str, path: &'a str, limit: Duration) -> RequestOptions<'a> {
    RequestOptions { longest_answer: LONGEST_ANSWER, ..RequestOptions::new(authority, path, limit) }
}
