//! A tunnel through a proxy, by CONNECT (RFC 9110 §9.3.6).

use std::io;
use std::time::Duration;

use redact::visible;
use scep::content::Content;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::{Proxy, ProxyFailure};
use crate::Stream;

/// Time limit for the proxy's answer.
const LIMIT: Duration = Duration::from_secs(15);

/// The longest head of an answer, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;

/// Asks the proxy at the other end of the stream for a tunnel to this host and port. Afterwards the stream is one to the server.
///
/// # Errors
/// Says why there is none.
pub async fn tunnel(
    stream: &mut (impl Stream + ?Sized),
    proxy: &Proxy,
    to: &str,
) -> Result<(), ProxyFailure> {
    let asked = async {
        stream.write_all(request(proxy, to).as_bytes()).await.map_err(|error| broken(&error))?;
        stream.flush().await.map_err(|error| broken(&error))?;
        head(stream).await
    };
    let head = timeout(LIMIT, asked).await.unwrap_or(Err(ProxyFailure::TimedOut(LIMIT)))?;
    check(&head, proxy, to)
}

fn request(proxy: &Proxy, to: &str) -> String {
    let login = proxy.credentials().map(|login| format!("Proxy-Authorization: {login}\r\n"));
    let login = login.unwrap_or_default();
    format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{login}\r\n")
}

/// The head of the answer. It is read byte by byte, because what follows belongs to the server.
async fn head(stream: &mut (impl Stream + ?Sized)) -> Result<Vec<u8>, ProxyFailure> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && !head.ends_with(b"\n\n") {
        if head.len() == LONGEST_HEAD {
            return Err(ProxyFailure::TooLong(LONGEST_HEAD));
        }
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                let is_begun = !head.is_empty() && !head.starts_with(b"HTTP/1.");
                return Err(if is_begun { no_proxy(&head) } else { ProxyFailure::Closed });
            }
            Err(error) => return Err(broken(&error)),
        }
        // Something else than HTTP may have no empty line.
        if head.len() == "HTTP/1.".len() && head != b"HTTP/1." {
            return Err(no_proxy(&head));
        }
    }
    Ok(head)
}

fn no_proxy(head: &[u8]) -> ProxyFailure {
    ProxyFailure::NoProxy(Content::of(head).to_string())
}

fn broken(error: &io::Error) -> ProxyFailure {
    ProxyFailure::Broken(error.to_string())
}

fn check(head: &[u8], proxy: &Proxy, to: &str) -> Result<(), ProxyFailure> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.lines();
    let mut words = lines.next().unwrap_or_default().splitn(3, ' ').skip(1);
    let status = words.next().and_then(|status| status.parse().ok());
    let status: u16 = status.ok_or_else(|| no_proxy(head))?;
    let reason = visible(words.next().unwrap_or_default().trim());
    match status {
        200..=299 => Ok(()),
        407 => {
            let offered = lines.filter_map(|line| {
                let (name, value) = line.split_once(':')?;
                let scheme = value.split_whitespace().next()?;
                name.eq_ignore_ascii_case("proxy-authenticate").then(|| visible(scheme))
            });
            let offered = offered.collect();
            Err(match proxy.credentials() {
                Some(_) => ProxyFailure::LoginRefused(offered),
                None => ProxyFailure::LoginWanted(offered),
            })
        }
        _ => Err(ProxyFailure::Refused { to: to.to_owned(), status, reason }),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    async fn asked(answer: &[u8]) -> Result<(), ProxyFailure> {
        let proxy: Proxy = "http://proxy:3128".parse().unwrap();
        let (mut ours, mut theirs) = duplex(64 * 1024);
        theirs.write_all(answer).await.unwrap();
        theirs.shutdown().await.unwrap();
        let made = tunnel(&mut ours, &proxy, "pki.example.com:443").await;
        drop(ours);
        let mut sent = String::new();
        theirs.read_to_string(&mut sent).await.unwrap();
        assert!(
            sent.starts_with(
                "CONNECT pki.example.com:443 HTTP/1.1\r\nHost: pki.example.com:443\r\n"
            )
        );
        made
    }

    #[tokio::test]
    async fn answers_of_proxies_are_explained() {
        assert_eq!(asked(b"HTTP/1.0 200 Connection established\r\n\r\n").await, Ok(()));
        let words = async |answer: &[u8]| asked(answer).await.unwrap_err().to_string();
        for (answer, expected) in [
            (
                &b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n"[..],
                "the proxy wants a login (HTTP 407; it offers Basic)",
            ),
            (
                b"HTTP/1.1 403 Access \x1bdenied\r\n\r\n",
                "the proxy was asked to connect to pki.example.com:443, and answered HTTP 403 `Access \\u{1b}denied`",
            ),
            (b"", "the proxy closed the connection without a complete answer"),
            (b"HTTP/1.1 200 OK\r\n", "the proxy closed the connection without a complete answer"),
            (
                b"HTTP/1.1 x\r\n\r\n",
                "another HTTP message: `HTTP/1.1 x` came in place of a proxy's answer",
            ),
            (b"SSH-2.0-x\r\n", "SSH: `SSH-2.0` came in place of a proxy's answer"),
        ] {
            assert_eq!(words(answer).await, expected);
        }
        let endless = [&b"HTTP/1.1 200 OK\r\nX: "[..], &vec![b'a'; 32 * 1024]].concat();
        assert!(words(&endless).await.contains("longer than 16384 bytes"));
    }
}
