//! HTTP exchanges over a stream, with limits on time and size.

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

/// Target and limits of a request.
#[derive(Debug, Clone, Copy)]
pub struct RequestOptions<'a> {
    /// Host and port, as in a URL.
    pub authority: &'a str,
    /// The path, without the query.
    pub path: &'a str,
    /// The value of the header `Authorization`.
    pub credentials: Option<&'a str>,
    /// Time limit from the first byte of the request to the last of the answer.
    pub limit: Duration,
    /// Limit of an answer's body in bytes.
    pub longest_answer: usize,
}

impl<'a> RequestOptions<'a> {
    /// Options for a SCEP service, or a page beside it, without a login.
    pub fn new(authority: &'a str, path: &'a str, limit: Duration) -> Self {
        Self { authority, path, credentials: None, limit, longest_answer: scep::MAX_MESSAGE_BYTES }
    }
}

/// Sends `request`, and reads the answer whatever its status.
///
/// # Errors
/// Says why there is no answer.
pub async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    options: RequestOptions<'_>,
    request: &HttpRequest,
) -> Result<HttpResponse, String> {
    ask(stream, options, request).await.map(|answer| answer.response)
}

/// An answer, and the authentication that the server offers.
pub struct Answer {
    /// Response.
    pub response: HttpResponse,
    /// The headers `WWW-Authenticate` (RFC 9110 §11.6.1).
    pub offers: Vec<String>,
}

impl Answer {
    /// Names of the offered schemes, such as `Negotiate` and `Basic`. A word with `=` is a parameter of the previous scheme.
    pub fn schemes(&self) -> Vec<&str> {
        let challenges = self.offers.iter().flat_map(|offer| offer.split(','));
        let words = challenges.filter_map(|challenge| challenge.split_whitespace().next());
        words.filter(|word| !word.contains('=')).collect()
    }
}

/// Like [`exchange`], but returns the offered authentication too.
///
/// # Errors
/// Says why there is no answer.
pub async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    options: RequestOptions<'_>,
    request: &HttpRequest,
) -> Result<Answer, String> {
    let only = async {
        let mut connection = Connection::open(stream).await?;
        connection.answer(options, request, "close").await
    };
    bounded(options.limit, only).await
}

/// Like [`ask`], then repeats the request over the same connection with the credentials that `prove` makes from the answer.
///
/// # Errors
/// Says why there is no answer, or no credentials.
pub async fn ask_authenticated(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    options: RequestOptions<'_>,
    request: &HttpRequest,
    prove: impl FnOnce(&Answer) -> Result<String, String>,
) -> Result<Answer, String> {
    let both = async {
        let mut connection = Connection::open(stream).await?;
        let first = connection.answer(options, request, "keep-alive").await?;
        let credentials = prove(&first)?;
        let options = RequestOptions { credentials: Some(&credentials), ..options };
        connection.answer(options, request, "close").await
    };
    bounded(options.limit, both).await
}

async fn bounded<T>(
    limit: Duration,
    conversation: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    let over = |_| Err(format!("no answer in {} s", limit.as_secs()));
    timeout(limit, conversation).await.unwrap_or_else(over)
}

/// A connection for several requests.
pub struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// Drives the connection; only polled while an answer is awaited.
    driver: Fuse<BoxFuture<'static, hyper::Result<()>>>,
    is_used: bool,
}

impl Connection {
    /// Makes an HTTP connection of a stream. Sends no request yet.
    ///
    /// # Errors
    /// The reason why the connection could not be made.
    pub async fn open(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Self, String> {
        let opened = http1::handshake(TokioIo::new(stream)).await;
        let (sender, driver) = opened.map_err(|error| error.to_string())?;
        Ok(Self { sender, driver: driver.boxed().fuse(), is_used: false })
    }

    /// Sends `request`, and reads the answer whatever its status. The connection stays open.
    ///
    /// # Errors
    /// Says why there is no answer.
    pub async fn exchange(
        &mut self,
        options: RequestOptions<'_>,
        request: &HttpRequest,
    ) -> Result<HttpResponse, String> {
        let answered = self.answer(options, request, "keep-alive");
        Ok(bounded(options.limit, answered).await?.response)
    }

    async fn answer(
        &mut self,
        options: RequestOptions<'_>,
        request: &HttpRequest,
        afterwards: &'static str,
    ) -> Result<Answer, String> {
        let request = compose(options, request, afterwards)?;
        let Self { sender, driver, is_used } = self;
        let answered = async {
            if std::mem::replace(is_used, true) {
                sender.ready().await.map_err(|error| reason(&error))?;
            }
            answered(sender, request, options.longest_answer).await
        };
        tokio::pin!(answered);
        tokio::select! {
            answer = &mut answered => answer,
            // The answer reports an error of the connection too.
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
    options: RequestOptions<'_>,
    request: &HttpRequest,
    connection: &'static str,
) -> Result<hyper::Request<Full<Bytes>>, String> {
    let RequestOptions { authority, path, credentials, .. } = options;
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

/// Byte order mark of little-endian UTF-16.
const BYTE_ORDER_MARK: [u8; 2] = [0xff, 0xfe];

/// The text of a body in UTF-8, or in UTF-16 as NDES writes its pages, without byte order mark; `None` if it is no text.
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

/// True if the first two characters are ASCII in UTF-16.
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
    fn text_in_utf_8_and_utf_16_is_decoded() {
        let page = "<html>é</html>";
        let written = [page.as_bytes().to_vec(), utf16(page), utf16(&format!("\u{feff}{page}"))];
        for body in written {
            assert_eq!(text(&body).as_deref(), Some(page));
        }
    }

    #[test]
    fn binary_is_no_text() {
        let half = [&BYTE_ORDER_MARK[..], &[0x00, 0xd8]].concat();
        for body in [&[0xff, 0x00][..], b"a\0b", &[0x30, 0x80, 0x00], &half] {
            assert_eq!(text(body), None, "{body:?}");
        }
    }
}
