//! Certification requests and their subjects.

use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use openssl::x509::X509Name;
use scep::algorithm::Digest;
use scep::name;
use scep::request::dns_names;

use super::Add;
use super::draft::{
    BMP, CHALLENGE_PASSWORD, EXTENSION_REQUEST, IA5, KEY, NUMERIC, OCTETS, PRINTABLE, SEQUENCE,
    SET, TELETEX, UTF8, VISIBLE,
};
use crate::netns::scepserver::servers::CHALLENGE;
use crate::support::der::{children, oid, tlv};

pub(super) fn requests(add: &mut Add<'_>) {
    for version in [1, 2, 5] {
        add(&format!("certification request of version {version}"), &|draft| {
            draft.body =
                csr(&draft.subject, version, &[challenge(PRINTABLE, CHALLENGE.as_bytes())]);
        });
    }
    let wide: Vec<u8> = CHALLENGE.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (kind, tag, bytes) in [
        ("UTF8String", UTF8, CHALLENGE.as_bytes()),
        ("IA5String", IA5, CHALLENGE.as_bytes()),
        ("TeletexString", TELETEX, CHALLENGE.as_bytes()),
        ("BMPString", BMP, &wide),
        ("VisibleString", VISIBLE, CHALLENGE.as_bytes()),
        ("NumericString", NUMERIC, b"123"),
        ("OCTET STRING", OCTETS, CHALLENGE.as_bytes()),
        ("empty PrintableString", PRINTABLE, b""),
    ] {
        add(&format!("challenge password as {kind}"), &|draft| {
            draft.body = csr(&draft.subject, 0, &[challenge(tag, bytes)]);
        });
    }
    let right = challenge(PRINTABLE, CHALLENGE.as_bytes());
    let wrong = challenge(PRINTABLE, b"wrong");
    let password = tlv(PRINTABLE, &[CHALLENGE.as_bytes()]);
    let other = tlv(PRINTABLE, &[b"wrong"]);
    let bare =
        |tag: u8| tlv(SEQUENCE, &[&oid(CHALLENGE_PASSWORD), &tlv(tag, &[CHALLENGE.as_bytes()])]);
    let as_extension =
        tlv(SEQUENCE, &[&tlv(SEQUENCE, &[&oid(CHALLENGE_PASSWORD), &tlv(OCTETS, &[&password])])]);
    let lists: [(&str, Vec<Vec<u8>>); 9] = [
        ("no challenge password", vec![]),
        ("challenge password not in a SET", vec![bare(PRINTABLE)]),
        ("challenge password as OCTET STRING, not in a SET", vec![bare(OCTETS)]),
        (
            "challenge password among the extensions",
            vec![attribute(EXTENSION_REQUEST, &as_extension)],
        ),
        ("right challenge password before a wrong one", vec![right.clone(), wrong.clone()]),
        ("wrong challenge password before the right one", vec![wrong, right.clone()]),
        (
            "challenge password of two values",
            vec![attribute(CHALLENGE_PASSWORD, &[password, other].concat())],
        ),
        (
            "extensions that are a string",
            vec![right.clone(), attribute(EXTENSION_REQUEST, &tlv(PRINTABLE, &[b"x"]))],
        ),
        (
            "attribute of an unknown kind",
            vec![right, attribute("1.3.6.1.4.1.32473.1", &tlv(UTF8, &[b"x"]))],
        ),
    ];
    for (what, attributes) in &lists {
        add(what, &|draft| draft.body = csr(&draft.subject, 0, attributes));
    }
    add("certification request without attributes", &|draft| {
        let whole = csr(&draft.subject, 0, &[]);
        let info = children(&children(&whole)[0])[..3].concat();
        draft.body = signed(&tlv(SEQUENCE, &[&info]));
    });
    add("bytes after the certification request", &|draft| {
        let right = challenge(PRINTABLE, CHALLENGE.as_bytes());
        draft.body = [csr(&draft.subject, 0, &[right]), vec![0, 0]].concat();
    });
    add("certification request that is text", &|draft| draft.body = b"please".to_vec());
    for digest in [Digest::Md5, Digest::Sha1] {
        add(&format!("certification request signed with {digest}"), &|draft| {
            draft.body = draft.csr(&KEY, digest, &[]);
        });
    }
    add("certification request for a key on a curve", &|draft| {
        let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap();
        draft.body = draft.csr(&key, Digest::Sha256, &[]);
    });
    add("certification request for a key of 1024 bits", &|draft| {
        let key = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
        draft.body = draft.csr(&key, Digest::Sha256, &[]);
    });
    add("request for DNS names", &|draft| {
        draft.body = draft.csr(&KEY, Digest::Sha256, &[dns_names(&["a.example.com"]).unwrap()]);
    });
}

pub(super) fn names(add: &mut Add<'_>) {
    for subject in ["CN=again", "CN=again", "O=x, CN=again", "CN=ain"] {
        add(&format!("subject {subject}"), &|draft| draft.subject = name::parse(subject).unwrap());
    }
    for (what, rdns) in [
        ("without names", vec![]),
        (
            "of one RDN with two attributes",
            vec![vec![("2.5.4.3", UTF8, "two"), ("2.5.4.5", PRINTABLE, "1")]],
        ),
        (
            "with unstructuredName",
            vec![vec![("1.2.840.113549.1.9.2", IA5, "r1.example")], vec![("2.5.4.3", UTF8, "r1")]],
        ),
        ("with `*`", vec![vec![("2.5.4.3", UTF8, "a*b")]]),
        ("in UTF8String", vec![vec![("2.5.4.3", UTF8, "types")]]),
        ("in PrintableString", vec![vec![("2.5.4.3", PRINTABLE, "types")]]),
        ("with `/`", vec![vec![("2.5.4.3", UTF8, "a/b")]]),
    ] {
        add(&format!("subject {what}"), &|draft| draft.subject = subject(&rdns));
    }
}

fn subject(rdns: &[Vec<(&str, u8, &str)>]) -> X509Name {
    let rdn = |attributes: &Vec<(&str, u8, &str)>| {
        let attributes = attributes
            .iter()
            .map(|(kind, tag, text)| tlv(SEQUENCE, &[&oid(kind), &tlv(*tag, &[text.as_bytes()])]));
        tlv(SET, &[&attributes.collect::<Vec<_>>().concat()])
    };
    let rdns: Vec<_> = rdns.iter().map(rdn).collect();
    X509Name::from_der(&tlv(SEQUENCE, &[&rdns.concat()])).unwrap()
}

fn attribute(kind: &str, values: &[u8]) -> Vec<u8> {
    tlv(SEQUENCE, &[&oid(kind), &tlv(SET, &[values])])
}

fn challenge(tag: u8, text: &[u8]) -> Vec<u8> {
    attribute(CHALLENGE_PASSWORD, &tlv(tag, &[text]))
}

/// A certification request of this version with these attributes.
fn csr(subject: &X509Name, version: u8, attributes: &[Vec<u8>]) -> Vec<u8> {
    let info = tlv(
        SEQUENCE,
        &[
            &tlv(2, &[&[version]]),
            &subject.to_der().unwrap(),
            &KEY.public_key_to_der().unwrap(),
            &tlv(0xa0, &[&attributes.concat()]),
        ],
    );
    signed(&info)
}

fn signed(info: &[u8]) -> Vec<u8> {
    let mut signer = Signer::new(MessageDigest::sha256(), &KEY).unwrap();
    let signature = signer.sign_oneshot_to_vec(info).unwrap();
    let algorithm = tlv(SEQUENCE, &[&oid("1.2.840.113549.1.1.11"), &[5, 0]]);
    tlv(SEQUENCE, &[info, &algorithm, &tlv(3, &[&[0], signature.as_slice()])])
}
