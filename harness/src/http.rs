//! One HTTP exchange over a stream: bounded in time and size, whatever the other side does.

mod text;

use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper_util::rt::TokioIo;
use scep::http::{HttpRequest, HttpResponse, Method};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

pub(crate) use self::text::text;

/// Whom a request is for, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Envelope<'a> {
    /// Host and port, as in a URL.
    pub(crate) authority: &'a str,
    /// The path, without the query.
    pub(crate) path: &'a str,
    /// The value of the header `Authorization`.
    pub(crate) credentials: Option<&'a str>,
    /// From the first byte of the request to the last of the answer.
    pub(crate) limit: Duration,
}

/// Sends `request`, and reads the answer whatever its status; the error is why there is none.
pub(crate) async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    envelope: Envelope<'_>,
    request: &HttpRequest,
) -> Result<HttpResponse, String> {
    let limit = envelope.limit;
    let request = compose(envelope, request)?;
    let converse = converse(stream, request);
    let over = |_| Err(format!("no answer in {} s", limit.as_secs()));
    timeout(limit, converse).await.unwrap_or_else(over)
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: hyper::Request<Full<Bytes>>,
) -> Result<HttpResponse, String> {
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let answered = async move {
        let response = sender.send_request(request).await.map_err(|error| reason(&error))?;
        let (head, body) = response.into_parts();
        let content_type = head.headers.get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = match Limited::new(body, scep::MAX_MESSAGE_BYTES).collect().await {
            Ok(body) => body.to_bytes().to_vec(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Err(format!("the answer is longer than {} bytes", scep::MAX_MESSAGE_BYTES));
            }
            Err(error) => return Err(format!("the answer broke off: {error}")),
        };
        Ok(HttpResponse { status: head.status.as_u16(), content_type, body })
    };
    tokio::pin!(answered);
    // The connection is driven by this future alone, and ends with it.
    let mut connection = Box::pin(connection);
    let mut is_over = false;
    loop {
        tokio::select! {
            answer = &mut answered => return answer,
            _ = &mut connection, if !is_over => is_over = true,
        }
    }
}

fn reason(error: &hyper::Error) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}"));
    format!("{error}{}", source.unwrap_or_default())
}

fn compose(
    envelope: Envelope<'_>,
    request: &HttpRequest,
) -> Result<hyper::Request<Full<Bytes>>, String> {
    let Envelope { authority, path, credentials, .. } = envelope;
    let target = if request.query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", request.query)
    };
    let mut builder = hyper::Request::builder()
        .method(match request.method {
            Method::Get => hyper::Method::GET,
            Method::Post => hyper::Method::POST,
        })
        .uri(target)
        .header(HOST, authority)
        .header(USER_AGENT, concat!("sceplab/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close");
    if let Some(content_type) = &request.content_type {
        builder = builder.header(CONTENT_TYPE, content_type);
    }
    if let Some(credentials) = credentials {
        builder = builder.header(AUTHORIZATION, credentials);
    }
    builder
        .body(Full::from(request.body.clone()))
        .map_err(|error| format!("it cannot be written as HTTP: {error}"))
}
