//! The CA as a fixture of other people's tests.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
};

use mock_ca::{FaultError, MockCa, OpenError, RunningCa, StartError};

#[path = "../../examples/client/mod.rs"]
mod client;

use client::enrol;

/// A connection on which GetCACaps is asked for.
fn ask(ca: &RunningCa) -> TcpStream {
    let path = ca.url().split_once(&ca.address().to_string()).unwrap().1;
    let mut stream = TcpStream::connect(ca.address()).unwrap();
    write!(stream, "GET {path}?operation=GetCACaps HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    stream
}

fn answer(mut stream: TcpStream) -> String {
    let mut start = [0; 15];
    stream.read_exact(&mut start).unwrap();
    String::from_utf8(start.to_vec()).unwrap()
}

fn is_closed(address: SocketAddr) -> bool {
    let connected = TcpStream::connect(address);
    connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

#[test]
fn every_personality_answers_until_it_is_dropped() {
    for mock in [MockCa::linux(), MockCa::ndes(), MockCa::rfc8894()] {
        let ca = mock.start_blocking().unwrap();
        assert_eq!(answer(ask(&ca)), "HTTP/1.1 200 OK");
        let address = ca.address();
        drop(ca);
        assert!(is_closed(address));
    }
}

#[test]
fn enrolment_and_fault_are_reported() {
    let ca = MockCa::rfc8894().challenge("x");
    let ca = ca.fault("on: PKCSReq, nth: 1, do: wrong-transaction-id").unwrap();
    let ca = ca.start_blocking().unwrap();
    enrol(ca.url(), "x").unwrap_err();
    assert_eq!(ca.faults()[0].fired, 1);
    enrol(ca.url(), "wrong").unwrap_err();
    assert_eq!(ca.denied(), 1);
    let certificate = enrol(ca.url(), "x").unwrap();
    assert_eq!(ca.issued().unwrap().last().unwrap().certificate, certificate);
    assert_eq!(ca.requests().len(), 9);
}

#[test]
fn manual_approval_lets_requests_wait() {
    let ca = MockCa::rfc8894().manual_approval().start_blocking().unwrap();
    enrol(ca.url(), "").unwrap_err();
    let waiting = ca.pending().unwrap();
    assert_eq!((waiting.len(), waiting[0].subject.as_str()), (1, "CN = device"));
    ca.approve(&waiting[0].transaction_id).unwrap();
    assert_eq!(ca.issued().unwrap().len(), 1);
}

/// The test has one thread, which the client blocks: the CA answers all the same.
#[tokio::test]
async fn a_blocking_client_can_be_tested_in_an_async_test() {
    let ca = MockCa::linux().start().await.unwrap();
    enrol(ca.url(), "").unwrap();
    assert_eq!(ca.issued().unwrap().len(), 1);
}

#[tokio::test]
async fn drop_in_an_async_test_closes_the_port() {
    let started = MockCa::linux().start().await.unwrap();
    let started_blocking = MockCa::linux().start_blocking().unwrap();
    for ca in [started, started_blocking] {
        assert_eq!(answer(ask(&ca)), "HTTP/1.1 200 OK");
        let address = ca.address();
        drop(ca);
        assert!(is_closed(address));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drop_in_another_task_closes_the_port() {
    let ca = MockCa::linux().start().await.unwrap();
    let address = ca.address();
    tokio::spawn(async move { drop(ca) }).await.unwrap();
    assert!(is_closed(address));
}

#[test]
fn drop_does_not_wait_for_an_answer_under_way() {
    let ca = MockCa::linux().fault("on: GetCACaps, do: delay 10m").unwrap();
    let ca = ca.start_blocking().unwrap();
    let mut stream = ask(&ca);
    // A request is noted before its answer is sent.
    while ca.requests().is_empty() {
        std::thread::yield_now();
    }
    drop(ca);
    assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
}

#[tokio::test]
async fn unusable_settings_are_rejected() {
    let nameless = || MockCa::linux().with(|settings| settings.subject = Some("x".to_owned()));
    for error in [nameless().start().await.unwrap_err(), nameless().start_blocking().unwrap_err()] {
        assert!(matches!(error, StartError::Open(OpenError::Subject { .. })), "{error}");
    }
}

#[test]
fn impossible_fault_is_rejected() {
    let unsuited = MockCa::linux().fault("on: GetCACert, do: ra-expired").unwrap_err();
    assert!(matches!(unsuited, FaultError::Unsuited { .. }), "{unsuited}");
    let suited = MockCa::ndes().fault("on: GetCACert, do: ra-expired");
    assert!(suited.is_ok());
}
