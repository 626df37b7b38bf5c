//! Slow peers: a server with short timeouts cuts them off, on a real socket.

use std::time::Duration;

use mock_ca::{MockCa, RunningCa};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::LINUX;
use super::client::{enrol, settings};
use crate::suite::sceplab::DEADLINE;

/// A server with this read timeout, in milliseconds.
async fn impatient(read_timeout: u64) -> RunningCa {
    let ca = MockCa::linux().with(|settings| {
        settings.limits.read_timeout = Duration::from_millis(read_timeout);
        settings.limits.connections = 8;
    });
    ca.start().await.unwrap()
}

/// Waits until the server closes a connection on which nothing more is sent.
async fn is_cut_off(mut stream: TcpStream) {
    let mut rest = Vec::new();
    let _ =
        timeout(DEADLINE, stream.read_to_end(&mut rest)).await.expect("the connection is cut off");
}

#[tokio::test]
async fn stalled_request_is_cut_off() {
    let ca = impatient(200).await;
    for part in [
        "",
        "GET /scep?operation=GetCA",
        "GET /scep?operation=GetCACaps HTTP/1.1\r\nHost: x\r\n",
        "POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345",
    ] {
        let mut stream = TcpStream::connect(ca.address()).await.unwrap();
        stream.write_all(part.as_bytes()).await.unwrap();
        is_cut_off(stream).await;
    }
}

#[tokio::test]
async fn slow_request_is_cut_off() {
    let ca = impatient(200).await;
    let mut stream = TcpStream::connect(ca.address()).await.unwrap();
    let drip = async {
        while stream.write_all(b"GET /scep?operation=").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(DEADLINE, drip).await.expect("the connection is cut off");
}

#[tokio::test]
async fn idle_peers_do_not_block_others() {
    // Enough for one request of a slow machine.
    let ca = impatient(3_000).await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(TcpStream::connect(ca.address()).await.unwrap());
    }
    let authority = ca.address().to_string();
    let enrolment = enrol(&authority, LINUX, settings("CN=a", None));
    assert!(timeout(DEADLINE, enrolment).await.expect("its turn comes").is_ok());
}
