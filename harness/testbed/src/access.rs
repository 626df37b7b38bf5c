//! How this machine reaches real servers.

use std::net::SocketAddr;
use std::time::Duration;

use model::scep_url::{ScepUrl, connect};
use transport::http::RequestOptions;
use transport::proxy::{Proxies, tunnel};
use transport::tls::TlsClient;
use transport::{Stream, secured};

use crate::no_answer::NoAnswer;

/// How this machine reaches real servers. Clones share what they have read.
#[derive(Clone, Default)]
pub struct Access {
    /// The client's end of TLS, for addresses of HTTPS.
    pub tls: TlsClient,
    /// The proxies; by default none.
    pub proxies: Proxies,
}

/// A connection to a server.
pub struct Connected {
    /// The stream for requests.
    pub stream: Box<dyn Stream>,
    /// Address of this end, if the system knows it.
    pub from: Option<SocketAddr>,
}

impl Access {
    /// Opens a connection for requests to `url`, through a proxy if there is one for it.
    ///
    /// # Errors
    /// Says why there is none.
    pub async fn connect(&self, url: &ScepUrl) -> Result<Connected, NoAnswer> {
        let Some(proxy) = self.proxies.of(url) else {
            let stream = connect(url).await?;
            let from = stream.local_addr().ok();
            return Ok(Connected { stream: secured(stream, url, &self.tls).await?, from });
        };
        let stream = connect(proxy.url()).await.map_err(NoAnswer::from);
        let mut stream =
            stream.map_err(|error| error.reworded(|words| format!("the proxy: {words}")))?;
        let from = stream.local_addr().ok();
        if url.is_https() {
            let to = url.at_named_port();
            tunnel(&mut stream, proxy, &to).await?;
        }
        Ok(Connected { stream: secured(stream, url, &self.tls).await?, from })
    }

    /// The options for a request to the host of `url`, over a connection that [`Self::connect`] opened.
    pub fn options<'a>(
        &'a self,
        url: &ScepUrl,
        authority: &'a str,
        path: &'a str,
        limit: Duration,
    ) -> RequestOptions<'a> {
        let scheme = url.scheme();
        // In a tunnel the server itself gets the request.
        let forwarded_by = self.proxies.of(url).filter(|_| !url.is_https());
        RequestOptions { scheme, forwarded_by, ..RequestOptions::new(authority, path, limit) }
    }

    /// The warning about connections whose server nobody has verified, if that is asked for.
    pub fn warning(&self) -> Option<&'static str> {
        self.tls.takes_anything().then_some(
            "TLS is not verified (--tls-insecure): anybody on the way may have answered in place of the server",
        )
    }
}
