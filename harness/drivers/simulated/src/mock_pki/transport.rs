//! Ways to a control API: a connection for each request, or one that stays.

use std::sync::Arc;
use std::time::Duration;

use mock_ca::control::Transport;
use scep::http::{HttpRequest, HttpResponse};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;

use crate::connector::Connector;
use model::scep_url::ScepUrl;
use testbed::http::{self, Connection, Envelope};

/// How long a CA of a lab may take for one answer, which may have to wait for an answer of its SCEP service.
const LAB_LIMIT: Duration = Duration::from_secs(60);

/// The longest answer of a control API, in bytes.
const LONGEST_ANSWER: usize = 16 << 20;

/// The host that a control API in a lab is asked by.
const LOCAL: &str = "localhost";

/// A connection for each request.
pub struct Connections<C> {
    connector: C,
    authority: String,
    /// What the paths of the API come after.
    prefix: String,
    /// From the first byte of a request to the last of its answer.
    limit: Duration,
}

impl<C: Connector> Connections<C> {
    /// Connections to the control API of a CA that a lab has started.
    pub fn within_lab(connector: C) -> Self {
        Self { connector, authority: LOCAL.to_owned(), prefix: String::new(), limit: LAB_LIMIT }
    }
}

impl Connections<ScepUrl> {
    /// Connections to a control API by its URL.
    pub fn by_url(url: ScepUrl, limit: Duration) -> Self {
        let prefix = url.path().trim_end_matches('/').to_owned();
        Self { authority: url.authority(), connector: url, prefix, limit }
    }
}

impl<C: Connector> Transport for Connections<C> {
    type Error = String;

    async fn send(&self, path: &str, request: HttpRequest) -> Result<HttpResponse, String> {
        let stream = self.connector.connect().await?;
        let path = format!("{}{path}", self.prefix);
        http::exchange(stream, envelope(&self.authority, &path, self.limit), &request).await
    }
}

/// One connection that stays, for one request after another.
pub struct KeptConnection<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    Arc<Mutex<Connection<S>>>,
);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> KeptConnection<S> {
    /// Makes a connection of a stream, at whose other end a control API is served.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn open(stream: S) -> Result<Self, String> {
        Ok(Self(Arc::new(Mutex::new(Connection::open(stream).await?))))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Transport for KeptConnection<S> {
    type Error = String;

    async fn send(&self, path: &str, request: HttpRequest) -> Result<HttpResponse, String> {
        let (connection, path) = (Arc::clone(&self.0), path.to_owned());
        // A caller that gives up leaves the connection fit for the next request: this one is still carried to its end.
        let sent = tokio::spawn(async move {
            let envelope = envelope(LOCAL, &path, LAB_LIMIT);
            connection.lock().await.exchange(envelope, &request).await
        });
        sent.await.unwrap_or_else(|error| Err(error.to_string()))
    }
}

fn envelope<'a>(authority: &'a str, path: &'a str, limit: Duration) -> Envelope<'a> {
    Envelope { longest_answer: LONGEST_ANSWER, ..Envelope::new(authority, path, limit) }
}
