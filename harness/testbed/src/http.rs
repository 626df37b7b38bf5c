//! HTTP exchanges over a stream: bounded in time and size, whatever the other side does.

use std::time::Duration;

use futures_util::future::{BoxFuture, Fuse, FutureExt};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT, WWW_AUTHENTICATE,
};
use hyper_util::rt::TokioIo;
use scep::http::{HttpRequest, HttpResponse};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

/// Whom a request is for, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// Host and port, as in a URL.
    pub authority: &'a str,
    /// The path, without the query.
    pub path: &'a str,
    /// The value of the header `Authorization`.
    pub credentials: Option<&'a str>,
    /// From the first byte of the request to the last of the answer.
    pub limit: Duration,
    /// The longest body of an answer, in bytes.
    pub longest_answer: usize,
}

impl<'a> Envelope<'a> {
    /// For a SCEP service, or a page beside it, to which nobody logs in.
    pub fn new(authority: &'a str, path: &'a str, limit: Duration) -> Self {
        Self { authority, path, credentials: None, limit, longest_answer: scep::MAX_MESSAGE_BYTES }
    }
}

/// Sends `request`, and reads the answer whatever its status; the error is why there is none.
///
/// # Errors
/// Why there is no answer.
pub async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    envelope: Envelope<'_>,
    request: &HttpRequest,
) -> Result<HttpResponse, String> {
    ask(stream, envelope, request).await.map(|answer| answer.response)
}

/// An answer, and what it says of who may have a better one.
pub struct Answer {
    /// What came.
    pub response: HttpResponse,
    /// The ways to authenticate that the server offers (RFC 9110 §11.6.1): each header as it came.
    pub offers: Vec<String>,
}

impl Answer {
    /// The names of those ways: `Negotiate`, `Basic`. What has a `=` is a parameter of the one before it.
    pub fn schemes(&self) -> Vec<&str> {
        let challenges = self.offers.iter().flat_map(|offer| offer.split(','));
        let words = challenges.filter_map(|challenge| challenge.split_whitespace().next());
        words.filter(|word| !word.contains('=')).collect()
    }
}

/// As [`exchange`], with what the server wants to know first.
///
/// # Errors
/// Why there is no answer.
pub async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    envelope: Envelope<'_>,
    request: &HttpRequest,
) -> Result<Answer, String> {
    let only = async {
        let mut connection = Connection::open(stream).await?;
        connection.answer(envelope, request, "close").await
    };
    bounded(envelope.limit, only).await
}

/// As [`ask`], and asks once more over the same connection with the credentials that `prove` makes of the answer.
///
/// # Errors
/// Why there is no answer, or no proof.
pub async fn ask_again(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    envelope: Envelope<'_>,
    request: &HttpRequest,
    prove: impl FnOnce(&Answer) -> Result<String, String>,
) -> Result<Answer, String> {
    let both = async {
        let mut connection = Connection::open(stream).await?;
        let first = connection.answer(envelope, request, "keep-alive").await?;
        let credentials = prove(&first)?;
        let envelope = Envelope { credentials: Some(&credentials), ..envelope };
        connection.answer(envelope, request, "close").await
    };
    bounded(envelope.limit, both).await
}

async fn bounded<T>(
    limit: Duration,
    conversation: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    let over = |_| Err(format!("no answer in {} s", limit.as_secs()));
    timeout(limit, conversation).await.unwrap_or_else(over)
}

/// A connection for one request after another.
pub struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// The connection is driven while an answer is waited for, and not otherwise.
    driver: Fuse<BoxFuture<'static, hyper::Result<()>>>,
    is_used: bool,
}

impl Connection {
    /// Makes a connection of a stream; nothing is sent yet.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn open(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Self, String> {
        let opened = http1::handshake(TokioIo::new(stream)).await;
        let (sender, driver) = opened.map_err(|error| error.to_string())?;
        Ok(Self { sender, driver: driver.boxed().fuse(), is_used: false })
    }

    /// Sends `request`, and reads the answer whatever its status; the connection stays.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn exchange(
        &mut self,
        envelope: Envelope<'_>,
        request: &HttpRequest,
    ) -> Result<HttpResponse, String> {
        let answered = self.answer(envelope, request, "keep-alive");
        Ok(bounded(envelope.limit, answered).await?.response)
    }

    async fn answer(
        &mut self,
        envelope: Envelope<'_>,
        request: &HttpRequest,
        afterwards: &'static str,
    ) -> Result<Answer, String> {
        let request = compose(envelope, request, afterwards)?;
        let Self { sender, driver, is_used } = self;
        let answered = async {
            if std::mem::replace(is_used, true) {
                sender.ready().await.map_err(|error| reason(&error))?;
            }
            answered(sender, request, envelope.longest_answer).await
        };
        tokio::pin!(answered);
        tokio::select! {
            answer = &mut answered => answer,
            // What went wrong with the connection, the answer tells too.
            _ = driver => answered.await,
        }
    }
}

async fn answered(
    sender: &mut http1::SendRequest<Full<Bytes>>,
    request: hyper::Request<Full<Bytes>>,
    longest: usize,
) -> Result<Answer, String> {
    let response = sender.send_request(request).await.map_err(|error| reason(&error))?;
    let (head, body) = response.into_parts();
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    let content_type = head.headers.get(CONTENT_TYPE).and_then(text);
    let offers = head.headers.get_all(WWW_AUTHENTICATE).iter().filter_map(text).collect();
    let body = match Limited::new(body, longest).collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(format!("the answer is longer than {longest} bytes"));
        }
        Err(error) => return Err(format!("the answer broke off: {error}")),
    };
    let response = HttpResponse { status: head.status.as_u16(), content_type, body };
    Ok(Answer { response, offers })
}

fn reason(error: &hyper::Error) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}"));
    format!("{error}{}", source.unwrap_or_default())
}

fn compose(
    envelope: Envelope<'_>,
    request: &HttpRequest,
    connection: &'static str,
) -> Result<hyper::Request<Full<Bytes>>, String> {
    let Envelope { authority, path, credentials, .. } = envelope;
    let target = if request.query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", request.query)
    };
    let mut builder = hyper::Request::builder()
        .method(request.method.as_str())
        .uri(target)
        .header(HOST, authority)
        .header(USER_AGENT, concat!("sceplab/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, connection);
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

/// The first bytes of little-endian UTF-16 that says so.
const BYTE_ORDER_MARK: [u8; 2] = [0xff, 0xfe];

/// A body as text, UTF-8 or UTF-16 as NDES writes its pages, without its byte order mark; `None` if it is none.
pub fn text(body: &[u8]) -> Option<String> {
    if let Ok(text) = str::from_utf8(body)
        && !text.contains('\0')
    {
        return Some(text.to_owned());
    }
    let is_utf16 = body.starts_with(&BYTE_ORDER_MARK) || begins_in_ascii(body);
    let units = body.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let text =
        is_utf16.then(|| char::decode_utf16(units).collect::<Result<String, _>>().ok())??;
    Some(text.trim_start_matches('\u{feff}').to_owned())
}

/// Whether the first two characters are ASCII ones of two bytes each.
fn begins_in_ascii(body: &[u8]) -> bool {
    let is_ascii = |byte: u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    matches!(body, [first, 0, second, 0, ..] if is_ascii(*first) && is_ascii(*second))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn pages_are_read_as_they_are_written() {
        let page = "<html>é</html>";
        let written = [page.as_bytes().to_vec(), utf16(page), utf16(&format!("\u{feff}{page}"))];
        for body in written {
            assert_eq!(text(&body).as_deref(), Some(page));
        }
    }

    #[test]
    fn what_is_no_text_is_none() {
        let half = [&BYTE_ORDER_MARK[..], &[0x00, 0xd8]].concat();
        for body in [&[0xff, 0x00][..], b"a\0b", &[0x30, 0x80, 0x00], &half] {
            assert_eq!(text(body), None, "{body:?}");
        }
    }
}
