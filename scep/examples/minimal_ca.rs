//! A CA in one file, to try a client with:
//!
//! ```console
//! $ cargo run --example minimal_ca --features http,vendored -- 127.0.0.1:8080 secret
//! ```
//!
//! A request with the challenge password is granted, and so is a renewal. A request without a password waits, and is granted when
//! the client polls, as if an operator had approved it in the meantime. Everything is forgotten when the program ends.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{
    cmp::Ordering,
    collections::HashMap,
    env,
    error::Error,
    fmt::Display,
    io, slice,
    sync::{Arc, Mutex, PoisonError},
};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use openssl::{
    asn1::Asn1Time,
    bn::{BigNum, MsbOption},
    error::ErrorStack,
    hash::MessageDigest,
    pkey::{HasPublic, PKey, PKeyRef, Private},
    rand::rand_bytes,
    rsa::Rsa,
    x509::{
        X509, X509Builder, X509NameRef,
        extension::{BasicConstraints, KeyUsage},
    },
};
use scep::{
    MAX_MESSAGE_BYTES,
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::{FailInfo, TransactionId},
    certificate::is_issued_by,
    http::{
        CA_CERTIFICATE, HttpRequest, HttpResponse, MAX_PIECES, Operation, PKI_MESSAGE, PartialBody,
    },
    identity::Identity,
    message::Message,
    name,
    request::Csr,
    secret::Secret,
    server::{self, Body, Header, Outcome, Reply, RequestError},
};
use tokio::net::TcpListener;

type AnyError = Box<dyn Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, password] = arguments.as_slice() else {
        return Err("usage: minimal_ca ADDRESS:PORT PASSWORD".into());
    };
    let ca = Ca::new(Secret::new(password.as_str()))?;
    let listener = TcpListener::bind(address).await?;
    println!("the CA is at http://{}/scep", listener.local_addr()?);
    Ok(serve(listener, Arc::new(ca)).await?)
}

/// Answers requests until the listener fails.
pub(crate) async fn serve(listener: TcpListener, ca: Arc<Ca>) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let ca = Arc::clone(&ca);
        let service = service_fn(move |request| respond(Arc::clone(&ca), request));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn respond(
    ca: Arc<Ca>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, AnyError> {
    let (head, mut body) = request.into_parts();
    let mut received = PartialBody::new(MAX_MESSAGE_BYTES, MAX_PIECES);
    while let Some(frame) = body.frame().await {
        if let Some(piece) = frame?.data_ref() {
            received.push(piece)?;
        }
    }
    let body = received.into_bytes();
    let response = match HttpRequest::try_from(Request::from_parts(head, body)) {
        Ok(request) => ca.answer(&request),
        Err(error) => refusal(400, &error),
    };
    Ok(Response::<Vec<u8>>::try_from(response)?.map(|body| Full::new(body.into())))
}

/// A CA with one key, which signs certificates and replies, and opens requests.
pub(crate) struct Ca {
    identity: Identity,
    password: Secret,
    waiting: Mutex<HashMap<TransactionId, Csr>>,
}

/// The most requests that wait.
const MAX_WAITING: usize = 100;

/// The CA's decision about a request: a certificate, or none yet.
type Decision = Result<Option<X509>, FailInfo>;

impl Ca {
    pub(crate) fn new(password: Secret) -> Result<Self, AnyError> {
        let key = PKey::from_rsa(Rsa::generate(2048)?)?;
        let subject = name::parse("CN=Minimal CA")?;
        let certificate = certificate(&subject, &key, &subject, &key, true)?;
        let identity = Identity { certificate, key };
        Ok(Self { identity, password, waiting: Mutex::default() })
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        match Operation::from_http(request) {
            Ok(Operation::GetCaCaps(_)) => ok("text/plain", b"SCEPStandard\nRenewal\n".to_vec()),
            Ok(Operation::GetCaCert(_)) => match self.identity.certificate.to_der() {
                Ok(certificate) => ok(CA_CERTIFICATE, certificate),
                Err(error) => refusal(500, &error),
            },
            Ok(Operation::PkiOperation(message)) => match self.cert_rep(&message) {
                Ok(reply) => ok(PKI_MESSAGE, reply),
                Err(error) => refusal(400, &error),
            },
            Ok(_) => refusal(404, &"there is no such operation here"),
            Err(error) => refusal(400, &error),
        }
    }

    /// The CertRep for a pkiMessage; an error is a message without a transaction to answer in.
    fn cert_rep(&self, bytes: &[u8]) -> Result<Vec<u8>, scep::Error> {
        let message = Message::parse(bytes)?;
        let (header, cipher, decision) = match server::open(&message, &self.identity) {
            Ok(server::Request { header, cipher, body, .. }) => {
                let is_obsolete = cipher == Cipher::Des || header.digest == Digest::Md5;
                let decision =
                    if is_obsolete { Err(FailInfo::BadAlg) } else { self.decide(&header, body) };
                (header, cipher, decision)
            }
            Err(RequestError { error, header: Some(header) }) => {
                (*header, Cipher::Aes128, Err(error.fail_info()))
            }
            Err(RequestError { error, header: None }) => return Err(error),
        };
        let outcome = match &decision {
            Ok(Some(certificate)) => {
                Outcome::Success { certificates: slice::from_ref(certificate), crls: &[] }
            }
            Ok(None) => Outcome::Pending,
            Err(fail_info) => Outcome::Failure { fail_info: fail_info.clone(), text: None },
        };
        let reply = Reply {
            header: &header,
            outcome,
            digest: Digest::Sha256,
            cipher,
            key_transport: KeyTransport::Pkcs1v15,
            password: None,
        };
        reply.message(&mut rand_bytes)?.encode(&self.identity)
    }

    fn decide(&self, header: &Header, body: Body) -> Decision {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match body {
            // RFC 8894 §3.3.1: the request proves that the client has the key.
            Body::PkcsReq(csr) | Body::RenewalReq(csr) if csr.verify().is_err() => {
                Err(FailInfo::BadMessageCheck)
            }
            Body::PkcsReq(csr) => match &csr.challenge_password {
                Some(password) if password.matches(&self.password) => self.issue(&csr),
                Some(_) => Err(FailInfo::BadRequest),
                None if waiting.len() == MAX_WAITING => Err(FailInfo::BadRequest),
                None => {
                    waiting.insert(header.transaction_id.clone(), csr);
                    Ok(None)
                }
            },
            Body::RenewalReq(csr) => {
                let is_ours = is_issued_by(&header.signer, &self.identity.certificate);
                let is_same_subject =
                    header.signer.subject_name().try_cmp(csr.subject()).is_ok_and(Ordering::is_eq);
                if is_ours && is_same_subject {
                    self.issue(&csr)
                } else {
                    Err(FailInfo::BadRequest)
                }
            }
            Body::CertPoll(_) => {
                let csr = waiting.remove(&header.transaction_id).ok_or(FailInfo::BadCertId)?;
                self.issue(&csr)
            }
            Body::GetCert(_) | Body::GetCrl(_) => Err(FailInfo::BadRequest),
        }
    }

    fn issue(&self, csr: &Csr) -> Decision {
        let Identity { certificate: own, key } = &self.identity;
        certificate(csr.subject(), &csr.public_key, own.subject_name(), key, false)
            .map(Some)
            .map_err(|_| FailInfo::BadRequest)
    }
}

/// A certificate that is valid for 90 days from now.
#[expect(clippy::disallowed_methods, reason = "a program of its own has the clock of the system")]
fn certificate<T: HasPublic>(
    subject: &X509NameRef,
    key: &PKeyRef<T>,
    issuer: &X509NameRef,
    issuer_key: &PKeyRef<Private>,
    is_ca: bool,
) -> Result<X509, ErrorStack> {
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::ONE, false)?;
    let mut builder = X509Builder::new()?;
    builder.set_version(2)?;
    builder.set_serial_number(&*serial.to_asn1_integer()?)?;
    builder.set_subject_name(subject)?;
    builder.set_issuer_name(issuer)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(&*Asn1Time::days_from_now(0)?)?;
    builder.set_not_after(&*Asn1Time::days_from_now(90)?)?;
    let mut usage = KeyUsage::new();
    usage.critical().digital_signature().key_encipherment();
    if is_ca {
        usage.key_cert_sign();
        builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
    }
    builder.append_extension(usage.build()?)?;
    builder.sign(issuer_key, MessageDigest::sha256())?;
    Ok(builder.build())
}

fn ok(content_type: &str, body: Vec<u8>) -> HttpResponse {
    HttpResponse {
        status: 200,
        content_type: Some(content_type.to_owned()),
        body,
        ..HttpResponse::default()
    }
}

fn refusal(status: u16, reason: &dyn Display) -> HttpResponse {
    let (content_type, body) = (Some("text/plain".to_owned()), reason.to_string().into_bytes());
    HttpResponse { status, content_type, body, ..HttpResponse::default() }
}
