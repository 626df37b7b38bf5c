//! HTTP proxies: which one a request goes through, and tunnels through it (RFC 9110 §9.3.6).

mod choice;
mod failure;
mod tunnel;

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use scep::secret::Secret;
use scep::url::{HttpUrl, UrlError};
use thiserror::Error;

pub use self::choice::{Exemptions, Proxies};
pub use self::failure::ProxyFailure;
pub use self::tunnel::tunnel;

/// A proxy, which is reached in clear text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    url: HttpUrl,
    /// The value of the header `Proxy-Authorization` (RFC 9110 §11.7.2).
    credentials: Option<Secret>,
    /// The password alone.
    password: Option<Secret>,
}

/// The error for a text that names no proxy. The text may have a password, so it is not shown.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoSuchProxy {
    /// The proxy is to be reached over TLS.
    #[error("a proxy is reached in clear text: write `http://` before its host")]
    Https,
    /// There is a path.
    #[error("leave out the path: a proxy has only a host and a port")]
    Path,
    /// The rest is no URL.
    #[error("a proxy is `http://[USER:PASSWORD@]HOST[:PORT]`: {0}")]
    Url(UrlError),
}

impl Proxy {
    /// Its address, without the login.
    pub fn url(&self) -> &HttpUrl {
        &self.url
    }

    /// The value of the header `Proxy-Authorization`, if it needs a login.
    pub fn credentials(&self) -> Option<&str> {
        self.credentials.as_ref().map(Secret::expose)
    }

    /// What must not be shown.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.credentials.iter().chain(&self.password)
    }
}

impl FromStr for Proxy {
    type Err = NoSuchProxy;

    /// Reads a URL, or a host and a port alone, as the variables of the environment often have them.
    fn from_str(text: &str) -> Result<Self, NoSuchProxy> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        if scheme.eq_ignore_ascii_case("https") {
            return Err(NoSuchProxy::Https);
        }
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, rest),
        };
        let url: HttpUrl = format!("{scheme}://{place}").parse().map_err(NoSuchProxy::Url)?;
        if url.path() != "/" {
            return Err(NoSuchProxy::Path);
        }
        let url = url.at(url.port(), "");
        let (credentials, password) = login.map(login_of).unzip();
        Ok(Self { url, credentials, password })
    }
}

impl fmt::Display for Proxy {
    /// The address, without the login.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

/// The header for a login by Basic (RFC 7617), and the password.
fn login_of(text: &str) -> (Secret, Secret) {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (user, password) = (decoded(user), decoded(password));
    let basic = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    (Secret::new(basic), Secret::new(password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxy_is_read_with_and_without_login_and_scheme() {
        let proxy: Proxy = "http://me:a%40b@proxy.example.com:3128/".parse().unwrap();
        assert_eq!(proxy.to_string(), "http://proxy.example.com:3128");
        assert_eq!(proxy.credentials(), Some("Basic bWU6YUBi"));
        assert!(!format!("{proxy:?}").contains("a@b"), "{proxy:?}");
        let proxy: Proxy = "proxy:3128".parse().unwrap();
        assert_eq!((proxy.url().host(), proxy.url().port()), ("proxy", 3128));
        assert_eq!(proxy.credentials(), None);
    }

    #[test]
    fn text_that_names_no_proxy_is_refused_without_its_password() {
        assert_eq!("https://p:1".parse::<Proxy>(), Err(NoSuchProxy::Https));
        assert_eq!("http://p:1/a".parse::<Proxy>(), Err(NoSuchProxy::Path));
        assert_eq!("socks5://p:1".parse::<Proxy>(), Err(NoSuchProxy::Url(UrlError::NotHttp)));
        let error = "http://me:hunter2@p:x".parse::<Proxy>().unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
