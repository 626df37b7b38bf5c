//! The proxy for a URL.

use std::net::IpAddr;

use ipnet::IpNet;
use scep::url::{HttpUrl, Scheme};

use super::Proxy;

/// The proxies for each scheme, and the hosts that are reached without them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// The proxy for `http://`.
    pub http: Option<Proxy>,
    /// The proxy for `https://`.
    pub https: Option<Proxy>,
    /// The hosts that are reached without a proxy.
    pub without: Exemptions,
}

impl Proxies {
    /// One proxy for all hosts.
    pub fn one(proxy: Proxy) -> Self {
        Self { http: Some(proxy.clone()), https: Some(proxy), without: Exemptions::default() }
    }

    /// The proxy for requests to this URL, if they go through one.
    pub fn of(&self, url: &HttpUrl) -> Option<&Proxy> {
        let proxy = match url.scheme() {
            Scheme::Http => &self.http,
            Scheme::Https => &self.https,
        };
        proxy.as_ref().filter(|_| !self.without.has(url.host(), url.port()))
    }
}

/// Hosts that are reached without a proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exemptions {
    listed: Vec<Exemption>,
    /// True if this machine itself is one.
    loopback: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Exemption {
    All,
    /// A name and all below it, with a port if only that one is meant.
    Name(String, Option<u16>),
    Net(IpNet),
}

impl Exemptions {
    /// Those of the variable `no_proxy`, and this machine itself: names with all below them, addresses, networks, or `*` for all.
    pub fn of_variable(text: &str) -> Self {
        let words = text.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty());
        Self { listed: words.map(Exemption::of).collect(), loopback: true }
    }

    fn has(&self, host: &str, port: u16) -> bool {
        let address: Option<IpAddr> = host.parse().ok();
        let is_here = address.is_some_and(|address| address.is_loopback())
            || without_dot(host).eq_ignore_ascii_case("localhost");
        (self.loopback && is_here) || self.listed.iter().any(|one| one.has(host, address, port))
    }
}

impl Exemption {
    fn of(word: &str) -> Self {
        if word == "*" {
            return Self::All;
        }
        let address = word.trim_start_matches('[').trim_end_matches(']');
        if let Ok(net) = word.parse().or_else(|_| address.parse::<IpAddr>().map(IpNet::from)) {
            return Self::Net(net);
        }
        let (name, port) = match word.rsplit_once(':') {
            Some((name, port)) => (name, port.parse().ok()),
            None => (word, None),
        };
        let name = name.trim_start_matches('*').trim_start_matches('.');
        Self::Name(without_dot(name).to_ascii_lowercase(), port)
    }

    fn has(&self, host: &str, address: Option<IpAddr>, port: u16) -> bool {
        match self {
            Self::All => true,
            Self::Net(net) => address.is_some_and(|address| net.contains(&address)),
            Self::Name(name, only) => {
                let host = without_dot(host).to_ascii_lowercase();
                let below = host.strip_suffix(name.as_str());
                let is_name = below.is_some_and(|below| below.is_empty() || below.ends_with('.'));
                is_name && only.is_none_or(|only| only == port)
            }
        }
    }
}

fn without_dot(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_no_proxy_are_reached_without_one() {
        let list = ".example.com, pki.test:8080,10.0.0.0/8,2001:db8::1 *.lab [2001:db8::2]";
        let without = Exemptions::of_variable(list);
        for (host, port, is_exempt) in [
            ("pki.example.com", 80, true),
            ("EXAMPLE.com.", 80, true),
            ("badexample.com", 80, false),
            ("pki.test", 8080, true),
            ("pki.test", 80, false),
            ("10.1.2.3", 80, true),
            ("11.1.2.3", 80, false),
            ("2001:db8::1", 80, true),
            ("2001:db8::2", 80, true),
            ("2001:db8::3", 80, false),
            ("a.b.lab", 80, true),
            ("localhost", 80, true),
            ("127.0.0.2", 80, true),
            ("::1", 80, true),
        ] {
            assert_eq!(without.has(host, port), is_exempt, "{host}:{port}");
        }
        assert!(Exemptions::of_variable("*").has("any.example.org", 80));
        assert!(!Exemptions::default().has("localhost", 80));
    }

    #[test]
    fn each_scheme_has_its_proxy() {
        let proxies =
            Proxies { https: Some("http://secure:1".parse().unwrap()), ..Proxies::default() };
        let of = |url: &str| proxies.of(&url.parse().unwrap()).map(ToString::to_string);
        assert_eq!(of("http://h/"), None);
        assert_eq!(of("https://h/").as_deref(), Some("http://secure:1"));
    }
}
