//! Whole enrolments in memory: the client's state machine and the server's side of the crate.
#![expect(unreachable_pub, clippy::unwrap_used, reason = "a test program")]

mod candidates;
mod pki;
mod reasons;

use openssl::rand::rand_bytes;
use pki::{Answer, Flaw, TestPki, client_settings, now};
use scep::{
    algorithm::{Cipher, Digest},
    attribute::FailInfo,
    client::{Client, Next, Refusal, Settings, Stage},
    http::{HttpRequest, HttpResponse, Method},
    message::{Message, MessageBuilder},
    server::Body,
};

/// Runs an enrolment until it ends or is pending.
fn enrol(pki: &TestPki, settings: Settings) -> Result<Next, Refusal> {
    let mut client = Client::new(settings);
    let first = client.start();
    drive(pki, &mut client, first)
}

fn drive(pki: &TestPki, client: &mut Client, first: HttpRequest) -> Result<Next, Refusal> {
    let mut request = first;
    loop {
        let response = pki.handle(&request);
        match client.receive(&response, now(), &mut rand_bytes)? {
            Next::Send(next) => request = next,
            end => return Ok(end),
        }
    }
}

fn refusal(pki: &TestPki) -> Refusal {
    enrol(pki, client_settings()).expect_err("the client must refuse")
}

#[test]
fn certificate_is_issued_over_post_with_the_algorithms_of_the_ca() {
    let pki = TestPki::single_ca();
    let settings = client_settings();
    let key = settings.key.clone();
    let Ok(Next::Issued(certificate)) = enrol(&pki, settings) else { panic!("not issued") };
    assert!(certificate.public_key().unwrap().public_eq(&key));
    let seen = pki.last_request();
    assert_eq!(seen.method, Method::Post);
    assert_eq!((seen.cipher, seen.digest), (Cipher::Aes128, Digest::Sha256));
    assert_eq!(seen.challenge.as_deref(), Some("secret"));
}

#[test]
fn every_cipher_and_digest_works_in_request_and_reply() {
    use {Cipher::*, Digest::*};
    for (cipher, digest) in
        [(TripleDes, Sha1), (Aes128, Sha224), (Aes192, Sha256), (Aes256, Sha384), (Des, Sha512)]
    {
        let mut pki = TestPki::single_ca();
        pki.capabilities = String::new();
        let settings = Settings {
            cipher: Some(cipher),
            digest: Some(digest),
            takes_obsolete_algorithms: cipher == Des,
            ..client_settings()
        };
        assert!(matches!(enrol(&pki, settings), Ok(Next::Issued(_))), "{cipher} {digest}");
        let seen = pki.last_request();
        assert_eq!((seen.cipher, seen.digest, seen.method), (cipher, digest, Method::Get));
    }
}

#[test]
fn reply_in_single_des_is_refused_unless_obsolete_algorithms_are_allowed() {
    let mut pki = TestPki::single_ca();
    pki.capabilities = String::new();
    let settings = Settings { cipher: Some(Cipher::Des), ..client_settings() };
    let refusal = enrol(&pki, settings).unwrap_err();
    assert_eq!(refusal.stage, Stage::Envelope);
    assert!(refusal.to_string().contains("single DES"), "{refusal}");
}

#[test]
fn ra_with_key_encipherment_is_chosen_in_any_order() {
    for reversed in [false, true] {
        let pki = TestPki::with_ra(reversed);
        assert!(matches!(enrol(&pki, client_settings()), Ok(Next::Issued(_))));
    }
}

#[test]
fn pending_request_is_polled_with_a_fresh_nonce_until_it_is_granted() {
    let mut pki = TestPki::single_ca();
    pki.answer = Answer::Pending;
    let mut client = Client::new(client_settings());
    let first = client.start();
    assert!(matches!(drive(&pki, &mut client, first), Ok(Next::Pending)));
    let asked = pki.last_request();

    let poll = client.poll(&mut rand_bytes).unwrap();
    assert!(matches!(drive(&pki, &mut client, poll), Ok(Next::Pending)));
    let polled = pki.last_request();
    assert_eq!(polled.transaction_id, asked.transaction_id);
    assert_ne!(polled.sender_nonce, asked.sender_nonce);
    assert!(polled.is_poll);

    pki.answer = Answer::Success;
    let poll = client.poll(&mut rand_bytes).unwrap();
    assert!(matches!(drive(&pki, &mut client, poll), Ok(Next::Issued(_))));
}

#[test]
fn renewal_is_signed_with_the_existing_certificate() {
    let pki = TestPki::single_ca();
    let settings = client_settings();
    let key = settings.key.clone();
    let Ok(Next::Issued(certificate)) = enrol(&pki, settings) else { panic!("not issued") };
    let existing = scep::identity::Identity { certificate, key };
    let renewal = Settings { existing: Some(existing), challenge: None, ..client_settings() };
    assert!(matches!(enrol(&pki, renewal), Ok(Next::Issued(_))));
    assert!(pki.last_request().is_renewal);
}

#[test]
fn certificate_of_an_elliptic_ca_is_renewed_through_its_ra() {
    let pki = TestPki::elliptic_with_ra();
    let settings = client_settings();
    let key = settings.key.clone();
    let Ok(Next::Issued(certificate)) = enrol(&pki, settings) else { panic!("not issued") };
    assert!(certificate.verify(&pki.ca.key).unwrap());
    let existing = scep::identity::Identity { certificate, key };
    let renewal = Settings { existing: Some(existing), challenge: None, ..client_settings() };
    assert!(matches!(enrol(&pki, renewal), Ok(Next::Issued(_))));
    assert!(pki.last_request().is_renewal);
}

#[test]
fn refusal_shows_the_text_of_the_server() {
    let mut pki = TestPki::single_ca();
    pki.answer = Answer::Failure(FailInfo::BadMessageCheck, Some("wrong challenge"));
    let refusal = refusal(&pki);
    assert_eq!(refusal.stage, Stage::Answer);
    assert_eq!(
        refusal.to_string(),
        "PKIOperation (PKCSReq) was answered FAILURE, badMessageCheck: the server says \"wrong challenge\""
    );
}

#[test]
fn refusal_shows_the_error_number_and_the_words_of_ndes() {
    let mut pki = TestPki::single_ca();
    pki.answer = Answer::Failure(FailInfo::BadRequest, None);
    // `szOID_ENROLL_SCEP_ERROR` and `szOID_ENROLL_SCEP_SERVER_MESSAGE`.
    let words = b"Denied by Policy Module";
    let message = [&[0x0c, u8::try_from(words.len()).unwrap()][..], words].concat();
    pki.further_attributes = vec![
        ("1.3.6.1.4.1.311.21.33", [&b"\x13\x0b"[..], b"-2146875375"].concat()),
        ("1.3.6.1.4.1.311.21.38", message),
    ];
    assert_eq!(
        refusal(&pki).to_string(),
        "PKIOperation (PKCSReq) was answered FAILURE, badRequest: the server says \"Denied by Policy Module\"; 0x80094811 CERTSRV_E_KEY_LENGTH (the \
         public key is shorter than the certificate template allows)"
    );
}

#[test]
fn failure_with_content_as_from_ndes_is_understood() {
    let mut pki = TestPki::with_ra(false);
    pki.answer = Answer::Failure(FailInfo::BadRequest, None);
    pki.failure_content = Some(vec![0]);
    assert_eq!(refusal(&pki).stage, Stage::Answer);
}

#[test]
fn refusal_shows_the_http_status_and_its_text() {
    let pki = TestPki::single_ca();
    let mut client = Client::new(client_settings());
    client.start();
    let not_found = HttpResponse {
        status: 404,
        content_type: Some("text/plain; charset=utf-8".into()),
        body: b"404 page not found\n".to_vec(),
        ..HttpResponse::default()
    };
    // An enrolment can go on without capabilities, but not without the CA's certificate.
    assert!(client.receive(&not_found, now(), &mut rand_bytes).is_ok());
    let refusal = client.receive(&not_found, now(), &mut rand_bytes).unwrap_err();
    assert_eq!(refusal.stage, Stage::Http);
    assert_eq!(
        refusal.to_string(),
        "GetCACert was answered HTTP 404: plain text (`text/plain; charset=utf-8`): `404 page not found`"
    );
    // The state is kept, so the same request may be sent again.
    let request = pki.handle(&scep::http::Operation::GetCaCert(None).to_http(Method::Get));
    assert!(matches!(client.receive(&request, now(), &mut rand_bytes), Ok(Next::Send(_))));
}

#[test]
fn configured_cipher_that_the_ca_does_not_offer_is_refused() {
    let mut pki = TestPki::single_ca();
    pki.capabilities = "DES3\nSHA-1".to_owned();
    let settings = Settings { cipher: Some(Cipher::Aes128), ..client_settings() };
    let refusal = enrol(&pki, settings).unwrap_err();
    assert_eq!(refusal.stage, Stage::GetCaCaps);
}

#[test]
fn fingerprint_of_the_ca_is_checked() {
    let pki = TestPki::single_ca();
    let right = Settings { ca_fingerprint: Some(pki.fingerprint()), ..client_settings() };
    assert!(enrol(&pki, right).is_ok());
    let wrong = Settings { ca_fingerprint: Some(vec![0; 32]), ..client_settings() };
    assert_eq!(enrol(&pki, wrong).unwrap_err().stage, Stage::GetCaCert);
}

#[test]
fn fingerprint_excludes_certificates_of_other_cas() {
    let mut pki = TestPki::with_ra(false);
    pki.add_another_ca();
    let fingerprint = pki.fingerprint();
    let pinned = || Settings { ca_fingerprint: Some(fingerprint.clone()), ..client_settings() };
    let mut client = Client::new(pinned());
    let first = client.start();
    assert!(matches!(drive(&pki, &mut client, first), Ok(Next::Issued(_))));
    let ca = client.ca_certificates().unwrap();
    assert_eq!((ca.ca.len(), ca.ra.len()), (1, 2));

    pki.flaw = Some(Flaw::ForeignSigner);
    assert_eq!(enrol(&pki, pinned()).unwrap_err().stage, Stage::Signer);
}

#[test]
fn too_many_ca_certificates_are_refused() {
    let mut pki = TestPki::single_ca();
    pki.repeat_ca_certificate(scep::MAX_CERTIFICATES);
    assert!(enrol(&pki, client_settings()).is_ok());
    pki.repeat_ca_certificate(scep::MAX_CERTIFICATES + 1);
    let refusal = refusal(&pki);
    assert_eq!(refusal.stage, Stage::GetCaCert);
    assert!(refusal.to_string().contains("33 elements, at most 32"), "{refusal}");
}

#[test]
fn signature_of_a_self_signed_ca_is_checked() {
    let mut pki = TestPki::single_ca();
    *pki.ca_response.1.last_mut().unwrap() ^= 1;
    let refusal = refusal(&pki);
    assert_eq!(refusal.stage, Stage::GetCaCert);
    assert!(refusal.to_string().contains("does not verify"), "{refusal}");
}

#[test]
fn expired_ra_is_refused_as_recipient_and_as_signer() {
    let deciphering = refusal(&TestPki::with_ra_valid_for(365, 0, false));
    assert_eq!(deciphering.stage, Stage::RaChoice);
    assert!(deciphering.to_string().contains("expired on"), "{deciphering}");
    let signing = refusal(&TestPki::with_ra_valid_for(0, 365, false));
    assert_eq!(signing.stage, Stage::Signer);
    assert!(signing.to_string().contains("expired on"), "{signing}");
}

#[test]
fn renewal_has_a_new_transaction_id() {
    let pki = TestPki::single_ca();
    let settings = client_settings();
    let key = settings.key.clone();
    let Ok(Next::Issued(certificate)) = enrol(&pki, settings) else { panic!("not issued") };
    let first = pki.last_request().transaction_id;
    let existing = scep::identity::Identity { certificate, key: key.clone() };
    let renewal = Settings { existing: Some(existing), key, ..client_settings() };
    assert!(matches!(enrol(&pki, renewal), Ok(Next::Issued(_))));
    assert_ne!(pki.last_request().transaction_id, first);
}

#[test]
fn too_long_attributes_are_refused() {
    let pki = TestPki::single_ca();
    let message = MessageBuilder {
        message_type: Some(scep::attribute::MessageType::PkcsReq),
        transaction_id: Some(scep::attribute::TransactionId::new("1".repeat(257))),
        certificates: vec![pki.ca.certificate.clone()],
        ..MessageBuilder::default()
    };
    let message = Message::parse(&message.encode(&pki.ca).unwrap()).unwrap();
    let error = scep::server::open(&message, &pki.ca).unwrap_err();
    assert_eq!(error.to_string(), "malformed transactionID: 257 bytes, at most 256 are read");
    assert!(error.header.is_none());
}

#[test]
fn ca_without_an_rsa_key_is_refused() {
    let mut pki = TestPki::single_ca();
    pki.ca_response = pki::certificates::elliptic_curve_ca();
    assert_eq!(refusal(&pki).stage, Stage::RaChoice);
}

#[test]
fn ra_of_another_ca_is_refused() {
    let mut pki = TestPki::with_ra(false);
    pki.replace_ra();
    let refusal = refusal(&pki);
    assert_eq!(refusal.stage, Stage::RaChoice);
    assert!(refusal.to_string().contains("is not issued by the CA"), "{refusal}");
}

#[test]
fn expired_ca_is_refused() {
    let pki = TestPki::expired_ca();
    let refusal = refusal(&pki);
    assert_eq!(refusal.stage, Stage::RaChoice);
    assert!(refusal.to_string().contains("expired on"), "{refusal}");
}

#[test]
fn web_page_in_place_of_the_ca_certificate_is_refused() {
    let mut pki = TestPki::single_ca();
    pki.ca_response = (Some("text/html".into()), b"<html>hello</html>".to_vec());
    let refusal = refusal(&pki);
    assert_eq!(refusal.stage, Stage::GetCaCert);
    assert!(refusal.to_string().contains("text/html"), "{refusal}");
}

#[test]
fn wrong_replies_are_refused_each_at_its_stage() {
    let cases = [
        (Flaw::BrokenSignature, Stage::Signature),
        (Flaw::ForeignIssuer, Stage::Certificate),
        (Flaw::ForeignSigner, Stage::Signer),
        (Flaw::OtherContent, Stage::Signature),
        (Flaw::OtherKey, Stage::Certificate),
        (Flaw::OtherNonce, Stage::Nonce),
        (Flaw::OtherRecipient, Stage::Envelope),
        (Flaw::OtherSignatureAlgorithm, Stage::Signature),
        (Flaw::OtherTransaction, Stage::TransactionId),
        (Flaw::RepeatedAttribute, Stage::TransactionId),
        (Flaw::Text, Stage::Reply),
        (Flaw::WrongMessageType, Stage::Reply),
    ];
    for (flaw, stage) in cases {
        let mut pki = TestPki::single_ca();
        pki.flaw = Some(flaw);
        let refusal = refusal(&pki);
        assert_eq!(refusal.stage, stage, "{flaw:?}: {refusal}");
    }
}

#[test]
fn wrong_requests_are_refused_each_with_its_fail_info() {
    let pki = TestPki::single_ca();
    let stranger = TestPki::single_ca();
    let _ = enrol(&pki, client_settings());
    let message = pki.last_request().message;

    let open =
        |bytes: &[u8], pki: &TestPki| scep::server::open(&Message::parse(bytes).unwrap(), &pki.ca);
    let error = open(&message, &stranger).unwrap_err();
    assert_eq!(error.error.fail_info(), FailInfo::BadRequest);
    assert!(error.header.is_some());

    let mut broken = message.clone();
    *broken.last_mut().unwrap() ^= 1;
    let error = open(&broken, &pki).unwrap_err();
    assert_eq!(error.error.fail_info(), FailInfo::BadMessageCheck);

    assert!(Message::parse(&message[..message.len() / 2]).is_err());
    let request = open(&message, &pki).unwrap();
    let Body::PkcsReq(csr) = request.body else { panic!("a PKCSReq") };
    assert_eq!(csr.verify(), Ok(()));
}
