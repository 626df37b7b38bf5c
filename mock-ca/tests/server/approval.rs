//! Manual approval.

use std::{fs, path::Path, sync::Arc};

use mock_ca::{Approval, Ca, PersonalityName};
use openssl::x509::X509;
use scep::{
    attribute::{MessageType, PkiStatus, TransactionId},
    identity::Identity,
    message::Message,
};
use tempfile::TempDir;

use crate::{
    client::{NDES, key, last_reason, open_with},
    messages::{Sent, pkcs_req, poll, signer},
    state::forget,
};

fn kept(directory: &Path) -> Arc<Ca> {
    open_with(PersonalityName::Ndes, |settings| {
        settings.approval = Approval::Manual;
        settings.state = Some(directory.to_owned());
    })
}

fn status(reply: &Message) -> PkiStatus {
    reply.attributes().pki_status().unwrap()
}

fn approve(ca: &Ca) -> X509 {
    ca.approve(&TransactionId::new("1")).unwrap()
}

/// The serial number in the newest SUCCESS, by the log.
fn newest(ca: &Ca) -> String {
    let reason = last_reason(ca);
    reason.split(' ').nth(1).unwrap_or_default().to_owned()
}

fn serial(ca: &Ca, number: usize) -> String {
    ca.issued()[number].serial.clone()
}

#[tokio::test]
async fn renewal_with_the_same_request_waits_for_its_own_certificate() {
    let directory = TempDir::new().unwrap();
    let ca = kept(directory.path());
    let owner = signer(&key());
    let first = pkcs_req("1", "CN=a", None, &owner);
    first.to(&ca, NDES).await;
    let existing = Identity { certificate: approve(&ca), key: owner.key.clone() };
    // Sent again, it is the same request.
    assert_eq!(status(&first.to(&ca, NDES).await), PkiStatus::Success);
    assert_eq!(newest(&ca), serial(&ca, 0));

    let renewal =
        || Sent { message_type: MessageType::RenewalReq, ..pkcs_req("1", "CN=a", None, &existing) };
    for _ in 0..2 {
        assert_eq!(status(&renewal().to(&ca, NDES).await), PkiStatus::Pending);
    }
    assert_eq!((ca.pending().len(), ca.issued().len()), (1, 1));
    forget(ca).await;
    let ca = kept(directory.path());
    assert_eq!(status(&poll(&ca, "1", &existing).to(&ca, NDES).await), PkiStatus::Pending);
    approve(&ca);
    assert_eq!(ca.pending().len(), 0);
    for message in [renewal(), poll(&ca, "1", &existing)] {
        assert_eq!(status(&message.to(&ca, NDES).await), PkiStatus::Success);
        assert_eq!(newest(&ca), serial(&ca, 1));
    }
    assert_eq!(ca.issued().len(), 2);
}

#[tokio::test]
async fn another_request_in_a_finished_transaction_waits_for_its_own_certificate() {
    let directory = TempDir::new().unwrap();
    let ca = kept(directory.path());
    let owner = signer(&key());
    pkcs_req("1", "CN=a", None, &owner).to(&ca, NDES).await;
    approve(&ca);
    let other = pkcs_req("1", "CN=b", None, &owner).to(&ca, NDES).await;
    assert_eq!(status(&other), PkiStatus::Pending);
    // After a denial, the transaction can have a new request.
    ca.deny(&TransactionId::new("1")).unwrap();
    let third = pkcs_req("1", "CN=c", None, &owner).to(&ca, NDES).await;
    assert_eq!(status(&third), PkiStatus::Pending);
    assert_eq!(fs::read_dir(directory.path().join("pending")).unwrap().count(), 1);
}

#[tokio::test]
async fn request_that_was_approved_just_before_a_crash_is_answered_once() {
    let directory = TempDir::new().unwrap();
    let ca = kept(directory.path());
    let owner = signer(&key());
    pkcs_req("1", "CN=a", None, &owner).to(&ca, NDES).await;
    let waiting = directory.path().join("pending/0000000001.json");
    let text = fs::read(&waiting).unwrap();
    approve(&ca);
    forget(ca).await;
    fs::write(&waiting, text).unwrap();

    let ca = kept(directory.path());
    assert!(ca.pending().is_empty() && !waiting.exists());
    assert_eq!(status(&poll(&ca, "1", &owner).to(&ca, NDES).await), PkiStatus::Success);
    forget(ca).await;
    // The next request must have a new number: with the old one, it would count as answered at the next start.
    let ca = kept(directory.path());
    let next = signer(&key());
    pkcs_req("2", "CN=b", None, &next).to(&ca, NDES).await;
    forget(ca).await;
    assert_eq!(kept(directory.path()).pending().len(), 1);
}
