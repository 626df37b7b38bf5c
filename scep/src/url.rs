//! The URL of a SCEP service, `http://host[:port][/path]` (RFC 8894 §4.1). A URL that programs would send differently from how
//! it is written is refused.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// HTTP's port.
const DEFAULT_PORT: u16 = 80;

/// A URL of plain HTTP with a host, a port and a path, and nothing else.
///
/// # Examples
/// ```
/// use scep::url::{HttpUrl, UrlError};
///
/// let url: HttpUrl = "http://pki.example.com:8080/scep".parse()?;
/// assert_eq!((url.host(), url.port(), url.path()), ("pki.example.com", 8080, "/scep"));
/// assert_eq!("http://pki.example.com/?operation=GetCACaps".parse::<HttpUrl>(), Err(UrlError::Query));
/// # Ok::<(), UrlError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HttpUrl {
    /// A name or an address; an IPv6 address has no brackets here.
    host: String,
    port: Option<u16>,
    /// The path with its leading slash, or an empty text.
    path: String,
}

/// The error for a text that is no URL of a SCEP service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// The scheme is HTTPS.
    #[error(
        "HTTPS is not supported, because RFC 8894 §4.1 needs none; give the PKI's http:// address"
    )]
    Https,
    /// The text does not begin with `http://`.
    #[error("a SCEP service has a URL such as `http://pki.example.com/scep`")]
    NotHttp,
    /// The URL has a query or a fragment; the query is part of each request.
    #[error("leave out the query: `?operation=…` is added by each request")]
    Query,
    /// The URL names a user, which SCEP does not have.
    #[error("leave out the user: SCEP has none")]
    User,
    /// The host is neither a name nor an address.
    #[error("the host is neither a name nor an address")]
    Host,
    /// The port is not a number from 1 to 65535, or not written as it would be sent.
    #[error("the port must be a number from 1 to 65535, without a sign and without leading zeros")]
    Port,
    /// A character is not allowed in a path (RFC 3986 §3.3).
    #[error("`{}` in a path must be written in hexadecimal, after a `%`", .0.escape_debug())]
    Character(char),
}

impl HttpUrl {
    /// The same host at another port and path.
    #[must_use]
    pub fn at(&self, port: u16, path: impl Into<String>) -> Self {
        let port = Some(port).filter(|port| *port != DEFAULT_PORT);
        Self { host: self.host.clone(), port, path: path.into() }
    }

    /// The name or the address of the host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(DEFAULT_PORT)
    }

    /// The port, if the URL has one.
    pub fn named_port(&self) -> Option<u16> {
        self.port
    }

    /// The path with its leading slash; `/` if the URL has none.
    pub fn path(&self) -> &str {
        if self.path.is_empty() { "/" } else { &self.path }
    }

    /// The value of the `Host` header (RFC 9110 §7.2): the host, and the port if it is not 80.
    pub fn authority(&self) -> String {
        match self.port() {
            DEFAULT_PORT => self.bracketed(),
            port => format!("{}:{port}", self.bracketed()),
        }
    }

    /// The host as it is written in a URL.
    fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

impl FromStr for HttpUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::NotHttp)?;
        match scheme.to_ascii_lowercase().as_str() {
            "http" => {}
            "https" => return Err(UrlError::Https),
            _ => return Err(UrlError::NotHttp),
        }
        if rest.contains(['?', '#']) {
            return Err(UrlError::Query);
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(UrlError::User);
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(parse_port(port)?)),
            _ => (authority, None),
        };
        check_path(path)?;
        Ok(Self { host: parse_host(host)?.to_owned(), port, path: path.to_owned() })
    }
}

fn parse_port(text: &str) -> Result<u16, UrlError> {
    let is_canonical = !text.starts_with(['0', '+']);
    text.parse().ok().filter(|_| is_canonical).ok_or(UrlError::Port)
}

/// The host without brackets. A resolver takes a name that ends in a number for an address.
fn parse_host(text: &str) -> Result<&str, UrlError> {
    if let Some(address) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().map(|_| address).map_err(|_| UrlError::Host);
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let is_name = (1..=253).contains(&text.len()) && text.chars().all(allowed);
    let last = text.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    let is_numeric = last.starts_with(|c: char| c.is_ascii_digit())
        && (last.starts_with("0x") || last.chars().all(|c| c.is_ascii_digit()));
    let is_good =
        !text.starts_with(['-', '.']) && (!is_numeric || text.parse::<Ipv4Addr>().is_ok());
    if is_name && is_good { Ok(text) } else { Err(UrlError::Host) }
}

/// Refuses characters outside RFC 3986 §3.3, because other programs change or refuse them.
fn check_path(path: &str) -> Result<(), UrlError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/%".contains(c);
    if let Some(other) = path.chars().find(|c| !allowed(*c)) {
        return Err(UrlError::Character(other));
    }
    let is_escape =
        |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|digit| digit.is_ascii_hexdigit());
    let whole = path.split('%').skip(1).all(is_escape);
    if whole { Ok(()) } else { Err(UrlError::Character('%')) }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.bracketed())?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(&self.path)
    }
}

crate::serde_as_text!(HttpUrl);

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<HttpUrl, UrlError> {
        text.parse()
    }

    #[test]
    fn url_is_written_as_it_was_typed() {
        for text in [
            "http://10.215.168.1",
            "http://192.168.213.25/",
            "http://pki.lab:8080/scep",
            "http://h:80/a%2Fb/../c.exe",
            "http://pki.example.com/scep",
            "http://[::1]:8080/a/b",
            "http://127.0.0.1:8081/",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        assert_eq!(parse("HTTP://h/a").unwrap().to_string(), "http://h/a");
    }

    #[test]
    fn url_is_split_into_host_port_and_path() {
        let url = parse("http://pki.lab:8080/a/b").unwrap();
        assert_eq!((url.host(), url.port(), url.path()), ("pki.lab", 8080, "/a/b"));
        assert_eq!(url.authority(), "pki.lab:8080");
        let url = parse("http://[::1]").unwrap();
        assert_eq!((url.host(), url.port(), url.path()), ("::1", 80, "/"));
        assert_eq!((url.authority().as_str(), url.named_port()), ("[::1]", None));
        assert_eq!(parse("http://h:80").unwrap().authority(), "h");
    }

    #[test]
    fn text_that_is_no_scep_url_is_refused() {
        for (text, error) in [
            ("10.215.168.1", UrlError::NotHttp),
            ("pki.example.com", UrlError::NotHttp),
            ("ftp://h/", UrlError::NotHttp),
            ("https://10.215.168.1", UrlError::Https),
            ("https://h/scep", UrlError::Https),
            ("http://h/?operation=GetCACert", UrlError::Query),
            ("http://h/scep#a", UrlError::Query),
            ("http://user@h", UrlError::User),
            ("http://", UrlError::Host),
            ("http:///scep", UrlError::Host),
            ("http://a b", UrlError::Host),
            ("http://::1/", UrlError::Host),
            ("http://[::1/", UrlError::Host),
            ("http://h:0", UrlError::Port),
            ("http://h:", UrlError::Port),
            ("http://h:65536", UrlError::Port),
        ] {
            assert_eq!(parse(text), Err(error), "`{text}`");
        }
    }

    #[test]
    fn url_that_would_be_sent_differently_is_refused() {
        for (text, error) in [
            // A resolver takes these for 127.0.0.1.
            ("http://127.1", UrlError::Host),
            ("http://0x7f.0.0.1", UrlError::Host),
            ("http://127.0.0.0x1", UrlError::Host),
            ("http://2130706433", UrlError::Host),
            ("http://h\u{e9}", UrlError::Host),
            ("http://h:+80", UrlError::Port),
            ("http://h:080", UrlError::Port),
            ("http://h/a b", UrlError::Character(' ')),
            ("http://h/\u{e9}", UrlError::Character('\u{e9}')),
            ("http://h/a\\b", UrlError::Character('\\')),
            ("http://h/100%", UrlError::Character('%')),
            ("http://h/%zz", UrlError::Character('%')),
        ] {
            assert_eq!(parse(text), Err(error), "`{text}`");
        }
    }
}
