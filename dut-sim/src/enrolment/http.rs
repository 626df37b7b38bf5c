//! One HTTP exchange with a SCEP server, over a stream that the device's network opens.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use scep::http::{HttpRequest, HttpResponse};
use scep::url::HttpUrl;
use tokio::time::timeout;

use crate::network::{ConnectError, Network, ResolveError, Stream};

/// Timeout from opening the connection to the last byte of the answer. It is less than the 20 s that a scenario waits by
/// default, so that the scenario can report the failure.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(15);

/// Why there is no usable answer. The next try may succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpFailure {
    #[error("{0}")]
    Resolve(#[from] ResolveError),
    #[error("{}", connect_words(error, *address, *port))]
    Connect { error: ConnectError, address: Ipv4Addr, port: u16 },
    #[error("no answer in {} s", .0.as_secs())]
    TimedOut(Duration),
    #[error("the answer is longer than {} bytes", scep::MAX_MESSAGE_BYTES)]
    TooLong,
    #[error("HTTP: {0}")]
    Protocol(#[from] hyper::Error),
    #[error("was answered HTTP {0}")]
    Status(u16),
}

impl HttpFailure {
    /// Text of the failure in this exchange.
    pub(crate) fn at(&self, exchange: &str) -> String {
        match self {
            Self::Status(_) => format!("{exchange} {self}"),
            _ => format!("{exchange}: {self}"),
        }
    }
}

/// Converts `request` to HTTP for `endpoint`.
///
/// # Errors
/// If the path has characters that a URI cannot have, or the query is too long. Another try would fail too.
pub(crate) fn compose(
    endpoint: &HttpUrl,
    request: &HttpRequest,
) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    let mut builder = Request::builder()
        .method(request.method.as_str())
        .uri(format!("{}?{}", endpoint.path(), request.query))
        .header(HOST, endpoint.authority())
        .header(CONNECTION, "close");
    if let Some(content_type) = &request.content_type {
        builder = builder.header(CONTENT_TYPE, content_type);
    }
    builder.body(Full::from(request.body.clone()))
}

/// Sends `request` to `endpoint` and reads the answer with any status.
pub(crate) async fn exchange(
    network: &Arc<dyn Network>,
    endpoint: &HttpUrl,
    request: Request<Full<Bytes>>,
) -> Result<HttpResponse, HttpFailure> {
    let whole = async { send_over(connect(network, endpoint).await?, request).await };
    timeout(EXCHANGE_TIMEOUT, whole).await.unwrap_or(Err(HttpFailure::TimedOut(EXCHANGE_TIMEOUT)))
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

/// Sends `request` over `stream`. No other task drives the connection. If this future is
/// dropped, the connection is closed.
async fn send_over(
    stream: Box<dyn Stream>,
    request: Request<Full<Bytes>>,
) -> Result<HttpResponse, HttpFailure> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answer = async { read(sender.send_request(request).await?).await };
    tokio::pin!(answer, connection);
    tokio::select! {
        answer = &mut answer => answer,
        // The connection may end right after the last byte; `answer` also reports its errors.
        _ = &mut connection => answer.await,
    }
}

async fn read(response: Response<Incoming>) -> Result<HttpResponse, HttpFailure> {
    let status = response.status().as_u16();
    let content_type = response.headers().get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| Some(value.to_str().ok()?.to_owned()));
    let body = Limited::new(response.into_body(), scep::MAX_MESSAGE_BYTES).collect().await;
    let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
        Ok(error) => HttpFailure::Protocol(*error),
        Err(_) => HttpFailure::TooLong,
    })?;
    Ok(HttpResponse { status, content_type, body: body.to_bytes().to_vec() })
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
