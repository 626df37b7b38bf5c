//! CAs below and after one another, and a registration authority that is renewed.
#![expect(clippy::unchecked_time_subtraction, reason = "the times are in the test itself")]

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use mock_ca::{
    Ca, CaCertificate, IssuerCa, Keys, NextCa, NextKey, NextRegistration, PersonalityName, Settings,
};
use openssl::x509::X509;
use scep::{
    attribute::{FailInfo, MessageType, PkiStatus},
    certificate::is_issued_by,
    certs_only,
    clock::{moment, system_time},
    identity::Identity,
    message::Message,
};
use tempfile::TempDir;

use crate::{
    client::{LINUX, NDES, enrol, get, key, last_reason, open_at, settings, settings_with},
    messages::{Sent, csr, pkcs_req, signer},
    rfc8894::{asking, certified, opened, refused},
    state::forget,
};

const PATH: &str = "/cgi-bin/pkiclient.exe";
const DAY: Duration = Duration::from_secs(86_400);
const SECOND: Duration = Duration::from_secs(1);

fn start() -> SystemTime {
    moment("2026-01-01T00:00Z").unwrap()
}

/// A CA of 2026 whose next one begins after 30 days.
fn following(personality: PersonalityName, change: impl FnOnce(&mut NextCa)) -> Settings {
    let mut next = NextCa {
        from: start() + 30 * DAY,
        announced: None,
        subject: None,
        key: NextKey::New,
        valid_for: None,
    };
    change(&mut next);
    settings_with(personality, |settings| settings.hierarchy.next_ca = Some(next))
}

fn advance(ca: &Ca, by: Duration) {
    ca.clock().advance(by).unwrap();
}

fn issuer(subject: &str) -> IssuerCa {
    IssuerCa { subject: subject.to_owned(), certificate: CaCertificate::default() }
}

/// The certificates in an answer to GetCACert.
async fn given(ca: &Arc<Ca>, path: &str) -> Vec<X509> {
    let answer = get(ca, &format!("{path}?operation=GetCACert")).await;
    match answer.header("Content-Type") {
        Some("application/x-x509-ca-cert") => vec![X509::from_der(&answer.body).unwrap()],
        Some("application/x-x509-ca-ra-cert") => {
            certs_only::decode(&answer.body).unwrap().certificates
        }
        other => panic!("{other:?}"),
    }
}

/// The certificates in an answer to GetNextCACert, which must be signed by this CA.
async fn announced(ca: &Arc<Ca>, by: &X509) -> Vec<X509> {
    let answer = get(ca, &format!("{PATH}?operation=GetNextCACert")).await;
    assert_eq!(answer.header("Content-Type"), Some("application/x-x509-next-ca-cert"));
    let message = Message::parse(&answer.body).unwrap();
    message.verify(&[by]).unwrap();
    certs_only::decode(message.content().unwrap()).unwrap().certificates
}

#[tokio::test]
async fn get_ca_cert_has_the_chain_up_to_the_root() {
    for (personality, path, of_ra) in [
        (PersonalityName::Linux, LINUX, 0),
        (PersonalityName::Ndes, NDES, 2),
        (PersonalityName::Rfc8894, PATH, 0),
    ] {
        let ca = open_at(
            start(),
            settings_with(personality, |settings| {
                settings.hierarchy.issued_by = vec![issuer("CN=Policy"), issuer("CN=Root")];
            }),
        );
        let chain = given(&ca, path).await.split_off(of_ra);
        assert_eq!(chain.len(), 3, "{personality}");
        assert_eq!(chain[0], ca.ca_certificate());
        assert!(is_issued_by(&chain[0], &chain[1]) && is_issued_by(&chain[1], &chain[2]));
        assert_eq!(chain[1..], ca.issuers());
        let certificate = enrol(&ca, path, settings(None)).await.unwrap();
        assert!(is_issued_by(&certificate, &chain[0]), "{personality}");
    }
}

#[tokio::test]
async fn next_ca_is_given_from_its_announcement_until_it_issues() {
    let ca = open_at(
        start(),
        following(PersonalityName::Rfc8894, |next| {
            next.announced = Some(start() + 10 * DAY);
            next.subject = Some("CN=Next".to_owned());
            next.valid_for = Some(60 * DAY);
        }),
    );
    let first = ca.ca_certificate();
    let status = async |ca| get(ca, &format!("{PATH}?operation=GetNextCACert")).await.status;
    advance(&ca, 10 * DAY - SECOND);
    assert_eq!(status(&ca).await, 404);
    assert_eq!(last_reason(&ca), "the next CA is announced at 2026-01-11T00:00:00Z");
    advance(&ca, SECOND);
    let next = announced(&ca, &first).await;
    assert_eq!(next.len(), 1);
    assert_eq!(system_time(next[0].not_before()).unwrap(), start() + 30 * DAY);
    assert_eq!(system_time(next[0].not_after()).unwrap(), start() + 90 * DAY);
    advance(&ca, 20 * DAY - SECOND);
    assert_eq!(given(&ca, PATH).await, [first]);
    assert_eq!(announced(&ca, &ca.ca_certificate()).await, next);

    advance(&ca, SECOND);
    assert_eq!(given(&ca, PATH).await, next);
    assert_eq!(status(&ca).await, 404);
    assert_eq!(last_reason(&ca), "this CA has no next one");
    let own = certified(&ca, "a").await;
    assert!(is_issued_by(&own.certificate, &next[0]));
}

#[tokio::test]
async fn next_ca_of_a_chain_is_given_with_those_above_it() {
    let mut settings = following(PersonalityName::Rfc8894, |_| ());
    settings.hierarchy.issued_by = vec![issuer("CN=Root")];
    let ca = open_at(start(), settings);
    let next = announced(&ca, &ca.ca_certificate()).await;
    assert!(next.len() == 2 && is_issued_by(&next[0], &next[1]));
    assert_eq!(next[1..], ca.issuers());
}

#[tokio::test]
async fn envelope_for_the_next_ca_gets_a_certificate_of_it() {
    let ca = open_at(
        start(),
        following(PersonalityName::Rfc8894, |next| next.announced = Some(start() + DAY)),
    );
    let next = {
        let later = open_at(start() + DAY, following(PersonalityName::Rfc8894, |_| ()));
        announced(&later, &later.ca_certificate()).await
    };
    // Both have the lab's keys and names; serial numbers differ, so the right one is asked for below.
    let own = signer(&key());
    let early = pkcs_req("1", "CN=a", None, &own).to_one_of(&next, &ca, PATH).await;
    assert_eq!(refused(&Message::parse(&early.body).unwrap()), FailInfo::BadRequest);
    advance(&ca, DAY);
    let next = announced(&ca, &ca.ca_certificate()).await;
    let reply = pkcs_req("2", "CN=a", None, &own).to_one_of(&next, &ca, PATH).await;
    let reply = Message::parse(&reply.body).unwrap();
    reply.verify(&[&next[0]]).unwrap();
    let certificate = opened(&reply, &own).certificates.remove(0);
    assert!(is_issued_by(&certificate, &next[0]));
    assert_eq!(system_time(certificate.not_before()).unwrap(), start() + 30 * DAY);
    // The envelope of any other request is for the CA of today.
    assert!(is_issued_by(&certified(&ca, "b").await.certificate, &ca.ca_certificate()));
}

#[tokio::test]
async fn certificate_of_the_former_ca_is_renewed_by_the_new_one() {
    for key_of_next in NextKey::ALL.iter().copied() {
        let ca =
            open_at(start(), following(PersonalityName::Rfc8894, |next| next.key = key_of_next));
        let former = ca.ca_certificate();
        let existing = certified(&ca, "a").await;
        advance(&ca, 30 * DAY);
        let renewal = Sent {
            message_type: MessageType::RenewalReq,
            id: "renewal",
            body: csr("CN=a", None, &key()),
            signer: &existing,
        };
        // As a client that was off on the day does it.
        let late = renewal.to_one_of(std::slice::from_ref(&former), &ca, PATH).await;
        assert_eq!(refused(&Message::parse(&late.body).unwrap()), FailInfo::BadRequest);
        let reason = last_reason(&ca);
        assert!(reason.contains("that is this server's former certificate"), "{reason}");
        assert!(reason.contains("since 2026-01-31T00:00:00Z"), "{reason}");

        let reply = renewal.to(&ca, PATH).await;
        let renewed = opened(&reply, &existing).certificates.remove(0);
        assert!(is_issued_by(&renewed, &ca.ca_certificate()));
        assert_eq!(is_issued_by(&renewed, &former), key_of_next == NextKey::Same);
        // Both are found, and each CA has a revocation list of its own.
        let reply =
            asking(MessageType::GetCert, &existing.certificate, &existing).to(&ca, PATH).await;
        assert_eq!(opened(&reply, &existing).certificates[0], existing.certificate);
    }
}

#[tokio::test]
async fn each_ca_revokes_its_own_certificates() {
    let ca = open_at(start(), following(PersonalityName::Rfc8894, |_| ()));
    let former = ca.ca_certificate();
    let old = certified(&ca, "a").await;
    advance(&ca, 30 * DAY);
    let new = certified(&ca, "b").await;
    ca.revoke("01").unwrap();
    ca.revoke("02").unwrap();
    for (one, by, other) in [(&old, &former, &new), (&new, &ca.ca_certificate(), &old)] {
        let reply = asking(MessageType::GetCrl, &one.certificate, one).to(&ca, PATH).await;
        let list = opened(&reply, one).crls.remove(0);
        assert!(list.verify(&by.public_key().unwrap()).unwrap());
        let revoked = list.get_revoked().unwrap();
        let serials: Vec<_> =
            revoked.iter().map(|it| it.serial_number().to_bn().unwrap()).collect();
        assert_eq!(serials, [one.certificate.serial_number().to_bn().unwrap()]);
        assert_ne!(serials, [other.certificate.serial_number().to_bn().unwrap()]);
    }
}

#[tokio::test]
async fn personality_without_get_next_ca_cert_rolls_over_all_the_same() {
    for (personality, path) in [(PersonalityName::Linux, LINUX), (PersonalityName::Ndes, NDES)] {
        let ca = open_at(start(), following(personality, |_| ()));
        let before = given(&ca, path).await;
        let answer = get(&ca, &format!("{path}?operation=GetNextCACert")).await;
        assert_eq!(answer.status, 500, "{personality}");
        advance(&ca, 30 * DAY);
        let after = given(&ca, path).await;
        assert_eq!(after.len(), before.len());
        let new_ca = after.last().unwrap();
        assert_eq!(*new_ca, ca.ca_certificate());
        // The registration authority is below the new CA at once.
        assert!(after.iter().all(|one| is_issued_by(one, new_ca) && !before.contains(one)));
        let certificate = enrol(&ca, path, settings(None)).await.unwrap();
        assert!(is_issued_by(&certificate, new_ca));
    }
}

#[tokio::test]
async fn renewed_registration_authority_is_given_and_the_former_is_refused() {
    let from = start() + 30 * DAY;
    let next = Some(NextRegistration { from, valid_for: None, key: NextKey::New });
    let ca = open_at(
        start(),
        settings_with(PersonalityName::Ndes, |settings| {
            settings.hierarchy.registration.valid_for = Some(30 * DAY);
            settings.hierarchy.registration.next = next;
        }),
    );
    advance(&ca, 30 * DAY - SECOND);
    let former = given(&ca, NDES).await;
    advance(&ca, SECOND);
    let renewed = given(&ca, NDES).await;
    assert_eq!(former[2], renewed[2]);
    assert!(former[0] != renewed[0] && former[1] != renewed[1]);
    assert_eq!(system_time(renewed[1].not_before()).unwrap(), from);
    let own = signer(&key());
    let request = pkcs_req("1", "CN=a", None, &own);
    assert_eq!(request.to_one_of(&former[..2], &ca, NDES).await.status, 500);
    let reason = last_reason(&ca);
    assert!(reason.contains("that is this server's former certificate"), "{reason}");
    let reply = request.to_one_of(&renewed[..2], &ca, NDES).await;
    let reply = Message::parse(&reply.body).unwrap();
    assert_eq!(reply.attributes().pki_status().unwrap(), PkiStatus::Success);
    reply.verify(&[&renewed[0]]).unwrap();
}

#[tokio::test]
async fn roll_over_takes_place_at_once_and_again() {
    for personality in PersonalityName::ALL.iter().copied() {
        let ca =
            open_at(start(), following(personality, |next| next.subject = Some("CN=Next".into())));
        let mut known = vec![ca.ca_certificate()];
        for name in ["CN = Next", "CN = Next", "CN = Next"] {
            advance(&ca, DAY);
            let new = ca.roll_over().unwrap();
            assert_eq!(ca.ca_certificate(), new);
            assert!(!known.contains(&new), "{personality}");
            assert_eq!(scep::name::to_text(new.subject_name()), name);
            assert!(system_time(new.not_before()).unwrap() <= ca.clock().now());
            let path = ca.paths()[0];
            let certificate = enrol(&ca, path, named(&known)).await.unwrap();
            assert!(is_issued_by(&certificate, &new));
            known.push(new);
        }
        // Its own moment changes nothing any more.
        advance(&ca, 40 * DAY);
        assert_eq!(Some(&ca.ca_certificate()), known.last());
    }
}

/// The settings of a client with a name of its own.
fn named(known: &[X509]) -> scep::client::Settings {
    let subject = scep::name::parse(&format!("CN=device{}", known.len())).unwrap();
    scep::client::Settings::new(key(), subject)
}

#[tokio::test]
async fn chain_and_roll_over_survive_a_restart() {
    for personality in PersonalityName::ALL.iter().copied() {
        let directory = TempDir::new().unwrap();
        let keep = |directory: &Path| {
            let mut settings = following(personality, |_| ());
            settings.hierarchy.issued_by = vec![issuer("CN=Policy"), issuer("CN=Root")];
            settings.keys = Keys::Fresh;
            settings.state = Some(directory.to_owned());
            settings
        };
        let ca = open_at(start(), keep(directory.path()));
        let path = ca.paths()[0];
        let before = given(&ca, path).await;
        let existing = enrol(&ca, path, named(&[])).await.unwrap();
        forget(ca).await;

        // The next CA takes over while the program does not run.
        let ca = open_at(start() + 31 * DAY, keep(directory.path()));
        let after = given(&ca, path).await;
        assert_eq!(after.len(), before.len());
        assert!(after.iter().all(|one| before.contains(one) == ca.issuers().contains(one)));
        assert_eq!(ca.issued().unwrap()[0].certificate, existing);
        let third = ca.roll_over().unwrap();
        let certificate = enrol(&ca, path, named(std::slice::from_ref(&third))).await.unwrap();
        forget(ca).await;

        let ca = open_at(start() + 31 * DAY, keep(directory.path()));
        assert_eq!(ca.ca_certificate(), third, "{personality}");
        assert!(is_issued_by(&certificate, &third));
        assert_eq!(ca.issued().unwrap().len(), 2);
        forget(ca).await;
    }
}

#[tokio::test]
async fn next_ca_before_its_time_keeps_its_key_over_a_restart() {
    let directory = TempDir::new().unwrap();
    let keep = || {
        let mut settings = following(PersonalityName::Rfc8894, |_| ());
        settings.keys = Keys::Fresh;
        settings.state = Some(directory.path().to_owned());
        settings
    };
    let ca = open_at(start(), keep());
    let next = announced(&ca, &ca.ca_certificate()).await.remove(0);
    let new = ca.roll_over().unwrap();
    // It would not have been valid yet.
    assert_ne!(new, next);
    assert!(new.public_key().unwrap().public_eq(&next.public_key().unwrap()));
    assert_eq!(system_time(new.not_before()).unwrap(), start());
    let own = certified(&ca, "a").await;
    forget(ca).await;
    let ca = open_at(start(), keep());
    assert_eq!(ca.ca_certificate(), new);
    assert!(is_issued_by(&own.certificate, &new));
    let _: Identity = own;
}
