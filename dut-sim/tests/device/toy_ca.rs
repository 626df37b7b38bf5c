//! A minimal CA that answers SCEP requests as the test has set.

mod certificates;
mod lists;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Public};
use openssl::rand::rand_bytes;
use openssl::x509::{X509Crl, X509Name, X509Req};
use scep::algorithm::KeyTransport;
use scep::attribute::FailInfo;
use scep::certs_only;
use scep::clock::Clock;
use scep::http::{HttpRequest, HttpResponse, Operation};
use scep::identity::Identity;
use scep::message::{Message, MessageBuilder};
use scep::request::Csr;
use scep::server::{Body, Header, Outcome, Reply, Request, open};

use self::certificates::{builder, distribution_points, key};
pub(crate) use self::certificates::{root, stranger_key};

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
    /// Issues, but does not know the request that a poll is about.
    Forgets,
    /// Answers every operation with this HTTP status.
    Status(u16),
    /// Refuses with a text that contains the password.
    LeakPassword,
    /// Answers with bytes that are not a message.
    Invalid,
    /// Answers with more bytes than a message may have.
    Endless,
}

/// What the CA gives out as its revocation list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    /// One that is valid from now on for so long.
    For(Duration),
    /// One that a stranger has signed in the CA's name.
    Forged,
    /// One that begins tomorrow.
    Tomorrow,
    /// One that ended yesterday.
    Expired,
    /// The first one again.
    First,
    /// Nothing: HTTP 404 at the distribution point, badCertId by GetCRL.
    None,
}

/// What the CA answers to GetNextCACert.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum NextAnswer {
    /// It does not offer the question.
    NotOffered,
    /// It has no next CA yet.
    NotYet,
    /// Signed by the current CA.
    Signed,
    /// Signed by a stranger.
    Forged,
}

pub(crate) struct ToyCa {
    identity: Mutex<Identity>,
    /// The CA from some day on.
    next: Mutex<Option<Identity>>,
    next_answer: Mutex<NextAnswer>,
    list: Mutex<List>,
    lists: Mutex<Vec<Vec<u8>>>,
    /// Serial numbers of revoked certificates, and when they were revoked.
    revoked: Mutex<Vec<(u32, SystemTime)>>,
    /// The URLs of the distribution points in new certificates.
    pub(crate) distribution_points: Mutex<Vec<String>>,
    /// What is at the distribution point in place of a list.
    pub(crate) page: Mutex<Option<HttpResponse>>,
    /// The answer to GetNextCACert in place of [`NextAnswer`].
    pub(crate) next_reply: Mutex<Option<Vec<u8>>>,
    answer: Mutex<Answer>,
    requests: Mutex<Vec<String>>,
    /// The names of CAs that GetCACaps and GetCACert asked for.
    identifiers: Mutex<Vec<Option<String>>>,
    /// The certification requests, in DER.
    csrs: Mutex<Vec<Vec<u8>>>,
    /// The types and transactions of all messages.
    exchanges: Mutex<Vec<(String, String)>>,
    next_serial: AtomicU32,
    /// The number of the next revocation list.
    next_number: AtomicU32,
    clock: Clock,
    /// Days for which a certificate is valid.
    days: AtomicU32,
}

impl ToyCa {
    pub(crate) fn new(answer: Answer, clock: Clock) -> Self {
        let identity = root("CN=Toy-PKI, O=Toy", key(), clock.now(), CA_DAYS);
        Self {
            identity: Mutex::new(identity),
            next: Mutex::default(),
            next_answer: Mutex::new(NextAnswer::NotOffered),
            list: Mutex::new(List::For(7 * DAY)),
            lists: Mutex::default(),
            revoked: Mutex::default(),
            distribution_points: Mutex::default(),
            page: Mutex::default(),
            next_reply: Mutex::default(),
            answer: Mutex::new(answer),
            requests: Mutex::default(),
            identifiers: Mutex::default(),
            csrs: Mutex::default(),
            exchanges: Mutex::default(),
            next_serial: AtomicU32::new(2),
            next_number: AtomicU32::new(1),
            clock,
            days: AtomicU32::new(365),
        }
    }

    pub(crate) fn identity(&self) -> Identity {
        self.identity.lock().unwrap().clone()
    }

    /// Has a next CA, which begins at this moment with a key of its own, and answers so when it is asked.
    pub(crate) fn announce(&self, from: SystemTime, answer: NextAnswer) {
        let next = root("CN=Next-PKI, O=Toy", stranger_key(), from, CA_DAYS);
        *self.next.lock().unwrap() = Some(next);
        *self.next_answer.lock().unwrap() = answer;
    }

    /// Replaces the CA by the next one.
    pub(crate) fn roll_over(&self) {
        *self.identity.lock().unwrap() = self.next.lock().unwrap().take().unwrap();
        *self.next_answer.lock().unwrap() = NextAnswer::NotOffered;
    }

    /// Revokes the certificate with this serial number.
    pub(crate) fn revoke(&self, serial: u32) {
        self.revoked.lock().unwrap().push((serial, self.clock.now()));
    }

    /// Takes all revocations back.
    pub(crate) fn revoke_none(&self) {
        self.revoked.lock().unwrap().clear();
    }

    /// Changes the revocation list from now on.
    pub(crate) fn give_out(&self, list: List) {
        *self.list.lock().unwrap() = list;
    }

    /// Certificate of the CA, in DER.
    #[cfg(target_os = "linux")]
    pub(crate) fn certificate(&self) -> Vec<u8> {
        self.identity().certificate.to_der().unwrap()
    }

    /// Fingerprint of the CA's certificate by this digest, in hexadecimal.
    pub(crate) fn fingerprint(&self, digest: MessageDigest) -> String {
        hex::encode(self.identity().certificate.digest(digest).unwrap())
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
        self.identity().key.private_key_to_pem_pkcs8().unwrap()
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
        if path == LIST_PATH {
            self.requests.lock().unwrap().push(format!("{path} ({})", request.query));
            if let Some(page) = &*self.page.lock().unwrap() {
                return page.clone();
            }
            return match self.revocation_list() {
                Some(list) => response(200, list),
                None => response(404, Vec::new()),
            };
        }
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
                let mut words = b"AES\nPOSTPKIOperation\nSHA-256\nSCEPStandard\n".to_vec();
                if *self.next_answer.lock().unwrap() != NextAnswer::NotOffered {
                    words.extend(b"GetNextCACert\n");
                }
                response(200, words)
            }
            (_, Operation::GetNextCaCert(_)) => self.next_ca(),
            (Answer::Invalid, _) => response(200, b"<html>".to_vec()),
            (_, Operation::GetCaCert(_)) => {
                response(200, self.identity().certificate.to_der().unwrap())
            }
            (answer, Operation::PkiOperation(message)) => {
                response(200, self.reply(answer, &message))
            }
            _ => response(400, Vec::new()),
        }
    }

    fn reply(&self, answer: Answer, message: &[u8]) -> Vec<u8> {
        let Request { header, body, .. } =
            open(&Message::parse(message).unwrap(), &self.identity()).unwrap();
        let mut named = self.exchanges.lock().unwrap();
        named.push((header.message_type.to_string(), header.transaction_id.as_str().to_owned()));
        drop(named);
        if matches!(body, Body::GetCrl(_)) {
            let list = self.revocation_list().map(|list| [X509Crl::from_der(&list).unwrap()]);
            return self.encode(
                &header,
                match &list {
                    Some(crls) => Outcome::Success { certificates: &[], crls },
                    None => Outcome::Failure { fail_info: FailInfo::BadCertId, text: None },
                },
            );
        }
        if let Body::PkcsReq(csr) = &body {
            self.csrs.lock().unwrap().push(csr.der.clone());
        }
        // A poll is about the last request.
        let last = self.csrs.lock().unwrap().last().unwrap().clone();
        let (password, public_key, subject) = asked_for(&Csr::from_der(&last).unwrap());
        let serial = self.next_serial.fetch_add(1, Ordering::Relaxed);
        let identity = self.identity();
        let issuer = identity.certificate.subject_name();
        let days = self.days.load(Ordering::Relaxed);
        let mut builder = builder(serial, &subject, issuer, self.clock.now(), days);
        builder.set_pubkey(&public_key).unwrap();
        let points = self.distribution_points.lock().unwrap().clone();
        if !points.is_empty() {
            builder.append_extension(distribution_points(&points)).unwrap();
        }
        builder.sign(&identity.key, MessageDigest::sha256()).unwrap();
        let certificates = [builder.build()];
        let text = format!("wrong challenge password `{}`", password.clone().unwrap_or_default());
        let outcome = match answer {
            Answer::Pending => Outcome::Pending,
            Answer::Forgets if matches!(body, Body::CertPoll(_)) => {
                Outcome::Failure { fail_info: FailInfo::BadCertId, text: None }
            }
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
            password: None,
        };
        reply.message(&mut rand_bytes).unwrap().encode(&self.identity()).unwrap()
    }

    /// The answer to GetNextCACert (RFC 8894 §4.7.1).
    fn next_ca(&self) -> HttpResponse {
        if let Some(reply) = &*self.next_reply.lock().unwrap() {
            return response(200, reply.clone());
        }
        let (next, identity) = (self.next.lock().unwrap().clone(), self.identity());
        let stranger = Identity { key: stranger_key(), certificate: identity.certificate.clone() };
        let (next, signer) = match (*self.next_answer.lock().unwrap(), next) {
            (NextAnswer::Signed, Some(next)) => (next, identity),
            (NextAnswer::Forged, Some(next)) => (next, stranger),
            _ => return response(404, Vec::new()),
        };
        let message = MessageBuilder {
            content: Some(certs_only::encode(&[next.certificate], &[]).unwrap()),
            ..MessageBuilder::default()
        };
        response(200, message.encode(&signer).unwrap())
    }

    /// The messages so far: their types and transactions.
    pub(crate) fn exchanges(&self) -> Vec<(String, String)> {
        self.exchanges.lock().unwrap().clone()
    }
}

/// Path of the revocation list.
const LIST_PATH: &str = "/list.crl";

/// Password, key and subject of a request.
fn asked_for(csr: &Csr) -> (Option<String>, PKey<Public>, X509Name) {
    assert_eq!(csr.verify(), Ok(()));
    let password = csr.challenge_password.as_ref().map(|password| password.expose().to_owned());
    (password, csr.public_key.clone(), csr.subject().to_owned().unwrap())
}

fn response(status: u16, body: Vec<u8>) -> HttpResponse {
    HttpResponse { status, body, ..HttpResponse::default() }
}
