//! Answers to GetNextCACert that a device must not believe, each told in words, on a paused clock.

use std::time::{Duration, SystemTime};

use openssl::hash::MessageDigest;
use openssl::x509::X509;
use scep::certs_only;
use scep::clock::{Clock, asn1_time, moment};
use scep::identity::Identity;
use scep::message::MessageBuilder;
use tokio::time::sleep;

use super::toy_ca::{Answer, NextAnswer, root, stranger_key};
use super::{DOCUMENTED, Lab};

const CSR: &str = "set system certificate scep csr CSR";
const DAY: Duration = Duration::from_secs(86_400);

/// A device with a certificate that asks for the next CA, and a CA that has none yet.
async fn asking() -> (Lab, Clock) {
    let (lab, clock) = Lab::in_2026(Answer::Issue);
    lab.ca.announce(moment("2030-01-01T00:00Z").unwrap(), NextAnswer::NotYet);
    let lines = format!("{DOCUMENTED}{CSR} rollover get-next-ca");
    lab.device.replace_configuration(&lines).await.unwrap();
    lab.shows("usercert Valid").await;
    sleep(Duration::from_secs(1)).await;
    (lab, clock)
}

/// Lets the device ask now, because it has a new certificate, and gives what it has logged since.
async fn asked(lab: &Lab, reply: Vec<u8>) -> String {
    *lab.ca.next_reply.lock().unwrap() = Some(reply);
    let before = lab.device.protocol_log().len();
    lab.output("pki scep renew CSR").await;
    sleep(Duration::from_secs(30)).await;
    let log = lab.device.protocol_log().split_off(before).join("\n");
    assert!(log.contains("rollover: "), "{log}");
    log
}

/// An answer with these certificates.
fn reply(signer: &Identity, certificates: &[X509]) -> Vec<u8> {
    let content = certs_only::encode(certificates, &[]).unwrap();
    let message = MessageBuilder { content: Some(content), ..MessageBuilder::default() };
    message.encode(signer).unwrap()
}

fn next(subject: &str, from: &str, days: u32) -> X509 {
    root(subject, stranger_key(), moment(from).unwrap(), days).certificate
}

#[tokio::test(start_paused = true)]
async fn next_ca_that_nothing_vouches_for_is_refused() {
    let (lab, _) = asking().await;
    let ca = lab.ca.identity();
    let good = next("CN=Next-PKI, O=Toy", "2030-01-01T00:00Z", 365);
    let stranger = root("CN=Stranger", stranger_key(), moment("2026-01-01T00:00Z").unwrap(), 365);
    let many: Vec<X509> = vec![good.clone(); 1_000];
    let impostor = Identity { key: stranger_key(), certificate: ca.certificate.clone() };
    let empty = MessageBuilder { content: Some(Vec::new()), ..MessageBuilder::default() };
    let with_itself = MessageBuilder {
        content: Some(certs_only::encode(std::slice::from_ref(&good), &[]).unwrap()),
        certificates: vec![stranger.certificate.clone()],
        ..MessageBuilder::default()
    };
    let without = MessageBuilder { content: None, ..MessageBuilder::default() };
    let expired = next("CN=Old", "2020-01-01T00:00Z", 365);
    let backward = next("CN=Backward", "2030-01-01T00:00Z", 0);
    for (body, words) in [
        (reply(&impostor, std::slice::from_ref(&good)), "the message's signature does not verify"),
        (
            reply(&stranger, std::slice::from_ref(&good)),
            "the signer, the certificate 01 of the issuer `CN = Stranger`, is neither in the message nor among the known certificates",
        ),
        (
            with_itself.encode(&stranger).unwrap(),
            "are signed by `CN = Stranger`, which is not the current CA (RFC 8894 §4.7.1)",
        ),
        (
            certs_only::encode(std::slice::from_ref(&good), &[]).unwrap(),
            "a certs-only message with 1 certificate came in place of the pkiMessage",
        ),
        (
            good.to_der().unwrap(),
            "a certificate of `CN = Next-PKI, O = Toy` came in place of the pkiMessage",
        ),
        (Vec::new(), "an empty body came in place of the pkiMessage"),
        (b"<html>".to_vec(), "a web page came in place of the pkiMessage"),
        (empty.encode(&ca).unwrap(), "the signed message has no content"),
        (without.encode(&ca).unwrap(), "the signed message has no content"),
        (reply(&ca, &[]), "the response has no certificate"),
        (reply(&ca, &many), "1000 elements, at most 32 are read"),
        (
            reply(&ca, &[expired]),
            "the next CA `CN = Old` is refused: its certificate has ended at 2020-12-31T00:00:00Z, next try in",
        ),
        (
            reply(&ca, &[backward]),
            "the next CA `CN = Backward` is refused: its certificate ends at 2030-01-01T00:00:00Z, before it begins",
        ),
    ] {
        let log = asked(&lab, body).await;
        assert!(log.contains(words), "no `{words}` in:\n{log}");
        assert!(!lab.output("pki scep show CSR").await.contains("next-ca"));
    }
    let log = asked(&lab, reply(&ca, std::slice::from_ref(&ca.certificate))).await;
    assert!(log.contains("rollover: the CA names itself as the next one"), "{log}");
    lab.shows("ca Valid").await;
}

/// Each next CA takes over after a second and lives for three.
#[tokio::test(start_paused = true)]
async fn cas_of_seconds_do_not_keep_the_device_busy() {
    let (lab, clock) = asking().await;
    let mut signer = lab.ca.identity();
    for number in 0..600 {
        let now = clock.now();
        let second = Duration::from_secs(1);
        let next = short_root(&format!("CN=CA {number}"), now + second, now + 4 * second);
        *lab.ca.next_reply.lock().unwrap() = Some(reply(&signer, std::slice::from_ref(&next)));
        if number == 0 {
            lab.output("pki scep renew CSR").await;
        }
        let before = questions(&lab);
        sleep(second).await;
        if questions(&lab) > before {
            signer = Identity { key: stranger_key(), certificate: next };
        }
    }
    let log = lab.device.protocol_log().join("\n");
    assert!(log.contains("is the CA now"), "{log}");
    assert!((2..=12).contains(&questions(&lab)), "{} questions\n{log}", questions(&lab));
}

fn questions(lab: &Lab) -> usize {
    lab.ca.requests().iter().filter(|one| one.ends_with("GetNextCACert")).count()
}

/// A self-signed CA with these dates.
fn short_root(subject: &str, from: SystemTime, until: SystemTime) -> X509 {
    let long = root(subject, stranger_key(), from, 1).certificate;
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(long.serial_number()).unwrap();
    builder.set_subject_name(long.subject_name()).unwrap();
    builder.set_issuer_name(long.subject_name()).unwrap();
    builder.set_not_before(long.not_before()).unwrap();
    builder.set_not_after(&asn1_time(until).unwrap()).unwrap();
    builder.set_pubkey(&stranger_key()).unwrap();
    builder.sign(&stranger_key(), MessageDigest::sha256()).unwrap();
    builder.build()
}

#[tokio::test(start_paused = true)]
async fn next_ca_that_has_ended_on_its_day_is_forgotten() {
    let (lab, clock) = asking().await;
    // It has begun already, so its day is the end of the current one, in 2045.
    let short = next("CN=Short", "2025-06-01T00:00Z", 365);
    let log = asked(&lab, reply(&lab.ca.identity(), &[short])).await;
    assert!(log.contains("rollover: the next CA is `CN = Short`"), "{log}");
    let day = moment("2045-12-28T00:00Z").unwrap();
    sleep(day.duration_since(clock.now()).unwrap()).await;
    let log = lab.device.protocol_log().join("\n");
    let told = "rollover: the next CA `CN = Short` is forgotten: its day was 2045-12-27T00:00:00Z, and its certificate has ended since";
    assert!(log.contains(told), "{log}");
    let ca =
        lab.output("pki show certificate running://auth/certificates/scep/CSR/ca/ca.der").await;
    assert!(ca.contains("Subject: CN = Toy-PKI, O = Toy"), "{ca}");
    sleep(DAY).await;
}
