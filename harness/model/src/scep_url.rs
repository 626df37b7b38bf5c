//! Where a service of SCEP, or the page of passwords beside it, is on the network of this machine.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// For a connection to be opened.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Where a PKI's SCEP service is: `http://host[:port]/path`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScepUrl {
    host: String,
    port: u16,
    path: String,
}

/// Why a text is no URL of a SCEP service.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UrlError {
    /// It is of HTTPS.
    #[error("HTTPS is not spoken: RFC 8894 §4.1 needs none; give the PKI's http:// address")]
    Https,
    /// It is no URL of HTTP.
    #[error("a SCEP service has a URL such as `http://pki.example.com/scep`")]
    NotHttp,
    /// It has a query or a fragment, which the operations bring.
    #[error("leave out the query: `?operation=…` is added by each request")]
    Query,
}

impl FromStr for ScepUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let uri: hyper::Uri = text.parse().map_err(|_| UrlError::NotHttp)?;
        match uri.scheme_str() {
            Some("https") => return Err(UrlError::Https),
            Some("http") => {}
            _ => return Err(UrlError::NotHttp),
        }
        if uri.query().is_some() || text.contains('#') {
            return Err(UrlError::Query);
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(UrlError::NotHttp)?;
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(80),
            path: uri.path().to_owned(),
        })
    }
}

impl fmt::Display for ScepUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority(), self.path)
    }
}

/// What a host's name stands for here; the error is why it stands for nothing.
pub async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let name = host.to_owned();
    let resolved = tokio::task::spawn_blocking(move || {
        (name.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<SocketAddr>>)
    });
    match resolved.await {
        Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
        Ok(Err(error)) => Err(format!("`{host}` is not resolved: {error}")),
        _ => Err(format!("`{host}` has no address")),
    }
}

impl TryFrom<String> for ScepUrl {
    type Error = UrlError;

    fn try_from(text: String) -> Result<Self, UrlError> {
        text.parse()
    }
}

impl From<ScepUrl> for String {
    fn from(url: ScepUrl) -> Self {
        url.to_string()
    }
}

impl ScepUrl {
    /// The name or the address of the host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path, without the query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Host and port, as in a URL.
    pub fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == 80 { host } else { format!("{host}:{}", self.port) }
    }

    /// What the host's name stands for here; the error is why it stands for nothing.
    pub async fn resolve(&self) -> Result<Vec<SocketAddr>, String> {
        resolve(&self.host, self.port).await
    }

    /// Opens a connection; the error is why there is none.
    pub async fn connect(&self) -> Result<TcpStream, String> {
        let addresses = self.resolve().await?;
        let connecting = TcpStream::connect(addresses.as_slice());
        match timeout(CONNECT_LIMIT, connecting).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(format!("cannot connect to {}: {error}", self.authority())),
            Err(_) => Err(format!(
                "cannot connect to {}: no answer in {} s",
                self.authority(),
                CONNECT_LIMIT.as_secs()
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_and_written_again() {
        for url in
            ["http://pki.example.com/scep", "http://[::1]:8080/a/b", "http://127.0.0.1:8081/"]
        {
            assert_eq!(url.parse::<ScepUrl>().unwrap().to_string(), url);
        }
        assert_eq!("http://h".parse::<ScepUrl>().unwrap().to_string(), "http://h/");
    }

    #[test]
    fn what_is_no_scep_url_is_refused_with_what_to_type() {
        assert_eq!("https://h/scep".parse::<ScepUrl>(), Err(UrlError::Https));
        assert_eq!("pki.example.com".parse::<ScepUrl>(), Err(UrlError::NotHttp));
        assert_eq!("ftp://h/".parse::<ScepUrl>(), Err(UrlError::NotHttp));
        assert_eq!("http://h/scep?operation=GetCACaps".parse::<ScepUrl>(), Err(UrlError::Query));
    }
}
