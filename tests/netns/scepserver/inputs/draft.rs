//! A request before it is encoded.

use std::sync::LazyLock;

use openssl::pkey::{PKey, Private};
use openssl::rand::rand_bytes;
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509Name};
use scep::algorithm::{Cipher, Digest, KeyTransport};
use scep::attribute::{MessageType, Nonce, TransactionId};
use scep::clock::Clock;
use scep::danger::{self, Distortion};
use scep::http::{HttpRequest, Method, Operation};
use scep::identity::Identity;
use scep::message::{ExtraAttribute, MessageBuilder};
use scep::request::{ChallengeString, CsrBuilder, Extension, self_signed};
use scep::secret::Secret;
use scep::{envelope, name};

use crate::netns::scepserver::servers::CHALLENGE;

pub(super) static KEY: LazyLock<PKey<Private>> =
    LazyLock::new(|| PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap());

pub(super) const TRANSACTION_ID: &str = "2.16.840.1.113733.1.9.7";
pub(super) const MESSAGE_TYPE: &str = "2.16.840.1.113733.1.9.2";
pub(super) const SIGNING_TIME: &str = "1.2.840.113549.1.9.5";
pub(super) const CHALLENGE_PASSWORD: &str = "1.2.840.113549.1.9.7";
pub(super) const EXTENSION_REQUEST: &str = "1.2.840.113549.1.9.14";

pub(super) const PRINTABLE: u8 = 0x13;
pub(super) const UTF8: u8 = 0x0c;
pub(super) const IA5: u8 = 0x16;
pub(super) const TELETEX: u8 = 0x14;
pub(super) const NUMERIC: u8 = 0x12;
pub(super) const VISIBLE: u8 = 0x1a;
pub(super) const BMP: u8 = 0x1e;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// A request before it is encoded: right, unless it is changed.
pub(super) struct Draft {
    pub(super) subject: X509Name,
    /// The content of the envelope; if it is empty, a certification request for the subject.
    pub(super) body: Vec<u8>,
    pub(super) message: MessageBuilder,
    pub(super) signer: Option<Identity>,
    pub(super) distortions: Vec<Distortion>,
    pub(super) seal: fn(Vec<u8>) -> Vec<u8>,
    pub(super) finish: fn(Vec<u8>) -> Vec<u8>,
}

impl Draft {
    pub(super) fn new(number: usize, change: &dyn Fn(&mut Self)) -> Self {
        let subject = name::parse(&format!("CN=input-{number}")).unwrap();
        let mut draft = Self {
            subject,
            body: Vec::new(),
            message: MessageBuilder {
                message_type: Some(MessageType::PkcsReq),
                transaction_id: Some(TransactionId::new(format!("INPUT-{number}"))),
                sender_nonce: Some(Nonce::new(*b"0123456789abcdef")),
                ..MessageBuilder::default()
            },
            signer: None,
            distortions: Vec::new(),
            seal: |envelope| envelope,
            finish: |message| message,
        };
        change(&mut draft);
        draft
    }

    pub(super) fn attribute(&mut self, oid: &str, value_der: Vec<u8>) {
        self.message.extra_attributes.push(ExtraAttribute { oid: oid.to_owned(), value_der });
    }

    pub(super) fn csr(
        &self,
        key: &PKey<Private>,
        digest: Digest,
        extensions: &[Extension],
    ) -> Vec<u8> {
        let builder = CsrBuilder {
            subject: &self.subject,
            key,
            challenge_password: Some(&Secret::new(CHALLENGE)),
            challenge_string: ChallengeString::default(),
            extensions,
            digest,
        };
        builder.encode().unwrap()
    }

    pub(super) fn request(mut self, ca: &X509) -> HttpRequest {
        let own =
            || self_signed(&self.subject, &KEY, Digest::Sha256, Clock::system().now()).unwrap();
        let signer = self.signer.clone().unwrap_or_else(own);
        if self.body.is_empty() {
            self.body = self.csr(&KEY, Digest::Sha256, &[]);
        }
        let (cipher, transport) = (Cipher::Aes128, KeyTransport::Pkcs1v15);
        let sealed = envelope::seal(&self.body, &[ca], cipher, transport, &mut rand_bytes).unwrap();
        self.message.content = Some((self.seal)(sealed));
        self.message.certificates.push(signer.certificate.clone());
        let encoded = danger::encode(&self.message, &signer, &self.distortions).unwrap();
        Operation::PkiOperation((self.finish)(encoded)).to_http(Method::Post)
    }
}
