use std::time::{Duration, SystemTime};

use scep::{algorithm::Digest, request::CsrBuilder};

use super::*;
use crate::{
    authority::{Plan, Timeline, lab::STRANGER_KEY},
    personality::PersonalityName,
    profile::{CertificateProfile, CrlPlace},
    settings::{Hierarchy, Keys, WindowsSettings},
};

const NOW: SystemTime = SystemTime::UNIX_EPOCH;
const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn authorities() -> Arc<Succession> {
    let subject = scep::name::parse("CN=CA").unwrap();
    let personality = PersonalityName::Linux.personality();
    let (windows, hierarchy) = (WindowsSettings::default(), Hierarchy::default());
    let plan = Plan { personality, windows: &windows, hierarchy: &hierarchy, keys: Keys::Lab };
    let timeline = Timeline::create(&plan, &subject, NOW + DAY).unwrap();
    Arc::new(Succession::of(timeline, personality, &windows))
}

pub(super) fn store(authorities: &Arc<Succession>) -> Store {
    store_with(authorities, 10, 1 << 20)
}

/// A store for so many requests that wait, and records of so many bytes.
fn store_with(authorities: &Arc<Succession>, pending_limit: usize, bytes: usize) -> Store {
    let database = Database::in_memory(PersonalityName::Linux, bytes, NOW).unwrap();
    Store::open(Arc::new(database), Arc::clone(authorities), 1, pending_limit).unwrap()
}

fn profile() -> CertificateProfile {
    PersonalityName::Linux.personality().user.general
}

fn csr() -> Arc<Csr> {
    let csr = CsrBuilder {
        subject: &scep::name::parse("CN=a").unwrap(),
        key: &STRANGER_KEY,
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

fn certified(authorities: &Succession, number: u32) -> X509 {
    let authority = authorities.at(NOW + DAY);
    authority.issue(&profile(), &csr(), number, CrlPlace::OfProfile, NOW + DAY).unwrap()
}

/// Issues a certificate with this number.
pub(super) fn issue(store: &Store, authorities: &Succession, number: u32) {
    let certificate = certified(authorities, number);
    store.add_issued(number, &origin("owner", "a"), &certificate, None, NOW + DAY).unwrap();
}

#[test]
fn repeated_request_waits_once() {
    let store = store(&authorities());
    let ask = |origin| store.hold(&origin, csr(), 1, None, NOW);
    ask(origin("owner", "a")).unwrap();
    assert!(matches!(ask(origin("owner", "a")), Ok(Transaction::Held(held)) if held.number == 1));
    assert!(matches!(ask(origin("owner", "b")), Err(Refusal::AnotherRequestWaits)));
    assert!(matches!(ask(origin("other", "a")), Err(Refusal::NotTheRequester)));
    assert_eq!(store.pending().unwrap().len(), 1);
}

#[test]
fn repeated_request_after_the_decision_gets_the_certificate_while_it_is_valid() {
    let authorities = authorities();
    let store = store(&authorities);
    let owner = origin("owner", "a");
    store.hold(&owner, csr(), 1, None, NOW + DAY).unwrap();
    let certificate = certified(&authorities, 1);
    store.add_issued(1, &owner, &certificate, None, NOW + DAY).unwrap();
    assert!(store.pending().unwrap().is_empty());
    let copy = store.hold(&owner, csr(), 1, None, NOW + DAY).unwrap();
    assert!(matches!(copy, Transaction::Issued(_)));
    // The same request is a new one when the certificate has expired.
    let held = store.hold(&owner, csr(), 1, None, NOW + 367 * DAY).unwrap();
    assert!(matches!(held, Transaction::Held(_)));
}

#[test]
fn transaction_id_belongs_to_its_first_requester() {
    let authorities = authorities();
    let store = store(&authorities);
    for (number, requester) in [(1, "owner"), (2, "owner"), (3, "other")] {
        let certificate = certified(&authorities, number);
        store.add_issued(number, &origin(requester, "a"), &certificate, None, NOW + DAY).unwrap();
    }
    let Some(Transaction::Issued(known)) = store.transaction(&TransactionId::new("1")).unwrap()
    else {
        panic!("a known transaction");
    };
    assert_eq!((known.number, store.issued().unwrap().len()), (2, 3));
}

/// A request in a transaction with this number, of a requester of its own.
fn numbered(number: u32) -> Origin {
    let (requester, request) = (number.to_string(), number.to_string());
    Origin { transaction_id: TransactionId::new(number.to_string()), requester, request }
}

/// Lets requests wait until one is refused for want of memory; returns its number.
fn fill(store: &Store, first: u32) -> u32 {
    let refused = |number: &u32| match store.hold(&numbered(*number), csr(), 1, None, NOW) {
        Ok(_) => false,
        Err(Refusal::State(StateError::NoMemory)) => true,
        Err(other) => panic!("{other}"),
    };
    (first..first + 1_000).find(refused).unwrap()
}

#[test]
fn denied_requests_make_room_and_waiting_ones_do_not() {
    let store = store_with(&authorities(), 1_000, 200_000);
    let last = fill(&store, 1);
    assert_eq!(fill(&store, last), last);
    // Half of them, so that those that are left are not the oldest.
    (last / 2..last).for_each(|number| store.deny(number).unwrap());
    let known = |number| store.transaction(&numbered(number).transaction_id).unwrap().is_some();
    store.hold(&numbered(last), csr(), 1, None, NOW).unwrap();
    assert!(!known(last / 2) && known(last - 1));
    let again = fill(&store, last + 1);
    assert!(again - last >= last / 3, "{again} after {last}");
    assert!((1..last / 2).all(known) && (last..again).all(known));
}

#[test]
fn request_that_finds_no_room_leaves_denied_ones_known() {
    let store = store_with(&authorities(), 1_000, 200_000);
    let last = fill(&store, 1);
    store.deny(1).unwrap();
    let mut large = numbered(last);
    large.request = "a".repeat(100_000);
    let refused = store.hold(&large, csr(), 1, None, NOW);
    assert!(matches!(refused, Err(Refusal::State(StateError::NoMemory))));
    assert!(store.transaction(&numbered(1).transaction_id).unwrap().is_some());
}

#[test]
fn waiting_requests_leave_room_for_their_certificates() {
    let authorities = authorities();
    let store = store_with(&authorities, 1_000, 200_000);
    let last = fill(&store, 1);
    for number in last..last + 5 {
        let certificate = certified(&authorities, number);
        store.add_issued(number, &numbered(number), &certificate, None, NOW + DAY).unwrap();
    }
    // The owner's other decisions need no room.
    (1..last).for_each(|number| store.deny(number).unwrap());
    let reason = crate::record::RevocationReason::Superseded;
    store.revoke(last, Revocation { at: NOW + DAY, reason }).unwrap();
    assert_eq!(store.issued().unwrap().len(), 5);
}
