//! The client and the CA of the cases, and what they send.

use std::time::{Duration, SystemTime};

use explain::Knowledge;
use explain::item::{Content, Exchange, InputItem, Reply, Request};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rand::rand_bytes;
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use openssl::x509::extension::{BasicConstraints, KeyUsage};
use openssl::x509::{X509, X509Builder, X509NameRef};
use scep::algorithm::{Cipher, Digest, KeyTransport};
use scep::attribute::{FailInfo, MessageType, Nonce, PkiStatus, TransactionId};
use scep::clock::Clock;
use scep::identity::Identity;
use scep::message::{MessageBuilder, RequestMessage};
use scep::request::self_signed;
use scep::{certs_only, name};

use crate::support::der::{oid, tlv};

/// The tag of a SEQUENCE.
const SEQUENCE: u8 = 0x30;

/// When the messages are made and looked at.
pub(super) fn now() -> SystemTime {
    Clock::system().now()
}

pub(super) fn rsa() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
}

pub(super) fn identity(subject: &str, key: &PKey<Private>, from: SystemTime) -> Identity {
    self_signed(&name::parse(subject).unwrap(), key, Digest::Sha256, from).unwrap()
}

/// A CA by the name that all CAs of the cases have.
pub(crate) fn authority(serial: u32, from: SystemTime, until: SystemTime) -> Identity {
    let (key, name) = (rsa(), name::parse("CN=CA").unwrap());
    let mut builder = builder(serial, (&name, &name), &key, (from, until));
    builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    let mut usage = KeyUsage::new();
    usage.critical().key_cert_sign().digital_signature().key_encipherment();
    builder.append_extension(usage.build().unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    Identity { certificate: builder.build(), key }
}

/// A certificate of this CA, valid for a day.
fn issued(ca: &Identity, subject: &X509NameRef, key: &PKey<Private>, from: SystemTime) -> X509 {
    let names = (subject, ca.certificate.subject_name());
    let mut builder = builder(77, names, key, (from, from + Duration::from_secs(86_400)));
    builder.sign(&ca.key, MessageDigest::sha256()).unwrap();
    builder.build()
}

/// A certificate without extensions and signature; the names are those of its subject and its issuer.
fn builder(
    serial: u32,
    (subject, issuer): (&X509NameRef, &X509NameRef),
    key: &PKey<Private>,
    (from, until): (SystemTime, SystemTime),
) -> X509Builder {
    let time = |time: SystemTime| {
        let seconds = time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        Asn1Time::from_unix(i64::try_from(seconds).unwrap()).unwrap()
    };
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(subject).unwrap();
    builder.set_issuer_name(issuer).unwrap();
    builder.set_pubkey(key).unwrap();
    let serial = BigNum::from_u32(serial).unwrap();
    builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    builder.set_not_before(&time(from)).unwrap();
    builder.set_not_after(&time(until)).unwrap();
    builder
}

/// The client and the CA of all cases.
pub(super) struct Peers {
    pub(super) client: Identity,
    pub(super) ca: Identity,
    /// When their certificates were made, in whole seconds.
    pub(super) made: SystemTime,
}

impl Peers {
    pub(super) fn new() -> Self {
        let seconds = now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let made = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        Self {
            client: identity("CN=device", &rsa(), made),
            ca: authority(1, made, made + Duration::from_secs(86_400)),
            made,
        }
    }

    /// The knowledge of a user who has both keys.
    pub(super) fn knowledge(&self) -> Knowledge {
        let mut knowledge = Knowledge { names_options: true, ..Knowledge::new(now()) };
        knowledge.keys.extend([self.client.key.clone(), self.ca.key.clone()]);
        knowledge
    }

    /// A certification request with these attributes, each in DER.
    pub(super) fn csr(&self, subject: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
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
    pub(super) fn request(&self, message_type: MessageType, content: &[u8]) -> Vec<u8> {
        Self::request_to(&self.ca, &self.client, message_type, content)
    }

    pub(super) fn request_to(
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
    pub(super) fn challenge(&self, value: &[u8]) -> Vec<InputItem> {
        let attribute = tlv(SEQUENCE, &[&oid("1.2.840.113549.1.9.7"), value]);
        let csr = self.csr("CN=device", &[attribute]);
        vec![post(self.request(MessageType::PkcsReq, &csr), None)]
    }

    /// The refusal of a request, for this reason.
    pub(super) fn refused(&self, request: Vec<u8>, reason: FailInfo) -> InputItem {
        Self::refused_by(&self.ca, request, reason)
    }

    pub(super) fn refused_by(ca: &Identity, request: Vec<u8>, reason: FailInfo) -> InputItem {
        let reply = MessageBuilder {
            pki_status: Some(PkiStatus::Failure),
            fail_info: Some(reason),
            ..certrep(ca)
        };
        post(request, Some(message_reply(reply.encode(ca).unwrap())))
    }

    /// The grant of a request, with a certificate for this subject and the key of the client.
    pub(super) fn granted(&self, request: Vec<u8>, subject: &str) -> InputItem {
        let subject = name::parse(subject).unwrap();
        let issued = issued(&self.ca, &subject, &self.client.key, self.made);
        let sealed = scep::envelope::seal(
            &certs_only::encode(&[issued], &[]).unwrap(),
            &[&self.client.certificate],
            Cipher::Aes128,
            KeyTransport::Pkcs1v15,
            &mut rand_bytes,
        );
        let reply = MessageBuilder {
            pki_status: Some(PkiStatus::Success),
            content: Some(sealed.unwrap()),
            ..certrep(&self.ca)
        };
        post(request, Some(message_reply(reply.encode(&self.ca).unwrap())))
    }

    /// The answer to GetCACert with these certificates.
    pub(super) fn ca_certificates(certificates: &[&Identity]) -> InputItem {
        let all: Vec<_> = certificates.iter().map(|one| one.certificate.clone()).collect();
        let (kind, body) = match &all[..] {
            [one] => ("application/x-x509-ca-cert", one.to_der().unwrap()),
            all => ("application/x-x509-ca-ra-cert", certs_only::encode(all, &[]).unwrap()),
        };
        exchange("GET", "operation=GetCACert", Vec::new(), Some(reply(200, kind, body)))
    }

    /// A first message with these parts, signed by the client.
    pub(super) fn signed(&self, message: MessageBuilder) -> Vec<u8> {
        let content = self.csr("CN=device", &[]);
        let sealed = scep::envelope::seal(
            &content,
            &[&self.ca.certificate],
            Cipher::Aes128,
            KeyTransport::Pkcs1v15,
            &mut rand_bytes,
        );
        let content = Some(sealed.unwrap());
        MessageBuilder { content, ..message }.encode(&self.client).unwrap()
    }
}

/// The attributes of a reply of this CA to a first message, but for its result.
fn certrep(ca: &Identity) -> MessageBuilder {
    MessageBuilder {
        message_type: Some(MessageType::CertRep),
        transaction_id: Some(TransactionId::new("transaction")),
        sender_nonce: Some(Nonce::new([2; 16])),
        recipient_nonce: Some(Nonce::new([1; 16])),
        certificates: vec![ca.certificate.clone()],
        ..MessageBuilder::default()
    }
}

/// The attributes of a first message that this client signs.
pub(super) fn first(client: &Identity) -> MessageBuilder {
    MessageBuilder {
        certificates: vec![client.certificate.clone()],
        message_type: Some(MessageType::PkcsReq),
        transaction_id: Some(TransactionId::new("transaction")),
        sender_nonce: Some(Nonce::new([1; 16])),
        ..MessageBuilder::default()
    }
}

pub(super) fn reply(status: u16, content_type: &str, body: Vec<u8>) -> Reply {
    let fields = vec![("Content-Type".to_owned(), content_type.to_owned())];
    Reply { status: Some(status), fields, body, ..Reply::default() }
}

pub(super) fn message_reply(body: Vec<u8>) -> Reply {
    reply(200, "application/x-pki-message", body)
}

pub(super) fn exchange(
    method: &str,
    query: &str,
    body: Vec<u8>,
    reply: Option<Reply>,
) -> InputItem {
    at(method, &format!("/scep?{query}"), body, reply)
}

pub(super) fn at(method: &str, target: &str, body: Vec<u8>, reply: Option<Reply>) -> InputItem {
    let content_type = ("Content-Type".to_owned(), "application/x-pki-message".to_owned());
    let fields = if method == "POST" { vec![content_type] } else { Vec::new() };
    let request = Request {
        method: method.to_owned(),
        target: target.to_owned(),
        fields,
        body,
        ..Request::default()
    };
    let exchange = Exchange { request: Some(request), reply, ..Exchange::default() };
    let content = Content::Exchange(exchange);
    InputItem { taken_for: Vec::new(), origin: "wire".to_owned(), content }
}

pub(super) fn post(message: Vec<u8>, reply: Option<Reply>) -> InputItem {
    exchange("POST", "operation=PKIOperation", message, reply)
}

pub(super) fn moved() -> Reply {
    let location = ("Location".to_owned(), "https://pki.example.com/scep".to_owned());
    Reply { status: Some(301), fields: vec![location], ..Reply::default() }
}
