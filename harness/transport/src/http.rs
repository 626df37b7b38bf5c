//! HTTP exchanges over a stream, with limits on time and size.

mod failure;
mod interim;

use std::time::Duration;

use futures_util::future::{BoxFuture, Fuse, FutureExt};
use http_body_util::{BodyExt, Full};
use hyper::Version;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderValue, LOCATION, PROXY_AUTHORIZATION,
    USER_AGENT, WWW_AUTHENTICATE,
};
use hyper_util::rt::TokioIo;
use scep::content::FirstBytes;
use scep::http::{HttpRequest, HttpResponse, MAX_PIECES, PartialBody};
use scep::url::Scheme;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_util::io::InspectReader;

pub use self::failure::{Ending, HttpFailure, Unwritable};
use self::interim::Interim;
pub use self::interim::TooManyInterim;
use crate::proxy::Proxy;

/// The name of this program in the header `User-Agent`.
const USER_AGENT_NAME: &str = concat!("sceplab/", env!("CARGO_PKG_VERSION"));

/// Target and limits of a request.
#[derive(Debug, Clone, Copy)]
pub struct RequestOptions<'a> {
    /// The scheme of the URL: the stream is TLS if it is HTTPS.
    pub scheme: Scheme,
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
    /// Method and version.
    pub form: Form,
    /// The value of the header `User-Agent`, if it is sent.
    pub user_agent: Option<&'a str>,
    /// The proxy that forwards the request, if the stream is one to a proxy.
    pub forwarded_by: Option<&'a Proxy>,
}

/// How a request is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Form {
    /// With its own method, in HTTP/1.1.
    #[default]
    Usual,
    /// With the method HEAD in place of its own.
    Head,
    /// In HTTP/1.0.
    Http10,
}

impl<'a> RequestOptions<'a> {
    /// Options for a SCEP service, or a page beside it, in clear text without a login.
    pub fn new(authority: &'a str, path: &'a str, limit: Duration) -> Self {
        let scheme = Scheme::Http;
        let longest_answer = scep::MAX_MESSAGE_BYTES;
        let user_agent = Some(USER_AGENT_NAME);
        let form = Form::Usual;
        Self {
            scheme,
            authority,
            path,
            credentials: None,
            limit,
            longest_answer,
            form,
            user_agent,
            forwarded_by: None,
        }
    }

    /// The target of a request: the path, and the query if the request has one.
    fn target(&self, request: &HttpRequest) -> String {
        if request.query.is_empty() {
            self.path.to_owned()
        } else {
            format!("{}?{}", self.path, request.query)
        }
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
) -> Result<HttpResponse, HttpFailure> {
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
) -> Result<Answer, HttpFailure> {
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
pub async fn ask_authenticated<E: From<HttpFailure>>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    options: RequestOptions<'_>,
    request: &HttpRequest,
    prove: impl FnOnce(&Answer) -> Result<String, E>,
) -> Result<Answer, E> {
    let both = async {
        let mut connection = Connection::open(stream).await?;
        let first = connection.answer(options, request, "keep-alive").await?;
        let credentials = prove(&first)?;
        let options = RequestOptions { credentials: Some(&credentials), ..options };
        Ok(connection.answer(options, request, "close").await?)
    };
    bounded(options.limit, both).await
}

async fn bounded<T, E: From<HttpFailure>>(
    limit: Duration,
    conversation: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let over = |_| Err(HttpFailure::TimedOut(limit).into());
    timeout(limit, conversation).await.unwrap_or_else(over)
}

/// A connection for several requests.
pub struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// Drives the connection; only polled while an answer is awaited.
    driver: Fuse<BoxFuture<'static, hyper::Result<()>>>,
    is_used: bool,
    first_bytes: FirstBytes,
    interim: Interim,
}

impl Connection {
    /// Makes an HTTP connection of a stream. Sends no request yet.
    ///
    /// # Errors
    /// The reason why the connection could not be made.
    pub async fn open(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Self, HttpFailure> {
        let first_bytes = FirstBytes::default();
        let recorded = first_bytes.clone();
        let stream = InspectReader::new(stream, move |bytes: &[u8]| recorded.record(bytes));
        let interim = Interim::default();
        let opened = http1::handshake(TokioIo::new(interim.bound(stream))).await;
        let (sender, driver) = opened.map_err(HttpFailure::Protocol)?;
        Ok(Self { sender, driver: driver.boxed().fuse(), is_used: false, first_bytes, interim })
    }

    /// Sends `request`, and reads the answer whatever its status. The connection stays open.
    ///
    /// # Errors
    /// Says why there is no answer.
    pub async fn exchange(
        &mut self,
        options: RequestOptions<'_>,
        request: &HttpRequest,
    ) -> Result<HttpResponse, HttpFailure> {
        let answered = self.answer(options, request, "keep-alive");
        Ok(bounded(options.limit, answered).await?.response)
    }

    async fn answer(
        &mut self,
        options: RequestOptions<'_>,
        request: &HttpRequest,
        afterwards: &'static str,
    ) -> Result<Answer, HttpFailure> {
        let target = options.target(request);
        let mut request = compose(options, &target, request, afterwards)?;
        let Self { sender, driver, is_used, first_bytes, interim } = self;
        interim.count(&mut request);
        let answered = async {
            if std::mem::replace(is_used, true) {
                sender
                    .ready()
                    .await
                    .map_err(|error| HttpFailure::of(error, first_bytes, options.scheme))?;
            }
            answered(sender, request, options, first_bytes).await
        };
        tokio::pin!(answered);
        let Answer { response, offers } = tokio::select! {
            // The request goes first: whether a server that answers too early is understood must not depend on chance.
            biased;
            answer = &mut answered => answer?,
            // The answer reports an error of the connection too.
            _ = driver => answered.await?,
        };
        Ok(Answer {
            response: response.compared(options.scheme, options.authority, &target),
            offers,
        })
    }
}

async fn answered(
    sender: &mut http1::SendRequest<Full<Bytes>>,
    request: hyper::Request<Full<Bytes>>,
    options: RequestOptions<'_>,
    first_bytes: &FirstBytes,
) -> Result<Answer, HttpFailure> {
    let sent = sender.send_request(request).await;
    let response = sent.map_err(|error| HttpFailure::of(error, first_bytes, options.scheme))?;
    let (head, body) = response.into_parts();
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    let content_type = head.headers.get(CONTENT_TYPE).and_then(text);
    let location = head.headers.get(LOCATION).and_then(text);
    let offers = head.headers.get_all(WWW_AUTHENTICATE).iter().filter_map(text).collect();
    let body = read_body(body, options.longest_answer).await?;
    let response = HttpResponse {
        status: head.status.as_u16(),
        content_type,
        location,
        body,
        ..HttpResponse::default()
    };
    Ok(Answer { response, offers })
}

async fn read_body(mut body: Incoming, longest: usize) -> Result<Vec<u8>, HttpFailure> {
    let mut received = PartialBody::new(longest, MAX_PIECES);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(HttpFailure::BodyBrokeOff)?;
        if let Some(piece) = frame.data_ref() {
            received.push(piece)?;
        }
    }
    Ok(received.into_bytes())
}

fn compose(
    options: RequestOptions<'_>,
    target: &str,
    request: &HttpRequest,
    connection: &'static str,
) -> Result<hyper::Request<Full<Bytes>>, HttpFailure> {
    let RequestOptions { authority, credentials, form, user_agent, forwarded_by, .. } = options;
    let target = match forwarded_by {
        // RFC 9112 §3.2.2.
        Some(_) => format!("{}://{authority}{target}", options.scheme.as_str()),
        None => target.to_owned(),
    };
    let method = if form == Form::Head { "HEAD" } else { request.method.as_str() };
    let version = if form == Form::Http10 { Version::HTTP_10 } else { Version::HTTP_11 };
    let mut builder = hyper::Request::builder()
        .method(method)
        .version(version)
        .uri(target)
        .header(HOST, authority);
    if let Some(user_agent) = user_agent {
        builder = builder.header(USER_AGENT, user_agent);
    }
    builder = builder.header(CONNECTION, connection);
    if let Some(content_type) = &request.content_type {
        builder = builder.header(CONTENT_TYPE, content_type);
    }
    if let Some(credentials) = credentials {
        builder = builder.header(AUTHORIZATION, credentials);
    }
    if let Some(credentials) = forwarded_by.and_then(Proxy::credentials) {
        builder = builder.header(PROXY_AUTHORIZATION, credentials);
    }
    builder.body(Full::from(request.body.clone())).map_err(HttpFailure::Unwritable)
}
