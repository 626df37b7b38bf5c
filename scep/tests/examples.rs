//! The examples against each other: enrol, renew and poll at the minimal CA, over loopback.
#![expect(
    dead_code,
    clippy::duplicate_mod,
    clippy::unwrap_used,
    reason = "a test program that uses the examples without their `main`, each with its `transport`"
)]

#[path = "../examples/enrol.rs"]
mod enrol;
#[path = "../examples/minimal_ca.rs"]
mod minimal_ca;
#[path = "../examples/poll.rs"]
mod poll;
#[path = "../examples/renew.rs"]
mod renew;

use std::{sync::Arc, thread, time::Duration};

use openssl::{
    pkey::{PKey, Private},
    rsa::Rsa,
};
use scep::{identity::Identity, name, secret::Secret, url::HttpUrl};
use tokio::{net::TcpListener, runtime::Runtime};

/// A minimal CA with the password `secret`; it ends with the test program.
fn ca() -> HttpUrl {
    let runtime = Runtime::new().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}/scep", listener.local_addr().unwrap());
    let ca = Arc::new(minimal_ca::Ca::new(Secret::new("secret")).unwrap());
    thread::spawn(move || runtime.block_on(minimal_ca::serve(listener, ca)));
    url.parse().unwrap()
}

fn key() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
}

#[test]
fn device_enrols_and_renews_at_the_minimal_ca() {
    let (url, first, second) = (ca(), key(), key());
    let certificate = enrol::enrol(&url, "CN=device", "secret", first.clone()).unwrap();
    assert_eq!(name::to_text(certificate.subject_name()), "CN = device");
    assert!(certificate.public_key().unwrap().public_eq(&first));

    let existing = Identity { certificate, key: first };
    let renewed = renew::renew(&url, existing, second.clone()).unwrap();
    assert_eq!(name::to_text(renewed.subject_name()), "CN = device");
    assert!(renewed.public_key().unwrap().public_eq(&second));
}

#[test]
fn minimal_ca_refuses_a_wrong_password() {
    let error = enrol::enrol(&ca(), "CN=device", "wrong", key()).unwrap_err();
    assert_eq!(error.to_string(), "PKIOperation (PKCSReq) was answered FAILURE, badRequest");
}

#[test]
fn minimal_ca_refuses_a_renewal_with_a_certificate_of_another_ca() {
    let key = key();
    let certificate = enrol::enrol(&ca(), "CN=device", "secret", key.clone()).unwrap();
    let existing = Identity { certificate, key: key.clone() };
    let error = renew::renew(&ca(), existing, key).unwrap_err();
    assert_eq!(error.to_string(), "PKIOperation (RenewalReq) was answered FAILURE, badRequest");
}

#[test]
fn request_without_a_password_waits_until_it_is_polled() {
    let key = key();
    let certificate = poll::enrol(&ca(), "CN=device", key.clone(), Duration::ZERO).unwrap();
    assert!(certificate.public_key().unwrap().public_eq(&key));
}
