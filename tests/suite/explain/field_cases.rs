//! Messages of the structures that people met in the field and asked about in public: who is wrong, in one snapshot for all.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use explain::exhibit::{Content, Exchange, Exhibit, Reply, Request};
use explain::explanation::{Explanation, Part, Severity};
use explain::{Knowledge, explain};
use mock_ca::{Fault, MockCa, PersonalityName};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rand::rand_bytes;
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use scep::algorithm::{Cipher, Digest, KeyTransport};
use scep::attribute::{FailInfo, MessageType, Nonce, PkiStatus, TransactionId};
use scep::certs_only;
use scep::clock::{Clock, moment};
use scep::identity::Identity;
use scep::message::{ExtraAttribute, MessageBuilder, RequestMessage};
use scep::name;
use scep::request::self_signed;

use super::faults::{PASSWORD, enrolment, exchanged, stable};
use crate::support::der::{oid, tlv};
use crate::support::snapshots::assert_output_of;

/// The tags of ASN.1 types.
const OCTETS: u8 = 0x04;
const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;
const VISIBLE: u8 = 0x1a;
const UNIVERSAL: u8 = 0x1c;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// When the messages are made and looked at.
fn now() -> SystemTime {
    Clock::system().now()
}

fn rsa() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
}

fn identity(subject: &str, key: &PKey<Private>, from: SystemTime) -> Identity {
    self_signed(&name::parse(subject).unwrap(), key, Digest::Sha256, from).unwrap()
}

/// The client and the CA of all cases.
struct Peers {
    client: Identity,
    ca: Identity,
}

impl Peers {
    fn new() -> Self {
        Self { client: identity("CN=device", &rsa(), now()), ca: identity("CN=CA", &rsa(), now()) }
    }

    /// What somebody with both keys knows.
    fn knowledge(&self) -> Knowledge {
        let mut knowledge = Knowledge::new(now());
        knowledge.keys.extend([self.client.key.clone(), self.ca.key.clone()]);
        knowledge
    }

    /// A certification request with these attributes, each in DER.
    fn csr(&self, subject: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
        let subject = name::parse(subject).unwrap().to_der().unwrap();
        let key = self.client.key.public_key_to_der().unwrap();
        let attributes: Vec<&[u8]> = attributes.iter().map(Vec::as_slice).collect();
        let info = tlv(SEQUENCE, &[&[2, 1, 0], &subject, &key, &tlv(0xa0, &attributes)]);
        let mut signer = Signer::new(MessageDigest::sha256(), &self.client.key).unwrap();
        let signature = signer.sign_oneshot_to_vec(&info).unwrap();
        let algorithm = tlv(SEQUENCE, &[&oid("1.2.840.113549.1.1.11"), &[5, 0]]);
        tlv(SEQUENCE, &[&info, &algorithm, &tlv(3, &[&[0], &signature])])
    }

    /// A message with this content, enciphered to the CA.
    fn request(&self, message_type: MessageType, content: &[u8]) -> Vec<u8> {
        self.request_to(&self.ca, &self.client, message_type, content)
    }

    fn request_to(
        &self,
        recipient: &Identity,
        signer: &Identity,
        message_type: MessageType,
        content: &[u8],
    ) -> Vec<u8> {
        let request = RequestMessage {
            message_type,
            transaction_id: TransactionId::new("transaction"),
            sender_nonce: Nonce::new([1; 16]),
            signer: signer.clone(),
            cipher: Cipher::Aes128,
            key_transport: KeyTransport::Pkcs1v15,
            digest: Digest::Sha256,
        };
        request.encode(content, &recipient.certificate, &mut rand_bytes).unwrap()
    }

    /// A PKCSReq with a challenge password whose attribute has this value.
    fn challenge(&self, value: Vec<u8>) -> Vec<Exhibit> {
        let attribute = tlv(SEQUENCE, &[&oid("1.2.840.113549.1.9.7"), &value]);
        let csr = self.csr("CN=device", &[attribute]);
        vec![post(self.request(MessageType::PkcsReq, &csr), None)]
    }

    /// The refusal of a request, for this reason.
    fn refused(&self, request: Vec<u8>, reason: FailInfo) -> Exhibit {
        let reply = MessageBuilder {
            message_type: Some(MessageType::CertRep),
            transaction_id: Some(TransactionId::new("transaction")),
            sender_nonce: Some(Nonce::new([2; 16])),
            recipient_nonce: Some(Nonce::new([1; 16])),
            pki_status: Some(PkiStatus::Failure),
            fail_info: Some(reason),
            certificates: vec![self.ca.certificate.clone()],
            ..MessageBuilder::default()
        };
        post(request, Some(message_reply(reply.encode(&self.ca).unwrap())))
    }

    /// The answer to GetCACert with these certificates.
    fn ca_certificates(certificates: &[&Identity]) -> Exhibit {
        let all: Vec<_> = certificates.iter().map(|one| one.certificate.clone()).collect();
        let (kind, body) = match &all[..] {
            [one] => ("application/x-x509-ca-cert", one.to_der().unwrap()),
            all => ("application/x-x509-ca-ra-cert", certs_only::encode(all, &[]).unwrap()),
        };
        exchange("GET", "operation=GetCACert", Vec::new(), Some(reply(200, kind, body)))
    }

    /// A first message with these parts, signed by the client.
    fn signed(&self, message: MessageBuilder) -> Vec<u8> {
        let content = self.csr("CN=device", &[]);
        let sealed = scep::envelope::seal(
            &content,
            &[&self.ca.certificate],
            Cipher::Aes128,
            KeyTransport::Pkcs1v15,
            &mut rand_bytes,
        );
        let certificates = vec![self.client.certificate.clone()];
        let content = Some(sealed.unwrap());
        MessageBuilder { content, certificates, ..message }.encode(&self.client).unwrap()
    }
}

/// The attributes of a first message.
fn first() -> MessageBuilder {
    MessageBuilder {
        message_type: Some(MessageType::PkcsReq),
        transaction_id: Some(TransactionId::new("transaction")),
        sender_nonce: Some(Nonce::new([1; 16])),
        ..MessageBuilder::default()
    }
}

fn reply(status: u16, content_type: &str, body: Vec<u8>) -> Reply {
    let fields = vec![("Content-Type".to_owned(), content_type.to_owned())];
    Reply { status: Some(status), fields, body, ..Reply::default() }
}

fn message_reply(body: Vec<u8>) -> Reply {
    reply(200, "application/x-pki-message", body)
}

fn exchange(method: &str, query: &str, body: Vec<u8>, reply: Option<Reply>) -> Exhibit {
    let request = Request {
        method: method.to_owned(),
        target: format!("/scep?{query}"),
        fields: vec![("Content-Type".to_owned(), "application/x-pki-message".to_owned())],
        body,
        ..Request::default()
    };
    let exchange = Exchange { request: Some(request), reply, ..Exchange::default() };
    let content = Content::Exchange(exchange);
    Exhibit { taken_for: Vec::new(), origin: "wire".to_owned(), content }
}

fn post(message: Vec<u8>, reply: Option<Reply>) -> Exhibit {
    exchange("POST", "operation=PKIOperation", message, reply)
}

fn moved() -> Reply {
    let location = ("Location".to_owned(), "https://pki.example.com/scep".to_owned());
    Reply { status: Some(301), fields: vec![location], ..Reply::default() }
}

/// Each structure by what people saw of it, with its source.
fn cases(peers: &Peers) -> Vec<(&'static str, Vec<Exhibit>)> {
    let Peers { client, ca } = peers;
    let csr = peers.csr("CN=device", &[]);
    let request = || peers.request(MessageType::PkcsReq, &csr);
    let renewed = identity("CN=CA", &rsa(), now());
    let ended = identity("CN=CA", &rsa(), moment("2015-01-01T00:00Z").unwrap());
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
        MessageBuilder { transaction_id: None, extra_attributes, ..first() }
    };
    let ndes = MockCa::new(PersonalityName::Ndes).challenge(PASSWORD);
    vec![
        (
            "openxpki 745: enciphered to an RA certificate that was renewed",
            vec![
                Peers::ca_certificates(&[&renewed]),
                peers.refused(request(), FailInfo::BadMessageCheck),
            ],
        ),
        (
            "micromdm/scep 44: the challenge password is not in a SET",
            peers.challenge(tlv(PRINTABLE, &[b"s3cret"])),
        ),
        (
            "micromdm/scep 44: the challenge password is an OCTET STRING",
            peers.challenge(tlv(SET, &[&tlv(OCTETS, &[b"s3cret"])])),
        ),
        (
            "micromdm/scep 44: the challenge password is a VisibleString",
            peers.challenge(tlv(SET, &[&tlv(VISIBLE, &[b"s3cret"])])),
        ),
        (
            "RFC 2985 5.4.1: the challenge password is a UniversalString",
            peers.challenge(tlv(SET, &[&tlv(UNIVERSAL, &[b"\0\0\0s\0\0\x003\0\0\0c\0\0\0r"])])),
        ),
        (
            "fleetdm/fleet 47492: an underscore in a PrintableString",
            peers.challenge(tlv(SET, &[&tlv(PRINTABLE, &[b"s3cret_word"])])),
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
            vec![exchange("GET", "mscep_admin", Vec::new(), Some(page("aB3!@#x9")))],
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
                peers.signed(MessageBuilder { signing_time: Some(now() - hour), ..first() }),
                None,
            )],
        ),
        (
            "xipki 88: the clocks differ",
            vec![peers.refused(
                peers.signed(MessageBuilder { signing_time: Some(now() + hour), ..first() }),
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
            vec![post(peers.request_to(ca, &elliptic, MessageType::RenewalReq, &csr), None)],
        ),
        (
            "an underscore in the transactionID, as PrintableString",
            vec![post(peers.signed(tid(PRINTABLE, "dev_1")), None)],
        ),
        (
            "an underscore in the transactionID, as UTF8String",
            vec![post(peers.signed(tid(UTF8, "dev_1")), None)],
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
    let knowledge = peers.knowledge();
    let mut told = String::new();
    for (case, exhibits) in cases(&peers) {
        let explanation = explain(exhibits, &knowledge);
        assert!(!explain::text::text(&explanation).contains("s3cret"), "{case}");
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
