//! Certificates are as the documentation shows them.

use std::time::{Duration, UNIX_EPOCH};

use openssl::{
    asn1::{Asn1Object, Asn1OctetString},
    pkey::PKey,
    rsa::Rsa,
    x509::{X509Extension, X509Req},
};

use super::*;
use crate::{
    personality::PersonalityName,
    settings::{
        CaCertificate, Hierarchy, IssuerCa, Keys, NextCa, NextKey, NextRegistration,
        RegistrationPlan,
    },
};

/// Apr 16 15:44:24 2026 GMT.
const ISSUED: i64 = 1_776_354_264;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(ISSUED.unsigned_abs())
}

fn authority(name: PersonalityName) -> Authority {
    Authority::clone(&succession(name, &Hierarchy::default()).at(now()))
}

fn succession(name: PersonalityName, hierarchy: &Hierarchy) -> Succession {
    let (personality, windows) = (name.personality(), WindowsSettings::default());
    let subject = name::parse(personality.default_subject).unwrap();
    let plan = Plan { personality, windows: &windows, hierarchy, keys: Keys::Lab };
    let timeline = Timeline::create(&plan, &subject, now()).unwrap();
    Succession::of(timeline, personality, &windows)
}

fn issue(name: PersonalityName, csr: &Csr, number: u32) -> X509 {
    let profile = name.personality().user_profile(csr.key_usage(), None);
    authority(name).issue(&profile, csr, number, CrlPlace::OfProfile, now()).unwrap()
}

/// A request for `CN=MyUserCert` with these extensions, in the words of OpenSSL.
fn csr(extensions: &[(&str, bool, &[u8])]) -> Csr {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut builder = X509Req::builder().unwrap();
    builder.set_subject_name(&name::parse("CN=MyUserCert").unwrap()).unwrap();
    builder.set_pubkey(&key).unwrap();
    let mut stack = openssl::stack::Stack::new().unwrap();
    for (oid, critical, value) in extensions {
        stack.push(extension(oid, *critical, value)).unwrap();
    }
    if !extensions.is_empty() {
        builder.add_extensions(&stack).unwrap();
    }
    builder.sign(&key, openssl::hash::MessageDigest::sha256()).unwrap();
    Csr::from_der(&builder.build().to_der().unwrap()).unwrap()
}

fn extension(oid: &str, critical: bool, value: &[u8]) -> X509Extension {
    let object = Asn1Object::from_str(oid).unwrap();
    let value = Asn1OctetString::new_from_bytes(value).unwrap();
    X509Extension::new_from_der(&object, critical, &value).unwrap()
}

/// The text of the extensions with single blanks; key identifiers and the CA's serial number are replaced by `#`.
fn extensions(certificate: &X509) -> String {
    let text = String::from_utf8(certificate.to_text().unwrap()).unwrap();
    let text = text.split_once("X509v3 extensions:").unwrap().1;
    let text = text.split_once("Signature Algorithm:").unwrap().0;
    // OpenSSL 3.4 and later know these two by name.
    let text = text
        .replace("Microsoft certificate template:", "1.3.6.1.4.1.311.21.7:")
        .replace("Microsoft Application Policies Extension:", "1.3.6.1.4.1.311.21.10:");
    let words = text.split_whitespace().map(|word| match word.rsplit_once(':') {
        Some((before, last)) if is_hexadecimal(last) && before.len() > 16 => {
            let kept = before.split(':').next().filter(|first| !is_hexadecimal(first));
            kept.map_or("#".to_owned(), |kept| format!("{kept}:#"))
        }
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn is_hexadecimal(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn seconds(time: &openssl::asn1::Asn1TimeRef) -> i64 {
    unix_time(time).unwrap().unix_timestamp()
}

#[test]
fn linux_ca_certificate_is_as_documented() {
    let ca = authority(PersonalityName::Linux).ca.certificate;
    assert_eq!(
        extensions(&ca),
        "X509v3 Subject Key Identifier: # \
         X509v3 Authority Key Identifier: keyid:# DirName:/CN=Teldat-PKI/O=Teldat/L=Madrid/C=ES serial:# \
         X509v3 Basic Constraints: critical CA:TRUE, pathlen:0 \
         X509v3 Key Usage: critical Digital Signature, Key Encipherment, Certificate Sign, CRL Sign"
    );
    assert_eq!(ca.serial_number().to_bn().unwrap().num_bytes(), 20);
    assert_eq!(seconds(ca.not_after()) - seconds(ca.not_before()), 7300 * 86_400);
    assert_eq!(ca.signature_algorithm().object().to_string(), "sha256WithRSAEncryption");
}

#[test]
fn linux_user_certificate_is_as_documented() {
    let user = issue(PersonalityName::Linux, &csr(&[]), 2);
    assert_eq!(
        extensions(&user),
        "X509v3 Key Usage: critical Digital Signature \
         X509v3 Extended Key Usage: TLS Web Client Authentication \
         X509v3 Subject Key Identifier: # \
         X509v3 Authority Key Identifier: #"
    );
    assert_eq!(user.serial_number().to_bn().unwrap().to_vec(), [2]);
    assert_eq!(seconds(user.not_before()), ISSUED);
    assert_eq!(seconds(user.not_after()) - seconds(user.not_before()), 365 * 86_400);
}

#[test]
fn windows_ca_certificate_is_as_documented() {
    let ca = authority(PersonalityName::Ndes).ca.certificate;
    assert_eq!(
        extensions(&ca),
        "1.3.6.1.4.1.311.20.2: ...C.A \
         X509v3 Key Usage: critical Digital Signature, Certificate Sign, CRL Sign \
         X509v3 Basic Constraints: critical CA:TRUE \
         X509v3 Subject Key Identifier: # \
         1.3.6.1.4.1.311.21.1: ..."
    );
    assert_eq!(ca.serial_number().to_bn().unwrap().num_bytes(), 16);
    // Thirty calendar years and ten minutes.
    assert_eq!(
        seconds(ca.not_after()) - seconds(ca.not_before()),
        30 * 365 * 86_400 + 7 * 86_400 + 86_400 + 600
    );
}

#[test]
fn windows_user_certificate_is_as_documented() {
    let user = issue(PersonalityName::Ndes, &csr(&[]), 0x1423);
    assert_eq!(
        extensions(&user),
        "X509v3 Subject Key Identifier: # X509v3 Authority Key Identifier: # \
         X509v3 CRL Distribution Points: Full Name: \
         URI:ldap:///CN=scep-TELDATPKI-CA,CN=TeldatPKI,CN=CDP,CN=Public%20Key%20Services,CN=Services,\
         CN=Configuration,DC=scep,DC=com?certificateRevocationList?base?objectClass=cRLDistributionPoint \
         Authority Information Access: CA Issuers - \
         URI:ldap:///CN=scep-TELDATPKI-CA,CN=AIA,CN=Public%20Key%20Services,CN=Services,\
         CN=Configuration,DC=scep,DC=com?cACertificate?base?objectClass=certificationAuthority \
         X509v3 Key Usage: critical Digital Signature, Key Encipherment, Data Encipherment \
         1.3.6.1.4.1.311.21.7: 0..&+.....7.....3......./...(...f<...[...]..d... \
         X509v3 Extended Key Usage: 1.3.6.1.4.1.311.20.1, Microsoft Encrypted File System, Code Signing, \
         Any Extended Key Usage, TLS Web Server Authentication, Signing KDC Response, \
         TLS Web Client Authentication, 1.3.6.1.4.1.311.21.5, 1.3.6.1.4.1.311.20.2.1, 1.3.6.1.5.5.8.2.2 \
         1.3.6.1.4.1.311.21.10: 0y0...+.....7..0.. +.....7 ..0 ..+.......0...U.%.0 ..+.......0...+......0 \
         ..+.......0...+.....7..0.. +.....7...0 ..+....... \
         S/MIME Capabilities: 050...*.H.. ......0...*.H.. ......0...+....0 ..*.H.. .."
    );
    let serial = user.serial_number().to_bn().unwrap().to_vec();
    assert_eq!(serial[..5], [0x11, 0x00, 0x00, 0x14, 0x23]);
    assert_eq!(seconds(user.not_before()), ISSUED - 600);
    assert_eq!(seconds(user.not_after()) - seconds(user.not_before()), 731 * 86_400 + 600);
}

#[test]
fn registration_authority_has_a_signing_and_an_encryption_certificate() {
    let authority = authority(PersonalityName::Ndes);
    let registration = authority.registration.as_ref().unwrap();
    let (signing, encryption) =
        (&registration.signing.certificate, &registration.encryption.certificate);
    assert!(extensions(signing).contains("Key Usage: critical Digital Signature X509v3"));
    assert!(extensions(encryption).contains("Key Usage: critical Key Encipherment X509v3"));
    assert_eq!(signing.serial_number().to_bn().unwrap().to_vec()[..5], [0x11, 0, 0, 0, 2]);
    assert_eq!(encryption.serial_number().to_bn().unwrap().to_vec()[..5], [0x11, 0, 0, 0, 3]);
    for certificate in [signing, encryption] {
        assert!(authority.has_signed(certificate));
        assert_eq!(
            seconds(certificate.not_after()) - seconds(certificate.not_before()),
            730 * 86_400
        );
    }
    assert_eq!(seconds(encryption.not_before()) - seconds(signing.not_before()), 1);
    let order: Vec<_> = authority.certificates().iter().map(|one| one.to_der().unwrap()).collect();
    assert_eq!(order[0], signing.to_der().unwrap());
    assert_eq!(order[1], encryption.to_der().unwrap());
    assert_eq!(order.len(), 3);
}

#[test]
fn windows_writes_requested_extensions_first_with_values_of_the_template() {
    let asked = csr(&[
        ("2.5.29.15", false, &[0x03, 0x02, 0x07, 0x80]),
        ("2.5.29.17", false, &[0x30, 0x03, 0x82, 0x01, b'd']),
        ("2.5.29.19", true, &[0x30, 0x03, 0x01, 0x01, 0xff]),
    ]);
    let text = extensions(&issue(PersonalityName::Ndes, &asked, 7));
    let beginning = "X509v3 Key Usage: critical Digital Signature X509v3 Subject Alternative Name: DNS:d \
                     X509v3 Subject Key Identifier: #";
    assert!(text.starts_with(beginning), "{text}");
    assert!(!text.contains("CA:TRUE"), "{text}");
    assert_eq!(text.matches("Key Usage: critical").count(), 1);
}

#[test]
fn linux_writes_alternative_names_last() {
    let asked = csr(&[("2.5.29.17", false, &[0x30, 0x03, 0x82, 0x01, b'd'])]);
    let text = extensions(&issue(PersonalityName::Linux, &asked, 2));
    assert!(
        text.ends_with("X509v3 Authority Key Identifier: # X509v3 Subject Alternative Name: DNS:d"),
        "{text}"
    );
}

#[test]
fn foreign_and_expired_certificates_are_not_accepted_as_own() {
    let linux = authority(PersonalityName::Linux);
    let user = issue(PersonalityName::Linux, &csr(&[]), 2);
    assert!(is_valid_at(&user, now()));
    assert!(!is_valid_at(&user, now() + Duration::from_secs(366 * 86_400)));
    assert!(!is_valid_at(&user, now() - Duration::from_secs(1)));
    let other = authority(PersonalityName::Ndes).registration.unwrap().signing.certificate;
    assert!(linux.has_signed(&user));
    assert!(!linux.has_signed(&other), "the lab's CAs share one key, but not their names");
}

#[test]
fn windows_serial_number_has_the_documented_layout() {
    let serial = request_serial(0x11, 0x1423).unwrap().to_vec();
    assert_eq!(serial.len(), 19);
    assert_eq!(serial[..5], [0x11, 0x00, 0x00, 0x14, 0x23]);
    assert_eq!(serial[13..], [0x00, 0x00, 0x00, 0x00, 0x14, 0x23]);
}

#[test]
fn first_byte_of_a_serial_number_is_positive_with_two_digits() {
    assert_eq!(first_byte(0x00), 0x61);
    assert_eq!(first_byte(0x80), 0x61);
    assert_eq!(first_byte(0x01), 0x11);
    assert_eq!(first_byte(0x79), 0x79);
}

#[test]
fn random_serial_number_has_the_given_length() {
    for _ in 0..64 {
        let serial = random_serial(20).unwrap().to_vec();
        assert_eq!(serial.len(), 20);
        assert!(serial[0] < 0x80);
    }
}

const DAY: Duration = Duration::from_secs(86_400);

fn issuer(subject: &str) -> IssuerCa {
    IssuerCa { subject: subject.to_owned(), certificate: CaCertificate::default() }
}

#[test]
fn each_ca_of_a_chain_is_signed_by_the_one_above() {
    for name in PersonalityName::ALL.iter().copied() {
        let mut hierarchy = Hierarchy {
            issued_by: vec![issuer("CN=Policy"), issuer("CN=Root")],
            ..Hierarchy::default()
        };
        hierarchy.issued_by[1].certificate = CaCertificate {
            key_bits: 3072,
            valid_from: Some(now() - 10 * DAY),
            valid_for: Some(20 * DAY),
        };
        let authority = succession(name, &hierarchy).at(now());
        let chain: Vec<_> = authority.chain().collect();
        assert_eq!(chain.len(), 3);
        for pair in chain.windows(2) {
            assert!(is_issued_by(pair[0], pair[1]), "{name}");
            let above = pair[1].subject_key_id().unwrap().as_slice();
            assert_eq!(pair[0].authority_key_id().unwrap().as_slice(), above, "{name}");
        }
        assert!(is_issued_by(chain[2], chain[2]));
        assert_eq!(chain[2].public_key().unwrap().bits(), 3072);
        assert_eq!(seconds(chain[2].not_before()), ISSUED - 10 * 86_400);
        assert_eq!(seconds(chain[2].not_after()), ISSUED + 10 * 86_400);
    }
}

#[test]
fn next_ca_begins_at_its_moment_with_certificates_for_the_registration_authority() {
    let from = now() + 30 * DAY;
    for key in NextKey::ALL.iter().copied() {
        let next_ca =
            NextCa { from, announced: None, subject: None, key, valid_for: Some(60 * DAY) };
        let hierarchy = Hierarchy { next_ca: Some(next_ca), ..Hierarchy::default() };
        let all = succession(PersonalityName::Ndes, &hierarchy);
        let (before, after) = (all.at(from - Duration::from_secs(1)), all.at(from));
        assert_eq!((before.number, after.number), (1, 2));
        assert_eq!(all.next_ca(now()).unwrap().begins, from);
        assert!(all.next_ca(from).is_none());
        let (old, new) = (&before.ca, &after.ca);
        assert_eq!(old.key.public_eq(&new.key), key == NextKey::Same);
        assert_eq!(seconds(new.certificate.not_before()), ISSUED + 30 * 86_400);
        assert_eq!(seconds(new.certificate.not_after()), ISSUED + 90 * 86_400);
        let registration = after.registration.as_ref().unwrap();
        assert!(is_issued_by(&registration.signing.certificate, &new.certificate));
    }
}

#[test]
fn registration_authority_is_renewed_at_its_moment() {
    let from = now() + 30 * DAY;
    for key in NextKey::ALL.iter().copied() {
        let next = Some(NextRegistration { from, valid_for: None, key });
        let registration =
            RegistrationPlan { valid_from: Some(now()), valid_for: Some(40 * DAY), next };
        let hierarchy = Hierarchy { registration, ..Hierarchy::default() };
        let all = succession(PersonalityName::Ndes, &hierarchy);
        let (before, after) = (all.at(from - Duration::from_secs(1)), all.at(from));
        assert_eq!((before.number, after.number), (1, 1));
        let (old, new) = (before.recipient(), after.recipient());
        assert_eq!(old.key.public_eq(&new.key), key == NextKey::Same);
        assert_ne!(serial_text(&old.certificate), serial_text(&new.certificate));
        let seconds_of = |certificate: &X509| {
            (seconds(certificate.not_before()) - ISSUED, seconds(certificate.not_after()) - ISSUED)
        };
        assert_eq!(seconds_of(&old.certificate), (0, 40 * 86_400));
        assert_eq!(seconds_of(&new.certificate), (30 * 86_400, 70 * 86_400));
    }
}

#[test]
fn impossible_plans_are_refused() {
    let refusal = |hierarchy: &Hierarchy| {
        let (personality, windows) =
            (PersonalityName::Linux.personality(), WindowsSettings::default());
        let plan = Plan { personality, windows: &windows, hierarchy, keys: Keys::Lab };
        plan.check().unwrap_err().to_string()
    };
    let deep = Hierarchy { issued_by: vec![issuer("CN=a"); 8], ..Hierarchy::default() };
    assert!(refusal(&deep).starts_with("9 CAs from the one"), "{}", refusal(&deep));
    let ca = CaCertificate { key_bits: 512, ..CaCertificate::default() };
    let weak = Hierarchy { ca, ..Hierarchy::default() };
    assert!(refusal(&weak).starts_with("RSA keys of 512 bits"), "{}", refusal(&weak));
    let nameless = Hierarchy { issued_by: vec![issuer("root")], ..Hierarchy::default() };
    assert!(refusal(&nameless).starts_with("the subject `root` is no name"));
}
