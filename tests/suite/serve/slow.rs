//! Slow peers: a server with short timeouts cuts them off, on a real socket.

use std::future::pending;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use mock_ca::{Ca, Limits, PersonalityName, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::LINUX;
use super::client::{enrol, settings};
use crate::suite::sceplab::DEADLINE;

/// A server with a read timeout of 200 ms.
async fn impatient() -> SocketAddr {
    let mut settings = Settings::new("pki", PersonalityName::Linux);
    settings.limits =
        Limits { read_timeout: Duration::from_millis(200), connections: 8, ..Limits::default() };
    let ca = Ca::open(settings, SystemTime::now()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { mock_ca::serve(listener, ca, pending::<()>()).await });
    address
}

/// Waits until the server closes a connection on which nothing more is sent.
async fn is_cut_off(mut stream: TcpStream) {
    let mut rest = Vec::new();
    let _ =
        timeout(DEADLINE, stream.read_to_end(&mut rest)).await.expect("the connection is cut off");
}

#[tokio::test]
async fn stalled_request_is_cut_off() {
    let address = impatient().await;
    for part in [
        "",
        "GET /scep?operation=GetCA",
        "GET /scep?operation=GetCACaps HTTP/1.1\r\nHost: x\r\n",
        "POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345",
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(part.as_bytes()).await.unwrap();
        is_cut_off(stream).await;
    }
}

/// Time is paused and advances only by waiting, so four pieces are sent within the server's timeout.
#[tokio::test(start_paused = true)]
async fn slow_request_is_cut_off() {
    let mut stream = TcpStream::connect(impatient().await).await.unwrap();
    let drip = async {
        while stream.write_all(b"GET /scep?operation=").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(DEADLINE, drip).await.expect("the connection is cut off");
}

#[tokio::test]
async fn idle_peers_do_not_block_others() {
    let address = impatient().await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    let authority = address.to_string();
    let enrolment = enrol(&authority, LINUX, settings("CN=a", None));
    assert!(timeout(DEADLINE, enrolment).await.expect("its turn comes").is_ok());
}
