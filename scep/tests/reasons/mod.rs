//! The words about certificates and replies that a client does not accept: each check is told as itself.

use openssl::{
    asn1::Asn1Time,
    hash::MessageDigest,
    pkey::PKey,
    rsa::Rsa,
    x509::{X509, X509Builder, extension::KeyUsage},
};
use scep::{
    certificate::Fingerprint,
    client::{Refusal, Settings, Stage},
    identity::Identity,
    name,
};

use crate::pki::{
    TestPki,
    certificates::{Days, ca, ra_for},
    client_settings,
};

const VALID: Days = (-1, 365);

fn both() -> KeyUsage {
    let mut usage = KeyUsage::new();
    usage.critical().digital_signature().key_encipherment();
    usage
}

/// A self-signed certificate of this version, counted from 0, with this key usage.
fn self_signed(subject: &str, version: i32, usage: Option<&KeyUsage>) -> Identity {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let subject = name::parse(subject).unwrap();
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(version).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(&subject).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(1_000_000_000).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_unix(4_000_000_000).unwrap()).unwrap();
    if let Some(usage) = usage {
        builder.append_extension(usage.build().unwrap()).unwrap();
    }
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    Identity { certificate: X509::from_der(&builder.build().to_der().unwrap()).unwrap(), key }
}

fn refusal(
    list: &[&Identity],
    settings: Settings,
    decrypter: &Identity,
    signer: &Identity,
) -> Refusal {
    let certificates: Vec<X509> = list.iter().map(|one| one.certificate.clone()).collect();
    let own = list.last().unwrap();
    let pki = TestPki::listing(&certificates, own, decrypter, signer);
    crate::enrol(&pki, settings).expect_err("the client must refuse")
}

#[test]
fn ra_that_may_not_sign_is_explained_by_its_key_usage() {
    let own = ca("CN=Test CA", VALID);
    let mut usage = KeyUsage::new();
    let decrypter = ra_for(&own, usage.critical().key_encipherment(), VALID);
    let refused = refusal(&[&decrypter, &own], client_settings(), &decrypter, &decrypter);
    assert_eq!(refused.stage, Stage::Signer);
    assert_eq!(
        refused.to_string(),
        "PKIOperation (PKCSReq), signer: the reply is signed with the certificate `CN = RA`, whose key usage \
         (keyEncipherment) does not allow digitalSignature"
    );
}

#[test]
fn stranger_with_the_name_of_a_known_signer_is_explained_by_its_serial_number() {
    let own = ca("CN=Test CA", VALID);
    let (listed, stale) = (ra_for(&own, &both(), VALID), ra_for(&own, &both(), VALID));
    let refused = refusal(&[&listed, &own], client_settings(), &listed, &stale);
    assert_eq!(refused.stage, Stage::Signer);
    let serial = |one: &Identity| scep::certificate::serial_number(&one.certificate).unwrap();
    let words = format!(
        "its serial number is {}, that of the one of this name {}",
        serial(&stale),
        serial(&listed)
    );
    assert!(refused.to_string().ends_with(&words), "{refused}");
}

#[test]
fn self_signed_ra_is_explained_by_its_issuer() {
    let own = ca("CN=Test CA", VALID);
    let ra = self_signed("CN=RA", 2, Some(&both()));
    let refused = refusal(&[&ra, &own], client_settings(), &ra, &ra);
    assert_eq!(refused.stage, Stage::RaChoice);
    let words = "the RA certificate `CN = RA` is not issued by the CA: its issuer is `CN = RA`, not `CN = Test CA`";
    assert!(refused.to_string().ends_with(words), "{refused}");
}

#[test]
fn ra_with_another_signature_is_explained_by_its_signature() {
    let (own, other) = (ca("CN=Test CA", VALID), ca("CN=Test CA", VALID));
    let ra = ra_for(&other, &both(), VALID);
    let refused = refusal(&[&ra, &own], client_settings(), &ra, &ra);
    let words =
        "its issuer is `CN = Test CA`, but its signature does not verify with the key of that CA";
    assert!(refused.to_string().ends_with(words), "{refused}");
}

#[test]
fn fingerprints_that_came_are_shown() {
    let own = ca("CN=Test CA", VALID);
    let ra = ra_for(&own, &both(), VALID);
    let of = |one: &Identity| Fingerprint::of(&one.certificate).unwrap();
    let with = |fingerprint: &[u8]| {
        let settings = Settings { ca_fingerprint: Some(fingerprint.to_vec()), ..client_settings() };
        refusal(&[&ra, &own], settings, &ra, &ra).to_string()
    };
    let came = format!("that of `CN = Test CA` is {}", of(&own));
    assert_eq!(
        with(&[0; 32]),
        format!(
            "GetCACert: no CA certificate has the configured fingerprint {}; {came}",
            "00".repeat(32)
        )
    );
    let sha1 = Fingerprint::of_either_digest(&"01".repeat(20)).unwrap();
    assert_eq!(
        with(sha1.octets()),
        format!(
            "GetCACert: no CA certificate has the configured fingerprint {sha1}; that of `CN = Test CA` is {}",
            sha1.of_same_digest(&own.certificate).unwrap()
        )
    );
    assert_eq!(
        with(of(&ra).octets()),
        format!(
            "GetCACert: the configured fingerprint is that of `CN = RA`, which is an RA's certificate and no CA's; {came}"
        )
    );
}

#[test]
fn list_without_a_ca_is_explained_by_what_it_has() {
    let own = ca("CN=Test CA", VALID);
    let ra = ra_for(&own, &both(), VALID);
    let version_1 = self_signed("CN=Old CA", 0, None);
    let plain = self_signed("CN=Plain CA", 2, Some(&both()));
    for (list, words) in [
        (
            vec![&ra, &version_1],
            "that of `CN = Old CA` has version 1, and only version 3 says that it is a CA's",
        ),
        (
            vec![&ra, &plain],
            "that of `CN = Plain CA` has neither the basic constraint CA nor the key usage keyCertSign",
        ),
        (vec![&ra, &ra], "but 2 others such as that of `CN = RA`"),
    ] {
        let refused = refusal(&list, client_settings(), &ra, &ra);
        assert_eq!(refused.stage, Stage::GetCaCert);
        assert!(refused.to_string().ends_with(words), "{refused}");
    }
}
