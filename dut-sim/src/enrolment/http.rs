//! One HTTP exchange with a SCEP server, over a stream that the device's network opens.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use openssl::x509::X509;
use scep::client::Exchange;
use scep::http::{HttpRequest, HttpResponse, Method};
use scep::url::{HttpUrl, UrlError};
use tokio::time::timeout;
use transport::http::{self, RequestOptions};
use transport::secured;
use transport::tls::{TlsClient, TlsFailure, TlsOptions, Trust};

use super::EnrolmentContext;
use super::tls_roots::TlsRoots;
use crate::config::system::{CsrSettings, Recognition};
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
    #[error("no TLS connection: {0}")]
    Tls(#[from] TlsFailure),
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

/// A server, and how the device reaches and recognises it.
pub(crate) struct Server<'a> {
    network: &'a Arc<dyn Network>,
    url: HttpUrl,
    tls: TlsClient,
}

impl EnrolmentContext {
    /// The server of a certificate request.
    pub(crate) fn server(&self, settings: &CsrSettings) -> Server<'_> {
        let trust = match (&settings.recognition, &self.tls_roots) {
            (Recognition::Nothing, _) => Trust::Anything,
            (Recognition::ByFingerprint(fingerprint), _) => Trust::Pinned(fingerprint.clone()),
            (Recognition::ByCa, TlsRoots::System) => Trust::System,
            (Recognition::ByCa, TlsRoots::Given(roots)) => {
                let certificates =
                    roots.iter().filter_map(|pem| X509::from_pem(pem.as_bytes()).ok());
                Trust::Roots(certificates.collect())
            }
        };
        let tls = TlsClient::new(TlsOptions::new(trust, self.clock.clone()));
        Server { network: &self.network, url: settings.endpoint.clone(), tls }
    }
}

impl Server<'_> {
    /// Sends `request` and reads the answer with any status.
    pub(crate) async fn exchange(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, HttpFailure> {
        self.exchange_at(self.url.path(), request).await
    }

    /// Like [`Self::exchange`], at another path.
    async fn exchange_at(
        &self,
        path: &str,
        request: &HttpRequest,
    ) -> Result<HttpResponse, HttpFailure> {
        let authority = self.url.authority();
        let scheme = self.url.scheme();
        let options = RequestOptions::new(&authority, path, EXCHANGE_TIMEOUT);
        let options = RequestOptions { scheme, user_agent: None, ..options };
        let whole = async {
            let stream = self.connect().await?;
            Ok(http::exchange(stream, options, request).await?)
        };
        let over = |_| Err(http::HttpFailure::TimedOut(EXCHANGE_TIMEOUT).into());
        timeout(EXCHANGE_TIMEOUT, whole).await.unwrap_or_else(over)
    }

    /// Sends a question that is no part of an enrolment, once, and returns the answer with any status.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub(crate) async fn ask(
        &self,
        about: &Exchange,
        request: &HttpRequest,
    ) -> Result<HttpResponse, String> {
        self.exchange(request).await.map_err(|failure| failure.at(about))
    }

    /// Fetches the resource at a URL, which may have a query and may be at another server.
    ///
    /// # Errors
    /// Why that is not possible, in words.
    pub(crate) async fn fetch(&self, url: &str) -> Result<HttpResponse, String> {
        let (resource, query) = match url.split_once('?') {
            Some((resource, query)) => (resource, format!("?{query}")),
            None => (url, String::new()),
        };
        let url: HttpUrl = resource.parse().map_err(|error: UrlError| error.to_string())?;
        let path = format!("{}{query}", url.path());
        let request = HttpRequest {
            method: Method::Get,
            query: String::new(),
            content_type: None,
            body: Vec::new(),
        };
        let server = Server { network: self.network, url, tls: self.tls.clone() };
        server.exchange_at(&path, &request).await.map_err(|failure| failure.to_string())
    }

    /// Opens a connection for requests.
    pub(crate) async fn connect(&self) -> Result<Box<dyn Stream>, HttpFailure> {
        let address = self.network.resolve(self.url.host()).await?;
        let port = self.url.port();
        let connected = self.network.connect(address, port).await;
        let stream = connected.map_err(|error| HttpFailure::Connect { error, address, port })?;
        let stream = secured(stream, &self.url, &self.tls).await?;
        Ok(self.network.observed(stream, address, port))
    }
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
