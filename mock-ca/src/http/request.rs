//! The parts of HTTP requests that the SCEP service and the control API read alike.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::{
    Version,
    body::{Body, Bytes, Incoming},
    header::{CONTENT_TYPE, EXPECT, HOST, HeaderMap},
    http::{request::Parts, uri::Authority},
};
use scep::http::{PartialBody, TooMuch};
use tokio::time::timeout;

/// The number of bytes beyond a limit that are read and not kept, so that a client reads the refusal. If the server closed the
/// connection at once, the system would reset it, and the client's write would fail.
const DISCARDED_BYTES: usize = 1024 * 1024;

/// The number of pieces in which they may come.
const DISCARDED_PIECES: usize = 1_024;

/// The time in which they must come.
const DISCARDING_TIME: Duration = Duration::from_secs(1);

/// Limits for the body of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLimits {
    /// The number of bytes.
    pub(crate) bytes: usize,
    /// The number of pieces, which are HTTP chunks or reads.
    pub(crate) pieces: usize,
    /// The time from the head of the request to its last byte.
    pub(crate) time: Duration,
}

/// The reason why a body was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
    #[error("the body did not arrive within {0} s")]
    TooSlow(u64),
    #[error("the body ended early: {0}")]
    Broken(#[from] hyper::Error),
}

/// Reads the body of the request with this head.
pub(crate) async fn read_body(
    head: &Parts,
    mut body: Incoming,
    limits: BodyLimits,
) -> Result<Vec<u8>, BodyError> {
    let announced = body.size_hint().lower();
    if announced > limits.bytes as u64 {
        // A client that waits for `100 Continue` sends nothing if it is refused.
        let waits = head.headers.contains_key(EXPECT);
        if !waits && announced <= (limits.bytes + DISCARDED_BYTES) as u64 {
            discard(&mut body).await;
        }
        return Err(TooMuch::Bytes(limits.bytes).into());
    }
    let read = timeout(limits.time, receive(&mut body, limits)).await;
    let read = read.unwrap_or_else(|_| Err(BodyError::TooSlow(limits.time.as_secs())));
    if matches!(read, Err(BodyError::TooMuch(_))) {
        discard(&mut body).await;
    }
    read
}

async fn receive(body: &mut Incoming, limits: BodyLimits) -> Result<Vec<u8>, BodyError> {
    let mut received = PartialBody::new(limits.bytes, limits.pieces);
    while let Some(frame) = body.frame().await {
        if let Some(piece) = frame?.data_ref() {
            received.push(piece)?;
        }
    }
    Ok(received.into_bytes())
}

/// Reads a part of what the peer still sends, and forgets it.
async fn discard(body: &mut Incoming) {
    let mut left = DISCARDED_BYTES;
    let reading = async {
        for _ in 0..DISCARDED_PIECES {
            let Some(Ok(frame)) = body.frame().await else { return };
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                return;
            }
        }
    };
    let _ = timeout(DISCARDING_TIME, reading).await;
}

/// Refuses a request whose host is not named as HTTP demands (RFC 9112 §3.2).
pub(crate) fn expect_host(head: &Parts) -> Result<(), &'static str> {
    let mut hosts = head.headers.get_all(HOST).iter();
    let Some(host) = hosts.next() else {
        let may_lack = head.version < Version::HTTP_11;
        return may_lack.then_some(()).ok_or("the request has no Host header");
    };
    if hosts.next().is_some() {
        return Err("the request has more than one Host header");
    }
    let is_host = host.to_str().is_ok_and(is_host);
    is_host.then_some(()).ok_or("the Host header is no host and port")
}

/// True if a text is `uri-host [ ":" port ]`, or empty (RFC 9110 §7.2).
fn is_host(text: &str) -> bool {
    let port_is_number = match text.rsplit_once(':') {
        Some((_, port)) if !port.ends_with(']') => port.bytes().all(|byte| byte.is_ascii_digit()),
        _ => true,
    };
    let is_authority = || text.parse::<Authority>().is_ok() && !text.contains('@');
    text.is_empty() || port_is_number && is_authority()
}

/// The host that a request is for: that of its target, if the target is a whole URL, otherwise that of the Host header
/// (RFC 9112 §3.3).
pub(crate) fn host_of(head: &Parts) -> &str {
    let header = || head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let target = head.uri.authority().map(Authority::as_str);
    target.or_else(header).unwrap_or_default()
}

/// True if the body has this media type, in any case and with any parameters (RFC 9110 §8.3.1).
pub(crate) fn has_media_type(headers: &HeaderMap, media_type: &str) -> bool {
    let mut given = headers.get_all(CONTENT_TYPE).iter();
    let (Some(first), None) = (given.next(), given.next()) else { return false };
    let name = first.to_str().ok().and_then(|text| text.split(';').next());
    name.is_some_and(|name| name.trim().eq_ignore_ascii_case(media_type))
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn head(version: Version, headers: &[(&str, &str)]) -> Parts {
        let builder = Request::builder().version(version).uri("/scep");
        let builder = headers.iter().fold(builder, |it, (name, value)| it.header(*name, *value));
        builder.body(()).unwrap().into_parts().0
    }

    #[test]
    fn request_has_one_host_as_http_demands() {
        let (old, new) = (Version::HTTP_10, Version::HTTP_11);
        for host in ["ca", "ca:80", "ca:", "192.0.2.1:8080", "[2001:db8::1]", "[::1]:80", ""] {
            assert_eq!(expect_host(&head(new, &[("host", host)])), Ok(()), "{host}");
        }
        for host in ["a b", "a, b", "a/b", "user@a", "a:b", "a:80:80", "[::1"] {
            assert!(expect_host(&head(new, &[("host", host)])).is_err(), "{host}");
        }
        assert_eq!(expect_host(&head(old, &[])), Ok(()));
        assert!(expect_host(&head(new, &[])).unwrap_err().contains("no Host"));
        for version in [old, new] {
            let two = head(version, &[("host", "a"), ("host", "a")]);
            assert!(expect_host(&two).unwrap_err().contains("more than one"));
        }
    }

    #[test]
    fn media_type_is_compared_without_case_and_parameters() {
        let has = |given: &[&str]| {
            let headers: Vec<_> = given.iter().map(|it| ("content-type", *it)).collect();
            has_media_type(&head(Version::HTTP_11, &headers).headers, "application/json")
        };
        assert!(has(&["application/json"]) && has(&["Application/JSON ; charset=utf-8"]));
        assert!(!has(&[]) && !has(&["application/json-seq"]) && !has(&["text/plain"]));
        assert!(!has(&["application/json", "text/plain"]));
    }
}
