//! The pkcsPKIEnvelope, and what is in it.

use openssl::x509::X509;
use results::requirement::End;
use scep::{
    algorithm::{Cipher, KeyTransport},
    attribute::MessageType,
    body::{IssuerAndSerial, IssuerAndSubject},
    certs_only::{self, CertsOnly},
    content::{Asn1, Content},
    envelope::{self, Outside},
    name::to_text,
    request::Csr,
};

use super::{Reading, certs_only as contents_layer, named, request};
use crate::{
    asn1::{self, CONTENT_INFO, ISSUER_AND_SERIAL, ISSUER_AND_SUBJECT},
    explanation::{Field, Finding, Layer},
};

/// What an envelope gave.
#[derive(Default)]
pub(crate) struct Opening {
    /// What it says in the clear.
    pub(crate) outside: Option<Outside>,
    /// How its key is enciphered if no recipient has an RSA key: `key agreement`, `a password`.
    pub(crate) other_way: Option<&'static str>,
    /// The index of the key of a recipient that is known.
    pub(crate) key: Option<usize>,
    /// True if a key opened it.
    pub(crate) is_open: bool,
    /// The content, if it could be read.
    pub(crate) inner: Option<Inner>,
}

/// The content of a message.
pub(crate) enum Inner {
    Request(Box<Csr>),
    Certificates(CertsOnly),
    Poll(IssuerAndSubject),
    Query(IssuerAndSerial),
}

/// The envelope as a layer with its content, if a key opens it.
pub(super) fn envelope(
    bytes: &[u8],
    message_type: Option<&MessageType>,
    reading: &Reading<'_>,
) -> (Layer, Opening) {
    let outside = match Outside::of(bytes) {
        Ok(outside) => outside,
        Err(error) => return unreadable(bytes, &error, message_type, reading),
    };
    let mut layer = Layer::new("pkcsPKIEnvelope", "an envelope (CMS EnvelopedData)");
    let other = (outside.other_recipients > 0).then(|| other_way(bytes));
    recipients(&mut layer, &outside, other, reading);
    layer.field("contentEncryptionAlgorithm", &outside.content_algorithm);
    for algorithm in &outside.key_algorithms {
        layer.field("keyEncryptionAlgorithm", algorithm);
    }
    if let Some(length) = outside.encrypted_bytes {
        layer.field("encryptedContent", format!("{length} bytes"));
    }
    let other_way = other.filter(|_| outside.recipients().is_empty());
    layer.findings.extend(findings(&outside, other_way, bytes));
    reading.annotate(&mut layer, bytes, Some(&CONTENT_INFO));
    let mut opening = Opening { other_way, ..Opening::default() };
    let opened = reading.knowledge.open(bytes, &outside);
    opening.key = opened.as_ref().map(|(key, _)| *key);
    match opened.map(|(_, opened)| opened) {
        None => layer.fields.push(closed(&outside, reading)),
        Some(Err(error)) => {
            layer.field("opened", format!("no: {error}"));
            layer.findings.push(Finding::wrong(error.to_string()).against("R68"));
        }
        Some(Ok(opened)) => {
            opening.is_open = true;
            layer.field("opened", "yes, with a key that was given");
            let (inside, inner) = content(&opened.content, message_type, reading);
            layer.inside.push(inside);
            opening.inner = inner;
        }
    }
    opening.outside = Some(outside);
    (layer, opening)
}

/// The certificates that the envelope is addressed to, with their names if the certificates are known.
fn recipients(layer: &mut Layer, outside: &Outside, other: Option<&str>, reading: &Reading<'_>) {
    const SHOWN: usize = 8;
    for (at, recipient) in outside.recipients().iter().take(SHOWN).enumerate() {
        let known = addressed(outside, reading).nth(at).filter(|_| outside.recipients().len() == 1);
        let field = Field::new("recipient", recipient.to_string());
        layer.fields.push(match known {
            Some(known) => field.meaning(format!("that of {}", named(known))),
            None => field,
        });
    }
    if let Some(other) = other {
        layer.field("other recipients", format!("{} by {other}", outside.other_recipients));
    }
}

/// How the key is enciphered for the first recipient without an RSA key (RFC 5652 §6.2).
fn other_way(bytes: &[u8]) -> &'static str {
    fn infos(node: &asn1::Node) -> Option<&asn1::Node> {
        let is_it = node.name == Some("recipientInfos");
        if is_it { Some(node) } else { node.inside.iter().find_map(infos) }
    }
    let tree = asn1::tree(bytes, Some(&CONTENT_INFO), false);
    let infos = tree.as_ref().and_then(infos);
    let mut tags = infos.iter().flat_map(|infos| &infos.inside).map(|info| info.tag.as_str());
    let way = |tag: &str| match tag {
        "[1]" => Some("key agreement (KeyAgreeRecipientInfo)"),
        "[2]" => Some("a key that both have already (KEKRecipientInfo)"),
        "[3]" => Some("a password (PasswordRecipientInfo)"),
        _ => None,
    };
    tags.find_map(way).unwrap_or("a way that is not known here")
}

/// The known certificates that the envelope is addressed to.
fn addressed<'a>(outside: &'a Outside, reading: &'a Reading<'_>) -> impl Iterator<Item = &'a X509> {
    let known = reading.knowledge.certificates.iter().chain(&reading.knowledge.ca);
    known.filter(|one| outside.is_addressed_to(one))
}

/// Which key would open it.
fn closed(outside: &Outside, reading: &Reading<'_>) -> Field {
    let whose = match addressed(outside, reading).next() {
        Some(certificate) => format!("the private key of {}", named(certificate)),
        None => match &outside.recipients()[..] {
            [] => {
                "a password or a key of another kind than RSA, which is not read here,".to_owned()
            }
            [only] => format!("the private key that belongs to {only}"),
            [first, ..] => {
                format!("the private key that belongs to {first}, or to another recipient,")
            }
        },
    };
    let options = reading.knowledge.about_options(" (--key, --pkcs12 or --state)");
    Field::new("opened", format!("no: {whose} would open it{options}"))
}

fn findings(outside: &Outside, other_way: Option<&str>, bytes: &[u8]) -> Vec<Finding> {
    let mut all = Vec::new();
    match outside.cipher {
        Some(Cipher::Des) => all.push(
            Finding::wrong("the envelope is enciphered with single DES, which is forbidden")
                .against("R06")
                .advice("old versions of micromdm's scepclient and scepserver do so: look for an option or a newer version with AES"),
        ),
        Some(Cipher::TripleDes) => all.push(
            Finding::note("the envelope is enciphered with triple DES, which some newer peers refuse")
                .against("R05"),
        ),
        None => all.push(
            Finding::wrong(format!("the cipher {} is none of SCEP's", outside.content_algorithm))
                .against("R04"),
        ),
        Some(_) => {}
    }
    if outside.key_transport == Some(KeyTransport::Oaep) {
        all.push(Finding::odd("the key is enciphered with RSA-OAEP, which many peers do not read"));
    }
    // Right for a recipient whose key cannot encipher, such as one for ECDSA, and wrong for one with an RSA key.
    if let Some(way) = other_way {
        let words = format!(
            "the envelope's key is enciphered by {way}, and to no RSA key: hardly any peer reads that"
        );
        all.push(Finding::odd(words).against_section("RFC 8894 §3.1"));
    }
    if !outside.is_data {
        all.push(
            Finding::wrong("the content of the envelope has not the type data").against("R25"),
        );
    }
    if outside.encrypted_bytes == Some(0) || outside.encrypted_bytes.is_none() {
        all.push(Finding::wrong("the envelope has no enciphered content").against("R25"));
    }
    if !envelope::is_der(bytes) {
        all.push(
            Finding::note("the envelope is BER that is not DER, or its content is in pieces: peers that read DER alone refuse it")
                .against_section("RFC 5652 §2"),
        );
    }
    all
}

/// What is in place of an envelope.
fn unreadable(
    bytes: &[u8],
    error: &scep::Error,
    message_type: Option<&MessageType>,
    reading: &Reading<'_>,
) -> (Layer, Opening) {
    let is_clear = matches!(
        Content::of(bytes),
        Content::Asn1(Asn1::CertificationRequest(_) | Asn1::CertsOnly(_))
    );
    if is_clear {
        let (mut layer, inner) = content(bytes, message_type, reading);
        layer.findings.insert(
            0,
            Finding::wrong(
                "the content is not enciphered: it is in the clear in place of the envelope",
            )
            .against("R68"),
        );
        return (layer, Opening { inner, ..Opening::default() });
    }
    let mut layer = Layer::new("pkcsPKIEnvelope", "something in place of an envelope");
    let place = asn1::tree(bytes, asn1::guess(bytes), false).and_then(|tree| tree.first_problem());
    let place = place.map(|place| format!("; {place}")).unwrap_or_default();
    layer.findings.push(Finding::wrong(format!("{error}{place}")).against("R25"));
    reading.annotate(&mut layer, bytes, Some(&CONTENT_INFO));
    (layer, Opening::default())
}

/// The content of an envelope, which the type of the message tells.
fn content(
    bytes: &[u8],
    message_type: Option<&MessageType>,
    reading: &Reading<'_>,
) -> (Layer, Option<Inner>) {
    let read = match message_type {
        Some(MessageType::CertPoll) => IssuerAndSubject::from_der(bytes).map(Inner::Poll),
        Some(MessageType::GetCert | MessageType::GetCrl) => {
            IssuerAndSerial::from_der(bytes).map(Inner::Query)
        }
        Some(MessageType::CertRep) => certs_only::decode(bytes).map(Inner::Certificates),
        Some(MessageType::PkcsReq | MessageType::RenewalReq) => {
            Csr::from_der(bytes).map(|csr| Inner::Request(Box::new(csr)))
        }
        _ => Csr::from_der(bytes)
            .map(|csr| Inner::Request(Box::new(csr)))
            .or_else(|_| certs_only::decode(bytes).map(Inner::Certificates)),
    };
    match read {
        Ok(inner) => (layer_of(&inner, bytes, reading), Some(inner)),
        Err(error) => (wrong_content(bytes, &error, message_type, reading), None),
    }
}

fn layer_of(inner: &Inner, bytes: &[u8], reading: &Reading<'_>) -> Layer {
    match inner {
        Inner::Request(csr) => request(csr, reading),
        Inner::Certificates(contents) => contents_layer(contents, bytes, reading),
        Inner::Poll(names) => {
            let mut layer = Layer::new("issuerAndSubject", "the names of a request that waits");
            layer.field("issuer", to_text(&names.issuer));
            layer.field("subject", to_text(&names.subject));
            reading.annotate(&mut layer, bytes, Some(&ISSUER_AND_SUBJECT));
            layer
        }
        Inner::Query(which) => {
            let mut layer = Layer::new("issuerAndSerialNumber", "the name of a certificate");
            layer.field("issuer", to_text(&which.issuer));
            layer.field("serialNumber", hex::encode_upper(&which.serial));
            reading.annotate(&mut layer, bytes, Some(&ISSUER_AND_SERIAL));
            layer
        }
    }
}

fn wrong_content(
    bytes: &[u8],
    error: &scep::Error,
    message_type: Option<&MessageType>,
    reading: &Reading<'_>,
) -> Layer {
    let mut layer =
        Layer::new("messageData", format!("{} in the envelope", Content::of(bytes).kind()));
    let shape = match message_type {
        Some(MessageType::PkcsReq | MessageType::RenewalReq) => Some(&asn1::CERTIFICATION_REQUEST),
        Some(MessageType::CertRep) => Some(&CONTENT_INFO),
        Some(MessageType::CertPoll) => Some(&ISSUER_AND_SUBJECT),
        Some(MessageType::GetCert | MessageType::GetCrl) => Some(&ISSUER_AND_SERIAL),
        _ => asn1::guess(bytes),
    };
    let place = asn1::tree(bytes, shape, false).and_then(|tree| tree.first_problem());
    let place = place.map(|place| format!("; {place}")).unwrap_or_default();
    layer.findings.push(Finding::wrong(format!("{error}{place}")).against("R25"));
    reading.annotate(&mut layer, bytes, shape);
    layer
}

/// The end that sends messages of this type.
pub(super) fn sender(message_type: &MessageType) -> Option<End> {
    match message_type {
        MessageType::CertRep => Some(End::Server),
        MessageType::Other(_) => None,
        _ => Some(End::Client),
    }
}
