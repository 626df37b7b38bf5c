//! A server that answers requests for certificates with given texts, one after the other.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;

use openssl::pkey::PKey;
use openssl::rand::rand_bytes;
use openssl::rsa::Rsa;
use openssl::x509::X509NameBuilder;
use scep::algorithm::{Digest, KeyTransport};
use scep::attribute::FailInfo;
use scep::clock::Clock;
use scep::http::{HttpRequest, Method, Operation, PKI_MESSAGE};
use scep::identity::Identity;
use scep::message::Message;
use scep::server::{self, Outcome, Reply};

use super::secret_forms::SECRET;

/// How the text is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// As the body of HTTP 403, in JSON if it has several lines.
    Denied,
    /// As the failInfoText of a CertRep.
    FailInfoText,
}

/// A running server; its threads end with the test.
pub(crate) struct EchoServer {
    pub(crate) authority: String,
}

/// The CA of all servers, because keys take long to make. Its name has the secret, too.
static CA: LazyLock<Identity> = LazyLock::new(|| {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", "Echo CA").unwrap();
    subject.append_entry_by_text("ST", SECRET).unwrap();
    let (subject, now) = (subject.build(), Clock::system().now());
    scep::request::self_signed(&subject, &key, Digest::Sha256, now).unwrap()
});

impl EchoServer {
    pub(crate) fn start(answer: Answer, text: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let texts = vec![text.to_owned()];
        thread::spawn(move || serve_all(&listener, answer, texts));
        Self { authority }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/scep", self.authority)
    }

    /// The page of an administrator.
    pub(crate) fn page(&self) -> String {
        format!("http://{}/admin", self.authority)
    }
}

/// The variable with the address and the file for [`be_the_server_if_asked`].
const ASKED: &str = "SCEPLAB_TEST_ECHO_SERVER";

/// The environment in which this test program is a server at an address, with the texts in a file: an array in JSON.
pub(crate) fn environment(address: &str, texts: &str) -> (&'static str, String) {
    (ASKED, format!("{address} {texts}"))
}

/// Serves for ever if the environment asks for it. So a lab can run this test program as a PKI.
pub(crate) fn be_the_server_if_asked() {
    let Ok(asked) = std::env::var(ASKED) else { return };
    let (address, texts) = asked.split_once(' ').unwrap();
    let texts = serde_json::from_str(&std::fs::read_to_string(texts).unwrap()).unwrap();
    let listener = TcpListener::bind(address).unwrap();
    serve_all(&listener, Answer::FailInfoText, texts);
}

fn serve_all(listener: &TcpListener, answer: Answer, texts: Vec<String>) {
    let texts = Arc::new((texts, AtomicUsize::new(0)));
    for stream in listener.incoming().map_while(Result::ok) {
        let texts = Arc::clone(&texts);
        thread::spawn(move || serve(&stream, answer, &texts));
    }
}

fn serve(mut stream: &TcpStream, answer: Answer, texts: &(Vec<String>, AtomicUsize)) -> Option<()> {
    let request = read(stream)?;
    let operation = Operation::from_http(&request);
    let next = || match &operation {
        Ok(Operation::PkiOperation(_)) => texts.1.fetch_add(1, Ordering::Relaxed),
        _ => 0,
    };
    let text = &texts.0[next() % texts.0.len()];
    let (status, content_type, body) = match operation {
        Ok(Operation::GetCaCaps(_)) => {
            (200, "text/plain", b"SCEPStandard\nPOSTPKIOperation\n".to_vec())
        }
        Ok(Operation::GetCaCert(_)) => {
            (200, "application/x-x509-ca-cert", CA.certificate.to_der().unwrap())
        }
        Ok(Operation::PkiOperation(message)) if answer == Answer::FailInfoText => {
            (200, PKI_MESSAGE, refusal(&message, text))
        }
        _ if text.contains('\n') => {
            (403, "application/json", serde_json::json!({"message": text}).to_string().into_bytes())
        }
        _ => (403, "text/plain", text.as_bytes().to_vec()),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} x\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), &body].concat()).ok()
}

/// A CertRep with this failInfoText.
fn refusal(message: &[u8], text: &str) -> Vec<u8> {
    let message = Message::parse(message).unwrap();
    let request = server::open(&message, &CA).unwrap();
    let reply = Reply {
        header: &request.header,
        outcome: Outcome::Failure { fail_info: FailInfo::BadRequest, text: Some(text) },
        digest: Digest::Sha256,
        cipher: request.cipher,
        key_transport: KeyTransport::Pkcs1v15,
        password: None,
    };
    let mut reply = reply.message(&mut rand_bytes).unwrap();
    reply.certificates = vec![CA.certificate.clone()];
    reply.encode(&CA).unwrap()
}

/// Reads a request; `None` if the client closed the connection before its end.
fn read(stream: &TcpStream) -> Option<HttpRequest> {
    let mut reader = BufReader::new(stream);
    let mut lines = reader.by_ref().lines().map_while(Result::ok);
    let first = lines.next()?;
    let mut words = first.split_whitespace();
    let method = if words.next()? == "POST" { Method::Post } else { Method::Get };
    let query = words.next()?.split_once('?').map_or("", |(_, query)| query).to_owned();
    let headers: HashMap<String, String> = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_lowercase(), value.to_owned()))
        })
        .collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(HttpRequest { method, query, content_type: None, body })
}
