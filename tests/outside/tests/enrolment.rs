//! The enrolment against the mock CA.

use std::{thread, time::Duration};

use mock_ca::MockCa;
use outside::enrol;

#[test]
fn enrolment_returns_the_issued_certificate() {
    let ca = MockCa::rfc8894().challenge("x").start_blocking().unwrap();

    let certificate = enrol(ca.url(), "CN=device", "x").unwrap();

    let issued = ca.issued().unwrap();
    assert_eq!(issued.len(), 1);
    assert_eq!(issued[0].subject, "CN = device");
    assert_eq!(issued[0].certificate, certificate);
}

#[test]
fn wrong_challenge_is_an_error() {
    let ca = MockCa::rfc8894().challenge("x").start_blocking().unwrap();

    let error = enrol(ca.url(), "CN=device", "y").unwrap_err().to_string();

    assert!(error.contains("wrong challenge password"), "{error}");
    assert_eq!(ca.denied(), 1);
}

#[test]
fn reply_to_another_transaction_is_not_accepted() {
    let fault = "on: PKCSReq, do: wrong-transaction-id";
    let ca = MockCa::rfc8894().fault(fault).unwrap().start_blocking().unwrap();

    enrol(ca.url(), "CN=device", "x").unwrap_err();

    // The CA issued a certificate, and the fault reached the client.
    assert_eq!(ca.issued().unwrap().len(), 1);
    assert_eq!(ca.faults()[0].fired, 1);
}

#[test]
fn enrolment_waits_for_approval() {
    let ca = MockCa::rfc8894().manual_approval().start_blocking().unwrap();

    thread::scope(|scope| {
        let enrolling = scope.spawn(|| enrol(ca.url(), "CN=device", "x").unwrap());
        while ca.pending().unwrap().is_empty() && !enrolling.is_finished() {
            thread::sleep(Duration::from_millis(10));
        }
        for request in ca.pending().unwrap() {
            ca.approve(&request.transaction_id).unwrap();
        }
        assert_eq!(ca.issued().unwrap()[0].certificate, enrolling.join().unwrap());
    });
}
