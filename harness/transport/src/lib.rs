//! The client's end of HTTP, TLS and proxies over a stream that is already connected, within bounds of time and size.
#![forbid(unsafe_code)]

pub mod http;
pub mod proxy;
pub mod tls;

use scep::url::HttpUrl;
use tokio::io::{AsyncRead, AsyncWrite};

use self::tls::{TlsClient, TlsFailure};

/// A bidirectional stream of bytes.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// The stream for requests to `url` over a connection to its host: over TLS if the URL is one of HTTPS.
///
/// # Errors
/// Says why there is no TLS connection.
pub async fn secured(
    stream: impl Stream + 'static,
    url: &HttpUrl,
    tls: &TlsClient,
) -> Result<Box<dyn Stream>, TlsFailure> {
    if !url.is_https() {
        return Ok(Box::new(stream));
    }
    Ok(Box::new(tls.secure(stream, url.host()).await?))
}
