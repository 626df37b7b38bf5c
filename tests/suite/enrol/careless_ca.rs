//! A CA that does what real CAs do and the mock CA does not: it drops names, issues expired certificates, and lists an old
//! certificate of its own.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::UNIX_EPOCH;

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{HasPublic, PKey, PKeyRef, Private};
use openssl::rand::rand_bytes;
use openssl::rsa::Rsa;
use openssl::x509::extension::BasicConstraints;
use openssl::x509::{X509, X509Builder, X509Name, X509NameRef};
use scep::algorithm::{Digest, KeyTransport};
use scep::attribute::FailInfo;
use scep::certs_only;
use scep::clock::Clock;
use scep::http::{CA_RA_CERTIFICATES, HttpRequest, HttpResponse, Method, Operation, PKI_MESSAGE};
use scep::identity::Identity;
use scep::message::Message;
use scep::name;
use scep::request::Csr;
use scep::server::{self, Body, Outcome, Reply};

/// The behaviour of the CA.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent faults")]
pub(super) struct CarelessCa {
    /// The CN alone is kept of a requested name, and nothing of the extensions.
    pub(super) drops_names: bool,
    /// The issued certificates have expired.
    pub(super) issues_expired: bool,
    /// An expired certificate with the CA's name and another key comes first in the answer to GetCACert.
    pub(super) lists_expired_ca: bool,
    /// A valid certificate of another CA, of which nothing is known here, is in the answer to GetCACert.
    pub(super) lists_another_ca: bool,
    /// The challenge password of each request, renewals too.
    pub(super) challenge: Option<&'static str>,
}

/// A running CA; its thread ends with the test.
struct Running {
    behaviour: CarelessCa,
    identity: Identity,
    list: Vec<X509>,
}

const DAY: i64 = 86_400;

impl CarelessCa {
    /// Starts the CA on a free port, and returns its URL.
    pub(super) fn start(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/scep", listener.local_addr().unwrap());
        let (key, old_key) = (rsa_key(), rsa_key());
        let subject = name::parse("CN=Careless CA").unwrap();
        let own = certificate(&subject, &key, &subject, &key, (-DAY, 90 * DAY), true);
        let mut list = vec![own.clone()];
        if self.lists_expired_ca {
            let (from, to) = (-9 * DAY, -DAY);
            list.insert(0, certificate(&subject, &old_key, &subject, &old_key, (from, to), true));
        }
        if self.lists_another_ca {
            let other = name::parse("CN=Another CA").unwrap();
            list.push(certificate(&other, &old_key, &other, &old_key, (-DAY, 90 * DAY), true));
        }
        let identity = Identity { certificate: own, key };
        let ca = Arc::new(Running { behaviour: self, identity, list });
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let ca = Arc::clone(&ca);
                thread::spawn(move || ca.serve(&stream));
            }
        });
        url
    }
}

impl Running {
    fn serve(&self, stream: &TcpStream) {
        let Some(request) = read(stream) else { return };
        let HttpResponse { status, content_type, body, .. } = self.answer(&request);
        let head = format!(
            "HTTP/1.1 {status} x\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            content_type.unwrap_or_default(),
            body.len()
        );
        let mut stream = stream;
        // A client that has gone away is none of the CA's business.
        let _ = stream.write_all(&[head.as_bytes(), &body].concat());
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let (content_type, body) = match Operation::from_http(request).unwrap() {
            Operation::GetCaCaps(_) => ("text/plain", b"SCEPStandard\nRenewal\n".to_vec()),
            Operation::GetCaCert(_) => {
                (CA_RA_CERTIFICATES, certs_only::encode(&self.list, &[]).unwrap())
            }
            Operation::PkiOperation(message) => match self.cert_rep(&message) {
                Some(reply) => (PKI_MESSAGE, reply),
                None => return HttpResponse { status: 400, ..HttpResponse::default() },
            },
            other => panic!("unexpected {other:?}"),
        };
        HttpResponse {
            status: 200,
            content_type: Some(content_type.to_owned()),
            body,
            ..HttpResponse::default()
        }
    }

    /// The reply; `None` to a message for another CA.
    fn cert_rep(&self, message: &[u8]) -> Option<Vec<u8>> {
        let message = Message::parse(message).unwrap();
        let request = server::open(&message, &self.identity).ok()?;
        let (Body::PkcsReq(csr) | Body::RenewalReq(csr)) = &request.body else {
            panic!("no request for a certificate")
        };
        let given = csr.challenge_password.as_ref().map(|password| password.expose().to_owned());
        let is_granted =
            self.behaviour.challenge.is_none_or(|wanted| given.as_deref() == Some(wanted));
        let certificates = [self.issue(csr)];
        let outcome = if is_granted {
            Outcome::Success { certificates: &certificates, crls: &[] }
        } else {
            Outcome::Failure { fail_info: FailInfo::BadRequest, text: Some("wrong challenge") }
        };
        let reply = Reply {
            header: &request.header,
            outcome,
            digest: Digest::Sha256,
            cipher: request.cipher,
            key_transport: KeyTransport::Pkcs1v15,
            password: None,
        };
        let mut reply = reply.message(&mut rand_bytes).unwrap();
        reply.certificates = vec![self.identity.certificate.clone()];
        Some(reply.encode(&self.identity).unwrap())
    }

    fn issue(&self, csr: &Csr) -> X509 {
        let subject = if self.behaviour.drops_names {
            let cn = csr.subject().entries_by_nid(Nid::COMMONNAME).next().unwrap();
            let mut name = X509Name::builder().unwrap();
            name.append_entry_by_nid(Nid::COMMONNAME, &cn.data().to_string().unwrap()).unwrap();
            name.build()
        } else {
            csr.subject().to_owned().unwrap()
        };
        let days = if self.behaviour.issues_expired { (-9 * DAY, -DAY) } else { (-DAY, DAY) };
        let Identity { certificate: own, key } = &self.identity;
        certificate(&subject, &csr.public_key, own.subject_name(), key, days, false)
    }
}

/// Reads a request; `None` if the client closed the connection before its end.
fn read(stream: &TcpStream) -> Option<HttpRequest> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let method = if words.next()? == "POST" { Method::Post } else { Method::Get };
    let query = words.next()?.split_once('?')?.1.to_owned();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((header, value)) = line.trim().split_once(':') else { break };
        headers.insert(header.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(HttpRequest { method, query, content_type: headers.remove("content-type"), body })
}

fn rsa_key() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
}

/// A certificate that is valid between these seconds from now.
fn certificate<T: HasPublic>(
    subject: &X509NameRef,
    key: &PKeyRef<T>,
    issuer: &X509NameRef,
    issuer_key: &PKeyRef<Private>,
    (from, to): (i64, i64),
    is_ca: bool,
) -> X509 {
    let mut serial = BigNum::new().unwrap();
    serial.rand(100, MsbOption::ONE, false).unwrap();
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(subject).unwrap();
    builder.set_issuer_name(issuer).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&from_now(from)).unwrap();
    builder.set_not_after(&from_now(to)).unwrap();
    if is_ca {
        builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    }
    builder.sign(issuer_key, MessageDigest::sha256()).unwrap();
    builder.build()
}

fn from_now(seconds: i64) -> Asn1Time {
    let now = Clock::system().now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Asn1Time::from_unix(i64::try_from(now).unwrap() + seconds).unwrap()
}
