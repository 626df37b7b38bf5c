//! A small CA, right or wrong as a test needs it, built on the server's side of the crate.

pub mod certificates;

use std::{
    sync::Mutex,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use openssl::{
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::PKey,
    rand::rand_bytes,
    x509::X509,
};

use scep::{
    algorithm::{Cipher, Digest},
    attribute::{FailInfo, MessageType, Nonce, PkiStatus, TransactionId},
    certs_only,
    client::Settings,
    http::{
        CA_CERTIFICATE, CA_RA_CERTIFICATES, HttpRequest, HttpResponse, Method, Operation,
        PKI_MESSAGE,
    },
    identity::Identity,
    message::{ExtraAttribute, Message, MessageBuilder, SignatureAlgorithm},
    name,
    secret::Secret,
    server::{self, Body, Outcome, Reply, Request},
};

use self::certificates::{authority, authority_of, certificate, ra, rsa_key, stranger};

/// The CA's answer to every request.
pub enum Answer {
    Success,
    Failure(FailInfo, Option<&'static str>),
    Pending,
}

/// Facts about the last pkiMessage that the CA received.
#[derive(Clone)]
pub struct Seen {
    pub method: Method,
    pub cipher: Cipher,
    pub digest: Digest,
    pub challenge: Option<String>,
    pub transaction_id: TransactionId,
    pub sender_nonce: Nonce,
    pub is_poll: bool,
    pub is_renewal: bool,
    pub message: Vec<u8>,
}

/// A mistake in a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    BrokenSignature,
    ForeignIssuer,
    ForeignSigner,
    OtherContent,
    OtherKey,
    OtherNonce,
    OtherRecipient,
    OtherSignatureAlgorithm,
    OtherTransaction,
    RepeatedAttribute,
    Text,
    WrongMessageType,
}

pub struct TestPki {
    pub ca: Identity,
    pub ca_response: (Option<String>, Vec<u8>),
    pub capabilities: String,
    pub answer: Answer,
    pub failure_content: Option<Vec<u8>>,
    pub flaw: Option<Flaw>,
    /// Further signed attributes of each reply: object identifiers and values in DER.
    pub further_attributes: Vec<(&'static str, Vec<u8>)>,
    decrypter: Identity,
    signer: Identity,
    seen: Mutex<Option<Seen>>,
    /// The requested subject and key, because a poll does not repeat them.
    requested: Mutex<Option<(Vec<u8>, Vec<u8>)>>,
}

impl TestPki {
    pub fn single_ca() -> Self {
        Self::of_one(authority("CN=Test CA", 365))
    }

    pub fn expired_ca() -> Self {
        Self::of_one(authority("CN=Old CA", 0))
    }

    /// A CA with one RA certificate for signing and one for deciphering, as NDES has them.
    pub fn with_ra(reversed: bool) -> Self {
        Self::with_ra_valid_for(365, 365, reversed)
    }

    /// The same, with RA certificates that are valid for so many days.
    pub fn with_ra_valid_for(signing: u64, deciphering: u64, reversed: bool) -> Self {
        Self::with_ra_of(authority("CN=Test CA", 365), signing, deciphering, reversed)
    }

    /// A CA with a key on a curve, and an RA with RSA keys.
    pub fn elliptic_with_ra() -> Self {
        let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap();
        Self::with_ra_of(authority_of("CN=Test CA", 365, key), 365, 365, false)
    }

    fn with_ra_of(ca: Identity, signing: u64, deciphering: u64, reversed: bool) -> Self {
        let (signer, decrypter) = (ra(&ca, true, signing), ra(&ca, false, deciphering));
        let mut list =
            vec![signer.certificate.clone(), decrypter.certificate.clone(), ca.certificate.clone()];
        if reversed {
            list.reverse();
        }
        let ca_response =
            (Some(CA_RA_CERTIFICATES.to_owned()), certs_only::encode(&list, &[]).unwrap());
        Self { ca_response, decrypter, signer, ..Self::of_one(ca) }
    }

    /// A CA that answers GetCACert with this list, and uses these certificates.
    pub fn listing(list: &[X509], ca: &Identity, decrypter: &Identity, signer: &Identity) -> Self {
        let ca_response =
            (Some(CA_RA_CERTIFICATES.to_owned()), certs_only::encode(list, &[]).unwrap());
        Self {
            ca_response,
            decrypter: decrypter.clone(),
            signer: signer.clone(),
            ..Self::of_one(ca.clone())
        }
    }

    fn of_one(ca: Identity) -> Self {
        Self {
            ca_response: (Some(CA_CERTIFICATE.to_owned()), ca.certificate.to_der().unwrap()),
            capabilities: "SCEPStandard\nRenewal".to_owned(),
            answer: Answer::Success,
            failure_content: None,
            flaw: None,
            further_attributes: Vec::new(),
            decrypter: ca.clone(),
            signer: ca.clone(),
            ca,
            seen: Mutex::default(),
            requested: Mutex::default(),
        }
    }

    /// Puts another CA and its RA before the certificates of GetCACert.
    pub fn add_another_ca(&mut self) {
        let stranger = stranger();
        let own = certs_only::decode(&self.ca_response.1).unwrap().certificates;
        let foreign = [ra(&stranger, false, 365).certificate, stranger.certificate];
        let list: Vec<X509> = foreign.into_iter().chain(own).collect();
        self.ca_response.1 = certs_only::encode(&list, &[]).unwrap();
    }

    /// Answers GetCACert with so many copies of the CA's certificate.
    pub fn repeat_ca_certificate(&mut self, times: usize) {
        let list = vec![self.ca.certificate.clone(); times];
        self.ca_response.1 = certs_only::encode(&list, &[]).unwrap();
    }

    pub fn replace_ra(&mut self) {
        let other = ra(&stranger(), false, 365);
        let list = [self.ca.certificate.clone(), other.certificate];
        self.ca_response.1 = certs_only::encode(&list, &[]).unwrap();
    }

    pub fn fingerprint(&self) -> Vec<u8> {
        self.ca.certificate.digest(MessageDigest::sha256()).unwrap().to_vec()
    }

    pub fn last_request(&self) -> Seen {
        self.seen.lock().unwrap().clone().expect("a pkiMessage was sent")
    }

    pub fn handle(&self, request: &HttpRequest) -> HttpResponse {
        let (content_type, body) = match Operation::from_http(request).unwrap() {
            Operation::GetCaCaps(_) => (None, self.capabilities.clone().into_bytes()),
            Operation::GetCaCert(_) => self.ca_response.clone(),
            Operation::PkiOperation(message) => {
                (Some(PKI_MESSAGE.to_owned()), self.answer(&message, request.method))
            }
            other => panic!("unexpected {other:?}"),
        };
        HttpResponse { status: 200, content_type, body, ..HttpResponse::default() }
    }

    fn answer(&self, message: &[u8], method: Method) -> Vec<u8> {
        let mut request = server::open(&Message::parse(message).unwrap(), &self.decrypter).unwrap();
        self.note(&request, message, method);
        let issued = self.issue();
        match self.flaw {
            Some(Flaw::OtherTransaction) => {
                request.header.transaction_id = TransactionId::new("another-transaction");
            }
            Some(Flaw::OtherNonce) => request.header.sender_nonce = Nonce::new([7; 16]),
            Some(Flaw::OtherRecipient) => request.header.signer = stranger().certificate,
            Some(Flaw::Text) => return b"internal error".to_vec(),
            _ => {}
        }
        let reply = self.encode(&request, &[issued]);
        self.spoil(reply)
    }

    /// Adds the mistakes that are made in the bytes of an encoded reply.
    fn spoil(&self, mut reply: Vec<u8>) -> Vec<u8> {
        // sha256WithRSAEncryption, which is last in the signer info; sha512WithRSAEncryption ends in 13.
        const SHA_256_WITH_RSA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
        match self.flaw {
            Some(Flaw::BrokenSignature) => *reply.last_mut().unwrap() ^= 1,
            Some(Flaw::OtherContent) => {
                let message = Message::parse(&reply).unwrap();
                let content = message.content().unwrap();
                let at = reply.windows(content.len()).position(|window| window == content);
                reply[at.unwrap() + content.len() - 1] ^= 1;
            }
            Some(Flaw::OtherSignatureAlgorithm) => {
                let length = SHA_256_WITH_RSA.len();
                let at = reply.windows(length).rposition(|window| window == SHA_256_WITH_RSA);
                reply[at.unwrap() + length - 1] = 0x0d;
            }
            Some(Flaw::WrongMessageType) => {
                let message = Message::parse(&reply).unwrap();
                let other = MessageBuilder {
                    message_type: Some(MessageType::PkcsReq),
                    transaction_id: Some(message.attributes().transaction_id().unwrap()),
                    sender_nonce: Some(message.attributes().sender_nonce().unwrap()),
                    recipient_nonce: Some(message.attributes().recipient_nonce().unwrap()),
                    pki_status: Some(PkiStatus::Success),
                    content: message.content().map(<[u8]>::to_vec),
                    ..MessageBuilder::default()
                };
                reply = other.encode(&self.signer).unwrap();
            }
            _ => {}
        }
        reply
    }

    fn encode(&self, request: &Request, certificates: &[X509]) -> Vec<u8> {
        let stranger = stranger();
        let signer = if self.flaw == Some(Flaw::ForeignSigner) { &stranger } else { &self.signer };
        let reply = Reply {
            header: &request.header,
            outcome: match &self.answer {
                Answer::Success => Outcome::Success { certificates, crls: &[] },
                Answer::Failure(fail_info, text) => {
                    Outcome::Failure { fail_info: fail_info.clone(), text: *text }
                }
                Answer::Pending => Outcome::Pending,
            },
            digest: request.header.digest,
            cipher: request.cipher,
            key_transport: request.key_transport,
            password: None,
        };
        let mut message = reply.message(&mut rand_bytes).unwrap();
        message.certificates = vec![signer.certificate.clone()];
        message.signature_algorithm = SignatureAlgorithm::WithDigest;
        message.signing_time = Some(now());
        if message.content.is_none() {
            message.content.clone_from(&self.failure_content);
        }
        message.extra_attributes = self.extra_attributes();
        message.encode(signer).unwrap()
    }

    fn extra_attributes(&self) -> Vec<ExtraAttribute> {
        let again = ExtraAttribute {
            oid: "2.16.840.1.113733.1.9.7".to_owned(),
            value_der: vec![0x13, 0x01, b'7'],
        };
        let further = self.further_attributes.iter().map(|(oid, value)| ExtraAttribute {
            oid: (*oid).to_owned(),
            value_der: value.clone(),
        });
        let again = (self.flaw == Some(Flaw::RepeatedAttribute)).then_some(again);
        again.into_iter().chain(further).collect()
    }

    fn note(&self, request: &Request, message: &[u8], method: Method) {
        let challenge = match &request.body {
            Body::PkcsReq(csr) | Body::RenewalReq(csr) => {
                let key = csr.public_key.public_key_to_der().unwrap();
                let subject = csr.subject().to_der().unwrap();
                *self.requested.lock().unwrap() = Some((subject, key));
                csr.challenge_password.as_ref().map(|password| password.expose().to_owned())
            }
            _ => None,
        };
        *self.seen.lock().unwrap() = Some(Seen {
            method,
            cipher: request.cipher,
            digest: request.header.digest,
            challenge,
            transaction_id: request.header.transaction_id.clone(),
            sender_nonce: request.header.sender_nonce.clone(),
            is_poll: matches!(request.body, Body::CertPoll(_)),
            is_renewal: matches!(request.body, Body::RenewalReq(_)),
            message: message.to_vec(),
        });
    }

    fn issue(&self) -> X509 {
        let (subject, key) =
            self.requested.lock().unwrap().clone().expect("a request was received");
        let subject = openssl::x509::X509Name::from_der(&subject).unwrap();
        let mut key = PKey::public_key_from_der(&key).unwrap();
        if self.flaw == Some(Flaw::OtherKey) {
            key = PKey::public_key_from_der(&rsa_key().public_key_to_der().unwrap()).unwrap();
        }
        let stranger = stranger();
        let issuer = if self.flaw == Some(Flaw::ForeignIssuer) { &stranger } else { &self.ca };
        let name = issuer.certificate.subject_name();
        certificate(&subject, &key, name, &issuer.key, 365, |_| {})
    }
}

/// Settings of a client with a fresh key and the challenge password `secret`.
pub fn client_settings() -> Settings {
    let mut settings = Settings::new(rsa_key(), name::parse("CN=MyUserCert").unwrap());
    settings.challenge = Some(Secret::new("secret"));
    settings
}

/// The tests' fixed time: 2026-01-01 00:00 UTC.
pub fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_767_225_600)
}
