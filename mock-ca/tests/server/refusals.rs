//! Refusals, one test each; a refusal has no side effects.

use std::sync::Arc;

use mock_ca::{Approval, Ca, ChallengePolicy, DecisionError, PersonalityName, Settings};
use openssl::{
    ec::{EcGroup, EcKey},
    nid::Nid,
    pkey::PKey,
};
use scep::{
    attribute::{FailInfo, MessageType, PkiStatus, TransactionId},
    identity::Identity,
    message::Message,
};

use crate::{
    client::{LINUX, NDES, ca, enrol, key, last_reason, open_with, password, settings},
    messages::{Sent, csr, pkcs_req, poll, signer, stolen_csr},
};

const NOT_THEIRS: &str = "the transaction id belongs to a request signed with another key";

fn manual(change: impl FnOnce(&mut Settings)) -> Arc<Ca> {
    open_with(PersonalityName::Linux, |settings| {
        settings.approval = Approval::Manual;
        change(settings);
    })
}

fn status(reply: &Message) -> PkiStatus {
    reply.attributes().pki_status().unwrap()
}

fn fail_info(reply: &Message) -> FailInfo {
    assert_eq!(status(reply), PkiStatus::Failure);
    reply.attributes().fail_info().unwrap()
}

fn with_elliptic_key() -> Identity {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    signer(&PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap())
}

#[tokio::test]
async fn signer_that_cannot_receive_a_reply_does_not_use_up_the_password() {
    let ca = ca(PersonalityName::Ndes, ChallengePolicy::one_time(vec![password("ONCE")]));
    let signer = with_elliptic_key();
    let body = csr("CN=MyUserCert", Some("ONCE"), &key());
    let request = Sent { message_type: MessageType::PkcsReq, id: "1", body, signer: &signer };
    assert_eq!(fail_info(&request.to(&ca, NDES).await), FailInfo::BadAlg);
    assert!(last_reason(&ca).starts_with("no envelope can be sealed"), "{}", last_reason(&ca));
    assert!(ca.issued().unwrap().is_empty());
    enrol(&ca, NDES, settings(Some("ONCE"))).await.unwrap();
}

#[tokio::test]
async fn request_without_proof_of_possession_is_refused() {
    let ca = ca(PersonalityName::Ndes, ChallengePolicy::None);
    let thief = signer(&key());
    let body = stolen_csr("CN=MyUserCert", &key(), &thief.key);
    let request = Sent { message_type: MessageType::PkcsReq, id: "1", body, signer: &thief };
    assert_eq!(fail_info(&request.to(&ca, NDES).await), FailInfo::BadMessageCheck);
    assert_eq!(
        last_reason(&ca),
        "the certification request's signature does not verify with the key in it"
    );
    assert!(ca.issued().unwrap().is_empty());
}

#[tokio::test]
async fn empty_challenge_counts_as_missing() {
    for challenge in
        [ChallengePolicy::Static(password("")), ChallengePolicy::one_time(vec![password("")])]
    {
        let ca = ca(PersonalityName::Linux, challenge);
        let signer = signer(&key());
        let reply = pkcs_req("1", "CN=a", Some(""), &signer).to(&ca, LINUX).await;
        assert_eq!(status(&reply), PkiStatus::Failure);
        assert_eq!(last_reason(&ca), "the challenge password in the request is empty");
    }
}

#[tokio::test]
async fn poll_by_another_requester_is_refused() {
    let ca = manual(|_| ());
    let (owner, other) = (signer(&key()), signer(&key()));
    pkcs_req("1", "CN=a", None, &owner).to(&ca, LINUX).await;
    for is_issued in [false, true] {
        if is_issued {
            ca.approve(&TransactionId::new("1")).unwrap();
        }
        assert_eq!(status(&poll(&ca, "1", &other).to(&ca, LINUX).await), PkiStatus::Failure);
        assert_eq!(last_reason(&ca), NOT_THEIRS);
    }
    assert_eq!(status(&poll(&ca, "1", &owner).to(&ca, LINUX).await), PkiStatus::Success);
    assert_eq!(status(&poll(&ca, "2", &owner).to(&ca, LINUX).await), PkiStatus::Failure);
    assert_eq!(last_reason(&ca), "no request with this transaction id is known");
}

#[tokio::test]
async fn waiting_transaction_cannot_be_taken_over() {
    let ca = manual(|_| ());
    let (owner, other) = (signer(&key()), signer(&key()));
    pkcs_req("1", "CN=a", None, &owner).to(&ca, LINUX).await;
    pkcs_req("1", "CN=b", None, &other).to(&ca, LINUX).await;
    assert_eq!(last_reason(&ca), NOT_THEIRS);
    pkcs_req("1", "CN=b", None, &owner).to(&ca, LINUX).await;
    assert_eq!(last_reason(&ca), "another request with this transaction id waits for a decision");
    let subjects: Vec<_> =
        ca.pending().unwrap().into_iter().map(|pending| pending.subject).collect();
    assert_eq!(subjects, ["CN = a"]);
}

#[tokio::test]
async fn issued_transaction_cannot_be_taken_over() {
    // An NDES that issues at once can be polled, too.
    let issuing = ca(PersonalityName::Ndes, ChallengePolicy::None);
    let asking = open_with(PersonalityName::Ndes, |settings| settings.approval = Approval::Manual);
    for ca in [issuing, asking] {
        let (owner, other) = (signer(&key()), signer(&key()));
        pkcs_req("1", "CN=a", None, &owner).to(&ca, NDES).await;
        let _ = ca.approve(&TransactionId::new("1"));
        pkcs_req("1", "CN=b", None, &other).to(&ca, NDES).await;
        assert_eq!(last_reason(&ca), NOT_THEIRS);
        assert_eq!(status(&poll(&ca, "1", &owner).to(&ca, NDES).await), PkiStatus::Success);
        assert_eq!((ca.issued().unwrap().len(), ca.pending().unwrap().len()), (1, 0));
    }
}

#[tokio::test]
async fn number_of_waiting_requests_is_limited() {
    let ca = manual(|settings| settings.limits.pending = 1);
    let signers = [signer(&key()), signer(&key())];
    let requests =
        [pkcs_req("1", "CN=a", None, &signers[0]), pkcs_req("2", "CN=b", None, &signers[1])];
    assert_eq!(status(&requests[0].to(&ca, LINUX).await), PkiStatus::Pending);
    let refused = requests[1].to(&ca, LINUX).await;
    assert_eq!(status(&refused), PkiStatus::Failure);
    // scepserver has an empty string in place of the envelope.
    assert_eq!(refused.content(), Some(&[][..]));
    assert_eq!(
        last_reason(&ca),
        "1 requests wait for a decision, and the CA accepts no further ones"
    );
    ca.deny(&TransactionId::new("1")).unwrap();
    assert_eq!(status(&requests[1].to(&ca, LINUX).await), PkiStatus::Pending);
}

#[tokio::test]
async fn two_waiting_requests_for_one_subject_get_one_certificate() {
    let ca = manual(|_| ());
    let signers = [signer(&key()), signer(&key())];
    for (id, signer) in ["1", "2"].iter().zip(&signers) {
        let reply = pkcs_req(id, "CN=a", None, signer).to(&ca, LINUX).await;
        assert_eq!(status(&reply), PkiStatus::Pending);
    }
    ca.approve(&TransactionId::new("1")).unwrap();
    let refused = ca.approve(&TransactionId::new("2")).unwrap_err();
    assert!(matches!(refused, DecisionError::NotIssued(_)), "{refused}");
    assert!(refused.to_string().contains("`CN = a` has a certificate"), "{refused}");
    assert_eq!((ca.issued().unwrap().len(), ca.pending().unwrap().len()), (1, 1));
    ca.deny(&TransactionId::new("2")).unwrap();
    // A further request is refused without approval.
    pkcs_req("3", "CN=a", None, &signers[1]).to(&ca, LINUX).await;
    assert_eq!(last_reason(&ca), "`CN = a` has a certificate that is still valid");
}

#[tokio::test]
async fn last_request_id_is_used_once() {
    let ca =
        open_with(PersonalityName::Ndes, |settings| settings.windows.first_request_id = u32::MAX);
    enrol(&ca, NDES, settings(None)).await.unwrap();
    enrol(&ca, NDES, settings(None)).await.unwrap_err();
    assert_eq!(last_reason(&ca), "all request numbers or serial numbers are used");
    assert_eq!(ca.issued().unwrap().len(), 1);
}
