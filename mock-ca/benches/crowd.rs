//! A GetCACaps of an honest client on a connection of its own, while other peers occupy all places and send nothing: some stay,
//! some connect again as soon as they are closed. The client must be served in well under a second.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use criterion::{Criterion, criterion_group, criterion_main};
use mock_ca::MockCa;

const REQUEST: &[u8] =
    b"GET /scep?operation=GetCACaps HTTP/1.1\r\nHost: ca\r\nConnection: close\r\n\r\n";

fn crowd(criterion: &mut Criterion) {
    let ca = MockCa::linux().start_blocking().expect("a CA");
    let address = ca.address();
    let mut group = criterion.benchmark_group("an honest client");
    group.bench_function("alone", |bencher| bencher.iter(|| ask(address)));
    let idle: Vec<_> = (0..600).map(|_| connect(address)).collect();
    group.bench_function("beside 600 idle connections", |bencher| bencher.iter(|| ask(address)));
    drop(idle);
    let over = Arc::new(AtomicBool::new(false));
    let peers: Vec<_> = (0..64).map(|_| reconnecting(address, &over)).collect();
    group.bench_function("beside 640 that connect again", |bencher| bencher.iter(|| ask(address)));
    over.store(true, Ordering::Relaxed);
    for peer in peers {
        peer.join().expect("a peer");
    }
    group.finish();
}

fn ask(address: SocketAddr) {
    let mut stream = connect(address);
    stream.write_all(REQUEST).expect("the server reads");
    let mut response = Vec::new();
    stream.read_to_end(&mut response).expect("the server answers");
    assert!(response.starts_with(b"HTTP/1.1 200 OK"));
}

fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).expect("the server listens")
}

/// A thread with ten idle connections, which it opens again when the server has closed them.
fn reconnecting(address: SocketAddr, over: &Arc<AtomicBool>) -> JoinHandle<()> {
    let over = Arc::clone(over);
    thread::spawn(move || {
        while !over.load(Ordering::Relaxed) {
            let idle: Vec<_> = (0..10).map(|_| connect(address)).collect();
            for mut stream in idle {
                let _ = stream.set_read_timeout(Some(std::time::Duration::from_millis(100)));
                let _ = stream.read(&mut [0]);
            }
        }
    })
}

criterion_group!(benches, crowd);
criterion_main!(benches);
