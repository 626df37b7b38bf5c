//! One HTTP exchange with a SCEP server, over a stream that the device's network opens.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use scep::client::Exchange;
use scep::http::{HttpRequest, HttpResponse, Method};
use scep::url::{HttpUrl, UrlError};
use tokio::time::timeout;
use transport::http::{self, RequestOptions};

use crate::network::{ConnectError, Network, ResolveError, Stream};

/// Timeout from opening the connection to the last byte of the answer. It is less than the 20 s that a scenario waits by
/// default, so that the scenario can report the failure.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(15);

/// Why there is no usable answer. The next try may succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpFailure {
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    #[error("{}", connect_words(error, *address, *port))]
    Connect { error: ConnectError, address: Ipv4Addr, port: u16 },
    #[error(transparent)]
    Http(#[from] http::HttpFailure),
    /// The answer has another status than 200; the words are those of [`HttpResponse::answered`].
    #[error("{0}")]
    Status(String),
}

impl HttpFailure {
    /// Text of the failure in this exchange.
    pub(crate) fn at(&self, exchange: &Exchange) -> String {
        match self {
            Self::Status(_) => format!("{exchange} {self}"),
            _ => format!("{exchange}: {self}"),
        }
    }
}

/// Sends `request` to `endpoint` and reads the answer with any status.
pub(crate) async fn exchange(
    network: &Arc<dyn Network>,
    endpoint: &HttpUrl,
    request: &HttpRequest,
) -> Result<HttpResponse, HttpFailure> {
    exchange_at(network, endpoint, endpoint.path(), request).await
}

/// Like [`exchange`], at another path of the same host.
async fn exchange_at(
    network: &Arc<dyn Network>,
    endpoint: &HttpUrl,
    path: &str,
    request: &HttpRequest,
) -> Result<HttpResponse, HttpFailure> {
    let authority = endpoint.authority();
    let options = RequestOptions::new(&authority, path, EXCHANGE_TIMEOUT);
    let options = RequestOptions { user_agent: None, ..options };
    let whole = async {
        let stream = connect(network, endpoint).await?;
        Ok(http::exchange(stream, options, request).await?)
    };
    let over = |_| Err(http::HttpFailure::TimedOut(EXCHANGE_TIMEOUT).into());
    timeout(EXCHANGE_TIMEOUT, whole).await.unwrap_or_else(over)
}

/// Sends a question that is no part of an enrolment to `endpoint`, once, and returns the answer with any status.
///
/// # Errors
/// Why there is none, in words.
pub(crate) async fn ask(
    network: &Arc<dyn Network>,
    endpoint: &HttpUrl,
    about: &Exchange,
    request: &HttpRequest,
) -> Result<HttpResponse, String> {
    exchange(network, endpoint, request).await.map_err(|failure| failure.at(about))
}

/// Fetches the resource at a URL, which may have a query.
///
/// # Errors
/// Why that is not possible, in words.
pub(crate) async fn fetch(network: &Arc<dyn Network>, url: &str) -> Result<HttpResponse, String> {
    let (resource, query) = match url.split_once('?') {
        Some((resource, query)) => (resource, Some(query)),
        None => (url, None),
    };
    let endpoint: HttpUrl = resource.parse().map_err(|error: UrlError| error.to_string())?;
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    let path = format!("{}{query}", endpoint.path());
    let request = HttpRequest {
        method: Method::Get,
        query: String::new(),
        content_type: None,
        body: Vec::new(),
    };
    let fetched = exchange_at(network, &endpoint, &path, &request).await;
    fetched.map_err(|failure| failure.to_string())
}

/// Opens a connection to `endpoint`.
pub(crate) async fn connect(
    network: &Arc<dyn Network>,
    endpoint: &HttpUrl,
) -> Result<Box<dyn Stream>, HttpFailure> {
    let address = network.resolve(endpoint.host()).await?;
    let port = endpoint.port();
    let connected = network.connect(address, port).await;
    connected.map_err(|error| HttpFailure::Connect { error, address, port })
}

fn connect_words(error: &ConnectError, address: Ipv4Addr, port: u16) -> String {
    match error {
        ConnectError::Refused => format!("connection refused by {address}:{port}"),
        ConnectError::NoRoute => format!("no route to {address}"),
        ConnectError::HostUnreachable => format!("host {address} unreachable"),
        ConnectError::NetworkUnreachable => format!("network of {address} unreachable"),
        ConnectError::TimedOut => format!("connection to {address}:{port} timed out"),
        ConnectError::Other(error) => format!("no connection to {address}:{port}: {error}"),
    }
}
