//! Peers that send garbage: it is rejected, and the server continues.

use scep::http::{HttpRequest, Method};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::client::{enrol, exchange, get, settings};
use super::{LINUX, NDES, Server};
use crate::suite::sceplab::DEADLINE;

/// Sends these bytes, and returns everything that the server sends until it closes the connection.
async fn send(authority: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(authority).await.unwrap();
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = timeout(DEADLINE, stream.read_to_end(&mut answer)).await.expect("a closed connection");
    String::from_utf8_lossy(&answer).into_owned()
}

fn post(body: Vec<u8>) -> HttpRequest {
    HttpRequest {
        method: Method::Post,
        query: "operation=PKIOperation".to_owned(),
        content_type: None,
        body,
    }
}

#[tokio::test]
async fn garbage_is_rejected_and_the_server_continues() {
    let server = Server::start(&["linux"]);
    let long_head = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(1_000_000));
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET\r\n\r\n",
        b"\r\n\r\n\0\0\0\0",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /scep?operation=PKIOperation HTTP/1.1\r\nContent-Length: minus one\r\n\r\n",
        b"POST /scep?operation=PKIOperation HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        long_head.as_bytes(),
    ] {
        let answer = send(&server.authority, garbage).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    enrol(&server.authority, LINUX, settings("CN=a", None)).await.unwrap();
}

#[tokio::test]
async fn too_large_body_is_rejected_unread() {
    let server = Server::start(&["linux"]);
    let head = "POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000000\r\n\r\n";
    let answer = send(&server.authority, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    enrol(&server.authority, LINUX, settings("CN=a", None)).await.unwrap();
}

#[tokio::test]
async fn too_long_query_is_rejected() {
    for (personality, path) in [("linux", LINUX), ("ndes", NDES)] {
        let server = Server::start(&[personality]);
        let query = format!("operation=PKIOperation&message={}", "A".repeat(66_000));
        let request = format!("GET {path}?{query} HTTP/1.1\r\nHost: x\r\n\r\n");
        let answer = send(&server.authority, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
}

#[tokio::test]
async fn invalid_messages_are_rejected() {
    for (personality, path) in [("linux", LINUX), ("ndes", NDES)] {
        let server = Server::start(&[personality]);
        for body in [
            Vec::new(),
            vec![0],
            vec![0x30; 100_000],
            [0x30, 0x80].repeat(50_000),
            b"hello".to_vec(),
        ] {
            let answer = exchange(&server.authority, path, &post(body)).await.unwrap();
            assert!(answer.status >= 400, "{personality}: {}", answer.status);
        }
        let caps = get(&server.authority, path, "operation=GetCACaps").await;
        assert_eq!(caps.status, 200);
    }
}

#[tokio::test]
async fn unknown_operation_and_unknown_path_are_rejected() {
    let server = Server::start(&["linux"]);
    assert_eq!(
        get(&server.authority, "/cgi-bin/pkiclient.exe", "operation=GetCACaps").await.status,
        404
    );
    for query in ["", "operation=", "operation=Nothing", "operation=PKIOperation&message=%00"] {
        assert!(get(&server.authority, LINUX, query).await.status >= 400, "{query}");
    }
}

#[tokio::test]
async fn peer_cannot_forge_log_lines() {
    let mut server = Server::start(&["linux"]);
    get(&server.authority, "/x%0Aforged", "operation=forged%0A%1b[2Jforged").await;
    let transaction = "GET /\x1b[2J HTTP/1.1\r\nHost: x\r\n\r\n";
    send(&server.authority, transaction.as_bytes()).await;
    get(&server.authority, LINUX, "operation=GetCACaps").await;
    let line =
        server.running.stdout_line(|line| line.contains("GetCACaps").then(|| line.to_owned()));
    assert!(!line.contains('\x1b'));
    server.running.kill();
    let log = server.running.rest_of_stdout();
    assert!(!log.contains('\x1b') && !log.lines().any(|line| line.starts_with("forged")), "{log}");
}
