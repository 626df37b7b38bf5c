//! Addresses to listen on, and what is wrong with those that are none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Reads an IP address with a port; the error says which part is wrong.
pub(crate) fn listening_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| mistake(text))
}

fn mistake(text: &str) -> String {
    if let Some((scheme, rest)) = text.split_once("://") {
        let rest = rest.trim_end_matches('/');
        return format!("an address to listen on is no URL: leave `{scheme}://` away, `{rest}`");
    }
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return format!("an IPv6 address stands in brackets, with a port: `[{address}]:8080`");
    }
    if text.parse::<Ipv4Addr>().is_ok() {
        return format!("the port is missing: `{text}:8080`, or `{text}:0` for a free one");
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return match text.parse::<u16>() {
            Ok(port) => format!("the address is missing: `127.0.0.1:{port}`"),
            Err(_) => "it takes an IP address and a port, such as `127.0.0.1:8080`".to_owned(),
        };
    };
    if port.parse::<u16>().is_err() {
        return format!("`{port}` is not a port from 0 to 65535");
    }
    mistake_in_host(host, port)
}

/// The mistake of an address whose port is right.
fn mistake_in_host(host: &str, port: &str) -> String {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        _ if bare.is_empty() => format!(
            "the address is missing: `127.0.0.1:{port}`, or `0.0.0.0:{port}` for all interfaces"
        ),
        Ok(IpAddr::V6(address)) => {
            format!("an IPv6 address stands in brackets: `[{address}]:{port}`")
        }
        Ok(IpAddr::V4(address)) => format!("an IPv4 address has no brackets: `{address}:{port}`"),
        Err(_) if bare == "localhost" => {
            format!("`localhost` is a name: give an address, `127.0.0.1:{port}`")
        }
        Err(_) => format!("`{host}` is not an IP address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_part_of_a_listening_address_is_named() {
        for (wrong, reason) in [
            ("127.0.0.1:80800", "`80800` is not a port from 0 to 65535"),
            ("127.0.0.1:8O80", "`8O80` is not a port from 0 to 65535"),
            ("127.0.0.1:", "`` is not a port from 0 to 65535"),
            ("[::1]:80800", "`80800` is not a port from 0 to 65535"),
            ("127.0.0.1", "the port is missing: `127.0.0.1:8080`, or `127.0.0.1:0` for a free one"),
            ("8080", "the address is missing: `127.0.0.1:8080`"),
            (
                ":8080",
                "the address is missing: `127.0.0.1:8080`, or `0.0.0.0:8080` for all interfaces",
            ),
            ("localhost:8080", "`localhost` is a name: give an address, `127.0.0.1:8080`"),
            ("127.0.0.256:8080", "`127.0.0.256` is not an IP address"),
            ("ca.example:8080", "`ca.example` is not an IP address"),
            ("::1", "an IPv6 address stands in brackets, with a port: `[::1]:8080`"),
            ("fe80::1:2:3:4:5:6:8080", "an IPv6 address stands in brackets"),
            ("[127.0.0.1]:8080", "an IPv4 address has no brackets: `127.0.0.1:8080`"),
            (
                "http://127.0.0.1:8080/",
                "an address to listen on is no URL: leave `http://` away, `127.0.0.1:8080`",
            ),
            ("", "it takes an IP address and a port, such as `127.0.0.1:8080`"),
        ] {
            let error = listening_address(wrong).unwrap_err();
            assert!(error.starts_with(reason), "`{wrong}`: {error}");
        }
        for right in ["127.0.0.1:0", "0.0.0.0:8080", "[::1]:65535"] {
            assert_eq!(listening_address(right).unwrap().to_string(), right);
        }
    }
}
