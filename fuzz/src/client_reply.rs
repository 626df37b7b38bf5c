//! A CA's answers, as a client reads them.

mod upkeep;

use scep::{
    attribute::{FailInfo, MessageType, Nonce, PkiStatus, TransactionId},
    certs_only,
    client::{CaCertificates, Client, Exchange, Expected, Next, Reply, Settings},
    envelope,
    http::{HttpResponse, Operation},
    message::{Message, MessageBuilder},
    name,
};

use crate::{
    MAX_INPUT_BYTES,
    fixtures::{CA, CHALLENGE, DEVICE, STEP_CA, entropy, now, request_message, transaction_id},
    text,
};

/// Reads a CA's answer as a client with a fixed key.
///
/// What is changed in a signed or enciphered message goes no further than the signature or the cipher. So the first byte says
/// how far the data has come:
///
/// - `0`, which is `SEQUENCE` in BER: a CertRep.
/// - `e`: a pkcsPKIEnvelope, which is signed first.
/// - `c`: the content of an envelope, which is enciphered and signed first.
/// - `f`: the failInfo in one byte and the failInfoText of a refusal, which is signed first.
/// - `s`: the status, in one byte, and the body of an answer that is no CertRep.
/// - `k`: the body of the answer to GetCACaps.
/// - `g`: the body of the answer to GetCACert.
/// - `n`: the body of the answer to GetNextCACert.
/// - `x`: the content of such an answer, which is signed first.
/// - `l`: a revocation list, as a distribution point returns it.
/// - `q`: the content of the answer to GetCRL, which is enciphered and signed first.
///
/// # Panics
/// If what was read cannot be written and read again, if a request that the client makes of it cannot be read, or if a revocation list
/// is taken for the CA's that the CA has not signed.
pub fn client_reply(data: &[u8]) {
    if data.len() > MAX_INPUT_BYTES {
        return;
    }
    match data {
        [b'0', ..] => cert_rep(data),
        [b'e', envelope @ ..] => cert_rep(&signed(success(envelope.to_vec()))),
        [b'c', content @ ..] => cert_rep(&signed(success(sealed(content)))),
        [b'f', fail_info, words @ ..] => refused(*fail_info, &String::from_utf8_lossy(words)),
        [b's', status, body @ ..] => conversation(b"SCEPStandard", &CA_DER, (*status, body)),
        [b'k', capabilities @ ..] => conversation(capabilities, &CA_DER, (200, b"")),
        [b'g', certificates @ ..] => conversation(b"SCEPStandard", certificates, (200, b"")),
        [b'n', body @ ..] => upkeep::next_ca(body),
        [b'x', content @ ..] => upkeep::next_ca(&upkeep::signed_content(content)),
        [b'l', list @ ..] => upkeep::revocation_list(list),
        [b'q', content @ ..] => upkeep::get_crl(&sealed(content)),
        _ => {}
    }
}

static CA_DER: std::sync::LazyLock<Vec<u8>> =
    std::sync::LazyLock::new(|| CA.certificate.to_der().expect("a certificate"));

/// The content in an envelope for the device.
fn sealed(content: &[u8]) -> Vec<u8> {
    let request = request_message(MessageType::PkcsReq);
    let (recipients, cipher) = ([&*DEVICE.certificate], request.cipher);
    let sealed = envelope::seal(content, &recipients, cipher, request.key_transport, &mut entropy);
    sealed.expect("content can be sealed")
}

fn success(envelope: Vec<u8>) -> MessageBuilder {
    MessageBuilder {
        pki_status: Some(PkiStatus::Success),
        content: Some(envelope),
        ..MessageBuilder::default()
    }
}

fn signed(message: MessageBuilder) -> Vec<u8> {
    let message = MessageBuilder {
        message_type: Some(MessageType::CertRep),
        transaction_id: Some(transaction_id()),
        sender_nonce: Some(Nonce::new([1; 16])),
        recipient_nonce: Some(Nonce::new([0x5a; 16])),
        ..message
    };
    message.encode(&CA).expect("a message can be signed")
}

/// Reads a CertRep as the answer to a request of the same transaction and nonce, if it names them.
fn cert_rep(bytes: &[u8]) {
    let message = Message::parse(bytes).ok();
    let attributes = message.as_ref().map(Message::attributes);
    let transaction_id = attributes.and_then(|it| it.transaction_id().ok());
    let nonce = attributes.and_then(|it| it.recipient_nonce().ok());
    let expected = Expected {
        exchange: Exchange::PkiOperation(None),
        transaction_id: &transaction_id.unwrap_or(TransactionId::new("1")),
        sender_nonce: &nonce.unwrap_or(Nonce::new([1])),
        signers: &[&CA.certificate, &STEP_CA],
        recipient: &DEVICE,
        password: None,
        takes_obsolete_algorithms: true,
        now: now(),
    };
    let Some(reply) = text::checked(Reply::read(bytes, &expected)) else { return };
    let Reply::Success(content) = reply else { return };
    let encoded = certs_only::encode(&content.certificates, &content.crls).expect("what was read");
    let again = certs_only::decode(&encoded).expect("what was encoded");
    assert_eq!(again.certificates.len(), content.certificates.len());
    assert_eq!(again.crls.len(), content.crls.len());
    let ca = vec![STEP_CA.clone(), CA.certificate.clone()];
    let ca = CaCertificates::sort(ca).expect("two CA certificates");
    if let Some(issued) = text::checked(ca.issued(&content.certificates, &DEVICE.key)) {
        text::check_characters(&name::to_text(issued.subject_name()));
    }
}

/// Reads a refusal with arbitrary words of a server, which are shown so that they cannot steer a terminal.
fn refused(fail_info: u8, words: &str) {
    let message = MessageBuilder {
        pki_status: Some(PkiStatus::Failure),
        fail_info: Some(FailInfo::from_wire(&char::from(fail_info).to_string())),
        fail_info_text: Some(words.to_owned()),
        ..MessageBuilder::default()
    };
    let message = MessageBuilder {
        message_type: Some(MessageType::CertRep),
        transaction_id: Some(transaction_id()),
        recipient_nonce: Some(Nonce::new([0x5a; 16])),
        ..message
    };
    let Some(encoded) = text::checked(message.encode(&CA)) else { return };
    cert_rep(&encoded);
    conversation(b"SCEPStandard", &CA_DER, (200, &encoded));
}

/// Lets a client go through an enrolment with these answers.
fn conversation(capabilities: &[u8], certificates: &[u8], (status, reply): (u8, &[u8])) {
    let subject = name::parse("CN=fuzz").expect("a name");
    let mut client = Client::new(Settings {
        challenge: Some(scep::secret::Secret::new(CHALLENGE)),
        existing: Some(DEVICE.clone()),
        takes_obsolete_algorithms: true,
        ..Settings::new(DEVICE.key.clone(), subject)
    });
    client.start();
    let answers = [
        (200, "text/plain", capabilities),
        (200, "application/x-x509-ca-ra-cert", certificates),
        (u16::from(status) * 4, "text/plain", reply),
    ];
    for (status, content_type, body) in answers {
        let content_type = Some(content_type.to_owned());
        let response =
            HttpResponse { status, content_type, body: body.to_vec(), ..HttpResponse::default() };
        let next = text::checked(client.receive(&response, now(), &mut entropy));
        text::check(&client.exchange().to_string());
        client.transaction_summary().iter().for_each(|summary| text::check(summary));
        match next {
            Some(Next::Send(request)) => {
                let sent = Operation::from_http(&request).expect("what a client sends");
                if let Operation::PkiOperation(bytes) = sent {
                    let message = Message::parse(&bytes).expect("what a client sends");
                    message.verify(&[]).expect("what a client sends is signed");
                }
            }
            Some(Next::Pending) => {
                text::checked(client.poll(&mut entropy));
                return;
            }
            Some(Next::Issued(_)) | None => return,
        }
    }
}
