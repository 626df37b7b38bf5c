//! Bytes that are no HTTP, or too much of it.

use std::path::Path;

use super::{Canned, enrol, says};
use crate::suite::sceplab::run_in;

#[test]
fn answer_in_many_small_pieces_is_refused() {
    let chunks = "1\r\nA\r\n".repeat(5_000);
    let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n");
    let server = Canned::start(&[("*", answer.into_bytes())]);
    let words = "the answer comes in more than 4096 pieces";
    says(&enrol(&server, &[]), 3, words);
    says(&run_in(Path::new("/"), &["health", &server.url()]), 3, words);
}

#[test]
fn server_of_another_protocol_is_named() {
    for (bytes, words) in [
        (
            &b"HTTP/1.1 9x9 Odd\r\n\r\n"[..],
            "the answer is no valid HTTP/1: invalid HTTP status-code parsed",
        ),
        (
            &b"\x15\x03\x01\x00\x02\x02\x28"[..],
            "TLS (alert 40, handshake_failure) came in place of an HTTP/1 response; the server speaks HTTPS at this port",
        ),
        (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", "HTTP/2 came in place of an HTTP/1 response"),
        (
            b"SSH-2.0-OpenSSH_9.2\r\n",
            "SSH: `SSH-2.0-OpenSSH_9.2` came in place of an HTTP/1 response",
        ),
        (b"", "the server closed the connection without an answer"),
        (
            b"220 mail.example.com ESMTP\r\n",
            "plain text: `220 mail.example.com ESMTP` came in place",
        ),
    ] {
        let server = Canned::start(&[("*", bytes.to_vec())]);
        let health = run_in(Path::new("/"), &["health", &server.url()]);
        says(&health, 3, words);
    }
}
