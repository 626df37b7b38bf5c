//! One HTTP exchange with a SCEP server, over a stream that the device's network opens.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderName, LOCATION};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use scep::client::Exchange;
use scep::content::FirstBytes;
use scep::http::{HttpRequest, HttpResponse, MAX_PIECES, PartialBody, TooMuch};
use scep::url::{HttpUrl, UrlError};
use tokio::time::timeout;
use tokio_util::io::InspectReader;

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
    #[error("no answer in {} s", .0.as_secs())]
    TimedOut(Duration),
    #[error("{}", .0.of("the answer"))]
    TooMuch(#[from] TooMuch),
    #[error("{0}")]
    NotHttp(String),
    #[error("the server closed the connection without an answer; perhaps it speaks only HTTPS")]
    Closed,
    #[error("the answer broke off")]
    BrokeOff,
    #[error("HTTP: {0}")]
    Protocol(#[from] hyper::Error),
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
    let target = request.uri().to_string();
    let whole = async {
        let response = send_over(connect(network, endpoint).await?, request).await?;
        Ok(response.compared(&endpoint.authority(), &target))
    };
    timeout(EXCHANGE_TIMEOUT, whole).await.unwrap_or(Err(HttpFailure::TimedOut(EXCHANGE_TIMEOUT)))
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
    let request = compose(endpoint, request)
        .map_err(|error| format!("{about}: the request cannot be written as HTTP: {error}"))?;
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
    let request = Request::builder()
        .uri(format!("{}{query}", endpoint.path()))
        .header(HOST, endpoint.authority())
        .header(CONNECTION, "close")
        .body(Full::default())
        .map_err(|error| format!("the request cannot be written as HTTP: {error}"))?;
    exchange(network, &endpoint, request).await.map_err(|failure| failure.to_string())
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
    let first_bytes = FirstBytes::default();
    let recorded = first_bytes.clone();
    let stream = InspectReader::new(stream, move |bytes: &[u8]| recorded.record(bytes));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let answer = async { read(sender.send_request(request).await?).await };
    tokio::pin!(answer, connection);
    let answered = tokio::select! {
        // The request goes first: whether a server that answers too early is understood must not depend on chance.
        biased;
        answer = &mut answer => answer,
        // The connection may end right after the last byte; `answer` also reports its errors.
        _ = &mut connection => answer.await,
    };
    answered.map_err(|failure| match (first_bytes.explain("response"), failure) {
        (Some(explanation), _) => HttpFailure::NotHttp(explanation),
        (None, HttpFailure::Protocol(error)) if error.is_incomplete_message() => {
            if first_bytes.is_empty() { HttpFailure::Closed } else { HttpFailure::BrokeOff }
        }
        (None, failure) => failure,
    })
}

async fn read(response: Response<Incoming>) -> Result<HttpResponse, HttpFailure> {
    let status = response.status().as_u16();
    let headers = response.headers();
    let text = |name: HeaderName| Some(headers.get(name)?.to_str().ok()?.to_owned());
    let (content_type, location) = (text(CONTENT_TYPE), text(LOCATION));
    let body = read_body(response.into_body()).await?;
    Ok(HttpResponse { status, content_type, location, body, ..HttpResponse::default() })
}

async fn read_body(mut body: Incoming) -> Result<Vec<u8>, HttpFailure> {
    let mut received = PartialBody::new(scep::MAX_MESSAGE_BYTES, MAX_PIECES);
    while let Some(frame) = body.frame().await {
        if let Some(piece) = frame?.data_ref() {
            received.push(piece)?;
        }
    }
    Ok(received.into_bytes())
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
