//! The URL of a SCEP service, `http://host[:port][/path]` (RFC 8894 §4.1) or the same with `https://`. A URL that programs would send differently from how
//! it is written is refused.

use std::fmt;
use std::str::FromStr;

use url::{Host, ParseError, Url};

/// The longest URL, in bytes.
const LONGEST: usize = 2048;

/// How a connection to a server is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// In clear text, `http://`.
    #[default]
    Http,
    /// Over TLS, `https://`.
    Https,
}

impl Scheme {
    /// Its name in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port of a URL that names none.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A URL of HTTP or HTTPS with a host, a port and a path, and nothing else.
///
/// # Examples
/// ```
/// use scep::url::{HttpUrl, UrlError};
///
/// let url: HttpUrl = "http://pki.example.com:8080/scep".parse()?;
/// assert_eq!((url.host(), url.port(), url.path()), ("pki.example.com", 8080, "/scep"));
/// let url: HttpUrl = "https://pki.example.com/scep".parse()?;
/// assert_eq!((url.is_https(), url.port(), url.authority().as_str()), (true, 443, "pki.example.com"));
/// assert_eq!("http://pki.example.com/?operation=GetCACaps".parse::<HttpUrl>(), Err(UrlError::Query));
/// # Ok::<(), UrlError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HttpUrl {
    scheme: Scheme,
    /// A name or an address; an IPv6 address has no brackets here.
    host: String,
    port: Option<u16>,
    /// The path with its leading slash, or an empty text.
    path: String,
}

/// The error for a text that is no URL of a SCEP service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// The text begins with neither `http://` nor `https://`.
    #[error(
        "a SCEP service has a URL such as `http://pki.example.com/scep`, which begins with `http://` or `https://`"
    )]
    NotHttp,
    /// A blank or a line break is before or after the URL.
    #[error("leave out the blanks before and after the URL")]
    Blanks,
    /// The URL has a query, which is part of each request.
    #[error("leave out the query: `?operation=…` is added by each request")]
    Query,
    /// The URL has a fragment, which is never sent.
    #[error("leave out the `#` and the text after it: they are never sent")]
    Fragment,
    /// The URL names a user, which SCEP does not have.
    #[error("leave out the user and the password before the `@`: they would not be sent")]
    User,
    /// There is no host.
    #[error("the host is missing after the `://`")]
    NoHost,
    /// The host has a colon and no brackets.
    #[error(
        "a host has one port at most, and an IPv6 address must be in brackets, such as `http://[2001:db8::1]:8080/scep`"
    )]
    Colons,
    /// The host is neither a name nor an address.
    #[error("the host is neither a name nor an address")]
    Host,
    /// There is a colon after the host, and no port.
    #[error("the port is missing after the `:`")]
    NoPort,
    /// The port is not a number from 1 to 65535, or not written as it would be sent.
    #[error("the port must be a number from 1 to 65535, without a sign and without leading zeros")]
    Port,
    /// A character is not allowed in a path (RFC 3986 §3.3).
    #[error("`{}` in a path must be written in hexadecimal, after a `%`", .0.escape_debug())]
    Character(char),
    /// The URL is longer than any that servers take.
    #[error("a URL has at most {LONGEST} bytes")]
    Long,
    /// Programs change the URL before they send it (WHATWG URL Standard §4.4), such as `127.1` or `/a/../b`.
    #[error("programs would send it as `{0}`: write it so")]
    Changed(String),
}

impl HttpUrl {
    /// The same host and scheme at another port and path.
    #[must_use]
    pub fn at(&self, port: u16, path: impl Into<String>) -> Self {
        let port = Some(port).filter(|port| *port != self.scheme.default_port());
        Self { scheme: self.scheme, host: self.host.clone(), port, path: path.into() }
    }

    /// How a connection to the host is made.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// True if connections to the host use TLS.
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// The name or the address of the host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(self.scheme.default_port())
    }

    /// The port, if the URL has one.
    pub fn named_port(&self) -> Option<u16> {
        self.port
    }

    /// The path with its leading slash; `/` if the URL has none.
    pub fn path(&self) -> &str {
        if self.path.is_empty() { "/" } else { &self.path }
    }

    /// The value of the `Host` header (RFC 9110 §7.2): the host, and the port if it is not that of the scheme.
    pub fn authority(&self) -> String {
        match self.port() {
            port if port == self.scheme.default_port() => self.bracketed(),
            port => format!("{}:{port}", self.bracketed()),
        }
    }

    /// The host and its port, which is always named, as CONNECT has it (RFC 9110 §9.3.6).
    pub fn at_named_port(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port())
    }

    /// The host as it is written in a URL.
    fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

impl FromStr for HttpUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (scheme, authority, path) = split(text)?;
        check_path(path)?;
        let url = Url::parse(text).map_err(in_our_words)?;
        if let Some(Host::Domain(name)) = url.host() {
            check_name(name)?;
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(parse_port(port)?)),
            _ => (authority, None),
        };
        let is_as_typed = url.host_str().is_some_and(|name| name.eq_ignore_ascii_case(host))
            && url.port_or_known_default() == Some(port.unwrap_or(scheme.default_port()))
            && url.path() == if path.is_empty() { "/" } else { path };
        if !is_as_typed {
            return Err(UrlError::Changed(url.into()));
        }
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Ok(Self { scheme, host: host.to_owned(), port, path: path.to_owned() })
    }
}

/// The scheme, the host with its port, and the path. Mistakes that people make get words of their own.
fn split(text: &str) -> Result<(Scheme, &str, &str), UrlError> {
    if text.len() > LONGEST {
        return Err(UrlError::Long);
    }
    if text.trim() != text {
        return Err(UrlError::Blanks);
    }
    let (scheme, rest) = text.split_once("://").ok_or(UrlError::NotHttp)?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return Err(UrlError::NotHttp),
    };
    match rest.find(['?', '#']) {
        Some(at) if rest[at..].starts_with('?') => return Err(UrlError::Query),
        Some(_) => return Err(UrlError::Fragment),
        None => {}
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority {
        "" => Err(UrlError::NoHost),
        _ if authority.contains('@') => Err(UrlError::User),
        _ if authority.ends_with(':') => Err(UrlError::NoPort),
        _ if authority.matches(':').count() > 1 && !authority.contains(['[', ']']) => {
            Err(UrlError::Colons)
        }
        _ => Ok((scheme, authority, path)),
    }
}

fn in_our_words(error: ParseError) -> UrlError {
    match error {
        ParseError::EmptyHost => UrlError::NoHost,
        ParseError::InvalidPort => UrlError::Port,
        ParseError::RelativeUrlWithoutBase => UrlError::NotHttp,
        _ => UrlError::Host,
    }
}

fn parse_port(text: &str) -> Result<u16, UrlError> {
    let port = text.parse().ok().filter(|port: &u16| *port > 0 && port.to_string() == text);
    port.ok_or(UrlError::Port)
}

/// A name that DNS can have (RFC 1123 §2.1), also with underscores.
fn check_name(name: &str) -> Result<(), UrlError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let is_label = |label: &str| {
        (1..=63).contains(&label.len()) && label.chars().all(allowed) && !label.starts_with('-')
    };
    let relative = name.strip_suffix('.').unwrap_or(name);
    if relative.len() <= 253 && relative.split('.').all(is_label) {
        Ok(())
    } else {
        Err(UrlError::Host)
    }
}

/// Refuses characters outside RFC 3986 §3.3, because other programs change or refuse them.
///
/// # Errors
/// Fails with the first such character; `%` is one if two hexadecimal digits do not follow.
pub fn check_path(path: &str) -> Result<(), UrlError> {
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
        write!(f, "{}://{}", self.scheme.as_str(), self.bracketed())?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(&self.path)
    }
}

crate::serde_as_text!(HttpUrl);

#[cfg(test)]
mod tests;
