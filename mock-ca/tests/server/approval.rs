//! Manual approval.

use std::{path::Path, sync::Arc};

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
    state::{database, forget},
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
    ca.issued().unwrap()[number].serial.clone()
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
    assert_eq!((ca.pending().unwrap().len(), ca.issued().unwrap().len()), (1, 1));
    forget(ca).await;
    let ca = kept(directory.path());
    assert_eq!(status(&poll(&ca, "1", &existing).to(&ca, NDES).await), PkiStatus::Pending);
    approve(&ca);
    assert_eq!(ca.pending().unwrap().len(), 0);
    for message in [renewal(), poll(&ca, "1", &existing)] {
        assert_eq!(status(&message.to(&ca, NDES).await), PkiStatus::Success);
        assert_eq!(newest(&ca), serial(&ca, 1));
    }
    assert_eq!(ca.issued().unwrap().len(), 2);
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
    forget(ca).await;
    assert_eq!(requests(directory.path()), 1);
}

#[tokio::test]
async fn approved_request_is_gone_and_its_number_is_not_used_again() {
    let directory = TempDir::new().unwrap();
    let ca = kept(directory.path());
    let owner = signer(&key());
    pkcs_req("1", "CN=a", None, &owner).to(&ca, NDES).await;
    approve(&ca);
    forget(ca).await;
    assert_eq!(requests(directory.path()), 0);

    let ca = kept(directory.path());
    assert_eq!(status(&poll(&ca, "1", &owner).to(&ca, NDES).await), PkiStatus::Success);
    pkcs_req("2", "CN=b", None, &signer(&key())).to(&ca, NDES).await;
    let number: u32 = database(directory.path())
        .query_row("SELECT number FROM request", [], |row| row.get(0))
        .unwrap();
    assert_eq!(number, 2);
}

/// The number of requests on disk, whether they wait or were denied.
fn requests(directory: &Path) -> u32 {
    let count = "SELECT count(*) FROM request";
    database(directory).query_row(count, [], |row| row.get(0)).unwrap()
}
