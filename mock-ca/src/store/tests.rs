use std::time::{Duration, SystemTime};

use scep::{algorithm::Digest, request::CsrBuilder};

use super::*;
use crate::{
    authority::lab, personality::PersonalityName, profile::CertificateProfile,
    settings::WindowsSettings,
};

const NOW: SystemTime = SystemTime::UNIX_EPOCH;
const DAY: Duration = Duration::from_secs(86_400);

fn authority() -> Authority {
    let subject = scep::name::parse("CN=CA").unwrap();
    let personality = PersonalityName::Linux.personality();
    let windows = WindowsSettings::default();
    Authority::create(personality, &lab::KEYS, &subject, &windows, NOW + DAY).unwrap()
}

fn profile() -> CertificateProfile {
    PersonalityName::Linux.personality().user.general
}

fn csr() -> Arc<Csr> {
    let csr = CsrBuilder {
        subject: &scep::name::parse("CN=a").unwrap(),
        key: &lab::KEYS.ca,
        challenge_password: None,
        extensions: &[],
        challenge_string: scep::request::ChallengeString::default(),
        digest: Digest::Sha256,
    };
    Arc::new(Csr::from_der(&csr.encode().unwrap()).unwrap())
}

fn origin(requester: &str, request: &str) -> Origin {
    let transaction_id = TransactionId::new("1");
    Origin { transaction_id, requester: requester.into(), request: request.into() }
}

#[test]
fn repeated_request_waits_once() {
    let store = Store::open(None, &authority(), 1, 10).unwrap();
    let ask = |origin| store.hold(&origin, csr(), NOW);
    ask(origin("owner", "a")).unwrap();
    assert!(matches!(ask(origin("owner", "a")), Ok(Transaction::Held(held)) if held.number == 1));
    assert!(matches!(ask(origin("owner", "b")), Err(Refusal::AnotherRequestWaits)));
    assert!(matches!(ask(origin("other", "a")), Err(Refusal::NotTheRequester)));
    assert_eq!(store.pending().len(), 1);
}

#[test]
fn repeated_request_after_the_decision_gets_the_certificate_while_it_is_valid() {
    let authority = authority();
    let store = Store::open(None, &authority, 1, 10).unwrap();
    let owner = origin("owner", "a");
    store.hold(&owner, csr(), NOW + DAY).unwrap();
    let certificate = authority.issue(&profile(), &csr(), 1, NOW + DAY).unwrap();
    store.add_issued(1, &owner, &certificate).unwrap();
    assert!(store.pending().is_empty());
    let copy = store.hold(&owner, csr(), NOW + DAY).unwrap();
    assert!(matches!(copy, Transaction::Issued(_)));
    // The same request is a new one when the certificate has expired.
    let held = store.hold(&owner, csr(), NOW + 367 * DAY).unwrap();
    assert!(matches!(held, Transaction::Held(_)));
}

#[test]
fn transaction_id_belongs_to_its_first_requester() {
    let authority = authority();
    let store = Store::open(None, &authority, 1, 10).unwrap();
    let certificate = authority.issue(&profile(), &csr(), 1, NOW + DAY).unwrap();
    for (number, requester) in [(1, "owner"), (2, "owner"), (3, "other")] {
        store.add_issued(number, &origin(requester, "a"), &certificate).unwrap();
    }
    let Some(Transaction::Issued(known)) = store.transaction(&TransactionId::new("1")) else {
        panic!("a known transaction");
    };
    assert_eq!((known.number, store.issued().len()), (2, 3));
}
