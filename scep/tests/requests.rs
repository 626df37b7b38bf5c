//! Certification requests as clients write them, right or wrong: what is read, and the words of what is refused.
#![expect(clippy::unwrap_used, reason = "a test program")]

use openssl::{
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    rsa::{Padding, Rsa},
    sign::Signer,
};
use scep::{Unproven, attribute::FailInfo, request::Csr};

const CHALLENGE_PASSWORD: &str = "06092a864886f70d010907";
const EXTENSION_REQUEST: &str = "06092a864886f70d01090e";
const OTHER: &str = "06032a0304";
const SHA256_WITH_RSA: &str = "06092a864886f70d01010b0500";
const ECDSA_WITH_SHA256: &str = "06082a8648ce3d040302";
const RSASSA_PSS_SHA256: &str = "06092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120";

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = match u8::try_from(content.len()) {
        Ok(short @ 0..=0x7f) => vec![short],
        _ => [&[0x82][..], &u16::try_from(content.len()).unwrap().to_be_bytes()].concat(),
    };
    [&[tag][..], &length, &content].concat()
}

fn bytes(digits: &str) -> Vec<u8> {
    hex::decode(digits).unwrap()
}

/// An attribute with these values, in their set.
fn attribute(oid: &str, values: &[Vec<u8>]) -> Vec<u8> {
    let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
    tlv(0x30, &[&bytes(oid), &tlv(0x31, &values)])
}

fn challenge(tag: u8, content: &[u8]) -> Vec<u8> {
    attribute(CHALLENGE_PASSWORD, &[tlv(tag, &[content])])
}

fn key() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
}

/// What a request has besides its subject and its key.
struct Parts<'a> {
    version: &'a [u8],
    attributes: &'a [Vec<u8>],
    algorithm: &'a str,
    sign: fn(&PKey<Private>, &[u8]) -> Vec<u8>,
}

const PLAIN: Parts<'_> =
    Parts { version: &[0], attributes: &[], algorithm: SHA256_WITH_RSA, sign: by_pkcs1 };

fn by_pkcs1(key: &PKey<Private>, info: &[u8]) -> Vec<u8> {
    let mut signer = Signer::new(MessageDigest::sha256(), key).unwrap();
    signer.sign_oneshot_to_vec(info).unwrap()
}

fn by_pss(key: &PKey<Private>, info: &[u8]) -> Vec<u8> {
    let mut signer = Signer::new(MessageDigest::sha256(), key).unwrap();
    signer.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
    signer.set_rsa_pss_saltlen(openssl::sign::RsaPssSaltlen::DIGEST_LENGTH).unwrap();
    signer.sign_oneshot_to_vec(info).unwrap()
}

fn corrupt(key: &PKey<Private>, info: &[u8]) -> Vec<u8> {
    let mut signature = by_pkcs1(key, info);
    signature[7] ^= 1;
    signature
}

fn encoded(key: &PKey<Private>, parts: &Parts<'_>) -> Vec<u8> {
    let subject = scep::name::parse("CN=device").unwrap().to_der().unwrap();
    let attributes: Vec<&[u8]> = parts.attributes.iter().map(Vec::as_slice).collect();
    let info = tlv(
        0x30,
        &[
            &tlv(2, &[parts.version]),
            &subject,
            &key.public_key_to_der().unwrap(),
            &tlv(0xa0, &attributes),
        ],
    );
    let signature = (parts.sign)(key, &info);
    tlv(0x30, &[&info, &tlv(0x30, &[&bytes(parts.algorithm)]), &tlv(3, &[&[0], &signature])])
}

fn with(attributes: &[Vec<u8>]) -> Result<Csr, scep::Error> {
    Csr::from_der(&encoded(&key(), &Parts { attributes, ..PLAIN }))
}

#[test]
fn request_of_another_version_is_refused_for_its_version_and_not_for_its_signature() {
    for (version, words) in [
        (
            &[1][..],
            "the certification request has version 1; PKCS#10 has only version 0 (RFC 2986 §4.1)",
        ),
        (
            &[2],
            "the certification request has version 2; PKCS#10 has only version 0 (RFC 2986 §4.1)",
        ),
        (
            &[0xff],
            "the certification request has version -1; PKCS#10 has only version 0 (RFC 2986 §4.1)",
        ),
        (
            &[1, 0, 0, 0, 0],
            "the certification request has version 4294967296; PKCS#10 has only version 0 (RFC 2986 §4.1)",
        ),
        (
            &[1; 9],
            "the certification request has version of 9 bytes; PKCS#10 has only version 0 (RFC 2986 §4.1)",
        ),
    ] {
        let csr = Csr::from_der(&encoded(&key(), &Parts { version, ..PLAIN })).unwrap();
        assert_eq!(csr.verify_signature(), Ok(()));
        let error = csr.verify().unwrap_err();
        assert_eq!(error.to_string(), words);
        assert_eq!(scep::Error::from(error).fail_info(), FailInfo::BadRequest);
    }
    // OpenSSL refuses the version of such a request before it looks at its signature.
    let pss = Parts { version: &[2], algorithm: RSASSA_PSS_SHA256, sign: by_pss, ..PLAIN };
    let pss = Csr::from_der(&encoded(&key(), &pss)).unwrap();
    assert_eq!(pss.verify_signature(), Err(Unproven::Version("2".to_owned())));
    let of_macos = Csr::from_der(include_bytes!("testdata/csr-version-2.der")).unwrap();
    assert_eq!(of_macos.verify_signature(), Ok(()));
    assert_eq!(of_macos.verify(), Err(Unproven::Version("2".to_owned())));
    assert_eq!(of_macos.challenge_password.unwrap().expose(), "s3cret");
}

#[test]
fn algorithm_key_and_signature_are_distinguished() {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let elliptic = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let unknown = Parts { algorithm: "06032a0304", ..PLAIN };
    let no_digest = Parts { algorithm: "06092a864886f70d0101010500", ..PLAIN };
    let of_another_type = Parts { algorithm: ECDSA_WITH_SHA256, ..PLAIN };
    let corrupt = Parts { sign: corrupt, ..PLAIN };
    let no_signature = |_: &PKey<Private>, _: &[u8]| b"no SEQUENCE".to_vec();
    let malformed = Parts { algorithm: ECDSA_WITH_SHA256, sign: no_signature, ..PLAIN };
    let malformed_words = "the certification request's signature cannot be checked with the key in it; OpenSSL says: nothing about the reason";
    for (key, parts, words, fail_info) in [
        (
            key(),
            &unknown,
            "the certification request is signed with the algorithm `1.2.3.4`, which is not supported",
            FailInfo::BadAlg,
        ),
        (
            key(),
            &no_digest,
            "the certification request is signed with the algorithm `rsaEncryption` (1.2.840.113549.1.1.1), which is not supported",
            FailInfo::BadAlg,
        ),
        (
            key(),
            &of_another_type,
            "the certification request is signed with `ecdsa-with-SHA256` (1.2.840.10045.4.3.2), its key is of the type RSA",
            FailInfo::BadMessageCheck,
        ),
        (elliptic.clone(), &malformed, malformed_words, FailInfo::BadMessageCheck),
        (
            elliptic,
            &PLAIN,
            "the certification request is signed with `sha256WithRSAEncryption` (1.2.840.113549.1.1.11), its key is of the type EC",
            FailInfo::BadMessageCheck,
        ),
        (
            key(),
            &corrupt,
            "the certification request's signature does not verify with the key in it",
            FailInfo::BadMessageCheck,
        ),
    ] {
        let error = Csr::from_der(&encoded(&key, parts)).unwrap().verify().unwrap_err();
        assert_eq!(error.to_string(), words);
        assert_eq!(scep::Error::from(error).fail_info(), fail_info);
    }
}

#[test]
fn right_signatures_of_every_kind_verify() {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let elliptic = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let by_ed25519 = |key: &PKey<Private>, info: &[u8]| {
        Signer::new_without_digest(key).unwrap().sign_oneshot_to_vec(info).unwrap()
    };
    for (key, parts) in [
        (key(), Parts { algorithm: RSASSA_PSS_SHA256, sign: by_pss, ..PLAIN }),
        (elliptic, Parts { algorithm: ECDSA_WITH_SHA256, ..PLAIN }),
        (
            PKey::generate_ed25519().unwrap(),
            Parts { algorithm: "06032b6570", sign: by_ed25519, ..PLAIN },
        ),
    ] {
        assert_eq!(
            Csr::from_der(&encoded(&key, &parts)).unwrap().verify(),
            Ok(()),
            "{}",
            parts.algorithm
        );
    }
}

#[test]
fn challenge_password_is_read_from_every_string_type() {
    let utf_32: Vec<u8> = "s3cret".chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
    let utf_16: Vec<u8> = "s3cret".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let mut all: Vec<(u8, &[u8])> = vec![(0x1c, &utf_32), (0x1e, &utf_16)];
    all.extend([0x0c, 0x13, 0x14, 0x16, 0x1a].map(|tag| (tag, &b"s3cret"[..])));
    for (tag, content) in all {
        let csr = with(&[challenge(tag, content)]).unwrap();
        assert_eq!(csr.challenge_password.unwrap().expose(), "s3cret", "tag {tag:x}");
    }
    assert_eq!(with(&[challenge(0x13, b"")]).unwrap().challenge_password.unwrap().expose(), "");
    // A type that no decoder knows, in an attribute that nobody asks about.
    let odd = attribute(OTHER, &[tlv(0x1c, &[b"\0\0\0x"])]);
    assert!(with(&[odd, challenge(0x13, b"s3cret")]).unwrap().challenge_password.is_some());
}

#[test]
fn malformed_challenge_password_is_refused_with_what_is_wrong() {
    let bare = |value: &[u8]| tlv(0x30, &[&bytes(CHALLENGE_PASSWORD), value]);
    let printable = || tlv(0x13, &[b"s3cret"]);
    for (attributes, words) in [
        (
            vec![bare(&tlv(4, &[b"s3cret"]))],
            "malformed challengePassword: its value, an OCTET STRING, is not in a SET",
        ),
        (
            vec![bare(&printable())],
            "malformed challengePassword: its value, a PrintableString, is not in a SET",
        ),
        (
            vec![challenge(4, b"s3cret")],
            "malformed challengePassword: its value is an OCTET STRING, not a readable string",
        ),
        (
            vec![challenge(0x1c, b"abc")],
            "malformed challengePassword: its value is a UniversalString, not a readable string",
        ),
        (
            vec![attribute(CHALLENGE_PASSWORD, &[printable(), printable()])],
            "malformed challengePassword: it has 2 values, it must have one",
        ),
        (
            vec![attribute(CHALLENGE_PASSWORD, &[])],
            "malformed challengePassword: it has 0 values, it must have one",
        ),
        (
            vec![challenge(0x13, b"s3cret"), challenge(0x13, b"other")],
            "malformed challengePassword: it occurs 2 times, it must occur once",
        ),
    ] {
        let error = with(&attributes).unwrap_err();
        assert_eq!(error.to_string(), words);
        assert_eq!(error.fail_info(), FailInfo::BadRequest);
    }
}

#[test]
fn challenge_password_among_the_extensions_is_noticed() {
    let extension = tlv(0x30, &[&bytes(CHALLENGE_PASSWORD), &tlv(4, &[b"s3cret"])]);
    let csr = with(&[attribute(EXTENSION_REQUEST, &[tlv(0x30, &[&extension])])]).unwrap();
    assert!(csr.challenge_password.is_none() && csr.challenge_among_extensions);
    assert!(!with(&[]).unwrap().challenge_among_extensions);
}

#[test]
fn bytes_that_are_no_request_are_named_without_their_text() {
    let key = key();
    let certificate = scep::request::self_signed(
        &scep::name::parse("CN=a").unwrap(),
        &key,
        scep::algorithm::Digest::Sha256,
        std::time::SystemTime::UNIX_EPOCH,
    );
    let whole = encoded(&key, &PLAIN);
    for (bytes, words) in [
        (b"".to_vec(), "an empty body came in place of the certification request"),
        (b"s3cret".to_vec(), "plain text came in place of the certification request"),
        (
            b"-----BEGIN CERTIFICATE REQUEST-----\n".to_vec(),
            "PEM came in place of the certification request",
        ),
        (b"{\"password\":\"s3cret\"}".to_vec(), "JSON came in place of the certification request"),
        (
            certificate.unwrap().certificate.to_der().unwrap(),
            "a certificate came in place of the certification request",
        ),
        (
            whole[..100].to_vec(),
            "the beginning of an ASN.1 structure came in place of the certification request",
        ),
        ([&whole[..], b"!"].concat(), "malformed certification request: 1 byte after the end"),
        (
            tlv(0x30, &[]),
            "malformed certification request: it has not three parts: what is signed, algorithm and signature",
        ),
    ] {
        assert_eq!(Csr::from_der(&bytes).unwrap_err().to_string(), words);
    }
}

#[test]
fn part_of_a_request_that_is_wrong_is_named() {
    let key = key();
    let (subject, public_key) =
        (scep::name::parse("CN=a").unwrap().to_der().unwrap(), key.public_key_to_der().unwrap());
    let algorithm = tlv(0x30, &[&bytes(SHA256_WITH_RSA)]);
    let request = |parts: &[&[u8]], signature: Vec<u8>| {
        Csr::from_der(&tlv(0x30, &[&tlv(0x30, parts), &algorithm, &signature]))
            .unwrap_err()
            .to_string()
    };
    let signature = || tlv(3, &[&[0], &[1; 256]]);
    let (version, none) = (tlv(2, &[&[0]]), tlv(0xa0, &[]));
    let words = request(&[&tlv(4, &[&[0]]), &subject, &public_key, &none], signature());
    assert_eq!(
        words,
        "malformed certification request: its version is an OCTET STRING, not an INTEGER"
    );
    let words = request(&[&version, &tlv(0x13, &[b"a"]), &public_key, &none], signature());
    assert_eq!(
        words,
        "malformed certification request: its subject, a PrintableString, is no name"
    );
    let words = request(&[&version, &subject, &public_key, &tlv(0x31, &[])], signature());
    assert_eq!(
        words,
        "malformed certification request: its attributes are a SET, not a set with the tag [0]"
    );
    let words = request(&[&version, &subject, &public_key, &none], tlv(4, &[&[1; 256]]));
    assert_eq!(
        words,
        "malformed certification request: its signature is no BIT STRING of whole octets"
    );
    let key_of =
        |algorithm| tlv(0x30, &[&tlv(0x30, &[&bytes(algorithm)]), &tlv(3, &[&[0], b"key"])]);
    let words = request(&[&version, &subject, &key_of(OTHER), &none], signature());
    assert_eq!(words, "key algorithm `1.2.3.4` is not supported");
    let rsa = key_of("06092a864886f70d0101010500");
    let words = request(&[&version, &subject, &rsa, &none], signature());
    assert_eq!(
        words,
        "malformed certification request: its key is no key of the algorithm `rsaEncryption` (1.2.840.113549.1.1.1), or damaged"
    );
    let bare = tlv(0xa0, &[&tlv(0x30, &[&bytes(OTHER), &tlv(0x13, &[b"x"])])]);
    let words = request(&[&version, &subject, &public_key, &bare], signature());
    assert_eq!(
        words,
        "malformed certification request: its attribute `1.2.3.4`: its value, a PrintableString, is not in a SET"
    );
}

#[test]
fn request_in_ber_is_told_from_one_with_a_wrong_signature() {
    // A string in pieces, over which the client makes its signature.
    let pieces = tlv(0x2c, &[&tlv(0x0c, &[b"s3"]), &tlv(0x0c, &[b"cret"])]);
    let csr = with(&[attribute(CHALLENGE_PASSWORD, &[pieces])]).unwrap();
    assert_eq!(csr.challenge_password.as_ref().unwrap().expose(), "s3cret");
    let error = csr.verify().unwrap_err();
    assert_eq!(error, Unproven::SignatureOfBer);
    assert_eq!(scep::Error::from(error).fail_info(), FailInfo::BadMessageCheck);
}
