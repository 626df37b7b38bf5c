//! The fields of a PKI in which time matters.

use std::time::{Duration, SystemTime};

use mock_ca::{
    CaCertificate, DistributionPoint, IssuerCa, LaterDecision, NextCa, NextKey, NextRegistration,
    RenewalWindow,
};
use scep::clock::moment;

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

fn lab(pki: &str) -> String {
    format!("clock: 2026-01-01T00:00Z\npki:\n  ca: {{{pki}}}\n")
}

fn pki(fields: &str) -> Pki {
    let lab = load(&lab(fields)).unwrap_or_else(|errors| panic!("{}", errors[0]));
    lab.pkis["ca"].clone()
}

fn at(text: &str) -> SystemTime {
    moment(text).unwrap()
}

#[test]
fn chain_of_cas_is_read_with_the_nearest_first() {
    let pki = pki(
        "personality: linux, ca: {subject: CN=Issuing, key: rsa:3072, valid-from: 2025-12-01T00:00Z, valid-for: 5y, \
         issued-by: {subject: CN=Policy, valid-for: 10y, issued-by: {subject: CN=Root, key: rsa:4096}}}",
    );
    assert_eq!(pki.subject.as_deref(), Some("CN=Issuing"));
    assert_eq!(
        pki.hierarchy.ca,
        CaCertificate {
            key_bits: 3072,
            valid_from: Some(at("2025-12-01T00:00Z")),
            valid_for: Some(5 * 365 * DAY)
        }
    );
    let policy = CaCertificate { valid_for: Some(3650 * DAY), ..CaCertificate::default() };
    let root = CaCertificate { key_bits: 4096, ..CaCertificate::default() };
    assert_eq!(
        pki.hierarchy.issued_by,
        [
            IssuerCa { subject: "CN=Policy".to_owned(), certificate: policy },
            IssuerCa { subject: "CN=Root".to_owned(), certificate: root },
        ]
    );
}

#[test]
fn next_ca_and_renewed_registration_authority_are_read() {
    let ndes = pki(
        "personality: ndes, ra: {valid-from: 2025-12-31T00:00Z, valid-for: 90d, next: {from: 2026-03-01T00:00Z, key: same}}, \
         next-ca: {from: 2026-06-01T00:00Z, subject: CN=Next, key: same, valid-for: 1y}",
    );
    let registration = ndes.hierarchy.registration;
    assert_eq!(registration.valid_from, Some(at("2025-12-31T00:00Z")));
    assert_eq!(registration.valid_for, Some(90 * DAY));
    let from = at("2026-03-01T00:00Z");
    assert_eq!(
        registration.next,
        Some(NextRegistration { from, valid_for: None, key: NextKey::Same })
    );
    let expected = NextCa {
        from: at("2026-06-01T00:00Z"),
        announced: None,
        subject: Some("CN=Next".to_owned()),
        key: NextKey::Same,
        valid_for: Some(365 * DAY),
    };
    assert_eq!(ndes.hierarchy.next_ca, Some(expected));
    let announced = pki(
        "personality: rfc8894, next-ca: {from: 2026-06-01T00:00Z, announced: 2026-05-01T00:00Z}",
    );
    let next = announced.hierarchy.next_ca.unwrap();
    assert_eq!((next.announced, next.key), (Some(at("2026-05-01T00:00Z")), NextKey::New));
}

#[test]
fn rules_with_times_are_read() {
    let read = pki(
        "personality: rfc8894, valid-for: 90d, renewal-window: 20%, challenge: {one-time: [abcdef], valid-for: 60m}, \
         approval: {after: 3d, decision: denied}, crl: {valid-for: 1d, renews: never, distribution-point: true}",
    );
    assert_eq!(read.valid_for, Some(90 * DAY));
    assert_eq!(read.renewal_window, Some(RenewalWindow::Percent(20)));
    let ChallengePolicy::OneTime { preset_expires, lifetime, .. } = read.challenge else {
        panic!("{:?}", read.challenge)
    };
    assert_eq!((preset_expires, lifetime), (true, Duration::from_secs(3600)));
    assert_eq!(read.approval, Approval::Manual);
    assert_eq!(read.later_decision, Some(LaterDecision { after: 3 * DAY, denies: true }));
    assert_eq!((read.crl.valid_for, read.crl.renews), (DAY, false));
    assert_eq!(read.crl.distribution_point, Some(DistributionPoint::Here));

    let other = pki(
        "personality: rfc8894, renewal-window: 30d, approval: {after: 1h}, crl: {distribution-point: http://10.0.0.9/a.crl}",
    );
    assert_eq!(other.renewal_window, Some(RenewalWindow::Before(30 * DAY)));
    assert!(!other.later_decision.unwrap().denies && other.crl.renews);
    let url = DistributionPoint::Url("http://10.0.0.9/a.crl".to_owned());
    assert_eq!(other.crl.distribution_point, Some(url));
    let none = pki("personality: ndes, crl: {distribution-point: false}");
    assert_eq!(none.crl.distribution_point, Some(DistributionPoint::Nowhere));
}

#[test]
fn each_mistake_of_a_pki_is_told() {
    for (fields, message) in [
        ("ca: {subject: CN=a, key: rsa:2000}", "unknown key `rsa:2000`"),
        ("ca: {subject: CN=a, key: ec:p256}", "unknown key `ec:p256`"),
        (
            "ca: {subject: CN=a, valid-for: 0s}",
            "expected a duration of whole seconds, `1s` or longer, found `0s`",
        ),
        (
            "ca: {subject: CN=a, valid-for: 1500ms}",
            "expected a duration of whole seconds, `1s` or longer, found `1500ms`",
        ),
        (
            "ca: {subject: CN=a, valid-from: 1969-12-31T00:00Z}",
            "`1969-12-31T00:00Z` is no moment of a clock: a clock begins in 1970: no certificate, log or message of SCEP is older",
        ),
        (
            "ca: {subject: CN=a, valid-from: 10000-01-01T00:00Z}",
            "`10000-01-01T00:00Z` is no moment of a clock: a clock ends with the year 9999, the last that a certificate can name (RFC 5280 §4.1.2.5)",
        ),
        ("ca: {subject: CN=a, isued-by: {subject: CN=b}}", "unknown field `isued-by` in a CA"),
        ("ca: {subject: CN=a, issued-by: {valid-for: 1y}}", "a CA lacks the field `subject`"),
        ("ca: {subject: CN=a, issued-by: {subject: nameless}}", "not a name: "),
        (
            "valid-for: 90",
            "expected a duration with its unit, such as `60m`, `90d` or `10y`, found `90`",
        ),
        ("valid-for: 0d", "expected a duration of whole seconds, `1s` or longer, found `0d`"),
        ("renewal-window: 0%", "expected a share of the life from `1%` to `100%`, found `0%`"),
        ("renewal-window: 101%", "expected a share of the life from `1%` to `100%`, found `101%`"),
        (
            "renewal-window: soon",
            "expected a time before the end such as `30d`, or a share of the life such as `20%`, found `soon`",
        ),
        ("approval: after", "unknown approval `after`"),
        ("approval: {afer: 3d}", "unknown field `afer` in an approval"),
        (
            "approval: {after: 0s}",
            "expected a duration of whole seconds, `1s` or longer, found `0s`",
        ),
        ("approval: {after: 3d, decision: no}", "unknown decision `no`"),
        (
            "crl: {valid-for: 0s}",
            "expected a duration of whole seconds, `1s` or longer, found `0s`",
        ),
        ("crl: {renews: sometimes}", "unknown renewal `sometimes`"),
        (
            "crl: {distribution-point: here}",
            "expected `true`, `false` or the URL of a revocation list, found `here`: ",
        ),
        (
            "challenge: {static: abcdef, valid-for: 1h}",
            "`valid-for` is for one-time passwords: a static one does not expire",
        ),
        (
            "ra: {valid-for: 1y}",
            "`ra` is for PKIs with a registration authority, such as `ndes`; `linux` has none",
        ),
        ("next-ca: {subject: CN=b}", "the next CA lacks the field `from`"),
        ("next-ca: {from: 2025-12-31T00:00Z}", "it would follow before the CA itself begins"),
        (
            "ca: {valid-from: 2026-05-01T00:00Z}, next-ca: {from: 2026-05-01T00:00Z}",
            "it would follow before the CA itself begins",
        ),
        (
            "clock: -1y, next-ca: {from: 2024-12-31T00:00Z}",
            "it would follow before the CA itself begins",
        ),
        (
            "next-ca: {from: 2026-05-01T00:00Z, announced: 2026-01-01T00:00Z}",
            "`linux` does not serve GetNextCACert, so it announces no next CA; `rfc8894` does",
        ),
        ("next-ca: {from: 2026-05-01T00:00Z, key: other}", "unknown key `other`"),
        ("next-ca: {form: 2026-05-01T00:00Z}", "unknown field `form` in the next CA"),
    ] {
        let found = load(&lab(&format!("personality: linux, {fields}"))).unwrap_err();
        // An unknown field may be a required one with a mistake in its name, which is missing then.
        let is_told = found.iter().any(|it| it.message.starts_with(message));
        assert!(is_told, "{fields}: {}", found[0].message);
    }
    let late =
        "personality: rfc8894, next-ca: {from: 2026-05-01T00:00Z, announced: 2026-05-01T00:00Z}";
    let found = load(&lab(late)).unwrap_err();
    assert_eq!(
        found[0].message,
        "the next CA would never be announced: it issues already at that moment"
    );
    // A gap between the end of one CA and the next is a test in its own right.
    pki("personality: linux, ca: {valid-for: 30d}, next-ca: {from: 2026-05-01T00:00Z}");
}

#[test]
fn chain_has_a_bound() {
    let chain = |levels: usize| {
        let issuers = (1..levels).fold(String::new(), |above, number| {
            let issued_by = if above.is_empty() { above } else { format!(", issued-by: {above}") };
            format!("{{subject: CN=issuer{number}{issued_by}}}")
        });
        format!("personality: linux, ca: {{subject: CN=a, issued-by: {issuers}}}")
    };
    assert_eq!(pki(&chain(8)).hierarchy.issued_by.len(), 7);
    let found = load(&lab(&chain(9))).unwrap_err();
    assert_eq!(found[0].message, "a PKI has at most 8 CAs, one above the other");
}

#[test]
fn tls_is_read_and_its_certificate_is_for_the_hosts_that_run_the_pki() {
    let text = "hosts:\n  a: {addresses: [10.0.0.1/24, 10.0.1.1/24], runs: ca}\n  b: {addresses: [10.0.0.2/24], runs: ca}\n\
                pki:\n  ca: {personality: ndes, tls: {valid-for: 90d, least-version: 1.0}}\n";
    let tls = load(text).unwrap().pkis["ca"].tls.clone().unwrap();
    assert_eq!(tls.names, ["a", "10.0.0.1", "10.0.1.1", "b", "10.0.0.2"]);
    assert_eq!(tls.valid_for, Some(90 * DAY));
    assert_eq!(tls.least_version, Some(mock_ca::TlsVersion::V1_0));
    assert!(tls.files.is_none() && pki("personality: linux").tls.is_none());
    let given = pki("personality: linux, tls: {certificate: a.pem, key: /b.pem}").tls.unwrap();
    let files = given.files.unwrap();
    assert!(files.certificate.is_absolute() && files.certificate.ends_with("a.pem"));
    assert_eq!(files.key, Path::new("/b.pem"));
}

#[test]
fn wrong_tls_is_refused() {
    for (fields, message) in [
        (
            "tls: {certificate: a.pem}",
            "`certificate` and `key` belong together, and one of them is missing",
        ),
        (
            "tls: {certificate: a.pem, key: b.pem, valid-for: 1d}",
            "`valid-for` is for a certificate that is made, and `certificate` gives one",
        ),
        (
            "faults: [{on: handshake, do: tls-cut}]",
            "`tls-cut` happens at a PKI with `tls: {}`, and this one speaks HTTP",
        ),
        (
            "tls: {certificate: a.pem, key: b.pem}, faults: [{on: handshake, do: tls-expired}]",
            "`tls-expired` is another certificate that the PKI makes, and `certificate` gives one",
        ),
        (
            "tls: {}, faults: [{on: PKCSReq, do: tls-cut}]",
            "`tls-cut` never happens on PKCSReq (it happens on handshake)",
        ),
    ] {
        assert_eq!(errors(&lab(&format!("personality: linux, {fields}"))), [message], "{fields}");
    }
}
