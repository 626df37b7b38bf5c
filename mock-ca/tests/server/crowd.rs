//! More connections than places, on real sockets: the order in which they are served and closed.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mock_ca::{
    Ca, ChallengePolicy, Listener, LogOutcome, MockCa, PersonalityName, RunningCa, control::Control,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{Mutex, mpsc},
    time::{sleep, timeout},
};

use crate::client::ca;

/// The time after which a test gives up waiting. The timeouts of the servers are longer.
const SOON: Duration = Duration::from_secs(60);

const REQUEST: &[u8] = b"GET /scep?operation=GetCACaps HTTP/1.1\r\nHost: ca\r\n\r\n";

/// A CA with this many places, whose timeouts never help.
fn crowded(places: usize) -> MockCa {
    MockCa::linux().with(|settings| {
        settings.limits.connections = places;
        settings.limits.least_wait = Duration::ZERO;
        settings.limits.read_timeout = Duration::from_secs(3_600);
    })
}

/// A connection from this address of the loopback network.
async fn connect_from(address: [u8; 4], ca: &RunningCa) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(Ipv4Addr::from(address).into(), 0)).unwrap();
    socket.connect(ca.address()).await.unwrap()
}

async fn connect(ca: &RunningCa) -> TcpStream {
    TcpStream::connect(ca.address()).await.unwrap()
}

/// Reads one answer, which must be a good one.
async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut received = String::new();
    while !received.ends_with("POSTPKIOperation") {
        let mut buffer = [0; 1024];
        match stream.read(&mut buffer).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => received += &String::from_utf8_lossy(&buffer[..count]),
        }
    }
    assert!(received.starts_with("HTTP/1.1 200 OK"), "{received}");
    Ok(())
}

async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    stream.write_all(REQUEST).await?;
    receive(stream).await
}

/// Asks, and fails the test if no answer comes.
async fn is_served(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    timeout(SOON, ask(stream)).await.expect("an answer").unwrap();
}

/// Waits until the CA has closed a connection.
async fn is_closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    let read = timeout(SOON, stream.read_to_end(&mut rest)).await.expect("a closed connection");
    assert!(read.is_err() || rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
}

#[tokio::test]
async fn connection_that_has_waited_longest_makes_room() {
    let ca = crowded(3).start().await.unwrap();
    let mut connections = [connect(&ca).await, connect(&ca).await, connect(&ca).await];
    for connection in &mut connections {
        is_served(connection).await;
    }
    let [mut first, mut second, mut third] = connections;
    // The first asks again, so the second has waited longest.
    is_served(&mut first).await;
    let mut fourth = connect(&ca).await;
    is_served(&mut fourth).await;
    is_closed(&mut second).await;
    for connection in [&mut first, &mut third, &mut fourth] {
        is_served(connection).await;
    }
    let cut = ca.log().into_iter().find(|entry| entry.outcome == LogOutcome::Cut).unwrap();
    assert!(cut.to_string().contains("all 3 places were taken"), "{cut}");
}

#[tokio::test]
async fn every_kind_of_waiting_makes_room() {
    let ca = crowded(1).start().await.unwrap();
    for begun in [
        &b""[..],
        b"GET /scep HTTP/1.1\r\nX",
        b"POST /scep HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab",
        b"POST /scep HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab",
        b"POST /scep HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
    ] {
        let mut waiting = connect(&ca).await;
        waiting.write_all(begun).await.unwrap();
        let mut honest = connect(&ca).await;
        is_served(&mut honest).await;
        let mut rest = Vec::new();
        let _ = timeout(SOON, waiting.read_to_end(&mut rest)).await.expect("a closed connection");
    }
}

#[tokio::test]
async fn bytes_now_and_then_keep_no_place() {
    let ca = crowded(2).start().await.unwrap();
    let mut trickling = connect(&ca).await;
    trickling
        .write_all(b"POST /scep HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
        .await
        .unwrap();
    let mut other = connect(&ca).await;
    is_served(&mut other).await;
    trickling.write_all(b"a").await.unwrap();
    is_served(&mut connect(&ca).await).await;
    is_closed(&mut trickling).await;
    is_served(&mut other).await;
}

#[tokio::test]
async fn request_that_is_worked_on_is_answered_before_its_place_is_given_up() {
    let ca = crowded(1).fault("on: GetCACaps, nth: 1, do: delay 1s").unwrap();
    let ca = ca.start().await.unwrap();
    let mut working = connect(&ca).await;
    working.write_all(REQUEST).await.unwrap();
    timeout(SOON, async {
        while ca.log().is_empty() {
            sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the request has arrived");
    let mut next = connect(&ca).await;
    let (first, ()) = tokio::join!(timeout(SOON, receive(&mut working)), is_served(&mut next));
    first.expect("an answer").unwrap();
    is_closed(&mut working).await;
}

/// Linux alone has all addresses of the loopback network.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn address_with_many_connections_takes_no_place_of_another() {
    let ca = crowded(4).start().await.unwrap();
    let mut honest = connect_from([127, 0, 0, 2], &ca).await;
    is_served(&mut honest).await;
    let mut many = Vec::new();
    for _ in 0..20 {
        let mut one = connect_from([127, 0, 0, 3], &ca).await;
        is_served(&mut one).await;
        many.push(one);
    }
    is_served(&mut honest).await;
    let newest = many.split_off(17);
    for mut closed in many {
        is_closed(&mut closed).await;
    }
    for mut open in newest {
        is_served(&mut open).await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn one_connection_of_each_of_many_addresses_blocks_nobody() {
    let ca = crowded(4).start().await.unwrap();
    let mut idle = Vec::new();
    for host in 10..60 {
        idle.push(connect_from([127, 0, 1, host], &ca).await);
    }
    is_served(&mut connect_from([127, 0, 0, 2], &ca).await).await;
}

#[tokio::test]
async fn peers_that_connect_again_and_again_block_nobody() {
    let ca = crowded(8).with(|settings| settings.limits.least_wait = Duration::from_millis(500));
    let ca = Arc::new(ca.start().await.unwrap());
    let over = Arc::new(AtomicBool::new(false));
    let attackers: Vec<_> = (0..16)
        .map(|_| {
            let (ca, over) = (Arc::clone(&ca), Arc::clone(&over));
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let mut stream = connect(&ca).await;
                    let _ = stream.write_all(b"GET /scep HTTP/1.1\r\nX").await;
                    let _ = timeout(Duration::from_millis(500), stream.read(&mut [0])).await;
                }
            })
        })
        .collect();
    for _ in 0..5 {
        is_served(&mut connect(&ca).await).await;
    }
    over.store(true, Ordering::Relaxed);
    for attacker in attackers {
        attacker.await.unwrap();
    }
}

#[tokio::test]
async fn idle_connections_do_not_block_the_control_api() {
    let ca = ca(PersonalityName::Linux, ChallengePolicy::None);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let control = Control::new(ca);
    let serving = tokio::spawn(async move { control.serve(listener).await });
    let mut idle = Vec::new();
    for _ in 0..100 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /denied HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut response = String::new();
    timeout(SOON, stream.read_to_string(&mut response)).await.expect("an answer").unwrap();
    assert!(response.ends_with("\r\n\r\n0\n"), "{response}");
    serving.abort();
}

/// A listener of connections in memory, whose buffers hold a few bytes.
struct InMemory(Mutex<mpsc::Receiver<DuplexStream>>);

impl Listener for InMemory {
    type Stream = DuplexStream;

    async fn accept(&self) -> io::Result<(DuplexStream, String)> {
        let next = self.0.lock().await.recv().await;
        Ok((next.ok_or(io::ErrorKind::BrokenPipe)?, "memory".to_owned()))
    }
}

#[tokio::test]
async fn peers_that_do_not_read_their_answers_block_nobody() {
    const GET: &[u8] = b"GET /ca HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let ca: Arc<Ca> = ca(PersonalityName::Linux, ChallengePolicy::None);
    let (connections, accepted) = mpsc::channel(1);
    let control = Control::new(ca);
    let serving = tokio::spawn(async move { control.serve(InMemory(Mutex::new(accepted))).await });
    let mut unread = Vec::new();
    for _ in 0..50 {
        let (mut near, far) = tokio::io::duplex(64);
        timeout(SOON, connections.send(far)).await.expect("it is accepted").unwrap();
        timeout(SOON, near.write_all(GET)).await.expect("it is read").unwrap();
        unread.push(near);
    }
    let (mut near, far) = tokio::io::duplex(64);
    connections.send(far).await.unwrap();
    near.write_all(GET).await.unwrap();
    let mut response = String::new();
    timeout(SOON, near.read_to_string(&mut response)).await.expect("an answer").unwrap();
    assert!(response.starts_with("HTTP/1.1 200 OK"), "{response}");
    serving.abort();
}
