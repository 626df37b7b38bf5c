//! Values about the network: interfaces, addresses, hosts and URLs.

use ipnet::Ipv4Net;
use scep::url::{HttpUrl, UrlError, check_path};

use super::Value;

/// Parses a port as it is shown: without a sign and without leading zeros.
pub(super) fn port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port: &u16| *port > 0 && port.to_string() == text)
}

/// Parses a URL. IPv6 is refused, because devices reach a SCEP server by IPv4.
pub(super) fn url(text: &str) -> Result<Value, String> {
    let url: HttpUrl = text.parse().map_err(|error: UrlError| error.to_string())?;
    if url.host().contains(':') {
        let host = url.host();
        return Err(format!(
            "`{host}` is an IPv6 address, and the device reaches SCEP servers by IPv4 only"
        ));
    }
    Ok(Value::Url(url))
}

/// Parses the address of a host, which is neither the subnet's own nor its broadcast address.
pub(super) fn interface_address(text: &str) -> Result<Option<Value>, String> {
    let Some(net) = prefix(text) else { return Ok(None) };
    let outer = net.prefix_len() < 31;
    let address = net.addr();
    if outer && (address == net.network() || address == net.broadcast())
        || address.is_multicast()
        || address.is_unspecified()
    {
        return Err(format!("`{text}` is not the address of a host"));
    }
    Ok(Some(Value::InterfaceAddress(net)))
}

pub(super) fn network(text: &str) -> Result<Option<Value>, String> {
    let Some(net) = prefix(text) else { return Ok(None) };
    if net.trunc() != net {
        return Err(format!("`{text}` has host bits set: the network is `{}`", net.trunc()));
    }
    Ok(Some(Value::Network(net)))
}

fn prefix(text: &str) -> Option<Ipv4Net> {
    text.parse().ok().filter(|net: &Ipv4Net| net.to_string() == text)
}

pub(super) fn is_interface(text: &str) -> bool {
    let number = text.strip_prefix("eth").unwrap_or_default();
    (1..=4).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Parses a path below a URL, with the same characters as in a URL.
pub(super) fn path(text: &str) -> Result<Option<Value>, String> {
    let refused = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#');
    if text.is_empty() || text.len() > 1024 || text.contains(refused) {
        return Ok(None);
    }
    check_path(text).map_err(|error| error.to_string())?;
    Ok(Some(Value::Text(text.to_owned())))
}

pub(super) fn is_host_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (2..=63).contains(&text.len())
        && text.chars().all(allowed)
        && !text.starts_with('-')
        && !text.ends_with('-')
}
