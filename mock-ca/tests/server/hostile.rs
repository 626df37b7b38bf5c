//! Peers that are slow, greedy or malicious.

use std::{sync::Arc, time::Duration};

use mock_ca::{Ca, ChallengePolicy, LogOutcome, PersonalityName, SHUTDOWN_TIMEOUT, serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::client::{LINUX, NDES, ca, connect, get, open_with, raw, send, settings};

/// The time after which a test gives up waiting.
const SOON: Duration = Duration::from_secs(60);

/// A CA with short timeouts and few connections.
fn impatient(personality: PersonalityName) -> Arc<Ca> {
    open_with(personality, |settings| {
        settings.limits.read_timeout = Duration::from_millis(200);
        settings.limits.connections = 2;
    })
}

/// A CA with small limits for requests.
fn narrow(personality: PersonalityName) -> Arc<Ca> {
    open_with(personality, |settings| {
        settings.limits.body_bytes = 1000;
        settings.limits.query_bytes = 2048;
        settings.limits.head_bytes = 16 * 1024;
    })
}

#[tokio::test]
async fn long_body_is_refused() {
    let ca = narrow(PersonalityName::Linux);
    let response = send(&ca, "POST", "/scep?operation=PKIOperation", "", &[0; 1001]).await;
    assert_eq!(response.status, 413);
    let chunked = b"POST /scep HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n";
    let response = raw(&ca, &[chunked.as_slice(), &[b'x'; 1001]].concat()).await;
    assert!(response.starts_with(b"HTTP/1.1 413 "));
}

#[tokio::test]
async fn longest_body_has_64_kib_or_the_length_of_the_settings() {
    let usual = ca(PersonalityName::Linux, ChallengePolicy::None);
    let patient = open_with(PersonalityName::Linux, |settings| {
        settings.limits.body_bytes = scep::MAX_MESSAGE_BYTES;
    });
    for (ca, longest) in [(usual, 65_536), (patient, scep::MAX_MESSAGE_BYTES)] {
        for (length, status) in [(longest, 500), (longest + 1, 413)] {
            let body = vec![0x30; length];
            let response = send(&ca, "POST", "/scep?operation=PKIOperation", "", &body).await;
            assert_eq!(response.status, status);
        }
    }
}

#[tokio::test]
async fn long_query_and_long_head_are_refused() {
    let ca = narrow(PersonalityName::Ndes);
    let target =
        |length: usize| format!("{NDES}?operation=GetCACaps&message={}", "x".repeat(length));
    assert_eq!(get(&ca, &target(2000)).await.status, 200);
    assert_eq!(get(&ca, &target(2048)).await.status, 404);
    let head = format!("X-Long: {}\r\n", "x".repeat(20_000));
    assert_eq!(send(&ca, "GET", NDES, &head, b"").await.status, 431);
    let many = "X: y\r\n".repeat(200);
    assert_eq!(send(&ca, "GET", NDES, &many, b"").await.status, 431);
}

/// The clock is paused and advances only while the test waits, so that a timeout costs no time.
#[tokio::test(start_paused = true)]
async fn slow_peers_are_disconnected() {
    let ca = impatient(PersonalityName::Linux);
    let slow_head = b"GET /scep HTTP/1.1\r\nHost:";
    let slow_body = b"POST /scep HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nxxx";
    for request in [&slow_head[..], &slow_body[..], b""] {
        let mut stream = connect(&ca);
        stream.write_all(request).await.unwrap();
        let mut response = Vec::new();
        let _ = timeout(SOON, stream.read_to_end(&mut response)).await.expect("cut off");
    }
    let cut = |entry: &mock_ca::LogEntry| entry.outcome == LogOutcome::Cut;
    assert!(ca.log().iter().any(cut), "{:?}", ca.log());
}

#[tokio::test(start_paused = true)]
async fn peer_that_does_not_read_is_disconnected() {
    let ca = impatient(PersonalityName::Ndes);
    let (mut near, far) = tokio::io::duplex(16);
    let serving = tokio::spawn({
        let ca = Arc::clone(&ca);
        async move { ca.serve_connection(far, "sleeper".to_owned()).await }
    });
    near.write_all(b"GET /certsrv/mscep/mscep.dll HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    timeout(SOON, serving).await.expect("cut off").unwrap();
}

#[tokio::test]
async fn server_survives_what_is_not_http() {
    let ca = ca(PersonalityName::Linux, ChallengePolicy::None);
    for bytes in [&b"\x16\x03\x01\x02\x00\x01\x00"[..], b"\r\n\r\n\r\n", b"GET\r\n\r\n", &[0; 4096]]
    {
        let mut stream = connect(&ca);
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut response = Vec::new();
        let _ = timeout(SOON, stream.read_to_end(&mut response)).await.expect("closed");
        assert!(response.is_empty() || response.starts_with(b"HTTP/1.1 400 "), "{response:?}");
    }
    assert_eq!(get(&ca, "/scep?operation=GetCACaps").await.status, 200);
}

#[tokio::test]
async fn server_survives_mutated_requests() {
    let ca = ca(PersonalityName::Linux, ChallengePolicy::None);
    let message = message(&ca).await;
    for n in 0..400 {
        let mut mutated = message.clone();
        let place = n * 7919 % mutated.len();
        match n % 3 {
            0 => mutated[place] ^= 1 << (n % 8),
            1 => mutated.truncate(place),
            _ => mutated.insert(place, 0x80),
        }
        let response = send(&ca, "POST", "/scep?operation=PKIOperation", "", &mutated).await;
        assert!(matches!(response.status, 200 | 500), "{n}: {}", response.status);
    }
}

/// A PKCSReq without a challenge password.
pub(crate) async fn message(ca: &Arc<Ca>) -> Vec<u8> {
    let mut client = scep::client::Client::new(settings(None));
    let mut request = client.start();
    while !request.query.starts_with("operation=PKIOperation") {
        let response = crate::client::carry(ca, LINUX, &request).await;
        let now = scep::clock::Clock::system().now();
        match client.receive(&response, now, &mut openssl::rand::rand_bytes).unwrap() {
            scep::client::Next::Send(next) => request = next,
            _ => panic!("a further request"),
        }
    }
    request.body
}

#[tokio::test]
async fn listener_limits_connections_and_stops_on_shutdown() {
    let ca = impatient(PersonalityName::Linux);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(serve(listener, Arc::clone(&ca), async {
        let _ = stopped.await;
    }));
    let request = b"GET /scep?operation=GetCACaps HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let _idle =
        (TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap());
    // Both places are occupied until the idle connections are closed.
    let mut third = TcpStream::connect(address).await.unwrap();
    third.write_all(request).await.unwrap();
    let mut response = Vec::new();
    timeout(SOON, third.read_to_end(&mut response)).await.expect("served").unwrap();
    assert!(response.starts_with(b"HTTP/1.1 200 OK\r\n"));

    let _open = TcpStream::connect(address).await.unwrap();
    stop.send(()).unwrap();
    timeout(SOON, serving).await.expect("stopped").unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn stalled_exchange_delays_shutdown_by_the_timeout_at_most() {
    let ca = ca(PersonalityName::Linux, ChallengePolicy::None);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stalling = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    stalling.write_all(b"POST /scep HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n").await.unwrap();
    stalling.write_all(b"Expect: 100-continue\r\n\r\n").await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(serve(listener, ca, async {
        let _ = stopped.await;
    }));
    // From now on the server waits for the body, up to 25 seconds.
    stalling.read_exact(&mut [0; 25]).await.unwrap();
    tokio::time::pause();
    let stopped_at = tokio::time::Instant::now();
    stop.send(()).unwrap();
    serving.await.unwrap();
    assert!(
        (SHUTDOWN_TIMEOUT..2 * SHUTDOWN_TIMEOUT).contains(&stopped_at.elapsed()),
        "{:?}",
        stopped_at.elapsed()
    );
}
