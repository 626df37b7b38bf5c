//! The first bytes of a connection, by which a protocol other than HTTP/1 is recognised.

use std::sync::{Arc, Mutex, PoisonError};

use super::Content;

/// The most bytes that are kept.
const KEPT: usize = 256;

/// The first bytes that came over a connection; clones share them.
///
/// # Examples
/// ```
/// use scep::content::FirstBytes;
///
/// let first = FirstBytes::default();
/// first.record(b"\x16\x03\x01\x02\x00");
/// assert_eq!(
///     first.explain("request").as_deref(),
///     Some("TLS (the beginning of a handshake) came in place of an HTTP/1 request; this port speaks plain HTTP, use http://")
/// );
/// ```
#[derive(Clone, Debug, Default)]
pub struct FirstBytes(Arc<Mutex<Vec<u8>>>);

impl FirstBytes {
    /// Takes the next bytes that were read.
    pub fn record(&self, bytes: &[u8]) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT.saturating_sub(first.len());
        first.extend(bytes.iter().take(room));
    }

    /// The first bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// True if nothing came.
    pub fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Says what came in place of an HTTP/1 message, a `request` or a `response`; `None` if nothing came, or the beginning of such
    /// a message.
    pub fn explain(&self, wanted: &str) -> Option<String> {
        let first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_http = match wanted {
            "request" => begins_request(&first),
            _ => first.starts_with(b"HTTP/1."),
        };
        if first.is_empty() || is_http {
            return None;
        }
        let content = Content::of(&first);
        let advice = match (&content, wanted) {
            (Content::Tls(_), "request") => "; this port speaks plain HTTP, use http://",
            (Content::Tls(_), _) => "; the server speaks HTTPS at this port: write https://",
            (Content::Http2, _) => "; HTTP/2 is not supported",
            (Content::Proxy, _) => ", which is not supported: switch it off there",
            _ => "",
        };
        Some(format!("{content} came in place of an HTTP/1 {wanted}{advice}"))
    }
}

/// True for a method, a blank and something else than HTTP/2's `*`. `PROXY` is no method.
fn begins_request(first: &[u8]) -> bool {
    let end = first.iter().position(|byte| *byte == b' ').unwrap_or(first.len());
    let (method, rest) = first.split_at(end);
    let is_method = !method.is_empty() && method.iter().all(u8::is_ascii_uppercase);
    is_method && method != b"PROXY" && !rest.starts_with(b" * HTTP/2")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(bytes: &[u8], wanted: &str) -> Option<String> {
        let first = FirstBytes::default();
        first.record(bytes);
        first.explain(wanted)
    }

    #[test]
    fn other_protocols_are_named() {
        for (bytes, wanted, words) in [
            (
                &b"PRI * HTTP/2.0\r\n"[..],
                "request",
                "HTTP/2 came in place of an HTTP/1 request; HTTP/2 is not supported",
            ),
            (
                b"PROXY TCP4 192.0.2.1 192.0.2.2 1 80\r\n",
                "request",
                "the header of a load balancer (PROXY protocol) came in place of an HTTP/1 request, which is not supported: switch it off there",
            ),
            (
                b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c",
                "request",
                "the header of a load balancer (PROXY protocol) came in place of an HTTP/1 request, which is not supported: switch it off there",
            ),
            (b"SSH-2.0-x\r\n", "request", "SSH: `SSH-2.0-x` came in place of an HTTP/1 request"),
            (
                b"HTTP/1.1 200 OK\r\n",
                "request",
                "another HTTP message: `HTTP/1.1 200 OK` came in place of an HTTP/1 request",
            ),
            (
                b"\x15\x03\x01\x00\x02\x02\x28",
                "response",
                "TLS (alert 40, handshake_failure) came in place of an HTTP/1 response; the server speaks HTTPS at this port: write https://",
            ),
            (
                b"220 mail ESMTP\r\n",
                "response",
                "plain text: `220 mail ESMTP` came in place of an HTTP/1 response",
            ),
        ] {
            assert_eq!(explained(bytes, wanted).as_deref(), Some(words));
        }
    }

    #[test]
    fn http_needs_no_explanation() {
        for (bytes, wanted) in [
            (&b""[..], "request"),
            (b"GE", "request"),
            (b"GET /scep HTTP/9.9", "request"),
            (b"HTTP/1.1 999", "response"),
        ] {
            assert_eq!(explained(bytes, wanted), None);
        }
    }
}
