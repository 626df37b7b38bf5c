//! Keys in every form that the command takes.

use std::fs;

use openssl::pkcs12::Pkcs12;
use openssl::pkey::PKey;
use openssl::rand::rand_bytes;
use openssl::rsa::Rsa;
use openssl::x509::X509;
use scep::algorithm::{Cipher, Digest, KeyTransport};
use scep::attribute::{MessageType, Nonce, TransactionId};
use scep::clock::Clock;
use scep::message::RequestMessage;
use scep::name;
use scep::request::{ChallengeString, CsrBuilder, self_signed};

use super::{captures, explain};
use crate::suite::serve::{LINUX, Server};

const REQUEST: &str = "sscep-0.10.0-at-linux/04-PKIOperation-request.http";
const OPENED: &str = "yes, with a key that was given";

#[test]
fn pkcs12_opens_an_envelope_with_its_password_alone() {
    let read = |name: &str| fs::read(captures().join("keys/linux").join(name)).unwrap();
    let key = PKey::private_key_from_pem(&read("ca.key")).unwrap();
    let certificate = X509::from_pem(&read("ca.pem")).unwrap();
    let file =
        Pkcs12::builder().name("ca").pkey(&key).cert(&certificate).build2("bag-pass-77").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (path, password) = (folder.path().join("ca.p12"), folder.path().join("password"));
    fs::write(&path, file.to_der().unwrap()).unwrap();
    fs::write(&password, "bag-pass-77\n").unwrap();
    let path = path.to_str().unwrap();
    let source = format!("file:{}", password.display());
    let ended = explain(&[REQUEST, "--pkcs12", path, "--pkcs12-password", &source]);
    assert!(ended.stdout.contains(OPENED), "{}", ended.transcript());
    let closed = explain(&[REQUEST, "--pkcs12", path]);
    assert_eq!(closed.code, Some(2), "{}", closed.transcript());
    assert!(closed.stderr.contains("--pkcs12-password"), "{}", closed.stderr);
}

#[test]
fn key_in_der_opens_an_envelope() {
    let pem = fs::read(captures().join("keys/linux/ca.key")).unwrap();
    let der = PKey::private_key_from_pem(&pem).unwrap().private_key_to_der().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.der");
    fs::write(&path, der).unwrap();
    let ended = explain(&[REQUEST, "--key", path.to_str().unwrap()]);
    assert!(ended.stdout.contains(OPENED), "{}", ended.transcript());
}

#[test]
fn key_of_another_does_not_open_an_envelope() {
    let ended = explain(&[REQUEST, "--key", "keys/rfc8894/ca.key"]);
    assert!(!ended.stdout.contains(OPENED), "{}", ended.transcript());
    assert!(ended.stdout.contains("would open it"), "{}", ended.transcript());
    let remark = "note: `--key keys/rfc8894/ca.key` opens nothing here: no certificate here has its key\n  note: what is closed here would be opened: #1 by the key of ";
    assert!(ended.stdout.contains(remark), "{}", ended.transcript());
}

#[test]
fn key_that_opens_nothing_is_told_with_its_certificate() {
    let ended = explain(&["sscep-0.10.0-at-ndes", "--key", "keys/ndes/ra-signing.key"]);
    let remark = "note: `--key keys/ndes/ra-signing.key` opens nothing here: it has the key of `CN = TELDATPKI-MSCEP-RA` (serial 1100000002B8DE42B35F051B0A000000000002)\n  note: what is closed here would be opened: #7 by the key of `CN = TELDATPKI-MSCEP-RA` (serial 110000000330E3697C67648A4C000000000003); #8 by the key of ";
    assert!(ended.stdout.contains(remark), "{}", ended.transcript());
    let ended = explain(&["keys/linux/ca.pem", "--key", "keys/linux/ca.key"]);
    assert!(
        ended.stdout.contains("note: there is no envelope in the input"),
        "{}",
        ended.transcript()
    );
}

#[test]
fn dates_are_judged_only_if_the_time_is_known() {
    let ended = explain(&["keys/linux/ca.pem"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let words = "(not judged, because the time of the message is not known)";
    assert!(ended.stdout.contains(words), "{}", ended.transcript());
    let remark = "note: the validity of certificates is not judged";
    assert!(ended.stdout.contains(remark), "{}", ended.transcript());
    let ended = explain(&["keys/linux/ca.pem", "--at", "2000-01-01T00:00:00Z"]);
    assert!(ended.stdout.contains("is not valid before"), "{}", ended.transcript());
    assert!(!ended.stdout.contains(remark), "{}", ended.transcript());
}

#[test]
fn encrypted_key_is_refused_with_what_to_do() {
    let pem = fs::read(captures().join("keys/linux/ca.key")).unwrap();
    let key = PKey::private_key_from_pem(&pem).unwrap();
    let cipher = openssl::symm::Cipher::aes_128_cbc();
    let encrypted = key.private_key_to_pem_pkcs8_passphrase(cipher, b"secret-of-key").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.key");
    fs::write(&path, encrypted).unwrap();
    let ended = explain(&[REQUEST, "--key", path.to_str().unwrap()]);
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    assert!(ended.stderr.contains("is encrypted"), "{}", ended.stderr);
}

#[test]
fn state_of_a_running_mock_ca_opens_the_requests_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let server = Server::start(&["linux", "--state", state.to_str().unwrap()]);
    let ca = X509::from_pem(&fs::read(state.join("ca.pem")).unwrap()).unwrap();
    let request = folder.path().join("request.der");
    fs::write(&request, request_to(&ca)).unwrap();
    let arguments = [request.to_str().unwrap(), "--state", state.to_str().unwrap()];
    let ended = explain(&[&arguments[..], &["--from", &server.url(LINUX)]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert!(ended.stdout.contains(OPENED), "{}", ended.transcript());
    assert!(ended.stdout.contains("CN = keys-device"), "{}", ended.transcript());
    // Another CA is asked for its certificates.
    let other = Server::start(&["rfc8894"]);
    let from = other.url("/cgi-bin/pkiclient.exe");
    let ended = explain(&[&arguments[..], &["--from", &from]].concat());
    assert!(
        ended.stdout.starts_with("the client is wrong: the request is addressed to"),
        "{}",
        ended.transcript()
    );
}

/// A request for a certificate, enciphered to this CA.
fn request_to(ca: &X509) -> Vec<u8> {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let subject = name::parse("CN=keys-device").unwrap();
    let csr = CsrBuilder {
        subject: &subject,
        key: &key,
        challenge_password: None,
        challenge_string: ChallengeString::default(),
        extensions: &[],
        digest: Digest::Sha256,
    };
    let message = RequestMessage {
        message_type: MessageType::PkcsReq,
        transaction_id: TransactionId::from_public_key(&key).unwrap(),
        sender_nonce: Nonce::new([7; 16]),
        signer: self_signed(&subject, &key, Digest::Sha256, Clock::system().now()).unwrap(),
        cipher: Cipher::Aes128,
        key_transport: KeyTransport::Pkcs1v15,
        digest: Digest::Sha256,
    };
    message.encode(&csr.encode().unwrap(), ca, &mut rand_bytes).unwrap()
}
