//! Revocation lists over SCEP and over HTTP.
#![expect(clippy::unchecked_time_subtraction, reason = "the times are in the test itself")]

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    time::{Duration, SystemTime},
};

use mock_ca::{
    Ca, DistributionPoint, MockCa, NextCa, NextKey, PersonalityName, RevocationReason, Settings,
};
use openssl::x509::{ReasonCode, X509, X509Crl};
use scep::{
    attribute::MessageType,
    clock::{moment, system_time},
};

use crate::{
    client::{LINUX, NDES, enrol, get, last_reason, open_at, parse, settings, settings_with},
    rfc8894::{asking, certified, opened},
};

const PATH: &str = "/cgi-bin/pkiclient.exe";
const DAY: Duration = Duration::from_secs(86_400);
const SECOND: Duration = Duration::from_secs(1);

fn start() -> SystemTime {
    moment("2026-01-01T00:00Z").unwrap()
}

fn advance(ca: &Ca, by: Duration) {
    ca.clock().advance(by).unwrap();
}

fn served(change: impl FnOnce(&mut Settings)) -> Arc<Ca> {
    open_at(
        start(),
        settings_with(PersonalityName::Rfc8894, |settings| {
            settings.crl.valid_for = 7 * DAY;
            settings.crl.distribution_point = Some(DistributionPoint::Here);
            settings.address = Some("10.0.0.1:8080".to_owned());
            change(settings);
        }),
    )
}

/// The list that is served at this path.
async fn list(ca: &Arc<Ca>, path: &str) -> X509Crl {
    let answer = get(ca, path).await;
    assert_eq!((answer.status, answer.header("Content-Type")), (200, Some("application/pkix-crl")));
    X509Crl::from_der(&answer.body).unwrap()
}

/// The days from the start to the begin and the end of a list.
fn days(list: &X509Crl) -> (u64, u64) {
    let days =
        |time| system_time(time).unwrap().duration_since(start()).unwrap().as_secs() / 86_400;
    (days(list.last_update()), days(list.next_update().unwrap()))
}

/// The number of a list.
fn number(list: &X509Crl) -> Vec<u8> {
    let der = list.to_der().unwrap();
    let oid = [0x06, 0x03, 0x55, 0x1d, 0x14];
    let at = der.windows(oid.len()).position(|window| window == oid).unwrap() + oid.len();
    // OCTET STRING with an INTEGER.
    der[at + 4..at + 4 + usize::from(der[at + 3])].to_vec()
}

/// The place of the list in a certificate.
fn place(certificate: &X509) -> Option<String> {
    let points = certificate.crl_distribution_points()?;
    let names = points.get(0)?.distpoint()?.fullname()?;
    names.get(0)?.uri().map(str::to_owned)
}

#[tokio::test]
async fn list_is_made_anew_when_it_expires() {
    let ca = served(|_| ());
    let first = list(&ca, "/ca-1.crl").await;
    assert_eq!(days(&first), (0, 7));
    assert!(first.verify(&ca.ca_certificate().public_key().unwrap()).unwrap());
    advance(&ca, 7 * DAY - SECOND);
    assert_eq!(list(&ca, "/ca-1.crl").await.to_der().unwrap(), first.to_der().unwrap());
    advance(&ca, SECOND);
    let second = list(&ca, "/ca-1.crl").await;
    assert_eq!(days(&second), (7, 14));
    assert!(number(&first) < number(&second));
    // It is the same whenever it is asked for.
    advance(&ca, 24 * DAY);
    assert_eq!(days(&list(&ca, "/ca-1.crl").await), (28, 35));
}

#[tokio::test]
async fn list_that_is_not_renewed_expires() {
    let ca = served(|settings| settings.crl.renews = false);
    certified(&ca, "a").await;
    advance(&ca, 30 * DAY);
    assert_eq!(days(&list(&ca, "/ca-1.crl").await), (0, 7));
    ca.revoke("01").unwrap();
    assert_eq!(days(&list(&ca, "/ca-1.crl").await), (30, 37));
    advance(&ca, 30 * DAY);
    assert_eq!(days(&list(&ca, "/ca-1.crl").await), (30, 37));
}

#[tokio::test]
async fn revocation_makes_a_list_with_its_moment_and_reason() {
    let ca = served(|_| ());
    let (one, other) = (certified(&ca, "a").await, certified(&ca, "b").await);
    advance(&ca, 2 * DAY);
    ca.revoke_for("01", RevocationReason::KeyCompromise).unwrap();
    let first = list(&ca, "/ca-1.crl").await;
    ca.revoke("02").unwrap();
    let both = list(&ca, "/ca-1.crl").await;
    assert_eq!((days(&first), days(&both)), ((2, 9), (2, 9)));
    // Two lists of one second differ in their numbers as well.
    assert!(number(&first) < number(&both));
    assert_eq!(first.get_revoked().unwrap().len(), 1);
    let revoked = both.get_revoked().unwrap();
    assert_eq!(revoked.len(), 2);
    for entry in revoked {
        assert_eq!(system_time(entry.revocation_date()).unwrap(), start() + 2 * DAY);
    }
    let reason = |index: usize| {
        let entry = both.get_revoked().unwrap().get(index).unwrap();
        entry.extension::<ReasonCode>().unwrap().map(|(_, code)| code.get_i64().unwrap())
    };
    assert_eq!((reason(0), reason(1)), (Some(1), None));
    let issued = ca.issued().unwrap();
    assert_eq!(issued[0].revocation_reason, Some(RevocationReason::KeyCompromise));

    // SCEP gives the same list.
    let reply = asking(MessageType::GetCrl, &one.certificate, &other).to(&ca, PATH).await;
    assert_eq!(opened(&reply, &other).crls[0].to_der().unwrap(), both.to_der().unwrap());
}

#[tokio::test]
async fn each_ca_has_a_list_of_its_own() {
    let from = start() + 30 * DAY;
    let next = NextCa { from, announced: None, subject: None, key: NextKey::New, valid_for: None };
    let ca = served(|settings| settings.hierarchy.next_ca = Some(next));
    let former = ca.ca_certificate();
    let old = certified(&ca, "a").await.certificate;
    // Not before it issues.
    assert_eq!(get(&ca, "/ca-2.crl").await.status, 400);
    advance(&ca, 30 * DAY);
    let new = certified(&ca, "b").await.certificate;
    assert_eq!(place(&old).unwrap(), "http://10.0.0.1:8080/ca-1.crl");
    assert_eq!(place(&new).unwrap(), "http://10.0.0.1:8080/ca-2.crl");
    for (path, by, begin) in [("/ca-1.crl", former, 28), ("/ca-2.crl", ca.ca_certificate(), 30)] {
        let list = list(&ca, path).await;
        assert!(list.verify(&by.public_key().unwrap()).unwrap(), "{path}");
        assert_eq!(days(&list).0, begin);
    }
}

#[tokio::test]
async fn place_of_the_list_is_that_of_the_settings() {
    let here = Some(DistributionPoint::Here);
    let url = Some(DistributionPoint::Url("http://10.9.9.9/a.crl".to_owned()));
    let nowhere = Some(DistributionPoint::Nowhere);
    let ldap = "ldap:///CN=scep-TELDATPKI-CA";
    for (personality, path, point, expected) in [
        (PersonalityName::Linux, LINUX, None, None),
        (PersonalityName::Linux, LINUX, here.clone(), Some("http://10.0.0.1/ca-1.crl")),
        (PersonalityName::Ndes, NDES, None, Some(ldap)),
        (PersonalityName::Ndes, NDES, here.clone(), Some("http://10.0.0.1/ca-1.crl")),
        (PersonalityName::Ndes, NDES, nowhere, None),
        (PersonalityName::Rfc8894, PATH, url, Some("http://10.9.9.9/a.crl")),
        (PersonalityName::Rfc8894, PATH, None, None),
    ] {
        let is_here = point == here;
        let ca = open_at(
            start(),
            settings_with(personality, |settings| {
                settings.crl.distribution_point = point;
                settings.address = Some("10.0.0.1".to_owned());
            }),
        );
        let certificate = enrol(&ca, path, settings(None)).await.unwrap();
        let found = place(&certificate);
        match (&found, expected) {
            (Some(found), Some(expected)) => assert!(found.starts_with(expected), "{found}"),
            _ => assert_eq!(found.as_deref(), expected, "{personality}"),
        }
        let answer = get(&ca, "/ca-1.crl").await;
        assert_eq!(answer.status == 200, is_here, "{personality}");
        if is_here {
            let reason = last_reason(&ca);
            assert!(reason.starts_with("gave the revocation list of `"), "{reason}");
        }
    }
}

#[test]
fn list_is_served_on_a_real_socket_where_certificates_say() {
    let ca = MockCa::rfc8894()
        .with(|settings| settings.crl.distribution_point = Some(DistributionPoint::Here))
        .start_blocking()
        .unwrap();
    let mut stream = TcpStream::connect(ca.address()).unwrap();
    let host = ca.address();
    let request = format!("GET /ca-1.crl HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = parse(&answer);
    assert_eq!((answer.status, answer.header("Content-Type")), (200, Some("application/pkix-crl")));
    let list = X509Crl::from_der(&answer.body).unwrap();
    assert!(list.verify(&ca.ca_certificate().public_key().unwrap()).unwrap());
}
