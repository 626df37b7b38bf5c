//! The Linux personality.

use std::sync::Arc;

use mock_ca::{Approval, Ca, ChallengePolicy, DecisionError, PersonalityName};
use openssl::rand::rand_bytes;
use scep::{
    algorithm::{Cipher, Digest},
    attribute::{FailInfo, MessageType, PkiStatus},
    client::{Client, Next, Stage},
    clock::Clock,
    http::{Method, Operation},
    message::Message,
};

use crate::{
    client::{
        LINUX, ca, carry, drive, enrol, get, key, last_reason, open_with, password, settings,
    },
    messages::{pkcs_req, signer},
};

fn linux() -> Arc<Ca> {
    ca(PersonalityName::Linux, ChallengePolicy::Static(password("s3cret")))
}

fn manual() -> Arc<Ca> {
    open_with(PersonalityName::Linux, |settings| {
        settings.challenge = ChallengePolicy::Static(password("s3cret"));
        settings.approval = Approval::Manual;
    })
}

#[tokio::test]
async fn capabilities_and_certificate_are_those_of_scepserver() {
    let ca = linux();
    let capabilities = get(&ca, "/scep?operation=GetCACaps").await;
    assert_eq!(
        capabilities.body,
        b"Renewal\nSHA-1\nSHA-256\nAES\nDES3\nSCEPStandard\nPOSTPKIOperation"
    );
    assert_eq!(capabilities.header("Content-Type"), Some("text/plain"));
    assert_eq!(capabilities.header("Server"), None);

    let certificate = get(&ca, "/scep?operation=GetCACert&message=whatever").await;
    assert_eq!(certificate.header("Content-Type"), Some("application/x-x509-ca-cert"));
    assert_eq!(certificate.body, ca.ca_certificate().to_der().unwrap());
}

#[tokio::test]
async fn only_the_documented_path_is_served() {
    let ca = linux();
    for target in ["/", "/scep/", "/SCEP", "/scep/pkiclient.exe", "/scepx"] {
        let response = get(&ca, &format!("{target}?operation=GetCACaps")).await;
        assert_eq!(
            (response.status, response.body.as_slice()),
            (404, &b"404 page not found\n"[..])
        );
    }
    assert_eq!(crate::client::send(&ca, "DELETE", "/scep", "", b"").await.status, 404);
}

#[tokio::test]
async fn unknown_operations_and_unreadable_messages_are_answered_500() {
    let ca = linux();
    for query in [
        "",
        "?operation=GetNextCACert",
        "?operation=getcacaps",
        "?operation=PKIOperation&message=%25",
    ] {
        let response = get(&ca, &format!("/scep{query}")).await;
        assert_eq!(response.status, 500, "{query}");
        assert!(response.header("Content-Type").unwrap().starts_with("text/plain"));
    }
    let garbage =
        crate::client::send(&ca, "POST", "/scep?operation=PKIOperation", "", b"garbage").await;
    assert_eq!(garbage.status, 500);
    let words = "plain text came in place of the pkiMessage";
    assert_eq!(last_reason(&ca), words);
}

#[tokio::test]
async fn client_with_the_challenge_gets_serial_number_two() {
    let ca = linux();
    let certificate = enrol(&ca, LINUX, settings(Some("s3cret"))).await.unwrap();
    assert_eq!(certificate.serial_number().to_bn().unwrap().to_vec(), [2]);
    let issued = ca.issued().unwrap();
    assert_eq!((issued[0].serial.as_str(), issued[0].subject.as_str()), ("02", "CN = MyUserCert"));

    let lines: Vec<String> = ca.log().iter().map(ToString::to_string).collect();
    assert_eq!(lines[0], "client GetCACaps 200");
    assert_eq!(lines[1], "client GetCACert 200");
    assert!(lines[2].starts_with("client PKIOperation (PKCSReq) "), "{}", lines[2]);
    assert!(lines[2].ends_with(" SUCCESS: issued 02 to `CN = MyUserCert`"), "{}", lines[2]);
}

#[tokio::test]
async fn wrong_challenge_is_refused_and_not_logged() {
    let ca = linux();
    let refused = enrol(&ca, LINUX, settings(Some("wr0ng"))).await.unwrap_err();
    assert_eq!(refused.stage, Stage::Answer);
    assert!(refused.to_string().contains("badRequest"), "{refused}");
    assert_eq!(last_reason(&ca), "wrong challenge password");

    enrol(&ca, LINUX, settings(None)).await.unwrap_err();
    assert_eq!(last_reason(&ca), "no challenge password in the request");
    assert!(ca.issued().unwrap().is_empty());
    let log = format!("{:?}", ca.log());
    assert!(!log.contains("wr0ng") && !log.contains("s3cret"));
}

#[tokio::test]
async fn reply_has_the_digest_and_nonce_of_the_request_and_carries_certificates() {
    let ca = linux();
    let mut client = Client::new(settings(Some("s3cret")));
    let mut request = client.start();
    for _ in 0..2 {
        let response = carry(&ca, LINUX, &request).await;
        let Next::Send(next) =
            client.receive(&response, Clock::system().now(), &mut rand_bytes).unwrap()
        else {
            panic!("a further request");
        };
        request = next;
    }
    let reply = Message::parse(&carry(&ca, LINUX, &request).await.body).unwrap();
    let asked = Message::parse(&request.body).unwrap();
    assert_eq!(reply.digest(), asked.digest());
    let (reply_attributes, asked_attributes) = (reply.attributes(), asked.attributes());
    let nonce = asked_attributes.sender_nonce().unwrap();
    assert_eq!(reply_attributes.recipient_nonce().unwrap(), nonce);
    assert_eq!(reply_attributes.sender_nonce().unwrap(), nonce);
    assert!(reply_attributes.signing_time().unwrap().is_some());
    let subjects: Vec<_> = reply
        .certificates()
        .iter()
        .map(|certificate| scep::name::to_text(certificate.subject_name()))
        .collect();
    assert_eq!(subjects, ["CN = MyUserCert", "CN = Teldat-PKI, O = Teldat, L = Madrid, C = ES"]);
}

#[tokio::test]
async fn message_by_get_may_be_wrapped() {
    let ca = ca(PersonalityName::Linux, ChallengePolicy::None);
    let message = crate::hostile::message(&ca).await;
    let query = Operation::PkiOperation(message).to_http(Method::Get).query;
    let (operation, base64) = query.split_at("operation=PKIOperation&message=".len() + 64);
    let response = get(&ca, &format!("/scep?{operation}%0A{base64}%0A")).await;
    assert_eq!(response.header("Content-Type"), Some("application/x-pki-message"));
    let reply = Message::parse(&response.body).unwrap();
    assert_eq!(reply.attributes().pki_status().unwrap(), PkiStatus::Success);
}

#[tokio::test]
async fn subject_gets_one_certificate_unless_duplicates_are_allowed() {
    let ca = linux();
    enrol(&ca, LINUX, settings(Some("s3cret"))).await.unwrap();
    enrol(&ca, LINUX, settings(Some("s3cret"))).await.unwrap_err();
    assert_eq!(last_reason(&ca), "`CN = MyUserCert` has a certificate that is still valid");

    let ca = open_with(PersonalityName::Linux, |settings| {
        settings.challenge = ChallengePolicy::Static(password("s3cret"));
        settings.allow_duplicate_names = true;
    });
    enrol(&ca, LINUX, settings(Some("s3cret"))).await.unwrap();
    enrol(&ca, LINUX, settings(Some("s3cret"))).await.unwrap();
    let serials: Vec<_> = ca.issued().unwrap().into_iter().map(|issued| issued.serial).collect();
    assert_eq!(serials, ["02", "03"]);
}

#[tokio::test]
async fn request_waits_until_it_is_approved() {
    let ca = manual();
    let mut client = Client::new(settings(Some("s3cret")));
    let first = client.start();
    assert!(drive(&ca, LINUX, &mut client, first).await.unwrap().is_none());
    let pending = ca.pending().unwrap();
    assert_eq!(pending[0].subject, "CN = MyUserCert");
    assert!(matches!(
        ca.log().last().unwrap().outcome,
        mock_ca::LogOutcome::CertRep(PkiStatus::Pending, None)
    ));

    let poll = client.poll(&mut rand_bytes).unwrap();
    assert!(drive(&ca, LINUX, &mut client, poll).await.unwrap().is_none());
    let approved = ca.approve(&pending[0].transaction_id).unwrap();
    assert!(ca.pending().unwrap().is_empty());
    let poll = client.poll(&mut rand_bytes).unwrap();
    let issued = drive(&ca, LINUX, &mut client, poll).await.unwrap().unwrap();
    assert_eq!(issued.to_der().unwrap(), approved.to_der().unwrap());
    assert_eq!(ca.log().last().unwrap().message_type, Some(MessageType::CertPoll));
    assert!(matches!(
        ca.approve(&pending[0].transaction_id),
        Err(DecisionError::NothingPending(_))
    ));
}

#[tokio::test]
async fn denied_request_is_refused_at_the_next_poll() {
    let ca = manual();
    let mut client = Client::new(settings(Some("s3cret")));
    let first = client.start();
    assert!(drive(&ca, LINUX, &mut client, first).await.unwrap().is_none());
    ca.deny(&ca.pending().unwrap()[0].transaction_id).unwrap();
    let poll = client.poll(&mut rand_bytes).unwrap();
    let refused = drive(&ca, LINUX, &mut client, poll).await.unwrap_err();
    assert!(refused.to_string().contains(&FailInfo::BadRequest.to_string()), "{refused}");
    assert_eq!(last_reason(&ca), "the request was denied");
    assert!(ca.pending().unwrap().is_empty() && ca.issued().unwrap().is_empty());
}

#[tokio::test]
async fn repeated_request_continues_to_wait() {
    let ca = manual();
    let again = settings(Some("s3cret"));
    let mut client = Client::new(scep::client::Settings {
        challenge: again.challenge.clone(),
        ..scep::client::Settings::new(
            again.key.clone(),
            scep::name::parse("CN=MyUserCert").unwrap(),
        )
    });
    let first = client.start();
    assert!(drive(&ca, LINUX, &mut client, first).await.unwrap().is_none());
    // The same key and CSR, signed with another self-signed certificate of the same key.
    let mut client = Client::new(again);
    let first = client.start();
    assert!(drive(&ca, LINUX, &mut client, first).await.unwrap().is_none());
    assert_eq!(ca.pending().unwrap().len(), 1);
    ca.approve(&ca.pending().unwrap()[0].transaction_id).unwrap();
    let poll = client.poll(&mut rand_bytes).unwrap();
    assert!(drive(&ca, LINUX, &mut client, poll).await.unwrap().is_some());
}

#[tokio::test]
async fn md5_is_answered_500_without_a_cert_rep() {
    let ca = ca(PersonalityName::Linux, ChallengePolicy::None);
    let signer = signer(&key());
    let request = pkcs_req("1", "CN=a", None, &signer);
    let answer = request.response_with(&ca, LINUX, Cipher::Aes128, Digest::Md5).await;
    assert_eq!(answer.status, 500);
    assert_eq!(last_reason(&ca), "this server never accepts the algorithm MD5");
}
