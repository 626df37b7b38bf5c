//! Messages of the structures that people met in the field and asked about in public, and that other projects have as test data: who is
//! wrong, in one snapshot for all.

mod peers;
mod times;

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use explain::explain;
use explain::explanation::{Explanation, Part, Severity};
use explain::input::items_in;
use explain::item::InputItem;
use mock_ca::{ChallengePolicy, Fault, MockCa, PersonalityName};
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::rand::rand_bytes;
use scep::algorithm::{Cipher, Digest, KeyTransport};
use scep::attribute::{FailInfo, MessageType, Nonce, TransactionId};
use scep::clock::moment;
use scep::message::{ExtraAttribute, MessageBuilder, RequestMessage};
use scep::secret::Secret;

pub(crate) use self::peers::authority;
use self::peers::{Peers, at, exchange, first, identity, moved, now, post, reply};
use super::faults::{PASSWORD, enrolment, exchanged, exchanged_with, stable};
use crate::support::der::tlv;
use crate::support::snapshots::assert_output_of;

/// The tags of ASN.1 types.
const OCTETS: u8 = 0x04;
const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;
const VISIBLE: u8 = 0x1a;
const UNIVERSAL: u8 = 0x1c;
const SET: u8 = 0x31;

/// Each structure by what people saw of it, with its source.
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn cases(peers: &Peers) -> Vec<(&'static str, Vec<InputItem>)> {
    let Peers { client, ca, made } = peers;
    let csr = peers.csr("CN=device", &[]);
    let request = || peers.request(MessageType::PkcsReq, &csr);
    let (day, old_day) = (Duration::from_secs(86_400), moment("2015-01-01T00:00Z").unwrap());
    let renewed = authority(2, *made, *made + day);
    let ended = authority(3, old_day, old_day + day);
    let elliptic = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let elliptic = PKey::from_ec_key(EcKey::generate(&elliptic).unwrap()).unwrap();
    let elliptic = identity("CN=device", &elliptic, now());
    let hour = Duration::from_secs(3600);
    let page = |password: &str| {
        let page = format!(
            "<HTML><Head><Title>Network Device Enrollment Service</Title></Head><Body><P> The enrollment challenge password \
             is: <B> {password} </B></Body></HTML>"
        );
        reply(200, "text/html", page.into_bytes())
    };
    let expiring = ChallengePolicy::OneTime {
        preset: vec![Secret::new(PASSWORD)],
        preset_expires: true,
        random_bytes: 8,
        lifetime: Duration::ZERO,
        at_most: 5,
    };
    let expiring = MockCa::new(PersonalityName::Ndes)
        .with(|settings| settings.challenge = expiring)
        .start_blocking()
        .unwrap();
    expiring.clock().advance(Duration::from_secs(2)).unwrap();
    let tls_alone = reply(
        400,
        "text/html",
        b"<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>".to_vec(),
    );
    let plist = MessageBuilder {
        content: Some(b"<plist version=\"1.0\"><dict/></plist>".to_vec()),
        certificates: vec![client.certificate.clone()],
        ..MessageBuilder::default()
    };
    let tid = |tag: u8, text: &str| {
        let extra = ExtraAttribute {
            oid: "2.16.840.1.113733.1.9.7".to_owned(),
            value_der: tlv(tag, &[text.as_bytes()]),
        };
        let extra_attributes = vec![extra];
        MessageBuilder { transaction_id: None, extra_attributes, ..first(client) }
    };
    let old = RequestMessage {
        message_type: MessageType::PkcsReq,
        transaction_id: TransactionId::new("transaction"),
        sender_nonce: Nonce::new([1; 16]),
        signer: client.clone(),
        cipher: Cipher::Des,
        key_transport: KeyTransport::Pkcs1v15,
        digest: Digest::Md5,
    };
    let old = old.encode(&csr, &ca.certificate, &mut rand_bytes).unwrap();
    let plus = format!("operation=PKIOperation&message={}", STANDARD.encode(request()));
    let ndes = MockCa::new(PersonalityName::Ndes).challenge(PASSWORD);
    vec![
        (
            "openxpki 745: enciphered to an RA certificate that was renewed",
            vec![
                Peers::ca_certificates(&[&renewed]),
                Peers::refused_by(&renewed, request(), FailInfo::BadMessageCheck),
            ],
        ),
        (
            "micromdm/scep 44: the challenge password is not in a SET",
            peers.challenge(&tlv(PRINTABLE, &[b"s3cret"])),
        ),
        (
            "micromdm/scep 44: the challenge password is an OCTET STRING",
            peers.challenge(&tlv(SET, &[&tlv(OCTETS, &[b"s3cret"])])),
        ),
        (
            "micromdm/scep 44: the challenge password is a VisibleString",
            peers.challenge(&tlv(SET, &[&tlv(VISIBLE, &[b"s3cret"])])),
        ),
        (
            "RFC 2985 5.4.1: the challenge password is a UniversalString",
            peers.challenge(&tlv(SET, &[&tlv(UNIVERSAL, &[b"\0\0\0s\0\0\x003\0\0\0c\0\0\0r"])])),
        ),
        (
            "fleetdm/fleet 47492: an underscore in a PrintableString",
            peers.challenge(&tlv(SET, &[&tlv(PRINTABLE, &[b"s3cret_word"])])),
        ),
        ("packetfence 1730: a redirection", vec![post(request(), Some(moved()))]),
        (
            "sscep 82: a web page in place of a reply",
            vec![post(
                request(),
                Some(reply(500, "text/html", b"<html><title>Server Error</title></html>".to_vec())),
            )],
        ),
        (
            "fleetdm/fleet 49552: a password with other characters on the page",
            vec![at("GET", "/certsrv/mscep_admin/", Vec::new(), Some(page("aB3!@#x9")))],
        ),
        (
            "gradenegger.eu, event 87: NDES says why",
            exchanged(ndes, "wrong-one", false, &client.key),
        ),
        (
            "smallstep/certificates 2800: the key that deciphers signs",
            enrolment(Fault::RaUsagesSwapped, &client.key),
        ),
        (
            "jscep 157: signed before the signer's certificate begins",
            vec![post(
                peers.signed(MessageBuilder { signing_time: Some(*made - hour), ..first(client) }),
                None,
            )],
        ),
        (
            "jscep 157: signed before the signer's certificate begins, and refused",
            vec![peers.refused(
                peers.signed(MessageBuilder { signing_time: Some(*made - hour), ..first(client) }),
                FailInfo::BadTime,
            )],
        ),
        (
            "fleetdm/fleet 46291: a one-time password that has expired",
            exchanged_with(&expiring, PASSWORD, false, &client.key),
        ),
        (
            "packetfence 6671: the CA keeps only the CN",
            vec![peers.granted(
                peers.request(MessageType::PkcsReq, &peers.csr("CN=device, O=Example", &[])),
                "CN=device",
            )],
        ),
        (
            "Microsoft's pages about Intune: a log of NDES with addresses of IPv6",
            items_in(
                "u_ex.log",
                b"2026-11-29 12:46:31 fe80::1%4 GET /certsrv/mscep/mscep.dll/pkiclient.exe operation=GetCACaps&message=default 80 - fe80::2%4 - - 404 0 0 15",
            )
            .unwrap(),
        ),
        (
            "ultimate-ca-manager 326: HTTP at a port of HTTPS",
            vec![exchange("GET", "operation=GetCACert", Vec::new(), Some(tls_alone))],
        ),
        (
            "xipki 88: the clocks differ",
            vec![peers.refused(
                peers.signed(MessageBuilder { signing_time: Some(*made + hour), ..first(client) }),
                FailInfo::BadTime,
            )],
        ),
        (
            "micromdm/scep 86: an iPhone posts its plist",
            vec![exchange("POST", "", plist.encode(client).unwrap(), None)],
        ),
        (
            "a renewed CA: the old certificate of the same name has expired",
            vec![
                Peers::ca_certificates(&[&ended, ca]),
                peers.refused(request(), FailInfo::BadRequest),
            ],
        ),
        (
            "a transcript of IOS-XE: names of devices",
            vec![post(
                peers.request(
                    MessageType::PkcsReq,
                    &peers.csr("unstructuredName=r1.example.com, CN=r1+serialNumber=1", &[]),
                ),
                None,
            )],
        ),
        ("micromdm/scep 239: algorithms without NULL", enrolment(Fault::NoParameters, &client.key)),
        (
            "micromdm/micromdm 436: enciphered content in pieces",
            enrolment(Fault::BerEnvelope, &client.key),
        ),
        (
            "jscep 72: GetNextCACert beside the signature",
            enrolment(Fault::NextCaMisplaced, &client.key),
        ),
        (
            "jscep 98: a renewal that an EC key signs",
            vec![post(Peers::request_to(ca, &elliptic, MessageType::RenewalReq, &csr), None)],
        ),
        (
            "an underscore in the transactionID, as PrintableString",
            vec![post(peers.signed(tid(PRINTABLE, "dev_1")), None)],
        ),
        (
            "an underscore in the transactionID, as UTF8String",
            vec![post(peers.signed(tid(UTF8, "dev_1")), None)],
        ),
        (
            "fleetdm/fleet 45291: base64 that is not escaped in the query",
            vec![exchange("GET", &plus, Vec::new(), None)],
        ),
        ("EJBCA's test data: MD5 and single DES", vec![post(old, None)]),
        (
            "libscep's test data: a request without the certificate of its signer",
            vec![post(
                peers.signed(MessageBuilder { certificates: Vec::new(), ..first(client) }),
                None,
            )],
        ),
        ("libscep's test data: FAILURE, badAlg", vec![peers.refused(request(), FailInfo::BadAlg)]),
        ("libscep's test data: PENDING", enrolment(Fault::Pending(1), &client.key)),
        (
            "smallstep/scep's test data: a CertRep without certificates",
            enrolment(Fault::NoCertificates, &client.key),
        ),
    ]
}

/// The findings of a severity, each once.
fn findings(explanation: &Explanation, severity: Severity) -> Vec<String> {
    let all = explanation.messages.iter().flat_map(Part::all_findings);
    let mut words: Vec<String> = all
        .filter(|finding| finding.severity == severity)
        .map(|finding| stable(&finding.words))
        .collect();
    words.dedup();
    words
}

#[test]
fn structures_of_the_field_are_explained() {
    let peers = Peers::new();
    let cases = cases(&peers);
    // What is looked at was made before.
    let knowledge = peers.knowledge();
    let mut told = String::new();
    for (case, items) in cases {
        let explanation = explain(items, &knowledge);
        assert!(!explain::text::text(&explanation, true).contains("s3cret"), "{case}");
        assert!(!explain::text::text(&explanation, true).contains("aB3!@#x9"), "{case}");
        let verdict = &explanation.verdict;
        writeln!(told, "{case}\n  {}: {}", verdict.at_fault, stable(&verdict.reason)).unwrap();
        for severity in [Severity::Wrong, Severity::Odd] {
            for words in findings(&explanation, severity) {
                writeln!(told, "  {severity}: {words}").unwrap();
            }
        }
        for next in &verdict.next {
            writeln!(told, "  next: {}", stable(next)).unwrap();
        }
    }
    assert_output_of("../suite/explain/snapshots", "field-cases", &told);
}

/// NeySlim/ultimate-ca-manager 326: what a server with HTTPS alone sends to a client that speaks HTTP.
#[test]
fn tls_in_place_of_http_is_named() {
    let error = items_in("port-443", b"\x15\x03\x01\x00\x02\x02\x46").unwrap_err();
    assert!(error.to_string().contains("TLS of 7 bytes"), "{error}");
    let help = "what TLS carries cannot be read without its keys";
    assert!(error.notes().iter().any(|note| note.contains(help)), "{:?}", error.notes());
}
