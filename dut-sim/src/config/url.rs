//! The URL of a SCEP server, as configured.

use std::fmt;

/// `http://host[:port][/path]`; SCEP is spoken over plain HTTP (RFC 8894 §4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EnrolmentUrl {
    /// A name or an IPv4 address.
    pub(crate) host: String,
    /// The port, where the URL names one.
    pub(crate) port: Option<u16>,
    /// The path with its leading slash, or nothing.
    pub(crate) path: String,
}

impl EnrolmentUrl {
    /// Takes a URL in; the error says in words what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = text.split_once("://").ok_or("a URL begins with `http://`")?;
        if !scheme.eq_ignore_ascii_case("http") {
            return Err("the only scheme is `http`");
        }
        if rest.contains(['?', '#', '@']) || rest.chars().any(char::is_whitespace) {
            return Err("a URL has a host, a port and a path, and nothing else");
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = split_port(authority)?;
        if !is_host(host) {
            return Err("the host is neither a name nor an IPv4 address");
        }
        Ok(Self { host: host.to_owned(), port, path: path.to_owned() })
    }
}

impl EnrolmentUrl {
    /// Whether the URL says more than the host.
    pub(crate) fn has_path(&self) -> bool {
        self.path.len() > 1
    }

    /// `cgi_path` under the URL's own path, with one slash between them however many were written.
    pub(crate) fn path_to(&self, cgi_path: &str) -> String {
        format!("{}/{}", self.path.trim_end_matches('/'), cgi_path.trim_start_matches('/'))
    }
}

/// Where a SCEP server is, everything decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// With its leading slash.
    pub(crate) path: String,
}

impl Endpoint {
    /// The value of the HTTP `Host` header (RFC 9110 §7.2): the port only where it is not HTTP's.
    pub(crate) fn authority(&self) -> String {
        if self.port == 80 { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority(), self.path)
    }
}

impl fmt::Display for EnrolmentUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(&self.path)
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), &'static str> {
    let Some((host, port)) = authority.split_once(':') else { return Ok((authority, None)) };
    match port.parse() {
        Ok(0) | Err(_) => Err("the port is not a number from 1 to 65535"),
        Ok(port) => Ok((host, Some(port))),
    }
}

fn is_host(host: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    (1..=253).contains(&host.len()) && host.chars().all(allowed) && !host.starts_with(['-', '.'])
}

#[cfg(test)]
mod tests {
    use super::EnrolmentUrl;

    #[test]
    fn takes_the_documented_urls() {
        for text in ["http://10.215.168.1", "http://192.168.213.25/", "http://pki.lab:8080/scep"] {
            assert_eq!(EnrolmentUrl::parse(text).unwrap().to_string(), text);
        }
        let url = EnrolmentUrl::parse("HTTP://pki.lab:8080/a/b").unwrap();
        assert_eq!((&*url.host, url.port, &*url.path), ("pki.lab", Some(8080), "/a/b"));
    }

    #[test]
    fn refuses_what_it_could_not_follow() {
        for text in [
            "10.215.168.1",
            "https://10.215.168.1",
            "http://",
            "http:///scep",
            "http://h:0",
            "http://h:65536",
            "http://user@h",
            "http://h/?operation=GetCACert",
            "http://[::1]/",
            "http://a b",
        ] {
            assert!(EnrolmentUrl::parse(text).is_err(), "`{text}`");
        }
    }
}
