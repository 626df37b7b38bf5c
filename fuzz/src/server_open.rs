//! A request, as a server opens it and as a mock CA decides it.

use mock_ca::{Approval, Ca};
use scep::{
    body::{IssuerAndSerial, IssuerAndSubject},
    client::{CaCertificates, Exchange, Expected, Reply},
    http::{Method, Operation},
    message::{Message, MessageBuilder},
    name,
    request::Csr,
    server::{self, Body, Header, Outcome, Request},
};

use crate::{
    MAX_INPUT_BYTES,
    fixtures::{
        self, CA, DEVICE, PERSONALITIES, entropy, exchange, message_type, mock_ca, now,
        request_message,
    },
    text,
};

/// Opens a request as a server with a fixed key, and answers it.
///
/// What is changed in a signed or enciphered message goes no further than the signature or the cipher. So the first byte says
/// how far the data has come, and the second, a digit from 0 to 4, of which type the request is:
///
/// - `0`, which is `SEQUENCE` in BER: a pkiMessage.
/// - `e`: a pkcsPKIEnvelope, which is signed first.
/// - `b`: the content of an envelope, which is enciphered and signed first.
/// - `m`: the same, sent to a mock CA of each personality.
///
/// # Panics
/// If what was opened cannot be written and read again, if a reply cannot be read by a client, or if a challenge password is shown.
pub fn server_open(data: &[u8]) {
    if data.len() > MAX_INPUT_BYTES {
        return;
    }
    match data {
        [b'0', ..] => open(data),
        [b'e', digit, envelope @ ..] => open(&signed(*digit, envelope)),
        [b'b', digit, body @ ..] => {
            let message = request_message(message_type(*digit));
            let encoded = message.encode(body, &CA.certificate, &mut entropy);
            open(&encoded.expect("a request can be encoded"));
        }
        [b'm', digit, body @ ..] => {
            for personality in PERSONALITIES {
                decide(&mock_ca(personality, Approval::Automatic), *digit, body);
            }
        }
        _ => {}
    }
}

fn signed(digit: u8, envelope: &[u8]) -> Vec<u8> {
    let message = request_message(message_type(digit));
    let builder = MessageBuilder {
        message_type: Some(message.message_type),
        transaction_id: Some(message.transaction_id),
        sender_nonce: Some(message.sender_nonce),
        content: Some(envelope.to_vec()),
        certificates: vec![DEVICE.certificate.clone()],
        ..MessageBuilder::default()
    };
    builder.encode(&DEVICE).expect("a message can be signed")
}

fn open(bytes: &[u8]) {
    let Some(message) = text::checked(Message::parse(bytes)) else { return };
    match server::open(&message, &CA) {
        Ok(request) => {
            check_body(&request);
            answer(&request.header);
        }
        Err(refused) => {
            text::check(&refused.to_string());
            text::check(&refused.error.fail_info().to_string());
            refused.header.iter().for_each(|header| answer(header));
        }
    }
}

fn check_body(request: &Request) {
    match &request.body {
        Body::PkcsReq(csr) | Body::RenewalReq(csr) => check_csr(csr),
        Body::CertPoll(asked) => {
            let encoded = IssuerAndSubject::encode(&asked.issuer, &asked.subject);
            let Some(encoded) = text::checked(encoded) else { return };
            let again = IssuerAndSubject::from_der(&encoded).expect("what was encoded");
            assert_eq!(IssuerAndSubject::encode(&again.issuer, &again.subject).ok(), Some(encoded));
        }
        Body::GetCert(asked) | Body::GetCrl(asked) => {
            let encoded = IssuerAndSerial::encode_parts(&asked.issuer, &asked.serial);
            let Some(encoded) = text::checked(encoded) else { return };
            let again = IssuerAndSerial::from_der(&encoded).expect("what was encoded");
            assert_eq!(again.serial, asked.serial);
        }
    }
}

fn check_csr(csr: &Csr) {
    text::check_characters(&name::to_text(csr.subject()));
    let again = Csr::from_der(&csr.der).expect("what was read");
    assert_eq!((again.verify(), again.key_usage()), (csr.verify(), csr.key_usage()));
    assert!(again.challenge_password == csr.challenge_password);
    assert_eq!(again.extensions, csr.extensions);
}

/// Answers with a refusal and with a certificate, and reads both as the client, who can open the latter only if it is ours.
fn answer(header: &Header) {
    let (ca, words) = (&CA.certificate, Some("no"));
    let fail_info = scep::attribute::FailInfo::BadRequest;
    match reply(header, Outcome::Failure { fail_info: fail_info.clone(), text: words }) {
        None => return,
        Some(Ok(Reply::Failure(denial))) => {
            assert_eq!((denial.fail_info, denial.text.as_deref()), (Some(fail_info), words));
        }
        Some(_) => panic!("the refusal is read as something else"),
    }
    let certificates = std::slice::from_ref(ca);
    let granted = reply(header, Outcome::Success { certificates, crls: &[] });
    if header.signer == DEVICE.certificate {
        match granted {
            Some(Ok(Reply::Success(content))) => assert_eq!(content.certificates, certificates),
            _ => panic!("the certificate is read as something else"),
        }
    }
}

/// A reply as the client reads it; `None` if it cannot be built, as for a transaction that is no `PrintableString`.
fn reply(header: &Header, outcome: Outcome<'_>) -> Option<Result<Reply, scep::client::Refusal>> {
    let request = request_message(header.message_type.clone());
    let (digest, cipher, key_transport) = (request.digest, request.cipher, request.key_transport);
    let reply = server::Reply { header, outcome, digest, cipher, key_transport, password: None };
    let message = text::checked(reply.message(&mut entropy))?;
    let encoded = text::checked(message.encode(&CA))?;
    let read = Reply::read(
        &encoded,
        &Expected {
            exchange: Exchange::PkiOperation(None),
            transaction_id: &header.transaction_id,
            sender_nonce: &header.sender_nonce,
            signers: &[&CA.certificate],
            recipient: &DEVICE,
            password: None,
            takes_obsolete_algorithms: false,
            now: now(),
        },
    );
    Some(read.inspect_err(|refusal| text::check(&refusal.to_string())))
}

/// Sends a body to a mock CA, and looks at all that it says of it.
fn decide(ca: &std::sync::Arc<Ca>, digit: u8, body: &[u8]) {
    let certificates = CaCertificates::sort(ca.certificates()).expect("the CA's certificates");
    let message = request_message(message_type(digit));
    let encoded = message.encode(body, certificates.recipient(now()), &mut entropy);
    let operation = Operation::PkiOperation(encoded.expect("a request can be encoded"));
    let (path, query) = (ca.paths()[0], operation.to_http(Method::Get).query);
    let sent = format!("GET {path}?{query} HTTP/1.1\r\nHost: ca\r\nConnection: close\r\n\r\n");
    let serve = |io| ca.serve_connection(io, "fuzz".to_owned());
    let answer = fixtures::run(exchange(serve, sent.as_bytes(), false));
    let (status, reply) = fixtures::response(&answer);
    let expected = Expected {
        exchange: Exchange::PkiOperation(None),
        transaction_id: &message.transaction_id,
        sender_nonce: &message.sender_nonce,
        signers: &certificates.signers(),
        recipient: &DEVICE,
        password: None,
        takes_obsolete_algorithms: true,
        now: now(),
    };
    if status == 200
        && let Some(Reply::Success(content)) = text::checked(Reply::read(reply, &expected))
    {
        text::checked(certificates.issued(&content.certificates, &DEVICE.key));
    }
    let issued = ca.issued().expect("the state can be read");
    for issued in &issued {
        text::check_characters(&issued.subject);
    }
    let log = ca.log().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(log.len(), 1);
    for line in &log {
        text::check(line);
    }
    check_secret(body, &format!("{log:?} {issued:?} {:?}", ca.requests()));
}

/// A challenge password is shown nowhere, unless it is part of something else in the request.
fn check_secret(body: &[u8], shown: &str) {
    let Ok(csr) = Csr::from_der(body) else { return };
    let Some(password) = &csr.challenge_password else { return };
    let password = password.expose();
    let is_elsewhere = body.windows(password.len().max(1)).filter(|it| *it == password.as_bytes());
    if password.len() >= 8 && is_elsewhere.count() == 1 {
        assert!(!shown.contains(password), "the challenge password is shown: {shown}");
    }
}
