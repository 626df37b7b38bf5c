//! A minimal CA that answers SCEP requests as the test has set.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, SystemTime};

use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private, Public};
use openssl::rand::rand_bytes;
use openssl::rsa::Rsa;
use openssl::x509::extension::{BasicConstraints, KeyUsage};
use openssl::x509::{X509, X509Builder, X509Name, X509NameRef, X509Req};
use scep::algorithm::KeyTransport;
use scep::attribute::FailInfo;
use scep::clock::{Clock, asn1_time};
use scep::http::{HttpRequest, HttpResponse, Operation};
use scep::identity::Identity;
use scep::message::Message;
use scep::request::Csr;
use scep::server::{Body, Header, Outcome, Reply, Request, open};

const DAY: Duration = Duration::from_secs(86_400);
/// Days for which the CA's own certificate is valid.
const CA_DAYS: u32 = 20 * 365;

/// Behaviour of the CA.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Issues a certificate if the password is `secret`.
    Issue,
    /// Answers PENDING.
    Pending,
    /// Answers every operation with this HTTP status.
    Status(u16),
    /// Refuses with a text that contains the password.
    LeakPassword,
    /// Answers with bytes that are not a message.
    Invalid,
    /// Answers with more bytes than a message may have.
    Endless,
}

pub(crate) struct ToyCa {
    identity: Identity,
    answer: Mutex<Answer>,
    requests: Mutex<Vec<String>>,
    /// The names of CAs that GetCACaps and GetCACert asked for.
    identifiers: Mutex<Vec<Option<String>>>,
    /// The certification requests, in DER.
    csrs: Mutex<Vec<Vec<u8>>>,
    next_serial: AtomicU32,
    clock: Clock,
    /// Days for which a certificate is valid.
    days: AtomicU32,
}

/// One key for all CAs, because making a key takes longer than all the rest.
fn key() -> PKey<Private> {
    static KEY: LazyLock<PKey<Private>> =
        LazyLock::new(|| PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap());
    KEY.clone()
}

impl ToyCa {
    pub(crate) fn new(answer: Answer, clock: Clock) -> Self {
        let key = key();
        let subject = scep::name::parse("CN=Toy-PKI, O=Toy").unwrap();
        let mut builder = builder(1, &subject, &subject, clock.now(), CA_DAYS);
        builder.set_pubkey(&key).unwrap();
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        let usage = KeyUsage::new().key_cert_sign().crl_sign().build().unwrap();
        builder.append_extension(usage).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        let identity = Identity { certificate: builder.build(), key };
        Self {
            identity,
            answer: Mutex::new(answer),
            requests: Mutex::default(),
            identifiers: Mutex::default(),
            csrs: Mutex::default(),
            next_serial: AtomicU32::new(2),
            clock,
            days: AtomicU32::new(365),
        }
    }

    /// Certificate of the CA, in DER.
    #[cfg(target_os = "linux")]
    pub(crate) fn certificate(&self) -> Vec<u8> {
        self.identity.certificate.to_der().unwrap()
    }

    /// Fingerprint of the CA's certificate by this digest, in hexadecimal.
    pub(crate) fn fingerprint(&self, digest: MessageDigest) -> String {
        hex::encode(self.identity.certificate.digest(digest).unwrap())
    }

    /// The names of CAs that GetCACaps and GetCACert asked for.
    pub(crate) fn identifiers(&self) -> Vec<Option<String>> {
        self.identifiers.lock().unwrap().clone()
    }

    /// The certification requests so far.
    pub(crate) fn csrs(&self) -> Vec<X509Req> {
        let csrs = self.csrs.lock().unwrap();
        csrs.iter().map(|der| X509Req::from_der(der).unwrap()).collect()
    }

    /// Key of the CA, in PEM.
    #[cfg(target_os = "linux")]
    pub(crate) fn key(&self) -> Vec<u8> {
        self.identity.key.private_key_to_pem_pkcs8().unwrap()
    }

    /// Issues certificates that are valid for so many days from now on.
    pub(crate) fn issue_for(&self, days: u32) {
        self.days.store(days, Ordering::Relaxed);
    }

    /// Changes the behaviour from now on.
    pub(crate) fn change(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// The requested operations so far, with their paths.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn respond(&self, path: &str, request: &HttpRequest) -> HttpResponse {
        let operation = Operation::from_http(request).unwrap();
        self.requests.lock().unwrap().push(format!("{path} {}", operation.name()));
        if let Operation::GetCaCaps(identifier) | Operation::GetCaCert(identifier) = &operation {
            self.identifiers.lock().unwrap().push(identifier.clone());
        }
        let answer = *self.answer.lock().unwrap();
        match (answer, operation) {
            (Answer::Status(status), _) => response(status, Vec::new()),
            (Answer::Endless, _) => response(200, vec![b'A'; scep::MAX_MESSAGE_BYTES + 1]),
            (_, Operation::GetCaCaps(_)) => {
                response(200, b"AES\nPOSTPKIOperation\nSHA-256\nSCEPStandard\n".to_vec())
            }
            (Answer::Invalid, _) => response(200, b"<html>".to_vec()),
            (_, Operation::GetCaCert(_)) => {
                response(200, self.identity.certificate.to_der().unwrap())
            }
            (answer, Operation::PkiOperation(message)) => {
                response(200, self.reply(answer, &message))
            }
            _ => response(400, Vec::new()),
        }
    }

    fn reply(&self, answer: Answer, message: &[u8]) -> Vec<u8> {
        let Request { header, body, .. } =
            open(&Message::parse(message).unwrap(), &self.identity).unwrap();
        if let Body::PkcsReq(csr) = &body {
            self.csrs.lock().unwrap().push(csr.der.clone());
        }
        // A poll is about the last request.
        let last = self.csrs.lock().unwrap().last().unwrap().clone();
        let (password, public_key, subject) = asked_for(&Csr::from_der(&last).unwrap());
        let serial = self.next_serial.fetch_add(1, Ordering::Relaxed);
        let issuer = self.identity.certificate.subject_name();
        let days = self.days.load(Ordering::Relaxed);
        let mut builder = builder(serial, &subject, issuer, self.clock.now(), days);
        builder.set_pubkey(&public_key).unwrap();
        builder.sign(&self.identity.key, MessageDigest::sha256()).unwrap();
        let certificates = [builder.build()];
        let text = format!("wrong challenge password `{}`", password.clone().unwrap_or_default());
        let outcome = match answer {
            Answer::Pending => Outcome::Pending,
            Answer::LeakPassword => {
                Outcome::Failure { fail_info: FailInfo::BadRequest, text: Some(&text) }
            }
            _ if password.as_deref() == Some("secret") => {
                Outcome::Success { certificates: &certificates, crls: &[] }
            }
            _ => Outcome::Failure { fail_info: FailInfo::BadMessageCheck, text: None },
        };
        self.encode(&header, outcome)
    }

    fn encode(&self, header: &Header, outcome: Outcome<'_>) -> Vec<u8> {
        let reply = Reply {
            header,
            outcome,
            digest: header.digest,
            cipher: scep::algorithm::Cipher::Aes128,
            key_transport: KeyTransport::Pkcs1v15,
        };
        reply.message(&mut rand_bytes).unwrap().encode(&self.identity).unwrap()
    }
}

/// Password, key and subject of a request.
fn asked_for(csr: &Csr) -> (Option<String>, PKey<Public>, X509Name) {
    assert_eq!(csr.verify(), Ok(()));
    let password = csr.challenge_password.as_ref().map(|password| password.expose().to_owned());
    (password, csr.public_key.clone(), csr.subject().to_owned().unwrap())
}

fn response(status: u16, body: Vec<u8>) -> HttpResponse {
    HttpResponse { status, body, ..HttpResponse::default() }
}

fn builder(
    serial: u32,
    subject: &X509NameRef,
    issuer: &X509NameRef,
    now: SystemTime,
    days: u32,
) -> X509Builder {
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let serial = BigNum::from_u32(serial).unwrap().to_asn1_integer().unwrap();
    builder.set_serial_number(&serial).unwrap();
    builder.set_subject_name(subject).unwrap();
    builder.set_issuer_name(issuer).unwrap();
    builder.set_not_before(&asn1_time(now).unwrap()).unwrap();
    builder.set_not_after(&asn1_time(now + DAY * days).unwrap()).unwrap();
    builder
}
