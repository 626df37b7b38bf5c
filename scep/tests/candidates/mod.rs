//! The choice among several CA and RA certificates in the answer to GetCACert.

use openssl::{
    ec::{EcGroup, EcKey},
    nid::Nid,
    pkey::PKey,
    rand::rand_bytes,
    x509::extension::KeyUsage,
};
use scep::{
    client::{CaCertificates, Client, Next, Refusal, Stage},
    identity::Identity,
};

use crate::pki::{
    TestPki,
    certificates::{Days, ca, elliptic_curve_ca, ra_for, ra_with_key, renewed_ca, subordinate_ca},
    client_settings, now,
};

const NAME: &str = "CN=Test CA";
const VALID: Days = (-30, 300);
const NEWER: Days = (-10, 600);
const EXPIRED: Days = (-900, -30);
const FUTURE: Days = (30, 900);

fn both() -> KeyUsage {
    let mut usage = KeyUsage::new();
    usage.digital_signature().key_encipherment();
    usage
}

fn signing() -> KeyUsage {
    let mut usage = KeyUsage::new();
    usage.digital_signature();
    usage
}

fn enciphering() -> KeyUsage {
    let mut usage = KeyUsage::new();
    usage.key_encipherment();
    usage
}

fn enrol(pki: &TestPki) -> Result<(), Refusal> {
    let mut client = Client::new(client_settings());
    let mut request = client.start();
    loop {
        match client.receive(&pki.handle(&request), now(), &mut rand_bytes)? {
            Next::Send(next) => request = next,
            Next::Issued(_) => return Ok(()),
            Next::Pending => panic!("the PKI decides at once"),
        }
    }
}

/// A PKI that issues with `issuer`, and answers GetCACert with `list` in any rotation and in reverse order.
#[track_caller]
fn assert_chosen(list: &[&Identity], issuer: &Identity, decrypter: &Identity, signer: &Identity) {
    let mut list: Vec<_> = list.iter().map(|one| one.certificate.clone()).collect();
    for _ in 0..2 {
        for _ in 0..list.len() {
            list.rotate_left(1);
            let pki = TestPki::listing(&list, issuer, decrypter, signer);
            if let Err(refusal) = enrol(&pki) {
                let names: Vec<_> = list
                    .iter()
                    .map(|one| format!("{:?} until {}", one.subject_name(), one.not_after()))
                    .collect();
                panic!("{refusal}: {names:?}");
            }
        }
        list.reverse();
    }
}

fn refusal(list: &[&Identity]) -> Refusal {
    let list: Vec<_> = list.iter().map(|one| one.certificate.clone()).collect();
    let any = ca("CN=Any", VALID);
    enrol(&TestPki::listing(&list, &any, &any, &any)).unwrap_err()
}

#[test]
fn expired_ca_of_the_same_name_does_not_block_the_renewed_one() {
    let (old, new) = (ca(NAME, EXPIRED), ca(NAME, VALID));
    assert_chosen(&[&old, &new], &new, &new, &new);
    let ra = ra_for(&new, &both(), VALID);
    assert_chosen(&[&ra, &old, &new], &new, &ra, &ra);
}

#[test]
fn choice_that_is_not_clear_is_told() {
    let told = |list: &[&Identity]| {
        let list = list.iter().map(|one| one.certificate.clone()).collect();
        let certificates = CaCertificates::sort(list).unwrap();
        let chosen = certificates.choose(now()).unwrap();
        certificates.unclear_addressee(&chosen, now())
    };
    let (one, other) = (ca(NAME, VALID), ca("CN=Other CA", VALID));
    let words = told(&[&one, &other]).unwrap();
    let addressed = "it is addressed to `CN = Test CA` (serial number ";
    assert!(words.contains(addressed), "{words}");
    assert!(words.contains("and not to `CN = Other CA` (serial number "), "{words}");
    assert!(told(&[&one, &ca(NAME, NEWER)]).is_some());
    // An expired certificate, a certificate for signatures and the CA of an RA are no choice.
    let (signer, decrypter) =
        (ra_for(&one, &signing(), VALID), ra_for(&one, &enciphering(), VALID));
    for clear in [&[&one][..], &[&ca(NAME, EXPIRED), &one], &[&signer, &decrypter, &one]] {
        assert_eq!(told(clear), None);
    }
}

#[test]
fn newest_valid_ca_of_the_same_name_is_chosen() {
    let (old, new) = (ca(NAME, VALID), ca(NAME, NEWER));
    assert_chosen(&[&old, &new], &new, &new, &new);
    let next = ca(NAME, FUTURE);
    assert_chosen(&[&old, &new, &next], &new, &new, &new);
}

#[test]
fn renewed_ca_certificate_with_the_same_key_is_chosen() {
    let old = ca(NAME, EXPIRED);
    let new = renewed_ca(NAME, &old.key, VALID);
    assert_chosen(&[&old, &new], &new, &new, &new);
    let ra = ra_for(&old, &both(), VALID);
    assert_chosen(&[&ra, &old, &new], &new, &ra, &ra);
}

#[test]
fn expired_ra_does_not_block_a_valid_one() {
    let ca = ca(NAME, VALID);
    let (old, new) = (ra_for(&ca, &both(), EXPIRED), ra_for(&ca, &both(), VALID));
    assert_chosen(&[&old, &new, &ca], &ca, &new, &new);
    let newer = ra_for(&ca, &both(), NEWER);
    assert_chosen(&[&old, &new, &newer, &ca], &ca, &newer, &newer);
    let early = ra_for(&ca, &both(), FUTURE);
    assert_chosen(&[&early, &new, &ca], &ca, &new, &new);
}

#[test]
fn separate_ra_certificates_are_chosen_each_for_its_use() {
    let ca = ca(NAME, VALID);
    let (signer, decrypter) = (ra_for(&ca, &signing(), VALID), ra_for(&ca, &enciphering(), VALID));
    let (old_signer, old_decrypter) =
        (ra_for(&ca, &signing(), EXPIRED), ra_for(&ca, &enciphering(), EXPIRED));
    let list = [&old_signer, &old_decrypter, &signer, &decrypter, &ca];
    assert_chosen(&list, &ca, &decrypter, &signer);
}

#[test]
fn ra_of_another_ca_is_passed_over() {
    let (own, other) = (ca(NAME, VALID), ca(NAME, VALID));
    let (ra, stranger) = (ra_for(&own, &both(), VALID), ra_for(&other, &both(), VALID));
    assert_chosen(&[&stranger, &ra, &own], &own, &ra, &ra);
}

#[test]
fn reply_that_the_ra_of_another_ca_signs_is_refused() {
    let (own, other) = (ca(NAME, VALID), ca("CN=Other", VALID));
    let (ra, stranger) = (ra_for(&own, &both(), VALID), ra_for(&other, &both(), VALID));
    let list = [&stranger, &ra, &own].map(|one| one.certificate.clone());
    let refusal = enrol(&TestPki::listing(&list, &own, &ra, &stranger)).unwrap_err();
    assert_eq!(refusal.stage, Stage::Signer, "{refusal}");
}

#[test]
fn ra_and_ca_that_belong_together_are_chosen() {
    // The older CA has the RA; the CA with another name comes without any.
    let (own, other) = (ca("CN=Own", VALID), ca("CN=Other", NEWER));
    let ra = ra_for(&own, &both(), VALID);
    assert_chosen(&[&ra, &own, &other], &own, &ra, &ra);
    // The CA's own key receives, and its RA only signs.
    let signer = ra_for(&own, &signing(), VALID);
    assert_chosen(&[&signer, &own, &other], &own, &own, &signer);
}

#[test]
fn ra_whose_ca_has_expired_is_passed_over() {
    let (old, new) = (ca("CN=Old", EXPIRED), ca("CN=New", VALID));
    let (old_ra, ra) = (ra_for(&old, &both(), VALID), ra_for(&new, &both(), VALID));
    assert_chosen(&[&old_ra, &ra, &old, &new], &new, &ra, &ra);
}

#[test]
fn ra_with_an_elliptic_curve_key_is_passed_over() {
    let own = ca(NAME, VALID);
    let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let key = PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap();
    let elliptic = ra_with_key(&own, &key, &both(), VALID);
    assert_chosen(&[&elliptic, &own], &own, &own, &own);
    let ra = ra_for(&own, &both(), VALID);
    assert_chosen(&[&elliptic, &ra, &own], &own, &ra, &ra);
}

#[test]
fn renewed_intermediate_ca_is_chosen() {
    let root = ca("CN=Root", VALID);
    let old = subordinate_ca(&root, NAME, EXPIRED);
    let new = subordinate_ca(&root, NAME, VALID);
    assert_chosen(&[&root, &old, &new], &new, &new, &new);
    // A chain may end below its root.
    assert_chosen(&[&old, &new], &new, &new, &new);
}

#[test]
fn ca_certificate_with_a_broken_signature_is_passed_over() {
    let good = ca("CN=Good", VALID);
    let broken = ca("CN=Broken", VALID);
    let mut der = broken.certificate.to_der().unwrap();
    *der.last_mut().unwrap() ^= 1;
    let certificate = openssl::x509::X509::from_der(&der).unwrap();
    let broken = Identity { certificate, ..broken };
    assert_chosen(&[&broken, &good], &good, &good, &good);
}

#[test]
fn list_without_usable_certificates_is_refused_with_all_reasons() {
    let own = ca(NAME, VALID);
    let (expired, early) = (ra_for(&own, &both(), EXPIRED), ra_for(&own, &both(), FUTURE));
    let stranger = ra_for(&ca("CN=Other", VALID), &both(), VALID);
    let several = refusal(&[&expired, &early, &stranger, &own]);
    assert_eq!(several.stage, Stage::RaChoice);
    let text = several.to_string();
    for reason in [
        "no certificate can receive the request: ",
        "the certificate `CN = RA` expired on ",
        "the certificate `CN = RA` is not valid before ",
        "the RA certificate `CN = RA` is not issued by the CA",
    ] {
        assert!(text.contains(reason), "{text}");
    }
    // One reason is not repeated.
    let same = refusal(&[&expired, &expired, &own]).to_string();
    assert_eq!(same.matches("expired on").count(), 1, "{same}");
}

#[test]
fn key_that_cannot_receive_is_explained() {
    let elliptic = elliptic_curve_ca().1;
    let list = [openssl::x509::X509::from_der(&elliptic).unwrap()];
    let any = ca("CN=Any", VALID);
    let refusal = enrol(&TestPki::listing(&list, &any, &any, &any)).unwrap_err();
    assert_eq!(refusal.stage, Stage::RaChoice);
    let text = refusal.to_string();
    assert!(text.contains("the CA's own certificate") && text.contains("has an EC key"), "{text}");
    assert!(text.contains("must send an RA certificate with an RSA key"), "{text}");
}
