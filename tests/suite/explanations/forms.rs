//! Right answers in forms of HTTP that old servers and proxies have: the client works with each.

use std::path::Path;

use super::Canned;
use crate::suite::sceplab::run_in;

#[test]
fn answers_in_all_forms_of_http_are_read() {
    let list = "AES\nSHA-256\n";
    for (form, answer) in [
        ("HTTP/1.0 without a length", format!("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n{list}")),
        ("no length", format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{list}")),
        (
            "HTTP/1.0 that is kept alive",
            format!("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 12\r\n\r\n{list}"),
        ),
        (
            "chunks with an extension and a trailer",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;a=\"b\"\r\nAES\n\r\n8\r\nSHA-256\n\r\n0\r\nX-Y: z\r\n\r\n"
                .to_owned(),
        ),
        (
            "interim responses",
            format!(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{list}"
            ),
        ),
        ("no words after the status", format!("HTTP/1.1 200 \r\nCONTENT-LENGTH: 12\r\n\r\n{list}")),
    ] {
        let server = Canned::start(&[("GetCACaps", answer.into_bytes())]);
        for url in [server.url(), format!("{}/", server.url()), server.url().replace("127.0.0.1", "LOCALHOST")] {
            let health = run_in(Path::new("/"), &["health", &url]);
            let passed = "ok    capabilities (GetCACaps): AES, SHA-256";
            assert!(health.stdout.contains(passed), "{form}: {}", health.transcript());
        }
    }
}
