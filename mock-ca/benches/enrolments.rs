//! Enrolments over loopback by a few clients at once, compared with the private-key operations of the server that each of
//! them needs: to open the request, sign the certificate, and sign the reply.
//!
//! The server has one thread, so it uses one core at most. The requests are made beforehand and the replies only read. While
//! one client waits, the server has the others' requests, so nearly all the time is the server's.

use std::{
    collections::VecDeque,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use criterion::{Criterion, criterion_group, criterion_main};
use mock_ca::{MockCa, PersonalityName, RunningCa};
use openssl::{
    hash::MessageDigest,
    pkey::{PKey, Private},
    rand::rand_bytes,
    rsa::{Padding, Rsa},
    sign::Signer,
};
use scep::{
    client::{self, Client, Next},
    clock::{Clock, Stopwatch},
    http::{HttpRequest, HttpResponse, Method},
};

/// The number of clients at once.
const CLIENTS: usize = 4;

fn enrolments(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("enrolment");
    group.bench_function("three private-key operations alone", |bencher| {
        let key = PKey::from_rsa(Rsa::generate(2048).expect("a key")).expect("a key");
        let sealed = seal(&key);
        bencher.iter(|| private_key_operations(&key, &sealed));
    });
    for personality in PersonalityName::ALL.iter().copied() {
        group.bench_function(personality.as_str(), |bencher| {
            let ca = start(personality);
            let path = ca.paths()[0];
            let mut clients: Vec<_> =
                (0..CLIENTS).map(|_| Connection::open(ca.address())).collect();
            let request = request(&mut clients[0], path);
            bencher.iter_custom(|enrolments| enrol(&mut clients, &request, enrolments));
        });
    }
    group.finish();
}

/// The time for this many enrolments, with one under way for each client.
fn enrol(clients: &mut [Connection], request: &[u8], enrolments: u64) -> Duration {
    let start = Stopwatch::start();
    let mut under_way = VecDeque::new();
    for client in (0..clients.len()).cycle().take(usize::try_from(enrolments).expect("a number")) {
        if under_way.len() == clients.len() {
            finish(clients, under_way.pop_front());
        }
        clients[client].send(request);
        under_way.push_back(client);
    }
    for client in under_way {
        finish(clients, Some(client));
    }
    start.elapsed()
}

fn finish(clients: &mut [Connection], client: Option<usize>) {
    let client = client.expect("a client whose request is under way");
    assert_eq!(clients[client].receive().status, 200);
}

fn start(personality: PersonalityName) -> RunningCa {
    let ca = MockCa::new(personality).with(|settings| {
        settings.allow_duplicate_names = true;
        // All certificates of the benchmark are kept.
        settings.limits.memory = 4 << 30;
    });
    ca.start_blocking().expect("a CA")
}

/// A PKCSReq as it travels.
fn request(connection: &mut Connection, path: &str) -> Vec<u8> {
    let key = PKey::from_rsa(Rsa::generate(2048).expect("a key")).expect("a key");
    let subject = scep::name::parse("CN=MyUserCert").expect("a name");
    let mut client = Client::new(client::Settings::new(key, subject));
    let mut next = client.start();
    loop {
        let encoded = encode(&next, path);
        if next.method == Method::Post {
            return encoded;
        }
        let response = connection.exchange(&encoded);
        next = match client.receive(&response, Clock::system().now(), &mut rand_bytes) {
            Ok(Next::Send(next)) => next,
            other => panic!("{other:?}"),
        };
    }
}

fn encode(request: &HttpRequest, path: &str) -> Vec<u8> {
    let method = if request.method == Method::Post { "POST" } else { "GET" };
    let (query, length) = (&request.query, request.body.len());
    let head =
        format!("{method} {path}?{query} HTTP/1.1\r\nHost: ca\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), &request.body].concat()
}

/// A connection that is kept open.
struct Connection(TcpStream);

impl Connection {
    fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a socket option");
        Self(stream)
    }

    fn exchange(&mut self, request: &[u8]) -> HttpResponse {
        self.send(request);
        self.receive()
    }

    fn send(&mut self, request: &[u8]) {
        self.0.write_all(request).expect("the server reads");
    }

    fn receive(&mut self) -> HttpResponse {
        let mut received = Vec::new();
        loop {
            let mut buffer = [0; 16 * 1024];
            let count = self.0.read(&mut buffer).expect("the server answers");
            received.extend_from_slice(&buffer[..count]);
            if let Some(response) = parse(&received) {
                return response;
            }
        }
    }
}

fn parse(received: &[u8]) -> Option<HttpResponse> {
    let end = received.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&received[..end]).ok()?;
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    let length: usize = header("Content-Length: ")?.parse().ok()?;
    let body = received.get(end + 4..end + 4 + length)?.to_vec();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(HttpResponse {
        status,
        content_type: header("Content-Type: ").map(str::to_owned),
        body,
        ..HttpResponse::default()
    })
}

fn seal(key: &PKey<Private>) -> Vec<u8> {
    let rsa = key.rsa().expect("an RSA key");
    let mut sealed = vec![0; 256];
    rsa.public_encrypt(&[7; 16], &mut sealed, Padding::PKCS1).expect("a sealed key");
    sealed
}

fn private_key_operations(key: &PKey<Private>, sealed: &[u8]) {
    let rsa = key.rsa().expect("an RSA key");
    let mut opened = vec![0; 256];
    rsa.private_decrypt(sealed, &mut opened, Padding::PKCS1).expect("opened");
    for _ in 0..2 {
        let mut signer = Signer::new(MessageDigest::sha256(), key).expect("a signer");
        signer.sign_oneshot_to_vec(&opened).expect("signed");
    }
}

criterion_group!(benches, enrolments);
criterion_main!(benches);
