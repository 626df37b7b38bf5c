//! The forms in which clients and proxies write HTTP requests (RFC 9110, RFC 9112).

use std::{sync::Arc, time::Duration};

use mock_ca::{Ca, PersonalityName};
use openssl::rand::rand_bytes;
use scep::{
    client::{Client, Next},
    http::HttpResponse,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    time::timeout,
};

use crate::client::{LINUX, NDES, connect, get, open_with, parse, raw, send, settings};

const SOON: Duration = Duration::from_secs(60);

fn linux() -> Arc<Ca> {
    open_with(PersonalityName::Linux, |_| ())
}

/// The answer to a request line and header lines, after which the CA closes the connection.
async fn answer(ca: &Arc<Ca>, lines: &str) -> String {
    String::from_utf8(raw(ca, format!("{lines}\r\n\r\n").as_bytes()).await).unwrap()
}

/// Reads until these bytes have come.
async fn read_until(stream: &mut DuplexStream, end: &[u8]) -> Vec<u8> {
    let mut received = Vec::new();
    while !received.ends_with(end) {
        let read = timeout(SOON, stream.read_u8()).await.expect("an answer");
        received.push(read.expect("an open connection"));
    }
    received
}

#[tokio::test]
async fn request_in_http_1_0_is_answered_in_it_and_the_connection_closed() {
    // As Cisco IOS writes it; RFC 9112 §3.2 asks for Host in HTTP/1.1 alone.
    for (personality, path) in [(PersonalityName::Linux, LINUX), (PersonalityName::Ndes, NDES)] {
        let ca = open_with(personality, |_| ());
        let line = format!("GET {path}?operation=GetCACaps HTTP/1.0");
        let answer = answer(&ca, &line).await;
        assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
        assert!(answer.contains("\r\nContent-Length: "), "{answer}");
    }
}

#[tokio::test]
async fn connection_is_kept_or_closed_as_the_client_asks() {
    let ca = linux();
    let request = b"GET /scep?operation=GetCACaps HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut kept = connect(&ca);
    for _ in 0..2 {
        kept.write_all(request).await.unwrap();
        let answer = read_until(&mut kept, b"POSTPKIOperation").await;
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    }
    // `raw` ends when the connection does.
    let closing = "GET /scep?operation=GetCACaps HTTP/1.1\r\nHost: a\r\nConnection: close";
    assert!(answer(&ca, closing).await.contains("\r\nConnection: close\r\n"));
    let old =
        "GET /scep?operation=GetCACaps HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close";
    assert!(answer(&ca, old).await.starts_with("HTTP/1.0 200 "));
}

/// The message of a PKCSReq.
async fn message(ca: &Arc<Ca>) -> (Client, Vec<u8>) {
    let mut client = Client::new(settings(None));
    let mut request = client.start();
    while request.body.is_empty() {
        let target = format!("{LINUX}?{}", request.query);
        let response = get(ca, &target).await;
        let response = HttpResponse {
            status: response.status,
            content_type: response.header("Content-Type").map(str::to_owned),
            body: response.body,
            ..HttpResponse::default()
        };
        let next = client.receive(&response, ca.clock().now(), &mut rand_bytes).unwrap();
        let Next::Send(next) = next else { panic!("a request follows") };
        request = next;
    }
    (client, request.body)
}

#[tokio::test]
async fn message_in_chunks_is_read() {
    let ca = linux();
    let (_, message) = message(&ca).await;
    let mut chunks = Vec::new();
    for chunk in message.chunks(100) {
        chunks.extend(format!("{:x};note=x\r\n", chunk.len()).bytes());
        chunks.extend(chunk);
        chunks.extend(b"\r\n");
    }
    chunks.extend(b"0\r\nTrailer: x\r\n\r\n");
    let head = b"POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
                 Transfer-Encoding: chunked\r\n\r\n";
    let answer = parse(&raw(&ca, &[&head[..], &chunks].concat()).await);
    assert_eq!((answer.status, ca.issued().unwrap().len()), (200, 1));
}

#[tokio::test]
async fn client_that_waits_for_100_continue_gets_it_before_the_answer() {
    let ca = linux();
    let (_, message) = message(&ca).await;
    let head = format!(
        "POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
         Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        message.len()
    );
    let mut stream = connect(&ca);
    stream.write_all(head.as_bytes()).await.unwrap();
    let interim = read_until(&mut stream, b"\r\n\r\n").await;
    assert!(interim.starts_with(b"HTTP/1.1 100 "), "{interim:?}");
    stream.write_all(&message).await.unwrap();
    let mut rest = Vec::new();
    timeout(SOON, stream.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert_eq!((parse(&rest).status, ca.issued().unwrap().len()), (200, 1));
}

#[tokio::test]
async fn host_is_taken_in_upper_case_and_as_an_ipv6_address() {
    let ca = linux();
    for host in ["CA.EXAMPLE", "[2001:DB8::1]", "[2001:db8::1]:8080", "ca.example:8080"] {
        let lines =
            format!("GET /scep?operation=GetCACaps HTTP/1.1\r\nHOST: {host}\r\nCONNECTION: CLOSE");
        assert!(answer(&ca, &lines).await.starts_with("HTTP/1.1 200 "), "{host}");
    }
}

#[tokio::test]
async fn whole_url_as_target_is_taken_as_a_proxy_sends_it() {
    // RFC 9112 §3.2.2: a server must accept it, whatever Host says.
    for (personality, path) in [(PersonalityName::Linux, LINUX), (PersonalityName::Ndes, NDES)] {
        let ca = open_with(personality, |_| ());
        for url in ["http://CA.example:8080", "HTTP://[2001:db8::1]", "https://ca.example"] {
            let lines = format!(
                "GET {url}{path}?operation=GetCACaps HTTP/1.1\r\nHost: other\r\nConnection: close"
            );
            assert!(answer(&ca, &lines).await.starts_with("HTTP/1.1 200 "), "{url}");
        }
    }
}

#[tokio::test]
async fn other_targets_end_nothing() {
    let ca = linux();
    for line in ["OPTIONS * HTTP/1.1", "CONNECT a:80 HTTP/1.1", "GET http://a HTTP/1.1"] {
        let answer = answer(&ca, &format!("{line}\r\nHost: a\r\nConnection: close")).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{line}: {answer}");
    }
    assert_eq!(get(&ca, "/scep?operation=GetCACaps").await.status, 200);
}

#[tokio::test]
async fn path_that_ends_in_a_question_mark_or_a_slash_is_that_of_the_personality() {
    use PersonalityName::{Linux, Ndes, Rfc8894};
    for (personality, target, status) in [
        // Without an operation.
        (Linux, "/scep?", 500),
        (Rfc8894, "/scep?", 400),
        (Ndes, "/certsrv/mscep/mscep.dll?", 200),
        // The name of the parameter is then `?operation`, which no server knows.
        (Linux, "/scep??operation=GetCACaps", 500),
        (Rfc8894, "/scep??operation=GetCACaps", 400),
        (Ndes, "/certsrv/mscep/mscep.dll??operation=GetCACaps", 200),
        // A `?` at the end belongs to the last value.
        (Linux, "/scep?operation=GetCACaps?", 500),
        // scepserver serves one path, NDES those of its DLL, and `rfc8894` any path.
        (Linux, "/scep/?operation=GetCACaps", 404),
        (Ndes, "/certsrv/mscep/mscep.dll/?operation=GetCACaps", 404),
        (Rfc8894, "/scep/?operation=GetCACaps", 200),
        (Rfc8894, "//scep//?operation=GetCACaps", 200),
    ] {
        let ca = open_with(personality, |_| ());
        let answer = get(&ca, target).await;
        assert_eq!(answer.status, status, "{personality} {target}: {}", answer.head);
    }
}

#[tokio::test]
async fn redirection_of_ndes_names_the_same_host_and_keeps_the_query() {
    let ca = open_with(PersonalityName::Ndes, |_| ());
    for host in ["", "http://ca.example"] {
        let target = format!("{host}/certsrv/mscep?operation=GetCACaps&message=test");
        let answer = send(&ca, "GET", &target, "", b"").await;
        assert_eq!(answer.status, 301);
        let place = answer.header("Location").unwrap();
        assert_eq!(place, "/certsrv/mscep/?operation=GetCACaps&message=test");
        assert_eq!(get(&ca, place).await.status, 200);
    }
}
